"""From a measured skew to a risk aversion and what follows: the papers' numbers, ends, refusals."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.estimate.implied import Known, propagated
from mmresearch.estimate.result import Sample
from tests.truth.intensity import typical_skew

WORLD = {"sigma": 0.3, "A": 0.9, "k": 0.3}  # models.md B3: ticks and seconds; gamma 0.01
S = 0.0678658


def skew(value: float, low: float, high: float, unit: str = "ticks a unit", **more) -> mm.Quantity:
    return mm.Quantity("skew", value, low, high, unit, "by hand", **more)


def exactly(value: float) -> mm.Quantity:
    return skew(value, value, value)


# --- risk aversion --------------------------------------------------------------------------------


def test_closed_form_of_the_paper_is_inverted():
    found = mm.implied_risk_aversion(exactly(-S), **WORLD, quotes="closed_form")
    assert found.value == pytest.approx(0.01, rel=1e-5)
    assert found.unit == "1/tick a lot"
    assert found.low == found.value == found.high


@pytest.mark.parametrize("gamma", [1e-4, 0.01, 0.3, 3.0])
def test_exact_quotes_are_inverted(gamma):
    found = mm.implied_risk_aversion(exactly(typical_skew(gamma)), **WORLD)
    assert found.value == pytest.approx(gamma, rel=1e-6)


@pytest.mark.parametrize("gamma", [1e-8, 1e-4, 0.3, 100.0])
def test_any_skew_of_the_closed_form_has_one_risk_aversion(gamma):
    s = mm.optimal_quotes(**WORLD, gamma=gamma, Q=1, quotes="closed_form").attrs["s"]
    found = mm.implied_risk_aversion(exactly(-s), **WORLD, quotes="closed_form")
    assert found.value == pytest.approx(gamma, rel=1e-6)


def test_avellaneda_and_stoikov_by_hand():
    """0.2 = gamma * 4 * 0.5."""
    given = {"sigma": 2.0, "A": 140.0, "k": 1.5, "model": "avellaneda-stoikov", "horizon": 0.5}
    found = mm.implied_risk_aversion(skew(-0.2, -0.4, -0.1), **given)
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.05, 0.2))


def test_lots_of_another_size():
    """Ten units a fill: a lot leans ten times as much as a unit."""
    per_unit = mm.implied_risk_aversion(skew(-S / 10, -S / 9, -S / 11), **WORLD, lot=10)
    per_lot = mm.implied_risk_aversion(skew(-S, -S / 0.9, -S / 1.1), **WORLD)
    assert per_unit.value == pytest.approx(per_lot.value)
    assert per_unit.high == pytest.approx(per_lot.high)


# --- its interval ---------------------------------------------------------------------------------


def test_the_ends_of_the_skew_are_the_ends_of_the_risk_aversion():
    found = mm.implied_risk_aversion(skew(-0.07, -0.09, -0.06), **WORLD)
    ends = [mm.implied_risk_aversion(exactly(x), **WORLD).value for x in (-0.06, -0.07, -0.09)]
    assert (found.low, found.value, found.high) == pytest.approx(ends)
    assert found.identified
    assert "inverted at the ends of the skew's interval" in found.method


def test_errors_add_as_squares_of_logs():
    """Closed form: gamma = k x(A s^2), so k alone moves ln gamma by ln k, A by what it moves."""
    close = {"quotes": "closed_form"}
    rate, fall = (mm.Quantity(n, v, 0.9 * v, 1.2 * v, "", "") for n, v in (("A", 0.9), ("k", 0.3)))
    moved = [
        mm.implied_risk_aversion(exactly(-S), **close, **(WORLD | {"A": A})).value / 0.01
        for A in (0.81, 1.08)
    ]
    found = mm.implied_risk_aversion(exactly(-S), **close, **(WORLD | {"A": rate, "k": fall}))
    low, high = (
        math.hypot(math.log(own), math.log(step))
        for own, step in ((0.9, moved[0]), (1.2, moved[1]))
    )
    assert found.low == pytest.approx(0.01 * math.exp(-low), rel=1e-4)
    assert found.high == pytest.approx(0.01 * math.exp(high), rel=1e-4)
    assert "errors of A, k added" in found.method


def test_a_volatility_that_is_higher_needs_less_risk_aversion():
    sigma = mm.Quantity("sigma", 0.3, 0.25, 0.36, "ticks per root second", "")
    found = mm.implied_risk_aversion(exactly(-S), **(WORLD | {"sigma": sigma}))
    ends = [
        mm.implied_risk_aversion(exactly(-S), **(WORLD | {"sigma": x})).value for x in (0.36, 0.25)
    ]
    assert (found.low, found.high) == pytest.approx(ends)


def fitted(rng: np.random.Generator) -> mm.Result:
    distance = np.tile(np.arange(1.0, 6.0), 40)
    count = rng.poisson(100 * 0.9 * np.exp(-0.3 * distance))
    table = pd.DataFrame({"distance": distance, "count": count, "exposure": 100.0})
    table.attrs = {"unit": "ticks"}
    return mm.calibrate_intensity(table)


def test_correlation_of_the_intensity_s_errors_counts():
    """A and k are both too high or both too low, and gamma rises with both: a wider interval."""
    fit = fitted(np.random.default_rng(6))
    both = mm.implied_risk_aversion(exactly(-S), sigma=0.3, intensity=fit)
    apart = {name: fit.quantities[name] for name in ("A", "k")}
    independent = mm.implied_risk_aversion(exactly(-S), sigma=0.3, **apart)
    assert both.value == independent.value
    assert both.low < independent.low
    assert both.high > independent.high


@pytest.mark.parametrize(("correlation", "width"), [(1.0, 0.0), (0.0, 2**0.5), (-1.0, 2.0)])
def test_errors_that_go_together_cancel_in_a_ratio(correlation, width):
    """ln(a/b) with a and b a tenth in logs either way: 0, the root of two, or two tenths."""
    ends = {name: Known(2.0, 2.0 * math.exp(-0.1), 2.0 * math.exp(0.1)) for name in "ab"}
    found = propagated(lambda a, b: {"ratio": a / b}, ends, ("a", "b", correlation))["ratio"]
    logs = [math.log(end) for end in found]
    assert logs == pytest.approx([0.0, -0.1 * width, 0.1 * width], abs=1e-8)


# --- not identified -------------------------------------------------------------------------------


@pytest.mark.bad_input("a skew whose interval holds 0")
def test_a_skew_that_may_be_0_has_no_lower_end():
    found = mm.implied_risk_aversion(skew(-0.05, -0.11, 0.01), **WORLD)
    assert not found.identified
    assert "a skew of 0 is inside" in found.reason
    assert found.low == 0
    ends = mm.implied_risk_aversion(exactly(-0.11), **WORLD)
    assert found.high == pytest.approx(ends.value)
    table = mm.theory_beside_data(skew(-0.05, -0.11, 0.01), **WORLD).set_index("term")
    assert table.loc["half-life", "theory_high"] == math.inf
    # c falls faster with gamma than s rises, so the widest spread is the one without risk aversion
    most = mm.theory_beside_data(exactly(-0.11), **WORLD).set_index("term").loc["spread", "theory"]
    ends = table.loc["spread", ["theory_low", "theory_high"]].tolist()
    assert ends == pytest.approx([most, 2 / 0.3])


@pytest.mark.bad_input("a skew that is rather positive")
def test_a_skew_that_is_rather_positive_has_only_an_upper_end():
    found = mm.implied_risk_aversion(skew(0.01, -0.05, 0.07), **WORLD)
    assert not found.identified
    assert math.isnan(found.value)
    assert found.low == 0
    ends = mm.implied_risk_aversion(exactly(-0.05), **WORLD)
    assert found.high == pytest.approx(ends.value)
    table = mm.theory_beside_data(skew(0.01, -0.05, 0.07), **WORLD).set_index("term")
    assert table.loc["half-life", "theory_low"] > 0
    assert table.loc["half-life", "theory_high"] == math.inf


@pytest.mark.bad_input("a skew of the wrong sign", "a skew that was not identified")
def test_no_risk_aversion_explains_a_skew_of_the_wrong_sign():
    for wrong, reason in (
        (skew(0.05, 0.01, 0.09), "rise with inventory"),
        (skew(-0.05, -0.06, -0.04, identified=False, reason="no days"), "no days"),
        (skew(math.nan, math.nan, math.nan), "not measured"),
    ):
        found = mm.implied_risk_aversion(wrong, **WORLD)
        assert not found.identified
        assert reason in str(found)
        assert all(map(math.isnan, (found.value, found.low, found.high)))
        table = mm.theory_beside_data(wrong, **WORLD).set_index("term")
        assert table.loc["half-life", ["theory", "theory_low", "theory_high"]].isna().all()
        assert reason in table.loc["half-life", "note"]


@pytest.mark.bad_input("a k that may be 0")
def test_fills_that_may_not_fall_with_distance_leave_nothing_to_say():
    k = mm.Quantity("k", 0.3, -0.1, 0.7, "1/tick", "")
    found = mm.implied_risk_aversion(exactly(-S), **(WORLD | {"k": k}))
    assert not found.identified
    assert "k cannot be told from 0" in found.reason


BAD = {
    "no sigma": ({"sigma": None}, "sigma must be given"),
    "neither A, k nor intensity": ({"A": None, "k": None}, "A, k must be given"),
    "a negative volatility": ({"sigma": -1.0}, "sigma must be above 0"),
    "lots of no size": ({"lot": 0.0}, "lot must be above 0"),
    "k in another unit": ({"k": mm.Quantity("k", 1, 1, 1, "1/USD", "")}, "units differ"),
    "sigma in another unit": (
        {"sigma": mm.Quantity("sigma", 1, 1, 1, "bps per root second", "")},
        "units differ",
    ),
    "another level": ({"A": mm.Quantity("A", 1, 1, 1, "", "", level=0.9)}, "one level"),
    "an unknown model": ({"model": "ho-stoll"}, "model is one of"),
    "no horizon": ({"model": "avellaneda-stoikov"}, "needs a horizon"),
    "a horizon for the far maker": ({"horizon": 5.0}, "far from the horizon"),
}


@pytest.mark.bad_input(*BAD)
@pytest.mark.parametrize("fault", BAD)
def test_what_theory_cannot_take_is_one_error(fault):
    given, named = BAD[fault]
    for call in (mm.implied_risk_aversion, mm.theory_beside_data):
        with pytest.raises(ValueError, match=named):
            call(exactly(-S), **(WORLD | given))


def test_a_result_without_a_skew_is_refused():
    fit = fitted(np.random.default_rng(6))
    with pytest.raises(ValueError, match="no quantity 'skew' but A, k"):
        mm.implied_risk_aversion(fit, **WORLD)
    with pytest.raises(TypeError, match="Quantity or a Result"):
        mm.implied_risk_aversion(-0.1, **WORLD)
    with pytest.raises(ValueError, match="either intensity or A and k"):
        mm.implied_risk_aversion(exactly(-S), **WORLD, intensity=fit)


# --- theory beside data ---------------------------------------------------------------------------


def test_the_numbers_of_the_paper_s_maker():
    """gamma 0.01: half-life 50.71 s, linearised 51.10 s, a flat maker's spread 2 x 3.313045."""
    table = mm.theory_beside_data(exactly(typical_skew(0.01)), **WORLD).set_index("term")
    assert table.loc["risk aversion", "theory"] == pytest.approx(0.01, rel=1e-6)
    assert table.loc["half-life", "theory"] == pytest.approx(50.71, abs=5e-3)
    assert table.loc["half-life, linearised", "theory"] == pytest.approx(51.10, abs=5e-3)
    assert table.loc["spread", "theory"] == pytest.approx(2 * 3.313045, abs=2e-6)
    assert table["agree"].tolist() == [None, True, None, None, None]


