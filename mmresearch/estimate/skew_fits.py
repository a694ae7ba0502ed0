"""Regressions of quotes on inventory: each with its regressors, or why it cannot be had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.result import TIDY
from mmresearch.estimate.sandwich import SOME_DAYS
from mmresearch.estimate.skew_rows import SkewRows

FEWEST_ROWS = 30
FEWEST_BARS = 100
_FEW_DAYS = (
    "{} session{}, where errors by session need {}: inside a session the levels of inventory and"
    " quotes go together by chance (see response)"
)


class Term(NamedTuple):
    """One regression: what is explained, by which columns; the first one's slope is the answer."""

    y: str
    x: list[str]
    needs: str = ""


def terms(lags: int, limit: bool) -> dict[str, Term]:
    """The regressions by the name of their answer.

    The lags are written as changes and the oldest level, so that the coefficients of the changes
    are the response after 0, 1, ... bars and that of the level is their sum.
    """
    found = {"skew": Term("lean", ["inventory"])}
    if limit:
        found["skew_at_limit"] = Term("lean", ["share"])
    found |= {
        "bid_skew": Term("bid", ["inventory"], "bid"),
        "ask_skew": Term("ask", ["inventory"], "ask"),
        "asymmetry": Term("spread", ["inventory"], "asymmetry"),
        "size_skew": Term("size", ["inventory"], "size"),
        "spread_on_inventory": Term("spread", ["held"], "spread"),
        "extremes": Term("lean", ["beyond", "inventory"], "extremes"),
        "response": Term(
            "lean", ["moved_0", "inventory_1", "moved_1", "lean_1", "lean_2"], "response"
        ),
    }
    if lags:
        changes = [f"moved_{lag}" for lag in range(lags)]
        found["long_run_skew"] = Term("lean", [f"inventory_{lags}", *changes], "long_run")
    return found


def fit_term(rows: SkewRows, name: str, term: Term, choice: dict[str, object]) -> Regression | str:
    """The regression without the means of series and the controls, or the reason why not."""
    if rows.reason or term.needs in rows.lacking:
        return rows.reason or rows.lacking[term.needs]
    columns = [term.y, *term.x]
    frame = rows.frame[rows.frame[columns].notna().all(axis=1)].reset_index(drop=True)
    reason = _cannot_tell(partialled(frame, columns, rows.controls), name, term, rows)
    if reason:
        return reason
    y, x = regressors(frame, columns, rows.controls)
    if name == "extremes" and choice["errors"] == "auto":
        # large inventories are met in few sessions: errors clustered by session are too small
        choice = choice | {"errors": "wild"}
    try:
        return regress(y, x, frame["day"], bars=frame["bar"], **choice)
    except ValueError as error:  # collinear: a lag that adds nothing, one session of "cluster"
        return str(error)


def regressors(
    frame: pd.DataFrame, columns: Sequence[str], controls: Sequence[str]
) -> tuple[pd.Series, pd.DataFrame]:
    """What is explained and its regressors less the means of series; controls and a constant.

    Controls are not partialled out, for the bootstrap has to estimate them in every draw as well:
    without that 12 sessions rejected 7 % of true nulls and not 6.
    """
    use = [*columns, *controls]
    inner = frame[use] - frame[use].groupby(frame["series"]).transform("mean")
    size = inner[list(controls)].std()
    kept = [c for c in controls if size[c] > 0]
    if kept:
        inner[kept] = inner[kept] / size[kept]
        left = np.abs(np.diag(np.linalg.qr(inner[kept].to_numpy(), mode="r")))
        kept = [c for c, length in zip(kept, left, strict=True) if length > 1e-8]
    x = inner[[*columns[1:], *kept]].assign(const=1.0)
    return inner[columns[0]], x


def partialled(
    frame: pd.DataFrame, columns: Sequence[str], controls: Sequence[str]
) -> pd.DataFrame:
    """`columns` less the means of series and what the controls explain (Frisch and Waugh 1933).

    What is left of a column that these explain whole is exactly 0. "day" and "bar" are kept.
    """
    values = frame[[*columns, *controls]].to_numpy("float64")
    group, _ = pd.factorize(frame["series"])
    many = np.bincount(group)[:, None] if len(group) else np.ones((0, 1))
    means = np.zeros((len(many), values.shape[1]))
    np.add.at(means, group, values)
    inner = values - (means / many)[group]
    inner, z = np.split(inner, [len(columns)], axis=1)
    if len(z) and z.shape[1]:
        size = np.sqrt((z**2).mean(axis=0))
        z = z / np.where(size > 0, size, 1.0)
        inner = inner - z @ np.linalg.lstsq(z, inner, rcond=1e-10)[0]
    scale = np.abs(values[:, : len(columns)]).max(axis=0, initial=0.0)
    inner[:, np.abs(inner).max(axis=0, initial=0.0) <= 1e-10 * scale] = 0.0
    return pd.DataFrame(inner, columns=list(columns)).assign(
        day=frame["day"].to_numpy(), bar=frame["bar"].to_numpy()
    )


def _cannot_tell(frame: pd.DataFrame, name: str, term: Term, rows: SkewRows) -> str:
    days, change = frame["day"].nunique(), rows.kind == "pool" or name == "response"
    fewest = FEWEST_BARS if name == "response" else FEWEST_ROWS
    if len(frame) < fewest:
        return f"{len(frame)} bars, where {fewest} are needed"
    if frame[term.y].abs().max() == 0:
        what = {"spread": "spread", "size": "lean of the sizes"}.get(term.y, "skew")
        return f"a constant {what}: the same at every inventory"
    flat = [c for c in term.x if frame[c].abs().max() == 0]
    if flat and name != "extremes" and rows.controls:
        return "inventory is the same at the same time of every session; controls=False may tell"
    if flat and name == "extremes":
        return "no inventory passes its top decile"
    if flat:
        return "inventory never changes"
    if days < SOME_DAYS and not change:
        return _FEW_DAYS.format(days, "" if days == 1 else "s", SOME_DAYS)
    many = len(term.x) + len(rows.controls)
    if days < many and not (change and days < SOME_DAYS):
        less = "; controls=False or fewer lags ask for less" if rows.controls else ""
        return f"{days} sessions, fewer than {many} parameters{less}"
    if name == "extremes":
        there = rows.frame.loc[rows.frame["beyond"] != 0, "day"].nunique()
        if there < SOME_DAYS:
            return f"the top decile of inventory is met in {there} sessions, {SOME_DAYS} are needed"
    return ""


def answer_row(found: Regression, name: str) -> pd.DataFrame:
    """The first coefficient, under the name of the answer."""
    return found.table.iloc[[0]].assign(term=name)[TIDY]
