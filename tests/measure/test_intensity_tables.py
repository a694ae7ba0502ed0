"""Counts and seconds by distance, by hand: own quotes and the fills they had, orders by depth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

ROW = {"symbol": "X", "seq": 1}
SIZES = {"bid_size": 1.0, "ask_size": 1.0}


def at(clock: str) -> pd.Timestamp:
    return pd.Timestamp(f"2024-03-04 {clock}", tz="UTC")


def quotes(rows: list[tuple], **more) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["time", "bid", "ask"])
    return table.assign(time=table["time"].map(at), **(ROW | SIZES | more))


def study(**tables) -> mm.Market:
    """One hour; the mid is 100 until 09:10 and 100.02 from then on."""
    best = quotes([("09:00", 99.99, 100.01), ("09:10", 100.01, 100.03), ("10:00", 100.01, 100.03)])
    symbols = {"symbol": ["X"], "tick": [0.01], "currency": ["USD"]}
    symbols = pd.DataFrame(symbols | {"calendar": ["09:00-10:00 UTC"]})
    return mm.Market(symbols=symbols, quotes=best, **tables)


def own_study(fills: list[tuple]) -> mm.Market:
    """A maker at 99.98 x 100.03, without a bid from 09:20, at 99.99 x 100.03 from 09:30."""
    own = quotes([("09:00", 99.98, 100.03), ("09:20", np.nan, 100.03), ("09:30", 99.99, 100.03)])
    own = own.assign(account="M", seq=2)
    table = pd.DataFrame(fills, columns=["time", "side", "price", "maker"])
    table = table.assign(time=table["time"].map(at), account="M", size=5.0, **(ROW | {"seq": 3}))
    return study(own_quotes=own, fills=table)


FILLS = [
    ("09:05", 1, 99.98, True),
    ("09:05", 1, 99.98, True),  # the same order's second part
    ("09:22", 1, 99.98, True),  # no bid stands
    ("09:25", -1, 100.03, True),
    ("09:26", -1, 100.03, False),  # it took
]


def cells(table: pd.DataFrame) -> list[tuple]:
    table = table.sort_values(["side", "block", "distance"], ascending=[False, True, True])
    kept = table[["side", "block", "distance", "count", "exposure"]].round(9)
    return list(kept.itertuples(index=False, name=None))


def test_own_quotes_by_hand():
    """The bid stands at 2 ticks for 600 s, 4 for 600 s, 3 for 1,800 s; the ask at 3, then at 1."""
    table = mm.fills_by_distance(own_study(FILLS))
    assert cells(table) == [
        (1, 0, 2.0, 1.0, 600.0),
        (1, 0, 4.0, 0.0, 600.0),
        (1, 1, 3.0, 0.0, 1800.0),
        (-1, 0, 1.0, 1.0, 1200.0),
        (-1, 0, 3.0, 0.0, 600.0),
        (-1, 1, 1.0, 0.0, 1800.0),
    ]
    assert table.attrs["unit"] == "ticks"
    assert not table.attrs["nested"]
    assert table.attrs["set_aside"]["without a standing quote"] == 1
    assert table["day"].unique() == [pd.Timestamp("2024-03-04")]


@pytest.mark.bad_input("a symbol without a tick")
def test_without_a_tick_distances_are_basis_points_of_the_fair_price():
    """2 ticks of 100 are 2 bps, and 4 and 3 of 100.02 a little less; a trade 3 ticks away too."""
    known = own_study(FILLS)
    tables = {name: known[name] for name in known if name != "symbols"}
    bare = mm.Market(symbols=known.symbols.assign(tick=np.nan), **tables)
    table = mm.fills_by_distance(bare)
    assert table.attrs["unit"] == "bps"
    inner = [
        (side, block, 1e4 * ticks * 0.01 / fair, n, seconds)
        for side, block, ticks, fair, n, seconds in (
            (1, 0, 2, 100.0, 1.0, 600.0),
            (1, 0, 4, 100.02, 0.0, 600.0),
            (1, 1, 3, 100.02, 0.0, 1800.0),
            (-1, 0, 1, 100.02, 1.0, 1200.0),
            (-1, 0, 3, 100.0, 0.0, 600.0),
            (-1, 1, 1, 100.02, 0.0, 1800.0),
        )
    ]
    for found, expected in zip(cells(table), inner, strict=True):
        assert found == pytest.approx(expected, rel=1e-8)


def test_distances_nearer_than_the_width_are_one_row_at_their_mean():
    """With a width of 4 the bid's 2 and 4 ticks (0.5 and 1 widths) are apart, 3 and 4 are one."""
    table = mm.fills_by_distance(own_study(FILLS), width=4.0, block="1h")
    bid = table[table["side"] == 1]
    assert bid["exposure"].tolist() == [600.0, 2400.0]
    assert bid["distance"].tolist() == pytest.approx([2.0, (4 * 600 + 3 * 1800) / 2400])


