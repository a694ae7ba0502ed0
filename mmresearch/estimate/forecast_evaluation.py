"""All models' forecasts over one stretch of origins, their losses and the tests between them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.forecast_models import Design, design, model_name, ready
from mmresearch.estimate.forecast_origins import Forecasts, forecasts
from mmresearch.estimate.forecast_tests import (
    clark_west,
    confidence_set,
    diebold_mariano,
    giacomini_white,
    qlike,
    r2_against,
    r2_nested,
    squared,
)
from mmresearch.estimate.har_rows import Rows

MEAN = "past mean"
_COMPARED = ["horizon", "base", "predictors", "forecasts", "r2", "r2_low", "r2_high", "r2_late"]
_TESTS = ["cw_t", "cw_p", "dm_mse_t", "dm_mse_p", "dm_qlike_t", "dm_qlike_p", "gw_p"]
COMPARED = [*_COMPARED, "qlike_gain", "qlike_low", "qlike_high", *_TESTS]


class Asked(NamedTuple):
    """The question: models, horizons, scheme, first rows that teach, and how it is told."""

    models: tuple[str, ...]
    horizons: tuple[int, ...]
    rolling: bool
    window: int
    level: float
    size: float
    draws: int
    seed: int


class Evaluated(NamedTuple):
    """Tables of one stretch: a row a forecast, a comparison, a model; what was replaced."""

    forecasts: pd.DataFrame
    comparisons: pd.DataFrame
    models: pd.DataFrame
    replaced: pd.DataFrame


def evaluate(rows: Rows, asked: Asked, first: int, last: int) -> Evaluated:
    """Forecasts at origins from place `first` on whose outcome is known by place `last`."""
    parts = [_horizon(rows, asked, h, first, last) for h in asked.horizons]
    return Evaluated(*(pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True)))


def sets_of(predictors: tuple[str, ...]) -> list[tuple[str, ...]]:
    """What is added to a model: each predictor alone, and all."""
    alone = [(name,) for name in predictors] if len(predictors) > 1 else []
    return [*alone, predictors] if predictors else []


def origins_of(
    rows: Rows, asked: Asked, horizon: int, first: int, last: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows that can be used at all, and the places of the origins."""
    usable = ready(rows, horizon, "harq" in asked.models).to_numpy()
    places = np.flatnonzero(usable)
    taught = np.searchsorted(places, places - horizon, side="right")
    within = (places >= first) & (places + horizon <= last) & (taught >= asked.window)
    return usable, places[within]


def _horizon(
    rows: Rows, asked: Asked, horizon: int, first: int, last: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    usable, origins = origins_of(rows, asked, horizon, first, last)
    realized = rows.frame[f"ahead_{horizon}"].to_numpy()[origins]
    window = asked.window if asked.rolling else None

    def made(model: Design) -> Forecasts:
        return forecasts(model, usable, origins, horizon=horizon, window=window)

    ones = np.ones((len(rows.frame), 1))
    ahead = rows.frame[f"ahead_{horizon}"].to_numpy()
    found = {MEAN: made(Design(MEAN, ahead, ones, ["const"], logs=False))}
    lines = []
    for base in asked.models:
        found[base] = made(design(rows, base, horizon))
        for added in sets_of(rows.predictors):
            name = model_name(base, added)
            found[name] = made(design(rows, base, horizon, added))
            late = made(design(rows, base, horizon, added, late=True))
            line = _compared(realized, (found[base], found[name], late), horizon, asked, base)
            lines.append((horizon, base, ", ".join(added), len(origins), *line))
    told = rows.frame.iloc[origins][["day", "known", "shape"]].reset_index(drop=True)
    table = pd.concat(
        [
            told.assign(horizon=horizon, model=n, realized=realized, forecast=f.level)
            for n, f in found.items()
        ],
        ignore_index=True,
    )
    counts = [(horizon, n, len(origins), f.negative, f.outside) for n, f in found.items()]
    names = ["horizon", "model", "forecasts", "not_above_0", "outside_the_past"]
    return (
        table,
        pd.DataFrame(lines, columns=COMPARED),
        _models(realized, found, horizon, asked),
        pd.DataFrame(counts, columns=names),
    )


def _compared(
    realized: np.ndarray,
    three: tuple[Forecasts, Forecasts, Forecasts],
    horizon: int,
    asked: Asked,
    base: str,
) -> list[float]:
    """The columns of `COMPARED` after the number of forecasts: small model, large, large late."""
    small, large, _ = three
    losses = [squared(realized, f.level) for f in three]
    r2 = r2_nested(losses[0], losses[1], horizon, asked.level, asked.seed)
    r2_late = 1 - float(losses[2].sum() / losses[0].sum())
    gain = qlike(realized, small.level) - qlike(realized, large.level)
    by_qlike = diebold_mariano(gain, horizon)
    by_square = diebold_mariano(losses[0] - losses[1], horizon)
    reach = by_qlike.mean / by_qlike.statistic if by_qlike.statistic else math.nan
    reach = abs(reach) * scipy.stats.t.ppf((1 + asked.level) / 2, len(gain) - 1)
    own = np.log(realized) if base == "log_har" else realized
    nested = clark_west(own, small.own, large.own, horizon)
    foretold = math.nan
    if asked.rolling and len(gain) > 2 * horizon:
        foretold = giacomini_white(losses[0] - losses[1], horizon).p
    means = [by_qlike.mean, by_qlike.mean - reach, by_qlike.mean + reach]
    tests = [nested.statistic, nested.p, by_square.statistic, by_square.p]
    return [*r2, r2_late, *means, *tests, by_qlike.statistic, by_qlike.p, foretold]


def _models(
    realized: np.ndarray, found: dict[str, Forecasts], horizon: int, asked: Asked
) -> pd.DataFrame:
    """Losses of each model, R2 against the past mean, and the model confidence set by QLIKE."""
    square = {n: squared(realized, f.level) for n, f in found.items()}
    ratio = pd.DataFrame({n: qlike(realized, f.level) for n, f in found.items()})
    how = {"size": asked.size, "draws": asked.draws, "seed": asked.seed}
    table = confidence_set(ratio, horizon, **how).rename(columns={"loss": "qlike", "p": "mcs_p"})
    mse = table["model"].map({n: float(loss.mean()) for n, loss in square.items()})
    against = [r2_against(square[MEAN], square[n], horizon, asked.level) for n in table["model"]]
    table.insert(0, "horizon", horizon)
    table[["r2_past_mean", "r2_low", "r2_high"]] = against
    return table.assign(mse=mse)
