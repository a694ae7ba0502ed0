"""Book summaries of a few options, worked out by hand, and documents that are none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.options import options

TIME = 1_725_000_000_123  # 2024-08-30 06:40:00.123 UTC


def option(name="BTC-27SEP24-60000-C", **given):
    return {
        "instrument_name": name,
        "creation_timestamp": TIME,
        "open_interest": 100.5,
        "mark_iv": 55.25,
        "underlying_price": 59_000.5,
        "underlying_index": "BTC-27SEP24",
        "interest_rate": 0,
        "bid_price": 0.05,
        "ask_price": 0.06,
        "mark_price": 0.055,
        "last": None,
        "volume": 12.5,
        "base_currency": "BTC",
    } | given


FUTURE = {"instrument_name": "BTC-PERPETUAL", "open_interest": 1e8, "creation_timestamp": TIME}
RECORDS = [
    option(),
    FUTURE,
    option(
        "BTC-6SEP24-55000-P",
        mark_iv=0.0,
        bid_price=None,
        underlying_index="SYN.BTC-6SEP24",
        creation_timestamp=TIME - 1,
    ),
    option("XRP_USDC-30JUN25-0d625-C", underlying_index="index_price", underlying_price=0.58),
]


def write(path: Path, document) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def answer(records) -> dict:
    return {"jsonrpc": "2.0", "result": records, "usIn": 1, "usOut": 2, "testnet": False}


def faults(*files) -> list:
    with pytest.raises(mm.SourceError) as caught:
        options(*files)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


@pytest.fixture
def market(tmp_path):
    return options(write(tmp_path / "btc.json", answer(RECORDS)))


def test_calls_and_puts_in_the_order_of_time(market):
    chain = market.chain
    assert chain["option"].tolist() == [
        "BTC-6SEP24-55000-P",
        "BTC-27SEP24-60000-C",
        "XRP_USDC-30JUN25-0d625-C",
    ]
    assert chain["right"].tolist() == ["put", "call", "call"]
    assert chain["strike"].tolist() == [55_000, 60_000, 0.625]
    assert chain["symbol"].tolist() == ["BTC", "BTC", "XRP_USDC"]
    assert chain["open_interest"].tolist() == [100.5] * 3
    assert chain["spot"].tolist() == [59_000.5, 59_000.5, 0.58]
    assert set(chain["multiplier"]) == {1.0}


def test_percent_become_parts_of_one_and_0_is_none(market):
    volatility = market.chain["implied_vol"].tolist()
    assert np.isnan(volatility[0])
    assert volatility[1:] == [0.5525, 0.5525]
    assert any("no implied volatility for 1 of them" in note for note in market.receipt.notes)


def test_prices_in_the_coin_or_the_currency(market):
    chain = market.chain
    assert chain["price_currency"].tolist() == ["BTC", "BTC", "USDC"]
    assert chain["ask"].tolist() == [0.06] * 3
    assert chain["mark"].tolist() == [0.055] * 3
    assert chain["bid"].isna().tolist() == [True, False, False]
    assert chain["last"].isna().all()
    assert chain["volume"].tolist() == [12.5] * 3
    assert chain["interest_rate"].tolist() == [0] * 3
    assert chain["underlying_index"].tolist() == ["SYN.BTC-6SEP24", "BTC-27SEP24", "index_price"]


def test_times_to_the_millisecond_and_expiries_at_8(market):
    chain = market.chain
    times = ["2024-08-30 06:40:00.122", *2 * ["2024-08-30 06:40:00.123"]]
    assert chain["time"].tolist() == [pd.Timestamp(t, tz="UTC") for t in times]
    ends = ["2024-09-06 08:00", "2024-09-27 08:00", "2025-06-30 08:00"]
    assert chain["expiry"].tolist() == [pd.Timestamp(t, tz="UTC") for t in ends]


def test_what_is_no_option_is_set_aside(market):
    receipt = market.receipt
    assert receipt.reasons.to_dict() == {"not an option": 1}
    assert (receipt.rows_read, receipt.rows_kept) == (4, 3)
    assert json.loads(receipt.set_aside["text"].iloc[0]) == FUTURE
    assert receipt.set_aside["line"].tolist() == [1]


def test_symbols_and_a_market_saved_and_opened(market, tmp_path):
    about = market.symbols.set_index("symbol")
    assert about.loc["BTC", ["asset", "currency", "calendar"]].tolist() == ["BTC", "USD", "24/7"]
    assert about.loc["XRP_USDC", ["asset", "currency"]].tolist() == ["XRP", "USDC"]
    market.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    pd.testing.assert_frame_equal(again.chain, market.chain)
    assert again.receipt.set_aside["text"].tolist() == [json.dumps(FUTURE)]


@pytest.mark.parametrize("form", ["list", "lines", "lines of records", "gz"])
def test_other_forms(tmp_path, market, form):
    path = tmp_path / "again.json"
    if form == "list":
        write(path, RECORDS)
    elif form == "lines":
        halves = [answer(RECORDS[:2]), answer(RECORDS[2:])]
        path.write_text("".join(json.dumps(half) + "\n" for half in halves))
    elif form == "lines of records":
        path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    else:
        path = tmp_path / "again.json.gz"
        path.write_bytes(gzip.compress(json.dumps(RECORDS, indent=1).encode()))
    again = options(path)
    pd.testing.assert_frame_equal(again.chain, market.chain)
    assert again.receipt.rows_read == 4


def test_without_volatility_and_index(tmp_path):
    record = {k: v for k, v in option().items() if k not in ("mark_iv", "underlying_index", "last")}
    chain = options(write(tmp_path / "a.json", [record])).chain
    assert chain["implied_vol"].isna().all()
    assert chain["spot"].tolist() == [59_000.5]


def test_several_answers_together(tmp_path):
    later = [r | {"creation_timestamp": TIME + 60_000} for r in RECORDS]
    one, other = write(tmp_path / "a.json", RECORDS), write(tmp_path / "b.json", later)
    market = options(tmp_path)
    apart = pd.concat([options(one).chain, options(other).chain], ignore_index=True)
    pd.testing.assert_frame_equal(market.chain, apart)
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (8, 6)


def test_repeated_records_are_set_aside_and_contradictions_refused(tmp_path):
    market = options(write(tmp_path / "a.json", [*RECORDS, option()]))
    assert market.receipt.reasons.to_dict() == {"not an option": 1, "duplicate": 1}
    assert len(market.chain) == 3
    (fault,) = faults(write(tmp_path / "b.json", [*RECORDS, option(open_interest=1.0)]))
    assert "record 5, BTC-27SEP24-60000-C: again, with other values" in fault.found


RECORD_FAULTS = {
    "text": (option(open_interest="many"), "open_interest 'many'", "a number"),
    "true": (option(mark_iv=True), "mark_iv True", "a number"),
    "no time": (option(creation_timestamp=None), "creation_timestamp None", "milliseconds"),
    "a fraction": (option(creation_timestamp=1.5e12), "creation_timestamp 1500", "milliseconds"),
    "seconds": (option(creation_timestamp=TIME // 1000), "time 1.725e+09", "milliseconds"),
    "microseconds": (option(creation_timestamp=TIME * 1000), "time 1.725e+15", "milliseconds"),
    "of no size": (option(creation_timestamp=10**30), "creation_timestamp 1000", "milliseconds"),
    "beyond numbers": (option(open_interest=10**400), "open_interest 1000", "a number"),
    "infinite": (option(open_interest=float("inf")), "open_interest inf", "a number"),
    "an index": (option(underlying_index=5), "underlying_index 5", "text"),
    "negative": (option(open_interest=-1), "open_interest -1", "0 or more"),
    "no price": (option(underlying_price=0), "underlying_price 0", "a price above 0"),
    "no strike": (option("BTC-27SEP24-sixty-C"), "no name of an option", "BTC-27SEP24-60000-C"),
    "no such day": (option("BTC-31SEP24-60000-C"), "no name of an option", "BTC-27SEP24-60000-C"),
    "no such month": (option("BTC-27XYZ24-60000-C"), "no name of an option", "BTC-27SEP24"),
    "strike 0": (option("BTC-27SEP24-0-P"), "strike 0", "above 0"),
}


@pytest.mark.parametrize("case", RECORD_FAULTS)
def test_a_bad_record(tmp_path, case):
    bad, found, expected = RECORD_FAULTS[case]
    path = tmp_path / "a.json"
    path.write_text(
        "\n".join(json.dumps([record]).replace("Infinity", "1e999") for record in [RECORDS[2], bad])
    )
    (fault,) = faults(path)
    assert (fault.file, fault.line) == ("a.json", 2)
    assert bad["instrument_name"] in fault.found
    assert found in fault.found
    assert expected in fault.expected


def test_records_that_lack_a_field(tmp_path):
    bare = [{"instrument_name": f"BTC-1JAN25-{n}-C", "creation_timestamp": TIME} for n in (1, 2)]
    found = faults(write(tmp_path / "a.json", [option(), *bare]))
    assert [f.found for f in found] == [
        "record 2, BTC-1JAN25-1-C: no open_interest (2 records)",
        "record 2, BTC-1JAN25-1-C: no underlying_price (2 records)",
    ]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"jsonrpc": "2.0", "error": {"code": 10028}}, "error"),
        ([{"price": 1}], "price"),
        ([1, 2], "[1, 2]"),
        ({"result": []}, "no record"),
        ([FUTURE], "no option"),
    ],
)
def test_documents_of_another_kind(tmp_path, document, found):
    (fault,) = faults(write(tmp_path / "a.json", document))
    assert found in fault.found
    assert "Deribit's book summaries" in fault.expected


def test_truncated_and_missing_files(tmp_path):
    good = write(tmp_path / "a.json", RECORDS)
    cut = tmp_path / "b.json"
    cut.write_bytes(good.read_bytes()[:-20])
    nan = tmp_path / "c.json"
    nan.write_text(json.dumps([option(mark_iv=float("nan"))]))
    found = faults(good, cut, nan, tmp_path / "d.json")
    assert [Path(f.file).name for f in found] == ["b.json", "c.json", "d.json"]
    assert all("not JSON" in f.found for f in found[:2])
