"""The propagator's regression: normal equations of lagged signs, influence of what comes of them.

Signs stand in chains (a symbol's session); a row is a trade with `lags` of its chain before it.
Sums over lagged products are moved along the diagonal: row i+1, column j+1 of X'X is row i, column
j with one product a chain added at its start and one taken at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.optimize
from numpy.lib.stride_tricks import sliding_window_view

CHUNK = 50_000  # rows of lagged signs in memory at once


class Chains(NamedTuple):
    """Where chains begin and end: (chains,) each, those longer than the lags alone."""

    start: np.ndarray
    end: np.ndarray


class Kernel(NamedTuple):
    """K (lags + 1,), the constant, their inverse normal matrix (lags + 2, lags + 2), rows used.

    All missing where lagged signs are collinear.
    """

    kernel: np.ndarray
    constant: float
    inverse: np.ndarray
    rows: int


class Power(NamedTuple):
    """The law scale * x^-exponent; slopes (2, n): how both move with the values."""

    scale: float
    exponent: float
    slopes: np.ndarray


def chains_of(chain: np.ndarray, lags: int) -> Chains:
    """Stretches of one number in `chain` (rising) that hold more than `lags` rows."""
    start = np.flatnonzero(np.append(True, np.diff(chain) != 0)[: len(chain)])
    end = np.append(start[1:], len(chain))
    long = end - start > lags
    return Chains(start[long], end[long])


def fit_kernel(ret: np.ndarray, sign: np.ndarray, chains: Chains, lags: int) -> Kernel:
    """Least squares of each return on a constant, its trade's sign and the `lags` before."""
    size = lags + 1
    gram, moment = np.zeros((size + 1, size + 1)), np.zeros(size + 1)
    for a, b in zip(*chains, strict=True):
        own, y = sign[a:b], ret[a + lags : b]
        first = _products(own, own[lags:], lags)
        gram[1:, 1:] += _moved(own, first, lags)
        sums = np.array([own[lags - j : len(own) - j].sum() for j in range(size)])
        gram[0, 1:] += sums
        gram[0, 0] += len(y)
        moment[0] += y.sum()
        moment[1:] += _products(own, y, lags)
    gram[1:, 0] = gram[0, 1:]
    whole = np.linalg.cond(gram) < 1e12
    inverse = np.linalg.inv(gram) if whole else np.full_like(gram, np.nan)
    found = inverse @ moment
    return Kernel(found[1:], float(found[0]), inverse, int(gram[0, 0]))


def _products(own: np.ndarray, y: np.ndarray, lags: int) -> np.ndarray:
    """Sums of y[t] * own[t + lags - j] over t, for j = 0 to lags."""
    return np.array([y @ own[lags - j : len(own) - j] for j in range(lags + 1)])


def _moved(own: np.ndarray, first: np.ndarray, lags: int) -> np.ndarray:
    """The matrix of all lagged products from its first row."""
    size, n = lags + 1, len(own)
    gram = np.empty((size, size))
    gram[0] = gram[:, 0] = first
    before, last = own[lags - 1 :: -1][:lags] if lags else own[:0], own[n - 1 - np.arange(lags)]
    for i in range(lags):
        gram[i + 1, i + 1 :] = gram[i, i:-1] + before[i] * before[i:] - last[i] * last[i:]
        gram[i + 1 :, i + 1] = gram[i + 1, i + 1 :]
    return gram


