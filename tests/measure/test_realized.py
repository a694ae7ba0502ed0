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


def by_minute(changes: list[float]) -> pd.DataFrame:
    """Prices a minute apart whose log changes are these, in basis points."""
    logs = np.append(0.0, np.cumsum(changes))
    return prices(list(np.exp(logs / 1e4)), list(60.0 * np.arange(len(logs))))


def test_bipower_jump_and_quarticity_by_hand():
    """Changes 1, -2, 3, -10: neighbours 2 + 6 + 30, one apart 3 + 20; fourth powers 10,098."""
    rows = by_minute([1.0, -2.0, 3.0, -10.0])
    found = mm.realized_variance(rows, step="1min", offsets=1, stagger=0).iloc[0]
    assert found["rv_step"] == pytest.approx(114)
    assert found["bipower"] == pytest.approx(np.pi / 2 * 4 / 3 * 38)
    assert found["jump"] == pytest.approx(114 - np.pi / 2 * 4 / 3 * 38)
    assert found["quarticity"] == pytest.approx(4 / 3 * 10_098)
    apart = mm.realized_variance(rows, step="1min", offsets=1, stagger=1).iloc[0]
    assert apart["bipower"] == pytest.approx(np.pi / 2 * 4 / 2 * 23)
    # without a jump bipower may be above the variance: the jump is 0 then, not below
    flat = mm.realized_variance(by_minute([2.0, 2, 2, 2]), step="1min", offsets=1).iloc[0]
    assert flat["bipower"] > flat["rv_step"]
    assert flat["jump"] == 0


def test_a_grid_that_spans_less_is_raised_and_its_square_twice():
    """From a quarter of three minutes on two steps are left of the three: 1.5 and 1.5²."""
    rows = by_minute([3.0, 4.0, 5.0])
    found = mm.realized_variance(rows, step="1min", offsets=2, stagger=0).iloc[0]
    # the second grid, half a minute later, sees the changes 3 and 4
    assert found["rv_step"] == pytest.approx((50 + 25 * 1.5) / 2)
    one, two = np.pi / 2 * 3 / 2 * 32, np.pi / 2 * 2 * 12
    assert found["bipower"] == pytest.approx((one + two * 1.5) / 2)
    assert found["quarticity"] == pytest.approx((81 + 256 + 625 + 2 / 3 * 337 * 1.5**2) / 2)


def test_jumps_are_in_the_variance_not_in_bipower():
    """390 minutes of variance 100 a day and one jump of 20 bps: 500, bipower about 100.

    200 days, seed 3. Bipower of one step beside the jump grows by about 2 * 20 * mean |r| * pi/2 *
    (1/1) = 20 bps² with r of 0.506; its standard error over days about 1. The quarticity of days
    without jumps is 100² (1 + 2.4 % for the largest), error over days about 1 %.
    """
    rng, lines = np.random.default_rng(3), []
    for jump in (0.0, 20.0):
        for _ in range(200):
            steps = rng.standard_normal(390) * np.sqrt(100 / 390)
            steps[200] += jump
            rows = by_minute(list(steps))
            lines.append(mm.realized_variance(rows, step="1min", offsets=1).assign(size=jump))
    mean = pd.concat(lines).groupby("size")[["rv_step", "bipower", "quarticity", "jump"]].mean()
    assert mean.loc[0, "rv_step"] == pytest.approx(100, abs=2)
    assert mean.loc[0, "bipower"] == pytest.approx(100, abs=2)
    assert mean.loc[0, "quarticity"] == pytest.approx(100**2, rel=0.05)
    assert mean.loc[20, "rv_step"] == pytest.approx(500, rel=0.02)
    beside = np.pi / 2 * 2 * 20 * np.sqrt(2 / np.pi * 100 / 390)
    assert mean.loc[20, "bipower"] == pytest.approx(100 + beside, rel=0.04)
    assert mean.loc[20, "jump"] == pytest.approx(400 - beside, rel=0.03)
    assert mean.loc[0, "jump"] < 6  # the floor alone


def test_neighbours_share_the_bounce_and_steps_apart_do_not():
    """Bounce alone, normal with c = 1: rv is 2 a step, and so is bipower of steps apart.

    Neighbours share a price: with correlation r = -1/2, E|xy| = 2 (2/pi) (sqrt(1 - r²) + r asin r),
    so that bipower is 2.26 a step. 60 days, seed 4, error about 1 %.
    """
    rng, found = np.random.default_rng(4), {0: [], 1: []}
    for _ in range(60):
        level = rng.standard_normal(391)
        rows = by_minute(list(np.diff(level)))
        for stagger, kept in found.items():
            got = mm.realized_variance(rows, step="1min", offsets=1, stagger=stagger)
            kept.append(got["bipower"].iloc[0] / 390)
    near = 2 * (np.sqrt(0.75) + 0.5 * np.arcsin(0.5))
    assert np.mean(found[0]) == pytest.approx(near, rel=0.02)
    assert np.mean(found[1]) == pytest.approx(2.0, rel=0.02)
