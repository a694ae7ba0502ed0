"""Lives of orders: by hand, against a plain estimator and statsmodels, against planted hazards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

import mmresearch as mm
from mmresearch.estimate.incidence import at, influence, risks_of

OPEN = pd.Timestamp("2024-03-04", tz="UTC")


def lives_table(seconds, end, *, gap: float = 1.0, size=100.0, **columns) -> pd.DataFrame:
    """Lives added so many seconds after another."""
    seconds = np.asarray(seconds, float)
    added = OPEN + pd.to_timedelta(gap * np.arange(len(seconds)), unit="s")
    table = {"symbol": "X", "day": pd.Timestamp("2024-03-04"), "added": added, "side": 1.0}
    table |= {"seq": np.arange(len(seconds)), "size": size, "end": end, "seconds": seconds}
    table |= {"first_fill": np.nan, "fault": ""}
    return pd.DataFrame(table | columns)


def drawn(rng: np.random.Generator, n: int, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Latent lives of 2 s until cancelled and 5 s until filled, watched for 4 s in the mean."""
    latent = np.column_stack([rng.exponential(m, n) for m in (2.0, 5.0, 4.0)])
    if ties:
        latent = np.ceil(latent * 4) / 4
    return latent.min(axis=1), np.array([1, 2, 0])[latent.argmin(axis=1)]


def plain(seconds: np.ndarray, cause: np.ndarray, k: int, t: float) -> float:
    """Aalen and Johansen's incidence, event time by event time."""
    survival, incidence = 1.0, 0.0
    for u in sorted(set(seconds[(cause > 0) & (seconds <= t)])):
        at_risk = (seconds >= u).sum()
        incidence += survival * ((seconds == u) & (cause == k)).sum() / at_risk
        survival *= 1 - ((seconds == u) & (cause > 0)).sum() / at_risk
    return incidence


