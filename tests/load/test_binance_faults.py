"""Published files that cannot be Binance's, or not together: where, what was found, expected."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.load.binance import binance, together

T = 1722470400000
TRADES = [f"{1001 + n},60000.1,0.5,30000.05,{T + n},True,True" for n in range(5)]
HEADER = "id,price,qty,quote_qty,time,is_buyer_maker"
TICKER = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty"
TICKER += ",transaction_time,event_time"
METRICS = "create_time,symbol,sum_open_interest,sum_open_interest_value"
METRICS += ",count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio"
METRICS += ",count_long_short_ratio,sum_taker_long_short_vol_ratio"
CAPTURED = (
    '1722470400001000000 {"e":"trade","E":1722470400000,"s":"BTCUSDT","t":1,"p":"60000.1",'
    '"q":"1","T":1722470400001,"m":true,"M":true}'
)


def write(path: Path, rows: list[str], header: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header, *rows] if header else rows
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def faults(*files, **options) -> list:
    with pytest.raises(mm.SourceError) as caught:
        binance(*files, **options)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


def trade(number="1009", price="60000.1", qty="0.5", time=str(T + 2), maker="True") -> str:
    return f"{number},{price},{qty},1.0,{time},{maker},True"


# --- cells ----------------------------------------------------------------------------------------

ROWS = {
    "text in price": (trade(price="dear"), "price 'dear'", "a number"),
    "nothing in qty": (trade(qty=""), "qty nothing", "a number"),
    "nan": (trade(price="NaN"), "price 'NaN'", "a number"),
    "infinite": (trade(qty="inf"), "qty 'inf'", "a number"),
    "negative price": (trade(price="-1"), "price -1", "0 or more"),
    "negative qty": (trade(qty="-0.5"), "qty -0.5", "0 or more"),
    "a fraction of an id": (trade(number="1.5"), "id '1.5'", "a whole number"),
    "microseconds among milliseconds": (
        trade(time=str(T * 1000)),
        f"time {T * 1000}",
        "milliseconds, as the file's first",
    ),
    "seconds among milliseconds": (trade(time=str(T // 1000)), f"time {T // 1000}", "milliseconds"),
    "text in time": (trade(time="2024-08-01"), "time '2024-08-01'", "a whole number"),
    "no flag": (trade(maker="maybe"), "is buyer maker maybe", "True or False"),
    "too few columns": ("1009,60000.1,0.5", "3 columns", "7 columns"),
    "too many columns": (trade() + ",9", "8 columns", "7 columns"),
    "an empty line": ("", "an empty line", "7 columns"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", ROWS)
def test_a_bad_row(tmp_path, case):
    row, found, expected = ROWS[case]
    rows = [*TRADES[:2], row, *TRADES[2:]]
    (fault,) = faults(write(tmp_path / "BTCUSDT-trades-2024-08.csv", rows))
    assert (fault.file, fault.line) == ("BTCUSDT-trades-2024-08.csv", 3)
    assert found in fault.found
    assert expected in fault.expected


@pytest.mark.bad_input("many rows of one fault")
def test_lines_count_the_header_and_many_are_one_fault(tmp_path):
    rows = [f"{n},60000.1,0.5,1.0,{T},perhaps" for n in range(5)]
    (fault,) = faults(write(tmp_path / "BTCUSDT-trades-2024-08.csv", rows, HEADER))
    assert fault.line == 2
    assert fault.found == "is buyer maker perhaps (5 rows, first at lines 2, 3, 4)"


@pytest.mark.bad_input("a file in another unit of time")
def test_times_in_seconds(tmp_path):
    rows = [trade(time=str(T // 1000))]
    (fault,) = faults(write(tmp_path / "BTCUSDT-trades-2024-08.csv", rows))
    assert fault.found == f"time {T // 1000}"
    assert fault.expected == "milliseconds (13 digits) or microseconds (16 digits) since 1970"


OTHER_ROWS = {
    "a bid below 0": ("BTCUSDT-bookTicker-2024-08", TICKER, f"1,-1,1,2,1,{T},{T}", "bid -1"),
    "a size without price": ("BTCUSDT-bookTicker-2024-08", TICKER, f"1,0,1,2,1,{T},{T}", "bid 0"),
    "a size below 0": ("BTCUSDT-bookTicker-2024-08", TICKER, f"1,1,1,2,-1,{T},{T}", "ask size -1"),
    "another unit of event_time": (
        "BTCUSDT-bookTicker-2024-08",
        TICKER,
        f"1,1,1,2,1,{T},{T * 1000}",
        f"event time {T * 1000}",
    ),
    "a high below the low": (
        "BTCUSDT-1m-2024-08",
        None,
        f"{T},9,8,9,9,1,{T + 59999},1,1,1,1,0",
        "high 8",
    ),
    "a close before the open": (
        "BTCUSDT-1m-2024-08",
        None,
        f"{T},9,9,9,9,1,{T - 1},1,1,1,1,0",
        f"close time {T - 1}",
    ),
    "volume below 0": (
        "BTCUSDT-1m-2024-08",
        None,
        f"{T},9,9,9,9,-1,{T + 59999},1,1,1,1,0",
        "volume -1",
    ),
    "a written time": (
        "BTCUSDT-bookDepth-2024-08-01",
        "timestamp,percentage,depth,notional",
        "01/08/2024 10:00,-1,2,3",
        "timestamp 01/08/2024 10:00",
    ),
    "depth below 0": (
        "BTCUSDT-bookDepth-2024-08-01",
        "timestamp,percentage,depth,notional",
        "2024-08-01 00:00:00,-1,-2,3",
        "depth -2",
    ),
    "another symbol": (
        "BTCUSDT-metrics-2024-08-01",
        METRICS,
        "2024-08-01 00:05:00,ETHUSDT,1,1,1,1,1,1",
        "symbol ETHUSDT",
    ),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", OTHER_ROWS)
def test_a_bad_row_of_another_kind(tmp_path, case):
    name, header, row, found = OTHER_ROWS[case]
    (fault,) = faults(write(tmp_path / f"{name}.csv", [row], header))
    assert fault.line == 1 + bool(header)
    assert fault.found.startswith(found)


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.bad_input("a last line that is cut off")
def test_a_cut_last_line(tmp_path):
    path = write(tmp_path / "BTCUSDT-trades-2024-08.csv", TRADES)
    path.write_bytes(path.read_bytes()[:-20])
    (fault,) = faults(path)
    assert fault.line == 5
    assert "a last line that is cut off" in fault.found


@pytest.mark.bad_input("faults in several files")
def test_every_file_with_a_fault_is_named(tmp_path):
    good = write(tmp_path / "BTCUSDT-trades-2024-08-01.csv", TRADES)
    empty = write(tmp_path / "BTCUSDT-trades-2024-08-02.csv", [])
    bad = write(tmp_path / "BTCUSDT-trades-2024-08-03.csv", [trade(price="x")])
    missing = tmp_path / "BTCUSDT-trades-2024-08-04.csv"
    capture = write(tmp_path / "btcusdt.jsonl", [CAPTURED, "no capture"])
    found = faults(good, empty, bad, missing, capture)
    assert [(Path(f.file).name, f.found) for f in found[:3]] == [
        (empty.name, "an empty file"),
        (bad.name, "price 'x'"),
        (missing.name, "no such file"),
    ]
    assert (found[3].file, found[3].line) == ("btcusdt.jsonl", 2)


@pytest.mark.bad_input("a missing file")
def test_nothing_where_files_should_be(tmp_path):
    assert faults(tmp_path)[0].found == "no file"
    assert faults(tmp_path / "*.zip")[0].found == "no file"
    assert faults()[0].found == "nothing given"


@pytest.mark.bad_input("a truncated gzip")
@pytest.mark.parametrize("packing", ["gz", "zip"])
def test_a_truncated_packed_file(tmp_path, packing):
    path = write(tmp_path / "BTCUSDT-trades-2024-08.csv", TRADES)
    target = path.with_suffix(f".{packing}")
    if packing == "gz":
        target.write_bytes(gzip.compress(path.read_bytes()))
    else:
        with zipfile.ZipFile(target, "w") as handle:
            handle.write(path, path.name)
    target.write_bytes(target.read_bytes()[:-9])
    (fault,) = faults(target)
    assert "truncated" in fault.found


@pytest.mark.bad_input("a zip of two files")
def test_an_archive_of_two_files(tmp_path):
    path = tmp_path / "BTCUSDT-trades-2024-08.zip"
    with zipfile.ZipFile(path, "w") as handle:
        handle.writestr("a.csv", "\n".join(TRADES))
        handle.writestr("b.csv", "\n".join(TRADES))
    (fault,) = faults(path)
    assert "it holds 2 files" in fault.found


@pytest.mark.bad_input("a header of no known layout")
@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("id,price,qty,quote_qty,time", "a header without is_buyer_maker"),
        ("id,price,qty,quantity,quote_qty,time,is_buyer_maker", "two columns qty"),
        ("time,open,high,low,close", "a header without id, price, qty"),
    ],
)
def test_a_header_that_is_not_known(tmp_path, header, found):
    (fault,) = faults(write(tmp_path / "BTCUSDT-trades-2024-08.csv", ["1"], header))
    assert fault.line == 1
    assert found in fault.found
    assert "the columns id, price, qty, quote_qty, time, is_buyer_maker" in fault.expected


@pytest.mark.bad_input("a header and no row")
def test_a_header_and_no_row(tmp_path):
    (fault,) = faults(write(tmp_path / "BTCUSDT-trades-2024-08.csv", [], HEADER))
    assert fault.found == "a header and no row"


@pytest.mark.bad_input("a file of another source")
def test_another_source(tmp_path):
    rows = ["34200.017459617,5,0,1,2238200,-1"]
    (fault,) = faults(write(tmp_path / "BTCUSDT-trades-2024-08.csv", rows * 2))
    assert "id '34200.017459617'" in fault.found
    named = faults(write(tmp_path / "AMZN_2012-06-21_message_1.csv", rows * 2))
    assert "neither a name nor a header" in named[0].found
    assert "BTCUSDT-trades-2024-08.zip" in named[0].expected


@pytest.mark.bad_input("too few columns")
def test_too_few_columns_for_the_kind(tmp_path):
    (fault,) = faults(write(tmp_path / "BTCUSDT-trades-2024-08.csv", ["1,2,3", "4,5,6"]))
    assert fault.found == "3 columns"
    assert fault.expected.startswith("6 or 7: id, price")


@pytest.mark.bad_input("a file without a symbol")
def test_a_file_without_a_symbol(tmp_path):
    (fault,) = faults(write(tmp_path / "mine.csv", [f"1,2,3,6,{T},true"], HEADER))
    assert fault.found == "no symbol in the file's name"
    assert "symbol=" in fault.expected


def test_a_kind_that_is_not_read(tmp_path):
    (fault,) = faults(write(tmp_path / "BTCUSD_PERP-liquidationSnapshot-2024-08.csv", TRADES))
    assert fault.found == "a file of liquidationSnapshot"
    assert "aggTrades" in fault.expected


@pytest.mark.bad_input("a file's name without its date")
@pytest.mark.parametrize("period", ["2024-13", "2024-02-31"])
def test_a_name_of_no_date(tmp_path, period):
    path = write(tmp_path / f"BTCUSDT-trades-{period}.csv", TRADES)
    assert "neither a name nor a header" in faults(path)[0].found


@pytest.mark.bad_input("a file's name that denies its content")
def test_a_kind_that_the_name_denies(tmp_path):
    path = write(tmp_path / "BTCUSDT-aggTrades-2024-08.csv", TRADES)
    (fault,) = faults(path, kind="trades")
    assert fault.found == "a file named as aggTrades"


@pytest.mark.parametrize(
    ("option", "said"),
    [({"kind": "ticks"}, "no kind"), ({"clock": "mine"}, "no clock"), ({"levels": 0}, "levels")],
)
def test_options_that_are_none(tmp_path, option, said):
    with pytest.raises(ValueError, match=said):
        binance(tmp_path, **option)


@pytest.mark.bad_input("no row to keep")
def test_no_row_to_keep(tmp_path):
    (fault,) = faults(write(tmp_path / "BTCUSDT-trades-2024-08.csv", [trade(price="0")]))
    assert fault.found == "no row to keep"


# --- files that do not go together ----------------------------------------------------------------

AGGREGATE = [f"31,60000.1,3.0,1001,1003,{T},True,True"]


@pytest.mark.bad_input("two records of the same time")
@pytest.mark.parametrize(
    "names",
    [
        ("BTCUSDT-trades-2024-08", "BTCUSDT-aggTrades-2024-08"),
        ("BTCUSDT-trades-2024-08-01", "BTCUSDT-aggTrades-2024-08"),
        ("BTCUSDT-trades-2024-08", "BTCUSDT-aggTrades-2024-08-01"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_trades_and_aggregates_of_one_time(tmp_path, names, turned):
    files = [
        write(tmp_path / f"{names[0]}.csv", TRADES),
        write(tmp_path / f"{names[1]}.csv", AGGREGATE),
    ]
    files = files[::-1] if turned else files
    (fault,) = faults(*files)
    assert fault.file == files[1].name
    assert files[0].name in fault.found
    assert "together they count twice" in fault.expected
    with pytest.raises(mm.SourceError, match="count twice"):
        together(files)


@pytest.mark.bad_input("two records of the same time")
def test_trades_and_aggregates_that_were_renamed(tmp_path):
    trades = write(tmp_path / "a.csv", [f"1,2,3,6,{T},true"], HEADER)
    header = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time"
    aggregates = write(tmp_path / "b.csv", [f"1,2,3,1,1,{T},true"], f"{header},is_buyer_maker")
    (fault,) = faults(trades, aggregates, symbol="BTCUSDT")
    assert fault.file == "b.csv"
    assert "trades of BTCUSDT of a time that a.csv has too" in fault.found


def test_trades_and_aggregates_of_different_months(tmp_path):
    trades = write(tmp_path / "BTCUSDT-trades-2024-08.csv", TRADES)
    later = [row.replace(str(T), str(T + 40 * 86_400_000)) for row in AGGREGATE]
    aggregates = write(tmp_path / "BTCUSDT-aggTrades-2024-09.csv", later)
    assert len(binance(trades, aggregates).trades) == 6


@pytest.mark.bad_input("two records of the same time")
def test_bars_of_a_day_and_its_month(tmp_path):
    bar = [f"{T},9,9,9,9,1,{T + 59999},1,1,1,1,0"]
    month = write(tmp_path / "BTCUSDT-1m-2024-08.csv", bar)
    day = write(tmp_path / "BTCUSDT-1m-2024-08-01.csv", bar)
    longer = [bar[0].replace(str(T + 59999), str(T + 3599999))]
    hour = write(tmp_path / "BTCUSDT-1h-2024-08-01.csv", longer)
    (fault,) = faults(month, day)
    assert fault.found == "klines 1m of a time that BTCUSDT-1m-2024-08.csv has too"
    assert set(binance(month, hour)["series"]["interval"]) == {"1m", "1h"}


@pytest.mark.bad_input("two markets of one symbol")
def test_spot_and_futures_of_one_symbol(tmp_path):
    spot = write(tmp_path / "spot" / "BTCUSDT-trades-2024-08-01.csv", TRADES)
    rows = [f"1,60000.1,0.5,30000.05,{T},true"]
    futures = write(tmp_path / "um" / "BTCUSDT-trades-2024-08-01.csv", rows, HEADER)
    (fault,) = faults(spot, futures)
    assert "BTCUSDT of USD-M futures beside that of spot" in fault.found
    assert "load them apart" in fault.expected


@pytest.mark.bad_input("one name for two symbols")
def test_one_name_for_two_symbols(tmp_path):
    one = write(tmp_path / "BTCUSDT-trades-2024-08.csv", TRADES)
    other = write(tmp_path / "ETHUSDT-trades-2024-08.csv", TRADES[:1])
    (fault,) = faults(one, other, symbol="X")
    assert "ETHUSDT, called X as BTCUSDT" in fault.found


@pytest.mark.bad_input("two records of the same time")
def test_a_capture_beside_trades_of_its_time(tmp_path):
    trades = write(tmp_path / "BTCUSDT-trades-2024-08-01.csv", TRADES)
    capture = write(tmp_path / "btcusdt.jsonl", [CAPTURED])
    (fault,) = faults(trades, capture)
    assert "trades of BTCUSDT of a time that BTCUSDT-trades-2024-08-01.csv has too" in fault.found


@pytest.mark.bad_input("a snapshot that does not fit")
def test_a_snapshot_without_a_capture(tmp_path):
    trades = write(tmp_path / "BTCUSDT-trades-2024-08-01.csv", TRADES)
    (fault,) = faults(trades, snapshot=tmp_path / "depth.json")
    assert fault.found == "a snapshot without a capture"


@pytest.mark.bad_input("the same file twice")
def test_the_same_file_twice(tmp_path):
    trades = write(tmp_path / "BTCUSDT-trades-2024-08-01.csv", TRADES)
    assert "the same content" in faults(trades, trades)[0].found
