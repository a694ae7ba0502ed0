"""CBOE's SPX chain of 2022-07-12: facts counted with the csv module, found again in the table."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest

from mmresearch.load.options import options


@pytest.fixture(scope="module")
def path(realdata):
    return realdata / "options" / "cboe_spx_2022-07-12.csv"


@pytest.fixture(scope="module")
def lines(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[3:]


@pytest.fixture(scope="module")
def market(path):
    return options(path)


def test_9689_lines_are_a_call_and_a_put_each(market, lines):
    assert market.receipt.rows_read == market.receipt.rows_kept == len(lines) == 9_689
    assert market.chain["right"].value_counts().to_dict() == {"call": 9_689, "put": 9_689}
    assert market.chain["option"].is_unique
    assert set(market.chain["symbol"]) == {"SPX"}


def test_spot_and_open_interest(market, lines):
    chain = market.chain
    assert set(chain["spot"]) == {3856.28}
    held = chain.groupby("right")["open_interest"].sum()
    assert held.to_dict() == {"call": 5_887_479, "put": 9_828_886}
    assert held["call"] == sum(int(line[10]) for line in lines)
    assert held["put"] == sum(int(line[21]) for line in lines)


def test_every_value_is_the_file_s(market, lines):
    calls = market.chain[market.chain["right"] == "call"].set_index("option")
    puts = market.chain[market.chain["right"] == "put"].set_index("option")
    for table, at in ((calls, 1), (puts, 12)):
        table = table.loc[[line[at] for line in lines]]
        for name, offset in {"change": 2, "volume": 5, "delta": 7, "gamma": 8}.items():
            assert table[name].tolist() == [float(line[at + offset]) for line in lines]
        for name, offset in {"last": 1, "bid": 3, "ask": 4, "implied_vol": 6}.items():
            wanted = np.array([float(line[at + offset]) for line in lines])
            assert np.array_equal(table[name].fillna(0), wanted)
        assert table["strike"].tolist() == [float(line[11]) for line in lines]


def test_volatilities_that_are_not_computed(market, lines):
    zeros = sum(float(line[at]) == 0 for line in lines for at in (7, 18))
    assert market.chain["implied_vol"].isna().sum() == zeros == 651
    assert any("651 of 19,378 options" in note for note in market.receipt.notes)


def test_third_fridays_settle_in_the_morning(market):
    chain = market.chain
    there = chain["expiry"].dt.tz_convert("America/New_York")
    monthly = ~chain["option"].str.startswith("SPXW")
    assert monthly.sum() == 2 * 3_592
    assert set(there[monthly].dt.strftime("%A %H:%M")) == {"Friday 09:30"}
    assert there[monthly].dt.day.between(15, 21).all()
    assert set(there[~monthly].dt.strftime("%H:%M")) == {"16:00"}
    assert (chain["expiry"] > chain["time"]).all()
    assert chain["time"].iloc[0] == pd.Timestamp("2022-07-12 15:55", tz="UTC")


def test_calls_and_puts_of_one_strike_and_time_have_one_forward(market):
    """Put-call parity at the money: C - P is within a few points of spot less strike."""
    chain = market.chain.assign(mid=(market.chain["bid"] + market.chain["ask"]) / 2)
    near = chain[chain["expiry"] == pd.Timestamp("2022-07-13 20:00", tz="UTC")]
    near = near[near["strike"].between(3800, 3900)].set_index("strike")
    call, put = (near.loc[near["right"] == right, "mid"] for right in ("call", "put"))
    gap = call - put - (3856.28 - call.index.to_numpy())
    assert len(gap) > 10
    assert gap.abs().max() < 5
