"""What inventory earned by the period of its swings: Parseval's identity, session by session."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.entries import Opening
from mmresearch.measure.holding import currencies
from mmresearch.measure.marks import turned
from mmresearch.measure.panel import panel
from mmresearch.measure.time_bands import band_names, edges_in_seconds, in_words

MEAN = "mean (zero frequency)"
_SERIES = ["account", "symbol"]
_NEEDED = [*_SERIES, "day", "bar", "start", "end", "inventory_start", "mid_start", "mid"]


def positioning_by_period(
    market: Market | pd.DataFrame,
    *,
    bands: Sequence[str | float] = ("10s", "5min"),
    freq: str = "1s",
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    opening: Opening | None = None,
) -> pd.DataFrame:
    """Profit of the inventory held by the period of its swings (Hasbrouck and Sofianos 1993).

    In each session sum_t I_(t-1) dm_t = (1/N) sum_f Re{F_I(f) conj F_dm(f)}, exactly: the terms are
    added up by period, D N / f for bars of length D. Nothing is padded, tapered or smoothed, and
    the zero frequency (mean inventory times the session's price change) is a band of its own. It is
    another object than `positioning_by_holding`: that follows units from fill to fill, this splits
    the path of the whole inventory into waves, none of which belongs to a fill. A position held for
    a minute once a day has power at all periods. Means with intervals: `average_positioning` and,
    for one number a band over all series, `inventory_by_horizon`.

    Parameters
    ----------
    market : Market or DataFrame
        A market, or its panel in clock bars. Of a market the symbol's multiplier is applied and
        inverse contracts are turned; a panel knows of neither.
    bands : sequence of str or float
        Inner edges, rising: texts or seconds, above two bars, for no wave is shorter. A period that
        equals an edge is in the longer band.
    freq : str
        The bars of a market, a clock step; take it as short as the mid is quick to answer.
    account, symbol, opening : optional
        As in `panel`.

    Returns
    -------
    DataFrame
        A row an account, symbol, session and band: account, symbol, day, bin (the band), bars,
        positioning (currency of settlement, + the account earned). attrs: bins, freq, currency,
        opening_known; counts of bars "without inventory" and "without a mid", which are in no
        band, and of sessions "split" by them: their stretches are transformed one by one, which
        caps the longest period.

    Raises
    ------
    ValueError
        Bands that do not rise or of two bars or less; bars that are not of one length, or longer
        than half a session; no bar with inventory and mid.

    References
    ----------
    Hasbrouck and Sofianos (1993), The trades of market makers, Journal of Finance 48.
    """
    edges = edges_in_seconds(bands, name="bands")
    rows, factor, inverse = _rows(market, freq, account, symbol, opening)
    length = _bar_length(rows)
    if edges[0] <= 2 * length:
        raise ValueError(
            f"bands must be longer than two bars ({in_words(2 * length)}): the shortest wave that"
            f" bars of {in_words(length)} show has that period, not {in_words(edges[0])}"
        )
    kept, counts = _usable(rows)
    moved = turned(kept["mid"], inverse[kept.index]) - turned(
        kept["mid_start"], inverse[kept.index]
    )
    held = kept["inventory_start"].to_numpy("float64") * factor[kept.index]
    starts = np.append(np.flatnonzero(~kept["stretch"].duplicated()), len(kept))
    bins = [*band_names(edges), MEAN]
    found = [
        band_profits(held[a:b], moved[a:b], edges / length) for a, b in itertools.pairwise(starts)
    ]
    made = kept[[*_SERIES, "day"]].iloc[starts[:-1]].assign(bars=np.diff(starts))
    made[bins] = found
    made = made.groupby([*_SERIES, "day"], as_index=False).sum()
    counts["sessions split"] = len(starts) - 1 - len(made)
    table = made.melt([*_SERIES, "day", "bars"], bins, "bin", "positioning", ignore_index=False)
    table = table.sort_index(kind="stable").reset_index(drop=True)
    table = table[[*_SERIES, "day", "bin", "bars", "positioning"]].astype({"bin": "str"})
    table.attrs = {"kind": "period", "bins": bins, "freq": in_words(length), "counts": counts}
    money = currencies(market, table["symbol"]) if isinstance(market, Market) else ["currency"]
    table.attrs["currency"] = money
    table.attrs["opening_known"] = bool(kept.get("opening_known", pd.Series([True])).all())
    return table


def band_profits(held: np.ndarray, moved: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Profit by band of periods (in bars), shortest first, the zero frequency last.

    The sum is that of held * moved. Frequencies of a real series come in pairs, but for zero and,
    where the length is even, the highest; each pair counts twice.
    """
    n = len(held)
    terms = (np.fft.rfft(held) * np.conj(np.fft.rfft(moved))).real / n
    terms[1 : (n + 1) // 2] *= 2
    periods = n / np.arange(1, len(terms))
    band = np.searchsorted(edges, periods, side="right")
    return np.append(np.bincount(band, terms[1:], minlength=len(edges) + 1), terms[0])


def stretches_of(rows: pd.DataFrame) -> pd.Series:
    """The number of each row's unbroken stretch of bars, inside its series and day."""
    follows = rows.duplicated([*_SERIES, "day"]) & rows["bar"].diff().eq(1)
    return (~follows).cumsum() - 1


def _rows(
    market: Market | pd.DataFrame,
    freq: str,
    account: str | Sequence[str] | None,
    symbol: str | Sequence[str] | None,
    opening: Opening | None,
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The panel's rows in order, each one's multiplier and whether its symbol is inverse."""
    if isinstance(market, Market):
        rows = panel(market, freq=freq, account=account, symbol=symbol, opening=opening)
        about = market.symbols.set_index("symbol")["multiplier"]
        factor = rows["symbol"].map(about).fillna(1.0).to_numpy("float64")
        return rows, factor, rows["symbol"].isin(market.inverse).to_numpy()
    lacking = [c for c in _NEEDED if c not in market]
    if lacking:
        raise ValueError(f"the panel lacks the columns {', '.join(lacking)}")
    rows = market.sort_values([*_SERIES, "day", "bar"], ignore_index=True)
    for name, chosen in (("account", account), ("symbol", symbol)):
        if chosen is not None:
            rows = rows[rows[name].isin([chosen] if isinstance(chosen, str) else chosen)]
    if rows.duplicated([*_SERIES, "day", "bar"]).any():
        raise ValueError("bars stand twice in the panel: a row an account, symbol, day and bar")
    rows = rows.reset_index(drop=True)
    return rows, np.ones(len(rows)), np.zeros(len(rows), bool)


def _bar_length(rows: pd.DataFrame) -> float:
    """Seconds of a bar; a session's last may be shorter."""
    if rows.empty:
        raise ValueError("no bar of that account and symbol is in the panel")
    seconds = (rows["end"] - rows["start"]).dt.total_seconds()
    length = float(seconds.mode().iloc[0])
    shorter = seconds[rows.duplicated([*_SERIES, "day"], keep="last")]
    if not len(shorter) or (shorter != length).any():
        raise ValueError("periods need several clock bars of one length a session, such as '1s'")
    return length


def _usable(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Bars with inventory and price change, with the number of their unbroken stretch."""
    none = rows["inventory_start"].isna()
    blind = ~none & (rows["mid"].isna() | rows["mid_start"].isna())
    kept = rows[~none & ~blind]
    if kept.empty:
        raise ValueError("no bar has an inventory and a mid: periods need quotes or a book")
    counts = {"without inventory": int(none.sum()), "without a mid": int(blind.sum())}
    return kept.assign(stretch=stretches_of(kept)), counts
