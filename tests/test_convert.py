"""Many files to one folder: the same as reading them at once, and an interrupted run goes on."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.convert import convert

HEADER = "Transact. No.,Symbol,Buyer,Seller,Quantity,Rate,Amount\n"


def sheet(folder: Path, day: int, *numbers: int, quantity: int = 10) -> Path:
    """A floorsheet of January 2024 with a trade for each number."""
    rows = [
        f"202401{day:02d}01{number:06d},ABC,1,2,{quantity},100,{quantity * 100}\n"
        for number in numbers
    ]
    path = folder / f"sheet_{day}.csv"
    path.write_text(HEADER + "".join(rows))
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    (tmp_path / "in").mkdir()
    return [sheet(tmp_path / "in", day, 1, 2, 3) for day in (2, 3, 4)]


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


def test_file_by_file_gives_what_all_at_once_gives(files, tmp_path):
    convert("floorsheet", files, tmp_path / "out", options={"name": "mine"})
    market, whole = mm.open(tmp_path / "out"), mm.load.floorsheet(*files)
    assert market.data_hash == whole.data_hash
    assert market.name == "mine"
    assert market.receipt.files["file"].tolist() == [path.name for path in files]
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (9, 9)
    assert market.receipt.notes == whole.receipt.notes


def test_progress_counts_files_rows_bytes_and_time(files, tmp_path, said):
    convert("floorsheet", files, tmp_path / "out", progress=said)
    lines = said.getvalue().splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == [
        "1/3 sheet_2.csv",
        "2/3 sheet_3.csv",
        "3/3 sheet_4.csv",
    ]
    assert "3 rows, 0.0 of 0.0 MB, 0:0" in lines[0]
    assert "9 rows" in lines[2]
    assert lines[2].endswith("0:00 left")
    assert lines[3] == "making one market of 3 files"
    assert lines[4].startswith("9 rows in 0:0")


@pytest.mark.bad_input("an interrupt in the middle of convert")
def test_an_interrupted_run_goes_on_where_it_was(files, tmp_path, said, monkeypatch):
    floorsheet = mm.load.floorsheet

    def stopped(path, **options):
        if path.name == "sheet_4.csv":
            raise KeyboardInterrupt
        return floorsheet(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(mm.load, "floorsheet", stopped)
        with pytest.raises(KeyboardInterrupt):
            convert("floorsheet", files, tmp_path / "out")
    assert not (tmp_path / "out").exists()

    convert("floorsheet", files, tmp_path / "out", progress=said)
    assert [" (read before)" in line for line in said.getvalue().splitlines()[:3]] == [
        True,
        True,
        False,
    ]
    assert mm.open(tmp_path / "out").data_hash == floorsheet(*files).data_hash
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


@pytest.mark.bad_input("faults in several files")
def test_one_bad_file_leaves_the_target_and_keeps_the_good_ones(files, tmp_path, said):
    out = tmp_path / "out"
    convert("floorsheet", files[:2], out)
    before = mm.open(out).data_hash
    files[1].write_text("something else\n1\n")
    files[2].write_text(HEADER)
    with pytest.raises(mm.SourceError, match="2 faults") as caught:
        convert("floorsheet", files, out)
    assert [fault.file for fault in caught.value.faults] == ["sheet_3.csv", "sheet_4.csv"]
    assert "1 of 3 files are read and kept for the next run" in str(caught.value)
    assert mm.open(out).data_hash == before

    sheet(files[1].parent, 3, 1)
    sheet(files[2].parent, 4, 1)
    convert("floorsheet", files, out, progress=said)
    assert [" (read before)" in line for line in said.getvalue().splitlines()[:3]] == [
        True,
        False,
        False,
    ]
    assert len(mm.open(out).trades) == 5


@pytest.mark.bad_input("a file that changes between two runs")
def test_what_changed_is_read_again(tmp_path):
    (tmp_path / "in").mkdir()
    rows = "time,symbol,price,size\n{}T10:00:00,X,10,{}\n"
    files = [tmp_path / "in" / f"{day}.csv" for day in ("2024-01-02", "2024-01-03")]
    for path in files:
        path.write_text(rows.format(path.stem, 1))
    bad = tmp_path / "in" / "2024-01-04.csv"
    bad.write_text("nothing\n")
    about = {"kind": "trades", "time_zone": "UTC"}
    for options in (about, about | {"time_zone": "Asia/Tokyo"}):
        with pytest.raises(mm.SourceError):
            convert("table", [*files, bad], tmp_path / "out", options=options)
        files[0].write_text(rows.format(files[0].stem, 2))
    bad.unlink()
    market = convert("table", files, tmp_path / "out", options=about | {"time_zone": "Asia/Tokyo"})
    assert market.trades["size"].tolist() == [2, 1]
    assert market.trades["time"].dt.hour.tolist() == [1, 1]


def test_a_folder_of_files(files, tmp_path):
    market = convert("floorsheet", [files[0].parent], tmp_path / "out")
    assert len(market.trades) == 9


@pytest.mark.bad_input("a trade in two files")
def test_a_trade_in_two_files_is_one_trade(files, tmp_path):
    (tmp_path / "more").mkdir()
    market = convert("floorsheet", [*files, sheet(tmp_path / "more", 4, 3, 4)], tmp_path / "out")
    assert len(market.trades) == 10
    assert market.trades["seq"].tolist()[-4:] == [1000001, 1000002, 1000003, 1000004]
    assert len(market.fills) == 20
    assert market.receipt.reasons.to_dict() == {"already in another file": 1}
    assert market.receipt.rows_kept == 10


@pytest.mark.bad_input("one number with two contents")
def test_one_number_with_two_contents_is_refused(files, tmp_path):
    (tmp_path / "more").mkdir()
    other = sheet(tmp_path / "more", 4, 3, quantity=11)
    with pytest.raises(mm.SourceError, match="trades: repeated"):
        convert("floorsheet", [*files, other], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_single_file_needs_no_parts(files, tmp_path, said):
    convert("floorsheet", files[:1], tmp_path / "out", progress=said)
    told = r"reading 1 files, 0\.0 MB\n3 rows in \d:\d\d\n"  # however busy the machine is
    assert re.fullmatch(told, said.getvalue())
    assert len(mm.open(tmp_path / "out").trades) == 3


def test_a_file_s_own_note_stays(files, tmp_path):
    misnamed = files[0].with_name("sheet_2024-05-06.csv")
    files[0].rename(misnamed)
    market = convert("floorsheet", [misnamed, *files[1:]], tmp_path / "out")
    assert sum("its name says otherwise" in note for note in market.receipt.notes) == 1
    assert len(market.receipt.notes) == 5


def test_columns_beside_may_differ_from_file_to_file(tmp_path):
    rows = "time,symbol,price,size,place\n{}T10:00:00Z,X,10,1,{}\n"
    for day, place in (("2024-01-02", "7"), ("2024-01-03", "floor")):
        (tmp_path / f"{day}.csv").write_text(rows.format(day, place))
    files = sorted(tmp_path.glob("*.csv"))
    market = convert("table", files, tmp_path / "out", options={"kind": "trades"})
    assert mm.open(tmp_path / "out").trades["place"].tolist() == ["7", "floor"]
    assert market.data_hash == mm.load.table(files, "trades").data_hash


def test_a_seq_of_their_own_orders_rows_of_several_files(tmp_path):
    rows = "time,seq,symbol,price,size\n2024-01-02T10:00:00Z,{},X,{},1\n"
    (tmp_path / "a.csv").write_text(rows.format(2, 20))
    (tmp_path / "b.csv").write_text(rows.format(1, 10))
    files = sorted(tmp_path.glob("*.csv"))
    market = convert("table", files, tmp_path / "out", options={"kind": "trades"})
    assert market.trades["price"].tolist() == [10, 20]


def test_the_mapping_that_helps_is_said_once(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text(
            "time,symbol,price,qty\n2024-01-02T10:00:00Z,X,10,1\n"
        )
    files = sorted(tmp_path.glob("*.csv"))
    with pytest.raises(mm.SourceError) as caught:
        convert("table", files, tmp_path / "out", options={"kind": "trades"})
    assert str(caught.value).count("pass columns={'size': 'qty'}\n") <= 2
    assert str(caught.value).endswith("pass columns={'size': 'qty'}")


def test_tardis_files_of_days_without_data_are_noted(tmp_path):
    header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    row = "bitmex,XBTUSD,{}83020803145000,{}83020803307160,{},sell,8531.5,2152\n"
    (tmp_path / "a.csv").write_text(header)
    for name, start in (("b", "15"), ("c", "16")):
        (tmp_path / f"{name}.csv").write_text(header + row.format(start, start, name))
    market = convert("tardis", [tmp_path], tmp_path / "out")
    assert market.data_hash == mm.load.tardis(tmp_path).data_hash
    assert sorted(market.receipt.files["file"]) == ["a.csv", "b.csv", "c.csv"]
    assert any("1 files hold no row" in note for note in market.receipt.notes)


def test_the_text_of_a_query_is_no_file(tmp_path, said):
    query = "SELECT '2024-01-02T10:00:00Z' AS time, 'X' AS symbol, 10.0 AS price, 1.0 AS size"
    query += f" WHERE price < {'1' * 5_000} OR 1 = 1"
    options = {"kind": "trades", "con": "sqlite://"}
    market = convert("table", [query], tmp_path / "out", options=options, progress=said)
    assert market.trades["price"].tolist() == [10]


@pytest.mark.bad_input("two records of the same time")
def test_taq_files_of_one_time_are_not_counted_twice(tmp_path):
    header = "DT,EX,SYMBOL,COND,SIZE,PRICE,CORR\n"
    rows = [f"{1514903400 + n}.5,N,XXX,,2,157.8,0\n" for n in range(4)]
    (tmp_path / "a.csv").write_text(header + "".join(rows[:3]))
    (tmp_path / "b.csv").write_text(header + "".join(rows[2:]))
    with pytest.raises(mm.SourceError, match=r"b.csv: found trades of XXX of a time that a.csv"):
        convert("taq", [tmp_path], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "b.csv").write_text(header + rows[3])
    assert len(convert("taq", [tmp_path], tmp_path / "out").trades) == 4
