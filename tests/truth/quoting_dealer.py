"""A dealer who learns from orders and shades quotes: Madhavan and Smidt's structural model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri


class Dealer(NamedTuple):
    """prior: weight of what the dealer believed before the trade. shade, half_spread: currency a
    unit held and a trade. demand: units a customer trades for each currency of mispricing.
    surprise: sd of the customer's signal away from the prior. news: sd of public news a trade.
    noise: sd of what is in one price alone. target: units the dealer likes to hold.
    """

    prior: float = 0.8
    shade: float = 0.004
    half_spread: float = 0.02
    demand: float = 25.0
    surprise: float = 0.1
    news: float = 0.03
    noise: float = 0.0
    target: float = 0.0

    def truth(self) -> dict[str, float]:
        """b1 to b5 of the reduced form, currency; derived in tests/estimate/test_dealer_pricing."""
        return {
            "size": (1 - self.prior) / (self.prior * self.demand),
            "inventory": -self.shade / self.prior,
            "inventory_lag": self.shade,
            "direction": self.half_spread / self.prior,
            "direction_lag": -self.half_spread,
        }


OPEN = 100.0  # every day's opening belief: a basis point of it is 0.01


def quoting(
    rng: np.random.Generator,
    dealer: Dealer = Dealer(),  # noqa: B008 - a frozen tuple
    *,
    days: int = 45,
    trades: int = 60,
    opening: float = 0.0,
    posted: float = 0.0,
    brokered: float | None = None,
) -> pd.DataFrame:
    """The dealer's fills as `mm.trader_fills` makes them; `opening` is the sd of what a day begins
    with. A customer whose signal is inside the spread does not trade and is not seen. With `posted`
    the quotes stand before the size is known: the price has nothing of it, the next prior moves by
    `posted` a unit. With `brokered` others trade between the dealer's trades (column "flow", sd 5,
    of what came before each), and the prior moves by that much a unit they bought.
    """
    b1, b2, _, b4, _ = dealer.truth().values()
    if posted:
        b1, b2, b4 = 0.0, -dealer.shade, dealer.half_spread
    held = opened = opening * rng.standard_normal(days)
    prior, columns = np.full(days, OPEN), []
    flow = np.zeros(days)
    for _ in range(trades):
        if brokered is not None:
            flow = 5 * rng.standard_normal(days)
            prior = prior + brokered * flow
        # the surprise x = signal - prior; what is left when the quotes are shaded is wish
        shift = b2 * (held - dealer.target)
        low, high = (ndtr((shift + side * b4) / dealer.surprise) for side in (-1, 1))
        chance = rng.random(days) * (low + 1 - high)
        chance = np.where(chance < low, chance, chance - low + high)
        surprise = dealer.surprise * ndtri(chance)
        wish = surprise - shift
        side = np.sign(wish)
        amount = (wish - b4 * side) / (1 / dealer.demand + b1)
        price = prior + b1 * amount + shift + b4 * side
        paid = price + dealer.noise * rng.standard_normal(days)
        columns.append((held, amount, paid, flow))
        belief = dealer.prior * prior + (1 - dealer.prior) * (price + amount / dealer.demand)
        belief = prior + posted * amount if posted else belief
        prior = belief + dealer.news * rng.standard_normal(days)
        held = held - amount
    before, amount, price, flow = (np.column_stack(c) for c in zip(*columns, strict=True))
    table = _table(before, amount, price, opened)
    return table if brokered is None else table.assign(flow=flow.ravel())


def tape(fills: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The market's prints: the dealer's own, and before each three that sum to "flow"."""
    share = rng.dirichlet(np.ones(3), len(fills)).T
    sent = pd.to_timedelta([18, 18, 54], unit="s")
    others = [
        fills.assign(
            time=fills["time"] - pd.Timedelta("1min") + sent[n],
            seq=fills["seq"] - 0.9 + 0.3 * n,
            side=np.sign(fills["flow"]),
            size=fills["flow"].abs() * share[n],
        )
        for n in range(3)
    ]
    own = fills.assign(side=-fills["side"])
    columns = ["time", "seq", "symbol", "side", "size", "price"]
    return pd.concat([*others, own])[columns].sample(frac=1, random_state=3, ignore_index=True)


def _table(
    before: np.ndarray, amount: np.ndarray, price: np.ndarray, opened: np.ndarray
) -> pd.DataFrame:
    days, trades = before.shape
    date = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(days), trades), "D")
    number = np.tile(np.arange(trades), days)
    return pd.DataFrame(
        {
            "account": "dealer",
            "symbol": "X",
            "day": date,
            "time": date.tz_localize("UTC") + pd.to_timedelta(number, unit="min"),
            "seq": number,
            "side": -np.sign(amount).ravel(),
            "size": np.abs(amount).ravel(),
            "price": price.ravel(),
            "held": before.ravel(),
            "held_session": (before - opened[:, None]).ravel(),
            "fair": np.nan,
        }
    )
