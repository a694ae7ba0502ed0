"""Each cleaning step by hand, and on random rows against plain loops written from its words."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mmresearch.load.taq import cleaning as taq_cleaning
from mmresearch.load.taq import taq

SHORT = "SYMBOL,DATE,TIME,"
TRADE = SHORT + "PRICE,SIZE,CORR,COND,EX"
QUOTE = SHORT + "BID,OFR,BIDSIZ,OFRSIZ,EX"
PAPER = {  # the paper's step -> highfrequency's name, trades or quotes
    "trades": {
        "P1": "exchangeHoursOnly",
        "P2": "noZeroPrices",
        "P3": "selectExchange",
        "T3": "mergeTradesSameTimestamp",
        "T4": "rmTradeOutliersUsingQuotes",
    },
    "quotes": {
        "P1": "exchangeHoursOnly",
        "P2": "noZeroQuotes",
        "P3": "selectExchange",
        "Q1": "mergeQuotesSameTimestamp",
        "Q2": "rmNegativeSpread",
        "Q3": "rmLargeSpread",
        "Q4": "rmOutliersQuotes",
    },
}


def write(folder: Path, name: str, header: str, rows: list[str]) -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return path


def trade(time="10:00:00", price="10", size="100", corr="0", cond="", ex="N", who="A,20080103"):
    return f"{who},{time},{price},{size},{corr},{cond},{ex}"


def quote(time="10:00:00", bid="9.99", ask="10.01", sizes="1,2", ex="N", who="A,20080103"):
    return f"{who},{time},{bid},{ask},{sizes},{ex}"


def gone(market) -> list[tuple[int, str]]:
    """Lines set aside and why; what was read is what was kept and what was set aside."""
    receipt = market.receipt
    held = sum(len(market[table]) for table in market)
    assert held == receipt.rows_kept
    assert held + len(receipt.set_aside) == receipt.rows_read
    return sorted(receipt.set_aside[["line", "reason"]].itertuples(index=False, name=None))


# --- by hand: P -----------------------------------------------------------------------------------


def test_nothing_is_done_unless_asked(tmp_path):
    rows = [trade("3:00:00"), trade(corr="8"), trade(cond="Z"), trade(), trade(ex="D")]
    assert gone(taq(write(tmp_path, "t.csv", TRADE, rows))) == []


@pytest.mark.parametrize("step", ["P1", "exchangeHoursOnly"])
def test_p1_hours_both_ends_included(tmp_path, step):
    times = ["9:29:59.999999999", "9:30:00", "16:00:00", "16:00:00.000000001"]
    trades = write(tmp_path, "t.csv", TRADE, [trade(time) for time in times])
    assert gone(taq(trades, clean=step)) == [(2, step), (5, step)]
    quotes = write(tmp_path, "q.csv", QUOTE, [quote(time) for time in times])
    assert gone(taq(quotes, clean=step)) == [(2, step), (5, step)]


def test_p1_in_summer(tmp_path):
    rows = [trade(time, who="A,20080703") for time in ("9:29:59", "9:30:00", "16:00:01")]
    assert gone(taq(write(tmp_path, "t.csv", TRADE, rows), clean="P1")) == [(2, "P1"), (4, "P1")]


def test_p2_prices_of_0(tmp_path):
    trades = write(tmp_path, "t.csv", TRADE, [trade(), trade(price="0"), trade(size="0")])
    market = taq(trades, clean="P2")
    assert gone(market) == [(3, "P2"), (4, "size not above 0")]
    assert any(note.startswith("P2: 1 trades without a price") for note in market.receipt.notes)
    rows = [quote(), quote(bid="0"), quote(ask="0", sizes="1,0")]
    assert gone(taq(write(tmp_path, "q.csv", QUOTE, rows), clean="P2")) == [(3, "P2"), (4, "P2")]


def test_p3_one_exchange(tmp_path):
    trades = write(tmp_path, "t.csv", TRADE, [trade(ex=code) for code in ["N", "T", "Q", "D", ""]])
    assert [line for line, _ in gone(taq(trades, clean="P3", exchange="N"))] == [3, 4, 5, 6]
    assert [line for line, _ in gone(taq(trades, clean="P3", exchange="TQ"))] == [2, 5, 6]


def test_p3_of_each_symbol_its_own(tmp_path):
    rows = [trade(who=f"{s},20080103", ex=code) for s in "AB" for code in "NT"]
    trades = write(tmp_path, "t.csv", TRADE, rows)
    market = taq(trades, clean="P3", exchange={"A": "N", "B": "TQ"})
    assert gone(market) == [(3, "P3"), (4, "P3")]
    assert [line for line, _ in gone(taq(trades, clean="P3", exchange={"A": "N"}))] == [3, 4, 5]


# --- by hand: T -----------------------------------------------------------------------------------


def test_t1_corrections(tmp_path):
    rows = [trade(corr=code) for code in ["0", "1", "8", "00", ""]]
    assert gone(taq(write(tmp_path, "t.csv", TRADE, rows), clean="T1")) == [(3, "T1"), (4, "T1")]


CONDITIONS = ["", "@", "E", "F", "@F", "F I", "I", "Z", "T", "4", "@ TI", "E F"]


def test_t2_letters_but_e_and_f(tmp_path):
    trades = write(tmp_path, "t.csv", TRADE, [trade(cond=c) for c in CONDITIONS])
    removed = [CONDITIONS[line - 2] for line, _ in gone(taq(trades, clean="T2"))]
    assert removed == ["F I", "I", "Z", "T", "@ TI"]


@pytest.mark.parametrize("step", ["tradesCondition", "salesCondition"])
def test_conditions_with_odd_lots(tmp_path, step):
    trades = write(tmp_path, "t.csv", TRADE, [trade(cond=c) for c in CONDITIONS])
    removed = [CONDITIONS[line - 2] for line, _ in gone(taq(trades, clean=step))]
    assert removed == ["Z", "T", "4", "@ TI", "E F"]


def test_t3_one_row_an_instant(tmp_path):
    rows = [
        trade("10:00:01", "10.00", "100", ex="N", cond="F"),
        trade("10:00:01", "10.03", "200", ex="T", cond="F"),
        trade("10:00:01", "10.01", "50", ex="N", cond="F"),
        trade("10:00:02", "10.02", "10"),
        trade("10:00:03", "10.00", "1"),
        trade("10:00:03", "10.05", "2"),
    ]
    market = taq(write(tmp_path, "t.csv", TRADE, rows), clean="T3")
    trades = market.trades
    assert gone(market) == [(3, "T3"), (4, "T3"), (7, "T3")]
    assert trades["price"].tolist() == [10.01, 10.02, 10.025]  # the median
    assert trades["size"].tolist() == [350, 10, 3]  # the sum
    assert trades["merged"].tolist() == [3, 1, 2]
    assert trades["seq"].tolist() == [1, 4, 5]  # the first one's place
    assert trades["ex"].isna().tolist() == [True, False, False]  # they differ
    assert trades["cond"].tolist()[0] == "F"
    assert any("T3: 3 trades merged" in note for note in market.receipt.notes)


def test_t3_keeps_symbols_apart_wherever_their_rows_stand(tmp_path):
    rows = [trade(price=p, who=f"{s},20080103") for s, p in zip("ABAB", "1234", strict=True)]
    market = taq(write(tmp_path, "t.csv", TRADE, rows), clean="T3")
    by_symbol = market.trades.set_index("symbol")
    assert by_symbol["price"].to_dict() == {"A": 2, "B": 3}
    assert gone(market) == [(4, "T3"), (5, "T3")]


def test_t3_of_rows_out_of_order(tmp_path):
    clocks = ["10:00:02", "10:00:01", "10:00:02"]
    rows = [trade(time, price) for time, price in zip(clocks, ["10", "20", "30"], strict=True)]
    market = taq(write(tmp_path, "t.csv", TRADE, rows), clean="T3")
    assert market.trades[["price", "merged"]].to_numpy().tolist() == [[20, 1], [20, 2]]
    assert gone(market) == [(4, "T3")]


def test_t4_a_spread_beyond_the_last_quote(tmp_path):
    quotes = write(tmp_path, "q.csv", QUOTE, [quote("10:00:00", "9.98", "10.02")])
    # ask 10.02 + spread 0.04; bid 9.98 - spread 0.04; the bounds themselves stay
    prices = ["10.06", "10.0601", "9.94", "9.9399", "10"]
    trades = write(tmp_path, "t.csv", TRADE, [trade("10:00:01", p) for p in prices])
    assert gone(taq(trades, quotes, clean="T4")) == [(3, "T4"), (5, "T4")]


def test_t4_takes_quotes_known_before_of_that_day(tmp_path):
    rows = [
        quote("10:00:00", "9.98", "10.02"),
        quote("10:00:05", "19.98", "20.02"),
        quote("10:00:06", "20.5", "20.4"),  # crossed: not one to judge by
    ]
    quotes = write(tmp_path, "q.csv", QUOTE, rows)
    rows = [
        trade("9:59:59", "50"),  # no quote yet
        trade("10:00:00", "50"),  # the quote of its instant is not before it
        trade("10:00:05", "20"),  # still against the first quote: out
        trade("10:00:05.1", "20"),
        trade("10:00:07", "20"),
        trade("10:00:01", "50", who="A,20080104"),  # another day
        trade("10:00:01", "50", who="B,20080103"),  # another symbol
    ]
    trades = write(tmp_path, "t.csv", TRADE, rows)
    assert gone(taq(trades, quotes, clean="T4")) == [(4, "T4")]


def test_t4_judges_by_the_cleaned_quotes(tmp_path):
    rows = [quote(ex="N"), quote("10:00:01", "29.98", "30.02", ex="T")]
    quotes = write(tmp_path, "q.csv", QUOTE, rows)
    trades = write(tmp_path, "t.csv", TRADE, [trade("10:00:02", "10")])
    kept = taq(trades, quotes, clean=("P3", "T4"), exchange="N")
    assert gone(kept) == [(3, "P3")]
    # whichever file comes first, and in whichever order the steps are named
    assert gone(taq(quotes, trades, clean=("T4", "P3"), exchange="N")) == [(3, "P3")]


# --- by hand: Q -----------------------------------------------------------------------------------


def test_q1_one_row_an_instant(tmp_path):
    rows = [
        quote("10:00:01", "9.98", "10.02", "1,4", ex="N"),
        quote("10:00:01", "9.96", "10.01", "2,4", ex="N"),
        quote("10:00:01", "9.97", "10.05", "9,4", ex="N"),
        quote("10:00:02", "9.90", "10.10", "3,1"),
        quote("10:00:02", "0", "10.20", "0,2"),
    ]
    market = taq(write(tmp_path, "q.csv", QUOTE, rows), clean="Q1")
    quotes = market.quotes
    assert gone(market) == [(3, "Q1"), (4, "Q1"), (6, "Q1")]
    assert quotes["bid"].tolist() == [9.97, 9.90]  # a side that is missing has no say
    assert quotes["ask"].tolist() == pytest.approx([10.02, 10.15])
    assert quotes["bid_size"].tolist() == [2, 1.5]
    assert quotes["ask_size"].tolist() == [4, 1.5]
    assert quotes["merged"].tolist() == [3, 2]


def test_q2_negative_spreads(tmp_path):
    asks = ["10.01", "9.99", "9.98", "0"]  # locked stays, crossed goes, no ask stays
    rows = [quote(ask=ask) for ask in asks]
    assert gone(taq(write(tmp_path, "q.csv", QUOTE, rows), clean="Q2")) == [(4, "Q2")]


def test_q3_spreads_over_50_medians_of_the_day(tmp_path):
    # median 0.02 on the first day, 0.03 on the second: 1.00 and 1.50 stay, a hundredth more goes
    first = [quote(ask=ask) for ask in ("10.01", "10.01", "10.01", "10.99", "11", "0")]
    second = [quote(ask=a, who="A,20080104") for a in ("10.02", "10.02", "10.02", "11.49", "11.5")]
    rows = [*first, *second]
    assert gone(taq(write(tmp_path, "q.csv", QUOTE, rows), clean="Q3")) == [(6, "Q3"), (12, "Q3")]


def stream(mids: list[float], who: str = "A,20080103") -> list[str]:
    """A quote a second, a hundredth around each mid."""
    times = [f"10:{n // 60:02d}:{n % 60:02d}" for n in range(len(mids))]
    return [
        quote(t, f"{m - 0.01:.4f}", f"{m + 0.01:.4f}", who=who)
        for t, m in zip(times, mids, strict=True)
    ]


@pytest.mark.parametrize(
    ("mid", "far"), [(10.04, False), (10.0401, True), (9.96, False), (9.9599, True)]
)
def test_q4_ten_mean_absolute_deviations(tmp_path, mid, far):
    # of the 50 around it 20 lie 0.01 off their median 10: MAD is 0.004, ten of them 0.04
    around = [10.01, 9.99, 10, 10, 10] * 5
    rows = stream([*around, mid, *around])
    market = taq(write(tmp_path, "q.csv", QUOTE, rows), clean="Q4")
    assert gone(market) == ([(27, "Q4")] if far else [])


def test_q4_needs_25_on_each_side_of_one_day_and_symbol(tmp_path):
    still = [10.0] * 25
    path = write(tmp_path, "q.csv", QUOTE, stream([*still, 11, *still[1:]]))
    assert gone(taq(path, clean="Q4")) == []  # 24 after it
    rows = stream([*still, 11, *still])
    assert gone(taq(write(tmp_path, "q.csv", QUOTE, rows), clean="Q4")) == [(27, "Q4")]
    parts = stream([*still, 11]) + stream(still, "A,20080104") + stream(still, "B,20080103")
    assert gone(taq(write(tmp_path, "q.csv", QUOTE, parts), clean="Q4")) == []


def test_q4_passes_over_quotes_without_a_mid(tmp_path):
    rows = stream([*[10.0] * 25, 11, *[10.0] * 25])
    one_sided = quote("10:00:24", bid="0", ask="50")
    rows = [*rows[:25], one_sided, *rows[25:]]
    assert gone(taq(write(tmp_path, "q.csv", QUOTE, rows), clean="Q4")) == [(28, "Q4")]


# --- by plain loops -------------------------------------------------------------------------------


def plain_outliers(mids: list[int]) -> list[int]:
    """Q4 from its words, in exact fractions."""
    far = []
    for i in range(25, len(mids) - 25):
        others = mids[i - 25 : i] + mids[i + 1 : i + 26]
        middle = sum(map(Fraction, sorted(others)[24:26])) / 2
        mean_deviation = sum(abs(m - middle) for m in others) / 50
        if abs(mids[i] - middle) > 10 * mean_deviation:
            far.append(i)
    return far


@pytest.mark.parametrize("jumps", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("step", [0.02, 0.3, 1.0])
def test_q4_against_a_plain_loop(step, jumps):
    generator = np.random.default_rng(int(100 * step + 1000 * jumps))
    walk = 1000 + np.cumsum(generator.choice([-1, 0, 1], 700, p=[step / 2, 1 - step, step / 2]))
    mids = walk + generator.choice(
        [-40, -3, 0, 2, 40], 700, p=[jumps / 4] * 2 + [1 - jumps] + [jumps / 4] * 2
    )
    expected = plain_outliers(mids.tolist())
    assert taq_cleaning.outlying(mids).tolist() == expected
    assert expected or not jumps  # so that there is something to find


@pytest.mark.parametrize("length", [0, 1, 49, 50, 51])
def test_q4_of_few_quotes(length):
    mids = np.r_[np.full(length // 2, 5), np.full(length % 2, 9), np.full(length // 2, 5)]
    assert taq_cleaning.outlying(mids).tolist() == ([25] if length == 51 else [])


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Trades and quotes of two symbols on two days, many of them of one instant."""
    generator = np.random.default_rng(7)
    folder = tmp_path_factory.mktemp("drawn")
    files = {}
    for name, header in (("trades", "PRICE,SIZE"), ("quotes", "BID,OFR,BIDSIZ,OFRSIZ")):
        rows = 1500
        day = generator.choice([3, 4], rows)
        second = generator.integers(0, 600, rows)
        mid = 1000 + generator.integers(-30, 31, rows)
        values = {
            "trades": [mid / 100, generator.integers(1, 9, rows)],
            "quotes": [
                (mid - generator.integers(-1, 4, rows)) / 100,
                (mid + generator.integers(-1, 4, rows) + 300 * (generator.random(rows) < 0.02))
                / 100,
                *generator.integers(1, 9, (2, rows)),
            ],
        }[name]
        frame = pd.DataFrame({"SYMBOL": generator.choice(["A", "B"], rows)})
        frame["DATE"] = 20080100 + day
        frame["TIME"] = [f"10:{s // 60:02d}:{s % 60:02d}" for s in second]
        for column, cells in zip(header.split(","), values, strict=True):
            frame[column] = cells
        files[name] = folder / f"{name}.csv"
        frame.to_csv(files[name], index=False)
    return files, {name: pd.read_csv(path, dtype=str) for name, path in files.items()}


