"""Trades and quotes as a vector autoregression: against statsmodels, by hand, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.tsa.api import VAR

import mmresearch as mm
from mmresearch.estimate.var_draws import chosen_lags, draw
from mmresearch.estimate.var_moments import window_moments
from mmresearch.estimate.var_rows import blocks_of, var_rows
from tests.truth.hasbrouck_tape import economy_tape, tape_of

ASKED = {"x": "signed_size", "size": 1.0, "units": "currency", "draws": 99}
NAMES = ("immediate", "permanent", "transient", "trade_share", "efficient_sd")


@pytest.fixture(scope="module")
def trades():
    return economy_tape(np.random.default_rng(1), days=8, trades=300)


@pytest.fixture(scope="module")
def answer(trades):
    return mm.trade_quote_var(trades, lags=4, **ASKED)


def x_and_r(trades):
    """Of each day, without its last trade."""
    mid = (trades["bid"] + trades["ask"]) / 2
    frame = pd.DataFrame({"x": trades["side"] * trades["size"], "r": -mid.diff(-1)})
    frame["day"] = trades["day"]
    return frame[trades["day"] == trades["day"].shift(-1)]


def stacked(trades, lags):
    """Both variables with their lags, a day under the other, by pandas' own shift."""
    frame = x_and_r(trades)
    by_day = frame.groupby("day")
    for lag in range(1, lags + 1):
        frame = frame.assign(**{f"{c} {lag}": by_day[c].shift(lag) for c in ("x", "r")})
    return frame.dropna()


# --- against statsmodels --------------------------------------------------------------------------


def test_recursive_form_is_least_squares_with_the_trade_of_the_same_time(trades, answer):
    rows = stacked(trades, 4)
    lagged = [f"{c} {lag}" for c in ("x", "r") for lag in range(1, 5)]
    of_r = sm.OLS(rows["r"], sm.add_constant(rows[["x", *lagged]])).fit().params
    of_x = sm.OLS(rows["x"], sm.add_constant(rows[lagged])).fit().params
    found = answer.table.set_index("term")["estimate"]
    assert found["r: x 0"] == pytest.approx(of_r["x"], abs=1e-8)
    for name in lagged:
        assert found[f"r: {name}"] == pytest.approx(of_r[name], abs=1e-8)
        assert found[f"x: {name}"] == pytest.approx(of_x[name], abs=1e-8)
    assert len(found) == 17
    assert answer.sample.used == len(rows) == 8 * (300 - 1 - 4)


def test_statsmodels_with_the_trade_first_gives_the_same_responses():
    """The other form: no b_0; orthogonalised responses over that of x to itself at once."""
    day = economy_tape(np.random.default_rng(2), days=1, trades=900)
    found = mm.trade_quote_var(day, lags=5, **ASKED)
    theirs = VAR(x_and_r(day)[["x", "r"]]).fit(5, trend="c")
    for fit in (theirs, found.fit):
        made = fit.irf(30)
        ours = made.orth_irfs[:, 1, 0] / made.orth_irfs[0, 0, 0]
        response = found.details["response"]
        assert response["response"].to_numpy() == pytest.approx(ours, abs=1e-8)
        assert response["cumulative"].to_numpy() == pytest.approx(ours.cumsum(), abs=1e-8)
        # the random walk's variance by the long-run effects of orthogonal shocks
        by_trade, by_quote = fit.long_run_effects()[1] @ np.linalg.cholesky(fit.sigma_u)
        share = by_trade**2 / (by_trade**2 + by_quote**2)
        assert found.quantities["trade_share"].value == pytest.approx(share, abs=1e-8)
        walk = np.hypot(by_trade, by_quote)
        assert found.quantities["efficient_sd"].value == pytest.approx(walk, abs=1e-8)
    assert found.fit.params == pytest.approx(theirs.params.to_numpy(), abs=1e-8)
    assert found.fit.bse == pytest.approx(theirs.bse.to_numpy(), rel=1e-7)
    assert found.fit.bic == pytest.approx(theirs.bic, abs=1e-8)
    assert found.fit.nobs == theirs.nobs == found.sample.used


def test_permanent_is_where_the_response_ends(answer, trades):
    far = mm.trade_quote_var(trades, lags=4, horizon=300, **ASKED)
    last = far.details["response"].iloc[-1]
    permanent = answer.quantities["permanent"]
    for name, value in {"cumulative": "value", "low": "low", "high": "high"}.items():
        assert last[name] == pytest.approx(getattr(permanent, value), abs=1e-9)
    immediate, transient = (answer.quantities[name].value for name in ("immediate", "transient"))
    assert transient == pytest.approx(immediate - permanent.value)
    assert far.details["response"]["cumulative"][0] == pytest.approx(immediate)


