"""Two processes that write one place: the second is refused by the name of the first, which ends.

The first is a real process that is held in the middle of its work until the second has tried.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

import mmresearch as mm
from mmresearch import store
from mmresearch.__main__ import main

pytest.importorskip("fcntl", reason="there is no lock on this system, and none is claimed")

ROOT = Path(__file__).resolve().parents[1]
HEADER = "Transact. No.,Symbol,Buyer,Seller,Quantity,Rate,Amount\n"
# `held()` says that the work is in its middle and waits until it may go on.
BEGIN = """
import sys
from mmresearch.__main__ import main
def held(given, real):
    def wait(*args, **options):
        print("in the middle", flush=True)
        sys.stdin.readline()
        return real(*args, **options)
    return wait
"""


@contextmanager
def in_the_middle(code: str, *given: object, **environment: str) -> Iterator[subprocess.Popen]:
    """A process that runs `code`, as soon as it is in the middle; let go and awaited at the end."""
    command = [sys.executable, "-c", BEGIN + code, *map(str, given)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    known = os.environ | environment
    with subprocess.Popen(command, text=True, cwd=ROOT, env=known, **pipes) as first:
        assert first.stdout.readline() == "in the middle\n", first.stderr.read()
        yield first
        _, said = first.communicate("\n", timeout=120)
        assert first.returncode == 0, said


def sheets(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    for day in range(1, count + 1):
        rows = [f"202401{day:02d}01{n:06d},ABC,1,2,10,100,1000\n" for n in range(1, 4)]
        (folder / f"sheet_{day}.csv").write_text(HEADER + "".join(rows))
    return sorted(folder.iterdir())


CONVERT = """
from mmresearch.load import kept
saved = kept.save
def save(market, place):
    saved(market, place)
    save.times += 1
    if save.times == 2:  # two of three files are kept
        held(None, lambda: None)()
save.times = 0
kept.save = save
sys.exit(main(["convert", "floorsheet", *sys.argv[2:], "--to", sys.argv[1]]))
"""


@pytest.mark.parametrize("count", [1, 3], ids=["one file", "several files"])
def test_a_second_conversion_is_refused_and_the_first_keeps_its_parts(tmp_path, capsys, count):
    files, out = sheets(tmp_path / "in", 3), tmp_path / "deep" / "out"
    with in_the_middle(CONVERT, out, *files) as first:
        assert main(["convert", "floorsheet", *map(str, files[:count]), "--to", str(out)]) == 1
        said = f"error: {out} is being written by process {first.pid}; try again when that has"
        assert capsys.readouterr().err.startswith(said)
        assert not out.exists()
    assert mm.open(out).data_hash == mm.load.floorsheet(*files).data_hash
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_conversion_that_fails_leaves_no_folder_of_its_own(tmp_path):
    (tmp_path / "a.csv").write_text("nothing\n1\n")
    out = tmp_path / "deep" / "deeper" / "out"
    assert main(["convert", "floorsheet", str(tmp_path / "a.csv"), "--to", str(out)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


SAVE = """
import mmresearch as mm
from mmresearch.store import writer
writer._move = held(None, writer._move)
mm.open(sys.argv[1]).save(sys.argv[2])
"""


def test_a_second_save_is_refused_and_the_folder_is_whole(tables, tmp_path):
    new, old = mm.Market(**tables), mm.Market(trades=tables["trades"], name="old")
    source, out = new.save(tmp_path / "source"), old.save(tmp_path / "out")
    with in_the_middle(SAVE, source, out) as first:
        with pytest.raises(BlockingIOError, match=rf"out is being written by process {first.pid};"):
            mm.Market().save(out)
        assert mm.open(out).data_hash == old.data_hash
        first.stdin.write("\n" * 50)  # every further move
    assert mm.open(out).data_hash == new.data_hash
    assert not (out / ".writing").exists()


REPORT = """
from mmresearch.show import report
report._write_whole = held(None, report._write_whole)
sys.exit(main(["report", *sys.argv[2:], "--output", sys.argv[1]]))
"""


def test_a_second_report_is_refused_and_the_pages_are_of_the_first(tables, tmp_path, capsys):
    """The first is held when its page is ready and not yet there."""
    out, study = tmp_path / "out", tmp_path / "study.ipynb"
    code = nbformat.v4.new_code_cell('DATA = "sample"', metadata={"tags": ["parameters"]})
    cells = [nbformat.v4.new_markdown_cell("# What is held?"), code]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), study)
    first, second = (
        ["report", str(study), "--data", str(mm.Market(**tables, name=name).save(tmp_path / name))]
        for name in ("first", "second")
    )
    with in_the_middle(REPORT, out, *first[1:]) as holder:
        assert [path.name for path in out.iterdir()] == [".writing"]
        assert main([*second, "--output", str(out)]) == 1
        said = f"error: {out} is being written by process {holder.pid}; try again when that has"
        assert capsys.readouterr().err.startswith(said)
        assert [path.name for path in out.iterdir()] == [".writing"]
        holder.stdin.write("\n")  # the index too
    assert sorted(path.name for path in out.iterdir()) == ["index.html", "study.html"]
    for name in ("index.html", "study.html"):
        head = (out / name).read_text(encoding="utf-8")
        assert mm.open(tmp_path / "first").data_hash[:16] in head
    assert "<dd>first</dd>" in head


def test_a_lock_whose_folder_goes_away_is_taken_anew(tmp_path, monkeypatch):
    """The holder removes the folder it had made between our finding it and our opening the file."""
    place = tmp_path / "made" / "anew"
    mkdir, gone = Path.mkdir, []

    def mkdir_and_lose_it(path, *args, **options):
        mkdir(path, *args, **options)
        if path == place and not gone:
            gone.append(path)
            path.rmdir()

    monkeypatch.setattr(Path, "mkdir", mkdir_and_lose_it)
    with store.Lock(place):
        assert (place / ".writing").exists()
    assert gone == [place]
    assert not (tmp_path / "made").exists()
