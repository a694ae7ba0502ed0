"""The TAQ samples of R's `highfrequency`: two days of one stock on all exchanges.

Facts are recounted from the files by the standard library. Some numbers are highfrequency's own:
what its functions leave of these samples, as its tests publish them (tests_data_handling.R).
"""

from __future__ import annotations

import csv
import datetime
import gzip
from bisect import bisect_left
from collections import Counter
from fractions import Fraction
from itertools import groupby
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from mmresearch.load.taq import taq

NEW_YORK = ZoneInfo("America/New_York")
OPEN, CLOSE = datetime.time(9, 30), datetime.time(16)
VALID = ("", "@", "E", "@E", "F", "FI", "@F", "@FI", "I", "@I")


@pytest.fixture(scope="module")
def files(realdata):
    folder = realdata / "highfrequency"
    if not folder.is_dir():
        pytest.skip("needs the real files in ../shared/realdata/highfrequency")
    return sorted(folder.glob("*.csv.gz"))


@pytest.fixture(scope="module")
def raw(files):
    """The rows of both files as text, with New York's clock of each."""
    rows = {}
    for path, table in zip(files, ("quotes", "trades"), strict=True):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows[table] = list(csv.DictReader(file))
    for row in (*rows["quotes"], *rows["trades"]):
        whole, fraction = row["DT"].split(".")
        clock = datetime.datetime.fromtimestamp(int(whole), NEW_YORK)
        row["local"] = clock.replace(microsecond=int(fraction))
    return rows


@pytest.fixture(scope="module")
def market(files):
    return taq(files)


def in_hours(row: dict) -> bool:
    return OPEN <= row["local"].time() <= CLOSE


def test_every_row_is_kept(market, raw):
    assert (len(raw["quotes"]), len(raw["trades"])) == (131_401, 77_263)
    assert (len(market.quotes), len(market.trades)) == (131_401, 77_263)
    assert market.receipt.rows_read == market.receipt.rows_kept == 208_664
    assert market.receipt.set_aside.empty


def test_values_are_the_files(market, raw):
    trades, quotes = market.trades, market.quotes
    assert trades["price"].tolist() == [float(row["PRICE"]) for row in raw["trades"]]
    assert trades["size"].tolist() == [float(row["SIZE"]) for row in raw["trades"]]
    assert trades["size"].sum() == 10_254_551
    assert trades["ex"].tolist() == [row["EX"] for row in raw["trades"]]
    assert trades["cond"].fillna("").tolist() == [row["COND"] for row in raw["trades"]]
    assert trades["side"].isna().all()
    for ours, theirs in (("bid", "BID"), ("ask", "OFR"), ("ask_size", "OFRSIZ")):
        assert quotes[ours].fillna(0).tolist() == [float(row[theirs]) for row in raw["quotes"]]


def test_times_are_exact(market, raw):
    for table in ("trades", "quotes"):
        nanoseconds = [int(row["DT"].replace(".", "")) * 1000 for row in raw[table]]
        assert market[table]["time"].astype("int64").tolist() == nanoseconds


def test_dt_counts_utc_and_not_new_yorks_clock(market, raw, files):
    # trading fills 09:30 to 16:00 in New York if DT is UTC; the first row is just after 04:00
    assert sum(map(in_hours, raw["trades"])) / 77_263 > 0.99
    assert raw["quotes"][0]["local"].strftime("%H:%M") == "04:04"
    other = taq(files, epoch="America/New_York")
    shift = other.trades["time"] - market.trades["time"]
    assert (shift == pd.Timedelta(hours=5)).all()
    notes = "\n".join(market.receipt.notes)
    assert "trades: 99.4% of them lie in 09:30-16:00 New York" in notes


def test_two_days_and_13_exchanges(market, raw):
    days = market.trades["time"].dt.tz_convert("America/New_York").dt.date.unique()
    assert [str(day) for day in days] == ["2018-01-02", "2018-01-03"]
    assert market.quotes["ex"].value_counts().to_dict() == Counter(r["EX"] for r in raw["quotes"])
    assert market.trades["ex"].nunique() == 13
    assert market.quotes["ex"].nunique() == 12  # the off-exchange facility D prints and quotes not
    # highfrequency selects D by volume of trades and N by quoted sizes
    assert market.trades.groupby("ex")["size"].sum().idxmax() == "D"
    sizes = market.quotes["bid_size"] + market.quotes["ask_size"]
    assert sizes.groupby(market.quotes["ex"]).sum().idxmax() == "N"


def test_sides_without_a_quote(market, raw):
    for ours, theirs in (("bid", "BID"), ("ask", "OFR")):
        zero = sum(float(row[theirs]) == 0 for row in raw["quotes"])
        assert market.quotes[ours].isna().sum() == zero > 0
        none = market.quotes[ours].isna()
        assert (market.quotes.loc[none, f"{ours}_size"] == 0).all()


