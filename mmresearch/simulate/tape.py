"""From the paths of a simulated economy to its tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.simulate.days import Days
from mmresearch.simulate.economy import TRANSFER, Flow

SYMBOL, CURRENCY, DESK = "SIM", "USD", "desk"
HALF_SPREAD_TICKS, SPELL_TICKS = 1.25, 1.0  # each side, before rounding outward; per withdrawal
DEPTH, SPELL_DEPTH, DEPTH_NOISE, LEAST_DEPTH = 1000.0, 0.3, 0.25, 300.0  # units a maker and side
FUNDING = 5_000_000.0  # currency, into each account at the first opening
DUPLICATE_SEQ = 1000  # above the seq of every event of its second


def tables(
    rng: dict[str, np.random.Generator],
    sessions: Days,
    flow: Flow,
    points: pd.DataFrame,
    withdrawn: np.ndarray,
    accounts: list[str],
    *,
    tick: float,
    fee_bps: float,
    duplicates: int,
    missing_fills: int,
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame, pd.DataFrame]:
    """All tables, the anomalies planted, and every fill; `withdrawn` is (seconds, makers)."""
    quote = quoted(rng["depth"], points, withdrawn[points["step"]], tick)
    fills = fill_table(flow.events, quote, sessions, accounts, tick=tick, fee_bps=fee_bps)
    kept, trades, anomalies = plant_anomalies(rng["anomalies"], fills, duplicates, missing_fills)
    made = {
        "trades": trades,
        "quotes": quote_table(quote, sessions, tick),
        "fills": kept,
        "transfers": transfer_table(flow.events, quote, sessions, accounts),
        "positions": position_table(flow, sessions, accounts),
    }
    return made, anomalies, fills


def quoted(
    rng: np.random.Generator, points: pd.DataFrame, withdrawn: np.ndarray, tick: float
) -> pd.DataFrame:
    """Best quotes at every price point: bid and ask in ticks, sizes, and whether a row is due.

    The bid is rounded down and the ask up to the tick. A row is due at each opening, after each
    trade, and when a price or the number of withdrawn makers changes.
    """
    half = HALF_SPREAD_TICKS + SPELL_TICKS * withdrawn.sum(axis=1)
    quote = points.assign(
        bid=np.floor(points["mid"] / tick - half).astype("int64"),
        ask=np.ceil(points["mid"] / tick + half).astype("int64"),
        away=withdrawn.sum(axis=1),
    )
    changed = (quote[["day", "bid", "ask", "away"]].diff() != 0).any(axis=1)
    quote["due"] = changed | (quote["event"] >= 0)
    depth = DEPTH * (1 - (1 - SPELL_DEPTH) * withdrawn).sum(axis=1)
    for side in ("bid_size", "ask_size"):
        drawn = depth * np.exp(DEPTH_NOISE * rng.standard_normal(len(quote)))
        quote[side] = np.maximum(100 * np.round(drawn / 100), LEAST_DEPTH)
    return quote


def quote_table(quote: pd.DataFrame, sessions: Days, tick: float) -> pd.DataFrame:
    """The quotes table: a row where one is due, `seq` right after the event that caused it."""
    rows = quote[quote["due"]]
    return pd.DataFrame(
        {
            "time": _clock(rows, sessions),
            "seq": np.where(rows["event"] >= 0, rows["seq"] + 1, 0),
            "symbol": SYMBOL,
            "bid": _price(rows["bid"], tick),
            "ask": _price(rows["ask"], tick),
            "bid_size": rows["bid_size"],
            "ask_size": rows["ask_size"],
        }
    ).reset_index(drop=True)


def fill_table(
    events: pd.DataFrame, quote: pd.DataFrame, sessions: Days, accounts: list[str], **scale: float
) -> pd.DataFrame:
    """The makers' fills, at the quote that stood before each: `tick`, `fee_bps` of the notional."""
    before = quote[["bid", "ask"]].shift(1)[quote["event"] >= 0].to_numpy()
    rows = quote[quote["event"] >= 0]
    event = events.iloc[rows["event"].to_numpy()]
    traded = event["kind"].to_numpy() != TRANSFER
    bought = event["change"].to_numpy() > 0
    table = pd.DataFrame(
        {
            "time": _clock(rows, sessions),
            "seq": rows["seq"].to_numpy(),
            "account": np.array(accounts)[event["account"]],
            "symbol": SYMBOL,
            "side": np.where(bought, 1.0, -1.0),
            "price": _price(np.where(bought, before[:, 0], before[:, 1]), scale["tick"]),
            "size": event["units"].to_numpy(),
            "maker": True,
            "counterparty": np.where(event["informed"], "informed", "noise"),
            "burst": event["burst"].to_numpy(),
        }
    )[traded].reset_index(drop=True)
    notional = table["price"] * table["size"]
    table.insert(7, "fee", np.round(scale["fee_bps"] / 1e4 * notional, 4))
    table["trade_id"] = np.arange(1, len(table) + 1).astype("str")
    return table


