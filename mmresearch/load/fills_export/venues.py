"""How venues' APIs return an account's executions: what tells them, their fields, their answers.

Formats: the venues' API references. Binance account trade list (spot, USD-M and COIN-M futures),
Bybit v5 execution list, Kraken TradesHistory, BitMEX execution/tradeHistory, dYdX v4 indexer fills,
Deribit user trades, Coinbase Advanced Trade historical fills.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mmresearch.receipt import Fault


class Venue(NamedTuple):
    """One form of executions.

    marks: fields whose presence tells the form; fields: ours -> theirs; time: the kind of its
    time; extras: theirs -> the name under which it is kept.
    """

    name: str
    marks: tuple[str, ...]
    fields: dict[str, str]
    time: str
    extras: dict[str, str]

    @property
    def form(self) -> str:
        return f"{self.name} ({', '.join(self.marks)})"


_BINANCE = {"time": "time", "symbol": "symbol", "price": "price", "size": "qty"}
_BINANCE |= {"fee_amount": "commission", "fee_asset": "commissionAsset", "trade_id": "id"}
VENUES = (
    Venue(
        "binance",
        ("isBuyer", "isMaker", "commissionAsset"),
        _BINANCE | {"side": "isBuyer", "maker": "isMaker", "value": "quoteQty"},
        "ms",
        {"orderId": "order_id"},
    ),
    Venue(
        "binance futures",
        ("side", "maker", "realizedPnl", "commissionAsset"),
        _BINANCE
        | {"side": "side", "maker": "maker", "value": "quoteQty", "value_base": "baseQty"}
        | {"margin_asset": "marginAsset", "position_side": "positionSide"},
        "ms",
        {"orderId": "order_id", "realizedPnl": "realized_pnl", "positionSide": "position_side"},
    ),
    Venue(
        "bybit",
        ("execId", "execPrice", "execQty", "execTime"),
        {"time": "execTime", "symbol": "symbol", "side": "side", "price": "execPrice"}
        | {"size": "execQty", "fee_amount": "execFee", "fee_asset": "feeCurrency"}
        | {"maker": "isMaker", "trade_id": "execId", "value": "execValue", "fee_rate": "feeRate"}
        | {"event": "execType", "category": "category", "contract": "createType"},
        "ms",
        {"orderId": "order_id", "execType": "exec_type", "markPrice": "mark_price"},
    ),
    Venue(
        "kraken",
        ("ordertxid", "pair", "vol"),
        {"time": "time", "symbol": "pair", "side": "type", "price": "price", "size": "vol"}
        | {"fee_amount": "fee", "maker": "maker", "trade_id": "txid", "value": "cost"}
        | {"margin": "margin"},
        "seconds",
        {"ordertxid": "order_id", "ordertype": "order_type", "misc": "misc"},
    ),
    Venue(
        "bitmex",
        ("execID", "lastQty", "lastPx", "settlCurrency"),
        {"time": "transactTime", "symbol": "symbol", "side": "side", "price": "lastPx"}
        | {"size": "lastQty", "fee_amount": "execComm", "fee_asset": "settlCurrency"}
        | {"maker": "lastLiquidityInd", "trade_id": "execID", "value": "execCost"}
        | {"fee_rate": "commission", "event": "execType", "quoted": "currency"}
        | {"home": "homeNotional", "account_said": "account"},
        "iso",
        {"orderID": "order_id", "execType": "exec_type", "trdMatchID": "match_id"},
    ),
    Venue(
        "dydx",
        ("market", "liquidity", "createdAt", "side"),
        {"time": "createdAt", "symbol": "market", "side": "side", "price": "price"}
        | {"size": "size", "fee_amount": "fee", "maker": "liquidity", "trade_id": "id"}
        | {"account_said": "subaccountNumber", "contract": "marketType"},
        "iso",
        {"orderId": "order_id", "type": "order_type"},
    ),
    Venue(
        "deribit",
        ("trade_id", "instrument_name", "direction", "liquidity"),
        {"time": "timestamp", "symbol": "instrument_name", "side": "direction", "price": "price"}
        | {"size": "amount", "fee_amount": "fee", "fee_asset": "fee_currency"}
        | {"maker": "liquidity", "trade_id": "trade_id"},
        "ms",
        {"order_id": "order_id", "index_price": "index_price", "mark_price": "mark_price"},
    ),
    Venue(
        "coinbase",
        ("entry_id", "product_id", "liquidity_indicator", "commission"),
        {"time": "trade_time", "symbol": "product_id", "side": "side", "price": "price"}
        | {"size": "size", "fee_amount": "commission", "maker": "liquidity_indicator"}
        | {"trade_id": "entry_id", "in_quote": "size_in_quote", "account_said": "user_id"},
        "iso",
        {"order_id": "order_id", "trade_id": "match_id"},
    ),
)
NAMES = tuple(dict.fromkeys(venue.name.split()[0] for venue in VENUES))
_FORMS = "; ".join(venue.form for venue in VENUES)
_INSIDE = ("result", "trades", "fills", "list", "data", "executions")


def rows_of(root: Any) -> list[Any] | str:
    """The records that an answer holds, or what it says is wrong."""
    if isinstance(root, list):
        return root
    if not isinstance(root, dict):
        return f"{type(root).__name__} {str(root)[:40]!r} instead of records"
    said = _refusal(root)
    if said:
        return f"an answer that is an error: {said[:80]!r}"
    if root and all(isinstance(v, dict) and "ordertxid" in v for v in root.values()):
        return [{"txid": key, **row} for key, row in root.items()]  # Kraken: by number
    inner = next((root[key] for key in _INSIDE if isinstance(root.get(key), dict | list)), None)
    if inner is None:
        return [root] if _venue_of(root) else _empty(root)
    found = rows_of(inner)
    return found if isinstance(found, str) else _with_category(found, root)


def _refusal(root: Mapping[str, Any]) -> str:
    """What a venue says when it refuses, empty if it does not."""
    if root.get("error"):  # Kraken's list, Deribit's and BitMEX' object
        return str(root["error"])
    code = root.get("retCode", root.get("code", 0))  # Bybit; Binance
    return str(root.get("retMsg", root.get("msg", code))) if code not in (0, "0", 200) else ""


def _empty(root: Mapping[str, Any]) -> list | str:
    """An answer without executions: Kraken's page past the last."""
    return [] if not root else f"an answer of unknown form, with {', '.join(root)}"[:120]


def _with_category(rows: list[Any], root: Mapping[str, Any]) -> list[Any]:
    """Bybit says once for all which products they are of."""
    if "category" not in root:
        return rows
    return [{"category": root["category"], **row} if isinstance(row, dict) else row for row in rows]


def _venue_of(row: Mapping[str, Any]) -> Venue | None:
    return next((v for v in VENUES if all(mark in row for mark in v.marks)), None)


def told(name: str, rows: list[Any], venue: str | None) -> Venue | Fault:
    """The form of the records, by their first one's fields."""
    first = rows[0]
    if not isinstance(first, dict):
        return Fault(name, None, f"a record that is {str(first)[:40]!r}", f"executions: {_FORMS}")
    found = _venue_of(first)
    if venue is not None and (found is None or found.name.split()[0] != venue):
        forms = "; ".join(v.form for v in VENUES if v.name.split()[0] == venue)
        return Fault(name, 1, f"records with {', '.join(first)}"[:160], f"those of {forms}")
    if found is None:
        return Fault(name, 1, f"records with {', '.join(first)}"[:160], f"executions: {_FORMS}")
    return found
