"""The symbols of a study: a row each, what they are in, their tick, multiplier and calendar."""

from __future__ import annotations

import pandas as pd

SYMBOL_COLUMNS = ["symbol", "asset", "currency", "settlement", "tick", "multiplier", "calendar"]


def symbol_table(given: pd.DataFrame | None, traded: list[str], calendar: str) -> pd.DataFrame:
    """One row a symbol, what was not given filled in."""
    table = pd.DataFrame({"symbol": traded}) if given is None else given
    if not isinstance(table, pd.DataFrame) or "symbol" not in table.columns:
        raise ValueError("symbols must be a DataFrame with a column `symbol`, a row a symbol")
    numbers = ("tick", "multiplier")
    filled = table.reset_index(drop=True).reindex(columns=SYMBOL_COLUMNS)
    filled = filled.astype({c: "float64" if c in numbers else "str" for c in SYMBOL_COLUMNS})
    if filled["symbol"].isna().any() or filled["symbol"].duplicated().any():
        raise ValueError("symbols must hold each symbol once, and none that is missing")
    lacking = sorted(set(traded) - set(filled["symbol"]))
    if lacking:
        raise ValueError(f"symbols lacks {lacking[:5]}, which the tables hold")
    filled["asset"] = filled["asset"].fillna(filled["symbol"])
    filled["settlement"] = filled["settlement"].fillna(filled["currency"])
    filled["multiplier"] = filled["multiplier"].fillna(1.0)
    filled["calendar"] = filled["calendar"].fillna(calendar)
    if (filled["tick"] <= 0).any() or (filled["multiplier"] <= 0).any():
        raise ValueError("symbols: tick and multiplier must be above 0")
    return filled
