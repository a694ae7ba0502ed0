"""Checks of accounts' own quotes: crossed ones, fills at other prices, accounts without a fill."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from mmresearch.measure.asof import known_before
from mmresearch.measure.gate.finding import Finding, share
from mmresearch.measure.gate.study import Piece, Study, clock
from mmresearch.measure.gate.tally import Tally
from mmresearch.measure.signs import session_numbers

_SAME = 1e-9  # of a price, which another source may have rounded
_DOUBTFUL, _WRONG = 0.01, 0.5  # of an account's resting fills
_SKEW = "the skew of its quotes, the spread it earns"


def look(piece: Piece) -> Tally:
    """Own quotes, those that are crossed or locked, who gave them, and the fills they met."""
    own = piece.get("own_quotes")
    if own is None:
        return {}
    given = own.group_by("account").agg(pl.len().cast(pl.Int64).alias("n")).sort("account")
    both = own["bid"].is_not_null() & own["ask"].is_not_null()
    found = {"quoting": given, "own quotes": own.height, "own two-sided": int(both.sum())}
    found["own crossed"] = int((own["bid"] >= own["ask"]).sum())
    if piece.get("fills") is not None:
        met = np.array([(0, 0), *(_met(piece, *rows) for rows in _by_account(piece))]).sum(axis=0)
        found["own fills"], found["own fills outside"] = met.tolist()
    return found


def _by_account(piece: Piece) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Of each account its quotes and its fills, without those that are known to be takers'."""
    quotes, fills = piece.with_last("own_quotes"), piece.tables["fills"]
    fills = fills.filter(pl.col("maker").fill_null(True))
    resting = fills.partition_by("account", as_dict=True, maintain_order=True)
    for name, rows in quotes.partition_by("account", as_dict=True, maintain_order=True).items():
        if name in resting:
            yield resting[name], rows


def _met(piece: Piece, fills: pl.DataFrame, quotes: pl.DataFrame) -> tuple[int, int]:
    """Of an account's fills those with a quote of the session before, and those it did not offer.

    Bought above its bid or sold below its ask: it asked for better than it got. A fill at a better
    price than the quote's is of a deeper level.
    """
    order = [rows.select("time", "seq").to_pandas() for rows in (fills, quotes)]
    row = known_before(*order)
    when, then = (session_numbers(clock(rows["time"]), piece.sessions) for rows in (fills, quotes))
    in_force = (row >= 0) & (then[row] == when) & (when % 2 == 1)  # odd: in a session
    price, bought = fills["price"].to_numpy(), fills["side"].to_numpy() > 0
    bid, ask = (quotes[side].to_numpy()[row] for side in ("bid", "ask"))
    offered = np.where(bought, price <= bid * (1 + _SAME), price >= ask * (1 - _SAME))
    return int(in_force.sum()), int((in_force & ~offered).sum())


def crossed(study: Study) -> Iterator[Finding]:
    """An account that bids at or above its own ask."""
    for symbol in study.having("own quotes"):
        count, of = (int(symbol.tally[k]) for k in ("own crossed", "own two-sided"))
        words = f"{share(count, of)} own quotes are crossed or locked"
        doubtful = count > 0.001 * of
        verdict = "fail" if count > 0.05 * of else "warn" if doubtful else "pass"
        affects = _SKEW if doubtful else ""
        yield Finding("crossed own quotes", symbol.name, verdict, words, count, of, affects)


def fills_outside(study: Study) -> Iterator[Finding]:
    """Resting fills at prices that the account's quote in force before them did not offer."""
    for symbol in study.having("own fills"):
        count, of = (int(symbol.tally[k]) for k in ("own fills outside", "own fills"))
        words = (
            f"{share(count, of)} fills are bought above the account's own bid or sold below its ask"
        )
        doubtful = count > _DOUBTFUL * of
        verdict = "fail" if count > _WRONG * of else "warn" if doubtful else "pass"
        affects = f"{_SKEW}: quotes are missing, late, or another account's" if doubtful else ""
        yield Finding("fills at own quotes", symbol.name, verdict, words, count, of, affects)


def without_fills(study: Study) -> Iterator[Finding]:
    """Accounts that quote a symbol and never fill in it."""
    if "fills" not in study.market:
        return
    for symbol in study.having("quoting"):
        quoting = symbol.tally["quoting"]["account"].to_list()
        traded = symbol.tally.get("traded")
        idle = sorted(set(quoting) - set([] if traded is None else traded["account"]))
        words = f"{share(len(idle), len(quoting))} accounts quote and never fill"
        if not idle:
            words = "every account that quotes has fills"
        words += f": {', '.join(idle[:3])}" if idle else ""
        affects = "their quotes are read for no inventory: is the name another in fills?"
        verdict, affects = ("warn", affects) if idle else ("pass", "")
        about = (len(idle), len(quoting), affects)
        yield Finding("quotes without fills", symbol.name, verdict, words, *about)


CHECKS = [crossed, fills_outside, without_fills]
