"""A disk that is full and a place that is not ours: one clear error, and the target as it was.

A process may be forbidden to let any file grow above a size (RLIMIT_FSIZE); each write that would
fails then, in whatever library it is, as on a full disk but for its words ("File too large").
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

import mmresearch as mm
from mmresearch import store
from mmresearch.__main__ import main
from mmresearch.convert import convert
from tests.killing import Nursery, nursery, tree
from tests.test_killed import series, sheets

needs_limits = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and RLIMIT_FSIZE")
SIZES = [0, 1, 700, 3_000, 20_000]  # bytes: the lock's own file, a part, the manifest, a page


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("log"), "mmresearch.convert", "mmresearch.options") as n:
        yield n


def one_error(said: str) -> bool:
    lines = [line for line in said.splitlines() if not re.match(r"\d+/\d+ |reading|making", line)]
    words = "File too large|No space left on device|cannot be written: the disk took but a part"
    return bool(re.fullmatch(rf"error: .*({words}).*", *lines))


def refused_for_space(
    runs: Nursery, place: Path, old: list, new: list, *, of_its_own: str = r"a^"
) -> None:
    """Each run that the disk stops changes nothing, and the next has its way.

    What a command keeps for its next run has a name as `of_its_own` says.
    """
    runs.whole(new)
    whole = tree(place)
    shutil.rmtree(place)
    place.mkdir()
    for start in (None, old):  # a place where there is nothing yet, then one where there is
        stopped = 0
        for size in SIZES:
            if start:
                runs.whole(start)
            before = tree(place)
            code, said = runs.answer(["limited", size, *new])
            if code == 0:
                break
            stopped += 1
            assert one_error(said), said
            after = tree(place)
            kept = {name for name in after if re.match(of_its_own, name)}
            assert {name: after[name] for name in after.keys() - kept} == before, size
            runs.whole(new)
            assert tree(place) == whole, size
            if start is None:
                shutil.rmtree(place)
                place.mkdir()
        assert stopped >= 2


@needs_limits
@pytest.mark.bad_input("a full disk")
def test_save(runs, tables, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    new = mm.Market(**tables).save(tmp_path / "new")
    old = mm.Market(trades=tables["trades"]).save(tmp_path / "old")
    commands = (["save", folder, place / "out", "day"] for folder in (old, new))
    refused_for_space(runs, place, *commands)


@needs_limits
@pytest.mark.bad_input("a full disk")
@pytest.mark.parametrize(("source", "made"), [("floorsheet", sheets), ("nyfed", series)])
def test_convert(runs, tmp_path, source, made):
    place = tmp_path / "place"
    place.mkdir()
    old, new = (
        ["convert", source, *made(tmp_path / str(n), n), "--to", place / "out"] for n in (2, 3)
    )
    refused_for_space(runs, place, old, new, of_its_own=r"\.out\.parts")


@needs_limits
@pytest.mark.bad_input("a full disk")
def test_report(runs, tmp_path):
    """A disk on which all fits but the page."""
    out = tmp_path / "out"
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title\n\nWords.")])
    nbformat.write(nb, tmp_path / "study.ipynb")
    given = ["report", str(tmp_path / "study.ipynb"), "--output", str(out)]
    assert main(given) == 0
    before = tree(out)
    nb.cells[0].source = "# Another"
    nbformat.write(nb, tmp_path / "study.ipynb")
    size = (out / "study.html").stat().st_size - 100
    code, said = runs.answer(["limited", size, *given])
    assert code == 1
    assert re.search(r"^error: .*File too large", said, re.M)
    assert tree(out) == before
    assert main(given) == 0
    assert tree(out).keys() == before.keys()
    assert tree(out) != before


# --- a place that is not ours ---------------------------------------------------------------------


def fails(given: list, capsys: pytest.CaptureFixture) -> str:
    """The one error of a command that must fail."""
    assert main([*map(str, given)]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert len(errors) == 1
    return errors[0]


@pytest.mark.bad_input("a target below a file")
def test_a_target_below_a_file(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("mine")
    (sheet,) = sheets(tmp_path / "in", 1)
    target = tmp_path / "a.csv" / "out"
    for given in (
        ["convert", "floorsheet", sheet, "--to"],
        ["report", "00_start_here", "--output"],
    ):
        assert "a.csv is a file; expected a folder" in fails([*given, target], capsys)
    with pytest.raises(NotADirectoryError, match=r"a\.csv is a file; expected a folder"):
        mm.Market().save(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "in"]
    assert (tmp_path / "a.csv").read_text() == "mine"


@pytest.fixture
def sealed(tmp_path) -> Iterator[Path]:
    """A folder that we may read and not write."""
    folder = tmp_path / "sealed"
    mm.Market(name="theirs").save(folder)
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):
        folder.chmod(0o755)
        pytest.skip("whoever runs this may write everywhere (root)")
    yield folder
    folder.chmod(0o755)


@pytest.mark.bad_input("an unwritable target")
@pytest.mark.parametrize("inside", ["", "new"])
def test_a_folder_that_we_may_not_write(sealed, inside, tmp_path, capsys, monkeypatch):
    (sheet,) = sheets(tmp_path / "in", 1)
    before, target = tree(sealed), sealed / inside if inside else sealed
    monkeypatch.setattr("mmresearch.convert._converted", None)  # nothing is read before
    for given in (
        ["convert", "floorsheet", sheet, "--to", target],
        ["report", "00_start_here", "--output", target],
        ["fetch", "vix", "--to", target],
    ):
        assert re.search("not ours to write|Permission denied: .*sealed", fails(given, capsys))
    with pytest.raises(PermissionError, match="sealed"):
        mm.Market().save(target)
    assert tree(sealed) == before


def test_a_folder_that_is_not_ours_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    """The same for whoever may write everywhere: as the system would say it to others."""
    folder = mm.Market(name="theirs").save(tmp_path / "theirs")
    before = tree(folder)
    monkeypatch.setattr(os, "access", lambda *_: False)
    for save in (mm.Market().save, lambda to: convert("binance", ["nothing.csv"], to)):
        with pytest.raises(PermissionError, match="theirs is not ours to write"):
            save(folder)
    assert tree(folder) == before


def test_a_lock_that_cannot_be_written_is_not_held(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            store.Lock(tmp_path / "a").take()
    assert not (tmp_path / "a").exists()
    with store.Lock(tmp_path / "a"):
        assert (tmp_path / "a" / ".writing").exists()
