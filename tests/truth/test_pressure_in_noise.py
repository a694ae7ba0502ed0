"""The state space model of price pressure (models.md A8) in worlds whose truth is known.

Hendershott and Menkveld (2014) with noise e in the price: r = alpha dI + kappa Ihat + u + de.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from mmresearch.estimate.pressure import price_pressure
from mmresearch.estimate.result import Result
from tests.truth.test_pressure_recovery import ALPHA, KAPPA, economy, share


def noisy(
    days: int, bars: int, rng: np.random.Generator, *, noise: float = 1.0, **world: object
) -> pd.DataFrame:
    """The panel of `economy` with noise in every price; sessions have noise of their own."""
    panel = economy(days, bars, rng, **world)
    if bars == 1:
        moved = np.diff(rng.normal(size=days + 1))
    else:
        moved = np.diff(rng.normal(size=(days, bars + 1)), axis=1).ravel()
    start = panel["day"].dt.tz_localize("UTC") + pd.to_timedelta(60 * panel["bar"], unit="s")
    return panel.assign(
        return_bps=panel["return_bps"] + noise * moved,
        start=start,
        end=start + pd.Timedelta("60s"),
        gap=False,
        opening_known=True,
    )


def errors_away(result: Result, name: str, truth: float) -> float:
    quantity = result.quantities[name]
    return abs(quantity.value - truth) / ((quantity.high - quantity.low) / 3.92)


@pytest.mark.parametrize(("days", "bars"), [(2500, 1), (60, 100)])
def test_pressure_and_information_are_recovered_where_prices_are_noisy(days, bars):
    panel = noisy(days, bars, np.random.default_rng(1))
    result = price_pressure(panel, method="state_space", per=1.0, draws=99)
    for name, truth in (
        ("pressure", ALPHA),
        ("information", KAPPA),
        ("total", ALPHA + KAPPA),
        ("noise_sd", 1.0),
        # (.25 / .51 + 1) / (.09 + 1); ds: .25 * 2 / 1.7 + 2
        ("variance_ratio", 1.3670),
        ("transitory_share", 2.29412 / (2.29412 + 1.09)),
    ):
        assert result.quantities[name].identified
        assert errors_away(result, name, truth) < 3
    naive = result.details["traps"].loc["naive", "estimate"]
    assert naive == pytest.approx(-0.755, abs=0.08)
    assert abs(naive - ALPHA) > 0.15
    # MA(1) of the joint regression's errors: -1 / (1 + 2); the filter leaves none
    first = result.details["autocorrelation"].set_index("errors")["first autocorrelation"]
    assert first["joint regression"] == pytest.approx(-1 / 3, abs=0.05)
    assert first["state space, one step ahead"] == pytest.approx(0, abs=0.05)
    beside = result.details["joint_regression"].set_index(["quantity", "method"])
    width = (beside["high"] - beside["low"])["pressure"]
    assert width["state_space"] < (0.8 if bars == 1 else 1.2) * width["regression"]


def test_half_life_of_pressure_is_inventorys_by_prices_too():
    panel = noisy(60, 100, np.random.default_rng(1))
    result = price_pressure(panel, method="state_space", per=1.0, draws=99)
    truth = 60 * math.log(0.5) / math.log(0.7)
    inventory, prices = (result.quantities[n] for n in ("half_life", "price_half_life"))
    for quantity in (inventory, prices):
        assert quantity.unit == "seconds"
        assert quantity.low < truth < quantity.high
    assert "half_lives_differ" not in result.flags


def test_pressure_that_fades_at_another_speed_is_said():
    # prices are pushed by z with persistence 0.2, inventory has 0.9: half-lives .43 and 6.6 bars
    rng = np.random.default_rng(5)
    panel = noisy(100, 100, rng, rho=0.9, alpha=0.0, kappa=0.0)
    change = panel["inventory_end"] - 0.9 * panel["inventory_start"]
    z = np.zeros(len(panel) + 1)
    for t, surprise in enumerate(change):
        z[t + 1] = 0.2 * z[t] + surprise
    pushed = panel.assign(return_bps=panel["return_bps"] - 1.0 * np.diff(z))
    result = price_pressure(pushed, method="state_space", per=1.0, draws=99)
    assert "half_lives_differ" in result.flags
    assert result.quantities["price_half_life"].high < 90  # seconds; 26 in truth
    assert "half_lives_differ" in result.details["meaning"].index


def test_a_factor_is_taken_out_and_its_slope_found():
    rng = np.random.default_rng(2)
    panel = noisy(60, 50, rng)
    market = rng.normal(scale=3.0, size=len(panel))
    moved = panel.assign(market_bps=market, return_bps=panel["return_bps"] + 1.2 * market)
    for method in ("regression", "state_space"):
        result = price_pressure(moved, method=method, factor="market_bps", per=1.0, draws=99)
        beta = result.table.set_index("term").loc["factor"]
        assert abs(beta["estimate"] - 1.2) < 3 * beta["std_error"]
        assert errors_away(result, "pressure", ALPHA) < 3
    without = price_pressure(moved, method="state_space", per=1.0, draws=99).quantities["pressure"]
    found = result.quantities["pressure"]
    assert found.high - found.low < 0.7 * (without.high - without.low)
    assert result.details["variance"].set_index("part").loc["factor", "variance"] == pytest.approx(
        1.44 * market.var(), rel=0.1
    )


def test_random_walk_inventory_is_refused_as_by_the_regression():
    # the unit-root test has a size of 5 %; R = 25: 20 % is 3.4 standard errors above
    rng, refused = np.random.default_rng(4), []
    for _ in range(25):
        panel = noisy(45, 12, rng, rho=1.0, flat=True).drop(columns="opening_known")
        result = price_pressure(panel, method="state_space", per=1.0, draws=99)
        refused.append(not result.quantities["pressure"].identified)
        assert result.quantities["total"].identified
    assert share(refused) >= 0.8


@pytest.mark.slow
def test_daily_intervals_hold_the_truth_in_noisy_prices():
    # R = 150: .95 +- .053 is 3 standard errors
    rng, held = np.random.default_rng(6), []
    for _ in range(150):
        panel = noisy(500, 1, rng, noise=2.0).drop(columns="opening_known")
        result = price_pressure(panel, method="state_space", per=1.0, draws=99).quantities
        held.append(
            [
                result[n].low <= v <= result[n].high
                for n, v in (("pressure", ALPHA), ("information", KAPPA), ("noise_sd", 2.0))
            ]
        )
    assert (np.mean(held, axis=0) >= 0.897).all()
