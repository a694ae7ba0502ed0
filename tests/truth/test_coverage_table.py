"""The table of size and coverage: its arithmetic by hand, and that it holds every study."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mmresearch.estimate.equivalent import equivalent_inventory
from mmresearch.estimate.liquidity import inventory_liquidity
from mmresearch.estimate.quote_skew import quote_skew
from mmresearch.estimate.result import Quantity
from mmresearch.estimate.spread_components import spread_components
from mmresearch.estimate.trade_indicator import trade_indicator
from mmresearch.estimate.trade_quote_var import trade_quote_var
from tests.truth import (
    coverage_components,
    coverage_equivalent,
    coverage_impact,
    coverage_liquidity,
    coverage_skew,
    coverage_trade_quote_var,
)
from tests.truth.coverage import TABLE, row, studies
from tests.truth.dealers import dealers
from tests.truth.hasbrouck_tape import economy_tape
from tests.truth.indicator_tape import tape
from tests.truth.leaning import leaning
from tests.truth.liquidity import spreads
from tests.truth.mrr_tape import mrr_tape


def quantity(low: float, high: float, identified: bool = True) -> Quantity:
    return Quantity("x", (low + high) / 2, low, high, "", "", identified, level=0.9)


def test_a_row_by_hand():
    # 1 is in [0, 2], [1, 2] and [0.5, inf), not in [2, 3]; a missing interval is none
    found = [quantity(0, 2), quantity(1, 2), quantity(2, 3), quantity(0.5, math.inf, False)]
    found.append(quantity(math.nan, math.nan, False))
    made = row("f", "world", 1.0, found)
    assert (made.covered, made.refused, made.replications, made.nominal) == (0.75, 0.4, 5, 0.9)
    assert made.mc_error == pytest.approx(0.75**0.5 / 4)  # sqrt(.75 * .25 / 4)


@pytest.mark.parametrize("name", sorted(studies()))
def test_table_holds_every_study(name):
    """Written by `make coverage-table`; what it says was measured, not what it ought to be."""
    table = pd.read_csv(TABLE)
    rows = table[table["study"] == name]
    assert len(rows)
    assert (rows["replications"] >= 100).all()
    given = rows["replications"] * (1 - rows["refused"])
    error = (rows["covered"] * (1 - rows["covered"])) ** 0.5
    assert (rows["mc_error"] >= error / rows["replications"] ** 0.5 - 1e-5).all()
    assert (rows["mc_error"] <= error / given.clip(lower=1) ** 0.5 + 1e-5).all()


def test_no_study_is_left_in_the_table_that_is_gone():
    assert set(pd.read_csv(TABLE)["study"]) <= set(studies())


def test_the_quick_intervals_of_liquidity_are_the_public_ones():
    panel = spreads(np.random.default_rng(2), days=60, symbols=3)
    assert (
        coverage_liquidity.intervals(panel)
        == inventory_liquidity(panel, revenue="revenue").quantities
    )


@pytest.mark.parametrize("on", ["quotes", "traded"])
def test_the_quick_intervals_of_the_spreads_components_are_the_public_ones(on):
    trades = tape(np.random.default_rng(4), days=45, trades=30)
    assert coverage_components.intervals(trades, on) == spread_components(trades, on=on).quantities


def test_the_quick_intervals_of_the_trade_indicator_are_the_public_ones():
    trades = mrr_tape(np.random.default_rng(5), days=8, trades=40, lam=0.2)
    assert coverage_impact.intervals(trades) == trade_indicator(trades).quantities


def test_the_quick_intervals_of_equivalent_inventory_are_the_public_ones():
    panel = dealers(np.random.default_rng(3), days=130, accounts=3, theta=0.2, bound=0.9)
    public = equivalent_inventory(panel, quote="quote_bps", binds="binds", draws=99).quantities
    for name, quick in coverage_equivalent.intervals(panel).items():
        assert quick == public[name]


@pytest.mark.parametrize("days", [12, 41])
def test_the_quick_intervals_of_quote_skew_are_the_public_ones(days):
    panel = leaning(np.random.default_rng(4), days=days, bars=30, skew=-0.1, widen=0.05)
    public = quote_skew(panel, lags=2, draws=99).quantities
    names = (*coverage_skew.NAMES, "asymmetry", "size_skew", *(["extremes"] if days > 40 else []))
    slow = coverage_skew.intervals(panel, names, draws=99)
    for name, quick in coverage_skew.quick(panel, names, draws=99).items():
        assert slow[name] == public[name]
        for part in ("value", "low", "high"):
            assert getattr(quick, part) == pytest.approx(getattr(slow[name], part), rel=1e-6)


@pytest.mark.parametrize("lags", [3, "auto"])
def test_the_quick_intervals_of_trade_quote_var_are_the_public_ones(lags):
    trades = economy_tape(np.random.default_rng(4), days=7, trades=80)
    asked = {"x": "signed_size", "size": 1.0, "units": "currency", "draws": 99}
    public = trade_quote_var(trades, lags=lags, **asked)
    quick, taken = coverage_trade_quote_var.intervals(trades, lags=lags, draws=99)
    assert quick == {n: replace(q, method="") for n, q in public.quantities.items()}
    assert f"; {taken} lags" in public.errors
