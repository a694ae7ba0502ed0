"""The panel: the one regular table that regressions read, a row a (account, symbol, day, bar)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import (
    Bars,
    Step,
    cut,
    labels,
    parse_freq,
    refuse_step,
)
from mmresearch.measure.blocks import Block
from mmresearch.measure.flows import NO_FLOW, Holdings, flow_bars, listed, refuse_idle
from mmresearch.measure.ledger import Opening, opening_positions
from mmresearch.measure.own_quotes import own_bars
from mmresearch.measure.prints import TRADE, Tape, trade_bars
from mmresearch.measure.quotes import quote_bars
from mmresearch.measure.reported import FROM_REPORTS, between_reports, drift_bars, reports_of
from mmresearch.measure.stretches import Flows
from mmresearch.sessions import has_clock

_CONTRACT = """\
account|name|as in fills; "aggregate maker" where the market has none|start
symbol|name||start
day|date|the session's date|start
bar|number|0 is the first of the session|start
start|UTC|the bar holds what comes after its start (a session's first bar: its start too)|start
end|UTC|the bar holds what comes up to and including its end|end
time_of_day|seconds|from the session's open to the start; missing without a clock|start
inventory_start|units|+ long|start
inventory_end|units|+ long; inventory_start + flow|end
flow|units|+ into the account; trade_flow + transfer_flow|end
trade_flow|units|+ the account bought; buys - sells|end
transfer_flow|units|+ into the account|end
overnight_flow|units|+ into the account, outside sessions, since the previous bar's end|start
buys|units|0 or more|end
sells|units|0 or more|end
maker_volume|units|buys + sells|end
market_volume|units|size of all public prints|end
participation|share|maker_volume/market_volume; missing where nothing was printed|end
trades|number|public prints|end
mid_start|currency a unit|before the bar; its first mid if none in the session before|start
mid|currency a unit|missing without quotes or while a side is|end
microprice|currency a unit|the weighted mid, by the opposite sizes; not `mm.microprice`|end
return_bps|basis points|1e4*log(mid/mid_start); 1D bars: from the last session's mid|end
trade_price|currency a unit|last print, carried in the session|end
trade_return_bps|basis points|as return_bps, from prints|end
spread_bps|basis points|1e4*(ask - bid)/mid, mean over time; below 0 crossed; needs a clock|end
depth|units|(bid_size + ask_size)/2, mean over time; needs a clock|end
order_flow_imbalance|units|+ pressure to buy at the best quotes|end
trade_imbalance|units|+ aggressors bought; prints with unknown side count 0|end
unsigned_volume|units|size of prints with unknown side|end
realized_variance|bps^2|sum of squared log changes of the mid, in the bar|end
gap|flag|first bar of a session before which a session is missing|start
opening_known|flag|false: inventory is relative to the first event|start
own_bid|currency a unit|the account's own standing bid; missing: none in the session|end
own_ask|currency a unit|as own_bid|end
own_bid_size|units|at its own bid|end
own_ask_size|units|at its own ask|end
drift|units|reported less rebuilt position at the last report; missing: none was made|end
"""
PANEL = pd.DataFrame(
    [line.split("|") for line in _CONTRACT.splitlines()],
    columns=["column", "unit", "sign", "known"],
)

_COUNTS = ["after_last_session", "trades_outside", "quotes_outside"]


def panel(
    market: Market,
    *,
    freq: str | pd.Timedelta = "1min",
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    opening: Opening | None = None,
) -> pd.DataFrame:
    """Inventory, flow, volume, prices and liquidity of each account, bar by bar.

    Parameters
    ----------
    market : Market
        With fills, or trades from which the aggregate maker's are inferred. Quotes (or a book) give
        the columns of the mid, trades those of market volume, own_quotes those of the account's own
        quotes; transfers of a symbol's asset count.
        With positions alone, their changes are the flow.
    freq : str
        A clock step ("1s", "1min", "5min"), a count of public prints ("500 trades"), or "1D", a bar
        a session.
    account, symbol : str or list, optional
        Which; all that have a fill if not given.
    opening : optional
        Opening inventory, as in `ledger`.

    Returns
    -------
    DataFrame
        The columns of `PANEL`, a row for every bar of every session that holds an event of the
        symbol, ordered by account, symbol, start and bar. Clock bars before its first event and
        after its last are left out: an inventory that nobody recorded is not one that stood still.

        In every row flow = buys - sells + transfer_flow, inventory_end = inventory_start + flow,
        and inventory_start = the previous inventory_end + overnight_flow: exactly for whole sizes,
        to floating point otherwise. `mid_start` is the previous bar's mid in the session; the bar
        that holds a session's first mid starts from that one.

        What comes outside every session: an account's flow goes to `overnight_flow` of the next
        bar, or, after the last session, to no bar; prints and quotes go to none. attrs count them:
        after_last_session (account events), trades_outside, quotes_outside; and say freq, note and
        ticks, of each symbol whose tick is known.

    Raises
    ------
    ValueError
        A freq that is not understood or that the calendar has no clock for; an account or symbol
        that is not there; a transfer that several symbols could hold.
    """
    step = parse_freq(freq)
    flows = Flows(market, account, symbol)
    told = reports_of(flows.ends)
    levels = _openings(market, flows.series, told, opening)
    told = None if flows.note == FROM_REPORTS else told
    pieces, idle, counts = [], [], pd.Series(0, index=_COUNTS)
    for name in flows.symbols:
        reports = None if told is None else told[told["symbol"] == name]
        piece, missed = _of_symbol(flows, name, step, levels.get(name, {}), reports)
        counts += missed
        if piece is None:
            idle.append(name)
            continue
        if step.kind == "clock":
            own = flows.series[flows.series["symbol"] == name]
            piece = _observed(piece, market.span(name), own)
        pieces.append(piece)
    if not pieces:
        raise ValueError(NO_FLOW)
    active = flows.series[~flows.series["symbol"].isin(idle)]
    refuse_idle("symbol", listed(symbol), active)
    table = _assembled(pieces)
    if table.empty:
        raise ValueError(f"no session: the market has no trade, quote or fill of {flows.symbols}")
    about = market.symbols.set_index("symbol")["tick"].dropna()
    ticks = about[about.index.isin(table["symbol"].unique())].to_dict()
    table.attrs = {"freq": str(freq), "note": flows.note, "ticks": ticks} | counts.to_dict()
    return table


def lag_pairs(panel: pd.DataFrame) -> pd.Series:
    """For each row the position of its previous bar, -1 where there is none.

    The previous bar is of the same account, symbol and day. Where every session is one bar
    (freq="1D") it is the previous session's, unless a session between them is missing (`gap`). The
    rows may be in any order; a panel from which rows were taken out has -1 where a bar is lacking,
    but a day taken out of one-bar sessions cannot be seen.
    """
    account, _ = pd.factorize(panel["account"])
    symbol, _ = pd.factorize(panel["symbol"])
    day = panel["day"].to_numpy("datetime64[ns]").astype("int64")
    bar = panel["bar"].to_numpy()
    order = np.lexsort([bar, day, symbol, account])
    now, then = order[1:], order[:-1]
    follows = (account[now] == account[then]) & (symbol[now] == symbol[then])
    if (bar == 0).all():
        follows &= (day[now] > day[then]) & ~panel["gap"].to_numpy(bool)[now]
    else:
        follows &= (day[now] == day[then]) & (bar[now] == bar[then] + 1)
    before = np.full(len(panel), -1)
    before[now] = np.where(follows, then, -1)
    return pd.Series(before, index=panel.index, name="previous")


def _openings(
    market: Market, series: pd.DataFrame, reports: pd.DataFrame | None, opening: Opening | None
) -> dict[str, dict[str, tuple[float, bool]]]:
    """For each symbol and account the opening inventory and whether it is known."""
    if opening is None and reports is None:
        return {}
    # the opening depends on the time of a series' first event, so one event a series will do
    first = series[["account", "symbol"]].assign(time=series["first"], seq=0, side=1)
    first = first.assign(price=1.0, size=1.0)
    tables = {"fills": first} if reports is None else {"fills": first, "positions": reports}
    table = opening_positions(Market(symbols=market.symbols, **tables), opening=opening)
    levels: dict[str, dict[str, tuple[float, bool]]] = {}
    for row in table.itertuples(index=False):
        levels.setdefault(row.symbol, {})[row.account] = (row.opening, bool(row.known))
    return levels


def _of_symbol(
    flows: Flows,
    symbol: str,
    step: Step,
    levels: dict[str, tuple[float, bool]],
    reports: pd.DataFrame | None,
) -> tuple[dict[str, np.ndarray] | None, list[int]]:
    """The rows of one symbol, account after account, and what no bar holds.

    Day by day it may turn out that not one trade could be signed: there are no rows then.
    """
    calendar = flows.market.calendar(symbol)
    refuse_step(step, calendar, flows.market.sessions(symbol))
    held = Holdings(flows.accounts(symbol), levels)
    public, own, missed, ends, moved = [], [], [0, 0], [], []
    for part in flows.stretches(symbol):
        bars = cut(step, part.sessions, part.prints() if step.kind == "count" else None)
        columns, outside = _market_columns(bars, part.trades, part.quotes, calendar)
        public.append(columns)
        own.append(flow_bars(bars, part.flows, held) | own_bars(part.own, bars, held.accounts))
        missed = [a + b for a, b in zip(missed, outside, strict=True)]
        ends.append(bars.end)
        moved.append(between_reports(part.flows, reports))
    if not any(len(some) for some in moved):
        return None, [0, 0, 0]
    columns = {name: np.concatenate([some[name] for some in public]) for name in public[0]}
    mine = {name: _by_account([some[name] for some in own], held.accounts) for name in own[0]}
    moved = pd.concat([some for some in moved if len(some)] or moved[:1], ignore_index=True)
    mine["drift"] = drift_bars(reports, moved, np.concatenate(ends), levels)
    return _joined(symbol, mine, _with_returns(columns, step)), [held.late, *missed]


def _by_account(parts: list[np.ndarray], accounts: np.ndarray) -> np.ndarray:
    """The values of several stretches, account after account."""
    n = len(accounts)
    return np.concatenate([values.reshape(n, -1) for values in parts], axis=1).ravel()


def _market_columns(
    bars: Bars, trades: Tape | None, quotes: Iterable[Block] | None, calendar: str
) -> tuple[dict[str, np.ndarray], list[int]]:
    """The columns that are the same for every account; how many prints and quotes no bar holds."""
    prices, quotes_missed = quote_bars(quotes or (), bars)
    volumes, trades_missed = trade_bars(trades(TRADE) if trades else (), bars)
    columns = labels(bars, calendar) | volumes | prices
    if trades is None:
        columns["market_volume"] = np.full(len(bars), np.nan)
    if not has_clock(calendar):
        columns |= {name: np.full(len(bars), np.nan) for name in ("spread_bps", "depth")}
    return columns, [trades_missed, quotes_missed]


def _with_returns(columns: dict[str, np.ndarray], step: Step) -> dict[str, np.ndarray]:
    gap = columns["gap"] if step.kind == "session" else None
    columns["return_bps"] = _returns(columns["mid_start"], columns["mid"], gap)
    start = columns.pop("trade_price_start")
    columns["trade_return_bps"] = _returns(start, columns["trade_price"], gap)
    return columns


def _returns(start: np.ndarray, end: np.ndarray, gap: np.ndarray | None) -> np.ndarray:
    """Log return of each bar in basis points; of one-bar sessions from the session before."""
    if gap is not None:
        start = np.append(np.nan, end[:-1])
        start[gap] = np.nan
    return 1e4 * np.log(end / start)


def _joined(
    symbol: str, own: dict[str, np.ndarray], public: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Every account's columns beside the market's, which are the same for each."""
    n = len(own["flow"])
    columns = {name: np.resize(values, n) for name, values in public.items()}
    return columns | own | {"symbol": np.full(n, symbol, dtype=object)}


def _observed(
    piece: dict[str, np.ndarray], span: tuple[pd.Timestamp, pd.Timestamp], series: pd.DataFrame
) -> dict[str, np.ndarray]:
    """The rows between the symbol's first event and its last, an account's transfer among them."""
    edges = [*span, series["first"].min(), series["last"].max()]
    first, last = (f(edges).tz_localize(None).to_datetime64() for f in (min, max))
    opens_there = (piece["bar"] == 0) & (piece["start"] == last)
    held = (piece["end"] >= first) & ((piece["start"] < last) | opens_there)
    return {name: values[held] for name, values in piece.items()}


def _assembled(pieces: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    """The pieces as one table, with the columns of the contract, in its order."""
    columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    table = pd.DataFrame(columns).astype({"account": "str", "symbol": "str"})
    volume = table["market_volume"]
    table["participation"] = table["maker_volume"] / volume.where(volume > 0)
    table = table.assign(**{edge: table[edge].dt.tz_localize("UTC") for edge in ("start", "end")})
    if len(pieces) > 1:
        table = table.sort_values(["account", "symbol"], kind="stable", ignore_index=True)
    return table[PANEL["column"].tolist()]
