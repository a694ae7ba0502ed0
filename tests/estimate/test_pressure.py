"""Price pressure: by formula, by hand, and what must not change the answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmresearch.estimate.errors import regress
from mmresearch.estimate.pressure import price_pressure
from mmresearch.estimate.pressure_parts import fieller
from mmresearch.estimate.pressure_rows import pressure_rows


def economy(
    days: int, bars: int, *, rho: float = 0.7, seed: int = 0, account: str = "A"
) -> pd.DataFrame:
    """A panel of one account: AR(1) inventory, return -0.5 dI - 0.3 e + noise, bps."""
    rng = np.random.default_rng(seed)
    count = days * bars
    surprise, held = rng.normal(size=count), np.zeros(count + 1)
    for t in range(count):
        held[t + 1] = rho * held[t] + surprise[t]
    day = np.repeat(np.arange(days), bars)
    return pd.DataFrame(
        {
            "account": account,
            "symbol": "X",
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D"),
            "bar": np.tile(np.arange(bars), days),
            "inventory_start": held[:-1],
            "inventory_end": held[1:],
            "overnight_flow": 0.0,
            "mid": 100.0,
            "trade_price": 100.0,
            "return_bps": -0.5 * np.diff(held) - 0.3 * surprise + rng.normal(size=count),
            "trade_return_bps": np.nan,
            "gap": False,
        }
    )


def estimates(panel: pd.DataFrame, **options: object) -> np.ndarray:
    return price_pressure(panel, **options).table["estimate"].to_numpy()


def ends(panel: pd.DataFrame, **options: object) -> np.ndarray:
    pressure = price_pressure(panel, **options).quantities["pressure"]
    return np.array([pressure.low, pressure.value, pressure.high])


def test_exact_relation_is_found_exactly():
    panel = economy(1, 60)
    lag, change = panel["inventory_start"], panel["inventory_end"] - panel["inventory_start"]
    slope, start = np.polyfit(lag, change, 1)
    surprise = change - start - slope * lag
    panel["return_bps"] = 2 + 3 * change - 4 * surprise
    np.testing.assert_allclose(estimates(panel, per=1, value=False), [2, 3, -4], atol=1e-9)
    result = price_pressure(panel, per=1, value=False)
    assert result.quantities["total"].value == pytest.approx(-1)


def test_pressure_is_the_instrumental_variable_estimate():
    panel = economy(50, 30)
    lag, change = panel["inventory_start"], panel["inventory_end"] - panel["inventory_start"]
    by_instrument = np.cov(lag, panel["return_bps"])[0, 1] / np.cov(lag, change)[0, 1]
    beside_lag = np.linalg.lstsq(
        np.column_stack([np.ones(1500), change, lag]), panel["return_bps"], rcond=None
    )[0][1]
    result = price_pressure(panel, per=1, value=False)
    assert result.table.loc[1, "estimate"] == pytest.approx(by_instrument, rel=1e-9)
    assert result.quantities["total"].value == pytest.approx(beside_lag, rel=1e-9)


def test_pressure_and_information_add_up_to_the_total():
    result = price_pressure(economy(50, 30))
    found = result.quantities
    parts = found["pressure"].value + found["information"].value
    assert parts == pytest.approx(found["total"].value, rel=1e-12)
    # beside least squares only rho's correction is between them, of order 1 / 1,500
    for name, term in (("pressure", 1), ("information", 2)):
        assert found[name].value == pytest.approx(result.table.loc[term, "estimate"], rel=0.02)
        assert found[name].low < found[name].value < found[name].high


def test_ends_of_the_interval_are_where_lagged_inventory_begins_to_matter():
    # r - a dI on (1, lag): t of lag is t's 97.5 % quantile there, once rho's bias is corrected,
    # which moves the coefficient by (total - a) (rho corrected - rho); Kendall: (T rho + 1) / (T-3)
    panel = economy(45, 100, seed=3)
    result = price_pressure(panel, per=1, value=False)
    change = panel["inventory_end"] - panel["inventory_start"]
    x = pd.DataFrame({"const": 1.0, "lag": panel["inventory_start"]})
    rho = 1 + regress(change, x, panel["day"]).table.loc[1, "estimate"]
    moved = (4500 * rho + 1) / 4497 - rho
    pressure, total = result.quantities["pressure"], result.quantities["total"].value
    for a in (pressure.low, pressure.high):
        row = regress(panel["return_bps"] - a * change, x, panel["day"]).table.loc[1]
        t = (row["estimate"] + (total - a) * moved) / row["std_error"]
        assert abs(t) == pytest.approx(2.01537, rel=1e-3)


def test_fieller_by_hand():
    # (1 - 2a)**2 = 4 (0.01 + 0.04 a**2): 3.84 a**2 - 4 a + 0.96 = 0, a = (4 +- sqrt(1.2544)) / 7.68
    low, high = fieller(1.0, 2.0, np.diag([0.01, 0.04]), 2.0)
    assert (low, high) == pytest.approx((2.88 / 7.68, 5.12 / 7.68))
    assert fieller(-1.0, 2.0, np.diag([0.01, 0.04]), 2.0) == pytest.approx((-high, -low))
    assert fieller(1.0, 0.3, np.diag([0.01, 0.04]), 2.0) == (-np.inf, np.inf)


def test_trap_is_shown_beside_its_closed_form():
    result = price_pressure(economy(1, 5000), per=1, value=False)
    naive, closed, joint = result.details["traps"]["estimate"]
    panel = economy(1, 5000)
    change = panel["inventory_end"] - panel["inventory_start"]
    assert naive == pytest.approx(np.polyfit(change, panel["return_bps"], 1)[0])
    assert naive == pytest.approx(closed, abs=2e-3)
    assert joint == result.table.loc[1, "estimate"]
    assert naive < joint - 0.15


@pytest.mark.parametrize("days", [3, 10, 45])
def test_mirror_of_returns_or_inventory_mirrors_the_answer(days):
    panel = economy(days, 60)
    low, value, high = ends(panel)
    turned = panel.assign(return_bps=-panel["return_bps"])
    np.testing.assert_allclose(ends(turned), [-high, -value, -low], rtol=1e-6)
    short = panel.assign(
        inventory_start=-panel["inventory_start"], inventory_end=-panel["inventory_end"]
    )
    np.testing.assert_allclose(ends(short), [-high, -value, -low], rtol=1e-6)


@pytest.mark.parametrize("days", [3, 10, 45])
def test_units(days):
    panel = economy(days, 60)
    plain = ends(panel, per=1.0)
    larger = panel.assign(
        inventory_start=10 * panel["inventory_start"], inventory_end=10 * panel["inventory_end"]
    )
    np.testing.assert_allclose(ends(larger, per=1.0), plain / 10, rtol=1e-6)
    np.testing.assert_allclose(ends(panel, per=10.0), plain * 10, rtol=1e-6)
    np.testing.assert_allclose(ends(panel.assign(mid=200.0), per=1.0), plain / 2, rtol=1e-6)
    np.testing.assert_allclose(ends(panel, per=1.0, value=False), plain * 100, rtol=1e-6)
    spread = [price_pressure(p, per=1.0).quantities["pressure_sd"].value for p in (panel, larger)]
    assert spread[0] == pytest.approx(spread[1], rel=1e-9)


def test_unit_is_said():
    panel = economy(3, 30)
    assert price_pressure(panel).unit == "bps per million of quote currency"
    assert price_pressure(panel, value=False).unit == "bps per 1,000 units"
    bare = panel.assign(mid=np.nan, trade_price=np.nan)
    assert price_pressure(bare).unit == "bps per 1,000 units"
    with pytest.raises(ValueError, match="no price to value inventory with"):
        price_pressure(bare, value=True)


def test_price_moves_do_not_enter_inventory():
    panel = economy(3, 31)
    moving = panel.assign(mid=np.linspace(50, 150, len(panel)))  # the median stays 100
    np.testing.assert_allclose(estimates(moving), estimates(panel), rtol=1e-12)


def test_trade_returns_are_used_only_for_want_of_better_and_flagged():
    panel = economy(3, 30)
    trades = panel.assign(trade_return_bps=panel["return_bps"], return_bps=np.nan)
    result = price_pressure(trades)
    assert "trade_returns" in result.flags
    np.testing.assert_array_equal(result.table["estimate"], estimates(panel))
    both = panel.assign(trade_return_bps=-panel["return_bps"])
    assert "trade_returns" not in price_pressure(both).flags
    chosen = price_pressure(both, returns="trade_return_bps")
    np.testing.assert_allclose(chosen.table["estimate"], -estimates(panel), atol=1e-12)


def test_aggregate_maker_is_flagged():
    assert price_pressure(economy(3, 30)).flags == ("few_days",)
    result = price_pressure(economy(3, 30, account="aggregate maker"))
    assert "inventory_is_market_flow" in result.flags
    whose = [
        r.details["inventory"].loc[0, "whose"] for r in (result, price_pressure(economy(3, 30)))
    ]
    assert whose == ["the aggregate maker's", "an account's"]


def test_dropped_rows_are_counted_and_change_nothing_else():
    panel = economy(3, 40)
    hole = panel.copy()
    hole.loc[[3, 50], "return_bps"] = np.nan
    hole.loc[40, "gap"] = True
    result = price_pressure(hole)
    assert result.sample.dropped["without a return"] == 2
    assert result.sample.dropped["after a gap"] == 1
    assert result.sample.used == 117
    without = panel.drop([3, 50, 40])
    np.testing.assert_allclose(result.table["estimate"], estimates(without), rtol=1e-12)


def test_an_account_that_never_trades_changes_nothing():
    panel = economy(45, 10)
    idle = economy(45, 10, account="Z", seed=9)
    idle = idle.assign(inventory_start=7.0, inventory_end=7.0)
    result = price_pressure(pd.concat([panel, idle], ignore_index=True))
    pd.testing.assert_frame_equal(result.table, price_pressure(panel).table)
    assert result.sample.dropped["of series whose inventory never changes"] == 450


def test_daily_bars_take_the_change_since_the_last_close():
    days = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-05"])
    days = days.append(pd.date_range("2024-01-08", periods=9))
    close = np.array([5.0, 9, 4, 6, 7, 3, 2, 8, 5, 6, 1, 4])
    night = np.r_[0.0, np.ones(11)]
    panel = pd.DataFrame(
        {
            "account": "A",
            "symbol": "X",
            "day": days,
            "bar": 0,
            "inventory_start": np.r_[0.0, close[:-1]] + night,
            "inventory_end": close,
            "overnight_flow": night,
            "return_bps": np.arange(12.0),
            "gap": days == "2024-01-05",
        }
    )
    rows = pressure_rows(panel, per=1.0)
    assert rows.daily
    # 5 -> 9 is +4, the third session has a gap before it, 4 -> 6 is +2
    assert rows.frame["change"].tolist() == [4, 2, 1, -4, -1, 6, -3, 1, -5, 3]
    assert rows.frame["lag"].tolist() == [5, 4, 6, 7, 3, 2, 8, 5, 6, 1]
    assert rows.frame["y"].tolist() == [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert rows.dropped["first sessions"] == 1
    assert rows.dropped["after a gap"] == 1


def test_inside_a_session_the_change_is_the_bars_own():
    panel = economy(2, 10)
    panel["inventory_start"] += np.where(panel["day"] == panel["day"].max(), 5.0, 0.0)
    rows = pressure_rows(panel, per=1.0, value=False)
    expected = panel["inventory_end"] - panel["inventory_start"]
    np.testing.assert_array_equal(rows.frame["change"], expected)
    assert not rows.daily


def two_accounts() -> pd.DataFrame:
    second = economy(20, 30, seed=8, account="B")
    second["inventory_start"] += 40.0
    second["inventory_end"] += 40.0
    second["return_bps"] += 3.0
    return pd.concat([economy(20, 30), second], ignore_index=True)


def test_several_series_have_a_mean_each():
    panel = two_accounts()
    result = price_pressure(panel, per=1.0, value=False, errors="HC1")
    lag, change = panel["inventory_start"], panel["inventory_end"] - panel["inventory_start"]
    dummies = np.column_stack([panel["account"] == "A", panel["account"] == "B"]).astype(float)
    pull = np.linalg.lstsq(np.column_stack([lag, dummies]), change, rcond=None)[0]
    surprise = change - np.column_stack([lag, dummies]) @ pull
    x = np.column_stack([change, surprise, dummies])
    alpha, kappa = np.linalg.lstsq(x, panel["return_bps"], rcond=None)[0][:2]
    assert result.table["estimate"][1] == pytest.approx(alpha, rel=1e-9)
    assert result.table["estimate"][2] == pytest.approx(kappa, rel=1e-9)
    assert result.sample.series == 2


def test_levels_of_a_series_do_not_matter():
    plain = pd.concat([economy(20, 30), economy(20, 30, seed=8, account="B")], ignore_index=True)
    for column in ("estimate", "low", "high"):
        ours, moved = (price_pressure(p).table[column][1:] for p in (plain, two_accounts()))
        np.testing.assert_allclose(ours, moved, rtol=1e-6)


def test_errors_said_and_how_many_days():
    assert price_pressure(economy(45, 10)).errors.startswith("clustered by day (45 days)")
    wild = price_pressure(economy(10, 30))
    assert "wild cluster bootstrap" in wild.errors
    assert "wild bootstrap" in wild.quantities["pressure"].method
    assert price_pressure(economy(2, 60)).flags == ("few_days",)


def test_unit_root_is_answered_not_identified_with_the_reason():
    result = price_pressure(economy(10, 30, rho=1.0))
    pressure, information, total = (
        result.quantities[name] for name in ("pressure", "information", "total")
    )
    assert not pressure.identified
    assert not information.identified
    assert (pressure.low, pressure.high) == (-np.inf, np.inf)
    assert "inventory's reversion" in pressure.reason
    assert "pressure_not_identified" in result.flags
    assert total.identified
    assert total.low <= -0.8 / 100 * 1e6 <= total.high


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: p.assign(inventory_start=3.0, inventory_end=3.0), "inventory never changes"),
        (lambda p: p.assign(return_bps=np.nan), "return_bps and trade_return_bps hold no number"),
        (
            lambda p: p.drop(columns=["inventory_end", "day"]),
            "the panel lacks the columns day, inventory_end",
        ),
        (lambda p: p.iloc[:0], "the panel has no rows"),
        (lambda p: p.assign(inventory_start=3.0), "before each return is the same"),
        (lambda p: p.iloc[:5], "only 5 rows"),
    ],
)
def test_what_cannot_be_answered_is_refused(spoil, message):
    with pytest.raises(ValueError, match=message):
        price_pressure(spoil(economy(3, 30)))


def test_a_column_of_returns_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="the panel lacks the columns return_5"):
        price_pressure(economy(3, 30), returns="return_5")
