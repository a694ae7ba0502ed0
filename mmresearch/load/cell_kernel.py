"""The loop over the bytes of a table's lines: numbers, words and texts where they are plain.

It is compiled; import this module only where it runs. It stops at the first cell that is in doubt
and says no more than that: what is wrong, if anything is, others find out.
"""

from __future__ import annotations

import numpy as np
from numba import njit

WHOLE, FLOAT, WORD, TEXT = 0, 1, 2, 3  # how a column's cells are kept
DOUBT = -1  # instead of a number of rows; below it, a column has too many words: DOUBT - 1 - column
_DIGITS = 15  # of a fraction: it and its power of ten are exact, so that their quotient is the
_MOST = 18  # nearest there is (Clinger, 1990); of a whole number: it fits
_TENS = np.array([10.0**n for n in range(_DIGITS + 1)])
_INLINE = 12  # bytes of a text that its view holds (Arrow's layout)
_END, _RETURN, _QUOTE, _MINUS, _POINT, _ZERO = (ord(sign) for sign in '\n\r"-.0')
_NINE, _COLON = 9, ord(":")
_DAY = 86_400 * 10**9  # nanoseconds
_compiled = njit(cache=True, nogil=True)
_inlined = njit(inline="always")  # called for every cell: the calls would cost more than the work


@_compiled
def run(data, place, separator, kinds, slots, may_lack, numbers, codes, words, views, lacking):
    """Read the lines from `place` on; returns how many they are, or where they are in doubt.

    Of each column: its kind, its place among those of the kind, whether cells may be empty.
    numbers, of whole numbers and fractions: their bits. codes, of words: which of `words`,
    (start, length) in the data, -1 behind the last. views, of texts: as Arrow has them. lacking:
    how many cells of a column were empty.
    """
    row, many = 0, len(kinds)
    while place < len(data):
        if row >= numbers.shape[1]:
            return DOUBT
        for column in range(many):
            kind, slot, begun = kinds[column], slots[column], place
            if kind <= FLOAT:
                place, numbers[slot, row] = _number(data, place, kind == FLOAT)
            elif kind == WORD:
                last = codes[slot, max(row - 1, 0)]
                place, code = _word(data, place, separator, words, slot, last)
                if code < 0:
                    return DOUBT - 1 - column
                codes[slot, row] = code
            else:
                place = _text_end(data, place, separator)
                _view(data, begun, place - begun, views, slot, row)
            if place <= begun:
                if place < begun or not may_lack[column]:
                    return DOUBT
                lacking[column] += 1
            if place >= len(data) or data[place] == _END:
                if column < many - 1:
                    return DOUBT
            elif column == many - 1 or data[place] != separator:
                return DOUBT
            place += 1
        row += 1
    return row


@_inlined
def _number(data, place, fraction):
    """Behind the number's last digit, and its bits; a place ahead of it where it is not plain."""
    begun = place
    if place < len(data) and data[place] == _MINUS:
        place += 1
    negative = place > begun
    first, value = place, np.int64(0)
    while place < len(data) and np.uint8(data[place] - _ZERO) <= _NINE:
        value = value * 10 + np.uint8(data[place] - _ZERO)
        place += 1
    digits = place - first
    if not fraction:
        return (place, -value if negative else value) if 0 < digits <= _MOST else (begun - 1, value)
    if place == begun:
        return place, _bits(np.nan)
    after = 0
    if place < len(data) and data[place] == _POINT:
        place += 1
        behind = place
        while place < len(data) and np.uint8(data[place] - _ZERO) <= _NINE:
            value = value * 10 + np.uint8(data[place] - _ZERO)
            place += 1
        after = place - behind
        if after == 0:
            return begun - 1, value
    if digits == 0 or digits + after > _DIGITS:
        return begun - 1, value
    size = np.float64(value) / _TENS[after]
    return place, _bits(-size if negative else size)


@_inlined
def _bits(number):
    return np.float64(number).view(np.int64)


@_inlined
def _text_end(data, place, separator):
    """Behind the text's last byte; -1 where it holds what may mean more than itself."""
    while place < len(data) and data[place] != separator and data[place] != _END:
        if data[place] == _QUOTE or data[place] == _RETURN:
            return -1
        place += 1
    return place


@_inlined
def _word(data, place, separator, words, slot, last):
    """Behind the word, and which it is, most often that of the row above; -1: no room for it."""
    length = words[slot, last, 1]
    end = place + length
    ends = length >= 0 and _ends_at(data, end, separator)
    if ends and _alike(data, place, words[slot, last, 0], length):
        return end, last
    end = _text_end(data, place, separator)
    if end < 0:
        return place - 1, 0
    for code in range(words.shape[1]):
        if words[slot, code, 1] < 0:
            words[slot, code, 0], words[slot, code, 1] = place, end - place
        length = words[slot, code, 1]
        if length == end - place and _alike(data, place, words[slot, code, 0], length):
            return end, code
    return end, -1


@_inlined
def _ends_at(data, place, separator):
    return place >= len(data) or data[place] == separator or data[place] == _END


@_inlined
def _alike(data, place, start, length):
    if place + length > len(data):
        return False
    for i in range(length):  # noqa: SIM110  (no generators in compiled loops)
        if data[place + i] != data[start + i]:
            return False
    return True


@_inlined
def _view(data, begun, length, views, slot, row):
    """The text as a string view: its length and itself, or its start and where it stands."""
    first, second = np.int64(length), np.int64(0)
    for i in range(min(length, 4)):
        first |= np.int64(data[begun + i]) << (32 + 8 * i)
    if length <= _INLINE:
        for i in range(4, length):
            second |= np.int64(data[begun + i]) << (8 * (i - 4))
    else:
        second = np.int64(begun) << 32
    views[slot, row, 0], views[slot, row, 1] = first, second


@_compiled
def clocks(signs, length, found):
    """Nanoseconds after midnight of clocks HH:MM:SS.fff of one length; whether all are such."""
    if length < 8 or length == 9 or length > 18:
        return False
    for row in range(len(found)):
        start, value, unit = row * length, np.int64(0), np.int64(10**9)
        for place in range(length):
            sign = signs[start + place]
            if place == 2 or place == 5 or place == 8:
                if sign != (_POINT if place == 8 else _COLON):
                    return False
                continue
            digit = np.uint8(sign - _ZERO)
            if digit > (5 if place == 3 or place == 6 else _NINE):
                return False
            value = value * (6 if place == 3 or place == 6 else 10) + digit
            if place > 8:
                unit //= 10
        value *= unit
        if value >= _DAY:
            return False
        found[row] = value
    return True
