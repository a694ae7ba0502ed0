"""`volatility_forecast`: a predictor of nothing believed, a true one found, the interval of R2.

The whole procedure runs each time: rows, first forecasts, the test, the sealed part opened. R2 has
two truths. Of the days foretold: one less the ratio of the losses that these forecasts, made on
these days, have on average over what the news may be; `har_days.ahead` tells it. Over all paths:
one less the ratio of mean losses of all replications; other days with other levels, coefficients
taught by other rows.
"""

from __future__ import annotations

import inspect
import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.forecast_answer import MEANING, quantities
from mmresearch.estimate.forecast_evaluation import MEAN, Evaluated, evaluate
from mmresearch.estimate.forecast_study import study_of
from mmresearch.estimate.loss_paths import band
from mmresearch.estimate.result import Quantity
from mmresearch.estimate.volatility_forecast import volatility_forecast
from tests.truth.coverage import Row, row
from tests.truth.har_days import ahead, har_days

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
    ({"days": 400, "noise": 0.6}, {}),
    ({"days": 400, "gain": 0.06}, {}),
    ({"days": 400, "gain": 0.12}, {}),
    ({"days": 400, "gain": 0.12}, {"scheme": "rolling"}),
    ({"days": 400, "gain": 0.12}, {"models": ["log_har"]}),
    ({"days": 400, "gain": 0.12}, {"horizons": [5]}),
    ({"days": 400, "gain": 0.12, "noise": 0.6}, {}),
    ({"days": 1000, "gain": 0.12}, {}),
)


class Found(NamedTuple):
    """Of one replication: the public quantities, and of each R2 the losses and expected losses.

    losses, expected: name of the quantity -> mean squared error (of the other model, of the one
    with the predictor), as it came, and as the news of these days would make it on average.
    """

    quantities: dict[str, Quantity]
    losses: dict[str, tuple[float, float]]
    expected: dict[str, tuple[float, float]]


def quick(table: pd.DataFrame, **asked: object) -> tuple[dict[str, Quantity], list[Evaluated]]:
    """The public quantities with the sealed part opened; both parts.

    Without the coefficients in the sample and the ledger, which take most of the time.
    """
    study = study_of(table, SPEC | asked)
    first, last = study.sealed - 1, len(study.rows.frame) - 1
    before = evaluate(study.rows, study.asked, 0, first)
    after = evaluate(study.rows, study.asked, first, last)
    found = quantities(before, study) | quantities(after, study, "holdout_")
    return {name: q for name, q in found.items() if name in MEANING}, [before, after]


def share(values: list[float], estimator: str, case: str, gain: float) -> Row:
    """How often p is below 5 %, which is its size where nothing is gained."""
    p = np.array(values)
    told = np.isfinite(p)
    rejected = float((p[told] < 0.05).mean())
    error = math.sqrt(rejected * (1 - rejected) / max(told.sum(), 1))
    size = math.nan if gain else 0.05
    return Row(estimator, case, gain, size, rejected, float((~told).mean()), len(p), error)


def intervals(replications: int, seed: int) -> list[Row]:
    rows = []
    for number, (world, options) in enumerate(CASES):
        rng = np.random.default_rng([seed, number, 8])
        asked = {"models": ["har"], "predictors": [LINE], "draws": 0} | options
        found = [replication(rng, world, asked) for _ in range(replications)]
        gain = world.get("gain", 0.0)
        said = ", ".join(f"{name} {value}" for name, value in {**world, **options}.items())
        what = "a predictor that adds" if gain else "a predictor of nothing"
        case = f"{what}: {said}"
        for name in ("p_clark_west", "holdout_p_clark_west"):
            values = [one.quantities[name].value for one in found]
            rows.append(share(values, f"volatility_forecast(): {name}", case, gain))
        for name in ("r2_oos", "holdout_r2_oos", "r2_past_mean", "holdout_r2_past_mean"):
            rows += two_truths(f"volatility_forecast(): {name}", case, name, found)
    return rows


def replication(rng: np.random.Generator, world: dict, asked: dict) -> Found:
    table = har_days(rng, **world)
    named, parts = quick(table, **asked)
    base = asked["models"][0]
    how = {name: value for name, value in world.items() if name != "days"}
    losses, expected = {}, {}
    for before, part in zip(("", "holdout_"), parts, strict=True):
        wide = part.forecasts.pivot_table("forecast", index="day", columns="model")
        places = np.searchsorted(table["day"], wide.index)
        mean, square = ahead(table, places, part.models["horizon"].iloc[0], rng, **how)
        hoped = (wide**2 - wide.mul(2 * mean, axis=0)).mean() + square.mean()
        came = part.models.set_index("model")["mse"]
        for name, other in (("r2_oos", base), ("r2_past_mean", MEAN)):
            pair = [other, f"{base} + {LINE}"]
            losses[before + name] = tuple(came[pair])
            expected[before + name] = tuple(hoped[pair])
    return Found(named, losses, expected)


def two_truths(estimator: str, case: str, name: str, found: list[Found]) -> list[Row]:
    """Is R2 held as news of the same days make it on average (stated), and as all paths?"""
    given = [one.quantities[name] for one in found]
    other, model = np.mean([one.losses[name] for one in found], axis=0)
    own = np.array([1 - one.expected[name][1] / one.expected[name][0] for one in found])
    held = float(np.mean([q.low <= truth <= q.high for q, truth in zip(given, own, strict=True)]))
    error = math.sqrt(held * (1 - held) / len(found))
    level, of_days = given[0].level, f"{case}; news of the same days drawn anew"
    return [
        Row(estimator, of_days, float(own.mean()), level, held, 0.0, len(found), error),
        row(estimator, f"{case}; mean over all paths", float(1 - model / other), given)._replace(
            nominal=math.nan
        ),
    ]


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
