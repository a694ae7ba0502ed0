"""Robustness: the score is its parts, in units; parts that are not told are named."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm
from tests.truth.recovering import Book

OPTIONS = {"of": "touch", "large": 0.6, "after": "16s", "controls": 5}


@pytest.fixture(scope="module")
def found():
    return mm.robustness(Book().market(21), **OPTIONS)


def test_the_score_is_the_product_of_its_parts(found):
    q = found.quantities
    share, deep, back = (q[n].value for n in ("quoted_share", "depth", "recovered"))
    assert q["absorbed"].value == pytest.approx(share * deep * (1 + back), rel=1e-12)
    assert q["absorbed"].low < q["absorbed"].value < q["absorbed"].high
    assert q["absorbed"].unit == "units"


def test_parts_are_those_of_the_tables(found):
    market, q = Book().market(21), found.quantities
    bars = mm.depth(market)
    mean = np.average(bars["depth"], weights=bars["seconds"] * bars["quoted_share"])
    assert q["depth"].value == pytest.approx(mean, rel=1e-12)
    assert q["quoted_share"].value == pytest.approx(
        np.average(bars["quoted_share"], weights=bars["seconds"])
    )
    cost = mm.slippage(market, sizes=100)
    trip = mm.robustness(market, size=100, **OPTIONS).quantities["round_trip"]
    assert trip.value == pytest.approx(cost["round_trip_bps"].mean(), rel=1e-6)


@pytest.mark.parametrize("book", [Book(), Book(days=12, seconds=200)])
def test_what_comes_back_has_one_interval_whoever_is_asked(book):
    market = book.market(21)
    options = {"of": "touch", "large": 0.6, "controls": 5}
    back = mm.resiliency(market, horizons=["200ms", "1s", "4s", "8s"], **options)
    whole = mm.robustness(market, after="8s", **options)
    assert whole.quantities["recovered"] == back.quantities["recovered"]


def test_what_is_planted_is_held(found):
    # 500 units less those on their way back, .08 * 6 / .3, and a few that flicker
    truth = (500 - 1.6 + 0.1) * (1 + Book().share(16))
    q = found.quantities["absorbed"]
    assert abs(q.value / truth - 1) < 0.02


def test_units_scale_and_shares_do_not():
    market = Book().market(22)
    rows, tape = market["quotes"], market["trades"]
    sizes = {c: 10 * rows[c] for c in ("bid_size", "ask_size")}
    more = market.replace(quotes=rows.assign(**sizes), trades=tape.assign(size=10 * tape["size"]))
    one, ten = (mm.robustness(m, **OPTIONS).quantities for m in (market, more))
    assert ten["absorbed"].value == pytest.approx(10 * one["absorbed"].value)
    assert ten["recovered"].value == pytest.approx(one["recovered"].value)


@pytest.mark.bad_input("a distance that the book does not show, no trades, no clock, no quotes")
def test_what_is_not_told_is_named():
    market = Book().market(23)
    q = mm.robustness(market, within_bps=50, **OPTIONS).quantities
    assert not q["absorbed"].identified
    assert "depth within 50 bps" in q["absorbed"].reason
    assert q["recovered"].identified
    blind = mm.Market(quotes=market["quotes"], symbols=market.symbols)
    q = mm.robustness(blind, **OPTIONS).quantities
    assert "recovered (it has no trades with a side" in q["absorbed"].reason
    assert q["depth"].identified
    tape = mm.robustness(mm.Market(trades=market["trades"], symbols=market.symbols))
    assert "no quotes and no book" in str(tape)
    dates = mm.Market(quotes=market["quotes"], calendar="dates")
    assert "no clock" in str(mm.robustness(dates))
    with pytest.raises(ValueError, match="no size"):
        mm.robustness(market, of="spread")
    with pytest.raises(ValueError, match="to be given instead"):
        mm.robustness(market, horizons=["1s"])


def test_time_without_quotes_takes_from_the_score():
    market = Book().market(24)
    rows = market["quotes"]
    clock = (rows["time"] - rows["time"].dt.floor("D")).dt.total_seconds()
    gone = clock.between(300, 600)
    sides = {c: rows[c].mask(gone) for c in ("bid", "ask", "bid_size", "ask_size")}
    q = mm.robustness(market.replace(quotes=rows.assign(**sides)), **OPTIONS).quantities
    assert q["quoted_share"].value == pytest.approx(2 / 3, abs=0.01)
