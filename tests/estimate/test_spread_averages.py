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


def test_what_is_kept_apart_is_counted_by_its_reason():
    market = economy(np.random.default_rng(8), days=8)
    quotes = market.quotes.assign(place=range(len(market.quotes)))
    crossed, locked = quotes["place"] % 50 == 7, quotes["place"] % 50 == 9
    quotes["bid"] = quotes["bid"].mask(crossed, quotes["ask"] + 0.01).mask(locked, quotes["ask"])
    event = np.where(np.arange(len(market.trades)) % 40 == 5, "cross", "fill")
    spoilt = mm.Market(
        trades=market.trades.assign(event=event),
        quotes=quotes.drop(columns="place"),
        calendar="09:00-10:01 UTC",
    )
    found = mm.spreads(spoilt, horizons=["1s"])
    sample = mm.average_spreads(found).sample
    outside = sample.dropped["outside every session"]
    assert outside == (market.trades["time"].dt.time > pd.Timestamp("10:01").time()).sum() > 0
    for reason in ("crossed", "locked", "auction"):
        assert sample.dropped[reason] == (found["apart"] == reason).sum() > 0
    assert sample.used + sum(sample.dropped.values()) == len(market.trades)


def two_symbols():
    one, two = (economy(np.random.default_rng(seed), days=8) for seed in (6, 7))
    tables = {}
    for kind in ("trades", "quotes"):
        tables[kind] = pd.concat([one[kind], two[kind].assign(symbol="Y")])
    return mm.Market(**tables, calendar="09:00-11:00 UTC")


@pytest.mark.parametrize("unit", ["bps", "abs"])
def test_a_table_a_symbol(unit):
    """Each symbol's answers are those of the symbol alone; currency is not put together."""
    market = two_symbols()
    both = mm.average_spreads(market, by="symbol", unit=unit, horizons=["1s", "10s"])
    groups = both.details["groups"]
    for symbol in ("X", "Y"):
        alone = mm.average_spreads(market, symbol=symbol, unit=unit, horizons=["1s", "10s"])
        own = groups[groups["group"] == symbol].reset_index(drop=True)
        columns = ["estimate", "std_error", "p", "low", "high"]
        pd.testing.assert_frame_equal(own[columns], alone.table[columns])
        assert (own["trades"] == alone.sample.used).all()
        assert (own["days"] == 8).all()
    assert own["measure"].tolist() == ["quoted", "effective", *2 * ["realized"], *2 * ["impact"]]
    assert own["horizon"].tolist() == ["", "", "1s", "10s", "1s", "10s"]
    if unit == "bps":
        assert len(both.table) == 6
        assert both.quantities["impact_share"].identified
    else:
        assert both.table["term"].tolist()[5:7] == ["impact 10s, X", "quoted, Y"]
        assert "add up" in both.quantities["impact_share"].reason
        with pytest.raises(ValueError, match="no curve together"):
            mm.plot_spreads(both)


def test_groups_that_are_too_small_are_refused_by_name(found):
    few = found.copy()
    few["side"] = np.where(few.index < 20, 0.0, few["side"])
    few.attrs = found.attrs
    groups = mm.average_spreads(few, by="side").details["groups"].set_index("group")
    assert set(groups.index) == {"-1.0", "0.0", "1.0"}
    assert groups.loc["0.0", "refused"].str.contains("30 are needed").all()
    assert groups.loc["0.0", "estimate"].isna().all()
    assert (groups.loc["1.0", "refused"] == "").all()
    by_day = mm.average_spreads(found, by="day", errors="cluster")
    assert by_day.details["groups"]["refused"].str.contains("day").all()
    assert "groups_refused" in by_day.flags
    with pytest.raises(ValueError, match="no column 'venue'"):
        mm.average_spreads(found, by="venue")


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
    with pytest.raises(ValueError, match="by='symbol'"):
        mm.average_spreads(both, by="day")
