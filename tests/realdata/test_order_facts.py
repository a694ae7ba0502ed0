"""Orders of AMZN's day and of an ES snapshot: conserved against the files' own counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mmresearch as mm

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "realdata"
FILES = sorted((REAL / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))
SNAPSHOT = REAL / "databento" / "esh4-glbx-mdp3-20231224.mbo.dbn.zst"
amazon = pytest.mark.skipif(len(FILES) != 2, reason=f"no real LOBSTER files in {REAL}")
es = pytest.mark.skipif(not SNAPSHOT.exists(), reason=f"no real Databento file at {SNAPSHOT}")


@pytest.fixture(scope="module")
def market():
    return mm.load.lobster(*FILES)


@pytest.fixture(scope="module")
def lives(market):
    return mm.order_lives(market)


@amazon
def test_every_event_of_amazon_is_somewhere(market, lives):
    # the files hold 27,845 adds, 16 reductions, 18,235 deletions, 8,974 fills, 2,445 hidden fills
    assert len(lives) == 27_845
    apart = lives.attrs["apart"]
    assert apart["fills of hidden orders"] == 2_445
    whole = mm.order_lives(market, levels=None)
    unseen = apart["cancellations of orders not seen to be added"]
    ended = (whole["end"] == "cancel").sum()
    assert 18_235 <= ended + unseen <= 18_235 + 16
    size = lives["size_filled"] + lives["size_cancelled"] + lives["size_standing"]
    assert (size == lives["size"]).all()
    assert (lives["size_standing"] >= 0).all()


@amazon
def test_units_of_amazon_are_conserved(market, lives):
    bars = mm.cancellations(market)
    events = market.orders.groupby("event")["size"].sum()
    assert bars["added"].sum() == events["add"] == lives["size"].sum()
    assert (bars["filled"] + bars["unseen_filled"]).sum() == events["fill"]
    # one deletion is of fewer shares than the order had left
    gone = bars["pulled"].sum() - events["delete"] - events["reduce"]
    assert 0 < gone < 1_000
    assert lives.attrs["faults"] == {"deleted for less than rested": 1}
    left = bars["standing"].iloc[-1]
    assert bars["added"].sum() == bars["cancelled"].sum() + bars["filled"].sum() + left
    panel = mm.panel(market)
    keys = ["symbol", "day", "bar", "start", "end", "time_of_day"]
    assert bars[keys].equals(panel[keys])


@amazon
def test_orders_of_amazon_are_added_at_the_touch_or_better(lives):
    # a record of one level shows no other adds; behind the best price they are out of sight
    assert (lives["distance_ticks"] <= 0).all()
    assert not lives["marketable"].any()
    assert lives.attrs["levels"] == 1
    assert (lives["end"] == "out of sight").sum() > 10_000


@es
def test_a_snapshot_has_no_lives():
    found = mm.order_lives(mm.load.databento(SNAPSHOT))
    assert found.empty
    assert found.attrs["apart"] == {"orders resting before the record began": 8_725}


@amazon
def test_lives_of_amazon_by_a_plain_estimator(lives):
    """Half of the touch's orders are gone within seconds; the plain sums say the same."""
    found = mm.order_lifetimes(lives)
    assert found.sample.dropped["deleted for less than rested"] == 1
    own = lives[lives["fault"] == ""]
    seconds, end = own["seconds"].to_numpy(), own["end"].to_numpy()
    order = np.argsort(seconds, kind="stable")
    survival, cancelled, left = 1.0, 0.0, len(own)
    for s, e in zip(seconds[order], end[order], strict=True):
        if s > 2:
            break
        # lives of one instant one after another, ends and the others as they come: a small error
        cancelled += survival / left * (e == "cancel")
        survival *= 1 - (e in ("cancel", "fill")) / left
        left -= 1
    fleeting = found.quantities["fleeting_share"]
    assert fleeting.value == pytest.approx(cancelled, abs=1e-3)
    assert fleeting.low < cancelled < fleeting.high
    # Hasbrouck and Saar (2009) found over a third of limit orders cancelled within two seconds
    assert fleeting.low > 1 / 3
    shown = mm.order_lifetimes(mm.order_lives(mm.load.lobster(*FILES), levels=None))
    assert shown.quantities["fleeting_share"].value < fleeting.low  # out of sight is not alive


@amazon
def test_depth_of_amazon_flees_from_aggressors(market):
    found = mm.illusory_depth(market, lag="10ms")
    assert found.sample.dropped["prints of hidden orders and crosses"] == 2_445
    rows = found.details["rows"]
    own = rows[rows["arrival"]]
    share = own["gone"].sum() / own["shown"].sum()
    assert found.table["estimate"].iloc[0] == pytest.approx(share, rel=1e-12)
    illusory = found.quantities["illusory_share"]
    assert 0 < illusory.low < illusory.high < 0.05


@es
def test_a_snapshot_tells_no_lifetimes():
    found = mm.order_lifetimes(mm.load.databento(SNAPSHOT))
    assert not any(q.identified for q in found.quantities.values())
    assert "0 orders have a known life" in found.errors


def test_round_lots_are_not_compared_with_shares(realdata):
    """TAQ's quotes are in lots of 100, its prints in shares: what was taken is no part of them."""
    tape = mm.load.taq(*sorted((realdata / "highfrequency").glob("*.csv.gz")))
    tape = tape.replace(trades=mm.sign_trades(tape))
    share = mm.illusory_depth(tape, lag="10ms").quantities["illusory_share"]
    assert not share.identified
    assert "different units of size" in share.reason
