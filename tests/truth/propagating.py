"""Trades whose sides have a memory and whose impact decays by a known kernel."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.signal import fftconvolve

BEFORE = 20_000  # trades that are not seen, but still act


def remembering(
    rng: np.random.Generator, count: int, *, keep: float = 0.78, far: int = 100, law: float = 1.5
) -> np.ndarray:
    """Signs of a DAR: with probability `keep` that of k trades ago, k ~ k^-law up to `far`."""
    weight = np.arange(1, far + 1) ** -law
    back = rng.choice(far, size=count, p=weight / weight.sum()) + 1
    kept, sign = rng.random(count) < keep, np.where(rng.random(count) < 0.5, 1.0, -1.0)
    for t in range(far, count):
        if kept[t]:
            sign[t] = sign[t - back[t]]
    return sign


def long_memory(rng: np.random.Generator, count: int, hurst: float) -> np.ndarray:
    """Signs of fractional Gaussian noise: C(n) = 2/pi arcsin(rho(n)) ~ n^(2 hurst - 2)."""
    lag = np.arange(count + 1.0)
    rho = 0.5 * ((lag + 1) ** (2 * hurst) - 2 * lag ** (2 * hurst) + np.abs(lag - 1) ** (2 * hurst))
    ring = np.fft.fft(np.concatenate([rho, rho[-2:0:-1]])).real.clip(0)
    noise = rng.standard_normal(len(ring)) + 1j * rng.standard_normal(len(ring))
    return np.sign(np.fft.fft(np.sqrt(ring / len(ring)) * noise)[:count].real)


def tape_of(
    rng: np.random.Generator,
    sign: np.ndarray,
    *,
    days: int = 1,
    beta: float = 0.3,
    noise: float = 0.1,
    warm: int = BEFORE,
) -> pd.DataFrame:
    """A table as `mm.quoted_trades` makes it: log mid moves by sum of G(t - s) sign_s, bps.

    G(l) = (1 + l)^-beta; the first `warm` trades act and are not seen. Days cut one history.
    """
    kernel = (1.0 + np.arange(len(sign))) ** -beta
    level = fftconvolve(sign, kernel)[: len(sign)] + noise * rng.standard_normal(len(sign)).cumsum()
    before = 100 * np.exp(1e-4 * np.append(0, level[:-1])[warm:])
    side, n = sign[warm:], len(sign) - warm
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n) * days // n, "D")
    number = np.arange(n) - np.searchsorted(np.arange(n) * days // n, np.arange(n) * days // n)
    return pd.DataFrame(
        {"symbol": "X", "day": day, "time": day.tz_localize("UTC") + pd.to_timedelta(number, "s")}
        | {"seq": np.arange(n), "side": side, "size": 1.0}
        | {"price": before * (1 + 1e-4 * side), "bid": before - 0.01, "ask": before + 0.01}
    )
