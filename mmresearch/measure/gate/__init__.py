"""The data gate: what a careful researcher checks before any number."""

from __future__ import annotations

import pandas as pd

from mmresearch import schema
from mmresearch.market import Market
from mmresearch.measure.gate import books, clock, own, prints, units
from mmresearch.measure.gate.finding import Finding
from mmresearch.measure.gate.study import Study

_VERDICTS = ["fail", "warn", "none", "pass"]
_LOOKS = [prints.look, clock.look, units.look, books.look, own.look]
_CHECKS = [*prints.CHECKS, *clock.CHECKS, *units.CHECKS, *books.CHECKS, *own.CHECKS]


def check(study: Market | pd.DataFrame, name: str | None = None) -> pd.DataFrame:
    """What is doubtful in a market's data; or a table in the schema's types.

    A market saved by day is looked at in the memory of one symbol's day, with the same table as
    its answer: counts add up, and medians are of values to four digits.

    Parameters
    ----------
    study : Market or DataFrame
    name : str, optional
        Which of the schema's tables a DataFrame is: it comes back as `schema.check` gives it.

    Returns
    -------
    DataFrame
        Of a market a row a check and symbol, the worst first:

        check      what was looked at
        symbol     of which symbol
        verdict    "fail": a number that rests on this is wrong; "warn": it may be; "none": too few
                   rows to tell; "pass": nothing was found
        found      in words
        count, of  how many rows, sessions or reports are concerned, out of how many
        affects    what a number that rests on it suffers

        A check whose tables the market does not have has no row.
    """
    if not isinstance(study, Market):
        if name is None:
            raise TypeError("give a market, or a table and its name: check(table, 'fills')")
        return schema.check(study, name)
    walked = Study(study, _LOOKS)
    found = pd.DataFrame(
        [finding for judge in _CHECKS for finding in judge(walked)], columns=Finding._fields
    )
    found = found.astype({"count": "Int64", "of": "Int64"})
    rank = found["verdict"].map(_VERDICTS.index)
    return found.iloc[rank.argsort(kind="stable")].reset_index(drop=True)


def doubts(checked: pd.DataFrame) -> pd.DataFrame:
    """What `check` finds doubtful of a market, a row a check however many symbols there are.

    Returns
    -------
    DataFrame
        The worst first: check, verdict, symbols (how many it concerns), worst (the symbol of which
        the largest share is concerned), found (of that one), affects.
    """
    rows = checked[checked["verdict"].isin(["fail", "warn"])]
    part = (rows["count"] / rows["of"]).astype("float64").fillna(0.0)
    rows = rows.assign(part=part, rank=rows["verdict"].map(_VERDICTS.index))
    rows = rows.sort_values(["rank", "part"], ascending=[True, False], kind="stable")
    groups = rows.groupby(["rank", "check"], sort=False)
    table = groups.first().assign(symbols=groups.size()).reset_index()
    table = table.rename(columns={"symbol": "worst"})
    return table[["check", "verdict", "symbols", "worst", "found", "affects"]]
