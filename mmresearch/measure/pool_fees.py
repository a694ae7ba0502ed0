"""The fee that a pool's prices hold, taken out of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market

WITHIN = "fee_within"


def fees_apart(market: Market) -> tuple[Market, int]:
    """The same market with fees that are within prices as negative fees, and of how many fills.

    A pool keeps a share of what comes in: it pays a seller less and takes more of a buyer. Where
    `fills` say so (`fee_within`, currency), the price becomes what was exchanged without it, worse
    for the pool, and the fee a rebate of as much; cash and position stay. A fill whose `fee` is not
    known stays as it is, for what it earned would not be counted then.
    """
    fills = market.get("fills")
    if fills is None or WITHIN not in fills or not len(fills):
        return market, 0
    within, side = fills[WITHIN].to_numpy("float64"), fills["side"].to_numpy()
    about = market.symbols.set_index("symbol")["multiplier"]
    units = fills["size"].to_numpy() * fills["symbol"].map(about).to_numpy("float64")
    value = units * fills["price"].to_numpy()
    _refuse(fills, within, value, market)
    split = (within > 0) & fills["fee"].notna().to_numpy()
    apart = np.where(split, within, 0.0)
    price = (value + side * apart) / units
    changed = fills.assign(
        price=np.where(split, price, fills["price"]), fee=fills["fee"] - apart
    ).drop(columns=WITHIN)
    return market.replace(fills=changed), int(split.sum())


def _refuse(fills: pd.DataFrame, within: np.ndarray, value: np.ndarray, market: Market) -> None:
    bad = (within < 0) | (within >= value)  # missing: none
    inverse = (within > 0) & fills["symbol"].isin(market.inverse).to_numpy()
    faults = {
        f"{WITHIN} below 0, or not below the value": int(bad.sum()),
        f"{WITHIN} of an inverse contract": int(inverse.sum()),
    }
    wrong = [f"{n:,} of {len(fills):,} fills with {what}" for what, n in faults.items() if n]
    if wrong:
        raise ValueError("; ".join(wrong))
