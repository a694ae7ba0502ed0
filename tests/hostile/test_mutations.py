"""Files that are nearly right: a loader refuses them by name, or accounts for every row of them.

A file of every source is taken apart and put together again with faults that real files have:
cells and lines lost, repeated or swapped, numbers written in another way, bytes damaged, the end
cut off. Whatever comes of it, a loader has two answers: one SourceError, or tables that keep the
schema beside a receipt that counts every line of the file. Nothing else, and nothing in silence.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from mmresearch import schema
from mmresearch.receipt import SourceError
from tests.at_random import calmly
from tests.cases import BESIDE, CASES
from tests.layouts import LAYOUTS

KEYWORDS = {
    "erc20": {"labels": "labels.csv", "decimals": "decimals.csv"},
    "fills_export": {"account": "desk"},
    "hyperliquid": {"account": "mm"},
    "series": {"symbol": "VIX"},
    "table": {"kind": "trades", "columns": {"time": "ts", "size": "qty"}},
}
# tables in which every row that the receipt keeps is a row
ONE_A_ROW = {
    "binance": "trades",
    "ccxt": "trades",
    "databento": "trades",
    "floorsheet": "trades",
    "table": "trades",
    "tardis": "trades",
    "taq": "quotes",
    "lobster": "orders",
    "hyperliquid": "fills",
    "fills_export": "fills",
}
CELLS = [
    *("", " ", "NaN", "nan", "inf", "-inf", "1e400", "-1", "0", "-0.0", "1,5", "1.234,56"),
    *("1,234.5", "1 234", "0x1F", "1_000", "٣", "½", "1e3", "1.5.2", "--1", "+1", "TRUE", "null"),
    *("9" * 19, "9" * 40, "9" * 400, "1e-400", "0.1", "170141183460469231731687303715884105728"),
    *("2024-03-10T02:30:00", "2024-13-01", "31/12/2024", "1722470400", "1722470400000000"),
    *("1722470400000000000", "253402300800000", "-62135596800000", "24:00", "buy", "BUY", "B"),
    *('"', "'", '"a,b"', "a\nb", "\t", "\x0b", "a;b", "=1+1", "\ufeff", "\u200b1", "😀", "Ａ"),
]
TRIED: Counter[str] = Counter()


@st.composite
def mutated(draw: st.DrawFn, content: str) -> bytes:
    """The file with one to four faults."""
    data = content.encode()
    for _ in range(draw(st.integers(1, 4))):
        data = draw(st.sampled_from(MUTATIONS))(data, draw)
    return data


def _lines(data: bytes, draw: st.DrawFn) -> bytes:
    """A line lost, repeated, moved or cut."""
    lines = data.split(b"\n")
    at = draw(st.integers(0, len(lines) - 1))
    how = draw(st.sampled_from(["drop", "repeat", "swap", "cut", "empty", "header"]))
    line = lines[at]
    if how == "drop":
        del lines[at]
    elif how == "repeat":
        lines.insert(at, line)
    elif how == "swap":
        lines[at], lines[0] = lines[0], lines[at]
    elif how == "cut":
        lines[at] = line[: draw(st.integers(0, len(line)))]
    else:
        lines.insert(at, b"" if how == "empty" else lines[0])
    return b"\n".join(lines)


def _cells(data: bytes, draw: st.DrawFn) -> bytes:
    """A cell lost, repeated, swapped or written in another way, wherever cells are."""
    separator = b"," if b"," in data else b":"
    cells = data.split(separator)
    at, to = (draw(st.integers(0, len(cells) - 1)) for _ in range(2))
    how = draw(st.sampled_from(["drop", "repeat", "swap", "set", "set", "set"]))
    if how == "drop":
        del cells[at]
    elif how == "repeat":
        cells.insert(at, cells[at])
    elif how == "swap":
        cells[at], cells[to] = cells[to], cells[at]
    else:
        cells[at] = draw(st.sampled_from(CELLS)).encode()
    return separator.join(cells)


def _values(data: bytes, draw: st.DrawFn) -> bytes:
    """A value of a JSON document, or a cell of a line, replaced as a whole."""
    text = data.decode(errors="replace")
    try:
        root = json.loads(text)
    except (ValueError, RecursionError):
        return _columns(text, draw).encode()
    spots = list(_places(root))
    if not spots:
        return data
    holder, key = draw(st.sampled_from(spots))
    holder[key] = draw(
        st.sampled_from(CELLS)
        | st.none()
        | st.booleans()
        | st.integers(-(10**30), 10**30)
        | st.floats(allow_nan=True)
        | st.sampled_from([[], {}, [1], {"a": 1}])
    )
    return json.dumps(root).encode()


def _places(root: object) -> list:
    """Every (holder, key) of a document."""
    pairs = root.items() if isinstance(root, dict) else []
    pairs = enumerate(root) if isinstance(root, list) else pairs
    found = []
    for key, value in pairs:
        found += [(root, key), *_places(value)]
    return found


def _columns(text: str, draw: st.DrawFn) -> str:
    rows = [line.split(",") for line in text.split("\n")]
    row = draw(st.sampled_from(rows))
    at = draw(st.integers(0, len(row) - 1))
    row[at] = draw(st.sampled_from(CELLS))
    return "\n".join(",".join(row) for row in rows)


def _bytes(data: bytes, draw: st.DrawFn) -> bytes:
    """Bytes lost, put in or turned."""
    at = draw(st.integers(0, max(len(data) - 1, 0)))
    put = draw(
        st.sampled_from([b"", b"\0", b"\r", b'"', b"\xff", b"\xc3", b",", b"\n", b"{", b"\\"])
    )
    return data[:at] + put + data[at + draw(st.integers(0, 3)) :]


def _whole(data: bytes, draw: st.DrawFn) -> bytes:
    """The whole file written in another way."""
    how = draw(st.sampled_from(["bom", "crlf", "cr", "tail", "no end", "twice", "semicolon"]))
    ways = {
        "bom": lambda: b"\xef\xbb\xbf" + data,
        "crlf": lambda: data.replace(b"\n", b"\r\n"),
        "cr": lambda: data.replace(b"\n", b"\r"),
        "tail": lambda: data[: draw(st.integers(0, len(data)))],
        "no end": lambda: data.rstrip(b"\n"),
        "twice": lambda: data + data,
        "semicolon": lambda: data.replace(b",", b";"),
    }
    return ways[how]()


def _packed(data: bytes, draw: st.DrawFn) -> bytes:
    whole = gzip.compress(data, mtime=0)
    return whole[: draw(st.integers(1, len(whole)))] if draw(st.booleans()) else whole


MUTATIONS: list[Callable] = [_lines, _cells, _cells, _values, _values, _bytes, _whole, _packed]


def load(source: str, folder: Path) -> mm.Market:
    if source in LAYOUTS:
        layout = LAYOUTS[source]
        paths = [folder / name for name in layout.files]
        return getattr(mm.load, layout.source)(*paths, **layout.told)
    given = dict(KEYWORDS.get(source, {}))
    if source == "erc20":
        given = {name: folder / path for name, path in given.items()}
    return getattr(mm.load, source)(*(folder / name for name in CASES[source].files), **given)


def _answer(source: str, folder: Path) -> mm.Market | SourceError:
    try:
        return load(source, folder)
    except SourceError as error:
        return error


def judged(source: str, content: dict[str, bytes]) -> None:
    """Load the files and hold what comes of it against the two answers that there are."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in BESIDE.items():
            (folder / file).write_text(text)
        for file, data in content.items():
            (folder / file).write_bytes(data)
        TRIED[source] += 1
        answer = _answer(source, folder)
    if isinstance(answer, SourceError):
        assert answer.faults
        assert all(fault.found and fault.expected for fault in answer.faults)
    else:
        accounted(source, answer, content)


