import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure.ledger import opening_positions

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
NAN = pytest.approx(np.nan, nan_ok=True)


def at(seconds):
    return START + pd.to_timedelta(seconds, unit="s")


def fills(*rows, account="A", symbol="X"):
    """Rows of (second, signed size, price) or (second, signed size, price, fee)."""
    table = pd.DataFrame([(*row, np.nan)[:4] for row in rows], columns=["s", "n", "price", "fee"])
    return pd.DataFrame(
        {
            "time": at(table["s"]),
            "seq": 10 * np.arange(len(table)),
            "account": account,
            "symbol": symbol,
            "side": np.sign(table["n"]),
            "price": table["price"].astype(float),
            "size": table["n"].abs().astype(float),
            "fee": table["fee"].astype(float),
        }
    )


def quotes(*rows, symbol="X", seq=0):
    """Rows of (second, mid), a spread of 2 around it."""
    table = pd.DataFrame(rows, columns=["s", "mid"])
    return pd.DataFrame(
        {
            "time": at(table["s"]),
            "seq": seq,
            "symbol": symbol,
            "bid": table["mid"] - 1.0,
            "ask": table["mid"] + 1.0,
            "bid_size": 1.0,
            "ask_size": 1.0,
        }
    )


def transfers(*rows, account="A", asset="X"):
    """Rows of (second, seq, amount)."""
    table = pd.DataFrame(rows, columns=["s", "seq", "amount"])
    moved = {"time": at(table["s"]), "seq": table["seq"], "account": account, "asset": asset}
    return pd.DataFrame(moved | {"amount": table["amount"].astype(float)})


def positions(*rows, account="A", symbol="X"):
    """Rows of (second, position)."""
    table = pd.DataFrame(rows, columns=["s", "position"])
    held = {"time": at(table["s"]), "account": account, "symbol": symbol}
    return pd.DataFrame(held | {"position": table["position"].astype(float)})


def column(book, name):
    return book[name].tolist()


def identity_gap(book, multiplier=1.0):
    """How far any row is from the identity, relative to the largest value in its series."""
    series = [book["account"], book["symbol"]]
    held = (book["position"] * book["mark"] * multiplier).where(book["position"] != 0, 0.0)
    opened = held.where(book["kind"] == "opening").groupby(series).transform("sum")
    left = book["cash"] + held
    right = opened + book["realised"] + book["unrealised"] - book["fees"] + book["transferred"]
    scale = pd.concat([held.abs(), book["cash"].abs()], axis=1).max(axis=1)
    return ((left - right).abs() / scale.groupby(series).transform("max")).max()


def test_average_cost_by_hand():
    book = mm.ledger(mm.Market(fills=fills((0, 100, 10), (1, 100, 12), (2, -150, 13))))
    assert column(book, "position") == [100, 200, 50]
    assert column(book, "average_cost") == [10, 11, 11]
    assert column(book, "realised") == [0, 0, 300]  # 150 * (13 - 11)
    assert column(book, "cash") == [-1000, -2200, -250]
    assert column(book, "mark") == [10, 12, 13]
    assert column(book, "unrealised") == [0, 200, 100]  # 50 * (13 - 11)
    assert column(book, "flow") == [100, 100, -150]
    assert set(book["kind"]) == {"fill"}


def test_flip_to_short_and_cover_by_hand():
    book = mm.ledger(mm.Market(fills=fills((0, 50, 11), (1, -80, 13), (2, 10, 12), (3, 20, 14))))
    assert column(book, "position") == [50, -30, -20, 0]
    # 50 closed at 13, 30 sold short at 13; covered 10 at 12, 20 at 14
    assert column(book, "average_cost") == [11, 13, 13, NAN]
    assert column(book, "realised") == [0, 100, 110, 90]
    assert column(book, "unrealised") == [0, 0, 20, 0]
    assert column(book, "cash") == [-550, 490, 370, 90]


def test_adding_to_a_short_by_hand():
    book = mm.ledger(mm.Market(fills=fills((0, -10, 20), (1, -30, 16), (2, 20, 18), (3, 40, 15))))
    assert column(book, "average_cost") == [20, 17, 17, 15]
    assert column(book, "realised") == [0, 0, -20, 20]  # -(18-17)*20, then -(15-17)*20
    assert column(book, "position") == [-10, -40, -20, 20]


