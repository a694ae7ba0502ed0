"""What stood beside the rows of a tape: just before each, and the last valid reference later."""

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure import references as ref

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
NAN = float("nan")
QUOTES = [  # seconds, bid, ask, bid size, ask size
    (-5, 8.0, 8.2, 1, 1),
    (10, 9.9, 10.1, 1, 3),
    (20, 10.0, 10.0, 1, 1),
    (30, 10.3, 10.1, 1, 1),
    (40, NAN, 10.2, 0, 1),
    (45, 10.0, 10.4, 0, 0),
    (50, 10.1, 10.3, 1, 1),
]


def market(rows=QUOTES, calendar="10:00-10:01 UTC"):
    table = pd.DataFrame(rows, columns=["s", "bid", "ask", "bid_size", "ask_size"], dtype=float)
    table.insert(0, "time", START + pd.to_timedelta(table.pop("s"), unit="s"))
    return mm.Market(quotes=table.assign(seq=range(len(rows)), symbol="X"), calendar=calendar)


def rows(*seconds, seq=10**6):
    times = START.value + (np.array(seconds, float) * 1e9).astype("int64")
    seq = np.full(len(times), seq) if np.isscalar(seq) else np.array(seq)
    return ref.tape({"time": times, "seq": seq}, "10:00-10:01 UTC")


def beside(tape, horizons=("15s",), counted=None, **options):
    return ref.references(
        options.pop("market", market()),
        "X",
        tape,
        ref.steps_of(horizons),
        counted=counted,
        **options,
    )


def test_what_the_quote_before_lacked_has_a_name():
    found = beside(rows(-7, 5, 12, 21, 31, 41, 46, 55), reference="weighted_mid")
    words = ["outside every session", "no quote before", "", "locked", "crossed", "one side only"]
    assert ref.apart_text(found.apart).tolist() == [*words, "no sizes", ""]
    np.testing.assert_allclose(found.ask, [NAN, NAN, 10.1, 10.0, 10.1, 10.2, 10.4, 10.3])
    # (10.1 * 1 + 9.9 * 3) / 4
    np.testing.assert_allclose(found.reference, [NAN, NAN, 9.95, NAN, NAN, NAN, NAN, 10.2])


def test_later_is_the_last_valid_one_of_the_session():
    found = beside(rows(-7, 1, 5, 12, 31, 46, 55), ["4s", "15s"])
    # 4 s after second 1 none of the session's own has come: that of second -5 is not its
    np.testing.assert_allclose(found.later[0], [NAN, NAN, NAN, 10.0, 10.0, 10.2, NAN])
    # at 16, 20 (locked), 27 (locked), 46 (mid 10.2), 61: past the close
    np.testing.assert_allclose(found.later[1], [NAN, 10.0, 10.0, 10.0, 10.2, NAN, NAN])


def test_the_instant_itself_is_known_only_by_its_order():
    found = beside(rows(10, 10, 45, seq=[1, 2, 5]), ["5s"])
    assert ref.apart_text(found.apart).tolist() == ["no quote before", "", "one side only"]
    np.testing.assert_allclose(found.later[0], [10.0, 10.0, 10.2])


def test_a_count_is_of_the_tape_that_is_counted():
    fills, trades = rows(12, 21, 31, 46, seq=[5, 1, 5, 5]), rows(11, 12, 15, 21, 31, 52, seq=5)
    found = beside(fills, ["1 trade", "2 trades"], trades)
    # the first and third are the trade of their instant and seq, the second comes before that
    np.testing.assert_allclose(found.later[0], [10.0, 10.0, 10.2, 10.2])
    np.testing.assert_allclose(found.later[1], [10.0, 10.0, NAN, NAN])
    alone = beside(fills, ["1 trade"])
    np.testing.assert_allclose(alone.later[0], [10.0, 10.0, 10.2, NAN])


def test_counts_do_not_cross_a_night():
    day = 86_400
    both = market([*QUOTES[1:2], (day + 1, 11.0, 11.2, 1, 1)])
    fills, trades = rows(12, day + 2), rows(13, day + 3, day + 4, 2 * day)
    found = beside(fills, ["1 trade", "2 trades"], trades, market=both)
    np.testing.assert_allclose(found.later, [[10.0, 11.1], [NAN, 11.1]])


def test_real_time_and_counts_together_and_saved_in_parts(tmp_path):
    market().save(tmp_path / "saved", by="day")
    tape = rows(5, 12, 31, 46)
    found = beside(tape, ["2 trades", "4s", "1 trade", "15s"], market=mm.open(tmp_path / "saved"))
    for k, horizon in enumerate(["2 trades", "4s", "1 trade", "15s"]):
        np.testing.assert_array_equal(found.later[k], beside(tape, [horizon]).later[0])


@pytest.mark.parametrize("reference", ["mid", "weighted_mid"])
def test_blocks_change_nothing(monkeypatch, reference):
    """However the quotes are cut, and a tape of no rows."""
    whole = beside(rows(5, 12, 21, 31, 46, 55), ["4s", "1 trade"], reference=reference)
    monkeypatch.setattr(ref, "_AT_ONCE", 1)
    again = beside(rows(5, 12, 21, 31, 46, 55), ["4s", "1 trade"], reference=reference)
    for one, other in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert beside(rows()).later.shape == (1, 0)


@pytest.mark.bad_input("no quotes at all")
def test_nothing_is_known_without_quotes():
    trade = {"time": [START], "seq": [1], "symbol": ["X"], "price": [10.0], "size": [1.0]}
    with pytest.raises(ValueError, match="need quotes or a book"):
        beside(rows(5), market=mm.Market(trades=pd.DataFrame(trade)))
