"""Forecasts of the next bar: the shape of the day by past days, and no night crossed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

SHAPE = 1 + 0.8 * np.cos(2 * np.pi * (np.arange(39) + 0.5) / 39)  # of mean 1


def bars(rng: np.random.Generator, *, days: int, gain: float) -> pd.DataFrame:
    """Variance of 39 bars a day under a shape; a predictor that lasts within the day."""
    lines = []
    for day in pd.date_range("2024-01-01", periods=days, freq="B"):
        z = np.zeros(39)
        level = np.zeros(39)
        for k in range(39):
            z[k] = 0.7 * (z[k - 1] if k else 0) + 0.7 * rng.standard_normal()
            before = 0.5 * level[k - 1] + gain * z[k - 1] if k else 0.0
            level[k] = before + 0.3 * rng.standard_normal()
        open_at = day.tz_localize("UTC") + pd.Timedelta("14h30min")
        end = open_at + pd.to_timedelta(10 * (np.arange(39) + 1), unit="min")
        part = {"day": day, "bar": np.arange(39), "end": end, "z": z}
        part |= {"time_of_day": 600.0 * np.arange(39), "rv": SHAPE * np.exp(level)}
        lines.append(pd.DataFrame(part))
    return pd.concat(lines, ignore_index=True)


@pytest.fixture(scope="module")
def found():
    table = bars(np.random.default_rng(1), days=40, gain=0.2)
    return mm.volatility_forecast(table, predictors=["z"], draws=0), table


def test_the_shape_is_taken_out_and_what_is_planted_is_found(found):
    result, table = found
    assert result.quantities["p_clark_west"].value < 0.01
    told = result.details["forecasts"]
    shape = told[told["model"] == "har"].groupby(told["known"].dt.time)["shape"].mean()
    first = table.groupby(table["end"].dt.time)["bar"].first().reindex(shape.index)
    np.testing.assert_allclose(shape, SHAPE[first], rtol=0.2)
    assert result.sample.dropped["without a past shape"] == 8 * 39
    assert "shape_of_the_day_left_in" not in result.flags


def test_no_night_is_crossed(found):
    """With lags of 1, 3 and 12 the first origin of a day is its twelfth bar, the last but one."""
    result, table = found
    told = result.details["forecasts"]
    bar = table.set_index("end")["bar"].reindex(told["known"])
    assert bar.min() == 11
    assert bar.max() == 37


def test_the_shape_left_in_is_flagged_and_the_day_after_changes_nothing(found):
    result, table = found
    plain = mm.volatility_forecast(table, predictors=["z"], seasonal=False, draws=0)
    assert "shape_of_the_day_left_in" in plain.flags
    other = table.copy()
    late = other["day"] > other["day"].iloc[25 * 39]
    other.loc[late, "rv"] = 5.0
    again = mm.volatility_forecast(other, predictors=["z"], draws=0).details["forecasts"]
    keys = ["model", "known"]
    first = result.details["forecasts"].set_index(keys)["forecast"]
    early = first[result.details["forecasts"]["day"].to_numpy() <= table["day"].iloc[25 * 39]]
    second = again.set_index(keys)["forecast"]
    np.testing.assert_allclose(second[early.index], early, rtol=1e-9)
    assert len(early) > 100
