"""The page of conventions: every formula on it is computed, every column on it is returned."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import schema
from mmresearch.measure.contracts import FIELDS, LETTERS
from mmresearch.measure.conventions import GIVEN, MEASURED

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
HORIZONS = ["2s", "30s"]
PAGE = mm.conventions()
FUNCTIONS = {"log": np.log}


def tape(seed: int) -> mm.Market:
    """Trades between, at and beyond quotes that are always valid, on an irregular clock."""
    rng = np.random.default_rng(seed)
    n = 300
    ticks = 4 * np.cumsum(rng.choice([-1, 0, 1], n)) + 10_000
    times = START + pd.to_timedelta(np.sort(rng.choice(2 * n, n, replace=False)), unit="s")
    rows = pd.DataFrame({"time": times, "symbol": "X"})
    bid, ask = ticks - rng.integers(1, 4, n), ticks + rng.integers(1, 4, n)
    sizes = {"bid_size": rng.integers(1, 9, n), "ask_size": rng.integers(1, 9, n)}
    quotes = rows.assign(seq=1, bid=bid / 100, ask=ask / 100, **sizes)
    side = rng.choice([-1.0, 1.0], n)
    price = (ticks + side * rng.integers(-1, 4, n)) / 100
    trades = rows.assign(seq=2, price=price, size=rng.integers(1, 9, n), side=side)
    return mm.Market(quotes=quotes, trades=trades)


def mirror(market: mm.Market) -> mm.Market:
    """Buys are sells: prices p become 200 - p, around which the tape starts."""
    quotes, trades = market["quotes"], market["trades"]
    turned = quotes.assign(bid=200 - quotes["ask"], ask=200 - quotes["bid"])
    turned = turned.assign(bid_size=quotes["ask_size"], ask_size=quotes["bid_size"])
    return mm.Market(
        quotes=turned, trades=trades.assign(price=200 - trades["price"], side=-trades["side"])
    )


def mids(market: mm.Market, horizon: str) -> tuple[pd.Series, pd.Series]:
    """The mid known at each trade and that at the horizon, missing past the record's end."""
    quotes, trades = market["quotes"], market["trades"]
    mid = ((quotes["bid"] + quotes["ask"]) / 2).to_numpy()
    then = trades["time"] + pd.Timedelta(horizon)
    row = np.searchsorted(quotes["time"], then, side="right") - 1
    later = pd.Series(mid[row]).where(then <= quotes["time"].iloc[-1])
    return pd.Series(mid), later  # a quote comes just before each trade


def letters(market: mm.Market, horizon: str, relative_to: str = "now") -> dict[str, pd.Series]:
    trades, quotes = market["trades"], market["quotes"]
    now, later = mids(market, horizon)
    found = {"D": trades["side"], "s": -trades["side"], "P": trades["price"], "N": trades["size"]}
    found |= {"A": quotes["ask"], "B": quotes["bid"], "M_t": now, "M_h": later}
    return found | {"R": now if relative_to == "now" else later}


def computed(formula: str, values: dict) -> pd.Series:
    return eval(formula, {"__builtins__": {}}, {**FUNCTIONS, **values})


def formulas(table: str) -> pd.DataFrame:
    return PAGE[(PAGE["table"] == table) & (PAGE["formula"] != "")]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("horizon", HORIZONS)
def test_formulas_of_spreads(seed, turned, horizon):
    market = mirror(tape(seed)) if turned else tape(seed)
    known = letters(market, horizon)
    for unit in ("bps", "abs"):
        found = mm.spreads(market, horizons=[horizon], unit=unit)
        told = formulas("spreads")
        assert len(told) == 9
        for row in told.itertuples():
            name = row.column.replace("{h}", horizon)
            wanted = computed(row.formula, known)
            if unit == "abs" and name.endswith(("_bps", f"_bps_{horizon}")):
                over = row.formula.rpartition("/")[2]
                wanted, name = wanted * known[over] / 1e4, name.replace("_bps", "_abs")
            scale = wanted.abs().max()
            np.testing.assert_allclose(found[name], wanted, rtol=1e-12, atol=1e-12 * scale)


