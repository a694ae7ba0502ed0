"""Fills beside prints like them: by hand, and an extra loss that was planted is found."""

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
DAYS, EACH, SHARE = 12, 700, 0.25
TICK = 0.01


def at(seconds):
    return START + pd.to_timedelta(np.asarray(seconds, float), unit="s")


def tape(*rows):
    """Rows of seconds, price, side, size; seq is odd."""
    table = pd.DataFrame(rows, columns=["s", "price", "side", "size"], dtype=float)
    table.insert(0, "time", at(table.pop("s")))
    return table.assign(seq=2 * np.arange(len(rows)) + 1, symbol="X")


QUOTES = pd.DataFrame(
    {"bid": [9.99, 9.98, 9.99, 9.99], "ask": [10.01, 10.02, 10.01, 10.01], "symbol": "X"}
).assign(time=at([0, 40, 60, 900]), seq=0, bid_size=1.0, ask_size=1.0)
PRINTS = tape(
    (1, 10.01, 1, 5.0),  # the aggressor bought: the passive side sold
    (10, 9.99, -1, 5.0),  # the account's own
    (11, 9.99, -1, 5.0),  # nearer than the horizon
    (17, 9.99, -1, 11.0),  # too large
    (18, 10.01, 1, 5.0),  # the other side
    (41, 9.98, -1, 5.0),  # a wider spread
    (70, 9.99, -1, 9.0),  # the control
    (80, 9.99, -1, 5.0),  # further away
).assign(trade_id=[str(n) for n in range(8)])
FILL = PRINTS.iloc[1:2].assign(account="desk", side=1.0, maker=True)


def market(fills, trades=PRINTS):
    return mm.Market(fills=fills, trades=trades, quotes=QUOTES)


def test_the_nearest_print_that_is_alike():
    found = mm.matched_fills(market(FILL), horizons=["5s"], unit="abs").iloc[0]
    assert (found["control_time"], found["control_size"]) == (at(70), 9.0)
    assert found["control_capture_abs"] == pytest.approx(0.01)
    assert found["extra_capture_abs"] == pytest.approx(0.0)
    assert found["extra_markout_abs_5s"] == pytest.approx(0.0)
    assert found["apart"] == ""
    cases = {
        41: {"spread_ratio": None},
        17: {"size_ratio": None},
        11: {"beyond": "0s"},
        80: {"beyond": "60s", "size_ratio": 1.0},
    }
    for second, options in cases.items():
        again = mm.matched_fills(market(FILL), horizons=["5s"], **options).iloc[0]
        assert again["control_time"] == at(second)


def test_prints_that_the_account_took_part_in_are_no_controls():
    by_number = FILL.assign(time=FILL["time"] + pd.Timedelta("3ms"))
    by_values = FILL.drop(columns="trade_id")
    for fills in (by_number, by_values):
        found = mm.matched_fills(market(fills), horizons=["1s"], beyond="0s")
        assert found["control_time"].tolist() == [at(11)]
        assert found.attrs["counts"]["not on the tape"] == 0
    both = pd.concat([FILL, FILL.assign(time=at([11.0])[0], trade_id="2", seq=99)])
    found = mm.matched_fills(market(both), horizons=["1s"], beyond="0s", size_ratio=None)
    assert found["control_time"].tolist() == [at(17), at(17)]
    assert found.attrs["controls"] == 1


def test_prints_of_the_fills_own_instant_are_no_controls():
    twin = PRINTS.iloc[1:2].assign(seq=50, trade_id="50")  # of the order that met the account too
    trades = pd.concat([PRINTS, twin]).sort_values(["time", "seq"])
    found = mm.matched_fills(market(FILL, trades), horizons=["1s"], beyond="0s")
    assert found["control_time"].tolist() == [at(11)]


@pytest.mark.bad_input("fills without a print like them")
def test_who_has_no_control_is_named_and_counted():
    fills = pd.concat(
        [
            FILL,
            FILL.assign(seq=100, maker=False),
            FILL.assign(seq=101, size=0.1),
            FILL.assign(seq=102, maker=pd.NA, time=at([-9.0])[0]),
        ]
    )
    fills["maker"] = fills["maker"].astype("boolean")
    found = mm.matched_fills(market(fills), horizons=["5s"])
    assert found["apart"].tolist() == ["no quote before", "", "taker", "no control"]
    counts = found.attrs["counts"]
    assert (counts["taker"], counts["no control"], counts["maker not known"]) == (1, 1, 1)
    pairs = found.filter(regex="^(control|extra)_")
    assert pairs[found["apart"] != ""].isna().all(axis=None)


