"""Intervals of `trade_quote_var` in Hasbrouck's inventory economy, whose truth is exact."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mmresearch.estimate.result import Quantity
from mmresearch.estimate.trade_quote_var import _lag_choice, _quantities, _stability
from mmresearch.estimate.var_draws import draw
from mmresearch.estimate.var_moments import narrowed, solve_var, window_moments
from mmresearch.estimate.var_rows import Question, blocks_of, most_lags, var_rows
from tests.truth.coverage import Row, row
from tests.truth.hasbrouck_tape import economy_tape, population_moments

NAMES = ("immediate", "permanent", "transient", "trade_share", "efficient_sd")
# days, trades a day, how unequal the days' news is
SAMPLES = ((50, 100, 0.0), (50, 100, 0.5), (12, 300, 0.0), (12, 300, 0.5), (6, 300, 0.0))
SAMPLES += ((1, 3000, 0.0), (1, 300, 0.0))
# choosing lags takes time
FEWER = {"auto": SAMPLES[::3] + SAMPLES[5:6], "BIC": SAMPLES[2:6:3]}


def intervals(
    trades: pd.DataFrame, *, lags: int | str, draws: int = 399
) -> tuple[dict[str, Quantity], int]:
    """What `trade_quote_var` says, without its tables beside; and how many lags it took."""
    rows = var_rows(trades, x=("signed_size",), units="currency", size=1.0, within="0s")
    if not isinstance(lags, int):
        steps = _lag_choice(rows, most_lags(rows, 20), 0)
        lags = int(steps["bic"].idxmin() if lags == "BIC" else steps.index[steps["chosen"]][0])
    keep = rows.usable(lags)
    moments = window_moments(rows.y, keep, blocks_of(keep, rows.day).edges, lags)
    found = draw(moments, 2, draws, 0)
    asked = Question(("signed_size",), "currency", lags, 30, 0.95)
    return _quantities(rows, asked, found, _stability(found)[0], ""), lags


def truths(lags: int | str) -> dict[str, float]:
    """Of the economy where lags are chosen; else of a VAR with so many in its population."""
    if not isinstance(lags, int):
        return dict(zip(NAMES, (2.0, 1.0, 1.0, 0.5, 2**0.5), strict=True))
    fit = solve_var(narrowed(population_moments(lags), 2, lags)[None], 2)
    first, last = float(fit.b0[0, 0]), float(fit.permanent(np.ones(1))[0])
    traded, quoted = (float(part[0]) for part in fit.parts())
    whole = traded + quoted
    return dict(zip(NAMES, (first, last, first - last, traded / whole, whole**0.5), strict=True))


def study(lags: int | str, replications: int, seed: int) -> list[Row]:
    rows, truth = [], truths(lags)
    for days, trades, uneven in FEWER.get(lags, SAMPLES):
        rng, found = np.random.default_rng([seed, days, trades]), []
        for _ in range(replications):
            made = economy_tape(rng, days=days, trades=trades, uneven=uneven)
            found.append(intervals(made, lags=lags)[0])
        case = f"{days} days of {trades} trades" if days > 1 else f"1 day of {trades} trades"
        case += ", each with news of its own size" if uneven else ""
        call = f"trade_quote_var(lags={lags!r})" if lags != "BIC" else "trade_quote_var, BIC's lags"
        rows += [row(call, f"{n}: {case}", truth[n], [q[n] for q in found]) for n in NAMES]
    return rows


def five(replications: int, seed: int) -> list[Row]:
    """A VAR(5) and what it gives in the population, 1.0535 for good."""
    return study(5, replications, seed)


def auto(replications: int, seed: int) -> list[Row]:
    """Lags chosen by bias and BIC; what the economy's trades tell."""
    return study("auto", replications, seed)


def bic(replications: int, seed: int) -> list[Row]:
    """Why lags are not chosen by BIC: the interval is about a number that is not the truth."""
    return [line._replace(nominal=math.nan) for line in study("BIC", replications, seed)]


COVERAGE = {"trade_quote_var": five, "trade_quote_var lags": auto, "trade_quote_var BIC": bic}
