"""A large file is read in blocks: the same rows, the same lines, the same faults as whole."""

from __future__ import annotations

import gzip
import hashlib
import threading

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from mmresearch.load import blocks, text
from mmresearch.store import ahead
from tests.at_random import calmly

KINDS = {"time": "whole", "price": "float", "note": "any"}
HEAD = "time,price,note"

cells = st.tuples(
    st.integers(0, 10**6), st.floats(0, 10**6), st.sampled_from(["", "a", '"x,y"', '"two\nlines"'])
)
ends = st.sampled_from(["\n", "\r\n"])


def written(folder, content):
    path = folder / "file.csv"
    path.write_bytes(content)
    return path


def whole(path, *, header):
    (read,) = text.read_texts("test", [path])
    return text.parse(read, KINDS, header=header)


def in_blocks(path, size, *, header):
    return [
        (block, text.parse(block, KINDS, header=header))
        for block in blocks.texts("test", path, size)
    ]


@calmly(100)
@given(
    rows=st.lists(cells, min_size=1, max_size=30),
    end=ends,
    header=st.booleans(),
    ended=st.integers(0, 3),
    size=st.integers(1, 200),
)
def test_blocks_of_any_size_hold_what_the_file_holds(
    tmp_path_factory, rows, end, header, ended, size
):
    said = [HEAD] * header + [",".join(map(str, row)) for row in rows]
    path = written(tmp_path_factory.mktemp("a"), (end.join(said) + end * ended).encode())
    wanted = whole(path, header=header)
    found = in_blocks(path, size, header=header)
    assert pl.concat([frame for _, frame in found]).equals(wanted)
    assert [block.last for block, _ in found] == [False] * (len(found) - 1) + [True]
    assert found[-1][0].ended == bool(ended)
    lines = [block.data.count(b"\n") + 1 - header for block, _ in found]
    assert [block.above for block, _ in found] == [sum(lines[:n]) for n in range(len(lines))]


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("size", [1, 7, 30, 64, 1000])
@pytest.mark.parametrize("bad", ["1,x,", "1,2", "", "1,2,,"])
def test_faults_name_the_file_s_own_lines(tmp_path, header, size, bad):
    rows = [f"{n},1.5,a" for n in range(9)]
    rows[6] = bad
    path = written(tmp_path, "\n".join([HEAD] * header + rows).encode())
    (fault,) = whole(path, header=header)
    (found,) = [
        one
        for _, frame in in_blocks(path, size, header=header)
        if isinstance(frame, list)
        for one in frame
    ]
    assert found == fault
    assert fault.line == 7 + header


def test_only_the_file_s_last_line_can_be_cut_off(tmp_path):
    path = written(tmp_path, b"time,price,note\n1,1,a\n2,2\n3,3,c\n4,4")
    faults = [
        f for _, frame in in_blocks(path, 10, header=True) if isinstance(frame, list) for f in frame
    ]
    assert [(f.line, "cut off" in f.found) for f in faults] == [(3, False), (5, True)]


def test_lines_are_quoted_as_they_stand(tmp_path):
    path = written(tmp_path, "\n".join([HEAD, *(f"{n},1.5,a" for n in range(50))]).encode())
    for block in blocks.texts("test", path, 40):
        last = block.data.count(b"\n") + 1 + block.above
        assert text.line_texts(block, [last]) == [f"{last - 2},1.5,a"]


def test_a_mark_and_old_line_ends_are_read(tmp_path):
    path = written(tmp_path, b"\xef\xbb\xbf" + "\r".join([HEAD, "1,2,a", "3,4,b"]).encode())
    assert pl.concat(f for _, f in in_blocks(path, 8, header=True))["time"].to_list() == [1, 3]


@pytest.mark.parametrize(
    ("content", "line", "found"),
    [
        (b"", None, "an empty file"),
        (b"\n \n\n", None, "an empty file"),
        (b"a,b\n1,2\n1,\xff\n", 3, "not UTF-8"),
        (b"a,b\n1,2\n1,\x00\n", 3, "not UTF-8"),
        (b"a,b\n1,2\n" + b"7" * 2_000_000 + b"\n", 3, "a line of more than 1,000,000 bytes"),
        (b"a,b\n1,2\n" + b"7" * 2_000_000, 3, "a line of more than 1,000,000 bytes"),
    ],
)
@pytest.mark.parametrize("size", [4, 10**5])
def test_what_is_no_text_is_refused_by_line(tmp_path, monkeypatch, content, line, found, size):
    if len(content) > 10**6 and size == 4:
        pytest.skip("half a million pieces")
    monkeypatch.setenv("MMRESEARCH_MAX_LINE_MB", "1")
    with pytest.raises(mm.SourceError) as error:
        list(blocks.texts("test", written(tmp_path, content), size))
    (fault,) = error.value.faults
    assert (fault.line, found in fault.found) == (line, True)


def test_a_packed_file_is_unpacked_block_by_block_and_refused_where_it_is_cut(tmp_path):
    content = "\n".join([HEAD, *(f"{n},{n * 7919 % 1000},a" for n in range(200_000))]).encode()
    path = written(tmp_path, gzip.compress(content))
    read = list(blocks.texts("test", path, 10**5))
    assert len(read) > 10
    assert sum(block.data.count(b"\n") for block in read) == 200_000
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(mm.SourceError, match="truncated gzip"):
        list(blocks.texts("test", path, 10**5))


@pytest.mark.parametrize("size", [7, 64, 10**6])
def test_a_file_is_hashed_as_it_is_read_and_a_packed_one_is_not(tmp_path, size):
    content = b"\xef\xbb\xbf" + "\r".join([HEAD, *["1,2,a"] * 40, "", ""]).encode()
    *_, last = blocks.texts("test", written(tmp_path, content), size)
    assert last.hashed.hexdigest() == hashlib.sha256(content).hexdigest()
    *_, last = blocks.texts("test", written(tmp_path, gzip.compress(content)), size)
    assert last.hashed is None  # what is hashed is the file as it lies there


def test_one_item_is_made_ahead_and_errors_come_in_their_place():
    made, seen = [], threading.Event()

    def items():
        for n in range(3):
            made.append(n)
            seen.set()
            yield n
        raise ValueError("after three")

    found = ahead(items())
    assert not made  # nothing is begun before it is asked for
    assert next(found) == 0
    seen.clear()
    with pytest.raises(ValueError, match="after three"):
        list(found)
    assert made == [0, 1, 2]