def test_a_fill_belongs_to_the_quote_before_it_not_of_its_own_event():
    """A quote that moves at 09:05 with the fill's own seq is not the one that was filled."""
    market = own_study(FILLS[:1])
    moved = quotes([("09:05", 99.90, 100.03)]).assign(account="M", seq=3)
    market = market.replace(own_quotes=pd.concat([market["own_quotes"], moved]))
    table = mm.fills_by_distance(market)
    met = table[table["count"] > 0]
    assert met["distance"].tolist() == [pytest.approx(2.0)]
    assert met["exposure"].tolist() == [300.0]


def test_what_stands_over_a_stretch_s_end_counts_in_both():
    """The ask is 1 tick away from 09:10 on: 1,200 s to 09:30, 1,800 s after, by quarters 300 s."""
    table = mm.fills_by_distance(own_study(FILLS[:1]), block="15min")
    ask = table[(table["side"] == -1) & (table["distance"] < 2)]
    assert ask["block"].tolist() == [0, 1, 2, 3]
    assert ask["exposure"].tolist() == [300.0, 900.0, 900.0, 900.0]


def test_nothing_is_watched_after_the_last_event():
    """The record ends at 09:40, the session at 10:00."""
    market = own_study(FILLS[:1])
    best = market["quotes"].iloc[:2]
    end = best.iloc[1:].assign(time=at("09:40"))
    table = mm.fills_by_distance(market.replace(quotes=pd.concat([best, end])))
    assert table.loc[table["side"] == -1, "exposure"].sum() == 2400.0


def test_quotes_end_with_their_session():
    """The next day has quotes of the market, none of the maker until 09:30."""
    market = own_study(FILLS[:1])
    later = market["quotes"].assign(time=market["quotes"]["time"] + pd.Timedelta("1D"))
    again = market["own_quotes"].iloc[-1:].assign(time=at("09:30") + pd.Timedelta("1D"))
    market = market.replace(
        quotes=pd.concat([market["quotes"], later]),
        own_quotes=pd.concat([market["own_quotes"], again]),
    )
    table = mm.fills_by_distance(market)
    seconds = table[table["side"] == -1].groupby("day")["exposure"].sum()
    assert seconds.tolist() == [3600.0, 1800.0]


def prints(rows: list[tuple]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["time", "side", "price", "seq"])
    return table.assign(time=table["time"].map(at), size=1.0, symbol="X")


PRINTS = [
    ("09:05", 1, 100.01, 5),
    ("09:05", 1, 100.03, 6),  # the same order, one level further
    ("09:15", -1, 100.01, 1),
    ("09:16", np.nan, 100.03, 1),
    ("09:40", 1, 100.04, 1),
]


def test_orders_by_depth_by_hand():
    """Buys reach 3 ticks from 100 and 2 from 100.02, the sale 1; each depth has all who passed."""
    table = mm.trades_by_depth(study(trades=prints(PRINTS)), depths=[1, 2, 3])
    assert cells(table) == [
        (1, 0, 1.0, 1.0, 1800.0),
        (1, 0, 2.0, 0.0, 1800.0),
        (1, 0, 3.0, 0.0, 1800.0),
        (1, 1, 1.0, 0.0, 1800.0),
        (1, 1, 2.0, 0.0, 1800.0),
        (1, 1, 3.0, 0.0, 1800.0),
        (-1, 0, 1.0, 1.0, 1800.0),
        (-1, 0, 2.0, 1.0, 1800.0),
        (-1, 0, 3.0, 1.0, 1800.0),
        (-1, 1, 1.0, 1.0, 1800.0),
        (-1, 1, 2.0, 1.0, 1800.0),
        (-1, 1, 3.0, 0.0, 1800.0),
    ]
    assert table.attrs["nested"]
    assert table.attrs["set_aside"]["prints whose side is not known"] == 1


def test_orders_behind_the_fair_price_reach_no_depth_and_are_said():
    """A buy at 99.99 under a mid of 100 passed nothing; of eleven orders it is one."""
    rows = [("09:04", 1, 99.99, 1), *[(f"09:{minute}", 1, 100.05, 1) for minute in range(20, 30)]]
    table = mm.trades_by_depth(study(trades=prints(rows)), depths=[-2, 1, 3], block="1min")
    assert table.groupby("distance")["count"].sum().tolist() == [11.0, 10.0, 10.0]
    assert table.attrs["behind"] == pytest.approx(1 / 11)
    found = mm.calibrate_intensity(table)
    assert "orders_behind_the_mid" in found.flags
    assert mm.trades_by_depth(study(trades=prints(rows)))["distance"].unique() == [3.0]


