"""Who was the aggressor: the quote rule, the tick test and what combines them, on strict joins."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch import schema
from mmresearch.market import Market
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.session_days import standing_before
from mmresearch.measure.sign_rules import against_mid, by_rule, refuse_rule, tick_test
from mmresearch.sessions import session_of

Signs = tuple[np.ndarray, np.ndarray]  # side, and what the quotes alone told


def sign_trades(
    trades: pd.DataFrame | Market,
    quotes: pd.DataFrame | None = None,
    *,
    rule: str = "lee_ready",
    days: pd.Series | np.ndarray | None = None,
) -> pd.DataFrame:
    """The trades with the aggressor's side as a rule infers it, and what signed each row.

    A trade meets the last quote of its session with an earlier (time, seq); a quote of the trade's
    own instant counts only if its `seq` is smaller, and last night's tells nothing of a trade
    before the session's first. A calendar without closes ("24/7", and a bare table's) has no
    night: at midnight the last quote of the day before stands. Nothing is drawn at random: what the
    rule cannot tell stays missing.

    Parameters
    ----------
    trades : DataFrame or Market
        A trades table, or a market with trades (and quotes, if it has them).
    quotes : DataFrame, optional
        A quotes table. Without one every rule but "quote" is the tick test.
    rule : str
        "quote": above the mid +1, below -1, at the mid or without a mid unknown.
        "tick": the sign of the price change against the trade before; a zero change carries the
        last change that was not; the first trade of a symbol's day is unknown.
        "lee_ready": the quote rule, and the tick test at the mid or where no mid is known; no lag.
        "emo": at the ask +1, at the bid -1, elsewhere the tick test.
        "clnv": +1 in the 30 % of the spread below the ask, -1 in the 30 % above the bid (the quotes
        included, the inner ends not), elsewhere, outside the quotes too, the tick test.
        The last two leave trades that meet locked or crossed quotes to the tick test.
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

    See Also
    --------
    sign_accuracy : how often each rule is right where sides are reported.
    bulk_volume : the share of buys of a bar; it signs no trade.

    References
    ----------
    Lee and Ready (1991), Inferring trade direction from intraday data, Journal of Finance 46.
    Ellis, Michaely and O'Hara (2000), The accuracy of trade classification rules, Journal of
    Financial and Quantitative Analysis 35.
    Chakrabarty, Li, Nguyen and Van Ness (2007), Trade classification algorithms for electronic
    communications network trades, Journal of Banking and Finance 31.
    """
    refuse_rule(rule)
    tape = met_quotes(trades, quotes, days, needed=rule != "tick")
    met, day = not tape.attrs["without_quotes"], tape.pop("_series")
    if rule == "quote" and not met:
        raise ValueError("the quote rule needs quotes; the tick test (rule='tick') does not")
    prices = (tape["price"].to_numpy(), tape.pop("_bid").to_numpy(), tape.pop("_ask").to_numpy())
    side, told = by_rule(rule, *prices, day.to_numpy())
    tape.attrs = {}
    signed = tape.rename(columns={"side": "reported_side"})
    reported = signed.pop("reported_side")
    signed.insert(tape.columns.get_loc("side"), "side", side)
    signed["rule"] = _signed_by(side, told)
    if reported.notna().any():
        signed["reported_side"] = reported
    return signed


def met_quotes(
    trades: pd.DataFrame | Market,
    quotes: pd.DataFrame | None = None,
    days: pd.Series | np.ndarray | None = None,
    *,
    needed: bool = True,
) -> pd.DataFrame:
    """The checked trades in order with `_series` (a number of symbol and session), `_bid`, `_ask`.

    The quotes are those that stood before each; missing where none did or a side is. attrs:
    "without_quotes", whether there were none to be met.
    """
    tape, quotes = _tape(trades, quotes, days)
    tape["_series"] = tape.groupby(["symbol", tape.pop("_day")], sort=False).ngroup()
    sides = np.full((2, len(tape)), np.nan)
    if needed and quotes is not None:
        market = trades if isinstance(trades, Market) else None
        row = standing_before(tape, quotes, market)
        for values, name in zip(sides, ("bid", "ask"), strict=True):
            values[row >= 0] = quotes[name].to_numpy("float64")[row[row >= 0]]
    tape["_bid"], tape["_ask"] = sides
    tape.attrs = {"without_quotes": quotes is None}
    return tape


def sign_by_mid(trades: pd.DataFrame, known_mid: np.ndarray, sessions: pd.DataFrame) -> np.ndarray:
    """Lee and Ready's sign of one symbol's trades in order, by the mid known before each."""
    price = trades["price"].to_numpy()
    told = against_mid(price, known_mid)
    series = session_numbers(trades["time"], sessions)
    return np.where(np.isnan(told), tick_test(price, series), told)


def session_numbers(times: pd.Series, sessions: pd.DataFrame) -> np.ndarray:
    """A number for each session of a symbol, and one for each time between two of them."""
    opens = sessions["open"].to_numpy("datetime64[ns]")
    after = np.searchsorted(opens, times.to_numpy("datetime64[ns]"), side="right")
    return 2 * after + (session_of(times, sessions) >= 0)


def _signed_by(side: np.ndarray, told: np.ndarray) -> pd.Series:
    name = np.where(np.isnan(side), "", "tick")
    return pd.Series(np.where(np.isnan(told), name, "quote"), dtype="str")


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
