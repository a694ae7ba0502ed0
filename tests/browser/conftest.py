"""Chromium through Playwright, and a report with one of everything to open in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CELLS = (
    "# Does the inventory revert?\n\nHow fast, with $\\rho$ the share left after one bar?\n\n"
    "## The model\n\n$$\\hat\\rho = \\frac{\\sum_t I_t I_{t+1}}{\\sqrt{\\sum_t I_t^2}}, \\qquad "
    "\\Delta I_t = \\alpha - \\kappa (I_{t-1} - \\bar I) + \\gamma x_t + \\delta z_t "
    "+ \\varepsilon_t$$\n\n### A detail\n\n### A detail",
    'DATA = "sample"',
    "import matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd\n"
    "import mmresearch as mm\nmarket = mm.open(DATA)\nmarket",
    "mm.doubts(mm.check(mm.sample()))",
    "plt.figure(figsize=(8, 3)).gca().plot(np.arange(9) ** 2)\nplt.gca().set_title('a figure');",
    "pd.DataFrame(np.ones((3, 20)), columns=[f'a long name {i}' for i in range(20)])",
    "mm.explore(lambda freq, lag: plt.plot([0, len(freq) * lag]) and plt.gca(), "
    "freq=['1min', '15min'], lag=[1, 2])",
    "from ipywidgets import IntSlider, interactive_output\n"
    "interactive_output(lambda lag: print('lag', lag), {'lag': IntSlider(3)})",
    "print('a line that is long enough to be wider than a telephone: ' + 'word ' * 40)",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium that cannot reach any other machine.

    Of a module, not of the session: while it is open Playwright's event loop runs in this thread,
    and the tests that come after could not start one of their own.
    """
    found = shutil.which("chromium") or "/usr/bin/chromium"
    if not os.access(found, os.X_OK):
        pytest.skip("needs Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on a small market, made once."""
    place = tmp_path_factory.mktemp("browser")
    fills = pd.DataFrame(
        {
            "time": pd.date_range("2024-03-04 14:30", periods=4, freq="min", tz="UTC"),
            "seq": np.arange(4),
            "account": "MM1",
            "symbol": "XYZ",
            "side": [1, -1, 1, 1],
            "price": [10.0, 10.1, 10.0, 9.9],
            "size": [1.0, 2.0, 3.0, 4.0],
        }
    )
    mm.Market(fills=fills, name="four fills").save(place / "four")
    cells = [_cell(text) for text in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), place / "study.ipynb")
    return mm.report(place / "study.ipynb", data=place / "four", output=place / "out")


def _cell(text: str) -> nbformat.NotebookNode:
    if text.startswith("# "):
        return nbformat.v4.new_markdown_cell(text)
    tags = {"tags": ["parameters"]} if text.startswith("DATA") else {}
    return nbformat.v4.new_code_cell(text, metadata=tags)
