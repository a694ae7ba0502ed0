"""Spreads on inventory and loss: linearmodels' own numbers, the laws recovered, the traps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from linearmodels.panel import PanelOLS

import mmresearch as mm
from tests.truth.liquidity import spreads


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(1)
    return spreads(rng, days=300, inventory=1.0, top=2.0, loss=0.5)


@pytest.fixture(scope="module")
def answer(panel):
    return mm.inventory_liquidity(panel, revenue="revenue")


# --- against the library --------------------------------------------------------------------------


def by_hand(panel: pd.DataFrame) -> pd.DataFrame:
    rows = panel.sort_values(["symbol", "day"], ignore_index=True)
    rows["size"] = (rows["inventory_end"] * rows["mid"] / 1e6).abs()
    rows["top"] = rows["size"] > rows.groupby("symbol")["size"].transform(lambda v: v.quantile(0.9))
    rows["loss"] = np.maximum(-rows["revenue"] / 1e6, 0)
    columns = ["size", "top", "loss", "spread_bps"]
    lag = rows[columns].astype(float).groupby(rows["symbol"]).shift().add_suffix("_1")
    return rows.join(lag).dropna(subset=["size_1"])


@pytest.mark.parametrize("symbols", [5, 20])
def test_table_is_linearmodels(symbols):
    panel = spreads(np.random.default_rng(symbols), days=80, symbols=symbols, inventory=1.0)
    found = mm.inventory_liquidity(panel, revenue="revenue")
    rows = by_hand(panel)
    index = pd.MultiIndex.from_arrays([pd.factorize(rows["symbol"])[0], rows["day"]])
    x = rows[["size_1", "top_1", "loss_1", "spread_bps_1"]].astype(float).set_axis(index)
    model = PanelOLS(pd.Series(rows["spread_bps"].to_numpy(), index), x, entity_effects=True)
    if symbols == 5:
        fit = model.fit(cov_type="kernel", kernel="bartlett", bandwidth=3, debiased=True)
        assert "Driscoll-Kraay (5 series, 79 days), 3 lags" in found.errors
    else:
        both = {"cluster_entity": True, "cluster_time": True, "group_debias": True}
        fit = model.fit(cov_type="clustered", debiased=True, **both)
        assert "clustered by series and by day (20 series, 79 days)" in found.errors
    mine = found.table
    assert mine["term"].tolist() == [
        f"{name}_before" for name in ("inventory", "top_decile", "loss", "spread")
    ]
    np.testing.assert_allclose(mine["estimate"], fit.params, rtol=1e-8)
    np.testing.assert_allclose(mine["std_error"], fit.std_errors, rtol=1e-8)
    dummies = pd.get_dummies(rows["symbol"], dtype=float).to_numpy()
    slow = sm.OLS(rows["spread_bps"].to_numpy(), np.column_stack([x, dummies])).fit()
    np.testing.assert_allclose(mine["estimate"], slow.params[:4], rtol=1e-8)


def test_driscoll_kraay_by_hand():
    """The sandwich written out: sums of scores by day, Bartlett weights over days."""
    panel = spreads(np.random.default_rng(3), days=60, inventory=1.0)
    found = mm.inventory_liquidity(panel, shape="linear")
    rows = by_hand(panel)
    x, y = rows[["size_1", "spread_bps_1"]], rows["spread_bps"]
    x, y = (v - v.groupby(rows["symbol"]).transform("mean") for v in (x, y))
    x = x.to_numpy()
    residual = y.to_numpy() - x @ np.linalg.lstsq(x, y.to_numpy())[0]
    score = pd.DataFrame(x * residual[:, None]).groupby(rows["day"].to_numpy()).sum().to_numpy()
    middle = score.T @ score
    for lag in (1, 2, 3):
        product = score[lag:].T @ score[:-lag]
        middle += (1 - lag / 4) * (product + product.T)
    bread = np.linalg.inv(x.T @ x)
    cov = bread @ middle @ bread * len(y) / (len(y) - 7)  # two slopes and five means
    expected = np.sqrt(np.diag(cov))
    np.testing.assert_allclose(found.table["std_error"], expected, rtol=1e-8)


# --- laws recovered, and what misses them ---------------------------------------------------------


def inside(answer, name: str, truth: float) -> bool:
    row = answer.table.set_index("term").loc[f"{name}_before"]
    return abs(row["estimate"] - truth) < 3 * row["std_error"]


def test_a_step_and_a_loss_are_recovered(answer):
    for name, truth in (("inventory", 1.0), ("top_decile", 2.0), ("loss", 0.5), ("spread", 0.3)):
        assert inside(answer, name, truth), name
    assert answer.quantities["top_decile"].low > 0
    assert answer.sample.dropped["without a session before"] == 5


def test_a_square_fails_the_test_of_a_line_and_is_recovered():
    panel = spreads(np.random.default_rng(4), days=400, squared=0.8)
    found = mm.inventory_liquidity(panel, shape="square")
    assert inside(found, "inventory", 0.0)
    assert inside(found, "inventory_squared", 0.8)
    reset = found.details["reset"].set_index("regression")
    assert reset.loc["linear", "p"] < 0.001
    assert reset.loc["chosen", "p"] > 0.01
    # the line alone says that every million widens the spread as much, at any level
    line = found.details["linear"].set_index("term").loc["inventory_before", "estimate"]
    assert line > 1


def test_revenue_of_the_same_day_is_made_by_the_spread():
    """A wide spread earns: on the same day losses look as if they made spreads tight."""
    panel = spreads(np.random.default_rng(5), days=400, loss=0.5, earned=1.0)
    found = mm.inventory_liquidity(panel, revenue="revenue")
    assert inside(found, "loss", 0.5)
    assert found.quantities["loss"].low > 0
    trap = found.details["same_day"].set_index("term").loc["loss"]
    assert trap["high"] < 0


def test_reverse_says_whether_spreads_foretell_inventory(answer):
    table = answer.details["reverse"].set_index("explained")
    assert table.index.tolist() == ["inventory", "loss"]
    assert (table["p"] > 0.001).all()


@pytest.mark.slow
def test_size_where_days_are_shared():
    """No effect, half of all news common: plain errors reject far too often, ours 5 %.

    R = 200: .05 +- .046 is 3 standard errors; lags and own means cost a little more.
    """
    rng, ours, naive, replications = np.random.default_rng(6), 0, 0, 200
    for _ in range(replications):
        panel = spreads(rng, days=80, symbols=10, common=0.8)
        found = mm.inventory_liquidity(panel, shape="linear")
        quantity = found.quantities["inventory"]
        ours += not quantity.low <= 0 <= quantity.high
        plain = found.fit.model.fit(cov_type="unadjusted")
        naive += abs(plain.tstats.iloc[0]) > 1.96
    assert ours / replications <= 0.11
    assert naive / replications > 0.2


def test_makers_of_a_symbol_are_added(panel, answer):
    half = panel.assign(inventory_end=panel["inventory_end"] / 2, revenue=panel["revenue"] / 2)
    both = pd.concat([half, half.assign(account="B")], ignore_index=True)
    found = mm.inventory_liquidity(both, revenue="revenue")
    np.testing.assert_allclose(found.table["estimate"], answer.table["estimate"], rtol=1e-8)


def test_controls_of_the_panel_enter_with_their_lag(panel):
    rng = np.random.default_rng(7)
    extra = {"realized_variance": rng.random(len(panel)), "market_volume": rng.random(len(panel))}
    found = mm.inventory_liquidity(panel.assign(**extra, return_bps=rng.normal(size=len(panel))))
    terms = found.table["term"].tolist()
    assert terms[-3:] == ["volatility_before", "turnover_before", "return_before"]
    assert "no_revenue" in found.flags
    assert "loss" not in found.quantities


def test_no_lag_crosses_a_missing_session(panel):
    day = panel["day"].unique()[100]
    found = mm.inventory_liquidity(panel.assign(gap=panel["day"] == day))
    assert found.sample.dropped["without a session before"] == 10


def test_rows_that_lack_a_number_are_counted(panel):
    bad = panel.copy()
    bad.loc[bad.index[600], "spread_bps"] = np.nan
    bad.loc[bad.index[700], "inventory_end"] = np.nan
    found = mm.inventory_liquidity(bad)
    assert found.sample.dropped["without a spread"] == 1
    # the day after the first, and the day after the second
    assert found.sample.dropped["without a regressor of the day before"] == 2


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: p[p["day"] < "2020-01-20"], "18 days follow another, where 30 are needed"),
        (lambda p: p[p["day"] < "2020-01-02"], "no day has a spread and, the day before"),
        (lambda p: p.assign(inventory_end=7.0), "no symbol's inventory changes"),
        (lambda p: p.assign(inventory_end=np.nan), "no day has a spread"),
        (lambda p: p.assign(spread_bps=np.nan), "no day has a spread"),
        (lambda p: p.assign(spread_bps=4.0), "no symbol's spread changes"),
        (lambda p: p.iloc[:0], "no day has a spread"),
    ],
    ids=["few", "one", "constant", "missing", "no spread", "still spread", "empty"],
)
def test_panels_that_cannot_tell_are_refused(panel, change, reason):
    found = mm.inventory_liquidity(change(panel), revenue="revenue")
    assert list(found.quantities) == ["inventory", "top_decile", "loss", "spread"]
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert reason in quantity.reason
        assert np.isnan(quantity.value)
    assert reason in str(found)


def test_a_maker_who_never_loses_has_no_effect_of_losses(panel):
    found = mm.inventory_liquidity(panel.assign(revenue=5.0), revenue="revenue")
    assert not found.quantities["loss"].identified
    assert found.quantities["inventory"].identified


@pytest.mark.parametrize(
    ("change", "options", "fault"),
    [
        (lambda p: pd.concat([p, p.iloc[:3]]), {}, "3 bars stand twice"),
        (lambda p: pd.concat([p, p.assign(bar=1)]), {}, "make the panel with freq='1D'"),
        (
            lambda p: p.assign(spread_bps=p["spread_bps"].where(p.index != 2, np.inf)),
            {},
            "spread_bps is infinite in 1 rows",
        ),
        (lambda p: p.drop(columns=["gap"]), {}, "lacks the columns gap"),
        (lambda p: p, {"revenue": "profit"}, "lacks the columns profit"),
        (lambda p: p, {"shape": "cube"}, "shape must be one of decile, square, linear"),
        (lambda p: p, {"errors": "HC0"}, "errors must be one of auto, two-way"),
    ],
)
def test_faults_are_named(panel, change, options, fault):
    with pytest.raises(ValueError, match=fault):
        mm.inventory_liquidity(change(panel), **options)
