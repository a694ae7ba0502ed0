"""Depth updates of captures: their chain of ids, its gaps, and the book kept by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import schema
from mmresearch.load.binance import binance

START = 1722470400 * 10**9  # 2024-08-01 00:00 UTC, the local clock of line 1
MS = 1722470400000
BEST = ["bid_1", "bid_size_1", "ask_1", "ask_size_1"]


def trade(number=1, price="100.0", size="2", maker=True, ms=0, symbol="BTCUSDT", **more) -> dict:
    """Spot's event; futures send X and no M."""
    about = {"e": "trade", "E": MS + ms + 1, "s": symbol, "t": number, "p": price, "q": size}
    return about | {"T": MS + ms, "m": maker} | ({"M": True} if "X" not in more else {}) | more


def depth(first, last, bids=(), asks=(), before=None, ms=0, symbol="BTCUSDT") -> dict:
    about = {"e": "depthUpdate", "E": MS + ms, "s": symbol, "U": first, "u": last}
    about |= {} if before is None else {"T": MS + ms, "pu": before}
    return about | {"b": [list(b) for b in bids], "a": [list(a) for a in asks]}


def snapshot(last, bids=(("99", "2"), ("98", "1")), asks=(("101", "3"), ("102", "4"))) -> dict:
    return {"lastUpdateId": last, "bids": [list(b) for b in bids], "asks": [list(a) for a in asks]}


def lines(*payloads: dict) -> list[str]:
    """Line n at n - 1 milliseconds of the local clock; events as combined streams send them."""
    out = []
    for n, payload in enumerate(payloads):
        wrapped = {"stream": f"btcusdt@{payload.get('e', 'x')}", "data": payload}
        said = payload if "lastUpdateId" in payload else wrapped
        out.append(f"{START + n * 10**6} {json.dumps(said, separators=(',', ':'))}")
    return out


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def read(tmp_path: Path, *payloads: dict, **options) -> mm.Market:
    return binance(write(tmp_path / "btcusdt.jsonl", lines(*payloads)), **options)


def best(book: pd.DataFrame) -> list[tuple]:
    """Line and best level of each row."""
    line = book["seq"] % schema.UNORDERED
    return list(zip(line, *(book[c] for c in BEST), strict=True))


BROKEN = [
    snapshot(3),
    depth(4, 5, [("100", "1")]),
    depth(8, 9, [("100", "7")]),  # 6 and 7 are missing
    depth(10, 11, [("100", "8")]),
    trade(),
]
FUTURES = [
    depth(90, 100, [("97", "9")], before=80),
    snapshot(105),
    depth(103, 110, [("100", "1")], before=100),
]
AGAIN = [snapshot(11, [("95", "1")], [("96", "1")]), depth(12, 13, [("95", "2")])]


def test_a_gap_ends_the_book(tmp_path):
    market = read(tmp_path, *BROKEN)
    assert best(market.book) == [(1, 99, 2, 101, 3), (2, 100, 1, 101, 3)]
    assert market.receipt.reasons.to_dict() == {"depth update after a gap in the update ids": 2}
    assert market.receipt.set_aside["line"].tolist() == [3, 4]
    notes = "\n".join(market.receipt.notes)
    assert (
        "btcusdt.jsonl, line 3: gap in the depth updates of BTCUSDT (expected U 6, found 8)"
        in notes
    )
    assert "the chain of 3 depth updates of BTCUSDT has 1 gap" in notes


def test_a_new_snapshot_begins_the_book_again(tmp_path):
    market = read(tmp_path, *BROKEN, *AGAIN)
    assert best(market.book)[2:] == [(6, 95, 1, 96, 1), (7, 95, 2, 96, 1)]
    assert market.receipt.set_aside["line"].tolist() == [3, 4]


def test_a_gap_of_futures(tmp_path):
    rows = [*FUTURES, depth(114, 120, [("99", "5")], before=113)]
    market = read(tmp_path, *rows)
    assert best(market.book)[-1] == (3, 100, 1, 101, 3)
    notes = "\n".join(market.receipt.notes)
    assert "line 4: gap in the depth updates of BTCUSDT (expected pu 110, found 113)" in notes


def test_a_gap_behind_the_snapshot(tmp_path):
    market = read(tmp_path, snapshot(3), depth(6, 7, [("100", "1")]), depth(8, 9, [("100", "2")]))
    assert best(market.book) == [(1, 99, 2, 101, 3)]
    assert market.receipt.reasons.to_dict() == {"depth update after a gap in the update ids": 2}
    notes = "\n".join(market.receipt.notes)
    assert "line 2: gap in the depth updates of BTCUSDT" in notes
    assert "expected an update that continues 3" in notes


def test_a_snapshot_that_is_too_old_shows_nothing(tmp_path):
    market = read(tmp_path, depth(8, 9, [("100", "1")]), snapshot(3), depth(10, 11), trade())
    assert "book" not in market
    assert market.receipt.reasons.to_dict() == {
        "depth update after a gap in the update ids": 2,
        "snapshot that the depth updates do not continue": 1,
    }


