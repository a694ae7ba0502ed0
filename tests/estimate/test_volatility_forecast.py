"""Volatility forecasts: by hand, from outside, and that nothing knows what comes after it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.tsa.api as tsa
from arch.bootstrap import MCS
from arch.univariate import HARX

import mmresearch as mm
from mmresearch.estimate.forecast_tests import (
    clark_west,
    confidence_set,
    diebold_mariano,
    giacomini_white,
    loss_lags,
    qlike,
    r2_against,
    r2_nested,
)
from mmresearch.estimate.har_rows import har_rows
from tests.truth.har_days import CONST, DAY, MONTH, WEEK, har_days


@pytest.fixture(scope="module")
def days():
    return har_days(np.random.default_rng(1), days=700, gain=0.12, predictors=("a", "b"))


@pytest.fixture(scope="module")
def found(days):
    return mm.volatility_forecast(days, predictors=["a", "b"], horizons=[1, 5], draws=99)


def rows(table: pd.DataFrame, **asked):
    how = {"target": "rv", "predictors": [], "known": {}, "lags": None, "horizons": [1]}
    return har_rows(table, **(how | {"quarticity": None, "seasonal": False} | asked))


def test_rows_by_hand():
    """Variances 1, 2, 4, 8 of sessions: means behind 2 and ahead; a gap is not bridged."""
    day = pd.date_range("2024-01-01", periods=4)
    table = pd.DataFrame({"day": day, "known": day.tz_localize("UTC"), "rv": [1.0, 2, 4, 8]})
    frame = rows(table, lags=[1, 2], horizons=[1, 2]).frame
    np.testing.assert_allclose(frame["lag_1"], [1, 2, 4, 8])
    np.testing.assert_allclose(frame["lag_2"], [np.nan, 1.5, 3, 6])
    np.testing.assert_allclose(frame["ahead_1"], [2, 4, 8, np.nan])
    np.testing.assert_allclose(frame["ahead_2"], [3, 6, np.nan, np.nan])
    frame = rows(table.assign(gap=[False, False, True, False]), lags=[1, 2]).frame
    np.testing.assert_allclose(frame["lag_2"], [np.nan, 1.5, np.nan, 6])
    np.testing.assert_allclose(frame["ahead_1"], [2, np.nan, 8, np.nan])


def test_bars_do_not_cross_the_night_nor_a_bar_that_is_lacking():
    day = pd.to_datetime(["2024-01-01"] * 3 + ["2024-01-02"] * 3)
    at = pd.date_range("2024-01-01", periods=6, tz="UTC", freq="8h")
    table = pd.DataFrame({"day": day, "end": at, "bar": [0, 1, 2, 0, 1, 3], "x": np.arange(6.0)})
    frame = rows(table.assign(rv=[1.0, 2, 4, 8, 16, 32]), lags=[1, 2], predictors=["x"]).frame
    np.testing.assert_allclose(frame["lag_2"], [np.nan, 1.5, 3, np.nan, 12, np.nan])
    np.testing.assert_allclose(frame["ahead_1"], [2, 4, np.nan, 16, np.nan, np.nan])
    np.testing.assert_allclose(frame["late_x"], [np.nan, 0, 1, np.nan, 3, np.nan])


def test_a_forecast_by_hand(days, found):
    """The last forecast of each horizon: least squares on the rows whose outcome was known."""
    table = found.details["forecasts"]
    sealed = found.details["sealed"]["first_day"].iloc[0]
    frame = rows(days, predictors=["a", "b"], horizons=[1, 5]).frame
    before = int((frame["day"] < sealed).sum())
    for horizon in (1, 5):
        at = before - 1 - horizon
        names = ["lag_1", "lag_5", "lag_22", "x_a", "x_b"]
        taught = frame.iloc[21 : at - horizon + 1]
        x = sm.add_constant(frame[names])
        fit = sm.OLS(taught[f"ahead_{horizon}"], x.loc[taught.index]).fit()
        expected = float(fit.predict(x.loc[[at]]).iloc[0])
        mine = table[(table["model"] == "har + a + b") & (table["horizon"] == horizon)].iloc[-1]
        assert mine["day"] == frame["day"][at]
        assert mine["forecast"] == pytest.approx(expected, rel=1e-6)
        assert mine["realized"] == pytest.approx(frame["rv"].iloc[at + 1 : at + 1 + horizon].mean())
        # logs return by half the variance of what is left
        x, y = np.log(frame[["lag_1", "lag_5", "lag_22"]]), np.log(taught[f"ahead_{horizon}"])
        fit = sm.OLS(y, sm.add_constant(x).loc[taught.index]).fit()
        expected = np.exp(fit.predict(sm.add_constant(x).loc[[at]]).iloc[0] + fit.scale / 2)
        mine = table[(table["model"] == "log_har") & (table["horizon"] == horizon)].iloc[-1]
        assert mine["forecast"] == pytest.approx(expected, rel=1e-6)


def test_a_rolling_forecast_by_hand(days):
    found = mm.volatility_forecast(
        days, models=["harq"], scheme="rolling", window=120, holdout=0, draws=0
    )
    frame = rows(days, quarticity="quarticity").frame
    at = len(frame) - 2
    frame["lag_q"] = frame["rv"] * frame["quarticity"] ** 0.5
    x = sm.add_constant(frame[["lag_1", "lag_5", "lag_22", "lag_q"]])
    taught = frame.index[at - 120 : at]
    expected = sm.OLS(frame["ahead_1"][taught], x.loc[taught]).fit().predict(x.loc[[at]])
    table = found.details["forecasts"]
    mine = table[table["model"] == "harq"].iloc[-1]
    assert mine["forecast"] == pytest.approx(expected.iloc[0], rel=1e-6)
    assert "no_holdout" in found.flags


def test_no_forecast_changes_when_the_future_does(days, found):
    """All that is after the 450th day is another world: forecasts up to it stay."""
    other = days.copy()
    rng = np.random.default_rng(5)
    other.loc[450:, ["rv", "a", "b"]] = rng.uniform(0.5, 5, (len(days) - 450, 3))
    again = mm.volatility_forecast(other, predictors=["a", "b"], horizons=[1, 5], draws=0)
    keys = ["horizon", "model", "day"]
    first, second = (r.details["forecasts"].set_index(keys)["forecast"] for r in (found, again))
    early = first[first.index.get_level_values("day") < days["day"][450]]
    assert len(early) > 500
    np.testing.assert_allclose(second[early.index], early, rtol=1e-9)


def test_no_forecast_that_cannot_be():
    """A predictor that jumps far away foretells a variance below 0: the past mean stands in."""
    table = har_days(np.random.default_rng(3), days=500, gain=0.15)
    table.loc[350, "withdrawal"] = -40.0
    table.loc[360, "withdrawal"] = 400.0
    asked = {"predictors": ["withdrawal"], "models": ["har"], "draws": 0}
    found = mm.volatility_forecast(table, **asked)
    replaced = found.details["replaced"].set_index("model").loc["har + withdrawal"]
    assert replaced["not_above_0"] >= 1
    assert replaced["outside_the_past"] >= 1
    told = found.details["forecasts"].set_index(["model", "day"])["forecast"]
    for place in (350, 360):
        past = table["rv"].iloc[22 : place + 1].mean()
        assert told["har + withdrawal", table["day"][place]] == pytest.approx(past)
    assert (told > 0).all()


def test_losses_by_hand(found):
    table = found.details["forecasts"]
    mine = table[(table["model"] == "har") & (table["horizon"] == 1)]
    line = found.details["models"].set_index(["horizon", "model"]).loc[1, "har"]
    ratio = mine["realized"] / mine["forecast"]
    assert line["qlike"] == pytest.approx((ratio - np.log(ratio) - 1).mean())
    assert line["mse"] == pytest.approx(((mine["realized"] - mine["forecast"]) ** 2).mean())
    assert qlike(np.array([2.0]), np.array([2.0]))[0] == 0
    past = table[(table["model"] == "past mean") & (table["horizon"] == 1)]
    worse = ((past["realized"] - past["forecast"]) ** 2).mean()
    assert line["r2_past_mean"] == pytest.approx(1 - line["mse"] / worse)


def test_known_coefficients_are_recovered():
    """1,700 days, seed 6: within three standard errors of what was planted."""
    table = har_days(np.random.default_rng(6), days=1700, gain=0.15)
    found = mm.volatility_forecast(
        table, predictors=["withdrawal"], models=["har"], holdout=0, draws=0
    ).table.set_index("term")
    truth = {"const": CONST, "lag_1": DAY, "lag_5": WEEK, "lag_22": MONTH, "withdrawal": 0.15}
    for term, value in truth.items():
        assert abs(found.loc[term, "estimate"] - value) < 3 * found.loc[term, "std_error"]


def test_coefficients_are_those_of_arch(days):
    found = mm.volatility_forecast(days, models=["har"], holdout=0, draws=0).table
    theirs = HARX(days["rv"], lags=[1, 5, 22], rescale=False).fit(disp="off").params
    np.testing.assert_allclose(found["estimate"], theirs.to_numpy()[:4], rtol=1e-4)


def test_diebold_and_mariano_are_those_of_statsmodels(days):
    rng = np.random.default_rng(4)
    y, a, b = (rng.standard_normal(300) for _ in range(3))
    for horizon in (1, 5):
        mine = diebold_mariano((y - a) ** 2 - (y - b) ** 2, horizon)
        theirs = tsa.diebold_mariano_test(y, a, b, horizon=horizon, harvey_adj=True)
        assert mine.statistic == pytest.approx(float(theirs.statistic), rel=1e-6)
        assert mine.p == pytest.approx(float(theirs.pvalue), rel=1e-6)


def test_clark_and_west_by_hand():
    """The t of the constant alone: y 1, -1, 2, 0; small 0; large 1, 0, 1, -1: f 2 e0 g."""
    y, g = np.array([1.0, -1, 2, 0]), np.array([1.0, 0, 1, -1])
    mine = clark_west(y, np.zeros(4), g, 1)
    f = 2 * y * g  # 2, 0, 4, 0
    assert mine.mean == f.mean() == 1.5
    assert mine.statistic == pytest.approx(1.5 / np.sqrt(f.var() / 4))
    turned = clark_west(-y, np.zeros(4), g, 1)
    assert turned.p == pytest.approx(1 - mine.p)


def test_giacomini_and_white_by_hand():
    """n R² of 1 on (d, d times the one before), for one step."""
    d = np.random.default_rng(2).standard_normal(200) + 0.2
    z = np.column_stack([d[1:], d[1:] * d[:-1]])
    fit = sm.OLS(np.ones(199), z).fit()
    mine = giacomini_white(d, 1)
    assert mine.statistic == pytest.approx(199 * fit.rsquared)


def test_confidence_set_is_that_of_arch():
    rng = np.random.default_rng(3)
    losses = pd.DataFrame(rng.standard_normal((300, 3)) ** 2, columns=list("abc"))
    losses["c"] += 0.6
    mine = confidence_set(losses, 1, size=0.1, draws=299, seed=7).set_index("model")
    theirs = MCS(
        losses.to_numpy(),
        size=0.1,
        reps=299,
        block_size=loss_lags(300, 1),
        method="R",
        bootstrap="stationary",
        seed=np.random.default_rng(7),
    )
    theirs.compute()
    assert {"abc".index(m) for m in mine.index[mine["may_be_best"]]} == set(theirs.included)
    assert not mine.loc["c", "may_be_best"]
    assert mine.loc["a", "loss"] == pytest.approx(losses["a"].mean())


def test_r2_interval_is_the_delta_method():
    """Of independent pairs: the error of a ratio of means, written out."""
    rng = np.random.default_rng(5)
    base, model = rng.exponential(2, 4000), rng.exponential(1.5, 4000)
    ratio = model.mean() / base.mean()
    error = np.sqrt((model.var() + ratio**2 * base.var()) / 4000) / base.mean()
    for found in (r2_against(base, model, 1, 0.95), r2_nested(base, model, 1, 0.95, seed=0)):
        value, low, high = found
        assert value == pytest.approx(1 - ratio)
        assert (high - low) / 2 / 1.96 == pytest.approx(error, rel=0.1)
        assert 0.25 - 4 * error < value < 0.25 + 4 * error


def test_r2_interval_by_cosines_by_hand():
    """Eight losses, four cosines written out: cos(pi j (i + 1/2) / 8), t of 4 degrees 2.776."""
    base = np.array([4.0, 2, 1, 1, 3, 2, 2, 1])
    model = np.array([1.0, 2, 2, 1, 1, 2, 2, 1])
    value, low, high = r2_against(base, model, 1, 0.95)
    assert value == 0.25
    influence = (model - 0.75 * base) / 16
    i = np.arange(8) + 0.5
    drawn = [np.sqrt(2) * influence @ np.cos(np.pi * j * i / 8) for j in (1, 2, 3, 4)]
    reach = 2.776445 * np.sqrt(np.mean(np.square(drawn)))
    assert (value - low, high - value) == pytest.approx((reach, reach))
    assert r2_against(base, base, 1, 0.95) == (0, 0, 0)
    assert r2_against(base, 0.001 * model, 1, 0.95)[2] < 1
    assert r2_against(base, np.where(i < 1, 1.0, 0.0), 5, 0.95)[2] <= 1


def test_nested_r2_interval_by_hand():
    """Four losses in blocks of one: ratio 3/4; every draw's error and reach written out."""
    base, model = np.array([4.0, 2, 1, 1]), np.array([1.0, 2, 2, 1])
    value, low, high = r2_nested(base, model, 1, 0.9, seed=0)
    assert value == 0.25
    reaches = []
    drawn = np.random.default_rng(0).integers(0, 4, (999, 4))
    for a, b in zip(base[drawn], model[drawn], strict=True):
        error = np.sqrt(np.mean((b / b.mean() - a / a.mean()) ** 2) / 4)
        away = abs(np.log(b.mean() / a.mean()) - np.log(0.75))
        reaches.append(away / error if error > 0 else np.inf)
    error = np.sqrt(np.mean((model / 1.5 - base / 2) ** 2) / 4)
    reach = sorted(reaches)[899] * error  # 899.1 of 999 are 90 %
    assert low == pytest.approx(1 - 0.75 * np.exp(reach))
    assert high == pytest.approx(1 - 0.75 * np.exp(-reach))


