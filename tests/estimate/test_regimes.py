"""A rho a regime: labels by hand, slopes the plain way, truth found, sizes kept, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import mmresearch as mm
from mmresearch.estimate import regimes
from mmresearch.estimate.pairs import inventory_pairs
from mmresearch.estimate.regime_labels import _past_variance, regime_labels
from mmresearch.estimate.regime_paths import Regimes, path_slopes

BARS = 60


def by_half(rho: tuple[float, float], days: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Sessions that open flat; rho is the first in a session's first half, then the second."""
    levels = np.zeros((days, BARS + 1))
    for bar in range(BARS):
        now = rho[0] if bar < BARS // 2 else rho[1]
        levels[:, bar + 1] = now * levels[:, bar] + rng.standard_normal(days)
    return list(levels)


def timed(panel: pd.DataFrame) -> pd.DataFrame:
    return panel.assign(time_of_day=panel["bar"] * 60.0)


@pytest.fixture
def halves(panel_of) -> pd.DataFrame:
    return timed(panel_of(by_half((0.7, 0.95), 40, np.random.default_rng(1))))


def test_volatility_is_that_of_the_bars_before(panel_of):
    panel = panel_of([np.arange(8.0)] * 2)
    panel["realized_variance"] = [1.0, 2, 3, 4, 5, 6, 7, 100, 0, 0, 0, 0, 0, 0]
    labels = regime_labels(panel, "volatility", 2)
    # the means of up to five bars before: - 1 1.5 2 2.5 3 4 | - 100 50 33.3 25 20 0; median 3.5
    expected = ["1 of 2"] * 5 + ["2 of 2"] * 6 + ["1 of 2"]
    assert labels.isna().tolist() == [True] + [False] * 6 + [True] + [False] * 6
    assert labels.dropna().tolist() == expected


def test_volatility_before_a_bar_does_not_know_the_bar(halves):
    rng = np.random.default_rng(2)
    panel = halves.assign(realized_variance=rng.exponential(1, len(halves)))
    moved = panel.assign(
        realized_variance=panel["realized_variance"].where(panel["bar"] != 30, 9.0)
    )
    same = np.isclose(_past_variance(panel), _past_variance(moved), equal_nan=True)
    assert sorted(panel.loc[~same, "bar"].unique()) == [31, 32, 33, 34, 35]


def test_time_of_day_is_cut_into_equal_stretches(halves):
    labels = regime_labels(halves, "time_of_day", 3)
    assert labels.unique().tolist() == ["0:00 to 0:20", "0:20 to 0:40", "0:40 to 1:00"]
    assert set(labels.value_counts()) == {40 * 20}


@pytest.mark.parametrize("means", ["none", "pooled"])
def test_slopes_are_those_of_one_regression_with_dummies(halves, means):
    panel = halves.assign(regime=regime_labels(halves, "time_of_day", 2))
    pairs = inventory_pairs(panel, intercept=means)
    label = pd.factorize(pairs.frame["regime"])[0]
    rho, _ = Regimes(pairs.design, label, 2).slopes()
    table = pd.DataFrame({"x": pairs.design.x, "y": pairs.design.y, "r": label})
    formula = "y ~ C(r):x - 1" if means == "none" else "y ~ C(r) + C(r):x - 1"
    fit = smf.ols(formula, table).fit()
    np.testing.assert_allclose(rho, fit.params.filter(like="x").to_numpy(), rtol=1e-10)


def test_paths_are_those_of_the_plain_way(halves):
    panel = halves.assign(regime=regime_labels(halves, "time_of_day", 2))
    pairs = inventory_pairs(panel, intercept="pooled")
    label = pd.factorize(pairs.frame["regime"])[0]
    regimes = Regimes(pairs.design, label, 2)
    rho, draws, seed = np.array([0.6, 0.9, 0.8]), 4, 3
    found = path_slopes(regimes, draws=draws, seed=seed)(rho)
    # the same random numbers, a path at a time
    rng = np.random.default_rng(seed)
    rng.standard_normal((len(pairs.design.chains) - 1, draws))
    signs = 2 * rng.integers(0, 2, (pairs.design.bar.max() + 1, draws), dtype=np.int8) - 1
    x, y = pairs.design.x, pairs.design.y
    error = y - rho[label] * x
    error -= pd.Series(error).groupby(label).transform("mean").to_numpy()
    # sessions open flat, at 0; the pooled mean under the average rho is the level that they miss
    average = rho[label].mean()
    mean = (y - average * x).mean() / (1 - average)
    for d in range(draws):
        begun, ended = np.empty(len(x)), np.empty(len(x))
        for row in range(len(x)):
            begun[row] = -mean if row % BARS == 0 else ended[row - 1]
            ended[row] = rho[label[row]] * begun[row]
            ended[row] += error[row] * signs[pairs.design.bar[row], d]
        table = pd.DataFrame({"x": begun, "y": ended, "r": label})
        fit = smf.ols("y ~ C(r) + C(r):x - 1", table).fit()
        slopes = fit.params.filter(like="x").to_numpy()
        np.testing.assert_allclose(found[:, d], slopes, rtol=1e-9)


