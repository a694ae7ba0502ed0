"""Binance's published files: cells checked, rows put in order, the rest set aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load import text
from mmresearch.load.binance.layouts import (
    BARS,
    FLAGS,
    LAYOUTS,
    TRADES,
    VOLUMES,
    Name,
    cell_kinds,
    kind_of,
    named,
)
from mmresearch.load.binance.notes import Ends, notes, tally_of
from mmresearch.load.binance.parts import (
    COIN_M,
    NO_TRADE,
    SOURCE,
    SPOT,
    USD_M,
    Part,
    expected_time,
    is_coin_margined,
    moment,
    not_of,
    unit_of,
)
from mmresearch.load.binance.tables import File, about, tables
from mmresearch.load.blocks import Blocks, WholeNeededError
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

_AGAIN, _OTHER = "duplicate", "its id again, with other content"
_ABOVE, _NOT_BELOW = "a price above 0", "a number of 0 or more"


class _Above(NamedTuple):
    """Of the rows above a block: how many, the last one's place in the order, the last ids."""

    rows: int
    place: tuple
    key: int | None
    ends: Ends


def read_file(texts: Iterator[text.Text], kind: str | None, symbol: str | None) -> Part:
    """One published file, whole or in blocks, as a part whose market is still to be made.

    Raises one SourceError with every fault, here of the first text, of others in their turn.
    """
    t = next(texts)
    name, first = named(t.path), text.first_fields(t)
    kind = _kind(t, name, kind, kind_of(first) if text.is_header(first) else None)
    rows = _parsed(t, kind)
    own = _own(t, name, rows, symbol)
    clock = rows[LAYOUTS[kind].order[0]]
    unit = unit_of(clock) if clock.dtype == pl.Int64 else None
    file = File(t, kind, name, own, symbol or own, _market(kind, rows, own), unit)
    _refuse(file, rows)
    what, period = (name.what, name.period) if name else (kind, None)
    about = {file.symbol: own}, {file.symbol: file.market}
    return Part(t.name, what, period, *about, _made_of(file, rows, texts))


def _made_of(file: File, rows: pl.DataFrame, texts: Iterator[text.Text]) -> Blocks:
    """The tables of each text, and what is said of all; `rows` are those of the first."""
    above, tallies, aside, kept = None, [], [], 0
    while True:
        cells = rows.drop("is_best_match", strict=False)
        placed = cells.with_columns(when=_when(rows[LAYOUTS[file.kind].order[0]], file.unit))
        block, late = _in_order(placed, file, above)
        right = block.filter(pl.col("reason").is_null())
        tally, ends = tally_of(file, block, right, late, above and above.ends)
        tallies.append(tally)
        aside.append(_set_aside(file.text, block))
        kept += right.height
        above = _last(file, block, above, ends)
        yield tables(file, right)
        t = next(texts, None)
        if t is None:
            break
        file, rows = file._replace(text=t), _parsed(t, file.kind)
        _refuse(file, rows)
    if not kept:
        raise _refused(file.text, None, "no row to keep", "rows that are not all set aside")
    facts = pd.DataFrame([file_facts(file.text.path, above.rows, file.text.hashed)])
    said = tuple(f"{file.text.name}: {note}" for note in notes(file, tallies))
    yield about(file, Receipt(SOURCE, facts, pd.concat(aside, ignore_index=True), said))


def _refuse(file: File, rows: pl.DataFrame) -> None:
    header = text.is_header(text.first_fields(file.text))
    rules = _rules(rows, file.kind, file.unit, file.own)
    faults = text.rule_faults(file.text, rows, rules, header=header)
    if faults:
        raise SourceError(SOURCE, faults)


def _set_aside(t: text.Text, block: pl.DataFrame) -> pd.DataFrame:
    gone = block.filter(pl.col("reason").is_not_null()).sort("line")
    groups = gone.group_by("reason", maintain_order=True)
    return text.aside([(t, group["line"].to_list(), reason) for (reason,), group in groups])


def _last(file: File, block: pl.DataFrame, above: _Above | None, ends: Ends) -> _Above:
    layout, row = LAYOUTS[file.kind], block.row(-1, named=True)
    key = row[layout.key[0]]
    place = tuple(row[column] for column in layout.order)
    count = block.height + (above.rows if above else 0)
    return _Above(count, place, key if isinstance(key, int) else None, ends)


def _refused(t: text.Text, line: int | None, found: str, expected: str) -> SourceError:
    return SourceError(SOURCE, [Fault(t.name, line, found, expected)])


def _kind(t: text.Text, name: Name | None, given: str | None, by_header: str | None) -> str:
    said = name.kind if name else None
    if said and given and said != given and not {said, given} <= set(BARS):
        raise _refused(t, None, f"a file named as {said}", f"{given}, as kind says")
    kind = given or said or by_header
    if kind is None:
        expected = f"a name as BTCUSDT-trades-2024-08.zip, or kind of {', '.join(LAYOUTS)}"
        raise _refused(t, 1, "neither a name nor a header that says what it is", expected)
    if kind not in LAYOUTS:
        raise _refused(t, None, f"a file of {kind}", f"one of {', '.join(LAYOUTS)}")
    return kind


