"""The one pass over prints, and over flows, gives what a slow version gives, however it is cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmresearch.measure import bars as b
from mmresearch.measure.flows import Holdings, flow_bars
from mmresearch.measure.prints import TRADE, trade_bars
from mmresearch.sessions import session_table
from tests.measure.slow_bars import bar_rows, cut_up, event_times, next_rows

NAN = np.nan
HOURS = "09:00-09:20 UTC"
CASES = [("24/7", "30min"), (HOURS, "1min"), ("24/7", "7 trades"), (HOURS, "7 trades")]
CASES += [("dates", "7 trades"), ("24/7", "1D"), (HOURS, "1D"), ("dates", "1D")]


def _events(rng: np.random.Generator, n: int) -> pd.DataFrame:
    events = pd.DataFrame({"time": event_times(rng, n), "seq": np.sort(rng.integers(0, 3 * n, n))})
    return events.drop_duplicates(ignore_index=True)


def _prints(rng: np.random.Generator, n: int) -> pd.DataFrame:
    events = _events(rng, n)
    n = len(events)
    return events.assign(
        price=100 + 0.01 * rng.integers(-9, 9, n),
        size=rng.integers(1, 9, n) / 8,
        side=rng.choice([1.0, -1.0, NAN], n),
    )


def _bars(rng: np.random.Generator, calendar: str, freq: str, *tables: pd.DataFrame) -> b.Bars:
    times = pd.concat([table["time"] for table in tables], ignore_index=True)
    return b.cut(b.parse_freq(freq), session_table(calendar, times), _events(rng, 200))


def _slow_bar(prints: pd.DataFrame, rows: np.ndarray, bars: b.Bars, bar: int) -> dict[str, float]:
    session = np.where(rows >= 0, bars.session[rows], -1) == bars.session[bar]
    before, own = prints[session & (rows < bar)], prints[session & (rows == bar)]
    seen = pd.concat([before, own])["price"].to_list()
    size, side = own["size"], own["side"]
    return {
        "market_volume": size.sum(),
        "trades": len(own),
        "trade_price_start": seen[max(len(before) - 1, 0)] if seen else NAN,
        "trade_price": seen[-1] if seen else NAN,
        "trade_imbalance": (side * size).sum(),  # unknown sides count as 0
        "unsigned_volume": size[side.isna()].sum(),
    }


@pytest.mark.parametrize(("calendar", "freq"), CASES)
def test_prints(calendar, freq):
    rng = np.random.default_rng(20240307)
    prints = _prints(rng, 400)
    bars = _bars(rng, calendar, freq, prints, _events(rng, 50))
    rows = bar_rows(prints, bars)
    wanted = pd.DataFrame([_slow_bar(prints, rows, bars, bar) for bar in range(len(bars))])
    assert wanted["trade_price"].notna().any()
    for edges in ([], sorted(rng.integers(0, len(prints), 5)), range(len(prints))):
        found, outside = trade_bars(cut_up(prints, TRADE, edges), bars)
        assert outside == (rows < 0).sum()
        pd.testing.assert_frame_equal(pd.DataFrame(found), wanted, rtol=0, atol=0)


def test_without_prints_there_is_no_price_and_no_volume():
    times = pd.Series(pd.to_datetime(["2024-03-06 09:00", "2024-03-07 09:00"], utc=True))
    bars = b.cut(b.parse_freq("1min"), session_table(HOURS, times.dt.as_unit("ns")), None)
    found, outside = trade_bars([], bars)
    assert outside == 0
    assert len(bars) == 40
    for name, values in found.items():
        wanted = NAN if "price" in name else 0.0
        np.testing.assert_array_equal(values, np.full(40, wanted))


@pytest.mark.parametrize(("calendar", "freq"), CASES)
def test_flows_of_two_runs(calendar, freq):
    """Fills of three accounts, then their transfers: each in order, the two together not."""
    rng = np.random.default_rng(20240308)
    fills, moves = _events(rng, 300), _events(rng, 100)
    zero, units = np.zeros(len(fills)), rng.integers(1, 9, len(fills)) * 1.0
    buys = rng.random(len(fills)) < 0.5
    fills = fills.assign(bought=np.where(buys, units, 0), sold=np.where(buys, 0, units), moved=zero)
    moves = moves.assign(bought=0.0, sold=0.0, moved=rng.integers(-9, 9, len(moves)) * 1.0)
    flows = pd.concat([fills, moves], ignore_index=True)
    names = ["one", "three", "two"]
    flows["account"] = rng.choice(names, len(flows))
    bars = _bars(rng, calendar, freq, fills)
    held = Holdings(names, {"one": (5.0, True)})
    held.outside[:] = 2.0  # from the stretch before: comes in before the first bar
    found = flow_bars(bars, flows, held)
    rows, waits = bar_rows(flows, bars), next_rows(flows, bars)
    net = flows["bought"] - flows["sold"] + flows["moved"]
    late = (rows < 0) & (waits < 0)
    for number, name in enumerate(names):
        own = (flows["account"] == name).to_numpy()
        inventory = 5.0 if name == "one" else 0.0
        for bar in range(len(bars)):
            inside, between = own & (rows == bar), own & (rows < 0) & (waits == bar)
            at = number * len(bars) + bar
            overnight = net[between].sum() + (2.0 if bar == 0 else 0.0)
            assert found["overnight_flow"][at] == overnight
            assert found["inventory_start"][at] == (inventory := inventory + overnight)
            assert found["buys"][at] == flows["bought"][inside].sum()
            assert found["sells"][at] == flows["sold"][inside].sum()
            assert found["transfer_flow"][at] == flows["moved"][inside].sum()
            assert found["inventory_end"][at] == (inventory := inventory + net[inside].sum())
        assert held.outside[number] == net[own & late].sum()
    assert held.late == late.sum()
