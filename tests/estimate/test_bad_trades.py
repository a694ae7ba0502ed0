"""Every estimate on trades, on trades that cannot answer: one error, or no number and the reason.

An estimate that joins `ESTIMATES` is tried on every fault below.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from tests.truth.mrr_tape import mrr_tape

ESTIMATES: dict[str, Callable[[pd.DataFrame], mm.Result]] = {
    "spread_components, quotes": lambda t: mm.spread_components(t, on="quotes"),
    "spread_components, traded": lambda t: mm.spread_components(t, on="traded"),
    "trade_indicator": mm.trade_indicator,
    "trade_indicator, by hour": lambda t: mm.trade_indicator(t, by="hour"),
    "price_impact, glosten_harris": lambda t: mm.price_impact(t, model="glosten_harris"),
    "roll": mm.roll,
    "local_projection": lambda t: mm.local_projection(t, lags=2, horizons=(0, 3)),
    "propagator": lambda t: mm.propagator(t, lags=5, tail=1),
    "trade_quote_var": lambda t: mm.trade_quote_var(t, draws=99),
    "trade_quote_var, 2 lags of size": lambda t: mm.trade_quote_var(t, lags=2, x="sqrt", draws=99),
}
NEED_QUOTES = {"spread_components, quotes", "local_projection", "propagator"}
NEED_QUOTES |= {"trade_quote_var", "trade_quote_var, 2 lags of size"}
NEED_NO_SIDES = {"roll"}


@pytest.fixture(scope="module")
def good() -> pd.DataFrame:
    """Eight days of 60 trades, with quotes and orders that turn."""
    return mrr_tape(np.random.default_rng(9), days=8, trades=60, rho=-0.4)


def one_day(trades: pd.DataFrame, count: int) -> pd.DataFrame:
    return trades[trades["day"] == trades["day"].iloc[0]].head(count)


NO_NUMBER: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "no trades": lambda t: t.iloc[:0],
    "fewer than 30 trades": lambda t: one_day(t, 20),
    "constant prices": lambda t: t.assign(price=50.0, bid=49.5, ask=50.5),
    "sessions of one trade": lambda t: t[t["seq"] == 0],
}
NO_SIDES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "trades without sides": lambda t: t.assign(side=np.nan),
    "all trades on one side": lambda t: t.assign(side=1.0),
    "sides that alternate": lambda t: t.assign(side=np.where(t["seq"] % 2 == 0, 1.0, -1.0)),
}
NO_QUOTES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "no quotes for the session": lambda t: t.assign(bid=np.nan, ask=np.nan),
    "a one-sided book": lambda t: t.assign(ask=np.nan),
    "zero spread all day": lambda t: t.assign(bid=t["ask"]),
}
REFUSED: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "prices that are infinite": (
        lambda t: t.assign(price=t["price"].where(t["seq"] != 7, np.inf)),
        "price is infinite in 8 rows",
    ),
    "prices below 0": (lambda t: t.assign(price=-t["price"]), "price is not above 0 in"),
    "sides of another kind": (lambda t: t.assign(side=2.0), "side is neither"),
    "duplicated trades": (lambda t: pd.concat([t, t.head(3)]), "3 trades stand twice"),
    "a text in a number": (lambda t: t.assign(size="ten"), "size is not a number"),
    "a table without days": (lambda t: t.drop(columns="day"), "lack the columns day"),
}


def outcome(name: str, trades: pd.DataFrame) -> mm.Result | ValueError:
    try:
        return ESTIMATES[name](trades)
    except ValueError as error:
        return error


def given(found: mm.Result | ValueError) -> list[str]:
    """The answers that have a number, but for lengths of time and shares that are counts."""
    if isinstance(found, ValueError):
        return []
    return [name for name, q in found.quantities.items() if q.identified]


@pytest.mark.parametrize("name", ESTIMATES)
def test_the_trades_of_these_tests_are_good(name, good):
    assert given(outcome(name, good))


@pytest.mark.bad_input(*NO_NUMBER)
@pytest.mark.parametrize("fault", NO_NUMBER)
@pytest.mark.parametrize("name", ESTIMATES)
def test_what_cannot_be_told_has_no_number(name, fault, good):
    found = outcome(name, NO_NUMBER[fault](good))
    assert given(found) == []
    if isinstance(found, mm.Result):
        assert all(q.reason for q in found.quantities.values())


@pytest.mark.bad_input(*NO_SIDES)
@pytest.mark.parametrize("fault", NO_SIDES)
@pytest.mark.parametrize("name", [name for name in ESTIMATES if name not in NEED_NO_SIDES])
def test_without_two_sides_there_is_no_number(name, fault, good):
    told = given(outcome(name, NO_SIDES[fault](good)))
    # sides that each follow from the one before still have prices bounce between them
    assert [n for n in told if n not in ("two_way", "order_processing")] == []


@pytest.mark.bad_input(*NO_QUOTES)
@pytest.mark.parametrize("fault", NO_QUOTES)
@pytest.mark.parametrize("name", ESTIMATES)
def test_without_two_quotes_only_prices_answer(name, fault, good):
    found = outcome(name, NO_QUOTES[fault](good))
    assert bool(given(found)) == (name not in NEED_QUOTES)
    if name not in NEED_QUOTES:
        pd.testing.assert_frame_equal(found.table, ESTIMATES[name](good).table)


@pytest.mark.bad_input(*REFUSED)
@pytest.mark.parametrize("fault", REFUSED)
@pytest.mark.parametrize("name", ESTIMATES)
def test_trades_that_are_none_are_one_error(name, fault, good):
    change, message = REFUSED[fault]
    with pytest.raises(ValueError, match=message):
        ESTIMATES[name](change(good))


@pytest.mark.bad_input("a session shorter than the lag")
@pytest.mark.parametrize("name", ESTIMATES)
def test_sessions_shorter_than_the_lag(name, good):
    """Days of four trades: nothing is taken from the day before, and every number is finite."""
    short = good[good["seq"] < 4]
    many = pd.concat(
        [
            short.assign(**{c: short[c] + pd.Timedelta(days=20 * k) for c in ("day", "time")})
            for k in range(8)
        ]
    )
    found = outcome(name, many)
    if isinstance(found, mm.Result):
        numbers = [q for q in found.quantities.values() if q.identified]
        assert all(np.isfinite([q.value, q.low, q.high]).all() for q in numbers)


@pytest.mark.bad_input("unsorted rows")
@pytest.mark.parametrize("name", ESTIMATES)
def test_the_order_of_rows_does_not_matter(name, good):
    found = ESTIMATES[name](good.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(found.table, ESTIMATES[name](good).table)
