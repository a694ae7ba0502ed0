"""Levels in error: the instrument against its formulas, its set against a grid, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.signal import lfilter
from scipy.stats import t as student

import mmresearch as mm
from mmresearch.estimate.level_errors import drift_share
from mmresearch.estimate.pairs import inventory_pairs


def noisy(rho: float, days: int, n: int, seed: int, error: float = 1.0) -> list[np.ndarray]:
    """Days from 0 with unit steps, reported with an error."""
    rng = np.random.default_rng(seed)
    news = rng.standard_normal((days, n))
    levels = np.column_stack([np.zeros(days), lfilter([1], [1, -rho], news)])
    return list(levels + error * rng.standard_normal(levels.shape))


def stacked(levels: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    """y, x, z less their means over all days, and the day of each."""
    rows = np.array([(a[i], a[i - 1], a[i - 2]) for a in levels for i in range(2, len(a))])
    day = np.repeat(np.arange(len(levels)), [len(a) - 2 for a in levels])
    return (*(rows - rows.mean(axis=0)).T, day)


def test_estimate_and_error_are_the_formulas(panel_of):
    levels = noisy(0.8, 50, 30, 1)
    found = mm.inventory_reversion(panel_of(levels), instrument="second lag", intercept="pooled")
    # the frame's mean of bars with a bar before them is that of the rows used
    y, x, z, day = stacked(levels)
    row = found.tidy().iloc[0]
    assert row["estimate"] == pytest.approx((z @ y) / (z @ x), rel=1e-10)
    scores = pd.Series(z * (y - row["estimate"] * x)).groupby(day).sum()
    factor = 50 / 49
    middle = factor * (scores**2).sum()
    assert row["std_error"] == pytest.approx(np.sqrt(middle) / abs(z @ x), rel=1e-10)
    assert found.fit.params[0] == row["estimate"]
    assert found.fit.bse[0] == pytest.approx(row["std_error"])
    ols = sm.OLS(y, x).fit().params[0]
    table = found.details["instrument"].set_index("statistic")["value"]
    assert table["rho, least squares"] == pytest.approx(ols)
    assert table["error's share of the levels' variance"] == pytest.approx(1 - ols / row.estimate)


def test_the_interval_is_every_rho_that_its_test_accepts(panel_of):
    levels = noisy(0.8, 50, 30, 2)
    row = (
        mm.inventory_reversion(panel_of(levels), instrument="second lag", intercept="pooled")
        .tidy()
        .iloc[0]
    )
    y, x, z, day = stacked(levels)
    critical = student.ppf(0.975, 49)

    def t(rho: float) -> float:
        sums = pd.Series(z * (y - rho * x)).groupby(day).sum()
        return sums.sum() / np.sqrt(50 / 49 * (sums**2).sum())

    assert abs(t(row["low"])) == pytest.approx(critical, rel=1e-8)
    assert abs(t(row["high"])) == pytest.approx(critical, rel=1e-8)
    assert row["low"] < row["estimate"] < row["high"]
    assert row["p"] == pytest.approx(2 * student.sf(abs(t(1.0)), 49))


@pytest.mark.slow
def test_the_interval_covers_however_weak_the_instrument(panel_of):
    """150 markets of 45 days: at 95 % the standard error of coverage is 1.8 %."""

    def intervals(rho: float) -> pd.DataFrame:
        panels = [panel_of(noisy(rho, 45, 8, seed)) for seed in range(150)]
        found = [mm.inventory_reversion(panel, instrument="second lag") for panel in panels]
        return pd.concat([result.tidy() for result in found])

    useful = intervals(0.5)
    assert 0.90 <= useful["low"].le(0.5).mul(useful["high"].ge(0.5)).mean() <= 1
    # of inventory that does not persist the level two bars back says nothing: nothing is excluded
    useless = intervals(0.0)
    assert np.isinf(useless["high"]).mean() > 0.8
    assert useless["low"].le(0.0).mul(useless["high"].ge(0.0)).mean() >= 0.93


def test_an_instrument_that_says_nothing_is_flagged(panel_of):
    found = mm.inventory_reversion(panel_of(noisy(0.0, 45, 8, 5)), instrument="second lag")
    assert "weak_instrument" in found.flags
    assert not found.quantities["half_life"].identified


def test_a_random_walk_reported_with_error_is_not_identified(panel_of):
    lives = [
        mm.inventory_reversion(
            panel_of(noisy(1.0, 60, 78, seed)), instrument="second lag"
        ).quantities["half_life"]
        for seed in range(60)
    ]
    # a one-sided test of 5 %: standard error 2.8 % over 60
    assert np.mean([life.identified for life in lives]) <= 0.14


REFUSALS = {
    "constant": ([np.full(40, 5.0)] * 3, "in no bar did a known inventory move|leave too few"),
    "one session of few bars": ([np.arange(9.0) % 3], "leave too few"),
    "all missing": ([np.full(30, np.nan)] * 3, "leave too few"),
    "reports that stand": ([np.repeat([1.0, 4.0, 2.0, 7.0], 12)] * 6, "no level changed"),
}


@pytest.mark.parametrize(("levels", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_told_is_refused(panel_of, levels, reason):
    found = mm.inventory_reversion(panel_of(levels), instrument="second lag")
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert np.isnan([quantity.value, quantity.low, quantity.high]).all()
    assert pd.Series([found.quantities["rho"].reason]).str.contains(reason).all()


def test_options_that_do_not_go_together(panel_of):
    panel = panel_of(noisy(0.5, 10, 20, 1))
    for options in ({"instrument": "third lag"}, {"instrument": "second lag", "lags": 2}):
        with pytest.raises(ValueError, match="instrument"):
            mm.inventory_reversion(panel, **options)
    with pytest.raises(ValueError, match="errors are auto"):
        mm.inventory_reversion(panel, instrument="second lag", errors="wild")


def test_share_of_the_drift_by_hand(panel_of):
    # levels 1, 2, 3, 4 at bars' ends; drift 0, 0, 2, 2, so that 1, 2, 5, 6 are right
    panel = panel_of([np.array([0.0, 1, 2, 3.5, 4])]).assign(drift=[0.0, 0, 2, 2])
    right = np.array([1, 2, 5.5, 6])
    pairs = inventory_pairs(panel, intercept="pooled")
    expected = np.var([0, 0, 2, 2]) / np.var(right)
    assert drift_share(pairs) == pytest.approx(expected)
    mirrored = panel.assign(
        drift=-panel["drift"],
        inventory_start=-panel["inventory_start"],
        inventory_end=-panel["inventory_end"],
    )
    assert drift_share(inventory_pairs(mirrored, intercept="pooled")) == pytest.approx(expected)
    assert drift_share(inventory_pairs(panel.drop(columns="drift"))) == 0
    assert drift_share(inventory_pairs(panel.assign(drift=np.nan))) == 0
