"""Run a notebook from top to bottom; a failure names the notebook, the cell and the error."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from PIL import Image

from mmresearch.show import kernel, parameters

_VIEW = "application/vnd.jupyter.widget-view+json"
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


class ReportError(RuntimeError):
    """A report that could not be made; `traceback` is the failing cell's, if a cell failed."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


def read(path: str | Path) -> NotebookNode:
    """A notebook from its file; a ValueError if it is none."""
    try:
        return nbformat.read(path, as_version=4)
    except (
        nbformat.reader.NotJSONError,
        nbformat.ValidationError,
        KeyError,
        AttributeError,
    ) as error:
        first = str(error).strip().splitlines()[0]
        raise ValueError(f"{path} is not a notebook: {first[:200]}") from None


def execute(
    nb: NotebookNode,
    *,
    folder: Path,
    name: str,
    figures: Sequence[str] = ("svg",),
    dpi: int = 100,
    variables: dict[str, str] | None = None,
    on_cell: Callable[[int], None] | None = None,
) -> NotebookNode:
    """The notebook with its outputs, run in its folder by a fresh kernel of this python.

    Parameters
    ----------
    nb : NotebookNode
        It is run in place.
    folder : Path
        The kernel's working directory.
    name : str
        Said in errors.
    figures : sequence of str
        Formats of figures, as IPython names them: svg, png, retina.
    variables : dict, optional
        Environment variables for the kernel.
    on_cell : callable, optional
        Told the place of each cell, from 0, before it is run.

    Raises
    ------
    ReportError
        Names the notebook, the cell by its number among the code cells, and the error.
    """
    place = 0

    def moved(_cell: NotebookNode, index: int) -> None:
        nonlocal place
        place = index
        if on_cell:
            on_cell(index)

    with tempfile.TemporaryDirectory(prefix="mmresearch-", ignore_cleanup_errors=True) as temp:
        scratch = Path(temp)
        client = kernel.client(nb, folder=folder, scratch=scratch, figures=figures, on_cell=moved)
        try:
            client.run(kernel.environment(scratch, dpi=dpi, more=variables or {}))
        except CellExecutionError as error:
            said = f"{error.ename}: {error.evalue}"
            raise ReportError(f"{name}, {_cell(nb, place)}: {said}", error.traceback) from None
        except DeadKernelError:
            said = "the kernel died; was it stopped, or out of memory?"
            raise ReportError(f"{name}, {_cell(nb, place)}: {said}") from None
    return nb


def execute_in_place(path: str | Path, *, on_cell: Callable[[int], None] | None = None) -> Path:
    """Run a notebook and write it back with small outputs that are the same on every machine.

    Figures are PNG of 90 dots an inch; an explorer keeps its start; metadata says only the kernel
    and, as `mmresearch.sources`, which sources the outputs belong to. A notebook that writes to
    stderr (a warning, most often) is refused: what is committed runs clean.
    """
    path = Path(path).resolve()
    nb = parameters.inject(read(path), {})
    execute(nb, folder=path.parent, name=path.stem, figures=("png",), dpi=90, on_cell=on_cell)
    for cell in nb.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in ("tags", "alt")}
        cell.get("outputs", [])[:] = [
            _small(output, path.stem) for output in cell.get("outputs", [])
        ]
    nb.metadata = nbformat.from_dict(
        {
            "kernelspec": _KERNEL,
            "language_info": {"name": "python"},
            "mmresearch": {"sources": sources_hash(nb)},
        }
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(nbformat.writes(nb) + "\n", encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def sources_hash(nb: NotebookNode) -> str:
    """SHA-256 of the cells' kinds and sources, whatever their outputs."""
    cells = [[cell.cell_type, cell.source] for cell in nb.cells]
    return hashlib.sha256(json.dumps(cells, ensure_ascii=False).encode()).hexdigest()


def _cell(nb: NotebookNode, place: int) -> str:
    """The cell as the reader finds it: its number among the notebook's own code cells."""
    own = [
        cell
        for cell in nb.cells[: place + 1]
        if cell.cell_type == "code" and parameters.INJECTED not in parameters.tags(cell)
    ]
    first = (nb.cells[place].source.strip().splitlines() or [""])[0]
    return f"code cell {len(own)} ({first})"


def _small(output: NotebookNode, name: str) -> NotebookNode:
    """The output without what only a live kernel can show."""
    if output.get("name") == "stderr":
        raise ReportError(f"{name} writes to stderr: {output.text.strip()[:500]}")
    data = output.get("data", {})
    if "image/png" in data:
        data["image/png"] = _fewer_colours(data["image/png"])
    if _VIEW in data:
        data.pop(_VIEW)
        if not set(data) - {"text/plain"}:
            raise ReportError(f"{name} shows a widget without a picture; use mm.explore")
        data.pop("text/plain", None)
    return output


def _fewer_colours(encoded: str) -> str:
    """The picture in 64 colours: a third of the bytes, and charts look the same."""
    picture = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
    stream = io.BytesIO()
    picture.quantize(64, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def main() -> None:
    """Run the notebooks named on the command line and write them back."""
    for path in sys.argv[1:]:
        print(f"{path} ...", flush=True)
        try:
            execute_in_place(path)
        except (ReportError, ValueError, OSError) as error:
            sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
