"""The models of a volatility forecast: what each regresses on what."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.har_rows import Rows

MODELS = ("har", "harq", "log_har")


class Design(NamedTuple):
    """A model on rows: its own target, regressors, and the names of these.

    y: mean variance ahead, in logs where `logs`. x: constant, lags, then predictors.
    """

    name: str
    y: np.ndarray
    x: np.ndarray
    terms: list[str]
    logs: bool


def model_name(base: str, predictors: tuple[str, ...]) -> str:
    """As it is printed: "har", "har + depth", "har + depth + ofi"."""
    return " + ".join([base, *predictors])


def design(
    rows: Rows, base: str, horizon: int, predictors: tuple[str, ...] = (), late: bool = False
) -> Design:
    """One of `MODELS` with predictors as of the row, or of the row before (`late`)."""
    frame, logs = rows.frame, base == "log_har"
    turn = np.log if logs else np.asarray
    columns = {"const": np.ones(len(frame))}
    columns |= {f"lag_{n}": turn(frame[f"lag_{n}"].to_numpy()) for n in rows.lags}
    if base == "harq":
        first = rows.lags[0]
        columns[f"lag_{first} * sqrt(quarticity)"] = (
            frame[f"lag_{first}"] * frame["quarticity"] ** 0.5
        ).to_numpy()
    columns |= {n: frame[f"{'late' if late else 'x'}_{n}"].to_numpy() for n in predictors}
    y = turn(frame[f"ahead_{horizon}"].to_numpy())
    x = np.column_stack(list(columns.values()))
    return Design(model_name(base, predictors), y, x, list(columns), logs)


def ready(rows: Rows, horizon: int, harq: bool) -> pd.Series:
    """Which rows have all that any model needs, so that all models stand on the same ones.

    The mean ahead may be missing: such a row can be forecast from, not learnt from.
    """
    names = [f"lag_{n}" for n in rows.lags] + [f"x_{n}" for n in rows.predictors]
    names += [f"late_{n}" for n in rows.predictors] + (["quarticity"] if harq else [])
    return rows.frame[names].notna().all(axis=1) & rows.frame[f"ahead_{horizon}"].notna()
