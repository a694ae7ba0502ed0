"""How far prices move with flow: Kyle (1985) on bars, Glosten and Harris (1988) on trades."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mmresearch.estimate.glosten_harris import glosten_harris
from mmresearch.estimate.impact_rows import BY, FLOWS, SHAPES
from mmresearch.estimate.kyle import kyle
from mmresearch.estimate.result import Quantity, Result
from mmresearch.estimate.tape_rows import UNITS, with_hour
from mmresearch.estimate.trade_rows import trade_table
from mmresearch.market import Market

MODELS = ("kyle", "glosten_harris")


def price_impact(
    data: pd.DataFrame | Market,
    *,
    model: str = "kyle",
    by: str | None = None,
    flow: str = "trade_imbalance",
    shape: str = "linear",
    unit: str | None = None,
    value: bool | None = None,
    per: float | None = None,
    sign_error: float | Quantity | None = None,
    full: bool = False,
    symbol: str | Sequence[str] | None = None,
    bunch: bool = True,
    within: str | None = "1s",
    errors: str = "auto",
    level: float = 0.95,
    draws: int = 999,
    seed: int = 0,
) -> Result:
    """Slope of prices on signed flow, with who buys above 0: positive where prices follow flow.

    Parameters
    ----------
    data : DataFrame or Market
        For "kyle" a panel of `mm.panel`; for "glosten_harris" a market with trades of known side,
        or a table of `mm.quoted_trades`.
    model : str
        "kyle": the return of the mid in a bar on the flow of that bar, r = a + lambda f + e, a
        constant a series. "glosten_harris": the change of the trade price on the side Q and the
        size V of this trade and of the one before, dP = c0 (Q - Q_1) + z1 Q V + e.
    by : str, optional
        Slopes by group in `details["groups"]`, and in `details["equality"]` whether they are one (F
        test). Of "kyle": "side" (bars bought and sold on balance), "size" (thirds of |flow|),
        "hour" (of the session), "volatility" (thirds of the realized variance of the bar before).
        Of "glosten_harris": "hour", in `details["hours"]`; by size it is always given.
    flow : str
        Of "kyle": "trade_imbalance" (aggressors' purchases less sales), "order_flow_imbalance"
        (best quotes), or "inventory": what the account's customers bought, its flow turned around.
    shape : str
        Of the flow of "kyle": "linear", or "sqrt", sign(f) sqrt(|f|).
    unit : str, optional
        Of prices: "bps" ("kyle" if not given) or "currency" a unit ("glosten_harris").
    value : bool, optional
        Whether flow is in quote currency, at the price before the bar (of "glosten_harris": the
        trade's own). Default: "kyle" where there are prices, "glosten_harris" not.
    per : float, optional
        Flow that slopes are stated for: 1e6 of currency, or 1,000 units.
    sign_error : float or Quantity, optional
        Of "kyle": e, the share of trades whose side is wrong, or the factor 1 - 2 e that
        `attenuation` gives, with its error: "corrected" is the slope over that factor. It is exact
        where sides in a bar are independent of each other; where they go on, wrong ones cancel less
        of the flow and it corrects too much.
    full : bool
        With c1 (Q V - Q_1 V_1) and z0 Q too, as in the paper; else both are 0.
    symbol, bunch, within
        Of "glosten_harris": as in `trade_indicator`.
    errors, level, draws, seed
        As in `estimate.errors.regress`; the clusters are days. With trades "auto" is lags within
        days below 40.

    Returns
    -------
    Result
        "kyle": `quantities` "slope", "one_sd" (price move of one standard deviation of flow),
        "corrected". `details["traps"]`: the slope beside that of the next bar's return, and flow on
        the return before, flagged "flow_follows_returns": flow that reacts to returns inside the
        bar makes the slope too large, and nothing here takes that out; shorter bars do.

        "glosten_harris": `quantities` c0, z1 (and c1, z0), "spread" 2 (c0 + z1 V) and
        "adverse_share" z1 V / (c0 + z1 V) of the sample's median size, taken as known.
        `details["sizes"]`: both by size.
        `details["traps"]`: where sides are expected ("sides_are_expected") the model takes expected
        trades for news and z1 is too small, by 1 - rho; `trade_indicator` does not.

    Notes
    -----
    Half a spread and not a full one is what a trade moves: lambda and z are of one trade's
    direction. Bars in which nothing happens change the slope and its error only through the means
    of return and flow; trades are counted, not timed.

    References
    ----------
    Kyle (1985), Continuous auctions and insider trading, Econometrica 53, theorem 1. Glosten
    and Harris (1988), Estimating the components of the bid/ask spread, Journal of Financial
    Economics 21.
    """
    _refuse(model, by, flow, shape, unit)
    choice = {"errors": errors, "level": level, "draws": draws, "seed": seed}
    if model == "kyle":
        if full or symbol is not None:
            raise ValueError("full and symbol are of model='glosten_harris'")
        rows = {"flow": flow, "shape": shape, "unit": unit or "bps", "value": value}
        rows |= {"per": per, "by": by}
        return kyle(data, rows=rows, sign_error=sign_error, choice=choice)
    if sign_error is not None or flow != FLOWS[0] or shape != SHAPES[0]:
        raise ValueError("sign_error, flow and shape are of model='kyle'")
    table, label = trade_table(data, symbol), ""
    if by:
        table, label = with_hour(data, table)
    return glosten_harris(
        table,
        rows={"unit": unit or "currency", "bunch": bunch, "within": within},
        full=full,
        value=value,
        per=per,
        by=by,
        label=label,
        choice=choice,
    )


def _refuse(model: str, by: str | None, flow: str, shape: str, unit: str | None) -> None:
    for name, given, known in (
        ("model", model, MODELS),
        ("by", by, (None, *(BY if model == "kyle" else ("hour",)))),
        ("flow", flow, FLOWS),
        ("shape", shape, SHAPES),
        ("unit", unit, (None, *UNITS)),
    ):
        if given not in known:
            raise ValueError(f"{name} must be one of {', '.join(map(str, known))}, not {given!r}")
