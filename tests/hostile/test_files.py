"""Files that are no honest file, met by every loader: one clear error, and nothing is written."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import mmresearch as mm
from mmresearch.__main__ import main
from tests.cases import BESIDE, CASES

SOURCES = mm.load.__all__
NUMBERS = b"1,2,3\n" * 3_000_000  # 18 MB of one line: what bombs are made of


def zipped(content: bytes, name: str = "a.csv", **about: int) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo(name)
        member.compress_type = zipfile.ZIP_DEFLATED
        for field, value in about.items():
            setattr(member, field, value)
        archive.writestr(member, content)
    return held.getvalue()


def locked(content: bytes) -> bytes:
    """The zip with the bit set that says its file is encrypted, in both of its heads."""
    data = bytearray(zipped(content))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def unknown(content: bytes) -> bytes:
    """The zip with a way of packing that no reader has, in both of its heads."""
    data = bytearray(zipped(content))
    data[8] = data[data.index(b"PK\x01\x02") + 10] = 77
    return bytes(data)


def compressed(content: bytes, packing: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, packing) as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


# kind of bad input -> the file made of a good one's bytes, and what the error must say
DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "an empty file": (lambda _: b"", "an empty file"),
    "a file of spaces": (lambda _: b"  \n \n", "an empty file"),
    "a file of zeros": (lambda _: b"\0" * 5000, "bytes that are not UTF-8 text"),
    "a truncated gzip": (lambda b: gzip.compress(b)[:-9], "a damaged or truncated gzip file"),
    "a gzip with a wrong checksum": (
        lambda b: gzip.compress(b)[:-8] + b"\1\2\3\4" + gzip.compress(b)[-4:],
        "a damaged or truncated gzip file",
    ),
    "a gzip with other bytes behind it": (
        lambda b: gzip.compress(b) + b"more",
        "a damaged or truncated gzip file",
    ),
    "a gzip of a gzip": (
        lambda b: gzip.compress(gzip.compress(b)),
        "a packed file within a packed file",
    ),
    "a gzip bomb": (lambda _: gzip.compress(NUMBERS), "unpack to more than"),
    "a gzip bomb in many members": (
        lambda b: gzip.compress(b) + gzip.compress(NUMBERS) * 3,
        "unpack to more than",
    ),
    "a zip bomb": (lambda _: zipped(NUMBERS), "unpack to more than"),
    "an lz4 bomb": (lambda _: compressed(NUMBERS, "lz4"), "unpack to more than"),
    "a zstandard bomb": (lambda _: compressed(NUMBERS, "zstd"), "unpack to more than"),
    "a truncated zstandard": (lambda b: compressed(b, "zstd")[:-5], "a damaged or truncated"),
    "a truncated lz4": (lambda b: compressed(b, "lz4")[:-9], "a damaged or truncated"),
    "a truncated zip": (lambda b: zipped(b)[:-30], "a damaged or truncated file"),
    "an empty zip": (lambda _: b"PK\x03\x04", "a damaged or truncated file"),
    "a zip of two files": (lambda b: _two(b), "it holds 2 files, not one"),
    "a zip with a path above its folder": (
        lambda b: zipped(b, "../../a.csv"),
        "'../../a.csv', a path outside its folder",
    ),
    "a zip with an absolute path": (lambda b: zipped(b, "/etc/a.csv"), "outside its folder"),
    "a zip with a Windows path": (lambda b: zipped(b, "C:\\a.csv"), "outside its folder"),
    "a zip of a link": (
        lambda b: zipped(b, external_attr=(stat.S_IFLNK | 0o777) << 16),
        "a zip of a link",
    ),
    "a zip under a password": (locked, "under a password"),
    "a zip packed in an unknown way": (unknown, "a damaged or truncated file"),
    "text in UTF-16": (lambda b: b.decode().encode("utf-16"), "bytes that are not UTF-8 text"),
    "bytes that are no text": (lambda b: b[:9] + b"\xff\xfe" + b[9:], "not UTF-8 text"),
    "a zero byte in the text": (lambda b: b[:-9] + b"\0" + b[-9:], "not UTF-8 text"),
    "a damaged Parquet": (lambda b: b"PAR1" + b + b"PAR1", ""),
    "a line too long": (lambda _: b"7" * 3_000_000, "a line of more than 2,000,000 bytes"),
}


def _two(content: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.csv", content)
        archive.writestr("b.csv", content)
    return held.getvalue()


def files_of(source: str, folder: Path) -> list[Path]:
    for name, content in (CASES[source].files | BESIDE).items():
        (folder / name).write_text(content)
    return [folder / name for name in CASES[source].files]


def refusal(source: str, folder: Path, capsys: pytest.CaptureFixture) -> str:
    """What the command says, after it wrote nothing."""
    names = list(CASES[source].files)
    before = sorted(folder.iterdir())
    assert main(["convert", source, *names, "--to", "market", *CASES[source].options]) == 1
    said = capsys.readouterr().err
    assert sorted(folder.iterdir()) == before
    assert f"error: {source}: " in said
    assert "Traceback" not in said
    assert "found" in said
    assert "expected" in said
    return said


def _cases() -> list:
    return [
        pytest.param(source, kind, marks=pytest.mark.bad_input(kind), id=f"{source}-{kind}")
        for kind in DAMAGED
        for source in SOURCES
    ]


@pytest.mark.parametrize(("source", "kind"), _cases())
def test_every_loader_refuses(source, kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MMRESEARCH_MAX_UNPACKED_GB", "0.01")
    monkeypatch.setenv("MMRESEARCH_MAX_LINE_MB", "2")
    make, words = DAMAGED[kind]
    first = files_of(source, tmp_path)[0]
    first.write_bytes(make(first.read_bytes()))
    said = refusal(source, tmp_path, capsys)
    assert first.name in said
    assert words in said


def _odd(kind: str) -> Callable[[Path], None]:
    def loop(path: Path) -> None:
        path.symlink_to(path.name)

    def device(path: Path) -> None:
        path.symlink_to("/dev/zero")

    makers = {
        "a missing file": lambda path: None,
        "a directory named as a file": Path.mkdir,
        "a pipe": os.mkfifo,
        "a device": device,
        "a link that leads nowhere": lambda path: path.symlink_to("gone.csv"),
        "a link to itself": loop,
    }
    return makers[kind]


ODD = {
    "a missing file": "no such file",
    "a directory named as a file": "no file",
    "a pipe": "a pipe, socket or device",
    "a device": "a pipe, socket or device",
    "a link that leads nowhere": "a link to gone.csv, which is not there",
    "a link to itself": "Too many levels of symbolic links",
}


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        pytest.param(source, kind, marks=pytest.mark.bad_input(kind), id=f"{source}-{kind}")
        for kind in ODD
        for source in SOURCES
    ],
)
def test_what_is_no_file_is_never_waited_for(source, kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    first = files_of(source, tmp_path)[0]
    first.unlink()
    _odd(kind)(first)
    said = refusal(source, tmp_path, capsys)
    assert first.name in said
    assert ODD[kind] in said


@pytest.mark.parametrize("source", SOURCES)
def test_a_link_to_a_file_is_that_file(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in files_of(source, tmp_path):
        kept = tmp_path / f"kept-{path.name}"
        path.rename(kept)
        path.symlink_to(kept.name)
    names = list(CASES[source].files)
    assert main(["convert", source, *names, "--to", "market", *CASES[source].options]) == 0
    market = mm.open("market")
    assert {name: len(market[name]) for name in CASES[source].rows} == CASES[source].rows
