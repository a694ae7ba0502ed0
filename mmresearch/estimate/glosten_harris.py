"""Glosten and Harris: price changes on sides and signed sizes, spread and its parts by size."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.equality import wald
from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.result import Quantity, Result, refused
from mmresearch.estimate.sandwich import error_rule
from mmresearch.estimate.tape_rows import Rows, cannot_tell, tape_rows

FEWEST_TRADES = 50
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
QUESTION = "How much of a trade's price change stays, by its size?"
EQUATION = {
    False: r"\Delta P_t = c_0 (Q_t - Q_{t-1}) + z_1 Q_t V_t + e_t",
    True: r"\Delta P_t = c_0 (Q_t - Q_{t-1}) + c_1 (Q_t V_t - Q_{t-1} V_{t-1})"
    r" + z_0 Q_t + z_1 Q_t V_t + e_t",
}
MEANING = {
    "c0": "what the maker keeps a trade, whatever its size: it fades",
    "c1": "what it keeps by size",
    "z0": "what stays of a trade, whatever its size",
    "z1": "what stays by size: the price of what orders tell",
    "spread": "2 (c0 + c1 V + z0 + z1 V) of the median trade: a purchase and a sale at one time",
    "adverse_share": "(z0 + z1 V) / (c0 + c1 V + z0 + z1 V) of the median trade",
}


def glosten_harris(
    table: pd.DataFrame,
    *,
    rows: dict[str, object],
    full: bool,
    value: bool | None,
    per: float | None,
    by: str | None,
    label: str,
    choice: dict[str, object],
) -> Result:
    """What `price_impact` returns with model="glosten_harris"."""
    made = tape_rows(table, zero="none", **rows)
    per = (1e6 if value else 1e3) if per is None else per
    frame, unit = _sized(made.frame, value, per), str(rows["unit"])
    words = {"V": f"{per:,.10g} {'of currency' if value else 'units'}"}
    words["price"] = "currency a unit" if unit == "currency" else "bps"
    names = ["c0", "c1", "z0", "z1"] if full else ["c0", "z1"]
    reason = _cannot_tell(frame, names)
    if reason:
        return _refused(made, names, full, words, reason)
    level = float(choice["level"])
    fit = _fit(frame, names, choice)
    reach = float(scipy.stats.t.ppf((1 + level) / 2, _df(frame["day"], fit, choice)))
    found = {}
    for row in fit.table.itertuples():
        numbers = (row.estimate, row.low, row.high)
        found[row.term] = Quantity(
            row.term, *numbers, _unit(row.term, words), fit.errors, level=level
        )
    median = float(frame["V"].median())
    found |= _at_size(fit, names, median, reach, words, level)
    rho = _autocorrelation(frame)
    details = {
        "sizes": _sizes(fit, names, frame["V"], reach),
        "traps": _traps(frame, fit, names, rho),
        "meaning": _meaning(found),
    }
    if by:
        details |= _hours(frame, names, label, choice)
    expected = abs(rho) * math.sqrt(len(frame)) > 3
    return Result(
        QUESTION,
        EQUATION[full],
        unit=f"{words['price']}; z1 and c1: per {words['V']}",
        table=fit.table,
        sample=made.sample,
        errors=fit.errors,
        fit=fit.fit,
        quantities=found,
        flags=(*fit.flags, *(["sides_are_expected"] if expected else [])),
        details=details,
    )


def _sized(frame: pd.DataFrame, value: bool | None, per: float) -> pd.DataFrame:
    """The rows with V and the regressors by name; a size before is valued at its own price."""
    size, before = frame["size"], frame["size_1"]
    if value:
        size, before = size * frame["price"], before * frame["price_1"]
    signed, last = frame["x"] * size / per, frame["x_1"] * before / per
    return frame.assign(
        V=size / per, c0=frame["x"] - frame["x_1"], c1=signed - last, z0=frame["x"], z1=signed
    )


def _cannot_tell(frame: pd.DataFrame, names: list[str]) -> str:
    reason = cannot_tell(frame, FEWEST_TRADES)
    if reason:
        return reason
    if frame[names].isna().any(axis=None):
        return "trades have no size"
    values = frame[names].to_numpy("float64")
    scaled = values / np.maximum(np.abs(values).max(axis=0), 1e-300)
    if np.linalg.matrix_rank(scaled) == len(names):
        return ""
    if np.ptp(frame["V"].to_numpy()) == 0 and len(names) > 2:
        return "every trade is of one size: what goes by size cannot be told from what does not"
    return "each side follows from the one before"


def _fit(frame: pd.DataFrame, names: list[str], choice: dict[str, object]) -> Regression:
    own = choice | {"errors": _kind(frame["day"], str(choice["errors"]))}
    return regress(frame["y"], frame[names], frame["day"], **own)


def _kind(days: pd.Series, errors: str) -> str:
    """Of trades as of every model of the tape: lags within days where days are few."""
    kind = error_rule(days, errors=errors).kind
    return "hac" if kind == "wild" and errors == "auto" else kind


def _df(days: pd.Series, fit: Regression, choice: dict[str, object]) -> float:
    kind = _kind(days, str(choice["errors"]))
    return error_rule(days, errors=kind, params=len(fit.fit.params)).df


def _unit(name: str, words: dict[str, str]) -> str:
    return f"{words['price']} per {words['V']}" if name in ("c1", "z1") else words["price"]


def _parts(fit: Regression, names: list[str], size: float) -> dict[str, tuple[float, float]]:
    """Spread and adverse share of one size, each with its standard error by the delta method."""
    b = fit.fit.params[names].to_numpy()
    covariance = fit.fit.cov_params().loc[names, names].to_numpy()
    weight = np.array([size if name in ("c1", "z1") else 1.0 for name in names])
    news = weight * np.array([name.startswith("z") for name in names])
    whole, told = weight @ b, news @ b
    share = news / whole - told * weight / whole**2
    errors = [math.sqrt(slope @ covariance @ slope) for slope in (2 * weight, share)]
    return {"spread": (2 * whole, errors[0]), "adverse_share": (told / whole, errors[1])}


def _at_size(
    fit: Regression,
    names: list[str],
    size: float,
    reach: float,
    words: dict[str, str],
    level: float,
) -> dict[str, Quantity]:
    found, parts = {}, _parts(fit, names, size)
    value, error = parts["spread"]
    unclear = "" if value >= 3 * error else "the spread is within three standard errors of 0"
    for name, (value, error) in parts.items():
        unit = words["price"] if name == "spread" else ""
        reason = unclear if name == "adverse_share" else ""
        method = f"{fit.errors}; delta method; the median size, {size:.4g} x {words['V']}, as known"
        interval = (value, value - reach * error, value + reach * error)
        found[name] = Quantity(name, *interval, unit, method, not reason, reason, level)
    return found


def _sizes(fit: Regression, names: list[str], sizes: pd.Series, reach: float) -> pd.DataFrame:
    """Spread and adverse share at quantiles of the trades' sizes."""
    lines = {}
    for quantile in QUANTILES:
        size = float(sizes.quantile(quantile))
        line = {"size": size}
        for name, (value, error) in _parts(fit, names, size).items():
            line |= {name: value, f"{name}_low": value - reach * error}
            line[f"{name}_high"] = value + reach * error
        lines[quantile] = line
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("quantile of size")