def test_a_snapshot_in_the_middle_of_a_whole_chain(tmp_path):
    market = read(
        tmp_path,
        snapshot(3),
        depth(4, 5, [("100", "1")]),
        depth(6, 7, [("100", "2")]),
        snapshot(5, [("100", "1")], [("101", "3")]),  # older than the update before it
        depth(8, 9, [("100", "3")]),
    )
    assert best(market.book) == [
        (1, 99, 2, 101, 3),
        (2, 100, 1, 101, 3),
        (3, 100, 2, 101, 3),
        (4, 100, 2, 101, 3),  # 98 and 102 are no longer there
        (5, 100, 3, 101, 3),
    ]
    assert market.receipt.rows_kept == 5


def test_a_snapshot_ahead_of_its_updates(tmp_path):
    market = read(
        tmp_path,
        snapshot(3),
        depth(4, 5, [("100", "1")]),
        snapshot(8, [("100", "8")], [("101", "3")]),
        depth(6, 7, [("100", "2")]),  # late: the snapshot knows more
        depth(8, 9, [("100", "9")]),
    )
    assert [row[:3] for row in best(market.book)] == [
        (1, 99, 2),
        (2, 100, 1),
        (3, 100, 8),
        (5, 100, 9),
    ]
    assert market.receipt.reasons.to_dict() == {"depth update before the snapshot": 1}
    assert market.receipt.set_aside["line"].tolist() == [4]


def test_a_snapshot_alone_is_a_book(tmp_path):
    assert best(read(tmp_path, trade(), snapshot(3)).book) == [(2, 99, 2, 101, 3)]


def test_an_empty_snapshot_empties_the_book(tmp_path):
    empty = snapshot(5, [], [])
    market = read(tmp_path, snapshot(3), depth(4, 5), empty, depth(6, 7, [("100", "1")]))
    line, bid, bid_size, _, ask_size = best(market.book)[1]
    assert (line, bid_size, ask_size) == (3, 0, 0)
    assert np.isnan(bid)
    assert [row[:3] for row in best(market.book)[2:]] == [(4, 100, 1)]


def test_updates_that_were_there_already(tmp_path):
    market = read(tmp_path, snapshot(3), depth(4, 5, [("100", "1")]), depth(4, 5, [("100", "1")]))
    assert market.receipt.reasons.to_dict() == {"depth update that was there already": 1}
    assert any("is whole" in note for note in market.receipt.notes)


def test_no_snapshot_no_book(tmp_path):
    market = read(tmp_path, depth(4, 5, [("100", "1")]), depth(6, 7), depth(9, 9), trade())
    assert list(market) == ["trades"]
    reason = "depth update without any snapshot: no book can be known"
    assert market.receipt.reasons.to_dict() == {reason: 3}
    notes = "\n".join(market.receipt.notes)
    assert "the chain of 3 depth updates of BTCUSDT has 1 gap" in notes
    assert "line 3: gap" in notes


def test_nothing_but_updates_without_a_snapshot(tmp_path):
    market = read(tmp_path, depth(4, 5, [("100", "1")]), depth(6, 7))
    assert list(market) == []
    assert market.receipt.rows_kept == 0
    assert any(
        "the chain of 2 depth updates of BTCUSDT is whole" in n for n in market.receipt.notes
    )


@pytest.mark.parametrize("form", ["document", "lines of a document", "captured line"])
def test_a_snapshot_beside_the_capture(tmp_path, form):
    said = {
        "document": json.dumps(snapshot(3)),
        "lines of a document": json.dumps(snapshot(3), indent=2),
        "captured line": f"{START} {json.dumps(snapshot(3))}",
    }
    path = write(tmp_path / "depth.json", [said[form]])
    market = read(
        tmp_path,
        depth(2, 3),
        depth(4, 5, [("100", "1")]),
        depth(6, 7, [("100", "2")]),
        snapshot=path,
    )
    assert [row[1:] for row in best(market.book)] == [(100, 1, 101, 3), (100, 2, 101, 3)]
    assert (market.book["seq"] - schema.UNORDERED).tolist() == [2, 3]
    assert market.receipt.files["file"].tolist() == ["btcusdt.jsonl", "depth.json"]
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (4, 3)


def test_a_random_chain_is_the_book_kept_by_hand(tmp_path):
    generator = np.random.default_rng(11)
    bids, asks, payloads = {99: 2, 98: 1}, {101: 3, 102: 4}, [snapshot(0)]
    for n in range(1, 200):
        price, size = int(generator.integers(80, 121)), int(generator.integers(0, 4))
        side = bids if price < 100 else asks
        change = [(str(price), str(size))]
        payloads.append(depth(n, n, *((change, []) if side is bids else ([], change))))
        if size:
            side[price] = size
        else:
            side.pop(price, None)
    book = read(tmp_path, *payloads, levels=60).book.iloc[-1]
    for n, (price, size) in enumerate(sorted(bids.items(), reverse=True), start=1):
        assert (book[f"bid_{n}"], book[f"bid_size_{n}"]) == (price, size)
    for n, (price, size) in enumerate(sorted(asks.items()), start=1):
        assert (book[f"ask_{n}"], book[f"ask_size_{n}"]) == (price, size)
    assert np.isnan(book[f"bid_{len(bids) + 1}"])
