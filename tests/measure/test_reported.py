"""What reported positions say, by hand: drift bar by bar, and flows from reports alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

OPENS = pd.Timestamp("2024-01-02 10:00", tz="UTC")


def at(minutes):
    return OPENS + pd.to_timedelta(minutes, unit="min")


def fills(*rows, account="A"):
    table = pd.DataFrame(rows, columns=["m", "n"])
    known = {"time": at(table["m"]), "seq": range(len(table)), "account": account, "symbol": "X"}
    return pd.DataFrame(
        known | {"side": np.sign(table["n"]), "size": table["n"].abs() * 1.0, "price": 10.0}
    )


def reports(*rows, account="A"):
    table = pd.DataFrame(rows, columns=["m", "n"])
    return pd.DataFrame(
        {"time": at(table["m"]), "account": account, "symbol": "X", "position": table["n"] * 1.0}
    )


def panel_of(**tables):
    """From the first whole minute on."""
    panel = mm.panel(mm.Market(**tables))
    return panel[panel["start"] >= OPENS]


def drift(panel, account="A"):
    return panel.loc[panel["account"] == account, "drift"].tolist()


@pytest.mark.parametrize("sign", [1, -1])
def test_drift_by_hand(sign):
    # rebuilt 10, 10, 4, 4, 9 at the minutes' ends; reports of minutes 2 and 4 find 3 and then 1
    filled = fills((0.5, 10 * sign), (2.5, -6 * sign), (4.5, 5 * sign))
    told = reports((0, 0), (2, 13 * sign), (4, 5 * sign))
    panel = panel_of(fills=filled, positions=told)
    assert panel["inventory_end"].tolist() == [10 * sign, 10 * sign, 4 * sign, 4 * sign, 9 * sign]
    assert drift(panel) == [0, 3 * sign, 3 * sign, sign, sign]
    book = mm.ledger(mm.Market(fills=filled, positions=told))
    found = mm.reconcile(book)
    assert found["missing"].tolist() == [3 * sign, -2 * sign]
    assert found["after"].tolist() == [at(0), at(2)]
    assert found["time"].tolist() == [at(2), at(4)]


def test_an_unknown_opening_is_no_drift():
    panel = panel_of(fills=fills((0.5, 10), (4.5, 1)), positions=reports((2, 50), (3, 52)))
    assert not panel["opening_known"].any()
    assert drift(panel) == [0, 0, 2, 2, 2]


def test_without_later_reports_nothing_is_known_of_it():
    filled = pd.concat([fills((0.5, 10), (2.5, 1)), fills((0.5, 3), (2.5, 1), account="B")])
    panel = panel_of(fills=filled, positions=reports((0, 4), (2, 14)))
    assert drift(panel) == [0, 0, 0]
    assert np.isnan(drift(panel, "B")).all()
    assert panel_of(fills=filled)["drift"].isna().all()


def test_reports_alone_are_the_inventory():
    both = pd.concat([reports((0, 4), (1, 7), (3, 2)), reports((1, -5), (2, -5), account="B")])
    panel = panel_of(positions=both)
    own = panel[panel["account"] == "A"]
    assert own["inventory_start"].tolist() == [4, 7, 7]
    assert own["inventory_end"].tolist() == [7, 7, 2]
    assert own["opening_known"].all()
    assert own["drift"].isna().all()
    assert (
        mm.panel(mm.Market(positions=both))
        .attrs["note"]
        .startswith("no fills, trades or transfers")
    )
    other = panel[panel["account"] == "B"]
    assert set(other["inventory_end"]) == {-5}
    with pytest.raises(ValueError, match="no account"):
        mm.panel(mm.Market(positions=both), account="C")


@pytest.mark.parametrize("sign", [1, -1])
def test_what_the_first_fill_says_was_held_is_the_opening(sign):
    filled = fills((0.5, 10 * sign), (2.5, -6 * sign)).assign(start_position=[7 * sign, np.nan])
    for tables in ({}, {"positions": reports((2, 18 * sign))}):
        market = mm.Market(fills=filled, **tables)
        book = mm.ledger(market)
        assert book["opening_known"].all()
        assert set(book["opening_source"]) == {"start_position"}
        assert book.loc[book["kind"] == "fill", "position"].tolist() == [17 * sign, 11 * sign]
        assert panel_of(**{name: market[name] for name in market})["inventory_end"].tolist() == [
            17 * sign,
            17 * sign,
            11 * sign,
        ]
    row = mm.ledger_summary(book).iloc[0]
    assert (row["opening"], row["opening_source"]) == (7 * sign, "start_position")
    assert (row["missing"], row["missing_gross"]) == (sign, 1)
    # a report of before the first fill, and one that is given, come first
    early = mm.Market(fills=filled, positions=reports((0, 3 * sign)))
    assert set(mm.ledger(early)["opening_source"]) == {"reported"}
    assert set(mm.ledger(early, opening=1)["opening_source"]) == {"given"}
    bare = mm.Market(fills=filled.drop(columns="start_position"))
    assert set(mm.ledger(bare)["opening_source"]) == {"unknown"}


def test_an_unknown_opening_is_not_missing_units():
    book = mm.ledger(mm.Market(fills=fills((0, 10), (4, 1)), positions=reports((2, 50), (3, 52))))
    assert mm.reconcile(book)["missing"].tolist() == [2]
