"""How quotes lean against inventory: by how many ticks, on which side, how fast."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.result import TIDY, Quantity, Result, Sample, unknown
from mmresearch.estimate.sandwich import SOME_DAYS, error_rule
from mmresearch.estimate.skew_fits import Term, answer_row, fit_term, regressors, terms
from mmresearch.estimate.skew_rows import FAIR, MEASURES, QUOTES, ByName, SkewRows, skew_rows

QUESTIONS = {
    "own": "Does the account lean its own quotes against its inventory?",
    "market": "Do the sizes at the market's best quotes (the mid less the weighted mid) lean "
    "against the inventory?",
    "pool": "How far does what the pool trades move its price: the slope of its curve?",
}
_QUOTES = r"y_t = a_k + b\,I_t + \gamma' z_t + e_t, \qquad y = "
EQUATIONS = {
    "own": _QUOTES + r"((p^{bid} + p^{ask})/2 - m)/\mathrm{tick}",
    "market": _QUOTES + r"(m - m^{weighted})/\mathrm{tick}",
    "pool": r"r_t = a_k + b\,\Delta I_t + \gamma' z_t + e_t",
}
_NAMES = ("skew", "bid_skew", "ask_skew", "asymmetry", "extremes", "response", "long_run_skew")
QUANTITY_UNITS = dict.fromkeys(_NAMES, "{} a {}") | {
    "skew_at_limit": "{} at the limit",
    "size_skew": "share a {1}",
    "spread_on_inventory": "{} a {} of |inventory|",
}
_BINS = 10
_TOO_SMALL, _TOO_LARGE = 1e-4, 10.0


def quote_skew(
    panel: pd.DataFrame,
    *,
    quotes: str = "auto",
    fair: str = "mid",
    tick: ByName | None = None,
    limit: ByName | None = None,
    measure: str = "units",
    lags: int = 0,
    controls: bool = True,
    errors: str = "auto",
    level: float = 0.95,
    draws: int = 999,
    seed: int = 0,
) -> Result:
    """Where quotes stand against the fair price, explained by the inventory they were made with.

    Parameters
    ----------
    panel : DataFrame
        As `mm.panel` makes it, with several bars a session; the account's own quotes are in own_bid
        and own_ask (own_bid_size, own_ask_size), in force at the bar's end.
    quotes : str
        "own": the account's mid less the fair price. "market": the market's mid less its
        weighted mid, where only the market's quotes are known: not what anybody quotes, but how the
        sizes at the best quotes lean. "pool": change of the price in the bar (bps) on what was
        traded in it; a pool's price is a function of its inventory, the slope is that function's.
        "auto": the first of them that the panel has; a pool is an account in every print.
    fair : str
        "mid" or "weighted_mid" of the market (the panel's column microprice), for own quotes.
    tick : float or mapping by symbol, optional
        Else the panel's attrs["ticks"]. Where a symbol's is not known all is in basis points.
    limit : float or mapping by account, optional
        The largest position allowed, units: adds "skew_at_limit".
    measure : str
        Of inventory: "units"; "currency", units times the fair price of the moment; "sd", each
        series' own standard deviation, where several are pooled that hold very different amounts.
    lags : int
        Bars of past inventory: adds "long_run_skew".
    controls : bool
        Past volatility (root of the mean realized variance of up to 12 bars before, in the session)
        and three cosines over the time of day.
    errors, level, draws, seed
        As in `estimate.errors.regress`: by session.

    Returns
    -------
    Result
        quantities, in ticks (else bps) a unit of inventory: "skew", below 0 where the long quote
        lower; "skew_at_limit", ticks when the whole limit is held; "bid_skew" and "ask_skew", of
        the distances fair - bid and ask - fair (above 0 and below 0 where quotes lean; skew is half
        of ask_skew - bid_skew) and "asymmetry", their sum, 0 where both sides lean alike;
        "size_skew", of (ask size - bid size)/(their sum); "spread_on_inventory", of the spread on
        |inventory| (Ho and Stoll: 0); "extremes", what is added to the slope where |inventory| is
        in its top decile; "response", what a unit that came in the bar moves the mid within it,
        beside the quotes and inventories of two bars before; "long_run_skew".
        details: "series" (each alone, p adjusted by Holm 1979), "checks" (other means, the easy
        errors, whether the lean brings flow), "lags" (response after 0, 1, ... bars), "bins" (for
        `plot_skew`). fit: of the skew, of the response where that is refused.

    Raises
    ------
    ValueError
        A panel, tick or limit that cannot be used.

    Notes
    -----
    Rows are bars' ends: inventory_end is known when the quote stands. Series have means of their
    own. Levels of inventory and the noise of quotes both persist, and inside one session their
    slope is spurious (Granger and Newbold 1974): Newey-West's errors rejected a true null in two of
    three simulated sessions. Sessions are the independent pieces; with fewer than 6 only "response"
    is told, which holds the last levels of both (Toda and Yamamoto 1995), so that what is left is
    the last change. It equals the skew where quotes follow at once, and is the part of the first
    bar where they follow slowly.

    With 12 or 45 sessions, noise of AR(1) 0.99 and inventory a random walk, levels are held in 91
    to 96 % of simulated samples, 94 % on average (92 % with inventory carried over 12 sessions),
    with 6 in 91 to 96 %; asymmetry and the sizes in 92 to 96 %; the response in 93 to 97 %, in one
    session of 390 bars 94 to 98 % (`tests/truth/coverage.csv`, other draws than those by which the
    errors were chosen). Large inventories are met in few sessions: errors clustered by session held
    "extremes" in 88 to 90 % with 45, so that with errors="auto" its interval is the wild
    bootstrap's, 95 to 96 %.

    Quotes that lean bring flow, which moves inventory: noise of the quotes that persists and draws
    trades biases the slope of levels upwards (to less lean); "response" is free of that but for
    what happens inside a bar. "long_run_skew" is the sum over lags of inventory. With the lagged
    quote in its place persistent noise would count as slow adjustment, and its long run is a ratio
    with a denominator near zero.

    Where the account itself makes the best quotes its mid is the market's, and no lean can be seen
    (flag "own_mid_is_the_fair_price"). A quote wider than the session's range of prices is no quote
    to trade at: set aside and counted, as are bars with one side. Errors by session take sessions
    as independent: flag "sessions_depend" where what they add to the slope is correlated.

    References
    ----------
    Ho and Stoll (1981); Avellaneda and Stoikov (2008); Gueant, Lehalle and Fernandez-Tapia (2013);
    Manaster and Mann (1996); Toda and Yamamoto (1995); Granger and Newbold (1974).
    """
    _refuse_choice(quotes, fair, measure, lags, errors)
    if limit is not None and measure != "units":
        raise ValueError(f"a limit is in units: not with measure={measure!r}")
    given = {"tick": tick, "limit": limit, "measure": measure, "lags": lags}
    rows = skew_rows(panel, quotes=quotes, fair=fair, controls=controls, **given)
    wrong = _limit_is_wrong(rows) if limit is not None else ""
    rows = rows._replace(
        frame=rows.frame.assign(share=rows.frame["inventory"] / rows.frame["limit"])
    )
    asked = terms(lags, limit is not None)
    choice = {"errors": errors, "level": level, "draws": draws, "seed": seed}
    fits = {name: fit_term(rows, name, term, choice) for name, term in asked.items()}
    if wrong:
        fits["skew_at_limit"] = rows.reason or wrong
    if rows.kind == "pool" and limit is not None:
        fits["skew_at_limit"] = "a pool has no limit"
    return _answer(rows, asked, fits, choice, measure, bool(wrong))


def _refuse_choice(quotes: str, fair: str, measure: str, lags: int, errors: str) -> None:
    error_rule(pd.Series([0, 1]), errors=errors)
    choices = (("quotes", quotes, QUOTES), ("fair", fair, FAIR), ("measure", measure, MEASURES))
    for what, given, known in choices:
        if given not in known:
            raise ValueError(f"{what} must be one of {', '.join(known)}, not {given!r}")
    if isinstance(lags, bool) or not isinstance(lags, int | np.integer) or lags < 0:
        raise ValueError(f"lags must be a whole number from 0 up, not {lags!r}")


def _limit_is_wrong(rows: SkewRows) -> str:
    """Why the limits cannot be in the unit of the inventory, by the worst account."""
    if rows.frame.empty:
        return ""
    bare = sorted(rows.frame.loc[rows.frame["limit"].isna(), "account"].unique())
    if bare:
        return f"no limit is given for {', '.join(bare)}"
    most = (
        (rows.frame["inventory"].abs() / rows.frame["limit"]).groupby(rows.frame["account"]).max()
    )
    for account, share in most.items():
        if share < _TOO_SMALL or share > _TOO_LARGE:
            held = share * rows.frame.loc[rows.frame["account"] == account, "limit"].iloc[0]
            return (
                f"the limit may be in another unit than the inventory: {account} holds at most "
                f"{held:.4g} units, {share:.2g} of the limit"
            )
    return ""


def _answer(
    rows: SkewRows,
    asked: dict[str, Term],
    fits: dict[str, Regression | str],
    choice: dict[str, object],
    measure: str,
    wrong: bool,
) -> Result:
    known = {name: found for name, found in fits.items() if isinstance(found, Regression)}
    tables = [answer_row(found, name) for name, found in known.items()]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=TIDY)
    first = known.get("skew") or known.get("response")
    flags = [*rows.flags, *(["limit_in_another_unit"] if wrong else [])]
    flags += dict.fromkeys(flag for found in known.values() for flag in found.flags)
    if "skew" in known and _sessions_depend(rows, known["skew"]):
        flags.append("sessions_depend")
    units = {
        name: unit.format(rows.unit, MEASURES[measure]) for name, unit in QUANTITY_UNITS.items()
    }
    details = {"series": _series(rows, choice), "checks": _checks(rows, fits, choice)}
    if isinstance(fits.get("long_run_skew"), Regression):
        details["lags"] = _by_lag(fits["long_run_skew"])
    return Result(
        QUESTIONS[rows.kind],
        EQUATIONS[rows.kind],
        unit="; ".join(f"{name}: {units[name]}" for name in asked),
        table=table,
        sample=Sample(
            len(rows.frame),
            rows.dropped,
            rows.frame["day"].nunique(),
            rows.frame["series"].nunique(),
        ),
        errors=first.errors if first else f"none: {rows.reason or fits['skew']}",
        fit=first.fit if first else None,
        quantities={
            name: quantity(name, found, units[name], choice["level"])
            for name, found in fits.items()
        },
        flags=tuple(flags),
        details=details | {"bins": _bins(rows)},
    )


def quantity(name: str, found: Regression | str, unit: str, level: float) -> Quantity:
    """The slope with its interval, or the reason why there is none."""
    if isinstance(found, str):
        return unknown(name, unit, found, level)
    row = found.table.iloc[0]
    numbers = (float(row["estimate"]), float(row["low"]), float(row["high"]))
    if (found.fit.resid**2).sum() <= 1e-18 * (found.fit.model.endog**2).sum():
        return Quantity(name, *numbers[:1] * 3, unit, "an exact function: no residual", level=level)
    if not np.isfinite(numbers).all():
        reason = "no slope is too steep to be accepted: sessions are few or one decides"
        return Quantity(name, *numbers, unit, found.errors, False, reason, level=level)
    return Quantity(name, *numbers, unit, found.errors, level=level)


def _sessions_depend(rows: SkewRows, skew: Regression) -> bool:
    """Whether what consecutive sessions add to the slope is correlated (2 standard errors)."""
    x, rest = np.split(skew.fit.model.exog, [1], axis=1)
    own = x - rest @ np.linalg.lstsq(rest, x, rcond=None)[0]
    score = pd.Series(own[:, 0] * skew.fit.resid.to_numpy())
    frame = rows.frame[rows.frame["lean"].notna()].reset_index(drop=True)
    by_day = score.groupby(frame["day"]).sum().to_numpy()
    if len(by_day) < 2 * SOME_DAYS:
        return False
    return bool((by_day[1:] @ by_day[:-1]) / (by_day @ by_day) > 2 / math.sqrt(len(by_day)))


def _series(rows: SkewRows, choice: dict[str, object]) -> pd.DataFrame:
    """Each account and symbol alone: the skew, its interval, p adjusted for their number."""
    found = []
    for (account, symbol), own in rows.frame.groupby(["account", "symbol"], sort=False):
        alone = rows._replace(frame=own.reset_index(drop=True))
        fit = fit_term(alone, "skew", Term("lean", ["inventory"]), choice)
        row = {"account": account, "symbol": symbol, "rows": len(own), "days": own["day"].nunique()}
        if isinstance(fit, str):
            found.append(row | {"reason": fit})
            continue
        numbers = fit.table.iloc[0][["estimate", "low", "high", "p"]].tolist()
        row |= dict(zip(["skew", "low", "high", "p"], numbers, strict=True))
        found.append(row | {"reason": ""})
    columns = ["account", "symbol", "rows", "days", "skew", "low", "high", "p", "p_holm", "reason"]
    table = pd.DataFrame(found).reindex(columns=columns)
    known = table["p"].notna()
    if known.any():
        adjusted = np.full(len(table), np.nan)
        adjusted[known] = multipletests(table.loc[known, "p"].astype(float), method="holm")[1]
        table["p_holm"] = adjusted
    return table


def _checks(
    rows: SkewRows, fits: dict[str, Regression | str], choice: dict[str, object]
) -> pd.DataFrame:
    """The skew with other means and with the easy errors, and whether the lean brings flow."""
    columns = ["check", "estimate", "low", "high", "p"]
    if not isinstance(fits["skew"], Regression):
        return pd.DataFrame(columns=columns)
    level = choice["level"]
    frame = rows.frame
    session = frame.assign(series=frame.groupby(["series", "day"]).ngroup())
    skew = Term("lean", ["inventory"])
    found = {
        "skew: means of series (ours)": fits["skew"],
        "skew: means of sessions": fit_term(rows._replace(frame=session), "skew", skew, choice),
        "skew: no controls": fit_term(rows._replace(controls=[]), "skew", skew, choice),
    }
    if rows.kind != "pool":
        found["skew: Newey-West within sessions (too narrow)"] = _easy(rows, level)
        brings = Term("moved_0", ["lean_1", "inventory_1"])
        found["flow on the quotes' lean a bar before"] = fit_term(rows, "flow", brings, choice)
    lines = []
    for name, fit in found.items():
        if isinstance(fit, Regression):
            lines.append([name, *fit.table.iloc[0][columns[1:]].tolist()])
    return pd.DataFrame(lines, columns=columns)


def _easy(rows: SkewRows, level: float) -> Regression:
    frame = rows.frame
    y, x = regressors(frame, ["lean", "inventory"], rows.controls)
    return regress(y, x, frame["day"], errors="hac", bars=frame["bar"], level=level)


def _by_lag(found: Regression) -> pd.DataFrame:
    """What quotes have moved 0, 1, ... bars after a unit came in, and in the end."""
    table = found.table
    changes = table[table["term"].str.startswith("moved_")]
    path = pd.concat([changes, table.iloc[[0]]], ignore_index=True)
    return path[["estimate", "low", "high"]].assign(bars=range(len(path)))[
        ["bars", "estimate", "low", "high"]
    ]


def _bins(rows: SkewRows) -> pd.DataFrame:
    """Means by size of the inventory, every series moved to the common mean."""
    names = ["inventory", "lean", "bid", "ask"]
    frame = rows.frame
    if frame.empty or rows.reason:
        return pd.DataFrame(columns=[*names, "rows"])
    moved = frame[names] - frame[names].groupby(frame["series"]).transform("mean")
    moved = moved + frame[names].mean()
    bins = pd.qcut(moved["inventory"], _BINS, labels=False, duplicates="drop")
    grouped = moved.groupby(bins)
    return grouped.mean().assign(rows=grouped.size()).reset_index(drop=True)
