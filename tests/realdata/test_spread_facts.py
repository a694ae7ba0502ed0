"""Signs and spreads of the highfrequency package's raw sample, by its definitions coded plainly.

R is not needed: `getTradeDirection` and `getLiquidityMeasures` are written out as their source has
them. There `win` shifts rows, so the comparison stands on a grid of seconds; its priceImpact is
half of ours, and so are halfTradedSpread and what is proportional to them; it divides by the mid
now, never by the later one; and it takes a trade that nothing signs, such as a day's first, for a
buy.
"""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import mmresearch as mm
from mmresearch.measure import references

WIN = 300


@pytest.fixture(scope="module")
def market(realdata):
    folder = realdata / "highfrequency"
    if not folder.is_dir():
        pytest.skip("needs the real files in ../shared/realdata/highfrequency")
    return mm.load.taq(sorted(folder.glob("*.csv.gz")), clean="bnhls", exchange="N")


@pytest.fixture(scope="module")
def grid(market):
    """Of the first day each second's last quote and last price, carried forward."""
    day = market.quotes["time"].dt.floor("D").min()
    seconds = pd.DataFrame(
        {"time": pd.date_range(day + pd.Timedelta("14:35:00"), periods=20_000, freq="s")}
    )
    seconds["time"] = seconds["time"].astype("datetime64[ns, UTC]")
    quotes = pd.merge_asof(seconds, market.quotes[["time", "bid", "ask", "bid_size", "ask_size"]])
    prices = pd.merge_asof(seconds, market.trades[["time", "price", "size"]])
    return quotes.assign(price=prices["price"], size=prices["size"])


def directions(price, mid):
    """Lee and Ready as `getTradeDirection` has it: what is left is a buy."""
    change = np.sign(np.diff(price, prepend=price[0]))
    tick, last = np.ones(len(price)), 1.0
    for i, sign in enumerate(change):
        last = sign or last
        tick[i] = last
    return np.where(price > mid, 1.0, np.where(price < mid, -1.0, tick))


def quotes_of(grid):
    rows = grid[["time", "bid", "ask", "bid_size", "ask_size"]]
    return rows.assign(symbol="S", seq=0)


def spreads_of(grid, **options):
    trades = grid[["time", "price", "size"]].assign(symbol="S", seq=1)
    return mm.spreads(trades, quotes_of(grid), horizons=[f"{WIN}s", f"{WIN} trades"], **options)


@pytest.fixture(scope="module")
def ours(grid):
    return spreads_of(grid, unit="abs")


def test_signs_are_theirs_but_for_what_nothing_signs(grid, ours):
    mid = (grid["bid"].to_numpy() + grid["ask"].to_numpy()) / 2
    theirs = directions(grid["price"].to_numpy(), mid)
    known = ours["side"].notna().to_numpy()
    # a mid that rounding puts beside the price is the mid to us
    clear = np.abs(grid["price"].to_numpy() - mid) > 1e-9
    np.testing.assert_array_equal(ours["side"][known & clear], theirs[known & clear])
    assert (known & clear).mean() > 0.5
    assert (ours["side"].to_numpy() == theirs)[known].mean() > 0.97
    assert (theirs[~known] == 1).all()


def test_spreads_are_theirs_on_a_grid_of_seconds(grid, ours):
    mid = (grid["bid"] + grid["ask"]) / 2
    side, price = ours["side"], grid["price"]
    effective, realized = 2 * side * (price - mid), 2 * side * (price - mid.shift(-WIN))
    impact = (effective - realized) / 2  # their priceImpact
    np.testing.assert_allclose(ours["quoted_full_abs"], grid["ask"] - grid["bid"])
    np.testing.assert_allclose(ours["effective_full_abs"], effective, atol=1e-9)
    np.testing.assert_allclose(ours[f"realized_full_abs_{WIN}s"], realized, atol=1e-9)
    np.testing.assert_allclose(ours[f"impact_full_abs_{WIN}s"], 2 * impact, atol=1e-9)
    assert ours.attrs["counts"][f"past the end, {WIN}s"] == WIN


def test_proportional_spreads_are_theirs_of_the_mid_now(grid, ours):
    """Theirs is a share of the mid at the trade, ours basis points; of the later mid it differs."""
    mid, side = (grid["bid"] + grid["ask"]) / 2, ours["side"]
    half = side * (grid["price"] - mid)  # their halfTradedSpread
    realized = 2 * side * (grid["price"] - mid.shift(-WIN))
    impact = (2 * half - realized) / 2
    theirs = {
        "quoted_full_bps": (grid["ask"] - grid["bid"]) / mid,
        "effective_full_bps": 2 * half / mid,
        f"realized_full_bps_{WIN}s": realized / mid,
        f"impact_full_bps_{WIN}s": 2 * impact / mid,
    }
    now, later = (spreads_of(grid, relative_to=which) for which in ("now", "later"))
    for name, share in theirs.items():
        np.testing.assert_allclose(now[name], 1e4 * share, atol=1e-7)
    ahead = [name for name in theirs if name.endswith(f"{WIN}s")]
    for name in ahead:
        np.testing.assert_allclose(
            later[name], 1e4 * theirs[name] * mid / mid.shift(-WIN), atol=1e-7
        )
        known = theirs[name].notna() & (theirs[name] != 0) & (mid != mid.shift(-WIN))
        assert (later[name] != now[name])[known].mean() > 0.99
        assert known.sum() > 1_000


