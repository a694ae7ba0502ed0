"""Price and cumulative flow: statsmodels' statistic, planted worlds, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.stattools import adfuller, coint

import mmresearch as mm
from tests.truth.coverage_cointegration import p_value
from tests.truth.flow_market import flow_market
from tests.truth.quoting_dealer import Dealer, quoting, tape

FEW = {"size": "units", "draws": 99}


@pytest.fixture(scope="module")
def together():
    """beta .5 bps a unit; a trade closes a fifth of the gap."""
    return flow_market(np.random.default_rng(1), days=45, trades=200, rho=0.8)


@pytest.fixture(scope="module")
def answer(together):
    return mm.flow_cointegration(together, **FEW)


def told_of(found: mm.Result) -> pd.DataFrame:
    return found.details["cointegration"].set_index("test")


# --- truth ----------------------------------------------------------------------------------------


def test_the_statistic_of_one_session_is_statsmodels():
    fills = flow_market(np.random.default_rng(2), days=1, trades=300, rho=0.9)
    found = mm.flow_cointegration(fills, lags=4, **FEW).details["cointegration"]
    price = fills["price"].to_numpy()[1:] / fills["price"].iloc[0]
    flow = np.cumsum(-(fills["side"] * fills["size"]).to_numpy()[1:])
    expected = coint(price, flow, trend="c", maxlag=4, autolag=None)
    simulated, tabled = (found[found["law"] == law].iloc[0] for law in ("simulated", "MacKinnon"))
    for row in (simulated, tabled):
        assert row["statistic"] == pytest.approx(expected[0], rel=1e-8)
    assert tabled["p"] == pytest.approx(expected[1], rel=1e-6)
    alone = found.set_index("test").loc["flow alone", "statistic"]
    # statsmodels demeans by regression and counts the mean as a parameter
    own = adfuller(flow - flow.mean(), maxlag=4, autolag=None, regression="n", result_object=False)[
        0
    ]
    assert alone == pytest.approx(own, rel=1e-8)


def test_of_several_sessions_it_is_one_regression_with_their_means():
    """The long way round: slope over deviations from session means, then ADF rows in sessions."""
    fills = flow_market(np.random.default_rng(3), days=4, trades=60, rho=0.9)
    rows = fills.assign(
        p=1e4 * fills["price"] / fills.groupby("day")["price"].transform("first"),
        q=-fills["side"] * fills["size"],
    )
    rows["x"] = rows.groupby("day")["q"].cumsum()
    rows = rows[rows.groupby("day").cumcount() > 0]
    inner = rows[["p", "x"]] - rows.groupby("day")[["p", "x"]].transform("mean")
    z = inner["p"] - (inner["p"] @ inner["x"]) / (inner["x"] @ inner["x"]) * inner["x"]
    change = z.groupby(rows["day"]).diff()
    x = pd.DataFrame({"z": z.groupby(rows["day"]).shift()})
    x["c"] = change.groupby(rows["day"]).shift()
    keep = x["c"].notna()
    x, y = x[keep].to_numpy(), change[keep].to_numpy()
    slopes = np.linalg.solve(x.T @ x, x.T @ y)
    error = np.sqrt(((y - x @ slopes) ** 2).sum() / (len(y) - 2) * np.linalg.inv(x.T @ x)[0, 0])
    found = told_of(mm.flow_cointegration(fills, lags=1, **FEW))
    assert found.loc["price and flow", "statistic"] == pytest.approx(slopes[0] / error, rel=1e-8)
    assert found["sessions"].unique().tolist() == [4]


def test_what_is_planted_is_found_where_they_go_together(answer):
    """rho -.2, less what session means do: about -3/200."""
    assert told_of(answer).loc["price and flow", "p"] == 0.01
    assert "price_and_flow_part" not in answer.flags
    found = answer.quantities
    assert all(q.identified for q in found.values())
    error = (found["long_run"].high - found["long_run"].low) / 4
    assert abs(found["long_run"].value - 0.5) < 3 * error
    row = answer.table.set_index("term").loc["gap_lag"]
    assert abs(row["estimate"] + 0.2) < 3 * row["std_error"] + 3 / 200
    assert row["high"] < 0


def test_others_flow_has_a_long_run_of_its_own():
    fills = flow_market(np.random.default_rng(4), days=45, trades=100, rho=0.7, others=0.3)
    prints = tape(fills, np.random.default_rng(5))
    found = mm.flow_cointegration(fills, brokered=prints, **FEW)
    for name, truth in (("long_run", 0.5), ("long_run_brokered", 0.3)):
        told = found.quantities[name]
        assert told.identified
        assert abs(told.value - truth) < 3 * (told.high - told.low) / 4
    assert "brokered" in found.table["term"].tolist()
    # without it what others bought is in the gap, which then wanders
    alone = mm.flow_cointegration(fills.drop(columns="flow"), **FEW)
    assert (
        told_of(alone).loc["price and flow", "statistic"]
        > told_of(found).loc["price and flow", "statistic"]
    )


def test_where_they_part_the_long_run_is_refused_with_the_reason():
    """Other news stays: orders move the price for good, and yet there is no relation."""
    fills = flow_market(np.random.default_rng(6), days=12, trades=80, rho=1.0)
    found = mm.flow_cointegration(fills, **FEW)
    assert told_of(found).loc["price and flow", "p"] > 0.05
    assert "price_and_flow_part" in found.flags
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert "not told to stay together (p = 0." in quantity.reason


def test_a_dealer_who_does_nothing_against_its_inventory_is_named():
    fills = quoting(np.random.default_rng(7), Dealer(noise=0.02), days=12, trades=60)
    assert "flow_is_inventory" in mm.flow_cointegration(fills, **FEW).flags


def test_the_quick_test_of_the_coverage_table_is_the_public_one():
    fills = flow_market(np.random.default_rng(8), days=6, trades=60, rho=0.95)
    public = told_of(mm.flow_cointegration(fills, size="units", draws=59, seed=4))
    assert p_value(fills, 3, 59, 4) == public.loc["price and flow", "p"]
    assert public["lags"].unique().tolist() == [3]


def test_nothing_crosses_a_night(together, answer):
    moved = together.assign(price=together["price"] * (1 + together["day"].dt.day % 7))
    found = mm.flow_cointegration(moved, **FEW)
    pd.testing.assert_frame_equal(found.table, answer.table, rtol=1e-6)
    assert answer.sample.used == 45 * 199


def test_order_of_rows_and_the_seed(together, answer):
    found = mm.flow_cointegration(together.sample(frac=1, random_state=1), **FEW)
    pd.testing.assert_frame_equal(found.details["cointegration"], answer.details["cointegration"])


# --- bad input ------------------------------------------------------------------------------------

CANNOT_TELL = {
    "no trades": (lambda t: t.iloc[:0], "0 trades in sessions"),
    "short sessions": (lambda t: t[t["seq"] < 15], "0 trades in sessions of 20 or more"),
    "constant prices": (lambda t: t.assign(price=9.0), "prices never change"),
    "one-sided trades": (
        lambda t: t.assign(side=1.0, held=t["size"].groupby(t["day"]).cumsum() - t["size"]),
        "every trade is on one side",
    ),
    "no inventory": (lambda t: t.assign(held=np.nan), "0 trades in sessions"),
}


@pytest.mark.bad_input(*CANNOT_TELL)
@pytest.mark.parametrize("fault", CANNOT_TELL)
def test_trades_that_cannot_tell_are_refused(fault, together):
    change, reason = CANNOT_TELL[fault]
    found = mm.flow_cointegration(change(together), **FEW)
    assert list(found.quantities) == ["long_run", "adjustment"]
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert reason in quantity.reason
    assert reason in str(found)


@pytest.mark.bad_input("infinite values", "duplicated rows")
def test_faults_are_named_at_once(together):
    bad = pd.concat([together, together.iloc[[3]]]).reset_index(drop=True)
    bad.loc[5, "price"] = np.inf
    with pytest.raises(ValueError, match="price is infinite in 1 rows; 1 fills stand twice"):
        mm.flow_cointegration(bad)
    for name in ("held", "size"):
        with pytest.raises(ValueError, match=f"{name} must be one of"):
            mm.flow_cointegration(together, **{name: "night"})
    for lags in (-1, 1.5, True):
        with pytest.raises(ValueError, match="lags must be a whole number"):
            mm.flow_cointegration(together, lags=lags)
    after = together.assign(held=together["held"] + together["side"] * together["size"])
    with pytest.raises(ValueError, match="inventory after each trade"):
        mm.flow_cointegration(after)
