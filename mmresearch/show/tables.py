"""Tables of a page: columns of words stand left and wrap, columns of numbers stand right."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag

_LONG = 25
_NOT_WORDS = {"nan", "nat", "none", "inf", "true", "false", "<na>", "-"}


def align(page: str) -> str:
    """HTML whose tables' cells say `words`, and `long` where they hold a phrase."""
    if "<table" not in page:
        return page
    soup = BeautifulSoup(page, features="html.parser")
    for table in soup.find_all("table"):
        _align(table)
    return str(soup)


def _align(table: Tag) -> None:
    """Columns are counted from the right: row headers, which may span rows, are on the left."""
    rows = [row.find_all("td") for row in table.select("tbody tr")]
    for place in range(1, max(map(len, rows), default=0) + 1):
        cells = [row[-place] for row in rows if len(row) >= place]
        if _words(cells):
            for cell in [*cells, *_header(table, place)]:
                _mark(cell, "words")
    for cell in table.select("tbody td, tbody th"):
        if len(cell.get_text()) >= _LONG and re.search(r"[^\W\d_]{3}", cell.get_text()):
            _mark(cell, "long")


def _words(cells: list[Tag]) -> bool:
    """Whether most of the cells that hold anything hold words."""
    texts = [text for cell in cells if (text := cell.get_text().strip().lower())]
    told = [t for t in texts if re.search(r"[^\W\d_]", re.sub(r"\de[-+]?\d", "", t))]
    return 2 * len([t for t in told if t not in _NOT_WORDS]) > len(texts)


def _header(table: Tag, place: int) -> list[Tag]:
    rows = [row.find_all("th") for row in table.select("thead tr")]
    return [row[-place] for row in rows if len(row) >= place and not row[-place].get("colspan")]


def _mark(cell: Tag, name: str) -> None:
    cell["class"] = [*cell.get("class", []), name]
