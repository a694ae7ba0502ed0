"""Mids of several venues on one clock, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

DAY = pd.Timestamp("2024-03-08")


def market(rows, symbol="X"):
    """Quotes (seconds after ten, bid, ask)."""
    seconds, bid, ask = zip(*rows, strict=True)
    time = DAY.tz_localize("UTC") + pd.Timedelta("10h") + pd.to_timedelta(list(seconds), unit="s")
    quotes = pd.DataFrame({"time": time, "seq": range(len(rows)), "symbol": symbol})
    return mm.Market(quotes=quotes.assign(bid=bid, ask=ask, bid_size=1.0, ask_size=1.0))


A = [(0.0, 9.0, 11.0), (1.0, 10.0, 12.0), (1.5, 11.0, 13.0), (4.2, 12.0, 14.0)]
B = [(0.5, 9.0, 10.0), (2.5, np.nan, 11.0), (3.5, 10.0, 11.0), (9.0, 1.0, 2.0)]


def test_mids_are_carried_to_the_clock_and_no_further():
    found = mm.venue_prices({"a": market(A), "b": market(B)}, freq="1s")
    # both have quoted from .5 on, a quotes no more after 4.2; at 1.0 the quote of that instant
    assert (found["time"] - found["time"].iloc[0]).dt.total_seconds().tolist() == [0, 1, 2, 3]
    assert found["time"].iloc[0] == pd.Timestamp("2024-03-08 10:00:01", tz="UTC")
    assert found["a"].tolist() == [11.0, 12.0, 12.0, 12.0]
    assert found["b"].fillna(0).tolist() == [9.5, 9.5, 0.0, 10.5]
    assert (found["day"] == DAY).all()
    # anew in a step: a at 2 (1.5); b at 3 (2.5) and 4 (3.5); of three steps
    assert found.attrs["quotes"] == pytest.approx({"a": 1 / 3, "b": 2 / 3})


def test_symbols_of_a_market_are_venues_and_days_do_not_mix():
    two = [pd.concat([market(r, s).quotes for s, r in (("A", A), ("B", B))])]
    two.append(two[0].assign(time=two[0]["time"] + pd.Timedelta("1D")))
    both = pd.concat(two).sort_values("time").assign(seq=lambda t: range(len(t)))
    found = mm.venue_prices(mm.Market(quotes=both))
    assert list(found.columns) == ["day", "time", "A", "B"]
    assert found.groupby("day").size().tolist() == [4, 4]
    assert found["A"].tolist() == [11.0, 12.0, 12.0, 12.0] * 2


@pytest.mark.bad_input("one venue", "no common day", "unknown symbol")
def test_what_is_no_pair_of_venues():
    with pytest.raises(ValueError, match="1 venue: two or more"):
        mm.venue_prices(market(A))
    with pytest.raises(ValueError, match="0 venue"):
        mm.venue_prices({})
    late = market([(s + 86_400, b, a) for s, b, a in B])
    with pytest.raises(ValueError, match="no day in common"):
        mm.venue_prices({"a": market(A), "b": late})
    with pytest.raises(ValueError, match="a has no quotes of Y"):
        mm.venue_prices({"a": market(A), "b": market(B)}, symbol="Y")
    with pytest.raises(ValueError, match="freq must be a length of time above 0"):
        mm.venue_prices({"a": market(A), "b": market(B)}, freq="0s")
    with pytest.raises(ValueError, match="a venue cannot be called 'day'"):
        mm.venue_prices({"day": market(A), "b": market(B)})
