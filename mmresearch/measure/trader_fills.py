"""A trader's fills beside what it held just before and what others paid or quoted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.entries import Opening
from mmresearch.measure.ledger import ledger
from mmresearch.measure.quotes import best_quotes, mid
from mmresearch.measure.session_days import standing_before, with_day

PRICES = ("auto", "mid", "mean")
_SERIES = ["account", "symbol"]
_PRINT = ["symbol", "day", "time", "seq"]
_COLUMNS = [*_SERIES, "day", "time", "seq", "side", "size", "price", "held", "held_session", "fair"]


def trader_fills(
    market: Market,
    *,
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    fair: str = "auto",
    prints: int = 50,
    opening: Opening | None = None,
) -> pd.DataFrame:
    """Every fill with its account's inventory just before it and the fair price at that moment.

    Parameters
    ----------
    market : Market
        With fills; quotes (or a book) for the mid, trades for the mean of others.
    account, symbol : str or list, optional
        Which; all if not given.
    fair : str
        "mid": the last mid of the session with an earlier (time, seq), never the one that the fill
        itself moved. "mean": the size-weighted mean price of the others' fills, on either side,
        among the same `prints` prints of the session (Manaster and Mann 1996 compare with the mean
        of the moment). "auto": "mid" where the market has quotes or a book, else "mean".
    prints : int
        Length of the stretch of the "mean".
    opening : optional
        As in `ledger`.

    Returns
    -------
    DataFrame
        account, symbol, day, time, seq, ordered by series, time and seq; side (+1 the account
        bought), size, price; held (units before the fill, from the ledger), held_session (the same
        since the session's open, 0 there); fair (currency a unit, missing where nothing is known).
        attrs: "fair" says which price it is, "outside" how many fills no session holds.
    """
    if fair not in PRICES:
        raise ValueError(f"fair must be one of {', '.join(PRICES)}, not {fair!r}")
    if prints < 2:
        raise ValueError(f"prints must be 2 or more, not {prints}")
    quotes = best_quotes(market)
    if fair == "mid" and quotes is None:
        raise ValueError("fair='mid' needs quotes or a book; 'mean' takes the others' fills")
    fair = ("mean" if quotes is None else "mid") if fair == "auto" else fair
    rows = with_day(ledger(market, account=account, opening=opening), market)
    chosen = [symbol] if isinstance(symbol, str) else symbol
    if chosen is not None:
        rows = _chosen(rows, chosen)
    outside = int((rows["day"].isna() & rows["kind"].eq("fill")).sum())
    rows = _held(rows[rows["day"].notna()])
    if fair == "mid":
        rows["fair"] = _mid_before(rows, quotes, market)
    else:
        rows["fair"] = _mean_of_others(rows, market, prints)
    table = rows[_COLUMNS].reset_index(drop=True)
    table.attrs = {"fair": fair, "outside": outside}
    return table


def _chosen(rows: pd.DataFrame, symbols: Sequence[str]) -> pd.DataFrame:
    lacking = sorted(set(symbols) - set(rows["symbol"]))
    if lacking:
        raise ValueError(f"no fill of the symbols {', '.join(lacking)}")
    return rows[rows["symbol"].isin(symbols)]


def _held(rows: pd.DataFrame) -> pd.DataFrame:
    """The fills, with inventory before each: by the ledger, and since the session's open."""
    before = rows["position"] - rows["flow"]
    opened = before.groupby([rows[c] for c in [*_SERIES, "day"]]).transform("first")
    rows = rows.assign(held=before, held_session=before - opened)
    fills = rows[rows["kind"] == "fill"]
    return fills.assign(side=np.sign(fills["flow"]), size=fills["flow"].abs())


def _mid_before(rows: pd.DataFrame, quotes: pd.DataFrame, market: Market) -> np.ndarray:
    """The mid of the last quote with an earlier (time, seq), of the fill's own session."""
    row = standing_before(rows, quotes, market)
    then = quotes.iloc[np.maximum(row, 0)]
    return np.where(row >= 0, mid(then).to_numpy(), np.nan)


def _mean_of_others(rows: pd.DataFrame, market: Market, prints: int) -> np.ndarray:
    """Mean price in the fill's stretch of prints, weighted by size, the account's own left out.

    Fills of one (time, seq) are of one print, which stands in two accounts' fills where both are
    known; what is left out is the account's side of it.
    """
    if "fills" not in market:
        raise ValueError("fair='mean' needs fills of several accounts")
    every = market["fills"]
    every = every[every["symbol"].isin(rows["symbol"].unique())]
    every = with_day(every[[*_SERIES, "time", "seq", "price", "size"]], market)
    every = every[every["day"].notna()].assign(value=every["price"] * every["size"])
    once = every[_PRINT].drop_duplicates().sort_values(_PRINT)
    once["stretch"] = once.groupby(["symbol", "day"]).cumcount() // prints
    every, told = (table.merge(once, how="left") for table in (every, rows[["account", *_PRINT]]))
    where = ["symbol", "day", "stretch"]
    total, own = (every.groupby(by)[["value", "size"]].sum() for by in (where, ["account", *where]))
    total, own = (
        told.join(sums, on=sums.index.names)[["value", "size"]].to_numpy() for sums in (total, own)
    )
    value, size = (total - own).T
    # what is left of sums that cancel is noise of the last digit
    return np.divide(value, size, out=np.full(len(told), np.nan), where=size > 1e-9 * total[:, 1])
