"""Tables of any source: files, frames, databases; their names, times and words made ours."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy

import mmresearch as mm
from mmresearch import schema
from mmresearch.load import table

FILLS = """timestamp,ticker,direction,px,qty,venue
2024-03-01T10:00:00.123456789Z,ABC,buy,10.5,100,X
2024-03-01T10:00:00.123456789Z,ABC,SELL,10.25,50,Y
2024-03-01T10:00:02Z,ABC,S,10,25.5,X
"""
NAMES = {
    "time": "timestamp",
    "symbol": "ticker",
    "side": "direction",
    "price": "px",
    "size": "qty",
}
TRADES = """time,symbol,price,size
2024-03-01T10:00:00Z,ABC,10,1
2024-03-01T10:00:00Z,ABC,11,2
2024-03-01T10:00:01Z,ABC,12,3
"""
QUOTES = """time,symbol,bid,ask,bid_size,ask_size
2024-03-01T10:00:00Z,ABC,9,11,1,1
2024-03-01T10:00:01Z,ABC,,12,,2
"""


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def faults(*given, **how) -> list:
    with pytest.raises(mm.SourceError) as caught:
        table(*given, **how)
    return caught.value.faults


@pytest.fixture
def market(tmp_path):
    path = write(tmp_path / "mine.csv", FILLS)
    return table(path, "fills", columns=NAMES, account="me")


def nanoseconds(times: pd.Series) -> list[int]:
    return times.astype("int64").tolist()


def test_fills_of_a_csv_file(market):
    fills = market.fills
    assert fills["side"].tolist() == [1, -1, -1]
    assert fills["price"].tolist() == [10.5, 10.25, 10.0]
    assert fills["size"].tolist() == [100, 50, 25.5]
    assert fills["account"].tolist() == ["me"] * 3
    assert fills["seq"].tolist() == [0, 1, 2]
    assert fills["venue"].tolist() == ["X", "Y", "X"]
    start = int(pd.Timestamp("2024-03-01 10:00").timestamp()) * 10**9
    assert nanoseconds(fills["time"]) == [start + 123456789] * 2 + [start + 2 * 10**9]


def test_receipt_and_notes(market):
    receipt = market.receipt
    assert receipt.rows_read == receipt.rows_kept == 3
    assert receipt.files["file"].tolist() == ["mine.csv"]
    notes = "\n".join(receipt.notes)
    assert "size is `qty`" in notes
    assert "kept beside: venue" in notes
    assert "fills: no seq, the file's order is the order" in notes
    assert market.name == "mine"


def every_form(folder: Path) -> dict:
    frame = pd.read_csv(write(folder / "plain.csv", FILLS))
    timed = frame.assign(timestamp=pd.to_datetime(frame["timestamp"], format="ISO8601", utc=True))
    arrow = pa.Table.from_pandas(timed)
    pq.write_table(arrow, folder / "a.parquet")
    with pa.ipc.new_file(folder / "a.arrow", arrow.schema) as sink:
        sink.write_table(arrow)
    with pa.ipc.new_stream(folder / "a.arrows", arrow.schema) as sink:
        sink.write_table(arrow)
    (folder / "a.csv.gz").write_bytes(gzip.compress(FILLS.encode()))
    return {
        "csv": folder / "plain.csv",
        "gz": folder / "a.csv.gz",
        "text path": str(folder / "plain.csv"),
        "semicolon": write(folder / "s.csv", FILLS.replace(",", ";")),
        "tab": write(folder / "s.tsv", FILLS.replace(",", "\t")),
        "crlf": write(folder / "c.csv", FILLS.replace("\n", "\r\n")),
        "bom": write(folder / "b.csv", "\ufeff" + FILLS),
        "parquet": folder / "a.parquet",
        "arrow file": folder / "a.arrow",
        "arrow stream": folder / "a.arrows",
        "arrow table": arrow,
        "pandas": timed.set_index("px", drop=False),
        "pandas of texts": frame,
        "polars": pl.DataFrame(frame),
    }


@pytest.mark.parametrize(
    "form",
    [
        "csv",
        "gz",
        "text path",
        "semicolon",
        "tab",
        "crlf",
        "bom",
        "parquet",
        "arrow file",
        "arrow stream",
        "arrow table",
        "pandas",
        "pandas of texts",
        "polars",
    ],
)
def test_every_form_gives_the_same_table(tmp_path, market, form):
    source = every_form(tmp_path)[form]
    again = table(source, "fills", columns=NAMES, account="me")
    pd.testing.assert_frame_equal(again.fills, market.fills)
    assert again.receipt.rows_read == 3


@pytest.mark.parametrize("how", ["engine", "connection", "url"])
def test_a_query(tmp_path, market, how):
    url = f"sqlite:///{tmp_path / 'fills.db'}"
    engine = sqlalchemy.create_engine(url)
    pd.read_csv(write(tmp_path / "a.csv", FILLS)).to_sql("executions", engine, index=False)
    query = "select * from executions order by rowid"
    if how == "connection":
        with engine.connect() as con:
            again = table(query, "fills", columns=NAMES, account="me", con=con)
    else:
        con = engine if how == "engine" else url
        again = table(query, "fills", columns=NAMES, account="me", con=con)
    engine.dispose()
    pd.testing.assert_frame_equal(again.fills, market.fills)
    assert any(query in note for note in again.receipt.notes)


def test_a_query_that_fails(tmp_path):
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    (fault,) = faults("select * from nowhere", "fills", con=url)
    assert "no such table: nowhere" in fault.found
    (fault,) = faults("select * from nowhere", "fills")
    assert "con=" in fault.expected


def test_quotes_come_after_trades_of_their_instant(tmp_path):
    sources = {
        "trades": write(tmp_path / "t.csv", TRADES),
        "quotes": write(tmp_path / "q.csv", QUOTES),
    }
    market = table(sources)
    assert market.trades["seq"].tolist() == [0, 1, 2]
    assert market.quotes["seq"].tolist() == [schema.UNORDERED, schema.UNORDERED + 1]
    assert market.quotes["bid"].isna().tolist() == [False, True]
    assert market.receipt.rows_read == 5
    assert any("quotes: counted after the trades" in note for note in market.receipt.notes)


def test_a_seq_that_is_given_is_used_as_it_is(tmp_path):
    trades = write(tmp_path / "t.csv", _with_seq(TRADES, [5, 9, 2]))
    quotes = write(tmp_path / "q.csv", _with_seq(QUOTES, [7, 1]))
    market = table({"trades": trades, "quotes": quotes})
    assert market.trades["seq"].tolist() == [5, 9, 2]
    assert market.quotes["seq"].tolist() == [7, 1]


def test_seqs_of_quotes_alone_say_nothing_about_trades(tmp_path):
    # quote 0 stands in the instant of trades 0 and 1 and must not be known to trade 1
    sources = {
        "trades": write(tmp_path / "t.csv", TRADES),
        "quotes": write(tmp_path / "q.csv", _with_seq(QUOTES, [0, 1])),
    }
    assert (table(sources).quotes["seq"] >= schema.UNORDERED).all()


def _with_seq(content: str, seqs: list[int]) -> str:
    lines = content.splitlines()
    return "\n".join(
        [f"{lines[0]},seq", *(f"{r},{s}" for r, s in zip(lines[1:], seqs, strict=True))]
    )


def test_rows_from_newest_to_oldest_are_numbered_from_the_last(tmp_path):
    lines = TRADES.splitlines()
    path = write(tmp_path / "t.csv", "\n".join([lines[0], *lines[:0:-1]]) + "\n")
    assert table(path, "trades").trades["price"].tolist() == [10, 11, 12]


def test_one_mapping_for_several_tables_or_one_for_each(tmp_path):
    sources = {
        "trades": write(tmp_path / "t.csv", TRADES.replace("size", "qty")),
        "quotes": write(tmp_path / "q.csv", QUOTES.replace("bid,", "b,")),
    }
    one = table(sources, columns={"size": "qty", "bid": "b"})
    each = table(sources, columns={"trades": {"size": "qty"}, "quotes": {"bid": "b"}})
    for name in ("trades", "quotes"):
        pd.testing.assert_frame_equal(one[name], each[name])
    assert one.trades["size"].tolist() == [1, 2, 3]


def test_a_book_of_two_levels():
    row = {"time": pd.Timestamp("2024-01-01", tz="UTC"), "symbol": "A"}
    row |= {
        f"{side}_{n}": 10.0 + sign * n for side, sign in (("bid", -1), ("ask", 1)) for n in (1, 2)
    }
    row |= {f"{side}_size_{n}": float(n) for side in ("bid", "ask") for n in (1, 2)}
    book = table(pd.DataFrame([row]), "book").book
    assert book[["bid_1", "bid_2", "ask_1", "ask_2"]].to_numpy().tolist() == [[9, 8, 11, 12]]
    found = faults(pd.DataFrame([row]).drop(columns="ask_size_2"), "book")
    assert "no column `ask_size_2`" in found[0].found


def trades_at(times: list) -> pd.DataFrame:
    return pd.DataFrame({"time": times, "symbol": "A", "price": 1.0, "size": 1.0})


START = pd.Timestamp("2024-07-01 10:00:00", tz="UTC").as_unit("ns").value


@pytest.mark.parametrize(
    ("times", "how"),
    [
        (["2024-07-01 10:00:00.000000001"], {"time_zone": "UTC"}),
        (["2024-07-01T06:00:00.000000001"], {"time_zone": "America/New_York"}),
        (["20240701T100000.000000001Z"], {}),
        (["2024-07-01 10:00:00.000000001 UTC"], {}),
        (["2024-07-01T15:45:00.000000001+05:45"], {}),
        (["2024-07-01T15:45:00.000000001+0545"], {}),
        (["1719828000.000000001"], {"unit": "s"}),
        (["1719828000000.000001"], {"unit": "ms"}),
        (["1719828000000000.001"], {"unit": "us"}),
        (["1719828000000000001"], {"unit": "ns"}),
        ([1719828000000000001], {"unit": "ns"}),
        ([np.datetime64("2024-07-01T10:00:00.000000001")], {"time_zone": "UTC"}),
        ([pd.Timestamp("2024-07-01 12:00:00.000000001", tz="Europe/Berlin")], {}),
    ],
)
def test_times_to_the_nanosecond(times, how):
    assert nanoseconds(table(trades_at(times), "trades", **how).trades["time"]) == [START + 1]


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (1719828000, "s"),
        (1719828000.0, "s"),
        (1719828000000, "ms"),
        (1719828000000000, "us"),
        ("1719828000000", "ms"),
        ("1.719828e9", "s"),
    ],
)
def test_a_missing_unit_is_asked_for_and_guessed_by_size(value, unit):
    (fault,) = faults(trades_at([value, value]), "trades")
    assert "column `time`: times as numbers" in fault.found
    assert f"unit={unit!r}" in fault.expected
    assert nanoseconds(table(trades_at([value]), "trades", unit=unit).trades["time"]) == [START]


@pytest.mark.parametrize(
    "times", [["2024-07-01 10:00"], ["2024-07-01"], [np.datetime64("2024-07-01T10:00")]]
)
def test_a_missing_time_zone_is_asked_for(times):
    (fault,) = faults(trades_at(times), "trades")
    assert "column `time`: times without a time zone" in fault.found
    assert "time_zone=" in fault.expected


@pytest.mark.parametrize(
    ("times", "how", "expected"),
    [
        (["2024-07-01T10:00Z", "2024-07-01T10:00"], {}, "an offset, as other rows have"),
        (["2024-07-01T10:00Z", "01/07/2024 10:00Z"], {}, "ISO 8601"),
        (["2024-07-01", "noon"], {"time_zone": "UTC"}, "ISO 8601"),
        (["2024-07-01", "12"], {"time_zone": "UTC"}, "ISO 8601"),
        (["2024-07-01", "2024-07"], {"time_zone": "UTC"}, "ISO 8601"),
        (["2024-07-01", "2024-03-31 02:30"], {"time_zone": "Europe/Berlin"}, "exist once"),
        (["2024-07-01", "2024-10-27 02:30"], {"time_zone": "Europe/Berlin"}, "exist once"),
        (["2024-07-01", "9999-01-01"], {"time_zone": "UTC"}, "between 1678 and 2261"),
        ([1.0, 1719828000000.0], {"unit": "s"}, "between 1678 and 2261"),
        ([1.0, np.inf], {"unit": "s"}, "between 1678 and 2261"),
    ],
)
def test_times_that_are_none(times, how, expected):
    (fault,) = faults(trades_at(times), "trades", **how)
    assert expected in fault.expected
    assert "(1 rows, first at 1)" in fault.found


def test_a_missing_time_is_missing_in_every_form():
    for times in (["", "1719828000"], [None, 1719828000], pd.array([None, 1719828000], "Int64")):
        (fault,) = faults(trades_at(times), "trades", unit="s")
        assert "time" in fault.found
        assert "missing value" in fault.found


def test_numbers_that_look_like_dates():
    (fault,) = faults(trades_at(["20240701"]), "trades")
    assert "dates as 2024-01-31" in fault.expected


def test_codes_stay_texts(tmp_path):
    path = write(tmp_path / "a.csv", TRADES.replace("ABC", "007"))
    assert table(path, "trades").trades["symbol"].tolist() == ["007"] * 3
    frame = trades_at([START] * 2).assign(trade_id=[12.0, np.nan])
    ids = table(frame, "trades", unit="ns").trades["trade_id"]
    assert ids.iloc[0] == "12"
    assert ids.isna().tolist() == [False, True]


def test_an_index_column_without_a_name(tmp_path):
    path = tmp_path / "a.csv"
    pd.read_csv(write(path, TRADES)).to_csv(path)
    trades = table(path, "trades").trades
    assert trades["price"].tolist() == [10, 11, 12]
    assert trades["column 1"].tolist() == [0, 1, 2]


def test_a_unit_that_is_probably_wrong_is_noted():
    market = table(trades_at([1719828000]), "trades", unit="ms")
    assert any("is its unit right?" in note for note in market.receipt.notes)
    assert not any(
        "unit" in n for n in table(trades_at([1719828000]), "trades", unit="s").receipt.notes
    )


def test_arguments_that_do_not_exist():
    with pytest.raises(ValueError, match="no unit 'sec'"):
        table(trades_at([1]), "trades", unit="sec")
    with pytest.raises(ValueError, match="no time zone 'Mars'"):
        table(trades_at([1]), "trades", time_zone="Mars")
    with pytest.raises(ValueError, match="no tables"):
        table(trades_at([1]), "prints")
    with pytest.raises(ValueError, match="one source and its kind, one of trades, quotes, "):
        table(trades_at([1]))
    with pytest.raises(TypeError, match="cannot read a list"):
        table([1], "trades")


@pytest.mark.parametrize(
    ("word", "side"),
    [(word, 1) for word in ("buy", "B", "Bought", "+1", "1", " long ")]
    + [(word, -1) for word in ("sell", "S", "SOLD", "-1", "short")],
)
def test_words_for_sides(word, side):
    frame = trades_at([START]).assign(side=[word])
    assert table(frame, "trades", unit="ns").trades["side"].tolist() == [side]


def test_sides_that_are_not_known():
    frame = trades_at([START] * 3).assign(side=["buy", "bid", "?"])
    (fault,) = faults(frame, "trades", unit="ns")
    assert fault.found == "side 'bid' (2 rows, first at 1, 2)"
    assert fault.expected == "buy or sell, +1 or -1"
    nothing = trades_at([START] * 2).assign(side=["buy", "unknown"])
    np.testing.assert_array_equal(table(nothing, "trades", unit="ns").trades["side"], [1, np.nan])


def test_bid_and_ask_are_sides_of_resting_orders():
    frame = trades_at([START] * 2).assign(side=["bid", "ask"], order_id=["1", "2"], event="add")
    assert table(frame, "orders", unit="ns").orders["side"].tolist() == [1, -1]


def test_flags_and_rights():
    frame = trades_at([START] * 3).assign(side=1, account=7, maker=["maker", "FALSE", ""])
    fills = table(frame, "fills", unit="ns").fills
    assert fills["maker"].tolist()[:2] == [True, False]
    assert fills["maker"].isna().tolist() == [False, False, True]
    assert fills["account"].tolist() == ["7"] * 3
    chain = pd.DataFrame({"time": START, "expiry": START, "strike": 5, "right": ["C", "put"]})
    blank = {"open_interest": np.nan, "implied_vol": 0.2, "spot": 5.0, "multiplier": 100}
    right = table(chain.assign(**blank), "chain", unit="ns").chain["right"]
    assert right.tolist() == ["call", "put"]


VALUE_FAULTS = {
    "text in price": ("ABC,ten,1", "price 'ten'", "numbers"),
    "negative size": ("ABC,10,-1", "size '-1'", "above 0"),
    "price 0": ("ABC,0,1", "price '0'", "above 0"),
    "no size": ("ABC,10,", "size", "units of the asset"),
    "no symbol": (",10,1", "symbol", "instrument"),
}


@pytest.mark.parametrize("case", VALUE_FAULTS)
def test_a_bad_value_is_named_with_its_line(tmp_path, case):
    row, found, expected = VALUE_FAULTS[case]
    path = write(tmp_path / "a.csv", f"{TRADES}2024-03-01T10:00:05Z,{row}\n")
    (fault,) = faults(path, "trades")
    assert (fault.file, fault.line) == ("a.csv", 5)
    assert fault.found.startswith(found)
    assert expected in fault.expected


def test_faults_of_several_sources_come_together(tmp_path):
    sources = {
        "trades": write(tmp_path / "t.csv", TRADES.replace(",11,2", ",-11,2")),
        "quotes": write(tmp_path / "q.csv", QUOTES.replace(",9,", ",-9,")),
    }
    assert [(f.file, f.line) for f in faults(sources)] == [("t.csv", 3), ("q.csv", 2)]
    sources |= {"fills": tmp_path / "none.csv", "trades": write(tmp_path / "e.csv", "")}
    empty, missing, bid = faults(sources)
    assert (empty.found, missing.found) == ("an empty file", "no such file")
    assert (bid.file, bid.line) == ("q.csv", 2)


def test_faults_of_cells_and_of_the_schema_come_together(tmp_path):
    path = write(tmp_path / "a.csv", TRADES.replace("ABC,10,1", "ABC,ten,-1"))
    found = faults(path, "trades")
    assert [(f.line, f.found.split()[0]) for f in found] == [(2, "price"), (2, "size")]
    frame = trades_at([1719828000]).assign(size=-1.0)
    assert [f.found.split()[0] for f in faults(frame, "trades")] == ["column", "size"]


def test_repeated_events(tmp_path):
    path = write(tmp_path / "t.csv", _with_seq(TRADES, [1, 1, 1]))
    (fault,) = faults(path, "trades")
    assert fault.line == 3
    assert "repeated" in fault.found


FILE_FAULTS = {
    "a short line": (TRADES + "2024-03-01T10:00:09Z,ABC\n", 5, "cut off, with 2 columns"),
    "a long line": (TRADES + "2024-03-01T10:00:09Z,ABC,1,2,3\n", 5, "5 columns"),
    "a short line inside": (TRADES.replace("ABC,10,1", "ABC"), 2, "2 columns"),
    "an empty line": (TRADES.replace("size\n", "size\n\n"), 2, "an empty line"),
    "no header": (TRADES.partition("\n")[2], 1, "2024-03-01"),
    "two columns of a name": (TRADES.replace("price", "size"), 1, "two columns `size`"),
    "no row": (TRADES.partition("\n")[0] + "\n", None, "a header and no row"),
}


@pytest.mark.parametrize("case", FILE_FAULTS)
def test_a_file_that_is_no_table(tmp_path, case):
    content, line, found = FILE_FAULTS[case]
    (fault,) = faults(write(tmp_path / "a.csv", content), "trades")
    assert fault.line == line
    assert found in fault.found


def test_frames_that_are_no_table():
    assert faults(trades_at([]), "trades")[0].found == "no row"
    twice = pd.concat([trades_at([1]), trades_at([1])[["price"]]], axis=1)
    assert faults(twice, "trades")[0].found == "two columns `price`"


@pytest.mark.parametrize("start", [b"PAR1", b"ARROW1"])
def test_a_damaged_file(tmp_path, start):
    path = tmp_path / "a.bin"
    path.write_bytes(start + b"x" * 100)
    (fault,) = faults(path, "trades")
    assert "a damaged file" in fault.found


def test_texts_of_several_lines_and_empty_last_cells(tmp_path):
    rows = '2024-03-01T10:00:00Z,ABC,10,1,"two\nlines"\n2024-03-01T10:00:01Z,ABC,11,1,\n'
    trades = table(
        write(tmp_path / "a.csv", "time,symbol,price,size,note\n" + rows), "trades"
    ).trades
    assert trades["price"].tolist() == [10, 11]
    assert trades["note"].tolist()[0] == "two\nlines"


def test_symbols_and_calendar_are_passed_on(tmp_path):
    path = write(tmp_path / "a.csv", TRADES)
    about = pd.DataFrame({"symbol": ["ABC"], "tick": [0.5], "currency": ["EUR"]})
    market = table(path, "trades", symbols=about, calendar="XNYS", name="mine")
    assert market.symbols.iloc[0][["tick", "currency", "calendar"]].tolist() == [0.5, "EUR", "XNYS"]
    assert market.name == "mine"
