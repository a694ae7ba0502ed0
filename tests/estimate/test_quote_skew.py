"""How quotes lean: three bars by hand, statsmodels, planted skews, what cannot be told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import mmresearch as mm
from mmresearch.estimate.quote_skew import QUANTITY_UNITS
from mmresearch.estimate.skew_rows import skew_rows
from tests.panels import panel_of
from tests.truth.coverage_skew import intervals
from tests.truth.leaning import TICK, leaning

OWN = ["own_bid", "own_ask", "own_bid_size", "own_ask_size"]
ASKED = {"quotes": "auto", "fair": "mid", "tick": None, "limit": None, "lags": 0}
LEVELS = ["skew", "bid_skew", "ask_skew", "asymmetry", "size_skew"]
LEVELS += ["spread_on_inventory", "extremes"]


@pytest.fixture(scope="module")
def panel():
    return leaning(np.random.default_rng(1), days=45, skew=-0.1, widen=0.05)


@pytest.fixture(scope="module")
def answer(panel):
    return mm.quote_skew(panel, limit=100)


def quoted(**columns) -> pd.DataFrame:
    """12 sessions of three bars with 10 units short, none, 10 units long; quotes as given."""
    panel = panel_of([np.array([0.0, -10.0, 0.0, 10.0])] * 12)
    panel.attrs["ticks"] = {"X": TICK}
    made = {"mid": 100.0, "own_bid_size": 10.0, "own_ask_size": 30.0} | columns
    return panel.assign(**made)


def three_bars() -> pd.DataFrame:
    """By turns the mid is 1, 0, -2 and 2, 0, -3 ticks from the market's; the spread is 4."""
    lean = np.tile([1.0, 0, -2, 2, 0, -3], 6)
    return quoted(own_bid=100 + TICK * (lean - 2), own_ask=100 + TICK * (lean + 2))


def refused(found: mm.Result) -> dict[str, str]:
    return {name: q.reason for name, q in found.quantities.items() if not q.identified}


# --- by hand --------------------------------------------------------------------------------------


def test_three_bars_by_arithmetic():
    # bid 99.99 and ask 100.03 around 100: the mid 1 tick above it, the bid 1 below, the ask 3 above
    rows = skew_rows(three_bars(), controls=False, **ASKED).frame.iloc[:3]
    assert rows["lean"].tolist() == pytest.approx([1, 0, -2])
    assert rows["bid"].tolist() == pytest.approx([1, 2, 4])
    assert rows["ask"].tolist() == pytest.approx([3, 2, 0], abs=1e-9)
    assert rows["spread"].tolist() == pytest.approx([4, 4, 4])
    assert rows["size"].tolist() == [0.5] * 3  # (30 - 10)/(30 + 10)
    found = mm.quote_skew(three_bars(), errors="cluster", limit=50)
    # slopes (-10 * 1 + 10 * -2)/200 = -.15 and (-10 * 2 + 10 * -3)/200 = -.25
    assert found.quantities["skew"].value == pytest.approx(-0.2)
    assert found.quantities["skew_at_limit"].value == pytest.approx(-10)
    # 12 scores of 200 * .05 = 10: sqrt(12/11 * 35/34 * 12 * 10^2)/2400
    error = (12 / 11 * 35 / 34 * 1200) ** 0.5 / 2400
    table = found.table.set_index("term")
    assert table.loc["skew", "std_error"] == pytest.approx(error)
    assert table.loc["bid_skew", "estimate"] == pytest.approx(0.2)
    assert table.loc["ask_skew", "estimate"] == pytest.approx(-0.2)
    assert "a constant spread" in refused(found)["spread_on_inventory"]
    assert "a constant lean of the sizes" in refused(found)["size_skew"]
    assert "where 100 are needed" in refused(found)["response"]


def test_past_volatility_is_that_of_the_bars_before_in_the_session():
    panel = three_bars().assign(realized_variance=np.tile([4.0, 16.0, 100.0], 12))
    rows = skew_rows(panel, controls=True, **ASKED)
    assert rows.controls == ["volatility"]
    mean = (2 + 10**0.5) / 2  # of the bars with a past: sqrt(4), sqrt((4 + 16)/2)
    assert rows.frame["volatility"][:4].tolist() == pytest.approx([mean, 2, 10**0.5, mean])


