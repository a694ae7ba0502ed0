"""The table of variance and predictors: by hand, known when it says, joined as it was known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

OPEN = pd.Timestamp("2024-01-02 14:30", tz="UTC")
BPS = 1e4


@pytest.fixture(scope="module")
def bars():
    return mm.forecast_table(mm.sample(), freq="30min", account="MM1")


def test_columns_are_the_contract_and_nothing_is_known_before_its_end(bars):
    assert bars.columns.tolist() == mm.FORECAST_TABLE["column"].tolist()
    assert (bars["known"] == bars["end"]).all()
    assert bars["known"].is_monotonic_increasing
    assert set(bars.attrs["predictors"]) | set(bars.attrs["unknown"]) == {
        *("inventory_imbalance", "withdrawal", "order_flow_imbalance", "depth", "spread_bps")
    }


def test_the_columns_are_those_of_panel_and_provision(bars):
    panel = mm.panel(mm.sample(), freq="30min", account="MM1")
    np.testing.assert_allclose(bars["rv"], panel["realized_variance"])
    np.testing.assert_allclose(bars["abs_inventory"], panel["inventory_end"].abs())
    ofi = panel["order_flow_imbalance"].abs() / panel["depth"]
    np.testing.assert_allclose(bars["order_flow_imbalance"], ofi)
    provision = mm.provision(mm.sample(), freq="30min", account="MM1")
    np.testing.assert_allclose(bars["withdrawal"], 1 - provision["two_sided"])


def test_sessions_have_the_five_minute_variance_of_mids():
    table = mm.forecast_table(mm.sample(), account="MM1")
    found = mm.realized_variance(mm.sample(), price="mid")
    np.testing.assert_allclose(table["rv"], found["rv_step"])
    np.testing.assert_allclose(table["quarticity"], found["quarticity"])
    assert "five-minute" in table.attrs["variance"]


def test_imbalance_by_hand():
    """Fills leave 2, -4 on the first day and 6 on the second: mean of day one 3, so 2 times."""
    time = [OPEN + pd.Timedelta("1min"), OPEN + pd.Timedelta("31min")]
    time += [OPEN + pd.Timedelta("1D1min")]
    fills = {"time": time, "seq": [1, 2, 3], "account": "A", "symbol": "X", "side": [1, -1, 1]}
    fills = pd.DataFrame(fills | {"price": 100.0, "size": [2.0, 6.0, 10.0]})
    trades = fills.drop(columns="account").assign(side=-fills["side"])
    table = mm.forecast_table(mm.Market(fills=fills, trades=trades), freq="30min")
    assert table["abs_inventory"].iloc[[0, 1, -1]].tolist() == [2, 4, 6]
    first = table["day"] == table["day"].iloc[0]
    assert table.loc[first, "inventory_imbalance"].isna().all()
    mean = table.loc[first, "abs_inventory"].mean()
    assert table["inventory_imbalance"].iloc[-1] == pytest.approx(6 / mean)
    assert table.attrs["unknown"]["withdrawal"] == "the account's own quotes are not in the market"


def test_variance_of_trade_prices_by_hand():
    """Without quotes: each change of the price in the bar that it came about in."""
    seconds = [60, 120, 1860, 1920]  # two bars of half an hour
    logs = np.array([0.0, 3.0, 1.0, 5.0])
    trades = pd.DataFrame({"time": OPEN + pd.to_timedelta(seconds, unit="s"), "symbol": "X"})
    trades = trades.assign(seq=range(4), price=100 * np.exp(logs / BPS), size=1.0, side=1.0)
    table = mm.forecast_table(mm.Market(trades=trades), freq="30min")
    assert table["rv"].tolist() == pytest.approx([9, 4 + 16])
    assert "bounce" in table.attrs["variance"]


def test_joined_as_it_was_known():
    """Published at 3 and 9: rows at 2, 3, 8 and 9 know nothing, 10, 10, 20; none too old."""
    hour = pd.Timestamp("2024-01-02", tz="UTC") + pd.to_timedelta([2, 3, 8, 9, 60], unit="h")
    table = pd.DataFrame({"known": hour})
    other = pd.DataFrame({"known": hour[[1, 3]], "x": [10.0, 20.0]})
    found = mm.join_known(table, other, columns=["x"], within="2D")
    np.testing.assert_array_equal(found["x"], [np.nan, 10, 10, 20, np.nan])
    assert found["x_known"].tolist()[1:4] == [hour[1], hour[1], hour[3]]
    assert not (found["x_known"] > found["known"]).any()
    apart = mm.join_known(
        table, other.assign(known=hour[[1, 3]] + pd.Timedelta("400D")), columns=["x"]
    )
    assert apart["x"].isna().all()
    assert apart.attrs["apart"] == {"x": "from 2025-02-05 to 2025-02-05"}


@pytest.mark.bad_input("several accounts", "columns lacking")
def test_what_is_refused():
    with pytest.raises(ValueError, match="2 values of account"):
        mm.forecast_table(mm.sample())
    table = pd.DataFrame({"known": [OPEN], "x": 1.0})
    with pytest.raises(ValueError, match=r"other has no column known; .* has a column x already"):
        mm.join_known(table, table[["x"]], columns=["x"])
