"""Whether liquidity is provided, bar by bar: quoting at the touch, behind it, and not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import Bars, cut, parse_freq
from mmresearch.measure.cancellations import cancellations
from mmresearch.measure.panel import panel
from mmresearch.measure.provision_times import (
    Clock,
    halted_time,
    market_times,
    own_times,
    quotes_of,
)
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.row_counts import (
    all_quotes,
    auction_prints,
    counted,
    has_orders,
    quoting_accounts,
    roles_known,
)
from mmresearch.measure.steady import observed
from mmresearch.sessions import has_clock

_CONTRACT = """\
account|name|as in `panel`|start
symbol|name||start
day|date|the session's date|start
bar|number|0 is the first of the session|start
start|UTC|as in `panel`|start
end|UTC|as in `panel`|end
time_of_day|seconds|from the session's open to the start; missing without a clock|start
gap|flag|first bar of a session before which a session is missing|start
seconds|seconds|of the bar that were observed; "24/7" begins and ends with the record|end
two_sided|share|of seconds in which the account's own bid and ask stood, not crossed|end
one_sided|share|of seconds in which one of them stood|end
absent|share|of seconds in which neither stood|end
own_crossed|share|of seconds in which its own bid was above its own ask: a fault|end
at_touch|share|of known time with its bid and its ask at the market's best, or better|end
at_touch_bid|share|of known time with its bid at the best bid, or above|end
at_touch_ask|share|of known time with its ask at the best ask, or below|end
distance_bps|basis points|+ behind the touch; mean over both sides' time; missing while absent|end
distance_bid_bps|basis points|+ own bid below the best; 1e4*(best bid - own)/mid, mean over time|end
distance_ask_bps|basis points|+ own ask above the best; 1e4*(own - best ask)/mid, mean over time|end
own_spread_bps|basis points|1e4*(own ask - own bid)/own mid, mean over two-sided time|end
own_depth|units|mean over time and sides of its own size; a side not quoted is 0|end
depth_share|share|its own size at the touch over that displayed there, of the same time|end
spread_bps|basis points|1e4*(ask - bid)/mid of the market, mean over known time|end
depth|units|(bid_size + ask_size)/2 at the market's best, mean over known time|end
touch_known|share|of seconds with the market's bid and ask, neither crossed nor halted|end
market_locked|share|of seconds in which the market's bid was its ask; known time|end
market_crossed|share|of seconds in which the market's bid was above its ask; kept apart|end
market_one_sided|share|of seconds in which one side of the market was missing; kept apart|end
market_halted|share|of seconds in which trading was halted (orders say so); kept apart|end
participation|share|maker_volume/market_volume; missing where nothing was printed|end
passive_share|share|of the account's filled size whose role is known, what was passive|end
pulled_per_second|units a second|of the market, as in `cancellations`; missing without orders|end
touch_pulled_per_second|units a second|of the market, at the best price of its side or better|end
pulled_share|share|of the market: what was cancelled, of that and what was filled|end
fleeting_share|share|of the market: orders cancelled within 2 s, of those added|end
order_to_trade|ratio|of the market: messages over executions|end
maker_volume|units|buys + sells|end
market_volume|units|size of all public prints, an auction's too|end
mid|currency a unit|missing without quotes or while a side is|end
return_bps|basis points|1e4*log(mid/mid_start) of the bar|end
realized_variance|bps^2|sum of squared log changes of the mid, in the bar|end
inventory_start|units|+ long|start
inventory_end|units|+ long|end
opening_known|flag|false: inventory is relative to the first event|start
"""
PROVISION = pd.DataFrame(
    [line.split("|") for line in _CONTRACT.splitlines()],
    columns=["column", "unit", "sign", "known"],
)

_FROM_PANEL = (
    *("account", "symbol", "day", "bar", "start", "end", "time_of_day", "gap", "participation"),
    *("maker_volume", "market_volume", "mid", "return_bps", "realized_variance"),
    *("inventory_start", "inventory_end", "opening_known"),
)
_OWN = (
    *("two_sided", "one_sided", "absent", "own_crossed", "at_touch", "at_touch_bid"),
    *("at_touch_ask", "distance_bps", "distance_bid_bps", "distance_ask_bps", "own_spread_bps"),
    *("own_depth", "depth_share"),
)
_MARKET = ("spread_bps", "depth", "touch_known", "market_locked", "market_crossed")
_MARKET += ("market_one_sided", "market_halted")
_ORDERS = ("pulled_per_second", "touch_pulled_per_second", "pulled_share", "fleeting_share")
_ORDERS += ("order_to_trade",)
_TOUCH = tuple(c for c in _OWN if c.startswith(("at_touch", "distance", "depth_share")))


def provision(
    market: Market,
    *,
    freq: str | pd.Timedelta = "1min",
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """How each account provided liquidity, and what the market displayed, bar by bar.

    Parameters
    ----------
    market : Market
        As for `panel`. `own_quotes` give the account's presence, the market's quotes (or the first
        level of its book) the touch, `orders` the halts and what was pulled, fills with `maker` the
        passive share. What a market does not have leaves its columns missing, and attrs["unknown"]
        says why.
    freq, account, symbol
        As in `panel`.

    Returns
    -------
    DataFrame
        The columns of `PROVISION`, the rows of `panel` with the same arguments. A quote stands from
        its instant until the next of its series or the close, never into another session. Times are
        added in whole nanoseconds: two_sided + one_sided + absent + own_crossed is the bar. Time in
        which the market was crossed, halted or lacked a side is in no mean of the touch, the spread
        or the depth; its shares stand beside. "At the touch" holds where the own price is the
        market's best or better; while an account is absent it is not at the touch, and its distance
        is missing.

        attrs: freq, note and ticks of the panel; unknown (columns -> why they are missing);
        left_out (reason -> how many): own quotes and market quotes outside every session, own
        quotes and market quotes that are crossed, auction prints (they are in market_volume).

    Raises
    ------
    ValueError
        As `panel` does.
    """
    base = panel(market, freq=freq, account=account, symbol=symbol)
    step, n = parse_freq(freq), len(base)
    names = ("seconds", *_OWN, *_MARKET, *_ORDERS, "passive_share")
    columns = {name: np.full(n, np.nan) for name in names}
    left = dict.fromkeys(_LEFT, 0)
    counts, roles = counted(market), roles_known(market)
    for name, rows in base.groupby("symbol", sort=False).indices.items():
        left["auction prints, in market_volume"] += auction_prints(counts, name)
        if not (has_clock(market.calendar(name)) or roles):
            continue  # there are no times to add up, and no roles
        halts, quoting = halted_time(market, name), quoting_accounts(counts, name)
        for part, sessions in _parts(market, name):
            prints = part["trades"][["time", "seq"]] if step.kind == "count" else None
            bars = cut(step, sessions, prints)
            clock = Clock(bars, *observed(market, name, sessions), halts)
            whose = quoting if has_clock(market.calendar(name)) else None
            _of_part(columns, left, base, rows, part, clock, whose)
        if has_orders(counts, name):
            pulled = cancellations(market, freq=freq, symbol=name).set_index(["day", "bar"])
            there = pulled.reindex(pd.MultiIndex.from_frame(base.iloc[rows][["day", "bar"]]))
            columns |= {c: _set(columns[c], rows, there[c]) for c in _ORDERS}
        own, best = all_quotes(counts, name, base["account"].iloc[rows].unique())
        left["own quotes outside every session"] += own
        left["market quotes outside every session"] += best
    table = base[list(_FROM_PANEL)].assign(**columns)[PROVISION["column"].tolist()]
    kept = {name: base.attrs[name] for name in ("freq", "note", "ticks")}
    table.attrs = kept | {"unknown": _unknown(table, market), "left_out": left}
    return table


_LEFT = (
    *("own quotes outside every session", "market quotes outside every session"),
    *("crossed own quotes", "crossed market quotes", "auction prints, in market_volume"),
)


def _parts(market: Market, symbol: str) -> Iterator[tuple[Market, pd.DataFrame]]:
    """The symbol's rows with their sessions: all at once, or a session of a market saved by day."""
    sessions = market.sessions(symbol)
    if not market.by_day:
        yield market.select(symbol), sessions
        return
    for k in range(len(sessions)):
        one = sessions.iloc[[k]].reset_index(drop=True)
        close = one["close"].iloc[0]
        # an event at the close is the session's, unless the next opens at that instant
        meets = k + 1 < len(sessions) and sessions["open"].iloc[k + 1] == close
        end = close + pd.Timedelta(0 if meets else 1, "ns")
        yield market.select(symbol, one["open"].iloc[0], end), one


