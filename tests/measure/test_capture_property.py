"""Spread capture of markets made at random: the parts are the profit, and the profit the ledger's.

Two accounts, a share, a contract of 50 and an inverse one; three sessions of ten minutes with
events before, between and after them; quotes that are crossed, locked or lack a side; fills and
transfers of one instant; openings known and not.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import mmresearch as mm
from mmresearch.measure.capture import PARTS
from tests.at_random import calmly

FIRST = pd.Timestamp("2024-01-02 10:00", tz="UTC")
KEYS = ["account", "symbol", "day"]
MONEY = [*PARTS, "profit", "carried", "overnight"]
COUNTED = ["fills", "volume", "fills_apart", "fills_past_horizon", "fees_unknown"]
SUMMED = [*MONEY, *COUNTED]
ABOUT = pd.DataFrame(
    {
        "symbol": ["I", "F", "X"],
        "asset": ["BTC", "F", "X"],
        "currency": "USD",
        "settlement": ["BTC", "USD", "USD"],
        "multiplier": [1.0, 50.0, 1.0],
        "calendar": "10:00-10:10 UTC",
    }
)
SYMBOLS = st.sampled_from(ABOUT["symbol"].tolist())
# seconds from a session's opening: sessions are 600 long, so that some are before and after
MOMENTS = st.tuples(st.integers(0, 2), st.integers(-40, 660))


def a_session(rows):
    """Whether any comes in a session."""
    return any(0 <= when[1] <= 600 for _, _, when, *_ in rows)


QUOTES = st.lists(
    st.tuples(SYMBOLS, MOMENTS, st.integers(900, 1100), st.sampled_from([2, 2, 2, 1, 0, -1, None])),
    min_size=1,
    max_size=40,
)
FILLS = st.lists(
    st.tuples(
        st.sampled_from("AB"),
        SYMBOLS,
        MOMENTS,
        st.integers(-500, 500).filter(bool),
        st.integers(900, 1100),
        st.sampled_from([0.7, -0.3, 0.0, None]),
    ),
    min_size=1,
    max_size=30,
).filter(a_session)  # without an event in one there is none: refused
MOVES = st.lists(
    st.tuples(st.sampled_from("AB"), st.sampled_from(["F", "X"]), MOMENTS, st.integers(-300, 300)),
    max_size=8,
)
OPENINGS = st.sampled_from([None, 3.3, {"F": -7.0}, {("A", "X"): 11.0}])


def times(moments):
    days, seconds = np.array(moments, dtype=float).reshape(-1, 2).T
    return FIRST + pd.to_timedelta(86_400 * days + seconds, unit="s")


def market(quotes, fills, moves=(), prints=True, sign=1):
    """The study; with sign -1 its mirror: who bought sold, and prices stand on their heads."""

    def price(number):
        return np.where(sign > 0, number, 2000 - number) / 10

    table = pd.DataFrame(quotes, columns=["symbol", "when", "mid", "half"])
    mid, half = table["mid"].to_numpy(float), table["half"].to_numpy(float)
    bid, ask = price(mid) - half / 10, price(mid) + half / 10
    lacking = price(mid) - 0.1
    book = {
        "time": times(table["when"].tolist()),
        "symbol": table["symbol"],
        "seq": range(len(mid)),
    }
    one = (lacking, np.nan) if sign > 0 else (np.nan, lacking + 0.2)
    book |= {"bid": np.where(np.isnan(half), one[0], bid)}
    book |= {"ask": np.where(np.isnan(half), one[1], ask), "bid_size": 1.0, "ask_size": 2.0}
    rows = pd.DataFrame(fills, columns=["account", "symbol", "when", "units", "price", "fee"])
    own = rows[["account", "symbol"]].assign(time=times(rows["when"].tolist()))
    own = own.assign(side=sign * np.sign(rows["units"]), size=rows["units"].abs() / 10)
    own = own.assign(price=price(rows["price"].to_numpy(float)), fee=rows["fee"].astype(float))
    tables = {"quotes": pd.DataFrame(book), "fills": own.assign(seq=np.arange(len(own)) // 2)}
    if moves:
        moved = pd.DataFrame(moves, columns=["account", "asset", "when", "amount"])
        moved = moved.assign(time=times(moved.pop("when").tolist()), seq=range(len(moved)))
        tables["transfers"] = moved.assign(amount=sign * moved["amount"] / 10)
    if prints:
        tape = own[["time", "symbol", "price"]].assign(seq=1000 + np.arange(len(own)), size=99.0)
        tables["trades"] = tape
    return mm.Market(symbols=ABOUT, **tables)


def close(left, right, table):
    """Equal to 1e-9 of each row's absolute parts and position; both missing without a price."""
    left, right = np.asarray(left, float), np.asarray(right, float)
    scale = table[list(PARTS)].abs().sum(axis=1).to_numpy() + table["capital"].to_numpy()
    priced = table["mark"].notna().to_numpy()
    np.testing.assert_array_equal(np.isnan(left), np.isnan(right))
    assert not np.isnan(left[priced]).any()
    gap, most = np.abs(left - right)[priced], 1e-9 * scale[priced] + 1e-12
    np.testing.assert_array_less(gap, most)


