"""Loader by fault: what each loader answers to each way in which a value can be wrong.

There are two answers: the value is read rightly, or one SourceError names the file, the line where
there is one, what was found and what was expected. Never a wrong number in silence, never an error
of a library.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

import mmresearch as mm
from mmresearch.__main__ import main
from mmresearch.receipt import SourceError
from tests.cases import BESIDE, CASES
from tests.hostile.test_mutations import KEYWORDS

SOURCES = mm.load.__all__


def load(source: str, folder: Path, files: dict[str, str | pa.Table], **more: object) -> mm.Market:
    """The market of these files, which are written beside what the source needs otherwise."""
    for name, content in (BESIDE | files).items():
        if isinstance(content, str):
            (folder / name).write_text(content)
        else:
            pq.write_table(content, folder / name)
    given = dict(KEYWORDS.get(source, {}))
    if source == "erc20":
        given = {name: folder / path for name, path in given.items()}
    paths = [folder / name for name in files]
    return getattr(mm.load, source)(*([paths] if source == "table" else paths), **(given | more))


def refusal(source: str, folder: Path, files: dict[str, str | pa.Table], **more: object) -> str:
    with pytest.raises(SourceError) as caught:
        load(source, folder, files, **more)
    for fault in caught.value.faults:
        assert Path(fault.file).name in files
        assert fault.found
        assert fault.expected
    return str(caught.value)


def cases(kind: str, sources: list[str], *more: object) -> list:
    """A case a source, all marked with the one kind of bad input that they are."""
    mark = pytest.mark.bad_input(kind)
    return [pytest.param(s, kind, *more, marks=mark, id=f"{s}-{kind}") for s in sources]


# --- numbers --------------------------------------------------------------------------------------

# where each source's file holds a price or an amount, once
NUMBER = {
    "binance": ("64000.1", ",64000.1,"),
    "ccxt": ("3000.0", '"price": 3000.0'),
    "cftc": ("20", '"20"'),
    "databento": ("3720.25", ",3720.25,"),
    "erc20": ("2500000", ",2500000,"),
    "fills_export": ("4.00000100", '"price": "4.00000100"'),
    "floorsheet": ("1000", ",10,100,1000"),
    "hyperliquid": ("3000.0", '"px": "3000.0"'),
    "lobster": ("1000000", ",100,1000000,1\n"),
    "nyfed": ("100", "TOT,100"),
    "options": ("64000.0", '"underlying_price": 64000.0'),
    "series": ("17", ",17,"),
    "table": ("10", ",10,"),
    "taq": ("156.57", ",156.57,"),
    "tardis": ("8531.5", ",8531.5,"),
    "uniswap": ("-1846890000", ",-1846890000,"),
}
CELLS = {
    "NaN as text": "NaN",
    "infinity as text": "inf",
    "minus infinity as text": "-Infinity",
    "a number too large": "1e400",
    "a decimal comma": "10,5",
    "dots between thousands": "1.234,56",
    "commas between thousands": "1,234.5",
    "commas that group nothing": "1,2345",
    "spaces between thousands": "1 234",
    "apostrophes between thousands": "1'234",
    "a currency's sign": "$5",
    "a per cent sign": "5%",
    "a word for a number": "twelve",
    "digits of another script": "١٢٣",
    "a minus sign that is none": "−5",
    "an underscore in a number": "1_000",
    "a number in base 16": "0x1F",
}
# a value that a source does not publish is said so by some of them, and is then missing
MISSING = {("series", "NaN as text"), ("cftc", "NaN as text")}


def written(source: str, cell: str) -> str:
    """The file's text with its number written as `cell`, as one cell."""
    value, spot = NUMBER[source]
    text = next(iter(CASES[source].files.values()))
    assert text.count(spot) >= 1
    is_text = f'"{value}"' in spot
    is_json = text.lstrip()[0] in "[{"
    quoted = cell if is_text else f'"{cell}"' if is_json or "," in cell else cell
    return text.replace(spot, spot.replace(value, quoted), 1)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        case
        for kind in CELLS
        for case in cases(kind, [s for s in SOURCES if (s, kind) not in MISSING])
    ],
)
def test_a_wrong_number_is_named(source, kind, tmp_path):
    first = next(iter(CASES[source].files))
    said = refusal(source, tmp_path, CASES[source].files | {first: written(source, CELLS[kind])})
    assert first in said


