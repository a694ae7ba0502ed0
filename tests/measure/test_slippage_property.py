"""Books at random: what a walk costs when sides are swapped, prices doubled, sizes doubled."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import mmresearch as mm

STEPS = st.lists(st.integers(1, 9), min_size=12, max_size=12)
SIZES = [1.0, 5.0, 40.0]


def book(steps: list[int], shown: list[int]) -> pd.DataFrame:
    """Two rows of three levels a side, ticks of 1 around 1000; a tick or more between levels."""
    gaps, held = np.reshape(steps, (2, 2, 3)), np.reshape(shown, (2, 2, 3))
    price = 1000.0 + np.array([-1, 1])[None, :, None] * gaps.cumsum(axis=2)
    columns = {}
    for k, side in enumerate(("bid", "ask")):
        for level in range(3):
            columns[f"{side}_{level + 1}"] = price[:, k, level]
            columns[f"{side}_size_{level + 1}"] = held[:, k, level].astype(float)
    return pd.DataFrame(columns)


def measured(rows: pd.DataFrame, side: str, times: float = 1.0) -> pd.DataFrame:
    return mm.slippage(rows, sizes=[times * size for size in SIZES], side=side)


def same(a: pd.DataFrame, b: pd.DataFrame, **times: float) -> None:
    for name, factor in times.items():
        np.testing.assert_allclose(a[name], factor * b[name], rtol=1e-9, atol=1e-9, err_msg=name)


@settings(max_examples=25, deadline=None)
@given(STEPS, STEPS)
def test_a_buy_in_the_mirror_is_a_sell(steps, shown):
    rows = book(steps, shown)
    turned = pd.DataFrame(
        {
            name: 2000 - rows[other] if "size" not in name else rows[other]
            for name in rows
            for other in [name.replace("bid", "ASK").replace("ask", "bid").replace("ASK", "ask")]
        }
    )
    buy, sell = measured(rows, "buy"), measured(turned, "sell")
    same(sell, buy, filled=1, unfilled=1, cost=1, cost_a_unit=1)
    np.testing.assert_allclose(sell["price"], 2000 - buy["price"], rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(STEPS, STEPS)
def test_twice_the_prices_are_the_same_basis_points(steps, shown):
    rows = book(steps, shown)
    prices = [name for name in rows if "size" not in name]
    twice = measured(rows.assign(**{name: 2 * rows[name] for name in prices}), "both")
    same(twice, measured(rows, "both"), filled=1, cost=2, price=2, slippage_bps=1)


@settings(max_examples=25, deadline=None)
@given(STEPS, STEPS)
def test_twice_the_sizes_fill_twice_as_much_at_the_same_basis_points(steps, shown):
    rows = book(steps, shown)
    sizes = [name for name in rows if "size" in name]
    twice = measured(rows.assign(**{name: 2 * rows[name] for name in sizes}), "both", 2.0)
    same(twice, measured(rows, "both"), filled=2, unfilled=2, cost=2, price=1, slippage_bps=1)
