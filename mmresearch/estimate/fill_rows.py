"""What every regression over a trader's fills refuses at the door: one message, every fault."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

SERIES = ["account", "symbol"]
_KEY = [*SERIES, "day", "time", "seq"]


def refuse_fills(fills: pd.DataFrame, numbers: Sequence[str], positive: Sequence[str]) -> None:
    """Raise where columns lack, fills stand twice or numbers cannot be used.

    `numbers`: columns that must be finite where they are not missing, the side among them;
    `positive`: those of them that must be above 0.
    """
    if not isinstance(fills, pd.DataFrame):
        kind = type(fills).__name__
        raise TypeError(f"fills is a DataFrame as `mm.trader_fills` makes it, not {kind}")
    needed = [*_KEY, *numbers]
    lacking = [c for c in needed if c not in fills.columns]
    if lacking:
        raise ValueError(
            f"the fills lack the columns {', '.join(lacking)}; `mm.trader_fills` makes them"
        )
    faults = _not_numbers(fills, numbers)
    if not faults:
        wrong = int((~fills["side"].isin([1, -1])).sum())
        low = int((fills[list(positive)] <= 0).any(axis=1).sum())
        words = " or ".join({"fair": "fair price"}.get(name, name) for name in positive)
        faults += [f"side is neither +1 nor -1 in {wrong} rows"] if wrong else []
        faults += [f"{words} is not above 0 in {low} rows"] if low else []
    columns = [c for c in ("size", "trade_id") if c in fills.columns and c not in needed]
    twice = int(fills.duplicated([*needed, *columns]).sum())
    if twice:
        faults.append(f"{twice} fills stand twice: same series, time, seq, side, price and holding")
    if faults:
        raise ValueError("the fills cannot be used: " + "; ".join(faults))


def _not_numbers(fills: pd.DataFrame, numbers: Sequence[str]) -> list[str]:
    faults = []
    for name in numbers:
        values = pd.to_numeric(fills[name], errors="coerce").to_numpy("float64")
        text = int(np.count_nonzero(np.isnan(values) & fills[name].notna().to_numpy()))
        if text:
            faults.append(f"{name} is not a number in {text} rows")
        if np.isinf(values).any():
            faults.append(f"{name} is infinite in {int(np.isinf(values).sum())} rows")
    return faults
