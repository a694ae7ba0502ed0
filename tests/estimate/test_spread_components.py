"""Components of the spread: the model's truth, GMM against least squares, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from linearmodels.iv import IVGMM

import mmresearch as mm
from mmresearch.estimate.component_rows import ON, component_rows
from mmresearch.estimate.indicator_gmm import gmm, moments_solved
from mmresearch.estimate.sandwich import error_rule
from tests.truth.indicator_tape import tape

TRUTH = {"adverse_selection": 0.1, "inventory": 0.3, "order_processing": 0.6, "reversal": 0.7}
TWO_WAY = 0.4 - 0.1 * 0.4**2  # alpha + beta - alpha (1 - 2 pi)²: what the two-way equation gives


@pytest.fixture(scope="module")
def trades():
    return tape(np.random.default_rng(1), days=100, trades=300, spread_range=0.4)


@pytest.fixture(scope="module")
def answer(trades):
    return mm.spread_components(trades)


# --- truth ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_million_trades():
    """The spread known, errors only news: 3 standard errors of alpha at this size are .004."""
    long = tape(np.random.default_rng(2), days=1000, trades=1000, news=0.05)
    for on in ("quotes", "prices"):
        found = mm.spread_components(long, on=on)
        values = {name: found.quantities[name].value for name in TRUTH}
        assert values == pytest.approx(TRUTH, abs=0.006)
        # .384 and not .400, for it leaves out that orders are expected
        assert found.quantities["two_way"].value == pytest.approx(TWO_WAY, abs=0.004)
        assert abs(found.quantities["two_way"].value - 0.4) > 0.01


@pytest.mark.parametrize("on", ON)
def test_each_kind_of_price_recovers_the_components(on):
    spread_range = 0.0 if on == "traded" else 0.4
    made = tape(np.random.default_rng(3), days=60, trades=300, spread_range=spread_range)
    found = mm.spread_components(made, on=on)
    table = found.table.set_index("term")
    truth = pd.Series(TRUTH | {"spread": 0.125}).reindex(table.index)
    assert ((table["estimate"] - truth).abs() < 3 * table["std_error"]).all()
    assert (
        found.quantities["order_processing"].low < 0.6 < found.quantities["order_processing"].high
    )
    assert found.quantities["inventory"].low > 0
    assert found.flags == ()


def test_all_information_and_all_inventory_are_told_apart():
    for adverse, inventory in ((0.4, 0.0), (0.0, 0.4)):
        made = tape(np.random.default_rng(4), days=60, adverse=adverse, inventory=inventory)
        found = mm.spread_components(made).quantities
        assert found["adverse_selection"].low < adverse < found["adverse_selection"].high
        assert found["inventory"].low < inventory < found["inventory"].high


# --- GMM ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", ON)
def test_gmm_is_the_method_of_moments_from_wherever_it_starts(trades, on):
    frame = component_rows(trades, on=on, bunch=True).frame
    rule = error_rule(frame["day"])
    solved = moments_solved(frame, traded=on == "traded")
    far = np.array([0.4, 0.1, 0.6, 0.2])[: len(solved)]
    found = gmm(frame, rule, traded=on == "traded", start=far)
    assert found.params == pytest.approx(solved, abs=1e-8)
    assert mm.spread_components(trades, on=on).fit.params == pytest.approx(solved, abs=1e-8)
    moments = found.model.momcond(solved).mean(axis=0)
    assert np.abs(moments).max() < 1e-10


def test_linear_form_by_linearmodels(trades, answer):
    """One's mid change on x1, x2: c1 = alpha + beta, c2 = -alpha (1 - 2 pi)."""
    frame = component_rows(trades, on="quotes", bunch=True).frame
    day = pd.factorize(frame["day"])[0]
    x = frame[["x1", "x2"]]
    fit = IVGMM(frame["y"], None, x, x, weight_type="clustered", clusters=day).fit(
        cov_type="clustered", clusters=day
    )
    turn = IVGMM(frame["side_1"], None, frame["side_2"], frame["side_2"]).fit()
    alpha = -fit.params["x2"] / turn.params["side_2"]
    found = answer.table.set_index("term")["estimate"]
    assert found["adverse_selection"] == pytest.approx(alpha, abs=1e-8)
    assert found["inventory"] == pytest.approx(fit.params["x1"] - alpha, abs=1e-8)
    kept = answer.quantities["order_processing"]
    assert kept.value == pytest.approx(1 - fit.params["x1"], abs=1e-8)
    # 100 clusters and small-sample factors: within 2 %
    assert (kept.high - kept.low) / 2 / 1.984 == pytest.approx(fit.std_errors["x1"], rel=0.02)