def test_two_speeds_are_found_and_told_apart(halves):
    found = mm.reversion_by(halves, by="time_of_day", cells=2)
    table = found.details["regimes"].set_index("regime")
    for name, rho in (("0:00 to 0:30", 0.7), ("0:30 to 1:00", 0.95)):
        true = 60 * np.log(0.5) / np.log(rho)
        assert table.loc[name, "identified"]
        assert table.loc[name, "low"] < true < table.loc[name, "high"]
        assert table.loc[name, "rows"] == 40 * 30
    assert found.details["equality"]["p"].item() < 0.01
    assert "equality_not_rejected" not in found.flags
    assert (table["p_holm"] >= table["p"]).all()
    assert "2 intervals" in found.errors


def test_p_is_adjusted_as_by_hand():
    # Holm (1979): the smallest of three by 3, the next by 2, none below one before; missing stays
    found = regimes._holm(np.array([0.03, np.nan, 0.01, 0.04]))
    np.testing.assert_allclose(found, [0.06, np.nan, 0.03, 0.06])


@pytest.mark.slow
def test_equality_keeps_its_size_and_intervals_cover(panel_of):
    # 300 markets: 5 % is known to 1.3 %, 95 % too; three errors and a draw of 199
    rng, rejected, held = np.random.default_rng(4), 0, 0
    true = 60 * np.log(0.5) / np.log(0.95)
    for _ in range(300):
        panel = timed(panel_of(by_half((0.95, 0.95), 8, rng), known=False))
        seed = int(rng.integers(2**31))
        found = mm.reversion_by(panel, by="time_of_day", cells=2, draws=199, seed=seed)
        rejected += found.details["equality"]["p"].item() <= 0.05
        life = next(iter(found.quantities.values()))
        held += life.low <= true <= life.high
    assert 0.01 <= rejected / 300 <= 0.095
    assert 0.905 <= held / 300 <= 0.99


def test_accounts_answer_for_themselves(panel_of):
    rng = np.random.default_rng(5)
    fast = panel_of(by_half((0.7, 0.7), 15, rng), account="A")
    slow = panel_of(by_half((0.95, 0.95), 15, rng), account="B")
    still = panel_of([np.full(BARS + 1, 2.0)] * 15, account="C")
    panel = pd.concat([fast, slow, still])
    found = mm.reversion_by(panel, by="account", draws=199)
    table = found.details["regimes"].set_index("regime")
    alone = mm.inventory_reversion(fast, draws=199).quantities["half_life"]
    assert table.loc["A", "value"] == alone.value
    assert table.loc["A", "value"] < table.loc["B", "value"]
    assert not table.loc["C", "identified"]
    assert "known inventory move" in table.loc["C", "reason"]
    assert np.isnan(table.loc["C", ["value", "low", "high"]].astype(float)).all()
    assert found.details["equality"]["regimes"].item() == 2
    assert found.details["equality"]["p"].item() < 0.02


def test_a_regime_of_few_bars_is_refused_by_name(halves):
    panel = halves.assign(news=np.where(halves.index < 8, "rare", "usual"))
    found = mm.reversion_by(panel, by="news", draws=99)
    rare = found.quantities["rare"]
    assert not rare.identified
    assert "8 bars of the regime" in rare.reason
    assert found.quantities["usual"].identified
    assert "equality_not_tested" in found.flags


def test_wrong_input_is_one_error(halves):
    with pytest.raises(ValueError, match="by must be one of"):
        mm.reversion_by(halves, by="mood")
    with pytest.raises(ValueError, match="needs realized_variance"):
        mm.reversion_by(halves, by="volatility")
    with pytest.raises(ValueError, match="cells must be 2 or more"):
        mm.reversion_by(halves, by="time_of_day", cells=1)
    with pytest.raises(ValueError, match="takes 2400 values"):
        mm.reversion_by(halves.assign(x=np.arange(len(halves))), by="x")
    with pytest.raises(ValueError, match="fewer than a window of 50"):
        mm.rolling_reversion(halves, window=50)
    with pytest.raises(ValueError, match=r"window must be 1 or more.*step must be"):
        mm.rolling_reversion(halves, window=0, step=0)


def test_nothing_known_is_refused(panel_of):
    flat = timed(panel_of([np.full(30, 2.0)] * 3))
    found = mm.reversion_by(flat, by="time_of_day")
    assert not found.quantities["half_life"].identified
    assert "not identified" in str(found)


def test_windows_are_the_panels_own_answers(halves):
    rolled = mm.rolling_reversion(halves, window=20, step=10)
    assert len(rolled) == 3
    days = np.sort(halves["day"].unique())
    middle = halves[halves["day"].isin(days[10:30])]
    own = mm.inventory_reversion(middle, draws=199).quantities["half_life"]
    assert (rolled.loc[1, ["half_life", "low", "high"]] == [own.value, own.low, own.high]).all()
    assert rolled.loc[1, "first_day"] == days[10]
    assert rolled.loc[1, "last_day"] == days[29]
