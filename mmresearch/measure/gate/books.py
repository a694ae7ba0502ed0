"""Checks of accounts: positions that are reported, openings, fees, and fills against the tape."""

from __future__ import annotations

import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.fills import shared_assets, shared_words
from mmresearch.measure.gate.finding import Finding, share
from mmresearch.measure.gate.prints import by_symbol
from mmresearch.measure.ledger import ledger
from mmresearch.measure.reconcile import reconcile

_LEVEL = "the inventory's level, its reversion (a lost fill is a permanent shift), profit"


def reconciliation(market: Market) -> list[Finding]:
    """Reported positions that fills and transfers do not lead to."""
    if "positions" not in market or "fills" not in market:
        return []
    book, shared = ledger(market), shared_assets(market)
    found = []
    if shared:
        words = f"{shared_words(shared)}; see mm.balances"
        found.append(Finding("reconciliation", "all", "warn", words, None, None, _LEVEL))
    apart = [symbol for held in shared.values() for symbol in held]
    book = book[~book["symbol"].isin(apart)]
    reports, parted = book[book["kind"] == "snapshot"], reconcile(book)
    for symbol, rows in by_symbol(reports):
        own = parted[parted["symbol"] == symbol]
        count, of = len(own), len(rows)
        words = f"{share(count, of)} reports find units that no fill or transfer shows"
        if count:
            worst = own.loc[own["missing"].abs().idxmax()]
            words += (
                f", most {worst['missing']:+,g} in {worst['account']}"
                f" by {worst['time']:%Y-%m-%d %H:%M} UTC"
            )
        verdict = "fail" if count else "pass"
        affects = _LEVEL if count else ""
        found.append(Finding("reconciliation", symbol, verdict, words, count, of, affects))
    return found


def fees(market: Market) -> list[Finding]:
    """Fills whose fee is not known."""
    if "fills" not in market:
        return []
    return [
        _missing("fees", symbol, rows["fee"], "fills have no fee", "profit is before their fees")
        for symbol, rows in by_symbol(market["fills"])
    ]


def _missing(check: str, symbol: str, values: pd.Series, said: str, affects: str) -> Finding:
    count, of = int(values.isna().sum()), len(values)
    verdict = "warn" if count else "pass"
    words = f"{share(count, of)} {said}"
    return Finding(check, symbol, verdict, words, count, of, affects if count else "")


def fills_and_tape(market: Market) -> list[Finding]:
    """Whether an account traded more than the tape shows in all."""
    if "fills" not in market or "trades" not in market:
        return []
    tape = market["trades"].groupby("symbol")["size"].sum()
    found = []
    for symbol, rows in by_symbol(market["fills"]):
        if symbol not in tape:
            continue
        most = rows.groupby("account")["size"].sum()
        part = most.max() / tape[symbol]
        words = f"{most.idxmax()} has {part:.1%} of the tape's volume"
        verdict = "fail" if part > 1 + 1e-9 else "pass"
        affects = "participation, impact; another unit, or a tape with holes" if part > 1 else ""
        found.append(Finding("fills and tape", symbol, verdict, words, None, len(rows), affects))
    return found


CHECKS = [reconciliation, fees, fills_and_tape]
