"""The notebooks that come with the package, and how a name becomes a path."""

from __future__ import annotations

from pathlib import Path

import mmresearch


def folder() -> Path:
    """Where the bundled notebooks are: beside the package in a checkout, else inside it."""
    here = Path(mmresearch.__file__).parent
    beside = here.parent / "notebooks"
    return beside if beside.is_dir() else here / "notebooks"


def numbered() -> list[Path]:
    """Every bundled notebook, in order."""
    return sorted(folder().glob("[0-9][0-9]_*.ipynb"))


def find(name: str | Path) -> Path:
    """A notebook by its path, or a bundled one by its name, such as "02_inventory_reversion"."""
    path = Path(name)
    if path.is_file():
        return path.resolve()
    known = {found.stem: found for found in numbered()}
    if str(name).removesuffix(".ipynb") in known:
        return known[str(name).removesuffix(".ipynb")]
    raise FileNotFoundError(
        f"no notebook {name}; the bundled ones are {', '.join(known) or 'none'}"
    )
