"""What a loader read, kept and set aside, and the one error it raises when it cannot read."""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

_FILES = ["file", "bytes", "sha256", "rows"]
_ASIDE = ["file", "line", "reason", "text"]


class Fault(NamedTuple):
    """One thing wrong with a source: where, what was found, what was expected."""

    file: str
    line: int | None
    found: str
    expected: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{place}: found {self.found}; expected {self.expected}"


class SourceError(ValueError):
    """A source that cannot be read; `faults` lists every reason, `note` helps with them all."""

    def __init__(self, source: str, faults: list[Fault], note: str = "") -> None:
        self.faults, self.note = list(faults), note
        shown = [f"  {fault}" for fault in self.faults] + [note] * bool(note)
        head = f"{source}: {_counted(self.faults)}, nothing was loaded:"
        super().__init__("\n".join([head, *shown]))


def _counted(faults: list[Fault]) -> str:
    return "1 fault" if len(faults) == 1 else f"{len(faults)} faults"


@dataclass(frozen=True, eq=False)
class Receipt:
    """The account of one loading: every source row is either kept or set aside by a reason.

    files: file (its name), bytes, sha256, rows (source rows read).
    set_aside: file, line (1 is the first), reason, text (the line as it stood).
    notes: what the loader understood or assumed, in words.
    options: what it was told beside its files, as `mmresearch.load.told` keeps it; None: not known.
    """

    source: str
    files: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_FILES))
    set_aside: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_ASIDE))
    notes: tuple[str, ...] = ()
    options: dict[str, Any] | None = None

    @property
    def rows_read(self) -> int:
        return int(self.files["rows"].sum())

    @property
    def rows_kept(self) -> int:
        return self.rows_read - len(self.set_aside)

    @property
    def reasons(self) -> pd.Series:
        """Rows set aside, counted by reason."""
        return self.set_aside["reason"].value_counts().rename("rows")

    def facts(self) -> dict:
        """The receipt as plain values, for a manifest (the rows set aside stand beside it)."""
        options = {} if self.options is None else {"options": self.options}
        return options | {
            "source": self.source,
            "files": self.files.to_dict("records"),
            "rows_read": self.rows_read,
            "rows_kept": self.rows_kept,
            "set_aside": {str(k): int(v) for k, v in self.reasons.items()},
            "notes": list(self.notes),
        }

    @classmethod
    def from_facts(cls, facts: dict, set_aside: pd.DataFrame) -> Receipt:
        files = pd.DataFrame(facts["files"], columns=_FILES)
        notes = tuple(facts["notes"])
        return cls(facts["source"], files, set_aside, notes, facts.get("options"))

    def __str__(self) -> str:
        aside = ", ".join(f"{n} {reason}" for reason, n in self.reasons.items()) or "none"
        rows = f"{self.rows_read:,} rows read, {self.rows_kept:,} kept, set aside: {aside}"
        head = f"{self.source}: {len(self.files)} files, {rows}"
        return "\n".join([head, *(f"  {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def file_facts(path: Path, rows: int, hashed: Any = None) -> dict:
    """One row of `Receipt.files`; `hashed` is the hash of all its bytes, where it is known."""
    if hashed is None:
        with path.open("rb") as handle:
            hashed = hashlib.file_digest(handle, "sha256")
    size = path.stat().st_size
    return {"file": path.name, "bytes": size, "sha256": hashed.hexdigest(), "rows": rows}
