"""What inventory earned by how long it was held: first in, first out, in bins of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import Step, nanoseconds, parse_freq, refuse_step
from mmresearch.measure.entries import Opening
from mmresearch.measure.ledger import opening_positions
from mmresearch.measure.lots import lots
from mmresearch.measure.time_bands import band_names, edges_in_seconds
from mmresearch.sessions import has_clock, session_of

UNKNOWN_AGE, STILL_OPEN = "age not known", "still open"
_CLOCK, _DATES = ("5s", "1min", "5min", "30min", "1D"), ("1D", "7D", "30D")
_SUMS = ["lots", "units", "spread", "positioning", "profit"]
_SERIES = ["account", "symbol"]
_KEY = [*_SERIES, "session", "bar"]


def positioning_by_holding(
    market: Market,
    *,
    edges: Sequence[str | float] | None = None,
    freq: str = "1D",
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    opening: Opening | None = None,
) -> pd.DataFrame:
    """What lots earned while they were held, by the time from opening to closing (Menkveld 2013).

    Lots are first in, first out (`mm.lots`). Each one's profit is what its two fills earned
    against the mid just before them (spread) and what the change of that mid made between them
    (positioning). It is another object than `positioning_by_period`, which does not follow units
    but splits the path of the whole inventory into waves. Means: `average_positioning`.

    Parameters
    ----------
    market : Market
        With fills, or trades from which the aggregate maker's are inferred. Without quotes the
        mark of a fill is its own print, and all profit counts as positioning.
    edges : sequence of str or float, optional
        Inner edges of the bins, rising: texts or seconds; a time that equals an edge is in the
        longer bin. Time runs on the calendar, nights included. Default: 5 seconds, 1, 5 and 30
        minutes and a day; where sessions have no clock, 1, 7 and 30 days.
    freq : str
        "1D", a row a session, or a clock step ("30min"): of closing.
    account, symbol : str or list, optional
        Which; all if not given.
    opening : optional
        As in `ledger`.

    Returns
    -------
    DataFrame
        A row an account, symbol, session (or bar: `bar`, `start`, `end`) and bin, those without a
        lot too: account, symbol, day, bin; lots; units (closed in pieces, a piece a lot); spread,
        positioning, profit (before fees, in what the symbol settles in, + the account earned,
        profit = spread + positioning). Lots stand in the session that closed them; what closes
        outside every session in the next one, after the last in the last. Two bins have no time:
        "age not known", what was held before the record began, and "still open", in the session
        of the series' last lot, marked there.

        Over all rows of a series the sum of positioning is sum I_(t-1) (m_t - m_(t-1)), from entry
        to entry of its ledger. attrs: bins, freq, currency (all that are in it), opening_known (of
        every series), counts of lots "without a mark" (their profit is not in the table).

    Raises
    ------
    ValueError
        Edges that do not rise; edges below a day where sessions have no clock; an account or
        symbol that has no lot.

    References
    ----------
    Menkveld (2013), High frequency trading and the new market makers, Journal of Financial
    Markets 16.
    """
    step = parse_freq(freq)
    if step.kind == "count":
        raise ValueError(f"freq must be '1D' or a clock step, not {freq!r}")
    table = _chosen(lots(market, account=account, opening=opening), symbol)
    known = table["positioning"].notna() & table["profit"].notna()
    rows = table[known].reset_index(drop=True)
    seconds = _edges(edges, market, rows)
    bins = [*band_names(seconds), UNKNOWN_AGE, STILL_OPEN]
    rows = rows.assign(bin=_bin(rows, seconds), spread=rows["profit"] - rows["positioning"])
    rows = rows.assign(lots=1, units=rows["size"], when=_closing(rows))
    found, grids = [], []
    for name, own in rows.groupby("symbol"):
        sessions = market.sessions(name)
        refuse_step(step, market.calendar(name), sessions)
        found.append(own.assign(**_places(own["when"], sessions, step)))
        grids.append(_grid(own, sessions, step, bins))
    if not found:
        raise ValueError("no lot has a mark: no price is known of what was brought in")
    summed = pd.concat(found).groupby([*_KEY, "bin"])[_SUMS].sum()
    answer = _filled(pd.concat(grids, ignore_index=True), summed, bins, step)
    answer.attrs = {"kind": "time held", "bins": bins, "freq": freq}
    answer.attrs["currency"] = currencies(market, answer["symbol"])
    answer.attrs["opening_known"] = _openings_known(market, account, opening, answer)
    answer.attrs["counts"] = {"without a mark": int((~known).sum())}
    return answer


def currencies(market: Market, symbols: pd.Series) -> list[str]:
    """What these symbols settle in, each once."""
    about = market.symbols[market.symbols["symbol"].isin(symbols.unique())]
    return sorted(about["settlement"].unique())


def _chosen(table: pd.DataFrame, symbol: str | Sequence[str] | None) -> pd.DataFrame:
    if symbol is not None:
        names = [symbol] if isinstance(symbol, str) else list(symbol)
        lacking = sorted(set(names) - set(table["symbol"]))
        if lacking:
            raise ValueError(f"no lot of the symbols {lacking[:5]}")
        table = table[table["symbol"].isin(names)]
    if table.empty:
        raise ValueError("there is no lot: nothing was bought, sold or brought in")
    return table


def _edges(given: Sequence[str | float] | None, market: Market, table: pd.DataFrame) -> np.ndarray:
    clockless = [s for s in table["symbol"].unique() if not has_clock(market.calendar(s))]
    if given is None:
        given = _DATES if clockless else _CLOCK
    edges = edges_in_seconds(given, name="edges")
    if clockless and edges[0] < 86_400:
        raise ValueError(
            f"{clockless[:5]} have no clock inside a session: give edges of a day or more, such as"
            f" {_DATES}"
        )
    return edges


def _bin(rows: pd.DataFrame, edges: np.ndarray) -> np.ndarray:
    """The number of each lot's bin."""
    place = np.searchsorted(edges, rows["held"].to_numpy(), side="right")
    place = np.where(rows["opened_by"] == "opening", len(edges) + 1, place)
    return np.where(rows["open"], len(edges) + 2, place)


