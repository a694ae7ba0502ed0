"""Who was the aggressor: the quote rule, the tick test and Lee-Ready, on strict joins."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch import schema
from mmresearch.market import Market
from mmresearch.measure.asof import known_before_by_symbol
from mmresearch.measure.quotes import best_quotes
from mmresearch.sessions import session_of

RULES = ("lee_ready", "quote", "tick")
_AT_MID = 1e-12  # relative; (bid + ask) / 2 is rounded, a price on the mid may miss it by that


def sign_trades(
    trades: pd.DataFrame | Market,
    quotes: pd.DataFrame | None = None,
    *,
    rule: str = "lee_ready",
    days: pd.Series | np.ndarray | None = None,
) -> pd.DataFrame:
    """The trades with the aggressor's side as a rule infers it, and what signed each row.

    A trade meets the last quote with an earlier (time, seq); a quote of the trade's own instant
    counts only if its `seq` is smaller. Nothing is drawn at random: what the rule cannot tell stays
    missing.

    Parameters
    ----------
    trades : DataFrame or Market
        A trades table, or a market with trades (and quotes, if it has them).
    quotes : DataFrame, optional
        A quotes table. Without one "lee_ready" is the tick test.
    rule : str
        "quote": above the mid +1, below -1, at the mid or without a mid unknown.
        "tick": the sign of the price change against the trade before; a zero change carries the
        last change that was not; the first trade of a symbol's day is unknown.
        "lee_ready": the quote rule, and the tick test at the mid or where no mid is known; no lag.
    days : Series or array, optional
        The session of each row of `trades`, as given; the tick test starts anew in each. Default:
        the session of the market's calendar, or the UTC date of a bare table.

    Returns
    -------
    DataFrame
        The trades ordered by (time, seq), with `side` (+1 the aggressor bought, -1 sold, missing:
        unknown), `rule` ("quote", "tick", or "" for unknown), and `reported_side` if the trades
        had sides. `signed["rule"].value_counts()` counts what is unknown.

    Raises
    ------
    SchemaError
        If a table breaks its contract, for instance has no `seq`.

    References
    ----------
    Lee and Ready (1991), Inferring trade direction from intraday data, Journal of Finance 46.
    """
    if rule not in RULES:
        raise ValueError(f"no rule {rule!r}; the rules are {', '.join(RULES)}")
    tape, quotes = _tape(trades, quotes, days)
    if rule == "quote" and quotes is None:
        raise ValueError("the quote rule needs quotes; the tick test (rule='tick') does not")
    day = tape.pop("_day")
    unknown = np.full(len(tape), np.nan)
    by_quote = unknown if rule == "tick" or quotes is None else _quote(tape, quotes)
    by_tick = unknown if rule == "quote" else _tick(tape, day)
    signed = tape.rename(columns={"side": "reported_side"})
    reported = signed.pop("reported_side")
    signed.insert(tape.columns.get_loc("side"), "side", _lee_ready(by_quote, by_tick))
    signed["rule"] = _signed_by(by_quote, by_tick)
    if reported.notna().any():
        signed["reported_side"] = reported
    return signed


def sign_by_mid(trades: pd.DataFrame, known_mid: np.ndarray) -> np.ndarray:
    """Lee and Ready's sign of trades in order, by the mid known before each; sessions are dates."""
    by_quote = against_mid(trades["price"].to_numpy(), known_mid)
    return _lee_ready(by_quote, _tick(trades, trades["time"].dt.floor("D")))


def against_mid(price: np.ndarray, mid: np.ndarray) -> np.ndarray:
    """Sign of the price against the mid known before the trade; NaN at the mid or without one."""
    distance = price - mid
    off = np.abs(distance) > _AT_MID * mid
    return np.where(off, np.sign(distance), np.nan)


def session_numbers(times: pd.Series, sessions: pd.DataFrame) -> np.ndarray:
    """A number for each session of a symbol, and one for each time between two of them."""
    opens = sessions["open"].to_numpy("datetime64[ns]")
    after = np.searchsorted(opens, times.to_numpy("datetime64[ns]"), side="right")
    return 2 * after + (session_of(times, sessions) >= 0)


def _quote(trades: pd.DataFrame, quotes: pd.DataFrame) -> np.ndarray:
    return against_mid(trades["price"].to_numpy(), _known_mid(trades, quotes))


def _tick(trades: pd.DataFrame, day: pd.Series) -> np.ndarray:
    """Sign of the last price change that was not zero, within the symbol's day."""
    series = [trades["symbol"], day]
    change = trades["price"].groupby(series, sort=False).diff()
    moved = np.sign(change).where(change != 0)
    return moved.groupby(series, sort=False).ffill().to_numpy()


def _lee_ready(by_quote: np.ndarray, by_tick: np.ndarray) -> np.ndarray:
    """The quote rule's sign, the tick test's where it has none."""
    return np.where(np.isnan(by_quote), by_tick, by_quote)


def _signed_by(by_quote: np.ndarray, by_tick: np.ndarray) -> pd.Series:
    name = np.where(np.isnan(by_tick), "", "tick")
    return pd.Series(np.where(np.isnan(by_quote), name, "quote"), dtype="str")


def _known_mid(trades: pd.DataFrame, quotes: pd.DataFrame) -> np.ndarray:
    """Mid of the last quote before each trade; NaN if there is none or it has one side only."""
    mid = ((quotes["bid"] + quotes["ask"]) / 2).to_numpy()
    row = known_before_by_symbol(trades, quotes)
    known = np.full(len(trades), np.nan)
    known[row >= 0] = mid[row[row >= 0]]
    return known


def _tape(
    trades: pd.DataFrame | Market, quotes: pd.DataFrame | None, days: pd.Series | np.ndarray | None
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The checked trades with the column `_day`, and the checked quotes."""
    if isinstance(trades, Market):
        market, trades = trades, trades["trades"]
        days = _sessions(market, trades) if days is None else days
        quotes = best_quotes(market) if quotes is None else quotes
    if days is not None:
        trades = trades.assign(_day=np.asarray(days))
    trades = schema.check(trades, "trades")
    if days is None:
        trades["_day"] = trades["time"].dt.floor("D")
    return trades, None if quotes is None else schema.check(quotes, "quotes")


def _sessions(market: Market, trades: pd.DataFrame) -> np.ndarray:
    """Each trade's number of its session, or of the time between two."""
    number = np.zeros(len(trades), dtype=np.int64)
    for symbol, rows in trades.groupby("symbol", sort=False).indices.items():
        number[rows] = session_numbers(trades["time"].iloc[rows], market.sessions(symbol))
    return number
