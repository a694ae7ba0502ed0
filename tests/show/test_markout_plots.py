"""Figures of markouts draw the curve, the bands and the groups that were estimated."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import mmresearch as mm

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fills():
    return mm.markouts(mm.sample(), account="MM1", horizons=["1s", "60s"])


def line(ax, marker):
    return next(one for one in ax.lines if one.get_marker() == marker)


def test_curve_bands_and_capture(fills):
    found = mm.average_markouts(fills)
    ax = mm.plot_markouts(found)
    curve = found.details["curve"]
    own = curve[curve["measure"] == "markout"]
    assert line(ax, "o").get_ydata().tolist() == own["estimate"].tolist()
    assert line(ax, "o").get_xdata().tolist() == [1, 60]
    assert ax.get_xscale() == "log"
    capture = found.table.set_index("term").loc["capture", "estimate"]
    assert [one.get_ydata()[0] for one in ax.lines if one.get_ls() == "--"] == [capture]
    joint, each = (shade.get_paths()[0].get_extents().intervaly for shade in ax.collections)
    assert joint == pytest.approx([own["joint_low"].min(), own["joint_high"].max()])
    assert each == pytest.approx([own["low"].min(), own["high"].max()])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1s", "60s"]
    assert "adverse_share" in ax.get_title(loc="left")
    assert ax.get_ylabel() == "half spread (bps)"


def test_horizons_in_trades_stand_one_after_another():
    sample = mm.sample()
    ax = mm.plot_markouts(sample, account="MM1", horizons=["1 trade", "50 trades"], unit="abs")
    assert line(ax, "o").get_xdata().tolist() == [0, 1]
    assert ax.get_xscale() == "linear"
    assert ax.get_ylabel() == "half spread (currency)"


def test_groups(fills):
    found = mm.average_markouts(fills, by="counterparty")
    ax = mm.plot_markout_groups(found)
    groups = found.details["groups"]
    own = groups[(groups["measure"] == "markout") & (groups["horizon"] == "60s")]
    points = [c.lines[0].get_xdata()[0] for c in ax.containers]
    assert points == own["estimate"].tolist()
    ends = [c.lines[2][0].get_segments()[0][:, 0] for c in ax.containers]
    assert np.array(ends) == pytest.approx(own[["low", "high"]].to_numpy())
    names = [f"{row.group} ({row.fills:,})" for row in own.itertuples()]
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    assert "equal_groups" in ax.get_title(loc="left")
    hollow = [one.get_xdata()[0] for one in ax.lines if one.get_markerfacecolor() == "white"]
    captured = groups.loc[groups["measure"] == "capture", "estimate"]
    assert hollow == captured.tolist()


def test_a_group_that_is_refused_is_grey_and_says_why(fills):
    few = np.where(np.arange(len(fills)) < 12, "few", "many")
    ax = mm.plot_markout_groups(fills.assign(desk=few), by="desk")
    assert len(ax.containers) == 1
    [said] = [text.get_text() for text in ax.texts]
    assert said.startswith("refused: ")
    assert "30 are needed" in said
    few, many = ax.get_yticklabels()
    assert few.get_color() != many.get_color()


def test_the_largest_groups_only(fills):
    ax = mm.plot_markout_groups(fills, by="day", most=3)
    assert len(ax.get_yticklabels()) == 3
    assert "the 3 largest groups of 25" in ax.get_title(loc="left")
    counts = fills.dropna().groupby("day").size()
    shown = [
        int(t.get_text().split("(")[1].rstrip(")").replace(",", "")) for t in ax.get_yticklabels()
    ]
    assert min(shown) >= counts.nlargest(3).min()


def test_groups_are_asked_for(fills):
    with pytest.raises(ValueError, match="there are no groups"):
        mm.plot_markout_groups(mm.average_markouts(fills))
    with pytest.raises(ValueError, match="has been asked already"):
        mm.plot_markouts(fills, horizons=["5s"])
