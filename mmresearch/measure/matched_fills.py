"""An account's fills beside prints like them that others were passive in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.fill_prints import print_rows
from mmresearch.measure.markouts import markouts
from mmresearch.measure.references import HORIZONS, refuse_clock, steps_of

_TOLD = r"(?:capture|markout|adverse)_"
_CONTROL = ["time", "seq", "price", "size", "bid", "ask"]


class Alike(NamedTuple):
    """What a control must be: nanoseconds away, and by which factors size and spread may differ."""

    beyond: int
    within: int
    ratios: tuple[float, float]


def matched_fills(
    market: Market,
    *,
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    horizons: Sequence[str] = HORIZONS,
    beyond: str | None = None,
    within: str = "30min",
    size_ratio: float | None = 2.0,
    spread_ratio: float | None = 1.5,
    **options: Any,
) -> pd.DataFrame:
    """Markouts of an account's passive fills, each beside those of a print like it, and less them.

    The control of a fill is the next public print, more than `beyond` later, of the same symbol,
    session and passive side, in which the account took no part. It tells what the average provider
    of liquidity earned in that state: `average_markouts` of this table has means of the account's,
    of the controls' and of the extra, with one rule of errors; an extra adverse selection above 0
    says that the account is picked off more.

    Parameters
    ----------
    market : Market
        With fills, public trades, and quotes or a book. Prints without a side are signed as in
        `infer_fills`.
    account, symbol : str or list, optional
        Which; all if not given. Accounts are matched one by one.
    horizons : list of str
        As in `markouts`.
    beyond, within : str
        A control comes more than `beyond` and at most `within` later. By default `beyond` is the
        longest horizon in real time: what goes on to hurt the account until then hurts a nearer
        control too, and hides in the difference. None comes before the fill: the last print of a
        kind is one that few of its kind followed, and its loss is too small by that.
    size_ratio, spread_ratio : float or None
        By which factor the size, and ask - bid just before, may differ; None: by any.
    **options
        reference, unit, relative_to, index, beta of `markouts`.

    Returns
    -------
    DataFrame
        The table of `markouts`; control_time, control_seq, control_price, control_size, control_bid
        and control_ask; and of each of its columns, such as markout_bps_5s, the control's
        (control_markout_bps_5s) and the account's less that (extra_markout_bps_5s), the later
        horizons known at the later of both. `apart` says of more fills why they are: "taker" (maker
        is false) and "no control". A print can be the control of several fills. attrs also:
        "controls", how many different ones, and the options; its counts also: "taker", "no
        control", "maker not known" (taken as passive) and "not on the tape" (fills of which no
        print was found by number or by time, price and size: it could be another's control).

    Raises
    ------
    ValueError
        A market without fills or public trades; a symbol without a clock; options out of range.
    """
    alike = _alike(horizons, beyond, within, size_ratio, spread_ratio)
    for name in ("fills", "trades"):
        if name not in market or market[name].empty:
            raise ValueError(f"matched fills need fills and public trades; there are no {name}")
    how = {"symbol": symbol, "horizons": horizons} | options
    ours = markouts(market, account=account, **how)
    for name in ours["symbol"].unique():
        refuse_clock(market.calendar(name), steps_of("1s"))
    everyone = market.replace(fills=market["fills"].iloc[:0])
    how["symbol"] = sorted(set(ours["symbol"]) & set(market["trades"]["symbol"]))
    others = markouts(everyone, **how) if how["symbol"] else ours.iloc[:0]
    told = list(ours.filter(regex=_TOLD))
    taker = ours["maker"].eq(False).fillna(False).to_numpy(bool) & (ours["apart"] == "")
    apart = ours["apart"].mask(taker, "taker")
    controls, lost = _controls_of(ours, others, told, alike)
    counts = ours.attrs["counts"] | {"maker not known": int(ours["maker"].isna().sum())}
    counts["not on the tape"] = lost
    controls[apart != ""] = -1
    apart = apart.mask((apart == "") & (controls < 0), "no control")
    counts |= {why: int((apart == why).sum()) for why in ("taker", "no control")}
    beside = others.reindex(np.where(controls < 0, len(others), controls)).reset_index(drop=True)
    table = ours.drop(columns="apart")
    theirs = beside[[*_CONTROL, *told]].add_prefix("control_")
    extra = (ours[told] - beside[told]).add_prefix("extra_")
    table = pd.concat([table, theirs, extra], axis=1).assign(apart=apart)
    ratios = {"size_ratio": size_ratio, "spread_ratio": spread_ratio}
    spans = {"beyond": str(pd.Timedelta(alike.beyond)), "within": str(pd.Timedelta(alike.within))}
    number = len(np.unique(controls[controls >= 0]))
    table.attrs = ours.attrs | spans | ratios | {"counts": counts, "controls": number}
    return table


def _controls_of(
    ours: pd.DataFrame, others: pd.DataFrame, told: list[str], alike: Alike
) -> tuple[np.ndarray, int]:
    """For each fill the row of its control in `others`, -1 without; fills whose print is lost."""
    usable = ((others["apart"] == "") & others[told].notna().all(axis=1)).to_numpy()
    controls, lost = np.full(len(ours), -1), 0
    places = others.groupby("symbol").indices
    for (_, symbol), rows in ours.groupby(["account", "symbol"], sort=False).indices.items():
        if symbol not in places:
            lost += len(rows)
            continue
        own, place = ours.iloc[rows], places[symbol]
        printed = print_rows(own, others.iloc[place])
        lost += int((printed < 0).sum())
        free = usable[place]
        free[printed[printed >= 0]] = False
        place = place[free]
        found = _controls(own, others.iloc[place], alike)
        controls[rows] = np.where(found < 0, -1, np.append(place, -1)[found])
    return controls, lost


def _alike(
    horizons: Sequence[str],
    beyond: str | None,
    within: str,
    size_ratio: float | None,
    spread_ratio: float | None,
) -> Alike:
    longest = [s.size for s in steps_of(horizons).values() if s.kind == "clock"]
    near = max(longest, default=0) if beyond is None else pd.Timedelta(beyond).value
    far = pd.Timedelta(within).value
    wrong = [] if 0 <= near < far else [f"beyond must be 0 or more and less than within={within!r}"]
    for name, ratio in (("size_ratio", size_ratio), ("spread_ratio", spread_ratio)):
        if ratio is not None and not 1 <= ratio < np.inf:
            wrong.append(f"{name} must be a number of 1 or more, or None, not {ratio!r}")
    if wrong:
        raise ValueError("; ".join(wrong))
    ratios = (np.inf if ratio is None else float(ratio) for ratio in (size_ratio, spread_ratio))
    return Alike(near, far, tuple(ratios))


def _controls(fills: pd.DataFrame, prints: pd.DataFrame, alike: Alike) -> np.ndarray:
    """For each fill of one account and symbol the row of its control in `prints`, -1 without."""
    from mmresearch.measure.matched_kernels import next_alike  # numba: loaded only here

    found = np.full(len(fills), -1)
    theirs = prints.groupby(["day", "side"]).indices
    for key, rows in fills.groupby(["day", "side"]).indices.items():
        if key in theirs:
            pair = (_values(fills.iloc[rows]), _values(prints.iloc[theirs[key]]))
            row = next_alike(*pair, *alike)
            found[rows] = np.where(row >= 0, theirs[key][row], -1)
    return found


def _values(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    time, size = blocks.of_table(rows, ["time", "size"]).values()
    return time, size, blocks.constant((rows["ask"] - rows["bid"]).to_numpy())
