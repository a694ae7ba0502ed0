"""Where the price is found: information shares of venues (Hasbrouck 1995), with bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from statsmodels.tsa.adfvalues import mackinnonp
from statsmodels.tsa.vector_ar.vecm import VECMResults

from mmresearch.estimate.result import TIDY, Quantity, Result, refused
from mmresearch.estimate.share_moments import Correction, gap_root, orderings, solve_correction
from mmresearch.estimate.share_rows import ShareRows, cannot_share, share_rows
from mmresearch.estimate.var_draws import (
    CLOSE,
    LAG_DRAWS,
    drawn_sums,
    interval,
    share_interval,
    spread_of,
)
from mmresearch.estimate.var_moments import narrowed, window_moments
from mmresearch.estimate.var_rows import Blocks, blocks_of
from mmresearch.market import Market
from mmresearch.measure.venue_prices import venue_prices

SIZE = 0.05  # of the test that prices move together
WIDE = 0.3  # bounds that far apart tell little
STALE = 0.2  # of the steps of the venue that quotes most
MOST_FITTED = 200_000
_QUESTION = "At which venue is the price found?"
_EQUATION = (
    r"\Delta p_t = c + \alpha\,(p_{1} - p_{j})_{t-1} + \sum_{i=1}^{L} \Gamma_i \Delta p_{t-i} + u_t"
    r", \quad \mathrm{IS}_j = \frac{([\psi F]_j)^2}{\psi \Omega \psi'}, \quad \psi \alpha = 0,"
    r"\ F F' = \Omega"
)
_OF = "of the variance of the common price"


class Fits(NamedTuple):
    """The fit and its draws, and both as information shares [orderings, draws, v] and weights."""

    fit: Correction
    drawn: Correction
    shares: np.ndarray
    drawn_shares: np.ndarray
    blocks: int


def information_share(
    prices: pd.DataFrame | Market | Mapping[str, Market],
    *,
    freq: str = "1s",
    symbol: str | None = None,
    lags: int | str = "auto",
    max_lags: int = 20,
    level: float = 0.95,
    draws: int = 999,
    seed: int = 0,
) -> Result:
    """Share of each venue in the news of the price that all of them have in common.

    Parameters
    ----------
    prices : DataFrame, Market or dict of Market
        As `mm.venue_prices` makes it: day, time and a column of prices a venue, above 0; or what
        that function takes: a market whose symbols are the venues, or a market a venue.
    freq, symbol
        Of `mm.venue_prices`, where markets are given.
    lags : int or str
        Of changes, in steps. "auto": the fewest, not fewer than BIC's, beyond which up to
        `max_lags` no bound moves by more than half of its standard error.
    level, draws, seed
        Of the intervals: whole days are drawn with replacement; with fewer than six days blocks of
        steps within days are, which is flagged.

    Returns
    -------
    Result
        `quantities`, a pair a venue: "share of NAME", the midpoint of its bounds, and an interval
        that holds both bounds; "component share of NAME" (Gonzalo and Granger), which takes no
        ordering and no variance. `details`: "bounds" (lowest, highest, midpoint, component share,
        each with its interval), "orderings" (shares by which venue comes first), "lags",
        "cointegration" (Dickey-Fuller test of each gap: null, it wanders), "venues" (how often each
        quotes and moves, correlation of innovations with the first). `table`: how each venue
        closes the gaps. `fit`: statsmodels' VECMResults of up to 200,000 steps.

    Notes
    -----
    Prices are logs (bps); one follows the other one for one, beta (1, -1). What venues learn in the
    same step has no owner: who comes first in the ordering gets all of it, and the bounds are as
    far apart as the step is coarse. Venues that are found not to move together, at 5 %, have no
    common price, and nothing is told. No lag crosses a night.

    References
    ----------
    Hasbrouck (1995), One security, many markets, Journal of Finance 50; Gonzalo and Granger (1995).
    """
    if lags != "auto" and (
        isinstance(lags, bool) or not isinstance(lags, int | np.integer) or lags < 1
    ):
        raise ValueError(f"lags must be 'auto' or a whole number from 1 up, not {lags!r}")
    if isinstance(prices, Market | Mapping):
        prices = venue_prices(prices, freq=freq, symbol=symbol)
    rows = share_rows(prices)
    asked = 1 if lags == "auto" else int(lags)
    reason = cannot_share(rows, asked)
    if reason:
        return _refused(rows, asked, reason, {})
    try:
        steps = _lag_table(rows, max(_most(rows, max_lags), asked), seed)
        if lags == "auto":
            asked = int(steps.index[steps["chosen"]][0])
        keep = rows.usable(asked)
        blocks = blocks_of(keep, rows.day, "steps")
        moments = window_moments(rows.y, keep, blocks.edges, asked)
        found = _fits(moments, len(rows.venues), asked, draws, seed)
        together = _cointegration(rows, moments.sum(axis=0), asked)
    except np.linalg.LinAlgError:
        return _refused(rows, asked, "one price follows from the others", {})
    apart = together.index[together["p"] > SIZE].tolist()
    details = {"cointegration": together, "lags": steps}
    if apart:
        reason = (
            f"the gap between {' and between '.join(apart)} is not found to close "
            f"(p {together['p'].max():.2g}): there is no common price"
        )
        return _refused(rows, asked, reason, details)
    return _answer(rows, asked, blocks, found, details, prices.attrs.get("quotes"), level)


def _most(rows: ShareRows, asked: int) -> int:
    """At most that many lags, ten rows a coefficient, four fifths of the rows left."""
    for lags in range(asked, 1, -1):
        left = int(rows.usable(lags).sum())
        if left >= 0.8 * len(rows.y) and left >= 10 * (1 + rows.y.shape[1] * lags):
            return lags
    return 1


def _fits(moments: np.ndarray, count: int, lags: int, draws: int, seed: int) -> Fits:
    moments = moments[moments[:, 0, 0] > 0]
    fit = solve_correction(moments.sum(axis=0)[None], count, lags)
    parts = [solve_correction(sums, count, lags) for sums in drawn_sums(moments, draws, seed)]
    drawn = Correction(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    return Fits(fit, drawn, fit.shares(), drawn.shares(), len(moments))


def _lag_table(rows: ShareRows, most: int, seed: int) -> pd.DataFrame:
    """Every number of lags on the same rows: the bounds of each venue, and BIC."""
    keep, count = rows.usable(most), len(rows.venues)
    moments = window_moments(rows.y, keep, blocks_of(keep, rows.day).edges, most)
    n, lines, ends, errors = int(keep.sum()), [], [], []
    for lags in range(1, most + 1):
        own = narrowed(moments, 2 * count - 1, lags)
        found = _fits(own, count, lags, LAG_DRAWS, seed)
        bounds = np.concatenate([found.shares.min(axis=0)[0], found.shares.max(axis=0)[0]])
        drawn = np.hstack([found.drawn_shares.min(axis=0), found.drawn_shares.max(axis=0)])
        ends.append(bounds)
        errors.append(math.sqrt(found.blocks / (found.blocks - 1)) * spread_of(drawn))
        params = count * (count * (lags + 1))
        fit = math.log(np.linalg.det(found.fit.sigma[0]))
        lines.append((lags, *bounds, fit + params * math.log(n) / n))
    names = [f"{end} {name}" for end in ("lowest", "highest") for name in rows.venues]
    table = pd.DataFrame(lines, columns=["lags", *names, "bic"]).set_index("lags")
    table["chosen"] = table.index == _chosen(np.array(ends), np.array(errors), table["bic"])
    return table


def _chosen(ends: np.ndarray, errors: np.ndarray, bic: pd.Series) -> int:
    """The fewest lags, from BIC's up, beyond which no bound moves by half of its error."""
    for place in range(int(bic.argmin()), len(ends)):
        if (np.abs(ends[place:] - ends[place]) <= CLOSE * errors[place]).all():
            return place + 1
    return len(ends)


