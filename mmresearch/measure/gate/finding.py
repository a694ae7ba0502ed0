"""One finding of the data gate."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """What one check says of one symbol: see `mmresearch.measure.gate.check`."""

    check: str
    symbol: str
    verdict: str
    found: str
    count: int | None
    of: int | None
    affects: str


def share(count: int, of: int) -> str:
    """The count with its share, in words."""
    if not of:
        return "none"
    part = f"{count / of:.2%}" if not count or count / of >= 5e-5 else "under 0.01%"
    return f"{count:,} of {of:,} ({part})"
