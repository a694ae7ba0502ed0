"""A report's foot is enough to make its bytes again; other data or notebooks are refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.__main__ import main
from mmresearch.show import catalog, manifest
from mmresearch.show.again import report_again, said

Write = Callable[..., Path]
STUDY = (
    "# What is held?\n\nHow many units? Sum the fills.",
    'DATA = "sample"\nACCOUNT = "MM1"\nFREQ = "1min"\nBY = None\nSHARE = 0.5',
    "import mmresearch as mm\nfills = mm.open(DATA).fills\n(fills['side'] * fills['size']).sum()",
    "import matplotlib.pyplot as plt\nplt.figure(figsize=(3, 2)).gca().plot([1, 2])",
    "print(f'{ACCOUNT} every {FREQ} by {BY}, {SHARE}')",
)
GIVEN = {"ACCOUNT": 'it\'s "mine"', "BY": ["a", 1], "SHARE": 0.25}


@pytest.fixture
def page(write: Write, folder: Path, tmp_path: Path) -> Path:
    path = write("study", *STUDY)
    how = {"data": folder, "output": tmp_path / "out", "parameters": GIVEN, "progress": False}
    return mm.report(path, **how)


def test_the_foot_says_the_command_and_all_that_numbers_come_from(page: Path):
    told = said(page)
    assert told["Notebook"]["command"] == (
        'mmresearch report study.ipynb --data four --set \'ACCOUNT="it\'"\'"\'s \\"mine\\""\' '
        "--set 'BY=['\"'\"'a'\"'\"', 1]' --set SHARE=0.25"
    )
    assert told["Receipt"]["file fills.csv"] == f"sha256 {'ab' * 32}, 90 bytes"
    needed = {"python", "mmresearch", "numpy", "pandas", "polars", "statsmodels", "scipy", "numba"}
    assert needed <= told["Versions"].keys()
    assert told["Versions"]["tables' schema"] == "2"


def test_the_same_bytes_from_the_foot_alone(page: Path, folder: Path, tmp_path: Path, monkeypatch):
    """In another place, of data and a notebook that were moved."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = (tmp_path / "study.ipynb").rename(elsewhere / "study.ipynb")
    data = folder.rename(elsewhere / "four")
    monkeypatch.chdir(elsewhere)
    given = ["report", str(moved), "--again", str(page), "--data", str(data), "--output", "new"]
    assert main(given) == 0
    again = elsewhere / "new" / "study.html"
    assert again.read_bytes() == page.read_bytes()
    assert "6.0" in re.sub(r"<[^>]+>", "", again.read_text(encoding="utf-8"))  # 1 - 2 + 3 + 4


def test_what_the_loader_was_told_stands_in_the_foot():
    options = {
        "values": {"account": "desk", "clean": ["a"]},
        "tables": {"symbols": {"symbol": ["X"], "tick": [0.1]}},
        "files": {"labels": {"file": "l.csv", "bytes": 3, "sha256": "ab"}},
        "untold": ["con"],
    }
    receipt = mm.Receipt("table", options=options)
    _, lines = manifest.receipt_section(mm.Market(receipt=receipt))
    assert lines[-5:] == [
        ("option account", "'desk'"),
        ("option clean", "['a']"),
        ("option symbols", "a table of symbol, tick"),
        ("option labels", "l.csv, sha256 ab"),
        ("option con", "not kept"),
    ]


@pytest.mark.bad_input("other data than the report's")
def test_what_is_not_the_report_s_is_refused(page: Path, folder: Path, tmp_path: Path, capsys):
    study, out = tmp_path / "study.ipynb", tmp_path / "again"
    with pytest.raises(ValueError, match=r"is of the data four; say where that folder is"):
        report_again(page, notebook=study, output=out)
    other = mm.Market(fills=mm.open(folder).fills.iloc[:3]).save(tmp_path / "other" / "four")
    with pytest.raises(ValueError, match=r"four is not the data of .*study.html"):
        report_again(page, notebook=study, data=other, output=out)
    study.write_text(study.read_text().replace("Sum the", "Add the"))
    with pytest.raises(ValueError, match=r"is not as it was when .* was made"):
        report_again(page, notebook=study, data=folder, output=out)
    with pytest.raises(ValueError, match=r"index.html is no report that says"):
        report_again(page.with_name("index.html"), output=out)
    with pytest.raises(FileNotFoundError, match=r"no notebook study.ipynb"):
        report_again(page, data=folder, output=out)
    assert main(["report", "--again", str(page), "--set", "FREQ=1h"]) == 1
    assert "takes the parameters of its page" in capsys.readouterr().err
    assert not out.exists()


def test_other_versions_are_told(page: Path, folder: Path, tmp_path: Path, capsys):
    old = re.sub(r"<dt>polars</dt><dd>[^<]*", "<dt>polars</dt><dd>0.1", page.read_text())
    (tmp_path / "old.html").write_text(old)
    out = tmp_path / "again"
    report_again(tmp_path / "old.html", notebook=tmp_path / "study.ipynb", data=folder, output=out)
    assert "made with polars 0.1, here is " in capsys.readouterr().err
    assert (out / "study.html").read_bytes() == page.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("notebook", [path.stem for path in catalog.numbered()])
def test_bundled_notebooks_twice(notebook: str, tmp_path: Path):
    page = mm.report(notebook, output=tmp_path / "a", progress=False)
    command = said(page)["Notebook"]["command"]
    assert command == f"mmresearch report {notebook} --data sample"
    again = report_again(page, output=tmp_path / "b")
    assert again.read_bytes() == page.read_bytes()
    assert (tmp_path / "a/index.html").read_bytes() == (tmp_path / "b/index.html").read_bytes()
