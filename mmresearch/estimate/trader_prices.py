"""Whether traders trade their inventory away, and at what prices (Manaster and Mann 1996)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.fill_rows import SERIES, refuse_fills
from mmresearch.estimate.jackknife import jackknife_by_day
from mmresearch.estimate.panel_rows import drop_by_reason
from mmresearch.estimate.result import TIDY, Quantity, Result, Sample, refused, unknown
from mmresearch.estimate.sandwich import SOME_DAYS

HELD = ("session", "ledger")
FEWEST_FILLS = 30
_QUESTION = "Do traders who hold inventory trade it away, and do they shade their prices to do so?"
_EQUATION = (
    r"s_t = a + b\,z_{t-1} + e_t, \qquad "
    r"10^4\,(p_t - m_t)/m_t = c_k \pm h_k + d\,z_{t-1} + u_t, \qquad z = I / \mathrm{sd}(I)"
)
_JACKKNIFE = "jackknife over days, bias corrected"
_CARRIED = "a position carried over nights may be a random walk: see `inventory_reversion`"
_NUMBERS = ["side", "price", "held", "held_session", "fair"]
UNITS = {
    "direction": "change of side a sd of inventory",
    "skew": "bps a sd of inventory",
    "advantage": "bps a sd of inventory",
}
MEANING = {
    "direction": "after long inventory the next fill is rather a sale where it is below 0",
    "skew": "below 0: the long buy and sell at lower prices, to be rid of it; above 0: the long "
    "get better prices when they sell",
    "advantage": "gain against the fair price; a skew that is the same long and short is not in it",
}


class Rows(NamedTuple):
    """Fills that can be used, in order of series and time: z, side, away (bps), gain (bps)."""

    frame: pd.DataFrame
    sample: Sample
    flags: tuple[str, ...]


def trader_prices(
    fills: pd.DataFrame,
    *,
    held: str = "session",
    errors: str = "auto",
    level: float = 0.95,
    draws: int = 999,
    seed: int = 0,
) -> Result:
    """Side and price of each fill explained by the inventory held before it, in trade time.

    Parameters
    ----------
    fills : DataFrame
        As `mm.trader_fills` makes it, of one or more accounts and symbols.
    held : str
        "session": what was bought and sold since the session's open, where traders end flat and
        where openings are not known. "ledger": the position carried from session to session.
    errors, level, draws, seed
        As in `estimate.errors.regress`; the clusters are days, so that traders of one day may
        depend on each other in any way. The direction's are by the jackknife over days whatever
        is chosen here.

    Returns
    -------
    Result
        `table`, `quantities`: "direction" (b), the change of the side (+1, -1) with one standard
        deviation of inventory, below 0 where it is traded away; "skew" (d), how many basis points
        higher a trader with one standard deviation long buys and sells, below 0 where prices are
        shaded to be rid of it; "advantage", the slope of the gain against the fair price,
        (m - p) side / m, on inventory. `details`: "traders" (each account alone, p adjusted for
        their number by Holm 1979), "traps" (what the easy regressions give). `fit`: of the skew.

    Notes
    -----
    Skew is measured against the account's own mean price away from fair among buys and among
    sells of the symbol, so that the half-spread is taken out. Without that the price away from
    fair mixes skew with side: a maker buys below the mid and sells above it, and is more often a
    seller when long, which alone gives -h b. A skew that is the same when long and short lowers
    the gain of sales as much as it raises that of purchases and is not in "advantage".

    The direction's inventory has no mean a day or series taken out: it contains past sides, and
    with its own mean a day even sides drawn by coin revert (Nickell 1981). One constant is in the
    equation; what bias is left, and errors that few days make too small, the jackknife over days
    takes out. A position carried over nights has a mean that is not known and is as persistent as
    prices are: with held="ledger" the direction is refused, see `inventory_reversion`. The
    standard deviation, over the whole sample, is a scale and taken as known: the direction's
    interval is right where nothing reverts and too wide where reversion is fast (it then holds the
    truth in 99 to 100 % of samples).

    References
    ----------
    Manaster and Mann (1996); Nickell (1981).
    """
    if held not in HELD:
        raise ValueError(f"held must be one of {', '.join(HELD)}, not {held!r}")
    rows = _rows(fills, held)
    reason = _cannot_tell(rows.frame)
    if reason:
        return _refused(rows, reason)
    choice = {"errors": errors, "level": level, "draws": draws, "seed": seed}
    fits = _regressions(rows.frame, choice)
    table = _table(rows.frame, fits, held, level)
    return Result(
        _QUESTION,
        _EQUATION,
        unit="; ".join(f"{name}: {unit}" for name, unit in UNITS.items()),
        table=table,
        sample=rows.sample,
        errors=f"skew, advantage: {fits['skew'].errors}; direction: {_JACKKNIFE}",
        fit=fits["skew"].fit,
        quantities=_quantities(table, fits["skew"].errors, held, level),
        flags=tuple(dict.fromkeys([*rows.flags, *fits["skew"].flags])),
        details={
            "traders": _traders(rows.frame, held, choice),
            "traps": _traps(rows.frame, table),
            "meaning": pd.Series(MEANING, name="meaning").rename_axis("term").to_frame(),
        },
    )


def _rows(fills: pd.DataFrame, held: str) -> Rows:
    refuse_fills(fills, _NUMBERS, ("price", "fair"))
    rows = fills.sort_values([*SERIES, "time", "seq"], kind="stable", ignore_index=True)
    inventory = rows["held_session" if held == "session" else "held"]
    rows = rows.assign(inventory=inventory)
    rows, dropped = drop_by_reason(
        rows,
        {
            "without inventory": inventory.isna(),
            "without a fair price": rows["fair"].isna() | rows["price"].isna(),
        },
    )
    keys = [rows[c] for c in SERIES]
    spread = rows["inventory"].groupby(keys).transform("std")
    alone = rows.groupby([*SERIES, "side"])["side"].transform("size") < 2
    still = ~(spread > 1e-12 * rows["inventory"].abs().groupby(keys).transform("max"))
    rows = rows.assign(z=rows["inventory"] / spread.where(~still))
    reasons = {"inventory never changes": still, "alone on its side": alone}
    rows, more = drop_by_reason(rows, reasons)
    away = 1e4 * (rows["price"] - rows["fair"]) / rows["fair"]
    rows = rows.assign(away=away, gain=-away * rows["side"])
    sample = Sample(
        len(rows), dropped | more, rows["day"].nunique(), int(rows.groupby(SERIES).ngroups)
    )
    flags = ("fair_is_mean_of_others",) if fills.attrs.get("fair") == "mean" else ()
    if rows["account"].eq("aggregate maker").any():
        flags = (*flags, "inventory_is_market_flow")
    return Rows(rows.reset_index(drop=True), sample, flags)


def _cannot_tell(frame: pd.DataFrame) -> str:
    days = frame["day"].nunique()
    if frame.empty:
        return "no fill has an inventory that changes and a fair price"
    if len(frame) < FEWEST_FILLS:
        return f"{len(frame)} fills, where {FEWEST_FILLS} are needed"
    if days < SOME_DAYS:
        count = "1 session" if days == 1 else f"{days} sessions"
        return (
            f"{count}, where errors by session need {SOME_DAYS}: inside a session inventory is "
            "near a random walk, and t is not normal"
        )
    if frame["side"].nunique() < 2:
        return "every fill is on one side"
    if np.ptp(frame["away"].to_numpy()) == 0:
        return "every price is equally far from the fair one"
    return ""


def _regressions(frame: pd.DataFrame, choice: dict[str, object]) -> dict[str, Regression]:
    """Prices on inventory, without the means of each series' buys and sells; gain, of series."""
    series = [frame[c] for c in SERIES]
    found = {}
    for name, y, own in (
        ("skew", "away", [*series, frame["side"]]),
        ("advantage", "gain", series),
    ):
        target, z = (frame[c] - frame[c].groupby(own).transform("mean") for c in (y, "z"))
        found[name] = regress(target, pd.DataFrame({"z": z}), frame["day"], **choice)
    return found


