"""FIFO lots: what was opened when, closed when, at what profit, and for how long it was held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.entries import KINDS, Opening, entries_and_openings, in_order
from mmresearch.measure.marks import booked_prices, mark_entries, marks_before, turned

_SERIES = ["account", "symbol"]
_QUARTILES = {"quarter_closed": 0.25, "half_closed": 0.5, "three_quarters_closed": 0.75}


def lots(
    market: Market,
    *,
    account: str | Sequence[str] | None = None,
    opening: Opening | None = None,
) -> pd.DataFrame:
    """Every lot, first in first out: what opens a position is closed in the order it came.

    The entries are those of `ledger`: fills at their price, transfers and known openings at the
    mark. A lot closed in pieces is a row a piece. Where the opening is not known positions, and so
    lots, are relative to the first event.

    Returns
    -------
    DataFrame
        account, symbol; side (+1 long, -1 short), size (units, above 0); opened, closed (times;
        closed is missing for open lots); opened_by, closed_by ("fill", "transfer", "opening", ""
        where open); open_price, close_price (of an open lot the mark at the series' last entry);
        open_mark, close_mark: of a fill the mid just before it, where one was known, else as the
        ledger marks it (a print's own price), of all other entries the price; profit, before fees,
        in what the symbol settles in; positioning: of the profit what the change of the mark made,
        side * size * (close_mark - open_mark) * multiplier, so that the rest was earned against
        the mark at the two fills; held (seconds, of an open lot up to the symbol's last event);
        open. Ordered by account, symbol, closing and opening.

        The sum of side * size of a series' open lots is its position, and the sum of all profits is
        realised + unrealised of `ledger`; realised alone differs from that at average cost. The sum
        of positioning is that of the inventory held times the next change of the mark, from entry
        to entry: sum I_(t-1) (m_t - m_(t-1)).
    """
    from mmresearch.measure.kernels import fifo  # numba: loaded only here

    entries, price, multiplier, inverse = _booked(market, account, opening)
    series, kind = entries["series"].to_numpy(), entries["kind"].to_numpy()
    value, before = turned(price, inverse), marks_before(entries, price, market)
    opened, closed, units, *_ = fifo(series, kind, entries["amount"].to_numpy(), value)
    order = np.lexsort((opened, np.where(closed < 0, len(entries), closed), series[opened]))
    opened, closed, units = opened[order], closed[order], units[order]
    open_ = closed < 0
    last = np.searchsorted(series, series[opened], side="right") - 1
    end = np.where(open_, last, closed)
    out = np.where(open_, entries["mark"].to_numpy()[last], price[end])
    flag = inverse[opened]
    profit = units * (turned(out, flag) - value[opened]) * multiplier[opened]
    begin, stand = before[opened], np.where(open_, out, before[end])
    moved = units * (turned(stand, flag) - turned(begin, flag)) * multiplier[opened]
    names, time = np.array(KINDS), entries["time"]
    until = time.iloc[end].reset_index(drop=True)
    final = _last_events(market, entries).to_numpy()[series[opened]]
    begun = time.iloc[opened].reset_index(drop=True)
    stop = until.where(~open_, pd.Series(final).dt.tz_localize("UTC"))
    table = {name: entries[name].iloc[opened].to_numpy() for name in _SERIES}
    table |= {"side": np.sign(units), "size": np.abs(units), "opened": begun}
    table |= {"closed": until.where(~open_), "opened_by": names[kind[opened]]}
    table |= {"closed_by": np.where(open_, "", names[kind[end]])}
    table |= {"open_price": price[opened], "close_price": out}
    table |= {"open_mark": begin, "close_mark": stand, "profit": profit, "positioning": moved}
    table |= {"held": (stop - begun).dt.total_seconds(), "open": open_}
    text = dict.fromkeys([*_SERIES, "opened_by", "closed_by"], "str")
    return pd.DataFrame(table).astype(text)


def fifo_profit(
    market: Market,
    *,
    account: str | Sequence[str] | None = None,
    opening: Opening | None = None,
) -> pd.DataFrame:
    """Realised and unrealised of every row of `ledger`, at FIFO in the place of average cost.

    Their sum is the same under both; what differs is when a profit counts as realised.

    Returns
    -------
    DataFrame
        realised_fifo, unrealised_fifo, with the rows and the index of `ledger(market, ...)`.
    """
    from mmresearch.measure.kernels import fifo  # numba: loaded only here

    entries, price, multiplier, inverse = _booked(market, account, opening)
    amount, kind = entries["amount"].to_numpy(), entries["kind"].to_numpy()
    series = entries["series"].to_numpy()
    opened, closed, units, gained, cost = fifo(series, kind, amount, turned(price, inverse))
    held = np.bincount(opened, units, len(entries)) - np.bincount(
        closed[closed >= 0], units[closed >= 0], len(entries)
    )
    position = pd.Series(held).groupby(series).cumsum().to_numpy()
    flat = cost == 0
    paper = position * turned(entries["mark"], inverse) - cost
    return pd.DataFrame(
        {
            "realised_fifo": gained * multiplier,
            "unrealised_fifo": np.where(flat, 0.0, paper * multiplier),
        }
    )


def time_held(lots: pd.DataFrame) -> pd.DataFrame:
    """How long units are held, by account and symbol: Kaplan and Meier (1958), open lots censored.

    Returns
    -------
    DataFrame
        account, symbol; quarter_closed, half_closed, three_quarters_closed: seconds by which that
        share of the units was closed again (missing: not reached); lots, units; open_share, of the
        units, still held at the end; unknown_share, units of an opening, held since a time that is
        not known, which are left out of the rest.
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    rows = []
    for (account, symbol), own in lots.groupby(_SERIES):
        known = own[own["opened_by"] != "opening"]
        units = known["size"].sum()
        row = {"account": account, "symbol": symbol} | dict.fromkeys(_QUARTILES, np.nan)
        if (~known["open"]).any():
            curve = SurvfuncRight(
                known["held"].to_numpy(),
                (~known["open"]).to_numpy().astype(int),
                freq_weights=known["size"].to_numpy(),
            )
            row |= {name: float(curve.quantile(p)) for name, p in _QUARTILES.items()}
        row |= {"lots": len(known), "units": units}
        row["open_share"] = known.loc[known["open"], "size"].sum() / units if units else np.nan
        row["unknown_share"] = 1 - units / own["size"].sum()
        rows.append(row)
    columns = [*_SERIES, *_QUARTILES, "lots", "units", "open_share", "unknown_share"]
    return pd.DataFrame(rows, columns=columns)


def _booked(
    market: Market, account: str | Sequence[str] | None, opening: Opening | None
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    entries, starts = entries_and_openings(market, account, opening)
    entries = in_order(entries, starts)
    entries = entries.join(mark_entries(entries, market)[["mark"]])
    return entries, *booked_prices(entries, starts, market)


def _last_events(market: Market, entries: pd.DataFrame) -> pd.Series:
    """For each series the time of its symbol's last event, UTC without a zone."""
    last = entries.groupby("series").agg(symbol=("symbol", "last"), time=("time", "max"))
    seen = {s: market.event_times(s).max() for s in last["symbol"].unique()}
    known = pd.to_datetime(last["symbol"].map(seen), utc=True)
    return last["time"].where(known.isna() | (known < last["time"]), known).dt.tz_localize(None)
