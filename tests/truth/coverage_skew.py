"""Intervals of `quote_skew` where noise of the quotes persists and inventory is a random walk.

`intervals` is the estimate without its details; `quick` the same numbers from arrays, without the
tables, for many replications. A test holds the two and `quote_skew` together.

The error rule was chosen on the streams [0, ...]; the table's rows are of the streams [1, ...]
(`FRESH` + `--seed`), which chose nothing. Of 60 rows in both, one moved by more than 2 Monte Carlo
errors of the difference (the response in one session, .94 to .98).
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.quote_skew import QUANTITY_UNITS, quantity
from mmresearch.estimate.result import Quantity
from mmresearch.estimate.sandwich import MANY_DAYS
from mmresearch.estimate.skew_fits import fit_term, terms
from mmresearch.estimate.skew_rows import skew_rows
from mmresearch.estimate.wild import accepted, cluster_weights, wild_test
from tests.truth.coverage import Row, Study, row
from tests.truth.leaning import TICK, leaning

# the slope, what is added in the top decile, and the widening of the spread with |inventory|
WORLDS = (("no skew", 0.0, 0.0, 0.0), ("-0.05", -0.05, 0.0, 0.02), ("-0.2", -0.2, -0.05, 0.05))
NAMES = ("skew", "bid_skew", "spread_on_inventory", "response", "long_run_skew")
# of the spread and of the sizes, a unit of inventory
SIDES = (("both alike", 0.0, 0.0), ("one side leans", -0.05, -0.003))
FRESH = 1
LIMITS = {"small": 30.0, "large": 300.0}


def intervals(
    panel: pd.DataFrame,
    names: tuple[str, ...],
    *,
    draws: int,
    seed: int = 0,
    errors: str = "auto",
    controls: bool = True,
    limit: dict[str, float] | None = None,
) -> dict[str, Quantity]:
    """The quantities of `quote_skew(panel, lags=2)` by these names, without its details."""
    choice = {"quotes": "own", "fair": "mid", "tick": None, "limit": limit, "lags": 2}
    rows = skew_rows(panel, controls=controls, **choice)
    share = rows.frame["inventory"] / rows.frame["limit"]
    rows = rows._replace(frame=rows.frame.assign(share=share))
    found: dict[str, Quantity] = {}
    for name in names:
        fit = fit_term(
            rows,
            name,
            terms(2, limit=limit is not None)[name],
            {"errors": errors, "level": 0.95, "draws": draws, "seed": seed},
        )
        found[name] = quantity(name, fit, QUANTITY_UNITS[name].format(rows.unit, "unit"), 0.95)
    return found


def quick(panel: pd.DataFrame, names: tuple[str, ...], *, draws: int, seed: int = 0):
    """Quantities of 6 days or more of one series, every bar quoted, from arrays."""
    days, bars = panel["day"].nunique(), int(panel["bar"].max()) + 1
    columns, controls = _arrays(panel, days, bars)
    weights = cluster_weights(days, draws=draws, seed=seed)
    found = {}
    for name in names:
        term = terms(2, limit=False)[name]
        values = np.column_stack([columns[c].ravel() for c in (term.y, *term.x)])
        use = np.isfinite(values).all(axis=1)
        inner = np.column_stack([values, controls])[use]
        inner = np.column_stack([inner - inner.mean(0), np.ones(len(inner))])
        inner[:, values.shape[1] :] /= np.maximum(inner[:, values.shape[1] :].std(0, ddof=1), 1e-9)
        inner[:, -1] = 1.0
        groups = np.repeat(np.arange(days), bars)[use]
        y, x = inner[:, 0], np.ascontiguousarray(inner[:, 1:])
        wild = days < MANY_DAYS or name == "extremes"
        numbers = _wild(y, x, groups, weights) if wild else _clustered(y, x, groups)
        unit = QUANTITY_UNITS[name].format("ticks", "unit")
        found[name] = Quantity(name, *numbers, unit, "", bool(np.isfinite(numbers).all()))
    return found


def _arrays(panel: pd.DataFrame, days: int, bars: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The columns of `skew_rows` as arrays [days, bars], and the controls as columns."""
    names = ("own_bid", "own_ask", "mid", "inventory_end", "realized_variance")
    names += ("own_bid_size", "own_ask_size")
    values = (panel[c].to_numpy().reshape(days, bars) for c in names)
    bid, ask, mid, held, variance, bid_size, ask_size = values
    past = {"lean_0": ((bid + ask) / 2 - mid) / TICK, "inventory_0": held}
    for name in ("lean", "inventory"):
        for lag in (1, 2):
            past[f"{name}_{lag}"] = np.full((days, bars), np.nan)
            past[f"{name}_{lag}"][:, lag:] = past[f"{name}_0"][:, :-lag]
    for lag in range(2):
        past[f"moved_{lag}"] = past[f"inventory_{lag}"] - past[f"inventory_{lag + 1}"]
    top = np.quantile(np.abs(held), 0.9)
    columns = past | {"lean": past["lean_0"], "inventory": held, "bid": (mid - bid) / TICK}
    columns |= {"held": np.abs(held), "spread": (ask - bid) / TICK}
    columns |= {"size": (ask_size - bid_size) / (ask_size + bid_size)}
    columns["beyond"] = np.sign(held) * np.clip(np.abs(held) - top, 0, None)
    total = np.column_stack([np.zeros(days), np.cumsum(variance, axis=1)])
    first = np.clip(np.arange(1, bars) - 12, 0, None)
    volatility = np.full((days, bars), np.nan)
    volatility[:, 1:] = np.sqrt((total[:, 1:bars] - total[:, first]) / (np.arange(1, bars) - first))
    volatility[:, 0] = np.nanmean(volatility[:, 1:])
    share = np.pi * np.tile(np.arange(bars) / (bars - 1), days)
    waves = [np.cos(wave * share) for wave in (1, 2, 3)]
    return columns, np.column_stack([volatility.ravel(), *waves])


