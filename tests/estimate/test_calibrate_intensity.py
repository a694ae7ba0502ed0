"""A and k of the fill intensity: closed forms, the sandwich, the truth, the trap, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from tests.truth.intensity import A, K, quoted, reached


@pytest.fixture(scope="module")
def own():
    """45 days of 600 s of the GLFT maker's own quotes, seed 1: about 18,000 fills."""
    return quoted(np.random.default_rng(1), days=45, seconds=600)


@pytest.fixture(scope="module")
def answer(own):
    return mm.calibrate_intensity(own)


def errors_away(result: mm.Result, name: str, truth: float) -> float:
    row = result.tidy().set_index("term").loc[name]
    return abs(row["estimate"] - truth) / row["std_error"]


# --- by hand --------------------------------------------------------------------------------------


def two_distances() -> pd.DataFrame:
    """40 fills in 100 s at 1, 10 in 100 s at 3, in halves: rates 0.4 and 0.1."""
    distance, count = [1.0, 3.0, 1.0, 3.0], [25, 6, 15, 4]
    return pd.DataFrame({"distance": distance, "count": count, "exposure": 50.0})


def test_two_distances_by_hand():
    """k = ln(0.4 / 0.1) / 2 = ln 2, A = 0.4 * 2 = 0.8."""
    found = mm.calibrate_intensity(two_distances()).quantities
    assert found["k"].value == pytest.approx(np.log(2), rel=1e-6)
    assert found["A"].value == pytest.approx(0.8, rel=1e-6)


def test_time_watched_counts():
    """The same fills in twice the time at 3: the rate there is 0.05, k = ln(8) / 2."""
    table = two_distances().assign(exposure=[50.0, 100.0] * 2)
    assert mm.calibrate_intensity(table).quantities["k"].value == pytest.approx(np.log(8) / 2)


def test_errors_are_the_sandwich_written_out(own, answer):
    """(sum m x x')^-1 (sum over days of scores) (same), times statsmodels' small-sample factor."""
    x = np.column_stack([np.ones(len(own)), -own["distance"]])
    log_a, k = answer.tidy()["estimate"]
    mean = own["exposure"] * np.exp(log_a - k * own["distance"])
    bread = np.linalg.inv(x.T @ (x * mean.to_numpy()[:, None]))
    scores = pd.DataFrame(x * (own["count"] - mean).to_numpy()[:, None]).groupby(own["day"]).sum()
    n, g = len(own), 45
    factor = g / (g - 1) * (n - 1) / (n - 2)
    covariance = factor * bread @ (scores.T.to_numpy() @ scores.to_numpy()) @ bread
    np.testing.assert_allclose(answer.details["covariance"], covariance, rtol=1e-6)
    assert "clustered by day (45)" in answer.errors


# --- the truth ------------------------------------------------------------------------------------


def test_own_quotes_recover_the_maker_s_intensity(answer):
    assert errors_away(answer, "ln_A", np.log(A)) < 3
    assert errors_away(answer, "k", K) < 3
    assert answer.quantities["k"].low < K < answer.quantities["k"].high
    assert answer.quantities["A"].low < A < answer.quantities["A"].high
    assert "overdispersed" not in answer.flags
    assert "rate_is_not_exponential" not in answer.flags


def test_public_trades_recover_it_and_know_that_orders_are_counted_often():
    """30 days of 4 stretches, seed 2: by stretch, for there are not 40 days."""
    result = mm.calibrate_intensity(reached(np.random.default_rng(2), days=30, seconds=600))
    assert errors_away(result, "ln_A", np.log(A)) < 3
    assert errors_away(result, "k", K) < 3
    assert "clustered by stretch of a day (120)" in result.errors
    assert {"few_days", "queue_position_unknown"} <= set(result.flags)
    assert result.quantities["k"].unit == "1/tick"


def test_activity_that_differs_from_stretch_to_stretch_is_said():
    busy = reached(np.random.default_rng(3), days=50, seconds=600, busy=0.5)
    once = busy[busy["distance"] == 3].assign(distance=lambda t: t["distance"] + t["side"])
    once.attrs = {}
    assert "overdispersed" in mm.calibrate_intensity(once).flags


def test_a_rate_that_is_not_exponential_is_said():
    """Half as many fills at the middle distance as a straight line in logs would have."""
    table = pd.DataFrame({"distance": [1.0, 2.0, 3.0], "exposure": 100.0})
    days = [table.assign(count=[80, 20 + day % 2, 20], day=day) for day in range(45)]
    result = mm.calibrate_intensity(pd.concat(days))
    assert "rate_is_not_exponential" in result.flags