def test_fees_and_rebates():
    rows = fills((0, 1, 10, 0.5), (1, -1, 12, -0.2), (2, 1, 11))
    book = mm.ledger(mm.Market(fills=rows))
    assert column(book, "fees") == pytest.approx([0.5, 0.3, 0.3])
    assert column(book, "cash") == pytest.approx([-10.5, 1.7, -9.3])
    assert column(book, "realised") == [0, 2, 2]
    assert column(book, "fee_known") == [True, True, False]


def test_marks_are_mids_known_at_the_entry():
    known = quotes((0, 20.0), (2, 22.0), (3, 30.0), (9, 24.0), seq=[0, 0, 30, 0])
    book = mm.ledger(mm.Market(fills=fills((1, 1, 21), (2, 1, 21), (3, -2, 23)), quotes=known))
    # the quote of second 2 has the smaller seq; the quote of second 3 comes after the fill
    assert column(book, "mid") == [20, 22, 22]
    assert column(book, "unrealised") == [-1, 2, 0]
    assert set(book["mark_source"]) == {"mid"}
    same = quotes((0, 20.0), (3, 30.0), seq=[0, 20])  # the fill's own seq: the state after it
    book = mm.ledger(mm.Market(fills=fills((1, 1, 21), (2, 1, 21), (3, 2, 23)), quotes=same))
    assert column(book, "mid") == [20, 20, 30]


def test_marks_where_no_mid_is_known():
    prints = fills((1, 1, 30), (3, 1, 33)).drop(columns=["account", "fee"]).assign(seq=[500, 501])
    late = quotes((4, 40.0))
    rows = fills((0, 1, 21), (2, 1, 21), (5, 1, 21))
    book = mm.ledger(mm.Market(fills=rows, trades=prints, quotes=late))
    assert column(book, "mid") == [NAN, NAN, 40]
    assert column(book, "mark") == [21, 30, 40]
    assert column(book, "mark_source") == ["fill", "trade", "mid"]


def test_a_one_sided_quote_does_not_end_the_mid_before_it():
    known = quotes((0, 20.0), (1, 25.0))
    known.loc[1, "bid"] = np.nan
    book = mm.ledger(mm.Market(fills=fills((2, 1, 21)), quotes=known))
    assert column(book, "mark") == [20]


def test_transfers_come_and_go_at_the_mark_and_make_no_profit():
    market = mm.Market(
        fills=fills((2, -30, 12)),
        transfers=transfers((1, 0, 100), (3, 0, -20)),
        quotes=quotes((0, 10.0), (1.5, 12.0), (2.5, 15.0)),
    )
    book = mm.ledger(market)
    assert column(book, "kind") == ["transfer", "fill", "transfer"]
    assert column(book, "flow") == [100, -30, -20]
    assert column(book, "position") == [100, 70, 50]
    assert column(book, "price") == [10, 12, 15]
    assert column(book, "transferred") == [1000, 1000, 700]
    assert column(book, "cash") == [0, 360, 360]
    assert column(book, "realised") == [0, 60, 160]  # 30 * (12 - 10), and 20 * (15 - 10) sent off
    assert column(book, "unrealised") == [0, 140, 250]
    assert identity_gap(book) < 1e-12


def test_a_transfer_out_of_a_flat_account_is_a_short_at_the_mark():
    market = mm.Market(transfers=transfers((1, 0, -5)), quotes=quotes((0, 10.0)))
    book = mm.ledger(market)
    assert column(book, "position") == [-5]
    assert column(book, "average_cost") == [10]
    assert column(book, "transferred") == [-50]
    assert column(book, "unrealised") == [0]


def test_a_currency_moves_cash_and_no_profit():
    market = mm.Market(
        fills=fills((1, 2, 10)),
        transfers=pd.concat([transfers((0, 0, 500), (2, 0, -100), asset="USD")]),
        symbols=pd.DataFrame({"symbol": ["X"], "currency": ["USD"]}),
    )
    book = mm.ledger(market)
    assert column(book, "symbol") == ["USD", "USD", "X"]
    assert column(book, "cash") == [500, 400, -20]
    assert column(book, "transferred") == [500, 400, 0]
    assert column(book, "flow") == [0, 0, 2]
    assert column(book, "position") == [0, 0, 2]
    assert column(book, "mark_source") == ["currency", "currency", "fill"]
    assert column(book, "mark") == column(book, "price") == [1, 1, 10]
    assert column(book, "fee_known") == [True, True, False]
    assert column(book, "realised") == [0, 0, 0]
    assert column(opening_positions(market), "symbol") == ["X"]


