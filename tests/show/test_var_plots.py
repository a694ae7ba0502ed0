"""The response to a trade: the path, its bands, the level where it ends; shares of venues."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import mmresearch as mm
from tests.truth.hasbrouck_tape import economy_tape
from tests.truth.venues import two_venues, venue_table

mpl.use("Agg")
ASKED = {"x": "signed_size", "size": 1.0, "units": "currency", "lags": 5, "draws": 99}


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def trades():
    return economy_tape(np.random.default_rng(1), days=8, trades=300)


def test_the_path_its_bands_and_the_permanent_level(trades):
    found = mm.trade_quote_var(trades, **ASKED)
    ax = mm.plot_trade_response(found)
    lines = {line.get_label(): line for line in ax.lines}
    path = found.details["response"]["cumulative"]
    assert lines["response so far"].get_ydata() == pytest.approx(path.to_numpy())
    permanent = found.quantities["permanent"]
    assert lines["permanent"].get_ydata() == pytest.approx([permanent.value] * 2)
    band, own = (shade.get_paths()[0].get_extents() for shade in ax.collections[:2])
    assert band.height > own.height
    assert "permanent: " in ax.get_title(loc="left")
    assert "trade_share: " in ax.get_title(loc="left")
    assert ax.get_ylabel() == "currency a purchase of 1 units"


def test_trades_are_estimated_first_and_what_cannot_be_told_is_not_drawn(trades):
    ax = mm.plot_trade_response(trades, **ASKED)
    assert len(ax.collections) == 3
    ax = mm.plot_trade_response(trades.assign(side=1.0), **ASKED)
    assert len(ax.collections) == 0
    assert "every trade is on one side" in ax.get_title(loc="left")


def test_bounds_of_every_venue():
    prices = two_venues(np.random.default_rng(2), days=8, steps=300)
    found = mm.information_share(prices, lags=3, draws=99)
    bounds = found.details["bounds"]
    for ax in (
        mm.plot_information_share(found),
        mm.plot_information_share(prices, lags=3, draws=99),
    ):
        assert [text.get_text() for text in ax.get_yticklabels()] == ["second", "first"]
        bars = [line for line in ax.lines if line.get_lw() == 7]
        for bar, name in zip(bars, ["second", "first"], strict=True):
            assert bar.get_xdata() == pytest.approx(
                bounds.loc[name, ["lowest", "highest"]].tolist()
            )
        names = [text.get_text() for text in ax.get_legend().get_texts()]
        assert names == ["midpoint of the bounds", "component share"]


def test_venues_without_a_common_price_have_no_bars():
    rng = np.random.default_rng(3)
    apart = venue_table({name: rng.standard_normal((8, 300)).cumsum(1) for name in ("a", "b")})
    ax = mm.plot_information_share(apart, lags=3, draws=99)
    assert len(ax.lines) == 0
    assert "there is no common price" in ax.get_title(loc="left")
