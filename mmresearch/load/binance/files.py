"""Binance's published files: cells checked, rows put in order, the rest set aside."""

from __future__ import annotations

import pandas as pd
import polars as pl

from mmresearch.load import text
from mmresearch.load.binance.layouts import (
    BARS,
    FLAGS,
    LAYOUTS,
    TRADES,
    VOLUMES,
    Layout,
    Name,
    cell_kinds,
    kind_of,
    named,
)
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
    part_of,
    unit_of,
)
from mmresearch.load.binance.tables import File, notes, tables
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

_AGAIN, _OTHER = "duplicate", "its id again, with other content"
_ABOVE, _NOT_BELOW = "a price above 0", "a number of 0 or more"


def read_file(t: text.Text, kind: str | None, symbol: str | None) -> Part:
    """One published file as its table; raises one SourceError with every fault."""
    name, first = named(t.path), text.first_fields(t)
    header = text.is_header(first)
    kind = _kind(t, name, kind, kind_of(first) if header else None)
    layout = LAYOUTS[kind]
    frame = _parsed(t, layout, first, header)
    own = _own(t, name, frame, symbol)
    clock = frame[layout.order[0]]
    unit = unit_of(clock) if clock.dtype == pl.Int64 else None
    faults = text.rule_faults(t, frame, _rules(frame, kind, unit, own), header=header)
    if faults:
        raise SourceError(SOURCE, faults)
    file = File(t, kind, name, own, symbol or own, _market(kind, frame, own), unit)
    rows = frame.drop("is_best_match", strict=False).with_columns(when=_when(clock, unit))
    return _part(file, rows)


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


def _parsed(t: text.Text, layout: Layout, first: list[str], header: bool) -> pl.DataFrame:
    """The cells, and the line that each row stands in."""
    kinds = cell_kinds(t.name, first, layout, header=header)
    frame = [kinds] if isinstance(kinds, Fault) else text.parse(t, kinds, header=header)
    if isinstance(frame, list):
        raise SourceError(SOURCE, frame)
    line = pl.int_range(1 + header, 1 + header + frame.height, dtype=pl.Int64)
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


def _part(file: File, frame: pl.DataFrame) -> Part:
    layout = LAYOUTS[file.kind]
    rows, late = _in_order(frame, layout.order)
    rows = rows.with_columns(
        seq=pl.int_range(1, rows.height + 1, dtype=pl.Int64), reason=_reason(rows, layout)
    )
    kept = rows.filter(pl.col("reason").is_null())
    if kept.is_empty():
        raise _refused(file.text, None, "no row to keep", "rows that are not all set aside")
    gone = rows.filter(pl.col("reason").is_not_null()).sort("line")
    lines = [
        (file.text, group["line"].to_list(), reason)
        for (reason,), group in gone.group_by("reason", maintain_order=True)
    ]
    receipt = Receipt(
        SOURCE,
        pd.DataFrame([file_facts(file.text.path, rows.height)]),
        text.aside(lines),
        tuple(f"{file.text.name}: {note}" for note in notes(file, rows, kept, late)),
    )
    what, period = (file.name.what, file.name.period) if file.name else (file.kind, None)
    about = {file.symbol: file.own}, {file.symbol: file.market}
    return part_of(file.text.name, what, period, *about, tables(file, kept), receipt)


def _in_order(frame: pl.DataFrame, by: tuple[str, ...]) -> tuple[pl.DataFrame, int]:
    """The rows by time, then id; and how many stood behind a later one."""
    first, *rest = (pl.col(c) for c in by)
    back = first < first.shift()
    for then in rest:
        back |= (first == first.shift()) & (then < then.shift())
    late = int(frame.select(back.sum()).item())
    return (frame.sort(*by, "line"), late) if late else (frame, 0)


def _reason(rows: pl.DataFrame, layout: Layout) -> pl.Expr:
    """Why a row is set aside; missing: it is kept."""
    reason = pl.when(pl.lit(False)).then(pl.lit(""))
    if "qty" in rows.columns:
        reason = pl.when((pl.col("price") == 0) | (pl.col("qty") == 0)).then(pl.lit(NO_TRADE))
    key = rows[layout.key[0]]
    if key.dtype == pl.Int64 and bool((key.diff().drop_nulls() > 0).all()):
        return reason  # an id that always rises is there once
    once = pl.struct(c for c in layout.columns if c in rows.columns).is_first_distinct()
    reason = reason.when(~once).then(pl.lit(_AGAIN))
    return reason.when(~pl.struct(layout.key).is_first_distinct()).then(pl.lit(_OTHER))