def _autocorrelation(frame: pd.DataFrame) -> float:
    one = frame["x_1"].to_numpy()
    return float(frame["x"].to_numpy() @ one / (one @ one))


def _traps(frame: pd.DataFrame, fit: Regression, names: list[str], rho: float) -> pd.DataFrame:
    """What stays of the mean trade if all flow is news, and if only its surprise is."""
    b = fit.fit.params
    stays = b["z1"] * frame["V"].mean() + (b["z0"] if "z0" in names else 0.0)
    lines = [
        ("what stays of the mean trade: every trade news", stays),
        ("autocorrelation of sides", rho),
        ("what stays of a surprise: the first over 1 - rho", stays / (1 - rho)),
    ]
    return pd.DataFrame(lines, columns=["number", "value"])


def _hours(
    frame: pd.DataFrame, names: list[str], label: str, choice: dict[str, object]
) -> dict[str, pd.DataFrame]:
    """The coefficients of each hour from one regression, and whether z1 is the same in all."""
    x, lines, told = {}, [], []
    for hour, part in frame.groupby("hour"):
        if _cannot_tell(part, names):
            continue
        told.append(int(hour))
        own = frame["hour"] == hour
        x |= {f"{name} {int(hour)}": frame[name].where(own, 0.0) for name in names}
    if not told:
        return {"hours": pd.DataFrame(columns=["trades"]).rename_axis(label)}
    rows = frame["hour"].isin(told)
    columns = pd.DataFrame(x)[rows].reset_index(drop=True)
    kept = frame[rows].reset_index(drop=True)
    own = choice | {"errors": _kind(kept["day"], str(choice["errors"]))}
    fit = regress(kept["y"], columns, kept["day"], **own)
    table = fit.table.set_index("term")
    for hour in told:
        line: dict[str, object] = {label: hour, "trades": int((kept["hour"] == hour).sum())}
        for name in names:
            row = table.loc[f"{name} {hour}"]
            line |= {name: row["estimate"]} | {f"{name}_{c}": row[c] for c in ("low", "high")}
        lines.append(line)
    slopes = [f"z1 {hour}" for hour in told]
    rule = error_rule(kept["day"], errors=str(own["errors"]), params=columns.shape[1])
    covariance = fit.fit.cov_params().loc[slopes, slopes].to_numpy()
    test = wald(fit.fit.params[slopes].to_numpy(), covariance, rule.df)
    return {
        "hours": pd.DataFrame(lines).set_index(label),
        "equality": test.rename_axis("z1 is the same in every hour"),
    }


def _meaning(found: dict[str, Quantity]) -> pd.DataFrame:
    told = {name: MEANING[name] for name in found}
    return pd.Series(told, name="meaning").rename_axis("term").to_frame()


def _refused(
    made: Rows, names: list[str], full: bool, words: dict[str, str], reason: str
) -> Result:
    return refused(
        QUESTION,
        EQUATION[full],
        unit=f"{words['price']}; z1 and c1: per {words['V']}",
        sample=made.sample,
        reason=reason,
        names=[*names, "spread", "adverse_share"],
    )
