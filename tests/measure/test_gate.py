"""The data gate: clean data raise nothing, and every planted fault is found and named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.schema import UNORDERED

HOURS = "09:30-16:00 America/New_York"
ABOUT = pd.DataFrame({"symbol": ["X"], "currency": "USD", "tick": 0.01, "calendar": HOURS})
# Friday, and Monday and Tuesday after New York's clocks went forward
OPENS = pd.to_datetime(["2024-03-08 14:30", "2024-03-11 13:30", "2024-03-12 13:30"], utc=True)

Tables = dict[str, pd.DataFrame]
NO_REPORT = pd.DataFrame({"time": OPENS[:0], "account": "A", "symbol": "X", "position": 0.0})


def clean() -> Tables:
    """Quotes every 30 s and a print a minute at the touch; A is the other side of half of them."""
    rng = np.random.default_rng(5)
    step = pd.to_timedelta(np.arange(0, 6.5 * 3600 + 1, 30), unit="s")
    time = OPENS[:0].append([start + step for start in OPENS])
    mid = 100 + 0.01 * np.cumsum(rng.choice([-2, 0, 2], len(time)))
    quotes = pd.DataFrame(
        {"time": time, "seq": range(len(time)), "symbol": "X"}
        | {"bid": (mid - 0.01).round(2), "ask": (mid + 0.01).round(2)}
        | {"bid_size": 3.0, "ask_size": 4.0}
    )
    met = quotes.iloc[1:-1:2]
    side = rng.choice([1.0, -1.0], len(met))
    trades = pd.DataFrame(
        {"time": met["time"] + pd.Timedelta("7s"), "seq": 0, "symbol": "X"}
        | {"price": np.where(side > 0, met["ask"], met["bid"]), "size": 2.0, "side": side}
        | {"trade_id": [str(n) for n in range(len(met))]}
    )
    trades = trades.reset_index(drop=True)
    fills = trades.iloc[::2].assign(account="A", side=-side[::2], fee=0.01, maker=True)
    closes = [start + pd.Timedelta("6.5h") for start in OPENS]
    held = [(fills["side"] * fills["size"])[fills["time"] <= t].sum() for t in closes]
    opening = pd.DataFrame({"time": [OPENS[0]], "position": [0.0]})
    positions = pd.concat([opening, pd.DataFrame({"time": closes, "position": held})])
    positions = positions.assign(account="A", symbol="X")
    return {"quotes": quotes, "trades": trades, "fills": fills, "positions": positions}


def gate(tables: Tables, about: pd.DataFrame = ABOUT) -> pd.DataFrame:
    return mm.check(mm.Market(symbols=about, **tables))


def found(table: pd.DataFrame, check: str) -> pd.Series:
    rows = table[table["check"] == check]
    assert len(rows) == 1, table["check"].tolist()
    return rows.iloc[0]


def test_clean_data_raise_nothing():
    table = gate(clean())
    assert table["verdict"].tolist() == ["pass"] * len(table)
    assert len(table) == 18
    assert (table["affects"] == "").all()


def test_what_the_tables_cannot_tell_has_no_row():
    table = gate({"trades": clean()["trades"]})
    assert set(table["check"]) == {
        *("side against the tick test", "unknown sides", "repeated ids in trades", "silence"),
        *("coverage", "hours", "missing sessions", "prices per tick", "price jumps"),
    }


def test_too_few_prints_say_nothing():
    tables = clean()
    table = gate(tables | {"trades": tables["trades"].head(20)})
    assert found(table, "side against the tick test")["verdict"] == "none"


def _inverted(t: Tables) -> Tables:
    return t | {"trades": t["trades"].assign(side=-t["trades"]["side"])}


def _random(t: Tables) -> Tables:
    side = np.random.default_rng(1).choice([1.0, -1.0], len(t["trades"]))
    return t | {"trades": t["trades"].assign(side=side)}


def _unsigned(t: Tables) -> Tables:
    return t | {
        "trades": t["trades"].assign(side=t["trades"]["side"].where(t["trades"].index > 99))
    }


def _repeated(t: Tables) -> Tables:
    return t | {"trades": pd.concat([t["trades"], t["trades"].head(3).assign(seq=1)])}


def _filled_twice(t: Tables) -> Tables:
    again = t["fills"].head(1).assign(seq=1)
    return {k: v for k, v in t.items() if k != "positions"} | {
        "fills": pd.concat([t["fills"], again])
    }


def _crossed(t: Tables) -> Tables:
    q = t["quotes"]
    few = q.index % 200 == 0
    return t | {"quotes": q.assign(bid=q["bid"].mask(few, q["ask"] + 0.01))}


def _locked(t: Tables) -> Tables:
    q = t["quotes"]
    return t | {"quotes": q.assign(bid=q["bid"].mask(q.index % 10 == 0, q["ask"]))}


def _tied(t: Tables) -> Tables:
    q = t["quotes"].assign(seq=t["quotes"]["seq"] + UNORDERED)
    trades = t["trades"].assign(time=t["trades"]["time"] - pd.Timedelta("7s"))
    return {"quotes": q, "trades": trades}


def _arrived_late(t: Tables) -> Tables:
    late = pd.to_timedelta(np.where(t["quotes"].index % 50 == 0, 60, 0), unit="s")
    return t | {"quotes": t["quotes"].assign(local_time=t["quotes"]["time"] + late)}


def _without(t: Tables, start: str, end: str) -> Tables:
    cut = {k: v[~v["time"].between(start, end)] for k, v in t.items() if k != "positions"}
    return cut | {"positions": t["positions"]} if "positions" in t else cut


def _silent(t: Tables) -> Tables:
    return _without(
        {k: t[k] for k in ("quotes", "trades")}, "2024-03-11 15:00Z", "2024-03-11 16:00Z"
    )


def _closed_early(t: Tables) -> Tables:
    return _without(
        {k: t[k] for k in ("quotes", "trades")}, "2024-03-12 18:30Z", "2024-03-12 21:00Z"
    )


def _no_monday(t: Tables) -> Tables:
    return _without(
        {k: t[k] for k in ("quotes", "trades")}, "2024-03-11 00:00Z", "2024-03-11 23:00Z"
    )


def _moved(hours: int) -> Callable[[Tables], Tables]:
    def moved(t: Tables) -> Tables:
        return {k: v.assign(time=v["time"] + pd.Timedelta(hours=hours)) for k, v in t.items()}

    moved.__name__ = f"moved by {hours} hours"
    return moved


def _without_daylight_saving(t: Tables) -> Tables:
    """New York's winter offset all the year: an hour late from Monday on."""
    late = {k: t[k] for k in ("quotes", "trades")}
    hour = pd.Timedelta("1h")
    return {
        k: v.assign(time=v["time"].where(v["time"] < "2024-03-10", v["time"] + hour))
        for k, v in late.items()
    }


