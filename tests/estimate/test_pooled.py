"""Several series in one rho: linearmodels' own numbers, the scale of the levels, each alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from linearmodels.panel import PanelOLS

import mmresearch as mm
from mmresearch.estimate.inversion import invert
from mmresearch.estimate.pairs import inventory_pairs
from mmresearch.estimate.pooled import in_levels
from tests.panels import panel_of
from tests.truth.coverage_pooled import daily_panel


@pytest.fixture(scope="module")
def panel():
    return daily_panel(0.9, np.random.default_rng(1), series=4, days=80)


def standardised(panel: pd.DataFrame, scale: str) -> pd.DataFrame:
    """Opening and closing level over the sd of the changes or of the opening levels."""
    rows = panel.sort_values(["account", "day"], ignore_index=True)
    by = rows["account"]
    change = (rows["inventory_end"] - rows["inventory_start"]).groupby(by).transform("std")
    level = rows["inventory_start"].groupby(by).transform("std", ddof=0)
    sd = change if scale == "changes" else level
    index = pd.MultiIndex.from_arrays([pd.factorize(by)[0], rows["day"]])
    table = {"x": rows["inventory_start"] / sd, "y": rows["inventory_end"] / sd}
    return pd.DataFrame(table).set_axis(index)


@pytest.mark.parametrize("scale", ["changes", "levels"])
@pytest.mark.parametrize(
    ("errors", "options"),
    [
        ("two-way", {"cov_type": "clustered", "cluster_entity": True, "cluster_time": True}),
        ("day", {"cov_type": "clustered", "cluster_time": True}),
        ("driscoll-kraay", {"cov_type": "kernel", "kernel": "bartlett", "bandwidth": 3}),
    ],
)
def test_table_is_linearmodels(panel, scale, errors, options):
    found = mm.inventory_reversion(panel, scale=scale, errors=errors, draws=199)
    z = standardised(panel, scale)
    more = {"group_debias": True} if "clustered" in options.values() else {}
    fit = PanelOLS(z["y"], z[["x"]], entity_effects=True).fit(**options, **more, debiased=True)
    row = found.tidy().set_index("term").loc["rho"]
    assert row["estimate"] == pytest.approx(fit.params["x"], rel=1e-8)
    assert row["std_error"] == pytest.approx(fit.std_errors["x"], rel=1e-8)
    words = {"two-way": "by series and by day", "day": "by day", "driscoll-kraay": "Driscoll-Kraay"}
    assert words[errors] in found.errors
    # the interval is the inverted one, which does not use them
    assert (row["low"], row["high"]) == (
        found.quantities["rho"].low,
        found.quantities["rho"].high,
    )


def test_flat_openings_have_no_effects():
    rng = np.random.default_rng(2)
    days = [[np.append(0, rng.normal(size=20).cumsum()) for _ in range(10)] for _ in range(3)]
    panel = pd.concat([panel_of(levels, account=a) for a, levels in zip("ABC", days, strict=True)])
    plain = mm.inventory_reversion(panel, draws=199)
    dealers = mm.inventory_reversion(panel, errors="day", draws=199)
    assert dealers.tidy()["estimate"].iloc[-1] == pytest.approx(plain.tidy()["estimate"].iloc[-1])
    assert not dealers.quantities["half_life"].identified


def test_pooled_levels_are_the_mean_of_the_series_slopes(panel):
    found = mm.inventory_reversion(panel, scale="levels", draws=199)
    series = found.details["series"]
    assert found.tidy()["estimate"].iloc[-1] == pytest.approx(series["rho_ols"].mean(), rel=1e-10)
    assert "sd of their own levels" in found.errors
    assert found.details["estimators"]["estimator"].tolist() == ["OLS", "median-unbiased"]


def test_each_series_alone_is_its_own_answer(panel):
    series = mm.inventory_reversion(panel, draws=199).details["series"].set_index("account")
    alone = mm.inventory_reversion(panel[panel["account"] == "D2"], draws=199)
    row, rho, life = series.loc["D2"], alone.quantities["rho"], alone.quantities["half_life"]
    assert (row["rho"], row["rho_low"]) == pytest.approx((rho.value, rho.low), abs=0.02)
    assert row["rho_ols"] == pytest.approx(alone.tidy()["estimate"].iloc[-1], rel=1e-10)
    assert row["identified"] == life.identified
    assert np.isnan(row["half_life"]) != row["identified"]


def test_random_walks_of_short_days_have_no_half_life():
    """78 bars with a mean a day: a random walk shows rho 0.961, half-life 17 bars [models A3]."""
    rng = np.random.default_rng(3)
    walks = [[rng.normal(size=79).cumsum() for _ in range(40)] for _ in range(3)]
    panel = pd.concat([panel_of(days, account=a) for a, days in zip("ABC", walks, strict=True)])
    found = mm.inventory_reversion(panel, intercept="segment", errors="day", draws=199)
    assert found.tidy()["estimate"].iloc[-1] == pytest.approx(0.961, abs=0.003)
    assert found.tidy()["high"].iloc[-1] >= 1
    life = found.quantities["half_life"]
    assert not life.identified
    assert "random walk" in life.reason


def test_a_correction_that_forgets_the_scale_rejects_random_walks():
    """The interval for pooled levels from paths that are not divided by their own sd: the trap."""
    rng, wrong, right = np.random.default_rng(4), 0, 0
    for seed in range(10):
        panel = daily_panel(1.0, rng, series=40, days=100, common=0.0)
        design = in_levels(inventory_pairs(panel).design)
        wrong += invert(design, draws=199, seed=seed).high < 1
        found = mm.inventory_reversion(panel, scale="levels", draws=199, seed=seed)
        right += found.quantities["rho"].high < 1
    assert wrong >= 5
    assert right <= 2


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"scale": "volume"}, "scale must be one of changes, levels"),
        ({"scale": "levels", "lags": 2}, "scale='levels' takes one lag"),
    ],
)
def test_faults_are_named(panel, options, fault):
    with pytest.raises(ValueError, match=fault):
        mm.inventory_reversion(panel, **options)


def test_one_series_is_no_panel(panel):
    one = panel[panel["account"] == "D1"]
    with pytest.raises(ValueError, match="takes several series; there is one"):
        mm.inventory_reversion(one, errors="two-way")
    whole = mm.inventory_reversion(one, draws=199)
    assert mm.inventory_reversion(one, scale="levels", draws=199).quantities == whole.quantities
    assert "series" not in whole.details


@pytest.mark.bad_input("series too short for the lags")
def test_a_series_too_short_for_the_lags_has_no_answer_alone():
    # 3 x 24 bars less 3 means are enough for 5 lags, the 24 of one series are not
    rng = np.random.default_rng(6)
    panel = daily_panel(0.8, rng, series=3, days=24, common=0.0)
    series = mm.inventory_reversion(panel, lags=5, draws=199).details["series"]
    assert not series["identified"].any()
    assert series["rho_low"].isna().all()
    assert series["reason"].str.contains("leave fewer than 50").all()
