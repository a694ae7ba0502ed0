"""A market saved by day has the same gate, one day of one symbol in memory at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import mmresearch as mm
from mmresearch import store
from mmresearch.__main__ import main
from mmresearch.measure import gate
from mmresearch.measure.gate import prints
from mmresearch.measure.gate.condense import condensed
from mmresearch.measure.ledger import ledger
from mmresearch.measure.reconcile import reconcile
from mmresearch.schema import UNORDERED

HOURS = "09:30-16:00 America/New_York"
PAST_MIDNIGHT = "18:00-17:00 America/New_York"
DAYS = pd.date_range("2024-03-06", periods=5, tz="UTC")  # a weekend, and clocks change in it
CALENDARS = ["24/7", HOURS, PAST_MIDNIGHT, "XNYS", "dates"]


def _times(rng: np.random.Generator, n: int) -> pd.Series:
    """Instants of five days, some on the midnights where days meet."""
    whole = rng.integers(0, 5 * 86_400, size=n) * 10**9
    whole[: n // 10] = whole[: n // 10] // (86_400 * 10**9) * (86_400 * 10**9)
    return pd.Series(DAYS[0] + pd.to_timedelta(np.sort(whole), unit="ns"))


def _market(seed: int, calendar: str) -> mm.Market:
    """Two symbols with every doubt that the gate knows, at random, and a third with few rows."""
    rng, n = np.random.default_rng(seed), 2_000
    symbol = rng.choice(["A", "B", "C"], size=n, p=[0.6, 0.39, 0.01])
    walk = 100 + 0.01 * rng.integers(-1, 2, size=n).cumsum()
    quotes = pd.DataFrame(
        {"time": _times(rng, n), "seq": np.arange(n) + UNORDERED, "symbol": symbol}
        | {"bid": walk, "ask": walk + 0.01 * rng.integers(-1, 4, size=n)}
        | {"bid_size": rng.integers(0, 9, size=n), "ask_size": 7.0}
    )
    quotes["bid"] = quotes["bid"].mask(rng.random(n) < 0.02)
    late = pd.to_timedelta(rng.integers(0, 10**9, size=n), unit="ns")
    quotes["local_time"] = (quotes["time"] + late).mask(rng.random(n) < 0.1)
    prints = pd.DataFrame(
        {"time": _times(rng, n), "seq": np.arange(n, 2 * n), "symbol": symbol}
        | {"price": walk + 0.005 * rng.integers(-2, 3, size=n), "size": rng.integers(1, 9, size=n)}
        | {"trade_id": rng.integers(0, 5_000, size=n).astype(str)}
    )
    prints["side"] = rng.choice([1.0, -1.0, np.nan], size=n, p=[0.4, 0.4, 0.2])
    prints["exchange_time"] = prints["time"] - late
    own = prints.sample(500, random_state=seed).sort_index().drop(columns=["side", "exchange_time"])
    own = own.assign(account=rng.choice(["one", "two"], size=500), fee=0.1)
    own["fee"] = own["fee"].mask(rng.random(500) < 0.1)
    mine = quotes.sample(700, random_state=seed).sort_index().drop(columns="local_time")
    mine["account"] = rng.choice(["one", "two", "idle"], size=700)
    moved = pd.DataFrame({"time": _times(rng, 40), "seq": range(40), "account": "one"})
    told = pd.DataFrame({"time": _times(rng, 12), "account": rng.choice(["one", "two"], size=12)})
    told = told.assign(symbol=rng.choice(["A", "B"], 12), position=rng.integers(-9, 9, size=12))
    return mm.Market(
        symbols=pd.DataFrame({"symbol": ["A", "B", "C"], "tick": [0.01, None, 0.01]}),
        calendar=calendar,
        quotes=quotes,
        own_quotes=mine,
        trades=prints,
        fills=own.assign(side=rng.choice([1, -1], size=500)),
        transfers=moved.assign(asset=rng.choice(["A", "B"], 40), amount=3.0),
        positions=told.drop_duplicates(["time", "account", "symbol"]),
    )


def _saved(market: mm.Market, folder) -> mm.Market:
    market.save(folder, by="day")
    opened = mm.open(folder)
    assert opened.by_day
    return opened


@pytest.mark.parametrize("calendar", CALENDARS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_is_the_table_of_the_whole(tmp_path, seed, calendar):
    market = _market(seed, calendar)
    whole, daily = mm.check(market), mm.check(_saved(market, tmp_path / "m"))
    assert {"fail", "warn"} <= set(whole["verdict"])
    pd.testing.assert_frame_equal(daily, whole)


def test_of_a_table_saved_by_day_beside_whole_ones(tmp_path):
    market = _market(4, PAST_MIDNIGHT)
    mixed = _saved(market, tmp_path / "m").replace(trades=market.trades, fills=market.fills)
    assert mixed.is_by_day("quotes")
    assert not mixed.is_by_day("trades")
    pd.testing.assert_frame_equal(mm.check(mixed), mm.check(market))


def test_of_a_book_instead_of_quotes(tmp_path):
    market = _market(5, "24/7")
    level = {name: f"{name}_1" for name in ("bid", "ask", "bid_size", "ask_size")}
    deep = market.quotes.rename(columns=level)
    deep = deep.assign(bid_2=50.0, ask_2=200.0, bid_size_2=1.0, ask_size_2=1.0)
    market = mm.Market(symbols=market.symbols, book=deep, trades=market.trades)
    whole = mm.check(market)
    assert "crossed quotes" in set(whole["check"])
    pd.testing.assert_frame_equal(mm.check(_saved(market, tmp_path / "m")), whole)


def test_reads_no_more_than_a_day_of_a_symbol(tmp_path, monkeypatch):
    market = _market(6, "24/7")
    daily = _saved(market, tmp_path / "m")
    most = max(
        market[name].groupby(["symbol", market[name]["time"].dt.date]).size().max()
        for name in ("trades", "quotes", "fills")
    )
    heights = []
    plain = pl.LazyFrame.collect

    def watched(self: pl.LazyFrame, *args: object, **named: object) -> pl.DataFrame:
        frame = plain(self, *args, **named)
        heights.append(frame.height)
        return frame

    def refused(self: store.Stored, name: str) -> None:
        assert name in ("positions", "symbols"), f"{name} is read whole"
        return whole(self, name)

    whole = store.Stored.read
    monkeypatch.setattr(pl.LazyFrame, "collect", watched)
    monkeypatch.setattr(store.Stored, "read", refused)
    mm.check(daily)
    assert max(heights) == most
    assert main(["check", str(tmp_path / "m")]) == 1  # it fails: sides are drawn at random
    assert max(heights) == most


# --- what lies on both sides of a midnight, counted by hand ---------------------------------------

MIDNIGHT = pd.Timestamp("2024-03-07", tz="UTC")  # 19:00 in New York
CALENDAR = "18:00-17:00 America/New_York"


def _tape(seconds: list[float], price: list[float], **more: object) -> pd.DataFrame:
    """Prints of X, `seconds` after that midnight."""
    time = MIDNIGHT + pd.to_timedelta(seconds, unit="s")
    return pd.DataFrame({"time": time, "symbol": "X", "price": price, "size": 1.0} | more).assign(
        seq=range(len(time))
    )


def _answer(tmp_path, check: str, calendar: str = CALENDAR, **tables: pd.DataFrame) -> pd.Series:
    """The check's row, which is the same for the market in memory and saved by day."""
    market = mm.Market(calendar=calendar, **tables)
    answers = [mm.check(market), mm.check(_saved(market, tmp_path / "m"))]
    pd.testing.assert_frame_equal(*answers)
    (row,) = (row for _, row in answers[0].iterrows() if row["check"] == check)
    return row


