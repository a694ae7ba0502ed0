"""The periods that accounts are settled in: which of them each series has, and what ends them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import Bars, Step, cut, nanoseconds, refuse_step
from mmresearch.measure.entries import CURRENCY, KINDS, SNAPSHOT
from mmresearch.measure.prints import TRADE
from mmresearch.measure.quotes import QUOTE, quote_blocks

END = len(KINDS)  # the kind of an entry that ends a period, after those of a ledger
_SOONEST, _LATEST = -2, 2**62  # `seq` of an end that nothing, or all, of its instant comes before
_DUST = 1e-12
_ORDER = ["time", "seq"]


def bars_of(market: Market, symbol: str, step: Step) -> Bars | None:
    """The symbol's bars as `panel` cuts them; None where no session holds an event of it."""
    sessions = market.sessions(symbol)
    if sessions.empty:
        return None
    refuse_step(step, market.calendar(symbol), sessions)
    prints = None
    if step.kind == "count" and "trades" in market:
        parts = list(blocks.of_symbol(market, "trades", _ORDER, symbol))
        rows = {c: np.concatenate([part[c] for part in parts] or [[]]) for c in _ORDER}
        prints = pd.DataFrame(rows | {"time": pd.to_datetime(rows["time"], utc=True)})
    return cut(step, sessions, prints)


def period_ends(
    entries: pd.DataFrame, starts: pd.DataFrame, bars: dict[str, Bars], market: Market
) -> tuple[pd.DataFrame, np.ndarray]:
    """An entry for the end of each period of each series, and the row in `bars` of each.

    A series' periods run from that of its first entry to that of its last, and while something is
    held on to that of the symbol's last event. An event belongs to the first period that ends with
    or after it; the last one takes all that comes after.
    """
    first, last = _edge(entries, starts, "min"), _edge(entries, starts, "max")
    first.loc[starts["known"], "seq"] = -1  # the opening's place
    held = _is_held(entries, starts)
    spans = {name: market.span(name)[1] for name in bars}
    until = {name: _seq(own) for name, own in bars.items() if own is not None}
    parts, rows = [], []
    for row in starts.itertuples():
        edges = (bars[row.symbol].end, until[row.symbol])
        begin = _period(*edges, *first.loc[row.Index])
        end = _period(*edges, *last.loc[row.Index])
        if held[row.Index]:
            end = max(end, _period(*edges, spans[row.symbol], _LATEST))
        chosen = np.arange(begin, end + 1)
        time, seq = (edge[chosen] for edge in edges)
        if last.loc[row.Index, "time"].value > time[-1]:
            time[-1], seq[-1] = last.loc[row.Index, "time"].value, _LATEST
        parts.append((np.full(len(chosen), row.Index), time, seq))
        rows.append(chosen)
    series, time, seq = (np.concatenate(some) for some in zip(*parts, strict=True))
    names = {c: pd.Categorical(starts[c], entries[c].cat.categories) for c in ("account", "symbol")}
    ends = pd.DataFrame({c: values.take(series) for c, values in names.items()})
    ends = ends.assign(time=pd.to_datetime(time, utc=True), seq=seq, kind=END, series=series)
    return ends.assign(amount=0.0), np.concatenate(rows)


def first_prices(market: Market, symbol: str, sessions: pd.DataFrame) -> np.ndarray:
    """Each session's first mid of a quote with bid < ask, else its first print; NaN for neither."""
    found = np.full(len(sessions), np.nan)
    edges = [nanoseconds(sessions[c]) for c in ("open", "close")]
    for block in quote_blocks(market, symbol, QUOTE[:4]) or ():
        valid = block["bid"] < block["ask"]
        mids = (block["bid"] + block["ask"])[valid] / 2
        _note_first(found, block["time"][valid], mids, *edges)
    prints = np.full(len(sessions), np.nan)
    if "trades" in market and np.isnan(found).any():
        for block in blocks.of_symbol(market, "trades", TRADE[:3], symbol):
            _note_first(prints, block["time"], block["price"], *edges)
    return np.where(np.isnan(found), prints, found)


def _note_first(
    found: np.ndarray, when: np.ndarray, price: np.ndarray, opens: np.ndarray, closes: np.ndarray
) -> None:
    row = np.searchsorted(when, opens)
    inside = (row < len(when)) & np.isnan(found)
    inside[inside] = when[row[inside]] <= closes[inside]
    found[inside] = price[row[inside]]


def _edge(entries: pd.DataFrame, starts: pd.DataFrame, which: str) -> pd.DataFrame:
    """The (time, seq) of each series' first entry, or its last."""
    time = entries.groupby("series")["time"].agg(which)
    there = nanoseconds(entries["time"]) == nanoseconds(time.reindex(entries["series"]))
    seq = entries.loc[there].groupby("series")["seq"].agg(which)
    return pd.DataFrame({"time": time, "seq": seq}).reindex(starts.index)


def _is_held(entries: pd.DataFrame, starts: pd.DataFrame) -> pd.Series:
    """Whether each series holds something after its last entry."""
    moved = ~entries["kind"].isin([SNAPSHOT, CURRENCY])
    amount = entries["amount"].where(moved, 0.0)
    left = amount.groupby(entries["series"]).sum().reindex(starts.index) + starts["opening"]
    gross = amount.abs().groupby(entries["series"]).sum().reindex(starts.index)
    return left.abs() > _DUST * (gross + starts["opening"].abs())


def _period(ends: np.ndarray, until: np.ndarray, time: pd.Timestamp, seq: int) -> int:
    """The first period that ends at or after (time, seq), the last if none does."""
    row = int(np.searchsorted(ends, time.value))
    while row < len(ends) and ends[row] == time.value and until[row] < seq:
        row += 1
    return min(row, len(ends) - 1)


def _seq(bars: Bars) -> np.ndarray:
    """The place of each period's end among the events of its instant."""
    return np.where(bars.end_seq < 0, _SOONEST, np.minimum(bars.end_seq, _LATEST))
