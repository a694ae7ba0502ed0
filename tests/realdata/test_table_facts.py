"""Real files through `table`: the mapping that it suggests fits, and no digit is lost."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from fractions import Fraction

import duckdb
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load import table


def rows_of(path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def suggested(path, kind, **how) -> dict[str, str]:
    """The mapping of the error's last line."""
    with pytest.raises(mm.SourceError) as caught:
        table(path, kind, **how)
    last = str(caught.value).splitlines()[-1]
    return dict(re.findall(r"'(\w+)': '(\w+)'", last))


@pytest.fixture(params=["ccxt/public_trades_list.csv", "tardis/bitmex_trades_XBTUSD.csv"])
def path(request, realdata):
    return realdata / request.param


def test_trades_by_the_mapping_that_is_suggested(path):
    rows = rows_of(path)
    how = {"unit": "us"} if "tardis" in str(path) else {"unit": "ms", "symbol": "X"}
    names = suggested(path, "trades", **how)
    expected = {"time": "timestamp", "size": "amount", "trade_id": "id"}
    assert names == expected
    market = table(path, "trades", columns=names, **how)
    trades = market.trades
    assert len(trades) == len(rows) == market.receipt.rows_read
    assert trades["trade_id"].tolist() == [row["id"] for row in rows]
    assert trades["price"].tolist() == [float(row["price"]) for row in rows]
    assert trades["side"].tolist() == [{"buy": 1, "sell": -1}[row["side"]] for row in rows]
    factor = 1000 if "tardis" in str(path) else 10**6
    times = trades["time"].astype("int64").tolist()
    assert times == [int(row["timestamp"]) * factor for row in rows]
    assert sum(map(Fraction, trades["size"])) == sum(Fraction(float(row["amount"])) for row in rows)


def test_a_database_gives_what_the_file_gives(path):
    how = {"unit": "us"} if "tardis" in str(path) else {"unit": "ms", "symbol": "X"}
    names = {"time": "timestamp", "size": "amount", "trade_id": "id"}
    with duckdb.connect() as con:
        con.read_csv(str(path)).create("prints")
        asked = {"con": con, "chunk_rows": 300, "columns": names} | how
        read = table("select * from prints", "trades", **asked).trades
    columns = ["time", "seq", "symbol", "price", "size", "side", "trade_id"]
    file = table(path, "trades", columns=names, **how).trades
    pd.testing.assert_frame_equal(read[columns], file[columns])


def test_a_folder_of_five_days_is_one_table(realdata):
    paths = sorted((realdata / "uniswap").glob("*.csv"))
    rows = [row for path in paths for row in rows_of(path)]
    names = {"time": "timestamp", "position": "netAmount1"}
    how = {"columns": names, "time_zone": "UTC", "symbol": "WETH", "account": "pool"}
    market = table(realdata / "uniswap", "positions", **how)
    assert market.receipt.files["rows"].tolist() == [len(rows_of(path)) for path in paths]
    assert market.receipt.rows_kept == len(rows) == 5 * 1440 - 1
    held = market.positions
    assert held["position"].tolist() == [float(row["netAmount1"]) for row in rows]
    assert held["currentLiquidity"].tolist() == [int(row["currentLiquidity"]) for row in rows]
    first = datetime.fromisoformat(rows[0]["timestamp"]).replace(tzinfo=UTC)
    assert held["time"].iloc[0] == pd.Timestamp(first)
