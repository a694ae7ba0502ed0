"""Cross-impact: none is found where there is none, what is planted is found, on days not fitted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import mmresearch as mm
from mmresearch.estimate.cross_rows import Sums, ridge
from tests.truth.crossing import crossing


def gains(table: pd.DataFrame, **options: object) -> tuple[mm.Quantity, mm.Quantity]:
    q = mm.cross_impact(table, **options).quantities
    return q["contemporaneous_gain"], q["lagged_gain"]


def side_by_side(table: pd.DataFrame) -> pd.DataFrame:
    return table.pivot_table(["ofi", "return_bps"], ["day", "bar"], "symbol")


# --- truth ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [0.0, pytest.param("auto", marks=pytest.mark.slow)])
def test_no_cross_impact_is_not_found(penalty):
    """30 worlds, seeds 0 to 29: gains are at or below 0; by chance .75 intervals lie above.

    Two or fewer: 96 % of the time if the size were 2.5 %; estimated coefficients push it lower.
    """
    found = [gains(crossing(np.random.default_rng(s)), penalty=penalty) for s in range(30)]
    for some in zip(*found, strict=True):
        assert sum(q.low > 0 for q in some) <= 2
        assert np.mean([q.value for q in some]) < 5e-4


def test_flows_that_go_together_look_like_cross_impact_alone():
    """The naive regression on another's flow alone finds what own flow explains."""
    table = crossing(np.random.default_rng(1))
    wide = side_by_side(table)
    naive = sm.OLS(wide["return_bps"]["S0"], sm.add_constant(wide["ofi"]["S1"])).fit()
    assert naive.tvalues["S1"] > 10
    now, _ = gains(table)
    assert now.high < 0.01


def test_planted_cross_impact_is_found():
    """Variance of a return 1 + .3² + 2 .3 .4 + 1 = 2.33; the others' part beside own .3² .84."""
    table = crossing(np.random.default_rng(2), bars=500, now=0.3)
    now, lagged = gains(table)
    assert now.low > 0
    assert now.value == pytest.approx(0.09 * 0.84 / 2.33, rel=0.15)
    assert lagged.low <= 0
    found = mm.cross_impact(table).details["coefficients"].set_index(["timing", "from", "to"])
    told = found["bps_per_sd"]["contemporaneous"]
    assert told["S1", "S0"] == pytest.approx(0.3, abs=0.06)
    assert told["S2", "S0"] == pytest.approx(0, abs=0.06)
    assert told["S0", "S0"] == pytest.approx(1, abs=0.06)


def test_planted_lagged_cross_impact_is_found():
    table = crossing(np.random.default_rng(3), bars=500, lagged=0.3)
    now, lagged = gains(table)
    assert lagged.low > 0
    # own lagged flow tells .4 * .3 of it: .3² (1 - .4²) of 2.09 is the others'
    assert lagged.value == pytest.approx(0.09 * 0.84 / 2.09, rel=0.2)
    assert now.low <= 0
    models = mm.cross_impact(table).details["models"].set_index("timing")
    assert models.loc["lagged", "cross_r2_in"] > models.loc["lagged", "cross_r2_out"]
    assert (models["own_r2_in"] <= models["cross_r2_in"]).all()
    assert models.loc["lagged", "others_used"] > 0.9


def test_in_sample_there_is_always_a_gain():
    """What the honest table is for: three days of 40 bars and six symbols."""
    table = crossing(np.random.default_rng(4), days=15, bars=40, symbols=6)
    models = mm.cross_impact(table, train=3, penalty=0.0).details["models"].set_index("timing")
    assert (models["gain_in"] > 0.01).all()
    assert (models["gain_out"] < 0).all()


# --- arithmetic -----------------------------------------------------------------------------------


def test_the_table_by_the_long_way_round():
    """Least squares day by day by statsmodels."""
    table = crossing(np.random.default_rng(5), days=9, bars=50, symbols=2, now=0.2)
    wide = side_by_side(table)
    days, sums = sorted(table["day"].unique()), np.zeros(3)
    for test in range(3, 9):
        past, now = wide.loc[days[test - 3 : test]], wide.loc[days[test : test + 1]]
        past, now = (p[p.index.get_level_values("bar") > 0] for p in (past, now))
        for name in ("S0", "S1"):
            y = past["return_bps"][name]
            left = now["return_bps"][name] - y.mean()
            for place, columns in enumerate(([name], ["S0", "S1"])):
                fit = sm.OLS(y, sm.add_constant(past["ofi"][columns])).fit()
                wrong = now["return_bps"][name] - fit.predict(sm.add_constant(now["ofi"][columns]))
                sums[place] += (wrong**2).sum() / y.var(ddof=0)
            sums[2] += (left**2).sum() / y.var(ddof=0)
    models = mm.cross_impact(table, train=3, penalty=0.0).details["models"].set_index("timing")
    told = models.loc["contemporaneous", ["own_r2_out", "cross_r2_out"]].to_numpy("float64")
    assert told == pytest.approx(1 - sums[:2] / sums[2])


