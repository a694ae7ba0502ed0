"""What a loader was told beside its files, as plain values that a manifest holds, and back.

    {"values": {"account": "desk"}, "files": {"labels": {"file", "bytes", "sha256"}},
     "tables": {"symbols": {column: values}}, "untold": ["con"]}

What is empty is left out, and so is what was left at its default. `untold` names options that no
text can hold (an open connection), or that should not stand in one (a database's address, for it
may hold a password).
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from mmresearch.market import Market
from mmresearch.receipt import file_facts

_SECRET = ("con",)
_NOT_OPTIONS = ("progress",)


def tells(loader: Callable[..., Market]) -> Callable[..., Market]:
    """The loader, whose receipt says as `options` what it was told."""

    @functools.wraps(loader)
    def telling(*files: Any, **options: Any) -> Market:
        market = loader(*files, **options)
        given = inspect.signature(loader).bind(*files, **options).arguments
        market.receipt = replace(market.receipt, options=told(loader, given))
        return market

    return telling


def told(loader: Callable, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options among what a loader was given, as plain values."""
    kept: dict[str, Any] = {"values": {}, "files": {}, "tables": {}, "untold": []}
    _, *parameters = inspect.signature(loader).parameters.values()
    for one in parameters:
        if one.name in given and one.name not in _NOT_OPTIONS:
            value = given[one.name]
            if value is not one.default and not _same(value, one.default):
                _keep(one.name, value, str(one.annotation), kept)
    return {kind: held for kind, held in kept.items() if held}


def options_from(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The values and tables that `told` kept, as a loader takes them."""
    tables = {name: pd.DataFrame(held) for name, held in kept.get("tables", {}).items()}
    return kept.get("values", {}) | tables


def _keep(name: str, value: Any, annotation: str, kept: dict[str, Any]) -> None:
    """Put one option where it belongs."""
    held = None if name in _SECRET else _plain(value)
    if isinstance(value, pd.DataFrame) and (table := _table(value)) is not None:
        kept["tables"][name] = table
    elif _is_file(value, annotation):
        facts = file_facts(Path(value), 0)
        kept["files"][name] = {key: facts[key] for key in ("file", "bytes", "sha256")}
    elif held is not None:
        kept["values"][name] = held
    else:
        kept["untold"].append(name)


def _same(value: Any, default: Any) -> bool:
    return (
        type(value) is type(default) and isinstance(value, str | int | float) and value == default
    )


def _is_file(value: Any, annotation: str) -> bool:
    """A path, or a text where the loader takes one for a path."""
    named = isinstance(value, str) and any(word in annotation for word in ("Path", "Table"))
    return (named or isinstance(value, Path)) and Path(value).is_file()


def _plain(value: Any) -> Any:
    """The value as JSON gives it back; None where that would be another."""
    if isinstance(value, date):  # of which a time is one
        return value.isoformat()
    try:
        back = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return None
    return back if back == _listed(value) else None


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _listed(inner) for name, inner in value.items()}
    return [_listed(inner) for inner in value] if isinstance(value, list | tuple) else value


def _table(table: pd.DataFrame) -> dict[str, list] | None:
    """A table's columns as lists; None where another table would come back."""
    table = table.reset_index(drop=True)
    plain = _plain(table.astype("object").where(table.notna(), None).to_dict("list"))
    if plain is None or not pd.DataFrame(plain).equals(table):
        return None
    return plain