def test_a_print_is_compared_with_the_one_before_midnight_in_one_session(tmp_path):
    n = np.arange(40)
    # down before midnight and up after it; the first of the new day is above the last of the old
    tape = _tape([*(n[:20] - 20), *n[20:]], [*(100 - n[:20]), *(100 + n[20:])], side=1.0)
    row = _answer(tmp_path, "side against the tick test", trades=tape)
    assert (row["count"], row["of"]) == (19, 39)  # of 39 changes the 19 before midnight are down


def test_a_print_is_not_compared_over_the_midnight_between_two_sessions(tmp_path):
    n = np.arange(40)
    tape = _tape([*(n[:20] - 20), *n[20:]], [*(100 - n[:20]), *(100 + n[20:])], side=1.0)
    row = _answer(tmp_path, "side against the tick test", calendar="24/7", trades=tape)
    assert (row["count"], row["of"]) == (19, 38)


def test_a_print_meets_the_quote_of_the_day_before(tmp_path):
    quote = _tape([-5], [0]).drop(columns=["price", "size"])
    quote = quote.assign(bid=9.0, ask=11.0, bid_size=1.0, ask_size=1.0)
    tape = _tape(list(range(30)), [11.0] * 20 + [9.0] * 10, side=1.0)
    row = _answer(tmp_path, "side against the mid", quotes=quote, trades=tape)
    assert (row["count"], row["of"], row["verdict"]) == (10, 30, "pass")


