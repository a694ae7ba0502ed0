"""Shared by every test: where real data is, and that no test touches numpy's global generator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

REALDATA = Path(__file__).resolve().parents[1].parent / "shared" / "realdata"
BAD_INPUT: Counter[str] = Counter()  # kinds of bad input, by the tests that planted them
KILLS: dict[str, dict[str, int]] = {}  # how many kills hit when, by test
EXAMPLES: Counter[str] = Counter()  # that hypothesis made and a test examined, by what was tried
SOURCES = ("binance", "ccxt", "cftc", "databento", "exchange_fills", "highfrequency", "hyperliquid")
SOURCES += ("lobster", "nepse", "options", "tardis", "uniswap", "vix")


def pytest_report_header() -> str:
    found = [name for name in SOURCES if (REALDATA / name).is_dir()]
    lacking = [name for name in SOURCES if name not in found]
    return f"real data: {', '.join(found) or 'none'}; absent: {', '.join(lacking) or 'none'}"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember the kinds of bad input that passing tests planted, and the kills they made."""
    if report.when == "call" and report.passed:
        BAD_INPUT.update(kind for name, kind in report.user_properties if name == "bad input")
        found = [kills for name, kills in report.user_properties if name == "kills"]
        KILLS.update({report.nodeid.rpartition("::")[2]: kills for kills in found})
        for what, n in (made for name, made in report.user_properties if name == "examples"):
            EXAMPLES[what] += n


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if BAD_INPUT:
        tests = sum(BAD_INPUT.values())
        line = f"bad input: {len(BAD_INPUT)} kinds were tried, in {tests:,} tests, and answered"
        terminalreporter.write_line(line)
        terminalreporter.write_line(", ".join(sorted(BAD_INPUT)))
    if EXAMPLES:
        each = ", ".join(f"{n:,} {what}" for what, n in sorted(EXAMPLES.items()))
        terminalreporter.write_line(f"at random: {EXAMPLES.total():,} examples: {each}")
    for name, kills in KILLS.items():
        told = ", ".join(f"{times} {when}" for when, times in sorted(kills.items()))
        terminalreporter.write_line(f"stopped at work, {name}: {told}")


@pytest.fixture(autouse=True)
def _bad_input(request: pytest.FixtureRequest, record_property: Callable) -> None:
    """Every `@pytest.mark.bad_input("truncated gzip")` of a test, into its report."""
    for mark in request.node.iter_markers("bad_input"):
        for kind in mark.args:
            record_property("bad input", kind)


@pytest.fixture
def examined(record_property: Callable) -> Callable[[str, int], None]:
    """Called with what was tried and how many examples of it: the summary adds them up."""
    return lambda what, n: record_property("examples", (what, n))


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real files; tests that ask for it are skipped where it is absent."""
    if not REALDATA.is_dir():
        pytest.skip("needs the real files in ../shared/realdata")
    return REALDATA


@pytest.fixture(scope="session")
def panel_of() -> Callable[..., pd.DataFrame]:
    """The function (levels, a list of one array [bars + 1] a session) -> panel of inventory."""

    from tests.panels import panel_of  # here, so that this file works where it is copied alone

    return panel_of


@pytest.fixture
def tables() -> dict[str, pd.DataFrame]:
    """A few rows of every table of the schema, invented, with missing values where they may be."""
    time = pd.to_datetime(["2024-03-08 15:00", "2024-03-08 15:01", "2024-03-11 14:00"], utc=True)
    event = pd.DataFrame({"time": time, "seq": [0, 1, 2], "symbol": ["X", "X", "Y"]})
    level = {"bid": [9.0, None, 9.5], "ask": [10.0, 10.5, 10.0], "bid_size": 3.0, "ask_size": 4.0}
    book = {f"{name}_{n}": values for n in (1, 2) for name, values in level.items()}
    fill = {"account": ["A", "B", "A"], "side": [1, -1, 1], "price": 10.0, "size": [5.0, 2.5, 1.0]}
    side, ids = [1.0, None, -1.0], ["a", None, "c"]
    return {
        "trades": event.assign(price=[10.0, 9.5, 9.75], size=1.0, side=side, trade_id=ids),
        "quotes": event.assign(**level),
        "own_quotes": event.assign(account=["A", "B", "A"], **level),
        "book": event.assign(**book),
        "orders": event.assign(order_id=ids, event="add", side=side, price=9.0, size=1.0),
        "fills": event.assign(**fill, fee=[0.1, None, -0.2], maker=[True, None, False]),
        "transfers": event.drop(columns="symbol").assign(account="A", asset="X", amount=[5, -1, 2]),
        "positions": event.drop(columns="seq").assign(account="A", position=[5.0, 0.0, -3.0]),
        "liquidations": event.assign(price=99.0, size=[1, 2, 3], side=[1, -1, -1]),
        "series": event.drop(columns="seq").assign(name="close", value=[1.0, None, -2.0]),
        "chain": pd.DataFrame(
            {"time": time, "expiry": time[2], "strike": [90.0, 100.0, 110.0], "right": "put"}
            | {"open_interest": [10, 0, None], "implied_vol": 0.2, "spot": 99.0, "multiplier": 100}
        ),
    }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    return (yield from _global_generator_untouched())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    return (yield from _global_generator_untouched())


def _global_generator_untouched() -> Iterator[None]:
    before = np.random.get_state(legacy=False)  # noqa: NPY002 (the state that we guard)
    result = yield
    after = np.random.get_state(legacy=False)  # noqa: NPY002
    np.random.set_state(before)  # noqa: NPY002
    if not _same(before["state"], after["state"]):
        pytest.fail("changes numpy's global generator; pass numpy.random.default_rng(seed)")
    return result


def _same(before: dict, after: dict) -> bool:
    return before["pos"] == after["pos"] and np.array_equal(before["key"], after["key"])
