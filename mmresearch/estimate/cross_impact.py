"""Whether the flow of other symbols adds to a symbol's own, in days that were not fitted."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from pandas.api.typing import DataFrameGroupBy

from mmresearch.estimate.cross_rows import Days, Sums, cross_days, ridge, squared_errors
from mmresearch.estimate.ofi_rows import flow_table, no_book
from mmresearch.estimate.result import TIDY, Quantity, Result, Sample, refused
from mmresearch.market import Market

PENALTIES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # of flows with a variance of 1
FEWEST_TESTED = 6
MANY_TESTED = 40
TIMES = ("contemporaneous", "lagged")
_QUESTION = "Does the flow of other symbols tell more of a price than the symbol's own flow?"
_EQUATION = (
    r"r_{i,t} = a_i + b_i f_{i,t-h} + \sum_{j \ne i} b_{ij} f_{j,t-h} + e_{i,t}, \qquad "
    r"\mathrm{gain} = R^2_{\mathrm{cross}} - R^2_{\mathrm{own}} \text{ on days not fitted}"
)


class Fold(NamedTuple):
    """One symbol, timing and day: sums of squares in the days fitted, and on the day tested.

    About the mean of the days fitted, over the variance of the returns there.
    """

    day: object
    symbol: str
    timing: str
    penalty: float
    total_in: float
    own_in: float
    cross_in: float
    total: float
    own: float
    cross: float


def cross_impact(
    table: pd.DataFrame | Market,
    *,
    flow: str = "auto",
    train: int = 5,
    lags: int = 1,
    penalty: float | str = "auto",
    freq: str = "1min",
    level: float = 0.95,
) -> Result:
    """R2 of returns by own flow, and by own and others' flow, on days that were not fitted.

    Each day is tested with coefficients of the `train` days before it. Own flow and the constant
    are by least squares; the others' coefficients are drawn to 0 by a ridge.

    Parameters
    ----------
    table : Market or DataFrame
        Several symbols' bars as `mm.order_flow_imbalance` (or `mm.integrated_imbalance`) makes
        them; or a market, whose bars are of length `freq`.
    flow : str
        The column that is the flow; "auto": ofi_integrated where there is one, else ofi.
    train : int
        Days that are fitted before each day tested.
    lags : int
        Bars before the return, whose flows are the lagged ones.
    penalty : float or "auto"
        Of the others' squared coefficients, flows with a variance of 1: |e|^2/(2n) + penalty
        |b|^2/2. "auto": what is best for the days fitted, each left out in turn; the others may be
        left out altogether.
    level : float
        Of the intervals.

    Returns
    -------
    Result
        `table`: the gain in R2 from other symbols' flow, contemporaneous (flow of the return's own
        bar: no forecast) and lagged (flows of the bars before: a forecast), over all symbols and
        tested days, with errors clustered by day. `quantities`: contemporaneous_gain, lagged_gain,
        own_r2, lagged_own_r2 (out of sample). `details`: "models" (R2 in and out of sample, own and
        cross), "symbols" (the same by symbol), "days" (by day), "coefficients" (mean over tested
        days: basis points of symbol `to` a standard deviation of flow of `from`).

    Notes
    -----
    R2 out of sample is 1 - sum of squared errors / sum of squares about the mean of the days
    fitted, and may be negative. Where others' flow tells nothing, the gain is at or a little below
    0, for its coefficients are estimated; so a gain above 0 is not found by chance more often than
    the level says. It says what would have been told with the data of then, not what is true of the
    population, for which it is too low. Returns are divided by their standard deviation in the days
    fitted, so that every symbol counts alike.

    References
    ----------
    Cont, Cucuringu and Zhang (2023), Cross-impact of order flow imbalance in equity markets,
    Quantitative Finance 23.
    """
    if train < 2 or lags < 1:
        raise ValueError(f"train={train}, lags={lags}: two days or more, one lag or more")
    if penalty != "auto" and not (isinstance(penalty, int | float) and 0 <= penalty < math.inf):
        raise ValueError(f"penalty must be 'auto' or a number from 0 up, not {penalty!r}")
    if no_book(table):
        return _refused(Sample(0, {}, 0), no_book(table))
    if flow == "auto":
        integrated = isinstance(table, pd.DataFrame) and "ofi_integrated" in table
        flow = "ofi_integrated" if integrated else "ofi"
    bars = flow_table(table, None, ["return_bps", flow], freq=freq)
    days, sample = cross_days(bars, flow, lags)
    reason = _cannot_tell(days, train)
    if reason:
        return _refused(sample, reason)
    folds, coefficients = _folds(days, train, lags, penalty)
    return _answer(folds, coefficients, sample, train, level)


def _cannot_tell(days: Days, train: int) -> str:
    if len(days.symbols) < 2:
        return f"{len(days.symbols)} symbol: cross-impact needs two or more"
    tested = len(days.days) - train
    if tested < FEWEST_TESTED:
        return (
            f"{len(days.days)} days that all symbols have, of which {max(tested, 0)} can be tested "
            f"after {train} to fit; {FEWEST_TESTED} are needed"
        )
    flows = np.arange(len(days.symbols) + 1)
    for first in range(tested):
        sums = days.summed(np.arange(first, first + train), flows)
        spread = np.diag(sums.gram) - sums.gram[0] ** 2 / sums.bars
        for place, name in enumerate(days.symbols):
            if spread[1 + place] <= 1e-12 * sums.gram[1 + place, 1 + place]:
                return f"the flow of {name} has no variance in {train} days"
            if sums.square[place] <= 0:
                return f"the price of {name} never changes in {train} days"
    return ""


def _folds(
    days: Days, train: int, lags: int, penalty: float | str
) -> tuple[list[Fold], pd.DataFrame]:
    """Every symbol, timing and day tested, and the coefficients."""
    many = len(days.symbols)
    timings = {"contemporaneous": np.arange(0, many + 1)}
    timings["lagged"] = np.append(0, np.arange(many + 1, (1 + lags) * many + 1))
    folds, coefficients = [], {name: np.zeros((many, many)) for name in timings}
    tested = range(train, len(days.days))
    for test in tested:
        past = np.arange(test - train, test)
        splits = [past, [test], *([d] for d in past), *(past[past != d] for d in past)]
        for timing, use in timings.items():
            sums = [days.summed(which, use) for which in splits]
            for place in range(many):
                own = (use == 0) | ((use - 1) % many == place)
                fold, told = _fold([_of(s, place) for s in sums], own, penalty)
                folds.append(Fold(days.days[test], days.symbols[place], timing, *fold))
                coefficients[timing][:, place] += told.reshape(-1, many).sum(axis=0) / len(tested)
    made = [
        (timing, start, end, values[i, j])
        for timing, values in coefficients.items()
        for i, start in enumerate(days.symbols)
        for j, end in enumerate(days.symbols)
    ]
    return folds, pd.DataFrame(made, columns=["timing", "from", "to", "bps_per_sd"])


def _of(sums: Sums, place: int) -> Sums:
    """The sums of one symbol's returns."""
    return Sums(sums.bars, sums.gram, sums.moment[:, place], sums.square[place])


