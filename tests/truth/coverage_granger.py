"""Size and sums of `granger`: two series of one shape over the day, one moving the other or none.

With the shapes left in the test finds that one foretells the other, the more surely the longer they
are watched, and the textbook's F (one variance, no dependence) finds it sooner still. A p-value is
compared with 0.05, which 5 of 100 equally likely places reach (99 draws); the sum of coefficients
is (1 - 0.3) 0.3 = 0.21 where x moves y.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mmresearch.estimate.granger import granger
from tests.truth.coverage import Row, Study, row
from tests.truth.times_of_day import noise, pair_of

CASES = ((3, 60), (12, 26), (45, 26))
SESSIONS = 90
NAME = "granger()"
RAW, TEXTBOOK = "the same, shapes left in", "the same, shapes left in, textbook's F"
POWER = "x moves y, found"
UNSTATED = dict.fromkeys((RAW, TEXTBOOK, POWER), math.nan)  # traps, and what is there
SOME = 4  # size takes all replications, power one of so many and 100 at least


def study(days: int, bars: int) -> Study:
    def rows(replications: int, seed: int) -> list[Row]:
        rng = np.random.default_rng([1 + seed, days, bars, 41])
        null, raw, textbook, moved = [], [], [], []
        for i in range(replications):
            found = granger(pair_of(rng, days, bars), "x", "y", draws=99, seed=i)
            tests = found.details["tests"]
            left_in = tests[tests["shapes"] == "left in"].iloc[0]
            raw.append(float(left_in["p"]))
            textbook.append(float(left_in["plain_p"]))
            null.append(found.quantities)
            if i >= max(replications // SOME, 100):
                continue
            given = pair_of(rng, days, bars, moves=0.3)
            moved.append(granger(given, "x", "y", draws=99, seed=i).quantities)
        case = f"{days} days of {bars} bars"
        p = {"neither moves the other": [q["forward_p"].value for q in null]}
        p[RAW], p[TEXTBOOK] = raw, textbook
        p["the same, nothing in the same bar"] = [q["instantaneous_p"].value for q in null]
        p[POWER] = [q["forward_p"].value for q in moved]
        p["x moves y, y to x"] = [q["back_p"].value for q in moved]
        told = [
            _share(f"rejects at 5 %, {words}: {case}", values, UNSTATED.get(words, 0.05))
            for words, values in p.items()
        ]
        for words, quantities, truth in (("none", null, 0.0), ("x moves y", moved, 0.21)):
            sums = [q["forward_sum"] for q in quantities]
            told.append(row(NAME, f"sum of coefficients, {words}: {case}", truth, sums))
        new = [q["instantaneous"] for q in null]
        return [*told, row(NAME, f"correlation in the same bar, none: {case}", 0.0, new)]

    return rows


def sessions(replications: int, seed: int) -> list[Row]:
    """A bar a session: lags of the sessions before, the law by blocks of them."""
    rng = np.random.default_rng([1 + seed, SESSIONS, 42])
    days = pd.date_range("2024-01-01", periods=SESSIONS)
    p: dict[str, list[float]] = {"neither moves the other": [], "nothing in the same bar": []}
    found = []
    for i in range(replications):
        x, y = (noise(rng, 1, SESSIONS, rho=0.3, level=0.0).ravel() for _ in range(2))
        table = pd.DataFrame({"day": days, "bar": 0, "x": x, "y": y})
        found.append(granger(table, "x", "y", draws=99, seed=i).quantities)
        p["neither moves the other"].append(found[-1]["forward_p"].value)
        p["nothing in the same bar"].append(found[-1]["instantaneous_p"].value)
    case = f"{SESSIONS} sessions of a bar"
    told = [_share(f"rejects at 5 %, {words}: {case}", values) for words, values in p.items()]
    sums = [q["forward_sum"] for q in found]
    return [*told, row(NAME, f"sum of coefficients, none: {case}", 0.0, sums)]


def _share(case: str, p: list[float], nominal: float = 0.05) -> Row:
    share = float(np.mean(np.array(p) <= 0.05))
    error = math.sqrt(share * (1 - share) / len(p))
    return Row(NAME, case, 0.0, nominal, share, 0.0, len(p), error)


COVERAGE = {f"granger, {d} days": study(d, bars) for d, bars in CASES}
COVERAGE["granger, sessions"] = sessions