def test_the_past_does_not_cross_a_session_or_a_bar_that_cannot_be_used():
    panel = leaning(np.random.default_rng(2), days=2, bars=6)
    panel.loc[8, "own_bid"] = np.nan
    frame = skew_rows(panel, controls=False, **ASKED).frame.set_index(["day", "bar"])
    days = panel["day"].unique()
    assert frame.loc[days[0], "lean_1"].isna().tolist() == [True] + [False] * 5
    assert frame.loc[days[1], "lean_1"].isna().tolist() == [True, False, True, False, False]
    moved = panel["inventory_end"].diff()
    assert frame.loc[(days[1], 3), "moved_0"] == moved[9]


# --- against statsmodels --------------------------------------------------------------------------


def plain(panel: pd.DataFrame) -> pd.DataFrame:
    """The regression's columns the long way round."""
    rows = panel.assign(
        y=((panel["own_bid"] + panel["own_ask"]) / 2 - panel["mid"]) / TICK,
        spread=(panel["own_ask"] - panel["own_bid"]) / TICK,
        held=panel["inventory_end"].abs(),
    )
    keys = ["account", "symbol", "day"]
    past = rows.groupby(keys)["realized_variance"].transform(
        lambda v: v.shift().rolling(12, min_periods=1).mean()
    )
    rows["vol"] = np.sqrt(past)
    rows["vol"] = rows["vol"].fillna(rows.groupby(keys[:2])["vol"].transform("mean"))
    share = np.pi * rows["time_of_day"] / rows["time_of_day"].max()
    rows = rows.assign(c1=np.cos(share), c2=np.cos(2 * share), c3=np.cos(3 * share))
    for name in ("y", "inventory_end"):
        for lag in (1, 2):
            rows[f"{name}_{lag}"] = rows.groupby(keys)[name].shift(lag)
    return rows.assign(
        moved=rows["inventory_end"] - rows["inventory_end_1"],
        moved_1=rows["inventory_end_1"] - rows["inventory_end_2"],
    )


@pytest.mark.parametrize(
    ("name", "y", "x"),
    [
        ("skew", "y", ["inventory_end"]),
        ("spread_on_inventory", "spread", ["held"]),
        ("response", "y", ["moved", "inventory_end_1", "moved_1", "y_1", "y_2"]),
    ],
)
def test_slopes_are_those_of_dummies_and_controls(name, y, x):
    rng = np.random.default_rng(3)
    first = leaning(rng, days=41, bars=30, skew=-0.1)
    panel = pd.concat([first, leaning(rng, days=41, bars=30).assign(account="B")])
    panel.attrs["ticks"] = {"X": TICK}
    rows = plain(panel.reset_index(drop=True)).dropna(subset=[y, *x]).reset_index(drop=True)
    formula = f"{y} ~ {' + '.join(x)} + C(account) + vol + c1 + c2 + c3"
    code = pd.factorize(rows["day"])[0]
    fit = smf.ols(formula, rows).fit(cov_type="cluster", cov_kwds={"groups": code})
    mine = mm.quote_skew(panel).table.set_index("term").loc[name]
    assert mine["estimate"] == pytest.approx(fit.params[x[0]], rel=1e-8)
    # means are taken out: of two series the one constant left counts in (n - 1)/(n - k)
    factor = np.sqrt(fit.df_resid / (fit.df_resid + 1))
    assert mine["std_error"] == pytest.approx(fit.bse[x[0]] * factor, rel=1e-8)


# --- planted --------------------------------------------------------------------------------------


