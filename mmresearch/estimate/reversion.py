"""Whether the inventory reverts, how fast, and whether the data can tell at all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.estimate.autoregression import cannot_tell, serial_correlation, within
from mmresearch.estimate.clocks import clock_table
from mmresearch.estimate.dealer_panel import PanelFit
from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.inventory_change import inventory_change
from mmresearch.estimate.inversion import INTERVALS, Inversion, invert
from mmresearch.estimate.level_errors import INSTRUMENTS, drift_share, lost_units, second_lag
from mmresearch.estimate.pairs import Pairs, inventory_pairs
from mmresearch.estimate.pooled import (
    DEALER_ERRORS,
    SCALES,
    dealer_regression,
    few_enough,
    in_levels,
    invert_levels,
    series_table,
)
from mmresearch.estimate.result import TIDY, Quantity, Result
from mmresearch.estimate.speed import (
    bar_unit,
    bounds_table,
    estimators_table,
    half_life_of,
    no_speed,
    rho_of,
    units,
)

FLAGS = {
    "unit_root_not_rejected": "a random walk (rho = 1) is inside the interval",
    "interval_unbounded": "a bound for rho was not found within the range searched",
    "residual_autocorrelation": "residuals of neighbouring bars are correlated: use more lags",
    "opening_unknown": "the opening is not known: inventory is relative to the first event",
    "few_days": "fewer days than errors by day need",
    "few_clusters": "fewer days than clustering by day needs",
    "event_time": "bars are counts of trades, and trading is faster at some inventories than at "
    "others: do not turn the half-life into time with the mean length of a bar; use clock bars "
    "(details['clocks'] shows what each clock would say)",
    "own_mean_a_segment": "a mean a segment biases OLS by about -(1 + rho) / bars of a segment; "
    "the median-unbiased estimate and the interval allow for it",
    "units_lost": "reported positions find units that no fill shows: the half-life is too long, "
    "by up to 5 %",
    "mean_not_zero": "after flat openings inventory goes to one side: see intercept='pooled'",
}
_QUESTION = "Does the inventory revert to its mean, how fast, and can the data tell?"
_EQUATION = r"I_t - \mu = \rho\,(I_{t-1} - \mu) + e_t, \qquad HL = D\,\ln(1/2) / \ln\rho"
_LONGER = (
    r"I_t - \mu = \rho\,(I_{t-1} - \mu) + \sum_{j=1}^{%d} g_j\,\Delta I_{t-j} + e_t,"
    r"\qquad HL:\ \psi_{HL/D} = 1/2"
)


def inventory_reversion(
    panel: pd.DataFrame,
    *,
    controls: bool = False,
    instrument: str | None = None,
    intercept: str = "auto",
    interval: str = "bootstrap",
    lags: int = 1,
    scale: str = "changes",
    errors: str = "auto",
    draws: int | None = None,
    seed: int = 0,
) -> Result:
    """Persistence of the inventory from bar to bar and its half-life, if the data can tell.

    Every bar is a pair of levels inside one session, its opening and closing inventory. rho is
    estimated by least squares over the pairs, corrected for its bias by inverting the median of its
    simulated distribution, and given an interval by test inversion; both carry over to the
    half-life, whose interval is unbounded where a random walk cannot be excluded.

    Parameters
    ----------
    panel : DataFrame
        As `mm.panel` makes it. Several accounts or symbols are pooled: one rho, each series with
        its own mean and in its own scale. details["series"] has each alone (up to 50).
    controls : bool
        The regression of the change on the opening level, past changes, past returns and the time
        of day (`inventory_change`) in place of the autoregression.
    instrument : str, optional
        "second lag", where levels are reported with error: rho by instrumental variables, the level
        two bars back for the last one, its interval by inverting the test of Anderson and Rubin
        (1949), which holds however weak the instrument. details["instrument"]: least squares
        beside it and the share of error. The error must be new in every bar. There is no correction
        for the bias of short series.
    intercept : str
        "none": the mean is 0. "pooled": one mean a series (one more after every missing session,
        which shifts the level by an unknown amount). "segment": one mean a session (a stretch of
        sessions for daily bars). "auto": "none" if every session opens flat, else "pooled".
    interval : str
        "bootstrap": paths from the residuals with random signs, one sign a bar shared by series.
        It covers under heavy tails and changing variance. "gaussian": normal errors of constant
        variance (Andrews 1993), which under a U-shaped variance covers too seldom.
    lags : int
        Autoregressive lags. From two on rho is the sum of the coefficients, and the half-life is
        read from the impulse response. Changes before a session's first bar count as 0.
    scale : str
        Of several series: "changes", each divided by the standard deviation of its own changes, or
        "levels", by that of its own opening levels, the z of Hansch, Naik and Viswanathan (1998).
        The second is the mean of the series' own slopes, weighted by bars, and has more bias
        (that of one series, not of pooled ones); simulated series are divided in the same way.
    errors : str
        Of the regression table's std_error, as in `regress`, or as linearmodels' panel of several
        series: "two-way", "driscoll-kraay", "day" (`dealer_panel.panel_regress`); `fit` is then
        linearmodels' result. The interval does not use them: around a slope with Nickell's bias
        none of them covers.
    draws, seed : int
        Simulated paths, 999 unless given (399 above 20,000 pairs, 199 above 100,000).

    Where the panel's `drift` says that units are lost (reported positions that fills do not lead
    to), and that its variance is over 5 % of the inventory's, the answer is refused.

    Returns
    -------
    Result
        table: OLS rho; its t and p test rho = 1 (p simulated), low and high are the inverted
        interval, which need not be symmetric about OLS nor contain it.
        quantities: "rho" (median-unbiased, per bar) and "half_life" (seconds; "sessions" for daily
        bars; "bars" for counts of trades).
        details: "estimators" (OLS, Kendall, jackknife, median-unbiased), "interval" with Monte
        Carlo errors, "flags" with their meaning; "clocks" for bars that are counts of trades;
        "series" (each alone) where there are several.

    Raises
    ------
    ValueError
        Columns that are not there, options that are not known. Data that cannot tell raise nothing:
        their quantities are not identified and say why.

    Notes
    -----
    Simulated paths keep the data's stretches and openings. A session that opens where the last one
    closed (plus observed overnight flow) continues its path; one that opens at a level of its own
    starts there. A stretch with a mean of its own starts from its stationary law; with
    intercept="segment" and sessions that open at their mean this puts the estimate somewhat low
    (0.93 for 0.95 at 30 bars a session), so prefer "none" or "pooled" there. Intervals of series
    pooled are a little short: with 8 series of 100 days they hold a rho of 0.97 in 91 to 94 % of
    simulated samples, 0.9 and a random walk in 94 to 95 % (`tests/truth/coverage.csv`).

    References
    ----------
    Andrews (1993); Hansen (1999); Goncalves and Kilian (2004); Kendall (1954); Phillips and Yu
    (2005).
    """
    if instrument is not None:
        return _instrumented(panel, instrument, controls, intercept, lags, errors)
    pairs = inventory_pairs(panel, intercept=intercept, lags=lags)
    lost = lost_units(pairs)
    if controls and not lost:
        return inventory_change(panel, lags=lags, errors=errors, seed=seed)
    if interval not in INTERVALS:
        raise ValueError(f"interval must be one of {', '.join(INTERVALS)}, not {interval!r}")
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(SCALES)}, not {scale!r}")
    if scale == "levels" and lags > 1:
        raise ValueError("scale='levels' takes one lag")
    question = (_QUESTION, _EQUATION if lags == 1 else _LONGER % (lags - 1))
    reason = lost or cannot_tell(pairs.design, lags)
    if reason:
        return no_speed(*question, pairs, reason)
    paths = {"interval": interval, "draws": draws or _draws(pairs), "seed": seed}
    levels = scale == "levels" and pairs.sample.series > 1
    if levels:
        pairs = pairs._replace(design=in_levels(pairs.design))
    found = (invert_levels if levels else invert)(pairs.design, **paths)
    dealers = errors in DEALER_ERRORS
    base = dealer_regression(pairs, errors) if dealers else _regression(pairs, errors, seed)
    return _answer(question, pairs, found, paths, base, levels=levels)


def _instrumented(
    panel: pd.DataFrame, instrument: str, controls: bool, intercept: str, lags: int, errors: str
) -> Result:
    if instrument not in INSTRUMENTS:
        raise ValueError(f"instrument must be one of {', '.join(INSTRUMENTS)}, not {instrument!r}")
    if controls or lags != 1:
        raise ValueError("with an instrument there are no controls and one lag")
    return second_lag(panel, intercept=intercept, errors=errors)


def half_life(panel_or_result: pd.DataFrame | Result, **options: object) -> Quantity:
    """Half-life of the inventory, from a panel or from the result of `inventory_reversion`.

    Parameters
    ----------
    panel_or_result : DataFrame or Result
    **options
        Those of `inventory_reversion`, where a panel is given.

    Returns
    -------
    Quantity
        Value and 95 % interval in seconds (daily bars: sessions; counts of trades: bars), or not
        identified and why.
    """
    if not isinstance(panel_or_result, Result):
        return inventory_reversion(panel_or_result, **options).quantities["half_life"]
    if options:
        raise ValueError("a result is estimated already: give the options to inventory_reversion")
    if "half_life" not in panel_or_result.quantities:
        raise ValueError("this result has no half-life; give that of inventory_reversion")
    return panel_or_result.quantities["half_life"]


def _draws(pairs: Pairs) -> int:
    """Enough for the interval's ends, few enough for a second; (draws + 1) / 40 is whole."""
    rows = len(pairs.design.x)
    return 999 if rows <= 20_000 else 399 if rows <= 100_000 else 199


