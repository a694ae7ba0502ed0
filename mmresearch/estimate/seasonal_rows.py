"""Bars of one series with their place in a session of N bars, for its shape over the day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.panel_rows import drop_by_reason

KINDS = ("factor", "scale", "shift")
KEYS = ("account", "symbol", "day", "bar", "start", "end", "time_of_day")
FEWEST_BARS = 12  # of a session
USUAL = 0.9  # a session of a smaller share of the usual bars is short, one of 1 / that long
MARK = "mark "  # before the name of a column that is a dummy
_LOW = 0.01  # eps is half this quantile of what is not zero
_DAY = 86_400.0
_SLACK = 0.01  # seconds by which bars may be out of step


class SeasonalRows(NamedTuple):
    """The bars of one series in order of time, and how they stand for the rows of the table.

    frame: day (number, from 0), n (1 to bars, in scaled sessions between), odd (whether the session
    is), y, z (what is fitted, missing where set aside) and the columns of dummies. bars: N of a
    whole session. seconds: of a bar, missing where unknown. back [rows of table]: the row of frame.
    table: the rows chosen.
    """

    frame: pd.DataFrame
    table: pd.DataFrame
    back: np.ndarray
    bars: int
    seconds: float
    kind: str
    eps: float
    dropped: dict[str, int]


def seasonal_rows(
    table: pd.DataFrame,
    column: str,
    *,
    symbol: str | None = None,
    account: str | None = None,
    kind: str = "auto",
    zeros: str = "left out",
    short: str = "left out",
    zone: str | None = None,
    extra: Sequence[str] = (),
) -> SeasonalRows:
    """The bars of one series, each with its place; what has none is set aside and counted."""
    chosen = one_series(table, [column, *extra], symbol, account)
    keys = chosen[["day", "bar"]]
    frame = chosen[~keys.duplicated()].sort_values(["day", "bar"], kind="stable")
    places = pd.MultiIndex.from_frame(frame[["day", "bar"]])
    back = places.get_indexer(pd.MultiIndex.from_frame(keys))
    n, bars, seconds, odd = _places(frame, zone)
    y = frame[column].to_numpy("float64")
    kind = _kind(y, kind)
    z, eps, zero = _fitted(y, kind, zeros)
    rows = pd.DataFrame({"day": pd.factorize(frame["day"])[0], "n": n, "odd": odd})
    rows = rows.assign(y=y, **{MARK + name: frame[name].to_numpy("float64") for name in extra})
    if short == "left out":
        rows.loc[odd, "n"] = np.nan
    told = {
        f"without {column}": np.isnan(y),
        "zero, which has no logarithm": zero,
        "in sessions much shorter or longer than usual": odd & (short == "left out"),
    }
    faults = pd.DataFrame({name: np.asarray(on, bool) for name, on in told.items()})
    _, dropped = drop_by_reason(faults, {name: faults[name] for name in faults})
    rows["z"] = np.where(faults.any(axis=1), np.nan, z)
    return SeasonalRows(rows, chosen, back, bars, seconds, kind, eps, dropped)


def in_logs(values: pd.Series, logs: str | bool) -> bool:
    """Whether logarithms are taken: asked for, or ("auto") of what is always above 0."""
    positive = bool(values.notna().any() and (values.dropna() > 0).all())
    if logs == "auto":
        return positive
    if logs and not positive:
        many = int((values <= 0).sum())
        raise ValueError(f"{values.name} has no logarithm in {many} rows; take logs=False")
    return bool(logs)


def one_series(
    table: pd.DataFrame, columns: Sequence[str], symbol: str | None, account: str | None
) -> pd.DataFrame:
    """The rows of one symbol and account, checked; accounts that share all values count as one."""
    if not isinstance(table, pd.DataFrame):
        kind = type(table).__name__
        raise TypeError(f"a table with a row a bar is needed, such as `mm.panel`'s, not {kind}")
    lacking = [name for name in ["day", "bar", *columns] if name not in table.columns]
    if lacking:
        raise ValueError(f"the table lacks the columns {', '.join(map(repr, lacking))}")
    for name, wanted in (("symbol", symbol), ("account", account)):
        if wanted is not None:
            known = sorted(table[name].unique()) if name in table.columns else []
            if wanted not in known:
                raise ValueError(f"no {name} {wanted!r} in the table, which has {known[:5]}")
            table = table[table[name] == wanted]
    faults = []
    for name in columns:
        values = table[name]
        if not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)):
            faults.append(f"{name} is not a number but {values.dtype}")
        elif np.isinf(values.to_numpy("float64")).any():
            faults.append(f"{name} is infinite in {int(np.isinf(values).sum())} rows")
    symbols = table["symbol"].nunique() if "symbol" in table.columns else 1
    if symbols > 1:
        faults.append(f"it has {symbols} symbols: choose symbol=")
    if table["bar"].isna().any() or table["day"].isna().any():
        faults.append("rows without a day or bar")
    if not faults:
        again = table.duplicated(["day", "bar"])
        same = table.duplicated(["day", "bar", *columns])
        if (again & ~same).any():
            accounts = table["account"].nunique() if "account" in table.columns else 1
            told = f"of {accounts} accounts: choose account=" if accounts > 1 else "for one series"
            many = int((again & ~same).sum())
            faults.append(f"{many} bars stand twice with different values, {told}")
    if faults:
        raise ValueError("the table cannot be used: " + "; ".join(faults))
    return table


def _places(frame: pd.DataFrame, zone: str | None) -> tuple[np.ndarray, int, float, np.ndarray]:
    """Of each row n; then N of a whole session, seconds of a bar, which rows' sessions are odd.

    In odd sessions n runs to the same N as in whole ones, in larger or smaller steps.
    """
    bar = frame["bar"].to_numpy("float64")
    seconds = _step(frame)
    last = frame.groupby("day", sort=False)["bar"].transform("max").to_numpy() + 1
    if zone is not None:
        return _local_places(frame, zone, seconds, int(last.max(initial=0)))
    lengths = frame.groupby("day")["bar"].max().to_numpy() + 1
    if not len(lengths):
        return bar, 0, seconds, np.zeros(0, bool)
    usual = float(np.sort(lengths)[len(lengths) // 2])
    odd = (last < USUAL * usual) | (last > usual / USUAL)
    bars = int(last[~odd].max())
    return np.where(odd, (bar + 1) * bars / last, bar + 1), bars, seconds, odd


def _local_places(
    frame: pd.DataFrame, zone: str, seconds: float, longest: int
) -> tuple[np.ndarray, int, float, np.ndarray]:
    """The place of each bar's start on a clock of 24 hours that people live by."""
    if "start" not in frame.columns or not longest * seconds > _DAY * 23 / 24:
        raise ValueError(
            "zone= is for sessions of whole days with a start; those with an open are told by the "
            "time since it, which summer time does not move"
        )
    local = frame["start"].dt.tz_convert(zone).dt.tz_localize(None)
    since = (local - local.dt.normalize()).dt.total_seconds().to_numpy()
    bars = round(_DAY / seconds)
    return np.floor(since / seconds + 1e-9) + 1, bars, seconds, np.zeros(len(frame), bool)