def test_data_stands_beside_theory():
    life = mm.Quantity("half-life", 52.0, 48.0, 57.0, "seconds", "")
    short = mm.Quantity("half-life", 20.0, 15.0, 25.0, "seconds", "")
    wide = mm.Quantity("spread", 6.6, 6.5, 6.7, "ticks", "")
    leans = skew(-0.068, -0.07, -0.066)
    near = mm.theory_beside_data(leans, **WORLD, half_life=life, spread=wide).set_index("term")
    far = mm.theory_beside_data(leans, **WORLD, half_life=short).set_index("term")
    assert near.loc["half-life", ["data", "data_low", "data_high"]].tolist() == [52, 48, 57]
    assert near.loc[["spread", "half-life", "half-life, linearised"], "agree"].all()
    assert not far.loc[["half-life", "half-life, linearised"], "agree"].any()
    assert near.loc["half-life", "theory_low"] < 50.7 < near.loc["half-life", "theory_high"]


def test_avellaneda_and_stoikov_s_maker_reverts_at_the_linear_rate():
    """kappa = 2 A k s exp(-k half): s = 0.1 * 4 * 0.05 = 0.02, half = 0.6453852 + 0.01."""
    given = {"sigma": 2.0, "A": 140.0, "k": 1.5, "model": "avellaneda-stoikov", "horizon": 0.05}
    table = mm.theory_beside_data(exactly(-0.02), **given).set_index("term")
    linear = math.log(2) / (2 * 140 * 1.5 * 0.02 * math.exp(-1.5 * 0.6553852))
    assert table.loc["half-life, linearised", "theory"] == pytest.approx(linear, rel=1e-6)
    assert table.loc["half-life", "theory"] == pytest.approx(linear, rel=0.02)
    assert table.loc["spread", "theory"] == pytest.approx(2 * 0.6553852, abs=1e-6)
    assert table.loc["risk aversion", "theory"] == pytest.approx(0.1)


