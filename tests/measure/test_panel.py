"""The panel: by hand with both signs, by conservation, and without a look ahead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure.panel import lag_pairs

NAN = np.nan
THREE_MINUTES = "09:30-09:33 UTC"


def _clock(*texts: str) -> pd.DatetimeIndex:
    full = [t if t.startswith("20") else f"2024-01-02 {t}" for t in texts]
    return pd.to_datetime(full, utc=True, format="ISO8601").as_unit("ns")


def _table(columns: str, *rows: tuple, **constants: str) -> pd.DataFrame:
    """Rows whose first value is a time, in text."""
    table = pd.DataFrame(rows, columns=columns.split())
    return table.assign(time=_clock(*table["time"]), **constants)


def _three_trades(sign: int = 1) -> mm.Market:
    """Three trades and two quotes; sign -1 is the same market with bought and sold exchanged."""
    trades = _table(
        "time seq price size side",
        ("09:30:20", 10, 100.0, 3, sign),
        ("09:31:00", 20, 99.0, 2, -sign),  # at the first bar's end: still in it
        ("09:32:30", 30, 99.5, 5, NAN),
        symbol="X",
    )
    fills = _table(
        "time seq side price size",
        ("09:30:20", 10, -sign, 100.0, 3),
        ("09:31:00", 20, sign, 99.0, 2),
        ("09:32:30", 30, sign, 99.5, 1),
        symbol="X",
        account="mm",
    )
    best = [("09:30:10", 1, 99, 101, 4, 6), ("09:31:30", 25, 98, 100, 2, 2)]
    if sign < 0:
        best = [(t, q, 200 - a, 200 - b, n, m) for t, q, b, a, m, n in best]
    quotes = _table("time seq bid ask bid_size ask_size", *best, symbol="X")
    return mm.Market(trades=trades, fills=fills, quotes=quotes, calendar=THREE_MINUTES)


def _is(table: pd.DataFrame, expected: dict[str, list]) -> None:
    for column, values in expected.items():
        np.testing.assert_allclose(
            table[column].to_numpy(float), values, rtol=1e-12, atol=1e-12, err_msg=column
        )


BY_HAND = {
    "bar": [0, 1, 2],
    "time_of_day": [0, 60, 120],
    "inventory_start": [10, 9, 9],
    "inventory_end": [9, 9, 10],
    "flow": [-1, 0, 1],
    "trade_flow": [-1, 0, 1],
    "transfer_flow": [0, 0, 0],
    "overnight_flow": [0, 0, 0],
    "buys": [2, 0, 1],
    "sells": [3, 0, 0],
    "maker_volume": [5, 0, 1],
    "market_volume": [5, 0, 5],
    "participation": [1, NAN, 0.2],
    "trades": [2, 0, 1],
    "mid_start": [100, 100, 99],
    "mid": [100, 99, 99],
    "microprice": [(101 * 4 + 99 * 6) / 10, 99, 99],
    "return_bps": [0, 1e4 * np.log(99 / 100), 0],
    "trade_price": [99, 99, 99.5],
    "trade_return_bps": [1e4 * np.log(99 / 100), 0, 1e4 * np.log(99.5 / 99)],
    # 200 bps known for the first bar's last 50 s; half of the second bar each
    "spread_bps": [200, (200 + 2e4 / 99) / 2, 2e4 / 99],
    "depth": [5, (5 + 2) / 2, 2],
    # the bid's 4 go, 2 come to a lower ask
    "order_flow_imbalance": [0, -6, 0],
    "trade_imbalance": [3 - 2, 0, 0],
    "unsigned_volume": [0, 0, 5],
    "realized_variance": [0, (1e4 * np.log(99 / 100)) ** 2, 0],
    "gap": [False] * 3,
    "opening_known": [True] * 3,
}


def test_three_trades_and_two_quotes_by_hand():
    table = mm.panel(_three_trades(), opening=10)
    _is(table, BY_HAND)
    assert table["start"].tolist() == list(_clock("09:30", "09:31", "09:32"))
    assert table["end"].tolist() == list(_clock("09:31", "09:32", "09:33"))
    assert set(zip(table["account"], table["symbol"], table["day"], strict=True)) == {
        ("mm", "X", pd.Timestamp("2024-01-02"))
    }


def test_three_trades_and_two_quotes_the_other_way_round():
    rise = 1e4 * np.log(101 / 100)
    expected = {
        "inventory_start": [-10, -9, -9],
        "inventory_end": [-9, -9, -10],
        "flow": [1, 0, -1],
        "buys": BY_HAND["sells"],
        "sells": BY_HAND["buys"],
        "mid": [100, 101, 101],
        "microprice": [200 - x for x in BY_HAND["microprice"]],
        "return_bps": [0, rise, 0],
        "depth": BY_HAND["depth"],
        "order_flow_imbalance": [0, 6, 0],
        "trade_imbalance": [-1, 0, 0],
        "realized_variance": [0, rise**2, 0],
    }
    _is(mm.panel(_three_trades(-1), opening=-10), expected)


def test_contract_names_the_columns():
    table = mm.panel(_three_trades())
    assert mm.PANEL["column"].tolist() == table.columns.tolist()
    assert mm.PANEL["known"].isin(["start", "end"]).all()
    types = table.dtypes.astype(str)
    assert types["day"] == "datetime64[ns]"
    assert types["start"] == types["end"] == "datetime64[ns, UTC]"
    assert types["account"] == types["symbol"] == "str"
    assert types["bar"] == types["trades"] == "int64"
    assert types["gap"] == types["opening_known"] == "bool"
    others = types.drop(["account", "symbol", "day", "bar", "start", "end", "trades"])
    assert (others.drop(["gap", "opening_known"]) == "float64").all()


def test_count_bars_by_hand():
    """Two prints, then one: the quote of 09:31:30 comes after the second print."""
    table = mm.panel(_three_trades(), freq="2 trades")
    expected = {
        "trades": [2, 1],
        "flow": [-1, 1],
        "market_volume": [5, 5],
        "mid": [100, 99],
        "mid_start": [100, 100],
        "order_flow_imbalance": [0, -6],
        "spread_bps": [200, (30 * 200 + 90 * 2e4 / 99) / 120],
        "opening_known": [False, False],
    }
    _is(table, expected)
    assert table["end"].tolist() == list(_clock("09:31", "09:33"))


def test_prints_of_one_instant_fall_into_their_bars_by_seq():
    rows = [("2024-01-02", seq, 100.0, 10**seq, 1) for seq in range(4)]
    trades = _table("time seq price size side", *rows, symbol="X")
    fills = trades.assign(account="mm", side=-1)[::2]
    market = mm.Market(trades=trades, fills=fills, calendar="dates")
    table = mm.panel(market, freq="2 trades")
    _is(table, {"market_volume": [11, 1100], "flow": [-1, -100], "inventory_end": [-1, -101]})
    assert table["time_of_day"].isna().all()
    with pytest.raises(ValueError, match="no clock inside a session"):
        mm.panel(market)


def _two_days() -> mm.Market:
    """Sessions of two minutes; a fill after the first close and transfers around it."""
    fills = _table(
        "time seq side price size",
        ("2024-01-02 09:30:30", 0, 1, 10.0, 4),
        ("2024-01-02 09:40:00", 1, -1, 10.0, 2),  # after the close
        ("2024-01-03 09:31:30", 0, -1, 10.0, 1),
        account="mm",
        symbol="X",
    )
    transfers = _table(
        "time seq amount",
        ("2024-01-01 12:00:00", 0, 100.0),  # before the first session
        ("2024-01-02 09:31:30", 0, 8.0),  # inside
        ("2024-01-02 20:00:00", 0, -16.0),  # over night
        ("2024-01-03 20:00:00", 0, 32.0),  # after the last session
        account="mm",
        asset="X",
    )
    cash = _table("time seq amount", ("2024-01-02 09:31:00", 5, 1e6), account="mm", asset="USD")
    moved = pd.concat([transfers, cash])
    return mm.Market(fills=fills, transfers=moved, calendar="09:30-09:32 UTC")


def test_flow_outside_sessions_comes_to_the_next_bar():
    table = mm.panel(_two_days(), opening=1000)
    expected = {
        "overnight_flow": [100, 0, -18, 0],
        "inventory_start": [1100, 1104, 1094, 1094],
        "trade_flow": [4, 0, 0, -1],
        "transfer_flow": [0, 8, 0, 0],
        "flow": [4, 8, 0, -1],
        "inventory_end": [1104, 1112, 1094, 1093],
        "maker_volume": [4, 0, 0, 1],
    }
    _is(table, expected)
    assert table.attrs["after_last_session"] == 1
    assert table[["market_volume", "participation", "mid", "trade_price"]].isna().all(axis=None)


def test_prints_and_quotes_outside_sessions_are_counted_and_left_out():
    market = _three_trades()
    late = _table("time seq price size", ("09:33:01", 0, 500.0, 7), symbol="X")
    early = market.quotes.iloc[:1].assign(time=_clock("09:29:59"), bid=1.0)
    market = market.replace(
        trades=pd.concat([market.trades, late]), quotes=pd.concat([early, market.quotes])
    )
    table = mm.panel(market, opening=10)
    _is(table, BY_HAND)
    assert (table.attrs["trades_outside"], table.attrs["quotes_outside"]) == (1, 1)


def test_asset_of_several_symbols_must_be_told_apart():
    market = _two_days()
    other = market.fills.assign(symbol="Y")
    symbols = pd.DataFrame({"symbol": ["X", "Y"], "asset": "X", "calendar": "09:30-09:32 UTC"})
    tables = {"transfers": market.transfers, "fills": pd.concat([market.fills, other])}
    market = mm.Market(symbols=symbols, **tables)
    with pytest.raises(ValueError, match="X is held in X, Y; give one as symbol="):
        mm.panel(market)
    assert mm.panel(market, symbol="Y")["transfer_flow"].tolist() == [0, 8, 0, 0]


def test_asset_that_never_trades_has_no_session_and_is_counted():
    market = _two_days()
    symbols = pd.DataFrame({"symbol": ["X", "Y"], "calendar": "09:30-09:32 UTC"})
    moved = pd.concat([market.transfers, market.transfers.iloc[:1].assign(asset="Y")])
    market = mm.Market(symbols=symbols, fills=market.fills, transfers=moved)
    table = mm.panel(market)
    assert set(table["symbol"]) == {"X"}
    assert table.attrs["after_last_session"] == 1 + 1
    with pytest.raises(ValueError, match="no session"):
        mm.panel(market, symbol="Y")


def test_transfers_alone_move_the_inventory():
    """An on-chain study: quotes give the sessions, transfers the flow, nobody trades."""
    market = _two_days()
    market = mm.Market(transfers=market.transfers, quotes=_three_trades().quotes)
    table = mm.panel(market, freq="1D", account="mm")
    # the 2nd of January, round the clock, is the only day with quotes
    _is(table, {"overnight_flow": [100], "transfer_flow": [8 - 16], "inventory_end": [92]})
    assert table["participation"].isna().all()


def _two_by_two() -> mm.Market:
    fills = _table(
        "time seq account symbol side price size",
        ("09:30:10", 0, "b", "X", 1, 10.0, 1),
        ("09:30:20", 1, "a", "Y", 1, 20.0, 2),
        ("09:31:10", 2, "a", "X", -1, 11.0, 4),
        ("09:31:20", 3, "b", "X", 1, 11.0, 8),
        ("2024-01-03 09:30:10", 0, "b", "X", -1, 12.0, 16),
    )
    trades = fills.drop(columns=["account", "side"]).assign(size=100)
    quotes = _table(  # the venue is watched to the close
        "time seq symbol bid ask bid_size ask_size",
        ("09:32:00", 0, "X", 9, 11, 1, 1),
        ("09:32:00", 1, "Y", 9, 11, 1, 1),
        ("2024-01-03 09:32:00", 0, "X", 9, 11, 1, 1),
    )
    return mm.Market(fills=fills, trades=trades, quotes=quotes, calendar="09:30-09:32 UTC")


def test_two_accounts_and_two_symbols():
    """Account a has no event on the second day of X, and a row for each of its bars."""
    table = mm.panel(_two_by_two())
    assert list(zip(table["account"], table["symbol"], strict=True)) == (
        [("a", "X")] * 4 + [("a", "Y")] * 2 + [("b", "X")] * 4
    )
    expected = {
        "flow": [0, -4, 0, 0, 2, 0, 1, 8, -16, 0],
        "inventory_end": [0, -4, -4, -4, 2, 2, 1, 9, -7, -7],
        "market_volume": [100, 200, 100, 0, 100, 0, 100, 200, 100, 0],
    }
    _is(table, expected)


def test_one_account_or_one_symbol_is_a_part_of_the_whole():
    whole = mm.panel(_two_by_two())
    for chosen in ({"account": "b"}, {"symbol": "X"}, {"account": ["a"], "symbol": ["Y"]}):
        part = mm.panel(_two_by_two(), **chosen)
        keep = np.ones(len(whole), bool)
        for column, names in chosen.items():
            keep &= whole[column].isin([names] if isinstance(names, str) else names)
        pd.testing.assert_frame_equal(part, whole[keep].reset_index(drop=True))


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"account": "c"}, r"no account \['c'\]; there are a, b"),
        ({"account": ["a", "z"]}, r"no account \['z'\]; there are a, b"),
        ({"symbol": "Z"}, r"no symbol \['Z'\]; there are X, Y"),
        ({"account": "b", "symbol": "Y"}, "no fill"),
        ({"account": ["a", "b"], "symbol": "Y"}, r"account \['b'\] has no fill"),
        ({"freq": "1 fortnight"}, "not understood; give"),
    ],
)
def test_what_is_not_there_is_one_clear_error(chosen, says):
    with pytest.raises(ValueError, match=says):
        mm.panel(_two_by_two(), **chosen)


def test_market_without_anything_held_says_so():
    market = mm.Market(quotes=_three_trades().quotes)
    with pytest.raises(ValueError, match="no fills, trades or transfers"):
        mm.panel(market)


def test_one_bar_a_session_and_missing_sessions():
    """Thursdays are trading days here: the 4th is missing, the weekend is not."""
    days = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05", "2024-01-08", "2024-01-11"]
    prices = [100.0, 110.0, 99.0, 100.0, 101.0, 102.0]
    rows = [(day, i, price, 5) for i, (day, price) in enumerate(zip(days, prices, strict=True))]
    trades = _table("time seq price size", *rows, symbol="X")
    fills = trades.assign(account="mm", side=[1, 1, -1, -1, 1, 1])
    market = mm.Market(trades=trades, fills=fills, calendar="dates")
    table = mm.panel(market, freq="1D")
    change = [NAN, 1e4 * np.log(1.1), 1e4 * np.log(0.9), NAN, 1e4 * np.log(1.01), NAN]
    _is(table, {"trade_return_bps": change, "inventory_end": [5, 10, 5, 0, 5, 10]})
    assert table["gap"].tolist() == [False, False, False, True, False, True]
    assert lag_pairs(table).tolist() == [-1, 0, 1, -1, 3, -1]


def test_day_returns_start_from_the_last_session():
    quotes = _table(
        "time seq bid ask bid_size ask_size",
        ("2024-01-02 10:00", 0, 99, 101, 1, 1),
        ("2024-01-03 10:00", 0, 104, 106, 1, 1),
        ("2024-01-03 12:00", 0, 109, 111, 1, 1),
        ("2024-01-05 12:00", 0, 119, 121, 1, 1),  # nothing known on the 4th
        symbol="X",
    )
    fills = _table("time seq side price size", ("2024-01-02 10:00", 1, 1, 99.0, 1))
    market = mm.Market(quotes=quotes, fills=fills.assign(account="mm", symbol="X"))
    table = mm.panel(market, freq="1D")
    expected = {
        "mid_start": [100, 105, 120],
        "mid": [100, 110, 120],
        "return_bps": [NAN, 1e4 * np.log(1.1), NAN],
        "gap": [False, False, True],
    }
    _is(table, expected)


def test_summer_time_leaves_390_bars_a_session():
    trades = _table(
        "time seq price size side",
        ("2024-03-08 14:30:30", 0, 10.0, 1, 1),  # 09:30:30 in New York, winter
        ("2024-03-11 13:30:30", 0, 10.0, 2, -1),  # and in summer
        ("2024-03-11 19:59:30", 0, 10.0, 4, -1),
        symbol="X",
    )
    table = mm.panel(mm.Market(trades=trades, calendar="XNYS"))
    assert table.groupby("day").size().tolist() == [390, 390]
    _is(table[table["bar"] == 0], {"flow": [-1, 2], "time_of_day": [0, 0]})


def test_round_the_clock_is_1440_bars_a_day():
    trades = _table("time seq price size side", ("00:00:00", 0, 10.0, 1, 1), symbol="X")
    later = trades.assign(time=_clock("2024-01-03 00:00:00"), size=2)
    last = trades.assign(time=_clock("2024-01-03 23:59:30"), size=4)
    table = mm.panel(mm.Market(trades=pd.concat([trades, later, last])))
    assert len(table) == 2880
    assert table.loc[table["flow"] != 0, "bar"].tolist() == [0, 0, 1439]


def test_what_nobody_recorded_is_not_an_inventory_that_stood_still():
    # recorded from 10:00:30 to 10:03:00 of one day and 09:59:30 to 10:01:10 of the day after next
    clocks = ["2024-01-02 10:00:30", "2024-01-02 10:03:00"]
    clocks += ["2024-01-04 09:59:30", "2024-01-04 10:01:10"]
    rows = [(clock, 0, 10.0, 1, 1) for clock in clocks]
    trades = _table("time seq price size side", *rows, symbol="X")
    table = mm.panel(mm.Market(trades=trades))
    assert table["start"].iloc[0] == pd.Timestamp("2024-01-02 10:00", tz="UTC")
    assert table["end"].iloc[-1] == pd.Timestamp("2024-01-04 10:02", tz="UTC")
    assert table["day"].dt.day.unique().tolist() == [2, 4]
    assert table.loc[table["gap"], "start"].tolist() == [pd.Timestamp("2024-01-04", tz="UTC")]
    assert table["flow"].sum() == -4
    # a transfer outside the record is an event of the account: its bar stays
    moved = _table("time seq asset amount", ("2024-01-02 09:58:30", 0, "X", 7.0))
    market = mm.Market(trades=trades, transfers=moved.assign(account="aggregate maker"))
    longer = mm.panel(market)
    assert longer["start"].iloc[0] == pd.Timestamp("2024-01-02 09:58", tz="UTC")
    assert longer["flow"].sum() == 3


@pytest.mark.parametrize(
    ("clocks", "bars"),
    [
        (["10:01:00", "10:03:00"], 3),  # each in the bar that ends there
        (["2024-01-02 00:00:00"], 1),  # the session's first instant
        (["10:00:30"], 1),
    ],
)
def test_first_and_last_event_keep_their_bars(clocks, bars):
    rows = [(clock, 0, 10.0, 2, 1) for clock in clocks]
    table = mm.panel(mm.Market(trades=_table("time seq price size side", *rows, symbol="X")))
    assert len(table) == bars
    assert table["flow"].sum() == -2 * len(clocks)
    assert table["flow"].iloc[0] == table["flow"].iloc[-1] == -2


def test_without_fills_it_is_the_aggregate_maker_and_says_so():
    market = _three_trades()
    market = mm.Market(trades=market.trades, quotes=market.quotes, calendar=THREE_MINUTES)
    table = mm.panel(market)
    # the third trade at 99.5 is above the mid of 99: bought, so the maker sold
    _is(table, {"flow": [-1, 0, -5], "participation": [1, NAN, 1]})
    assert set(table["account"]) == {"aggregate maker"}
    assert "inferred" in table.attrs["note"]
    with pytest.raises(ValueError, match="there are aggregate maker"):
        mm.panel(market, account="mm")


def test_book_stands_in_for_quotes():
    market = _three_trades()
    names = {n: f"{n}_1" for n in ("bid", "ask", "bid_size", "ask_size")}
    book = market.quotes.rename(columns=names)
    market = mm.Market(trades=market.trades, fills=market.fills, book=book, calendar=THREE_MINUTES)
    _is(mm.panel(market, opening=10), BY_HAND)


def test_reported_position_is_the_opening():
    positions = _table("time position", ("08:00", 7.0), account="mm", symbol="X")
    table = mm.panel(_three_trades().replace(positions=positions))
    _is(table, {"inventory_end": [6, 6, 7], "opening_known": [True] * 3})


def _random_market(seed: int = 7, whole: bool = True) -> mm.Market:
    """Three days of prints, fills, transfers and quotes, in and out of hours."""
    rng = np.random.default_rng(seed)
    first = pd.Timestamp("2024-01-02 09:00", tz="UTC")

    def times(n: int) -> pd.DataFrame:
        # many at edges, many ties; the last before midnight of the third day
        seconds = rng.integers(0, 3 * 86400 - 10 * 3600, n) // 10 * 10
        seconds = np.where(rng.random(n) < 0.8, seconds // 86400 * 86400 + seconds % 7200, seconds)
        when = first + pd.to_timedelta(np.sort(seconds), unit="s")
        return pd.DataFrame({"time": when.as_unit("ns"), "seq": rng.permutation(n)})

    def sizes(n: int) -> np.ndarray:
        return rng.integers(1, 50, n) if whole else rng.random(n)

    n = 900
    trades = times(n).assign(symbol="X", price=rng.normal(100, 1, n), size=sizes(n))
    trades["side"] = rng.choice([1, -1, NAN], n)
    fills = times(n).assign(symbol="X", price=100.0, size=sizes(n), side=rng.choice([1, -1], n))
    fills["account"] = rng.choice(["a", "b"], n)
    amount = sizes(60) * rng.choice([1, -1], 60)
    transfers = times(60).assign(account="a", asset="X", amount=amount)
    quotes = times(n).assign(symbol="X", bid=100 + 0.01 * rng.integers(-50, 50, n))
    quotes["ask"] = quotes["bid"] + 0.01 * rng.integers(-1, 5, n)
    quotes = quotes.assign(bid_size=sizes(n), ask_size=sizes(n))
    quotes.loc[rng.random(n) < 0.05, ["bid", "bid_size"]] = NAN
    return mm.Market(
        trades=trades,
        fills=fills,
        transfers=transfers,
        quotes=quotes,
        calendar="09:30-10:30 UTC",
    )


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("freq", ["1min", "7min", "25 trades", "1D"])
def test_signed_sizes_sum_to_flow_and_flow_to_inventory(freq, whole):
    """Exactly for whole sizes; for others to the rounding of a thousand sums of order 1."""
    market = _random_market(whole=whole)
    table = mm.panel(market, freq=freq, opening=3)
    tolerance = 0 if whole else 1e-11
    closes = pd.Timestamp("2024-01-04 10:30", tz="UTC")
    fills = market.fills[market.fills["time"] <= closes]
    moved = market.transfers[market.transfers["time"] <= closes]
    for account, rows in table.groupby("account"):
        own = fills[fills["account"] == account]
        net = (own["side"] * own["size"]).sum()
        net += moved.loc[moved["account"] == account, "amount"].sum()
        total = rows["flow"].sum() + rows["overnight_flow"].sum()
        last = rows["inventory_end"].iloc[-1]
        assert total == pytest.approx(net, abs=tolerance)
        assert last == pytest.approx(3 + total, abs=tolerance)
        start = rows["inventory_start"].to_numpy()
        carried = rows["inventory_end"].to_numpy()[:-1] + rows["overnight_flow"].to_numpy()[1:]
        np.testing.assert_array_equal(start[1:], carried)
    change = table["inventory_end"] - table["inventory_start"]
    np.testing.assert_allclose(change, table["flow"], rtol=0, atol=tolerance)
    np.testing.assert_array_equal(table["trade_flow"], table["buys"] - table["sells"])
    np.testing.assert_array_equal(table["flow"], table["trade_flow"] + table["transfer_flow"])
    late = (market.fills["time"] > closes).sum() + (market.transfers["time"] > closes).sum()
    assert table.attrs["after_last_session"] == late
    assert late > 0


@pytest.mark.parametrize("freq", ["1min", "25 trades", "1D"])
def test_market_columns_sum_to_the_tables(freq):
    market = _random_market()
    table = mm.panel(market, freq=freq, account="a")
    inside = market.trades["time"].dt.strftime("%H:%M:%S").between("09:30:00", "10:30:00")
    trades = market.trades[inside]
    assert table["trades"].sum() == len(trades)
    assert table.attrs["trades_outside"] == len(market.trades) - len(trades)
    assert table["market_volume"].sum() == trades["size"].sum()
    assert table["trade_imbalance"].sum() == (trades["side"] * trades["size"]).sum()
    assert table["unsigned_volume"].sum() == trades.loc[trades["side"].isna(), "size"].sum()


@pytest.mark.parametrize("freq", ["1min", "25 trades", "1D"])
@pytest.mark.parametrize("cut", ["2024-01-03 09:30:00", "2024-01-03 10:04:30"])
def test_no_row_knows_what_comes_after_its_end(freq, cut):
    market = _random_market()
    whole = mm.panel(market, freq=freq)
    end = pd.Timestamp(cut, tz="UTC")
    past = {name: market[name][market[name]["time"] <= end] for name in market}
    table = mm.panel(market.replace(**past), freq=freq)
    table = table[table["end"] <= end].reset_index(drop=True)
    same = whole.merge(table[["account", "symbol", "day", "bar"]]).reset_index(drop=True)
    assert len(table) >= 2
    pd.testing.assert_frame_equal(table, same)
    if "trades" not in freq:
        assert len(table) == (whole["end"] <= end).sum()


def _imbalance(old: object, new: object) -> float:
    """e_n of one change of the quotes, written out; a missing bid is a bid of 0 units at 0."""
    (b0, q0), (b1, q1) = ((x.bid, x.bid_size) if x.bid == x.bid else (0, 0) for x in (old, new))
    value = (b1 >= b0) * q1 - (b1 <= b0) * q0
    return value - (new.ask <= old.ask) * new.ask_size + (new.ask >= old.ask) * old.ask_size


def _the_long_way(quotes: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> dict:
    """One bar's columns from its session's quotes, one quote after the other."""
    imbalance = variance = spread = spread_time = depth = 0.0
    old = mid = now = None
    for new in [*quotes.itertuples(), None]:
        until = end if new is None else min(max(new.time, start), end)
        if old is not None and old.bid == old.bid:
            length = (until - now).total_seconds()
            spread += length * 1e4 * (old.ask - old.bid) / ((old.ask + old.bid) / 2)
            depth += length * (old.bid_size + old.ask_size) / 2
            spread_time += length
        if new is None or new.time > end:
            break
        inside = new.time > start
        if old is not None and inside:
            imbalance += _imbalance(old, new)
        if new.bid == new.bid:
            middle = (new.bid + new.ask) / 2
            if mid is not None and inside:
                variance += (1e4 * np.log(middle / mid)) ** 2
            mid = middle
        old, now = new, until
    averages = (spread / spread_time, depth / spread_time) if spread_time else (NAN, NAN)
    return {
        "order_flow_imbalance": imbalance if old is not None else NAN,
        "realized_variance": variance if mid is not None else NAN,
        "spread_bps": averages[0],
        "depth": averages[1],
        "mid": (old.bid + old.ask) / 2 if old is not None else NAN,
    }


def test_quote_columns_the_long_way_round():
    market = _random_market()
    table = mm.panel(market, freq="5min", account="a")
    for row in table.itertuples():
        opens = row.start - pd.Timedelta(seconds=row.time_of_day)
        own = market.quotes[market.quotes["time"].between(opens, opens + pd.Timedelta("1h"))]
        start = row.start - pd.Timedelta("1ns") if row.bar == 0 else row.start
        expected = _the_long_way(own, start, row.end)
        found = {name: getattr(row, name) for name in expected}
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


def test_repeated_quotes_change_nothing_but_their_count():
    market = _random_market()
    quotes = market.quotes
    again = quotes.assign(time=quotes["time"] + pd.Timedelta("3s"), seq=quotes["seq"] + 10**6)
    last = quotes.drop_duplicates("time", keep="last")["time"]
    again = again[again["time"].isin(last + pd.Timedelta("3s"))]
    again = again.groupby("time").tail(1)
    for freq in ("1min", "25 trades"):
        before = mm.panel(market, freq=freq)
        after = mm.panel(market.replace(quotes=pd.concat([quotes, again])), freq=freq)
        assert after.attrs["quotes_outside"] > before.attrs["quotes_outside"]
        pd.testing.assert_frame_equal(before, after, check_exact=False, rtol=1e-12)


def test_lag_pairs_stay_in_day_and_series_whatever_the_order():
    table = mm.panel(_two_by_two())
    expected = [-1, 0, -1, 2, -1, 4, -1, 6, -1, 8]
    assert lag_pairs(table).tolist() == expected
    order = np.random.default_rng(1).permutation(len(table))
    found = lag_pairs(table.iloc[order]).to_numpy()
    np.testing.assert_array_equal(
        [order[f] if f >= 0 else -1 for f in found], [expected[o] for o in order]
    )
    assert lag_pairs(table.drop(index=6)).tolist() == [-1, 0, -1, 2, -1, 4, -1, -1, 7]
    # the first day ends with bar 0, the second begins with bar 1
    assert lag_pairs(table.drop(index=[1, 2]))[:2].tolist() == [-1, -1]


def test_lag_pairs_of_nothing():
    assert lag_pairs(mm.panel(_two_by_two()).iloc[:0]).tolist() == []
