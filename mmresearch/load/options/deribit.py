"""Deribit's book summaries: the answers of `public/get_book_summary_by_currency`.

Format and words: docs.deribit.com. An option's name is its currency or pair, the expiry, the
strike (with d for the decimal point) and C or P: BTC-27SEP24-60000-C, XRP_USDC-30JUN23-0d625-C.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load import dated, documents, instruments
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

_NEEDED = ("instrument_name", "creation_timestamp", "open_interest", "underlying_price")
_NUMBERS = ("open_interest", "underlying_price", "mark_iv", "bid_price", "ask_price", "mark_price")
_NUMBERS += ("last", "volume", "interest_rate")
_ABOVE = tuple(n for n in _NUMBERS if n != "interest_rate")
_NAME = r"^([A-Z0-9]+(?:_[A-Z0-9]+)?)-(\d{1,2})([A-Z]{3})(\d{2})-(\d+(?:d\d+)?)-([CP])$"
_FIRST, _LAST = 1_451_606_400_000, 4_102_444_800_000  # 2016 and 2100, in milliseconds
_CLOCK = "milliseconds from 1970-01-01"
_EXPECTED = "Deribit's book summaries: a list of records, by itself or as `result`"
_PARTS = {"symbol": 1, "day": 2, "month": 3, "year": 4, "strike": 5, "right": 6}  # of its name


class _Record(NamedTuple):
    """A record, the line that its document begins in, and its place there, from 1."""

    fields: dict[str, Any]
    line: int
    place: int


def read_summaries(source: str, path: Path) -> Market:
    """The market of one file of book summaries."""
    read = documents.read_documents(source, path)
    records = read if _faulty(read) else _records(read)
    if _faulty(records):
        raise SourceError(source, records)
    wanted = [r for r in records if _is_option(r)]
    faults = _type_faults(read.name, wanted)
    if faults:
        raise SourceError(source, faults)
    rows = _rows(wanted)
    again, other = dated.repeats(rows.drop("line", "place"), [], ["time", "instrument_name"])
    faults = _value_faults(read.name, rows)
    if other.any():
        faults.append(_fault(read.name, rows.filter(other), "again, with other values", "one"))
    if faults:
        raise SourceError(source, faults)
    twice = [r for r, is_again in zip(wanted, again, strict=True) if is_again]
    aside = {"not an option": [r for r in records if not _is_option(r)], "duplicate": twice}
    facts = pd.DataFrame([file_facts(read.text.path, len(records))])
    kept = rows.filter(~again)
    return Market(
        symbols=_symbols(kept),
        receipt=Receipt(source, facts, _aside(read.name, aside), _notes(read.name, kept)),
        name=read.text.path.name,
        chain=_chain(kept),
    )


def _faulty(found: Any) -> bool:
    return isinstance(found, list) and bool(found) and isinstance(found[0], Fault)


def _records(read: documents.Documents) -> list[_Record] | list[Fault]:
    """Every record of every document, or the faults of those that hold none."""
    records, faults = [], []
    for root, line in zip(read.roots, read.lines, strict=True):
        held = root.get("result", root) if isinstance(root, dict) else root
        held = [held] if isinstance(held, dict) and "instrument_name" in held else held
        if not isinstance(held, list) or not all("instrument_name" in r for r in _dicts(held)):
            said = json.dumps(root)[:80]
            faults.append(Fault(read.name, line, said, _EXPECTED))
            continue
        records += [_Record(r, line, n) for n, r in enumerate(held, start=1)]
    if not records and not faults:
        faults = [Fault(read.name, None, "no record", _EXPECTED)]
    return faults or records


def _dicts(held: list) -> list[dict]:
    return [r if isinstance(r, dict) else {} for r in held]


def _is_option(record: _Record) -> bool:
    return str(record.fields["instrument_name"]).endswith(("-C", "-P"))


def _type_faults(file: str, records: list[_Record]) -> list[Fault]:
    """Kinds of faults of the records' fields, each with the first record that has it."""
    spots: dict[tuple[str, str], list[tuple[_Record, str]]] = {}
    for record in records:
        for key, found in _wrong_fields(record.fields):
            spots.setdefault(key, []).append((record, found))
    faults = [] if records else [Fault(file, None, "no option", _EXPECTED)]
    for (_, expected), some in spots.items():
        record, found = some[0]
        many = f" ({len(some):,} records)" if len(some) > 1 else ""
        place = f"record {record.place}, {record.fields['instrument_name']}"
        faults.append(Fault(file, record.line, f"{place}: {found}{many}", expected))
    return faults


