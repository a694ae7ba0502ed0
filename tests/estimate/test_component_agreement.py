"""Mids and prices tell the same components where the model holds, and are told apart elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import mmresearch as mm
from mmresearch.estimate.component_agreement import DISAGREE, agreement
from mmresearch.estimate.component_rows import component_rows
from tests.truth.indicator_tape import tape

PAID = 0.85  # share of the quoted half spread that trades pay where the model does not hold


def inside(trades: pd.DataFrame, paid: float = PAID) -> pd.DataFrame:
    """The same quotes and sides; trades are inside the spread."""
    half = (trades["ask"] - trades["bid"]) / 2
    return trades.assign(price=trades["price"] - (1 - paid) * trades["side"] * half)


@pytest.fixture(scope="module")
def trades():
    return tape(np.random.default_rng(1), days=60, trades=100, spread_range=0.4)


def test_nothing_is_flagged_where_the_model_holds(trades):
    found = mm.spread_components(trades)
    told = found.details["agreement"].set_index("difference")
    assert DISAGREE not in found.flags
    assert ((told["low"] < 0) & (told["high"] > 0)).iloc[:2].all()
    assert told["p"].iloc[-1] > 0.05
    # alpha + beta = .4, alpha (1 - 2 pi) = .1 * -.4
    assert told["quotes"].iloc[:2].tolist() == pytest.approx([0.4, -0.04], abs=0.03)
    assert told["prices"].iloc[:2].tolist() == pytest.approx([0.4, -0.04], abs=0.03)


def test_trades_inside_the_spread_are_found_and_by_how_much():
    """P - M - S/2 Q is -.15 S/2 Q, and its change .15 S/2 (Q_(t-1) - Q_t).

    E[Q_t|Q_(t-1)] is (1 - 2 pi) Q_(t-1), with pi = .7 -.4: the change on x1 is .15 * 1.4 and on x2
    nothing more.
    """
    made = tape(np.random.default_rng(5), days=60, trades=100)
    found = mm.spread_components(inside(made))
    told = found.details["agreement"].set_index("difference")
    assert DISAGREE in found.flags
    assert told["p"].iloc[-1] < 1e-6
    assert told.loc["alpha + beta", "low"] < 0.15 * 1.4 < told.loc["alpha + beta", "high"]
    assert told.loc["alpha (1 - 2 pi)", "low"] < 0 < told.loc["alpha (1 - 2 pi)", "high"]
    assert DISAGREE in mm.spread_components(inside(made), on="prices").flags
    # mids are what they were
    expected = mm.spread_components(made).table
    pd.testing.assert_frame_equal(found.table, expected)


def test_differences_and_errors_are_those_of_both_regressions_stacked(trades):
    """Four coefficients of one stacked regression; their difference clustered by day."""
    frame = component_rows(inside(trades), on="prices", bunch=True, within="1s").frame
    twice = pd.concat(
        [frame.assign(own=0, z=frame["mid_change"]), frame.assign(own=1, z=frame["y"])]
    )
    fit = smf.ols("z ~ 0 + x1 + x2 + own:x1 + own:x2", twice).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(twice["day"])[0]}, use_t=True
    )
    told = agreement(inside(trades), bunch=True, within="1s", kind="cluster", level=0.95)
    assert told["quotes"].iloc[:2].tolist() == pytest.approx([fit.params["x1"], -fit.params["x2"]])
    apart = [fit.params["own:x1"], -fit.params["own:x2"]]
    assert told["apart"].iloc[:2].tolist() == pytest.approx(apart)
    # small-sample factors: (n - 1)/(n - k) of 2 coefficients on n rows, of 4 on 2 n
    n = len(frame)
    scale = np.sqrt((n - 1) / (n - 2) / ((2 * n - 1) / (2 * n - 4)))
    low, high = fit.conf_int().loc["own:x1"]
    assert told["high"].iloc[0] - told["low"].iloc[0] == pytest.approx(scale * (high - low))
    wald = fit.wald_test("own:x1 = 0, own:x2 = 0", use_f=True, scalar=True)
    assert told["p"].iloc[-1] == pytest.approx(wald.pvalue, rel=0.02)


def test_power_where_trades_pay_a_little_less():
    """50 days of 100 trades, 95 % paid: .07 with errors of about .013 is found nearly always."""
    rng, found = np.random.default_rng(2), 0
    for _ in range(20):
        made = inside(tape(rng, days=50, trades=100, spread_range=0.4), 0.95)
        told = agreement(made, bunch=False, within=None, kind="cluster", level=0.95)
        found += told["p"].iloc[-1] < 0.05
    assert found >= 18


def test_a_few_days_have_newey_west_errors_and_prices_at_quotes_agree(trades):
    few = trades[trades["day"].isin(trades["day"].unique()[:5])]
    assert DISAGREE not in mm.spread_components(few).flags
    assert DISAGREE in mm.spread_components(inside(few)).flags
    paid = few["bid"].where(few["side"] < 0, few["ask"])
    told = mm.spread_components(few.assign(price=paid)).details["agreement"]
    assert told["apart"].iloc[:2].tolist() == [0, 0]
    assert told["p"].tolist() == [1, 1, 1]


def test_symbols_are_pooled_in_their_own_spreads(trades):
    other = trades.assign(symbol="Y", **{c: 40 * trades[c] for c in ("price", "bid", "ask")})
    both = mm.spread_components(pd.concat([trades, other])).details["agreement"]
    one = mm.spread_components(trades).details["agreement"]
    columns = ["quotes", "prices", "apart"]
    pd.testing.assert_frame_equal(both[columns], one[columns])


@pytest.mark.bad_input("no quotes")
def test_without_quotes_there_is_nothing_to_compare(trades):
    found = mm.spread_components(trades.assign(bid=np.nan, ask=np.nan))
    assert len(found.details["agreement"]) == 0
    assert DISAGREE not in found.flags