def _recorder_slow(t: Tables) -> Tables:
    ahead = t["quotes"]["time"] + pd.Timedelta("1.25s")
    return t | {"quotes": t["quotes"].assign(exchange_time=ahead)}


def _off_tick(t: Tables) -> Tables:
    trades = t["trades"]
    return t | {"trades": trades.assign(price=trades["price"] + 0.003 * (trades.index % 99 == 1))}


def _in_cents(t: Tables) -> Tables:
    return t | {"fills": t["fills"].assign(price=100 * t["fills"]["price"])}


def _tenfold_tuesday(t: Tables) -> Tables:
    prints = t["trades"]
    tuesday = prints["time"] > "2024-03-12"
    return {"trades": prints.assign(price=prints["price"] * np.where(tuesday, 10, 1))}


def _quoted_in_lots(t: Tables) -> Tables:
    return {"quotes": t["quotes"], "trades": t["trades"].assign(size=200.0)}


def _lost_fill(t: Tables) -> Tables:
    return t | {"fills": t["fills"].drop(t["fills"].index[200])}


def _no_fees(t: Tables) -> Tables:
    return t | {"fills": t["fills"].assign(fee=None)}


def _quoting(t: Tables) -> Tables:
    """A quotes what it fills at, or at worse prices, just before each fill, and for a while."""
    fills = t["fills"]
    own = fills[["time", "symbol", "account"]].assign(seq=range(len(fills)))
    own["time"] -= pd.Timedelta("1s")
    own["bid"] = fills["price"].where(fills["side"] > 0, fills["price"] - 0.02)
    own["ask"] = own["bid"] + 0.02
    return t | {"own_quotes": own.assign(bid_size=2.0, ask_size=2.0)}


