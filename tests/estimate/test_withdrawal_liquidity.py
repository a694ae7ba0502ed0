"""Whether a maker that holds much is away the day after: `inventory_liquidity` of provision."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from tests.truth.liquidity import spreads


def test_another_outcome_than_the_spread_is_the_same_regression():
    """What is planted in the spread is found in whatever column holds it."""
    rng = np.random.default_rng(4)
    panel = spreads(rng, days=300, inventory=1.0, top=2.0, loss=0.5)
    usual = mm.inventory_liquidity(panel, revenue="revenue")
    moved = panel.rename(columns={"spread_bps": "absent"})
    found = mm.inventory_liquidity(moved, revenue="revenue", spread="absent")
    pd.testing.assert_frame_equal(found.table, usual.table)
    row = found.table.set_index("term").loc["inventory_before"]
    assert abs(row["estimate"] - 1.0) < 3 * row["std_error"]


def quoting(days: int, effect: float, seed: int) -> mm.Market:
    """A maker that is away for a share of the day that grows with what it held the day before.

    away = 0.2 + effect * |inventory at the close before| / 1,000 units, of 400 minutes.
    """
    rng = np.random.default_rng(seed)
    opens = pd.bdate_range("2022-01-03", periods=days, tz="UTC") + pd.Timedelta("10h")
    held = np.zeros(days + 1)
    quotes, fills = [], []
    for k, opened in enumerate(opens):
        away = 0.2 + effect * abs(held[k]) / 1000 + 0.03 * rng.random()
        back = opened + pd.Timedelta(f"{400 * away:.3f}min")
        quotes.append((back, 99.9, 100.1, 5.0, 5.0))
        change = np.round(-0.5 * held[k] + 400 * rng.standard_normal())
        held[k + 1] = held[k] + change
        if change:
            fills.append((back + pd.Timedelta("1min"), np.sign(change), abs(change)))
    own = pd.DataFrame(quotes, columns=["time", "bid", "ask", "bid_size", "ask_size"])
    own = own.assign(seq=range(len(own)), symbol="X", account="M")
    done = pd.DataFrame(fills, columns=["time", "side", "size"])
    done = done.assign(seq=range(1000, 1000 + len(done)), symbol="X", account="M", price=100.0)
    return mm.Market(own_quotes=own, fills=done, calendar="10:00-16:40 UTC")


@pytest.mark.parametrize(("effect", "seed"), [(0.3, 1), (0.0, 2)])
def test_absence_on_the_inventory_of_the_day_before(effect, seed):
    """From quotes and fills: a planted effect of 0.3 a thousand units, and none."""
    table = mm.provision(quoting(250, effect, seed), freq="1D")
    assert table["absent"].between(0.19, 0.99).all()
    found = mm.inventory_liquidity(table, spread="absent", shape="linear")
    row = found.table.set_index("term").loc["inventory_before"]
    planted = effect * 1000  # without any price inventory is in millions of units
    assert abs(row["estimate"] - planted) < 3 * row["std_error"]
    assert (row["p"] < 1e-6) == (effect > 0)
