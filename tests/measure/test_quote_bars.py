"""The one pass over quotes gives what a slow version gives that follows the words of the panel."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from mmresearch.measure import bars as b
from mmresearch.measure.quotes import QUOTE, order_flow_imbalance, quote_bars
from mmresearch.sessions import session_table
from tests.measure.slow_bars import bar_rows, cut_up, event_times

NAN = math.nan
DAY = pd.Timestamp("2024-03-06", tz="UTC")


def _quotes(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """A bid that walks, spreads from crossed to wide, sides and sizes that go missing."""
    bid = 100 + 0.01 * rng.integers(-2, 3, n).cumsum()
    quotes = {"time": event_times(rng, n), "seq": np.sort(rng.integers(0, 3 * n, n))}
    quotes |= {"bid": bid, "ask": bid + 0.01 * rng.integers(-1, 4, n)}
    quotes |= {f"{side}_size": rng.integers(0, 9, n) * 1.0 for side in ("bid", "ask")}
    table = pd.DataFrame(quotes).drop_duplicates(["time", "seq"], ignore_index=True)
    for side in ("bid", "ask"):
        table.loc[rng.random(len(table)) < 0.05, [side, f"{side}_size"]] = NAN
        # of the first session, for an imbalance with a size that is not known is not known
        unknown = (rng.random(len(table)) < 0.05) & (table["time"] < DAY + pd.Timedelta("36h"))
        table.loc[unknown, f"{side}_size"] = NAN
    return table


def slow_bars(quotes: pd.DataFrame, bars: b.Bars) -> pd.DataFrame:
    """Bar by bar and quote by quote, each value asked for anew."""
    rows = bar_rows(quotes, bars)
    return pd.DataFrame([_slow_bar(quotes, rows, bars, bar) for bar in range(len(bars))])


def _slow_bar(quotes: pd.DataFrame, rows: np.ndarray, bars: b.Bars, bar: int) -> dict[str, float]:
    session = np.where(rows >= 0, bars.session[rows], -1) == bars.session[bar]
    before, own = quotes[session & (rows < bar)], quotes[session & (rows == bar)]
    seen = pd.concat([before, own], ignore_index=True)
    mids = (seen["bid"] + seen["ask"]) / 2
    known, early = mids.dropna(), mids[: len(before)].dropna()
    out = dict.fromkeys(["mid_start", "mid", "microprice"], NAN)
    if len(before):
        out["mid_start"] = mids[len(before) - 1]
    if len(known) and early.empty:
        out["mid_start"] = known.iloc[0]
    if len(seen):
        q = seen.iloc[-1]
        out["mid"] = mids.iloc[-1]
        both = q["bid_size"] + q["ask_size"]
        if both > 0:
            out["microprice"] = (q["ask"] * q["bid_size"] + q["bid"] * q["ask_size"]) / both
    standing = pd.concat([before.tail(1), own])
    since = np.maximum(b.nanoseconds(standing["time"]), bars.start[bar])
    length = np.diff(since, append=bars.end[bar])
    mid = (standing["bid"] + standing["ask"]) / 2
    spread = 1e4 * (standing["ask"] - standing["bid"]) / mid
    depth = ((standing["bid_size"] + standing["ask_size"]) / 2).where(mid.notna())
    for name, values in (("spread_bps", spread), ("depth", depth)):
        held = values.notna().to_numpy() & (length > 0)
        out[name] = np.average(values[held], weights=length[held]) if held.any() else NAN
    terms = order_flow_imbalance(seen)[len(before) :].to_list()
    if before.empty:
        terms = terms[1:]  # the first of a session is no change
    out["order_flow_imbalance"] = sum(terms) if len(seen) else NAN
    steps = 1e4 * np.log(known).diff().to_numpy()[max(len(early), 1) :]
    out["realized_variance"] = (steps**2).sum() if len(known) else NAN
    return out


HOURS = "09:00-09:20 UTC"
CASES = [("24/7", "30min"), (HOURS, "1min"), ("24/7", "7 trades"), (HOURS, "7 trades")]
CASES += [("dates", "7 trades"), ("24/7", "1D"), (HOURS, "1D"), ("dates", "1D")]


@pytest.mark.parametrize(("calendar", "freq"), CASES)
def test_is_the_slow_version(calendar, freq):
    rng = np.random.default_rng(20240306)
    quotes, prints = _quotes(rng, 600), _quotes(rng, 200)
    times = pd.concat([quotes["time"], prints["time"]], ignore_index=True)
    bars = b.cut(b.parse_freq(freq), session_table(calendar, times), prints)
    wanted = slow_bars(quotes, bars)
    assert wanted.notna().any().all()
    for edges in ([], sorted(rng.integers(0, len(quotes), 5)), range(len(quotes))):
        found, outside = quote_bars(cut_up(quotes, QUOTE, edges), bars)
        assert outside == (bar_rows(quotes, bars) < 0).sum()
        pd.testing.assert_frame_equal(pd.DataFrame(found), wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("calendar", ["24/7", HOURS])
def test_without_quotes_all_is_missing(calendar):
    times = pd.Series([DAY + pd.Timedelta("9h"), DAY + pd.Timedelta("33h")]).dt.as_unit("ns")
    bars = b.cut(b.parse_freq("1min"), session_table(calendar, times), None)
    found, outside = quote_bars([], bars)
    assert outside == 0
    assert all(np.isnan(values).all() and len(values) == len(bars) for values in found.values())
