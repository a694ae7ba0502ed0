"""Figures of signs and spreads show what the tables say."""

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")


@pytest.fixture(scope="module")
def market():
    rng = np.random.default_rng(1)
    n = 300
    mid, side = 1_000 + 2 * np.cumsum(rng.choice([-1, 0, 1], n)), rng.choice([-1.0, 1.0], n)
    rows = pd.DataFrame({"time": START + pd.to_timedelta(np.arange(n), unit="s"), "symbol": "X"})
    known = rows.assign(seq=0, bid=(mid - 1) / 100, ask=(mid + 1) / 100, bid_size=1.0, ask_size=1.0)
    price = (mid + side * rng.integers(0, 2, n)) / 100
    trades = rows.assign(seq=1, price=price, size=1.0, side=side)
    return mm.Market(trades=trades, quotes=known)


def test_accuracy_by_location(market):
    found = mm.sign_accuracy(market, rules=["lee_ready", "tick"])
    ax = mm.plot_sign_accuracy(found)
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert [text.partition("\n")[0] for text in labels] == ["at bid or ask", "at mid", "all"]
    assert labels[-1].endswith("300")
    at_quote = ax.containers[0].lines[0].get_ydata()[0]
    assert at_quote == found.loc[0, "accuracy"]


@pytest.mark.parametrize("horizons", [["1s", "5s"], ["1 trade", "5 trades"]])
def test_spreads_by_horizon(market, horizons):
    result = mm.average_spreads(market, horizons=horizons)
    ax = mm.plot_spreads(result)
    realized = ax.containers[0].lines[0].get_ydata()
    curve = result.details["curve"]
    assert realized.tolist() == curve.loc[curve["measure"] == "realized", "estimate"].tolist()
    assert [label.get_text() for label in ax.get_xticklabels()] == horizons
    assert "impact_share" in ax.get_title(loc="left")
