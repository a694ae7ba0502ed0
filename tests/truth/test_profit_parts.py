"""A9 (Menkveld 2013): profit is spread captured at the mid plus what the inventory held made.

sum flow_t (m_t - p_t) + sum I_{t-1} (m_t - m_{t-1}) = realised + unrealised, before fees
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm


def parts(ledger: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Spread and positioning of every entry of one account and symbol."""
    mark = ledger["mark"].to_numpy()
    held = ledger["position"].shift(fill_value=0.0).to_numpy()
    spread = ledger["flow"].to_numpy() * (mark - ledger["price"].fillna(ledger["mark"]).to_numpy())
    return spread, held * np.diff(mark, prepend=mark[0])


def test_by_hand():
    # bought 2 at 9 (mid 10), sold 2 at 12 (mid 11.5): spread 2 + 1, positioning 2 * 1.5
    time = pd.to_datetime(["2024-03-04 15:00:01", "2024-03-04 15:00:03"], utc=True)
    before = time - pd.Timedelta("1s")
    quotes = {"time": before, "symbol": "X", "bid": [9.5, 11.0], "ask": [10.5, 12.0]}
    quotes |= {"seq": 0, "bid_size": 1.0, "ask_size": 1.0}
    fills = {"time": time, "symbol": "X", "account": "A", "side": [1, -1], "price": [9.0, 12.0]}
    fills |= {"seq": [1, 2], "size": 2.0, "fee": 0.0}
    market = mm.Market(quotes=pd.DataFrame(quotes), fills=pd.DataFrame(fills))
    spread, positioning = parts(mm.ledger(market, opening=0.0).query("kind == 'fill'"))
    assert spread.tolist() == [2, 1]
    assert positioning.tolist() == [0, 3]


@pytest.mark.parametrize("account", ["MM1", "MM2"])
def test_parts_add_up_at_every_entry(account):
    ledger = mm.ledger(mm.sample(), account=account)
    ledger = ledger[ledger["symbol"] == "SIM"].reset_index(drop=True)
    spread, positioning = parts(ledger)
    made = ledger["realised"] + ledger["unrealised"]
    np.testing.assert_allclose(np.cumsum(spread + positioning), made, atol=1e-9 * made.abs().max())
