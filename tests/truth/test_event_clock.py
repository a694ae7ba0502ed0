"""Models A2: a maker who trades faster at large inventories. Bars of the clock are right; the clock
of fills, turned into time by the mean gap, is more than twice too slow.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.linalg

import mmresearch as mm

SECONDS = 150_000
LEVELS = np.arange(-25, 26)


def _speed(level):
    return 0.05 + 0.05 * level**2


def _up(level):
    return 1 / (1 + np.exp(0.25 * level))


def _acf_of_one_second() -> float:
    """From the generator of the birth-death chain: Cov(q_0, q_1) / Var(q)."""
    up, down = _speed(LEVELS) * _up(LEVELS), _speed(LEVELS) * (1 - _up(LEVELS))
    up[-1] = down[0] = 0.0
    generator = np.diag(up[:-1], 1) + np.diag(down[1:], -1) - np.diag(up + down)
    law = scipy.linalg.null_space(generator.T)[:, 0]
    law /= law.sum()
    after = scipy.linalg.expm(generator) @ LEVELS
    mean = law @ LEVELS
    return float((law @ (LEVELS * after) - mean**2) / (law @ LEVELS**2 - mean**2))


@pytest.fixture(scope="module")
def market() -> mm.Market:
    rng = np.random.default_rng(8)
    time, level, times, sides = 0.0, 0, [], []
    while True:
        time += rng.exponential(1 / _speed(level))
        if time > SECONDS:
            break
        side = 1 if rng.random() < _up(level) else -1
        level += side
        times.append(time)
        sides.append(side)
    stamp = pd.Timestamp("2024-03-04", tz="UTC") + pd.to_timedelta(times, unit="s")
    prints = pd.DataFrame({"time": stamp, "seq": np.arange(len(times)), "symbol": "X"})
    prints = prints.assign(price=10.0, size=1.0)
    fills = prints.assign(account="M", side=sides)
    return mm.Market(trades=prints.assign(side=-fills["side"]), fills=fills)


def test_bars_of_the_clock_have_the_chains_autocorrelation(market):
    truth = _acf_of_one_second()
    assert truth == pytest.approx(0.9576, abs=1e-4)  # models A2
    found = mm.inventory_reversion(mm.panel(market, freq="1s", opening=0.0))
    # s.e. of the estimate is about .001 at 150,000 seconds
    assert found.details["estimators"]["rho"].iloc[0] == pytest.approx(truth, abs=0.004)
    assert found.quantities["rho"].low < truth < found.quantities["rho"].high


def test_the_clock_of_fills_is_far_too_slow_and_says_so(market):
    bars = mm.panel(market, freq="1 trades", opening=0.0)
    found = mm.inventory_reversion(bars)
    assert "event_time" in found.flags
    life = found.quantities["half_life"]
    assert life.unit == "bars"
    gap = SECONDS / len(market.fills)
    true_seconds = 18.0  # where the chain's autocorrelation passes one half, models A2
    assert life.value * gap > 2 * true_seconds
    assert life.low * gap > true_seconds
    clocks = found.details["clocks"].set_index("clock")["half_life"]
    # 47.6 s and 18 s in models A2; 17,600 fills know the first to 10 %, the steps of a mean gap
    # know the second to 4 % and pass its one half by the two slow times of the chain, up to 8 %
    assert clocks["bars, taken as a mean length apart"] == pytest.approx(47.6, rel=0.25)
    assert clocks["clock, carried forward"] == pytest.approx(true_seconds, rel=0.15)


def test_no_likelihood_of_gaps_answers_for_fills(market):
    """At fills the gap says where the inventory is, and the likelihood is wrong the other way."""
    found = mm.ornstein_uhlenbeck(mm.panel(market, freq="1 trades", opening=0.0), draws=199)
    assert "event_time" in found.flags
    life = found.quantities["half_life"]
    assert not life.identified
    assert "clock bars" in life.reason
    clocks = found.details["clocks"].set_index("clock")["half_life"]
    assert clocks["exact gaps"] < 0.5 * 18.0
