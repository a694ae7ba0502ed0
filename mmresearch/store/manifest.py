"""The manifest of a market folder: read, refused, or brought up from an older version."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from mmresearch import schema

MANIFEST = "manifest.json"


def read_manifest(folder: Path) -> dict | None:
    """The folder's manifest in today's layout; None for a folder of tables without one."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no market folder at {folder}")
    path = folder / MANIFEST
    if not path.exists():
        return _without(folder)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version = manifest["schema"]
        _refuse_unknown(path, version)
        return _UPGRADES.get(version, _checked)(manifest)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, UnknownVersionError):
            raise
        raise ValueError(f"{path} is not a manifest of a market folder: {error!r}") from None


class UnknownVersionError(ValueError):
    """A folder of a version that this package does not know."""


def by_hand(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables that somebody laid into the folder as TABLE.parquet."""
    return {path.stem: _read_parquet(path) for path in _laid(folder)}


def _laid(folder: Path) -> list[Path]:
    places = (folder / f"{name}.parquet" for name in (*schema.TABLES, "symbols"))
    return [path for path in places if path.exists()]


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not a Parquet file that can be read: {error}") from None


def _without(folder: Path) -> None:
    if not {path.stem for path in _laid(folder)}.intersection(schema.TABLES):
        raise FileNotFoundError(
            f"{folder} holds neither {MANIFEST} nor any of "
            + ", ".join(f"{name}.parquet" for name in schema.TABLES)
        )


def _refuse_unknown(path: Path, version: object) -> None:
    reads = f"this one reads up to {schema.VERSION}"
    if type(version) is not int or version < 1:
        raise UnknownVersionError(f"{path} has schema {version!r}, which no mmresearch wrote")
    if version > schema.VERSION:
        raise UnknownVersionError(
            f"{path} was written by a newer mmresearch (schema {version}); {reads}"
        )


def _checked(manifest: dict) -> dict:
    for entry in manifest["tables"].values():
        for part in entry["parts"]:
            _ = [part[key] for key in ("file", "rows", "symbol", "day", "first", "last")]
    return manifest


def _from_first(manifest: dict) -> dict:
    """Version 1: one file a table, of which the manifest does not say what time it spans."""
    unknown = {"symbol": None, "day": None, "first": None, "last": None}
    tables = {
        name: {"rows": entry["rows"], "parts": [entry | unknown]}
        for name, entry in manifest["tables"].items()
    }
    return manifest | {"schema": schema.VERSION, "tables": tables}


_UPGRADES = {1: _from_first}
