"""Regression errors: against the sandwich by hand, statsmodels, and the bootstrap the long way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm

from mmresearch.estimate.errors import regress
from mmresearch.estimate.sandwich import newey_west_lags
from mmresearch.estimate.wild import accepted, cluster_weights, p_value, wild_test


def study(days: int, bars: int = 20, seed: int = 0) -> tuple[pd.Series, pd.DataFrame, pd.Series]:
    """y, x and days with shocks common to a day in regressor and error; slope 0.5."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), bars)
    x = rng.normal(size=days)[day] + rng.normal(size=days * bars)
    noise = rng.normal(size=days)[day] + rng.normal(size=days * bars)
    label = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D"))
    return pd.Series(1 + 0.5 * x + noise), pd.DataFrame({"const": 1.0, "x": x}), label


def sandwich(x: np.ndarray, middle: np.ndarray) -> np.ndarray:
    bread = np.linalg.inv(x.T @ x)
    return bread @ middle @ bread


def test_mean_of_two_days_by_hand():
    # y = 1, 3 | 6, 10: mean 5; residuals -4, -2 | 1, 5; day sums -6, 6; variance
    # (36 + 36) / 4**2 = 4.5, corrected by 2/1 * 3/3 = 2: standard error 3, t = 5/3 with 1 degree
    y, days = pd.Series([1.0, 3.0, 6.0, 10.0]), pd.Series(["mon", "mon", "tue", "tue"])
    row = regress(y, pd.DataFrame({"const": [1.0] * 4}), days, errors="cluster").table.iloc[0]
    assert row["estimate"] == pytest.approx(5.0)
    assert row["std_error"] == pytest.approx(3.0)
    assert row["p"] == pytest.approx(2 * scipy.stats.t.sf(5 / 3, 1))
    assert (row["high"] - row["low"]) / 2 == pytest.approx(3 * scipy.stats.t.ppf(0.975, 1))


def test_newey_west_of_two_days_by_hand():
    # the same residuals, lag 1 of weight 1/2 within days only: squares 16 + 4 + 1 + 25 = 46,
    # products 8 + 5 = 13, middle 46 + 2 * 13 / 2 = 59; variance 59 / 16 * 4 / 3
    y, days = pd.Series([1.0, 3.0, 6.0, 10.0]), pd.Series(["mon", "mon", "tue", "tue"])
    found = regress(y, pd.DataFrame({"const": [1.0] * 4}), days)
    assert found.table.loc[0, "std_error"] == pytest.approx(np.sqrt(59 / 16 * 4 / 3))
    assert "1 lags" in found.errors
    assert found.flags == ("few_days",)


def test_cluster_errors_are_the_sandwich_and_statsmodels():
    y, x, days = study(45)
    found = regress(y, x, days)
    values, u = x.to_numpy(), (y - found.fit.fittedvalues).to_numpy()
    scores = pd.DataFrame(values * u[:, None]).groupby(days.to_numpy()).sum().to_numpy()
    n, k, g = len(y), 2, 45
    covariance = sandwich(values, scores.T @ scores) * g / (g - 1) * (n - 1) / (n - k)
    theirs = sm.OLS(y, x).fit(
        cov_type="cluster", cov_kwds={"groups": days.factorize()[0]}, use_t=True
    )
    np.testing.assert_allclose(found.table["std_error"], np.sqrt(np.diag(covariance)), rtol=1e-10)
    np.testing.assert_allclose(found.table["std_error"], theirs.bse, rtol=1e-10)
    np.testing.assert_allclose(found.table["p"], theirs.pvalues, rtol=1e-10)
    np.testing.assert_allclose(found.table[["low", "high"]], theirs.conf_int(), rtol=1e-10)
    assert found.errors == "clustered by day (45 days), t with 44 degrees of freedom"


def test_hac_errors_are_statsmodels_within_days():
    y, x, days = study(4, bars=60)
    found = regress(y, x, days)
    theirs = sm.OLS(y, x).fit(
        cov_type="hac-panel",
        cov_kwds={"groups": days.factorize()[0], "maxlags": 4, "use_correction": "hac"},
        use_t=True,
    )
    np.testing.assert_allclose(found.table["std_error"], theirs.bse, rtol=1e-10)
    np.testing.assert_allclose(found.fit.bse, theirs.bse, rtol=1e-10)
    assert "4 lags: floor(4 (n/100)^(2/9)) with n = 240" in found.errors