@pytest.mark.bad_input("a spread in another unit")
def test_a_spread_in_another_unit_is_refused():
    wide = mm.Quantity("own spread", 5.0, 5.0, 5.0, "bps", "")
    with pytest.raises(ValueError, match="units differ"):
        mm.theory_beside_data(exactly(-S), **WORLD, spread=wide)


@pytest.mark.bad_input("a half-life in sessions")
def test_a_half_life_in_sessions_is_refused():
    life = mm.Quantity("half-life", 2.0, 1.0, 3.0, "sessions", "")
    with pytest.raises(ValueError, match="half_life is in sessions"):
        mm.theory_beside_data(exactly(-S), **WORLD, half_life=life)


def test_a_lean_that_no_maker_chose_has_no_risk_aversion():
    found = mm.Result(
        "?", "", "", pd.DataFrame(), Sample(9, {}, 9), "", quantities={"skew": exactly(-S)}
    )
    assert mm.implied_risk_aversion(found, **WORLD).identified
    for flag, why in (
        ("lean_of_the_markets_sizes", "sizes"),
        ("pool_price_is_mechanical", "curve"),
    ):
        none = mm.implied_risk_aversion(dataclasses.replace(found, flags=(flag,)), **WORLD)
        assert not none.identified
        assert why in none.reason


