"""When a market is in another state: regimes of liquidity that switch inside sessions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.result import Result, Sample, refused
from mmresearch.estimate.switching_answers import (
    coefficients,
    doubt_of,
    numbers_table,
    quantities_of,
    transition_table,
    words,
)
from mmresearch.estimate.switching_fit import (
    Number,
    Switching,
    covariance,
    fit_regimes,
    number_test,
)
from mmresearch.estimate.switching_kernels import filtered, smoothed
from mmresearch.estimate.switching_rival import Rival, persisting
from mmresearch.estimate.switching_rows import SwitchingRows, cannot_tell, switching_rows

MOST = 3  # regimes that "auto" tries
SIZE = 0.05
FAR = 2.5  # deviations of an autocorrelation of nothing, beyond which it is flagged
_QUESTION = "Does {} switch between regimes, and in which is it?"
_EQUATION = (
    r"y_t \mid s_t = j \sim N(\mu_j, \sigma_j^2), \quad P(s_t = j \mid s_{t-1} = i) = p_{ij}"
)
MEANING = {
    "filtered": "known at the bar's end: given parameters, of this bar and those before it",
    "predicted": "known before the bar: of those before it alone",
    "smoothed": "known at the session's close: never a predictor",
}
RIVAL = "one_regime_that_persists_fits_as_well"


def liquidity_regimes(
    table: pd.DataFrame,
    column: str,
    *,
    regimes: int | str = 2,
    symbol: str | None = None,
    account: str | None = None,
    order: str = "mean",
    logs: str | bool = "auto",
    deseasonalise: bool = True,
    shape: Mapping[str, Any] | None = None,
    fit_until: object = None,
    starts: int = 10,
    draws: int = 39,
    level: float = 0.95,
    seed: int = 0,
) -> Result:
    """Markov switching of a column's mean and variance, sessions each by themselves.

    Parameters
    ----------
    table : DataFrame
        A row a bar: day, bar, time_of_day if known; as `mm.panel` makes it.
    column : str
        Spread, depth, a volatility, or another measure of liquidity.
    regimes : int or "auto"
        1 to 4, or as many as the test of the number finds, up to 3.
    symbol, account : str, optional
        Which; needed where the table has several and their values differ.
    order : str
        Regimes are numbered by rising "mean" or "variance": a fit's own numbers mean nothing.
    logs : "auto" or bool
        "auto": logarithms of a column that is always above 0.
    deseasonalise : bool
        Whether the shape over the time of day is taken out first (`mm.seasonal`); of a single day
        it is left in, which is flagged.
    shape : dict, optional
        How: given (harmonics), most, extra, short, zone.
    fit_until : date, optional
        The last day whose values tell parameters and the shape; later days are filtered with them.
        Only so are later days' probabilities free of what came after.
    starts : int
        Climbs of the likelihood, of which the best is taken.
    draws : int
        Simulated worlds of the test of the number of regimes; 0 for none.
    level : float
        Of the intervals.
    seed : int

    Returns
    -------
    Result
        `table`: mean, deviation of each regime and chances of staying (p_11, ...). `quantities`:
        duration_1, ... (expected, in bars, 1/(1 - p_jj)), share_1, ... (of time, in the long run),
        number_p (that one regime less would do, by simulation). `details`: "probabilities" (a row
        a bar: keys, value without shape, predicted_j, filtered_j, smoothed_j, regime by the
        filtered ones), "transition", "number" (log-likelihood, bic, test by number of regimes),
        "left" (first autocorrelation of what regimes leave, and beyond what it is flagged),
        "rival" (BIC of these regimes, and of one whose values persist, with its parameters),
        "meaning": which probabilities are known when.

    Notes
    -----
    Every session starts from the long-run shares: nothing crosses a night. Intervals are of the
    packed parameters (means, log deviations, logits) with the sandwich of bars' scores. The p of
    the number is by the likelihood ratio in simulated worlds of fewer regimes, whose law is not
    chi-squared, and both are climbed from as many starts. At 5 % more than one are found in 5.5 %
    of 400 worlds of one, in 4.8 % where a shape was taken out; of two regimes of 240 bars, two
    deviations apart, in all of 100, one deviation apart in half. More than two are found in 4.5 %
    of 200 worlds of two.

    A value that persists is not of this model, and makes more regimes than there are: one regime
    whose values persist by 0.3 is taken for more in 72 of 100 worlds, one whose shape over the day
    is left in always. Where BIC is no larger for one regime that persists, that is flagged: in all
    of 200 such worlds, in none of two regimes two deviations apart, in 41 % one deviation apart,
    which 600 bars hardly tell. What persists within regimes is flagged by the first autocorrelation
    of what they leave, beyond 2.5 deviations: in 1 to 3 % where nothing does.

    References
    ----------
    Hamilton (1989), A new approach to the economic analysis of nonstationary time series and the
    business cycle, Econometrica 57. Kim (1994), Dynamic linear models with Markov-switching,
    Journal of Econometrics 60. McLachlan (1987), On bootstrapping the likelihood ratio test
    statistic for the number of components in a normal mixture, Applied Statistics 36.
    """
    _refuse_options(regimes, order, starts, draws)
    rows = switching_rows(
        table,
        column,
        symbol=symbol,
        account=account,
        logs=logs,
        deseasonalise=deseasonalise,
        shape=dict(shape or {}),
        fit_until=fit_until,
    )
    known = rows.told & np.isfinite(rows.y)
    sample = Sample(int(known.sum()), rows.dropped, rows.days)
    question = (_QUESTION.format(column), _EQUATION)
    reason = cannot_tell(rows, column)
    if reason:
        names = ["duration_1", "number_p"]
        return refused(*question, unit="", sample=sample, reason=reason, names=names, level=level)
    y, begins = rows.y[rows.told], rows.begins[rows.told]
    how = {"draws": draws, "starts": starts, "seed": seed}
    fits, tests = _fits(y, begins, regimes, how)
    found = fits[max(fits) if regimes != "auto" else _number(tests)].ordered(order)
    spread = covariance(y, begins, found) if len(found.mean) > 1 else None
    probabilities, moved = _probabilities(rows, found, column)
    doubt = doubt_of(found, spread, tests, moved)
    rival = _beside(persisting(y, begins), found, int(np.isfinite(y).sum()))
    flags = _flags(rows, found, doubt, moved, rival)
    return Result(
        *question,
        unit=f"{'log ' if rows.log else ''}{column} without its shape, by bar",
        table=coefficients(found, spread, level),
        sample=sample,
        errors=words(found, spread),
        quantities=quantities_of(found, spread, tests, doubt, level),
        flags=flags,
        details={
            "probabilities": probabilities,
            "transition": transition_table(found),
            "number": numbers_table(fits, tests, int(np.isfinite(y).sum())),
            "rival": rival,
            "left": pd.DataFrame([{name: moved[name] for name in ("left", "flagged_beyond")}]),
            "meaning": pd.Series(MEANING, name="meaning", dtype="str").to_frame(),
        },
    )


def _refuse_options(regimes: int | str, order: str, starts: int, draws: int) -> None:
    faults = []
    if not (regimes == "auto" or (isinstance(regimes, int) and 1 <= regimes <= 4)):
        faults.append(f"regimes must be 'auto' or from 1 to 4, not {regimes!r}")
    if order not in ("mean", "variance"):
        faults.append(f"order must be 'mean' or 'variance', not {order!r}")
    if starts < 2:
        faults.append(f"starts must be 2 or more, not {starts!r}")
    if draws < 0 or 0 < draws < 19:
        faults.append(f"draws must be 0 or 19 and more, not {draws!r}")
    if regimes == "auto" and draws == 0:
        faults.append("regimes='auto' needs draws to tell how many")
    if faults:
        raise ValueError("; ".join(faults))


def _fits(
    y: np.ndarray, begins: np.ndarray, regimes: int | str, how: dict[str, int]
) -> tuple[dict[int, Switching], dict[int, Number]]:
    """Fits by number of regimes, and the test of each number against one more."""
    some = {"starts": how["starts"], "seed": how["seed"]}
    if regimes != "auto":
        fits = {
            k: fit_regimes(y, begins, k, **some) for k in range(max(regimes - 1, 1), regimes + 1)
        }
        if regimes == 1 or how["draws"] == 0:
            return fits, {}
        return fits, {regimes - 1: number_test(y, begins, fits[regimes - 1], **_quick(how))}
    fits, tests = {1: fit_regimes(y, begins, 1, **some)}, {}
    for k in range(1, MOST):
        fits[k + 1] = fit_regimes(y, begins, k + 1, **some)
        tests[k] = number_test(y, begins, fits[k], **_quick(how))
        if tests[k].p > SIZE:
            break
    return fits, tests


def _quick(how: dict[str, int]) -> dict[str, int]:
    """Few starts in simulated worlds, and the same for the data's ratio: 4 where more are asked."""
    return how | {"starts": min(how["starts"], 4)}


