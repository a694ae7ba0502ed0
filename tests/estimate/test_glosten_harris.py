"""Glosten and Harris: recovery, spread by size, the world in which it is wrong, conventions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from tests.truth.gh_tape import FULL, SIMPLE, gh_tape
from tests.truth.mrr_tape import mrr_tape


def impact(trades: pd.DataFrame | mm.Market, **options: object) -> mm.Result:
    return mm.price_impact(trades, model="glosten_harris", **options)


@pytest.fixture(scope="module")
def trades():
    return gh_tape(1, SIMPLE)


@pytest.mark.parametrize("full", [False, True])
def test_coefficients_are_recovered(full):
    truth = FULL if full else SIMPLE
    found = impact(gh_tape(2, truth), full=full)
    table = found.table.set_index("term")
    assert table.index.tolist() == list(truth)
    for name, value in truth.items():
        assert abs(table.loc[name, "estimate"] - value) < 3 * table.loc[name, "std_error"]
    sizes = found.details["sizes"]
    v = sizes["size"]
    kept = truth["c0"] + truth.get("c1", 0) * v
    stays = truth.get("z0", 0) + truth["z1"] * v
    assert sizes["spread"].to_numpy() == pytest.approx((2 * (kept + stays)).to_numpy(), rel=0.05)
    assert (sizes["adverse_share_low"] < stays / (kept + stays)).all()
    assert (sizes["adverse_share_high"] > stays / (kept + stays)).all()


def test_a_round_trip_of_a_thousand(trades):
    """The paper's means: 2 (.0242 + .0133) = .075 for 1,000 shares."""
    found = impact(trades)
    c0, z1 = found.quantities["c0"].value, found.quantities["z1"].value
    assert 2 * (c0 + z1) == pytest.approx(0.075, rel=0.02)
    median = float(trades["size"].median()) / 1000
    assert found.quantities["spread"].value == pytest.approx(2 * (c0 + z1 * median), rel=0.01)
    assert found.quantities["z1"].unit == "currency a unit per 1,000 units"


def test_errors_of_spread_and_share_by_another_way(trades):
    """By draws from the coefficients' joint distribution."""
    found = impact(trades)
    fit, v = found.fit, found.details["sizes"].loc[0.5, "size"]
    c0, z1 = fit.params
    covariance = fit.cov_params().to_numpy()
    draws = np.random.default_rng(3).multivariate_normal([c0, z1], covariance, 200_000)
    spread, share = 2 * (draws[:, 0] + v * draws[:, 1]), v * draws[:, 1]
    share = share / (draws[:, 0] + v * draws[:, 1])
    for name, drawn in (("spread", spread), ("adverse_share", share)):
        quantity = found.quantities[name]
        assert (quantity.high - quantity.low) / 2 / 2.001 == pytest.approx(drawn.std(), rel=0.02)


def test_expected_trades_are_taken_for_news():
    """Where Madhavan, Richardson and Roomans hold: z = theta (1 - rho), c = phi + rho theta."""
    found = impact(mrr_tape(np.random.default_rng(4), days=100, trades=300), per=1.0)
    assert found.quantities["z1"].low < 0.024 < found.quantities["z1"].high
    assert found.quantities["c0"].low < 0.066 < found.quantities["c0"].high
    assert "sides_are_expected" in found.flags
    traps = found.details["traps"].set_index("number")["value"]
    assert traps["autocorrelation of sides"] == pytest.approx(0.4, abs=0.02)
    assert traps["what stays of a surprise: the first over 1 - rho"] == pytest.approx(
        0.04, abs=0.002
    )
    coins = impact(mrr_tape(np.random.default_rng(5), days=60, rho=0.0), per=1.0)
    assert "sides_are_expected" not in coins.flags


def test_hours():
    late = gh_tape(6, SIMPLE | {"z1": 0.03})
    late = late.assign(time=late["time"] + pd.Timedelta("3h"), seq=late["seq"] + 200)
    both = pd.concat([gh_tape(7, SIMPLE), late])
    found = impact(both, by="hour")
    hours = found.details["hours"]
    assert hours.index.tolist() == [0, 3]
    away = hours["z1"] - [0.0133, 0.03]
    assert (away.abs() < 0.75 * (hours["z1_high"] - hours["z1_low"])).all()  # 3 standard errors
    assert found.details["equality"]["p"].iloc[0] < 1e-6


def test_units_ticks_and_mirrors(trades):
    base = impact(trades).table["estimate"].to_numpy()
    twice = trades.assign(price=2 * trades["price"])
    assert impact(twice).table["estimate"].to_numpy() == pytest.approx(2 * base)
    turned = trades.assign(price=100 - trades["price"])
    assert impact(turned).table["estimate"].to_numpy() == pytest.approx(-base)
    mirrored = turned.assign(side=-trades["side"])
    assert impact(mirrored).table["estimate"].to_numpy() == pytest.approx(base)
    million = impact(trades, value=True)  # 1,000 units are about .05 million
    assert million.table["estimate"].to_numpy() == pytest.approx(base * [1, 20], rel=0.05)
    hundred = impact(trades, per=100.0).table["estimate"].to_numpy()
    assert hundred == pytest.approx(base * [1, 0.1])
    bps = impact(trades, unit="bps").table["estimate"].to_numpy()
    assert bps == pytest.approx(base * 1e4 / 50, rel=0.1)
    slow = trades.assign(
        time=trades["day"].dt.tz_localize("UTC")
        + 9 * (trades["time"] - trades["day"].dt.tz_localize("UTC"))
    )
    pd.testing.assert_frame_equal(impact(slow).table, impact(trades).table)


@pytest.mark.bad_input("trades of one size")
def test_one_size_cannot_tell_size_from_side(trades):
    same = trades.assign(size=100.0)
    found = impact(same, full=True)
    assert all("every trade is of one size" in q.reason for q in found.quantities.values())
    assert impact(same).quantities["z1"].identified


def test_arguments_of_the_other_model(trades):
    for options in ({"sign_error": 0.1}, {"flow": "inventory"}, {"shape": "sqrt"}):
        with pytest.raises(ValueError, match="are of model='kyle'"):
            impact(trades, **options)
    with pytest.raises(ValueError, match="by must be one of"):
        impact(trades, by="side")
