"""Shifting targets: dates by hand, the search against all partitions, the slow way, refusals."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest

from mmresearch.estimate.autoregression import least_squares, one_chain, restricted
from mmresearch.estimate.inversion import targets_under
from mmresearch.estimate.kernels import _cumulated, cheapest_partition, find_shifts
from mmresearch.estimate.shifts import in_regimes, search, searcher
from mmresearch.estimate.targets import FLAGS, shifting_target
from tests.truth.shifting import daily_panel, shifting_path


@pytest.fixture(scope="module")
def shifted():
    """Half of the distance to 0, then from bar 60 to 20, then from bar 140 to -5; little noise."""
    rng = np.random.default_rng(1)
    target = np.repeat([0.0, 20.0, -5.0], [60, 80, 100])
    levels = [0.0]
    for aim in target:
        levels.append(aim + 0.5 * (levels[-1] - aim) + 0.3 * rng.standard_normal())
    return np.array(levels), target


@pytest.fixture(scope="module")
def answer(shifted):
    return shifting_target(daily_panel(shifted[0]), draws=39)


def test_a_regime_begins_with_the_first_bar_of_its_target(answer):
    targets = answer.details["targets"]
    assert targets["bars"].tolist() == [60, 80, 100]
    first = pd.Timestamp("2000-01-03")
    assert targets["day"].tolist() == [first + pd.Timedelta(days=k) for k in (0, 60, 140)]
    np.testing.assert_allclose(targets["target"], [0, 20, -5], atol=0.3)
    inside = np.abs(targets["target"] - [0, 20, -5]) < 4 * targets["std_error"]
    assert inside.all()


def test_half_life_with_and_without(answer):
    life, without = (answer.quantities[k] for k in ("half_life", "half_life_without"))
    assert life.identified
    assert life.unit == "sessions"
    assert life.low < 1 < life.high  # half of the distance a session
    assert not without.identified or without.value > 3
    shifts = answer.quantities["shifts"]
    assert (shifts.value, shifts.identified) == (2, True)


def test_table_is_least_squares_with_a_constant_a_regime(answer, shifted):
    levels, target = shifted
    x = np.column_stack([levels[:-1], *(target == aim for aim in (0, 20, -5))])
    slope = np.linalg.lstsq(x, levels[1:], rcond=None)[0]
    table = answer.tidy()
    assert table["term"].tolist() == ["rho", "const_1", "const_2", "const_3"]
    np.testing.assert_allclose(table["estimate"], slope, rtol=1e-8)
    np.testing.assert_allclose(answer.details["targets"]["target"], slope[1:] / (1 - slope[0]))


def test_the_search_row_stands_beside_the_answer(answer):
    null = answer.details["no_shift"].set_index("paths")
    assert null.index.tolist() == ["data", "reverts to one target", "random walk"]
    assert null.loc["data", "half_life"] < null.loc["data", "half_life_without"] / 3
    # no path gains as much, though the search makes fast reversion of a level that is stuck between
    # two large moves: what p_rho is there to show
    assert (null["p_gain"].dropna() == 1 / 40).all()
    assert null["p_rho"].dropna().between(1 / 40, 1).all()
    assert set(answer.details["flags"]["flag"]) <= set(FLAGS)


def cost(z: np.ndarray, breaks: tuple[int, ...]) -> float:
    ends = [0, *breaks, len(z)]
    pieces = (z[i:j] for i, j in pairwise(ends))
    return sum(((piece - piece.mean()) ** 2).sum() for piece in pieces)


@pytest.mark.parametrize("seed", range(8))
def test_dates_are_the_best_of_all_partitions(seed):
    """Every partition of 24 rows into regimes of 4 or more."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, 24)) + np.repeat([0, 2, -1], 8)
    rho, price, shortest = 0.4, 3.0, 4
    z, tried = y - rho * x, {}
    for count in range(6):
        for breaks in combinations(range(shortest, 24), count):
            if np.diff([0, *breaks, 24]).min() >= shortest:
                tried[breaks] = cost(z, breaks) + price * count
    buffer = np.empty(24, np.int64)
    count = cheapest_partition(_cumulated(x, y), rho, 1, shortest, price, buffer)
    found = tuple(int(b) for b in buffer[:count])
    assert tried[found] == pytest.approx(min(tried.values()), abs=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_search_finds_the_least_criterion_over_dates_and_rho(seed):
    """Two shifts at most in 40 rows: dates tried one by one, with rho by least squares for each."""
    rng = np.random.default_rng(seed)
    path = [0.0]
    for aim in np.repeat([0.0, 6.0], [18, 22]):
        path.append(aim + 0.6 * (path[-1] - aim) + rng.standard_normal())
    design, penalty = one_chain(np.array(path)), 2 * np.log(40)
    values = {}
    for count in range(3):
        for breaks in combinations(range(10, 40), count):
            if np.diff([0, *breaks, 40]).min() >= 10:
                rest = least_squares(in_regimes(design, np.array(breaks))).residual
                values[breaks] = 40 * np.log(rest @ rest) + penalty * count
    _, ssr, _, _, breaks = find_shifts(design.x, design.y, 1, 10, penalty)
    found = 40 * np.log(ssr) + penalty * len(breaks)
    assert found == pytest.approx(min(values.values()), abs=1e-8)


def test_paths_are_those_of_a_plain_loop():
    path, _ = shifting_path(np.random.default_rng(3), 120, rho=0.7, chance=1 / 40, sd=6)
    design = one_chain(path)
    regimes = in_regimes(design, search(design, trim=0.05).breaks)
    fast = searcher(design, regimes, trim=0.05, draws=20, seed=4)(0.8)
    signs = 2 * np.random.default_rng(4).integers(0, 2, (120, 20)) - 1
    target, error = targets_under(regimes, 0.8), restricted(regimes, 0.8)[1]
    for d in range(20):
        levels = [path[0]]
        for row in range(120):
            aim = target[row]
            levels.append(aim + 0.8 * (levels[-1] - aim) + error[row] * signs[row, d])
        again = search(one_chain(np.array(levels)), trim=0.05)
        slow = least_squares(in_regimes(one_chain(np.array(levels)), again.breaks)).rho
        assert fast.rho[d] == pytest.approx(slow, abs=1e-10)
        assert fast.gain[d] == pytest.approx(again.gain, abs=1e-8)
        assert fast.shifts[d] == len(again.breaks)


def test_targets_given_are_not_searched(shifted):
    levels, target = shifted
    panel = daily_panel(levels).assign(aim=target)
    found = shifting_target(panel, targets="aim", draws=99)
    x, y = levels[:-1] - target, levels[1:] - target
    assert found.tidy()["estimate"][0] == pytest.approx(np.polyfit(x, y, 1)[0])
    life = found.quantities["half_life"]
    assert life.low < 1 < life.high
    series = shifting_target(panel, targets=panel["aim"], draws=99)
    assert series.quantities == found.quantities
    with pytest.raises(ValueError, match="no column 'limit' of targets"):
        shifting_target(panel, targets="limit")
    with pytest.raises(ValueError, match="1 of 240 bars have no finite target"):
        shifting_target(panel.assign(aim=panel["aim"].where(panel.index != 3)), targets="aim")


def test_random_walk_is_refused():
    """At rho = 1 the inversion rejects a random walk from below in 2.5 % of paths: here 40 of them.

    More than four rejections of 40 have chance 0.003. The search alone finds shifts in half.
    """
    below, shifts = 0, 0
    for seed in range(40):
        design = one_chain(np.random.default_rng(seed).standard_normal(150).cumsum())
        found = search(design, trim=0.02)
        regimes = in_regimes(design, found.breaks)
        drawn = searcher(design, regimes, trim=0.02, draws=79, seed=seed)(1.0).rho
        below += (drawn <= found.rho).mean() < 0.025
        shifts += len(found.breaks) > 0
    assert below <= 4
    assert shifts > 10


def test_random_walk_is_answered_not_identified():
    walk = np.random.default_rng(11).standard_normal(150).cumsum()
    life = shifting_target(daily_panel(walk), draws=39).quantities["half_life"]
    assert not life.identified
    assert re.search("random walk|paths without a shift", life.reason)


def test_same_seed_same_answer(shifted):
    one, other = (shifting_target(daily_panel(shifted[0]), draws=19, seed=5) for _ in range(2))
    pd.testing.assert_frame_equal(one.tidy(), other.tidy())
    assert one.quantities == other.quantities


# --- bad input ------------------------------------------------------------------------------------

WALK = np.random.default_rng(9).standard_normal(60).cumsum()


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        (WALK[:9], "leave fewer than 30"),
        (WALK[:2], "in no bar did a known inventory move"),
        (np.full(60, 7.0), "in no bar did a known inventory move"),
        (np.full(60, np.nan), "in no bar did a known inventory move"),
        (np.arange(60.0), "in no bar did a known inventory move"),
        (8 * 0.5 ** np.arange(40), "without error"),
    ],
    ids=["few", "one session", "constant", "missing", "line", "exact"],
)
def test_data_that_cannot_tell_are_refused(levels, reason):
    found = shifting_target(daily_panel(levels))
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert reason in quantity.reason
        assert np.isnan(quantity.value)
    assert reason in str(found)


