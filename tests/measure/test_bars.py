"""Bar edges and which bar an event belongs to, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from mmresearch.measure import bars as b
from mmresearch.sessions import session_table
from tests.measure.slow_bars import bar_rows, found_rows, next_rows

HOURS = "09:30-16:00 America/New_York"


def _times(*texts: str) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts), utc=True, format="ISO8601")).dt.as_unit("ns")


def _events(*texts: str, seq: list[int] | None = None) -> pd.DataFrame:
    return pd.DataFrame({"time": _times(*texts), "seq": seq or list(range(len(texts)))})


def _cut(
    freq: str, calendar: str, *span: str, trades: pd.DataFrame | None = None
) -> tuple[b.Bars, pd.DataFrame]:
    """Bars of the sessions that `span` and the trades are in, and their labels."""
    times = _times(*span) if trades is None else pd.concat([_times(*span), trades["time"]])
    sessions = session_table(calendar, times.reset_index(drop=True))
    step = b.parse_freq(freq)
    b.refuse_step(step, calendar, sessions)
    cut = b.cut(step, sessions, trades)
    return cut, pd.DataFrame(b.labels(cut, calendar))


def _rows(events: pd.DataFrame, bars: b.Bars) -> list[int]:
    """Each event's bar, by the panel's loop and by the slow way that tests hold it to."""
    found, _ = found_rows(events, bars)
    assert found.tolist() == bar_rows(events, bars).tolist()
    return found.tolist()


def _next_rows(events: pd.DataFrame, bars: b.Bars) -> list[int]:
    """Of the events outside every session the first bar after them."""
    _, found = found_rows(events, bars)
    outside = bar_rows(events, bars) < 0
    assert found[outside].tolist() == next_rows(events, bars)[outside].tolist()
    return found.tolist()


@pytest.mark.parametrize(
    ("freq", "kind", "size"),
    [
        ("1s", "clock", 10**9),
        ("1min", "clock", 60 * 10**9),
        ("min", "clock", 60 * 10**9),
        ("00:05:00", "clock", 300 * 10**9),
        (pd.Timedelta("90s"), "clock", 90 * 10**9),
        ("500 trades", "count", 500),
        ("1,000 trades", "count", 1000),
        ("1 print", "count", 1),
        ("1D", "session", 0),
        ("d", "session", 0),
        ("24h", "session", 0),
        ("2H", "clock", 7200 * 10**9),
        ("5T", "clock", 300 * 10**9),
    ],
)
def test_freq_is_a_clock_step_a_count_or_a_session(freq, kind, size):
    assert b.parse_freq(freq) == b.Step(kind, size)


@pytest.mark.parametrize("freq", ["5", "abc", "", "trades", "1.5 trades", "1M", 5, None, pd.NaT])
def test_freq_not_understood_says_what_is(freq):
    with pytest.raises(ValueError, match=r"not understood; give a clock step.*500 trades.*1D"):
        b.parse_freq(freq)


@pytest.mark.parametrize("freq", ["0min", "-1min", "0 trades", "0.1ns"])
def test_freq_must_go_forward(freq):
    with pytest.raises(ValueError, match="no step forward"):
        b.parse_freq(freq)


def test_last_clock_bar_ends_at_the_close():
    """Six and a half hours in steps of four: 09:30-13:30 and 13:30-16:00 New York (UTC-5)."""
    bars, labels = _cut("4h", HOURS, "2024-01-02 15:00")
    assert labels["start"].tolist() == list(
        pd.to_datetime(["2024-01-02 14:30", "2024-01-02 18:30"])
    )
    assert labels["end"].tolist() == list(pd.to_datetime(["2024-01-02 18:30", "2024-01-02 21:00"]))
    assert labels["time_of_day"].tolist() == [0.0, 4 * 3600.0]
    assert len(bars) == 2


def test_event_at_an_edge_belongs_to_the_bar_that_ends_there():
    bars, _ = _cut("1min", HOURS, "2024-01-02 15:00")
    events = _events(
        "2024-01-02 14:29:59.999999999",  # before the open
        "2024-01-02 14:30:00",  # the open: first bar
        "2024-01-02 14:31:00",  # its end: first bar
        "2024-01-02 14:31:00.000000001",  # second bar
        "2024-01-02 20:59:00",  # the last bar but one
        "2024-01-02 21:00:00",  # the close: last bar
        "2024-01-02 21:00:00.000000001",  # after it
    )
    assert _rows(events, bars) == [-1, 0, 0, 1, 388, 389, -1]


def test_events_outside_wait_for_the_next_session():
    bars, _ = _cut("1h", "09:00-11:00 UTC", "2024-01-02 09:30", "2024-01-03 09:30")
    events = _events("2024-01-02 03:00", "2024-01-02 12:00", "2024-01-03 08:59", "2024-01-03 11:01")
    assert _rows(events, bars) == [-1] * 4
    assert _next_rows(events, bars) == [0, 2, 2, -1]


def test_round_the_clock_midnight_opens_the_next_day():
    bars, labels = _cut("1h", "24/7", "2024-03-10 00:00", "2024-03-11 05:00")
    assert labels["bar"].tolist() == list(range(24)) * 2
    events = _events("2024-03-10 00:00", "2024-03-10 23:59:59", "2024-03-11", "2024-03-11 01:00")
    assert _rows(events, bars) == [0, 23, 24, 24]


def test_summer_time_moves_the_open_not_the_count():
    """New York's clocks went forward on Sunday 2024-03-10."""
    _, labels = _cut("1min", "XNYS", "2024-03-08 15:00", "2024-03-11 15:00")
    assert labels.groupby("day").size().tolist() == [390, 390]
    opens = labels.loc[labels["bar"] == 0, "start"]
    assert opens.tolist() == list(pd.to_datetime(["2024-03-08 14:30", "2024-03-11 13:30"]))
    assert labels["time_of_day"].max() == 389 * 60.0
    assert not labels["gap"].any()


