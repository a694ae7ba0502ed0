"""The simulated Guéant-Lehalle-Fernandez-Tapia maker against its exact theory.

One simulation of 10 sessions, seed 1: 234,000 s, reversion 0.01367/s, so 3,198 relaxation times.
Tolerances are four standard errors of the averages of an Ornstein-Uhlenbeck process with that
reversion, which the chain is close to.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import expm

import mmresearch as mm
from mmresearch.sessions import session_of
from mmresearch.simulate import glft, glft_theory

DAYS, SECONDS = 10, 23_400


@pytest.fixture(scope="module")
def simulated():
    return glft(days=DAYS, seed=1)


@pytest.fixture(scope="module")
def events(simulated):
    """Fills and quotes in one order, with the inventory rebuilt from fills alone."""
    market = simulated.market
    fills = market.fills.assign(change=market.fills["side"] * market.fills["size"])
    both = pd.concat([fills, market.quotes]).sort_values(["time", "seq"], ignore_index=True)
    opening = market.positions["position"].iloc[0]
    return both.assign(q=opening + both["change"].fillna(0.0).cumsum())


def test_quotes_of_the_paper():
    exact, close = glft_theory(), glft_theory(quotes="closed_form")
    assert exact["c"] == pytest.approx(3.278982, abs=5e-7)
    assert exact["s"] == pytest.approx(0.0678658, abs=5e-8)
    assert exact["eta"] == pytest.approx(0.3256784, abs=5e-8)
    assert exact["alpha"] == pytest.approx(0.000135, rel=1e-12)
    assert exact["delta_b"][0] == pytest.approx(3.313045, abs=5e-7)
    assert close["delta_b"][0] == pytest.approx(3.312915, abs=5e-7)
    assert exact["delta_b"][10] == pytest.approx(3.992933, abs=5e-7)
    assert close["delta_b"][10] == pytest.approx(3.991574, abs=5e-7)


def test_a_long_maker_leans_down_and_a_short_one_up():
    theory = glft_theory()
    assert theory["delta_b"][10] > theory["delta_a"][10]
    np.testing.assert_allclose(theory["delta_b"], theory["delta_a"][::-1], rtol=1e-9)


def test_inventory_law_of_the_paper():
    exact, close = glft_theory(), glft_theory(quotes="closed_form")
    assert (exact["pi"] - exact["f0"] ** 2).abs().max() < 1e-15
    assert exact["stationary_variance"] == pytest.approx(24.4956, abs=5e-5)
    assert close["stationary_variance"] == pytest.approx(24.5583, abs=5e-5)
    assert exact["spectral_gap"] == pytest.approx(0.0136686, abs=5e-8)
    assert exact["half_life"] == pytest.approx(50.71, abs=5e-3)
    assert exact["linear_kappa"] == pytest.approx(0.0135647, abs=5e-8)
    assert exact["autocorrelation"](30.0) == pytest.approx(0.66361, abs=5e-6)


def test_closed_form_quotes_have_a_discrete_normal_law():
    theory = glft_theory(quotes="closed_form")
    q = theory["pi"].index.to_numpy()
    weight = np.exp(-theory["k"] * theory["s"] * q**2)
    np.testing.assert_allclose(theory["pi"], weight / weight.sum(), rtol=1e-9)


def test_autocorrelation_is_that_of_the_generator():
    theory = glft_theory(Q=5)
    q = theory["pi"].index.to_numpy()
    up, down = theory["rate_b"].to_numpy(), theory["rate_a"].to_numpy()
    generator = np.diag(up[:-1], 1) + np.diag(down[1:], -1) - np.diag(up + down)
    pi = theory["pi"].to_numpy()
    for lag in (0.0, 1.0, 30.0):
        expected = (pi * q) @ expm(lag * generator) @ q / (pi @ q**2)
        assert theory["autocorrelation"](lag) == pytest.approx(expected, abs=1e-12)


def test_unknown_quotes_are_refused():
    with pytest.raises(ValueError, match="eigenvector"):
        glft_theory(quotes="best")


def test_time_weighted_mean_and_variance(simulated, events):
    held, theory = _time_weights(events), simulated.truth
    mean = np.average(held["q"], weights=held["lasts"])
    variance = np.average(held["q"] ** 2, weights=held["lasts"])
    expected, spans = theory["stationary_variance"], theory["spectral_gap"] * DAYS * SECONDS
    assert abs(mean) < 4 * np.sqrt(2 * expected / spans)
    assert abs(variance - expected) < 4 * expected * np.sqrt(2 / spans)


def _time_weights(events):
    held = events[["time", "q"]].copy()
    day = held["time"].dt.floor("D")
    held["lasts"] = held.groupby(day)["time"].diff().shift(-1).dt.total_seconds().clip(lower=0)
    return held.dropna()


def test_autocorrelation_on_the_grid(simulated, events):
    """Bartlett's variance of an AR(1)'s autocorrelation at lag 30 on a one-second grid."""
    on_grid = events[events["time"].dt.nanosecond.eq(0) & events["time"].dt.microsecond.eq(0)]
    by_day = [day["q"].to_numpy() for _, day in on_grid.groupby(on_grid["time"].dt.floor("D"))]
    assert [len(day) for day in by_day] == [SECONDS + 1] * DAYS
    past = np.concatenate([day[:-30] for day in by_day])
    ahead = np.concatenate([day[30:] for day in by_day])
    phi, lag = np.exp(-simulated.truth["spectral_gap"]), 30
    one = (1 + phi**2) * (1 - phi ** (2 * lag)) / (1 - phi**2) - 2 * lag * phi ** (2 * lag)
    error = np.sqrt(one / len(past))
    found = past @ ahead / np.sqrt(past @ past * (ahead @ ahead))
    assert abs(found - simulated.truth["acf_30s"]) < 4 * error


def test_fill_rate_is_poisson_around_theory(simulated):
    expected = simulated.truth["fill_rate"] * DAYS * SECONDS
    assert abs(len(simulated.market.fills) - expected) < 4 * np.sqrt(expected)


def test_quotes_stand_at_the_theory_s_distances_from_a_brownian_mid(simulated, events):
    quotes = events[events["bid"].notna() & events["ask"].notna()]
    tick, theory = simulated.truth["tick"], simulated.truth
    below = quotes["bid"] + tick * theory["delta_b"].loc[quotes["q"]].to_numpy()
    above = quotes["ask"] - tick * theory["delta_a"].loc[quotes["q"]].to_numpy()
    np.testing.assert_allclose(below, above, rtol=0, atol=1e-9)
    whole = quotes["time"].dt.nanosecond.eq(0) & quotes["time"].dt.microsecond.eq(0)
    steps = below[whole].groupby(quotes["time"].dt.floor("D")).diff().dropna() / tick
    assert abs(steps.std() / theory["sigma"] - 1) < 4 / np.sqrt(2 * len(steps))


def test_fills_are_the_prints_from_the_other_side(simulated):
    trades, fills = simulated.market.trades, simulated.market.fills
    np.testing.assert_array_equal(trades["side"], -fills["side"])
    for column in ("time", "seq", "price", "size", "trade_id"):
        assert (trades[column] == fills[column]).all()
    assert fills["maker"].all()
    assert (fills["fee"] == 0).all()


def test_each_trade_is_at_the_quote_strictly_before_it(simulated):
    _assert_at_standing_quote(simulated.market.trades, simulated.market.quotes)


def _assert_at_standing_quote(trades, quotes):
    both = pd.concat([trades, quotes]).sort_values(["time", "seq"])
    both[["bid", "ask"]] = both[["bid", "ask"]].where(both["price"].isna()).ffill()
    met = both[both["price"].notna()]
    np.testing.assert_array_equal(met["price"], np.where(met["side"] > 0, met["ask"], met["bid"]))


def test_positions_are_the_opening_plus_the_fills(simulated):
    market = simulated.market
    signed = market.fills["side"] * market.fills["size"]
    for row in market.positions.itertuples():
        moved = signed[market.fills["time"] <= row.time].sum()
        assert row.position == market.positions["position"].iloc[0] + moved


def test_no_bid_at_the_upper_end_and_no_ask_at_the_lower():
    market, _ = glft(Q=2, seconds=3_600, size=5.0, seed=3)
    fills = market.fills.assign(change=market.fills["side"] * market.fills["size"])
    both = pd.concat([fills, market.quotes]).sort_values(["time", "seq"], ignore_index=True)
    held = market.positions["position"].iloc[0] + both["change"].fillna(0.0).cumsum()
    quotes = both["price"].isna()
    np.testing.assert_array_equal(both["bid"].isna()[quotes], held[quotes] == 10)
    np.testing.assert_array_equal(both["ask"].isna()[quotes], held[quotes] == -10)
    assert set(held) == {-10.0, -5.0, 0.0, 5.0, 10.0}


@pytest.mark.parametrize("quotes", ["eigenvector", "closed_form"])
def test_own_quotes_lean_around_a_market_that_does_not(quotes):
    given = {"seconds": 7_200, "size": 5.0, "tick": 0.02, "quotes": quotes, "Q": 8, "seed": 3}
    market, truth = glft(**given, own=True)
    own, best = market.own_quotes, market.quotes
    assert set(own["account"]) == {"maker"}
    np.testing.assert_allclose(best["ask"] - best["bid"], 0.02, rtol=1e-9)
    # what the maker holds at each of its quotes, in lots, from its fills alone
    both = pd.concat([market.fills, own]).sort_values(["time", "seq"], ignore_index=True)
    moved = (both["side"] * both["size"]).fillna(0.0).cumsum()
    held = (market.positions["position"].iloc[0] + moved)[both["side"].isna()].to_numpy() / 5.0
    # the market's last quote at or before it; a quote after a fill finds the one before the fill
    at = pd.merge_asof(own, best, on="time", suffixes=("", "_best"))
    mid = (at["bid_best"] + at["ask_best"]) / 2
    skew = ((own["bid"] + own["ask"]) / 2 - mid) / 0.02
    # own mid = mid + (delta_a - delta_b)/2 ticks: below the mid while the maker is long
    lean = (truth["delta_a"] - truth["delta_b"]).loc[held] / 2
    np.testing.assert_allclose(skew, lean, atol=1e-7)
    assert 8.0 in held
    assert skew[held == 8].isna().all()  # no bid there
    if quotes == "closed_form":  # a straight line: -s a lot
        known = skew.notna()
        slope = np.polyfit(held[known], skew[known], 1)[0]
        np.testing.assert_allclose(slope, -truth["s"], atol=1e-8)


def test_own_quotes_leave_the_rest_as_it_is():
    plain, own = glft(seconds=1_200, seed=4).market, glft(seconds=1_200, seed=4, own=True).market
    assert list(plain) == ["trades", "quotes", "fills", "positions"]
    for name in ("trades", "fills", "positions"):
        pd.testing.assert_frame_equal(own[name], plain[name])
    pd.testing.assert_frame_equal(own.own_quotes.drop(columns="account"), plain.quotes)
    assert (own.symbols["tick"] == 0.01).all()


def test_the_panel_has_the_lean_of_the_maker():
    market, truth = glft(seconds=7_200, quotes="closed_form", seed=5, own=True)
    panel = mm.panel(market, freq="10s")
    assert panel.attrs["ticks"] == {"SIM": 0.01}
    lean = (panel["own_bid"] + panel["own_ask"]) / 2 - panel["mid"]
    held = panel["inventory_end"]
    assert held.nunique() > 5
    np.testing.assert_allclose(lean, -0.01 * truth["s"] * held, atol=1e-9)


@pytest.mark.parametrize(
    ("seconds", "calendar"),
    [
        (23_400, "09:30-16:00 America/New_York"),
        (86_400, "24/7"),
        (3_600, "00:00-01:00 UTC"),
        (90, "00:00-00:02 UTC"),
    ],
)
def test_every_event_lies_in_one_of_the_sessions(seconds, calendar):
    market, _ = glft(seconds=seconds, days=2, seed=5)
    sessions = market.sessions("SIM").iloc[:2]
    assert market.calendar("SIM") == calendar
    for name in ("quotes", "fills"):
        assert set(session_of(market[name]["time"], sessions)) == {0, 1}
    assert not market.positions.duplicated(["time", "account"]).any()


@pytest.mark.parametrize("given", [{"days": 0}, {"seconds": 0}, {"seconds": 90_000}])
def test_impossible_days_are_refused(given):
    with pytest.raises(ValueError, match="whole seconds"):
        glft(**given)


def test_the_seed_decides_and_the_global_generator_is_left_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - to see that nobody touched it
    first, again, other = (glft(seconds=600, seed=seed).market for seed in (7, 7, 8))
    assert first.data_hash == again.data_hash != other.data_hash
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002
