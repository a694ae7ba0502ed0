"""Option chains: CBOE quote tables, Deribit book summaries, Tardis options_chain files."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from mmresearch.load import several, unpack
from mmresearch.load.options.cboe import read_table
from mmresearch.load.options.deribit import read_summaries
from mmresearch.load.told import tells
from mmresearch.market import Market

_SOURCE = "options"
ENDINGS = (".csv", ".json", ".jsonl", ".csv.gz", ".json.gz", ".jsonl.gz", ".zip")
_GZIP, _PACKED = b"\x1f\x8b", (b"PK\x03\x04", b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd")
_SEEN = 4096  # bytes that tell one source from another


@tells
def options(
    *files: str | Path | Iterable[str | Path], symbol: str | None = None, name: str | None = None
) -> Market:
    """The options of an underlying at one or several times, as `chain`.

    Parameters
    ----------
    *files : path or paths
        CBOE quote tables (the CSV of its delayed quotes), Deribit's answers to
        `public/get_book_summary_by_currency` (JSON, or one answer a line), or Tardis'
        options_chain CSV; plain or packed; lists, folders or patterns.
    symbol : str, optional
        The underlying of CBOE's tables; the contracts' root, SPX for SPX and SPXW, if not given.
    name : str, optional
        Of the market.

    Returns
    -------
    Market
        chain: a row an option and time. `open_interest` in contracts, `implied_vol` a year (0.2 is
        20 %; missing where the source has 0 or none), extra `option`, the contract's name, and the
        source's other columns; a bid, ask or last of 0 is none: missing.
        CBOE: a line holds a call and a put and gives two rows. `time` is that of the title,
        `spot` its last price, `multiplier` 100, missing for adjusted contracts (roots that end in
        a digit). `expiry` is when the contract settles in New York: 09:30 for the roots SPX, NDX,
        RUT, DJX, VIX and VIXW, 16:00 for all others, early closes too. Prices in dollars; extra
        `last`, `change`, `bid`, `ask`, `volume`, `delta`, `gamma`.
        Deribit: `time` is each record's, `expiry` 08:00 UTC, `spot` the price that its implied
        volatility is computed with: the future of that expiry, real or implied ("SYN."), or the
        index, as extra `underlying_index` says. Open interest is in coins, so that `multiplier` is
        1. Extra `bid`, `ask`, `mark`, `last` in `price_currency` (the coin, or USDC), `volume` of
        24 hours in coins, `interest_rate`. Futures, spot and combinations are set aside.
        Tardis: as `mmresearch.load.tardis` gives it.

    Raises
    ------
    SourceError
        Naming every fault of every file. Repeated rows are set aside and kept in the receipt.
    """
    return several.each(_SOURCE, files, ENDINGS, partial(_one, symbol=symbol), name=name)


def _one(path: Path, symbol: str | None) -> Market:
    start = _start(path).lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith((b"{", b"[")):
        return read_summaries(_SOURCE, path)
    if b"local_timestamp" in start and b"strike_price" in start:
        from mmresearch.load.tardis import tardis

        return tardis(path)
    return read_table(_SOURCE, path, symbol)


def _start(path: Path) -> bytes:
    """The first bytes of a file, unpacked; none if it cannot be read, as its reader will say."""
    try:
        with path.open("rb") as file:
            start = file.read(_SEEN)
        if start.startswith(_GZIP):
            with gzip.open(path) as file:
                return file.read(_SEEN)
    except (OSError, EOFError, zlib.error):
        return b""
    data = unpack.read_bytes(path) if start.startswith(_PACKED) else start
    return data[:_SEEN] if isinstance(data, bytes) else b""
