"""Every notebook runs from top to bottom: on the sample, and on real data where it is there."""

from __future__ import annotations

import contextlib
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.show.execute import execute, read
from mmresearch.show.parameters import inject

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
REALDATA = ROOT.parent / "shared" / "realdata"
LOBSTER = REALDATA / "lobster" / "AMZN_2012-06-21_level1"
NEPSE = REALDATA / "nepse"
MINUTE = 60

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
needs_lobster = pytest.mark.skipif(not LOBSTER.is_dir(), reason="needs ../shared/realdata/lobster")
needs_nepse = pytest.mark.skipif(not NEPSE.is_dir(), reason="needs ../shared/realdata/nepse")


@contextlib.contextmanager
def limit(seconds: int, places: list[int]) -> Iterator[None]:
    """Fail instead of waiting for ever for a kernel that hangs; `places`: cells that were begun."""

    def give_up(*_: object) -> None:
        pytest.fail(f"not done after {seconds} s, in cell {places[-1:]} (from 0)")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(path: Path, **parameters: object) -> list[str]:
    """Run the notebook; the texts that it shows."""
    nb, begun = inject(read(path), parameters), []
    with limit(10 * MINUTE, begun):
        execute(nb, folder=path.parent, name=path.stem, on_cell=begun.append)
    shown = []
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            assert output.get("name") != "stderr", output.get("text")
            shown += [output.get("text", ""), *map(str, output.get("data", {}).values())]
    return shown


@every_notebook
def test_runs_on_the_sample_in_under_a_minute(path):
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    shown = run(path)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime
    assert 0.5 < spent < MINUTE  # the kernel's own time: a busy machine does not change it
    assert any(text.strip() for text in shown)


@pytest.fixture(scope="session")
def amzn(tmp_path_factory) -> Path:
    """AMZN's day as a market folder."""
    [message], [book] = LOBSTER.glob("*message*"), LOBSTER.glob("*orderbook*")
    return mm.load.lobster(message, book).save(tmp_path_factory.mktemp("real") / "amzn")


@pytest.fixture(scope="session")
def nepse(tmp_path_factory) -> Path:
    """The 25 sessions of the floorsheet as a market folder."""
    return mm.load.floorsheet(NEPSE).save(tmp_path_factory.mktemp("real") / "nepse")


def _asks_for_an_account(path: Path) -> bool:
    first = next(cell for cell in read(path).cells if cell.cell_type == "code")
    return "ACCOUNT" in first.source


@needs_lobster
@every_notebook
def test_runs_on_a_day_of_lobster(path, amzn):
    shown = " ".join(run(path, DATA=str(amzn)))
    # no account's fills: a notebook about an account says whose it infers, one about books, which
    assert ("aggregate" if _asks_for_an_account(path) else "AMZN") in shown


@needs_nepse
@every_notebook
def test_runs_on_the_floorsheets_of_a_broker(path, nepse):
    about = {"ACCOUNT": "D01"} if _asks_for_an_account(path) else {}
    shown = " ".join(run(path, DATA=str(nepse), **about))
    assert ("D01" if about else "no quotes and no book") in shown


@pytest.mark.slow
def test_own_quotes_of_a_symbol_without_a_tick_have_theory_beside_them(tmp_path):
    """All is in basis points then: skew, volatility, own spread and the k of fills."""
    sample = mm.sample()
    tables = {name: sample[name] for name in sample if name != "symbols"}
    bare = mm.Market(symbols=sample.symbols.assign(tick=float("nan")), **tables)
    folder = bare.save(tmp_path / "bare")
    [path] = [path for path in NOTEBOOKS if path.stem == "03_quote_skew"]
    shown = " ".join(run(path, DATA=str(folder)))
    assert "theory halves the inventory in" in shown
    assert "1/bps a lot" in shown


@pytest.mark.parametrize("source", ["uniswap", "highfrequency"])
def test_quotes_of_a_pool_and_of_a_tape_without_sides_are_answered(source, realdata, tmp_path):
    loader = {"uniswap": mm.load.uniswap, "highfrequency": mm.load.taq}[source]
    folder = loader(*sorted((realdata / source).glob("*.csv*"))).save(tmp_path / source)
    [path] = [path for path in NOTEBOOKS if path.stem == "03_quote_skew"]
    assert "not identified" in " ".join(run(path, DATA=str(folder)))


@pytest.mark.slow
@pytest.mark.parametrize("tables", [["trades"], ["trades", "quotes", "fills"]])
def test_what_a_maker_earns_without_quotes_or_fees_is_answered(tables, tmp_path):
    """Prints alone have the last print as the reference; fees that are not known are said."""
    sample = mm.sample()
    held = {name: sample[name].drop(columns="fee", errors="ignore") for name in tables}
    folder = mm.Market(symbols=sample.symbols, **held).save(tmp_path / "bare")
    [path] = [path for path in NOTEBOOKS if path.stem == "05_spread_capture"]
    shown = " ".join(run(path, DATA=str(folder)))
    assert ("what a fill was worth just before it is not known" in shown) == ("fills" not in tables)
    assert "earned from the spread" in shown
    assert "fees_unknown" in shown


def test_what_a_pool_earns_is_answered(realdata, tmp_path):
    folder = mm.load.uniswap(*sorted((realdata / "uniswap").glob("*.csv"))).save(tmp_path / "pool")
    [path] = [path for path in NOTEBOOKS if path.stem == "05_spread_capture"]
    shown = " ".join(run(path, DATA=str(folder)))
    assert "no prints that others were passive in" in shown  # the pool is in every trade
    assert "pool" in shown


@pytest.mark.slow
def test_what_a_pool_cannot_say_of_depth_is_said(realdata, tmp_path):
    folder = mm.load.uniswap(*sorted((realdata / "uniswap").glob("*.csv"))).save(tmp_path / "pool")
    [path] = [path for path in NOTEBOOKS if path.stem == "08_depth_and_slippage"]
    assert "The quotes have no sizes" in " ".join(run(path, DATA=str(folder)))


@pytest.mark.slow
def test_what_prints_alone_say_of_depth_is_said(tmp_path):
    sample = mm.sample()
    folder = mm.Market(symbols=sample.symbols, trades=sample["trades"]).save(tmp_path / "tape")
    [path] = [path for path in NOTEBOOKS if path.stem == "08_depth_and_slippage"]
    shown = " ".join(run(path, DATA=str(folder)))
    assert "no depth is shown for any time" in shown
    assert "no quotes and no book" in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("06_liquidity_withdrawal", "taq", "780 bars of 1min on 2 day(s)"),
        ("08_depth_and_slippage", "taq", "seem to be in different units of size"),
        ("07_volatility_forecast", "uniswap", "variance 0"),
        ("07_volatility_forecast", "binance", "not identified, half of the rows before"),
        ("08_depth_and_slippage", "binance", "fewer than 20 large trades"),
    ],
)
def test_what_little_a_short_or_odd_market_says_of_liquidity_is_said(
    name, source, said, realdata, tmp_path
):
    """Two days, quotes in round lots, a pool whose price stands still, six minutes."""
    places = {"taq": "highfrequency/*.csv*", "uniswap": "uniswap/*.csv"}
    files = sorted(realdata.glob(places.get(source, "binance/spot/*.gz")))
    folder = getattr(mm.load, source)(*files).save(tmp_path / source)
    [path] = [path for path in NOTEBOOKS if path.stem == name]
    assert said in " ".join(run(path, DATA=str(folder)))