def test_hac_of_several_series_sums_what_happens_at_one_time():
    y, x, days = study(2, bars=30)
    bars = pd.Series(np.tile(np.arange(15), 4))  # two series of 15 bars a day
    found = regress(y, x, days, errors="hac", bars=bars)
    values, u = x.to_numpy(), found.fit.resid.to_numpy()
    at = {}
    for row, key in zip(values * u[:, None], zip(days, bars, strict=True), strict=True):
        at[key] = at.get(key, 0) + row
    lags, middle = newey_west_lags(len(y)), np.zeros((2, 2))
    for (day, bar), row in at.items():
        for (other, later), second in at.items():
            if day == other and abs(bar - later) <= lags:
                middle += (1 - abs(bar - later) / (lags + 1)) * np.outer(row, second)
    covariance = sandwich(values, middle) * len(y) / (len(y) - 2)
    np.testing.assert_allclose(found.table["std_error"], np.sqrt(np.diag(covariance)), rtol=1e-10)


def test_hc1_is_statsmodels():
    y, x, days = study(1, bars=50)
    theirs = sm.OLS(y, x).fit(cov_type="HC1", use_t=True)
    found = regress(y, x, days, errors="HC1")
    np.testing.assert_allclose(found.table["std_error"], theirs.bse, rtol=1e-12)
    np.testing.assert_allclose(found.table["p"], theirs.pvalues, rtol=1e-12)


def wild_the_long_way(
    y: np.ndarray, x: np.ndarray, column: int, groups: np.ndarray, weights: np.ndarray
) -> tuple[float, np.ndarray]:
    """t of the data and of each draw: impose the null, multiply residuals, fit again."""

    def t_of(outcome: np.ndarray) -> float:
        kwds = {"groups": groups}
        fit = sm.OLS(outcome, x).fit(cov_type="cluster", cov_kwds=kwds, use_t=True)
        return fit.tvalues[column]

    rest = np.delete(x, column, axis=1)
    fitted = rest @ np.linalg.lstsq(rest, y, rcond=None)[0]
    drawn = [t_of(fitted + (y - fitted) * w[groups]) for w in weights]
    return t_of(y), np.array(drawn)


@pytest.mark.parametrize("a", [0.0, 0.7, -2.0])
@pytest.mark.parametrize("days", [8, 15])
def test_wild_bootstrap_is_the_one_that_fits_every_draw(days, a):
    y, x, label = (v.to_numpy() for v in study(days, seed=3))
    groups = pd.factorize(label)[0]
    weights = cluster_weights(days, draws=60, seed=1)
    for shift in (x[:, 1], np.cos(np.arange(len(y)))):
        test = wild_test(y, shift, x, 1, groups, weights)
        t, drawn = wild_the_long_way(y - a * shift, x, 1, groups, weights)
        ours = (test.drawn_effect[0] - a * test.drawn_effect[1]) ** 2 / (
            test.drawn_spread[0] - 2 * a * test.drawn_spread[1] + a**2 * test.drawn_spread[2]
        )
        scale = days / (days - 1) * (len(y) - 1) / (len(y) - 2)
        np.testing.assert_allclose(ours / scale, drawn**2, rtol=1e-7)
        share = (1 + np.count_nonzero(np.abs(drawn) >= abs(t) * (1 - 1e-12))) / 61
        assert p_value(test, a) == pytest.approx(share)


def test_wild_interval_ends_where_the_test_begins_to_reject():
    y, x, label = study(12, seed=5)
    found = regress(y, x, label)
    low, high = found.table.loc[1, ["low", "high"]]
    weights = cluster_weights(12, draws=999, seed=0)
    values, groups = x.to_numpy(), label.factorize()[0]
    test = wild_test(y.to_numpy(), values[:, 1], values, 1, groups, weights)
    gap = 1e-6 * (high - low)
    assert p_value(test, low - gap) <= 0.05 < p_value(test, low + gap)
    assert p_value(test, high + gap) <= 0.05 < p_value(test, high - gap)
    assert low < found.table.loc[1, "estimate"] < high
    assert found.table.loc[1, "p"] == p_value(test, 0.0)
    assert "12 days, Rademacher weights" in found.errors
    assert "999 draws" in found.errors


def test_wild_interval_is_unbounded_where_no_value_is_too_large():
    # the shift has nothing to do with the column tested, so no multiple of it is ruled out
    y, x, label = study(10, seed=2)
    shift = np.random.default_rng(9).normal(size=len(y))
    groups = label.factorize()[0]
    weights = cluster_weights(10, draws=199, seed=0)
    test = wild_test(y.to_numpy(), shift, x.to_numpy(), 1, groups, weights)
    assert p_value(test, np.inf) > 0.05
    assert accepted(test) == (-np.inf, np.inf)


