"""JSON files: one document, or one a line; whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from mmresearch.load import text
from mmresearch.receipt import Fault


class Documents(NamedTuple):
    """What a file holds: a JSON file one root, at line 1; JSON lines one a line."""

    text: text.Text
    roots: list[Any]
    lines: list[int]

    @property
    def name(self) -> str:
        return self.text.name


def read_documents(source: str, path: str | Path) -> Documents | list[Fault]:
    """The file's documents, or every line that is none (the first ones by number)."""
    (read,) = text.read_texts(source, [path])
    first, _, rest = read.data.partition(b"\n")
    if not rest or not _is_json(first):
        return _whole(read)
    return _by_line(read)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _whole(read: text.Text) -> Documents | list[Fault]:
    try:
        return Documents(read, [_loads(read.data)], [1])
    except ValueError as error:
        line = getattr(error, "lineno", None)
        found = f"text that is not JSON ({error})"
        return [Fault(read.name, line, found, "one JSON document, or one a line; is it whole?")]


def _by_line(read: text.Text) -> Documents | list[Fault]:
    roots, lines, bad = [], [], []
    for number, line in enumerate(read.data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            roots.append(_loads(line))
            lines.append(number)
        except ValueError:
            bad.append(number)
    if bad:
        found = "a line that is not JSON"
        return [text.rows_fault(read.name, bad, found, "one JSON document a line; is it whole?")]
    return Documents(read, roots, lines)


def _loads(data: bytes) -> Any:
    return json.loads(data, parse_constant=_refuse)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def lacking(row: Any, wanted: Iterable[str]) -> list[str]:
    """The fields that a record does not have; all of them if it is no record."""
    return [name for name in wanted if not isinstance(row, dict) or name not in row]
