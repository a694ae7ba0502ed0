"""Where inventory came from, by hand."""

import pandas as pd

import mmresearch as mm


def _market() -> mm.Market:
    time = pd.to_datetime(["2024-01-02 10:00"] * 4, utc=True)
    fills = pd.DataFrame(
        {
            "time": time,
            "seq": [1, 2, 3, 4],
            "account": ["M", "M", "M", "N"],
            "symbol": "A",
            "side": [1, -1, 1, -1],
            "price": 10.0,
            "size": [100, 30, 5, 7],
            "counterparty": ["x", "x", None, "M"],
        }
    )
    transfers = pd.DataFrame(
        {
            "time": time[:2],
            "seq": [5, 6],
            "account": "M",
            "asset": ["A", "USD"],
            "amount": [-40.0, 1000.0],
            "counterparty": "desk",
        }
    )
    return mm.Market(fills=fills, transfers=transfers)


def test_sources_by_hand() -> None:
    table = mm.flow_sources(_market(), account="M").set_index(["symbol", "kind", "counterparty"])
    assert table.loc[("A", "fill", "x"), ["received", "delivered", "net"]].tolist() == [100, 30, 70]
    assert table.loc[("A", "fill", "unknown"), "net"] == 5
    assert table.loc[("A", "transfer", "desk"), "net"] == -40
    assert table.loc[("USD", "transfer", "desk"), "net"] == 1000


def test_sources_sum_to_the_flow() -> None:
    market = _market()
    table = mm.flow_sources(market)
    traded = (market.fills["side"] * market.fills["size"]).sum()
    assert table["net"].sum() == traded + market.transfers["amount"].sum()
    assert table["events"].sum() == 6


def test_without_fills_they_are_the_aggregate_makers() -> None:
    time = pd.to_datetime(["2024-01-02 10:00"] * 2, utc=True)
    trades = pd.DataFrame({"time": time, "seq": [1, 2], "symbol": "A", "price": 10.0})
    table = mm.flow_sources(mm.Market(trades=trades.assign(size=[3.0, 4.0], side=[1, -1])))
    assert table["account"].tolist() == ["aggregate maker"]
    assert table.loc[0, ["received", "delivered", "net", "counterparty"]].tolist() == [
        4.0,
        3.0,
        1.0,
        "unknown",
    ]
