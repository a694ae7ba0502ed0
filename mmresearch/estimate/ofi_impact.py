"""What the flow of orders does to the price, and how that depends on depth (Cont et al. 2014)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.ofi_rows import (
    FEWEST_BARS,
    FEWEST_MOVES,
    UNITS,
    Rows,
    block_fits,
    cannot_tell,
    flow_bins,
    flow_rows,
    flow_table,
    has_trades,
    no_book,
    with_constant,
)
from mmresearch.estimate.result import TIDY, Quantity, Result, Sample, refused, unknown
from mmresearch.market import Market

FEWEST_BLOCKS = 10  # for the relation of slope and depth
LEAST_SPREAD = 0.05  # standard deviation of log depth over blocks, below which none can be told
_QUESTION = "How far does the flow of orders move the price, and does depth explain how far?"
_EQUATION = (
    r"\Delta P_k = a_i + b_i\, \mathrm{OFI}_k + e_k \;(k \in i), \qquad "
    r"\ln b_i = a - \lambda \ln \mathrm{AD}_i + u_i"
)
MEANING = {
    "slope": "b: how far the mid moves a unit of order flow, all bars together",
    "block_slope": "mean of the blocks' own slopes b_i",
    "r2": "mean over blocks: how much of the moves of the mid the flow of orders goes with",
    "r2_trades": "the same by signed volume of trades alone",
    "r2_both": "the same by both",
    "significant": "share of blocks in which b_i is not 0 at 5 %",
    "depth_exponent": "lambda: 1 if the slope is inverse to depth",
    "slope_times_two_depths": "mean of 2 AD_i b_i: 1 in a book whose levels all hold AD_i and are a"
    " tick apart",
}


class Fits(NamedTuple):
    """All bars together, by flow, trades and both; the blocks; slope on depth, or why not."""

    models: dict[str, Regression]
    blocks: pd.DataFrame
    depth: Regression | None
    less_one: Regression | None
    why_not: str


def ofi_impact(
    data: pd.DataFrame | Market,
    *,
    freq: str = "10s",
    block: str = "30min",
    flow: str = "ofi",
    unit: str = "auto",
    symbol: str | None = None,
    errors: str = "auto",
    block_errors: str = "hac",
    level: float = 0.95,
) -> Result:
    """Slope of moves of the mid on order flow imbalance, block by block, and its law of depth.

    Parameters
    ----------
    data : Market or DataFrame
        A market with quotes (or a book), or a table as `mm.order_flow_imbalance` makes it.
    freq, block : str
        Of the bars (if a market is given), and of the stretches that have a slope each.
    flow : str
        The column that is the flow: "ofi", one of the levels', "ofi_integrated".
    unit : str
        Of the mid's move: "ticks", "bps", or "auto", ticks where the tick is known.
    symbol : str, optional
        Which; needed where there are several.
    errors, block_errors : str
        Of what is said of all bars or of blocks, as in `inventory_reversion`: "auto", "cluster",
        "wild", "hac", ...; and of a single block's slope: "hac" (Newey-West), "HC1".
    level : float
        Of the intervals.

    Returns
    -------
    Result
        `table`: all bars together (const, ofi), as clustered as days allow. `quantities`: slope,
        block_slope (mean of the blocks'), r2, r2_trades, r2_both (means over blocks), significant
        (share of blocks), depth_exponent (lambda), slope_times_two_depths. `details`: "blocks" (a
        row a block: bars, slope, std_error, t, p, r2, r2_trades, r2_both, depth in units,
        slope_times_two_depths, why_not), "models" (flow, trades, both over all bars: coefficients
        and R2), "depth" (the regression of ln b_i, and lambda less 1), "by_time" (means of blocks
        of the same time of day), "bins" (mean flow and move of twenty bins of equally many bars),
        "meaning". `fit`: statsmodels' of all bars.

    Notes
    -----
    Depth is the mean size of levels that the price left for a better one or reached at a worse one,
    which are whole ones; the mean size of what stands is about half of it. Moves and flow come from
    the same quotes, so the slope says what goes with what, not what causes what; and flow that the
    move itself brings about inside a bar is in it. Blocks of fewer than 30 bars, without moves or
    without flow have no slope; blocks of a slope of 0 or below, or with fewer than 5 moves of a
    side, are not in the relation with depth.

    References
    ----------
    Cont, Kukanov and Stoikov (2014), The price impact of order book events, Journal of Financial
    Econometrics 12, equations (3), (9) and (10).
    """
    if unit not in (*UNITS, "auto"):
        raise ValueError(f"unit must be one of {', '.join((*UNITS, 'auto'))}, not {unit!r}")
    if no_book(data):
        return _refused(Rows(pd.DataFrame(), Sample(0, {}, 0), "ticks"), no_book(data))
    numbers = ["time_of_day", "move_ticks", "return_bps", flow]
    table = flow_table(data, symbol, numbers, freq=freq)
    rows = flow_rows(table, flow=flow, block=block, unit=unit)
    reason = cannot_tell(rows.frame)
    if reason:
        return _refused(rows, reason)
    found = _fits(rows.frame, flow, (errors, block_errors), level)
    main = found.models["ofi"]
    quantities = _quantities(found, rows.unit, errors, level)
    return Result(
        _QUESTION,
        _EQUATION,
        unit=f"{rows.unit} a unit of flow",
        table=main.table,
        sample=rows.sample,
        errors=main.errors,
        fit=main.fit,
        quantities=quantities,
        flags=_flags(main, found, rows, table),
        details=_details(found) | {"bins": flow_bins(rows.frame)},
    )


def _fits(frame: pd.DataFrame, flow: str, errors: tuple[str, str], level: float) -> Fits:
    how = {"errors": errors[0], "level": level}
    wanted = {"ofi": ["ofi"]}
    if has_trades(frame):
        wanted |= {"trades": ["trades"], "both": ["ofi", "trades"]}
    models = {
        name: regress(frame["y"], with_constant(frame, *columns), frame["day"], **how)
        for name, columns in wanted.items()
    }
    blocks = block_fits(frame, errors=errors[1])
    told = blocks[(blocks["slope"] > 0) & blocks["depth"].gt(0)].reset_index(drop=True)
    why = _no_relation(told, flow)
    if why:
        return Fits(models, blocks, None, None, why)
    x = pd.DataFrame({"const": 1.0, "lambda": -np.log(told["depth"])})
    y = np.log(told["slope"])
    pair = [regress(target, x, told["day"], **how) for target in (y, y - x["lambda"])]
    return Fits(models, blocks, *pair, "")


def _no_relation(told: pd.DataFrame, flow: str) -> str:
    if flow.startswith("ofi_integrated"):
        return "the flow is in multiples of depth already"
    if len(told) < FEWEST_BLOCKS:
        return (
            f"{len(told)} blocks with a slope above 0 and {FEWEST_MOVES} moves of bid and of ask; "
            f"{FEWEST_BLOCKS} are needed"
        )
    if np.log(told["depth"]).std() < LEAST_SPREAD:
        return "depth is about the same in all blocks"
    return ""


def _quantities(found: Fits, unit: str, errors: str, level: float) -> dict[str, Quantity]:
    main, blocks = found.models["ofi"], found.blocks
    per = f"{unit} a unit"
    value, low, high = main.table.loc[1, ["estimate", "low", "high"]]
    quantities = {"slope": Quantity("slope", value, low, high, per, main.errors, level=level)}

    def mean(name: str, column: str, unit: str, lacking: str) -> Quantity:
        return _mean(name, blocks[["day", column]].dropna(), unit, lacking, (errors, level))

    none = f"no block holds {FEWEST_BARS} bars in which flow and mid change"
    quantities["block_slope"] = mean("block_slope", "slope", per, none)
    quantities["r2"] = mean("r2", "r2", "", none)
    for name in ("r2_trades", "r2_both"):
        quantities[name] = mean(name, name, "", "no block in which signed volume is known")
    quantities["significant"] = _significant(blocks["p"].dropna(), none, level)
    if found.depth is None:
        lam = unknown("depth_exponent", "", found.why_not, level)
    else:
        value, low, high = found.depth.table.loc[1, ["estimate", "low", "high"]]
        words = f"least squares over blocks, {found.depth.errors}"
        lam = Quantity("depth_exponent", value, low, high, "", words, level=level)
    quantities["depth_exponent"] = lam
    two = mean("slope_times_two_depths", "slope_times_two_depths", "", "no block tells its depth")
    if unit != "ticks" or found.why_not.startswith("the flow"):
        two = unknown("slope_times_two_depths", "", "needs ticks and flow in units", level)
    return quantities | {"slope_times_two_depths": two}


def _mean(
    name: str, values: pd.DataFrame, unit: str, lacking: str, how: tuple[str, float]
) -> Quantity:
    """The mean over blocks, its error as days allow."""
    errors, level = how
    y = values.iloc[:, 1].reset_index(drop=True)
    if not len(y):
        return unknown(name, unit, lacking, level)
    if len(y) < 3 or np.ptp(y.to_numpy()) == 0:
        method = "mean over blocks, too few for an error"
        nothing = (math.nan, math.nan)
        return Quantity(name, float(y.mean()), *nothing, unit, method, level=level)
    one = pd.DataFrame({"const": np.ones(len(y))})
    fit = regress(y, one, values["day"].reset_index(drop=True), errors=errors, level=level)
    told = fit.table.loc[0, ["estimate", "low", "high"]]
    return Quantity(name, *told, unit, f"mean over {len(y)} blocks, {fit.errors}", level=level)


def _significant(p: pd.Series, lacking: str, level: float) -> Quantity:
    if not len(p):
        return unknown("significant", "", lacking, level)
    many = int((p < 0.05).sum())
    low, high = proportion_confint(many, len(p), 1 - level, method="wilson")
    words = f"share of {len(p)} blocks, Wilson's interval"
    return Quantity("significant", many / len(p), low, high, "", words, level=level)


def _flags(main: Regression, found: Fits, rows: Rows, table: pd.DataFrame) -> tuple[str, ...]:
    flags = list(main.flags)
    if rows.unit == "bps" and table["move_ticks"].isna().all():
        flags.append("tick_unknown")
    if found.blocks["slope"].notna().any() and (found.blocks["slope"] <= 0).any():
        flags.append("blocks_with_slope_not_above_0")
    if found.blocks["why_not"].ne("").any():
        flags.append("blocks_without_slope")
    return tuple(flags)


def _details(found: Fits) -> dict[str, pd.DataFrame]:
    parts = [m.table.assign(model=name, r2=m.fit.rsquared) for name, m in found.models.items()]
    models = pd.concat(parts, ignore_index=True)
    depth = pd.DataFrame(columns=TIDY)
    if found.depth is not None and found.less_one is not None:
        other = found.less_one.table.iloc[[1]].assign(term="lambda - 1")
        depth = pd.concat([found.depth.table, other], ignore_index=True)
    shown = ["bars", "slope", "r2", "r2_trades", "r2_both", "depth", "slope_times_two_depths"]
    clock = found.blocks["start"].dt.strftime("%H:%M")
    by_time = found.blocks.groupby("block")[shown].mean()
    by_time.insert(0, "starts_utc", clock.groupby(found.blocks["block"]).min())
    return {
        "blocks": found.blocks,
        "models": models[["model", *TIDY, "r2"]],
        "depth": depth,
        "by_time": by_time,
        "meaning": pd.Series(MEANING, name="meaning").rename_axis("term").to_frame(),
    }


def _refused(rows: Rows, reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit=f"{rows.unit} a unit of flow",
        sample=rows.sample,
        reason=reason,
        names=MEANING,
    )
