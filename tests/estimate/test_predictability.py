"""Long-horizon slopes and their errors: by hand, by statsmodels, in worlds that foretell or not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.signal import lfilter

import mmresearch as mm
from tests.truth.test_ht9 import no_foretelling, panel_of_minutes


def days_of(rng: np.random.Generator, days: int, bars: int) -> pd.DataFrame:
    """Sessions in which inventory is AR(.9) and foretells nothing."""
    parts = []
    for day in range(days):
        level = lfilter([1], [1, -0.9], rng.standard_normal(bars))
        part = panel_of_minutes(rng.standard_normal(bars), level)
        moved = pd.Timedelta(day, "D")
        parts.append(part.assign(**{c: part[c] + moved for c in ("day", "start", "end")}))
    return pd.concat(parts, ignore_index=True)


def test_slope_and_hodrick_error_written_out():
    """Each return, less its mean, times the predictor's sum over the windows that hold it."""
    panel = days_of(np.random.default_rng(1), 2, 40)
    found = mm.return_predictability(panel, horizons=(1, 4))
    windows, held = [], []
    for number, day in panel.groupby("day"):
        r, x = day["return_bps"].to_numpy(), day["inventory_end"].to_numpy()
        held += [(number, t, x[t], r[t + 1 : t + 5]) for t in range(36)]
    x = np.array([row[2] for row in held])
    away, scale = x - x.mean(), x.std()
    y = np.array([row[3].sum() for row in held])
    slope = away @ y / (away @ away)
    assert found.table["estimate"].iloc[1] == pytest.approx(scale * slope)
    windows = {}
    for (day, t, _, _), e in zip(held, away, strict=True):
        for s in range(t + 1, t + 5):
            windows[day, s] = windows.get((day, s), 0.0) + e
    returns = panel.set_index(["day", "bar"])["return_bps"]
    used = np.array([returns.loc[key] for key in windows])
    total = np.square((used - used.mean()) * np.array(list(windows.values()))).sum()
    error = np.sqrt(total * len(x) / (len(x) - 2)) / (away @ away)
    assert found.table["std_error"].iloc[1] == pytest.approx(scale * error)
    assert found.sample.used == 72


def test_least_squares_and_newey_west_are_statsmodels():
    panel = no_foretelling(np.random.default_rng(2), 200)
    found = mm.return_predictability(panel, horizons=(3,)).details["errors"].set_index("errors")
    r = panel["return_bps"]
    y = sum(r.shift(-k) for k in (1, 2, 3)).dropna()
    fit = sm.OLS(y, sm.add_constant(panel.loc[y.index, "inventory_end"]))
    plain = fit.fit().tvalues.iloc[1]
    assert found.loc["least squares", "t"] == pytest.approx(plain)
    kwds = {"maxlags": 5, "use_correction": True}
    hac = fit.fit(cov_type="HAC", cov_kwds=kwds).tvalues.iloc[1]
    assert found.loc["newey_west, 1.5 h", "t"] == pytest.approx(hac)
    apart = y.index % 3 == 0
    model = sm.OLS(y[apart], sm.add_constant(panel.loc[y.index[apart], "inventory_end"]))
    assert found.loc["apart", "t"] == pytest.approx(model.fit(cov_type="HC1").tvalues.iloc[1])


def test_by_day_is_statsmodels():
    panel = days_of(np.random.default_rng(3), 41, 20)
    found = mm.return_predictability(panel, horizons=(2,))
    assert found.errors.startswith("clustered by day (41 days)")
    by_day = panel.groupby("day")["return_bps"]
    frame = panel.assign(y=by_day.shift(-1) + by_day.shift(-2)).dropna(subset="y")
    fit = sm.OLS(frame["y"], sm.add_constant(frame["inventory_end"])).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(frame["day"])[0]}
    )
    assert found.table["t"].iloc[0] == pytest.approx(fit.tvalues.iloc[1])


def test_pressure_that_is_corrected_is_foretold():
    """The mid stands -2 bps per unit of inventory below its value: it comes back as that falls."""
    rng = np.random.default_rng(4)
    level = lfilter([1], [1, -0.9], rng.standard_normal(5000))
    value = np.cumsum(rng.standard_normal(5000))
    mid = value - 2 * level
    panel = panel_of_minutes(np.append(0, np.diff(mid)), level)
    found = mm.return_predictability(panel, horizons=(1, 10))
    truth = 2 * (1 - 0.9 ** np.array([1, 10])) * level.std()
    away = (found.table["estimate"] - truth) / found.table["std_error"]
    assert away.abs().max() < 3
    assert (found.table["low"] > 0).all()


def test_bias_of_a_persistent_predictor_that_moves_with_returns():
    """Stambaugh: T = 60, AR(.95), returns are minus its surprises: slopes seem to foretell."""
    rng, told = np.random.default_rng(5), []
    for _ in range(60):
        news = rng.standard_normal(160)
        level = lfilter([1], [1, -0.95], news)[100:]
        found = mm.return_predictability(panel_of_minutes(-news[100:], level), horizons=(1,))
        told.append(found.details["bias"].iloc[0])
    table = pd.DataFrame(told)
    error = table["slope"].std() / 60**0.5
    assert table["slope"].mean() > 5 * error  # nothing is foretold
    assert abs(table["less_bias"].mean()) < 0.35 * table["slope"].mean()
    assert "persistent_predictor" in found.flags


@pytest.mark.bad_input(
    "no quotes for the session",
    "a predictor of zero variance",
    "fewer than 30 bars",
    "a session shorter than the lag and horizon",
)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"return_bps": np.nan}, "60 are without a return"),
        ({"inventory_end": 5.0}, "never changes"),
        ({"return_bps": 0.0}, "never moves"),
        (45, "25 bars with the horizon after them, where 30 are needed"),
        (20, "the longest has 20"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_reason(change, reason):
    panel = no_foretelling(np.random.default_rng(6), 60)
    panel = panel.head(change) if isinstance(change, int) else panel.assign(**change)
    found = mm.return_predictability(panel)
    assert not any(q.identified for q in found.quantities.values())
    assert all(reason in q.reason for q in found.quantities.values())


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"horizons": (0, 1)}, "horizons"),
        ({"errors": "HC1"}, "errors must be one of"),
        ({"predictor": "mood"}, "lacks the columns mood"),
        ({"errors": "cluster"}, "two sessions"),
    ],
)
def test_options_that_are_none(options, match):
    with pytest.raises(ValueError, match=match):
        mm.return_predictability(no_foretelling(np.random.default_rng(7), 60), **options)
