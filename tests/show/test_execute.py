"""A notebook runs from top to bottom; a failure says where; what is written back is small."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_client import KernelClient
from nbclient import NotebookClient

from mmresearch.show import kernel
from mmresearch.show.execute import ReportError, execute, execute_in_place, read, sources_hash

FIGURE = "import matplotlib.pyplot as plt\nplt.figure(figsize=(3, 2)).gca().plot([1, 2]);"
Write = Callable[..., Path]


def run(path: Path, **options: object) -> nbformat.NotebookNode:
    return execute(read(path), folder=path.parent, name=path.stem, **options)


def test_the_kernel_is_this_python_in_the_notebooks_folder_and_figures_are_vectors_at_once(
    write: Write,
):
    path = write("one", FIGURE, "import sys, os\nprint(sys.executable)\nprint(os.getcwd())")
    places: list[int] = []
    nb = run(path, on_cell=places.append)
    assert "image/svg+xml" in nb.cells[0].outputs[0].data
    assert nb.cells[1].outputs[0].text.split("\n")[:2] == [sys.executable, str(path.parent)]
    assert [cell.execution_count for cell in nb.cells] == [1, 2]
    assert places == [0, 1]


def test_a_failing_cell_is_named_by_its_place_and_first_line(write: Write):
    path = write("broken", "# Title", 'DATA = "sample"', "x = 1\ny = x / 0")
    expected = r"broken, code cell 2 \(x = 1\): ZeroDivisionError: division by zero"
    with pytest.raises(ReportError, match=expected) as caught:
        run(path)
    assert "y = x / 0" in caught.value.traceback


def test_a_kernel_that_dies_is_said_to(write: Write):
    path = write("dies", "import os\nos._exit(3)")
    with pytest.raises(ReportError, match=r"dies, code cell 1 \(import os\): the kernel died"):
        run(path)


def test_an_interrupt_stops_at_once_and_ends_the_kernel(write: Write, tmp_path: Path):
    cell = f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))"
    write("sleepy", f"{cell}\ntime.sleep(100)")
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from pathlib import Path; from mmresearch.show.execute import execute, read\n"
        "execute(read('sleepy.ipynb'), folder=Path.cwd(), name='sleepy')"
    )
    command = [sys.executable, "-c", code]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    written = _await(tmp_path / "pid")
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=20)[1]
    assert said.splitlines()[-1] == "KeyboardInterrupt"
    with pytest.raises(ProcessLookupError):
        os.kill(int(written), 0)


def _await(path: Path) -> str:
    """The file's content, once there is some."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path} was never written")


def test_a_report_can_be_made_inside_a_running_loop(write: Write):
    """As in a notebook, whose own loop is running."""
    path = write("one", "1 + 1")

    async def inside() -> nbformat.NotebookNode:
        return run(path)

    assert asyncio.run(inside()).cells[0].outputs[0].data["text/plain"] == "2"


def test_a_reply_whose_wake_up_was_lost_is_found(monkeypatch: pytest.MonkeyPatch):
    """nbclient issue 312: who waits without an end waits for ever, who asks again finds it."""
    asked: list[float | None] = []

    async def get_msg(timeout: float | None = None) -> dict:
        asked.append(timeout)
        if timeout is None:
            await asyncio.sleep(3600)
        if len(asked) < 3:
            raise Empty
        return {"content": "the reply"}

    async def start(_client: NotebookClient) -> SimpleNamespace:
        return SimpleNamespace(shell_channel=SimpleNamespace(get_msg=get_msg))

    async def ask(**options: float) -> dict:
        client = await kernel.Client(nbformat.v4.new_notebook()).async_start_new_kernel_client()
        return await asyncio.wait_for(client.shell_channel.get_msg(**options), 5)

    monkeypatch.setattr(NotebookClient, "async_start_new_kernel_client", start)
    assert asyncio.run(ask()) == {"content": "the reply"}
    asked.clear()
    with pytest.raises(Empty):
        asyncio.run(ask(timeout=0))


def test_a_request_that_the_kernel_did_not_notice_is_followed_by_another(
    write: Write, monkeypatch: pytest.MonkeyPatch
):
    """A request that came while a reply was sent is read when the next one comes."""
    monkeypatch.setattr(kernel, "_NUDGE", 0.5)
    start = kernel.NotebookClient.async_start_new_kernel_client
    unnoticed = []

    async def start_deaf(client: NotebookClient) -> KernelClient:
        found = await start(client)
        send = found.shell_channel.send

        def send_late(message: dict) -> None:
            if unnoticed:
                send(unnoticed[0])
                found.shell_channel.send = send
            elif message["msg_type"] == "execute_request":
                unnoticed.append(message)
                return
            send(message)

        found.shell_channel.send = send_late
        return found

    monkeypatch.setattr(NotebookClient, "async_start_new_kernel_client", start_deaf)
    nb = run(write("one", "1 + 1", "2 + 2"))
    assert [cell.outputs[0].data["text/plain"] for cell in nb.cells] == ["2", "4"]
    assert unnoticed


def test_a_notebook_is_written_back_small_and_the_same_each_time(write: Write):
    explorer = (
        "import mmresearch as mm\n"
        "mm.explore(lambda k: plt.plot([0, k]) and plt.gca(), k=[1, 2], start={'k': 2})"
    )
    path = write("study", "# Title", FIGURE, explorer, "1 + 1")
    first = execute_in_place(path).read_bytes()
    nb = read(path)
    assert [c.execution_count for c in nb.cells if c.cell_type == "code"] == [1, 2, 3]
    assert set(nb.cells[1].outputs[0].data) == {"image/png", "text/plain"}
    assert set(nb.cells[2].outputs[0].data) == {"image/png"}
    assert set(nb.metadata) == {"kernelspec", "language_info", "mmresearch"}
    assert nb.metadata.mmresearch.sources == sources_hash(nb)
    assert all(not cell.metadata for cell in nb.cells)
    assert execute_in_place(path).read_bytes() == first
    assert str(path.parent).encode() not in first


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import warnings\nwarnings.warn('one day only')", "writes to stderr"),
        ("import ipywidgets\nipywidgets.IntSlider()", "widget without a picture"),
    ],
)
def test_what_cannot_be_committed_leaves_the_file_as_it_was(write: Write, source: str, said: str):
    path = write("study", source)
    before = path.read_bytes()
    with pytest.raises(ReportError, match=said):
        execute_in_place(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["study.ipynb"]


def test_the_sources_hash_follows_sources_not_outputs(write: Write):
    nb = read(write("a", "# Title", "1"))
    same = read(write("b", "# Title", "1"))
    same.cells[1].outputs = [nbformat.v4.new_output("stream", text="1")]
    assert sources_hash(nb) == sources_hash(same)
    assert sources_hash(nb) != sources_hash(read(write("c", "# Title", "2")))
    assert sources_hash(nb) != sources_hash(read(write("d", "# Title", "1", "")))


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"a": 1}', "not json"])
def test_a_file_that_is_no_notebook_is_refused(tmp_path: Path, content: str):
    path = tmp_path / "x.ipynb"
    path.write_text(content)
    with pytest.raises(ValueError, match="is not a notebook"):
        read(path)
