"""Exact-gap likelihood: against statsmodels, against the long way round, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.ar_model import AutoReg
from statsmodels.tsa.statespace.sarimax import SARIMAX

import mmresearch as mm
from mmresearch.estimate.autoregression import one_chain
from mmresearch.estimate.exact_gaps import (
    _path_scores,
    _weights,
    invert_kappa,
    log_likelihood,
    maximum_likelihood,
    moves,
    score,
)
from mmresearch.estimate.ornstein_uhlenbeck import FLAGS


def ou_path(kappa: float, gaps: np.ndarray, rng: np.random.Generator, mu: float = 3.0):
    """Levels [n + 1] of an Ornstein-Uhlenbeck process with sigma 1, from its stationary law."""
    level = mu + (rng.standard_normal() / np.sqrt(2 * kappa) if kappa > 0 else 0)
    levels = [level]
    for gap in gaps:
        stays = np.exp(-kappa * gap)
        spread = (1 - stays**2) / (2 * kappa) if kappa > 0 else gap
        level = mu + (level - mu) * stays + np.sqrt(spread) * rng.standard_normal()
        levels.append(level)
    return np.array(levels)


def reports(levels: np.ndarray, gaps: np.ndarray, account: str = "A") -> pd.DataFrame:
    """Reported holdings at times that lie `gaps` seconds apart."""
    since = pd.to_timedelta(np.append(0, np.cumsum(gaps)), unit="s")
    time = pd.Timestamp("2024-01-01", tz="UTC") + since
    return pd.DataFrame({"time": time, "account": account, "symbol": "X", "position": levels})


@pytest.fixture
def uneven() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    gaps = rng.exponential(1, 400)
    return ou_path(0.5, gaps, rng), gaps


def test_equal_gaps_are_the_autoregression():
    levels = ou_path(0.3, np.ones(300), np.random.default_rng(2))
    fit = maximum_likelihood(one_chain(levels), np.full(300, 2.0))
    other = AutoReg(levels, 1).fit()
    assert np.exp(-2 * fit.kappa) == pytest.approx(other.params[1], abs=1e-10)
    spread = fit.sigma**2 * (1 - np.exp(-4 * fit.kappa)) / (2 * fit.kappa)
    assert spread == pytest.approx(other.sigma2, rel=1e-8)
    drift = other.params[0] / -np.expm1(-2 * fit.kappa)
    assert fit.drift[0] / fit.kappa == pytest.approx(drift, rel=1e-8)


@pytest.mark.parametrize("longest", [1, 4])
def test_likelihood_is_that_of_a_state_space_with_missing_values(longest):
    # gaps of whole steps: an AR(1) of which not every value was seen, by statsmodels' Kalman filter
    rng = np.random.default_rng(3)
    gaps = rng.integers(1, longest + 1, 250)
    levels = ou_path(0.2, gaps, rng)
    design, lengths = one_chain(levels), gaps.astype(float)
    fit = maximum_likelihood(design, lengths)
    kappa, mu = fit.kappa, fit.drift[0] / fit.kappa
    seen = np.append(0, np.cumsum(gaps))
    series = np.full(seen[-1] + 1, np.nan)
    series[seen] = levels - mu
    rho, law = np.exp(-kappa), fit.sigma**2 / (2 * kappa)
    whole = SARIMAX(series, order=(1, 0, 0)).loglike([rho, law * (1 - rho**2)])
    opening = -(np.log(2 * np.pi * law) + (levels[0] - mu) ** 2 / law) / 2
    assert log_likelihood(design, lengths, kappa) == pytest.approx(whole - opening, abs=1e-8)


@pytest.mark.parametrize("kappa", [-0.01, 0.0, 1e-7, 0.3, 2.0])
def test_score_is_the_slope_of_the_likelihood(uneven, kappa):
    levels, gaps = uneven
    design, h = one_chain(levels), 1e-5
    ends = [log_likelihood(design, gaps, kappa + side * h) for side in (-1, 1)]
    assert score(design, gaps, kappa) == pytest.approx((ends[1] - ends[0]) / (2 * h), rel=1e-5)


def test_maximum_has_no_slope_and_no_rival(uneven):
    levels, gaps = uneven
    design = one_chain(levels)
    fit = maximum_likelihood(design, gaps)
    assert abs(score(design, gaps, fit.kappa)) < 1e-8
    top = log_likelihood(design, gaps, fit.kappa)
    assert max(log_likelihood(design, gaps, k) for k in np.linspace(0, 5, 300)) <= top


def test_moves_have_their_limits_at_zero():
    gaps = np.array([0.1, 1.0, 7.0])
    at, near = moves(gaps, 0.0), moves(gaps, 1e-4)
    for exact, close in zip(at, near, strict=True):
        np.testing.assert_allclose(close, exact, rtol=2e-3)
    np.testing.assert_array_equal(at.spread, gaps)


@pytest.mark.parametrize("means", [True, False])
def test_scores_of_paths_are_those_of_the_plain_way(uneven, means):
    levels, gaps = uneven
    design = one_chain(levels, means=means)
    n, draws, kappa = len(gaps), 5, 0.4
    shock = np.random.default_rng(4).standard_normal((n, draws))
    now = moves(gaps, 0.25)
    found = _path_scores(
        now.stays, np.sqrt(now.spread), shock, np.zeros(n), np.zeros(1), np.ones((1, draws)),
        design.chains, design.bounds, means, *_weights(gaps, kappa),
    )  # fmt: skip
    for d in range(draws):
        level = [1.0]
        for i in range(n):
            level.append(level[-1] * now.stays[i] + np.sqrt(now.spread[i]) * shock[i, d])
        assert found[d] == pytest.approx(
            score(one_chain(np.array(level), means=means), gaps, kappa), rel=1e-10, abs=1e-9
        )


def test_an_estimate_is_below_another_where_the_score_says_so():
    """What the interval rests on: the likelihood has one peak."""
    rng = np.random.default_rng(5)
    gaps = rng.exponential(1, 60)
    for kappa in (0.02, 0.3, 1.0):
        for _ in range(40):
            design = one_chain(ou_path(kappa, gaps, rng))
            best = maximum_likelihood(design, gaps).kappa
            for other in (0.01, 0.1, 0.5, 1.5):
                assert (best < other) == (score(design, gaps, other) < 0)


def test_the_error_of_kappa_is_that_of_rho_by_the_delta_method():
    # equal gaps: White's HC0 error of the autoregression, over rho
    levels = ou_path(0.3, np.ones(500), np.random.default_rng(6))
    found = mm.ornstein_uhlenbeck(reports(levels, np.ones(500)), draws=99).tidy()
    x, y = levels[:-1] - levels[:-1].mean(), levels[1:] - levels[1:].mean()
    rho = x @ y / (x @ x)
    white = np.sqrt(x**2 @ (y - rho * x) ** 2) / (x @ x)
    assert found["term"].tolist() == ["kappa", "mu", "sigma"]
    assert found.loc[0, "estimate"] == pytest.approx(-np.log(rho), rel=1e-8)
    assert found.loc[0, "std_error"] == pytest.approx(white / rho, rel=1e-4)


def test_units_are_seconds_and_units_held(uneven):
    levels, gaps = uneven
    here = mm.ornstein_uhlenbeck(reports(levels, gaps), draws=199)
    there = mm.ornstein_uhlenbeck(reports(1e5 * levels, 3600 * gaps), draws=199)
    one, two = (found.tidy().set_index("term")["estimate"] for found in (here, there))
    assert two["kappa"] == pytest.approx(one["kappa"] / 3600, rel=1e-6)
    assert two["mu"] == pytest.approx(one["mu"] * 1e5, rel=1e-6)
    assert two["sigma"] == pytest.approx(one["sigma"] * 1e5 / 60, rel=1e-6)
    for name in ("value", "low", "high"):
        lives = [getattr(found.quantities["half_life"], name) for found in (here, there)]
        assert lives[1] == pytest.approx(3600 * lives[0], rel=1e-4)
    kappa = here.quantities["kappa"]
    assert here.quantities["half_life"].value == pytest.approx(np.log(2) / kappa.value)
    assert (here.tidy().loc[0, ["low", "high"]] == [kappa.low, kappa.high]).all()


def test_clock_bars_say_what_the_autoregression_says(panel_of):
    levels = ou_path(0.1, np.ones(600), np.random.default_rng(7))
    panel = panel_of([levels], known=False)
    exact = mm.ornstein_uhlenbeck(panel, draws=399).quantities["half_life"]
    plain = mm.inventory_reversion(panel, draws=399).quantities["half_life"]
    assert exact.value == pytest.approx(plain.value, rel=0.1)
    assert exact.low == pytest.approx(plain.low, rel=0.2)
    assert exact.high == pytest.approx(plain.high, rel=0.3)


def test_several_accounts_have_means_of_their_own():
    rng = np.random.default_rng(8)
    tables = []
    for number in range(3):
        gaps = rng.exponential(1, 200)
        levels = 10.0**number * ou_path(0.4, gaps, rng, mu=5.0 * number)
        tables.append(reports(levels, gaps, account=f"D{number}"))
    found = mm.ornstein_uhlenbeck(pd.concat(tables), draws=199)
    assert found.sample.series == 3
    assert found.quantities["kappa"].low < 0.4 < found.quantities["kappa"].high
    assert {"series_taken_as_independent", "means_taken_as_known"} <= set(found.flags)
    assert found.tidy()["term"].tolist() == ["kappa", "sigma"]


def test_a_random_walk_is_not_identified():
    rng = np.random.default_rng(9)
    gaps = rng.exponential(1, 300)
    found = mm.ornstein_uhlenbeck(reports(ou_path(0.0, gaps, rng), gaps), draws=199)
    life = found.quantities["half_life"]
    assert not life.identified
    assert life.high == np.inf
    assert "random walk" in life.reason
    assert "unit_root_not_rejected" in found.flags


def test_a_walk_whose_steps_grow_is_no_trend():
    # errors drawn from anywhere in the sample cover in 67 %; of 100 walks 95 % is known to 2.2 %
    rng, held = np.random.default_rng(12), 0
    steps = np.where(np.arange(150) < 120, 1, 5)
    for seed in range(100):
        walk = np.append(0, np.cumsum(steps * rng.standard_normal(150)))
        table = reports(walk, np.ones(150))
        kappa = mm.ornstein_uhlenbeck(table, draws=199, seed=seed).quantities["kappa"]
        held += kappa.low <= 0 <= kappa.high
    assert held >= 88


def test_gaps_too_long_for_the_speed_are_said():
    rng = np.random.default_rng(10)
    gaps = 50 + rng.exponential(1, 300)
    found = mm.ornstein_uhlenbeck(reports(rng.standard_normal(301), gaps), draws=199)
    assert found.quantities["kappa"].high == np.inf
    assert not found.quantities["kappa"].identified
    assert "interval_unbounded" in found.flags


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        (np.full(50, 3.0), "known inventory move"),
        (np.full(50, np.nan), "known inventory move"),
        (np.random.default_rng(1).standard_normal(15), "fewer than 20"),
    ],
)
def test_what_cannot_be_told_is_refused(levels, reason):
    found = mm.ornstein_uhlenbeck(reports(levels, np.ones(len(levels) - 1)))
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert np.isnan([quantity.value, quantity.low, quantity.high]).all()
        assert reason in quantity.reason
    assert "not identified" in str(found)


def test_wrong_input_is_one_error(uneven, panel_of):
    table = reports(*uneven)
    faulty = pd.concat([table, table.iloc[[5]]])
    faulty.iloc[7, 3] = np.inf
    with pytest.raises(ValueError, match=r"1 reports stand at the time.*1 holdings are infinite"):
        mm.ornstein_uhlenbeck(faulty)
    with pytest.raises(ValueError, match="lack the columns account"):
        mm.ornstein_uhlenbeck(table.drop(columns="account"))
    with pytest.raises(ValueError, match="lacks the columns"):
        mm.ornstein_uhlenbeck(table.rename(columns={"position": "held"}))
    with pytest.raises(ValueError, match="interval must be one of"):
        mm.ornstein_uhlenbeck(table, interval="delta")


def test_a_missing_report_makes_a_longer_gap(uneven):
    levels, gaps = uneven
    table = reports(levels, gaps)
    left = mm.ornstein_uhlenbeck(table.drop(index=[10, 11]), draws=99).tidy()
    table.loc[[10, 11], "position"] = np.nan
    pd.testing.assert_frame_equal(mm.ornstein_uhlenbeck(table, draws=99).tidy(), left)


def test_bars_without_length_are_left_out_and_counted(panel_of):
    levels = ou_path(0.1, np.ones(200), np.random.default_rng(11))
    panel = panel_of([levels], known=False)
    panel.loc[[20, 90], "end"] = panel.loc[[20, 90], "start"]
    found = mm.ornstein_uhlenbeck(panel, draws=99)
    assert found.sample.dropped["no time passed"] == 2
    assert found.sample.used == 198


def test_every_flag_is_explained():
    assert all(meaning and not meaning.endswith(".") for meaning in FLAGS.values())


def test_bounds_do_not_depend_on_the_unit_of_gaps(uneven):
    levels, gaps = uneven
    design = one_chain(levels)
    small, large = (
        invert_kappa(design, c * gaps, maximum_likelihood(design, c * gaps), draws=199)
        for c in (1.0, 2.0)
    )
    for one, two in ((small.low, large.low), (small.high, large.high)):
        assert 2 * np.log(two) == pytest.approx(np.log(one), rel=2e-3)
