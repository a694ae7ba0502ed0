"""Large trades one by one: what they took from the book, and how much of it came back, and when.

Beside each stand instants without it, of the same time of day and in the same state just before:
what the book would have done anyway.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import nanoseconds, parse_freq
from mmresearch.measure.book_states import halts_of, shown_symbols, source_of
from mmresearch.measure.recovery_controls import Asked, inside, with_controls
from mmresearch.measure.recovery_paths import KINDS, Path, Paths, followed
from mmresearch.sessions import has_clock

EVENTS = ("large", "touch")
HORIZONS = ("100ms", "200ms", "500ms", "1s", "2s", "5s", "10s", "20s", "40s", "60s")
_TALLY = ("bursts", "outside sessions", "halted", "no ordinary quote before", "nothing was missing")


def recoveries(
    market: Market,
    *,
    of: str = "depth",
    which: str = "large",
    large: float = 0.9,
    burst: str = "10ms",
    settle: str = "0ms",
    horizons: Sequence[str] = HORIZONS,
    share: float = 0.9,
    controls: int = 3,
    band: str = "15min",
    symbol: str | Sequence[str] | None = None,
    source: str = "auto",
    seed: int = 0,
) -> pd.DataFrame:
    """Large trades with what stood before and after them, and so long later.

    Parameters
    ----------
    market : Market
        With trades that have a side, and quotes or a book.
    of : str
        What is followed, on the side that was hit: "depth", the size at the best price before the
        trade or at better ones; "touch", the size at the best price, wherever that is; "spread", in
        basis points of the mid.
    which : str
        "large": bursts whose size is in the upper 1 - `large` of the symbol's; "touch": bursts as
        large as what stood at the best price that they met.
    large : float
        The quantile.
    burst : str
        Trades of one side no further apart are one event.
    settle : str
        How long after a burst's last trade what is missing is seen; more than 0 where books come
        later than trades.
    horizons : list of str
        Clock steps after the last trade, rising; the last is how long an event is followed.
    share : float
        Of what was missing, that counts as recovered.
    controls : int
        Instants set beside each event.
    band : str
        How far in time of day they may be from it.
    symbol, source
        As in `depth`.
    seed : int
        Of the instants from which controls are chosen.

    Returns
    -------
    DataFrame
        A row an event, in order of symbol and time: symbol, day, time (first trade), end (last),
        time_of_day (seconds), side (+1 the aggressor bought), size, trades, before, after (units,
        or bps of the spread), lost (what is missing then, above 0), until (seconds that it was
        followed: to the next such event on its side, the longest horizon, a halt or the close),
        ended ("recovered", "horizon", "next event", "halt", "close"), recovered (flag),
        seconds (to recovery, or followed in vain); back_{h}: what is back of lost at that horizon,
        missing past `until`; control_{h}: how much the controls changed meanwhile in the same
        direction, from the same state; control_lost, 0 where their state just before is the
        event's: the difference of the means.

        attrs: of, which, horizons (names), share, bursts, and how many bursts are not there, by
        reason: trades without a side, outside sessions, halted, no ordinary quote before, nothing
        was missing.

    Raises
    ------
    ValueError
        No trades with a side, no quotes; options that are not known; sessions without a clock.

    References
    ----------
    Degryse, de Jong, van Ravenswaaij and Wuyts (2005), Aggressive orders and the resiliency of a
    limit order market, Review of Finance 9; Large (2007), Measuring the resiliency of an electronic
    limit order book, Journal of Financial Markets 10.
    """
    asked = _asked(of, which, large, horizons, settle, share, controls, band)
    why = cannot_follow(market)
    if why:
        raise ValueError(f"market {market.name!r}: {why}")
    table, levels = source_of(market, source)
    pieces, tally = [], pd.Series(0, index=["without a side", *_TALLY])
    for name in shown_symbols(market, table, symbol):
        trades = market["trades"]
        trades = trades[trades["symbol"] == name]
        tally["without a side"] += int(trades["side"].isna().sum())
        bursts = _bursts(trades, _step(burst, "burst"))
        paths = Paths(market, name, (table, min(levels, 10)))
        own, counts = _of_symbol(market, name, bursts, paths, asked, (which, large), seed)
        tally = tally.add(counts, fill_value=0)
        pieces.append(own)
    found = pd.concat(pieces, ignore_index=True)
    found.attrs = {"of": of, "which": which, "horizons": list(horizons), "share": share}
    found.attrs |= {"source": table, "left_out": tally.drop("bursts").astype(int).to_dict()}
    found.attrs["bursts"] = int(tally["bursts"])
    return found


def cannot_follow(market: Market) -> str:
    """Why no recovery can be seen in the market, "" where it can."""
    if "quotes" not in market and "book" not in market:
        return "it has no quotes and no book, so nothing shows what is missing"
    if "trades" not in market or not market["trades"]["side"].notna().any():
        return "it has no trades with a side, so nothing tells which side was hit"
    if not all(has_clock(calendar) for calendar in market.symbols["calendar"]):
        return "its sessions have no clock, so nothing is so long after a trade"
    return ""


def _asked(
    of: str,
    which: str,
    large: float,
    horizons: Sequence[str],
    settle: str,
    share: float,
    controls: int,
    band: str,
) -> Asked:
    wrong = []
    if of not in KINDS:
        wrong.append(f"of must be one of {', '.join(KINDS)}, not {of!r}")
    if which not in EVENTS:
        wrong.append(f"which must be one of {', '.join(EVENTS)}, not {which!r}")
    if not (0 <= large < 1 and 0 < share <= 1 and controls >= 1):
        wrong.append("large must be in [0, 1), share in (0, 1], controls 1 or more")
    steps = np.array([_step(h, "horizons") for h in horizons], "int64")
    settled = _step(settle, "settle")
    if not len(steps) or (np.diff(steps, prepend=settled) <= 0).any():
        wrong.append("horizons must rise, from above settle")
    if wrong:
        raise ValueError("; ".join(wrong))
    return Asked(of, steps, settled, share, controls, _step(band, "band"))


def _step(text: str, name: str) -> int:
    """A clock step in nanoseconds; 0 is one too."""
    if re.fullmatch(r"\s*0+\s*[a-zA-Z]+\s*", str(text)):
        return 0
    step = parse_freq(text)
    if step.kind != "clock":
        raise ValueError(f"{name} must be clock steps, such as '100ms', not {text!r}")
    return step.size


def _bursts(trades: pd.DataFrame, gap: int) -> pd.DataFrame:
    """Runs of trades of one side: first and last time and seq, side, size, trades."""
    rows = trades[trades["side"].notna()]
    at = nanoseconds(rows["time"])
    own = pd.DataFrame({"at": at, "seq": rows["seq"].to_numpy()})
    own["side"], own["size"] = rows["side"].to_numpy(), rows["size"].to_numpy("float64")
    own = own.sort_values(["side", "at", "seq"], kind="stable", ignore_index=True)
    new = (own["at"].diff() > gap) | own["side"].diff().ne(0)
    by = own.groupby(new.cumsum(), sort=False)
    how = {"at": ("at", "first"), "seq": ("seq", "first"), "last": ("at", "last")}
    how |= {"side": ("side", "first"), "size": ("size", "sum"), "trades": ("size", "size")}
    return by.agg(**how).sort_values(["at", "seq"], kind="stable", ignore_index=True)


def _of_symbol(
    market: Market,
    symbol: str,
    bursts: pd.DataFrame,
    paths: Paths,
    asked: Asked,
    which: tuple[str, float],
    seed: int,
) -> tuple[pd.DataFrame, pd.Series]:
    """One symbol's events, followed, with controls; and how many bursts are left out, and why."""
    counts = pd.Series(0, index=list(_TALLY))
    bursts = bursts.assign(place=paths.before(bursts["at"], bursts["seq"]))
    bursts["session"] = paths.session_at(bursts["at"].to_numpy())
    met = paths.best_size(bursts["place"].to_numpy(), bursts["side"].to_numpy())
    if which[0] == "touch":
        chosen = bursts["size"].to_numpy() >= met
    else:
        size = bursts["size"].to_numpy()
        chosen = size >= (np.quantile(size, which[1]) if len(size) else np.inf)
    own = bursts[chosen].reset_index(drop=True)
    counts["bursts"] = len(bursts)
    halts = halts_of(market, symbol) or (np.empty(0, "int64"),) * 2
    own, counts["outside sessions"] = _without(own, own["session"] < 0)
    own, counts["halted"] = _without(own, inside(own["at"].to_numpy(), halts))
    own, counts["no ordinary quote before"] = _without(own, ~paths.ordinary(own["place"]))
    nexts = _next_events(own, asked.settle)
    events = [
        followed(paths, _path(row, until), asked.of, asked.horizons, asked.settle, halts)
        for row, until in zip(own.itertuples(), nexts, strict=True)
    ]
    lost = np.array([e.before - e.after for e in events]) * (-1 if asked.of == "spread" else 1)
    keep = lost > 0  # an after that is not known is no loss that is known
    counts["nothing was missing"] = int((~keep).sum())
    table = _table(own, events, lost, paths, asked)[keep].reset_index(drop=True)
    table.insert(0, "symbol", pd.Series([symbol] * len(table), dtype="str"))
    return with_controls(table, paths, own, halts, asked, seed), counts


