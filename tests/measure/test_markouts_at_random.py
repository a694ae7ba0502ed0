"""Markouts of tapes made at random: by plain loops, and what must leave them as they are.

Irregular clocks with ties; two symbols of different hours, two accounts, two days; quotes that are
locked, crossed, of one side or of none.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from tests.at_random import calmly

OPEN = pd.Timestamp("2024-01-02 10:00", tz="UTC")
DAY = 86_400
HOURS = {"X": (0, 60), "Y": (-36_000, 50_400)}  # seconds after 10:00
SYMBOLS = pd.DataFrame({"symbol": ["X", "Y"], "calendar": ["10:00-10:01 UTC", "24/7"]})
HORIZONS = ["1s", "7s", "2 trades"]
LEVEL = 100.0


def times(rng, n):
    """Whole seconds around the first minute of two days, in order."""
    return np.sort(rng.choice([0, DAY], n) + rng.integers(-3, 65, n)).astype(float)


def table(rng, n, **columns):
    seconds = times(rng, n)
    rows = pd.DataFrame({"time": OPEN + pd.to_timedelta(seconds, unit="s")})
    return rows.assign(symbol=rng.choice(["X", "Y"], n), **columns)


def market_of(quotes, trades, fills):
    return mm.Market(symbols=SYMBOLS, quotes=quotes, trades=trades, fills=fills)


@st.composite
def markets(draw):
    """Quotes, trades and fills; the order of one instant is drawn too."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, k, m = (draw(st.integers(1, top)) for top in (60, 30, 25))
    seq = rng.permutation(n + k + m)
    mid = 40 + rng.integers(-4, 5, n)
    wide = rng.choice([-1, 0, 1, 2, 3], n, p=[0.1, 0.1, 0.3, 0.3, 0.2])
    gone = rng.random((2, n)) < 0.1
    quotes = table(rng, n, seq=seq[:n]).assign(
        bid=np.where(gone[0], np.nan, (2 * mid - wide) / 4),
        ask=np.where(gone[1], np.nan, (2 * mid + wide) / 4),
        bid_size=rng.integers(1, 5, n) * 1.0,
        ask_size=rng.integers(1, 5, n) * 1.0,
    )
    signed = {"size": 1.0, "side": rng.choice([-1.0, 1.0], k)}
    trades = table(rng, k, seq=seq[n : n + k], price=rng.integers(70, 90, k) / 4, **signed)
    prices = {"price": rng.integers(70, 90, m) / 4, "side": rng.choice([-1.0, 1.0], m)}
    accounts = rng.choice(["a", "b"], m)
    fills = table(rng, m, seq=seq[n + k :], size=1.0, account=accounts, **prices)
    return quotes, trades, fills