def test_weights_are_webb_below_twelve_clusters():
    few, many = (np.unique(cluster_weights(g, draws=500, seed=0)) for g in (11, 12))
    np.testing.assert_allclose(few**2, [1.5, 1, 0.5, 0.5, 1, 1.5])
    np.testing.assert_array_equal(many, [-1, 1])
    drawn = cluster_weights(11, draws=20_000, seed=4)  # 220,000 weights of variance 1
    assert abs(drawn.mean()) < 4 / np.sqrt(drawn.size)
    assert drawn.var() == pytest.approx(1, abs=4 * np.sqrt(1 / 6 / drawn.size) * 1.1)


def test_bootstrap_draws_whole_days():
    y, x, days = study(7, bars=5)
    found = regress(y, x, days, errors="bootstrap", draws=50, seed=11)
    times = np.random.default_rng(11).multinomial(7, np.full(7, 1 / 7), size=50)
    drawn = []
    for counts in times:
        rows = np.concatenate([np.arange(5) + 5 * d for d in np.repeat(np.arange(7), counts)])
        drawn.append(sm.OLS(y.to_numpy()[rows], x.to_numpy()[rows]).fit().params)
    np.testing.assert_allclose(found.table["std_error"], np.std(drawn, axis=0, ddof=1), rtol=1e-8)


@pytest.mark.parametrize(
    ("days", "kind", "flags"),
    [
        (1, "Newey-West within days (1 day)", ("few_days",)),
        (5, "Newey-West within days (5 days)", ("few_days",)),
        (6, "restricted wild cluster bootstrap-t by day (6 days, Webb", ()),
        (39, "restricted wild cluster bootstrap-t by day (39 days, Rademacher", ()),
        (40, "clustered by day (40 days)", ()),
    ],
)
def test_errors_follow_from_the_number_of_days(days, kind, flags):
    found = regress(*study(days))
    assert found.errors.startswith(kind)
    assert found.flags == flags


@pytest.mark.parametrize(("rows", "overlap", "lags"), [(100, 1, 4), (1000, 1, 6), (100, 20, 30)])
def test_lag_rule(rows, overlap, lags):
    # 4 * 10**(2/9) = 6.67; an overlap of 20 asks for 1.5 * 20
    assert newey_west_lags(rows, overlap) == lags


def test_lags_stay_inside_the_longest_day():
    y, x, days = study(3, bars=3)
    assert "2 lags" in regress(y, x, days, errors="hac").errors


@pytest.mark.parametrize("errors", ["cluster", "hac", "wild", "HC1", "bootstrap"])
def test_the_unit_of_y_changes_nothing_else(errors):
    y, x, days = study(8)
    one, ten = (regress(v, x, days, errors=errors).table for v in (y, 10 * y))
    for column in ("estimate", "std_error", "low", "high"):
        np.testing.assert_allclose(10 * one[column], ten[column], rtol=1e-7)
    np.testing.assert_allclose(one["p"], ten["p"], rtol=1e-9)


@pytest.mark.parametrize("errors", ["cluster", "hac", "HC1"])
def test_the_order_of_days_changes_nothing(errors):
    y, x, days = study(8)
    order = np.concatenate([np.arange(20) + 20 * d for d in (3, 0, 7, 1, 2, 6, 5, 4)])
    turned = regress(y.iloc[order], x.iloc[order], days.iloc[order], errors=errors)
    pd.testing.assert_frame_equal(turned.table, regress(y, x, days, errors=errors).table)


def test_a_seed_gives_one_answer():
    y, x, days = study(10)
    first, again, other = (regress(y, x, days, seed=s).table for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert first.loc[1, "high"] != other.loc[1, "high"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda y, x, d: (y.iloc[:2], x.iloc[:2], d.iloc[:2]), "2 rows cannot estimate 2"),
        (lambda y, x, d: (y, x.assign(twice=2 * x["x"]), d), "collinear regressors: twice"),
        (lambda y, x, d: (y, x.assign(nothing=0.0), d), "collinear regressors: nothing"),
        (lambda y, x, d: (y.where(y.index != 7), x, d), r"1 rows with missing .* \[7\]"),
        (lambda y, x, d: (y, x.replace(x.iloc[3, 1], np.inf), d), r"1 rows with .* \[3\]"),
        (lambda y, x, d: (0 * y + 4.5, x, d), r"y is constant \(4.5\)"),
        (lambda y, x, d: (y, x, d.iloc[1:]), "differ in length: 180, 180, 179"),
    ],
)
def test_what_cannot_be_estimated_is_refused(spoil, message):
    with pytest.raises(ValueError, match=message):
        regress(*spoil(*study(9)))


def test_unknown_errors_and_too_few_days_are_refused():
    with pytest.raises(ValueError, match="errors must be one of auto, cluster"):
        regress(*study(3), errors="robust")
    for errors in ("cluster", "wild", "bootstrap"):
        with pytest.raises(ValueError, match="needs two days or more, there is 1"):
            regress(*study(1), errors=errors)
