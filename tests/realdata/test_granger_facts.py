"""Does one series of real bars foretell another: statsmodels' F and sandwiches on the same rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.tsa.stattools import grangercausalitytests

import mmresearch as mm

AS_IT_IS = {"deseasonalise": False, "logs": False}


@pytest.fixture(scope="module")
def amzn(realdata):
    files = sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))
    return mm.panel(mm.load.lobster(*files), freq="1min")


@pytest.fixture(scope="module")
def pool(realdata):
    market = mm.load.uniswap(sorted(realdata.glob("uniswap/*.csv")))
    return mm.panel(market, freq="5min")


@pytest.fixture(scope="module")
def capture(realdata):
    market = mm.load.binance(realdata / "binance" / "usdm" / "btcusdt_20240808.gz")
    return {freq: mm.panel(market, freq=freq) for freq in ("1s", "1min")}


def test_a_day_of_a_stock_is_statsmodels_f(amzn):
    table = amzn.assign(variance=np.log(amzn["realized_variance"]))
    asked = AS_IT_IS | {"lags": 3, "draws": 99}
    found = mm.granger(table, "order_flow_imbalance", "variance", **asked)
    row = found.details["tests"].iloc[0]
    columns = table[["variance", "order_flow_imbalance"]].to_numpy()
    theirs = grangercausalitytests(columns, [3])[3][0]["ssr_ftest"]
    assert found.sample.used == 390 - 3
    assert row["plain_f"] == pytest.approx(theirs[0], rel=1e-8)
    assert row["plain_p"] == pytest.approx(theirs[1], rel=1e-6)


def past_of(amzn):
    """Log variances of minutes, and flow and log variance of the three minutes before each."""
    flow = amzn["order_flow_imbalance"]
    x, y = flow / flow.std(), np.log(amzn["realized_variance"])
    lags = {f"{n}{k}": v.shift(k) for n, v in (("x", x), ("y", y)) for k in (1, 2, 3)}
    return y[3:], sm.add_constant(pd.DataFrame(lags)[3:])


NONE = "x1 = 0, x2 = 0, x3 = 0"
THREE = {"deseasonalise": False, "lags": 3, "draws": 99}


def test_newey_west_is_surer_of_far_minutes_than_the_textbook(amzn):
    """Both are statsmodels' own: errors told by the very minutes that weigh come out small."""
    y, x = past_of(amzn)
    model = sm.OLS(y, x)
    theirs = model.fit(
        cov_type="HAC", cov_kwds={"maxlags": 5, "use_correction": True}, use_t=True
    ).f_test(NONE)
    hac = mm.granger(amzn, "order_flow_imbalance", "realized_variance", errors="hac", **THREE)
    assert "5 lags" in hac.errors
    assert hac.quantities["forward_f"].value == pytest.approx(float(theirs.fvalue), rel=1e-6)
    assert hac.quantities["forward_p"].value == pytest.approx(float(theirs.pvalue), rel=1e-5)
    plain = hac.details["tests"].iloc[0]["plain_p"]
    assert plain == pytest.approx(float(model.fit().f_test(NONE).pvalue), rel=1e-6)
    assert hac.quantities["forward_p"].value < plain


def test_few_minutes_of_a_stock_weigh_by_blocks_the_long_way_round(amzn):
    """Each draw regressed again by statsmodels, by 32 blocks of minutes; hats are its own too."""
    ours = mm.granger(amzn, "order_flow_imbalance", "realized_variance", **THREE, seed=3)
    assert "32 blocks of about 12 bars" in ours.errors
    y, x = past_of(amzn)
    group = np.arange(387) * 32 // 387

    def wald(values):
        fit = sm.OLS(values, x).fit(cov_type="cluster", cov_kwds={"groups": group})
        return float(fit.wald_test(NONE, use_f=False, scalar=True).statistic)

    rest = sm.OLS(y, x[["const", "y1", "y2", "y3"]]).fit()
    signs = np.random.default_rng(3).choice([-1.0, 1.0], size=(99, 32))
    drawn = [wald(rest.fittedvalues + s[group] * rest.resid) for s in signs]
    reached = int(np.sum(np.array(drawn) >= wald(y)))
    assert ours.quantities["forward_p"].value == pytest.approx((1 + reached) / 100)
    hats = [
        sm.OLS(y, columns).fit().get_influence().hat_matrix_diag for columns in (x, rest.model.exog)
    ]
    weight = hats[0] - hats[1]
    assert ours.details["tests"].iloc[0]["heaviest"] == pytest.approx(weight.max(), rel=1e-6)
    assert weight.max() > 0.2
    assert {"few_days", "few_bars_weigh"} <= set(ours.flags)
    # the sum of the lags is not told from none, whichever way
    assert ours.quantities["forward_sum"].low < 0 < ours.quantities["forward_sum"].high


