"""Provision of many symbols: no table is gone through once a symbol, and none is mixed up."""

from __future__ import annotations

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import store

OPEN = pd.Timestamp("2024-01-02 10:00", tz="UTC")


def of_symbols(names: list[str]) -> mm.Market:
    """A symbol's k-th has k + 1 prints, of which k are an auction's, and k + 1 quotes and fills."""
    rows = [(name, second) for k, name in enumerate(names) for second in range(k + 1)]
    told = pd.DataFrame(rows, columns=["symbol", "second"]).sort_values("second", kind="stable")
    told = told.assign(time=OPEN + pd.to_timedelta(told["second"], unit="s"))
    told = told.assign(seq=range(len(told))).reset_index(drop=True)
    events = told["second"].map(lambda second: "cross" if second else None)
    prints = told[["time", "seq", "symbol"]].assign(price=100.0, size=1.0, side=1.0, event=events)
    fills = prints.drop(columns="event").assign(account="A", side=-1.0, fee=0.0, maker=True)
    sizes = {"bid": 99.0, "ask": 101.0, "bid_size": 1.0, "ask_size": 1.0}
    quotes = told[["time", "seq", "symbol"]].assign(**sizes)
    own = quotes.assign(account="A")
    return mm.Market(trades=prints, fills=fills, quotes=quotes, own_quotes=own)


def test_counts_are_each_symbols_own():
    market = of_symbols(["a", "b", "c"])
    whole = mm.provision(market, account="A").attrs["left_out"]
    assert whole["auction prints, in market_volume"] == 0 + 1 + 2
    alone = mm.provision(market, account="A", symbol="c")
    assert alone.attrs["left_out"]["auction prints, in market_volume"] == 2
    together = mm.provision(market, account="A")
    pd.testing.assert_frame_equal(
        together[together["symbol"] == "c"].reset_index(drop=True), alone, check_exact=True
    )


@pytest.mark.parametrize("freq", ["1min", "1D"])
def test_no_table_is_turned_into_polars_once_a_symbol(monkeypatch, freq):
    counts = []
    for many in (2, 8):
        market, turned = of_symbols([f"s{k}" for k in range(many)]), []
        kept = store.to_polars
        monkeypatch.setattr(store, "to_polars", lambda t, k=kept, n=turned: n.append(1) or k(t))
        mm.provision(market, account="A", freq=freq)
        monkeypatch.setattr(store, "to_polars", kept)
        counts.append(len(turned))
    assert counts[0] == counts[1] > 0
