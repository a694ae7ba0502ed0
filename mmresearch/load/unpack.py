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
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

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


def read_bytes(path: Path) -> bytes | Fault:
    """The bytes of a file, unpacked if they are gzip, zip (of one file), lz4 or zstandard."""
    fault = irregular(path)
    if fault is not None:
        return fault
    try:
        data = path.read_bytes()
        return _unpacked(data)
    except _RefusedError as refused:
        return Fault(str(path), None, *refused.args)
    except PermissionError:
        return Fault(str(path), None, "no permission to read it", "a readable file")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        return Fault(str(path), None, f"a damaged or truncated gzip file ({error})", "a whole one")
    except (zipfile.BadZipFile, lzma.LZMAError, RuntimeError, pa.ArrowException) as error:
        return Fault(str(path), None, f"a damaged or truncated file ({error})", "a whole one")
    except OSError as error:
        return Fault(str(path), None, f"a file that cannot be read ({error})", "a readable file")


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


def _unpacked(data: bytes) -> bytes:
    if data.startswith(_GZIP):
        found = _held(gzip.GzipFile(fileobj=io.BytesIO(data)).read, len(data))
    elif data.startswith(_ZIP):
        found = _only_member(data)
    elif data.startswith(tuple(_FRAMES)):
        found = _streamed(data, _FRAMES[data[:4]])
    else:
        return data
    if found.startswith(_PACKED):
        raise _RefusedError("a packed file within a packed file", "one that is packed once")
    return found


def _only_member(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
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
        with archive.open(member) as file:
            return _held(file.read, len(data))


def _leads_out(name: str) -> bool:
    """Whether a name within an archive is a path to elsewhere, on any system."""
    windows = PureWindowsPath(name)
    parts = {*PurePosixPath(name).parts, *windows.parts}
    return ".." in parts or name.startswith("/") or bool(windows.drive or windows.root)


def _streamed(data: bytes, packing: str) -> bytes:
    try:
        with pa.input_stream(pa.BufferReader(data), compression=packing) as stream:
            return _held(stream.read, len(data))
    except OSError as error:  # which elsewhere says that a file cannot be read at all
        raise pa.ArrowInvalid(str(error)) from None


def _held(read: Callable[[int], Any], packed: int) -> bytes:
    """All that `read` gives, piece by piece; given up once it is more than a file may hold."""
    times = limit(MOST_TIMES, 300)
    most = min(most_bytes(), max(_SMALL, int(times * packed)))
    held = io.BytesIO()
    while piece := read(_PIECE):
        if held.tell() + len(piece) > most:
            found = f"{packed:,} bytes that unpack to more than {most:,}"
            raise _RefusedError(found, f"{_expected(times)}; if it is sound, set them higher")
        held.write(piece)
    return held.getvalue()


def _expected(times: float) -> str:
    return (
        f"at most {most_bytes() / 1e9:g} GB ({MOST_GB}) and, above {_SMALL / 2**20:g} MB, "
        f"{times:g} times the packed size ({MOST_TIMES})"
    )
