"""Market: the tables of one study with their symbols and receipt, saved and opened as a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from mmresearch import __version__, native, schema, store
from mmresearch.receipt import Receipt
from mmresearch.sessions import WHOLE_DAYS, has_clock, session_table
from mmresearch.symbols import symbol_table

_EVENTS = ("trades", "quotes", "own_quotes", "book", "orders", "fills", "positions", "liquidations")


class Market:
    """The tables of one study.

    Tables are attributes (`market.fills`) and items (`market["fills"]`), in the schema's types and
    ordered by (time, seq); `"fills" in market` asks for one. A market is not changed: `replace`
    gives another.

    Parameters
    ----------
    symbols : DataFrame, optional
        A row a symbol: symbol, asset (what a position is in), currency (what prices are in),
        settlement (what profit is paid in), tick (price step, missing if unknown), multiplier
        (units of asset a contract), calendar (see `mmresearch.sessions`). What is not given: asset
        is the symbol, settlement the currency, multiplier 1. A contract that settles in its asset
        is inverse: its multiplier is units of currency a contract.
    calendar : str
        For symbols whose calendar is not given.
    receipt : Receipt, optional
        What the loader read, kept and set aside.
    name : str
        Said in titles and reports.
    **tables : DataFrame
        Any of the schema's tables, of pandas or polars. Rows of `quotes` that name an account (in
        a column `account`) are that account's own and become `own_quotes`; the others stay the
        market's best.

    Raises
    ------
    SchemaError
        One error that names every fault of every table.
    """

    def __init__(
        self,
        *,
        symbols: pd.DataFrame | None = None,
        calendar: str = "24/7",
        receipt: Receipt | None = None,
        name: str = "market",
        **tables: pd.DataFrame | pl.DataFrame,
    ) -> None:
        self.name = name
        self.receipt = receipt
        self._stored = store.Stored(Path(), {})
        self._times: dict[str, list[pd.Series]] | None = None
        self._outlines: dict[str, pl.Series] | None = None
        self._tables: dict[str, pd.DataFrame] = {}
        self._frames: dict[str, pl.DataFrame] = {}  # until somebody asks for pandas
        for kind, table in native.check_all(tables).items():
            (self._frames if isinstance(table, pl.DataFrame) else self._tables)[kind] = table
        self.symbols = symbol_table(symbols, self._traded(), calendar)

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self:
            held = ", ".join(self) or "no table"
            raise KeyError(f"market {self.name!r} has no {name}; it has {held}")
        if name not in self._tables:
            frame = self._frames.pop(name) if name in self._frames else self._stored.read(name)
            self._tables[name] = native.to_pandas(frame, name)
        return self._tables[name]

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name in schema.TABLES:
            try:
                return self[name]
            except KeyError as error:
                raise AttributeError(error.args[0]) from None
        raise AttributeError(name)

    def __contains__(self, name: str) -> bool:
        return any(name in held for held in (self._tables, self._frames, self._stored.entries))

    def get(self, name: str) -> pd.DataFrame | None:
        """The table, or None where the market has none of that name."""
        if name not in self:
            return None
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(name for name in schema.TABLES if name in self)

    def replace(self, **tables: pd.DataFrame) -> Market:
        """The same study with these tables instead, or beside."""
        if "account" in getattr(tables.get("quotes"), "columns", ()):
            tables = native.check_all(tables)  # its own quotes stand instead of those held
        held = {name: self[name] for name in self._in_memory()}
        about = {"symbols": self.symbols, "receipt": self.receipt, "name": self.name}
        other = Market(**about, **(held | tables))
        other._stored = self._stored.without(tables)
        return other

    def select(
        self,
        symbol: str | Sequence[str] | None = None,
        start: object = None,
        end: object = None,
    ) -> Market:
        """The rows of a symbol, or of several, with start <= time < end, as a market.

        Rows that name no symbol (transfers, a chain without one) are of every symbol. Symbols,
        receipt and name are the whole study's. Of a saved market only the parts that overlap are
        read, and those when a table is first asked for.

        Parameters
        ----------
        symbol : str or list of str, optional
            None is all of them.
        start, end : time, optional
            Whatever pandas reads as a time; UTC where no zone is named.
        """
        names = [symbol] if isinstance(symbol, str) else symbol
        for name in names or ():
            self.calendar(name)
        span = store.Span.of(names, start, end)
        other = Market(symbols=self.symbols, receipt=self.receipt, name=self.name)
        other._tables = {name: span.rows(table) for name, table in self._tables.items()}
        other._frames = {name: span.frame_rows(table) for name, table in self._frames.items()}
        other._stored = self._stored.select(span)
        return other

    def scans(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pl.LazyFrame]:
        """As polars queries, one a file if saved, in order of time; columns: those needed."""
        if name in self._frames:
            return iter([self._frames[name].lazy()])
        if name in self._tables:
            table = self[name] if columns is None else self[name].filter(columns)
            return iter([store.to_polars(table).lazy()])
        return self._stored.scans(name)

    def parts(self, name: str) -> Iterator[pd.DataFrame]:
        """The table part by part, each checked; one that was read, or never saved, is one."""
        if name in self._tables or name in self._frames:
            yield self[name]
        else:
            for part in self._stored.each(name):
                yield native.to_pandas(part, name)

    def blocks(self, name: str, columns: Sequence[str], *, symbol: str) -> Iterator[pl.DataFrame]:
        """Those of the columns that there are, of a symbol's rows; some at a time if saved.

        A number that is missing is null or not a number. The next block is read while one is in
        use. A table that breaks the schema raises SchemaError, and one out of order ValueError.
        """
        span = store.Span.of(None if list(self.symbols["symbol"]) == [symbol] else [symbol])
        if name in self._tables:
            yield native.as_it_is(span.rows(self[name]).filter(columns))
            return
        if name in self._frames:
            rows = span.frame_rows(self._frames[name])
            yield rows.select(c for c in rows.columns if c in columns)
            return
        stored = self._stored.select(span)
        for block in store.ahead(native.blocks(stored.blocks(name, columns), name)):
            if block is None and len(self[name]):  # the whole table says what is wrong
                raise ValueError(f"the saved {name} are not in order of (time, seq): save anew")
            yield block

    def hold(self, names: Iterable[str]) -> None:
        """Read these tables, of which many selections will be made, once."""
        for name in names:
            if name not in self._tables and name not in self._frames:
                table = native.check(self._stored.read(name), name)
                (self._frames if isinstance(table, pl.DataFrame) else self._tables)[name] = table

    @property
    def by_day(self) -> bool:
        """Whether the market is saved by day, so that it can be measured day by day."""
        return any(self.is_by_day(name) for name in self._event_names())

    def is_by_day(self, name: str) -> bool:
        """Whether one table is saved by day."""
        parts = self._stored.entries.get(name, {"parts": []})["parts"]
        return any(part["day"] is not None for part in parts)

    def calendar(self, symbol: str) -> str:
        """The calendar of one symbol."""
        found = self.symbols.loc[self.symbols["symbol"] == symbol, "calendar"]
        if found.empty:
            held = ", ".join(self.symbols["symbol"]) or "none"
            raise KeyError(f"market {self.name!r} has no symbol {symbol!r}; it has {held}")
        return found.iloc[0]

    @property
    def inverse(self) -> list[str]:
        """The symbols that settle in their asset: a contract is worth -multiplier / price of it."""
        table = self.symbols
        settles = table["settlement"] == table["asset"]
        return table.loc[settles & (table["currency"] != table["asset"]), "symbol"].tolist()

    @property
    def accounts(self) -> list[str]:
        """The accounts that have fills, the one with most first."""
        return list(self.fills["account"].value_counts().index) if "fills" in self else []

    @property
    def default_freq(self) -> str:
        """The panel's step when none is chosen.

        A session where there is no clock, else a minute, or less if the record is so short that
        there were fewer than 100 of them.
        """
        if not all(has_clock(c) for c in self.symbols["calendar"]):
            return "1D"
        spans = [np.subtract(*self.span(symbol)[::-1]) for symbol in self.symbols["symbol"]]
        longest = max((s for s in spans if s == s), default=pd.Timedelta(0))
        steps = [step for step in ("1min", "10s") if 100 * pd.Timedelta(step) <= longest]
        return next(iter(steps), "1s" if longest else "1min")

    def sessions(self, symbol: str) -> pd.DataFrame:
        """The sessions that hold an event of the symbol: day, open, close, gap.

        `gap`: a session without any event, which was not observed, lies before it.
        """
        times = self._outline(symbol) if self.by_day else self.event_times(symbol)
        return session_table(self.calendar(symbol), times)

    def days(self, symbol: str) -> list[str]:
        """The UTC days that hold an event of the symbol, in order, as "YYYY-MM-DD".

        Of a market saved by day they stand in the manifest, and no table is read.
        """
        self.calendar(symbol)
        stored = self._stored.select(store.Span.of([symbol]))
        found: set[str] = set()
        for name in self._event_names():
            if name in self._stored.entries:
                found |= stored.days(name)
            else:
                table = self[name]
                times = table.loc[table["symbol"] == symbol, "time"].dt.floor("D")
                found |= set(times.drop_duplicates().dt.strftime("%Y-%m-%d"))
        return sorted(found)

    def span(self, symbol: str) -> tuple[pd.Timestamp, pd.Timestamp]:
        """Time of the symbol's first and last event: what lies outside was not observed."""
        times = self._outline(symbol) if self.by_day else self.event_times(symbol)
        return times.min(), times.max()

    def event_times(self, symbol: str) -> pd.Series:
        """The time of every event of the symbol, table after table."""
        if self._times is None:  # every symbol's at once, for a study asks for hundreds
            self._times = {}
            for kind in self._event_names():
                for name, times in self[kind].groupby("symbol", sort=False)["time"]:
                    self._times.setdefault(name, []).append(times)
        none = pd.Series(dtype="datetime64[ns, UTC]")
        return pd.concat([none, *self._times.get(symbol, [])], ignore_index=True)

    def summary(self) -> pd.DataFrame:
        """A row a table: rows, symbols, first and last time."""
        rows = {name: store.summed_up(self.scans(name)) for name in self}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("table")

    @property
    def data_hash(self) -> str:
        """One hash of every table's values and of the symbols, in whatever order the rows came.

        The rows' own hashes are summed, so that a saved market is read in the memory of one part.
        """
        tables = ((name, self.parts(name)) for name in self)
        return store.digest([("symbols", [self.symbols]), *tables])

    def save(self, folder: str | Path, *, by: str = "auto") -> Path:
        """Write the market as a folder of Parquet files with a manifest, atomically.

        Parameters
        ----------
        folder : path
            Keeps its present content until all is written. A link to a folder is followed and
            stays; one that leads to no folder, or in a loop, is refused (NotADirectoryError).
        by : {"auto", "table", "day"}
            One file a table, or files by symbol and UTC day; "auto" is by day for tables above
            about two million rows whose symbols have 20,000 a day in the mean.
        """
        with store.Writer(folder, by=by) as writer:
            for name in self:
                if name in self._tables or name in self._frames:
                    writer.add(name, self._frames.get(name, self._tables.get(name)))
                else:
                    self._copy(name, writer)
            self.commit(writer)
        return Path(folder)

    def commit(self, writer: store.Writer) -> None:
        """Write what is said of all tables, and make them the folder's state."""
        facts: dict = {"name": self.name, "mmresearch": __version__}
        writer.add("symbols", self.symbols)
        if self.receipt is not None:
            facts["receipt"] = self.receipt.facts()
            aside = {"file": "str", "line": "Int64", "reason": "str", "text": "str"}
            writer.add("set_aside", self.receipt.set_aside.astype(aside))
        writer.commit(facts)

    def __repr__(self) -> str:
        return f"Market {self.name!r}: {len(self.symbols)} symbols\n{self.summary().to_string()}"

    def _repr_html_(self) -> str:
        return self.summary().to_html()

    def _event_names(self) -> list[str]:
        return [name for name in _EVENTS if name in self]

    def _outline(self, symbol: str) -> pd.Series:
        """Times that lie in the same sessions as all the symbol's, read in the memory of a day."""
        if self._outlines is None:
            about = zip(self.symbols["symbol"], self.symbols["calendar"], strict=True)
            daily = {symbol for symbol, calendar in about if calendar in WHOLE_DAYS}
            held = self._tables | self._frames
            self._outlines = store.outlines(
                query
                for name in self._event_names()
                for query in (self.scans(name) if name in held else self._stored.ends(name, daily))
            )
        times = self._outlines.get(symbol, pl.Series("time", [], dtype=store.TIME))
        return times.sort().to_pandas()

    def _copy(self, name: str, writer: store.Writer) -> None:
        """A saved table, in the memory of one part; parts by day as they are."""
        adopted = writer.adopt(name, self._stored)
        for part in self._stored.each(name, but=adopted):
            writer.add(name, native.check(part, name))

    def _in_memory(self) -> list[str]:
        """The tables that no folder holds."""
        return [n for n in (*self._tables, *self._frames) if n not in self._stored.entries]

    def _traded(self) -> list[str]:
        named = pl.col("symbol").unique()
        queries = (query for name in self._event_names() for query in self.scans(name))
        return sorted({s for query in queries for s in query.select(named).collect()["symbol"]})
