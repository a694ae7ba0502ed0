"""Madhavan, Richardson and Roomans: the model's truth, GMM, the variance, conventions, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.estimate.equality import equal_slopes, wald
from mmresearch.estimate.revision_gmm import (
    PARTS,
    gmm,
    influence,
    moments_solved,
    variance_split,
)
from mmresearch.estimate.sandwich import error_rule
from mmresearch.estimate.tape_rows import tape_rows
from tests.truth.mrr_tape import mrr_tape

TRUTH = {"theta": 0.04, "phi": 0.05, "rho": 0.4}


@pytest.fixture(scope="module")
def trades():
    return mrr_tape(np.random.default_rng(1), days=60, trades=200, lam=0.25)


@pytest.fixture(scope="module")
def answer(trades):
    return mm.trade_indicator(trades)


def values(found: mm.Result) -> dict[str, float]:
    return {name: quantity.value for name, quantity in found.quantities.items()}


# --- truth ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("lam", [0.0, 0.25])
def test_a_million_trades(lam):
    """Standard errors at this size: .0001 of theta and phi, .001 of rho."""
    long = mrr_tape(np.random.default_rng(2), days=1000, trades=1000, lam=lam)
    told = values(mm.trade_indicator(long))
    for name, truth in TRUTH.items():
        assert told[name] == pytest.approx(truth, abs=0.003 if name == "rho" else 0.0003)
    assert told["spread"] == pytest.approx(0.18, abs=0.0005)
    assert told["adverse_share"] == pytest.approx(4 / 9, abs=0.003)


def test_the_parameters_are_recovered(answer):
    for name, truth in (TRUTH | {"lam": 0.25, "spread": 0.18, "adverse_share": 4 / 9}).items():
        found = answer.quantities[name]
        assert abs(found.value - truth) < 0.75 * (found.high - found.low)  # 3 standard errors
        assert found.identified
    assert answer.flags == ()
    assert answer.table["term"].tolist() == ["theta", "phi", "rho", "drift", "lam"]


def test_the_shares_of_the_variance_are_the_models(answer):
    """By the formula: news .0009, rounding 2 (.0004), and the trades' three parts times 1 - lam."""
    theta, phi, rho = TRUTH.values()
    parts = np.array([0.03**2, 2 * 0.02**2, theta**2 * (1 - rho**2), 2 * phi**2 * (1 - rho), 0])
    parts[4] = 2 * theta * phi * (1 - rho**2)
    parts[2:] *= 0.75
    for name, truth in zip(PARTS, parts / parts.sum(), strict=True):
        found = answer.quantities[name]
        assert found.high - found.low < 0.05
        assert abs(found.value - truth) < 0.75 * (found.high - found.low)


# --- arithmetic -----------------------------------------------------------------------------------


def test_gmm_is_the_method_of_moments_from_wherever_it_starts(trades):
    frame = tape_rows(trades, zero="unsigned").frame
    found = gmm(frame, error_rule(frame["day"]), start=np.array([0.1, 0.1, 0.1, 0.0, 0.1]))
    solved = moments_solved(frame)
    assert found.params == pytest.approx(solved, abs=1e-8)
    assert mm.trade_indicator(trades).fit.params == pytest.approx(solved, abs=1e-8)
    assert np.abs(found.model.momcond(solved).mean(axis=0)).max() < 1e-12


@pytest.mark.parametrize("errors", ["cluster", "hac"])
def test_errors_are_the_sandwich_written_out(errors):
    """D⁻¹ S D⁻¹' with D by hand; four parameters, for no trade is crossed."""
    made = mrr_tape(np.random.default_rng(3), days=50, trades=60)
    found = mm.trade_indicator(made, errors=errors)
    frame = tape_rows(made, zero="unsigned").frame
    theta, phi, rho, drift = found.fit.params
    x, one, y = (frame[c].to_numpy() for c in ("x", "x_1", "y"))
    n = len(frame)
    v = y - (phi + theta) * x + (phi + rho * theta) * one - drift
    moments = np.column_stack([(x - rho * one) * one, v, v * x, v * one])
    slopes = np.column_stack([-x + rho * one, -x + one, theta * one, -np.ones(n)])
    derivative = np.vstack([[0, 0, -(one @ one), 0], [z @ slopes for z in (np.ones(n), x, one)]])
    if errors == "cluster":
        by_day = pd.DataFrame(moments).groupby(frame["day"]).sum().to_numpy()
        middle, factor = by_day.T @ by_day, 50 / 49 * (n - 1) / (n - 4)
    else:
        lags, factor = int(4 * (n / 100) ** (2 / 9)), n / (n - 4)
        middle = moments.T @ moments
        for lag in range(1, lags + 1):
            same = frame["day"].to_numpy()[lag:] == frame["day"].to_numpy()[:-lag]
            product = moments[lag:][same].T @ moments[:-lag][same]
            middle += (1 - lag / (lags + 1)) * (product + product.T)
    inverse = np.linalg.inv(derivative)
    expected = np.sqrt(np.diag(inverse @ middle @ inverse.T) * factor)
    assert found.table["std_error"].to_numpy() == pytest.approx(expected, rel=1e-6)


