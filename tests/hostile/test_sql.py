"""SQL: values are bound whatever they hold, names are the query's own, nothing is pasted."""

from __future__ import annotations

import ast
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import adbc_driver_sqlite.dbapi
import duckdb
import pytest
import sqlalchemy

import mmresearch as mm
from mmresearch.receipt import SourceError

PACKAGE = Path(mm.__file__).parent
HOSTILE = [
    *("x'; DROP TABLE fills; --", 'x"; DROP TABLE fills; --', "x' OR '1'='1", "x\\' OR 1=1 --"),
    *(":symbol", "?", "$1", "%s", "{0}", "x/*", "*/", "x;y", "名;'前", "\u2019 OR 1=1", "a\nb"),
]
ROWS = "(time TEXT, symbol TEXT, price REAL, size REAL)"


@pytest.fixture(params=["sqlalchemy", "adbc", "duckdb"])
def con(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Each kind of connection to a table of one row a hostile symbol, and one of symbol X."""
    rows = [("2024-08-01T00:00:00Z", symbol, 10.0, 1.0) for symbol in [*HOSTILE, "X"]]
    if request.param == "duckdb":
        with duckdb.connect() as own:
            own.execute(f"CREATE TABLE fills {ROWS}")
            own.executemany("INSERT INTO fills VALUES (?, ?, ?, ?)", rows)
            yield own
        return
    path = tmp_path / "a.db"
    own = sqlite3.connect(path)
    own.execute(f"CREATE TABLE fills {ROWS}")
    own.executemany("INSERT INTO fills VALUES (?, ?, ?, ?)", rows)
    own.commit()
    own.close()
    if request.param == "adbc":
        with adbc_driver_sqlite.dbapi.connect(str(path)) as held:
            yield held
        return
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.mark.bad_input("SQL in a value")
@pytest.mark.parametrize("symbol", HOSTILE)
def test_a_value_is_only_a_value(con, symbol):
    query = "SELECT time, symbol, price, size FROM fills WHERE symbol = :symbol"
    market = mm.load.table(query, "trades", con=con, parameters={"symbol": symbol})
    assert market.trades["symbol"].tolist() == [symbol]  # one row, not all and not none
    everything = "SELECT time, symbol, price, size FROM fills"
    assert len(mm.load.table(everything, "trades", con=con).trades) == len(HOSTILE) + 1


@pytest.mark.bad_input("SQL in a column's name")
@pytest.mark.parametrize("name", ['a"b', "a;b", "a'b", "DROP TABLE fills", "naïve 名", "a--b"])
def test_a_name_is_only_a_name(con, name):
    said = name.replace('"', '""')
    query = f'SELECT time, symbol, price, size AS "{said}" FROM fills'
    market = mm.load.table(query, "trades", con=con, columns={"size": name})
    assert market.trades["size"].tolist() == [1.0] * (len(HOSTILE) + 1)
    with pytest.raises(SourceError, match="no column"):  # a mapping is never part of the query
        mm.load.table(query, "trades", con=con, columns={"size": f"{name}; DROP TABLE fills"})
    assert len(mm.load.table(query, "trades", con=con, columns={"size": name}).trades)


@pytest.mark.bad_input("SQL that writes")
@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE fills",
        "SELECT 1; DROP TABLE fills",
        "INSERT INTO fills VALUES (1, 2, 3, 4)",
        "WITH x AS (SELECT 1) DELETE FROM fills",
        "SELECT * INTO other FROM fills",
        "UPDATE fills SET size = 0",
        "ATTACH 'other.db' AS other",
        "PRAGMA writable_schema = 1",
    ],
)
def test_what_writes_is_refused_before_it_is_asked(con, query):
    with pytest.raises(SourceError, match="one SELECT or WITH query that only reads"):
        mm.load.table(query, "trades", con=con)
    everything = "SELECT time, symbol, price, size FROM fills"
    assert len(mm.load.table(everything, "trades", con=con).trades) == len(HOSTILE) + 1


def pasted(code: str) -> list[int]:
    """Lines on which text put together on the spot is handed to a database."""
    lines = []
    for node in ast.walk(ast.parse(code)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if node.func.attr in (
            "execute",
            "executemany",
            "sql",
            "text",
            "read_sql",
            "exec_driver_sql",
        ):
            first = node.args[0]
            formed = isinstance(first, ast.Call) and getattr(first.func, "attr", "") == "format"
            if isinstance(first, ast.JoinedStr | ast.BinOp) or formed:
                lines.append(node.lineno)
    return lines


@pytest.mark.bad_input("SQL in a value")
@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "load" / "table").glob("*.py")), ids=lambda p: p.name
)
def test_no_statement_is_put_together(path):
    assert pasted(path.read_text(encoding="utf-8")) == []


def test_the_test_finds_what_it_looks_for():
    for call in ('f"select {x}"', '"select " + x', '"select %s" % x', '"select {}".format(x)'):
        assert pasted(f"con.execute({call})") == [1]
