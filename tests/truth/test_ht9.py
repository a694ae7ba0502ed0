"""HT9: windows of 20 returns on an AR(.95) predictor that foretells nothing: size of five rules.

T = 1,000, 1,000 samples, seed 9 (Monte Carlo error of a size of .05: .007). Models' sheet: least
squares .59, Newey-West(4) .33, Newey-West(29) .098, Hodrick 1B .040, windows apart .046; T is not
told there, and does not matter at this tolerance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from scipy.signal import lfilter

import mmresearch as mm
from mmresearch.estimate.predictability import _by_rule, _newey_west
from mmresearch.estimate.projection_fits import blocks_of, project
from mmresearch.estimate.projection_rows import Rows, panel_rows, windows

H, RHO, T, SAMPLES = 20, 0.95, 1000, 1000


def panel_of_minutes(returns: np.ndarray, level: np.ndarray) -> pd.DataFrame:
    """One session of minutes."""
    n = len(returns)
    start = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(60 * np.arange(n), unit="s")
    return pd.DataFrame(
        {"account": "A", "symbol": "X", "day": pd.Timestamp("2024-01-01"), "bar": np.arange(n)}
        | {"start": start, "end": start + pd.Timedelta("1min"), "gap": False}
        | {"return_bps": returns, "inventory_start": np.append(0, level[:-1])}
        | {"inventory_end": level}
    )


def drawn(rng: np.random.Generator, bars: int = T) -> tuple[np.ndarray, np.ndarray]:
    """Returns and a predictor that has nothing to do with them."""
    news = rng.standard_normal(bars + 300)
    return rng.standard_normal(bars), lfilter([1], [1, -RHO], news)[300:]


def no_foretelling(rng: np.random.Generator, bars: int = T) -> pd.DataFrame:
    return panel_of_minutes(*drawn(rng, bars))


def rules(ret: np.ndarray, level: np.ndarray, frame: pd.DataFrame) -> pd.Series:
    """p by rule, as the public function's table has it, and of Newey-West with 4 lags."""
    rows = Rows(frame.assign(ret=ret, shock=level), "bar", {}, ())
    steps = np.array([H])
    made = windows(rows.frame, steps, 0, ahead=1, own_lags=False)
    own, every = blocks_of(rows.frame.iloc[made.rows]), blocks_of(rows.frame)
    fit = project(made, own, steps, errors="hac", lags=0)
    found = _by_rule(fit, rows, made, own, every, steps).set_index("errors")["p"]
    four = fit.b[0] / _newey_west(fit, own, [4])[0]
    return pd.concat([found, pd.Series({"newey_west, 4": 2 * scipy.stats.norm.sf(abs(four))})])


@pytest.fixture(scope="module")
def size() -> pd.Series:
    """How often each rule rejects at 5 %."""
    rng, rejected = np.random.default_rng(9), []
    frame = panel_rows(no_foretelling(rng), "inventory_end", []).frame
    for _ in range(SAMPLES):
        rejected.append(rules(*drawn(rng), frame) < 0.05)
    return pd.DataFrame(rejected).mean()


@pytest.mark.slow
def test_naive_errors_reject_what_is_true(size):
    assert size["least squares"] == pytest.approx(0.59, abs=0.06)
    assert 0.25 < size["newey_west, 4"] < 0.38
    assert size["newey_west, 1.5 h"] == pytest.approx(0.098, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["hodrick", "apart"])
def test_honest_errors_have_their_size(size, rule):
    assert 0.03 <= size[rule] <= 0.07


def test_the_answer_rests_on_the_honest_ones():
    made = no_foretelling(np.random.default_rng(1))
    found = mm.return_predictability(made, horizons=(H,))
    told = found.details["errors"].set_index("errors")
    assert found.errors.startswith("Hodrick")
    assert found.table["t"].iloc[0] == pytest.approx(told.loc["hodrick", "t"])
    assert found.table["p"].iloc[0] == pytest.approx(told.loc["hodrick", "p"])
    # the quick p-values above are the public ones
    frame = panel_rows(made, "inventory_end", []).frame
    quick = rules(made["return_bps"].to_numpy(), made["inventory_end"].to_numpy(), frame)
    assert quick[told.index].to_numpy() == pytest.approx(told["p"].to_numpy())
