"""Orders of AMZN's day and of an ES snapshot: conserved against the files' own counts."""

from __future__ import annotations

from pathlib import Path

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
