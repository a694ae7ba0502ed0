"""Placebo of price pressure: inventory that cannot have moved the price must show no effect."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from statsmodels.stats.proportion import proportion_confint

from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.placebo_others import one_account, other_makers
from mmresearch.estimate.pressure_parts import inventory_reversion_of
from mmresearch.estimate.pressure_rows import PressureRows, pressure_rows
from mmresearch.estimate.result import TIDY, Quantity, Result, Sample
from mmresearch.estimate.sandwich import error_rule

_FORGOTTEN = 0.05  # inventory's autocorrelation from which a later path counts as another
_MANY = 5  # days from which whole days are paired
_EQUATION = r"r_t = c + \alpha\,\Delta I_s + \kappa\,\hat I_s + u_t,\quad s \neq t"


class Pairing(NamedTuple):
    """Which row's inventory each row's return gets: the words, and a row of numbers a draw.

    `moves` holds day orders (draws, days) where `whole_days`, else shares of the circle (draws,).
    `complete`: every pairing of its kind is there, so that drawing adds no error.
    """

    words: str
    whole_days: bool
    moves: np.ndarray
    complete: bool


def inventory_placebo(
    panel: pd.DataFrame,
    *,
    account: str | None = None,
    lead: int | Sequence[int] | None = None,
    shuffles: int = 199,
    returns: str | None = None,
    per: float | None = None,
    value: bool | None = None,
    errors: str = "auto",
    draws: int = 999,
    seed: int = 0,
) -> Result:
    """The regression of `price_pressure` with inventory that cannot have moved the price.

    Led: returns beside the inventory path of a later session. Inventory has a memory, so the lead
    is the fewest sessions after which its autocorrelation is below 5 %; where that is over half of
    the sessions, or there are under 5, there is no led placebo, and a flag says so. Shuffled: whole
    days of inventory paired, bar by bar, with another day's returns (never their own); with under 5
    days, or where a bar is a session, inventory is shifted around the circle of the day, or of the
    sessions. Both keep the dependence inside inventory and inside returns, and break what links
    them. Other makers, where `account` names one of several: the same returns beside what another
    maker held in the same bars, alone and beside the account's own. All makers trade the same flow,
    so alone it may well be away from zero; beside own only if the other presses on prices too.

    Parameters
    ----------
    panel : DataFrame
        Of `mm.panel`.
    account : str, optional
        Whose inventory is tried, where the panel holds several; the others' is then a placebo. All
        are pooled if not given, and there is none of other makers.
    lead : int or list of int, optional
        Sessions between the returns and the later inventory.
    shuffles : int
        Pairings drawn; where there are fewer shifts than that, each is taken once.
    returns, per, value, errors, draws, seed
        As in `price_pressure`; they are the errors of the real and the led estimate.

    Returns
    -------
    Result
        `table`: pressure and total (pressure + information) as they are, led, of other makers, and
        shuffled: the mean of all pairings, their standard deviation, the ratio of the two, and the
        range of 95 % of them. All are least squares with rho taken as known.
        `quantities`: "placebo_p" (of pressure) and "placebo_p_total": the share of pairings, the
        real one among them, whose |estimate| is at least the real one's.
        `details`: "placebo", with draw, kind ("led", "shuffled"), pressure, total; "real", the
        real pressure and total; "others", a line each of the up to five other makers who trade
        most: how their changes and surprises go with the account's, their pressure and total alone,
        the total that common flow makes by itself, and the total beside own with its interval.

    Notes
    -----
    The null of the p-values is that returns and inventory have nothing to do with each other: a
    small p says that they are related, not how. A led estimate away from zero, or shuffled ones
    that do not lie around zero, says that the regression finds effects where there are none. No
    day meets its own returns in a shuffle, so with D days the shuffled mean is not exactly zero but
    up to about 1 / (D - 1) of the real estimate, with the other sign.
    """
    if shuffles < 19:
        raise ValueError(f"shuffles must be 19 or more for a test at 5 %, not {shuffles}")
    scale = {"returns": returns, "per": per, "value": value}
    others = None
    if account is not None:
        panel, others = one_account(panel, account)
    rows = pressure_rows(panel, **scale)
    frame = rows.frame
    rule = error_rule(frame["day"], errors=errors, bars=frame["bar"], params=3)
    choice = {"errors": rule.kind, "draws": draws, "seed": seed}
    memory = _memory(inventory_reversion_of(frame, rule).corrected)
    real = _regression(frame, choice)
    leads = _leads(rows, memory, lead)
    led = [_regression(_led(frame, ahead), choice) for ahead in leads]
    pairing = _pairing(rows, memory, shuffles, np.random.default_rng(seed))
    drawn = np.array([_estimate(frame, *pair) for pair in _partners(frame, pairing)])
    by = [f", led by {ahead}" if len(leads) > 1 else ", led" for ahead in leads]
    tables = [_named(fit, kind) for fit, kind in zip([real, *led], ["", *by], strict=True)]
    makers = None if others is None else other_makers(rows, others, scale, choice)
    if makers is not None and len(makers.table):
        tables.append(makers.table)
    flags = (*rows.flags, *real.flags, *(() if leads else ("no_led_placebo",)))
    if makers is not None and makers.makers.empty:
        flags = (*flags, "no_other_maker")
    series, days = frame["series"].nunique(), frame["day"].nunique()
    return Result(
        question="Does inventory that cannot have moved the price seem to move it?",
        equation=_EQUATION,
        unit=rows.unit,
        table=pd.concat([*tables, _shuffled_table(drawn)], ignore_index=True),
        sample=Sample(len(frame), rows.dropped, days, series),
        errors=_words(real, leads, pairing),
        fit=real.fit,
        quantities={
            "placebo_p": _p_value("placebo p", _pair(real)[0], drawn[:, 0], pairing),
            "placebo_p_total": _p_value("placebo p of total", _pair(real)[1], drawn[:, 1], pairing),
        },
        flags=(*flags, *(("few_pairings",) if len(drawn) < 19 else ())),
        details={
            "placebo": _draws(led, drawn),
            "real": pd.DataFrame([_pair(real)], columns=["pressure", "total"]),
        }
        | ({} if makers is None else {"others": makers.makers}),
    )


def _regression(frame: pd.DataFrame, choice: dict) -> Regression:
    y, expected, surprise = _parts(*(frame[c].to_numpy() for c in ("y", "lag", "change", "series")))
    x = pd.DataFrame({"const": 1.0, "pressure": expected, "total": surprise})
    return regress(pd.Series(y), x, frame["day"], bars=frame["bar"], **choice)


def _estimate(frame: pd.DataFrame, kept: np.ndarray, partner: np.ndarray) -> tuple[float, float]:
    """Pressure and total from the returns of rows `kept` and the inventory of rows `partner`."""
    y, series = frame["y"].to_numpy()[kept], frame["series"].to_numpy()[kept]
    lag, change = frame["lag"].to_numpy()[partner], frame["change"].to_numpy()[partner]
    y, expected, surprise = _parts(y, lag, change, series)
    return (expected @ y) / (expected @ expected), (surprise @ y) / (surprise @ surprise)


def _parts(
    y: np.ndarray, lag: np.ndarray, change: np.ndarray, series: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, predictable part of the inventory change and its surprise, less series means.

    The coefficient of the predictable part is pressure, that of the surprise pressure plus
    information; the two are orthogonal in the sample.
    """
    count = np.maximum(np.bincount(series), 1)
    y, away, change = (v - (np.bincount(series, v) / count)[series] for v in (y, lag, change))
    expected = away * (away @ change) / (away @ away)
    return y, expected, change - expected