def _wrong_fields(fields: dict[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Of each field that is wrong: its name and what was expected, what was found."""
    for name in documents.lacking(fields, _NEEDED):
        yield (name, f"the fields {', '.join(_NEEDED)}"), f"no {name}"
    for name, (expected, is_right) in _FIELDS.items():
        if name in fields and not is_right(fields[name]):
            yield (name, expected), f"{name} {fields[name]!r}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _is_clock(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62


_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "creation_timestamp": (_CLOCK, _is_clock),
    **{name: ("a number", lambda v: v is None or _is_number(v)) for name in _NUMBERS},
    "underlying_index": ("text", lambda v: v is None or isinstance(v, str)),
}


def _rows(records: list[_Record]) -> pl.DataFrame:
    """A row a record, with the parts of its name."""
    texts = ("instrument_name", "underlying_index")
    columns = {
        "line": pl.Series([r.line for r in records], dtype=pl.Int64),
        "place": pl.Series([r.place for r in records], dtype=pl.Int64),
        "time": pl.Series([r.fields["creation_timestamp"] for r in records], dtype=pl.Int64),
        **{n: pl.Series([r.fields.get(n) for r in records], dtype=pl.String) for n in texts},
        **{
            n: pl.Series([_float(r.fields.get(n)) for r in records], dtype=pl.Float64)
            for n in _NUMBERS
        },
    }
    part = {n: pl.col("instrument_name").str.extract(_NAME, i) for n, i in _PARTS.items()}
    months = {word.upper(): number for word, number in dated.MONTHS.items()}
    month = part["month"].replace_strict(months, default=None, return_dtype=pl.Int32)
    expiry = pl.concat_str(
        pl.lit("20"), part["year"], month.cast(pl.String).str.zfill(2), part["day"].str.zfill(2)
    )
    return pl.DataFrame(columns).with_columns(
        symbol=part["symbol"],
        expiry=expiry.str.to_date("%Y%m%d", strict=False),
        strike=part["strike"].str.replace("d", ".", literal=True).cast(pl.Float64),
        right=part["right"].replace_strict({"C": "call", "P": "put"}, default=None),
    )


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _value_faults(file: str, rows: pl.DataFrame) -> list[Fault]:
    rules = [
        ("", pl.col("symbol").is_null() | pl.col("expiry").is_null(), "as BTC-27SEP24-60000-C"),
        ("strike", ~(pl.col("strike") > 0), "above 0"),
        ("time", ~pl.col("time").is_between(_FIRST, _LAST), _CLOCK),
        ("underlying_price", ~(pl.col("underlying_price") > 0), "a price above 0"),
        *((n, pl.col(n) < 0, "0 or more") for n in _ABOVE),
    ]
    faults = []
    for field, broken, expected in rules:
        bad = rows.filter(broken.fill_null(False))
        if bad.height:
            found = f"{field} {bad[field][0]:g}" if field else "no name of an option"
            faults.append(_fault(file, bad, found, expected))
    return faults


def _fault(file: str, rows: pl.DataFrame, found: str, expected: str) -> Fault:
    """One kind of fault, with the first record that has it and how many have."""
    many = f" ({rows.height:,} records)" if rows.height > 1 else ""
    place = f"record {rows['place'][0]}, {rows['instrument_name'][0]}"
    return Fault(file, int(rows["line"][0]), f"{place}: {found}{many}", expected)


def _aside(file: str, records: dict[str, list[_Record]]) -> pd.DataFrame:
    rows = [
        (file, record.line, reason, json.dumps(record.fields))
        for reason, some in records.items()
        for record in some
    ]
    return pd.DataFrame(rows, columns=["file", "line", "reason", "text"])


def _chain(rows: pl.DataFrame) -> pl.DataFrame:
    pair = pl.col("symbol").str.split("_").list
    prices = {"bid": "bid_price", "ask": "ask_price", "mark": "mark_price", "last": "last"}
    return rows.select(
        (pl.col("time") * 1_000_000).cast(pl.Datetime("ns", "UTC")),
        (pl.col("expiry").cast(pl.Datetime("ns")) + pl.duration(hours=8))
        .dt.replace_time_zone("UTC")
        .alias("expiry"),
        "strike",
        "right",
        "open_interest",
        (_above_0("mark_iv") / 100).alias("implied_vol"),
        spot="underlying_price",
        multiplier=pl.lit(1.0),
        symbol="symbol",
        option="instrument_name",
        underlying_index="underlying_index",
        **{ours: _above_0(theirs) for ours, theirs in prices.items()},
        price_currency=pair.get(-1),
        volume="volume",
        interest_rate="interest_rate",
    )


def _above_0(column: str) -> pl.Expr:
    return pl.when(pl.col(column) > 0).then(pl.col(column))


def _symbols(rows: pl.DataFrame) -> pd.DataFrame:
    names = rows["symbol"].unique().sort().to_list()
    pairs = [instruments.base_quote(name) if "_" in name else (name, "USD") for name in names]
    assets, currencies = zip(
        *(p or (n, None) for p, n in zip(pairs, names, strict=True)), strict=True
    )
    about = {"symbol": names, "asset": assets, "currency": currencies, "calendar": "24/7"}
    return pd.DataFrame(about)


def _notes(file: str, rows: pl.DataFrame) -> tuple[str, ...]:
    none = rows.height - int((rows["mark_iv"] > 0).sum())
    names = ", ".join(rows["symbol"].unique().sort())
    counted = f"{file}: {rows.height:,} options on {names} at {rows['time'].n_unique()} times"
    index = int((rows["underlying_index"] == "index_price").sum())
    return (
        counted,
        f"{file}: no implied volatility for {none:,} of them, where the file has 0 or none",
        f"{file}: spot is the future's price for that expiry, real or implied, and for {index:,}"
        " options the index",
        "options expire at 08:00 UTC; open interest is in coins: multiplier 1",
    )
