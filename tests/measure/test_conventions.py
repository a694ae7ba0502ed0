"""The page of conventions: every formula on it is computed, every column on it is returned."""

from __future__ import annotations

import functools
import re

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import schema
from mmresearch.measure.contracts import FIELDS, LETTERS
from mmresearch.measure.conventions import GIVEN, MEASURED, TOLD
from tests.measure.order_tapes import market as of_orders

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
HORIZONS = ["2s", "30s"]
PAGE = mm.conventions()
FUNCTIONS = {"log": np.log, "sum": np.nansum}


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


def with_fills(market: mm.Market) -> mm.Market:
    """The other side of every trade is a fill of the account's."""
    trades = market["trades"]
    fills = trades.assign(account="A", side=-trades["side"], fee=0.0, counterparty="B")
    return market.replace(fills=fills.assign(maker=True))


def agrees(
    found: pd.DataFrame, name: str, market: mm.Market, horizon: str, relative_to: str = "now"
) -> int:
    """How many columns of the table have a formula; each is what that says, bps or not."""
    known, unit, checked = letters(market, horizon, relative_to), found.attrs["unit"], 0
    for row in formulas(name).itertuples():
        column = row.column.replace("{h}", horizon)
        wanted = computed(row.formula, known)
        if unit == "abs" and "_bps" in column:
            wanted = wanted * known[row.formula.rpartition("/")[2]] / 1e4
            column = column.replace("_bps", "_abs")
        if 'relative_to="later" only' in row.meaning and relative_to == "now":
            assert column not in found
            continue
        scale = 1e-12 * max(1.0, wanted.abs().max())
        np.testing.assert_allclose(found[column], wanted, rtol=1e-12, atol=scale, err_msg=column)
        checked += 1
    return checked


def partly_filled() -> mm.Market:
    """Every third trade is a fill of the account's."""
    market = with_fills(tape(0))
    return market.replace(fills=market["fills"].iloc[::3])


HOW = [("bps", "now"), ("bps", "later"), ("abs", "now")]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("unit", "relative_to"), HOW)
def test_formulas_of_spreads(seed, turned, unit, relative_to):
    market = mirror(tape(seed)) if turned else tape(seed)
    found = mm.spreads(market, horizons=HORIZONS, unit=unit, relative_to=relative_to)
    assert [agrees(found, "spreads", market, h, relative_to) for h in HORIZONS] == [9, 9]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("unit", "relative_to"), HOW)
@pytest.mark.parametrize("own", [True, False])
def test_formulas_of_markouts(seed, turned, unit, relative_to, own):
    market = mirror(tape(seed)) if turned else tape(seed)
    asked = {"horizons": HORIZONS, "unit": unit, "relative_to": relative_to}
    found = mm.markouts(with_fills(market) if own else market, **asked)
    columns = 9 if relative_to == "later" else 8
    assert [agrees(found, "markouts", market, h, relative_to) for h in HORIZONS] == [columns] * 2


@pytest.mark.parametrize("name", ["matched_fills", "positioning_by_holding"])
def test_formulas_in_columns(name):
    """What is defined by other columns of its own table is what they make."""
    market = partly_filled()
    asked = {"horizons": ["2s"]} if name == "matched_fills" else {}
    found = getattr(mm, name)(market, **asked)
    columns, checked = {c: found[c] for c in found}, 0
    for row in formulas(name).itertuples():
        formula, column = (text.replace("{h}", "2s") for text in (row.formula, row.column))
        if set(re.findall(r"[A-Za-z_]\w*", formula)) <= set(columns):
            wanted = computed(formula, columns)
            assert wanted.notna().sum() > 4
            np.testing.assert_allclose(found[column], wanted, atol=1e-12 * wanted.abs().max())
            checked += 1
    assert checked >= 2


