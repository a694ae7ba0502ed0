"""The Commission's file of 2025: facts counted with the csv module, found again in the table."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from mmresearch.load.cftc import cftc

GROUPS = {
    "dealers": "Dealer",
    "asset managers": "Asset_Mgr",
    "leveraged funds": "Lev_Money",
    "other reportables": "Other_Rept",
}
SIDES = ("Long", "Spread")


@pytest.fixture(scope="module")
def path(realdata):
    return realdata / "cftc" / "FinFutYY.txt"


@pytest.fixture(scope="module")
def lines(path):
    with path.open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def market(path):
    return cftc(path, groups="all")


def test_1095_rows_all_kept(market, lines):
    assert market.receipt.rows_read == market.receipt.rows_kept == len(lines) == 1_095
    assert len(market.positions) == 5 * 1_095
    assert market.positions["time"].nunique() == 17
    assert market.positions["symbol"].nunique() == 73


def test_positions_are_those_of_the_file(market, lines):
    found = market.positions.set_index(["account", "symbol", "time"])["position"]
    days = {t: t.tz_convert("America/New_York").date().isoformat() for t in found.index.levels[2]}
    found = {(a, s, days[t]): p for (a, s, t), p in found.items()}
    for line in lines:
        key = line["CFTC_Contract_Market_Code"], line["Report_Date_as_YYYY-MM-DD"]
        for account, word in GROUPS.items():
            long, short = (int(line[f"{word}_Positions_{s}_All"]) for s in ("Long", "Short"))
            assert found[account, *key] == long - short


def test_longs_and_spreads_are_open_interest_but_for_24_rows(market, lines):
    """In 24 rows, all of consolidated markets, longs are off by 1 or 2; in 23 rows shorts are."""
    table = market.positions.assign(spreading=market.positions["spreading"].fillna(0))
    sums = table.groupby(["time", "symbol"]).agg(
        long=("long", "sum"),
        short=("short", "sum"),
        spreading=("spreading", "sum"),
        interest=("open_interest", "first"),
    )
    over = {s: sums[s] + sums["spreading"] - sums["interest"] for s in ("long", "short")}
    assert {s: int((o != 0).sum()) for s, o in over.items()} == {"long": 24, "short": 23}
    assert max(o.abs().max() for o in over.values()) == 2
    off = (over["long"] != 0) | (over["short"] != 0)
    assert off.sum() == 33
    assert off[off].index.get_level_values("symbol").str.endswith("+").all()
    (note,) = [n for n in market.receipt.notes if "open interest in" in n]
    assert "24 of 1,095 rows (by at most 2), shorts in 23 (by at most 2)" in note
    # the long way round, from the texts of the file
    assert Counter(map(_long_gap, lines)) == {0: 1_071, -1: 15, -2: 5, 1: 4}


def _long_gap(line: dict[str, str]) -> int:
    """Open interest less what the five groups hold long or spread."""
    columns = [f"{word}_Positions_{side}_All" for word in GROUPS.values() for side in SIDES]
    held = sum(int(line[column]) for column in [*columns, "NonRept_Positions_Long_All"])
    return int(line["Open_Interest_All"]) - held


def test_every_report_is_of_a_tuesday_and_told_on_friday(market):
    there = market.positions["time"].dt.tz_convert("America/New_York")
    told = market.positions["published"].dt.tz_convert("America/New_York")
    assert set(there.dt.day_name()) == {"Tuesday"}
    assert set(told.dt.day_name()) == {"Friday"}
    assert set(told.dt.strftime("%H:%M")) == {"15:30"}
    assert not any("another day than Tuesday" in note for note in market.receipt.notes)


def test_dealers_of_the_canadian_dollar(market, lines):
    (line,) = [
        line
        for line in lines
        if line["CFTC_Contract_Market_Code"] == "090741"
        and line["As_of_Date_In_Form_YYMMDD"] == "250429"
    ]
    table = market.positions
    held = table[(table["account"] == "dealers") & (table["symbol"] == "090741")].iloc[-1]
    long, short = (int(line[f"Dealer_Positions_{s}_All"]) for s in ("Long", "Short"))
    assert (held["long"], held["short"]) == (long, short)
    assert held["position"] == long - short
    assert held["market"].startswith("CANADIAN DOLLAR")
