"""What a manifest says of a conversion is enough to make the same bytes of the same files."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import schema
from mmresearch.__main__ import main
from mmresearch.again import convert_again
from mmresearch.convert import convert
from tests.cases import BESIDE, CASES, lines
from tests.killing import tree
from tests.layouts import LAYOUTS


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def fault(given: list[object], capsys: pytest.CaptureFixture) -> str:
    """What a command that must fail says."""
    capsys.readouterr()
    assert main([*map(str, given)]) == 1
    return capsys.readouterr().err


@pytest.mark.parametrize("source", mm.load.__all__)
def test_every_source_from_its_manifest(source, tmp_path, monkeypatch):
    """Other places, other names of the target, the files moved: the same bytes in every file."""
    case = CASES[source]
    here, there = tmp_path / "here", tmp_path / "there" / "files"
    for place in (here, there):
        place.mkdir(parents=True)
        for name, content in (case.files | BESIDE).items():
            (place / name).write_text(content)
    monkeypatch.chdir(here)
    assert main(["convert", source, *case.files, "--to", "market", *case.options]) == 0
    monkeypatch.chdir(tmp_path / "there")
    options = manifest_of(here / "market")["receipt"]["options"]
    files = [str(there / name) for name in reversed(case.files)]
    again = [w for name, f in options.get("files", {}).items() for w in (f"--{name}", f["file"])]
    monkeypatch.chdir(there)
    given = ["convert", *again, "--again", str(here / "market"), *files, "--to"]
    assert main([*given, str(tmp_path / "deep" / "other")]) == 0
    assert tree(tmp_path / "deep" / "other") == tree(here / "market")


@pytest.mark.parametrize("layout", [k for k, v in LAYOUTS.items() if v.told])
def test_layouts_with_options_in_python(layout, tmp_path):
    """A mapping, a table or a text: as the loader took it, so it takes what the manifest holds."""
    source, files, told = LAYOUTS[layout]
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    paths = [tmp_path / name for name in files]
    convert(source, paths, tmp_path / "a", options=told | {"name": "mine"})
    assert manifest_of(tmp_path / "a")["receipt"]["options"]["values"]["name"] == "mine"
    convert_again(tmp_path / "a", paths, tmp_path / "b")
    assert tree(tmp_path / "b") == tree(tmp_path / "a")


def test_a_manifest_says_what_a_conversion_was_told(tmp_path):
    """By hand: the versions, the file, and of the options those that are not the loader's own."""
    content = lines("ts,price,qty", "2024-08-01 10:00:00,10,1", "2024-08-01 10:00:01,11,2")
    (tmp_path / "prints.csv").write_text(content)
    symbols = pd.DataFrame({"symbol": ["X"], "tick": [0.01], "multiplier": [5], "asset": ["OIL"]})
    options = {"kind": "trades", "columns": {"time": "ts", "size": "qty"}, "symbol": "X"}
    options |= {"time_zone": "America/New_York", "calendar": "24/7", "symbols": symbols}
    convert("table", [tmp_path / "prints.csv"], tmp_path / "out", options=options)
    manifest = manifest_of(tmp_path / "out")
    assert (manifest["mmresearch"], manifest["schema"]) == (mm.__version__, schema.VERSION)
    receipt = manifest["receipt"]
    digest = hashlib.sha256(content.encode()).hexdigest()
    assert receipt["source"] == "table"
    (file,) = receipt["files"]
    assert file == {"file": "prints.csv", "bytes": len(content), "sha256": digest, "rows": 2}
    assert receipt["options"] == {
        "values": {
            "kind": "trades",
            "columns": {"time": "ts", "size": "qty"},
            "symbol": "X",
            "time_zone": "America/New_York",
        },
        "tables": {
            "symbols": {"symbol": ["X"], "tick": [0.01], "multiplier": [5], "asset": ["OIL"]}
        },
    }
    convert_again(tmp_path / "out", [tmp_path], tmp_path / "again")  # a folder, which holds others
    assert tree(tmp_path / "again") == tree(tmp_path / "out")


def test_what_python_loaded_and_saved_says_it_too(tmp_path):
    (tmp_path / "a.csv").write_text(lines("time,price,size,symbol", "2024-08-01T00:00Z,10,1,X"))
    market = mm.load.table(tmp_path / "a.csv", "trades", name="mine")
    assert market.receipt.options == {"values": {"kind": "trades", "name": "mine"}}
    saved = market.save(tmp_path / "saved")
    assert mm.open(saved).receipt.options == market.receipt.options
    convert_again(saved, [tmp_path / "a.csv"], tmp_path / "again")
    assert tree(tmp_path / "again") == tree(saved)


def test_several_files_in_the_order_in_which_they_were_read(tmp_path):
    sheet = "Transact. No.,Symbol,Buyer,Seller,Quantity,Rate,Amount"
    for day in (1, 2, 3):
        rows = lines(sheet, f"2024010{day}01000001,ABC,1,2,{day}0,100,{day}000")
        (tmp_path / f"{day}.csv").write_text(rows)
    files = [tmp_path / f"{day}.csv" for day in (2, 1, 3)]
    convert("floorsheet", files, tmp_path / "out", options={"name": "mine"})
    convert_again(tmp_path / "out", sorted(files), tmp_path / "again")
    assert tree(tmp_path / "again") == tree(tmp_path / "out")


