"""What an obliged maker owed and gave: by hand, by conservation, and refused where it must be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

NAN = np.nan
HOURS = "09:30-11:00 UTC"  # 5,400 seconds: an hour and a half one
RULES = {"presence": 0.6, "max_spread_bps": 100, "min_size": 5}


def at(text: str) -> pd.Timestamp:
    return pd.Timestamp(text if text.startswith("20") else f"2024-01-02 {text}", tz="UTC")


def quotes(*rows: tuple, **constants: object) -> pd.DataFrame:
    """time, bid, ask, bid_size, ask_size."""
    table = pd.DataFrame(rows, columns=["time", "bid", "ask", "bid_size", "ask_size"], dtype=object)
    table = table.astype(dict.fromkeys(table.columns[1:], float))
    table = table.assign(time=[at(t) for t in table["time"]], seq=range(len(table)))
    return table.assign(**{"account": "M", "symbol": "X"} | constants)


# spread 100 bps of 100 exactly at 99.5 to 100.5
DAY = quotes(
    ("09:29:00", 99.5, 100.5, 9, 9),  # before the session: not carried into it
    ("09:40:00", 99.5, 100.5, 5, 5),  # complies: 600 s of no quote before it
    ("10:10:00", 99.4, 100.5, 5, 5),  # 110 bps: too wide, 300 s
    ("10:15:00", 99.6, 100.4, 4, 9),  # the bid is too small, 300 s
    ("10:20:00", NAN, 100.4, NAN, 9),  # no bid, 600 s: 10:20 to 10:30
    ("10:30:00", 99.6, 100.4, 9, 9),  # complies, 1,200 s
    ("10:50:00", 99.6, 100.4, 0, 3),  # nothing is bid for, and too little is offered, 600 s
)


def judged(table: pd.DataFrame = DAY, rules: dict = RULES, **how: object):
    return mm.quoting_obligations(table, rules, **{"calendar": HOURS} | how)


def of(row: pd.Series, *names: str) -> list:
    return row[list(names)].tolist()


SECONDS = ["seconds", "two_sided", "within_spread", "of_size", "compliant"]


def test_a_session_by_hand():
    found = judged()
    (day,) = (row for _, row in found.by_day.iterrows())
    assert of(day, "account", "symbol", "day") == ["M", "X", pd.Timestamp("2024-01-02")]
    # complies 09:40-10:10 and 10:30-10:50; two-sided also while too wide or too small
    two_sided = 1800 + 300 + 300 + 1200
    assert of(day, *SECONDS) == [5400, two_sided, two_sided - 300, two_sided - 300, 3000]
    assert of(day, "share", "required", "met") == [3000 / 5400, 0.6, False]
    assert of(day, "stressed", "stressed_compliant") == [0, 0]
    assert day[["stressed_share", "stressed_required", "stressed_met"]].isna().all()


def test_hours_by_hand():
    first, second = (row for _, row in judged().by_hour.iterrows())
    assert of(first, "hour", "start", "end") == [0, at("09:30:00"), at("10:30:00")]
    assert of(first, *SECONDS) == [3600, 2400, 2100, 2100, 1800]
    assert of(first, "share", "required", "met") == [0.5, 0.6, False]
    assert of(second, "hour", "start", "end") == [1, at("10:30:00"), at("11:00:00")]
    assert of(second, *SECONDS) == [1800, 1200, 1200, 1200, 1200]
    assert of(second, "share", "met") == [2 / 3, True]


def test_breaches_by_hand():
    breaches = judged().breaches
    assert breaches[["start", "end", "seconds", "stressed", "why"]].to_numpy().tolist() == [
        [at("09:30:00"), at("09:40:00"), 600, 0, "no quote yet"],
        [at("10:10:00"), at("10:15:00"), 300, 0, "spread too wide"],
        [at("10:15:00"), at("10:20:00"), 300, 0, "bid too small"],
        [at("10:20:00"), at("10:30:00"), 600, 0, "no bid"],
        [at("10:50:00"), at("11:00:00"), 600, 0, "no bid, ask too small"],
    ]
    assert set(breaches["account"]) == {"M"}
    assert set(breaches["day"]) == {pd.Timestamp("2024-01-02")}


def test_a_share_that_is_just_reached_is_met():
    for share, met in ((3000 / 5400, True), (0.5556, False)):
        assert judged(rules=RULES | {"presence": share}).by_day["met"].tolist() == [met]


def test_only_what_is_owed_counts():
    alone = judged(rules={"presence": 0.5}).by_day.iloc[0]
    assert alone["compliant"] == alone["two_sided"] == alone["of_size"] == 3600
    sized = judged(rules={"presence": 0.5, "min_size": 4}).by_day.iloc[0]
    assert sized["compliant"] == 3600
    wide = judged(rules={"presence": 0.5, "max_spread_bps": 99.9}).by_day.iloc[0]
    assert wide["compliant"] == 300 + 1200  # neither 100 bps nor 110


def test_ticks_are_the_markets():
    symbols = pd.DataFrame({"symbol": ["X"], "tick": [0.1]})
    market = mm.Market(own_quotes=DAY, symbols=symbols, calendar=HOURS)
    # 0.8/0.1 is 8 ticks (of floats a little more), 1.0 is 10
    for ticks, compliant in ((8, 1500), (10, 3300), (7.9, 0)):
        rules = {"presence": 0.5, "max_spread_ticks": ticks}
        assert mm.quoting_obligations(market, rules).by_day["compliant"].tolist() == [compliant]


def test_crossed_and_locked():
    table = quotes(("09:30:00", 100, 100, 9, 9), ("10:00:00", 101, 100, 9, 9))
    found = judged(table)
    assert found.by_day["compliant"].tolist() == [1800]  # locked is near enough
    assert found.breaches["why"].tolist() == ["crossed"]
    assert judged(table, {"presence": 0.5}).by_day["compliant"].tolist() == [1800]


def test_a_size_that_is_not_known_is_no_size():
    table = quotes(("09:30:00", 99.6, 100.4, NAN, 9))
    assert judged(table).breaches["why"].tolist() == ["bid too small"]
    assert judged(table, {"presence": 1}).by_day["met"].tolist() == [True]


def test_of_quotes_of_one_instant_the_last_stands():
    table = quotes(("09:30:00", 99.6, 100.4, 9, 9), ("09:30:00", NAN, 100.4, NAN, 9))
    assert judged(table).by_day["compliant"].tolist() == [0]
    again = table.assign(seq=[1, 0])
    assert judged(again).by_day["compliant"].tolist() == [5400]


def test_no_quote_over_the_night_and_a_day_without_any():
    own = quotes(("10:00:00", 99.6, 100.4, 9, 9), ("2024-01-04 10:30:00", 99.6, 100.4, 9, 9))
    prints = pd.DataFrame({"time": [at("2024-01-03 10:00:00")], "seq": 0, "symbol": "X"})
    market = mm.Market(own_quotes=own, trades=prints.assign(price=100.0, size=1), calendar=HOURS)
    found = mm.quoting_obligations(market, RULES)
    assert found.by_day["compliant"].tolist() == [3600, 0, 1800]  # the market was open on the 3rd
    assert found.breaches["why"].tolist() == ["no quote yet"] * 3
    assert found.breaches["seconds"].tolist() == [1800, 5400, 3600]


def test_round_the_clock_only_what_was_observed():
    own = quotes(
        ("2024-01-02 22:30", 99.6, 100.4, 9, 9),
        ("2024-01-03 00:00", 99.6, 100.4, 9, 9),  # of the new day
        ("2024-01-03 00:30", NAN, NAN, NAN, NAN),
        ("2024-01-03 01:15", 99.6, 100.4, 9, 9),
    )
    found = judged(own, calendar="24/7")
    assert found.by_day["seconds"].tolist() == [5400, 4500]
    assert found.by_day["compliant"].tolist() == [5400, 1800]
    hours = found.by_hour
    assert hours["hour"].tolist() == [22, 23, 0, 1]
    assert hours["seconds"].tolist() == [1800, 3600, 3600, 900]
    assert hours["start"].iloc[0] == at("2024-01-02 22:30")
    assert hours["end"].iloc[-1] == at("2024-01-03 01:15")
    (breach,) = found.breaches.itertuples()  # one, over the hour
    assert (breach.seconds, breach.why) == (2700, "no bid, no ask")
    # without the quote of midnight the one before is not carried over
    later = judged(own.drop(1), calendar="24/7")
    assert later.breaches["why"].tolist() == ["no quote yet", "no bid, no ask"]


# --- stress ---------------------------------------------------------------------------------------

STRESS = pd.DataFrame({"start": [at("10:05"), at("10:00")], "end": [at("10:25"), at("10:10")]})


def test_stressed_time_counts_for_both_shares():
    found = judged(rules=RULES | {"presence": 0.5, "stress": STRESS, "stress_presence": 0.4})
    (day,) = (row for _, row in found.by_day.iterrows())
    assert of(day, "compliant", "met") == [3000, True]
    # 10:00-10:25 once, though two intervals overlap; of it 10:00-10:10 complies
    assert of(day, "stressed", "stressed_compliant") == [1500, 600]
    assert of(day, "stressed_share", "stressed_required", "stressed_met") == [0.4, 0.4, True]
    assert found.breaches["stressed"].tolist() == [0, 300, 300, 300, 0]
    assert found.breaches["seconds"].tolist() == [600, 300, 300, 600, 600]  # not cut by stress
    last = found.by_hour.iloc[1]
    assert last["stressed"] == 0
    assert pd.isna(last["stressed_met"])


def test_an_interval_of_stress_within_another_changes_nothing():
    inner = pd.DataFrame({"start": [at("10:07")], "end": [at("10:08")]})
    nested = pd.concat([STRESS, inner, inner.head(0)], ignore_index=True)
    rules = {"stress_presence": 0.4}
    for stress in (STRESS, nested):
        assert judged(rules=rules | {"stress": stress}).by_day["stressed"].tolist() == [1500]
    assert judged(rules=rules | {"stress": inner.head(0)}).by_day["stressed"].tolist() == [0]


def test_stress_of_a_symbol_is_its_own():
    both = pd.concat([DAY, DAY.assign(symbol="Y")])
    both = both.sort_values("time", kind="stable")
    rules = {"stress_presence": 0.5, "stress": STRESS.assign(symbol="Y")}
    found = judged(both, rules).by_day.set_index("symbol")
    assert found["stressed"].to_dict() == {"X": 0, "Y": 1500}
    assert found["met"].isna().all()  # no share of the whole session was owed


def test_stress_as_volatility_by_hand():
    # the mid moves by 1 % in the minute from 10:00 to 10:01, and by 0.01 % in the one from 10:30
    best = quotes(
        ("09:30:00", 99, 101, 1, 1),
        ("10:00:30", 100, 102, 1, 1),
        ("10:30:30", 100.01, 102.01, 1, 1),
    ).drop(columns="account")
    own = quotes(("09:30:00", 99.6, 100.4, 9, 9), ("10:00:45", NAN, 100.4, NAN, 9))
    market = mm.Market(quotes=best, own_quotes=own, calendar=HOURS)
    moved = 1e4 * np.log(101 / 100)
    for stress, seconds, held in ((50, 60, 45), (moved, 60, 45), (100, 0, 0), (0.5, 120, 45)):
        rules = {"presence": 1, "max_spread_bps": 500, "stress": stress, "stress_presence": 0.9}
        day = mm.quoting_obligations(market, rules).by_day.iloc[0]
        assert of(day, "stressed", "stressed_compliant") == [seconds, held], stress


# --- conservation, and the long way round ---------------------------------------------------------


def _random(seed: int, calendar: str) -> mm.Market:
    rng, n = np.random.default_rng(seed), 400
    start = pd.Timestamp("2024-03-08 12:00", tz="UTC")
    time = pd.Series(start + pd.to_timedelta(np.sort(rng.integers(0, 3 * 86_400, n)), unit="s"))
    mid, half = rng.uniform(99, 101, n), rng.uniform(-0.1, 1, n)
    table = {"time": time, "seq": range(n), "account": rng.choice(["A", "B"], n)}
    table |= {"symbol": rng.choice(["X", "Y"], n), "bid": mid - half, "ask": mid + half}
    own = pd.DataFrame(table | {"bid_size": rng.integers(0, 9, n) * 1.0, "ask_size": 5.0})
    own.loc[rng.random(n) < 0.2, "bid"] = NAN
    return mm.Market(own_quotes=own, calendar=calendar)


@pytest.mark.parametrize("calendar", ["24/7", "09:30-16:00 America/New_York", "18:00-17:00 UTC"])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_complies_and_what_does_not_are_the_session(seed, calendar):
    market = _random(seed, calendar)
    stress = pd.DataFrame({"start": [at("2024-03-09 03:00:01")], "end": [at("2024-03-11 20:30")]})
    rules = {"presence": 0.5, "max_spread_bps": 90, "min_size": 2}
    rules |= {"stress": stress, "stress_presence": 0.3}
    by_day, by_hour, breaches = mm.quoting_obligations(market, rules)
    series = ["account", "symbol", "day"]

    def whole(values: pd.Series) -> pd.Series:
        return (1e9 * values).round().astype("int64")

    days = by_day.set_index(series)
    lost = whole(breaches["seconds"]).groupby([breaches[c] for c in series]).sum()
    lost = lost.reindex(days.index, fill_value=0)
    assert (whole(days["compliant"]) + lost == whole(days["seconds"])).all()
    lost = whole(breaches["stressed"]).groupby([breaches[c] for c in series]).sum()
    lost = lost.reindex(days.index, fill_value=0)
    assert (whole(days["stressed_compliant"]) + lost == whole(days["stressed"])).all()
    for name in (*SECONDS, "stressed", "stressed_compliant"):
        hours = whole(by_hour[name]).groupby([by_hour[c] for c in series]).sum()
        assert (hours == whole(days[name])).all(), name
    lengths = breaches["end"] - breaches["start"]
    assert (lengths == pd.to_timedelta(breaches["seconds"], unit="s")).all()
    assert (by_day["stressed"] > 0).any()
    for symbol in ("X", "Y"):
        sessions = market.sessions(symbol)
        assert by_day.loc[by_day["symbol"] == symbol, "day"].nunique() == len(sessions)
        if calendar != "24/7":
            lengths = (sessions["close"] - sessions["open"]).dt.total_seconds()
            of_one = by_day[(by_day["symbol"] == symbol) & (by_day["account"] == "A")]
            assert of_one["seconds"].tolist() == lengths.tolist()


def test_the_long_way_round():
    """Every second of the sessions by itself; all changes are on whole seconds."""
    market = _random(3, "09:30-16:00 UTC")
    rules = {"presence": 0.5, "max_spread_bps": 90, "min_size": 2}
    found = mm.quoting_obligations(market, rules).by_day.set_index(["account", "symbol", "day"])
    for symbol in ("X", "Y"):
        for session in market.sessions(symbol).itertuples():
            seconds = pd.date_range(session.open, session.close, freq="s", inclusive="left")
            for account in ("A", "B"):
                own = market.own_quotes
                own = own[(own["account"] == account) & (own["symbol"] == symbol)]
                own = own[own["time"].between(session.open, session.close)]
                clock = pd.DataFrame({"time": seconds.as_unit("ns")})
                now = pd.merge_asof(clock, own, on="time")
                near = 1e4 * (now["ask"] - now["bid"]) / ((now["ask"] + now["bid"]) / 2)
                good = near.between(0, 90) & (now["bid_size"] >= 2) & (now["ask_size"] >= 2)
                day = found.loc[(account, symbol, session.day)]
                assert of(day, "seconds", "compliant") == [len(seconds), good.sum()]


def test_accounts_and_symbols_in_order_and_as_asked():
    market = _random(4, "24/7")
    rules = {"presence": 0.5}
    found = mm.quoting_obligations(market, rules)
    for table in found:
        keys = list(table[["account", "symbol", "day"]].itertuples(index=False, name=None))
        assert keys == sorted(keys)
    some = mm.quoting_obligations(market, rules, account="B", symbol=["Y"])
    for whole, part in zip(found, some, strict=True):
        own = whole[(whole["account"] == "B") & (whole["symbol"] == "Y")].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, own)


def test_a_saved_market_is_judged_alike(tmp_path):
    market = _random(5, "24/7")
    again = mm.open(market.save(tmp_path / "m", by="day"))
    for one, other in zip(
        *(mm.quoting_obligations(m, RULES) for m in (market, again)), strict=True
    ):
        pd.testing.assert_frame_equal(one, other)


def test_no_breach_at_all():
    found = judged(quotes(("09:30:00", 99.6, 100.4, 9, 9)))
    assert found.by_day["share"].tolist() == [1]
    assert len(found.breaches) == 0
    assert found.breaches.columns.tolist() == judged().breaches.columns.tolist()


# --- bad input ------------------------------------------------------------------------------------

WRONG = [
    ({}, "no share of time is owed"),
    ({"max_spread_bps": 5}, "no share of time is owed"),
    ({"presence": 0.5, "spread": 5}, "'spread' is no rule"),
    ({"presence": 80}, "presence is 80, not a share above 0, at most 1"),
    ({"presence": 0}, "presence is 0"),
    ({"presence": "most"}, "presence is 'most'"),
    ({"presence": True}, "presence is True"),
    ({"presence": 0.5, "min_size": -1}, "min_size is -1, not a number above 0"),
    ({"presence": 0.5, "max_spread_bps": NAN}, "max_spread_bps is nan"),
    ({"presence": 0.5, "max_spread_bps": 5, "max_spread_ticks": 5}, "in bps and in ticks"),
    ({"presence": 0.5, "stress": STRESS}, "stress and stress_presence go together"),
    ({"stress_presence": 0.5}, "stress and stress_presence go together"),
    ({"presence": 0.5, "stress_presence": 0.5, "stress": -3}, "bps above 0, or a table with start"),
    ({"stress_presence": 1, "stress": STRESS[["start"]]}, "a table with start and end"),
    ({"stress_presence": 1, "stress": STRESS.assign(end=STRESS["start"])}, "ends after its start"),
    (
        {"stress_presence": 1, "stress": STRESS.assign(end=STRESS["end"].dt.tz_localize(None))},
        "need times with a time zone",
    ),
]


@pytest.mark.bad_input("rules that are not known, contradict each other or are no positive numbers")
@pytest.mark.parametrize(("rules", "said"), WRONG)
def test_wrong_rules(rules, said):
    with pytest.raises(ValueError, match=said):
        judged(rules=rules)


def test_every_wrong_rule_is_said_at_once():
    with pytest.raises(ValueError, match="'spread' is no rule; presence is 2, not"):
        judged(rules={"spread": 1, "presence": 2})
    with pytest.raises(TypeError, match="rules must be a mapping"):
        judged(rules=0.5)


@pytest.mark.bad_input("no own quotes")
def test_no_quotes():
    for market in (mm.Market(name="mine"), mm.Market(own_quotes=DAY.head(0), name="mine")):
        with pytest.raises(ValueError, match="market 'mine' has no own_quotes"):
            mm.quoting_obligations(market, RULES)
    with pytest.raises(ValueError, match="no own_quotes"):
        judged(DAY.head(0))


@pytest.mark.bad_input("an account or symbol without own quotes")
@pytest.mark.parametrize("name", ["account", "symbol"])
def test_nobody_of_that_name(name):
    with pytest.raises(ValueError, match=rf"no own quotes of {name} \['Z'\]; there are those of"):
        judged(**{name: "Z"})


@pytest.mark.bad_input("own quotes out of order")
def test_out_of_order():
    with pytest.raises(ValueError, match="not in order of time"):
        judged(DAY.iloc[::-1])


@pytest.mark.bad_input("own quotes of negative size")
def test_negative_sizes():
    with pytest.raises(mm.SchemaError, match="bid_size"):
        judged(DAY.assign(bid_size=-1.0))


@pytest.mark.bad_input("quotes without an account")
def test_without_an_account():
    with pytest.raises(mm.SchemaError, match="account"):
        judged(DAY.drop(columns="account"))


@pytest.mark.bad_input("a quote wider than the session's range")
def test_wider_than_the_session():
    best = quotes(("09:30:00", 99, 101, 1, 1), ("10:30:00", 98, 100, 1, 1)).drop(columns="account")
    own = quotes(("09:40:00", 99.6, 100.4, 9, 9), ("10:00:00", 0.01, 9999, 9, 9))
    market = mm.Market(quotes=best, own_quotes=own, calendar=HOURS)
    with pytest.raises(ValueError, match="1 own quotes of X are wider than all prices") as caught:
        mm.quoting_obligations(market, {"presence": 0.5})
    assert "0.01 to 9999" in str(caught.value)
    # where the spread is limited, it is a breach like any other
    assert "spread too wide" in set(mm.quoting_obligations(market, RULES).breaches["why"])
    own = own.assign(ask=[100.4, 3.01], bid=[99.6, 0.01])  # as wide as the session: 98 to 101
    mm.quoting_obligations(market.replace(own_quotes=own), {"presence": 0.5})


@pytest.mark.bad_input("a limit in ticks where the tick is not known")
def test_no_tick():
    with pytest.raises(ValueError, match="does not know the tick of X"):
        judged(rules={"presence": 0.5, "max_spread_ticks": 3})


@pytest.mark.bad_input("stress as volatility without the market's quotes")
def test_no_volatility():
    with pytest.raises(ValueError, match="stress as volatility needs the market's quotes"):
        judged(rules={"stress_presence": 0.5, "stress": 20})


@pytest.mark.bad_input("own quotes of sessions without a clock")
def test_no_clock():
    with pytest.raises(ValueError, match="have no clock"):
        judged(calendar="dates")
