"""The share of a bar's volume that was bought, from its price change: no trade is signed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch import schema
from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import cut, labels, parse_freq, refuse_step
from mmresearch.sessions import session_table

SIGMAS = ("past", "day", "sample")
DISTS = ("normal", "t")
_FEWEST = 2  # changes that a standard deviation needs
_EVENT = ["time", "seq", "price", "size", "side"]


def bulk_volume(
    trades: pd.DataFrame | Market,
    *,
    freq: str | pd.Timedelta = "1min",
    dist: str = "normal",
    df: float = 0.25,
    sigma: str = "past",
    symbol: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Share of each bar's volume that was bought, by bulk volume classification.

    buy_share = F(change / sigma): F the normal distribution or Student's t, change the bar's last
    price less the price before the bar, sigma the standard deviation of such changes. It is a
    share of volume, never a sign of a trade: a bar without a change is half bought.

    Parameters
    ----------
    trades : DataFrame or Market
        A trades table (sessions are UTC dates) or a market with trades. Sides are not used.
    freq : str
        A clock step ("1min"), a count of prints ("500 trades") or "1D".
    dist : str
        "normal", or "t": Student's t with `df` degrees of freedom.
    df : float
        Of Student's t; the authors use 0.25.
    sigma : str
        When sigma is known. "past": before the bar, from all the symbol's earlier bars of any day.
        "day": before the bar, from the session's earlier bars; it starts anew each session.
        "sample": from all bars of the symbol, later ones too, as the authors do: it looks ahead.
    symbol : str or list, optional
        Which; all if not given.

    Returns
    -------
    DataFrame
        A row a bar with trades, ordered by symbol and start: symbol, day, bar, start, end (UTC),
        trades (count), volume (units), price (the last, quote currency), change (of the price;
        of a session's first bar from its first print, for no change reaches over a night), sigma,
        buy_share (0 to 1) and buy_volume (units). Known at `end`. Missing where sigma is missing
        (fewer than 2 changes) or 0; attrs: "unknown", how many bars those are, and "outside",
        trades that no session holds.

    References
    ----------
    Easley, Lopez de Prado and O'Hara (2016), Discerning information from trade data, Journal of
    Financial Economics 120, equation (3).
    """
    for name, value, known in (("dist", dist, DISTS), ("sigma", sigma, SIGMAS)):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    if not df > 0:
        raise ValueError(f"df must be above 0, not {df}")
    share = scipy.stats.norm.cdf if dist == "normal" else scipy.stats.t(df).cdf
    pieces = [_of_symbol(*part, freq, sigma, share) for part in _parts(trades, symbol)]
    if not pieces:
        raise ValueError("there is no trade to cut into bars")
    table = pd.concat([piece for piece, _ in pieces], ignore_index=True)
    unknown = int(table["buy_share"].isna().sum())
    table.attrs = {"unknown": unknown, "outside": sum(outside for _, outside in pieces)}
    return table


def _parts(
    trades: pd.DataFrame | Market, symbol: str | Sequence[str] | None
) -> list[tuple[str, str, pd.DataFrame, pd.DataFrame]]:
    """For each symbol its name, calendar, trades in order and sessions."""
    market = trades if isinstance(trades, Market) else None
    tape = schema.check(trades, "trades") if market is None else market["trades"]
    chosen = [symbol] if isinstance(symbol, str) else symbol
    names = tape["symbol"].unique().tolist() if chosen is None else list(chosen)
    lacking = sorted(set(names) - set(tape["symbol"]))
    if lacking:
        raise ValueError(f"no trade of the symbols {', '.join(lacking)}")
    found = []
    for name in sorted(names):
        own = tape[tape["symbol"] == name].reset_index(drop=True)
        calendar = "24/7" if market is None else market.calendar(name)
        found.append((name, calendar, own, session_table(calendar, own["time"])))
    return found


def _of_symbol(
    name: str,
    calendar: str,
    trades: pd.DataFrame,
    sessions: pd.DataFrame,
    freq: str | pd.Timedelta,
    sigma: str,
    share: Callable[[np.ndarray], np.ndarray],
) -> tuple[pd.DataFrame, int]:
    from mmresearch.measure.bar_kernels import trade_bars  # numba: loaded only here

    step = parse_freq(freq)
    refuse_step(step, calendar, sessions)
    bars = cut(step, sessions, trades)
    table = np.zeros((len(bars), 6))
    time, seq, *prints = blocks.of_table(trades.assign(side=np.nan), _EVENT).values()
    place, _ = trade_bars(time, seq, tuple(prints), bars.edges, (0, 0, 0), np.nan, table)
    label = labels(bars, calendar)
    held = table[:, 1] > 0
    volume, count, before, price = table[held, :4].T
    day = label["day"][held]
    found = pd.DataFrame(
        {
            "symbol": pd.Series(name, index=range(len(day)), dtype="str"),
            "day": day,
            "bar": label["bar"][held],
            "start": pd.Series(label["start"][held]).dt.tz_localize("UTC"),
            "end": pd.Series(label["end"][held]).dt.tz_localize("UTC"),
            "trades": count.astype("int64"),
            "volume": volume,
            "price": price,
            "change": price - before,
        }
    )
    found["sigma"] = _known(found["change"], found["day"], sigma)
    found["buy_share"] = share(found["change"] / found["sigma"].where(found["sigma"] > 0))
    found["buy_volume"] = found["buy_share"] * found["volume"]
    return found, int(place[-1])


def _known(change: pd.Series, day: pd.Series, sigma: str) -> pd.Series:
    """The standard deviation of changes that each bar may know."""
    if sigma == "sample":
        return pd.Series(change.std(), index=change.index)
    if sigma == "past":
        return change.expanding(_FEWEST).std().shift()
    return change.groupby(day).transform(lambda of: of.expanding(_FEWEST).std().shift())
