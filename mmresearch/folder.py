"""Market folders: opened, and several read as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmresearch import store
from mmresearch.market import Market
from mmresearch.receipt import Receipt
from mmresearch.symbols import symbol_table


def open_market(folder: str | Path) -> Market:
    """Open a saved market; each table is read when it is first asked for.

    "sample" is the bundled sample, simulated with known truth (see data/README.md).
    """
    folder = _sample_folder() if str(folder) == "sample" else Path(folder)
    manifest = store.read_manifest(folder)
    if manifest is None:
        return _laid_by_hand(folder)
    market = Market(name=manifest.get("name", folder.name))
    stored = store.Stored(folder, manifest["tables"])
    market._stored = stored.without(("set_aside", "symbols"))
    told = "symbols" in stored.entries
    symbols = store.to_pandas(stored.read("symbols")) if told else None
    market.symbols = symbol_table(symbols, [] if told else market._traded(), "24/7")
    if "receipt" in manifest:
        aside = store.to_pandas(stored.read("set_aside"))
        market.receipt = Receipt.from_facts(manifest["receipt"], aside)
    return market


def linked(parts: Sequence[Market], ahead: Sequence[int], **about: Any) -> Market:
    """Saved markets as one, read where they lie.

    Parameters
    ----------
    parts : list of Market
        As `open_market` gives them, with the same columns in the same types.
    ahead : list of int
        What is added to the `seq` of each.
    **about
        The symbols, receipt and name of the whole, as `Market` takes them.
    """
    market = Market(**about)
    market._stored = store.Stored.linked([part._stored for part in parts], ahead)
    return market


def is_saved(market: Market) -> bool:
    """Whether all tables lie in a folder, as they were written."""
    stored = market._stored
    return stored.is_whole and all(name in stored.entries for name in market)


def _laid_by_hand(folder: Path) -> Market:
    tables = store.by_hand(folder)
    return Market(name=folder.name, symbols=tables.pop("symbols", None), **tables)


def sample() -> Market:
    """The bundled sample: two simulated makers with known truth (see data/README.md)."""
    return open_market("sample")


def _sample_folder() -> Path:
    """Beside the package in a checkout, inside it when installed."""
    here = Path(__file__).parent
    beside = here.parent / "data" / "sample"
    return beside if beside.is_dir() else here / "sample"
