"""Our signs beside those of tclf 0.4.0 (strategy "const", the same ties), on a simulated tape."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

HERE = Path(__file__).resolve().parents[1] / "reference"


@pytest.fixture(scope="module")
def tables():
    """Trades, the quote before each as a quotes table, and tclf's signs."""
    tape = pd.read_csv(HERE / "signs_tape.csv", parse_dates=["time"])
    order = 2 * np.arange(len(tape))
    rows = tape[["time"]].assign(seq=order + 1, symbol="X")
    known = rows.assign(seq=order, bid=tape["bid"], ask=tape["ask"], bid_size=1.0, ask_size=1.0)
    trades = rows.assign(price=tape["price"], size=1.0)
    return trades, known, pd.read_csv(HERE / "signs_tclf.csv"), tape


@pytest.mark.parametrize("rule", ["quote", "tick", "lee_ready", "emo", "clnv"])
def test_every_sign_is_tclfs(tables, rule):
    trades, known, theirs, _ = tables
    ours = mm.sign_trades(trades, known, rule=rule)["side"].fillna(0)
    np.testing.assert_array_equal(ours, theirs[rule])


def test_the_tape_tells_the_rules_apart(tables):
    _, _, theirs, tape = tables
    rules = ["tick", "lee_ready", "emo", "clnv"]
    differ = [(theirs[a] != theirs[b]).mean() for a in rules for b in rules if a < b]
    assert min(differ) > 0.03
    assert (theirs["quote"] == 0).mean() > 0.1
    assert len(set(tape["day"])) > 1
    assert tape["bid"].isna().any()