def test_what_highfrequency_leaves_of_the_quotes(files):
    quotes = files[0]
    counts = taq(
        quotes, clean=("noZeroQuotes", "exchangeHoursOnly", "selectExchange"), exchange="N"
    ).receipt.reasons
    assert counts["selectExchange"] == 36_109  # removedFromSelectingExchange
    for step, left in (
        ("noZeroQuotes", 94_422),
        ("rmLargeSpread", 94_422),
        ("mergeQuotesSameTimestamp", 46_566),
    ):
        assert len(taq(quotes, clean=("selectExchange", step), exchange="N").quotes) == left


def test_what_highfrequency_leaves_of_the_trades(files, raw):
    steps = ("noZeroPrices", "exchangeHoursOnly", "selectExchange", "tradesCondition")
    market = taq(files[1], clean=(*steps, "mergeTradesSameTimestamp"), exchange="N")
    assert len(market.trades) == 7_168  # tradesCleanup
    rows = [row for row in raw["trades"] if in_hours(row) and row["EX"] == "N"]
    rows = [row for row in rows if row["COND"].replace(" ", "") in VALID]
    merged = {time: list(group) for time, group in groupby(rows, key=lambda row: row["DT"])}
    assert len(merged) == 7_168
    assert market.trades["merged"].tolist() == [len(group) for group in merged.values()]
    sizes = [sum(int(row["SIZE"]) for row in group) for group in merged.values()]
    assert market.trades["size"].tolist() == sizes


def test_two_corrected_trades(files, raw):
    aside = taq(files[1], clean="T1").receipt.set_aside
    lines = [n for n, row in enumerate(raw["trades"], start=2) if int(row["CORR"])]
    assert aside["line"].tolist() == lines
    assert sorted(text.rpartition(",")[2] for text in aside["text"]) == ["10", "8"]


@pytest.fixture(scope="module")
def paper(files):
    return taq(files, clean="bnhls", exchange="N")


def test_the_papers_steps_recounted(paper, raw):
    reasons = paper.receipt.reasons
    quotes = [row for row in raw["quotes"] if in_hours(row)]
    priced = [row for row in quotes if float(row["BID"]) and float(row["OFR"])]
    own = [row for row in priced if row["EX"] == "N"]
    trades = [row for row in raw["trades"] if in_hours(row)]
    here = [row for row in trades if row["EX"] == "N"]
    usual = [row for row in here if not any(c.isalpha() and c not in "EF" for c in row["COND"])]
    assert reasons["P1"] == 208_664 - len(quotes) - len(trades)
    assert reasons["P2"] == len(quotes) - len(priced)
    assert reasons["P3"] == len(priced) - len(own) + len(trades) - len(here)
    assert reasons["T2"] == len(here) - len(usual)
    assert reasons["Q1"] == len(own) - len({row["DT"] for row in own})
    assert reasons["T3"] == len(usual) - len({row["DT"] for row in usual})
    assert len(paper.quotes) == 46_564
    assert paper.receipt.rows_kept == len(paper.trades) + len(paper.quotes)
    assert (paper.trades["ex"] == "N").all()
    assert (paper.quotes["ask"] >= paper.quotes["bid"]).all()


def test_trades_a_spread_off_the_quotes_recounted(paper, files):
    without = tuple(step for step in ("P1", "P2", "P3", "T1", "T2", "T3", "Q1"))
    merged = taq(files, clean=without, exchange="N")
    times = merged.quotes["time"].astype("int64").tolist()
    bids, asks = (merged.quotes[side].tolist() for side in ("bid", "ask"))
    far = 0
    for time, price in zip(merged.trades["time"], merged.trades["price"], strict=True):
        last = bisect_left(times, time.value) - 1  # the quote of the same instant is not before
        if last >= 0 and times[last] // 10**9 // 86_400 == time.value // 10**9 // 86_400:
            bid, ask = bids[last], asks[last]
            far += price > 2 * ask - bid + 1e-9 or price < 2 * bid - ask - 1e-9
    assert paper.receipt.reasons["T4"] == far == 15


def test_no_mid_is_far_from_its_neighbours(paper):
    """Q4 finds none here: so says a plain loop over the mids that are kept."""
    assert "Q4" not in paper.receipt.reasons
    mids = paper.quotes["bid"] + paper.quotes["ask"]
    days = paper.quotes["time"].dt.date
    for _, day in mids.groupby(days):
        exact = [round(value * 10_000) for value in day]
        for i in range(25, len(exact) - 25, 5):  # every fifth, for time
            others = sorted(exact[i - 25 : i] + exact[i + 1 : i + 26])
            middle = Fraction(others[24] + others[25], 2)
            deviation = sum(others[25:]) - sum(others[:25])
            assert abs(exact[i] - middle) * 50 <= 10 * deviation
