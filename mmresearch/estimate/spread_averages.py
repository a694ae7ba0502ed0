"""Averages of spreads with errors: what trades paid, what makers kept later, what they lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.errors import regress
from mmresearch.estimate.result import TIDY, Quantity, Result, Sample
from mmresearch.estimate.sandwich import Rule, error_rule, small_sample_factor, sum_covariance
from mmresearch.market import Market
from mmresearch.measure.bars import parse_freq
from mmresearch.measure.spreads import spreads

WEIGHTS = ("size", "value", "trades")
ERRORS = ("auto", "cluster", "wild", "hac", "bootstrap")
FEWEST_TRADES = 30
_QUESTION = "What do trades pay, and how much of it do makers keep after so long?"
_EQUATION = r"2 D_t (P_t - M_t) = 2 D_t (P_t - M_{t+h}) + 2 D_t (M_{t+h} - M_t)"
_MINUTE = 60 * 10**9
_DRAWS = 4_000
_FEW = 30  # stretches: with fewer, Newey-West's errors are too small


class Cells(NamedTuple):
    """Sums of weighted spreads [cells, m] and of weights [cells], with the day of each cell."""

    sums: np.ndarray
    weights: np.ndarray
    days: pd.Series


def average_spreads(
    trades: pd.DataFrame | Market,
    *,
    weight: str = "size",
    errors: str = "auto",
    level: float = 0.95,
    seed: int = 0,
    **options: Any,
) -> Result:
    """Mean quoted, effective and realized spread and impact over horizons, with joint bands.

    All means are over the same trades, those with an answer at every horizon, so effective =
    realized + impact holds in them as it does in each trade.

    Parameters
    ----------
    trades : DataFrame or Market
        A table of `mm.spreads`, or what that takes, with its arguments as `options`.
    weight : str
        "size", "value" (size times price) or "trades" (each the same).
    errors : str
        "cluster": by day. "wild": restricted wild cluster bootstrap by day. "bootstrap": whole days
        drawn. "hac": Newey-West within days over sums of stretches as long as the longest horizon
        (a minute at least), so that overlapping horizons and runs of one side are allowed for, also
        between symbols; with fewer than 30 of them flagged "few_stretches". "auto": "cluster" from
        40 days up, "wild" with 6 to 39, else "hac".
    level : float
        Of the intervals.
    seed : int
        Of the bootstraps and of the joint band.

    Returns
    -------
    Result
        `table`: quoted and effective, and of each horizon realized and impact; full spreads in the
        unit of the trades (bps or currency a unit). `quantities`: "impact_share" (of the effective
        spread, at the longest horizon; refused where the effective spread is not told from 0).
        `details`: "curve" (measure, horizon, seconds, estimate, low, high, and joint_low,
        joint_high, which hold the whole curve of the measure), "covariance" of all the means.

    Raises
    ------
    ValueError
        Currency of several symbols, which does not add up; fewer than 30 trades with every horizon.

    References
    ----------
    Huang and Stoll (1996), Dealer versus auction markets, Journal of Financial Economics 41.
    """
    for name, value, known in (("weight", weight, WEIGHTS), ("errors", errors, ERRORS)):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    given = isinstance(trades, pd.DataFrame) and "horizons" in trades.attrs
    table = trades if given else spreads(trades, **options)
    names = _columns(table)
    rows = table[table[list(names)].notna().all(axis=1)]
    if len(rows) < FEWEST_TRADES:
        raise ValueError(
            f"{len(rows)} trades have an answer at every horizon, where {FEWEST_TRADES} are needed:"
            f" {_words(table.attrs['counts'])}"
        )
    rule = error_rule(rows["day"], errors=errors)
    longest = max((_length(h) for h in table.attrs["horizons"]), default=0)
    cells = _cells(rows, list(names), weight, 0 if rule.kind != "hac" else max(longest, _MINUTE))
    hac = rule.kind == "hac"
    if hac:  # a stretch and the next share trades' horizons
        rule = error_rule(cells.days, errors="hac", overlap=2)
    means, covariance = _means(cells, rule)
    answers = _table(list(names.values()), means, covariance, cells, (rule, level, seed))
    sample = Sample(len(rows), _dropped(table, names), rows["day"].nunique(), _series(rows))
    return Result(
        _QUESTION,
        _EQUATION,
        unit=_unit(table),
        table=answers,
        sample=sample,
        errors=f"{rule.words}{_of_cells(rule, longest)}",
        quantities=_quantities(answers, means, covariance, rule, level),
        flags=rule.flags + (("few_stretches",) if len(cells.days) < _FEW and hac else ()),
        details={
            "curve": _curve(table, answers, covariance, (rule, level, seed)),
            "covariance": pd.DataFrame(covariance, answers["term"], answers["term"]),
        },
    )


def _columns(table: pd.DataFrame) -> dict[str, str]:
    """The columns of spreads and the terms they become: "realized_full_bps_5s", "realized 5s"."""
    if table.attrs["unit"] == "abs" and _series(table) > 1:
        raise ValueError("spreads of several symbols in currency do not add up; take unit='bps'")
    middle = f"_full_{table.attrs['unit']}"
    names = [name for name in table.columns if middle in name]
    return {name: name.replace(middle, "").replace("_", " ") for name in names}


def _series(table: pd.DataFrame) -> int:
    return table["symbol"].nunique()


def _length(horizon: str) -> int:
    step = parse_freq(horizon)
    return step.size if step.kind == "clock" else 0


def _cells(rows: pd.DataFrame, names: Sequence[str], weight: str, step: int) -> Cells:
    """Sums by day, or by stretches of `step` nanoseconds of a day."""
    units = np.ones(len(rows)) if weight == "trades" else rows["size"].to_numpy("float64")
    if weight == "value":
        units = units * rows["price"].to_numpy("float64")
    units = units / units.mean()
    keys = [rows["day"].to_numpy("datetime64[ns]").view("int64")]
    if step:
        keys.append(rows["time"].to_numpy("datetime64[ns]").view("int64") // step)
    frame = pd.DataFrame(rows[names].to_numpy() * units[:, None]).assign(weight=units)
    summed = frame.groupby(keys).sum()
    days = pd.Series(summed.index.get_level_values(0)) if step else pd.Series(summed.index)
    return Cells(summed[list(range(len(names)))].to_numpy(), summed["weight"].to_numpy(), days)


def _means(cells: Cells, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
    """Ratios of sums and their joint covariance."""
    total = cells.weights.sum()
    means = cells.sums.sum(axis=0) / total
    influence = (cells.sums - cells.weights[:, None] * means) / total
    if rule.kind in ("wild", "bootstrap"):
        rule = rule._replace(kind="cluster")
    factor = small_sample_factor(rule, len(influence), 1, cells.days.nunique())
    return means, sum_covariance(influence, cells.days, rule) * factor


def _table(
    terms: list[str],
    means: np.ndarray,
    covariance: np.ndarray,
    cells: Cells,
    asked: tuple[Rule, float, int],
) -> pd.DataFrame:
    rule, level, seed = asked
    spread = np.sqrt(np.clip(np.diag(covariance), 0, None))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = means / spread
    reach = scipy.stats.t.ppf((1 + level) / 2, rule.df) * spread
    p = 2 * scipy.stats.t.sf(np.abs(t), rule.df)
    table = pd.DataFrame(
        dict(zip(TIDY, (terms, means, spread, t, p, means - reach, means + reach), strict=True))
    )
    if rule.kind in ("wild", "bootstrap"):
        # least squares of sum/root(weight) on root(weight) gives the same mean and the same scores
        root = np.sqrt(cells.weights)
        x = pd.DataFrame({"mean": root})
        for place in np.flatnonzero(spread > 1e-12 * np.abs(means)):
            y = pd.Series(cells.sums[:, place] / root)
            about = {"errors": rule.kind, "level": level, "seed": seed}
            fit = regress(y, x, cells.days, **about).table
            for name in TIDY[2:]:
                table.loc[place, name] = fit.loc[0, name]
    return table


def _quantities(
    table: pd.DataFrame, means: np.ndarray, covariance: np.ndarray, rule: Rule, level: float
) -> dict[str, Quantity]:
    """Impact over the effective spread, by the delta method."""
    effective, last = 1, len(means) - 1
    share = means[last] / means[effective]
    slope = np.zeros(len(means))
    slope[last], slope[effective] = 1 / means[effective], -share / means[effective]
    error = math.sqrt(max(slope @ covariance @ slope, 0.0))
    reach = float(scipy.stats.t.ppf((1 + level) / 2, rule.df)) * error
    told = bool(table.loc[effective, "low"] > 0)
    reason = "" if told else "the effective spread is not told from 0"
    words = f"{table['term'].iloc[-1]} over effective, delta method, {rule.words}"
    bounds = (float(share), float(share - reach), float(share + reach))
    unit = "of the effective spread"
    return {"impact_share": Quantity("impact_share", *bounds, unit, words, told, reason, level)}


def _curve(
    table: pd.DataFrame,
    answers: pd.DataFrame,
    covariance: np.ndarray,
    asked: tuple[Rule, float, int],
) -> pd.DataFrame:
    """Realized and impact by horizon, with the band that holds each whole curve."""
    rule, level, seed = asked
    horizons, pieces = table.attrs["horizons"], []
    for number, measure in enumerate(("realized", "impact")):
        places = [2 + number * len(horizons) + k for k in range(len(horizons))]
        own = answers.loc[places, ["estimate", "low", "high"]].reset_index(drop=True)
        spread = answers.loc[places, "std_error"].to_numpy()
        critical = _sup_t(covariance[np.ix_(places, places)], rule.df, level, seed)
        own["joint_low"] = own["estimate"] - critical * spread
        own["joint_high"] = own["estimate"] + critical * spread
        seconds = [_length(h) / 1e9 or math.nan for h in horizons]
        own.insert(0, "measure", measure)
        pieces.append(own.assign(horizon=horizons, seconds=seconds))
    return pd.concat(pieces, ignore_index=True)


def _sup_t(covariance: np.ndarray, df: float, level: float, seed: int) -> float:
    """The quantile of the largest |t| of means with this covariance, by draws."""
    spread = np.sqrt(np.clip(np.diag(covariance), 0, None))
    moves = spread > 0
    if not moves.any():
        return 0.0
    rng = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(covariance[np.ix_(moves, moves)])
    root = vectors * np.sqrt(np.clip(values, 0, None))
    drawn = np.abs(rng.standard_normal((_DRAWS, moves.sum())) @ root.T / spread[moves])
    wide = np.sqrt(rng.chisquare(df, _DRAWS) / df)
    return float(np.quantile(drawn.max(axis=1) / wide, level))


def _dropped(table: pd.DataFrame, names: dict[str, str]) -> dict[str, int]:
    apart, none = table["apart"] != "", table["side"].isna()
    lacking = ~none & ~apart & table[list(names)].isna().any(axis=1)
    return {
        "outside every session": table.attrs["counts"]["outside every session"],
        **table.loc[apart, "apart"].value_counts().to_dict(),
        "without a side": int((none & ~apart).sum()),
        "with a horizon past the end": int(lacking.sum()),
    }


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in counts.items() if n) or "no trade left out"


def _unit(table: pd.DataFrame) -> str:
    sides = "sides as reported"
    if table.attrs["sides"] != "reported":
        sides = f"sides inferred ({table.attrs['sides']}), which makes effective spreads too large"
    said = "basis points of" if table.attrs["unit"] == "bps" else "currency a unit, from"
    return f"full spread, {said} the {table.attrs['reference']}; {sides}"


def _of_cells(rule: Rule, longest: int) -> str:
    if rule.kind != "hac":
        return ""
    return f", a row the sum of {max(longest, _MINUTE) / 1e9:g} s"
