"""Fills of one millisecond, in whatever order they come: each begins where another ended."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.hyperliquid import hyperliquid

ME, OTHER = "0x" + "a1" * 20, "0x" + "b2" * 20
T0 = 1_700_000_000_000


def fill(number, side, size, start, *, time=0, price="100.0", **more):
    """A record of `userFills`, `time` milliseconds after T0."""
    record = {"coin": "BTC", "px": price, "sz": str(size), "side": side, "time": T0 + time}
    record |= {"startPosition": str(start), "dir": "Open Long", "closedPnl": "0.0"}
    record |= {"hash": f"0x{number:064x}", "oid": 1000 + number, "crossed": False, "fee": "0.1"}
    return record | {"tid": number, "feeToken": "USDC", "twapId": None} | more


def write(path: Path, content) -> Path:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


def lines(path: Path, *records) -> Path:
    path.write_text("".join(f"{json.dumps(r)}\n" for r in records), encoding="utf-8")
    return path


@pytest.fixture
def load(tmp_path):
    """The function: records, options -> market."""

    def load(records, **options):
        return hyperliquid(write(tmp_path / "fills.json", records), **options)

    return load


def notes(market: mm.Market) -> str:
    return "\n".join(market.receipt.notes)


def reconciled(market: mm.Market) -> pd.DataFrame:
    return mm.reconcile(mm.ledger(market))


def by_coin(orders) -> list[dict]:
    """Every order of the same fills, each as a coin of its own."""
    return [record | {"coin": f"C{n}"} for n, records in enumerate(orders) for record in records]


def test_fills_of_one_millisecond_in_any_order(load):
    story = [fill(1, "B", 1, 0), fill(2, "B", 2, 1), fill(3, "A", 0.5, 3), fill(4, "B", 0.25, 2.5)]
    market = load(by_coin(itertools.permutations(story)))
    numbers = market.fills.groupby("symbol")["trade_id"].agg(list)
    assert len(numbers) == 24
    assert all(one == ["1", "2", "3", "4"] for one in numbers)
    assert reconciled(market).empty


def test_positions_that_are_passed_twice(load):
    """0, 1, 0, 1, 2: an order that leads through all of them, from where the day stood."""
    story = [
        fill(1, "B", 3, -3, time=-5),
        *(fill(2, "B", 1, 0), fill(3, "A", 1, 1), fill(4, "B", 1, 0), fill(5, "B", 1, 1)),
        fill(6, "A", 2, 2, time=5),
    ]
    generator = random.Random(1)
    market = load(by_coin(generator.sample(story, 6) for _ in range(40)))
    starts = market.fills.groupby("symbol")["start_position"].agg(list)
    assert len(starts) == 40
    assert all(one == [-3, 0, 1, 0, 1, 2] for one in starts)
    assert "200 of 200 fills begin where" in notes(market)
    assert reconciled(market).empty


def test_a_round_trip_begins_where_the_fill_before_ended(load):
    """1 to 0 and 0 to 1 link either way round; the fill before ended at 0."""
    story = [fill(1, "A", 1, 1), fill(2, "B", 1, 0), fill(3, "B", 2, -2, time=-5)]
    assert load(story).fills["trade_id"].tolist() == ["3", "2", "1"]


def test_a_round_trip_without_a_fill_before_it_is_told_by_the_one_after(load):
    """0, 1, 0 or 1, 0, 1: the next fill begins at 1, after another round trip."""
    first = [fill(1, "B", 1, 0), fill(2, "A", 1, 1)]
    second = [fill(3, "B", 1, 0, time=4), fill(4, "A", 1, 1, time=4)]
    market = load([*first, *second, fill(5, "B", 2, 1, time=9)])
    assert market.fills["trade_id"].tolist() == ["2", "1", "4", "3", "5"]
    assert market.positions["position"].tolist() == [1, 1, 1, 3]
    other = load([*first, *second, fill(5, "B", 2, 0, time=9)])
    assert other.fills["trade_id"].tolist() == ["1", "2", "3", "4", "5"]


def test_a_round_trip_after_a_lost_fill_is_told_by_the_one_after_it(load):
    story = [fill(1, "B", 1, 0), fill(3, "B", 1, 5, time=4), fill(4, "A", 1, 6, time=4)]
    assert load([*story, fill(5, "B", 1, 6, time=9)]).fills["trade_id"].tolist() == list("1435")
    assert load([*story, fill(5, "B", 1, 5, time=9)]).fills["trade_id"].tolist() == list("1345")


def test_what_does_not_link_stays_in_the_files_order(load):
    story = [fill(1, "B", 1, 0), fill(2, "B", 1, 7), fill(3, "B", 1, 20)]
    market = load(story)
    assert market.fills["trade_id"].tolist() == ["1", "2", "3"]
    assert "0 of 2 fills begin where" in notes(market)
    assert "2 fills do not" in notes(market)


def test_coins_and_accounts_of_one_millisecond_stay_apart(tmp_path):
    records = [
        [ME, fill(1, "B", 1, 1)],
        [OTHER, fill(2, "B", 1, 0, coin="ETH")],
        [ME, fill(3, "B", 1, 0)],
        [OTHER, fill(4, "A", 1, 1, coin="ETH")],
    ]
    fills = hyperliquid(lines(tmp_path / "node.jsonl", *records)).fills
    assert fills["trade_id"].tolist() == ["3", "2", "1", "4"]
    assert fills["account"].tolist() == [ME, OTHER, ME, OTHER]


def test_fills_that_do_not_say_their_position(load):
    """They keep their place, and nothing is reported by them."""
    story = [fill(1, "A", 1, 1), fill(2, "B", 1, 0), fill(3, "B", 1, "", time=5)]
    story += [fill(4, "A", 1, 2, time=9), fill(5, "B", 1, 1, time=9)]
    market = load(story)
    assert market.fills["trade_id"].tolist() == ["1", "2", "3", "4", "5"]
    assert "1 fills do not say their start position" in notes(market)
    assert market.positions["position"].tolist() == [1, 2, 2]
    assert reconciled(market).empty


def test_fractions_link_too(load):
    """0.1 + 0.2 is not 0.3 to a computer."""
    market = load([fill(1, "B", 0.2, 0.1), fill(2, "B", 1, 0.3, time=1)])
    assert "1 of 1 fills begin where" in notes(market)
    assert reconciled(market).empty


def test_any_fill_that_is_lost_is_found(tmp_path):
    """A random account, several fills a millisecond, shuffled; one of them is taken away."""
    generator = random.Random(5)
    held, story = {"BTC": 3, "ETH": -2}, []
    for number in range(1, 121):
        coin, side = generator.choice(["BTC", "ETH"]), generator.choice("BA")
        size = generator.randint(1, 4)
        more = {"coin": coin, "time": number // 3}
        story.append(fill(number, side, size, held[coin], **more))
        held[coin] += size if side == "B" else -size
    whole = hyperliquid(write(tmp_path / "whole.json", generator.sample(story, 120)))
    assert reconciled(whole).empty
    last = mm.ledger(whole).groupby("symbol")["position"].last()
    assert last.to_dict() == held
    for number in (10, 50, 90):
        gone = story[number]
        rest = [record for record in story if record is not gone]
        found = reconciled(hyperliquid(write(tmp_path / f"{number}.json", rest)))
        (row,) = found.to_dict("records")
        assert row["symbol"] == gone["coin"]
        assert row["missing"] == float(gone["sz"]) * {"B": 1, "A": -1}[gone["side"]]
        at = pd.Timestamp(gone["time"], unit="ms", tz="UTC")
        edge = pd.Timedelta(1, "ns")  # of a millisecond, others of its fills may say it
        assert row["after"] - edge <= at <= row["time"] + edge