@pytest.mark.parametrize("on", ON)
def test_order_processing_is_what_gmms_covariance_says(trades, on):
    found = mm.spread_components(trades, on=on)
    slope = np.zeros(len(found.fit.params))
    slope[:2] = -1
    error = np.sqrt(slope @ found.fit.cov_params() @ slope)
    kept = found.quantities["order_processing"]
    assert kept.value == pytest.approx(1 - found.fit.params[:2].sum(), abs=1e-8)
    assert kept.high - kept.value == pytest.approx(1.98422 * error, rel=1e-3)


def test_errors_are_the_sandwich_written_out(trades, answer):
    """D⁻¹ S D⁻¹' with D by hand and S the sum over days of the moments' products."""
    frame = component_rows(trades, on="quotes", bunch=True).frame
    alpha, beta, pi = answer.fit.params
    x1, x2, one, two = (frame[c].to_numpy() for c in ("x1", "x2", "side_1", "side_2"))
    turned, n, days = 1 - 2 * pi, len(frame), 100
    e = frame["y"].to_numpy() - (alpha + beta) * x1 + alpha * turned * x2
    moments = np.column_stack([(one - turned * two) * two, e * x1, e * x2])
    by_day = pd.DataFrame(moments).groupby(frame["day"]).sum().to_numpy()
    rows = [[0, 0, 2 * two @ two]]
    rows += [[z @ (-x1 + turned * x2), -z @ x1, -2 * alpha * z @ x2] for z in (x1, x2)]
    inverse = np.linalg.inv(np.array(rows))
    factor = days / (days - 1) * (n - 1) / (n - 3)
    covariance = inverse @ by_day.T @ by_day @ inverse.T * factor
    expected = np.sqrt(np.diag(covariance))
    assert answer.table["std_error"].to_numpy() == pytest.approx(expected, rel=1e-6)


# --- identification -------------------------------------------------------------------------------


def test_refused_where_the_next_side_is_a_coin():
    found = mm.spread_components(tape(np.random.default_rng(5), days=60, reversal=0.5))
    for name in ("adverse_selection", "inventory"):
        assert not found.quantities[name].identified
        assert "1 - 2 pi is" in found.quantities[name].reason
    assert "not_identified" in found.flags
    # with pi = 1/2 no order is expected, and two equations are one
    for name in ("two_way", "order_processing"):
        truth = 0.4 if name == "two_way" else 0.6
        assert found.quantities[name].identified
        assert found.quantities[name].low < truth < found.quantities[name].high
    assert found.table["term"].tolist() == ["reversal"]
    assert found.fit is None


def test_three_standard_errors_are_the_border():
    """At 1 - 2 pi of t standard errors alpha is refused below 3 and given above."""
    given = 0
    for seed in range(20):
        made = tape(np.random.default_rng(seed), days=10, trades=100, reversal=0.55)
        found = mm.spread_components(made, errors="hac")
        pi = found.table.set_index("term").loc["reversal"]
        clear = abs(1 - 2 * pi["estimate"]) >= 3 * 2 * pi["std_error"]
        assert found.quantities["adverse_selection"].identified == clear or pi["estimate"] < 0.5
        given += clear
    assert 0 < given < 20


def split(made: pd.DataFrame, prints: int) -> pd.DataFrame:
    """Every order in that many prints, one after the other at one price and quote."""
    many = made.loc[made.index.repeat(prints)]
    return many.assign(seq=range(len(many)), size=many["size"] / prints).reset_index(drop=True)


