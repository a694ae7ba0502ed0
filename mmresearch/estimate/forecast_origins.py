"""Forecasts made origin by origin: what each origin knew, and nothing later."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmresearch.estimate.forecast_models import Design


class Forecasts(NamedTuple):
    """Of each origin: the forecast (level, and on the model's own scale), and what was replaced."""

    level: np.ndarray
    own: np.ndarray
    negative: int
    outside: int


def forecasts(
    model: Design, usable: np.ndarray, origins: np.ndarray, *, horizon: int, window: int | None
) -> Forecasts:
    """Forecasts at the rows `origins`, each from the rows whose outcome was known there.

    A row at place s teaches from the place s + horizon on. window: only the last so many of the
    rows that teach (rolling), or all of them (None, recursive). A forecast that is not above 0, or
    outside what the rows that teach have seen, is replaced by their mean (Bollerslev, Patton and
    Quaedvlieg 2016), in logs likewise.
    """
    rows = np.flatnonzero(usable)
    last = np.searchsorted(rows, origins - horizon, side="right")  # rows[:last] teach
    first = np.zeros_like(last) if window is None else np.maximum(last - window, 0)
    x, y = model.x[rows], model.y[rows]
    away, scale = _measured(x[: last[0]])
    x, at = (x - away) / scale, (model.x[origins] - away) / scale
    gram = _sums(x[:, :, None] * x[:, None, :])
    moment, square = _sums(x * y[:, None]), _sums((y**2)[:, None])
    left, right = gram[last] - gram[first], moment[last] - moment[first]
    # a column that has not changed yet has no slope: a billionth on the diagonal gives it 0
    left = left + 1e-9 * (last - first)[:, None, None] * np.eye(x.shape[1])
    slopes = np.linalg.solve(left, right[:, :, None])[:, :, 0]
    own = np.einsum("ij,ij->i", at, slopes)
    count = last - first
    mean = right[:, 0] / count  # the constant's moment is the sum of y
    low, high = _extremes(y, first, last)
    sums = (right, square[last, 0] - square[first, 0], count)
    return _sane(model, own, slopes, sums, mean, (low, high))


def _measured(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of the first rows that teach: numbers of like size, nothing of later."""
    away, scale = x.mean(axis=0), x.std(axis=0)
    away[0], scale[0] = 0.0, 1.0
    return away, np.where(scale > 0, scale, 1.0)


def _sums(values: np.ndarray) -> np.ndarray:
    """Running sums over rows that start with nothing."""
    return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])


def _extremes(y: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest outcome that taught each origin."""
    if not first.any():
        low, high = np.minimum.accumulate(y), np.maximum.accumulate(y)
        return low[last - 1], high[last - 1]
    spans = [y[a:b] for a, b in zip(first, last, strict=True)]
    return np.array([s.min() for s in spans]), np.array([s.max() for s in spans])


def _sane(
    model: Design,
    own: np.ndarray,
    slopes: np.ndarray,
    sums: tuple[np.ndarray, np.ndarray, np.ndarray],
    mean: np.ndarray,
    seen: tuple[np.ndarray, np.ndarray],
) -> Forecasts:
    """Levels without forecasts that cannot be; logs return by exp(f + s²/2)."""
    negative = np.zeros(len(own), bool) if model.logs else own <= 0
    outside = ~negative & ((own < seen[0]) | (own > seen[1]))
    own = np.where(negative | outside, mean, own)
    level = own
    if model.logs:
        right, square, count = sums
        left = square - np.einsum("ij,ij->i", right, slopes)
        level = np.exp(own + np.maximum(left, 0) / (count - slopes.shape[1]) / 2)
    return Forecasts(level, own, int(negative.sum()), int(outside.sum()))
