"""Accuracy by location in the spread, and what wrong signs do to a slope."""

import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

import mmresearch as mm
from mmresearch.estimate.errors import regress
from mmresearch.estimate.sign_errors import undo_sign_errors

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")


def tape(prices, sides, seconds=None):
    seconds = np.arange(len(prices)) if seconds is None else seconds
    time = START + pd.to_timedelta(list(seconds), unit="s")
    table = pd.DataFrame({"time": time, "seq": range(len(prices)), "symbol": "X"})
    return table.assign(price=np.asarray(prices, float), size=1.0, side=np.asarray(sides, float))


def quotes(bid, ask, seconds):
    time = START + pd.to_timedelta(list(seconds), unit="s")
    table = pd.DataFrame({"time": time, "seq": 0, "symbol": "X", "bid": bid, "ask": ask})
    return table.assign(bid_size=1.0, ask_size=1.0)


#          no quote | at the ask, the bid | mid | inside | outside | locked | no side reported
PRICES = [10.00, 10.10, 10.00, 10.05, 10.05, 10.08, 10.02, 10.12, 10.10, 10.10]
SIDES = [1, 1, -1, -1, 1, -1, -1, 1, 1, np.nan]
KNOWN = quotes([10.00, 10.10], [10.10, 10.10], [0.5, 7.5])


def cells(table, rule):
    return table[table["rule"] == rule].set_index("location")


def test_accuracy_by_location_by_hand():
    table = mm.sign_accuracy(tape(PRICES, SIDES), KNOWN, errors="independent")
    assert table.attrs == {"unreported": 1}
    found = cells(table, "lee_ready")
    # 10.05 twice at the mid after an uptick: of -1, +1 one is right; 10.08 is taken for a buy;
    # the last but one meets a locked quote after a downtick: taken for a sale
    counts = {"at bid or ask": 2, "inside": 2, "at mid": 2, "outside": 1, "locked or crossed": 1}
    assert found["trades"].to_dict() == counts | {"no quote": 1, "all": 9}
    assert found.loc["all", "signed"] == 8
    assert found.loc["all", "accuracy"] == 5 / 8
    assert found.loc["at bid or ask", "accuracy"] == 1
    assert found.loc["at mid", "accuracy"] == 0.5
    assert found.loc["inside", "accuracy"] == 0.5
    assert found.loc["no quote", "signed"] == 0
    assert found.loc["no quote", "share_unknown"] == 1
    assert math.isnan(found.loc["no quote", "low"])
    quote = cells(table, "quote")
    assert quote.loc["at mid", "share_unknown"] == 1
    assert quote.loc["all", "factor"] == pytest.approx(2 * quote.loc["all", "accuracy"] - 1)


def test_intervals_are_wilsons():
    table = mm.sign_accuracy(tape(PRICES, SIDES), KNOWN, errors="independent", level=0.9)
    for row in table[table["signed"] > 0].itertuples():
        right = round(row.accuracy * row.signed)
        low, high = proportion_confint(right, row.signed, alpha=0.1, method="wilson")
        assert (row.low, row.high) == pytest.approx((low, high))
        assert row.effective == pytest.approx(row.signed)


