"""The quotes that theory prescribes: the papers' numbers, the equation they solve, their limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import mmresearch as mm

TICKS = {"A": 0.9, "k": 0.3, "gamma": 0.01, "sigma": 0.3}  # models.md B3: ticks and seconds
PAPER = {"A": 140.0, "k": 1.5, "gamma": 0.1, "sigma": 2.0}  # Avellaneda and Stoikov's simulation


def from_the_equation(given, *, limit, horizon, mu=0.0, xi=0.0):
    """Distances from the Hamilton-Jacobi-Bellman equation of theta, wealth's certain equivalent.

    With utility -exp(-gamma (x + q S + theta_q)) a fill at distance d adds d - (q + 1) xi +
    theta_{q+1} - theta_q at the bid and d + (q - 1) xi + theta_{q-1} - theta_q at the ask; the best
    d makes that gain ln(1 + gamma/k)/gamma.
    """
    k, gamma, sigma = given["k"], given["gamma"], given["sigma"]
    q = np.arange(-limit, limit + 1)
    best = np.log(1 + gamma / k) / gamma
    worth = (1 - np.exp(-gamma * best)) / gamma

    def prescribed(theta):
        bid = np.append(best + (q[:-1] + 1) * xi - np.diff(theta), np.inf)
        ask = np.append(np.inf, best - (q[1:] - 1) * xi + np.diff(theta))
        return bid, ask

    def slope(_, theta):
        fills = sum(given["A"] * np.exp(-k * d) for d in prescribed(theta))
        return mu * q - gamma * sigma**2 * q**2 / 2 + worth * fills

    solved = solve_ivp(
        slope, (0, horizon), np.zeros(len(q)), method="LSODA", rtol=1e-10, atol=1e-12
    )
    return prescribed(solved.y[:, -1])


# --- Guéant, Lehalle and Fernandez-Tapia ----------------------------------------------------------


def test_numbers_of_the_long_horizon():
    exact, close = (
        mm.optimal_quotes(**TICKS, Q=30),
        mm.optimal_quotes(**TICKS, quotes="closed_form"),
    )
    assert exact.attrs["c"] == pytest.approx(3.278982, abs=5e-7)
    assert exact.attrs["s"] == pytest.approx(0.0678658, abs=5e-8)
    assert exact["delta_bid"][0] == pytest.approx(3.313045, abs=5e-7)
    assert close["delta_bid"][0] == pytest.approx(3.312915, abs=5e-7)
    assert exact["delta_bid"][10] == pytest.approx(3.992933, abs=5e-7)
    assert close["delta_bid"][10] == pytest.approx(3.991574, abs=5e-7)


def test_closed_form_by_hand():
    """Spread 2c + s, middle -s q, no quote beyond the limit."""
    table = mm.optimal_quotes(**TICKS, Q=3, quotes="closed_form")
    c, s = 3.278982, 0.0678658
    np.testing.assert_allclose(table["spread"].iloc[1:-1], 2 * c + s, atol=2e-6)
    np.testing.assert_allclose(
        table["reservation"].iloc[1:-1], [2 * s, s, 0, -s, -2 * s], atol=2e-7
    )
    np.testing.assert_allclose(table["skew"].iloc[1:-1], -s, atol=1e-7)
    assert np.isnan(table.loc[3, "delta_bid"])
    assert np.isnan(table.loc[-3, "delta_ask"])
    assert table.loc[[-3, 3], ["spread", "reservation", "skew"]].isna().all(axis=None)


@pytest.mark.parametrize("horizon", [0.5, 30.0, 600.0])
@pytest.mark.parametrize("extra", [{}, {"mu": 0.002}, {"xi": 0.4}, {"mu": -0.003, "xi": 0.2}])
def test_finite_horizon_solves_the_equation(horizon, extra):
    table = mm.optimal_quotes(**TICKS, Q=12, horizon=horizon, **extra)
    bid, ask = from_the_equation(TICKS, limit=12, horizon=horizon, **extra)
    np.testing.assert_allclose(table["delta_bid"].iloc[:-1], bid[:-1], atol=1e-7)
    np.testing.assert_allclose(table["delta_ask"].iloc[1:], ask[1:], atol=1e-7)


def test_finite_horizon_is_the_matrix_exponential():
    q = np.arange(-5, 6)
    k, gamma, sigma = TICKS["k"], TICKS["gamma"], TICKS["sigma"]
    eta = 0.3256784
    matrix = np.diag(k / 2 * gamma * sigma**2 * q**2) - eta * (np.eye(11, k=1) + np.eye(11, k=-1))
    v = expm(-60.0 * matrix) @ np.ones(11)
    table = mm.optimal_quotes(**TICKS, Q=5, horizon=60.0)
    found = 3.278982 + np.log(v[:-1] / v[1:]) / k
    np.testing.assert_allclose(table["delta_bid"].iloc[:-1], found, atol=1e-6)


@pytest.mark.parametrize("extra", [{}, {"mu": 0.002}, {"xi": 0.4}, {"mu": -0.01, "xi": 0.4}])
@pytest.mark.parametrize("given", [TICKS, PAPER])
def test_a_long_horizon_tends_to_the_eigenvector(given, extra):
    far = mm.optimal_quotes(**given, **extra, Q=30)
    near = mm.optimal_quotes(**given, **extra, Q=30, horizon=1e5)
    np.testing.assert_allclose(near, far, atol=1e-6)


def test_distances_hold_where_the_eigenvector_is_below_every_number():
    """k s Q^2 / 2 = 2,900 here, so v falls to exp(-2900); the closed form is near far inside."""
    given = {"A": 1.0, "k": 1.0, "gamma": 0.01, "sigma": 1.0, "Q": 225}
    exact, close = mm.optimal_quotes(**given), mm.optimal_quotes(**given, quotes="closed_form")
    assert np.isfinite(exact["delta_bid"].iloc[:-1]).all()
    assert (exact["delta_bid"].diff().iloc[1:-1] > 0).all()
    inner = slice(-3, 3)
    np.testing.assert_allclose(exact.loc[inner], close.loc[inner], atol=0.02)


def test_drift_moves_the_inventory_at_which_the_quotes_are_symmetric():
    """The closed form's is mu/(gamma sigma^2) lots, 5 here; a rising price is bought nearer."""
    up = mm.optimal_quotes(**TICKS, mu=0.0045, quotes="closed_form")
    assert up["reservation"][5] == pytest.approx(0, abs=1e-12)
    exact, still = mm.optimal_quotes(**TICKS, mu=0.0045), mm.optimal_quotes(**TICKS)
    assert exact["delta_bid"][0] < still["delta_bid"][0]
    assert exact["delta_ask"][0] > still["delta_ask"][0]
    assert exact["reservation"][5] == pytest.approx(0, abs=2e-3)
    s = still.attrs["s"]
    assert up["delta_bid"][0] - 3.312915 == pytest.approx(-0.0045 * s / (0.01 * 0.09), abs=1e-6)


