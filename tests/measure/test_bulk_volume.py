"""Bulk volume classification: the share of a bar's volume that was bought."""

from statistics import NormalDist, stdev

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import mmresearch as mm

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
NAN = pytest.approx(np.nan, nan_ok=True)


def tape(prices, seconds, sizes=1.0, symbol="X"):
    time = START + pd.to_timedelta(list(seconds), unit="s")
    table = pd.DataFrame({"time": time, "seq": range(len(prices)), "symbol": symbol})
    return table.assign(price=[float(p) for p in prices], size=sizes)


# bars of a minute end at 10:00 (the first instant), 10:01, 10:02, ...: last prices 10, 12, 11, 11.5
DAY = tape([10, 11, 12, 11, 11.5], [1, 61, 100, 130, 240], sizes=[1, 2, 3, 4, 5])


def test_by_hand():
    found = mm.bulk_volume(DAY)
    assert found["volume"].tolist() == [1, 5, 4, 5]
    assert found["trades"].tolist() == [1, 2, 1, 1]
    assert found["change"].tolist() == [0, 2, -1, 0.5]  # a bar without trades between the last two
    known = [NAN, NAN, stdev([0, 2]), stdev([0, 2, -1])]
    assert found["sigma"].tolist() == [pytest.approx(s, nan_ok=True) for s in known]
    share = NormalDist().cdf(-1 / stdev([0, 2]))
    assert found["buy_share"].tolist()[:3] == [NAN, NAN, pytest.approx(share)]
    assert found["buy_volume"].iloc[2] == pytest.approx(4 * share)
    assert found.attrs == {"unknown": 2, "outside": 0}


def test_student_and_the_sigma_of_the_sample():
    found = mm.bulk_volume(DAY, dist="t", sigma="sample")
    z = np.array([0, 2, -1, 0.5]) / stdev([0, 2, -1, 0.5])
    np.testing.assert_allclose(found["buy_share"], scipy.stats.t.cdf(z, 0.25))
    assert found["buy_share"].iloc[0] == 0.5
    assert found.attrs["unknown"] == 0


def test_sigma_of_the_day_starts_anew_and_no_change_crosses_a_night():
    second = tape([20, 21, 23, 22], [1, 61, 121, 181]).assign(seq=range(10, 14))
    second["time"] += pd.Timedelta("1D")
    both = pd.concat([DAY, second], ignore_index=True)
    by_day = mm.bulk_volume(both, sigma="day")
    assert by_day["change"].tolist() == [0, 2, -1, 0.5, 0, 1, 2, -1]
    assert by_day["sigma"].isna().tolist() == [True, True, False, False, True, True, False, False]
    assert by_day["sigma"].iloc[7] == pytest.approx(stdev([0, 1, 2]))
    past = mm.bulk_volume(both)
    assert past["sigma"].iloc[5] == pytest.approx(stdev([0, 2, -1, 0.5, 0]))


@pytest.mark.parametrize("sigma", ["past", "day"])
def test_the_future_changes_nothing(sigma):
    rng = np.random.default_rng(5)
    trades = tape(50 + np.cumsum(rng.normal(0, 0.01, 900)), np.arange(900) * 10)
    found = mm.bulk_volume(trades, sigma=sigma)
    early = mm.bulk_volume(trades.iloc[:450], sigma=sigma)
    pd.testing.assert_frame_equal(found.iloc[: len(early) - 1], early.iloc[:-1])


def test_the_mirrored_tape_is_sold_where_it_was_bought():
    rng = np.random.default_rng(6)
    price = 50 + np.cumsum(rng.normal(0, 0.01, 900))
    found, turned = (mm.bulk_volume(tape(p, range(900)), freq="30s") for p in (price, 100 - price))
    np.testing.assert_allclose(turned["buy_share"], 1 - found["buy_share"])
    assert found["buy_share"].dropna().between(0, 1).all()


def test_bars_of_prints_and_several_symbols():
    other = tape([5, 6, 5], [2, 3, 4], symbol="A")
    found = mm.bulk_volume(pd.concat([DAY, other]), freq="2 trades")
    assert found["symbol"].tolist() == ["A", "A", "X", "X", "X"]
    assert found["trades"].tolist() == [2, 1, 2, 2, 1]
    assert mm.bulk_volume(pd.concat([DAY, other]), symbol="A")["symbol"].eq("A").all()


def test_sessions_of_a_market_and_trades_outside_them():
    market = mm.Market(trades=DAY, calendar="10:01-16:00 UTC")
    found = mm.bulk_volume(market)
    assert found["volume"].tolist() == [5, 4, 5]
    assert found["change"].tolist() == [1, -1, 0.5]
    assert found.attrs["outside"] == 1


@pytest.mark.bad_input("prices that never change")
def test_prices_that_never_change_tell_nothing():
    found = mm.bulk_volume(tape([10] * 9, range(0, 540, 60)))
    assert found["buy_share"].isna().all()
    assert found.attrs["unknown"] == len(found)


def test_what_is_refused():
    with pytest.raises(ValueError, match="normal, t"):
        mm.bulk_volume(DAY, dist="cauchy")
    with pytest.raises(ValueError, match="past, day, sample"):
        mm.bulk_volume(DAY, sigma="all")
    with pytest.raises(ValueError, match="df"):
        mm.bulk_volume(DAY, dist="t", df=0)
    with pytest.raises(ValueError, match="symbols Z"):
        mm.bulk_volume(DAY, symbol="Z")
    with pytest.raises(ValueError, match="no trade"):
        mm.bulk_volume(DAY.iloc[:0])
