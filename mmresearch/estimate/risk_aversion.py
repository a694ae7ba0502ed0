"""The risk aversion that a measured skew stands for, and what theory then says of the rest."""

from __future__ import annotations

import dataclasses
import math
from functools import partial

import pandas as pd

from mmresearch.estimate.implied import (
    ANSWERS,
    Known,
    Model,
    implied,
    only_risk_aversion,
    propagated,
)
from mmresearch.estimate.result import Quantity, Result
from mmresearch.theory.quotes import MODELS, QUOTES

Number = float | Quantity
_TABLE = ["term", "unit", "theory", "theory_low", "theory_high", "data", "data_low", "data_high"]
_UNNAMED = ("price", "unit")  # no unit was given with the data
NOBODYS = {
    "lean_of_the_markets_sizes": "it is the lean of the market's sizes, which no maker chose",
    "pool_price_is_mechanical": "it is the slope of a pool's curve, which no maker chose",
}
NO_LEAN = "a skew of 0 is inside the interval, so that a maker without risk aversion is, too"
WRONG_WAY = "the quotes rise with inventory (skew above 0), which no risk aversion gives"


def implied_risk_aversion(
    skew: Quantity | Result,
    *,
    sigma: Number | None = None,
    intensity: Result | None = None,
    A: Number | None = None,  # noqa: N803 - the papers' letters
    k: Number | None = None,
    model: str = "glft",
    quotes: str = "eigenvector",
    horizon: float | None = None,
    Q: int = 30,  # noqa: N803
    lot: float = 1.0,
) -> Quantity:
    """The gamma under which theory's skew is the measured one, with its interval.

    Parameters
    ----------
    skew : Quantity or Result
        Change of the quotes' middle with one unit more of inventory, below 0 where quotes lean
        against it: of `mm.quote_skew`, its quantity "skew" in ticks a unit, or any in another unit
        of price.
    sigma : float or Quantity
        Volatility of the fair price, the same unit of price per square root of a second.
    intensity : Result, optional
        Of `mm.calibrate_intensity`: A and k with their errors and correlation.
    A, k : float or Quantity
        Instead of it: fills a second and side at distance 0, and 1/price. Quantities have errors,
        which are taken as independent; numbers are taken as exact.
    model, quotes, horizon
        As in `optimal_quotes`: Avellaneda and Stoikov's needs the time left (seconds), and does not
        use A. GLFT's is far from its horizon.
    Q : int
        Largest inventory in lots, for GLFT's eigenvector.
    lot : float
        Units a fill: theory trades one lot at a time. Of a maker whose fills differ, their mean.

    Returns
    -------
    Quantity
        "risk aversion", in 1/price a lot. Skew falls strictly with gamma, from 0 without bound, so
        each end of its interval has one gamma. Not identified where 0 is inside the interval of the
        skew (gamma's reaches down to 0) or all of it is above 0 (there is no such gamma).

    Notes
    -----
    GLFT's closed form, s^2 = sigma^2/(2A) x (1 + x)^(1 + 1/x) with x = gamma/k, is inverted; with
    quotes="eigenvector" the slope is that of least squares of the exact quotes on inventory, in the
    time that the maker spends at each. Avellaneda and Stoikov: gamma = -skew/(sigma^2 (T - t)).
    Where sigma, A or k have intervals, the logs of what each does to gamma are added as squares
    (Zou and Donner 2008).

    References
    ----------
    Avellaneda and Stoikov (2008), equation 29; Guéant, Lehalle and Fernandez-Tapia (2013).
    """
    theory = _model(model, quotes, Q, horizon)
    measured = _skew(skew)
    inputs, correlated = _inputs(measured, sigma, intensity, A, k, lot)
    answer = partial(only_risk_aversion, theory)
    unit = f"1/{_price(measured.unit)} a lot"
    reason = _unidentified(measured, inputs)
    found = _answers(answer, inputs, correlated, reason)["risk_aversion"]
    method = f"{_named(theory)} inverted at the ends of the skew's interval"
    moving = [name for name in ("sigma", "A", "k") if inputs[name].low < inputs[name].high]
    if moving:
        method += f"; errors of {', '.join(moving)} added"
    return Quantity("risk aversion", *found, unit, method, not reason, reason, measured.level)


