"""The bytes of a file, whatever it is packed in."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa

from mmresearch.receipt import Fault

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_FRAMES = {b"\x04\x22\x4d\x18": "lz4", b"\x28\xb5\x2f\xfd": "zstd"}


def read_bytes(path: Path) -> bytes | Fault:
    """The bytes of a file, unpacked if they are gzip, zip (of one file), lz4 or zstandard."""
    try:
        data = path.read_bytes()
        return _unpacked(data)
    except FileNotFoundError:
        return Fault(str(path), None, "no such file", "a file")
    except IsADirectoryError:
        return Fault(str(path), None, "a directory", "a file")
    except PermissionError:
        return Fault(str(path), None, "no permission to read it", "a readable file")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        return Fault(str(path), None, f"a damaged or truncated gzip file ({error})", "a whole one")
    except (zipfile.BadZipFile, pa.ArrowException) as error:
        return Fault(str(path), None, f"a damaged or truncated file ({error})", "a whole one")
    except OSError as error:
        return Fault(str(path), None, f"a file that cannot be read ({error})", "a readable file")


def _unpacked(data: bytes) -> bytes:
    if data.startswith(_GZIP):
        return gzip.decompress(data)
    if data.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            if len(members) != 1:
                raise zipfile.BadZipFile(f"it holds {len(members)} files, not one")
            return archive.read(members[0])
    for start, packing in _FRAMES.items():
        if data.startswith(start):
            return _streamed(data, packing)
    return data


def _streamed(data: bytes, packing: str) -> bytes:
    try:
        with pa.input_stream(pa.BufferReader(data), compression=packing) as stream:
            return stream.read()
    except OSError as error:  # which elsewhere says that a file cannot be read at all
        raise pa.ArrowInvalid(str(error)) from None
