"""Whether the inventory reverts at another speed in other regimes of bars, accounts or days."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from mmresearch.estimate.autoregression import cannot_tell, kendall_rho
from mmresearch.estimate.inversion import Inversion, highest_rho, invert_simulated
from mmresearch.estimate.pairs import Pairs, inventory_pairs, refuse
from mmresearch.estimate.regime_labels import cell_names, regime_labels
from mmresearch.estimate.regime_paths import Regimes, path_slopes
from mmresearch.estimate.result import TIDY, Quantity, Result, refused, unknown
from mmresearch.estimate.reversion import inventory_reversion
from mmresearch.estimate.size_paths import size_edges, sizes
from mmresearch.estimate.speed import bar_unit, half_life_of, units

_QUESTION = "Does the inventory revert at another speed in other regimes ({})?"
_EQUATION = r"I_t - \mu = \rho_{r(t)}\,(I_{t-1} - \mu) + e_t, \qquad H_0: \rho_1 = \dots = \rho_R"
_FEWEST = 20
_APART = ("account", "symbol", "day")


def reversion_by(
    panel: pd.DataFrame,
    *,
    by: str = "volatility",
    cells: int = 3,
    intercept: str = "auto",
    draws: int = 399,
    seed: int = 0,
) -> Result:
    """Persistence and half-life in each regime, and one test that all regimes share one rho.

    Parameters
    ----------
    panel : DataFrame
        As `mm.panel` makes it.
    by : str
        "volatility": by the mean realized variance of the five bars before, in the session (a bar
        without any before it is in no regime); its quantiles are those of the whole panel.
        "size": by how far the level is from its mean (0 where sessions open flat) when the bar
        begins, in the standard deviation of its series; quantiles are those of the whole panel.
        "time_of_day": equal stretches of the session. "account", "symbol", "day": each on its own.
        Any other column of the panel: its values, which must be known when the bar begins.
    cells : int
        Regimes by volatility, size and time of day (fewer by size where many levels tie).
    intercept : str
        As in `inventory_reversion`; a regime has its own mean in each mean group.
    draws, seed : int
        Simulated paths for each interval (fewer than the 999 of `inventory_reversion`: an end of an
        interval is known to a tenth of its distance from the middle) and for the test.

    Returns
    -------
    Result
        table: a row a regime: least squares rho with its textbook error; p of rho = 1 (simulated)
        and the inverted interval. quantities: the half-life in each regime.
        details: "regimes" (half-life, interval, identified and why not, rows, p adjusted for as
        many tests as regimes by Holm 1979) and "equality": the test that all rho are the same, from
        paths simulated under the median-unbiased pooled rho, which carry each regime's own bias.

    Raises
    ------
    ValueError
        As `inventory_reversion`; a regime that is not known; too many of them.

    Notes
    -----
    Regimes of bars (volatility, time of day) lie on one path: it is simulated whole, with the rho
    of the other regimes at their estimates, corrected by the bias of the pooled one.

    By size (Hansch, Naik and Viswanathan 1998) a path's regimes are those of its own level: it
    moves by the rho of the size at which it is, and is cut again by its own mean and standard
    deviation, at the observed edges. Under one speed the test of equality rejects at 5 % in 3 to
    5 % of simulated markets (rho 0.9 and 0.98, flat and unknown openings, variance that follows
    the time of day), in 1 to 3 % of random walks. Errors whose variance follows the size itself
    are not simulated so. `threshold_reversion` estimates the edge.
    """
    refuse(panel, intercept)
    if by == "size":
        pairs, regimes, names = _by_size(inventory_pairs(panel, intercept=intercept), cells)
    else:
        labels = regime_labels(panel, by, cells)
        pairs = inventory_pairs(panel.assign(regime=labels), intercept=intercept)
        regimes, names = _regimes(pairs)
    question = (_QUESTION.format(by), _EQUATION)
    if not len(names) or cannot_tell(pairs.design, 1):
        return _refused(
            question, pairs, cannot_tell(pairs.design, 1) or "no bar has a known regime"
        )
    pooled = _pooled(pairs, draws, seed)
    if by in _APART:
        found = _apart(panel, by, names, intercept, draws, seed)
    else:
        found = _on_one_path(pairs, regimes, names, pooled, draws, seed)
    return _answer(question, pairs, regimes, names, found, _equality(regimes, pooled, draws, seed))


def _by_size(pairs: Pairs, cells: int) -> tuple[Pairs, Regimes, list[str]]:
    """Regimes by how far the level is from its mean at the bar's start."""
    if cells < 2:
        raise ValueError(f"cells must be 2 or more, not {cells}")
    z = sizes(pairs.design)
    edges = size_edges(z, cells) if len(z) else np.empty(0)
    label, names = np.searchsorted(edges, z), cell_names(len(edges) + 1)
    pairs = pairs._replace(frame=pairs.frame.assign(regime=pd.Series(names[label], dtype="str")))
    return pairs, Regimes(pairs.design, label, len(names), edges), list(names)


