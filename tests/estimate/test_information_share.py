"""Information shares: exact truth, against statsmodels' VECM, the long way round, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.stattools import adfuller
from statsmodels.tsa.vector_ar.vecm import VECM

import mmresearch as mm
from mmresearch.estimate.share_moments import solve_correction
from mmresearch.estimate.share_rows import share_rows
from mmresearch.estimate.var_moments import window_moments
from tests.truth.venues import population_shares, two_venues, venue_table

QUICK = {"draws": 99, "max_lags": 8}


@pytest.fixture(scope="module")
def prices():
    return two_venues(np.random.default_rng(1), days=8, steps=500)


@pytest.fixture(scope="module")
def answer(prices):
    return mm.information_share(prices, lags=4, **QUICK)


def log_bps(prices):
    return 1e4 * np.log(prices[["first", "second"]].to_numpy())


def solved(rows, lags):
    moments = window_moments(rows.y, rows.usable(lags), np.array([0, len(rows.y)]), lags)
    return solve_correction(moments, len(rows.venues), lags)


# --- truth ----------------------------------------------------------------------------------------


def test_exact_shares_of_two_venues_that_are_alike_or_one_late():
    """The sheet's simulation says (.78, .20) and .49; and at least .979 for the leader."""
    shares, component = population_shares(1.0, 0)
    assert shares[:, 0] == pytest.approx([0.7887, 0.2113], abs=1e-4)
    assert shares.mean(axis=0) == pytest.approx([0.5, 0.5])
    assert component == pytest.approx([0.5, 0.5])
    shares, component = population_shares(0.2, 1)
    assert (shares[:, 0] >= 0.979).all()
    assert component[0] >= 0.979


def test_a_long_table_gives_them():
    alike = two_venues(np.random.default_rng(2), days=20, steps=5000)
    found = mm.information_share(alike, **QUICK).details["bounds"].loc["first"]
    assert found["highest"] == pytest.approx(0.7887, abs=0.02)
    assert found["lowest"] == pytest.approx(0.2113, abs=0.02)
    assert found["midpoint"] == pytest.approx(0.5, abs=0.02)
    late = two_venues(np.random.default_rng(3), days=20, steps=5000, noise=0.1, late=1)
    result = mm.information_share(late, **QUICK)
    orders = result.details["orderings"]
    assert (orders["first"] >= 0.979).all()
    assert result.quantities["share of first"].low > 0.97
    component = result.quantities["component share of first"]
    assert component.low < 0.995 < component.high
    assert result.quantities["share of second"].high < 0.03


def test_intervals_hold_both_bounds(answer):
    q = answer.quantities["share of first"]
    row = answer.details["bounds"].loc["first"]
    assert q.value == pytest.approx(row["midpoint"]) == (row["lowest"] + row["highest"]) / 2
    assert 0 < q.low == row["lowest_low"] < row["lowest"] < row["highest"]
    assert row["highest"] < row["highest_high"] == q.high < 1
    assert q.low < 0.2113 < 0.7887 < q.high
    assert "bounds_are_wide_sample_finer" in answer.flags


# --- against statsmodels, and the long way round --------------------------------------------------


def test_statsmodels_vecm_with_its_own_beta():
    """statsmodels estimates beta: with the gap made of that, everything else is the same."""
    day = two_venues(np.random.default_rng(4), days=1, steps=800)
    for lags in (1, 3):
        theirs = VECM(log_bps(day), k_ar_diff=lags, coint_rank=1, deterministic="co").fit()
        ours = solved(share_rows(day, theirs.beta), lags)
        assert ours.alpha[0] == pytest.approx(theirs.alpha, abs=1e-8)
        assert np.hstack(ours.gammas[0]) == pytest.approx(theirs.gamma, abs=1e-8)
        assert ours.sigma[0] == pytest.approx(theirs.sigma_u, abs=1e-8)
        assert theirs.beta[1, 0] == pytest.approx(-1, abs=0.05)


