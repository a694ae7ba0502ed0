"""The lines of CBOE's quote tables as they stand in the file, and what is wrong with them."""

from __future__ import annotations

import csv
import datetime
import re
from typing import NamedTuple

import polars as pl

from mmresearch.load import dated, text
from mmresearch.receipt import Fault

_COLUMNS = {  # the words of the header -> ours; a side's columns stand behind its contract
    "lastsale": "last",
    "net": "change",
    "bid": "bid",
    "ask": "ask",
    "volume": "volume",
    "vol": "volume",
    "iv": "implied_vol",
    "delta": "delta",
    "gamma": "gamma",
    "openinterest": "open_interest",
    "openint": "open_interest",
}
SIDES = ("call", "put")
_NEEDED = ("option", "implied_vol", "open_interest")
_NUMBERS = tuple(dict.fromkeys(_COLUMNS.values()))
_ABOVE = ("last", "bid", "ask", "volume", "implied_vol", "gamma", "open_interest")
EXPECTED = (
    "a CBOE quote table: title lines with the last price and the date, then the header"
    " Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest,Strike,..."
)
_CONTRACT = r"^(\S{1,6}?)(\d{6})([CP])(\d{8})$"
_EXPIRIES = ("%a %b %d %Y", "%Y-%m-%d", "%m/%d/%Y")
_PERCENT = 3.0  # half the options above 300 % a year: these are percent
_HOURS = {"EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8}
_HOURS |= {"UTC": 0, "GMT": 0}
_DATE = re.compile(
    r"Date: (?:([A-Za-z]+) (\d{1,2})|(\d{1,2}) ([A-Za-z]+)),? (\d{4})(?:,| at)? "
    r"(\d{1,2}):(\d\d)(?::\d\d)? ?([AP]M)? ?([A-Z]{3})?([+-]\d{1,2})?"
)


class Title(NamedTuple):
    words: str
    time: datetime.datetime
    spot: float


def lines_above(t: text.Text) -> int | None:
    """How many lines stand above the header; None if there is none where it should be."""
    lines = t.data.split(b"\n", 10)[:10]
    places = [i for i, line in enumerate(lines) if line.lower().startswith(b"expiration date,")]
    return places[0] if places else None


def read_title(t: text.Text, above: int) -> Title | list[Fault]:
    """What the lines above the header say, or what they do not."""
    lines = t.data.decode().replace("\r", " ").split("\n")[:above]  # csv refuses a lone one
    cells = [(n, " ".join(c.split())) for n, row in enumerate(csv.reader(lines), 1) for c in row]
    cells = [(line, cell) for line, cell in cells if cell]
    said = {word: (line, c) for line, c in cells for word in ("Last:", "Date:") if word in c}
    faults = []
    line, words = said.get("Last:", (1, "no last price"))
    spot = re.fullmatch(r"Last: ?(\d+(?:\.\d+)?)", words)
    if not spot or not float(spot[1]):
        faults.append(Fault(t.name, line, repr(words), "the underlying's price as Last: 3856.28"))
    line, words = said.get("Date:", (1, "no date"))
    time = _time(words)
    if time is None:
        expected = "the time as Date: July 12, 2022, 11:55 AM EDT"
        faults.append(Fault(t.name, line, repr(words), expected))
    return faults or Title(cells[0][1], time, float(spot[1]))


def _time(words: str) -> datetime.datetime | None:
    """A title's time in UTC; None if it is none."""
    found = _DATE.fullmatch(words.replace("−", "-"))
    if found is None:
        return None
    month, day, other_day, other_month, year, hour, minute, half, zone, shift = found.groups()
    number = dated.MONTHS.get((month or other_month)[:3].lower())
    hours = _HOURS.get(zone or "")
    if number is None or hours is None or (half and not 1 <= int(hour) <= 12):
        return None
    clock = int(hour) % 12 + 12 * (half == "PM") if half else int(hour)
    ahead = datetime.timezone(datetime.timedelta(hours=hours + int(shift or 0)))
    try:
        date = (int(year), number, int(day or other_day))
        there = datetime.datetime(*date, clock, int(minute), tzinfo=ahead)
    except ValueError:
        return None
    return there.astimezone(datetime.UTC) if 1970 <= there.year <= 2250 else None


def read_rows(t: text.Text, above: int) -> pl.DataFrame | list[Fault]:
    """A row a line, numbers as such, missing where there are none; or what is wrong with them."""
    below = text.Text(t.path, t.data.split(b"\n", above)[above], t.ended)
    fields = text.first_fields(below)
    names = _names(fields)
    wrong = _wrong(names)
    if wrong:
        return [Fault(t.name, above + 1, f"{wrong}: {','.join(fields)[:80]!r}", EXPECTED)]
    kinds = {n or f" {i}": "text" if n == "expiry" else "any" for i, n in enumerate(names)}
    frame = text.parse(below, kinds, header=True)
    if isinstance(frame, list):
        return [_further_down(fault, above) for fault in frame]
    frame = frame.select(n for n in names if n)
    frame = frame.with_columns(pl.all().fill_null("").str.strip_chars())
    faults = text.rule_faults(below, frame, _rules(names), header=True)
    faults = [_further_down(fault, above) for fault in faults]
    return faults or _percent(t, _numbers(frame, above + 2))


def _names(fields: list[str]) -> list[str]:
    """Our name of each column, nothing for those that are not known."""
    names, side = [], ""
    for cell in fields:
        word = text.word(cell)
        side = {"calls": "call", "puts": "put", "strike": ""}.get(word, side)
        own = {"expirationdate": "expiry", "strike": "strike"}.get(word, "")
        own = f"{side} option" if word in ("calls", "puts") else own
        names.append(f"{side} {_COLUMNS[word]}" if side and word in _COLUMNS else own)
    return names


def _wrong(names: list[str]) -> str:
    """What a header lacks, or holds twice; nothing if it is right."""
    wanted = ["strike", *(f"{side} {name}" for side in SIDES for name in _NEEDED)]
    lacking = [name for name in wanted if name not in names]
    twice = [name for name in names if name and names.count(name) > 1]
    if lacking:
        return f"a header without {', '.join(lacking)}"
    return f"two columns for {twice[0]}" if twice else ""


def _further_down(fault: Fault, lines: int) -> Fault:
    """The fault with the lines counted from the file's first, not from the header."""
    found = re.sub(
        r"(?<=first at lines )[\d, ]+",
        lambda m: ", ".join(str(int(n) + lines) for n in m[0].split(", ")),
        fault.found,
    )
    return fault._replace(line=None if fault.line is None else fault.line + lines, found=found)


def _rules(names: list[str]) -> list[tuple[str, pl.Expr, str]]:
    """The rules that values keep: a rule is the column shown, when it is broken, the expected."""
    strike = dated.number("strike")
    rules = [
        ("expiry", _expiry().is_null(), "a date as Tue Jul 12 2022"),
        ("strike", ~(strike > 0) | dated.no_number("strike"), "a number above 0"),
        *(rule for side in SIDES for rule in _contract_rules(side)),
    ]
    differ = _parts("call option")[0] != _parts("put option")[0]
    rules.append(("put option", differ.fill_null(False), "the root of the call beside it"))
    for name in names:
        kind = name.partition(" ")[2]
        if kind in _NUMBERS:
            rules.append((name, dated.no_number(name, ("",)), "a number"))
        if kind in _ABOVE:
            rules.append((name, (dated.number(name) < 0).fill_null(False), "0 or more"))
        if kind == "delta":
            rules.append((name, (dated.number(name).abs() > 1).fill_null(False), "-1 to 1"))
    return rules


def _contract_rules(side: str) -> list[tuple[str, pl.Expr, str]]:
    """That a contract's name is one, and says what the line says."""
    column, letter = f"{side} option", side[0].upper()
    root, day, right, thousandths = _parts(column)
    named = root.is_not_null()
    other_day = named & day.str.to_date("%y%m%d", strict=False).ne_missing(_expiry())
    other_strike = (dated.number("strike") * 1000).round() != thousandths.cast(pl.Float64)
    return [
        (column, ~named | (right != letter), f"a {side} as SPXW220712{letter}01000000"),
        (column, other_day, "the date of expiry in its name"),
        (column, named & other_strike.fill_null(False), "the strike in its name, times 1,000"),
    ]


def _expiry() -> pl.Expr:
    forms = (pl.col("expiry").str.to_date(form, strict=False) for form in _EXPIRIES)
    return dated.placed(pl.coalesce(forms)).alias("expiry")


def _parts(column: str) -> tuple[pl.Expr, ...]:
    """Root, expiry, right and strike of a contract's name."""
    return tuple(pl.col(column).str.extract(_CONTRACT, group) for group in range(1, 5))


def _numbers(frame: pl.DataFrame, first: int) -> pl.DataFrame:
    """With numbers where texts stood, and the line of each row."""
    numbers = [c for c in frame.columns if c == "strike" or c.partition(" ")[2] in _NUMBERS]
    frame = frame.with_columns(_expiry(), *map(dated.number, numbers))
    return frame.with_columns(root=_parts("call option")[0]).with_row_index("line", offset=first)


def _percent(t: text.Text, rows: pl.DataFrame) -> pl.DataFrame | list[Fault]:
    """The rows, or a fault if their implied volatilities are percent."""
    every = pl.concat([rows[f"{side} implied_vol"] for side in SIDES])
    middle = every.filter(every > 0).median() or 0.0
    if middle <= _PERCENT:
        return rows
    found = f"an IV of {middle:g} for half the options"
    return [Fault(t.name, None, found, "parts of one (0.2 is 20 % a year)")]
