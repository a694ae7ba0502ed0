"""Responses to unexpected flow: by hand, by statsmodels, in Hasbrouck's economy, and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.tsa.api import LocalProjections

import mmresearch as mm
from tests.truth.inventory_economy import RESPONSE, panel_of_economy, population

FLOW = {"shock": "trade_imbalance", "per": 1.0}


def response(found: mm.Result) -> pd.DataFrame:
    return found.details["response"].set_index("horizon")


def tape(sides: list[float], mids: list[float], day: str = "2024-01-01") -> pd.DataFrame:
    """Trades at half a cent around the mids that stood before them."""
    n, mid = len(sides), np.array(mids, dtype="float64")
    time = pd.Timestamp(f"{day} 10:00", tz="UTC") + pd.to_timedelta(2 * np.arange(n), unit="s")
    table = pd.DataFrame({"symbol": "X", "day": pd.Timestamp(day), "time": time, "seq": range(n)})
    table = table.assign(side=sides, price=mid + 0.005 * np.nan_to_num(sides), size=1.0)
    return table.assign(bid=mid - 0.005, ask=mid + 0.005)


def test_each_horizon_is_least_squares_of_the_move_on_flow_beside_its_lags():
    panel = panel_of_economy(np.random.default_rng(1), days=3, bars=60)
    found = mm.local_projection(panel, horizons=(0, 2), lags=1, errors="hac", **FLOW)
    rows = []
    for _, day in panel.groupby("day"):
        r, x = day["return_bps"].to_numpy(), day["trade_imbalance"].to_numpy()
        rows += [(r[t], r[t : t + 3].sum(), x[t], r[t - 1], x[t - 1]) for t in range(1, 58)]
    made = np.array(rows)
    design = np.column_stack([np.ones(len(made)), made[:, 2:]])
    for column, h in enumerate((0, 2)):
        slope = np.linalg.lstsq(design, made[:, column])[0][1]
        assert response(found).loc[h, "estimate"] == pytest.approx(slope, rel=1e-10)
        raw = np.polyfit(made[:, 2], made[:, column], 1)[0]
        assert response(found).loc[h, "raw"] == pytest.approx(raw, rel=1e-10)
    assert found.sample.used == 3 * 57
    assert sum(found.sample.dropped.values()) == 3 * 3


def test_errors_are_the_sandwich_written_out():
    panel = panel_of_economy(np.random.default_rng(2), days=1, bars=400)
    found = mm.local_projection(panel, horizons=(0, 3), lags=1, **FLOW)
    r, x = panel["return_bps"].to_numpy(), panel["trade_imbalance"].to_numpy()
    at = np.arange(2, 397)
    lags = np.column_stack([v[at - j] for j in (1, 2) for v in (r, x)])
    design = sm.add_constant(np.column_stack([x[at], lags]))
    y = r[at] + r[at + 1] + r[at + 2] + r[at + 3]
    fit = sm.OLS(y, design).fit(cov_type="HC1")
    assert response(found).loc[3, "std_error"] == pytest.approx(fit.bse[1], rel=1e-9)
    short = mm.local_projection(panel.head(200), horizons=(0, 3), lags=1, **FLOW)
    at = at[at < 197]
    fit = sm.OLS(y[: len(at)], design[: len(at)]).fit(cov_type="HC3")
    assert response(short).loc[3, "std_error"] == pytest.approx(fit.bse[1], rel=1e-9)
    assert "HC3" in short.errors


def test_errors_by_day_are_statsmodels():
    panel = panel_of_economy(np.random.default_rng(3), days=41, bars=20)
    found = mm.local_projection(panel, horizons=(0, 2), lags=1, **FLOW)
    assert found.errors.startswith("clustered by day (41 days)")
    by_day = panel.groupby("day")
    frame = pd.DataFrame(
        {
            "y": sum(by_day["return_bps"].shift(-j) for j in range(3)),
            "x": panel["trade_imbalance"],
            "r1": by_day["return_bps"].shift(1),
            "x1": by_day["trade_imbalance"].shift(1),
            "day": panel["day"],
        }
    ).dropna()
    design = sm.add_constant(frame[["x", "r1", "x1"]])
    groups = pd.factorize(frame["day"])[0]
    fit = sm.OLS(frame["y"], design).fit(cov_type="cluster", cov_kwds={"groups": groups})
    assert response(found).loc[2, "std_error"] == pytest.approx(fit.bse["x"], rel=1e-9)


def test_local_projection_vs_statsmodels():
    """One day: their responses of the return, added up, are ours of the price, to 1e-8."""
    panel = panel_of_economy(np.random.default_rng(4), days=1, bars=500)
    theirs = LocalProjections(
        panel[["trade_imbalance", "return_bps"]], shock_idx=0, lags=3, horizons=12, nw_lags=4
    ).fit()
    ours = mm.local_projection(panel, horizons=range(13), lags=3, errors="hac", **FLOW)
    added = theirs.cumulative_effects()[:, 1, 0]
    assert response(ours)["estimate"].to_numpy() == pytest.approx(added, abs=1e-8)
    assert ours.sample.used == theirs.nobs
    # their errors of horizon 0, at the lag that our rule takes for it, without n / (n - k)
    one = mm.local_projection(panel, horizons=(0,), lags=3, errors="hac", **FLOW)
    assert " 5 lags" in one.errors
    same = LocalProjections(
        panel[["trade_imbalance", "return_bps"]], shock_idx=0, lags=3, horizons=0, nw_lags=5
    ).fit()
    n = same.nobs
    expected = same.stderr[0, 1, 0] * (n / (n - 8)) ** 0.5
    assert response(one).loc[0, "std_error"] == pytest.approx(expected, rel=1e-8)


# --- Hasbrouck's economy --------------------------------------------------------------------------


def test_population_responses_of_the_economy():
    """The VAR's are Hasbrouck's numbers; projections say the same, sooner."""
    far = np.array([0, 1, 40])
    var = {p: population(p, far)[1] for p in (3, 5, 7, 10, 15)}
    published = {3: 1.1548, 5: 1.0535, 7: 1.0190, 10: 1.0041, 15: 1.0003}
    for lags, value in published.items():
        assert var[lags][-1] == pytest.approx(value, abs=1e-4)
        projected = population(lags, far)[0]
        assert projected[0] == pytest.approx(var[lags][0], abs=1e-12)  # one step is one regression
        assert 1 <= projected[-1] < value
    # with enough lags both are the truth at every horizon
    every = np.arange(41)
    for found in population(25, every):
        assert found == pytest.approx(RESPONSE[:41], abs=1e-5)


def test_response_of_the_economy_and_the_trap_of_raw_flow():
    panel = panel_of_economy(np.random.default_rng(5), days=50, bars=1600)
    found = mm.local_projection(panel, horizons=(0, 1, 5, 20), lags=10, **FLOW)
    table = response(found)
    away = (table["estimate"] - RESPONSE[[0, 1, 5, 20]]) / table["std_error"]
    assert away.abs().max() < 3
    assert found.quantities["permanent"].value == pytest.approx(1, rel=0.05)
    share = found.quantities["transitory_share"]
    assert share.low < 0.5 < share.high
    assert share.high - share.low < 0.1
    # models C5: the slope of r on x as it is, 1.9597; and what seems to stay is too much
    assert table.loc[0, "raw"] == pytest.approx(1.9597, abs=0.02)
    assert table.loc[20, "raw"] > 1 + 4 * table.loc[20, "std_error"]


def test_joint_bands_are_wider_and_hold_the_pointwise_ones():
    panel = panel_of_economy(np.random.default_rng(6), days=2, bars=400)
    table = response(mm.local_projection(panel, horizons=range(20), lags=3, **FLOW))
    assert (table["joint_low"] < table["low"]).all()
    assert (table["joint_high"] > table["high"]).all()
    ratio = (table["joint_high"] - table["estimate"]) / (table["high"] - table["estimate"])
    assert 1.05 < ratio.iloc[0] < 1.6
    alone = response(mm.local_projection(panel, horizons=(4,), lags=3, **FLOW))
    # of one horizon the joint band is the pointwise one, but for its draws
    assert alone["joint_high"].iloc[0] == pytest.approx(alone["high"].iloc[0], rel=0.05)


# --- trades ---------------------------------------------------------------------------------------


def test_of_trades_the_mid_after_is_that_before_the_next():
    rng = np.random.default_rng(7)
    sides = np.where(rng.random(80) < 0.5, 1.0, -1.0)
    mids = 100 * np.exp(1e-4 * np.append(0, np.cumsum(2 * sides[:-1])))
    found = mm.local_projection(tape(sides, mids), horizons=(0, 1), lags=0, errors="hac")
    # each trade moves the mid by 2 bps for good; the last has no mid after it
    assert response(found).loc[0, "estimate"] == pytest.approx(2, abs=1e-9)
    assert found.sample.dropped["last of a day"] == 1
    assert found.sample.used == 78
    assert "bps per trade" in found.unit


def test_a_trade_of_unknown_side_and_crossed_quotes_break_the_chain():
    rng = np.random.default_rng(8)
    sides = np.where(rng.random(90) < 0.5, 1.0, -1.0)
    table = tape(sides, 100 + 0.01 * rng.standard_normal(90).cumsum())
    table.loc[40, "side"] = np.nan
    table.loc[70, ["bid", "ask"]] = [101.0, 100.0]
    found = mm.local_projection(table, horizons=(0, 2), lags=1, errors="hac", bunch=False)
    # chains: 0-39, 41-68 (69 has no mid after, 70 none before), 71-88; each loses 1 + 2
    assert (
        found.sample.dropped["without quotes, or with locked or crossed ones, before or after"] == 2
    )
    assert found.sample.used == (40 - 3) + (28 - 3) + (18 - 3)


# --- conventions ----------------------------------------------------------------------------------


def test_mirror_scale_order_and_idle_days():
    panel = panel_of_economy(np.random.default_rng(9), days=3, bars=100)
    choice = {"horizons": (0, 5), "lags": 2} | FLOW
    plain = response(mm.local_projection(panel, **choice))
    moved = ["return_bps", "trade_imbalance"]
    mirrored = panel.assign(**{c: -panel[c] for c in moved})
    pd.testing.assert_frame_equal(response(mm.local_projection(mirrored, **choice)), plain)
    double = panel.assign(return_bps=2 * panel["return_bps"])
    assert response(mm.local_projection(double, **choice))["estimate"].to_numpy() == pytest.approx(
        2 * plain["estimate"].to_numpy()
    )
    shuffled = panel.sample(frac=1, random_state=1)
    again = response(mm.local_projection(shuffled, **choice))
    assert again["estimate"].to_numpy() == pytest.approx(plain["estimate"].to_numpy())
    other = pd.concat([panel, panel.assign(account="B")])
    twice = mm.local_projection(other, **choice)
    assert twice.sample.dropped["of further accounts in the same bar"] == 300
    pd.testing.assert_frame_equal(response(twice), plain)


def test_response_is_per_standard_deviation_of_unexpected_flow_unless_told():
    panel = panel_of_economy(np.random.default_rng(10), days=1, bars=3000)
    one = mm.local_projection(panel, shock="trade_imbalance", horizons=(0, 5))
    per = mm.local_projection(panel, horizons=(0, 5), **FLOW)
    ratio = response(one)["estimate"] / response(per)["estimate"]
    assert ratio.to_numpy() == pytest.approx(np.full(2, ratio.iloc[0]))
    assert ratio.iloc[0] == pytest.approx(1, abs=0.05)  # v2 has variance one
    assert "standard deviation" in one.unit


def test_series_of_other_units_count_by_their_own_spread_and_times_once():
    """Twenty symbols that move together over 20 bars are 20 draws, not 400."""
    rng = np.random.default_rng(17)
    one = panel_of_economy(rng, days=1, bars=300)
    other = panel_of_economy(rng, days=1, bars=300).assign(symbol="Y")
    other["trade_imbalance"] *= 1000
    choice = {"shock": "trade_imbalance", "horizons": (0, 5), "lags": 3}
    both = mm.local_projection(pd.concat([one, other]), **choice)
    alone = [response(mm.local_projection(p, **choice))["estimate"] for p in (one, other)]
    middle = (alone[0] + alone[1]) / 2
    assert response(both)["estimate"].to_numpy() == pytest.approx(middle.to_numpy(), rel=0.05)
    assert both.sample.series == 2
    short = [panel_of_economy(rng, days=1, bars=20).assign(symbol=f"S{k}") for k in range(20)]
    refused = mm.local_projection(pd.concat(short), **choice)
    assert "bars apart in time" in refused.quantities["impact_0"].reason
    # the same symbol twice under two names is no more information
    twice = mm.local_projection(pd.concat([one, one.assign(symbol="Z")]), **choice)
    plain = mm.local_projection(one, **choice)
    ratio = response(twice)["std_error"] / response(plain)["std_error"]
    assert ratio.to_numpy() == pytest.approx(np.ones(2), rel=0.03)


def test_regimes_have_their_own_response():
    """Impact twice as large in the second half of the day is found there."""
    panel = panel_of_economy(np.random.default_rng(11), days=20, bars=200)
    late = panel["bar"] >= 100
    panel = panel.assign(
        return_bps=panel["return_bps"] + 2 * late * panel["trade_imbalance"],
        half=np.where(late, "late", "early"),
    )
    found = mm.local_projection(panel, horizons=(0, 3), lags=3, by="half", **FLOW)
    table = found.details["by"].set_index(["regime", "horizon"])
    for regime, truth in (("early", 2.0), ("late", 4.0)):
        row = table.loc[(regime, 0)]
        assert abs(row["estimate"] - truth) < 3 * row["std_error"]
    assert table["n"].groupby("regime").first().sum() == found.sample.used
    sizes = mm.local_projection(panel, horizons=(0,), lags=3, by="size", **FLOW).details["by"]
    assert sizes["regime"].tolist() == ["low", "middle", "high"]


def test_a_response_that_rises_to_the_end_is_flagged():
    """Each trade moves the mid by half at once and by a quarter in each of the next two bars."""
    rng = np.random.default_rng(16)
    panel = panel_of_economy(rng, days=1, bars=2000)
    flow = rng.standard_normal(2000)
    moves = np.convolve(flow, [2.0, 1.0, 1.0])[:2000] + 0.1 * rng.standard_normal(2000)
    panel = panel.assign(trade_imbalance=flow, return_bps=moves)
    found = mm.local_projection(panel, horizons=(0, 1, 2), lags=3, **FLOW)
    assert "peak_is_the_largest_horizon" in found.flags
    assert found.quantities["transitory_share"].value == 0
    longer = mm.local_projection(panel.assign(return_bps=-moves), horizons=(0, 1), lags=3, **FLOW)
    assert longer.quantities["permanent"].value == pytest.approx(-3, abs=0.1)
    economy = panel_of_economy(rng, days=1, bars=2000)
    assert not mm.local_projection(economy, **FLOW).flags[1:]


# --- refusals -------------------------------------------------------------------------------------


def test_no_peak_no_share():
    rng = np.random.default_rng(12)
    panel = panel_of_economy(rng, days=2, bars=200)
    panel["return_bps"] = rng.standard_normal(400)
    share = mm.local_projection(panel, **FLOW).quantities["transitory_share"]
    assert not share.identified
    assert "told from zero" in share.reason
    assert (share.low, share.high) == (0, np.inf)


@pytest.mark.bad_input(
    "no quotes for the session",
    "zero spread all day",
    "all trades on one side",
    "flow of zero variance",
    "fewer than 30 bars",
    "a session shorter than the lag and horizon",
    "prices that never move",
)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"return_bps": np.nan}, "400 are without a return"),
        ({"spread_bps": 0.0}, "400 are with locked or crossed quotes"),
        ({"trade_imbalance": 3.0}, "no variance"),
        ({"return_bps": 0.0}, "never moves"),
        (38, "where 48 are needed"),
        (25, "the longest has 25"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_reason(change, reason):
    panel = panel_of_economy(np.random.default_rng(13), days=1, bars=400)
    panel = panel.head(change) if isinstance(change, int) else panel.assign(**change)
    found = mm.local_projection(panel, horizons=(0, 15), **FLOW)
    assert not any(q.identified for q in found.quantities.values())
    assert all(reason in q.reason for q in found.quantities.values())
    assert found.table.empty


def test_one_sided_trades_are_refused():
    found = mm.local_projection(tape([1.0] * 80, [100 + k / 100 for k in range(80)]))
    assert "every trade is on one side" in found.quantities["impact_0"].reason


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"horizons": (1, 1)}, "horizons"),
        ({"horizons": (0.5, 1)}, "horizons"),
        ({"lags": -1}, "lags"),
        ({"errors": "HC1"}, "errors must be one of"),
        ({"shock": "floww"}, "lacks the columns floww"),
        ({"by": "moon"}, "by must be one of"),
        ({"cells": 1}, "cells"),
        ({"errors": "cluster"}, "two sessions"),
    ],
)
def test_options_that_are_none(options, match):
    panel = panel_of_economy(np.random.default_rng(14), days=1, bars=100)
    with pytest.raises(ValueError, match=match):
        mm.local_projection(panel, **(FLOW | options))


def test_sessions_of_one_bar_are_one_chain_broken_at_gaps():
    panel = panel_of_economy(np.random.default_rng(15), days=1, bars=120)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(120), unit="D")
    panel = panel.assign(day=days, bar=0, gap=np.arange(120) == 60)
    found = mm.local_projection(panel, horizons=(0, 3), lags=2, errors="hac", **FLOW)
    assert found.sample.used == 2 * (60 - 2 - 3)
    with pytest.raises(ValueError, match="several bars"):
        mm.local_projection(panel, errors="cluster", **FLOW)


def test_the_flow_is_the_first_that_moves():
    panel = panel_of_economy(np.random.default_rng(3), days=2, bars=60)
    quiet = panel.assign(order_flow_imbalance=np.nan)
    found = mm.local_projection(quiet, horizons=(0, 1))
    named = mm.local_projection(quiet, shock="trade_imbalance", horizons=(0, 1))
    assert len(found.table) == 2
    pd.testing.assert_frame_equal(found.table, named.table)
