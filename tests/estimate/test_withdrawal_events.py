"""Event studies by hand, a known step recovered, and what is left out counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.estimate.event_grid import expected, past_quantile
from mmresearch.estimate.event_means import _others
from tests.truth.coverage_withdrawal import quick
from tests.truth.event_tables import World, event_table

NAN = np.nan
OUT = {"outcome": "outcome", "before": "3min", "after": "5min"}


def hand(values: list[list[float]], account: str = "M") -> pd.DataFrame:
    """Days of as many bars of a minute from 10:00."""
    days, per_day = np.shape(values)
    day = np.repeat(pd.date_range("2024-01-01", periods=days), per_day)
    bar = np.tile(np.arange(per_day), days)
    start = pd.Series(day + pd.to_timedelta(10 * 3600 + 60 * bar, unit="s")).dt.tz_localize("UTC")
    table = pd.DataFrame({"account": account, "symbol": "X", "day": day, "bar": bar})
    table = table.assign(start=start, end=start + pd.Timedelta("1min"))
    return table.assign(outcome=np.ravel(values).astype(float))


def times(*texts: str) -> pd.DataFrame:
    return pd.DataFrame({"time": pd.to_datetime(list(texts), utc=True)})


def test_by_hand():
    """Two days before; events on the third and fourth, at 10:02: windows of a bar and of two."""
    table = hand([[1, 2, 3, 4], [3, 4, 5, 6], [2, 4, 10, 8], [2, 3, 6, 11]])
    told = times("2024-01-03 10:02:30", "2024-01-04 10:02:30")
    how = {"before": "1min", "after": "2min", "past_days": 2, "min_days": 1}
    found = mm.withdrawal_events(table, events=told, outcome="outcome", **how)
    # third day: expected 3, 4, 5; abnormal 1, 6, 3. The fourth's days before are the second and
    # the third, of which the bars from the event on are not used: expected 4, 5, 6; -1, 1, 5
    curve = found.details["curve"]
    assert curve["offset"].tolist() == [-1, 0, 1]
    assert curve["seconds"].tolist() == [-60, 0, 60]
    assert curve["estimate"].tolist() == [0, 3.5, 4]
    assert curve["cumulative"].tolist()[1:] == [3.5, 7.5]
    row = found.table.set_index("term")["estimate"]
    assert row.tolist() == [3.75, 0, 3.75]
    assert found.sample.used == 2
    assert found.quantities["effect"].value == 3.75
    assert not found.quantities["effect"].identified  # two days tell no error
    assert "2 days have an event" in found.quantities["effect"].reason


def test_expectation_by_hand():
    values = np.array([[1.0, NAN], [3.0, 2.0], [8.0, 4.0], [0.0, 6.0]])
    found = expected(values, 2, 1)
    np.testing.assert_array_equal(found[:, 0], [NAN, 1, 2, 5.5])
    np.testing.assert_array_equal(found[:, 1], [NAN, NAN, 2, 3])
    np.testing.assert_array_equal(expected(values, 9, 2)[:, 1], [NAN, NAN, NAN, 3])
    limits = past_quantile(values, 0.5, 1)
    np.testing.assert_array_equal(limits, [NAN, 1, 2, 3])


def test_what_is_left_out_is_counted():
    values = np.tile(np.arange(20.0), (8, 1))
    table = hand(values + np.random.default_rng(0).normal(size=values.shape))
    table.loc[(table["day"] == table["day"].max()) & (table["bar"] == 4), "outcome"] = NAN
    told = times(
        "2024-01-01 10:10:30",  # no day before it
        "2024-01-07 10:01:30",  # the window begins before the session
        "2024-01-07 10:16:30",  # and ends after it
        "2024-01-07 10:08:30",  # used
        "2024-01-07 10:12:30",  # overlaps it
        "2024-01-08 10:05:30",  # a value is missing
        "2024-01-08 12:00:00",  # in no bar
        "2024-01-08 10:15:00",  # at an edge: of the bar that ends there, used
    )
    found = mm.withdrawal_events(table, events=told, **OUT)
    assert list(found.sample.dropped.values()) == [1, 2, 1, 1, 1]
    assert found.sample.used == 2
    events = found.details["events"]
    assert events["why"].eq("").sum() == 2
    used = events.loc[events["why"] == "", "time"].dt.strftime("%d %H:%M").tolist()
    assert used == ["07 10:08", "08 10:14"]


def test_a_step_is_recovered_within_two_errors():
    """Seed 3, 60 days, a step of 1 with noise of 1: the error is about 0.1."""
    table, told = event_table(np.random.default_rng(3), World(days=60, step=1.0))
    found = mm.withdrawal_events(table, events=told, outcome="outcome")
    row = found.table.set_index("term").loc["effect"]
    assert abs(row["estimate"] - 1) < 2 * row["std_error"]
    assert 0.03 < row["std_error"] < 0.2
    assert found.quantities["permutation_p"].value == 1 / 1000
    assert found.quantities["pre_trend_p"].value > 0.05
    curve = found.details["curve"].set_index("offset")
    assert (curve.loc[0:, "joint_low"] > 0).mean() > 0.8
    assert (curve["joint_low"] <= curve["low"]).all()
    assert curve.loc[:-1, ["joint_low", "joint_high"]].apply(lambda r: r.prod(), axis=1).max() < 0


def test_what_moved_before_the_event_is_shown():
    """Events dated five minutes late: the trend before them says so."""
    table, told = event_table(np.random.default_rng(4), World(days=60, step=1.0))
    late = told.assign(time=told["time"] + pd.Timedelta("5min"))
    found = mm.withdrawal_events(table, events=late, outcome="outcome")
    assert found.quantities["pre_trend_p"].value < 0.01


def test_daily_events_have_no_other_days():
    """At the same time on every day the step is what is expected then."""
    table, _ = event_table(np.random.default_rng(5), World(days=20))
    every = table.loc[table["bar"] == 40, "start"] + pd.Timedelta("30s")
    found = mm.withdrawal_events(table, events=list(every), outcome="outcome")
    assert not found.quantities["effect"].identified
    assert sum(found.sample.dropped.values()) == 20


def test_pseudo_events_are_on_days_that_have_all_their_windows():
    """Three days of events, five days: none twice, and only those with a window where one has."""
    whole = np.array([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 1, 1, 1]], bool)
    rng = np.random.default_rng(8)
    drawn = np.array([_others(whole, rng) for _ in range(400)])
    assert all(len(set(days)) == 3 for days in drawn)
    assert whole[0, drawn[:, 0]].all()
    assert whole[2, drawn[:, 2]].all()
    assert set(drawn[:, 1]) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("world", [World(), World(days=40, events=2.0, accounts=2)])
def test_the_quick_p_values_of_the_coverage_study_are_the_public_ones(world):
    table, told = event_table(np.random.default_rng(9), world)
    public = mm.withdrawal_events(table, events=told, outcome="outcome", permutations=99)
    for name, value in quick(table, told).items():
        assert value == public.quantities[name]


def test_mirror_and_scale():
    table, told = event_table(np.random.default_rng(6), World(step=0.5))
    here = mm.withdrawal_events(table, events=told, outcome="outcome")
    other = mm.withdrawal_events(
        table.assign(outcome=7 - 3 * table["outcome"]), events=told, outcome="outcome"
    )
    np.testing.assert_allclose(other.table["estimate"], -3 * here.table["estimate"], rtol=1e-9)
    np.testing.assert_allclose(other.table["std_error"], 3 * here.table["std_error"], rtol=1e-9)
    for name in ("permutation_p", "pre_trend_p"):
        assert other.quantities[name].value == here.quantities[name].value


def test_rows_in_any_order():
    table, told = event_table(np.random.default_rng(7), World(accounts=2))
    here = mm.withdrawal_events(table, events=told, outcome="outcome")
    mixed = table.sample(frac=1, random_state=0)
    there = mm.withdrawal_events(mixed, events=told, outcome="outcome")
    np.testing.assert_allclose(there.table["estimate"], here.table["estimate"], rtol=1e-12)


def test_events_of_one_account_are_its_own():
    table, told = event_table(np.random.default_rng(8), World(accounts=2))
    both = mm.withdrawal_events(table, events=told, outcome="outcome")
    one = mm.withdrawal_events(table, events=told.assign(account="M1"), outcome="outcome")
    assert both.sample.used == 2 * one.sample.used
    assert both.sample.days == one.sample.days


# --- events that the table itself tells of --------------------------------------------------------


def rough(days: int = 12, bars: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(9)
    table = hand(rng.normal(size=(days, bars)))
    return table.assign(
        realized_variance=1 + 0.01 * rng.random(days * bars),
        inventory_start=rng.normal(size=days * bars),
    )


def test_jumps_by_past_data_alone():
    table = rough()
    at = (table["day"] == pd.Timestamp("2024-01-10")) & (table["bar"].isin([20, 21]))
    table.loc[at, "realized_variance"] = 400.0
    found = mm.withdrawal_events(table, events="jumps", extreme=0.999, **OUT)
    events = found.details.get("events")
    assert events is not None
    hit = events[events["day"] == pd.Timestamp("2024-01-10")]
    assert hit["time"].dt.strftime("%H:%M").tolist().count("10:20") == 1
    assert "10:21" not in hit["time"].dt.strftime("%H:%M").tolist()  # it began a bar before
    # what comes later does not change which bars were events
    later = table["day"] > pd.Timestamp("2024-01-10")
    other = table.copy()
    other.loc[later, "realized_variance"] = 1e6
    again = mm.withdrawal_events(other, events="jumps", extreme=0.999, **OUT).details["events"]
    kept = again["day"] <= pd.Timestamp("2024-01-10")
    pd.testing.assert_frame_equal(again[kept], events[events["day"] <= pd.Timestamp("2024-01-10")])


def test_inventory_extremes_by_hand():
    table = rough(days=8, bars=20).assign(inventory_start=1.0)
    last = table["day"] == table["day"].max()
    table.loc[last & table["bar"].between(8, 11), "inventory_start"] = -5.0
    table.loc[last & table["bar"].eq(19), "inventory_start"] = 5.0
    found = mm.withdrawal_events(table, events="inventory", **OUT)
    events = found.details["events"]
    assert events["time"].dt.strftime("%H:%M").tolist() == ["10:08", "10:19"]
    assert events["why"].tolist()[0] == ""
    assert "session's edge" in events["why"].tolist()[1]


def test_without_anything_that_tells_of_events():
    bare = hand(np.random.default_rng(0).normal(size=(8, 30)))
    for kind in ("jumps", "inventory"):
        found = mm.withdrawal_events(bare, events=kind, **OUT)
        assert f"no column tells of {kind}" in found.quantities["effect"].reason


def test_sessions_as_bars_are_refused_with_a_reason():
    table = hand(np.random.default_rng(0).normal(size=(30, 1)))
    found = mm.withdrawal_events(table, events=times("2024-01-10 10:00:30"), **OUT)
    assert "whole sessions" in found.quantities["effect"].reason


def test_no_events_at_all():
    table = rough()
    found = mm.withdrawal_events(table, events=times("2023-01-10 10:00:30"), **OUT)
    assert found.sample.used == 0
    assert "0 events on 0 days" in found.quantities["effect"].reason
    empty = mm.withdrawal_events(table, events=times()[["time"]], **OUT)
    assert empty.sample.used == 0


REFUSED = [
    ({"events": "crashes"}, "must be one of"),
    ({"events": 5}, "must be one of"),
    ({"events": pd.DataFrame({"when": [1]})}, "column time"),
    ({"events": ["2024-01-02"]}, "time zone"),
    ({"outcome": "calm"}, "no column calm"),
    ({"before": "1s"}, "shorter than a bar"),
    ({"after": "1s"}, "shorter than a bar"),
    ({"extreme": 1.5}, "extreme"),
    ({"min_days": 0}, "min_days"),
    ({"min_days": 30}, "min_days"),
    ({"permutations": 5}, "permutations"),
    ({"level": 95}, "level"),
]


@pytest.mark.parametrize(("how", "told"), REFUSED)
def test_refused(how, told):
    with pytest.raises(ValueError, match=told):
        mm.withdrawal_events(rough(), **(OUT | how))


def test_refused_tables():
    table = rough()
    with pytest.raises(ValueError, match="twice"):
        mm.withdrawal_events(pd.concat([table, table]), **OUT)
    with pytest.raises(ValueError, match="infinite"):
        mm.withdrawal_events(table.assign(outcome=np.inf), **OUT)
    uneven = table.assign(end=table["end"] + pd.to_timedelta(table["bar"], unit="s"))
    with pytest.raises(ValueError, match="unequal length"):
        mm.withdrawal_events(uneven, **OUT)