def test_adverse_selection_widens_by_half_a_jump_a_side_and_steepens():
    """xi/2 more a side, and s times exp(k xi / 4): 0.3 * 0.4 / 4 = 0.03."""
    table = mm.optimal_quotes(**TICKS, xi=0.4, quotes="closed_form")
    s = 0.0678658 * np.exp(0.03)
    assert table.attrs["s"] == pytest.approx(s, abs=1e-7)
    assert table["delta_bid"][0] == pytest.approx(3.278982 + 0.2 + s / 2, abs=1e-6)
    assert table["delta_ask"][10] == pytest.approx(3.278982 + 0.2 - 19 * s / 2, abs=1e-6)
    exact = mm.optimal_quotes(**TICKS, xi=0.4)
    assert exact["delta_bid"][0] == pytest.approx(table["delta_bid"][0], abs=1e-3)


# --- Avellaneda and Stoikov -----------------------------------------------------------------------


def test_reservation_price_and_spread_by_hand():
    """gamma sigma^2 (T - t) = 0.1 * 4 * 0.5 = 0.2; (2/0.1) ln(1 + 0.1/1.5) = 1.290770."""
    table = mm.optimal_quotes(model="avellaneda-stoikov", **PAPER, Q=4, horizon=0.5)
    np.testing.assert_allclose(table["reservation"], -0.2 * np.arange(-4, 5), atol=1e-12)
    np.testing.assert_allclose(table["spread"], 0.2 + 1.2907704, atol=5e-7)
    np.testing.assert_allclose(table["skew"], -0.2, atol=1e-12)
    assert table.loc[2, "delta_bid"] == pytest.approx(0.4 + 0.7453852, abs=5e-7)
    assert table.loc[2, "delta_ask"] == pytest.approx(-0.4 + 0.7453852, abs=5e-7)


