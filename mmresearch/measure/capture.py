"""Where a maker's profit comes from: spread earned, adverse selection, inventory, fees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import Bars, labels, parse_freq
from mmresearch.measure.blocks import constant
from mmresearch.measure.entries import FILL, Opening, entries_and_openings, in_order
from mmresearch.measure.fill_references import References, fill_references, which_reference
from mmresearch.measure.marks import booked_prices, mark_entries, turned
from mmresearch.measure.periods import END, bars_of, first_prices, period_ends
from mmresearch.measure.pool_fees import fees_apart

PARTS = {  # of the profit, and the sign with which each is in it
    "spread_earned": 1,
    "adverse_selection": -1,
    "revaluation": 1,
    "fees_and_rebates": 1,
    "transfers": 1,
    "apart": 1,
}
COLUMNS = [  # what the kernel writes
    *[*PARTS, "profit", "carried", "held_before", "mark_before", "fills", "volume", "value"],
    *["fills_apart", "fills_past_horizon", "fees_unknown", "position", "capital", "drift"],
]
_LABELS = ["account", "symbol", "currency", "day", "bar", "start", "end"]
_BESIDE = ["carried", "overnight", "fills", "volume", "value", "fills_apart", "fills_past_horizon"]
_BESIDE += ["fees_unknown", "position", "mark", "capital", "drift", "gap", "opening_known"]
_COUNTS = ["fills", "fills_apart", "fills_past_horizon", "fees_unknown"]


def spread_capture(
    market: Market,
    *,
    horizon: str = "10s",
    freq: str | pd.Timedelta = "1D",
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    opening: Opening | None = None,
    reference: str = "auto",
) -> pd.DataFrame:
    """Each account's profit, session by session or bar by bar, as the sum of where it came from.

    In every row

        profit = spread_earned - adverse_selection + revaluation
                 + fees_and_rebates + transfers + apart

    With q the units of a fill (+ bought), P its price, m the mark (as in `ledger`), r_t the
    reference price just before it and r_(t+h) that at the horizon, profit is the change of cash +
    position * m since the last row, less what transfers brought or took, and

        spread_earned      sum of q (r_t - P)
        adverse_selection  sum of -q (r_(t+h) - r_t): a loss where positive
        revaluation        sum of position * change of m, and of q (m - r_t), plus the loss that
                           adverse_selection has already named
        fees_and_rebates   - fees: a rebate is positive; a fee that is not known counts 0. A fee
                           within a pool's price (`fee_within` of its fills) is earned here, and P
                           is the price without it
        transfers          units that came (or went) since the row's start, at the mark, times what
                           the mark changed until its end
        apart              q (m - P) of the fills that `markouts` keeps apart, and why

    revaluation - adverse_selection is what inventory made, at any horizon (Menkveld 2013 calls it
    positioning profit); the horizon says how much of it is laid to the fills. The adverse selection
    of a fill stands in the fill's row, also where t + h lies in a later bar.

    Parameters
    ----------
    market : Market
        With fills, else with trades, from which the aggregate maker's are inferred; transfers and
        reported positions count as in `ledger`. Of one saved by day the quotes are read some rows
        at a time; in memory are all fills and the numbers of a symbol's prints.
    horizon : str
        Real time ("10s"), or a count of public prints ("10 trades"), which symbols without a clock
        need. Fills whose horizon is past the session have no adverse selection: what came after
        them stays in revaluation.
    freq : str
        "1D", a row a session; or bars as `panel` cuts them: "30min", "500 trades".
    account, symbol : str or list, optional
        Which; all if not given.
    opening : optional
        Opening positions, as in `ledger`.
    reference : str
        "mid", "weighted_mid" or "microprice", as in `markouts`; "print", the last print before, at
        the horizon the last one then; "auto", the mid, or the last print where the market has no
        quotes. Prints bounce between bid and ask, so that the spread against them is told too
        small; the profit is not touched by the choice.

    Returns
    -------
    DataFrame
        A row an account, symbol and period, ordered so: from the period of the series' first entry
        to that of its last, and while something is held on to that of the symbol's last event. An
        event outside sessions belongs to the period that follows, after the last to the last. Money
        is in `currency`, what the symbol settles in; missing where units came of a symbol that has
        no price at all.

        account, symbol, currency, day, bar, start, end
        the six parts, profit
        carried      position at the start times the change of the mark over the row: of which in
                     revaluation
        overnight    of which in carried: from the last session's final mark to this one's first
                     valid mid (its first print, where there is none); 0 in later bars, and where
                     the session has neither
        fills, volume (units), value (price * units * multiplier)
        fills_apart, fills_past_horizon, fees_unknown: fills
        position     units at the end, + long; mark: the price it is valued at
        capital      the largest value of the position, long or short, at the row's entries and end
        drift        reported less rebuilt position at the last report, units: no part of the
                     profit; missing before any report
        gap          a session is missing between this row and the one before
        opening_known  false: positions are relative to the first event, so that what an unknown
                     opening position made is not in the profit

        From one freq to another spread_earned, adverse_selection, fees_and_rebates, apart,
        overnight and profit add up, and so do revaluation and transfers together.

        attrs: freq, horizon, reference, note; counts of fills, of those apart by reason, past the
        horizon, with a fee that is not known and with one taken out of the price (fees_within);
        left_out, entries of assets that are no symbol's (a fee paid in another asset is such), by
        name; gap, how far any row is from the identity, relative to the sum of its absolute parts.

    Raises
    ------
    ValueError
        Nothing to book, an option or a name that is not known, a clock horizon or step where there
        is no clock.

    References
    ----------
    Menkveld (2013), High frequency trading and the new market makers, Journal of Financial
    Markets 16. Hasbrouck and Sofianos (1993), The trades of market makers, Journal of Finance 48.
    """
    step, reference = parse_freq(freq), which_reference(market, reference)
    market, within = fees_apart(market)
    entries, starts, left_out = _of_symbols(market, account, symbol, opening)
    bars = {name: bars_of(market, name, step) for name in starts["symbol"].unique()}
    entries, starts = _in_sessions(entries, starts, bars, left_out)
    ends, row = period_ends(entries, starts, bars, market)
    entries = in_order(pd.concat([entries, ends], ignore_index=True), starts)
    entries = pd.concat([entries, mark_entries(entries, market)], axis=1)
    fills = entries[entries["kind"] == FILL].reset_index(drop=True)
    beside = fill_references(market, fills, horizon=horizon, reference=reference)
    money, inverse = _settled(entries, starts, beside, market)
    table = _labelled(entries, starts, bars, row, market) | money
    table["overnight"] = _overnight(table, starts, bars, row, inverse, market)
    table = pd.DataFrame({name: table[name] for name in [*_LABELS, *PARTS, "profit", *_BESIDE]})
    reasons = beside.apart[beside.apart != ""].value_counts().to_dict()
    counts = {name: int(table[name].sum()) for name in _COUNTS} | {"fees_within": within}
    table.attrs = {"freq": str(freq), "horizon": horizon, "reference": reference}
    table.attrs |= {"note": beside.note, "counts": counts | {"apart": reasons}}
    table.attrs |= {"left_out": left_out, "gap": identity_gap(table)}
    return table


def identity_gap(table: pd.DataFrame) -> float:
    """How far any row's parts are from its profit, relative to the sum of the absolute parts."""
    gap = (table["profit"] - sum(sign * table[name] for name, sign in PARTS.items())).abs()
    scale = table[list(PARTS)].abs().sum(axis=1)
    return float((gap / scale.where(scale > 0)).max()) if (gap > 0).any() else 0.0