def test_a_planted_skew_is_recovered_in_ticks_a_unit(answer):
    table = answer.table.set_index("term")
    truth = dict.fromkeys(("skew", "ask_skew", "response"), -0.1) | {"skew_at_limit": -10}
    truth |= {"bid_skew": 0.1, "spread_on_inventory": 0.05}
    truth |= dict.fromkeys(("asymmetry", "size_skew", "extremes"), 0.0)
    assert set(table.index) == set(truth) == set(answer.quantities)
    for name, value in truth.items():
        assert abs(table.loc[name, "estimate"] - value) < 3 * table.loc[name, "std_error"], name
    assert answer.quantities["skew"].high < 0
    assert answer.quantities["skew"].unit == "ticks a unit"
    assert answer.quantities["skew_at_limit"].unit == "ticks at the limit"
    half = (table.loc["ask_skew", "estimate"] - table.loc["bid_skew", "estimate"]) / 2
    assert table.loc["skew", "estimate"] == pytest.approx(half, rel=1e-9)
    assert answer.flags == ()


def test_without_a_tick_it_is_basis_points_and_said(panel):
    panel = panel.copy()
    ticks = mm.quote_skew(panel, controls=False).quantities["skew"]
    assert mm.quote_skew(panel, tick=0.02, controls=False).quantities["skew"].value == (
        pytest.approx(ticks.value / 2)
    )
    panel.attrs = {}
    found = mm.quote_skew(panel, controls=False)
    assert found.quantities["skew"].unit == "bps a unit"
    assert "tick_unknown" in found.flags
    # a tick of 0.01 at 100 is 1 bp; the mid moves a little
    assert found.quantities["skew"].value == pytest.approx(ticks.value, rel=0.02)


def test_sizes_that_lean_and_a_slope_that_steepens():
    rng = np.random.default_rng(4)
    panel = leaning(rng, days=45, skew=-0.05, extreme=-0.3, noise=0.1)
    lean = np.clip(0.01 * panel["inventory_end"], -0.9, 0.9)  # long: more is offered than bid
    lean += 0.05 * rng.standard_normal(len(panel))
    found = mm.quote_skew(panel.assign(own_ask_size=5 * (1 + lean), own_bid_size=5 * (1 - lean)))
    table = found.table.set_index("term")
    for name, truth in (("size_skew", 0.01), ("extremes", -0.3)):
        assert abs(table.loc[name, "estimate"] - truth) < 3 * table.loc[name, "std_error"]
        assert table.loc[name, "p"] < 0.01


def test_quotes_that_follow_slowly_respond_at_first_and_in_the_end():
    """y moves a half of the way to -0.1 I each bar: -0.05 at once, -0.075, -0.0875, ... -0.1."""
    panel = leaning(np.random.default_rng(5), days=60, skew=0.0, noise=0.02)
    target = -0.1 * panel["inventory_end"].to_numpy().reshape(60, 100)
    lean, path = np.zeros(60), []
    for now in target.T:
        lean = lean + 0.5 * (now - lean)
        path.append(lean)
    more = TICK * np.column_stack(path).ravel()
    panel = panel.assign(own_bid=panel["own_bid"] + more, own_ask=panel["own_ask"] + more)
    found = mm.quote_skew(panel, lags=6)
    table = found.table.set_index("term")
    response, whole = table.loc["response"], table.loc["long_run_skew"]
    assert abs(response["estimate"] + 0.05) < 3 * response["std_error"]
    assert abs(whole["estimate"] + 0.1) < 3 * whole["std_error"] + 0.001
    path = found.details["lags"]
    assert path["bars"].tolist() == list(range(7))
    assert path["estimate"][:3].tolist() == pytest.approx([-0.05, -0.075, -0.0875], abs=0.006)
    assert path["estimate"].iloc[-1] == whole["estimate"]


def test_inventory_in_currency_and_in_standard_deviations():
    plain = mm.quote_skew(three_bars(), errors="cluster").quantities["skew"]
    # the mid is 100 throughout: a unit is 100 of currency
    worth = mm.quote_skew(three_bars(), errors="cluster", measure="currency").quantities["skew"]
    assert worth.value == pytest.approx(plain.value / 100)
    assert worth.unit == "ticks a unit of currency"
    # 12 times -10, 0 and 10: the variance is 24 * 100 / 35
    sd = mm.quote_skew(three_bars(), errors="cluster", measure="sd").quantities["skew"]
    assert sd.value == pytest.approx(plain.value * (2400 / 35) ** 0.5)
    assert (sd.low, sd.unit) == (pytest.approx(plain.low * (2400 / 35) ** 0.5), "ticks a sd")
    unknown = mm.quote_skew(three_bars().assign(opening_known=False), measure="currency")
    assert "needs the level of inventory" in refused(unknown)["skew"]
    with pytest.raises(ValueError, match="a limit is in units"):
        mm.quote_skew(three_bars(), limit=50, measure="sd")
    with pytest.raises(ValueError, match="measure must be one of units, currency, sd"):
        mm.quote_skew(three_bars(), measure="lots")


