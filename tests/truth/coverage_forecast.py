"""`volatility_forecast`: a predictor of nothing believed, a true one found, the interval of R2.

The whole procedure runs each time: rows, first forecasts, the test, the sealed part opened. What R2
is on average with so many rows, estimation errors and all, is told by the replications themselves:
one less the ratio of mean losses.
"""

from __future__ import annotations

import inspect
import math

import numpy as np
import pandas as pd

from mmresearch.estimate.forecast_answer import MEANING, quantities
from mmresearch.estimate.forecast_evaluation import evaluate
from mmresearch.estimate.forecast_study import study_of
from mmresearch.estimate.loss_paths import band
from mmresearch.estimate.result import Quantity
from mmresearch.estimate.volatility_forecast import volatility_forecast
from tests.truth.coverage import Row, row
from tests.truth.har_days import har_days

LINE = "withdrawal"
SPEC = {
    name: p.default
    for name, p in inspect.signature(volatility_forecast).parameters.items()
    if name != "table"
} | {"known": {}}
CASES = (
    ({"days": 400}, {}),
    ({"days": 400}, {"scheme": "rolling"}),
    ({"days": 400}, {"models": ["log_har"]}),
    ({"days": 400}, {"horizons": [5]}),
    ({"days": 400, "gain": 0.06}, {}),
    ({"days": 400, "gain": 0.12}, {}),
)


def quick(table: pd.DataFrame, **asked: object) -> tuple[dict[str, Quantity], pd.DataFrame]:
    """The public quantities with the sealed part opened, and the models' losses before it.

    Without the coefficients in the sample and the ledger, which take most of the time.
    """
    study = study_of(table, SPEC | asked)
    first, last = study.sealed - 1, len(study.rows.frame) - 1
    before = evaluate(study.rows, study.asked, 0, first)
    after = evaluate(study.rows, study.asked, first, last)
    found = quantities(before, study) | quantities(after, study, "holdout_")
    return {name: q for name, q in found.items() if name in MEANING}, before.models


def share(values: list[float], estimator: str, case: str, gain: float) -> Row:
    """How often p is below 5 %."""
    p = np.array(values)
    told = np.isfinite(p)
    rejected = float((p[told] < 0.05).mean())
    error = math.sqrt(rejected * (1 - rejected) / max(told.sum(), 1))
    return Row(estimator, case, gain, 0.05, rejected, float((~told).mean()), len(p), error)


def intervals(replications: int, seed: int) -> list[Row]:
    rows = []
    for number, (world, options) in enumerate(CASES):
        rng, found = np.random.default_rng([seed, number, 8]), []
        asked = {"models": ["har"], "predictors": [LINE], "draws": 0} | options
        for _ in range(replications):
            table = har_days(rng, **world)
            found.append(quick(table, **asked))
        gain = world.get("gain", 0.0)
        said = ", ".join(f"{name} {value}" for name, value in {**world, **options}.items())
        what = "a predictor that adds" if gain else "a predictor of nothing"
        case = f"{what}: {said}"
        for name in ("p_clark_west", "holdout_p_clark_west"):
            values = [q[name].value for q, _ in found]
            rows.append(share(values, f"volatility_forecast(): {name}", case, gain))
        r2: list[Quantity] = [q["r2_oos"] for q, _ in found]
        rows.append(row("volatility_forecast(): r2_oos", case, on_average(found, asked), r2))
    return rows


def on_average(found: list[tuple], asked: dict[str, object]) -> float:
    """One less the ratio of the two models' mean losses over all replications."""
    base = asked["models"][0]
    table = pd.concat([models for _, models in found])
    loss = table.groupby("model")["mse"].mean()
    return float(1 - loss[f"{base} + {LINE}"] / loss[base])


def paths(replications: int, seed: int) -> list[Row]:
    """Of two forecasts that err alike and apart: how often the path leaves its band."""
    rows = []
    for number, (n, follow) in enumerate(((100, 0.0), (400, 0.0), (400, 0.5))):
        rng, left = np.random.default_rng([seed, number, 9]), []
        for _ in range(replications):
            error = rng.standard_normal((n + 50, 2))
            for t in range(1, len(error)):
                error[t] += follow * error[t - 1]
            gain = error[50:, 0] ** 2 - error[50:, 1] ** 2
            left.append(np.abs(np.cumsum(gain)).max() > band(gain, 1, 0.95))
        out = float(np.mean(left))
        case = f"{n} forecasts equally good, errors follow by {follow}"
        error = math.sqrt(out * (1 - out) / replications)
        rows.append(
            Row("plot_loss_difference(): band", case, 0.0, 0.95, 1 - out, 0.0, replications, error)
        )
    return rows


COVERAGE = {"volatility_forecast": intervals, "loss_path": paths}