def _parsed(t: text.Text, kind: str) -> pl.DataFrame:
    """The cells, and the line that each row stands in."""
    layout, first = LAYOUTS[kind], text.first_fields(t)
    header = text.is_header(first)
    kinds = cell_kinds(t.name, first, layout, header=header)
    frame = [kinds] if isinstance(kinds, Fault) else text.parse(t, kinds, header=header)
    if isinstance(frame, list):
        raise SourceError(SOURCE, frame)
    start = 1 + header + t.above
    line = pl.int_range(start, start + frame.height, dtype=pl.Int64)
    return frame.select(*(c for c in layout.columns if c in frame.columns), line=line)


def _own(t: text.Text, name: Name | None, frame: pl.DataFrame, given: str | None) -> str:
    """The symbol at the venue: what the name says, or the rows, or the caller."""
    said = frame["symbol"][0] if "symbol" in frame.columns else None
    own = name.symbol if name else said or given
    if own is None:
        raise _refused(t, None, "no symbol in the file's name", "symbol='BTCUSDT' or another")
    return own


def _market(kind: str, frame: pl.DataFrame, own: str) -> str | None:
    """Which market the file is of; bars of trades do not say it."""
    if is_coin_margined(own):
        return COIN_M
    if kind in TRADES:
        return SPOT if "is_best_match" in frame.columns else USD_M
    return None if kind in BARS else USD_M


def _when(clock: pl.Series, unit: str | None) -> pl.Expr:
    """The time that counts in UTC: counted in a unit, or written."""
    if clock.dtype == pl.Int64:
        return moment(clock.name, unit)
    read = pl.col(clock.name).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="ns", strict=False)
    return read.dt.replace_time_zone("UTC")


def _rules(frame: pl.DataFrame, kind: str, unit: str | None, own: str) -> list[tuple]:
    clock = frame[LAYOUTS[kind].order[0]]
    counted = [c for c in frame.columns if c.endswith("time") and frame[c].dtype == pl.Int64]
    rules = [(c, not_of(unit, c), expected_time(unit)) for c in counted]
    if clock.dtype == pl.String:
        rules.append((clock.name, _when(clock, None).is_null(), "a time as 2024-08-01 00:00:00"))
    amounts = [c for c in frame.columns if c in (*VOLUMES, "depth", "notional")]
    rules += [(c, pl.col(c) < 0, _NOT_BELOW) for c in amounts]
    if kind in TRADES:
        rules.append(("is_buyer_maker", ~pl.col("is_buyer_maker").is_in(FLAGS), "True or False"))
        rules += [(c, pl.col(c) < 0, _NOT_BELOW) for c in ("price", "qty")]
    elif kind == "bookTicker":
        rules += [rule for side in ("bid", "ask") for rule in _quote_rules(side)]
    elif kind == "metrics":
        rules.append(("symbol", pl.col("symbol") != own, f"{own}, as the file's name"))
    elif kind in BARS:
        rules.append(("high", pl.col("high") < pl.col("low"), "a high not below the low"))
        late = pl.col("close_time") <= pl.col("open_time")
        rules.append(("close_time", late, "a time after open_time"))
    return rules


def _quote_rules(side: str) -> list[tuple]:
    price, size = pl.col(side), pl.col(f"{side}_size")
    return [
        (side, (price < 0) | ((price == 0) & (size > 0)), _ABOVE),
        (f"{side}_size", size < 0, _NOT_BELOW),
    ]


def _in_order(frame: pl.DataFrame, file: File, above: _Above | None) -> tuple[pl.DataFrame, int]:
    """The rows by time, then id, numbered, with the reason to set one aside; how many were late."""
    layout = LAYOUTS[file.kind]
    late = 0 if all(frame[c].is_sorted() for c in layout.order) else _behind(frame, layout.order)
    rows = frame.sort(*layout.order, "line") if late else frame
    if above and tuple(rows.row(0, named=True)[c] for c in layout.order) < above.place:
        raise WholeNeededError("rows older than some of a block above")
    number = 1 + (above.rows if above else 0)
    seq = pl.int_range(number, number + rows.height, dtype=pl.Int64)
    return rows.with_columns(seq=seq, reason=_reason(rows, file, above)), late


def _behind(frame: pl.DataFrame, order: Sequence[str]) -> int:
    """How many rows stand behind one that they belong before."""
    first, *rest = (pl.col(c) for c in order)
    back = first < first.shift()
    for then in rest:
        back |= (first == first.shift()) & (then < then.shift())
    return int(frame.select(back.sum()).item())


def _reason(rows: pl.DataFrame, file: File, above: _Above | None) -> pl.Expr:
    """Why a row is set aside; missing: it is kept."""
    layout = LAYOUTS[file.kind]
    reason = pl.when(pl.lit(False)).then(pl.lit(""))
    if "qty" in rows.columns:
        reason = pl.when((pl.col("price") == 0) | (pl.col("qty") == 0)).then(pl.lit(NO_TRADE))
    key = rows[layout.key[0]]
    rises = key.dtype == pl.Int64 and bool((key.diff().drop_nulls() > 0).all())
    if rises and (above is None or key[0] > above.key):
        return reason  # an id that always rises is there once
    if above or not file.text.last:
        raise WholeNeededError("ids that do not rise: a row may stand twice")
    once = pl.struct(c for c in layout.columns if c in rows.columns).is_first_distinct()
    reason = reason.when(~once).then(pl.lit(_AGAIN))
    return reason.when(~pl.struct(layout.key).is_first_distinct()).then(pl.lit(_OTHER))