def _cointegration(rows: ShareRows, moments: np.ndarray, lags: int) -> pd.DataFrame:
    count = len(rows.venues)
    rho, t = gap_root(moments, count, lags)
    names = [f"{rows.venues[0]} and {other}" for other in rows.venues[1:]]
    p = [float(mackinnonp(value, regression="c", N=1)) for value in t]
    with np.errstate(divide="ignore", invalid="ignore"):
        half = np.where((rho < 0) & (rho > -1), np.log(0.5) / np.log1p(rho), np.nan)
    table = {"rho": rho, "t": t, "p": p, "half_life_steps": half}
    return pd.DataFrame(table, index=pd.Index(names, name="gap of"))


def _answer(
    rows: ShareRows,
    lags: int,
    blocks: Blocks,
    found: Fits,
    details: dict[str, pd.DataFrame],
    quoted: Mapping[str, float] | None,
    level: float,
) -> Result:
    words = (
        f"{blocks.words} drawn with replacement, {len(found.drawn.alpha)} draws; quantiles (of log "
        f"odds for shares) widened by t with {found.blocks - 1} degrees of freedom; {lags} lags"
    )
    bounds, venues = _bounds(rows, found, level), _venues(rows, found, quoted)
    flags = [*blocks.flags]
    seen = venues["quoted"].fillna(venues["changed"])
    flags += [f"stale_prices_{name}" for name in seen.index[seen < STALE * seen.max()]]
    if (bounds["highest"] - bounds["lowest"]).max() > WIDE:
        flags.append("bounds_are_wide_sample_finer")
    order = [rows.venues[first[0]] for first in orderings(len(rows.venues))]
    by_order = pd.DataFrame(found.shares[:, 0], pd.Index(order, name="first"), list(rows.venues))
    return Result(
        _QUESTION,
        _EQUATION,
        unit="share, 0 to 1; table: share of a gap closed in a step",
        table=_corrections(rows, found, level),
        sample=rows.sample(lags),
        errors=words,
        fit=_statsmodels(rows, found.fit, lags),
        quantities=_quantities(bounds, words, level),
        flags=tuple(flags),
        details={
            "bounds": bounds,
            "orderings": by_order,
            "venues": venues,
            **details,
        },
    )


