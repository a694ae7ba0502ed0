"""The explorer live in JupyterLab: a control moves, the figure changes."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

QUIET = '{"fetchNews": "false", "checkForUpdates": false, "doNotDisturbMode": true}'
READY = """async () => {
  const app = window.jupyterapp; await app.restored;
  const panel = app.shell.currentWidget; await panel.revealed; await panel.context.ready;
  await panel.context.sessionContext.ready;
  await panel.context.sessionContext.session.kernel.info; }"""
# Through the application's own commands: a click on its menu is lost now and then.
RUN = "async () => await window.jupyterapp.commands.execute('notebook:run-all-cells')"
EXPLORE = (
    "import matplotlib.pyplot as plt\nimport mmresearch as mm\n"
    "mm.explore(lambda freq: plt.plot([0, len(freq)]) and plt.gca(), "
    "freq=['1min', '15min'])"
)


@pytest.fixture
def lab(tmp_path: Path, chromium: Browser) -> Iterator[str]:
    """The address of a JupyterLab that serves one notebook; nothing of the user's is touched."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(EXPLORE)])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    (tmp_path / "root").mkdir()
    nbformat.write(nb, tmp_path / "root" / "study.ipynb")
    yield from served(tmp_path)


def served(tmp_path: Path) -> Iterator[str]:
    """JupyterLab on `root/study.ipynb` of the folder, while its address is in use."""
    settings = tmp_path / "lab/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(QUIET)
    port, token = _free_port(), secrets.token_hex(16)
    address = f"http://127.0.0.1:{port}"
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [*_command(port, token), f"--ServerApp.root_dir={tmp_path / 'root'}"],
            env=os.environ | _own_folders(tmp_path),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _await(f"{address}/api?token={token}", server)
            yield f"{address}/lab/tree/study.ipynb?token={token}&reset"
        finally:
            server.terminate()
            server.wait(30)


def test_moving_the_slider_changes_the_figure(lab: str, chromium: Browser):
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(lab)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.evaluate(READY)
    page.evaluate(RUN)
    figure = page.locator(".jp-OutputArea .widget-html-content img")
    figure.wait_for(timeout=60_000)
    assert page.locator(".jp-OutputArea-output img").count() == 1  # the widget, not its picture
    before = figure.get_attribute("src")
    assert page.locator(".widget-readout").inner_text() == "1min"
    _press(page, "ArrowRight", until_not=before)
    assert page.locator(".widget-readout").inner_text() == "15min"
    after = figure.get_attribute("src")
    assert after != before
    _press(page, "ArrowLeft", until_not=after)
    assert figure.get_attribute("src") == before
    page.close()
    here = lab.split("/lab/")[0]
    own = (here, here.replace("http", "ws"), "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []


def _press(page: Page, key: str, *, until_not: str) -> None:
    page.locator(".widget-slider .noUi-handle").focus()
    page.keyboard.press(key)
    page.wait_for_function(
        "old => document.querySelector('.widget-html-content img').src !== old",
        arg=until_not,
        timeout=30_000,
    )


def _command(port: int, token: str) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
        *(f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"),
        *("--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None"),
    ]


def _own_folders(place: Path) -> dict[str, str]:
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "run",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "lab",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    return {name: str(place / folder) for name, folder in folders.items()}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _await(address: str, server: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail("JupyterLab did not start")