@pytest.mark.bad_input("repeated ids in trades: on both sides of midnight")
@pytest.mark.parametrize("at_once", [3, prints._AT_ONCE])
def test_an_id_of_yesterday_is_found(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(prints, "_AT_ONCE", at_once)  # in rounds, as where there are very many
    ids = ["a", "b", "c", "c", "d", None, None, "a"]
    tape = _tape([-3, -2, -1, 0, 1, 2, 3, 4], [10.0] * 8, trade_id=ids)
    row = _answer(tmp_path, "repeated ids in trades", trades=tape)
    assert (row["count"], row["of"], row["verdict"]) == (2, 8, "warn")


@pytest.mark.bad_input("clock order: runs back over midnight")
def test_a_second_clock_that_runs_back_over_midnight(tmp_path):
    tape = _tape([-2, -1, 0, 1], [10.0] * 4)
    tape["local_time"] = tape["time"] + pd.to_timedelta([0.5, 4.0, 0.25, 0.5], unit="s")
    row = _answer(tmp_path, "clock order of trades", trades=tape)
    assert (row["count"], row["of"], row["verdict"]) == (1, 4, "warn")
    assert "+0.5 s away" in row["found"]


@pytest.mark.bad_input("ties: at midnight")
def test_ties_at_midnight_belong_to_the_new_day(tmp_path):
    quotes = _tape([-1, 0], [0, 0]).drop(columns=["price", "size"])
    quotes = quotes.assign(bid=9.0, ask=11.0, bid_size=1.0, ask_size=1.0, seq=[UNORDERED] * 2)
    row = _answer(tmp_path, "ties", quotes=quotes, trades=_tape([-2, 0, 0, 5], [10.0] * 4))
    assert (row["count"], row["of"], row["verdict"]) == (2, 4, "warn")


@pytest.mark.bad_input("silence: over midnight")
@pytest.mark.parametrize("calendar", ["24/7", CALENDAR])
def test_silence_over_midnight(tmp_path, calendar):
    # every second, but nothing from 23:50 to 00:20: between two sessions that leave no pause too
    seconds = [*range(-900, -600), *range(1200, 1500)]
    row = _answer(tmp_path, "silence", calendar, trades=_tape(seconds, [10.0] * 600))
    assert (row["count"], row["of"], row["verdict"]) == (1, 599, "warn")
    assert "longest 0 days 00:30:01 until 2024-03-07 00:20" in row["found"]


def test_the_night_between_two_sessions_is_no_silence(tmp_path):
    seconds = [*range(-900, -600), *range(70_000, 70_300)]
    row = _answer(tmp_path, "silence", HOURS, trades=_tape(seconds, [10.0] * 600))
    assert (row["count"], row["verdict"]) == (0, "pass")


@pytest.mark.bad_input("missing sessions: a day that has no file")
def test_a_missing_day(tmp_path):
    tape = _tape([-1, 0, 1, 200_000], [10.0] * 4)
    row = _answer(tmp_path, "missing sessions", "24/7", trades=tape)
    assert (row["count"], row["of"], row["verdict"]) == (1, 3, "warn")


@pytest.mark.bad_input("price jumps: a unit that changes over midnight")
def test_a_price_that_jumps_over_midnight(tmp_path):
    row = _answer(tmp_path, "price jumps", trades=_tape([-2, -1, 0, 1], [10.0, 10, 100, 100]))
    assert (row["count"], row["of"], row["verdict"]) == (1, 2, "warn")
    assert "first on 2024-03-07" in row["found"]


@pytest.mark.bad_input("reconciliation: a lost fill beside a report at midnight")
def test_a_report_at_midnight_holds_after_the_fill_at_midnight(tmp_path):
    fills = _tape([-10, 0, 5, 9], [10.0] * 4, side=1, account="A")
    reports = pd.DataFrame({"account": "A", "symbol": "X", "position": [0.0, 2.0, 7.0]})
    reports["time"] = MIDNIGHT + pd.to_timedelta([-20, 0, 60], unit="s")
    row = _answer(tmp_path, "reconciliation", fills=fills, positions=reports)
    assert (row["count"], row["of"], row["verdict"]) == (1, 3, "fail")
    assert "most +3 in A by 2024-03-07 00:01" in row["found"]  # 2 + 1 + 1 are 4, told are 7


# --- the parts that make it so --------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_condensed_accounts_part_from_reports_where_the_whole_do(seed):
    market = _market(seed, "24/7")
    if seed % 2:  # a venue that says what was held before each fill
        held = market.fills.assign(start_position=np.arange(len(market.fills), dtype=float))
        market = market.replace(fills=held)
    few = condensed(market)
    assert len(few.fills) < 80
    columns = ["account", "symbol", "after", "time", "reported", "missing"]
    found, whole = (reconcile(ledger(m))[columns] for m in (few, market))
    assert len(whole) > 3
    pd.testing.assert_frame_equal(found, whole, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [1, 2, 7, 500])
def test_a_quantile_of_counts_is_the_quantile_to_four_digits(seed, n):
    rng = np.random.default_rng(seed)
    values = rng.normal(scale=10.0 ** rng.integers(-6, 7), size=n)
    cuts = np.sort(rng.integers(0, n + 1, size=3))
    parts = [gate.tally.how_often(part) for part in np.split(values, cuts)]
    every = gate.tally.collapsed(pl.concat(parts))
    for share in (0.0, 0.25, 0.5, 0.99, 1.0):
        exact = np.quantile(values, share)
        assert gate.tally.quantile(every, share) == pytest.approx(
            exact, rel=2e-3, abs=1e-3 * np.abs(values).max()
        )
    assert np.isnan(gate.tally.median(gate.tally.how_often(np.array([np.nan]))))
