"""The quotes of Guéant, Lehalle and Fernandez-Tapia (2013).

"Dealing with the inventory risk", Mathematics and Financial Economics 7. Fills of one lot arrive at
distance d from the mid with intensity A exp(-k d); the mid is a Brownian motion of volatility sigma
with drift mu, and moves against the maker by xi at each of its fills; utility is exponential with
risk aversion gamma. Distances are log ratios of neighbours in a vector v over inventory that solves
dv/dt = M v, with M tridiagonal.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh_tridiagonal


class Glft(NamedTuple):
    """The parameters, in the paper's letters: see `optimal_quotes`."""

    A: float
    k: float
    gamma: float
    sigma: float
    mu: float = 0.0
    xi: float = 0.0

    @property
    def c(self) -> float:
        """ln(1 + gamma/k) / gamma: the distance of a maker with no inventory risk left."""
        return risk_neutral_distance(self.gamma, self.k)

    @property
    def eta(self) -> float:
        """Off-diagonal of -M, a second."""
        ratio = self.gamma / self.k
        return self.A * (1 + ratio) ** -(1 + 1 / ratio) * np.exp(-self.k * self.xi / 2)

    @property
    def alpha(self) -> float:
        """K gamma sigma^2 / 2: M has alpha q^2 - k mu q on its diagonal."""
        return self.k / 2 * self.gamma * self.sigma**2

    @property
    def s(self) -> float:
        """sqrt(alpha / eta) / k: by how much a lot more lowers the closed form's quotes."""
        return np.sqrt(self.alpha / self.eta) / self.k

    def diagonal(self, levels: np.ndarray) -> np.ndarray:
        """The diagonal of M at these inventories."""
        return self.alpha * levels**2 - self.k * self.mu * levels


def risk_neutral_distance(gamma: float, k: float) -> float:
    """ln(1 + gamma/k) / gamma, which is 1/k where gamma is 0."""
    return np.log1p(gamma / k) / gamma if gamma > 0 else 1 / k


def closed_form(given: Glft, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The paper's approximation far from the horizon: bid and ask distance at each inventory."""
    centre = given.mu / (given.gamma * given.sigma**2)
    lean = given.s * (levels - centre)
    half = given.c + given.s / 2 + given.xi / 2
    return half + lean, half - lean


def distances(given: Glft, log_v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bid and ask distance from ln v: no bid at the highest inventory, no ask at the lowest."""
    step = -np.diff(log_v) / given.k
    base = given.c + given.xi / 2
    return base + np.append(step, np.nan), base - np.append(np.nan, step)


def log_ground_state(given: Glft, levels: np.ndarray) -> np.ndarray:
    """Ln of the positive unit eigenvector of M's smallest eigenvalue.

    Its entries may fall below any number's precision, so each is found from its neighbour: from
    either end towards the largest entry, where the recursion loses nothing.
    """
    diagonal, eta = given.diagonal(levels), given.eta
    beside = np.full(len(levels) - 1, -eta)
    values, vectors = eigh_tridiagonal(diagonal, beside, select="i", select_range=(0, 0))
    top = int(np.argmax(np.abs(vectors[:, 0])))
    excess = (diagonal - values[0]) / eta
    log_v = np.zeros(len(levels))
    log_v[:top] = -_log_rises(excess[:top])
    log_v[top + 1 :] = -_log_rises(excess[:top:-1])[::-1]
    return log_v - np.log(np.sum(np.exp(2 * log_v))) / 2


def log_v_before(given: Glft, levels: np.ndarray, horizon: float) -> np.ndarray:
    """Ln of exp(-M horizon) v(T), up to a constant, with v_q(T) = exp(-k xi q^2 / 2).

    exp(-M t) has no negative entry. So that none is lost in another's rounding, it is made of sums
    and products of numbers that are not negative: a short series, squared again and again.
    """
    diagonal = given.diagonal(levels)
    lifted = _tridiagonal(diagonal.max() - diagonal, given.eta) * horizon
    halvings = max(0, int(np.ceil(np.log2(max(lifted.sum(axis=1).max(), 1.0)))))
    step = lifted / 2**halvings
    power = term = np.eye(len(levels))
    for n in range(1, 25):
        term = term @ step / n
        power = power + term
    for _ in range(halvings):
        power = power @ power
        power /= power.max()
    return np.log(power @ np.exp(-given.k * given.xi * levels**2 / 2))


def _tridiagonal(diagonal: np.ndarray, beside: float) -> np.ndarray:
    off = np.full(len(diagonal) - 1, beside)
    return np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1)


def _log_rises(excess: np.ndarray) -> np.ndarray:
    """ln(v at the largest entry / v) from the end inwards, by v_next/v = excess - v_before/v."""
    ratios, ratio = np.empty(len(excess)), np.inf
    for place, value in enumerate(excess):
        ratio = value - 1 / ratio
        ratios[place] = ratio
    return np.cumsum(np.log(ratios)[::-1])[::-1]
