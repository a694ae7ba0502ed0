"""A market on disk: a folder of Parquet files and the manifest that says which of them count.

Every file carries its content's hash in its name, and replacing `manifest.json` is the one step
that makes a new state true. An interrupted save therefore leaves the old folder or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pandas as pd

from mmresearch import schema

MANIFEST = "manifest.json"


def write(folder: Path, tables: dict[str, pd.DataFrame], facts: dict) -> dict:
    """Write tables and facts as the folder's new state; returns the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {name: _write_table(folder, name, table) for name, table in tables.items()}
    manifest = {"schema": schema.VERSION, "tables": entries, **facts}
    _write_whole(folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode())
    _sweep(folder, {entry["file"] for entry in entries.values()})
    return manifest


def read_manifest(folder: Path) -> dict:
    """The folder's manifest; for a folder filled by hand, one that names its Parquet files."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no market folder at {folder}")
    path = folder / MANIFEST
    if not path.exists():
        return _by_hand(folder)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version = manifest["schema"]
        if version == schema.VERSION:
            _ = [entry["file"] for entry in manifest["tables"].values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a manifest of a market folder: {error!r}") from None
    if version != schema.VERSION:
        raise ValueError(f"{path} has schema {version}; this mmresearch reads {schema.VERSION}")
    return manifest


def read_table(folder: Path, entry: dict) -> pd.DataFrame:
    """One table of the folder, whole."""
    path = folder / entry["file"]
    if not path.exists():
        raise FileNotFoundError(f"{path} is gone: was the folder written anew? open it again")
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not a Parquet file that can be read: {error}") from None


def _by_hand(folder: Path) -> dict:
    names = [n for n in (*schema.TABLES, "symbols") if (folder / f"{n}.parquet").exists()]
    if not set(names).intersection(schema.TABLES):
        raise FileNotFoundError(
            f"{folder} holds neither {MANIFEST} nor any of "
            + ", ".join(f"{name}.parquet" for name in schema.TABLES)
        )
    entries = {}
    for name in names:
        path = folder / f"{name}.parquet"
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        entries[name] = {"file": path.name, "sha256": digest}
    return {"schema": schema.VERSION, "tables": entries}


def _write_table(folder: Path, name: str, table: pd.DataFrame) -> dict:
    draft = folder / f".{name}.{os.getpid()}.tmp"
    try:
        table.to_parquet(draft, index=False, compression="zstd")
        with draft.open("r+b") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
            os.fsync(handle.fileno())
        final = folder / f"{name}-{digest[:12]}.parquet"
        draft.replace(final)
    finally:
        draft.unlink(missing_ok=True)
    return {"file": final.name, "rows": len(table), "sha256": digest}


def _write_whole(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _sweep(folder: Path, kept: set[str]) -> None:
    """Remove what earlier states left; only names that `write` itself gives."""
    for name in (*schema.TABLES, "symbols", "set_aside"):
        digest = "[0-9a-f]" * 12
        for path in folder.glob(f"{name}-{digest}.parquet"):
            if path.name not in kept:
                path.unlink()
