"""Hyperliquid's funding and ledger updates as transfers, signed from the account's side.

Kinds and fields: the API's documentation (userFunding, userNonFundingLedgerUpdates). A withdrawal's
`usdc` is what arrives, its fee is taken beside it; what is sent costs its sender a fee on top.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import polars as pl

from mmresearch.load.fills_export import records as fills_records

_USDC, _NATIVE = "USDC", "HYPE"
_NOTHING = "0x" + "0" * 64
FEE = "fee"


class Moved(NamedTuple):
    """One transfer: units of an asset into the account (+) or out of it, and who is opposite."""

    asset: str
    amount: float
    counterparty: str


Rule = Callable[[dict[str, Any], str], list[Moved] | str]  # or why it is none


def _number(delta: dict[str, Any], field: str) -> float:
    """The field as a number; raises ValueError where it is none."""
    said = delta.get(field)
    try:
        value = float(said)
    except (TypeError, ValueError):
        value = math.nan
    if isinstance(said, bool) or not math.isfinite(value):
        raise ValueError(f"{field} {'nothing' if said is None else repr(said)}")
    return value


def _text(delta: dict[str, Any], field: str, default: str = "") -> str:
    return str(delta.get(field) or default)


def _fee(delta: dict[str, Any], asset: str = _USDC) -> list[Moved]:
    paid = [Moved(_text(delta, "feeToken", asset), -_number(delta, "fee"), FEE)]
    if delta.get("nativeTokenFee") is not None:
        paid.append(Moved(_NATIVE, -_number(delta, "nativeTokenFee"), FEE))
    return [fee for fee in paid if fee.amount]


def _deposit(delta: dict[str, Any], account: str) -> list[Moved]:
    return [Moved(_USDC, _number(delta, "usdc"), "deposit")]


def _withdraw(delta: dict[str, Any], account: str) -> list[Moved]:
    return [Moved(_USDC, -_number(delta, "usdc"), "withdraw"), *_fee(delta)]


def _funding(delta: dict[str, Any], account: str) -> list[Moved]:
    return [Moved(_USDC, _number(delta, "usdc"), "funding")]


def _sent(delta: dict[str, Any], account: str) -> list[Moved] | str:
    """From `user` to `destination`; to oneself it is a move between the account's own books."""
    asset = _text(delta, "token", _USDC)
    amount = _number(delta, "amount" if "amount" in delta else "usdc")
    user, to = _text(delta, "user").lower(), _text(delta, "destination").lower()
    if account not in (user, to):
        return "of other accounts"
    gone = [Moved(asset, -amount, to), *(_fee(delta) if "fee" in delta else [])]
    come = [Moved(asset, amount, user)]
    return [*(gone if user == account else []), *(come if to == account else [])]


def _between_books(delta: dict[str, Any], account: str) -> list[Moved]:
    """Between the account's own books for spot and perpetuals: two rows that come to nothing."""
    amount = _number(delta, "usdc")
    books = ("own spot", "own perp") if delta.get("toPerp") else ("own perp", "own spot")
    return [Moved(_USDC, -amount, books[1]), Moved(_USDC, amount, books[0])]


def _to_vault(delta: dict[str, Any], account: str) -> list[Moved]:
    vault = _text(delta, "vault").lower()
    amount = _number(delta, "usdc")
    if vault == account:  # a follower's deposit, in the vault's own ledger
        return [Moved(_USDC, amount, "follower")]
    return [Moved(_USDC, -amount, vault), *(_fee(delta) if "fee" in delta else [])]


def _from_vault(delta: dict[str, Any], account: str) -> list[Moved]:
    vault = _text(delta, "vault").lower()
    amount = _number(delta, "usdc")
    return [Moved(_USDC, -amount if vault == account else amount, vault)]


def _left_vault(delta: dict[str, Any], account: str) -> list[Moved] | str:
    vault, user = _text(delta, "vault").lower(), _text(delta, "user").lower()
    if account == vault or (account.startswith("0x") and user and user != account):
        return "in the vault's own ledger: what left it is not said"
    return [Moved(_USDC, _number(delta, "netWithdrawnUsd"), vault)]


