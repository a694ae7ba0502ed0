"""The compiled loop over plain cells beside polars' reader: the same frame, or none."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmresearch.load import plain_cells, text

KINDS = {"a": "whole", "b": "float", "c": "float?", "d": "text", "e": "any", "f": "number"}
HEAD = b"a,b,c,d,e,f\n"
PLAIN = b"-12,0.1,,buy,,3\n7,-250.000,2.5,binance-futures,x y,-0.0\n0,123456789.012345,-1,buy,,42"
whole = st.integers(-(10**18) + 1, 10**18 - 1).map(str)
number = st.decimals(-(10**9), 10**9, places=6, allow_nan=False, allow_infinity=False).map(
    lambda d: f"{d:f}"
)
ODD = [
    "",
    "NaN",
    "inf",
    "-inf",
    "1e5",
    "+1",
    " 1",
    "1 ",
    "1.",
    ".5",
    "-",
    "1,000",
    "1111111111111111111",
    "0x1",
    "9223372036854775807",
]
ODD += ["0.1234567890123456", '"1"', '"', "\r", "1\r", "é", "--1", "1.2.3"]
odd = st.sampled_from(ODD)
words = st.sampled_from(["buy", "sell", "a longer one than twelve bytes", "é", "NaN", "0"])
ids = st.integers(0, 10**15).map(str) | st.text("abcxyz é", min_size=1, max_size=20)


def as_text(data: bytes) -> text.Text:
    return text.Text(Path("rows.csv"), data, True)


def of_polars(data: bytes, kinds: dict[str, str], *, header: bool) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_cells, "LEAST", 2**40)
        return text.parse(as_text(data), kinds, header=header)


def of_loop(
    data: bytes, kinds: dict[str, str], *, header: bool, separator: str = ","
) -> pl.DataFrame | None:
    rows = data.count(b"\n") + 1 - header
    return plain_cells.frame(data, kinds, separator, rows, header=header)


def test_by_hand() -> None:
    expected = pl.DataFrame(
        {
            "a": [-12, 7, 0],
            "b": [0.1, -250.0, 123456789.012345],
            "c": [None, 2.5, -1.0],
            "d": ["buy", "binance-futures", "buy"],
            "e": [None, "x y", None],
            "f": [3.0, -0.0, 42.0],
        }
    )
    assert of_loop(HEAD + PLAIN, KINDS, header=True).equals(expected)
    assert of_loop(PLAIN, KINDS, header=False).equals(expected)
    assert of_loop(PLAIN.replace(b",", b"\t"), KINDS, header=False, separator="\t").equals(expected)


def test_columns_of_many_texts_short_and_long_and_missing() -> None:
    said = [f"{n * 7919}" if n % 3 else f"a text of {n} that is long" for n in range(200)]
    said[50] = ""
    data = "\n".join(f"{n},{cell}" for n, cell in enumerate(said)).encode()
    found = of_loop(data, {"n": "whole", "said": "any"}, header=False)
    assert found["said"].to_list() == [cell or None for cell in said]
    assert of_loop(data, {"n": "whole", "said": "text"}, header=False) is None


@pytest.mark.parametrize(
    "cell",
    [
        "NaN",
        "inf",
        "-inf",
        "1e5",
        "+1",
        " 1",
        "1 ",
        "1.",
        ".5",
        "-",
        "1" * 19,
        '"1"',
        "1\r",
        "",
        "é",
    ],
)
@pytest.mark.parametrize("column", ["a", "b", "f"])
def test_what_is_not_plain_is_left_to_polars(cell: str, column: str) -> None:
    line = dict(zip(KINDS, ["1", "1", "1", "x", "y", "1"], strict=True)) | {column: cell}
    data = PLAIN + b"\n" + ",".join(line.values()).encode()
    assert of_loop(data, KINDS, header=False) is None


@pytest.mark.parametrize("cell", ["9007199254740993", "0.1234567890123456", "1234567890123.4567"])
def test_fractions_of_more_digits_than_are_exact_are_left_to_polars(cell: str) -> None:
    assert of_loop(f"1,{cell}\n1,2".encode(), {"a": "whole", "b": "float"}, header=False) is None
    found = of_loop(f"1,{cell[:15]}\n1,2".encode(), {"a": "whole", "b": "float"}, header=False)
    assert found["b"].to_list() == [float(cell[:15]), 2.0]


@pytest.mark.parametrize(
    "data",
    [
        PLAIN + b"\n1,1,1,x,y",
        PLAIN + b"\n1,1,1,x,y,1,",
        PLAIN + b"\n1,1,1,x,y,1,2",
        PLAIN + b"\n\n1,1,1,x,y,1",
        PLAIN + b"\n",
        PLAIN + b"\n1,1",
        b"\n" + PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.replace(b"x y", b'"x,y"'),
        PLAIN.replace(b"buy", b""),
    ],
)
def test_lines_that_are_not_plain(data: bytes) -> None:
    assert of_loop(data, KINDS, header=False) is None


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_as_polars_reads_it(data: st.DataObject) -> None:
    kinds = list(KINDS.values())
    plain = {"whole": whole, "float": number, "float?": number, "number": number}
    plain |= {"text": words | ids, "any": words | ids | st.just("")}
    strange = data.draw(st.booleans())
    cells = [st.one_of(plain[k], odd) if strange else plain[k] for k in kinds]
    rows = data.draw(st.lists(st.tuples(*cells), min_size=1, max_size=40))
    said = HEAD + "\n".join(",".join(row) for row in rows).encode()
    found = of_loop(said, KINDS, header=True)
    if found is not None:
        expected = of_polars(said, KINDS, header=True)
        assert isinstance(expected, pl.DataFrame), expected
        assert found.schema == expected.schema
        assert found.equals(expected)
    else:
        assert strange or any(
            sum(c.isdigit() for c in row[i]) > 15 for row in rows for i in (1, 2, 5)
        )
