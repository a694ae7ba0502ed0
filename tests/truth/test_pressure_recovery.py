"""Price pressure in economies whose truth is known: recovery, traps, coverage, refusal.

The economy of Hendershott and Menkveld (2014) without noise in the price: inventory AR(1) with unit
surprises e, return alpha dI + kappa e + u. Seeds are fixed; a share p in R replications has the
standard error sqrt(p (1 - p) / R).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from mmresearch.estimate.placebo import inventory_placebo
from mmresearch.estimate.pressure import price_pressure

ALPHA, KAPPA = -0.5, -0.3


def economy(
    days: int,
    bars: int,
    rng: np.random.Generator,
    *,
    rho: float = 0.7,
    alpha: float = ALPHA,
    kappa: float = KAPPA,
    flat: bool = False,
) -> pd.DataFrame:
    """The panel of one account; `flat` starts every day at zero, else inventory carries over."""
    surprise, noise = rng.normal(size=(2, days, bars))
    if flat:
        after = lfilter([1], [1, -rho], surprise, axis=1)
        before = np.hstack([np.zeros((days, 1)), after[:, :-1]]).ravel()
    else:
        start = rng.normal() / np.sqrt(1 - rho**2) if rho < 1 else 0.0
        after = lfilter([1], [1, -rho], surprise.ravel(), zi=[rho * start])[0]
        before = np.r_[start, after[:-1]]
    after = after.ravel()
    moved = alpha * (after - before) + kappa * surprise.ravel()
    day = np.repeat(np.arange(days), bars)
    return pd.DataFrame(
        {
            "account": "A",
            "symbol": "X",
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(day, unit="D"),
            "bar": np.tile(np.arange(bars), days),
            "inventory_start": before,
            "inventory_end": after,
            "mid": 1.0,
            "return_bps": moved + noise.ravel(),
        }
    )


def share(hits: list[bool]) -> float:
    return float(np.mean(hits))


def test_joint_regression_recovers_what_the_naive_one_mixes():
    # N = 200,000: naive alpha + kappa (1 + rho) / 2 = -0.755, its standard error 0.0022
    panel = economy(50, 4000, np.random.default_rng(1))
    result = price_pressure(panel, per=1.0)
    naive = result.details["traps"].loc["naive", "estimate"]
    assert naive == pytest.approx(-0.755, abs=3 * 0.0025)
    rows = result.table.set_index("term")
    for term, truth in (("inventory_change", ALPHA), ("inventory_surprise", KAPPA)):
        estimate, error = rows.loc[term, ["estimate", "std_error"]]
        assert error < 0.01
        assert abs(estimate - truth) < 3 * error
    assert abs(naive - ALPHA) > 20 * rows.loc["inventory_change", "std_error"]
    for name, truth in (("pressure", ALPHA), ("information", KAPPA), ("total", ALPHA + KAPPA)):
        quantity = result.quantities[name]
        assert quantity.identified
        reach = quantity.high - quantity.low  # 3.9 standard errors
        assert abs(quantity.value - truth) < 3 / 3.92 * reach
    # |alpha| sd(I) = 0.5 / sqrt(1 - 0.49)
    assert result.quantities["pressure_sd"].value == pytest.approx(0.7001, rel=0.04)


def test_interval_covers_where_errors_that_take_rho_as_known_do_not():
    # information of -3 a surprise: rho's error is most of alpha's. R = 200: .95 +- .046 is 3
    # standard errors; the table's errors cover about half
    rng, ours, known, info = np.random.default_rng(2), [], [], []
    for _ in range(150):
        panel = economy(250, 1, rng, kappa=-3.0)
        result = price_pressure(panel, per=1.0)
        pressure, surprise = result.quantities["pressure"], result.quantities["information"]
        row = result.table.iloc[1]
        ours.append(pressure.low <= ALPHA <= pressure.high)
        info.append(surprise.low <= -3.0 <= surprise.high)
        known.append(row["low"] <= ALPHA <= row["high"])
    assert share(known) < 0.65
    assert share(ours) >= 0.897
    assert share(info) >= 0.897


def test_wild_interval_covers_with_fifteen_days():
    # R = 120: .95 +- .06 is 3 standard errors
    rng, ours, total = np.random.default_rng(3), [], []
    for i in range(120):
        panel = economy(15, 26, rng)
        result = price_pressure(panel, per=1.0, draws=199, seed=i)
        pressure, whole = result.quantities["pressure"], result.quantities["total"]
        ours.append(pressure.low <= ALPHA <= pressure.high)
        total.append(whole.low <= ALPHA + KAPPA <= whole.high)
    assert share(ours) >= 0.89
    assert share(total) >= 0.89


@pytest.mark.parametrize(
    ("days", "bars", "flat"), [(1, 400, False), (250, 1, False), (60, 26, True), (12, 40, False)]
)
def test_random_walk_is_not_identified(days, bars, flat):
    # the unit-root test has a size of 5 %; with R = 100, 10 % is 2.3 standard errors above
    rng, refused, total = np.random.default_rng(days), [], []
    for _ in range(100):
        panel = economy(days, bars, rng, rho=1.0, flat=flat)
        result = price_pressure(panel, per=1.0, draws=99)
        refused.append(not result.quantities["pressure"].identified)
        whole = result.quantities["total"]
        total.append(whole.identified and whole.low <= ALPHA + KAPPA <= whole.high)
    assert share(refused) >= 0.90
    assert share(total) >= 0.87  # .95 less 3.5 standard errors


def test_short_random_walks_pooled_are_not_identified():
    # 20 series of 24 sessions, R = 40: uncorrected, rho is below 0.95 in nearly all
    rng, refused, naive = np.random.default_rng(9), [], []
    for _ in range(40):
        panels = [economy(25, 1, rng, rho=1.0).assign(account=f"A{j}") for j in range(20)]
        result = price_pressure(pd.concat(panels, ignore_index=True), per=1.0, draws=99)
        refused.append(not result.quantities["pressure"].identified)
        naive.append(result.details["inventory"].loc[0, "rho"] < 0.95)
    assert share(naive) >= 0.90
    assert share(refused) >= 0.90


def placebo_p(panel: pd.DataFrame) -> list[float]:
    result = inventory_placebo(panel, shuffles=39, errors="HC1")
    return [quantity.value for quantity in result.quantities.values()]


def test_placebo_rejects_five_in_a_hundred_when_nothing_is_there():
    # R = 200: .05 +- .046 is 3 standard errors; p is uniform on 1/40, ..., 1: mean .5125 +- .06
    rng = np.random.default_rng(6)
    null = (economy(12, 10, rng, alpha=0.0, kappa=0.0) for _ in range(200))
    p = np.array([placebo_p(panel) for panel in null])
    assert ((p <= 0.05).mean(axis=0) <= 0.096).all()
    assert ((p <= 0.05).mean(axis=0) > 0).all()
    np.testing.assert_allclose(p.mean(axis=0), 0.5125, atol=0.062)


def test_placebo_sees_what_is_there():
    # total -0.8 of noise 1 in 120 rows: t about 9; pressure -0.5 beside it, t about 3.5
    rng = np.random.default_rng(7)
    p = np.array([placebo_p(economy(12, 10, rng)) for _ in range(40)])
    assert (p[:, 1] <= 0.05).mean() >= 0.95
    assert (p[:, 0] <= 0.05).mean() >= 0.6
