"""How a dealer prices incoming orders: information, inventory, spread (Madhavan and Smidt 1991)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import scipy.signal
import scipy.stats

from mmresearch.estimate.brokered_flow import AFTER, FLOW
from mmresearch.estimate.dealer_restrictions import Fits, priors, restrictions, share
from mmresearch.estimate.dealer_rows import HELD, SIZES, Rows, dealer_rows, terms_of
from mmresearch.estimate.errors import regress
from mmresearch.estimate.fill_rows import SERIES
from mmresearch.estimate.result import Quantity, Result, refused
from mmresearch.estimate.sandwich import error_rule

NOISE = ("any", "ma")
FEWEST_TRADES = 30
_QUESTION = "Does the dealer learn from orders, and does it shade its prices by what it holds?"
_EQUATION = (
    r"\Delta p_t = b_0 + b_1 Q_t + b_2 I_t + b_3 I_{t-1} + b_4 D_t + b_5 D_{t-1} + e_t, \quad "
    r"I_t \text{ before trade } t"
)
_FLOW_EQUATION = _EQUATION.replace("+ e_t", "+ b_6 B_t + e_t")
_UNITS = {"average": "an average trade", "units": "a unit"}
MEANING = {
    "information": "b1: an order to buy raises the dealer's belief where it is above 0",
    "shading": "b2: the long dealer quotes lower where it is below 0",
    "prior_weight": "b3/|b2|: weight of what the dealer believed before the order, 1: orders tell "
    "it nothing",
    "half_spread": "b4: what an order of no size pays, before information and inventory",
    "brokered": "b6: what others' buying since the last order moves the dealer's price",
}


def dealer_pricing(
    fills: pd.DataFrame,
    *,
    brokered: pd.DataFrame | None = None,
    held: str = "ledger",
    size: str = "average",
    noise: str = "any",
    errors: str = "auto",
    level: float = 0.95,
    draws: int = 999,
    seed: int = 0,
) -> Result:
    """Change of the dealer's price from one incoming order to the next, by size and inventory.

    Parameters
    ----------
    fills : DataFrame
        As `mm.trader_fills` makes it, of one or more dealers and symbols: their own executions at
        their own quotes. Orders that the dealer sent out itself are no quotes; leave them out, the
        inventory still has to hold them. Fills of one instant, side and price are one order.
    brokered : DataFrame, optional
        Trades of others that the dealer sees (Lyons 1995: those of the brokers): time, seq, symbol,
        side (+1 the aggressor bought), size, as market["trades"]. Adds B_t, what they bought net
        after the dealer's last order and before this one, both strictly by (time, seq), so that
        neither the order's own print nor anything after it is in. The dealer's own orders to others
        are part of it where the table has them. Days without any are set aside, prints of unknown
        side do not count.
    held : str
        "ledger": the position, whatever day it comes from. "session": what was bought and sold
        since the session's open, for dealers who end days flat and where sessions are missing.
    size : str
        "average": sizes and inventory in average trades of the series, for several symbols.
        "units": in units of the asset.
    noise : str
        "any": least squares, errors robust to dependence. "ma": the error's MA(1) is taken out of
        both sides (c from the first autocorrelation of least squares' residuals), then least
        squares with the same errors. It is more precise where prices have noise of their own, but
        asks more: that orders do not answer to the noise of earlier prices.
    errors, level, draws, seed
        As in `estimate.errors.regress`. Nothing crosses a night.

    Returns
    -------
    Result
        `table`: size (b1), inventory (b2), inventory_lag (b3), direction (b4), direction_lag (b5)
        and, where given, brokered (b6, in the unit of size); Q > 0 and D = +1 where the customer
        buys, I > 0 where the dealer is long; price changes in basis points of the day's first
        price. b0 is taken out series by series. `quantities`: "information" (b1), "shading" (b2),
        "prior_weight" (b3/|b2|, Fieller's interval), "half_spread" (b4), "brokered" (b6).
        `details`: "restrictions" (what the model says of signs and sizes, each with estimate,
        interval and whether it holds), "priors" (the weight by inventory and by the spread),
        "traps" (size where inventory, and brokered where the flow, is that after the trade),
        "timing", "series", "noise" and "meaning".

    Raises
    ------
    ValueError
        Faulty fills, among them inventory that is the one after the trade, in another unit or with
        the sign turned: before the trade it moves from one fill to the next by side * size of the
        earlier one (and by other flows).

    Notes
    -----
    The dealer gives its prior the weight w and what the order says 1 - w, quotes its belief less g
    a unit held, and half a spread s: p = belief - g (I - I*) + s D. With customers who trade
    theta a unit of mispricing that gives b1 = (1 - w)/(w theta), b2 = -g/w, b3 = g, b4 = s/w and
    b5 = -s, and with them w twice: b3/|b2| = |b5|/b4.

    That dealer is asked for a size and then names its price. Where quotes stand before the size is
    known, as in an order book, the order tells its news to the next price: that is Q_(t-1), or
    I_(t-1) - I_t where inventory moves by trades alone, and so in b2 and b3 (b1 = 0, b2 = -(g + k)
    and b3 = g + k for news of k a unit). "shading" is then shading and information together, and
    flagged where b1 may be 0. A pool's price is a function of what it holds, which is the same.
    Whether orders move prices for good is `mm.flow_cointegration`'s question.

    References
    ----------
    Madhavan and Smidt (1991), A Bayesian model of intraday specialist pricing, Journal of Financial
    Economics 30. Lyons (1995), Tests of microstructural hypotheses in the foreign exchange market,
    Journal of Financial Economics 39. Bjonnes and Rime (2005), Dealer behavior and trading systems
    in foreign exchange markets, Journal of Financial Economics 75.
    """
    for name, value, known in (
        ("held", held, HELD),
        ("size", size, SIZES),
        ("noise", noise, NOISE),
    ):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    rows = dealer_rows(fills, held=held, size=size, brokered=brokered)
    frame = _without_constant(rows.frame, 0.0) if len(rows.frame) else rows.frame
    reason = _cannot_tell(rows.frame, frame)
    if reason:
        return _refused(rows, size, reason)
    memory = _first_autocorrelation(frame)
    if noise == "ma":
        frame = _without_constant(rows.frame, memory["c"])
    choice = {"errors": errors, "level": level, "draws": draws, "seed": seed}
    fits = _fits(frame, choice)
    own = f"{fits.own.errors}" + ("; after the error's MA(1)" if noise == "ma" else "")
    return Result(
        _QUESTION,
        _EQUATION if brokered is None else _FLOW_EQUATION,
        unit=f"basis points for {_UNITS[size]}, and for a direction",
        table=fits.own.table,
        sample=rows.sample,
        errors=own,
        fit=fits.own.fit,
        quantities=_quantities(fits, own, size),
        flags=tuple(dict.fromkeys([*rows.flags, *fits.own.flags, *_posted(fits)])),
        details={
            "restrictions": restrictions(fits),
            "priors": priors(fits),
            "traps": _traps(rows.frame, frame),
            "timing": rows.timing,
            "series": rows.series,
            "noise": pd.DataFrame([memory]),
            "meaning": _meaning(frame),
        },
    )


def _cannot_tell(rows: pd.DataFrame, centred: pd.DataFrame) -> str:
    if len(rows) < FEWEST_TRADES:
        return f"{len(rows)} trades after another of the day, where {FEWEST_TRADES} are needed"
    if rows["direction"].nunique() < 2:
        return "every trade is on one side"
    if not centred["inventory"].abs().max() > 1e-9 * rows["inventory"].abs().max():
        return "inventory never changes"
    amount = rows["size"].abs()
    if (amount / amount.groupby([rows[c] for c in SERIES]).transform("mean")).std() < 1e-9:
        return "every trade has the same size: its effect and the direction's cannot be told apart"
    if not centred["change"].abs().max() > 0:
        return "prices never change"
    if FLOW in rows and not rows[FLOW].abs().max() > 0:
        return "no brokered trade between the dealer's"
    values = centred[terms_of(centred)].to_numpy()
    if np.linalg.matrix_rank(values / np.linalg.norm(values, axis=0)) < values.shape[1]:
        return "size, inventory and direction move together and cannot be told apart"
    return ""


def _without_constant(rows: pd.DataFrame, c: float) -> pd.DataFrame:
    """Change and terms without each series' constant, after the MA(1) filter x_t - c x*_(t-1)."""
    filtered = rows[["change", *terms_of(rows)]].assign(one=1.0)
    if c:
        filtered = filtered.groupby(rows["run"]).transform(_filter, c)
    one = filtered.pop("one")
    series = [rows[name] for name in SERIES]
    slope = filtered.mul(one, axis=0).groupby(series).transform("sum")
    length = (one**2).groupby(series).transform("sum")
    centred = filtered - slope.mul(one / length, axis=0)
    return rows[[*SERIES, "day", "run"]].join(centred)


def _filter(x: pd.Series, c: float) -> np.ndarray:
    return scipy.signal.lfilter([1.0], [1.0, c], x.to_numpy())


def _first_autocorrelation(frame: pd.DataFrame) -> dict[str, float]:
    """First autocorrelation of least squares' residuals inside days, and the c of its MA(1).

    e_t = a_t + c a_(t-1) has autocorrelation c / (1 + c²), at most one half: beyond it c is +-0.95.
    """
    x, y = frame[terms_of(frame)].to_numpy(), frame["change"].to_numpy()
    left = pd.Series(y - x @ np.linalg.lstsq(x, y)[0])
    before = left.groupby(frame["run"]).shift()
    both = before.notna()
    variance = float((left**2).mean())
    r = float((left * before)[both].mean()) / variance if variance > 0 and both.any() else 0.0
    c = (1 - math.sqrt(1 - 4 * r**2)) / (2 * r) if 0 < abs(r) < 0.4993 else 0.95 * np.sign(r)
    return {"autocorrelation": r, "c": float(c), "pairs": int(both.sum())}


def _fits(frame: pd.DataFrame, choice: dict[str, object]) -> Fits:
    """Both forms: b2 I_t + b3 I_(t-1) is also (b2 + b3) I_t + b3 (I_(t-1) - I_t)."""
    x = frame[terms_of(frame)]
    sums = x.assign(
        inventory_lag=x["inventory_lag"] - x["inventory"],
        direction_lag=x["direction_lag"] - x["direction"],
    )
    own, other = (
        regress(frame["change"], columns, frame["day"], **choice) for columns in (x, sums)
    )
    df = error_rule(frame["day"], errors=choice["errors"], params=x.shape[1]).df
    level = choice["level"]
    return Fits(own, other, float(scipy.stats.t.ppf((1 + level) / 2, df)), level)


def _posted(fits: Fits) -> tuple[str, ...]:
    low = fits.own.table.set_index("term").loc["size", "low"]
    return () if low > 0 else ("shading_may_be_information",)


def _traps(rows: pd.DataFrame, centred: pd.DataFrame) -> pd.DataFrame:
    """Coefficients with what is known only after the trade: b1 + b2, and b6 by later flow."""
    late = {"inventory": centred["inventory"] - centred["size"]}
    told = [
        ("size", "inventory after the trade: b1 + b2", _solved(centred.assign(**late), "size")),
        ("size", "ours", _solved(centred, "size")),
    ]
    if FLOW in rows:
        later = rows[rows[AFTER].notna()].assign(**{FLOW: rows[AFTER]})
        found = _solved(_without_constant(later, 0.0), FLOW)
        told.append((FLOW, "flow after the trade, until the next", found))
        told.append((FLOW, "ours", _solved(centred, FLOW)))
    return pd.DataFrame(told, columns=["term", "regression", "estimate"])


def _solved(frame: pd.DataFrame, term: str) -> float:
    names = terms_of(frame)
    solved = np.linalg.lstsq(frame[names].to_numpy(), frame["change"].to_numpy())[0]
    return float(solved[names.index(term)])


def _meaning(frame: pd.DataFrame) -> pd.DataFrame:
    known = {k: v for k, v in MEANING.items() if k != FLOW or FLOW in frame}
    return pd.Series(known, name="meaning").rename_axis("term").to_frame()


def _quantities(fits: Fits, method: str, size: str) -> dict[str, Quantity]:
    table = fits.own.table.set_index("term")
    units = _units(size, FLOW in table.index)
    found = {}
    terms = {"information": "size", "shading": "inventory", "half_spread": "direction"}
    terms |= {FLOW: FLOW} if FLOW in table.index else {}
    for name, term in terms.items():
        value, low, high = (float(table.loc[term, c]) for c in ("estimate", "low", "high"))
        found[name] = Quantity(name, value, low, high, units[name], method, level=fits.level)
    value, low, high = (float(v) for v in share(fits, "inventory_lag", "inventory"))
    may_be_none = table.loc["inventory", "low"] <= 0 <= table.loc["inventory", "high"]
    told = math.isfinite(low) and not may_be_none
    reason = "" if told else "the interval of b2 holds 0: a share of nothing is not bounded"
    if not told:
        low, high = -math.inf, math.inf
    method = f"Fieller (1954), {method}"
    found["prior_weight"] = Quantity(
        "prior_weight", value, low, high, "", method, told, reason, fits.level
    )
    return {name: found[name] for name in units}


def _units(size: str, brokered: bool) -> dict[str, str]:
    units = {
        "information": f"bps for {_UNITS[size]} bought from the dealer",
        "shading": f"bps for {_UNITS[size]} held",
        "prior_weight": "",
        "half_spread": "bps",
    }
    return units | ({FLOW: f"bps for {_UNITS[size]} that others bought"} if brokered else {})


def _refused(rows: Rows, size: str, reason: str) -> Result:
    units = _units(size, FLOW in rows.frame)
    return refused(
        _QUESTION,
        _FLOW_EQUATION if FLOW in rows.frame else _EQUATION,
        unit=f"basis points for {_UNITS[size]}, and for a direction",
        sample=rows.sample,
        reason=reason,
        names=units,
        units=units,
        flags=rows.flags,
        details={"timing": rows.timing, "series": rows.series},
    )
