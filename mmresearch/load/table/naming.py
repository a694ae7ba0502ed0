"""Their columns and ours: which is which, and what is probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from mmresearch import schema
from mmresearch.load.text import word

# Words that other sources use, beside our own names; only to suggest, never to guess in silence.
_SYNONYMS = {
    "time": "timestamp ts datetime date tradetime createdat blocktime filledat transacttime",
    "seq": "sequence sequenceno sequencenumber seqno seqnum",
    "symbol": "ticker instrument market pair product coin sym stock underlying",
    "price": "px rate executionprice fillprice tradeprice avgprice p",
    "size": "qty quantity amount volume vol shares contracts lots filledqty executedqty sz q",
    "side": "direction buysell bs sign aggressor takerside tradeside",
    "account": "accountid trader wallet broker user maker owner address",
    "trade_id": "tradeid tid id executionid execid fillid dealid",
    "fee": "commission fees feepaid",
    "maker": "ismaker liquidity makertaker",
    "counterparty": "counterpartyid otherside contra from to",
    "bid": "bidprice bestbid bidpx bp bid1",
    "ask": "askprice bestask askpx ap offer ofr ask1",
    "bid_size": "bidqty bidvolume bidsz bidsz1 bestbidsize bidamount",
    "ask_size": "askqty askvolume asksz asksz1 bestasksize ofrsiz askamount",
    "order_id": "orderid oid id",
    "event": "type eventtype action",
    "asset": "currency token coin",
    "amount": "value quantity qty size",
    "tx": "txhash transactionhash hash txid",
    "position": "pos inventory holding qty quantity net",
    "expiry": "expiration expirationdate maturity",
    "strike": "strikeprice k",
    "right": "type optiontype callput cp putcall",
    "open_interest": "oi openint",
    "implied_vol": "iv impliedvolatility vol",
    "spot": "underlyingprice underlying",
    "name": "metric field statistic variable seriesname type",
    "value": "val level reading close",
}
_CONSTANTS = ("symbol", "account")


def wanted_columns(kind: str, names: list[str]) -> list[schema.Column]:
    """The columns of a table; of a book, for as many levels as the names say."""
    found = [re.fullmatch(r"(?:bid|ask)(?:_size)?_(\d+)", n.strip().lower()) for n in names]
    return schema.columns(kind, max((int(m[1]) for m in found if m), default=1))


def matched(
    theirs: list[str], kind: str, columns: Mapping[str, str]
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Ours -> theirs, and what is wrong with it: (found, expected).

    What `columns` says goes first; else a column of our own name, whatever its case.
    """
    names, wrong = {}, []
    known = [c.name for c in wanted_columns(kind, [*theirs, *columns])]
    for ours, their in columns.items():
        if their in theirs:
            names[ours] = their
            continue
        if ours in theirs and their in known:
            hint = f"columns={{ours: theirs}}, as columns={{{their!r}: {ours!r}}}"
        else:
            near = difflib.get_close_matches(their, theirs, 1)
            hint = f"`{near[0]}`?" if near else f"one of {', '.join(theirs)}"
        wrong.append((f"no column `{their}`", hint))
    for name in known:
        same = [t for t in theirs if t.strip().lower() == name]
        if same and name not in columns:
            names[name] = same[0]
    return names, wrong


def lacking(
    names: Mapping[str, str], theirs: list[str], kind: str, given: Iterable[str]
) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """What is wrong where a required column is neither matched nor given: (found, expected).

    With it the columns that look like ours, of the optional ones too: ours -> theirs.
    """
    absent = [
        c for c in wanted_columns(kind, [*theirs, *names]) if c.name not in {*names, *given, "seq"}
    ]
    alike = _alike(absent, [t for t in theirs if t not in names.values()])
    wrong = []
    for column in absent:
        if column.required:
            ours, likely = column.name, alike.get(column.name)
            said = f"; column `{likely}` looks like `{ours}`; pass columns={{{ours!r}: {likely!r}}}"
            constant = f"; pass {ours}= if it is one" if ours in _CONSTANTS else ""
            expected = column.meaning + (said if likely else constant)
            wrong.append((f"no column `{ours}`", expected))
    return wrong, alike


def _alike(absent: list[schema.Column], free: list[str]) -> dict[str, str]:
    """Each of ours -> the one of theirs that is probably meant; each of theirs only once.

    Known words come before similar ones, and required columns before optional ones, for which a
    similar word is not enough.
    """
    found: dict[str, str] = {}
    required = [c.name for c in absent if c.required]
    optional = [c.name for c in absent if not c.required]
    for names, find in ((required, _synonym), (required, _similar), (optional, _synonym)):
        for name in names:
            words = {word(t): t for t in free if t not in found.values()}
            likely = None if name in found else find(name, words)
            if likely is not None:
                found[name] = likely
    return {c.name: found[c.name] for c in absent if c.name in found}


def _synonym(ours: str, words: dict[str, str]) -> str | None:
    known = (word(ours), *_SYNONYMS.get(ours, "").split())
    return next((words[w] for w in known if w in words), None)


def _similar(ours: str, words: dict[str, str]) -> str | None:
    near = difflib.get_close_matches(word(ours), list(words), 1, cutoff=0.7)
    return words[near[0]] if near else None
