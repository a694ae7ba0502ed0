"""Placebo: which inventory each return gets, that the estimate vanishes, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmresearch.estimate.errors import regress
from mmresearch.estimate.placebo import _by_day, _derangement, inventory_placebo
from mmresearch.estimate.pressure import price_pressure


def economy(
    days: int,
    bars: int,
    *,
    rho: float = 0.7,
    seed: int = 0,
    pressure: float = -0.5,
    account: str = "A",
) -> pd.DataFrame:
    """A panel of one account: AR(1) inventory, return pressure * dI - 0.3 e + noise, bps."""
    rng = np.random.default_rng(seed)
    count = days * bars
    surprise, held = rng.normal(size=count), np.zeros(count + 1)
    for t in range(count):
        held[t + 1] = rho * held[t] + surprise[t]
    information = -0.3 if pressure else 0.0
    moved = pressure * np.diff(held) + information * surprise
    day = np.repeat(np.arange(days), bars)
    return pd.DataFrame(
        {
            "account": account,
            "symbol": "X",
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D"),
            "bar": np.tile(np.arange(bars), days),
            "inventory_start": held[:-1],
            "inventory_end": held[1:],
            "return_bps": moved + rng.normal(size=count),
            "mid": 1.0,
        }
    )


def row(result: object, term: str) -> pd.Series:
    return result.table.set_index("term").loc[term]


def test_days_are_paired_bar_by_bar():
    # three days of 2, 3 and 2 bars; day 0 gets day 1's inventory, 1 gets 2's, 2 has none
    frame = pd.DataFrame(
        {"series": 0, "day": [0, 0, 1, 1, 1, 2, 2], "bar": [0, 1, 0, 1, 2, 0, 1], "y": 0.0}
    )
    kept, partner = _by_day(frame, np.array([1, 2, -1]))
    assert kept.tolist() == [0, 1, 2, 3]
    assert partner.tolist() == [2, 3, 5, 6]


def test_series_are_never_mixed():
    frame = pd.DataFrame({"series": [0, 0, 1, 1], "day": [0, 1, 0, 1], "bar": 0, "y": 0.0})
    kept, partner = _by_day(frame, np.array([1, 0]))
    assert kept.tolist() == [0, 1, 2, 3]
    assert partner.tolist() == [1, 0, 3, 2]


@pytest.mark.parametrize("count", [2, 5, 30])
def test_no_day_meets_its_own_returns(count):
    rng = np.random.default_rng(0)
    for _ in range(50):
        order = _derangement(count, rng)
        assert sorted(order) == list(range(count))
        assert not (order == np.arange(count)).any()


def test_real_rows_are_those_of_price_pressure():
    panel = economy(45, 20)
    placebo, pressure = inventory_placebo(panel), price_pressure(panel)
    assert row(placebo, "pressure")["estimate"] == pytest.approx(
        pressure.table.loc[1, "estimate"], rel=1e-9
    )
    assert row(placebo, "total")["estimate"] == pytest.approx(
        pressure.quantities["total"].value, rel=1e-9
    )
    assert placebo.details["real"].loc[0, "total"] == row(placebo, "total")["estimate"]
    assert placebo.details["real"].loc[0, "pressure"] == row(placebo, "pressure")["estimate"]
    assert placebo.unit == pressure.unit


def test_led_is_the_regression_on_the_inventory_of_a_later_session():
    panel = economy(45, 20)
    result = inventory_placebo(panel, lead=2, value=False, per=1)
    own = panel.iloc[: 43 * 20]
    later = panel.iloc[2 * 20 :].reset_index(drop=True)
    lag, change = later["inventory_start"], later["inventory_end"] - later["inventory_start"]
    x = pd.DataFrame({"const": 1.0, "lag": lag})
    fit = regress(change, x, own["day"]).fit
    expected = fit.fittedvalues - fit.fittedvalues.mean()
    x = pd.DataFrame({"const": 1.0, "pressure": expected, "total": fit.resid})
    by_hand = regress(own["return_bps"], x, own["day"]).table.set_index("term")
    for term in ("pressure", "total"):
        ours = row(result, f"{term}, led")[["estimate", "std_error", "low", "high"]]
        columns = ["estimate", "std_error", "low", "high"]
        np.testing.assert_allclose(
            ours.astype(float), by_hand.loc[term, columns].astype(float), rtol=1e-8
        )
    first = result.details["placebo"].iloc[0]
    assert first["kind"] == "led"
    assert first["total"] == row(result, "total, led")["estimate"]


@pytest.mark.parametrize(("rho", "lead"), [(0.7, 1), (0.97, 5)])
def test_lead_outlasts_the_memory_of_inventory(rho, lead):
    # 0.7**9 < 5 % is within a session of 20 bars; 0.97**99 is first below it: 5 sessions
    panel = economy(300, 20, rho=rho, seed=4)
    words = inventory_placebo(panel, shuffles=19).errors
    assert f"inventory led by {lead} sessions" in words


def test_no_lead_where_inventory_never_forgets():
    result = inventory_placebo(economy(10, 20, rho=1.0), shuffles=19)
    assert "no_led_placebo" in result.flags
    assert not result.table["term"].str.contains("led").iloc[:2].any()
    assert result.details["placebo"]["kind"].eq("shuffled").all()


@pytest.mark.parametrize(
    ("days", "bars", "words"),
    [
        (20, 30, "199 pairings of whole days"),
        (1, 600, "around the circle of each day"),
        (4, 250, "around the circle of each day"),
        (300, 1, "around the circle of the sessions"),
    ],
)
def test_what_is_planted_stands_out_and_the_placebo_vanishes(days, bars, words):
    result = inventory_placebo(economy(days, bars, seed=7))
    assert words in result.errors
    assert result.quantities["placebo_p_total"].value == pytest.approx(1 / 200)
    assert abs(row(result, "total, shuffled")["t"]) < 2
    assert abs(row(result, "pressure, shuffled")["t"]) < 2
    low, high = row(result, "total, shuffled")[["low", "high"]]
    assert low < 0 < high
    assert row(result, "total")["estimate"] < low
    drawn = result.details["placebo"].query("kind == 'shuffled'")
    assert len(drawn) == 199
    assert drawn["total"].mean() == pytest.approx(row(result, "total, shuffled")["estimate"])


def test_few_sessions_take_every_shift_once():
    # 24 rows: at least 2 bars away either side leaves 21 shifts, p in steps of 1 / 22
    result = inventory_placebo(economy(25, 1, rho=0.9, seed=2))
    p = result.quantities["placebo_p"]
    assert len(result.details["placebo"].query("kind == 'shuffled'")) == 21
    assert p.value * 22 == pytest.approx(round(p.value * 22))
    assert p.low == p.value == p.high
    assert "few_pairings" not in result.flags
    assert "few_pairings" in inventory_placebo(economy(15, 1, seed=3)).flags


def test_p_counts_the_pairings_that_reach_the_real_estimate():
    result = inventory_placebo(economy(12, 20, pressure=0.0, seed=5))
    drawn = result.details["placebo"].query("kind == 'shuffled'")
    for name, term in (("placebo_p", "pressure"), ("placebo_p_total", "total")):
        reached = (drawn[term].abs() >= abs(row(result, term)["estimate"])).sum()
        quantity = result.quantities[name]
        assert quantity.value == pytest.approx((1 + reached) / 200)
        assert 1 < reached < 199
        assert quantity.low < quantity.value < quantity.high


def test_sign_and_unit_do_not_change_p():
    panel = economy(12, 20, pressure=-0.1)
    turned = panel.assign(return_bps=-3 * panel["return_bps"])
    first, second = (inventory_placebo(p).quantities["placebo_p"].value for p in (panel, turned))
    assert first == second
    assert inventory_placebo(panel, per=7.0).quantities["placebo_p"].value == first


def test_several_series_move_together():
    both = [economy(12, 20, account=a, seed=s) for a, s in (("A", 0), ("B", 1))]
    result = inventory_placebo(pd.concat(both, ignore_index=True))
    assert result.sample.series == 2
    assert result.quantities["placebo_p_total"].value == pytest.approx(1 / 200)


def test_a_seed_gives_one_answer():
    panel = economy(12, 20)
    first, again, other = (inventory_placebo(panel, seed=s).details["placebo"] for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first["total"].equals(other["total"])


def test_what_cannot_be_answered_is_refused():
    panel = economy(6, 20)
    with pytest.raises(ValueError, match="shuffles must be 19 or more"):
        inventory_placebo(panel, shuffles=5)
    for lead in (0, 6):
        with pytest.raises(ValueError, match=f"a lead of {lead} sessions is not between 1 and 5"):
            inventory_placebo(panel, lead=lead)
    with pytest.raises(ValueError, match="inventory never changes"):
        inventory_placebo(panel.assign(inventory_start=1.0, inventory_end=1.0))
    with pytest.raises(ValueError, match="the panel has no returns"):
        inventory_placebo(panel.assign(return_bps=np.nan))
