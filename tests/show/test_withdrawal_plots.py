"""Figures of withdrawal draw the index, what is called, and events; else they say why not."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from tests.truth.event_tables import World, event_table

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def provided():
    return mm.provision(mm.sample(), account="MM1", freq="5min")


def test_index_and_threshold_of_the_last_day(provided):
    index = mm.withdrawal_index(provided)
    ax = mm.plot_withdrawal(index)
    last = index[index["day"] == index["day"].max()]
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_array_equal(lines["index"].get_ydata(), last["index"])
    np.testing.assert_array_equal(lines["threshold, of past days"].get_ydata(), last["threshold"])
    assert f"{last['withdrawn'].fillna(False).mean():.1%}" in ax.get_title(loc="left")
    two = mm.plot_withdrawal(index, days=2)
    assert len(two.lines[1].get_xdata()) == 2 * len(last)


def test_spells_lie_where_they_are(provided):
    index = mm.withdrawal_index(provided)
    last = index[index["day"] == index["day"].max()].reset_index(drop=True)
    spell = {"account": ["MM1"], "start": [last["start"][10]], "end": [last["end"][12]]}
    ax = mm.plot_withdrawal(index, spells=pd.DataFrame(spell))
    [drawn] = [line for line in ax.lines if line.get_label() == "known spells"]
    assert list(drawn.get_xdata()) == [9.5, 12.5]


def text_of(ax) -> str:
    return " ".join(" ".join(t.get_text() for t in ax.texts).split())


def test_without_an_index_it_says_why(provided):
    one = provided[provided["day"] == provided["day"].min()]
    assert "fewer than 5 days" in text_of(mm.plot_withdrawal(one))
    bare = provided.assign(
        **dict.fromkeys(("two_sided", "own_spread_bps", "own_depth", "spread_bps", "depth"), np.nan)
    )
    assert "nothing is known" in text_of(mm.plot_withdrawal(bare))


def test_provision_over_the_day(provided):
    axes = mm.plot_provision(provided, columns=["own_depth", "spread_bps"])
    hours = (provided["time_of_day"] // 1800 + 0.5) / 2
    middle = provided["own_depth"].groupby(hours).median()
    np.testing.assert_allclose(axes[0].lines[0].get_ydata(), middle)
    np.testing.assert_allclose(axes[0].lines[0].get_xdata(), middle.index)
    none = provided.assign(own_depth=np.nan)
    [ax] = mm.plot_provision(none, columns=["own_depth"])
    assert "nothing is known" in text_of(ax)


def test_panels_of_provision_stand_three_in_a_row_and_shares_between_0_and_1(provided):
    axes = mm.plot_provision(provided)
    places = [(ax.get_subplotspec().rowspan.start, ax.get_title()) for ax in axes]
    titles = ["two sided (share of time)", "at touch (share of time)", "own depth (units)"]
    assert places[:3] == [(0, title) for title in titles]
    assert places[3:] == [(1, "spread (bps)"), (1, "depth (units)")]
    assert axes[0].get_ylim() == (-0.03, 1.03)
    assert [ax.get_xlabel() != "" for ax in axes] == [False, False, True, True, True]


def test_events_bands_and_pseudo_events():
    table, told = event_table(np.random.default_rng(1), World(step=1.0))
    found = mm.withdrawal_events(table, events=told, outcome="outcome")
    ax = mm.plot_events(found)
    curve = found.details["curve"]
    [line] = [one for one in ax.lines if one.get_marker() == "o"]
    np.testing.assert_array_equal(line.get_ydata(), curve["estimate"])
    np.testing.assert_array_equal(line.get_xdata(), curve["seconds"] / 60)
    pseudo, joint, each = (c.get_paths()[0].get_extents().intervaly for c in ax.collections)
    assert tuple(joint) == (curve["joint_low"].min(), curve["joint_high"].max())
    assert tuple(each) == (curve["low"].min(), curve["high"].max())
    assert tuple(pseudo) == (curve["placebo_low"].min(), curve["placebo_high"].max())
    assert "permutation_p" in ax.get_title(loc="left")


def test_events_of_a_market_that_cannot_tell(provided):
    one = provided[provided["day"] == provided["day"].min()]
    ax = mm.plot_events(mm.withdrawal_index(one))
    assert "0 events on 0 days" in text_of(ax)
