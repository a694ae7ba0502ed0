"""What a volatility forecast says: quantities, flags, tables, the coefficients in the sample."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.forecast_evaluation import Evaluated, evaluate
from mmresearch.estimate.forecast_models import design, model_name, ready
from mmresearch.estimate.forecast_study import Study, hashes
from mmresearch.estimate.result import Quantity, Result, refused, unknown

_LARGE, _REMAINS = 0.05, 0.1  # a gain that is large, and the part of it that a lag should leave
_MANY_ZEROS = 0.05
QUESTION = "Do the predictors foretell volatility beyond what its own past foretells?"
EQUATION = (
    r"\overline{RV}_{t+1..t+h} = c + \sum_l \beta_l \overline{RV}_{t-l+1..t} + \gamma' z_t + e_t"
)
MEANING = {
    "r2_oos": "share of the squared error of the model without predictors that they take away; "
    "the interval is of these days, whatever news had come",
    "p_clark_west": "chance of as much, if they foretold nothing; one-sided",
    "qlike_gain": "mean QLIKE of the model without them less with them",
    "r2_past_mean": "of the model with them, against the mean of the past",
    "holdout_r2_oos": "r2_oos in the part of the sample that is kept out",
    "holdout_p_clark_west": "p_clark_west there",
    "holdout_qlike_gain": "qlike_gain there",
    "holdout_r2_past_mean": "r2_past_mean there",
}
_SEALED = "sealed; mm.open_holdout(result, table) opens it"
_NO_PREDICTORS = "there are no predictors"


def answer(study: Study) -> Result:
    """The result, the hold-out sealed."""
    told = evaluate(study.rows, study.asked, 0, study.sealed - 1)
    main = _in_sample(study)
    first, sealed = study.asked.horizons[0], _why_sealed(study)
    kept = "the hold-out is sealed" if study.sealed < len(study.rows.frame) else "no hold-out"
    scheme = "rolling" if study.asked.rolling else "recursive"
    used = ready(study.rows, first, "harq" in study.asked.models)[: study.sealed]
    days = int(study.rows.frame["day"][: study.sealed][used].nunique())
    return Result(
        QUESTION,
        EQUATION,
        unit="logs" if study.asked.models[0] == "log_har" else "bps²; predictors in theirs",
        table=main.table,
        sample=study.rows.sample(int(used.sum()), days),
        errors=f"coefficients in the sample: {main.errors}. Out of sample: {scheme} origin, first "
        f"taught by {study.asked.window} rows; r2_oos by a bootstrap-t of blocks, r2_past_mean by "
        f"cosines, both of these days, whatever news had come; the rest Newey-West; {kept}",
        fit=main.fit,
        quantities=quantities(told, study) | sealed_quantities(sealed, study.asked.level),
        flags=(*main.flags, *_flags(told, study)),
        details=_details(told, study),
    )


def refusal(study: Study, reason: str) -> Result:
    """The answer of a sample that has none."""
    usable = int(ready(study.rows, study.asked.horizons[0], "harq" in study.asked.models).sum())
    days = int(study.rows.frame["day"].nunique())
    return refused(
        QUESTION,
        EQUATION,
        unit="bps²",
        sample=study.rows.sample(usable, days),
        reason=reason,
        names=MEANING,
        level=study.asked.level,
        details={"meaning": _meaning()},
    )


def quantities(told: Evaluated, study: Study, before: str = "") -> dict[str, Quantity]:
    """Of the first model with all predictors at the first horizon."""
    asked, level = study.asked, study.asked.level
    base, horizon = asked.models[0], asked.horizons[0]
    name = model_name(base, study.rows.predictors)
    models = told.models[told.models["horizon"] == horizon].set_index("model")
    words = f"{name} against {base}, {horizon} ahead"
    past = models.loc[name, ["r2_past_mean", "r2_low", "r2_high"]].astype("float64")
    text = f"{name} against the past mean, {horizon} ahead"
    named = f"{before}r2_past_mean"
    found = {named: Quantity(named, *past, "", text, level=level)}
    if not study.rows.predictors:
        names = [before + n for n in ("r2_oos", "p_clark_west", "qlike_gain")]
        return {n: unknown(n, "", _NO_PREDICTORS, level) for n in names} | found
    table = told.comparisons
    mine = (table["horizon"] == horizon) & (table["base"] == base)
    line = table[mine].iloc[-1]
    told_p = float(line["cw_p"])
    three = {
        "r2_oos": (line["r2"], line["r2_low"], line["r2_high"]),
        "p_clark_west": (told_p, told_p, told_p),
        "qlike_gain": (line["qlike_gain"], line["qlike_low"], line["qlike_high"]),
    }
    made = {}
    for n, numbers in three.items():
        text = f"{words}, {line['forecasts']} forecasts"
        made[before + n] = Quantity(before + n, *map(float, numbers), "", text, level=level)
    return made | found


def sealed_quantities(why: str, level: float) -> dict[str, Quantity]:
    """The quantities of the hold-out while nothing is known of it."""
    return {n: unknown(n, "", why, level) for n in MEANING if n.startswith("holdout_")}


def _why_sealed(study: Study) -> str:
    return _SEALED if study.sealed < len(study.rows.frame) else "nothing was kept out"


def _in_sample(study: Study) -> Regression:
    """The first model with all predictors, on the rows before the hold-out."""
    rows, asked = study.rows, study.asked
    horizon = asked.horizons[0]
    model = design(rows, asked.models[0], horizon, rows.predictors)
    usable = ready(rows, horizon, "harq" in asked.models).to_numpy().copy()
    usable[max(study.sealed - horizon, 0) :] = False  # what they foretell is not in the hold-out
    y = pd.Series(model.y[usable])
    x = pd.DataFrame(model.x[usable], columns=model.terms)
    days = rows.frame["day"][usable].reset_index(drop=True)
    if rows.bars:
        return regress(y, x, days, overlap=horizon, level=asked.level)
    one = pd.Series(np.zeros(len(y)))
    found = regress(y, x, one, errors="hac", overlap=horizon, level=asked.level)
    lags = found.fit.cov_kwds["description"].split("), ")[1].split(" lags")[0]
    return found._replace(errors=f"Newey-West, {lags} lags", flags=())


def _flags(told: Evaluated, study: Study) -> tuple[str, ...]:
    """What to heed."""
    flags = []
    line = told.comparisons
    if len(line):
        large = (line["r2"] > _LARGE) & (line["cw_p"] < 0.05)
        gone = large & (line["r2_late"] < _REMAINS * line["r2"])
        flags += ["gain_vanishes_when_lagged"] if gone.any() else []
    share = told.replaced[["not_above_0", "outside_the_past"]].sum(axis=1)
    if (share > 0.05 * told.replaced["forecasts"]).any():
        flags.append("many_forecasts_replaced")
    if study.rows.dropped["variance 0"] > _MANY_ZEROS * len(study.rows.frame):
        flags.append("many_rows_without_variance")
    if study.rows.bars and not study.rows.shaped:
        flags.append("shape_of_the_day_left_in")
    if study.sealed == len(study.rows.frame):
        flags.append("no_holdout")
    return tuple(flags)


def _details(told: Evaluated, study: Study) -> dict[str, pd.DataFrame]:
    data, model = hashes(study)
    kept = study.rows.frame.iloc[study.sealed :]
    first = kept["day"].iloc[0] if len(kept) else pd.NaT
    seal = {"first_day": first, "rows": len(kept), "data": data, "model": model}
    asked = [(name, json.dumps(value)) for name, value in study.spec.items()]
    return {
        "comparisons": told.comparisons,
        "models": told.models,
        "forecasts": told.forecasts,
        "replaced": told.replaced,
        "sealed": pd.DataFrame([seal]),
        "asked": pd.DataFrame(asked, columns=["name", "value"]),
        "meaning": _meaning(),
    }


def _meaning() -> pd.DataFrame:
    return pd.Series(MEANING, name="meaning").rename_axis("term").to_frame()
