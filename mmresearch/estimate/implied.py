"""What theory follows from a measured skew: its numbers as functions of skew, sigma, A and k."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from mmresearch.theory.glft import Glft, distances, log_ground_state, risk_neutral_distance
from mmresearch.theory.law import birth_death, linear_reversion
from mmresearch.theory.quotes import avellaneda_stoikov, glft_distances

ANSWERS = ("risk_aversion", "spread", "half_life", "linear_half_life")


class Model(NamedTuple):
    """Which theory: its name, GLFT's quotes, the largest inventory in lots, the time left."""

    name: str
    quotes: str
    limit: int
    horizon: float | None


class Known(NamedTuple):
    """A number and the ends of its interval; all three the same where it is taken as exact."""

    value: float
    low: float
    high: float


def implied(
    model: Model,
    lean: float,
    sigma: float,
    A: float,  # noqa: N803
    k: float,
) -> dict[str, float]:
    """Risk aversion under which one lot more lowers the quotes by `lean`, and what follows.

    With lean 0: no risk aversion, spread 2/k, inventory that never reverts.
    """
    if lean <= 0:
        return dict(zip(ANSWERS, (0.0, 2 / k, math.inf, math.inf), strict=True))
    if not math.isfinite(lean):
        return dict(zip(ANSWERS, (math.inf, math.inf, math.nan, math.nan), strict=True))
    gamma = risk_aversion(model, lean, sigma, A, k)
    levels = _levels(model, lean, k)
    bid, ask = _distances(model, gamma, sigma, A, k, levels)
    flat = (bid + ask)[len(levels) // 2]
    law = birth_death(A * np.exp(-k * bid), A * np.exp(-k * ask), levels)
    if model.name == "glft":
        slope, half = Glft(A, k, gamma, sigma).s, Glft(A, k, gamma, sigma).c
    else:
        slope, half = lean, risk_neutral_distance(gamma, k)
    linear = math.log(2) / linear_reversion(A, k, slope, half + slope / 2)
    return dict(zip(ANSWERS, (gamma, float(flat), law["half_life"], linear), strict=True))


def only_risk_aversion(
    model: Model,
    lean: float,
    sigma: float,
    A: float,  # noqa: N803
    k: float,
) -> dict[str, float]:
    """The first of `implied`'s answers alone."""
    known = 0 < lean < math.inf
    return {ANSWERS[0]: risk_aversion(model, lean, sigma, A, k) if known else max(lean, 0.0)}


def risk_aversion(model: Model, lean: float, sigma: float, A: float, k: float) -> float:  # noqa: N803
    """The gamma of a lean; every theory's lean rises with gamma, from 0 without bound."""
    if model.name == "avellaneda-stoikov":
        return lean / (sigma**2 * model.horizon)
    close = k * _ratio(2 * A * lean**2 / sigma**2)
    if model.quotes == "closed_form":
        return close
    levels = _levels(model, lean, k)

    def beyond(log_gamma: float) -> float:
        given = Glft(A, k, math.exp(log_gamma), sigma)
        return math.log(_typical_lean(given, levels) / lean)

    centre, reach = math.log(close), 0.05
    while beyond(centre - reach) > 0 or beyond(centre + reach) < 0:
        reach *= 2
        if reach > 50:
            return math.nan
    return math.exp(brentq(beyond, centre - reach, centre + reach, xtol=1e-12))


def _ratio(target: float) -> float:
    """The x = gamma/k with x (1 + x)^(1 + 1/x) = target: GLFT's s squared, times 2A/sigma^2."""
    wanted = math.log(target)

    def beyond(log_x: float) -> float:
        x = math.exp(log_x)
        return log_x + (1 + 1 / x) * math.log1p(x) - wanted

    # the left side lies between ln x + 1 (small x) and 2 ln x + 1 or so (large x)
    low, high = min(wanted / 2, wanted) - 5, max(wanted / 2, wanted) + 5
    return math.exp(brentq(beyond, low, high, xtol=1e-13))


def _levels(model: Model, lean: float, k: float) -> np.ndarray:
    """The inventories: up to the limit, or to where there is none for any time (below e^-80)."""
    reached = max(3, math.ceil(math.sqrt(80 / (k * lean))))
    limit = min(model.limit, reached)
    return np.arange(-limit, limit + 1)


def _typical_lean(given: Glft, levels: np.ndarray) -> float:
    """What least squares of the quotes' middle on inventory finds, in the time that the law gives.

    GLFT's middle is nearly a straight line, not quite. Its maker is at each inventory for the
    square of the eigenvector.
    """
    log_v = log_ground_state(given, levels)
    bid, ask = distances(given, log_v)
    inner = slice(1, -1)
    weight, q = np.exp(2 * log_v[inner]), levels[inner]
    away = weight * (q - weight @ q / weight.sum())
    return float(away @ (bid - ask)[inner] / 2 / (away @ q))


def _distances(
    model: Model,
    gamma: float,
    sigma: float,
    A: float,  # noqa: N803
    k: float,
    levels: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    if model.name == "glft":
        return glft_distances(Glft(A, k, gamma, sigma), levels, quotes=model.quotes)
    bid, ask = avellaneda_stoikov(gamma, sigma, k, model.horizon, levels)
    bid[-1] = ask[0] = np.nan
    return bid, ask


def propagated(
    answer: Callable[..., dict[str, float]],
    inputs: dict[str, Known],
    correlated: tuple[str, str, float] | None = None,
) -> dict[str, Known]:
    """The answers with intervals from those of the inputs, which are taken as independent.

    Each input alone is moved to its ends; the logs of what that does to an answer are added as
    squares, below and above by themselves (Zou and Donner 2008). With one input that has an
    interval, and an answer that rises or falls with it, that is the image of its ends. `correlated`
    names two inputs and their correlation.
    """
    base = answer(**{name: known.value for name, known in inputs.items()})
    moves = {name: _moves(answer, inputs, name, base) for name in inputs}
    found = {}
    for key, value in base.items():
        own = {name: moved[key] for name, moved in moves.items()}
        down = _together({n: (move.down, move.sign) for n, move in own.items()}, correlated)
        up = _together({n: (move.up, move.sign) for n, move in own.items()}, correlated)
        found[key] = Known(value, float(value * np.exp(-down)), float(value * np.exp(up)))
    return found


class _Move(NamedTuple):
    """How far an input's ends move an answer down and up, in logs; +1 where it rises with it."""

    down: float
    up: float
    sign: float


def _together(
    sizes: dict[str, tuple[float, float]], correlated: tuple[str, str, float] | None
) -> float:
    square = sum(size**2 for size, _ in sizes.values())
    if correlated and math.isfinite(square):
        (one, first), (other, second) = (sizes[name] for name in correlated[:2])
        square += 2 * correlated[2] * first * second * one * other
    return math.sqrt(max(square, 0.0))


def _moves(
    answer: Callable[..., dict[str, float]],
    inputs: dict[str, Known],
    name: str,
    base: dict[str, float],
) -> dict[str, _Move]:
    """What the ends of one input do to each answer."""
    known = inputs[name]
    if known.low == known.high:
        return dict.fromkeys(base, _Move(0.0, 0.0, 0.0))
    values = {i: k.value for i, k in inputs.items()}
    ends = [answer(**(values | {name: end})) for end in (known.low, known.high)]
    found = {}
    for key, value in base.items():
        steps = [_log_step(end[key], value) for end in ends]
        rises = 1.0 if steps[1] >= steps[0] else -1.0
        found[key] = _Move(max(0.0, -min(steps)), max(0.0, *steps), rises)
    return found


def _log_step(end: float, value: float) -> float:
    if math.isnan(end):
        return math.inf
    if end == value:
        return 0.0
    return -math.inf if end <= 0 else math.inf if math.isinf(end) else math.log(end / value)
