"""What others traded between a dealer's trades (Lyons' brokered flow), and nothing later."""

from __future__ import annotations

import numpy as np
import pandas as pd

FLOW, AFTER = "brokered", "brokered_after"
_KEY = ["symbol", "time", "seq"]
_COLUMNS = [*_KEY, "side", "size"]
_OWN_SHARE = 0.1


def refuse_brokered(brokered: pd.DataFrame) -> None:
    """Raise where columns lack or numbers cannot be used, with every fault in one message."""
    if not isinstance(brokered, pd.DataFrame):
        kind = type(brokered).__name__
        raise TypeError(f'brokered is a DataFrame of trades, as market["trades"], not {kind}')
    lacking = [c for c in _COLUMNS if c not in brokered.columns]
    if lacking:
        raise ValueError(f"brokered lacks the columns {', '.join(lacking)}")
    faults = []
    numbers = {
        name: pd.to_numeric(brokered[name], errors="coerce").to_numpy("float64")
        for name in ("side", "size")
    }
    for name, values in numbers.items():
        text = int(np.count_nonzero(np.isnan(values) & brokered[name].notna().to_numpy()))
        faults += [f"{name} is not a number in {text} rows"] if text else []
    size, side = numbers["size"], numbers["side"]
    low = int(np.count_nonzero(~((size > 0) & np.isfinite(size))))
    wrong = int(np.count_nonzero(~(np.isin(side, [1, -1]) | np.isnan(side))))
    faults += [f"size is not above 0 and finite in {low} rows"] if low and not faults else []
    faults += [f"side is neither +1, -1 nor missing in {wrong} rows"] if wrong else []
    twice = int(brokered.duplicated([*_COLUMNS, *_ids(brokered)]).sum())
    faults += (
        [f"{twice} trades stand twice: same symbol, time, seq, side and size"] if twice else []
    )
    times = brokered["time"]
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        faults.append(f"time is {times.dtype}, where UTC times are needed")
    if faults:
        raise ValueError("the brokered trades cannot be used: " + "; ".join(faults))


def _ids(brokered: pd.DataFrame) -> list[str]:
    return [c for c in ("trade_id", "price") if c in brokered]


def brokered_between(orders: pd.DataFrame, brokered: pd.DataFrame) -> pd.DataFrame:
    """Net brokered buying (units) before and after each of the dealer's orders.

    Parameters
    ----------
    orders : DataFrame
        Of `dealer_rows`, ordered by series, time and seq: account, symbol, day, time, seq,
        last_seq (of the order's last fill), side (of the account), size.
    brokered : DataFrame
        time, seq, symbol, side (+1 the aggressor bought), size.

    Returns
    -------
    DataFrame
        brokered (after the last order, and before this one, both strictly by time and seq, of the
        same day), brokered_after (after this order, before the next: what a regression must not
        hold), quiet (whether the day has no brokered trade of the symbol at all: its flow is not
        known, rather than 0). Index as `orders`. A print of the order's own (time, seq) is in none.

    Raises
    ------
    ValueError
        Where the dealer's own trades stand among the brokered ones under another seq.
    """
    known = brokered[brokered["side"].notna()]
    _refuse_own(orders, known)
    first = _summed_to(orders, known, "seq", before=True)
    last = _summed_to(orders, known, "last_seq", before=False)
    day = [orders[c] for c in ("account", "symbol", "day")]
    flow = first["net"] - last["net"].groupby(day).shift()
    # the day's span is that of the dealer's own trades
    heard = first["prints"].groupby(day).transform("max") - last["prints"].groupby(day).transform(
        "min"
    )
    after = flow.groupby(day).shift(-1)
    return pd.DataFrame({FLOW: flow, AFTER: after, "quiet": heard <= 0})


def _summed_to(
    orders: pd.DataFrame, known: pd.DataFrame, seq: str, *, before: bool
) -> pd.DataFrame:
    """Net buying and number of prints up to each order, without or with prints of its own key."""
    asked = orders[["symbol", "time"]].assign(
        seq=orders[seq], net=0.0, prints=0, place=orders.index
    )
    asked["rank"] = 0 if before else 2
    given = known[_KEY].assign(net=known["side"] * known["size"], prints=1, place=-1, rank=1)
    both = pd.concat([given, asked], ignore_index=True)
    both = both.sort_values([*_KEY, "rank"], kind="stable")
    both[["net", "prints"]] = both.groupby("symbol", sort=False)[["net", "prints"]].cumsum()
    return both[both["place"] >= 0].set_index("place")[["net", "prints"]].reindex(orders.index)


def _refuse_own(orders: pd.DataFrame, known: pd.DataFrame) -> None:
    """A print of an order's instant, size and direction under another seq is that order."""
    turned = orders.assign(side=-orders["side"])
    key = ["symbol", "time", "side", "size"]
    met = turned[[*key, "seq", "last_seq"]].reset_index().merge(known[[*key, "seq"]], on=key)
    other = met[(met["seq_y"] < met["seq_x"]) | (met["seq_y"] > met["last_seq"])]
    many = other["index"].nunique()
    if many > _OWN_SHARE * len(orders):
        raise ValueError(
            f"brokered holds the dealer's own trades: {many} of {len(orders)} have a print of the"
            " same time, size and side under another seq. Their size would stand on both sides of"
            " the equation; leave them out, or give fills and prints one seq"
        )