def test_depths_that_occur_are_asked_about_where_prices_have_steps():
    rows = [(f"09:{20 + n}", 1, 100.02 + 0.01 * (1 + n % 4), 1) for n in range(30)]
    table = mm.trades_by_depth(study(trades=prints(rows)))
    assert table["distance"].unique().tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_maker_whom_all_orders_meet_is_calibrated_by_its_own_quotes_only():
    """GLFT maker, A 0.9 and k 0.3, 2 days of 3,600 s, seed 1: orders stop at its own quotes.

    Their depth is its spread, which hardly varies: k from it is eight times too large.
    """
    market, truth = mm.simulate.glft(days=2, seconds=3600, seed=1, own=True)
    own = mm.calibrate_intensity(mm.fills_by_distance(market, block="5min"), errors="block")
    found = own.tidy().set_index("term")
    for name, planted in (("ln_A", np.log(truth["A"])), ("k", truth["k"])):
        assert abs(found.loc[name, "estimate"] - planted) < 3 * found.loc[name, "std_error"]
    trap = mm.calibrate_intensity(mm.trades_by_depth(market, block="5min"))
    assert trap.quantities["k"].low > 5 * truth["k"]
    assert "rate_is_not_exponential" in trap.flags


def test_a_market_saved_by_day_gives_the_same(tmp_path):
    market, _ = mm.simulate.glft(days=2, seconds=900, seed=2, own=True)
    stored = mm.open(market.save(tmp_path / "market", by="day"))
    for table in (mm.fills_by_distance, mm.trades_by_depth):
        assert table(stored, block="5min").equals(table(market, block="5min"))


def test_an_order_meets_the_mid_before_it():
    """At 09:10 the mid moves to 100.02 with seq 1; an order of seq 0 still meets 100."""
    table = mm.trades_by_depth(study(trades=prints([("09:10", 1, 100.02, 0)])), depths=[1, 2])
    assert table.groupby("distance")["count"].sum().tolist() == [1.0, 1.0]
    table = mm.trades_by_depth(study(trades=prints([("09:10", 1, 100.02, 2)])), depths=[1, 2])
    assert table.groupby("distance")["count"].sum().tolist() == [0.0, 0.0]


def test_public_orders_of_known_intensity_are_calibrated():
    """4,000 orders in an hour at exponential depths of mean 1/0.3 ticks, seed 1.

    Rate at depth 0, both sides together: 4,000 in 3,600 s, so A = 0.556 a side.
    """
    rng = np.random.default_rng(1)
    clock = at("09:00") + pd.to_timedelta(np.sort(rng.uniform(1, 3599, 4000)), unit="s")
    side = rng.choice([-1.0, 1.0], 4000)
    mid = np.where(clock > at("09:10"), 100.02, 100.0)
    price = mid + side * 0.01 * rng.exponential(1 / 0.3, 4000)
    trades = pd.DataFrame({"time": clock, "side": side, "price": price, "size": 1.0})
    market = study(trades=trades.assign(symbol="X", seq=np.arange(4000) + 10))
    table = mm.trades_by_depth(market, block="1min")
    result = mm.calibrate_intensity(table)
    found = result.tidy().set_index("term")
    for name, truth in (("ln_A", np.log(4000 / 7200)), ("k", 0.3)):
        assert abs(found.loc[name, "estimate"] - truth) < 3 * found.loc[name, "std_error"]
    assert mm.calibrate_intensity(market, way="public trades").quantities["k"].unit == "1/tick"


@pytest.mark.bad_input("a market without own quotes", "orders whose side is not known")
def test_what_a_market_lacks_is_named():
    market = study(trades=prints(PRINTS))
    with pytest.raises(ValueError, match="no own_quotes"):
        mm.fills_by_distance(market)
    with pytest.raises(ValueError, match="fair must be one of mid, weighted_mid"):
        mm.trades_by_depth(market, fair="last")
    with pytest.raises(ValueError, match="width must be above 0"):
        mm.fills_by_distance(own_study(FILLS), width=0.0)
    with pytest.raises(ValueError, match="not 'N'"):
        mm.fills_by_distance(own_study(FILLS), account="N")
    with pytest.raises(ValueError, match="sign the trades"):
        mm.trades_by_depth(study(trades=prints(PRINTS[3:4])))
    with pytest.raises(ValueError, match="neither quotes nor a book"):
        mm.trades_by_depth(mm.Market(trades=prints(PRINTS)))