def accounted(source: str, market: mm.Market, content: dict[str, bytes]) -> None:
    receipt = market.receipt
    assert receipt.rows_read == receipt.rows_kept + len(receipt.set_aside)
    first = next(iter(content.values()))
    lines = lines_of(first)
    if lines is not None and source in CASES:
        assert receipt.files["rows"].iloc[0] in (lines, lines - 1)
    for table in market:
        again = schema.check(market[table], table)
        pd.testing.assert_frame_equal(again, market[table])
    if source in ONE_A_ROW:  # of the first file: LOBSTER's second holds the book of each row
        file, rows = receipt.files[["file", "rows"]].iloc[0]
        aside = (receipt.set_aside["file"] == file).sum()
        assert len(market[ONE_A_ROW[source]]) == rows - aside


def lines_of(data: bytes) -> int | None:
    """How many lines a file has, where it is plain text of one row a line."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b'"' in data or data.lstrip()[:1] in (b"{", b"["):
        return None
    data = data if b"\n" in data else data.replace(b"\r", b"\n")
    return data.rstrip(b"\r\n").count(b"\n") + 1


def _suite(examples: int) -> Callable:
    def run(source: str) -> None:
        files = (LAYOUTS if source in LAYOUTS else CASES)[source].files

        @calmly(examples)
        @given(st.data())
        def examine(data: st.DataObject) -> None:
            spoilt = data.draw(st.sampled_from(sorted(files)))
            content = {name: text.encode() for name, text in files.items()}
            content[spoilt] = data.draw(mutated(files[spoilt]))
            judged(source, content)

        examine()

    return run


# what the suites found, each with the answer it has now
FOUND = {
    "binance": (b"1,1e400,0.5,32000.05,1722470400000,True,True\n", "price too large"),
    "ccxt": (b"[false]", "a record of False"),
    "options": (gzip.compress(b"x" * 99)[:10] + b"\xff" * 20, "a damaged or truncated gzip file"),
}


@pytest.mark.bad_input("a number too large", "a record that is none", "a damaged gzip")
@pytest.mark.parametrize("source", FOUND)
def test_found_before(source, tmp_path):
    data, words = FOUND[source]
    (tmp_path / next(iter(CASES[source].files))).write_bytes(data)
    with pytest.raises(SourceError, match=words):
        load(source, tmp_path)


def test_a_lone_carriage_return_above_the_header_ends_no_reading(tmp_path):
    (text,) = LAYOUTS["cboe options"].files.values()
    (tmp_path / "spx.csv").write_bytes(b"\r" + text.encode())
    plain = tmp_path / "plain.csv"
    plain.write_bytes(text.encode())
    found = load("cboe options", tmp_path).chain
    pd.testing.assert_frame_equal(found, mm.load.options(plain).chain)


@pytest.mark.bad_input("a lone quotation mark as the last line")
@pytest.mark.parametrize("source", ["binance", "floorsheet", "tardis"])
def test_a_lone_quotation_mark_at_the_end_is_named_by_its_line(tmp_path, source):
    ((name, text),) = CASES[source].files.items()
    (tmp_path / name).write_bytes(text.encode().rstrip(b"\n") + b'\n"')
    with pytest.raises(SourceError, match=f"line {len(text.splitlines()) + 1}: found") as caught:
        load(source, tmp_path)
    assert "column" in caught.value.faults[0].found


@pytest.mark.bad_input("a value that is next to nothing")
def test_a_value_next_to_nothing_is_read_as_it_stands(tmp_path):
    (text,) = LAYOUTS["bybit fills"].files.values()
    assert '"5000.00"' in text
    (tmp_path / "fills.json").write_text(text.replace('"5000.00"', "1.1125369292536007e-308"))
    assert len(load("bybit fills", tmp_path).fills) == 1


@pytest.mark.bad_input("fees that are none")
@pytest.mark.parametrize("fees", [[1], 5, [{"cost": 1}, {"cost": "much"}]])
def test_fees_that_are_none(fees, tmp_path):
    (trade,) = json.loads(CASES["ccxt"].files["trades.json"])
    path = tmp_path / "trades.json"
    path.write_text(json.dumps([trade | {"fees": fees}]))
    with pytest.raises(SourceError, match="a record of id"):
        mm.load.ccxt(path)


def test_a_fee_behind_one_of_nothing_counts_once(tmp_path):
    (trade,) = json.loads(CASES["ccxt"].files["trades.json"])
    fees = [{"cost": 0, "currency": "USDT"}, {"cost": 1.5, "currency": "USDT"}]
    path = tmp_path / "trades.json"
    path.write_text(json.dumps([trade | {"fees": fees}]))
    market = mm.load.ccxt(path, account="A")
    assert market.fills["fee"].tolist() == [1.5]
    assert "transfers" not in market or market.transfers.empty


EVERY = [*mm.load.__all__, *LAYOUTS]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_files_of_these_tests_are_good(layout, tmp_path):
    for name, text in LAYOUTS[layout].files.items():
        (tmp_path / name).write_text(text)
    market = load(layout, tmp_path)
    assert market.receipt.rows_kept > 0
    assert sum(len(market[name]) for name in market) > 0


@pytest.mark.bad_input("random faults in a file of every source")
@pytest.mark.parametrize("source", EVERY)
def test_refused_or_accounted_for(source, examined):
    before = TRIED[source]
    _suite(30)(source)
    examined("files against loaders", TRIED[source] - before)


@pytest.mark.slow
@pytest.mark.bad_input("random faults in a file of every source")
@pytest.mark.parametrize("source", EVERY)
def test_refused_or_accounted_for_many_times(source, examined):
    before, most = TRIED[source], 700 if source in CASES else 150
    _suite(most)(source)
    assert TRIED[source] - before >= most
    examined("files against loaders", TRIED[source] - before)
