"""Averages of spreads: the same trades in every mean, errors by day, bands for whole curves."""

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

HORIZONS = ["1s", "10s", "60s"]


def economy(rng, *, days=50, trades=60, impact=0.3, half=0.02, fade=0.5, day_effect=0.0):
    """Trades every 2 s that pay `half`; the mid moves by impact * half D at once, then fades.

    The mean impact at every horizon up to 1 s is 2 impact half; `day_effect` is added to the half
    spread of a whole day, times a normal.
    """
    n = days * trades
    side = rng.choice([-1.0, 1.0], n)
    day = np.repeat(np.arange(days), trades)
    wide = half * (1 + day_effect * rng.standard_normal(days))[day]
    moved = np.cumsum(impact * half * side + 0.002 * rng.standard_normal(n))
    mid = 50 + moved
    before = np.concatenate([[50.0], mid[:-1]])
    start = pd.Timestamp("2024-01-01 10:00", tz="UTC") + pd.to_timedelta(day, unit="D")
    time = pd.Series(start + pd.to_timedelta(2.0 * np.tile(np.arange(1, trades + 1), days), "s"))
    rows = pd.DataFrame({"time": time, "seq": 2 * np.arange(n) + 1, "symbol": "X"})
    table = rows.assign(price=before + wide * side, size=rng.choice([1.0, 5.0], n), side=side)
    opens = rows.iloc[::trades].assign(time=lambda r: r["time"] - pd.Timedelta("1s"))
    known = pd.concat(
        [rows.assign(seq=rows["seq"] + 1, mid=mid), opens.assign(mid=before[::trades])]
    )
    known = known.sort_values(["time", "seq"], kind="stable")
    quotes = known.assign(
        bid=known["mid"] - half, ask=known["mid"] + half, bid_size=1.0, ask_size=1.0
    )
    return mm.Market(trades=table, quotes=quotes.drop(columns="mid"), calendar="09:00-11:00 UTC")


@pytest.fixture(scope="module")
def found():
    return mm.spreads(economy(np.random.default_rng(1)), horizons=HORIZONS, unit="abs")


def estimates(result):
    return result.table.set_index("term")["estimate"]


def test_means_are_the_weighted_means(found):
    columns = [name for name in found if "_full_" in name]
    rows = found[found[columns].notna().all(axis=1)]
    weights = {"size": rows["size"], "value": rows["size"] * rows["price"], "trades": None}
    for weight, units in weights.items():
        result = mm.average_spreads(found, weight=weight)
        want = np.average(rows[columns], axis=0, weights=units)
        np.testing.assert_allclose(result.table["estimate"], want, rtol=1e-9)
    assert result.sample.used == len(rows)
    assert result.sample.used + sum(result.sample.dropped.values()) == len(found)


def test_effective_is_realized_and_impact_in_the_means_too(found):
    means = estimates(mm.average_spreads(found))
    for horizon in HORIZONS:
        parts = means[f"realized {horizon}"] + means[f"impact {horizon}"]
        assert parts == pytest.approx(means["effective"], abs=1e-12)


def test_the_truth_is_found(found):
    # a trade pays 2 * .02; the mid goes .3 * .02 its way and stays: impact .012, realized .028
    table = mm.average_spreads(found).table.set_index("term")
    assert table.loc["effective", "estimate"] == pytest.approx(0.04)
    for horizon in HORIZONS:
        for term, truth in ((f"impact {horizon}", 0.012), (f"realized {horizon}", 0.028)):
            assert table.loc[term, "estimate"] == pytest.approx(
                truth, abs=4 * table.loc[term, "std_error"]
            )
    share = mm.average_spreads(found, horizons=HORIZONS).quantities["impact_share"]
    assert share.low < 0.3 < share.high


def test_errors_by_day_are_the_sandwich_written_out():
    market = economy(np.random.default_rng(2), day_effect=0.3)
    found = mm.spreads(market, horizons=["1s"])
    result = mm.average_spreads(found, weight="trades")
    rows = found[found["impact_full_bps_1s"].notna()]
    x = rows["effective_full_bps"]
    by_day = (x - x.mean()).groupby(rows["day"]).sum()
    want = np.sqrt((by_day**2).sum() * 50 / 49) / len(x)
    assert "clustered by day (50 days)" in result.errors
    assert result.table.loc[1, "std_error"] == pytest.approx(want)


def test_few_days_are_bootstrapped_and_one_has_cosines():
    market = economy(np.random.default_rng(3), days=8, day_effect=0.3)
    some = mm.average_spreads(market, horizons=["1s"])
    assert "wild" in some.errors
    effective = some.table.loc[1]
    assert effective["low"] < effective["estimate"] < effective["high"]
    alone = market.select(end="2024-01-02")
    one = mm.average_spreads(alone, horizons=["1s"])
    assert "cosines over 59 events (1 day, all of a second one event)" in one.errors
    assert {"few_days", "few_stretches"} <= set(one.flags)


def test_joint_bands_hold_more_than_each_interval(found):
    curve = mm.average_spreads(found).details["curve"]
    assert curve["horizon"].tolist() == 2 * HORIZONS
    assert curve["seconds"].tolist() == [1, 10, 60] * 2
    assert (curve["joint_high"] - curve["joint_low"] > curve["high"] - curve["low"]).all()


def test_spreads_that_never_vary_have_no_error():
    market = economy(np.random.default_rng(4), days=8, impact=0.0)
    table = mm.average_spreads(market, horizons=["1s"], unit="abs", weight="trades").table
    assert table.loc[0, "std_error"] == pytest.approx(0, abs=1e-12)
    assert table.loc[0, "estimate"] == pytest.approx(0.04)


@pytest.mark.bad_input("too few trades for an average")
def test_what_is_refused(found):
    with pytest.raises(ValueError, match="size, value, trades"):
        mm.average_spreads(found, weight="volume")
    with pytest.raises(ValueError, match="auto, cluster"):
        mm.average_spreads(found, errors="HC1")
    with pytest.raises(ValueError, match="30 are needed"):
        mm.average_spreads(mm.spreads(economy(np.random.default_rng(5), days=1, trades=20)))
    both = found.copy()
    both.loc[both.index[:10], "symbol"] = "Y"
    both.attrs = found.attrs
    with pytest.raises(ValueError, match="do not add up"):
        mm.average_spreads(both)
