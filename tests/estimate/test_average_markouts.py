"""Means of markouts: by hand, with runs of one side, in groups, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import mmresearch as mm
from tests.truth.markout_tables import HALF, HORIZONS, World, markout_table


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    world = World(days=8, fills=300, persistence=0.6, impact=0.5, sizes=0.5)
    return markout_table(np.random.default_rng(7), world)


def estimates(result: mm.Result) -> pd.Series:
    return result.table.set_index("term")["estimate"]


def test_means_are_weighted_means_of_the_fills(table):
    for weight, units in (("size", table["size"]), ("fills", table["size"] * 0 + 1)):
        found = estimates(mm.average_markouts(table, weight=weight))
        for horizon in HORIZONS:
            mean = np.average(table[f"markout_bps_{horizon}"], weights=units)
            assert found[f"markout {horizon}"] == pytest.approx(mean, rel=1e-12)


def test_markout_is_capture_less_adverse_in_the_means(table):
    found = estimates(mm.average_markouts(table))
    for horizon in HORIZONS:
        parts = found["capture"] - found[f"adverse {horizon}"]
        assert found[f"markout {horizon}"] == pytest.approx(parts, abs=1e-9)


def test_the_planted_loss_is_found():
    world = World(days=1, fills=5000, persistence=0.6, impact=0.5)
    result = mm.average_markouts(markout_table(np.random.default_rng(1), world))
    row = result.table.set_index("term").loc["adverse 1s"]
    # four standard errors: one in 16,000 tapes would fail
    assert abs(row["estimate"] - world.adverse()) < 4 * row["std_error"]
    assert estimates(result)["capture"] == pytest.approx(HALF)
    assert result.quantities["adverse_share"].identified


def test_bands_hold_where_naive_ones_do_not():
    """No drift, sides that persist, overlap of 60 fills: 100 tapes, seed 11.

    With .95 truly covered the share has a standard error of .022: .88 is three below. Naive bands
    cover about a third.
    """
    world = World(days=1, fills=5000, persistence=0.9)
    rng, ours, naive = np.random.default_rng(11), 0, 0
    for _ in range(100):
        fills = markout_table(rng, world)
        row = mm.average_markouts(fills).table.set_index("term").loc["adverse 60s"]
        ours += row["low"] <= 0 <= row["high"]
        values = fills["adverse_bps_60s"]
        naive += abs(values.mean()) < 1.96 * values.std() / np.sqrt(len(values))
    assert ours >= 88
    assert naive < 60


def test_groups_are_the_means_of_their_own_fills(table):
    result = mm.average_markouts(table, by="side", weight="fills")
    groups = result.details["groups"].set_index(["group", "measure", "horizon"])["estimate"]
    own = table.loc[table["side"] == 1, "markout_bps_30s"].mean()
    assert groups["bought", "markout", "30s"] == pytest.approx(own, rel=1e-12)
    assert result.details["groups"]["fills"].max() <= len(table)


def test_groups_that_differ_are_told_and_small_ones_are_refused(table):
    fills = table.assign(who=np.where(np.arange(len(table)) % 2, "a", "b"))
    worse = fills["who"] == "a"
    for horizon in HORIZONS:
        fills.loc[worse, f"markout_bps_{horizon}"] -= 5.0
        fills.loc[worse, f"adverse_bps_{horizon}"] += 5.0
    fills.loc[:9, "who"] = "c"
    result = mm.average_markouts(fills, by="who")
    assert result.quantities["equal_groups"].value < 0.01
    assert "groups_refused" in result.flags
    refused = result.details["groups"].set_index("group")["refused"]
    assert (refused["c"] == "10 fills, 30 are needed").all()
    rest = result.details["against_rest"].set_index("group")
    assert rest.loc["a", "difference"] == pytest.approx(-5, abs=1)
    assert (rest["p_holm"] >= rest["p"]).all()


def test_what_is_apart_and_past_the_end_is_counted(table):
    fills = table.copy()
    fills.loc[:4, "apart"] = "crossed"
    fills.loc[10:12, "markout_bps_60s"] = np.nan
    dropped = mm.average_markouts(fills).sample.dropped
    assert dropped["crossed"] == 5
    assert dropped["with a horizon past the end"] == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="seq"), "no column seq"),
        (lambda t: t.drop(columns=[c for c in t if "bps" in c]), "no column of a horizon"),
        (lambda t: t.assign(capture_abs=1.0), "in bps and in currency"),
        (lambda t: t.assign(size=0.0), "size or price that is not positive"),
        (lambda t: t.assign(capture_bps=np.inf), "not finite"),
        (lambda t: t.assign(apart="locked"), "2,408 locked"),
    ],
)
def test_bad_tables_are_refused(table, change, said):
    with pytest.raises(ValueError, match=said):
        mm.average_markouts(change(table))


def test_bad_options_are_refused(table):
    with pytest.raises(ValueError, match=r"weight must be .*; errors must be .*; level must be"):
        mm.average_markouts(table, weight="volume", errors="white", level=95)
    with pytest.raises(ValueError, match="no column 'broker' to group by"):
        mm.average_markouts(table, by="broker")
    with pytest.raises(ValueError, match="has been asked already"):
        mm.average_markouts(table, horizons=("1s",))


def test_a_market_is_asked_for_its_markouts():
    market = mm.sample()
    asked = {"horizons": ("5s",), "account": "MM1"}
    whole = estimates(mm.average_markouts(market, **asked))
    table = estimates(mm.average_markouts(mm.markouts(market, **asked)))
    pd.testing.assert_series_equal(whole, table)


def test_groups_that_are_days_are_apart_from_each_other():
    """Each day's error is its own: with equal variances F is that of one-way means by hand."""
    world = World(days=6, fills=900, persistence=0.6)
    fills = markout_table(np.random.default_rng(3), world)
    result = mm.average_markouts(fills, by="day", weight="fills")
    groups = result.details["groups"]
    own = groups[(groups["measure"] == "markout") & (groups["horizon"] == "60s")]
    x, v = own["estimate"].to_numpy(), own["std_error"].to_numpy() ** 2
    square = ((x - np.average(x, weights=1 / v)) ** 2 / v).sum()
    # Hotelling's F of 5 contrasts: square / 5 * (df - 4) / df, df the fewest of all errors
    df = 5
    assert result.quantities["equal_groups"].method.startswith(
        f"F(5, 1) = {square / 5 * (df - 4) / df:.3g} "
    )