def test_half_day_has_fewer_bars():
    """The New York Stock Exchange closed at 13:00 on 2024-07-03 and all day on the 4th."""
    _, labels = _cut("1min", "XNYS", "2024-07-03 14:00", "2024-07-05 14:00")
    assert labels.groupby("day").size().tolist() == [210, 390]


def test_count_bars_hold_every_second_print_and_the_rest():
    """Five prints: two, two and one. Prints of one instant are told apart by seq."""
    prints = _events(
        *["2024-01-02 09:10", "2024-01-02 09:20", "2024-01-02 09:20", "2024-01-02 09:20"],
        "2024-01-02 09:40",
        seq=[1, 5, 6, 7, 1],
    )
    bars, labels = _cut("2 trades", "09:00-10:00 UTC", trades=prints)
    assert _rows(prints, bars) == [0, 0, 1, 1, 2]
    assert labels["bar"].tolist() == [0, 1, 2]
    edges = ["09:00", "09:20", "09:20", "10:00"]
    edges = [pd.Timestamp(f"2024-01-02 {edge}") for edge in edges]
    assert labels["start"].tolist() == edges[:-1]
    assert labels["end"].tolist() == edges[1:]


def test_count_bar_ends_with_its_last_print():
    """A fill of the print's (time, seq) belongs with it, a quote after it to the next bar."""
    prints = _events("2024-01-02 09:10", "2024-01-02 09:20", "2024-01-02 09:30", seq=[3, 3, 3])
    bars, _ = _cut("2 trades", "09:00-10:00 UTC", trades=prints)
    others = _events(
        *["2024-01-02 09:00", "2024-01-02 09:20", "2024-01-02 09:20", "2024-01-02 09:20"],
        *["2024-01-02 09:25", "2024-01-02 10:00", "2024-01-02 10:01"],
        seq=[0, 2, 3, 4, 0, 0, 0],
    )
    assert _rows(others, bars) == [0, 0, 0, 1, 1, 1, -1]


def test_count_that_comes_out_even_leaves_no_empty_bar():
    prints = _events(*[f"2024-01-02 09:{m}" for m in (10, 20, 30, 40)])
    bars, labels = _cut("2 trades", "09:00-10:00 UTC", trades=prints)
    assert len(bars) == 2
    assert labels["end"].iloc[-1] == pd.Timestamp("2024-01-02 10:00")
    assert _rows(_events("2024-01-02 09:50"), bars) == [1]


def test_count_starts_anew_each_session_and_skips_prints_outside():
    prints = _events(
        *["2024-01-02 08:00", "2024-01-02 09:10", "2024-01-02 09:20", "2024-01-02 09:30"],
        *["2024-01-02 11:00", "2024-01-04 09:10", "2024-01-04 09:20"],
    )
    bars, labels = _cut("2 trades", "09:00-10:00 UTC", "2024-01-03 09:30", trades=prints)
    assert _rows(prints, bars) == [-1, 0, 0, 1, -1, 3, 3]
    assert labels["bar"].tolist() == [0, 1, 0, 0]  # the 3rd has no print, and still a bar
    assert _next_rows(prints, bars)[4] == 2


def test_dates_have_no_clock_but_counts_and_sessions():
    prints = _events(*["2024-01-02"] * 3, *["2024-01-03"] * 2, seq=[1, 2, 3, 1, 2])
    with pytest.raises(ValueError, match=r"no clock inside a session.*'1D'.*'500 trades' works"):
        _cut("1min", "dates", trades=prints)
    bars, labels = _cut("2 trades", "dates", trades=prints)
    assert _rows(prints, bars) == [0, 0, 1, 2, 2]
    assert labels["time_of_day"].isna().all()
    bars, _ = _cut("1D", "dates", trades=prints)
    assert _rows(prints, bars) == [0, 0, 0, 1, 1]


def test_step_longer_than_a_session_is_refused():
    with pytest.raises(ValueError, match=r"longer than a session \(0 days 06:30:00\).*'1D'"):
        _cut("7h", HOURS, "2024-01-02 15:00")
    bars, _ = _cut("6h30min", HOURS, "2024-01-02 15:00")
    assert len(bars) == 1


def test_step_that_makes_too_many_bars_is_refused():
    with pytest.raises(ValueError, match="would make 86,400,000,000 bars"):
        _cut("1us", "24/7", "2024-01-02")


def test_count_needs_prints():
    with pytest.raises(ValueError, match="needs the market's trades"):
        _cut("5 trades", "24/7", "2024-01-02")


def test_gap_marks_the_first_bar_after_a_missing_session():
    days = [f"2024-01-{d:02} 09:30" for d in (1, 2, 3, 4, 5, 8, 10)]  # Tuesday the 9th is missing
    _, labels = _cut("30min", "09:00-10:00 UTC", *days)
    marked = labels[labels["gap"]]
    assert marked["day"].tolist() == [pd.Timestamp("2024-01-10")]
    assert marked["bar"].tolist() == [0]
