"""Competing risks: survival, incidence by cause, and what each life adds to their errors.

With weights w, lives T of cause c, the sum of weights at risk Y(u) just before u and of those that
end by cause k at u, dN_k(u):

    S(t) = prod_{u <= t} (1 - dN(u)/Y(u)),    F_k(t) = sum_{u <= t} S(u-) dN_k(u)/Y(u)

(Kaplan and Meier 1958, Aalen and Johansen 1978). Their derivatives in each dN(u)/Y(u) give the
influence of each life, so that lives that come in bursts can be added up before they are squared.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CAUSES = ("cancel", "fill")  # cause 1 and 2; 0 is a life not seen to end


class Risks(NamedTuple):
    """Lives in the time of their ends.

    times: those at which lives end or are last watched, ascending. place [n]: of each life.
    cause, weight [n]. at_risk: Y at each time. hazard: [2, times], by cause. before: S just before
    each time. incidence: [2, times], F after each.
    """

    times: np.ndarray
    place: np.ndarray
    cause: np.ndarray
    weight: np.ndarray
    at_risk: np.ndarray
    hazard: np.ndarray
    before: np.ndarray
    incidence: np.ndarray

    @property
    def survival(self) -> np.ndarray:
        """S after each time."""
        return self.before * (1 - self.hazard.sum(axis=0))


def risks_of(seconds: np.ndarray, cause: np.ndarray, weight: np.ndarray) -> Risks:
    """Lives of so many seconds that ended by a cause, or (0) were watched no longer."""
    times, place = np.unique(seconds, return_inverse=True)
    many = len(times)
    leave = np.bincount(place, weight, many)
    at_risk = np.cumsum(leave[::-1])[::-1]
    ended = [np.bincount(place, weight * (cause == k), many) for k in (1, 2)]
    hazard = np.array(ended) / at_risk
    # rounding of sums must not leave a hundredth of a life at risk after the last
    left = np.clip(1 - hazard.sum(axis=0), 0.0, 1.0)
    before = np.append(1.0, np.cumprod(left))[:-1]
    incidence = np.cumsum(before * hazard, axis=1)
    return Risks(times, place, cause, weight, at_risk, hazard, before, incidence)


def at(risks: Risks, seconds: float) -> tuple[float, float, float]:
    """S, F of cancellation and F of a fill after so many seconds."""
    k = np.searchsorted(risks.times, seconds, side="right") - 1
    if k < 0:
        return 1.0, 0.0, 0.0
    cancel, fill = risks.incidence[:, k]
    return float(1 - cancel - fill), float(cancel), float(fill)


def watched(risks: Risks, seconds: float) -> float:
    """Weight still at risk at that time."""
    k = np.searchsorted(risks.times, seconds, side="left")
    return float(risks.at_risk[k]) if k < len(risks.times) else 0.0


def known(risks: Risks, seconds: float) -> bool:
    """Whether S and F are known at that time: some are watched still, or all have ended."""
    return watched(risks, seconds) > 0 or at(risks, seconds)[0] <= 1e-12


def influence(risks: Risks, cause: int, seconds: float) -> np.ndarray:
    """What each life adds to the error of F of a cause (1, 2) at a time; their sum is 0."""
    last = np.searchsorted(risks.times, seconds, side="right")
    reach = np.minimum(risks.place, last - 1)  # up to when each was at risk, and counted
    if last == 0:
        return np.zeros(len(risks.place))
    own, whole = risks.hazard[cause - 1][:last], risks.hazard.sum(axis=0)[:last]
    curve, y = risks.incidence[cause - 1][:last], risks.at_risk[:last]
    later = curve[-1] - curve
    left = 1 - whole
    # what a hazard takes from all that comes later; after a time at which all end nothing does
    cost = np.divide(later, left, out=np.zeros(last), where=left > 1e-12) / y
    gain = risks.before[:last] / y
    ended = (risks.cause > 0) & (risks.place < last)
    score = np.where(ended & (risks.cause == cause), gain[reach], 0.0)
    score -= np.where(ended, cost[reach], 0.0)
    score -= np.cumsum(gain * own - cost * whole)[reach]
    return risks.weight * score


def median_of(risks: Risks) -> float:
    """The first time at which S is at most a half; missing if it never is."""
    over = np.flatnonzero(1 - risks.incidence.sum(axis=0) <= 0.5 + 1e-12)
    return float(risks.times[over[0]]) if len(over) else np.nan
