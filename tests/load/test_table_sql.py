"""Rows of real databases: the same answer over every connection and in every size of chunk."""

from __future__ import annotations

import datetime
import traceback

import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import duckdb
import pandas as pd
import pytest
import sqlalchemy

import mmresearch as mm
from mmresearch.load import table

COLUMNS = ["id", "ts", "sym", "side", "px", "qty", "fee"]
# An id that no float holds; nothing known of the fee for longer than a chunk.
ROWS = [
    (9007199254740993, "2024-03-01 10:00:00.123456+00", "X", "buy", "10.100000", 1.5, None),
    (9007199254740994, "2024-03-01 10:00:00.123456+00", "X", "sell", "10.250000", 2, None),
    (None, "2024-03-01 15:45:01+05:45", "Y", "BUY", "0.000001", 3, None),
    (9007199254740996, "2024-03-01 10:00:02+00", "X", "S", "123456789012.345678", 4, -0.5),
    (9007199254740997, "2024-03-01 10:00:03+00", "X", "b", "10.3", 5, 0.25),
]
NAMES = {"time": "ts", "symbol": "sym", "price": "px", "size": "qty", "trade_id": "id"}
QUERY = "select * from executions where sym = :symbol order by qty"
ALL = "select * from executions order by qty"
NANOSECONDS = 10**9
START = pd.Timestamp("2024-03-01 10:00", tz="UTC").value // 1000 * 1000

TYPES = {
    "postgres": "bigint, timestamptz, text, text, numeric(18, 6), double precision, numeric",
    "duckdb": "bigint, timestamptz, varchar, varchar, decimal(18, 6), double, decimal(9, 4)",
    "sqlite": "bigint, text, text, text, text, real, real",
}


def created(kind: str) -> list[str]:
    types = TYPES[kind].replace("(18, 6)", "(18.6)").replace("(9, 4)", "(9.4)").split(", ")
    columns = ", ".join(f"{c} {t.replace('.', ', ')}" for c, t in zip(COLUMNS, types, strict=True))
    rows = ", ".join(str(row).replace("None", "null") for row in ROWS)
    return [f"create table executions ({columns})", f"insert into executions values {rows}"]


@pytest.fixture(scope="session")
def filled(postgres):
    """The server with our rows in it."""
    with adbc_driver_postgresql.dbapi.connect(postgres.url(driver="")) as con:
        with con.cursor() as cursor:
            for statement in created("postgres"):
                cursor.execute(statement)
        con.commit()
    return postgres


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory):
    path = tmp_path_factory.mktemp("sqlite") / "fills.db"
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        for statement in created("sqlite"):
            connection.exec_driver_sql(statement)
    engine.dispose()
    return path


WAYS = ["postgres engine", "postgres connection", "postgres url", "postgres adbc"]
WAYS += ["duckdb", "duckdb engine", "sqlite engine", "sqlite url", "sqlite adbc"]


@pytest.fixture(params=WAYS)
def con(request):
    """A connection of each kind to the same rows."""
    kind, _, way = request.param.partition(" ")
    with_rows = {"postgres": "filled", "sqlite": "sqlite"}.get(kind)
    place = request.getfixturevalue(with_rows) if with_rows else None
    if request.param == "duckdb":
        with duckdb.connect() as connection:
            for statement in created("duckdb"):
                connection.execute(statement).fetchall()
            yield connection
    elif way == "adbc" and kind == "postgres":
        with adbc_driver_postgresql.dbapi.connect(place.url(driver="")) as connection:
            yield connection
    elif way == "adbc":
        with adbc_driver_sqlite.dbapi.connect(str(place)) as connection:
            yield connection
    else:
        yield from _by_sqlalchemy(kind, way, place)


