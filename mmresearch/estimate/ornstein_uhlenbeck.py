"""How fast an inventory reverts that was seen at uneven times: exact-gap maximum likelihood."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import scipy.stats
from statsmodels.base.model import GenericLikelihoodModel

from mmresearch.estimate.clocks import clock_table
from mmresearch.estimate.exact_gaps import (
    OUFit,
    invert_kappa,
    maximum_likelihood,
    moves,
    standardised,
)
from mmresearch.estimate.inversion import INTERVALS, Inversion
from mmresearch.estimate.pairs import Pairs, inventory_pairs
from mmresearch.estimate.result import TIDY, Quantity, Result, Sample, refused
from mmresearch.estimate.sandwich import MANY_DAYS
from mmresearch.estimate.snapshots import snapshot_panel
from mmresearch.estimate.speed import bar_unit

FLAGS = {
    "unit_root_not_rejected": "a random walk (kappa = 0) is inside the interval",
    "interval_unbounded": "a bound for kappa was not found within the range searched",
    "event_time": "the times are those of trades, and trading is faster at some inventories than "
    "at others, which the likelihood does not know: use clock bars (details['clocks'] has both)",
    "opening_unknown": "the opening is not known: inventory is relative to the first event",
    "series_taken_as_independent": "what moves several series at once is not in the interval",
    "means_taken_as_known": "std_error takes the means of several groups as known",
}
_QUESTION = "How fast does an inventory seen at uneven times revert, and can the data tell?"
_EQUATION = (
    r"I_i - \mu = e^{-\kappa d_i}(I_{i-1} - \mu) + e_i, \quad"
    r" \mathrm{Var}(e_i) = \sigma^2 \frac{1 - e^{-2 \kappa d_i}}{2 \kappa},"
    r" \qquad HL = \ln 2 / \kappa"
)
_FEWEST = 20


def ornstein_uhlenbeck(
    table: pd.DataFrame,
    *,
    intercept: str = "auto",
    interval: str = "bootstrap",
    draws: int | None = None,
    seed: int = 0,
) -> Result:
    """Speed kappa and half-life of an inventory seen at uneven times, by maximum likelihood.

    Taking uneven gaps for equal ones biases the speed down: to ln(1 + kappa m) / m for exponential
    gaps of mean m. Here every gap counts at its length. The times must not depend on the inventory
    (reports at set or random times do not; fills do: trading is faster at some inventories than at
    others). For fills use clock bars of `mm.panel`, on which a carried-forward inventory is exact.

    Parameters
    ----------
    table : DataFrame
        Reported holdings (time, account, symbol, position: the schema's positions), or a panel as
        `mm.panel` makes it, whose bars are gaps of their own length; nights between bars do not
        count. Several accounts or symbols are pooled as in `inventory_reversion`.
    intercept : str
        "none", "pooled", "segment" or "auto", as in `inventory_reversion`.
    interval : str
        "bootstrap": paths at the observed gaps from the standardised residuals, drawn from the
        ten rows before and after in their series, with random signs. "gaussian": from normal
        errors.
        Both take series as independent of one another.
    draws, seed : int
        Simulated paths, 999 unless given (399 above 5,000 gaps, 199 above 20,000).

    Returns
    -------
    Result
        table: kappa (1 / second), mu (units, where there is one mean; "drift", units a second,
        where kappa is not above 0), sigma (units / sqrt(second)). std_error: QMLE
        sandwich (White 1982), clustered by day from 40 days up. For kappa the normal law does not
        hold near the boundary kappa = 0: p is that of kappa = 0, simulated, and low and high invert
        the simulated distribution of the estimate.
        quantities: "kappa" (median-unbiased) and "half_life" in seconds, unbounded and not
        identified where a random walk is not rejected.
        details: "clocks": the answers of other clocks side by side; "interval"; "flags".

    Raises
    ------
    ValueError
        Columns that are not there, two reports at one time, infinite holdings, unknown options.

    References
    ----------
    Tang and Chen (2009) on the bias; Andrews (1993) on the inversion; White (1982).
    """
    if interval not in INTERVALS:
        raise ValueError(f"interval must be one of {', '.join(INTERVALS)}, not {interval!r}")
    panel = snapshot_panel(table) if "position" in table else table
    pairs = _moving(panel, intercept)
    reason = _cannot_tell(pairs)
    if reason:
        return _refused(pairs, reason)
    seconds = _seconds(pairs.frame)
    unit = float(seconds.mean())
    fit = maximum_likelihood(pairs.design, seconds / unit)
    found = invert_kappa(
        pairs.design,
        seconds / unit,
        fit,
        interval=interval,
        draws=draws or _draws(len(seconds)),
        seed=seed,
    )
    return _answer(pairs, seconds, unit, fit, found, interval)


def _moving(panel: pd.DataFrame, intercept: str) -> Pairs:
    """The pairs whose gap has a length; the others become jumps between those beside them."""
    if not {"start", "end"} <= set(panel.columns):
        return inventory_pairs(panel, intercept=intercept)  # refused there, every fault named
    passed = (panel["end"] > panel["start"]).to_numpy()
    pairs = inventory_pairs(panel[passed], intercept=intercept)
    dropped = dict(pairs.sample.dropped) | {"no time passed": int((~passed).sum())}
    sample = Sample(pairs.sample.used, dropped, pairs.sample.days, pairs.sample.series)
    return pairs._replace(sample=sample)


def _seconds(rows: pd.DataFrame) -> np.ndarray:
    return (rows["end"] - rows["start"]).dt.total_seconds().to_numpy(float)


def _cannot_tell(pairs: Pairs) -> str:
    """Why no speed can be estimated, empty if it can."""
    rows, design = len(pairs.frame), pairs.design
    if not rows:
        return "in no gap did a known inventory move"
    if rows - design.groups < _FEWEST:
        return f"{rows} gaps less {design.groups} means leave fewer than {_FEWEST}"
    residual, _ = standardised(design, np.ones(rows), 1e-9)
    if np.abs(residual).max() <= 1e-9 * np.abs(design.y).max():
        return "inventory follows from its last value without error"
    return ""


def _draws(rows: int) -> int:
    return 999 if rows <= 5_000 else 399 if rows <= 20_000 else 199


def _answer(
    pairs: Pairs, seconds: np.ndarray, unit: float, fit: OUFit, found: Inversion, interval: str
) -> Result:
    likelihood = _Likelihood(pairs, seconds / unit, fit)
    nearby = "residuals of nearby rows with random signs"
    kind = "normal errors" if interval == "gaussian" else nearby
    method = f"test inversion, {found.draws} paths at the observed gaps ({kind})"
    flags = _flags(pairs, found)
    return Result(
        _QUESTION,
        _EQUATION,
        unit="kappa per second; half-life in seconds",
        table=likelihood.table(unit, found),
        sample=pairs.sample,
        errors=f"kappa: interval and p of kappa = 0 by {method}; std_error: {likelihood.words}",
        fit=likelihood.fit,
        quantities={
            "kappa": _kappa(found, unit, method),
            "half_life": _half_life(found, unit, method, by_trades=_by_trades(pairs)),
        },
        flags=flags,
        details={
            "clocks": clock_table(pairs),
            "interval": _bounds(found, unit),
            "flags": pd.DataFrame({"flag": flags, "meaning": [FLAGS[flag] for flag in flags]}),
        },
    )


def _flags(pairs: Pairs, found: Inversion) -> tuple[str, ...]:
    raised = {
        "unit_root_not_rejected": found.low <= 1 <= found.high,
        "interval_unbounded": not np.isfinite([found.low, found.high]).all(),
        "event_time": _by_trades(pairs),
        "opening_unknown": not pairs.frame["opening_known"].all(),
        "series_taken_as_independent": pairs.sample.series > 1,
        "means_taken_as_known": pairs.design.groups > 1,
    }
    return tuple(name for name, on in raised.items() if on)


def _by_trades(pairs: Pairs) -> bool:
    """Whether the gaps are bars that end when trades happen; reports carry no count of trades."""
    return "trades" in pairs.frame and bar_unit(pairs.frame, daily=pairs.daily)[0] == "bars"


def _speed(rho: float, unit: float) -> float:
    """The kappa a second of a persistence over a mean gap; one below 0 forgets at once."""
    if math.isnan(rho):
        return math.nan
    return math.inf if rho <= 0 else -math.inf if math.isinf(rho) else -math.log(rho) / unit


def _life(rho: float, unit: float) -> float:
    speed = _speed(rho, unit)
    return math.nan if math.isnan(speed) else math.inf if speed <= 0 else math.log(2) / speed


def _kappa(found: Inversion, unit: float, method: str) -> Quantity:
    value, low, high = (_speed(rho, unit) for rho in (found.median, found.high, found.low))
    bounded = bool(np.isfinite([value, low, high]).all())
    reason = "" if bounded else "a bound was not found within the range searched"
    name = "kappa, median-unbiased"
    return Quantity(name, value, low, high, "a second", method, bounded, reason)


def _half_life(found: Inversion, unit: float, method: str, *, by_trades: bool) -> Quantity:
    value, low, high = (_life(rho, unit) for rho in (found.median, found.low, found.high))
    reason = ""
    if by_trades:
        reason = "the times are those of trades, which depend on the inventory; use clock bars"
    elif found.low > 1:
        reason = "inventory moves away from its mean (kappa below 0): it trends"
    elif found.high >= 1:
        reason = "a random walk (kappa = 0) is inside the 95 % interval"
    elif found.median <= 0:
        reason = "a level is forgotten within the shortest gaps: closer times are needed"
    low = math.nan if math.isinf(low) else low
    return Quantity("half-life", value, low, high, "seconds", method, not reason, reason)


def _bounds(found: Inversion, unit: float) -> pd.DataFrame:
    rho = [found.low, found.median, found.high]
    return pd.DataFrame(
        {
            "point": ["low", "median-unbiased", "high"],
            "rho_over_a_mean_gap": rho,
            "monte_carlo_error": found.errors,
            "half_life": [_life(r, unit) for r in rho],
        }
    )


class _Likelihood:
    """The likelihood as statsmodels' model, for its sandwich: time in mean gaps, levels as pooled.

    One mean is a parameter; several are taken as known, at their estimates. Where kappa is not
    above 0 there is no mean, and a drift stands in for it.
    """

    def __init__(self, pairs: Pairs, gaps: np.ndarray, fit: OUFit) -> None:
        self._design, self._gaps, self._reverts = pairs.design, gaps, fit.kappa > 0
        sizes = np.diff(pairs.design.bounds)
        level = fit.drift / fit.kappa if self._reverts else fit.drift
        self._shift = np.repeat(level, sizes) if pairs.design.groups > 1 else 0.0
        start, self._names = [fit.kappa, math.log(fit.sigma)], ["kappa", "log_sigma"]
        if pairs.design.groups == 1:
            start.append(float(level[0]))
            self._names.append("mu" if self._reverts else "drift")
        by_day = pairs.sample.days >= MANY_DAYS
        groups = pd.factorize(pairs.frame["day"])[0]
        cluster = {"cov_type": "cluster", "cov_kwds": {"groups": groups}}
        how = cluster if by_day else {"cov_type": "HC0"}
        clusters = f"clustered by day ({pairs.sample.days} days)" if by_day else "gap by gap"
        self.words = f"QMLE sandwich (White 1982), {clusters}, normal"
        self.fit = self._model().fit(
            np.array(start), method="bfgs", disp=0, maxiter=0, warn_convergence=False, **how
        )

    def _model(self) -> GenericLikelihoodModel:
        model = GenericLikelihoodModel(
            self._design.y,
            np.ones(len(self._gaps)),
            loglike=None,
            extra_params_names=self._names[1:],
        )
        model.loglikeobs = self._rows
        model.loglike = lambda params: self._rows(params).sum()
        model.data.xnames = self._names
        return model

    def _rows(self, params: np.ndarray) -> np.ndarray:
        """Log density of each row."""
        now = moves(self._gaps, params[0])
        level = params[2] if len(params) == 3 else self._shift
        pull = level * (-np.expm1(-params[0] * self._gaps) if self._reverts else now.drift)
        residual = self._design.y - now.stays * self._design.x - pull
        spread = now.spread * math.exp(2 * params[1])
        return -(np.log(2 * np.pi * spread) + residual**2 / spread) / 2

    def table(self, unit: float, found: Inversion) -> pd.DataFrame:
        """kappa, the mean and sigma in seconds and units, with the inverted interval of kappa."""
        value, error = np.asarray(self.fit.params), np.asarray(self.fit.bse)
        sigma = math.exp(value[1]) / math.sqrt(unit)
        rows = [
            ("kappa", value[0] / unit, error[0] / unit),
            ("sigma", sigma, sigma * error[1]),
        ]
        if len(value) == 3:
            scale = 1.0 if self._reverts else 1 / unit
            rows.insert(1, (self._names[2], value[2] * scale, error[2] * scale))
        table = pd.DataFrame(rows, columns=["term", "estimate", "std_error"])
        table["t"] = table["estimate"] / table["std_error"]
        table["p"] = 2 * scipy.stats.norm.sf(np.abs(table["t"]))
        reach = scipy.stats.norm.ppf(0.975) * table["std_error"]
        table["low"], table["high"] = table["estimate"] - reach, table["estimate"] + reach
        bounds = [_speed(found.high, unit), _speed(found.low, unit)]
        table.loc[0, ["p", "low", "high"]] = [found.p_unit, *bounds]
        return table[TIDY]


def _refused(pairs: Pairs, reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit="kappa per second; half-life in seconds",
        sample=pairs.sample,
        reason=reason,
        names=["kappa", "half_life"],
        units={"kappa": "a second", "half_life": "seconds"},
        called={"half_life": "half-life"},
        terms=["kappa"],
    )
