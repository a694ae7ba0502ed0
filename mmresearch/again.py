"""A market folder or a report made anew, from what its manifest says and the same input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from mmresearch import __version__, store
from mmresearch.convert import convert, sources_files
from mmresearch.folder import open_market
from mmresearch.load.told import options_from
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts


def convert_again(
    folder: str | Path,
    files: Sequence[str | Path],
    to: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    progress: TextIO | None = None,
) -> Market:
    """Convert the same files as a folder was made of, as its manifest says: the same bytes.

    Parameters
    ----------
    folder : path
        A market folder that was converted.
    files : list of path
        Where its source files are now: files, folders or patterns, in any order. Their content
        must be that of the manifest.
    to : path
        The folder to write.
    options : mapping, optional
        The options that the manifest does not hold: those that are files, which must have the
        same content, and a database's address (see `needed`).
    progress : text stream, optional
        As `convert` takes it.

    Raises
    ------
    ValueError
        Where the manifest does not say how the folder was made, or an option is missing.
    SourceError
        Naming every file that is missing, or that the folder was not made of.

    What a database answers, and the series that comes with a package, can only be compared when
    it was read: then `to` is written, and the error says that it is another.
    """
    receipt, options = converted(folder), dict(options or {})
    lacking = [name for name in needed(receipt) if name not in options]
    if lacking:
        raise ValueError(f"{folder} does not hold {', '.join(lacking)}; give what it was made with")
    further = sorted(set(options) - set(needed(receipt)))
    if further:
        raise ValueError(f"{folder} says {', '.join(further)} itself; convert without --again")
    held = receipt.options.get("files", {})
    _refuse_others(receipt.source, list(held.values()), [Path(options[name]) for name in held])
    found = files if "con" in options else _as_listed(receipt, sources_files(receipt.source, files))
    _tell_version(folder, progress)
    every = options_from(receipt.options) | options
    market = convert(receipt.source, found, to, options=every, progress=progress)
    if list(market.receipt.files["sha256"]) != list(receipt.files["sha256"]):
        raise ValueError(f"{to} is written, but of other content than {folder} was made of")
    return market


def converted(folder: str | Path) -> Receipt:
    """The receipt of a folder whose manifest says how it was made."""
    receipt = open_market(folder).receipt
    if receipt is None:
        raise ValueError(f"{folder} was not converted from files: its manifest names no source")
    if receipt.options is None:
        raise ValueError(f"{folder} was written before manifests held options; convert it anew")
    return receipt


def needed(receipt: Receipt) -> list[str]:
    """The options that must be given again: files, and what no manifest holds."""
    return [*receipt.options.get("files", {}), *receipt.options.get("untold", [])]


def _as_listed(receipt: Receipt, found: list[Path]) -> list[Path]:
    """The files in the order in which they were read, if they are those of the manifest."""
    beside = {held["sha256"] for held in receipt.options.get("files", {}).values()}
    listed = [f for f in receipt.files.to_dict("records") if f["sha256"] not in beside]
    return _refuse_others(receipt.source, listed, found) if found else []


def _refuse_others(source: str, listed: list[dict], found: list[Path]) -> list[Path]:
    """The files that have the listed contents, in that order; an error names all others."""
    hashes: dict[str, list[Path]] = {}
    for path in found:
        hashes.setdefault(file_facts(path, 0)["sha256"], []).append(path)
    ordered, faults = [], []
    for facts in listed:
        same = hashes.get(facts["sha256"])
        if same:
            ordered.append(same.pop(0))
        else:
            expected = f"the file of {facts['bytes']:,} bytes with sha256 {facts['sha256'][:16]}..."
            faults.append(Fault(facts["file"], None, "no file of its content", expected))
    left = [path for paths in hashes.values() for path in paths]
    faults += [
        Fault(path.name, None, "a file that the folder was not made of", "its own") for path in left
    ]
    if faults:
        raise SourceError(source, faults)
    return ordered


def _tell_version(folder: str | Path, progress: TextIO | None) -> None:
    made = (store.read_manifest(Path(folder)) or {}).get("mmresearch")
    if progress is not None and made != __version__:
        print(f"made by mmresearch {made}, which this is not: {__version__}", file=progress)
