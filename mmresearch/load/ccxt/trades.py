"""ccxt's unified trades as tables: whose side it is, what a symbol is, what a fee was paid in.

Structures: the ccxt manual, "Trade Structure", "Market Structure", "Contract Naming Conventions".
Unified symbols say what they are: BTC/USDT is a pair, BTC/USDT:USDT settles in USDT, BTC/USD:BTC
in its base, so that it is inverse; what follows a dash is an expiry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load.fills_export import fees as fills_fees
from mmresearch.load.fills_export import records as fills_records
from mmresearch.receipt import Fault

FIELDS = {
    "timestamp": "ms",
    "symbol": "text",
    "id": "text?",
    "order": "text?",
    "side": "text?",
    "takerOrMaker": "text?",
    "price": "number",
    "amount": "number",
    "cost": "number?",
    "fee_cost": "number?",
    "fee_currency": "text?",
}
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
_SIDES = {"buy": 1.0, "sell": -1.0}
_MAKERS = {"maker": True, "taker": False}
_CONTENT = ["symbol", "id", "timestamp", "side", "price", "amount"]
_EXACT = 1e-6  # by how much a cost may be rounded
_PLACES, _TICKS = 2, 4  # ccxt's precision modes: decimal places, price steps
Lines = Callable[[Iterable[int]], list[int]]
Markets = Mapping[str, Mapping[str, Any]]


class Rows(NamedTuple):
    """Structures as rows with `row` (their place) and `seq`, which are repeated, and notes."""

    rows: pl.DataFrame
    repeated: list[int]
    notes: list[str]


def paid(trade: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The fees of a structure that cost something."""
    return [fee for fee in trade.get("fees") or [trade.get("fee")] if fee and fee.get("cost")]


def odd_fees(trade: Mapping[str, Any]) -> bool:
    """Whether a structure's fees are no fees, or one after the first costs no number."""
    every = trade.get("fees") or [trade.get("fee")]
    if not isinstance(every, list) or not all(isinstance(f, Mapping | None) for f in every):
        return True
    return any(not re.fullmatch(_NUMBER, str(fee["cost"])) for fee in paid(trade)[1:])


def flat(trade: Mapping[str, Any]) -> dict[str, Any]:
    """A structure with its first fee's cost and currency beside the other fields."""
    first = next(iter(paid(trade)), trade.get("fee") or {})
    return {**trade, "fee_cost": first.get("cost"), "fee_currency": first.get("currency")}


