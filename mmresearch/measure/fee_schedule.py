"""What an account's fills would cost under a schedule of fees, in the place of those recorded."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.fills import account_fills
from mmresearch.measure.marks import turned

FEE_UNITS = ("bps", "per_unit", "per_fill")
_UNKNOWN = ("taker", "maker", "refuse")
_RATE = ["maker", "taker"]


def with_fees(
    market: Market,
    *,
    maker: float = 0.0,
    taker: float = 0.0,
    unit: str = "bps",
    unknown: str = "taker",
) -> Market:
    """The same market with the fees of a schedule in the place of those of its fills.

    Where the market has no fills, the aggregate maker's, inferred from its trades, stand in it as
    fills, all of them maker's. Transfers stay: a fee that was paid in another asset and is booked
    as a transfer is not taken out. So does what a pool's prices hold (`fee_within`).

    Parameters
    ----------
    market : Market
        With fills, or trades from which the aggregate maker's are inferred.
    maker, taker : float
        The fee of a fill whose order was resting (`maker` true) and of one whose was not:
        positive is paid, negative a rebate. Not given: 0.
    unit : str
        "bps" of the value traded, size * price * multiplier (of an inverse contract size *
        multiplier / price, in its settlement); "per_unit": currency a unit of `size`; "per_fill":
        currency a fill.
    unknown : str
        What a fill pays whose `maker` is missing: the "taker"'s fee, most often the dearer one; the
        "maker"'s; or "refuse".

    Returns
    -------
    Market
        `fills` with the fee (currency, positive: paid) and `fee_as`: "maker", "taker", or "taker
        (unknown)"; `market.fills["fee_as"].value_counts()` counts them.

    Raises
    ------
    ValueError
        One error that names every fault: a rate that is no finite number, an unknown unit, a market
        without fills and trades; with "refuse" how many fills do not say whether they were resting.
    """
    faults = _faults(maker, taker, unit, unknown)
    fills = account_fills(market)
    if fills.empty:
        faults.append("the market has no fills, and no trades to infer them from")
    if unknown == "refuse" and (gone := int(fills["maker"].isna().sum())):
        faults.append(f"{gone:,} of {len(fills):,} fills do not say whether they were resting")
    if faults:
        raise ValueError("with_fees: " + "; ".join(faults))
    rested = fills["maker"].fillna(unknown == "maker").to_numpy(dtype=bool)
    rate = np.where(rested, float(maker), float(taker))
    paid_as = pd.Series(np.where(rested, *_RATE), index=fills.index, dtype="str")
    paid_as = paid_as.where(fills["maker"].notna(), paid_as + " (unknown)")
    return market.replace(fills=fills.assign(fee=rate * _base(fills, market, unit), fee_as=paid_as))


def _faults(maker: float, taker: float, unit: str, unknown: str) -> list[str]:
    rates = {"maker": maker, "taker": taker}
    faults = [
        f"{name} is {rate!r}, expected a finite number (negative: a rebate)"
        for name, rate in rates.items()
        if isinstance(rate, bool)
        or not isinstance(rate, (int, float, np.number))
        or not np.isfinite(rate)
    ]
    for name, value, known in (("unit", unit, FEE_UNITS), ("unknown", unknown, _UNKNOWN)):
        if value not in known:
            faults.append(f"{name} is {value!r}, expected one of {', '.join(known)}")
    return faults


def _base(fills: pd.DataFrame, market: Market, unit: str) -> np.ndarray:
    """What a rate is multiplied by, of each fill."""
    if unit == "per_fill":
        return np.ones(len(fills))
    size = fills["size"].to_numpy()
    if unit == "per_unit":
        return size
    inverse = fills["symbol"].isin(market.inverse).to_numpy()
    factor = fills["symbol"].map(market.symbols.set_index("symbol")["multiplier"]).to_numpy(float)
    return 1e-4 * size * np.abs(turned(fills["price"], inverse)) * factor
