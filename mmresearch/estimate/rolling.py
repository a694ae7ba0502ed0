"""The half-life over a window of sessions that moves through the record."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.estimate.reversion import inventory_reversion


def rolling_reversion(
    panel: pd.DataFrame,
    *,
    window: int = 20,
    step: int = 5,
    intercept: str = "auto",
    draws: int = 199,
    seed: int = 0,
) -> pd.DataFrame:
    """The half-life over windows of `window` sessions, `step` sessions apart.

    Each window is estimated as by `inventory_reversion` (199 simulated paths). Neighbouring windows
    share sessions, so their answers move together and their intervals are not as many tests.

    Returns
    -------
    DataFrame
        first_day, last_day, rows, rho (median-unbiased), rho_low, rho_high, half_life, low, high,
        unit, identified, reason: a row a window.
    """
    faults = [
        f"{k} must be 1 or more, not {v}" for k, v in (("window", window), ("step", step)) if v < 1
    ]
    days = np.sort(panel["day"].unique()) if "day" in panel else []
    if not faults and len(days) < window:
        faults = [f"the panel holds {len(days)} sessions, fewer than a window of {window}"]
    if faults:
        raise ValueError("; ".join(faults))
    lines = []
    for first in range(0, len(days) - window + 1, step):
        held = panel[panel["day"].isin(days[first : first + window])]
        own = inventory_reversion(held, intercept=intercept, draws=draws, seed=seed)
        rho, life = own.quantities["rho"], own.quantities["half_life"]
        lines.append(
            {"first_day": days[first], "last_day": days[first + window - 1]}
            | {"rows": own.sample.used, "rho": rho.value, "rho_low": rho.low, "rho_high": rho.high}
            | {"half_life": life.value, "low": life.low, "high": life.high, "unit": life.unit}
            | {"identified": life.identified, "reason": life.reason}
        )
    return pd.DataFrame(lines)