def test_ridge_is_statsmodels():
    rng = np.random.default_rng(6)
    z, y = rng.standard_normal((200, 4)), rng.standard_normal(200)
    penalty = np.array([0.0, 0.0, 0.5, 0.5])
    ours = ridge(Sums(200, z.T @ z, z.T @ y, y @ y), penalty)
    theirs = sm.OLS(y, z).fit_regularized(alpha=penalty, L1_wt=0).params
    assert ours == pytest.approx(theirs)


def test_a_level_vector_comes_back_as_the_penalty_goes_to_0():
    """Levels that nearly go together (C8): with known weights, by ridge."""
    rng = np.random.default_rng(7)
    z = rng.standard_normal((20_000, 1)) + 0.3 * rng.standard_normal((20_000, 3))
    y = z @ np.array([0.5, 0.3, 0.2]) + rng.standard_normal(20_000)
    sums = Sums(len(y), z.T @ z, z.T @ y, y @ y)
    errors = [np.abs(ridge(sums, np.full(3, p)) - [0.5, 0.3, 0.2]).max() for p in (1.0, 0.1, 0.0)]
    assert errors[0] > errors[1] > errors[2] - 0.01
    assert errors[2] < 0.08


def test_a_future_that_is_shuffled_changes_no_day_before():
    table = crossing(np.random.default_rng(8), now=0.3, lagged=0.2)
    late = (table["day"] >= table["day"].unique()[12]).to_numpy()
    other = table.copy()
    rng = np.random.default_rng(9)
    other.loc[late, "ofi"] = rng.permutation(table.loc[late, "ofi"].to_numpy())
    one, two = (mm.cross_impact(t).details["days"] for t in (table, other))
    early = one["day"] < table["day"].unique()[12]
    assert early.sum() == 2 * 7
    pd.testing.assert_frame_equal(one[early], two[early])
    assert not one[~early].equals(two[~early])


def test_scale_of_flow_and_returns_does_not_matter():
    table = crossing(np.random.default_rng(10), now=0.1)
    one = mm.cross_impact(table)
    other = table.assign(ofi=100 * table["ofi"], return_bps=table["return_bps"] / 10)
    pd.testing.assert_frame_equal(mm.cross_impact(other).table, one.table)


def test_integrated_flow_is_taken_where_there_is_one():
    table = crossing(np.random.default_rng(11))
    both = table.assign(ofi_integrated=table["ofi"], ofi=0.0)
    pd.testing.assert_frame_equal(mm.cross_impact(both).table, mm.cross_impact(table).table)


def test_bars_that_one_symbol_lacks_and_lags_over_a_hole_are_left_out():
    table = crossing(np.random.default_rng(12), days=12, bars=60)
    gone = (table["bar"] == 10) & (table["symbol"] == "S1")
    found = mm.cross_impact(table[~gone], lags=2)
    # of each day's 60 bars the first two, the tenth, and the two after it
    assert found.sample.used == 12 * 55
    assert sum(found.sample.dropped.values()) == 12 * 5
    assert found.sample.series == 3


# --- what cannot be told --------------------------------------------------------------------------


def refused(result: mm.Result, words: str) -> None:
    assert words in result.errors
    assert result.table.empty
    assert not any(q.identified for q in result.quantities.values())


@pytest.mark.bad_input("one symbol for cross-impact")
def test_one_symbol():
    table = crossing(np.random.default_rng(13))
    refused(mm.cross_impact(table[table["symbol"] == "S0"]), "needs two or more")


@pytest.mark.bad_input("no quotes")
def test_no_quotes():
    trades = {"time": pd.Timestamp("2024-01-02T15:00Z"), "seq": 0, "symbol": "X", "price": 10.0}
    market = mm.Market(trades=pd.DataFrame([trades | {"size": 1.0, "side": 1.0}]))
    refused(mm.cross_impact(market), "the market has no quotes and no book")


@pytest.mark.bad_input("too few days to test")
def test_few_days():
    table = crossing(np.random.default_rng(14), days=10)
    refused(mm.cross_impact(table), "of which 5 can be tested after 5 to fit; 6 are needed")
    refused(mm.cross_impact(crossing(np.random.default_rng(15), bars=20)), "0 days")


@pytest.mark.bad_input("symbols that never trade at once")
def test_no_common_bar():
    table = crossing(np.random.default_rng(16))
    later = pd.to_timedelta((table["symbol"] == "S1") * 7200, unit="s")
    apart = table.assign(start=table["start"] + later)
    refused(mm.cross_impact(apart), "0 days")


@pytest.mark.bad_input("flow of zero variance")
def test_no_variance():
    table = crossing(np.random.default_rng(17))
    still = table.assign(ofi=table["ofi"].where(table["symbol"] != "S2", 1.0))
    refused(mm.cross_impact(still), "flow of S2 has no variance")
    still = table.assign(return_bps=table["return_bps"].where(table["symbol"] != "S2", 0.0))
    refused(mm.cross_impact(still), "price of S2 never changes")


@pytest.mark.bad_input("a table that is none")
def test_bad_arguments():
    table = crossing(np.random.default_rng(18))
    with pytest.raises(ValueError, match="lacks the columns return_bps"):
        mm.cross_impact(table.drop(columns="return_bps"))
    with pytest.raises(ValueError, match="penalty must be"):
        mm.cross_impact(table, penalty=-1)
    with pytest.raises(ValueError, match="two days or more"):
        mm.cross_impact(table, train=1)