def long_way_round(quotes, trades, fill, horizon):
    """(M_t, M_(t + h), why it is apart) of one fill, by loops over rows."""
    opens, closes = HOURS[fill.symbol]
    second = (fill.time - OPEN).total_seconds()
    day = DAY * ((second - opens) // DAY)
    if not opens <= second - day <= closes:
        return np.nan, np.nan, "outside every session"
    begin, close = (OPEN + pd.Timedelta(seconds=day + s) for s in (opens, closes))
    # where the market never closes the last quote of the day before stands at midnight
    since = begin - pd.Timedelta("1D") if fill.symbol == "Y" else begin
    own = [q for q in quotes if q.symbol == fill.symbol and since <= q.time <= close]
    before = [q for q in own if (q.time, q.seq) < (fill.time, fill.seq)]
    if not before:
        return np.nan, np.nan, "no quote before"
    bid, ask = before[-1].bid, before[-1].ask
    if not bid < ask:
        why = "locked" if bid == ask else "crossed" if bid > ask else "one side only"
        return np.nan, np.nan, why
    prints = [p for p in trades if p.symbol == fill.symbol]
    end = max(row.time for row in [*(q for q in quotes if q.symbol == fill.symbol), *prints])
    if horizon.endswith("trades"):
        after = [p for p in prints if (p.time, p.seq) > (fill.time, fill.seq)]
        target = after[int(horizon[0]) - 1] if len(after) >= int(horizon[0]) else None
        past = target is None or target.time > close
        known = [] if past else [q for q in own if (q.time, q.seq) < (target.time, target.seq)]
    else:
        then = fill.time + pd.Timedelta(horizon)
        past = then > min(end, close)
        known = [q for q in own if q.time <= then]
    valid = [q for q in known if q.bid < q.ask]
    later = np.nan if past or not valid else (valid[-1].bid + valid[-1].ask) / 2
    return (bid + ask) / 2, later, ""


@given(case=markets())
@calmly(25)
def test_by_plain_loops(case):
    market = market_of(*case)
    quotes, trades = (list(market[name].itertuples()) for name in ("quotes", "trades"))
    found = mm.markouts(market, horizons=HORIZONS, unit="abs")
    assert len(found) == len(case[2])
    pasts = dict.fromkeys(HORIZONS, 0)
    for row in found.itertuples():
        for horizon in HORIZONS:
            now, later, why = long_way_round(quotes, trades, row, horizon)
            pasts[horizon] += not why and np.isnan(later)
            name = f"abs_{horizon.replace(' ', '_')}"
            got = [
                row.capture_abs,
                getattr(row, f"markout_{name}"),
                getattr(row, f"adverse_{name}"),
            ]
            want = [row.side * (now - row.price), row.side * (later - row.price)]
            want.append(-row.side * (later - now))
            assert got == pytest.approx(want, nan_ok=True, abs=1e-12)
            assert row.apart == why
    counts = found.attrs["counts"]
    assert {h: counts[f"past the end, {h}"] for h in HORIZONS} == pasts
    apart = found["apart"].value_counts()
    assert all(counts[why] == n for why, n in apart.items() if why)


@given(case=markets(), unit=st.sampled_from(["bps", "abs"]), weighted=st.booleans())
@calmly(25)
def test_markout_is_capture_less_adverse_in_every_fill(case, unit, weighted):
    reference = "weighted_mid" if weighted else "mid"
    found = mm.markouts(market_of(*case), horizons=HORIZONS, unit=unit, reference=reference)
    for h in ("1s", "7s", "2_trades"):
        whole, part = found[f"markout_{unit}_{h}"], found[f"adverse_{unit}_{h}"]
        known = whole.notna()
        assert known.equals(part.notna())
        capture = found.loc[known, f"capture_{unit}"]
        np.testing.assert_allclose(whole[known], (capture - part[known]), rtol=0, atol=1e-9)
    told = found.filter(regex="capture|markout|adverse")
    assert told[found["apart"] != ""].isna().all(axis=None)
    assert found.loc[found["apart"] == "", f"capture_{unit}"].notna().all()


@given(case=markets())
@calmly(15)
def test_the_mirrored_tape_earns_the_same(case):
    quotes, trades, fills = case
    turned = quotes.assign(
        bid=LEVEL - quotes["ask"],
        ask=LEVEL - quotes["bid"],
        bid_size=quotes["ask_size"],
        ask_size=quotes["bid_size"],
    )
    flipped = [t.assign(price=LEVEL - t["price"], side=-t["side"]) for t in (trades, fills)]
    for reference in ("mid", "weighted_mid"):
        options = {"horizons": HORIZONS, "unit": "abs", "reference": reference}
        found = mm.markouts(market_of(*case), **options)
        again = mm.markouts(market_of(turned, *flipped), **options)
        told = list(found.filter(regex="capture|markout|adverse|apart"))
        pd.testing.assert_frame_equal(again[told], found[told], rtol=0, atol=1e-9)


@given(case=markets(), scale=st.sampled_from([0.01, 3.0, 1e4]))
@calmly(15)
def test_prices_in_another_unit(case, scale):
    quotes, trades, fills = case
    scaled = quotes.assign(bid=scale * quotes["bid"], ask=scale * quotes["ask"])
    priced = (t.assign(price=scale * t["price"]) for t in (trades, fills))
    again = market_of(scaled, *priced)
    for unit, factor in (("abs", scale), ("bps", 1.0)):
        found = mm.markouts(market_of(*case), horizons=HORIZONS, unit=unit)
        other = mm.markouts(again, horizons=HORIZONS, unit=unit)
        told = list(found.filter(regex="capture|markout|adverse"))
        want = factor * found[told]
        pd.testing.assert_frame_equal(other[told], want, rtol=1e-9, atol=1e-9 * factor)
        assert other["apart"].equals(found["apart"])


@given(case=markets(), later=st.sampled_from([0, 500]))
@calmly(15)
def test_idle_quotes_change_nothing(case, later):
    """A quote that repeats the one before it, at once or half a second later."""
    quotes, trades, fills = case
    spread_out = [t.assign(seq=2 * t["seq"]) for t in (quotes, trades, fills)]
    quotes = spread_out[0].sort_values(["time", "seq"], ignore_index=True)
    after = quotes["time"] + pd.Timedelta(milliseconds=later)
    idle = quotes.assign(time=after, seq=quotes["seq"] + 1)
    idle = idle[idle["time"] <= quotes.groupby("symbol")["time"].transform("max")]
    if later:  # the last of its second
        idle = idle.drop_duplicates(["symbol", "time"], keep="last")
    more = pd.concat([quotes, idle])
    found = mm.markouts(market_of(*spread_out), horizons=HORIZONS)
    again = mm.markouts(market_of(more, *spread_out[1:]), horizons=HORIZONS)
    pd.testing.assert_frame_equal(again, found)


@given(case=markets(), cut=st.integers(0, 64))
@calmly(15)
def test_the_future_changes_nothing_that_was_known(case, cut):
    end = OPEN + pd.Timedelta(seconds=cut)
    early = [t[t["time"] <= end] for t in case]
    if early[0].empty or early[2].empty:
        return
    found = mm.markouts(market_of(*case), horizons=["1s", "7s"], reference="weighted_mid")
    again = mm.markouts(market_of(*early), horizons=["1s", "7s"], reference="weighted_mid")
    found = found[found["time"] <= end].reset_index(drop=True)
    for h in ("1s", "7s"):
        name = f"markout_bps_{h}"
        known = again[name].notna()
        pd.testing.assert_series_equal(again.loc[known, name], found.loc[known, name])
        ends = pd.concat([t[["symbol", "time"]] for t in early[:2]]).groupby("symbol")["time"].max()
        reached = again["time"] + pd.Timedelta(h) <= again["symbol"].map(ends)
        assert again.loc[reached, name].notna().equals(found.loc[reached, name].notna())
    assert again["apart"].equals(found["apart"])
    assert again["capture_bps"].equals(found["capture_bps"])


@given(case=markets(), seed=st.integers(0, 99))
@calmly(8)
def test_the_order_of_rows_and_other_symbols_and_accounts_change_nothing(case, seed):
    market = market_of(*case)
    found = mm.markouts(market, horizons=HORIZONS)
    mixed = [t.sample(frac=1, random_state=seed) for t in case]
    pd.testing.assert_frame_equal(mm.markouts(market_of(*mixed), horizons=HORIZONS), found)
    for name, value in (("symbol", "X"), ("account", "a")):
        part = found[found[name] == value].reset_index(drop=True)
        if len(part):
            alone = mm.markouts(market, horizons=HORIZONS, **{name: value})
            pd.testing.assert_frame_equal(alone, part)


@given(case=markets())
@calmly(15)
def test_twice_the_aggregate_makers_are_the_spreads_of_every_trade(case):
    quotes, trades, _ = case
    market = mm.Market(symbols=SYMBOLS, quotes=quotes, trades=trades)
    for unit in ("bps", "abs"):
        found = mm.markouts(market, horizons=HORIZONS, unit=unit)
        if (found["apart"] == "outside every session").all():
            return
        paid = mm.spreads(market, horizons=HORIZONS, unit=unit, sides="reported")
        both = found[found["apart"] == ""].merge(paid, on=["symbol", "time", "seq"], how="left")
        pairs = [(f"capture_{unit}", f"effective_full_{unit}")]
        for h in ("1s", "7s", "2_trades"):
            pairs.append((f"markout_{unit}_{h}", f"realized_full_{unit}_{h}"))
            pairs.append((f"adverse_{unit}_{h}", f"impact_full_{unit}_{h}"))
        for ours, theirs in pairs:
            np.testing.assert_allclose(2 * both[ours], both[theirs], rtol=0, atol=1e-9)
