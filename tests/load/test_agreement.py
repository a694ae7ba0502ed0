"""Frames whose columns differ become ones that can be put together, nothing lost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmresearch.load.agreement import agreed


def together(*columns) -> pd.Series:
    frames = [
        pd.DataFrame({"x": column} if column is not None else {"y": [1]}) for column in columns
    ]
    return pd.concat(agreed(frames), ignore_index=True)["x"]


@pytest.mark.parametrize(
    ("columns", "values", "dtype"),
    [
        (([1], [2]), [1, 2], "int64"),
        (([1], [2.5]), [1, 2.5], "float64"),
        (([1], ["a"]), ["1", "a"], "str"),
        (([True], ["a"]), ["True", "a"], "str"),
        (([2**53 + 1], [None]), [2**53 + 1, pd.NA], "Int64"),
        (([2**53 + 1], None), [2**53 + 1, pd.NA], "Int64"),
        (([True], None), [True, pd.NA], "boolean"),
        (([None], ["a"]), [np.nan, "a"], "str"),
        (([None], [None]), [np.nan, np.nan], "str"),
        (([np.nan], [True]), [pd.NA, True], "boolean"),
        (([pd.Timestamp("2024-01-01", tz="UTC")], [None]), None, "datetime64[us, UTC]"),
    ],
)
def test_types(columns, values, dtype):
    found = together(*columns)
    assert found.dtype == dtype
    if values is not None:
        expected = pd.Series(values, dtype=found.dtype, name="x")
        pd.testing.assert_series_equal(found, expected)


def test_columns_come_in_the_order_in_which_they_are_met():
    first, second = agreed([pd.DataFrame({"b": [1], "a": [2]}), pd.DataFrame({"c": [3], "a": [4]})])
    assert list(first) == list(second) == ["b", "a", "c"]


def test_frames_that_agree_are_left_alone():
    frames = [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})]
    assert all(one is other for one, other in zip(agreed(frames), frames, strict=True))
