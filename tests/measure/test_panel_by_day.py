"""A market saved by day gives the same panel, one day of one symbol in memory at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import mmresearch as mm
from mmresearch import store

HOURS = "09:30-16:00 America/New_York"
PAST_MIDNIGHT = "18:00-17:00 America/New_York"
DAYS = pd.date_range("2024-03-06", periods=5, tz="UTC")  # a weekend, and clocks change in it


def _times(rng: np.random.Generator, n: int) -> pd.Series:
    """Instants of five days, some on the midnights and minutes where stretches meet."""
    whole = rng.integers(0, 5 * 86_400, size=n) * 10**9
    whole[: n // 10] = whole[: n // 10] // (3_600 * 10**9) * (3_600 * 10**9)
    return pd.Series(DAYS[0] + pd.to_timedelta(np.sort(whole), unit="ns"))


def _market(seed: int, calendar: str, *, accounts: int = 2) -> mm.Market:
    rng, n = np.random.default_rng(seed), 1_500
    symbol = rng.choice(["A", "B"], size=n)
    walk = 100 + 0.01 * rng.integers(-1, 2, size=n).cumsum()
    quotes = pd.DataFrame(
        {"time": _times(rng, n), "seq": np.arange(n), "symbol": symbol}
        | {"bid": walk, "ask": walk + 0.02, "bid_size": 5.0, "ask_size": 7.0}
    )
    prints = pd.DataFrame(
        {"time": _times(rng, n), "seq": np.arange(n, 2 * n), "symbol": symbol}
        | {"price": walk + 0.01 * rng.integers(-1, 2, size=n), "size": rng.integers(1, 9, size=n)}
    )
    prints["side"] = rng.choice([1.0, -1.0, np.nan], size=n, p=[0.3, 0.3, 0.4])
    tables = {"quotes": quotes, "trades": prints}
    if accounts:
        own = prints.sample(400, random_state=seed).sort_index().drop(columns="side")
        own = own.assign(account=rng.choice(["one", "two"][:accounts], size=400))
        tables["fills"] = own.assign(side=rng.choice([1, -1], size=400))
        moved = pd.DataFrame({"time": _times(rng, 40), "seq": range(40), "account": "one"})
        tables["transfers"] = moved.assign(asset=rng.choice(["A", "B"], 40), amount=3.0)
        mine = quotes.sample(500, random_state=seed).sort_index()
        mine["account"] = rng.choice(["one", "two", "idle"], size=500)
        tables["own_quotes"] = mine.assign(ask=mine["ask"].where(rng.random(500) < 0.9))
        told = pd.DataFrame({"time": _times(rng, 12), "account": "one", "symbol": "A"})
        tables["positions"] = told.assign(position=rng.integers(-9, 9, size=12))
    return mm.Market(calendar=calendar, **tables)


CASES = [(c, f, 2) for c in ("24/7", HOURS, PAST_MIDNIGHT) for f in ("5min", "7 trades", "1D")]
CASES += [("XNYS", "1D", 2), ("24/7", "5min", 0), (PAST_MIDNIGHT, "7 trades", 0)]


@pytest.mark.parametrize(("calendar", "freq", "accounts"), CASES)
def test_is_the_panel_of_the_whole(tmp_path, calendar, freq, accounts):
    market = _market(1, calendar, accounts=accounts)
    market.save(tmp_path / "m", by="day")
    daily = mm.open(tmp_path / "m")
    assert daily.by_day
    assert not market.by_day
    for symbol in ("A", "B"):
        pd.testing.assert_frame_equal(daily.sessions(symbol), market.sessions(symbol))
        assert daily.span(symbol) == market.span(symbol)
    whole, found = (mm.panel(m, freq=freq) for m in (market, daily))
    pd.testing.assert_frame_equal(found, whole, rtol=0, atol=1e-9)
    assert found.attrs == whole.attrs


@pytest.mark.parametrize("seed", range(3))
def test_a_mid_that_went_missing_signs_nothing_on_the_next_day_either(tmp_path, seed):
    """The first trades of a day meet the last quote of the day before, with one side or both."""
    plain, rng = _market(seed, "24/7", accounts=0), np.random.default_rng(seed)
    quotes = plain.quotes
    few = quotes[rng.random(len(quotes)) < 0.02]  # so that days begin with trades
    few = few.assign(ask=few["ask"].mask(rng.random(len(few)) < 0.4))
    market = mm.Market(calendar="24/7", trades=plain.trades, quotes=few)
    market.save(tmp_path / "m", by="day")
    whole, found = (mm.panel(m, freq="1h") for m in (market, mm.open(tmp_path / "m")))
    pd.testing.assert_frame_equal(found, whole, rtol=0, atol=1e-9)


def test_of_one_account_and_symbol_with_an_opening(tmp_path):
    market = _market(2, HOURS)
    market.save(tmp_path / "m", by="day")
    asked = {"freq": "10min", "account": "two", "symbol": "B", "opening": 17.0}
    whole, found = (mm.panel(m, **asked) for m in (market, mm.open(tmp_path / "m")))
    pd.testing.assert_frame_equal(found, whole)
    assert found["inventory_start"].iloc[0] - found["overnight_flow"].iloc[0] == 17


def test_refusals_are_the_same(tmp_path):
    market = _market(3, HOURS)
    market.save(tmp_path / "m", by="day")
    for asked in ({"account": "three"}, {"symbol": "C"}, {"freq": "7h"}):
        words = []
        for one in (market, mm.open(tmp_path / "m")):
            with pytest.raises(ValueError, match=r"there are|longer than a session") as refused:
                mm.panel(one, **asked)
            words.append(str(refused.value))
        assert words[0] == words[1]


def test_reads_no_more_than_a_day_of_a_symbol(tmp_path, monkeypatch):
    market = _market(4, "24/7")
    market.save(tmp_path / "m", by="day")
    largest = {
        name: market[name].groupby(["symbol", market[name]["time"].dt.date]).size().max()
        for name in ("trades", "quotes", "fills")
    }
    read: dict[str, int] = {}
    plain, blocks = store.Stored.read, store.Stored.blocks

    def watched(name: str, frame: pl.DataFrame) -> pl.DataFrame:
        read[name] = max(read.get(name, 0), frame.height)
        return frame

    monkeypatch.setattr(store.Stored, "read", lambda self, name: watched(name, plain(self, name)))
    monkeypatch.setattr(
        store.Stored,
        "blocks",
        lambda self, name, columns: (watched(name, b) for b in blocks(self, name, columns)),
    )
    mm.panel(mm.open(tmp_path / "m"), freq="1min")
    assert {name: read[name] for name in largest} == largest


def _unsigned(market: mm.Market, symbol: str) -> pd.DataFrame:
    """The market's trades, those of the symbol at one price and without a side: no sign to tell."""
    trades = market.trades
    mute = trades["symbol"] == symbol
    return trades.assign(side=trades["side"].mask(mute), price=trades["price"].mask(mute, 100.0))


