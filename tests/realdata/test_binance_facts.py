"""Binance captures of real markets: facts counted line by line, found again in the tables."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mmresearch.load.binance import binance

COUNTS = {
    "spot": {"trade": 9_757, "bookTicker": 28_040, "depth": 3_451, "snapshot": 1},
    "usdm": {"trade": 21_313, "bookTicker": 66_089, "depth": 6_551, "snapshot": 1},
}


@pytest.fixture(scope="module", params=["spot", "usdm"])
def capture(request, realdata):
    """The file's lines read one by one with the standard library, and the market loaded from it."""
    path = realdata / "binance" / request.param / "btcusdt_20240808.gz"
    lines = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for text in file:
            local, _, said = text.partition(" ")
            root = json.loads(said)
            kind = root["stream"].split("@")[1] if "stream" in root else "snapshot"
            lines.append((int(local), kind, root.get("data", root)))
    return SimpleNamespace(name=request.param, lines=lines, market=binance(path))


def of_kind(capture, kind: str) -> list[tuple[int, dict]]:
    """Line number and payload of every event of that kind."""
    return [(n, d) for n, (_, k, d) in enumerate(capture.lines, start=1) if k == kind]


def test_every_line_is_read(capture):
    counts = Counter(kind for _, kind, _ in capture.lines)
    assert counts == COUNTS[capture.name]
    receipt = capture.market.receipt
    assert receipt.rows_read == len(capture.lines) == sum(counts.values())
    assert set(receipt.reasons.index) == {"depth update before the snapshot"}


def test_trades_are_the_lines(capture):
    trades = capture.market.trades
    lines = of_kind(capture, "trade")
    assert trades["seq"].tolist() == [n for n, _ in lines]
    assert trades["trade_id"].tolist() == [str(d["t"]) for _, d in lines]
    assert trades["price"].tolist() == [float(d["p"]) for _, d in lines]
    assert trades["size"].tolist() == [float(d["q"]) for _, d in lines]
    assert trades["side"].tolist() == [-1 if d["m"] else 1 for _, d in lines]
    local = [capture.lines[n - 1][0] for n, _ in lines]
    assert trades["time"].astype("int64").tolist() == local
    exchange = [d["T"] * 10**6 for _, d in lines]
    assert trades["exchange_time"].astype("int64").tolist() == exchange
    ids = [d["t"] for _, d in lines]
    assert np.diff(ids).tolist() == [1] * (len(ids) - 1)


def test_quotes_are_the_lines(capture):
    quotes = capture.market.quotes
    lines = of_kind(capture, "bookTicker")
    assert quotes["seq"].tolist() == [n for n, _ in lines]
    for ours, theirs in {"bid": "b", "ask": "a", "bid_size": "B", "ask_size": "A"}.items():
        assert quotes[ours].tolist() == [float(d[theirs]) for _, d in lines]
    assert (quotes["bid"] < quotes["ask"]).all()
    assert quotes["exchange_time"].isna().all() == (capture.name == "spot")


def test_the_chain_is_whole(capture):
    updates = [d for _, d in of_kind(capture, "depth")]
    behind = [d.get("pu", d["U"] - 1) for d in updates[1:]]
    assert behind == [d["u"] for d in updates[:-1]]
    assert any("depth updates of BTCUSDT is whole" in n for n in capture.market.receipt.notes)
    ((_, snapshot),) = of_kind(capture, "snapshot")
    last = snapshot["lastUpdateId"]
    early = [d for d in updates if d["u"] < last + (capture.name == "spot")]
    assert capture.market.receipt.reasons.tolist() == [len(early)]
    first = updates[len(early)]
    assert first["U"] <= last + (capture.name == "spot") <= first["u"]


def test_the_book_is_one_kept_by_hand(capture):
    """Dictionaries, an update at a time, from the snapshot to some 500 updates behind it."""
    ((at, snapshot),) = of_kind(capture, "snapshot")
    sides = [{float(p): float(q) for p, q in snapshot[name]} for name in ("bids", "asks")]
    spot = capture.name == "spot"
    updates = [
        (n, d) for n, d in of_kind(capture, "depth") if d["u"] >= snapshot["lastUpdateId"] + spot
    ]
    kept = {}
    for n, d in updates[:500]:
        for side, changes in zip(sides, (d["b"], d["a"]), strict=True):
            side.update({float(p): float(q) for p, q in changes})
        best = [
            sorted((p for p, q in s.items() if q), reverse=r)[:20]
            for s, r in zip(sides, (1, 0), strict=True)
        ]
        kept[max(n, at)] = [(p, sides[i][p]) for i, prices in enumerate(best) for p in prices]
    book = capture.market.book.set_index("seq")
    rows = book.index[book.index <= max(kept)]
    assert len(rows) > 400
    cells = [
        f"{side}{size}_{n}"
        for side in ("bid", "ask")
        for n in range(1, 21)
        for size in ("", "_size")
    ]
    found = book.loc[rows, cells].to_numpy().reshape(len(rows), 40, 2)
    assert found.tolist() == [[list(level) for level in kept[row]] for row in rows]
    # where no row is, nothing had changed
    shown = None
    for line, levels in kept.items():
        assert (line in rows) == (levels != shown), line
        shown = levels


def test_the_book_agrees_with_book_ticker(capture):
    """Both carry the venue's update ids: after an update the best levels are those last sent."""
    last = {n: d["u"] for n, d in of_kind(capture, "depth")}
    book = capture.market.book
    book = book[book["seq"].isin(last)]
    ids = book["seq"].map(last).to_numpy()
    quotes = capture.market.quotes.sort_values("update_id")
    at = np.searchsorted(quotes["update_id"].to_numpy(), ids, side="right") - 1
    known = at >= 0
    best = quotes.iloc[at[known]]
    for ours in ("bid", "ask", "bid_size", "ask_size"):
        same = best[ours].to_numpy() == book.loc[known, f"{ours}_1"].to_numpy()
        assert same.all(), ours
    assert (book["bid_1"] < book["ask_1"]).all()


def agreement(trades: pd.DataFrame, quotes: pd.DataFrame, delay: str | None) -> float:
    """Share of trades above or below the mid whose side says so; at the mid they do not count.

    The mid is of the last quote that arrived before the trade, or at least `delay` before it.
    """
    if delay is None:
        at = np.searchsorted(quotes["seq"].to_numpy(), trades["seq"].to_numpy()) - 1
    else:
        before = (trades["time"] - pd.Timedelta(delay)).to_numpy()
        at = np.searchsorted(quotes["time"].to_numpy(), before) - 1
    trades, quotes = trades[at >= 0], quotes.iloc[at[at >= 0]]
    mid = (quotes["bid"].to_numpy() + quotes["ask"].to_numpy()) / 2
    above = np.sign(trades["price"].to_numpy() - mid)
    return float((above == trades["side"])[above != 0].mean())


def test_the_flag_against_the_mid(capture):
    trades, quotes = capture.market.trades, capture.market.quotes
    if capture.name == "usdm":
        assert round(100 * agreement(trades, quotes, None), 1) == 86.6
        assert agreement(trades, quotes, "20ms") > 0.96
    else:  # spot's bookTicker tells of a trade before the trade's line does
        assert round(100 * agreement(trades, quotes, None), 1) == 49.1
        assert agreement(trades, quotes, "100ms") > 0.94


def test_the_flag_against_the_tick_rule(capture):
    trades = capture.market.trades
    move = np.sign(np.diff(trades["price"]))
    same = trades["side"].to_numpy()[1:] == move
    assert same[move != 0].mean() > 0.97
