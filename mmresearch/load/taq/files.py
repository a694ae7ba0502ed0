"""TAQ's files: which of its layouts a header is, and the rows in our columns."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl

from mmresearch.load import text
from mmresearch.load.taq import times as taq_times
from mmresearch.receipt import Fault, SourceError

SOURCE = "taq"
_FEW = 1000  # texts of a column
Columns = dict[str, tuple[str, ...]]  # ours -> kind of its cells, the names that files have for it

_SYMBOL: Columns = {
    "symbol": ("text", "SYMBOL"),
    "root": ("text", "SYM_ROOT"),
    "suffix": ("any", "SYM_SUFFIX"),
}
_TIME: Columns = {
    "dt": ("text", "DT"),
    "date": ("text", "DATE"),
    "clock": ("text", "TIME_M", "TIME"),
    "nano": ("whole?", "TIME_M_NANO"),
}
_PRICES: dict[str, Columns] = {
    "trades": {"price": ("float", "PRICE"), "size": ("float", "SIZE")},
    "quotes": {
        "bid": ("float?", "BEST_BID", "BID"),
        "ask": ("float?", "BEST_ASK", "ASK", "OFR"),
        "bid_size": ("float?", "BEST_BIDSIZESHARES", "BEST_BIDSIZ", "BIDSIZ"),
        "ask_size": ("float?", "BEST_ASKSIZESHARES", "BEST_ASKSIZ", "ASKSIZ", "OFRSIZ"),
    },
}
_BESIDE: dict[str, Columns] = {  # kept as extra columns
    "trades": {
        "trade_id": ("any", "TR_ID"),
        "ex": ("any", "EX"),
        "cond": ("any", "COND", "TR_SCOND"),
        "corr": ("whole?", "CORR", "TR_CORR"),
        "tr_seqnum": ("whole?", "TR_SEQNUM"),
        "tr_stopind": ("any", "TR_STOPIND", "TR_STOP_IND"),
        **{name.lower(): ("any", name) for name in ("TR_SOURCE", "TR_RF", "G127")},
    },
    "quotes": {
        "ex": ("any", "EX"),
        "qu_seqnum": ("whole?", "QU_SEQNUM"),
        **{
            name.lower(): ("any", name)
            for name in ("MODE", "QU_COND", "QU_CANCEL", "QU_SOURCE", "NATBBO_IND", "NBBO_QU_COND")
        },
        **{
            name.lower(): ("any", name)
            for name in ("BEST_BIDEX", "BEST_ASKEX", "BIDEX", "ASKEX", "MMID")
        },
    },
}
_EXPECTED = "PRICE and SIZE of trades, or BID with ASK or OFR, or BEST_BID and BEST_ASK of quotes"
_SYMBOL_SAID = "the column SYMBOL, or SYM_ROOT with SYM_SUFFIX"
_TIME_SAID = "the column DT, or DATE with TIME or TIME_M"
NUMBERED = {"trades": "tr_seqnum", "quotes": "qu_seqnum"}  # the venue's number of a row


class Part(NamedTuple):
    """One file: its text, which table it is, its rows in our columns with `time` and `line`.

    `names` says what the file calls our columns, `said` how times were read, `left` which of the
    file's columns are not kept.
    """

    text: text.Text
    table: str
    frame: pl.DataFrame
    names: dict[str, str]
    said: str
    left: list[str]

    @property
    def count(self) -> int:
        return self.frame.height

    @property
    def in_lots(self) -> list[str]:
        """The sizes that the file counts in lots and not in shares."""
        sizes = [c for c in ("bid_size", "ask_size") if c in self.names]
        return [c for c in sizes if not self.names[c].upper().endswith("SHARES")]

    @property
    def national(self) -> bool:
        """Whether these are the national best quotes, not each exchange's own."""
        return self.names.get("bid", "").upper().startswith("BEST")


def read_file(path: Path, how: taq_times.Clock) -> Part:
    """One file, whole, or one SourceError with every fault."""
    (t,) = text.read_texts(SOURCE, [path])
    return read_part(t, how)


def read_part(t: text.Text, how: taq_times.Clock) -> Part:
    """A file's text, or a block of it, or one SourceError with every fault."""
    found = _part(t, how)
    if isinstance(found, list):
        raise SourceError(SOURCE, found)
    return found