def _by_sqlalchemy(kind, way, place):
    url = {"duckdb": "duckdb:///:memory:", "sqlite": f"sqlite:///{place}"}.get(kind)
    url = url or place.url()
    engine = sqlalchemy.create_engine(url)
    if kind == "duckdb":
        with engine.begin() as connection:
            for statement in created("duckdb"):
                connection.exec_driver_sql(statement.replace("timestamptz", "varchar"))
    if way == "connection":
        with engine.connect() as connection:
            yield connection
    else:
        yield url if way == "url" else engine
    engine.dispose()


def faults(*given, **how) -> list:
    with pytest.raises(mm.SourceError) as caught:
        table(*given, **how)
    return caught.value.faults


def fills(text, con, **how):
    how = {"columns": NAMES, "account": "me", "time_zone": "UTC"} | how
    return table(text, "fills", con=con, **how)


@pytest.mark.parametrize("chunk_rows", [1, 2, 3, 100_000])
def test_every_connection_and_every_chunk_give_the_same_rows(con, chunk_rows):
    market = fills(ALL, con, chunk_rows=chunk_rows)
    found = market.fills
    seconds = [(0, 123456000), (0, 123456000), (1, 0), (2, 0), (3, 0)]
    assert found["time"].astype("int64").tolist() == [
        START + s * NANOSECONDS + rest for s, rest in seconds
    ]
    assert found["seq"].tolist() == [0, 1, 2, 3, 4]
    assert found["symbol"].tolist() == ["X", "X", "Y", "X", "X"]
    assert found["side"].tolist() == [1, -1, 1, -1, 1]
    assert found["price"].tolist() == [10.1, 10.25, 0.000001, 123456789012.345678, 10.3]
    assert found["size"].tolist() == [1.5, 2, 3, 4, 5]
    assert found["fee"].fillna(99).tolist() == [99, 99, 99, -0.5, 0.25]
    ids = [str(9007199254740993 + i) for i in (0, 1, 2, 3, 4)]
    assert found["trade_id"].fillna("none").tolist() == [*ids[:2], "none", *ids[3:]]
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (5, 5)
    assert market.receipt.files["file"].tolist() == ["SQL query"]


def test_chunks_change_nothing_at_all(con):
    text = "select e.*, fee as extra, id as more from executions e order by qty"
    whole = fills(text, con)
    for chunk_rows in (1, 2, 3):
        again = fills(text, con, chunk_rows=chunk_rows)
        pd.testing.assert_frame_equal(again.fills, whole.fills)
        assert again.data_hash == whole.data_hash
        assert again.receipt.files.equals(whole.receipt.files)
        assert again.receipt.notes == whole.receipt.notes


def test_flags_and_numbers_that_begin_with_missing_ones(con):
    text = (
        "select e.*, case when qty > 3 then 1 end as maker, case when qty > 4 then 'x' end as note,"
        " case when qty > 4 then 2 end as level from executions e order by qty"
    )
    for chunk_rows in (1, 2, 100):
        found = fills(text, con, chunk_rows=chunk_rows).fills
        assert found["maker"].tolist() == [pd.NA, pd.NA, pd.NA, True, True]
        assert found["note"].isna().tolist() == [True] * 4 + [False]
        assert found["level"].fillna(0).tolist() == [0, 0, 0, 0, 2]


def test_a_parameter_is_bound_as_a_value(con):
    found = fills(QUERY, con, parameters={"symbol": "X"})
    assert found.fills["size"].tolist() == [1.5, 2, 4, 5]
    assert any("symbol='X'" in note for note in found.receipt.notes)
    (fault,) = faults(QUERY, "fills", con=con, parameters={"symbol": "X' or '1' = '1"})
    assert fault.found == "no row"


def test_parameters_and_names_that_do_not_fit(con):
    (fault,) = faults(QUERY, "fills", con=con)
    assert (fault.found, fault.expected) == ("no value for :symbol", "parameters={'symbol': ...}")
    (fault,) = faults(ALL, "fills", con=con, parameters={"symbol": "X"})
    assert (fault.found, fault.expected) == ("no :symbol in it", "no parameters")


