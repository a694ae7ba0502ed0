"""Market folders by symbol and day: written block by block, read only where asked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest

import mmresearch as mm
from mmresearch import schema, store
from mmresearch.store import drafts, writer


def prints(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Trades of (time, symbol, price), numbered in their order, in the schema's types."""
    time, symbol, price = zip(*rows, strict=True)
    times = pd.to_datetime(pd.Series(time), utc=True, format="ISO8601")
    table = pd.DataFrame({"time": times, "seq": range(len(rows)), "symbol": symbol})
    return schema.check(table.assign(price=price, size=1.0), "trades")


TRADES = prints(
    ("2024-03-08 23:59:59.999999999", "X", 10.0),
    ("2024-03-09 00:00", "X", 11.0),
    ("2024-03-09 00:00", "A/B c", 12.0),
    ("2024-03-09 12:00", "X", 13.0),
    ("2024-03-11 09:00", "A/B c", 14.0),
)
NOON = pd.Timestamp("2024-03-09 12:00", tz="UTC").value


@pytest.fixture
def folder(tables, tmp_path) -> Path:
    receipt = mm.Receipt("table", notes=("one",))
    market = mm.Market(**tables | {"trades": TRADES}, name="mine", receipt=receipt)
    return market.save(tmp_path / "folder", by="day")


def parts_of(folder: Path, name: str) -> list[dict]:
    return json.loads((folder / "manifest.json").read_text())["tables"][name]["parts"]


