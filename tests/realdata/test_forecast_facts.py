"""Volatility forecasts of real markets: what they say, and where they refuse and why."""

from __future__ import annotations

import pandas as pd
import pytest

import mmresearch as mm


@pytest.fixture(scope="module")
def vix(realdata):
    """Variance that options expect of a day, bps², known at the close."""
    path = realdata / "vix" / "vix.csv.gz"
    if not path.is_file():
        pytest.skip("needs the real files in ../shared/realdata/vix")
    rows = mm.load.series(path).series.dropna(subset=["value"])
    table = pd.DataFrame({"day": pd.to_datetime(rows["date"]), "known": rows["time"]})
    return table.assign(rv=rows["value"] ** 2 * 1e4 / 252).reset_index(drop=True)


def test_five_years_of_the_vix(vix):
    """It lasts: nine tenths of its moves about the past mean are foretold; logs do it better."""
    found = mm.volatility_forecast(vix, draws=99)
    assert found.quantities["r2_past_mean"].low > 0.8
    models = found.details["models"].set_index("model")["qlike"]
    assert models["log_har"] < models["har"] < models["past mean"]
    terms = found.table.set_index("term")
    assert terms.loc["lag_1", "low"] > 0.5
    opened = mm.open_holdout(found, vix)
    assert opened.quantities["holdout_r2_past_mean"].low > 0.5
    assert opened.details["ledger"]["opening"].iloc[-1] >= 1


def test_dealers_of_2025_and_the_vix_until_2019_have_no_date_in_common(vix, realdata):
    path = realdata / "cftc" / "FinFutYY.txt"
    if not path.is_file():
        pytest.skip("needs the real files in ../shared/realdata/cftc")
    rows = mm.load.cftc(path).positions
    held = rows.groupby("published")["position"].sum().abs().rename("dealers").reset_index()
    table = mm.join_known(vix, held, columns=["dealers"], at="published")
    found = mm.volatility_forecast(table, predictors=["dealers"])
    assert not any(q.identified for q in found.quantities.values())
    assert "no date in common" in found.errors
    assert "from 2014-01-03 to 2019-01-03, dealers from 2025-" in found.errors


def test_a_day_of_amzn_by_minutes(realdata):
    """Its past foretells the next minute; flow, depth and spread add nothing that is told."""
    files = sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))
    if not files:
        pytest.skip("needs the real files in ../shared/realdata/lobster")
    table = mm.forecast_table(mm.load.lobster(*files), freq="1min")
    assert table.attrs["predictors"] == ["order_flow_imbalance", "depth", "spread_bps"]
    found = mm.volatility_forecast(table, predictors=table.attrs["predictors"], draws=0)
    assert found.quantities["r2_past_mean"].low > 0.2
    assert found.quantities["r2_oos"].low < 0 < found.quantities["r2_oos"].high
    assert {"few_days", "shape_of_the_day_left_in"} <= set(found.flags)


def test_a_pool_of_five_days_by_bars(realdata):
    """Too many five-minute bars whose price stood: refused; by quarters of an hour the pool's
    inventory foretells nothing.
    """
    files = sorted(realdata.glob("uniswap/*.csv"))
    if not files:
        pytest.skip("needs the real files in ../shared/realdata/uniswap")
    market = mm.load.uniswap(files)
    table = mm.forecast_table(market, freq="5min", account="pool")
    assert table.attrs["predictors"] == ["inventory_imbalance"]
    found = mm.volatility_forecast(table, predictors=["inventory_imbalance"], draws=0)
    assert not found.quantities["r2_oos"].identified
    assert found.sample.dropped["variance 0"] > 0.3 * len(table)
    table = mm.forecast_table(market, freq="15min", account="pool")
    asked = {"predictors": ["inventory_imbalance"], "lags": [1, 4], "draws": 0}
    found = mm.volatility_forecast(table, **asked)
    assert found.quantities["p_clark_west"].value > 0.1
    assert "many_rows_without_variance" in found.flags