def _closing(rows: pd.DataFrame) -> pd.Series:
    """When each lot was closed; of open ones the time of the series' last piece."""
    last = rows["closed"].fillna(rows["opened"])
    return rows["closed"].fillna(last.groupby([rows[c] for c in _SERIES]).transform("max"))


def _places(times: pd.Series, sessions: pd.DataFrame, step: Step) -> dict[str, np.ndarray]:
    """The session of each time, or the next one, and the bar of it."""
    opens, clock = nanoseconds(sessions["open"]), nanoseconds(times)
    session = session_of(times, sessions)
    later = np.minimum(np.searchsorted(opens, clock), len(sessions) - 1)
    session = np.where(session >= 0, session, later)
    if step.kind == "session":
        return {"session": session, "bar": np.zeros(len(session), "int64")}
    bar = -((opens[session] - clock) // step.size) - 1
    return {"session": session, "bar": np.clip(bar, 0, _bars(sessions, step)[session] - 1)}


def _bars(sessions: pd.DataFrame, step: Step) -> np.ndarray:
    """How many bars each session has."""
    length = nanoseconds(sessions["close"]) - nanoseconds(sessions["open"])
    return -(-length // step.size) if step.kind == "clock" else np.ones(len(sessions), "int64")


def _grid(rows: pd.DataFrame, sessions: pd.DataFrame, step: Step, bins: list[str]) -> pd.DataFrame:
    """A row an account, session, bar and bin of one symbol."""
    count = _bars(sessions, step)
    session = np.repeat(np.arange(len(sessions)), count)
    bar = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    made = pd.DataFrame({"session": session, "bar": bar})
    made["day"] = sessions["day"].to_numpy()[session]
    if step.kind == "clock":
        start = nanoseconds(sessions["open"])[session] + bar * step.size
        end = np.minimum(start + step.size, nanoseconds(sessions["close"])[session])
        made["start"], made["end"] = (pd.to_datetime(edge, utc=True) for edge in (start, end))
    made = made.merge(pd.DataFrame({"bin": np.arange(len(bins))}), how="cross")
    series = rows[_SERIES].drop_duplicates()
    return series.merge(made, how="cross")


def _filled(grid: pd.DataFrame, summed: pd.DataFrame, bins: list[str], step: Step) -> pd.DataFrame:
    """The grid with the sums, 0 where there was no lot."""
    table = grid.join(summed, on=[*_KEY, "bin"])
    table[_SUMS] = table[_SUMS].fillna(0.0)
    table = table.sort_values([*_KEY, "bin"], ignore_index=True)
    table["bin"], table["lots"] = np.array(bins)[table["bin"]], table["lots"].astype("int64")
    clock = ["bar", "start", "end"] if step.kind == "clock" else []
    return table[[*_SERIES, "day", *clock, "bin", *_SUMS]].astype({"bin": "str"})


def _openings_known(
    market: Market,
    account: str | Sequence[str] | None,
    opening: Opening | None,
    table: pd.DataFrame,
) -> bool:
    starts = opening_positions(market, account=account, opening=opening)
    held = starts.merge(table[_SERIES].drop_duplicates(), on=_SERIES)
    return bool(held["known"].all())
