"""Volatility of the mid and width of own quotes: by hand, and as simulated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm


def bars(days=8, many=30, seconds=60.0, sigma=0.3, seed=1):
    """A mid that moves by sigma ticks a root second, with own quotes 4 or 6 ticks wide."""
    rng, tick = np.random.default_rng(seed), 0.01
    n = days * many
    mid = 100 + tick * sigma * np.sqrt(seconds) * np.cumsum(rng.standard_normal(n + 1))
    day = np.repeat(pd.date_range("2024-01-01", periods=days), many)
    bar = np.tile(np.arange(many), days)
    start = pd.DatetimeIndex(day).tz_localize("UTC") + pd.to_timedelta(bar * seconds, unit="s")
    half = tick * np.where(np.arange(n) % 2, 2.0, 3.0)
    table = pd.DataFrame(
        {"account": "A", "symbol": "X", "day": day, "bar": bar, "start": start}
        | {"end": start + pd.to_timedelta(seconds, unit="s")}
        | {"mid_start": mid[:-1], "mid": mid[1:]}
        | {"own_bid": mid[1:] - half, "own_ask": mid[1:] + half}
    )
    table.attrs["ticks"] = {"X": tick}
    return table


def test_volatility_by_hand():
    # squares of 1, 4 and 9 ticks over 60, 60 and 30 seconds, and the same again and again
    table = bars(days=7, many=3)
    moves = np.tile([1.0, -2.0, 3.0], 7)
    table["mid_start"], table["mid"] = 100.0, 100 + 0.01 * moves
    table.loc[table["bar"] == 2, "end"] -= pd.Timedelta("30s")
    found = mm.mid_volatility(table)
    assert found.value == pytest.approx(np.sqrt((1 + 4 + 9) / 150))
    assert found.unit == "ticks per root second"
    assert found.low <= found.value <= found.high


def test_an_account_more_changes_nothing():
    table = bars()
    both = pd.concat([table, table.assign(account="B")], ignore_index=True)
    both.attrs = table.attrs
    assert mm.mid_volatility(both) == mm.mid_volatility(table)


def test_without_a_tick_all_is_in_basis_points():
    table = bars()
    table.attrs = {}
    found = mm.mid_volatility(table)
    assert found.unit == "bps per root second"  # a tick is one basis point at 100
    assert found.value == pytest.approx(mm.mid_volatility(table, tick=0.01).value, rel=0.05)
    assert mm.own_spread(table).value == pytest.approx(5.0, rel=0.05)


def test_intervals_hold_the_truth():
    # 400 samples of 8 days of 30 bars, clustered on the logarithm: 95 % is known to 1.1 %
    held = 0
    for seed in range(400):
        found = mm.mid_volatility(bars(seed=seed))
        held += found.low <= 0.3 <= found.high
    assert 0.91 <= held / 400 <= 0.985


def test_width_of_own_quotes():
    table = bars()
    found = mm.own_spread(table)
    assert (found.value, found.unit) == (pytest.approx(5.0), "ticks")
    table["own_ask"] = table["own_bid"] + 0.04
    alike = mm.own_spread(table)
    assert alike.value == pytest.approx(4.0)
    assert alike.low == pytest.approx(alike.high)


def test_the_glft_makers_numbers():
    # models.md B3: sigma 0.3 ticks; 20 sessions of 390 minutes: a standard error of 0.8 %
    simulated = mm.simulate.glft(days=20, seed=4, own=True)
    panel = mm.panel(simulated.market, freq="1min")
    found = mm.mid_volatility(panel, tick=0.01)
    assert found.value == pytest.approx(0.3, rel=0.024)
    theory = mm.optimal_quotes()
    assert mm.own_spread(panel, tick=0.01).value == pytest.approx(theory["spread"][0], rel=0.01)


@pytest.mark.bad_input("a panel without own quotes", "a tick of 0", "bars that stand twice")
def test_what_cannot_be_told():
    table = bars()
    nothing = mm.own_spread(table.assign(own_bid=np.nan))
    assert not nothing.identified
    assert "0 bars" in nothing.reason
    assert not mm.mid_volatility(table.assign(mid=np.nan)).identified
    with pytest.raises(ValueError, match="tick must be above 0"):
        mm.mid_volatility(table, tick=0.0)
    with pytest.raises(ValueError, match="stand twice"):
        mm.own_spread(pd.concat([table, table]))
    with pytest.raises(ValueError, match="lacks the columns own_bid, own_ask"):
        mm.own_spread(table.drop(columns=["own_bid", "own_ask"]))