def test_by_hand():
    # five at risk; one cancelled of 5, one filled of 4, one watched no longer, one filled of 2
    risks = risks_of(np.array([1.0, 2, 3, 4, 5]), np.array([1, 2, 0, 2, 0]), np.ones(5))
    assert at(risks, 0.5) == (1.0, 0.0, 0.0)
    np.testing.assert_allclose(at(risks, 1.0), (0.8, 0.2, 0.0), rtol=1e-12)
    np.testing.assert_allclose(at(risks, 2.5), (0.6, 0.2, 0.2), rtol=1e-12)
    np.testing.assert_allclose(at(risks, 4.0), (0.3, 0.2, 0.5), rtol=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_the_plain_estimator_and_statsmodels(ties):
    seconds, cause = drawn(np.random.default_rng(1), 300, ties)
    risks = risks_of(seconds, cause, np.ones(300))
    outside = CumIncidenceRight(seconds, cause)
    survival = SurvfuncRight(seconds, cause > 0)
    for t in (0.25, 0.7, 2.0, 3.1):
        found = at(risks, t)
        assert found[1] == pytest.approx(plain(seconds, cause, 1, t), rel=1e-12)
        assert found[2] == pytest.approx(plain(seconds, cause, 2, t), rel=1e-12)
        last = np.searchsorted(outside.times, t, side="right") - 1
        np.testing.assert_allclose(found[1:], [f[last] for f in outside.cinc], rtol=1e-10)
        last = np.searchsorted(survival.surv_times, t, side="right") - 1
        assert found[0] == pytest.approx(survival.surv_prob[last], rel=1e-10)


@pytest.mark.parametrize("ties", [False, True])
def test_influence_is_the_derivative(ties):
    seconds, cause = drawn(np.random.default_rng(2), 60, ties)
    for k, t in ((1, 0.8), (2, 2.0), (1, 3.0)):
        scores = influence(risks_of(seconds, cause, np.ones(60)), k, t)
        assert abs(scores.sum()) < 1e-12
        for i in (0, 17, 42):
            weight = np.ones(60)
            weight[i] += 1e-6
            moved = at(risks_of(seconds, cause, weight), t)[k]
            still = at(risks_of(seconds, cause, np.ones(60)), t)[k]
            assert (moved - still) / 1e-6 == pytest.approx(scores[i], rel=1e-3, abs=1e-7)


def test_errors_of_independent_lives_are_those_of_statsmodels():
    seconds, cause = drawn(np.random.default_rng(3), 4_000)
    survival = SurvfuncRight(seconds, cause > 0)
    place = np.searchsorted(survival.surv_times, 2.0, side="right") - 1
    risks = risks_of(seconds, cause, np.ones(4_000))
    score = influence(risks, 1, 2.0) + influence(risks, 2, 2.0)
    # Greenwood's formula and the sum of squares agree but for terms of order 1/n
    assert np.sqrt(score @ score) == pytest.approx(survival.surv_prob_se[place], rel=0.02)


def test_without_censoring_it_is_the_share():
    cause = np.array([1, 2, 1, 1] * 20)
    seconds = np.tile([0.5, 1.5, 2.5, 3.5], 20)
    end = np.where(cause == 1, "cancel", "fill")
    found = mm.order_lifetimes(lives_table(seconds, end), horizons=["1s", "3s"], fleeting="3s")
    table = found.tidy().set_index("term")["estimate"]
    assert table["cancelled within 1s"] == pytest.approx(0.25)
    assert table["cancelled within 3s"] == pytest.approx(0.5)
    assert table["filled within 3s"] == pytest.approx(0.25)
    assert found.quantities["naive_life"].value == pytest.approx(2.0)
    assert found.quantities["hazard_cancel"].value == pytest.approx(3 / 8)
    assert found.quantities["median_life"].value == 1.5


def test_planted_hazards_are_found_and_the_naive_mean_is_not_a_life():
    # E8: latent lives of 2 s and 5 s; 24,000 orders, so four errors of a hazard are 2.5 %
    made = mm.simulate.order_flow(session_seconds=6_000, seed=11)
    lives = mm.order_lives(made.market)
    lives = lives[~lives["order_id"].str.startswith("M")]
    found = mm.order_lifetimes(lives)
    q, truth = found.quantities, made.truth
    assert q["hazard_cancel"].value == pytest.approx(0.5, rel=0.035)
    assert q["hazard_fill"].value == pytest.approx(0.2, rel=0.05)
    assert q["naive_life"].value == pytest.approx(1 / 0.7, rel=0.03)  # 1.43 s: nobody's 2 s
    assert q["naive_life"].high < 2.0 * 0.8
    assert 1 / q["hazard_cancel"].value == pytest.approx(2.0, rel=0.035)
    assert q["median_life"].value == pytest.approx(truth["median_life"], rel=0.04)
    wanted = truth["incidence"].set_index("seconds")
    shares = found.tidy().set_index("term")["estimate"]
    for name, seconds in (("100ms", 0.1), ("1s", 1.0), ("2s", 2.0), ("10s", 10.0)):
        for end in ("cancelled", "filled"):
            p = wanted.loc[seconds, end]
            error = 4 * np.sqrt(p * (1 - p) / len(lives))
            assert shares[f"{end} within {name}"] == pytest.approx(p, abs=error)


def test_the_planted_fleeting_share_with_orders_behind_and_pulled():
    made = mm.simulate.order_flow(
        session_seconds=5_000, fleeting=0.4, behind=0.3, aggressors=0.3, illusory=0.5, seed=4
    )
    lives = mm.order_lives(made.market)
    assert (lives["fault"] == "").all()
    lives = lives[~lives["order_id"].str.startswith("M")]
    found, p = mm.order_lifetimes(lives).quantities["fleeting_share"], made.truth["fleeting_share"]
    assert found.value == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / len(lives)))
    plain_share = ((lives["end"] == "cancel") & (lives["seconds"] <= 2)).mean()
    assert found.value == pytest.approx(plain_share, abs=2e-3)  # nearly nothing is cut short


def test_bursts_widen_the_interval():
    # ten orders of a burst are all fleeting or none: one fact, not ten
    made = mm.simulate.order_flow(session_seconds=3_600, fleeting=0.3, burst=10, rate=2.0, seed=5)
    lives = mm.order_lives(made.market)
    lives = lives[~lives["order_id"].str.startswith("M")]
    q = mm.order_lifetimes(lives).quantities["fleeting_share"]
    alone = np.sqrt(q.value * (1 - q.value) / len(lives))
    assert (q.high - q.low) / 2 > 1.5 * 1.96 * alone


def test_a_first_fill_is_told_from_a_whole_one():
    table = lives_table([4.0] * 40, ["cancel"] * 40, first_fill=[1.0, np.nan] * 20)
    whole = mm.order_lifetimes(table, horizons=["2s"]).tidy().set_index("term")["estimate"]
    first = mm.order_lifetimes(table, horizons=["2s"], fill="first")
    assert whole["filled within 2s"] == 0.0
    assert first.tidy().set_index("term")["estimate"]["filled within 2s"] == 0.5


