"""HT6: the quote that a trade moved must not be taken for the quote that it met.

A trade of sign q hits a quote of full spread 0.02 at mid + 0.01 q; in 60 % of trades the quote
then moves one tick, 0.01 q, in the trade's own timestamp. A join that takes a quote of the same
timestamp sees these trades at the mid: effective spread 0.4 * 0.02 = 0.008, 40 % signed right. A
join to the nearest quote in time also loses, of the other 40 %, those half whose nearest quote is
the next one, and of these the half in which it moved to put the price at the mid: 30 % right.
"""

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure.asof import known_before
from mmresearch.schema import UNORDERED

N, SEED = 20_000, 6
ERROR = 4 * np.sqrt(0.25 / N)  # four standard errors of a share


@pytest.fixture(scope="module")
def economy():
    """Trades with their true sign, quotes, and the trade's place in the order."""
    rng = np.random.default_rng(SEED)
    sign = rng.choice([-1, 1], N)
    moves = rng.random(N) < 0.6
    after = 10_000 + np.cumsum(sign * moves)  # mid in ticks
    before = after - sign * moves
    start = np.datetime64("2024-01-02T10:00", "ns")
    gaps = 1_000 + rng.exponential(1e8, N).astype(np.int64)  # two trades never share an instant
    time = pd.Series(start + np.cumsum(gaps)).dt.tz_localize("UTC")
    trades = pd.DataFrame(
        {"time": time, "seq": 2 * np.arange(N) + 1, "symbol": "X", "price": (before + sign) / 100}
    ).assign(size=1.0, truth=sign)
    opened = pd.DataFrame({"time": time[:1] - pd.Timedelta("1s"), "seq": 0, "mid": 10_000})
    moved = pd.DataFrame({"time": time, "seq": 2 * np.arange(N) + 2, "mid": after})[moves]
    quotes = pd.concat([opened, moved], ignore_index=True)
    mid = quotes.pop("mid")
    quotes = quotes.assign(symbol="X", bid=(mid - 1) / 100, ask=(mid + 1) / 100)
    return trades, quotes.assign(bid_size=1.0, ask_size=1.0)


def joined(trades, quotes, **how):
    """What plain pandas makes of it: effective full spread, share signed right."""
    mids = quotes[["time"]].assign(mid=(quotes["bid"] + quotes["ask"]) / 2)
    distance = trades["price"] - pd.merge_asof(trades, mids, on="time", **how)["mid"]
    distance = distance.round(9)
    right = (np.sign(distance) == trades["truth"]).mean()
    return 2 * (trades["truth"] * distance).mean(), right, (distance == 0).mean()


def test_joins_on_time_alone_are_wrong(economy):
    spread, right, at_mid = joined(*economy, allow_exact_matches=True)
    assert spread == pytest.approx(0.0080, abs=0.02 * ERROR)
    assert right == pytest.approx(0.40, abs=ERROR)
    assert at_mid == pytest.approx(1 - right)
    _, right, _ = joined(*economy, direction="nearest")
    assert right == pytest.approx(0.30, abs=ERROR)


def test_ours_is_right_in_every_trade(economy):
    trades, quotes = economy
    signed = mm.sign_trades(trades, quotes, rule="quote")
    assert (signed["side"] == signed["truth"]).all()
    assert (mm.sign_trades(trades, quotes)["rule"] == "quote").all()
    met = quotes.iloc[known_before(trades, quotes)]
    mid = (met["bid"] + met["ask"]).to_numpy() / 2
    spread = 2 * (trades["truth"] * (trades["price"] - mid)).mean()
    assert spread == pytest.approx(0.0200, abs=1e-12)


@pytest.mark.parametrize("rule", ["emo", "clnv"])
def test_rules_that_look_at_the_quotes_are_right_too(economy, rule):
    signed = mm.sign_trades(*economy, rule=rule)
    assert (signed["side"] == signed["truth"]).all()
    assert (signed["rule"] == "quote").all()


def test_quotes_of_a_source_of_their_own_are_known_from_the_next_instant(economy):
    trades, quotes = economy
    apart = quotes.assign(seq=UNORDERED + np.arange(len(quotes)))
    signed = mm.sign_trades(trades, apart, rule="quote")
    assert (signed["side"] == signed["truth"]).all()


def test_one_timestamp_for_all_leaves_the_order_to_seq(economy):
    trades, quotes = (table.assign(time=table["time"].iloc[0].floor("D")) for table in economy)
    signed = mm.sign_trades(trades, quotes, rule="quote")
    assert (signed["side"] == signed["truth"]).all()


def test_rows_in_another_order_give_the_same_answer(economy):
    trades, quotes = economy
    second = {"time": trades["time"].dt.floor("s")}, {"time": quotes["time"].dt.floor("s")}
    trades, quotes = trades.assign(**second[0]), quotes.assign(**second[1])  # many ties
    shuffled = mm.sign_trades(
        trades.sample(frac=1, random_state=SEED), quotes.sample(frac=1, random_state=SEED + 1)
    )
    pd.testing.assert_frame_equal(shuffled, mm.sign_trades(trades, quotes))


def test_without_seq_there_is_no_answer(economy):
    trades, quotes = economy
    with pytest.raises(mm.SchemaError, match="seq"):
        mm.sign_trades(trades.drop(columns="seq"), quotes)
    with pytest.raises(mm.SchemaError, match="seq"):
        mm.sign_trades(trades, quotes.drop(columns="seq"))