def test_nested_r2_interval_turns_with_the_question():
    """Of the ratio the other way round it is the reciprocal, and of other units the same."""
    rng = np.random.default_rng(8)
    base, model = rng.exponential(2, 90), rng.exponential(1.5, 90)
    value, low, high = r2_nested(base, model, 5, 0.95, seed=0)
    turned = r2_nested(model, base, 5, 0.95, seed=0)
    expected = [1 - 1 / (1 - x) for x in (value, high, low)]
    np.testing.assert_allclose(turned, expected)
    np.testing.assert_allclose(r2_nested(9 * base, 9 * model, 5, 0.95, seed=0), [value, low, high])
    assert low < value < high < 1
    assert r2_nested(base, 0.5 * base, 5, 0.95, seed=0)[0] == 0.5
    assert r2_nested(base, base, 5, 0.95, seed=0) == (0, 0, 0)


def test_one_day_that_differs_tells_nothing():
    base = np.ones(60)
    model = np.where(np.arange(60) == 30, 0.5, 1.0)
    assert r2_nested(base, model, 1, 0.95, seed=0)[1:] == (-np.inf, 1)


def test_nested_r2_interval_holds_the_truth_of_heavy_losses():
    """Lognormal ratios of losses, 500 samples of 80, seed 9, truth 0.2: 95 % +- 3 errors of 1 %."""
    rng, held = np.random.default_rng(9), 0
    for _ in range(500):
        base = rng.standard_normal(80) ** 2 * np.exp(rng.standard_normal(80))
        model = 0.8 * base * np.exp(0.5 * rng.standard_normal(80) - 0.125)
        _, low, high = r2_nested(base, model, 1, 0.95, seed=0)
        held += low <= 0.2 <= high
    assert 0.92 <= held / 500 <= 0.98


