"""Arbitrary frames against the schema: refused by name, or in its types and rules, once for all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmresearch import schema
from tests.at_random import calmly

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=6),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
    st.sampled_from(["1", "-1", "NaN", "inf", "buy", "add", "call", "2024-03-10", "1e400", b"x"]),
    st.sampled_from([pd.NaT, pd.NA, np.nan, [], {}, (1,), np.float32(1), pd.Timestamp.max]),
)
GOOD = {
    "time": st.datetimes(
        pd.Timestamp("1700-01-01").to_pydatetime(), pd.Timestamp("2200-01-01").to_pydatetime()
    ).map(lambda t: pd.Timestamp(t, tz="UTC")),
    "whole": st.integers(0, 3),
    "number": st.floats(0.01, 1e9),
    "sign": st.sampled_from([1, -1, 1.0, None]),
    "flag": st.sampled_from([True, False, None]),
    "text": st.sampled_from(["A", "B", "add", "call", "put", "halt"]),
}
FRAMES = 0


@st.composite
def frames(draw: st.DrawFn) -> tuple[str, pd.DataFrame]:
    """A table's name and a frame that may be one: most columns good, any of them spoilt."""
    name = draw(st.sampled_from(list(schema.TABLES)))
    rows = draw(st.integers(0, 4))
    data = {}
    for column in schema.columns(name, draw(st.integers(1, 2))):
        fate = draw(st.sampled_from(["good"] * 12 + ["spoilt", "lost", "mixed"]))
        if fate == "lost":
            continue
        values = [draw(GOOD[column.kind]) for _ in range(rows)]
        if fate == "spoilt" and rows:
            values[draw(st.integers(0, rows - 1))] = draw(VALUES)
        if fate == "mixed":
            values = [draw(VALUES) for _ in range(rows)]
        data[column.name] = pd.Series(values, dtype=object)
    if draw(st.booleans()):
        data[draw(st.sampled_from(["note", "price ", "Time", "bid_0"]))] = "x"
    frame = pd.DataFrame(data)
    if draw(st.booleans()):
        frame = frame.infer_objects()
    if draw(st.booleans()) and len(frame.columns):
        frame = pd.concat([frame, frame.iloc[:, :1]], axis=1) if rows > 3 else frame
    return name, frame.set_axis(draw(st.permutations(range(len(frame)))), axis=0)


def answer(name: str, frame: pd.DataFrame) -> pd.DataFrame | schema.SchemaError:
    try:
        return schema.check(frame, name)
    except schema.SchemaError as error:
        return error


def examine(case: tuple[str, pd.DataFrame]) -> None:
    global FRAMES
    FRAMES += 1
    name, frame = case
    before = frame.copy(deep=True)
    found = answer(name, frame)
    pd.testing.assert_frame_equal(frame, before)  # what is given is never changed
    if isinstance(found, schema.SchemaError):
        assert len(found.faults)
        assert found.faults["expected"].str.len().gt(0).all()
        assert all(str(column) in str(found) for column in found.faults["column"])
        return
    assert len(found) == len(frame)
    pd.testing.assert_frame_equal(schema.check(found, name), found)  # once for all
    levels = schema.columns(name, 2 if "bid_2" in found else 1)
    for column in levels:
        kept(found, column)
    by = [key for key in ("time", "seq") if key in found and key in frame]
    assert found[by].equals(found.sort_values(by, kind="stable")[by])


def kept(found: pd.DataFrame, column: schema.Column) -> None:
    """The column keeps its rule, as the table of columns says it in words."""
    values = found[column.name]
    there = values.dropna()
    assert column.missing or len(there) == len(values)
    if column.kind == "time":
        assert str(values.dtype) == "datetime64[ns, UTC]"
    if column.rule == "positive":
        assert ((there > 0) & np.isfinite(there)).all()
    if column.rule == "not negative":
        assert ((there >= 0) & np.isfinite(there)).all()
    if column.rule == "finite":
        assert np.isfinite(there).all()
    if column.kind == "sign":
        assert there.isin([1, -1]).all()
    if column.rule == "event":
        assert there.isin(schema.EVENTS).all()


def _suite(examples: int) -> Callable:
    return calmly(examples)(given(frames())(examine))


def test_centuries_apart_are_in_order():
    # the two are further apart than nanoseconds in 64 bits can say
    time = pd.to_datetime(["2155-05-01", "1863-01-01"], utc=True)
    frame = pd.DataFrame({"time": time, "account": "A", "symbol": "X", "position": [1.0, 2.0]})
    assert schema.check(frame, "positions")["position"].tolist() == [2.0, 1.0]


@pytest.mark.bad_input("random frames")
@pytest.mark.filterwarnings("ignore::pandas.errors.PerformanceWarning")
def test_refused_or_kept(examined):
    before = FRAMES
    _suite(200)()
    examined("frames against the schema", FRAMES - before)


@pytest.mark.slow
@pytest.mark.bad_input("random frames")
def test_refused_or_kept_many_times(examined):
    before = FRAMES
    _suite(2000)()
    assert FRAMES - before >= 2000
    examined("frames against the schema", FRAMES - before)
