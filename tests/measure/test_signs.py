from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "realdata"
LOBSTER = sorted((REAL / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")


def tape(prices, seconds=None, symbol="X", seq=None, **more):
    seconds = range(len(prices)) if seconds is None else seconds
    return pd.DataFrame(
        {
            "time": START + pd.to_timedelta(list(seconds), unit="s"),
            "seq": range(len(prices)) if seq is None else seq,
            "symbol": symbol,
            "price": [float(p) for p in prices],
            "size": 1.0,
            **more,
        }
    )


def quotes(bids, asks, seconds, symbol="X", seq=0):
    return pd.DataFrame(
        {
            "time": START + pd.to_timedelta(list(seconds), unit="s"),
            "seq": seq,
            "symbol": symbol,
            "bid": bids,
            "ask": asks,
            "bid_size": 5.0,
            "ask_size": 5.0,
        }
    )


def sides(signed):
    return signed["side"].tolist()


NAN = pytest.approx(np.nan, nan_ok=True)


def test_tick_carries_zero_ticks_and_leaves_the_first_trade_unknown():
    signed = mm.sign_trades(tape([10, 10, 11, 11, 11, 10, 10, 12]), rule="tick")
    assert sides(signed) == [NAN, NAN, 1, 1, 1, -1, -1, 1]
    assert signed["rule"].tolist() == ["", "", *["tick"] * 6]


def test_tick_starts_anew_each_day():
    signed = mm.sign_trades(tape([10, 11, 11, 10], [0, 1, 86400, 86401]), rule="tick")
    assert sides(signed) == [NAN, 1, NAN, -1]


def test_tick_takes_the_days_it_is_given_in_any_order_of_rows():
    trades = tape([10, 11, 12, 11])
    days = pd.Series([1, 1, 2, 2])
    assert sides(mm.sign_trades(trades, rule="tick", days=days)) == [NAN, 1, NAN, -1]
    turned = trades[::-1]
    assert sides(mm.sign_trades(turned, rule="tick", days=days[::-1])) == [NAN, 1, NAN, -1]


def test_tick_of_a_market_starts_anew_each_session_not_each_utc_date():
    # 16:00 to 02:00 in UTC: one session runs over midnight, the next opens the same UTC date
    trades = tape([10, 11, 12, 11], [12 * 3600, 15 * 3600, 30 * 3600, 31 * 3600])
    market = mm.Market(trades=trades, calendar="16:00-02:00 UTC")
    assert sides(mm.sign_trades(market, rule="tick")) == [NAN, 1, NAN, -1]
    over = mm.Market(trades=tape([10, 11], [12 * 3600, 15 * 3600]), calendar="16:00-02:00 UTC")
    assert sides(mm.sign_trades(over, rule="tick")) == [NAN, 1]
    assert sides(mm.sign_trades(over.trades, rule="tick")) == [NAN, NAN]


def test_tick_outside_the_sessions_does_not_reach_over_one():
    # before the open, in the session, after the close
    trades = tape([10, 11, 12, 11, 10], [-7200, -7100, 0, 60, 50000])
    market = mm.Market(trades=trades, calendar="09:30-16:00 UTC")
    assert sides(mm.sign_trades(market, rule="tick")) == [NAN, 1, NAN, -1, NAN]


def test_symbols_are_signed_apart():
    both = pd.concat([tape([10, 11, 10], [0, 2, 4], "X"), tape([5, 4, 6], [1, 3, 5], "Y")])
    signed = mm.sign_trades(both, rule="tick")
    assert signed["symbol"].tolist() == ["X", "Y"] * 3
    assert sides(signed) == [NAN, NAN, 1, -1, -1, 1]
    books = pd.concat([quotes([9.0], [11.0], [-1], "X"), quotes([3.0], [4.0], [2], "Y")])
    # Y has no quote before second 2: its first trade stays unknown
    assert sides(mm.sign_trades(both, books, rule="quote")) == [NAN, NAN, 1, 1, NAN, 1]


def test_quote_rule_by_hand():
    known = quotes([10.00, 10.02, np.nan], [10.02, 10.04, 10.06], [0, 5, 20])
    trades = tape(
        [10.02, 10.00, 10.01, 10.015, 10.005, 10.03, 10.04, 10.06], [1, 1, 2, 2, 3, 9, 9, 21]
    )
    signed = mm.sign_trades(trades, known, rule="quote")
    # the last but two is at the mid 10.03; the last meets a quote without a bid
    assert sides(signed) == [1, -1, NAN, 1, -1, NAN, 1, NAN]
    assert signed["rule"].tolist() == ["quote", "quote", "", "quote", "quote", "", "quote", ""]


def test_quote_rule_knows_only_the_quote_before_the_trade():
    known = quotes([10.00, 10.02], [10.02, 10.04], [0, 5], seq=[0, 3])
    trades = tape([10.02, 10.02], [5, 5], seq=[2, 4])
    # before the quote of its own instant at the ask, after it at the bid
    assert sides(mm.sign_trades(trades, known, rule="quote")) == [1, -1]


def test_a_price_on_the_mid_is_on_it_whatever_the_rounding():
    bid = np.arange(1, 2000) / 100
    ask = bid + 0.01
    at_mid = [float(f"{b + 0.005:.3f}") for b in bid]
    seconds = np.arange(len(bid))
    known = quotes(bid, ask, seconds)
    signed = mm.sign_trades(tape(at_mid, seconds + 0.5), known, rule="quote")
    assert signed["side"].isna().all()
    off = mm.sign_trades(tape(np.array(at_mid) + 1e-6, seconds + 0.5), known, rule="quote")
    assert (off["side"] == 1).all()


def test_lee_ready_by_hand():
    known = quotes([10.00], [10.02], [1])
    trades = tape([10.00, 10.01, 10.01, 10.02, 10.01, 10.01, 10.00], [0, 1, 2, 3, 4, 5, 6])
    signed = mm.sign_trades(trades, known)
    # no quote yet; at the quote's second but seq 1 > 0, at the mid after an uptick, carried;
    # at the ask; at the mid after a downtick, carried; at the bid
    assert sides(signed) == [NAN, 1, 1, 1, -1, -1, -1]
    names = ["", "tick", "tick", "quote", "tick", "tick", "quote"]
    assert signed["rule"].tolist() == names


@pytest.mark.parametrize("rule", ["lee_ready", "emo", "clnv"])
def test_without_quotes_a_rule_is_the_tick_test(rule):
    signed = mm.sign_trades(tape([10, 11, 11, 10]), rule=rule)
    pd.testing.assert_frame_equal(signed, mm.sign_trades(tape([10, 11, 11, 10]), rule="tick"))


# bid 10.00, ask 10.10: the outer 30 % begin at 10.07 and end at 10.03
PLACES = [10.05, 10.10, 10.09, 10.08, 10.07, 10.05, 10.03, 10.02, 10.00, 9.99, 10.12]


def test_emo_by_hand():
    signed = mm.sign_trades(tape(PLACES), quotes([10.00], [10.10], [-1]), rule="emo")
    # the tick test of the second on: up, then down six times, the last up; 9.99 and 10.12 outside
    assert sides(signed) == [NAN, 1, -1, -1, -1, -1, -1, -1, -1, -1, 1]
    names = ["", "quote", *["tick"] * 6, "quote", "tick", "tick"]
    assert signed["rule"].tolist() == names


def test_clnv_by_hand():
    signed = mm.sign_trades(tape(PLACES), quotes([10.00], [10.10], [-1]), rule="clnv")
    # 10.09 and 10.08 are buys though the price fell; 10.07 and 10.03 are the inner ends: tick test
    assert sides(signed) == [NAN, 1, 1, 1, -1, -1, -1, -1, -1, -1, 1]
    names = ["", "quote", "quote", "quote", "tick", "tick", "tick", "quote", "quote", "tick"]
    assert signed["rule"].tolist() == [*names, "tick"]


@pytest.mark.parametrize("rule", ["emo", "clnv"])
def test_quotes_that_are_locked_crossed_or_have_one_side_tell_nothing(rule):
    known = quotes([10.1, 10.2, 10.0, np.nan], [10.1, 10.1, np.nan, 10.1], [0, 2, 4, 6])
    trades = tape([10.0, 10.1, 10.2, 10.1, 10.0, 10.1], [0.5, 1, 3, 3.5, 5, 7])
    signed = mm.sign_trades(trades, known, rule=rule)
    assert sides(signed) == [NAN, 1, 1, -1, -1, 1]
    assert "quote" not in set(signed["rule"])


@pytest.mark.parametrize("rule", ["lee_ready", "quote", "tick", "emo", "clnv"])
def test_the_mirrored_tape_has_mirrored_signs_and_the_future_changes_none(rule):
    rng = np.random.default_rng(3)
    mid = 1_000 + np.cumsum(rng.choice([-1, 0, 1], 400))
    price = (mid + rng.integers(-3, 4, 400)) / 100
    seconds = np.arange(400)
    known = quotes((mid - 2) / 100, (mid + 2) / 100, seconds - 0.5)
    signed = mm.sign_trades(tape(price, seconds), known, rule=rule)
    turned = quotes((2_000 - mid - 2) / 100, (2_000 - mid + 2) / 100, seconds - 0.5)
    mirror = mm.sign_trades(tape((2_000 - 100 * price) / 100, seconds), turned, rule=rule)
    assert signed["side"].notna().mean() > 0.7
    np.testing.assert_array_equal(mirror["side"], -signed["side"])
    half = mm.sign_trades(tape(price[:200], seconds[:200]), known, rule=rule)
    pd.testing.assert_frame_equal(half, signed.iloc[:200])


def test_a_market_brings_its_quotes_or_the_best_of_its_book():
    trades, known = tape([10.0, 10.02], [1, 2]), quotes([10.0], [10.02], [0])
    book = known.rename(columns={c: f"{c}_1" for c in ("bid", "ask", "bid_size", "ask_size")})
    expected = mm.sign_trades(trades, known)
    assert sides(expected) == [-1, 1]
    for market in (mm.Market(trades=trades, quotes=known), mm.Market(trades=trades, book=book)):
        pd.testing.assert_frame_equal(mm.sign_trades(market), expected)
    other = quotes([10.02], [10.04], [0])
    assert sides(mm.sign_trades(mm.Market(trades=trades, quotes=known), other)) == [-1, -1]


def test_the_reported_side_is_kept_and_not_used():
    trades = tape([10, 11, 10], side=[-1, -1, np.nan])
    signed = mm.sign_trades(trades, rule="tick")
    assert sides(signed) == [NAN, 1, -1]
    assert signed["reported_side"].tolist() == [-1, -1, NAN]
    assert "reported_side" not in mm.sign_trades(tape([10, 11]), rule="tick")
    assert trades["side"].tolist() == [-1, -1, NAN]


def test_other_columns_stay():
    signed = mm.sign_trades(tape([10, 11], trade_id=["a", "b"], venue=["N", "Q"]), rule="tick")
    assert signed[["trade_id", "venue"]].to_numpy().tolist() == [["a", "N"], ["b", "Q"]]
    assert "_day" not in signed


def test_an_unknown_rule_and_a_rule_without_its_quotes():
    with pytest.raises(ValueError, match="lee_ready, quote, tick, emo, clnv"):
        mm.sign_trades(tape([10]), rule="lr")
    with pytest.raises(ValueError, match="needs quotes"):
        mm.sign_trades(tape([10]), rule="quote")


@pytest.mark.parametrize("lacking", ["trades", "quotes"])
def test_without_seq_nothing_is_signed(lacking):
    tables = {"trades": tape([10.0, 10.02], [1, 2]), "quotes": quotes([10.0], [10.02], [0])}
    tables[lacking] = tables[lacking].drop(columns="seq")
    with pytest.raises(mm.SchemaError, match=f"{lacking}.seq"):
        mm.sign_trades(tables["trades"], tables["quotes"])


def test_no_trades():
    for known in (None, quotes([10.0], [10.02], [0])):
        signed = mm.sign_trades(tape([10.0]).iloc[:0], known)
        assert signed.empty
        assert {"side", "rule"} <= set(signed)


NIGHT = 86_400


@pytest.mark.parametrize("rule", ["quote", "lee_ready", "emo", "clnv"])
def test_last_nights_quote_tells_nothing_before_the_sessions_first(rule):
    # the quote of Tuesday 15:59:50; a trade on Wednesday at 09:30:05, before the first quote there
    close, open_ = 6 * 3600 - 10, NIGHT - 1800
    trades = tape([10.02, 10.02, 10.00], [close + 5, open_ + 5, open_ + 15])
    known = quotes([10.0, 10.0], [10.02, 10.02], [close, open_ + 10])
    hours = mm.Market(trades=trades, quotes=known, calendar="09:30-16:00 UTC")
    signed = mm.sign_trades(hours, rule=rule)
    assert sides(signed) == [1, NAN, -1]
    assert signed["rule"].tolist() == ["quote", "", "quote"]
    # spreads and quoted trades say the same
    assert mm.spreads(hours, sides="reported")["apart"].tolist() == ["", "no quote before", ""]
    assert mm.quoted_trades(hours)["bid"].tolist() == [10.0, NAN, 10.0]
    # the aggregate maker's fills follow: in memory, and day by day as saved
    assert mm.infer_fills(hours, rule=rule)["side"].tolist() == [-1, 1]


def test_where_nothing_closes_the_quote_of_the_day_before_stands_at_midnight():
    late, early = 14 * 3600 - 10, 14 * 3600  # 23:59:50, and midnight
    trades = tape([10.02, 10.0, 10.0], [late + 5, early + 5, early + 2 * NIGHT + 5])
    known = quotes([10.0], [10.02], [late])
    market = mm.Market(trades=trades, quotes=known, calendar="24/7")
    for given in ((market,), (trades, known)):  # a bare table is as of 24/7
        assert sides(mm.sign_trades(*given, rule="quote")) == [1, -1, NAN]
        # after a whole day without a quote the record has a gap
        assert mm.spreads(*given)["apart"].tolist() == ["", "", "no quote before"]
    assert mm.quoted_trades(market)["bid"].tolist() == [10.0, 10.0, NAN]
    # where sessions are dates that know no clock, each begins without a quote
    dated = mm.Market(trades=trades, quotes=known, calendar="dates")
    assert sides(mm.sign_trades(dated, rule="quote")) == [1, NAN, NAN]


def test_between_two_sessions_the_quotes_of_the_evening_stand():
    # after the close: a quote of after it, and the session's own, which a later one replaces
    hours, close = "09:30-16:00 UTC", 6 * 3600
    trades = tape([10.02, 10.02], [close + 5, close + 15])
    known = quotes([10.0, 10.0], [10.02, 10.02], [close - 10, close + 10])
    market = mm.Market(trades=trades, quotes=known, calendar=hours)
    assert sides(mm.sign_trades(market, rule="quote")) == [NAN, 1]
    # an event at the close's own instant is the session's
    at_close = mm.Market(trades=tape([10.02], [close]), quotes=known, calendar=hours)
    assert sides(mm.sign_trades(at_close, rule="quote")) == [1]


@pytest.mark.parametrize("calendar", ["24/7", "09:30-16:00 UTC", "16:00-02:00 UTC"])
def test_the_makers_fills_are_the_same_day_by_day(calendar, tmp_path):
    rng = np.random.default_rng(8)
    seconds = np.sort(rng.uniform(0, 6 * NIGHT, 600))
    seconds = seconds[seconds % NIGHT > 5_000]
    if calendar == "24/7":  # two days without a quote
        seconds = seconds[(seconds // NIGHT != 2) & (seconds // NIGHT != 3)]
    if calendar.startswith("09"):  # prints between two sessions are parted at midnight
        seconds = seconds[seconds % NIGHT < 50_000]
    price = 10 + 0.01 * rng.integers(0, 3, len(seconds))
    quoted = np.sort(rng.choice(seconds, 40, replace=False)) - 0.5
    known = quotes(10.0 + 0 * quoted, 10.02 + 0 * quoted, quoted)
    trades = tape(price, seconds, side=np.nan)
    market = mm.Market(trades=trades, quotes=known, calendar=calendar)
    market.save(tmp_path / "m", by="day")
    whole, parts = (
        mm.panel(m, freq="1h", account="aggregate maker") for m in (market, mm.open(tmp_path / "m"))
    )
    pd.testing.assert_frame_equal(whole, parts)


@pytest.mark.skipif(len(LOBSTER) != 2, reason="needs the LOBSTER sample of AMZN, 2012-06-21")
def test_visible_executions_of_a_real_day_are_all_signed_right():
    # each trades at the best of the resting side just before it, so the quote rule cannot err
    market = mm.load.lobster(*LOBSTER)
    signed = mm.sign_trades(market, rule="quote").set_index("seq")
    visible = market.orders.loc[market.orders["event"] == "fill", "seq"]
    seen = signed.loc[visible]
    assert len(seen) == 8974
    assert (seen["side"] == seen["reported_side"]).all()
    assert (seen["side"] * seen["size"]).sum() == -19_300
