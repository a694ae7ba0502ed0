"""Markouts of fills: by hand, what is kept apart, and what must not change them."""

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
NAN = float("nan")


def at(seconds):
    return START + pd.to_timedelta(np.asarray(seconds, float), unit="s")


def quotes(*rows, symbol="X"):
    """Rows of seconds, bid, ask, bid size, ask size; seq is even."""
    table = pd.DataFrame(rows, columns=["s", "bid", "ask", "bid_size", "ask_size"], dtype=float)
    table.insert(0, "time", at(table.pop("s")))
    return table.assign(seq=2 * np.arange(len(rows)), symbol=symbol)


def events(*rows, symbol="X", **columns):
    """Rows of seconds, seq, price, side, as trades; as fills with an account."""
    table = pd.DataFrame(rows, columns=["s", "seq", "price", "side"])
    table.insert(0, "time", at(table.pop("s")))
    return table.assign(**({"size": 1.0, "symbol": symbol} | columns))


QUOTES = quotes(
    (0, 9.99, 10.01, 1, 3),
    (5, 10.01, 10.03, 1, 1),  # seq 2
    (8, NAN, 10.05, 0, 1),
    (20, 10.03, 10.07, 1, 1),
    (30, 10.06, 10.06, 1, 1),
    (40, 10.08, 10.06, 1, 1),
    (50, 10.00, 10.02, 1, 1),
    (70, 10.00, 10.04, 1, 1),
)
FILLS = events(
    (-1, 0, 9.99, 1),  # no quote before
    (1, 0, 9.99, 1),  # bought at the bid, mid 10.00; 5 s later the quote of second 5 stood
    (5, 1, 10.01, -1),  # seq 1 < 2: the first quote; 5 s later one side: the last mid was 10.02
    (5, 3, 10.03, -1),  # seq 3: the second quote
    (9, 0, 10.02, 1),  # one side
    (28, 0, 10.04, 1),  # mid 10.05; 5 s later locked: the last valid mid is still 10.05
    (32, 0, 10.06, 1),  # locked
    (41, 0, 10.06, 1),  # crossed
    (68, 0, 10.02, -1),  # mid 10.01; the record ends at 70
    account="desk",
    fee=[0.1, *[NAN] * 8],
)
CAPTURE = [NAN, 0.01, 0.01, 0.01, NAN, 0.01, NAN, NAN, 0.01]
MARKOUT = {
    "5s": [NAN, 0.03, -0.01, 0.01, NAN, 0.01, NAN, NAN, NAN],
    "2s": [NAN, 0.01, -0.01, 0.01, NAN, 0.01, NAN, NAN, 0.0],
}
ADVERSE = {
    "5s": [NAN, -0.02, 0.02, 0.0, NAN, 0.0, NAN, NAN, NAN],
    "2s": [NAN, 0.0, 0.02, 0.0, NAN, 0.0, NAN, NAN, 0.01],
}
WHY = ["no quote before", "", "", "", "one side only", "", "locked", "crossed", ""]


def near(values):
    return pytest.approx(list(values), nan_ok=True, abs=1e-12)


@pytest.fixture(scope="module")
def found():
    market = mm.Market(fills=FILLS, quotes=QUOTES)
    return mm.markouts(market, horizons=["5s", "2s"], unit="abs")


def test_by_hand(found):
    assert found["bid"].tolist() == near([NAN, 9.99, 9.99, 10.01, NAN, 10.03, 10.06, 10.08, 10.0])
    assert found["capture_abs"].tolist() == near(CAPTURE)
    for h in ("5s", "2s"):
        assert found[f"markout_abs_{h}"].tolist() == near(MARKOUT[h])
        assert found[f"adverse_abs_{h}"].tolist() == near(ADVERSE[h])
    assert found["apart"].tolist() == WHY


def test_a_row_a_fill_with_its_columns(found):
    first = ["account", "symbol", "day", "time", "seq", "side", "price", "size"]
    assert list(found)[:8] == first
    assert set(found["account"]) == {"desk"}
    assert (found["day"] == pd.Timestamp("2024-01-02")).all()
    fills = FILLS.assign(venue="V", maker=True, counterparty="other")
    more = mm.markouts(mm.Market(fills=fills, quotes=QUOTES))
    assert (more["venue"] == "V").all()
    assert more["maker"].all()
    assert (more["counterparty"] == "other").all()


