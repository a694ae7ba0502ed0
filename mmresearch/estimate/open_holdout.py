"""Opens the part of the sample that a volatility forecast kept out, and writes it down."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd

from mmresearch.estimate.forecast_answer import MEANING, quantities, sealed_quantities
from mmresearch.estimate.forecast_evaluation import evaluate, origins_of
from mmresearch.estimate.forecast_study import Study, hashes, study_of
from mmresearch.estimate.forecast_tests import FEWEST_FORECASTS
from mmresearch.estimate.holdout import open_ledger
from mmresearch.estimate.result import Result


def open_holdout(
    result: Result, table: pd.DataFrame, *, folder: str | Path | None = None
) -> Result:
    """The same forecasts over the part that was kept out, and a note that it was opened.

    Parameters
    ----------
    result : Result
        Of `volatility_forecast`.
    table : DataFrame
        The one that the result was made of; another one is refused.
    folder : path, optional
        Of the study: `holdout_ledger.csv` in it counts the openings over sessions. Without one
        they are counted in this session only.

    Returns
    -------
    Result
        As before, with the quantities of the hold-out, `details` "holdout_comparisons",
        "holdout_models", "holdout_forecasts" and "ledger": when this data was opened, for which
        model. From the second opening of the data on the result is flagged with the number: what
        was chosen after a look is no longer tested by what was looked at.

    Notes
    -----
    Origins go on as in the sample before: each learns from all that was known then, the earlier
    part of the hold-out as well.
    """
    if "sealed" not in result.details:
        raise ValueError("the result has no hold-out: it is not one of mm.volatility_forecast")
    seal = result.details["sealed"].iloc[0]
    if not seal["rows"]:
        raise ValueError("holdout=0 kept nothing out")
    asked = result.details["asked"]
    study = study_of(table, dict(zip(asked["name"], asked["value"].map(json.loads), strict=True)))
    data, model = hashes(study)
    if data != seal["data"]:
        raise ValueError("the table is not the one that the result was made of: another hold-out")
    ledger = open_ledger(data, model, folder)
    return _opened(result, study, ledger)


def _opened(result: Result, study: Study, ledger: pd.DataFrame) -> Result:
    first, last = study.sealed - 1, len(study.rows.frame) - 1
    counted = min(
        len(origins_of(study.rows, study.asked, h, first, last)[1]) for h in study.asked.horizons
    )
    details = dict(result.details) | {"ledger": ledger}
    flags = [f for f in result.flags if not f.startswith("holdout_opened")]
    if len(ledger) > 1:
        flags.append(f"holdout_opened_{len(ledger)}_times")
    if counted < FEWEST_FORECASTS:
        why = f"{counted} forecasts in the hold-out; {FEWEST_FORECASTS} are needed"
        found = sealed_quantities(why, study.asked.level)
    else:
        told = evaluate(study.rows, study.asked, first, last)
        found = quantities(told, study, "holdout_")
        details |= {"holdout_comparisons": told.comparisons, "holdout_models": told.models}
        details["holdout_forecasts"] = told.forecasts
    found = {name: q for name, q in found.items() if name in MEANING}
    told = dict(result.quantities) | found
    return replace(result, quantities=told, flags=tuple(flags), details=details)