def _wild(y: np.ndarray, x: np.ndarray, groups: np.ndarray, weights: np.ndarray):
    test = wild_test(y, x[:, 0], x, 0, groups, weights)
    return (float(np.linalg.lstsq(x, y, rcond=None)[0][0]), *map(float, accepted(test)))


def _clustered(y: np.ndarray, x: np.ndarray, groups: np.ndarray):
    bread = np.linalg.inv(x.T @ x)
    slope = bread @ (x.T @ y)
    scores = np.zeros((groups.max() + 1, x.shape[1]))
    np.add.at(scores, groups, x * (y - x @ slope)[:, None])
    many, (n, k) = len(scores), x.shape
    factor = many / (many - 1) * (n - 1) / (n - k)
    error = np.sqrt(factor * (bread @ scores.T @ scores @ bread)[0, 0])
    reach = scipy.stats.t.ppf(0.975, many - 1) * error
    return float(slope[0]), float(slope[0] - reach), float(slope[0] + reach)


def truths(skew: float, widen: float) -> dict[str, float]:
    return dict.fromkeys(("skew", "response", "long_run_skew"), skew) | {
        "bid_skew": abs(skew),
        "spread_on_inventory": widen,
    }


def levels(days: int, carried: bool, replications: int, seed: int) -> list[Row]:
    """Sessions of 100 bars; noise of the quotes AR(1), 0.99 a bar; inventory a random walk."""
    rows = []
    names = NAMES if days > 10 else NAMES[:3]  # fewer sessions than parameters
    walk = "carried over nights" if carried else "from 0 each day"
    for number, (name, skew, _, widen) in enumerate(WORLDS):
        rng = np.random.default_rng([FRESH + seed, days, carried, number])
        found = [
            quick(
                leaning(rng, days=days, skew=skew, widen=widen, carried=carried),
                names,
                draws=199,
                seed=int(rng.integers(2**31)),
            )
            for _ in range(replications)
        ]
        for term in names:
            truth = truths(skew, widen)[term]
            case = f"{term}: {days} days, inventory {walk}, {name}"
            rows.append(row("quote_skew", case, truth, [q[term] for q in found]))
    return rows


