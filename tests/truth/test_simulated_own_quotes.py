"""The own quotes of simulated makers lean as planted, and every fill met one of them.

The market is the sample's own (25 sessions, seed 0); slopes are held to three standard errors.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import mmresearch as mm
from mmresearch.simulate import market

MAKERS = ["MM1", "MM2"]
TICK = 0.01


@pytest.fixture(scope="module")
def simulated():
    return market(own=True)


@pytest.fixture(scope="module")
def bars(simulated):
    """Minutes with what each maker held above its target at the end, and how far its mid leant."""
    panel = mm.panel(simulated.market, freq="1min")
    path = simulated.truth["path"].set_index("time")
    for account in MAKERS:
        rows = panel["account"] == account
        target = path[f"{account}_target"].reindex(panel.loc[rows, "end"]).to_numpy()
        panel.loc[rows, "excess"] = panel.loc[rows, "inventory_end"] - target
    panel["lean"] = ((panel["own_bid"] + panel["own_ask"]) / 2 - panel["mid"]) / TICK
    return panel.dropna(subset=["excess", "lean"])  # the path ends with the last second's start


def _g(truth: dict, account: str) -> float:
    return truth["own_quotes"].set_index("account").loc[account, "skew_ticks_per_unit"]


def test_everything_else_is_the_same(simulated):
    plain = market()
    assert list(plain.market) == [name for name in simulated.market if name != "own_quotes"]
    for name in plain.market:
        pd.testing.assert_frame_equal(simulated.market[name], plain.market[name])
    assert set(simulated.truth) - set(plain.truth) == {"own_quotes"}


@pytest.mark.parametrize("account", MAKERS)
def test_quotes_of_whole_seconds_are_the_planned_ones(simulated, account):
    tables, truth = simulated
    own = tables.own_quotes
    own = own[(own["account"] == account) & (own["seq"] == 0)]
    own = own[(own["time"].dt.microsecond == 0) & (own["time"].dt.second % 5 == 0)]
    path = truth["path"].set_index("time").loc[own["time"]]
    excess = path[account].to_numpy() - path[f"{account}_target"].to_numpy()
    fair = path["mid"].to_numpy() / TICK - _g(truth, account) * excess
    spells = truth["spells"]
    spells = spells[spells["account"] == account]
    away = np.zeros(len(own), bool)
    for spell in spells.itertuples():
        away |= own["time"].between(spell.start, spell.end, inclusive="left").to_numpy()
    assert 0 < away.mean() < 0.2
    half = 2.0 + away  # rounded outward
    np.testing.assert_allclose(own["bid"], TICK * np.floor(fair - half), atol=1e-9)
    np.testing.assert_allclose(own["ask"], TICK * np.ceil(fair + half), atol=1e-9)
    assert len(own) > 20_000


def test_every_fill_met_an_own_quote_at_its_price(simulated):
    tables, _ = simulated
    quotes = tables.own_quotes.drop(columns="symbol")
    both = pd.concat([tables.fills, quotes]).sort_values(["time", "seq"], ignore_index=True)
    for _, rows in both.groupby("account"):
        sides = ["bid", "ask", "bid_size", "ask_size"]
        met = rows.assign(**rows[sides].ffill())[rows["price"].notna()]
        bought = met["side"] > 0
        quoted = np.where(bought, met["bid"], met["ask"])
        np.testing.assert_array_equal(quoted, met["price"])
    checked = mm.check(tables).set_index("check")
    for check in ("crossed own quotes", "fills at own quotes", "quotes without fills"):
        assert checked.loc[check, ["verdict", "count"]].tolist() == ["pass", 0]


def test_own_quotes_are_whole_ticks_and_not_crossed(simulated):
    own = simulated.market.own_quotes
    ticks = own[["bid", "ask"]] / TICK
    assert (ticks - ticks.round()).abs().max(axis=None) < 1e-6
    assert (own["bid"] < own["ask"]).all()
    assert (own[["bid_size", "ask_size"]] >= 100).all(axis=None)
    assert not own.duplicated(["account", "time", "seq"]).any()


@pytest.mark.parametrize("account", MAKERS)
def test_the_planted_skew_is_found(simulated, bars, account):
    rows = bars[bars["account"] == account]
    fit = sm.OLS(rows["lean"], sm.add_constant(rows["excess"])).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["day"])[0]}
    )
    planted = -_g(simulated.truth, account)
    assert abs(fit.params["excess"] - planted) < 3 * fit.bse["excess"]
    assert fit.bse["excess"] < 0.02 * abs(planted)


def test_without_its_target_the_second_maker_seems_to_lean_less(simulated, bars):
    rows = bars[bars["account"] == "MM2"]
    slope = sm.OLS(rows["lean"], sm.add_constant(rows["inventory_end"])).fit().params
    assert -_g(simulated.truth, "MM2") * 0.95 < slope["inventory_end"] < 0


def test_own_quotes_stand_nearly_always(simulated):
    rules = {"presence": 0.99, "max_spread_ticks": 8, "min_size": 100}
    found = mm.quoting_obligations(simulated.market, rules)
    assert found.by_day["met"].all()
    assert len(found.by_day) == 50
