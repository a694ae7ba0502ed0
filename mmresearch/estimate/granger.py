"""Whether the past of one series foretells another beyond that one's own past (Granger 1969)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mmresearch.estimate.granger_errors import Errors, errors_of
from mmresearch.estimate.granger_fits import Direction, Equation, correlation, direction
from mmresearch.estimate.granger_rows import FEWEST, LAGS, GrangerRows, granger_rows
from mmresearch.estimate.result import Quantity, Result, Sample, refused
from mmresearch.estimate.sandwich import Rule

_QUESTION = "Does the past of {} foretell {} beyond {}'s own past?"
_EQUATION = (
    r"y_t = a + \sum_{j=1}^{k} b_j x_{t-j} + \sum_{j=1}^{k} c_j y_{t-j} + e_t, \quad"
    r" H_0: b_1 = \dots = b_k = 0"
)
HEAVY = 0.2
MEANING = {
    "time_of_day_left_in": "a shape that both share over the day may look like foretelling",
    "one_day_slow_moves_out": "of one day a shape is not told from slow moves: these are out",
    "no_time_of_day": "a bar a session: the past is of the sessions before",
    "shape_decides": "with the shapes left in, the answer at 5 % would be another",
    "few_days": "fewer than 6 days: errors are within days, and of what differs from day to day"
    " nothing is told",
    "few_bars_weigh": "one bar has a fifth or more of what tells the cause's coefficients",
}


def granger(
    table: pd.DataFrame,
    cause: str,
    effect: str,
    *,
    symbol: str | None = None,
    account: str | None = None,
    lags: int | str = "bic",
    extra: int = 2,
    most: int = LAGS,
    deseasonalise: bool = True,
    shape: Mapping[str, Any] | None = None,
    logs: str | bool = "auto",
    errors: str = "auto",
    level: float = 0.95,
    draws: int = 999,
    seed: int = 0,
) -> Result:
    """Test that lags of one column add nothing to the other's equation, both ways.

    Parameters
    ----------
    table : DataFrame
        A row a bar: day, bar, time_of_day if known; as `mm.panel` makes it.
    cause, effect : str
        Columns of it.
    symbol, account : str, optional
        Which; needed where the table has several and their values differ.
    lags : int or "bic"
        Lags k of both series in both equations; "bic": those of the least BIC of both equations up
        to `most`, and `extra` more.
    deseasonalise : bool
        Whether the shape over the time of day is taken out of both first (`mm.seasonal`).
    shape : dict, optional
        How: harmonics, most, short, zone, as in `seasonal`.
    logs : "auto" or bool
        "auto": logarithms of columns that are always above 0.
    errors : str
        "auto": from 6 days a Wald test clustered by day with its law from the restricted wild
        cluster bootstrap; with fewer (or no more than twice the lags) the same by blocks of bars
        within days, each day's level taken out. Or "cluster", "wild", "blocks", "hac", "HC1".
    level : float
        Of the intervals.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    Result
        `table`: the effect's equation. `quantities`: forward_p (cause to effect), forward_f,
        forward_sum (sum of the cause's coefficients), the same with `back_`, instantaneous (the
        correlation of what is new in both in the same bar, which no lag can order) and
        instantaneous_p. `details`: "tests" (a row a direction, the second pair with the shapes left
        in: lags, f, df, p, sum with interval, p of the textbook's homoscedastic F, heaviest: the
        leverage of the bar that weighs most), "back" (the other equation), "lags" (BIC), "meaning"
        of the flags.

    Notes
    -----
    No lag reaches over a session's edge or a missing bar. To foretell is not to cause: a third
    series may move both, one of them earlier. Newey-West's law finds too much in few days, and
    where a few bars are far out: it is no default. Where all sessions are one bar, lags are of the
    sessions before, none across a missing one.

    Two series with the same shape over the day foretell one another until it is taken out: of 1000
    worlds of 3, 12 and 45 days in which neither moves the other 60, 66 and 100 % are rejected at
    5 % with the shape left in (by the textbook's F 70, 83 and 100 %), without it 6.8, 4.4 and
    4.6 %; of 1000 worlds of 90 sessions of one bar 5.0 %. The 95 % intervals of sums hold 89 to
    92 % with 3 days, 93 to 95 % with more. Nothing in the same bar is rejected in 7.1, 6.6 and
    5.6 % with 3, 12 and 45 days.

    References
    ----------
    Granger (1969), Investigating causal relations by econometric models and cross-spectral methods,
    Econometrica 37. Cameron, Gelbach and Miller (2008), Bootstrap-based improvements for inference
    with clustered errors, Review of Economics and Statistics 90.
    """
    _refuse_options(cause, effect, lags, extra, most)
    rows = granger_rows(
        table,
        (cause, effect),
        lags=lags,
        extra=extra,
        most=most,
        logs=logs,
        deseasonalise=deseasonalise,
        chosen={"symbol": symbol, "account": account},
        shape=dict(shape or {}),
    )
    names = tuple(
        f"log {n}" if log else n for n, log in zip((cause, effect), rows.logs, strict=True)
    )
    question = (_QUESTION.format(cause, effect, effect), _EQUATION)
    sample = Sample(len(rows.at), rows.dropped, len(np.unique(rows.day[rows.at])))
    reason = _cannot_tell(rows, (cause, effect))
    if reason:
        return _refused(question, sample, reason, (cause, effect), level, rows.flags)
    told = errors_of(rows.day[rows.at], rows.bar[rows.at], errors, rows.lags, rows.daily)
    rule = told.rule
    how = {"level": level, "draws": draws, "seed": seed}
    there, back = _both(rows, rows.pair, names, told, how)
    raw = (there, back) if rows.pair is rows.raw else _both(rows, rows.raw, names, told, how)
    params = 2 * rows.lags + 1
    new = correlation(there.left, back.left, told.group, told.bar, rule, level, params)
    flags = _flags(rows, rule, there, back, raw[0])
    return Result(
        *question,
        unit=f"{names[1]} a unit of {names[0]}",
        table=there.table,
        sample=sample,
        errors=_words(rule, rows, draws),
        quantities=_quantities((cause, effect), there, back, new, rule, rows, level),
        flags=flags,
        details={
            "tests": _tests((cause, effect), (there, back), raw, rows),
            "back": back.table,
            "lags": rows.bic,
            "meaning": _meaning(flags),
        },
    )


def _refuse_options(cause: str, effect: str, lags: int | str, extra: int, most: int) -> None:
    faults = []
    if cause == effect:
        faults.append(f"cause and effect are the same column, {cause!r}")
    if not (lags == "bic" or (isinstance(lags, int) and 1 <= lags <= 100)):
        faults.append(f"lags must be 'bic' or from 1 to 100, not {lags!r}")
    if not (0 <= extra <= 20 and 1 <= most <= 100):
        faults.append(f"extra must be from 0 to 20 and most from 1 to 100, not {extra}, {most}")
    if faults:
        raise ValueError("; ".join(faults))


def _cannot_tell(rows: GrangerRows, columns: tuple[str, str]) -> str:
    needed = FEWEST + 2 * rows.lags + 1
    if len(rows.at) < needed:
        return (
            f"{len(rows.at)} bars have {rows.lags} bars of their session before them; "
            f"{needed} are needed"
        )
    for number, name in enumerate(columns):
        if np.ptp(rows.pair[rows.at, number]) == 0:
            return f"{name} is the same in all bars"
    together = np.corrcoef(rows.pair[rows.at].T)[0, 1]
    if abs(together) > 1 - 1e-9:
        return f"{columns[0]} and {columns[1]} are the same series"
    return ""


def _both(
    rows: GrangerRows, values: np.ndarray, names: tuple[str, ...], told: Errors, how: dict
) -> tuple[Direction, Direction]:
    found = []
    for first in (0, 1):
        pair = values[:, [first, 1 - first]]
        x = rows.past(rows.lags, pair, rows.at)
        lagged = [f"{names[c]}_{j}" for c in (first, 1 - first) for j in range(1, rows.lags + 1)]
        y = pair[rows.at, 1]
        if told.level is not None:
            y, x = _less_levels(y, told.level), _less_levels(x, told.level)
        equation = Equation(y, x, rows.lags, told.group, told.bar, tuple(lagged))
        found.append(direction(equation, told.rule, **how))
    return found[0], found[1]


def _less_levels(values: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Without each day's mean, whose errors too few days cannot tell."""
    frame = pd.DataFrame(values)
    return (frame - frame.groupby(day).transform("mean")).to_numpy().reshape(values.shape)


def _quantities(
    columns: tuple[str, str],
    there: Direction,
    back: Direction,
    new: tuple[float, float, float, float],
    rule: Rule,
    rows: GrangerRows,
    level: float,
) -> dict[str, Quantity]:
    found = {}
    for key, one, (x, y) in (("forward", there, columns), ("back", back, columns[::-1])):
        how = f"Wald test of {one.q} lags; {rule.words}"
        exact = (one.p,) * 3
        found[f"{key}_p"] = Quantity(f"p, that {x} does not foretell {y}", *exact, "", how)
        found[f"{key}_f"] = Quantity(f"F, {x} to {y}", one.f, one.f, one.f, "", how)
        ends = (one.total, one.low, one.high)
        name = f"sum of {x}'s coefficients in {y}"
        found[f"{key}_sum"] = Quantity(name, *ends, "", rule.words, level=level)
    said = "correlation of what is new in both in the same bar"
    how = f"interval of its inverse hyperbolic tangent; {rule.words}"
    found["instantaneous"] = Quantity(said, *new[:3], "", how, level=level)
    p = (new[3],) * 3
    found["instantaneous_p"] = Quantity("p, that there is none in the same bar", *p, "", how)
    return found


def _tests(
    columns: tuple[str, str],
    without: tuple[Direction, Direction],
    raw: tuple[Direction, Direction],
    rows: GrangerRows,
) -> pd.DataFrame:
    lines = []
    for shapes, pair in (("taken out", without), ("left in", raw)):
        for one, (x, y) in zip(pair, (columns, columns[::-1]), strict=True):
            about = {"cause": x, "effect": y, "shapes": shapes, "lags": rows.lags}
            told = {
                n: getattr(one, n) for n in ("f", "q", "df", "p", "plain_f", "plain_p", "heaviest")
            }
            ends = {"sum": one.total, "low": one.low, "high": one.high, "sum_p": one.total_p}
            lines.append(about | told | ends)
    table = pd.DataFrame(lines)
    return table[table["shapes"] == "left in"] if rows.pair is rows.raw else table


def _flags(
    rows: GrangerRows, rule: Rule, there: Direction, back: Direction, raw: Direction
) -> tuple[str, ...]:
    flags = [*rows.flags, *rule.flags]
    if (there.p < 0.05) != (raw.p < 0.05):
        flags.append("shape_decides")
    if max(one.heaviest for one in (there, back)) >= HEAVY:
        flags.append("few_bars_weigh")
    return tuple(dict.fromkeys(flags))


def _words(rule: Rule, rows: GrangerRows, draws: int) -> str:
    drawn = f", {draws} draws; errors in the table clustered" if rule.kind == "wild" else ""
    chosen = f"; {rows.lags} lags" + (" by BIC and more" if len(rows.bic) else "")
    return f"{rule.words}{drawn}{chosen}"


def _meaning(flags: tuple[str, ...]) -> pd.DataFrame:
    said = {flag: MEANING[flag] for flag in flags if flag in MEANING}
    return pd.Series(said, name="meaning", dtype="str").rename_axis("flag").to_frame()


def _refused(
    question: tuple[str, str],
    sample: Sample,
    reason: str,
    columns: tuple[str, str],
    level: float,
    flags: tuple[str, ...],
) -> Result:
    x, y = columns
    called = {}
    for key, (one, two) in (("forward", (x, y)), ("back", (y, x))):
        called[f"{key}_p"] = f"p, that {one} does not foretell {two}"
        called[f"{key}_f"] = f"F, {one} to {two}"
        called[f"{key}_sum"] = f"sum of {one}'s coefficients in {two}"
    called["instantaneous"] = "correlation of what is new in both in the same bar"
    called["instantaneous_p"] = "p, that there is none in the same bar"
    named = {"names": tuple(called), "called": called, "level": level, "flags": flags}
    return refused(*question, unit="", sample=sample, reason=reason, **named)
