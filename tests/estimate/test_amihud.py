"""Amihud's illiquidity: by hand, days without value, units, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm


def days_of(returns: list[float], values: list[float], symbol: str = "X") -> pd.DataFrame:
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(len(returns)), unit="D")
    return pd.DataFrame({"symbol": symbol, "day": day, "return_bps": returns, "value": values})


def test_by_hand():
    """1 % on 2 million is .005 a million, -2 % on 4 million too, .5 % on .25 million .02."""
    made = days_of([100.0, -200.0, 50.0, 50.0, np.nan], [2e6, 4e6, 0.25e6, 0.0, 1e6])
    found = mm.amihud(made)
    assert found.details["days"]["illiq"].tolist() == pytest.approx([0.005, 0.005, 0.02])
    assert found.quantities["illiq"].value == pytest.approx(0.01)
    assert found.quantities["illiq"].unit == "per million of currency"
    logs = np.log([0.005, 0.005, 0.02]).mean()
    assert found.quantities["log_illiq"].value == pytest.approx(logs)
    share = found.quantities["undefined_share"]
    assert share.value == pytest.approx(2 / 5)
    assert share.low < 0.4 < share.high
    assert found.sample.dropped == {
        "without traded value": 1,
        "without a return (first, after a gap)": 1,
    }
    assert found.flags == ("few_days",)
    assert mm.amihud(made, per=1e3).quantities["illiq"].value == pytest.approx(1e-5)


def test_the_error_is_newey_wests_written_out():
    """Four lags at most: 60 days have floor(4 (.6)^(2/9)) = 3."""
    rng = np.random.default_rng(1)
    made = days_of(list(100 * rng.standard_normal(60)), list(1e6 * rng.lognormal(0, 0.3, 60)))
    found = mm.amihud(made)
    ratio = found.details["days"]["illiq"].to_numpy()
    away = ratio - ratio.mean()
    middle = away @ away + sum(2 * (1 - k / 4) * (away[k:] @ away[:-k]) for k in range(1, 4))
    error = np.sqrt(middle * 60 / 59) / 60
    assert found.table.iloc[0]["std_error"] == pytest.approx(error, rel=1e-10)
    truth = 0.01 * np.sqrt(2 / np.pi) * np.exp(0.045)  # E|R| E[1 / value]
    assert found.quantities["illiq"].low < truth < found.quantities["illiq"].high


def test_a_day_without_a_move_is_no_log():
    found = mm.amihud(days_of([0.0, 100.0, 100.0], [1e6] * 3))
    assert found.quantities["illiq"].value == pytest.approx(0.02 / 3)
    assert found.quantities["log_illiq"].value == pytest.approx(np.log(0.01))


def test_symbols_count_alike_on_each_day():
    both = pd.concat([days_of([100.0] * 9, [1e6] * 9), days_of([300.0] * 9, [1e6] * 9, "Y")])
    both["return_bps"] += np.tile(np.arange(9.0), 2)
    found = mm.amihud(both)
    assert found.details["symbols"]["illiq"].tolist() == pytest.approx([0.0104, 0.0304])
    assert found.quantities["illiq"].value == pytest.approx(0.0204)
    assert mm.amihud(both, symbol="Y").quantities["illiq"].value == pytest.approx(0.0304)
    assert found.sample.days == 9


def test_a_market_and_its_panel_agree():
    """But for the value, that of the panel being at the last price."""
    market = mm.sample()
    found = mm.amihud(market)
    trades = market["trades"]
    assert found.sample.dropped["without a return (first, after a gap)"] >= 1
    day = found.details["days"].iloc[3]
    own = trades[trades["time"].dt.date == day["day"].date()]
    assert day["value"] == pytest.approx((own["price"] * own["size"]).sum())
    panel = mm.panel(market, freq="1D", account="MM1")
    other = mm.amihud(panel.assign(return_bps=panel["trade_return_bps"]))
    assert other.sample.used == found.sample.used
    assert other.quantities["illiq"].value == pytest.approx(
        found.quantities["illiq"].value, rel=0.02
    )


@pytest.mark.bad_input("no trading at all", "a single session", "no days", "two rows a day")
def test_what_cannot_be_told():
    for made in (days_of([100.0, 50.0], [0.0, 0.0]), days_of([100.0], [1e6])):
        found = mm.amihud(made)
        assert not found.quantities["illiq"].identified
        assert "where 2 are needed" in found.quantities["illiq"].reason
        assert found.quantities["undefined_share"].identified
    assert not mm.amihud(days_of([], [])).quantities["undefined_share"].identified
    two = days_of([100.0, 50.0], [1e6, 1e6])
    with pytest.raises(ValueError, match="2 rows of a symbol's day that has one already"):
        mm.amihud(pd.concat([two, two]))
    with pytest.raises(ValueError, match="1 days have infinite numbers, 1 a value below 0"):
        mm.amihud(days_of([np.inf, 1.0], [1e6, -1.0]))
    with pytest.raises(ValueError, match="lack the column value, or market_volume"):
        mm.amihud(two.drop(columns="value"))
    with pytest.raises(ValueError, match="lack the columns return_bps"):
        mm.amihud(two.drop(columns="return_bps"))
    with pytest.raises(TypeError, match="is a Market or a DataFrame"):
        mm.amihud([1.0])
    with pytest.raises(ValueError, match="per must be above 0"):
        mm.amihud(two, per=0)
