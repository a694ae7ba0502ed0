"""The pool as a maker: its swaps as fills and trades, its price as quotes, the rest as transfers.

Amounts are the pool's: + came in. What comes in holds the fee, so the fee is in the fills' prices:
`fee_within` says how much of it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.load.uniswap.pool import SOURCE, STEP, Pool
from mmresearch.receipt import Fault, SourceError

_FEW = 5  # moves of the price from which on their direction is judged
_FITS = np.log(2)


def fills_and_trades(
    swaps: pl.DataFrame, pool: Pool, account: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pool's side of each swap, and the trader's; amount0 and amount1 are the pool's, exact."""
    base, quote = (_units(pool, n) for n in (pool.base, 1 - pool.base))
    recipient, trade_id = _texts(swaps, "recipient", "trade_id")
    own = [c for c in ("time", "seq", "amount0", "amount1", "sender") if c in swaps.columns]
    fills = swaps.select(
        *own,
        trade_id,
        counterparty=recipient,
        side=base.sign(),
        price=(quote / base).abs(),
        size=base.abs(),
        symbol=pl.lit(pool.symbol),
        account=pl.lit(account),
        fee=pl.lit(0.0),
        maker=pl.lit(True),
        # a share of what came in: of currency as it is, of the asset at the price without the fee
        fee_within=pool.fee * quote.abs() / pl.when(base > 0).then(1 - pool.fee).otherwise(1.0),
    )
    trades = fills.select(
        "time", "seq", "symbol", "price", "size", "trade_id", side=-pl.col("side")
    )
    return fills.to_pandas(), trades.to_pandas()


def transfers(moves: pl.DataFrame, pool: Pool, account: str) -> pd.DataFrame:
    """Both tokens of each mint, burn or collect, and of a swap that moved only one of them."""
    leaves = pl.col("event").is_in(["burn", "collect"])
    owner, recipient, tx = _texts(moves, "owner", "recipient", "tx")
    parts = []
    for n, token in enumerate(pool.tokens):
        amount = pl.col(f"amount{n}")
        raw = pl.when(leaves & (amount != "0")).then("-" + amount).otherwise(amount)
        part = moves.filter(pl.col(f"amount{n}") != "0").select(
            "time",
            "seq",
            "event",
            *_ticks(moves),
            tx,
            asset=pl.lit(token),
            amount=_scaled(raw, pool.decimals[n]),
            counterparty=pl.coalesce(owner, recipient),
            amount_raw=raw,
        )
        parts.append(part.with_columns(account=pl.lit(account)))
    return pl.concat(parts).sort("time", "seq", maintain_order=True).to_pandas()


def quotes(states: pl.DataFrame, pool: Pool) -> pd.DataFrame:
    """What the pool buys and sells at, the fee in it; how much at that price has no answer."""
    ticks = states["tick"].cast(pl.Float64).to_numpy()
    ratio = states["ratio"].to_numpy() if "ratio" in states else STEP**ticks
    price = pool.price(ratio)
    frame = states.drop("ratio", strict=False).to_pandas()
    return frame.assign(
        symbol=pool.symbol,
        bid=price * (1 - pool.fee),
        ask=price / (1 - pool.fee),
        bid_size=np.nan,
        ask_size=np.nan,
    )


def refuse_unfit(swaps: pl.DataFrame, ratio: np.ndarray, file: str) -> None:
    """Refuse amounts that cannot be this pool's: of another price, or with the trader's sign.

    `ratio` is token1 a token0 after each swap; where token1 comes in it rises.
    """
    paid = [swaps[f"amount{n}"].cast(pl.Float64).to_numpy() for n in (0, 1)]
    both = (paid[0] != 0) & (paid[1] != 0) & ~np.isnan(ratio)
    off = np.log(np.abs(paid[1][both] / paid[0][both]) / ratio[both])
    if len(off) and abs(np.median(off)) > _FITS:
        found = f"amounts at {np.exp(np.median(off)):.3g} times the pool's price"
        expected = "amount0 and amount1 in the tokens' smallest units (the subgraph's: in units)"
        raise SourceError(SOURCE, [Fault(file, None, found, expected)])
    moved = np.sign(np.diff(ratio)) * np.sign(paid[1][1:])
    with_it, against = (moved > 0).sum(), (moved < 0).sum()
    if against > with_it and against + with_it >= _FEW:
        found = f"a price that moved against the amounts {against:,} of {against + with_it:,} times"
        expected = "amounts of the pool: + came in, - went out"
        raise SourceError(SOURCE, [Fault(file, None, found, expected)])


def _units(pool: Pool, n: int) -> pl.Expr:
    return _scaled(pl.col(f"amount{n}"), pool.decimals[n])


def _scaled(raw: pl.Expr, decimals: int) -> pl.Expr:
    """The float nearest to the whole number / 10**decimals, read from its digits."""
    return (raw + f"e-{decimals}").cast(pl.Float64)


def _texts(rows: pl.DataFrame, *names: str) -> list[pl.Expr]:
    """Columns that may not be there."""
    return [pl.col(n) if n in rows.columns else pl.lit(None, pl.String).alias(n) for n in names]


def _ticks(rows: pl.DataFrame) -> list[str]:
    return [c for c in ("tick_lower", "tick_upper", "position") if c in rows.columns]