def test_matched_fills_have_an_extra_with_an_interval():
    market = mm.sample().select(end="2024-03-12")
    table = mm.matched_fills(market, account="MM1", horizons=["5s", "60s"])
    result = mm.average_markouts(table)
    found = estimates(result)
    for term in ("capture", "markout 60s", "adverse 5s"):
        extra = found[term] - found[f"control_{term}"]
        assert found[f"extra_{term}"] == pytest.approx(extra, abs=1e-9)
    curve = result.details["curve"]
    assert (curve["measure"] == "extra_adverse").sum() == 2
    assert result.sample.dropped["no control"] == (table["apart"] == "no control").sum()


def test_a_day_shorter_than_its_horizons_gives_means_and_no_errors():
    world = World(days=1, fills=100, persistence=0.6)
    result = mm.average_markouts(markout_table(np.random.default_rng(2), world), by="side")
    assert result.table["estimate"].notna().all()
    assert result.table[["std_error", "low", "high"]].isna().all(axis=None)
    assert result.errors.startswith("not told: 0 equal-weighted cosines over 101 events")
    assert not any(q.identified for q in result.quantities.values())
    assert result.details["curve"]["joint_low"].isna().all()


def test_cosines_fall_with_the_horizon_and_with_persistence():
    """5,000 fills a second apart: n / (2 (h + p)), h = 60, p = (1 + r)/(1 - r)."""
    many = []
    for persistence in (0.0, 0.9):
        fills = markout_table(np.random.default_rng(4), World(persistence=persistence))
        short = fills.drop(columns=[c for c in fills if c.endswith(("_30s", "_60s"))])
        many += [int(mm.average_markouts(f).errors.split()[0]) for f in (short, fills)]
        side = fills["side"] - fills["side"].mean()
        r = max((side.shift() * side).sum() / (side**2).sum(), 0)
        assert many[-1] == int(5001 / (2 * (60 + (1 + r) / (1 - r))))
    assert many[0] == int(0.41 * 5001 ** (2 / 3))
    assert many[3] < many[1] < many[0]