def test_without_its_farthest_minute_a_stock_tells_of_no_foretelling(amzn):
    """What the flag warns of: the textbook's p is below 0.05 by one minute of 390, by statsmodels.

    That minute's flow unknown, no row has it among its lags; the same rows by hand.
    """
    flow = amzn["order_flow_imbalance"]
    far = flow.abs().idxmax()
    assert (flow.abs() > 8 * flow.std()).sum() >= 2  # counted from the bars
    y, x = past_of(amzn)
    assert float(sm.OLS(y, x).fit().f_test(NONE).pvalue) < 0.05
    rows = y.index.difference(range(far, far + 4))
    less = float(sm.OLS(y[rows], x.loc[rows]).fit().f_test(NONE).pvalue)
    assert less > 0.05
    without = amzn.assign(order_flow_imbalance=flow.drop(far))
    found = mm.granger(without, flow.name, "realized_variance", **THREE)
    assert found.sample.used == 387 - 4
    assert found.details["tests"].iloc[0]["plain_p"] == pytest.approx(less, rel=1e-6)
    assert found.quantities["forward_p"].value > 0.05


def test_five_days_of_a_pool_are_least_squares_inside_days(pool):
    """Every day's level is taken out and no lag crosses midnight: statsmodels with five levels."""
    found = mm.granger(pool, "flow", "return_bps", **AS_IT_IS, lags=2, draws=199)
    assert found.sample.days == 5
    assert "few_days" in found.flags
    by_day = pool.groupby("day")
    names = {"x": "flow", "y": "return_bps"}
    use = pd.DataFrame({f"{n}{k}": by_day[c].shift(k) for n, c in names.items() for k in (0, 1, 2)})
    use = use.assign(day=pool["day"]).dropna()
    use[["x0", "x1", "x2"]] /= use["x0"].std()  # so that products lose nothing
    levels = pd.get_dummies(use["day"], dtype=float)
    both = []
    for effect, cause in (("y", "x"), ("x", "y")):
        own, other = ([f"{n}{k}" for k in (1, 2)] for n in (effect, cause))
        whole = sm.OLS(use[f"{effect}0"], use[own + other].join(levels)).fit()
        less = sm.OLS(use[f"{effect}0"], use[own].join(levels)).fit()
        # ours counts one constant among degrees of freedom, theirs five levels
        f = (less.ssr - whole.ssr) / 2 / (whole.ssr / (len(use) - 5))
        both.append((f, whole.resid))
    assert found.sample.used == len(use)
    tests = found.details["tests"]
    assert tests["plain_f"].tolist() == pytest.approx([f for f, _ in both], rel=1e-6)
    # what the pool takes in and its price move against one another in the same bar
    new = found.quantities["instantaneous"]
    assert new.value == pytest.approx(np.corrcoef(both[0][1], both[1][1])[0, 1], rel=1e-6)
    assert new.high < -0.5
    assert found.quantities["instantaneous_p"].value < 0.001


def test_six_minutes_of_a_capture(capture):
    seconds = capture["1s"]
    asked = AS_IT_IS | {"lags": 4, "draws": 99}
    found = mm.granger(seconds, "order_flow_imbalance", "return_bps", **asked)
    columns = seconds[["return_bps", "order_flow_imbalance"]].dropna()
    assert len(columns) > 340
    assert columns.index.to_series().diff().iloc[1:].eq(1).all()  # unknown at the ends alone
    theirs = grangercausalitytests(columns.to_numpy(), [4])[4][0]["ssr_ftest"]
    row = found.details["tests"].iloc[0]
    assert row["plain_f"] == pytest.approx(theirs[0], rel=1e-6)
    assert row["plain_p"] == pytest.approx(theirs[1], rel=1e-6)
    assert found.quantities["instantaneous"].low > 0  # buyers move the price up


def test_minutes_of_a_capture_are_too_few(capture):
    found = mm.granger(capture["1min"], "order_flow_imbalance", "return_bps", lags=1)
    assert "33 are needed" in found.quantities["forward_p"].reason
    assert not found.quantities["forward_p"].identified