def test_each_series_alone_and_pooled_with_its_own_mean():
    rng = np.random.default_rng(6)
    first = leaning(rng, days=45, bars=40, skew=-0.2, noise=0.1)
    other = leaning(rng, days=45, bars=40, skew=0.0, noise=0.1).assign(account="B")
    shift = 50 * TICK
    other = other.assign(own_bid=other["own_bid"] + shift, own_ask=other["own_ask"] + shift)
    other["inventory_end"] += 1000
    panel = pd.concat([first, other])
    panel.attrs["ticks"] = {"X": TICK}
    found = mm.quote_skew(panel)
    assert found.sample.series == 2
    assert -0.2 < found.quantities["skew"].value < 0
    series = found.details["series"].set_index("account")
    alone = mm.quote_skew(panel[panel["account"] == "A"], tick=TICK).quantities["skew"]
    assert series.loc["A", "skew"] == pytest.approx(alone.value, rel=1e-2)
    assert series.loc["A", "high"] < 0 < series.loc["B", "high"]
    assert (series["p_holm"] >= series["p"]).all()


# --- spurious regression --------------------------------------------------------------------------


def test_one_session_tells_the_response_and_no_level():
    one = leaning(np.random.default_rng(7), days=1, bars=390, skew=-0.1)
    found = mm.quote_skew(one, lags=2, limit=100)
    reasons = refused(found)
    assert set(found.quantities) - set(reasons) == {"response"}
    assert all("1 session, where errors by session need 6" in r for r in reasons.values())
    assert abs(found.quantities["response"].value + 0.1) < 0.01
    assert "few_days" in found.flags
    assert found.fit.params.index[0] == "moved_0"


def test_newey_west_inside_sessions_finds_skew_where_there_is_none():
    """R = 40: the easy errors reject about a half of true nulls, and are kept as a warning."""
    rng, easy = np.random.default_rng(8), 0
    for number in range(40):
        panel = leaning(rng, days=6, bars=60)
        row = intervals(panel, ("skew",), draws=1, errors="hac", controls=False)["skew"]
        easy += not row.low <= 0 <= row.high
        if number == 0:
            checks = mm.quote_skew(panel, draws=99, controls=False).details["checks"]
            kept = checks.set_index("check").loc["skew: Newey-West within sessions (too narrow)"]
            assert kept["high"] == pytest.approx(row.high)
    assert easy / 40 > 0.25


@pytest.mark.slow
@pytest.mark.parametrize(("days", "carried"), [(12, False), (45, False), (25, True)])
def test_a_maker_without_skew_has_none(days, carried):
    """R = 300, size 5 %: .05 +- .038 is 3 standard errors."""
    rng, names = np.random.default_rng([9, days]), ("skew", "response")
    rejected = dict.fromkeys(names, 0)
    for _ in range(300):
        panel = leaning(rng, days=days, bars=80, carried=carried)
        for name, q in intervals(panel, names, draws=199, seed=1).items():
            rejected[name] += not q.low <= 0 <= q.high
    for name in names:
        assert 0.012 <= rejected[name] / 300 <= 0.088, name


def test_noise_that_goes_on_from_session_to_session_is_flagged():
    rng = np.random.default_rng(10)
    panel = leaning(rng, days=60, bars=20, carried=True)
    slow = TICK * 5 * np.repeat(np.cumsum(rng.standard_normal(60)), 20)
    moved = panel.assign(own_bid=panel["own_bid"] + slow, own_ask=panel["own_ask"] + slow)
    found = mm.quote_skew(moved, controls=False)
    assert "sessions_depend" in found.flags


