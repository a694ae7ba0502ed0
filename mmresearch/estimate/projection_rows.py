"""Rows that responses are projected on: a return and a shock a bar or trade, in unbroken chains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.panel_rows import drop_by_reason, refuse_panel
from mmresearch.estimate.regime_labels import cell_names, regime_labels
from mmresearch.estimate.result import Sample
from mmresearch.estimate.trade_rows import trade_table
from mmresearch.market import Market
from mmresearch.measure.panel import lag_pairs
from mmresearch.measure.quoted_trades import bunch_trades

PER_ACCOUNT = ("flow", "trade_flow", "transfer_flow", "inventory_start", "inventory_end")
OF_TRADES = ("side", "signed_size", "signed_value")
FLOWS = ("order_flow_imbalance", "trade_imbalance", "flow")


class Rows(NamedTuple):
    """A row a bar (or trade), in order; those of one chain follow one another without a break.

    frame: ret (bps, over the bar or from before the trade to before the next), shock, the
    controls, series, day, bar, chain. step: what a row is. dropped: rows by reason.
    """

    frame: pd.DataFrame
    step: str
    dropped: dict[str, int]
    flags: tuple[str, ...]

    def sample(self, used: np.ndarray, more: dict[str, int]) -> Sample:
        """The sample of the rows `used` (positions), with what was dropped since."""
        own = self.frame.iloc[used]
        days, series = own["day"].nunique(), max(own["series"].nunique(), 1)
        return Sample(len(own), self.dropped | more, days, series)


def rows_of(
    data: pd.DataFrame | Market,
    shock: str | None,
    controls: Sequence[str],
    *,
    by: str | None,
    cells: int,
    symbol: str | Sequence[str] | None,
    bunch: bool,
    within: str | None,
    per: float | None,
) -> tuple[Rows, str]:
    """The rows, with the regime of each as a column `regime` where one is asked for."""
    if cells < 2:
        raise ValueError(f"cells must be 2 or more, not {cells}")
    if isinstance(data, Market) or (isinstance(data, pd.DataFrame) and "side" in data):
        table = trade_table(data, symbol)
        table = bunch_trades(table, within=within) if bunch else table
        shock = shock or "side"
        known = "size" if by == "size" else by
        if known is not None and known not in table:
            raise ValueError(f"by must be 'size' or a column of the trades, not {by!r}")
        table = table if known is None else table.assign(regime=table[known])
        extra = [] if by is None else ["regime"]
        rows = trade_rows(table, shock, controls, kept=extra)
    else:
        moving = (c for c in FLOWS if c in data and data[c].std() > 0)
        shock = shock or next(moving, FLOWS[0])
        if by not in (None, "size"):
            data = data.assign(regime=regime_labels(data, by, cells))
        extra = ["regime"] if by not in (None, "size") else []
        rows = panel_rows(data, shock, controls, kept=extra)
        rows = alike(rows) if per is None else rows
        if by == "size":
            rows = rows._replace(frame=rows.frame.assign(regime=rows.frame["shock"].abs()))
    if by == "size":
        rank = rows.frame["regime"].rank(pct=True, method="first")
        place = np.minimum((rank * cells).to_numpy(), cells - 1e-9).astype(int)
        rows = rows._replace(frame=rows.frame.assign(regime=cell_names(cells)[place]))
    return rows, shock


def panel_rows(
    panel: pd.DataFrame, shock: str, controls: Sequence[str], kept: Sequence[str] = ()
) -> Rows:
    """Rows of a panel: a bar once, though several accounts stand in it, where the shock is public.

    A session's bars are a chain, broken where a bar lacks its return or shock; where a bar is a
    session the sessions are, broken at a gap. The columns `kept` are carried along.
    """
    _refuse_panel(panel, shock, controls)
    flags = ("price_and_flow_share_the_bar",)
    column = "return_bps"
    if not np.isfinite(panel[column]).any() and "trade_return_bps" in panel:
        column, flags = "trade_return_bps", (*flags, "trade_returns")
    own = shock in PER_ACCOUNT or any(c in PER_ACCOUNT for c in controls)
    keys = ["account", "symbol"] if own else ["symbol"]
    count = len(panel)
    panel = panel.sort_values([*keys, "day", "bar"], kind="stable")
    if not own:
        panel = panel[~panel.duplicated(["symbol", "day", "bar"])].assign(account="")
    frame = panel[["day", "bar", *dict.fromkeys([shock, *controls, *kept])]].assign(
        ret=panel[column].astype("float64"),
        shock=panel[shock].astype("float64"),
        series=panel.groupby(keys, sort=False).ngroup(),
        previous=lag_pairs(panel.assign(gap=_gaps(panel))).to_numpy(),
        place=np.arange(len(panel)),
    )
    locked = pd.Series(False, frame.index)
    if "spread_bps" in panel:
        locked = panel["spread_bps"].astype("float64") <= 0
    left, dropped = drop_by_reason(
        frame,
        {
            "with locked or crossed quotes": locked,
            "without a return": ~np.isfinite(frame["ret"]),
            f"without {shock}": ~np.isfinite(frame["shock"]),
            "without a control": ~np.isfinite(frame[list(controls)].astype("float64")).all(axis=1),
        },
    )
    before = left["place"].shift(fill_value=-9)
    chain = (left["previous"] != before).cumsum() - 1
    dropped = {"of further accounts in the same bar": count - len(panel)} | dropped
    left = left.assign(chain=chain).drop(columns=["previous", "place"])
    return Rows(left.reset_index(drop=True), "bar", dropped, flags)


def trade_rows(
    trades: pd.DataFrame, shock: str, controls: Sequence[str], kept: Sequence[str] = ()
) -> Rows:
    """Rows of trades as `trade_table` gives them; the last of a day has no mid after it.

    The mid after a trade is the one just before the next. A trade of unknown side breaks the chain.
    """
    if shock not in OF_TRADES:
        raise ValueError(
            f"of trades the shock must be one of {', '.join(OF_TRADES)}, not {shock!r}"
        )
    lacking = [c for c in controls if c not in trades.columns]
    if lacking:
        raise ValueError(f"the trades lack the columns {', '.join(lacking)}")
    bid, ask = trades["bid"], trades["ask"]
    mid = ((bid + ask) / 2).where((bid < ask) & (bid > 0))
    keys = [trades["symbol"], trades["day"]]
    after = mid.groupby(keys, sort=False).shift(-1)
    last = ~trades.duplicated(["symbol", "day"], keep="last")
    size = {"side": 1.0, "signed_size": trades["size"]}
    size["signed_value"] = trades["size"] * trades["price"]
    frame = trades[["day", *dict.fromkeys([*controls, *kept])]].assign(
        bar=trades.groupby(["symbol", "day"], sort=False).cumcount(),
        ret=1e4 * np.log((after / mid).to_numpy("float64")),
        shock=(trades["side"] * size[shock]).astype("float64"),
        series=trades.groupby("symbol", sort=False).ngroup(),
        place=np.arange(len(trades)),
        night=~trades.duplicated(["symbol", "day"]),
    )
    left, dropped = drop_by_reason(
        frame,
        {
            "last of a day": last,
            "of unknown side": trades["side"].isna(),
            "without quotes, or with locked or crossed ones, before or after": frame["ret"].isna(),
            "without a size": frame["shock"].isna(),
            "without a control": ~np.isfinite(frame[list(controls)].astype("float64")).all(axis=1),
        },
    )
    breaks = left["night"] | (left["place"].diff() != 1)
    left = left.assign(chain=breaks.cumsum() - 1).drop(columns=["place", "night"])
    return Rows(left.reset_index(drop=True), "trade", dropped, ())


def _gaps(panel: pd.DataFrame) -> pd.Series:
    return panel["gap"].astype(bool) if "gap" in panel else pd.Series(False, panel.index)


def _refuse_panel(panel: pd.DataFrame, shock: str, controls: Sequence[str]) -> None:
    held = [c for c in ("inventory_start", "inventory_end") if shock in PER_ACCOUNT]
    refuse_panel(panel, [*dict.fromkeys(["return_bps", shock, *controls, *held])])
    if panel.empty:
        raise ValueError("the panel has no rows")


def alike(rows: Rows) -> Rows:
    """Each series' shock less its mean, over its standard deviation, where there are several.

    Units of one symbol are not those of another. Series whose shock never changes drop out.
    """
    frame = rows.frame
    if frame["series"].nunique() < 2:
        return rows
    by_series = frame["shock"].groupby(frame["series"])
    spread = by_series.transform("std", ddof=0)
    scaled = (frame["shock"] - by_series.transform("mean")) / spread.where(spread > 0)
    still = scaled.isna()
    dropped = rows.dropped | {"of series whose shock never changes": int(still.sum())}
    frame = frame.assign(shock=scaled)[~still].reset_index(drop=True)
    return rows._replace(frame=frame, dropped=dropped)


def moments_apart(frame: pd.DataFrame) -> int:
    """Distinct times among the rows: what happens at one time in several series is one draw."""
    return len(frame[["day", "bar"]].drop_duplicates())


class Windows(NamedTuple):
    """Rows whose lags and horizons stay inside their chain, with what is regressed on what.

    rows: their positions. y: (n, horizons), the return from the shock's bar (`ahead` 0) or the
    next (1) to each horizon, bps. x: (n, k), a constant, then lags. shock: (n,).
    """

    rows: np.ndarray
    y: np.ndarray
    x: np.ndarray
    shock: np.ndarray
    dropped: dict[str, int]


def windows(
    frame: pd.DataFrame,
    horizons: np.ndarray,
    lags: int,
    *,
    controls: Sequence[str] = (),
    ahead: int = 0,
    own_lags: bool = True,
) -> Windows:
    """The common sample of all horizons: one set of rows, so that a curve compares like with like.

    y at horizon h is the sum of returns t+ahead, ..., t+h. x has, at each lag 1 to `lags`, the
    return, the shock and the controls; without `own_lags` the controls at lag 0 alone.
    """
    chain, n, far = frame["chain"].to_numpy(), len(frame), int(horizons.max())
    place = np.arange(n)
    start = np.searchsorted(chain, chain)
    end = np.searchsorted(chain, chain, side="right")
    early = place - start < lags
    late = place + far >= end
    at = place[~early & ~late]
    total = np.append(0.0, np.cumsum(frame["ret"].to_numpy()))
    y = np.column_stack([total[at + h + 1] - total[at + ahead] for h in horizons])
    columns = [np.ones(len(at))]
    if own_lags:
        lagged = [frame[c].to_numpy("float64") for c in ("ret", "shock", *controls)]
        columns += [values[at - j] for j in range(1, lags + 1) for values in lagged]
    else:
        columns += [frame[c].to_numpy("float64")[at] for c in controls]
    dropped = {
        "with too few before them in their session": int(early.sum()),
        "with too few after them in their session": int((late & ~early).sum()),
    }
    return Windows(at, y, np.column_stack(columns), frame["shock"].to_numpy()[at], dropped)


def longest_chain(frame: pd.DataFrame) -> int:
    """Rows of the longest unbroken chain."""
    return int(frame["chain"].value_counts().max()) if len(frame) else 0
