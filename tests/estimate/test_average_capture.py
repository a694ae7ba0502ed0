"""Means of the profit's parts: by hand, by formula, what is refused, on the sample."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import mmresearch as mm
from mmresearch.estimate.capture_averages import sharpe
from mmresearch.measure.capture import PARTS
from tests.truth.coverage_capture import World, capture_table

LONG = World(50)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return capture_table(np.random.default_rng(5), LONG)


def estimates(result: mm.Result) -> pd.Series:
    return result.table.set_index("term")["estimate"]


@pytest.mark.parametrize("per", ["day", "fill", "million"])
def test_means_are_sums_over_sums_and_the_parts_add_up(table, per):
    result = mm.average_capture(table, per=per)
    units = {"day": 50, "fill": table["fills"].sum(), "million": table["value"].sum() / 1e6}[per]
    found = estimates(result)
    for name in [*PARTS, "profit"]:
        assert found[name] == pytest.approx(table[name].sum() / units, rel=1e-12)
    added = sum(sign * found[name] for name, sign in PARTS.items())
    assert added == pytest.approx(found["profit"], rel=1e-9)
    # so do their errors: the variance of the signed sum is the profit's
    signs = np.array(list(PARTS.values()))
    covariance = result.details["covariance"]
    joint = covariance.loc[list(PARTS), list(PARTS)].to_numpy()
    assert signs @ joint @ signs == pytest.approx(covariance.loc["profit", "profit"])


def test_errors_a_day_by_formula(table):
    row = mm.average_capture(table).table.set_index("term").loc["profit"]
    error = table["profit"].std(ddof=1) / np.sqrt(50)
    assert row["std_error"] == pytest.approx(error)
    reach = scipy.stats.t.ppf(0.975, 49) * error
    assert row["high"] - row["low"] == pytest.approx(2 * reach)


def by_hand(*profits, **columns) -> pd.DataFrame:
    days = World(len(profits), uneven=0.0)
    made = capture_table(np.random.default_rng(0), days)
    made[[*PARTS]] = 0.0
    return made.assign(revaluation=profits, profit=profits, **columns)


def test_drawdown_and_capital_by_hand():
    # the sum goes 3, 1, 2, -2, 4: from 3 down to -2
    days = by_hand(3.0, -2.0, 1.0, -4.0, 6.0, capital=[10.0, 40, 20, 0, 0])
    result = mm.average_capture(days, margin=0.5, errors="cluster")
    told = result.quantities
    assert told["max_drawdown"].value == 5
    assert told["capital"].value == 20
    assert told["return_on_capital"].value == pytest.approx(252 * 4 / 5 / 20)
    # a loss from the first day on is a fall from 0
    lost = mm.average_capture(by_hand(-1.0, -2.0, 1.0), errors="cluster")
    assert lost.quantities["max_drawdown"].value == 3


def test_accounts_and_symbols_of_one_day_are_one_piece_and_their_capital_adds_up(table):
    two = pd.concat([table, table.assign(symbol="Y")], ignore_index=True)
    one, both = mm.average_capture(table), mm.average_capture(two)
    assert both.quantities["capital"].value == 2 * one.quantities["capital"].value
    row = [r.table.set_index("term").loc["profit"] for r in (one, both)]
    assert row[1]["estimate"] == pytest.approx(2 * row[0]["estimate"])
    assert row[1]["std_error"] == pytest.approx(2 * row[0]["std_error"])
    assert both.quantities["sharpe"].value == pytest.approx(one.quantities["sharpe"].value)
    assert both.sample.series == 2


def test_sharpe_by_formula_and_its_error_is_mertens(table):
    daily = table["profit"].to_numpy()
    found = mm.average_capture(table, periods=365).quantities["sharpe"]
    ratio = daily.mean() / daily.std(ddof=1)
    assert found.value == pytest.approx(np.sqrt(365) * ratio)
    skew, kurtosis = scipy.stats.skew(daily), scipy.stats.kurtosis(daily, fisher=False)
    variance = 1 + ratio**2 / 2 - skew * ratio + (kurtosis - 3) / 4 * ratio**2
    reach = scipy.stats.t.ppf(0.975, 49) * np.sqrt(365 * variance / 50)
    # moments with 50 and with 49 in the denominator differ by a few hundredths
    assert found.high - found.value == pytest.approx(reach, rel=0.05)


def test_sharpe_intervals_hold_the_truth():
    """.95 of 400 worlds of 60 normal days, seed 3: .011 is one standard error, .917 three below."""
    rng = np.random.default_rng(3)
    found = [sharpe(0.3 + rng.standard_normal(60), 252, 0.95) for _ in range(400)]
    truth = 0.3 * np.sqrt(252)
    assert 0.917 <= np.mean([q.low <= truth <= q.high for q in found]) <= 0.983


def test_what_is_not_told_is_refused():
    few = mm.average_capture(capture_table(np.random.default_rng(1), World(1, 5)))
    assert not few.quantities["profit"].identified
    assert not few.quantities["return_on_capital"].identified
    assert "1 day, where 20" in few.quantities["sharpe"].reason
    assert few.quantities["max_drawdown"].identified
    same = mm.average_capture(by_hand(*[2.0] * 25))
    assert same.quantities["sharpe"].reason == "the profit is the same every day"
    assert not same.quantities["profit"].identified
    idle = mm.average_capture(by_hand(1.0, 2.0, 3.0, capital=0.0), errors="cluster")
    assert idle.quantities["return_on_capital"].reason == "nothing was held"


def test_flags_say_what_is_inferred_or_unknown(table):
    assert mm.average_capture(table).flags == ()
    odd = table.assign(account="aggregate maker", opening_known=False, fees_unknown=2)
    flags = mm.average_capture(odd).flags
    assert {"inventory_is_market_flow", "opening_unknown", "fees_unknown"} <= set(flags)


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda t: t[["day", "profit"]], {}, "not a table of spread_capture: no column account"),
        (lambda t: t.iloc[:0], {}, "without rows"),
        (lambda t: pd.concat([t, t.assign(currency="EUR")]), {}, "EUR, USD do not add up"),
        (lambda t: t.assign(profit=np.nan), {}, "profit of X is not known"),
        (lambda t: t.assign(fills=0), {"per": "fill"}, "no fills to divide by"),
        (lambda t: t, {"per": "week", "errors": "white"}, "per must be .*; errors must be"),
        (
            lambda t: t,
            {"periods": 0, "margin": np.nan, "level": 2},
            "periods .*; margin .*; level",
        ),
    ],
)
def test_bad_input_is_refused_with_every_fault(table, change, options, said):
    with pytest.raises(ValueError, match=said):
        mm.average_capture(change(table), **options)


def test_the_sample_pays_the_planted_rebate():
    # 0.2 bps of the value of each fill: 20 a million traded
    table = mm.spread_capture(mm.sample(), account="MM1")
    assert estimates(mm.average_capture(table, per="million"))["fees_and_rebates"] == (
        pytest.approx(20, abs=0.01)
    )