def _bounds(rows: ShareRows, found: Fits, level: float) -> pd.DataFrame:
    """Both ends over orderings, their midpoint and the component share, with intervals."""
    low, high = (
        np.vstack([f(found.shares, 0), f(found.drawn_shares, 0)]) for f in (np.min, np.max)
    )
    weights = np.vstack([found.fit.weights(), found.drawn.weights()])
    kinds = {"lowest": low, "highest": high, "midpoint": (low + high) / 2, "component": weights}
    lines = []
    for place in range(len(rows.venues)):
        line: dict[str, float] = {}
        for name, values in kinds.items():
            value, drawn = values[0, place], values[1:, place]
            by = interval if name == "component" else share_interval
            ends = by(value, drawn, found.blocks, level)
            line |= dict(zip((name, f"{name}_low", f"{name}_high"), (value, *ends), strict=True))
        lines.append(line)
    return pd.DataFrame(lines, index=pd.Index(rows.venues, name="venue"), dtype="float64")


def _venues(rows: ShareRows, found: Fits, quoted: Mapping[str, float] | None) -> pd.DataFrame:
    sigma = found.fit.sigma[0]
    spread = np.sqrt(np.diag(sigma))
    columns = {
        "quoted": [(quoted or {}).get(name, math.nan) for name in rows.venues],
        "changed": rows.changed,
        "innovation_sd_bps": spread,
        "correlation_with_first": sigma[0] / spread / spread[0],
    }
    return pd.DataFrame(columns, index=pd.Index(rows.venues, name="venue"))


def _quantities(bounds: pd.DataFrame, words: str, level: float) -> dict[str, Quantity]:
    found = {}
    for name, row in bounds.iterrows():
        share, component = f"share of {name}", f"component share of {name}"
        ends = (row["midpoint"], row["lowest_low"], row["highest_high"])
        how = f"midpoint of all orderings, interval of both bounds; {words}"
        found[share] = Quantity(share, *map(float, ends), _OF, how, level=level)
        ends = (row["component"], row["component_low"], row["component_high"])
        found[component] = Quantity(component, *map(float, ends), "", words, level=level)
    return found


def _corrections(rows: ShareRows, found: Fits, level: float) -> pd.DataFrame:
    first, *others = rows.venues
    terms = [f"{name}: {first} over {other}" for name in rows.venues for other in others]
    value = found.fit.alpha[0].ravel()
    drawn = found.drawn.alpha.reshape(len(found.drawn.alpha), -1)
    error = math.sqrt(found.blocks / (found.blocks - 1)) * spread_of(drawn)
    t = value / error
    p = 2 * scipy.stats.t.sf(np.abs(t), found.blocks - 1)
    low, high = interval(value, drawn, found.blocks, level)
    return pd.DataFrame(dict(zip(TIDY, (terms, value, error, t, p, low, high), strict=True)))


def _statsmodels(rows: ShareRows, fit: Correction, lags: int) -> VECMResults | None:
    """The very same fit as statsmodels' result, of the used rows of every day."""
    keep, count = np.flatnonzero(rows.usable(lags)), len(rows.venues)
    if len(keep) > MOST_FITTED:
        return None
    change = rows.y[:, :count]
    past = [change[keep - lag].T for lag in range(1, lags + 1)]
    beta = np.vstack([np.ones(count - 1), -np.eye(count - 1)])
    gamma = np.hstack([*fit.gammas[0], fit.const[0][:, None] - _shift(rows, fit, beta)])
    levels, begin = rows.levels, keep[0] - lags
    # the steps before the first used one stand for a presample
    before = np.vstack([levels[begin] - change[begin], levels[begin : keep[0]]])
    return VECMResults(
        np.vstack([before, levels[keep]]).T,
        None,
        None,
        lags + 1,
        count - 1,
        fit.alpha[0],
        beta,
        gamma,
        fit.sigma[0],
        deterministic="co",
        delta_y_1_T=change[keep].T,
        y_lag1=levels[keep - 1].T,
        delta_x=np.vstack([*past, np.ones(len(keep))]),
        names=list(rows.venues),
    )


def _shift(rows: ShareRows, fit: Correction, beta: np.ndarray) -> np.ndarray:
    """What the gaps' means, which were taken out, are in the constant."""
    means = (rows.levels @ beta - rows.y[:, len(rows.venues) :])[0]
    return (fit.alpha[0] @ means)[:, None]


def _refused(rows: ShareRows, lags: int, reason: str, details: dict[str, pd.DataFrame]) -> Result:
    kinds = ("share", "component share")
    return refused(
        _QUESTION,
        _EQUATION,
        unit="share, 0 to 1",
        sample=rows.sample(lags),
        reason=reason,
        names=[f"{kind} of {name}" for name in rows.venues for kind in kinds],
        details=details,
    )
