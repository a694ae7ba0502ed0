"""The state space answer of price pressure: units, mirrors, holes, nights, pools, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmresearch.estimate.pressure import price_pressure
from mmresearch.estimate.pressure_rows import pressure_rows, stretches
from mmresearch.estimate.result import Result
from tests.truth.test_pressure_in_noise import noisy


def states(panel: pd.DataFrame, **options: object) -> Result:
    return price_pressure(panel, method="state_space", draws=99, **options)


def ends(result: Result, name: str = "pressure") -> np.ndarray:
    q = result.quantities[name]
    return np.array([q.low, q.value, q.high])


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return noisy(45, 30, np.random.default_rng(0))


def test_path_adds_up_and_its_pressure_is_alpha_times_inventory(panel):
    result = states(panel, per=1.0)
    path = result.details["path"]
    total = path["efficient"] + path["pressure"] + path["noise"]
    np.testing.assert_allclose(path["price"], total, atol=1e-9)
    price = panel.groupby("day")["return_bps"].cumsum()
    np.testing.assert_allclose(path["price"], price, atol=1e-9)
    alpha = result.table["estimate"][1]
    held = alpha * (panel["inventory_end"] - panel["inventory_start"].mean())
    np.testing.assert_allclose(path["pressure"], held, atol=1e-9)
    # noise is what is left: its sd in the sample is below the model's 1, as a smoother's is
    assert 0.3 < path["noise"].std() < 1.1


def test_variances_add_up(panel):
    parts = states(panel, per=1.0).details["variance"].set_index("part")["variance"]
    assert parts.iloc[:-2].sum() == pytest.approx(parts["model"], rel=1e-12)


def test_mirror_and_units(panel):
    plain = states(panel, per=1.0)
    turned = states(panel.assign(return_bps=-panel["return_bps"]), per=1.0)
    np.testing.assert_allclose(ends(turned), -ends(plain)[::-1], rtol=1e-5)
    np.testing.assert_allclose(ends(states(panel, per=10.0)), 10 * ends(plain), rtol=1e-5)
    doubled = states(panel.assign(return_bps=2 * panel["return_bps"]), per=1.0)
    np.testing.assert_allclose(ends(doubled), 2 * ends(plain), rtol=1e-4)
    for name in ("variance_ratio", "transitory_share", "price_half_life", "half_life"):
        np.testing.assert_allclose(ends(doubled, name), ends(plain, name), rtol=1e-3)


@pytest.mark.parametrize("by", [1e6, 1e-6])
def test_no_unit_changes_how_fast_pressure_fades(panel, by):
    """Inventory, a factor or returns in another unit: the same half-life and t of every speed."""
    panel = panel.assign(market=np.random.default_rng(1).normal(size=len(panel)))
    plain = states(panel, per=1.0, factor="market")
    others = {
        "inventory": states(panel, per=by, factor="market"),
        "factor": states(panel.assign(market=by * panel["market"]), per=1.0, factor="market"),
        "returns": states(
            panel.assign(return_bps=by * panel["return_bps"]), per=1.0, factor="market"
        ),
    }
    tried = plain.details["fading"]
    low, value, high = ends(plain, "price_half_life")
    assert low < value < high < np.inf
    # the least of the sum of squares is between the persistences tried, not one of them
    assert np.abs(tried["half_life"] / value - 1).min() > 1e-3
    for other in others.values():
        np.testing.assert_allclose(ends(other, "price_half_life"), [low, value, high], rtol=1e-5)
        np.testing.assert_allclose(other.details["fading"]["t"], tried["t"], rtol=1e-4, atol=1e-5)


def test_nights_and_holes_begin_a_stretch(panel):
    rows = pressure_rows(panel)
    assert stretches(rows).sum() == 45
    hole = panel.copy()
    hole.loc[[40, 41], "return_bps"] = np.nan
    assert stretches(pressure_rows(hole)).sum() == 46
    daily = noisy(30, 1, np.random.default_rng(0))
    assert stretches(pressure_rows(daily)).sum() == 1
    daily.loc[12, "gap"] = True
    assert np.flatnonzero(stretches(pressure_rows(daily))).tolist() == [0, 11]


def test_trending_prices_have_no_noise_and_the_regression_is_the_same():
    rng = np.random.default_rng(3)
    calm = noisy(45, 30, rng, noise=0.0)
    carried = 0.4 * rng.normal(size=len(calm) + 1)
    calm = calm.assign(return_bps=calm["return_bps"] + carried[1:] + carried[:-1])
    result = states(calm, per=1.0)
    assert "no_noise" in result.flags
    plain = price_pressure(calm, per=1.0)
    np.testing.assert_allclose(ends(result), ends(plain), rtol=1e-9)
    low, value, high = ends(result, "noise_sd")
    assert (low, value) == (0, 0)
    assert 0 <= high < 0.5


def test_prices_that_only_bounce_around_a_level_are_said():
    rng = np.random.default_rng(3)
    panel = noisy(45, 30, rng, noise=0.0, alpha=0.0, kappa=0.0)
    drawn = rng.normal(size=(45, 32))
    bounce = np.diff(drawn[:, 1:] - 0.3 * drawn[:, :-1], axis=1).ravel()
    result = states(panel.assign(return_bps=bounce), per=1.0)
    assert "no_random_walk" in result.flags
    assert not result.quantities["variance_ratio"].identified
    assert "around a level" in result.quantities["variance_ratio"].reason


@pytest.mark.parametrize("method", ["regression", "state_space"])
def test_a_pools_price_is_a_function_of_its_inventory(panel, method):
    pool = panel.assign(
        account="pool",
        participation=1.0,
        trade_return_bps=-0.8 * (panel["inventory_end"] - panel["inventory_start"]) + 1e-6,
        return_bps=np.nan,
    )
    pool["trade_return_bps"] += 1e-3 * np.random.default_rng(0).normal(size=len(pool))
    result = price_pressure(pool, method=method, per=1.0, draws=99)
    assert "price_is_a_function_of_inventory" in result.flags
    for name in ("pressure", "information", "pressure_sd"):
        assert not result.quantities[name].identified
        assert "function of what the pool holds" in result.quantities[name].reason
    assert result.details["inventory"].loc[0, "whose"] == "a pool's"
    # the curve's slope is told
    assert result.quantities["total"].value == pytest.approx(-0.8, abs=1e-3)
    # its price in quotes without sizes is its own too
    quoted = pool.assign(return_bps=pool["trade_return_bps"], microprice=np.nan)
    flags = price_pressure(quoted, method=method, per=1.0, draws=99).flags
    assert "price_is_a_function_of_inventory" in flags
    # with a price from elsewhere it is a maker like another
    outside = pool.assign(return_bps=panel["return_bps"], microprice=100.0)
    other = price_pressure(outside, method=method, per=1.0, draws=99)
    assert "price_is_a_function_of_inventory" not in other.flags
    assert other.quantities["pressure"].identified


def test_few_days_are_answered_and_flagged():
    result = states(noisy(2, 300, np.random.default_rng(1)), per=1.0)
    assert "few_days" in result.flags
    assert "Newey-West" in result.errors
    assert "exact diffuse start in each of 2 stretches" in result.errors


def test_half_life_without_the_columns_it_needs_is_not_identified(panel):
    result = states(panel.drop(columns=["start", "end"]), per=1.0)
    life = result.quantities["half_life"]
    assert not life.identified
    assert "lacks the columns" in life.reason


def test_what_is_unknown_is_refused(panel):
    with pytest.raises(ValueError, match="method must be one of regression, state_space"):
        price_pressure(panel, method="kalman")
    with pytest.raises(ValueError, match="the panel lacks the columns market"):
        price_pressure(panel, factor="market")
    missing = panel.assign(market=np.where(panel["bar"] == 3, np.nan, 1.0 * panel["bar"]))
    result = price_pressure(missing, factor="market", draws=99)
    assert result.sample.dropped["without the factor"] == 45
