"""The command: what it prints, what it writes, how it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.__main__ import main
from mmresearch.options import options_of

FILLS = "ts,qty,px,way\n2024-03-04T14:30:00Z,2,10.0,buy\n2024-03-04T14:31:00Z,3,10.1,sell\n"
NAMES = ["time=ts", "size=qty", "price=px", "side=way"]


@pytest.fixture
def fills(tmp_path: Path) -> Path:
    path = tmp_path / "fills.csv"
    path.write_text(FILLS)
    return path


@pytest.fixture
def folder(fills: Path, tmp_path: Path) -> Path:
    to = tmp_path / "market"
    assert main([*convert(fills), "--to", str(to)]) == 0
    return to


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    source = 'DATA = "sample"  # a market folder\nFREQ = "1min"'
    cells = [
        nbformat.v4.new_markdown_cell("# What is held?"),
        nbformat.v4.new_code_cell(
            source,
            metadata={"tags": ["parameters"]},
            outputs=[nbformat.v4.new_output("stream", text="old")],
            execution_count=1,
        ),
        nbformat.v4.new_code_cell("assert FREQ == '5min', FREQ"),
    ]
    path = tmp_path / "study.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def convert(fills: Path) -> list[str]:
    more = ["--kind", "fills", "--symbol", "XYZ", "--account", "MM1"]
    return ["convert", "table", str(fills), *more, "--columns", *NAMES]


def test_convert_writes_a_folder_and_prints_the_receipt(
    fills: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    to = tmp_path / "market"
    assert main([*convert(fills), "--to", str(to)]) == 0
    assert mm.open(to).fills["size"].tolist() == [2.0, 3.0]
    assert "2 rows read, 2 kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lobster", "one.csv"], "one.csv"),
        (["table", "missing.csv", "--kind", "fills"], "missing.csv"),
        (["table", "missing.csv", "--kind", "prices"], "no tables ['prices']"),
    ],
)
def test_convert_says_what_is_wrong_in_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture, arguments: list[str], said: str
):
    assert main(["convert", *arguments, "--to", str(tmp_path / "market")]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not (tmp_path / "market").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["floorsheet", "a.csv", "--kind", "fills"], "unrecognized arguments: --kind fills"),
        (["nothing", "a.csv"], "invalid choice: 'nothing'"),
        (["table", "a.csv", "--columns", "size=qty", "px"], "'px' is not of the form NAME=VALUE"),
    ],
)
def test_wrong_usage_of_convert(tmp_path, capsys, arguments, said):
    with pytest.raises(SystemExit) as caught:
        main(["convert", *arguments, "--to", str(tmp_path / "market")])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_options_may_stand_before_the_files(fills: Path, tmp_path: Path):
    words = ["--to", str(tmp_path / "market"), "--kind", "fills", "--symbol", "X"]
    more = ["--account", "A", str(fills), "--columns", *NAMES]
    assert main(["convert", *words, "table", *more]) == 0
    assert mm.open(tmp_path / "market").accounts == ["A"]


@pytest.mark.parametrize("source", mm.load.__all__)
def test_every_source_explains_its_options(source, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["convert", source, "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out.partition("\noptions:\n")[2]
    listed = {part.split()[0].rstrip(","): part.split() for part in f"\n{said}".split("\n  -")[1:]}
    for name in options_of(getattr(mm.load, source)):
        option = f"-{name.replace('_', '-')}"
        assert len(listed[option]) > 3, f"{option} of {source} is not explained"


@pytest.mark.parametrize("words", [[], ["binance"]])
def test_help_names_the_limits_and_their_defaults(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(SystemExit):
        main(["convert", *words, "--help"])
    said = capsys.readouterr().out
    for limit in ("MAX_UNPACKED_GB (8)", "MAX_UNPACKED_TIMES (300)", "MAX_LINE_MB (256)"):
        assert f"MMRESEARCH_{limit}" in said


def test_check_fails_where_the_gate_does(capsys: pytest.CaptureFixture):
    assert main(["check", "sample"]) == 1  # one fill is planted to be missing
    said = capsys.readouterr().out
    assert "fail: SIM: reconciliation: 1 of 100" in said
    assert "warn: SIM: repeated ids in trades: 2 of 52,616 (under 0.01%)" in said


def test_check_tells_many_symbols_doubts_once(tmp_path: Path, capsys: pytest.CaptureFixture):
    symbols = list("ABCDEFGH")
    time = pd.Timestamp("2024-08-01", tz="UTC")
    unsigned = pd.DataFrame({"time": time, "seq": 0, "symbol": symbols, "price": 1.0, "size": 1.0})
    mm.Market(trades=unsigned).save(tmp_path / "many")
    assert main(["check", str(tmp_path / "many")]) == 0
    said = capsys.readouterr().out
    assert said.count(": unknown sides: 1 of 1 (100.00%) prints have no side") == 3
    assert "warn: 5 more symbols: unknown sides" in said


def test_check_prints_the_tables(folder: Path, capsys: pytest.CaptureFixture):
    capsys.readouterr()
    assert main(["check", str(folder)]) == 0
    assert "fills" in capsys.readouterr().out


def test_check_names_the_faults(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    wrong = mm.open(folder).fills.assign(size=-1.0)
    (tmp_path / "hand").mkdir()
    wrong.to_parquet(tmp_path / "hand" / "fills.parquet")
    assert main(["check", str(tmp_path / "hand")]) == 1
    assert "size" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "none")]) == 1
    assert "no market folder" in capsys.readouterr().err


def test_new_copies_without_outputs_and_sets_the_data(notebook: Path, folder: Path, tmp_path: Path):
    to = tmp_path / "mine.ipynb"
    assert main(["new", str(notebook), str(to), "--data", str(folder)]) == 0
    cell = nbformat.read(to, as_version=4).cells[1]
    expected = f'DATA = {json.dumps(str(folder.resolve()))}  # a market folder\nFREQ = "1min"'
    assert cell.source == expected
    assert (cell.outputs, cell.execution_count) == ([], None)


def test_new_never_overwrites_and_refuses_missing_data(
    notebook: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    to = tmp_path / "mine.ipynb"
    to.write_text("mine")
    assert main(["new", str(notebook), str(to)]) == 1
    assert to.read_text() == "mine"
    assert main(["new", str(notebook), str(tmp_path / "b.ipynb"), "--data", "nowhere"]) == 1
    assert not (tmp_path / "b.ipynb").exists()
    assert "is not overwritten" in (said := capsys.readouterr().err)
    assert "no market folder at nowhere" in said


def test_report_takes_parameters_and_fails_with_the_cell(
    notebook: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    out = tmp_path / "out"
    arguments = ["report", str(notebook), "--data", str(folder), "--output", str(out)]
    assert main(arguments) == 1
    assert "error: study, code cell 2 (assert FREQ" in capsys.readouterr().err
    assert not (out / "study.html").exists()
    assert main([*arguments, "--set", "FREQ=5min"]) == 0
    assert capsys.readouterr().out.strip() == str(out / "study.html")


def test_values_read_as_python_or_text(monkeypatch: pytest.MonkeyPatch):
    seen = []
    monkeypatch.setattr("mmresearch.show.report.report", lambda *a, **k: seen.append((a, k)))
    values = ["A=1", "B=[1, 2]", "C=1min", "D=None", "E=a=b"]
    main(["report", "x", "y", *(word for value in values for word in ("--set", value))])
    ((names,), options) = seen[0]
    assert names == ["x", "y"]
    read = {"A": 1, "B": [1, 2], "C": "1min", "D": None, "E": "a=b"}
    assert options == {"data": "sample", "output": "reports", "parameters": read}


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["report", "--set", "FREQ"]])
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: mmresearch" in capsys.readouterr().err


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from mmresearch.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(', '.join(m for m in ('pandas', 'numpy', 'nbformat') if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