def test_quoted_spread_is_the_grids_mean_over_time(grid):
    """Their quotedSpread is of rows; on seconds its mean is ours over time but for the last."""
    found = mm.quoted_spread(mm.Market(quotes=quotes_of(grid))).iloc[0]
    width = (grid["ask"] - grid["bid"]).iloc[:-1]
    mid = ((grid["bid"] + grid["ask"]) / 2).iloc[:-1]
    assert found["seconds"] == pytest.approx(len(grid) - 1)
    assert found["quoted_full_abs"] == pytest.approx(width.mean(), rel=1e-9)
    assert found["quoted_full_bps"] == pytest.approx(1e4 * (width / mid).mean(), rel=1e-9)


def test_off_the_grid_rows_are_not_seconds(market):
    """On the real clock 300 rows are another horizon than 300 seconds: the answers differ."""
    found = mm.spreads(market, horizons=[f"{WIN}s", f"{WIN} trades"])
    both = found[[f"impact_full_bps_{WIN}s", f"impact_full_bps_{WIN}_trades"]].dropna()
    assert len(both) > 4_000
    assert (both.iloc[:, 0] != both.iloc[:, 1]).mean() > 0.5


def test_every_trade_by_plain_loops(market):
    """Effective and realized spread of every twentieth trade, from the tables row by row."""
    found = mm.spreads(market, horizons=["15s"], sides="quote", unit="abs")
    quotes = market.quotes
    when = quotes["time"].to_numpy("datetime64[ns]").view("int64")
    mids = ((quotes["bid"] + quotes["ask"]) / 2).to_numpy()
    checked = 0
    for row in found.iloc[::20].itertuples():
        before = np.searchsorted(when, row.time.value) - 1  # cleaned: one quote an instant
        if before < 0 or np.isnan(row.reference):
            continue
        assert row.reference == pytest.approx(mids[before])
        later = mids[np.searchsorted(when, row.time.value + 15 * 10**9, side="right") - 1]
        if not np.isnan(row.realized_full_abs_15s):
            want = 2 * row.side * (row.price - later)
            assert row.realized_full_abs_15s == pytest.approx(want, abs=1e-9)
            checked += 1
    assert checked > 100


def test_where_the_side_is_known_rules_err_by_location(realdata):
    """AMZN's visible executions are all right at the quotes; Binance's channels are out of step."""
    amzn = mm.load.lobster(*sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv")))
    found = mm.sign_accuracy(amzn, rules=["lee_ready", "tick"]).set_index(["rule", "location"])
    at_quote = found.loc["lee_ready", "at bid or ask"]
    assert (at_quote["trades"], at_quote["accuracy"]) == (8974, 1.0)
    assert found.loc[("lee_ready", "at mid"), "high"] < found.loc[("lee_ready", "inside"), "low"]
    capture = mm.load.binance(realdata / "binance" / "usdm" / "btcusdt_20240808.gz")
    found = mm.sign_accuracy(capture, rules=["quote", "tick"]).set_index(["rule", "location"])
    assert found.loc[("quote", "all"), "accuracy"] == pytest.approx(0.866, abs=1e-3)
    # many prints of one order lie outside a quote that is late, and the tick test does not need it
    assert found.loc[("tick", "outside"), "low"] > found.loc[("quote", "outside"), "high"]


def test_the_micro_price_of_amzn_tells_more_of_the_mid_to_come_than_the_weighted_mid(realdata):
    """Every second of the day, the mid 10 s later on what each reference adds to the mid now.

    A stock of many ticks to the spread: sizes at the best quotes tell a tick, not half a spread.
    """
    amzn = mm.load.lobster(*sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv")))
    span = [t.value for t in amzn.span("AMZN")]
    at = np.arange(span[0] + 60 * 10**9, span[1] - 11 * 10**9, 10**9)
    tape = references.tape({"time": at, "seq": np.full(len(at), 2**62)}, amzn.calendar("AMZN"))
    steps, beside = references.steps_of(["10s"]), {}
    for name in references.REFERENCES:
        beside[name] = references.references(amzn, "AMZN", tape, steps, reference=name)
    now, later = beside["mid"].reference, beside["mid"].later[0]
    fits = {}
    for name in ("weighted_mid", "microprice"):
        x = pd.DataFrame({"adds": beside[name].reference - now})
        y = pd.Series(later - now)
        known = y.notna() & x["adds"].notna()
        hac = {"cov_type": "HAC", "cov_kwds": {"maxlags": 30}}
        fits[name] = sm.OLS(y[known], sm.add_constant(x[known])).fit(**hac)
    low, high = zip(*(fit.conf_int().loc["adds"] for fit in fits.values()), strict=True)
    assert high[0] < 0.2 < fits["microprice"].params["adds"] < 1.1
    assert low[1] > 0
    found = mm.microprice(amzn)
    widest = found["spread_ticks"].max()
    outer = found[(found["imbalance_low"] > 0.9) & (found["spread_ticks"] < widest)]
    # where over nine tenths of the size are bid: of 19 spreads 17 are told from 0 by two errors
    assert outer["adjustment_ticks"].between(0, 3, inclusive="neither").all()
    assert (outer["adjustment_ticks"] - 2 * outer["std_error"] > 0).mean() > 0.75
