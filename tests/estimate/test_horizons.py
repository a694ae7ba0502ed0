"""Profit by horizon: Parseval to 1e-10, waves whose profit is known, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.stattools import acf

import mmresearch as mm
from mmresearch.estimate.horizons import MEAN, band_profits


@pytest.fixture
def panel_with_mids(panel_of):
    """The function (held, moved; a row a session) -> panel whose profit is sum(held * moved)."""

    def make(held, moved, **options):
        held, moved = np.atleast_2d(held), np.atleast_2d(moved)
        panel = panel_of([np.append(h, h[-1]) for h in held], **options)
        mid = 100 + np.cumsum(moved, axis=1)
        return panel.assign(mid=mid.ravel(), mid_start=(mid - moved).ravel())

    return make


def wave(n, period, phase=0.0):
    return np.cos(2 * np.pi * np.arange(n) / period + phase)


# --- the identity ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 390, 391])
def test_bands_add_up_to_the_total(n):
    held, moved = np.random.default_rng(n).normal(size=(2, n))
    held = 1000 + np.cumsum(held)
    found = band_profits(held, moved, np.array([3.0, 20.0]))
    assert found.sum() == pytest.approx(held @ moved, rel=1e-10)


def test_by_hand():
    """(1, 0, -1, 0) against (2, 0, -2, 0): all 4 at a period of four bars; the mean adds 5 * 0."""
    found = band_profits(np.array([6.0, 5, 4, 5]), np.array([2.0, 0, -2, 0]), np.array([3.0]))
    assert found == pytest.approx([0, 4, 0])


def test_zero_frequency_is_mean_inventory_times_the_price_change():
    held, moved = np.array([1.0, 4.0, 1.0]), np.array([0.5, 0.5, -0.25])
    found = band_profits(held, moved, np.array([10.0]))
    assert found[-1] == pytest.approx(2 * 0.75)


def test_the_highest_frequency_counts_once_and_an_edge_belongs_to_the_longer_band():
    zigzag = np.array([1.0, -1, 1, -1])
    assert band_profits(zigzag, zigzag, np.array([2.0])) == pytest.approx([0, 4, 0])
    assert band_profits(zigzag, zigzag, np.array([2.1])) == pytest.approx([4, 0, 0])


def test_a_constant_added_to_inventory_moves_the_zero_frequency_alone():
    held, moved = np.random.default_rng(3).normal(size=(2, 50))
    edges = np.array([5.0])
    shifted = band_profits(held + 7, moved, edges) - band_profits(held, moved, edges)
    assert shifted == pytest.approx([0, 0, 7 * moved.sum()], abs=1e-12)


# --- waves of known profit ------------------------------------------------------------------------


def test_waves_of_known_profit_stand_in_their_bands(panel_with_mids):
    # one-second bars, 600 a session: fast earns 3 * 600/2, slow in half phase loses 2 * 600/2
    held = 3 * wave(600, 5) + 2 * wave(600, 100) + 10
    moved = wave(600, 5) + wave(600, 100, np.pi) + 0.01
    panel = panel_with_mids(np.tile(held, (12, 1)), np.tile(moved, (12, 1)), seconds=1.0)
    result = mm.inventory_by_horizon(panel, bands=("10s", "5min"))
    found = result.table.set_index("term")["estimate"]
    assert found.index.tolist() == ["under 10 s", "10 s to 5 min", "5 min and over", MEAN, "total"]
    assert found.to_numpy() == pytest.approx([900, -600, 0, 60, 360], abs=1e-6)
    sums = result.details["bands"]["profit"]
    assert sums.sum() == pytest.approx(12 * found["total"], rel=1e-10)
    assert result.sample.used == 7200


def test_series_of_one_day_add_up(panel_with_mids):
    rng = np.random.default_rng(5)
    one, two = (panel_with_mids(*rng.normal(size=(2, 12, 60)), account=a) for a in "AB")
    both = mm.inventory_by_horizon(pd.concat([two, one]), bands=("10min",))
    alone = [mm.inventory_by_horizon(p, bands=("10min",)).table["estimate"] for p in (one, two)]
    assert both.table["estimate"].to_numpy() == pytest.approx((alone[0] + alone[1]).to_numpy())
    assert both.sample.series == 2


def test_mean_and_error_of_days(panel_with_mids):
    rng = np.random.default_rng(6)
    panel = panel_with_mids(*rng.normal(size=(2, 30, 60)))
    result = mm.inventory_by_horizon(panel, bands=("10min",))
    days = result.details["sessions"]["total"]
    by_hand = (panel["inventory_start"] * (panel["mid"] - panel["mid_start"])).groupby(panel["day"])
    assert days.to_numpy() == pytest.approx(by_hand.sum().to_numpy())
    row = result.table.set_index("term").loc["total"]
    assert row["std_error"] == pytest.approx(days.std(ddof=1) / np.sqrt(30))
    assert row["low"] < row["estimate"] < row["high"]
    assert result.quantities["total"].identified


# --- gaps -----------------------------------------------------------------------------------------


def test_missing_mids_are_counted_and_the_rest_still_adds_up(panel_with_mids):
    rng = np.random.default_rng(7)
    panel = panel_with_mids(*rng.normal(size=(2, 12, 60)))
    panel.loc[[5, 6, 100], "mid"] = np.nan
    panel.loc[200, "inventory_start"] = np.nan
    result = mm.inventory_by_horizon(panel, bands=("10min",))
    assert result.sample.dropped == {"without inventory": 1, "without a mid": 3}
    assert "sessions_split" in result.flags
    kept = (panel["inventory_start"] * (panel["mid"] - panel["mid_start"])).sum()
    assert result.details["bands"]["profit"].sum() == pytest.approx(kept, rel=1e-10)


# --- the correlogram ------------------------------------------------------------------------------


def test_correlogram_is_statsmodels_on_one_session(panel_with_mids):
    held = np.cumsum(np.random.default_rng(8).normal(size=200))
    panel = panel_with_mids(held, np.ones(200))
    found = mm.inventory_by_horizon(panel, lags=10).details["correlogram"]
    r, band = acf(held, nlags=10, adjusted=True, alpha=0.05, result_object=False)
    assert found["level"].to_numpy() == pytest.approx(r[1:], rel=1e-8)
    assert found["level_low"].to_numpy() == pytest.approx(band[1:, 0], rel=1e-8)
    change = (panel["inventory_end"] - panel["inventory_start"]).to_numpy()
    r = acf(change, nlags=10, adjusted=True)[1:]
    assert found["change"].to_numpy() == pytest.approx(r, abs=1e-8)


def test_correlogram_takes_no_pair_across_a_night(panel_with_mids):
    panel = panel_with_mids([[1.0, 2, 3]] * 12, np.ones((12, 3)))
    found = mm.inventory_by_horizon(panel, lags=3).details["correlogram"]
    assert found["pairs"].tolist() == [24, 12, 0]
    # deviations -1, 0, 1: products -1 at lag two, 0 at lag one, variance 2/3
    assert found["level"].tolist()[:2] == pytest.approx([0, -1.5])
    assert np.isnan(found["level"].iloc[2])


# --- refusals -------------------------------------------------------------------------------------


def test_one_session_has_sums_and_no_answer(panel_with_mids):
    rng = np.random.default_rng(9)
    result = mm.inventory_by_horizon(panel_with_mids(*rng.normal(size=(2, 1, 60))))
    assert all(not q.identified for q in result.quantities.values())
    assert "1 day does not give an interval" in str(result.quantities["10 s to 5 min"])
    assert "few_days" in result.flags
    assert result.table["low"].isna().all()


def test_bands_that_bars_or_sessions_cannot_hold(panel_with_mids):
    rng = np.random.default_rng(10)
    panel = panel_with_mids(*rng.normal(size=(2, 12, 60)))
    found = mm.inventory_by_horizon(panel, bands=("10s", "5min", "2h")).quantities
    assert "shorter than two bars" in found["under 10 s"].reason
    assert "longer than any session" in found["120 min and over"].reason
    assert found["5 min to 120 min"].identified


def test_unknown_opening_refuses_the_zero_frequency_and_the_total_only(panel_with_mids):
    rng = np.random.default_rng(11)
    panel = panel_with_mids(*rng.normal(size=(2, 12, 60)), known=False)
    found = mm.inventory_by_horizon(panel, bands=("5min",)).quantities
    assert [q.identified for q in found.values()] == [True, True, False, False]
    assert "opening is not known" in found["total"].reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mid": np.nan}, "no bar has an inventory and a mid"),
        ({"inventory_start": 5.0, "inventory_end": 5.0}, "inventory never changes"),
        ({"bar": 0}, "a bar is a session"),
    ],
)
def test_data_that_cannot_tell_are_refused_with_the_reason(panel_with_mids, change, reason):
    panel = panel_with_mids(*np.random.default_rng(12).normal(size=(2, 12, 60)))
    panel = panel.assign(**change)
    if "bar" in change:
        panel = panel.drop_duplicates("day")
    result = mm.inventory_by_horizon(panel)
    assert all(reason in q.reason and np.isnan(q.value) for q in result.quantities.values())
    assert result.table.empty


def test_faults_are_named_at_once(panel_with_mids):
    panel = panel_with_mids(*np.random.default_rng(13).normal(size=(2, 3, 20)))
    bad = pd.concat([panel, panel.iloc[[4]]], ignore_index=True)
    bad.loc[2, "mid"] = np.inf
    with pytest.raises(ValueError, match=r"1 bars stand twice.*mid is infinite in 1 rows"):
        mm.inventory_by_horizon(bad)
    with pytest.raises(ValueError, match="lacks the columns mid_start, mid"):
        mm.inventory_by_horizon(panel.drop(columns=["mid", "mid_start"]))


@pytest.mark.parametrize("bands", [(), ("5min", "10s"), (0.0,), (np.inf,)])
def test_bands_that_are_none(panel_with_mids, bands):
    panel = panel_with_mids(*np.random.default_rng(14).normal(size=(2, 3, 20)))
    with pytest.raises(ValueError, match="bands must be periods"):
        mm.inventory_by_horizon(panel, bands=bands)
