"""What the columns of measured tables mean: one line a column, read into one table.

A formula is in `LETTERS`, or in other columns of its table; a test computes it. Columns in basis
points (`_bps`) are with unit="abs" `_abs`: the same in currency a unit, without 1e4 and what they
are divided by. `{h}` is a horizon's name.
"""

from __future__ import annotations

import pandas as pd

FIELDS = ["column", "formula", "meaning", "unit", "scale", "plus_one", "positive", "known"]
LETTERS = {
    "D": "side of the aggressor: +1 it bought, -1 it sold",
    "s": "side of the account: +1 it bought, -1 it sold; of a resting order s = -D",
    "P": "price of the trade or fill",
    "N": "its size, times the symbol's multiplier",
    "F": "its fee, positive: paid",
    "A": "best ask of the last quote before it in its session",
    "B": "best bid of that quote",
    "M_t": "reference price of that quote: mid (A + B)/2, weighted mid or microprice",
    "M_h": "last valid reference price of the session at or before t + h (with `index` of markouts "
    "less beta times what the index moved)",
    "R": 'what basis points are taken of: M_t, or with relative_to="later" M_h',
}


def contract(text: str) -> pd.DataFrame:
    """A contract's lines, fields apart by |, as a table with the columns of `FIELDS`."""
    rows = [[field.strip() for field in line.split("|")] for line in text.splitlines()]
    return pd.DataFrame(rows, columns=FIELDS)


_TAPE = """\
symbol||instrument|||||given
day||the session's date|||||given
time|||UTC||||given
seq||order among events of one instant|||||given"""
_BESIDE = """\
bid|B|best bid|currency a unit||||just before
ask|A|best ask|currency a unit||||just before
reference|M_t|missing where the quote is not valid|currency a unit||||just before"""

