"""Files that are no pool's: one error each, naming file, line, finding and expectation."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.load.uniswap import uniswap

HEADER = (
    "timestamp,netAmount0,netAmount1,closeTick,openTick,lowestTick,highestTick,"
    "inAmount0,inAmount1,currentLiquidity"
)
POOL = "0x45dda9cb7c25131df268515131f647d726f50608"
NAME = f"polygon-{POOL}-2023-08-13.minute.csv"
SWAPS = "contract_address,evt_tx_hash,evt_index,evt_block_time,amount0,amount1,sqrtPriceX96,tick"
MOVES = "contract_address,evt_tx_hash,evt_index,evt_block_time,amount,amount0,amount1,tickLower"
OTHER = {"token0": "DAI", "token1": "WBTC", "decimals0": 18, "decimals1": 8, "fee": 0.003}


def minute(n=0, net0="-3690000000", net1="2000000000000000000", close=201101, came0="0", **more):
    cells = {"at": f"2023-08-13 00:{n:02d}:00", "open": close, "low": close, "high": close}
    cells |= {"came1": "2000000000000000000", "liquidity": "7000"} | more
    ticks = f"{close},{cells['open']},{cells['low']},{cells['high']}"
    return f"{cells['at']},{net0},{net1},{ticks},{came0},{cells['came1']},{cells['liquidity']}"


def swap(n=0, amount0="-3690000000", amount1="2000000000000000000", root="", tick="201101", **more):
    pool, at = more.get("pool", POOL), more.get("at", "2023-08-13 12:00:00")
    return f"{pool},{more.get('tx', '0x1')},{n},{at},{amount0},{amount1},{root},{tick}"


GOOD = [minute(n) for n in range(4)]
SWAPPED = [swap(n) for n in range(4)]


def write(folder: Path, rows: list[str], header: str = HEADER, name: str = NAME) -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in [header, *rows]), encoding="utf-8")
    return path


def faults(*files: Path, **options) -> list:
    with pytest.raises(mm.SourceError) as caught:
        uniswap(*files, **options)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


def test_the_files_of_these_tests_are_good(tmp_path):
    assert len(uniswap(write(tmp_path, GOOD)).fills) == 4
    assert len(uniswap(write(tmp_path, SWAPPED, SWAPS, "s.csv")).fills) == 4


MINUTES = {
    "text": (minute(1, net0="many"), "netAmount0 'many'", "a whole number"),
    "a fraction": (minute(1, net1="1.5"), "netAmount1 '1.5'", "a whole number"),
    "a rounded amount": (minute(1, came1="2e18"), "inAmount1 '2e18'", "a whole number"),
    "nothing": (minute(1, came0=""), "inAmount0 nothing", "a whole number"),
    "not a number": (minute(1, net0="nan"), "netAmount0 'nan'", "a whole number"),
    "a negative inflow": (minute(1, came0="-1"), "inAmount0 '-1'", "a whole number"),
    "more net than came in": (minute(1, net0="5"), "netAmount0 5", "at most inAmount0"),
    "a tick in words": (minute(1, close="high"), "closeTick 'high'", "a whole number"),
    "a fraction of a tick": (minute(1, close="1.5"), "closeTick '1.5'", "a whole number"),
    "a tick too far": (minute(1, close=900_000), "closeTick 900000", "at most 887,272"),
    "a range upside down": (minute(1, low=201102), "lowestTick 201102", "at most highestTick"),
    "negative liquidity": (minute(1, liquidity="-7"), "currentLiquidity '-7'", "a whole number"),
    "no time": (minute(1, at=""), "timestamp nothing", "the block's time"),
    "text for a time": (minute(1, at="noon"), "time noon", "ISO 8601"),
    "a time inside a minute": (
        minute(1, at="2023-08-13 00:01:30"),
        "timestamp 2023",
        "a whole minute",
    ),
    "seconds among dates": (minute(1, at="1691884860"), "time 1691884860", "as in the other rows"),
    "too few columns": ("2023-08-13 00:01:00,1", "2 columns", "10 columns"),
    "an empty line": ("", "an empty line", "10 columns"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", MINUTES)
def test_a_bad_minute(tmp_path, case):
    bad, found, expected = MINUTES[case]
    first = faults(write(tmp_path, [GOOD[0], bad, *GOOD[2:]]))[0]
    assert (first.file, first.line) == (NAME, 3)
    assert found in first.found
    assert expected in first.expected


EVENTS = {
    "text": (swap(1, amount0="many"), "amount0 'many'", "a whole number"),
    "units": (swap(1, amount1="2.0"), "amount1 '2.0'", "in the token's smallest unit"),
    "one sign": (swap(1, amount0="3690000000"), "amount1 2000", "one token into the pool"),
    "no price": (swap(1, tick=""), "tick nothing", "sqrtPriceX96 or tick"),
    "a price of 0": (swap(1, root="0"), "sqrtPriceX96 0", "a square root that a pool can have"),
    "a price too high": (swap(1, root="9" * 70), "sqrtPriceX96 999", "that a pool can have"),
    "an endless amount": (swap(1, amount0="-" + "9" * 400), "amount0 '-999", "a whole number"),
    "an endless log index": (swap("9" * 40), "evt_index '999", "a whole number"),
    "a tick too far": (swap(1, tick="-900000"), "tick -900000", "at most 887,272"),
    "no transaction": (swap(1, tx=""), "evt_tx_hash nothing", "hash"),
    "milliseconds": (swap(1, at="1691884860000"), "time 1691884860000", "as in the other rows"),
    "a pool that is none": (swap(1, pool="0x1"), "contract_address '0x1'", "40 hexadecimal"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", EVENTS)
def test_a_bad_event(tmp_path, case):
    bad, found, expected = EVENTS[case]
    path = write(tmp_path, [SWAPPED[0], bad, *SWAPPED[2:]], SWAPS, "s.csv")
    first = faults(path)[0]
    assert (first.file, first.line) == ("s.csv", 3)
    assert found in first.found
    assert expected in first.expected


@pytest.mark.bad_input("a cell that breaks its column's rule")
def test_a_negative_mint(tmp_path):
    rows = [f"{POOL},0x1,1,2023-08-13 12:00:00,5,-4,2,199000"]
    (fault,) = faults(write(tmp_path, rows, MOVES, "mint.csv"))
    assert (fault.line, fault.found) == (2, "amount0 -4")
    assert "the event says its direction" in fault.expected


HEADERS = {
    "another source": ("time,type,order_id,size,price,direction", "a header without"),
    "a Uniswap v2 swap": ("evt_tx_hash,evt_block_time,amount0In,amount1Out", "a header without"),
    "no net amount": (HEADER.replace("netAmount0,", ""), "a header without netAmount0"),
    "two columns": (HEADER + ",NetAmount0", "two columns NetAmount0"),
}


@pytest.mark.bad_input("a header of no known layout")
@pytest.mark.parametrize("case", HEADERS)
def test_a_header_of_no_layout(tmp_path, case):
    header, found = HEADERS[case]
    path = write(tmp_path, [",".join("1" for _ in header.split(","))], header)
    (fault,) = faults(path)
    assert fault.line == 1
    assert found in fault.found
    if "two" not in case:
        assert "netAmount0" in fault.expected
        assert "sqrtPriceX96 or tick" in fault.expected


@pytest.mark.bad_input("a pool of which nothing is known")
def test_a_pool_of_which_nothing_is_known(tmp_path):
    path = write(tmp_path, GOOD, name=NAME.replace("45dda", "00000"))
    (fault,) = faults(path)
    assert fault.found.endswith("of which nothing is known")
    assert "token0='USDC', token1='WETH', decimals0=6, decimals1=18, fee=0.0005" in fault.expected
    (fault,) = faults(path, token0="A", token1="B", decimals0=6, decimals1=18)
    assert fault.expected == "of this pool fee=0.0005 (the share, of 0.05 %)"
    path = write(tmp_path, GOOD, name="flows.csv")
    assert "pool unnamed" in faults(path)[0].found


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"fee": 500}, "fee 500"),
        ({"fee": 0.05}, "fee 0.05"),
        ({"fee": -0.001}, "fee -0.001"),
        ({"decimals0": -1}, "decimals -1 and 18"),
        ({"decimals1": 1.5}, "decimals 6 and 1.5"),
        ({"base": "DAI"}, "base DAI"),
        ({"token0": "WETH"}, "two tokens WETH"),
    ],
)
def test_what_cannot_be_said_of_a_pool(tmp_path, options, found):
    (fault,) = faults(write(tmp_path, GOOD), **options)
    assert (fault.file, fault.found) == ("the pool", found)


@pytest.mark.bad_input("a table whose event is not told")
def test_an_event_that_there_is_not(tmp_path):
    with pytest.raises(ValueError, match="no event 'flash'; give one of swap, mint"):
        uniswap(write(tmp_path, GOOD), event="flash")


@pytest.mark.bad_input("two pools in one study")
def test_two_pools(tmp_path):
    rows = [*SWAPPED, swap(9, pool="0x" + "ab" * 20)]
    (fault,) = faults(write(tmp_path, rows, SWAPS, "s.csv"))
    assert fault.found.startswith(f"2 pools: {POOL}, 0xabab")
    other = write(tmp_path, GOOD, name=NAME.replace("45dda", "00000"))
    (fault,) = faults(write(tmp_path, [minute(9)]), other)
    assert "2 pools" in fault.found


@pytest.mark.bad_input("two records of the same time")
def test_minutes_beside_events(tmp_path):
    one, two = write(tmp_path, GOOD), write(tmp_path, SWAPPED, SWAPS, "s.csv")
    (fault,) = faults(one, two)
    assert (fault.file, fault.found) == (
        "s.csv",
        "events beside minute flows: a swap would count twice",
    )


@pytest.mark.bad_input("a file of another version")
def test_files_of_version_4(tmp_path):
    (fault,) = faults(write(tmp_path, [row + ",500" for row in GOOD], HEADER + ",fee_rate"))
    assert "Uniswap v4" in fault.found
    (fault,) = faults(write(tmp_path, [row + ",500" for row in SWAPPED], SWAPS + ",fee", "s.csv"))
    assert "v4 counts amounts from the trader's side" in fault.expected


def turned(amount: str) -> str:
    return amount[1:] if amount.startswith("-") else f"-{amount}"


@pytest.mark.bad_input("signs of the other side")
def test_signs_of_the_trader(tmp_path):
    """token1 comes in and the tick rises: here it falls."""
    rows = [minute(n, close=201101 - n) for n in range(7)]
    (fault,) = faults(write(tmp_path, rows))
    assert "a price that moved against the amounts 6 of 6 times" in fault.found
    rows = [
        swap(n, turned("-3690000000"), turned("2000000000000000000"), tick=201101 + n)
        for n in range(7)
    ]
    (fault,) = faults(write(tmp_path, rows, SWAPS, "s.csv"))
    assert fault.expected == "amounts of the pool: + came in, - went out"


@pytest.mark.bad_input("token decimals that do not fit")
def test_amounts_that_do_not_fit_the_price(tmp_path):
    rows = [swap(n, "-3690000000000", "2000000000000000000") for n in range(3)]
    (fault,) = faults(write(tmp_path, rows, SWAPS, "s.csv"))
    assert "amounts at 0.001" in fault.found
    rows = [swap(n, "2000000000000000000", "-3690000000") for n in range(3)]  # tokens swapped
    assert "times the pool's price" in faults(write(tmp_path, rows, SWAPS, "s.csv"))[0].found


@pytest.mark.bad_input("one number with two contents")
def test_one_minute_and_one_event_with_two_contents(tmp_path):
    (fault,) = faults(write(tmp_path, [*GOOD, minute(2, net0="-1")]))
    assert (fault.line, fault.found) == (6, "minute 2023-08-13 00:02 again with other content")
    (fault,) = faults(write(tmp_path, [*SWAPPED, swap(2, amount0="-3690000001")], SWAPS, "s.csv"))
    assert (fault.line, fault.expected) == (6, "one content an event")


@pytest.mark.bad_input("a table whose event is not told")
def test_a_table_whose_event_is_not_told(tmp_path):
    rows = [f"{POOL},0x1,1,2023-08-13 12:00:00,5,4,2,199000"]
    (fault,) = faults(write(tmp_path, rows, MOVES, "query.csv"))
    assert "do not tell which" in fault.found
    assert "event= one of swap, mint, burn, collect" in fault.expected
    rows = [f"{rows[0]},Flash", f"{rows[0]},Burn"]
    (fault,) = faults(write(tmp_path, rows, MOVES + ",event_name", "query.csv"))
    assert (fault.line, fault.found) == (2, "event Flash")


@pytest.mark.bad_input("an API's refusal saved as data")
def test_json_that_is_no_answer(tmp_path):
    path = tmp_path / "answer.json"
    for content, found in (
        ({"errors": [{"message": "bad"}]}, "no record of swaps, mints, burns or collects"),
        ({"data": {"swaps": []}}, "no record of swaps"),
        (
            {"data": {"swaps": [{"id": "0x1#1", "amount0": "1"}]}},
            "a header without timestamp, amount1",
        ),
    ):
        path.write_text(json.dumps(content))
        assert found in faults(path)[0].found
    path.write_text(json.dumps({"data": {"swaps": [{"id": "0x1"}]}})[:-5])
    assert "not JSON" in faults(path)[0].found


@pytest.mark.bad_input("token decimals that do not fit")
def test_units_finer_than_the_token(tmp_path):
    record = {"id": "0x1#1", "timestamp": "1691928000", "amount0": "-1.1234567", "amount1": "1"}
    path = tmp_path / f"{POOL}.json"
    path.write_text(json.dumps({"data": {"swaps": [record | {"tick": "201101"}]}}))
    (fault,) = faults(path)
    assert (fault.line, fault.found) == (1, "amount0 -1.1234567")
    assert fault.expected == "at most 6 decimals"


@pytest.mark.bad_input("faults in several files")
def test_every_file_with_a_fault_is_named(tmp_path):
    good, empty = write(tmp_path, GOOD), tmp_path / "b.csv"
    empty.write_text("")
    bad = write(tmp_path, [minute(net0="x"), minute(net0="y")], name="d.csv")
    found = faults(good, empty, tmp_path / "c.csv", bad)
    assert [(Path(f.file).name, f.found) for f in found] == [
        ("b.csv", "an empty file"),
        ("c.csv", "no such file"),
        ("d.csv", "netAmount0 'x' (2 rows, first at lines 2, 3)"),
    ]


@pytest.mark.bad_input("a truncated gzip")
def test_truncated_and_twin_files(tmp_path):
    path = write(tmp_path, GOOD)
    data = path.read_bytes()
    twin = tmp_path / "again.csv"
    twin.write_bytes(data)
    assert "the same content" in faults(path, twin)[0].found
    path.write_bytes(data[:-40])
    (fault,) = faults(path)
    assert fault.line == 5
    assert "cut off" in fault.found
    packed = tmp_path / (NAME + ".gz")
    packed.write_bytes(gzip.compress(data)[:-9])
    assert "truncated gzip" in faults(packed)[0].found
    path.write_text(HEADER + "\n")
    assert "a header and no row" in faults(path)[0].found