def _part(t: text.Text, how: taq_times.Clock) -> Part | list[Fault]:
    header = text.first_fields(t)
    table = _table(t, header)
    if isinstance(table, Fault):
        return [table]
    names, faults = _names(t, header, table)
    if faults:
        return faults
    every = _SYMBOL | _TIME | _PRICES[table] | _BESIDE[table]
    frame = text.read_columns(t, {names[ours]: every[ours][0] for ours in names})
    if isinstance(frame, list):
        return frame
    frame = frame.rename({theirs: ours for ours, theirs in names.items()})
    placed = taq_times.utc(t, frame, names, how)
    if isinstance(placed, list):
        return placed
    kept = {text.word(theirs) for theirs in names.values()}
    left = [cell.strip() or "a nameless one" for cell in header if text.word(cell) not in kept]
    time, said = placed
    return Part(t, table, _rows(frame, table, time, t.above), names, said, left)


def _table(t: text.Text, header: list[str]) -> str | Fault:
    """Whether the file holds trades or quotes."""
    words = {text.word(cell) for cell in header}
    shown = repr(",".join(header)[:80])
    if "price" in words and words & {"bid", "bestbid"}:
        found = f"columns of trades and of quotes in one file: {shown}"
        return Fault(t.name, 1, found, "a file of trades or a file of quotes")
    if "price" in words:
        return "trades"
    if words & {"bid", "bestbid"}:
        return "quotes"
    return Fault(t.name, 1, f"a header of neither trades nor quotes: {shown}", _EXPECTED)


def _names(t: text.Text, header: list[str], table: str) -> tuple[dict[str, str], list[Fault]]:
    """Ours -> the file's own name, of every column that is there or must be."""
    words = {text.word(cell): cell for cell in header}
    wanted = _SYMBOL | _TIME | _PRICES[table] | _BESIDE[table]
    names = {}
    for ours, (_, *theirs) in wanted.items():
        there = [words[text.word(name)] for name in theirs if text.word(name) in words]
        if there:
            names[ours] = there[0]
        elif ours in ("price", "size", "bid", "ask"):
            names[ours] = theirs[-1]  # for the reader to say what is missing
    shown = repr(",".join(header)[:80])
    faults = []
    if not names.keys() & {"symbol", "root"}:
        faults.append(Fault(t.name, 1, f"a header without a symbol: {shown}", _SYMBOL_SAID))
    if not names.keys() & {"dt", "clock"}:
        faults.append(Fault(t.name, 1, f"a header without a time: {shown}", _TIME_SAID))
    unused = ["date", "clock", "nano"] if "dt" in names else []
    unused += ["root", "suffix"] if "symbol" in names else []
    return {ours: name for ours, name in names.items() if ours not in unused}, faults


def _rows(frame: pl.DataFrame, table: str, time: pl.Series, above: int) -> pl.DataFrame:
    """The columns that are kept, with the place of each row in its file."""
    beside = [c for c in _BESIDE[table] if c in frame.columns]
    numbers = [pl.col(c) if c in frame.columns else _nothing(c) for c in _PRICES[table]]
    return frame.select(
        time.alias("time"),
        pl.int_range(above + 2, above + frame.height + 2, dtype=pl.Int64).alias("line"),
        pl.col("symbol") if _is_bare(frame, "symbol") else _symbol(frame.columns).alias("symbol"),
        *numbers,
        *(pl.col(c) if _is_bare(frame, c) else _plain(c) for c in beside),
    )


def _nothing(column: str) -> pl.Expr:
    return pl.lit(None, pl.Float64).alias(column)


def _is_bare(frame: pl.DataFrame, column: str) -> bool:
    """Whether all cells are kept as they are: no texts, or few that are told at once."""
    if column not in frame.columns or frame.schema[column] != pl.String:
        return column in frame.columns
    words = frame[column].unique().drop_nulls()
    odd = (words.str.strip_chars() != words) | words.is_in(["", "NA"])
    return len(words) < _FEW and not odd.any()


def _symbol(columns: list[str]) -> pl.Expr:
    """SYMBOL; or root and suffix with a space between, as TAQ itself writes them: BRK B."""
    if "symbol" in columns:
        return pl.col("symbol").str.strip_chars()
    root = pl.col("root").str.strip_chars()
    if "suffix" not in columns:
        return root
    suffix = _plain("suffix").str.strip_chars()
    return pl.when(suffix.is_null()).then(root).otherwise(root + " " + suffix)


def _plain(column: str) -> pl.Expr:
    """Text without blanks behind; empty cells, and the NA that R writes for them, are missing."""
    bare = pl.col(column).str.strip_chars_end()
    return pl.when(~bare.is_in(["", "NA"])).then(bare).alias(column)
