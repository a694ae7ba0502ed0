"""The kinds of cells that text files hold: how they are read, and which text is right."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

NUMBER = r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*"
GROUPED = r"\s*[+-]?[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}(\.[0-9]*)?\s*"


class Kind(NamedTuple):
    """How the cells of a column read: as what type, which text is right, what to call it."""

    dtype: pl.DataType | type[pl.DataType]
    pattern: str
    expected: str


KINDS = {
    "whole": Kind(pl.Int64, r"\s*[+-]?[0-9]+\s*", "a whole number"),
    "exact": Kind(pl.String, r"\s*[+-]?[0-9]+\s*", "a whole number"),  # of any length, kept as text
    "number": Kind(pl.String, f"{NUMBER}|{GROUPED}", "a number"),
    "float": Kind(pl.Float64, NUMBER, "a number"),  # faster: thousands are not grouped
    "seconds": Kind(pl.Decimal(20, 9), NUMBER, "seconds, with up to 9 decimals"),
    "text": Kind(pl.String, r"(?s).*\S.*", "text"),
    "any": Kind(pl.String, r"(?s).*", "anything"),
}


def kind_of(name: str) -> Kind:
    """The kind of that name; with a question mark behind it cells may be empty, as "float?"."""
    kind = KINDS[name.removesuffix("?")]
    return kind._replace(pattern=rf"{kind.pattern}|\s*") if name.endswith("?") else kind
