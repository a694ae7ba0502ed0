"""Minute flows of a pool: what each row says of the swaps in its minute.

netAmount is what came into the pool of a token, less what went out; inAmount is what came in. So
what went out is known too, and with it the two directions apart: token1 came in for the token0
that went out, and token0 for token1. The order of the swaps in a minute is not known.

demeter-fetch took the closing tick of a minute from its last event only if that was a swap, and
else carried on the minute before's. Where that contradicts the minute's own range, it is seen.
"""

from __future__ import annotations

import polars as pl

from mmresearch.load import onchain_order
from mmresearch.load.onchain import Sheet, integer
from mmresearch.load.text import rows_fault
from mmresearch.load.uniswap.pool import SOURCE, TICKS
from mmresearch.receipt import Fault, SourceError

_MINUTE = 60 * 10**9
_DAY = 1440
_TICKS = ("tick", "open_tick", "lowest_tick", "highest_tick")
_FLOWS = ("net0", "net1", "in0", "in1")
TOKEN1_IN, TOKEN0_IN = 1, 2  # `seq` of a minute's two directions; its closing price has the second


def read_minutes(sheets: list[Sheet]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The minutes in order, and those set aside (file, line, reason)."""
    frames = [
        _whole(onchain_order.rows_of(sheet)).with_columns(file=pl.lit(number, pl.UInt32))
        for number, sheet in enumerate(sheets)
    ]
    rows = pl.concat(frames, how="diagonal").sort("time", "file", "line")
    _refuse_torn(sheets, rows)
    repeated = ~pl.col("time").is_first_distinct()
    gone = rows.filter(repeated).select("file", "line", reason=pl.lit("repeated"))
    return rows.filter(~repeated), gone


def _whole(rows: pl.DataFrame) -> pl.DataFrame:
    """Ticks as numbers, amounts as their digits."""
    amounts = pl.col(_FLOWS).str.replace(r"\.0+$", "")
    return rows.with_columns(amounts, *(integer(name) for name in _TICKS))


def swaps_of(minutes: pl.DataFrame) -> pl.DataFrame:
    """The swaps of each direction in a minute as one, at the minute's last nanosecond."""
    flows = {name: [int(text) for text in minutes[name]] for name in _FLOWS}
    out = {
        n: [i - net for i, net in zip(flows[f"in{n}"], flows[f"net{n}"], strict=True)] for n in "01"
    }
    place = minutes.select("file", "line", time=_end())
    parts = []
    for seq, came, went in ((TOKEN1_IN, "1", "0"), (TOKEN0_IN, "0", "1")):
        amounts = {
            f"amount{came}": [str(amount) for amount in flows[f"in{came}"]],
            f"amount{went}": [str(-amount) for amount in out[went]],
        }
        parts.append(place.with_columns(seq=pl.lit(seq, pl.Int64), **_series(amounts)))
    swaps = pl.concat(parts, how="diagonal").sort("time", "seq")
    return swaps.filter((pl.col("amount0") != "0") | (pl.col("amount1") != "0"))


def _series(cells: dict[str, list[str]]) -> dict[str, pl.Series]:
    return {name: pl.Series(values, dtype=pl.String) for name, values in cells.items()}


def states_of(minutes: pl.DataFrame) -> pl.DataFrame:
    """The pool's state at each minute's last nanosecond; a tick that cannot be is missing."""
    carried = ~pl.col("tick").is_between("lowest_tick", "highest_tick")
    one_price = pl.col("lowest_tick") == pl.col("highest_tick")
    tick = pl.when(~carried).then("tick").when(one_price).then("lowest_tick")
    return minutes.select(
        _TICKS[1:],
        time=_end(),
        seq=pl.lit(TOKEN0_IN, pl.Int64),
        tick=tick,
        close_tick="tick",
        liquidity=pl.col("liquidity").cast(pl.Float64),
    )


def notes_on(minutes: pl.DataFrame, states: pl.DataFrame) -> list[str]:
    """What there is to know about minute flows, with counts."""
    wrong = states["tick"].is_null() | (states["tick"] != states["close_tick"])
    lost = states["tick"].null_count()
    days = minutes.group_by(day=pl.col("time").dt.date(), maintain_order=True)
    said = [
        f"{minutes.height:,} minutes: the swaps of a direction are one fill, at the minute's last"
        " nanosecond; which came first is not known, nor how many they were",
        *(_missing(day, n) for day, n in days.agg(pl.len()).iter_rows() if n < _DAY),
    ]
    if wrong.any():
        said.append(
            f"{wrong.sum():,} closing ticks lie outside their minute's range, as they were carried"
            f" over from the minute before: {wrong.sum() - lost:,} are the minute's only tick,"
            f" {lost:,} are missing; others that were carried over cannot be seen"
        )
    last = days.agg(pl.col("net0", "in0", "in1").last())
    idle = last.select(pl.all_horizontal(pl.col("net0", "in0", "in1") == "0").sum()).item()
    if last.height > 1 and idle == last.height:
        said.append(
            f"no flow in the last minute of any of the {idle:,} days: some versions of"
            " demeter-fetch lose a day's last minute with a swap"
        )
    return said


def _missing(day: object, n: int) -> str:
    return f"{day} has {n:,} of {_DAY:,} minutes: in the others nothing is known"


def _end() -> pl.Expr:
    """A minute's last nanosecond: what happened in it is known then, and it is in its own day."""
    last = pl.col("time").cast(pl.Int64) + (_MINUTE - 1)
    return last.cast(pl.Datetime("ns", "UTC"))


def faults_of(sheet: Sheet) -> list[Fault]:
    """What cannot be in minute flows."""
    rows = _whole(onchain_order.rows_of(sheet))
    flows = [[int(text) for text in rows[name]] for name in ("net0", "in0", "net1", "in1")]
    above = [
        [net > came for net, came in zip(*pair, strict=True)] for pair in (flows[:2], flows[2:])
    ]
    low = rows["lowest_tick"]
    ticks = pl.all_horizontal(pl.col(name).abs() <= TICKS for name in _TICKS)
    checks = [
        ("time", "timestamp", rows["time"].cast(pl.Int64) % _MINUTE != 0, "a whole minute"),
        ("net0", "netAmount0", pl.Series(above[0], dtype=pl.Boolean), "at most inAmount0"),
        ("net1", "netAmount1", pl.Series(above[1], dtype=pl.Boolean), "at most inAmount1"),
        ("tick", "closeTick", rows.select(~ticks).to_series(), f"ticks of at most {TICKS:,}"),
        ("lowest_tick", "lowestTick", low > rows["highest_tick"], "at most highestTick"),
    ]
    faults = []
    for column, name, bad, expected in checks:
        if bad.any():
            lines = rows["line"].filter(bad).to_list()
            found = f"{name} {rows[column].filter(bad)[0]}"
            faults.append(rows_fault(sheet.name, lines, found, expected))
    return faults


def _refuse_torn(sheets: list[Sheet], rows: pl.DataFrame) -> None:
    """Refuse a minute with two contents."""
    content = pl.struct(*_FLOWS, *_TICKS)
    first = content.first().over("time")
    torn = rows.filter(pl.col("time").is_duplicated()).filter(content != first)
    faults = []
    for (file,), group in torn.group_by("file", maintain_order=True):
        found = f"minute {group['time'][0]:%Y-%m-%d %H:%M} again with other content"
        lines = group["line"].to_list()
        faults.append(rows_fault(sheets[file].name, lines, found, "one content a minute"))
    if faults:
        raise SourceError(SOURCE, faults)