# --- theory's maker -------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [8, 41])
def test_the_maker_of_theory_leans_by_its_law_and_gives_its_risk_aversion_back(days):
    """Gueant, Lehalle and Fernandez-Tapia's closed form: the mid leans by s a lot, exactly."""
    market, truth = mm.simulate.glft(
        days=days, seconds=1_800, quotes="closed_form", own=True, seed=6, size=5.0
    )
    found = mm.quote_skew(mm.panel(market, freq="10s"), limit=150.0, controls=False)
    slope = -truth["s"] / 5  # ticks a unit, 5 units a lot
    levels = {"skew": slope, "bid_skew": -slope, "ask_skew": slope, "skew_at_limit": 150 * slope}
    for name, value in levels.items():
        quantity = found.quantities[name]
        assert quantity.identified
        assert quantity.value == pytest.approx(value, rel=1e-6)
    assert "a constant spread" in refused(found)["asymmetry"]
    law = {"sigma": 0.3, "A": 0.9, "k": 0.3, "quotes": "closed_form", "lot": 5.0}
    gamma = mm.implied_risk_aversion(found, **law)
    assert gamma.value == pytest.approx(0.01, rel=1e-5)


# --- other quotes ---------------------------------------------------------------------------------


def test_the_markets_mid_and_weighted_mid_where_no_own_quotes_are(panel):
    lean = (panel["own_bid"] + panel["own_ask"]) / 2 - panel["mid"]
    market = panel.drop(columns=OWN).assign(microprice=panel["mid"] - lean)
    market.attrs = panel.attrs
    found = mm.quote_skew(market)
    assert "sizes at the market's best quotes" in found.question
    assert "lean_of_the_markets_sizes" in found.flags
    own = mm.quote_skew(panel).quantities
    assert found.quantities["skew"].value == pytest.approx(own["skew"].value, rel=1e-9)
    assert "not the account's own" in refused(found)["bid_skew"]
    assert mm.quote_skew(market.assign(account="aggregate maker")).flags[1] == (
        "inventory_is_market_flow"
    )


def test_own_quotes_come_first_and_fair_may_be_the_weighted_mid(panel):
    both = panel.assign(microprice=panel["mid"] + 3 * TICK)
    assert "own quotes" in mm.quote_skew(both).question
    micro = skew_rows(
        both, quotes="own", fair="weighted_mid", tick=None, limit=None, lags=0, controls=False
    ).frame
    mid = skew_rows(
        both, quotes="own", fair="mid", tick=None, limit=None, lags=0, controls=False
    ).frame
    assert (mid["lean"] - micro["lean"]).to_numpy() == pytest.approx(3)


def test_a_pools_slope_is_named_and_flagged_as_mechanical():
    rng = np.random.default_rng(11)
    panel = leaning(rng, days=8).drop(columns=[*OWN, "mid", "mid_start"])
    flow = panel["inventory_end"] - panel["inventory_start"]
    moved = -0.3 * flow + 0.2 * rng.standard_normal(len(panel))
    brought = 5 * rng.standard_normal(len(panel))  # by liquidity providers: it moves no price
    pool = panel.assign(
        flow=flow + brought, trade_flow=flow, trade_return_bps=moved, participation=1.0
    )
    found = mm.quote_skew(pool, limit=5)
    assert "slope of its curve" in found.question
    assert found.flags[0] == "pool_price_is_mechanical"
    row = found.table.set_index("term").loc["skew"]
    assert abs(row["estimate"] + 0.3) < 3 * row["std_error"]
    assert found.quantities["skew"].unit == "bps a unit"
    assert set(refused(found)) == set(found.quantities) - {"skew"}
    # trades alone do not make a pool
    tape = mm.quote_skew(pool.assign(participation=0.4))
    assert "no quotes" in tape.quantities["skew"].reason


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.bad_input(
    "no quotes",
    "no inventory",
    "a quote wider than the session's range",
    "constant skew",
    "fewer sessions than parameters",
)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: p.drop(columns=OWN), "no quotes"),
        (lambda p: p.assign(own_bid=np.nan), "no bar is left: 4500 with one side only"),
        (lambda p: p.assign(inventory_end=7.0), "inventory never changes"),
        (lambda p: p.assign(inventory_end=np.nan), "no bar is left: 4500 without inventory"),
        (lambda p: p.assign(mid=np.nan), "no bar is left: 4500 without a fair price"),
        (lambda p: p.assign(own_bid=p["mid"] - 9, own_ask=p["mid"] + 9), "wider than the session"),
        (lambda p: p.assign(own_bid=p["mid"] - 0.03, own_ask=p["mid"] + 0.03), "a constant skew"),
        (lambda p: p[p["day"] < "2024-01-06"], "5 sessions, where errors by session need 6"),
        (lambda p: p.assign(bar=0, day=pd.date_range("2000", periods=4500)), "one bar a session"),
        (lambda p: p.iloc[:0], "no quotes"),
        (lambda p: p.head(20), "20 bars, where 30 are needed"),
    ],
)
def test_what_cannot_be_told_is_refused(panel, change, reason):
    changed = change(panel)
    changed.attrs = {}
    found = mm.quote_skew(changed, tick=TICK)
    reasons = refused(found)
    assert set(LEVELS) - {"asymmetry", "size_skew", "spread_on_inventory"} <= set(reasons)
    assert reason in reasons["skew"]
    assert np.isnan(found.quantities["skew"].value)
    assert reason in str(found)