# ways to write numbers that say one thing only, and who reads them
READ = [
    *(("floorsheet", "1,000"), ("floorsheet", "1000.0"), ("nyfed", "1e2"), ("table", " 10 ")),
    *(("binance", "+64000.1"), ("tardis", "8.5315e3"), ("taq", "0156.57"), ("cftc", " 20 ")),
    *(("erc20", "02500000"), ("hyperliquid", "3e3"), ("fills_export", "4.000001")),
]


@pytest.mark.parametrize(("source", "cell"), READ)
def test_the_same_number_written_otherwise_is_that_number(source, cell, tmp_path):
    first = next(iter(CASES[source].files))
    market = load(source, tmp_path, CASES[source].files)
    other = load(source, tmp_path, CASES[source].files | {first: written(source, cell)})
    for name in market:
        pd.testing.assert_frame_equal(other[name], market[name])


# --- headers --------------------------------------------------------------------------------------

CSV = [s for s in SOURCES if "," in next(iter(CASES[s].files.values())).split("\n")[0]]
HEADLESS = ("binance", "lobster", "ccxt", "fills_export", "hyperliquid", "options")
HEADED = [s for s in CSV if s not in HEADLESS]


@pytest.mark.parametrize(("source", "kind"), cases("a header that names a column twice", HEADED))
def test_a_repeated_name_in_the_header_is_refused(source, kind, tmp_path):
    first, text = next(iter(CASES[source].files.items()))
    head, _, rows = text.partition("\n")
    names = head.split(",")
    doubled = ",".join([*names, names[-1]])
    longer = "\n".join(f"{row},{row.split(',')[-1]}" for row in rows.rstrip("\n").split("\n"))
    files = CASES[source].files | {first: f"{doubled}\n{longer}\n"}
    assert first in refusal(source, tmp_path, files)


# --- times counted in some unit -------------------------------------------------------------------

# what makes a second row of the first: its number, and a time a second later
SECOND = {
    "binance": {"1,64000.1": "2,64000.1", "1722470400000": "1722470401000"},
    "ccxt": {'"id": "1"': '"id": "2"', "1722470400000": "1722470401000"},
    "databento": {
        "1170380,": "1170381,",
        "1609160400099150057": "1609160401099150057",
        "1609160400098821953": "1609160401098821953",
    },
    "erc20": {"1" * 64: "2" * 64, ",3,": ",4,", "2024-08-01 00:00:00 UTC": "1722470401"},
    "fills_export": {"28457": "28458", "1499865549590": "1499865550590"},
    "hyperliquid": {
        '"tid": 7': '"tid": 8',
        "1722470400000": "1722470401000",
        '"startPosition": "5.0"': '"startPosition": "3.0"',
    },
    "options": {"60000-C": "70000-C", "1722470400000": "1722470401000"},
    "table": {"2024-08-01T00:00:00Z": "1722470401000"},
    "tardis": {",a,": ",b,", "1583020803145000": "1583020804145000"},
    "taq": {"1514903400.125000": "1514903401.125000"},
    "uniswap": {"2023-08-13 00:00:00": "1691884860"},
}
# the second row's time and its unit, which is the source's
COUNTED = {
    "binance": ("1722470401000", "ms"),
    "ccxt": ("1722470401000", "ms"),
    "databento": ("1609160401098821953", "ns"),
    "erc20": ("1722470401", "s"),
    "fills_export": ("1499865550590", "ms"),
    "hyperliquid": ("1722470401000", "ms"),
    "options": ("1722470401000", "ms"),
    "table": ("1722470401000", "ms"),
    "tardis": ("1583020804145000", "us"),
    "taq": ("1514903401.125000", "s"),
    "uniswap": ("1691884860", "s"),
}
FIRST = {  # where the case's own time is text, as a number in the same unit
    "erc20": {"2024-08-01 00:00:00 UTC": "1722470400"},
    "table": {"2024-08-01T00:00:00Z": "1722470400000"},
    "uniswap": {"2023-08-13 00:00:00": "1691884800"},
}
DECIMALS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
UNIT = {"table": {"unit": "ms"}}
# a venue that changed its unit from one file to the next
BETWEEN_FILES_READ = {("binance", "us")}
OTHER_FILE = {
    "binance": "BTCUSDT-trades-2024-08-02.csv",
    "uniswap": next(iter(CASES["uniswap"].files)).replace("08-13", "08-14"),
}


def replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def rows_of(source: str, changes: dict[str, str]) -> tuple[str, str]:
    """The case's first row, and a second one with these changes beside."""
    text = next(iter(CASES[source].files.values()))
    if text.lstrip()[0] in "[{":
        root = json.loads(text)
        row = json.dumps((root if isinstance(root, list) else root["result"])[0])
    else:
        row = text.splitlines()[0 if source == "binance" else -1]
    return replaced(row, FIRST.get(source, {})), replaced(replaced(row, SECOND[source]), changes)


def file_of(source: str, *rows: str) -> str:
    text = next(iter(CASES[source].files.values()))
    if text.lstrip()[0] in "[{":
        held = "[" + ",\n".join(rows) + "]\n"
        return held if text.lstrip()[0] == "[" else f'{{"result": {held}}}'
    head = [] if source == "binance" else text.splitlines()[:1]
    return "\n".join([*head, *rows]) + "\n"


def in_unit(source: str, unit: str) -> dict[str, str]:
    said, own = COUNTED[source]
    return {said: str(int(Decimal(said).scaleb(DECIMALS[unit] - DECIMALS[own])))}


def _units() -> list:
    return [
        pytest.param(source, unit, id=f"{source}-{unit}")
        for source, (_, own) in COUNTED.items()
        for unit in DECIMALS
        if unit != own
    ]


def times(market: mm.Market) -> list[pd.Timestamp]:
    return sorted(set(market[next(iter(market))]["time"]))


@pytest.mark.parametrize("source", COUNTED)
def test_the_second_rows_of_these_tests_are_good(source, tmp_path):
    first = next(iter(CASES[source].files))
    market = load(
        source, tmp_path, {first: file_of(source, *rows_of(source, {}))}, **UNIT.get(source, {})
    )
    earlier, later = times(market)
    assert (
        later - earlier == pd.Timedelta("60s" if source == "uniswap" else "1s")
        or source == "databento"
    )


@pytest.mark.bad_input("times of two units in one column")
@pytest.mark.parametrize(("source", "unit"), _units())
def test_two_units_in_one_column_are_refused_by_line(source, unit, tmp_path):
    first = next(iter(CASES[source].files))
    rows = rows_of(source, in_unit(source, unit))
    said = refusal(source, tmp_path, {first: file_of(source, *rows)}, **UNIT.get(source, {}))
    line = "record 2" if source == "options" else f"line {file_of(source, *rows).count(chr(10))}"
    assert line in said
    (time,) = in_unit(source, unit).values()
    assert time in said or source in ("options", "table")  # they say what it would be