SPREADS = contract(
    f"""\
{_TAPE}
side|D|given, or by a rule|sign||aggressor bought||given
price|P||currency a unit||||given
size|||units of the asset||||given
{_BESIDE}
apart||why it has no spread; "": it has|reason||||trade
quoted_full_bps|1e4*(A - B)/M_t||bps|full||width of the market|just before
effective_full_bps|1e4*2*D*(P - M_t)/M_t||bps|full|aggressor bought|maker gains|trade
realized_full_bps_{{h}}|1e4*2*D*(P - M_h)/R||bps|full|aggressor bought|maker gains|t + h
impact_full_bps_{{h}}|1e4*2*D*(M_h - M_t)/R||bps|full|aggressor bought|maker loses|t + h"""
)
QUOTED = contract(
    """\
symbol||instrument|||||given
day||the session's date|||||given
quoted_full_abs||ask less bid, mean over time|currency a unit|full||width of the market|close
quoted_full_bps||ask less bid over the mid then, mean over time|bps|full||width of the market|close
seconds||with both sides|seconds||||close
share||of the session from its first quote on|share||||close
locked_or_crossed||of those seconds, with the bid at or above the ask|share||||close"""
)
MARKOUTS = contract(
    f"""\
account||as in fills; "aggregate maker" where the market has none|||||given
{_TAPE}
side|s||sign||account bought||given
price|P||currency a unit||||given
size|||units of the asset||||given
fee||as recorded, not in the others|quote currency|||paid|given
maker||true: the account's order was resting|||||given
counterparty||the account on the other side|||||given
trade_id||the venue's number|||||given
{_BESIDE}
capture_bps|1e4*s*(M_t - P)/M_t||bps|half|account bought|account gains|fill
capture_bps_{{h}}|1e4*s*(M_t - P)/M_h|with relative_to="later" only|bps|half|account bought\
|account gains|t + h
markout_bps_{{h}}|1e4*s*(M_h - P)/R||bps|half|account bought|account gains|t + h
adverse_bps_{{h}}|-1e4*s*(M_h - M_t)/R||bps|half|account bought|account loses|t + h
apart||why it has none of these; "": it has|reason||||fill"""
)
CAPTURE = contract(
    """\
account||as in markouts|||||given
symbol||instrument|||||given
currency||what the symbol settles in: that of all money here|||||given
day||the session's date|||||start
bar||0 is the first of the session|||||start
start||the row holds what comes after its start|UTC||||start
end||the row holds what comes up to and including its end|UTC||||end
spread_earned|sum(s*(M_t - P)*N)|of fills not apart|currency|half|account bought|account gains|end
adverse_selection|sum(-s*(M_h - M_t)*N)|0 past the horizon|currency|half|account bought\
|account loses|end, plus h
revaluation||what mark changes made of the position, less what is laid to fills|currency\
|||account gains|end, plus h
fees_and_rebates|sum(-F)|not known: 0; a pool's (fee_within) is here and not in P\
|currency|||account gains|end
transfers||units moved times what the mark changed until the end|currency|||account gains|end
apart||of fills kept apart: s*(mark - P)*N|currency||account bought|account gains|end
profit|spread_earned - adverse_selection + revaluation + fees_and_rebates + transfers + apart\
|cash + position * mark, less at the start, less transfers' value|currency|||account gains|end
carried||of revaluation: position at the start times the mark's change|currency|||account gains|end
overnight||of carried: until the session's first price|currency|||account gains|start
fills|||number||||end
volume||size of fills|units of the asset||||end
value|sum(P*N)||currency||||end
fills_apart||that have no reference price|number||||end
fills_past_horizon||whose adverse selection is not known|number||||end
fees_unknown||fills|number||||end
position||at the end|units of the asset|||long|end
mark||what the position is valued at|currency a unit||||end
capital||largest value of the position in the row, long or short|currency||||end
drift||reported less rebuilt position|units of the asset||||end
gap||a session is missing before the row|||||start
opening_known||false: inventory is relative to the first event|||||start"""
)
_WHERE = """\
account||as in markouts|||||given
symbol||instrument|||||given
day||the session's date|||||start"""
HOLDING = contract(
    f"""\
{_WHERE}
bar||0 is the first of the session; unless freq="1D"|||||start
start||with bar|UTC||||start
end||with bar|UTC||||end
bin||time from opening to closing of a lot, first in first out|||||end
lots||closed in it|number||||end
units||of them|units of the asset||||end
spread|profit - positioning|what two fills earned against the mid before them|currency|half\
||account gains|end
positioning||what the mid moved between the two fills|currency|||account gains|end
profit|spread + positioning|of closed lots, before fees|currency|||account gains|end"""
)
PERIOD = contract(
    f"""\
{_WHERE}
bin||period of the inventory's swings|||||end
bars||of the session|number||||end
positioning||inventory times the change of the mid, of these swings|currency|||account gains|end"""
)
MATCHED = pd.concat(
    [
        MARKOUTS[~MARKOUTS["column"].isin(["capture_bps_{h}", "apart"])],
        contract(
            """\
control_time||of the print beside the fill, in which the account took no part|UTC||||given
control_seq||its order|||||given
control_price||its price|currency a unit||||given
control_size||its size|units of the asset||||given
control_bid||best bid before it|currency a unit||||just before
control_ask||best ask before it|currency a unit||||just before
control_capture_bps||capture_bps of who was passive in it|bps|half|passive side bought\
|passive side gains|print
control_markout_bps_{h}||markout_bps of that side|bps|half|passive side bought\
|passive side gains|t + h
control_adverse_bps_{h}||adverse_bps of that side|bps|half|passive side bought\
|passive side loses|t + h
extra_capture_bps|capture_bps - control_capture_bps||bps|half|account bought|account gains more|fill
extra_markout_bps_{h}|markout_bps_{h} - control_markout_bps_{h}||bps|half|account bought\
|account gains more|t + h
extra_adverse_bps_{h}|adverse_bps_{h} - control_adverse_bps_{h}||bps|half|account bought\
|account loses more|t + h
apart||as in markouts, or "taker", "no control"|reason||||fill"""
        ),
    ],
    ignore_index=True,
)
