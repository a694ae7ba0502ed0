"""Every estimate on panels that cannot answer: one error, or no number and the reason."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

LEVELS = ["inventory_start", "inventory_end"]
ESTIMATES: dict[str, Callable[[pd.DataFrame], object]] = {
    "inventory_reversion": lambda p: mm.inventory_reversion(p, draws=39),
    "inventory_reversion, lags": lambda p: mm.inventory_reversion(p, lags=3, draws=39),
    "inventory_reversion, levels": lambda p: mm.inventory_reversion(p, scale="levels", draws=39),
    "inventory_reversion, controls": lambda p: mm.inventory_reversion(p, controls=True, draws=39),
    "inventory_reversion, second lag": lambda p: mm.inventory_reversion(p, instrument="second lag"),
    "reversion_placebo": lambda p: mm.reversion_placebo(p, flips=19, draws=39),
    "ornstein_uhlenbeck": lambda p: mm.ornstein_uhlenbeck(p, draws=39),
    "shifting_target": lambda p: mm.shifting_target(p, draws=19),
    "threshold_reversion": lambda p: mm.threshold_reversion(p, draws=19),
    "threshold_reversion, smooth": lambda p: mm.threshold_reversion(p, kind="estar", draws=19),
    "reversion_by, volatility": lambda p: mm.reversion_by(p, draws=39),
    "reversion_by, time of day": lambda p: mm.reversion_by(p, by="time_of_day", draws=39),
    "reversion_by, size": lambda p: mm.reversion_by(p, by="size", draws=39),
    "rolling_reversion": lambda p: mm.rolling_reversion(p, window=2, step=1, draws=39),
    "inventory_by_horizon": lambda p: mm.inventory_by_horizon(p, draws=99),
    "inventory_liquidity": mm.inventory_liquidity,
    "quote_skew": lambda p: mm.quote_skew(p, limit=1e4, lags=1, draws=39),
    "quote_skew, pool": lambda p: mm.quote_skew(p, quotes="pool", draws=39),
    "equivalent_inventory": lambda p: mm.equivalent_inventory(p, draws=39),
    "price_impact, inventory": lambda p: mm.price_impact(p, flow="inventory", draws=39),
    "price_pressure": lambda p: mm.price_pressure(p, draws=99),
    "price_pressure, state space": lambda p: mm.price_pressure(p, method="state_space", draws=39),
    "inventory_placebo": lambda p: mm.inventory_placebo(p, shuffles=19, draws=99),
    "local_projection": lambda p: mm.local_projection(p, shock="flow", lags=2, horizons=(0, 3)),
    "return_predictability": mm.return_predictability,
    "inventory_causality": lambda p: mm.inventory_causality(p, draws=99),
    "unit_root_tests": lambda p: mm.unit_root_tests(p, draws=39),
}


@pytest.fixture(scope="module")
def good() -> pd.DataFrame:
    """Four sessions of a maker in bars of five minutes."""
    panel = mm.panel(mm.sample(), freq="5min", account="MM1")
    return panel[panel["day"].isin(panel["day"].unique()[:4])].reset_index(drop=True)


def level(panel: pd.DataFrame, value: float) -> pd.DataFrame:
    still = panel.assign(**dict.fromkeys(LEVELS, value))
    moved = ["flow", "trade_flow", "transfer_flow", "overnight_flow", "buys", "sells"]
    return still.assign(**dict.fromkeys(moved, 0.0), maker_volume=0.0, participation=0.0)


def coarser(panel: pd.DataFrame) -> pd.DataFrame:
    """Bars of ten minutes beside those of five."""
    pairs = panel[panel["bar"] % 2 == 0]
    return pd.concat([panel, pairs.assign(end=pairs["start"] + pd.Timedelta("10min"))])


NO_NUMBER = {
    "fewer rows than parameters": lambda p: p.head(3),
    "a constant inventory": lambda p: level(p, 700.0),
    "an account that never trades": lambda p: level(p, 0.0),
    "inventory all missing": lambda p: p.assign(**dict.fromkeys(LEVELS, np.nan), flow=np.nan),
    "no rows": lambda p: p.iloc[:0],
}
REFUSED = {
    "bars that stand twice": lambda p: pd.concat([p, p.head(5)]),
    "two frequencies in one panel": coarser,
    "infinite inventory": lambda p: p.assign(
        inventory_end=p["inventory_end"].where(p["bar"] != 7, np.inf)
    ),
    "a panel without bars": lambda p: p.drop(columns="bar"),
}


def answers(found: object) -> list[tuple[str, bool]]:
    """Every answer by name, and whether a number is given for it."""
    if isinstance(found, mm.Result):
        return [(name, q.identified) for name, q in found.quantities.items()]
    if "identified" in found:
        return list(zip(found["last_day"], found["identified"], strict=True))
    return list(zip(found["test"], found["p"].notna(), strict=True))


def outcome(estimate: Callable[[pd.DataFrame], object], panel: pd.DataFrame) -> object:
    try:
        return estimate(panel)
    except ValueError as error:
        return error


@pytest.mark.parametrize("name", ESTIMATES)
def test_the_panel_of_these_tests_is_good(name, good):
    if name == "inventory_liquidity":
        good = mm.panel(mm.sample(), freq="1D", account="MM1")
    assert not isinstance(outcome(ESTIMATES[name], good), ValueError)


@pytest.mark.bad_input(*NO_NUMBER)
@pytest.mark.parametrize("fault", NO_NUMBER)
@pytest.mark.parametrize("name", ESTIMATES)
def test_what_cannot_be_told_has_no_number(name, fault, good):
    found = outcome(ESTIMATES[name], NO_NUMBER[fault](good))
    if not isinstance(found, ValueError):
        assert [answer for answer, given in answers(found) if given] == []


@pytest.mark.bad_input(*REFUSED)
@pytest.mark.parametrize("fault", REFUSED)
@pytest.mark.parametrize("name", ESTIMATES)
def test_panels_that_are_none_are_one_error(name, fault, good):
    with pytest.raises(ValueError, match="panel"):
        ESTIMATES[name](REFUSED[fault](good))


@pytest.mark.bad_input("a single session")
@pytest.mark.parametrize("name", ESTIMATES)
def test_one_session_is_answered_within_reason(name, good):
    """Reversion can be told within a day; what needs days to vary says that there is one."""
    found = outcome(ESTIMATES[name], good[good["day"] == good["day"].iloc[0]])
    if isinstance(found, mm.Result):
        given = [q for q in found.quantities.values() if q.identified]
        assert all(np.isfinite([q.value, q.low]).all() for q in given)
        assert found.sample.days == 1 or not given
