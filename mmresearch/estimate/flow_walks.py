"""Pooled Engle-Granger statistics over sessions, and their law where nothing is cointegrated.

Sessions are rows of arrays [sessions, trades], missing after a session's last trade; every session
has a mean of its own, so that nothing crosses a night.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.signal


class Paths(NamedTuple):
    """Price (sessions, trades), flows (kinds, sessions, trades) and where there are trades."""

    price: np.ndarray
    flows: np.ndarray
    there: np.ndarray


class Residual(NamedTuple):
    """The residual's Dickey-Fuller t, its slope, the long-run slopes and the residuals."""

    statistic: float
    slope: float
    long_run: np.ndarray
    residual: np.ndarray


def paths(run: np.ndarray, price: np.ndarray, flows: list[np.ndarray]) -> Paths:
    """Arrays of one path a session; `run` numbers the session of each row, in order."""
    code = pd.factorize(run)[0]
    place = pd.Series(code).groupby(code).cumcount().to_numpy()
    shape = (code.max() + 1, place.max() + 1)
    there = np.zeros(shape, dtype=bool)
    there[code, place] = True

    def laid(values: np.ndarray) -> np.ndarray:
        found = np.zeros(shape)
        found[code, place] = values
        return found

    return Paths(laid(price), np.stack([laid(flow) for flow in flows]), there)


def inside(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Less the mean of each session, 0 where there is no trade."""
    many = there.sum(axis=-1, keepdims=True)
    mean = (values * there).sum(axis=-1, keepdims=True) / many
    return (values - mean) * there


def cointegrating(price: np.ndarray, flows: np.ndarray, there: np.ndarray, lags: int) -> Residual:
    """Price on flows with a mean a session, and the augmented Dickey-Fuller t of what is left.

    For one session it is statsmodels' `coint` with trend "c" and that many lags.
    """
    y = inside(price, there)
    x = np.array([inside(flow, there) for flow in flows]).reshape(len(flows), *y.shape)
    columns = x.reshape(len(flows), y.size).T
    slopes = np.linalg.lstsq(columns, y.ravel(), rcond=None)[0] if len(flows) else np.empty(0)
    left = (y.ravel() - columns @ slopes).reshape(y.shape) * there
    statistic, slope = dickey_fuller(left, there, lags)
    return Residual(statistic, slope, slopes, left)


def dickey_fuller(left: np.ndarray, there: np.ndarray, lags: int) -> tuple[float, float]:
    """Slope of changes on the level before, beside past changes, inside sessions; t and slope."""
    change = np.diff(left, axis=1)
    use = there[:, lags + 1 :]
    y = change[:, lags:][use]
    columns = [left[:, lags:-1][use]]
    columns += [change[:, lags - j : change.shape[1] - j][use] for j in range(1, lags + 1)]
    x = np.column_stack(columns)
    cross = np.linalg.inv(x.T @ x)
    slopes = cross @ (x.T @ y)
    variance = ((y - x @ slopes) ** 2).sum() / (len(y) - x.shape[1])
    return float(slopes[0] / np.sqrt(variance * cross[0, 0])), float(slopes[0])


def null_law(found: Paths, lags: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """The statistic (draws,) where the same flows move a price whose other news stays for ever.

    Changes of the price are explained by those of the flows, now and up to `lags` trades ago, and
    by its own past changes, without any level; what is left is drawn again with signs turned at
    random trade by trade (wild: the news of a busy hour stays there), and summed.
    """
    change = np.diff(found.price, axis=1)
    given = np.diff(found.flows, axis=2)
    use = found.there[:, lags + 1 :]
    past = [change[:, lags - j : change.shape[1] - j] for j in range(1, lags + 1)]
    moved = [flow[:, lags - j : flow.shape[1] - j] for flow in given for j in range(lags + 1)]
    x = np.column_stack([column[use] for column in [*past, *moved]])
    x = np.column_stack([x, np.ones(len(x))])
    y = change[:, lags:][use]
    slopes = np.linalg.lstsq(x, y, rcond=None)[0]
    own, news = slopes[:lags], np.zeros(change.shape)
    news[:, lags:][use] = y - x @ slopes
    # a session's first changes have no past: what they are less their mean
    first = found.there[:, 1 : lags + 1]
    news[:, :lags] = np.where(first, change[:, :lags] - change[:, :lags][first].mean(), 0.0)
    effect = slopes[lags:-1].reshape(len(given), lags + 1)
    driven = sum(
        scipy.signal.lfilter(effect[k], [1.0], given[k], axis=1) for k in range(len(given))
    )
    law = np.empty(draws)
    for draw in range(draws):
        signs = rng.integers(0, 2, news.shape) * 2.0 - 1.0
        steps = scipy.signal.lfilter([1.0], np.append(1.0, -own), news * signs + driven, axis=1)
        price = np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)
        law[draw] = cointegrating(price * found.there, found.flows, found.there, lags).statistic
    return law