def test_rates_stand_beside_the_curve(answer):
    rates = answer.details["rates"]
    busy = rates[rates["count"] > 100]
    assert len(busy) > 10
    away = (rates["count"] - rates["fitted"] * rates["exposure"]) / np.sqrt(rates["count"])
    assert (away[busy.index].abs() < 4).all()


def test_leaving_out_zeros_flattens_the_slope():
    """Rates 0.9 exp(-0.3 d) for 2 s at d = 1..20, 2,000 times, seed 4: far counts are mostly 0.

    Least squares on the logs of what is left finds a third of k; Poisson finds it.
    """
    rng = np.random.default_rng(4)
    distance = np.tile(np.arange(1.0, 21.0), 2000)
    count = rng.poisson(2.0 * A * np.exp(-K * distance))
    table = pd.DataFrame({"distance": distance, "count": count, "exposure": 2.0})
    result = mm.calibrate_intensity(table)
    traps = result.details["traps"].set_index("regression")["k"]
    assert traps["log of rates, zeros left out"] < K / 2
    assert errors_away(result, "k", K) < 3


def test_no_fall_with_distance_is_no_k():
    table = two_distances().assign(count=[6, 25, 4, 15])
    k = mm.calibrate_intensity(table).quantities["k"]
    assert not k.identified
    assert "do not become rarer" in k.reason


# --- refusals -------------------------------------------------------------------------------------

REFUSED = {
    "one distance": (lambda t: t.assign(distance=2.0), "one distance"),
    "no fill": (lambda t: t.assign(count=0), "no fill at any"),
    "fewer than 10 fills": (lambda t: t.assign(count=[2, 1, 1, 0]), "4 fills"),
    "fills at one distance": (lambda t: t.assign(count=[25, 0, 15, 0]), "one distance only"),
    "two rows": (lambda t: t.head(2), "2 rows"),
    "no rows": (lambda t: t.iloc[:0], "no distance was watched"),
    "nothing watched": (lambda t: t.assign(count=0, exposure=0.0), "no distance was watched"),
}
ERRORS = {
    "no exposure column": (lambda t: t.drop(columns="exposure"), "lacks the columns exposure"),
    "infinite distance": (
        lambda t: t.assign(distance=[1, np.inf] * 2),
        "distance is missing or inf",
    ),
    "negative exposure": (lambda t: t.assign(exposure=[-1.0, 1, 1, 1]), "exposure is below 0 in 1"),
    "half a fill": (lambda t: t.assign(count=[1.5, 2.0] * 2), "not a whole number"),
    "text for counts": (lambda t: t.assign(count=["a", "b"] * 2), "count is not a number"),
    "fills in no time": (lambda t: t.assign(exposure=[0.0, 1, 1, 1]), "exposure is 0 seconds"),
}


@pytest.mark.bad_input(*REFUSED)
@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_told_is_refused_with_the_reason(fault):
    spoil, reason = REFUSED[fault]
    result = mm.calibrate_intensity(spoil(two_distances()))
    for quantity in result.quantities.values():
        assert not quantity.identified
        assert reason in str(quantity)


@pytest.mark.bad_input(*ERRORS)
@pytest.mark.parametrize("fault", ERRORS)
def test_a_table_that_is_none_is_one_error(fault):
    spoil, named = ERRORS[fault]
    with pytest.raises(ValueError, match=named):
        mm.calibrate_intensity(spoil(two_distances()))


@pytest.mark.bad_input("orders counted at several depths of one stretch")
def test_nested_counts_without_clusters_are_refused():
    table = reached(np.random.default_rng(2), days=1, seconds=2400)
    found = mm.calibrate_intensity(table, errors="HC1").quantities["k"]
    assert not found.identified
    assert "several depths" in found.reason
    one = table[table["block"] == 0]
    one.attrs = table.attrs
    assert "need 6" in mm.calibrate_intensity(one).quantities["k"].reason


@pytest.mark.bad_input("an option of another name")
def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match="own quotes"):
        mm.calibrate_intensity(two_distances(), way="mine")
    with pytest.raises(TypeError, match="DataFrame or a Market"):
        mm.calibrate_intensity([1, 2])


@pytest.mark.bad_input("no quotes", "orders whose side is not known")
def test_a_market_without_quotes_or_sides_is_refused():
    market = mm.simulate.glft(days=1, seconds=600, seed=1).market
    bare = mm.Market(symbols=market.symbols, trades=market.trades)
    mute = market.replace(trades=market.trades.assign(side=np.nan))
    for given, why in ((bare, "neither quotes nor a book"), (mute, "no trade has a known side")):
        found = mm.calibrate_intensity(given)
        assert not any(q.identified for q in found.quantities.values())
        assert all(why in q.reason for q in found.quantities.values())