def test_what_is_left_out_is_counted(found):
    counts = {reason: n for reason, n in found.attrs["counts"].items() if n}
    assert counts == {
        "no quote before": 1,
        "one side only": 1,
        "locked": 1,
        "crossed": 1,
        "past the end, 5s": 1,
        "fee not known": 8,
    }
    assert (found.attrs["unit"], found.attrs["reference"]) == ("abs", "mid")
    assert found.attrs["horizons"] == ["5s", "2s"]
    assert found.attrs["note"] == ""


def test_basis_points_are_of_now_or_of_later():
    market = mm.Market(fills=FILLS, quotes=QUOTES)
    now = mm.markouts(market, horizons=["5s"])
    assert now["capture_bps"].iloc[1] == pytest.approx(1e4 * 0.01 / 10.00)
    assert now["markout_bps_5s"].iloc[1] == pytest.approx(1e4 * 0.03 / 10.00)
    later = mm.markouts(market, horizons=["5s"], relative_to="later")
    assert later["markout_bps_5s"].iloc[1] == pytest.approx(1e4 * 0.03 / 10.02)
    assert later["adverse_bps_5s"].iloc[1] == pytest.approx(-1e4 * 0.02 / 10.02)
    assert later["capture_bps_5s"].iloc[1] == pytest.approx(1e4 * 0.01 / 10.02)
    assert later["capture_bps"].iloc[1] == pytest.approx(1e4 * 0.01 / 10.00)


def test_the_other_side_of_every_print_where_there_are_no_fills():
    # the first at the mid, with no price before it: nothing signs it
    trades = events((0, 9, 10.0, NAN), (1, 1, 10.01, 1), (6, 3, 10.01, -1))
    found = mm.markouts(mm.Market(trades=trades, quotes=QUOTES), horizons=["5s"], unit="abs")
    assert found["account"].tolist() == ["aggregate maker"] * 2
    assert found["side"].tolist() == [-1, 1]
    assert found["markout_abs_5s"].tolist() == near([-0.01, 0.01])
    assert "inferred" in found.attrs["note"]
    assert found.attrs["counts"]["prints without a side"] == 1


def test_a_count_of_prints():
    trades = events((1, 1, 10.01, 1), (5, 3, 10.02, 1), (21, 1, 10.06, 1), (22, 1, 10.06, 1))
    fills = events((1, 1, 10.01, -1), (20, 9, 10.06, -1), account="desk")
    market = mm.Market(fills=fills, trades=trades, quotes=QUOTES)
    found = mm.markouts(market, horizons=["1 trade", "2 trades", "3 trades"], unit="abs")
    # known before the prints of seconds 5, 21 and 22: 10.02, 10.05, 10.05
    assert found["markout_abs_1_trade"].tolist() == near([-0.01, 0.01])
    assert found["markout_abs_2_trades"].tolist() == near([-0.04, 0.01])
    assert found["markout_abs_3_trades"].tolist() == near([-0.04, NAN])
    assert found.attrs["counts"]["past the end, 3 trades"] == 1


def test_a_book_and_a_saved_market_say_the_same(tmp_path):
    trades = events((1, 1, 10.01, 1), (21, 1, 10.06, -1))
    market = mm.Market(fills=FILLS, quotes=QUOTES, trades=trades)
    options = {"horizons": ["5s", "1 trade"]}
    found = mm.markouts(market, **options)
    names = {c: f"{c}_1" for c in ("bid", "ask", "bid_size", "ask_size")}
    book = mm.Market(fills=FILLS, book=QUOTES.rename(columns=names), trades=trades)
    pd.testing.assert_frame_equal(mm.markouts(book, **options), found)
    market.save(tmp_path / "saved", by="day")
    pd.testing.assert_frame_equal(mm.markouts(mm.open(tmp_path / "saved"), **options), found)