def test_published_average_spreads():
    """Over the paper's 200 steps of 0.005, T - t is 0.5025 on average: 1.492, 1.349 and 3.032."""
    for gamma, spread in ((0.1, 1.492), (0.01, 1.349), (1.0, 3.032)):
        given = PAPER | {"gamma": gamma}
        table = mm.optimal_quotes(model="avellaneda-stoikov", **given, Q=1, horizon=0.5025)
        assert table["spread"][0] == pytest.approx(spread, abs=5e-4)


def test_both_models_are_the_same_near_the_horizon():
    """They differ by the cube of the time that is left: by an eighth when that is halved.

    ln v = -alpha q^2 tau + (alpha^2 q^4 - (alpha q^2)^2)/2 tau^2 + ..., and of the second order
    only what is the same at every inventory is left.
    """
    gaps = []
    for left in (2e-4, 1e-4):
        pair = [
            mm.optimal_quotes(model=model, **PAPER, Q=10, horizon=left)
            for model in ("glft", "avellaneda-stoikov")
        ]
        inner = [table.loc[-5:5, ["delta_bid", "delta_ask"]].to_numpy() for table in pair]
        gaps.append(np.abs(inner[0] - inner[1]).max())
    assert gaps[0] < 1e-9
    assert gaps[0] / gaps[1] == pytest.approx(8, rel=0.05)


def test_without_time_left_both_models_forget_inventory():
    for model in ("glft", "avellaneda-stoikov"):
        table = mm.optimal_quotes(model=model, **PAPER, Q=5, horizon=0.0)
        np.testing.assert_allclose(table["delta_bid"].dropna(), 0.6453852, atol=5e-7)
        np.testing.assert_allclose(table["skew"].dropna(), 0, atol=1e-12)


def test_a_maker_without_inventory_risk_asks_for_one_over_k():
    """gamma to 0: distance 1/k at every inventory that is far from the limit."""
    table = mm.optimal_quotes(A=0.9, k=0.3, gamma=1e-12, sigma=0.3, Q=30, horizon=10.0)
    np.testing.assert_allclose(table.loc[-5:5, "delta_bid"], 1 / 0.3, rtol=1e-6)


# --- what cannot be asked -------------------------------------------------------------------------


@pytest.mark.bad_input("parameters that no model has")
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"model": "ho-stoll"}, "model is one of glft"),
        ({"quotes": "best"}, "eigenvector"),
        ({"gamma": 0.0}, "gamma must be a number above 0"),
        ({"A": -1.0, "k": np.nan}, "A must be .*; k must be"),
        ({"sigma": np.inf}, "sigma"),
        ({"Q": 0}, "Q must be a whole number"),
        ({"Q": 2.5}, "Q must be a whole number"),
        ({"horizon": -1.0}, "horizon must be 0 or more"),
        ({"xi": -0.1}, "xi must be 0 or more"),
        ({"mu": np.nan}, "mu must be finite"),
        ({"model": "avellaneda-stoikov"}, "need a horizon"),
        ({"model": "avellaneda-stoikov", "horizon": 1.0, "xi": 0.1}, "'glft' only"),
        ({"quotes": "closed_form", "horizon": 1.0}, "far horizon"),
    ],
)
def test_what_no_model_has_is_refused_by_name(given, named):
    with pytest.raises(ValueError, match=named):
        mm.optimal_quotes(**given)