def test_split_orders_are_bunched_and_without_that_refused(trades, answer):
    prints = split(trades, 3)
    bunched = mm.spread_components(prints)
    pd.testing.assert_frame_equal(bunched.table, answer.table)
    assert bunched.sample.dropped["of one order with the trade before"] == 2 * len(trades)
    told = bunched.details["bunching"]
    assert told["trades"].tolist() == [3 * len(trades), len(trades), len(trades)]
    assert told["reversal"].tolist() == pytest.approx([0.7 / 3, 0.7, 0.7], abs=0.01)
    raw = mm.spread_components(prints, bunch=False)
    assert "orders_continue" in raw.flags
    for name in ("adverse_selection", "inventory", "order_processing"):
        assert not raw.quantities[name].identified
        assert "orders continue (pi is 0.23" in raw.quantities[name].reason
        assert np.isfinite(raw.quantities[name].value)  # for the record: far from the truth
    assert raw.quantities["two_way"].identified


def test_joining_orders_far_apart_makes_reversals_and_hides_information():
    """In the sample sides are nearly coins and quotes stand: kappa is planted, and is not found.

    kappa of the average trade is .005 * 140 bps, a fifth of the half spread of about 3.4 bps.
    """
    sample = mm.sample()
    paper = mm.spread_components(sample, within=None)
    assert paper.quantities["reversal"].low > 0.53
    assert paper.quantities["adverse_selection"].high < 0.1
    found = mm.spread_components(sample)
    assert not found.quantities["adverse_selection"].identified
    assert found.details["bunching"]["reversal"].iloc[:2].to_numpy() == pytest.approx(0.5, abs=0.01)
    # alpha + kappa, .013 bps a unit, and the mean trade of 140 units: 1.82 of 3.4 bps
    assert found.quantities["two_way"].value == pytest.approx(1.82 / 3.4, abs=0.03)


def test_what_is_outside_0_and_1_is_flagged_and_not_clipped():
    made = tape(np.random.default_rng(6), days=60, adverse=-0.2, inventory=1.5)
    found = mm.spread_components(made)
    assert found.quantities["inventory"].value == pytest.approx(1.5, abs=0.1)
    assert found.quantities["adverse_selection"].value < 0
    names = ("adverse_selection", "inventory", "order_processing", "two_way")
    assert set(found.flags) == {f"{name}_outside_0_1" for name in names}


# --- rows -----------------------------------------------------------------------------------------


def test_nothing_crosses_a_night_and_two_trades_a_day_go(trades, answer):
    jump = trades["day"].dt.day % 7
    moved = trades.assign(**{c: trades[c] + jump for c in ("price", "bid", "ask")})
    found = mm.spread_components(moved)
    pd.testing.assert_frame_equal(found.table, answer.table, rtol=1e-6)
    assert answer.sample.used == 100 * 298
    assert answer.sample.dropped["first two of a day"] == 200


def test_an_unknown_side_takes_the_rows_that_need_it(trades, answer):
    found = mm.spread_components(trades.assign(side=trades["side"].where(trades.index != 50)))
    # of the mid's equation: the two trades after it
    assert found.sample.used == answer.sample.used - 2
    found = mm.spread_components(
        trades.assign(side=trades["side"].where(trades.index != 50)), on="prices"
    )
    assert found.sample.used == answer.sample.used - 3


def test_symbols_are_pooled_in_their_own_spreads(trades, answer):
    other = trades.assign(symbol="Y", **{c: 40 * trades[c] for c in ("price", "bid", "ask")})
    both = mm.spread_components(pd.concat([trades, other]))
    assert both.table["estimate"].tolist() == pytest.approx(answer.table["estimate"].tolist())
    assert both.details["symbols"]["inventory"].to_numpy() == pytest.approx(
        answer.quantities["inventory"].value
    )
    one = mm.spread_components(pd.concat([trades, other]), symbol="Y")
    pd.testing.assert_frame_equal(one.table, answer.table)
    with pytest.raises(ValueError, match="2 symbols: a spread that trades tell is of one"):
        mm.spread_components(pd.concat([trades, other]), on="traded")


def test_a_symbol_of_wide_spreads_counts_no_more_than_another(trades):
    other = tape(np.random.default_rng(8), days=100, trades=300, adverse=0.4, inventory=0.0)
    wide = other.assign(symbol="Y", **{c: 40 * other[c] for c in ("price", "bid", "ask")})
    found = mm.spread_components(pd.concat([trades, wide]))
    alone = found.details["symbols"]["adverse_selection"]
    assert alone.tolist() == pytest.approx([0.1, 0.4], abs=0.03)
    assert found.quantities["adverse_selection"].value == pytest.approx(alone.mean(), abs=0.03)


