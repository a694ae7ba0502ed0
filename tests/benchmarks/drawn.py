"""Large files of the sources that come as CSV: their layout is real, their values are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tests.benchmarks.day import write_day

_START = 1_722_470_400 * 10**6  # 2024-08-01 in microseconds
_DAY = 86_400 * 10**6
Files = list[Path]


class Drawn(NamedTuple):
    """A source's file (LOBSTER's two), and a column of ours and of theirs with one sum.

    theirs: by name, or by place where there is no header.
    """

    source: str
    write: Callable[[Path, int, np.random.Generator], Files]
    table: str
    ours: str
    theirs: str | int
    options: Mapping[str, Any] = {}


def _instants(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Microseconds of one day, never falling."""
    return _START + np.sort(rng.integers(0, _DAY, rows))


def _bid(rng: np.random.Generator, rows: int) -> np.ndarray:
    """A walk in cents."""
    moves = rng.choice([-1, 0, 1], size=rows, p=[0.05, 0.9, 0.05])
    return 60_000 + np.cumsum(moves) / 100


def _sizes(rng: np.random.Generator, rows: int) -> np.ndarray:
    return rng.integers(1, 5_000, rows) / 1_000


def _ids(rng: np.random.Generator, rows: int) -> np.ndarray:
    return 3_000_000_000 + np.cumsum(rng.integers(1, 4, rows))


def _written(path: Path, columns: dict[str, Any], **how: Any) -> Files:
    rows = max(len(v) for v in columns.values() if isinstance(v, np.ndarray | pl.Series))
    every = {k: pl.repeat(v, rows, eager=True) if np.isscalar(v) else v for k, v in columns.items()}
    pl.DataFrame(every).write_csv(path, **how)
    return [path]


def _tardis_head(rng: np.random.Generator, rows: int) -> dict[str, Any]:
    times = _instants(rng, rows)
    head = {"exchange": "binance-futures", "symbol": "BTCUSDT", "timestamp": times}
    return head | {"local_timestamp": times + 3_000}


def tardis_quotes(folder: Path, rows: int, rng: np.random.Generator) -> Files:
    bid = _bid(rng, rows)
    columns = {"ask_amount": _sizes(rng, rows), "ask_price": bid + 0.01}
    columns |= {"bid_price": bid, "bid_amount": _sizes(rng, rows)}
    path = folder / "binance-futures_quotes_2024-08-01_BTCUSDT.csv"
    return _written(path, _tardis_head(rng, rows) | columns, float_precision=3)


def tardis_trades(folder: Path, rows: int, rng: np.random.Generator) -> Files:
    columns = {"id": _ids(rng, rows), "side": rng.choice(["buy", "sell"], rows)}
    columns |= {"price": _bid(rng, rows), "amount": _sizes(rng, rows)}
    path = folder / "binance-futures_trades_2024-08-01_BTCUSDT.csv"
    return _written(path, _tardis_head(rng, rows) | columns, float_precision=3)


def binance(folder: Path, rows: int, rng: np.random.Generator) -> Files:
    first = np.cumsum(rng.integers(1, 4, rows))
    columns = {
        "agg_trade_id": _ids(rng, rows),
        "price": _bid(rng, rows),
        "quantity": _sizes(rng, rows),
        "first_trade_id": first,
        "last_trade_id": first,
        "transact_time": _instants(rng, rows) // 1000,
        "is_buyer_maker": rng.choice(["true", "false"], rows),
    }
    return _written(folder / "BTCUSDT-aggTrades-2024-08-01.csv", columns, float_precision=3)


