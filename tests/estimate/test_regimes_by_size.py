"""Reversion by how far the level is from its mean: labels that follow simulated levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import mmresearch as mm
from mmresearch.estimate import regimes
from mmresearch.estimate.pairs import inventory_pairs
from mmresearch.estimate.regime_paths import Regimes, path_slopes
from mmresearch.estimate.size_paths import size_edges, sizes


def walk(
    rng: np.random.Generator, rho: tuple[float, ...], edges: tuple[float, ...], bars: int, days: int
) -> list[np.ndarray]:
    """Sessions that open flat; a level whose size is above edges[k] moves by rho[k + 1]."""
    levels = np.zeros((days, bars + 1))
    for bar in range(bars):
        now = np.array(rho)[np.searchsorted(edges, np.abs(levels[:, bar]))]
        levels[:, bar + 1] = now * levels[:, bar] + rng.standard_normal(days)
    return list(levels)


def test_sizes_by_hand(panel_of):
    # starts 0 3 | 0 -4: flat openings, known, so m = 0 and s = sqrt((9 + 16) / 4) = 2.5
    design = inventory_pairs(panel_of([[0, 3.0, 1], [0, -4.0, -2]]), intercept="none").design
    np.testing.assert_allclose(sizes(design), [0, 1.2, 0, 1.6])
    # with a mean, -0.25: s^2 = (0.25^2 + 3.25^2 + 0.25^2 + 3.75^2) / 4
    design = inventory_pairs(panel_of([[0, 3.0, 1], [0, -4.0, -2]]), intercept="pooled").design
    s = np.sqrt((2 * 0.25**2 + 3.25**2 + 3.75**2) / 4)
    np.testing.assert_allclose(sizes(design), np.array([0.25, 3.25, 0.25, 3.75]) / s)


def test_edges_leave_no_regime_empty():
    assert size_edges(np.array([0.0, 0, 0, 1, 2, 3]), 3).tolist() == [0, 1]
    assert size_edges(np.array([0.0, 0, 0, 0, 0, 0, 1]), 3).tolist() == [0]
    assert size_edges(np.ones(5), 3).tolist() == []


@pytest.mark.parametrize("means", ["none", "pooled", "segment"])
def test_paths_are_those_of_the_plain_way(panel_of, means):
    rng = np.random.default_rng(1)
    pairs = inventory_pairs(panel_of(walk(rng, (0.9,), (), 30, 6), known=False), intercept=means)
    design = pairs.design
    z = sizes(design)
    edges = size_edges(z, 3)
    label = np.searchsorted(edges, z)
    sized = Regimes(design, label, 3, edges)
    rho, draws, seed = np.array([0.95, 0.8, 0.6, 0.7]), 3, 2
    found = path_slopes(sized, draws=draws, seed=seed)(rho)
    # the same random numbers, a path at a time, with data frames
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((len(design.chains) - 1, draws))
    signs = 2 * rng.integers(0, 2, (draws, design.bar.max() + 1), dtype=np.int8) - 1
    group = np.repeat(np.arange(len(design.bounds) - 1), np.diff(design.bounds))

    def centred(v, by):
        table = pd.Series(v)
        return v if means == "none" else (table - table.groupby(by).transform("mean")).to_numpy()

    x, y = design.x, design.y
    error = centred(y - rho[label] * x, [group, label])
    scale = np.sqrt((centred(x, [group]) ** 2).mean())
    average = rho[label].mean()
    for d in range(draws):
        begun, ended = np.empty(len(x)), np.empty(len(x))
        for row in range(len(x)):
            if row % 30 == 0:
                mean = (y - average * x)[group == group[row]].mean() / (1 - average)
                mean = 0.0 if means == "none" else mean
                begun[row] = x[row] - mean
                if means == "segment":  # alone in its group: from the stationary law
                    spread = np.sqrt((error**2).mean() / (1 - average**2))
                    begun[row] = spread * normal[row // 30, d]
            else:
                begun[row] = ended[row - 1]
            move = rho[np.searchsorted(edges, abs(begun[row]) / scale)]
            ended[row] = move * begun[row] + error[row] * signs[d, design.bar[row]]
        away = centred(begun, [group])
        own = np.searchsorted(edges, np.abs(away) / np.sqrt((away**2).mean()))
        table = pd.DataFrame({"x": begun, "y": ended, "r": own, "g": group})
        constants = {"none": "", "pooled": " + C(r)", "segment": " + C(r):C(g)"}[means]
        fit = smf.ols(f"y ~ C(r):x{constants} - 1", table).fit()
        slopes = fit.params.filter(regex=":x$|^x").to_numpy()
        np.testing.assert_allclose(found[:, d], slopes, rtol=1e-8)


def test_reversion_that_is_faster_far_from_the_mean(panel_of):
    """0.97 within 3 of the mean and 0.7 outside."""
    panel = panel_of(walk(np.random.default_rng(3), (0.97, 0.7), (3.0,), 400, 20))
    found = mm.reversion_by(panel, by="size", cells=2, draws=199)
    table = found.details["regimes"].set_index("regime")
    assert table.index.tolist() == ["1 of 2", "2 of 2"]
    assert table["rows"].tolist() == [4000, 4000]
    assert table.loc["2 of 2", "high"] < table.loc["1 of 2", "value"]
    assert found.details["equality"]["p"].item() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("rho", "known"), [(0.9, True), (0.9, False), (0.98, False)])
def test_one_speed_is_taken_for_several_in_one_of_twenty(panel_of, rho, known):
    # 300 markets: 5 % is known to 1.3 %; three errors and a draw of 199
    rng, rejected = np.random.default_rng(4), 0
    for _ in range(300):
        panel = panel_of(walk(rng, (rho,), (), 60, 8), known=known)
        seed = int(rng.integers(2**31))
        _, made, _ = regimes._by_size(inventory_pairs(panel), 3)
        pooled = regimes._pooled(inventory_pairs(panel), 199, seed)
        rejected += regimes._equality(made, pooled, 199, seed)["p"].item() <= 0.05
    assert 0.01 <= rejected / 300 <= 0.095


def test_levels_that_are_nearly_always_flat_have_fewer_sizes(panel_of):
    levels = np.zeros((30, 11))
    levels[:, 5] = np.random.default_rng(5).standard_normal(30)
    found = mm.reversion_by(panel_of(list(levels)), by="size", draws=99)
    assert found.details["regimes"]["regime"].tolist() == ["1 of 2", "2 of 2"]


@pytest.mark.bad_input("regimes by size that are fewer than two")
def test_one_size_is_no_regime(panel_of):
    with pytest.raises(ValueError, match="cells must be 2 or more, not 1"):
        mm.reversion_by(panel_of([np.arange(8.0)] * 2), by="size", cells=1)
