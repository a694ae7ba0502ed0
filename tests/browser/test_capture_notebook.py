"""Notebook 05 in JupyterLab on a small market: its explorer redraws by every choice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

import mmresearch as mm
from mmresearch.show.execute import read
from mmresearch.show.parameters import inject
from tests.browser.test_lab import READY, RUN, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "05_spread_capture.ipynb"
MINUTES = 8 * 60_000  # milliseconds; a busy machine runs the notebook in some of these
IDLE = """() => window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.status
  === 'idle'"""


@pytest.fixture
def lab(tmp_path: Path, chromium: Browser) -> Iterator[str]:
    """JupyterLab with the notebook, without outputs, on three short days with both makers."""
    made = mm.simulate.market(days=3, session_seconds=3600, seed=5).market
    nb = inject(read(NOTEBOOK), {"DATA": str(made.save(tmp_path / "small"))})
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    (tmp_path / "root").mkdir()
    nbformat.write(nb, tmp_path / "root" / "study.ipynb")
    yield from served(tmp_path)


@pytest.mark.slow
def test_the_explorer_of_what_the_maker_earns_redraws_by_horizon_reference_and_fees(
    lab: str, chromium: Browser
):
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.goto(lab)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.evaluate(READY)
    page.evaluate(RUN)
    waterfall = page.locator(".jp-OutputArea .widget-vbox:has-text('maker bps')").first
    waterfall.wait_for(timeout=MINUTES)
    page.wait_for_function(IDLE, timeout=MINUTES)
    assert (
        page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count()
        == 0
    )
    seen = {_picture(waterfall)}
    _move(waterfall, page)  # the horizon, a slider
    seen.add(_redrawn(waterfall, page, seen))
    for label, choice in (("reference", "microprice"), ("maker bps", "0.5")):
        box = waterfall.locator(".widget-dropdown", has_text=label).locator("select")
        box.select_option(label=choice)
        seen.add(_redrawn(waterfall, page, seen))
    assert len(seen) == 4
    page.close()


def _picture(explorer: Locator) -> str:
    return explorer.locator(".widget-html-content img").get_attribute("src")


def _move(explorer: Locator, page: Page) -> None:
    explorer.locator(".widget-slider .noUi-handle").focus()
    page.keyboard.press("ArrowRight")


def _redrawn(explorer: Locator, page: Page, seen: set[str]) -> str:
    """The next picture, once it is another than all before."""
    for _ in range(600):
        source = _picture(explorer)
        if source not in seen:
            return source
        page.wait_for_timeout(100)
    pytest.fail("the explorer was not drawn anew")
