"""Half-lives side by side, responses under both orderings, placebos: what is drawn and said."""

from __future__ import annotations

import dataclasses
import math

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from tests.estimate.test_causality import causality, world
from tests.estimate.test_placebo_others import makers
from tests.truth.test_pressure_in_noise import noisy

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def states() -> mm.Result:
    panel = noisy(60, 60, np.random.default_rng(1))
    return mm.price_pressure(panel, method="state_space", per=1.0, draws=99)


def changed(result: mm.Result, key: str, **fields: object) -> mm.Result:
    one = dataclasses.replace(result.quantities[key], **fields)
    return dataclasses.replace(result, quantities={**result.quantities, key: one})


def test_half_lives_are_drawn_with_their_intervals(states):
    ax = mm.plot_pressure_half_life(states)
    lines = [line for line in ax.lines if len(line.get_xdata()) == 2]
    drawn = [tuple(line.get_xdata()) for line in lines]
    told = [states.quantities[key] for key in ("price_half_life", "half_life")]
    assert drawn == [(q.low, q.high) for q in told]
    points = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert points == [q.value for q in told]
    assert "they agree" in ax.get_title(loc="left")
    assert "seconds" in ax.get_xlabel()


def test_disagreement_and_refusal_are_said(states):
    meaning = pd.DataFrame({"meaning": ["no speed in common"]}, index=["half_lives_differ"])
    differ = dataclasses.replace(
        states, flags=("half_lives_differ",), details={**states.details, "meaning": meaning}
    )
    assert "they differ: no speed in common" in mm.plot_pressure_half_life(differ).get_title(
        loc="left"
    )
    open_end = changed(
        states, "price_half_life", high=math.inf, identified=False, reason="it never fades"
    )
    ax = mm.plot_pressure_half_life(open_end)
    assert "half-life in prices is not identified: it never fades" in ax.get_title(loc="left")
    assert sum(line.get_marker() == ">" for line in ax.lines) == 1
    assert sum(line.get_marker() == "o" for line in ax.lines) == 1


def test_several_results_stand_one_below_the_other(states):
    ax = mm.plot_pressure_half_life({"one": states, "two": states})
    words = [text.get_text() for text in ax.texts]
    assert words == ["two in prices", "two inventory", "one in prices", "one inventory"]
    assert ax.get_title(loc="left").count("they agree") == 2


def test_responses_of_both_orderings_and_the_instrument():
    rng = np.random.default_rng(1)
    panel = world(15, 100, rng, flow=(-0.3, 0.0), price=(-0.8, 0.0), transfers=3.0)
    result = causality(panel, lags=1)
    ax = mm.plot_causality(result)
    labels = ax.get_legend_handles_labels()[1]
    assert labels == ["flow first", "return first", "by transfers, in the bar"]
    path = result.details["responses"].query("of == 'price' and ordering == 'return first'")
    drawn = next(line for line in ax.lines if line.get_label() == "return first")
    np.testing.assert_array_equal(drawn.get_ydata(), path["response"])
    without = mm.plot_causality(causality(panel.assign(transfer_flow=0.0), lags=1))
    assert "there are no transfers" in without.get_title(loc="left").replace("\n", " ")
    assert without.get_legend_handles_labels()[1] == labels[:2]


def test_every_placebo_is_a_row():
    result = mm.inventory_placebo(
        makers(12, 20, np.random.default_rng(1)), account="A", shuffles=19, per=1.0, lead=[1, 2]
    )
    ax = mm.plot_placebos(result)
    words = [text.get_text() for text in ax.texts][::-1]
    expected = ["real", "led by 1", "led by 2", "other maker B", "other maker B beside own"]
    assert words == [*expected, "shuffled"]
    points = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    rows = result.table[result.table["term"].str.startswith("total")]
    assert points[::-1] == rows["estimate"].tolist()


def test_what_is_none_of_these_is_refused(states):
    with pytest.raises(ValueError, match="price_pressure"):
        mm.plot_pressure_half_life(mm.price_pressure(noisy(45, 10, np.random.default_rng(2))))
    with pytest.raises(ValueError, match="inventory_causality"):
        mm.plot_causality(states)
    with pytest.raises(ValueError, match="term must be total or pressure"):
        mm.plot_placebos(states, term="beta")