def test_what_the_answer_says(days, found):
    line = found.details["comparisons"].iloc[2]
    assert (line["horizon"], line["base"], line["predictors"]) == (1, "har", "a, b")
    assert found.quantities["r2_oos"].value == line["r2"]
    assert found.quantities["r2_oos"].low < line["r2"] < found.quantities["r2_oos"].high
    assert found.quantities["p_clark_west"].value == line["cw_p"] < 0.01
    alone = found.details["comparisons"].set_index(["horizon", "base", "predictors"])["cw_p"]
    assert alone[1, "har", "a"] < 0.01 < alone[1, "har", "b"]
    assert set(found.details["models"]["horizon"]) == {1, 5}
    assert found.sample.days == found.sample.used
    rolled = mm.volatility_forecast(
        days, predictors=["a"], models=["har"], scheme="rolling", window=200, draws=0
    )
    assert 0 <= rolled.details["comparisons"]["gw_p"].iloc[0] <= 1
    assert found.details["comparisons"]["gw_p"].isna().all()


def test_without_predictors_the_models_are_compared(days):
    found = mm.volatility_forecast(days, draws=0)
    assert not found.quantities["r2_oos"].identified
    assert found.quantities["r2_past_mean"].value > 0.3
    assert len(found.details["models"]) == 4
    opened = mm.open_holdout(found, days)
    assert "no predictors" in opened.quantities["holdout_r2_oos"].reason
    assert opened.quantities["r2_past_mean"] == found.quantities["r2_past_mean"]
    assert opened.quantities["holdout_r2_past_mean"].value > 0.1