def _of_part(
    columns: dict[str, np.ndarray],
    left: dict[str, int],
    base: pd.DataFrame,
    rows: np.ndarray,
    part: Market,
    clock: Clock,
    quoting: set[str] | None,
) -> None:
    """Fill in the columns of one symbol's rows in these sessions.

    quoting: accounts that have own quotes on any day; None where sessions have no clock.
    """
    bars, timed = clock.bars, quoting is not None
    place = _places(base.iloc[rows], bars)
    rows, place = rows[place >= 0], place[place >= 0]
    whose = base["account"].to_numpy()[rows]
    best = best_quotes(part)
    quotes = None if best is None else quotes_of(best, bars.sessions)
    if quotes is not None:
        left["market quotes outside every session"] -= int((quotes.session >= 0).sum())
        left["crossed market quotes"] += quotes.crossed()
    market = market_times(quotes, clock) if timed else {}
    if timed:
        for name, values in _of_market(market).items():
            columns[name][rows] = values[place]
    accounts = pd.unique(whose)
    if "own_quotes" in part and timed:
        own = dict(list(part["own_quotes"].groupby("account", sort=False)))
        for who in accounts:
            if who not in quoting:
                continue
            theirs = quotes_of(own.get(who, part["own_quotes"].iloc[:0]), bars.sessions)
            left["own quotes outside every session"] -= int((theirs.session >= 0).sum())
            left["crossed own quotes"] += theirs.crossed()
            mine = whose == who
            for name, values in _of_account(own_times(theirs, quotes, clock) | market).items():
                columns[name][rows[mine]] = values[place[mine]]
    if "fills" in part:
        share = _passive(part["fills"], accounts, bars)
        for number, who in enumerate(accounts):
            mine = whose == who
            columns["passive_share"][rows[mine]] = share[number][place[mine]]


