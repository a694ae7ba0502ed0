"""Vector autoregressions from sums of products: any number of rows, blocks and draws.

A row is w = (1, y_t, y_(t-1), ..., y_(t-p)); its sums of products by block are all that least
squares needs, so that drawing blocks anew is adding matrices. The last variable of y is the return,
those before it are trades, which come causally first.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

CHUNK = 4096  # rows of windows that stay in the cache


class Var(NamedTuple):
    """Fits of y_t = const + sum A_i y_(t-i) + u_t, one a draw.

    const [draws, k], lag_matrices [draws, p, k, k], sigma [draws, k, k] of u (rows less parameters
    of an equation), b0 [draws, k - 1]: the return's slopes on the trade variables of its own t.
    """

    const: np.ndarray
    lag_matrices: np.ndarray
    sigma: np.ndarray
    b0: np.ndarray

    def responses(self, shock: np.ndarray, horizon: int) -> np.ndarray:
        """The return, 0 to `horizon` trades after unexpected trade variables `shock` [k - 1]."""
        lags = self.lag_matrices.shape[1]
        path = [self._struck(shock)]
        for step in range(1, horizon + 1):
            reach = min(step, lags)
            before = np.stack(path[: step - reach - 1 if step > reach else None : -1][:reach], 1)
            path.append(np.einsum("dlij,dlj->di", self.lag_matrices[:, :reach], before))
        return np.stack(path, axis=1)[:, :, -1]

    def permanent(self, shock: np.ndarray) -> np.ndarray:
        """The sum of all responses, [draws]."""
        return np.einsum("dj,dj->d", self._last_row(), self._struck(shock))

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Variance of the random walk in the price: by trades, by what quotes tell beside them."""
        row, sigma = self._last_row(), self.sigma
        by_trade = row[:, :-1] + row[:, -1:] * self.b0
        traded = np.einsum("di,dij,dj->d", by_trade, sigma[:, :-1, :-1], by_trade)
        own = sigma[:, -1, -1] - np.einsum("di,di->d", self.b0, sigma[:, :-1, -1])
        return traded, row[:, -1] ** 2 * own

    def largest_root(self) -> np.ndarray:
        """Of the companion matrix, [draws]: from 1 up a shock never ends."""
        draws, lags, k, _ = self.lag_matrices.shape
        companion = np.zeros((draws, lags * k, lags * k))
        companion[:, :k] = self.lag_matrices.transpose(0, 2, 1, 3).reshape(draws, k, lags * k)
        companion[:, k:, :-k] = np.eye((lags - 1) * k)
        return np.abs(np.linalg.eigvals(companion)).max(axis=1)

    def equations(self) -> np.ndarray:
        """Slopes of the recursive form, [draws, k, p, k]: the return's with its b0 taken out."""
        slopes = self.lag_matrices.transpose(0, 2, 1, 3).copy()
        slopes[:, -1] -= np.einsum("di,dilj->dlj", self.b0, slopes[:, :-1])
        return slopes

    def _struck(self, shock: np.ndarray) -> np.ndarray:
        trades = np.broadcast_to(np.asarray(shock, "float64"), self.b0.shape)
        return np.column_stack([trades, (self.b0 * trades).sum(axis=1)])

    def _last_row(self) -> np.ndarray:
        """The return's row of the sum of all responses, the inverse of I - sum A_i."""
        k = self.sigma.shape[1]
        left = np.eye(k) - self.lag_matrices.sum(axis=1)
        unit = np.zeros((len(left), k, 1))
        unit[:, -1] = 1
        return np.linalg.solve(left.transpose(0, 2, 1), unit)[:, :, 0]


def window_moments(y: np.ndarray, usable: np.ndarray, edges: np.ndarray, lags: int) -> np.ndarray:
    """Sums of w w' over the usable rows of each block, [blocks, m, m], m = 1 + k (lags + 1).

    Parameters
    ----------
    y : array (n, k)
        In order of time, C-contiguous.
    usable : array (n,)
        Whether a row has its lags before it; never in the first `lags` rows.
    edges : array (blocks + 1,)
        Where blocks begin, and where the last one ends.
    """
    k = y.shape[1]
    width = k * (lags + 1)
    windows = sliding_window_view(y.reshape(-1), width)[::k]  # row j ends with y_(j + lags)
    found = np.zeros((len(edges) - 1, width + 1, width + 1))
    rows = np.ones((CHUNK, width + 1))
    for block, (begin, end) in enumerate(pairwise(edges)):
        for first in range(max(int(begin), lags), int(end), CHUNK):
            last = min(first + CHUNK, int(end))
            keep = usable[first:last]
            part = windows[first - lags : last - lags]
            part = part if keep.all() else part[keep]
            own = rows[: len(part)]
            own[:, 1:] = part
            found[block] += own.T @ own
    order = [0] + [1 + k * (lags - lag) + c for lag in range(lags + 1) for c in range(k)]
    return found[:, order][:, :, order]


def narrowed(moments: np.ndarray, k: int, lags: int) -> np.ndarray:
    """The sums of fewer lags, of the same rows."""
    width = 1 + k * (lags + 1)
    return moments[..., :width, :width]


def solve_var(moments: np.ndarray, k: int) -> Var:
    """Least squares, equation by equation, of each draw's sums [draws, m, m].

    Raises
    ------
    numpy.linalg.LinAlgError
        Where regressors are collinear.
    """
    draws, width, _ = moments.shape
    lags = (width - 1) // k - 1
    past, now = [0, *range(1 + k, width)], list(range(1, 1 + k))
    left = moments[:, past][:, :, past]
    right = moments[:, past][:, :, now]
    params = np.linalg.solve(left, right)
    rest = moments[:, now][:, :, now] - right.transpose(0, 2, 1) @ params
    rows = moments[:, 0, 0]
    # exact moments are means, of one "row": nothing is taken off for what was estimated
    free = np.where(rows > len(past), rows - len(past), rows)
    sigma = (rest + rest.transpose(0, 2, 1)) / (2 * free[:, None, None])
    b0 = np.linalg.solve(sigma[:, :-1, :-1], sigma[:, :-1, -1:])[:, :, 0]
    slopes = params[:, 1:].reshape(draws, lags, k, k).transpose(0, 1, 3, 2)
    return Var(params[:, 0], slopes, sigma, b0)
