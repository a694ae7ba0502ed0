"""A market folder: what was saved comes back, whole, whatever interrupted the saving."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import mmresearch as mm
from mmresearch import schema
from mmresearch.convert import convert

RECEIPT = mm.Receipt(
    "floorsheet",
    pd.DataFrame({"file": ["a.csv"], "bytes": [90], "sha256": ["1f"], "rows": [5]}),
    pd.DataFrame(
        {"file": "a.csv", "line": [2, None], "reason": ["repeated", "no price"], "text": ["x", "é"]}
    ),
    ("there is no clock",),
)


@pytest.fixture
def market(tables) -> mm.Market:
    return mm.Market(**tables, calendar="XNYS", name="mine", receipt=RECEIPT)


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def file_of(folder: Path, name: str) -> str:
    (part,) = manifest_of(folder)["tables"][name]["parts"]
    return part["file"]


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# --- what was saved comes back --------------------------------------------------------------------


@pytest.mark.parametrize("name", list(schema.TABLES))
def test_round_trip_of_every_table(market, tmp_path, name):
    again = mm.open(market.save(tmp_path / "folder"))
    pd.testing.assert_frame_equal(again[name], market[name])


def test_round_trip_of_the_rest(market, tmp_path):
    again = mm.open(market.save(tmp_path / "folder"))
    assert list(again) == list(market)
    assert again.name == "mine"
    assert again.data_hash == market.data_hash
    pd.testing.assert_frame_equal(again.symbols, market.symbols)


def test_round_trip_of_the_receipt_with_its_rows(market, tmp_path):
    again = mm.open(market.save(tmp_path / "folder")).receipt
    assert str(again) == str(RECEIPT)
    assert again.facts() == RECEIPT.facts()
    assert again.set_aside["line"].tolist() == [2, pd.NA]
    assert again.set_aside["text"].tolist() == ["x", "é"]


def test_round_trip_of_extra_columns(tables, tmp_path):
    trades = tables["trades"].assign(venue=["a", "b", "a"], latency=[1, 2, 3])
    market = mm.Market(trades=trades)
    again = mm.open(market.save(tmp_path / "folder"))
    pd.testing.assert_frame_equal(again.trades, market.trades)


def test_market_without_receipt_or_tables(tmp_path):
    again = mm.open(mm.Market(name="bare").save(tmp_path / "folder"))
    assert (list(again), again.receipt, again.name) == ([], None, "bare")


def test_opened_market_can_be_saved_elsewhere_and_over_itself(market, tmp_path):
    first = market.save(tmp_path / "first")
    before = content_of(first)
    mm.open(first).save(tmp_path / "second")
    mm.open(first).save(first)
    assert content_of(first) == content_of(tmp_path / "second") == before


# --- the folder -----------------------------------------------------------------------------------


def test_manifest_says_what_the_folder_holds(market, tmp_path):
    folder = market.save(tmp_path / "deep" / "folder")
    manifest = manifest_of(folder)
    assert manifest["schema"] == schema.VERSION
    assert manifest["receipt"] == RECEIPT.facts()
    assert set(manifest["tables"]) == {*schema.TABLES, "symbols", "set_aside"}
    rows = {name: entry["rows"] for name, entry in manifest["tables"].items()}
    assert rows == dict.fromkeys(schema.TABLES, 3) | {"symbols": 2, "set_aside": 2}


def test_file_names_carry_the_hash_of_their_content(market, tmp_path):
    folder = market.save(tmp_path / "folder")
    entries = manifest_of(folder)["tables"]
    for name, entry in entries.items():
        (part,) = entry["parts"]
        digest = hashlib.sha256((folder / part["file"]).read_bytes()).hexdigest()
        assert part["sha256"] == digest
        assert part["file"] == f"{name}-{digest[:12]}.parquet"
        assert part["rows"] == entry["rows"]
        assert part["symbol"] is part["day"] is None
    assert len(content_of(folder)) == len(entries) + 1


def test_same_market_gives_the_same_bytes(tables, tmp_path):
    options = {"calendar": "XNYS", "receipt": RECEIPT}
    one = mm.Market(**tables, **options).save(tmp_path / "one")
    turned = {name: table.iloc[::-1] for name, table in tables.items()}
    two = mm.Market(**turned, **options).save(tmp_path / "two")
    assert content_of(one) == content_of(two)


def test_new_state_leaves_nothing_of_the_old(market, tmp_path):
    folder = market.save(tmp_path / "folder")
    mm.Market(trades=market.trades.assign(size=2.0)).save(folder)
    names = {re.sub("-[0-9a-f]{12}", "", name) for name in content_of(folder)}
    assert names == {"manifest.json", "trades.parquet", "symbols.parquet"}


def test_other_peoples_files_stay(market, tmp_path):
    folder = market.save(tmp_path / "folder")
    (folder / "notes.txt").write_text("mine")
    (folder / "trades.parquet").write_bytes(b"mine")
    mm.Market().save(folder)
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "trades.parquet").read_bytes() == b"mine"


# --- opening --------------------------------------------------------------------------------------


def test_a_table_is_read_when_it_is_asked_for(market, tmp_path):
    folder = market.save(tmp_path / "folder")
    (folder / file_of(folder, "quotes")).unlink()
    opened = mm.open(folder)
    assert list(opened) == list(market)
    assert len(opened.trades) == 3
    with pytest.raises(FileNotFoundError, match=r"quotes-.*\.parquet is gone: was the folder"):
        opened.quotes  # noqa: B018


def test_opening_reads_no_table_and_each_once(market, tmp_path, monkeypatch):
    folder = market.save(tmp_path / "folder")
    read, reader = [], pl.scan_parquet

    def noted(path, **options):
        read.append(path.name)
        return reader(path, **options)

    monkeypatch.setattr(pl, "scan_parquet", noted)
    opened = mm.open(folder)
    assert "trades" in opened
    opened.select("X", "2024-03-08").replace(fills=market.fills)
    assert [re.sub("-.*", "", name) for name in read] == ["symbols", "set_aside"]
    assert opened.trades is opened["trades"]
    assert [re.sub("-.*", "", name) for name in read] == ["symbols", "set_aside", "trades"]


def test_folder_filled_by_hand(tables, tmp_path):
    tables["trades"].to_parquet(tmp_path / "trades.parquet")
    tables["fills"].to_parquet(tmp_path / "fills.parquet")
    opened = mm.open(str(tmp_path))
    assert list(opened) == ["trades", "fills"]
    assert opened.name == tmp_path.name
    assert list(opened.symbols["symbol"]) == ["X", "Y"]
    pd.testing.assert_frame_equal(opened.fills, mm.check(tables["fills"], "fills"))


def test_folder_filled_by_hand_with_symbols(tables, tmp_path):
    tables["trades"].to_parquet(tmp_path / "trades.parquet")
    symbols = pd.DataFrame({"symbol": ["X", "Y"], "calendar": ["XNYS", "dates"]})
    symbols.to_parquet(tmp_path / "symbols.parquet")
    assert mm.open(tmp_path).calendar("Y") == "dates"


def test_folder_filled_by_hand_is_checked(tables, tmp_path):
    tables["trades"].assign(size=-1.0).to_parquet(tmp_path / "trades.parquet")
    with pytest.raises(mm.SchemaError, match=r"trades\.size: breaks its rule \(3 rows"):
        mm.open(tmp_path)


def test_table_changed_by_hand_is_checked(market, tmp_path):
    folder = market.save(tmp_path / "folder")
    path = folder / file_of(folder, "trades")
    market.trades.assign(side=0.5).to_parquet(path)
    with pytest.raises(mm.SchemaError, match=r"trades\.side"):
        mm.open(folder).trades  # noqa: B018


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (3, "was written by a newer mmresearch (schema 3); this one reads up to 2"),
        ("2.0", "has schema '2.0', which no mmresearch wrote"),
        (None, "has schema None, which no mmresearch wrote"),
        (0, "has schema 0, which no mmresearch wrote"),
        (True, "has schema True, which no mmresearch wrote"),
    ],
)
def test_another_schema_is_refused_by_name(tmp_path, version, message):
    manifest = {"schema": version, "partitions": []}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=re.escape(message)):
        mm.open(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b"7",
        b"\xff\xfe",
        b"{}",
        b'{"schema": 1}',
        b'{"schema": 1, "tables": []}',
        b'{"schema": 1, "tables": {"trades": 3}}',
        b'{"schema": 1, "tables": {"trades": {}}}',
        b'{"schema": 2}',
        b'{"schema": 2, "tables": {"trades": {"rows": 1}}}',
        b'{"schema": 2, "tables": {"trades": {"rows": 1, "parts": [{"file": "a.parquet"}]}}}',
    ],
)
def test_broken_manifest(tmp_path, content):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"manifest\.json is not a manifest of a market folder"):
        mm.open(tmp_path)


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no market folder at .*nowhere"):
        mm.open(tmp_path / "nowhere")


def test_file_where_the_folder_should_be(market, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time,price\n")
    with pytest.raises(FileNotFoundError, match=r"no market folder at .*a\.csv"):
        mm.open(path)
    with pytest.raises(NotADirectoryError, match=r"a\.csv is a file; expected a folder"):
        market.save(path)
    assert path.read_text() == "time,price\n"


def test_a_link_to_a_folder_is_followed_and_stays(market, tmp_path):
    behind, link = tmp_path / "behind", tmp_path / "link"
    behind.mkdir()
    link.symlink_to(behind)
    market.save(link)
    assert link.is_symlink()
    assert mm.open(behind).data_hash == mm.open(link).data_hash == market.data_hash


@pytest.mark.bad_input("a target that is a dangling or looping link")
@pytest.mark.parametrize("to", ["gone", "link", "a.csv"], ids=["dangling", "loop", "file"])
def test_a_link_that_leads_to_no_folder_is_refused(market, tmp_path, to):
    (tmp_path / "a.csv").write_text("time,price\n")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / to)
    before = sorted(tmp_path.iterdir())
    for save in (market.save, lambda to: convert("binance", ["nothing.csv"], to)):
        with pytest.raises(NotADirectoryError, match=r"link is a link to .*, which is no folder"):
            save(link)
    assert sorted(tmp_path.iterdir()) == before
    assert link.is_symlink()


@pytest.mark.parametrize("also", [None, "symbols.parquet", "notes.parquet"])
def test_folder_without_tables(tmp_path, also):
    if also:
        pd.DataFrame({"symbol": ["X"]}).to_parquet(tmp_path / also)
    with pytest.raises(FileNotFoundError, match=r"holds neither manifest\.json nor any of trades"):
        mm.open(tmp_path)


def test_file_that_is_no_parquet(tmp_path):
    (tmp_path / "trades.parquet").write_bytes(b"time,price\n")
    with pytest.raises(ValueError, match=r"trades\.parquet is not a Parquet file that can be read"):
        mm.open(tmp_path)


# --- interrupted saves ----------------------------------------------------------------------------

STEPS = [
    (pl.DataFrame, "write_parquet"),
    (Path, "mkdir"),
    (Path, "replace"),
    (Path, "unlink"),
    (Path, "rmdir"),
    (Path, "open"),
    (Path, "write_bytes"),
    (shutil, "rmtree"),
    (os, "fsync"),
]


class Killed(BaseException):
    """Stands for the end of the process: no handler of the package catches it."""


def die_at(monkeypatch: pytest.MonkeyPatch, step: int, *, done: bool) -> None:
    """Let the `step`-th dealing with the disk end the process, before or after it was done.

    From then on nothing touches the disk: a process that is killed cleans nothing up.
    """
    count = 0

    def dying(real: Callable) -> Callable:
        def call(*args: object, **options: object) -> object:
            nonlocal count
            count += 1
            if count == step and done:
                opened = real(*args, **options)
                getattr(opened, "close", lambda: None)()
            if count >= step:
                raise Killed
            return real(*args, **options)

        return call

    for owner, name in STEPS:
        monkeypatch.setattr(owner, name, dying(getattr(owner, name)))


def states(tables: dict[str, pd.DataFrame]) -> tuple[mm.Market, mm.Market]:
    """An old state and a new one that changes, drops, adds and keeps a table."""
    trades, kept = tables["trades"], tables["positions"]
    old = mm.Market(trades=trades, fills=tables["fills"], positions=kept, receipt=RECEIPT)
    new = mm.Market(trades=trades.assign(size=2.0), quotes=tables["quotes"], positions=kept)
    return old, new


def state_of(folder: Path) -> str:
    """The hash of what the folder holds; every file must be what its manifest says."""
    for entry in manifest_of(folder)["tables"].values():
        for part in entry["parts"]:
            content = (folder / part["file"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == part["sha256"]
    return mm.open(folder).data_hash


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_killed_at_any_step_the_folder_holds_the_old_state_or_the_new(
    tables, tmp_path, monkeypatch, done
):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # slow, and of no account here
    old, new = states(tables)
    start = old.save(tmp_path / "start")
    seen, step, finished = [], 0, False
    while not finished:
        step += 1
        folder = Path(shutil.copytree(start, tmp_path / str(step)))
        with pytest.MonkeyPatch.context() as patch:
            die_at(patch, step, done=done)
            try:
                new.save(folder)
                finished = True
            except Killed:
                pass
        seen.append(state_of(folder))
        new.save(folder)  # a rerun finishes
        assert state_of(folder) == new.data_hash
    first_new = seen.index(new.data_hash)
    assert seen == [old.data_hash] * first_new + [new.data_hash] * (len(seen) - first_new)
    assert first_new > 10  # 4 files and the manifest, several steps each, come before
    assert len(seen) > first_new + 2  # and killing goes on while old files are swept away


def test_first_save_killed_leaves_no_market_and_a_rerun_finishes(tables, tmp_path):
    _, new = states(tables)
    with pytest.MonkeyPatch.context() as patch:
        die_at(patch, 8, done=True)
        with pytest.raises(Killed):
            new.save(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds neither"):
        mm.open(tmp_path)
    new.save(tmp_path)
    assert state_of(tmp_path) == new.data_hash


def test_an_error_while_saving_leaves_the_old_state_and_no_draft(tables, tmp_path, monkeypatch):
    old, new = states(tables)
    folder = old.save(tmp_path)
    before = content_of(folder)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(OSError, match="No space left"):
        new.save(folder)
    assert content_of(folder) == before


def test_leftover_drafts_do_not_matter(market, tmp_path):
    folder = market.save(tmp_path / "folder")
    for name in (".trades.1.tmp", ".manifest.json.1.tmp", "trades-000000000000.parquet"):
        (folder / name).write_bytes(b"half")
    assert state_of(folder) == market.data_hash
    market.save(folder)
    assert state_of(folder) == market.data_hash
    assert not (folder / "trades-000000000000.parquet").exists()


def test_many_small_symbols_stay_one_file(tmp_path, monkeypatch):
    """A large table is split only where a symbol's day is worth a file of its own."""
    monkeypatch.setattr("mmresearch.store.writer.WHOLE", 1_000)
    monkeypatch.setattr("mmresearch.store.writer.WORTH", 100)
    hours = pd.Timestamp("2024-01-02", tz="UTC") + pd.to_timedelta(np.arange(1_000), unit="s")
    columns = {"time": hours.as_unit("ns"), "seq": range(1_000), "price": 1.0, "size": 1.0}
    for symbols, parts in ((2, 2), (200, 1)):
        table = pd.DataFrame(columns | {"symbol": [f"S{n % symbols}" for n in range(1_000)]})
        folder = mm.Market(trades=table).save(tmp_path / str(symbols))
        manifest = json.loads((folder / "manifest.json").read_text())
        assert len(manifest["tables"]["trades"]["parts"]) == parts
        assert mm.open(folder).by_day == (parts > 1)
        assert len(mm.open(folder).trades) == 1_000
