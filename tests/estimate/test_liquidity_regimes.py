"""Regimes that switch: the filter the long way, statsmodels, labels, sessions, the future."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from statsmodels.tsa.api import MarkovRegression

import mmresearch as mm
from mmresearch.estimate.switching_fit import Switching, fit_regimes
from mmresearch.estimate.switching_kernels import filtered, long_run, smoothed
from tests.truth.switching import MEAN, SD, STAY, switching

LAW = (np.array([-1.0, 0.0]), np.array([0.5, 0.35]), np.array([[0.9, 0.1], [0.04, 0.96]]))


@pytest.fixture(scope="module")
def world():
    return switching(np.random.default_rng(1), 8, 120)


@pytest.fixture(scope="module")
def found(world):
    return mm.liquidity_regimes(world, "depth", deseasonalise=False, draws=19)


def test_three_bars_of_two_sessions_by_hand():
    mean, sd, p = LAW
    y, begins = np.array([-1.0, 0.2, 0.0]), np.array([True, False, True])
    share = np.array([0.04, 0.10]) / 0.14  # long run: chances of entering over their sum
    assert long_run(p) == pytest.approx(share)
    before, now, likelihood = filtered(y, begins, mean, sd, p)
    one = share * norm.pdf(-1.0, mean, sd)
    two = (one / one.sum()) @ p * norm.pdf(0.2, mean, sd)
    three = share * norm.pdf(0.0, mean, sd)  # nothing crosses the night
    assert now == pytest.approx(np.array([v / v.sum() for v in (one, two, three)]))
    assert likelihood == pytest.approx(np.log([one.sum(), two.sum(), three.sum()]))
    assert before[2] == pytest.approx(share)
    # both bars of the first session together, path by path
    paths = np.array(
        [[share[i] * norm.pdf(-1, mean[i], sd[i]) * p[i, j] * norm.pdf(0.2, mean[j], sd[j])
          for j in (0, 1)] for i in (0, 1)]
    )  # fmt: skip
    after, moves = smoothed(before, now, begins, p)
    assert after[0] == pytest.approx(paths.sum(axis=1) / paths.sum())
    assert moves == pytest.approx(paths / paths.sum())


def test_a_missing_value_moves_by_the_transitions_alone():
    mean, sd, p = LAW
    y, begins = np.array([-1.0, np.nan, 0.0]), np.array([True, False, False])
    before, now, likelihood = filtered(y, begins, mean, sd, p)
    assert now[1] == pytest.approx(now[0] @ p)
    assert before[2] == pytest.approx(now[0] @ p @ p)
    assert likelihood[1] == 0


def test_one_session_is_as_statsmodels_fits_it(world):
    one = world[world["day"] < "2024-01-02"]
    y = np.log(one["depth"].to_numpy())
    model = MarkovRegression(y, k_regimes=2, switching_variance=True)
    theirs = model.fit(search_reps=0)
    begins = np.arange(len(y)) == 0
    ours = fit_regimes(y, begins, 2, starts=10, seed=0).ordered("mean")
    assert ours.likelihood == pytest.approx(theirs.llf, abs=1e-3)
    place = np.argsort(theirs.params[-4:-2])
    assert ours.mean == pytest.approx(theirs.params[-4:-2][place], abs=2e-3)
    assert ours.sd**2 == pytest.approx(theirs.params[-2:][place], rel=1e-2)
    # at their own parameters the probabilities are theirs
    means, variances = theirs.params[-4:-2], theirs.params[-2:]
    transition = theirs.regime_transition[:, :, 0].T
    before, now, likelihood = filtered(y, begins, means, np.sqrt(variances), transition)
    assert now == pytest.approx(theirs.filtered_marginal_probabilities, abs=1e-9)
    assert likelihood.sum() == pytest.approx(theirs.llf, abs=1e-8)
    after, _ = smoothed(before, now, begins, transition)
    assert after == pytest.approx(theirs.smoothed_marginal_probabilities, abs=1e-9)


def test_labels_do_not_switch(world, found):
    """Regimes are ordered, whatever their numbers in the fit; naively half of fits are reversed."""
    seen = found.details["probabilities"]
    right = (seen["regime"] - 1 == world["state"]).mean()
    assert right > 0.9
    assert (seen["smoothed_2"].gt(0.5) == world["state"].eq(1)).mean() > 0.95
    swapped = Switching(LAW[0][::-1], LAW[1][::-1], LAW[2][::-1, ::-1], 0.0).ordered("mean")
    assert swapped.mean.tolist() == [-1.0, 0.0]
    assert swapped.transition == pytest.approx(LAW[2])
    by_variance = mm.liquidity_regimes(
        world, "depth", deseasonalise=False, draws=0, order="variance"
    )
    first = by_variance.table.set_index("term")["estimate"]
    assert first["sd_1"] < first["sd_2"]
    assert first["mean_1"] == pytest.approx(found.table["estimate"][1], abs=1e-6)


def test_parameters_and_stays(found):
    table = found.table.set_index("term")
    truth = dict(
        zip(["mean_1", "mean_2", "sd_1", "sd_2", "p_11", "p_22"], MEAN + SD + STAY, strict=True)
    )
    for term, value in truth.items():
        spread = table.loc[term, "high"] - table.loc[term, "low"]
        assert abs(table.loc[term, "estimate"] - value) < 0.75 * spread  # three errors
    stay = found.quantities["duration_1"]
    assert stay.value == pytest.approx(1 / (1 - table.loc["p_11", "estimate"]))
    assert stay.low == pytest.approx(1 / (1 - table.loc["p_11", "low"]))
    assert found.quantities["number_p"].value == 0.05  # none of 19 worlds
    shares = [found.quantities[f"share_{j}"].value for j in (1, 2)]
    assert sum(shares) == pytest.approx(1)
    bic = found.details["number"].set_index("regimes")["bic"]
    assert bic[2] < bic[1]


def test_filtered_probabilities_do_not_know_the_future(world):
    asked = {"fit_until": "2024-01-05", "draws": 0, "shape": {"harmonics": 1}}
    now = mm.liquidity_regimes(world, "depth", **asked).details["probabilities"]
    at = (world["day"] == "2024-01-07") & (world["bar"] == 50)
    later = world["day"].gt("2024-01-07") | (world["day"].eq("2024-01-07") & world["bar"].gt(50))
    changed = world.assign(depth=world["depth"].where(~later, 30 * world["depth"] + 1))
    then = mm.liquidity_regimes(changed, "depth", **asked).details["probabilities"]
    for name in ("filtered_1", "predicted_1"):
        pd.testing.assert_series_equal(now[name][~later], then[name][~later])
    assert now["smoothed_1"][at].iloc[0] != then["smoothed_1"][at].iloc[0]
    assert not now["fitted"][at].iloc[0]
    # before a bar, its own value is not known either
    moved = world.assign(depth=world["depth"].where(~at, 30.0))
    then = mm.liquidity_regimes(moved, "depth", **asked).details["probabilities"]
    assert now["predicted_1"][at].iloc[0] == then["predicted_1"][at].iloc[0]
    assert now["filtered_1"][at].iloc[0] != then["filtered_1"][at].iloc[0]


def test_one_regime_suffices():
    table = switching(np.random.default_rng(3), 4, 100, mean=(0.0, 0.0), sd=(0.5, 0.5))
    found = mm.liquidity_regimes(table, "depth", draws=19, starts=6, deseasonalise=False)
    assert not found.quantities["duration_1"].identified
    assert "one regime suffices" in found.quantities["duration_1"].reason
    assert "regimes_not_identified" in found.flags
    auto = mm.liquidity_regimes(
        table, "depth", regimes="auto", draws=19, starts=6, deseasonalise=False
    )
    assert auto.flags == ("time_of_day_left_in", "one_regime")
    assert auto.details["transition"].shape == (1, 1)


def test_a_regime_hardly_visited():
    rng = np.random.default_rng(4)
    table = switching(rng, 5, 60, mean=(0.0, 0.0), sd=(0.3, 0.3))
    table.loc[(table["day"] == "2024-01-03") & table["bar"].between(20, 40), "depth"] *= 0.05
    found = mm.liquidity_regimes(table, "depth", draws=19, starts=6, deseasonalise=False)
    assert "hardly visited" in found.quantities["duration_1"].reason


def test_the_shape_is_taken_out_first():
    table = switching(np.random.default_rng(5), 15, 78, shape=True)
    found = mm.liquidity_regimes(table, "depth", draws=0)
    seen = found.details["probabilities"]
    assert (seen["smoothed_2"].gt(0.5) == table["state"].eq(1)).mean() > 0.93
    assert "time_of_day_left_in" not in found.flags


def test_bars_that_lack_are_there_unknown(world):
    holed = world[~world["bar"].between(60, 64)]
    found = mm.liquidity_regimes(holed, "depth", draws=0, deseasonalise=False)
    assert found.sample.dropped["bars lacking inside sessions"] == 8 * 5
    seen = found.details["probabilities"]
    law = found.details["transition"].to_numpy()
    before = seen[(seen["bar"] == 59) & (seen["day"] == "2024-01-03")]
    after = seen[(seen["bar"] == 65) & (seen["day"] == "2024-01-03")]
    ahead = before[["filtered_1", "filtered_2"]].to_numpy() @ np.linalg.matrix_power(law, 6)
    assert after[["predicted_1", "predicted_2"]].to_numpy() == pytest.approx(ahead)
    assert seen.index.equals(holed.index)


@pytest.mark.bad_input("a column of few values for regimes", "fit_until before the first day")
def test_bad_questions(world):
    few = mm.liquidity_regimes(world.head(30), "depth")
    assert "30 bars have a value; 60 are needed" in few.quantities["number_p"].reason
    ticks = mm.liquidity_regimes(world.assign(depth=world["state"] + 1.0), "depth")
    assert "takes 2 values" in ticks.quantities["number_p"].reason
    with pytest.raises(ValueError, match="no day of the table is up to"):
        mm.liquidity_regimes(world, "depth", fit_until="2023-01-01")
    with pytest.raises(ValueError, match=r"regimes must be.*order must be.*draws must be"):
        mm.liquidity_regimes(world, "depth", regimes=9, order="x", draws=3)
