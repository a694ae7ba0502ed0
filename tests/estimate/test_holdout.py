"""The sealed end of the sample: in nothing before it is opened, and every opening is counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.estimate.holdout import first_sealed
from tests.truth.har_days import har_days

ASKED = {"predictors": ["withdrawal"], "models": ["har"], "draws": 0}


@pytest.fixture(scope="module")
def days():
    return har_days(np.random.default_rng(21), days=700, gain=0.15)


@pytest.fixture(scope="module")
def sealed(days):
    return mm.volatility_forecast(days, **ASKED)


def test_the_last_fifth_of_days_is_sealed():
    """Whole days: 5 of them with 2 rows each, a fifth is the last two rows, a third the last 4."""
    days = pd.Series(np.repeat(pd.date_range("2024-01-01", periods=5), 2))
    assert first_sealed(days, 0.2) == 8
    assert first_sealed(days, 0.33) == 6
    assert first_sealed(days, 0) == 10
    assert first_sealed(days.iloc[:8], 0.2) == 6  # four days: two of eight rows


def test_nothing_that_is_sealed_is_in_the_answer(days, sealed):
    """The hold-out may be another world: every number stays but the seal's hash."""
    first = sealed.details["sealed"]["first_day"].iloc[0]
    other = days.copy()
    other.loc[other["day"] >= first, ["rv", "withdrawal"]] = 7.0
    again = mm.volatility_forecast(other, **ASKED)
    pd.testing.assert_frame_equal(again.table, sealed.table)
    for name in ("comparisons", "models", "forecasts", "replaced"):
        pd.testing.assert_frame_equal(again.details[name], sealed.details[name])
    told, before = again.details["sealed"].iloc[0], sealed.details["sealed"].iloc[0]
    assert told["data"] != before["data"]
    assert sealed.details["forecasts"]["day"].max() < first
    assert not sealed.quantities["holdout_r2_oos"].identified
    assert "sealed" in sealed.quantities["holdout_r2_oos"].reason


def test_it_is_opened_and_counted(days, sealed, tmp_path):
    once = mm.open_holdout(sealed, days, folder=tmp_path)
    assert once.quantities["holdout_r2_oos"].identified
    assert once.quantities["holdout_p_clark_west"].value < 0.05
    assert once.quantities["r2_oos"] == sealed.quantities["r2_oos"]
    assert not [flag for flag in once.flags if flag.startswith("holdout")]
    assert once.details["ledger"]["opening"].tolist() == [1]
    first = sealed.details["sealed"]["first_day"].iloc[0]
    told = once.details["holdout_forecasts"]
    # the day before is the first origin: all that it foretells is sealed
    assert told["day"].min() == days["day"][(days["day"] < first)].max()
    assert len(told[told["model"] == "har"]) == (days["day"] >= first).sum()
    # the same data for another model is a second look at it
    other = mm.volatility_forecast(days, **(ASKED | {"lags": [1, 5]}))
    twice = mm.open_holdout(other, days, folder=tmp_path)
    assert "holdout_opened_2_times" in twice.flags
    assert twice.details["ledger"]["opening"].tolist() == [1, 2]
    assert twice.details["ledger"]["opening_of_model"].tolist() == [1, 1]
    again = mm.open_holdout(once, days, folder=tmp_path)
    assert "holdout_opened_3_times" in again.flags
    assert again.details["ledger"]["opening_of_model"].tolist() == [1, 1, 2]
    assert len((tmp_path / "holdout_ledger.csv").read_text().splitlines()) == 4


def test_without_a_folder_the_session_counts(days):
    found = mm.volatility_forecast(days.iloc[:690], **ASKED)
    once = mm.open_holdout(found, days.iloc[:690])
    assert once.details["ledger"]["opening"].tolist() == [1]
    assert "holdout_opened_2_times" in mm.open_holdout(found, days.iloc[:690]).flags


@pytest.mark.bad_input("another table", "no hold-out", "no folder")
def test_what_cannot_be_opened(days, sealed, tmp_path):
    other = days.copy()
    other.loc[699, "rv"] += 1e-9
    with pytest.raises(ValueError, match="another hold-out"):
        mm.open_holdout(sealed, other, folder=tmp_path)
    assert not (tmp_path / "holdout_ledger.csv").exists()
    nothing = mm.volatility_forecast(days, **ASKED, holdout=0)
    with pytest.raises(ValueError, match="kept nothing out"):
        mm.open_holdout(nothing, days)
    with pytest.raises(ValueError, match="no hold-out"):
        mm.open_holdout(mm.bounce_test(days.iloc[:0].assign(symbol="", time=0, price=1.0)), days)
    with pytest.raises(ValueError, match="no folder"):
        mm.open_holdout(sealed, days, folder=tmp_path / "none")


def test_too_few_forecasts_in_it_are_said(days):
    found = mm.volatility_forecast(days, **ASKED, holdout=0.03)
    told = mm.open_holdout(found, days)
    assert not told.quantities["holdout_r2_oos"].identified
    assert "21 forecasts in the hold-out; 30 are needed" in told.quantities["holdout_r2_oos"].reason