def trade_table(fills: pd.DataFrame) -> pd.DataFrame:
    """The public prints of these fills: the customer is the aggressor."""
    columns = ["time", "seq", "symbol", "price", "size", "side", "trade_id"]
    return fills[columns].assign(side=-fills["side"])


def transfer_table(
    events: pd.DataFrame, quote: pd.DataFrame, sessions: Days, accounts: list[str]
) -> pd.DataFrame:
    """Transfers of the asset to and from the desk, and each account's first funding in cash."""
    rows = quote[quote["event"] >= 0]
    event = events.iloc[rows["event"].to_numpy()]
    table = pd.DataFrame(
        {
            "time": _clock(rows, sessions),
            "seq": rows["seq"].to_numpy(),
            "account": np.array(accounts)[event["account"]],
            "asset": SYMBOL,
            "amount": event["change"].to_numpy(),
        }
    )[event["kind"].to_numpy() == TRANSFER]
    opening = pd.DatetimeIndex(sessions.opens[:1]).tz_localize("UTC")[0]
    cash = {"time": opening, "seq": 0, "account": accounts, "asset": CURRENCY, "amount": FUNDING}
    table = pd.concat([pd.DataFrame(cash), table], ignore_index=True)
    numbers = pd.Series(np.arange(1, len(table) + 1)).astype("str")
    return table.assign(counterparty=DESK, tx="T" + numbers)


def position_table(flow: Flow, sessions: Days, accounts: list[str]) -> pd.DataFrame:
    """True holdings at each session's opening and closing."""
    days, start, events = len(sessions.opens), flow.start, flow.events
    moved = np.zeros((days, len(accounts)))
    np.add.at(moved, (events["step"] // sessions.seconds, events["account"]), events["change"])
    closing = start + np.cumsum(moved, axis=0)
    tables = []
    for when, held in ((sessions.opens, closing - moved), (sessions.closes, closing)):
        time = np.repeat(pd.DatetimeIndex(when).tz_localize("UTC"), len(accounts))
        named = {"account": np.tile(accounts, days), "symbol": SYMBOL, "position": held.ravel()}
        tables.append(pd.DataFrame({"time": time} | named))
    both = pd.concat(tables, ignore_index=True).sort_values("time", kind="stable")
    return both.drop_duplicates(["time", "account"], ignore_index=True)


def plant_anomalies(
    rng: np.random.Generator, fills: pd.DataFrame, duplicates: int, missing: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Fills with some lost, prints with some repeated, and the table of what was planted.

    A repeated print has its own `seq` and the first one's `trade_id`. A lost fill is one of the
    largest and stays in the prints. Bursts are in the tape already and are listed here.
    """
    trades = trade_table(fills)
    large = np.flatnonzero(fills["size"] == fills["size"].max())
    if missing > len(large) or duplicates > len(trades):
        raise ValueError(
            f"{len(trades)} trades, {len(large)} of them of the largest size, are too few for "
            f"{duplicates} duplicates and {missing} missing fills"
        )
    lost = np.sort(rng.choice(large, size=missing, replace=False))
    again = np.sort(rng.choice(len(trades), size=duplicates, replace=False))
    repeated = trades.iloc[again].assign(seq=DUPLICATE_SEQ + np.arange(duplicates))
    listed = [_listed("missing fill", row) for row in fills.iloc[lost].itertuples()]
    listed += [_listed("duplicate", row) for row in fills.iloc[again].itertuples()]
    for _, burst in fills[fills["burst"].notna()].groupby("burst"):
        signed = -(burst["side"] * burst["size"]).sum()
        ends = (burst["time"].iloc[0], burst["time"].iloc[-1])
        listed.append(("burst", *ends, None, None, len(burst), signed))
    columns = ["kind", "start", "end", "account", "trade_id", "trades", "customer_units"]
    anomalies = pd.DataFrame(listed, columns=columns).astype({"account": "str", "trade_id": "str"})
    anomalies = anomalies.sort_values("start", kind="stable", ignore_index=True)
    kept = fills.drop(index=fills.index[lost], columns="burst")
    return kept, pd.concat([trades, repeated], ignore_index=True), anomalies


def _listed(kind: str, row: object) -> tuple:
    return (kind, row.time, row.time, row.account, row.trade_id, 1, -row.side * row.size)


def _clock(rows: pd.DataFrame, sessions: Days) -> pd.DatetimeIndex:
    return sessions.instant(rows["day"].to_numpy(), rows["ms"].to_numpy() * 1_000_000)


def _price(ticks: np.ndarray, tick: float) -> np.ndarray:
    return np.round(np.asarray(ticks) * tick, 10)