def instants(frame: pd.DataFrame) -> dict[tuple, list]:
    groups: dict[tuple, list] = {}
    for row in frame.itertuples(index=False):
        groups.setdefault((row.SYMBOL, row.DATE, row.TIME), []).append(row)
    return groups


def keys(table: pd.DataFrame) -> list[tuple]:
    local = table["time"].dt.tz_convert("America/New_York")
    days, clocks = local.dt.strftime("%Y%m%d"), local.dt.strftime("%H:%M:%S")
    return list(zip(table["symbol"], days, clocks, strict=True))


def test_merging_against_a_plain_loop(drawn):
    files, frames = drawn
    market = taq(*files.values(), clean=("T3", "Q1"))
    gone(market)
    trades = dict(zip(keys(market.trades), market.trades.itertuples(), strict=True))
    expected = instants(frames["trades"])
    assert trades.keys() == expected.keys()
    for key, rows in expected.items():
        assert trades[key].price == pytest.approx(median(float(r.PRICE) for r in rows))
        assert trades[key].size == sum(int(r.SIZE) for r in rows)
        assert trades[key].merged == len(rows)
    quotes = dict(zip(keys(market.quotes), market.quotes.itertuples(), strict=True))
    expected = instants(frames["quotes"])
    assert quotes.keys() == expected.keys()
    for key, rows in expected.items():
        assert quotes[key].bid == pytest.approx(median(float(r.BID) for r in rows))
        assert quotes[key].ask_size == median(int(r.OFRSIZ) for r in rows)
    assert (market.trades["size"].sum()) == frames["trades"]["SIZE"].astype(int).sum()