def _regimes(pairs: Pairs) -> tuple[Regimes, list[str]]:
    """The labels as numbers in order of appearance in time of day, level or name."""
    labels = pairs.frame["regime"]
    order = {"low": 0, "middle": 1, "high": 2}
    names = sorted(labels.dropna().unique(), key=lambda name: (order.get(name, 0), _number(name)))
    number = {name: k for k, name in enumerate(names)}
    label = labels.map(number).fillna(len(names)).astype(int).to_numpy()
    return Regimes(pairs.design, label, len(names)), names


def _number(name: str) -> tuple[float, str]:
    head = name.partition(":")[0].partition(" ")[0]
    return (float(head) if head.replace(".", "", 1).isdigit() else 0.0, name)


def _pooled(pairs: Pairs, draws: int, seed: int) -> tuple[float, float]:
    """Least squares and median-unbiased rho of all bars."""
    design = pairs.design
    everywhere = Regimes(design, np.zeros(len(design.x), int), 1)
    simulate = path_slopes(everywhere, draws=draws, seed=seed)
    rho, se = (float(v[0]) for v in everywhere.slopes())
    found = invert_simulated(
        lambda r: simulate(np.array([r, r]))[0], rho, se, highest_rho(design), draws
    )
    corrected = found.median
    if not math.isfinite(corrected):
        corrected = kendall_rho(rho, len(design.x), design.groups)
    return rho, corrected


Found = Mapping[str, tuple[Quantity, dict[str, float]]]


def _on_one_path(
    pairs: Pairs,
    regimes: Regimes,
    names: list[str],
    pooled: tuple[float, float],
    draws: int,
    seed: int,
) -> Found:
    """Each regime's half-life and row of the table, the paths simulated whole."""
    simulate = path_slopes(regimes, draws=draws, seed=seed)
    rho, error = regimes.slopes()
    base = np.append(np.where(np.isnan(rho), pooled[0], rho), pooled[0]) + pooled[1] - pooled[0]
    unit, length = bar_unit(pairs.frame, daily=pairs.daily)
    rows = np.bincount(regimes.label, minlength=regimes.count + 1)
    found = {}
    for k, name in enumerate(names):
        if rows[k] < _FEWEST or not np.isfinite([rho[k], error[k]]).all() or error[k] == 0:
            found[name] = _nothing(name, unit, f"{rows[k]} bars of the regime say too little")
            continue
        inverted = invert_simulated(
            lambda r, k=k: simulate(np.where(np.arange(len(base)) == k, r, base))[k],
            float(rho[k]),
            float(error[k]),
            highest_rho(regimes.design),
            draws,
        )
        found[name] = _found(name, pairs, inverted, float(error[k]), unit, length)
    return found


def _found(
    name: str, pairs: Pairs, inverted: Inversion, error: float, unit: str, length: float
) -> tuple[Quantity, dict[str, float]]:
    method = f"test inversion, {inverted.draws} whole paths (residuals with random signs)"
    life = half_life_of(pairs.design, inverted, unit, length, method)
    life = dataclasses.replace(life, name=f"half-life, {name}")
    row = {"estimate": inverted.rho, "std_error": error, "t": (inverted.rho - 1) / error}
    return life, row | {"p": inverted.p_unit, "low": inverted.low, "high": inverted.high}


def _nothing(name: str, unit: str, reason: str) -> tuple[Quantity, dict[str, float]]:
    return unknown(f"half-life, {name}", unit, reason), {}


def _apart(
    panel: pd.DataFrame, by: str, names: list[str], intercept: str, draws: int, seed: int
) -> Found:
    """Each account's, symbol's or day's own answer."""
    labels, found = regime_labels(panel, by, 2), {}
    for name in dict.fromkeys([*names, *labels.dropna().unique()]):
        own = inventory_reversion(
            panel[labels == name], intercept=intercept, draws=draws, seed=seed
        )
        life = own.quantities["half_life"]
        row = own.table.set_index("term").loc["rho"].to_dict()
        found[name] = dataclasses.replace(life, name=f"half-life, {name}"), row
    return found


