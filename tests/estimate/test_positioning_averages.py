"""Means of positioning by bin: by hand, their errors by formula, what is refused and why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import mmresearch as mm
from mmresearch.estimate.ratio_means import Cells, cells_of, ratio_means
from mmresearch.measure.holding import STILL_OPEN, UNKNOWN_AGE

BINS = ["under 5 s", "5 s and over", UNKNOWN_AGE, STILL_OPEN]


def held(days, *, bars=1, seed=0, lots=50, series="A"):
    """A table as positioning_by_holding makes it, of normal profits."""
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(days), bars), unit="D")
    base = pd.DataFrame({"account": series, "symbol": "X", "day": day})
    if bars > 1:
        minutes = 30 * np.tile(np.arange(bars), days)
        base["start"] = day.tz_localize("UTC") + pd.to_timedelta(minutes, unit="min")
    parts = []
    for name in BINS:
        given = lots if name in BINS[:2] else 0
        last = (np.arange(len(base)) == len(base) - 1) & (name == STILL_OPEN)
        made = rng.normal(size=len(base)) if given else np.where(last, 7.0, 0.0)
        parts.append(base.assign(bin=name, lots=given, units=given * 2.0, positioning=made))
    table = pd.concat(parts, ignore_index=True)
    table.attrs = {"kind": "time held", "bins": BINS, "currency": ["USD"], "opening_known": True}
    table.attrs["counts"] = {"without a mark": 0}
    return table


def test_means_and_errors_by_formula():
    table = held(50)
    found = mm.average_positioning(table)
    days = table[table["bin"] == "under 5 s"]["positioning"]
    row = found.table.set_index("term").loc["under 5 s"]
    assert row["estimate"] == pytest.approx(days.mean())
    assert row["std_error"] == pytest.approx(days.std(ddof=1) / np.sqrt(50))
    reach = scipy.stats.t.ppf(0.975, 49) * row["std_error"]
    assert row["high"] - row["estimate"] == pytest.approx(reach)
    assert "clustered by day (50 days)" in found.errors


def test_bins_add_up_to_the_total_and_their_covariance_to_its_variance():
    found = mm.average_positioning(held(50))
    table = found.table.set_index("term")
    parts = table.drop(index="total")
    assert parts["estimate"].sum() == pytest.approx(table.loc["total", "estimate"])
    joint = found.details["covariance"]
    inside = joint.drop(index="total", columns="total").to_numpy().sum()
    assert inside == pytest.approx(joint.loc["total", "total"])


def test_what_is_open_is_one_number_and_in_no_mean():
    found = mm.average_positioning(held(50))
    assert STILL_OPEN not in found.table["term"].tolist()
    assert found.quantities[STILL_OPEN].value == 7
    assert str(found.quantities[STILL_OPEN]) == "still open: 7 USD"


def test_series_add_up_by_day():
    one, two = held(20, seed=1), held(20, seed=2, series="B")
    both = pd.concat([one, two], ignore_index=True)
    both.attrs = one.attrs
    alone = [mm.average_positioning(t).table["estimate"] for t in (one, two)]
    found = mm.average_positioning(both)
    np.testing.assert_allclose(found.table["estimate"], alone[0] + alone[1])
    assert found.sample.series == 2
    assert found.errors.startswith("restricted wild cluster bootstrap")


def test_one_day_has_intervals_from_its_bars():
    table = held(1, bars=13)
    found = mm.average_positioning(table)
    days = table[table["bin"] == "under 5 s"]["positioning"].to_numpy()
    row = found.table.set_index("term").loc["under 5 s"]
    assert row["estimate"] == pytest.approx(days.sum())  # a session has 13 bars
    away = days - days.mean()
    square = away @ away + 2 * (2 / 3 * away[1:] @ away[:-1] + 1 / 3 * away[2:] @ away[:-2])
    assert row["std_error"] == pytest.approx(np.sqrt(square * 13 / 12))
    # 2.18 is Student's; with 13 pieces and 2 lags Newey-West's t is wider
    assert 2.4 < (row["high"] - row["estimate"]) / row["std_error"] < 2.8
    assert {"few_days", "few_stretches"} <= set(found.flags)


@pytest.mark.bad_input("too few days for an interval")
def test_refused_with_reasons():
    few = mm.average_positioning(held(3))
    assert "3 days in too few rows" in few.quantities["under 5 s"].reason
    assert few.table["low"].isna().all()
    assert few.table["estimate"].notna().all()
    thin = mm.average_positioning(held(20, lots=1))
    assert thin.quantities["under 5 s"].reason == "20 lots, where 30 are needed"
    assert not thin.quantities[UNKNOWN_AGE].identified
    unknown = held(20)
    unknown.attrs["opening_known"] = False
    assert "opening_unknown" in mm.average_positioning(unknown).flags


@pytest.mark.bad_input("a table of another measure")
def test_tables_that_are_none():
    with pytest.raises(ValueError, match="takes a table of positioning_by_holding"):
        mm.average_positioning(pd.DataFrame({"positioning": [1.0]}))
    with pytest.raises(ValueError, match="errors must be one of auto, cluster, wild, hac"):
        mm.average_positioning(held(3), errors="white")
    mixed = held(20)
    mixed.attrs["currency"] = ["BTC", "USD"]
    with pytest.raises(ValueError, match="profits in BTC, USD do not add up"):
        mm.average_positioning(mixed)


def test_periods_of_an_unknown_opening():
    rng = np.random.default_rng(1)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(20), 2), unit="D")
    table = pd.DataFrame({"account": "A", "symbol": "X", "day": days, "bars": 9})
    bins = ["10 s and over", "mean (zero frequency)"]
    table = table.assign(bin=np.tile(bins, 20), positioning=rng.normal(size=40))
    table.attrs = {"kind": "period", "bins": bins, "currency": ["USD"], "opening_known": False}
    table.attrs["counts"] = {"without a mid": 3}
    found = mm.average_positioning(table)
    assert found.quantities["10 s and over"].identified
    assert "opening is not known" in found.quantities["mean (zero frequency)"].reason
    assert "opening is not known" in found.quantities["total"].reason
    assert found.sample.used == 180


def test_on_the_sample_the_mean_is_the_sum_over_sessions():
    table = mm.positioning_by_holding(mm.sample(), account="MM1")
    found = mm.average_positioning(table)
    closed = table[table["bin"] != STILL_OPEN]["positioning"].sum()
    total = found.table.set_index("term").loc["total", "estimate"]
    assert total == pytest.approx(closed / table["day"].nunique())


# --- ratios ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("errors", ["cluster", "wild"])
def test_a_ratio_by_formula(errors):
    rng = np.random.default_rng(3)
    weight = rng.integers(1, 9, 30).astype(float)
    value = weight * 2 + rng.normal(size=30)
    days = pd.Series(pd.date_range("2024-01-01", periods=30))
    found = ratio_means(Cells(value[:, None], weight, days), ["x"], errors=errors, level=0.95)
    ratio = value.sum() / weight.sum()
    error = np.sqrt(((value - ratio * weight) ** 2).sum() * 30 / 29) / weight.sum()
    row = found.table.iloc[0]
    assert row["estimate"] == pytest.approx(ratio)
    assert row["std_error"] == pytest.approx(error)
    assert row["low"] < ratio < row["high"]


def test_a_day_without_weight_still_counts():
    rows = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=8), "fills": [1.0] * 7 + [0]})
    rows["profit"] = [1.0, 2, 1, 2, 1, 2, 1, 11]
    cells = cells_of(rows, ["profit"], "fills", errors="auto")
    found = ratio_means(cells, ["profit"], errors="auto", level=0.95)
    assert found.table["estimate"].tolist() == [3]
    assert np.isfinite(found.table[["low", "high"]]).all(axis=None)