def _step(frame: pd.DataFrame) -> float:
    """Seconds of a bar; bars that are not of a clock have no time of day to be told by."""
    if "time_of_day" not in frame.columns:
        return np.nan
    time, bar = (frame[name].to_numpy("float64") for name in ("time_of_day", "bar"))
    if len(time) and np.isnan(time).all():
        raise ValueError("there is no clock inside a session, so no shape over the time of day")
    later = bar > 0
    if not later.any():
        return np.nan
    step = float(np.nanmedian(time[later] / bar[later]))
    if np.nanmax(np.abs(time - bar * step)) > _SLACK:
        raise ValueError(
            "bars are not of one length of time, so their number tells no time of day; "
            "make them by a clock step such as freq='5min'"
        )
    return step


def _kind(y: np.ndarray, kind: str) -> str:
    if kind not in (*KINDS, "auto"):
        raise ValueError(f"kind must be one of {', '.join((*KINDS, 'auto'))}, not {kind!r}")
    below = int((y < 0).sum())
    if kind == "factor" and below:
        raise ValueError(f"{below} values are negative and have no logarithm: take kind='shift'")
    if kind == "auto":
        return "shift" if below else "factor"
    return kind


def _fitted(y: np.ndarray, kind: str, zeros: str) -> tuple[np.ndarray, float, np.ndarray]:
    """What is fitted, the eps added before the logarithm, and which rows have none."""
    if zeros not in ("left out", "eps"):
        raise ValueError(f"zeros must be 'left out' or 'eps', not {zeros!r}")
    if kind == "shift":
        return y, 0.0, np.zeros(len(y), bool)
    size = np.abs(y)
    zero = size == 0
    eps = 0.0
    if zeros == "eps" and zero.any() and (size > 0).any():
        eps, zero = float(np.quantile(size[size > 0], _LOW) / 2), np.zeros(len(y), bool)
    with np.errstate(divide="ignore"):
        return np.log(size + eps), eps, zero