def test_the_fit_is_statsmodels_result_of_the_imposed_beta(answer, prices):
    fit = answer.fit
    resid = fit.resid
    assert len(resid) == answer.sample.used == 8 * (500 - 1 - 4)
    assert resid.T @ resid / len(resid) == pytest.approx(fit.sigma_u, rel=1e-9)
    assert resid.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert fit.beta[:, 0].tolist() == [1, -1]
    assert fit.alpha.ravel() == pytest.approx(answer.table["estimate"].to_numpy())


def test_dickey_fuller_of_the_gap_is_statsmodels():
    day = two_venues(np.random.default_rng(5), days=1, steps=800)
    found = mm.information_share(day, lags=3, **QUICK).details["cointegration"]
    gap = -np.diff(log_bps(day), axis=1)[:, 0]
    theirs = adfuller(gap, maxlag=3, regression="c", autolag=None, result_object=True)
    assert found.loc["first and second", ["t", "p"]].tolist() == pytest.approx(
        [theirs.statistic, theirs.pvalue], abs=1e-8
    )


def test_three_venues_the_long_way_round():
    """An innovation run on until all prices have moved alike: that row is psi; then Cholesky."""
    rng = np.random.default_rng(6)
    value = np.cumsum(rng.standard_normal((6, 600)), axis=1)
    logs = {
        n: value + s * rng.standard_normal(value.shape)
        for n, s in zip("abc", (0.3, 1, 2), strict=True)
    }
    found = mm.information_share(venue_table(logs), lags=2, **QUICK)
    fit = found.fit
    rows = []
    for shock in np.eye(3):
        level, moves = shock.copy(), [np.zeros(3), shock]
        for _ in range(500):
            gaps = fit.beta.T @ level
            move = fit.alpha @ gaps + fit.gamma[:, :3] @ moves[-1] + fit.gamma[:, 3:] @ moves[-2]
            level, moves = level + move, [moves[-1], move]
        assert level == pytest.approx([level[0]] * 3, abs=1e-9)
        rows.append(level[0])
    psi = np.array(rows)
    bounds = found.details["bounds"]
    assert bounds["component"].to_numpy() == pytest.approx(psi / psi.sum(), abs=1e-9)
    first = (psi @ np.linalg.cholesky(fit.sigma_u)) ** 2
    orders = found.details["orderings"]
    assert orders.iloc[0].to_numpy() == pytest.approx(first / first.sum(), abs=1e-9)
    places = [2, 0, 1]  # c, a, b
    turned = (psi[places] @ np.linalg.cholesky(fit.sigma_u[np.ix_(places, places)])) ** 2
    by_name = dict(zip("cab", turned / turned.sum(), strict=True))
    assert orders.iloc[4].to_dict() == pytest.approx(by_name, abs=1e-9)
    assert orders.index.tolist() == list("aabbcc")
    assert orders.sum(axis=1).to_numpy() == pytest.approx(np.ones(6))
    # the less noise, the more is found there
    assert bounds["midpoint"].is_monotonic_decreasing


# --- conventions ----------------------------------------------------------------------------------


def test_nothing_crosses_a_night_and_a_basis_does_not_matter(prices, answer):
    factor = 1 + 0.05 * (prices["day"].dt.day % 3)
    moved = prices.assign(first=prices["first"] * factor, second=prices["second"] * factor * 1.01)
    found = mm.information_share(moved, lags=4, **QUICK)
    pd.testing.assert_frame_equal(found.details["bounds"], answer.details["bounds"], rtol=1e-6)


def test_names_may_stand_in_any_order(prices, answer):
    turned = mm.information_share(prices[["day", "time", "second", "first"]], lags=4, **QUICK)
    pd.testing.assert_frame_equal(
        turned.details["bounds"].sort_index(), answer.details["bounds"], rtol=1e-6
    )


def test_two_shares_add_to_one(answer):
    bounds = answer.details["bounds"]
    assert bounds["midpoint"].sum() == pytest.approx(1)
    assert bounds["component"].sum() == pytest.approx(1)
    assert bounds["lowest"]["first"] == pytest.approx(1 - bounds["highest"]["second"])


