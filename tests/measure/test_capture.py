"""Spread capture by hand: each part of the profit, in both signs, and what is named beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure.capture import PARTS
from tests.measure.test_ledger import fills, positions, quotes, transfers

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
TEN_MINUTES = pd.DataFrame({"symbol": ["X"], "calendar": ["10:00-10:10 UTC"]})
NAN = pytest.approx(np.nan, nan_ok=True)
DAY = 86_400
# mid 10, 11.5 from second 2, 11 from second 3.5; the record ends at 5
QUOTES = [(0, 10.0), (2, 11.5), (3.5, 11.0), (5, 11.0)]


def parts(row):
    return {name: row[name] for name in (*PARTS, "profit") if row[name]}


def one(market, **options):
    table = mm.spread_capture(market, horizon="1s", **options)
    assert len(table) == 1
    return table.iloc[0]


@pytest.mark.parametrize("sign", [1, -1])
def test_spread_adverse_selection_and_what_inventory_made(sign):
    # + : buys 2 at 9 (mid 10, 11.5 a second later), sells 2 at 12 (mid 11.5, 11 a second later).
    # spread 2 (10 - 9) - 2 (11.5 - 12) = 3; adverse -2 (11.5 - 10) + 2 (11 - 11.5) = -4;
    # inventory 2 * 1.5 = 3, of which the fills explain -(-4), so that -1 is left; profit 24 - 18
    # - : the mirror at these mids, sells at 11 and buys at 11: spread 2 + 1, profit 0
    prices = (9, 12) if sign > 0 else (11, 11)
    market = mm.Market(fills=fills((1, 2 * sign, prices[0], 0), (3, -2 * sign, prices[1], 0)))
    row = one(market.replace(quotes=quotes(*QUOTES)))
    made = {"spread_earned": 3, "adverse_selection": -4 * sign, "revaluation": -1 * sign}
    assert parts(row) == made | ({"profit": 6} if sign > 0 else {})
    assert row["profit"] == 3 + 3 * sign
    assert (row["fills"], row["volume"], row["value"]) == (2, 4, 2 * sum(prices))
    assert (row["position"], row["capital"], row["carried"]) == (0, 23, 0)


def test_nothing_is_named_twice_where_the_horizon_ends_with_the_session():
    about = pd.DataFrame({"symbol": ["X"], "calendar": ["10:00-10:10 UTC"]})
    held = quotes((0, 10.0), (2, 11.5), (600, 12.0))
    market = mm.Market(fills=fills((1, 2, 9, 0)), quotes=held, symbols=about)
    row = mm.spread_capture(market, horizon="599s").iloc[0]
    # the close is at 600: adverse is all that inventory made, 2 (12 - 10)
    assert parts(row) == {"spread_earned": 2, "adverse_selection": -4, "profit": 6}
    late = mm.spread_capture(market, horizon="599001ms").iloc[0]
    assert parts(late) == {"spread_earned": 2, "revaluation": 4, "profit": 6}
    assert (row["fills_past_horizon"], late["fills_past_horizon"]) == (0, 1)


def test_rebates_are_gains_and_unknown_fees_are_counted():
    market = mm.Market(
        fills=fills((1, 1, 10, 0.5), (2.5, 1, 11.5, -0.2), (3, -2, 11.5)), quotes=quotes(*QUOTES)
    )
    row = one(market)
    assert row["fees_and_rebates"] == pytest.approx(-0.3)
    assert row["fees_unknown"] == 1
    assert row["profit"] == pytest.approx(1.5 - 0.3)


@pytest.mark.parametrize("sign", [1, -1])
def test_units_that_come_gain_from_then_on(sign):
    # 5 come at mid 10, 3 leave at 11.5, the last mid is 11: 5 * 1 - 3 * (-.5)
    moved = transfers((1, 0, 5 * sign), (3, 0, -3 * sign))
    market = mm.Market(transfers=moved, quotes=quotes(*QUOTES), fills=fills((4, 1, 11, 0)))
    row = one(market)
    assert parts(row) == {"transfers": 6.5 * sign, "profit": 6.5 * sign}
    assert row["position"] == 2 * sign + 1


def test_overnight_and_carried():
    # 10 held from 10 at the opening; 11 at the first close; 13 at the next session's first valid
    # mid, after one that is crossed; 12 at its end
    night = quotes((0, 10.0), (500, 11.0), (DAY + 5, 20.0), (DAY + 10, 13.0), (DAY + 50, 12.0))
    night.loc[2, ["bid", "ask"]] = [20.0, 19.0]
    market = mm.Market(fills=fills((1, 10, 10, 0)), quotes=night, symbols=TEN_MINUTES)
    first, second = mm.spread_capture(market, horizon="1s").to_dict("records")
    assert (first["carried"], first["overnight"], first["revaluation"]) == (0, 0, 10)
    assert (second["carried"], second["overnight"]) == (10, 20)
    assert parts(second) == {"revaluation": 10, "profit": 10}
    # by bars: the night is in the first, the second starts at the first one's last mark
    bars = mm.spread_capture(market, horizon="1s", freq="20s").iloc[-3:]
    assert set(bars["day"]) == {bars["day"].iloc[0]}
    assert bars["bar"].tolist() == [0, 1, 2]
    assert bars["overnight"].tolist() == [20, 0, 0]
    assert bars["profit"].tolist() == [20, 0, -10]


def test_a_night_without_quotes_ends_at_the_first_print_or_is_all():
    prints = fills((DAY + 5, 1, 14)).drop(columns=["account", "fee"])
    held = {"quotes": quotes((0, 10.0)), "trades": prints, "symbols": TEN_MINUTES}
    table = mm.spread_capture(mm.Market(fills=fills((1, 10, 10)), **held), horizon="1s")
    # the mark is the last mid, which a print does not change
    assert table["overnight"].tolist() == [0, 40]
    assert table["carried"].tolist() == [0, 0]


APART = {
    "no quote before": ((-1, 1, 9), {}),
    "crossed": ((1, 1, 9), {"bid": 11.0, "ask": 10.5}),
    "locked": ((1, 1, 9), {"bid": 10.0, "ask": 10.0}),
    "one side only": ((1, 1, 9), {"ask": np.nan}),
}


@pytest.mark.parametrize("reason", APART)
def test_fills_kept_apart_are_measured_against_the_mark_and_named(reason):
    fill, change = APART[reason]
    held = quotes(*QUOTES)
    for name, value in change.items():
        held.loc[0, name] = value
    row = one(market := mm.Market(fills=fills((*fill, 0), (2.5, 1, 11, 0)), quotes=held))
    # the mark is the last mid, crossed or locked though it is; where none is known yet, the price
    mark = {"crossed": 10.75, "locked": 10.0}.get(reason, 9.0)
    assert row["apart"] == mark - 9
    assert row["spread_earned"] == 0.5
    assert (row["fills"], row["fills_apart"]) == (2, 1)
    assert row["profit"] == pytest.approx(11 * 2 - 9 - 11)
    table = mm.spread_capture(market, horizon="1s")
    assert table.attrs["counts"]["apart"] == {reason: 1}
    assert table.attrs["gap"] < 1e-12


def test_events_outside_sessions_belong_to_the_next_and_the_last_to_the_last():
    # bought before the first opening, and 100 s after the first close; sold after the last close
    held = quotes((0, 10.0), (500, 11.0), (DAY + 10, 13.0), (DAY + 50, 12.0))
    rows = fills((-60, 1, 10, 0), (700, 2, 11, 0), (DAY + 900, -3, 12.5, 0))
    market = mm.Market(fills=rows, quotes=held, symbols=TEN_MINUTES)
    table = mm.spread_capture(market, horizon="1s")
    assert table["fills"].tolist() == [1, 2]
    assert table["position"].tolist() == [1, 0]
    assert table["profit"].tolist() == [1, 1 * 1 + 2 * 1 + 3 * 0.5]
    assert table.attrs["counts"]["apart"] == {"outside every session": 3}
    assert table["apart"].tolist() == [0, 1.5]


def test_a_row_a_session_while_something_is_held():
    held = quotes(*[(day * DAY, 10.0 + day) for day in range(5)])
    market = mm.Market(
        fills=fills((DAY + 1, 1, 11, 0), (2 * DAY + 1, -1, 12, 0)), quotes=held, symbols=TEN_MINUTES
    )
    table = mm.spread_capture(market, horizon="1s")
    assert table["day"].dt.day.tolist() == [3, 4]  # flat after the second
    longer = mm.spread_capture(market, horizon="1s", opening=1)
    assert longer["day"].dt.day.tolist() == [3, 4, 5, 6]
    assert longer["profit"].tolist() == [0, 2, 1, 1]
    assert longer["opening_known"].all()
    assert not table["opening_known"].any()


def test_reports_that_disagree_are_drift_and_no_profit():
    market = mm.Market(
        fills=fills((1, 10, 10, 0), (2.5, -4, 11.5, 0)),
        positions=positions((0, 100), (2, 110), (3, 109)),
        quotes=quotes(*QUOTES),
    )
    row = one(market)
    assert row["drift"] == 3  # 109 reported, 106 rebuilt
    assert row["position"] == 106
    # 100 from 10 (at the first report), and 10 bought at 10, of them 4 sold at 11.5
    assert row["profit"] == 100 * 1 + 6 * 1 + 4 * 1.5
    assert one(market.replace(positions=positions((4, 50))))["drift"] == 0  # sets the level
    assert np.isnan(one(mm.Market(fills=market.fills, quotes=market.quotes))["drift"])


def test_a_crossed_quote_alone_is_no_first_price_of_a_session():
    # the mark moves to the crossed mid at second 100: the night is 0 in whole sessions and in bars
    held = quotes((0, 10.0), (DAY + 100, 12.0))
    held.loc[1, ["bid", "ask"]] = [12.5, 11.5]
    market = mm.Market(fills=fills((1, 10, 10, 0)), quotes=held, symbols=TEN_MINUTES)
    for freq in ("1D", "20s"):
        last = mm.spread_capture(market, horizon="1s", freq=freq)
        last = last[last["day"] == last["day"].max()]
        assert (last["carried"].sum(), last["overnight"].sum()) == (20, 0)


def test_an_account_of_transfers_alone_and_a_symbol_without_a_price():
    moved = transfers((1, 0, 5)).assign(account="B")
    market = mm.Market(transfers=moved, quotes=quotes(*QUOTES), fills=fills((4, 1, 11, 0)))
    alone = one(market, account="B")
    assert (alone["account"], alone["transfers"], alone["fills"]) == ("B", 5 * 1.0, 0)
    tape = mm.Market(transfers=moved, fills=market.fills, trades=prints((0, 10.0), (5, 11.0)))
    assert one(tape, account="B")["transfers"] == 5 * 1.0
    # one side alone is no price: what 5 units made is not known, what 0 units made is 0
    dark = quotes(*QUOTES).assign(ask=np.nan)
    for units, told in ((5, NAN), (0, 0)):
        came = transfers((1, 0, units)).assign(account="B")
        row = one(mm.Market(transfers=came, quotes=dark), account="B")
        assert row["profit"] == told
        assert row["transfers"] == told


def test_an_inverse_contract_earns_its_asset():
    # 1,000 dollars' worth bought at 9,900 (mid 10,000; 12,500 a second later), sold at 12,600
    about = {"symbol": ["I"], "asset": "BTC", "currency": "USD", "settlement": "BTC"}
    held = quotes((0, 10_000.0), (2, 12_500.0), (5, 12_500.0), symbol="I")
    rows = fills((1, 1000, 9_900, 0), (3, -1000, 12_600, 0), symbol="I")
    row = one(mm.Market(fills=rows, quotes=held, symbols=pd.DataFrame(about)))
    assert row["currency"] == "BTC"
    assert row["profit"] == pytest.approx(1000 / 9900 - 1000 / 12_600)
    spread = 1000 / 9900 - 1000 / 10_000 + 1000 / 12_500 - 1000 / 12_600
    assert row["spread_earned"] == pytest.approx(spread)
    assert row["adverse_selection"] == pytest.approx(-(1000 / 10_000 - 1000 / 12_500))
    assert row["revaluation"] == pytest.approx(0, abs=1e-15)
    assert row["value"] == pytest.approx(1000 / 9900 + 1000 / 12_600)


def test_multiplier_and_settlement():
    about = pd.DataFrame({"symbol": ["X"], "currency": ["USD"], "multiplier": [50.0]})
    market = mm.Market(fills=fills((1, 2, 9, 3)), quotes=quotes(*QUOTES), symbols=about)
    row = one(market)
    assert parts(row) == {
        "spread_earned": 100,
        "adverse_selection": -150,
        "revaluation": -50,
        "fees_and_rebates": -3,
        "profit": 197,
    }
    assert (row["currency"], row["value"], row["capital"]) == ("USD", 900, 1100)


def test_money_and_assets_without_a_symbol_are_left_out_and_named():
    moved = pd.concat([transfers((2, 1, -7), asset="USD"), transfers((2, 2, -1), asset="BNB")])
    about = pd.DataFrame({"symbol": ["X"], "currency": ["USD"]})
    market = mm.Market(
        fills=fills((1, 2, 9, 0)), quotes=quotes(*QUOTES), transfers=moved, symbols=about
    )
    table = mm.spread_capture(market, horizon="1s")
    assert table["symbol"].tolist() == ["X"]
    assert table.attrs["left_out"] == {"BNB": 1, "USD": 1}
    assert table["profit"].tolist() == [4]


# --- prints in the place of quotes ----------------------------------------------------------------


def prints(*rows):
    """Rows of (second, price)."""
    tape = fills(*[(s, 5, p) for s, p in rows]).drop(columns=["account", "fee"])
    return tape.assign(seq=100 + np.arange(len(rows)))


def test_without_quotes_the_last_print_before_is_the_reference_and_that_is_said():
    tape = prints((0, 10.0), (1, 9.0), (2, 11.5), (5, 11.0))
    row = one(market := mm.Market(fills=fills((1, 2, 9, 0)).assign(seq=101), trades=tape))
    # the fill is the second print: 10 before it, 11.5 a second later, 11 at the end
    assert parts(row) == {
        "spread_earned": 2,
        "adverse_selection": -3,
        "revaluation": 2 * 2.0 + 2 * (9 - 10) - 3,
        "profit": 4,
    }
    table = mm.spread_capture(market, horizon="2 trades")
    assert table.attrs["reference"] == "print"
    assert "bounces" in table.attrs["note"]
    # what was known before the second print after it
    assert table["adverse_selection"].tolist() == [-2 * (11.5 - 10)]
    assert mm.spread_capture(market, horizon="1 trade")["adverse_selection"].tolist() == [2]


def test_the_first_fill_of_a_session_has_no_print_before():
    tape = prints((0, 10.0), (DAY, 9.0), (DAY + 1, 9.5))
    rows = fills((DAY, 1, 9, 0), (DAY + 1, 1, 9.5, 0)).assign(seq=[101, 102])
    table = mm.spread_capture(mm.Market(fills=rows, trades=tape), horizon="1 trade")
    assert table.attrs["counts"]["apart"] == {"no print before": 1}
    assert table["fills_past_horizon"].tolist() == [1]
    assert table["spread_earned"].tolist() == [-0.5]


def test_of_fills_alone_nothing_is_measured_and_that_is_said():
    table = mm.spread_capture(mm.Market(fills=fills((1, 2, 9, 1), (2, -2, 12, 0))))
    assert table["fills_apart"].tolist() == [2]
    assert table["profit"].tolist() == [5]
    assert "nothing to measure" in table.attrs["note"]


# --- refusals -------------------------------------------------------------------------------------


def test_refusals():
    market = mm.Market(fills=fills((1, 1, 10)), quotes=quotes(*QUOTES))
    with pytest.raises(ValueError, match="reference must be one of auto, mid"):
        mm.spread_capture(market, reference="vwap")
    with pytest.raises(ValueError, match="needs trades"):
        mm.spread_capture(market, reference="print")
    with pytest.raises(ValueError, match="needs quotes or a book"):
        mm.spread_capture(mm.Market(fills=market.fills), reference="mid")
    with pytest.raises(ValueError, match="no entries of the accounts"):
        mm.spread_capture(market, account="Z")
    with pytest.raises(KeyError, match="'Z'"):
        mm.spread_capture(market, symbol="Z")
    with pytest.raises(ValueError, match="not understood"):
        mm.spread_capture(market, horizon="soon")
    with pytest.raises(ValueError, match="end within a session"):
        mm.spread_capture(market, horizon="1D")
    with pytest.raises(ValueError, match="to book"):
        mm.spread_capture(mm.Market())
    dates = pd.DataFrame({"symbol": ["X"], "calendar": ["dates"]})
    tape = mm.Market(fills=fills((1, 1, 10)), trades=prints((0, 1.0)), symbols=dates)
    with pytest.raises(ValueError, match="no clock"):
        mm.spread_capture(tape)
    with pytest.raises(ValueError, match="no clock"):
        mm.spread_capture(tape, horizon="1 trade", freq="1min")
