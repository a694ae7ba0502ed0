"""How fast fills become rarer with distance: the A and k of Avellaneda and Stoikov (2008)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
import statsmodels.api as sm

from mmresearch.estimate.result import TIDY, Quantity, Result, Sample, refused
from mmresearch.estimate.sandwich import MANY_DAYS
from mmresearch.market import Market
from mmresearch.measure.intensity import fills_by_distance, trades_by_depth

WAYS = ("auto", "own quotes", "public trades")
ERRORS = ("auto", "day", "block", "HC1")
FEWEST_FILLS = 10
FEWEST_STRETCHES = 10  # to tell whether counts vary more than Poisson's
_QUESTION = "How fast do fills become rarer with distance from the fair price?"
_EQUATION = r"E[n_i] = T_i\,A\,e^{-k\,\delta_i}"
_NEEDED = ["distance", "count", "exposure"]
FLAGS = {
    "few_days": "errors are by stretches of a day, which are taken as independent of each other",
    "few_clusters": "errors by fewer than 40 days or stretches are rather too small",
    "rows_taken_as_independent": "errors allow for no dependence between rows",
    "overdispersed": "counts vary more than Poisson's; the errors allow for it",
    "rate_is_not_exponential": "ln rate bends with distance: A and k hold for these distances only",
    "orders_behind_the_mid": "more than 5 % of public orders ended on the other side of the fair "
    "price: trades and quotes may not be of one clock",
    "queue_position_unknown": "public orders that reached a depth: a quote there is filled less "
    "often, for others stand before it",
    "queue_position_included": "an own quote's fills depend on its place in the queue, which is in "
    "A and k",
}


class _Errors(NamedTuple):
    """How errors are computed: the groups (None: HC1), degrees of freedom of t, words, flags."""

    groups: np.ndarray | None
    df: float
    words: str
    flags: tuple[str, ...]


def calibrate_intensity(
    data: pd.DataFrame | Market,
    *,
    way: str = "auto",
    account: str | None = None,
    symbol: str | None = None,
    errors: str = "auto",
    level: float = 0.95,
) -> Result:
    """A and k of the fill intensity A exp(-k distance), by Poisson regression on counts.

    Parameters
    ----------
    data : DataFrame or Market
        A table with distance, count (fills) and exposure (seconds watched), a row a distance and,
        if there are several, a day and a block (stretch of the day); `mm.fills_by_distance` and
        `mm.trades_by_depth` make it of a market.
    way : {"auto", "own quotes", "public trades"}
        Which of the two makes it where a market is given; "auto" takes own quotes where it has any.
    account, symbol : str, optional
        Which, of a market.
    errors : {"auto", "day", "block", "HC1"}
        Clustered by day, by day and block, or robust to heteroscedasticity only. "auto": by day
        from 40 days up, else by block where there are that many, else by day from 10 days up, else
        HC1. Orders that are counted at several depths ("public trades") always need clusters.
    level : float
        Of the intervals.

    Returns
    -------
    Result
        `table`: ln A and k. `quantities`: "A" (fills a second on one side at distance 0) and "k"
        (1/unit of distance; fills halve every ln 2 / k). `details`: "rates" (each distance: fills,
        seconds, rate, fitted rate), "covariance" (of ln A and k), "traps" (least squares on the log
        of rates, which has to leave out zeros), "set_aside", "meaning" of the flags. `fit`:
        statsmodels' GLM.

    Notes
    -----
    Where fills are rare most counts are 0. Least squares on the log of rates leaves those out, and
    at far distances keeps the stretches in which fills happened to come: with equal exposures k
    is too small, often by far.

    In a lit book distance is discrete and a fill waits for its place in the queue. With own quotes
    that is in A and k, at the account's places; with public trades A is a quote's at the front, and
    both hold for a small maker among others' quotes (see `mm.trades_by_depth`).

    "not identified": fewer than 10 fills, one distance only, nested counts without clusters, a
    market without quotes, or without a side of any trade where those are what is counted.

    References
    ----------
    Avellaneda and Stoikov (2008), section 2.4; Guéant, Lehalle and Fernandez-Tapia (2013), section
    6; Cameron and Trivedi (2013), chapter 3, for the regression.
    """
    if way not in WAYS or errors not in ERRORS:
        raise ValueError(
            f"way is one of {', '.join(WAYS)} and errors one of {', '.join(ERRORS)}; "
            f"given {way!r}, {errors!r}"
        )
    table = data
    if isinstance(data, Market):
        way = _way(data, way)
        lacking = _lacking(data, way)
        if lacking:
            units = {"A": "fills a second", "k": f"1/{_one('')}"}
            return _refused(Sample(0, {}, 0), units, lacking)
        table = _table_of(data, way, account, symbol)
    rows = _rows(table)
    unit, nested = str(table.attrs.get("unit", "")), bool(table.attrs.get("nested", False))
    dropped = {f"fills {reason}": n for reason, n in table.attrs.get("set_aside", {}).items()}
    unwatched = rows["exposure"] == 0
    if (rows.loc[unwatched, "count"] > 0).any():
        raise ValueError("the table cannot be used: fills where exposure is 0 seconds")
    rows = rows[~unwatched].reset_index(drop=True)
    dropped["watched for no time"] = int(unwatched.sum())
    sample = Sample(len(rows), dropped, rows["day"].nunique())
    how = _error_rule(rows, errors, nested=nested)
    reason = _cannot_tell(rows, nested=nested, how=how)
    units = {"A": "fills a second", "k": f"1/{_one(unit)}"}
    if reason:
        return _refused(sample, units, reason)
    fit = _fit(rows, rows[["distance"]], how)
    terms = _terms(fit, how, level)
    flags = _flags(table, rows, fit, how, nested=nested)
    return Result(
        _QUESTION,
        _EQUATION,
        unit=f"A: {units['A']} and side at distance 0; k: {units['k']}",
        table=terms,
        sample=sample,
        errors=how.words,
        fit=fit,
        quantities=_quantities(terms, units, how, level),
        flags=flags,
        details={
            "rates": _rates(rows, fit),
            "covariance": fit.cov_params().rename_axis("term"),
            "traps": _traps(rows, terms),
            "meaning": pd.Series(FLAGS, name="meaning").rename_axis("flag").to_frame(),
        },
    )


def _one(unit: str) -> str:
    return {"ticks": "tick", "": "unit of distance"}.get(unit, unit)


def _way(market: Market, way: str) -> str:
    if way != "auto":
        return way
    return "own quotes" if "own_quotes" in market else "public trades"


def _lacking(market: Market, way: str) -> str:
    """Why a market cannot tell, before any of it is counted."""
    if not {"quotes", "book"}.intersection(market):
        return "the market has neither quotes nor a book, so no fair price"
    if way == "public trades" and "trades" in market and market["trades"]["side"].isna().all():
        return "no trade has a known side: sign them (`mm.sign_trades`)"
    return ""


def _table_of(market: Market, way: str, account: str | None, symbol: str | None) -> pd.DataFrame:
    if way == "own quotes":
        return fills_by_distance(market, account=account, symbol=symbol)
    if account is not None:
        raise ValueError("public trades are of no account; way='own quotes' needs its own_quotes")
    return trades_by_depth(market, symbol=symbol)


def _rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that count, or one error that names every fault."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"data is a DataFrame or a Market, not {type(table).__name__}")
    lacking = [c for c in _NEEDED if c not in table.columns]
    if lacking:
        raise ValueError(f"the table lacks the columns {', '.join(lacking)}")
    faults = []
    for name in _NEEDED:
        if not pd.api.types.is_numeric_dtype(table[name]):
            faults.append(f"{name} is not a number but {table[name].dtype}")
            continue
        values = table[name].to_numpy("float64")
        wrong = int((~np.isfinite(values)).sum())
        low = int((values < 0).sum()) if name != "distance" else 0
        faults += [f"{name} is missing or infinite in {wrong} rows"] if wrong else []
        faults += [f"{name} is below 0 in {low} rows"] if low else []
        if name == "count" and not wrong and (values != np.round(values)).any():
            faults.append("count is not a whole number")
    if faults:
        raise ValueError("the table cannot be used: " + "; ".join(faults))
    rows = table[_NEEDED].astype("float64").reset_index(drop=True)
    rows["day"] = table["day"].to_numpy() if "day" in table.columns else 0
    rows["block"] = table["block"].to_numpy() if "block" in table.columns else 0
    return rows


def _error_rule(rows: pd.DataFrame, errors: str, *, nested: bool) -> _Errors:
    days = pd.factorize(rows["day"])[0]
    blocks = rows.groupby(["day", "block"], sort=False).ngroup().to_numpy()
    many = {"day": int(rows["day"].nunique()), "block": len(np.unique(blocks))}
    if errors == "auto":
        enough = [kind for kind in ("day", "block") if many[kind] >= MANY_DAYS]
        fallback = "day" if many["day"] >= 10 else "block" if nested else "HC1"
        errors = enough[0] if enough else fallback
    if errors == "HC1":
        words = "heteroscedasticity-robust (HC1), no dependence between rows allowed for"
        return _Errors(None, max(len(rows) - 2, 1), words, ("rows_taken_as_independent",))
    groups, count = (days if errors == "day" else blocks), many[errors]
    flags = ("few_days",) if errors == "block" else ()
    flags += ("few_clusters",) if count < MANY_DAYS else ()
    what = "day" if errors == "day" else "stretch of a day"
    words = f"clustered by {what} ({count}), t with {count - 1} degrees of freedom"
    return _Errors(groups, max(count - 1, 1), words, flags)


def _cannot_tell(rows: pd.DataFrame, *, nested: bool, how: _Errors) -> str:
    fills = rows["count"].sum()
    distance = rows["distance"].to_numpy()
    if rows.empty:
        return "no distance was watched for any time"
    if len(rows) < 3:
        return f"{len(rows)} rows, where errors of two coefficients need 3"
    if np.ptp(distance) <= 1e-9 * max(np.abs(distance).max(), 1.0):
        return f"every row is at one distance ({distance[0]:g}): how fills fall with it is not seen"
    if fills == 0:
        return "there is no fill at any distance"
    if fills < FEWEST_FILLS:
        return f"{fills:.0f} fills, where {FEWEST_FILLS} are needed"
    if (rows.loc[rows["count"] > 0, "distance"].nunique()) < 2:
        return "fills came at one distance only, so k has no upper bound"
    if how.groups is not None and how.groups.max() < 5:
        count = how.groups.max() + 1
        there = "there is 1" if count == 1 else f"there are {count}"
        return f"errors clustered by day or stretch of a day need 6 of them, and {there}"
    if nested and how.groups is None:
        return "orders are counted at several depths, so rows are not independent: give days"
    return ""


def _fit(rows: pd.DataFrame, x: pd.DataFrame, how: _Errors) -> object:
    """Poisson regression with the log of exposure as offset; slopes are of minus distance."""
    design = pd.concat([pd.Series(1.0, index=x.index, name="ln_A"), -x], axis=1)
    design = design.rename(columns={"distance": "k"})
    model = sm.GLM(rows["count"], design, sm.families.Poisson(), exposure=rows["exposure"])
    if how.groups is None:
        return model.fit(cov_type="HC1")
    return model.fit(cov_type="cluster", cov_kwds={"groups": how.groups})


def _terms(fit: object, how: _Errors, level: float) -> pd.DataFrame:
    estimate, spread = fit.params.to_numpy(), fit.bse.to_numpy()
    t = estimate / spread
    reach = scipy.stats.t.ppf((1 + level) / 2, how.df) * spread
    p = 2 * scipy.stats.t.sf(np.abs(t), how.df)
    columns = [list(fit.params.index), estimate, spread, t, p, estimate - reach, estimate + reach]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def _quantities(
    terms: pd.DataFrame, units: dict[str, str], how: _Errors, level: float
) -> dict[str, Quantity]:
    log_a, k = terms[["estimate", "low", "high"]].to_numpy()
    falls = k[0] > 0
    reason = "" if falls else "fills do not become rarer with distance, as the model has it"
    return {
        "A": Quantity("A", *np.exp(log_a).tolist(), units["A"], how.words, level=level),
        "k": Quantity("k", *k.tolist(), units["k"], how.words, bool(falls), reason, level),
    }


def _flags(
    table: pd.DataFrame, rows: pd.DataFrame, fit: object, how: _Errors, *, nested: bool
) -> tuple[str, ...]:
    bent = rows[["distance"]].assign(square=rows["distance"] ** 2)
    bends = False
    if rows.loc[rows["count"] > 0, "distance"].nunique() > 2:
        bends = _terms(_fit(rows, bent, how), how, 0.95)["p"].iloc[-1] < 0.01
    way = table.attrs.get("way")
    raised = {
        "overdispersed": not nested and _dispersion(rows, fit) > 1.5,
        "rate_is_not_exponential": bends,
        "orders_behind_the_mid": table.attrs.get("behind", 0.0) > 0.05,
        "queue_position_unknown": way == "public trades",
        "queue_position_included": way == "own quotes",
    }
    return (*how.flags, *(name for name, holds in raised.items() if holds))


def _dispersion(rows: pd.DataFrame, fit: object) -> float:
    """Variance of the fills of a stretch of the day against Poisson's.

    Of single rows it would say nothing: a quote that stood until it was filled has one fill, and
    was watched for as long as that took.
    """
    both = rows[["count"]].assign(fitted=fit.fittedvalues)
    sums = both.groupby([rows["day"], rows["block"]]).sum()
    if len(sums) < FEWEST_STRETCHES:
        return math.nan
    return float(((sums["count"] - sums["fitted"]) ** 2 / sums["fitted"]).mean())


def _rates(rows: pd.DataFrame, fit: object) -> pd.DataFrame:
    """Each distance over all days, to a fortieth of their range, beside the fitted curve."""
    low, width = rows["distance"].min(), np.ptp(rows["distance"]) / 40
    place = np.round((rows["distance"] - low) / width).astype(int)
    weighted = rows.assign(distance=rows["distance"] * rows["exposure"])
    sums = weighted.groupby(place)[_NEEDED].sum()
    sums["distance"] /= sums["exposure"]
    sums["rate"] = sums["count"] / sums["exposure"]
    sums["fitted"] = np.exp(fit.params["ln_A"] - fit.params["k"] * sums["distance"])
    return sums.reset_index(drop=True)


def _traps(rows: pd.DataFrame, terms: pd.DataFrame) -> pd.DataFrame:
    """K by least squares on the log of the rates that are not 0, beside ours."""
    seen = rows[rows["count"] > 0]
    y, x = np.log(seen["count"] / seen["exposure"]), seen["distance"]
    varies = np.ptp(x) > 0
    easy = -np.polyfit(x, y, 1)[0] if varies else math.nan
    ours = terms.set_index("term").loc["k", "estimate"]
    found = [("log of rates, zeros left out", easy, len(seen)), ("Poisson, ours", ours, len(rows))]
    return pd.DataFrame(found, columns=["regression", "k", "rows"])


def _refused(sample: Sample, units: dict[str, str], reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit=f"A: {units['A']} and side at distance 0; k: {units['k']}",
        sample=sample,
        reason=reason,
        names=units,
        units=units,
    )
