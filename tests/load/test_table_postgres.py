"""PostgreSQL: hostile values are bound, hostile names are the query's own, writes are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import adbc_driver_postgresql.dbapi
import pytest
import sqlalchemy

import mmresearch as mm
from mmresearch.receipt import SourceError
from tests.hostile.test_sql import HOSTILE

ALL = "SELECT time, symbol, price, size FROM hostile"


@pytest.fixture(scope="module")
def url(postgres) -> Iterator[str]:
    """A table of one row a hostile symbol, and one of symbol X."""
    engine = sqlalchemy.create_engine(postgres.url())
    row = "INSERT INTO hostile VALUES ('2024-08-01T00:00:00Z', :symbol, 10, 1)"
    with engine.begin() as own:
        own.execute(
            sqlalchemy.text(
                "CREATE TABLE hostile (time timestamptz, symbol text, price float8, size float8)"
            )
        )
        own.execute(sqlalchemy.text(row), [{"symbol": symbol} for symbol in [*HOSTILE, "X"]])
    yield postgres.url(driver="")
    with engine.begin() as own:
        own.execute(sqlalchemy.text("DROP TABLE hostile"))
    engine.dispose()


@pytest.fixture(params=["sqlalchemy", "adbc"])
def con(request: pytest.FixtureRequest, url: str) -> Iterator[Any]:
    if request.param == "adbc":
        with adbc_driver_postgresql.dbapi.connect(url) as held:
            yield held
        return
    engine = sqlalchemy.create_engine(url.replace("postgresql", "postgresql+psycopg", 1))
    yield engine
    engine.dispose()


@pytest.mark.bad_input("SQL in a value")
@pytest.mark.parametrize("symbol", HOSTILE)
def test_a_value_is_only_a_value(con, symbol):
    query = f"{ALL} WHERE symbol = :symbol"
    market = mm.load.table(query, "trades", con=con, parameters={"symbol": symbol})
    assert market.trades["symbol"].tolist() == [symbol]
    assert len(mm.load.table(ALL, "trades", con=con).trades) == len(HOSTILE) + 1


@pytest.mark.bad_input("SQL in a column's name")
@pytest.mark.parametrize("name", ['a"b', "a;b", "a'b", "DROP TABLE hostile", "naïve 名", "a--b"])
def test_a_name_is_only_a_name(con, name):
    said = name.replace('"', '""')
    query = f'SELECT time, symbol, price, size AS "{said}" FROM hostile'
    market = mm.load.table(query, "trades", con=con, columns={"size": name})
    assert market.trades["size"].tolist() == [1.0] * (len(HOSTILE) + 1)
    with pytest.raises(SourceError, match="no column"):
        mm.load.table(query, "trades", con=con, columns={"size": f"{name}; DROP TABLE hostile"})


@pytest.mark.bad_input("SQL that writes")
@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE hostile",
        "SELECT 1; DROP TABLE hostile",
        "SELECT * INTO other FROM hostile",
        "WITH x AS (DELETE FROM hostile RETURNING *) SELECT * FROM x",
        "COPY hostile TO PROGRAM 'true'",
        "DO $$ BEGIN DELETE FROM hostile; END $$",
    ],
)
def test_what_writes_is_refused(con, query):
    with pytest.raises(SourceError, match="one SELECT or WITH query that only reads"):
        mm.load.table(query, "trades", con=con)
    assert len(mm.load.table(ALL, "trades", con=con).trades) == len(HOSTILE) + 1
