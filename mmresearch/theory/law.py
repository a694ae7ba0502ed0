"""The exact law of inventory under quotes that depend on inventory alone.

Fills of one lot arrive at distance d from the mid with intensity A exp(-k d), so inventory q is a
birth-death chain, whose stationary law and speed of reversion are known exactly.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.theory.glft import Glft, log_ground_state
from mmresearch.theory.quotes import QUOTES, glft_distances


def glft_theory(
    *,
    A: float = 0.9,  # noqa: N803 - the paper's letters
    k: float = 0.3,
    gamma: float = 0.01,
    sigma: float = 0.3,
    Q: int = 30,  # noqa: N803
    quotes: str = "eigenvector",
) -> dict:
    """Quotes and exact inventory law of the maker far from its horizon.

    Parameters
    ----------
    A, k : float
        Fill intensity A exp(-k d): A per second, k per tick, d in ticks.
    gamma, sigma : float
        Risk aversion per tick; volatility of the mid in ticks per square root of a second.
    Q : int
        Largest inventory in lots: no bid at +Q, no ask at -Q.
    quotes : {"eigenvector", "closed_form"}
        Distances from the eigenvector of the smallest eigenvalue of the paper's matrix M (its
        asymptotic quotes), or from the paper's closed-form approximation of them.

    Returns
    -------
    dict
        c, s (ticks: distances are about c + s(2q+1)/2 below and c - s(2q-1)/2 above the mid), eta
        (1/s), alpha (1/s); Series by q (lots): delta_b, delta_a (ticks, missing where not quoted),
        rate_b, rate_a (1/s), pi (stationary law by detailed balance), f0 (the eigenvector, of unit
        length); stationary_variance (lots squared), spectral_gap (1/s), half_life (s) = ln 2 over
        the gap, linear_kappa (1/s, reversion linearised at q = 0), `autocorrelation(lag in s)`,
        fill_rate (1/s), acf_30s, and the parameters.
    """
    if quotes not in QUOTES:
        raise ValueError(f"quotes={quotes!r}; give 'eigenvector' or 'closed_form'")
    paper, levels = Glft(A, k, gamma, sigma), np.arange(-Q, Q + 1)
    bid, ask = glft_distances(paper, levels, quotes=quotes)
    f0 = np.exp(log_ground_state(paper, levels))
    scales = {name: getattr(paper, name) for name in ("c", "s", "eta", "alpha")}
    scales["linear_kappa"] = linear_reversion(A, k, paper.s, paper.c + paper.s / 2)
    given = {"A": A, "k": k, "gamma": gamma, "sigma": sigma, "Q": Q, "quotes": quotes}
    law = birth_death(A * np.exp(-k * bid), A * np.exp(-k * ask), levels)
    by_level = {"delta_b": bid, "delta_a": ask, "f0": f0}
    by_level = {n: pd.Series(v, index=pd.Index(levels, name="q")) for n, v in by_level.items()}
    return {**scales, **by_level, **law, **given}


def linear_reversion(A: float, k: float, lean: float, half: float) -> float:  # noqa: N803
    """Rate of reversion at q = 0, a unit of time: 2 A k lean exp(-k half).

    `lean` is what a lot more lowers both quotes by, `half` the half-spread of a flat maker.
    """
    return 2 * A * k * lean * np.exp(-k * half)


def birth_death(up: np.ndarray, down: np.ndarray, levels: np.ndarray) -> dict:
    """Stationary law, spectrum and autocorrelation of a birth-death chain with these rates."""
    up, down = np.nan_to_num(up), np.nan_to_num(down)
    log_pi = np.append(0.0, np.cumsum(np.log(up[:-1] / down[1:])))
    pi = np.exp(log_pi - log_pi.max())
    pi /= pi.sum()
    # detailed balance makes the generator symmetric in the inner product of pi
    beside = np.sqrt(up[:-1] * down[1:])
    generator = np.diag(-(up + down)) + np.diag(beside, 1) + np.diag(beside, -1)
    values, vectors = np.linalg.eigh(generator)
    variance = pi @ levels**2 - (pi @ levels) ** 2
    weight = (vectors.T @ (np.sqrt(pi) * (levels - pi @ levels))) ** 2 / variance

    def autocorrelation(lag: float) -> float:
        """Correlation of inventory with itself `lag` seconds later, in the stationary state."""
        return float(weight @ np.exp(values * lag))

    index = pd.Index(levels, name="q")
    series = {"rate_b": up, "rate_a": down, "pi": pi}
    return {name: pd.Series(value, index=index) for name, value in series.items()} | {
        "stationary_variance": float(variance),
        "spectral_gap": float(-values[-2]),
        "half_life": float(np.log(2) / -values[-2]),
        "autocorrelation": autocorrelation,
        "acf_30s": autocorrelation(30.0),
        "fill_rate": float(pi @ (up + down)),
    }