def _crossed_own(t: Tables) -> Tables:
    t = _quoting(t)
    own = t["own_quotes"]
    return t | {"own_quotes": own.assign(bid=own["bid"].where(own["seq"] % 10 > 0, own["ask"]))}


def _quoted_late(t: Tables) -> Tables:
    t = _quoting(t)
    late = t["own_quotes"]["time"] + pd.Timedelta("1s")  # of the fills' instant, behind them
    return t | {"own_quotes": t["own_quotes"].assign(time=late, seq=UNORDERED)}


def _one_sided(t: Tables) -> Tables:
    t = _quoting(t)
    few = t["own_quotes"]["seq"] % 10 == 0  # 59, of which number 390 comes after a close
    own = t["own_quotes"].assign(bid=t["own_quotes"]["bid"].mask(few))
    return t | {"own_quotes": own.assign(ask=own["ask"].mask(few))}


def _named_otherwise(t: Tables) -> Tables:
    return _quoting(t) | {"fills": t["fills"].assign(account="A2"), "positions": NO_REPORT}


def _more_than_the_tape(t: Tables) -> Tables:
    return {"trades": t["trades"], "fills": t["fills"].assign(size=5.0)}


PLANTED = [
    (_inverted, "side against the tick test", "fail", "it is inverted"),
    (_inverted, "side against the mid", "fail", "it is inverted"),
    (_random, "side against the mid", "warn", "are the clocks in step?"),
    (_unsigned, "unknown sides", "warn", "have no side"),
    (_repeated, "repeated ids in trades", "warn", "3 of 1,174"),
    (_filled_twice, "repeated ids in fills", "warn", "1 of 587"),
    (_crossed, "crossed quotes", "warn", "crossed"),
    (_locked, "crossed quotes", "warn", "locked"),
    (_tied, "ties", "warn", "1,171 of 1,171"),
    (_arrived_late, "clock order of quotes", "warn", "by local_time"),
    (
        _silent,
        "silence",
        "warn",
        "1 stretches of silence inside sessions, the longest 0 days 01:00",
    ),
    (_closed_early, "coverage", "warn", "1 of 3 (33.33%) sessions are covered less than 90%"),
    (_moved(5), "hours", "fail", "-5 hours bring them in"),
    (_moved(-4), "hours", "fail", "+4 hours bring them in"),
    (_without_daylight_saving, "hours", "fail", "-1 hour from 2024-03-11 on brings them in"),
    (
        _recorder_slow,
        "clock order of quotes",
        "warn",
        "0 of 2,343 (0.00%) rows stand in another order by exchange_time, +1.25 s away: recorded "
        "before it happened",
    ),
    (_no_monday, "missing sessions", "warn", "before 1 of 2"),
    (_off_tick, "prices per tick", "warn", "are no whole tick of 0.01"),
    (_in_cents, "price units", "fail", "fills are about 100 times trades"),
    (_tenfold_tuesday, "price jumps", "warn", "first on 2024-03-12"),
    (_quoted_in_lots, "sizes per lot", "warn", "round lots"),
    (_lost_fill, "reconciliation", "fail", "units that no fill or transfer shows"),
    (_no_fees, "fees", "warn", "586 of 586"),
    (_crossed_own, "crossed own quotes", "fail", "59 of 586"),
    (_quoted_late, "fills at own quotes", "warn", "of 582"),
    (_one_sided, "fills at own quotes", "warn", "58 of 585"),
    (_named_otherwise, "quotes without fills", "warn", "1 of 1 (100.00%) accounts quote and never"),
    (_more_than_the_tape, "fills and tape", "fail", "125.1% of the tape's volume"),
]


def _planted() -> list:
    """A case a row, marked with the kind of bad input that it is."""
    cases = []
    for row in PLANTED:
        kind = f"{row[1]}: {row[0].__name__.strip('_').replace('_', ' ')}"
        cases.append(pytest.param(*row, id=kind, marks=pytest.mark.bad_input(kind)))
    return cases


@pytest.mark.parametrize(("plant", "check", "verdict", "words"), _planted())
def test_planted_faults_are_found(plant, check, verdict, words):
    row = found(gate(plant(clean())), check)
    assert row["verdict"] == verdict
    assert words in row["found"]
    assert row["affects"] or "tape" in check


