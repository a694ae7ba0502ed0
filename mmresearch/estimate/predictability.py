"""Does what the maker holds foretell returns? Slopes of windows that overlap, honestly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.autoregression import kendall_rho
from mmresearch.estimate.projection_fits import (
    Blocks,
    Projection,
    blocks_of,
    hodrick_influence,
    project,
)
from mmresearch.estimate.projection_rows import (
    Rows,
    Windows,
    alike,
    longest_chain,
    moments_apart,
    panel_rows,
    windows,
)
from mmresearch.estimate.result import TIDY, Quantity, Result, refused
from mmresearch.estimate.sandwich import MANY_DAYS, newey_west_lags, within_day_hac

ERRORS = ("auto", "hodrick", "cluster", "hac")
FEWEST_ROWS = 30
_QUESTION = "Does it foretell returns?"
_EQUATION = r"r_{t+1} + \dots + r_{t+h} = a_h + b_h x_t + c_h' z_t + u_{t,h}"


class Slopes(NamedTuple):
    """Slopes at every horizon, their spread by the chosen errors, degrees of freedom, words."""

    fit: Projection
    spread: np.ndarray
    df: float
    words: str


def return_predictability(
    panel: pd.DataFrame,
    *,
    predictor: str = "inventory_end",
    horizons: Sequence[int] = (1, 5, 20),
    controls: Sequence[str] = (),
    errors: str = "auto",
    level: float = 0.95,
) -> Result:
    """Slope of the return over the next h bars on what is known at a bar's end, bps.

    Parameters
    ----------
    panel : DataFrame
        Of `mm.panel`. No window leaves its session (where a bar is a session: a run of sessions
        without a gap).
    predictor : str
        A column known at the bar's end, for one standard deviation of which slopes are stated (of
        several series each its own, about its own mean):
        "inventory_end", "trade_imbalance", "order_flow_imbalance".
    horizons : sequence of int
        Bars that returns are summed over, 1 or more, rising. All rest on the same rows.
    controls : sequence of str
        Further columns known at the bar's end.
    errors : str
        "hodrick": Hodrick (1992, equation 1B), valid where returns cannot be foretold, which is
        what is tested: each return counts once, times the sum of the predictor over the windows
        that hold it. "cluster": by day, from two sessions of several bars. "hac": Newey-West, at
        least 1.5 times the horizon; rejects a true null in about 10 of 100. "auto": "cluster" from
        40 sessions of several bars, else "hodrick".
    level : float
        Of the intervals.

    Returns
    -------
    Result
        `table` and `quantities`: "slope_h" (h bars, bps per standard deviation of the predictor).
        `details`: "errors", t and p of each slope by several rules, the wrong ones among them
        ("least squares" takes windows for independent; "apart" is the regression on windows that do
        not overlap, whose slope differs); "bias", what the slope is expected to be where nothing is
        foretold, as the predictor is persistent and moves with returns (Stambaugh 1999), and the
        slope less that.

    Notes
    -----
    Overlap multiplies nothing but the error: with a predictor of AR(1) .95, windows of 20 and no
    foretelling, least squares rejects in 59 of 100, Newey-West of 4 lags in 33, of 29 lags in 10,
    Hodrick's in 4 to 5 (each beside a nominal 5).

    The market's flow reacts to returns, and the aggregate maker's inventory is that flow: then the
    slope is biased by "bias" in the table, and the flag "persistent_predictor" says so where that
    is over half of a standard error.
    """
    steps = _steps(horizons)
    if errors not in ERRORS:
        raise ValueError(f"errors must be one of {', '.join(ERRORS)}, not {errors!r}")
    names = [controls] if isinstance(controls, str) else list(controls)
    rows = alike(panel_rows(panel, predictor, names))
    made = windows(rows.frame, steps, 0, controls=names, ahead=1, own_lags=False)
    reason = _cannot_tell(rows, made, steps, predictor)
    if reason:
        return _refused(rows, made, steps, level, reason)
    own = blocks_of(rows.frame.iloc[made.rows])
    every = blocks_of(rows.frame)
    fit = project(made, own, steps, errors="hac", lags=0)
    kind = _kind(errors, own)
    chosen = _slopes(fit, rows, made, own, every, steps, kind)
    scale = float(np.std(made.shock))
    unit = f"bps per standard deviation of {predictor}"
    table = _table(chosen, steps, scale, level)
    bias = _bias(rows, made, fit, chosen, steps, scale)
    persistent = (bias["bias"].abs() > 0.5 * table["std_error"].to_numpy()).any()
    flags = tuple(f for f in rows.flags if f != "price_and_flow_share_the_bar")
    return Result(
        f"Does {predictor} foretell returns?",
        _EQUATION,
        unit=f"{unit}; horizons in bars",
        table=table,
        sample=rows.sample(made.rows, made.dropped),
        errors=chosen.words,
        quantities=_quantities(table, unit, chosen.words, level),
        flags=(*flags, *(("persistent_predictor",) if persistent else ())),
        details={"errors": _by_rule(fit, rows, made, own, every, steps), "bias": bias},
    )


def _steps(horizons: Sequence[int]) -> np.ndarray:
    steps = np.asarray(horizons)
    whole = steps.ndim == 1 and len(steps) > 0 and np.issubdtype(steps.dtype, np.integer)
    if not whole or steps[0] < 1 or (np.diff(steps) <= 0).any():
        raise ValueError(f"horizons must be whole numbers from 1 that rise, not {horizons}")
    return steps


def _cannot_tell(rows: Rows, made: Windows, steps: np.ndarray, predictor: str) -> str:
    if rows.frame.empty:
        most = max(rows.dropped, key=rows.dropped.get)
        return f"no bar is left: {rows.dropped[most]:,} are {most}"
    if longest_chain(rows.frame) <= steps[-1]:
        return (
            f"no session has {steps[-1] + 1} bars in a row, which the horizon {steps[-1]} needs: "
            f"the longest has {longest_chain(rows.frame)}"
        )
    least = max(FEWEST_ROWS, 2 * (made.x.shape[1] + 1))
    if len(made.rows) < least:
        return f"{len(made.rows)} bars with the horizon after them, where {least} are needed"
    times = moments_apart(rows.frame.iloc[made.rows])
    if times < FEWEST_ROWS:
        return (
            f"{times} bars apart in time, where {FEWEST_ROWS} are needed: the rest are beside them"
        )
    if np.ptp(made.shock) == 0:
        return f"{predictor} never changes"
    if not np.ptp(made.y, axis=0).all():
        return "the mid never moves within the horizons"
    fitted = made.x @ np.linalg.lstsq(made.x, made.shock)[0]
    if np.square(made.shock - fitted).sum() <= 1e-12 * np.square(made.shock).sum():
        return f"{predictor} can be written by the controls"
    return ""


def _kind(errors: str, own: Blocks) -> str:
    several = own.days >= 2 and not own.daily
    if errors == "cluster" and not several:
        raise ValueError("errors='cluster' needs two sessions or more of several bars each")
    if errors != "auto":
        return errors
    return "cluster" if several and own.days >= MANY_DAYS else "hodrick"


def _slopes(
    fit: Projection,
    rows: Rows,
    made: Windows,
    own: Blocks,
    every: Blocks,
    steps: np.ndarray,
    kind: str,
) -> Slopes:
    n, params = len(made.rows), made.x.shape[1] + 1
    if kind == "cluster":
        total = pd.DataFrame(fit.influence).groupby(own.group).sum().to_numpy()
        factor = own.days / (own.days - 1) * (n - 1) / (n - params)
        words = f"clustered by day ({own.days} days), t with {own.days - 1} degrees"
        return Slopes(fit, np.sqrt(factor * np.square(total).sum(axis=0)), own.days - 1, words)
    if kind == "hodrick":
        frame = rows.frame
        found = hodrick_influence(frame["ret"].to_numpy(), made.rows, fit.surprise, steps)
        total = pd.DataFrame(found).groupby([every.group, every.bar]).sum().to_numpy()
        spread = np.sqrt(n / (n - params) * np.square(total).sum(axis=0))
        words = "Hodrick (1992) 1B: of no foretelling, each return once, nothing across a session"
        return Slopes(fit, spread, n - params, words)
    reach = [max(newey_west_lags(n), math.ceil(1.5 * h)) for h in steps]
    spread = np.sqrt(n / (n - params)) * _newey_west(fit, own, reach)
    return Slopes(fit, spread, n - params, f"Newey-West within sessions, {reach} lags by horizon")


def _newey_west(fit: Projection, own: Blocks, reach: Sequence[int]) -> np.ndarray:
    total = pd.DataFrame(fit.influence).groupby([own.group, own.bar]).sum()
    group = total.index.get_level_values(0).to_numpy()
    longest = int(np.bincount(group).max()) - 1
    columns = (total.to_numpy()[:, [k]] for k in range(len(reach)))
    pairs = zip(columns, reach, strict=True)
    found = [within_day_hac(c, group, None, min(lags, longest))[0, 0] for c, lags in pairs]
    return np.sqrt(np.array(found))


def _by_rule(
    fit: Projection, rows: Rows, made: Windows, own: Blocks, every: Blocks, steps: np.ndarray
) -> pd.DataFrame:
    """The t and p of each slope by every rule: what overlap does to those that do not see it."""
    n, params = len(made.rows), made.x.shape[1] + 1
    residual = made.y - made.x @ np.linalg.lstsq(made.x, made.y)[0] - np.outer(fit.surprise, fit.b)
    square = fit.surprise @ fit.surprise
    short = [newey_west_lags(n)] * len(steps)
    small = math.sqrt(n / (n - params))
    found = {
        "least squares": np.sqrt(np.square(residual).sum(axis=0) / (n - params) / square),
        "newey_west, short": small * _newey_west(fit, own, short),
        "newey_west, 1.5 h": _slopes(fit, rows, made, own, every, steps, "hac").spread,
        "hodrick": _slopes(fit, rows, made, own, every, steps, "hodrick").spread,
    }
    t = {name: (fit.b / spread, np.full(len(steps), n - params)) for name, spread in found.items()}
    t["apart"] = _apart(rows, made, steps)
    parts = [
        pd.DataFrame({"horizon": steps, "errors": name, "t": value, "p": _p(value, df)})
        for name, (value, df) in t.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values("horizon", kind="stable", ignore_index=True)


def _apart(rows: Rows, made: Windows, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The t of the slope on windows that do not overlap, HC1, and its degrees of freedom."""
    chain = rows.frame["chain"].to_numpy()
    place = made.rows - np.searchsorted(chain, chain[made.rows])
    found, df = np.full(len(steps), np.nan), np.full(len(steps), np.nan)
    for k, h in enumerate(steps):
        kept = place % h == 0
        params = made.x.shape[1] + 1
        if kept.sum() < params + 3:
            continue
        x, y, shock = made.x[kept], made.y[kept, k], made.shock[kept]
        shock = shock - x @ np.linalg.lstsq(x, shock)[0]
        square = shock @ shock
        if square <= 0:
            continue
        slope = shock @ y / square
        error = y - x @ np.linalg.lstsq(x, y)[0] - slope * shock
        df[k] = kept.sum() - params
        spread = np.sqrt(np.square(shock * error).sum() * kept.sum() / df[k]) / square
        found[k] = slope / spread
    return found, df


