"""Reversion to a target that shifts (Madhavan and Smidt 1993)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from mmresearch.estimate.autoregression import (
    Design,
    cannot_tell,
    least_squares,
    serial_correlation,
)
from mmresearch.estimate.errors import regress
from mmresearch.estimate.inversion import highest_rho, invert, invert_simulated
from mmresearch.estimate.pairs import Pairs, inventory_pairs, one_series
from mmresearch.estimate.result import Quantity, Result
from mmresearch.estimate.shifts import in_regimes, search, searcher
from mmresearch.estimate.speed import bar_unit, half_life_of, no_speed, rho_of, units
from mmresearch.estimate.target_rows import (
    Found,
    about_one,
    no_shift_table,
    p_shift,
    regime_regression,
    targets_table,
)

_QUESTION = "Does the inventory revert to a target that shifts, and how fast?"
_EQUATION = r"I_t - I^*_t = \rho\,(I_{t-1} - I^*_t) + e_t, \qquad HL = D\,\ln(1/2) / \ln\rho"
_SIZE = 0.05
FLAGS = {
    "no_shift_found": "no shift pays for its date and level (BIC): the target is taken as constant",
    "shifts_not_significant": "paths without a shift gain as much by the search",
    "unit_root_not_rejected": "a random walk, searched for shifts, looks like this too",
    "residual_autocorrelation": "residuals of neighbouring bars are correlated: the interval, "
    "which takes them as uncorrelated, may be too short",
    "opening_unknown": "the opening is not known: targets are relative to the first event",
    "event_time": "bars are counts of trades: do not turn the half-life into time",
}


def shifting_target(
    panel: pd.DataFrame,
    *,
    account: str | None = None,
    symbol: str | None = None,
    targets: str | pd.Series | None = None,
    trim: float = 0.02,
    draws: int = 199,
    errors: str = "auto",
    seed: int = 0,
) -> Result:
    """Half-life of inventory about a target that stays for a while and then shifts.

    A dealer who is an investor too reverts to a target of his own, and moves it. With a constant
    mean put in its place, the shifts look like slow reversion. Here the shifts are searched for,
    and what the search by itself makes of paths without any shift is shown beside the answer.

    Parameters
    ----------
    panel : DataFrame
        As `mm.panel` makes it; one account and symbol, chosen by name if it holds more.
    account, symbol : str, optional
    targets : str or Series, optional
        Targets known from elsewhere (limits, hedges), a column of the panel or a Series with its
        index: the target that acts in each bar. Nothing is searched then; a constant distance of
        inventory from the target is allowed for.
    trim : float
        Shortest regime as a share of the bars, never under 10 bars. Long regimes hide short ones:
        half-lives too long; short ones let the search bend to noise, which the interval allows for.
    draws, seed : int
        Simulated paths, each searched again.
    errors : str
        Of the table's std_error, as in `regress`, given the dates of the shifts.

    Returns
    -------
    Result
        table: OLS rho with a constant a regime; its interval is the inverted one, its t and p test
        rho = 1 (p simulated, the search in it).
        quantities: "half_life_without" and "half_life" (both median-unbiased; seconds, "sessions"
        for daily bars), "rho", "shifts" (number, with the range in paths without a shift).
        details: "targets" (first bar and day of each regime, target, std_error given the dates;
        missing where a random walk is inside the interval),
        "no_shift" (what the search finds in paths without a shift: half-lives, gain, p), "flags".

    Notes
    -----
    Dates and rho minimise n log(SSR) + 2 log(n) shifts (Yao 1988; Bai and Perron 2003, their
    dynamic programming), on a grid of 250 dates and then by single rows. A regime begins with the
    first bar that reverts to the new target. The interval inverts the simulated distribution of rho
    (errors: residuals with random signs), the search done again in every path; under rho = 1 a
    path has no target, so that a random walk in which the search manufactures as much reversion
    is inside the interval, and the half-life not identified.

    The interval takes the shifts found as all there are. Shifts too small or too soon after another
    to pay for their date stay in the residuals and make the half-life too long: with one every 100
    bars of a half-life of 7 the interval lies above the truth in a third of samples.

    References
    ----------
    Madhavan and Smidt (1993); Bai and Perron (1998, 2003); Hansen (1999).
    """
    if not 0 < trim < 0.5:
        raise ValueError(f"trim must be between 0 and 0.5, not {trim}")
    rows = one_series(panel, account=account, symbol=symbol)
    rows, known = _with_targets(rows, targets)
    pairs = inventory_pairs(rows, intercept="pooled")
    reason = _cannot_tell(pairs)
    if reason:
        return _refused(pairs, reason)
    if known:
        return _about_known(pairs, draws, errors, seed)
    found = _searched(pairs.design, trim, draws, seed)
    return _answer(pairs, found, errors, seed, trim)


def _with_targets(rows: pd.DataFrame, targets: str | pd.Series | None) -> tuple[pd.DataFrame, bool]:
    """The rows with a column "target" where targets are given, and whether they are."""
    if targets is None:
        return rows, False
    if isinstance(targets, str):
        if targets not in rows.columns:
            raise ValueError(f"the panel has no column {targets!r} of targets")
        targets = rows[targets]
    target = targets.reindex(rows.index).astype(float)
    lacking = int((~np.isfinite(target)).sum())
    if lacking:
        raise ValueError(f"{lacking:,} of {len(rows):,} bars have no finite target")
    return rows.assign(target=target), True


def _cannot_tell(pairs: Pairs) -> str:
    reason = cannot_tell(pairs.design, 3)  # 30 pairs: two regimes at least
    if reason:
        return reason
    if pairs.design.groups > 1:
        return (
            f"the level is known over {pairs.design.groups} separate stretches only, and what lies "
            "between them looks like a shift: give one of them"
        )
    return ""


def _searched(design: Design, trim: float, draws: int, seed: int) -> Found:
    plain = invert(design, draws=draws, seed=seed)
    shifts = search(design, trim=trim)
    regimes = in_regimes(design, shifts.breaks)
    paths = searcher(design, regimes, trim=trim, draws=draws, seed=seed)
    step = least_squares(regimes).se
    top = highest_rho(design)
    shifting = invert_simulated(lambda rho: paths(rho).rho, shifts.rho, step, top, draws)
    still = searcher(design, in_regimes(design, np.empty(0)), trim=trim, draws=draws, seed=seed + 1)
    null = still(min(plain.median, 1.0))
    return Found(plain, shifting, shifts, null, still(1.0))


def _answer(pairs: Pairs, found: Found, errors: str, seed: int, trim: float) -> Result:
    unit, length = bar_unit(pairs.frame, daily=pairs.daily)
    regimes = in_regimes(pairs.design, found.shifts.breaks)
    base = regime_regression(pairs, regimes, errors, seed)
    draws = found.shifting.draws
    method = f"test inversion, {draws} paths (residuals with random signs), each searched again"
    plain = f"test inversion, {draws} simulated paths (residuals with random signs)"
    p = p_shift(found)
    life = half_life_of(pairs.design, found.shifting, unit, length, method)
    if len(found.shifts.breaks) and p > _SIZE and life.identified:
        reason = f"paths without a shift gain as much by the search (p = {p:.2g})"
        life = replace(life, identified=False, reason=reason)
    without = half_life_of(pairs.design, found.plain, unit, length, plain)
    flags = _flags(pairs, regimes, found, p, unit)
    return Result(
        _QUESTION,
        _EQUATION,
        unit=units(unit, length),
        table=about_one(base.table, found.shifting),
        sample=pairs.sample,
        errors=f"rho: interval and p of rho = 1 by {method}; std_error given the dates: "
        f"{base.errors}",
        fit=base.fit,
        quantities={
            "half_life_without": replace(without, name="half-life, constant target"),
            "half_life": replace(life, name="half-life, shifting target"),
            "rho": rho_of(found.shifting, method),
            "shifts": _shifts_of(found, p),
        },
        flags=tuple(dict.fromkeys([*flags, *base.flags])),
        details={
            "targets": targets_table(pairs, regimes, base, found.shifting),
            "no_shift": no_shift_table(found, length, unit),
            "flags": pd.DataFrame({"flag": flags, "meaning": [FLAGS[flag] for flag in flags]}),
        },
    )


def _shifts_of(found: Found, p: float) -> Quantity:
    count = len(found.shifts.breaks)
    low, high = np.quantile(found.null.shifts, [0.025, 0.975])
    reason = "" if p <= _SIZE else f"paths without a shift gain as much by the search (p = {p:.2g})"
    method = "BIC; the range is that of paths without a shift"
    name = "shifts of the target (range without any)"
    return Quantity(name, count, low, high, "shifts", method, p <= _SIZE, reason)


def _flags(pairs: Pairs, regimes: Design, found: Found, p: float, unit: str) -> list[str]:
    any_shift = len(found.shifts.breaks) > 0
    raised = {
        "no_shift_found": not any_shift,
        "shifts_not_significant": any_shift and p > _SIZE,
        "unit_root_not_rejected": found.shifting.low <= 1 <= found.shifting.high,
        "residual_autocorrelation": serial_correlation(regimes, 3) < 0.01,
        "opening_unknown": not pairs.frame["opening_known"].all(),
        "event_time": unit == "bars",
    }
    return [name for name, on in raised.items() if on]


def _about_known(pairs: Pairs, draws: int, errors: str, seed: int) -> Result:
    """The answer about targets that are given: reversion of the distance from them."""
    plain = invert(pairs.design, draws=draws, seed=seed)
    target = pairs.frame["target"].to_numpy(float)
    design = pairs.design
    moved = np.diff(target, prepend=target[:1])
    moved[design.chains[:-1]] = 0.0
    distance = design._replace(x=design.x - target, y=design.y - target, jump=design.jump - moved)
    found = invert(distance, draws=draws, seed=seed)
    unit, length = bar_unit(pairs.frame, daily=pairs.daily)
    base = regress(
        pd.Series(distance.y),
        pd.DataFrame({"rho": distance.x, "const": 1.0}),
        pairs.frame["day"],
        errors=errors,
        seed=seed,
    )
    method = f"test inversion, {draws} simulated paths (residuals with random signs)"
    lives = [
        half_life_of(*pair, unit, length, method)
        for pair in ((pairs.design, plain), (distance, found))
    ]
    flags = ("unit_root_not_rejected",) if found.low <= 1 <= found.high else ()
    return Result(
        _QUESTION,
        _EQUATION,
        unit=units(unit, length),
        table=about_one(base.table, found),
        sample=pairs.sample,
        errors=f"rho: interval and p of rho = 1 by {method}; std_error: {base.errors}",
        fit=base.fit,
        quantities={
            "half_life_without": replace(lives[0], name="half-life, constant target"),
            "half_life": replace(lives[1], name="half-life, targets given"),
            "rho": rho_of(found, method),
        },
        flags=tuple(dict.fromkeys([*flags, *base.flags])),
    )


def _refused(pairs: Pairs, reason: str) -> Result:
    """No number, and the reason, under the names that an answer has."""
    result = no_speed(_QUESTION, _EQUATION, pairs, reason)
    life = result.quantities["half_life"]
    without = replace(life, name="half-life, constant target")
    return replace(
        result,
        quantities={
            "half_life_without": without,
            "half_life": replace(life, name="half-life, shifting target"),
            "rho": result.quantities["rho"],
        },
    )
