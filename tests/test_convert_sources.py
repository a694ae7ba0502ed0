"""The command converts every source."""

from __future__ import annotations

import pytest

import mmresearch as mm
from mmresearch.__main__ import main
from tests.cases import BESIDE, CASES


@pytest.mark.parametrize("source", mm.load.__all__)
def test_the_command_converts(source, tmp_path, monkeypatch, capsys):
    case = CASES[source]
    monkeypatch.chdir(tmp_path)
    for name, content in (case.files | BESIDE).items():
        (tmp_path / name).write_text(content)
    assert main(["convert", source, *case.files, "--to", "market", *case.options]) == 0
    said = capsys.readouterr()
    market = mm.open("market")
    assert {name: len(market[name]) for name in case.rows} == case.rows
    assert market.receipt.source == source
    assert market.receipt.files["file"].tolist() == list(case.files)
    assert f"{market.receipt.rows_read:,} rows read" in said.out
    assert main(["check", "market"]) == 0


@pytest.mark.bad_input("a file of another source")
@pytest.mark.parametrize("source", mm.load.__all__)
def test_the_command_refuses_what_is_of_no_source(source, tmp_path, monkeypatch, capsys):
    case = CASES[source]
    monkeypatch.chdir(tmp_path)
    for name in case.files:
        (tmp_path / name).write_text("something else\nentirely\n")
    for name, content in BESIDE.items():
        (tmp_path / name).write_text(content)
    assert main(["convert", source, *case.files, "--to", "market", *case.options]) == 1
    error = capsys.readouterr().err
    assert f"error: {source}: " in error
    assert next(iter(case.files)) in error
    assert "expected" in error
    assert "Traceback" not in error
    assert not (tmp_path / "market").exists()