def _fold(
    sums: list[Sums], own: np.ndarray, penalty: float | str
) -> tuple[tuple[float, ...], np.ndarray]:
    """What `Fold` says, and the coefficients a standard deviation of flow."""
    past, test, *rest = sums
    spread = _spread(past)
    chosen = penalty if penalty != "auto" else _chosen(rest, own, spread)
    mean = past.moment[0] / past.bars
    variance = past.square / past.bars - mean**2
    fits = [_fit(past, own, spread, p) for p in (math.inf, chosen)]
    found = [chosen]
    for here in (past, test):
        total = here.square - 2 * mean * here.moment[0] + here.bars * mean**2
        found += [total / variance, *(squared_errors(here, b) / variance for b in fits)]
    return tuple(found), fits[1][1:] * spread[1:]


def _spread(sums: Sums) -> np.ndarray:
    """Standard deviation of each column; of the constant 1."""
    square = np.diag(sums.gram) / sums.bars - (sums.gram[0] / sums.bars) ** 2
    spread = np.sqrt(np.maximum(square, 0))
    spread[0] = 1.0
    return spread


def _fit(sums: Sums, own: np.ndarray, spread: np.ndarray, penalty: float) -> np.ndarray:
    """Own columns by least squares, the others by a ridge; with an infinite one they are 0."""
    if not math.isinf(penalty):
        return ridge(sums, np.where(own, 0.0, penalty * spread**2))
    b = np.zeros(len(own))
    alone = Sums(sums.bars, sums.gram[np.ix_(own, own)], sums.moment[own], sums.square)
    b[own] = ridge(alone, np.zeros(int(own.sum())))
    return b


