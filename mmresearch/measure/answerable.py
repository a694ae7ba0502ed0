"""What a study rests on, and which questions its tables can answer."""

from __future__ import annotations

import pandas as pd

from mmresearch.market import Market

# question -> tables it needs, tables it can do without at a cost, and what the cost is
_QUESTIONS = [
    ("What is held, and where did it come from?", "fills", "quotes", "marked at print prices"),
    ("Does the inventory revert, and how fast?", "fills", "positions", "level unknown"),
    ("Do the quotes lean against it?", "fills", "own_quotes", "the market's mid stands in"),
    ("Do prices press against the inventory?", "fills", "quotes", "returns from prints"),
    ("What does the maker earn?", "fills", "quotes", "spread earned is not separable"),
    ("Is liquidity withdrawn?", "quotes", "orders", "no lifetimes or cancellations"),
]


def answerable(market: Market) -> pd.DataFrame:
    """A row a question: answer ("yes", "in part", "inferred", "no") and why.

    "inferred": there are no account-level fills, and the aggregate maker, the other side of every
    aggressor, stands in for one. "in part": a helpful table is missing, with what that costs.
    """
    rows = [(question, *_verdict(market, *needs)) for question, *needs in _QUESTIONS]
    return pd.DataFrame(rows, columns=["question", "answer", "why"])


def basis(market: Market) -> str:
    """One or two sentences for the top of a study: what it rests on and what it lacks."""
    if "fills" in market:
        accounts, symbols = len(market.accounts), market.fills["symbol"].nunique()
        text = f"Rests on fills: {accounts} account(s), {symbols} symbol(s)."
    else:
        text = (
            "No account-level fills: the **aggregate maker** is inferred as the other side of"
            " every aggressor. Its inventory is minus the market's signed flow, not one firm's"
            " book; it cannot show transfers, fees or who holds what."
        )
    if "positions" not in market:
        text += " No position was reported, so inventory is known only relative to the first event."
    if market.default_freq == "1D":
        text += " There is no clock inside a session: bars are sessions or counts of prints."
    return text


def _verdict(market: Market, need: str, helpful: str, cost: str) -> tuple[str, str]:
    if need not in market:
        if need == "fills" and "trades" in market:
            return "inferred", "no fills: the aggregate maker's, from the tape"
        return "no", f"needs {need}"
    if helpful not in market:
        return "in part", f"no {helpful}: {cost}"
    return "yes", f"{need} and {helpful} are there"