@pytest.mark.parametrize("function", [mm.spreads, mm.markouts])
def test_mirror(function):
    here, there = (function(m, horizons=HORIZONS, unit="abs") for m in (tape(1), mirror(tape(1))))
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
    found["spread_capture"] = list(mm.spread_capture(market))
    found["positioning_by_holding"] = list(mm.positioning_by_holding(market, freq="1min"))
    found["positioning_by_period"] = list(mm.positioning_by_period(market))
    found["matched_fills"] = list(mm.matched_fills(partly_filled(), horizons=["2s"]))
    found["markouts"] = list(mm.markouts(market, horizons=["2s"], relative_to="later"))
    return found | {name: list(table) for name, table in liquidity().items()}


ORDERS = [
    (0, "a", "add", 1, 99, 10),
    (1, "b", "add", 1, 98, 4),
    (3, "b", "delete", 1, 98, 4),
    (4, "x", "delete", -1, 101, 7),
    (60, "a", "fill", 1, 99, 3),
    (70, "a", "reduce", 1, 99, 2),
    (80, "y", "fill", 1, 99, 6),
    (90, "d", "add", -1, 101.5, 8),
]


def two_levels(market: mm.Market) -> mm.Market:
    """Its quotes as a book with a second level two cents behind."""
    quotes = market["quotes"]
    book = quotes[["time", "seq", "symbol"]]
    for side, sign in (("bid", -1), ("ask", 1)):
        size = quotes[f"{side}_size"]
        levels = {f"{side}_1": quotes[side], f"{side}_2": quotes[side] + sign * 0.02}
        book = book.assign(**levels, **{f"{side}_size_1": size, f"{side}_size_2": 3 * size})
    return mm.Market(book=book)


@functools.cache
def liquidity() -> dict[str, pd.DataFrame]:
    """The tables of liquidity and variance, of the sample, the tape and a few orders."""
    market, sample = tape(0), mm.sample()
    found = {"provision": mm.provision(sample, freq="30min", account="MM1")}
    index = mm.withdrawal_index(found["provision"], components=["two_sided"])
    index = index.drop(columns=found["provision"].columns)
    found["withdrawal_index"] = index.rename(columns={"z_two_sided": "z_{c}"})
    found["forecast_table"] = mm.forecast_table(sample, account="MM1")
    found["cancellations"] = mm.cancellations(of_orders(*ORDERS))
    found["order_lives"] = mm.order_lives(of_orders(*ORDERS))
    depth = mm.depth(two_levels(market), within_bps=[2])
    found["depth"] = depth.rename(columns=lambda c: c.replace("_2bps", "_{k}bps"))
    found["slippage"] = mm.slippage(market)
    found["slippage_of_rows"] = mm.slippage(market["quotes"])
    found["recoveries"] = mm.recoveries(market, horizons=["2s"])
    found["realized_variance"] = mm.realized_variance(market, step="10s")
    return found


@pytest.mark.parametrize(
    ("name", "many"),
    [
        *(("provision", 1), ("cancellations", 4), ("order_lives", 1), ("depth", 3)),
        *(("slippage_of_rows", 4), ("realized_variance", 1)),
    ],
)
def test_formulas_of_liquidity(name, many):
    table = liquidity()[name].rename(columns=lambda c: c.replace("{k}", "K"))
    columns, told = {c: table[c] for c in table}, formulas(name)
    assert len(told) == many
    for row in told.itertuples():
        wanted = computed(row.formula.replace("{k}", "K"), columns)
        got = table[row.column.replace("{k}", "K")]
        same = wanted.notna() & got.notna()
        assert same.any(), row.column
        np.testing.assert_allclose(got[same], wanted[same], rtol=1e-12, atol=1e-12)


def test_liquidity_without_a_formula_has_none():
    for name in ("withdrawal_index", "forecast_table", "slippage", "recoveries"):
        assert formulas(name).empty, name


