"""Cells as sources write them, turned into the schema's values."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa

_SIDES = {"buy": 1, "b": 1, "bought": 1, "long": 1, "1": 1, "+1": 1, "1.0": 1}
_SIDES |= {"sell": -1, "s": -1, "sold": -1, "short": -1, "-1": -1, "-1.0": -1}
# Of a resting order only: for a trade, "bid" may be the price that was hit or the buyer's side.
_RESTING = {"bid": 1, "ask": -1, "offer": -1}
# A long that is liquidated is sold: such words name the position or the order, who can tell.
_POSITIONS = ("long", "short")
_FLAGS = {"true": True, "t": True, "yes": True, "y": True, "1": True, "maker": True}
_FLAGS |= {"false": False, "f": False, "no": False, "n": False, "0": False, "taker": False}
_RIGHTS = {"call": "call", "c": "call", "put": "put", "p": "put"}
_NOTHING = ("", "none", "unknown", "null", "nan")


def sides(values: pd.Series, table: str) -> tuple[pd.Series, pd.Series]:
    """+1 and -1, and the rows whose text says neither."""
    if values.dtype.kind in "iufb":
        return values, pd.Series(False, index=values.index)
    words = _SIDES | (_RESTING if table == "orders" else {})
    if table == "liquidations":
        words = {said: side for said, side in words.items() if said not in _POSITIONS}
    known, bad = _looked_up(values, words)
    return known.astype("float64"), bad


def sides_expected(table: str) -> str:
    """Which words name a side."""
    if table == "liquidations":
        return "buy or sell, +1 or -1, of the forced order (which sells a long position)"
    return "buy or sell, +1 or -1"


def flags(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """True and false, and the rows whose text says neither."""
    if values.dtype.kind in "iufb" or values.dtype == "boolean":
        return values, pd.Series(False, index=values.index)
    known, bad = _looked_up(values, _FLAGS)
    return known.astype("boolean"), bad


def rights(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Call and put, and the rows whose text says neither."""
    return _looked_up(values, _RIGHTS)


def texts(values: pd.Series) -> pd.Series:
    """Texts; numbers that are floats only because some are missing lose their fraction of 0."""
    if values.dtype.kind == "f" and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype("str")


def numbers(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Numbers, and the rows whose text is none."""
    if values.dtype.kind not in "OTU" and not isinstance(values.dtype, pd.StringDtype):
        return values, pd.Series(False, index=values.index)
    said = stripped(values)
    parsed = said.cast(pl.Int64, strict=False)
    if parsed.null_count() > said.null_count():
        parsed = said.cast(pl.Float64, strict=False)
    bad = pd.Series((parsed.is_null() & said.is_not_null()).to_numpy(), index=values.index)
    if parsed.null_count():
        parsed = parsed.cast(pl.Float64)
    return pd.Series(parsed.to_numpy(), index=values.index), bad


def stripped(values: pd.Series) -> pl.Series:
    """Texts without the spaces around them; empty ones are missing."""
    bare = pl.Series(values=pa.array(values.astype("str"), from_pandas=True)).str.strip_chars()
    return bare.set(bare == "", None)


def free(values: pd.Series) -> pd.Series:
    """A column that the schema does not know: numbers if every cell is one, else as it is."""
    parsed, bad = numbers(values)
    return values if bad.any() else parsed


def _looked_up(values: pd.Series, words: dict) -> tuple[pd.Series, pd.Series]:
    """What each text means, looked up once for each that there is."""
    said = stripped(values).str.to_lowercase()
    meant = {text: words.get(text) for text in said.unique().drop_nulls()}
    meant |= dict.fromkeys(_NOTHING)
    unknown = [text for text, meaning in meant.items() if meaning is None and text not in _NOTHING]
    kind = pl.Series(list(words.values())).dtype
    known = said.replace_strict(list(meant), pl.Series(list(meant.values()), dtype=kind))
    bad = pd.Series(said.is_in(unknown).fill_null(False).to_numpy(), index=values.index)
    return pd.Series(known.to_pandas().to_numpy(), index=values.index), bad
