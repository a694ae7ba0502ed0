"""What a pool keeps of its fees: fees earned against what its fills lose to arbitrage."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.estimate.ratio_means import ERRORS, Means, cells_of, ratio_means
from mmresearch.estimate.result import Quantity, Result, Sample, unknown
from mmresearch.market import Market
from mmresearch.measure.capture import spread_capture

TERMS = ["fees", "spread_earned", "adverse_selection", "loss_to_arbitrage", "net"]
FEWEST_DAYS = 6  # from which on a row is a session
_QUESTION = "Do the pool's fees pay for what it loses to arbitrage?"
_EQUATION = (
    r"net = fees - \underbrace{\sum s\,(P - M_{t+h})\,N}_{loss\ to\ arbitrage},\quad"
    r" loss = adverse_h - spread"
)


def loss_to_arbitrage(
    market: Market,
    *,
    horizon: str = "60s",
    freq: str | None = None,
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    errors: str = "auto",
    level: float = 0.95,
    seed: int = 0,
) -> Result:
    """Fees that a pool earned a day, its loss to arbitrage, and what is left, with intervals.

    Every trade moves a pool's price against the pool, and it trades at prices that others have left
    already. Its loss to arbitrage is what its fills, at their prices without the fee, lose at the
    price after `horizon`: adverse selection less the spread earned, both of `spread_capture`. Of a
    pool whose price is the market's and a short horizon this is the loss versus rebalancing
    (Milionis et al. 2022). The market's price is taken to be the pool's own then, which may be off
    by as much as the fee; a longer horizon lets it arrive, and makes the answer less certain.

    Parameters
    ----------
    market : Market
        Whose fills have `fee_within`, as those of `mm.load.uniswap`, and quotes.
    horizon, account, symbol
        As in `spread_capture`.
    freq : str, optional
        Pieces the errors rest on: "1D" from 6 days up, else "30min".
    errors, level, seed
        As in `average_capture`.

    Returns
    -------
    Result
        `table`: a row a term, currency a day: fees (+ earned), spread_earned (what trades paid
        beyond the fee by moving the price), adverse_selection (+ a loss), loss_to_arbitrage (+ a
        loss), net = fees - loss_to_arbitrage. `quantities`: "net", and "loss_share", the loss over
        the fees: above 1 fees do not pay for it. `details`: "days", a row a day: fees,
        loss_to_arbitrage, net, with loss_low, loss_high, net_low, net_high where a day has pieces
        enough (what days like it would give), beyond_holding: profit less that of holding what the
        day began with, and profit; "covariance" of the means.

    Raises
    ------
    ValueError
        No fill that tells the fee within its price, several currencies, an option not known.

    References
    ----------
    Milionis, Moallemi, Roughgarden and Zhang (2022), Automated market making and
    loss-versus-rebalancing, working paper.
    """
    _refuse(errors, level)
    about = {"horizon": horizon, "account": account, "symbol": symbol}
    days = _named(spread_capture(market, **about))
    many = days["day"].nunique() >= FEWEST_DAYS
    freq = freq or ("1D" if many else "30min")
    pieces = days if freq == "1D" else _named(spread_capture(market, freq=freq, **about))
    rows = pieces.groupby(["day", "start"], as_index=False)[TERMS].sum()
    how = {"errors": errors, "level": level, "seed": seed}
    found = ratio_means(cells_of(rows, TERMS, "days", errors=errors), TERMS, **how)
    share = ratio_means(cells_of(rows, TERMS[3:4], "fees", errors=errors), TERMS[3:4], **how)
    money, counts = days["currency"].iloc[0], days.attrs["counts"]
    left_out = {f"fills apart: {why}": n for why, n in counts["apart"].items()}
    left_out |= {"fills with the horizon past the end": counts["fills_past_horizon"]}
    return Result(
        _QUESTION,
        _EQUATION,
        unit=f"{money} a day; adverse_selection, loss_to_arbitrage + a loss, all else + a gain;"
        f" horizon {horizon}",
        table=found.table,
        sample=Sample(len(rows), left_out, days["day"].nunique(), _series(days)),
        errors=found.rule.words if found.told else "none: too few days and rows",
        quantities={
            "net": _quantity(found, "net", f"{money} a day", level),
            "loss_share": _quantity(share, "loss_share", "of the fees", level),
        },
        flags=found.rule.flags + (("fills_apart",) if counts["fills_apart"] else ()),
        details={
            "days": _by_day(days, rows, how),
            "covariance": pd.DataFrame(found.covariance, TERMS, TERMS),
        },
    )


def _refuse(errors: str, level: float) -> None:
    wrong = [f"errors must be one of {', '.join(ERRORS)}, not {errors!r}"]
    wrong = wrong if errors not in ERRORS else []
    wrong += [] if 0 < level < 1 else [f"level must be between 0 and 1, not {level!r}"]
    if wrong:
        raise ValueError("; ".join(wrong))


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """The table of `spread_capture` with the pool's terms beside."""
    money = sorted(set(table["currency"]))
    wrong = [f"{', '.join(money)} do not add up: choose by symbol="] if len(money) > 1 else []
    if not table.attrs["counts"]["fees_within"]:
        wrong.append("not a pool's: no fill tells the fee within its price (fee_within)")
    if wrong:
        raise ValueError("; ".join(wrong))
    lost = table["adverse_selection"] - table["spread_earned"]
    fees = table["fees_and_rebates"]
    return table.assign(fees=fees, loss_to_arbitrage=lost, net=fees - lost)


def _series(table: pd.DataFrame) -> int:
    return len(table[["account", "symbol"]].drop_duplicates())


def _quantity(found: Means, name: str, unit: str, level: float) -> Quantity:
    """A mean as a quantity: of a term, or of the only one."""
    terms = found.table.set_index("term")
    row = terms.loc[name] if name in terms.index else terms.iloc[0]
    bounds = (row["estimate"], row["low"], row["high"])
    if not found.told or not math.isfinite(row["low"]):
        reason = "no interval: too few days and rows, or all of them alike"
        return unknown(name, unit, reason, level, method=found.rule.words)
    return Quantity(name, *bounds, unit, found.rule.words, level=level)


def _by_day(days: pd.DataFrame, rows: pd.DataFrame, how: dict) -> pd.DataFrame:
    """Each day's sums, with the intervals that its own pieces give."""
    named = days.assign(beyond_holding=days["profit"] - days["carried"])
    columns = ["fees", "loss_to_arbitrage", "net", "beyond_holding", "profit"]
    table = named.groupby("day")[columns].sum().reset_index()
    terms, ends = ["loss_to_arbitrage", "net"], np.full((len(table), 4), np.nan)
    for place, day in enumerate(table["day"]):
        own = rows[rows["day"] == day]
        found = ratio_means(
            cells_of(own, terms, "days", errors="hac"), terms, **(how | {"errors": "hac"})
        )
        if found.told:
            ends[place] = found.table[["low", "high"]].to_numpy().ravel()
    for name, values in zip(["loss_low", "loss_high", "net_low", "net_high"], ends.T, strict=True):
        table[name] = values
    order = ["day", "fees", *terms[:1], "loss_low", "loss_high", "net", "net_low", "net_high"]
    return table[[*order, *columns[3:]]]
