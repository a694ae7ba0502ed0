"""Quoted, effective and realized spreads and impact, trade by trade: full spreads, one sign."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
NAN = float("nan")


def at(seconds):
    return START + pd.to_timedelta(np.asarray(seconds, float), unit="s")


def quotes(*rows, symbol="X"):
    """Rows of seconds, bid, ask, bid size, ask size."""
    table = pd.DataFrame(rows, columns=["s", "bid", "ask", "bid_size", "ask_size"], dtype=float)
    table.insert(0, "time", at(table.pop("s")))
    return table.assign(seq=2 * np.arange(len(rows)), symbol=symbol)


def trades(*rows, symbol="X"):
    """Rows of seconds, seq, price, side."""
    table = pd.DataFrame(rows, columns=["s", "seq", "price", "side"])
    table.insert(0, "time", at(table.pop("s")))
    return table.assign(size=1.0, symbol=symbol)


QUOTES = quotes(
    (0, 9.99, 10.01, 1, 3),
    (5, 10.01, 10.03, 1, 1),  # seq 2
    (8, NAN, 10.05, 0, 1),
    (20, 10.03, 10.07, 1, 1),
    (60, 10.00, 10.02, 1, 1),
)
TRADES = trades(
    (1, 0, 10.01, 1.0),  # mid 10.00; 5 s later 10.02, the quote of second 5 stood
    (5, 1, 9.99, -1.0),  # seq 1 < 2: still the first quote; 5 s later one side: the last mid 10.02
    (5, 3, 10.03, 1.0),  # seq 3: the second quote, mid 10.02
    (9, 0, 10.05, 1.0),  # one side only
    (30, 0, 10.06, NAN),
    (58, 0, 10.04, -1.0),  # the record ends at 60: no answer at 5 s
)


@pytest.fixture(scope="module")
def found():
    return mm.spreads(TRADES, QUOTES, horizons=["5s", "2s"], unit="abs")


def column(table, name):
    return [pytest.approx(v, nan_ok=True, abs=1e-12) for v in table[name]]


def test_by_hand(found):
    assert column(found, "bid") == [9.99, 9.99, 10.01, NAN, 10.03, 10.03]
    assert column(found, "reference") == [10.00, 10.00, 10.02, NAN, 10.05, 10.05]
    assert column(found, "quoted_full_abs") == [0.02, 0.02, 0.02, NAN, 0.04, 0.04]
    assert column(found, "effective_full_abs") == [0.02, 0.02, 0.02, NAN, NAN, 0.02]
    assert column(found, "realized_full_abs_5s") == [-0.02, 0.06, 0.02, NAN, NAN, NAN]
    assert column(found, "impact_full_abs_5s") == [0.04, -0.04, 0.0, NAN, NAN, NAN]
    assert column(found, "realized_full_abs_2s") == [0.02, 0.06, 0.02, NAN, NAN, -0.06]
    assert column(found, "impact_full_abs_2s") == [0.0, -0.04, 0.0, NAN, NAN, 0.08]


def test_what_is_missing_is_counted(found):
    assert found.attrs["counts"] == {
        "no quote before": 0,
        "one side only": 1,
        "locked": 0,
        "crossed": 0,
        "no sizes": 0,
        "auction": 0,
        "outside every session": 0,
        "without a side": 1,
        "past the end, 5s": 1,
        "past the end, 2s": 0,
    }
    assert found.attrs["horizons"] == ["5s", "2s"]
    assert (found.attrs["sides"], found.attrs["unit"]) == ("reported", "abs")


def test_basis_points_are_of_the_reference_now(found):
    bps = mm.spreads(TRADES, QUOTES, horizons=["5s", "2s"])
    for name in ("quoted_full_{}", "effective_full_{}", "realized_full_{}_5s", "impact_full_{}_2s"):
        want = 1e4 * found[name.format("abs")] / found["reference"]
        np.testing.assert_allclose(bps[name.format("bps")], want, rtol=1e-12)


def test_basis_points_of_the_later_reference(found):
    """Named, because published code does one and published papers the other."""
    bps = mm.spreads(TRADES, QUOTES, horizons=["5s", "2s"], relative_to="later")
    now = mm.spreads(TRADES, QUOTES, horizons=["5s", "2s"])
    assert (bps.attrs["relative_to"], now.attrs["relative_to"]) == ("later", "now")
    for name in ("quoted_full_bps", "effective_full_bps"):
        np.testing.assert_array_equal(bps[name], now[name])
    # the first trade: bought at 10.01, mid 10.00 then, 10.02 five seconds later
    assert bps["realized_full_bps_5s"][0] == pytest.approx(2e4 * (10.01 - 10.02) / 10.02)
    assert bps["impact_full_bps_5s"][0] == pytest.approx(2e4 * (10.02 - 10.00) / 10.02)
    assert now["impact_full_bps_5s"][0] == pytest.approx(2e4 * (10.02 - 10.00) / 10.00)
    whole = bps["realized_full_bps_5s"] + bps["impact_full_bps_5s"]
    later = found["reference"] + found["impact_full_abs_5s"] / (2 * found["side"])
    want = bps["effective_full_bps"] * found["reference"] / later
    np.testing.assert_allclose(whole, want.where(whole.notna()), rtol=1e-9)
    both = [mm.spreads(TRADES, QUOTES, unit="abs", relative_to=r) for r in ("now", "later")]
    pd.testing.assert_frame_equal(*both)


def test_weighted_mid():
    found = mm.spreads(TRADES, QUOTES, horizons=["5s"], unit="abs", reference="weighted_mid")
    # (10.01 * 1 + 9.99 * 3) / 4 = 9.995: a buyer pays more, a seller less than against the mid
    assert found["reference"].iloc[0] == pytest.approx(9.995)
    assert found["effective_full_abs"].tolist()[:2] == pytest.approx([0.03, 0.01])


def test_a_count_of_trades():
    found = mm.spreads(TRADES, QUOTES, horizons=["1 trade", "4 trades"], unit="abs")
    # valid before the next trade: 10.00, 10.02, 10.02 (the quote of second 8 has one side), ...
    assert column(found, "impact_full_abs_1_trade") == [0.0, -0.04, 0.0, NAN, NAN, NAN]
    assert column(found, "impact_full_abs_4_trades") == [0.10, -0.10, NAN, NAN, NAN, NAN]


def test_inferred_sides():
    found = mm.spreads(TRADES.assign(side=NAN), QUOTES, horizons=["2s"])
    assert found.attrs["sides"] == "lee_ready"
    assert column(found, "side") == [1, -1, 1, 1, 1, -1]
    by_tick = mm.spreads(TRADES, QUOTES, horizons=["2s"], sides="tick")
    assert column(by_tick, "side") == [NAN, -1, 1, 1, 1, -1]
    assert by_tick.attrs["counts"]["without a side"] == 1


def economy(seed=0, n=600, days=2, symbol="X"):
    """Irregular trades and quotes of days: one side, locked, crossed, many of one instant."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, days, n)) * 86_400.0
    mid = 1_000 + np.cumsum(rng.choice([-1, 0, 1], n))
    half, gone = rng.integers(-1, 6, n), rng.random(n) < 0.05
    bid = np.where(gone, np.nan, (mid - half) / 100)
    when = day + np.floor(rng.random(n) * 400)
    order = np.lexsort([np.arange(n), when])
    sizes = rng.integers(1, 9, (n, 2)).astype(float)
    known = quotes(*zip(when[order], bid, (mid + half) / 100, *sizes.T, strict=True), symbol=symbol)
    met = np.sort(day + np.floor(rng.random(n) * 400))
    side = rng.choice([-1.0, 1.0, np.nan], n, p=[0.45, 0.45, 0.1])
    price = (mid + rng.integers(-4, 5, n)) / 100
    tape = trades(*zip(met, 2 * np.arange(n) + 1, price, side, strict=True), symbol=symbol)
    return tape, known


