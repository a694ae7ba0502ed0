"""Precision and recall by hand, intervals beside statsmodels, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.stats.proportion import proportion_confint

import mmresearch as mm


def table(called: list, account: str = "M", day: str = "2024-01-02") -> pd.DataFrame:
    start = pd.date_range(f"{day} 10:00", periods=len(called), freq="1min", tz="UTC")
    rows = pd.DataFrame(
        {"account": account, "symbol": "X", "day": pd.Timestamp(day)}, range(len(called))
    )
    withdrawn = pd.array(called, dtype="boolean")
    return rows.assign(
        bar=range(len(called)), start=start, end=start + pd.Timedelta("1min"), withdrawn=withdrawn
    )


def spells(*rows: tuple, day: str = "2024-01-02") -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["account", "start", "end"])
    return found.assign(
        **{c: pd.to_datetime(day + " " + found[c], utc=True) for c in ("start", "end")}
    )


def test_by_hand():
    # bars 2, 3, 4 are within a spell (from 10:01:30), 1 is partly; 7 within another; 9 is unknown
    bars = table([0, 1, 1, 1, 0, 1, 0, 0, 0, None])
    truth = spells(
        ("M", "10:01:30", "10:05:00"), ("M", "10:07:00", "10:08:00"), ("M", "10:09:00", "10:10:00")
    )
    result = mm.spell_accuracy(bars, truth)
    found = {name: q.value for name, q in result.quantities.items()}
    assert found["bar_precision"] == pytest.approx(2 / 3)  # 2 and 3 of 2, 3 and 5
    assert found["bar_recall"] == pytest.approx(2 / 4)  # of 2, 3, 4, 7
    assert found["spell_precision"] == 1 / 2  # runs 1-3 and 5
    assert found["spell_recall"] == 1 / 2
    assert list(result.sample.dropped.values()) == [1, 1, 1]
    assert result.sample.used == 8
    assert result.details["spells"]["found"].tolist()[:2] == [True, False]
    assert pd.isna(result.details["spells"]["found"].iloc[2])


def test_wilson_beside_statsmodels():
    found = mm.spell_accuracy(table([1, 0, 1, 0, 1, 0]), spells(("M", "10:00", "10:01"))).quantities
    low, high = proportion_confint(1, 3, method="wilson")
    got = found["spell_precision"]
    assert (got.low, got.high) == pytest.approx((low, high), rel=1e-12)


def test_bars_of_a_day_that_are_right_together_count_as_one():
    """Ten days, on each all bars right or all wrong: as ten or fewer, not as a hundred."""
    days = pd.date_range("2024-01-01", periods=10).strftime("%Y-%m-%d")
    bars = pd.concat([table([k % 2] * 10, day=d) for k, d in enumerate(days)])
    truth = pd.concat([spells(("M", "10:00", "10:10"), day=d) for d in days])
    found = mm.spell_accuracy(bars, truth).quantities["bar_recall"]
    few = (scipy.stats.norm.ppf(0.975) / scipy.stats.t.ppf(0.975, 9)) ** 2
    # G/(G - 1) makes it nine
    low, high = proportion_confint(4.5 * few, 9 * few, method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9)


def test_spells_of_a_day_that_are_found_together_count_as_one():
    """Ten days of five spells, on each all found or none."""
    days = pd.date_range("2024-01-01", periods=10).strftime("%Y-%m-%d")
    bars = pd.concat([table([k % 2] * 10, day=d) for k, d in enumerate(days)])
    minutes = [("M", f"10:0{k}", f"10:0{k + 1}") for k in range(5)]
    truth = pd.concat([spells(*minutes, day=d) for d in days], ignore_index=True)
    found = mm.spell_accuracy(bars, truth).quantities["spell_recall"]
    few = (scipy.stats.norm.ppf(0.975) / scipy.stats.t.ppf(0.975, 9)) ** 2
    low, high = proportion_confint(4.5 * few, 9 * few, method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9)


def test_a_spell_is_its_accounts_and_its_symbols():
    bars = pd.concat([table([1, 1]), table([1, 1], account="N")])
    found = mm.spell_accuracy(bars, spells(("N", "10:00", "10:02"))).quantities
    assert found["bar_precision"].value == 0.5
    other = spells(("N", "10:00", "10:02")).assign(symbol="Y")
    assert mm.spell_accuracy(bars, other).quantities["bar_precision"].value == 0


def test_nothing_called_is_not_a_precision():
    found = mm.spell_accuracy(table([0, 0]), spells(("M", "10:00", "10:02"))).quantities
    assert not found["bar_precision"].identified
    assert "no bar is called" in str(found["bar_precision"])
    assert found["bar_recall"].value == 0
    assert found["bar_recall"].high > 0.5  # of one day


def test_runs_do_not_cross_a_night_or_a_gap():
    bars = pd.concat([table([1]), table([1], day="2024-01-03").assign(bar=1)])
    truth = spells(("M", "10:00", "10:01"))
    assert mm.spell_accuracy(bars, truth).quantities["spell_precision"].value == 0.5


def test_refused():
    good, truth = table([1]), spells(("M", "10:00", "10:01"))
    with pytest.raises(ValueError, match="lacks withdrawn"):
        mm.spell_accuracy(good.drop(columns="withdrawn"), truth)
    with pytest.raises(ValueError, match="spells lack end"):
        mm.spell_accuracy(good, truth.drop(columns="end"))
    with pytest.raises(ValueError, match="time zone"):
        mm.spell_accuracy(good, truth.assign(start=truth["start"].dt.tz_localize(None)))
    with pytest.raises(ValueError, match="do not end after"):
        mm.spell_accuracy(good, truth.assign(end=truth["start"]))
    with pytest.raises(ValueError, match="level"):
        mm.spell_accuracy(good, truth, level=95)


def test_no_spells_at_all():
    none = spells(("M", "10:00", "10:01")).iloc[:0]
    found = mm.spell_accuracy(table([1, 0]), none).quantities
    assert found["bar_precision"].value == 0
    assert not found["spell_recall"].identified
    assert np.isnan(found["spell_recall"].value)
