"""Slope of the mid on order flow: the queue book's truth, the law of depth, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import mmresearch as mm

DEPTHS = (30, 60, 120)


@pytest.fixture(scope="module")
def made():
    return mm.simulate.queue_book(
        depth=DEPTHS, days=6, session_seconds=7200, rate=20, largest=20, seed=1
    )


@pytest.fixture(scope="module")
def table(made):
    return mm.order_flow_imbalance(made.market, freq="10s")


@pytest.fixture(scope="module")
def found(table):
    return mm.ofi_impact(table, block="15min", errors="hac")


# --- truth ----------------------------------------------------------------------------------------


def test_the_slope_of_each_block_is_one_over_two_depths(made, found):
    """48 blocks of 90 bars: standard error about 2 % a block, .3 % of the mean."""
    blocks = found.details["blocks"]
    assert len(blocks) == 6 * 8
    truth = blocks["day"].map(made.truth["days"].set_index("day")["slope"])
    assert ((blocks["slope"] - truth).abs() < 4 * blocks["std_error"]).all()
    assert (blocks["slope"] / truth).mean() == pytest.approx(1, abs=0.015)
    assert blocks["depth"].to_numpy() == pytest.approx(0.5 / truth.to_numpy())
    two = found.quantities["slope_times_two_depths"]
    assert two.low - 0.01 < 1 < two.high + 0.01
    assert two.high - two.low < 0.05


def test_the_slope_is_inverse_to_depth(found):
    lam = found.quantities["depth_exponent"]
    assert lam.value == pytest.approx(1, abs=0.03)
    assert lam.high - lam.low < 0.1
    less = found.details["depth"].set_index("term").loc["lambda - 1"]
    assert less["estimate"] == pytest.approx(lam.value - 1)


def test_order_flow_tells_more_than_trades(found):
    q = found.quantities
    assert q["r2"].value > 0.9
    assert q["r2_trades"].high < q["r2"].low
    assert q["r2"].value <= q["r2_both"].value < q["r2"].value + 0.02
    assert q["significant"].value == 1
    assert 0.9 < q["significant"].low < 1
    models = found.details["models"].set_index(["model", "term"])
    assert models.loc[("trades", "trades"), "r2"] < models.loc[("ofi", "ofi"), "r2"]


def test_by_hand_against_least_squares(table, found):
    """One block against statsmodels, and all bars against the textbook slope."""
    day = table["day"].iloc[0]
    part = table[(table["day"] == day) & (table["time_of_day"] < 900)].dropna(subset="ofi")
    fit = sm.OLS(part["move_ticks"], sm.add_constant(part["ofi"])).fit()
    first = found.details["blocks"].iloc[0]
    assert first["slope"] == pytest.approx(fit.params["ofi"])
    assert first["r2"] == pytest.approx(fit.rsquared)
    assert first["bars"] == len(part)
    x, y = (table.dropna(subset="ofi")[c] for c in ("ofi", "move_ticks"))
    assert found.quantities["slope"].value == pytest.approx(np.cov(x, y)[0, 1] / x.var())
    assert found.table["term"].tolist() == ["const", "ofi"]


# --- conventions ----------------------------------------------------------------------------------


def test_a_market_gives_what_its_table_gives(made, table):
    one = mm.ofi_impact(made.market, freq="10s", block="15min")
    pd.testing.assert_frame_equal(one.table, mm.ofi_impact(table, block="15min").table)


def test_ten_times_the_size_is_a_tenth_of_the_slope(table, found):
    sizes = ["ofi", "trade_imbalance", "bid_moved", "ask_moved"]
    scaled = mm.ofi_impact(
        table.assign(**{c: table[c] * 10 for c in sizes}), block="15min", errors="hac"
    )
    for name, factor in {"slope": 0.1, "r2": 1, "depth_exponent": 1}.items():
        assert scaled.quantities[name].value == pytest.approx(factor * found.quantities[name].value)


def test_a_tick_of_half_the_size_doubles_the_slope(table, found):
    halved = mm.ofi_impact(
        table.assign(move_ticks=2 * table["move_ticks"]), block="15min", errors="hac"
    )
    assert halved.quantities["slope"].value == pytest.approx(2 * found.quantities["slope"].value)


def test_without_a_tick_the_move_is_in_basis_points(table):
    told = mm.ofi_impact(table.assign(move_ticks=np.nan), block="15min")
    assert told.unit.startswith("bps")
    assert "tick_unknown" in told.flags
    # a tick of .01 at about 100 is about a basis point
    assert told.quantities["slope"].value == pytest.approx(
        mm.ofi_impact(table, block="15min").quantities["slope"].value, rel=0.05
    )
    assert not told.quantities["slope_times_two_depths"].identified


def test_a_future_that_is_shuffled_changes_no_block_before(table):
    days = table["day"].unique()
    late = table["day"].isin(days[3:]).to_numpy()
    rng, other = np.random.default_rng(1), table.copy()
    other.loc[late, "ofi"] = rng.permutation(table.loc[late, "ofi"].to_numpy())
    blocks = [mm.ofi_impact(t, block="15min").details["blocks"] for t in (table, other)]
    early = [b[b["day"].isin(days[:3])] for b in blocks]
    pd.testing.assert_frame_equal(*early)


# --- what cannot be told --------------------------------------------------------------------------


def refused(result: mm.Result, words: str) -> None:
    assert result.table.empty
    assert words in result.errors
    assert not any(q.identified for q in result.quantities.values())
    assert words in str(result)


@pytest.mark.bad_input("no quotes")
def test_no_quotes(made):
    refused(mm.ofi_impact(mm.Market(trades=made.market.trades)), "no quotes")


@pytest.mark.bad_input("one-sided book")
def test_one_sided_book(made):
    bids = made.market.quotes.assign(ask=np.nan, ask_size=np.nan)
    refused(mm.ofi_impact(made.market.replace(quotes=bids)), "0 bars with a flow")


@pytest.mark.bad_input("zero spread all day")
def test_zero_spread(made):
    locked = made.market.quotes.assign(ask=made.market.quotes["bid"])
    refused(mm.ofi_impact(made.market.replace(quotes=locked)), "0 bars with a flow")


@pytest.mark.bad_input("flow of zero variance")
def test_no_variance(table):
    refused(mm.ofi_impact(table.assign(ofi=3.0)), "no variance")


@pytest.mark.bad_input("a mid that never changes")
def test_no_move(table):
    refused(mm.ofi_impact(table.assign(move_ticks=0.0)), "never changes")


@pytest.mark.bad_input("fewer than 30 bars")
def test_few_bars(table):
    refused(mm.ofi_impact(table.head(25)), "30 are needed")


@pytest.mark.bad_input("no clock")
def test_no_clock(table):
    refused(mm.ofi_impact(table.assign(time_of_day=np.nan)), "0 bars")


@pytest.mark.bad_input("blocks too short")
def test_short_blocks_leave_all_bars_together(table):
    told = mm.ofi_impact(table, block="2min")
    assert told.quantities["slope"].identified
    for name in ("block_slope", "r2", "significant"):
        assert "no block holds 30 bars" in told.quantities[name].reason
    assert "0 blocks" in told.quantities["depth_exponent"].reason
    assert told.details["blocks"]["why_not"].str.contains("30 are needed").all()


@pytest.mark.bad_input("depth that does not vary")
def test_one_depth_tells_no_exponent(made):
    some = mm.simulate.queue_book(depth=50, session_seconds=7200, seed=3).market
    told = mm.ofi_impact(some, block="10min")
    assert "about the same" in told.quantities["depth_exponent"].reason
    assert told.quantities["slope_times_two_depths"].identified


@pytest.mark.bad_input("no trades")
def test_without_trades_the_flow_is_alone(made):
    told = mm.ofi_impact(mm.Market(symbols=made.market.symbols, quotes=made.market.quotes))
    assert "signed volume" in told.quantities["r2_trades"].reason
    assert told.quantities["r2"].identified


@pytest.mark.bad_input("a table that is none")
def test_bad_tables(table):
    with pytest.raises(TypeError, match="not int"):
        mm.ofi_impact(3)
    with pytest.raises(ValueError, match="lacks the columns ofi_integrated"):
        mm.ofi_impact(table, flow="ofi_integrated")
    with pytest.raises(ValueError, match="stand twice"):
        mm.ofi_impact(pd.concat([table, table]))
    with pytest.raises(ValueError, match="ofi is infinite in 1 rows"):
        mm.ofi_impact(table.assign(ofi=table["ofi"].where(table.index != 5, np.inf)))
    with pytest.raises(ValueError, match="ofi is not a number"):
        mm.ofi_impact(table.assign(ofi="much"))
    with pytest.raises(ValueError, match="choose symbol="):
        mm.ofi_impact(pd.concat([table, table.assign(symbol="Y")]))
    with pytest.raises(ValueError, match="unit must be one of"):
        mm.ofi_impact(table, unit="pips")
    with pytest.raises(ValueError, match="no stretch of time"):
        mm.ofi_impact(table, block="0min")
