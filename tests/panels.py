"""Panels of inventory made from levels, for tests and for the coverage table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def panel_of(
    levels: Sequence[np.ndarray],
    *,
    account: str = "A",
    symbol: str = "X",
    known: bool = True,
    seconds: float = 60.0,
    gaps: Sequence[int] = (),
) -> pd.DataFrame:
    """The panel of one account: `levels` holds one array [bars + 1] a session."""
    sizes = [len(level) - 1 for level in levels]
    session = np.repeat(np.arange(len(sizes)), sizes)
    bar = np.concatenate([np.arange(size) for size in sizes])
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(session, unit="D")
    start = day.tz_localize("UTC") + pd.to_timedelta(9 * 3600 + bar * seconds, unit="s")
    return pd.DataFrame(
        {"account": account, "symbol": symbol, "day": day, "bar": bar, "start": start}
        | {"end": start + pd.to_timedelta(seconds, unit="s")}
        | {"inventory_start": np.concatenate([level[:-1] for level in levels])}
        | {"inventory_end": np.concatenate([level[1:] for level in levels])}
        | {"gap": (bar == 0) & np.isin(session, gaps), "opening_known": known}
    )