def test_prints_before_a_sessions_first_quote_are_not_held_against_last_nights():
    t = clean()
    lines = [t[name] for name in ("quotes", "trades")]
    early = [rows["time"] - rows["time"].dt.floor("D") < pd.Timedelta("15:30:00") for rows in lines]
    row = found(gate({"quotes": lines[0][~early[0]], "trades": lines[1]}), "side against the mid")
    # one print comes seven seconds after a close: no quote stands there either
    late = np.any([lines[1]["time"] == t + pd.Timedelta("6h30min7s") for t in OPENS], axis=0)
    assert late.sum() == 1
    assert row["of"] == (~early[1] & ~late).sum()
    assert row["count"] == 0


def test_own_quotes_that_are_met_raise_nothing():
    table = gate(_quoting(clean()))
    assert set(table["verdict"]) == {"pass"}
    assert found(table, "crossed own quotes")[["count", "of"]].tolist() == [0, 586]
    assert found(table, "fills at own quotes")[["count", "of"]].tolist() == [
        0,
        585,
    ]  # one after a close
    assert found(table, "quotes without fills")["found"] == "every account that quotes has fills"


def test_fills_that_own_quotes_do_not_speak_of_are_not_counted():
    t = _quoting(clean())
    # taken by the account itself, or filled in a session before its first quote there
    taken = t["fills"].assign(maker=t["fills"].index % 4 > 0, price=t["fills"]["price"])
    own = t["own_quotes"].iloc[200:]
    row = found(gate(t | {"fills": taken, "own_quotes": own}), "fills at own quotes")
    session = own["time"].dt.floor("D")
    left = taken[taken["maker"] & (taken["time"] > own["time"].iloc[0])]
    assert row["of"] == len(left)
    assert session.nunique() == 2
    # deeper than the quote, which is better for the account
    deep = t["fills"].assign(price=t["fills"]["price"] - t["fills"]["side"])
    assert found(gate(t | {"fills": deep}), "fills at own quotes")["count"] == 0


def test_what_the_ledger_refuses_is_said():
    # two symbols of one asset, and a transfer of it that does not say whose position it changed
    about = pd.DataFrame({"symbol": ["X", "Y"], "asset": "BNB", "currency": ["USD", "BTC"]})
    moved = {"time": [OPENS[0]], "seq": [0], "account": "A", "asset": "BNB", "amount": -1.0}
    row = found(gate(clean() | {"transfers": pd.DataFrame(moved)}, about), "reconciliation")
    assert (row["verdict"], row["symbol"]) == ("warn", "all")
    assert "BNB is held in X, Y" in row["found"]


def test_nothing_to_check_is_no_row():
    moved = {"time": [OPENS[0]], "seq": [0], "account": "A", "asset": "BNB", "amount": -1.0}
    for market in (mm.Market(), mm.Market(transfers=pd.DataFrame(moved))):
        assert mm.check(market).empty


def test_the_worst_comes_first():
    table = gate(_lost_fill(_unsigned(clean())))
    assert table["verdict"].tolist()[:2] == ["fail", "warn"]
    assert table["verdict"].iloc[2:].eq("pass").all()


def test_doubts_are_a_row_a_check_with_the_symbol_that_is_worst():
    t = _lost_fill(_unsigned(clean()))
    other = t["trades"].assign(symbol="Y", side=t["trades"]["side"].mask(t["trades"].index < 900))
    about = pd.concat([ABOUT, ABOUT.assign(symbol="Y")])
    checked = gate(t | {"trades": pd.concat([t["trades"], other])}, about)
    table = mm.doubts(checked)
    assert table["check"].tolist() == ["reconciliation", "unknown sides"]
    assert table["verdict"].tolist() == ["fail", "warn"]
    assert table["symbols"].tolist() == [1, 2]
    assert table["worst"].tolist() == ["X", "Y"]  # of X 100 prints have no side, of Y 900
    assert table["found"].str.startswith("900 of 1,171").tolist() == [False, True]
    assert mm.doubts(gate(clean())).empty


def test_a_table_is_checked_as_before():
    fills = clean()["fills"]
    assert len(mm.check(fills, "fills")) == len(fills)
    with pytest.raises(TypeError, match="a table and its name"):
        mm.check(fills)
