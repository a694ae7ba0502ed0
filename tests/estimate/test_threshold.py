"""Thresholds: the fit against statsmodels, the slow way, the curve, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import optimize

from mmresearch.estimate.autoregression import one_chain
from mmresearch.estimate.bands import SPEEDS, band_move, centred, smooth_move
from mmresearch.estimate.threshold import threshold_reversion
from mmresearch.estimate.threshold_kernels import (
    cubic_tests,
    fit_smooth,
    threshold_fits,
    threshold_grid,
    threshold_paths,
)
from mmresearch.estimate.threshold_rows import FLAGS
from tests.truth.bands import band_path
from tests.truth.shifting import daily_panel

LAW = {"c": 3.0, "b_in": -0.02, "b_out": -0.5}


@pytest.fixture(scope="module")
def path():
    return band_path(np.random.default_rng(1), 1500, **LAW)


@pytest.fixture(scope="module")
def answer(path):
    return threshold_reversion(daily_panel(path), draws=99)


def parts(x: np.ndarray, c: float, form: str) -> np.ndarray:
    if form == "jump":
        inside = np.abs(x) <= c
        return np.column_stack([x * inside, x * ~inside])
    return np.column_stack([np.clip(x, -c, c), x - np.clip(x, -c, c)])


def test_move_by_hand():
    x = np.array([-5.0, -2.0, 0.0, 3.0, 4.0])
    # inside 0.1 a unit up to 3, beyond it 0.5 a unit of the excess
    np.testing.assert_allclose(
        band_move(x, 3.0, -0.1, -0.5, "band"), [0.3 + 1.0, 0.2, 0, -0.3, -0.3 - 0.5]
    )
    np.testing.assert_allclose(band_move(x, 3.0, -0.1, -0.5, "jump"), [2.5, 0.2, 0, -0.3, -2.0])
    np.testing.assert_allclose(smooth_move(x, 0.0, -1), 0)
    np.testing.assert_allclose(smooth_move(np.array([2.0]), np.log(2) / 4, -0.4), -0.4)


@pytest.mark.parametrize("form", ["band", "jump"])
def test_every_threshold_is_least_squares(path, form):
    x, change = path[:-1], np.diff(path)
    grid = threshold_grid(x, 0.15, 0.85, 50)
    fits, linear = threshold_fits(x, change, grid, form == "band")
    for c, (b_in, b_out, ssr) in zip(grid, fits, strict=True):
        other = sm.OLS(change, parts(x, c, form)).fit()
        np.testing.assert_allclose([b_in, b_out], other.params, atol=1e-10)
        assert ssr == pytest.approx(other.ssr, rel=1e-10)
    assert linear == pytest.approx(sm.OLS(change, x).fit().ssr, rel=1e-10)


@pytest.mark.parametrize("form", ["band", "jump"])
def test_paths_are_those_of_a_plain_loop(path, form):
    levels = centred(one_chain(path[:301]), None)
    law = (2.5, -0.05, -0.4)
    error = levels.change - band_move(levels.x, *law, form)
    signs = (2 * np.random.default_rng(1).integers(0, 2, (300, 10)) - 1).astype(np.int8)
    ends = np.array([0, 300])
    made = (error, signs, np.zeros(300), ends, levels.x[:1], True)
    fast = threshold_paths(np.array(law), form == "band", *made, 0.15, 0.85, 40)[:, :4]
    for d in range(10):
        level, x = levels.x[0], []
        for row in range(300):
            x.append(level)
            level += band_move(np.array([level]), *law, form)[0] + error[row] * signs[row, d]
        change = np.diff([*x, level])
        x = np.array(x) - np.mean(x)
        ordered = np.sort(np.abs(x))
        grid = [ordered[int(share * 299)] for share in 0.15 + 0.7 * np.arange(40) / 39]
        tried = [sm.OLS(change, parts(x, c, form)).fit() for c in grid]
        best = int(np.argmin([fit.ssr for fit in tried]))
        ratio = sm.OLS(change, x).fit().ssr / tried[best].ssr
        slow = [300 * (ratio - 1), grid[best], *tried[best].params]
        np.testing.assert_allclose(fast[d], slow, rtol=1e-8, atol=1e-10)


def test_cubic_tests_are_those_of_statsmodels(path):
    x, change = path[:-1], np.diff(path)
    alone, beside = cubic_tests(x, change)
    assert alone == pytest.approx(sm.OLS(change, x**3).fit().tvalues[0], rel=1e-9)
    both = sm.OLS(change, np.column_stack([x, x**3])).fit()
    assert beside == pytest.approx(both.tvalues[1], rel=1e-8)


def test_smooth_fit_is_that_of_a_general_optimiser():
    rng = np.random.default_rng(3)
    x = 2 * rng.standard_normal(2000)
    change = smooth_move(x, 0.15, -0.6) + 0.5 * rng.standard_normal(2000)
    g, theta, ssr = fit_smooth(x, change, SPEEDS)
    other = optimize.least_squares(
        lambda at: change - smooth_move(x, np.exp(at[0]), at[1]), [0.0, -0.3], xtol=1e-12
    )
    assert ssr == pytest.approx(2 * other.cost, rel=1e-9)
    assert g == pytest.approx(np.exp(other.x[0]), rel=1e-3)
    assert theta == pytest.approx(other.x[1], rel=1e-3)


def test_answer(answer, path):
    table = answer.tidy().set_index("term")
    c = answer.quantities["threshold"].value
    other = sm.OLS(np.diff(path), parts(path[:-1] - path[:-1].mean(), c, "band")).fit()
    np.testing.assert_allclose(table["estimate"], other.params, rtol=1e-8)
    outside = answer.quantities["half_life_outside"]
    b_out = table.loc["b_out"]
    for value, b in (
        (outside.value, b_out["estimate"]),
        (outside.low, b_out["low"]),
        (outside.high, b_out["high"]),
    ):
        assert value == pytest.approx(np.log(0.5) / np.log(1 + b))
    assert outside.identified
    assert outside.unit == "sessions"
    test = answer.details["linearity"].iloc[0]
    assert test["null"] == "one speed"
    assert test["p"] == 1 / 100
    curve = answer.details["curve"]
    assert curve["change"].iloc[0] > 0 > curve["change"].iloc[-1]
    assert set(answer.details["flags"]["flag"]) <= set(FLAGS) | set(answer.flags)


def test_half_life_is_in_seconds_of_clock_bars(panel_of, path):
    days = [path[k * 150 : (k + 1) * 150 + 1] for k in range(10)]
    found = threshold_reversion(panel_of(days, seconds=60.0, known=False), draws=19)
    life = found.quantities["half_life_outside"]
    b = found.tidy().set_index("term").loc["b_out", "estimate"]
    assert life.unit == "seconds"
    assert life.value == pytest.approx(60 * np.log(0.5) / np.log(1 + b))


def test_one_speed_is_not_two():
    path = band_path(np.random.default_rng(2), 500, b_in=-0.2, b_out=-0.2)
    for options in ({"form": "band"}, {"form": "jump"}, {"kind": "estar"}):
        found = threshold_reversion(daily_panel(path), draws=99, **options)
        assert "linearity_not_rejected" in found.flags
        assert not any(quantity.identified for quantity in found.quantities.values())
        assert "one speed" in found.quantities["threshold"].reason


def test_a_limit_that_is_seldom_passed_is_found_by_the_wider_search():
    """The jump at 5 lies beyond the 85 % quantile, where the search usually ends."""
    path = band_path(np.random.default_rng(5), 3000, jump=True)
    assert np.quantile(np.abs(path), 0.85) < 5 < np.quantile(np.abs(path), 0.99)
    wide = threshold_reversion(
        daily_panel(path), form="jump", target=0.0, quantiles=(0.15, 0.99), draws=99
    ).quantities["threshold"]
    assert wide.low < 5 < wide.high
    assert wide.identified


def test_a_threshold_at_the_end_of_the_search_is_refused():
    """Brought back beyond 12, searched up to 6: the last level fits best."""
    path = band_path(np.random.default_rng(6), 3000, c=12.0, b_out=-0.8)
    far = np.quantile(np.abs(path), [0.2, 0.4])
    assert far[1] < 9
    found = threshold_reversion(daily_panel(path), quantiles=(0.2, 0.4), draws=99)
    assert "last one searched" in found.quantities["half_life_outside"].reason
    assert not found.quantities["threshold"].identified


def test_smooth_speeds_rise_with_distance(path):
    found = threshold_reversion(daily_panel(path), kind="estar", draws=99)
    near, far = (found.quantities[f"half_life_{k}"] for k in ("inside", "outside"))
    assert far.value < near.value
    assert "one sd" in near.name
    assert found.details["linearity"]["p"].tolist() == [0.01, 0.01]


def test_a_random_walk_is_refused_by_the_smooth_form():
    walk = np.random.default_rng(3).standard_normal(300).cumsum()
    found = threshold_reversion(daily_panel(walk), kind="estar", draws=99)
    assert "a random walk" in found.quantities["half_life_outside"].reason


# --- bad input ------------------------------------------------------------------------------------

WALK = np.random.default_rng(9).standard_normal(120).cumsum()


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        (WALK[:20], "leave fewer than 100"),
        (WALK[:2], "in no bar did a known inventory move"),
        (np.full(120, 7.0), "in no bar did a known inventory move"),
        (np.full(120, np.nan), "in no bar did a known inventory move"),
        (np.tile([0.0, 1.0, 1.0, 0.0], 30), "distances from 0"),
    ],
    ids=["few", "one session", "constant", "missing", "two levels"],
)
@pytest.mark.parametrize("kind", ["setar", "estar"])
def test_data_that_cannot_tell_are_refused(levels, reason, kind):
    found = threshold_reversion(daily_panel(levels), kind=kind)
    assert list(found.quantities) == ["half_life_inside", "half_life_outside", "threshold"]
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert reason in quantity.reason
        assert np.isnan(quantity.value)
    assert reason in str(found)


@pytest.mark.parametrize(
    ("panel", "fault"),
    [
        (daily_panel(np.where(np.arange(120) == 5, np.inf, WALK)), "2 bars have infinite"),
        (pd.concat([daily_panel(WALK)] * 2), "119 bars stand twice"),
        (daily_panel(WALK).drop(columns="gap"), "lacks the columns gap"),
    ],
    ids=["infinite", "twice", "columns"],
)
def test_a_panel_that_is_not_one_series_is_refused(panel, fault):
    with pytest.raises(ValueError, match=fault):
        threshold_reversion(panel)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"kind": "tar"}, "kind must be one of setar, estar, not 'tar'"),
        ({"form": "kink"}, "form must be one of band, jump, not 'kink'"),
        ({"quantiles": (0.9, 0.1)}, "quantiles must rise"),
        ({"account": "Z"}, "one account is needed, not 'Z'; the panel holds: A"),
    ],
)
def test_options_that_are_not_known_are_named(options, fault):
    with pytest.raises(ValueError, match=fault):
        threshold_reversion(daily_panel(WALK), **options)