def test_a_large_file_in_blocks(tmp_path, monkeypatch):
    """What goes straight to the folder says the same of itself as what is saved at the end."""
    rows = (f"2024-08-01T00:00:{n:02d}Z,X,10,{n + 1}" for n in range(60))
    (tmp_path / "a.csv").write_text(lines("ts,symbol,price,size", *rows))
    options = {"kind": "trades", "columns": {"time": "ts"}, "name": "mine"}
    convert("table", [tmp_path / "a.csv"], tmp_path / "whole", options=options)
    monkeypatch.setattr("mmresearch.convert.LARGE", 1)
    convert("table", [tmp_path / "a.csv"], tmp_path / "blocks", options=options)
    receipts = [manifest_of(tmp_path / name)["receipt"] for name in ("whole", "blocks")]
    assert receipts[0] == receipts[1]
    assert receipts[0]["options"]["values"] == options
    convert_again(tmp_path / "blocks", [tmp_path / "a.csv"], tmp_path / "again")
    assert tree(tmp_path / "again") == tree(tmp_path / "blocks")


# --- what cannot be made again --------------------------------------------------------------------


@pytest.fixture
def made(tmp_path) -> Path:
    """A folder of one file of fills."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "fills.json").write_text(CASES["fills_export"].files["fills.json"])
    convert("fills_export", [tmp_path / "in"], tmp_path / "out", options={"account": "desk"})
    return tmp_path / "out"


@pytest.mark.bad_input("other files than the manifest's")
def test_other_files_are_refused_before_they_are_read(made, tmp_path, capsys):
    (tmp_path / "in" / "fills.json").write_text("[]")
    (tmp_path / "in" / "more.json").write_text("[1]")
    given = ["convert", "--again", made, tmp_path / "in", "--to", tmp_path / "again"]
    said = fault(given, capsys)
    assert "fills_export: 3 faults, nothing was loaded" in said
    assert "fills.json: found no file of its content; expected the file of" in said
    assert "more.json: found a file that the folder was not made of" in said
    assert not (tmp_path / "again").exists()


@pytest.mark.bad_input("a file as an option that is not the manifest's")
def test_an_option_that_is_a_file(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    case = CASES["erc20"]
    for name, content in (case.files | BESIDE).items():
        Path(name).write_text(content)
    assert main(["convert", "erc20", *case.files, "--to", "out", *case.options]) == 0
    kept = manifest_of(tmp_path / "out")["receipt"]["options"]["files"]
    content = BESIDE["labels.csv"]
    assert kept["labels"]["sha256"] == hashlib.sha256(content.encode()).hexdigest()
    assert (kept["labels"]["file"], kept["labels"]["bytes"]) == ("labels.csv", len(content))
    again = ["convert", "--again", "out", *case.files, "--to", "again", "--decimals"]
    assert "does not hold labels" in fault([*again, "decimals.csv"], capsys)
    said = fault([*again, "decimals.csv", "--labels", "decimals.csv"], capsys)
    assert "labels.csv: found no file of its content" in said
    assert not Path("again").exists()


def test_a_database_s_address_stands_in_no_manifest(tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as con:
        con.execute("create table fills (time text, price real, size real, symbol text)")
        con.execute("insert into fills values ('2024-08-01T00:00:00Z', 10, 1, 'X')")
    con.close()
    options = {"kind": "trades", "con": f"sqlite:///{tmp_path / 'a.db'}"}
    query = ["select * from fills"]
    convert("table", query, tmp_path / "out", options=options)
    kept = manifest_of(tmp_path / "out")["receipt"]["options"]
    assert kept == {"values": {"kind": "trades"}, "untold": ["con"]}
    assert "a.db" not in (tmp_path / "out" / "manifest.json").read_text()
    with pytest.raises(ValueError, match="does not hold con; give what it was made with"):
        convert_again(tmp_path / "out", query, tmp_path / "again")
    given = {"options": {"con": options["con"]}}
    convert_again(tmp_path / "out", query, tmp_path / "again", **given)
    assert tree(tmp_path / "again") == tree(tmp_path / "out")
    with sqlite3.connect(tmp_path / "a.db") as con:
        con.execute("update fills set price = 11")
    con.close()
    with pytest.raises(ValueError, match="of other content than"):
        convert_again(tmp_path / "out", query, tmp_path / "again", **given)


def test_an_option_that_the_manifest_holds_is_not_given_again(made, tmp_path):
    with pytest.raises(ValueError, match="says account itself; convert without --again"):
        convert_again(made, [tmp_path / "in"], tmp_path / "again", options={"account": "other"})


@pytest.mark.bad_input("a folder that was not converted")
def test_a_folder_that_was_not_converted(tables, tmp_path, capsys):
    folder = mm.Market(**tables).save(tmp_path / "own")
    given = ["convert", "--again", folder, "a.csv", "--to", tmp_path / "again"]
    assert "was not converted from files: its manifest names no source" in fault(given, capsys)
    assert "no market folder" in fault([*given[:2], tmp_path / "none", *given[3:]], capsys)


@pytest.mark.bad_input("a folder of an older version")
def test_an_older_folder_is_read_and_says_that_it_holds_no_options(made, tmp_path, capsys):
    older, fills = manifest_of(made), mm.open(made).fills
    del older["mmresearch"], older["receipt"]["options"]
    (made / "manifest.json").write_text(json.dumps(older))
    assert mm.open(made).receipt.options is None
    pd.testing.assert_frame_equal(mm.open(made).fills, fills)
    given = ["convert", "--again", made, tmp_path / "in", "--to", tmp_path / "again"]
    assert "was written before manifests held options" in fault(given, capsys)


def test_another_version_is_told(made, tmp_path, capsys):
    other = manifest_of(made) | {"mmresearch": "0.0.1"}
    (made / "manifest.json").write_text(json.dumps(other))
    given = ["convert", "--again", made, tmp_path / "in", "--to", tmp_path / "again"]
    assert main([*map(str, given)]) == 0
    assert "made by mmresearch 0.0.1, which this is not" in capsys.readouterr().err