@pytest.mark.bad_input("no dates in common", "few rows", "columns lacking", "rows twice")
def test_what_is_refused(days):
    lacking = days.assign(a=np.nan)
    lacking.attrs["apart"] = {"a": "from 2025-01-07 to 2025-12-30"}
    told = mm.volatility_forecast(lacking, predictors=["a"])
    assert "no date in common" in told.errors
    assert "a from 2025-01-07 to 2025-12-30" in told.errors
    told = mm.volatility_forecast(days.iloc[:25], predictors=["a"])
    assert not told.quantities["r2_oos"].identified
    assert "6 coefficients need 60" in told.errors
    assert "does not change" in mm.volatility_forecast(days.assign(a=1.0), predictors=["a"]).errors
    with pytest.raises(ValueError, match="no column c; no column known"):
        mm.volatility_forecast(days.drop(columns="known"), predictors=["c"])
    with pytest.raises(ValueError, match="twice the same"):
        mm.volatility_forecast(pd.concat([days, days]))
    with pytest.raises(ValueError, match=r"below 0 in 700 rows"):
        mm.volatility_forecast(days.assign(rv=-1.0))
    with pytest.raises(ValueError, match="2 values of symbol"):
        mm.volatility_forecast(days.assign(symbol=["X", "Y"] * 350))
    with pytest.raises(ValueError, match=r"models must be of .*; scheme must .*; horizons, lags"):
        mm.volatility_forecast(days, models=["garch"], scheme="fixed", horizons=[0])
    with pytest.raises(ValueError, match="needs a column quarticity with values"):
        mm.volatility_forecast(days.drop(columns="quarticity"), models=["harq"])


def test_rows_without_variance_are_counted(days):
    some = days.copy()
    some.loc[100:102, "rv"] = 0.0
    some.loc[200, "a"] = np.nan
    found = mm.volatility_forecast(some, predictors=["a"], models=["har"], draws=0)
    assert found.sample.dropped["variance 0"] == 3
    assert found.sample.dropped["without a"] == 1
