"""A pool's events: swaps, and what liquidity providers paid in and took out."""

from __future__ import annotations

import polars as pl

from mmresearch.load import onchain, onchain_order
from mmresearch.load.onchain import Sheet
from mmresearch.load.text import rows_fault
from mmresearch.load.uniswap.files import IN_UNITS
from mmresearch.load.uniswap.pool import SOURCE, STEP, TICKS, Pool
from mmresearch.receipt import Fault, SourceError

_OPTIONAL = ("log_index", "block", "sqrt_price", "tick", "liquidity", "tick_lower", "tick_upper")
_OPTIONAL += ("position", "sender", "recipient", "owner")
_CONTENT = ["tx", "event", "amount0", "amount1"]
_VENDORS = {"sqrt_price": "sqrtPriceX96"}
_Q96 = 2.0**96
_ROOTS = (4e9, 1.47e48)  # of the lowest and of the highest tick
_FREED = "burn: what it frees leaves the pool when it is collected"


def read_events(sheets: list[Sheet], pool: Pool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The events in order, amounts in the smallest units as text; those set aside."""
    frames, faults = [], []
    for number, sheet in enumerate(sheets):
        rows = _uniform(sheet, onchain_order.rows_of(sheet), pool)
        wrong = rows if isinstance(rows, list) else _faults(sheet, rows)
        faults += wrong
        if not wrong:
            frames.append(rows.with_columns(file=pl.lit(number, pl.UInt32)))
    if faults:
        raise SourceError(SOURCE, faults)
    rows = pl.concat(frames)
    onchain_order.conflicts(SOURCE, sheets, rows, _CONTENT)
    rows = rows.with_columns(seq=onchain_order.block_order("log_index", "block"))
    rows = rows.with_columns(reason=_reasons(rows)).sort("time", "seq", "file", "line")
    gone = rows.drop_nulls("reason").select("file", "line", "reason")
    return onchain_order.told_apart(rows.filter(pl.col("reason").is_null())), gone


def states_of(swaps: pl.DataFrame) -> pl.DataFrame:
    """The pool's state after each swap; `ratio` is token1 a token0, in their smallest units."""
    return swaps.select(
        "time", "seq", "tick", ratio=_ratio(), liquidity=pl.col("liquidity").cast(pl.Float64)
    )


def notes_on(sheets: list[Sheet], events: pl.DataFrame, gone: pl.DataFrame) -> list[str]:
    """What there is to know about the events, with counts."""
    counts = events["event"].value_counts(sort=True).iter_rows()
    said = ["events: " + ", ".join(f"{n:,} {event}s" for event, n in counts)]
    if (gone["reason"] == _FREED).any():
        said.append("a burn moves no token: what it frees leaves with a collect, and fees with it")
    elif (events["event"] == "burn").any():
        said.append(
            "there are no collects among the files: a burn is taken for leaving the pool at once,"
            " and the fees that were paid out to providers are not known"
        )
    if events["log_index"].has_nulls():
        said.append("events without a log index: seq is their row in the file")
    full = [s.name for s in sheets if s.layout == IN_UNITS and s.frame.height % 1000 == 0]
    said += [f"{name} holds a multiple of 1,000 records, the subgraph's limit" for name in full]
    return said


def _uniform(sheet: Sheet, rows: pl.DataFrame, pool: Pool) -> pl.DataFrame | list[Fault]:
    """The same columns whatever the layout; hashes in one writing, amounts in smallest units."""
    lacking = [pl.lit(None, pl.String).alias(c) for c in _OPTIONAL if c not in rows.columns]
    rows = rows.with_columns(lacking)
    numbers = ("log_index", "block", "tick", "tick_lower", "tick_upper")
    hexes = ("tx", "sender", "recipient", "owner")
    rows = rows.with_columns(
        *(onchain.integer(c) for c in numbers),
        *(onchain.one_writing(rows[c]).alias(c) for c in hexes),
        *_amounts(sheet, rows, pool),
    )
    finer = [f"amount{n}" for n in (0, 1) if rows[f"amount{n}"].has_nulls()]
    if finer:
        bad = rows[finer[0]].is_null()
        amount, lines = sheet.frame[finer[0]].filter(bad)[0], rows["line"].filter(bad).to_list()
        expected = f"at most {pool.decimals[int(finer[0][-1])]} decimals"
        return [rows_fault(sheet.name, lines, f"{finer[0]} {amount}", expected)]
    columns = ("line", "time", "place", "tx", "event", "amount0", "amount1", *_OPTIONAL)
    return rows.select(columns)


def _amounts(sheet: Sheet, rows: pl.DataFrame, pool: Pool) -> list[pl.Series]:
    """Both amounts as whole numbers with a sign; missing where units are finer than the token."""
    found = []
    for n, decimals in enumerate(pool.decimals):
        text = rows[f"amount{n}"]
        digits = text.str.strip_chars_start("+-")
        if sheet.layout == IN_UNITS:
            whole, part = onchain.halves(digits)
            digits = (whole + part.str.pad_end(decimals, "0")).set(
                part.str.len_bytes() > decimals, None
            )
        digits = digits.str.strip_chars_start("0").replace("", "0")
        minus = text.str.starts_with("-") & (digits != "0")
        frame = pl.DataFrame({"digits": digits, "minus": minus})
        signed = pl.when("minus").then("-" + pl.col("digits")).otherwise("digits")
        found.append(frame.select(signed.alias(f"amount{n}")).to_series())
    return found


def _ratio() -> pl.Expr:
    """token1 a token0 after a swap: from the square root that the pool keeps, else the tick."""
    root = pl.col("sqrt_price").cast(pl.Float64) / _Q96
    return pl.coalesce(root**2, pl.lit(STEP) ** pl.col("tick"))


def _faults(sheet: Sheet, rows: pl.DataFrame) -> list[Fault]:
    """What cannot be in a pool's events."""
    swap = pl.col("event") == "swap"
    below = [pl.col(f"amount{n}").str.starts_with("-") for n in (0, 1)]
    above = [~b & (pl.col(f"amount{n}") != "0") for n, b in enumerate(below)]
    same = (below[0] & below[1]) | (above[0] & above[1])
    unpriced = pl.col("sqrt_price").is_null() & pl.col("tick").is_null()
    root = pl.col("sqrt_price").cast(pl.Float64)
    far = pl.any_horizontal(pl.col("tick", "tick_lower", "tick_upper").abs() > TICKS)
    checks = [
        ("amount1", swap & same, "one token into the pool and the other out of it"),
        ("amount0", ~swap & below[0], "0 or more: the event says its direction"),
        ("amount1", ~swap & below[1], "0 or more: the event says its direction"),
        ("tick", swap & unpriced, "sqrtPriceX96 or tick of a swap"),
        ("tick", far.fill_null(False), f"ticks of at most {TICKS:,}"),
        ("sqrt_price", swap & ~root.is_between(*_ROOTS), "a square root that a pool can have"),
    ]
    faults = []
    for column, broken, expected in checks:
        bad = rows.filter(broken.fill_null(False))
        if bad.height:
            value = bad[column][0]
            found = f"{_VENDORS.get(column, column)} {'nothing' if value is None else value}"
            faults.append(rows_fault(sheet.name, bad["line"].to_list(), found, expected))
    return faults


def _reasons(rows: pl.DataFrame) -> pl.Series:
    """Why an event is set aside; missing: it is kept."""
    repeated = onchain_order.again(rows, _CONTENT)
    nothing = (pl.col("amount0") == "0") & (pl.col("amount1") == "0")
    collected = (rows["event"] == "collect").any()
    freed = (pl.col("event") == "burn") & collected
    why = pl.when(repeated).then(pl.lit("repeated")).when(freed).then(pl.lit(_FREED))
    return rows.select(why.when(nothing).then(pl.lit("moves nothing")).alias("reason")).to_series()
