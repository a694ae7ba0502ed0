"""What every regression over a panel refuses at the door: one message that names every fault."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

KEY = ["account", "symbol", "day", "bar"]


def refuse_panel(panel: pd.DataFrame, numbers: Sequence[str], others: Sequence[str] = ()) -> None:
    """Raise where columns lack, bars stand twice, or `numbers` hold text or infinite values."""
    if not isinstance(panel, pd.DataFrame):
        raise TypeError(
            f"a panel is a DataFrame as `mm.panel` makes it, not {type(panel).__name__}"
        )
    lacking = [c for c in [*KEY, *numbers, *others] if c not in panel.columns]
    if lacking:
        raise ValueError(f"the panel lacks the columns {', '.join(lacking)}")
    faults = []
    twice = int(panel.duplicated(KEY).sum())
    if twice:
        faults.append(
            f"{twice} bars stand twice: a row an account, symbol, day and bar is expected"
            " (are two frequencies in it?)"
        )
    for name in numbers:
        if not pd.api.types.is_numeric_dtype(panel[name]):
            faults.append(f"{name} is not a number but {panel[name].dtype}")
        elif np.isinf(panel[name].to_numpy(dtype="float64")).any():
            count = int(np.isinf(panel[name].to_numpy(dtype="float64")).sum())
            faults.append(f"{name} is infinite in {count} rows")
    if faults:
        raise ValueError("the panel cannot be used: " + "; ".join(faults))


def drop_by_reason(
    frame: pd.DataFrame, reasons: dict[str, pd.Series]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of no reason, and how many each reason took: a row counts for its first one."""
    left, dropped = pd.Series(True, index=frame.index), {}
    for reason, bad in reasons.items():
        dropped[reason] = int((left & bad).sum())
        left &= ~bad
    return frame[left], dropped