def test_q2_q3_and_t4_against_plain_loops(drawn):
    files, frames = drawn
    quotes = frames["quotes"].reset_index()
    exact = {c: [Fraction(v) for v in quotes[c]] for c in ("BID", "OFR")}
    spread = [a - b for a, b in zip(exact["OFR"], exact["BID"], strict=True)]
    expected = {i + 2: "Q2" for i, s in enumerate(spread) if s < 0}
    for _, day in quotes.groupby(["SYMBOL", "DATE"]):
        rest = [i for i in day.index if i + 2 not in expected]
        wide = 50 * median(spread[i] for i in rest)
        expected |= {i + 2: "Q3" for i in rest if spread[i] > wide}
    assert set(expected.values()) == {"Q2", "Q3"}
    market = taq(*files.values(), clean=("Q2", "Q3", "T4"))
    aside = market.receipt.set_aside
    found = aside[aside["file"] == "quotes.csv"].set_index("line")["reason"].to_dict()
    assert found == expected
    left: dict[tuple, list] = {}
    for row in quotes.itertuples():
        if row.index + 2 not in expected:
            left.setdefault((row.SYMBOL, row.DATE), []).append((row.TIME, row.index))
    far = set()
    for line, row in enumerate(frames["trades"].itertuples(index=False), start=2):
        known = [place for place in left[row.SYMBOL, row.DATE] if place[0] < row.TIME]
        if known:
            _, last = max(known)
            price, width = Fraction(row.PRICE), spread[last]
            if price > exact["OFR"][last] + width or price < exact["BID"][last] - width:
                far.add(line)
    assert set(aside.loc[aside["file"] == "trades.csv", "line"]) == far
    assert 100 < len(far) < 1400


