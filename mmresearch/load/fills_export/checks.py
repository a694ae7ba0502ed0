"""What a file of executions says of itself: notes for the receipt, and values that disagree."""

from __future__ import annotations

import polars as pl

from mmresearch.load.fills_export.records import Records
from mmresearch.load.fills_export.units import worth
from mmresearch.load.fills_export.venues import Venue

_RATE = 0.02  # by how much a fee may differ from its rate, which venues round
_EXACT = 1e-9  # of numbers that are read to 15 digits


def notes(
    records: Records, form: Venue, rows: pl.DataFrame, account: str | None
) -> tuple[str, ...]:
    """What was understood and assumed, with counts."""
    fills = rows.filter(pl.col("kind") == "fill")
    found = [
        f"{form.name}: {fills.height:,} fills as its API returns them, signed by the account's"
        f" side{_events(rows)}",
        *_accounts(form, rows, account),
        *_fees(rows),
        *_of_units(rows),
        *_disagreeing(records, form, fills),
        *_of_venue(fills),
    ]
    return tuple(found)


def _events(rows: pl.DataFrame) -> str:
    if "event" not in rows.columns:
        return ""
    counts = rows.filter(pl.col("event") != "Trade")["event"].value_counts(sort=True)
    said = ", ".join(f"{n:,} {event}" for event, n in counts.iter_rows())
    return f"; among the records {said}" if said else ""


def _accounts(form: Venue, rows: pl.DataFrame, account: str | None) -> list[str]:
    held = rows["account"].unique(maintain_order=True).to_list()
    own = rows["account_said"].unique().drop_nulls() if "account_said" in rows.columns else []
    if account is not None:
        many = f"; the records name {len(own)} of them" if len(own) > 1 else ""
        return [f"account {account!r} as given{many}"]
    whence = "by the venue's number" if len(own) else "as no record names it: pass account="
    return [f"account {', '.join(held[:5])}: {whence}"]


def _fees(rows: pl.DataFrame) -> list[str]:
    fills = rows.filter(pl.col("kind") == "fill")
    fee, asset, money = pl.col("fee_amount"), pl.col("fee_asset"), pl.col("money")
    other = fills.filter((fee != 0) & asset.is_not_null() & asset.ne_missing(money))
    unknown = fills.filter((fee != 0) & asset.is_null()).height
    lacking = fills["fee_amount"].null_count()
    names = ", ".join(sorted(other["fee_asset"].unique()))
    return [
        *([f"{other.height:,} fees in {names}: rows of transfers, fee 0"] if names else []),
        *([f"{unknown:,} fees in an asset that is not known: fee is missing"] if unknown else []),
        *([f"{lacking:,} fills without a fee: it is missing"] if lacking else []),
    ]


def _of_units(rows: pl.DataFrame) -> list[str]:
    about = rows.unique("symbol", maintain_order=True)
    strange = about.filter(pl.col("currency").is_null())["symbol"].to_list()
    inverse = about.filter(pl.col("sense") == "inverse")
    third = pl.col("money") != pl.col("currency")
    quanto = about.filter((pl.col("sense") == "linear") & third)
    return [
        *(f"{symbol}: its name is of no known pair, its currency not known" for symbol in strange),
        *(
            f"{row['symbol']} is inverse: a contract is {row['multiplier']:g} {row['currency']},"
            f" profit and fees are in {row['money']}"
            for row in inverse.iter_rows(named=True)
        ),
        *(
            f"{row['symbol']} is priced in {row['currency']} and settles in {row['money']}:"
            f" amounts of money are in {row['money']}, {row['multiplier']:g} a contract and point"
            for row in quanto.iter_rows(named=True)
        ),
    ]


def _disagreeing(records: Records, form: Venue, fills: pl.DataFrame) -> list[str]:
    """Values that are not size x price, and fees that are not rate x value."""
    if "value" not in fills.columns or fills["value"].null_count() == fills.height:
        return []
    value, said, grain = worth(fills), fills["value"].abs(), fills["value_step"]
    if form.name == "bitmex":  # which may round the value of one contract
        grain = grain * fills.select(pl.max_horizontal(pl.lit(1.0), pl.col("size") / 2)).to_series()
    off = (value - said).abs() > grain + _EXACT * value
    found = _said(records, fills, off, "values are not size x price")
    if "fee_rate" in fills.columns:
        rate = fills["fee_rate"].abs() * said
        off = (fills["fee_amount"].abs() - rate).abs() > _RATE * rate + fills["value_step"]
        off &= fills["fee_asset"] == fills["money"]
        found += _said(records, fills, off, "fees are not rate x value")
    return found


def _said(records: Records, fills: pl.DataFrame, off: pl.Series, what: str) -> list[str]:
    rows = fills["row"].filter(off.fill_null(False))
    if rows.is_empty():
        return []
    line = records.lines(rows[:1])[0]
    return [f"{rows.len():,} {what}, beyond rounding, first at line {line}: kept as they are"]


def _of_venue(fills: pl.DataFrame) -> list[str]:
    """What single venues do, where it was met."""
    found = []
    unsaid = fills["maker"].null_count()
    if unsaid:
        found.append(f"{unsaid:,} fills do not say maker or taker: it is missing")
    if "position_side" in fills.columns:
        both = fills["position_side"].is_in(["LONG", "SHORT"]).sum()
        if both:
            found.append(f"{both:,} fills are of hedge mode: long and short are netted here")
    if "margin" in fills.columns and (fills["margin"] > 0).any():
        count = (fills["margin"] > 0).sum()
        found.append(f"{count:,} fills are on margin: positions, no assets that were moved")
    if "in_quote" in fills.columns and (fills["in_quote"] == "true").any():
        count = (fills["in_quote"] == "true").sum()
        found.append(f"{count:,} sizes were in the quote currency: divided by the price")
    return found
