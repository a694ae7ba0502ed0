"""A volatility forecast before it is made: its rows, its question, what is sealed, what refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.forecast_evaluation import Asked, origins_of
from mmresearch.estimate.forecast_models import MODELS, ready
from mmresearch.estimate.forecast_tests import FEWEST_FORECASTS
from mmresearch.estimate.har_rows import Rows, har_rows
from mmresearch.estimate.holdout import data_hash, first_sealed, model_hash

ROWS_A_TERM = 10  # that teach the first forecast, for each coefficient
_SCHEMES = ("recursive", "rolling")


class Study(NamedTuple):
    """Rows, the question, the place where the sealed part begins, and all that was asked for."""

    rows: Rows
    asked: Asked
    sealed: int
    spec: Mapping[str, Any]


def study_of(table: pd.DataFrame, spec: Mapping[str, Any]) -> Study:
    """The study of a table, from what was asked for."""
    _refuse(spec)
    there = spec["quarticity"] in table.columns and table[spec["quarticity"]].notna().any()
    quarticity = spec["quarticity"] if there else None
    models = tuple(spec["models"] or (MODELS if quarticity else ("har", "log_har")))
    if "harq" in models and quarticity is None:
        raise ValueError(f'model "harq" needs a column {spec["quarticity"]} with values')
    rows = har_rows(
        table,
        target=spec["target"],
        predictors=spec["predictors"],
        known=spec["known"],
        lags=spec["lags"],
        horizons=spec["horizons"],
        quarticity=quarticity if "harq" in models else None,
        seasonal=spec["seasonal"],
    )
    sealed = first_sealed(rows.frame["day"], spec["holdout"])
    usable = ready(rows, spec["horizons"][0], "harq" in models).to_numpy()[:sealed]
    asked = Asked(
        models=models,
        horizons=tuple(spec["horizons"]),
        rolling=spec["scheme"] == "rolling",
        window=spec["window"] or int(usable.sum()) // 2,
        level=spec["level"],
        size=spec["size"],
        draws=spec["draws"],
        seed=spec["seed"],
    )
    return Study(rows, asked, sealed, spec)


def hashes(study: Study) -> tuple[str, str]:
    """Of the data that is sealed, and of data and question."""
    kept = study.rows.frame.iloc[study.sealed :]
    data = data_hash(kept["known"], kept["rv"])
    return data, model_hash(dict(study.spec) | {"data": data})


def cannot_tell(table: pd.DataFrame, study: Study) -> str:
    """Why the sample has no answer, in words; empty if it has."""
    rows, asked = study.rows, study.asked
    for name in rows.predictors:
        if rows.frame[f"x_{name}"].isna().all():
            first, last = rows.frame["known"].min(), rows.frame["known"].max()
            apart = table.attrs.get("apart", {}).get(name)
            other = f", {name} {apart}" if apart else ""
            return (
                f"{name} is missing in all {len(rows.frame)} rows: no date in common with the "
                f"variance, which is known from {first:%Y-%m-%d} to {last:%Y-%m-%d}{other}"
            )
    terms = 2 + len(rows.lags) + len(rows.predictors)
    need = ROWS_A_TERM * terms
    if asked.window < need:
        teach = "a window" if study.spec["window"] else "half of the rows before the hold-out"
        return (
            f"{teach} is {asked.window} rows of {len(rows.frame)} (lags of {rows.lags[-1]} and "
            f"{max(asked.horizons)} ahead need rows that follow each other); {terms} coefficients "
            f"need {need}"
        )
    for horizon in asked.horizons:
        made = len(origins_of(rows, asked, horizon, 0, study.sealed - 1)[1])
        if made < FEWEST_FORECASTS:
            return f"{made} forecasts of {horizon} ahead; {FEWEST_FORECASTS} are needed"
    for name in rows.predictors:
        taught = rows.frame[f"x_{name}"].iloc[: study.sealed].dropna()
        if not np.ptp(taught.to_numpy()) > 1e-9 * taught.abs().max():
            return f"{name} does not change"
    return ""


def _refuse(spec: Mapping[str, Any]) -> None:
    faults = []
    unknown = [m for m in spec["models"] or () if m not in MODELS]
    if unknown:
        faults.append(f"models must be of {', '.join(MODELS)}, not {', '.join(unknown)}")
    if spec["scheme"] not in _SCHEMES:
        faults.append(f"scheme must be recursive or rolling, not {spec['scheme']!r}")
    whole = [*spec["horizons"], *(spec["lags"] or ()), spec["window"] or 1]
    if not spec["horizons"] or not all(isinstance(n, int) and n >= 1 for n in whole):
        faults.append("horizons, lags and window are whole rows, 1 or more")
    if spec["lags"] and sorted(set(spec["lags"])) != list(spec["lags"]):
        faults.append("lags go up, each once")
    if not 0 <= spec["holdout"] < 1:
        faults.append(f"holdout is a share of the days, 0 to 1, not {spec['holdout']}")
    if len(set(spec["predictors"])) < len(spec["predictors"]):
        faults.append("a predictor is named twice")
    if faults:
        raise ValueError("volatility_forecast: " + "; ".join(faults))
