"""A simulated maker's own data give back its risk aversion, and theory then its half-life.

15 sessions of 23,400 s, seed 3. Nothing is taken from the simulation but its tables: skew from the
panel, A and k from own quotes and fills, sigma from the market's mid, half-life from inventory.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.estimate.errors import regress


@pytest.fixture(scope="module")
def simulated():
    return mm.simulate.glft(days=15, seed=3, own=True)


@pytest.fixture(scope="module")
def panel(simulated):
    return mm.panel(simulated.market, freq="10s", account="maker")


@pytest.fixture(scope="module")
def measured(simulated, panel):
    """Skew, sigma, half-life and spread from the panel, A and k from own quotes and fills."""
    tick = 0.01
    quoted = panel.dropna(subset=["own_bid", "own_ask"])
    middle = ((quoted["own_bid"] + quoted["own_ask"]) / 2 - quoted["mid"]) / tick
    x = pd.DataFrame({"const": 1.0, "inventory": quoted["inventory_end"]})
    row = regress(middle, x, quoted["day"], draws=199).table.iloc[1]
    numbers = (float(row["estimate"]), float(row["low"]), float(row["high"]))
    skew = mm.Quantity("skew", *numbers, "ticks a unit", "least squares")
    return {
        "skew": skew,
        "sigma": mm.mid_volatility(panel),
        "intensity": mm.calibrate_intensity(simulated.market),
        "half_life": mm.inventory_reversion(panel),
        "spread": mm.own_spread(panel),
    }


@pytest.mark.slow
def test_what_was_measured_is_near_what_was_simulated(measured):
    assert measured["skew"].value == pytest.approx(-0.0679, abs=3e-4)
    assert measured["sigma"].low < 0.3 < measured["sigma"].high
    for name, truth in (("A", 0.9), ("k", 0.3)):
        found = measured["intensity"].quantities[name]
        assert found.low < truth < found.high


@pytest.mark.slow
def test_implied_risk_aversion_holds_the_maker_s(measured):
    asked = {name: measured[name] for name in ("sigma", "intensity")}
    found = mm.implied_risk_aversion(measured["skew"], **asked)
    assert found.identified
    assert found.low < 0.01 < found.high
    assert found.high / found.low < 3


@pytest.mark.slow
def test_theory_s_half_life_and_the_data_s_are_the_maker_s(measured):
    """50.7 s is inside both intervals, which meet; so does the spread of 2 x 3.313 ticks."""
    given = dict(measured)
    table = mm.theory_beside_data(given.pop("skew"), **given).set_index("term")
    life = table.loc["half-life"]
    assert life["theory_low"] < 50.71 < life["theory_high"]
    assert life["data_low"] < 50.71 < life["data_high"]
    assert table.loc["spread", "theory_low"] < 6.626 < table.loc["spread", "theory_high"]
    assert table.loc[["spread", "half-life", "half-life, linearised"], "agree"].all()
    assert np.isfinite(life["theory_high"])