def _regression(pairs: Pairs, errors: str, seed: int) -> Regression:
    """The least squares regression whose slope is rho, with a constant where there is one mean."""
    design, rows = pairs.design, pairs.frame
    columns = {"rho": design.x}
    columns |= {f"change_{j + 1}": past for j, past in enumerate(design.changes.T)}
    y = design.y
    if design.groups > 1:
        columns = {k: within(x, design.bounds, means=True) for k, x in columns.items()}
        y = within(y, design.bounds, means=True)
    const = {"const": np.ones(len(y))} if design.groups == 1 else {}
    table = pd.DataFrame(const | columns)
    return regress(
        pd.Series(y), table, rows["day"], errors=errors, bars=rows["bar_number"], seed=seed
    )


def _answer(
    question: tuple[str, str],
    pairs: Pairs,
    found: Inversion,
    paths: dict,
    base: Regression | PanelFit,
    *,
    levels: bool,
) -> Result:
    unit, length = bar_unit(pairs.frame, daily=pairs.daily)
    method = _method(pairs, found, paths["interval"])
    method += "; series and paths over the sd of their own levels" if levels else ""
    flags = _flags(pairs, found, unit, base.flags)
    estimators = estimators_table(pairs.design, found, unit, length)
    meanings = pd.DataFrame({"flag": flags, "meaning": [FLAGS.get(flag, "") for flag in flags]})
    return Result(
        *question,
        unit=units(unit, length),
        table=_table(base.table, found),
        sample=pairs.sample,
        errors=f"rho: interval and p of rho = 1 by {method}; std_error: {base.errors}",
        fit=base.fit,
        quantities={
            "rho": rho_of(found, method),
            "half_life": half_life_of(pairs.design, found, unit, length, method),
        },
        flags=flags,
        details={
            "estimators": estimators if not levels else estimators.iloc[[0, -1]],
            "interval": bounds_table(pairs.design, found, unit, length),
            "flags": meanings,
        }
        | ({"clocks": clock_table(pairs)} if unit == "bars" else {})
        | ({"series": series_table(pairs, unit, length, **paths)} if few_enough(pairs) else {}),
    )