def _set(values: np.ndarray, rows: np.ndarray, found: pd.Series) -> np.ndarray:
    values[rows] = found.to_numpy("float64")
    return values


def _places(rows: pd.DataFrame, bars: Bars) -> np.ndarray:
    """For each row its bar among the bars, -1 where its session is none of theirs."""
    days = bars.sessions["day"].to_numpy("datetime64[ns]")
    day = rows["day"].to_numpy("datetime64[ns]")
    session = np.minimum(np.searchsorted(days, day), len(days) - 1)
    place = bars.first[session] + rows["bar"].to_numpy()
    return np.where(days[session] == day, place, -1)


def _of_market(sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    whole = sums["seconds"]
    found = {name: _over(sums[name], whole) for name in _MARKET if name.startswith("market")}
    found["touch_known"] = _over(sums["known"], whole)
    found |= {"seconds": whole / 1e9, "spread_bps": _over(sums["spread"], sums["spread_time"])}
    return found | {"depth": _over(sums["depth"], sums["depth_time"])}


def _of_account(sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    whole, known = sums["seconds"], sums["known"]
    states = ("two_sided", "one_sided", "absent", "own_crossed")
    found = {name: _over(sums[name], whole) for name in states}
    touch = {"at_touch": "touch", "at_touch_bid": "touch_bid", "at_touch_ask": "touch_ask"}
    found |= {name: _over(sums[of], known) for name, of in touch.items()}
    for side in ("bid", "ask"):
        far = _over(sums[f"{side}_distance"], sums[f"{side}_time"])
        found[f"distance_{side}_bps"] = far
    both = sums["bid_distance"] + sums["ask_distance"]
    found["distance_bps"] = _over(both, sums["bid_time"] + sums["ask_time"])
    found["own_spread_bps"] = _over(sums["own_spread"], sums["two_sided"])
    found["own_depth"] = _over(sums["own_depth"], sums["own_depth_time"])
    return found | {"depth_share": _over(sums["touch_depth"], sums["shared_depth"])}


def _over(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _passive(fills: pd.DataFrame, accounts: Sequence[str], bars: Bars) -> np.ndarray:
    """By account and bar the share of the size whose role is known that was passive."""
    from mmresearch.measure import bar_kernels  # numba: loaded only here

    number = pd.Index(accounts).get_indexer(fills["account"])
    role = fills["maker"].astype("boolean")
    fills, number = fills[(number >= 0) & role.notna()], number[(number >= 0) & role.notna()]
    passive = fills["maker"].to_numpy(bool)
    size = fills["size"].to_numpy("float64")
    moves = tuple(np.where(side, size, 0.0) for side in (passive, ~passive, size < 0))
    table, late = np.zeros((len(accounts), len(bars), 4)), np.zeros(len(accounts))
    time, seq = blocks.of_table(fills, ["time", "seq"]).values()
    moves = tuple(blocks.constant(values) for values in moves)
    edges = (time, seq, blocks.constant(number.astype("int64")), moves, bars.edges)
    bar_kernels.flow_bars(*edges, table, late)
    known = table[:, :, 0] + table[:, :, 1]
    return np.divide(table[:, :, 0], known, out=np.full(known.shape, np.nan), where=known > 0)


def _unknown(table: pd.DataFrame, market: Market) -> dict[str, str]:
    """Why columns are missing throughout, for whoever reads them."""
    why: dict[str, str] = {}
    clocks = [has_clock(market.calendar(name)) for name in table["symbol"].unique()]
    if not any(clocks):
        timed = (*_OWN, *_MARKET, *_ORDERS[:2])
        return dict.fromkeys(timed, "sessions have no clock: no share of their time")
    if best_quotes(market) is None:
        why |= dict.fromkeys((*_MARKET[:3], *_TOUCH), "the market has no quotes and no book")
    if "own_quotes" not in market:
        why |= dict.fromkeys(_OWN, "the market has no own_quotes of any account")
    if "orders" not in market:
        why["market_halted"] = "no orders: a halt is not told from quotes that stand"
        why |= dict.fromkeys(_ORDERS, "no orders: what was pulled is not told from what was filled")
    if "fills" not in market:
        why["passive_share"] = "no fills: the aggregate maker is passive by definition"
    elif table["passive_share"].isna().all():
        why["passive_share"] = "the fills do not say who was passive"
    return why