def theory_beside_data(
    skew: Quantity | Result,
    *,
    half_life: Quantity | Result | None = None,
    spread: Number | None = None,
    sigma: Number | None = None,
    intensity: Result | None = None,
    A: Number | None = None,  # noqa: N803
    k: Number | None = None,
    model: str = "glft",
    quotes: str = "eigenvector",
    horizon: float | None = None,
    Q: int = 30,  # noqa: N803
    lot: float = 1.0,
) -> pd.DataFrame:
    """What theory says under the risk aversion that the skew implies, beside what was measured.

    Only the skew is fitted. How fast inventory reverts, and how wide the quotes are, follow from it
    with A, k and sigma: that they agree with what was measured is a test of the theory.

    Parameters
    ----------
    half_life : Quantity or Result, optional
        Measured, in seconds: of `mm.inventory_reversion` on bars of equal time.
    spread : Quantity or float, optional
        Measured mean distance between the maker's own bid and ask, in the skew's unit of price.
    skew, sigma, intensity, A, k, model, quotes, horizon, Q, lot
        As in `implied_risk_aversion`.

    Returns
    -------
    DataFrame
        Rows "risk aversion", "skew" (fitted), "spread" (of a flat maker), "half-life" (ln 2 over
        the spectral gap of the inventory that the quotes give) and "half-life, linearised" (at no
        inventory: ln 2 over 2 A k s exp(-k half-spread)). Columns: unit; theory and data, each with
        the ends of its interval (missing where nothing is known, infinite where there is no
        bound); agree (whether the intervals meet, missing without data); note (why there is no
        number, what is fitted).

    References
    ----------
    As `optimal_quotes`. That the law of inventory follows from quotes that depend on it alone is
    Guéant, Lehalle and Fernandez-Tapia's model read as a birth-death chain.
    """
    theory, measured = _model(model, quotes, Q, horizon), _skew(skew)
    inputs, correlated = _inputs(measured, sigma, intensity, A, k, lot)
    life = half_life.quantities["half_life"] if isinstance(half_life, Result) else half_life
    if life is not None and not life.unit.startswith("second"):
        raise ValueError(f"half_life is in {life.unit}; theory's is in seconds: use bars of time")
    _same_units(measured, {"spread": spread})
    reason = _unidentified(measured, inputs)
    found = _answers(partial(implied, theory), inputs, correlated, reason)
    price = _price(measured.unit)
    wide = None if spread is None else _known(spread)
    lives = None if life is None else _known(life)
    gamma, unfitted = f"1/{price} a lot", reason
    fitted = _known(measured)
    rows = [
        ("risk aversion", gamma, found["risk_aversion"], None, reason),
        (
            "skew",
            measured.unit,
            fitted,
            fitted,
            "fitted: what the risk aversion is found from",
        ),
        ("spread", price, found["spread"], wide, unfitted),
        ("half-life", "seconds", found["half_life"], lives, unfitted),
        ("half-life, linearised", "seconds", found["linear_half_life"], lives, unfitted),
    ]
    return pd.DataFrame([_row(*row) for row in rows])


def _row(term: str, unit: str, theory: Known, data: Known | None, note: str) -> dict[str, object]:
    shown = Known(math.nan, math.nan, math.nan) if data is None else data
    numbers = dict(zip(_TABLE, (term, unit, *theory, *shown), strict=True))
    return numbers | {"agree": _agree(theory, data), "note": note}


def _agree(theory: Known, data: Known | None) -> object:
    if data is None or any(math.isnan(end) for end in (*theory[1:], *data[1:])):
        return None
    return theory.low <= data.high and data.low <= theory.high


def _model(model: str, quotes: str, limit: int, horizon: float | None) -> Model:
    faults = []
    if model not in MODELS:
        faults.append(f"model is one of {', '.join(MODELS)}, not {model!r}")
    if quotes not in QUOTES:
        faults.append(f"quotes is one of {', '.join(QUOTES)}, not {quotes!r}")
    if limit < 2 or limit != int(limit):
        faults.append(f"Q must be a whole number of lots from 2, not {limit}")
    if model == "avellaneda-stoikov" and not (horizon is not None and 0 < horizon < math.inf):
        faults.append(
            "Avellaneda and Stoikov's skew needs a horizon above 0, the time that is left"
        )
    if model == "glft" and horizon is not None:
        faults.append("GLFT's skew is taken far from the horizon: give none")
    if faults:
        raise ValueError("; ".join(faults))
    return Model(model, quotes, int(limit), horizon)


def _named(theory: Model) -> str:
    if theory.name == "avellaneda-stoikov":
        return f"Avellaneda and Stoikov with {theory.horizon:g} seconds left"
    return f"Guéant, Lehalle and Fernandez-Tapia ({theory.quotes.replace('_', ' ')})"


def _skew(skew: Quantity | Result) -> Quantity:
    if isinstance(skew, Result):
        if "skew" not in skew.quantities:
            raise ValueError(f"the result has no quantity 'skew' but {', '.join(skew.quantities)}")
        nobodys = [why for flag, why in NOBODYS.items() if flag in skew.flags]
        skew = skew.quantities["skew"]
        if nobodys:
            skew = dataclasses.replace(skew, identified=False, reason=nobodys[0])
    if not isinstance(skew, Quantity):
        raise TypeError(f"skew is a Quantity or a Result that has one, not {type(skew).__name__}")
    if " a " in skew.unit and not skew.unit.endswith(" a unit"):
        raise ValueError(f"skew is in {skew.unit}; theory's is a unit: measure='units'")
    return skew


