"""Databento's records, a file's all at once or some at a time, as tables and what is said of all.

Of a large file what blocks cannot tell, and whatever is wrong, is left to reading it whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load import text
from mmresearch.load.blocks import About, Blocks, Tables, WholeNeededError
from mmresearch.load.databento import tables
from mmresearch.load.databento.files import BAD_CLOCK, GAP, LAST, SNAPSHOT, Records
from mmresearch.load.databento.names import called, keys_of, named
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts
from mmresearch.symbols import symbol_table

SOURCE = "databento"
CLOCKS = {  # by `clock`: the column of the time, the other one, and what that is called
    "local": ("ts_recv", "ts_event", "exchange_time"),
    "exchange": ("ts_event", "ts_recv", "local_time"),
}
_NOT_ABOVE_0 = "of an instrument with prices that are not above 0 (a spread?)"
_UNPRICED = "a trade without price or size"
_MULTIPLIER = "sizes are shares or contracts: a multiplier is 1 unless symbols= gives it"
_DOUBTS = {
    BAD_CLOCK: "records with a ts_recv that Databento calls inaccurate (flag 8)",
    GAP: "records after a gap in the venue's channel, the book may be wrong (flag 4)",
}


class Above(NamedTuple):
    """What later records of a file need of those above.

    rows: their number. time: their last. marked: by book, whether the venue marks an event's last
    record. states: the last record of each book that showed it whole. message: the trades of the
    latest message of each instrument.
    """

    rows: int = 0
    time: pd.Timestamp | None = None
    marked: Mapping[int, bool] = MappingProxyType({})
    states: pl.DataFrame | None = None
    message: pl.DataFrame | None = None


class Said(NamedTuple):
    """Of some records, for the notes: how many are kept, trade, run back, are in doubt."""

    kept: int
    trades: int
    sideless: int
    back: int
    doubts: tuple[int, ...]
    agreement: tables.Agreement | None
    more: list[str]


def made_of(
    parts: Iterable[Records | list[Fault]], *, levels: int, clock: str, about: dict[str, Any]
) -> Blocks:
    """The tables of each part of one file's records, in order, and what is said of all.

    Raises
    ------
    SourceError
        What is wrong with a part.
    WholeNeededError
        Where the parts cannot be judged one after the other.
    """
    above, books, keys, held, said, aside = Above(), {}, [], {}, [], []
    for records in parts:
        if isinstance(records, list):
            raise SourceError(SOURCE, records)
        keys.append(called(keys_of(records.frame), records.names, books)[0])
        frame = named(records.frame, keys[-1]).with_row_index("row", offset=1 + above.rows)
        frame = _timed(frame.with_columns(pl.col("row").cast(pl.Int64)), records, clock)
        reasons = _reasons(frame)
        if above.rows or not (records.text is None or records.text.last):
            _refuse_torn(records, frame, reasons, above)
        kept = frame.filter(reasons.is_null())
        made, some, above = _tables(kept, records.schema, levels, CLOCKS[clock][2], above)
        above = above._replace(rows=above.rows + frame.height, time=frame["time"].max())
        held |= dict.fromkeys(kept["symbol"].unique(maintain_order=True))
        said.append(some._replace(back=_runs_back(frame), doubts=_doubts(frame)))
        aside.append(_set_aside(records, frame, reasons))
        yield made
    hashed = records.text and records.text.hashed
    yield About(
        _symbols(about["symbols"], sorted(held), about["calendar"]),
        Receipt(
            SOURCE,
            pd.DataFrame([file_facts(records.path, above.rows, hashed)]),
            pd.concat(aside, ignore_index=True),
            _notes(records, [*held], [*_names_of_all(keys, records), *_sums(said)], said, clock),
        ),
        records.path.name.split(".")[0],
    )


def _timed(frame: pl.DataFrame, records: Records, clock: str) -> pl.DataFrame:
    """The records with the chosen clock as `time` and the other one beside it."""
    chosen, beside, other = CLOCKS[clock]
    replay = (pl.col("flags") & SNAPSHOT) > 0
    time = pl.when(replay).then(pl.col("ts_recv")).otherwise(pl.col(chosen))
    stamp = pl.Datetime("ns", "UTC")
    frame = frame.with_columns(time=time.cast(stamp), **{other: pl.col(beside).cast(stamp)})
    if frame["time"].null_count():
        row = frame["time"].is_null().arg_true()[0] + 1
        found, expected = f"record {row}: no {chosen}", "a time, or clock='local'"
        raise SourceError(SOURCE, [Fault(records.path.name, None, found, expected)])
    return frame


def _reasons(frame: pl.DataFrame) -> pl.Series:
    """Why a record is set aside; missing: it is kept."""
    prices = [c for c in frame.columns if c == "price" or "_px_" in c]
    below = pl.any_horizontal(pl.col(c) <= 0 for c in prices)
    low = []
    if any(frame.select((pl.col(c) <= 0).any() for c in prices).row(0)):
        low = frame.filter(below)["book"].unique().to_list()
    return frame.select(
        pl.when(pl.col("book").is_in(low))
        .then(pl.lit(_NOT_ABOVE_0))
        .when(tables.unpriced(frame))
        .then(pl.lit(_UNPRICED))
        .alias("reason")
    ).to_series()


def _refuse_torn(records: Records, frame: pl.DataFrame, reasons: pl.Series, above: Above) -> None:
    """Refuse some records of a file where others of it may change what they mean."""
    why = ""
    if records.schema == "mbo":
        why = "orders, of which a book is rebuilt from the first"
    elif (reasons == _NOT_ABOVE_0).any():
        why = "an instrument with prices that are not above 0: all of it is set aside"
    elif above.rows and frame["time"].min() < above.time:
        why = "a time that runs back"
    elif above.rows != records.text.above:
        why = "lines that are no records: rows are counted of all"
    if why:
        raise WholeNeededError(why)


def _tables(
    kept: pl.DataFrame, schema: str, levels: int, other: str, above: Above
) -> tuple[Tables, Said, Above]:
    found, agreement, notes = {}, None, []
    seq = pl.col("row")
    if schema == "mbo" and kept.height:
        from mmresearch.load.databento.replay import replayed  # compiled: only where it runs

        orders, first, found, notes = replayed(kept, levels, other)
        found |= {"orders": orders}
        kept, seq = kept.with_columns(pl.Series("seq", first)), pl.col("seq")
    elif schema.startswith("mbp"):
        many = min(levels, int(schema.removeprefix("mbp-")))
        found, above = _states(kept, many, other, above)
        agreement, seq = tables.agreement(kept), 2 * pl.col("row")
    traded, above = _trades(kept, seq, other, above)
    sideless = traded["side"].null_count()
    said = Said(kept.height, traded.height, sideless, 0, (), agreement, notes)
    return found | {"trades": traded}, said, above


def _states(kept: pl.DataFrame, levels: int, other: str, above: Above) -> tuple[Tables, Above]:
    """The states of the book, the first compared with the last one above."""
    marks = ((pl.col("flags") & LAST) > 0).any()
    here = dict(kept.group_by("book").agg(marks).iter_rows())
    if any(mark and above.marked.get(book) is False for book, mark in here.items()):
        raise WholeNeededError("a book whose events are marked from here on")
    marked = {**here, **{book: True for book, mark in above.marked.items() if mark}}
    rows = tables.whole_events(kept, [book for book, mark in marked.items() if mark])
    every = rows if above.states is None else pl.concat([above.states, rows], rechunk=True)
    last = every.group_by("book", maintain_order=True).last().select(every.columns)
    new = pl.col("seq") > 2 * above.rows
    found = {n: t.filter(new) for n, t in tables.states(every, levels, other).items()}
    return found, above._replace(states=last, marked={**above.marked, **marked})


def _trades(
    kept: pl.DataFrame, seq: pl.Expr, other: str, above: Above
) -> tuple[pl.DataFrame, Above]:
    """The trades, numbered within their message, which may begin above."""
    traded = tables.priced_trades(kept).with_columns(seq=seq)
    own, number = ["publisher_id", "instrument_id"], pl.col("sequence")
    begun = 0
    if above.message is not None:
        last = above.message.group_by(own).agg(last=number.first())
        met = traded.filter(number > 0).join(last, on=own)
        if (met["sequence"] < met["last"]).any():
            raise WholeNeededError("a message whose trades may stand apart")
        begun, traded = above.message.height, pl.concat([above.message, traded], rechunk=True)
    numbered = traded.filter(number > 0)
    message = numbered.filter(number == number.max().over(own))
    return tables.trades(traded, other)[begun:], above._replace(message=message)


def _set_aside(records: Records, frame: pl.DataFrame, reasons: pl.Series) -> pd.DataFrame:
    gone = frame.with_columns(reason=reasons).filter(pl.col("reason").is_not_null())
    if records.text is not None:
        lines = (gone["row"] + 1).to_list()
        said = text.line_texts(records.text, lines)
    else:
        lines = gone["row"].to_list()
        cells = ["ts_recv", "symbol", "action", "side", "price", "size", "sequence"]
        letters = [pl.col(c).map_elements(chr, pl.String) for c in ("action", "side")]
        said = gone.with_columns(letters).select(pl.concat_str(cells, separator=","))
        said = said.to_series().to_list()
    rows = {"file": records.path.name, "line": lines, "reason": gone["reason"].to_list()}
    return pd.DataFrame(rows | {"text": said})


def _runs_back(frame: pl.DataFrame) -> int:
    return (frame["time"].diff().cast(pl.Int64) < 0).sum()


def _doubts(frame: pl.DataFrame) -> tuple[int, ...]:
    return frame.select(((pl.col("flags") & bit) > 0).sum().alias(str(bit)) for bit in _DOUBTS).row(
        0
    )


def _names_of_all(keys: list[pl.DataFrame], records: Records) -> list[str]:
    """What is to be said of all names; by the parts they have to be the same as by the whole."""
    every = pl.concat(keys)
    final, notes = called(every.drop("name", "book").unique(maintain_order=True), records.names)
    if set(final["name"]) != set(every["name"]):
        raise WholeNeededError("a symbol of several publishers, which not every part shows")
    return notes


def _sums(said: list[Said]) -> list[str]:
    """What is said of the tables."""
    agreement = [some.agreement for some in said if some.agreement is not None]
    trades, sideless = (sum(getattr(some, c) for some in said) for c in ("trades", "sideless"))
    return [
        *(note for some in said for note in some.more),
        *(tables.agreement_notes(agreement) if agreement else []),
        f"{trades:,} trades, {sideless:,} without a side",
    ]


def _notes(
    records: Records, held: list[str], facts: list[str], said: list[Said], clock: str
) -> tuple[str, ...]:
    """What the file holds and what is odd in it, and what is so for all files."""
    chosen, beside, other = CLOCKS[clock]
    some = ", ".join(held[:5]) + (f" and {len(held) - 5} more" if len(held) > 5 else "")
    kept = sum(each.kept for each in said)
    facts = [f"{records.schema}, {kept:,} records of {some or 'nothing'}", *facts]
    if records.beside:
        digest = file_facts(records.beside, 0)["sha256"]
        facts.append(f"instruments have their names of {records.beside.name}, sha256 {digest}")
    counts = {f"places where {chosen} runs back": sum(each.back for each in said)}
    doubts = (sum(each) for each in zip(*(each.doubts for each in said), strict=True))
    counts |= dict(zip(_DOUBTS.values(), doubts, strict=True))
    facts += [f"{count:,} {words}" for words, count in counts.items() if count]
    return (
        *(f"{records.path.name}: {fact}" for fact in facts),
        f"time is {chosen}, {other} is {beside}",
        _MULTIPLIER,
    )


def _symbols(given: pd.DataFrame | None, held: list[str], calendar: str) -> pd.DataFrame:
    """What is given of the symbols that the file holds, and those that are not given."""
    every = pd.DataFrame({"symbol": pd.Series(held, dtype="str")})
    if given is None:
        return every.assign(calendar=calendar)
    if not isinstance(given, pd.DataFrame) or "symbol" not in given.columns:
        raise ValueError("symbols must be a DataFrame with a column `symbol`, a row a symbol")
    every = every.merge(given.astype({"symbol": "str"}), on="symbol", how="left")
    return symbol_table(every, held, calendar)