def test_criteria_of_lags_are_statsmodels(trades):
    day = trades[trades["day"] == trades["day"].iloc[0]]
    steps = mm.trade_quote_var(day, lags=2, max_lags=6, **ASKED).details["lags"]
    frame = x_and_r(day)[["x", "r"]]
    for lags, row in steps.iterrows():
        theirs = VAR(frame.iloc[6 - lags :]).fit(lags, trend="c")
        assert row["bic"] == pytest.approx(theirs.bic, abs=1e-8)
        assert row["aic"] == pytest.approx(theirs.aic, abs=1e-8)


# --- draws ----------------------------------------------------------------------------------------


def test_a_draw_is_the_fit_to_the_days_that_were_drawn(trades):
    """Sums of the days' products, against the days themselves put under each other."""
    rows = var_rows(trades, x=("signed_size",), units="currency", size=1.0, within=None)
    moments = window_moments(rows.y, rows.usable(3), blocks_of(rows.usable(3), rows.day).edges, 3)
    found = draw(moments, 2, 5, seed=4)
    times = np.random.default_rng(4).multinomial(8, np.full(8, 1 / 8), size=5)
    days = [part for _, part in stacked(trades, 3).groupby("day")]
    names = [f"{c} {lag}" for lag in (1, 2, 3) for c in ("x", "r")]
    for drawn in range(5):
        sample = pd.concat([d for d, n in zip(days, times[drawn], strict=True) for _ in range(n)])
        by_hand = sm.OLS(sample["r"], sm.add_constant(sample[["x", *names]])).fit().params
        b0 = found.drawn.b0[drawn, 0] * rows.scale[1] / rows.scale[0]
        assert b0 == pytest.approx(by_hand["x"], abs=1e-9)
        a = found.drawn.equations()[drawn, 1]
        assert a[:, 1] == pytest.approx(by_hand[["r 1", "r 2", "r 3"]].to_numpy(), abs=1e-9)


def test_few_days_are_drawn_in_blocks_and_that_is_said(trades, answer):
    assert answer.errors.startswith("whole days (8) drawn with replacement, 99 draws")
    assert "few_days" not in answer.flags
    few = mm.trade_quote_var(trades[trades["day"].isin(trades["day"].unique()[:2])], **ASKED)
    assert few.errors.startswith("blocks of ")
    assert "fewer than 6 days" in few.errors
    assert "few_days" in few.flags
    share = few.quantities["trade_share"]
    assert 0 < share.low < share.value < share.high < 1


def test_blocks_hold_every_usable_row_once_and_no_night(trades):
    rows = var_rows(
        trades[trades["day"].isin(trades["day"].unique()[:3])],
        x=("sign",),
        units="bps",
        size=None,
        within=None,
    )
    edges = blocks_of(rows.usable(5), rows.day).edges
    whole = window_moments(rows.y, rows.usable(5), np.array([0, len(rows.y)]), 5)
    parts = window_moments(rows.y, rows.usable(5), edges, 5)
    assert len(parts) > 10
    assert parts.sum(axis=0) == pytest.approx(whole[0], rel=1e-12)
    assert np.isin(np.flatnonzero(np.diff(rows.day)) + 1, edges).all()


def test_the_joint_band_is_wider_and_holds_the_path(answer):
    table = answer.details["response"]
    assert (table["band_low"] < table["low"]).mean() > 0.9
    assert (table["band_high"] > table["high"]).mean() > 0.9
    assert table["cumulative"].between(table["band_low"], table["band_high"]).all()


# --- lags -----------------------------------------------------------------------------------------


def test_the_fewest_lags_beyond_which_nothing_moves():
    table = pd.DataFrame(
        {
            "permanent": [1.30, 1.20, 1.05, 1.02, 1.03, 1.01],
            "std_error": [0.06, 0.06, 0.06, 0.06, 0.06, 0.06],
            "bic": [5.0, 3.0, 4.0, 4.5, 4.6, 4.7],
        },
        index=pd.Index(range(1, 7), name="lags"),
    )
    # BIC says 2, where longer ones go .19 lower; at 3 they go .04 lower, at 4 less than half of .06
    assert chosen_lags(table) == 4
    assert chosen_lags(table.assign(bic=[5.0, 4.0, 4, 4, 3, 4])) == 5
    assert chosen_lags(table.assign(permanent=[1, 2, 3, 4, 5, 6])) == 6


def test_bic_alone_takes_too_few_lags_and_few_lags_are_flagged():
    long = economy_tape(np.random.default_rng(3), days=20, trades=5000)
    found = mm.trade_quote_var(long, **ASKED)
    steps = found.details["lags"]
    assert steps["bic"].idxmin() < steps.index[steps["chosen"]][0]
    # what BIC takes is still away from 1, ours is not
    assert steps.loc[steps["bic"].idxmin(), "permanent"] > 1.008
    assert found.quantities["permanent"].low < 1 < found.quantities["permanent"].high
    assert "longer_lags_may_matter" in mm.trade_quote_var(long, lags=3, **ASKED).flags


