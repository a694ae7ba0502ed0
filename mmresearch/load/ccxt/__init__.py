"""Trades in ccxt's unified structure: public ones or an account's, from files or from a client."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import pandas as pd
import polars as pl

from mmresearch.load import several, text
from mmresearch.load.ccxt import client as ccxt_client
from mmresearch.load.ccxt import trades as ccxt_trades
from mmresearch.load.ccxt.trades import Markets
from mmresearch.load.fills_export import records as fills_records
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

_SOURCE = "ccxt"
ENDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".gz", ".zip", ".lz4", ".zst")
_MARK = "takerOrMaker"  # of every structure, and of nothing inside one
_STRUCTURE = "trades in ccxt's unified structure: timestamp, symbol, price, amount, side, id, ..."
_WANTED = dict.fromkeys(("timestamp", "price", "amount"), "any")
_OPTIONAL = dict.fromkeys((c for c in ccxt_trades.FIELDS if c not in _WANTED), "any")


@tells
def ccxt(
    *source: Any,
    symbol: str | None = None,
    account: str | None = None,
    since: str | int | pd.Timestamp | None = None,
    until: str | int | pd.Timestamp | None = None,
    markets: str | Path | Mapping[str, Any] | None = None,
    step: str | None = None,
    limit: int | None = None,
    progress: TextIO | None = None,
    name: str | None = None,
) -> Market:
    """Trades of any exchange in ccxt's unified structure.

    From files, `ccxt("trades.json")`, or from an exchange, `ccxt(exchange, "BTC/USDT",
    since="2024-08-01")`, where `exchange` is a ccxt client that you made. Its keys are not looked
    at: they stand in no file, receipt or message of ours, and what ccxt logs at DEBUG, where they
    do, is held back meanwhile. (With `verbose=True` it is ccxt that prints them.)

    Parameters
    ----------
    *source : paths, or a client and symbols
        Files: JSON lists, JSON lines or CSV (timestamp, id, type, side, price, amount, cost, ...),
        packed or not, folders or patterns of them.
    symbol : str, optional
        Of trades that do not say theirs, as in CSV files; or the one to ask a client for.
    account : str, optional
        Whose trades these are: the answers of fetch_my_trades do not say it. With it they become
        fills; without, they are taken for the public tape.
    since, until : time, optional
        For a client: from when (its latest page, if not given), and up to when (left out itself).
        Text without a zone is UTC; a whole number is milliseconds since 1970.
    markets : mapping or path, optional
        Symbol -> market structure, as `exchange.markets` has them, or a JSON file of that: tick,
        contract size and what settles. A client is asked for its own.
    step : str, optional
        For a client, as "1h": how far to go on after an empty page, for exchanges that answer a
        window of time from `since` on (Binance: an hour of public trades, a week of own ones of
        linear contracts); needs `until`. Without it an empty page is the end.
    limit : int, optional
        For a client: trades a page, if its default is not wanted.
    progress : text stream, optional
        Told after every page.
    name : str, optional
        Of the market.

    Returns
    -------
    Market
        trades (without `account`): `side` is the taker's, +1 it bought. fills (with it): `side` is
        the account's, `maker` by takerOrMaker, `fee` in what the symbol settles in, positive paid;
        a fee in another asset is 0 there and a row of `transfers` (counterparty "fee"). Sizes are
        ccxt's amounts: of contracts their number, a contract being `multiplier` units.

    Raises
    ------
    SourceError
        Naming every fault of every file; or how a client failed, after three more attempts where
        it was the network. What its exception says is left out, as it may hold a key.
    """
    known = _markets(markets)
    if source and ccxt_client.is_client(source[0]):
        wanted = [*source[1:], *([symbol] if symbol else [])]
        asked = ccxt_client.Request(account is not None, since, until, step, limit, progress)
        return _fetched(source[0], wanted, asked, account, known, name)
    one = functools.partial(_one, symbol=symbol, account=account, markets=known)
    return several.each(_SOURCE, source, ENDINGS, one, name=name)


def _markets(given: str | Path | Mapping[str, Any] | None) -> Markets:
    """Markets by symbol, as given or from a file."""
    if given is None or isinstance(given, Mapping):
        return given or {}
    found = fills_records.read_roots(_SOURCE, Path(given))
    if isinstance(found, list):
        raise SourceError(_SOURCE, found)
    (root, *_) = found.roots
    if isinstance(root, list) and all(isinstance(row, dict) for row in root):
        root = {row.get("symbol"): row for row in root}
    if not isinstance(root, dict) or not all(isinstance(row, dict) for row in root.values()):
        said = Fault(found.name, 1, "no markets", "symbol -> market structure, or a list of them")
        raise SourceError(_SOURCE, [said])
    return root


def _one(path: Path, *, symbol: str | None, account: str | None, markets: Markets) -> Market:
    (read,) = text.read_texts(_SOURCE, [path])
    is_json = read.data.lstrip().startswith((b"{", b"["))
    raw, lines, trades = _structures(path) if is_json else _table(read, symbol)
    own = account is not None
    found = ccxt_trades.typed(read.name, raw, lines, own=own, symbol=symbol)
    if isinstance(found, list):
        raise SourceError(_SOURCE, found)
    if is_json:
        aside = fills_records.Records(read, trades, _MARK).aside(found.repeated, "duplicate")
    else:
        aside = text.aside([(read, [row + 2 for row in found.repeated], "duplicate")])
    facts = file_facts(path, raw.height)
    return _market(found, account, ccxt_trades.further_fees(trades), markets, facts, aside)


def _strange(row: Any) -> bool:
    return not isinstance(row, dict) or "amount" not in row or ccxt_trades.odd_fees(row)


def _structures(path: Path) -> tuple[pl.DataFrame, ccxt_trades.Lines, list[dict]]:
    """The structures of a JSON file as columns of text."""
    found = fills_records.read_roots(_SOURCE, path)
    if isinstance(found, list):
        raise SourceError(_SOURCE, found)
    trades, faults = [], []
    for line, root in zip(found.lines, found.roots, strict=True):
        some = root if isinstance(root, list) else [root]
        for row in [row for row in some if _strange(row)][:1]:
            said = ", ".join(row) if isinstance(row, dict) else repr(row)
            faults.append(Fault(found.name, line, f"a record of {said}"[:120], _STRUCTURE))
        trades += some
    if not trades and not faults:
        faults = [Fault(found.name, None, "no trade", _STRUCTURE)]
    if faults:
        raise SourceError(_SOURCE, faults)
    flat = [ccxt_trades.flat(trade) for trade in trades]
    records = fills_records.Records(found.text, flat, _MARK)
    return fills_records.texts(flat, ccxt_trades.FIELDS), records.lines, trades


def _table(
    read: text.Text, symbol: str | None
) -> tuple[pl.DataFrame, ccxt_trades.Lines, list[dict]]:
    """The cells of a CSV file as columns of text."""
    frame = text.read_columns(read, _WANTED, optional=_OPTIONAL)
    if isinstance(frame, list):
        raise SourceError(_SOURCE, frame)
    if "symbol" not in frame.columns and symbol is None:
        found = "a header without symbol"
        raise SourceError(_SOURCE, [Fault(read.name, 1, found, "a column symbol, or symbol=")])
    empty = {c: pl.lit(None, pl.String) for c in ccxt_trades.FIELDS if c not in frame.columns}
    frame = frame.with_columns(**empty).select(*ccxt_trades.FIELDS)
    frame = frame.with_columns(pl.all().str.strip_chars().replace("", None))
    return frame, lambda rows: [row + 2 for row in rows], []


def _market(
    found: ccxt_trades.Rows,
    account: str | None,
    further: pl.DataFrame,
    markets: Markets,
    facts: dict,
    aside: pd.DataFrame,
    mode: int | None = None,
) -> Market:
    names = found.rows["symbol"].unique().sort().to_list() or list(markets)
    about = ccxt_trades.symbols_of(names, markets, mode)
    said = ccxt_trades.notes(found, account, about, markets)
    return Market(
        symbols=about,
        receipt=Receipt(_SOURCE, pd.DataFrame([facts]), aside, (*found.notes, *said)),
        name=", ".join(names[:3]),
        **ccxt_trades.tables(found, account, further, about),
    )


def _fetched(
    client: Any,
    wanted: list[str],
    asked: ccxt_client.Request,
    account: str | None,
    markets: Markets,
    name: str | None,
) -> Market:
    """The trades of each symbol that a client gives."""
    if not wanted:
        raise ValueError("give the symbols to ask for: ccxt(exchange, 'BTC/USDT', ...)")
    parts = []
    for symbol in wanted:
        got = ccxt_client.fetch(client, symbol, asked)
        flat = [ccxt_trades.flat(trade) for trade in got.trades]
        raw = fills_records.texts(flat, ccxt_trades.FIELDS)
        own = account is not None
        found = ccxt_trades.typed(
            got.facts["file"], raw, lambda rows: [r + 1 for r in rows], own=own, symbol=symbol
        )
        if isinstance(found, list):
            raise SourceError(_SOURCE, found)
        found = found._replace(notes=[*found.notes, *got.notes])
        further = ccxt_trades.further_fees(got.trades)
        about = {symbol: markets.get(symbol, got.market)}
        parts.append(_market(found, account, further, about, got.facts, text.aside([]), got.mode))
    return several.joined(_SOURCE, parts, name=name)
