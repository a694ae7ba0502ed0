"""The page of conventions: words, one trade in numbers that the code computes, every column."""

from __future__ import annotations

import textwrap

import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.capture import spread_capture
from mmresearch.measure.contracts import LETTERS
from mmresearch.measure.conventions import conventions
from mmresearch.measure.markouts import markouts
from mmresearch.measure.spreads import spreads

_HEAD = """\
# Conventions

What a number means: full or half spread, of which mid, whose side, whose gain. Written by
`mmresearch conventions` from the definitions that stand beside the code (`mm.conventions()`);
the tests compute every formula, and refuse this page when it is not what the code says.
"""
_QUESTIONS = """\
## Five questions

**Full spread or half?** The name says `full`: twice the distance to the reference price, what it
costs to buy and to sell. What an account earned is not doubled: that is half a spread.

{scale}

**Is impact doubled?** Where the name says `full`, yes: impact = 2 D (M_h - M_t), so that effective
= realized + impact in every trade. The adverse selection of a fill is not: it is half the impact of
the trade that it was.

**In percent of the mid now or later?** Of M_t, known just before the trade, unless
`relative_to="later"` asks for M_h.

{relative_to}

**Who is +1?** In public tables the aggressor, in an account's own the account. A maker's resting
order is bought where the aggressor sells: s = -D.

{plus_one}

**Is positive a gain or a cost?** A gain of the maker or account, but for what it lost to prices
that moved against it, and for a fee, which is recorded as paid.

{positive}
"""
_EXAMPLE = """\
## One trade in numbers

The quotes are 99.97 and 100.03 when a customer buys 100 at 100.02 from a maker; ten seconds later
the mid is 100.015. So D = +1, s = -1, P = 100.02, M_t = 100.00, M_h = 100.015. Computed by the
functions, and beside it with every side turned round: the customer sells at 99.98, the mid falls to
99.985.

{example}
"""
_ELSEWHERE = """\
## Names used elsewhere

Of packages as read in their sources.

| elsewhere | here |
|---|---|
| R highfrequency, `getLiquidityMeasures`: effectiveSpread, quotedSpread | `effective_full_abs`, `quoted_full_abs` |
| its realizedSpread | `realized_full_abs`, but `win` counts rows, not seconds: equal where there is one row a second |
| its priceImpact, (effective - realized)/2 | half of `impact_full_abs` |
| its halfTradedSpread | half of `effective_full_abs`: what the maker captures |
| its proportional measures | divided by the mid now, also the realized one |
| its getTradeDirection | the first trade is a buy; here its side is missing |
| pytaq, dollar_price_impact and dollar_realized_spread | `impact_full_abs`, `realized_full_abs`; its percent measures are differences of logs, of neither mid |
| frds, Price Impact and Realized Spread | 2 D times differences of logs, with the mid of the first row at least five minutes later; here the last mid at or before t + h |
| tcapy, slippage | D (M_t - P)/M_t: minus half of `effective_full`; positive is a gain of who traded |
| orderflow-metrics, markout_profile | D (M_h - M_t) from the taker's side: adverse selection, not a markout, which counts the price paid |
| Menkveld (2013), positioning profit | what the mid's moves did to the position: revaluation less adverse selection |
"""  # noqa: E501
_RELATIVE = {"now": "Always now", "now or later": "Now, or later if asked", "later": "Later"}
_SIDES = {"aggressor": "The aggressor", "account bought": "The account"}
_START = pd.Timestamp("2024-01-02 10:00", tz="UTC")


def convention_page() -> str:
    """CONVENTIONS.md, as the code stands."""
    told = conventions()
    answers = {
        "scale": _lists(told, "scale", {"full": "Full", "half": "Half"}),
        "relative_to": _lists(told, "relative_to", _RELATIVE),
        "plus_one": _lists(told, "plus_one", _SIDES),
        "positive": _lists(told, "positive", {"gains": "Gain", "loses": "Loss", "paid": "Paid"}),
    }
    letters = pd.DataFrame(LETTERS.items(), columns=["letter", "meaning"])
    parts = [_HEAD, _QUESTIONS.format(**answers), _EXAMPLE.format(example=_markdown(worked()))]
    parts += ["## Letters\n", _markdown(letters) + "\n", _ELSEWHERE, "## Every column\n"]
    for (name, source), own in told.groupby(["table", "source"], sort=False):
        head = f"`{source}`" if source != "given" else "given, `mm.describe`"
        shown = own.drop(columns=["table", "source"]).assign(column="`" + own["column"] + "`")
        used = [c for c in shown if (shown[c] != "").any()]
        parts.append(f"### {name} ({head})\n\n{_markdown(shown[used])}\n")
    return "\n".join(parts)


def worked() -> pd.DataFrame:
    """The page's example: measures of one trade and of its mirror image, as the functions say."""
    sides = {
        side: _one_trade(sign) for side, sign in (("customer buys", 1), ("customer sells", -1))
    }
    table = pd.DataFrame(sides).rename_axis("column").reset_index()
    table["column"] = "`" + table["column"] + "`"
    return table.round(6)


def _one_trade(sign: int) -> pd.Series:
    mids = 100 + sign * pd.Series([0, 0.015, 0.015])
    times = _START + pd.to_timedelta([0, 8, 30], unit="s")
    rows = {"time": times, "seq": [0, 2, 3], "symbol": "X"}
    quotes = pd.DataFrame(rows | {"bid": mids - 0.03, "ask": mids + 0.03})
    quotes = quotes.assign(bid_size=100.0, ask_size=100.0)
    trade = {"time": [_START + pd.Timedelta("1s")], "seq": 1, "symbol": "X", "size": 100.0}
    trade |= {"price": 100 + sign * 0.02, "side": float(sign)}
    market = Market(quotes=quotes, trades=pd.DataFrame(trade))
    asked = [{"horizons": ["10s"], "unit": unit} for unit in ("abs", "bps")]
    pieces = [spreads(market, **how) for how in asked] + [markouts(market, **how) for how in asked]
    booked = spread_capture(market, horizon="10s").iloc[0][["spread_earned", "adverse_selection"]]
    return pd.concat([*map(_values, pieces), booked.astype("float64")])


def _values(table: pd.DataFrame) -> pd.Series:
    """The measured columns of the one row."""
    return table.iloc[0].filter(regex="_(abs|bps)").astype("float64")


def _lists(told: pd.DataFrame, field: str, words: dict[str, str]) -> str:
    """For each word that a field may hold the columns that have it, as a list.

    Those that matched fills repeat of markouts are left out.
    """
    lines, told = [], told[told["table"] != "matched_fills"]
    for word, head in words.items():
        exact = told[field] == word if field == "relative_to" else told[field].str.contains(word)
        own = told[exact]
        names = [f"`{c}`" for c in dict.fromkeys(own["table"] + "." + own["column"])]
        if names:
            text = f"- {head}: {', '.join(names)}."
            lines.append(textwrap.fill(text, 100, subsequent_indent="  "))
    return "\n".join(lines)


def _markdown(table: pd.DataFrame) -> str:
    heads = {"plus_one": "side +1", "positive": "above 0"}
    rows = [[heads.get(c, str(c).replace("_", " ")) for c in table], ["---"] * table.shape[1]]
    rows += [[str(cell).replace("|", "\\|") for cell in row] for row in table.to_numpy()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
