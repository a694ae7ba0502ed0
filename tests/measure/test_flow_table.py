"""Flows by every property, by hand, and their sums."""

import pandas as pd
import pytest

import mmresearch as mm


def study(**more) -> mm.Market:
    time = pd.to_datetime(
        ["2024-01-02 10:00", "2024-01-02 11:30", "2024-01-03 10:59"] * 2, utc=True
    )
    fills = pd.DataFrame(
        {
            "time": time,
            "seq": range(6),
            "account": ["M", "M", "M", "N", "N", "N"],
            "symbol": ["A", "A", "A", "A", "P", "P"],
            "side": [1, -1, 1, -1, 1, -1],
            "price": [10.0, 11.0, 12.0, 10.0, 8.0, 4.0],
            "size": [100, 30, 5, 7, 16, 4],
            "fee": [1.0, None, -0.5, 0, 0, 0],
            "maker": [True, True, False, None, True, True],
            "counterparty": ["x", "x", None, "M", "y", "x"],
        }
    )
    moved = pd.DataFrame(
        {"time": time[:2], "seq": [9, 9], "account": "M", "asset": ["coin", "USD"]}
        | {"amount": [-40.0, 1000.0], "counterparty": "desk"}
    )
    about = pd.DataFrame(
        {
            "symbol": ["A", "P"],
            "asset": ["coin", "BTC"],
            "currency": "USD",
            "settlement": ["USD", "BTC"],
            "multiplier": [2.0, 1.0],
        }
    )
    return mm.Market(fills=fills.assign(**more), transfers=moved, symbols=about)


def by(name, **options):
    return mm.flows(study(), by=name, **options).set_index([name, "symbol"])


def test_by_counterparty_with_turnover_and_share():
    table = by("counterparty")
    row = table.loc[("x", "A")]
    assert row[["received", "delivered", "net", "events"]].tolist() == [100, 30, 70, 2]
    # 2 * (100 * 10 + 30 * 11) of all 2 * (1000 + 330 + 60 + 70)
    assert row["turnover"] == 2660
    assert row["share"] == pytest.approx(2660 / 2920)
    assert row["fees"] == 1.0
    assert table.loc[("unknown", "A"), "fees"] == -0.5
    assert table.loc[("desk", "A"), ["received", "delivered", "turnover"]].tolist() == [0, 40, 0]
    assert table.loc[("desk", "USD"), "net"] == 1000


def test_of_an_inverse_contract_the_turnover_is_its_contracts():
    table = by("asset")
    assert table.loc[("BTC", "P"), "turnover"] == 20
    assert set(table.index.get_level_values("asset")) == {"coin", "BTC", "USD"}


def test_by_hour_day_and_zone():
    hours = by("hour")
    assert hours.loc[(10, "A"), "events"] == 4  # three fills and the transfer of 10:00
    assert hours.index.get_level_values("hour").is_monotonic_increasing
    assert by("hour", zone="Asia/Kathmandu").loc[(15, "A"), "events"] == 3
    assert len(by("day").loc[pd.IndexSlice[:, "A"], :]) == 2


def test_by_role_side_and_kind():
    roles = by("role")
    assert roles.loc[("maker", "A"), "events"] == 2
    assert roles.loc[("taker", "A"), "received"] == 5
    assert roles.loc[("unknown", "A"), "delivered"] == 47
    sides = by("side")
    assert sides.loc[("bought", "A"), "received"] == 105
    assert sides.loc[("sold", "A"), "delivered"] == 37
    assert sides.loc[("delivered", "A"), "delivered"] == 40
    assert by("kind").loc[("transfer", "USD"), "received"] == 1000


def test_by_venue_is_the_column_the_wallet_or_the_account():
    assert set(by("venue").index.get_level_values(0)) == {"M", "N"}
    joined = mm.join_accounts(study(), {"M": "desk 1", "N": "desk 1"})
    assert set(mm.flows(joined, by="venue")["venue"]) == {"M", "N"}
    told = mm.flows(study(venue=["a", "b", "a", "b", "a", "b"]), by=["venue", "kind"])
    assert set(told.loc[told["kind"] == "fill", "venue"]) == {"a", "b"}


@pytest.mark.parametrize(
    "name", ["account", "counterparty", "venue", "hour", "day", "role", "side"]
)
def test_every_table_holds_every_unit(name):
    table, whole = by(name), mm.flows(study(), by="symbol")
    sums = table.groupby("symbol")[["received", "delivered", "turnover", "events", "fees"]].sum()
    expected = whole.set_index("symbol")[list(sums)].loc[sums.index]
    pd.testing.assert_frame_equal(sums, expected, check_dtype=False)
    assert table["share"].groupby("symbol").sum()[["A", "P"]].tolist() == pytest.approx([1, 1])


def test_what_is_not_known_is_refused():
    with pytest.raises(ValueError, match="no property \\['colour'\\]"):
        mm.flows(study(), by="colour")
    with pytest.raises(ValueError, match="no fill and no transfer of Z"):
        mm.flows(study(), account="Z")
    with pytest.raises(ValueError, match="no fill and no transfer"):
        mm.flows(mm.Market())