def test_an_asset_without_a_price_has_a_position_and_no_value():
    moved = transfers((0, 0, 5), (1, 0, -2), asset="DOGE")
    book = mm.ledger(mm.Market(fills=fills((1, 2, 10)), transfers=moved))
    other = book[book["symbol"] == "DOGE"]
    assert column(other, "position") == [5, 3]
    assert column(other, "mark_source") == ["", ""]
    assert other["unrealised"].isna().all()
    assert book.loc[book["symbol"] == "X", "unrealised"].notna().all()


def test_reports_are_compared_with_the_position():
    market = mm.Market(
        fills=fills((1, 10, 5), (2, -4, 5), (5, 1, 5)),
        positions=positions((0, 100), (2, 106), (3, 109), (4, 101)),
    )
    book = mm.ledger(market)
    kinds = ["opening", "snapshot", "fill", "fill", "snapshot", "snapshot", "snapshot", "fill"]
    assert column(book, "kind") == kinds
    assert column(book, "position") == [100, 100, 110, 106, 106, 106, 106, 107]
    assert column(book, "reported") == [NAN, 100, NAN, NAN, 106, 109, 101, NAN]
    assert column(book, "gap") == [NAN, 0, NAN, NAN, 0, 3, -5, NAN]
    assert book["opening_known"].all()
    assert column(book, "flow") == [0, 0, 10, -4, 0, 0, 0, 1]
    assert book["time"].is_monotonic_increasing


def test_a_report_of_the_first_events_instant_is_taken_before_it():
    rows = fills((1, 10, 5), (2, -4, 5))
    book = mm.ledger(mm.Market(fills=rows, positions=positions((1, 100))))
    assert column(book, "kind") == ["opening", "snapshot", "fill", "fill"]
    assert column(book, "position") == [100, 100, 110, 106]


def test_the_last_report_before_the_events_opens():
    # the fills between the two reports were not loaded: the gap stands where the reports differ
    rows = fills((5, 10, 5))
    book = mm.ledger(mm.Market(fills=rows, positions=positions((0, 70), (4, 100), (6, 110))))
    assert column(book, "kind") == ["opening", "snapshot", "snapshot", "fill", "snapshot"]
    assert column(book, "position") == [100, 100, 100, 110, 110]
    assert column(book, "gap") == [NAN, -30, 0, NAN, 0]


def test_a_late_first_report_does_not_open():
    book = mm.ledger(mm.Market(fills=fills((1, 10, 5)), positions=positions((2, 40))))
    assert column(book, "position") == [10, 10]
    assert column(book, "gap") == [NAN, 30]
    assert not book["opening_known"].any()


@pytest.mark.parametrize("opening", [7, {"X": 7}, {("A", "X"): 7}])
def test_an_opening_that_is_given(opening):
    market = mm.Market(
        fills=fills((1, -10, 12)), positions=positions((0, 99)), quotes=quotes((-1, 10.0))
    )
    book = mm.ledger(market, opening=opening)
    assert column(book, "position") == [7, 7, -3]
    assert column(book, "average_cost") == [10, 10, 12]
    assert column(book, "realised") == [0, 0, 14]
    assert column(book, "gap") == [NAN, 92, NAN]
    table = opening_positions(market, opening=opening)
    assert table.to_dict("records") == [
        {"account": "A", "symbol": "X", "opening": 7.0, "known": True, "cost": 10.0}
    ]


def test_openings_by_series():
    rows = pd.concat(
        [fills((1, 1, 5), account=a, symbol=s) for a in ("A", "B") for s in ("X", "Y")]
    )
    market = mm.Market(fills=rows, positions=positions((0, -3), account="B", symbol="Y"))
    table = opening_positions(market, opening={"X": 4, ("B", "X"): 6})
    assert column(table, "account") == ["A", "A", "B", "B"]
    assert column(table, "symbol") == ["X", "Y", "X", "Y"]
    assert column(table, "opening") == [4, 0, 6, -3]
    assert column(table, "known") == [True, False, True, True]
    assert column(table, "cost") == [5, NAN, 5, 5]
    book = mm.ledger(market, opening={"X": 4, ("B", "X"): 6})
    ends = book.groupby(["account", "symbol"])["position"].last()
    assert ends.tolist() == [5, 1, 7, -2]
    known = book.groupby(["account", "symbol"])["opening_known"].agg(["min", "max"])
    assert known["min"].tolist() == known["max"].tolist() == [True, False, True, True]


