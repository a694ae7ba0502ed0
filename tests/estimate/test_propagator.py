"""Impact of single trades: by hand, by statsmodels, against known kernels, and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import mmresearch as mm
from mmresearch.estimate.propagator_fits import (
    chains_of,
    fit_kernel,
    fit_power,
    implied_response,
)
from tests.truth.propagating import long_memory, remembering, tape_of


def shown(found: mm.Result) -> pd.DataFrame:
    return found.details["propagator"].set_index("lag")


def small(rng: np.random.Generator, days: int = 3, trades: int = 900) -> pd.DataFrame:
    return tape_of(rng, remembering(rng, trades + 500), days=days, noise=1.0, warm=500)


def test_kernel_by_hand():
    # signs + - - + + -, each return what its own trade and the one before did: 2 and -1
    sign = np.array([1.0, -1, -1, 1, 1, -1, -1, -1])
    ret = 2 * sign - np.append(0, sign[:-1])
    found = fit_kernel(ret, sign, chains_of(np.zeros(8), 1), 1)
    assert found.kernel == pytest.approx([2, -1])
    assert found.constant == pytest.approx(0)
    assert found.rows == 7


def test_it_is_least_squares_on_lagged_signs_that_never_cross_a_night():
    """Normal equations moved along the diagonal, against every lag written out; errors too."""
    table = small(np.random.default_rng(1), days=41, trades=4100)
    found = mm.propagator(table, lags=3, tail=1, bunch=False)
    rows = []
    for number, (_, day) in enumerate(table.groupby("day")):
        mid = np.log((day["bid"] + day["ask"]).to_numpy() / 2)
        r, s = 1e4 * np.diff(mid), day["side"].to_numpy()
        rows += [(number, r[t], 1.0, *s[t - 6 : t + 1][::-1]) for t in range(6, len(r))]
    made = np.array(rows)
    fit = sm.OLS(made[:, 1], made[:, 2:]).fit(
        cov_type="cluster", cov_kwds={"groups": made[:, 0].astype(int)}
    )
    for lag in range(4):
        take = np.array([0.0] + [1.0] * (lag + 1) + [0.0] * (6 - lag))
        test = fit.t_test(take)
        assert shown(found).loc[lag, "G"] == pytest.approx(float(test.effect[0]), rel=1e-8)
        assert shown(found).loc[lag, "std_error"] == pytest.approx(float(test.sd[0, 0]), rel=1e-6)
    assert found.sample.used == len(made)
    assert "clustered by day (41 days)" in found.errors
    # sides' memory over the same rows
    expected = (made[:, 3] * made[:, 5]).mean() / (made[:, 3] ** 2).mean()
    assert shown(found).loc[2, "C"] == pytest.approx(expected)


def test_response_is_the_mean_move_after_a_trade():
    table = small(np.random.default_rng(2), days=2, trades=600)
    found = mm.propagator(table, lags=5, tail=1, bunch=False)
    top = []
    for _, day in table.groupby("day"):
        mid = 1e4 * np.log((day["bid"] + day["ask"]).to_numpy() / 2)
        side = day["side"].to_numpy()
        top += [side[t] * (mid[t + 4] - mid[t]) for t in range(len(mid) - 4)]
    assert shown(found).loc[3, "R"] == pytest.approx(np.mean(top))


def test_what_g_and_c_make_of_the_response():
    """Bouchaud et al.: R(l) = G(l) + sum of G(l-n) C(n) + sum of [G(l+n) - G(n)] C(n).

    Written here for mids after the trade: their G(l) is our G(l - 1).
    """
    rng = np.random.default_rng(3)
    far, most = 400, 12
    ours = (1 + np.arange(far)) ** -0.3
    memory = np.append(1.0, 0.4 * 0.8 ** np.arange(far - 1))
    theirs = np.append(0.0, ours)
    for span in range(1, most + 1):
        total = theirs[span] + sum(theirs[span - n] * memory[n] for n in range(1, span))
        total += sum((theirs[span + n] - theirs[n]) * memory[n] for n in range(1, far - most))
        implied = implied_response(ours, memory, most)
        assert implied[span - 1] == pytest.approx(total, abs=1e-8)
    # and in a sample the two agree, but for the edges
    table = small(rng, days=1, trades=20_000)
    found = shown(mm.propagator(table, lags=20, bunch=False))
    assert found["R_implied"].to_numpy() == pytest.approx(found["R"].to_numpy(), abs=0.05)


def test_power_law_and_how_it_moves_with_the_values():
    at = np.array([1.0, 2, 5, 10, 30])
    law = fit_power(2 * at**-0.4, at, np.ones(5))
    assert (law.scale, law.exponent) == pytest.approx((2, 0.4))
    for k in range(5):
        moved = 2 * at**-0.4 + 1e-5 * (np.arange(5) == k)
        change = (fit_power(moved, at, np.ones(5)).exponent - law.exponent) / 1e-5
        assert law.slopes[1, k] == pytest.approx(change, rel=1e-3, abs=1e-4)


# --- truth ----------------------------------------------------------------------------------------


def test_known_kernel_is_recovered_and_the_naive_response_rises():
    """Models C9: G(l) = (1 + l)^-.3 with remembering signs; R rises to 1.14 and then falls."""
    rng = np.random.default_rng(4)
    table = tape_of(rng, remembering(rng, 170_000))
    found = shown(mm.propagator(table, bunch=False))
    for lag, truth in ((0, 1.0), (1, 0.812), (5, 0.584), (10, 0.487), (50, 0.307)):
        assert found.loc[lag, "G"] == pytest.approx(truth, abs=0.003)
    assert found["R"].max() == pytest.approx(1.14, abs=0.04)
    assert found["R"].idxmax() in (7, 10, 20)
    assert found.loc[100, "R"] < 0.8 * found["R"].max()


def test_decay_that_makes_up_for_memory():
    """gamma 0.5 and beta 0.25: the mid is not foretold; beta 0.4: it turns back."""
    rng = np.random.default_rng(5)
    sign = long_memory(rng, 140_000, 0.75)
    for beta, least in ((0.25, -0.08), (0.4, 0.08)):
        table = tape_of(rng, sign, days=50, beta=beta, noise=1.0)
        found = mm.propagator(table, bunch=False)
        q = found.quantities
        assert q["memory"].value == pytest.approx(0.5, abs=0.08)
        assert q["decay"].value == pytest.approx(beta, abs=0.03)
        assert q["excess_decay"].low > least
        if beta == 0.25:
            assert q["excess_decay"].low < 0 < q["excess_decay"].high
        truth = (1 + found.details["propagator"]["lag"].iloc[-1]) ** -beta
        # what impact past the regression's last lag leaves in G: 3 % at most
        assert q["share_left"].value == pytest.approx(truth, abs=0.03 * truth + 0.01)


def test_conventions_mirror_and_size():
    table = small(np.random.default_rng(6))
    plain = mm.propagator(table, lags=10, bunch=False)
    mid = (table["bid"] + table["ask"]) / 2
    other = 1e4 / mid
    mirror = table.assign(side=-table["side"], bid=other - 0.01, ask=other + 0.01, price=other)
    again = mm.propagator(mirror, lags=10, bunch=False)
    assert shown(again)["G"].to_numpy() == pytest.approx(shown(plain)["G"].to_numpy(), abs=1e-9)
    # trades four times the size of others, with power one half, count twice
    size = np.where(np.arange(len(table)) % 2, 4.0, 1.0)
    sized = table.assign(size=size)
    weighed = mm.propagator(sized, lags=10, power=0.5, bunch=False)
    assert weighed.table["estimate"].iloc[0] < plain.table["estimate"].iloc[0]
    pd.testing.assert_frame_equal(mm.propagator(sized, lags=10, bunch=False).table, plain.table)


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.bad_input(
    "no quotes for the session",
    "a one-sided book",
    "crossed quotes all day",
    "zero spread all day",
    "all trades on one side",
    "sides that follow from the ones before",
    "fewer than 30 bars",
    "a session shorter than the lag and horizon",
    "prices that never move",
)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bid": np.nan, "ask": np.nan}, "299 are without quotes"),
        ({"ask": np.nan}, "299 are without quotes"),
        ({"bid": 101.0, "ask": 99.0}, "299 are without quotes, or with locked or crossed"),
        ({"bid": 100.0, "ask": 100.0}, "299 are without quotes, or with locked or crossed"),
        ({"side": 1.0}, "every trade is on one side"),
        ({"side": np.tile([1.0, -1.0], 150)}, "follows from the ones before"),
        ({"bid": 99.0, "ask": 101.0}, "the mid never moves"),
        ({"side": np.nan}, "299 are of unknown side"),
        (60, "where 100 are needed"),
        (12, "the longest has 11"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_reason(change, reason):
    table = small(np.random.default_rng(7), days=1, trades=300)
    table = table.head(change) if isinstance(change, int) else table.assign(**change)
    found = mm.propagator(table, lags=10, bunch=False)
    assert found.table.empty
    assert not any(q.identified for q in found.quantities.values())
    assert all(reason in q.reason for q in found.quantities.values())


def test_the_error_of_memory_is_told_by_days():
    rng = np.random.default_rng(11)
    sign = long_memory(rng, 20_000, 0.75)
    for days, told in ((5, False), (6, True)):
        table = tape_of(rng, sign, days=days, beta=0.25, noise=3.0, warm=2000)
        found = mm.propagator(table, lags=20, tail=2, bunch=False)
        q = found.quantities
        assert [q[n].identified for n in ("decay", "memory", "excess_decay")] == [True, told, told]
        assert q["memory"].value == pytest.approx(0.5, abs=0.2)
        assert found.errors.startswith("clustered" if told else "Newey-West")
    assert "few_clusters" in found.flags


def test_independent_sides_have_no_memory_and_short_lags_no_law():
    rng = np.random.default_rng(9)
    table = tape_of(rng, np.where(rng.random(6000) < 0.5, 1.0, -1.0), noise=1.0, warm=1000)
    q = mm.propagator(table, lags=50, bunch=False).quantities
    assert "autocorrelation of sides is not told from zero" in q["memory"].reason
    assert not q["excess_decay"].identified
    assert q["decay"].identified
    q = mm.propagator(table, lags=6, bunch=False).quantities
    assert "too few for a power law" in q["decay"].reason
    assert q["share_left"].identified


@pytest.mark.parametrize(
    ("options", "match"),
    [({"lags": 0}, "lags"), ({"tail": -1}, "tail"), ({"errors": "HC1"}, "errors must be one of")],
)
def test_options_that_are_none(options, match):
    with pytest.raises(ValueError, match=match):
        mm.propagator(small(np.random.default_rng(10)), **options)
