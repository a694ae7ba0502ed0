"""A report from notebook and data to file: what it rests on, and that no half report is left."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.show import catalog, manifest
from mmresearch.show.execute import ReportError

Write = Callable[..., Path]
PARAMETERS = 'DATA = "sample"\nACCOUNT = "MM1"\nFREQ = "1min"'
STUDY = (
    "# What is held?\n\nHow many units? Sum the fills.",
    PARAMETERS,
    "import mmresearch as mm\nimport warnings\nmarket = mm.open(DATA)\nmarket",
    "import matplotlib.pyplot as plt\nplt.figure(figsize=(3, 2)).gca().plot([1, 2])",
    "mm.explore(lambda k: plt.plot([0, k]) and plt.gca(), k=[1, 2])",
    "warnings.warn(f'{ACCOUNT} every {FREQ}')\nset('abcdefgh')",
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_report_says_what_it_rests_on(write: Write, folder: Path, tmp_path: Path):
    given = {"ACCOUNT": "MM2"}
    path = mm.report(write("study", *STUDY), data=folder, output=tmp_path / "out", parameters=given)
    page = path.read_text(encoding="utf-8")
    said = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert said["name"] == "four fills"
    assert said["hash"] == mm.open(folder).data_hash
    assert (said["rows of fills"], said["rows read"], said["rows kept"]) == ("4", "5", "4")
    assert (said["set aside: negative size"], said["note"]) == ("1", "times were UTC")
    assert said["parameter ACCOUNT"] == '"MM2"'  # set
    assert said["parameter FREQ"] == "'1min'"  # the notebook's own
    assert "MM2 every 1min" in page
    assert said["mmresearch"] == mm.__version__
    assert str(folder.parent) not in page  # the data's place on this machine
    assert names(tmp_path / "out") == ["index.html", "study.html"]


def test_the_same_input_gives_the_same_bytes(write: Write, folder: Path, tmp_path: Path):
    path = write("study", *STUDY)
    pages = [mm.report(path, data=folder, output=tmp_path / out).read_bytes() for out in "ab"]
    assert pages[0] == pages[1]
    assert (tmp_path / "a/index.html").read_bytes() == (tmp_path / "b/index.html").read_bytes()


def test_a_failing_notebook_leaves_nothing_and_the_others_stand(
    write: Write, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    good = write("good", "# A good one?\n\nYes & no.", 'DATA = "sample"')
    bad = write("bad", "# A bad one?", 'DATA = "sample"', "1 / 0")
    with pytest.raises(ReportError, match=r"bad, code cell 2 \(1 / 0\): ZeroDivisionError"):
        mm.report([bad, good], data=folder, output=tmp_path / "out")
    assert names(tmp_path / "out") == ["good.html", "index.html"]
    index = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert re.findall(r'href="([^"]*html)"', index) == ["good.html"]
    assert "A good one?" in index
    assert "Yes &amp; no." in index
    assert "four fills" in index
    assert re.search(r"bad: 4 cells\nbad: [\d.]+ s\n", capsys.readouterr().err)


def test_a_formula_that_cannot_be_converted_leaves_nothing(
    write: Write, folder: Path, tmp_path: Path
):
    path = write("formula", r"# Title" + "\n\n$\\frac{1}$", 'DATA = "sample"')
    with pytest.raises(ReportError, match=r"formula: the formula .*frac"):
        mm.report(path, data=folder, output=tmp_path / "out", progress=False)
    assert names(tmp_path / "out") == ["index.html"]


def test_an_unknown_parameter_is_refused_before_anything_runs(
    write: Write, folder: Path, tmp_path: Path
):
    path = write("study", *STUDY)
    with pytest.raises(ValueError, match=r"no parameter FREG; .*ACCOUNT, DATA, FREQ"):
        mm.report(path, data=folder, output=tmp_path / "out", parameters={"FREG": "1h"})
    assert not (tmp_path / "out").exists()


def test_a_notebook_that_takes_no_data_is_not_given_any(write: Write, folder: Path, tmp_path: Path):
    with pytest.raises(ValueError, match="no parameter DATA"):
        mm.report(write("bare", "1"), data=folder, output=tmp_path / "out")


def test_data_that_is_missing_is_refused_before_anything_runs(write: Write, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no market folder"):
        mm.report(write("study", *STUDY), data=tmp_path / "none", output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_notebooks_of_one_name_do_not_overwrite_one_another(write: Write, tmp_path: Path):
    path = write("study", *STUDY)
    with pytest.raises(ValueError, match="overwrite one another: study"):
        mm.report([path, path], output=tmp_path / "out")


def test_a_notebook_that_is_not_there_is_refused_with_the_bundled_ones():
    with pytest.raises(FileNotFoundError, match="no notebook 99_nothing; the bundled ones are"):
        catalog.find("99_nothing")


def test_a_bundled_notebook_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "02_reversion.ipynb").write_text("{}")
    (tmp_path / "notes.ipynb").write_text("{}")
    monkeypatch.setattr(catalog, "folder", lambda: tmp_path)
    assert catalog.find("02_reversion") == catalog.find("02_reversion.ipynb")
    assert catalog.numbered() == [tmp_path / "02_reversion.ipynb"]


def test_the_commit_tells_of_changes(tmp_path: Path):
    assert manifest.commit(tmp_path) == "none: not in a git checkout"
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"]
    git = ["git", "-C", str(tmp_path), *who]
    (tmp_path / "a").write_text("1")
    for command in (["init", "-q"], ["add", "a"], ["commit", "-qm", "a", "--no-verify"]):
        subprocess.run([*git, *command], check=True)
    assert re.fullmatch(r"[0-9a-f]{12}", manifest.commit(tmp_path))
    (tmp_path / "a").write_text("2")
    assert re.fullmatch(r"[0-9a-f]{12} \+changes", manifest.commit(tmp_path))