def test_an_opening_without_a_price_yet_is_marked_later_at_the_first_one():
    market = mm.Market(fills=fills((1, 1, 5)), quotes=quotes((3, 8.0)))
    book = mm.ledger(market, opening=2)
    assert column(book, "mark") == [8, 5]
    assert column(book, "mark_source") == ["later", "fill"]
    assert column(opening_positions(market, opening=2), "cost") == [8]
    bare = mm.Market(positions=positions((0, 3)))
    assert column(mm.ledger(bare), "position") == [3, 3]
    assert column(opening_positions(bare), "cost") == [NAN]


def test_the_opening_cost_is_the_ledgers():
    market = random_market(3)
    table = opening_positions(market, opening=5).set_index(["account", "symbol"])
    book = mm.ledger(market, opening=5)
    opened = book[book["kind"] == "opening"].set_index(["account", "symbol"])
    assert opened["mark"].to_dict() == table["cost"].to_dict()


def test_an_opening_of_a_symbol_that_is_not_there():
    with pytest.raises(ValueError, match="'Z'"):
        mm.ledger(mm.Market(fills=fills((1, 1, 5))), opening={"Z": 1})


def test_accounts_and_symbols_are_booked_apart():
    rows = pd.concat(
        [
            fills((0, 10, 5), (2, -10, 6)),
            fills((1, -10, 5), (3, 5, 4), account="B"),
            fills((1, 7, 100), account="B", symbol="Y"),
        ]
    )
    book = mm.ledger(mm.Market(fills=rows))
    assert column(book, "account") == ["A", "A", "B", "B", "B"]
    assert column(book, "symbol") == ["X", "X", "X", "X", "Y"]
    assert column(book, "position") == [10, 0, -10, -5, 7]
    assert column(book, "realised") == [0, 10, 0, 5, 0]
    assert column(book, "cash") == [-50, 10, 50, 30, -700]
    only = mm.ledger(mm.Market(fills=rows), account="B")
    pd.testing.assert_frame_equal(only, book[2:].reset_index(drop=True))
    several = mm.ledger(mm.Market(fills=rows), account=["A", "B"])
    pd.testing.assert_frame_equal(several, book)


def test_an_account_that_is_not_there():
    with pytest.raises(ValueError, match=r"\['C'\].*\['A'\]"):
        mm.ledger(mm.Market(fills=fills((1, 1, 5))), account=["A", "C"])
    with pytest.raises(ValueError, match="no fills, trades, transfers or positions"):
        mm.ledger(mm.Market(quotes=quotes((0, 10.0))))


def test_multiplier():
    market = mm.Market(
        fills=fills((0, 2, 100, 1.0), (1, -1, 110, 1.0)),
        transfers=transfers((2, 0, -1)),
        symbols=pd.DataFrame({"symbol": ["X"], "multiplier": [50.0]}),
    )
    book = mm.ledger(market)
    assert column(book, "position") == [2, 1, 0]
    assert column(book, "cash") == [-10001, -4502, -4502]
    assert column(book, "realised") == [0, 500, 1000]
    assert column(book, "unrealised") == [0, 500, 0]
    assert column(book, "transferred") == [0, 0, -5500]
    assert identity_gap(book, 50.0) < 1e-12


def test_without_fills_the_aggregate_maker_is_booked():
    trades = fills((0, 3, 10), (1, -5, 9)).drop(columns=["account", "fee"])
    market = mm.Market(trades=trades)
    book = mm.ledger(market)
    assert column(book, "account") == ["aggregate maker"] * 2
    assert column(book, "flow") == [-3, 5]
    assert column(book, "position") == [-3, 2]
    assert column(book, "mark_source") == ["trade", "trade"]
    pd.testing.assert_frame_equal(mm.ledger(market, account="aggregate maker"), book)
    pd.testing.assert_frame_equal(mm.ledger(market.replace(fills=mm.infer_fills(market))), book)


