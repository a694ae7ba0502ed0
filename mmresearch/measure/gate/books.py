"""Checks of accounts: positions that are reported, openings, fees, and fills against the tape."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import polars as pl

from mmresearch.measure.fills import shared_assets, shared_words
from mmresearch.measure.gate.condense import condensed
from mmresearch.measure.gate.finding import Finding, share
from mmresearch.measure.gate.study import Piece, Study
from mmresearch.measure.gate.tally import Tally
from mmresearch.measure.ledger import ledger
from mmresearch.measure.reconcile import reconcile

_LEVEL = "the inventory's level, its reversion (a lost fill is a permanent shift), profit"
_WHOLE = 1 + 1e-9  # of the tape's volume, which is a sum of floats


def look(piece: Piece) -> Tally:
    """Fills, those without a fee, and what each account and the tape traded."""
    found: Tally = {}
    fills, trades = piece.get("fills"), piece.get("trades")
    if fills is not None:
        traded = fills.group_by("account").agg(pl.col("size").sum().alias("n")).sort("account")
        found |= {"fills": fills.height, "no fee": fills["fee"].null_count(), "traded": traded}
    if trades is not None:
        found |= {"tape": float(trades["size"].sum())}
    return found


def reconciliation(study: Study) -> Iterator[Finding]:
    """Reported positions that fills and transfers do not lead to."""
    market = study.market
    if "positions" not in market or "fills" not in market or market["positions"].empty:
        return
    market = condensed(market)
    book, shared = ledger(market), shared_assets(market)
    if shared:
        words = f"{shared_words(shared)}; see mm.balances"
        yield Finding("reconciliation", "all", "warn", words, None, None, _LEVEL)
    apart = [symbol for held in shared.values() for symbol in held]
    book = book[~book["symbol"].isin(apart)]
    reports, parted = book[book["kind"] == "snapshot"], reconcile(book)
    for symbol, rows in reports.groupby("symbol", sort=True):
        yield _reconciled(symbol, parted[parted["symbol"] == symbol], len(rows))


def _reconciled(symbol: str, parted: pd.DataFrame, of: int) -> Finding:
    count = len(parted)
    words = f"{share(count, of)} reports find units that no fill or transfer shows"
    if not count:
        return Finding("reconciliation", symbol, "pass", words, 0, of, "")
    worst = parted.loc[parted["missing"].abs().idxmax()]
    words += f", most {worst['missing']:+,g} in {worst['account']}"
    words += f" by {worst['time']:%Y-%m-%d %H:%M} UTC"
    return Finding("reconciliation", symbol, "fail", words, count, of, _LEVEL)


def fees(study: Study) -> Iterator[Finding]:
    """Fills whose fee is not known."""
    for symbol in study.having("fills"):
        count, of = int(symbol.tally["no fee"]), int(symbol.tally["fills"])
        words = f"{share(count, of)} fills have no fee"
        affects, verdict = ("profit is before their fees", "warn") if count else ("", "pass")
        yield Finding("fees", symbol.name, verdict, words, count, of, affects)


def fills_and_tape(study: Study) -> Iterator[Finding]:
    """Whether an account traded more than the tape shows in all."""
    for symbol in study.having("fills"):
        if not symbol.tally.get("prints"):
            continue
        traded = symbol.tally["traded"].sort("account")
        most = traded.row(traded["n"].arg_max(), named=True)
        part = most["n"] / symbol.tally["tape"]
        words = f"{most['account']} has {part:.1%} of the tape's volume"
        verdict = "fail" if part > _WHOLE else "pass"
        affects = "participation, impact; another unit, or a tape with holes"
        affects, of = affects if part > _WHOLE else "", int(symbol.tally["fills"])
        yield Finding("fills and tape", symbol.name, verdict, words, None, of, affects)


CHECKS = [reconciliation, fees, fills_and_tape]
