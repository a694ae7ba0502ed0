"""Columns of words stand left, columns of numbers right."""

from __future__ import annotations

import pandas as pd
from bs4 import BeautifulSoup

from mmresearch.show import tables


def marked(frame: pd.DataFrame) -> dict[str, str]:
    """Text of a body cell -> its classes."""
    soup = BeautifulSoup(tables.align(frame.to_html()), features="html.parser")
    return {cell.get_text(): " ".join(cell.get("class", [])) for cell in soup.select("td, th")}


def test_words_are_told_from_numbers():
    frame = pd.DataFrame({"term": ["flow", "const"], "value": ["1.2e-05", "NaN"], "t": [1.5, 2.0]})
    found = marked(frame)
    assert {found["flow"], found["term"]} == {"words"}
    assert {found["1.2e-05"], found["NaN"], found["value"], found["2.0"]} == {""}


def test_intervals_and_dates_are_numbers():
    found = marked(pd.DataFrame({"a": ["[0.1, ∞)"], "b": ["2024-03-04 14:30:00+00:00"]}))
    assert set(found.values()) == {""}


def test_a_phrase_among_numbers_wraps_but_its_column_stays():
    phrase = "clustered by day, 25 clusters"
    found = marked(pd.DataFrame({"a": ["1.0", "2.0", "3.0", phrase]}))
    assert found[phrase] == "long"
    assert found["1.0"] == found["a"] == ""


def test_row_headers_that_span_rows_do_not_shift_columns():
    index = pd.MultiIndex.from_tuples([("x", "one"), ("x", "two")])
    found = marked(pd.DataFrame({"number": [1, 2], "word": ["yes", "no"]}, index=index))
    assert found["yes"] == found["no"] == found["word"] == "words"
    assert found["1"] == found["2"] == found["number"] == ""