def further_fees(trades: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The fees after the first, of trades that cost several: row, fee_amount, fee_asset."""
    found = [
        (row, float(fee["cost"]), fee.get("currency"))
        for row, trade in enumerate(trades)
        for fee in paid(trade)[1:]
    ]
    schema = {"row": pl.UInt32, "fee_amount": pl.Float64, "fee_asset": pl.String}
    return pl.DataFrame(found, schema=schema, orient="row")


def typed(
    file: str, raw: pl.DataFrame, lines: Lines, *, own: bool, symbol: str | None
) -> Rows | list[Fault]:
    """Columns of text (`FIELDS`) as rows, each once and in order; or every fault.

    `own`: the trades are an account's own, so that each must say its side.
    """
    if symbol is not None:
        raw = raw.with_columns(symbol=pl.coalesce("symbol", pl.lit(symbol)))
    rows, faults = fills_records.typed(file, raw, FIELDS, lines)
    faults += fills_records.rule_faults(file, rows, _rules(own), lines) if not faults else []
    if faults:
        return faults
    once = rows.select(pl.struct(_CONTENT).is_first_distinct() | pl.col("id").is_null())
    again = (~once.to_series()).arg_true().to_list()
    order, notes = _order(rows["timestamp"], rows["id"])
    rows = rows.with_row_index("row").with_columns(seq=order)
    rows = rows.filter(once.to_series()).select(
        "row",
        "seq",
        "symbol",
        "price",
        "cost",
        "fee_cost",
        "order",
        time="timestamp",
        size="amount",
        trade_id="id",
        side=_word("side").replace_strict(_SIDES, default=None),
        maker=_word("takerOrMaker").replace_strict(_MAKERS, default=None),
        fee_amount="fee_cost",
        fee_asset="fee_currency",
    )
    return Rows(rows, again, notes)


def _word(column: str) -> pl.Expr:
    return pl.col(column).str.to_lowercase()


def _rules(own: bool) -> list[tuple[str, pl.Expr, str]]:
    side = pl.col("side").is_null() if own else pl.lit(False)
    return [
        ("price", pl.col("price") <= 0, "a price above 0"),
        ("amount", pl.col("amount") <= 0, "an amount above 0"),
        ("side", side | ~_word("side").is_in(list(_SIDES)), "buy or sell"),
        ("takerOrMaker", ~_word("takerOrMaker").is_in(list(_MAKERS)), "taker or maker"),
    ]


def _order(time: pl.Series, number: pl.Series) -> tuple[pl.Series, list[str]]:
    """Numbers from 1 in the file's order, from the last where the newest come first.

    Within an instant ccxt sorts by the trade's number as text, "10" before "9": whole numbers are
    put in their own order there.
    """
    order = pl.int_range(1, time.len() + 1, dtype=pl.Int64, eager=True)
    if time.is_sorted(descending=True) and not time.is_sorted():
        order = order.reverse()
    whole = number.cast(pl.UInt64, strict=False)
    if whole.null_count():
        return order, []
    rows = pl.DataFrame({"order": order, "whole": whole, "time": time}).with_row_index("row")
    seq = rows.sort("time", "order")["order"]
    seq = rows.sort("time", "whole", "order").select("row", seq=seq).sort("row")["seq"]
    moved = (seq != order).sum()
    said = f"{moved:,} trades of one instant with others were put in the order of their numbers"
    return seq, [said] if moved else []


def tables(
    found: Rows, account: str | None, further: pl.DataFrame, about: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """trades, or an account's fills with the transfers of fees in other assets."""
    if account is None:
        columns = ["time", "seq", "symbol", "price", "size", "side", "trade_id"]
        return {"trades": fills_fees.table(found.rows.select(columns))}
    money = pl.from_pandas(about[["symbol", "settlement"]]).rename({"settlement": "money"})
    rows = found.rows.join(money, on="symbol", how="left", maintain_order="left")
    rows = rows.with_columns(account=pl.lit(account), order_id="order")
    others = rows.drop("fee_amount", "fee_asset").join(further, on="row", maintain_order="left")
    fills = fills_fees.with_fee(rows)
    own = others.filter(pl.col("fee_asset") == pl.col("money"))
    own = own.group_by("row").agg(more=pl.col("fee_amount").sum())
    fills = fills.join(own, on="row", how="left", maintain_order="left")
    fills = fills.with_columns(fee=pl.col("fee") + pl.col("more").fill_null(0.0))
    moved = pl.concat(
        [fills_fees.fee_transfers(one.drop_nulls("fee_amount")) for one in (fills, others)]
    ).sort("time", "seq", maintain_order=True)
    result = {"fills": fills_fees.fills_table(fills, ["order_id"])}
    return result | ({"transfers": fills_fees.transfers_table(moved, [])} if moved.height else {})


def symbols_of(names: Iterable[str], markets: Markets, mode: int | None = None) -> pd.DataFrame:
    """What the symbols are, by their markets where these are given, else by their names."""
    rows = [{"symbol": name, **_about(name, markets.get(name) or {}, mode)} for name in names]
    return pd.DataFrame(rows)


def _about(name: str, market: Mapping[str, Any], mode: int | None) -> dict[str, Any]:
    pair, _, contract = name.partition(":")
    base, _, quote = pair.partition("/")
    base = market.get("base") or (base if quote else None)
    quote = market.get("quote") or quote or None
    settle = market.get("settle") or contract.partition("-")[0] or quote
    derived = bool(market.get("contract") or contract)
    inverse = derived and settle == base
    return {
        "asset": base if base and (inverse or not derived) else name,
        "currency": quote,
        "settlement": settle,
        "tick": _tick(market, mode),
        "multiplier": float(market.get("contractSize") or 1.0),
    }


def _tick(market: Mapping[str, Any], mode: int | None) -> float:
    """The price step; markets count it in steps (as all do by now), or in decimal places."""
    step = (market.get("precision") or {}).get("price")
    if step is None or mode not in (None, _TICKS, _PLACES):
        return float("nan")
    size = 10.0 ** -int(step) if mode == _PLACES else float(step)
    return size if size > 0 else float("nan")


def notes(found: Rows, account: str | None, about: pd.DataFrame, markets: Markets) -> list[str]:
    """What was understood, and what does not agree."""
    rows = found.rows
    whose = "taker's" if account is None else "account's"
    said = [f"side is the {whose}; {rows['side'].null_count():,} of {rows.height:,} do not say it"]
    contracts = about.loc[about["symbol"].str.contains(":"), "symbol"]
    unknown = [
        symbol for symbol in contracts if not (markets.get(symbol) or {}).get("contractSize")
    ]
    if unknown:
        names = ", ".join(unknown[:5])
        said.append(f"{names}: a contract is taken for 1, as no market says its size: markets=")
    value = rows["price"] * rows["size"]
    spot = ~rows["symbol"].str.contains(":")
    off = ((value - rows["cost"]).abs() > _EXACT * value).fill_null(False) & spot
    said += [f"{off.sum():,} costs are not price x amount: these are kept"] if off.any() else []
    lacking = rows["fee_amount"].null_count()
    if account is not None and lacking:
        said.append(f"{lacking:,} fills without a fee: it is missing")
    return said