def test_decimal_sizes_close_to_flat():
    rows = fills((0, 0.1, 10), (1, 0.2, 10), (2, -0.3, 11), (3, -0.1, 12), (4, 0.1, 11))
    book = mm.ledger(mm.Market(fills=rows))
    assert book["position"].iloc[2] == 0
    assert column(book, "average_cost")[2:] == [NAN, 12, NAN]
    assert book["realised"].iloc[-1] == pytest.approx(0.4)


def test_what_rounding_leaves_of_a_large_position_is_flat():
    left = 123456.7 + 0.1 - 123456.7 - 0.1
    assert abs(left) > 1e-12  # not zero in floating point, and far above the rounding of 0.1
    steps = [(0, 123456.7, 10), (1, 0.1, 10), (2, -123456.7, 11), (3, -0.1, 11)]
    book = mm.ledger(mm.Market(fills=fills(*steps)))
    assert book["position"].iloc[-1] == 0
    assert np.isnan(book["average_cost"].iloc[-1])
    assert book["realised"].iloc[-1] == pytest.approx(123456.8, rel=1e-12)


def random_market(seed, n=400):
    """Two accounts trading two symbols with each other, transfers, reports, quotes with holes."""
    rng = np.random.default_rng(seed)
    symbol, side = rng.choice(["X", "Y"], n), rng.choice([-1.0, 1.0], n)
    trade = pd.DataFrame(
        {
            "time": at(np.sort(rng.integers(0, 300, n))),
            "seq": 2 * rng.permutation(n),
            "symbol": symbol,
            "price": np.round(100 + rng.normal(size=n).cumsum(), 2),
            "size": rng.integers(1, 500, n) / 10,
            "fee": rng.choice([0.3, -0.1, np.nan], n),
        }
    )
    both = [trade.assign(account="A", side=side), trade.assign(account="B", side=-side)]
    moved = [
        transfers(
            *zip(rng.integers(0, 300, 20), 3 * np.arange(20), rng.normal(size=20), strict=True),
            **where,
        )
        for where in [{"account": a, "asset": s} for a in "AB" for s in ("X", "asset of Y", "USD")]
    ]
    seconds = np.sort(rng.choice(300, 200, replace=False))
    mids = 100 + rng.normal(size=200).cumsum()
    known = quotes(*zip(seconds, mids, strict=True), symbol=rng.choice(["X", "Y"], 200))
    known.loc[rng.random(200) < 0.1, "ask"] = np.nan
    reports = [positions((0, 50.0), (100, 60.0), account=a, symbol=s) for a in "AB" for s in "XY"]
    names = {"symbol": ["X", "Y"], "asset": ["X", "asset of Y"], "currency": "USD"}
    return mm.Market(
        fills=pd.concat(both),
        transfers=pd.concat(moved),
        positions=pd.concat(reports),
        quotes=known,
        symbols=pd.DataFrame(names | {"multiplier": [1.0, 25.0]}),
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("opening", [None, -12.5])
def test_cash_and_holdings_equal_what_was_earned_and_brought(seed, opening):
    book = mm.ledger(random_market(seed), opening=opening)
    multiplier = book["symbol"].map({"X": 1.0, "Y": 25.0, "USD": 1.0})
    assert identity_gap(book, multiplier) < 1e-9
    assert book[["cash", "realised", "unrealised", "transferred"]].notna().all(axis=None)


@pytest.mark.parametrize("seed", range(6))
def test_flow_is_the_change_of_position(seed):
    market = random_market(seed)
    book = mm.ledger(market, opening=3)
    held = book[book["symbol"] != "USD"]
    series = held.groupby(["account", "symbol"])
    total = series["position"].last() - 3
    np.testing.assert_allclose(series["flow"].sum(), total, atol=1e-9)
    signed = market.fills.assign(n=market.fills["side"] * market.fills["size"])
    moved = market.transfers.assign(symbol=market.transfers["asset"].str[-1])
    moved = moved[moved["asset"] != "USD"].rename(columns={"amount": "n"})
    sources = pd.concat([signed, moved]).groupby(["account", "symbol"])["n"].sum()
    np.testing.assert_allclose(sources, total, atol=1e-9)
    step = series["position"].diff()
    np.testing.assert_allclose(step.dropna(), held.loc[step.notna(), "flow"], atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_counterparties_hold_nothing_together(seed):
    market = random_market(seed)
    book = mm.ledger(mm.Market(fills=market.fills, quotes=market.quotes, symbols=market.symbols))
    last = book.groupby(["symbol", "account"])[["position", "cash", "fees"]].last()
    together = last.assign(gross=last["cash"] + last["fees"]).groupby("symbol").sum()
    np.testing.assert_allclose(together[["position", "gross"]], 0, atol=1e-6)
    assert (last["position"].abs() > 1).all()


def test_rows_in_another_order_give_the_same_ledger():
    market = random_market(1)
    tables = {name: market[name].sample(frac=1, random_state=4) for name in market}
    shuffled = mm.Market(symbols=market.symbols, **tables)
    pd.testing.assert_frame_equal(mm.ledger(shuffled), mm.ledger(market))


def test_the_ledger_is_ordered():
    book = mm.ledger(random_market(2))
    by = ["account", "symbol", "time", "seq"]
    pd.testing.assert_frame_equal(book, book.sort_values(by, kind="stable", ignore_index=True))


def test_of_reports_alone_the_first_is_the_opening():
    market = mm.Market(positions=positions((0, 5), (60, 8), (120, 2)))
    book = mm.ledger(market)
    assert book["kind"].tolist() == ["opening", "snapshot", "snapshot", "snapshot"]
    assert book["position"].tolist() == [5, 5, 5, 5]
    assert book["gap"].tolist() == [NAN, 0, 3, -3]


# --- inverse contracts ----------------------------------------------------------------------------

XBTUSD = pd.DataFrame(
    {"symbol": ["XBTUSD"], "asset": "XBT", "currency": "USD", "settlement": "XBT", "tick": 0.5}
)


def inverse_book(*rows, mids, moved=()):
    tables = {"fills": fills(*rows, symbol="XBTUSD"), "quotes": quotes(*mids, symbol="XBTUSD")}
    if moved:
        tables["transfers"] = transfers(*moved, asset="XBT")
    return mm.ledger(mm.Market(symbols=XBTUSD, **tables))


def test_inverse_contract_earns_its_asset():
    # 1,000 dollars' worth bought at 10,000 and sold at 12,500: 1,000 / 10,000 - 1,000 / 12,500
    book = inverse_book((1, 1000, 10_000), (2, -1000, 12_500), mids=[(0, 10_000)])
    assert book["position"].tolist() == [1000, 0]
    assert book["realised"].tolist() == pytest.approx([0, 0.02])
    assert book["cash"].tolist() == pytest.approx([0.1, 0.02])
    assert book["unrealised"].tolist() == pytest.approx([0, 0], abs=1e-12)


def test_inverse_short_earns_when_the_price_falls():
    book = inverse_book((1, -1000, 12_500), (2, 1000, 10_000), mids=[(0, 12_500)])
    assert book["realised"].iloc[-1] == pytest.approx(-0.02 + 0.04)  # 1,000/10,000 - 1,000/12,500


def test_inverse_average_cost_is_the_harmonic_mean():
    # 1,000 at 10,000 cost 0.1 and 1,000 at 12,500 cost 0.08: 2,000 / 0.18
    book = inverse_book((1, 1000, 10_000), (2, 1000, 12_500), mids=[(0, 10_000), (1.5, 12_500)])
    assert book["average_cost"].iloc[-1] == pytest.approx(2000 / 0.18)
    assert book["unrealised"].iloc[-1] == pytest.approx(0.18 - 2000 / 12_500)


def test_inverse_fee_in_the_asset_is_money_not_contracts():
    book = inverse_book((1, 1000, 10_000), mids=[(0, 10_000)], moved=[(1, 5, -0.0001)])
    held = book[book["symbol"] == "XBTUSD"]
    money = book[book["symbol"] == "XBT"]
    assert held["position"].tolist() == [1000]
    assert money["cash"].tolist() == [-0.0001]
    assert money["mark_source"].tolist() == ["currency"]


def test_inverse_identity_holds_in_every_row():
    rng = np.random.default_rng(7)
    mids = 30_000 * np.exp(np.cumsum(rng.normal(0, 0.01, 60)))
    sizes = rng.integers(1, 900, 60) * rng.choice([-1, 1], 60)
    rows = [(t + 0.5, sizes[t], mids[t] + 3) for t in range(60)]
    book = inverse_book(*rows, mids=list(enumerate(mids)))
    left = book["cash"] - book["position"] / book["mark"]
    right = book["realised"] + book["unrealised"]
    np.testing.assert_allclose(left, right, atol=1e-12)
