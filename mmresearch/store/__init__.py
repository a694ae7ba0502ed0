"""A market on disk: a folder of Parquet files and the manifest that says which of them count.

Every file carries its content's hash in its name, and replacing `manifest.json` is the one step
that makes a new state true. An interrupted save therefore leaves the old folder or the new one.

    TABLE-HASH.parquet                                   a table in one file
    TABLE/symbol=SYMBOL/day=YYYY-MM-DD/part-HASH.parquet a table by symbol and UTC day
    TABLE/day=YYYY-MM-DD/part-HASH.parquet               one whose rows need not name a symbol

`manifest.json` holds the version of schema and layout, and for each table its rows and its parts in
order of time: {"file", "rows", "sha256", "symbol", "day", "first", "last"}, the last two in
nanoseconds. A table in one file is one part, without symbol and day. It also names the version of
this package and, for a market that was loaded, holds the receipt: the source, its files with bytes
and hash, what the loader was told (`mmresearch.load.told`), what was read, kept and set aside.
"""

from mmresearch.store.ahead import ahead
from mmresearch.store.digest import digest
from mmresearch.store.frames import to_pandas, to_polars, write_parquet
from mmresearch.store.lock import Lock
from mmresearch.store.manifest import MANIFEST, by_hand, read_manifest
from mmresearch.store.outline import outlines, summed_up
from mmresearch.store.span import TIME, Span
from mmresearch.store.stored import Stored
from mmresearch.store.writer import Writer, check_place

__all__ = [
    "MANIFEST",
    "TIME",
    "Lock",
    "Span",
    "Stored",
    "Writer",
    "ahead",
    "by_hand",
    "check_place",
    "digest",
    "outlines",
    "read_manifest",
    "summed_up",
    "to_pandas",
    "to_polars",
    "write_parquet",
]
