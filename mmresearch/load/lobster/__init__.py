"""LOBSTER: Nasdaq messages and the order book after each, reconstructed from TotalView-ITCH.

Format: lobsterdata.com, "Output structure" (Huang and Polak, 2011). Row i of the book file is the
state after message i, so both get the row's number as `seq` and a strict join finds the book that
an event met.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from mmresearch.load import paths, several, text
from mmresearch.load.lobster.beside import in_blocks
from mmresearch.load.lobster.files import LEVEL, SOURCE, Day, read_day, together
from mmresearch.load.lobster.tables import (
    CROSS_ASIDE,
    HALT,
    HALT_ASIDE,
    Above,
    about,
    crosses_of,
    made,
)
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import SourceError

# beside the loader what converting needs, file by file and block by block
__all__ = ["ENDINGS", "in_blocks", "lobster", "together"]

ENDINGS = (".csv", ".csv.gz")


@tells
def lobster(
    *files: str | Path | Iterable[str | Path],
    symbol: str | None = None,
    date: str | datetime.date | None = None,
    name: str | None = None,
) -> Market:
    """Days of one or more stocks from their LOBSTER message and order book files.

    Parameters
    ----------
    *files : path or paths
        CSV, plain or gzip, with or without a header line; any number of levels. Two files are a
        day: the messages, then the order book. More of them, lists, folders or patterns such as
        "AMZN/*_10.csv" are paired by their names, which say symbol, day and levels
        (`AMZN_2012-06-21_34200000_57600000_message_10.csv` and its `..._orderbook_10.csv`).
    symbol, date : str, optional
        Of a single day whose files' names do not say them.
    name : str, optional
        Of the market; the symbol and the date of a single day if not given.

    Returns
    -------
    Market
        orders: every message; `side` is the resting order's; `halt` (extra) is the code of a halt:
        -1 halted, 0 quoting resumed, 1 trading resumed.
        trades: executions of visible (`event` "fill") and hidden orders ("hidden_fill"), signed
        by the aggressor, and crosses ("cross"), unsigned. Prices in dollars, sizes in shares.
        quotes: best level, a row where any of it changed. book: all levels, likewise, where the
        file holds more than one; levels that only other days hold are missing in a day, with size
        missing too. A level that is not there has no price and size 0.
        Times are seconds after midnight in New York, turned into UTC to the nanosecond; `seq` is
        the row number, the same for a message and the book after it (counted on from symbol to
        symbol, where several trade at one time).

    Raises
    ------
    SourceError
        Naming every fault of every file: a message file without its order book or with one of
        other levels, unequal row counts, cut lines, wrong columns, swapped files, values that
        cannot be, time running back.
    """
    days = together(paths.expand(SOURCE, files, ENDINGS))
    if len(days) > 1 and not (symbol is None and date is None):
        raise ValueError(f"symbol= and date= are for a single day; the files hold {len(days)}")
    parts, faults = [], []
    for message, orderbook in days:
        try:
            parts.append(_market(read_day(message, orderbook, symbol, date), name))
        except SourceError as error:
            faults += error.faults
    if faults:
        raise SourceError(SOURCE, faults)
    return parts[0] if len(parts) == 1 else several.joined(SOURCE, parts, name=name)


def _market(day: Day, name: str | None) -> Market:
    tables, tally, above = made(day.messages, day.book, day.symbol, day.date, Above())
    levels = day.book.width // len(LEVEL)
    said = about(day.symbol, day.date, levels, [tally], day.texts, above.rows, _set_aside(day))
    return Market(**said._replace(name=name or said.name)._asdict(), **tables)


def _set_aside(day: Day) -> pd.DataFrame:
    crosses = crosses_of(day.messages).arg_true() + 1 + day.heads[0]
    halts = (day.messages["type"] == HALT).arg_true() + 1 + day.heads[1]
    return text.aside(
        [
            (day.texts[0], crosses.to_list(), CROSS_ASIDE),
            (day.texts[1], halts.to_list(), HALT_ASIDE),
        ]
    )
