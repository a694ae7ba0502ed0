import numpy as np
import pandas as pd
import pytest

from mmresearch.measure.asof import known_before, known_before_by_symbol, value_before
from mmresearch.measure.blocks import of_table

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")


def at(seconds, seq, symbol="X"):
    times = START + pd.to_timedelta(seconds, unit="s")
    return pd.DataFrame({"time": times, "seq": seq, "symbol": symbol})


def test_by_hand():
    states = at([1, 2, 2, 2, 4], [0, 1, 5, 9, 0])
    events = at([0.5, 1, 1, 2, 2, 2, 3, 4, 9], [0, 0, 1, 0, 5, 7, 0, 0, 0])
    # nothing yet; own seq is not before; earlier seq is; and so on through the tie at second 2
    assert known_before(events, states).tolist() == [-1, -1, 0, 0, 1, 2, 3, 3, 4]


def test_a_quote_numbered_after_the_trades_is_known_only_from_the_next_instant():
    unordered = 2**40
    states = at([1, 2], [unordered, unordered])
    assert known_before(at([1, 2, 3], [0, 7, 0]), states).tolist() == [-1, 0, 1]


def test_equals_the_long_way_round():
    rng = np.random.default_rng(20240101)
    events, states = (
        at(np.sort(rng.integers(0, 12, n)), rng.permutation(n)).sort_values(["time", "seq"])
        for n in (60, 80)
    )
    for found, event in zip(known_before(events, states), events.itertuples(), strict=True):
        before = (states["time"] < event.time) | (
            (states["time"] == event.time) & (states["seq"] < event.seq)
        )
        assert found == before.sum() - 1


def test_no_states_and_no_events():
    assert known_before(at([1, 2], [0, 0]), at([], [])).tolist() == [-1, -1]
    assert len(known_before(at([], []), at([1], [0]))) == 0


def test_symbols_do_not_see_each_other():
    states = pd.concat([at([1, 3], 0, "X"), at([2], 0, "Y")]).sort_values("time")
    events = pd.concat([at([2.5, 4], 0, "X"), at([1.5, 5], 1, "Y"), at([9], 0, "Z")])
    assert known_before_by_symbol(events, states).tolist() == [0, 2, -1, 1, -1]


@pytest.mark.parametrize("seed", range(5))
def test_value_before_is_the_same_however_the_states_are_cut(seed):
    """Few instants, so that ties lie within blocks and across their edges; some values missing."""
    rng = np.random.default_rng(seed)
    events, states = (
        pd.DataFrame({"time": rng.integers(0, 12, n), "seq": rng.integers(0, 9, n)})
        .astype({"time": "datetime64[ns]"})
        .sort_values(["time", "seq"], ignore_index=True)
        for n in (80, 60)
    )
    states["value"] = np.where(rng.random(60) < 0.2, np.nan, rng.random(60))
    known = states.dropna(ignore_index=True)
    row = known_before(events, known)
    wanted = np.where(row >= 0, known["value"].to_numpy()[row], np.nan)
    shuffled = rng.permutation(80)
    for cuts in ([], [60], [0, 1, 30], sorted(rng.integers(0, 60, 9)), range(60)):
        columns = of_table(states, ["time", "seq", "value"])
        blocks = [
            {name: values[i:j] for name, values in columns.items()}
            for i, j in zip([0, *cuts], [*cuts, 60], strict=True)
        ]
        found = value_before(events.iloc[shuffled], blocks, "value")
        np.testing.assert_array_equal(found, wanted[shuffled])
