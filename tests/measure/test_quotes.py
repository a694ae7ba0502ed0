"""Mid, weighted mid, order flow imbalance and their bars, by hand and in both directions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmresearch.measure import bars as b
from mmresearch.measure.blocks import of_table
from mmresearch.measure.quotes import QUOTE, mid, order_flow_imbalance, quote_bars, weighted_mid
from mmresearch.sessions import session_table

NAN = np.nan
CALENDAR = "09:00-09:03 UTC"


def _quotes(*rows: tuple) -> pd.DataFrame:
    """Rows of bid, ask, bid_size, ask_size."""
    return pd.DataFrame(rows, columns=["bid", "ask", "bid_size", "ask_size"], dtype="float64")


def _at(quotes: pd.DataFrame, *times: str) -> pd.DataFrame:
    """The quotes at these times of 2024-01-02, or at full times."""
    texts = [t if t.startswith("2024") else f"2024-01-02 {t}" for t in times]
    clock = pd.to_datetime(texts, utc=True, format="ISO8601").as_unit("ns")
    return quotes.assign(time=clock, seq=np.arange(len(quotes)))


def _bars(quotes: pd.DataFrame, freq: str = "1min", *more: str) -> pd.DataFrame:
    extra = pd.Series(pd.to_datetime(list(more), utc=True)).dt.as_unit("ns")
    times = pd.concat([quotes["time"], extra], ignore_index=True)
    bars = b.cut(b.parse_freq(freq), session_table(CALENDAR, times), None)
    return pd.DataFrame(quote_bars([of_table(quotes, QUOTE)], bars)[0])


def _mirror(quotes: pd.DataFrame) -> pd.DataFrame:
    """Bids for asks: the same market seen from the other side, prices about 100."""
    return quotes.assign(
        bid=200 - quotes["ask"],
        ask=200 - quotes["bid"],
        bid_size=quotes["ask_size"],
        ask_size=quotes["bid_size"],
    )


def test_mid_needs_both_sides():
    quotes = _quotes((99, 101, 1, 1), (99, NAN, 1, NAN), (NAN, 101, NAN, 1))
    np.testing.assert_array_equal(mid(quotes), [100, NAN, NAN])


def test_weighted_mid_leans_to_the_thin_side():
    """(101*9 + 99*1)/10 = 100.8: much bid for, so near the ask; and the mirror, 99.2."""
    quotes = _quotes((99, 101, 9, 1), (99, 101, 1, 9), (99, 101, 0, 0), (99, NAN, 1, NAN))
    np.testing.assert_allclose(weighted_mid(quotes), [100.8, 99.2, NAN, NAN])


CASES = {
    "5 added to the bid": ((99, 101, 4, 6), (99, 101, 9, 6), 5),
    "5 taken from the bid": ((99, 101, 9, 6), (99, 101, 4, 6), -5),
    "bid up, 7 there": ((99, 101, 4, 6), (100, 101, 7, 6), 7),
    "bid down, 4 gone, 9 there": ((99, 101, 4, 6), (98, 101, 9, 6), -4),
    "ask up, 6 gone": ((99, 101, 4, 6), (99, 102, 4, 8), 6),
    "ask down, 3 there": ((99, 101, 4, 6), (99, 100, 4, 3), -3),
    "both move up": ((99, 101, 4, 6), (100, 102, 7, 8), 13),
    "nothing": ((99, 101, 4, 6), (99, 101, 4, 6), 0),
    "bid appears": ((NAN, 101, NAN, 6), (99, 101, 4, 6), 4),
    "bid disappears": ((99, 101, 4, 6), (NAN, 101, NAN, 6), -4),
    "still no bid": ((NAN, 101, NAN, 6), (NAN, 101, NAN, 6), 0),
}


@pytest.mark.parametrize(("before", "after", "expected"), CASES.values(), ids=CASES.keys())
def test_order_flow_imbalance_by_hand(before, after, expected):
    quotes = _quotes(before, after)
    assert order_flow_imbalance(quotes).tolist()[1:] == [expected]
    assert order_flow_imbalance(_mirror(quotes)).tolist()[1:] == [-expected]


def test_a_trade_that_takes_the_bid_counts_as_its_cancellation():
    """A sell of 4 takes the whole bid; a cancellation of 4 leaves the same quotes: -4 both."""
    taken = _quotes((99, 101, 4, 6), (98, 101, 9, 6))
    in_two_steps = _quotes((99, 101, 4, 6), (99, 101, 1, 6), (98, 101, 9, 6))
    assert order_flow_imbalance(taken).sum() == order_flow_imbalance(in_two_steps).sum() == -4


def test_order_flow_imbalance_knows_no_size_it_was_not_told():
    quotes = _quotes((99, 101, 4, 6), (99, 101, NAN, 6), (98, 101, 5, 6), (98, 101, 7, 6))
    np.testing.assert_array_equal(order_flow_imbalance(quotes), [NAN, NAN, NAN, 2])


def test_order_flow_imbalance_starts_anew_each_session():
    quotes = _quotes((99, 101, 4, 6), (99, 101, 9, 6), (50, 51, 1, 1), (50, 51, 3, 1))
    terms = order_flow_imbalance(quotes, np.array([0, 0, 1, 1]))
    np.testing.assert_array_equal(terms, [NAN, 5, NAN, 2])


def test_bars_by_hand():
    """Quotes at 09:00:15, 09:00:45 and, bid gone, 09:02:30; the session ends at 09:03."""
    rows = [(99, 101, 4, 6), (98, 100, 2, 2), (NAN, 100, NAN, 2)]
    table = _bars(_at(_quotes(*rows), "09:00:15", "09:00:45", "09:02:30"))
    wide, wider = 1e4 * 2 / 100, 1e4 * 2 / 99
    change = 1e4 * np.log(99 / 100)
    expected = {
        "mid_start": [100, 99, 99],
        "mid": [99, 99, NAN],
        "microprice": [99, 99, NAN],
        "spread_bps": [(30 * wide + 15 * wider) / 45, wider, wider],
        "depth": [(30 * 5 + 15 * 2) / 45, 2, 2],
        # bid down: -4, ask down with 2 there: -2; later the bid's 2 go
        "order_flow_imbalance": [-6, 0, -2],
        "realized_variance": [change**2, 0, 0],
    }
    for column, values in expected.items():
        np.testing.assert_allclose(table[column], values, rtol=1e-12, err_msg=column)


def test_nothing_is_known_before_the_first_quote_nor_carried_over_night():
    quotes = _at(
        _quotes((99, 101, 4, 6), (89, 91, 4, 6), (90, 92, 4, 6)),
        *["2024-01-02 09:02:30", "2024-01-03 09:01:30", "2024-01-03 09:01:40"],
    )
    table = _bars(quotes)
    np.testing.assert_array_equal(table["mid"], [NAN, NAN, 100, NAN, 91, 91])
    np.testing.assert_array_equal(table["mid_start"], [NAN, NAN, 100, NAN, 90, 91])
    np.testing.assert_array_equal(table["order_flow_imbalance"], [NAN, NAN, 0, NAN, 4 + 6, 0])
    jump = (1e4 * np.log(91 / 90)) ** 2
    np.testing.assert_allclose(table["realized_variance"], [NAN, NAN, 0, NAN, jump, 0])
    assert table["spread_bps"].isna().tolist() == [True, True, False, True, False, False]


def test_realized_variance_is_the_same_up_and_down():
    up = _bars(_at(_quotes((99, 101, 1, 1), (100, 102, 1, 1)), "09:00:10", "09:00:20"))
    back = _bars(_at(_quotes((100, 102, 1, 1), (99, 101, 1, 1)), "09:00:10", "09:00:20"))
    assert up["realized_variance"][0] == pytest.approx(99.5033085**2)  # 1e4*log(1.01)
    assert back["realized_variance"][0] == pytest.approx(up["realized_variance"][0], rel=1e-12)


def test_realized_variance_sees_the_jump_over_a_missing_side():
    rows = [(99, 101, 1, 1), (NAN, 101, NAN, 1), (100, 102, 1, 1)]
    table = _bars(_at(_quotes(*rows), "09:00:10", "09:00:20", "09:00:30"))
    assert table["realized_variance"][0] == pytest.approx(99.5033085**2)
    # 10 s and 30 s known of the first minute; the 10 s without a bid have no spread
    known = (10 * 1e4 * 2 / 100 + 30 * 1e4 * 2 / 101) / 40
    assert table["spread_bps"][0] == pytest.approx(known, rel=1e-12)


def test_crossed_and_locked_quotes_stay_in():
    rows = [(101, 100, 1, 1), (100, 100, 1, 1)]
    table = _bars(_at(_quotes(*rows), "09:00:00", "09:01:00"))
    np.testing.assert_allclose(table["spread_bps"], [-1e4 / 100.5, 0, 0])
    np.testing.assert_allclose(table["mid"], [100, 100, 100])  # 09:01:00 is in the first bar


def test_repeated_quotes_change_nothing():
    rows = [(99, 101, 4, 6), (98, 100, 2, 2), (98, 101, 2, 5)]
    quotes = _at(_quotes(*rows), "09:00:15", "09:00:45", "09:02:30")
    again = _at(
        _quotes(rows[0], rows[0], rows[1], rows[1], rows[1], rows[2], rows[2]),
        *["09:00:15", "09:00:20", "09:00:45", "09:01:00", "09:02:00", "09:02:30", "09:03:00"],
    )
    pd.testing.assert_frame_equal(_bars(quotes), _bars(again), check_exact=False, rtol=1e-13)


def test_quotes_of_one_instant_weigh_nothing_but_the_last():
    rows = [(99, 101, 4, 6), (90, 110, 1, 1), (98, 100, 2, 2)]
    table = _bars(_at(_quotes(*rows), "09:00:00", "09:00:30", "09:00:30"))
    assert table["depth"][0] == pytest.approx((30 * 5 + 30 * 2) / 60)
    assert table["mid"][0] == 99


def test_quotes_outside_the_session_are_left_out():
    rows = [(50, 52, 1, 1), (99, 101, 4, 6), (10, 12, 1, 1)]
    table = _bars(_at(_quotes(*rows), "08:59:59", "09:00:30", "09:03:01"))
    np.testing.assert_array_equal(table["mid_start"], [100, 100, 100])
    np.testing.assert_array_equal(table["order_flow_imbalance"], [0, 0, 0])


def test_no_quotes_at_all_are_missing_everywhere():
    quotes = _at(_quotes((99, 101, 4, 6)), "08:00")
    assert _bars(quotes, "1min", "2024-01-02 09:01").isna().all(axis=None)
