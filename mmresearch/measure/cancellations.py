"""What was added, cancelled and filled bar by bar, and how fast depth was pulled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import Bars, Step, cut, labels, nanoseconds, parse_freq, refuse_step
from mmresearch.measure.order_codes import (
    ADDED,
    CANCELLED,
    CLEARED,
    CROSSED,
    FILLED,
    HIDDEN,
    OUTSIDE,
    UNSEEN_CANCELLED,
    UNSEEN_FILLED,
)
from mmresearch.measure.order_lives import apart_counts, at_rows, fault_counts
from mmresearch.measure.order_replay import Replay, replays
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.session_days import standing_before
from mmresearch.sessions import has_clock

_CONTRACT = """\
symbol|name||start
day|date|the session's date|start
bar|number|0 is the first of the session|start
start|UTC|as in `panel`|start
end|UTC|as in `panel`|end
time_of_day|seconds|from the session's open to the start; missing without a clock|start
orders_added|number|orders|end
orders_cancelled|number|orders whose last unit was cancelled|end
orders_filled|number|orders whose last unit was executed|end
orders_standing|number|at the bar's end, of those added in the session|end
added|units||end
cancelled|units|of orders seen to be added|end
filled|units|of orders seen to be added|end
cleared|units|taken off by a clear of the book|end
standing|units|at the bar's end: before it + added - cancelled - filled - cleared|end
unseen_cancelled|units|of orders that were not seen to be added|end
unseen_filled|units|of orders that were not seen to be added|end
hidden_filled|units|of hidden orders|end
crossed|units|in auction crosses|end
pulled|units|cancelled + unseen_cancelled|end
pulled_at_touch|units|those at the best price of their side or better; missing without quotes|end
pulled_per_second|units a second|pulled over the bar's length; missing without a clock|end
touch_pulled_per_second|units a second|pulled_at_touch over the bar's length|end
pulled_share|share|pulled/(pulled + filled + unseen_filled)|end
order_to_trade|ratio|adds, reductions and deletions over executions, hidden ones among them|end
cancel_rate_orders|share|orders_cancelled/orders_added|end
cancel_rate_size|share|cancelled/added|end
fleeting|number|orders cancelled in the bar within `within` of their add, not marketable|end
fleeting_share|share|fleeting/orders added and not marketable|end
"""
CANCELLATIONS = pd.DataFrame(
    [line.split("|") for line in _CONTRACT.splitlines()],
    columns=["column", "unit", "meaning", "known"],
)


def cancellations(
    market: Market,
    *,
    freq: str | pd.Timedelta = "1min",
    symbol: str | Sequence[str] | None = None,
    within: str | pd.Timedelta = "2s",
) -> pd.DataFrame:
    """Orders added, cancelled and filled, and depth pulled, bar by bar.

    Parameters
    ----------
    market : Market
        With `orders`; quotes (or a book) tell what was at the touch and what was marketable.
    freq : str
        As in `panel`: a clock step, a count of public prints, or "1D". The bars are the panel's.
    symbol : str or list, optional
        Which; all that have orders if not given.
    within : str
        How soon an order that is cancelled is fleeting: "2s" (Hasbrouck and Saar 2009), "100ms".

    Returns
    -------
    DataFrame
        The columns of `CANCELLATIONS`, a row a bar; all are known at its end, so that an order is
        fleeting in the bar in which it is cancelled. In a session added = cancelled + filled +
        cleared + the last bar's standing, exactly for whole sizes; what belongs to orders not seen
        to be added stands apart. A ratio to nothing is missing. attrs: freq, within, and `faults`
        and `apart` as in `order_lives`.

    Raises
    ------
    ValueError
        As `panel` and `order_lives`; a `within` that is no length of time.

    References
    ----------
    Hasbrouck and Saar (2009), Technology and liquidity provision: the blurring of traditional
    definitions, Journal of Financial Markets 12.
    """
    step, soon = parse_freq(freq), _length(within)
    pieces, faults, apart = [], Counter(), Counter()
    for found in replays(market, symbol):
        calendar = market.calendar(found.symbol)
        refuse_step(step, calendar, found.sessions)
        bars = cut(step, found.sessions, _prints(market, found.symbol, step))
        piece = _of_symbol(market, found, bars, soon)
        pieces.append(_observed(piece, market.span(found.symbol), step))
        faults.update(fault_counts(found))
        apart.update(apart_counts(found))
    table = pd.concat(pieces, ignore_index=True)[CANCELLATIONS["column"].tolist()]
    table.attrs = {"freq": str(freq), "within": str(within)}
    table.attrs |= {"faults": dict(faults), "apart": dict(apart)}
    return table


def _length(within: str | pd.Timedelta) -> int:
    """Nanoseconds, above 0."""
    try:
        length = pd.Timedelta(within).as_unit("ns").value
    except (ValueError, TypeError):
        length = 0
    if length <= 0:
        raise ValueError(f"within must be a length of time such as '2s' or '100ms', not {within!r}")
    return length


def _prints(market: Market, symbol: str, step: Step) -> pd.DataFrame | None:
    if step.kind != "count" or "trades" not in market:
        return None
    trades = market["trades"]
    return trades.loc[trades["symbol"] == symbol, ["time", "seq"]].reset_index(drop=True)


def _of_symbol(market: Market, found: Replay, bars: Bars, soon: int) -> pd.DataFrame:
    from mmresearch.measure import order_kernels  # numba: loaded only here

    time = nanoseconds(found.events["time"])
    bar = order_kernels.bar_of(time, found.events["seq"].to_numpy("int64"), bars.edges)
    bar = np.where(found.what == OUTSIDE, -1, bar)
    table = pd.DataFrame(labels(bars, market.calendar(found.symbol)))
    table = table.assign(symbol=found.symbol, **{e: _utc(table[e]) for e in ("start", "end")})
    beyond, touching, quoted = _places(market, found)
    ends = _ending(found)

    def total(which: np.ndarray, *, units: bool = True) -> np.ndarray:
        held = which & (bar >= 0)
        return np.bincount(bar[held], found.part[held] if units else None, len(bars)).astype(float)

    what = {
        "added": ADDED,
        "cancelled": CANCELLED,
        "filled": FILLED,
        "cleared": CLEARED,
        "unseen_cancelled": UNSEEN_CANCELLED,
        "unseen_filled": UNSEEN_FILLED,
        "hidden_filled": HIDDEN,
        "crossed": CROSSED,
    }
    is_ = {name: found.what == code for name, code in what.items()}
    for name, which in is_.items():
        table[name] = total(which)
    pulled = is_["cancelled"] | is_["unseen_cancelled"]
    executed = is_["filled"] | is_["unseen_filled"] | is_["hidden_filled"]
    table["orders_added"] = total(is_["added"], units=False)
    table["orders_cancelled"] = total(is_["cancelled"] & ends, units=False)
    table["orders_filled"] = total(is_["filled"] & ends, units=False)
    gone = table["orders_cancelled"] + table["orders_filled"]
    gone += total(is_["cleared"] & ends, units=False)
    moved = table["added"] - table["cancelled"] - table["filled"] - table["cleared"]
    table["orders_standing"] = (table["orders_added"] - gone).groupby(bars.session).cumsum()
    table["standing"] = moved.groupby(bars.session).cumsum()
    table["pulled"] = table["cancelled"] + table["unseen_cancelled"]
    table["pulled_at_touch"] = total(pulled & touching) if quoted else np.nan
    table["messages"] = total(is_["added"] | pulled, units=False)
    table["executions"] = total(executed, units=False)
    young = _age(found, time) <= soon
    table["fleeting"] = total(is_["cancelled"] & ends & young & ~beyond, units=False)
    table["passive_added"] = total(is_["added"] & ~beyond, units=False)
    return _with_ratios(table, clock=has_clock(market.calendar(found.symbol)))


def _with_ratios(table: pd.DataFrame, *, clock: bool) -> pd.DataFrame:
    seconds = (table["end"] - table["start"]).dt.total_seconds()
    seconds = seconds.where((seconds > 0) & clock)
    filled = table["filled"] + table["unseen_filled"]
    return table.assign(
        pulled_per_second=table["pulled"] / seconds,
        touch_pulled_per_second=table["pulled_at_touch"] / seconds,
        pulled_share=_ratio(table["pulled"], table["pulled"] + filled),
        order_to_trade=_ratio(table["messages"], table["executions"]),
        cancel_rate_orders=_ratio(table["orders_cancelled"], table["orders_added"]),
        cancel_rate_size=_ratio(table["cancelled"], table["added"]),
        fleeting_share=_ratio(table["fleeting"], table["passive_added"]),
    )


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0)


def _places(market: Market, found: Replay) -> tuple[np.ndarray, np.ndarray, bool]:
    """Of each event whether its order was marketable when added, whether it is at the touch.

    By the quotes before it; without quotes nothing is (the last answer is whether there are any).
    """
    quotes, events = best_quotes(market), found.events
    if quotes is None:
        nowhere = np.zeros(len(events), bool)
        return nowhere, nowhere, False
    row = standing_before(events, quotes, market)
    bid, ask = (at_rows(quotes[c], row) for c in ("bid", "ask"))
    side, price = events["side"].to_numpy(), events["price"].to_numpy()
    touching = side * price >= side * np.where(side > 0, bid, ask)
    taking = side * price >= side * np.where(side > 0, ask, bid)
    beyond = taking.copy()
    known = found.life >= 0
    own = found.lives["row"].to_numpy()[found.life[known]]
    beyond[known] = taking[own]
    return beyond, touching, True


def _ending(found: Replay) -> np.ndarray:
    """Whether each event is the one that ended its order."""
    ends = np.zeros(len(found.what), bool)
    inside = found.life >= 0
    # a life's last event: nothing that is part of it comes after its end
    last = pd.Series(np.flatnonzero(inside)).groupby(found.life[inside]).last()
    over = found.lives["ended"].to_numpy()[last.index] != np.iinfo(np.int64).min
    ends[last.to_numpy()[over]] = True
    return ends


def _age(found: Replay, time: np.ndarray) -> np.ndarray:
    """Nanoseconds since the order of each event was added; without one the largest number."""
    age = np.full(len(time), np.iinfo(np.int64).max)
    known = found.life >= 0
    own = found.lives["row"].to_numpy()[found.life[known]]
    age[known] = time[known] - time[own]
    return age


def _observed(
    table: pd.DataFrame, span: tuple[pd.Timestamp, pd.Timestamp], step: Step
) -> pd.DataFrame:
    """The bars between the symbol's first event and its last, as in `panel`."""
    if step.kind != "clock":
        return table
    first, last = span
    opens_there = (table["bar"] == 0) & (table["start"] == last)
    held = (table["end"] >= first) & ((table["start"] < last) | opens_there)
    return table[held].reset_index(drop=True)


def _utc(edges: pd.Series) -> pd.Series:
    return edges.dt.tz_localize("UTC")
