"""HT8: what a trade tells for good, 1 in Hasbrouck's economy, by models that see too little.

The exact values by autocovariances are those of the sheet (its source prints 1.960, 2.172, 1.156,
1.053, 1.019). Of a tape of 400,000 trades each is met within 2 %: the widest, VAR(15), has a
standard error of .6 %.
"""

import numpy as np
import pytest

import mmresearch as mm
from mmresearch.estimate.var_moments import narrowed, solve_var
from tests.truth.hasbrouck_tape import economy_tape, population_moments

STATIC, DISTRIBUTED = 1.9597, 2.1726
PERMANENT = {3: 1.1548, 5: 1.0535, 7: 1.0190, 10: 1.0041, 15: 1.0003}


def slopes(moments, y, x):
    return np.linalg.solve(moments[np.ix_(x, x)], moments[x, y])


def long_run(moments, lags):
    """By hand: r on x_t and lags, x on lags; a unit of x let run for ten thousand trades."""
    r_on = [1, *range(3, 2 * lags + 3)]
    of_r = slopes(moments, 2, r_on)
    of_x = slopes(moments, 1, r_on[1:])
    past = np.zeros(2 * lags)
    total, x, r = of_r[0], 1.0, of_r[0]
    for _ in range(10_000):
        past = np.concatenate([[x, r], past[:-2]])
        x = of_x @ past
        r = of_r[0] * x + of_r[1:] @ past
        total += r
    return total


def test_population_values_by_exact_moments():
    moments = population_moments(15)
    assert slopes(moments, 2, [1])[0] == pytest.approx(STATIC, abs=1e-4)
    assert slopes(moments, 2, [1, 3, 5, 7]).sum() == pytest.approx(DISTRIBUTED, abs=1e-4)
    for lags, truth in PERMANENT.items():
        assert long_run(moments, lags) == pytest.approx(truth, abs=1e-4)


def test_ours_on_exact_moments():
    """The same by the estimate's own solution, which sees nothing but moments."""
    moments = population_moments(15)
    for lags, truth in PERMANENT.items():
        found = solve_var(narrowed(moments, 2, lags)[None], 2)
        assert found.permanent(np.ones(1))[0] == pytest.approx(truth, abs=1e-4)
        assert found.permanent(np.ones(1))[0] == pytest.approx(long_run(moments, lags), abs=1e-9)


@pytest.fixture(scope="module")
def tape():
    return economy_tape(np.random.default_rng(8), days=40, trades=10_000)


OPTIONS = {"x": "signed_size", "size": 1.0, "units": "currency", "draws": 99}


@pytest.mark.parametrize(("lags", "truth"), PERMANENT.items())
def test_a_long_tape_gives_them_too(tape, lags, truth):
    found = mm.trade_quote_var(tape, lags=lags, **OPTIONS)
    assert found.quantities["permanent"].value == pytest.approx(truth, rel=0.02)


def test_the_naive_ones_are_far_off_and_the_chosen_lags_are_right(tape):
    found = mm.trade_quote_var(tape, **OPTIONS)
    traps = found.details["traps"]["permanent"]
    assert traps["r on x alone"] == pytest.approx(STATIC, rel=0.02)
    assert traps["r on x and 3 lags of x"] == pytest.approx(DISTRIBUTED, rel=0.02)
    permanent = found.quantities["permanent"]
    assert permanent.low < 1 < permanent.high
    assert permanent.value == pytest.approx(1, abs=0.02)
    assert found.details["lags"].query("chosen").index[0] >= 7  # 1.019 and less
    # x moves the mid by 2 at once, and half of it fades
    assert found.quantities["immediate"].value == pytest.approx(2, rel=0.02)
    # z² var(v2) / (z² var(v2) + var(v1))
    assert found.quantities["trade_share"].value == pytest.approx(0.5, abs=0.02)
    assert found.quantities["efficient_sd"].value == pytest.approx(2**0.5, rel=0.02)
