"""The sample market, whose truth is known: pressure -160 and information -100 bps a million."""

from __future__ import annotations

import pandas as pd
import pytest

import mmresearch as mm

ALPHA, KAPPA = -160.0, -100.0


@pytest.fixture(scope="module")
def both() -> pd.DataFrame:
    return mm.panel(mm.sample(), freq="1min")


def test_state_space_finds_what_was_planted(both):
    one = both[both["account"] == "MM1"]
    found = mm.price_pressure(one, method="state_space", draws=99)
    for name, truth in (("pressure", ALPHA), ("information", KAPPA), ("total", ALPHA + KAPPA)):
        quantity = found.quantities[name]
        assert abs(quantity.value - truth) < 3 / 3.92 * (quantity.high - quantity.low)
    assert "half_lives_differ" not in found.flags


def test_transfers_tell_pressure_where_least_squares_takes_news_with_it(both):
    one = both[both["account"] == "MM1"]
    found = mm.inventory_causality(one, draws=99)
    table = found.details["instrument"].set_index("estimator")
    assert table.loc["two stages", "low"] < ALPHA < table.loc["two stages", "high"]
    assert table.loc["least squares", "high"] < ALPHA - 50
    assert found.quantities["first_stage_f"].value > 10
    # nothing is planted over bars: all is in the bar, where orderings differ
    assert "orderings_differ" in found.flags


def test_the_other_maker_presses_too_and_later_inventory_does_not(both):
    found = mm.inventory_placebo(both, account="MM1", shuffles=99, draws=99)
    rows = found.table.set_index("term")
    assert rows.loc["total, led", "low"] < 0 < rows.loc["total, led", "high"]
    assert rows.loc["total, shuffled", "low"] < 0 < rows.loc["total, shuffled", "high"]
    # MM2's inventory is in the same law: away from zero beside MM1's own, and so it should be
    assert rows.loc["total, other maker MM2 beside own", "high"] < -200
    assert abs(found.details["others"].loc[0, "correlation_of_changes"]) < 0.1