def test_pressure_that_fades_over_hours_looks_permanent_to_twenty_lags():
    """The sample: .013 bps a unit at once, of which .005 stays; 140 units a trade on average.

    The makers' half-lives are 10 and 30 minutes, some hundred trades. The first number is right,
    the second is not what stays, and the docstring says so.
    """
    found = mm.trade_quote_var(mm.sample(), lags=20, draws=199).quantities
    assert found["immediate"].value == pytest.approx(0.013 * 140, rel=0.03)
    assert found["permanent"].low > 2 * 0.005 * 140


# --- conventions ----------------------------------------------------------------------------------


def test_nothing_crosses_a_night(trades, answer):
    jump = 7 * trades["day"].dt.day
    moved = trades.assign(**{c: trades[c] + jump for c in ("price", "bid", "ask")})
    found = mm.trade_quote_var(moved, lags=4, **ASKED)
    pd.testing.assert_frame_equal(found.table, answer.table, rtol=1e-6)


def test_a_mirrored_tape_tells_the_same(trades, answer):
    mirrored = trades.assign(
        side=-trades["side"], bid=2000 - trades["ask"], ask=2000 - trades["bid"]
    )
    found = mm.trade_quote_var(mirrored, lags=4, **ASKED)
    pd.testing.assert_frame_equal(found.table, answer.table, rtol=1e-6)


def test_units(trades, answer):
    twice = trades.assign(**{c: 2 * trades[c] for c in ("price", "bid", "ask")})
    in_currency = mm.trade_quote_var(twice, lags=4, **ASKED).quantities["permanent"]
    assert in_currency.value == pytest.approx(2 * answer.quantities["permanent"].value)
    in_bps = [
        mm.trade_quote_var(made, lags=4, **(ASKED | {"units": "bps"})).quantities["permanent"]
        for made in (trades, twice)
    ]
    assert in_bps[0].value == pytest.approx(in_bps[1].value)
    # a mid near 1,000: 1 is 10 bps
    assert in_bps[0].value == pytest.approx(10 * answer.quantities["permanent"].value, rel=0.02)
    assert in_bps[0].unit == "bps a purchase of 1 units"
    large = mm.trade_quote_var(trades, lags=4, **(ASKED | {"size": 3.0})).quantities
    assert large["permanent"].high == pytest.approx(3 * answer.quantities["permanent"].high)
    assert large["trade_share"] == answer.quantities["trade_share"]


def test_an_order_of_several_prints_is_one_trade(trades, answer):
    many = trades.loc[trades.index.repeat(3)]
    prints = many.assign(seq=range(len(many)), size=many["size"] / 3)
    found = mm.trade_quote_var(prints, lags=4, **ASKED)
    pd.testing.assert_frame_equal(found.table, answer.table)
    assert found.sample.dropped["of one order with the trade before"] == 2 * len(trades)
    apart = mm.trade_quote_var(prints, lags=4, within=None, **ASKED)
    assert apart.sample.used == 8 * (900 - 1 - 4)


def test_a_trade_that_cannot_be_used_breaks_the_run(trades, answer):
    found = mm.trade_quote_var(
        trades.assign(side=trades["side"].where(trades.index != 50)), lags=4, **ASKED
    )
    # itself, and the four that need it
    assert found.sample.used == answer.sample.used - 5
    assert found.sample.dropped["of unknown side or size"] == 1
    blind = trades.assign(bid=trades["bid"].where(trades.index != 50))
    found = mm.trade_quote_var(blind, lags=4, **ASKED)
    # the revision before and after it, and the four after these
    assert found.sample.used == answer.sample.used - 6


def test_several_variables_let_the_response_bend():
    """r = side (.2 + .3 sqrt(size)) + news and no dynamics: .8 at size 4, 1.7 at size 25."""
    rng = np.random.default_rng(5)
    size = rng.integers(1, 40, (10, 2000))
    side = rng.choice([-1.0, 1.0], size.shape)
    made = tape_of(side * size, side * (0.2 + 0.3 * np.sqrt(size)) + rng.normal(0, 0.3, side.shape))
    for at, truth in ((4.0, 0.8), (25.0, 1.7)):
        asked = ASKED | {"x": ["sign", "sqrt"], "size": at}
        found = mm.trade_quote_var(made, lags=2, **asked)
        permanent = found.quantities["permanent"]
        assert permanent.low < truth < permanent.high
        assert permanent.value == pytest.approx(truth, abs=0.08)
    terms = found.table.set_index("term")["estimate"]
    assert terms["r: sign 0"] == pytest.approx(0.2, abs=0.05)
    assert terms["r: sqrt 0"] == pytest.approx(0.3, abs=0.02)
    # all of the trade's part of the walk, by both variables
    share = (0.2 + 0.3 * np.sqrt(size)).var() + (0.2 + 0.3 * np.sqrt(size)).mean() ** 2
    assert found.quantities["trade_share"].value == pytest.approx(share / (share + 0.09), abs=0.02)


