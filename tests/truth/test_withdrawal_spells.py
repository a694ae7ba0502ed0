"""Withdrawals that were planted are found, with a threshold chosen on another seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

CHOSEN_ON, TOLD_ON = 11, 12
DAYS = 12


def indexed(seed: int, **how: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    simulation = mm.simulate.market(days=DAYS, own=True, seed=seed)
    table = mm.provision(simulation.market)
    return mm.withdrawal_index(table, **how), simulation.truth["spells"]


def best_threshold(table: pd.DataFrame, spells: pd.DataFrame) -> float:
    """The threshold, of a grid, with the largest harmonic mean of precision and recall of bars."""
    scores = {}
    for limit in np.arange(0.2, 2.0, 0.1):
        called = table.assign(withdrawn=(table["index"] > limit).where(table["index"].notna()))
        found = mm.spell_accuracy(called, spells).quantities
        both = [found[f"bar_{name}"].value for name in ("precision", "recall")]
        scores[float(limit)] = 2 / sum(1 / max(v, 1e-9) for v in both)
    return max(scores, key=scores.get)


@pytest.fixture(scope="module")
def told():
    threshold = best_threshold(*indexed(CHOSEN_ON))
    return mm.spell_accuracy(*indexed(TOLD_ON, threshold=threshold))


@pytest.mark.slow
def test_planted_spells_are_found(told):
    """About 28 spells of the two makers in 7 days, 4 to 8 minutes each."""
    found = told.quantities
    # where all bars of a share are right they count as the 7 days they are of
    least = {"bar_precision": 0.6, "bar_recall": 0.6, "spell_precision": 0.7, "spell_recall": 0.8}
    for name, low in least.items():
        assert found[name].low > low, found[name]
        assert found[name].value > 0.9, found[name]


@pytest.mark.slow
def test_whoever_stands_still_while_others_withdraw_is_at_the_touch():
    """Both makers away: the touch is as far as their own quotes, and time at it says nothing."""
    table, spells = indexed(TOLD_ON, components=["at_touch"])
    found = mm.spell_accuracy(table, spells).quantities
    assert found["bar_recall"].high < 0.5


@pytest.mark.slow
def test_the_market_alone_shows_them_less_clearly():
    """Spread and depth at best are of both makers: a spell of the other is called too."""
    table, spells = indexed(TOLD_ON, components=["spread_bps", "depth"])
    own = mm.spell_accuracy(table, spells).quantities
    # whoever withdraws, the market's depth falls and its spread widens
    any_of = pd.concat([spells.assign(account=name) for name in ("MM1", "MM2")])
    anyone = mm.spell_accuracy(table, any_of).quantities
    assert anyone["bar_precision"].value > 1.4 * own["bar_precision"].value
    assert anyone["bar_recall"].value > 0.9


@pytest.mark.slow
def test_spells_of_another_seed_are_not_found():
    """Wrong truth: precision is no better than the share of time withdrawn."""
    table, _ = indexed(TOLD_ON)
    other = mm.simulate.market(days=DAYS, own=True, seed=99).truth["spells"]
    found = mm.spell_accuracy(table, other).quantities
    assert found["bar_precision"].high < 0.3
