"""Every convention in one table, gathered from the definitions that stand beside the code."""

from __future__ import annotations

import re

import pandas as pd

from mmresearch import schema
from mmresearch.measure import contracts, liquidity_contracts
from mmresearch.measure.cancellations import CANCELLATIONS
from mmresearch.measure.contracts import FIELDS
from mmresearch.measure.forecast_table import FORECAST_TABLE
from mmresearch.measure.order_lives import LIVES
from mmresearch.measure.panel import PANEL
from mmresearch.measure.provision import PROVISION

# what is on the page: the function that returns the table, and its contract
MEASURED = {
    "spreads": contracts.SPREADS,
    "quoted_spread": contracts.QUOTED,
    "markouts": contracts.MARKOUTS,
    "matched_fills": contracts.MATCHED,
    "spread_capture": contracts.CAPTURE,
    "positioning_by_holding": contracts.HOLDING,
    "positioning_by_period": contracts.PERIOD,
    "depth": liquidity_contracts.DEPTH,
    "slippage": liquidity_contracts.SLIPPAGE,
    "slippage_of_rows": liquidity_contracts.WALKED,
    "recoveries": liquidity_contracts.RECOVERIES,
    "realized_variance": liquidity_contracts.REALIZED,
    "withdrawal_index": liquidity_contracts.WITHDRAWAL,
}
# tables whose contract has one text a column, of which some is a formula: `in_words`
TOLD = {
    "panel": PANEL,
    "provision": PROVISION,
    "cancellations": CANCELLATIONS,
    "order_lives": LIVES,
    "forecast_table": FORECAST_TABLE,
}
_SOURCE = {"slippage_of_rows": "slippage"}  # of rows it returns another table
GIVEN = ["trades", "quotes", "own_quotes", "fills", "transfers", "positions"]
_NOW = r"/\(?(?:M_t|mid_start|mid)\b"


def conventions() -> pd.DataFrame:
    """What each column means: formula, unit, scale, who is +1, what positive means, known when.

    Gathered from the tables' own contracts: `describe` (the tables that are given), `PANEL`,
    `PROVISION` and their like, and those of `spreads`, `markouts`, `depth` and others.
    CONVENTIONS.md is made of it.

    Returns
    -------
    DataFrame
        A row a column of a table: table, column (`{h}` is a horizon's name,
        `{k}` a distance in basis points, `{c}` a component; of `withdrawal_index` those that it
        adds), source ("given", or
        the function that returns it), formula (in `contracts.LETTERS`, or in columns of its table),
        meaning (in words), unit, scale ("full" or "half" spread, "" if neither), plus_one
        (who did what where the side is +1), positive (whose gain or loss, or which way, a value
        above 0 is), known (when; "given" is with the row), relative_to (which reference price a
        share or basis points are taken of: "now", "later", "now or later" where an option of
        that name chooses).
    """
    pieces = [_given(name) for name in GIVEN]
    tables = {name: _in_words(table) for name, table in TOLD.items()} | MEASURED
    pieces += [
        t.assign(table=name, source=f"mm.{_SOURCE.get(name, name)}") for name, t in tables.items()
    ]
    told = pd.concat(pieces, ignore_index=True)
    told["relative_to"] = ""
    told.loc[told["formula"].str.contains(_NOW), "relative_to"] = "now"
    told.loc[told["formula"].str.contains("/R", regex=False), "relative_to"] = "now or later"
    told.loc[told["formula"].str.contains("/M_h", regex=False), "relative_to"] = "later"
    return told[["table", "column", "source", *FIELDS[1:], "relative_to"]]


def _given(name: str) -> pd.DataFrame:
    """A table of the schema: the meaning of a number is its unit, then its sign."""
    told = schema.describe(name)
    amount = told["meaning"].str.match("quote currency|units")
    sign = told["kind"] == "sign"
    unit, _, positive = (told["meaning"].str.partition(", ")[part] for part in range(3))
    columns = {
        "table": name,
        "column": told["column"],
        "source": "given",
        "formula": "",
        "meaning": told["meaning"].where(~(amount | sign), ""),
        "unit": unit.where(amount, ""),
        "scale": "",
        "plus_one": told["meaning"].where(sign, ""),
        "positive": positive.where(amount, "").str.removeprefix("+ "),
        "known": "given",
    }
    return pd.DataFrame(columns)


def _in_words(table: pd.DataFrame) -> pd.DataFrame:
    """A contract with a text a column: which way is + and what is a formula stand apart."""
    said_in = "sign" if "sign" in table else "meaning"
    names = {*table["column"], "log", "e4"}
    kinds = ("positive", "formula", "plus_one", "meaning")
    rows = [{kind: [] for kind in kinds} for _ in table["column"]]
    for row, said in zip(rows, table[said_in], strict=True):
        for piece in filter(None, said.split("; ")):
            used = set(re.findall(r"[a-z_]\w*", piece))
            kind = "formula" if used and used <= names else "meaning"
            kind = "plus_one" if piece.startswith("+1 ") else kind
            row["positive" if piece.startswith("+ ") else kind].append(piece.removeprefix("+ "))
    told = pd.DataFrame([{kind: "; ".join(said) for kind, said in row.items()} for row in rows])
    return table[["column", "unit", "known"]].assign(scale="").join(told)
