"""One wrong cell in a file of every source: named with its file and what was expected."""

from __future__ import annotations

import pytest

import mmresearch as mm
from mmresearch.receipt import SourceError
from tests.cases import BESIDE, CASES
from tests.hostile.test_mutations import load

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
    "a number too large": "1e400",
    "a decimal comma": "10,5",
    "dots between thousands": "1.234,56",
    "a word for a number": "twelve",
    "digits of another script": "١٢٣",
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
        pytest.param(source, kind, marks=pytest.mark.bad_input(kind), id=f"{source}-{kind}")
        for kind in CELLS
        for source in mm.load.__all__
        if (source, kind) not in MISSING
    ],
)
def test_a_wrong_number_is_named(source, kind, tmp_path):
    for name, content in (CASES[source].files | BESIDE).items():
        (tmp_path / name).write_text(content)
    first = next(iter(CASES[source].files))
    (tmp_path / first).write_text(written(source, CELLS[kind]))
    with pytest.raises(SourceError) as caught:
        load(source, tmp_path)
    said = str(caught.value)
    assert first in said
    assert "expected" in said


CSV = [s for s in mm.load.__all__ if "," in next(iter(CASES[s].files.values())).split("\n")[0]]
HEADED = [s for s in CSV if s not in ("binance", "lobster", "ccxt", "fills_export", "hyperliquid")]
HEADED.remove("options")


@pytest.mark.bad_input("a header that names a column twice")
@pytest.mark.parametrize("source", HEADED)
def test_a_repeated_name_in_the_header_is_refused(source, tmp_path):
    for name, content in (CASES[source].files | BESIDE).items():
        (tmp_path / name).write_text(content)
    first, text = next(iter(CASES[source].files.items()))
    head, _, rows = text.partition("\n")
    names = head.split(",")
    doubled = ",".join([*names, names[-1]])
    longer = "\n".join(f"{row},{row.split(',')[-1]}" for row in rows.rstrip("\n").split("\n"))
    (tmp_path / first).write_text(f"{doubled}\n{longer}\n")
    with pytest.raises(SourceError) as caught:
        load(source, tmp_path)
    assert first in str(caught.value)
