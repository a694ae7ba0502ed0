"""Order flow imbalance bar by bar: at the best quotes, and at each level of a book."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import Bars, Step, cut, labels, parse_freq, refuse_step
from mmresearch.measure.blocks import after_all
from mmresearch.measure.prints import TRADE, trade_bars
from mmresearch.measure.quotes import QUOTE, quote_blocks

_COUNT = re.compile(r"\s*([\d_,]+)\s*quotes?\s*")
_SIDES = QUOTE[2:]
_PRINTS = ["trade_imbalance", "market_volume", "unsigned_volume"]
_TALLY = ["one_sided", "crossed", "quotes_outside", "trades_outside"]


class Level(NamedTuple):
    """What `flow_of_level` adds up, a value a bar."""

    ofi: np.ndarray
    quotes: np.ndarray
    depth: np.ndarray
    two_sided: np.ndarray
    one_sided: np.ndarray
    crossed: np.ndarray
    bid_moves: np.ndarray
    bid_moved: np.ndarray
    ask_moves: np.ndarray
    ask_moved: np.ndarray
    mid_start: np.ndarray
    mid: np.ndarray


def order_flow_imbalance(
    market: Market,
    *,
    freq: str | pd.Timedelta = "10s",
    levels: int = 1,
    symbol: str | Sequence[str] | None = None,
    aside: bool = True,
) -> pd.DataFrame:
    """What orders added to bids and took from asks, less the other way round, bar by bar.

    Each change of the best quotes is compared with the one before (of one session):

        e_n = 1{b_n >= b_(n-1)} B_n - 1{b_n <= b_(n-1)} B_(n-1)
            - 1{a_n <= a_(n-1)} A_n + 1{a_n >= a_(n-1)} A_(n-1)

    with bid b, ask a and their sizes B, A. The inequalities are weak: at an unchanged price what
    counts is the change of size. Level m of a book has the same rule with its own prices and sizes,
    so that levels are numbered anew when the best price moves.

    Parameters
    ----------
    market : Market
        With quotes; or with a book, of which the first level is used where there are no quotes and
        all where `levels` is above 1.
    freq : str
        A clock step ("10s"), a count of quotes ("100 quotes") or of prints ("50 trades"), or "1D".
    levels : int
        Of the book.
    symbol : str or list, optional
        Which; all that have quotes if not given.
    aside : bool
        Whether quotes that lack a side, are locked or crossed are passed over, as if they were not
        there. False: they stay; a side that is missing is no size at a price worse than any, which
        is how the panel has it.

    Returns
    -------
    DataFrame
        A row for every bar of every session from the symbol's first quote to its last. What is
        known at the bar's end: ofi (units, + pressure to buy; missing before the session's first
        quote); with levels, ofi_1 to ofi_M. quotes (rows that were compared or were first),
        mid_start and mid (currency; a session's first bar starts from its first mid), move_ticks
        (mid - mid_start; missing where the symbol's tick is unknown), return_bps (log). depth
        (units: mean over quotes of (bid_size + ask_size)/2, missing in a bar without any), with
        levels depth_1 to depth_M. bid_moves, ask_moves (how often that price changed), bid_moved,
        ask_moved (units: mean size that a level had when it was reached by a price that got worse
        or was left by one that got better, which is what a whole level holds). trade_imbalance
        (units, + aggressors bought), market_volume, unsigned_volume. aside: quotes passed over, or
        that would be. symbol, day, bar, start, end, time_of_day, gap as in `panel`.

        attrs: freq, levels, ticks, one_sided, crossed, quotes_outside (of every session),
        trades_outside.

    Raises
    ------
    ValueError
        No quotes and no book; more levels than the book has; a freq that is not understood.

    References
    ----------
    Cont, Kukanov and Stoikov (2014), The price impact of order book events, Journal of Financial
    Econometrics 12, equations (2) and (10); Xu, Gould and Howison (2018), Multi-level order-flow
    imbalance in a limit order book, Market Microstructure and Liquidity 4.
    """
    step = _step(freq)
    names = _columns(market, levels)
    quoted = _quoted(market, symbol)
    pieces, tally = [], pd.Series(0, index=_TALLY)
    for name in quoted:
        piece, missed = _of_symbol(market, name, step, names, aside)
        pieces.append(piece)
        tally += missed
    table = pd.concat(pieces, ignore_index=True)
    about = market.symbols.set_index("symbol")["tick"].dropna()
    ticks = about[about.index.isin(quoted)].to_dict()
    table.attrs = {"freq": str(freq), "levels": levels, "ticks": ticks} | tally.to_dict()
    return table


def _step(freq: str | pd.Timedelta) -> tuple[Step, str]:
    """How to cut, and the table that is counted."""
    counted = _COUNT.fullmatch(freq) if isinstance(freq, str) else None
    if counted is None:
        return parse_freq(freq), "trades"
    return parse_freq(f"{counted[1]} trades"), "quotes"


def _columns(market: Market, levels: int) -> list[dict[str, str]]:
    """Of each level the columns of the source by what they are; [] if those of the best quotes."""
    if "quotes" not in market and "book" not in market:
        raise ValueError(f"market {market.name!r} has no quotes and no book: no order flow is told")
    if levels == 1:
        return []
    if "book" not in market:
        raise ValueError(f"{levels} levels are asked for, and the market has the best quotes alone")
    held = next(market.scans("book")).collect_schema().names()
    deep = sum(re.fullmatch(r"bid_\d+", c) is not None for c in held)
    if not 1 <= levels <= deep:
        raise ValueError(f"levels={levels}: the book has 1 to {deep}")
    return [{f"{side}_{m}": side for side in _SIDES} for m in range(1, levels + 1)]


def _quoted(market: Market, symbol: str | Sequence[str] | None) -> list[str]:
    """The symbols asked for that have quotes."""
    source = "quotes" if "quotes" in market else "book"
    if market.is_by_day(source):
        names = (q.select("symbol").unique().collect()["symbol"] for q in market.scans(source))
        held = sorted(set(itertools.chain.from_iterable(names)))
    else:
        held = sorted(market[source]["symbol"].unique())
    if symbol is None:
        if not held:
            raise ValueError(f"market {market.name!r} has no row of quotes")
        return held
    asked = [symbol] if isinstance(symbol, str) else list(symbol)
    lacking = sorted(set(asked) - set(held))
    if lacking or not asked:
        raise ValueError(f"no quotes of {', '.join(lacking) or 'no symbol'}; of {', '.join(held)}")
    return asked


def _of_symbol(
    market: Market, symbol: str, how: tuple[Step, str], names: list[dict], aside: bool
) -> tuple[pd.DataFrame, list[int]]:
    """The bars of one symbol; quotes one-sided and crossed, quotes and prints that no bar holds."""
    step, counted = how
    calendar, sessions = market.calendar(symbol), market.sessions(symbol)
    refuse_step(step, calendar, sessions)
    source = "book" if names or "quotes" not in market else "quotes"
    if step.kind == "count" and counted not in market and counted == "trades":
        raise ValueError("a count of trades needs the market's trades, and it has none")
    counts = source if counted == "quotes" else "trades"
    bars = cut(step, sessions, _order(market, counts, symbol) if step.kind == "count" else None)
    found, outside = _levels(market, symbol, names, bars, aside)
    columns = labels(bars, calendar) | _flow(found, _tick(market, symbol), bool(names), aside)
    trades_outside = 0
    if "trades" in market:
        prints, trades_outside = trade_bars(blocks.of_symbol(market, "trades", TRADE, symbol), bars)
        columns |= {name: prints[name] for name in _PRINTS}
    else:
        columns |= {name: np.full(len(bars), np.nan) for name in _PRINTS}
    best = found[0]
    tally = [int(best.one_sided.sum()), int(best.crossed.sum()), outside, trades_outside]
    return _observed(symbol, columns, best), tally


def _levels(
    market: Market, symbol: str, names: list[dict], bars: Bars, aside: bool
) -> tuple[list[Level], int]:
    """Each level's sums, and how many rows no bar holds."""
    from mmresearch.measure.order_flow_kernels import flow_of_level  # numba: loaded only here

    many = max(len(names), 1)
    places, standing = [(0, 0, 0)] * many, np.full((many, 6), np.nan)
    tables = [np.full((len(bars), 12), np.nan) for _ in range(many)]
    for order, levels in _book_blocks(market, symbol, names):
        best = levels[0][0], levels[0][1]
        for m, level in enumerate(levels):
            places[m] = flow_of_level(
                order, level, best, aside, bars.edges, places[m], standing[m], tables[m]
            )
    return [Level(*table.T) for table in tables], places[0][-1] - 1


def _book_blocks(market: Market, symbol: str, names: list[dict]) -> Iterator[tuple]:
    """Blocks as (time, seq) and of each level bid, ask and sizes; an end that closes every bar."""
    if names:
        wanted = ["time", "seq", *(c for level in names for c in level)]
        found = blocks.of_symbol(market, "book", wanted, symbol)
        keys = [list(level) for level in names]
    else:
        wanted, found, keys = QUOTE, quote_blocks(market, symbol) or iter(()), [_SIDES]
    for block in itertools.chain(found, [after_all(wanted)]):
        yield (block["time"], block["seq"]), [tuple(block[c] for c in level) for level in keys]


def _order(market: Market, table: str, symbol: str) -> pd.DataFrame:
    """Time and seq of every row of a table."""
    found = [np.empty((2, 0), dtype="int64")]
    found += [
        np.stack([rows["time"], rows["seq"]])
        for rows in blocks.of_symbol(market, table, ["time", "seq"], symbol)
    ]
    time, seq = np.concatenate(found, axis=1)
    return pd.DataFrame({"time": pd.to_datetime(time, utc=True), "seq": seq})


def _tick(market: Market, symbol: str) -> float:
    return float(market.symbols.set_index("symbol")["tick"][symbol])


def _flow(found: list[Level], tick: float, deep: bool, aside: bool) -> dict[str, np.ndarray]:
    """The columns that come from quotes."""
    best = found[0]
    columns = {"ofi": best.ofi}
    if deep:
        columns |= {f"ofi_{m}": level.ofi for m, level in enumerate(found, 1)}
    columns |= {
        "quotes": best.quotes.astype("int64"),
        "mid_start": best.mid_start,
        "mid": best.mid,
        "move_ticks": (best.mid - best.mid_start) / tick,
        "return_bps": 1e4 * np.log(best.mid / best.mid_start),
        "depth": _ratio(best.depth, best.two_sided),
    }
    if deep:
        columns |= {
            f"depth_{m}": _ratio(level.depth, level.two_sided) for m, level in enumerate(found, 1)
        }
    return columns | {
        "bid_moves": best.bid_moves.astype("int64"),
        "bid_moved": _ratio(best.bid_moved, best.bid_moves),
        "ask_moves": best.ask_moves.astype("int64"),
        "ask_moved": _ratio(best.ask_moved, best.ask_moves),
        "aside": (best.one_sided + best.crossed).astype("int64"),
    }


def _observed(symbol: str, columns: dict[str, np.ndarray], best: Level) -> pd.DataFrame:
    """The bars from the first that holds a quote to the last."""
    held = np.flatnonzero(best.quotes + best.one_sided + best.crossed)
    seen = slice(held[0], held[-1] + 1) if len(held) else slice(0, 0)
    table = pd.DataFrame({name: values[seen] for name, values in columns.items()})
    table = table.assign(**{edge: table[edge].dt.tz_localize("UTC") for edge in ("start", "end")})
    table.insert(0, "symbol", pd.Series([symbol] * len(table), dtype="str"))
    return table


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