def _staked(delta: dict[str, Any], account: str) -> list[Moved]:
    sign = -1.0 if delta.get("isDeposit") else 1.0
    return [Moved(_text(delta, "token", _NATIVE), sign * _number(delta, "amount"), "staking")]


def _given(who: str, field: str, sign: float) -> Rule:
    """An amount that always goes one way, of `token` where the update names one."""

    def rule(delta: dict[str, Any], account: str) -> list[Moved]:
        return [Moved(_text(delta, "token", _USDC), sign * _number(delta, field), who)]

    return rule


_RULES: dict[str, Rule] = {
    "funding": _funding,
    "deposit": _deposit,
    "withdraw": _withdraw,
    "internalTransfer": _sent,
    "subAccountTransfer": _sent,
    "spotTransfer": _sent,
    "send": _sent,
    "accountClassTransfer": _between_books,
    "vaultCreate": _to_vault,
    "vaultDeposit": _to_vault,
    "vaultDistribution": _from_vault,
    "vaultWithdraw": _left_vault,
    "vaultLeaderCommission": _given("vault commission", "usdc", 1.0),
    "rewardsClaim": _given("rewards", "amount", 1.0),
    "spotGenesis": _given("genesis", "amount", 1.0),
    "cStakingTransfer": _staked,
    "accountActivationGas": _given("activation gas", "amount", -1.0),
    "deployGasAuction": _given("gas auction", "amount", -1.0),
    "gossipPriorityGasAuction": _given("gas auction", "amount", -1.0),
}
_BETWEEN = ("internalTransfer", "subAccountTransfer", "spotTransfer", "send")
_WHOSE = "the address whose ledger this is: it says which way they went"
_NO_MOVE = {"liquidation": "liquidation: its trades are among the fills, nothing else moves"}

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
SCHEMA = {"row": pl.Int64, "time": pl.Int64, "account": pl.String, "asset": pl.String}
SCHEMA |= {"amount": pl.Float64, "counterparty": pl.String, "tx": pl.String, "kind": pl.String}
SCHEMA |= {"coin": pl.String, "funding_rate": pl.Float64}


class Update(NamedTuple):
    """A funding payment or ledger update as the API gives it, and whose it is."""

    record: dict[str, Any]
    account: str


def transfers(
    updates: Sequence[Update],
) -> tuple[pl.DataFrame, dict[int, str], list[tuple[int, str, str]]]:
    """Transfers (`SCHEMA`; row is the update's place), why others are none, what is wrong.

    What is wrong is row, found and expected.
    """
    moved, reasons, wrong = [], {}, []
    said = pl.Series([str(update.record.get("time")) for update in updates], dtype=pl.String)
    times = fills_records.instants(said, "ms")
    for row, (record, account) in enumerate(updates):
        delta = record["delta"]
        kind = _text(delta, "type", "nothing")
        if times[row] is None:
            wrong.append((row, f"time {record.get('time')!r}", "milliseconds since 1970"))
        elif kind in _BETWEEN and not _ADDRESS.fullmatch(account.lower()):
            wrong.append((row, f"{kind} between addresses", f"account=, {_WHOSE}"))
        elif kind not in _RULES:
            reasons[row] = _NO_MOVE.get(kind, f"{kind}: a kind of update that is not known")
        else:
            try:
                found = _RULES[kind](delta, account.lower())
                rate = _number(delta, "fundingRate") if "fundingRate" in delta else None
            except ValueError as error:
                wrong.append((row, f"{kind}: {error}", "a number"))
                continue
            if isinstance(found, str):
                reasons[row] = f"{kind}: {found}"
            else:
                number = _text(record, "hash", _NOTHING)
                about = (None if number == _NOTHING else number, kind, delta.get("coin"), rate)
                moved += [(row, times[row], account, *one, *about) for one in found]
    return pl.DataFrame(moved, schema=SCHEMA, orient="row"), reasons, wrong