def _price(unit: str) -> str:
    """The unit of price in "ticks a unit", "ticks per root second" or "1/tick"."""
    first = unit.removeprefix("1/").split(" ")[0] or "price"
    return "tick" if first == "ticks" else first


def _known(number: Number) -> Known:
    if isinstance(number, Quantity):
        return Known(number.value, number.low, number.high)
    return Known(float(number), float(number), float(number))


def _inputs(
    skew: Quantity,
    sigma: Number | None,
    intensity: Result | None,
    A: Number | None,  # noqa: N803
    k: Number | None,
    lot: float,
) -> tuple[dict[str, Known], tuple[str, str, float] | None]:
    """Lean (what one lot more lowers the quotes by), sigma, A and k; what is correlated."""
    correlated = None
    if intensity is not None:
        if A is not None or k is not None:
            raise ValueError("give either intensity or A and k")
        A, k = intensity.quantities["A"], intensity.quantities["k"]  # noqa: N806
        if "covariance" in intensity.details:
            table = intensity.details["covariance"]
            spread = (table.loc["ln_A", "ln_A"] * table.loc["k", "k"]) ** 0.5
            correlated = ("A", "k", float(table.loc["ln_A", "k"] / spread))
    given = {"sigma": sigma, "A": A, "k": k}
    lacking = [name for name, number in given.items() if number is None]
    if lacking:
        raise ValueError(f"{', '.join(lacking)} must be given (A and k also as intensity)")
    _same_units(skew, given)
    numbers = {name: _known(number) for name, number in given.items()}
    low = [n for n, known in numbers.items() if known.value <= 0 or math.isinf(known.value)]
    low += [] if 0 < lot < math.inf else ["lot"]
    if low:
        raise ValueError(f"{', '.join(low)} must be above 0 and finite")
    lean = Known(*(-lot * end for end in (skew.value, skew.high, skew.low)))
    return {"lean": lean} | numbers, correlated


def _same_units(skew: Quantity, given: dict[str, Number | None]) -> None:
    """One level throughout, and one unit of price where units are named."""
    stated = {n: q for n, q in given.items() if isinstance(q, Quantity)}
    levels = {name: q.level for name, q in stated.items() if q.level != skew.level}
    if levels:
        raise ValueError(f"intervals of one level are needed: skew has {skew.level}, {levels}")
    priced = ("sigma", "k", "spread")
    told = [name for name in priced if name in stated and stated[name].identified]
    price = {name: _price(stated[name].unit) for name in told}
    named = {name: unit for name, unit in price.items() if unit not in _UNNAMED}
    if not skew.identified or _price(skew.unit) in _UNNAMED:
        return
    if any(unit != _price(skew.unit) for unit in named.values()):
        raise ValueError(
            f"units differ: skew is in {skew.unit}, and the price of {named}; where the market"
            " knows the symbol's tick all are in ticks"
        )


def _unidentified(skew: Quantity, inputs: dict[str, Known]) -> str:
    """Why the skew has no risk aversion, or none that is told from 0."""
    lean = inputs["lean"]
    if not skew.identified or any(math.isnan(end) for end in lean):
        return skew.reason or "the skew was not measured"
    if any(math.isnan(known.value) for known in inputs.values()):
        return "A and k, or sigma, were not identified"
    unknown = [n for n in ("sigma", "A", "k") if not inputs[n].low > 0]
    if unknown:
        return f"{', '.join(unknown)} cannot be told from 0"
    if lean.high <= 0:
        return WRONG_WAY
    return NO_LEAN if lean.low <= 0 else ""


def _answers(
    answer: partial,
    inputs: dict[str, Known],
    correlated: tuple[str, str, float] | None,
    reason: str,
) -> dict[str, Known]:
    """Theory's numbers; where 0 is inside the skew's interval, what is left of theirs."""
    lean = inputs["lean"]
    if reason not in ("", NO_LEAN):
        return dict.fromkeys(ANSWERS, Known(math.nan, math.nan, math.nan))
    if lean.value > 0:
        return propagated(answer, inputs, correlated)
    # no number for a lean that is not there, only for the most and the least that it may be
    most, flat = (
        propagated(answer, inputs | {"lean": Known(end, end, end)}, correlated)
        for end in (lean.high, 0.0)
    )
    return {
        name: Known(math.nan, min(flat[name].low, most[name].low), max(flat[name].high, far.high))
        for name, far in most.items()
    }
