"""The bytes of a file, whatever it is packed in, and never more of them than a stated limit.

Packed files are unpacked piece by piece and given up at the limit, so that a file made to burst
memory costs no more than it. Files reached through a link are read as any other; pipes, devices
and links that lead nowhere are refused before they are opened, as reading them may never end.
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO

import pyarrow as pa

from mmresearch.receipt import Fault

MOST_GB = "MMRESEARCH_MAX_UNPACKED_GB"  # what one packed file may hold; 8 if not set
MOST_TIMES = "MMRESEARCH_MAX_UNPACKED_TIMES"  # and how many times its own size; 300 if not set
_SMALL = 64 * 2**20  # whatever a file of any size may hold
_PIECE = 2**20
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_FRAMES = {b"\x04\x22\x4d\x18": "lz4", b"\x28\xb5\x2f\xfd": "zstd"}
_PACKED = (_GZIP, _ZIP, *_FRAMES)
_ENCRYPTED = 0x1


class _RefusedError(Exception):
    """A packed file that is not unpacked: what was found, what was expected."""


class UnreadableError(Exception):
    """A file whose bytes cannot be had; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def read_bytes(path: Path) -> bytes | Fault:
    """The bytes of a file, unpacked if they are gzip, zip (of one file), lz4 or zstandard."""
    held = io.BytesIO()
    try:
        for piece in pieces(path):
            held.write(piece)
    except UnreadableError as error:
        return error.fault
    return held.getvalue()


def pieces(path: Path, size: int = _PIECE) -> Iterator[bytes]:
    """The unpacked bytes of a file, as many at a time.

    Raises
    ------
    UnreadableError
        Also after pieces that are sound, where a file is damaged further on.
    """
    fault = irregular(path)
    if fault is not None:
        raise UnreadableError(fault)
    try:
        with path.open("rb") as handle:
            yield from _unpacked(handle, path.stat().st_size, size)
        return
    except _RefusedError as refused:
        found, expected = refused.args
    except PermissionError:
        found, expected = "no permission to read it", "a readable file"
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        found, expected = f"a damaged or truncated gzip file ({error})", "a whole one"
    except (zipfile.BadZipFile, lzma.LZMAError, RuntimeError, pa.ArrowException) as error:
        found, expected = f"a damaged or truncated file ({error})", "a whole one"
    except OSError as error:
        found, expected = f"a file that cannot be read ({error})", "a readable file"
    raise UnreadableError(Fault(str(path), None, found, expected))


def is_packed(path: Path) -> bool:
    """Whether a file's bytes are not those that `pieces` gives; of one that opens."""
    if irregular(path) is not None:
        return False
    try:
        with path.open("rb") as handle:
            return handle.read(4).startswith(_PACKED)
    except OSError:
        return False


def irregular(path: Path) -> Fault | None:
    """What is wrong with a path that leads to no file; a link leads to what it names."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            return Fault(
                str(path), None, f"a link to {path.readlink()}, which is not there", "a file"
            )
        return Fault(str(path), None, "no such file", "a file")
    except (OSError, ValueError) as error:  # no permission, a loop of links, a name of no file
        said = getattr(error, "strerror", None) or error
        return Fault(str(path), None, f"a path that cannot be followed ({said})", "a file")
    if stat.S_ISDIR(mode):
        return Fault(str(path), None, "a directory", "a file")
    if not stat.S_ISREG(mode):
        return Fault(str(path), None, "a pipe, socket or device", "a file that ends")
    return None


def limit(variable: str, default: float) -> float:
    """A limit as the environment sets it."""
    said = os.environ.get(variable, "")
    try:
        value = float(said or default)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise ValueError(f"{variable} is {said!r}; give a number above 0")
    return value


def most_bytes() -> int:
    """The most bytes that one packed file may hold."""
    return int(limit(MOST_GB, 8) * 1e9)


def _unpacked(handle: BinaryIO, packed: int, size: int) -> Iterator[bytes]:
    start = handle.read(4)
    handle.seek(0)
    if start.startswith(_GZIP):
        yield from _limited(gzip.GzipFile(fileobj=handle).read, packed, size)
    elif start.startswith(_ZIP):
        with zipfile.ZipFile(handle) as archive, archive.open(_only_member(archive)) as file:
            yield from _limited(file.read, packed, size)
    elif start in _FRAMES:
        yield from _streamed(handle, packed, size, _FRAMES[start])
    else:
        yield from iter(partial(handle.read, size), b"")


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        raise zipfile.BadZipFile(f"it holds {len(members)} files, not one")
    (member,) = members
    if _leads_out(member.filename):
        found = f"a zip of {member.filename!r}, a path outside its folder"
        raise _RefusedError(found, "a zip of one file by its name; who made it?")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise _RefusedError(f"a zip of a link, {member.filename!r}", "a zip of one file")
    if member.flag_bits & _ENCRYPTED:
        raise _RefusedError(f"a zip of {member.filename!r} under a password", "one without")
    return member


def _leads_out(name: str) -> bool:
    """Whether a name within an archive is a path to elsewhere, on any system."""
    windows = PureWindowsPath(name)
    parts = {*PurePosixPath(name).parts, *windows.parts}
    return ".." in parts or name.startswith("/") or bool(windows.drive or windows.root)


def _streamed(handle: BinaryIO, packed: int, size: int, packing: str) -> Iterator[bytes]:
    try:
        with pa.input_stream(pa.PythonFile(handle), compression=packing) as stream:
            yield from _limited(stream.read, packed, size)
    except OSError as error:  # which elsewhere says that a file cannot be read at all
        raise pa.ArrowInvalid(str(error)) from None


def _limited(read: Callable[[int], Any], packed: int, size: int) -> Iterator[bytes]:
    """All that `read` gives, piece by piece; given up once it is more than a file may hold."""
    times, total = limit(MOST_TIMES, 300), 0
    most = min(most_bytes(), max(_SMALL, int(times * packed)))
    while piece := read(size):
        if not total and piece.startswith(_PACKED):
            raise _RefusedError("a packed file within a packed file", "one that is packed once")
        total += len(piece)
        if total > most:
            found = f"{packed:,} bytes that unpack to more than {most:,}"
            raise _RefusedError(found, f"{_expected(times)}; if it is sound, set them higher")
        yield piece


def _expected(times: float) -> str:
    return (
        f"at most {most_bytes() / 1e9:g} GB ({MOST_GB}) and, above {_SMALL / 2**20:g} MB, "
        f"{times:g} times the packed size ({MOST_TIMES})"
    )
