"""Price pressure by its state space model: prices are an efficient price, pressure and noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mmresearch.estimate.pairs import NEEDED
from mmresearch.estimate.pressure_answers import MECHANICAL, answers
from mmresearch.estimate.pressure_fading import Rows, price_fading
from mmresearch.estimate.pressure_filter import (
    Filtered,
    PressureModel,
    maximum_likelihood,
    whitened,
)
from mmresearch.estimate.pressure_parts import Reversion
from mmresearch.estimate.pressure_rows import PressureRows, stretches
from mmresearch.estimate.pressure_variances import variances
from mmresearch.estimate.result import Quantity, Result, unknown
from mmresearch.estimate.reversion import inventory_reversion
from mmresearch.estimate.sandwich import Rule
from mmresearch.estimate.speed import bar_unit

_EQUATION = (
    r"p_t = m_t + \alpha I_t + \varepsilon_t, \qquad "
    r"m_t = m_{t-1} + \beta f_t + \kappa \hat I_t + u_t"
)
_ALL_DRAWS = 999
MEANING = {
    "inventory_is_market_flow": "the other side of all trades: its surprise is the price impact of "
    "trades, and which causes which is not identified here",
    "price_is_a_function_of_inventory": MECHANICAL,
    "trade_returns": "trade prices bounce with the account's own side: noise that is not inventory",
    "pressure_not_identified": "inventory's reversion is not established, which alone tells "
    "pressure from information",
    "no_noise": "the likelihood is highest without noise: the joint regression is the same",
    "no_random_walk": "the likelihood is highest without an efficient price that moves",
    "half_lives_differ": "inventory and its pressure in prices fade at different speeds: the "
    "intervals have no speed in common, and the model, in which they are one, does not hold",
    "few_days": "fewer days than errors by day need",
    "few_clusters": "fewer days than clustering by day needs",
}


def state_space(
    panel: pd.DataFrame,
    rows: PressureRows,
    lines: pd.DataFrame,
    reversion: Reversion,
    rule: Rule,
    choice: dict[str, Any],
    regression: Result,
) -> Result:
    """The answer of `price_pressure(method="state_space")`, the joint regression in details."""
    level, begins = choice["level"], stretches(rows)
    named = _named(lines)
    y, x = lines["y"].to_numpy(), lines[named].to_numpy()
    fit = maximum_likelihood(y, x, begins)
    white = pd.DataFrame(whitened(lines.to_numpy(), begins, fit.ratio), columns=lines.columns)
    found = answers(white, rows, reversion, rule, choice)
    spread = variances(lines, rows, found, fit, begins, reversion, rule, level)
    life, unit, length = inventory_half_life(panel, rows, choice)
    away = rows.frame["lag"] - rows.frame["lag"].groupby(rows.frame["series"]).transform("mean")
    seen = Rows(
        y,
        lines[[c for c in named if c != "inventory_change"]].to_numpy(),
        reversion.rho,
        away.to_numpy(),
        lines["inventory_surprise"].to_numpy(),
        begins,
        fit.ratio,
        rows.frame["day"],
        rows.frame["bar"],
    )
    fading = price_fading(seen, rule, unit, length, level)
    in_prices = _beside(fading.quantity, rows, found.reverts)
    kalman = _kalman(lines, named, begins, fit)
    quantities = found.quantities | spread.quantities
    quantities |= {"half_life": life, "price_half_life": in_prices}
    flags = (*_flags(regression, fit, quantities), *_disagree(life, in_prices))
    table = pd.concat([found.joint.table, spread.table], ignore_index=True)
    return Result(
        question="How far does inventory push prices from their efficient value, and how long?",
        equation=_EQUATION,
        unit=rows.unit,
        table=table,
        sample=regression.sample,
        errors=_words(found.joint.errors, rows, begins),
        fit=kalman,
        quantities=quantities,
        flags=flags,
        details={
            "joint_regression": _side_by_side(regression, found.quantities),
            "autocorrelation": _autocorrelation(lines, named, begins, fit),
            "variance": spread.parts,
            "path": _path(rows, lines, begins, kalman, found.joint.table["estimate"].iloc[1]),
            "fading": fading.table,
            **regression.details,
            "meaning": _meaning(flags),
        },
    )


def inventory_half_life(
    panel: pd.DataFrame, rows: PressureRows, choice: dict[str, Any]
) -> tuple[Quantity, str, float]:
    """Inventory's half-life with its honest interval; the unit of time and a bar's length in it."""
    lacking = [c for c in NEEDED if c not in panel.columns]
    if lacking:
        reason = f"the panel lacks the columns {', '.join(lacking)}"
        life = unknown("half-life", "bars", reason)
        return life, "sessions" if rows.daily else "bars", 1.0
    # by its own count where more are not asked for: long panels need fewer
    draws = None if choice["draws"] >= _ALL_DRAWS else choice["draws"]
    found = inventory_reversion(panel, draws=draws, seed=choice["seed"])
    return found.quantities["half_life"], *bar_unit(panel, daily=rows.daily)


def _named(lines: pd.DataFrame) -> list[str]:
    return [c for c in lines.columns if c not in ("y", "inventory_lag")]


def _beside(found: Quantity, rows: PressureRows, reverts: bool) -> Quantity:
    if not rows.mechanical:
        return found
    return Quantity(
        found.name, found.value, found.low, found.high, found.unit, found.method, False, MECHANICAL
    )


def _disagree(inventory: Quantity, prices: Quantity) -> tuple[str, ...]:
    """Where both are told and no half-life is in both intervals."""
    if not (inventory.identified and prices.identified):
        return ()
    apart = inventory.high < prices.low or prices.high < inventory.low
    return ("half_lives_differ",) if apart else ()


def _flags(regression: Result, fit: Filtered, quantities: dict[str, Quantity]) -> tuple[str, ...]:
    flags = [f for f in regression.flags if f != "pressure_not_identified"]
    if not quantities["pressure"].identified:
        flags.append("pressure_not_identified")
    edge = {"noise": "no_noise", "random walk": "no_random_walk"}.get(fit.boundary)
    return (*flags, edge) if edge else tuple(flags)


def _words(errors: str, rows: PressureRows, begins: np.ndarray) -> str:
    start = "sessions without a gap" if rows.daily else "a session's bars without a hole"
    return (
        f"Gaussian quasi maximum likelihood, sandwich: {errors}; exact diffuse start in each of "
        f"{int(begins.sum())} stretches ({start}): what moved prices between them enters nowhere"
    )


def _side_by_side(regression: Result, quantities: dict[str, Quantity]) -> pd.DataFrame:
    """Pressure, information, total by both methods, with their intervals."""
    lines = []
    for method, found in (("regression", regression.quantities), ("state_space", quantities)):
        for name in ("pressure", "information", "total", "pressure_sd"):
            q = found[name]
            lines.append([name, method, q.value, q.low, q.high, q.identified])
    columns = ["quantity", "method", "estimate", "low", "high", "identified"]
    return pd.DataFrame(lines, columns=columns).sort_values("quantity", kind="stable")


def _autocorrelation(
    lines: pd.DataFrame, named: list[str], begins: np.ndarray, fit: Filtered
) -> pd.DataFrame:
    """First autocorrelation of the joint regression's errors, which the noise makes negative."""
    x, y = lines[named].to_numpy(), lines["y"].to_numpy()
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    new = whitened((y - x @ fit.b)[:, None], begins, fit.ratio)[:, 0]
    model = -fit.noise / (fit.public + 2 * fit.noise)
    return pd.DataFrame(
        {
            "errors": ["joint regression", "as the model says", "state space, one step ahead"],
            "first autocorrelation": [_first(left, begins), model, _first(new, begins)],
        }
    )