def _chosen(sums: list[Sums], own: np.ndarray, spread: np.ndarray) -> float:
    """The penalty that is best for single days, fitted by the others: first those, then these."""
    half = len(sums) // 2
    pairs = list(zip(sums[half:], sums[:half], strict=True))
    errors = {
        p: sum(squared_errors(one, _fit(others, own, spread, p)) for others, one in pairs)
        for p in (math.inf, *PENALTIES[::-1])
    }
    return min(errors, key=errors.get)


def _answer(
    folds: list[Fold], coefficients: pd.DataFrame, sample: Sample, train: int, level: float
) -> Result:
    table = pd.DataFrame(folds)
    days = table.groupby(["timing", "day"]).sum(numeric_only=True)
    tested = table["day"].nunique()
    words = f"clustered by day ({tested} days tested), t with {tested - 1} degrees of freedom"
    rows, quantities = [], {}
    for timing in TIMES:
        some = days.loc[timing]
        gain = _ratio(some["own"] - some["cross"], some["total"], level)
        rows.append((timing, *gain))
        name = f"{timing}_gain"
        quantities[name] = Quantity(name, gain[0], *gain[4:], "of R2", words, level=level)
        own = _ratio(some["total"] - some["own"], some["total"], level)
        name = "own_r2" if timing == TIMES[0] else "lagged_own_r2"
        quantities[name] = Quantity(name, own[0], *own[4:], "", words, level=level)
    by_day = days.assign(gain=(days["own"] - days["cross"]) / days["total"])
    return Result(
        _QUESTION,
        _EQUATION,
        unit="of R2, on days not fitted",
        table=pd.DataFrame(rows, columns=TIDY),
        sample=sample,
        errors=f"{words}; each day by the {train} before it",
        quantities=quantities,
        flags=("few_days",) if tested < MANY_TESTED else (),
        details={
            "models": _models(table.groupby("timing")),
            "symbols": _models(table.groupby(["symbol", "timing"])),
            "days": by_day.reset_index()[["timing", "day", "gain"]],
            "coefficients": coefficients,
        },
    )


def _ratio(part: pd.Series, whole: pd.Series, level: float) -> tuple[float, ...]:
    """Sum over sum, its error by days (of the linear form), t, p and interval."""
    many = len(part)
    value = part.sum() / whole.sum()
    left = part - value * whole
    error = math.sqrt(many / (many - 1) * (left**2).sum()) / whole.sum()
    reach = scipy.stats.t.ppf((1 + level) / 2, many - 1) * error
    t = value / error if error > 0 else math.nan
    p = float(2 * scipy.stats.t.sf(abs(t), many - 1)) if error > 0 else math.nan
    return float(value), error, t, p, float(value - reach), float(value + reach)


def _models(groups: DataFrameGroupBy) -> pd.DataFrame:
    """R2 in and out of sample by own flow and with the others', and how often these came in."""
    sums = groups.sum(numeric_only=True)
    out = pd.DataFrame(
        {
            f"{model}_r2_{where}": 1 - sums[f"{model}{end}"] / sums[f"total{end}"]
            for where, end in (("in", "_in"), ("out", ""))
            for model in ("own", "cross")
        }
    )
    out["gain_in"] = out["cross_r2_in"] - out["own_r2_in"]
    out["gain_out"] = out["cross_r2_out"] - out["own_r2_out"]
    out["others_used"] = groups["penalty"].agg(lambda p: float(np.isfinite(p).mean()))
    return out.reset_index()


def _refused(sample: Sample, reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit="of R2, on days not fitted",
        sample=sample,
        reason=reason,
        names=("contemporaneous_gain", "own_r2", "lagged_gain", "lagged_own_r2"),
    )