@pytest.mark.bad_input("times of two units in two files")
@pytest.mark.parametrize(("source", "unit"), _units())
def test_two_units_in_two_files(source, unit, tmp_path):
    first = next(iter(CASES[source].files))
    one, two = rows_of(source, in_unit(source, unit))
    other = OTHER_FILE.get(source, f"b-{first}")
    files = {first: file_of(source, one), other: file_of(source, two)}
    if (source, unit) in BETWEEN_FILES_READ:
        assert times(load(source, tmp_path, files)) == list(
            pd.to_datetime([1722470400, 1722470401], unit="s", utc=True)
        )
    else:
        assert other in refusal(source, tmp_path, files, **UNIT.get(source, {}))


# --- times as text, and clocks that are changed ---------------------------------------------------

TAQ_CLOCK = "DATE,TIME_M,EX,BID,BIDSIZ,ASK,ASKSIZ,SYM_ROOT\n"
WALLS = {  # how each source that takes a local clock writes one
    "table": ("trades.csv", "ts,symbol,price,qty\n{date} {clock},X,10,1\n"),
    "taq": ("quotes.csv", "DT,EX,BID,BIDSIZ,OFR,OFRSIZ,SYMBOL\n{date} {clock},P,9,1,10,1,XXX\n"),
    "taq, date and clock": ("quotes.csv", TAQ_CLOCK + "{date},{clock},P,9,1,10,1,XXX\n"),
}
NEW_YORK = {"table": {"time_zone": "America/New_York"}}
NO_INSTANTS = {
    "an hour that a clock skips": ("2018-03-11", "02:30:00"),
    "an hour that a clock repeats": ("2018-11-04", "01:30:00"),
}
# hours beside the changes: before and after each, in UTC
INSTANTS = [
    ("2018-03-11", "01:59:59", "2018-03-11 06:59:59"),
    ("2018-03-11", "03:00:00", "2018-03-11 07:00:00"),
    ("2018-11-04", "00:59:59", "2018-11-04 04:59:59"),
    ("2018-11-04", "02:00:00", "2018-11-04 07:00:00"),
]


@pytest.mark.parametrize(
    ("layout", "kind"), [case for kind in NO_INSTANTS for case in cases(kind, list(WALLS))]
)
def test_a_clock_time_that_is_no_instant_is_refused(layout, kind, tmp_path):
    source = layout.partition(",")[0]
    name, form = WALLS[layout]
    date, clock = NO_INSTANTS[kind]
    files = {name: form.format(date=date, clock=clock)}
    said = refusal(source, tmp_path, files, **NEW_YORK.get(source, {}))
    assert f"{name}, line 2" in said
    assert "times that exist once in America/New_York" in said


@pytest.mark.parametrize("layout", WALLS)
@pytest.mark.parametrize(("date", "clock", "utc"), INSTANTS)
def test_a_clock_time_beside_a_change_is_read_rightly(layout, date, clock, utc, tmp_path):
    source = layout.partition(",")[0]
    name, form = WALLS[layout]
    files = {name: form.format(date=date, clock=clock)}
    market = load(source, tmp_path, files, **NEW_YORK.get(source, {}))
    assert times(market) == [pd.Timestamp(utc, tz="UTC")]


# the time of the second row, written otherwise than the first: what the answer is
TEXTS = {
    "table": ("2024-08-01T00:00:00Z", "2024-08-01T00:00:01Z"),
    "erc20": ("2024-08-01 00:00:00 UTC", "2024-08-01 00:00:01 UTC"),
    "uniswap": ("2023-08-13T00:00:00Z", "2023-08-13T00:01:00Z"),
}
WRITTEN = {
    "a time without the zone of the others": lambda t: f"{t:%Y-%m-%d %H:%M:%S}",
    "a time as a number among texts": lambda t: f"{t.timestamp():.0f}",
    "a date with its day first": lambda t: f"{t:%d/%m/%Y %H:%M:%S}",
    "a date that does not exist": lambda t: f"{t:%Y}-02-30 {t:%H:%M:%S} UTC",
    "an hour of 25": lambda t: f"{t:%Y-%m-%d} 25:00:00 UTC",
    "a time with another offset": lambda t: t.tz_convert("Asia/Kathmandu").isoformat(),
    "a time with a Z": lambda t: f"{t:%Y-%m-%dT%H:%M:%S}Z",
}
RIGHT = ("a time with another offset", "a time with a Z")