def _first(values: np.ndarray, begins: np.ndarray) -> float:
    pairs = np.flatnonzero(~begins)
    centred_values = values - values.mean()
    together = (centred_values[pairs] * centred_values[pairs - 1]).sum()
    return float(together / max(len(pairs), 1) / centred_values.var())


def _kalman(lines: pd.DataFrame, named: list[str], begins: np.ndarray, fit: Filtered) -> Any:
    """The smoother of statsmodels at the maximum."""
    moves = lines[[c for c in named if c != "inventory_change"]].to_numpy()
    names = ["drift", "alpha", "kappa", *(["beta"] if "factor" in lines else [])]
    names += ["variance_public", "variance_noise"]
    y, change = lines["y"].to_numpy(), lines["inventory_change"].to_numpy()
    model = PressureModel(y, change, moves, begins, names)
    # a variance of exactly zero leaves the smoother nothing to divide by
    least = 1e-9 * (fit.public + fit.noise)
    variance = np.maximum([fit.public, fit.noise], least)
    return model.smooth(np.r_[fit.b, variance], cov_type="none")


def _path(
    rows: PressureRows, lines: pd.DataFrame, begins: np.ndarray, kalman: Any, alpha: float
) -> pd.DataFrame:
    """In each row price = efficient + pressure + noise, bps from the price before each stretch."""
    frame = rows.frame
    stretch = np.cumsum(begins) - 1
    price, moved = (lines[c].groupby(stretch).cumsum() for c in ("y", "inventory_change"))
    lag = lines["inventory_lag"]
    opening = (lag - lag.mean()).groupby(stretch).transform("first")
    pressure = alpha * (opening + moved)
    # the model's state is less the pressure before the stretch
    efficient = kalman.smoothed_state[0] - alpha * opening
    path = frame[["series", "day", "bar"]].assign(
        stretch=stretch, price=price, efficient=efficient, pressure=pressure
    )
    return path.assign(noise=path["price"] - path["efficient"] - path["pressure"])


def _meaning(flags: tuple[str, ...]) -> pd.DataFrame:
    said = {flag: MEANING[flag] for flag in flags if flag in MEANING}
    return pd.Series(said, name="meaning", dtype="str").rename_axis("flag").to_frame()
