"""JSON files of one document or one a line; packed files; pairs."""

from __future__ import annotations

import gzip
import io
import zipfile

import pyarrow as pa
import pytest

from mmresearch.load import text
from mmresearch.load.documents import lacking, read_documents
from mmresearch.load.instruments import base_quote
from mmresearch.receipt import Fault, SourceError

CSV = b"id,price,note\n1,2.5,x\n2,,y\n"


def read(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    return read_documents("test", path)


def test_one_document_over_many_lines(tmp_path):
    found = read(tmp_path, b'[\n {"a": 1},\n {"a": 2}\n]\n')
    assert (found.roots, found.lines) == ([[{"a": 1}, {"a": 2}]], [1])


def test_a_document_a_line(tmp_path):
    found = read(tmp_path, b'{"a": 1}\n\n{"a": 2}')
    assert (found.roots, found.lines) == ([{"a": 1}, {"a": 2}], [1, 3])


def test_a_single_document_on_a_single_line(tmp_path):
    assert read(tmp_path, b'{"a": 1}\n').roots == [{"a": 1}]


@pytest.mark.parametrize(
    ("content", "found", "line"),
    [
        (b'[{"a": 1}, {"a"', "not JSON", 1),
        (b'{"a": 1}\n{"a": 2}\n{"a"', "a line that is not JSON", 3),
        (b'{"a": NaN}', "NaN is not a number", None),
        (b"price,size\n1,2\n", "not JSON", 1),
    ],
)
def test_what_is_not_json_is_named(tmp_path, content, found, line):
    (fault,) = read(tmp_path, content)
    assert found in fault.found
    assert fault.line == line
    assert "JSON" in fault.expected


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(SourceError, match="an empty file"):
        read(tmp_path, b"\n \n")


def test_fields_that_a_record_lacks():
    assert lacking({"a": 1}, ["a", "b"]) == ["b"]
    assert lacking(["a"], ["a", "b"]) == ["a", "b"]


# --- packed files ---------------------------------------------------------------------------------


def packed(how):
    if how == "gzip":
        return gzip.compress(CSV)
    if how == "zip":
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("file.csv", CSV)
        return held.getvalue()
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, how) as stream:
        stream.write(CSV)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("how", ["gzip", "zip", "lz4", "zstd"])
def test_packed_files_are_unpacked(tmp_path, how):
    (tmp_path / "file").write_bytes(packed(how))
    (found,) = text.read_texts("test", [tmp_path / "file"])
    assert found.data == CSV.rstrip()


@pytest.mark.parametrize("how", ["gzip", "zip", "lz4", "zstd"])
def test_cut_files_are_refused(tmp_path, how):
    (tmp_path / "file").write_bytes(packed(how)[:-7])
    with pytest.raises(SourceError, match="file: found a damaged or truncated"):
        text.read_texts("test", [tmp_path / "file"])


def test_a_zip_of_two_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "file", "w") as archive:
        archive.writestr("a.csv", CSV)
        archive.writestr("b.csv", CSV)
    with pytest.raises(SourceError, match="it holds 2 files, not one"):
        text.read_texts("test", [tmp_path / "file"])


# --- columns by their header ----------------------------------------------------------------------


def csv(tmp_path, content):
    (tmp_path / "file.csv").write_bytes(content)
    (found,) = text.read_texts("test", [tmp_path / "file.csv"])
    return found


def test_columns_come_by_name_in_whatever_order(tmp_path):
    frame = text.read_columns(csv(tmp_path, CSV), {"Price": "float?", "ID": "whole"})
    assert frame.to_dict(as_series=False) == {"ID": [1, 2], "Price": [2.5, None]}


def test_optional_columns_come_where_they_are(tmp_path):
    more = {"note": "text", "other": "float"}
    frame = text.read_columns(csv(tmp_path, CSV), {"id": "whole"}, optional=more)
    assert frame.columns == ["id", "note"]


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        (
            {"id": "whole", "size": "float"},
            Fault("file.csv", 1, "a header without size: 'id,price,note'", "the columns id, size"),
        ),
        ({"price": "float"}, Fault("file.csv", 3, "price nothing", "a number")),
        ({"note": "whole"}, Fault("file.csv", 2, "note 'x' (2 rows, first at lines 2, 3)", "")),
    ],
)
def test_what_is_wrong_with_columns_is_named(tmp_path, wanted, fault):
    (found,) = text.read_columns(csv(tmp_path, CSV), wanted)
    assert found[:3] == fault[:3]


def test_numbers_that_are_none_are_no_numbers(tmp_path):
    held = csv(tmp_path, b"a,b\nNaN,1\n1,2\ninf,3\n")
    faults = text.read_columns(held, {"a": "float?"})
    assert [fault.line for fault in faults] == [2]
    assert "2 rows, first at lines 2, 4" in faults[0].found


def test_whole_numbers_of_any_length_keep_every_digit(tmp_path):
    long = "1" * 60
    held = csv(tmp_path, f"a\n{long}\n-7\n".encode())
    assert text.read_columns(held, {"a": "exact"})["a"].to_list() == [long, "-7"]
    (fault,) = text.read_columns(csv(tmp_path, b"a\n1.5\n"), {"a": "exact"})
    assert (fault.line, fault.expected) == (2, "a whole number")


# --- pairs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "pair"),
    [
        ("BTCUSDT", ("BTC", "USDT")),
        ("btcusd", ("BTC", "USD")),
        ("XRP/ETH", ("XRP", "ETH")),
        ("BTC-USD", ("BTC", "USD")),
        ("BTC_USDT", ("BTC", "USDT")),
        ("BTCUSD_PERP", ("BTC", "USD")),
        ("BTC/USDT:USDT", ("BTC", "USDT")),
        ("XBTUSD", ("XBT", "USD")),
        ("BTCTUSD", ("BTC", "TUSD")),
        ("BTC-PERPETUAL", None),
        ("USDT", None),
        ("ESH4", None),
    ],
)
def test_pairs_are_split(symbol, pair):
    assert base_quote(symbol) == pair