@pytest.mark.bad_input("fewer sessions than parameters")
def test_lags_that_ask_for_more_sessions_than_there_are(panel):
    found = mm.quote_skew(panel[panel["day"] < "2024-01-09"], lags=6)
    assert found.quantities["skew"].identified
    assert "8 sessions, fewer than 11 parameters" in refused(found)["long_run_skew"]


@pytest.mark.bad_input("inventory in another unit than the limit")
@pytest.mark.parametrize("limit", [1e8, 0.5])
def test_a_limit_in_another_unit_is_named(panel, limit):
    found = mm.quote_skew(panel, limit={"A": limit})
    assert "another unit than the inventory: A holds at most" in refused(found)["skew_at_limit"]
    assert "limit_in_another_unit" in found.flags
    assert found.quantities["skew"].identified
    none = mm.quote_skew(panel, limit={"B": 3.0}, controls=False)
    assert "no limit is given for A" in refused(none)["skew_at_limit"]


def test_bars_that_are_set_aside_are_counted_by_reason(panel):
    bad = panel.copy()
    bad.loc[0:2, ["own_bid", "own_ask"]] = np.nan
    bad.loc[10:14, "own_ask"] = np.nan
    bad.loc[20, "own_ask"] = bad.loc[20, "own_bid"] - 0.01
    bad.loc[30:31, "own_ask"] = 200.0
    found = mm.quote_skew(bad, controls=False)
    assert {k: v for k, v in found.sample.dropped.items() if v} == {
        "without own quotes": 3,
        "with one side only": 5,
        "own quotes crossed": 1,
        "quote wider than the session's range": 2,
    }
    assert found.sample.used == len(panel) - 11
    often = bad.assign(own_ask=bad["own_ask"].where(bad["bar"] % 3 > 0))
    assert "often_one_sided" in mm.quote_skew(often, controls=False).flags


def test_an_account_whose_quotes_are_the_markets_is_flagged(panel):
    same = panel.assign(own_bid=panel["mid"] - 0.03, own_ask=panel["mid"] + 0.03)
    same.loc[same["bar"] % 5 == 0, "own_ask"] += 0.01
    assert "own_mid_is_the_fair_price" in mm.quote_skew(same).flags


def test_faults_are_named(panel):
    for asked, message in (
        ({"quotes": "mine"}, "quotes must be one of auto, own, market, pool"),
        ({"fair": "last"}, "fair must be one of mid, weighted_mid"),
        ({"lags": -1}, "lags must be a whole number"),
        ({"tick": 0.0}, "tick must be above 0"),
        ({"limit": {"A": -5}}, "limit must be above 0"),
        ({"errors": "none"}, "errors must be one of"),
    ):
        with pytest.raises(ValueError, match=message):
            mm.quote_skew(panel, **asked)
    with pytest.raises(ValueError, match="own_bid is infinite in 1 rows"):
        mm.quote_skew(panel.assign(own_bid=panel["own_bid"].where(panel.index != 5, np.inf)))
    assert set(QUANTITY_UNITS) >= set(LEVELS)