def test_a_skew_per_anything_but_a_unit_is_an_error():
    with pytest.raises(ValueError, match="ticks a sd; theory's is a unit"):
        mm.implied_risk_aversion(dataclasses.replace(exactly(-S), unit="ticks a sd"), **WORLD)


def test_units_of_a_skew_that_was_not_identified_do_not_matter():
    unknown = skew(math.nan, math.nan, math.nan, "bps a unit", identified=False, reason="one day")
    table = mm.theory_beside_data(
        unknown, **(WORLD | {"k": mm.Quantity("k", 1, 1, 1, "1/USD", "")})
    )
    assert "one day" in table["note"].iloc[0]
    assert table["theory"].isna().all()


def test_without_a_tick_all_is_in_basis_points_and_theory_is_the_same_maker():
    """A tick of 2 bps: skew, sigma and 1/k doubled; times and shares of the spread stay."""

    def known(name: str, value: float, unit: str) -> mm.Quantity:
        return mm.Quantity(name, value, value, value, unit, "")

    ticks = mm.theory_beside_data(exactly(-S), **WORLD).set_index("term")["theory"]
    bps = mm.theory_beside_data(
        known("skew", -2 * S, "bps a unit"),
        sigma=known("sigma", 2 * WORLD["sigma"], "bps per root second"),
        A=WORLD["A"],
        k=known("k", WORLD["k"] / 2, "1/bps"),
        spread=known("own spread", 13.0, "bps"),
    ).set_index("term")
    assert bps.loc["risk aversion", "unit"] == "1/bps a lot"
    scale = pd.Series({"risk aversion": 0.5, "skew": 2, "spread": 2}).reindex(ticks.index).fillna(1)
    assert bps["theory"].to_numpy() == pytest.approx((ticks * scale).to_numpy(), rel=1e-4)