def test_a_market_is_joined_with_the_quotes_before(trades, answer):
    tape = trades[["time", "seq", "symbol", "side", "price", "size"]].assign(
        seq=2 * trades["seq"] + 1
    )
    quotes = trades[["time", "seq", "symbol", "bid", "ask"]].assign(seq=2 * trades["seq"])
    market = mm.Market(trades=tape, quotes=quotes.assign(bid_size=1.0, ask_size=1.0))
    pd.testing.assert_frame_equal(mm.trade_quote_var(market, lags=4, **ASKED).table, answer.table)


# --- bad input ------------------------------------------------------------------------------------

CANNOT_TELL = {
    "no quotes": (lambda t: t.assign(bid=np.nan, ask=np.nan), "0 trades with side and quotes"),
    "a one-sided book": (lambda t: t.assign(ask=np.nan), "0 trades with side and quotes"),
    "crossed quotes": (
        lambda t: t.assign(bid=t["ask"] + 1),
        "locked or crossed ones, here or at the",
    ),
    "locked quotes": (lambda t: t.assign(bid=t["ask"]), "0 trades with side and quotes"),
    "no sides": (lambda t: t.assign(side=np.nan), "of unknown side or size"),
    "too few trades": (lambda t: t.head(25), "24 trades with side"),
    "one-sided trades": (lambda t: t.assign(side=1.0), "every trade is on one side"),
    "constant quotes": (lambda t: t.assign(bid=9.0, ask=10.0), "mids never change"),
    "flow of no variance": (lambda t: t.assign(size=0.0), "every trade is on one side"),
    "sessions shorter than the lag": (
        lambda t: t.assign(day=t["day"] + pd.to_timedelta(t["seq"] // 4, unit="h")),
        "0 trades have 4 lags before them in their day (the longest run is 3 trades)",
    ),
    "sides that alternate": (
        lambda t: t.assign(side=np.where(t["seq"] % 2 == 0, 1.0, -1.0), size=1.0),
        "each trade follows from those before it",
    ),
    "no trades": (lambda t: t.iloc[:0], "0 trades"),
}


@pytest.mark.bad_input(*CANNOT_TELL)
@pytest.mark.parametrize("fault", CANNOT_TELL)
def test_trades_that_cannot_tell_are_refused(fault, trades):
    change, reason = CANNOT_TELL[fault]
    found = mm.trade_quote_var(change(trades), lags=4, **ASKED)
    assert list(found.quantities) == list(NAMES)
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert reason in quantity.reason
    assert reason in str(found)


def test_what_never_ends_has_no_permanent_response():
    rng = np.random.default_rng(6)
    r = np.zeros((1, 120))
    x = rng.standard_normal(r.shape)
    for t in range(1, r.shape[1]):
        r[0, t] = 1.06 * r[0, t - 1] + x[0, t] + 0.1 * rng.standard_normal()
    made = tape_of(x, r)
    far = made.assign(**{c: made[c] + 10**6 for c in ("price", "bid", "ask")})
    found = mm.trade_quote_var(far, lags=1, **ASKED)
    assert "unstable" in found.flags
    assert found.quantities["immediate"].identified
    for name in NAMES[1:]:
        assert "the VAR is unstable (root 1.0" in found.quantities[name].reason


@pytest.mark.bad_input("unknown option", "lags that are none")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": "volume"}, "x must be of sign, signed_size, sqrt"),
        ({"x": []}, "x must be of"),
        ({"x": ["sign", "sign"]}, "each once"),
        ({"units": "ticks"}, "units must be one of bps, currency"),
        ({"lags": 0}, "lags must be 'auto' or a whole number from 1 up, not 0"),
        ({"lags": 2.5}, "not 2.5"),
        ({"size": -1.0}, "size must be above 0 and finite, not -1.0"),
        ({"horizon": -1}, "horizon must be a whole number"),
    ],
)
def test_unknown_options(trades, options, message):
    with pytest.raises(ValueError, match=message):
        mm.trade_quote_var(trades, **options)


def test_several_symbols_are_not_one_tape(trades):
    both = pd.concat([trades, trades.assign(symbol="Y")])
    with pytest.raises(ValueError, match="2 symbols: trades follow each other in one"):
        mm.trade_quote_var(both)
    one = mm.trade_quote_var(both, symbol="Y", lags=4, **ASKED)
    assert one.sample.used == 8 * 295