def summed(table):
    return sum(sign * table[name] for name, sign in PARTS.items())


def times_units(factor, opening):
    if isinstance(opening, dict):
        return {key: factor * units for key, units in opening.items()}
    return None if opening is None else factor * opening


def turned(price, symbol):
    return np.where(symbol == "I", -1 / price, price)


def factors(symbol):
    return symbol.map(ABOUT.set_index("symbol")["multiplier"])


@calmly(40)
@given(QUOTES, FILLS, MOVES, OPENINGS, st.sampled_from(["1D", "3min", "3 trades"]))
def test_the_parts_are_the_profit_and_the_profit_is_the_ledgers(
    quotes, fills, moves, opening, freq
):
    study = market(quotes, fills, moves)
    table = mm.spread_capture(study, horizon="30s", freq=freq, opening=opening)
    assert table.attrs["gap"] < 1e-9
    close(summed(table), table["profit"], table)
    if freq == "3 trades":
        return
    # a report at the end of each row is an entry of the ledger there
    first = (
        mm.ledger(study, opening=opening).groupby(["account", "symbol"])["time"].agg(["min", "max"])
    )
    edge = table.join(first, on=["account", "symbol"])
    final = ~table.duplicated(["account", "symbol"], keep="last")
    until = edge["end"].where(~final | (edge["max"] < edge["end"]), edge["max"])
    # one at the first event would be the opening
    table = table.assign(until=until.where(until > edge["min"], until + pd.Timedelta(1, "ns")))
    reports = table[["account", "symbol"]].assign(time=table["until"], position=0.0)
    book = mm.ledger(study.replace(positions=reports), opening=opening)
    book = book[book["kind"] == "snapshot"].drop_duplicates(
        ["account", "symbol", "time"], keep="last"
    )
    found = table.merge(
        book,
        left_on=["account", "symbol", "until"],
        right_on=["account", "symbol", "time"],
        suffixes=("", "_book"),
    )
    assert len(found) == len(table)
    made = found["realised"] + found["unrealised"] - found["fees"]
    made = made.groupby([found["account"], found["symbol"]]).diff().fillna(made)
    scale = (found["cash"].abs() + (found["position"] * found["mark"]).abs()).max()
    close(made, found["profit"], found.assign(capital=found["capital"] + scale))
    np.testing.assert_allclose(found["position"], found["position_book"], atol=1e-9)


@calmly(25)
@given(QUOTES, FILLS, MOVES, OPENINGS, st.sampled_from(["20s", "10 trades", "4min"]))
def test_bars_add_up_to_the_session_and_sessions_to_the_whole(quotes, fills, moves, opening, freq):
    study = market(quotes, fills, moves)
    days = mm.spread_capture(study, horizon="30s", opening=opening)
    bars = mm.spread_capture(study, horizon="30s", opening=opening, freq=freq)
    whole = days.set_index(KEYS)
    added = bars.groupby(KEYS)[SUMMED].agg(lambda part: part.sum(skipna=False))
    added = added.reindex(whole.index)
    for name in ("spread_earned", "adverse_selection", "fees_and_rebates", "apart", "overnight"):
        close(added[name], whole[name], days)
    close(added["profit"], whole["profit"], days)
    both = ["revaluation", "transfers"]
    close(added[both].sum(axis=1), whole[both].sum(axis=1), days)
    for name in COUNTED:
        np.testing.assert_allclose(added[name], whole[name], rtol=1e-12)
    last = bars.groupby(KEYS)[["position", "mark"]].last().reindex(whole.index)
    np.testing.assert_allclose(last, whole[["position", "mark"]], rtol=1e-12)
    # bars end at more instants than the session, at which more may be at stake
    most = bars.groupby(KEYS)["capital"].max().reindex(whole.index)
    assert not (most < whole["capital"] * (1 - 1e-12)).any()


