"""How robust a market is: how much it absorbs, by how deep it is and how fast it is so again."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.recovery_fits import MeanPath, block_covariance, block_rule, mean_path
from mmresearch.estimate.resiliency import resiliency
from mmresearch.estimate.result import TIDY, Quantity, Result, Sample, refused, unknown
from mmresearch.estimate.sandwich import Rule
from mmresearch.market import Market
from mmresearch.measure.book_states import shown_symbols, source_of
from mmresearch.measure.depth import depth
from mmresearch.measure.recoveries import HORIZONS, cannot_follow, recoveries
from mmresearch.measure.slippage import slippage
from mmresearch.sessions import has_clock

_QUESTION = "How much can be traded against this market before it gives way, and again later?"
_EQUATION = r"A = q\,D_k\,(1 + R_T)"
MEANING = {
    "absorbed": "units a side: all within reach taken at once, and again when T have passed",
    "depth": "D: units within reach on a side, mean over quoted time",
    "quoted_share": "q: share of time in which both sides stand and the bid is below the ask",
    "recovered": "R: share of what a large trade took that is back after T",
    "half_life": "s until half of what comes back is back",
    "recovered_within": "share of large trades after which so much of it was back within T",
    "round_trip": "cost of buying and selling the size at the same instant, of the mid",
}
UNITS = {"absorbed": "units", "depth": "units", "half_life": "s", "round_trip": "bps"}
_STRETCHES = 120
_TOLD = 0.95  # of the quoted time that bars must tell: a mean of the others is of chosen moments


class Part(NamedTuple):
    """A mean over time or events, and what each adds to its error, with when that was."""

    value: float
    influence: np.ndarray
    time: pd.Series


def robustness(
    market: Market,
    *,
    within_bps: float | None = None,
    size: float | None = None,
    after: str = "60s",
    freq: str = "1min",
    symbol: str | None = None,
    source: str = "auto",
    level: float = 0.95,
    seed: int = 0,
    **options: Any,
) -> Result:
    """What a market absorbs on a side, with the parts that it comes from, each with its error.

    A = q D (1 + R): at a moment of the day both sides stand with probability q, D units are within
    reach, and of what is taken the share R is back after T, so that so much more can be taken then.
    It is a size, in units of the asset: of two orders that each take all within reach, T apart.
    Nothing is extrapolated to a steady stream of orders, under which the book might come back less,
    and R is that of the large trades there were.

    Parameters
    ----------
    market : Market
        With quotes or a book, and trades with a side.
    within_bps : float, optional
        What is within reach: so near to the mid, or at the best price if not given. A distance that
        the book does not show in 95 % of the quoted time is refused.
    size : float, optional
        Of the round trip; a tenth of the median size at the best quotes if not given.
    after : str
        T, a clock step.
    freq, symbol, source
        As in `depth`; a symbol is needed where there are several.
    level : float
        Of the intervals.
    seed : int
        Of controls and bands.
    **options
        Of `mm.recoveries`: of, which, large, burst, settle, share, controls, band.

    Returns
    -------
    Result
        `table`: depth, quoted_share, recovered. `quantities`: absorbed, not identified where a part
        is not told, which is named, with an interval by the delta method from all parts together
        (their logs, by day from ten days on, else by cosines over stretches of time, which bars and
        events share); depth, quoted_share; recovered, half_life, recovered_within as
        `mm.resiliency` tells them (by events in order); round_trip.
        `details`: "parts" (part, estimate, low, high, unit, why), "path", "survival", "meaning".

    Raises
    ------
    ValueError
        Several symbols and none chosen; options that are not known.
    """
    reason = _cannot_tell(market)
    if reason:
        return _refused(Sample(0, {}, 0), reason)
    name = _symbol(market, symbol, source)
    about = {"freq": freq, "symbol": name, "source": source}
    bars = depth(market, within_bps=(within_bps or 1.0,), **about)
    column = "depth" if within_bps is None else f"depth_{within_bps:g}bps"
    parts = {"quoted_share": _share_part(bars), "depth": _depth_part(bars, column)}
    _refuse(options)
    settled = pd.Timedelta(options.get("settle", "0ms"))
    steps = [h for h in HORIZONS if settled < pd.Timedelta(h) < pd.Timedelta(after)] + [after]
    why, found, events = cannot_follow(market), None, None
    if not why:
        events = recoveries(
            market, symbol=name, source=source, horizons=steps, seed=seed, **options
        ).sort_values("time", ignore_index=True)
        found = resiliency(events, level=level, seed=seed)
        parts["recovered"], why = _recovered_part(events, pd.Timedelta(after).total_seconds())
    lacking = _lacking(bars, column, within_bps, why)
    words = _own_words(bars)
    quantities = {"absorbed": _absorbed(parts, lacking, level)}
    quantities |= _part_quantities(parts, lacking, level)
    for back in ("recovered", "half_life", "recovered_within"):
        # events may be followed to a shorter horizon alone: what is back then is not what is asked
        told = found is not None and (back != "recovered" or parts["recovered"] is not None)
        none = unknown(back, UNITS.get(back, ""), why, level)
        quantities[back] = found.quantities[back] if told else none
    sized = bool(bars["depth"].notna().any())
    none = unknown("round_trip", "bps", "no size stands at the best quotes", level)
    quantities["round_trip"] = _round_trip(market, size, about, level) if sized else none
    lives = {k: found.details[k] for k in ("path", "survival") if found and k in found.details}
    return Result(
        _QUESTION,
        _EQUATION,
        unit="units, shares and basis points, as said",
        table=_table(quantities),
        sample=_sample(bars, events),
        errors=words,
        quantities=quantities,
        flags=() if found is None else found.flags,
        details={"parts": _parts_table(quantities), **lives, "meaning": _meaning()},
    )


def _refuse(options: dict[str, Any]) -> None:
    if options.get("of") == "spread":
        raise ValueError("of='spread': a spread that narrows is no size; of='depth' or 'touch'")
    if "horizons" in options:
        raise ValueError("horizons: they end with `after`, which is to be given instead")


def _cannot_tell(market: Market) -> str:
    if "quotes" not in market and "book" not in market:
        return "the market has no quotes and no book, so no depth is shown"
    if not all(has_clock(calendar) for calendar in market.symbols["calendar"]):
        return "its sessions have no clock, so there is no share of time"
    return ""


def _symbol(market: Market, symbol: str | None, source: str) -> str:
    held = shown_symbols(market, source_of(market, source)[0], symbol)
    if len(held) > 1:
        raise ValueError(f"one symbol at a time: symbol= one of {', '.join(held[:20])}")
    return held[0]


def _mean_part(values: pd.Series, weights: pd.Series, time: pd.Series) -> Part:
    """A ratio of sums; bars whose value is missing have no weight."""
    known = values.notna() & (weights > 0)
    weight = weights.where(known, 0.0).to_numpy("float64")
    value = values.where(known, 0.0).to_numpy("float64")
    total = weight.sum()
    mean = float(value @ weight / total) if total > 0 else math.nan
    return Part(mean, weight * (value - mean) / total if total > 0 else weight * math.nan, time)


def _share_part(bars: pd.DataFrame) -> Part:
    return _mean_part(bars["quoted_share"], bars["seconds"], bars["start"])


def _depth_part(bars: pd.DataFrame, column: str) -> Part:
    return _mean_part(bars[column], bars["seconds"] * bars["quoted_share"], bars["start"])


def _recovered_part(events: pd.DataFrame, seconds: float) -> tuple[Part | None, str]:
    """The mean recovery after T with its influence, or why not."""
    name = f"{seconds:g}s"
    path: MeanPath = mean_path(events, [name], np.array([seconds]))
    if not len(path.seconds):
        return None, f"fewer than 20 large trades were followed for {name} before the next came"
    back = events[f"back_{name}"] - events[f"control_{name}"]
    missing = events["lost"] + events["control_lost"]
    return _ratio_part(back, missing, events["time"]), ""


def _ratio_part(back: pd.Series, missing: pd.Series, time: pd.Series) -> Part:
    known = (back.notna() & missing.notna()).to_numpy()
    part, whole = (v.where(known, 0.0).to_numpy("float64") for v in (back, missing))
    share = float(part.sum() / whole.sum())
    return Part(share, (part - share * whole) / whole.sum(), time)


def _lacking(bars: pd.DataFrame, column: str, within: float | None, why: str) -> str:
    """The parts that are not told, named."""
    known = bars[column].notna() * bars["seconds"] * bars["quoted_share"]
    quoted = (bars["seconds"] * bars["quoted_share"]).sum()
    lacking = []
    if not quoted > 0:
        lacking.append("depth (the quotes are never ordinary)")
    elif known.sum() < _TOLD * quoted:
        where = "at the best price" if within is None else f"within {within:g} bps"
        lacking.append(
            f"depth {where} (known in bars of {known.sum() / quoted:.0%} of the quoted time)"
        )
    if why:
        lacking.append(f"recovered ({why})")
    return "; ".join(lacking)


def _absorbed(parts: dict[str, Part | None], lacking: str, level: float) -> Quantity:
    name, words = "absorbed", "delta method of the logs of all parts together"
    if lacking:
        return unknown(name, "units", f"not told: {lacking}", level, method=words)
    share, deep, back = (parts[n] for n in ("quoted_share", "depth", "recovered"))
    value = share.value * deep.value * (1 + back.value)
    if not value > 0:
        return unknown(name, "units", "what is missing is more than what there was", level)
    scaled = [
        Part(share.value, share.influence / share.value, share.time),
        Part(deep.value, deep.influence / deep.value, deep.time),
        Part(back.value, back.influence / (1 + back.value), back.time),
    ]
    error, rule = _error(scaled)
    reach = float(scipy.stats.t.ppf((1 + level) / 2, rule.df)) * error
    told = math.isfinite(reach)
    bounds = (value, value * math.exp(-reach), value * math.exp(reach)) if told else (value, *_NO)
    why = "" if told else "too short a record for any error"
    return Quantity(name, *bounds, "units", f"{words}, {rule.words}", told, why, level)


_NO = (math.nan, math.nan)


def _error(parts: list[Part]) -> tuple[float, Rule]:
    """Standard error of a sum of means of bars and events: of what each stretch adds to it."""
    starts = parts[0].time
    days = starts.dt.floor("D")
    if days.nunique() >= 10:
        edges = np.sort(days.unique())
    else:
        count = min(_STRETCHES, len(starts))
        edges = starts.sort_values().iloc[np.arange(count) * len(starts) // count].to_numpy()
    total = np.zeros(len(edges))
    for part in parts:
        place = np.searchsorted(edges, part.time.to_numpy(), side="right") - 1
        np.add.at(total, np.maximum(place, 0), part.influence)
    numbers = np.arange(len(edges)) if days.nunique() >= 10 else np.zeros(len(edges))
    rule = block_rule(numbers, "stretches of bars")
    many = len(set(days))
    rule = rule._replace(words=rule.words.replace("(1 day)", f"({many} day{'s' * (many > 1)})"))
    variance = float(block_covariance(total[:, None], numbers, rule)[0, 0])
    return math.sqrt(variance) if variance >= 0 else math.nan, rule


def _part_quantities(
    parts: dict[str, Part | None], lacking: str, level: float
) -> dict[str, Quantity]:
    """Depth and the quoted share, by bars in order of time."""
    found = {}
    for name in ("depth", "quoted_share"):
        part, unit = parts[name], UNITS.get(name, "")
        if not math.isfinite(part.value) or f"{name} " in lacking:
            found[name] = unknown(name, unit, lacking or "nothing is quoted", level)
            continue
        found[name] = _quantity(name, part, unit, level)
    return found


def _quantity(name: str, part: Part, unit: str, level: float) -> Quantity:
    error, rule = _error([part])
    reach = float(scipy.stats.t.ppf((1 + level) / 2, rule.df)) * error
    told = math.isfinite(reach)
    why = "" if told else "too short a record for any error"
    bounds = (part.value, part.value - reach, part.value + reach)
    return Quantity(name, *bounds, unit, rule.words, told, why, level)


def _round_trip(
    market: Market, size: float | None, about: dict[str, Any], level: float
) -> Quantity:
    cost = slippage(market, sizes=size, **about)
    cost = cost[cost["size"] == cost["size"].min()].reset_index(drop=True)
    x = cost["size"].iloc[0]
    name = f"round_trip of {x:g}"
    weights = cost["seconds"] * cost["quoted_share"]
    known = weights[cost["round_trip_bps"].notna()].sum()
    if not known >= _TOLD * weights.sum():
        share = known / weights.sum() if weights.sum() > 0 else 0.0
        why = (
            f"the levels shown fill {x:g} on both sides throughout bars of {share:.0%} of the time"
        )
        return unknown(name, "bps", why, level)
    part = _mean_part(cost["round_trip_bps"], weights, cost["start"])
    return _quantity(name, part, "bps", level)


def _own_words(bars: pd.DataFrame) -> str:
    return _error([_share_part(bars)])[1].words


def _sample(bars: pd.DataFrame, events: pd.DataFrame | None) -> Sample:
    dropped = {} if events is None else dict(events.attrs.get("left_out", {}))
    dropped["bars never quoted"] = int((bars["quoted_share"] == 0).sum())
    return Sample(len(bars), dropped, bars["day"].nunique())


def _table(quantities: dict[str, Quantity]) -> pd.DataFrame:
    rows = []
    for name in ("depth", "quoted_share", "recovered"):
        q = quantities[name]
        rows.append([name, q.value, math.nan, math.nan, math.nan, q.low, q.high])
    return pd.DataFrame(rows, columns=TIDY)


def _parts_table(quantities: dict[str, Quantity]) -> pd.DataFrame:
    rows = [(q.name, q.value, q.low, q.high, q.unit, q.reason) for q in quantities.values()]
    return pd.DataFrame(rows, columns=["part", "estimate", "low", "high", "unit", "why"])


def _meaning() -> pd.DataFrame:
    return pd.Series(MEANING, name="meaning").rename_axis("term").to_frame()


def _refused(sample: Sample, reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit="units",
        sample=sample,
        reason=reason,
        names=MEANING,
        units=UNITS,
    )