def blocks(sign: np.ndarray, chains: Chains, lags: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions of rows and their lagged signs (rows, lags + 1), lag 0 first, piece by piece."""
    for a, b in zip(*chains, strict=True):
        for begin in range(a + lags, b, CHUNK):
            end = min(begin + CHUNK, b)
            view = sliding_window_view(sign[begin - lags : end], lags + 1)[:, ::-1]
            yield np.arange(begin, end), view


def influences(
    ret: np.ndarray,
    sign: np.ndarray,
    chains: Chains,
    found: Kernel,
    shown: np.ndarray,
    continuing: np.ndarray,
) -> np.ndarray:
    """Influence of each row (rows, shown + continuing) on G at `shown` and C at the lags after.

    G(l) is the sum of K to lag l; C(n) the mean of sign times sign n before, over mean square.
    """
    lags = len(found.kernel) - 1
    take = np.zeros((lags + 2, len(shown)))
    for column, lag in enumerate(shown):
        take[1 : lag + 2, column] = 1.0
    turn = found.inverse @ take
    square = _mean_square(sign, chains, lags)
    level = autocorrelation(sign, chains, lags)[continuing]
    parts = []
    for rows, x in blocks(sign, chains, lags):
        error = ret[rows] - found.constant - x @ found.kernel
        steps = (turn[0] + x @ turn[1:]) * error[:, None]
        now = x[:, [0]]
        together = (now * x[:, continuing] - level * now**2) / (square * found.rows)
        parts.append(np.hstack([steps, together]))
    return np.concatenate(parts)


def rows_used(chains: Chains, lags: int) -> np.ndarray:
    """Positions of the rows, in the order of `influences`."""
    return np.concatenate([np.arange(a + lags, b) for a, b in zip(*chains, strict=True)])


def _mean_square(sign: np.ndarray, chains: Chains, lags: int) -> float:
    return float(np.mean(sign[rows_used(chains, lags)] ** 2))


def autocorrelation(sign: np.ndarray, chains: Chains, lags: int) -> np.ndarray:
    """C(n) = E sign_t sign_{t-n} / E sign^2 for n = 0 to lags, over the rows used (mean 0)."""
    total = sum(
        _products(sign[a:b], sign[a + lags : b], lags) for a, b in zip(*chains, strict=True)
    )
    return total / total[0]


def naive_response(
    ret: np.ndarray, sign: np.ndarray, chains: Chains, shown: np.ndarray
) -> np.ndarray:
    """R(l) = E sign_t (m_{t+l} - m_{t-1}) / E sign^2: every pair inside its chain."""
    found = np.full(len(shown), np.nan)
    total = np.append(0.0, np.cumsum(ret))
    for column, lag in enumerate(shown):
        top = count = 0.0
        for a, b in zip(*chains, strict=True):
            t = np.arange(a, b - lag)
            top += sign[t] @ (total[t + lag + 1] - total[t])
            count += sign[t] @ sign[t]
        found[column] = top / count if count else np.nan
    return found


def implied_response(propagator: np.ndarray, continuing: np.ndarray, most: int) -> np.ndarray:
    """R(l), l = 0 to most, that G and C imply (Bouchaud et al. 2004), both known to `lags`.

    R(l) = sum over n of K(n) sum over j = 0 to l of C(|n - j|): what K says of every return to t+l.
    """
    kernel = np.diff(propagator, prepend=0.0)
    lag = np.arange(len(kernel))
    steps = [kernel @ continuing[np.abs(lag - j)] for j in range(most + 1)]
    return np.cumsum(steps)


def fit_power(values: np.ndarray, at: np.ndarray, weight: np.ndarray) -> Power | None:
    """Weighted least squares of values on scale * at^-exponent, negative values kept.

    None where no curve is found.
    """
    start = (values[0] * at[0] ** 0.3, 0.3)

    def miss(theta: np.ndarray) -> np.ndarray:
        return (theta[0] * at ** -theta[1] - values) * weight

    fit = scipy.optimize.least_squares(miss, start, x_scale=(abs(start[0]) or 1.0, 0.3))
    if not fit.success or not np.isfinite(fit.x).all():
        return None
    scale, exponent = fit.x
    lean = np.column_stack([at**-exponent, -scale * np.log(at) * at**-exponent])
    weighed = lean * weight[:, None] ** 2
    normal = lean.T @ weighed
    if np.linalg.cond(normal) > 1e14:
        return None
    return Power(float(scale), float(exponent), np.linalg.solve(normal, weighed.T))
