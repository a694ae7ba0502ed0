"""Inventory reversion and half-life through the public functions: layouts, units, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.signal import lfilter

from mmresearch.estimate.autoregression import half_life_bars, kendall_rho
from mmresearch.estimate.pairs import inventory_pairs
from mmresearch.estimate.result import Result
from mmresearch.estimate.reversion import FLAGS, half_life, inventory_reversion


def path(rho: float, n: int, seed: int, start: float = 0.0) -> np.ndarray:
    news = np.random.default_rng(seed).standard_normal(n)
    return np.append(start, lfilter([1], [1, -rho], news, zi=[rho * start])[0])


def flat_days(rho: float, days: int, n: int, seed: int) -> list[np.ndarray]:
    return [path(rho, n, seed + day) for day in range(days)]


def carried(rho: float, days: int, n: int, seed: int) -> list[np.ndarray]:
    """Sessions cut from one path: each opens where the last one closed."""
    whole = path(rho, days * n, seed) + 10
    return [whole[day * n : (day + 1) * n + 1] for day in range(days)]


def test_table_is_statsmodels_with_the_question_about_one(panel_of):
    levels = carried(0.9, 50, 20, 1)
    found = inventory_reversion(panel_of(levels, known=False))
    x = np.concatenate([level[:-1] for level in levels])
    y = np.concatenate([level[1:] for level in levels])
    groups = np.repeat(np.arange(50), 20)
    other = sm.OLS(y, sm.add_constant(x)).fit(cov_type="cluster", cov_kwds={"groups": groups})
    row = found.tidy().set_index("term").loc["rho"]
    assert row["estimate"] == pytest.approx(other.params[1], rel=1e-10)
    assert row["std_error"] == pytest.approx(other.bse[1], rel=1e-8)
    assert row["t"] == pytest.approx((other.params[1] - 1) / other.bse[1], rel=1e-8)
    assert row["p"] <= 0.01
    assert found.quantities["rho"].low == row["low"]
    assert isinstance(found, Result)


def test_half_life_is_mapped_from_rho_in_seconds(panel_of):
    found = inventory_reversion(panel_of(flat_days(0.9, 20, 78, 2), seconds=300))
    rho, life = found.quantities["rho"], found.quantities["half_life"]
    assert life.identified
    assert life.unit == "seconds"
    for mapped, value in ((life.value, rho.value), (life.low, rho.low), (life.high, rho.high)):
        assert mapped == pytest.approx(300 * np.log(0.5) / np.log(value))
    assert "300 seconds" in found.unit
    assert half_life(found) == life
    assert half_life(panel_of(flat_days(0.9, 20, 78, 2), seconds=300)) == life


def test_four_estimates_side_by_side(panel_of):
    table = inventory_reversion(panel_of(flat_days(0.9, 10, 78, 3))).details["estimators"]
    assert table["estimator"].tolist() == ["OLS", "Kendall", "jackknife", "median-unbiased"]
    rho = table.set_index("estimator")["rho"]
    assert rho["Kendall"] == pytest.approx(rho["OLS"] * 780 / 778)
    lives = [60 * half_life_bars(value) for value in table["rho"]]
    np.testing.assert_allclose(table["half_life"], lives)


@pytest.mark.parametrize(
    ("levels", "known", "intercept", "chains"),
    [
        (flat_days(0.9, 5, 30, 4), True, "none", 5),  # opens flat: starts afresh at 0
        (flat_days(0.9, 5, 30, 4), False, "pooled", 5),  # flat, but relative: the mean is unknown
        (carried(0.9, 5, 30, 4), True, "pooled", 1),  # carried over: one unbroken path
    ],
)
def test_intercept_and_chains_follow_the_openings(panel_of, levels, known, intercept, chains):
    pairs = inventory_pairs(panel_of(levels, known=known))
    assert pairs.intercept == intercept
    assert len(pairs.design.chains) - 1 == chains


def test_overnight_flow_is_a_jump_of_the_chain(panel_of):
    levels = carried(0.99, 4, 30, 5)
    levels[2] = levels[2] + 0.25
    design = inventory_pairs(panel_of(levels)).design
    assert len(design.chains) == 2
    expected = np.zeros(120)
    expected[60], expected[90] = 0.25, -0.25
    np.testing.assert_allclose(design.jump, expected, atol=1e-12)


def test_a_missing_session_gives_the_level_a_mean_of_its_own(panel_of):
    levels = carried(0.9, 6, 30, 6)
    shifted = [level + 1000 * (day >= 3) for day, level in enumerate(levels)]
    design = inventory_pairs(panel_of(levels, gaps=(3,), known=False)).design
    assert design.groups == 2
    plain = inventory_reversion(panel_of(levels, gaps=(3,), known=False))
    moved = inventory_reversion(panel_of(shifted, gaps=(3,), known=False))
    assert moved.table["estimate"].iloc[-1] == pytest.approx(plain.table["estimate"].iloc[-1])
    assert moved.quantities["rho"].low == pytest.approx(plain.quantities["rho"].low, abs=1e-4)


def test_unknown_level_does_not_matter_and_is_said(panel_of):
    levels = carried(0.9, 6, 30, 7)
    assert "opening_unknown" in inventory_reversion(panel_of(levels, known=False)).flags
    assert "opening_unknown" not in inventory_reversion(panel_of(levels)).flags
    here = half_life(panel_of(levels, known=False))
    there = half_life(panel_of([level - 500 for level in levels], known=False))
    assert there.value == pytest.approx(here.value, rel=1e-4)
    assert there.high == pytest.approx(here.high, rel=1e-3)


def test_order_of_rows_does_not_matter(panel_of):
    panel = panel_of(carried(0.9, 6, 30, 8))
    assert half_life(panel.sample(frac=1, random_state=1)) == half_life(panel)


def test_series_are_pooled_in_their_own_scale(panel_of):
    one, two = carried(0.9, 6, 30, 9), carried(0.8, 6, 30, 10)
    both = [panel_of(one, symbol="X"), panel_of(two, symbol="Y")]
    large = [panel_of(one, symbol="X"), panel_of([1e6 * x for x in two], symbol="Y")]
    found, scaled = inventory_reversion(pd.concat(both)), inventory_reversion(pd.concat(large))
    assert found.sample.series == 2
    assert found.quantities["rho"].value == pytest.approx(scaled.quantities["rho"].value, abs=1e-6)
    alone = [half_life(panel).value for panel in both]
    assert min(alone) < found.quantities["half_life"].value < max(alone)


def test_daily_bars_are_sessions(panel_of):
    whole = path(0.6, 120, 11)
    panel = panel_of([whole[day : day + 2] for day in range(120)], known=False)
    found = inventory_reversion(panel)
    life = found.quantities["half_life"]
    assert life.unit == "sessions"
    assert life.low < np.log(0.5) / np.log(0.6) < life.high
    assert inventory_pairs(panel).design.groups == 1


def test_daily_gap_drops_a_session_alone(panel_of):
    whole = path(0.6, 40, 12)
    panel = panel_of([whole[day : day + 2] for day in range(40)], known=False, gaps=(10, 11))
    found = inventory_reversion(panel)
    assert found.sample.dropped["alone between gaps"] == 1
    assert found.sample.used == 39


def test_count_bars_are_bars_and_warn(panel_of):
    panel = panel_of(flat_days(0.9, 10, 50, 13))
    uneven = np.random.default_rng(1).exponential(60, len(panel))
    panel["end"] = panel["start"] + pd.to_timedelta(uneven, unit="s")
    found = inventory_reversion(panel)
    assert found.quantities["half_life"].unit == "bars"
    assert "event_time" in found.flags


def test_last_clock_bar_may_be_short(panel_of):
    panel = panel_of(flat_days(0.9, 10, 50, 13))
    last = ~panel.duplicated("day", keep="last")
    panel.loc[last, "end"] -= pd.Timedelta("20s")
    assert half_life(panel).unit == "seconds"


def test_random_walk_is_not_identified(panel_of):
    found = inventory_reversion(panel_of(flat_days(1.0, 20, 78, 14)))
    life = found.quantities["half_life"]
    assert not life.identified
    assert life.high == np.inf
    assert life.low > 40 * 60
    assert "random walk" in life.reason
    assert "not identified" in str(life)
    assert "unit_root_not_rejected" in found.flags
    assert set(found.details["flags"]["flag"]) == set(found.flags)


def test_sign_flip_is_not_clipped(panel_of):
    found = inventory_reversion(panel_of(flat_days(-0.5, 10, 50, 15)))
    assert found.quantities["rho"].value == pytest.approx(-0.5, abs=0.12)
    life = found.quantities["half_life"]
    assert not life.identified
    assert "changes sign" in life.reason


def test_explosive_is_not_identified(panel_of):
    found = half_life(panel_of([path(1.06, 120, 16, start=3.0)]))
    assert not found.identified
    assert "moves away" in found.reason
    assert np.isnan(found.low)
    assert found.high == np.inf


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        ([np.full(50, 3.0)], "known inventory move"),
        ([np.full(50, np.nan)], "known inventory move"),
        ([np.arange(50.0)], "known inventory move"),
        ([0.5 ** np.arange(30)], "without error"),
        ([path(0.5, 6, 1)], "fewer than 10"),
        ([np.array([0.0, x]) for x in path(0.5, 30, 1)], "opens at the same inventory"),
    ],
)
def test_data_that_cannot_tell_are_refused(panel_of, levels, reason):
    found = inventory_reversion(panel_of(levels))
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert np.isnan([quantity.value, quantity.low, quantity.high]).all()
        assert reason in quantity.reason
    assert "not identified" in str(found)
    assert found.table["estimate"].isna().all()
    assert found.details["estimators"].empty


def test_rows_are_dropped_by_reason(panel_of):
    levels = carried(0.9, 6, 30, 17)
    levels[1][5] = np.nan  # the end of one bar, the start of the next
    panel = pd.concat([panel_of(levels), panel_of([np.full(11, 7.0)], symbol="Y")])
    sample = inventory_reversion(panel).sample
    assert dict(sample.dropped) == {
        "inventory unknown": 2,
        "changes all equal": 10,
        "alone between gaps": 0,
    }
    assert (sample.used, sample.series, sample.days) == (178, 1, 6)


def test_wrong_input_is_an_error(panel_of):
    panel = panel_of(flat_days(0.9, 5, 30, 18))
    with pytest.raises(ValueError, match="lacks the columns bar, gap"):
        inventory_reversion(panel.drop(columns=["bar", "gap"]))
    with pytest.raises(ValueError, match="intercept must be one of"):
        inventory_reversion(panel, intercept="some")
    with pytest.raises(ValueError, match="interval must be one of"):
        inventory_reversion(panel, interval="delta")
    with pytest.raises(ValueError, match="lags must be 1 or more"):
        inventory_reversion(panel, lags=0)
    endless = panel.assign(inventory_end=panel["inventory_end"].where(panel["bar"] != 3, np.inf))
    with pytest.raises(ValueError, match="inventory_end is infinite in 5 rows"):
        inventory_reversion(endless)
    with pytest.raises(ValueError, match=r"150 bars stand twice.*two frequencies"):
        inventory_reversion(pd.concat([panel, panel_of(flat_days(0.9, 5, 50, 1), seconds=30)]))
    with pytest.raises(ValueError, match="estimated already"):
        half_life(inventory_reversion(panel), lags=2)


def test_mean_away_from_a_flat_opening_is_seen(panel_of):
    levels = [path(0.9, 78, day) + 4 * (1 - 0.9 ** np.arange(79)) for day in range(20)]
    found = inventory_reversion(panel_of(levels))
    assert "mean_not_zero" in found.flags
    pooled = inventory_reversion(panel_of(levels), intercept="pooled")
    assert pooled.quantities["rho"].low < 0.9 < pooled.quantities["rho"].high
    assert "mean_not_zero" not in pooled.flags


def test_two_lags_are_asked_for_and_found(panel_of):
    levels, moved = [], []
    rng = np.random.default_rng(19)
    for _ in range(10):  # rho 0.9, momentum 0.4
        level, change = [0.0], 0.0
        for news in rng.standard_normal(200):
            change = -0.1 * level[-1] + 0.4 * change + news
            level.append(level[-1] + change)
        levels.append(np.array(level))
        moved.append(level[-1])
    short, longer = (
        inventory_reversion(panel_of(levels)),
        inventory_reversion(panel_of(levels), lags=2),
    )
    assert "residual_autocorrelation" in short.flags
    assert "residual_autocorrelation" not in longer.flags
    truth = 60 * half_life_bars(0.9, np.array([0.4]))
    life = longer.quantities["half_life"]
    assert life.low < truth < life.high
    assert longer.quantities["rho"].low < 0.9 < longer.quantities["rho"].high
    assert longer.tidy().set_index("term").loc["change_1", "estimate"] == pytest.approx(
        0.4, abs=0.1
    )


def _driven(seed: int) -> pd.DataFrame:
    """b -0.1, momentum 0.3, and 0.05 units bought for each basis point that the price fell."""
    rng = np.random.default_rng(seed)
    returns = rng.standard_normal((45, 100)) * 10
    levels = []
    for day in returns:
        level, change = [0.0], 0.0
        for t, news in enumerate(rng.standard_normal(100)):
            last = day[t - 1] if t else 0.0
            change = -0.1 * level[-1] + 0.3 * change - 0.05 * last + news
            level.append(level[-1] + change)
        levels.append(np.array(level))
    return levels, returns.ravel()


def test_controls_are_recovered(panel_of):
    levels, returns = _driven(20)
    panel = panel_of(levels).assign(return_bps=returns)
    panel["time_of_day"] = panel["bar"] * 60.0
    found = inventory_reversion(panel, controls=True)
    table = found.tidy().set_index("term")
    for term, truth in (("inventory", -0.1), ("change_1", 0.3), ("return_1", -0.05)):
        assert abs(table.loc[term, "estimate"] - truth) < 4 * table.loc[term, "std_error"]
        assert table.loc[term, "std_error"] < 0.03
    assert {"half_hour_1", "half_hour_2", "half_hour_3"} <= set(table.index)
    assert found.sample.dropped["no past in the session"] == 45
    assert "normal_interval_on_persistent_regressor" in found.flags
    life, rho = found.quantities["half_life"], found.quantities["rho"]
    slope = 1 + table.loc["inventory", "estimate"]
    assert rho.value == pytest.approx(kendall_rho(slope, found.sample.used, 1), abs=1e-12)
    assert life.identified
    assert life.value == pytest.approx(60 * half_life_bars(rho.value))
    assert life.low < 60 * half_life_bars(0.9) < life.high


@pytest.mark.parametrize("days", [1, 5, 20])
def test_with_controls_a_random_walk_is_not_identified_either(panel_of, days):
    # 200 walks; at 5 % the count of "identified" is below 20 with probability .996
    rng = np.random.default_rng(11)
    identified = 0
    for _ in range(200):
        walk = rng.standard_normal(days * 80 + 1).cumsum()
        panel = panel_of([walk[k * 80 : (k + 1) * 80 + 1] for k in range(days)])
        found = inventory_reversion(panel, controls=True, errors="hac")
        identified += found.quantities["half_life"].identified
    assert identified < 20


def test_controls_take_returns_from_prints_and_say_why_they_refuse(panel_of):
    levels, returns = _driven(20)
    panel = panel_of(levels).assign(return_bps=np.nan, trade_return_bps=returns)
    assert "return_1" in inventory_reversion(panel, controls=True).tidy()["term"].tolist()
    refused = inventory_reversion(panel.head(8), controls=True).quantities["half_life"]
    assert not refused.identified
    assert "bars" in refused.reason


def test_every_flag_is_explained():
    assert all(meaning and not meaning.endswith(".") for meaning in FLAGS.values())


@pytest.mark.bad_input("past changes that say what the level says")
def test_a_level_that_its_last_changes_tell_is_refused(panel_of):
    # flat but for one move, which the last bar opens with: level and last change are one column
    level = np.append(np.zeros(40), [5.0, 7.0])
    rho = inventory_reversion(panel_of([level]), lags=3, draws=39).quantities["rho"]
    assert not rho.identified
    assert np.isnan(rho.low)
    assert "cannot be told apart" in rho.reason
