"""Flow and price: worlds in which one causes the other, statsmodels' VAR, the instrument."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.api import VAR

from mmresearch.estimate.causality import inventory_causality
from mmresearch.estimate.causality_rows import causality_rows
from mmresearch.estimate.causality_var import (
    FLOW,
    ORDERINGS,
    PRICE,
    fitted,
    granger,
    ordered,
    sums_by,
)
from mmresearch.estimate.result import Result
from mmresearch.estimate.sandwich import error_rule
from tests.truth.causes import world

PLAIN = {"returns": None, "per": 1.0, "value": False}


def causality(panel: pd.DataFrame, **options: object) -> Result:
    return inventory_causality(panel, **{**PLAIN, "draws": 199, **options})


def told(result: Result, name: str) -> tuple[float, float, float]:
    q = result.quantities[name]
    return q.low, q.value, q.high


@pytest.mark.parametrize("lags", [1, 3])
def test_one_day_is_statsmodels_var(lags):
    panel = world(1, 400, np.random.default_rng(0), flow=(-0.4, -0.3), price=(0.0, -0.5))
    rows = causality_rows(panel, lags, True, PLAIN)
    var = fitted(sums_by(rows, np.zeros(len(rows.day), dtype=int)), np.ones(1))
    change = panel["inventory_end"] - panel["inventory_start"]
    endog = pd.DataFrame({"flow": change, "return": panel["return_bps"]})
    endog = endog - endog.mean()
    theirs = VAR(endog).fit(lags, trend="c")
    np.testing.assert_allclose(var.coefficients, theirs.params.to_numpy(), atol=1e-8)
    np.testing.assert_allclose(var.covariance, theirs.sigma_u.to_numpy(), atol=1e-8)
    irf = theirs.irf(10)
    ours = ordered(var, ORDERINGS[0], 10)
    unit = irf.orth_irfs[0, 0, 0]
    np.testing.assert_allclose(ours.price, irf.orth_cum_effects[:, 1, 0] / unit, atol=1e-8)
    np.testing.assert_allclose(ours.flow, irf.orth_cum_effects[:, 0, 0] / unit, atol=1e-8)
    turned = VAR(endog[["return", "flow"]]).fit(lags, trend="c").irf(10)
    ours = ordered(var, ORDERINGS[1], 10)
    unit = turned.orth_irfs[0, 1, 1]
    np.testing.assert_allclose(ours.price, turned.orth_cum_effects[:, 0, 1] / unit, atol=1e-8)


def test_flow_that_moves_the_price():
    """Price after the flow of one unit: -.4 in the bar, -.3 more in the next; flow is white."""
    result = causality(world(50, 60, np.random.default_rng(1), flow=(-0.4, -0.3)), lags=2)
    assert result.quantities["flow_causes_price_p"].value < 0.01
    assert result.quantities["price_causes_flow_p"].value > 0.02
    low, _, high = told(result, "response_flow_first")
    assert low < -0.7 < high
    assert high - low < 0.25
    table = result.details["sensitivity"].set_index("ordering")
    assert table.loc["flow first", "price_in_the_bar"] == pytest.approx(-0.4, abs=0.06)
    # the wrong ordering puts the bar's effect on the price's side
    assert table.loc["return first", "price_in_the_bar"] == 0
    assert "orderings_differ" in result.flags
    # of the return over 11 bars: flow has 11 sums of (.4, .7, .7, ...), e has 1 each
    share = (0.16 + 10 * 0.49) / (0.16 + 10 * 0.49 + 11)
    low, _, high = told(result, "share_flow_first")
    assert low < share < high


def test_price_that_moves_flow():
    """The maker sells into rising prices: flow first would call that an effect of flow."""
    result = causality(world(50, 60, np.random.default_rng(2), price=(-0.5, -0.4)), lags=2)
    assert result.quantities["flow_causes_price_p"].value > 0.02
    assert result.quantities["price_causes_flow_p"].value < 0.01
    low, value, high = told(result, "response_return_first")
    assert abs(value) < 3 / 3.92 * (high - low)
    spurious = result.details["sensitivity"].set_index("ordering").loc["flow first"]
    # cov / var = -.5 / (.25 + 1)
    assert spurious["price_in_the_bar"] == pytest.approx(-0.4, abs=0.06)
    assert not result.quantities["by_transfers"].identified
    assert "there are no transfers" in result.quantities["by_transfers"].reason


@pytest.mark.parametrize("days", [3, 15, 60])
def test_transfers_find_the_effect_where_feedback_misleads(days):
    """r = -.3 x + e with x = -.8 r + u + transfer: least squares is off, two stages are not."""
    rng = np.random.default_rng(days)
    panel = world(days, 3000 // days, rng, flow=(-0.3, 0.0), price=(-0.8, 0.0), transfers=3.0)
    result = causality(panel, lags=1)
    table = result.details["instrument"].set_index("estimator")
    assert table.loc["two stages", "low"] < -0.3 < table.loc["two stages", "high"]
    assert not table.loc["least squares", "low"] < -0.3 < table.loc["least squares", "high"]
    assert result.quantities["first_stage_f"].value > 100
    assert "weak_instrument" not in result.flags
    # linearmodels' estimate is the ratio of the two slopes of transfers
    low, value, high = told(result, "by_transfers")
    assert value == pytest.approx(float(result.fit.params["flow"]))
    assert low < value < high


def test_weak_instrument_is_said_and_its_interval_unbounded():
    rng = np.random.default_rng(3)
    panel = world(50, 40, rng, flow=(-0.3, 0.0), price=(-0.8, 0.0))
    # transfers that move nothing: other flow takes them back in the bar
    panel["transfer_flow"] = rng.normal(size=len(panel))
    result = causality(panel, lags=1)
    assert "weak_instrument" in result.flags
    assert "weak_instrument" in result.details["meaning"].index
    effect = result.quantities["by_transfers"]
    assert not effect.identified
    assert "first-stage F" in effect.reason


def test_few_transfers_are_refused():
    panel = world(10, 40, np.random.default_rng(3))
    panel.loc[panel.index[5:400:60], "transfer_flow"] = 1.0
    effect = causality(panel, lags=1).quantities["by_transfers"]
    assert not effect.identified
    assert "only 7 of the bars used hold a transfer" in effect.reason


def test_no_lag_crosses_a_night_or_a_hole():
    panel = world(3, 20, np.random.default_rng(4))
    panel.loc[25, "return_bps"] = np.nan
    rows = causality_rows(panel, 2, False, PLAIN)
    # 3 days of 18, less the hole itself and two that would look across it (25 is bar 5 of day 2)
    assert len(rows.now) == 3 * 18 - 3
    change = (panel["inventory_end"] - panel["inventory_start"]).to_numpy()
    change = change - change[np.arange(60) != 25].mean()
    np.testing.assert_allclose(rows.now[0], [change[2], rows.now[0, 1]])
    np.testing.assert_allclose(rows.past[0, [0, 2]], [change[1], change[0]])
    second = np.flatnonzero(rows.day.to_numpy() == panel["day"].iloc[20])[0]
    np.testing.assert_allclose(rows.past[second, [0, 2]], [change[21], change[20]])


def test_a_common_pattern_of_the_day_is_taken_out():
    """Two independent series with one U shape: raw lags are "causal", less the pattern not."""
    panel = world(40, 78, np.random.default_rng(5))
    shape = 2 * np.cos(np.linspace(0, 2 * np.pi, 78))
    x = (panel["inventory_end"] - panel["inventory_start"]) + np.tile(shape, 40)
    held = x.groupby(panel["day"]).cumsum()
    panel = panel.assign(
        inventory_start=held - x,
        inventory_end=held,
        return_bps=panel["return_bps"] + np.tile(shape, 40),
    )
    raw = causality(panel, lags=2, by_time_of_day=False)
    assert "time_of_day_left_in" in raw.flags
    assert raw.quantities["flow_causes_price_p"].value < 0.01
    taken = causality(panel, lags=2)
    assert "time_of_day_left_in" not in taken.flags
    assert abs(taken.quantities["same_bar_correlation"].value) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("days", "bars"), [(1, 300), (12, 40), (50, 20)])
def test_size_of_granger(days, bars):
    """R = 300: .05 +- .038 is 3 standard errors. Power beside it, so that the test can fail."""
    rng = np.random.default_rng(days + 7)
    null, power = [], []
    for i in range(300):
        panel = world(days, bars, rng, flow=(-0.4, -0.3))
        rows = causality_rows(panel, 2, True, PLAIN)
        rule = error_rule(rows.day, bars=rows.bar, params=5)
        null.append(granger(rows, PRICE, FLOW, rule, 199, i).p <= 0.05)
        power.append(granger(rows, FLOW, PRICE, rule, 199, i).p <= 0.05)
    assert 0.012 <= np.mean(null) <= 0.088
    assert np.mean(power) >= 0.8


@pytest.mark.slow
def test_bands_hold_the_truth_with_twelve_days():
    """R = 120: .95 +- .06 is 3 standard errors."""
    rng, held = np.random.default_rng(19), []
    for i in range(120):
        result = causality(world(12, 40, rng, flow=(-0.4, -0.3)), lags=2, seed=i, draws=79)
        low, _, high = told(result, "response_flow_first")
        held.append(low <= -0.7 <= high)
    assert np.mean(held) >= 0.89


def test_units_and_mirrors():
    panel = world(12, 60, np.random.default_rng(6), flow=(-0.4, -0.3))
    plain = causality(panel, lags=2)
    turned = causality(panel.assign(return_bps=-panel["return_bps"]), lags=2)
    low, value, high = told(plain, "response_flow_first")
    np.testing.assert_allclose(told(turned, "response_flow_first"), (-high, -value, -low))
    for name in ("flow_causes_price_p", "price_causes_flow_p"):
        assert plain.quantities[name].value == turned.quantities[name].value
    tens = causality(panel, lags=2, per=10.0)
    np.testing.assert_allclose(
        told(tens, "response_flow_first"), np.array([low, value, high]) * 10, rtol=1e-9
    )


def test_lags_by_bic():
    white = causality(world(20, 60, np.random.default_rng(7)))
    assert "1 lags" in white.errors
    panel = world(20, 60, np.random.default_rng(7))
    change = panel["inventory_end"] - panel["inventory_start"]
    third = change.groupby(panel["day"]).shift(3).fillna(0)
    late = causality(panel.assign(return_bps=panel["return_bps"] - 0.8 * third))
    assert "3 lags" in late.errors


@pytest.mark.bad_input("flow of zero variance", "fewer than 30 bars", "a session below the lag")
@pytest.mark.parametrize(
    ("spoil", "options", "message"),
    [
        (lambda p: p.assign(inventory_start=1.0, inventory_end=1.0), {}, "inventory never changes"),
        (lambda p: p.head(29), {"lags": 1}, "only 28 rows have 1 bars of their session before"),
        (lambda p: p[p["bar"] < 4], {"lags": 5}, "the longest stretch has 4"),
        (lambda p: p.assign(return_bps=np.nan), {}, "the panel has no returns"),
        (lambda p: p, {"lags": 0}, "lags must be from 1 to 100, not 0"),
        (lambda p: p, {"horizon": 0}, "horizon must be 1 or more"),
    ],
)
def test_what_cannot_be_answered_is_refused(spoil, options, message):
    with pytest.raises(ValueError, match=message):
        causality(spoil(world(12, 40, np.random.default_rng(8))), **options)