def files_under(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


# --- the layout -----------------------------------------------------------------------------------


def test_a_part_for_each_symbol_and_utc_day_in_order_of_time(folder):
    parts = parts_of(folder, "trades")
    assert [(p["symbol"], p["day"], p["rows"]) for p in parts] == [
        ("X", "2024-03-08", 1),
        ("X", "2024-03-09", 2),
        ("A/B c", "2024-03-09", 1),
        ("A/B c", "2024-03-11", 1),
    ]
    x = parts[1]
    assert x["file"] == f"trades/symbol=X/day=2024-03-09/part-{x['sha256'][:12]}.parquet"
    assert parts[2]["file"].startswith("trades/symbol=A%2FB%20c/day=2024-03-09/part-")
    assert (x["first"], x["last"]) == (NOON - 12 * 3600 * 10**9, NOON)
    assert set(x) == {"file", "rows", "sha256", "symbol", "day", "first", "last"}
    listed = {p["file"] for name in mm.open(folder) for p in parts_of(folder, name)}
    whole = {parts_of(folder, name)[0]["file"] for name in ("symbols", "set_aside")}
    assert files_under(folder) == listed | whole | {"manifest.json"}


def test_tables_that_need_not_name_a_symbol_are_by_day(folder):
    for name in ("transfers", "chain"):
        parts = parts_of(folder, name)
        assert [p["day"] for p in parts] == ["2024-03-08", "2024-03-11"]
        assert [p["symbol"] for p in parts] == [None, None]
        assert parts[0]["file"].startswith(f"{name}/day=2024-03-08/part-")


def test_others_read_the_partitions_too(folder):
    by_polars = pl.read_parquet(folder / "trades", hive_partitioning=True)
    assert by_polars.filter(pl.col("symbol") == "A/B c")["price"].to_list() == [12.0, 14.0]
    pattern = folder / "trades" / "*" / "*" / "*.parquet"
    query = f"select symbol, day, sum(price) from read_parquet('{pattern}', hive_partitioning=true)"
    rows = duckdb.sql(query + " group by all order by all").fetchall()
    assert [(symbol, str(day), total) for symbol, day, total in rows] == [
        ("A/B c", "2024-03-09", 12.0),
        ("A/B c", "2024-03-11", 14.0),
        ("X", "2024-03-08", 10.0),
        ("X", "2024-03-09", 24.0),
    ]


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    market = mm.Market(trades=TRADES.iloc[:0], symbols=pd.DataFrame({"symbol": ["X"]}))
    again = mm.open(market.save(tmp_path / "folder", by="day"))
    pd.testing.assert_frame_equal(again.trades, market.trades)
    assert again.days("X") == []


@pytest.mark.parametrize("name", list(schema.TABLES))
def test_saved_by_day_comes_back(folder, tables, name):
    table = mm.check(tables[name], name) if name != "trades" else TRADES
    order = [c for c in ("time", "symbol", "seq") if c in table]
    expected = table.sort_values(["time", "seq"] if "seq" in table else order, kind="stable")
    pd.testing.assert_frame_equal(mm.open(folder)[name], expected.reset_index(drop=True))


def test_automatic_is_by_day_above_two_million_rows_of_trades(tmp_path, monkeypatch):
    assert 2.0e6 < writer.WHOLE / len(TRADES.columns) < 2.5e6
    monkeypatch.setattr(writer, "WORTH", 1)
    monkeypatch.setattr(writer, "WHOLE", TRADES.size)
    mm.Market(trades=TRADES).save(tmp_path / "small")
    assert len(parts_of(tmp_path / "small", "trades")) == 1
    monkeypatch.setattr(writer, "WHOLE", TRADES.size - 1)
    mm.Market(trades=TRADES).save(tmp_path / "large")
    assert len(parts_of(tmp_path / "large", "trades")) == 4
    mm.Market(trades=TRADES).save(tmp_path / "whole", by="table")
    assert len(parts_of(tmp_path / "whole", "trades")) == 1


def test_unknown_layout(tmp_path):
    with pytest.raises(ValueError, match="by='week'; expected one of auto, table, day"):
        mm.Market(trades=TRADES).save(tmp_path / "folder", by="week")


def test_a_saved_market_moves_from_one_layout_to_the_other(folder):
    market = mm.open(folder)
    before = market.data_hash
    market.save(folder, by="table")
    assert all("/" not in name for name in files_under(folder))
    assert not (folder / "trades").exists()  # the partitions' empty folders went too
    mm.open(folder).save(folder, by="day")
    assert mm.open(folder).data_hash == before
    assert len(parts_of(folder, "trades")) == 4


# --- select and days ------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [None, "table", "day"])
@pytest.mark.parametrize(
    ("symbol", "start", "end", "prices"),
    [
        ("X", None, None, [10.0, 11.0, 13.0]),
        (["A/B c"], None, None, [12.0, 14.0]),
        (["X", "A/B c"], "2024-03-09", "2024-03-10", [11.0, 12.0, 13.0]),
        (None, "2024-03-09 12:00", None, [13.0, 14.0]),  # the start belongs to it
        (None, None, "2024-03-09 12:00", [10.0, 11.0, 12.0]),  # the end does not
        (None, pd.Timestamp("2024-03-09 01:00", tz="Asia/Tokyo"), "2024-03-09", [10.0]),
        ("X", "2024-03-10", None, []),
        ([], None, None, []),
    ],
)
def test_select_gives_the_rows_of_symbols_and_a_span(tmp_path, by, symbol, start, end, prices):
    market = mm.Market(trades=TRADES, name="mine")
    if by:
        market = mm.open(market.save(tmp_path / "folder", by=by))
    chosen = market.select(symbol, start, end)
    assert sorted(chosen.trades["price"]) == prices
    assert chosen.trades.dtypes.equals(market.trades.dtypes)
    assert chosen.name == "mine"
    assert list(chosen.symbols["symbol"]) == ["A/B c", "X"]


def test_select_of_a_selection(folder):
    chosen = mm.open(folder).select(["X", "Y"], "2024-03-09").select("X", "2024-03-08", NOON)
    assert chosen.trades["price"].tolist() == [11.0]
    assert chosen.receipt.notes == ("one",)


def test_rows_that_name_no_symbol_are_of_every_symbol(folder):
    market = mm.open(folder)
    assert len(market.select("X").transfers) == len(market.select("X").chain) == 3
    assert len(market.select("X", "2024-03-10").transfers) == 1


def test_select_reads_only_the_parts_that_overlap(folder):
    for part in parts_of(folder, "trades"):
        if part["day"] != "2024-03-09" or part["symbol"] != "X":
            (folder / part["file"]).unlink()
    market = mm.open(folder)
    assert market.select("X", "2024-03-09", "2024-03-10").trades["price"].tolist() == [11.0, 13.0]
    with pytest.raises(FileNotFoundError, match=r"part-.*\.parquet is gone"):
        market.select("X").trades  # noqa: B018


def test_select_of_an_unknown_symbol(folder):
    with pytest.raises(KeyError, match="market 'mine' has no symbol 'Z'; it has A/B c, X, Y"):
        mm.open(folder).select(["X", "Z"])


@pytest.mark.parametrize("by", [None, "table", "day"])
def test_days_that_hold_an_event_of_the_symbol(tmp_path, by):
    late = TRADES.iloc[[3]].assign(time=pd.Timestamp("2024-03-12 01:00", tz="UTC"))
    fills = late.assign(account="M", side=1)
    market = mm.Market(trades=TRADES, fills=fills)
    if by:
        market = mm.open(market.save(tmp_path / "folder", by=by))
    assert market.days("X") == ["2024-03-08", "2024-03-09", "2024-03-12"]
    assert market.days("A/B c") == ["2024-03-09", "2024-03-11"]
    assert market.select("X", "2024-03-09 13:00").days("X") == ["2024-03-12"]
    with pytest.raises(KeyError, match="no symbol 'Z'"):
        market.days("Z")


def test_days_of_a_market_by_day_stand_in_the_manifest(folder):
    for part in parts_of(folder, "trades"):
        (folder / part["file"]).unlink()
    assert mm.open(folder).days("X") == ["2024-03-08", "2024-03-09"]


def test_replaced_tables_stand_for_those_of_the_folder(folder):
    other = mm.open(folder).replace(trades=TRADES.iloc[:1])
    assert other.trades["price"].tolist() == [10.0]
    assert list(other) == list(mm.open(folder))
    assert other.days("A/B c") == []


# --- the hash -------------------------------------------------------------------------------------


def test_hash_does_not_know_how_a_market_is_saved(folder, tables, tmp_path):
    """Nor that a column has a gap in one part of a folder and none in another."""
    more = {"number": pd.array([1, None, 2**60 + 1, 3, 4], "Int64"), "venue": [*"abcd", None]}
    more["late"] = pd.array([True, None, False, True, False], "boolean")
    market = mm.Market(**tables | {"trades": TRADES.assign(**more)})
    hashes = {market.data_hash}
    for by in ("table", "day"):
        hashes.add(mm.open(market.save(tmp_path / by, by=by)).data_hash)
    assert len(hashes) == 1
    assert mm.open(folder).data_hash not in hashes


# --- the writer -----------------------------------------------------------------------------------


def written(folder: Path, *blocks: pd.DataFrame, by: str = "day") -> mm.Market:
    with store.Writer(folder, by=by) as open_writer:
        for block in blocks:
            open_writer.add("trades", pl.from_pandas(block))
        open_writer.commit({"name": "mine"})
    return mm.open(folder)


@pytest.mark.parametrize("by", ["auto", "table", "day"])
def test_blocks_that_overlap_in_time_are_one_table(tmp_path, by):
    market = written(tmp_path / "f", TRADES.iloc[[0, 3]], TRADES.iloc[[1, 2, 4]], by=by)
    assert market.trades["price"].tolist() in ([10.0, 11.0, 12.0, 13.0, 14.0],)
    assert market.name == "mine"
    assert list(market.symbols["symbol"]) == ["A/B c", "X"]
    assert len(parts_of(tmp_path / "f", "trades")) == (4 if by == "day" else 1)


def test_files_of_a_partition_that_are_large_and_in_order_stay_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(drafts, "_SMALL", 2)
    day = prints(*((f"2024-03-08 0{hour}:00", "X", 1.0 + hour) for hour in range(8)))
    blocks = [day.iloc[:2], day.iloc[2:3], day.iloc[3:4], day.iloc[4:7], day.iloc[7:]]
    market = written(tmp_path / "f", *blocks)
    assert [p["rows"] for p in parts_of(tmp_path / "f", "trades")] == [2, 2, 3, 1]
    pd.testing.assert_frame_equal(market.trades, day)
    with_overlap = [day.iloc[[0, 1, 4]], day.iloc[[2, 3]], day.iloc[5:]]
    market = written(tmp_path / "g", *with_overlap)
    assert [p["rows"] for p in parts_of(tmp_path / "g", "trades")] == [5, 3]
    pd.testing.assert_frame_equal(market.trades, day)


def test_a_table_that_grows_large_is_split_after_all(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "WHOLE", TRADES.iloc[:3].size)
    monkeypatch.setattr(writer, "WORTH", 1)
    market = written(tmp_path / "f", *(TRADES.iloc[[row]] for row in range(5)), by="auto")
    assert len(parts_of(tmp_path / "f", "trades")) == 4
    assert market.trades["price"].tolist() == [10.0, 11.0, 12.0, 13.0, 14.0]


@pytest.mark.parametrize("whole", [TRADES.size, TRADES.iloc[:3].size, 1])
def test_blocks_in_order_are_written_once(tmp_path, monkeypatch, whole):
    """A small table is held until it is whole, a large one is written as soon as it is known."""
    monkeypatch.setattr(writer, "WHOLE", whole)
    monkeypatch.setattr(writer, "WORTH", 1)
    monkeypatch.setattr(drafts, "_SMALL", 0)
    monkeypatch.setattr(pl, "read_parquet", None)
    made = []
    write = drafts.write
    monkeypatch.setattr(drafts, "write", lambda *what: made.append(what[1]) or write(*what))
    market = written(tmp_path / "f", *(TRADES.iloc[[row]] for row in range(5)), by="auto")
    files = 1 if whole == TRADES.size else 5
    assert len(made) == len(parts_of(tmp_path / "f", "trades")) == files
    pd.testing.assert_frame_equal(market.trades, TRADES)


def test_columns_that_one_block_lacks_are_missing_there_in_every_file(tmp_path):
    more = TRADES.iloc[1:].assign(venue="a", number=[1, 2, 3, 4])
    market = written(tmp_path / "f", TRADES.iloc[:1], more)
    assert market.trades["venue"].isna().tolist() == [True, False, False, False, False]
    assert market.trades["number"].astype("Int64").tolist() == [pd.NA, 1, 2, 3, 4]
    for part in parts_of(tmp_path / "f", "trades"):
        assert "venue" in pl.read_parquet_schema(tmp_path / "f" / part["file"])


@pytest.mark.parametrize("by", ["table", "day"])
def test_an_event_in_two_blocks_is_refused(tmp_path, by):
    message = r"trades: 2 rows are of events .* the first X, 2024-03-09 12:00:00\+00:00, 3"
    with pytest.raises(ValueError, match=message):
        written(tmp_path / "f", TRADES, TRADES.iloc[[3]], by=by)
    assert not (tmp_path / "f").exists()


def test_blocks_must_be_in_order_and_in_nanoseconds(tmp_path):
    for wrong in (TRADES.iloc[::-1], TRADES.assign(time=TRADES["time"].dt.as_unit("us"))):
        with pytest.raises(ValueError, match="trades: a block has UTC times in nanoseconds"):
            written(tmp_path / "f", wrong)


def test_without_commit_nothing_is_left(folder, tmp_path):
    before = {name: (folder / name).read_bytes() for name in files_under(folder)}
    for place in (folder, tmp_path / "new"):
        with store.Writer(place, by="day") as open_writer:
            open_writer.add("trades", TRADES.assign(size=2.0))
    assert not (tmp_path / "new").exists()
    assert {name: (folder / name).read_bytes() for name in files_under(folder)} == before


def test_a_second_writer_is_refused_by_the_name_of_the_first(folder):
    with store.Writer(folder):
        message = f"folder is being written by process {os.getpid()}; try again when that"
        with pytest.raises(BlockingIOError, match=message):
            mm.Market().save(folder)
    mm.Market(name="after").save(folder)
    assert mm.open(folder).name == "after"


# --- folders of version 1 -------------------------------------------------------------------------


def version_1(folder: Path, **tables: pd.DataFrame) -> Path:
    """A folder as the first version wrote it: pandas' Parquet files, each listed by name."""
    folder.mkdir()
    entries = {}
    for name, table in tables.items():
        entries[name] = {"file": f"{name}-0123456789ab.parquet", "rows": len(table)}
        entries[name]["sha256"] = "0123456789ab" + "0" * 52
        table.to_parquet(folder / entries[name]["file"], index=False, compression="zstd")
    manifest = {"schema": 1, "tables": entries, "name": "old", "data_hash": "1f"}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True))
    return folder


def test_a_folder_of_version_1_is_read_and_saved_as_today_s(tables, tmp_path):
    market = mm.Market(**tables | {"trades": TRADES}, calendar="XNYS")
    whole = {name: market[name] for name in market}
    old = version_1(tmp_path / "old", **whole, symbols=market.symbols)
    opened = mm.open(old)
    assert (opened.name, opened.data_hash) == ("old", market.data_hash)
    for name in schema.TABLES:
        pd.testing.assert_frame_equal(opened[name], market[name])
    pd.testing.assert_frame_equal(opened.symbols, market.symbols)
    assert mm.open(old).select("X", "2024-03-09").trades["price"].tolist() == [11.0, 13.0]
    assert mm.open(old).days("A/B c") == ["2024-03-09", "2024-03-11"]
    mm.open(old).save(old)
    assert json.loads((old / "manifest.json").read_text())["schema"] == schema.VERSION
    assert mm.open(old).data_hash == market.data_hash
    assert not list(old.glob("*-0123456789ab.parquet"))
