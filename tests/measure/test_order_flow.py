"""Order flow imbalance by bar: the panel's answer, levels, what is passed over, events, days."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure.quotes import order_flow_imbalance
from tests.measure.test_quote_bars import _quotes

DAY = pd.Timestamp("2024-03-06", tz="UTC")
BOOK = ["bid", "ask", "bid_size", "ask_size"]


def hostile(seed: int = 1, n: int = 600, **tables: pd.DataFrame) -> mm.Market:
    """Quotes that are crossed, lack a side or a size; prints beside them."""
    rng = np.random.default_rng(seed)
    quotes = _quotes(rng, n).assign(symbol="X")
    trades = pd.DataFrame({"time": quotes["time"].sample(60, random_state=seed).sort_values()})
    trades = trades.assign(seq=np.arange(60) + 10**6, symbol="X", price=100.0, size=2.0)
    trades = trades.assign(side=rng.choice([1.0, -1.0, np.nan], 60))
    about = pd.DataFrame({"symbol": ["X"], "tick": [0.01]})
    return mm.Market(symbols=about, quotes=quotes, trades=trades, **tables)


def two_sided(quotes: pd.DataFrame) -> pd.Series:
    return quotes["bid"] < quotes["ask"]


@pytest.mark.parametrize("freq", ["1min", "30min", "7 trades", "1D"])
def test_is_the_panels(freq):
    """The same kernel's sums, where nothing is passed over, and where nothing had to be."""
    market = hostile()
    clean = market.replace(quotes=market.quotes[two_sided(market.quotes)])
    for some, aside in ((market, False), (clean, True), (clean, False)):
        panel = mm.panel(some, freq=freq).set_index("start")
        found = mm.order_flow_imbalance(some, freq=freq, aside=aside).set_index("start")
        rows = panel.index.intersection(found.index)
        assert len(rows) >= len(found) - 1
        for name, theirs in {
            "ofi": "order_flow_imbalance",
            "mid": "mid",
            "mid_start": "mid_start",
            "trade_imbalance": "trade_imbalance",
            "market_volume": "market_volume",
            "unsigned_volume": "unsigned_volume",
        }.items():
            left, right = found.loc[rows, name], panel.loc[rows, theirs]
            np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-9, err_msg=name)


