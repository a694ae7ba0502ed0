"""HT4: fills that are lost make inventory seem slow, reports with error make it seem fast.

rho .97 a minute, true half-life 22.8 bars; 10 days of 1,440 minutes round the clock, seeds 1 to 8.
Over these the standard error of a mean rho is about .25 / sqrt(14400 * 8) < .001.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.signal import lfilter

import mmresearch as mm
from mmresearch.estimate.level_errors import drift_share
from mmresearch.estimate.pairs import inventory_pairs

RHO, DAYS, BARS = 0.97, 10, 1440
TRUE = 60 * np.log(0.5) / np.log(RHO)
OPENS = pd.Timestamp("2024-01-01", tz="UTC")
SEEDS = range(1, 9)


def inventory(seed: int) -> np.ndarray:
    news = 10 * np.random.default_rng(seed).standard_normal(DAYS * BARS)
    return lfilter([1], [1, -RHO], news)


def minutes(count: int) -> pd.DatetimeIndex:
    return OPENS + pd.to_timedelta(np.arange(1, count + 1), unit="min")


def fills_of(levels: np.ndarray, lost: np.ndarray) -> pd.DataFrame:
    """One fill a minute, which makes the change of the level; `lost` ones are not recorded."""
    flow = np.diff(levels, prepend=0.0)
    rows = {"time": minutes(len(flow)), "seq": 0, "account": "M", "symbol": "X", "price": 10.0}
    return pd.DataFrame(rows | {"side": np.sign(flow), "size": np.abs(flow)})[~lost]


def reports(levels: np.ndarray, times: pd.DatetimeIndex) -> pd.DataFrame:
    return pd.DataFrame({"time": times, "account": "M", "symbol": "X", "position": levels})


def with_lost_fills(seed: int, *, share: float = 0.05, reported: bool = True) -> mm.Market:
    levels = inventory(seed)
    lost = np.random.default_rng(100 + seed).random(len(levels)) < share
    lost[0] = False
    ends = slice(BARS - 1, None, BARS)
    tables = {"fills": fills_of(levels, lost)}
    if reported:
        opening = reports(np.array([0.0]), pd.DatetimeIndex([OPENS]))
        daily = reports(levels[ends], minutes(len(levels))[ends])
        tables["positions"] = pd.concat([opening, daily])
    return mm.Market(**tables)


def with_noise(seed: int, share: float = 0.25) -> mm.Market:
    levels = inventory(seed)
    spread = np.sqrt(share) * 10 / np.sqrt(1 - RHO**2)
    noise = spread * np.random.default_rng(200 + seed).standard_normal(len(levels))
    return mm.Market(positions=reports(levels + noise, minutes(len(levels))))


def naive(panel: pd.DataFrame) -> float:
    """Least squares with a constant on all bars, as half-life in seconds."""
    fit = sm.OLS(panel["inventory_end"], sm.add_constant(panel["inventory_start"])).fit()
    return 60 * np.log(0.5) / np.log(fit.params["inventory_start"])


def test_lost_fills_make_it_slow_and_are_refused_with_the_reason():
    lives = [naive(mm.panel(with_lost_fills(seed, reported=False))) for seed in SEEDS]
    assert np.median(lives) > 3 * TRUE
    found = mm.inventory_reversion(mm.panel(with_lost_fills(1)))
    for quantity in found.quantities.values():
        assert not quantity.identified
        assert np.isnan(quantity.value)
        assert "reported positions part from the rebuilt inventory" in quantity.reason
    assert (
        not mm.inventory_reversion(mm.panel(with_lost_fills(1)), controls=True)
        .quantities["half_life"]
        .identified
    )


def test_every_fill_there_is_the_truth():
    panel = mm.panel(with_lost_fills(1, share=0.0))
    assert (panel["drift"] == 0).all()
    found = mm.inventory_reversion(panel, draws=199)
    assert "units_lost" not in found.flags
    life = found.quantities["half_life"]
    assert life.identified
    assert life.low < TRUE < life.high


def test_a_lost_fill_that_matters_little_is_flagged():
    panel = mm.panel(with_lost_fills(2, share=0.0002))
    share = drift_share(inventory_pairs(panel))
    assert 0 < share < 0.05
    assert "units_lost" in mm.inventory_reversion(panel, draws=199).flags


def test_reports_with_error_make_it_fast_and_the_second_lag_mends_it():
    panels = [mm.panel(with_noise(seed)) for seed in SEEDS]
    lives = [naive(panel) for panel in panels]
    assert np.median(lives) == pytest.approx(60 * 2.7, rel=0.1)  # plim of rho: .97 * .8
    assert max(lives) < TRUE / 5
    results = [mm.inventory_reversion(panel, instrument="second lag") for panel in panels]
    values = [found.quantities["half_life"].value for found in results]
    assert np.median(values) == pytest.approx(TRUE, rel=0.1)
    assert all(found.quantities["half_life"].identified for found in results)
    # 95 % intervals: at least 6 of 8 cover with probability .994
    covers = [q.low <= TRUE <= q.high for q in (found.quantities["half_life"] for found in results)]
    assert sum(covers) >= 6
    assert all("reports_with_error" in found.flags for found in results)
    table = results[0].details["instrument"].set_index("statistic")["value"]
    assert table["error's share of the levels' variance"] == pytest.approx(0.2, abs=0.02)
    # without the instrument the error is seen in the residuals
    assert "residual_autocorrelation" in mm.inventory_reversion(panels[0], draws=199).flags


def test_reports_without_error_are_not_suspected():
    results = [
        mm.inventory_reversion(mm.panel(with_noise(seed, share=0.0)), instrument="second lag")
        for seed in SEEDS
    ]
    assert sum("reports_with_error" in found.flags for found in results) <= 2
    assert np.median([found.quantities["rho"].value for found in results]) == pytest.approx(
        RHO, abs=0.005
    )