INDEX = pd.DataFrame(
    {"bid": [99.0, 101.0, 99.0], "ask": [101.0, 103.0, 101.0], "symbol": "I", "seq": [1, 1, 1]}
).assign(time=at([0, 4, 30]), bid_size=1.0, ask_size=1.0)


def test_what_the_fill_moved_beyond_an_index():
    market = mm.Market(fills=FILLS, quotes=pd.concat([QUOTES, INDEX]))
    options = {"horizons": ["5s"], "unit": "abs", "index": "I"}
    found = mm.markouts(market, **options)
    # second 1: the index rises by 2 % of 10.00, M_(t+5) by .02; second 5: it stands
    # second 28: it falls from 102 to 100
    fell = 10.05 * (100 / 102 - 1)
    adverse = [NAN, -(0.02 - 0.2), 0.02, 0.0, NAN, fell, NAN, NAN, NAN]
    assert found["capture_abs"].tolist() == near(CAPTURE)
    adverse[5] = NAN  # 33 s is past the index's record
    assert found["adverse_abs_5s"].tolist() == near(adverse)
    want = np.subtract(CAPTURE, adverse)
    assert found["markout_abs_5s"].tolist() == near(want)
    assert found.attrs["counts"]["without the index, 5s"] == 1
    assert (found.attrs["index"], found.attrs["beta"]) == ("I", 1.0)
    late = pd.concat([INDEX, INDEX.iloc[-1:].assign(time=at([99.0]))])
    longer = mm.Market(fills=FILLS, quotes=pd.concat([QUOTES, late]))
    adverse[5] = fell
    assert mm.markouts(longer, **options)["adverse_abs_5s"].tolist() == near(adverse)
    half = mm.markouts(longer, **(options | {"beta": {"X": 0.5}}))
    plain = mm.markouts(longer, horizons=["5s"], unit="abs")
    middle = (np.array(adverse) + plain["adverse_abs_5s"].to_numpy()) / 2
    assert half["adverse_abs_5s"].tolist() == near(middle)
    bps = mm.markouts(longer, **(options | {"unit": "bps"}))
    assert bps["adverse_bps_5s"].iloc[1] == pytest.approx(1e4 * 0.18 / 10)
    own = FILLS.iloc[1:2].assign(symbol="I", price=100.0)
    alone = mm.markouts(longer.replace(fills=own), **options)
    assert alone["adverse_abs_5s"].tolist() == near([0.0])
    for beta, words in (({"Y": 1.0}, "beta lacks X"), (NAN, "finite")):
        with pytest.raises(ValueError, match=words):
            mm.markouts(market, index="I", beta=beta)
    with pytest.raises(KeyError, match="no symbol"):
        mm.markouts(market, index="J")


@pytest.mark.bad_input("fills outside every session")
def test_outside_every_session_and_past_the_close():
    known = quotes((-5, 9.9, 10.1, 1, 1), (10, 9.9, 10.1, 1, 1), (70, 8.0, 8.2, 1, 1))
    fills = events((5, 1, 9.9, 1), (20, 1, 9.9, 1), (58, 1, 9.9, 1), (80, 1, 8, 1), account="A")
    market = mm.Market(fills=fills, quotes=known, calendar="10:00-10:01 UTC")
    found = mm.markouts(market, horizons=["5s"], unit="abs")
    assert found["apart"].tolist() == ["no quote before", "", "", "outside every session"]
    assert found["capture_abs"].tolist() == near([NAN, 0.1, 0.1, NAN])
    assert found["markout_abs_5s"].tolist() == near([NAN, 0.1, NAN, NAN])
    assert found["day"].isna().tolist() == [False, False, False, True]
    assert found.attrs["counts"]["past the end, 5s"] == 1


