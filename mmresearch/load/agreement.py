"""Frames of several files or chunks with the same columns in the same types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

_TEXT = pd.StringDtype(na_value=np.nan)


def agreed(frames: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The frames with the same columns in the same types; what one lacks is missing there."""
    names = list(dict.fromkeys(name for frame in frames for name in frame.columns))
    types = {name: _type([frame.get(name) for frame in frames]) for name in names}
    return [frame if _is(frame, types) else _as(frame, types) for frame in frames]


def _type(columns: Sequence[pd.Series | None]) -> object:
    """The type in which all can be written; texts where they have nothing else in common."""
    known = [c for c in columns if c is not None and not _blank(c)]
    if not known:
        there = [c.dtype for c in columns if c is not None]
        return _TEXT if pd.api.types.is_object_dtype(there[0]) else there[0]
    found = known[0].dtype
    if any(c.dtype != found for c in known):
        common = pd.concat([c.iloc[:0] for c in known]).dtype
        found = _TEXT if pd.api.types.is_object_dtype(common) else common
    if len(known) < len(columns) and isinstance(found, np.dtype) and found.kind in "iub":
        return pd.BooleanDtype() if found.kind == "b" else pd.Int64Dtype()
    return found


def _blank(column: pd.Series) -> bool:
    return bool(column.isna().all())


def _is(frame: pd.DataFrame, types: Mapping[str, object]) -> bool:
    return list(frame.columns) == list(types) and all(frame[c].dtype == t for c, t in types.items())


def _as(frame: pd.DataFrame, types: Mapping[str, object]) -> pd.DataFrame:
    """The frame in those types; what is missing throughout is so in any type."""
    typed = {}
    for name, dtype in types.items():
        if name in frame and not _blank(frame[name]):
            typed[name] = frame[name].astype(dtype)
        else:
            typed[name] = pd.Series(None, index=frame.index, dtype=dtype)
    return pd.DataFrame(typed, index=frame.index)
