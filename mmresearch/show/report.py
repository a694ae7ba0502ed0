"""Reports: notebooks run on a market folder and written as HTML files that stand alone."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from nbformat import NotebookNode

from mmresearch.folder import open_market
from mmresearch.show import catalog, manifest
from mmresearch.show.execute import ReportError, execute, read
from mmresearch.show.explore import FRAMES
from mmresearch.show.exporter import ReportExporter
from mmresearch.show.index import index_page
from mmresearch.show.parameters import INJECTED, assignments, inject, known, literal, tagged
from mmresearch.store import Lock, check_place

Tell = Callable[[int | None], None]
_Runs = dict[Path, tuple[NotebookNode, dict[str, Any]]]
_DRAFT = ".{}.html.tmp"  # a page that is being written


def report(
    notebook: str | Path | Iterable[str | Path] | None = None,
    *,
    data: str | Path = "sample",
    output: str | Path = "reports",
    parameters: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Path:
    """Run notebooks on a market folder and write each as one HTML file, with an index.

    A report opens without a network and holds no script; its footer says which data, parameters,
    versions and commit it rests on. It holds no date: the same input gives the same bytes.

    Parameters
    ----------
    notebook : str, Path or several
        A path, or a bundled notebook's name such as "02_inventory_reversion"; None is all of the
        bundled ones.
    data : str or Path
        A market folder, or "sample"; becomes the notebook's DATA.
    output : str or Path
        The folder for the reports. Its index lists every report in it. While one process writes
        it, another is refused (BlockingIOError).
    parameters : mapping, optional
        Values for names that the notebook's `parameters` cell assigns. With several notebooks each
        takes those it knows.
    progress : bool
        Tell on stderr which cell is running.

    Returns
    -------
    Path
        The report, or the index of several.

    Raises
    ------
    ReportError
        A cell failed, or the page could not be made. The other notebooks' reports are written;
        of one that failed nothing is.
    """
    single = isinstance(notebook, (str, Path))
    paths = _paths(notebook)
    place = str(data) if str(data) == "sample" else str(Path(data).resolve())
    runs = _runs(paths, {"DATA": place}, dict(parameters or {}))
    market = open_market(data)
    facts = [manifest.data_section(market), manifest.receipt_section(market)]
    folder = Path(output)
    check_place(folder)
    with Lock(folder):  # the index lists what one process wrote
        failures = _write(runs, facts, folder, progress=progress)
    if failures:
        found = "\n".join(error.traceback for error in failures)
        raise ReportError("\n".join(map(str, failures)), found)
    return folder / (f"{paths[0].stem}.html" if single else "index.html")


def _write(
    runs: _Runs, facts: list[manifest.Section], folder: Path, *, progress: bool
) -> list[ReportError]:
    """Each notebook's page, as soon as it has run, and the index; the errors of those that fail."""
    for draft in folder.glob(_DRAFT.format("*")):  # of a process that was killed
        draft.unlink()
    failures = []
    for path, (nb, values) in runs.items():
        tell = _teller(path.stem, len(nb.cells)) if progress else _silent
        try:
            page = _page(path, nb, values, facts, tell)
        except ReportError as error:
            failures.append(error)
        else:
            _write_whole(folder / f"{path.stem}.html", page)
        tell(None)
    _write_whole(folder / "index.html", index_page(folder))
    return failures


def _paths(notebook: str | Path | Iterable[str | Path] | None) -> list[Path]:
    if notebook is None:
        paths = catalog.numbered()
    else:
        names = [notebook] if isinstance(notebook, (str, Path)) else list(notebook)
        paths = [catalog.find(name) for name in names]
    if not paths:
        raise FileNotFoundError(f"no notebook to report on: {catalog.folder()} holds none")
    stems = [path.stem for path in paths]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1 or stem == "index"})
    if twice:
        raise ValueError(f"reports would overwrite one another: {', '.join(twice)}")
    return paths


def _runs(paths: list[Path], data: dict[str, str], given: dict[str, Any]) -> _Runs:
    """Each notebook with the values it takes; an unknown name is refused before anything runs."""
    notebooks = {path: read(path) for path in paths}
    names = {path: known(nb) for path, nb in notebooks.items()}
    everywhere = sorted({name for found in names.values() for name in found})
    unknown = sorted(set(given) - set(everywhere))
    if unknown:
        offered = ", ".join(everywhere) or "none: there is no cell tagged `parameters`"
        raise ValueError(f"no parameter {', '.join(unknown)}; the notebook's parameters: {offered}")
    runs = {}
    for path, nb in notebooks.items():
        takes_data = "DATA" in names[path] or data["DATA"] != "sample"
        wanted = (data if takes_data else {}) | {k: given[k] for k in given if k in names[path]}
        runs[path] = inject(nb, wanted), wanted
    return runs


def _page(
    path: Path, nb: NotebookNode, values: dict[str, Any], facts: list[manifest.Section], tell: Tell
) -> str:
    """The whole page; the injected cell names the data's folder, not where this machine has it."""
    effective = known(nb) | {name: literal(value) for name, value in _shown(values).items()}
    execute(
        nb,
        folder=path.parent,
        name=path.stem,
        figures=("svg", "retina"),
        variables={FRAMES: "1"},
        on_cell=tell,
    )
    if values:
        tagged(nb, INJECTED).source = assignments(_shown(values))
    ran = manifest.run_section(path, effective, _command(path, _shown(values)))
    sections = [*facts, ran, manifest.version_section()]
    resources = {"manifest": sections, "metadata": {"name": path.stem, "path": str(path.parent)}}
    try:
        return ReportExporter().from_notebook_node(nb, resources)[0]
    except ValueError as error:
        raise ReportError(f"{path.stem}: {error}") from None


def _command(path: Path, values: dict[str, Any]) -> str:
    """What to type for this page; the data's folder by its name alone."""
    bundled = path.parent == catalog.folder()
    given = {"DATA": "sample"} | values
    words = ["report", path.stem if bundled else path.name, "--data", given.pop("DATA")]
    sets = [w for name, v in given.items() for w in ("--set", f"{name}={literal(v)}")]
    return shlex.join(["mmresearch", *words, *sets])


def _shown(values: dict[str, Any]) -> dict[str, Any]:
    return {k: Path(v).name if k == "DATA" else v for k, v in values.items()}


def _write_whole(path: Path, text: str) -> None:
    draft = path.with_name(_DRAFT.format(path.stem))
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _silent(_place: int | None) -> None:
    """No progress."""


def _teller(name: str, cells: int) -> Tell:
    """Tells the cell that is running: on a terminal one line that changes, else two plain lines."""
    begun, changing = monotonic(), sys.stderr.isatty()
    if not changing:
        print(f"{name}: {cells} cells", file=sys.stderr, flush=True)

    def tell(place: int | None) -> None:
        if place is None:
            end = f"{name}: {monotonic() - begun:.1f} s"
            print(f"\r\x1b[K{end}" if changing else end, file=sys.stderr, flush=True)
        elif changing:
            print(
                f"\r\x1b[K{name}: cell {place + 1} of {cells}", end="", file=sys.stderr, flush=True
            )

    return tell