def _equality(regimes: Regimes, pooled: tuple[float, float], draws: int, seed: int) -> pd.DataFrame:
    """Whether all regimes share one rho: differences from the first, against simulated ones."""
    rows = np.bincount(regimes.label, minlength=regimes.count + 1)[: regimes.count]
    seen = np.isfinite(regimes.slopes()[0])
    use = np.flatnonzero((rows >= _FEWEST) & seen)
    columns = ["regimes", "common_rho", "statistic", "p", "draws", "how"]
    if len(use) < 2 or len(use) > draws / 5:
        why = f"{len(use)} regimes with {_FEWEST} bars or more: no test"
        return pd.DataFrame([(len(use), pooled[1], np.nan, np.nan, 0, why)], columns=columns)
    simulate = path_slopes(regimes, draws=draws, seed=seed + 1)
    drawn = simulate(np.full(regimes.count + 1, min(pooled[1], 1.0)))[use]
    gaps = drawn[1:] - drawn[0]
    observed = regimes.slopes()[0][use]
    precision = np.linalg.pinv(np.atleast_2d(np.cov(gaps)))
    centre = gaps.mean(1, keepdims=True)
    distance = ((gaps - centre) * (precision @ (gaps - centre))).sum(0)
    apart = (observed[1:] - observed[0])[:, None] - centre
    statistic = float((apart * (precision @ apart)).sum())
    p = (1 + np.count_nonzero(distance >= statistic)) / (1 + draws)
    how = "quadratic form of the differences, law simulated under the common rho"
    return pd.DataFrame([(len(use), pooled[1], statistic, p, draws, how)], columns=columns)


def _answer(
    question: tuple[str, str],
    pairs: Pairs,
    regimes: Regimes,
    names: list[str],
    found: Found,
    equality: pd.DataFrame,
) -> Result:
    rows = pairs.frame["regime"].value_counts()
    days = pairs.frame.groupby("regime")["day"].nunique()
    table = pd.DataFrame([{"term": name} | row for name, (_, row) in found.items()])
    table = table.reindex(columns=TIDY)
    cells = pd.DataFrame([_cell(name, life, rows, days) for name, (life, _) in found.items()])
    cells["p"] = table["p"].to_numpy()
    cells["p_holm"] = _holm(cells["p"].to_numpy())
    unit, length = bar_unit(pairs.frame, daily=pairs.daily)
    p = equality["p"].iloc[0]
    return Result(
        *question,
        unit=units(unit, length),
        table=table,
        sample=pairs.sample,
        errors="low, high and p of rho = 1 by test inversion; std_error: textbook; "
        f"{len(found)} intervals, each of 95 % on its own (p_holm is adjusted for their number); "
        f"equality of all rho: p {p:.3f}",
        quantities={name: life for name, (life, _) in found.items()},
        flags=_flags(pairs, found, p),
        details={"regimes": cells, "equality": equality},
    )


def _cell(name: str, life: Quantity, rows: pd.Series, days: pd.Series) -> dict[str, object]:
    kept = {k: getattr(life, k) for k in ("value", "low", "high", "unit", "identified", "reason")}
    return {"regime": name} | kept | {"rows": rows.get(name, 0), "days": days.get(name, 0)}


def _holm(p: np.ndarray) -> np.ndarray:
    adjusted = np.full(len(p), np.nan)
    known = ~np.isnan(p)
    if known.any():
        adjusted[known] = multipletests(p[known], method="holm")[1]
    return adjusted


def _flags(pairs: Pairs, found: Found, p: float) -> tuple[str, ...]:
    raised = {
        "equality_not_rejected": p > 0.05,
        "equality_not_tested": math.isnan(p),
        "event_time": bar_unit(pairs.frame, daily=pairs.daily)[0] == "bars",
        "some_not_identified": not all(life.identified for life, _ in found.values()),
    }
    return tuple(name for name, on in raised.items() if on)


def _refused(question: tuple[str, str], pairs: Pairs, reason: str) -> Result:
    unit, length = bar_unit(pairs.frame, daily=pairs.daily)
    return refused(
        *question,
        unit=units(unit, length),
        sample=pairs.sample,
        reason=reason,
        names=["half_life"],
        units={"half_life": unit},
        called={"half_life": "half-life, all"},
    )
