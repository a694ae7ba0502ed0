"""The panel's own quotes: what the account stood ready to trade at when each bar ended."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

NAN = np.nan
THREE_MINUTES = "09:30-09:33 UTC"
OWN = ["own_bid", "own_ask", "own_bid_size", "own_ask_size"]


def _table(columns: str, *rows: tuple, **constants: object) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=columns.split())
    full = [t if t.startswith("20") else f"2024-01-02 {t}" for t in table["time"]]
    return table.assign(time=pd.to_datetime(full, utc=True, format="ISO8601"), **constants)


def _fills(*accounts: str, day: str = "2024-01-02") -> pd.DataFrame:
    """A fill of each account in the first minute and the last."""
    rows = [(f"{day} 09:3{m}:30", n, a) for m in (0, 2) for n, a in enumerate(accounts)]
    return _table("time seq account", *rows, symbol="X", side=1, price=10.0, size=1.0)


def _market(own: pd.DataFrame, *fills: pd.DataFrame, **about: object) -> mm.Market:
    fills = pd.concat(fills or [_fills("A", "B")])
    return mm.Market(fills=fills, own_quotes=own, calendar=THREE_MINUTES, **about)


def _own(panel: pd.DataFrame, account: str) -> list[list[float]]:
    return panel.loc[panel["account"] == account, OWN].to_numpy().tolist()


def _are(panel: pd.DataFrame, account: str, expected: list) -> None:
    np.testing.assert_array_equal(_own(panel, account), expected, err_msg=account)


NONE = [NAN] * 4


def test_by_hand():
    own = _table(
        "time seq account bid ask bid_size ask_size",
        ("09:29:50", 1, "A", 1, 2, 1, 1),  # before the session: nobody says that it still stood
        ("09:30:10", 1, "A", 99, 101, 4, 6),
        ("09:30:10", 1, "B", 98, 102, 1, 1),  # of the same event, another account
        ("09:31:00", 3, "A", 98, 100, 5, 7),  # at the first bar's end: still in it
        ("09:31:20", 4, "A", NAN, 100, NAN, 7),  # no bid any more
        ("09:32:10", 5, "B", NAN, NAN, NAN, NAN),  # nothing any more
        ("09:33:00", 6, "A", 97, 99, 1, 2),  # at the close: in the last bar
        ("09:33:01", 7, "A", 1, 2, 1, 1),  # after the session
        symbol="X",
    )
    panel = mm.panel(_market(own), freq="1min")
    _are(panel, "A", [[98, 100, 5, 7], [NAN, 100, NAN, 7], [97, 99, 1, 2]])
    _are(panel, "B", [[98, 102, 1, 1], [98, 102, 1, 1], NONE])


def test_nothing_before_the_first_quote_of_the_session_and_nothing_over_the_night():
    own = _table(
        "time seq account bid ask bid_size ask_size",
        ("09:31:30", 1, "A", 99, 101, 4, 6),
        ("2024-01-03 09:31:59.999999999", 1, "A", 89, 91, 4, 6),
        symbol="X",
    )
    market = _market(own, _fills("A"), _fills("A", day="2024-01-03"))
    panel = mm.panel(market, freq="1min")
    _are(panel, "A", [NONE, *[[99, 101, 4, 6]] * 2, NONE, *[[89, 91, 4, 6]] * 2])
    daily = mm.panel(market, freq="1D")
    _are(daily, "A", [[99, 101, 4, 6], [89, 91, 4, 6]])


def test_round_the_clock_midnight_belongs_to_the_next_day():
    own = _table(
        "time seq account bid ask bid_size ask_size",
        ("2024-01-02 23:00", 1, "A", 99, 101, 4, 6),
        ("2024-01-03 00:00", 2, "A", 89, 91, 4, 6),
        symbol="X",
    )
    fills = pd.concat([_fills("A"), _fills("A", day="2024-01-03")])
    panel = mm.panel(mm.Market(fills=fills, own_quotes=own), freq="1D")
    _are(panel, "A", [[99, 101, 4, 6], [89, 91, 4, 6]])


def test_of_the_accounts_and_symbols_asked_for():
    own = _table(
        "time seq account symbol bid ask bid_size ask_size",
        ("09:30:10", 1, "A", "X", 99, 101, 4, 6),
        ("09:30:10", 2, "B", "X", 98, 102, 1, 1),
        ("09:30:10", 3, "A", "Y", 9, 11, 1, 1),
        ("09:30:10", 4, "C", "Y", 8, 12, 1, 1),  # quotes and never fills
    )
    market = _market(own, _fills("A", "B"), _fills("A").assign(symbol="Y"))
    panel = mm.panel(market, account="B", freq="1D")
    _are(panel, "B", [[98, 102, 1, 1]])
    panel = mm.panel(market, freq="1D")
    assert panel["account"].tolist() == ["A", "A", "B"]
    assert panel["own_bid"].tolist() == [99, 9, 98]
    with pytest.raises(ValueError, match=r"no account \['C'\]"):
        mm.panel(market, account="C")


def test_without_own_quotes_there_are_none():
    market = mm.Market(fills=_fills("A"), calendar=THREE_MINUTES)
    assert mm.panel(market)[OWN].isna().all(axis=None)
    assert mm.panel(market)[OWN].dtypes.eq("float64").all()
    quotes = _table("time seq bid ask bid_size ask_size", ("09:30:10", 1, 9, 11, 1, 1), symbol="X")
    assert mm.panel(market.replace(quotes=quotes))[OWN].isna().all(axis=None)


def test_the_aggregate_maker_has_no_quotes_of_its_own():
    own = _table("time seq bid ask bid_size ask_size", ("09:30:10", 1, 9, 11, 1, 1), symbol="X")
    trades = _fills("A").drop(columns="account")
    market = mm.Market(trades=trades, own_quotes=own.assign(account="A"), calendar=THREE_MINUTES)
    panel = mm.panel(market, freq="1min")
    assert panel["account"].unique().tolist() == ["aggregate maker"]
    assert panel[OWN].isna().all(axis=None)


def test_ticks_are_said_where_they_are_known():
    own = _table("time seq bid ask bid_size ask_size", ("09:30:10", 1, 9, 11, 1, 1), symbol="X")
    own = own.assign(account="A")
    symbols = pd.DataFrame({"symbol": ["X", "Y", "Z"], "tick": [0.01, np.nan, 0.5]})
    market = _market(own, _fills("A"), _fills("A").assign(symbol="Y"), symbols=symbols)
    assert mm.panel(market).attrs["ticks"] == {"X": 0.01}
    assert mm.panel(market, symbol="Y").attrs["ticks"] == {}


def test_the_long_way_round():
    """Random quotes: the last of the bar's session at or before its end, found row by row."""
    rng = np.random.default_rng(1)
    days = ["2024-01-02", "2024-01-03"]
    seconds = np.sort(rng.integers(-5, 190, size=(2, 60)), axis=1)
    opens = pd.to_datetime([f"{d} 09:30" for d in days], utc=True)
    time = opens.repeat(60) + pd.to_timedelta(seconds.ravel(), unit="s")
    own = pd.DataFrame({"time": time, "seq": range(120), "account": rng.choice(["A", "B"], 120)})
    own = own.assign(symbol="X", bid=rng.uniform(1, 2, 120), ask=rng.uniform(2, 3, 120))
    own = own.assign(bid_size=1.0, ask_size=2.0)
    own.loc[rng.random(120) < 0.3, ["bid", "bid_size"]] = NAN
    fills = [_fills("A", "B", day=day) for day in days]
    panel = mm.panel(_market(own, *fills), freq="20s")
    assert len(panel) > 30
    for bar in panel.itertuples():
        opened = opens[days.index(str(bar.day.date()))]
        past = own[(own["account"] == bar.account) & own["time"].between(opened, bar.end)]
        wanted = past[["bid", "ask", "bid_size", "ask_size"]].tail(1).to_numpy().tolist() or [NONE]
        np.testing.assert_array_equal([getattr(bar, name) for name in OWN], wanted[0])
