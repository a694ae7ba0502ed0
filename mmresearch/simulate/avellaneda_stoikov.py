"""The trading of Avellaneda and Stoikov (2008), many paths at once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.theory.quotes import avellaneda_stoikov as quotes_at

STRATEGIES = ("inventory", "symmetric")
FILLS = ("exact", "linear")


def avellaneda_stoikov(
    *,
    gamma: float = 0.1,
    strategy: str = "inventory",
    fills: str = "exact",
    paths: int = 1000,
    sigma: float = 2.0,
    k: float = 1.5,
    A: float = 140.0,  # noqa: N803 - the paper's letters
    horizon: float = 1.0,
    dt: float = 0.005,
    price: float = 100.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Profit and inventory at the horizon of a maker who starts flat; a row a path.

    At each step the maker quotes, one lot a side may be filled at its quotes, and the mid moves by
    sigma sqrt(dt), up or down with equal chance. Inventory left is worth the mid.

    Parameters
    ----------
    gamma : float
        Risk aversion, 1/currency a lot.
    strategy : {"inventory", "symmetric"}
        The quotes of Avellaneda and Stoikov, or quotes around the mid that are as far apart as
        those are on average over the horizon.
    fills : {"exact", "linear"}
        Chance of a fill in a step at intensity l = A exp(-k distance): 1 - exp(-l dt), or l dt (at
        most 1), which the paper's figures come from and which fills too often where l dt is not
        small: at gamma 0.1 it is 0.23 a side, and profit 65 instead of 57.
    paths : int
        How many.
    sigma, k, A : float
        Currency per square root of the unit of time; 1/currency; fills a unit of time.
    horizon, dt, price : float
        Time to the end and of a step; mid at the start. The defaults are the paper's.
    seed : int
        The same arguments and seed, the same paths.

    Returns
    -------
    DataFrame
        spread (currency, average over the path), profit (currency), inventory (lots, + long) and
        fills (how many). attrs: the arguments.

    References
    ----------
    Avellaneda and Stoikov (2008), section 3.3, tables 1 to 3.
    """
    _refuse(strategy, fills, {"gamma": gamma, "sigma": sigma, "k": k, "A": A}, horizon, dt)
    given = {"gamma": gamma, "sigma": sigma, "k": k, "horizon": horizon, "dt": dt}
    steps = round(horizon / dt)
    left = horizon - dt * np.arange(steps)
    rng = np.random.default_rng(seed)
    mid, cash, held = np.full(paths, float(price)), np.zeros(paths), np.zeros(paths)
    count, half = np.zeros(paths), np.empty(steps)
    for step, time in enumerate(left):
        bid, ask = _distances(strategy, gamma, sigma, k, time, left.mean(), held)
        half[step] = (bid + ask).mean() / 2
        bought, sold = (
            rng.random(paths) < _chance(A * np.exp(-k * d), dt, fills) for d in (bid, ask)
        )
        cash += sold * (mid + ask) - bought * (mid - bid)
        held += bought * 1.0 - sold
        count += bought * 1.0 + sold
        mid += sigma * np.sqrt(dt) * rng.choice((-1.0, 1.0), paths)
    table = pd.DataFrame(
        {"spread": 2 * half.mean(), "profit": cash + held * mid, "inventory": held, "fills": count}
    )
    table.attrs = given | {"A": A, "strategy": strategy, "chance": fills, "seed": seed}
    return table


def _distances(
    strategy: str,
    gamma: float,
    sigma: float,
    k: float,
    left: float,
    average: float,
    held: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Bid and ask distance on each path; the spread depends on time only."""
    if strategy == "inventory":
        return quotes_at(gamma, sigma, k, left, held)
    return quotes_at(gamma, sigma, k, average, np.zeros_like(held))


def _chance(intensity: np.ndarray, dt: float, fills: str) -> np.ndarray:
    return -np.expm1(-intensity * dt) if fills == "exact" else intensity * dt


def _refuse(
    strategy: str, fills: str, numbers: dict[str, float], horizon: float, dt: float
) -> None:
    faults = [
        f"{name} must be above 0, not {x}" for name, x in numbers.items() if not 0 < x < np.inf
    ]
    if strategy not in STRATEGIES:
        faults.append(f"strategy is one of {', '.join(STRATEGIES)}, not {strategy!r}")
    if fills not in FILLS:
        faults.append(f"fills is one of {', '.join(FILLS)}, not {fills!r}")
    if not 0 < dt <= horizon < np.inf or abs(horizon / dt - round(horizon / dt)) > 1e-6:
        faults.append(f"horizon={horizon} must be a whole number of steps of dt={dt}")
    if faults:
        raise ValueError("; ".join(faults))