def _p(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    return 2 * scipy.stats.t.sf(np.abs(t), df)


def _table(found: Slopes, steps: np.ndarray, scale: float, level: float) -> pd.DataFrame:
    slope, spread = scale * found.fit.b, scale * found.spread
    reach = scipy.stats.t.ppf((1 + level) / 2, found.df) * spread
    t = slope / spread
    p = _p(t, np.full(len(t), found.df))
    terms = [f"slope_{h}" for h in steps]
    columns = [terms, slope, spread, t, p, slope - reach, slope + reach]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def _bias(
    rows: Rows, made: Windows, fit: Projection, chosen: Slopes, steps: np.ndarray, scale: float
) -> pd.DataFrame:
    """Stambaugh's (1999) bias: returns move with the predictor, whose AR(1) is estimated too low.

    E b_1 - b_1 = cov(r, v) / var(v) E(rho^ - rho), v the predictor's surprise, and over h bars
    times 1 + rho + ... + rho^(h - 1). E(rho^ - rho) is Kendall's (1954) -(1 + 3 rho) / T.
    """
    frame = rows.frame
    after = made.rows + 1
    x, ahead = made.shock, frame["shock"].to_numpy()[after]
    away = x - x.mean()
    rho = float(away @ ahead / (away @ away))
    n = len(x) / max(frame["series"].nunique(), 1)
    better = min(float(kendall_rho(rho, n, 1)), 1.0)
    news = ahead - ahead.mean() - rho * away
    first = frame["ret"].to_numpy()[after]
    moves = float(news @ (first - first.mean()) / (news @ news)) if news @ news > 0 else 0.0
    together = np.array([better ** np.arange(h) @ np.ones(h) for h in steps])
    bias = scale * moves * (rho - better) * together
    slope = scale * fit.b
    return pd.DataFrame(
        {"horizon": steps, "slope": slope, "bias": bias, "less_bias": slope - bias}
        | {"std_error": scale * chosen.spread, "rho": rho, "rho_corrected": better}
    )


def _quantities(table: pd.DataFrame, unit: str, words: str, level: float) -> dict[str, Quantity]:
    return {
        row.term: Quantity(row.term, row.estimate, row.low, row.high, unit, words, level=level)
        for row in table.itertuples()
    }


def _refused(rows: Rows, made: Windows, steps: np.ndarray, level: float, reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit="bps per standard deviation of the predictor; horizons in bars",
        sample=rows.sample(made.rows, made.dropped),
        reason=reason,
        names=[f"slope_{h}" for h in steps],
        level=level,
    )