def _without(rows: pd.DataFrame, wrong: pd.Series | np.ndarray) -> tuple[pd.DataFrame, int]:
    wrong = np.asarray(wrong, bool)
    return rows[~wrong].reset_index(drop=True), int(wrong.sum())


def _next_events(own: pd.DataFrame, settle: int) -> np.ndarray:
    """When the next event of the same side begins, after an event's last trade."""
    found = np.full(len(own), np.iinfo(np.int64).max)
    for side in (-1.0, 1.0):
        rows = np.flatnonzero(own["side"].to_numpy() == side)
        found[rows[:-1]] = own["at"].to_numpy()[rows[1:]]
    return found


def _path(row: object, until: int) -> Path:
    return Path(row.place, row.last, row.side, row.session, until)


def _table(
    own: pd.DataFrame, events: list, lost: np.ndarray, paths: Paths, asked: Asked
) -> pd.DataFrame:
    """The events' columns; what came back is above 0 for a spread that narrows, too."""
    sign = -1.0 if asked.of == "spread" else 1.0
    session = own["session"].to_numpy()
    edges = {
        name: pd.to_datetime(own[c], utc=True) for name, c in (("time", "at"), ("end", "last"))
    }
    table = pd.DataFrame({"day": paths.days[session], **edges})
    table["time_of_day"] = (own["at"].to_numpy() - paths.opens[session]) / 1e9
    table = table.assign(side=own["side"], size=own["size"], trades=own["trades"])
    table["before"] = [e.before for e in events]
    table["after"] = [e.after for e in events]
    table["lost"] = lost
    ends = [e.recovery(asked.share, sign) for e in events]
    table["until"] = [e.until / 1e9 for e in events]
    table["seconds"] = [seconds for seconds, _ in ends]
    table["ended"] = pd.Series([why for _, why in ends], dtype="str")
    table["recovered"] = table["ended"] == "recovered"
    later = np.array([e.later for e in events]).reshape(len(events), len(asked.horizons))
    for k, name in enumerate(asked.names):
        table[f"back_{name}"] = sign * (later[:, k] - table["after"])
    return table
