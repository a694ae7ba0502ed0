"""The rows of the CFTC's reports, with and without a header, and what is wrong with them."""

from __future__ import annotations

import polars as pl

from mmresearch.load import dated, text
from mmresearch.receipt import Fault

SOURCE = "cftc"
GROUPS = {  # account -> how the file's columns begin
    "dealers": "dealer",
    "asset managers": "assetmgr",
    "leveraged funds": "levmoney",
    "other reportables": "otherrept",
    "nonreportables": "nonrept",
}
SIDES = ("long", "short", "spread")
HELD = [f"{g} {s}" for g in GROUPS for s in SIDES if (g, s) != ("nonreportables", "spread")]
_ABOUT = {  # the words of the header without `all` -> ours
    "marketandexchangenames": "market",
    "asofdateinformyymmdd": "yymmdd",
    "reportdateasyyyymmdd": "date",
    "cftccontractmarketcode": "code",
    "openinterest": "open_interest",
    "contractunits": "contract_units",
    "futonlyorcombined": "report",
}
_WORDS = _ABOUT | {f"{w}positions{s}": f"{g} {s}" for g, w in GROUPS.items() for s in SIDES}
_KINDS = {"market": "text", "yymmdd": "exact?", "date": "text", "code": "text"}
_WIDTH = 87  # cells a row of the files; in the week's file, which has no header, at these places
_PLACES = {0: "market", 1: "yymmdd", 2: "date", 3: "code", 7: "open_interest"}
_PLACES |= {81: "contract_units", 86: "report"}
_PLACES |= dict(enumerate(HELD[:12], start=8)) | dict(enumerate(HELD[12:], start=22))
_EXPECTED = (
    "the columns of a Traders in Financial Futures report: Market_and_Exchange_Names,"
    " Report_Date_as_YYYY-MM-DD, CFTC_Contract_Market_Code, Open_Interest_All,"
    " Dealer_Positions_Long_All, Dealer_Positions_Short_All, Dealer_Positions_Spread_All, ..."
)


def read_rows(t: text.Text, groups: list[str]) -> pl.DataFrame | list[Fault]:
    """The file's rows, numbers as such, with the line of each; or what is wrong with them."""
    fields = text.first_fields(t)
    header = text.is_header(fields)
    bare = not header and len(fields) == _WIDTH
    names = [_PLACES.get(i, "") for i in range(_WIDTH)] if bare else _names(fields)
    wrong = _wrong(names, groups)
    if wrong:
        return [Fault(t.name, 1, f"{wrong}: {','.join(fields)[:80]!r}", _EXPECTED)]
    kinds = {n or f" {i}": _KINDS.get(n, "any") for i, n in enumerate(names)}
    frame = text.parse(t, kinds, header=not bare)
    if isinstance(frame, list):
        return frame
    frame = _with_all(frame.select(n for n in names if n))
    numbers = [n for n in names if n in ("open_interest", *HELD)]
    faults = text.rule_faults(t, frame, _rules(names, numbers), header=not bare)
    if faults:
        return faults
    frame = frame.with_columns(dated.day("date").alias("date"), *map(dated.number, numbers))
    frame = frame.with_row_index("line", offset=1 if bare else 2)
    return _misplaced(t, frame) if bare and far_off(frame).mean() > 0.5 else frame


def _names(fields: list[str]) -> list[str]:
    return [_WORDS.get(text.word(cell).removesuffix("all"), "") for cell in fields]


def _wrong(names: list[str], groups: list[str]) -> str:
    """What a header lacks, or holds twice; nothing if it is right."""
    wanted = ["market", "date", "code", *(c for c in HELD if c.startswith(tuple(groups)))]
    lacking = [name for name in wanted if name not in names]
    twice = [name for name in names if name and names.count(name) > 1]
    if lacking:
        return f"a header without {', '.join(lacking)}"
    return f"two columns for {twice[0]}" if twice else ""


def _with_all(frame: pl.DataFrame) -> pl.DataFrame:
    """With the texts that the tables hold, missing where the file lacks them, and no spaces."""
    absent = [n for n in ("yymmdd", "contract_units", "report") if n not in frame.columns]
    frame = frame.with_columns(pl.lit(None, pl.String).alias(n) for n in absent)
    texts = ("market", "code", "date", "yymmdd", "contract_units", "report")
    return frame.with_columns(pl.col(n).str.strip_chars() for n in texts)


def _short_date() -> pl.Expr:
    return pl.col("yymmdd").str.zfill(6).str.to_date("%y%m%d", strict=False)


def _rules(names: list[str], numbers: list[str]) -> list[tuple[str, pl.Expr, str]]:
    """The rules that values keep: a rule is the column shown, when it is broken, the expected."""
    iso = dated.day("date")
    rules = [
        ("market", pl.col("market") == "", "text"),
        ("code", ~pl.col("code").str.contains(r"^[0-9A-Z+]{6}$"), "six characters, as 090741"),
        ("date", iso.is_null(), "a date as 2025-04-29"),
    ]
    if "yymmdd" in names:
        differs = iso.is_not_null() & (_short_date().ne_missing(iso))
        rules.append(("yymmdd", differs, "the report date as YYMMDD"))
    for name in numbers:
        rules.append((name, dated.no_number(name), "a number, a dot or nothing"))
        rules.append((name, (dated.number(name) < 0).fill_null(False), "0 or more"))
    return rules


def gaps_of(rows: pl.DataFrame) -> dict[str, pl.Series]:
    """What longs with spreads, and shorts, are above open interest; nothing without a column."""
    if not {"open_interest", *HELD}.issubset(rows.columns):
        return {}
    gaps = {}
    for side in SIDES[:2]:
        held = [c for c in HELD if c.endswith((f" {side}", " spread"))]
        over = pl.sum_horizontal(held, ignore_nulls=False) - pl.col("open_interest")
        gaps[side] = rows.select(over).to_series().fill_null(0.0)
    return gaps


def far_off(rows: pl.DataFrame) -> pl.Series:
    """Rows whose groups are far from open interest, further than by rounding."""
    gaps = gaps_of(rows)
    return (gaps["long"].abs() > 10) | (gaps["short"].abs() > 10)


def _misplaced(t: text.Text, rows: pl.DataFrame) -> list[Fault]:
    far = far_off(rows)
    found = f"no header, and {far.sum():,} of {rows.height:,} rows whose groups are far from it"
    expected = f"{_WIDTH} cells in the order of FinFutYY.txt, whose groups sum to open interest"
    return [Fault(t.name, int(rows["line"].filter(far)[0]), found, expected)]
