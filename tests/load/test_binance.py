"""Binance's published files of a few rows, every value written out."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import schema
from mmresearch.load.binance import binance, together

T = 1722470400000  # 2024-08-01 00:00 UTC in milliseconds
MICRO = 1735689600000000  # 2025-01-01 00:00 UTC in microseconds
SPOT_TRADES = [  # id, price, qty, quote_qty, time, is_buyer_maker, is_best_match
    f"1001,60000.10,0.50,30000.05,{T},True,True",  # the buyer rested: a sell
    f"1002,60000.20,0.25,15000.05,{T},False,True",  # the seller rested: a buy
    f"1003,60000.20,1.00,60000.20,{T + 250},False,True",
]
FUTURES_HEADER = "id,price,qty,quote_qty,time,is_buyer_maker"
COIN_HEADER = "id,price,qty,base_qty,time,is_buyer_maker"
AGG_HEADER = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
TICKER_HEADER = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty"
TICKER_HEADER += ",transaction_time,event_time"
BAR_HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count"
BAR_HEADER += ",taker_buy_volume,taker_buy_quote_volume,ignore"
BARS = [
    f"{T},100,110,90,105,7,{T + 59999},707,3,4,404,0",
    f"{T + 60000},105,106,104,104,2,{T + 119999},210,2,0,0,0",
]
METRICS_HEADER = "create_time,symbol,sum_open_interest,sum_open_interest_value"
METRICS_HEADER += ",count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio"
METRICS_HEADER += ",count_long_short_ratio,sum_taker_long_short_vol_ratio"


def write(path: Path, rows: list[str], header: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header, *rows] if header else rows
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def packed(path: Path) -> Path:
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as handle:
        handle.write(path, path.name)
    return archive


def utc(*times: str) -> list[pd.Timestamp]:
    return [pd.Timestamp(time, tz="UTC") for time in times]


# --- trades ---------------------------------------------------------------------------------------


@pytest.fixture
def spot(tmp_path):
    return binance(write(tmp_path / "BTCUSDT-trades-2024-08.csv", SPOT_TRADES))


def test_spot_trades(spot):
    trades = spot.trades
    assert trades["time"].tolist() == utc("2024-08-01", "2024-08-01", "2024-08-01 00:00:00.250")
    assert trades["seq"].tolist() == [1, 2, 3]
    assert trades["symbol"].tolist() == ["BTCUSDT"] * 3
    assert trades["price"].tolist() == [60000.1, 60000.2, 60000.2]
    assert trades["size"].tolist() == [0.5, 0.25, 1.0]
    assert trades["side"].tolist() == [-1, 1, 1]
    assert trades["trade_id"].tolist() == ["1001", "1002", "1003"]
    assert trades["quote_qty"].tolist() == [30000.05, 15000.05, 60000.2]
    assert list(spot) == ["trades"]


def test_spot_symbol_and_receipt(spot):
    assert spot.name == "BTCUSDT trades 2024-08"
    row = spot.symbols.iloc[0]
    assert row[["asset", "currency", "settlement"]].tolist() == ["BTC", "USDT", "USDT"]
    assert (row["multiplier"], row["calendar"]) == (1, "24/7")
    assert np.isnan(row["tick"])
    assert spot.inverse == []
    assert (spot.receipt.rows_read, spot.receipt.rows_kept) == (3, 3)
    assert spot.receipt.notes == (
        "BTCUSDT-trades-2024-08.csv: 3 rows, trades of BTCUSDT (spot), times in milliseconds",
    )


def test_microseconds_of_spot_since_2025(tmp_path):
    row = f"5,94000.5,0.1,9400.05,{MICRO + 7},False,True"
    market = binance(write(tmp_path / "BTCUSDT-trades-2025-01-01.csv", [row]))
    assert market.trades["time"].tolist() == utc("2025-01-01 00:00:00.000007")
    assert "times in microseconds" in market.receipt.notes[0]


def test_futures_trades_have_a_header(tmp_path):
    rows = [f"7,60000.1,0.5,30000.05,{T},true", f"8,60000.2,0.1,6000.02,{T},false"]
    market = binance(write(tmp_path / "ETHUSDT-trades-2024-08-01.csv", rows, FUTURES_HEADER))
    assert market.trades["side"].tolist() == [-1, 1]
    assert market.trades["seq"].tolist() == [1, 2]
    assert "(USD-M futures)" in market.receipt.notes[0]
    assert market.symbols["asset"].tolist() == ["ETH"]


@pytest.mark.parametrize(
    ("symbol", "asset", "multiplier"),
    [("BTCUSD_PERP", "BTC", 100), ("ETHUSD_240927", "ETH", 10)],
)
def test_coin_margined_contracts_are_inverse(tmp_path, symbol, asset, multiplier):
    rows = [f"9,50000.0,10,0.02,{T},false"]
    market = binance(write(tmp_path / f"{symbol}-trades-2024-08-01.csv", rows, COIN_HEADER))
    row = market.symbols.iloc[0]
    assert row[["asset", "currency", "settlement"]].tolist() == [asset, "USD", asset]
    assert row["multiplier"] == multiplier
    assert market.inverse == [symbol]
    assert market.trades["size"].tolist() == [10]
    assert market.trades["base_qty"].tolist() == [0.02]
    assert any("contracts of 100 USD (BTC) or 10 USD" in note for note in market.receipt.notes)


def test_dated_usd_futures_are_not_inverse(tmp_path):
    rows = [f"9,50000.0,10,0.02,{T},false"]
    market = binance(write(tmp_path / "BTCUSDT_240927-trades-2024-08.csv", rows, FUTURES_HEADER))
    assert market.symbols.iloc[0][["asset", "settlement"]].tolist() == ["BTC", "USDT"]
    assert market.inverse == []


def test_aggregates(tmp_path):
    rows = [
        f"31,60000.10,3.0,1001,1003,{T},True,True",
        f"32,60000.20,1.0,1004,1004,{T + 5},False,True",
        f"33,60000.30,2.0,1007,1008,{T + 9},False,True",  # 1005 and 1006 are missing
    ]
    market = binance(write(tmp_path / "BTCUSDT-aggTrades-2024-08-01.csv", rows))
    trades = market.trades
    assert trades["side"].tolist() == [-1, 1, 1]
    assert trades["size"].tolist() == [3, 1, 2]
    assert trades["trade_id"].tolist() == ["31", "32", "33"]
    assert trades["first_trade_id"].tolist() == [1001, 1004, 1007]
    assert trades["last_trade_id"].tolist() == [1003, 1004, 1008]
    notes = "\n".join(market.receipt.notes)
    assert "3 aggregates of 6 trades" in notes
    assert "ids of single trades jump once, 2 are missing, first after 1004" in notes


def test_one_aggregate_id_for_two_aggregates_keeps_both(tmp_path):
    rows = [f"5,1.0,3.0,11,13,{T},True,True", f"5,1.1,1.0,14,14,{T + 5},False,True"]
    market = binance(write(tmp_path / "ZILBTC-aggTrades-2021-02.csv", rows))
    assert market.trades["price"].tolist() == [1.0, 1.1]


def test_aggregates_of_futures_from_their_header(tmp_path):
    rows = [f"31,60000.1,3.0,1001,1003,{T},true"]
    market = binance(write(tmp_path / "renamed.csv", rows, AGG_HEADER), symbol="BTCUSDT")
    assert market.trades["trade_id"].tolist() == ["31"]
    assert market.name == "BTCUSDT aggTrades"


# --- rows that are doubtful -----------------------------------------------------------------------


def test_rows_out_of_order_are_put_in_order(tmp_path):
    rows = [SPOT_TRADES[2], SPOT_TRADES[1], SPOT_TRADES[0]]
    market = binance(write(tmp_path / "BTCUSDT-trades-2024-08.csv", rows))
    assert market.trades["trade_id"].tolist() == ["1001", "1002", "1003"]
    assert market.trades["seq"].tolist() == [1, 2, 3]
    assert any("2 rows stood behind a later time or id" in n for n in market.receipt.notes)


def test_repeated_ids_are_set_aside(tmp_path):
    rows = [*SPOT_TRADES, SPOT_TRADES[0], SPOT_TRADES[2].replace("60000.20,1.00", "60000.30,1.00")]
    market = binance(write(tmp_path / "BTCUSDT-trades-2024-08.csv", rows))
    receipt = market.receipt
    assert receipt.reasons.to_dict() == {"duplicate": 1, "its id again, with other content": 1}
    assert receipt.set_aside["line"].tolist() == [4, 5]
    assert receipt.set_aside["text"].tolist() == rows[3:]
    assert (receipt.rows_read, receipt.rows_kept) == (5, 3) == (5, len(market.trades))
    assert market.trades["price"].tolist() == [60000.1, 60000.2, 60000.2]


def test_rows_that_are_no_trade_are_set_aside(tmp_path):
    rows = [
        f"31,60000.10,3.0,1001,1003,{T},True,True",
        f"32,0.00000000,0.00000000,-1,-1,{T + 1},True,True",  # how the venue marks a void one
        f"33,60000.10,3.0,1004,1006,{T + 2},True,True",
    ]
    market = binance(write(tmp_path / "BTCUSDT-aggTrades-2024-08.csv", rows))
    assert market.receipt.reasons.to_dict() == {"price or quantity 0: no trade": 1}
    assert market.receipt.set_aside["line"].tolist() == [2]
    assert len(market.trades) == 2
    assert not any("missing" in note for note in market.receipt.notes)


def test_missing_ids_are_counted(tmp_path):
    rows = [f"{n},1.0,1.0,1.0,{T + n},True,True" for n in (1, 2, 5, 6, 16)]
    market = binance(write(tmp_path / "BTCUSDT-trades-2024-08.csv", rows))
    assert len(market.trades) == 5
    assert any("ids jump 2 times, 11 are missing, first after 2" in n for n in market.receipt.notes)


def test_rows_outside_the_period_of_the_name_are_noted(tmp_path):
    path = write(tmp_path / "BTCUSDT-trades-2024-07.csv", SPOT_TRADES)
    notes = "\n".join(binance(path).receipt.notes)
    assert "3 rows lie outside 2024-07, which its name says" in notes


# --- quotes and series ----------------------------------------------------------------------------


def test_book_ticker(tmp_path):
    rows = [
        f"500,100.0,2.0,100.5,3.0,{T},{T + 4}",
        f"502,0,0,100.5,3.0,{T + 1},{T + 5}",  # no bid
        f"501,100.6,1.0,100.5,3.0,{T},{T + 5}",  # crossed, and out of order
    ]
    market = binance(write(tmp_path / "BTCUSDT-bookTicker-2024-08-01.csv", rows, TICKER_HEADER))
    quotes = market.quotes
    assert quotes["time"].tolist() == utc("2024-08-01", "2024-08-01", "2024-08-01 00:00:00.001")
    assert (quotes["seq"] - schema.UNORDERED).tolist() == [1, 2, 3]
    assert quotes["update_id"].tolist() == [500, 501, 502]
    assert quotes["bid"].tolist()[:2] == [100.0, 100.6]
    assert np.isnan(quotes["bid"][2])
    assert quotes["bid_size"].tolist() == [2, 1, 0]
    assert quotes["ask"].tolist() == [100.5] * 3
    assert quotes["event_time"].tolist()[0] == utc("2024-08-01 00:00:00.004")[0]
    notes = "\n".join(market.receipt.notes)
    assert "1 quotes are locked or crossed" in notes
    assert "1 rows stood behind" in notes


def test_quotes_come_behind_trades_of_their_instant(tmp_path):
    ticker = write(
        tmp_path / "BTCUSDT-bookTicker-2024-08-01.csv",
        [f"500,100.0,2.0,100.5,3.0,{T},{T}"],
        TICKER_HEADER,
    )
    trades = write(
        tmp_path / "BTCUSDT-trades-2024-08-01.csv",
        [f"{n},100.5,1,100.5,{T},false" for n in range(1, 9)],
        FUTURES_HEADER,
    )
    for files in ((ticker, trades), (trades, ticker)):
        market = binance(*files)
        assert market.quotes["seq"].min() > market.trades["seq"].max()


def test_depth_bands(tmp_path):
    rows = [
        "2024-08-01 00:00:12,-1,30.5,3000000",
        "2024-08-01 00:00:12,1.00,20,2000000",
        "2024-08-01 00:00:12,-0.20,5,500000",
    ]
    header = "timestamp,percentage,depth,notional"
    market = binance(write(tmp_path / "BTCUSDT-bookDepth-2024-08-01.csv", rows, header))
    series = market["series"]
    assert (series["time"] == pd.Timestamp("2024-08-01 00:00:12", tz="UTC")).all()
    assert dict(zip(series["name"], series["value"], strict=True)) == {
        "depth_-1%": 30.5,
        "depth_1%": 20,
        "depth_-0.2%": 5,
        "notional_-1%": 3e6,
        "notional_1%": 2e6,
        "notional_-0.2%": 5e5,
    }


@pytest.mark.parametrize("header", [None, BAR_HEADER])
def test_bars_at_their_close(tmp_path, header):
    market = binance(write(tmp_path / "BTCUSDT-1m-2024-08-01.csv", BARS, header))
    wide = market["series"].pivot_table(index="time", columns="name", values="value")
    assert wide.index.tolist() == utc("2024-08-01 00:00:59.999", "2024-08-01 00:01:59.999")
    assert wide.iloc[0].to_dict() == {
        "open": 100,
        "high": 110,
        "low": 90,
        "close": 105,
        "volume": 7,
        "quote_volume": 707,
        "count": 3,
        "taker_buy_volume": 4,
        "taker_buy_quote_volume": 404,
    }
    assert set(market["series"]["interval"]) == {"1m"}
    assert market.receipt.rows_kept == 2


def test_bars_of_coin_margined_contracts(tmp_path):
    market = binance(write(tmp_path / "BTCUSD_PERP-1h-2024-08-01.csv", BARS, BAR_HEADER))
    names = set(market["series"]["name"])
    assert {"volume", "base_volume", "taker_buy_base_volume"} < names
    assert "quote_volume" not in names


@pytest.mark.parametrize("how", ["folder", "kind"])
def test_bars_of_other_prices(tmp_path, how):
    row = f"{T},-0.1,0.2,-0.3,0.1,0,{T + 59999},0,60,0,0,0"
    folder = "premiumIndexKlines/BTCUSDT/1m" if how == "folder" else "mine"
    path = write(tmp_path / folder / "BTCUSDT-1m-2024-08-01.csv", [row], BAR_HEADER)
    market = binance(path, kind=None if how == "folder" else "premiumIndexKlines")
    values = dict(market["series"][["name", "value"]].itertuples(index=False))
    assert values == {
        "premium_open": -0.1,
        "premium_high": 0.2,
        "premium_low": -0.3,
        "premium_close": 0.1,
    }


def test_metrics_and_funding(tmp_path):
    rows = ["2024-08-01 00:05:00,BTCUSDT,80000.5,4.8e9,1.2,1.3,1.1,0.9"]
    rows += ["2024-08-01 00:10:00,BTCUSDT,80001.0,4.9e9,,1.3,1.1,"]
    metrics = write(tmp_path / "BTCUSDT-metrics-2024-08-01.csv", rows, METRICS_HEADER)
    header = "calc_time,funding_interval_hours,last_funding_rate"
    rate = write(tmp_path / "BTCUSDT-fundingRate-2024-08.csv", [f"{T + 3},8,-0.0001"], header)
    series = binance(metrics, rate)["series"].set_index(["time", "name"])["value"]
    assert series[utc("2024-08-01 00:05")[0], "sum_open_interest"] == 80000.5
    assert np.isnan(series[utc("2024-08-01 00:10")[0], "sum_taker_long_short_vol_ratio"])
    assert series[utc("2024-08-01 00:00:00.003")[0], "last_funding_rate"] == -0.0001
    assert len(series) == 2 * 6 + 2


# --- ways to give files ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["zip", "gz", "kind", "windows", "byte order mark"])
def test_packed_and_renamed_files(tmp_path, spot, how):
    path = tmp_path / "BTCUSDT-trades-2024-08.csv"
    content = path.read_bytes()
    options = {}
    if how == "zip":
        path = packed(path)
    elif how == "gz":
        path = path.with_suffix(".csv.gz")
        path.write_bytes(gzip.compress(content))
    elif how == "kind":
        path = path.rename(tmp_path / "august.csv")
        options = {"kind": "trades", "symbol": "BTCUSDT"}
    else:
        marks = {"windows": content.replace(b"\n", b"\r\n")}
        path.write_bytes(marks.get(how, b"\xef\xbb\xbf" + content))
    again = binance(path, **options)
    pd.testing.assert_frame_equal(again.trades, spot.trades)


def test_a_folder_of_days(tmp_path, spot):
    folder = tmp_path / "days"
    later = [
        row.replace(str(T), str(T + 86_400_000)).replace("100", "200", 1) for row in SPOT_TRADES[:2]
    ]
    packed(write(folder / "BTCUSDT-trades-2024-08-01.csv", SPOT_TRADES)).stat()
    (folder / "BTCUSDT-trades-2024-08-01.csv").unlink()
    write(folder / "BTCUSDT-trades-2024-08-02.csv", later)
    (folder / "BTCUSDT-trades-2024-08-01.zip.CHECKSUM").write_text("0 x")
    market = binance(folder, name="august")
    assert market.name == "august"
    assert market.trades["trade_id"].tolist() == ["1001", "1002", "1003", "2001", "2002"]
    pd.testing.assert_frame_equal(market.trades.head(3), spot.trades)
    assert market.receipt.files["rows"].tolist() == [3, 2]


def test_a_day_and_its_month_count_once(tmp_path):
    month = write(tmp_path / "BTCUSDT-trades-2024-08.csv", SPOT_TRADES)
    day = write(tmp_path / "BTCUSDT-trades-2024-08-01.csv", SPOT_TRADES[:2])
    market = binance(month, day)
    assert len(market.trades) == 3
    assert market.receipt.set_aside["reason"].str.contains("already in another file").tolist() == [
        True,
        True,
    ]
    assert market.receipt.rows_kept == 3


def test_another_symbol_for_all_files(tmp_path, spot):
    market = binance(tmp_path / "BTCUSDT-trades-2024-08.csv", symbol="BTCUSDT spot")
    assert market.trades["symbol"].unique().tolist() == ["BTCUSDT spot"]
    assert market.symbols.iloc[0][["symbol", "asset"]].tolist() == ["BTCUSDT spot", "BTC"]


def test_a_pair_that_is_not_known(tmp_path):
    market = binance(write(tmp_path / "BTCXYZ-trades-2024-08.csv", SPOT_TRADES))
    assert market.symbols.iloc[0]["asset"] == "BTCXYZ"
    assert market.symbols["currency"].isna().all()


def test_units_for_conversion(tmp_path):
    names = ["BTCUSDT-trades-2024-08.zip", "capture_1.gz", "BTCUSDT-1m-2024-08.zip"]
    names.append("BTCUSDT-capture-2024-08-02.gz")
    found = [tmp_path / name for name in names]
    assert together(found) == [(path,) for path in found]


def test_saved_and_opened_again(tmp_path, spot):
    spot.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    pd.testing.assert_frame_equal(again.trades, spot.trades)


def test_volume_is_kept_in_random_files(tmp_path):
    generator = np.random.default_rng(5)
    sizes = generator.integers(1, 1000, 500)
    makers = generator.random(500) < 0.5
    times = T + np.sort(generator.integers(0, 1000, 500))
    rows = [
        f"{n},10.0,{size},{10 * size},{time},{maker},True"
        for n, (size, time, maker) in enumerate(zip(sizes, times, makers, strict=True))
    ]
    order = generator.permutation(500)
    path = write(tmp_path / "BTCUSDT-trades-2024-08.csv", [rows[i] for i in order])
    trades = binance(path).trades
    assert trades["trade_id"].tolist() == [str(n) for n in range(500)]
    assert (trades["side"] * trades["size"]).sum() == np.where(makers, -sizes, sizes).sum()
