"""A report made anew from the foot of its page: the same notebook, data and parameters."""

from __future__ import annotations

import ast
import hashlib
import shlex
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup

from mmresearch.folder import open_market
from mmresearch.show import catalog, manifest
from mmresearch.show.report import report

Said = dict[str, dict[str, str]]


def report_again(
    page: str | Path,
    *,
    notebook: str | Path | None = None,
    data: str | Path | None = None,
    output: str | Path = "reports",
) -> Path:
    """Run the notebook of a report again, with its parameters, on the same data.

    By the same versions it gives the same bytes; versions that differ are named on stderr.

    Parameters
    ----------
    page : path
        A report that this package wrote.
    notebook : path, optional
        Where its notebook is; not needed for a bundled one.
    data : path, optional
        Where its data is, whose hash must be that of the page; not needed for the sample.
    output : path
        As `report` takes it.

    Raises
    ------
    ValueError
        Where the page is no report, or notebook or data are others than the page's.
    """
    told = said(page)
    values = _values(told["Notebook"]["command"])
    path = catalog.find(notebook or _called(told))
    if hashlib.sha256(path.read_bytes()).hexdigest() != told["Notebook"]["notebook's hash"]:
        raise ValueError(f"{path} is not as it was when {page} was made: it has another hash")
    folder = data or values["DATA"]
    if folder != "sample" and data is None:
        raise ValueError(f"{page} is of the data {folder}; say where that folder is: --data")
    if open_market(folder).data_hash != told["Data"]["hash"]:
        raise ValueError(f"{folder} is not the data of {page}: it has another hash")
    _tell_versions(told)
    given = {name: value for name, value in values.items() if name != "DATA"}
    return report(path, data=folder, output=output, parameters=given)


def said(page: str | Path) -> Said:
    """What the foot of a report says: section -> name -> value; of equal names the last."""
    foot = Path(page).read_text(encoding="utf-8", errors="replace").rpartition("<footer>")[2]
    soup = BeautifulSoup(foot, features="html.parser")
    found = {}
    for head in soup.find_all("h3"):
        names, values = (head.find_next("dl").find_all(tag) for tag in ("dt", "dd"))
        pairs = zip(names, values, strict=True)
        found[head.get_text()] = {name.get_text(): value.get_text() for name, value in pairs}
    if "command" not in found.get("Notebook", {}):
        raise ValueError(f"{page} is no report that says by what command it was made")
    return found


def _called(told: Said) -> str:
    return shlex.split(told["Notebook"]["command"])[2]


def _values(command: str) -> dict[str, Any]:
    """DATA and the parameters that were set."""
    words = shlex.split(command)
    values: dict[str, Any] = {"DATA": words[words.index("--data") + 1]}
    for before, word in pairwise(words):
        if before == "--set":
            name, _, source = word.partition("=")
            values[name] = ast.literal_eval(source)
    return values


def _tell_versions(told: Said) -> None:
    here = dict(manifest.version_section()[1])
    for name, was in told["Versions"].items():
        if here.get(name) != was:
            print(f"made with {name} {was}, here is {here.get(name)}", file=sys.stderr)
