"""Level shifts in an autoregression: the search, and the same search in simulated paths."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mmresearch.estimate.autoregression import Design, restricted
from mmresearch.estimate.inversion import targets_under
from mmresearch.estimate.kernels import find_shifts, search_paths

PLACES = 250  # candidate dates; longer samples are searched on a grid and refined by single rows
FEWEST = 10  # bars of the shortest regime


class Shifts(NamedTuple):
    """What the search finds: rho with and without shifts, the gain in fit, where regimes begin.

    gain: n log(SSR without / SSR with). breaks: first rows of the later regimes.
    """

    rho: float
    plain: float
    gain: float
    breaks: np.ndarray


class Paths(NamedTuple):
    """What the search finds in paths, an array each over draws."""

    rho: np.ndarray
    plain: np.ndarray
    gain: np.ndarray
    shifts: np.ndarray


def search(design: Design, *, trim: float) -> Shifts:
    """Shifts of the intercept by least BIC, a date and a level counted for each shift."""
    rho, ssr, plain, ssr0, breaks = find_shifts(design.x, design.y, *_grid(design, trim))
    return Shifts(rho, plain, len(design.x) * float(np.log(ssr0 / ssr)), breaks)


def _grid(design: Design, trim: float) -> tuple[int, int, float]:
    """Step between candidate dates, rows of the shortest regime, price of a shift."""
    n = len(design.x)
    return max(1, n // PLACES), max(FEWEST, int(trim * n)), 2 * float(np.log(n))


def in_regimes(design: Design, breaks: np.ndarray) -> Design:
    """The design with a mean a regime."""
    bounds = np.concatenate([[0], breaks, [len(design.x)]]).astype(int)
    return design._replace(bounds=bounds, means=True)


def searcher(
    design: Design, regimes: Design, *, trim: float, draws: int, seed: int
) -> Callable[[float], Paths]:
    """The function rho -> the search in `draws` paths that revert at rho to `regimes`' targets.

    Errors are the residuals under that rho with random signs, one a bar, the same for every rho.
    """
    rng = np.random.default_rng(seed)
    signs = (2 * rng.integers(0, 2, (len(design.x), draws)) - 1).astype(np.int8)
    rows = np.arange(len(design.x))

    def searched(rho: float) -> Paths:
        target = targets_under(regimes, rho)
        error = restricted(regimes, rho)[1]
        opening = design.x[design.chains[:-1]]
        path = (rho, target, error, signs, rows, design.jump, design.chains, opening)
        return Paths(*search_paths(*path, *_grid(design, trim)).T)

    return searched
