"""Files that cannot be LOBSTER's: one error each, naming file, line, finding and expectation."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.load import lobster

STEM = "ABC_2012-06-21_34200000_57600000"
MESSAGES = [f"{34200 + n},1,{n + 1},10,1000000,1" for n in range(6)]
BOOK = [f"1000200,40,1000000,{10 * (n + 1)}" for n in range(6)]


def write(folder: Path, messages: list[str], book: list[str]) -> tuple[Path, Path]:
    paths = (folder / f"{STEM}_message_1.csv", folder / f"{STEM}_orderbook_1.csv")
    for path, lines in zip(paths, (messages, book), strict=True):
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return paths


def faults(*files: Path, **options: str) -> list:
    with pytest.raises(mm.SourceError) as caught:
        lobster(*files, **options)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


def with_row(lines: list[str], row: int, new: str) -> list[str]:
    return [*lines[:row], new, *lines[row + 1 :]]


def test_the_files_of_these_tests_are_good(tmp_path):
    assert len(lobster(*write(tmp_path, MESSAGES, BOOK)).orders) == 6


MESSAGE_FAULTS = {
    "text in a number": ("34202,1,3,ten,1000000,1", "size 'ten'", "a whole number"),
    "nothing in a number": ("34202,1,3,,1000000,1", "size nothing", "a whole number"),
    "a fraction": ("34202,1,3,1.5,1000000,1", "size '1.5'", "a whole number"),
    "text in the time": ("9:30,1,3,10,1000000,1", "time '9:30'", "seconds"),
    "negative size": ("34202,1,3,-10,1000000,1", "size -10", "a size above 0"),
    "size 0": ("34202,1,3,0,1000000,1", "size 0", "a size above 0"),
    "negative size of a cross": ("34202,6,-1,-1,1000000,1", "size -1", "0 or more"),
    "price 0": ("34202,1,3,10,0,1", "price 0", "a price above 0"),
    "type 8": ("34202,8,3,10,1000000,1", "type 8", "1 to 7"),
    "type 0": ("34202,0,3,10,1000000,1", "type 0", "1 to 7"),
    "direction 0": ("34202,4,3,10,1000000,0", "direction 0", "1 or -1"),
    "direction 2": ("34202,1,3,10,1000000,2", "direction 2", "1 or -1"),
    "unknown halt": ("34202,7,0,0,5,-1", "price 5", "the code of a halt"),
    "too few columns": ("34202,1,3,10", "4 columns", "6 columns"),
    "too many columns": ("34202,1,3,10,1000000,1,9,9", "8 columns", "6 columns"),
    "an empty line": ("", "an empty line", "6 columns"),
    "a time running back": ("34200.999,1,3,10,1000000,1", "time 34200.999", "not before"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", MESSAGE_FAULTS)
def test_a_bad_message(tmp_path, case):
    row, found, expected = MESSAGE_FAULTS[case]
    files = write(tmp_path, with_row(MESSAGES, 2, row), BOOK)
    (fault,) = faults(*files)
    assert (fault.file, fault.line) == (files[0].name, 3)
    assert found in fault.found
    assert expected in fault.expected


@pytest.mark.bad_input("a time outside the day")
@pytest.mark.parametrize(("time", "row"), [("-1", 0), ("86400", 5), ("200000.5", 5)])
def test_a_time_outside_the_day(tmp_path, time, row):
    messages = with_row(MESSAGES, row, f"{time},1,9,10,1000000,1")
    (fault,) = faults(*write(tmp_path, messages, BOOK))
    assert fault.line == row + 1
    assert "0 to 86,400" in fault.expected


BOOK_FAULTS = {
    "text": ("1000200,forty,1000000,30", "ask_size_1 'forty'", "a whole number"),
    "negative size": ("1000200,40,1000000,-30", "bid size 1 -30", "a size above 0"),
    "size 0 at a price": ("1000200,0,1000000,30", "ask size 1 0", "a size above 0"),
    "negative price": ("1000200,40,-5,30", "bid 1 -5", "a price above 0"),
    "size where there is no price": ("9999999999,4,1000000,30", "ask size 1 4", "size 0"),
    "too few columns": ("1000200,40", "2 columns", "4 columns"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", BOOK_FAULTS)
def test_a_bad_book_row(tmp_path, case):
    row, found, expected = BOOK_FAULTS[case]
    files = write(tmp_path, MESSAGES, with_row(BOOK, 3, row))
    (fault,) = faults(*files)
    assert (fault.file, fault.line) == (files[1].name, 4)
    assert found in fault.found
    assert expected in fault.expected


def test_lines_count_the_header(tmp_path):
    messages = [
        "Time,Type,Order ID,Size,Price,Direction",
        *with_row(MESSAGES, 2, MESSAGES[2] + "x"),
    ]
    (fault,) = faults(*write(tmp_path, messages, BOOK))
    assert fault.line == 4
    assert fault.found == "direction '1x'"


@pytest.mark.bad_input("columns in another order")
def test_a_header_of_another_order(tmp_path):
    messages = ["Time,Type,Order ID,Price,Size,Direction", *MESSAGES]
    (fault,) = faults(*write(tmp_path, messages, BOOK))
    assert "'Price' in column 4" in fault.found
    book = ["Bid Price 1,Bid Size 1,Ask Price 1,Ask Size 1", *BOOK]
    (fault,) = faults(*write(tmp_path, MESSAGES, book))
    assert "'Bid Price 1' in column 1" in fault.found


@pytest.mark.bad_input("a last line that is cut off")
def test_a_cut_last_line(tmp_path):
    files = write(tmp_path, MESSAGES, BOOK)
    files[0].write_bytes(files[0].read_bytes()[:-12])  # 34205,1,6,10
    (fault,) = faults(*files)
    assert fault.line == 6
    assert "cut off, with 4 columns" in fault.found


@pytest.mark.bad_input("two files that do not fit together")
def test_unequal_row_counts(tmp_path):
    (fault,) = faults(*write(tmp_path, MESSAGES, BOOK[:-1]))
    assert fault.found == "5 rows"
    assert "6 rows" in fault.expected


@pytest.mark.bad_input("two files in each other's place")
def test_swapped_files(tmp_path):
    message, book = write(tmp_path, MESSAGES, BOOK)
    (fault,) = faults(book, message)
    assert "the files seem swapped" in fault.found


@pytest.mark.bad_input("the same file twice")
def test_the_same_file_twice(tmp_path):
    message, book = write(tmp_path, MESSAGES, BOOK)
    again, lacking = faults(message, message)
    assert again.found == f"the same day as {message}"
    assert (lacking.found, lacking.expected) == ("no order book file", book.name)
    again, lacking = faults(book, book)
    assert again.found == f"the same day as {book}"
    assert (lacking.found, lacking.expected) == ("no message file", message.name)


@pytest.mark.bad_input("rows of another day than the name says")
def test_files_of_two_days(tmp_path):
    message, book = write(tmp_path, MESSAGES, BOOK)
    other = book.rename(tmp_path / book.name.replace("2012-06-21", "2012-06-22"))
    (fault,) = faults(message, other)
    assert "2012-06-21 and ABC 2012-06-22" in fault.found


@pytest.mark.bad_input("rows of another day than the name says")
def test_a_date_that_the_names_contradict(tmp_path):
    (fault,) = faults(*write(tmp_path, MESSAGES, BOOK), date="2012-06-22")
    assert (fault.found, fault.expected) == ("a name of 2012-06-21", "2012-06-22, as date= says")
    (fault,) = faults(*write(tmp_path, MESSAGES, BOOK), date="the longest day")
    assert (fault.found, fault.expected) == ("the date the longest day", "a day, as 2012-06-21")


@pytest.mark.bad_input("a file's name that denies its content")
def test_names_of_other_levels_than_the_book_has(tmp_path):
    message, book = write(tmp_path, MESSAGES, BOOK)
    deep = book.rename(tmp_path / book.name.replace("_1.csv", "_5.csv"))
    (fault,) = faults(message, deep)
    assert (fault.file, fault.found) == (deep.name, "a name of 5 levels")
    assert fault.expected == f"1 levels, as in {message.name}"
    message = message.rename(tmp_path / message.name.replace("_1.csv", "_5.csv"))
    (fault,) = faults(message, deep)
    assert (fault.line, fault.found) == (1, "4 columns: 1 levels")
    assert fault.expected == "5 levels, as its name says"


@pytest.mark.bad_input("several faults at once")
def test_every_fault_of_both_files_at_once(tmp_path):
    messages = with_row(with_row(MESSAGES, 1, "34201,9,2,10,1000000,1"), 4, "34204,1,5,-1,1,1")
    found = faults(*write(tmp_path, messages, with_row(BOOK, 0, "1000200,-4,1000000,1")))
    assert [(f.file.split("_")[4], f.line) for f in found] == [
        ("message", 2),
        ("message", 5),
        ("orderbook", 1),
    ]


@pytest.mark.bad_input("many rows of one fault")
def test_many_rows_of_one_fault_are_one_fault(tmp_path):
    messages = [MESSAGES[0], *(m.replace(",10,", ",x,") for m in MESSAGES[1:])]
    (fault,) = faults(*write(tmp_path, messages, BOOK))
    assert fault.found == "size 'x' (5 rows, first at lines 2, 3, 4)"


@pytest.mark.bad_input("an empty file")
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file(tmp_path, which, content):
    files = write(tmp_path, MESSAGES, BOOK)
    files[which].write_bytes(content)
    (fault,) = faults(*files)
    assert fault.file == str(files[which])
    assert fault.found == "an empty file"


@pytest.mark.bad_input("a header and no row")
def test_a_header_and_no_row(tmp_path):
    files = write(tmp_path, ["Time,Type,Order ID,Size,Price,Direction"], BOOK)
    (fault,) = faults(*files)
    assert fault.found == "a header and no row"


@pytest.mark.bad_input("bytes that are no text")
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_wrong_encoding(tmp_path, encoding):
    files = write(tmp_path, MESSAGES, BOOK)
    lines = with_row(MESSAGES, 2, "34202,1,3,£,1000000,1")
    files[0].write_bytes("\n".join(lines).encode(encoding))
    (fault,) = faults(*files)
    assert fault.line == (3 if encoding == "latin-1" else 1)
    assert "UTF-8" in fault.expected


@pytest.mark.bad_input("a missing file")
def test_missing_files_are_named_together(tmp_path):
    missing = [tmp_path / "nowhere.csv", tmp_path / "elsewhere.csv"]
    found = faults(*missing)
    assert [(f.file, f.found) for f in found] == [(str(p), "no such file") for p in missing]


@pytest.mark.bad_input("a truncated gzip")
def test_a_truncated_gzip_file(tmp_path):
    message, book = write(tmp_path, MESSAGES, BOOK)
    packed = tmp_path / f"{message.name}.gz"
    packed.write_bytes(gzip.compress(message.read_bytes())[:-9])
    (fault,) = faults(packed, book)
    assert "truncated gzip" in fault.found


@pytest.mark.bad_input("a damaged gzip")
def test_a_damaged_gzip_file(tmp_path):
    message, book = write(tmp_path, MESSAGES, BOOK)
    content = bytearray(gzip.compress(message.read_bytes()))
    content[-6] ^= 0xFF  # the checksum
    message.write_bytes(content)
    (fault,) = faults(message, book)
    assert "damaged" in fault.found


@pytest.mark.bad_input("a file that may not be read")
def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    # whoever runs the tests may be allowed everything, so the refusal is made here
    message, book = write(tmp_path, MESSAGES, BOOK)
    may_open = Path.open

    def refuse(path: Path, *how: str, **more: str):
        if path == message:
            raise PermissionError(13, "Permission denied")
        return may_open(path, *how, **more)

    monkeypatch.setattr(Path, "open", refuse)
    (fault,) = faults(message, book)
    assert "no permission" in fault.found