def test_what_is_passed_over_is_as_if_it_were_not_there():
    market = hostile(2)
    quotes = market.quotes
    kept = market.replace(quotes=quotes[two_sided(quotes)])
    found = mm.order_flow_imbalance(market, freq="30min")
    wanted = mm.order_flow_imbalance(kept, freq="30min")
    one_sided = quotes["bid"].isna() | quotes["ask"].isna()
    assert found.attrs["one_sided"] == one_sided.sum() > 0
    assert found.attrs["crossed"] == (~one_sided & ~two_sided(quotes)).sum() > 0
    assert found["aside"].sum() == found.attrs["one_sided"] + found.attrs["crossed"]
    rows = found["start"].isin(wanted["start"])
    columns = found.columns.drop(["aside"])
    left = found.loc[rows, columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(left, wanted[columns], check_exact=False)


def test_by_hand_day_after_day():
    """Two bars and a night: the second day's first quote is no change."""
    time = ["10:00:00", "10:00:04", "10:00:10", "10:00:11", "34:00:01", "34:00:02"]
    quotes = pd.DataFrame({"time": DAY + pd.to_timedelta(time), "seq": np.arange(6), "symbol": "X"})
    quotes["bid"] = [9.0, 9.0, 9.5, 9.5, 20.0, 20.0]
    quotes["ask"] = [10.0, 10.0, 10.0, 10.5, 21.0, 21.0]
    quotes["bid_size"] = [4.0, 9.0, 2.0, 2.0, 50.0, 40.0]
    quotes["ask_size"] = [6.0, 6.0, 5.0, 8.0, 50.0, 50.0]
    about = pd.DataFrame({"symbol": ["X"], "tick": [0.5]})
    table = mm.order_flow_imbalance(mm.Market(symbols=about, quotes=quotes), freq="10s")
    held = table[table["quotes"] > 0].reset_index(drop=True)
    # at 10:00:00 is a bar's end: it belongs there and is the first; +5; +2 and +1 (ask 6 to 5); +5
    assert held["ofi"].tolist() == [0, 8, 5, -10]
    assert held["quotes"].tolist() == [1, 2, 1, 2]
    assert held["move_ticks"].tolist() == [0, 0.5, 0.5, 0]
    # the bid left a level of 9 for a better one; the ask reached one of 8
    assert held["bid_moves"].tolist() == [0, 1, 0, 0]
    assert held["bid_moved"].dropna().tolist() == [9]
    assert held["ask_moves"].tolist() == [0, 0, 1, 0]
    assert held["ask_moved"].dropna().tolist() == [8]
    assert held["depth"].tolist() == [5, (7.5 + 3.5) / 2, 5, (50 + 45) / 2]
    # bars without a quote have no flow and no move; before the day's first quote none is known
    empty = table[table["quotes"] == 0]
    between = empty[empty["start"] < DAY + pd.Timedelta("24h")]
    assert (between["ofi"] == 0).all()
    assert (between["move_ticks"] == 0).all()
    assert empty.loc[empty["start"] >= DAY + pd.Timedelta("24h"), "ofi"].isna().any()
    assert between["depth"].isna().all()


@pytest.fixture(scope="module")
def deep() -> mm.Market:
    return mm.simulate.queue_book(depth=40, session_seconds=1800, levels=3, seed=1).market


def test_levels_are_the_best_ones_rule_on_their_own_prices(deep):
    found = mm.order_flow_imbalance(deep, freq="1min", levels=3)
    book = deep.book
    bar = np.searchsorted(found["end"], book["time"])
    for m in (1, 2, 3):
        level = book[[f"{name}_{m}" for name in BOOK]].set_axis(BOOK, axis=1)
        terms = order_flow_imbalance(level).fillna(0)
        np.testing.assert_allclose(found[f"ofi_{m}"], np.bincount(bar, terms), atol=1e-9)
    assert found["ofi"].equals(found["ofi_1"])
    assert found["depth_2"].dropna().eq(40).all()
    best = mm.order_flow_imbalance(deep, freq="1min")
    np.testing.assert_allclose(best["ofi"], found["ofi"], atol=1e-9)


def test_a_market_with_a_book_alone_has_the_same_best_level(deep):
    alone = mm.Market(symbols=deep.symbols, book=deep.book)
    found = mm.order_flow_imbalance(alone, freq="1min")
    wanted = mm.order_flow_imbalance(deep, freq="1min")
    np.testing.assert_allclose(found["ofi"], wanted["ofi"], atol=1e-9)
    assert found["trade_imbalance"].isna().all()


def test_bars_of_quotes_hold_so_many(deep):
    found = mm.order_flow_imbalance(deep, freq="100 quotes")
    assert (found["quotes"].iloc[:-1] == 100).all()
    assert found["quotes"].sum() == len(deep.quotes)
    whole = mm.order_flow_imbalance(deep, freq="1D")["ofi"].sum()
    assert found["ofi"].sum() == pytest.approx(whole)


def test_idle_rows_change_nothing_and_signs_and_sizes_turn_over(deep):
    found = mm.order_flow_imbalance(deep)
    quotes = deep.quotes
    idle = quotes.iloc[::3].assign(seq=lambda q: q["seq"] + 0)
    doubled = pd.concat(
        [quotes.assign(seq=quotes["seq"] * 2), idle.assign(seq=idle["seq"] * 2 + 1)]
    )
    doubled = doubled.sort_values(["time", "seq"], ignore_index=True)
    again = mm.order_flow_imbalance(deep.replace(quotes=doubled))
    np.testing.assert_allclose(again["ofi"], found["ofi"], atol=1e-9)
    names = {"bid": "ask", "ask": "bid", "bid_size": "ask_size", "ask_size": "bid_size"}
    mirror = quotes.rename(columns=names).assign(bid=200 - quotes["ask"], ask=200 - quotes["bid"])
    turned = mm.order_flow_imbalance(deep.replace(quotes=mirror[quotes.columns]))
    np.testing.assert_allclose(turned["ofi"], -found["ofi"], atol=1e-9)
    np.testing.assert_allclose(turned["move_ticks"], -found["move_ticks"], atol=1e-6)
    tenfold = quotes.assign(bid_size=quotes["bid_size"] * 10, ask_size=quotes["ask_size"] * 10)
    scaled = mm.order_flow_imbalance(deep.replace(quotes=tenfold))
    np.testing.assert_allclose(scaled["ofi"], 10 * found["ofi"], atol=1e-6)


def test_a_market_saved_by_day_gives_the_same(tmp_path):
    market = mm.simulate.queue_book(days=3, session_seconds=600, seed=5).market
    saved = mm.open(market.save(tmp_path / "m", by="day"))
    for freq in ("10s", "100 quotes", "20 trades"):
        wanted = mm.order_flow_imbalance(market, freq=freq)
        pd.testing.assert_frame_equal(mm.order_flow_imbalance(saved, freq=freq), wanted)


def test_several_symbols_and_what_no_session_holds():
    one, other = hostile(3), hostile(4)
    quotes = pd.concat([one.quotes, other.quotes.assign(symbol="Y")], ignore_index=True)
    both = mm.Market(quotes=quotes, calendar="09:00-17:00 UTC")
    found = mm.order_flow_imbalance(both, freq="1min")
    assert found["symbol"].unique().tolist() == ["X", "Y"]
    held = found["quotes"].sum() + found["aside"].sum()
    assert held + found.attrs["quotes_outside"] == len(quotes)
    assert found["move_ticks"].isna().all()  # no tick is known
    alone = mm.order_flow_imbalance(both, freq="1min", symbol="Y")
    rows = found[found["symbol"] == "Y"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, rows)


@pytest.mark.bad_input("no quotes")
def test_no_quotes_are_refused():
    market = hostile()
    bare = mm.Market(trades=market.trades)
    with pytest.raises(ValueError, match="no quotes and no book"):
        mm.order_flow_imbalance(bare)
    with pytest.raises(ValueError, match="no row of quotes"):
        mm.order_flow_imbalance(bare.replace(quotes=market.quotes.iloc[:0]))
    with pytest.raises(ValueError, match="no quotes of Z; of X"):
        mm.order_flow_imbalance(market, symbol="Z")


@pytest.mark.bad_input("more levels than the book has")
def test_levels_that_are_not_there_are_refused(deep):
    with pytest.raises(ValueError, match="levels=4: the book has 1 to 3"):
        mm.order_flow_imbalance(deep, levels=4)
    with pytest.raises(ValueError, match="the best quotes alone"):
        mm.order_flow_imbalance(hostile(), levels=2)
    with pytest.raises(ValueError, match="levels=0"):
        mm.order_flow_imbalance(deep, levels=0)


@pytest.mark.bad_input("a step that is no step")
@pytest.mark.parametrize("freq", ["0 quotes", "fast", "2D"])
def test_a_step_that_is_none_is_refused(deep, freq):
    with pytest.raises(ValueError, match=r"freq|step"):
        mm.order_flow_imbalance(deep, freq=freq)


@pytest.mark.bad_input("one-sided book")
def test_a_book_of_one_side_has_no_flow():
    market = hostile()
    bids = market.quotes.assign(ask=np.nan, ask_size=np.nan)
    found = mm.order_flow_imbalance(market.replace(quotes=bids))
    assert found["ofi"].isna().all()
    assert found["mid"].isna().all()
    assert found.attrs["one_sided"] == len(bids)
