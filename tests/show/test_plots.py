"""Figures show the numbers they were given."""

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import mmresearch as mm


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def market() -> mm.Market:
    return mm.simulate.glft(days=2, seconds=3_600, seed=3).market


@pytest.fixture(scope="module")
def panel(market: mm.Market) -> pd.DataFrame:
    return mm.panel(market, freq="30s")


def test_inventory_is_drawn_as_it_is(panel: pd.DataFrame) -> None:
    ax = mm.plot_inventory(panel)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), panel["inventory_end"])
    assert ax.get_ylabel() == "inventory (units)"
    assert ax.get_xticklabels()[0].get_text() == str(panel["day"].iloc[0].date())


def test_of_one_day_the_times_are_said(panel: pd.DataFrame) -> None:
    first = panel[panel["day"] == panel["day"].iloc[0]]
    labels = [label.get_text() for label in mm.plot_inventory(first).get_xticklabels()]
    starts = first["start"].dt.strftime("%H:%M:%S")
    assert labels[0] == f"{first['day'].iloc[0].date()}\n{starts.iloc[0]}"
    assert labels[-1] == starts.iloc[-1]
    assert len(labels) == 6


def test_many_series_become_a_band(panel: pd.DataFrame) -> None:
    many = pd.concat([panel.assign(account=f"A{n}") for n in range(6)])
    ax = mm.plot_inventory(many)
    scaled = (panel["inventory_end"] - panel["inventory_end"].mean()) / panel["inventory_end"].std()
    np.testing.assert_allclose(ax.lines[0].get_ydata(), scaled)
    assert "median of 6 series" in ax.get_legend().get_texts()[-1].get_text()


def test_profit_ends_where_the_ledger_ends(market: mm.Market) -> None:
    ledger = mm.ledger(market)
    last = ledger.iloc[-1]
    ax = mm.plot_profit(ledger)
    drawn = ax.lines[0].get_ydata()[-1]
    assert drawn == pytest.approx(last["realised"] + last["unrealised"] - last["fees"])


def test_sources_stand_on_their_sides(market: mm.Market) -> None:
    sources = mm.flow_sources(market)
    ax = mm.plot_sources(sources)
    widths = sorted(bar.get_width() for bar in ax.patches)
    assert widths[0] == pytest.approx(-sources["delivered"].sum())
    assert widths[-1] == pytest.approx(sources["received"].sum())


def test_reversion_falls_for_a_maker_that_reverts(panel: pd.DataFrame) -> None:
    ax = mm.plot_reversion(panel)
    x, y = ax.lines[-2].get_data()
    slope = np.polyfit(panel["inventory_start"], panel["flow"], 1)[0]
    assert (y[1] - y[0]) / (x[1] - x[0]) == pytest.approx(slope)
    assert slope < 0


def test_half_life_is_said_in_the_title(market: mm.Market) -> None:
    ax = mm.plot_half_life(market, freq="30s")
    assert "half-life" in ax.get_title(loc="left")
    titles = {
        mm.plot_half_life(market, freq="30s", **choice).get_title(loc="left")
        for choice in ({"target": "segment"}, {"target": "shifting"}, {"lags": 3})
    }
    assert len(titles) == 3
    assert sum("shifting target" in title for title in titles) == 1


def test_response_uses_prints_where_there_is_no_mid(panel: pd.DataFrame) -> None:
    assert mm.plot_response(panel).get_ylabel() == "return (bps)"
    prints = panel.assign(return_bps=np.nan)
    assert mm.plot_response(prints).get_ylabel() == "trade return (bps)"


def test_pressure_is_said_in_the_title(market: mm.Market) -> None:
    title = mm.plot_pressure(market, freq="1min").get_title(loc="left")
    assert "pressure" in title
    assert "total" in title
