"""Records of an account, page by page."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

# --- records of an account, page by page ----------------------------------------------------------

ADDRESS = "0x" + "aB" * 20


def pages(records: list[dict], most: int) -> Callable:
    """What the exchange answers: the records from a time on, at most so many."""

    def answer(body):
        last = body.get("endTime", 2**62)
        wanted = [r for r in records if body["startTime"] <= r["time"] <= last]
        return wanted[:most]

    return answer


def test_fills_of_all_pages_each_once(server, get):
    # three fills stand in the millisecond in which the first page ends
    times = [1, 2, 3, 3, 3, 4, 5, 5]
    records = [{"time": t, "tid": i, "px": "1.50"} for i, t in enumerate(times)]
    server.posts = pages(records, 4)
    (path,) = get("hyperliquid-fills", ADDRESS)
    assert path.name == f"hyperliquid_fills_{ADDRESS}.json"
    assert json.loads(path.read_text()) == records
    assert server.bodies[0] == {"type": "userFillsByTime", "user": ADDRESS, "startTime": 0}
    assert [body["startTime"] for body in server.bodies] == [0, 3, 4, 5]


@pytest.mark.parametrize(
    ("source", "kind"),
    [("hyperliquid-funding", "userFunding"), ("hyperliquid-ledger", "userNonFundingLedgerUpdates")],
)
def test_records_of_a_time(server, get, source, kind):
    day = 1722470400000  # 2024-08-01 00:00 UTC
    inside = [{"time": day, "hash": "a"}, {"time": day + 2 * 86_400_000 - 1, "hash": "b"}]
    outside = [{"time": day - 1, "hash": "c"}, {"time": day + 2 * 86_400_000, "hash": "d"}]
    server.posts = pages(sorted(inside + outside, key=lambda r: r["time"]), 500)
    (path,) = get(source, ADDRESS, "2024-08-01", "2024-08-02")
    assert json.loads(path.read_text()) == inside
    assert server.bodies[0]["type"] == kind
    assert path.stem.endswith("_2024-08-01_2024-08-02")


def test_a_millisecond_that_holds_more_than_a_page(server, faults, left):
    records = [{"time": 7, "tid": i} for i in range(2500)]
    server.posts = pages(records, 2000)
    (fault,) = faults("hyperliquid-fills", ADDRESS)
    assert fault.found == "2,000 records of the millisecond 7, a full page"
    assert left() == []


def test_fills_that_the_server_no_longer_keeps_are_spoken_of(server, get, capsys):
    records = [{"time": i, "tid": i} for i in range(10_000)]
    server.posts = pages(records, 2000)
    (path,) = get("hyperliquid-fills", ADDRESS)
    assert len(json.loads(path.read_text())) == 10_000
    assert "keeps the latest 10,000 records" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [{"error": "x"}, [1], [{"tid": 1}], None])
def test_an_answer_that_is_no_list_of_records(server, answer, faults, left):
    server.posts = lambda body: answer
    (fault,) = faults("hyperliquid-fills", ADDRESS)
    assert fault.expected == "a list of records with their time"
    assert left() == []


def test_an_account_without_fills(server, get):
    server.posts = lambda body: []
    (path,) = get("hyperliquid-fills", ADDRESS)
    assert path.read_text() == "[]\n"
