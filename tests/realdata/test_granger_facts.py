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


def test_a_few_minutes_of_a_stock_do_not_make_certain(amzn):
    """Newey-West is surer than the textbook's F, by minutes ten deviations out; blocks are not.

    Where a bar has a quarter of what tells the coefficients, its error is told by itself: HC3
    (MacKinnon and White 1985), which asks what is left without it, is far from Newey-West too.
    """
    flow = amzn["order_flow_imbalance"]
    assert (flow.abs() > 8 * flow.std()).sum() >= 2  # counted from the bars
    asked = {"deseasonalise": False, "lags": 3}
    hac = mm.granger(amzn, flow.name, "realized_variance", errors="hac", **asked)
    ours = mm.granger(amzn, flow.name, "realized_variance", **asked)
    assert hac.quantities["forward_p"].value < 0.001 < 0.005 < ours.quantities["forward_p"].value
    assert {"few_days", "few_bars_weigh"} <= set(ours.flags)
    y, x = np.log(amzn["realized_variance"]), flow / flow.std()
    past = pd.DataFrame({f"{n}{k}": v.shift(k) for n, v in (("x", x), ("y", y)) for k in (1, 2, 3)})
    fit = sm.OLS(y[3:], sm.add_constant(past[3:])).fit(cov_type="HC3", use_t=True)
    assert float(fit.f_test("x1 = 0, x2 = 0, x3 = 0").pvalue) > 0.005
    # the sum of the lags is not told from none, whichever way
    assert ours.quantities["forward_sum"].low < 0 < ours.quantities["forward_sum"].high


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
