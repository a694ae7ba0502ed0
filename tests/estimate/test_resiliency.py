"""Resiliency: planted speeds are found, what does not come back is not told, times by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.duration.survfunc import SurvfuncRight

import mmresearch as mm
from mmresearch.estimate.recovery_fits import MeanPath, block_rule, mean_path, survival
from mmresearch.estimate.recovery_speed import speed_of
from tests.truth.recovering import HORIZONS, Book


@pytest.fixture(scope="module")
def whole():
    return Book(days=6).events(11)


def test_speed_and_share_that_were_planted(whole):
    # intervals hold 95 of 100; twice their reach holds all but one of 10,000
    q = mm.resiliency(whole).quantities
    for name, truth in (("half_life", np.log(2) / 0.3), ("returns", 1.0)):
        assert q[name].identified
        assert abs(q[name].value - truth) < 2 * (q[name].high - q[name].low) / 2
    assert q["half_back"].low < np.log(2) / 0.3 < q["half_back"].high


def test_a_part_that_comes_back_is_told_from_all_of_it():
    """Four markets, seeds 12 to 15: three errors of their mean are 0.7 of the reach of one."""
    found = [mm.resiliency(Book(days=6, returns=0.5).events(12 + k)).quantities for k in range(4)]
    told = [q["returns"] for q in found]
    reach = np.mean([(r.high - r.low) / 2 for r in told])
    assert abs(np.mean([r.value for r in told]) - 0.5) < 0.7 * reach
    assert all(r.high < 1 for r in told)
    assert all(q["half_life"].identified for q in found)
    assert all(not q["half_back"].identified or q["half_back"].high > 5 for q in found)


def test_of_a_book_that_does_not_come_back_no_speed_is_told():
    found = mm.resiliency(Book(days=6, returns=0.0).events(13))
    half = found.quantities["half_life"]
    assert not half.identified
    assert "nothing is told to be back" in half.reason
    assert half.high == np.inf
    assert "not identified" in str(found)
    assert found.quantities["recovered"].low < 0 < found.quantities["recovered"].high


def exact(kappa, returns=1.0, error=0.01, seconds=(0.2, 0.5, 1, 2, 4, 8, 16)):
    h = np.array(seconds, float)
    rule = block_rule(np.repeat(np.arange(20), 5), "events")
    share = returns * (1 - np.exp(-kappa * h))
    return MeanPath(h, share, np.full(len(h), 100), np.eye(len(h)) * error**2, rule)


@pytest.mark.parametrize("kappa", [0.1, 0.5, 2.0])
def test_an_exact_exponential_gives_its_speed(kappa):
    found = speed_of(exact(kappa), 0.95)
    assert np.log(2) / found.kappa == pytest.approx(np.log(2) / kappa, rel=0.01)
    assert found.returns == pytest.approx(1, abs=0.01)
    assert found.low < kappa < found.high


def told_apart(path, half):
    """|t| of h exp(-kappa h) beside 1 - exp(-kappa h): what a change of this speed would move."""
    h, kappa = path.seconds, np.log(2) / half
    shape = np.column_stack([1 - np.exp(-kappa * h), h * np.exp(-kappa * h)])
    inverse = np.linalg.inv(shape.T @ shape)
    error = path.spread[0]  # of every horizon, and independent
    return abs((inverse @ shape.T @ path.share)[1]) / (error * np.sqrt(inverse[1, 1]))


@pytest.mark.parametrize("error", [0.0002, 0.01])
def test_the_ends_of_the_speeds_interval_are_where_the_test_turns(error):
    """However narrow: at either end the regression on the shape and its change has t critical."""
    path = exact(0.5, error=error)
    found, critical = speed_of(path, 0.95), scipy.stats.t.ppf(0.975, path.rule.df)
    for kappa in (found.low, found.high):
        assert told_apart(path, np.log(2) / kappa) == pytest.approx(critical, rel=1e-3)
    assert found.kappa == pytest.approx(0.5, rel=1e-5)


def test_speeds_not_refused_hold_the_true_one_95_of_100_times():
    """300 paths of known normal errors, seed 8: 285, +-11.3 at three standard errors."""
    rng, true = np.random.default_rng(8), exact(0.5, error=0.01)
    true = true._replace(rule=true.rule._replace(df=1e6))
    held = 0
    for noise in rng.normal(0, 0.01, (300, len(true.seconds))):
        found = speed_of(true._replace(share=true.share + noise), 0.95)
        held += found.low <= 0.5 <= found.high
    assert held == pytest.approx(285, abs=11.3)


def test_a_horizon_counts_by_the_events_followed_to_it_not_by_how_well_it_seems_known():
    """Errors found too small by chance would count most, and their interval hold too seldom."""
    path = exact(0.5, error=0.01)
    path = path._replace(share=path.share + 0.01 * np.array([1, -1, 1, -1, 1, -1, 1]))
    seems = np.diag(1e-4 * np.array([9, 4, 4, 4, 4, 4, 1 / 9]))
    one, other = (speed_of(p, 0.95) for p in (path, path._replace(covariance=seems)))
    assert other[::3] == pytest.approx(one[::3])  # speed and share
    assert other.high > 1.01 * one.high
    fewer = speed_of(path._replace(events=np.array([100, 100, 100, 100, 100, 50, 20])), 0.95)
    assert fewer.kappa != pytest.approx(one.kappa, rel=1e-4)


def test_a_larger_error_gives_a_wider_interval_and_a_flat_path_an_unbounded_one():
    small, large = (speed_of(exact(0.5, error=e), 0.95) for e in (0.01, 0.05))
    assert large.high / large.low > small.high / small.low
    flat = speed_of(exact(0.5, returns=0.0, error=0.05), 0.95)
    assert flat.low == 0
    assert np.isinf(flat.high)


def events(rows):
    """Rows of (day, lost, back after 1 s, back after 2 s); controls do nothing."""
    table = pd.DataFrame(rows, columns=["day", "lost", "back_1s", "back_2s"])
    zero = {"control_1s": 0.0, "control_2s": 0.0, "control_lost": 0.0}
    return table.assign(**zero)


def test_the_mean_path_by_hand():
    rows = [(d, 10.0, 2.0, 5.0) for d in range(10)] + [(d, 30.0, 12.0, np.nan) for d in range(10)]
    path = mean_path(events(rows), ["1s", "2s"], np.array([1.0, 2.0]))
    assert path.share.tolist() == [140 / 400]  # 10 events alone were followed to 2 s
    rows = rows + [(d, 10.0, 0.0, 1.0) for d in range(10)]
    path = mean_path(events(rows), ["1s", "2s"], np.array([1.0, 2.0]))
    assert path.share.tolist() == pytest.approx([140 / 500, 60 / 200])
    assert path.events.tolist() == [30, 20]


def test_what_controls_did_does_not_count_as_recovery():
    table = events([(d, 10.0, 5.0, 5.0) for d in range(25)])
    path = mean_path(table.assign(control_1s=2.0), ["1s", "2s"], np.array([1.0, 2.0]))
    assert path.share.tolist() == pytest.approx([0.3, 0.5])
    # controls that lacked 10 less than the event just before: what is missing beside them is 20
    path = mean_path(table.assign(control_lost=10.0), ["1s", "2s"], np.array([1.0, 2.0]))
    assert path.share.tolist() == pytest.approx([0.25, 0.25])


def test_errors_by_day_are_the_sandwich_written_out():
    rng = np.random.default_rng(3)
    day, lost = np.repeat(np.arange(12), 4), rng.uniform(5, 15, 48)
    table = events(np.column_stack([day, lost, rng.uniform(0, 9, 48), rng.uniform(0, 9, 48)]))
    path = mean_path(table, ["1s", "2s"], np.array([1.0, 2.0]))
    share = table["back_1s"].sum() / table["lost"].sum()
    by_day = (table["back_1s"] - share * table["lost"]).groupby(table["day"]).sum()
    expected = np.sqrt((by_day**2).sum() * 12 / 11) / table["lost"].sum()
    assert path.spread[0] == pytest.approx(expected)


def test_times_to_recovery_are_kaplan_and_meiers():
    # 10 events: at 1, 2, 3 recovered, one cut short at 1.5, the others at 4
    table = pd.DataFrame({"seconds": [1, 1.5, 2, 3, 4, 4, 4, 4, 4, 4.0]})
    table["recovered"] = [True, False, True, True, *[False] * 6]
    lives, _ = survival(table, 0.95)
    by = lives.set_index("seconds")["recovered"]
    held = [0.9, 0.9 * 7 / 8, 0.9 * 7 / 8 * 6 / 7]
    assert by.loc[[1, 2, 3]].tolist() == pytest.approx([1 - s for s in held])
    # the naive share of the events that ended by recovering would be 3/10 at once
    assert by.loc[3] > 0.3


def test_the_median_is_that_of_statsmodels_and_open_where_fewer_than_half_recover(whole):
    found = mm.resiliency(whole)
    fit = SurvfuncRight(whole["seconds"], whole["recovered"].astype(int))
    assert found.quantities["median_recovery"].value == fit.quantile(0.5)
    slow = whole.assign(recovered=False, ended="horizon", seconds=24.0)
    slow.loc[:20, "recovered"] = True
    q = mm.resiliency(slow).quantities["median_recovery"]
    assert not q.identified
    assert q.high == np.inf


def test_a_path_of_two_speeds_is_said_to_be_no_exponential(whole):
    # half of what is missing is back at once, the other half comes slowly
    table = whole.copy()
    for name in HORIZONS:
        seconds = pd.Timedelta(name).total_seconds()
        table[f"back_{name[:-2] if name.endswith('ms') else name}"] = np.nan
        column = f"back_{seconds:g}s"
        noise = 0.01 * table["lost"] * np.random.default_rng(4).standard_normal(len(table))
        share = 0.5 * (1 - np.exp(-20 * seconds)) + 0.5 * (1 - np.exp(-0.1 * seconds))
        table[column] = share * table["lost"] + noise + table[f"control_{seconds:g}s"]
    table = table[[c for c in table.columns if c in whole.columns]]
    q = mm.resiliency(table).quantities
    assert not q["half_life"].identified
    assert "not of one speed" in q["half_life"].reason
    assert q["half_back"].identified


@pytest.mark.bad_input("few events, a table that is no table of events, markets that cannot say")
def test_refusals(whole):
    few = mm.resiliency(whole.iloc[:10])
    assert not any(q.identified for q in few.quantities.values())
    assert "10 events" in few.quantities["recovered"].reason
    with pytest.raises(ValueError, match="lack the columns"):
        mm.resiliency(whole.drop(columns="lost"))
    with pytest.raises(ValueError, match="nothing is left to choose"):
        mm.resiliency(whole, of="depth")
    tape = Book(days=1).market(1)
    blind = mm.resiliency(mm.Market(trades=tape["trades"]))
    assert "no quotes and no book" in str(blind)


def test_events_that_no_horizon_follows_are_refused_for_that_reason(whole):
    """Twenty-five events, all cut short before the first horizon by the next one."""
    backs = [c for c in whole if c.startswith(("back_", "control_")) and c[-1] == "s"]
    short = whole.iloc[:25].assign(**dict.fromkeys(backs, np.nan))
    found = mm.resiliency(short).quantities
    for name in ("half_back", "recovered"):
        assert "no horizon that 20 events were followed to" in found[name].reason