def test_coarse_steps_hide_who_is_first():
    """The second venue is a step late: sampled at 30 steps the bounds are far apart, and said."""
    fine = two_venues(np.random.default_rng(7), days=10, steps=6000, noise=0.2, late=1)
    coarse = fine[fine.groupby("day").cumcount() % 30 == 0].reset_index(drop=True)
    width = {}
    for name, table in {"fine": fine, "coarse": coarse}.items():
        found = mm.information_share(table, **QUICK)
        row = found.details["bounds"].loc["first"]
        width[name] = row["highest"] - row["lowest"]
        assert ("bounds_are_wide_sample_finer" in found.flags) == (name == "coarse")
    assert width["fine"] < 0.03
    assert width["coarse"] > 0.8


def test_stale_prices_are_flagged_and_follow():
    fine = two_venues(np.random.default_rng(8), days=8, steps=2000, noise=0.2)
    place = fine.groupby("day").cumcount()
    held = fine["second"].where(place % 10 == 0).ffill()
    found = mm.information_share(fine.assign(second=held), **QUICK)
    assert "stale_prices_second" in found.flags
    assert found.details["bounds"].loc["first", "lowest"] > 0.8
    assert "stale_prices_second" not in mm.information_share(fine, **QUICK).flags


def test_few_days_are_drawn_in_blocks(prices):
    found = mm.information_share(prices[prices["day"] == prices["day"].iloc[0]], **QUICK)
    assert "few_days" in found.flags
    assert "steps (" in found.errors


# --- bad input ------------------------------------------------------------------------------------


def walks(prices):
    rng = np.random.default_rng(9)
    shape = (8, 500)
    return venue_table({n: rng.standard_normal(shape).cumsum(1) for n in ("first", "second")})


CANNOT_TELL = {
    "prices that wander apart": (walks, "the gap between first and second is not found to close"),
    "the same price twice": (
        lambda t: t.assign(second=1.001 * t["first"]),
        "first and second always have the same price",
    ),
    "a price that never moves": (lambda t: t.assign(second=100.0), "second never changes"),
    "too few steps": (lambda t: t.head(40), "steps with 4 lags before them in their day, where 60"),
    "a venue without prices": (lambda t: t.assign(second=np.nan), "0 steps with 4 lags"),
    "sessions shorter than the lag": (
        lambda t: t.assign(day=t["time"].dt.floor("4s").dt.tz_localize(None)),
        "0 steps with 4 lags",
    ),
    "no rows": (lambda t: t.iloc[:0], "0 steps"),
}


@pytest.mark.bad_input(*CANNOT_TELL)
@pytest.mark.parametrize("fault", CANNOT_TELL)
def test_prices_that_cannot_tell_are_refused(fault, prices):
    change, reason = CANNOT_TELL[fault]
    found = mm.information_share(change(prices), lags=4, **QUICK)
    assert len(found.quantities) == 4
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert reason in quantity.reason
    assert reason in str(found)


@pytest.mark.bad_input("infinite values", "negative prices", "a text in a number", "one venue")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="day"), "the prices lack the columns day"),
        (lambda t: t.drop(columns="second"), "1 venue: two or more"),
        (lambda t: t.assign(second="ten"), "second is not a number"),
        (lambda t: t.assign(second=-t["second"]), r"second is not above 0 in 4000 rows \(prices"),
        (lambda t: t.assign(second=np.inf), "second is infinite in 4000 rows"),
        (lambda t: pd.concat([t, t.head(2)]), "2 steps stand twice"),
    ],
)
def test_tables_that_are_none(prices, change, message):
    with pytest.raises(ValueError, match=message):
        mm.information_share(change(prices))


def test_unknown_lags(prices):
    with pytest.raises(ValueError, match="lags must be 'auto' or a whole number from 1 up, not 0"):
        mm.information_share(prices, lags=0)
    with pytest.raises(TypeError, match="prices is a DataFrame"):
        mm.information_share([1, 2])
