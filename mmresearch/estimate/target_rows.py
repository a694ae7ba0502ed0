"""Tables of reversion to a shifting target: the regression, the regimes, the search without any."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.autoregression import Design, half_life_bars
from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.inversion import Inversion
from mmresearch.estimate.pairs import Pairs
from mmresearch.estimate.result import TIDY
from mmresearch.estimate.shifts import Paths, Shifts


class Found(NamedTuple):
    """All that is estimated: without shifts, with them, and what a search without shifts finds."""

    plain: Inversion
    shifting: Inversion
    shifts: Shifts
    null: Paths
    walk: Paths


def p_shift(found: Found) -> float:
    """Share of paths without a shift that gain as much; the larger of two nulls.

    Reversion to one target at the speed found without shifts, and a random walk.
    """
    return max(_share(paths.gain >= found.shifts.gain) for paths in (found.null, found.walk))


def _share(reached: np.ndarray) -> float:
    return float((1 + reached.sum()) / (1 + len(reached)))


def regime_regression(pairs: Pairs, regimes: Design, errors: str, seed: int) -> Regression:
    """Least squares of the closing level on the opening one and a constant a regime."""
    sizes = np.diff(regimes.bounds)
    number = np.repeat(np.arange(len(sizes)), sizes)
    table = pd.DataFrame({"rho": regimes.x})
    for k in range(len(sizes)):
        table[f"const_{k + 1}"] = (number == k).astype(float)
    rows = pairs.frame
    return regress(pd.Series(regimes.y), table, rows["day"], errors=errors, seed=seed)


def about_one(table: pd.DataFrame, found: Inversion) -> pd.DataFrame:
    """The regression's table, the row of rho about rho = 1 and with the inverted interval."""
    table = table.copy()
    at = table.index[table["term"] == "rho"][0]
    table.loc[at, "t"] = (found.rho - 1) / table.loc[at, "std_error"]
    table.loc[at, ["p", "low", "high"]] = [found.p_unit, found.low, found.high]
    return table[TIDY]


def targets_table(
    pairs: Pairs, regimes: Design, base: Regression, found: Inversion
) -> pd.DataFrame:
    """A row a regime: its first bar, its bars, its target const / (1 - rho), delta-method error.

    Targets are missing where a random walk is inside the interval of rho: it has none.
    """
    first = regimes.bounds[:-1]
    rho = base.fit.params["rho"]
    names = [f"const_{k + 1}" for k in range(len(first))]
    target = base.fit.params[names].to_numpy() / (1 - rho)
    cov = base.fit.cov_params()
    slope = np.column_stack([target / (1 - rho), np.full(len(first), 1 / (1 - rho))])
    error = [
        math.sqrt(max(g @ cov.loc[["rho", name], ["rho", name]].to_numpy() @ g, 0.0))
        for g, name in zip(slope, names, strict=True)
    ]
    if not found.high < 1:
        target, error = np.full(len(first), np.nan), np.full(len(first), np.nan)
    opens = pairs.frame.iloc[first]
    return pd.DataFrame(
        {
            "regime": np.arange(1, len(first) + 1),
            "day": opens["day"].to_numpy(),
            "start": opens["start"].to_numpy(),
            "bars": np.diff(regimes.bounds),
            "target": target,
            "std_error": error,
        }
    )


def no_shift_table(found: Found, length: float, unit: str) -> pd.DataFrame:
    """What the search finds: in the data, and in paths without a shift (medians)."""
    cells = [("data", found.shifts.plain, found.shifts.rho, found.shifts.gain)]
    shifts, shares = [float(len(found.shifts.breaks))], [(math.nan, math.nan, math.nan)]
    for name, paths in (("reverts to one target", found.null), ("random walk", found.walk)):
        cells.append((name, *(float(np.median(v)) for v in (paths.plain, paths.rho, paths.gain))))
        shifts.append(float(np.mean(paths.shifts)))
        shares.append(
            (
                float(np.mean(paths.shifts > 0)),
                _share(paths.gain >= found.shifts.gain),
                _share(paths.rho <= found.shifts.rho),
            )
        )
    table = pd.DataFrame(cells, columns=["paths", "rho_without", "rho", "gain"])
    for name in ("without", ""):
        rho = table["rho_without" if name else "rho"]
        table[f"half_life_{name}".strip("_")] = [half_life_bars(value) * length for value in rho]
    table["unit"], table["shifts"] = unit, shifts
    columns = ["any_shift", "p_gain", "p_rho"]
    return table.assign(**dict(zip(columns, np.array(shares).T, strict=True)))
