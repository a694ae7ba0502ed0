"""Panels made of levels, for the Monte Carlo tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def panel_of() -> Callable[..., pd.DataFrame]:
    """The function (levels, a list of one array [bars + 1] a session) -> panel of inventory."""

    def panel_of(levels, *, account="A", symbol="X", known=True, seconds=60.0, gaps=()):
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

    return panel_of