def _of_symbols(
    market: Market,
    account: str | Sequence[str] | None,
    symbol: str | Sequence[str] | None,
    opening: Opening | None,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """The entries and series of the symbols asked for, and how many of other assets there are."""
    names = [symbol] if isinstance(symbol, str) else symbol
    for name in names or ():
        market.calendar(name)
    entries, starts = entries_and_openings(market, account, opening)
    traded = starts["symbol"].isin(market.symbols["symbol"])
    others = starts["symbol"][~traded].reindex(entries["series"]).dropna().value_counts()
    keep = traded if names is None else traded & starts["symbol"].isin(names)
    if not keep.any():
        raise ValueError(f"nothing to book{f' of {symbol}' if names else ''}")
    return *_kept(entries, starts, keep), others.to_dict()


def _kept(
    entries: pd.DataFrame, starts: pd.DataFrame, keep: pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """These series alone, numbered anew."""
    if keep.all():
        return entries, starts
    number = np.where(keep, np.cumsum(keep) - 1, -1)[entries["series"]]
    chosen = entries[number >= 0].assign(series=number[number >= 0])
    return chosen.reset_index(drop=True), starts[keep].reset_index(drop=True)


def _in_sessions(
    entries: pd.DataFrame,
    starts: pd.DataFrame,
    bars: dict[str, Bars | None],
    left_out: dict[str, int],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The series of symbols that have a session; `left_out` counts the entries of the others."""
    keep = starts["symbol"].map(lambda name: bars[name] is not None)
    if not keep.any():
        raise ValueError("no session: the symbols have no trade, quote or fill")
    for name, n in (
        starts["symbol"][~keep].reindex(entries["series"]).dropna().value_counts().items()
    ):
        left_out[name] = n
    return _kept(entries, starts, keep)


def _settled(
    entries: pd.DataFrame, starts: pd.DataFrame, beside: References, market: Market
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The kernel's columns, one value a period, and whether each is of an inverse contract."""
    from mmresearch.measure.capture_kernel import capture_periods  # numba: loaded only here

    kind, series = entries["kind"].to_numpy(), entries["series"].to_numpy()
    _, factor, inverse = booked_prices(entries, starts, market)
    filled, ended = kind == FILL, kind == END
    known, later = np.full((2, len(kind)), np.nan)
    known[filled], later[filled] = beside.reference, beside.later
    mark = entries["mark"].to_numpy()
    prices = (entries["price"].to_numpy(float), mark, known, later)
    prices = tuple(constant(turned(price, inverse)) for price in prices)
    units = (entries["amount"], factor, entries["reported"])
    units = tuple(constant(np.asarray(column, float)) for column in units)
    fee, opened = entries["fee"].to_numpy(float), starts["known"].to_numpy()[series]
    table = np.empty((int(ended.sum()), len(COLUMNS)))
    capture_periods(series, kind, units, prices, fee, opened, table)
    columns = dict(zip(COLUMNS, table.T, strict=True))
    counted = {name: columns[name].astype("int64") for name in _COUNTS}
    columns |= counted | {"mark": mark[ended], "factor": factor[ended]}
    return columns, inverse[ended]


def _labelled(
    entries: pd.DataFrame,
    starts: pd.DataFrame,
    bars: dict[str, Bars],
    row: np.ndarray,
    market: Market,
) -> dict[str, np.ndarray]:
    """Which account, symbol and period each row is of."""
    series = entries.loc[entries["kind"] == END, "series"].to_numpy()
    money = market.symbols.set_index("symbol")["settlement"]
    names = {name: starts[name].array for name in ("account", "symbol")}
    names["currency"] = pd.array(starts["symbol"].map(money), dtype="str")
    table = {name: values.take(series) for name, values in names.items()}
    told = {name: labels(own, market.calendar(name)) for name, own in bars.items() if own}
    first = np.flatnonzero(np.diff(series, prepend=-1))
    parts = [
        {name: values[own] for name, values in told[starts["symbol"][series[at]]].items()}
        for at, own in zip(first, np.split(row, first[1:]), strict=True)
    ]
    for name in ("day", "bar", "start", "end", "gap"):
        table[name] = np.concatenate([part[name] for part in parts])
    for edge in ("start", "end"):
        table[edge] = pd.DatetimeIndex(table[edge], tz="UTC")
    return table | {"opening_known": starts["known"].to_numpy()[series]}


def _overnight(
    table: dict[str, np.ndarray],
    starts: pd.DataFrame,
    bars: dict[str, Bars],
    row: np.ndarray,
    inverse: np.ndarray,
    market: Market,
) -> np.ndarray:
    """What the position made from the last session's final mark to the session's first price."""
    first = np.full(len(row), np.nan)
    symbols = np.asarray(table["symbol"])
    for name in starts["symbol"].unique():
        places = np.flatnonzero(symbols == name)
        prices = first_prices(market, name, bars[name].sessions)
        first[places] = prices[bars[name].session[row[places]]]
    jump = np.nan_to_num(turned(first, inverse) - table["mark_before"])
    new = np.ones(len(row), dtype=bool)
    for name in ("account", "symbol"):
        names = np.asarray(table[name])
        new[1:] = new[1:] & (names[1:] == names[:-1])
    new[:1] = False
    made = table["held_before"] * jump * table["factor"]
    return np.where(new & (table["bar"] == 0) & (table["held_before"] != 0), made, 0.0)
