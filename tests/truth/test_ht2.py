"""HT2: a target that shifts makes reversion look slow; searched for, the speed comes back.

Madhavan and Smidt (1993) with their half-life of 7.3 days. 100 paths: the median half-life is known
to about 2 % (one standard error, from the spread of 15 % over paths).
"""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm
from mmresearch.estimate.autoregression import half_life_bars, least_squares, one_chain
from mmresearch.estimate.shifts import in_regimes, search
from tests.truth.shifting import RHO, daily_panel, shifting_path

TRUE = 7.3


def lives(bars: int, chance: float, sd: float, count: int) -> tuple[float, float, float]:
    """Median half-life without shifts, with those searched for, with the true ones."""
    found = []
    for seed in range(count):
        path, jumps = shifting_path(np.random.default_rng(seed), bars, chance=chance, sd=sd)
        design = one_chain(path)
        shifts = search(design, trim=0.02)
        true = least_squares(in_regimes(design, jumps)).rho
        found.append([half_life_bars(rho) for rho in (shifts.plain, shifts.rho, true)])
    return tuple(np.median(found, axis=0))


def test_ht2_naive_is_wrong_and_the_search_right():
    naive, right, true = lives(2500, 1 / 250, 8, 100)
    assert naive / TRUE > 3
    assert abs(right / TRUE - 1) < 0.2
    assert abs(true / TRUE - 1) < 0.1


def test_more_and_smaller_shifts_are_found_in_part():
    # the sheet: 26.6 days without, 6.3 with the true dates; small shifts do not pay for their date
    naive, right, true = lives(1000, 1 / 100, 5, 100)
    assert naive / TRUE > 3
    assert abs(true / TRUE - 1) < 0.2
    assert true < right < naive / 2


@pytest.mark.parametrize(("bars", "rho"), [(2500, RHO), (1000, RHO), (1000, 0.5)])
def test_without_shifts_hardly_any_is_found(bars, rho):
    # at most 10 % of paths, known to 2 % with 200
    paths = (shifting_path(np.random.default_rng(s), bars, rho=rho)[0] for s in range(200))
    assert np.mean([len(search(one_chain(path), trim=0.02).breaks) > 0 for path in paths]) <= 0.1


@pytest.mark.slow
def test_answer_of_the_public_function():
    path, jumps = shifting_path(np.random.default_rng(1), 2500, chance=1 / 250, sd=8)
    found = mm.shifting_target(daily_panel(path), draws=99)
    life = found.quantities["half_life"]
    assert life.identified
    assert life.low < TRUE < life.high
    assert not found.quantities["half_life_without"].identified
    assert len(found.details["targets"]) >= 2 <= len(jumps) + 1
    null = found.details["no_shift"].set_index("paths")
    assert null.loc["reverts to one target", "half_life"] > 3 * TRUE  # no search makes 7 of that
