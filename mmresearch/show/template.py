"""A bundled notebook as the start of one's own study."""

from __future__ import annotations

from pathlib import Path

import nbformat

from mmresearch.show import catalog
from mmresearch.show.execute import read
from mmresearch.show.parameters import replace_default


def new_notebook(notebook: str | Path, to: str | Path, *, data: str | Path = "sample") -> Path:
    """Copy a notebook without its outputs, with DATA set to a market folder.

    The folder is written as an absolute path, so that the copy runs wherever it lies. A file that
    exists is never overwritten.
    """
    to = Path(to)
    place = "sample" if str(data) == "sample" else Path(data).resolve()
    if place != "sample" and not Path(place).is_dir():
        raise FileNotFoundError(f"no market folder at {data}")
    nb = replace_default(read(catalog.find(notebook)), "DATA", place)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nb.metadata.pop("mmresearch", None)
    nb.metadata.pop("widgets", None)
    try:
        with to.open("x", encoding="utf-8") as handle:
            handle.write(nbformat.writes(nb) + "\n")
    except FileExistsError:
        raise FileExistsError(f"{to} exists; it is not overwritten") from None
    return to
