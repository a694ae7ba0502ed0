"""Depth that is shown and gone when an aggressor comes, against what goes in any such wait."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.estimate.influence_errors import ERRORS, covariance_of, pieces_of, plain_rows, told
from mmresearch.estimate.result import Quantity, Result, Sample, refused
from mmresearch.market import Market
from mmresearch.measure.gate.units import in_other_units
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.shown_depth import shown_depth

_QUESTION = "How much of the depth shown is gone when an aggressor arrives?"
_EQUATION = (
    r"\frac{\sum_i (D_{t_i-\delta} - D_{t_i-} - X_i)^+}{\sum_i D_{t_i-\delta}}"
    r" - \frac{\sum_j (D_{s_j-\delta} - D_{s_j} - X_j)^+}{\sum_j D_{s_j-\delta}}"
)
_TERMS = ["gone at arrivals", "gone at other moments", "illusory"]
_FEWEST = 30


def illusory_depth(
    market: Market,
    *,
    lag: str | pd.Timedelta = "100ms",
    symbol: str | Sequence[str] | None = None,
    window: str | pd.Timedelta = "5min",
    controls: int = 5,
    errors: str = "auto",
    level: float = 0.95,
    seed: int = 0,
) -> Result:
    """Share of the depth shown at the best price that only the arrival of an aggressor makes go.

    An aggressor decides on a quote and arrives a lag later. Of the size D shown at the decision on
    the side that it hits, what does not stand at that price or better just before its first print
    is gone, but for what others executed in the wait, X. Some of any depth goes in any such wait:
    the same share at other moments, drawn evenly within `window` of each arrival in its session,
    with the same side, is taken from it. Moments whose wait overlaps that of an arrival are not
    compared.

    Parameters
    ----------
    market : Market
        With quotes (or a book) and trades of known side. Prints of an instant and side are one
        arrival; those of hidden orders and crosses met no depth that was shown and are left out.
    lag : str
        From the decision to the arrival.
    symbol : str or list, optional
        Which; all with trades if not given.
    window : str
        How far from an arrival its other moments may lie.
    controls : int
        How many a arrival.
    errors : str
        As in `order_lifetimes`: by day from 6 days on, else cosines over events of a second, in
        which arrivals and other moments of one second are one event.
    level : float
        Of the intervals.
    seed : int
        Of the moments drawn.

    Returns
    -------
    Result
        `table`: gone at arrivals, at other moments, and illusory, their difference (shares of the
        depth shown, weighted by it). `quantities`: "illusory_share". `details`: "rows", an arrival
        or moment a row: symbol, day, time, side, arrival, shown, met, taken, gone.

        An order that an aggressor fills was not cancelled in the wait, or it could not be filled;
        orders at other moments had no such luck. That makes the difference too small, by up to the
        share of the fill in the depth shown times what goes ordinarily: nothing to speak of over
        milliseconds, but it grows with the lag and can make it negative. Aggressors choose their
        moment too: that depth goes before them need not be for their sake.

        Where nothing is pulled, 6 of 100 intervals at 95 % leave out 0 on one day and 7 on eight
        days with errors by day (400 worlds each, `mm.coverage()`). Where 30 % of orders are, 95 of
        100 hold the mean share of such markets, which the interval is of; what was pulled in the
        one market that was seen, 400 of 400.

        Refused where too few arrivals have a quote, and where the usual print is over 25 times the
        depth shown: quotes in round lots cannot be compared with prints in single units.

    Raises
    ------
    ValueError
        Without quotes or trades; a lag or window that is no length of time; a symbol without
        trades.

    References
    ----------
    Hasbrouck and Saar (2009), Journal of Financial Markets 12, on orders that flee.
    """
    spans = _spans(lag, window, controls, errors, level)
    names = _symbols(market, symbol)
    tables, dropped = [], Counter()
    for name in names:
        found, left_out = shown_depth(
            market, name, lag=spans[0], window=spans[1], controls=controls, seed=seed
        )
        tables.append(found)
        dropped.update(left_out)
    rows = pd.concat(tables, ignore_index=True)
    arrival = rows["arrival"].to_numpy(bool)
    days, many = rows["day"].nunique(), int(arrival.sum())
    sample = Sample(many, dict(dropped), days, len(names))
    about = {"unit": "share of the depth shown", "sample": sample, "details": {"rows": rows}}
    why = ""
    if many < _FEWEST or len(rows) - many < _FEWEST or not rows["shown"].sum() > 0:
        why = f"{many} arrivals have a quote {lag} before, where {_FEWEST} are needed"
    elif scaled := _in_other_units(market, rows):
        why = f"quotes and prints of {', '.join(scaled)} seem to be in different units of size"
    if why:
        return refused(
            _QUESTION, _EQUATION, reason=why, names=["illusory_share"], level=level, **about
        )
    shares, effects = _shares(rows, arrival)
    covariance, rule = covariance_of(pieces_of(rows, errors), effects)
    table = plain_rows(_TERMS, shares, covariance, rule, level)
    line = table.iloc[-1]
    reason = "" if told(rule) else "too few stretches for any error"
    illusory = Quantity(
        "illusory_share",
        *(float(line[c]) for c in ("estimate", "low", "high")),
        "of the depth shown",
        f"gone at arrivals less gone at other moments, {lag} before; {rule.words}",
        not reason and math.isfinite(line["low"]),
        reason,
        level,
    )
    return Result(
        _QUESTION,
        _EQUATION,
        table=table,
        errors=rule.words,
        quantities={"illusory_share": illusory},
        flags=rule.flags,
        **about,
    )


def _spans(
    lag: object, window: object, controls: int, errors: str, level: float
) -> tuple[int, int]:
    """Lag and window in nanoseconds; every fault of the options at once."""
    found, wrong = [], []
    for name, length in (("lag", lag), ("window", window)):
        try:
            found.append(pd.Timedelta(length).as_unit("ns").value)
        except (ValueError, TypeError):
            found.append(0)
        if not found[-1] > 0:
            wrong.append(f"{name} must be a length of time such as '100ms', not {length!r}")
    if not wrong and found[0] >= found[1]:
        wrong.append(f"lag ({lag}) must be shorter than window ({window})")
    wrong += [] if controls >= 1 else [f"controls must be 1 or more, not {controls!r}"]
    wrong += [] if errors in ERRORS else [f"errors must be one of {', '.join(ERRORS)}"]
    wrong += [] if 0 < level < 1 else [f"level must be between 0 and 1, not {level!r}"]
    if wrong:
        raise ValueError("; ".join(wrong))
    return found[0], found[1]


def _symbols(market: Market, symbol: str | Sequence[str] | None) -> list[str]:
    lacking = [] if best_quotes(market) is not None else ["quotes"]
    lacking += [] if "trades" in market else ["trades"]
    if lacking:
        raise ValueError(
            f"market {market.name!r} has no {' and no '.join(lacking)}: what was shown is in the"
            " quotes, who came in the trades"
        )
    held = sorted(market["trades"]["symbol"].unique())
    names = held if symbol is None else [symbol] if isinstance(symbol, str) else list(symbol)
    unknown = [name for name in names if name not in held]
    if unknown or not names:
        raise ValueError(f"no trades of {', '.join(unknown) or 'any symbol'}; there are of {held}")
    return names


def _in_other_units(market: Market, rows: pd.DataFrame) -> list[str]:
    """Symbols whose prints are no part of the depth shown, as by quotes in round lots."""
    prints = market["trades"].groupby("symbol")["size"].median()
    shown = rows.loc[rows["shown"] > 0].groupby("symbol")["shown"].median()
    return [name for name in shown.index if in_other_units(prints[name], shown[name])]


def _shares(rows: pd.DataFrame, arrival: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The three shares, and what each row adds to the error of each."""
    shown, gone = rows["shown"].to_numpy("float64"), rows["gone"].to_numpy("float64")
    shares, effects = [], []
    for own in (arrival, ~arrival):
        total = shown[own].sum()
        share = gone[own].sum() / total if total else math.nan
        shares.append(share)
        effects.append(own * (gone - share * shown) / (total or math.nan))
    return np.array([*shares, shares[0] - shares[1]]), [*effects, effects[0] - effects[1]]
