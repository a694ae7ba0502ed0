"""Many files as one table: folders, patterns, lists, partitions; columns and units that agree."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mmresearch as mm
from mmresearch import schema
from mmresearch.load import several, table

HEADER = "time,symbol,price,size,trade_id\n"
MONDAY = HEADER + "2024-03-04T10:00:00Z,X,10,1,a\n2024-03-04T10:00:05Z,X,11,2,b\n"
TUESDAY = HEADER + "2024-03-05T10:00:00Z,X,12,3,c\n"


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def week(tmp_path) -> Path:
    """A folder of two days and of what is no table."""
    folder = tmp_path / "week"
    write(folder / "day_5.csv", TUESDAY)
    write(folder / "day_4.csv", MONDAY)
    write(folder / "_SUCCESS", "")
    write(folder / "notes.md", "about the days")
    return folder


def faults(*given, **how) -> list:
    with pytest.raises(mm.SourceError) as caught:
        table(*given, **how)
    return caught.value.faults


def places(*given, **how) -> list:
    return [(f.file, f.line, f.found) for f in faults(*given, **how)]


# --- which files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["folder", "text", "pattern", "list", "list of patterns"])
def test_folders_patterns_and_lists_are_one_table(week, way):
    source = {
        "folder": week,
        "text": str(week),
        "pattern": f"{week}/*.csv",
        "list": [week / "day_4.csv", str(week / "day_5.csv")],
        "list of patterns": (week / "*_4.csv", f"{week}/*_5.csv"),
    }[way]
    market = table(source, "trades")
    assert market.trades["price"].tolist() == [10, 11, 12]
    assert market.trades["trade_id"].tolist() == ["a", "b", "c"]
    files = market.receipt.files
    assert files["file"].tolist() == ["day_4.csv", "day_5.csv"]
    assert files["rows"].tolist() == [2, 1]
    assert files["bytes"].tolist() == [len(MONDAY), len(TUESDAY)]
    assert files["sha256"].nunique() == 2
    assert market.receipt.notes == ("trades: no seq, the file's order is the order",)
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (3, 3)
    assert market.name == "table"


def test_all_files_are_each_of_them_joined(week):
    whole = table(week, "trades")
    each = [table(week / name, "trades") for name in ("day_4.csv", "day_5.csv")]
    joined = several.joined("table", each)
    pd.testing.assert_frame_equal(whole.trades, joined.trades)
    assert whole.receipt.files.equals(joined.receipt.files)


def test_files_of_the_same_name_are_told_apart(tmp_path):
    write(tmp_path / "a" / "t.csv", MONDAY)
    write(tmp_path / "b" / "t.csv", TUESDAY.replace("12,3", "twelve,3"))
    assert places(f"{tmp_path}/*/t.csv", "trades") == [("b/t.csv", 2, "price 'twelve'")]
    write(tmp_path / "b" / "t.csv", TUESDAY)
    files = table(f"{tmp_path}/*/t.csv", "trades").receipt.files
    assert files["file"].tolist() == ["a/t.csv", "b/t.csv"]


def test_nothing_there(tmp_path):
    (fault,) = faults(tmp_path, "trades")
    assert fault.found == "no file"
    assert ".parquet" in fault.expected
    (fault,) = faults(f"{tmp_path}/*.csv", "trades")
    assert fault.found == "no file"
    (fault,) = faults([], "trades")
    assert fault.found == "nothing given"
    sources = {"trades": f"{tmp_path}/*.csv", "quotes": tmp_path / "none.csv"}
    assert [f.found for f in faults(sources)] == ["no file", "no such file"]


def test_what_is_no_list_of_paths():
    for odd, name in (([1], "a list of int"), (7, "a int"), (b"x", "a bytes")):
        with pytest.raises(TypeError, match=f"cannot read {name}; give a path or several"):
            table(odd, "trades")


def test_tables_of_many_files_each(tmp_path):
    quotes = "time,symbol,bid,ask,bid_size,ask_size\n2024-03-0{}T10:00:00Z,X,9,11,1,1\n"
    for day, trades in ((4, MONDAY), (5, TUESDAY)):
        write(tmp_path / f"trades_{day}.csv", trades)
        write(tmp_path / f"quotes_{day}.csv", quotes.format(day))
    sources = {kind: f"{tmp_path}/{kind}_*.csv" for kind in ("trades", "quotes")}
    market = table(sources)
    assert market.trades["seq"].tolist() == [0, 1, 0]
    assert market.quotes["seq"].tolist() == [schema.UNORDERED] * 2
    assert market.receipt.rows_read == 5
    assert len(market.receipt.files) == 4


@pytest.mark.parametrize("packing", ["gz", "lz4", "zst", "zip"])
def test_packed_files(tmp_path, packing):
    write(tmp_path / "day_4.csv", MONDAY)
    path = tmp_path / f"day_5.csv.{packing}"
    if packing == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("t.csv", TUESDAY)
    else:
        codec = {"gz": "gzip", "lz4": "lz4", "zst": "zstd"}[packing]
        with pa.CompressedOutputStream(str(path), codec) as sink:
            sink.write(TUESDAY.encode())
    assert table(tmp_path, "trades").trades["price"].tolist() == [10, 11, 12]


# --- columns that agree ---------------------------------------------------------------------------


def test_a_column_that_only_some_files_have(tmp_path):
    write(
        tmp_path / "a.csv", MONDAY.replace("trade_id\n", "trade_id,venue\n").replace("1,a", "1,a,N")
    )
    content = (tmp_path / "a.csv").read_text().replace("2,b", "2,b,Q")
    write(tmp_path / "a.csv", content)
    write(tmp_path / "b.csv", TUESDAY)
    write(
        tmp_path / "c.csv",
        TUESDAY.replace("-05T", "-06T").replace(",trade_id", ",side").replace(",c", ",buy"),
    )
    market = table(tmp_path, "trades")
    assert market.trades["venue"].fillna("none").tolist() == ["N", "Q", "none", "none"]
    assert market.trades["side"].fillna(0).tolist() == [0, 0, 0, 1]
    assert market.trades["trade_id"].fillna("none").tolist() == ["a", "b", "c", "none"]
    notes = market.receipt.notes
    assert "no column `venue` in b.csv, c.csv: missing there" in notes
    assert "no column `side` in a.csv, b.csv: missing there" in notes
    assert "no column `trade_id` in c.csv: missing there" in notes


def test_a_required_column_that_one_file_lacks_is_that_files_fault(week):
    write(week / "day_6.csv", TUESDAY.replace("-05T", "-06T").replace("size", "qty"))
    (fault,) = faults(week, "trades")
    assert (fault.file, fault.line, fault.found) == ("day_6.csv", 1, "no column `size`")
    assert "column `qty` looks like `size`; pass columns={'size': 'qty'}" in fault.expected


def test_the_same_fault_of_many_files_is_said_once(tmp_path):
    for day in range(1, 8):
        write(tmp_path / f"d{day}.csv", TUESDAY.replace("-05T", f"-0{day}T").replace("size", "qty"))
    (fault,) = faults(tmp_path, "trades")
    assert fault.file == "d1.csv, d2.csv and 5 more"
    market = table(tmp_path, "trades", columns={"size": "qty"})
    assert "d1.csv, d2.csv and 5 more: size is `qty`" in market.receipt.notes


def test_faults_of_every_file_come_together(week):
    write(week / "day_6.csv", TUESDAY.replace("12,3", "12,many"))
    write(week / "day_7.csv", TUESDAY.replace("12,3", "-12,3"))
    write(week / "day_8.csv", "")
    (week / "day_9.parquet").write_bytes(b"PAR1 and nothing more")
    found = {f.file.rpartition("/")[2]: (f.line, f.found) for f in faults(week, "trades")}
    assert found["day_6.csv"] == (2, "size 'many'")
    assert found["day_7.csv"] == (2, "price '-12' (breaks its rule)")
    assert found["day_8.csv"] == (None, "an empty file")
    assert "a damaged file" in found["day_9.parquet"][1]
    assert len(found) == 4


def test_values_that_break_the_schema_in_several_files(week):
    write(week / "day_6.csv", TUESDAY.replace("12,3", "0,3"))
    write(week / "day_7.csv", TUESDAY.replace("12,3", "-12,3"))
    found = places(week, "trades")
    assert ("day_6.csv", 2, "price '0' (breaks its rule)") in found
    assert ("day_7.csv", 2, "price '-12' (breaks its rule)") in found


def test_an_extra_column_of_numbers_here_and_of_words_there_can_be_saved(tmp_path):
    for name, content in (("a", MONDAY), ("b", TUESDAY)):
        lines = content.splitlines()
        marks = ["note", "1.50", "2"] if name == "a" else ["note", "late"]
        write(
            tmp_path / f"{name}.csv",
            "\n".join(map(",".join, zip(lines, marks, strict=True))) + "\n",
        )
    market = table(tmp_path, "trades")
    assert market.trades["note"].tolist() == ["1.50", "2", "late"]
    again = mm.open(market.save(tmp_path / "market"))
    assert again.trades["note"].tolist() == ["1.50", "2", "late"]
    assert table(tmp_path / "a.csv", "trades").trades["note"].tolist() == [1.5, 2]


def test_columns_of_other_types_in_other_files(tmp_path):
    time = pd.to_datetime(["2024-03-04T10:00Z"])
    row = pd.DataFrame({"time": time, "symbol": "X", "price": 1.0, "size": 1.0})
    row.assign(odd=7, few=True, id=2**53 + 1).to_parquet(tmp_path / "a.parquet")
    later = row.assign(time=time + pd.Timedelta("1s"))
    later.assign(odd="late").to_parquet(tmp_path / "b.parquet")
    market = table(tmp_path, "trades")
    assert market.trades["odd"].tolist() == ["7", "late"]
    assert market.trades["few"].tolist() == [True, pd.NA]
    assert market.trades["id"].tolist() == [2**53 + 1, pd.NA]
    again = mm.open(market.save(tmp_path / "market"))
    pd.testing.assert_frame_equal(again.trades, market.trades)


def test_files_of_different_forms(tmp_path):
    write(tmp_path / "a.csv", MONDAY)
    other = pd.read_csv(write(tmp_path / "b.txt", TUESDAY))
    other["time"] = pd.to_datetime(other["time"])
    other.to_parquet(tmp_path / "b.parquet")
    assert table(tmp_path, "trades").trades["price"].tolist() == [10, 11, 12]


# --- order, and rows that stand twice -------------------------------------------------------------


def test_files_that_overlap_are_counted_on(tmp_path):
    write(tmp_path / "a.csv", MONDAY)
    write(tmp_path / "b.csv", MONDAY.replace(",a\n", ",c\n").replace(",b\n", ",d\n"))
    trades = table(tmp_path, "trades").trades
    assert trades["trade_id"].tolist() == ["a", "c", "b", "d"]
    assert trades["seq"].tolist() == [0, 2, 1, 3]


def test_a_row_in_two_files_is_set_aside(tmp_path):
    write(tmp_path / "a.csv", MONDAY)
    write(tmp_path / "b.csv", MONDAY.splitlines()[2].join([HEADER, "\n"]) + TUESDAY[len(HEADER) :])
    market = table(tmp_path, "trades")
    assert market.trades["trade_id"].tolist() == ["a", "b", "c"]
    assert market.receipt.rows_read == 4
    assert market.receipt.reasons.to_dict() == {"already in another file": 1}


def test_a_row_that_repeats_another_is_set_aside_with_its_line(tmp_path):
    same = "2024-03-04T10:00:09Z,X,12,1,c\n"
    odd = same.replace("12,1", "12,2")
    without = same.replace(",c", ",")
    path = write(tmp_path / "a.csv", MONDAY + same + same + odd + without + without)
    market = table(path, "trades")
    assert market.trades["size"].tolist() == [1, 2, 1, 2, 1, 1]
    (row,) = market.receipt.set_aside.itertuples(index=False)
    assert (row.file, row.line, row.reason) == ("a.csv", 5, "a row again, its trade_id too")
    assert row.text.endswith("X,12,1,c")
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (7, 6)
    frame = pd.read_csv(path)
    assert table(frame, "trades").receipt.set_aside["line"].isna().all()


def test_lines_after_a_row_that_was_set_aside_keep_their_numbers(tmp_path):
    same = "2024-03-04T10:00:09Z,X,12,1,c\n"
    path = write(tmp_path / "a.csv", MONDAY + same + same + same.replace("12,1,c", "-1,1,d"))
    assert places(path, "trades") == [("a.csv", 6, "price '-1' (breaks its rule)")]


def test_transfers_may_repeat(tmp_path):
    # one transaction may pay the same amount to the same account twice
    row = "2024-03-04T10:00:00Z,me,ETH,1,0xabc\n"
    path = write(tmp_path / "a.csv", "time,account,asset,amount,tx\n" + row + row)
    assert len(table(path, "transfers").transfers) == 2


def test_the_same_file_twice(week):
    write(week / "copy.csv", MONDAY)
    (fault,) = faults(week, "trades")
    assert fault.file == "day_4.csv"
    assert fault.found == "the same content as copy.csv"


def test_files_from_newest_to_oldest(tmp_path):
    for name, day in (("a", "04"), ("b", "05")):
        rows = [
            f"2024-03-{day}T10:00:0{s}Z,X,1{s},1,{name}{s}{k}\n"
            for s, k in ((5, 1), (0, 2), (0, 1))
        ]
        write(tmp_path / f"{name}.csv", HEADER + "".join(rows))
    trades = table(tmp_path, "trades").trades
    assert trades["trade_id"].tolist() == ["a01", "a02", "a51", "b01", "b02", "b51"]


def test_a_seq_of_ones_own_is_kept_in_every_file(tmp_path):
    # both files hold the same second: the numbers say which was first, not the files' order
    write(tmp_path / "a.csv", "time,symbol,price,size,seq\n2024-03-04T10:00:00Z,X,10,1,7\n")
    write(tmp_path / "b.csv", "time,symbol,price,size,seq\n2024-03-04T10:00:00Z,X,11,1,3\n")
    trades = table(tmp_path, "trades").trades
    assert trades["seq"].tolist() == [3, 7]
    assert trades["price"].tolist() == [11, 10]
    write(tmp_path / "c.csv", "time,symbol,price,size\n2024-03-04T10:00:00Z,X,10,1\n")
    assert places(tmp_path, "trades") == [("c.csv", None, "no column `seq`")]


# --- partitions -----------------------------------------------------------------------------------


def test_partitions_are_columns(tmp_path):
    for symbol, price in (("X", 10), ("a%20b", 12)):
        path = tmp_path / f"symbol={symbol}" / "day=2024-03-04" / "part-0.parquet"
        path.parent.mkdir(parents=True)
        time = pd.to_datetime(["2024-03-04T10:00Z"])
        pd.DataFrame({"time": time, "price": price, "size": 1.0}).to_parquet(path)
    market = table(tmp_path, "trades")
    trades = market.trades.sort_values("price")
    assert trades["symbol"].tolist() == ["X", "a b"]
    assert trades["day"].tolist() == ["2024-03-04"] * 2
    assert any("from its folder's name: symbol, day" in note for note in market.receipt.notes)
    names = sorted(market.receipt.files["file"])
    assert names[0] == "symbol=X/day=2024-03-04/part-0.parquet"
    same = table(f"{tmp_path}/symbol=*/day=*/*.parquet", "trades")
    pd.testing.assert_frame_equal(same.trades, market.trades)


def test_partitions_as_polars_and_arrow_write_them(tmp_path):
    frame = pl.DataFrame(
        {
            "time": ["2024-03-04T10:00:00Z"] * 2,
            "symbol": ["X", "Y"],
            "price": [1.0, 2.0],
            "size": 1.0,
        }
    )
    pq.write_to_dataset(frame.to_arrow(), tmp_path / "arrow", partition_cols=["symbol"])
    assert sorted(table(tmp_path / "arrow", "trades").trades["symbol"]) == ["X", "Y"]
    frame.write_parquet(tmp_path / "polars", partition_by="symbol", mkdir=True)
    assert sorted(table(tmp_path / "polars", "trades").trades["symbol"]) == ["X", "Y"]


def test_a_column_of_the_file_goes_before_its_folders_name(tmp_path):
    write(tmp_path / "symbol=Y" / "__.csv", MONDAY)
    write(tmp_path / "venue=__HIVE_DEFAULT_PARTITION__" / "t.csv", TUESDAY)
    trades = table(tmp_path, "trades").trades
    assert trades["symbol"].tolist() == ["X"] * 3
    assert trades["venue"].isna().all()


def test_folders_that_are_no_partitions_are_not_entered(week):
    write(week / "old" / "day_1.csv", "not,a\ntable,at all\n")
    assert len(table(week, "trades").trades) == 3


# --- units ----------------------------------------------------------------------------------------

SECOND = 1709546400  # 2024-03-04 10:00 UTC


def numbered(path: Path, times: list[int]) -> Path:
    rows = "".join(f"{time},X,10,1,{path.stem}{i}\n" for i, time in enumerate(times))
    return write(path, HEADER + rows)


@pytest.mark.parametrize(("unit", "other"), [("ms", 1_000), ("us", 1_000_000), ("s", 1)])
def test_two_units_in_one_file(tmp_path, unit, other):
    wrong = 1000 if other != 1000 else 1_000_000
    times = [SECOND * other, (SECOND + 1) * other, SECOND * wrong, (SECOND + 1) * wrong]
    found = places(numbered(tmp_path / "a.csv", times), "trades", unit=unit)
    (place,) = found
    assert place[:2] == ("a.csv", 4)
    assert "2 rows, first at lines 4, 5" in place[2]


def test_two_units_in_two_files(tmp_path):
    numbered(tmp_path / "a.csv", [SECOND * 1000])
    numbered(tmp_path / "b.csv", [SECOND * 10**6])
    (fault,) = faults(tmp_path, "trades", unit="us")
    assert (fault.file, fault.found) == ("a.csv", "time probably in unit 'ms'")
    assert faults(tmp_path, "trades", unit="ms")[0].file == "b.csv"
    numbered(tmp_path / "b.csv", [(SECOND + 60) * 1000])
    assert len(table(tmp_path, "trades", unit="ms").trades) == 2


def test_early_times_that_no_unit_brings_to_our_days_are_kept(tmp_path):
    # 1985 and 2024 in seconds are daily series, not two units
    path = numbered(tmp_path / "a.csv", [482_000_000, SECOND])
    market = table(path, "trades", unit="s")
    assert market.trades["time"].dt.year.tolist() == [1985, 2024]
    assert any("is its unit right?" in note for note in market.receipt.notes)