def _table(rng: np.random.Generator, rows: int) -> dict[str, Any]:
    columns = {"time": _instants(rng, rows) // 1000, "symbol": "BTCUSDT"}
    columns |= {"price": _bid(rng, rows), "size": _sizes(rng, rows)}
    return columns | {"side": rng.choice(["buy", "sell"], rows)}


def table(folder: Path, rows: int, rng: np.random.Generator) -> Files:
    return _written(folder / "trades.csv", _table(rng, rows), float_precision=3)


def table_iso(folder: Path, rows: int, rng: np.random.Generator) -> Files:
    columns = _table(rng, rows)
    times = pl.Series(columns["time"]).cast(pl.Datetime("ms"))
    columns["time"] = times.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    return _written(folder / "trades.csv", columns, float_precision=3)


def lobster(folder: Path, rows: int, rng: np.random.Generator) -> Files:
    return list(write_day(folder, rows=rows))


def taq(folder: Path, rows: int, rng: np.random.Generator) -> Files:
    """Quotes of daily TAQ."""
    seconds = np.sort(rng.integers(34_200 * 10**6, 57_600 * 10**6, rows))
    clock = pl.Series(seconds).cast(pl.Duration("us")).cast(pl.Int64).cast(pl.Datetime("us"))
    bid = _bid(rng, rows)
    columns = {
        "DATE": "20180702",
        "TIME_M": clock.dt.strftime("%H:%M:%S%.6f"),
        "EX": rng.choice(list("KNPQTZ"), rows),
        "BID": bid,
        "BIDSIZ": rng.integers(1, 9, rows),
        "ASK": bid + 0.01,
        "ASKSIZ": rng.integers(1, 9, rows),
        "QU_COND": "R",
        "QU_SEQNUM": np.cumsum(rng.integers(1, 9, rows)),
        "SYM_ROOT": "IBM",
    }
    return _written(folder / "quotes_20180702.csv", columns, float_precision=2)


def databento(folder: Path, rows: int, rng: np.random.Generator) -> Files:
    """mbp-1, mostly changes of the book."""
    times, bid = _instants(rng, rows) * 1000, _bid(rng, rows)
    columns = {"ts_recv": times, "ts_event": times - 150_000, "rtype": 1, "publisher_id": 2}
    columns |= {"instrument_id": 38, "action": rng.choice(list("ACTM"), rows)}
    columns |= {"side": rng.choice(list("AB"), rows), "depth": 0, "price": bid}
    columns |= {"size": rng.integers(1, 400, rows), "flags": 130, "ts_in_delta": 150_000}
    columns |= {"sequence": np.arange(1, rows + 1), "bid_px_00": bid, "ask_px_00": bid + 0.01}
    columns |= {f"{side}_sz_00": rng.integers(1, 400, rows) for side in ("bid", "ask")}
    columns |= {f"{side}_ct_00": rng.integers(1, 9, rows) for side in ("bid", "ask")}
    path = folder / "xnas-itch-20240801.mbp-1.csv"
    return _written(path, columns | {"symbol": "AAPL"}, float_precision=9)


def floorsheet(folder: Path, rows: int, rng: np.random.Generator) -> Files:
    """Sessions of at most 200,000 trades, a file for all."""
    session, number = np.divmod(np.arange(rows), 200_000)
    quantity, rate = rng.integers(1, 2_000, rows), rng.integers(200, 2_000, rows)
    columns = {
        "Transact. No.": (20_210_101 + session) * 10**8 + 10**6 + number,
        "Symbol": rng.choice([f"S{n:03d}" for n in range(200)], rows),
        "Buyer": rng.integers(1, 60, rows),
        "Seller": rng.integers(1, 60, rows),
        "Quantity": quantity,
        "Rate": rate,
        "Amount": quantity * rate,
    }
    return _written(folder / "floorsheet.csv", columns)


TIMES = {"kind": "trades", "unit": "ms"}
FILES = {
    "tardis quotes": Drawn("tardis", tardis_quotes, "quotes", "bid_size", "bid_amount"),
    "tardis trades": Drawn("tardis", tardis_trades, "trades", "size", "amount"),
    "binance aggTrades": Drawn("binance", binance, "trades", "size", "quantity"),
    "table, ms": Drawn("table", table, "trades", "size", "size", TIMES),
    "table, ISO times": Drawn("table", table_iso, "trades", "size", "size", {"kind": "trades"}),
    "lobster, 1 level": Drawn("lobster", lobster, "orders", "size", 3),
    "taq quotes": Drawn("taq", taq, "quotes", "bid_size", "BIDSIZ"),
    "databento mbp-1": Drawn("databento", databento, "trades", "size", "size"),
    "floorsheet": Drawn("floorsheet", floorsheet, "trades", "size", "Quantity"),
}
