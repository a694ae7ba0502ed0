"""An account's recorded fills on Hyperliquid: what the standard library reads in them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

import mmresearch as mm
from mmresearch.load.hyperliquid import hyperliquid

FILE = "http_user_fills_dust_conversion.json"


@pytest.fixture(scope="module")
def path(realdata):
    found = realdata / "hyperliquid" / FILE
    if not found.is_file():
        pytest.skip("needs the real file in hyperliquid")
    return found


@pytest.fixture(scope="module")
def records(path):
    return sorted(json.loads(path.read_text()), key=lambda record: record["time"])


@pytest.fixture(scope="module")
def market(path):
    return hyperliquid(path)


def test_every_record_is_a_fill(market, records):
    fills = market.fills
    assert len(fills) == market.receipt.rows_kept == len(records) == 5
    assert (fills["time"].astype("int64") // 10**6).tolist() == [r["time"] for r in records]
    assert fills["side"].tolist() == [{"B": 1, "A": -1}[r["side"]] for r in records]
    assert fills["maker"].tolist() == [not r["crossed"] for r in records]
    for ours, theirs in (("price", "px"), ("size", "sz"), ("start_position", "startPosition")):
        assert fills[ours].tolist() == [float(r[theirs]) for r in records]


def test_positions_after_every_fill(market, records):
    """Start position + signed size, less a fee that was paid in the token, to the last digit."""
    book = mm.ledger(market)
    held = book[book["kind"] == "fill"].set_index("symbol")["position"]
    for r in records:
        token = Decimal(r["fee"]) if r["feeToken"] not in ("USDC",) else Decimal(0)
        signed = {"B": 1, "A": -1}[r["side"]] * Decimal(r["sz"])
        assert held[r["coin"]] == pytest.approx(float(Decimal(r["startPosition"]) + signed - token))
    assert mm.reconcile(book).empty
    assert book["opening_known"].all()


def test_the_buyer_of_a_token_paid_in_it(market, records):
    (bought,) = [r for r in records if r["feeToken"] != "USDC"]
    (moved,) = market.transfers.to_dict("records")
    assert (moved["asset"], moved["amount"]) == ("USOL", -float(bought["fee"]))
    symbol = market.symbols.set_index("symbol").loc[bought["coin"]]
    assert symbol["asset"] == "USOL"


def test_unusual_fills_are_kept_and_counted(market):
    notes = str(market.receipt)
    assert "1 Spot Dust Conversion" in notes
    assert "1 Net Child Vaults" in notes
    dust = market.fills[market.fills["direction"] == "Spot Dust Conversion"].iloc[0]
    assert dust["trade_id"] == "0"
    assert dust["start_position"] == dust["size"]  # all of it, so that nothing is left
