"""CBOE's quote tables: title lines, a header, then a call and a put of one strike in each line.

Format: the CSV of cboe.com's delayed quotes. A contract's name is its root, the expiry as yymmdd,
C or P, and the strike times 1,000 in eight digits.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl

from mmresearch.load import dated, text
from mmresearch.load.options.cboe_files import (
    EXPECTED,
    SIDES,
    Title,
    lines_above,
    read_rows,
    read_title,
)
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

_NONE_IS_0 = ("last", "bid", "ask", "implied_vol")
_MORNING = ("SPX", "NDX", "RUT", "DJX", "VIX", "VIXW")  # settled on opening prices
_OPENING, _CLOSING, _ZONE = "09:30", "16:00", "America/New_York"
_OF_WEEKS = {"SPXW": "SPX", "SPXPM": "SPX", "NDXP": "NDX", "RUTW": "RUT", "VIXW": "VIX"}


def read_table(source: str, path: Path, symbol: str | None) -> Market:
    """The market of one quote table; `symbol` is its underlying, if not the contracts' root."""
    (t,) = text.read_texts(source, [path])
    above = lines_above(t)
    if above is None:
        line = t.data.partition(b"\n")[0].decode()[:80]
        raise SourceError(source, [Fault(t.name, 1, repr(line), EXPECTED)])
    title = read_title(t, above)
    rows = read_rows(t, above)
    faults = [
        *(title if isinstance(title, list) else []),
        *(rows if isinstance(rows, list) else []),
    ]
    if faults:
        raise SourceError(source, faults)
    again, other = dated.repeats(rows.drop("line"), [], ["call option"])
    found = [*_contradictions(t, rows.filter(other)), *_mixed(t, rows, symbol)]
    if found:
        raise SourceError(source, found)
    return _market(source, t, title, rows, rows.filter(~again), symbol)


def _contradictions(t: text.Text, rows: pl.DataFrame) -> list[Fault]:
    if rows.is_empty():
        return []
    found = f"{rows['call option'][0]} again, with other content"
    return [text.rows_fault(t.name, rows["line"].to_list(), found, "one line a contract")]


def _mixed(t: text.Text, rows: pl.DataFrame, symbol: str | None) -> list[Fault]:
    held = rows.select(_underlying(symbol)).to_series().unique().sort().to_list()
    if len(held) == 1:
        return []
    return [Fault(t.name, None, f"contracts on {', '.join(held)}", "one underlying, or symbol=")]


def _underlying(symbol: str | None) -> pl.Expr:
    if symbol is not None:
        return pl.lit(symbol).alias("symbol")
    whole = pl.col("root").replace(_OF_WEEKS)
    return whole.str.replace(r"\d+$", "").alias("symbol")


def _market(
    source: str,
    t: text.Text,
    title: Title,
    rows: pl.DataFrame,
    kept: pl.DataFrame,
    symbol: str | None,
) -> Market:
    chain = _chain(kept, title, symbol)
    again = rows.filter(~pl.col("line").is_in(kept["line"].implode()))
    aside = text.aside([(t, again["line"].to_list(), "duplicate")])
    facts = pd.DataFrame([file_facts(t.path, rows.height)])
    notes = _notes(t, title, kept, chain)
    about = {"symbol": chain["symbol"][0], "currency": "USD", "calendar": "XNYS"}
    return Market(
        symbols=pd.DataFrame([about]),
        receipt=Receipt(source, facts, aside, notes),
        name=t.path.name,
        chain=chain,
    )


def _chain(rows: pl.DataFrame, title: Title, symbol: str | None) -> pl.DataFrame:
    """Two rows a line: the call, then the put."""
    opening = dated.instant(rows["expiry"], _OPENING, _ZONE)
    closing = dated.instant(rows["expiry"], _CLOSING, _ZONE)
    expiry = opening.zip_with(rows["root"].is_in(_MORNING), closing)
    rows = rows.with_columns(_underlying(symbol), expiry.alias("expiry"))
    both = pl.concat((_side(rows, side) for side in SIDES), how="diagonal")
    time = pl.lit(title.time).dt.convert_time_zone("UTC").cast(pl.Datetime("ns", "UTC"))
    ordered = both.sort("line", maintain_order=True).drop("line")
    return ordered.with_columns(time=time, spot=pl.lit(title.spot))


def _side(rows: pl.DataFrame, side: str) -> pl.DataFrame:
    own = [c.partition(" ")[2] for c in rows.columns if c.startswith(f"{side} ")]
    adjusted = pl.col("root").str.contains(r"\d$")
    return rows.select(
        "line",
        "expiry",
        "strike",
        "symbol",
        pl.lit(side).alias("right"),
        pl.when(~adjusted).then(100.0).alias("multiplier"),
        *(_without_0(f"{side} {name}", name) for name in own),
    )


def _without_0(column: str, name: str) -> pl.Expr:
    value = pl.col(column)
    return (pl.when(value != 0).then(value) if name in _NONE_IS_0 else value).alias(name)


def _notes(t: text.Text, title: Title, kept: pl.DataFrame, chain: pl.DataFrame) -> tuple[str, ...]:
    roots = kept["root"].unique().sort().to_list()
    early = [r for r in roots if r in _MORNING]
    late = [r for r in roots if r not in _MORNING]
    none = int(chain["implied_vol"].null_count())
    gone = int((chain["expiry"] < chain["time"]).sum())
    adjusted = int(chain["multiplier"].null_count())
    said = f"{t.name}: {title.words}, {title.spot:g} at {title.time:%Y-%m-%d %H:%M} UTC"
    return (
        f"{said}; {kept.height:,} lines, a call and a put each",
        *([f"roots {', '.join(early)}: settled at the opening, 09:30 in New York"] * bool(early)),
        *([f"roots {', '.join(late)}: settled at the close, 16:00 in New York"] * bool(late)),
        f"{t.name}: no implied volatility for {none:,} of {chain.height:,} options, where the file"
        " has 0 or nothing; a bid, ask or last of 0 is none",
        *([f"{t.name}: {gone:,} options had expired"] * bool(gone)),
        *([f"{t.name}: {adjusted:,} adjusted options, multiplier missing"] * bool(adjusted)),
    )