def test_a_market_is_joined_with_the_quotes_before(trades):
    few = trades[trades["day"].isin(trades["day"].unique()[:3])].reset_index(drop=True)
    tape_ = few[["time", "seq", "symbol", "side", "price", "size"]].assign(seq=2 * few["seq"] + 1)
    quotes = few[["time", "seq", "symbol", "bid", "ask"]].assign(seq=2 * few["seq"])
    market = mm.Market(trades=tape_, quotes=quotes.assign(bid_size=1.0, ask_size=1.0))
    pd.testing.assert_frame_equal(
        mm.spread_components(market).table, mm.spread_components(few).table
    )


def test_without_quotes_the_spread_is_that_of_trades():
    made = tape(np.random.default_rng(7), days=45).assign(bid=np.nan, ask=np.nan)
    found = mm.spread_components(made)
    assert "spread" in found.table["term"].tolist()
    assert found.details["variants"].loc[["quotes", "prices"], "inventory"].isna().all()


# --- bad input ------------------------------------------------------------------------------------

CANNOT_TELL = {
    "no quotes": (lambda t: t.assign(bid=np.nan, ask=np.nan), "0 trades with side and quotes"),
    "no sides": (lambda t: t.assign(side=np.nan), "0 trades with side"),
    "too few trades": (lambda t: t.head(40), "38 trades with side"),
    "one-sided trades": (lambda t: t.assign(side=1.0), "every trade is on one side"),
    "constant quotes": (lambda t: t.assign(bid=9.0, ask=10.0), "mids never change"),
    "locked quotes": (lambda t: t.assign(bid=t["ask"]), "0 trades with side and quotes"),
    "sides that alternate": (
        lambda t: t.assign(side=np.where(t["seq"] % 2 == 0, 1.0, -1.0), ask=t["bid"] + 0.125),
        "pi is 0 or 1",
    ),
    "no trades": (lambda t: t.iloc[:0], "0 trades"),
}


@pytest.mark.bad_input(*CANNOT_TELL)
@pytest.mark.parametrize("fault", CANNOT_TELL)
def test_trades_that_cannot_tell_are_refused(fault, trades):
    change, reason = CANNOT_TELL[fault]
    found = mm.spread_components(change(trades), on="quotes", bunch=False)
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert reason in quantity.reason
    assert reason in str(found)


@pytest.mark.bad_input("infinite values", "duplicated rows", "a text in a number")
def test_faults_are_named_at_once(trades):
    bad = trades.astype({"price": object})
    bad.loc[3, "bid"] = np.inf
    bad.loc[4, "price"] = "ten"
    bad = pd.concat([bad, trades.iloc[[9]]], ignore_index=True)
    with pytest.raises(ValueError, match=r"price is not a .*; bid is infinite in 1 rows; 1 trades"):
        mm.spread_components(bad)
    with pytest.raises(ValueError, match=r"lack the columns bid; `mm.quoted_trades` makes them"):
        mm.spread_components(trades.drop(columns="bid"))
    with pytest.raises(ValueError, match="side is neither"):
        mm.spread_components(trades.assign(side=0.0))
    with pytest.raises(ValueError, match="price is not above 0 in"):
        mm.spread_components(trades.assign(price=-1.0))
    for name in ("on", "errors"):
        with pytest.raises(ValueError, match=f"{name} must be one of"):
            mm.spread_components(trades, **{name: "wild"})
    with pytest.raises(TypeError, match="is a Market, or a DataFrame"):
        mm.spread_components([1, 2])


@pytest.mark.bad_input("unsorted rows")
def test_order_of_rows_does_not_matter(trades, answer):
    found = mm.spread_components(trades.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(found.table, answer.table)


def test_few_days_have_newey_west_errors(trades):
    few = trades[trades["day"].isin(trades["day"].unique()[:10])]
    assert "Newey-West within days (10 days)" in mm.spread_components(few).errors
    assert "clustered by day (10 days)" in mm.spread_components(few, errors="cluster").errors
