"""The law of impact: the square root recovered, the trap of logs, errors, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.optimize

import mmresearch as mm
from tests.truth.large_orders import large_orders


@pytest.fixture(scope="module")
def orders():
    return large_orders(np.random.default_rng(1))


@pytest.fixture(scope="module")
def answer(orders):
    return mm.impact_law(orders)


def test_the_square_root_is_found_and_logs_make_it_flat(answer):
    """Y .8, noise .3: ours .5, logs of what is above 0 about .06."""
    delta, first = answer.quantities["delta"], answer.quantities["prefactor"]
    row = answer.table.set_index("term")
    assert abs(delta.value - 0.5) < 3 * row.loc["delta", "std_error"]
    assert row.loc["delta", "std_error"] == pytest.approx(0.023, abs=0.003)
    assert abs(first.value - 0.8) < 3 * row.loc["prefactor", "std_error"]
    one = answer.quantities["impact_one_percent"]
    assert one.low < 0.08 < one.high
    assert one.high - one.low < 0.015
    traps = answer.details["traps"].set_index("fit")
    naive = traps.loc["logs of single orders, those not above 0 dropped"]
    assert naive["delta"] == pytest.approx(0.06, abs=0.02)
    assert naive["orders"] < 0.7 * 20_000
    assert answer.flags == ()
    assert answer.details["tests"]["p"].gt(0.005).all()


@pytest.mark.parametrize("delta", [0.25, 1.0])
def test_other_exponents(delta):
    found = mm.impact_law(large_orders(np.random.default_rng(2), delta=delta, prefactor=2.0))
    row = found.table.set_index("term").loc["delta"]
    assert abs(row["estimate"] - delta) < 3 * row["std_error"]
    assert found.details["tests"]["p"].iloc[0] < 0.001


def test_the_fit_is_scipys_weighted_least_squares(answer):
    table = answer.details["bins"]
    params, _ = scipy.optimize.curve_fit(
        lambda q, first, delta: first * q**delta,
        table["size"],
        table["impact"],
        p0=[1.0, 0.7],
        sigma=table["std_error"],
        absolute_sigma=True,
        xtol=1e-14,
        ftol=1e-14,
    )
    assert answer.table["estimate"].to_numpy() == pytest.approx(params, rel=1e-5)
    assert table["orders"].sum() == 20_000
    assert table["orders"].between(1000, 1000).all()
    assert table["fitted"].to_numpy() == pytest.approx(
        params[0] * table["size"] ** params[1], rel=1e-4
    )


def test_errors_of_independent_orders_are_those_of_the_bins(answer):
    """With means that are independent the sandwich is the inverse of the information, nearly."""
    table = answer.details["bins"]
    q, (first, delta) = table["size"], answer.table["estimate"]
    slopes = np.column_stack([q**delta, first * q**delta * np.log(q)])
    information = slopes.T @ (slopes / table[["std_error"]].to_numpy() ** 2)
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    assert answer.table["std_error"].to_numpy() == pytest.approx(errors, rel=0.01)


def test_days_with_a_common_part_have_wider_errors():
    """The same day's orders moved together: clustered errors are larger than the others."""
    made = large_orders(np.random.default_rng(3), days=60, common=0.05, count=6000)
    found = mm.impact_law(made)
    assert "clustered by day (60 days)" in found.errors
    alone = mm.impact_law(made.drop(columns="day"))
    ratio = found.table["std_error"] / alone.table["std_error"]
    assert (ratio > 1.05).all()
    assert found.quantities["delta"].value == alone.quantities["delta"].value
    few = mm.impact_law(made[made["day"] < "2024-01-11"])
    assert "clustered by day (10 days)" in few.errors
    assert few.flags == ("few_clusters",)


def test_a_law_that_does_not_hold_is_flagged():
    made = large_orders(np.random.default_rng(4), noise=0.05)
    made["impact"] = (
        np.where(made["size"] < 1e-2, 0.1, 0.4) + made["impact"] - 0.8 * made["size"] ** 0.5
    )
    assert "law_does_not_fit" in mm.impact_law(made).flags


def test_proxies_are_flagged(orders):
    found = mm.impact_law(orders.assign(proxy=True, own_session=True))
    assert found.flags == ("public_tape_proxy", "volatility_of_own_session")


CANNOT_TELL = {
    "too few orders": (lambda o: o.head(60), "60 orders, where 100 are needed"),
    "orders of one size": (lambda o: o.assign(size=0.01), "no exponent can be told"),
    "impacts that are noise": (
        lambda o: o.assign(impact=np.tile([1.0, -1.0], len(o) // 2)),
        "",
    ),
    "impacts against the order": (lambda o: o.assign(impact=-o["impact"]), "prices move against"),
    "no orders": (lambda o: o.iloc[:0], "0 orders"),
}


@pytest.mark.bad_input(*CANNOT_TELL)
@pytest.mark.parametrize("fault", CANNOT_TELL)
def test_orders_that_cannot_tell_are_refused(fault, orders):
    change, reason = CANNOT_TELL[fault]
    found = mm.impact_law(change(orders))
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert reason in quantity.reason


@pytest.mark.bad_input("infinite values", "sizes of 0", "missing values", "a text in a number")
def test_faults_are_named_at_once(orders):
    bad = orders.copy()
    bad.loc[1, "impact"] = np.inf
    bad.loc[2, "impact"] = np.nan
    bad.loc[3, "size"] = 0.0
    with pytest.raises(ValueError, match=r"size is not above 0 in 1 rows; impact is .* in 2 rows"):
        mm.impact_law(bad)
    with pytest.raises(ValueError, match="size is not a number"):
        mm.impact_law(orders.assign(size="large"))
    with pytest.raises(ValueError, match="lack the columns impact"):
        mm.impact_law(orders[["size"]])
    with pytest.raises(TypeError, match="is a DataFrame as"):
        mm.impact_law([1])
    with pytest.raises(ValueError, match="bins must be"):
        mm.impact_law(orders, bins=2)
    with pytest.raises(ValueError, match="errors must be one of"):
        mm.impact_law(orders, errors="wild")


@pytest.mark.bad_input("unsorted rows")
def test_order_of_rows_does_not_matter(orders, answer):
    found = mm.impact_law(orders.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(found.table, answer.table, rtol=1e-6)
