"""How trades move prices and what they cost (Madhavan, Richardson and Roomans 1997)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from statsmodels.sandbox.regression.gmm import GMMResults

from mmresearch.estimate.equality import equal_slopes
from mmresearch.estimate.result import TIDY, Quantity, Result, refused
from mmresearch.estimate.revision_gmm import (
    CROSSED,
    PARTS,
    gmm,
    influence,
    moments_solved,
    share_errors,
    variance_split,
)
from mmresearch.estimate.sandwich import Rule, error_rule
from mmresearch.estimate.tape_rows import UNITS, ZERO, Rows, cannot_tell, tape_rows, with_hour
from mmresearch.estimate.trade_rows import trade_table
from mmresearch.market import Market

ERRORS = ("auto", "cluster", "hac")
FEWEST_TRADES = 50
CLEAR = 3.0  # standard errors that 1 - rho must be away from 0
_QUESTION = "How much of a trade's price change stays, and how much is the cost of trading?"
_EQUATION = (
    r"\Delta p_t = (\phi+\theta) x_t - (\phi+\rho\theta) x_{t-1} + \varepsilon_t + \xi_t"
    r" - \xi_{t-1}, \qquad E[x_t | x_{t-1}] = \rho x_{t-1}"
)
MEANING = {
    "theta": "what a surprising trade adds to the value: it stays",
    "phi": "what the maker keeps a trade for its cost and risk: it fades with the next trade",
    "rho": "how far a trade's side is expected from the one before: 0 not at all",
    "lam": "share of trades that cross at the mid, of no side",
    "spread": "2 (phi + theta), between a purchase and a sale at one time",
    "adverse_share": "theta / (phi + theta): how much of the spread pays for information",
    "public_news": "share of the price changes' variance: news that no trade told",
    "rounding": "share of it: noise that the next change takes back, as rounding to ticks",
    "trade_information": "share of it: the surprise of trades",
    "trading_costs": "share of it: the bounce between bid and ask",
    "both": "share of it: trades' surprise and bounce together",
}
_SHARES = [name for name in MEANING if name in ("adverse_share", *PARTS)]


class Fits(NamedTuple):
    """The GMM, how errors are computed, and why its answers are not told, if they are not."""

    gmm: GMMResults
    rule: Rule
    reason: str


def trade_indicator(
    trades: pd.DataFrame | Market,
    *,
    symbol: str | Sequence[str] | None = None,
    by: str | None = None,
    unit: str = "currency",
    zero: str = "unsigned",
    bunch: bool = True,
    within: str | None = "1s",
    errors: str = "auto",
    level: float = 0.95,
) -> Result:
    """Permanent and passing impact of a trade's side, and what price changes are made of.

    Parameters
    ----------
    trades : Market or DataFrame
        A market with trades of known side; or a table as `mm.quoted_trades` makes it.
    symbol : str or list, optional
        Which; all if not given. Several need unit="bps".
    by : str, optional
        "hour": `details["hours"]` has the parameters of each hour, of the session where a market is
        given and of the UTC day where a table is, and tests whether theta is the same in all.
    unit : str
        Of prices: "currency" (a unit of the asset) or "bps" of the price before.
    zero : str
        Which trades at the mid of the quotes before them are crossed ones of side 0: "unsigned",
        those whose side is not known; "mid", all; "none". Other trades of unknown side are left
        out. rho is of the same coding; `details["coding"]` has the answers of each.
    bunch, within
        Whether prints of one side, price and quote at most `within` apart are taken as one trade:
        orders that print several times make rho too large (see `spread_components`).
    errors : str
        "cluster": by day. "hac": Newey-West within days, one lag or more, for rounding makes errors
        of one trade and the next depend. "auto": "cluster" from 40 days up, else "hac".
    level : float
        Of the intervals.

    Returns
    -------
    Result
        `table`: theta, phi, rho, drift, and lam where trades cross. `quantities`: those, "spread"
        2 (phi + theta), "adverse_share" theta / (phi + theta), and the shares of the price changes'
        variance: "public_news", "rounding", "trade_information", "trading_costs", "both"; they add
        up to one. `details`: "variance" (the same in the unit squared, beside the model's formula),
        "coding", "hours", "meaning". `fit`: statsmodels' GMM, equal to the method of moments.

    Notes
    -----
    Prices are positive when they move in the aggressor's direction. Each trade counts once, however
    long it took: time without trades changes nothing. Refused where 1 - rho is less than three of
    its standard errors from 0: no trade is then a surprise, and theta is told by nothing else. A
    share below 0 or above 1 is flagged and shown as it is.

    References
    ----------
    Madhavan, Richardson and Roomans (1997), Why do security prices change? A transaction-level
    analysis of NYSE stocks, Review of Financial Studies 10.
    """
    for name, value, known in (
        ("by", by, (None, "hour")),
        ("unit", unit, UNITS),
        ("zero", zero, ZERO),
        ("errors", errors, ERRORS),
    ):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(map(str, known))}, not {value!r}")
    table = trade_table(trades, symbol)
    label = ""
    if by:
        table, label = with_hour(trades, table)
    choice = {"unit": unit, "bunch": bunch, "within": within}
    rows = tape_rows(table, zero=zero, **choice)
    reason = _cannot_tell(rows.frame)
    if reason:
        return _refused(rows, unit, reason)
    fits = _fit(rows.frame, errors)
    quantities = _quantities(rows.frame, fits, unit, level)
    details = {
        "variance": _variance(rows.frame, fits.gmm.params),
        "coding": _coding(table, choice),
        "meaning": pd.Series(MEANING, name="meaning").rename_axis("term").to_frame(),
    }
    if by:
        details |= _hours(rows.frame, label, unit, errors, level)
    return Result(
        _QUESTION,
        _EQUATION,
        unit=f"theta, phi, drift: {_words(unit)}; rho, lam: shares",
        table=_gmm_table(fits, level),
        sample=rows.sample,
        errors=f"{fits.rule.words}; all parameters jointly by GMM, the rest by the delta method",
        fit=fits.gmm,
        quantities=quantities,
        flags=_flags(fits, quantities),
        details=details,
    )


def _words(unit: str) -> str:
    return "currency a unit" if unit == "currency" else "bps"


def _cannot_tell(frame: pd.DataFrame) -> str:
    reason = cannot_tell(frame, FEWEST_TRADES)
    if reason:
        return reason
    now, one = frame["x"].to_numpy(), frame["x_1"].to_numpy()
    x = np.column_stack([np.ones(len(now)), now, one])
    if np.linalg.matrix_rank(x) < 3:
        return "each side follows from the one before: rho is 1 or -1"
    if not frame["follows"].any():
        return "no two price changes follow each other"
    return ""


def _fit(frame: pd.DataFrame, errors: str) -> Fits:
    kind = error_rule(frame["day"], errors=errors).kind
    rule = error_rule(frame["day"], errors="hac" if kind == "wild" else kind, params=4)
    fit = gmm(frame, rule)
    rho, error = fit.params[2], fit.bse[2]
    reason = ""
    if not 1 - rho >= CLEAR * error:
        reason = (
            f"rho is {rho:.3g} with a standard error of {error:.2g}: no trade's side is a surprise,"
            " and only surprises tell theta"
        )
    return Fits(fit, rule, reason)


def _quantities(frame: pd.DataFrame, fits: Fits, unit: str, level: float) -> dict[str, Quantity]:
    reach = float(scipy.stats.t.ppf((1 + level) / 2, fits.rule.df))
    told = _derived(fits.gmm)
    if CROSSED not in told:
        told[CROSSED] = (0.0, 0.0)
    parts = variance_split(frame)
    shares = zip(parts / parts.sum(), share_errors(frame, fits.rule), strict=True)
    told |= dict(zip(PARTS, shares, strict=True))
    found = {}
    for name in MEANING:
        value, error = (float(number) for number in told[name])
        kind = "of the variance" if name in PARTS else "" if name in _SHARES else _words(unit)
        kind = "" if name in ("rho", CROSSED) else kind
        reason = "" if name in ("rho", CROSSED) else fits.reason
        interval = (value, value - reach * error, value + reach * error)
        method = f"GMM, {fits.rule.words}"
        found[name] = Quantity(name, *interval, kind, method, not reason, reason, level)
    return found


def _derived(fit: GMMResults) -> dict[str, tuple[float, float]]:
    """Parameters, spread and adverse share with their errors, by name."""
    covariance = fit.cov_params()
    told = dict(zip(fit.model.data.xnames, zip(fit.params, fit.bse, strict=True), strict=True))
    theta, phi = fit.params[:2]
    whole = theta + phi
    slopes = {"spread": np.array([2.0, 2.0])}
    slopes["adverse_share"] = np.array([phi, -theta]) / whole**2
    values = {"spread": 2 * whole, "adverse_share": theta / whole}
    for name, slope in slopes.items():
        told[name] = (values[name], math.sqrt(slope @ covariance[:2, :2] @ slope))
    return told


def _gmm_table(fits: Fits, level: float) -> pd.DataFrame:
    reach = float(scipy.stats.t.ppf((1 + level) / 2, fits.rule.df))
    names, params, errors = fits.gmm.model.data.xnames, fits.gmm.params, fits.gmm.bse
    t = params / errors
    p = 2 * scipy.stats.t.sf(np.abs(t), fits.rule.df)
    columns = [names, params, errors, t, p, params - reach * errors, params + reach * errors]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def _flags(fits: Fits, quantities: dict[str, Quantity]) -> tuple[str, ...]:
    flags = [*fits.rule.flags, *(["rho_at_boundary"] if fits.reason else [])]
    flags += [f"{name}_below_0" for name in ("theta", "phi") if quantities[name].value < 0]
    if quantities["rounding"].value < 0:
        flags.append("rounding_below_0")
    return tuple(flags)


def _variance(frame: pd.DataFrame, params: np.ndarray) -> pd.DataFrame:
    """The split in the unit squared from the sample's moments, and what the model's formula says.

    The sample's adds up to the variance of the price changes; the formula takes sides for
    stationary with mean 0, and nothing that is left for related to them.
    """
    parts = pd.Series(variance_split(frame), index=PARTS)
    theta, phi, rho = params[:3]
    sided = float((frame["x"] != 0).mean())
    formula = parts.copy()
    formula["trade_information"] = sided * theta**2 * (1 - rho**2)
    formula["trading_costs"] = sided * 2 * phi**2 * (1 - rho)
    formula["both"] = sided * 2 * theta * phi * (1 - rho**2)
    table = pd.DataFrame({"variance": parts, "share": parts / parts.sum(), "formula": formula})
    table.loc["price changes"] = [frame["y"].var(ddof=0), 1.0, formula.sum()]
    return table.rename_axis("part")


def _coding(table: pd.DataFrame, choice: dict[str, object]) -> pd.DataFrame:
    """Point estimates under each coding of trades at the mid, missing where it cannot give them."""
    found = {}
    for zero in ZERO:
        frame = tape_rows(table, zero=zero, **choice).frame
        solved = np.full(4, np.nan) if _cannot_tell(frame) else moments_solved(frame)[:4]
        found[zero] = (len(frame), *solved[:3], float((frame["x"] == 0).mean()))
    columns = ["trades", "theta", "phi", "rho", CROSSED]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns).rename_axis("zero")


def _hours(
    frame: pd.DataFrame, label: str, unit: str, errors: str, level: float
) -> dict[str, pd.DataFrame]:
    """Parameters hour by hour, and whether theta is the same in all of them."""
    lines, thetas, rows = {}, [], []
    for hour, part in frame.groupby("hour"):
        own = part.reset_index(drop=True)
        reason = _cannot_tell(own)
        line: dict[str, object] = {"trades": len(own), "reason": reason}
        if not reason:
            fits = _fit(own, errors)
            line["reason"] = fits.reason
            reach = float(scipy.stats.t.ppf((1 + level) / 2, fits.rule.df))
            for name in ("theta", "phi", "rho", "spread", "adverse_share"):
                value, error = _derived(fits.gmm)[name]
                low, high = value - reach * error, value + reach * error
                line |= {name: value, f"{name}_low": low, f"{name}_high": high}
            if not fits.reason:
                told = np.zeros(len(frame))
                told[part.index] = influence(own, fits.gmm)[:, 0]
                thetas.append(fits.gmm.params[0])
                rows.append(told)
        lines[int(hour)] = line
    table = pd.DataFrame.from_dict(lines, orient="index").rename_axis(label)
    table.insert(len(table.columns) - 1, "reason", table.pop("reason"))
    rule = error_rule(frame["day"], errors=_kind(frame["day"], errors))
    test = equal_slopes(np.array(thetas), rows, frame["day"], rule)
    return {"hours": table, "equality": test.rename_axis("theta is the same in every hour")}


def _kind(days: pd.Series, errors: str) -> str:
    """The wild bootstrap, which "auto" means elsewhere for some days, is for regressions only."""
    kind = error_rule(days, errors=errors).kind
    return "hac" if kind == "wild" else kind


def _refused(rows: Rows, unit: str, reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit=f"theta, phi, drift: {_words(unit)}; rho, lam: shares",
        sample=rows.sample,
        reason=reason,
        names=MEANING,
    )
