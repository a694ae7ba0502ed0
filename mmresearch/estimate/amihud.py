"""Price moves by traded value (Amihud 2002), with the days that have none counted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats
import statsmodels.api as sm
from statsmodels.stats.proportion import proportion_confint

from mmresearch.estimate.result import TIDY, Quantity, Result, Sample, unknown
from mmresearch.estimate.sandwich import SOME_DAYS, newey_west_lags
from mmresearch.market import Market
from mmresearch.measure.session_days import with_day

_QUESTION = "How far does the price move by traded value?"
_EQUATION = r"\mathrm{ILLIQ} = \frac{1}{D} \sum_d \frac{|R_d|}{\mathrm{value}_d}"
_NEEDED = ["symbol", "day", "return_bps"]


def amihud(
    data: pd.DataFrame | Market,
    *,
    symbol: str | Sequence[str] | None = None,
    per: float = 1e6,
    level: float = 0.95,
) -> Result:
    """Mean over sessions of the absolute return by the value traded.

    Parameters
    ----------
    data : Market or DataFrame
        A market with trades: the return is of last prices from session to session, the value the
        sum of price times size. Or a row a symbol and session: symbol, day, return_bps, and value
        (currency); a panel of freq="1D" will do, its value market_volume times trade_price (or
        mid), at the close.
    symbol : str or list, optional
        Which; all if not given.
    per : float
        Value that it is stated for: 1e6 of currency, the usual convention.
    level : float
        Of the intervals.

    Returns
    -------
    Result
        `quantities`: "illiq", the return as a number (.01 is one per cent) per `per` of currency,
        mean over days of the mean over symbols, Newey-West over days; "log_illiq", the mean of its
        log over days and symbols that moved, the one for regressions; "undefined_share", of symbol
        days without value or return (Wilson's interval). `details`: "days", "symbols".

    Notes
    -----
    Days without trading are left out and counted, not taken for infinite; so are first sessions and
    those after a gap, which have no return. The value is in money of its day: inflation and growth
    of trading make old days look illiquid. A halted day has little value and is in it.

    References
    ----------
    Amihud (2002), Illiquidity and stock returns, Journal of Financial Markets 5.
    """
    if not (math.isfinite(per) and per > 0):
        raise ValueError(f"per must be above 0, not {per!r}")
    rows = _of_market(data) if isinstance(data, Market) else _of_table(data)
    if symbol is not None:
        rows = rows[rows["symbol"].isin([symbol] if isinstance(symbol, str) else symbol)]
    still, bare = ~(rows["value"] > 0), rows["return_bps"].isna()
    kept = rows[~still & ~bare].reset_index(drop=True)
    kept["illiq"] = kept["return_bps"].abs() / 1e4 / (kept["value"] / per)
    dropped = {
        "without traded value": int(still.sum()),
        "without a return (first, after a gap)": int((~still & bare).sum()),
    }
    sample = Sample(len(kept), dropped, kept["day"].nunique(), max(kept["symbol"].nunique(), 1))
    unit = f"per {'million' if per == 1e6 else f'{per:,.10g}'} of currency"
    moved = kept[kept["illiq"] > 0]
    logs = moved.assign(illiq=np.log(moved["illiq"]))
    lines, found, words = [], {}, "none"
    for name, part, measure in (("illiq", kept, unit), ("log_illiq", logs, f"log, {unit}")):
        mean = _mean(part, level)
        words = mean["words"] if name == "illiq" else words
        interval = (mean["estimate"], mean["low"], mean["high"])
        told = not mean["reason"]
        found[name] = Quantity(name, *interval, measure, mean["words"], told, mean["reason"], level)
        if told:
            lines.append({"term": name} | {c: mean[c] for c in TIDY[1:]})
    found["undefined_share"] = _undefined(len(kept), len(rows), level)
    return Result(
        _QUESTION,
        _EQUATION,
        unit=unit,
        table=pd.DataFrame(lines, columns=TIDY),
        sample=sample,
        errors=words,
        quantities=found,
        flags=("few_days",) if sample.days < SOME_DAYS else (),
        details={"days": kept, "symbols": _symbols(rows, kept)},
    )


def _mean(rows: pd.DataFrame, level: float) -> dict[str, object]:
    """Mean over days of the symbols' mean, with Newey-West over days."""
    by_day = rows.groupby("day")["illiq"].mean()
    days = len(by_day)
    nothing = dict.fromkeys(TIDY[1:], math.nan)
    if days < 2:
        reason = f"{days} days with value, return and a move, where 2 are needed"
        first = by_day.iloc[0] if days else math.nan
        return nothing | {"estimate": float(first), "reason": reason, "words": f"none: {reason}"}
    lags = min(newey_west_lags(days), days - 1)
    fit = sm.OLS(by_day.to_numpy(), np.ones(days)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True
    )
    estimate, error = float(fit.params[0]), float(fit.bse[0])
    reach = float(scipy.stats.t.ppf((1 + level) / 2, days - 1)) * error
    t = estimate / error if error > 0 else math.nan
    numbers = [estimate, error, t, 2 * scipy.stats.t.sf(abs(t), days - 1)]
    numbers += [estimate - reach, estimate + reach]
    words = f"Newey-West over {days} days, {lags} lags, t with {days - 1} degrees of freedom"
    return dict(zip(TIDY[1:], numbers, strict=True)) | {"reason": "", "words": words}


def _undefined(kept: int, all_days: int, level: float) -> Quantity:
    lacking, name, unit = all_days - kept, "undefined_share", f"of {all_days} symbol days"
    if not all_days:
        return unknown(name, unit, "there are no days", level)
    ends = proportion_confint(lacking, all_days, alpha=1 - level, method="wilson")
    ends = (ends[0] if lacking else 0.0, ends[1])  # not 0 but for rounding
    return Quantity(name, lacking / all_days, *map(float, ends), unit, "Wilson", level=level)


def _symbols(rows: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    """Days, days used, and the mean of each symbol."""
    by = kept.groupby("symbol")["illiq"]
    table = pd.DataFrame({"days": rows.groupby("symbol").size(), "used": by.size()})
    return table.assign(used=table["used"].fillna(0).astype(int), illiq=by.mean())


def _of_market(market: Market) -> pd.DataFrame:
    """Value and return from the last session's last price, missing after a gap."""
    trades = market["trades"][["symbol", "time", "seq", "price", "size"]]
    rows = with_day(trades.sort_values(["symbol", "time", "seq"], kind="stable"), market)
    rows = rows[rows["day"].notna()].assign(value=rows["price"] * rows["size"])
    by = rows.groupby(["symbol", "day"])
    found = by.agg(value=("value", "sum"), price=("price", "last")).reset_index()
    parts = []
    for symbol, own in found.groupby("symbol"):
        gaps = market.sessions(str(symbol)).set_index("day")["gap"]
        own = gaps.rename_axis("day").reset_index().merge(own, on="day", how="left")
        own["value"] = own["value"].fillna(0.0)
        change = 1e4 * np.log(own["price"] / own["price"].shift())
        parts.append(own.assign(symbol=symbol, return_bps=change.where(~own["gap"].astype(bool))))
    columns = ["symbol", "day", "return_bps", "value"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _of_table(data: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(data, pd.DataFrame):
        raise TypeError(f"data is a Market or a DataFrame of days, not {type(data).__name__}")
    lacking = [c for c in _NEEDED if c not in data.columns]
    if lacking:
        raise ValueError(f"the days lack the columns {', '.join(lacking)}")
    rows = data
    if "value" not in data.columns:
        price = next((c for c in ("trade_price", "mid") if c in data.columns), None)
        if price is None or "market_volume" not in data.columns:
            raise ValueError(
                "the days lack the column value, or market_volume with trade_price or mid"
            )
        # every account of a panel sees the same market
        rows = data.drop_duplicates(["symbol", "day", *(["bar"] if "bar" in data else [])])
        rows = rows.assign(value=rows["market_volume"] * rows[price])
    twice = int(rows.duplicated(["symbol", "day"]).sum())
    if twice:
        raise ValueError(
            f"{twice} rows of a symbol's day that has one already: a row a session is expected, as "
            "of a panel of freq='1D'"
        )
    rows = rows[[*_NEEDED, "value"]].astype({"return_bps": "float64", "value": "float64"})
    endless = int(np.isinf(rows[["return_bps", "value"]]).any(axis=1).sum())
    below = int((rows["value"] < 0).sum())
    if endless or below:
        raise ValueError(f"{endless} days have infinite numbers, {below} a value below 0")
    return rows.sort_values(["symbol", "day"], ignore_index=True)
