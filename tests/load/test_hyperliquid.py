"""Hyperliquid's files written out by hand: signs, order, fees, and what the account held."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import mmresearch as mm
from mmresearch.load.hyperliquid import hyperliquid

ME, OTHER = "0x" + "a1" * 20, "0x" + "b2" * 20
T0 = 1_700_000_000_000
NOTHING = "0x" + "0" * 64


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


# bought 2 to 5, sold 4, sold 3 more through zero, bought 2 back; newest first, as the API says it
STORY = [
    fill(4, "B", 2.0, -2.0, time=9000, fee="0.0"),
    fill(3, "A", 3.0, 1.0, time=5000, price="90.0", crossed=True),
    fill(2, "A", 4.0, 5.0, time=2000, price="110.0", fee="-0.2", crossed=False),
    fill(1, "B", 2.0, 3.0, time=1000, crossed=True),
]


def notes(market: mm.Market) -> str:
    return "\n".join(market.receipt.notes)


def reconciled(market: mm.Market) -> pd.DataFrame:
    return mm.reconcile(mm.ledger(market))


# --- fills ----------------------------------------------------------------------------------------


def test_fills_by_hand(load):
    market = load(STORY, account=ME)
    fills = market.fills
    assert fills["trade_id"].tolist() == ["1", "2", "3", "4"]
    assert fills["seq"].tolist() == [1, 2, 3, 4]
    assert fills["time"].iloc[0] == pd.Timestamp("2023-11-14 22:13:21", tz="UTC")
    assert fills["side"].tolist() == [1, -1, -1, 1]
    assert fills["size"].tolist() == [2, 4, 3, 2]
    assert fills["price"].tolist() == [100, 110, 90, 100]
    assert fills["fee"].tolist() == [0.1, -0.2, 0.1, 0]
    assert fills["maker"].tolist() == [False, True, False, True]
    assert set(fills["account"]) == {ME}
    assert fills["start_position"].tolist() == [3, 5, 1, -2]
    assert "transfers" not in market
    symbol = market.symbols.iloc[0]
    assert symbol[["symbol", "currency", "settlement"]].tolist() == ["BTC", "USDC", "USDC"]
    assert symbol["asset"] == "BTC-PERP"  # a contract, no token


def test_the_ledger_opens_where_the_first_fill_says(load):
    market = load(STORY)
    book = mm.ledger(market)
    assert book["opening_known"].all()
    assert mm.measure.ledger.opening_positions(market)["opening"].tolist() == [3]
    assert book.loc[book["kind"] == "fill", "position"].tolist() == [5, 1, -2, 0]
    assert book["fees"].iloc[-1] == pytest.approx(0)


def test_nothing_is_missing(load):
    market = load(STORY)
    assert len(market.positions) == 5  # before each fill, and after the last
    assert market.positions["position"].tolist() == [3, 5, 1, -2, 0]
    assert reconciled(market).empty
    assert "3 of 3 fills begin where the one before" in notes(market)


def test_a_missing_fill_is_located(load):
    """Without the sale of 4: between the purchase and the sale of 3, four units went."""
    (gap,) = reconciled(load([STORY[0], STORY[1], STORY[3]])).to_dict("records")
    assert gap["missing"] == -4
    instant = pd.Timestamp("2023-11-14 22:13:20", tz="UTC")
    before = pd.Timedelta(1, "ns")
    assert gap["after"] == instant + pd.Timedelta(seconds=1) - before
    assert gap["time"] == instant + pd.Timedelta(seconds=5) - before
    assert (gap["position"], gap["reported"]) == (5, 1)


def test_a_missing_last_fill_of_an_instant_is_found(load):
    """5 - 2 + 1: the purchase of 1 in the same millisecond as the sale is not there."""
    story = [fill(1, "A", 2, 5), fill(3, "B", 1, 4, time=10)]
    market = load(story)
    assert reconciled(market)["missing"].tolist() == [1]
    assert "1 fills do not, the first BTC of account" in notes(market)


# --- tokens ---------------------------------------------------------------------------------------


def token(number, side, size, start, **more):
    """A fill of a pair of tokens."""
    about = {"coin": "PURR/USDC", "dir": "Buy" if side == "B" else "Sell", "fee": "0.0"}
    return fill(number, side, size, start, **(about | {"feeToken": "PURR"} | more))


SPOT = [
    token(1, "B", 10, 0, fee="0.01"),  # 9.99 after its fee
    token(2, "B", 5, 9.99, time=10, fee="0.005"),
    token(3, "A", 14.985, 14.985, time=20, fee="0.7", feeToken="USDC"),
]


def test_a_buyer_of_tokens_pays_in_them(load):
    market = load(SPOT)
    assert market.fills["fee"].tolist() == [0, 0, 0.7]
    assert market.fills["fee_amount"].tolist() == [0.01, 0.005, 0.7]
    assert market.transfers["asset"].tolist() == ["PURR", "PURR"]
    assert market.transfers["amount"].tolist() == [-0.01, -0.005]
    assert market.transfers["tx"].tolist() == ["1", "2"]
    assert market.symbols.iloc[0][["asset", "currency"]].tolist() == ["PURR", "USDC"]
    book = mm.ledger(market)
    assert book.loc[book["kind"] == "fill", "position"].tolist() == pytest.approx([9.99, 14.985, 0])
    assert reconciled(market).empty
    assert "2 of 2 fills begin where" in notes(market)


def test_a_missing_purchase_of_tokens_is_located(load):
    assert reconciled(load([SPOT[0], SPOT[2]]))["missing"].tolist() == pytest.approx([4.995])


def move(delta, *, time=0, hash=NOTHING):
    return {"time": T0 + time, "hash": hash, "delta": delta}


def test_tokens_that_came_in_and_went_out_beside(tmp_path):
    """Held 1, got 2; bought 10 less 0.01; sent 3 and a fee of 1 dollar; sold the rest."""
    come = {"type": "spotTransfer", "token": "PURR", "amount": "2", "usdcValue": "9"}
    come |= {"user": OTHER, "destination": ME, "fee": "0.0", "nativeTokenFee": "0.0"}
    gone = come | {"amount": "3", "user": ME, "destination": OTHER, "fee": "1.0"}
    fills = [token(1, "B", 10, 3, time=10, fee="0.01"), token(2, "A", 9.99, 9.99, time=30)]
    files = [
        write(tmp_path / "fills.json", fills),
        write(tmp_path / "moves.json", [move(gone | {"feeToken": ""}, time=20), move(come)]),
    ]
    market = hyperliquid(*files, account=ME)
    moved = market.transfers
    assert moved["asset"].tolist() == ["PURR", "PURR", "PURR", "USDC"]
    assert moved["amount"].tolist() == [2, -0.01, -3, -1]
    assert moved["counterparty"].tolist() == [OTHER, "fee", OTHER, "fee"]
    assert mm.measure.ledger.opening_positions(market)["opening"].tolist() == [1]
    assert reconciled(market).empty
    without = hyperliquid(files[0], account=ME)
    assert reconciled(without)["missing"].tolist() == pytest.approx([-3])


def test_pairs_known_by_number(load):
    story = [
        token(1, "B", 10, 0, coin="@107", fee="0.01", feeToken="HYPE"),
        token(2, "A", 1, 9.99, time=5, coin="@107", fee="0.7", feeToken="USDC"),
    ]
    about = ["symbol", "asset", "currency"]
    market = load(story)
    assert market.symbols.iloc[0][about].tolist() == ["@107", "HYPE", "USDC"]
    assert "@107 is HYPE in USDC, by its fees" in notes(market)
    named = load(story, names={"@107": "HYPE/USDC"})
    assert named.symbols.iloc[0][about].tolist() == ["HYPE/USDC", "HYPE", "USDC"]
    assert set(named.fills["symbol"]) == set(named.positions["symbol"]) == {"HYPE/USDC"}
    assert reconciled(named).empty
    silent = load([token(1, "B", 1, 0, coin="@9", fee="0.0", feeToken="USDC")])
    assert silent.symbols.iloc[0]["asset"] == "@9"
    assert "@9 is a token that is not named" in notes(silent)


def test_a_perpetual_is_not_its_token(tmp_path):
    """Tokens that are sent do not change the position in contracts."""
    sent = {"type": "spotTransfer", "token": "HYPE", "amount": "2", "user": ME, "fee": "0"}
    files = [
        write(tmp_path / "a.json", [fill(1, "B", 1, 0, coin="HYPE", time=9)]),
        write(tmp_path / "b.json", [move(sent | {"destination": OTHER}, time=20)]),
    ]
    market = hyperliquid(*files, account=ME)
    assert market.transfers["asset"].tolist() == ["HYPE token"]
    held = mm.ledger(market).groupby("symbol")["position"].last()
    assert held.to_dict() == {"HYPE": 1, "HYPE token": -2}
    assert reconciled(hyperliquid(*files, account=ME)).empty


def test_two_pairs_of_one_token_have_no_positions(load):
    other = token(2, "A", 1, 10, time=5, coin="PURR/USDT0")
    market = load([token(1, "B", 10, 0), other, fill(3, "B", 1, 0)])
    assert set(market.positions["symbol"]) == {"BTC"}
    assert "PURR/USDC, PURR/USDT0 hold a token together" in notes(market)


def test_settled_outcomes_go_for_nothing(load):
    story = [
        fill(1, "B", 10, 0, coin="#12", price="0.4", fee="0.0", dir="Buy"),
        fill(2, "A", 10, 10, time=5, coin="#12", price="0.0", fee="0.0", dir="Settlement"),
    ]
    market = load(story)
    assert market.fills["trade_id"].tolist() == ["1"]
    (moved,) = market.transfers.to_dict("records")
    assert (moved["asset"], moved["amount"], moved["kind"]) == ("#12", -10, "Settlement")
    assert reconciled(market).empty
    assert market.receipt.rows_kept == 2


def test_dust_vaults_and_liquidations_are_kept_and_counted(load):
    nature = {"hash": NOTHING, "tid": 0, "crossed": True, "fee": "0.0"}
    forced = {"liquidatedUser": ME, "markPx": "99", "method": "market"}
    story = [
        token(1, "A", 0.5, 0.5, feeToken="USDC") | nature | {"dir": "Spot Dust Conversion"},
        token(2, "A", 0.5, 0.5, time=86_400_000, feeToken="USDC")
        | nature
        | {"dir": "Spot Dust Conversion"},
        fill(3, "A", 1, 5, dir="Net Child Vaults"),
        fill(4, "A", 4, 4, time=1, dir="Liquidated Cross Long", liquidation=forced),
    ]
    market = load(story)
    assert len(market.fills) == 4  # the number 0 is none
    assert "2 Spot Dust Conversion, 1" in notes(market)
    assert json.loads(market.fills["liquidation"].dropna().iloc[0]) == forced


def test_other_dollars(load):
    """A builder's perpetuals may settle in another coin: what their fees are in."""
    market = load([fill(1, "B", 1, 0, coin="abc:XYZ", feeToken="USDH")])
    assert market.symbols.iloc[0][["asset", "currency"]].tolist() == ["abc:XYZ-PERP", "USDH"]
    assert market.fills["fee"].tolist() == [0.1]


