"""Regimes that switch: the filter the long way, statsmodels, labels, sessions, the future."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm
from statsmodels.tsa.api import ARIMA, MarkovRegression

import mmresearch as mm
from mmresearch.estimate.switching_fit import Switching, fit_regimes
from mmresearch.estimate.switching_kernels import filtered, long_run, smoothed
from mmresearch.estimate.switching_rival import persisting
from tests.truth import coverage_regimes
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


def test_shares_of_the_long_run_of_regimes_that_hardly_ever_end():
    """As often in as out: share 1 times its leaving is share 2 times its own, however rare."""
    for rare in (1e-3, 1e-8, 1e-13):
        p = np.array([[1 - rare, rare], [2 * rare, 1 - 2 * rare]])
        assert long_run(p) == pytest.approx(np.array([2, 1]) / 3, rel=1e-3)
    three = np.array([[0.8, 0.15, 0.05], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6]])
    assert long_run(three) @ three == pytest.approx(long_run(three), rel=1e-12)
    # one that never ends holds all, and of several that never end any share will do
    assert long_run(np.array([[0.9, 0.1], [0.0, 1.0]])) == pytest.approx([0, 1], abs=1e-12)
    assert long_run(np.eye(4)).sum() == pytest.approx(1)


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


def test_what_regimes_leave_the_long_way_round(world, found):
    """Each bar's place in its own forecast as a normal score, against the bar's before it."""
    seen, law = found.details["probabilities"], found.table.set_index("term")["estimate"]
    place = sum(
        seen[f"predicted_{j}"] * norm.cdf(np.log(world["depth"]), law[f"mean_{j}"], law[f"sd_{j}"])
        for j in (1, 2)
    )
    score = pd.Series(norm.ppf(place), world.index)
    before = score.groupby(world["day"]).shift()
    assert found.details["left"]["left"].iloc[0] == pytest.approx(score.corr(before))
    assert found.details["left"]["flagged_beyond"].iloc[0] == pytest.approx(2.5 / 960**0.5)
    persists = switching(np.random.default_rng(6), 8, 120, rho=0.3)
    flagged = mm.liquidity_regimes(persists, "depth", deseasonalise=False, draws=0)
    for one in (found, flagged):
        left, beyond = one.details["left"].iloc[0]
        assert ("values_persist_within_regimes" in one.flags) == (abs(left) > beyond)
    assert "values_persist_within_regimes" in flagged.flags  # 99 of 100 such worlds of 600 bars


def test_one_regime_that_persists_by_the_whole_covariance():
    """Two sessions of a normal law with rho^|i - j|, a bar unknown: its likeliest, by any means."""
    rng = np.random.default_rng(8)
    y, begins = rng.normal(size=14).cumsum() / 3, np.isin(np.arange(14), (0, 9))
    y[4] = np.nan
    rival = persisting(y, begins)

    def loglike(mean, sd, rho):
        told = 0.0
        for at in (np.array([0, 1, 2, 3, 5, 6, 7, 8]), np.arange(9, 14)):
            spread = sd**2 * rho ** np.abs(at[:, None] - at)
            told += multivariate_normal.logpdf(y[at], np.full(len(at), mean), spread)
        return told

    best = rival.mean, rival.sd, rival.rho
    assert loglike(*best) == pytest.approx(rival.likelihood)
    for step in 1e-3 * np.vstack([np.eye(3), -np.eye(3)]):
        assert loglike(*(best + step)) < rival.likelihood


def test_one_long_session_that_persists_is_as_statsmodels_fits_it():
    table = switching(np.random.default_rng(1), 1, 200, mean=(0.0, 0.0), sd=(0.5, 0.5), rho=0.4)
    y = np.log(table["depth"].to_numpy())
    y[50:53] = np.nan
    rival = persisting(y, np.arange(200) == 0)
    theirs = ARIMA(y, order=(1, 0, 0), trend="c").fit()
    assert rival.likelihood == pytest.approx(theirs.llf, abs=1e-5)
    assert (rival.mean, rival.rho) == pytest.approx(theirs.params[:2], abs=1e-3)


def test_what_persists_is_taken_for_regimes_and_that_is_said(found):
    """BIC is least for what made the world: regimes that switch, or one that persists."""
    rng = np.random.default_rng(9)
    persists = switching(rng, 8, 120, mean=(0.0, 0.0), sd=(0.5, 0.5), rho=0.5)
    told = mm.liquidity_regimes(persists, "depth", deseasonalise=False, draws=0)
    assert "one_regime_that_persists_fits_as_well" in told.flags
    rival = told.details["rival"].loc["one regime that persists"]
    # an error of rho is sqrt((1 - rho^2) / n): three are 0.084
    assert rival["rho"] == pytest.approx(0.5, abs=0.084)
    assert rival["bic"] == pytest.approx(3 * np.log(960) - 2 * rival["log_likelihood"])
    two = told.details["number"].set_index("regimes").loc[2]
    assert told.details["rival"].loc["2 regimes", "bic"] == pytest.approx(two["bic"])
    assert "one_regime_that_persists_fits_as_well" not in found.flags


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


def test_the_ratio_is_climbed_as_in_the_worlds_it_is_held_against():
    """Ten starts find more than four here; a p of ten against worlds of four would be too small."""
    table = switching(np.random.default_rng(1), 4, 60, mean=(0.0, 0.0), sd=(0.5, 0.5))
    y, begins = np.log(table["depth"].to_numpy()), np.arange(240) % 60 == 0
    one = fit_regimes(y, begins, 1, starts=1, seed=0).likelihood
    four, ten = (
        2 * (fit_regimes(y, begins, 2, starts=n, seed=0).likelihood - one) for n in (4, 10)
    )
    assert ten > four + 0.1
    found = mm.liquidity_regimes(table, "depth", starts=10, draws=19, deseasonalise=False)
    numbers = found.details["number"].set_index("regimes")
    assert numbers.loc[2, "log_likelihood"] == pytest.approx(one + ten / 2)
    assert numbers.loc[1, "ratio_to_one_more"] == pytest.approx(four)


def test_the_quick_test_of_the_coverage_study_is_the_public_one():
    rng, answers = np.random.default_rng(7), []
    asked = {"starts": coverage_regimes.STARTS, "draws": coverage_regimes.DRAWS}
    for seed, apart in enumerate((0.0, 0.0, 2.0)):
        table = switching(rng, 3, 30, mean=(-apart, 0.0), sd=(0.5, 0.5))
        found = mm.liquidity_regimes(table, "depth", deseasonalise=False, seed=seed, **asked)
        quick = coverage_regimes.finds_more(table, 1, False, seed=seed)
        assert quick == (found.quantities["number_p"].value <= 0.05)
        answers.append(quick)
    assert answers == [False, False, True]


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