def extremes(replications: int, seed: int) -> list[Row]:
    """What is added to the slope in the top decile of |inventory|."""
    rows = []
    for number, (name, skew, beyond, _) in enumerate(WORLDS):
        rng = np.random.default_rng([FRESH + seed, 3, number])
        found = [
            quick(leaning(rng, days=45, skew=skew, extreme=beyond), ("extremes",), draws=199)
            for _ in range(replications)
        ]
        case = f"extremes: 45 days, inventory from 0 each day, {name}"
        rows.append(row("quote_skew", case, beyond, [q["extremes"] for q in found]))
    return rows


def sides(days: int, replications: int, seed: int) -> list[Row]:
    """The spread and the sizes on inventory."""
    rows = []
    names = ("asymmetry", "size_skew")
    for number, (name, tilt, size) in enumerate(SIDES):
        rng = np.random.default_rng([FRESH + seed, 4, days, number])
        found = [
            quick(
                leaning(rng, days=days, skew=-0.05, tilt=tilt, sizes=size),
                names,
                draws=199,
                seed=int(rng.integers(2**31)),
            )
            for _ in range(replications)
        ]
        for term, truth in zip(names, (tilt, size), strict=True):
            case = f"{term}: {days} days, inventory from 0 each day, {name}"
            rows.append(row("quote_skew", case, truth, [q[term] for q in found]))
    return rows


def at_limit(replications: int, seed: int) -> list[Row]:
    """Two accounts whose quotes lean alike at their limits, which are not alike."""
    rows = []
    for number, (name, whole) in enumerate((("no skew", 0.0), ("-6", -6.0))):
        rng = np.random.default_rng([FRESH + seed, 5, number])
        found = []
        for _ in range(replications):
            panel = _two_accounts(rng, whole)
            told = intervals(panel, ("skew_at_limit",), draws=199, limit=LIMITS)
            found.append(told["skew_at_limit"])
        case = f"skew_at_limit: 12 days of 2 accounts, limits 1 to 10, {name}"
        rows.append(row("quote_skew", case, whole, found))
    return rows


def _two_accounts(rng: np.random.Generator, whole: float) -> pd.DataFrame:
    panels = []
    for account, limit in LIMITS.items():
        scale = limit / LIMITS["small"]
        panel = leaning(rng, days=12, skew=whole / LIMITS["small"])
        held = ["inventory_start", "inventory_end", "flow"]
        held = [name for name in held if name in panel]
        panels.append(panel.assign(account=account, **{c: scale * panel[c] for c in held}))
    both = pd.concat(panels, ignore_index=True)
    both.attrs["ticks"] = {"X": TICK}
    return both


def one_session(replications: int, seed: int) -> list[Row]:
    """The response where there is one session of 390 bars."""
    rows = []
    for number, (name, skew, _, widen) in enumerate(WORLDS):
        rng = np.random.default_rng([FRESH + seed, 1, number])
        found = [
            intervals(
                leaning(rng, days=1, bars=390, skew=skew, widen=widen), ("response",), draws=199
            )
            for _ in range(replications)
        ]
        case = f"response: 1 day of 390 bars, {name}"
        rows.append(row("quote_skew", case, skew, [q["response"] for q in found]))
    return rows


COVERAGE: dict[str, Study] = {
    "quote_skew, 6 days": partial(levels, 6, False),
    "quote_skew, 12 days": partial(levels, 12, False),
    "quote_skew, 12 days carried": partial(levels, 12, True),
    "quote_skew, 45 days": partial(levels, 45, False),
    "quote_skew, extremes": extremes,
    "quote_skew, 1 day": one_session,
    "quote_skew, sides, 12 days": partial(sides, 12),
    "quote_skew, sides, 45 days": partial(sides, 45),
    "quote_skew, at the limit": at_limit,
}