def test_the_parts_add_up_to_the_variance(trades, answer):
    frame = tape_rows(trades, zero="unsigned").frame
    split = answer.details["variance"]
    variance = frame["y"].var(ddof=0)
    assert split.loc[PARTS, "variance"].sum() == pytest.approx(variance, rel=1e-12)
    assert split.loc["price changes", "variance"] == pytest.approx(variance, rel=1e-12)
    assert sum(answer.quantities[name].value for name in PARTS) == pytest.approx(1, abs=1e-12)
    # the fitted part is the regression's, and what is left its residuals'
    left = answer.fit.model.momcond(answer.fit.params)[:, 1]
    rest = split.loc[["public_news", "rounding"], "variance"].sum()
    assert rest == pytest.approx(left.var(), rel=1e-10)
    pairs = frame["follows"].to_numpy()
    noise = -2 * np.mean(left[1:][pairs[1:]] * left[:-1][pairs[1:]])
    assert split.loc["rounding", "variance"] == pytest.approx(noise, rel=1e-10)


def test_errors_of_the_shares_are_those_of_the_jackknife(trades, answer):
    """60 days left out in turn: within 5 %."""
    frame = tape_rows(trades, zero="unsigned").frame
    shares = []
    for day in frame["day"].unique():
        parts = variance_split(frame[frame["day"] != day])
        shares.append(parts / parts.sum())
    away = np.array(shares) - np.mean(shares, axis=0)
    expected = np.sqrt(59 / 60 * (away**2).sum(axis=0))
    found = [answer.quantities[name] for name in PARTS]
    errors = [(q.high - q.low) / 2 / 2.001 for q in found]
    assert errors == pytest.approx(expected, rel=0.05)


def test_nothing_crosses_a_night(trades, answer):
    jump = trades["day"].dt.day % 7
    moved = trades.assign(**{c: trades[c] + jump for c in ("price", "bid", "ask")})
    pd.testing.assert_frame_equal(mm.trade_indicator(moved).table, answer.table, rtol=1e-6)
    assert answer.sample.used == 60 * 199
    assert answer.sample.dropped["first of a day"] == 60


# --- conventions ----------------------------------------------------------------------------------


def test_per_trade_and_not_per_clock(trades, answer):
    """Twice the time between trades changes nothing, nor do quotes that stand as they stood."""
    slow = trades.assign(
        time=trades["day"].dt.tz_localize("UTC") + pd.to_timedelta(7 * trades["seq"], unit="s")
    )
    pd.testing.assert_frame_equal(mm.trade_indicator(slow).table, answer.table)
    few = trades[trades["day"].isin(trades["day"].unique()[:1])].reset_index(drop=True)
    tape = few[["time", "seq", "symbol", "side", "price", "size"]].assign(seq=9 * few["seq"] + 8)
    quotes = few[["time", "seq", "symbol", "bid", "ask"]].assign(bid_size=1.0, ask_size=1.0)
    once, often = (
        pd.concat([quotes.assign(seq=9 * quotes["seq"] + k) for k in range(many)])
        for many in (1, 8)
    )
    found = [mm.trade_indicator(mm.Market(trades=tape, quotes=q)).table for q in (once, often)]
    pd.testing.assert_frame_equal(*found)
    pd.testing.assert_frame_equal(found[0], mm.trade_indicator(few).table)


def test_twice_the_tick_is_twice_the_slope_and_bps_do_not_know(trades, answer):
    twice = trades.assign(**{c: 2 * trades[c] for c in ("price", "bid", "ask")})
    found, before = values(mm.trade_indicator(twice)), values(answer)
    for name in ("theta", "phi", "spread"):
        assert found[name] == pytest.approx(2 * before[name], rel=1e-10)
    for name in ("rho", "lam", "adverse_share", *PARTS):
        assert found[name] == pytest.approx(before[name], rel=1e-8)
    bps = [values(mm.trade_indicator(t, unit="bps"))["theta"] for t in (trades, twice)]
    assert bps[0] == pytest.approx(bps[1], rel=1e-10)
    assert bps[0] == pytest.approx(before["theta"] * 1e4 / 50, rel=0.1)


def test_the_mirrored_tape(trades, answer):
    """Prices turned around with their sides say the same; sides alone turned, the opposite."""
    before = values(answer)
    turned = trades.assign(price=100 - trades["price"], bid=100 - trades["ask"])
    turned["ask"] = 100 - trades["bid"]
    both = values(mm.trade_indicator(turned.assign(side=-trades["side"])))
    alone = values(mm.trade_indicator(turned))
    for name in ("theta", "phi"):
        assert both[name] == pytest.approx(before[name], rel=1e-8)
        assert alone[name] == pytest.approx(-before[name], rel=1e-8)


