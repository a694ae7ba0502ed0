"""The dealer's prices: the structural model's coefficients, the timing of inventory, refusals.

The dealer's prior is m, the customer's order Q = theta (w - p), so that w = p + Q/theta is what the
customer knows. Belief: pi m + (1 - pi) w. Quote: p = belief - g (I - I*) + s D. Put w in:

    p = m + (1-pi)/(pi theta) Q - g/pi (I - I*) + s/pi D

and take the prior from the last quote, m = belief_(t-1) + news = p_(t-1) + g (I_(t-1) - I*)
- s D_(t-1) + news:

    dp = (g/pi - g) I* + (1-pi)/(pi theta) Q - g/pi I + g I_(t-1) + s/pi D - s D_(t-1) + news
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import mmresearch as mm
from tests.truth.quoting_dealer import Dealer, quoting

DEALER = Dealer(noise=0.02, target=3.0)
BPS = 100  # the days open at 100: a currency unit is 100 basis points of that


def bps(dealer: Dealer) -> pd.Series:
    return BPS * pd.Series(dealer.truth())


@pytest.fixture(scope="module")
def table():
    return quoting(np.random.default_rng(1), DEALER, days=150, trades=60)


@pytest.fixture(scope="module")
def answer(table):
    return mm.dealer_pricing(table, size="units")


# --- truth ----------------------------------------------------------------------------------------


def test_without_news_the_equation_holds_to_the_last_digit():
    silent = Dealer(news=0.0, target=3.0)
    fills = quoting(np.random.default_rng(2), silent, days=45, trades=30)
    found = mm.dealer_pricing(fills, size="units").table.set_index("term")["estimate"]
    # basis points are of the day's first price, the truth's of 100
    scale = 100 / fills.groupby("day")["price"].first().mean()
    assert (found / scale).to_numpy() == pytest.approx(bps(silent).to_numpy(), rel=3e-3)
    cents = fills.assign(change=fills.groupby("day")["price"].diff(), q=-fills["side"])
    cents["Q"] = cents["q"] * cents["size"]
    by_day = cents.groupby("day")
    cents = cents.assign(i1=by_day["held"].shift(), d1=by_day["q"].shift())
    exact = smf.ols("change ~ Q + held + i1 + q + d1", cents.dropna(subset=["i1"])).fit()
    assert exact.params.iloc[1:].to_numpy() == pytest.approx(bps(silent).to_numpy() / BPS, rel=1e-9)
    assert exact.params["Intercept"] == pytest.approx((0.004 / 0.8 - 0.004) * 3, rel=1e-8)


def test_the_five_coefficients_and_both_weights_are_recovered(answer):
    found = answer.table.set_index("term")
    off = (found["estimate"] - bps(DEALER)) / found["std_error"]
    assert (off.abs() < 3).all()
    assert (found["estimate"].abs() > 5 * found["std_error"]).all()
    priors = answer.details["priors"]
    assert ((priors["low"] < 0.8) & (priors["high"] > 0.8)).all()
    assert answer.quantities["prior_weight"].value == pytest.approx(priors["estimate"].iloc[0])
    told = answer.details["restrictions"].set_index("restriction")["verdict"]
    assert told.iloc[:7].tolist() == ["holds"] * 7
    assert told["b3/|b2| = |b5|/b4"] == "not rejected"


def test_regression_and_errors_are_statsmodels(table, answer):
    opened = table.groupby("day")["price"].transform("first")
    rows = table.assign(dp=1e4 * table.groupby("day")["price"].diff() / opened, d=-table["side"])
    rows["q"] = rows["d"] * rows["size"]
    by_day = rows.groupby("day")
    rows = rows.assign(held_1=by_day["held"].shift(), d_1=by_day["d"].shift()).dropna(subset=["dp"])
    fit = smf.ols("dp ~ q + held + held_1 + d + d_1", rows).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["day"])[0]}, use_t=True
    )
    found = answer.table.set_index("term")
    assert found["estimate"].to_numpy() == pytest.approx(fit.params.iloc[1:].to_numpy(), rel=1e-8)
    # the constant is taken out before, so that it does not count in (n - 1)/(n - k)
    n = len(rows)
    expected = fit.bse.iloc[1:].to_numpy() * np.sqrt((n - 6) / (n - 5))
    assert found["std_error"].to_numpy() == pytest.approx(expected, rel=1e-8)
    sums = answer.details["restrictions"].set_index("restriction")
    test = fit.t_test("held + held_1 = 0")
    assert -sums.loc["|b2| > b3", "estimate"] == pytest.approx(test.effect[0], rel=1e-8)
    high, low = -test.conf_int()[0] + 0
    assert sums.loc["|b2| > b3", ["low", "high"]].tolist() == pytest.approx([low, high], rel=2e-3)


def test_the_two_weights_differ_by_what_the_delta_method_says(answer):
    """The slope of -b3/b2 + b5/b4 by finite differences, in place of the formula."""
    params, covariance = answer.fit.params, answer.fit.cov_params()

    def apart(b: pd.Series) -> float:
        return -b["inventory_lag"] / b["inventory"] + b["direction_lag"] / b["direction"]

    step = {name: 1e-5 * pd.Series(1.0, [name]) for name in params.index}
    up, down = (
        {n: apart(params.add(k * s, fill_value=0)) for n, s in step.items()} for k in (1, -1)
    )
    slope = (pd.Series(up) - pd.Series(down)) / 2e-5
    error = np.sqrt(slope @ covariance @ slope)
    told = answer.details["restrictions"].set_index("restriction").loc["b3/|b2| = |b5|/b4"]
    assert told["estimate"] == pytest.approx(apart(params))
    # t of 149 degrees: 1.97601
    assert told["high"] - told["estimate"] == pytest.approx(1.97601 * error, rel=1e-5)


def test_taking_the_noise_out_is_more_precise_and_agrees(table, answer):
    other = mm.dealer_pricing(table, size="units", noise="ma")
    found = other.table.set_index("term")
    assert ((found["estimate"] - bps(DEALER)).abs() < 3 * found["std_error"]).all()
    # autocorrelation of news + x_t - x_(t-1): -.02² / (.03² + 2 * .02²) = -4/17
    noise = other.details["noise"].iloc[0]
    assert noise["autocorrelation"] == pytest.approx(-4 / 17, abs=0.04)
    assert noise["c"] / (1 + noise["c"] ** 2) == pytest.approx(noise["autocorrelation"])
    assert (found["std_error"] < answer.table.set_index("term")["std_error"]).mean() >= 0.8
    assert "MA(1)" in other.errors


def test_a_dealer_who_neither_learns_nor_shades_is_found_out():
    plain = Dealer(prior=1.0, shade=0.0, noise=0.02)
    found = mm.dealer_pricing(quoting(np.random.default_rng(3), plain, days=60), size="units")
    for name in ("information", "shading"):
        assert found.quantities[name].low < 0 < found.quantities[name].high
    weight = found.quantities["prior_weight"]
    assert not weight.identified
    assert "b2 holds 0" in weight.reason
    assert (weight.low, weight.high) == (-np.inf, np.inf)
    told = found.details["restrictions"].set_index("restriction")["verdict"]
    assert told["b1 > 0"] == told["b2 < 0"] == told["b3/|b2| = |b5|/b4"] == "cannot tell"
    assert told["b4 > 0"] == told["b5 < 0"] == "holds"


def test_quotes_that_stand_before_the_size_is_known_mix_shading_and_information():
    """dp = -g (I_t - I_(t-1)) + k Q_(t-1) + s (D - D_(t-1)), and Q_(t-1) is I_(t-1) - I_t."""
    fills = quoting(np.random.default_rng(8), Dealer(noise=0.02), days=100, posted=0.01)
    found = mm.dealer_pricing(fills, size="units")
    table = found.table.set_index("term")
    truth = BPS * np.array([0, -0.014, 0.014, 0.02, -0.02])
    assert ((table["estimate"] - truth).abs() < 3 * table["std_error"]).all()
    assert "shading_may_be_information" in found.flags


def test_the_sample_posts_its_quotes():
    """Planted: .008 bps a unit of pressure and .005 of information, 140 units the average trade."""
    found = mm.dealer_pricing(mm.trader_fills(mm.sample(), account="MM1"), draws=199)
    assert found.quantities["shading"].low < -0.013 * 140 < found.quantities["shading"].high
    assert found.quantities["information"].low < 0 < found.quantities["information"].high
    assert "shading_may_be_information" in found.flags


def test_a_dealer_who_leans_the_wrong_way_is_rejected():
    wrong = Dealer(shade=-0.004)
    found = mm.dealer_pricing(quoting(np.random.default_rng(4), wrong, days=60, trades=40))
    told = found.details["restrictions"].set_index("restriction")["verdict"]
    assert told["b2 < 0"] == told["b3 > 0"] == told["|b2| > b3"] == "rejected"


# --- timing ---------------------------------------------------------------------------------------


def test_inventory_after_the_trade_is_caught_and_named(table):
    after = table.assign(held=table["held"] + table["side"] * table["size"])
    with pytest.raises(ValueError, match=r"held is the inventory after each trade: in 100 % of"):
        mm.dealer_pricing(after)
    session = after.assign(held_session=after["held"])
    with pytest.raises(ValueError, match=r"held_session is the inventory after .* b1 \+ b2, not b"):
        mm.dealer_pricing(session, held="session")


def test_inventory_after_the_trade_is_caught_among_other_flows(table):
    rng = np.random.default_rng(5)
    flow = np.where(rng.random(len(table)) < 0.5, rng.normal(size=len(table)), 0.0).cumsum()
    before = table.assign(held=table["held"] + flow)
    timing = mm.dealer_pricing(before).details["timing"]["share"]
    assert timing.iloc[0] == pytest.approx(0.5, abs=0.03)
    with pytest.raises(ValueError, match="held is the inventory after each trade: in 50 %"):
        mm.dealer_pricing(before.assign(held=before["held"] + table["side"] * table["size"]))


def test_that_trap_in_numbers(answer):
    traps = answer.details["traps"].set_index("regression")["estimate"]
    b = answer.table.set_index("term")["estimate"]
    assert traps["ours"] == pytest.approx(b["size"])
    assert traps.iloc[0] == pytest.approx(b["size"] + b["inventory"], rel=1e-8)
    # and that is 1 - .5, far outside what information is
    assert traps.iloc[0] < answer.quantities["information"].low


@pytest.mark.bad_input("inventory in another unit", "inventory with the sign turned")
def test_inventory_in_another_unit_or_sign_is_named(table):
    with pytest.raises(ValueError, match=r"another unit than the size: .* by 0\.01 units"):
        mm.dealer_pricing(table.assign(held=table["held"] / 100))
    with pytest.raises(ValueError, match="held is with the sign turned"):
        mm.dealer_pricing(table.assign(held=-table["held"]))


def test_flows_between_trades_are_allowed_and_flagged_where_they_are_most(table):
    rng = np.random.default_rng(6)
    hedged = table.assign(held=table["held"] + rng.normal(size=len(table)).cumsum())
    assert "inventory_moves_apart_from_trades" in mm.dealer_pricing(hedged).flags


def test_nothing_crosses_a_night(table, answer):
    moved = table.assign(price=table["price"] * table["day"].dt.day)
    found = mm.dealer_pricing(moved, size="units").table
    pd.testing.assert_frame_equal(found, answer.table, rtol=1e-7)
    assert answer.sample.used == 150 * 59
    assert answer.sample.dropped["first of a day"] == 150


def test_what_is_carried_over_nights_counts():
    carried = quoting(np.random.default_rng(7), DEALER, days=300, trades=20, opening=10.0)
    whole = mm.dealer_pricing(carried, size="units").table.set_index("term")
    assert ((whole["estimate"] - bps(DEALER)).abs() < 3 * whole["std_error"]).all()
    session = mm.dealer_pricing(carried, size="units", held="session")
    told = session.details["restrictions"].set_index("restriction").loc["|b2| > b3"]
    assert not told["low"] <= 0.1 <= told["high"]


# --- rows -----------------------------------------------------------------------------------------


def test_fills_of_one_order_are_one_trade(table, answer):
    half = table.assign(size=table["size"] / 2)
    second = half.assign(seq=half["seq"] + 0.5, held=half["held"] + half["side"] * half["size"])
    found = mm.dealer_pricing(pd.concat([second, half]), size="units")
    pd.testing.assert_frame_equal(found.table, answer.table, rtol=1e-7)
    assert found.sample.dropped["of one order with the fill before"] == len(table)


def test_symbols_in_other_units_are_pooled_in_average_trades(table):
    one = mm.dealer_pricing(table)
    scaled = {"size": 1000 * table["size"], "held": 1000 * table["held"] + 5e5}
    other = table.assign(symbol="Y", price=0.25 * table["price"], **scaled)
    both = mm.dealer_pricing(pd.concat([table, other]).sample(frac=1, random_state=1))
    assert both.table["estimate"].tolist() == pytest.approx(one.table["estimate"].tolist())
    assert both.sample.series == 2
    assert both.details["series"]["unit_of_size"].tolist() == pytest.approx(
        [table["size"].mean(), 1000 * table["size"].mean()]
    )


def test_a_missing_inventory_takes_two_rows_and_no_more(table, answer):
    found = mm.dealer_pricing(table.assign(held=table["held"].where(table.index != 100)))
    assert found.sample.used == answer.sample.used - 2


# --- bad input ------------------------------------------------------------------------------------

CANNOT_TELL = {
    "too few trades": (lambda t: t.head(20), "19 trades after another"),
    "no inventory": (lambda t: t.assign(held=np.nan), "0 trades after another"),
    "a constant inventory": (lambda t: t.assign(held=7.0), "inventory never changes"),
    "one size": (
        lambda t: t.assign(size=1.0, held=t["held"].rank()),
        "every trade has the same size",
    ),
    "constant prices": (lambda t: t.assign(price=9.0), "prices never change"),
    "no trades": (lambda t: t.iloc[:0], "0 trades"),
}


@pytest.mark.bad_input(*CANNOT_TELL)
@pytest.mark.parametrize("fault", CANNOT_TELL)
def test_trades_that_cannot_tell_are_refused(fault, table):
    change, reason = CANNOT_TELL[fault]
    found = mm.dealer_pricing(change(table))
    assert list(found.quantities) == ["information", "shading", "prior_weight", "half_spread"]
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert reason in quantity.reason
    assert reason in str(found)


@pytest.mark.bad_input("one-sided trades")
def test_one_side_only_is_refused(table):
    amount = table["size"].groupby(table["day"]).cumsum() - table["size"]
    found = mm.dealer_pricing(table.assign(side=1.0, held=amount))
    assert "every trade is on one side" in found.quantities["information"].reason


@pytest.mark.bad_input("infinite values", "duplicated rows", "no inventory", "a text in a number")
def test_faults_are_named_at_once(table):
    bad = table.astype({"size": object})
    bad.loc[3, "price"] = np.inf
    bad.loc[4, "size"] = "many"
    bad = pd.concat([bad, table.iloc[[9]]], ignore_index=True)
    with pytest.raises(ValueError, match=r"price is infinite in 1 rows; size is not .*; 1 fills"):
        mm.dealer_pricing(bad)
    with pytest.raises(ValueError, match=r"lack the columns size, held; `mm.trader_fills`"):
        mm.dealer_pricing(table.drop(columns=["held", "size"]))
    with pytest.raises(ValueError, match="price or size is not above 0 in 1 rows"):
        mm.dealer_pricing(table.assign(size=table["size"].where(table.index != 2, 0.0)))
    for name in ("held", "size", "noise"):
        with pytest.raises(ValueError, match=f"{name} must be one of"):
            mm.dealer_pricing(table, **{name: "night"})
    with pytest.raises(TypeError, match="is a DataFrame"):
        mm.dealer_pricing([1, 2])


@pytest.mark.bad_input("unsorted rows")
def test_order_of_rows_does_not_matter(table, answer):
    found = mm.dealer_pricing(table.sample(frac=1, random_state=2), size="units")
    pd.testing.assert_frame_equal(found.table, answer.table)


@pytest.mark.parametrize(("days", "errors"), [(1, "Newey-West"), (12, "wild")])
def test_few_days(table, days, errors):
    found = mm.dealer_pricing(table[table["day"].isin(table["day"].unique()[:days])], draws=99)
    assert errors in found.errors
    assert found.quantities["half_spread"].identified
