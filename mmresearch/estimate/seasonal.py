"""The shape that a series has over the time of day, and the series without it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import statsmodels.api as sm

from mmresearch.estimate.result import Result, Sample, refused
from mmresearch.estimate.sandwich import SOME_DAYS
from mmresearch.estimate.seasonal_answers import (
    CALLED,
    answers,
    coefficients,
    shape_table,
    told_shape,
)
from mmresearch.estimate.seasonal_fit import Fit, Order, expected, fitted, past_betas
from mmresearch.estimate.seasonal_rows import FEWEST_BARS, KEYS, SeasonalRows, seasonal_rows

MOST = 8  # harmonics that are tried
EXTRA = 2  # harmonics beyond those of the least BIC
FIRST_DAYS = 20  # of past days, before a shape is told from them
MANY_ZEROS = 0.05
_QUESTION = "What shape does {} have over the time of day?"
_EQUATION = (
    r"{} = c_d + m_1 n/N_1 + m_2 n^2/N_2 + \sum_p [g_p \cos(2\pi p n/N) + d_p \sin(2\pi p n/N)]"
    r" + \sum_j h_j D_j + e"
)


def seasonal(
    table: pd.DataFrame,
    column: str,
    *,
    symbol: str | None = None,
    account: str | None = None,
    kind: str = "auto",
    harmonics: int | str = "bic",
    most: int = MOST,
    extra: int = EXTRA,
    dummies: Sequence[str] = (),
    zeros: str = "left out",
    short: str = "left out",
    zone: str | None = None,
    past: bool = False,
    first: int = FIRST_DAYS,
    one_day: str = "refused",
    level: float = 0.95,
) -> Result:
    """Shape of a column over the time of day by the flexible Fourier form, and what is left of it.

    Parameters
    ----------
    table : DataFrame
        A row a bar of one length of time: day, bar (0 is the session's first), time_of_day if
        known; as `mm.panel` makes it.
    column : str
        Whose shape.
    symbol, account : str, optional
        Which; needed where the table has several and their values differ.
    kind : str
        "factor": of values of 0 or more, fitted on logarithms. "scale": of the size of signed
        values, fitted on the logarithm of |value|. "shift": added, fitted on values as they are.
        "auto": factor, or shift where values are negative.
    harmonics : int or "bic"
        How many pairs of cosine and sine; "bic": those of the least BIC and `extra` more, `most` at
        most.
    most, extra : int
        With the least BIC alone bands are too narrow: what it leaves out is not nothing.
    dummies : sequence of str
        "open", "close" (the session's first and last bar), a time after the open such as "30min"
        (the bar that holds it, every day), or a column of the table (1 in the bars of that day's
        announcement, else 0).
    zeros : str
        Which have no logarithm: "left out" and counted, or "eps": half the 1 % quantile of the
        others is added to all, and said in `errors`.
    short : str
        Sessions of less than 0.9 of the usual bars, or more than 1/0.9: "left out" and counted, or
        "scaled", the same shape over their own N.
    zone : str, optional
        For sessions of whole days ("24/7"): the clock that people live by, such as
        "America/New_York", whose summer time moves the shape. A session with an open needs none.
    past : bool
        Whether each day's shape is told by the days before it, from `first` such days on; earlier
        ones are missing and counted. Only this may go into a forecast.
    one_day : str
        Of a single day a shape is not told from the day's own slow moves: "refused", or "flagged",
        where those moves are taken out, without intervals.
    level : float
        Of the intervals.

    Returns
    -------
    Result
        `table`: the coefficients. `quantities`: open_to_middle and close_to_middle (ratios, or
        differences of shifts), r2, no_shape (p by the largest t of the shape). `details`: "shape"
        (a row a bar of a whole session: bar, time_of_day, factor of mean 1 or shift of mean 0, low,
        high, joint_low, joint_high, rows), "adjusted" (a row a row of the table, same index: its
        keys, the column, factor or shift, and without_shape), "orders" (bic by harmonics), of all
        days: with `past` only "adjusted" is of the past.

    Notes
    -----
    Each day's level is taken out before the fit. Errors are by leaving each day out in turn (CV3).
    The band is of the best shape of this form and order: what the form cannot follow, such as a
    jump in one bar, is not in it and wants a dummy. BIC takes rows as independent.
    Factors are of what logarithms
    average: where the noise about the shape changes over the day, means have another shape.

    References
    ----------
    Gallant (1981), On the bias in flexible functional forms, Journal of Econometrics 15. Andersen
    and Bollerslev (1997), Intraday periodicity and volatility persistence in financial markets,
    Journal of Empirical Finance 4.
    """
    _refuse_options(harmonics, most, extra, short, one_day, first)
    order = Order(None if harmonics == "bic" else harmonics, most, extra)
    marks = [name for name in dummies if isinstance(table, pd.DataFrame) and name in table.columns]
    chosen = {"symbol": symbol, "account": account, "zone": zone, "extra": marks}
    rows = seasonal_rows(table, column, kind=kind, zeros=zeros, short=short, **chosen)
    question = (_QUESTION.format(column), _EQUATION.format(_left_side(rows.kind)))
    reason = _cannot_tell(rows, one_day)
    if reason:
        return _refused(question, rows, reason, level)
    fit = fitted(rows, order, tuple(dummies))
    days = len(fit.sums.rows)
    told = told_shape(fit, rows, level) if days > 1 else None
    adjusted = _adjusted(rows, column, fit, (order, tuple(dummies), first), past)
    missed = int(adjusted["without_shape"].isna().sum() - adjusted[column].isna().sum())
    dropped = rows.dropped | ({"without a past shape": missed} if past else {})
    unit = "" if rows.kind != "shift" else f"unit of {column}"
    return Result(
        *question,
        unit=f"{unit or 'factor of mean 1'} by bar of {rows.seconds:g} s, {rows.bars} a session",
        table=coefficients(fit, level),
        sample=Sample(int(fit.use.sum()), dropped, days),
        errors=_words(fit, rows),
        fit=_by_statsmodels(fit, rows),
        quantities=answers(fit, rows, told, level, unit),
        flags=_flags(rows, days, past, short),
        details={
            "shape": shape_table(fit, rows, told),
            "adjusted": adjusted,
            "orders": fit.orders,
        },
    )


def _refuse_options(
    harmonics: int | str, most: int, extra: int, short: str, one_day: str, first: int
) -> None:
    faults = []
    if not (harmonics == "bic" or (isinstance(harmonics, int) and 0 <= harmonics <= 50)):
        faults.append(f"harmonics must be 'bic' or from 0 to 50, not {harmonics!r}")
    for name, value in (("most", most), ("extra", extra)):
        if not 0 <= value <= 50:
            faults.append(f"{name} must be from 0 to 50, not {value!r}")
    if short not in ("left out", "scaled"):
        faults.append(f"short must be 'left out' or 'scaled', not {short!r}")
    if one_day not in ("refused", "flagged"):
        faults.append(f"one_day must be 'refused' or 'flagged', not {one_day!r}")
    if first < 2:
        faults.append(f"first must be 2 days or more, not {first!r}")
    if faults:
        raise ValueError("; ".join(faults))


def _cannot_tell(rows: SeasonalRows, one_day: str) -> str:
    told = rows.frame[rows.frame["z"].notna()]
    by_day = told["day"].value_counts()
    days = int((by_day > 1).sum())
    if rows.bars < FEWEST_BARS:
        return f"a session has {rows.bars} bars; {FEWEST_BARS} are needed for a shape"
    if days < 1:
        return "no day has two bars that can be used"
    if days == 1 and one_day == "refused":
        return "of one day a shape is not told from that day's own slow moves; 2 days are needed"
    if np.ptp(told["z"].to_numpy()) == 0:
        return "the column is the same in all bars"
    return ""


def _adjusted(
    rows: SeasonalRows, column: str, fit: Fit, asked: tuple[Order, tuple, int], past: bool
) -> pd.DataFrame:
    """The rows of the table as they came, with what the time of day makes expect."""
    beta, x, grid = fit.beta, fit.x, fit.grid
    if past:
        betas, x, grid = past_betas(rows, *asked)
        beta = betas[rows.frame["day"].to_numpy()]
    shape, y = expected(x, grid, beta, rows.kind), rows.frame["y"].to_numpy()
    left = y - shape if rows.kind == "shift" else y / shape
    found = rows.table[[key for key in KEYS if key in rows.table.columns]].copy()
    found[column] = rows.table[column]
    found["shift" if rows.kind == "shift" else "factor"] = shape[rows.back]
    return found.assign(without_shape=left[rows.back])


def _by_statsmodels(fit: Fit, rows: SeasonalRows) -> object:
    """The same least squares by statsmodels, on deviations from each day's means."""
    day = rows.frame.loc[fit.use, "day"]
    x = pd.DataFrame(fit.x[fit.use], columns=list(fit.names), index=day.index)
    z = rows.frame.loc[fit.use, "z"]
    x, z = (v - v.groupby(day).transform("mean") for v in (x, z))
    model = sm.OLS(z, x)
    if day.nunique() < 2:
        return model.fit()
    return model.fit(cov_type="cluster", cov_kwds={"groups": day.to_numpy()}, use_t=True)


def _words(fit: Fit, rows: SeasonalRows) -> str:
    days = len(fit.left)
    eps = f"; {rows.eps:.4g} was added to all before the logarithm" if rows.eps else ""
    if days < 2:
        return f"none: one day has no other to be held against{eps}"
    return (
        f"leaving each of {days} days out (CV3), t with {days - 1} degrees of freedom; "
        f"{fit.harmonics} harmonics{eps}"
    )


def _flags(rows: SeasonalRows, days: int, past: bool, short: str) -> tuple[str, ...]:
    zeros = rows.dropped["zero, which has no logarithm"]
    known = int(rows.frame["y"].notna().sum())
    raised = {
        "one_day": days == 1,
        "few_days": 1 < days < SOME_DAYS,
        "many_zeros_left_out": zeros > MANY_ZEROS * max(known, 1),
        "zeros_by_eps": rows.eps > 0,
        "short_sessions_scaled": short == "scaled" and bool(rows.frame["odd"].any()),
        "past_days_only": past,
    }
    return tuple(name for name, on in raised.items() if on)


def _left_side(kind: str) -> str:
    return {"factor": r"\ln y_n", "scale": r"\ln |y_n|", "shift": "y_n"}[kind]


def _refused(question: tuple[str, str], rows: SeasonalRows, reason: str, level: float) -> Result:
    told = rows.frame[rows.frame["z"].notna()]
    return refused(
        *question,
        unit="",
        sample=Sample(len(told), rows.dropped, told["day"].nunique()),
        reason=reason,
        names=tuple(CALLED),
        called=CALLED,
        level=level,
    )
