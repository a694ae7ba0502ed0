"""What the price does after flow that nobody expected: the response by horizon, with bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.projection_fits import (
    Projection,
    blocks_of,
    error_kind,
    joint_critical,
    project,
    transitory_share,
)
from mmresearch.estimate.projection_rows import (
    Rows,
    Windows,
    longest_chain,
    moments_apart,
    rows_of,
    windows,
)
from mmresearch.estimate.regime_labels import cell_names
from mmresearch.estimate.result import TIDY, Quantity, Result, refused
from mmresearch.market import Market

FEWEST_ROWS = 30
_QUESTION = "How far does the price move after unexpected flow, and how much of it stays?"
_EQUATION = r"m_{t+h} - m_{t-1} = a_h + b_h x_t + \sum_{j=1}^{p} c_{h,j}' z_{t-j} + u_{t,h}"
_SHAPE = ("permanent", "transitory_share")


def local_projection(
    data: pd.DataFrame | Market,
    *,
    shock: str | None = None,
    horizons: Sequence[int] = (0, 1, 2, 5, 10, 20, 30),
    lags: int = 10,
    controls: Sequence[str] = (),
    errors: str = "auto",
    by: str | None = None,
    cells: int = 3,
    per: float | None = None,
    symbol: str | Sequence[str] | None = None,
    bunch: bool = True,
    within: str | None = "1ms",
    level: float = 0.95,
    seed: int = 0,
) -> Result:
    """Response of the mid to unexpected flow at each horizon, bps (Jorda 2005).

    Parameters
    ----------
    data : DataFrame or Market
        A panel of `mm.panel` (a step is a bar), or trades: a market, or a table as
        `mm.quoted_trades` makes it (a step is a trade; the mid after one is that before the next).
    shock : str, optional
        The flow x, + buying. Of a panel any column; if not given the first of these that moves:
        "order_flow_imbalance", "trade_imbalance", "flow" (into the account: a response below 0 is
        then the same impact). Of trades "side" if not given, "signed_size", "signed_value".
    horizons : sequence of int
        Steps after the shock's own, 0 or more, rising; 0 is the end of the shock's own step.
    lags : int
        Of return, flow and controls (z), which say what flow was expected. Where trades are
        answered to later ones, too few leave expected flow in the shock: compare more.
    controls : sequence of str
        Further columns whose lags say what was expected.
    errors : str
        "lag_augmented": one lag more than `lags`, and robust to heteroscedasticity alone: the
        surprise of flow is then uncorrelated with every other step's, and so are the scores, though
        windows overlap (Montiel Olea and Plagborg-Moller 2021); HC3 under 250 rows. "hac":
        Newey-West within sessions, 1.5 times the largest horizon: too narrow where that is no
        small part of the session (400 bars, horizon 20: 95 % bands held the curve in 87 of 100,
        lag-augmented ones in 96). "cluster": by day. "auto": "cluster" from 40 sessions of several
        bars, else "lag_augmented".
    by : str, optional
        Also the response in each regime: "volatility", "time_of_day", a column, as in
        `reversion_by` (known before the bar), or "size" of the shock (of trades: of the trade).
    cells : int
        How many regimes of "volatility", "time_of_day" and "size".
    per : float, optional
        Flow that the response is stated for; a standard deviation of the unexpected flow if not
        given (taken as known; of several series each its own), of "side" one trade.
    symbol, bunch, within
        Of trades: which, and whether runs of prints of one side, price and quote, no further apart
        than that, are one trade. Longer joins orders, whose sides then turn by construction.
    level, seed
        Of the intervals, and of the draws that joint bands take.

    Returns
    -------
    Result
        `table`: "impact_h", a row a horizon, pointwise intervals. `quantities`: those, "permanent"
        (the largest horizon's: what stays that long) and "transitory_share" (1 - permanent / peak).
        `details`: "response" (horizon, estimate, std_error, low, high, joint_low, joint_high, n,
        raw), "by" (the same by regime). A joint band holds the whole curve at once. "raw" is the
        trap: the slope on flow as it is, of which part was expected.

    Notes
    -----
    Unexpected flow is what lags do not foretell. They stand in the same regression: the coefficient
    is that of a first step's residual (Frisch and Waugh), and errors then count that the step was
    estimated. In population it is the response of a vector autoregression in which flow comes
    first. All horizons rest on the same rows, those whose lags and largest horizon lie inside their
    session; nothing crosses a night (where a bar is a session: a missing session).

    In a panel the price may move flow within the bar: h = 0 is then no cause, and the flag says so.
    The interval of transitory_share counts that the data chose the peak (union of Fieller's
    intervals); it is refused where no response is told from zero. It is of the horizons asked for:
    where the peak is the largest one nothing faded yet, and a flag says so.
    """
    steps = _horizons(horizons)
    names = [controls] if isinstance(controls, str) else list(controls)
    if lags < 0:
        raise ValueError(f"lags must be 0 or more, not {lags}")
    rows, shock = rows_of(
        data,
        shock,
        names,
        by=by,
        cells=cells,
        symbol=symbol,
        bunch=bunch,
        within=within,
        per=per,
    )
    kind = error_kind(errors, blocks_of(rows.frame))
    made_lags = lags + (kind == "lag_augmented")
    reason = _too_short(rows, steps, made_lags)
    made = None if reason else windows(rows.frame, steps, made_lags, controls=names)
    reason = reason or _cannot_tell(rows, made, shock)
    if reason:
        return _refused(rows, made, steps, level, reason)
    own = blocks_of(rows.frame.iloc[made.rows])
    found = project(made, own, steps, errors=error_kind(kind, own), lags=lags)
    scale, unit = _scale(found, shock, per, rows.step)
    scaled = found._replace(b=found.b * scale, covariance=found.covariance * scale**2)
    response = _response(scaled, made, steps, scale, level, seed)
    return Result(
        _QUESTION,
        _EQUATION,
        unit=f"{unit}; horizons in {rows.step}s",
        table=_table(response, scaled),
        sample=rows.sample(made.rows, made.dropped),
        errors=found.words + "; unexpected flow by controls in the regression",
        quantities=_quantities(scaled, response, unit, level, seed),
        flags=(*rows.flags, *found.flags, *_still_rising(found)),
        details={"response": response}
        | _regimes(rows, made, steps, kind, lags, scale, level, by, cells),
    )


def _horizons(horizons: Sequence[int]) -> np.ndarray:
    steps = np.asarray(horizons)
    whole = steps.ndim == 1 and len(steps) > 0 and np.issubdtype(steps.dtype, np.integer)
    if not whole or steps[0] < 0 or (np.diff(steps) <= 0).any():
        raise ValueError(f"horizons must be whole numbers from 0 that rise, not {horizons}")
    return steps


def _too_short(rows: Rows, steps: np.ndarray, lags: int) -> str:
    if rows.frame.empty:
        most = max(rows.dropped, key=rows.dropped.get) if any(rows.dropped.values()) else ""
        count = rows.dropped.get(most, 0)
        return f"no {rows.step} is left" + (f": {count:,} are {most}" if most else "")
    if rows.frame["shock"].nunique() < 2:
        one = "every trade is on one side" if rows.step == "trade" else "flow is always the same"
        return f"{one}: the shock has no variance"
    needed, longest = lags + int(steps[-1]) + 1, longest_chain(rows.frame)
    if longest < needed:
        return (
            f"no session has {needed} {rows.step}s in a row, which {lags} lags and the horizon "
            f"{steps[-1]} need: the longest has {longest}"
        )
    return ""


def _cannot_tell(rows: Rows, made: Windows, shock: str) -> str:
    least = max(FEWEST_ROWS, 2 * (made.x.shape[1] + 1))
    if len(made.rows) < least:
        return f"{len(made.rows)} {rows.step}s with lags and horizons, where {least} are needed"
    times = moments_apart(rows.frame.iloc[made.rows])
    if rows.step == "bar" and times < FEWEST_ROWS:
        return (
            f"{times} bars apart in time, where {FEWEST_ROWS} are needed: the rest are beside them"
        )
    if not np.ptp(made.y, axis=0).all():
        return "the mid never moves within the horizons"
    if np.ptp(made.shock) == 0:
        return f"{shock} never changes where lags and horizons are there"
    fitted = made.x @ np.linalg.lstsq(made.x, made.shock)[0]
    if np.square(made.shock - fitted).sum() <= 1e-12 * np.square(made.shock).sum():
        return f"{shock} is foretold by its lags exactly: none is unexpected"
    return ""


def _scale(found: Projection, shock: str, per: float | None, step: str) -> tuple[float, str]:
    if per is None and step == "trade" and shock == "side":
        return 1.0, "bps per trade of unexpected side"
    if per is None:
        return float(found.surprise.std()), f"bps per standard deviation of unexpected {shock}"
    return float(per), f"bps per {per:,.10g} of unexpected {shock}"


def _still_rising(found: Projection) -> tuple[str, ...]:
    """What stays is not known where the largest horizon's response is the largest."""
    last = int(np.argmax(np.abs(found.b))) == len(found.b) - 1
    return ("peak_is_the_largest_horizon",) if last and len(found.b) > 1 else ()


def _reach(found: Projection, level: float) -> np.ndarray:
    return scipy.stats.t.ppf((1 + level) / 2, found.df) * found.spread


def _response(
    found: Projection, made: Windows, steps: np.ndarray, scale: float, level: float, seed: int
) -> pd.DataFrame:
    reach = _reach(found, level)
    # draws of one horizon's |t| miss its quantile by chance: a joint band is never the narrower
    wide = np.maximum(joint_critical(found, level=level, seed=seed) * found.spread, reach)
    raw = made.shock - made.shock.mean()
    return pd.DataFrame(
        {
            "horizon": steps,
            "estimate": found.b,
            "std_error": found.spread,
            "low": found.b - reach,
            "high": found.b + reach,
            "joint_low": found.b - wide,
            "joint_high": found.b + wide,
            "n": len(made.rows),
            "raw": scale * (raw @ made.y) / (raw @ raw),
        }
    )


def _table(response: pd.DataFrame, found: Projection) -> pd.DataFrame:
    t = (response["estimate"] / response["std_error"]).to_numpy()
    p = 2 * scipy.stats.t.sf(np.abs(t), found.df)
    table = response[["estimate", "std_error", "low", "high"]].assign(t=t, p=p)
    return table.assign(term=[f"impact_{h}" for h in response["horizon"]])[TIDY]


def _quantities(
    found: Projection, response: pd.DataFrame, unit: str, level: float, seed: int
) -> dict[str, Quantity]:
    made = {}
    for row in response.itertuples():
        name = f"impact_{row.horizon}"
        made[name] = Quantity(
            name, row.estimate, row.low, row.high, unit, "least squares", level=level
        )
    last = made[f"impact_{response['horizon'].iloc[-1]}"]
    how = f"the response at the largest horizon, {response['horizon'].iloc[-1]}"
    made["permanent"] = Quantity(
        "permanent", last.value, last.low, last.high, unit, how, level=level
    )
    value, low, high, reason = transitory_share(found, level=level, seed=seed)
    how = "1 - permanent / peak, union of Fieller's intervals over the horizons that may be it"
    made["transitory_share"] = Quantity(
        "transitory_share", value, low, high, "of the peak", how, not reason, reason, level
    )
    return made


def _regimes(
    rows: Rows,
    made: Windows,
    steps: np.ndarray,
    kind: str,
    lags: int,
    scale: float,
    level: float,
    by: str | None,
    cells: int,
) -> dict[str, pd.DataFrame]:
    """The response in each regime from its own rows; missing where they are too few."""
    if by is None:
        return {}
    label = rows.frame["regime"].to_numpy()[made.rows]
    ordered = [*dict.fromkeys([*cell_names(cells), *sorted(pd.unique(label[pd.notna(label)]))])]
    parts = []
    for name in [n for n in ordered if (label == n).any()]:
        own = np.flatnonzero(label == name)
        part = Windows(made.rows[own], made.y[own], made.x[own], made.shock[own], {})
        table = pd.DataFrame({"regime": name, "horizon": steps, "n": len(own)})
        blocks = blocks_of(rows.frame.iloc[part.rows])
        few = kind == "cluster" and blocks.days < 2
        if not (_cannot_tell(rows, part, "the shock") or few):
            found = project(part, blocks, steps, errors=kind, lags=lags)
            found = found._replace(b=found.b * scale, covariance=found.covariance * scale**2)
            reach = _reach(found, level)
            table = table.assign(estimate=found.b, std_error=found.spread)
            table = table.assign(low=found.b - reach, high=found.b + reach)
        parts.append(table)
    columns = ["regime", "horizon", "estimate", "std_error", "low", "high", "n"]
    return {"by": pd.concat(parts, ignore_index=True).reindex(columns=columns)}


def _refused(
    rows: Rows, made: Windows | None, steps: np.ndarray, level: float, reason: str
) -> Result:
    at, dropped = (made.rows, made.dropped) if made else (np.arange(len(rows.frame)), {})
    return refused(
        _QUESTION,
        _EQUATION,
        unit=f"bps; horizons in {rows.step}s",
        sample=rows.sample(at, dropped),
        reason=reason,
        names=[*(f"impact_{h}" for h in steps), *_SHAPE],
        level=level,
    )
