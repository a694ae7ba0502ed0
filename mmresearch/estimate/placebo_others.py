"""Another maker's inventory as a placebo: it shares the market's flow, not the account's effect."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.errors import regress
from mmresearch.estimate.pressure_rows import PressureRows, pressure_rows

_MOST = 5  # other makers, those whose inventory moves most
_FEWEST = 30  # rows that both makers have
_OWN = ["pressure", "total"]
COLUMNS = [
    "account",
    "rows",
    "correlation_of_changes",
    "correlation_of_surprises",
    "pressure",
    "total",
    "total_by_common_flow",
    "total_beside_own",
    "low_beside_own",
    "high_beside_own",
]


class Others(NamedTuple):
    """Rows of the placebo's table, and a line for each other maker (`COLUMNS`)."""

    table: pd.DataFrame
    makers: pd.DataFrame


def one_account(panel: pd.DataFrame, account: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The panel of the account, and of all others."""
    if "account" not in panel.columns or account not in set(panel["account"]):
        held = sorted(set(panel.get("account", pd.Series(dtype=str)).astype(str)))
        few = ", ".join(held[:5]) + (", .." if len(held) > 5 else "")
        raise ValueError(f"account {account!r} is not in the panel, which holds: {few}")
    own = panel["account"] == account
    return panel[own], panel[~own]


def other_makers(
    rows: PressureRows, others: pd.DataFrame, scale: dict[str, Any], choice: dict[str, Any]
) -> Others:
    """Returns beside the inventory that other makers held in the same bars.

    Alone: what the other's inventory seems to do, though it may only move with the account's.
    By common flow: what it would seem to do if the account's alone did anything. Beside own: the
    coefficient of the other's surprise where the account's are in the regression.
    scale: returns, per, value as in `pressure_rows`. choice: errors, draws, seed.
    """
    tables, lines = [], []
    for name in _largest(others):
        pair = _paired(rows, others[others["account"] == name], scale)
        if pair is None:
            continue
        alone = regress(pair["y"], pair[["const", *_OWN]], pair["day"], bars=pair["bar"], **choice)
        given = ["const", "own_pressure", "own_total", *_OWN]
        beside = regress(pair["y"], pair[given], pair["day"], bars=pair["bar"], **choice)
        for found, word in ((alone, name), (beside, f"{name} beside own")):
            table = found.table[found.table["term"].isin(_OWN)]
            tables.append(table.assign(term=table["term"] + f", other maker {word}"))
        lines.append(_line(name, pair, alone.table, beside.table))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return Others(table, pd.DataFrame(lines, columns=COLUMNS))


def _largest(others: pd.DataFrame) -> list[str]:
    moved = (others["inventory_end"] - others["inventory_start"]).abs()
    total = moved.groupby(others["account"], sort=True).sum()
    return total[total > 0].sort_values(ascending=False, kind="stable").index[:_MOST].tolist()


def _paired(rows: PressureRows, other: pd.DataFrame, scale: dict[str, Any]) -> pd.DataFrame | None:
    """Rows that both have: y, day, bar, parts of the account's and of the other's inventory."""
    try:
        theirs = pressure_rows(other, **scale).frame
    except ValueError:  # a maker with too little to be a placebo
        return None
    key = ["symbol", "day", "bar"]
    mine = rows.frame[[*key, "y", "lag", "change"]]
    both = mine.merge(theirs[[*key, "lag", "change"]], on=key, suffixes=("", "_other"))
    if len(both) < _FEWEST:
        return None
    codes = pd.factorize(both["symbol"])[0]
    own = _parts(both["lag"], both["change"], codes)
    their = _parts(both["lag_other"], both["change_other"], codes)
    if own is None or their is None:
        return None
    y = both["y"] - both["y"].groupby(codes).transform("mean")
    return pd.DataFrame(
        {"y": y, "day": both["day"], "bar": both["bar"], "const": 1.0}
        | {"own_pressure": own[0], "own_total": own[1]}
        | {"pressure": their[0], "total": their[1]}
        | {"own_change": both["change"], "other_change": both["change_other"]}
    )


def _parts(
    lag: pd.Series, change: pd.Series, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """The predictable part of the change and the surprise, less symbol means."""
    away, moved = (v - v.groupby(codes).transform("mean") for v in (lag, change))
    variation = float(away @ away)
    if not variation > 0 or not float(moved @ moved) > 0:
        return None
    expected = (away * float(away @ moved) / variation).to_numpy()
    surprise = moved.to_numpy() - expected
    return (expected, surprise) if expected.any() and surprise.any() else None


def _line(
    name: str, pair: pd.DataFrame, alone: pd.DataFrame, beside: pd.DataFrame
) -> tuple[object, ...]:
    found, given = alone.set_index("term"), beside.set_index("term")
    own = pair[["own_pressure", "own_total"]].to_numpy()
    effect = own @ np.linalg.lstsq(own, pair["y"].to_numpy(), rcond=None)[0]
    theirs = pair[_OWN].to_numpy()
    carried = np.linalg.lstsq(theirs, effect, rcond=None)[0][1]
    return (
        name,
        len(pair),
        pair["own_change"].corr(pair["other_change"]),
        pair["own_total"].corr(pair["total"]),
        found.loc["pressure", "estimate"],
        found.loc["total", "estimate"],
        carried,
        *given.loc["total", ["estimate", "low", "high"]],
    )
