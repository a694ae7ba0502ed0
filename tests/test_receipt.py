"""Receipts: every source row is kept or set aside by a reason, and one error names all faults."""

from __future__ import annotations

import hashlib
import json

import pandas as pd
import pytest

from mmresearch.receipt import Fault, Receipt, SourceError, file_facts


@pytest.fixture
def receipt() -> Receipt:
    """Ten rows of two files, three of them set aside."""
    files = pd.DataFrame(
        {"file": ["a.csv", "b.csv"], "bytes": [90, 60], "sha256": ["1f", "2e"], "rows": [6, 4]}
    )
    aside = pd.DataFrame(
        {"file": "a.csv", "line": [2, 5, 6], "reason": ["repeated", "no price", "repeated"]}
    )
    return Receipt("floorsheet", files, aside.assign(text=["x", "y", "z"]), ("no clock",))


def test_rows_read_are_kept_or_set_aside(receipt):
    assert (receipt.rows_read, receipt.rows_kept) == (10, 7)
    assert receipt.reasons.to_dict() == {"repeated": 2, "no price": 1}
    assert receipt.rows_kept + receipt.reasons.sum() == receipt.rows_read


def test_nothing_read():
    empty = Receipt("table")
    assert (empty.rows_read, empty.rows_kept) == (0, 0)
    assert str(empty) == "table: 0 files, 0 rows read, 0 kept, set aside: none"


def test_printed(receipt):
    assert str(receipt) == (
        "floorsheet: 2 files, 10 rows read, 7 kept, set aside: 2 repeated, 1 no price\n  no clock"
    )


def test_html_is_escaped():
    shown = Receipt("table", notes=("<script>",))._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_facts_are_plain_json(receipt):
    facts = json.loads(json.dumps(receipt.facts()))
    assert facts["rows_read"] == 10
    assert facts["rows_kept"] == 7
    assert facts["set_aside"] == {"repeated": 2, "no price": 1}
    assert facts["files"][1] == {"file": "b.csv", "bytes": 60, "sha256": "2e", "rows": 4}


def test_facts_give_the_receipt_back(receipt):
    again = Receipt.from_facts(json.loads(json.dumps(receipt.facts())), receipt.set_aside)
    assert str(again) == str(receipt)
    pd.testing.assert_frame_equal(again.files, receipt.files)


def test_facts_of_a_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"1,2\n3,4\n")
    digest = hashlib.sha256(b"1,2\n3,4\n").hexdigest()
    assert file_facts(path, 2) == {"file": "a.csv", "bytes": 8, "sha256": digest, "rows": 2}


def test_source_error_names_every_fault():
    faults = [
        Fault("a.csv", 3, "6 columns", "4"),
        Fault("b.csv", None, "an empty file", "a row an event"),
    ]
    error = SourceError("lobster", faults)
    assert error.faults == faults
    assert str(error) == (
        "lobster: 2 faults, nothing was loaded:\n"
        "  a.csv, line 3: found 6 columns; expected 4\n"
        "  b.csv: found an empty file; expected a row an event"
    )
