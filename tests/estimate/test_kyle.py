"""Kyle's lambda: the auction's theory, recovery, groups, wrong signs, conventions, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import mmresearch as mm
from tests.truth.flow_bars import flow_bars


@pytest.fixture(scope="module")
def panel():
    return flow_bars(np.random.default_rng(1))


def in_units(panel: pd.DataFrame, **options: object) -> mm.Result:
    return mm.price_impact(panel, value=False, **options)


# --- truth ----------------------------------------------------------------------------------------


def test_the_single_auction():
    """Kyle 1985, theorem 1, Sigma0 = 1 and sigma_u = 2: lambda 1/4, half the variance left.

    60,000 auctions: three standard errors are .002 of lambda, .009 of the variance, .024 of the
    profit, which is sqrt(Sigma0) sigma_u / 2.
    """
    rng = np.random.default_rng(2)
    value, noise = rng.standard_normal(60_000), 2 * rng.standard_normal(60_000)
    order = 2 * value  # sigma_u / sqrt(Sigma0) times the value less the price before
    auctions = pd.DataFrame({"account": "A", "symbol": "X", "day": pd.Timestamp("2024-01-01")}, [0])
    auctions = auctions.loc[[0] * 60_000].reset_index(drop=True)
    auctions["day"] += pd.to_timedelta(np.arange(60_000) // 1000, unit="D")
    auctions["bar"] = np.arange(60_000) % 1000
    auctions = auctions.assign(return_bps=value, trade_imbalance=order + noise)
    found = in_units(auctions, per=1.0)
    assert found.quantities["slope"].value == pytest.approx(0.25, abs=0.002)
    assert found.fit.mse_resid == pytest.approx(0.5, abs=0.009)
    price = found.quantities["slope"].value * auctions["trade_imbalance"]
    assert ((value - price) * order).mean() == pytest.approx(1.0, abs=0.024)


def test_the_slope_is_recovered(panel):
    found = in_units(panel).quantities["slope"]
    assert found.low < 2 < found.high
    assert found.high - found.low < 0.1
    assert found.unit == "bps per 1,000 units"
    # 1,000 units at 50 are .05 million
    assert mm.price_impact(panel).quantities["slope"].value == pytest.approx(20 * found.value)
    assert mm.price_impact(panel).quantities["slope"].unit == "bps per million of currency"


def test_the_slope_is_least_squares_and_its_error_the_sandwich(panel):
    found = in_units(panel)
    f, r = panel["trade_imbalance"] / 1000, panel["return_bps"]
    away = f - f.mean()
    slope = (away * r).sum() / (away**2).sum()
    assert found.quantities["slope"].value == pytest.approx(slope, rel=1e-12)
    left = r - r.mean() - slope * away
    by_day = (away * left).groupby(panel["day"]).sum()
    n, g = len(panel), 60
    error = np.sqrt((by_day**2).sum() * g / (g - 1) * (n - 1) / (n - 2)) / (away**2).sum()
    row = found.table.set_index("term").loc["slope"]
    assert row["std_error"] == pytest.approx(error, rel=1e-10)
    one = found.quantities["one_sd"]
    assert one.value == pytest.approx(slope * f.std())
    assert found.details["fit"]["r_squared"][0] == pytest.approx(np.corrcoef(f, r)[0, 1] ** 2)


def test_other_flows_and_shapes(panel):
    base = in_units(panel).quantities["slope"].value
    assert in_units(panel, flow="inventory").quantities["slope"].value == pytest.approx(base)
    ofi = in_units(panel, flow="order_flow_imbalance").quantities["slope"].value
    assert ofi == pytest.approx(base / 2)
    flow = panel["trade_imbalance"] / 1e3
    made = panel.assign(return_bps=3 * np.sign(flow) * np.sqrt(flow.abs()))
    rooted = in_units(made.assign(return_bps=made["return_bps"] + flow % 0.1), shape="sqrt")
    assert rooted.quantities["slope"].value == pytest.approx(3, abs=0.01)
    assert rooted.unit == "bps per the square root of 1,000 units"


def test_what_is_the_same_for_every_account_counts_once(panel):
    two = pd.concat([panel, panel.assign(account="B")])
    pd.testing.assert_frame_equal(in_units(two).table, in_units(panel).table)
    assert in_units(two, flow="inventory").sample.series == 2


def test_each_series_has_its_own_mean(panel):
    other = panel.assign(symbol="Y", return_bps=panel["return_bps"] + 1e3)
    other["trade_imbalance"] += 1e6
    found = in_units(pd.concat([panel, other])).quantities["slope"]
    assert found.value == pytest.approx(in_units(panel).quantities["slope"].value, rel=1e-9)


# --- groups ---------------------------------------------------------------------------------------

SLOPES = {
    "side": lambda p: np.where(p["trade_imbalance"] > 0, 3.0, 1.0),
    "hour": lambda p: np.where(p["time_of_day"] < 3600, 3.0, 1.0),
    "volatility": lambda p: np.where(p["realized_variance"].shift() > 15, 3.0, 1.0),
    "size": lambda p: np.where(p["trade_imbalance"].abs() > 4000, 1.0, 3.0),
}
FIRST = {"side": "buys", "hour": "hour 0", "volatility": "wild", "size": "small"}


@pytest.mark.parametrize("by", SLOPES)
def test_slopes_by_group(by):
    """3 in the group named first and 1 elsewhere; the middle third may straddle the border."""
    made = flow_bars(np.random.default_rng(3), slope=SLOPES[by])
    found = in_units(made, by=by)
    groups = found.details["groups"].set_index("group")
    row = groups.loc[FIRST[by]]
    assert abs(row["estimate"] - 3) < 3 * row["std_error"]
    assert found.details["equality"]["p"].iloc[0] < 1e-6
    if by in ("side", "hour"):
        others = groups.drop(FIRST[by])
        assert ((others["estimate"] - 1).abs() < 3 * others["std_error"]).all()
    lost = 60 if by == "volatility" else 0  # the first bar of a day has none before it
    assert groups["bars"].sum() == len(made) - lost == found.sample.used


@pytest.mark.parametrize("by", SLOPES)
def test_one_slope_is_not_many(by, panel):
    found = in_units(panel, by=by)
    assert found.details["equality"]["p"].iloc[0] > 0.005
    assert found.details["equality"]["df"].iloc[0] == len(found.details["groups"]) - 1


def test_the_f_test_of_sides_is_statsmodels(panel):
    found = in_units(panel, by="side")
    flow = panel["trade_imbalance"] / 1e3
    x = pd.DataFrame({"const": 1.0, "up": flow.clip(lower=0), "down": flow.clip(upper=0)})
    groups = pd.factorize(panel["day"])[0]
    fit = sm.OLS(panel["return_bps"], x).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    test = fit.f_test("up = down")
    assert found.details["equality"]["F"].iloc[0] == pytest.approx(float(test.fvalue))
    assert found.details["equality"]["p"].iloc[0] == pytest.approx(float(test.pvalue))


# --- wrong signs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [0.05, 0.15, 0.25])
def test_wrong_signs_shrink_the_slope_and_are_corrected(wrong):
    """.300 becomes .300 (1 - 2 e): .270, .210, .150; trades a bar of sides by coin."""
    rng = np.random.default_rng(4)
    side = np.where(rng.random((4800, 20)) < 0.5, 1.0, -1.0)
    made = flow_bars(rng).assign(trade_imbalance=1e3 * side.sum(axis=1))
    made["return_bps"] = 0.3 * side.sum(axis=1) + rng.standard_normal(4800)
    turned = side * np.where(rng.random(side.shape) < wrong, -1, 1)
    seen = made.assign(trade_imbalance=1e3 * turned.sum(axis=1))
    found = in_units(seen, sign_error=wrong).quantities
    assert found["slope"].low < 0.3 * (1 - 2 * wrong) < found["slope"].high
    assert found["corrected"].low < 0.3 < found["corrected"].high
    assert found["corrected"].value == pytest.approx(found["slope"].value / (1 - 2 * wrong))
    assert "corrected" not in in_units(seen).quantities


def test_an_error_that_is_not_known_widens_the_interval(panel):
    factor = mm.Quantity("factor", 0.6, 0.6 - 0.0784, 0.6 + 0.0784, "", "")  # standard error .04
    found = in_units(panel, sign_error=factor)
    raw = found.table.set_index("term").loc["slope"]
    error = np.hypot(raw["std_error"] / 0.6, raw["estimate"] / 0.36 * 0.04)
    corrected = found.quantities["corrected"]
    assert corrected.high - corrected.value == pytest.approx(2.001 * error, rel=1e-3)
    for none in (0.5, mm.Quantity("factor", 0.1, -0.04, 0.24, "", ""), -0.1):
        refused = in_units(panel, sign_error=none).quantities
        assert not refused["corrected"].identified
        assert refused["slope"].identified


# --- traps and conventions ------------------------------------------------------------------------


def test_flow_that_follows_returns_is_flagged(panel):
    assert "flow_follows_returns" not in in_units(panel).flags
    made = flow_bars(np.random.default_rng(5), feedback=100.0)
    found = in_units(made)
    assert "flow_follows_returns" in found.flags
    traps = found.details["traps"].set_index("regression")["estimate"]
    assert traps["return on the flow of its bar: ours"] == found.quantities["slope"].value
    assert traps["flow on the return of the bar before"] == pytest.approx(0.1, abs=0.02)


def test_bars_in_which_nothing_happens(panel):
    """With means of 0 they change neither slope nor, but for the count, its error."""
    centred = panel.assign(
        trade_imbalance=panel["trade_imbalance"] - panel["trade_imbalance"].mean(),
        return_bps=panel["return_bps"] - panel["return_bps"].mean(),
    )
    idle = centred.assign(bar=centred["bar"] + 80, trade_imbalance=0.0, return_bps=0.0)
    before, after = (in_units(p).table.iloc[1] for p in (centred, pd.concat([centred, idle])))
    assert after["estimate"] == pytest.approx(before["estimate"], rel=1e-12)
    assert after["std_error"] == pytest.approx(before["std_error"], rel=1e-3)


def test_twice_the_tick_and_the_mirror(panel):
    base = in_units(panel, unit="currency").quantities["slope"].value
    assert base == pytest.approx(2 * 50 / 1e4, rel=0.03)
    twice = panel.assign(mid=2 * panel["mid"], mid_start=2 * panel["mid_start"])
    assert in_units(twice, unit="currency").quantities["slope"].value == pytest.approx(2 * base)
    bps = in_units(panel).quantities["slope"].value
    assert in_units(twice).quantities["slope"].value == pytest.approx(bps)
    turned = panel.assign(return_bps=-panel["return_bps"])
    assert in_units(turned).quantities["slope"].value == pytest.approx(-bps)
    both = turned.assign(trade_imbalance=-panel["trade_imbalance"])
    assert in_units(both).quantities["slope"].value == pytest.approx(bps)


def test_returns_of_prints_are_flagged(panel):
    prints = panel.drop(columns=["return_bps", "mid", "mid_start"])
    prints = prints.assign(trade_return_bps=panel["return_bps"], trade_price=50.0)
    found = mm.price_impact(prints)
    assert found.flags == ("trade_returns",)
    assert found.unit == "bps per million of currency"


# --- refusals -------------------------------------------------------------------------------------

CANNOT_TELL = {
    "flow of zero variance": (lambda p: p.assign(trade_imbalance=7.0), "flow is the same in every"),
    "constant prices": (lambda p: p.assign(return_bps=0.0), "prices never change"),
    "fewer than 30 bars": (lambda p: p.head(29), "29 bars with return and flow, where 30"),
    "no quotes for the session": (
        lambda p: p.assign(return_bps=np.nan),
        "0 bars with return and flow",
    ),
}


@pytest.mark.bad_input(*CANNOT_TELL)
@pytest.mark.parametrize("fault", CANNOT_TELL)
@pytest.mark.parametrize("by", [None, "side"])
def test_bars_that_cannot_tell_are_refused(fault, by, panel):
    change, reason = CANNOT_TELL[fault]
    found = in_units(change(panel), sign_error=0.1, by=by)
    for name in ("slope", "corrected", "one_sd"):
        assert not found.quantities[name].identified
        assert reason in found.quantities[name].reason


@pytest.mark.bad_input("all trades on one side")
def test_flow_on_one_side_has_one_slope(panel):
    flow = panel["trade_imbalance"].abs()
    one = panel.assign(trade_imbalance=flow, return_bps=panel["return_bps"].abs())
    found = in_units(one, by="side")
    assert found.quantities["slope"].identified
    assert found.details["groups"]["group"].tolist() == ["buys"]
    assert np.isnan(found.details["equality"]["p"].iloc[0])


def test_hours_without_a_clock_are_refused(panel):
    found = in_units(panel.assign(time_of_day=np.nan), by="hour")
    assert found.sample.dropped["without hour"] == len(panel)
    assert not found.quantities["slope"].identified


def test_arguments_that_are_none_of_the_known(panel):
    for name in ("model", "by", "flow", "shape", "unit"):
        with pytest.raises(ValueError, match=f"{name} must be one of"):
            mm.price_impact(panel, **{name: "wild"})
    with pytest.raises(ValueError, match="full and symbol are of"):
        mm.price_impact(panel, full=True)
    with pytest.raises(ValueError, match="lacks the columns mid"):
        mm.price_impact(panel.drop(columns="mid"), unit="currency")


@pytest.mark.parametrize("days", [3, 12])
def test_few_days(days):
    made = flow_bars(np.random.default_rng(6), days=days)
    found = in_units(made, by="size", sign_error=mm.Quantity("factor", 0.8, 0.7, 0.9, "", ""))
    assert ("Newey-West" if days == 3 else "wild cluster bootstrap") in found.errors
    assert found.quantities["corrected"].low < 2 / 0.8 < found.quantities["corrected"].high
