"""Brokered flow between a dealer's trades: by hand, as planted, and what must not be in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import mmresearch as mm
from mmresearch.estimate.dealer_rows import dealer_rows
from tests.truth.quoting_dealer import Dealer, quoting, tape

DEALER = Dealer(noise=0.02)
IMPACT = 0.002  # currency a unit that others bought: .2 bps


@pytest.fixture(scope="module")
def table():
    return quoting(np.random.default_rng(1), DEALER, days=60, trades=60, brokered=IMPACT)


@pytest.fixture(scope="module")
def prints(table):
    return tape(table, np.random.default_rng(2))


@pytest.fixture(scope="module")
def answer(table, prints):
    return mm.dealer_pricing(table, brokered=prints, size="units")


# --- by hand --------------------------------------------------------------------------------------


def hand(second_seqs: tuple[int, ...] = (5,)) -> pd.DataFrame:
    """Buys 2 at second 10, (orders of) sells at 20, buys 3 at 30; the next day one more."""
    lines = [("2024-01-01 00:00:10", 1, 1.0, 2.0)]
    lines += [("2024-01-01 00:00:20", seq, -1.0, 1.0) for seq in second_seqs]
    lines += [("2024-01-01 00:00:30", 9, 1.0, 3.0), ("2024-01-02 00:00:10", 11, 1.0, 1.0)]
    fills = pd.DataFrame(lines, columns=["time", "seq", "side", "size"])
    flow = fills["side"] * fills["size"]
    return fills.assign(
        time=pd.to_datetime(fills["time"], utc=True),
        day=pd.to_datetime(fills["time"].str[:10]),
        account="dealer",
        symbol="X",
        price=100.0,
        held=flow.cumsum() - flow,
    )


def prints_of(*lines: tuple[str, int, float, float]) -> pd.DataFrame:
    found = pd.DataFrame(lines, columns=["time", "seq", "side", "size"])
    time = pd.to_datetime("2024-01-01 " + found["time"], utc=True)
    return found.assign(time=time, symbol="X")


BEFORE_AND_AFTER = (
    ("00:00:09", 0, 1.0, 100.0),  # before the first: in no row
    ("00:00:10", 1, -1.0, 2.0),  # the first order itself
    ("00:00:10", 2, 1.0, 7.0),
    ("00:00:15", 3, -1.0, 4.0),
    ("00:00:20", 4, 1.0, 0.5),  # same instant, earlier seq
    ("00:00:20", 5, 1.0, 1.0),  # the second order itself
    ("00:00:20", 8, 1.0, 20.0),  # same instant, later seq
    ("00:00:25", 8, np.nan, 50.0),  # no side
    ("00:00:40", 10, 1.0, 1000.0),  # after the last
)


def test_net_buying_strictly_between_by_hand():
    """7 - 4 + .5 before the second order, 20 before the third; what came later is beside it."""
    rows = dealer_rows(
        hand(), held="ledger", size="units", brokered=prints_of(*BEFORE_AND_AFTER)
    ).frame
    assert rows["brokered"].tolist() == pytest.approx([3.5, 20.0])
    assert rows["brokered_after"].iloc[0] == pytest.approx(20.0)
    assert np.isnan(rows["brokered_after"].iloc[1])
    in_trades = dealer_rows(
        hand(), held="ledger", size="average", brokered=prints_of(*BEFORE_AND_AFTER)
    ).frame
    assert in_trades["brokered"].tolist() == pytest.approx([3.5 / 1.75, 20 / 1.75])


def test_prints_of_one_order_of_several_fills_are_none_of_it():
    """Seq 5 and 7 are one order: 6 and 7 are inside it, 8 is after."""
    lines = (*BEFORE_AND_AFTER, ("00:00:20", 6, 1.0, 300.0), ("00:00:20", 7, 1.0, 1.0))
    rows = dealer_rows(hand((5, 7)), held="ledger", size="units", brokered=prints_of(*lines)).frame
    assert rows["brokered"].tolist() == pytest.approx([3.5, 20.0])


def test_other_symbols_and_other_dealers_do_not_mix():
    fills = hand()
    other = fills.assign(account="other", symbol="Y")
    prints = prints_of(*BEFORE_AND_AFTER)
    both = dealer_rows(
        pd.concat([fills, other, fills.assign(account="third")]),
        held="ledger",
        size="units",
        brokered=pd.concat([prints, prints.assign(symbol="Y", size=2 * prints["size"])]),
    ).frame
    found = both.groupby("account")["brokered"].apply(list)
    assert found["dealer"] == found["third"] == pytest.approx([3.5, 20.0])
    assert found["other"] == pytest.approx([7.0, 40.0])


# --- truth ----------------------------------------------------------------------------------------


def test_the_planted_coefficient_is_recovered_and_the_others_stay(table, answer):
    found = answer.table.set_index("term")
    truth = 100 * pd.Series(DEALER.truth() | {"brokered": IMPACT})
    assert ((found["estimate"] - truth).abs() < 3 * found["std_error"]).all()
    told = answer.quantities["brokered"]
    assert told.low < 0.2 < told.high
    assert told.low > 0.1
    assert told.unit == "bps for a unit that others bought"
    assert "B_t" in answer.equation
    assert answer.sample.used == 60 * 59
    rows = dealer_rows(table, held="ledger", size="units", brokered=None).frame
    assert "brokered" not in rows


def test_regression_and_errors_are_statsmodels(table, answer):
    opened = table.groupby("day")["price"].transform("first")
    rows = table.assign(dp=1e4 * table.groupby("day")["price"].diff() / opened, d=-table["side"])
    rows["q"] = rows["d"] * rows["size"]
    by_day = rows.groupby("day")
    rows = rows.assign(held_1=by_day["held"].shift(), d_1=by_day["d"].shift()).dropna(subset=["dp"])
    fit = smf.ols("dp ~ q + held + held_1 + d + d_1 + flow", rows).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["day"])[0]}, use_t=True
    )
    found = answer.table.set_index("term")
    assert found["estimate"].to_numpy() == pytest.approx(fit.params.iloc[1:].to_numpy(), rel=1e-7)
    n = len(rows)
    expected = fit.bse.iloc[1:].to_numpy() * np.sqrt((n - 7) / (n - 6))
    assert found["std_error"].to_numpy() == pytest.approx(expected, rel=1e-7)


def test_flow_after_the_trade_tells_nothing_and_is_shown_as_a_trap(answer):
    traps = answer.details["traps"].set_index(["term", "regression"])["estimate"]
    assert traps["brokered", "ours"] == pytest.approx(answer.quantities["brokered"].value)
    assert abs(traps["brokered", "flow after the trade, until the next"]) < 0.05


def test_without_its_impact_none_is_found():
    made = quoting(np.random.default_rng(3), DEALER, days=60, trades=40, brokered=0.0)
    found = mm.dealer_pricing(made, brokered=tape(made, np.random.default_rng(4)), size="units")
    assert found.quantities["brokered"].low < 0 < found.quantities["brokered"].high


def test_after_the_noise_is_taken_out(table, prints):
    found = mm.dealer_pricing(table, brokered=prints, size="units", noise="ma")
    told = found.table.set_index("term").loc["brokered"]
    assert abs(told["estimate"] - 0.2) < 3 * told["std_error"]


def test_own_trades_under_another_seq_are_caught(table, prints):
    """With them B holds Q of the trade before, or of this one."""
    renamed = prints.assign(seq=prints["seq"].where(prints["seq"] % 1 != 0, prints["seq"] - 0.05))
    with pytest.raises(ValueError, match=r"brokered holds the dealer's own trades: 3600 of 3600"):
        mm.dealer_pricing(table, brokered=renamed)


def test_a_markets_trades_will_do():
    """Planted in the sample: .013 bps a unit, 140 units the average trade, whoever trades."""
    market = mm.sample()
    fills = mm.trader_fills(market, account="MM1")
    found = mm.dealer_pricing(fills, brokered=market["trades"], errors="cluster")
    told = found.quantities["brokered"]
    assert told.low < 0.013 * 140 < told.high
    assert told.high - told.low < 0.3
    assert found.sample.days == fills["day"].nunique()


# --- bad input ------------------------------------------------------------------------------------


def test_days_without_brokered_trades_are_set_aside_not_zero(table, prints):
    first = table["day"].unique()[:10]
    some = prints[~prints["time"].dt.tz_localize(None).dt.normalize().isin(first)]
    found = mm.dealer_pricing(table, brokered=some, size="units")
    # the first print of a day stands a minute before its first trade, at the day before
    assert found.sample.dropped["of a day without a brokered trade"] == 10 * 59
    assert found.sample.used == 50 * 59


@pytest.mark.bad_input("brokered trades without a side")
def test_prints_of_unknown_side_do_not_count_and_are_flagged(table, prints):
    rng = np.random.default_rng(5)
    some = prints.assign(side=prints["side"].where(rng.random(len(prints)) < 0.8))
    found = mm.dealer_pricing(table, brokered=some, size="units")
    assert "brokered_trades_without_a_side" in found.flags
    none = mm.dealer_pricing(table, brokered=prints.assign(side=np.nan))
    assert "0 trades after another" in none.quantities["brokered"].reason
    assert not none.quantities["information"].identified


@pytest.mark.bad_input("no brokered trades", "brokered trades of another symbol")
def test_no_flow_is_refused_with_the_reason(table, prints):
    for some in (prints.iloc[:0], prints.assign(symbol="Y")):
        found = mm.dealer_pricing(table, brokered=some)
        assert not found.quantities["brokered"].identified
        assert "0 trades after another" in found.quantities["brokered"].reason
        assert found.sample.dropped["of a day without a brokered trade"] == 60 * 59


@pytest.mark.bad_input("infinite values", "duplicated rows", "a text in a number", "naive times")
def test_faults_are_named_at_once(table, prints):
    with pytest.raises(TypeError, match='as market\\["trades"\\], not list'):
        mm.dealer_pricing(table, brokered=[1])
    with pytest.raises(ValueError, match="brokered lacks the columns seq, size"):
        mm.dealer_pricing(table, brokered=prints.drop(columns=["size", "seq"]))
    bad = pd.concat([prints, prints.iloc[[4]]]).astype({"size": object}).reset_index(drop=True)
    bad.loc[3, "size"] = "many"
    bad.loc[5, "side"] = 0.5
    with pytest.raises(ValueError, match=r"size is not a number in 1 rows; side is .* 1 trades st"):
        mm.dealer_pricing(table, brokered=bad)
    for size in (np.inf, -1.0, np.nan):
        with pytest.raises(ValueError, match="size is not above 0 and finite in"):
            mm.dealer_pricing(table, brokered=prints.assign(size=size))
    with pytest.raises(ValueError, match="where UTC times are needed"):
        mm.dealer_pricing(table, brokered=prints.assign(time=prints["time"].dt.tz_localize(None)))


@pytest.mark.bad_input("unsorted rows")
def test_order_of_rows_does_not_matter(table, prints, answer):
    found = mm.dealer_pricing(
        table.sample(frac=1, random_state=2),
        brokered=prints.sample(frac=1, random_state=4),
        size="units",
    )
    pd.testing.assert_frame_equal(found.table, answer.table)
