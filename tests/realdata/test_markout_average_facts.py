"""Means of markouts on real files: identities, what overlap does to errors, what is not told."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm

HORIZONS = ["1s", "10s", "60s"]


@pytest.fixture(scope="module")
def amzn(realdata):
    files = sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))
    return mm.markouts(mm.load.lobster(*files), horizons=HORIZONS)


@pytest.fixture(scope="module")
def capture(realdata):
    return mm.load.binance(realdata / "binance" / "usdm" / "btcusdt_20240808.gz")


def test_amzn_parts_add_up_in_the_means_and_nothing_is_lost(amzn):
    result = mm.average_markouts(amzn)
    found = result.table.set_index("term")["estimate"]
    for horizon in HORIZONS:
        left = found["capture"] - found[f"adverse {horizon}"]
        assert found[f"markout {horizon}"] == pytest.approx(left, abs=1e-9)
    assert result.sample.used + sum(result.sample.dropped.values()) == len(amzn)
    full = mm.average_spreads(
        amzn.assign(side=-amzn["side"]).pipe(_as_spreads), weight="size"
    ).table.set_index("term")["estimate"]
    assert full["effective"] == pytest.approx(2 * found["capture"], rel=1e-12)
    assert full["impact 60s"] == pytest.approx(2 * found["adverse 60s"], rel=1e-12)


def test_amzn_naive_errors_are_too_small_by_more_the_longer_the_horizon(amzn):
    result = mm.average_markouts(amzn, weight="fills")
    own = result.table.set_index("term")["std_error"]
    rows = amzn[amzn[[c for c in amzn if "_bps_" in c]].notna().all(axis=1)]
    ratio = [
        own[f"adverse {h}"] / (rows[f"adverse_bps_{h}"].std() / np.sqrt(len(rows)))
        for h in HORIZONS
    ]
    assert 1 < ratio[0] < ratio[2]
    assert ratio[2] > 2


def test_amzn_earned_at_once_and_lost_within_a_minute(amzn):
    curve = mm.average_markouts(amzn).details["curve"].set_index(["measure", "horizon"])
    assert (curve.loc["adverse", "joint_low"] > 0).all()
    table = mm.average_markouts(amzn).table.set_index("term")
    assert table.loc["capture", "low"] > 0


def test_amzn_groups_by_hour_hold_every_fill(amzn):
    result = mm.average_markouts(amzn, by="hour", zone="America/New_York")
    groups = result.details["groups"].drop_duplicates("group")
    assert groups["group"].tolist() == [f"{hour:02}:00" for hour in range(9, 16)]
    assert groups["fills"].sum() == result.sample.used


def test_six_minutes_do_not_tell_errors_at_a_minute(capture):
    short = mm.average_markouts(capture, horizons=["1s", "10s"])
    assert short.table["std_error"].notna().all()
    long = mm.average_markouts(capture, horizons=["1s", "60s"], by="side")
    assert long.table["std_error"].isna().all()
    assert "take shorter horizons" in long.errors
    assert not long.quantities["adverse_share"].identified


def _as_spreads(fills):
    """The same fills as a table of full spreads, from the aggressor's side."""
    half = [c for c in fills if c.startswith(("capture", "markout", "adverse"))]
    words = {"capture": "effective_full", "markout": "realized_full", "adverse": "impact_full"}
    names = {c: c.replace(c.split("_")[0], words[c.split("_")[0]], 1) for c in half}
    table = fills.assign(**{c: 2 * fills[c] for c in half}).rename(columns=names)
    at = list(table).index("effective_full_bps")
    table.insert(at, "quoted_full_bps", 1e4 * (fills["ask"] - fills["bid"]) / fills["reference"])
    table.attrs = fills.attrs | {"sides": "reported"}
    return table