def test_a_burst_in_one_second_is_one_event():
    fills = markout_table(np.random.default_rng(5), World(persistence=0.6))
    later = fills.assign(time=fills["time"] + pd.Timedelta("0.4s"))
    again = pd.concat([fills, fills, later], ignore_index=True)
    once, thrice = (mm.average_markouts(f, weight="fills") for f in (fills, again))
    pd.testing.assert_frame_equal(once.table, thrice.table)


def test_unequal_days_are_as_few_equal_ones():
    """A curve of one horizon has the band of t, with 1 / sum of squared shares less one."""
    world = World(days=8, fills=300, persistence=0.6, vary=0.2, uneven=0.9)
    fills = markout_table(np.random.default_rng(9), world)
    fills = fills.drop(columns=[c for c in fills if c.endswith(("_30s", "_60s"))])
    result = mm.average_markouts(fills, weight="fills")
    band = result.details["curve"].iloc[0]
    share = fills.groupby("day").size() / len(fills)
    reach = scipy.stats.t.ppf(0.975, 1 / (share**2).sum() - 1)
    row = result.table.set_index("term").loc["markout 1s"]
    # a quantile of 4,000 draws: a twentieth is over two of its standard errors
    found = (band["joint_high"] - band["estimate"]) / row["std_error"]
    assert found == pytest.approx(reach, rel=0.06)
    assert reach > 1.1 * scipy.stats.t.ppf(0.975, 7)


def test_mirrored_and_scaled_fills_have_the_same_means():
    fills = markout_table(np.random.default_rng(6), World(days=7, fills=200, persistence=0.6))
    want = mm.average_markouts(fills).table
    other = fills.assign(side=-fills["side"], size=fills["size"] * 1000, price=fills["price"] / 7)
    pd.testing.assert_frame_equal(mm.average_markouts(other).table, want)


def test_joint_bands_of_days_drawn_hold_more_than_each_interval(table):
    result = mm.average_markouts(table, errors="bootstrap")
    curve = result.details["curve"]
    assert "whole days drawn" in result.errors
    assert (curve["joint_high"] - curve["joint_low"] > curve["high"] - curve["low"]).all()


def test_groups_by_hour_and_size_say_where_they_end(table):
    fills = table.assign(
        time=pd.Timestamp("2024-01-01 14:30", tz="UTC") + table.index * pd.Timedelta("1s")
    )
    local = mm.average_markouts(fills, by="hour", zone="America/New_York").details["groups"]
    assert local["group"].unique().tolist() == ["09:00", "10:00"]
    assert local["fills"].iloc[0] == 1800  # until 10:00, half an hour
    fills = table.assign(size=np.resize([1.0, 2.0, 2.0, 3.0, 5.0, 9.0], len(table)))
    sizes = mm.average_markouts(fills, by="size", sizes=[2, 5]).details["groups"]
    at = sizes.drop_duplicates("group").set_index("group")["fills"]
    assert at.to_dict() == {
        "up to 2": (fills["size"] <= 2).sum(),
        "2 to 5": fills["size"].isin([3, 5]).sum(),
        "above 5": (fills["size"] == 9).sum(),
    }


def test_breakeven_lies_where_the_band_tells_it():
    world = World(persistence=0.0)
    fills = markout_table(np.random.default_rng(8), world)
    # what is left is +2 at 1 s, and -8 from 30 s on
    for horizon in ("30s", "60s"):
        fills[f"markout_bps_{horizon}"] -= 10
        fills[f"adverse_bps_{horizon}"] += 10
    found = mm.average_markouts(fills).quantities["breakeven"]
    assert found.identified
    assert (found.value, found.low, found.high) == (30.0, 1.0, 30.0)
