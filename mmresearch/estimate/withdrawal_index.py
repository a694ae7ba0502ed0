"""How far each account has withdrawn, bar by bar, against what past days made one expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mmresearch.estimate.expectations import Expected, expectations
from mmresearch.measure.panel import lag_pairs

OWN = {"two_sided": -1, "own_spread_bps": 1, "own_depth": -1}
BESIDE = {"at_touch": -1, "distance_bps": 1}  # where others quote moves them too
BESIDE |= {"pulled_share": 1, "touch_pulled_per_second": 1, "fleeting_share": 1}
MARKET = {"spread_bps": 1, "depth": -1}
ADDED = ("volatility_before", "inventory_size", "index", "threshold", "withdrawn", "past_days")
_NEEDED = ("account", "symbol", "day", "bar", "start", "end", "time_of_day", "gap")
_LOGS = (
    "own_spread_bps",
    "spread_bps",
    "depth",
)  # of several times their usual size; an own depth can be 0
_LEAST = {"two_sided": 0.01, "at_touch": 0.01}  # of a share that hardly moved before


def withdrawal_index(
    table: pd.DataFrame,
    *,
    components: Mapping[str, int] | Sequence[str] | str = "auto",
    season: str = "30min",
    min_days: int = 5,
    quantile: float = 0.95,
    threshold: float | None = None,
) -> pd.DataFrame:
    """Withdrawal of liquidity as z-scores, of which nothing is fitted on the day or after it.

    Each component is compared with what past days of the same series make one expect at that time
    of day, after that volatility, with that inventory: least squares of the component on the part
    of the day, the volatility of the bar before (root of its realized variance) and |inventory| at
    the bar's start, over every day before the bar's and no other. Its z is what is left over the
    standard deviation of what was left on those days, turned so that + is withdrawn. The index is
    the mean of the z there are.

    Parameters
    ----------
    table : DataFrame
        Of `mm.provision`, of several days; own columns may be added to it.
    components : mapping, sequence or "auto"
        Columns and their sign, +1 where more of it is less liquidity; a sequence or one name of
        those that have a sign already. "auto": what is known of two_sided (-), own_spread_bps
        (+) and own_depth (-); where no account's quotes are known, of the market's spread_bps (+)
        and depth (-). at_touch (-) and distance_bps (+) have a sign too, but when others withdraw
        whoever stands still is at the touch; so do what orders tell of the market, pulled_share,
        touch_pulled_per_second and fleeting_share (+). Spreads and the market's depth are in logs.
    season : str
        Length of the parts of the day, each with a mean of its own; no shorter than a bar.
    min_days : int
        Past days of the series that an expectation needs.
    quantile : float
        `withdrawn` is an index above this quantile of the past days' index.
    threshold : float, optional
        Of the index, instead of the quantile, as chosen on other data.

    Returns
    -------
    DataFrame
        The table with z_<component> (standard deviations, + withdrawn, known at the bar's end),
        volatility_before (bps) and inventory_size (units; both known at its start), index (mean of
        the z, end), threshold (known before the day), withdrawn (index > threshold; missing where
        either is), past_days (number, before the day).

        attrs: components, season, quantile, freq, ticks, `left_out` (reason -> rows without an
        index, each row under one reason), `without` (component -> rows in which it has no z though
        others have). A component that was always the same has no scale and so no z. Shares have at
        least a scale of 0.01, so that the first time they move counts; until then their 0 is in
        the mean, and a `threshold` holds only among the same components that move.

    Raises
    ------
    ValueError
        Columns that the table lacks, rows that are there twice, options out of range, and no
        component of which anything is known.

    Notes
    -----
    The past days hold withdrawals too, which widen the scale: where a tenth of the time is
    withdrawn a z of 3 is as rare as one of 2 should be. What the index calls withdrawn is unusual
    for the maker, not wrong: `threshold` is a choice, and how often it errs is known only where
    the truth is (`tests/truth/test_withdrawal_spells.py`).

    Examples
    --------
    >>> index = mm.withdrawal_index(mm.provision(mm.sample()))
    >>> index.loc[index["withdrawn"].fillna(False), ["account", "start", "index"]]
    """
    signs = _components(table, components)
    _refuse(table, signs, min_days, quantile, threshold)
    given = table.reset_index(drop=True)
    controls = _controls(given)
    found = given.assign(**controls, index=np.nan, threshold=np.nan, past_days=0)
    scores = pd.DataFrame(np.nan, given.index, list(signs), dtype="float64")
    known = pd.Series(False, given.index)
    for rows in given.groupby(["account", "symbol"], sort=False).indices.values():
        own = found.iloc[rows]
        expected = _expected(own, signs, season, min_days)
        scores.iloc[rows] = expected.score
        part = expected.score.mean(axis=1)
        found.loc[own.index, "index"] = part
        found.loc[own.index, "past_days"] = expected.past_days
        known.iloc[rows] = expected.whole
        limit = threshold if threshold is not None else expected.quantile(quantile)
        found.loc[own.index, "threshold"] = np.where(part.notna(), limit, np.nan)
    above = (found["index"] > found["threshold"]).astype("boolean")
    found["withdrawn"] = above.where(found["index"].notna() & found["threshold"].notna())
    found = found.join(scores.add_prefix("z_"))
    found.attrs = {name: table.attrs[name] for name in ("freq", "ticks") if name in table.attrs}
    found.attrs |= {"components": signs, "season": season, "quantile": quantile}
    found.attrs |= _counts(found, scores, known, min_days)
    return found


def _components(
    table: pd.DataFrame, asked: Mapping[str, int] | Sequence[str] | str
) -> dict[str, int]:
    """The components and their signs; those of "auto" that are known at all."""
    known = OWN | MARKET | BESIDE
    if asked == "auto":
        for some in (OWN, MARKET):
            held = {c: s for c, s in some.items() if c in table and table[c].notna().any()}
            if held:
                return held
        why = table.attrs.get("unknown", {})
        said = "; ".join(sorted(set(why.values()))) or "every column of them is missing"
        raise ValueError(f"nothing is known of {', '.join(known)}: {said}")
    if isinstance(asked, Mapping):
        signs = dict(asked)
    else:
        names = [asked] if isinstance(asked, str) else list(asked)
        strange = [c for c in names if c not in known]
        if strange or not names:
            raise ValueError(
                f"components {strange} have no sign; give a mapping such as {{'spread_bps': 1}}"
            )
        signs = {c: known[c] for c in names}
    wrong = [f"{c!r}: {s!r}" for c, s in signs.items() if s not in (-1, 1)]
    lacking = [c for c in signs if c not in table]
    if wrong or lacking or not signs:
        told = [f"signs are +1 or -1, not {', '.join(wrong)}"] if wrong else []
        told += [f"the table lacks {', '.join(lacking)}"] if lacking else []
        raise ValueError(f"components: {'; '.join(told) or 'none'}")
    return signs


def _refuse(
    table: pd.DataFrame,
    signs: Mapping[str, int],
    min_days: int,
    quantile: float,
    threshold: float | None,
) -> None:
    wrong = [f"no column {c}" for c in _NEEDED if c not in table]
    taken = [c for c in (*ADDED, *(f"z_{c}" for c in signs)) if c in table]
    if taken:
        wrong.append(f"columns {', '.join(taken)} are there already: give the table of provision")
    if not wrong and table.duplicated(["account", "symbol", "day", "bar"]).any():
        wrong.append("bars that are there twice")
    infinite = [c for c in signs if c in table and np.isinf(table[c].astype("float64")).any()]
    wrong += [f"{c} is infinite" for c in infinite]
    wrong += [] if min_days >= 1 else [f"min_days must be at least 1, not {min_days!r}"]
    wrong += [] if 0 < quantile < 1 else [f"quantile must be between 0 and 1, not {quantile!r}"]
    if threshold is not None and not np.isfinite(threshold):
        wrong.append(f"threshold must be a number, not {threshold!r}")
    if wrong:
        raise ValueError(f"withdrawal_index: {'; '.join(wrong)}")


def _controls(table: pd.DataFrame) -> dict[str, pd.Series]:
    """What is known at the bar's start: the last bar's volatility, and how much is held."""
    none = pd.Series(np.nan, table.index)
    before = lag_pairs(table).to_numpy()
    rough = np.sqrt(table["realized_variance"]) if "realized_variance" in table else none
    size = table["inventory_start"].abs() if "inventory_start" in table else none
    volatility = np.where(before >= 0, rough.to_numpy()[before], np.nan)
    return {"volatility_before": pd.Series(volatility, table.index), "inventory_size": size}


def _expected(own: pd.DataFrame, signs: dict[str, int], season: str, min_days: int) -> Expected:
    values = own[list(signs)].astype("float64")
    for name in values:
        if name in _LOGS:
            values[name] = np.log(values[name].where(values[name] > 0))
    return expectations(
        values * list(signs.values()),
        own[["volatility_before", "inventory_size"]],
        days=own["day"],
        time_of_day=own["time_of_day"],
        season=season,
        min_days=min_days,
        least=np.array([_LEAST.get(name, 0.0) for name in signs]),
    )


def _counts(
    found: pd.DataFrame, scores: pd.DataFrame, known: pd.Series, min_days: int
) -> dict[str, dict[str, int]]:
    none = found["index"].isna()
    early = none & (found["past_days"] < min_days)
    blind = none & ~early & ~known
    left = {
        f"of days with fewer than {min_days} days before them": int(early.sum()),
        "without a bar before it, or a part of the day, that past days know": int(blind.sum()),
        "without a component that is known and has a scale": int((none & ~early & ~blind).sum()),
    }
    held = ~none
    without = {name: int((held & scores[name].isna()).sum()) for name in scores}
    return {"left_out": left, "without": without}
