"""Tests of a random walk in inventory, and of its absence, read together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from arch import unitroot
from arch.utility.exceptions import InfeasibleTestException
from scipy import stats

from mmresearch.estimate.autoregression import Design, lagged, least_squares, within
from mmresearch.estimate.inversion import simulator
from mmresearch.estimate.pairs import inventory_pairs

COLUMNS = [
    "account",
    "symbol",
    "test",
    "null",
    "alternative",
    "statistic",
    "p",
    "lags",
    "n",
    "verdict",
]
_FEWEST = 30
_MOST = {"Zivot-Andrews": 5000}  # its work grows with the square of the sample
_SIZE = 0.05
_WALK, _MEAN = "a random walk", "stationarity about a constant"
_SOME = "stationarity about a constant in some stretches"
# name -> null, alternative, the test
_TESTS: dict[str, tuple[str, str, Callable]] = {
    "ADF": (_WALK, _MEAN, lambda y: unitroot.ADF(y, trend="c", method="aic")),
    "DF-GLS": (_WALK, _MEAN, lambda y: unitroot.DFGLS(y, trend="c", method="aic")),
    "Phillips-Perron": (_WALK, _MEAN, lambda y: unitroot.PhillipsPerron(y, trend="c")),
    "KPSS": (_MEAN, _WALK, lambda y: unitroot.KPSS(y, trend="c", lags=-1)),
    "Zivot-Andrews": (
        _WALK,
        "stationarity about a constant that jumps once",
        lambda y: unitroot.ZivotAndrews(y, trend="c"),
    ),
}


def unit_root_tests(
    panel: pd.DataFrame,
    *,
    variance_ratios: Sequence[int] = (2, 5, 20),
    draws: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """Tests of each series' inventory, a row a test with its null and alternative in words.

    A series whose level is known throughout, sessions opening where the last one closed, is tested
    directly: ADF (Said and Dickey 1984, lags by AIC), DF-GLS (Elliott, Rothenberg and Stock
    1996), Phillips and Perron (1988), KPSS (1992, null and alternative reversed), Zivot and Andrews
    (1992), and variance ratios (Lo and MacKinlay 1988, robust to heteroskedasticity). A series of
    many stretches, as one that opens flat every day, gets the Dickey-Fuller slope over all pairs
    inside stretches, with the p-value simulated under a random walk with the same stretches; the
    ADF p-values of stretches of 30 bars or more, joined as independent (Fisher 1932; Maddala and
    Wu 1999; lags by BIC; small errors of many p-values add up: with 40 stretches of 78 bars, each
    with its mean, a random walk is rejected in 10 %); and variance ratios of changes inside
    stretches. Levels of different stretches are never joined.

    Not to reject is not to accept: the last row of each series reads the tests together. Inventory
    held inside limits rejects a random walk in the long run, managed or not.

    Returns
    -------
    DataFrame
        account, symbol, test, null, alternative, statistic, p, lags, n (levels or changes),
        verdict. Tests that could not be run have no p and say why.
    """
    inventory_pairs(panel)  # names what is missing
    pieces = []
    for (account, symbol), rows in panel.groupby(["account", "symbol"], sort=True):
        pairs = inventory_pairs(rows)
        found = _tests(pairs.design, variance_ratios, draws, seed)
        pieces += [dict(account=account, symbol=symbol, **row) for row in [*found, _reading(found)]]
    return pd.DataFrame(pieces, columns=COLUMNS)


def _tests(design: Design, horizons: Sequence[int], draws: int, seed: int) -> list[dict]:
    n = len(design.x)
    if n < _FEWEST:
        return [_row("any", _WALK, _MEAN, n, why=f"not run: {n} bars, {_FEWEST} are needed")]
    if len(design.chains) == 2:
        levels = np.append(design.x[0], design.y)
        rows = [_direct(name, *test, levels) for name, test in _TESTS.items()]
        return rows + [_variance_ratio(levels, k) for k in horizons if k < n / 2]
    pooled = [_pooled_ratio(design, k) for k in horizons if k < np.diff(design.chains).max() / 2]
    return [_pooled_slope(design, draws, seed), *_joined(design), *pooled]


def _row(
    test: str,
    null: str,
    alternative: str,
    n: int,
    *,
    statistic: float = np.nan,
    p: float = np.nan,
    lags: float = np.nan,
    why: str = "",
) -> dict:
    verdict = why or (f"rejects {null}" if p < _SIZE else f"does not reject {null}")
    values = [test, null, alternative, float(statistic), float(p), lags, n, verdict]
    return dict(zip(COLUMNS[2:], values, strict=True))


def _direct(name: str, null: str, alternative: str, test: Callable, levels: np.ndarray) -> dict:
    if len(levels) > _MOST.get(name, np.inf):
        why = f"not run: more than {_MOST[name]:,} levels"
        return _row(name, null, alternative, len(levels), why=why)
    try:
        done = test(levels)
        found = {"statistic": done.stat, "p": done.pvalue, "lags": done.lags}
    except (ValueError, np.linalg.LinAlgError, InfeasibleTestException) as fault:
        return _row(name, null, alternative, len(levels), why=f"not run: {fault}")
    return _row(name, null, alternative, len(levels), **found)


def _variance_ratio(levels: np.ndarray, k: int) -> dict:
    done = unitroot.VarianceRatio(levels, lags=k, trend="c", robust=True, overlap=True)
    return _ratio_row(k, done.vr, done.pvalue, len(levels) - 1)


def _ratio_row(k: int, ratio: float, p: float, n: int) -> dict:
    null = "uncorrelated changes"
    return _row(
        f"variance ratio ({k})",
        null,
        "changes that reverse (below 1) or continue",
        n,
        statistic=ratio,
        p=p,
        lags=k,
    )


def _pooled_slope(design: Design, draws: int, seed: int) -> dict:
    """The slope within stretches against its distribution under rho = 1, one-sided."""
    rho = least_squares(design).rho
    drawn = simulator(design, interval="bootstrap", draws=draws, seed=seed)(1.0)
    p = (1 + np.sum(drawn <= rho)) / (draws + 1)
    n = len(design.x)
    return _row("Dickey-Fuller, stretches pooled", _WALK, _MEAN, n, statistic=rho - 1, p=p, lags=0)


def _joined(design: Design) -> list[dict]:
    """ADF of each long stretch, -2 sum ln p against chi-square; a row where there are two or more.

    The lags shown are the most that a stretch uses. No mean is removed where it is known to be 0.
    """
    ends = list(zip(design.chains[:-1], design.chains[1:], strict=True))
    levels = [np.append(design.x[i], design.y[i:j]) for i, j in ends if j - i >= _FEWEST]
    levels = [level for level in levels if np.ptp(level) > 0]
    if len(levels) < 2:
        return []
    trend = "c" if design.means else "n"
    tests = [unitroot.ADF(level, trend=trend, method="bic") for level in levels]
    statistic = -2 * sum(np.log(max(test.pvalue, 1e-300)) for test in tests)
    p = stats.chi2.sf(statistic, 2 * len(tests))
    n, lags = sum(map(len, levels)), max(test.lags for test in tests)
    name = f"ADF, {len(tests)} stretches joined"
    return [_row(name, _WALK, _SOME, n, statistic=statistic, p=p, lags=lags)]


def _pooled_ratio(design: Design, k: int) -> dict:
    """Lo and MacKinlay (1988) ratio of changes inside stretches, 1 + 2 sum (1 - j/k) r_j."""
    starts = np.append(np.flatnonzero(design.fresh), len(design.x))
    mean = np.array([0, len(design.x)])
    change = within(design.y - design.x, mean, means=design.means)
    past = np.nan_to_num(lagged(change, starts, k - 1))
    weight = 1 - np.arange(1, k) / k
    total = change @ change
    ratio = 1 + 2 * weight @ (past.T @ change) / total
    variance = 4 * weight**2 @ (past.T**2 @ change**2) / total**2
    z = (ratio - 1) / np.sqrt(variance)
    return _ratio_row(k, ratio, 2 * stats.norm.sf(abs(z)), len(change))


def _reading(found: list[dict]) -> dict:
    """One sentence over all tests of a series."""
    ran = [row for row in found if not np.isnan(row["p"])]
    walk = [row for row in ran if row["null"] == _WALK and row["alternative"] in (_MEAN, _SOME)]
    against = sum(row["p"] < _SIZE for row in walk)
    said = f"{against} of {len(walk)} tests reject a random walk for a constant mean"
    steady = [row["p"] >= _SIZE for row in ran if row["null"] == _MEAN]
    if not walk:
        sentence = "no test could be run"
    elif against:
        head = "reverts" if all(steady) else "mixed"
        sentence = f"{head}: {said}"
    else:
        head = "cannot tell" if all(steady) else "no reversion seen, a slow one not excluded"
        sentence = f"{head}: {said}"
    if steady and walk:
        sentence += (
            ", KPSS does not reject that mean" if all(steady) else ", KPSS rejects that mean"
        )
    values = ["together", "", "", np.nan, np.nan, np.nan, found[0]["n"], sentence]
    return dict(zip(COLUMNS[2:], values, strict=True))
