"""Granger's test between series of bars: shapes over the day, sessions, textbook and long way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
from statsmodels.tsa.stattools import grangercausalitytests

import mmresearch as mm
from mmresearch.estimate.granger_errors import block_length, blocks, errors_of
from tests.truth.times_of_day import far_bars, noise, pair_of, table_of


def p_of(found, key="forward"):
    return found.quantities[f"{key}_p"].value


def test_a_common_shape_is_no_foretelling():
    """Raw the test rejects nearly always, without the shapes in about one of twenty.

    12 replications: raw at least 10 (it rejects with 0.99), ours at most 3 (P = 0.998 at 5 %).
    """
    rng = np.random.default_rng(3)
    raw, ours = 0, 0
    for _ in range(12):
        found = mm.granger(pair_of(rng, 20, 39), "x", "y", draws=99)
        tests = found.details["tests"]
        raw += tests.loc[tests["shapes"] == "left in", "p"].iloc[0] < 0.05
        ours += p_of(found) < 0.05
    assert raw >= 10
    assert ours <= 3


def test_planted_causality_is_found_one_way():
    found = mm.granger(pair_of(np.random.default_rng(4), 20, 39, moves=0.3), "x", "y")
    assert p_of(found) < 0.01 < p_of(found, "back")
    total = found.quantities["forward_sum"]
    assert total.low < 0.7 * 0.3 < total.high
    assert abs(found.quantities["instantaneous"].value) < 0.1
    assert "log y a unit of log x" in found.unit
    turned = mm.granger(pair_of(np.random.default_rng(4), 20, 39, moves=0.3), "y", "x")
    assert p_of(turned, "back") == p_of(found)
    assert turned.quantities["back_sum"].value == pytest.approx(total.value)


def test_what_moves_together_in_the_bar_is_told_beside():
    found = mm.granger(pair_of(np.random.default_rng(5), 20, 39, together=0.6), "x", "y")
    new = found.quantities["instantaneous"]
    # correlation of x's news e and 0.6 e + u, both of deviation 1: 0.6 / sqrt(1.36)
    assert new.low < 0.6 / 1.36**0.5 < new.high
    assert found.quantities["instantaneous_p"].value < 0.001
    assert p_of(found) > 0.01


def test_the_interval_of_what_is_together_in_the_bar_the_long_way_round():
    """n of influence rows over n - 7: each equation has taken seven of what is new."""
    rng = np.random.default_rng(17)
    x = noise(rng, 1, 60, rho=0.5)
    table = table_of(x, name="x").assign(y=(noise(rng, 1, 60) + 0.3 * x).ravel())
    asked = {"lags": 3, "deseasonalise": False, "logs": False, "errors": "HC1"}
    found = mm.granger(table, "x", "y", **asked)
    past = [table[c].shift(k) for c in ("x", "y") for k in (1, 2, 3)]
    past = sm.add_constant(pd.concat(past, axis=1).dropna().to_numpy())
    a, b = (sm.OLS(table[c].to_numpy()[3:], past).fit().resid for c in ("y", "x"))
    a, b = a / a.std(), b / b.std()
    r = (a * b).mean()
    rows = (a * b - r * (a**2 + b**2) / 2) / 57
    error = np.sqrt((rows**2).sum() * 57 / (57 - 7)) / (1 - r**2)
    reach = scipy.stats.t.ppf(0.975, 50) * error
    new = found.quantities["instantaneous"]
    assert new.value == pytest.approx(r)
    assert np.arctanh([new.low, new.high]) == pytest.approx(
        np.arctanh(r) + reach * np.array([-1, 1])
    )
    p = 2 * scipy.stats.t.sf(np.arctanh(r) / error, 50)
    assert found.quantities["instantaneous_p"].value == pytest.approx(p)


def test_the_textbooks_f_of_one_long_session():
    rng = np.random.default_rng(6)
    x = noise(rng, 1, 500, rho=0.5)
    y = noise(rng, 1, 500, rho=0.5) + np.pad(0.1 * x, ((0, 0), (1, 0)))[:, :-1]
    table = table_of(x, name="x").assign(y=y.ravel())
    found = mm.granger(table, "x", "y", lags=3, deseasonalise=False, logs=False)
    theirs = grangercausalitytests(table[["y", "x"]].to_numpy(), [3])[3][0]["ssr_ftest"]
    row = found.details["tests"].iloc[0]
    assert row["plain_f"] == pytest.approx(theirs[0], rel=1e-8)
    assert row["plain_p"] == pytest.approx(theirs[1], rel=1e-6)
    assert "time_of_day_left_in" in found.flags
    assert found.sample.dropped["without all lags in their session"] == 3


def test_no_lag_crosses_a_session_and_a_clustered_wald_the_long_way_round():
    table = pair_of(np.random.default_rng(7), 45, 13, moves=0.2)
    found = mm.granger(table, "x", "y", lags=2, deseasonalise=False, errors="cluster")
    frame = table.assign(x=np.log(table["x"]), y=np.log(table["y"]))
    by_day = frame.groupby("day")
    columns = {f"{c}_{k}": by_day[c].shift(k) for c in "xy" for k in (1, 2)}
    use = pd.DataFrame(columns).assign(y=frame["y"], day=frame["day"]).dropna()
    assert found.sample.used == len(use) == 45 * 11
    fit = sm.OLS(use["y"], sm.add_constant(use[list(columns)])).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(use["day"])[0]}, use_t=True
    )
    assert found.table["estimate"].to_numpy() == pytest.approx(fit.params.to_numpy(), rel=1e-8)
    assert found.table["std_error"].to_numpy() == pytest.approx(fit.bse.to_numpy(), rel=1e-8)
    theirs = fit.f_test("x_1 = 0, x_2 = 0")
    assert found.quantities["forward_f"].value == pytest.approx(float(theirs.fvalue), rel=1e-8)
    assert p_of(found) == pytest.approx(float(theirs.pvalue), rel=1e-6)
    total = fit.t_test("x_1 + x_2 = 0")
    ends = found.quantities["forward_sum"]
    assert [ends.low, ends.high] == pytest.approx(np.ravel(total.conf_int()), rel=1e-6)


def test_the_wild_bootstrap_the_long_way_round():
    """Each draw regressed again: its Wald against the one of the data."""
    table = pair_of(np.random.default_rng(8), 7, 20, moves=0.1)
    asked = {"lags": 2, "deseasonalise": False, "errors": "wild", "draws": 49, "seed": 5}
    found = mm.granger(table, "x", "y", **asked)
    frame = table.assign(x=np.log(table["x"]), y=np.log(table["y"]))
    by_day = frame.groupby("day")
    x = pd.DataFrame({f"{c}_{k}": by_day[c].shift(k) for c in "xy" for k in (1, 2)})
    keep = x.notna().all(axis=1)
    x = sm.add_constant(x[keep]).to_numpy()
    y, group = frame["y"][keep].to_numpy(), pd.factorize(frame["day"][keep])[0]

    def wald(values):
        fit = sm.OLS(values, x).fit(cov_type="cluster", cov_kwds={"groups": group})
        return fit.params[1:3] @ np.linalg.solve(fit.cov_params()[1:3, 1:3], fit.params[1:3])

    rest = sm.OLS(y, x[:, [0, 3, 4]]).fit()
    points = np.array([-np.sqrt(1.5), -1, -np.sqrt(0.5), np.sqrt(0.5), 1, np.sqrt(1.5)])  # Webb
    signs = np.random.default_rng(5).choice(points, size=(49, 7))
    drawn = [wald(rest.fittedvalues + s[group] * rest.resid) for s in signs]
    assert p_of(found) == pytest.approx((1 + np.sum(np.array(drawn) >= wald(y))) / 50)


def test_blocks_by_hand():
    day = np.array([3, 3, 3, 3, 3, 5, 5, 5, 9])
    assert blocks(day, 2).tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 4]  # 5 / 2, 3 / 2 round to 2
    # 4 (3.87)^(2/9) = 5.4: 5 lags, twice 6; of 76 rows 3 lags, but 12 blocks leave 76 // 12
    assert (block_length(387, 3), block_length(76, 2), block_length(31, 1)) == (12, 6, 2)
    assert block_length(76, 8) == 3  # 24 blocks for 8 lags
    assert block_length(100_000, 3) == 500
    count = [len(np.unique(errors_of(d, d, "auto", 3, False).group)) for d in (day, day[:5])]
    assert count == [9, 5]


def test_few_days_by_blocks_the_long_way_round():
    """Day levels out, each draw regressed again by blocks of six bars that no day shares."""
    table = pair_of(np.random.default_rng(15), 2, 40, moves=0.2)
    asked = {"lags": 2, "deseasonalise": False, "draws": 49, "seed": 5}
    found = mm.granger(table, "x", "y", **asked)
    assert "12 blocks of about 6 bars within days (2), Rademacher" in found.errors
    frame = table.assign(x=np.log(table["x"]), y=np.log(table["y"]))
    by_day = frame.groupby("day")
    use = pd.DataFrame({f"{c}_{k}": by_day[c].shift(k) for c in "xy" for k in (1, 2)})
    use = use.assign(y=frame["y"], day=frame["day"]).dropna()
    use = use.drop(columns="day") - use.groupby("day").transform("mean")
    x, y = sm.add_constant(use[["x_1", "x_2", "y_1", "y_2"]]).to_numpy(), use["y"].to_numpy()
    group = np.concatenate([np.arange(38) * 6 // 38, 6 + np.arange(38) * 6 // 38])

    def wald(values):
        fit = sm.OLS(values, x).fit(cov_type="cluster", cov_kwds={"groups": group})
        return fit.params[1:3] @ np.linalg.solve(fit.cov_params()[1:3, 1:3], fit.params[1:3])

    rest = sm.OLS(y, x[:, [0, 3, 4]]).fit()
    signs = np.random.default_rng(5).choice([-1.0, 1.0], size=(49, 12))
    drawn = [wald(rest.fittedvalues + s[group] * rest.resid) for s in signs]
    assert p_of(found) == pytest.approx((1 + np.sum(np.array(drawn) >= wald(y))) / 50)


def test_units_change_no_answer():
    """Volumes of billions or variances of billionths, far from zero or not: the same p and F."""
    table = pair_of(np.random.default_rng(4), 20, 39, moves=0.1)
    asked = {"lags": 3, "logs": False, "deseasonalise": False, "draws": 99}
    one = mm.granger(table, "x", "y", **asked)
    other = table.assign(x=1e9 * table["x"] + 1e11, y=1e-9 * table["y"])
    two = mm.granger(other, "x", "y", **asked)
    for key in ("forward_p", "back_p", "instantaneous_p"):
        assert two.quantities[key].value == pytest.approx(one.quantities[key].value)
    for key, unit in (("forward_f", 1), ("back_f", 1), ("forward_sum", 1e-18), ("back_sum", 1e18)):
        first, second = one.quantities[key], two.quantities[key]
        assert second.value == pytest.approx(unit * first.value, rel=1e-6)
        assert second.high == pytest.approx(unit * first.high, rel=1e-6)
    chosen = mm.granger(other, "x", "y", **asked | {"lags": "bic"})
    assert chosen.table.shape == mm.granger(table, "x", "y", **asked | {"lags": "bic"}).table.shape


def test_far_bars_are_said_and_do_not_decide():
    """A bar ten deviations out weighs: its share of the cause's leverage is said.

    30 worlds in which nothing moves: at most 5 of them at 5 % (P = 0.997).
    """
    rng, found = np.random.default_rng(16), []
    for _ in range(30):
        table = far_bars(rng, 240)
        found.append(mm.granger(table, "x", "y", lags=2, draws=99, deseasonalise=False))
    assert sum(p_of(one) <= 0.05 for one in found) <= 5
    assert "few_bars_weigh" in found[0].flags
    heavy = found[0].details["tests"].set_index("cause")["heaviest"]
    assert heavy["x"] > 0.2 > heavy["y"]
    # the long way round: hat values with the cause's lags less those without
    x = table["x"].to_numpy()
    logs = np.log(table["y"].to_numpy())
    past = np.column_stack([np.ones(238), x[1:-1], x[:-2], logs[1:-1], logs[:-2]])
    hats = [np.diag(p @ np.linalg.pinv(p)) for p in (past, past[:, [0, 3, 4]])]
    last = found[-1].details["tests"].iloc[0]["heaviest"]
    assert last == pytest.approx((hats[0] - hats[1]).max(), rel=1e-6)


def test_one_day_loses_its_slow_moves_and_says_so():
    table = pair_of(np.random.default_rng(9), 1, 390)
    found = mm.granger(table, "x", "y")
    assert {"one_day_slow_moves_out", "few_days"} <= set(found.flags)
    assert "blocks of about 12 bars within days (1)" in found.errors
    assert "slow moves" in found.details["meaning"].loc["one_day_slow_moves_out", "meaning"]


def test_a_missing_bar_breaks_the_past():
    table = pair_of(np.random.default_rng(10), 6, 30)
    holed = table[table["bar"] != 15].copy()
    holed.loc[holed["bar"] == 20, "x"] = np.nan
    found = mm.granger(holed, "x", "y", lags=2, deseasonalise=False)
    # of bars 0-14, 16-19 and 21-29 the first two of each have no two before them
    assert found.sample.used == 6 * (13 + 2 + 7)
    assert found.sample.dropped["without x or y, or their shape"] == 6


def bars_of_sessions(rng):
    """90 sessions of one bar, a session missing before the 41st: y is x of the one before."""
    days = pd.date_range("2024-01-01", periods=90)
    table = pd.DataFrame({"day": days, "bar": 0, "x": rng.normal(size=90), "gap": False})
    table["y"] = table["x"].shift(1, fill_value=0.0) + 0.5 * rng.normal(size=90)
    table.loc[40, "gap"] = True
    return table


def test_bars_of_a_session_reach_over_sessions_but_not_over_a_missing_one():
    found = mm.granger(bars_of_sessions(np.random.default_rng(11)), "x", "y", lags=2)
    assert found.sample.used == 90 - 2 - 2
    assert "no_time_of_day" in found.flags
    assert "12 blocks of about 7 sessions" in found.errors


def test_a_sure_cause_of_sessions_has_the_least_p_that_its_blocks_allow():
    """Only draws that repeat the data, all signs alike, have a Wald as large.

    The cause is 18 of its errors from none (1 over 0.5 / sqrt(86)). With blocks' scores alike, one
    sign of 12 turned leaves 10 of them over sqrt(12 (1 - (10 / 12)^2)): 5.2, and more signs less.
    So p is the share of draws of one sign, whatever the noise. The other way nothing is to be
    found: of 20 worlds at most 4 at 5 % (P = 0.997).
    """
    rng, back = np.random.default_rng(11), []
    for seed in range(20):
        table = bars_of_sessions(rng)
        found = mm.granger(table, "x", "y", lags=2, draws=199, seed=seed)
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(199, 12))
        alike = int((np.abs(signs.sum(axis=1)) == 12).sum())
        assert p_of(found) == pytest.approx((1 + alike) / 200)
        assert (
            mm.granger(table, "x", "y", lags=2, errors="hac").quantities["forward_p"].value < 0.001
        )
        back.append(p_of(found, "back"))
    assert sum(p <= 0.05 for p in back) <= 4


def test_what_cannot_be_told():
    table = pair_of(np.random.default_rng(12), 1, 30)
    few = mm.granger(table, "x", "y", lags=4)
    assert "26 bars have 4 bars of their session before them" in few.quantities["forward_p"].reason
    table = pair_of(np.random.default_rng(12), 8, 30).assign(flat=1.0)
    flat = mm.granger(table, "flat", "y")
    assert "flat is the same in all bars" in flat.quantities["forward_p"].reason
    same = mm.granger(table.assign(z=2 * table["x"]), "x", "z")
    assert "the same series" in same.quantities["forward_p"].reason


@pytest.mark.bad_input("a cause that is its own effect")
def test_bad_questions():
    table = pair_of(np.random.default_rng(13), 6, 30)
    with pytest.raises(ValueError, match=r"same column, 'x'; lags must be"):
        mm.granger(table, "x", "x", lags=0)
    with pytest.raises(ValueError, match="no logarithm in 180 rows"):
        mm.granger(table.assign(y=-table["y"]), "x", "y", logs=True)
    with pytest.raises(ValueError, match="lacks the columns 'z'"):
        mm.granger(table, "x", "z")


def test_a_session_that_goes_on_in_number_is_another_session():
    """Day one has bars 0 to 19, day two 20 to 39: the second's first two have no past."""
    table = pair_of(np.random.default_rng(14), 2, 40)
    first = table["day"] == table["day"].min()
    halves = table[first == (table["bar"] < 20)]
    found = mm.granger(halves, "x", "y", lags=2, deseasonalise=False)
    assert found.sample.dropped["without all lags in their session"] == 4