def _table(table: pd.DataFrame, found: Inversion) -> pd.DataFrame:
    """The regression's table, the row of rho about rho = 1 and with the inverted interval."""
    table = table.copy()
    at = table.index[table["term"] == "rho"][0]
    table.loc[at, "t"] = (found.rho - 1) / table.loc[at, "std_error"]
    table.loc[at, ["p", "low", "high"]] = [found.p_unit, found.low, found.high]
    return table[TIDY]


def _flags(pairs: Pairs, found: Inversion, unit: str, others: tuple[str, ...]) -> tuple[str, ...]:
    raised = {
        "unit_root_not_rejected": found.low <= 1 <= found.high,
        "interval_unbounded": not np.isfinite([found.low, found.high]).all(),
        "residual_autocorrelation": serial_correlation(pairs.design, 3) < 0.01,
        "opening_unknown": not pairs.frame["opening_known"].all(),
        "event_time": unit == "bars",
        "own_mean_a_segment": pairs.intercept == "segment",
        "units_lost": drift_share(pairs) > 0,
        "mean_not_zero": pairs.intercept == "none" and _leans(pairs, found.rho),
    }
    return tuple(dict.fromkeys([*(name for name, on in raised.items() if on), *others]))


def _leans(pairs: Pairs, rho: float) -> bool:
    """Whether the days' sums of residuals are in the mean over three standard errors from 0."""
    sums = pd.Series(pairs.design.y - rho * pairs.design.x).groupby(pairs.frame["day"]).sum()
    return len(sums) > 5 and abs(sums.mean()) > 3 * sums.std() / np.sqrt(len(sums))


def _method(pairs: Pairs, found: Inversion, interval: str) -> str:
    kind = {
        "bootstrap": "residuals with random signs, one a bar",
        "gaussian": "Gaussian errors of constant variance",
    }[interval]
    mean = {
        "none": "mean 0",
        "pooled": "a mean a series and stretch of known level",
        "segment": "a mean a segment",
    }[pairs.intercept]
    return f"test inversion, {found.draws} simulated paths ({kind}; {mean})"
