"""A schedule of fees in the place of recorded ones: by hand, each unit, unknown flags, refusals."""

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")


def fills(*rows):
    """Rows of side, price, size, maker; each paid 9 before."""
    table = pd.DataFrame(rows, columns=["side", "price", "size", "maker"])
    table["maker"] = table["maker"].astype("boolean")
    table["time"] = START + pd.to_timedelta(np.arange(len(rows)), unit="s")
    return table.assign(seq=np.arange(len(rows)), account="A", symbol="X", fee=9.0)


ROWS = (1, 50.0, 200, True), (-1, 40.0, 100, False), (1, 20.0, 10, None)
MARKET = mm.Market(fills=fills(*ROWS))


@pytest.mark.parametrize(
    ("unit", "maker", "taker", "paid"),
    [
        ("bps", -0.5, 3, [-0.5, 1.2, 0.06]),  # of 10,000, 4,000 and 200 of currency
        ("per_unit", -0.002, 0.003, [-0.4, 0.3, 0.03]),
        ("per_fill", 0.1, 1, [0.1, 1, 1]),
    ],
)
def test_by_hand(unit, maker, taker, paid):
    found = mm.with_fees(MARKET, maker=maker, taker=taker, unit=unit).fills
    assert found["fee"].to_numpy() == pytest.approx(paid, abs=1e-12)
    assert found["fee_as"].tolist() == ["maker", "taker", "taker (unknown)"]


def test_what_the_market_had_stays():
    found = mm.with_fees(MARKET, maker=1)
    assert MARKET.fills["fee"].tolist() == [9, 9, 9]
    same = ["time", "seq", "account", "symbol", "side", "price", "size", "maker"]
    pd.testing.assert_frame_equal(found.fills[same], MARKET.fills[same])
    assert mm.with_fees(MARKET).fills["fee"].tolist() == [0, 0, 0]
    assert mm.with_fees(found, taker=1, unit="per_fill").fills["fee"].tolist() == [0, 1, 1]


def test_the_flag_that_is_missing():
    as_maker = mm.with_fees(MARKET, maker=1, taker=2, unit="per_fill", unknown="maker").fills
    assert as_maker["fee"].tolist() == [1, 2, 1]
    assert as_maker["fee_as"].value_counts().to_dict() == {
        "maker": 1,
        "taker": 1,
        "maker (unknown)": 1,
    }
    with pytest.raises(ValueError, match="1 of 3 fills do not say whether they were resting"):
        mm.with_fees(MARKET, unknown="refuse")


def test_sides_pay_alike():
    turned = mm.Market(fills=MARKET.fills.assign(side=-MARKET.fills["side"]))
    here, there = (mm.with_fees(m, maker=-1, taker=2).fills["fee"] for m in (MARKET, turned))
    assert here.tolist() == there.tolist()


def test_contracts():
    """A contract of 5 units pays on 5 times its price; an inverse one of 100 dollars in coins."""
    symbols = pd.DataFrame(
        {
            "symbol": ["X", "Y"],
            "asset": ["X", "BTC"],
            "currency": "USD",
            "settlement": ["USD", "BTC"],
            "multiplier": [5.0, 100.0],
        }
    )
    table = pd.concat([fills((1, 50.0, 2, True)), fills((1, 20_000.0, 300, True))])
    table["symbol"] = ["X", "Y"]
    found = mm.with_fees(mm.Market(fills=table, symbols=symbols), maker=2).fills
    assert found["fee"].to_numpy() == pytest.approx([2e-4 * 2 * 50 * 5, 2e-4 * 300 * 100 / 20_000])


def test_inferred_fills_are_the_makers():
    trades = fills(*ROWS).drop(columns=["account", "maker", "fee"])
    market = mm.Market(trades=trades)
    found = mm.with_fees(market, maker=-1, taker=50, unit="per_fill").fills
    assert found["fee"].tolist() == [-1, -1, -1]
    assert found["side"].tolist() == [-1, 1, -1]
    assert set(found["account"]) == {"aggregate maker"}
    assert "fills" not in market


def test_the_ledger_pays_them():
    booked = mm.ledger(mm.with_fees(MARKET, maker=-0.5, taker=3))
    assert booked["fees"].iloc[-1] == pytest.approx(-0.5 + 1.2 + 0.06)
    assert booked["fee_known"].all()


@pytest.mark.bad_input("a fee schedule that is none")
def test_every_fault_is_named():
    with pytest.raises(ValueError, match="maker is nan") as error:
        mm.with_fees(MARKET, maker=float("nan"), taker="2", unit="percent", unknown="free")
    for fault in ("maker is nan", "taker is '2'", "unit is 'percent'", "unknown is 'free'"):
        assert fault in str(error.value)
    with pytest.raises(ValueError, match="no fills, and no trades"):
        mm.with_fees(mm.Market())
    with pytest.raises(ValueError, match="taker is True"):
        mm.with_fees(MARKET, taker=True)
