"""What is a query and what is not, and how much of its answer is held at a time."""

from __future__ import annotations

import pyarrow as pa
import pytest

import mmresearch as mm
from mmresearch.load import table
from mmresearch.load.table import database, query


def faults(*given, **how) -> list:
    with pytest.raises(mm.SourceError) as caught:
        table(*given, **how)
    return caught.value.faults


# --- what is no query, what is no database --------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "a statement that is no query"),
        ("delete from executions", "a statement that is no query"),
        ("create table a as select 1", "a statement that is no query"),
        ("explain select 1", "a statement that is no query"),
        ("select 1; drop table executions", "several statements"),
        ("select ';'; select 2", "several statements"),
        ("select 1 -- ;\n; delete from executions", "several statements"),
        ("with x as (delete from executions returning *) select * from x", "DELETE FROM"),
        ("with x as (select 1) insert into executions select 1", "INTO"),
        ("with x as (update executions set px = 1 returning *) select * from x", "UPDATE"),
        ("select * into copy from executions", "INTO"),
        ("select 1 /* and", "a comment that does not end"),
    ],
)
def test_what_is_not_one_query_is_refused(text, found):
    (fault,) = faults(text, "fills", con="sqlite://")
    assert found in fault.found
    assert fault.expected == "one SELECT or WITH query that only reads"


@pytest.mark.parametrize(
    "text",
    [
        "select 1;",
        "  (select 1) union (select 2)",
        "-- fills; all of them\nselect 1",
        "/* delete from x; */ SELECT 1",
        "With x as (select 'insert into') select * from x",
        "select 'it''s; delete from' as \"update a set\" from x",
        "select $$ ; into $$, $tag$ ; $tag$, E'\\'; into'",
        "select updated_at, delete_flag, settled_into from x where set_id = 1",
    ],
)
def test_what_is_one_query(text):
    assert query.complaint(text) is None


def test_names_in_a_query():
    text = (
        "select a::int, ':no', \"x:no\" /* :no */ from t -- :no\nwhere b = :yes and c=:yes and d>:d"
    )
    assert query.names(text) == ["yes", "d"]
    assert query.placed(
        "select ':no' where a = :a and b = :b and c = :a", {"a": 1, "b": 2}, "qmark"
    ) == (
        "select ':no' where a = ? and b = ? and c = ?",
        [1, 2, 1],
    )
    numbered = query.placed(
        "select 1 where a = :a and b = :b and c = :a", {"a": 1, "b": 2}, "numeric_dollar"
    )
    assert query.names("select {'a':1}, x[b:c], [:2], :3") == []
    assert "?" not in query.placed("select {'a':1}, :3", {}, "qmark")[0]
    assert numbered == ("select 1 where a = $1 and b = $2 and c = $1", [1, 2])


def test_what_is_no_database():
    with pytest.raises(TypeError, match="con is a int; give an SQLAlchemy engine"):
        table("select 1", "fills", con=1)
    with pytest.raises(ValueError, match="chunk_rows is 0"):
        table("select 1", "fills", con="sqlite://", chunk_rows=0)
    (fault,) = faults("select 1", "fills", con="fills.db")
    assert "Could not parse SQLAlchemy URL" in fault.found


def test_a_driver_that_is_not_installed():
    (fault,) = faults("select 1", "fills", con="mssql+pymssql://host/db")
    assert "install the driver of this database" in fault.found


# --- memory ---------------------------------------------------------------------------------------


class Reader:
    """An ADBC connection of texts that says how much of them was held at most, in batches."""

    def __init__(self, batches: int, rows: int) -> None:
        self.batches, self.rows, self.most = batches, rows, 0.0
        self.schema = pa.schema([(name, pa.string()) for name in ("time", "price", "size")])

    def adbc_get_info(self):
        return {"vendor_name": "SQLite"}

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def execute(self, text, values):
        assert (text, values) == ("select 1", None)

    def fetch_record_batch(self):
        return self

    def __iter__(self):
        before = pa.total_allocated_bytes()
        for i in range(self.batches):
            times = pa.array([f"2024-03-01T10:00:{i:02d}.{k:03d}Z" for k in range(self.rows)])
            ones = pa.array(["1." + 400 * "0"] * self.rows)  # far more than what comes of it
            batch = pa.RecordBatch.from_arrays([times, ones, ones], schema=self.schema)
            del times, ones
            held = pa.total_allocated_bytes() - before
            self.most = max(self.most, held / batch.get_total_buffer_size())
            yield batch
            del batch


@pytest.mark.parametrize("chunk", [1, 3, 10])
def test_one_chunk_of_raw_rows_is_held_at_a_time(chunk):
    reader = Reader(batches=40, rows=500)
    market = table("select 1", "trades", con=reader, chunk_rows=500 * chunk, symbol="X")
    assert len(market.trades) == 20_000
    assert market.trades["size"].eq(1).all()
    assert chunk - 0.5 < reader.most < chunk + 1.5


def test_chunks_are_as_large_as_asked():
    for rows, sizes in ((7, [7, 3, 7, 3, 7, 3]), (20, [20, 10]), (100, [30])):
        found = list(database.chunks("select 1", Reader(3, 10), {}, rows))
        assert [len(chunk) for chunk in found] == sizes
