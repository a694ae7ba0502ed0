"""Error correction of several prices of one thing, from sums of products: one fit a draw.

A row holds y_t = (changes of the n prices, gaps of the first price to each other one); with the
gaps known the model is least squares, and so a matter of sums (`var_moments.window_moments`).
"""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

import numpy as np

MOST_ORDERED = 4  # venues up to which every ordering is tried


class Correction(NamedTuple):
    """Fits of dp_t = const + alpha gap_(t-1) + sum G_i dp_(t-i) + u_t, one a draw.

    alpha [draws, n, n - 1], gammas [draws, lags, n, n], sigma [draws, n, n] of u, const [draws, n].
    """

    const: np.ndarray
    alpha: np.ndarray
    gammas: np.ndarray
    sigma: np.ndarray

    def weights(self) -> np.ndarray:
        """How innovations move the common price, as shares of one: [draws, n].

        The long-run effect of every innovation on every price is the same row, proportional to
        what no gap corrects: psi alpha = 0 (Gonzalo and Granger 1995).
        """
        count = self.alpha.shape[1]
        # the vector that is orthogonal to alpha's columns, by cofactors
        rows = [np.delete(self.alpha, j, axis=1) for j in range(count)]
        signs = (-1.0) ** np.arange(count)
        across = np.stack([np.linalg.det(part) for part in rows], axis=1) * signs
        return across / across.sum(axis=1, keepdims=True)

    def shares(self) -> np.ndarray:
        """Hasbrouck's (1995) information shares by ordering, [orderings, draws, n]."""
        weights = self.weights()
        count, found = weights.shape[1], []
        for order in orderings(count):
            places = np.array(order)
            factor = np.linalg.cholesky(self.sigma[:, places][:, :, places])
            part = np.einsum("di,dij->dj", weights[:, places], factor) ** 2
            share = np.empty_like(part)
            share[:, places] = part / part.sum(axis=1, keepdims=True)
            found.append(share)
        return np.array(found)


def orderings(count: int) -> list[tuple[int, ...]]:
    """All of them, or with more than four venues each one first and each one last."""
    if count <= MOST_ORDERED:
        return list(permutations(range(count)))
    turned = [tuple(np.roll(range(count), -first)) for first in range(count)]
    return [*turned, *(order[::-1] for order in turned)]


def solve_correction(moments: np.ndarray, count: int, lags: int) -> Correction:
    """Least squares of each draw's sums [draws, m, m] over (1, y_t, y_(t-1), ...).

    Raises
    ------
    numpy.linalg.LinAlgError
        Where regressors are collinear.
    """
    width = 2 * count - 1
    now = list(range(1, 1 + count))
    gaps = [1 + width + count + j for j in range(count - 1)]
    past = [1 + width * lag + j for lag in range(1, lags + 1) for j in range(count)]
    on = [0, *gaps, *past]
    right = moments[:, on][:, :, now]
    params = np.linalg.solve(moments[:, on][:, :, on], right)
    rest = moments[:, now][:, :, now] - right.transpose(0, 2, 1) @ params
    rows = moments[:, 0, 0]
    # exact moments are means, of one "row"; the divisor is the number of rows, as by likelihood
    sigma = (rest + rest.transpose(0, 2, 1)) / (2 * rows[:, None, None])
    draws = len(moments)
    return Correction(
        params[:, 0],
        params[:, 1:count].transpose(0, 2, 1),
        params[:, count:].reshape(draws, lags, count, count).transpose(0, 1, 3, 2),
        sigma,
    )


def gap_root(moments: np.ndarray, count: int, lags: int) -> tuple[np.ndarray, np.ndarray]:
    """Augmented Dickey-Fuller regression of each gap on itself: coefficients and t, [n - 1] each.

    dgap_t = const + rho gap_(t-1) + sum of lags of dgap: everything is in the sums of prices'
    changes, for a gap's change is the first price's less the other's. `moments` [m, m].
    """
    width, found = 2 * count - 1, []
    for other in range(1, count):
        picks = [np.eye(len(moments))[0], np.eye(len(moments))[width + count + other]]
        for lag in range(lags + 1):
            change = np.zeros(len(moments))
            change[[1 + width * lag, 1 + width * lag + other]] = [1, -1]
            picks.append(change)
        target, on = picks[2], np.array([picks[0], picks[1], *picks[3:]])
        gram, cross = on @ moments @ on.T, on @ moments @ target
        slopes = np.linalg.solve(gram, cross)
        rest = target @ moments @ target - cross @ slopes
        error = np.sqrt(rest / (moments[0, 0] - len(on)) * np.linalg.inv(gram)[1, 1])
        found.append((slopes[1], slopes[1] / error))
    return tuple(np.array(found).T)
