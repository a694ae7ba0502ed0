"""Figures of what the maker earns draw what the tables hold, and refuse what does not add up."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.estimate.result import Result, Sample
from mmresearch.measure.capture import PARTS

mpl.use("Agg")
SIGNED = [*PARTS, "profit"]


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def sample():
    return mm.sample()


@pytest.fixture(scope="module")
def table(sample):
    return mm.spread_capture(sample, account="MM1")


def made(*rows):
    """Rows of the six parts on days one after another, their profit by the identity."""
    table = pd.DataFrame(rows, columns=list(PARTS), dtype=float)
    table["profit"] = sum(sign * table[name] for name, sign in PARTS.items())
    days = pd.date_range("2024-01-02", periods=len(rows), freq="D")
    table = table.assign(day=days, start=days.tz_localize("UTC"), account="A", currency="USD")
    return table.assign(fills=5, fills_apart=0, fees_unknown=0)


def bars(ax):
    """From where to where each bar goes."""
    return [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in ax.patches]


def names(ax):
    return [label.get_text().replace("\n", " ") for label in ax.get_xticklabels()]


def test_waterfall_by_hand():
    """10 earned, 4 lost, 3 gained by inventory, 1 paid: 8."""
    ax = mm.plot_waterfall(made((10, 4, 3, -1, 0, 0)))
    assert bars(ax) == [(0, 10), (10, 6), (6, 9), (9, 8), (0, 8)]
    said = ["spread earned", "adverse selection", "inventory revalued", "fees and rebates"]
    assert names(ax) == [*said, "profit"]
    assert [text.get_text() for text in ax.texts] == ["+10", "-4", "+3", "-1", "+8"]
    lost = [bar.get_facecolor() for bar in ax.patches]
    assert lost[1] == lost[3] != lost[0] == lost[2]
    assert ax.get_ylabel() == "USD"


def test_waterfall_of_a_loss_goes_below_zero():
    ax = mm.plot_waterfall(made((2, 5, -1, 0, 0.5, -0.25)))
    assert bars(ax) == [(0, 2), (2, -3), (-3, -4), (-4, -4), (-4, -3.5), (-3.5, -3.75), (0, -3.75)]
    assert names(ax)[-3:] == ["transfers", "fills kept apart", "profit"]


def test_waterfall_adds_up_to_the_profit(table):
    ax = mm.plot_waterfall(table)
    *parts, profit = bars(ax)
    assert parts[-1][1] == pytest.approx(profit[1], abs=1e-6)
    assert profit[1] == pytest.approx(table["profit"].sum())
    assert ax.get_title(loc="left").startswith(f"MM1: {table['fills'].sum():,} fills of 25 sess")
    assert ax.get_title(loc="left").endswith("adverse selection after 10s")


def test_what_is_apart_or_unknown_is_said():
    table = made((10, 4, 3, 0, 0, 0)).assign(fills_apart=2, fees_unknown=5)
    ax = mm.plot_waterfall(table)
    assert "fills kept apart" in names(ax)
    assert "2 kept apart, fees of all not known" in ax.get_title(loc="left")


def test_waterfall_of_a_market_with_other_fees(sample, table):
    ax = mm.plot_waterfall(sample, account="MM1", maker_bps=1.0)
    value = (sample.fills["price"] * sample.fills["size"])[sample.fills["account"] == "MM1"].sum()
    fees = bars(ax)[names(ax).index("fees and rebates")]
    assert fees[1] - fees[0] == pytest.approx(-1e-4 * value)
    recorded = bars(mm.plot_waterfall(sample, account="MM1"))
    assert np.ravel(recorded) == pytest.approx(np.ravel(bars(mm.plot_waterfall(table))))


def test_waterfall_with_intervals():
    """A part that is lost has its interval turned: its high end is the low end of the sum."""
    estimate = np.array([10, 4, 3, -1, 0, 0, 8.0])
    means = pd.DataFrame({"term": SIGNED, "estimate": estimate})
    means["low"], means["high"] = estimate - 1, estimate + 2
    result = Result("q", "e", "USD a day", means, Sample(100, {}, 25), "by day")
    ax = mm.plot_waterfall(result)
    whiskers = [c.lines[2][0].get_segments()[0][:, 1] for c in ax.containers if hasattr(c, "lines")]
    assert whiskers[0].tolist() == [9, 12]
    assert whiskers[1].tolist() == [10 - 6, 10 - 3]
    assert whiskers[-1].tolist() == [7, 10]
    assert ax.get_ylabel() == "USD a day"
    with pytest.raises(ValueError, match="has the terms spread_earned"):
        mm.plot_waterfall(Result("q", "e", "USD", means.iloc[2:], Sample(1, {}, 1), ""))


@pytest.mark.bad_input("a waterfall of two currencies")
def test_what_does_not_add_up_is_refused(table):
    two = pd.concat([made((1, 0, 0, 0, 0, 0)), made((1, 0, 0, 0, 0, 0)).assign(currency="EUR")])
    for plot in (mm.plot_waterfall, mm.plot_capture_by_day):
        with pytest.raises(ValueError, match=r"one currency .* the table has USD, EUR"):
            plot(two)
        with pytest.raises(ValueError, match="the table has no row"):
            plot(table.iloc[:0])
    with pytest.raises(ValueError, match="has been asked already"):
        mm.plot_waterfall(table, horizon="1s")
    with pytest.raises(ValueError, match="has been asked already"):
        mm.plot_waterfall(table, maker_bps=0.0)


def test_waterfall_of_the_means_ends_at_the_mean_profit(table):
    found = mm.average_capture(table, per="million")
    ax = mm.plot_waterfall(found)
    known = found.table.set_index("term").loc["profit"]
    last = ax.patches[-1]
    assert last.get_height() == pytest.approx(known["estimate"])
    assert ax.get_ylabel() == "USD a million traded"
    assert ax.get_title(loc="left") == "25 sessions, means with intervals"


def test_by_day_by_hand():
    """Profits of 6, -10 and 1: the largest drawdown is 10, from 6 to -4."""
    table = made((10, 4, 0, 0, 0, 0), (2, 0, -12, 0, 0, 0), (0, 0, 1, 0, 0, 0))
    ax = mm.plot_capture_by_day(table)
    earned, lost, revalued = (c for c in ax.containers[:3])
    assert [bar.get_height() for bar in earned] == [10, 2, 0]
    assert [(bar.get_y(), bar.get_height()) for bar in lost] == [(0, -4), (0, 0), (0, 0)]
    assert [(bar.get_y(), bar.get_height()) for bar in revalued] == [(-4, 0), (0, -12), (0, 1)]
    dots = next(line for line in ax.lines if line.get_marker() == "o")
    assert dots.get_ydata().tolist() == [6, -10, 1]
    lower = ax.figure.axes[1]
    assert lower.lines[0].get_ydata().tolist() == [0, 6, -4, -3]
    assert [text.get_text() for text in lower.texts] == ["largest drawdown -10"]


def test_by_day_of_the_sample(table):
    ax = mm.plot_capture_by_day(table)
    total = ax.figure.axes[1].lines[0].get_ydata()
    assert total[-1] == pytest.approx(table["profit"].sum())
    stacks = np.sum([[bar.get_height() for bar in c] for c in ax.containers], axis=0)
    assert stacks == pytest.approx(table["profit"].to_numpy(), abs=1e-6)
    twice = mm.plot_capture_by_day(pd.concat([table, table]))
    assert twice.figure.axes[1].lines[0].get_ydata()[-1] == pytest.approx(2 * total[-1])


def test_bins_of_periods(sample):
    found = mm.positioning_by_period(sample, account="MM1", freq="10s", bands=["1min", "10min"])
    ax = mm.plot_periods(found)
    sums = found.groupby("bin")["positioning"].sum()
    for bar, label in zip(ax.patches, ax.get_yticklabels(), strict=True):
        assert bar.get_width() == pytest.approx(sums[label.get_text()])
    assert [label.get_text() for label in ax.get_yticklabels()] == found.attrs["bins"]


@pytest.mark.parametrize("kind", ["holding", "period"])
def test_bins_with_intervals(sample, kind):
    """Bars are the means, lines their intervals; what is not identified is grey and says so."""
    plot = {"holding": mm.plot_holding, "period": mm.plot_periods}[kind]
    measure = {"holding": mm.positioning_by_holding, "period": mm.positioning_by_period}[kind]
    found = mm.average_positioning(measure(sample, account="MM1"))
    ax = plot(found)
    assert [bar.get_width() for bar in ax.patches] == found.table["estimate"].tolist()
    ends = [s[:, 0].tolist() for s in ax.containers[1].lines[2][0].get_segments()]
    assert np.array(ends) == pytest.approx(found.table[["low", "high"]].to_numpy())
    assert ax.get_xlabel().startswith("USD a session")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    refused = [n for n in found.table["term"] if not found.quantities[n].identified]
    assert [text.partition("\n")[0] for text in labels if "not identified" in text] == refused
    assert ("age not known" in refused) == (kind == "holding")


def test_sums_of_holding(sample):
    found = mm.positioning_by_holding(sample)
    ax = mm.plot_holding(found)
    assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(found["positioning"].sum())
    found.attrs["currency"] = ["USD", "EUR"]
    with pytest.raises(ValueError, match="the table has USD, EUR"):
        mm.plot_holding(found)
