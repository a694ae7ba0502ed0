"""One symbol's order events gone through: what each came to, and the lives they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.market import Market
from mmresearch.measure.bars import nanoseconds
from mmresearch.measure.order_codes import ADD, FAULTS
from mmresearch.schema import EVENTS
from mmresearch.sessions import session_of

_LIFE = {
    "row": np.int64,
    "number": np.int64,
    "ended": np.int64,
    "end": np.int64,
    "first": np.int64,
    "size": np.float64,
    "filled": np.float64,
    "cancelled": np.float64,
    "cleared": np.float64,
    "modified": np.bool_,
    "flaw": np.int64,
}


class Replay(NamedTuple):
    """The events of one symbol and what they came to.

    events: its rows of `orders`, in order. sessions: as `Market.sessions`. session: the row of each
    event's, -1 outside. what, part, life: of each event what it came to (see `order_codes`), the
    size that counts, the life that it belongs to. lives: a row a life, by `row`, the event that
    added it. faults: events by fault, in the order of `FAULTS`.
    """

    symbol: str
    events: pd.DataFrame
    sessions: pd.DataFrame
    session: np.ndarray
    what: np.ndarray
    part: np.ndarray
    life: np.ndarray
    lives: pd.DataFrame
    faults: np.ndarray


def replays(market: Market, symbol: str | Sequence[str] | None) -> Iterator[Replay]:
    """Each symbol's events gone through, those asked for, in order of name."""
    if "orders" not in market:
        raise ValueError(
            f"market {market.name!r} has no orders: lives of orders need every one's events, as"
            " LOBSTER and Databento's mbo files have them"
        )
    orders = market["orders"]
    held = sorted(orders["symbol"].unique())
    asked = held if symbol is None else [symbol] if isinstance(symbol, str) else list(symbol)
    lacking = [name for name in asked if name not in held]
    if lacking:
        raise ValueError(
            f"no orders of {', '.join(map(str, lacking))}; there are of {', '.join(held) or 'none'}"
        )
    for name in asked:
        rows = orders if len(held) == 1 else orders[orders["symbol"] == name]
        yield _replay(market, name, rows.reset_index(drop=True))


def _replay(market: Market, symbol: str, rows: pd.DataFrame) -> Replay:
    from mmresearch.measure import order_kernels  # numba: loaded only here

    sessions = market.sessions(symbol)
    session = session_of(rows["time"], sessions)
    number, orders = _numbered(pl.from_pandas(rows["order_id"]))
    event = pl.from_pandas(rows["event"]).cast(pl.Enum(EVENTS)).to_physical().to_numpy()
    again = np.zeros(len(rows), bool)
    if "snapshot" in rows:
        again = rows["snapshot"].fillna(False).to_numpy(bool)
    many = len(rows)
    out = (np.empty(many, np.int8), np.empty(many), np.empty(many, np.int64))
    lives = {name: np.empty(int((event == ADD).sum()), kind) for name, kind in _LIFE.items()}
    faults = np.zeros(len(FAULTS), np.int64)
    made = order_kernels.replay(
        nanoseconds(rows["time"]),
        session,
        event.astype(np.int8),
        number,
        np.array(rows["size"], "float64"),
        again,
        orders,
        out,
        tuple(lives.values()),
        faults,
    )
    told = pd.DataFrame({name: values[:made] for name, values in lives.items()})
    return Replay(symbol, rows, sessions, session, *out, told, faults)


def _numbered(ids: pl.Series) -> tuple[np.ndarray, int]:
    """A number from 0 for each id, -1 for none (missing, or 0: not shown); how many there are."""
    whole = ids.cast(pl.Int64, strict=False)
    if whole.null_count() == ids.null_count() and (whole.cast(pl.String) == ids).all():
        # whole numbers are told apart ten times faster than texts
        number, names = pd.factorize(whole.fill_null(0).to_numpy())
        return np.where(whole.fill_null(0).to_numpy() == 0, -1, number), len(names)
    number, names = pd.factorize(ids.replace("0", None).to_numpy(), use_na_sentinel=True)
    return number.astype(np.int64), len(names)
