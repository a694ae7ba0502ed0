"""How liquidity was provided: by hand to the nanosecond, by conservation, the long way round."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

NAN = np.nan
HOURS = "09:30-09:34 UTC"  # four bars of a minute
OWN = ["two_sided", "one_sided", "absent", "own_crossed"]


def at(text: str) -> pd.Timestamp:
    return pd.Timestamp(text if text.startswith("20") else f"2024-01-02 {text}", tz="UTC")


def quotes(*rows: tuple, **constants: object) -> pd.DataFrame:
    """time, bid, ask, bid_size, ask_size."""
    table = pd.DataFrame(rows, columns=["time", "bid", "ask", "bid_size", "ask_size"], dtype=object)
    table = table.astype(dict.fromkeys(table.columns[1:], float))
    table = table.assign(time=[at(t) for t in table["time"]], seq=range(len(table)))
    return table.assign(**{"symbol": "X"} | constants)


def prints(*rows: tuple, **constants: object) -> pd.DataFrame:
    """time, price, size, side."""
    table = pd.DataFrame(rows, columns=["time", "price", "size", "side"])
    table = table.assign(time=[at(t) for t in table["time"]], seq=range(100, 100 + len(table)))
    return table.assign(**{"symbol": "X"} | constants)


BEST = quotes(
    ("09:29:00", 99, 101, 1, 1),  # before the session: not carried into it
    ("09:30:10", 99.9, 100.1, 10, 30),  # 20 bps, depth 20; 10 s of no market quote before it
    ("09:31:30", 100.0, 100.0, 10, 10),  # locked
    ("09:32:00", 100.2, 100.1, 5, 5),  # crossed for 15 s
    ("09:32:15", NAN, 100.1, NAN, 10),  # one-sided for 15 s
    ("09:32:30", 99.9, 100.1, 10, 10),
)
MINE = quotes(
    ("09:30:00.000000001", 99.9, 100.2, 5, 7),  # bid at the touch, ask 10 bps behind
    ("09:30:40", 99.9, 100.1, 5, 7),  # both at the touch
    ("09:31:00", NAN, 100.1, NAN, 6),  # no bid
    ("09:31:45", NAN, NAN, NAN, NAN),  # away
    ("09:32:45", 99.9, 100.1, 0, 4),  # a bid of nothing is no bid
    ("09:33:00", 100.3, 100.2, 4, 4),  # crossed: a fault
    ("09:33:30", 99.8, 100.1, 4, NAN),  # a size that is not known
    account="M",
)
FILLS = prints(
    ("09:30:50", 99.9, 3, 1),
    ("09:31:00", 100.1, 1, -1),  # at the edge: of the bar that ends there
    ("09:33:59", 100.1, 4, -1),
    account="M",
    maker=[True, False, True],
    fee=0.0,
)
TAPE = prints(("09:30:05", 100, 4, 1), ("09:30:50", 99.9, 3, -1), ("09:31:00", 100.1, 1, 1))
TAPE = pd.concat([TAPE, prints(("09:33:59", 100.1, 4, 1)).assign(seq=103)], ignore_index=True)


def market(**tables: object) -> mm.Market:
    given = {"quotes": BEST, "own_quotes": MINE, "fills": FILLS, "trades": TAPE}
    given = {name: table for name, table in (given | tables).items() if table is not None}
    return mm.Market(calendar=HOURS, **given)


def found(**tables: object) -> pd.DataFrame:
    return mm.provision(market(**tables))


def near(values: pd.Series, wanted: list) -> None:
    np.testing.assert_allclose(values.to_numpy(float), wanted, rtol=1e-12, atol=1e-15)


def test_the_contract_is_what_is_returned():
    table = found()
    assert table.columns.tolist() == mm.PROVISION["column"].tolist()
    assert mm.PROVISION.columns.tolist() == mm.PANEL.columns.tolist()
    assert not mm.PROVISION.isna().any().any()
    assert mm.PROVISION["known"].isin(["start", "end"]).all()


def test_rows_are_those_of_the_panel():
    table, panel = found(), mm.panel(market())
    shared = [c for c in table if c in panel and c not in ("spread_bps", "depth")]
    pd.testing.assert_frame_equal(table[shared], panel[shared], check_flags=False)


def test_presence_by_hand_to_the_nanosecond():
    table = found()
    near(table["seconds"], [60, 60, 60, 60])
    # the first quote came a nanosecond after the open
    near(table["two_sided"], [(60 - 1e-9) / 60, 0, 0, 0.5])
    near(table["absent"], [1e-9 / 60, 0.25, 0.75, 0])
    near(table["one_sided"], [0, 0.75, 0.25, 0])
    near(table["own_crossed"], [0, 0, 0, 0.5])
    assert table.attrs["left_out"]["crossed own quotes"] == 1


def test_the_touch_by_hand():
    table = found()
    near(table["touch_known"], [50 / 60, 1, 0.5, 1])
    near(table["market_locked"], [0, 0.5, 0, 0])
    near(table["market_crossed"], [0, 0, 0.25, 0])
    near(table["market_one_sided"], [0, 0, 0.25, 0])
    # bid at the best from 09:30:10 to 31:00; the ask from 30:40 to 31:30, and 32:45 to 33:00
    near(table["at_touch_bid"], [1, 0, 0, 0])
    near(table["at_touch_ask"], [20 / 50, 30 / 60, 15 / 30, 30 / 60])
    near(table["at_touch"], [20 / 50, 0, 0, 0])


def test_distance_by_hand():
    table = found()
    # 30 s of 10 bps behind the best ask, then 20 s of none; of the bid 50 s of none
    near(table["distance_ask_bps"], [30 * 10 / 50, 15 * 10 / 45, 0, 0])
    near(table["distance_bid_bps"], [0, NAN, NAN, 10])
    near(table["distance_bps"], [30 * 10 / 100, 15 * 10 / 45, 0, (30 * 10 + 0) / 60])


def test_own_spread_by_hand():
    wide, narrow = (1e4 * (ask - 99.9) / ((ask + 99.9) / 2) for ask in (100.2, 100.1))
    first = (40 - 1e-9) / (60 - 1e-9)
    last = 1e4 * (100.1 - 99.8) / ((100.1 + 99.8) / 2)
    near(found()["own_spread_bps"], [first * wide + (1 - first) * narrow, NAN, NAN, last])


def test_better_than_the_market_is_at_the_touch_and_less_than_no_distance():
    own = MINE.iloc[:1].assign(bid=99.95, ask=100.0)
    table = found(own_quotes=own)
    assert table["at_touch"].iloc[0] == 1
    near(table["distance_bid_bps"].iloc[:1], [-1e4 * 0.05 / 100])
    near(table["distance_ask_bps"].iloc[:1], [-1e4 * 0.1 / 100])


def test_depth_by_hand():
    table = found()
    near(table["spread_bps"], [20, 10, 20, 20])
    near(table["depth"], [20, (30 * 20 + 30 * 10) / 60, 10, 10])
    first = (60 - 1e-9) * 6 / 60
    # the bid is worth 0 while it is not quoted; in the last bar half the time has a size known
    near(table["own_depth"], [first, 45 * 3 / 60, 15 * 2 / 60, 4])
    # at the touch: 30 s of 5/2, then 20 s of 6, of 50 s of 20
    near(table["depth_share"].iloc[:1], [(30 * 2.5 + 20 * 6) / (50 * 20)])
    # 30 s of 6/2 at the ask, of 30 s of 20 and 30 s of 10
    near(table["depth_share"].iloc[1:2], [30 * 3 / (30 * 20 + 30 * 10)])


def test_participation_and_passive_share_by_hand():
    table = found()
    near(table["participation"], [4 / 8, NAN, NAN, 1])
    near(table["passive_share"], [3 / 4, NAN, NAN, 1])
    no_role = FILLS.assign(maker=pd.Series([None, False, None], dtype="boolean"))
    near(found(fills=no_role)["passive_share"], [0, NAN, NAN, NAN])


def test_of_one_instant_the_last_stands():
    own = quotes(("09:30:10", 99, 101, 1, 1), ("09:30:10", 99.9, 100.1, 1, 1), account="M")
    near(found(own_quotes=own)["at_touch"].iloc[:1], [1])
    turned = own.assign(seq=[1, 0])
    near(found(own_quotes=turned)["at_touch"].iloc[:1], [0])


def test_no_quote_crosses_the_night():
    night = prints(("2024-01-03 09:30:30", 100, 1, 1)).assign(seq=200)
    fill = FILLS.iloc[:1].assign(time=night["time"].to_numpy(), seq=200)
    fill["time"] = fill["time"].dt.tz_convert("UTC")
    both = {"trades": pd.concat([TAPE, night]), "fills": pd.concat([FILLS, fill])}
    table = found(**both, own_quotes=MINE.iloc[:2])
    day = table[table["day"] == pd.Timestamp("2024-01-03")]
    assert day["absent"].tolist() == [1.0] * len(day)
    assert day["touch_known"].tolist() == [0.0] * len(day)
    assert day[["at_touch", "spread_bps", "distance_bps"]].isna().all(axis=None)


def halts(*rows: tuple) -> pd.DataFrame:
    """time, event, code."""
    table = pd.DataFrame(rows, columns=["time", "event", "halt"])
    table = table.assign(time=[at(t) for t in table["time"]], seq=range(300, 300 + len(table)))
    return table.assign(symbol="X", order_id="0", side=np.nan, price=np.nan, size=np.nan)


def test_a_halt_is_kept_apart():
    orders = halts(("09:30:30", "halt", -1.0), ("09:30:40", "halt", 0.0), ("09:30:50", "halt", 1.0))
    table = found(orders=orders)
    near(table["market_halted"], [20 / 60, 0, 0, 0])
    near(table["touch_known"].iloc[:1], [30 / 60])
    # 30:10 to 30:30 ask behind, then 30:50 to 31:00 at the touch
    near(table["at_touch"].iloc[:1], [10 / 30])
    assert "market_halted" not in table.attrs["unknown"]


def test_what_orders_tell_is_that_of_cancellations():
    orders = halts(("09:30:30", "add", NAN), ("09:30:31", "add", NAN), ("09:30:32", "delete", NAN))
    orders = orders.drop(columns="halt").assign(price=99.9, size=2.0, side=1.0)
    orders["order_id"] = ["1", "2", "2"]
    table = found(orders=orders)
    pulled = mm.cancellations(market(orders=orders)).set_index("bar")
    for name in ("pulled_per_second", "pulled_share", "fleeting_share", "order_to_trade"):
        np.testing.assert_array_equal(table[name], pulled[name].reindex(table["bar"]))
    assert table["pulled_per_second"].iloc[0] == 2 / 60
    assert table["fleeting_share"].iloc[0] == 1 / 2


def test_a_halt_without_codes_ends_with_the_next_event():
    orders = halts(("09:30:30", "halt", NAN), ("09:30:35", "add", NAN), ("09:32:00", "add", NAN))
    orders["price"], orders["size"], orders["side"] = 100.0, 1.0, 1.0
    near(found(orders=orders)["market_halted"], [5 / 60, 0, 0, 0])
    open_end = halts(("09:33:30", "halt", -1.0))
    near(found(orders=open_end)["market_halted"], [0, 0, 0, 0.5])


def test_what_a_market_lacks_is_missing_and_said():
    plain = found(own_quotes=None, fills=None)
    assert plain["account"].unique().tolist() == ["aggregate maker"]
    assert plain[[*OWN, "at_touch", "distance_bps", "own_depth"]].isna().all(axis=None)
    assert plain["spread_bps"].notna().any()
    why = plain.attrs["unknown"]
    assert "own_quotes" in why["at_touch"]
    assert "passive by definition" in why["passive_share"]
    blind = found(quotes=None)
    assert blind["two_sided"].notna().all()
    assert blind[["at_touch", "distance_bps", "spread_bps", "depth_share"]].isna().all(axis=None)
    assert "no quotes" in blind.attrs["unknown"]["at_touch"]
    dated = mm.Market(trades=TAPE, fills=FILLS, calendar="dates")
    told = mm.provision(dated, freq="1D")
    assert told["two_sided"].isna().all()
    assert "no clock" in told.attrs["unknown"]["spread_bps"]
    assert told["participation"].tolist() == [8 / 12]


def test_an_account_that_never_quoted_is_not_absent():
    other = FILLS.assign(account="N", seq=FILLS["seq"] + 50)
    table = found(fills=pd.concat([FILLS, other]).sort_values(["time", "seq"]))
    assert table.loc[table["account"] == "N", OWN].isna().all(axis=None)
    assert table.loc[table["account"] == "M", OWN].notna().all(axis=None)


def test_what_is_outside_and_of_auctions_is_counted():
    late = MINE.iloc[:1].assign(time=at("09:35:00"), seq=50)
    table = found(
        own_quotes=pd.concat([MINE, late]),
        trades=TAPE.assign(event=["cross", None, None, None]),
    )
    assert table.attrs["left_out"] == {
        "own quotes outside every session": 1,
        "market quotes outside every session": 1,
        "crossed own quotes": 1,
        "crossed market quotes": 1,
        "auction prints, in market_volume": 1,
    }


def test_round_the_clock_only_what_was_observed():
    table = mm.provision(_round_the_clock())
    assert table["seconds"].iloc[0] == 15  # from the record's first event
    near(table["two_sided"].iloc[:1], [1])


def _round_the_clock() -> mm.Market:
    own = quotes(("10:00:45", 99.9, 100.1, 1, 1), account="M")
    fill = FILLS.iloc[:1].assign(time=at("10:02:30"))
    return mm.Market(own_quotes=own, fills=fill, calendar="24/7")


def test_refused():
    with pytest.raises(ValueError, match="no account"):
        mm.provision(market(), account="Z")
    with pytest.raises(ValueError, match="not understood"):
        mm.provision(market(), freq="soon")


# --- conservation, and the long way round ---------------------------------------------------------


def _random(seed: int, calendar: str) -> mm.Market:
    rng, n = np.random.default_rng(seed), 600
    start = pd.Timestamp("2024-03-07 12:00", tz="UTC")
    seconds = np.sort(rng.integers(0, 2 * 86_400, n))
    time = pd.Series(start + pd.to_timedelta(seconds, unit="s")).astype("datetime64[ns, UTC]")
    base = pd.DataFrame({"time": time, "seq": np.arange(n), "symbol": rng.choice(["X", "Y"], n)})
    mid = 100 + 0.01 * rng.integers(-3, 4, n)
    best = base.assign(bid=mid - 0.01, ask=mid + 0.01 * rng.integers(-2, 3, n), bid_size=5.0)
    best = best.assign(ask_size=rng.integers(0, 9, n) * 1.0)
    best["bid"] = best["bid"].mask(rng.random(n) < 0.1)
    own = base.assign(account=rng.choice(["A", "B"], n), seq=base["seq"] + n)
    own = own.assign(bid=mid - 0.01 * rng.integers(-1, 3, n), ask=mid + 0.01, bid_size=4.0)
    own = own.assign(ask_size=3.0)
    own["ask"] = own["ask"].mask(rng.random(n) < 0.2)
    fills = own.sample(80, random_state=seed).sort_index()[["time", "symbol", "account"]]
    fills = fills.assign(seq=np.arange(80) + 2 * n, side=rng.choice([1, -1], 80), price=100.0)
    fills = fills.assign(size=1.0, maker=rng.random(80) < 0.5)
    return mm.Market(quotes=best, own_quotes=own, fills=fills, calendar=calendar)


@pytest.mark.parametrize("calendar", ["24/7", "09:30-16:00 America/New_York", "18:00-17:00 UTC"])
@pytest.mark.parametrize("freq", ["7min", "1h"])
def test_states_of_a_bar_are_its_time(calendar, freq):
    table = mm.provision(_random(1, calendar), freq=freq)
    times = table[OWN].mul(table["seconds"], axis=0) * 1e9
    whole = (table["seconds"] * 1e9).round()
    np.testing.assert_allclose(times.sum(axis=1), whole, atol=0.5)
    length = (table["end"] - table["start"]).dt.total_seconds()
    assert (table["seconds"] <= length).all()
    assert (table["seconds"] == length).mean() > (0.9 if calendar == "24/7" else 0.999)
    touch = table[table["touch_known"] > 0]
    sides = touch[["at_touch_bid", "at_touch_ask"]]
    assert (touch["at_touch"] <= sides.min(axis=1) + 1e-12).all()
    assert (touch["at_touch"] >= sides.sum(axis=1) - 1 - 1e-12).all()
    apart = table[["touch_known", "market_crossed", "market_one_sided"]].sum(axis=1)
    assert apart.between(0, 1 + 1e-12).all()


@pytest.mark.parametrize("seed", [2, 3])
def test_the_long_way_round(seed):
    """Every second of the sessions by itself; all changes are on whole seconds."""
    market = _random(seed, "09:30-16:00 UTC")
    table = mm.provision(market, freq="1h").set_index(["account", "symbol", "start"])
    for (account, symbol, start), row in table.iterrows():
        own = market.own_quotes
        own = own[(own["account"] == account) & (own["symbol"] == symbol)]
        best = market.quotes[market.quotes["symbol"] == symbol]
        opened = start.normalize() + pd.Timedelta("9h30min")
        clock = pd.DataFrame({"time": pd.date_range(start, row["end"], freq="s", inclusive="left")})
        clock["time"] = clock["time"].astype("datetime64[ns, UTC]")
        here = [
            t[t["time"] >= opened][["time", "bid", "ask", "bid_size", "ask_size"]]
            for t in (best, own)
        ]
        now = pd.merge_asof(clock, here[0], on="time")
        now = pd.merge_asof(now, here[1], on="time", suffixes=("", "_own"))
        bid, ask = (now[s].where(now[f"{s}_size"] != 0) for s in ("bid", "ask"))
        known = bid.notna() & ask.notna() & (bid <= ask)
        assert row["touch_known"] == pytest.approx(known.mean(), abs=1e-12)
        crossed = now["bid_own"] > now["ask_own"]
        at = {
            "bid": known & ~crossed & (now["bid_own"] >= bid - 1e-9),
            "ask": known & ~crossed & (now["ask_own"] <= ask + 1e-9),
        }
        for side, held in at.items():
            wanted = held.sum() / known.sum() if known.any() else NAN
            assert row[f"at_touch_{side}"] == pytest.approx(wanted, abs=1e-12, nan_ok=True)
        far = (1e4 * (bid - now["bid_own"]) / ((bid + ask) / 2)).where(known & ~crossed)
        assert row["distance_bid_bps"] == pytest.approx(far.mean(), abs=1e-8, nan_ok=True)
        both = now["bid_own"].notna() & now["ask_own"].notna() & ~crossed
        assert row["two_sided"] == pytest.approx(both.mean(), abs=1e-12)


def test_a_market_saved_by_day_is_the_same(tmp_path):
    for calendar, freq in (("24/7", "7min"), ("09:30-16:00 UTC", "1h"), ("18:00-17:00 UTC", "1h")):
        whole = _random(4, calendar)
        folder = tmp_path / calendar.replace("/", "-").replace(" ", "")
        whole.save(folder, by="day")
        daily = mm.open(folder)
        assert daily.by_day
        here, there = (mm.provision(m, freq=freq) for m in (whole, daily))
        pd.testing.assert_frame_equal(there, here, atol=1e-9)
        assert there.attrs == here.attrs


def test_mirror():
    """Buys are sells: a bid b is an ask 200 - b; every share and distance changes sides."""

    def turned(table: pd.DataFrame) -> pd.DataFrame:
        sizes = {"bid_size": table["ask_size"], "ask_size": table["bid_size"]}
        return table.assign(bid=200 - table["ask"], ask=200 - table["bid"], **sizes)

    here = _random(5, "09:30-16:00 UTC")
    there = here.replace(quotes=turned(here.quotes), own_quotes=turned(here.own_quotes))
    a, b = mm.provision(here, freq="1h"), mm.provision(there, freq="1h")
    for side, other in (("bid", "ask"), ("ask", "bid")):
        pd.testing.assert_series_equal(
            a[f"at_touch_{side}"], b[f"at_touch_{other}"], check_names=False
        )
    for name in ("two_sided", "absent", "at_touch", "own_depth", "depth_share", "touch_known"):
        np.testing.assert_allclose(a[name], b[name], atol=1e-12)


def test_sample_spread_and_depth_are_the_panels():
    market = mm.sample()
    table, panel = (f(market, freq="5min") for f in (mm.provision, mm.panel))
    for name in ("spread_bps", "depth"):
        np.testing.assert_allclose(table[name], panel[name], rtol=1e-12)
    assert (table[OWN].sum(axis=1) - 1).abs().max() < 1e-12