def test_prints_of_one_order_are_one_trade(trades, answer):
    many = trades.loc[trades.index.repeat(3)]
    prints = many.assign(seq=range(len(many))).reset_index(drop=True)
    assert values(mm.trade_indicator(prints, zero="none"))["rho"] == pytest.approx(
        values(mm.trade_indicator(trades, zero="none"))["rho"]
    )
    assert values(mm.trade_indicator(prints, bunch=False))["rho"] > 0.75


def test_which_trades_are_crossed(trades, answer):
    """Told as sold at the mid they are signed, unless every trade at the mid counts as crossed."""
    told = trades.assign(side=trades["side"].fillna(-1.0))
    assert values(mm.trade_indicator(told))["lam"] == 0
    found = mm.trade_indicator(told, zero="mid")
    pd.testing.assert_frame_equal(found.table, answer.table)
    coding = found.details["coding"]
    assert coding["lam"].tolist() == pytest.approx([0, answer.quantities["lam"].value, 0])
    without = trades.assign(bid=np.nan, ask=np.nan)
    found = mm.trade_indicator(without)
    assert found.sample.dropped["of unknown side, here or before"] > 0.4 * len(trades)


# --- hours ----------------------------------------------------------------------------------------


def hourly(theta: tuple[float, ...]) -> pd.DataFrame:
    """A tape of an hour each, a theta each."""
    parts = []
    for hour, value in enumerate(theta):
        made = mrr_tape(np.random.default_rng(20 + hour), days=50, trades=150, theta=value)
        made = made.assign(seq=made["seq"] + 150 * hour)
        parts.append(made.assign(time=made["time"] + pd.Timedelta(hours=10 + hour)))
    return pd.concat(parts)


def test_hour_by_hour():
    found = mm.trade_indicator(hourly((0.08, 0.04, 0.04)), by="hour")
    hours = found.details["hours"]
    assert hours.index.tolist() == [10, 11, 12]
    assert hours.index.name == "hour (UTC)"
    assert (hours["theta_low"] < [0.08, 0.04, 0.04]).all()
    assert (hours["theta_high"] > [0.08, 0.04, 0.04]).all()
    assert found.details["equality"]["p"].iloc[0] < 0.001
    same = mm.trade_indicator(hourly((0.04, 0.04, 0.04)), by="hour")
    assert same.details["equality"]["p"].iloc[0] > 0.01


def test_hours_of_a_market_count_from_its_open():
    found = mm.trade_indicator(mm.sample(), by="hour", unit="bps")
    hours = found.details["hours"]
    assert hours.index.name == "hour of the session"
    assert hours.index[0] == 0
    assert hours["trades"].sum() == found.sample.used


def test_the_f_test_of_two_is_the_square_of_t():
    table = wald(np.array([1.0, 3.0]), np.array([[1.0, 0.2], [0.2, 0.5]]), 30)
    assert table["F"].iloc[0] == pytest.approx(4 / 1.1)
    assert table["df_errors"].iloc[0] == 30
    rule = error_rule(pd.Series(range(50)))
    assert np.isnan(
        equal_slopes(np.array([1.0]), [np.ones(50)], pd.Series(range(50)), rule)["p"][0]
    )


def test_influence_sums_to_the_covariance(trades):
    frame = tape_rows(trades, zero="unsigned").frame
    fit = gmm(frame, error_rule(frame["day"]))
    by_day = pd.DataFrame(influence(frame, fit)).groupby(frame["day"]).sum().to_numpy()
    n = len(frame)
    factor = 60 / 59 * (n - 1) / (n - 5)
    assert np.sqrt(np.diag(by_day.T @ by_day) * factor) == pytest.approx(fit.bse, rel=1e-6)


# --- refusals -------------------------------------------------------------------------------------


def test_refused_where_no_side_is_a_surprise():
    """Every day on one side but for a few trades: rho is 1 within its errors."""
    made = mrr_tape(np.random.default_rng(5), days=8, trades=40)
    side = np.where(made["day"].dt.day % 2 == 0, 1.0, -1.0)
    side[(made["day"].dt.day == 3) & (made["seq"] > 37)] = 1.0
    found = mm.trade_indicator(made.assign(side=side))
    for name in ("theta", "phi", "spread", "adverse_share", "trade_information"):
        assert not found.quantities[name].identified
        assert "no trade's side is a surprise" in found.quantities[name].reason
    assert found.quantities["rho"].identified
    assert "rho_at_boundary" in found.flags


def test_a_share_below_zero_is_flagged():
    made = mrr_tape(np.random.default_rng(6), days=50, trades=100, phi=-0.03, theta=0.08)
    found = mm.trade_indicator(made)
    assert "phi_below_0" in found.flags
    assert found.quantities["adverse_share"].value > 1


def test_arguments_that_are_none_of_the_known(trades):
    for name in ("by", "unit", "zero", "errors"):
        with pytest.raises(ValueError, match=f"{name} must be one of"):
            mm.trade_indicator(trades, **{name: "wild"})
    both = pd.concat([trades, trades.assign(symbol="Y")])
    with pytest.raises(ValueError, match="2 symbols: currencies a unit of several"):
        mm.trade_indicator(both)
    assert mm.trade_indicator(both, unit="bps").sample.series == 2
