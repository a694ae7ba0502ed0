"""Realized variance: by hand, on the clock, and without the bounce."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

OPEN = pd.Timestamp("2024-03-04 14:30", tz="UTC")


def prices(levels: list[float], seconds: list[float], day: str = "2024-03-04") -> pd.DataFrame:
    time = OPEN + pd.to_timedelta(seconds, unit="s")
    return pd.DataFrame({"symbol": "X", "day": day, "time": time, "price": levels})


def test_by_hand():
    """Logs 0, 1, 0, 2, 2 bps-hundreds: squares 1, 1, 4, 0; at steps of two changes 0 and 4."""
    logs = np.array([0.0, 1.0, 0.0, 2.0, 2.0])
    rows = prices(list(np.exp(logs / 100)), [0, 60, 120, 180, 240])
    found = mm.realized_variance(rows, step="2min", offsets=1, slow=2).iloc[0]
    assert found["returns"] == 4
    assert found["rv"] == pytest.approx(6e4)
    assert found["rv_step"] == pytest.approx(4e4)
    # slow changes 0, 1, 2: (0 + 1 + 4) / 2 = 2.5; m = 1.5; (2.5 - 1.5/4 6) / (1 - 3/8)
    assert found["tsrv"] == pytest.approx(1e4 * (2.5 - 2.25) / 0.625)
    assert found["noise"] == pytest.approx((found["rv"] - found["tsrv"]) / 8)


def test_clock_grids_carry_the_last_price_and_are_averaged():
    """Grids at 0 and 2 minutes, and at 1 and 3: both of two minutes of three."""
    rows = prices(list(np.exp(np.array([0.0, 1.0, 3.0]) / 100)), [0, 50, 180])
    found = mm.realized_variance(rows, step="2min", offsets=2).iloc[0]
    assert found["rv_step"] == pytest.approx(1e4 * (1 + 4) / 2 * 1.5)


def test_sessions_and_symbols_stand_alone():
    one = prices([100.0, 101.0], [0, 1])
    rows = pd.concat([one, one.assign(day="2024-03-05", price=[200.0, 202.0])])
    rows = pd.concat([rows, one.assign(symbol="Y", price=[5.0, 5.0])])
    found = mm.realized_variance(rows)
    assert found["symbol"].tolist() == ["X", "X", "Y"]
    jump = 1e8 * np.log(1.01) ** 2
    assert found["rv"].tolist() == pytest.approx([jump, jump, 0.0])
    assert found["tsrv"].isna().all()
    assert len(mm.realized_variance(rows, symbol="Y")) == 1


def test_a_market_has_trade_prices_and_mids():
    market = mm.sample()
    trade, mid = (mm.realized_variance(market, price=price) for price in ("trade", "mid"))
    assert trade["day"].tolist() == mid["day"].tolist()
    # prints bounce by more than three bps from the mid
    assert (trade["rv"] > 1.5 * mid["rv"]).all()
    assert (trade["noise"] > 0).all()


@pytest.mark.bad_input("prices below 0", "no prices")
def test_prices_that_are_none():
    rows = prices([100.0, -1.0, np.inf], [0, 1, 2])
    with pytest.raises(ValueError, match="not above 0, or infinite, in 2 rows"):
        mm.realized_variance(rows)
    with pytest.raises(ValueError, match="lack the columns day"):
        mm.realized_variance(rows.drop(columns="day"))
    with pytest.raises(ValueError, match="price must be one of"):
        mm.realized_variance(rows, price="last")
    with pytest.raises(ValueError, match="slow at least 2"):
        mm.realized_variance(rows, slow=1)
    assert mm.realized_variance(rows.iloc[:0]).empty
    assert np.isnan(mm.realized_variance(rows.iloc[:1])["rv"].iloc[0])