def test_paid_by_who_takes_is_a_cost():
    """A buy fills at the ask, above the mid, a sell at the bid: both are above 0."""
    rows = liquidity()["slippage_of_rows"].dropna(subset="cost")
    assert set(rows["side"]) == {-1.0, 1.0}
    assert rows["cost"].min() > 0
    bars = liquidity()["slippage"]
    assert all(
        (bars[c].dropna() > 0).all() and bars[c].notna().any() for c in ("buy_bps", "sell_bps")
    )


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
    assert PAGE["relative_to"].isin(["", "now", "later", "now or later"]).all()
    assert not PAGE.duplicated(["table", "column"]).any()
    for row in PAGE[PAGE["source"].str.startswith("mm.")].itertuples():
        assert callable(getattr(mm, row.source.removeprefix("mm.")))
    for name in [*MEASURED, *TOLD]:
        for row in formulas(name).itertuples():
            used = set(re.findall(r"[A-Za-z_][\w{}]*", row.formula)) - set(LETTERS)
            assert used - {"e4", "sum", "log"} <= set(PAGE.loc[PAGE["table"] == name, "column"])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("turned", [False, True])
def test_formulas_of_spread_capture(seed, turned):
    market = with_fills(mirror(tape(seed)) if turned else tape(seed))
    fee = np.random.default_rng(seed).normal(size=len(market["fills"]))
    market = market.replace(fills=market["fills"].assign(fee=fee))
    found = mm.spread_capture(market, horizon="2s")
    values = letters(market, "2s") | {"F": pd.Series(fee)} | {c: found[c] for c in found}
    told = formulas("spread_capture")
    assert len(told) == 5
    for row in told.itertuples():
        wanted = float(np.sum(computed(row.formula, values)))
        scale = found["value"].iloc[0]  # sums of terms of its size
        assert found[row.column].iloc[0] == pytest.approx(wanted, rel=1e-12, abs=1e-12 * scale)


def test_what_is_capture_of_a_fill_is_spread_earned_of_the_session():
    """Neither is doubled: the sum of capture_abs times size is spread_earned, and so adverse."""
    market = with_fills(tape(3))
    each = mm.markouts(market, horizons=["2s"], unit="abs")
    whole = mm.spread_capture(market, horizon="2s").iloc[0]
    earned = (each["capture_abs"] * each["size"]).sum()
    lost = (each["adverse_abs_2s"] * each["size"]).sum()
    assert whole[["spread_earned", "adverse_selection"]].tolist() == pytest.approx([earned, lost])


def test_markouts_are_half_of_spreads():
    """What the aggregate maker captured, kept and lost is half of the full spreads."""
    market = tape(2)
    full = mm.spreads(market, horizons=["2s"])
    half = mm.markouts(market, horizons=["2s"])
    pairs = {"capture_bps": "effective_full_bps", "markout_bps_2s": "realized_full_bps_2s"}
    for ours, theirs in (pairs | {"adverse_bps_2s": "impact_full_bps_2s"}).items():
        np.testing.assert_allclose(2 * half[ours], full[theirs], atol=1e-9)


def test_scale_and_sign_are_those_of_the_formula():
    """Full spreads hold the factor 2, half ones do not; who gains agrees with the sign.

    The aggressor bought at 101, the mid was 100 and rises to 103: the maker captured 1, lost 3.
    """
    v = {"D": 1.0, "s": -1.0, "P": 101.0, "M_t": 100.0, "M_h": 103.0, "R": 1e4, "N": 1.0, "F": 0.0}
    gains = {"effective": 2, "capture": 1, "realized": -4, "markout": -2, "impact": -6}
    gains |= {"adverse": -3, "spread": 1}
    tables = ["spreads", "markouts", "spread_capture"]
    signed = PAGE[PAGE["table"].isin(tables) & PAGE["plus_one"].ne("") & PAGE["scale"].ne("")]
    for row in signed.itertuples():
        value = computed(re.sub(r"/M_\w$", "/R", row.formula), v)
        gain = -value if row.positive.endswith("loses") else value
        assert gain == gains[row.column.partition("_")[0]], row.column
        assert ("2*D" in row.formula) == (row.scale == "full")