@calmly(25)
@given(QUOTES, FILLS, MOVES, st.sampled_from(["30s", "2 trades"]))
def test_spread_and_adverse_selection_are_those_of_the_markouts(quotes, fills, moves, horizon):
    """And the bridge: markouts, what came after them, what was carried, make the profit."""
    study = market(quotes, fills, moves)
    table = mm.spread_capture(study, horizon=horizon)
    rows = mm.markouts(study, horizons=[horizon], unit="abs")
    rows = rows[rows["apart"] != "outside every session"]
    if rows.empty:
        assert (table[["spread_earned", "adverse_selection"]] == 0).all(axis=None)
        return
    label = horizon.replace(" ", "_")
    units, factor = rows["side"] * rows["size"], factors(rows["symbol"])
    before = rows["reference"].where(rows["apart"] == "")
    after = rows["side"] * rows[f"markout_abs_{label}"] + rows["price"]
    price, before, after = (turned(p, rows["symbol"]) for p in (rows["price"], before, after))
    spread = units * (before - price) * factor
    adverse = -units * (after - before) * factor
    by = [rows[name] for name in KEYS]
    index = pd.MultiIndex.from_frame(table[KEYS])
    for values, name in ((spread, "spread_earned"), (adverse, "adverse_selection")):
        close(values.groupby(by).sum().reindex(index).fillna(0), table[name], table)
    linear = rows["symbol"] != "I"
    if linear.any():
        captured = (rows["capture_abs"] * rows["size"] * factor)[linear].groupby(
            [b[linear] for b in by]
        )
        there = table["symbol"] != "I"
        close(
            captured.sum().reindex(index[there]).fillna(0),
            table.loc[there, "spread_earned"],
            table[there],
        )
    if moves or len(rows) < len(study.fills):
        return
    # profit = markouts + from t + h to the end + carried - fees, of fills without a markout from P
    end = table.set_index(KEYS)["mark"].reindex(pd.MultiIndex.from_frame(rows[KEYS])).to_numpy()
    end = turned(end, rows["symbol"])
    held = units * factor * (end - np.where(np.isnan(after), price, after))
    gained = (units * factor * (after - price)).fillna(0) + held - rows["fee"].fillna(0)
    bridge = gained.groupby(by).sum().reindex(index).fillna(0).to_numpy() + table["carried"]
    close(bridge, table["profit"], table)


@calmly(20)
@given(QUOTES, FILLS, MOVES, OPENINGS)
def test_the_mirror_earns_the_same(quotes, fills, moves, opening):
    quotes, fills = ([row for row in rows if "I" not in row[:2]] for rows in (quotes, fills))
    assume(quotes and a_session(fills))
    here = mm.spread_capture(market(quotes, fills, moves), horizon="30s", opening=opening)
    there = mm.spread_capture(
        market(quotes, fills, moves, sign=-1), horizon="30s", opening=times_units(-1, opening)
    )
    for name in MONEY:
        close(here[name], there[name], here)
    np.testing.assert_allclose(here["position"], -there["position"], atol=1e-12)


@calmly(15)
@given(QUOTES, FILLS, MOVES, OPENINGS)
def test_twice_the_units_earn_twice_as_much_and_quotes_that_repeat_change_nothing(
    quotes, fills, moves, opening
):
    study = market(quotes, fills, moves, prints=False)
    here = mm.spread_capture(study, horizon="30s", opening=opening)
    doubled = study.fills.assign(size=2 * study.fills["size"], fee=2 * study.fills["fee"])
    more = {"fills": doubled}
    if "transfers" in study:
        more["transfers"] = study.transfers.assign(amount=2 * study.transfers["amount"])
    there = mm.spread_capture(study.replace(**more), horizon="30s", opening=times_units(2, opening))
    for name in MONEY:
        close(2 * here[name], there[name], here)
    # each quote once more half a second later, but for a session's last instant: no longer record
    again = study.quotes.assign(time=study.quotes["time"] + pd.Timedelta("500ms"))
    nothing_between = ~study.quotes.duplicated(["symbol", "time"], keep="last")
    again = again[nothing_between & (again["time"] < study.quotes["time"].max())]
    again = again[(again["time"] - FIRST).dt.total_seconds() % 86_400 < 600]
    idle = pd.concat([study.quotes, again], ignore_index=True)
    same = mm.spread_capture(study.replace(quotes=idle), horizon="30s", opening=opening)
    # an idle quote may be the first of its session: one repeated just before it has opened
    inside = (study.quotes["time"] - FIRST).dt.total_seconds() % 86_400
    if not ((inside > 86_399) & (inside < 86_400)).any():
        pd.testing.assert_frame_equal(same, here, rtol=1e-12, atol=1e-12)


@calmly(10)
@given(QUOTES, FILLS, MOVES)
def test_accounts_and_symbols_alone_are_as_they_are_together(quotes, fills, moves):
    study = market(quotes, fills, moves)
    table = mm.spread_capture(study, horizon="30s")
    for account in table["account"].unique():
        own = table[table["account"] == account].reset_index(drop=True)
        alone = mm.spread_capture(study, horizon="30s", account=account)
        pd.testing.assert_frame_equal(alone, own, check_exact=False)
    for symbol in table["symbol"].unique():
        own = table[table["symbol"] == symbol].reset_index(drop=True)
        alone = mm.spread_capture(study, horizon="30s", symbol=symbol)
        pd.testing.assert_frame_equal(alone, own, check_exact=False)


@pytest.mark.parametrize("reference", ["weighted_mid", "microprice", "print"])
def test_the_reference_moves_the_parts_and_not_the_profit(reference):
    study, options = mm.sample(), {"account": "MM1", "horizon": "10s"}
    mid = mm.spread_capture(study, **options)
    other = mm.spread_capture(study, reference=reference, **options)
    np.testing.assert_allclose(other["profit"], mid["profit"], rtol=1e-12)
    assert other.attrs["gap"] < 1e-12
    assert (other["spread_earned"] != mid["spread_earned"]).all()