@pytest.mark.bad_input("a fill in an auction's cross")
def test_an_auctions_fills_are_kept_apart():
    trades = events((1, 1, 10.0, 1), (6, 1, 10.02, NAN), (7, 1, 10.02, 1), size=[1.0, 500.0, 1.0])
    trades = trades.assign(event=["fill", "cross", "fill"], trade_id=["1", "2", "3"])
    ours = events((1, 1, 10.0, -1), (6, 1, 10.02, -1), (7, 1, 10.02, -1), account="desk")
    ours = ours.assign(size=[1.0, 20.0, 1.0])
    market = mm.Market(fills=ours, trades=trades, quotes=QUOTES)
    assert mm.markouts(market)["apart"].tolist() == ["", "auction", ""]
    numbered = ours.assign(time=ours["time"] + pd.Timedelta("1ms"), trade_id=["1", "2", "3"])
    market = mm.Market(fills=numbered, trades=trades, quotes=QUOTES)
    assert mm.markouts(market)["apart"].tolist() == ["", "auction", ""]
    told = ours.assign(event=["fill", "fill", "cross"])
    market = mm.Market(fills=told, quotes=QUOTES)
    assert mm.markouts(market)["apart"].tolist() == ["", "", "auction"]
    # a print of the same instant and price that a cross of one unit cannot have been
    few = trades.assign(size=1.0)
    market = mm.Market(fills=ours.assign(size=[1.0, 1.0 + 1e-12, 0.5]), trades=few, quotes=QUOTES)
    assert mm.markouts(market)["apart"].tolist() == ["", "auction", ""]
    inferred = mm.Market(trades=trades, quotes=QUOTES)
    found = mm.markouts(inferred)
    assert found["apart"].tolist() == ["", ""]
    assert found.attrs["counts"]["prints without a side"] == 1
    sided = mm.markouts(mm.Market(trades=trades.assign(side=1.0), quotes=QUOTES))
    assert sided["apart"].tolist() == ["", "auction", ""]


@pytest.mark.bad_input("a fill larger than any print")
def test_a_fill_larger_than_any_print_is_kept_apart():
    trades = events((1, 1, 10.0, 1), (6, 1, 10.02, 1), size=[0.1 + 0.2, 0.1])
    later = events((86_401, 1, 10.0, 1), size=9.0)
    fills = events((2, 1, 10.0, 1), (3, 1, 10.0, 1), account="desk", size=[0.3, 0.31])
    market = mm.Market(fills=fills, trades=pd.concat([trades, later]), quotes=QUOTES)
    found = mm.markouts(market)
    assert found["apart"].tolist() == ["", "larger than any print"]
    assert found["capture_bps"].isna().tolist() == [False, True]
    assert found.attrs["counts"]["larger than any print"] == 1
    # nothing printed in the session: nothing can be said
    only_later = mm.Market(fills=fills, trades=later, quotes=QUOTES)
    assert mm.markouts(only_later)["apart"].tolist() == ["", ""]
    assert mm.markouts(mm.Market(fills=fills, quotes=QUOTES))["apart"].tolist() == ["", ""]


@pytest.mark.bad_input("fills with nothing to measure them by")
def test_what_is_refused():
    market = mm.Market(fills=FILLS, quotes=QUOTES)
    with pytest.raises(ValueError, match="need quotes"):
        mm.markouts(mm.Market(fills=FILLS))
    with pytest.raises(ValueError, match="no fill"):
        mm.markouts(mm.Market(quotes=QUOTES))
    with pytest.raises(ValueError, match="no fill of nobody"):
        mm.markouts(market, account="nobody")
    with pytest.raises(KeyError, match="no symbol"):
        mm.markouts(market, symbol="Z")
    with pytest.raises(ValueError, match="mid, weighted_mid"):
        mm.markouts(market, reference="last")
    with pytest.raises(ValueError, match="bps, abs"):
        mm.markouts(market, unit="ticks")
    with pytest.raises(ValueError, match="now, later"):
        mm.markouts(market, relative_to="then")
    with pytest.raises(ValueError, match="needs public trades"):
        mm.markouts(market, horizons=["10 trades"])
    for horizons in ([], ["5s", "5s"], ["1D"], ["0s"], ["soon"], ["40000D"]):
        with pytest.raises(ValueError, match=r"horizon|freq"):
            mm.markouts(market, horizons=horizons)
    with pytest.raises(ValueError, match="no clock"):
        mm.markouts(mm.Market(fills=FILLS, quotes=QUOTES, calendar="dates"))
