"""What the columns of a table may hold, whatever the table."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mmresearch as mm
from mmresearch import schema
from mmresearch.load import table

HEADER = "time,symbol,price,size,trade_id\n"
MONDAY = HEADER + "2024-03-04T10:00:00Z,X,10,1,a\n2024-03-04T10:00:05Z,X,11,2,b\n"
TUESDAY = HEADER + "2024-03-05T10:00:00Z,X,12,3,c\n"


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def faults(*given, **how) -> list:
    with pytest.raises(mm.SourceError) as caught:
        table(*given, **how)
    return caught.value.faults


def places(*given, **how) -> list:
    return [(f.file, f.line, f.found) for f in faults(*given, **how)]


# --- what columns may hold ------------------------------------------------------------------------


def one_row(**columns) -> pa.Table:
    time = pa.array([pd.Timestamp("2024-03-04 10:00Z")] * 2, pa.timestamp("ns", "UTC"))
    row = {"time": time, "symbol": ["X", "X"], "price": [1.0, 2.0], "size": [1.0, 1.0]}
    return pa.table(row | columns)


def test_ids_beside_missing_ones_keep_every_digit():
    ids = pa.array([9007199254740993, None], pa.int64())
    trades = table(one_row(trade_id=ids, other=ids), "trades").trades
    assert trades["trade_id"].tolist()[0] == "9007199254740993"
    assert trades["trade_id"].isna().tolist() == [False, True]
    assert trades["other"].tolist()[0] == 9007199254740993


def test_decimals_dictionaries_and_dates(tmp_path):
    price = pa.array(["123456789012.345678", "0.000001"]).cast(pa.decimal128(18, 6))
    venue = pa.array(["N", None]).dictionary_encode()
    day = pa.array([19786, None], pa.date32())
    path = tmp_path / "a.parquet"
    pq.write_table(one_row(price=price, venue=venue, day=day), path)
    trades = table(path, "trades").trades
    assert trades["price"].tolist() == [123456789012.345678, 0.000001]
    assert trades["venue"].fillna("none").tolist() == ["N", "none"]
    assert trades["day"].fillna("none").tolist() == ["2024-03-04", "none"]


def test_lists_in_a_cell_are_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(one_row(levels=[[1], [2]], raw=[b"a", b"b"]), path)
    found = faults(path, "trades")
    assert [f.found for f in found] == [
        "column `levels`: list<element: int64> cells",
        "column `raw`: binary cells",
    ]


@pytest.mark.parametrize("cell", [[1], (1,), {"a": 1}, {1}, b"x", np.array([1])])
def test_objects_of_many_values_are_refused(cell):
    frame = one_row().to_pandas().assign(odd=[None, cell])
    (fault,) = faults(frame, "trades")
    assert fault.found == f"column `odd`: {type(cell).__name__} cells"


def test_whatever_gives_arrow_columns():
    with duckdb.connect() as con:
        relation = con.sql(
            "select timestamptz '2024-03-04 10:00Z' as time, 'X' symbol, 1 price, 2 size"
        )
        market = table(relation, "trades")
    assert market.trades["size"].tolist() == [2]
    assert table(pl.DataFrame(one_row()), "trades").trades["price"].tolist() == [1, 2]
    assert market.receipt.files["file"].tolist() == ["DuckDBPyRelation"]


@pytest.mark.parametrize("kind", list(schema.TABLES))
@pytest.mark.parametrize("form", ["frame", "parquet", "csv"])
def test_every_table_of_the_schema(tmp_path, tables, kind, form):
    given = schema.check(tables[kind], kind)
    source = given
    if form == "parquet":
        source = tmp_path / "a.parquet"
        given.to_parquet(source)
    if form == "csv":
        source = tmp_path / "a.csv"
        given.to_csv(source, index=False)
    market = table(source, kind)
    pd.testing.assert_frame_equal(market[kind], given)
    assert market.receipt.rows_kept == len(given)


def test_sides_of_liquidations(tables):
    frame = tables["liquidations"].assign(side=["buy", "SELL", -1])
    assert table(frame, "liquidations").liquidations["side"].tolist() == [1, -1, -1]
    # a long position that is liquidated is sold: the word alone does not say which is meant
    (fault,) = faults(frame.assign(side=["long", "buy", "sell"]), "liquidations")
    assert fault.found == "side 'long' (1 rows, first at 0)"
    assert "of the forced order" in fault.expected


def test_columns_of_a_series_are_suggested(tmp_path):
    path = write(tmp_path / "vix.csv", "date,ticker,field,close\n2024-03-04,VIX,close,13.5\n")
    with pytest.raises(mm.SourceError) as caught:
        table(path, "series", time_zone="America/Chicago")
    likely = {"time": "date", "symbol": "ticker", "name": "field", "value": "close"}
    assert str(caught.value).splitlines()[-1] == f"pass columns={likely}"
    series = table(path, "series", columns=likely, time_zone="America/Chicago").series
    assert series["time"].tolist() == [pd.Timestamp("2024-03-04 06:00Z")]
    assert series["value"].tolist() == [13.5]


def test_a_large_file_is_read_in_whole_columns(tmp_path):
    rows = 200_000
    rng = np.random.default_rng(1)
    time = pd.Timestamp("2024-03-04", tz="UTC") + pd.to_timedelta(np.arange(rows), unit="ms")
    frame = pd.DataFrame(
        {"time": time, "symbol": "X", "price": rng.uniform(1, 2, rows), "size": 1.0}
    )
    frame.to_parquet(tmp_path / "a.parquet")
    assert table(tmp_path / "a.parquet", "trades").trades["price"].equals(frame["price"])
