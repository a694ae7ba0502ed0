"""An account's fills beside prints like them that others were passive in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.fill_prints import print_rows
from mmresearch.measure.markouts import markouts
from mmresearch.measure.references import HORIZONS

_TOLD = r"^(?:capture|markout|adverse)_"
_CONTROL = ["time", "seq", "price", "size", "bid", "ask"]
_KEYS = ["symbol", "day", "side"]
_REASONS = ("taker", "no control")


def matched_fills(
    market: Market,
    *,
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    horizons: Sequence[str] = HORIZONS,
    within: str = "30min",
    size_ratio: float | None = 2.0,
    spread_ratio: float | None = 1.5,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """Markouts of an account's passive fills, each beside those of a print like it, and less them.

    The control of a fill is a public print in which the account took no part, of the same state:
    symbol, session, passive side, stretch of time, class of size and of the spread just before.
    `average_markouts` of this table has means of the account's, of the controls' and of the extra;
    an extra adverse selection above 0 says that the account is picked off more than the average
    provider of liquidity in that state.

    Where a state holds more prints than fills, controls are drawn, each at most once; where fewer,
    each is used as often as the others, or once more, drawn too; the first in time goes to the
    first fill. So fills that are any of the prints of their state have an expected extra of 0. The
    nearest print would not do: the next one of a kind after a pause begins a run, the last one of a
    kind before a pause ends it, and what follows differs. Controls of the account's own run share
    what hurts it later, so an extra loss is told too small, by the more the longer the horizon and
    the fewer prints a state holds: of one that was planted in runs of five, 95 % were found at 5 s
    and 87 % at 60 s where states held 30 prints, 98 and 96 % where they held 120 (`within`).

    Parameters
    ----------
    market : Market
        With fills, public trades, and quotes or a book. Prints without a side are signed as in
        `infer_fills`.
    account, symbol : str or list, optional
        Which; all if not given. Accounts are matched one by one.
    horizons : list of str
        As in `markouts`.
    within : str
        The length of a stretch, counted from midnight, UTC.
    size_ratio, spread_ratio : float or None
        Classes in which sizes, and ask - bid, differ by less than this factor: from a power of it
        to the next. 1: by nothing. None: they need not be alike.
    seed : int
        Of the draws.
    **options
        reference, unit, relative_to, index, beta of `markouts`.

    Returns
    -------
    DataFrame
        The table of `markouts`; control_time, control_seq, control_price, control_size, control_bid
        and control_ask; and of each of its columns, such as markout_bps_5s, the control's
        (control_markout_bps_5s) and the account's less that (extra_markout_bps_5s), known when both
        are. `apart` says of more fills why they are: "taker" (maker is false) and "no control".
        attrs also: "controls", how many different ones, and the options; its counts also: "taker",
        "no control", "maker not known" (taken as passive) and "not on the tape" (fills of which no
        print was found by number or by time, price and size: it could be another's control).

    Raises
    ------
    ValueError
        A market without fills or public trades; options out of range.
    """
    _refuse(market, within, {"size_ratio": size_ratio, "spread_ratio": spread_ratio})
    how = {"symbol": symbol, "horizons": horizons} | options
    ours = markouts(market, account=account, **how)
    everyone = market.replace(fills=market["fills"].iloc[:0])
    how["symbol"] = sorted(set(ours["symbol"]) & set(market["trades"]["symbol"]))
    others = markouts(everyone, **how) if how["symbol"] else ours.iloc[:0]
    told = list(ours.filter(regex=_TOLD))
    states = _states([ours, others], pd.Timedelta(within), size_ratio, spread_ratio)
    usable = ((others["apart"] == "") & others[told].notna().all(axis=1)).to_numpy()
    taker = ours["maker"].eq(False).fillna(False).to_numpy(bool) & (ours["apart"] == "").to_numpy()
    kept = (ours["apart"] == "").to_numpy() & ~taker
    controls, lost = _controls(ours, others, states, (kept, usable), seed)
    apart = ours["apart"].mask(taker, "taker").mask(kept & (controls < 0), "no control")
    counts = ours.attrs["counts"] | {why: int((apart == why).sum()) for why in _REASONS}
    counts |= {"maker not known": int(ours["maker"].isna().sum()), "not on the tape": lost}
    beside = others.reindex(np.where(controls < 0, len(others), controls)).reset_index(drop=True)
    theirs = beside[[*_CONTROL, *told]].add_prefix("control_")
    extra = (ours[told] - beside[told]).add_prefix("extra_")
    table = pd.concat([ours.drop(columns="apart"), theirs, extra], axis=1).assign(apart=apart)
    about = {"within": within, "size_ratio": size_ratio, "spread_ratio": spread_ratio, "seed": seed}
    about["controls"] = len(np.unique(controls[controls >= 0]))
    table.attrs = ours.attrs | about | {"counts": counts}
    return table


def _refuse(market: Market, within: str, ratios: dict[str, float | None]) -> None:
    wrong = []
    for name in ("fills", "trades"):
        if name not in market or market[name].empty:
            wrong.append(f"matched fills need fills and public trades; there are no {name}")
    if not pd.Timedelta(within) > pd.Timedelta(0):
        wrong.append(f"within must be a length of time above 0, not {within!r}")
    for name, ratio in ratios.items():
        if ratio is not None and not 1 <= ratio < np.inf:
            wrong.append(f"{name} must be a number of 1 or more, or None, not {ratio!r}")
    if wrong:
        raise ValueError("; ".join(wrong))


def _states(
    tables: list[pd.DataFrame],
    within: pd.Timedelta,
    size_ratio: float | None,
    spread_ratio: float | None,
) -> list[np.ndarray]:
    """The state of each row of the tables by a number, the same number for the same state."""
    rows = pd.concat([table[[*_KEYS, "time", "size", "bid", "ask"]] for table in tables])
    keys = [rows[name] for name in _KEYS] + [rows["time"].dt.floor(within)]
    keys += [_classes(rows["size"], size_ratio), _classes(rows["ask"] - rows["bid"], spread_ratio)]
    number = rows.groupby(keys, dropna=False, sort=False).ngroup().to_numpy()
    return np.split(number, np.cumsum([len(table) for table in tables])[:-1])


def _classes(values: pd.Series, ratio: float | None) -> pd.Series:
    """From one power of the ratio up to the next; what is rounded a hair below is at it."""
    if ratio is None:
        return values * 0.0
    if ratio == 1:
        return values.round(9)
    above = values.where(values > 0)  # locked and crossed quotes are apart already
    return np.floor(np.log(above) / np.log(ratio) + 1e-9)


def _controls(
    ours: pd.DataFrame,
    others: pd.DataFrame,
    states: list[np.ndarray],
    wanted: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> tuple[np.ndarray, int]:
    """For each fill that is kept the row of its control in `others`, -1 without; prints lost."""
    rng, controls, lost = np.random.default_rng(seed), np.full(len(ours), -1), 0
    kept, usable = wanted
    places = others.groupby("symbol").indices
    for (_, symbol), rows in ours.groupby(["account", "symbol"]).indices.items():
        place = places.get(symbol, np.empty(0, int))
        printed = print_rows(ours.iloc[rows], others.iloc[place])
        lost += int((printed < 0).sum())
        free = usable[place]
        free[printed[printed >= 0]] = False
        rows, place = rows[kept[rows]], place[free]
        controls[rows] = _draw(states[0][rows], states[1][place], place, rng)
    return controls, lost


def _draw(
    ours: np.ndarray, theirs: np.ndarray, place: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """For each of our states a place of the same state, all places of one as often as can be."""
    found, held = np.full(len(ours), -1), pd.Series(place).groupby(theirs).indices
    for state, rows in pd.Series(ours).groupby(ours).indices.items():
        if state not in held:
            continue
        same = place[held[state]]
        times = np.full(len(same), len(rows) // len(same))
        times[rng.permutation(len(same))[: len(rows) % len(same)]] += 1
        found[rows] = np.repeat(same, times)
    return found