def test_a_colon_in_a_text_is_no_parameter(con):
    text = "select e.*, ' :x 10:30' as note from executions e where sym = :s or sym = ':s'"
    assert fills(text, con, parameters={"s": "Y"}).fills["note"].tolist() == [" :x 10:30"]


def test_a_table_that_is_not_there(con):
    (fault,) = faults("select * from nowhere", "fills", con=con)
    assert fault.file == "SQL query"
    assert fault.found.startswith("no answer (")
    assert "nowhere" in fault.found


def test_a_bad_value_is_named_with_its_row_whatever_the_chunk(con):
    text = "select e.*, case when qty > 3 then 'many' else '1' end as n from executions e order by "
    for chunk_rows in (1, 2, 100):
        how = {"columns": NAMES | {"size": "n"}, "account": "me", "time_zone": "UTC"}
        (fault,) = faults(text + "qty", "fills", con=con, chunk_rows=chunk_rows, **how)
        assert fault.found == "n 'many' (2 rows, first at 3, 4)"
        assert fault.expected == "numbers"
    (fault,) = faults(f"{ALL} limit 0", "fills", con=con)
    assert fault.found == "no row"


def test_columns_are_suggested_for_a_query(con):
    with pytest.raises(mm.SourceError) as caught:
        table(ALL, "fills", con=con, account="me", chunk_rows=2, time_zone="UTC")
    assert str(caught.value).splitlines()[-1] == f"pass columns={NAMES}"


def test_a_value_that_breaks_the_schema_in_a_later_chunk(con):
    text = "select e.*, 3.5 - qty as left_over from executions e order by qty"
    how = {"columns": NAMES | {"size": "left_over"}, "account": "me", "time_zone": "UTC"}
    (fault,) = faults(text, "fills", con=con, chunk_rows=2, **how)
    assert fault.found.startswith("left_over -0.5 (breaks its rule)")
    assert "(2 rows, first at 3, 4)" in fault.found
    assert fault.expected == "a number above 0"


def test_two_queries_are_told_apart(con):
    sources = {"trades": ALL, "fills": "select sym, 'x' as ts from executions"}
    names = {k: v for k, v in NAMES.items() if k != "trade_id"}
    files = {fault.file for fault in faults(sources, con=con, columns=names, account="me")}
    assert files == {"SQL query of fills"}


def test_a_path_object_is_a_file_even_where_there_is_a_database(tmp_path, sqlite):
    path = tmp_path / "t.csv"
    path.write_text("time,symbol,price,size\n2024-03-01T10:00:00Z,X,1,2\n")
    sources = {"trades": path, "fills": ALL}
    names = {"fills": NAMES}
    market = table(sources, con=f"sqlite:///{sqlite}", columns=names, account="me", time_zone="UTC")
    assert (len(market.trades), len(market.fills)) == (1, 5)


# --- PostgreSQL ----------------------------------------------------------------------------------


@pytest.fixture(params=["engine", "adbc"])
def server(request, filled):
    if request.param == "adbc":
        with adbc_driver_postgresql.dbapi.connect(filled.url(driver="")) as connection:
            yield connection
    else:
        engine = sqlalchemy.create_engine(filled.url())
        yield engine
        engine.dispose()


def one(columns: str) -> str:
    named = "timestamptz '2024-03-01 10:00Z' as time, 'X' as symbol, 2 as price, 1 as size"
    return f"select {named}, {columns}"


def test_types_of_postgres(server):
    columns = "'2024-03-01'::date as day, gen_random_uuid() as u, true as t, 'NaN'::numeric as n"
    trades = table(one(columns), "trades", con=server).trades
    assert trades["price"].tolist() == [2.0]
    assert trades["day"].tolist() == ["2024-03-01"]
    assert trades["u"].str.len().tolist() == [36]
    assert trades["t"].tolist() == [True]
    assert trades["n"].isna().all()


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("array[1, 2]", "list<"),
        ("""'x'::bytea""", "binary"),
    ],
)
def test_a_cell_of_many_values_is_refused(server, expression, found):
    (fault,) = faults(one(f"{expression} as odd"), "trades", con=server)
    assert f"column `odd`: {found}" in fault.found
    assert "one value a cell" in fault.expected


