"""Inventory that is left alone near its target and brought back when far from it."""

from __future__ import annotations

import numpy as np

BEFORE = 200  # bars that are not seen


def band_path(
    rng: np.random.Generator,
    bars: int,
    *,
    c: float = 5.0,
    b_in: float = 0.0,
    b_out: float = -0.2,
    jump: bool = False,
) -> np.ndarray:
    """Levels [bars + 1], noise of one: a random walk inside +-c unless b_in is given."""
    level, levels = 0.0, []
    for news in rng.standard_normal(BEFORE + bars + 1):
        edge = min(max(level, -c), c)
        if jump:
            level += (b_in if abs(level) <= c else b_out) * level + news
        else:
            level += b_in * edge + b_out * (level - edge) + news
        levels.append(level)
    return np.array(levels[BEFORE:])