def _with_times(source: str, *said: str) -> dict[str, str]:
    name, text = next(iter(CASES[source].files.items()))
    head, row = text.splitlines()[0], text.splitlines()[-1]
    own = {"table": "2024-08-01T00:00:00Z", "uniswap": "2023-08-13 00:00:00"}
    own |= {"erc20": "2024-08-01 00:00:00 UTC"}
    other = row.replace("1" * 64, "2" * 64)
    rows = [row.replace(own[source], said[0]), other.replace(own[source], said[1])]
    return {name: "\n".join([head, *rows]) + "\n"}


@pytest.mark.parametrize(
    ("source", "kind"),
    [case for kind in WRITTEN if kind not in RIGHT for case in cases(kind, list(TEXTS))],
)
def test_a_time_written_otherwise_is_refused(source, kind, tmp_path):
    first, second = TEXTS[source]
    files = _with_times(source, first, WRITTEN[kind](pd.Timestamp(second)))
    said = refusal(source, tmp_path, files)
    assert ", line " in said
    assert next(iter(files)) in said


@pytest.mark.parametrize("source", TEXTS)
@pytest.mark.parametrize("kind", RIGHT)
def test_a_time_that_names_its_zone_is_read_rightly(source, kind, tmp_path):
    first, second = TEXTS[source]
    market = load(source, tmp_path, _with_times(source, first, second))
    files = _with_times(source, first, WRITTEN[kind](pd.Timestamp(second)))
    assert times(load(source, tmp_path, files)) == times(market)


# --- Parquet --------------------------------------------------------------------------------------

