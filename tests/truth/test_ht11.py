"""HT11: Diebold-Mariano and Clark-West under a nested null; a predictor that knows tomorrow.

Models' sheet: rolling 100 of 200, 10 % one-sided: DM rejects .2 %, CW 5.8 % (theory .05 to .10),
mean R2 -1.3 %; HAR with a predictor built with t+1: R2 +24 %, the same a row older -.1 %.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import mmresearch as mm
from mmresearch.estimate.forecast_models import Design
from mmresearch.estimate.forecast_origins import forecasts
from mmresearch.estimate.forecast_tests import clark_west, diebold_mariano, squared
from tests.truth.har_days import har_days

SAMPLES, TAUGHT, ROWS = 1500, 100, 200  # Monte Carlo error of a share of .058: .006


@pytest.fixture(scope="module")
def nested():
    """p of CW, one-sided p of DM, and R2, of white noise foretold by its mean, and by noise too."""
    rng, found = np.random.default_rng(11), []
    usable = np.ones(ROWS, bool)
    origins = np.arange(TAUGHT, ROWS)
    for _ in range(SAMPLES):
        y, x = rng.standard_normal(ROWS), rng.standard_normal(ROWS)
        one = np.ones((ROWS, 1))
        # the insanity filter is for variances; here nothing is negative by being below 0
        small, large = (
            forecasts(
                Design("", y + 100, design, [], logs=False),
                usable,
                origins,
                horizon=1,
                window=TAUGHT,
            )
            for design in (one, np.column_stack([one, x]))
        )
        real = y[origins] + 100
        losses = [squared(real, f.level) for f in (small, large)]
        better = diebold_mariano(losses[0] - losses[1], 1)
        one_sided = scipy.stats.norm.sf(better.statistic)
        nest = clark_west(real, small.level, large.level, 1)
        found.append((nest.p, one_sided, 1 - losses[1].sum() / losses[0].sum()))
    return pd.DataFrame(found, columns=["cw", "dm", "r2"])


def test_diebold_and_mariano_hardly_ever_reject(nested):
    assert (nested["dm"] < 0.10).mean() < 0.02


def test_clark_and_west_do_as_they_say(nested):
    assert 0.04 <= (nested["cw"] < 0.10).mean() <= 0.11
    assert nested["r2"].mean() == pytest.approx(-0.013, abs=0.004)


@pytest.fixture(scope="module")
def leaked():
    """A predictor of nothing but tomorrow's surprise, dated as if it were known today."""
    table = har_days(np.random.default_rng(12), days=1500)
    surprise = np.log(table["rv"]).diff().shift(-1)
    noise = np.random.default_rng(13).standard_normal(len(table))
    return table.assign(withdrawal=(0.5 * surprise + 0.3 * noise).fillna(0.0))


def test_what_is_dated_tomorrow_is_refused(leaked):
    dated = leaked.assign(withdrawal_known=leaked["known"].shift(-1))
    with pytest.raises(ValueError, match=r"withdrawal is known after .* in 1499 rows, first at"):
        mm.volatility_forecast(dated, predictors=["withdrawal"])


def test_what_is_dated_wrongly_is_flagged(leaked):
    found = mm.volatility_forecast(leaked, predictors=["withdrawal"], models=["har"], draws=0)
    line = found.details["comparisons"].iloc[0]
    assert line["r2"] > 0.15
    assert abs(line["r2_late"]) < 0.02
    assert "gain_vanishes_when_lagged" in found.flags


def test_what_lasts_and_is_true_is_not():
    table = har_days(np.random.default_rng(14), days=1500, gain=0.15)
    found = mm.volatility_forecast(table, predictors=["withdrawal"], models=["har"], draws=0)
    line = found.details["comparisons"].iloc[0]
    assert line["r2"] > line["r2_late"] > 0.02
    assert "gain_vanishes_when_lagged" not in found.flags
    assert found.quantities["p_clark_west"].value < 0.001