def _pair(fitted: Regression) -> np.ndarray:
    return fitted.table["estimate"].to_numpy()[1:]


def _memory(rho: float) -> float:
    """Bars after which inventory's autocorrelation is below 5 %."""
    if rho >= 1:
        return math.inf
    return 1 if rho <= 0 else math.ceil(math.log(_FORGOTTEN) / math.log(rho))


def _leads(rows: PressureRows, memory: float, asked: int | Sequence[int] | None) -> list[int]:
    if asked is None:
        lead = _lead(rows, memory)
        return [] if lead is None else [lead]
    return [asked] if isinstance(asked, int | np.integer) else list(dict.fromkeys(asked))


def _lead(rows: PressureRows, memory: float) -> int | None:
    frame = rows.frame
    days = frame["day"].nunique()
    bars = frame.groupby(["series", "day"]).size().median()
    if days < _MANY or math.ceil(memory / bars if memory < math.inf else days) > days // 2:
        return None
    return math.ceil(memory / bars)


def _led(frame: pd.DataFrame, lead: int) -> pd.DataFrame:
    days = frame["day"].nunique()
    if not 1 <= lead < days:
        raise ValueError(f"a lead of {lead} sessions is not between 1 and {days - 1}")
    order = np.arange(days) + lead
    kept, partner = _by_day(frame, np.where(order < days, order, -1))
    other = frame[["lag", "change"]].to_numpy()[partner]
    own = frame.iloc[kept].reset_index(drop=True)
    return own.assign(lag=other[:, 0], change=other[:, 1])


