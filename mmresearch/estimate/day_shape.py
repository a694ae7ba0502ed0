"""The shape of the day that earlier days tell, for a forecast to take out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.estimate.seasonal import seasonal

MOST_FIRST = 20  # days before the first shape is told, where there are many


def past_shape(frame: pd.DataFrame, column: str) -> np.ndarray | None:
    """Factor of mean 1 of each row by the days before its own, missing on the first ones.

    None where there is too little to tell a shape from. A fifth of the days tell the first shape,
    two at least and twenty at most.
    """
    days = frame["day"].nunique()
    if days < 3:
        return None
    first = int(np.clip(days // 5, 2, MOST_FIRST))
    found = seasonal(frame, column, kind="factor", past=True, first=first, short="scaled")
    if "adjusted" not in found.details:
        return None
    return found.details["adjusted"]["factor"].to_numpy("float64")
