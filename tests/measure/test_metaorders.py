"""Large orders: runs by hand, prices before and after, volume and volatility, the public proxy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

OPEN = pd.Timestamp("2024-03-04 15:00", tz="UTC")


def at(seconds: list[float]) -> pd.DatetimeIndex:
    return OPEN + pd.to_timedelta(seconds, unit="s")


@pytest.fixture
def market() -> mm.Market:
    """A buys 3 and 2 (and after a pause 4), sells 1; the mid goes 100, 101, 102 around that.

    5 + 4 units are bought at 10, 20 and 400 seconds; a day before, prices move by 1 % and back.
    """
    early = at([-86400, -86000, -85600])
    trades = pd.DataFrame(
        {
            "time": early.append(at([10, 20, 400, 410])),
            "seq": [1, 2, 3, 15, 25, 45, 55],
            "symbol": "X",
            "price": [100.0, 101.0, 100.0, 100.5, 101.5, 102.0, 102.0],
            "size": [5.0, 5.0, 5.0, 3.0, 2.0, 4.0, 1.0],
            "side": [1.0, 1.0, -1.0, 1.0, 1.0, 1.0, -1.0],
        }
    )
    fills = trades.iloc[3:].assign(account="A")
    mids = pd.DataFrame({"time": at([0, 10, 20, 399, 500]), "seq": [10, 16, 26, 44, 90]})
    mids = mids.assign(symbol="X", bid=[99.0, 100, 101, 101, 101], bid_size=1.0, ask_size=1.0)
    return mm.Market(trades=trades, fills=fills, quotes=mids.assign(ask=mids["bid"] + 2))


def test_by_hand(market):
    found = mm.metaorders(market, fewest=1)
    assert found["fills"].tolist() == [2, 1, 1]
    assert found["side"].tolist() == [1, 1, -1]
    assert found["quantity"].tolist() == [5, 4, 1]
    assert found["volume"].tolist() == [10, 10, 10]
    assert found["size"].tolist() == [0.5, 0.4, 0.1]
    assert found["price_before"].tolist() == [100, 102, 102]
    # a second after its last fill, the quote of that fill's instant included
    assert found["price_after"].tolist() == [102, 102, 102]
    day_before = mm.realized_variance(market)["rv_step"].iloc[0]
    assert found["sigma_bps"].tolist() == pytest.approx([np.sqrt(day_before)] * 3)
    assert found["impact"].iloc[0] == pytest.approx(1e4 * np.log(1.02) / np.sqrt(day_before))
    assert not found[["proxy", "own_session"]].any(axis=None)


def test_pauses_and_few_fills(market):
    assert mm.metaorders(market)["fills"].tolist() == [2]
    assert mm.metaorders(market).attrs["dropped"]["of fewer than 2 fills"] == 2
    assert mm.metaorders(market, gap="1h", fewest=1)["fills"].tolist() == [3, 1]
    assert mm.metaorders(market, gap="5s", fewest=1)["fills"].tolist() == [1, 1, 1, 1]


def test_sales_have_impact_downward(market):
    tables = {name: market[name] for name in ("trades", "fills", "quotes")}
    turned = {n: t.assign(side=-t["side"]) if "side" in t else t for n, t in tables.items()}
    found, base = mm.metaorders(mm.Market(**turned)), mm.metaorders(market)
    assert found["side"].tolist() == [-1]
    assert found["impact"].tolist() == pytest.approx((-base["impact"]).tolist())


def test_the_public_tape_is_a_proxy_and_the_first_session_its_own(market):
    public = mm.Market(trades=market["trades"], quotes=market["quotes"])
    found = mm.metaorders(public)
    assert found["proxy"].all()
    assert set(found["account"]) == {"public tape"}
    # the same where there are fills, if the tape is asked for
    pd.testing.assert_frame_equal(mm.metaorders(market, of="trades"), found)
    assert not mm.metaorders(market)["proxy"].any()
    # the first day has no quote before its trades
    assert set(found["day"]) == {pd.Timestamp("2024-03-04")}
    trades = mm.metaorders(mm.Market(trades=market["trades"]), fewest=1)
    assert trades["own_session"].tolist() == [True, True, False, False]
    # without quotes prices are of trades: each day's first order has none before it
    assert trades["price_before"].tolist() == [100, 101, 101.5, 102]


@pytest.mark.bad_input("no trades", "no fills", "an account that is not there")
def test_bad_input(market):
    with pytest.raises(ValueError, match="the market has no trades"):
        mm.metaorders(mm.Market(fills=market["fills"]))
    with pytest.raises(ValueError, match="no fill of the account B"):
        mm.metaorders(market, account="B")
    with pytest.raises(ValueError, match="the market has no fills"):
        mm.metaorders(mm.Market(trades=market["trades"]), account="A")
    with pytest.raises(ValueError, match="public prints are of no account"):
        mm.metaorders(market, account="A", of="trades")
    with pytest.raises(ValueError, match="of must be"):
        mm.metaorders(market, of="tape")
    with pytest.raises(ValueError, match="gap must be above 0"):
        mm.metaorders(market, fewest=0)


def test_a_known_law_end_to_end():
    """Orders of two prints each move the mid by the square root of their share of volume."""
    rng = np.random.default_rng(1)
    frames, days = [], pd.bdate_range("2024-03-04", periods=12)
    for number, day in enumerate(days):
        count = 60
        size = 10.0 ** rng.uniform(0, 2.5, count)
        side = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
        frames.append((day, size, side, number))
    volumes = [2 * size.sum() for _, size, _, _ in frames]
    quotes, trades = [], []
    for (day, size, side, _), volume in zip(frames, volumes, strict=True):
        opening = day.tz_localize("UTC") + pd.Timedelta("15h")
        move = 0.8 * 0.01 * np.sqrt(2 * size / volume) * side + 0.0003 * rng.standard_normal(60)
        mid = 100 * np.exp(np.cumsum(np.append(0.0, move)))
        second = pd.to_timedelta(60 * np.arange(61), unit="s")
        quotes.append(
            pd.DataFrame({"time": opening + second, "bid": mid - 0.01, "ask": mid + 0.01})
        )
        for k in (30, 59):
            time = opening + second[:-1] + pd.Timedelta(k, "s")
            trades.append(
                pd.DataFrame({"time": time, "price": mid[:-1], "size": size, "side": side})
            )
    tape = pd.concat(trades).sort_values("time").reset_index(drop=True)
    book = pd.concat(quotes).reset_index(drop=True).assign(bid_size=1.0, ask_size=1.0)
    market = mm.Market(
        trades=tape.assign(symbol="X", seq=np.arange(len(tape))),
        quotes=book.assign(symbol="X", seq=np.arange(len(book))),
    )
    found = mm.metaorders(market, gap="31s")
    assert found["fills"].eq(2).all()
    later = found[~found["own_session"]]
    scaled = later.assign(impact=later["impact"] * later["sigma_bps"] / 100)
    law = mm.impact_law(scaled)
    row = law.table.set_index("term")
    assert abs(row.loc["delta", "estimate"] - 0.5) < 3 * row.loc["delta", "std_error"]
    assert row.loc["prefactor", "estimate"] == pytest.approx(0.8, rel=0.2)
    assert "public_tape_proxy" in law.flags
