"""How well `withdrawn` finds withdrawals that are known, as planted or as noted by a desk."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.result import TIDY, Quantity, Result, Sample, unknown
from mmresearch.measure.bars import nanoseconds

_QUESTION = "Is what is called withdrawn withdrawn, and is what is withdrawn found?"
_EQUATION = (
    r"\mathrm{precision} = \frac{\#(\mathrm{called} \cap \mathrm{withdrawn})}{\#\mathrm{called}},"
    r"\quad \mathrm{recall} = "
    r"\frac{\#(\mathrm{called} \cap \mathrm{withdrawn})}{\#\mathrm{withdrawn}}"
)
_NEEDED = ("account", "symbol", "day", "bar", "start", "end", "withdrawn")
_ORDER = ["account", "symbol", "day", "bar"]
_NAMES = ("bar_precision", "bar_recall", "spell_precision", "spell_recall")


def spell_accuracy(table: pd.DataFrame, spells: pd.DataFrame, *, level: float = 0.95) -> Result:
    """Precision and recall of `withdrawn`, by bar and by spell, with intervals.

    A threshold that was chosen on the same spells makes both look better than they are: choose it
    on other days, or on a market simulated with another seed.

    Parameters
    ----------
    table : DataFrame
        Of `mm.withdrawal_index`; bars whose `withdrawn` is missing are left out.
    spells : DataFrame
        account, start, end (UTC), and symbol where spells are of one: withdrawals that are known,
        and all of them.
    level : float
        Of the intervals.

    Returns
    -------
    Result
        Quantities, shares from 0 to 1. "bar_precision": of the bars called withdrawn those that
        lie within a spell; "bar_recall": of the bars within a spell those that are called. Bars
        partly in a spell count as neither and are told as dropped. "spell_precision": of the runs
        of bars called withdrawn, one after another, those that touch a spell; "spell_recall": of
        the spells that hold a whole bar those of which one is called.

        Intervals are Wilson's, of as many as the variance between days says, at most of all
        there are, and fewer where there are few days (Korn and Graubard 1998). That variance says
        nothing where they are all right or all wrong: bars count as days with any then, runs and
        spells as independent (`mm.coverage()` says how often that holds).

        details: "spells" (account, start, end, found, missing where no whole bar is known).

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22. Korn and Graubard (1998),
    Confidence intervals for proportions with small expected number of positive counts, Survey
    Methodology 24.
    """
    _refuse(table, spells, level)
    known = table[table["withdrawn"].notna()].sort_values(_ORDER, ignore_index=True)
    inside, found, days = _overlap(known, spells)
    called = known["withdrawn"].to_numpy(bool)
    whole, edge = inside >= 1 - 1e-9, (inside > 0) & (inside < 1 - 1e-9)
    day, clear = known["day"], ~edge
    runs = _runs(known, called)
    held = pd.Series(inside > 0)[called].groupby(runs[called]).any()
    since = day[called].groupby(runs[called]).first()
    told = found.notna()
    right = {
        "bar_precision": (whole[called & clear], day[called & clear]),
        "bar_recall": (called[whole], day[whole]),
        "spell_precision": (held, since),
        "spell_recall": (found[told].astype(bool), days[told]),
    }
    quantities = {name: _quantity(name, *right[name], level) for name in _NAMES}
    dropped = {
        "bars of which it is not known whether they are withdrawn": len(table) - len(known),
        "bars partly in a spell": int(edge.sum()),
        "spells without a whole bar that is known": int(found.isna().sum()),
    }
    return Result(
        _QUESTION,
        _EQUATION,
        unit="shares, from 0 to 1",
        table=_tidy(quantities),
        sample=Sample(int(clear.sum()), dropped, day.nunique(), known["account"].nunique()),
        errors="Wilson, of as many as the variance between days says",
        quantities=quantities,
        details={"spells": spells.assign(found=found.astype("boolean"))},
    )


def _refuse(table: pd.DataFrame, spells: pd.DataFrame, level: float) -> None:
    wrong = [f"the table lacks {c}" for c in _NEEDED if c not in table]
    wrong += [f"the spells lack {c}" for c in ("account", "start", "end") if c not in spells]
    if not wrong:
        zoned = [isinstance(spells[c].dtype, pd.DatetimeTZDtype) for c in ("start", "end")]
        wrong += [] if all(zoned) else ["times of spells need a time zone"]
        late = int((spells["start"] >= spells["end"]).sum()) if all(zoned) else 0
        wrong += [f"{late} spells do not end after their start"] if late else []
    wrong += [] if 0 < level < 1 else [f"level must be between 0 and 1, not {level!r}"]
    if wrong:
        raise ValueError(f"spell_accuracy: {'; '.join(wrong)}")


def _overlap(known: pd.DataFrame, spells: pd.DataFrame) -> tuple[np.ndarray, pd.Series, pd.Series]:
    """Of each bar the share within a spell; of each spell if a whole bar is called, and its day."""
    start, end = nanoseconds(known["start"]), nanoseconds(known["end"])
    length, inside = np.maximum(end - start, 1), np.zeros(len(known))
    called, found, days = known["withdrawn"].to_numpy(bool), [], []
    for spell in spells.itertuples():
        own = (known["account"] == spell.account).to_numpy()
        if "symbol" in spells:
            own = own & (known["symbol"] == spell.symbol).to_numpy()
        first, last = (pd.Timestamp(t).as_unit("ns").value for t in (spell.start, spell.end))
        time = np.minimum(end, last) - np.maximum(start, first)
        part = np.where(own, np.maximum(time, 0) / length, 0.0)
        inside += part
        whole = part >= 1 - 1e-9
        found.append(bool(called[whole].any()) if whole.any() else None)
        days.append(known["day"].iloc[whole.argmax()] if whole.any() else None)
    of_each = (pd.Series(told, spells.index, dtype="object") for told in (found, days))
    return np.minimum(inside, 1.0), *of_each


def _runs(known: pd.DataFrame, called: np.ndarray) -> pd.Series:
    """The number of the run of called bars that each bar is in."""
    keys = ["account", "symbol", "day"]
    same = (known[keys] == known[keys].shift()).all(axis=1) & (known["bar"].diff() == 1)
    follows = same.to_numpy() & np.append(False, called[:-1])[: len(called)]
    return pd.Series((~(follows & called)).cumsum(), known.index)


def _counts_as(right: np.ndarray, day: np.ndarray, alike: float, level: float) -> float:
    """As how many independent ones they count; `alike` where the days cannot tell."""
    n, share, days = len(right), float(np.mean(right)), len(np.unique(day))
    if share in (0.0, 1.0) or days < 2:
        return alike
    sums = pd.Series(right - share).groupby(day).sum()
    variance = float((sums**2).sum()) * days / (days - 1) / n**2
    quantile = (1 + level) / 2
    few = scipy.stats.norm.ppf(quantile) / scipy.stats.t.ppf(quantile, days - 1)
    alone = share * (1 - share) * few**2
    return alone / max(variance, alone / n)


def _quantity(name: str, right: pd.Series | np.ndarray, day: pd.Series, level: float) -> Quantity:
    words = {"bar_precision": "no bar is called withdrawn", "bar_recall": "no bar is in a spell"}
    words |= {"spell_precision": words["bar_precision"], "spell_recall": "no spell has a whole bar"}
    right, (place, _) = np.asarray(right, float), pd.factorize(day)
    n = len(right)
    if not n:
        return unknown(name, "", words[name], level)
    alike = n if name.startswith("spell") else len(np.unique(place))
    many = _counts_as(right, place, float(alike), level)
    share, z = right.mean(), float(scipy.stats.norm.ppf((1 + level) / 2))
    middle = (share + z**2 / (2 * many)) / (1 + z**2 / many)
    reach = z * math.sqrt(share * (1 - share) / many + z**2 / (4 * many**2)) / (1 + z**2 / many)
    low, high = max(middle - reach, 0.0), min(middle + reach, 1.0)
    said = f"Wilson, {int(right.sum()):,} of {n:,}"
    return Quantity(name, float(share), low, high, "", said, level=level)


def _tidy(quantities: dict[str, Quantity]) -> pd.DataFrame:
    none = math.nan
    rows = [(name, q.value, none, none, none, q.low, q.high) for name, q in quantities.items()]
    return pd.DataFrame(rows, columns=TIDY)
