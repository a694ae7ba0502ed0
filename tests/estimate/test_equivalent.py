"""Equivalent inventories by hand, betas that know no future, laws recovered, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from linearmodels.panel import PanelOLS

import mmresearch as mm
from mmresearch.estimate.equivalent_rows import equivalent_rows, lagged_betas
from tests.truth.dealers import WINDOW, dealers, reverting


@pytest.fixture(scope="module")
def panel():
    return dealers(np.random.default_rng(1), theta=0.4, skew=-0.5)


@pytest.fixture(scope="module")
def answer(panel):
    return mm.equivalent_inventory(panel, quote="quote_bps", draws=99)


# --- by hand --------------------------------------------------------------------------------------


def test_betas_are_those_of_the_days_before():
    rng = np.random.default_rng(2)
    returns, day = rng.normal(size=(90, 3)), np.repeat(np.arange(30), 3)
    returns[7, 1] = np.nan  # bar 7 counts for no symbol
    betas = lagged_betas(returns, day, 20)
    assert np.isnan(betas[:20]).all()
    used = np.delete(returns[:60], 7, axis=0)
    cov = np.cov(used.T)
    np.testing.assert_allclose(betas[20], cov / np.diag(cov)[:, None], rtol=1e-10)
    np.testing.assert_allclose(np.diag(betas[25]), 1)


def test_equivalent_inventory_by_hand(panel):
    rows = equivalent_rows(panel, window=WINDOW, numbers=[]).frame
    day = panel["day"].unique()[100]
    wide = panel.pivot_table(index="day", columns="symbol", values="return_bps")
    cov = np.cov(wide.to_numpy()[100 - WINDOW : 100].T)
    held = panel[panel["day"] == day].pivot_table(
        index="account", columns="symbol", values="inventory_start"
    )
    # S1 with beta_1j = cov(r_1, r_j) / var(r_1) of S0 and S2
    by_hand = held["S1"] + (cov[1, 0] * held["S0"] + cov[1, 2] * held["S2"]) / cov[1, 1]
    mine = rows[(rows["day"] == day) & (rows["symbol"] == "S1")].set_index("account")
    np.testing.assert_allclose(mine["equivalent_start"], by_hand, rtol=1e-10)
    change = rows.assign(change=rows["inventory_end"] - rows["inventory_start"])
    sd = change[change["symbol"] == "S1"].groupby("account")["change"].std(ddof=0)
    z = held["S1"] / sd
    np.testing.assert_allclose(mine["ordinary"], z - z.median(), atol=1e-12)


def test_no_level_knows_a_later_return(panel):
    day = panel["day"].unique()[150]
    late = panel["day"] >= day
    other = panel.assign(return_bps=panel["return_bps"].where(~late, 7 * panel["return_bps"] + 3))
    one, two = (equivalent_rows(p, window=WINDOW, numbers=[]).frame for p in (panel, other))
    for column in ("equivalent_start", "equivalent_end"):
        before = one["day"] <= day
        pd.testing.assert_series_equal(one.loc[before, column], two.loc[before, column])
    assert not np.allclose(one["equivalent_end"], two["equivalent_end"])


def test_logit_is_statsmodels(panel, answer):
    rows = equivalent_rows(panel, window=WINDOW, numbers=[]).frame
    x = rows[["ordinary", "ordinary_lag", "equivalent", "equivalent_lag"]]
    series = pd.get_dummies(rows["account"] + rows["symbol"], dtype=float)
    sold = (rows["inventory_end"] < rows["inventory_start"]).astype(float)
    days = {"groups": pd.factorize(rows["day"])[0]}
    fit = sm.Logit(sold, x.join(series)).fit(cov_type="cluster", cov_kwds=days, disp=0)
    mine = answer.tidy().set_index("term")
    for kind in ("ordinary", "equivalent"):
        row = mine.loc[f"execution: {kind}"]
        assert row["estimate"] == pytest.approx(fit.params[kind], rel=1e-8)
        assert row["std_error"] == pytest.approx(fit.bse[kind], rel=1e-8)


def test_reversion_is_that_of_inventory_reversion(panel, answer):
    later = panel[panel["day"] >= panel["day"].unique()[WINDOW]]
    alone = mm.inventory_reversion(later, draws=99)
    assert answer.quantities["rho"] == alone.quantities["rho"]
    assert {"rho_equivalent", "half_life", "half_life_equivalent"} <= set(answer.quantities)


def test_equivalent_inventory_reverts_as_its_parts_do():
    """Levels about 50: with betas that move the mean would move too, and hide the reversion."""
    panel = reverting(np.random.default_rng(8), 0.9, days=300)
    found = mm.equivalent_inventory(panel, draws=199).quantities
    assert found["rho"].low < 0.9 < found["rho"].high
    assert found["rho_equivalent"].low < 0.9 < found["rho_equivalent"].high < 1
    assert found["half_life_equivalent"].identified


def test_quotes_are_linearmodels(panel, answer):
    rows = equivalent_rows(panel, window=WINDOW, numbers=[]).frame
    index = pd.MultiIndex.from_arrays(
        [pd.factorize(rows["account"] + rows["symbol"])[0], pd.factorize(rows["day"])[0]]
    )
    x = rows[["ordinary", "ordinary_lag", "equivalent", "equivalent_lag"]].set_axis(index)
    y = pd.Series(rows["quote_bps"].to_numpy(), index)
    by_day = {"cov_type": "clustered", "cluster_time": True, "group_debias": True}
    fit = PanelOLS(y, x, entity_effects=True).fit(**by_day, debiased=True)
    mine = answer.tidy().set_index("term")
    for kind in ("ordinary", "equivalent"):
        row = mine.loc[f"quote: {kind}"]
        assert row["estimate"] == pytest.approx(fit.params[kind], rel=1e-8)
        assert row["std_error"] == pytest.approx(fit.std_errors[kind], rel=1e-8)


# --- laws recovered -------------------------------------------------------------------------------


def near(answer, truths: dict[str, float]) -> None:
    table = answer.tidy().set_index("term")
    for term, truth in truths.items():
        row = table.loc[term]
        assert abs(row["estimate"] - truth) < 3 * row["std_error"], term


def test_dealers_who_act_on_ordinary_inventory(answer):
    near(
        answer,
        {
            "execution: ordinary": 0.4,
            "execution: equivalent": 0.0,
            "quote: ordinary": -0.5,
            "quote: equivalent": 0.0,
        },
    )
    assert answer.quantities["execution"].low > 0
    assert answer.quantities["quote"].high < 0
    assert (answer.details["lag"]["p"] > 0.01).all()


def test_dealers_who_act_on_equivalent_inventory():
    law = {"theta_equivalent": 0.3, "skew_equivalent": -0.5}
    panel = dealers(np.random.default_rng(3), **law)
    found = mm.equivalent_inventory(panel, quote="quote_bps", draws=99)
    near(found, {"execution: ordinary": 0.0, "execution: equivalent": 0.3})
    near(found, {"quote: ordinary": 0.0, "quote: equivalent": -0.5})
    assert found.quantities["execution_equivalent"].low > 0


def test_two_dealers():
    panel = dealers(np.random.default_rng(4), accounts=2, theta=0.5)
    near(mm.equivalent_inventory(panel, draws=99), {"execution: ordinary": 0.5})


@pytest.mark.parametrize("symbols", [1, 3])
def test_without_common_returns_equivalent_is_ordinary(panel, symbols):
    """Orthogonal returns in every window of four days: every beta is exactly zero."""
    part = panel[panel["symbol"] < f"S{symbols}"]
    number = pd.factorize(part["day"])[0] % 4
    walsh = np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
    column = part["symbol"].str[1:].astype(int).to_numpy()
    found = mm.equivalent_inventory(part.assign(return_bps=walsh[column, number]), draws=99)
    levels = found.details["inventories"]
    for w in ("_start", "_end", ""):
        np.testing.assert_allclose(levels[f"equivalent{w}"], levels[f"ordinary{w}"], rtol=1e-12)
    assert found.quantities["execution"].identified
    assert "is the ordinary one" in found.quantities["execution_equivalent"].reason
    assert found.flags == ("equivalent_is_ordinary",)


def test_split_orders_are_no_answer_to_the_level():
    """Sales that follow sales have nothing to do with inventory, and look as if they had."""
    found = mm.equivalent_inventory(dealers(np.random.default_rng(5), repeat=1.0), draws=99)
    quantity = found.quantities["execution"]
    assert not quantity.identified
    assert "a bar ago acts beside the last one" in quantity.reason
    assert found.flags == ("past_levels_act",)


# --- a constraint ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bound():
    return dealers(np.random.default_rng(6), skew=-0.5, bound=0.4)


@pytest.fixture(scope="module")
def split(bound):
    return mm.equivalent_inventory(bound, quote="quote_bps", binds="binds", draws=99)


def test_quotes_that_answer_only_where_no_constraint_binds(split):
    truths = {"free": -0.5, "binds": 0.0, "equivalent_free": 0.0, "equivalent_binds": 0.0}
    for name, truth in truths.items():
        quantity = split.quantities[f"quote_{name}"]
        assert quantity.identified
        assert quantity.low < truth < quantity.high, name
    near(split, {"quote by constraint: binds": 2.0})
    apart = split.details["interaction"].set_index("term")
    assert apart.loc["ordinary", "low"] < 0.5 < apart.loc["ordinary", "high"]
    assert apart.loc["ordinary", "p"] < 0.01 < apart.loc["equivalent", "p"]
    assert split.quantities["quote_free"].high < 0
    assert set(split.details["lag"]["inventory"]) >= {"ordinary_free", "equivalent_binds"}


def test_interaction_is_linearmodels(bound, split):
    """The usual way of writing it: the inventories, and the inventories times the constraint."""
    rows = equivalent_rows(bound, window=WINDOW, numbers=[]).frame
    index = pd.MultiIndex.from_arrays(
        [pd.factorize(rows["account"] + rows["symbol"])[0], pd.factorize(rows["day"])[0]]
    )
    x = rows[["ordinary", "ordinary_lag", "equivalent", "equivalent_lag"]]
    more = x.mul(rows["binds"].astype(float), axis=0).add_suffix("_more")
    x = x.join(more).assign(binds=rows["binds"].astype(float)).set_axis(index)
    y = pd.Series(rows["quote_bps"].to_numpy(), index)
    by_day = {"cov_type": "clustered", "cluster_time": True, "group_debias": True}
    fit = PanelOLS(y, x, entity_effects=True).fit(**by_day, debiased=True)
    apart = split.details["interaction"].set_index("term")
    table = split.tidy().set_index("term")
    for kind in ("ordinary", "equivalent"):
        for row, term in (
            (apart.loc[kind], f"{kind}_more"),
            (table.loc[f"quote by constraint: {kind}_free"], kind),
        ):
            assert row["estimate"] == pytest.approx(fit.params[term], rel=1e-8)
            assert row["std_error"] == pytest.approx(fit.std_errors[term], rel=1e-8)


def test_a_constraint_changes_nothing_else(bound, split):
    plain = mm.equivalent_inventory(bound, quote="quote_bps", draws=99)
    assert {name: split.quantities[name] for name in plain.quantities} == plain.quantities
    assert split.sample.used == plain.sample.used


def test_a_constraint_of_a_symbol_is_in_the_constants_of_its_series(bound):
    panel = bound.assign(binds=bound["symbol"] == "S1")
    found = mm.equivalent_inventory(panel, quote="quote_bps", binds="binds", draws=99)
    assert found.quantities["quote_binds"].identified
    assert "quote by constraint: binds" not in set(found.tidy()["term"])


def test_rows_in_which_the_constraint_is_unknown_count_for_neither_case(bound):
    known = bound["day"] < bound["day"].unique()[200]
    later = bound.assign(binds=bound["binds"].astype("boolean").where(known))
    one, two = (
        mm.equivalent_inventory(p, quote="quote_bps", binds="binds", draws=99)
        for p in (later, bound)
    )
    assert one.quantities["quote_binds"].value != two.quantities["quote_binds"].value
    assert one.quantities["quote"] == two.quantities["quote"]
    assert one.sample.dropped["no quote by constraint"] == 60 * 12


@pytest.mark.parametrize(
    ("binds", "reason"),
    [
        (lambda p: p["day"] > "2020-09-01", "the constraint binds on 15 days"),
        (lambda p: p["day"] >= "2020-01-01", "the constraint does not bind on 0 days"),
    ],
)
def test_constraints_that_are_too_rare_are_refused(bound, binds, reason):
    found = mm.equivalent_inventory(
        bound.assign(binds=binds(bound)), quote="quote_bps", binds="binds", draws=99
    )
    for name in ("quote_free", "quote_equivalent_binds"):
        assert not found.quantities[name].identified
        assert reason in found.quantities[name].reason
    assert found.quantities["quote"].identified


# --- data that cannot tell, and bad input ---------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: p[p["day"] < "2020-03-20"], "19 days, where clustering by day needs 40"),
        (lambda p: p[p["day"] < "2020-02-20"], "0 days"),
        (lambda p: p[p["account"] == "D1"], "0 days"),
        (lambda p: p.assign(return_bps=np.nan), "0 days"),
        (lambda p: p.assign(inventory_end=p["inventory_start"]), "0 days"),
        (lambda p: p.iloc[:0], "0 days"),
    ],
    ids=["few", "window", "one account", "no returns", "still", "empty"],
)
def test_panels_that_cannot_tell_are_refused(panel, change, reason):
    found = mm.equivalent_inventory(change(panel), draws=99)
    for name in ("execution", "execution_equivalent"):
        assert not found.quantities[name].identified
        assert reason in found.quantities[name].reason
    assert reason in str(found)


def test_best_quote_flags_take_the_place_of_sales(panel):
    sold = (panel["inventory_end"] < panel["inventory_start"]).astype(float)
    named = mm.equivalent_inventory(panel.assign(best=sold), execution="best", draws=99)
    plain = mm.equivalent_inventory(panel, draws=99)
    pd.testing.assert_frame_equal(named.tidy(), plain.tidy())


@pytest.mark.bad_input("a panel that lacks columns, holds infinities or flags that are none")
@pytest.mark.parametrize(
    ("change", "options", "fault"),
    [
        (lambda p: p.drop(columns="return_bps"), {}, "lacks the columns return_bps"),
        (lambda p: p, {"quote": "skew"}, "lacks the columns skew"),
        (lambda p: p, {"binds": "binds"}, "binds is about quotes"),
        (lambda p: p, {"quote": "quote_bps", "binds": "tied"}, "the panel, which lacks 'tied'"),
        (
            lambda p: p.assign(binds=p["binds"].astype(float)),
            {"quote": "quote_bps", "binds": "binds"},
            "binds must be a boolean column; binds is float64",
        ),
        (lambda p: p, {"execution": "quote_bps"}, "quote_bps is neither 0 nor 1 in"),
        (lambda p: p, {"window": 5}, "window must be 20 days or more, not 5"),
        (lambda p: pd.concat([p, p.iloc[:3]]), {}, "3 bars stand twice"),
        (lambda p: p.assign(quote_bps=np.inf), {"quote": "quote_bps"}, "quote_bps is infinite"),
    ],
)
def test_faults_are_named(panel, change, options, fault):
    with pytest.raises(ValueError, match=fault):
        mm.equivalent_inventory(change(panel), **options)