# --- names and order ------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["trades", "quotes"])
def test_highfrequencys_names_do_the_same(table):
    steps = taq_cleaning.STEPS[table]
    for paper, theirs in PAPER[table].items():
        assert steps[theirs] is steps[paper]


def test_bnhls_is_all_steps_in_the_papers_order(tmp_path):
    assert taq_cleaning.steps_of("bnhls") == taq_cleaning.steps_of(["BNHLS"]) == taq_cleaning.BNHLS
    assert taq_cleaning.steps_of(("P1", "tradesCondition")) == ("P1", "tradesCondition")
    quotes = write(tmp_path, "q.csv", QUOTE, [quote("9:45:00"), quote("8:00:00", bid="0")])
    rows = [trade("8:00:00", corr="8"), trade(ex="T", corr="8"), trade(corr="8", cond="Z"), trade()]
    trades = write(tmp_path, "t.csv", TRADE, rows)
    market = taq(trades, quotes, clean="bnhls", exchange="N")
    # a row goes by the first step that it breaks
    assert gone(market) == [(2, "P1"), (3, "P1"), (3, "P3"), (4, "T1")]
    told = [note.split(":")[0] for note in market.receipt.notes if note[:2] in taq_cleaning.BNHLS]
    assert told == [*taq_cleaning.BNHLS[:3], *taq_cleaning.BNHLS[7:], *taq_cleaning.BNHLS[:7]]


