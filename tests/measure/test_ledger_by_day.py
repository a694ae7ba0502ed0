"""A market saved by day gives the same ledger; its quotes and trades are never read whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import store

DAYS = pd.date_range("2024-03-06", periods=4, tz="UTC")


def _times(rng: np.random.Generator, n: int, first: float = 0.0) -> pd.Series:
    """Seconds of four days, some of them the midnights; from a share of the time on."""
    seconds = rng.integers(int(first * 4 * 86_400), 4 * 86_400, n)
    seconds[: n // 20] = 2 * 86_400
    return pd.Series(DAYS[0] + pd.to_timedelta(np.sort(seconds), unit="s")).dt.as_unit("ns")


def _market(seed: int, quotes: str) -> mm.Market:
    """Two symbols, quotes or a book that begin late, so that early marks fall back on others."""
    rng, n = np.random.default_rng(seed), 900
    symbol = rng.choice(["A", "B"], size=n)
    bid = 100 + 0.01 * rng.integers(-1, 2, size=n).cumsum()
    level = "_1" if quotes == "book" else ""
    best = {"time": _times(rng, n, 0.3), "seq": np.arange(n), "symbol": symbol}
    best |= {f"bid{level}": np.where(rng.random(n) < 0.1, np.nan, bid), f"ask{level}": bid + 0.02}
    best |= {f"bid_size{level}": 5.0, f"ask_size{level}": 7.0}
    prints = {"time": _times(rng, n, 0.1), "seq": np.arange(n, 2 * n), "symbol": symbol}
    prints |= {"price": bid + 0.01, "size": 1.0}
    fills = {"time": _times(rng, 200), "seq": rng.integers(0, 2 * n, 200)}
    fills |= {"symbol": rng.choice(["A", "B"], 200), "account": rng.choice(["one", "two"], 200)}
    fills |= {"side": rng.choice([1, -1], 200), "price": 100.0, "size": 2.0, "fee": 0.1}
    moved = {"time": _times(rng, 20), "seq": range(20), "account": "one"}
    moved |= {"asset": rng.choice(["A", "B"], 20), "amount": 3.0}
    told = {"time": _times(rng, 9), "account": "one", "symbol": "A", "position": 5.0}
    tables = {quotes: best, "trades": prints, "fills": fills, "transfers": moved}
    tables |= {"positions": told}
    return mm.Market(**{name: pd.DataFrame(table) for name, table in tables.items()})


@pytest.mark.parametrize("quotes", ["quotes", "book"])
def test_is_the_ledger_of_the_whole(tmp_path, monkeypatch, quotes):
    market = _market(1, quotes)
    market.save(tmp_path / "m", by="day")
    whole = mm.ledger(market, opening={("two", "B"): 4.0})
    assert {"mid", "trade", "fill", "later"} <= set(whole["mark_source"])
    read, plain = [], store.Stored.read

    def watched(self: store.Stored, name: str) -> object:
        read.append(name)
        return plain(self, name)

    monkeypatch.setattr(store.Stored, "read", watched)
    monkeypatch.setattr(store.stored, "BLOCK", 50)  # rows at a time: ties lie across the edges
    daily = mm.ledger(mm.open(tmp_path / "m"), opening={("two", "B"): 4.0})
    pd.testing.assert_frame_equal(daily, whole)
    assert not {quotes, "trades"}.intersection(read)
