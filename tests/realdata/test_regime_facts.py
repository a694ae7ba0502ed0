"""Real bars: of one day no shape is told nor regimes of a trend; likelihoods are statsmodels'."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.tsa.api import ARIMA, MarkovRegression

import mmresearch as mm
from mmresearch.load import lobster


@pytest.fixture(scope="module")
def bars(realdata):
    files = sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))
    return mm.panel(lobster(*files), freq="1min")


def test_one_day_tells_no_shape(bars):
    found = mm.seasonal(bars, "spread_bps")
    assert "own slow moves" in found.quantities["open_to_middle"].reason


def test_the_spread_falls_once_and_that_is_no_regime(bars):
    found = mm.liquidity_regimes(bars, "spread_bps", starts=4, draws=0)
    assert "hardly visited" in found.quantities["duration_1"].reason
    assert {"time_of_day_left_in", "values_persist_within_regimes"} <= set(found.flags)
    # statsmodels' autoregression has half of the parameters and a larger likelihood
    alone = ARIMA(np.log(bars["spread_bps"].to_numpy()), order=(1, 0, 0), trend="c").fit()
    two = found.details["number"].set_index("regimes").loc[2, "log_likelihood"]
    assert alone.llf > two
    assert "one_regime_that_persists_fits_as_well" in found.flags


def theirs(found, sessions):
    """Log-likelihood of statsmodels' filter at our parameters, each session by itself."""
    law = found.table.set_index("term")["estimate"]
    chances = [law["p_11"], 1 - law["p_22"]]
    params = [*chances, law["mean_1"], law["mean_2"], law["sd_1"] ** 2, law["sd_2"] ** 2]
    models = [MarkovRegression(y, 2, switching_variance=True) for y in sessions]
    return sum(model.loglike(np.array(params)) for model in models)


def test_the_likelihood_of_a_days_depth_is_statsmodels(bars):
    found = mm.liquidity_regimes(bars, "depth", deseasonalise=False, starts=3, draws=0)
    told = found.details["number"].set_index("regimes")["log_likelihood"]
    y = np.log(bars["depth"].to_numpy())
    assert theirs(found, [y]) == pytest.approx(told[2], abs=1e-6)
    one = found.details["rival"].loc["one regime that persists"]
    law = [one["mean"], one["rho"], one["sd"] ** 2 * (1 - one["rho"] ** 2)]
    persisting = ARIMA(y, order=(1, 0, 0), trend="c").loglike(law)
    assert one["log_likelihood"] == pytest.approx(persisting, abs=1e-6)
    alone = -len(y) / 2 * (np.log(2 * np.pi * y.var()) + 1)  # one regime: a normal law
    assert told[1] == pytest.approx(alone, abs=1e-6)


def test_five_days_of_a_pool_start_afresh_at_midnight(realdata):
    """The sum of five sessions' likelihoods, none of which knows the night before."""
    pool = mm.panel(mm.load.uniswap(sorted(realdata.glob("uniswap/*.csv"))), freq="10min")
    table = pool.assign(busy=np.log1p(pool["market_volume"]))
    asked = {"deseasonalise": False, "logs": False, "starts": 3, "draws": 0}
    found = mm.liquidity_regimes(table, "busy", **asked)
    assert found.sample.days == 5
    sessions = [day["busy"].to_numpy() for _, day in table.groupby("day")]
    told = found.details["number"].set_index("regimes")["log_likelihood"]
    assert theirs(found, sessions) == pytest.approx(told[2], abs=1e-6)
    likely = found.details["probabilities"]
    for name in ("predicted", "filtered", "smoothed"):
        assert likely[[f"{name}_1", f"{name}_2"]].sum(axis=1).to_numpy() == pytest.approx(1)
    first = likely.groupby("day")["predicted_1"].first()
    assert np.ptp(first) < 1e-12  # the long-run share, whatever the day before


def test_a_spread_of_one_tick_has_no_regimes(realdata):
    market = mm.load.binance(realdata / "binance" / "usdm" / "btcusdt_20240808.gz")
    seconds = mm.panel(market, freq="1s")
    # of a contract of 60,000 with ticks of 0.1 the mid moves the spread in bps: in ticks it is one
    ticks = (seconds["spread_bps"] * seconds["mid"] / 1e4 / 0.1).round().rename("ticks")
    found = mm.liquidity_regimes(seconds.assign(ticks=ticks), "ticks", draws=0)
    assert f"ticks takes {ticks.nunique()} values" in found.quantities["duration_1"].reason
    minutes = mm.liquidity_regimes(mm.panel(market, freq="1min"), "depth", draws=0)
    assert "60 are needed" in minutes.quantities["duration_1"].reason
