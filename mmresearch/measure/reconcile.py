"""What a ledger comes to, and whether it agrees with the positions that were reported."""

from __future__ import annotations

import pandas as pd

_SERIES = ["account", "symbol"]


def ledger_summary(ledger: pd.DataFrame) -> pd.DataFrame:
    """A row an account and symbol: what was traded, what is held, what was made.

    Returns
    -------
    DataFrame
        fills; bought, sold, transferred_units (net, + into the account) and position, in units;
        realised, unrealised, fees (+ paid) and profit = realised + unrealised - fees, in quote
        currency; opening (units) with opening_source and opening_known; reports (positions
        reported), missing and missing_gross (units that they find and no fill or transfer shows,
        net and regardless of sign). Largest turnover first.
    """
    by = [ledger["account"], ledger["symbol"]]
    filled, moved = ledger["kind"] == "fill", ledger["kind"] == "transfer"
    flow = ledger["flow"]
    last = ledger.groupby(_SERIES).tail(1).set_index(_SERIES)
    table = pd.DataFrame(
        {
            "fills": filled.groupby(by).sum(),
            "bought": flow.where(filled, 0).clip(lower=0).groupby(by).sum(),
            "sold": -flow.where(filled, 0).clip(upper=0).groupby(by).sum(),
            "transferred_units": flow.where(moved, 0).groupby(by).sum(),
        }
    )
    table = table.join(last[["position", "realised", "unrealised", "fees"]])
    table["opening"] = last["position"] - table["bought"] + table["sold"]
    table["opening"] -= table["transferred_units"]
    table = table.join(last[["opening_source", "opening_known"]])
    missing = reconcile(ledger).set_index(_SERIES)["missing"]
    table["reports"] = (ledger["kind"] == "snapshot").groupby(by).sum()
    table["missing"] = missing.groupby(_SERIES).sum().reindex(table.index, fill_value=0.0)
    gross = missing.abs().groupby(_SERIES).sum()
    table["missing_gross"] = gross.reindex(table.index, fill_value=0.0)
    table[["missing", "missing_gross"]] = table[["missing", "missing_gross"]].where(
        table["reports"] > 0
    )
    table["profit"] = table["realised"] + table["unrealised"] - table["fees"]
    turnover = table["bought"] + table["sold"]
    return table.loc[turnover.sort_values(ascending=False).index].reset_index()


def reconcile(ledger: pd.DataFrame) -> pd.DataFrame:
    """Where the rebuilt position and the reported one part, located between two reports.

    Returns
    -------
    DataFrame
        A row a report at which the gap changed: account, symbol, after (the report before, missing
        for the first), time, position (rebuilt), reported, gap (reported - position) and missing
        (the change of the gap: units that came into the account between `after` and `time` and
        that no fill or transfer shows). Empty when every report agrees. Where the opening is not
        known the first report sets the level and only what follows is compared.
    """
    reports = ledger[ledger["kind"] == "snapshot"].copy()
    by = reports.groupby(_SERIES)
    reports["after"] = by["time"].shift()
    first = reports["gap"].where(~reports["opening_known"], 0.0)
    reports["missing"] = reports["gap"] - by["gap"].shift().fillna(first)
    scale = reports["reported"].abs().clip(lower=1.0)
    parted = reports[reports["missing"].abs() > 1e-9 * scale]
    columns = [*_SERIES, "after", "time", "position", "reported", "gap", "missing"]
    return parted[columns].reset_index(drop=True)


def reconciliation(ledger: pd.DataFrame) -> str:
    """The reconciliation in one sentence."""
    reports = ledger[ledger["kind"] == "snapshot"]
    if reports.empty:
        return "No position was reported: nothing can be reconciled, a lost fill would not show."
    parted = reconcile(ledger)
    if parted.empty:
        return f"All {len(reports):,} reported positions agree with the rebuilt ones."
    largest = parted.loc[parted["missing"].abs().idxmax()]
    return (
        f"{len(parted):,} of {len(reports):,} reports find units that no fill or transfer shows;"
        f" the largest, {largest['missing']:+,.0f} units of {largest['symbol']} in account"
        f" {largest['account']}, was found at {largest['time']:%Y-%m-%d %H:%M} UTC."
    )
