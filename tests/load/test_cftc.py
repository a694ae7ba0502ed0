"""Trader reports of a few rows, every position worked out by hand, and files that are none."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.cftc import cftc

SIDES = ("Long_All", "Short_All", "Spread_All")
KINDS = ("Dealer", "Asset_Mgr", "Lev_Money", "Other_Rept")
POSITIONS = [f"{kind}_Positions_{side}" for kind in KINDS for side in SIDES]
REST = ["Tot_Rept_Positions_Long_All", "Tot_Rept_Positions_Short_All"]
REST += ["NonRept_Positions_Long_All", "NonRept_Positions_Short_All"]
HEAD = ["Market_and_Exchange_Names", "As_of_Date_In_Form_YYMMDD", "Report_Date_as_YYYY-MM-DD"]
HEAD += ["CFTC_Contract_Market_Code", "CFTC_Market_Code", "CFTC_Region_Code"]
HEAD += ["CFTC_Commodity_Code", "Open_Interest_All", *POSITIONS, *REST]
TAIL = ["Traders_Dealer_Long_All", "Contract_Units", "CFTC_Contract_Market_Code_Quotes"]
TAIL += ["FutOnly_or_Combined"]
HEADER = ",".join(f'"{name}"' for name in HEAD + TAIL)

# dealers 60 - 20 = +40, asset managers 5 - 25, leveraged 10 - 30, others 4 - 0, small 11 - 15:
# longs 60 + 5 + 10 + 4 + 11 = 90, shorts 20 + 25 + 30 + 0 + 15 = 90, spreads 7 + 1 + 2 + 0 = 10
LONG_DEALERS = [60, 20, 7, 5, 25, 1, 10, 30, 2, 4, 0, 0, 89, 85, 11, 15]
# dealers 20 - 60 = -40; the other way round in all groups
SHORT_DEALERS = [20, 60, 7, 25, 5, 1, 30, 10, 2, 0, 4, 0, 85, 89, 15, 11]


def row(
    code="090741",
    date="2025-04-29",
    numbers=LONG_DEALERS,
    *,
    name="CANADIAN DOLLAR - CME",
    interest=100,
    yymmdd=None,
    report="FutOnly",
):
    short = date[2:].replace("-", "") if yymmdd is None else yymmdd
    cells = [f'"{name}"', short, date, code, "CME ", "00", "090 ", f"  {interest}"]
    cells += [f"{n:>8}" if isinstance(n, int) else n for n in numbers]
    return ",".join([*cells, ".", '"(CONTRACTS OF CAD 100,000)"', f'"{code}"', f'"{report}"'])


def write(path: Path, rows: list[str], header: str | None = HEADER, end: str = "\r\n") -> Path:
    lines = rows if header is None else [header, *rows]
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def faults(*files, **options) -> list:
    with pytest.raises(mm.SourceError) as caught:
        cftc(*files, **options)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


ROWS = [  # the newest report first, as in the Commission's files
    row(),
    row(date="2025-04-22", numbers=SHORT_DEALERS),
    row("13874+", "2025-04-22", name="S&P 500 Consolidated - CME"),
]


@pytest.fixture
def market(tmp_path):
    return cftc(write(tmp_path / "FinFutYY.txt", ROWS))


def test_a_dealer_s_position_is_long_less_short(market):
    table = market.positions
    assert table["symbol"].tolist() == ["090741", "13874+", "090741"]
    assert table["position"].tolist() == [-40, 40, 40]
    assert table["long"].tolist() == [20, 60, 60]
    assert table["short"].tolist() == [60, 20, 20]
    assert table["spreading"].tolist() == [7, 7, 7]
    assert table["open_interest"].tolist() == [100, 100, 100]
    assert set(table["account"]) == {"dealers"}
    assert set(table["report"]) == {"FutOnly"}
    assert table["market"].tolist()[1] == "S&P 500 Consolidated - CME"
    assert set(table["contract_units"]) == {"(CONTRACTS OF CAD 100,000)"}


def test_held_on_tuesday_evening_published_on_friday(market):
    # New York is four hours behind UTC in April and five in January
    table = market.positions
    held = ["2025-04-22 21:00", "2025-04-22 21:00", "2025-04-29 21:00"]
    told = ["2025-04-25 19:30", "2025-04-25 19:30", "2025-05-02 19:30"]
    assert table["time"].tolist() == [pd.Timestamp(t, tz="UTC") for t in held]
    assert table["published"].tolist() == [pd.Timestamp(t, tz="UTC") for t in told]


def test_a_winter_report_and_one_that_is_no_tuesday(tmp_path):
    rows = [row(date="2025-01-07"), row(date="2018-12-24")]  # a Tuesday and a Monday
    market = cftc(write(tmp_path / "a.txt", rows))
    table = market.positions
    assert table["time"].tolist()[1] == pd.Timestamp("2025-01-07 22:00", tz="UTC")
    assert table["published"].tolist()[0] == pd.Timestamp("2018-12-28 20:30", tz="UTC")
    assert any("1 of 2 reports is of another day than Tuesday" in n for n in market.receipt.notes)


def test_every_group_and_both_sides_sum_to_open_interest(tmp_path):
    table = cftc(write(tmp_path / "a.txt", ROWS), groups="all").positions
    assert len(table) == 5 * 3
    last = table[table["time"] == table["time"].max()].set_index("account")
    assert last["position"].to_dict() == {
        "dealers": 40,
        "asset managers": -20,
        "leveraged funds": -20,
        "other reportables": 4,
        "nonreportables": -4,
    }
    assert last["spreading"].isna().tolist() == [False] * 4 + [True]
    sums = table.groupby(["time", "symbol"])
    assert (sums["position"].sum() == 0).all()
    assert (sums["long"].sum() + sums["spreading"].sum() == 100).all()
    assert (sums["short"].sum() + sums["spreading"].sum() == 100).all()


def test_some_groups(tmp_path):
    path = write(tmp_path / "a.txt", ROWS)
    table = cftc(path, groups=["dealers", "leveraged funds"]).positions
    assert table["account"].value_counts().to_dict() == {"dealers": 3, "leveraged funds": 3}
    with pytest.raises(ValueError, match=r"no groups \['banks'\]; give all, dealers, asset"):
        cftc(path, groups="banks")


def test_symbols_receipt_and_calendar(market, tmp_path):
    assert market.symbols["symbol"].tolist() == ["090741", "13874+"]
    assert set(market.symbols["calendar"]) == {"dates"}
    assert set(market.symbols["multiplier"]) == {1.0}
    assert market.symbols[["currency", "tick"]].isna().all(axis=None)
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (3, 3)
    assert "2 reports, 2025-04-22 to 2025-04-29, of 2 contracts" in market.receipt.notes[0]
    market.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    pd.testing.assert_frame_equal(again.positions, market.positions)


def test_sums_that_are_off_are_counted_and_kept(tmp_path):
    rows = [row(), row("13874+", interest=102), row("12460+", interest=99)]
    market = cftc(write(tmp_path / "a.txt", rows))
    assert len(market.positions) == 3
    (note,) = [n for n in market.receipt.notes if "open interest" in n]
    assert "longs with spreads differ from open interest in 2 of 3 rows (by at most 2)" in note
    assert "shorts in 2 (by at most 2)" in note
    assert "kept" in note


def test_repeated_rows_are_set_aside_and_contradictions_refused(tmp_path):
    market = cftc(write(tmp_path / "a.txt", [*ROWS, ROWS[1]]))
    assert market.receipt.reasons.to_dict() == {"duplicate": 1}
    assert market.receipt.set_aside[["line", "text"]].to_numpy().tolist() == [[5, ROWS[1]]]
    assert len(market.positions) == 3
    (fault,) = faults(write(tmp_path / "b.txt", [*ROWS, row(numbers=SHORT_DEALERS)]))
    assert (fault.file, fault.line) == ("b.txt", 5)
    assert "090741 of 2025-04-29 again, with other content" in fault.found


def test_rows_without_a_number_are_set_aside(tmp_path):
    rows = [ROWS[0], row("099741", numbers=[".", *LONG_DEALERS[1:]])]
    rows += [row("097741", numbers=[60, 20, " ", *LONG_DEALERS[3:]])]
    market = cftc(write(tmp_path / "a.txt", rows))
    assert market.receipt.reasons.to_dict() == {"no number for the position": 1}
    assert market.receipt.set_aside["line"].tolist() == [3]
    assert market.positions["spreading"].isna().tolist() == [False, True]
    assert market.positions["position"].tolist() == [40, 40]


def test_years_together_are_the_years_apart(tmp_path):
    one = write(tmp_path / "2024.txt", [row(date="2024-12-31"), row(date="2024-12-24")])
    other = write(tmp_path / "2025.txt", [*ROWS, row(date="2024-12-31")])
    market = cftc(tmp_path, groups="all")
    assert market.receipt.files["file"].tolist() == ["2024.txt", "2025.txt"]
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (6, 5)
    aside = market.receipt.set_aside
    assert aside[["file", "line", "reason"]].to_numpy().tolist() == [["2025.txt", 5, "duplicate"]]
    assert len(market.positions) == 5 * 5
    apart = pd.concat([cftc(p, groups="all").positions for p in (one, other)])
    apart = apart.drop_duplicates().sort_values("time", kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(market.positions, apart)


def test_a_file_that_holds_nothing_new(tmp_path):
    one, other = write(tmp_path / "a.txt", ROWS), write(tmp_path / "b.txt", ROWS[:1])
    market = cftc(one, other)
    pd.testing.assert_frame_equal(market.positions, cftc(one).positions)
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (4, 3)


def test_files_that_contradict_each_other(tmp_path):
    one = write(tmp_path / "a.txt", ROWS)
    other = write(tmp_path / "b.txt", [row(numbers=SHORT_DEALERS)])
    (fault,) = faults(one, other)
    assert (fault.file, fault.line) == ("b.txt", 2)


def test_futures_only_and_combined_do_not_mix(tmp_path):
    one = write(tmp_path / "a.txt", ROWS)
    other = write(tmp_path / "b.txt", [row(date="2025-05-06", report="Combined")])
    assert set(cftc(other).positions["report"]) == {"Combined"}
    (fault,) = faults(one, other)
    assert fault.file == "b.txt"
    assert "Combined and FutOnly" in fault.found
    (fault,) = faults(write(tmp_path / "c.txt", [ROWS[0], row("099741", report="Combined")]))
    assert "Combined and FutOnly" in fault.found


@pytest.mark.parametrize("packing", ["gz", "zip"])
def test_packed(tmp_path, market, packing):
    plain = write(tmp_path / "FinFutYY.txt", ROWS)
    path = tmp_path / f"packed.{packing}"
    if packing == "gz":
        path.write_bytes(gzip.compress(plain.read_bytes()))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(plain, plain.name)
    pd.testing.assert_frame_equal(cftc(path).positions, market.positions)


def test_the_weekly_file_has_no_header(tmp_path, market):
    lines = []
    for line in ROWS:
        head, tail = line.split(",.,")
        units, code, report = tail.rsplit(",", 2)
        lines.append(",".join([head, *["0"] * 57, units, code, "CME ", "090 ", "F10", report]))
    again = cftc(write(tmp_path / "FinFutWk.txt", lines, header=None))
    pd.testing.assert_frame_equal(again.positions, market.positions)
    moved = [line.replace("00,090 ,", "00,090 ,0,", 1).replace(",F10", "", 1) for line in lines]
    (fault,) = faults(write(tmp_path / "moved.txt", moved, header=None))
    assert "sum to open interest" in fault.expected


def test_the_public_reporting_export(tmp_path, market):
    names = [n.lower().replace("-", "_") for n in HEAD + TAIL]
    short = ("asset_mgr", "lev_money", "other_rept")
    names = [n.removesuffix("_all") if n.startswith(short) else n for n in names]
    rows = [line.replace(line.split(",")[2], line.split(",")[2] + "T00:00:00.000") for line in ROWS]
    again = cftc(write(tmp_path / "a.csv", rows, ",".join(names), "\n"), groups="all")
    dealers = again.positions[again.positions["account"] == "dealers"].reset_index(drop=True)
    pd.testing.assert_frame_equal(dealers, market.positions)


def test_a_selection_of_columns(tmp_path, market):
    keep = [0, 2, 3, 7, 8, 9, 10]
    lines = [[line.split(",")[i] for i in keep] for line in ROWS]
    path = write(tmp_path / "a.csv", [",".join(x) for x in lines], ",".join(HEAD[i] for i in keep))
    again = cftc(path)
    assert again.positions["position"].tolist() == market.positions["position"].tolist()
    assert again.positions[["report", "contract_units"]].isna().all(axis=None)
    assert any("sums are not checked" in note for note in again.receipt.notes)
    (fault,) = faults(path, groups="all")
    assert "a header without asset managers long" in fault.found


ROW_FAULTS = {
    "text in a number": (row(numbers=["ten", *LONG_DEALERS[1:]]), "dealers long ten", "a number"),
    "infinite": (row(numbers=["inf", *LONG_DEALERS[1:]]), "dealers long inf", "a number"),
    "not a number": (row(numbers=["nan", *LONG_DEALERS[1:]]), "dealers long nan", "a number"),
    "negative": (row(numbers=[60, -20, *LONG_DEALERS[2:]]), "dealers short", "0 or more"),
    "dates differ": (row(yymmdd="250430"), "yymmdd 250430", "the report date"),
    "no such date": (row(date="2025-02-30", yymmdd="250230"), "date 2025-02-30", "a date as"),
    "another form": (row(date="4/29/2025", yymmdd="250429"), "date 4/29/2025", "a date as"),
    "zeros lost": (row("90741"), "code 90741", "six characters"),
    "no name": (row(name=" "), "market nothing", "text"),
    "too few columns": ("CANADIAN DOLLAR,250429", "2 columns", "28 columns"),
    "too many columns": (row() + ",9", "29 columns", "28 columns"),
    "an empty line": ("", "an empty line", "28 columns"),
}


@pytest.mark.parametrize("case", ROW_FAULTS)
def test_a_bad_row(tmp_path, case):
    bad, found, expected = ROW_FAULTS[case]
    first = faults(write(tmp_path / "a.txt", [ROWS[0], bad, *ROWS[1:]]))[0]
    assert (first.file, first.line) == ("a.txt", 3)
    assert found in first.found
    assert expected in first.expected


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("time,price,size", "a header without market, date, code, dealers long"),
        (HEADER.replace('"Dealer_Positions_Short_All",', ""), "a header without dealers short"),
        (
            HEADER.replace("NonRept_Positions_Short", "Dealer_Positions_Long"),
            "two columns for deal",
        ),
        (HEADER.replace("Dealer_", "Swap_"), "a header without dealers long"),
    ],
)
def test_a_header_that_is_not_known(tmp_path, header, found):
    (fault,) = faults(write(tmp_path / "a.txt", ROWS, header))
    assert fault.line == 1
    assert found in fault.found
    assert "Traders in Financial Futures" in fault.expected
    assert "Dealer_Positions_Long_All" in fault.expected


def test_a_cut_last_line(tmp_path):
    path = write(tmp_path / "a.txt", ROWS)
    path.write_bytes(path.read_bytes()[:-120])
    (fault,) = faults(path)
    assert fault.line == 4
    assert "cut off" in fault.found


def test_every_file_with_a_fault_is_named(tmp_path):
    good = write(tmp_path / "a.txt", ROWS)
    empty = tmp_path / "b.txt"
    empty.write_text("")
    packed = tmp_path / "c.txt.gz"
    packed.write_bytes(gzip.compress(good.read_bytes())[:-9])
    found = faults(good, empty, packed, tmp_path / "d.txt", write(tmp_path / "e.txt", []))
    assert [(Path(f.file).name, f.found.split(" (")[0]) for f in found] == [
        ("b.txt", "an empty file"),
        ("c.txt.gz", "a damaged or truncated gzip file"),
        ("d.txt", "no such file"),
        ("e.txt", "a header and no row"),
    ]


def test_the_same_file_twice_and_no_file(tmp_path):
    one = write(tmp_path / "a.txt", ROWS)
    (fault,) = faults(one, write(tmp_path / "b.txt", ROWS))
    assert fault.found == "the same content as a.txt"
    assert faults()[0].found == "nothing given"


def test_no_row_to_keep(tmp_path):
    (fault,) = faults(write(tmp_path / "a.txt", [row(numbers=[".", *LONG_DEALERS[1:]])]))
    assert fault.found == "no row to keep"
