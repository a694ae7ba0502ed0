"""Trades, liquidations, tickers and option chains from Tardis.dev files: rows that stand alone.

Where the clock runs back they are put in the order of time.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from mmresearch.load import blocks
from mmresearch.load.tardis.files import (
    GREEKS,
    OPTION_QUOTES,
    OTHER_CLOCK,
    Counts,
    Made,
    Rows,
    moment,
    with_times,
)
from mmresearch.load.tardis.venues import IN_UNDERLYING, VOLATILITY
from mmresearch.load.text import Text

_FUNDING = ("funding_rate", "predicted_funding_rate")
_TICKER = (*_FUNDING, "open_interest", "last_price", "index_price", "mark_price")
_AGAIN = "the same trade again"
_NOTHING = "no price or no amount"
_BACK = "on {:,} rows the clock runs back: they are put in the order of time"


class Before(NamedTuple):
    """Of the rows above: the latest time, in nanoseconds, and the last id, where ids rise."""

    top: int
    last_id: int | None = None


def prints(rows: Rows, clock: str, before: Before | None) -> Made:
    """Trades, or liquidations: what stands twice or moves nothing is set aside."""
    timed = with_times(rows._replace(frame=_with_ids(rows.frame)), clock)
    reasons, counts, last = _reasons(timed, rows.text, before)
    kept = timed.filter(reasons.is_null())
    bought, sold = (pl.col("side") == side for side in ("buy", "sell"))
    sign = pl.when(bought).then(1.0).when(sold).then(-1.0)  # faster than to look them up
    columns = {"price": pl.col("price"), "size": pl.col("amount"), "side": sign}
    table = kept.select("time", "seq", "symbol", trade_id="id", **columns).with_columns(
        kept[OTHER_CLOCK[clock]]
    )
    back, top = _running_back(kept, before)
    counts |= {
        "on {:,} rows the clock runs back: prints are put in the order of time": (back,),
        "the side of {:,} trades is unknown": (int((kept["side"] == "unknown").sum()),),
    }
    aside = [((timed["seq"].filter(reasons == why) + 1).to_list(), why) for why in _met(reasons)]
    table = table.sort("time", maintain_order=True) if back else table
    return Made({rows.kind: table}, aside, counts, Before(top, last))


def _with_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with `id` as text, missing where it is empty or not in the file."""
    if "id" not in frame:
        return frame.with_columns(id=pl.lit(None, pl.String))
    return frame.with_columns(pl.when(pl.col("id") != "").then("id").alias("id"))


def _met(reasons: pl.Series) -> list[str]:
    return reasons.drop_nulls().unique(maintain_order=True).to_list()


def _running_back(timed: pl.DataFrame, before: Before | None) -> tuple[int, int]:
    """On how many rows time is behind the latest above them, and the latest of all."""
    time = timed["time"].to_physical()
    if len(time) and time.is_sorted() and time[0] >= (before.top if before else 0):
        return 0, time[-1]
    top = time.cum_max().clip(lower_bound=before.top) if before else time.cum_max()
    return int((time < top).sum()), max(before.top if before else 0, time.max() or 0)


def _reasons(
    timed: pl.DataFrame, t: Text, before: Before | None
) -> tuple[pl.Series, Counts, int | None]:
    """Why a row is set aside, missing: it is kept; counts; and the last id, where ids rise."""
    nothing = (pl.col("price") <= 0) | (pl.col("amount") <= 0)
    reasons = timed.select(pl.when(nothing).then(pl.lit(_NOTHING)).alias("reason"))["reason"]
    ids = timed["id"].drop_nulls()
    numbers = ids.cast(pl.Int64, strict=False)
    above = before.last_id if before and before.last_id is not None else -1
    if not numbers.has_nulls() and (numbers.diff() > 0).all() and numbers.head(1).gt(above).all():
        return reasons, {}, numbers.max() if len(numbers) else above
    if before or not t.last:
        raise blocks.WholeNeededError("ids that do not rise: the same trade may stand anywhere")
    if _all_differ(ids):
        return reasons, {}, None
    content = pl.struct("symbol", "id", "timestamp", "side", "price", "amount")
    named = pl.col("id").is_not_null()
    again = timed.select(named & ~content.is_first_distinct())["id"]
    reasons = reasons.set(again & reasons.is_null(), _AGAIN)
    left = timed.filter(~again & timed["id"].is_not_null())
    torn = left.height - left.select(pl.struct("symbol", "id").n_unique()).item()
    said = "{:,} rows bear the id of a row above with other content: they are kept"
    return reasons, {said: (torn,)}, None


def _all_differ(ids: pl.Series) -> bool:
    """Whether no id stands twice, as far as can be told fast; False leaves it open."""
    return ids.hash().n_unique() == ids.len()


def series(rows: Rows, clock: str, before: Before | None) -> Made:
    """Every cell of the ticker that is there as a row of its own."""
    timed, names = with_times(rows, clock), [c for c in _TICKER if c in rows.frame]
    if "funding_timestamp" not in timed:
        timed = timed.with_columns(funding_timestamp=pl.lit(None, pl.Int64))
    other = OTHER_CLOCK[clock]
    index = ["time", "symbol", other, "funding_timestamp", "seq"]
    cells = timed.unpivot(names, index=index, variable_name="name")
    there = cells.filter(pl.col("value").is_not_null()).sort("seq", maintain_order=True)
    funding = pl.col("name").is_in(_FUNDING)
    paid = pl.when(funding).then(moment("funding_timestamp")).alias("funding_time")
    bare = timed.filter(pl.all_horizontal(pl.col(c).is_null() for c in names))
    back, top = _running_back(timed, before)
    counts = {
        "{1:,} of {0:,} cells are empty: no rows": (cells.height, cells.height - there.height),
        _BACK: (back,),
    }
    return Made(
        {"series": there.select("time", "symbol", "name", "value", paid, other)},
        [((bare["seq"] + 1).to_list(), "no value")] if bare.height else [],
        counts,
        Before(top),
    )


def chain(rows: Rows, clock: str, before: Before | None) -> Made:
    """The state of options, a row a row of the file."""
    timed, exchange = with_times(rows, clock), rows.frame["exchange"][0]
    factor = VOLATILITY.get(exchange)
    volatility = pl.lit(None, pl.Float64) if factor is None else pl.col("mark_iv") * factor
    extras = ["underlying_index", "last_price", "mark_price", "mark_iv", *OPTION_QUOTES, *GREEKS]
    table = timed.select(
        "time",
        moment("expiration").alias("expiry"),
        pl.col("strike_price").alias("strike"),
        pl.col("type").alias("right"),
        "open_interest",
        volatility.alias("implied_vol"),
        pl.when(pl.col("underlying_price") > 0).then("underlying_price").alias("spot"),
        pl.lit(1.0 if exchange in IN_UNDERLYING else None, pl.Float64).alias("multiplier"),
        pl.col("symbol").str.split("-").list.first().alias("symbol"),
        pl.col("symbol").alias("option"),
        *(c for c in extras if c in timed),
        OTHER_CLOCK[clock],
    )
    notes = ["spot is underlying_price, where the exchange so quotes the future of that expiry"]
    if factor is None:
        notes.append(f"the unit of {exchange}'s mark_iv is not known here: implied_vol is missing")
    if exchange not in IN_UNDERLYING:
        notes.append(f"the size of {exchange}'s contracts is not known here: multiplier is missing")
    back, top = _running_back(timed, before)
    counts = dict.fromkeys(notes, (1,)) | {_BACK: (back,)}
    return Made({"chain": table}, [], counts, Before(top))