def _pairing(rows: PressureRows, memory: float, shuffles: int, rng: np.random.Generator) -> Pairing:
    frame = rows.frame
    days = frame["day"].nunique()
    if not rows.daily and days >= _MANY:
        moves = np.array([_derangement(days, rng) for _ in range(shuffles)])
        return Pairing(f"{shuffles} pairings of whole days", True, moves, False)
    circle = frame.groupby(_circle(frame, rows.daily)).size().max()
    least = int(max(min(memory, circle // 4, (circle - 19) // 2), 1))
    shifts = np.arange(least, circle - least + 1)
    complete = len(shifts) <= shuffles
    chosen = shifts if complete else rng.choice(shifts, shuffles, replace=False)
    around = "the sessions" if rows.daily else "each day"
    words = f"{len(chosen)} shifts by {least} bars or more around the circle of {around}"
    return Pairing(words, False, chosen / circle, complete)


def _derangement(count: int, rng: np.random.Generator) -> np.ndarray:
    """A random cycle through all days, so that none stays where it is."""
    order = rng.permutation(count)
    new = np.empty(count, dtype=int)
    new[order] = np.roll(order, 1)
    return new


def _circle(frame: pd.DataFrame, daily: bool) -> list[pd.Series]:
    return [frame["series"]] if daily else [frame["series"], frame["day"]]


def _partners(frame: pd.DataFrame, pairing: Pairing) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each pairing the rows whose returns stay and the rows whose inventory they get."""
    if pairing.whole_days:
        yield from (_by_day(frame, order) for order in pairing.moves)
        return
    circle = frame.groupby(_circle(frame, bool((frame["bar"] == 0).all())))
    at, size = circle.cumcount().to_numpy(), circle["y"].transform("size").to_numpy()
    here = np.arange(len(frame))
    for share in pairing.moves:
        shift = np.rint(share * size).astype(int)
        yield here, here - at + (at + shift) % size


def _by_day(frame: pd.DataFrame, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of each day, and those of day `order[day]` (-1: none) at the same bar."""
    day = np.unique(frame["day"].to_numpy(), return_inverse=True)[1]
    width = int(frame["bar"].max()) + 1
    base = (frame["series"] * len(order) * width + frame["bar"]).to_numpy()
    partner = pd.Index(base + day * width).get_indexer(base + order[day] * width)
    partner[order[day] < 0] = -1
    kept = np.flatnonzero(partner >= 0)
    return kept, partner[kept]


def _named(fitted: Regression, kind: str) -> pd.DataFrame:
    table = fitted.table.iloc[1:]
    return table.assign(term=table["term"] + kind)


def _shuffled_table(drawn: np.ndarray) -> pd.DataFrame:
    mean, spread = drawn.mean(axis=0), drawn.std(axis=0, ddof=1)
    t = mean / spread
    p = 2 * scipy.stats.norm.sf(np.abs(t))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    terms = ["pressure, shuffled", "total, shuffled"]
    columns = [terms, mean, spread, t, p, low, high]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def _p_value(name: str, real: float, drawn: np.ndarray, pairing: Pairing) -> Quantity:
    count = len(drawn)
    reached = int(np.count_nonzero(np.abs(drawn) >= abs(real) * (1 - 1e-12)))
    p = (1 + reached) / (1 + count)
    low, high = (p, p) if pairing.complete else proportion_confint(reached, count, method="beta")
    how = f"|estimate| among {pairing.words}"
    return Quantity(name, p, float(low), float(high), "", how)


def _words(real: Regression, leads: list[int], pairing: Pairing) -> str:
    many = " and ".join(str(lead) for lead in leads)
    led = f"inventory led by {many} sessions" if leads else "no led inventory"
    return f"{real.errors}; {led}; shuffled: {pairing.words}, std_error is their spread"


def _draws(led: list[Regression], drawn: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame(drawn, columns=["pressure", "total"])
    table.insert(0, "draw", np.arange(len(drawn)))
    table.insert(1, "kind", "shuffled")
    if not led:
        return table
    first = pd.DataFrame([[-1, "led", *_pair(fit)] for fit in led], columns=table.columns)
    return pd.concat([first, table], ignore_index=True)