def test_mirror_of_spreads():
    here, there = (mm.spreads(m, horizons=HORIZONS, unit="abs") for m in (tape(1), mirror(tape(1))))
    for name in here.filter(regex="_abs"):
        np.testing.assert_allclose(there[name], here[name], atol=1e-10)
    assert (here["side"] == -there["side"]).all()


@pytest.mark.parametrize("seed", range(3))
def test_what_is_full_is_twice_the_half(seed):
    """The factor of 2, beside R's highfrequency (getLiquidityMeasures), whose impact is half."""
    market = tape(seed)
    found = mm.spreads(market, horizons=["2s"], unit="abs")
    v = letters(market, "2s")
    effective, realized = 2 * v["D"] * (v["P"] - v["M_t"]), 2 * v["D"] * (v["P"] - v["M_h"])
    theirs = (effective - realized) / 2
    np.testing.assert_allclose(found["impact_full_abs_2s"], 2 * theirs, atol=1e-12)
    total = found["realized_full_abs_2s"] + found["impact_full_abs_2s"]
    known = total.notna()
    np.testing.assert_allclose(found["effective_full_abs"][known], total[known], atol=1e-12)


def test_formulas_of_the_panel():
    panel = mm.panel(mm.sample(), freq="5min")
    columns = {name: panel[name] for name in panel}
    told = formulas("panel")
    for row in told.itertuples():
        wanted = computed(row.formula, columns)
        same = wanted.notna() & panel[row.column].notna()
        assert same.mean() > 0.9
        np.testing.assert_allclose(panel[row.column][same], wanted[same], atol=1e-9)
    sums = ["inventory_end", "flow", "trade_flow", "maker_volume", "participation", "return_bps"]
    assert set(sums) <= set(told["column"])


def returned() -> dict[str, list[str]]:
    """The columns of each table of the page as its function returns them."""
    market = tape(0)
    found = {name: [column.name for column in schema.columns(name)] for name in GIVEN}
    found["panel"] = list(mm.panel(market))
    found["spreads"] = list(mm.spreads(market, horizons=["2s"]))
    found["quoted_spread"] = list(mm.quoted_spread(market))
    return found


def test_no_column_is_an_orphan():
    tables = returned()
    assert set(tables) == set(PAGE["table"])
    for name, columns in tables.items():
        told = PAGE.loc[PAGE["table"] == name, "column"].str.replace("{h}", "2s")
        assert told.tolist() == columns, name


def test_every_row_is_whole():
    assert PAGE.columns.tolist() == ["table", "column", "source", *FIELDS[1:], "relative_to"]
    assert not PAGE.isna().any().any()
    assert PAGE["scale"].isin(["", "full", "half"]).all()
    assert PAGE["relative_to"].isin(["", "now", "now or later"]).all()
    assert not PAGE.duplicated(["table", "column"]).any()
    for row in PAGE[PAGE["source"].str.startswith("mm.")].itertuples():
        assert callable(getattr(mm, row.source.removeprefix("mm.")))
    for name in MEASURED:
        for row in formulas(name).itertuples():
            used = set(re.findall(r"[A-Za-z_]\w*", row.formula)) - set(LETTERS) - {"e4", "sum"}
            assert used <= set(PAGE.loc[PAGE["table"] == name, "column"])


def test_scale_and_sign_are_those_of_the_formula():
    """Full spreads hold the factor 2 or the whole width; who gains agrees with the sign."""
    told = PAGE.set_index(["table", "column"])
    spreads = told.loc["spreads"]
    signed = spreads[spreads["plus_one"].ne("") & spreads["scale"].ne("")]
    assert signed["formula"].str.contains(r"\*2\*D", regex=True).all()
    # the price moves the aggressor's way, M_h > M_t for D = 1: the maker's loss, the impact
    v = {"D": 1.0, "s": -1.0, "P": 101.0, "M_t": 100.0, "M_h": 103.0, "R": 100.0}
    for row in signed.itertuples():
        value = computed(row.formula, v)
        gain = -value if row.positive.endswith("loses") else value
        word = "impact" if "impact" in row.Index else "realized" if "realized" in row.Index else ""
        assert np.sign(gain) == {"impact": -1, "realized": -1, "": 1}[word]
