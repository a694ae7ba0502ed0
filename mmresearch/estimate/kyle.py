"""Kyle's lambda: returns on the flow of their bar, slopes by group, signs that may be wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.equality import wald
from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.impact_rows import Rows, impact_rows
from mmresearch.estimate.pressure_rows import centred
from mmresearch.estimate.result import TIDY, Quantity, Result, refused, unknown
from mmresearch.estimate.sandwich import Rule, error_rule
from mmresearch.estimate.sign_errors import undo_sign_errors

FEWEST_BARS = 30
FEWEST_IN_GROUP = 10
QUESTION = "How far does the price move with flow?"
EQUATION = r"r_t = a + \lambda f_t + e_t"
_OWN_LEVEL = ("hour", "volatility")
_FEEDBACK = 3.0  # t of flow on the return before from which it is flagged
MEANING = {
    "slope": "how far the price moves with flow of the bar, in its direction where above 0",
    "corrected": "the slope if signs were right: the raw one over 1 - 2 e",
    "one_sd": "how far the price moves with one standard deviation of flow",
}


def kyle(
    panel: pd.DataFrame,
    *,
    rows: dict[str, object],
    sign_error: float | Quantity | None,
    choice: dict[str, object],
) -> Result:
    """What `price_impact` returns with model="kyle"."""
    made = impact_rows(panel, **rows)
    frame, level = made.frame, float(choice["level"])
    reason = _cannot_tell(frame)
    if reason:
        return _refused(made, sign_error is not None, reason)
    fit = _fit(frame, choice)
    slope = fit.table.set_index("term").loc["slope"]
    spread = float(frame["flow"].std())
    interval = slope[["estimate", "low", "high"]].astype(float)
    found = {"slope": Quantity("slope", *interval, made.unit, fit.errors, level=level)}
    if sign_error is not None:
        rule = error_rule(frame["day"], errors=str(choice["errors"]), params=2)
        found["corrected"] = _corrected(slope, sign_error, found["slope"], rule, level)
    measure = made.unit.partition(" per ")[0]
    method = f"{fit.errors}, the sd as known"
    found["one_sd"] = Quantity("one_sd", *(spread * interval), measure, method, level=level)
    traps = _traps(frame, choice)
    feedback = traps["t"].iloc[-1]
    flags = ["flow_follows_returns"] if abs(feedback) > _FEEDBACK else []
    details = {"traps": traps, "meaning": _meaning(found)}
    details["fit"] = pd.DataFrame(
        {"r_squared": [fit.fit.rsquared], "flow_sd": [spread], "return_sd": [frame["y"].std()]}
    )
    if rows["by"]:
        details |= _by_group(frame, str(rows["by"]), choice)
    return Result(
        QUESTION,
        EQUATION,
        unit=made.unit,
        table=fit.table,
        sample=made.sample,
        errors=fit.errors,
        fit=fit.fit,
        quantities=found,
        flags=tuple(dict.fromkeys([*made.flags, *fit.flags, *flags])),
        details=details,
    )


def _cannot_tell(frame: pd.DataFrame) -> str:
    if len(frame) < FEWEST_BARS:
        return f"{len(frame)} bars with return and flow, where {FEWEST_BARS} are needed"
    flow = frame["flow"] - frame["flow"].groupby(frame["series"]).transform("mean")
    if not flow.abs().max() > 1e-12 * frame["flow"].abs().max():
        return "the flow is the same in every bar"
    if np.ptp(frame["y"].to_numpy()) == 0:
        return "prices never change"
    return ""


def _fit(frame: pd.DataFrame, choice: dict[str, object]) -> Regression:
    x = pd.DataFrame({"const": 1.0, "slope": centred(frame["flow"], frame["series"])})
    y = centred(frame["y"], frame["series"])
    return regress(y, x, frame["day"], bars=frame["bar"], **choice)


def _corrected(
    slope: pd.Series,
    sign_error: float | Quantity,
    raw: Quantity,
    rule: Rule,
    level: float,
) -> Quantity:
    """The slope over 1 - 2 e; where that factor has an interval of its own, by the delta method."""
    own = isinstance(sign_error, Quantity)
    factor, low = (sign_error.value, sign_error.low) if own else (1 - 2 * float(sign_error),) * 2
    words = f"{rule.words}; over {factor:.4g}" + (", delta method" if own else ", taken as known")
    if not (low > 0 and 0 < factor <= 1):
        reason = f"1 - 2 e is {factor:.3g}, as little as {low:.3g}: such sides do not tell the flow"
        return unknown("corrected", raw.unit, reason, level, method=words)
    value, error = undo_sign_errors(raw.value, float(slope["std_error"]), sign_error)
    interval = (raw.low / factor, raw.high / factor)
    if own:
        reach = float(scipy.stats.t.ppf((1 + level) / 2, rule.df)) * error
        interval = (value - reach, value + reach)
    return Quantity("corrected", value, *interval, raw.unit, words, level=level)


def _traps(frame: pd.DataFrame, choice: dict[str, object]) -> pd.DataFrame:
    """The slope beside what says whether it is impact: the next bar, and flow after returns."""
    lines = []
    for name, y, x in (
        ("return on the flow of its bar: ours", "y", "flow"),
        ("return on the flow of the bar before", "next_y", "flow"),
        ("flow on the return of the bar before", "flow", "last_y"),
    ):
        rows = frame[frame[[y, x]].notna().all(axis=1)].reset_index(drop=True)
        line = {"regression": name, "bars": len(rows)} | dict.fromkeys(TIDY[1:], np.nan)
        if len(rows) >= FEWEST_BARS and np.ptp(rows[x]) > 0 and np.ptp(rows[y]) > 0:
            columns = {"const": 1.0, "slope": centred(rows[x], rows["series"])}
            quick = choice | {"errors": _quick(rows["day"], str(choice["errors"]))}
            x_y = pd.DataFrame(columns), centred(rows[y], rows["series"])
            fit = regress(x_y[1], x_y[0], rows["day"], bars=rows["bar"], **quick)
            line |= fit.table.set_index("term").loc["slope"].to_dict()
        lines.append(line)
    return pd.DataFrame(lines)


def _quick(days: pd.Series, errors: str) -> str:
    """The bootstrap by day is for the answer; what stands beside it has clustered errors."""
    kind = error_rule(days, errors=errors).kind
    return "cluster" if kind in ("wild", "bootstrap") else kind


def _by_group(frame: pd.DataFrame, by: str, choice: dict[str, object]) -> dict[str, pd.DataFrame]:
    """A slope a group, jointly, and whether they are one."""
    flow, y = (centred(frame[c], frame["series"]) for c in ("flow", "y"))
    names, told, x = sorted(frame["group"].unique(), key=_place), [], {}
    for name in names:
        own = frame["group"] == name
        known = own.sum() >= FEWEST_IN_GROUP and np.ptp(frame.loc[own, "flow"].to_numpy()) > 0
        if not known:
            continue
        told.append(name)
        x[name] = flow.where(own, 0.0)
        if by in _OWN_LEVEL:
            x[f"const {name}"] = own.astype("float64")
    rows = frame["group"].isin(told) if by in _OWN_LEVEL else pd.Series(True, index=frame.index)
    columns = pd.DataFrame(x)[rows].reset_index(drop=True)
    if by not in _OWN_LEVEL:
        columns.insert(0, "const", 1.0)
    parts = (frame.loc[rows, c].reset_index(drop=True) for c in ("day", "bar"))
    day, bar = parts
    table = pd.DataFrame(columns=["group", "bars", *TIDY[1:]])
    test = wald(np.array([]), np.eye(1), 1)
    if told and len(columns) > columns.shape[1]:
        fit = regress(y[rows].reset_index(drop=True), columns, day, bars=bar, **choice)
        table = fit.table.set_index("term").loc[told].rename_axis("group").reset_index()
        table.insert(1, "bars", [int((frame["group"] == name).sum()) for name in told])
        rule = error_rule(day, errors=_quick(day, str(choice["errors"])), params=columns.shape[1])
        covariance = fit.fit.cov_params().loc[told, told].to_numpy()
        test = wald(fit.fit.params[told].to_numpy(), covariance, rule.df)
    left = pd.DataFrame({"group": [n for n in names if n not in told]})
    return {
        "groups": pd.concat([table, left], ignore_index=True) if len(left) else table,
        "equality": test.rename_axis(f"the slope is the same by {by}"),
    }


_ORDER = ("buys", "sells", "small", "calm", "middle", "large", "wild")


def _place(name: str) -> tuple[int, int]:
    if name in _ORDER:
        return (_ORDER.index(name), 0)
    return (len(_ORDER), int(name.split()[-1]))


def _meaning(found: dict[str, Quantity]) -> pd.DataFrame:
    told = {name: MEANING[name] for name in found}
    return pd.Series(told, name="meaning").rename_axis("term").to_frame()


def _refused(made: Rows, signs: bool, reason: str) -> Result:
    names = [name for name in MEANING if name != "corrected" or signs]
    return refused(
        QUESTION,
        EQUATION,
        unit=made.unit,
        sample=made.sample,
        reason=reason,
        names=names,
        units=dict.fromkeys(names, made.unit),
        flags=made.flags,
    )
