"""A dealer's incoming trades side by side with the trade before: price change, size, inventory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.brokered_flow import AFTER, FLOW, brokered_between, refuse_brokered
from mmresearch.estimate.fill_rows import SERIES, refuse_fills
from mmresearch.estimate.panel_rows import drop_by_reason
from mmresearch.estimate.result import Sample

HELD = ("ledger", "session")
SIZES = ("average", "units")
TERMS = ["size", "inventory", "inventory_lag", "direction", "direction_lag"]
_DAY = [*SERIES, "day"]


class Rows(NamedTuple):
    """Trades beside the last: `change` (bps), `terms_of`; `run` numbers trades without a gap.

    timing: how inventory follows from the trades. series: what a unit of size is in each.
    """

    frame: pd.DataFrame
    sample: Sample
    flags: tuple[str, ...]
    timing: pd.DataFrame
    series: pd.DataFrame


def terms_of(frame: pd.DataFrame) -> list[str]:
    """The regressors that these rows have: TERMS, and the brokered flow where it was given."""
    return [*TERMS, FLOW] if FLOW in frame else TERMS


def dealer_rows(
    fills: pd.DataFrame, *, held: str, size: str, brokered: pd.DataFrame | None = None
) -> Rows:
    """Rows of the reduced form; refuses tables whose inventory is not the one before the trade."""
    if brokered is not None:
        refuse_brokered(brokered)
    names = {"ledger": "held", "session": "held_session"}
    refuse_fills(fills, ["side", "price", "size", names[held]], ("price", "size"))
    rows = fills.sort_values([*SERIES, "time", "seq"], kind="stable", ignore_index=True)
    rows = rows.assign(inventory=rows[names[held]], amount=rows["side"] * rows["size"])
    rows, merged = _orders(rows)
    timing = _timing(rows)
    flags = _refuse_timing(timing, names[held])
    flow = None if brokered is None else brokered_between(rows, brokered)
    rows = _beside_the_last(rows, size)
    quiet = pd.Series(False, rows.index)
    if flow is not None:
        rows = rows.assign(**{c: flow[c] / rows["scale"] for c in (FLOW, AFTER)})
        quiet = flow["quiet"]
        flags = (*flags, *_unsigned(brokered))
    series = rows.groupby(SERIES, as_index=False).agg(
        trades=("price", "size"), unit_of_size=("scale", "first"), price=("price", "mean")
    )
    first = rows["place"] == 0
    frame, dropped = drop_by_reason(
        rows,
        {
            "first of a day": first,
            "without inventory, here or at the trade before": rows[TERMS].isna().any(axis=1),
            "without a price, here or at the trade before": rows["change"].isna(),
            "of a day without a brokered trade": quiet,
        },
    )
    if brokered is None:
        dropped.pop("of a day without a brokered trade")
    dropped |= {"of one order with the fill before": merged}
    if fills["account"].eq("aggregate maker").any():
        flags = (*flags, "inventory_is_market_flow")
    frame = frame.reset_index(drop=True)
    same_day = (frame[_DAY] == frame[_DAY].shift()).all(axis=1)
    frame["run"] = (~(same_day & (frame["place"] == frame["place"].shift() + 1))).cumsum()
    count = int(frame.groupby(SERIES).ngroups)
    sample = Sample(len(frame), dropped, frame["day"].nunique(), count)
    return Rows(frame, sample, flags, timing, series)


def _unsigned(brokered: pd.DataFrame) -> tuple[str, ...]:
    few = len(brokered) and brokered["side"].isna().mean() > 0.01
    return ("brokered_trades_without_a_side",) if few else ()


def _orders(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Consecutive fills of one instant, side and price as the one order they were."""
    keys = [*_DAY, "time", "side", "price"]
    same = (rows[keys] == rows[keys].shift()).all(axis=1)
    whole = rows.groupby((~same).cumsum())
    sums = {c: whole[c].sum().to_numpy() for c in ("amount", "size")}
    orders = rows[~same].assign(**sums, last_seq=whole["seq"].last().to_numpy())
    return orders.reset_index(drop=True), int(same.sum())


def _timing(rows: pd.DataFrame) -> pd.DataFrame:
    """In how many steps inventory moves by the earlier trade, by the later, or in proportion.

    Only steps between trades of different signed size can tell which of the two it was.
    """
    day = [rows[c] for c in _DAY]
    step = -rows["inventory"].groupby(day).diff(-1)
    after = rows["amount"].groupby(day).shift(-1)
    told = step.notna() & after.notna() & ~_equal(rows["amount"], after, rows["inventory"])
    step, own, after, level = (c[told] for c in (step, rows["amount"], after, rows["inventory"]))
    ratio = float((step / own).median()) if len(own) else np.nan
    shares = {
        "moves by the earlier trade: inventory before the trade": _equal(step, own, level),
        "moves by the later trade: inventory after the trade": _equal(step, after, level),
        "moves in proportion to the earlier trade": _equal(step, ratio * own, level),
    }
    told_by = {name: float(hit.mean()) if len(hit) else np.nan for name, hit in shares.items()}
    table = pd.Series(told_by, name="share").rename_axis("inventory").to_frame()
    return table.assign(steps=len(own), ratio=[1.0, 1.0, ratio])


def _equal(a: pd.Series, b: pd.Series, level: pd.Series) -> pd.Series:
    """Equal to what rounding of the numbers, or of the inventory they are taken from, leaves."""
    return (a - b).abs() <= 1e-6 * np.maximum(a.abs(), b.abs()) + 1e-9 * level.abs()


def _refuse_timing(timing: pd.DataFrame, name: str) -> tuple[str, ...]:
    before, after, scaled = timing["share"]
    steps, ratio = int(timing["steps"].iloc[0]), float(timing["ratio"].iloc[2])
    if after > max(before, 0.1):
        raise ValueError(
            f"{name} is the inventory after each trade: in {100 * after:.0f} % of {steps} steps it"
            " moves by the later of the two trades. The equation needs what was held before the"
            " trade (subtract side * size); with inventory after it the coefficient of size is"
            " b1 + b2, not b1"
        )
    if scaled > max(before, 0.5) and ratio != 0:
        kind = "with the sign turned" if np.isclose(ratio, -1) else "in another unit than the size"
        raise ValueError(
            f"{name} is {kind}: in {100 * scaled:.0f} % of {steps} steps it moves by {ratio:g}"
            " units for each unit that the account bought"
        )
    return ("inventory_moves_apart_from_trades",) if before < 0.5 else ()


def _beside_the_last(rows: pd.DataFrame, size: str) -> pd.DataFrame:
    """Change from the trade before of the same series and day; sizes from the customer's side."""
    by_day, by_series = (rows.groupby(keys, sort=False) for keys in (_DAY, SERIES))
    scale = by_series["size"].transform("mean") if size == "average" else pd.Series(1.0, rows.index)
    opened = by_day["price"].transform("first")
    rows = rows.assign(
        scale=scale,
        place=by_day.cumcount(),
        change=1e4 * by_day["price"].diff() / opened,
        direction=-rows["side"].astype("float64"),
        inventory=rows["inventory"] / scale,
    )
    rows["size"] = -rows["amount"] / scale
    by_day = rows.groupby(_DAY, sort=False)
    lags = {f"{name}_lag": by_day[name].shift() for name in ("inventory", "direction")}
    return rows.assign(**lags)
