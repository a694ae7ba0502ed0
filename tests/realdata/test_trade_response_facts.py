"""What a trade tells in real markets, and where the price of Bitcoin is found."""

from __future__ import annotations

import pytest

import mmresearch as mm
from mmresearch.load import binance, lobster


@pytest.fixture(scope="module")
def bitcoin(realdata):
    files = {name: realdata / "binance" / name / "btcusdt_20240808.gz" for name in ("spot", "usdm")}
    return {name: binance(path) for name, path in files.items()}


def test_amazon_quotes_go_on_after_a_trade(realdata):
    """One day: .47 bps before the next trade, 1.5 to 2 for good; trades are most of the news."""
    market = lobster(*sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv")))
    found = mm.trade_quote_var(market, draws=499)
    q = found.quantities
    assert q["immediate"].high < 0.6 < 1.4 < q["permanent"].low
    assert q["transient"].high < 0  # what is permanent is more than what comes at once
    assert q["trade_share"].low > 0.6
    # regressions of the revision on trades alone see the first part only
    assert found.details["traps"]["permanent"].iloc[:-1].max() < 0.6
    assert "few_days" in found.flags
    # BIC says 2 lags, where the permanent response has not settled
    steps = found.details["lags"]
    assert steps["bic"].idxmin() <= 3 < steps.index[steps["chosen"]][0]


def test_bitcoin_prints_tell_a_hundredth_at_once(bitcoin):
    """Minutes: a print moves the mid by a hundredth of a bps before the next, .2 to .4 for good."""
    for market in bitcoin.values():
        q = mm.trade_quote_var(market, draws=499).quantities
        assert abs(q["immediate"].value) < 0.02
        assert 0.15 < q["permanent"].low < q["permanent"].high < 0.45


def test_neither_venue_of_bitcoin_is_first(bitcoin):
    """At 10 ms both share; at a second the bounds are nothing and everything, and flagged."""
    found = mm.information_share(bitcoin, freq="10ms", draws=299, max_lags=10)
    for name in bitcoin:
        q = found.quantities[f"share of {name}"]
        assert 0.15 < q.low < 0.5 < q.high < 0.85
    assert found.details["cointegration"]["p"].max() < 1e-6
    coarse = mm.information_share(bitcoin, freq="1s", draws=299, max_lags=10)
    assert "bounds_are_wide_sample_finer" in coarse.flags
    assert (coarse.details["bounds"]["highest"] - coarse.details["bounds"]["lowest"]).min() > 0.7
