"""A kernel of this very python, set up so that the same notebook gives the same outputs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

from jupyter_client import AsyncKernelManager, KernelClient
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

_NUDGE = 5.0  # seconds without a reply until the kernel is sent another request
# pandas cuts text at 50 characters, in HTML too; the words in a report are there to be read.
_WHOLE_WORDS = "__import__('pandas').set_option('display.max_colwidth', 300)"


class ThisPython(AsyncKernelManager):
    """Starts a kernel with the python that runs this, whatever kernels the machine names."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class Client(NotebookClient):
    """A client that looks for the reply itself, and ends its kernel when it is interrupted.

    With Output widgets the wake-up for a reply can be lost and the run waits for ever (nbclient
    issue 312); asking in short slices finds the reply that has come. A kernel can miss the wake-up
    for a request as well (ipykernel issue 1554): the next request makes it read both.
    """

    def run(self, env: dict[str, str]) -> NotebookNode:
        """Run every cell; also from inside a running event loop, as a notebook's own is."""
        work = self.async_execute(env=env)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(work)
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, work).result()

    @asynccontextmanager
    async def async_setup_kernel(self, **options: Any) -> AsyncGenerator[None]:
        """Start the kernel and end it; without nbclient's handlers, which swallow an interrupt."""
        self.km = self.create_kernel_manager()
        try:
            await self.async_start_new_kernel(**options)
            await self.async_start_new_kernel_client()
            yield
        except BaseException:
            self.shutdown_kernel = "immediate"
            if asyncio.current_task().cancelling():  # nbclient calls an interrupt a dead kernel
                raise asyncio.CancelledError from None
            raise
        finally:
            if self.km is not None:
                await self._async_cleanup_kernel()

    async def async_start_new_kernel_client(self) -> KernelClient:
        client = await super().async_start_new_kernel_client()
        ask = client.shell_channel.get_msg

        async def ask_in_slices(timeout: float | None = None) -> dict:
            begun = nudged = monotonic()
            while True:
                try:
                    return await ask(timeout=0.25 if timeout is None else min(0.25, timeout))
                except Empty:
                    now = monotonic()
                    if timeout is not None and now >= begun + timeout:
                        raise
                    if now >= nudged + _NUDGE:
                        client.kernel_info()
                        nudged = now

        client.shell_channel.get_msg = ask_in_slices
        return client


def client(
    nb: NotebookNode,
    *,
    folder: Path,
    scratch: Path,
    figures: Sequence[str],
    on_cell: Callable[[NotebookNode, int], None],
) -> Client:
    """A client to run the notebook in its folder, with figures in these formats."""
    settings = Config()
    settings.ThisPython.connection_file = str(scratch / "kernel.json")
    settings.ThisPython.transport = "ipc" if os.name == "posix" else "tcp"
    return Client(
        nb,
        config=settings,
        kernel_manager_class=ThisPython,
        timeout=None,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=lambda cell, cell_index: on_cell(cell, cell_index),
        extra_arguments=[
            "--HistoryManager.enabled=False",
            "--IPKernelApp.matplotlib=inline",
            f"--IPKernelApp.exec_lines={_WHOLE_WORDS}",
            *(f"--InlineBackend.figure_formats={name}" for name in figures),
        ],
    )


def environment(scratch: Path, *, dpi: int, more: dict[str, str]) -> dict[str, str]:
    """The kernel's environment: the user's, without what would change the outputs."""
    style = scratch / "matplotlibrc"
    style.write_text(
        f"svg.hashsalt: mmresearch\nsvg.fonttype: path\nfigure.dpi: {dpi}\n", encoding="utf-8"
    )
    return os.environ | {
        "IPYTHONDIR": str(scratch / "ipython"),
        "MATPLOTLIBRC": str(style),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONHASHSEED": "0",
        **more,
    }
