"""Bounce test: by hand, coins told as coins, sides that go on and noise told apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from tests.truth.bouncing import bouncing_days

OPEN = pd.Timestamp("2024-01-02 14:30", tz="UTC")


def test_by_hand():
    """Each of 8 stretches: mid stands, prices +1, -1, +1, ... bps: rv 4 a change, c² 1."""
    level = np.tile([1.0, -1.0], 13)[:25]
    frames = []
    for k in range(8):
        time = OPEN + pd.Timedelta("30min") * k + pd.to_timedelta(np.arange(25), unit="s")
        frames.append(pd.DataFrame({"time": time, "price": np.exp(level / 1e4), "mid": 1.0}))
    rows = pd.concat(frames).assign(symbol="X", day="2024-01-02")
    found = mm.bounce_test(rows, slow=2)
    stretch = found.details["stretches"].iloc[0]
    # two apart nothing moves: 24 * 0 / 11.5 - 96, over 2 - 1
    slow = -96
    assert stretch[["n", "rv", "slow", "bounce"]].tolist() == pytest.approx([24, 96, slow, 48])
    assert found.quantities["ratio"].value == pytest.approx((96 - slow) / 48)
    assert found.quantities["half_spread"].value == pytest.approx(((96 - slow) / 48) ** 0.5)
    assert found.quantities["bounce_share"].value == pytest.approx((96 - slow) / 96)
    by_roll = mm.bounce_test(rows.drop(columns="mid"), slow=2)
    assert by_roll.details["stretches"]["bounce"].iloc[0] == pytest.approx(2 * 24 * 4)
    assert "neighbouring" in by_roll.errors


@pytest.mark.parametrize("reference", ["mid", "roll"])
def test_coins_are_told_as_coins(reference):
    """20 days of 13 stretches of 60 prices, c = 3: ratio within 3 % (error 1 %)."""
    rows = bouncing_days(np.random.default_rng(1), days=20, half=3.0)
    found = mm.bounce_test(rows, reference=reference)
    ratio = found.quantities["ratio"]
    assert ratio.value == pytest.approx(1, abs=0.03)
    assert ratio.low < 1 < ratio.high
    assert found.table["p"].iloc[0] > 0.05
    assert found.quantities["half_spread"].value == pytest.approx(3, rel=0.02)
    assert found.quantities["half_spread"].unit == "bps"


def test_sides_that_go_on_are_not_coins():
    """Correlation r of neighbouring sides, K = 10: 1 - r - (r - r^K)/(K - 1), .556 here."""
    rows = bouncing_days(np.random.default_rng(2), days=20, half=3.0, follow=0.4)
    found = mm.bounce_test(rows)
    assert found.quantities["ratio"].value == pytest.approx(0.6 - 0.4 / 9, abs=0.03)
    assert found.table["p"].iloc[0] < 0.01
    # without mids only the memory is seen: changes two apart go together
    assert mm.bounce_test(rows, reference="roll").table["p"].iloc[0] < 0.01


def test_noise_that_the_spread_is_not():
    """Prints mistimed by noise as large as the spread: twice the bounce, half of it seen."""
    rng = np.random.default_rng(3)
    rows = bouncing_days(rng, days=20, half=3.0)
    away = np.abs(np.log(rows["price"] / rows["mid"])) * 1e4
    assert away.median() == pytest.approx(3)
    noisy = rows.assign(price=rows["price"] * np.exp(3e-4 * rng.standard_normal(len(rows))))
    noisy["mid"] = noisy["price"] * rows["mid"] / rows["price"]
    found = mm.bounce_test(noisy)
    assert found.quantities["ratio"].value == pytest.approx(2, abs=0.08)
    assert found.table["p"].iloc[0] < 0.01


def test_the_sample_market():
    """Trades pay 3 bps and more from the mid; quotes move with trades as planted."""
    found = mm.bounce_test(mm.sample())
    assert found.sample.days == 25
    assert 0 < found.quantities["bounce_share"].value < 1


@pytest.mark.bad_input("no prices", "few prices")
def test_what_cannot_tell():
    rows = bouncing_days(np.random.default_rng(4), days=1, half=3.0)
    for few in (rows.iloc[:0], rows.iloc[:200]):
        found = mm.bounce_test(few)
        assert not found.quantities["ratio"].identified
        assert "8 needed" in found.errors
    still = mm.bounce_test(rows.assign(price=100.0, mid=100.0))
    assert "nothing to bounce" in still.errors
    with pytest.raises(ValueError, match="no column mid"):
        mm.bounce_test(rows.drop(columns="mid"), reference="mid")
    with pytest.raises(ValueError, match="slow must be at least 2"):
        mm.bounce_test(rows, slow=1)
    with pytest.raises(ValueError, match="reference must be one of"):
        mm.bounce_test(rows, reference="quoted")