def long_way_round(tape, known, horizon):
    """The reference before each trade and at t + h by plain loops, sessions being UTC dates."""
    day, step = 86_400 * 10**9, pd.Timedelta(horizon).value
    when, at_trade = (table["time"].dt.as_unit("ns").astype("int64") for table in (known, tape))
    both = (known["bid"] + known["ask"]).where(known["ask"] > known["bid"])
    states = list(zip(when, known["seq"], both, strict=True))
    end = max(when.max(), at_trade.max())
    now, later = [], []
    for time, seq in zip(at_trade, tape["seq"], strict=True):
        own = [row for row in states if row[0] // day == time // day]
        before = [m / 2 for t, s, m in own if (t, s) < (time, seq)]
        valid = [m / 2 for t, _, m in own if t <= time + step and m == m]
        past = time + step > min((time // day + 1) * day, end)
        now.append(before[-1] if before else NAN)
        later.append(NAN if past or not valid or now[-1] != now[-1] else valid[-1])
    return np.array(now), np.array(later)


@pytest.mark.parametrize("horizon", ["1s", "7s", "200s"])
def test_the_long_way_round(horizon):
    tape, known = economy(n=400)
    found = mm.spreads(tape, known, horizons=[horizon], unit="abs")
    now, later = long_way_round(tape, known, horizon)
    side, price = tape["side"].to_numpy(), tape["price"].to_numpy()
    np.testing.assert_allclose(found["effective_full_abs"], 2 * side * (price - now), atol=1e-12)
    impact = 2 * side * (later - now)
    np.testing.assert_allclose(found[f"impact_full_abs_{horizon}"], impact, atol=1e-12)
    assert np.isfinite(impact).sum() > 150
    assert set(found["apart"]) == {"", "no quote before", "one side only", "locked", "crossed"}
    np.testing.assert_array_equal(found["apart"] == "", ~np.isnan(now))


def identity_holds(table, horizons, unit):
    for horizon in horizons:
        parts = table[f"realized_full_{unit}_{horizon}"] + table[f"impact_full_{unit}_{horizon}"]
        known = parts.notna()
        whole = table.loc[known, f"effective_full_{unit}"]
        np.testing.assert_allclose(parts[known], whole, rtol=0, atol=1e-9)


@pytest.mark.parametrize("reference", ["mid", "weighted_mid"])
@pytest.mark.parametrize("unit", ["bps", "abs"])
def test_effective_is_realized_and_impact_in_every_trade(reference, unit):
    tape, known = economy(1)
    found = mm.spreads(tape, known, horizons=["1s", "60s"], unit=unit, reference=reference)
    identity_holds(found, ["1s", "60s"], unit)


REFERENCES = pytest.mark.parametrize("reference", ["mid", "weighted_mid", "microprice"])
HORIZONS = ["5s", "60s", "3 trades"]


def study(tape, known, tick=0.01):
    """With a tick, and sessions that leave some trades and quotes outside."""
    calendar = "10:00-10:05 UTC"
    about = pd.DataFrame({"symbol": ["X"], "tick": [tick], "calendar": [calendar]})
    return mm.Market(trades=tape, quotes=known, symbols=about)


def told(market, reference, **options):
    """The spreads and what was kept apart, and the counts."""
    found = mm.spreads(market, horizons=HORIZONS, reference=reference, **options)
    return found[["apart", *found.filter(like="_full_")]], found.attrs["counts"]


@REFERENCES
def test_the_mirrored_tape_pays_the_same_and_twice_the_tick_twice_as_much(reference):
    tape, known = economy(2)
    tape["event"] = np.where(tape.index % 17 == 3, "cross", "fill")
    found, counts = told(study(tape, known), reference, unit="abs")
    turned = known.assign(
        bid=20 - known["ask"],
        ask=20 - known["bid"],
        bid_size=known["ask_size"],
        ask_size=known["bid_size"],
    )
    mirror = tape.assign(price=20 - tape["price"], side=-tape["side"])
    again, others = told(study(mirror, turned), reference, unit="abs")
    pd.testing.assert_frame_equal(again, found, atol=1e-9)
    assert others == counts
    assert min(counts["outside every session"], counts["auction"], counts["crossed"]) > 10
    wide = known.assign(bid=2 * known["bid"], ask=2 * known["ask"])
    wide = study(tape.assign(price=2 * tape["price"]), wide, tick=0.02)
    twice = told(wide, reference, unit="abs")[0]
    spreads = found.columns[1:]
    pd.testing.assert_frame_equal(twice[spreads], 2 * found[spreads], atol=1e-9)
    parts = told(study(tape, known), reference)[0]
    pd.testing.assert_frame_equal(told(wide, reference)[0], parts, atol=1e-6)


@REFERENCES
def test_idle_rows_change_nothing(reference):
    """Horizons are in seconds: quotes that repeat the one before them shift rows, not answers."""
    tape, known = economy(3)
    idle = known.iloc[::2].assign(seq=lambda q: q["seq"] + 1)
    more = pd.concat([known, idle]).sort_values(["time", "seq"], kind="stable")
    found, counts = told(study(tape, known), reference)
    again, others = told(study(tape, more), reference)
    pd.testing.assert_frame_equal(again, found, atol=1e-9)
    assert others == counts


def test_every_trade_is_a_row_or_outside_and_every_row_apart_is_counted():
    tape, known = economy(8)
    tape["event"] = np.where(tape.index % 17 == 3, "cross", "fill")
    found = mm.spreads(study(tape, known), horizons=["5s"])
    counts = dict(found.attrs["counts"])
    assert len(found) + counts.pop("outside every session") == len(tape)
    apart = found["apart"].value_counts()
    for reason, n in apart.drop("").items():
        assert counts.pop(reason) == n
    assert counts.pop("no sizes") == 0
    left = found[found["apart"] == ""]
    assert counts.pop("without a side") == left["side"].isna().sum()
    lost = left["side"].notna() & left["impact_full_bps_5s"].isna()
    assert counts == {"past the end, 5s": lost.sum()}
    assert left["quoted_full_bps"].min() > 0


def test_the_order_of_rows_changes_nothing_and_the_future_no_spread_known_by_then():
    tape, known = economy(4)
    found = mm.spreads(tape, known, horizons=["5s"])
    mixed = tape.sample(frac=1, random_state=1), known.sample(frac=1, random_state=2)
    pd.testing.assert_frame_equal(mm.spreads(*mixed, horizons=["5s"]), found)
    cut = tape["time"].iloc[300]
    early = mm.spreads(tape[tape["time"] <= cut], known[known["time"] <= cut], horizons=["5s"])
    told = early["time"] + pd.Timedelta("5s") <= cut
    pd.testing.assert_frame_equal(early[told], found.iloc[: len(early)][told])
    assert early.loc[~told, "impact_full_bps_5s"].isna().all()


def test_a_session_ends_at_its_close_and_quotes_do_not_cross_a_night():
    calendar = "10:00-10:01 UTC"
    known = quotes((-5, 9.9, 10.1, 1, 1), (10, 9.9, 10.1, 1, 1), (70, 8.0, 8.2, 1, 1))
    tape = trades((5, 1, 10.1, 1), (20, 1, 10.1, 1), (58, 1, 10.1, 1), (80, 1, 8.2, 1))
    market = mm.Market(trades=tape, quotes=known, calendar=calendar)
    found = mm.spreads(market, horizons=["5s"], unit="abs")
    # the first knows only a quote from before the open; the third's 5 s end after the close
    assert column(found, "effective_full_abs") == [NAN, 0.2, 0.2]
    assert column(found, "impact_full_abs_5s") == [NAN, 0.0, NAN]
    counts = found.attrs["counts"]
    names = ["outside every session", "no quote before", "past the end, 5s"]
    assert [counts[name] for name in names] == [1, 1, 1]


def test_symbols_and_a_book(tmp_path):
    one, two = economy(5), economy(6, symbol="Y")
    both = mm.Market(trades=pd.concat([one[0], two[0]]), quotes=pd.concat([one[1], two[1]]))
    found = mm.spreads(both, horizons=["5s"])
    assert found["symbol"].unique().tolist() == ["X", "Y"]
    alone = mm.spreads(*two, horizons=["5s"])
    pd.testing.assert_frame_equal(mm.spreads(both, symbol="Y", horizons=["5s"]), alone)
    book = two[1].rename(columns={c: f"{c}_1" for c in ("bid", "ask", "bid_size", "ask_size")})
    market = mm.Market(trades=two[0], book=book)
    pd.testing.assert_frame_equal(mm.spreads(market, horizons=["5s"]), alone)
    both.save(tmp_path / "saved", by="day")
    pd.testing.assert_frame_equal(mm.spreads(mm.open(tmp_path / "saved"), horizons=["5s"]), found)


def test_ht6_effective_spread_is_what_was_paid():
    """Where 60 % of quotes move in their trade's own instant (HT6): .0200, not .0080."""
    rng = np.random.default_rng(6)
    side, moves = rng.choice([-1, 1], 5_000), rng.random(5_000) < 0.6
    after = 10_000 + np.cumsum(side * moves)
    before = after - side * moves
    when = np.arange(1, 5_001)
    tape = trades(*zip(when, 2 * when - 1, (before + side) / 100, side, strict=True))
    rows = zip(when[moves], (after[moves] - 1) / 100, (after[moves] + 1) / 100, strict=True)
    known = quotes((0, 99.99, 100.01, 1, 1), *((*row, 1, 1) for row in rows))
    known["seq"] = [0, *(2 * when[moves])]
    found = mm.spreads(tape, known, horizons=["500ms"], unit="abs")
    np.testing.assert_allclose(found["effective_full_abs"], 0.02, atol=1e-11)
    # the quote moves one tick towards the trade in 60 %: impact is 2 ticks there
    impact = found["impact_full_abs_500ms"]
    assert impact.mean() == pytest.approx(0.02 * moves[:-1].mean(), abs=1e-9)


def test_quoted_spread_by_hand():
    found = mm.quoted_spread(mm.Market(trades=TRADES, quotes=QUOTES))
    # .02 for 8 s, one side for 12, .04 for 40, and the record ends
    assert found["quoted_full_abs"].tolist() == [pytest.approx((0.02 * 8 + 0.04 * 40) / 48)]
    mids = 0.02 / 10 * 5 + 0.02 / 10.02 * 3 + 0.04 / 10.05 * 40
    assert found["quoted_full_bps"].tolist() == [pytest.approx(1e4 * mids / 48)]
    assert found[["seconds", "share", "locked_or_crossed"]].to_numpy().tolist() == [[48, 0.8, 0]]


def test_quoted_spread_of_sessions():
    known = quotes((-9, 1.0, 9.0, 1, 1), (10, 9.9, 10.1, 1, 1), (50, 10.1, 10.1, 1, 1))
    later = quotes((10, 9.8, 10.1, 1, 1), (900, 9.0, 9.2, 1, 1)).assign(seq=[10, 11])
    later["time"] += pd.Timedelta("1D")
    market = mm.Market(quotes=pd.concat([known, later]), calendar="10:00-10:01 UTC")
    found = mm.quoted_spread(market)
    assert found["quoted_full_abs"].tolist() == pytest.approx([0.2 * 40 / 50, 0.3])
    assert found["seconds"].tolist() == [50, 50]
    assert found["locked_or_crossed"].tolist() == pytest.approx([0.2, 0])


@pytest.mark.bad_input("no quotes at all")
def test_what_is_refused():
    with pytest.raises(ValueError, match="need quotes"):
        mm.spreads(TRADES)
    with pytest.raises(ValueError, match="needs quotes"):
        mm.quoted_spread(mm.Market(trades=TRADES))
    with pytest.raises(ValueError, match="no trade"):
        mm.spreads(mm.Market(quotes=QUOTES))
    with pytest.raises(ValueError, match="mid, weighted_mid, microprice"):
        mm.spreads(TRADES, QUOTES, reference="last")
    with pytest.raises(ValueError, match="bps, abs"):
        mm.spreads(TRADES, QUOTES, unit="ticks")
    with pytest.raises(ValueError, match="now, later"):
        mm.spreads(TRADES, QUOTES, relative_to="mid")
    with pytest.raises(ValueError, match="auto, reported"):
        mm.spreads(TRADES, QUOTES, sides="lr")
    for horizons in ([], ["5s", "5s"], ["1D"], ["0s"], ["soon"], ["40000D"]):
        with pytest.raises(ValueError, match=r"horizon|freq"):
            mm.spreads(TRADES, QUOTES, horizons=horizons)
    with pytest.raises(KeyError, match="no symbol"):
        mm.spreads(TRADES, QUOTES, symbol="Z")
    with pytest.raises(TypeError, match="DataFrame"):
        mm.spreads("trades.csv", QUOTES)
    dated = mm.Market(trades=TRADES, quotes=QUOTES, calendar="dates")
    with pytest.raises(ValueError, match="no clock"):
        mm.spreads(dated)
    assert len(mm.spreads(dated, horizons=["1 trade"])) == 6


@pytest.mark.bad_input("locked and crossed quotes")
def test_locked_and_crossed_quotes_are_named_and_give_no_spread():
    known = quotes(
        (0, 9.9, 10.1, 1, 1),
        (5, 10.0, 10.0, 1, 1),
        (7, 10.2, 10.0, 1, 1),
        (60, 10.0, 10.4, 1, 1),
    )
    tape = trades((1, 1, 10.1, 1), (6, 3, 10.0, 1), (9, 5, 10.0, 1), (58, 7, 10.0, 1))
    found = mm.spreads(tape, known, horizons=["7s", "2 trades"], unit="abs")
    assert found["apart"].tolist() == ["", "locked", "crossed", "crossed"]
    assert column(found, "ask") == [10.1, 10.0, 10.0, 10.0]
    assert column(found, "reference") == [10.0, NAN, NAN, NAN]
    assert found.loc[1:].filter(like="full").isna().all(axis=None)
    # at second 8 the last valid mid of the session is still the first; so it is two trades later
    assert found.loc[0].filter(like="impact").tolist() == pytest.approx([0.0, 0.0])
    counts = found.attrs["counts"]
    assert (counts["locked"], counts["crossed"]) == (1, 2)


@pytest.mark.bad_input("an auction's print among trades")
def test_a_print_of_an_auction_is_kept_apart():
    event = ["fill", "cross", "hidden_fill", None, "fill", "fill"]
    tape = TRADES.assign(event=event)
    found = mm.spreads(tape, QUOTES, horizons=["2s"])
    assert found["apart"].tolist() == ["", "auction", "", "one side only", "", ""]
    assert found.loc[1].filter(like="full").isna().all()
    assert found.attrs["counts"]["auction"] == 1
    plain = mm.spreads(TRADES, QUOTES, horizons=["2s"])
    rest = found.index != 1
    pd.testing.assert_frame_equal(found[rest], plain[rest])


@pytest.mark.bad_input("quotes that never have both sides")
def test_quotes_that_never_have_both_sides_tell_nothing():
    known = QUOTES.assign(bid=NAN)
    found = mm.spreads(TRADES, known, horizons=["1s"])
    assert found.filter(like="full").isna().all(axis=None)
    assert found.attrs["counts"]["one side only"] == 6


def test_horizons_only_lengthen_what_is_past_the_end():
    tape, known = economy(7)
    names = ["1s", "5s", "60s", "300s"]
    counts = mm.spreads(tape, known, horizons=names).attrs["counts"]
    assert all(
        counts[f"past the end, {a}"] <= counts[f"past the end, {b}"] for a, b in pairwise(names)
    )