def _direction(frame: pd.DataFrame, level: float) -> pd.DataFrame:
    x = pd.DataFrame({"const": 1.0, "z": frame["z"]})
    return jackknife_by_day(frame["side"], x, frame["day"], level=level)


def _table(
    frame: pd.DataFrame, fits: dict[str, Regression], held: str, level: float
) -> pd.DataFrame:
    tables = {} if held == "ledger" else {"direction": _direction(frame, level)}
    tables |= {name: fit.table for name, fit in fits.items()}
    rows = [table[table["term"] == "z"].assign(term=name) for name, table in tables.items()]
    return pd.concat(rows, ignore_index=True)[TIDY]


def _quantities(table: pd.DataFrame, errors: str, held: str, level: float) -> dict[str, Quantity]:
    found = {}
    if held == "ledger":
        found["direction"] = unknown("direction", UNITS["direction"], _CARRIED)
    for row in table.itertuples():
        how = _JACKKNIFE if row.term == "direction" else errors
        numbers = (row.estimate, row.low, row.high)
        found[row.term] = Quantity(row.term, *numbers, UNITS[row.term], how, level=level)
    return found


def _traders(frame: pd.DataFrame, held: str, choice: dict[str, object]) -> pd.DataFrame:
    """Each account alone: slopes, intervals, p adjusted for the number of accounts."""
    found = []
    for account, own in frame.groupby("account"):
        row: dict[str, object] = {"account": account, "fills": len(own)}
        reason = _cannot_tell(own)
        if not reason:
            own = own.reset_index(drop=True)
            table = _table(own, _regressions(own, choice), held, choice["level"]).set_index("term")
            for name in table.index.difference(["advantage"]):
                row |= {name: table.loc[name, "estimate"]}
                row |= {f"{name}_{c}": table.loc[name, c] for c in ("low", "high", "p")}
        found.append(row | {"days": own["day"].nunique(), "reason": reason})
    columns = [f"{n}{c}" for n in ("direction", "skew") for c in ("", "_low", "_high", "_p")]
    table = pd.DataFrame(found).reindex(columns=["account", "fills", "days", *columns, "reason"])
    for name in ("direction", "skew"):
        p, known = table[f"{name}_p"].astype(float), table[f"{name}_p"].notna()
        adjusted = np.full(len(table), np.nan)
        if known.any():
            adjusted[known] = multipletests(p[known], method="holm")[1]
        table[f"{name}_p_holm"] = adjusted
    return table


def _traps(frame: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """What the easy regressions give beside ours."""
    own = [frame[c] for c in (*SERIES, "day")]
    within = frame["z"] - frame["z"].groupby(own).transform("mean")
    side = frame["side"] - frame["side"].groupby(own).transform("mean")
    ours = table.set_index("term")["estimate"].reindex(list(UNITS))
    rows = [
        ("skew", "side not taken out", _slope(frame["z"] - frame["z"].mean(), frame["away"])),
        ("skew", "ours", ours["skew"]),
        ("direction", "a mean a day taken out", _slope(within, side)),
        ("direction", "ours", ours["direction"]),
    ]
    return pd.DataFrame(rows, columns=["term", "regression", "estimate"])


def _slope(x: pd.Series, y: pd.Series) -> float:
    return float(x @ y / (x @ x)) if (x @ x) > 0 else math.nan


def _refused(rows: Rows, reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit="; ".join(f"{name}: {unit}" for name, unit in UNITS.items()),
        sample=rows.sample,
        reason=reason,
        names=UNITS,
        units=UNITS,
        flags=rows.flags,
    )
