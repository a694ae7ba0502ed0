"""Curves of survival and incidence with their bands, and hazards by age."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.incidence import Risks, at, influence, watched
from mmresearch.estimate.influence_errors import Pieces, covariance_of, share_bounds
from mmresearch.estimate.mean_curves import sup_t

if TYPE_CHECKING:
    from mmresearch.estimate.lifetime_answers import Asked

_POINTS = 24
_FEWEST = 30  # at risk, where a curve ends
_AGES = (0.0, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, np.inf)
_MEASURES = ("survival", "cancelled", "filled")


def curve_of(risks: Risks, pieces: Pieces, horizons: Sequence[float], asked: Asked) -> pd.DataFrame:
    """measure, seconds, estimate, low, high, joint_low, joint_high, at_risk.

    At the horizons and at times evenly spread in logarithms, until fewer than 30 are at risk.
    """
    grid = _grid(risks, horizons)
    tables = []
    scores = [[influence(risks, k, t) for t in grid] for k in (1, 2)]
    scores = {"survival": [-(a + b) for a, b in zip(*scores, strict=True)]} | dict(
        zip(_MEASURES[1:], scores, strict=True)
    )
    values = np.array([at(risks, t) for t in grid]).reshape(-1, 3)
    for place, measure in enumerate(_MEASURES):
        share = values[:, place]
        covariance, rule = covariance_of(pieces, scores[measure])
        spread = np.sqrt(np.clip(np.diag(covariance), 0, None))
        point = float(scipy.stats.t.ppf((1 + asked.level) / 2, rule.df)) if rule.df > 0 else np.nan
        # every other time will do: neighbours move together, and the draws take their cube
        some = covariance[::2, ::2]
        joint = sup_t(some, rule.df, asked.level, asked.seed) if rule.df > 0 else np.nan
        table = pd.DataFrame({"measure": measure, "seconds": grid, "estimate": share})
        table["low"], table["high"] = share_bounds(share, spread, point)
        table["joint_low"], table["joint_high"] = share_bounds(share, spread, joint)
        tables.append(table.assign(at_risk=[watched(risks, t) for t in grid]))
    return pd.concat(tables, ignore_index=True)


def hazards_of(risks: Risks) -> pd.DataFrame:
    """from_seconds, to_seconds, exposure (seconds watched), and by cause ends and their rate."""
    rows, seconds = [], risks.times[risks.place]
    for begin, end in itertools.pairwise(_AGES):
        spent = float(risks.weight @ np.clip(np.minimum(seconds, end) - begin, 0, None))
        inside = (seconds > begin if begin else seconds >= 0) & (seconds <= end)
        gone = [float(risks.weight @ (inside & (risks.cause == k))) for k in (1, 2)]
        if spent > 0:
            rows.append((begin, end, spent, *gone, *(n / spent for n in gone)))
    columns = ["from_seconds", "to_seconds", "exposure", "cancelled", "filled"]
    return pd.DataFrame(rows, columns=[*columns, "hazard_cancel", "hazard_fill"])


def _grid(risks: Risks, horizons: Sequence[float]) -> np.ndarray:
    held = risks.times[risks.at_risk >= min(_FEWEST, risks.at_risk[0])]
    positive = held[held > 0]
    if not len(positive):
        return np.array([])
    first = max(float(np.quantile(positive, 0.02)), 1e-6)
    spread = np.geomspace(first, max(float(positive[-1]), first), _POINTS)
    return np.unique(np.append(spread, [h for h in horizons if h <= positive[-1]]))
