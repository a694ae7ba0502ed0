"""One number of many levels: planted weights come back, and the future changes nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

WEIGHTS = np.array([0.5, 0.3, 0.2])


def levels(seed: int = 1, days: int = 5, bars: int = 300, noise: float = 0.2) -> pd.DataFrame:
    """Flow of three levels that one factor drives, in multiples of depths that differ by bar."""
    rng = np.random.default_rng(seed)
    many = days * bars
    depth = rng.uniform(50, 150, many)
    flow = rng.standard_normal((many, 1)) * WEIGHTS + noise * rng.standard_normal((many, 3)) / 5
    day = pd.date_range("2024-03-04", periods=days, unit="ns").repeat(bars)
    table = pd.DataFrame({"symbol": "X", "day": day, "bar": np.tile(np.arange(bars), days)})
    table["time_of_day"] = table["bar"] * 10.0
    table["start"] = (day + pd.to_timedelta(table["time_of_day"], unit="s")).dt.tz_localize("UTC")
    for m in (1, 2, 3):
        table[f"ofi_{m}"], table[f"depth_{m}"] = flow[:, m - 1] * depth, depth * m / 2
    return table


def weights(found: pd.DataFrame) -> pd.DataFrame:
    return found[["weight_1", "weight_2", "weight_3"]]


def test_planted_weights_come_back():
    table = levels()
    found = mm.integrated_imbalance(table)
    first = found["day"] == found["day"].iloc[0]
    assert found.loc[first, ["ofi_integrated", "explained"]].isna().all().all()
    told = weights(found[~first])
    assert told.notna().all().all()
    assert np.allclose(told.abs().sum(axis=1), 1)
    assert (told.sum(axis=1) > 0).all()  # the sign is the same in all windows
    assert np.allclose(told, WEIGHTS, atol=0.02)
    # variance by hand: .38 of the factor along (.5, .3, .2), .04² in each direction
    assert found["explained"].iloc[-1] == pytest.approx((0.38 + 0.0016) / (0.38 + 0.0048), abs=0.01)
    flows = table[[f"ofi_{m}" for m in (1, 2, 3)]].to_numpy()
    depth = table[[f"depth_{m}" for m in (1, 2, 3)]].mean(axis=1).to_numpy()
    by_hand = (flows * weights(found).to_numpy()).sum(axis=1) / depth
    np.testing.assert_allclose(found["ofi_integrated"][~first], by_hand[~first])


def test_ten_times_the_size_is_the_same_number():
    table = levels()
    sizes = [f"{name}_{m}" for name in ("ofi", "depth") for m in (1, 2, 3)]
    scaled = mm.integrated_imbalance(table.assign(**{c: 10 * table[c] for c in sizes}))
    pd.testing.assert_series_equal(
        scaled["ofi_integrated"], mm.integrated_imbalance(table)["ofi_integrated"]
    )


@pytest.mark.parametrize("refit", ["1D", "10min"])
def test_a_future_that_is_shuffled_changes_nothing_before(refit):
    table = levels()
    found = mm.integrated_imbalance(table, refit=refit)
    late = table["day"] >= table["day"].unique()[3]
    shuffled = table.copy()
    rng = np.random.default_rng(2)
    for name in ("ofi_1", "ofi_2", "ofi_3"):  # apart, so that the levels' covariance is another
        shuffled.loc[late, name] = rng.permutation(table.loc[late, name].to_numpy())
    again = mm.integrated_imbalance(shuffled, refit=refit)
    pd.testing.assert_frame_equal(again[~late], found[~late])
    # and a fit that looks ahead is caught: the last day's weights do change
    assert not np.allclose(weights(again).iloc[-1], weights(found).iloc[-1])


def test_stretches_of_a_session_are_fitted_by_those_before():
    table = levels(days=1)
    found = mm.integrated_imbalance(table, refit="10min")
    first = table["time_of_day"] < 600
    assert found.loc[first, "ofi_integrated"].isna().all()
    assert found.loc[~first, "ofi_integrated"].notna().all()
    assert len(weights(found).dropna().drop_duplicates()) == 4
    assert mm.integrated_imbalance(table)["ofi_integrated"].isna().all()  # no day before


def test_symbols_do_not_know_of_each_other_and_rows_come_in_any_order():
    one, other = levels(1), levels(3, noise=3).assign(symbol="Y")
    both = pd.concat([one, other], ignore_index=True)
    found = mm.integrated_imbalance(both)
    alone = mm.integrated_imbalance(other)
    np.testing.assert_allclose(
        found.loc[found["symbol"] == "Y", "ofi_integrated"], alone["ofi_integrated"]
    )
    mixed = both.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(mm.integrated_imbalance(mixed).sort_index(), found)


def test_a_bar_without_quotes_has_no_flow():
    table = levels()
    still = table.index[-1]
    table.loc[still, [f"ofi_{m}" for m in (1, 2, 3)]] = 0.0
    table.loc[still, [f"depth_{m}" for m in (1, 2, 3)]] = np.nan
    assert mm.integrated_imbalance(table).loc[still, "ofi_integrated"] == 0


@pytest.mark.bad_input("one level alone")
def test_one_level_is_refused():
    with pytest.raises(ValueError, match="levels="):
        mm.integrated_imbalance(levels().drop(columns=["ofi_2", "ofi_3"]))
    with pytest.raises(ValueError, match="no stretch of time"):
        mm.integrated_imbalance(levels(), refit="0s")


def test_of_a_book():
    made = mm.simulate.queue_book(days=2, session_seconds=1800, levels=3, seed=1)
    found = mm.integrated_imbalance(mm.order_flow_imbalance(made.market, levels=3))
    late = found[found["day"] == found["day"].iloc[-1]].dropna(subset="ofi_integrated")
    assert len(late) == 180
    # levels behind the best only move with it: one component takes nearly all
    assert late["explained"].iloc[0] > 0.95
    assert late["ofi_integrated"].corr(late["move_ticks"]) > 0.95