# --- pages ----------------------------------------------------------------------------------------


def test_pages_that_overlap_and_cut_a_millisecond(tmp_path):
    story = [fill(i, "B", 1, i, time=i // 3) for i in range(9)]
    whole = hyperliquid(write(tmp_path / "whole.json", story))
    pages = [write(tmp_path / "p1.json", story[:5]), write(tmp_path / "p2.json", story[4:][::-1])]
    for given in (pages, pages[::-1]):
        market = hyperliquid(*given)
        assert market.fills["trade_id"].tolist() == [str(i) for i in range(9)]
        pd.testing.assert_frame_equal(market.positions, whole.positions)
        assert reconciled(market).empty
        assert market.receipt.reasons.to_dict() == {"duplicate": 1}
        assert (market.receipt.rows_read, market.receipt.rows_kept) == (10, 9)


def test_the_same_market_from_any_order_of_files(tmp_path):
    story = [fill(i, "B", 1, i, time=i) for i in range(6)]
    files = [write(tmp_path / f"{n}.json", story[n::3]) for n in range(3)]
    hashes = {hyperliquid(*given).data_hash for given in itertools.permutations(files)}
    assert len(hashes) == 1


def test_folders_and_packed_files(tmp_path):
    for n in range(2):
        records = "".join(json.dumps(fill(i, "B", 1, i, time=i)) + "\n" for i in (2 * n, 2 * n + 1))
        with pa.output_stream(tmp_path / f"{n}.lz4", compression="lz4") as stream:
            stream.write(records.encode())
    market = hyperliquid(tmp_path, name="mine")
    assert market.fills["trade_id"].tolist() == ["0", "1", "2", "3"]
    assert market.receipt.files["file"].tolist() == ["0.lz4", "1.lz4"]
    assert market.name == "mine"


def test_a_page_without_rows(tmp_path):
    files = write(tmp_path / "a.json", STORY), *(write(tmp_path / f"{n}.json", []) for n in "bc")
    assert len(hyperliquid(*files).fills) == 4
    with pytest.raises(mm.SourceError, match="no fill and no transfer"):
        hyperliquid(files[1])


def test_saved_and_opened_again(tmp_path, load):
    market = load(SPOT)
    market.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    for name in market:
        pd.testing.assert_frame_equal(again[name], market[name])
