"""What stretches of rows come to: numbers and small tables that are held, and added up.

A finding rests on counts and on quantiles. Both are had from pieces: counts add up, and so do
tables of how often each value stands, once values are rounded to four digits so that there are
few. A quantile of rounded values is the rounded quantile, right to 1 in 2,000 or better.
"""

from __future__ import annotations

import numpy as np
import polars as pl

Tally = dict[str, float | pl.DataFrame]
_DIGITS = 4


def together(one: Tally, other: Tally) -> Tally:
    """Two stretches as one: numbers add up, tables as `collapsed` does it."""
    both = dict(one)
    for name, found in other.items():
        if name not in both:
            both[name] = found
        elif isinstance(found, pl.DataFrame):
            both[name] = collapsed(pl.concat([both[name], found]))
        else:
            both[name] += found
    return both


def collapsed(table: pl.DataFrame) -> pl.DataFrame:
    """One row a key: `n` is summed, of `first` the least is kept, of `last` the largest."""
    how = {"n": pl.col("n").sum(), "first": pl.col("first").min(), "last": pl.col("last").max()}
    keys = [name for name in table.columns if name not in how]
    return table.group_by(keys).agg(how[name] for name in table.columns if name in how).sort(keys)


def how_often(values: pl.Series | np.ndarray) -> pl.DataFrame:
    """How often each value stands, to four digits: value, n. Missing ones are left out."""
    known = pl.Series("value", values, strict=False).cast(pl.Float64).fill_nan(None).drop_nulls()
    rounded = known.to_frame().select(pl.col("value").round_sig_figs(_DIGITS))
    return rounded.group_by("value").agg(pl.len().cast(pl.Int64).alias("n")).sort("value")


def quantile(counts: pl.DataFrame, share: float) -> float:
    """The quantile of the values, between two of them on the straight line; NaN without any."""
    total = int(counts["n"].sum())
    if not total:
        return np.nan
    place = share * (total - 1)
    below, upto = np.floor(place), counts["n"].cum_sum().to_numpy()
    low, high = counts["value"].to_numpy()[np.searchsorted(upto, [below, np.ceil(place)], "right")]
    return float(low + (high - low) * (place - below))


def median(counts: pl.DataFrame) -> float:
    """The value in the middle; NaN without any."""
    return quantile(counts, 0.5)
