"""Another maker's inventory as a placebo: by formula, size under common flow, several leads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmresearch.estimate.errors import regress
from mmresearch.estimate.placebo import inventory_placebo
from tests.truth.test_pressure_recovery import economy


def makers(
    days: int, bars: int, rng: np.random.Generator, *, share: float = 0.6, total: float = -0.8
) -> pd.DataFrame:
    """Two makers whose surprises correlate by `share`; the price answers A's inventory alone."""
    first = economy(days, bars, rng, alpha=0.0, kappa=0.0)
    second = economy(days, bars, rng, alpha=0.0, kappa=0.0)
    levels = ["inventory_start", "inventory_end"]
    # a sum of two AR(1) with the same rho is one whose surprise is the sum of the surprises
    second[levels] = share * first[levels] + np.sqrt(1 - share**2) * second[levels]
    moved = total * (first["inventory_end"] - first["inventory_start"])
    returns = first["return_bps"] + moved
    both = [first, second.assign(account="B")]
    return pd.concat([p.assign(return_bps=returns) for p in both], ignore_index=True)


def placebo(panel: pd.DataFrame, **options: object) -> object:
    return inventory_placebo(panel, account="A", shuffles=19, per=1.0, **options)


def row(result: object, term: str) -> pd.Series:
    return result.table.set_index("term").loc[term]


def test_other_alone_moves_by_common_flow_and_not_beside_own():
    panel = makers(50, 40, np.random.default_rng(1))
    result = placebo(panel)
    line = result.details["others"].iloc[0]
    assert line["account"] == "B"
    assert line["rows"] == 2000
    # surprises of unit variance: cov / var = 0.6, and so are the correlations
    assert line["correlation_of_changes"] == pytest.approx(0.6, abs=0.05)
    assert line["correlation_of_surprises"] == pytest.approx(0.6, abs=0.05)
    assert line["total_by_common_flow"] == pytest.approx(-0.48, abs=0.05)
    assert line["total"] == pytest.approx(-0.48, abs=0.08)
    assert row(result, "total, other maker B")["high"] < 0
    beside = row(result, "total, other maker B beside own")
    assert beside["low"] < 0 < beside["high"]
    assert beside["estimate"] == line["total_beside_own"]


def test_by_hand():
    panel = makers(45, 20, np.random.default_rng(2))
    result = placebo(panel)
    other = panel[panel["account"] == "B"].reset_index(drop=True)
    change = other["inventory_end"] - other["inventory_start"]
    x = pd.DataFrame({"const": 1.0, "lag": other["inventory_start"]})
    fit = regress(change, x, other["day"]).fit
    parts = {"const": 1.0, "pressure": fit.fittedvalues - change.mean(), "total": fit.resid}
    found = regress(other["return_bps"], pd.DataFrame(parts), other["day"]).table.set_index("term")
    for term in ("pressure", "total"):
        ours = row(result, f"{term}, other maker B")
        for column in ("estimate", "std_error", "low", "high"):
            assert ours[column] == pytest.approx(found.loc[term, column], rel=1e-8)


@pytest.mark.slow
def test_size_beside_own_under_common_flow():
    # R = 200: .05 +- .046 is 3 standard errors; alone it is rejected always: both asserted
    rng, rejected, alone = np.random.default_rng(3), [], []
    for _ in range(200):
        result = placebo(makers(12, 15, rng), errors="HC1", lead=1)
        beside = row(result, "total, other maker B beside own")
        rejected.append(not beside["low"] <= 0 <= beside["high"])
        alone.append(row(result, "total, other maker B")["p"] < 0.05)
    assert 0 < np.mean(rejected) <= 0.096
    assert np.mean(alone) > 0.9


def test_real_estimate_is_the_accounts_own():
    panel = makers(45, 20, np.random.default_rng(4))
    alone = inventory_placebo(panel[panel["account"] == "A"], shuffles=19, per=1.0)
    result = placebo(panel)
    for term in ("pressure", "total"):
        assert row(result, term)["estimate"] == row(alone, term)["estimate"]
    assert result.quantities == alone.quantities
    assert "others" not in alone.details


def test_five_makers_who_trade_most_are_tried():
    panel = makers(12, 20, np.random.default_rng(5))
    second = panel[panel["account"] == "B"]
    copies = []
    for j in range(1, 8):
        levels = second[["inventory_start", "inventory_end"]] * j
        copies.append(second.assign(account=f"C{j}", **levels))
    result = placebo(pd.concat([panel, *copies], ignore_index=True))
    assert result.details["others"]["account"].tolist() == ["C7", "C6", "C5", "C4", "C3"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p[p["account"] == "A"],
        lambda p: p.assign(
            inventory_end=p["inventory_end"].where(p["account"] == "A", 1.0),
            inventory_start=p["inventory_start"].where(p["account"] == "A", 1.0),
        ),
    ],
)
def test_no_other_maker_is_said(spoil):
    result = placebo(spoil(makers(12, 20, np.random.default_rng(6))))
    assert "no_other_maker" in result.flags
    assert result.details["others"].empty


def test_several_leads_stand_in_one_table():
    panel = makers(45, 20, np.random.default_rng(7))
    result = placebo(panel, lead=[2, 3])
    for ahead in (2, 3):
        one = placebo(panel, lead=ahead)
        ours = row(result, f"total, led by {ahead}")["estimate"]
        assert ours == row(one, "total, led")["estimate"]
    assert (result.details["placebo"]["kind"] == "led").sum() == 2
    assert "inventory led by 2 and 3 sessions" in result.errors


def test_an_account_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="account 'Z' is not in the panel, which holds: A, B"):
        inventory_placebo(makers(12, 20, np.random.default_rng(8)), account="Z")
