"""The text of a query: one statement that only reads, its parameters bound and never pasted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# What is no statement of its own: comments, strings (also escaped and dollar-quoted), quoted names.
_QUOTED = re.compile(
    r"--[^\n]*|/\*.*?\*/|\b[eE]'(?:\\.|''|[^'\\])*'|'(?:''|[^'])*'"
    r"|\"(?:\"\"|[^\"])*\"|`[^`]*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$",
    re.S,
)
_FIRST = re.compile(r"[\s(]*(\w+)")
_WRITES = re.compile(r"\b(?:into|delete\s+from|update\s+(?:only\s+)?[\w.'\s]+?\bset)\b", re.I)
# What SQLAlchemy takes for a parameter wherever it stands; ours begin with a letter.
_COLON = re.compile(r"(?<![:\w$\\]):([\w$]+)(?![:\w$])")
_PARAMETER = r"(?<![:\w$\\]):(?P<name>[A-Za-z_]\w*)(?![:\w$])"
_MARKED = re.compile(f"{_QUOTED.pattern}|{_PARAMETER}|{_COLON.pattern}", re.S)


def looks_like_one(source: str) -> bool:
    """Whether a text is a query rather than a path."""
    return bool(re.match(r"\s*\(*\s*(?:select|with)\s", source, re.I))


def complaint(query: str) -> str | None:
    """Why the text is not one statement that only reads."""
    bare = _QUOTED.sub(" '' ", query)
    if "/*" in bare or "*/" in bare:
        return "a comment that does not end"
    said = bare.replace("''", "").strip().rstrip(";").strip()
    if ";" in said:
        return "several statements"
    first = _FIRST.match(said)
    if first is None or first[1].lower() not in ("select", "with"):
        return f"a statement that is no query, {' '.join(query.split())[:40]!r}"
    writes = _WRITES.search(said)
    return f"a statement that writes ({' '.join(writes[0].split()).upper()})" if writes else None


def escaped(query: str) -> str:
    """The query with every colon that begins no parameter marked as such, for SQLAlchemy."""
    return _MARKED.sub(lambda found: found[0] if found["name"] else _marked(found[0]), query)


def _marked(text: str) -> str:
    return _COLON.sub(r"\\:\1", text)


def names(query: str) -> list[str]:
    """The parameters that the query asks for, as `:symbol`."""
    found = (match["name"] for match in _MARKED.finditer(query))
    return list(dict.fromkeys(name for name in found if name))


def placed(query: str, parameters: Mapping[str, Any], style: str) -> tuple[str, list[Any]]:
    """The query with a driver's own marks ("qmark": ?, "numeric_dollar": $1), and their values."""
    import sqlalchemy  # here, as few ask a database and it is slow to load
    from sqlalchemy.engine.default import DefaultDialect

    text = sqlalchemy.text(escaped(query))
    compiled = text.compile(dialect=DefaultDialect(paramstyle=style))
    return str(compiled), [parameters[name] for name in compiled.positiontup or ()]
