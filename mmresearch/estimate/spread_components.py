"""What the spread pays for: orders' information, inventory, processing (Huang and Stoll 1997)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from statsmodels.sandbox.regression.gmm import GMMResults

from mmresearch.estimate.component_agreement import DISAGREE, agreement, disagree
from mmresearch.estimate.component_rows import ON, Rows, component_rows
from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.indicator_gmm import TERMS, gmm, moments_solved
from mmresearch.estimate.result import TIDY, Quantity, Result, refused
from mmresearch.estimate.sandwich import Rule, error_rule
from mmresearch.estimate.trade_rows import trade_table
from mmresearch.market import Market
from mmresearch.measure.quoted_trades import bunch_trades

ERRORS = ("auto", "cluster", "hac")
FEWEST_TRADES = 50
CLEAR = 3.0  # standard errors that 1 - 2 pi must be away from 0
_QUESTION = "How much of the spread pays for information, for inventory, and for processing orders?"
_EQUATION = {
    "quotes": r"\Delta M_t = (\alpha+\beta) \tfrac{S_{t-1}}{2} Q_{t-1}"
    r" - \alpha (1-2\pi) \tfrac{S_{t-2}}{2} Q_{t-2} + \varepsilon_t",
    "prices": r"\Delta P_t = \tfrac{S_t}{2} Q_t + (\alpha+\beta-1) \tfrac{S_{t-1}}{2} Q_{t-1}"
    r" - \alpha (1-2\pi) \tfrac{S_{t-2}}{2} Q_{t-2} + e_t",
    "traded": r"\Delta P_t = \tfrac{S}{2} \left[ Q_t + (\alpha+\beta-1) Q_{t-1}"
    r" - \alpha (1-2\pi) Q_{t-2} \right] + e_t",
}
MEANING = {
    "adverse_selection": "alpha: how much of the half spread a surprising order moves the value",
    "inventory": "beta: how much of it quotes move so that the maker gets rid of what it bought",
    "order_processing": "1 - alpha - beta: the rest, which the maker keeps",
    "two_way": "alpha + beta from one equation, which takes every order for a surprise: it gives "
    "alpha + beta - alpha (1 - 2 pi)²",
    "reversal": "pi: how often an order is on the other side than the one before",
}


class Fits(NamedTuple):
    """What was estimated: two coefficients of the linear form, the two-way one, pi, and the GMM."""

    linear: Regression
    two_way: Regression
    turned: Regression
    gmm: GMMResults | None
    rule: Rule
    reason: str


def spread_components(
    trades: pd.DataFrame | Market,
    *,
    symbol: str | Sequence[str] | None = None,
    on: str = "auto",
    bunch: bool = True,
    within: str | None = "1s",
    errors: str = "auto",
    level: float = 0.95,
) -> Result:
    """Shares of the half spread: adverse selection, inventory, order processing.

    Parameters
    ----------
    trades : Market or DataFrame
        A market with trades of known side, and quotes; or a table as `mm.quoted_trades` makes it.
    symbol : str or list, optional
        Which; all if not given. Several are pooled, each in multiples of its mean spread.
    on : str
        "quotes": changes of the mid from just before one trade to just before the next. "prices":
        changes of trade prices, with the quoted spread. "traded": changes of trade prices, the
        spread estimated (one symbol, no quotes needed). "auto": "quotes" where there are any, else
        "traded".
    bunch : bool
        Whether consecutive prints of one side, price and quote are taken as one trade: orders that
        print several times make pi too small. `details` has pi before and after.
    within : str or None
        How far apart such prints may be. None, whatever the time, is the paper's rule; where quotes
        stand for long it joins orders that have nothing to do with each other, pi is then large by
        construction, and information is taken for inventory.
    errors : str
        "cluster": by day. "hac": Newey-West within days. "auto": "cluster" from 40 days up, else
        "hac". Nothing crosses a night: the first two trades of a day only stand before others.
    level : float
        Of the intervals.

    Returns
    -------
    Result
        `table`: adverse_selection (alpha), inventory (beta), reversal (pi), with on="traded" the
        spread (currency). `quantities`: those shares (1 is the half spread), "order_processing" (1
        - alpha - beta, delta method) and "two_way" (alpha + beta by the two-way equation). What is
        outside [0, 1] is flagged and shown as it is. `details`: "bunching", "variants" (the same by
        each kind of price), "agreement" (whether mids and prices tell the same, as they do where
        the model holds), "symbols" (each alone), "meaning". `fit`: statsmodels' GMM.

    Notes
    -----
    Alpha and beta are told apart only by what an expected order does not do. They are refused where
    1 - 2 pi is less than three of its standard errors from 0; and where pi is below one half: the
    inventory component works through reversals, so orders that continue are split ones, of which
    the model has none. There what is left, "order_processing", is refused too; at pi = 1/2 it needs
    no pi and stands. "two_way" is always given, but takes every order for a surprise.

    Flag "quotes_and_prices_disagree": the equation of prices has trades pay half the quoted spread.
    Where they pay less (prints inside the spread, hidden orders), what they do not pay is counted
    as information or inventory on="prices", and the shares on="quotes" are of a half spread that is
    not paid.

    References
    ----------
    Huang and Stoll (1997), The components of the bid-ask spread: a general approach, Review of
    Financial Studies 10.
    """
    for name, value, known in (("on", on, ("auto", *ON)), ("errors", errors, ERRORS)):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    table = trade_table(trades, symbol)
    if on == "auto":
        on = "quotes" if (table["bid"].notna() & table["ask"].notna()).any() else "traded"
    rows = component_rows(table, on=on, bunch=bunch, within=within)
    reason = _cannot_tell(rows.frame, on)
    if reason:
        return _refused(rows, on, reason)
    fits = _fits(rows.frame, on, errors, level)
    quantities = _quantities(fits, on, level)
    same = agreement(table, bunch=bunch, within=within, kind=fits.rule.kind, level=level)
    flags = (*_flags(fits, quantities), *([DISAGREE] if disagree(same, level) else []))
    words = f"{fits.rule.words}; pi, alpha and beta jointly by GMM, shares by the delta method"
    return Result(
        _QUESTION,
        _EQUATION[on],
        unit="share of the half spread; reversal: probability"
        + ("; spread: currency" if on == "traded" else ""),
        table=_gmm_table(fits, level),
        sample=rows.sample,
        errors=words,
        fit=fits.gmm,
        quantities=quantities,
        flags=flags,
        details=_details(table, rows, on, bunch, within) | {"agreement": same},
    )


def _cannot_tell(frame: pd.DataFrame, on: str) -> str:
    if len(frame) < FEWEST_TRADES:
        return (
            f"{len(frame)} trades with side{'' if on == 'traded' else ' and quotes'} and two of "
            f"their day before them, where {FEWEST_TRADES} are needed"
        )
    if frame["side_1"].nunique() < 2 or frame["side_2"].nunique() < 2:
        return "every trade is on one side"
    if np.ptp(frame["y"].to_numpy()) == 0:
        return ("mids" if on == "quotes" else "prices") + " never change"
    columns = ["side", "side_1", "side_2"] if on == "traded" else ["x1", "x2"]
    if np.linalg.matrix_rank(frame[columns].to_numpy("float64")) < len(columns):
        return "each side follows from the one before: pi is 0 or 1"
    return ""


def _fits(frame: pd.DataFrame, on: str, errors: str, level: float) -> Fits:
    rule = error_rule(frame["day"], errors=_kind(frame["day"], errors), params=len(TERMS))

    def fitted(y: str, *columns: str) -> Regression:
        x = frame[list(columns)]
        return regress(frame[y], x, frame["day"], errors=rule.kind, level=level)

    turned = fitted("side_1", "side_2")
    if on == "traded":
        linear, two_way = fitted("y", "side", "side_1", "side_2"), fitted("y", "side", "side_1")
    else:
        linear, two_way = fitted("y", "x1", "x2"), fitted("y", "x1")
    reason = _not_told(*turned.table.loc[0, ["estimate", "std_error"]])
    # at pi = 1/2 the moments have no solution, and so no GMM either
    fit = None if reason.startswith("1 - 2 pi") else gmm(frame, rule, traded=on == "traded")
    return Fits(linear, two_way, turned, fit, rule, reason)


def _kind(days: pd.Series, errors: str) -> str:
    """The wild bootstrap, which "auto" means elsewhere for some days, is for regressions only."""
    kind = error_rule(days, errors=errors).kind
    return "hac" if kind == "wild" else kind


def _not_told(turned: float, error: float) -> str:
    if not abs(turned) >= CLEAR * error:
        return (
            f"1 - 2 pi is {turned:.3g}, less than {CLEAR:g} of its standard errors ({error:.2g}) "
            "from 0: no order is expected, so that surprises cannot be told from orders"
        )
    if turned > 0:
        return (
            f"orders continue (pi is {(1 - turned) / 2:.3g}, below one half): they are split, "
            "which the model has not; the inventory component needs orders that turn"
        )
    return ""


def _quantities(fits: Fits, on: str, level: float) -> dict[str, Quantity]:
    reach = float(scipy.stats.t.ppf((1 + level) / 2, fits.rule.df))
    words = fits.rule.words
    kept, kept_error = _kept(fits.linear, on)
    one, one_error = _kept(fits.two_way, on)
    turned, turned_error = fits.turned.table.loc[0, ["estimate", "std_error"]]
    told = {
        "order_processing": (kept, kept_error),
        "two_way": (1 - one, one_error),
        "reversal": ((1 - turned) / 2, turned_error / 2),
    }
    if fits.gmm is not None:
        pairs = zip(fits.gmm.params[:2], fits.gmm.bse[:2], strict=True)
        told |= dict(zip(TERMS[:2], pairs, strict=True))
    # at pi = 1/2 the sum of both shares is known, though not the shares
    refused = TERMS[:2] if fits.gmm is None else [*TERMS[:2], "order_processing"]
    found = {}
    for name in MEANING:
        value, error = told.get(name, (math.nan, math.nan))
        interval = (float(value), float(value - reach * error), float(value + reach * error))
        reason = fits.reason if name in refused else ""
        method = f"{'GMM' if name in TERMS[:2] else 'least squares'}, {words}"
        unit = "" if name == "reversal" else "of the half spread"
        found[name] = Quantity(name, *interval, unit, method, not reason, reason, level)
    return found


def _kept(fit: Regression, on: str) -> tuple[float, float]:
    """1 - alpha - beta and its error from the linear form, by the delta method."""
    first = fit.fit.params.iloc[:2].to_numpy()
    covariance = fit.fit.cov_params().iloc[:2, :2].to_numpy()
    if on != "traded":
        return 1 - first[0], math.sqrt(covariance[0, 0])
    kept = -first[1] / first[0]
    slope = np.array([-kept, -1.0]) / first[0]
    return kept, math.sqrt(slope @ covariance @ slope)


def _gmm_table(fits: Fits, level: float) -> pd.DataFrame:
    reach = float(scipy.stats.t.ppf((1 + level) / 2, fits.rule.df))
    if fits.gmm is None:
        turned, error = fits.turned.table.loc[0, ["estimate", "std_error"]]
        names, params, errors = [TERMS[2]], np.array([(1 - turned) / 2]), np.array([error / 2])
    else:
        names, params, errors = fits.gmm.model.data.xnames, fits.gmm.params, fits.gmm.bse
    t = params / errors
    p = 2 * scipy.stats.t.sf(np.abs(t), fits.rule.df)
    columns = [names, params, errors, t, p, params - reach * errors, params + reach * errors]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def _flags(fits: Fits, quantities: dict[str, Quantity]) -> tuple[str, ...]:
    flags = list(fits.rule.flags)
    if fits.reason:
        flags.append("not_identified" if fits.gmm is None else "orders_continue")
        flags.append("two_way_takes_every_order_for_a_surprise")
    for name, found in quantities.items():
        if name != "reversal" and (found.value < 0 or found.value > 1):
            flags.append(f"{name}_outside_0_1")
    return tuple(flags)


def _details(
    table: pd.DataFrame, rows: Rows, on: str, bunch: bool, within: str | None
) -> dict[str, pd.DataFrame]:
    points = {on: rows.frame}
    for other in ON:
        if other != on and not (other == "traded" and rows.sample.series > 1):
            points[other] = component_rows(table, on=other, bunch=bunch, within=within).frame
    alone = {str(name): part for name, part in rows.frame.groupby("symbol")}
    return {
        "bunching": _bunching(table, within),
        "variants": _points({name: (frame, name) for name, frame in points.items()}, "on"),
        "symbols": _points({name: (frame, on) for name, frame in alone.items()}, "symbol"),
        "meaning": pd.Series(MEANING, name="meaning").rename_axis("term").to_frame(),
    }


def _bunching(table: pd.DataFrame, within: str | None) -> pd.DataFrame:
    """Trades and the share of reversals among pairs of one day, before and after bunching."""
    sets = {"prints": table}
    if within is not None:
        sets[f"bunched within {within}"] = bunch_trades(table, within=within)
    sets["bunched, however far apart"] = bunch_trades(table)
    found = {}
    for name, trades in sets.items():
        last = trades["side"].groupby([trades["symbol"], trades["day"]]).shift()
        product = (trades["side"] * last).dropna()
        found[name] = (len(trades), (1 - product.mean()) / 2)
    columns = ["trades", "reversal"]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns).rename_axis("trades are")


def _points(frames: dict[str, tuple[pd.DataFrame, str]], index: str) -> pd.DataFrame:
    """Point estimates alone, missing where a sample cannot give them."""
    found = {}
    for name, (frame, on) in frames.items():
        solved = np.full(3, np.nan)
        if not _cannot_tell(frame, on):
            solved = moments_solved(frame, traded=on == "traded")[:3]
        found[name] = (len(frame), *solved[:2], 1 - solved[:2].sum(), solved[2])
    columns = ["trades", *TERMS[:2], "order_processing", TERMS[2]]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns).rename_axis(index)


def _refused(rows: Rows, on: str, reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION[on],
        unit="share of the half spread",
        sample=rows.sample,
        reason=reason,
        names=MEANING,
    )