def test_a_control_is_of_the_same_session():
    other = PRINTS.assign(time=PRINTS["time"] + pd.Timedelta("1D"))
    late = QUOTES.assign(time=QUOTES["time"] + pd.Timedelta("1D"))
    quotes = pd.concat([QUOTES, late])
    trades = pd.concat([PRINTS.iloc[:2], other])
    held = mm.Market(fills=FILL, trades=trades, quotes=quotes)
    found = mm.matched_fills(held, horizons=["5s"], within="2D")
    assert found["apart"].tolist() == ["no control"]


@pytest.mark.bad_input("nothing to match fills with")
def test_what_is_refused():
    for tables in ({"fills": FILL}, {"trades": PRINTS}):
        with pytest.raises(ValueError, match="need fills and public trades"):
            mm.matched_fills(mm.Market(quotes=QUOTES, **tables))
    with pytest.raises(ValueError, match=r"beyond must be .*size_ratio must be .*spread_ratio"):
        mm.matched_fills(market(FILL), within="1s", size_ratio=0.5, spread_ratio=float("nan"))
    dated = mm.Market(fills=FILL, trades=PRINTS, quotes=QUOTES, calendar="dates")
    with pytest.raises(ValueError, match="no clock"):
        mm.matched_fills(dated, horizons=["1 trade"])


def economy(seed, extra, delay=0.5):
    """Trades that move the mid 0.3 ticks; `delay` s after the account's it moves `extra` ticks."""
    rng = np.random.default_rng(seed)
    n = DAYS * EACH
    day = np.repeat(np.arange(DAYS), EACH) * 86_400.0
    when = day + np.sort(rng.random((DAYS, EACH)), axis=1).ravel() * 21_600
    aggressor, own = rng.choice([-1.0, 1.0], n), rng.random(n) < SHARE
    seconds = np.concatenate([when, when[own] + delay])
    moves = np.concatenate([0.3 * aggressor + rng.normal(0, 0.5, n), extra * aggressor[own]])
    order = np.argsort(seconds, kind="stable")
    mid = 10_000 + np.append(0, np.cumsum(moves[order]))  # ticks
    before = np.empty(len(order))
    before[order] = mid[:-1]
    quotes = pd.DataFrame({"time": at(np.append(-1, seconds[order]))})
    quotes = quotes.assign(symbol="X", seq=2 * np.arange(len(quotes)), bid_size=1.0, ask_size=1.0)
    quotes["bid"], quotes["ask"] = TICK * (mid - 1), TICK * (mid + 1)
    trades = pd.DataFrame({"time": at(when), "symbol": "X", "side": aggressor, "size": 1.0})
    place = np.empty(len(order), int)
    place[order] = np.arange(len(order))
    trades["seq"] = 2 * place[:n] + 1  # its own move is the quote of 2 (place + 1)
    trades["price"] = TICK * (before[:n] + aggressor)
    trades["trade_id"] = np.arange(n).astype(str)
    fills = trades[own].assign(account="desk", side=-aggressor[own], maker=True)
    return mm.Market(fills=fills, trades=trades, quotes=quotes)


def mean_and_error(table, name):
    """Mean over days, and its standard error by day."""
    days = table[table["apart"] == ""].groupby("day")[name].mean()
    return days.mean(), days.std() / np.sqrt(len(days))


@pytest.mark.parametrize("extra", [0.0, 1.0])
def test_a_planted_extra_loss_is_found_and_none_where_none_was_planted(extra):
    """12 days of 700 trades, 1 in 4 the account's; seeds 1 and 2, 4.5 standard errors of 11 df."""
    for seed in (1, 2):
        held = economy(seed, extra)
        found = mm.matched_fills(held, horizons=["5s", "60s"], unit="abs")
        assert (found["apart"] == "").mean() > 0.9
        for h in ("5s", "60s"):
            mean, error = mean_and_error(found, f"extra_adverse_abs_{h}")
            assert abs(mean / TICK - extra) < 4.5 * error / TICK
            assert error / TICK < 0.15
        mean, _ = mean_and_error(found, "extra_capture_abs")
        assert mean == pytest.approx(0, abs=1e-9)


def test_what_hurts_the_account_later_hurts_nearer_controls_too():
    """One tick is lost 40 s after a fill: next prints lose it too, those after a minute do not."""
    near, far = [], []
    for seed in (4, 5, 6):
        held = economy(seed, 1.0, delay=40)
        for beyond, kept in (("0s", near), (None, far)):
            table = mm.matched_fills(held, horizons=["60s"], unit="abs", beyond=beyond)
            kept.append(mean_and_error(table, "extra_adverse_abs_60s")[0] / TICK)
    # errors of these means are below 0.03 ticks
    assert np.mean(near) < 0.8
    assert np.mean(far) == pytest.approx(1, abs=0.12)
