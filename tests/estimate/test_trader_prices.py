"""Side and price on inventory: statsmodels' dummies, the built-in skew, the traps, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import mmresearch as mm
from mmresearch.estimate.jackknife import jackknife_by_day
from mmresearch.estimate.trader_prices import _direction, _rows
from tests.truth.traders import HALF, floor


@pytest.fixture(scope="module")
def table():
    return floor(np.random.default_rng(1), days=45, lean=1.0, common=1.0)


@pytest.fixture(scope="module")
def answer(table):
    return mm.trader_prices(table)


# --- against statsmodels --------------------------------------------------------------------------


def plain(table: pd.DataFrame) -> pd.DataFrame:
    sd = table["held_session"].groupby(table["account"]).transform("std")
    away = 1e4 * (table["price"] / table["fair"] - 1)
    return table.assign(z=table["held_session"] / sd, away=away, gain=-away * table["side"])


def test_skew_is_that_of_a_constant_and_half_spread_a_series(table, answer):
    rows = plain(table)
    code = pd.factorize(rows["day"])[0]
    fit = smf.ols("away ~ z + C(account) * side", rows).fit(
        cov_type="cluster", cov_kwds={"groups": code}
    )
    mine = answer.table.set_index("term").loc["skew"]
    assert mine["estimate"] == pytest.approx(fit.params["z"], rel=1e-8)
    # the constants are partialled out, so that they do not count in (n - 1)/(n - k)
    n, k = len(rows), 9
    factor = np.sqrt((n - k) / (n - 1))
    assert mine["std_error"] == pytest.approx(fit.bse["z"] * factor, rel=1e-8)
    assert answer.fit.params["z"] == mine["estimate"]


def test_gain_is_a_regression_within_series_clustered_by_day(table, answer):
    rows = plain(table)
    code = pd.factorize(rows["day"])[0]
    own = rows.groupby("account")[["gain", "z"]].transform("mean")
    rows = rows.assign(gain=rows["gain"] - own["gain"], z=rows["z"] - own["z"])
    fit = smf.ols("gain ~ z - 1", rows).fit(
        cov_type="cluster", cov_kwds={"groups": code}, use_t=True
    )
    mine = answer.table.set_index("term").loc["advantage"]
    expected = [fit.params["z"], fit.bse["z"], *fit.conf_int().loc["z"]]
    columns = ["estimate", "std_error", "low", "high"]
    assert mine[columns].tolist() == pytest.approx(expected, rel=1e-8)


def test_direction_is_least_squares_without_each_day(table, answer):
    rows = plain(table[table["day"] < "2024-01-13"])
    found = mm.trader_prices(table[table["day"] < "2024-01-13"]).table.set_index("term")
    whole = smf.ols("side ~ z", rows).fit().params["z"]
    left = [
        smf.ols("side ~ z", rows[rows["day"] != day]).fit().params["z"]
        for day in rows["day"].unique()
    ]
    assert found.loc["direction", "estimate"] == pytest.approx(
        12 * whole - 11 * np.mean(left), rel=1e-8
    )
    error = np.sqrt(11 * np.var(left))  # (12 - 1)/12 times the sum of 12 squares
    assert found.loc["direction", "std_error"] == pytest.approx(error, rel=1e-8)


# --- the built-in skew and what misses it ---------------------------------------------------------


def test_the_skew_is_recovered_and_the_easy_regressions_miss_it(answer):
    skew = answer.quantities["skew"]
    error = answer.table.set_index("term").loc["skew", "std_error"]
    assert abs(skew.value + 2) < 3 * error
    assert skew.high < 0
    # the same skew long and short is not in the gain
    gain = answer.table.set_index("term").loc["advantage"]
    assert abs(gain["estimate"]) < 3 * gain["std_error"]
    assert abs(gain["estimate"] + 2) > 3 * gain["std_error"]
    # without the side: skew - HALF * direction, here above 0 though prices are shaded down
    traps = answer.details["traps"].set_index(["term", "regression"])["estimate"]
    mixed = skew.value - HALF * answer.quantities["direction"].value
    assert traps["skew", "side not taken out"] == pytest.approx(mixed, abs=0.1)
    assert traps["skew", "side not taken out"] > 0


def test_each_trader_alone(table, answer):
    traders = answer.details["traders"].set_index("account")
    assert traders["fills"].tolist() == [45 * 60] * 4
    own = mm.trader_prices(table[table["account"] == "T2"])
    assert traders.loc["T2", "skew"] == pytest.approx(own.quantities["skew"].value)
    assert traders.loc["T2", "direction_low"] == pytest.approx(own.quantities["direction"].low)
    assert (traders["skew_p_holm"] >= traders["skew_p"]).all()


def test_a_position_carried_moves_no_price_slope_and_has_no_direction(table, answer):
    carried = mm.trader_prices(table.assign(held=table["held"] + 1000), held="ledger")
    for name in ("skew", "advantage"):
        numbers = [
            getattr(q.quantities[name], c) for q in (carried, answer) for c in ("low", "high")
        ]
        assert numbers[:2] == pytest.approx(numbers[2:], rel=1e-6)
    assert "see `inventory_reversion`" in carried.quantities["direction"].reason
    assert "direction" not in carried.table["term"].tolist()


@pytest.mark.parametrize("days", [6, 12, 45])
def test_coin_flips_do_not_revert_but_with_a_mean_a_day_they_do(days):
    # R = 500, size 5 %: .05 +- .029 is 3 standard errors; clusters reject 7 to 12 % here
    rng, ours, naive, replications = np.random.default_rng(days), 0, 0, 500
    for _ in range(replications):
        rows = _rows(floor(rng, days=days, traders=1, fills=40), "session").frame
        found = _direction(rows, 0.95).set_index("term").loc["z"]
        ours += not found["low"] <= 0 <= found["high"]
        own = rows.groupby("day")[["side", "z"]].transform("mean")
        naive += (
            jackknife_by_day(rows["side"] - own["side"], (rows[["z"]] - own[["z"]]), rows["day"])[
                "high"
            ][0]
            < 0
        )
    assert 0.021 <= ours / replications <= 0.079
    assert naive / replications > 0.4


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.groupby("account").head(5), " fills, where 30 are needed"),
        (lambda t: t[t["day"] == t["day"].min()], "1 session, where errors by session need 6"),
        (lambda t: t[t["day"] < "2024-01-04"], "3 sessions, where errors by session need 6"),
        (lambda t: t.assign(held_session=3.0, held=3.0), "no fill has an inventory that changes"),
        (lambda t: t.assign(fair=np.nan), "no fill has an inventory that changes and a fair"),
        (lambda t: t.assign(held_session=np.nan), "no fill has an inventory"),
        (lambda t: t[t["side"] == 1], "every fill is on one side"),
        (lambda t: t.assign(price=t["fair"]), "equally far from the fair one"),
        (lambda t: t.iloc[:0], "no fill"),
    ],
    ids=["few", "one", "three", "constant", "no price", "missing", "one side", "exact", "empty"],
)
def test_fills_that_cannot_tell_are_refused(table, change, reason):
    found = mm.trader_prices(change(table))
    assert set(found.quantities) == {"direction", "skew", "advantage"}
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert reason in quantity.reason
        assert np.isnan(quantity.value)
    assert reason in str(found)


def test_rows_without_a_fair_price_are_counted(table):
    found = mm.trader_prices(table.assign(fair=table["fair"].where(table.index >= 7)))
    assert found.sample.dropped["without a fair price"] == 7
    assert found.sample.used == len(table) - 7


def test_an_account_that_traded_once_is_left_out_and_counted(table):
    once = table.iloc[[0]].assign(account="idle")
    found = mm.trader_prices(pd.concat([table, once]))
    assert found.sample.dropped["inventory never changes"] == 1
    assert found.sample.series == 4


def test_faults_are_named_at_once(table):
    bad = table.copy()
    bad.loc[3, "fair"] = np.inf
    bad = pd.concat([bad, table.iloc[[9]]], ignore_index=True)
    with pytest.raises(ValueError, match=r"fair is infinite in 1 rows; 1 fills stand twice"):
        mm.trader_prices(bad)
    with pytest.raises(ValueError, match="side is neither"):
        mm.trader_prices(table.assign(side=0.0))
    with pytest.raises(ValueError, match=r"lack the columns held, fair; `mm.trader_fills`"):
        mm.trader_prices(table.drop(columns=["held", "fair"]))
    with pytest.raises(ValueError, match="held must be one of session, ledger"):
        mm.trader_prices(table, held="night")
    with pytest.raises(TypeError, match="is a DataFrame"):
        mm.trader_prices([1, 2])
