"""A constant-product pool that is arbitraged at every step, whose loss a day is known.

The market's price is a geometric Brownian motion. At each step someone trades the pool of liquidity
L to it: from p to p' the loss is L (sqrt p - sqrt p')^2 / sqrt p, of the pool's value 2 L sqrt p in
the mean 1 - exp(-s^2/8) for a step of standard deviation s (Milionis et al. 2022 have s^2/8, for
short ones), and after it the pool is worth exp(-s^2/8) of it in the mean. Every day begins at one
price, so that its N steps lose V (1 - exp(-N s^2/8)) with V the pool's value there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

import mmresearch as mm

FEE, LIQUIDITY, PRICE = 0.0005, 1e4, 2000.0
VALUE = 2 * LIQUIDITY * math.sqrt(PRICE)
FIRST = pd.Timestamp("2024-01-01", tz="UTC")


class World(NamedTuple):
    """Steps of 299 s a day; sd: of the price's logarithm, a day; volume: of others, a step."""

    days: int
    steps: int = 288
    sd: float = 0.03
    volume: float = 1e4

    def loss(self) -> float:
        return VALUE * (1 - math.exp(-(self.sd**2) / 8))

    def fees(self) -> float:
        """Of those who trade for their own reasons, back and forth at one price."""
        return 2 * FEE * self.volume * self.steps

    def __str__(self) -> str:
        return f"{self.days} days of {self.steps} steps, price varies {self.sd:g} a day"


def pool_market(rng: np.random.Generator, world: World) -> tuple[mm.Market, np.ndarray]:
    """The market, and the loss of each day's arbitrage by the formula for its path."""
    s = world.sd / math.sqrt(world.steps)
    moves = s * rng.standard_normal((world.days, world.steps)) - s**2 / 2
    price = PRICE * np.exp(np.hstack([np.zeros((world.days, 1)), np.cumsum(moves, axis=1)]))
    before, after = price[:, :-1], price[:, 1:]
    root, root_after = np.sqrt(before), np.sqrt(after)
    lost = LIQUIDITY * (root - root_after) ** 2 / root
    at = 299 * 10**9 * np.arange(world.steps + 1)
    day = FIRST.value + 86_400 * 10**9 * np.arange(world.days)
    times = day[:, None] + at
    told = np.hstack([times, times[:, -1:] + 10**9])  # and once more, for the last fill's horizon
    middle = np.hstack([price, price[:, -1:]]).ravel()
    quotes = {"time": _instants(told), "seq": 3, "symbol": "W", "bid": middle - 1}
    quotes |= {"ask": middle + 1, "bid_size": 1.0, "ask_size": 1.0}
    inside = LIQUIDITY * (1 / root_after - 1 / root)  # of the asset, without the fee
    worth = world.volume * rng.exponential(1, before.shape)
    arbitrage = _fills(times[:, 1:], 0, np.sign(inside), np.abs(inside), root * root_after, 0.0)
    both = [
        _fills(times[:, 1:], 4 + k, side, worth / after, after, FEE)
        for k, side in enumerate((1, -1))
    ]
    fills = pd.concat([arbitrage, *both], ignore_index=True)
    symbols = pd.DataFrame([{"symbol": "W", "asset": "W", "currency": "D", "calendar": "24/7"}])
    return mm.Market(fills=fills, quotes=pd.DataFrame(quotes), symbols=symbols), lost.sum(axis=1)


def _fills(
    times: np.ndarray,
    seq: int,
    side: np.ndarray | int,
    units: np.ndarray,
    price: np.ndarray,
    fee: float,
) -> pd.DataFrame:
    """Fills as the loader has them: `units` were exchanged at `price`, the fee came on top."""
    came = np.broadcast_to(side, units.shape) > 0
    size = np.where(came, units / (1 - fee), units)
    paid = np.where(came, units * price, units * price / (1 - fee))
    within = fee * paid / np.where(came, 1 - fee, 1.0)
    table = {"side": np.where(came, 1.0, -1.0), "size": size}
    table |= {"price": paid / size, "fee_within": within}
    made = pd.DataFrame({name: values.ravel() for name, values in table.items()})
    return made.assign(
        time=_instants(times), seq=seq, account="pool", symbol="W", fee=0.0, maker=True
    )


def _instants(times: np.ndarray) -> pd.DatetimeIndex:
    return pd.to_datetime(times.ravel(), utc=True)