def _number(tests: dict[int, Number]) -> int:
    return 1 + sum(test.p <= SIZE for test in tests.values())


def _probabilities(
    rows: SwitchingRows, found: Switching, column: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The probabilities of every bar of the table, and visits and what is left by the model."""
    law = found.mean, found.sd, found.transition
    before, now, _ = filtered(rows.y, rows.begins, *law)
    after, moves = smoothed(before, now, rows.begins, found.transition)
    keys = ["account", "symbol", "day", "bar", "start", "end", "time_of_day"]
    shown = rows.table[[key for key in keys if key in rows.table.columns]].copy()
    shown[column] = rows.table[column]
    shown["without_shape"] = rows.y[rows.back]
    for name, values in (("predicted", before), ("filtered", now), ("smoothed", after)):
        for j in range(len(found.mean)):
            shown[f"{name}_{j + 1}"] = values[rows.back, j]
    shown["regime"] = now[rows.back].argmax(axis=1) + 1
    shown["fitted"] = rows.told[rows.back]
    left = _left(rows, before, found)
    beyond = FAR / math.sqrt(max(np.isfinite(rows.y).sum(), 1))
    entries = moves.sum(axis=0) - np.diag(moves) + after[rows.begins].sum(axis=0)
    bars = after[np.isfinite(rows.y)].sum(axis=0)
    return shown, {"entries": entries, "bars": bars, "left": left, "flagged_beyond": beyond}


def _left(rows: SwitchingRows, before: np.ndarray, found: Switching) -> float:
    """First autocorrelation, inside sessions, of the normal scores of each bar's own forecast."""
    share = np.zeros(len(rows.y))
    for j, (mean, sd) in enumerate(zip(found.mean, found.sd, strict=True)):
        share += before[:, j] * scipy.stats.norm.cdf((rows.y - mean) / sd)
    score = scipy.stats.norm.ppf(np.clip(share, 1e-6, 1 - 1e-6))
    pair = np.isfinite(score[1:]) & np.isfinite(score[:-1]) & ~rows.begins[1:]
    if pair.sum() < 10:
        return math.nan
    return float(np.corrcoef(score[1:][pair], score[:-1][pair])[0, 1])


def _beside(rival: Rival, found: Switching, n: int) -> pd.DataFrame:
    """The regimes and the one that persists, by BIC."""
    k = len(found.mean)
    lines = [
        {"of": f"{k} regimes" if k > 1 else "1 regime", "parameters": found.parameters},
        {"of": "one regime that persists", "parameters": rival.parameters},
    ]
    table = pd.DataFrame(lines).assign(log_likelihood=[found.likelihood, rival.likelihood])
    table["bic"] = math.log(n) * table["parameters"] - 2 * table["log_likelihood"]
    for name in ("mean", "sd", "rho"):
        table[name] = [math.nan, getattr(rival, name)]
    return table.set_index("of")


def _flags(
    rows: SwitchingRows, found: Switching, doubt: str, moved: dict[str, Any], rival: pd.DataFrame
) -> tuple[str, ...]:
    many, one = rival["bic"]
    raised = {
        "regimes_not_identified": bool(doubt),
        "one_regime": len(found.mean) == 1,
        "one_start_only": found.starts[0] == 1 and found.starts[1] > 1,
        "values_persist_within_regimes": abs(moved["left"]) > moved["flagged_beyond"],
        RIVAL: len(found.mean) > 1 and one <= many,
    }
    return (*rows.flags, *(name for name, on in raised.items() if on))