def test_a_missing_session_is_not_a_shift():
    panel = daily_panel(WALK).assign(gap=np.arange(59) == 30)
    assert "2 separate stretches" in shifting_target(panel).quantities["half_life"].reason


@pytest.mark.parametrize(
    ("panel", "fault"),
    [
        (daily_panel(np.where(np.arange(60) == 5, np.inf, WALK)), "2 bars have infinite inventory"),
        (pd.concat([daily_panel(WALK)] * 2), "59 bars stand twice"),
        (daily_panel(WALK).drop(columns=["gap", "bar"]), "lacks the columns bar, gap"),
        (
            pd.concat([daily_panel(WALK), daily_panel(WALK, account="B")]),
            "one account is needed, not None; the panel holds: A, B",
        ),
    ],
    ids=["infinite", "twice", "columns", "accounts"],
)
def test_a_panel_that_is_not_one_series_is_refused(panel, fault):
    with pytest.raises(ValueError, match=fault):
        shifting_target(panel)


def test_two_frequencies_in_one_panel_are_refused(panel_of):
    minutes = panel_of([WALK], seconds=60.0)
    fives = panel_of([WALK[::5]], seconds=300.0).assign(bar=lambda rows: rows["bar"] + 100)
    with pytest.raises(ValueError, match="begin before the last one ends"):
        shifting_target(pd.concat([minutes, fives]))


def test_an_account_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="one account is needed, not 'Z'; the panel holds: A"):
        shifting_target(daily_panel(WALK), account="Z")
    with pytest.raises(ValueError, match="trim must be"):
        shifting_target(daily_panel(WALK), trim=0.7)