INTO: dict[str, pa.DataType] = {
    "text": pa.string(),
    "long text": pa.large_string(),
    "words by number": pa.dictionary(pa.int32(), pa.string()),
    "bytes": pa.binary(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "uint64": pa.uint64(),
    "decimal": pa.decimal128(38, 6),
    "flags": pa.bool_(),
    "nothing": pa.null(),
    "seconds": pa.timestamp("s"),
    "nanoseconds, UTC": pa.timestamp("ns", "UTC"),
    "microseconds, New York": pa.timestamp("us", "America/New_York"),
    "dates": pa.date32(),
    "times of day": pa.time64("us"),
    "durations": pa.duration("us"),
    "lists": pa.list_(pa.int64()),
    "structs": pa.struct({"a": pa.int64()}),
}
_LONE_TEXT = {"text", "long text"}
_TEXT = _LONE_TEXT | {"words by number"}
_ZONED = {"nanoseconds, UTC", "microseconds, New York"}
_NUMBERS = {"float64", "int64", "uint64", "decimal"}
# by source and column, the types that are read, as what the plain file says; all others are refused
PARQUET: dict[str, dict[str, set[str]]] = {
    "table": {
        "ts": _TEXT | _ZONED,
        "symbol": _TEXT,
        "price": _TEXT | _NUMBERS | {"float32"},
        "qty": _TEXT | _NUMBERS | {"float32"},
    },
    "series": {"DATE": _TEXT | {"dates"}, "OPEN": _TEXT | _NUMBERS | {"float32"}},
    "erc20": {
        "from_address": _TEXT,
        "transaction_hash": _TEXT,
        "value": _TEXT | {"int64", "uint64", "decimal"},
        "block_number": _TEXT | _NUMBERS | {"float32"},
        "block_timestamp": _TEXT | _ZONED,
    },
    "uniswap": {
        "timestamp": _TEXT | _ZONED | {"seconds", "int64", "uint64"},
        "netAmount0": _TEXT | {"int64", "float64", "decimal"},
        "closeTick": _TEXT | _NUMBERS | {"float32"},
    },
    "databento": {
        "ts_recv": {"int64", "uint64", "nanoseconds, UTC"},
        "instrument_id": _LONE_TEXT | {"int64", "uint64"},
        "action": _TEXT | {"bytes"},
        "price": _LONE_TEXT | {"float32", "float64", "decimal"},
        "size": _LONE_TEXT | {"int64", "uint64"},
        "symbol": _TEXT,
    },
}


# a day without a value is one; a table's dates are taken as the text that they are written as
MISSING_OR_TEXT = {("OPEN", "nothing"), ("symbol", "dates")}
OTHER_TYPE = pytest.mark.bad_input("a Parquet column of another type")


def parquet_of(source: str) -> tuple[str, pa.Table]:
    name, text = next(iter(CASES[source].files.items()))
    return name.rpartition(".")[0] + ".parquet", pc.read_csv(pa.BufferReader(text.encode()))


def turned(column: pa.ChunkedArray, kind: str) -> pa.Array | None:
    """The column's values in another type; None where no value of it can be said so."""
    dtype, values = INTO[kind], column.to_pylist()
    is_time = isinstance(values[0], pd.Timestamp) or hasattr(values[0], "year")
    try:
        if kind in ("lists", "structs"):
            wrapped = [[1] if kind == "lists" else {"a": 1}] * len(values)
            return pa.array(wrapped, dtype)
        if kind == "nothing":
            return pa.nulls(len(values))
        if kind == "dates" and not is_time:
            said = pd.Timestamp(values[0] if "/" in str(values[0]) else "2024-08-01")
            return pa.array([said.date()] * len(values))
        if kind in ("flags", "times of day", "durations"):
            return pa.array([1] * len(values), pa.int64()).cast(dtype)
        if kind in ("bytes", "decimal", "words by number"):
            return column.cast(pa.string()).cast(dtype)
        if pa.types.is_timestamp(dtype) and pa.types.is_integer(column.type):
            return column.cast(pa.timestamp("ns")).cast(dtype)
        return column.cast(dtype)
    except (ValueError, TypeError, NotImplementedError):
        return None


def _columns() -> Iterator:
    for source, columns in PARQUET.items():
        _, table = parquet_of(source)
        for column, right in columns.items():
            for kind in INTO:
                if (column, kind) in MISSING_OR_TEXT:
                    continue
                if turned(table[column], kind) is None:
                    continue  # no value of that type says what the column holds
                mark = [] if kind in right else [OTHER_TYPE]
                yield pytest.param(source, column, kind, marks=mark, id=f"{source}-{column}-{kind}")


@pytest.mark.parametrize(("source", "column", "kind"), list(_columns()))
def test_a_parquet_column_of_another_type(source, column, kind, tmp_path):
    name, table = parquet_of(source)
    other = turned(table[column], kind)
    spoilt = table.set_column(table.column_names.index(column), column, other)
    if kind not in PARQUET[source][column]:
        assert name in refusal(source, tmp_path, {name: spoilt})
        return
    plain, found = (load(source, tmp_path, {name: t}) for t in (table, spoilt))
    for each in plain:
        pd.testing.assert_frame_equal(found[each], plain[each])


# --- links ----------------------------------------------------------------------------------------


@pytest.mark.bad_input("a target that is a link to a folder")
@pytest.mark.parametrize("source", SOURCES)
def test_a_target_that_is_a_link_is_followed_and_stays(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in (CASES[source].files | BESIDE).items():
        Path(name).write_text(content)
    Path("kept").mkdir()
    Path("market").symlink_to("kept")
    names = list(CASES[source].files)
    assert main(["convert", source, *names, "--to", "market", *CASES[source].options]) == 0
    assert Path("market").is_symlink()
    found = mm.open("kept")
    assert {name: len(found[name]) for name in CASES[source].rows} == CASES[source].rows
