import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure.fills import account_fills, shared_assets, symbol_transfers

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
NAN = pytest.approx(np.nan, nan_ok=True)


def tape(prices, side, symbol="X"):
    n = len(prices)
    return pd.DataFrame(
        {
            "time": START + pd.to_timedelta(np.arange(n), unit="s"),
            "seq": np.arange(n),
            "symbol": symbol,
            "price": [float(p) for p in prices],
            "size": np.arange(1.0, n + 1),
            "side": side,
            "trade_id": [f"t{k}" for k in range(n)],
        }
    )


def quote(bid, ask):
    row = {"time": START - pd.Timedelta("1s"), "seq": 0, "symbol": "X", "bid": bid, "ask": ask}
    return pd.DataFrame([row | {"bid_size": 1.0, "ask_size": 1.0}])


def test_the_maker_sells_where_the_aggressor_buys_and_buys_where_it_sells():
    fills = mm.infer_fills(tape([10, 11], [1, -1]))
    assert fills["side"].tolist() == [-1, 1]
    assert fills["size"].tolist() == [1, 2]
    assert fills["price"].tolist() == [10, 11]
    assert fills["trade_id"].tolist() == ["t0", "t1"]
    assert fills["account"].tolist() == ["aggregate maker"] * 2
    assert fills["maker"].all()
    assert fills["fee"].isna().all()
    assert fills["counterparty"].isna().all()


def test_what_comes_out_is_a_fills_table():
    fills = mm.infer_fills(tape([10, 11], [1, -1]))
    pd.testing.assert_frame_equal(fills, mm.check(fills, "fills"))
    none = mm.infer_fills(tape([10, 11], np.nan))
    pd.testing.assert_frame_equal(none, mm.check(none, "fills"))


def test_a_known_side_stands_and_the_rule_fills_the_rest():
    trades = tape([10, 10, 12, 11], [1, np.nan, np.nan, np.nan])
    # at the bid 10 the tape says a buyer; then a sell at the bid, a buy at the ask, the mid
    fills = mm.infer_fills(trades, quote(10, 12), rule="quote")
    assert fills["side"].tolist() == [-1, 1, -1]
    assert len(trades) - len(fills) == 1
    assert mm.infer_fills(trades, quote(10, 12))["side"].tolist() == [-1, 1, -1, 1]


def test_without_quotes_only_the_tick_test_can_sign():
    trades = tape([10, 11, 10], np.nan)
    assert mm.infer_fills(trades).empty
    assert mm.infer_fills(trades, rule="tick")["side"].tolist() == [-1, 1]
    with pytest.raises(ValueError, match="lee_ready, quote, tick"):
        mm.infer_fills(trades, rule="nearest")


def test_a_market_brings_its_own_tables():
    market = mm.Market(trades=tape([10, 12, 11], np.nan), quotes=quote(10, 12))
    fills = mm.infer_fills(market, account="all makers")
    assert fills["side"].tolist() == [1, -1, 1]
    assert set(fills["account"]) == {"all makers"}


def test_signed_sizes_are_minus_the_aggressors_volume():
    rng = np.random.default_rng(11)
    trades = tape(rng.integers(90, 110, 500), rng.choice([-1, 1, np.nan], 500))
    fills = mm.infer_fills(trades)
    assert (fills["side"] * fills["size"]).sum() == -(trades["side"] * trades["size"]).sum()
    unsigned = trades.loc[trades["side"].isna(), "size"].sum()
    assert unsigned > 0
    assert fills["size"].sum() + unsigned == trades["size"].sum()


def test_the_fills_of_an_account_are_recorded_ones_or_inferred():
    trades = tape([10, 11], [1, -1])
    own = mm.infer_fills(trades, account="A")
    both = mm.Market(trades=trades, fills=pd.concat([own, own.assign(account="B")]))
    assert len(account_fills(both)) == 4
    assert set(account_fills(both, account="B")["account"]) == {"B"}
    assert len(account_fills(both, account=["A", "B"])) == 4
    assert set(account_fills(mm.Market(trades=trades))["account"]) == {"aggregate maker"}
    empty = mm.Market(quotes=quote(10, 12))
    assert account_fills(empty).empty


def test_a_transfer_goes_to_the_symbol_that_holds_its_asset():
    moved = pd.DataFrame({"asset": ["BTC", "USD", "DOGE"], "amount": [1.0, 2.0, 3.0]})
    moved = moved.assign(time=START, seq=[0, 1, 2], account="A")
    symbols = pd.DataFrame({"symbol": ["BTC-USD", "BTC-EUR"], "asset": "BTC"})
    shared = mm.Market(transfers=moved, symbols=symbols)
    assert symbol_transfers(shared)["symbol"].tolist() == ["BTC", "USD", "DOGE"]
    assert shared_assets(shared) == {"BTC": ["BTC-EUR", "BTC-USD"]}
    with pytest.raises(ValueError, match="BTC is held in BTC-EUR, BTC-USD"):
        mm.panel(shared)
    market = mm.Market(transfers=moved, symbols=symbols.iloc[:1])
    assert symbol_transfers(market)["symbol"].tolist() == ["BTC-USD", "USD", "DOGE"]
    assert symbol_transfers(shared, symbol=["BTC-EUR"])["symbol"].iloc[0] == "BTC-EUR"
    assert symbol_transfers(market, account="B").empty
    assert symbol_transfers(mm.Market(trades=tape([10], [1]))).empty


def test_an_auctions_cross_has_no_passive_side():
    # printed above the mid, so the quote rule would sign it; the source says it is a cross
    trades = tape([10.02, 10.02], [np.nan, np.nan]).assign(event=["fill", "cross"])
    assert mm.infer_fills(trades, quote(9.99, 10.02))["side"].tolist() == [-1.0]
