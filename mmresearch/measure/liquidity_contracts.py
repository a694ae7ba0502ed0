"""What the columns of tables of liquidity and of variance mean; lines as in `contracts`.

`{k}` is a distance in basis points, `{h}` a horizon's name, `{c}` a component's.
"""

from __future__ import annotations

from mmresearch.measure.contracts import contract

_BARS = """\
symbol||instrument|||||start
day||the session's date|||||start
bar||0 is the first of the session|||||start
start||as in `panel`|UTC||||start
end||as in `panel`|UTC||||end
time_of_day||from the session's open to the start|seconds||||start
gap||a session is missing before the row|||||start
seconds||observed; of "24/7" from the first event to the last|seconds||||end
quoted_share||of seconds: both sides stand, the bid below the ask, no halt|share||||end
locked_share||of seconds: the bid is the ask|share||||end
crossed_share||of seconds: the bid is above the ask|share||||end
one_sided_share||of seconds: one side is missing|share||||end
unquoted_share||of seconds: no side, or no quote in the session yet|share||||end
halted_share||of seconds; missing where no orders would tell|share||||end"""

DEPTH = contract(
    f"""\
{_BARS}
mid||mean over quoted time, as all that follows|currency a unit||||end
spread_bps||ask less bid over the mid then|bps|full||width of the market|end
bid_depth||at the best bid|units of the asset||||end
ask_depth||at the best ask|units of the asset||||end
depth|(bid_depth + ask_depth)/2||units of the asset||||end
bid_slope||least squares, with intercept, of the size up to each level on its distance from the \
mid; missing with one level|units a basis point||||end
ask_slope||as bid_slope|units a basis point||||end
slope|(bid_slope + ask_slope)/2||units a basis point||||end
levels||shown, mean of both sides|number||||end
reach_bps||distance of the last level shown from the mid, of the nearer side|bps||||end
bid_depth_{{k}}bps||within k of the mid, over the time in which both sides are known; missing \
where that is less than `least_known`|units of the asset||||end
ask_depth_{{k}}bps||as bid_depth_{{k}}bps|units of the asset||||end
depth_{{k}}bps|(bid_depth_{{k}}bps + ask_depth_{{k}}bps)/2||units of the asset||||end
known_{{k}}bps||of quoted time: what is shown reaches to k|share||||end"""
)
SLIPPAGE = contract(
    f"""\
{_BARS}
size||of the order|units of the asset||||given
buy_bps||of a buy, the mean of slippage_bps of a walked row over quoted time; missing where all of \
it is filled for less than `least_known` of that|bps|half||paid by who takes|end
sell_bps||of a sell, as buy_bps|bps|half||paid by who takes|end
round_trip_bps||bought and sold at the same instant: mean of the sum|bps|full||paid by who takes|end
buy_filled_share||of quoted time: all of a buy is filled|share||||end
sell_filled_share||of quoted time: all of a sell is filled|share||||end
buy_unfilled||what the levels shown do not fill, mean over quoted time|units of the asset||||end
sell_unfilled||as buy_unfilled|units of the asset||||end"""
)
WALKED = contract(
    """\
time||of the row|UTC||||given
seq||order among events of one instant|||||given
symbol||instrument|||||given
row||the row's place in the table, from 0|number||||given
state||quoted, locked, crossed, one_sided or unquoted|||||row
side||+1 it buys, -1 it sells|sign||it buys||given
size||of the order|units of the asset||||given
mid||missing unless quoted|currency a unit||||row
filled||by the levels shown|units of the asset||||row
unfilled|size - filled|never priced|units of the asset||||row
price||mean, of what is filled|currency a unit||||row
cost|side*(price - mid)*filled|of what is filled|quote currency|half|it buys|paid by who takes|row
cost_a_unit|cost/size|missing unless all is filled|currency a unit|half|it buys\
|paid by who takes|row
slippage_bps|1e4*cost/size/mid|missing unless all is filled|bps|half|it buys\
|paid by who takes|row"""
)
RECOVERIES = contract(
    """\
symbol||instrument|||||end
day||the session's date|||||end
time||first trade of the burst|UTC||||end
end||its last trade|UTC||||end
time_of_day||from the session's open to its first trade|seconds||||end
side||+1 the aggressor bought|sign||aggressor bought||end
size||of all its trades|units of the asset||||end
trades||in it|number||||end
before||what is followed (`of`), just before it: units, or bps of the spread|||||end
after||the same, `settle` after its end|||||end, plus settle
lost||before less after, of a spread after less before: always above 0|||||end, plus settle
until||from its end, how long it was followed|seconds||||when it ended
seconds||from its end to recovery, or followed in vain|seconds||||when it ended
ended||recovered, horizon, next event, halt or close|||||when it ended
recovered||true: `share` of what was lost came back|||||when it ended
back_{h}||what is back of lost; missing past until||||back|end + h
control_lost||mean of the controls' state just before, less the event's own||||\
|when all have been seen
control_{h}||mean change of the controls from their own state, in the same direction||||back\
|when all have been seen"""
)
REALIZED = contract(
    """\
symbol||instrument|||||close
day||the session's date|||||close
returns||price changes of the session|number||||close
rv||sum of squared log changes of every price|bps^2||||close
rv_step||of prices last seen at a clock's grid, mean over offsets, raised to the whole time\
|bps^2||||close
bipower||of the same grids: the variance without jumps|bps^2||||close
quarticity||of the same grids: m/3 times the sum of fourth powers of m steps|bps^4||||close
jump||rv_step less bipower, 0 where that is below 0|bps^2||||close
tsrv||two scales: without the bounce|bps^2||||close
noise|(rv - tsrv)/(2*returns)|the half spread squared where prices bounce by coin|bps^2||||close"""
)
WITHDRAWAL = contract(
    """\
volatility_before||root of realized_variance of the bar before|bps||||start
inventory_size||of inventory_start, whichever its sign|units of the asset||||start
index||mean of the z there are|standard deviations|||withdrawn|end
threshold||quantile of the past days' index, or as chosen|standard deviations||||before the day
past_days||of the series|number||||before the day
withdrawn||index above threshold; missing where either is|||||end
z_{c}||the component less what past days made one expect, over the spread of what was left on \
those days; turned where more of it is more liquidity|standard deviations|||withdrawn|end"""
)
