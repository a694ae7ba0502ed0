"""What a report rests on: the data, how it was read, the parameters, the versions, the commit."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mmresearch import schema
from mmresearch.market import Market

Section = tuple[str, list[tuple[str, str]]]
_PACKAGES = ("mmresearch", "numpy", "pandas", "polars", "pyarrow", "scipy", "statsmodels")
_PACKAGES += ("linearmodels", "arch", "numba", "matplotlib")


def data_section(market: Market) -> Section:
    """The market's name, hash and rows a table."""
    rows = [(f"rows of {name}", f"{len(market[name]):,}") for name in market]
    return "Data", [("name", market.name), ("hash", market.data_hash), *rows]


def receipt_section(market: Market) -> Section:
    """What the loader read, kept and set aside, and its notes."""
    receipt = market.receipt
    if receipt is None:
        return "Receipt", [("source", "none: the tables were not made by a loader")]
    lines = [
        ("source", receipt.source),
        ("rows read", f"{receipt.rows_read:,}"),
        ("rows kept", f"{receipt.rows_kept:,}"),
        *((f"set aside: {reason}", f"{n:,}") for reason, n in receipt.reasons.items()),
        *_files(receipt.files.to_dict("records")),
        *_told(receipt.options or {}),
        *(("note", note) for note in receipt.notes),
    ]
    return "Receipt", lines


def _files(listed: list[dict]) -> list[tuple[str, str]]:
    return [(f"file {f['file']}", f"sha256 {f['sha256']}, {f['bytes']:,} bytes") for f in listed]


def _told(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the loader was told, a line an option."""
    tables = {
        name: f"a table of {', '.join(held)}" for name, held in options.get("tables", {}).items()
    }
    files = {n: f"{f['file']}, sha256 {f['sha256']}" for n, f in options.get("files", {}).items()}
    values = {name: repr(value) for name, value in options.get("values", {}).items()}
    untold = dict.fromkeys(options.get("untold", []), "not kept")
    return [(f"option {name}", said) for name, said in (values | tables | files | untold).items()]


def run_section(path: Path, parameters: Mapping[str, str], command: str) -> Section:
    """The notebook, its hash and commit, the command, and the parameters it ran with."""
    lines = [
        ("command", command),
        ("notebook", path.name),
        ("notebook's hash", hashlib.sha256(path.read_bytes()).hexdigest()),
        ("commit", commit(path.parent)),
        *((f"parameter {name}", source) for name, source in parameters.items()),
    ]
    return "Notebook", lines


def version_section() -> Section:
    """The versions the numbers come from."""
    packages = [(name, version(name)) for name in _PACKAGES]
    tables = ("tables' schema", str(schema.VERSION))
    return "Versions", [("python", platform.python_version()), *packages, tables]


def commit(folder: Path) -> str:
    """The commit of the checkout that holds the folder, "+changes" where tracked files differ."""
    head = _git(folder, "rev-parse", "--short=12", "HEAD")
    if not head:
        return "none: not in a git checkout"
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{head} +changes" if changed else head


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
