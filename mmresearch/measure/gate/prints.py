"""Checks of prints: their sides, their numbers, and the quotes they are read against."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from mmresearch.measure.asof import known_before
from mmresearch.measure.gate.finding import Finding, share
from mmresearch.measure.gate.study import Piece, Study, clock, nanoseconds
from mmresearch.measure.gate.tally import Tally
from mmresearch.measure.sign_rules import against_mid
from mmresearch.measure.signs import session_numbers
from mmresearch.sessions import stands_until

_NEVER = np.iinfo(np.int64).max
_ENOUGH = 30  # prints; with fewer a share says nothing
_INVERTED, _DOUBTFUL = 0.4, 0.6  # of prints whose side agrees with the rule
_SIGNED = "signed flow, impact, order imbalance, the aggregate maker's inventory"
_KEYS = {"trades": ["trade_id"], "fills": ["account", "trade_id", "side"]}
_AT_ONCE = 16_000_000  # numbers of prints that are compared at once, eight bytes each


def look(piece: Piece) -> Tally:
    """Counts of prints, of their sides and of quotes."""
    found: Tally = {}
    trades, quotes = piece.get("trades"), piece.get(piece.best)
    if trades is not None:
        found |= {"prints": trades.height, "prints without a side": trades["side"].null_count()}
        found |= _by_tick(piece)
    if quotes is not None:
        found |= _crossings(quotes)
    if trades is not None and quotes is not None and trades["side"].count():
        found |= _by_mid(piece)
    return found


def _by_tick(piece: Piece) -> Tally:
    """Of prints at another price than the one before, in one session: how many, and how many right.

    A sign convention turned round shows as agreement near 0 (Lee and Ready 1991 find the tick test
    right for most prints, so a source's own sides agree with it far above one half).
    """
    tape = piece.with_last("trades")
    session = session_numbers(clock(tape["time"]), piece.sessions)
    change, side = np.diff(tape["price"].to_numpy()), tape["side"].to_numpy()[1:]
    counted = (change != 0) & (session[1:] == session[:-1]) & ~np.isnan(side)
    return _compared("tick", np.sign(change), side, counted)


def _by_mid(piece: Piece) -> Tally:
    """Of prints off the mid that stood before: how many, and how many sides are right."""
    trades, quotes = piece.tables["trades"], piece.with_last(piece.best)
    order = [rows.select("time", "seq").to_pandas() for rows in (trades, quotes)]
    row = known_before(*order)
    until = stands_until(clock(quotes["time"]), piece.sessions, piece.calendar)
    row[nanoseconds(trades["time"]) >= np.append(until, _NEVER)[row]] = -1
    mid = ((quotes["bid"] + quotes["ask"]) / 2).to_numpy()
    known = np.append(mid, np.nan)[row]
    sign, side = against_mid(trades["price"].to_numpy(), known), trades["side"].to_numpy()
    return _compared("mid", sign, side, ~np.isnan(sign) & ~np.isnan(side))


def _compared(rule: str, sign: np.ndarray, side: np.ndarray, counted: np.ndarray) -> Tally:
    right = counted & (sign == side)
    return {f"compared by {rule}": int(counted.sum()), f"right by {rule}": int(right.sum())}


def _crossings(quotes: pl.DataFrame) -> Tally:
    bid, ask = quotes["bid"], quotes["ask"]
    both = bid.is_not_null() & ask.is_not_null()
    return {
        "quotes": quotes.height,
        "two-sided quotes": int(both.sum()),
        "crossed": int((bid > ask).sum()),
        "locked": int((bid == ask).sum()),
    }


def sides(study: Study) -> Iterator[Finding]:
    """Whether buyers lift the price and are above the mid known before, and sellers the reverse."""
    for check, rule in (("side against the tick test", "tick"), ("side against the mid", "mid")):
        for symbol in study.having(f"compared by {rule}"):
            n, right = (int(symbol.tally[f"{what} by {rule}"]) for what in ("compared", "right"))
            yield _agreed(check, symbol.name, right, n)


def _agreed(check: str, symbol: str, right: int, n: int) -> Finding:
    words = f"the side agrees on {share(right, n)}"
    if n < _ENOUGH:
        return Finding(check, symbol, "none", f"only {n} prints to compare", n - right, n, "")
    if right < _INVERTED * n:
        words += ": it is inverted, or is the maker's and not the aggressor's"
        return Finding(check, symbol, "fail", words, n - right, n, f"turns the sign of {_SIGNED}")
    if right < _DOUBTFUL * n:
        words += ": is it the aggressor's, and are the clocks in step?"
        return Finding(check, symbol, "warn", words, n - right, n, f"attenuates {_SIGNED}")
    return Finding(check, symbol, "pass", words, n - right, n, "")


def unknown_sides(study: Study) -> Iterator[Finding]:
    """Prints without a side."""
    for symbol in study.having("prints"):
        count, of = (int(symbol.tally[k]) for k in ("prints without a side", "prints"))
        yield _unknown(symbol.name, count, of)


def _unknown(symbol: str, count: int, of: int) -> Finding:
    if not count:
        return Finding("unknown sides", symbol, "pass", "every print has a side", 0, of, "")
    words = f"{share(count, of)} prints have no side"
    affects = f"left out of {_SIGNED}, unless mm.sign_trades infers them"
    verdict = "warn" if count > 0.01 * of else "pass"
    return Finding("unknown sides", symbol, verdict, words, count, of, affects)


def repeated_ids(study: Study) -> Iterator[Finding]:
    """One number on several prints, or on several fills of an account's side."""
    for name, key in _KEYS.items():
        if name not in study.market:
            continue
        counted = {s.name: _numbers(study, s.name, name, key) for s in study.symbols}
        if any(known for _, known, _ in counted.values()):
            for symbol, (rows, _, again) in counted.items():
                if rows:
                    yield _repeated(name, symbol, again, rows)


def _numbers(study: Study, symbol: str, name: str, key: list[str]) -> tuple[int, int, int]:
    """Rows of a symbol, those with a number, and those whose number stands before.

    Keys are compared by 64 bits of hash: of 100 million, two unlike ones are alike by chance once
    in 3,700 times.
    """
    has = [rows["trade_id"] for rows in study.tables.column(symbol, name, ["trade_id"])]
    rows, known = sum(ids.len() for ids in has), sum(ids.count() for ids in has)
    rounds = -(-known // _AT_ONCE)
    different = sum(_different(study, symbol, name, key, rounds, n) for n in range(rounds))
    return rows, known, known - different


def _different(
    study: Study, symbol: str, name: str, key: list[str], rounds: int, number: int
) -> int:
    """How many keys differ among those that this round compares."""
    hashed = pl.struct(key).hash()
    parts = [
        rows.filter(pl.col("trade_id").is_not_null()).select(hash=hashed)["hash"]
        for rows in study.tables.column(symbol, name, key)
    ]
    if rounds > 1:
        parts = [part.filter(part % rounds == number) for part in parts]
    return pl.concat(parts).n_unique()


def _repeated(name: str, symbol: str, count: int, of: int) -> Finding:
    check = f"repeated ids in {name}"
    if not count:
        return Finding(check, symbol, "pass", "every number stands once", 0, of, "")
    words = f"{share(count, of)} rows repeat a number that stands before"
    return Finding(check, symbol, "warn", words, count, of, "volume and flow are counted twice")


def crossed_quotes(study: Study) -> Iterator[Finding]:
    """Bids at or above the ask."""
    for symbol in study.having("quotes"):
        names = ("crossed", "locked", "two-sided quotes")
        yield _crossed(symbol.name, *(int(symbol.tally[name]) for name in names))


def _crossed(symbol: str, crossed: int, locked: int, of: int) -> Finding:
    words = f"{share(crossed, of)} crossed, {share(locked, of)} locked"
    doubtful = crossed > 0.001 * of or locked > 0.05 * of
    verdict = "fail" if crossed > 0.05 * of else "warn" if doubtful else "pass"
    affects = "" if verdict == "pass" else "mid, spreads, quote rule, order flow imbalance"
    return Finding("crossed quotes", symbol, verdict, words, crossed + locked, of, affects)


CHECKS = [sides, unknown_sides, repeated_ids, crossed_quotes]
