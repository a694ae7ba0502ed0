"""The index of a folder of reports: read from the reports that are there."""

from __future__ import annotations

import html
from html.parser import HTMLParser
from pathlib import Path

from mmresearch.show.exporter import GENERATOR, POLICY

_STYLE = Path(__file__).parent / "templates" / "mmreport" / "static" / "report.css"


def index_page(folder: Path) -> str:
    """A page with a line for each report of the folder: title, question, data."""
    heads = {path: _Head(path) for path in sorted(folder.glob("*.html"))}
    entries = "\n".join(
        _entry(path, head)
        for path, head in heads.items()
        if head.found.get("generator") == GENERATOR
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reports</title>
<link rel="icon" href="data:,">
<style>
{_STYLE.read_text(encoding="utf-8")}</style>
</head>
<body class="index">
<main>
<h1>Reports</h1>
<ul class="reports">
{entries}
</ul>
</main>
</body>
</html>
"""


def _entry(path: Path, head: _Head) -> str:
    said = {name: html.escape(text) for name, text in head.found.items()}
    data = f"data: {said.get('mmresearch:name', '')}, hash {said.get('mmresearch:hash', '')[:16]}"
    return (
        f'<li><a href="{html.escape(path.name)}">{said.get("title") or path.stem}</a>'
        f"<p>{said.get('description', '')}</p>"
        f'<p class="data">{data}</p></li>'
    )


class _Head(HTMLParser):
    """The title and named metadata at the start of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._in_title = False
        with path.open(encoding="utf-8", errors="replace") as handle:
            self.feed(handle.read(20_000))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pairs = dict(attrs)
        if tag == "meta" and pairs.get("name"):
            self.found.setdefault(pairs["name"], pairs.get("content") or "")
        self._in_title = tag == "title"

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.found["title"] = self.found.get("title", "") + data
            self._in_title = False
