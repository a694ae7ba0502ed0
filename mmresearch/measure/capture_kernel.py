"""The loop that splits each period's profit into its parts, compiled; imported where it runs."""

from __future__ import annotations

import numpy as np
from numba import njit

from mmresearch.measure.entries import FILL, OPENING, SNAPSHOT, TRANSFER
from mmresearch.measure.periods import END

# the columns of what is written, in the order of `capture.COLUMNS`
SPREAD, ADVERSE, REVALUATION, FEES, TRANSFERS, APART, PROFIT, CARRIED, HELD, MARK = range(10)
FILLS, VOLUME, VALUE, FILLS_APART, PAST, UNKNOWN, POSITION, CAPITAL, DRIFT = range(10, 19)
_DUST = 1e-12  # of the largest position so far: what rounding leaves of one that was closed
_ROUNDING = 1e-9  # of a reported position, or of one unit: decimals are read as floats


@njit(cache=True)
def capture_periods(
    series: np.ndarray,
    kind: np.ndarray,
    units: tuple[np.ndarray, np.ndarray, np.ndarray],
    prices: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    fee: np.ndarray,
    known: np.ndarray,
    table: np.ndarray,
) -> None:
    """Split the profit of every period in one pass over the ordered entries of all series.

    Parameters
    ----------
    series, kind
        Of each of n entries; a period is what comes up to an END, which every series has last.
    units
        What comes in (0 of reports and ends), the units a contract, the position reported (NaN).
    prices
        Price (of a fill), mark, reference (NaN: the fill is kept apart), later reference (NaN: it
        is past the session); of inverse contracts all turned.
    fee
        Of each entry, NaN if unknown.
    known
        Of each entry, whether the series' opening position is.
    table
        Written: a row a period, `capture.COLUMNS`.

    The profit is what each unit, held before or come in, made up to the period's last mark. Its
    parts run along the marks at the entries, so that the two are sums of different terms.
    """
    amount, factor, reported = units
    price, mark, reference, later = prices
    row, begun = 0, True
    held, moved, peak, level, drift = 0.0, 0.0, 0.0, np.nan, np.nan
    before, start, net, gained, last = 0.0, np.nan, 0.0, 0.0, np.nan
    for i in range(len(kind)):
        if i == 0 or series[i] != series[i - 1]:
            held, peak, start, last, begun = 0.0, 0.0, mark[i], mark[i], True
            level, drift = (0.0 if known[i] else np.nan), np.nan
        out = table[row]
        if begun:
            out[:] = 0.0
            before, net, gained, moved, begun = held, held, 0.0, 0.0, False
            out[CAPITAL] = abs(held * start) * factor[i] if held != 0 else 0.0
        if held != 0 or moved != 0:
            step = (mark[i] - last) * factor[i]
            out[REVALUATION] += (held - moved) * step
            out[TRANSFERS] += moved * step
            out[CAPITAL] = _larger(out[CAPITAL], abs(held * mark[i]) * factor[i])
        last = mark[i]
        came = amount[i]
        if kind[i] == OPENING:
            before += came
        elif kind[i] == TRANSFER:
            moved += came
            if came != 0:  # nothing that came needs no price
                gained += came * (start - mark[i]) * factor[i]
        elif kind[i] == FILL:
            gained += came * (start - price[i]) * factor[i]
            _fill(out, came * factor[i], price[i], mark[i], reference[i], later[i])
            out[VOLUME] += abs(came)
            if np.isnan(fee[i]):
                out[UNKNOWN] += 1
            else:
                out[FEES] -= fee[i]
        elif kind[i] == SNAPSHOT:
            gap = reported[i] - held
            if np.isnan(level):  # the opening is not known: the first report says it
                level = gap
            drift = gap - level
            if abs(drift) <= _ROUNDING * max(abs(reported[i]), 1.0):
                drift = 0.0
        if came != 0:
            net += came
            held += came
            peak = max(peak, abs(held))
            if abs(held) <= _DUST * peak:
                held = 0.0
        if held != 0:
            out[CAPITAL] = _larger(out[CAPITAL], abs(held * mark[i]) * factor[i])
        if kind[i] == END:
            change = (mark[i] - start) * factor[i]
            out[PROFIT] = out[FEES] + gained + (net * change if net != 0 else 0.0)
            out[CARRIED] = before * change + 0.0 if before != 0 else 0.0  # + 0: never -0
            out[HELD], out[MARK], out[POSITION], out[DRIFT] = before, start, held, drift
            row, start, begun = row + 1, mark[i], True


@njit(cache=True)
def _larger(one: float, other: float) -> float:
    """The larger of two, and not known if the other is not."""
    return one if other <= one else other


@njit(cache=True)
def _fill(
    out: np.ndarray, units: float, price: float, mark: float, reference: float, later: float
) -> None:
    """Add a fill: its spread and what came after it, or, apart, what it gained at the mark."""
    out[FILLS] += 1
    out[VALUE] += abs(units * price)
    if np.isnan(reference):
        out[APART] += units * (mark - price)
        out[FILLS_APART] += 1
        return
    out[SPREAD] += units * (reference - price)
    out[REVALUATION] += units * (mark - reference)
    if np.isnan(later):
        out[PAST] += 1
        return
    lost = units * (reference - later)
    out[ADVERSE] += lost
    out[REVALUATION] += lost