def test_a_symbol_without_a_signed_trade_is_left_out_as_in_the_whole(tmp_path):
    plain = _market(5, "24/7", accounts=0)
    quiet = mm.Market(trades=_unsigned(plain, "B"))  # no quotes: B's trades have no sign
    quiet.save(tmp_path / "m", by="day")
    whole, found = (mm.panel(m, freq="1h") for m in (quiet, mm.open(tmp_path / "m")))
    assert whole["symbol"].unique().tolist() == ["A"]
    pd.testing.assert_frame_equal(found, whole)
    for one in (quiet, mm.open(tmp_path / "m")):
        with pytest.raises(ValueError, match=r"symbol \['B'\] has no fill and no transfer"):
            mm.panel(one, freq="1h", symbol=["A", "B"])


def test_without_any_signed_trade_or_fill_it_refuses_as_the_whole(tmp_path):
    plain = _market(6, "24/7", accounts=0)
    mute = _unsigned(mm.Market(trades=_unsigned(plain, "A")), "B")
    bare = mm.Market(quotes=plain.quotes, fills=_market(6, "24/7").fills.iloc[:0], name="market")
    for number, market in enumerate([mm.Market(trades=mute), bare]):
        market.save(tmp_path / str(number), by="day")
        words = []
        for one in (market, mm.open(tmp_path / str(number))):
            with pytest.raises(ValueError, match=r"no fill|no inventory") as refused:
                mm.panel(one, freq="1h")
            words.append(str(refused.value))
        assert words[0] == words[1]
