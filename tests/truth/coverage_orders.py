"""Intervals of lives of orders (alone, in bursts, in days that differ), of depth that is pulled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.illusory_depth import illusory_depth
from mmresearch.estimate.order_lifetimes import order_lifetimes
from mmresearch.estimate.result import Quantity
from mmresearch.simulate.order_flow import order_flow
from tests.truth.coverage import Row, row

CANCEL, QUICK, FILL, WATCH = 0.5, 5.0, 0.2, 0.25  # hazards a second; of being watched no longer
OPEN = pd.Timestamp("2024-03-04 14:30", tz="UTC")
GRID = (0.1, 1.0, 2.0, 4.0)


class World(NamedTuple):
    """Orders of a day in bursts; `persist`: correlation of the kind from burst to burst."""

    days: int = 1
    orders: int = 2_000
    burst: int = 1
    fleeting: float = 0.3
    persist: float = 0.0
    vary: float = 0.0

    def __str__(self) -> str:
        words = f"{self.days} days of {self.orders:,} orders, {100 * self.fleeting:g} % fleeting"
        words += f", bursts of {self.burst}" if self.burst > 1 else ""
        words += f", kinds persist {self.persist:g}" if self.persist else ""
        return words + (f", share by day +-{self.vary:g}" if self.vary else "")


WORLDS = (
    World(orders=1_000),
    World(burst=10),
    World(burst=5, persist=0.6),
    World(days=8, orders=300, burst=5, vary=0.15),
)


def lives(rng: np.random.Generator, world: World) -> pd.DataFrame:
    """Lives of the world's orders, as `order_lives` gives them."""
    pieces = []
    for day in range(world.days):
        bursts = world.orders // world.burst
        share = world.fleeting + world.vary * rng.uniform(-1, 1)
        quick = rng.random(bursts) < share
        for k in range(1, bursts if world.persist else 0):
            quick[k] = quick[k - 1] if rng.random() < world.persist else quick[k]
        quick = np.repeat(quick, world.burst)
        start = np.repeat(np.sort(rng.random(bursts)) * 3 * bursts, world.burst)
        at = start + (rng.random(len(start)) / 2 if world.burst > 1 else 0)
        others = (np.full(len(at), FILL), np.full(len(at), WATCH))
        rates = np.column_stack([np.where(quick, QUICK, CANCEL), *others])
        latent = rng.exponential(1.0, rates.shape) / rates
        end = np.array(["cancel", "fill", "standing"])[latent.argmin(axis=1)]
        added = OPEN + pd.Timedelta(days=day) + pd.to_timedelta(at, unit="s")
        about = {"symbol": "X", "day": (OPEN + pd.Timedelta(days=day)).tz_localize(None).floor("D")}
        about |= {"added": added, "seq": np.arange(len(at)), "side": 1.0, "size": 100.0}
        about |= {"end": end, "seconds": latent.min(axis=1), "first_fill": np.nan, "fault": ""}
        pieces.append(pd.DataFrame(about))
    return pd.concat(pieces, ignore_index=True)


def truths(world: World) -> dict[str, float]:
    """Incidence of both ends and survival in the mixture of two kinds."""
    kinds = ((1 - world.fleeting, CANCEL), (world.fleeting, QUICK))
    found = {}
    for t in GRID:
        parts = [(share, c, share * -np.expm1(-(c + FILL) * t) / (c + FILL)) for share, c in kinds]
        found[f"cancelled {t:g}"] = sum(c * over for _, c, over in parts)
        found[f"filled {t:g}"] = sum(FILL * over for *_, over in parts)
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        left = sum(share * np.exp(-(c + FILL) * middle) for share, c in kinds)
        low, high = (middle, high) if left > 0.5 else (low, middle)
    return found | {"median_life": high, "hazard_fill": FILL}


def intervals(replications: int, seed: int) -> list[Row]:
    """A row a world and number, and one for the whole curve of cancellations in its joint band."""
    rows = []
    for number, world in enumerate(WORLDS):
        rng, truth, found = np.random.default_rng([seed, number, 9]), truths(world), []
        for _ in range(replications):
            result = order_lifetimes(lives(rng, world), horizons=[f"{t}s" for t in GRID])
            found.append(told(result, truth))
        for name in found[0]:
            wanted = 0.0 if name == "whole curve" else truth[name]
            estimator = "order_lifetimes()"
            rows.append(row(estimator, f"{name}: {world}", wanted, [q[name] for q in found]))
    return rows


def told(result: object, truth: dict[str, float]) -> dict[str, Quantity]:
    """The intervals to be counted; that of the whole curve less its truth holds 0 if all does."""
    curve = result.details["curve"]
    own = curve[(curve["measure"] == "cancelled") & curve["seconds"].isin(GRID)]
    known = np.array([truth[f"cancelled {t:g}"] for t in own["seconds"]])
    bounds = ((own["joint_low"] - known).max(), (own["joint_high"] - known).min())
    table = result.tidy().set_index("term")
    found = {"whole curve": Quantity("whole curve", 0.0, *map(float, bounds), "", "")}
    for name in ("cancelled 2", "filled 0.1", "filled 2"):
        cause, t = name.split()
        line = table.loc[f"{cause} within {float(t)}s", ["estimate", "low", "high"]]
        found[name] = Quantity(name, *map(float, line), "", "")
    return found | {name: result.quantities[name] for name in ("median_life", "hazard_fill")}


def illusory(replications: int, seed: int) -> list[Row]:
    """Depth that is pulled before aggressors is found; without it none is, at 5 %."""
    rows = []
    for number, (share, days) in enumerate(((0.0, 1), (0.3, 1), (0.0, 8))):
        found, known, raw = [], [], []
        for k in range(replications):
            made = order_flow(
                days=days,
                session_seconds=800 if days == 1 else 100,
                aggressors=0.5,
                illusory=share,
                fill_life=np.inf,
                seed=int(1e6 * seed + 1e4 * number + k),
            )
            q = illusory_depth(made.market, window="1min", seed=k).quantities["illusory_share"]
            known.append(made.truth["illusory_share"])
            raw.append(q)
            # what was pulled differs from market to market: the interval less it should hold 0
            low, high = q.low - known[-1], q.high - known[-1]
            found.append(Quantity(q.name, q.value, low, high, q.unit, "", q.identified))
        many = "1 day of 800 s" if days == 1 else f"{days} days of 100 s"
        pulled = f"pulled with probability {share:g} before an aggressor"
        case = f"illusory share less the planted: {many}, orders {pulled}"
        held = row("illusory_depth()", case, 0.0, found)
        rows.append(held._replace(truth=float(np.mean(known)) if share else 0.0))
        if share:  # of all markets of this kind, which the interval is of
            case = f"illusory share of all such markets: {many}, orders {pulled}"
            rows.append(row("illusory_depth()", case, float(np.mean(known)), raw))
    return rows


COVERAGE = {"order_lifetimes": intervals, "illusory_depth": illusory}
