"""One writer at a time: a lock that the kernel lets go when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: there is no lock there, and two writers are not kept apart
    fcntl = None

_NAME = ".writing"


class BusyError(BlockingIOError):
    """A place that `holder`, another process, is writing."""

    def __init__(self, place: Path, holder: str) -> None:
        super().__init__(f"{place} is being written by {holder}; try again when that has ended")
        self.holder = holder


class Lock:
    """Held from `take` to `release`, or in a `with`; its file names the process that holds it.

    The file is `.writing` in the folder, or at `path`. Where its folder is not there it is made,
    and goes again if it holds nothing in the end.
    """

    def __init__(self, folder: Path, path: Path | None = None) -> None:
        self.folder, self.path = folder, path or folder / _NAME
        self._handle: int | None = None
        self._made: list[Path] = []

    def __enter__(self) -> Lock:
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def take(self) -> None:
        """Hold the folder, or refuse by the name of the process that does."""
        try:
            while not self._is_taken():
                pass  # its holder was just done, and removed what we found
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let others write; the file goes while it is still held, so that none is deceived."""
        handle, self._handle = self._handle, None
        try:
            if handle is not None:
                self.path.unlink(missing_ok=True)
        finally:
            if handle is not None:
                os.close(handle)
            self._remove_made()

    def _is_taken(self) -> bool:
        place = self.path.parent
        self._made += [p for p in (place, *place.parents) if not p.exists()]
        place.mkdir(parents=True, exist_ok=True)
        if not fcntl:
            return True
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            return False
        if not _locked(handle):
            holder = os.read(handle, 100).decode() or "another process"
            os.close(handle)
            raise BusyError(self.folder, holder)
        if not _is(handle, self.path):
            os.close(handle)
            return False
        self._handle = handle
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()}".encode())
        return True

    def _remove_made(self) -> None:
        for place in self._made:  # the deepest first
            with contextlib.suppress(OSError):  # somebody's files are in it
                place.rmdir()
        self._made = []


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