def test_steps_are_done_in_the_order_given(tmp_path):
    rows = [trade(price="10"), trade(price="12", cond="Z")]
    path = write(tmp_path, "t.csv", TRADE, rows)
    assert taq(path, clean=("T2", "T3")).trades["price"].tolist() == [10]
    assert taq(path, clean=("T3", "T2")).trades["price"].tolist() == [11]


def test_a_file_that_loses_all_its_rows(tmp_path):
    early = write(tmp_path, "a.csv", TRADE, [trade("8:00:00")])
    late = write(tmp_path, "b.csv", TRADE, [trade("10:00:00")])
    market = taq(early, late, clean="P1")
    assert gone(market) == [(2, "P1")]
    assert market.receipt.files["rows"].tolist() == [1, 1]


def test_merging_over_files_keeps_the_first_ones_place(tmp_path):
    one = write(tmp_path, "a.csv", TRADE, [trade(price="10", size="1")])
    other = write(tmp_path, "b.csv", TRADE, [trade(price="11", size="2"), trade("10:00:01")])
    market = taq(one, other, clean="T3")
    assert market.trades[["price", "size", "merged"]].to_numpy().tolist() == [
        [10.5, 3, 2],
        [10, 100, 1],
    ]
    aside = market.receipt.set_aside
    assert aside[["file", "line"]].to_numpy().tolist() == [["b.csv", 2]]
    gone(market)


def test_the_order_of_rows_does_not_matter(drawn, tmp_path):
    files, _ = drawn
    rows = pl.read_csv(files["quotes"], infer_schema=False).sample(fraction=1, shuffle=True, seed=3)
    rows.write_csv(tmp_path / "quotes.csv")
    steps = ("Q1", "Q2", "Q3", "Q4")
    one, other = taq(files["quotes"], clean=steps), taq(tmp_path / "quotes.csv", clean=steps)
    columns = ["time", "symbol", "bid", "ask", "merged"]
    tables = [
        m.quotes[columns].sort_values(["symbol", "time"], ignore_index=True) for m in (one, other)
    ]
    pd.testing.assert_frame_equal(*tables)
