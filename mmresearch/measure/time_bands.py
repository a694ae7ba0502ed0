"""Bands of time: the edges that a user gives, and what the bands between them are called."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

_UNITS = {"day": 86_400, "h": 3_600, "min": 60, "s": 1}


def edges_in_seconds(given: Sequence[str | float] | str, *, name: str) -> np.ndarray:
    """Inner edges of bands in seconds, from texts such as "5s", "30min", "1D", or seconds."""
    listed = [given] if isinstance(given, str) else list(given)
    try:
        edges = [pd.Timedelta(b).total_seconds() if isinstance(b, str) else b for b in listed]
        edges = np.array(edges, dtype="float64")
    except (TypeError, ValueError):
        edges = np.empty(0)
    if not len(edges) or not np.isfinite(edges).all() or (np.diff(edges, prepend=0.0) <= 0).any():
        raise ValueError(
            f"{name} must be times above 0 that rise, such as ('10s', '5min') or seconds, not"
            f" {listed}"
        )
    return edges


def band_names(edges: Sequence[float]) -> list[str]:
    """What lies under, between and over the edges (seconds), in words."""
    said = [in_words(edge) for edge in edges]
    middle = [f"{low} to {high}" for low, high in itertools.pairwise(said)]
    return [f"under {said[0]}", *middle, f"{said[-1]} and over"]


def in_words(seconds: float) -> str:
    """A time in the largest unit of which it is a whole number, else in minutes or seconds."""
    for unit, size in _UNITS.items():
        if seconds >= size and seconds % size == 0:
            many = unit == "day" and seconds > size
            return f"{seconds / size:g} {unit}{'s' if many else ''}"
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
