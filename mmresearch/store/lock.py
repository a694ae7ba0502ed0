"""One writer at a time: a lock that the kernel lets go when its process ends, however it ends."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: there is no lock there, and two writers are not kept apart
    fcntl = None

_NAME = ".writing"


class Lock:
    """Held from `take` to `release`; the file names the process that holds it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / _NAME
        self._handle: int | None = None

    def take(self) -> None:
        """Hold the folder, or refuse by the name of the process that does."""
        while fcntl and self._handle is None:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            if not _locked(handle):
                holder = os.read(handle, 100).decode() or "another process"
                os.close(handle)
                raise BlockingIOError(
                    f"{self.folder} is being written by {holder}; try again when that has ended"
                )
            if _is(handle, self.path):
                self._handle = handle
            else:  # its holder was just done, and removed the file that we opened
                os.close(handle)
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.write(self._handle, f"process {os.getpid()}".encode())

    def release(self) -> None:
        """Let others write; the file goes while it is still held, so that none is deceived."""
        if self._handle is None:
            return
        try:
            self.path.unlink(missing_ok=True)
        finally:
            os.close(self._handle)
            self._handle = None


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
