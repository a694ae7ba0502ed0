"""What a trade does to quotes at once and for good: Hasbrouck's vector autoregression (1991)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.estimate.result import Quantity, Result, refused
from mmresearch.estimate.trade_rows import trade_table
from mmresearch.estimate.var_draws import (
    CLOSE,
    UNSTABLE,
    Draws,
    draw,
    interval,
    joint_band,
    lag_table,
    share_interval,
)
from mmresearch.estimate.var_moments import Var, window_moments
from mmresearch.estimate.var_rows import (
    TRANSFORMS,
    UNITS,
    Blocks,
    Question,
    Rows,
    blocks_of,
    cannot_tell,
    most_lags,
    var_rows,
)
from mmresearch.estimate.var_tables import coefficients, statsmodels_result, traps
from mmresearch.market import Market

FEWEST_TRADES = 30
_QUESTION = "What does a trade do to quotes, at once and for good?"
_EQUATION = (
    r"r_t = \alpha_r + \sum_{i=1}^{p} a_i r_{t-i} + \sum_{i=0}^{p} b_i x_{t-i} + v_{1,t}, \qquad "
    r"x_t = \alpha_x + \sum_{i=1}^{p} c_i r_{t-i} + \sum_{i=1}^{p} d_i x_{t-i} + v_{2,t}"
)
MEANING = {
    "immediate": "how far quotes have moved just before the next trade, for a trade not expected",
    "permanent": "how far they have moved when everything that follows has ended: what it told",
    "transient": "immediate less permanent: above 0, quotes come back; below 0, more trades and "
    "revisions follow",
    "trade_share": "of the variance of the price's random walk, what trades explain; the rest is "
    "told to quotes directly",
    "efficient_sd": "standard deviation of the random walk's step, a trade",
}


def trade_quote_var(
    trades: pd.DataFrame | Market,
    *,
    symbol: str | None = None,
    lags: int | str = "auto",
    max_lags: int = 20,
    x: str | Sequence[str] = "sign",
    size: float | None = None,
    units: str = "bps",
    horizon: int = 30,
    within: str | None = "0s",
    level: float = 0.95,
    draws: int = 999,
    seed: int = 0,
) -> Result:
    """Response of the mid to an unexpected trade, in trade time, with bands by blocks of data.

    Parameters
    ----------
    trades : Market or DataFrame
        A market with trades of known side, and quotes; or a table as `mm.quoted_trades` makes it.
    symbol : str, optional
        Which, where there are several.
    lags : int or str
        Of trades. "auto": the fewest, not fewer than BIC's, beyond which up to `max_lags` the
        permanent response does not move by more than half of its standard error.
    x : str or list
        What is known of a trade: "sign"; "signed_size"; "sqrt" (of size, signed); or several of
        them at once, as Hasbrouck does to let the response bend with size.
    size : float, optional
        The size of the purchase that is asked about, units; the median trade's if not given. With
        x="sign" alone every size is the same.
    units : str
        Of the response: "bps" (log mid) or "currency".
    horizon : int
        Trades after which the response is listed.
    within : str or None
        Prints of one side, price and quote that are at most so far apart are one trade; None: each
        print is one.
    level, draws, seed
        Of the intervals. Whole days are drawn with replacement; with fewer than six days blocks of
        trades within days are, which is flagged, for what days have in common is then not seen.

    Returns
    -------
    Result
        `quantities`: "immediate", "permanent", "transient" (immediate less permanent), units of
        the response to a purchase of `size`; "trade_share" (R²_w), between 0 and 1;
        "efficient_sd". `table`: coefficients of both equations, "r: x 0" is b_0. `details`:
        "response" by trades passed: response, cumulative, low and high (each alone), band_low and
        band_high (all at once); "lags" (every number of lags on the same rows); "traps" (what
        regressions without dynamics give); "meaning". `fit`: statsmodels' VARResults, the trade
        first, of up to 200,000 rows (its orthogonalised responses are ours, scaled), else None.

    Notes
    -----
    r_t is the mid's revision from just before trade t to just before the next of the day; the last
    trade of a day has none, and no lag crosses a night or a trade that cannot be used. A trade
    comes causally before the revision (b_0). Intervals are of what a VAR with so many lags gives
    in the population; "longer_lags_may_matter" says that this is not yet what more lags give.
    What fades only after many more trades than there are lags, as does the pressure of a maker who
    lays its inventory off over hours, counts as permanent: `price_pressure` and
    `local_projection` look further. Few lags have short intervals about a wrong number: in
    Hasbrouck's own economy those of BIC's lags hold the truth in one sample of ten, those of "auto"
    in nine of ten or more (`mm.coverage`).

    References
    ----------
    Hasbrouck (1991), Measuring the information content of stock trades, Journal of Finance 46,
    equations 6 and 7; (1991), The summary informativeness of stock trades, Review of Financial
    Studies 4.
    """
    names = _checked(x, units, lags, max_lags, horizon)
    if size is not None and not 0 < size < math.inf:
        raise ValueError(f"size must be above 0 and finite, not {size!r}")
    table = trade_table(trades, symbol)
    rows = var_rows(table, x=names, units=units, size=size, within=within)
    most = most_lags(rows, max_lags)
    asked = Question(names, units, 1 if lags == "auto" else int(lags), horizon, level)
    reason = cannot_tell(rows, asked.lags, FEWEST_TRADES)
    if reason:
        return _refused(rows, asked, reason)
    k = rows.y.shape[1]
    try:
        steps = _lag_choice(rows, max(most, asked.lags), seed)
        if lags == "auto":
            asked = asked._replace(lags=int(steps.index[steps["chosen"]][0]))
        keep = rows.usable(asked.lags)
        blocks = blocks_of(keep, rows.day)
        moments = window_moments(rows.y, keep, blocks.edges, asked.lags)
        found = draw(moments, k, draws, seed)
    except np.linalg.LinAlgError:
        return _refused(rows, asked, "each trade follows from those before it")
    return _answer(rows, asked, blocks, found, moments.sum(axis=0), steps)


def _checked(
    x: str | Sequence[str], units: str, lags: int | str, max_lags: int, horizon: int
) -> tuple[str, ...]:
    names = (x,) if isinstance(x, str) else tuple(x)
    unknown = [name for name in names if name not in TRANSFORMS]
    if unknown or not names or len(set(names)) < len(names):
        raise ValueError(f"x must be of {', '.join(TRANSFORMS)}, each once, not {x!r}")
    if units not in UNITS:
        raise ValueError(f"units must be one of {', '.join(UNITS)}, not {units!r}")
    numbers = {"max_lags": max_lags, "horizon": horizon}
    numbers |= {} if lags == "auto" else {"lags": lags}
    for name, value in numbers.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            other = "'auto' or " if name == "lags" else ""
            raise ValueError(f"{name} must be {other}a whole number from 1 up, not {value!r}")
    return names


def _lag_choice(rows: Rows, most: int, seed: int) -> pd.DataFrame:
    """Numbers of lags side by side, in the units that are asked for."""
    keep = rows.usable(most)
    moments = window_moments(rows.y, keep, blocks_of(keep, rows.day).edges, most)
    steps = lag_table(moments, rows.y.shape[1], rows.shock, most, seed)
    steps = steps.assign(**{c: steps[c] * rows.scale[-1] for c in ("permanent", "std_error")})
    own = 2 * float(np.log(rows.scale).sum())  # the determinant's, in the data's own units
    return steps.assign(bic=steps["bic"] + own, aic=steps["aic"] + own)


def _answer(
    rows: Rows,
    asked: Question,
    blocks: Blocks,
    found: Draws,
    moments: np.ndarray,
    steps: pd.DataFrame,
) -> Result:
    words = (
        f"{blocks.words} drawn with replacement, {len(found.drawn.b0)} draws; quantiles widened by "
        f"t with {found.blocks - 1} degrees of freedom; {asked.lags} lags"
    )
    reason, flags = _stability(found)
    quantities = _quantities(rows, asked, found, reason, words)
    return Result(
        _QUESTION,
        _EQUATION,
        unit=f"{_unit(rows, asked)}; trade_share: of the random walk's variance",
        table=coefficients(rows, asked, found),
        sample=rows.sample(asked.lags),
        errors=words,
        fit=statsmodels_result(rows, asked, found),
        quantities=quantities,
        flags=(*blocks.flags, *flags, *_lag_flags(steps, asked.lags)),
        details={
            "response": _response(rows, asked, found),
            "lags": steps,
            "traps": traps(rows, asked, moments, quantities["permanent"].value),
            "meaning": pd.Series(MEANING, name="meaning").rename_axis("term").to_frame(),
        },
    )


def _unit(rows: Rows, asked: Question) -> str:
    each = "" if asked.x == ("sign",) else f" of {rows.size:,.6g} units"
    return f"{asked.units} a purchase{each}"


def _stability(found: Draws) -> tuple[str, tuple[str, ...]]:
    root = float(found.fit.largest_root()[0])
    if root >= 1:
        return f"the VAR is unstable (root {root:.3g}): a shock never ends", ("unstable",)
    share = float((found.drawn.largest_root() >= 1).mean())
    if share > UNSTABLE:
        return f"the VAR is unstable in {share:.0%} of the draws", ("unstable_draws",)
    return "", ()


def _lag_flags(steps: pd.DataFrame, lags: int) -> tuple[str, ...]:
    """Whether the permanent response still moves, or nothing longer was there to be compared."""
    own = steps.loc[lags]
    later = (steps.loc[lags:, "permanent"] - own["permanent"]).abs()
    moves = (later > CLOSE * own["std_error"]).any()
    return ("longer_lags_may_matter",) if moves or lags > 0.9 * steps.index[-1] else ()


def _quantities(
    rows: Rows, asked: Question, found: Draws, reason: str, words: str
) -> dict[str, Quantity]:
    unit, scale = _unit(rows, asked), rows.scale[-1]
    first, drawn = (_summary(fit, rows.shock) for fit in (found.fit, found.drawn))
    made = {}
    for place, name in enumerate(MEANING):
        value, many = float(first[place][0]), drawn[place]
        ends = (share_interval if name == "trade_share" else interval)(
            value, many, found.blocks, asked.level
        )
        factor = 1.0 if name == "trade_share" else scale
        numbers = [factor * float(number) for number in (value, *ends)]
        why = "" if name == "immediate" else reason
        of = {"trade_share": "", "efficient_sd": f"{asked.units} a trade"}.get(name, unit)
        made[name] = Quantity(name, *numbers, of, words, not why, why, asked.level)
    return made


def _summary(fit: Var, shock: np.ndarray) -> tuple[np.ndarray, ...]:
    """What the quantities are of, one a draw, in the order of MEANING."""
    immediate, permanent = fit.responses(shock, 0)[:, 0], fit.permanent(shock)
    traded, quoted = fit.parts()
    total = traded + quoted
    return immediate, permanent, immediate - permanent, traded / total, np.sqrt(total)


def _response(rows: Rows, asked: Question, found: Draws) -> pd.DataFrame:
    scale = rows.scale[-1]
    each = scale * found.fit.responses(rows.shock, asked.horizon)[0]
    path = each.cumsum()
    drawn = scale * found.drawn.responses(rows.shock, asked.horizon).cumsum(axis=1)
    low, high = interval(path, drawn, found.blocks, asked.level)
    band = joint_band(path, drawn, found.blocks, asked.level)
    columns = ["response", "cumulative", "low", "high", "band_low", "band_high"]
    values = dict(zip(columns, (each, path, low, high, *band), strict=True))
    return pd.DataFrame(values).rename_axis("trades_after")


def _refused(rows: Rows, asked: Question, reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit=f"{asked.units} a purchase",
        sample=rows.sample(asked.lags),
        reason=reason,
        names=MEANING,
    )