def test_a_time_without_a_zone_needs_one(server):
    text = one("1").replace("timestamptz '2024-03-01 10:00Z'", "timestamp '2024-03-01 10:00'")
    (fault,) = faults(text, "trades", con=server)
    assert "times without a time zone" in fault.found
    time = table(text, "trades", con=server, time_zone="Asia/Kathmandu").trades["time"]
    assert time.tolist() == [pd.Timestamp("2024-03-01 04:15", tz="UTC")]


def test_a_parameter_may_be_a_time_or_a_number(server):
    text = "select * from executions where ts > :after and qty <= :most order by qty"
    after = datetime.datetime(2024, 3, 1, 10, 0, 1, tzinfo=datetime.UTC)
    found = fills(text, server, parameters={"after": after, "most": 4.0})
    assert found.fills["size"].tolist() == [4]


def test_a_connection_that_is_dropped_in_the_middle(server):
    killed = "case when i = 5000 then pg_terminate_backend(pg_backend_pid()) end as gone"
    rows = "generate_series(1, 20000) i"
    named = "now() as time, 'X' as symbol, 1 as price, 1 as size"
    (fault,) = faults(f"select {named}, {killed} from {rows}", "trades", con=server, chunk_rows=100)
    assert fault.found.startswith("no answer (")
    assert "connection" in fault.found  # was terminated, or closed unexpectedly: who sees it first


def test_a_query_may_only_read_even_where_its_text_looks_so(filled):
    engine = sqlalchemy.create_engine(filled.url())
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "create or replace function sneaky() returns int language sql as "
            "$$ delete from executions; select 1 $$"
        )
    (fault,) = faults("select sneaky()", "fills", con=engine)
    assert "read-only transaction" in fault.found
    assert len(fills(ALL, engine).fills) == 5
    engine.dispose()


def test_a_transaction_of_the_user_stays_open(filled):
    engine = sqlalchemy.create_engine(filled.url())
    with engine.connect() as connection:
        connection.exec_driver_sql("create temporary table mine as select * from executions")
        assert len(fills(ALL.replace("executions", "mine"), connection).fills) == 5
        assert connection.in_transaction()
        assert connection.exec_driver_sql("select count(*) from mine").scalar() == 5
        connection.rollback()
        fills(ALL, connection)
        assert not connection.in_transaction()
    engine.dispose()


def everything_said(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(getattr(error, "faults", ""))


def test_no_error_says_the_password(postgres):
    broken = [
        postgres.url(password="wrong-Quagga"),
        postgres._replace(port=1).url(password="wrong-Quagga"),
        "postgresql://tester:wrong-Quagga@nowhere.invalid/db",
        "postgresql://tester:wrong@Quagga@nowhere.invalid/db",
        "postgresql://tester:wrong-Quagga@host:port/db",
        "postgresql+nodriver://tester:wrong-Quagga@host/db",
        "nosuch://tester:wrong-Quagga@host/db",
        "postgresql//tester:wrong-Quagga@host/db",
        "postgresql://tester@nowhere.invalid/db?password=wrong-Quagga",
    ]
    for url in broken:
        for con in (
            (url, sqlalchemy.make_url(url)) if "://" in url and ":port" not in url else [url]
        ):
            with pytest.raises(mm.SourceError) as caught:
                table("select 1", "fills", con=con)
            said = everything_said(caught.value)
            assert "Quagga" not in said
            assert said.count("no answer (") >= 1


def test_a_wrong_password_and_a_server_that_is_down(postgres):
    (fault,) = faults("select 1", "fills", con=postgres.url(password="wrong"))
    assert "password authentication failed" in fault.found
    (fault,) = faults("select 1", "fills", con=postgres._replace(port=1).url())
    assert "connection failed" in fault.found or "No such file" in fault.found