def hidden(rng, n, *, inside=0.2, run=1):
    """Trades at the bid, the ask (wrong side never) and the mid, the mid walking; true sides."""
    mid = 1_000 + 2 * np.cumsum(rng.choice([-1, 0, 1], n))
    side = np.repeat(rng.choice([-1, 1], n // run + 1), run)[:n]
    at_mid = np.repeat(rng.random(n // run + 1) < inside, run)[:n]
    price = mid + np.where(at_mid, 0, side)
    known = quotes((mid - 1) / 100, (mid + 1) / 100, np.arange(n) - 0.5)
    return tape(price / 100, side), known, at_mid


def test_accuracy_of_a_simulated_tape_by_formula():
    # at the quotes no rule that sees them errs; at the mid the side is a coin to the tick test
    n = 20_000
    trades, known, at_mid = hidden(np.random.default_rng(1), n)
    table = mm.sign_accuracy(trades, known)
    for rule in ("lee_ready", "emo", "clnv"):
        found = cells(table, rule)
        assert found.loc["at bid or ask", "accuracy"] == 1
        assert found.loc["at mid", "trades"] == at_mid.sum()
        assert found.loc["at mid", "accuracy"] == pytest.approx(0.5, abs=2 / at_mid.sum() ** 0.5)
        want = 1 - at_mid.mean() * found.loc["at mid", "error"]
        assert found.loc["all", "accuracy"] == pytest.approx(want, abs=1e-3)
    assert cells(table, "quote").loc["all", "share_unknown"] == pytest.approx(at_mid.mean())


def test_errors_in_runs_make_the_interval_wider():
    trades, known, _ = hidden(np.random.default_rng(2), 20_000, run=10)
    wide = cells(mm.sign_accuracy(trades, known, rules="tick"), "tick").loc["all"]
    naive = mm.sign_accuracy(trades, known, rules="tick", errors="independent").iloc[-1]
    assert wide["accuracy"] == naive["accuracy"]
    assert wide["effective"] < 0.8 * naive["effective"]
    assert wide["high"] - wide["low"] > naive["high"] - naive["low"]


def test_without_quotes_every_trade_has_none():
    table = mm.sign_accuracy(tape(PRICES, SIDES))
    assert set(table["location"]) == {"no quote", "all"}


def test_a_market_brings_its_quotes():
    market = mm.Market(trades=tape(PRICES, SIDES), quotes=KNOWN)
    pd.testing.assert_frame_equal(
        mm.sign_accuracy(market), mm.sign_accuracy(market.trades, market.quotes)
    )


@pytest.mark.bad_input("no reported sides")
def test_without_reported_sides_nothing_is_told():
    with pytest.raises(ValueError, match="no trade has a reported side"):
        mm.sign_accuracy(tape(PRICES, np.nan), KNOWN)
    found = mm.attenuation(mm.sign_trades(tape(PRICES, np.nan), KNOWN))
    assert not found.identified
    assert "no side is reported" in str(found)


def test_what_is_refused():
    with pytest.raises(ValueError, match="lee_ready, quote"):
        mm.sign_accuracy(tape(PRICES, SIDES), KNOWN, rules="lr")
    with pytest.raises(ValueError, match="auto, cluster"):
        mm.sign_accuracy(tape(PRICES, SIDES), KNOWN, errors="HC1")
    with pytest.raises(ValueError, match="sign, size"):
        mm.attenuation(mm.sign_trades(tape(PRICES, SIDES), KNOWN), flow="value")
    few = mm.attenuation(mm.sign_trades(tape(PRICES, SIDES), KNOWN))
    assert not few.identified
    assert "30 are needed" in few.reason


def flipped(rng, e, *, n=200_000, buys=0.5, slope=0.3, sizes=1.0):
    """True sides, inferred ones wrong with probability e whatever the price does, the change."""
    true = np.where(rng.random(n) < buys, 1.0, -1.0)
    inferred = true * np.where(rng.random(n) < e, -1.0, 1.0)
    change = slope * true * sizes + 0.5 * rng.standard_normal(n)
    return true, inferred, change


def signed_table(true, inferred, sizes=1.0):
    table = tape(np.full(len(true), 10.0), inferred, np.arange(len(true)) // 3)
    return table.assign(reported_side=true, size=sizes)


@pytest.mark.parametrize(("e", "slope"), [(0.05, 0.270), (0.15, 0.210), (0.25, 0.150)])
def test_wrong_signs_attenuate_a_slope_and_the_factor_undoes_it(e, slope):
    """The truth of models.md C1 and D2: 0.300 becomes 0.270, 0.210, 0.150."""
    true, inferred, change = flipped(np.random.default_rng(4), e)
    days = pd.Series(np.arange(len(true)))
    fit = regress(pd.Series(change), pd.DataFrame({"q": inferred}), days, errors="HC1")
    found, error = fit.table.loc[0, ["estimate", "std_error"]]
    assert found == pytest.approx(slope, abs=4 * error)
    factor = mm.attenuation(signed_table(true, inferred))
    assert factor.low <= 1 - 2 * e <= factor.high
    for known in (e, factor):
        value, spread = undo_sign_errors(found, error, known)
        assert value == pytest.approx(0.3, abs=4 * spread)
        assert spread > error


def test_the_factor_with_a_constant_and_more_buys_than_sells():
    e, m = 0.15, 0.6
    _, inferred, change = flipped(np.random.default_rng(5), e, buys=(1 + m) / 2)
    slope = np.polyfit(inferred, change, 1)[0]
    share = (1 - 2 * e) * (1 - m**2) / (1 - (1 - 2 * e) ** 2 * m**2)
    assert slope == pytest.approx(0.3 * share, abs=0.006)
    assert slope < 0.3 * (1 - 2 * e) - 0.02


def test_the_factor_of_signed_sizes():
    # large trades are signed worse: the slope on side times size loses more
    rng = np.random.default_rng(6)
    sizes = rng.choice([1.0, 3.0], 200_000)
    true, inferred, change = flipped(rng, np.where(sizes > 1, 0.3, 0.05), sizes=sizes)
    flow = inferred * sizes
    slope = (flow * change).sum() / (flow**2).sum()
    table = signed_table(true, inferred, sizes)
    by_size, by_sign = mm.attenuation(table, flow="size"), mm.attenuation(table)
    assert by_size.value == pytest.approx((0.9 + 9 * 0.4) / 10, abs=0.01)
    assert slope / 0.3 == pytest.approx(by_size.value, abs=0.01)
    assert by_sign.value == pytest.approx(0.65, abs=0.01)
    assert by_size.low < by_size.value < by_size.high


def test_the_delta_method_by_simulation():
    # slope and factor from samples of their own: the spread of the quotient is what is said
    rng, e, n = np.random.default_rng(7), 0.2, 300
    values, spreads = [], []
    for _ in range(200):
        true, inferred, change = flipped(rng, e, n=n)
        slope = (inferred * change).mean()
        error = (inferred * change).std() / math.sqrt(n)
        true, inferred, _ = flipped(rng, e, n=n)
        factor = mm.attenuation(signed_table(true, inferred), errors="independent")
        value, spread = undo_sign_errors(slope, error, factor)
        values.append(value)
        spreads.append(spread)
    assert np.std(values) == pytest.approx(np.mean(spreads), rel=0.2)


def test_signs_that_are_coins_are_not_divided_by():
    true, inferred, _ = flipped(np.random.default_rng(8), 0.5, n=500)
    found = mm.attenuation(signed_table(true, inferred))
    assert not found.identified
    with pytest.raises(ValueError, match="not identified"):
        undo_sign_errors(0.1, 0.01, found)
    for e in (0.5, -0.1, math.nan):
        with pytest.raises(ValueError, match=r"below 0\.5"):
            undo_sign_errors(0.1, 0.01, e)
