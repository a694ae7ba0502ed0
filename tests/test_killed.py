"""kill -9 at any moment of convert, save and report: the old state or the new, and a rerun ends it.

`fetch` has its own file beside its server.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
from collections.abc import Hashable
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from tests.killing import killed, nursery

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs fork and SIGKILL")
many = pytest.param(50, signal.SIGKILL, marks=pytest.mark.slow, id="many killed")
few = [pytest.param(5, by, id=f"few {by.name}") for by in (signal.SIGKILL, signal.SIGINT)]
few_and_many = pytest.mark.parametrize(("times", "by"), [*few, many])


def state_of(folder: Path) -> Hashable:
    """The hash of what opens there, None where nothing does; every file must be as listed."""
    if not (folder / "manifest.json").exists():
        return None
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in manifest["tables"].values():
        for part in entry["parts"]:
            content = (folder / part["file"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == part["sha256"]
    return mm.open(folder).data_hash


# --- save -----------------------------------------------------------------------------------------


def trades(days: int, rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    first = pd.Timestamp("2024-01-02", tz="UTC").value
    times = np.sort(first + rng.integers(0, days * 86_400 * 10**9, rows))
    return pd.DataFrame(
        {
            "time": pd.to_datetime(times, utc=True),
            "seq": np.arange(rows),
            "symbol": rng.choice(["A", "B/C"], rows),
            "price": rng.integers(90, 110, rows) / 1.0,
            "size": rng.integers(1, 9, rows) / 1.0,
        }
    )


@few_and_many
def test_save(tables, tmp_path, times, by, record_property):
    """Between one file a table and files by symbol and day, with tables that come and go."""
    days, place = tmp_path / "days", tmp_path / "place"
    mm.Market(trades=trades(8, 5_000, 1), fills=tables["fills"]).save(days)
    whole = mm.Market(trades=trades(2, 200_000, 2), quotes=tables["quotes"]).save(tmp_path / "w")
    place.mkdir()
    commands = [
        ["save", folder, place / "out", by] for folder, by in ((days, "day"), (whole, "table"))
    ]

    def state() -> list[Hashable]:
        return [state_of(place / "out")]

    with nursery(tmp_path, "mmresearch.market") as runs:
        seen = killed(runs, place, commands, state, times=times, by=by, seed=1)
    record_property("kills", dict(seen))


# --- convert --------------------------------------------------------------------------------------

SHEET = "Transact. No.,Symbol,Buyer,Seller,Quantity,Rate,Amount\n"
SERIES = "As Of Date,Time Series,Value (millions)\n"


def sheets(folder: Path, days: int) -> list[Path]:
    """Floorsheets, of which each is read to a market."""
    folder.mkdir()
    for day in range(1, days + 1):
        rows = (f"202401{day:02d}01{n:06d},ABC,1,2,{10 * days},100,{days}000\n" for n in range(400))
        (folder / f"sheet_{day}.csv").write_text(SHEET + "".join(rows))
    return sorted(folder.iterdir())


def series(folder: Path, files: int) -> list[Path]:
    """Dealers' positions, of which rows are kept until all are judged together."""
    folder.mkdir()
    for n in range(files):
        days = pd.date_range("2000-01-05", periods=300, freq="W-WED").strftime("%Y-%m-%d")
        rows = (f"{day},PDKEY{n}-A,{files * i}\n" for i, day in enumerate(days))
        (folder / f"{n}.csv").write_text(SERIES + "".join(rows))
    return sorted(folder.iterdir())


@few_and_many
@pytest.mark.parametrize(("source", "made"), [("floorsheet", sheets), ("nyfed", series)])
def test_convert(tmp_path, source, made, times, by, record_property):
    place = tmp_path / "place"
    place.mkdir()
    commands = [
        ["convert", source, *made(tmp_path / str(n), n), "--to", place / "out"] for n in (3, 5)
    ]

    def state() -> list[Hashable]:
        return [state_of(place / "out")]

    with nursery(tmp_path, "mmresearch.convert", "mmresearch.options") as runs:
        seen = killed(runs, place, commands, state, times=times, by=by, seed=2)
    record_property("kills", dict(seen))


# --- report ---------------------------------------------------------------------------------------

NEEDED = ("show.report", "show.kernel", "market", "show.mathml")


def page_of(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


@few_and_many
def test_report(tables, tmp_path, times, by, record_property):
    """Two pages and their index, of one market and of another."""
    place = tmp_path / "place"
    place.mkdir()
    for name in ("one", "two"):
        code = nbformat.v4.new_code_cell('DATA = "sample"', metadata={"tags": ["parameters"]})
        cells = [nbformat.v4.new_markdown_cell(f"# {name}"), code]
        cells.append(nbformat.v4.new_code_cell("print(DATA)"))
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    notebooks = [tmp_path / "one.ipynb", tmp_path / "two.ipynb"]
    commands = []
    for name in ("fills", "trades"):
        folder = mm.Market(**{name: tables[name]}, name=name).save(tmp_path / name)
        commands.append(["report", *notebooks, "--data", folder, "--output", place])

    def state() -> list[Hashable]:
        index = place / "index.html"
        listed = re.findall(r'href="([^"]+)"', index.read_text()) if index.exists() else []
        assert all((place / name).exists() for name in listed if name != "data:,")
        return [page_of(place / f"{name}.html") for name in ("one", "two", "index")]

    with nursery(tmp_path, *(f"mmresearch.{name}" for name in NEEDED)) as runs:
        seen = killed(runs, place, commands, state, times=times, by=by, seed=3)
    record_property("kills", dict(seen))