def test_weight_by_size():
    end = ["cancel", "fill"] * 30
    table = lives_table([1.0, 1.0] * 30, end, size=[300.0, 100.0] * 30)
    found = mm.order_lifetimes(table, weight="size", horizons=["2s"]).tidy().set_index("term")
    assert found.loc["cancelled within 2s", "estimate"] == pytest.approx(0.75)


def test_scale_of_time_and_order_of_rows_do_not_matter():
    seconds, cause = drawn(np.random.default_rng(6), 500)
    end = np.array(["standing", "cancel", "fill"])[cause]
    table = lives_table(seconds, end)
    one = mm.order_lifetimes(table)
    other = mm.order_lifetimes(table.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(one.tidy(), other.tidy())
    slow = mm.order_lifetimes(table.assign(seconds=table["seconds"] * 10), horizons=["10s", "20s"])
    found = one.tidy().set_index("term")["estimate"]
    assert slow.tidy()["estimate"].iloc[0] == pytest.approx(found["cancelled within 1s"])
    hazard = slow.quantities["hazard_cancel"].value
    assert hazard == pytest.approx(one.quantities["hazard_cancel"].value / 10)


def test_bands_hold_the_curve_and_joint_ones_are_wider():
    seconds, cause = drawn(np.random.default_rng(7), 3_000)
    end = np.array(["standing", "cancel", "fill"])[cause]
    curve = mm.order_lifetimes(lives_table(seconds, end)).details["curve"].dropna()
    assert ((curve["low"] < curve["estimate"]) & (curve["estimate"] < curve["high"])).all()
    assert (curve["joint_low"] < curve["low"]).all()
    assert (curve["high"] < curve["joint_high"]).all()
    assert (curve["at_risk"] >= 30).all()


def test_groups():
    seconds, cause = drawn(np.random.default_rng(8), 600)
    end = np.array(["standing", "cancel", "fill"])[cause]
    table = lives_table(seconds, end, distance=[0.0] * 590 + [1.0] * 10)
    groups = mm.order_lifetimes(table, by="distance").details["groups"]
    assert groups["group"].unique().tolist() == ["2 at the best", "3 behind"]
    assert groups.loc[groups["group"] == "3 behind", "refused"].item() == "10 orders, 30 are needed"


# --- what cannot be told --------------------------------------------------------------------------


def test_faults_and_marketable_orders_are_left_out_and_counted():
    table = lives_table([1.0] * 50, ["cancel"] * 50, marketable=[True] * 3 + [False] * 47)
    table.loc[10:13, "fault"] = "a fill larger than the order"
    found = mm.order_lifetimes(table)
    assert found.sample.used == 43
    assert found.sample.dropped == {"a fill larger than the order": 4, "marketable when added": 3}


def test_a_snapshot_or_few_orders_are_refused():
    found = mm.order_lifetimes(lives_table([1.0] * 29, ["cancel"] * 29))
    assert all(not q.identified for q in found.quantities.values())
    assert "29 orders" in str(found)


def test_a_median_that_was_not_reached():
    table = lives_table([1.0] * 10 + [5.0] * 90, ["cancel"] * 10 + ["standing"] * 90)
    found = mm.order_lifetimes(table)
    assert not found.quantities["median_life"].identified
    assert "90 % still stood" in str(found.quantities["median_life"])
    assert "few_at_risk" in found.flags
    assert np.isnan(found.tidy().set_index("term").loc["cancelled within 10s", "estimate"])


def test_none_or_all_has_no_interval():
    found = mm.order_lifetimes(lives_table([1.0] * 100, ["fill"] * 100))
    assert not found.quantities["fleeting_share"].identified


def test_options_are_refused_at_once():
    table = lives_table([1.0] * 40, ["cancel"] * 40)
    with pytest.raises(ValueError, match=r"fill must be .*; level must be .*'soon' is no length"):
        mm.order_lifetimes(table, fill="half", level=2.0, horizons=["soon"])
    with pytest.raises(ValueError, match="lack the columns seconds"):
        mm.order_lifetimes(table.drop(columns="seconds"))
    with pytest.raises(ValueError, match="seconds is missing or below 0 in 40 rows"):
        mm.order_lifetimes(table.assign(seconds=-1.0))
    with pytest.raises(ValueError, match="levels: for a market"):
        mm.order_lifetimes(table, levels=1)
