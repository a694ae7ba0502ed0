"""A notebook with its outputs -> one HTML file that needs no network and holds no script."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from nbconvert.exporters.html import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from mmresearch.show import mathml, tables
from mmresearch.show.freeze import Freeze
from mmresearch.show.pictures import svg_uri

# The browser itself refuses every request and every script.
POLICY = (
    "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)
GENERATOR = "mmresearch report"
_DEEPEST = 3
_ELEMENT = r"<(?!/?m[a-z]*\b)[^>]+>"  # any but MathML's


class Contents:
    """The headings of one document, each with an address of its own."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, str, str]] = []
        self._given: dict[str, int] = {}

    def add(self, level: int, text: str) -> str:
        """The address of a new heading."""
        plain = re.sub(r"<[^>]+>", "", text).lower()
        slug = re.sub(r"[^\w]+", "-", plain).strip("-") or "section"
        self._given[slug] = self._given.get(slug, 0) + 1
        address = slug if self._given[slug] == 1 else f"{slug}-{self._given[slug]}"
        self.entries.append((level, address, re.sub(_ELEMENT, "", text)))
        return address

    def html(self) -> str:
        """A list of links, two levels deep below the title."""
        lines = [
            f'<li class="level-{level}"><a href="#{address}">{text}</a></li>'
            for level, address, text in self.entries
            if 1 < level <= _DEEPEST
        ]
        return f"<ul>{''.join(lines)}</ul>" if lines else ""


class _Renderer(IPythonRenderer):
    """Markdown with MathML, and headings known to the table of contents."""

    def __init__(self, formula: Any, contents: Contents, **options: Any) -> None:
        super().__init__(**options)
        self._formula, self._contents = formula, contents

    def inline_math(self, body: str) -> str:
        return self._formula(body, block=False)

    def block_math(self, body: str) -> str:
        return self._formula(body, block=True)

    def latex_environment(self, name: str, body: str) -> str:
        return self._formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)

    def heading(self, text: str, level: int, **_attributes: Any) -> str:
        address = self._contents.add(level, text)
        link = f'<a class="anchor" href="#{address}" aria-label="link to this section">#</a>'
        return f'<h{level} id="{address}">{text} {link}</h{level}>\n'


class ReportExporter(HTMLExporter):
    """nbconvert's HTML exporter with MathML, frozen widgets, contents and a footer manifest.

    The manifest is `resources["manifest"]`: a list of titled sections, each a list of pairs.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.register_preprocessor(Freeze(parent=self), enabled=True)
        self._contents, self._mathml = Contents(), mathml.converter()

    def _template_name_default(self) -> str:
        return "mmreport"

    @property
    def extra_template_basedirs(self) -> list[str]:
        return [str(Path(__file__).parent / "templates")]

    @extra_template_basedirs.setter
    def extra_template_basedirs(self, _value: Any) -> None:
        """Fixed: the template belongs to this exporter."""

    def default_filters(self) -> Any:
        yield from super().default_filters()
        yield "latex2html", self._latex
        yield "svg_uri", svg_uri
        yield "align_tables", tables.align

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict | None = None, **options: Any
    ) -> tuple[str, dict]:
        """The page; a ValueError names a formula or picture that cannot stand in it."""
        self._contents, self._mathml = Contents(), mathml.converter()
        given = {"manifest": [], **(resources or {}), "policy": POLICY, "generator": GENERATOR}
        given |= {"title": title(nb), "question": question(nb)}
        page, resources = super().from_notebook_node(_with_alts(nb), given, **options)
        _refuse_links_out(page)
        page = page.replace("<!--contents-->", self._contents.html(), 1)
        return page.replace(
            "<!--styles-->", _frame_rules(page) + mathml.font_style(page), 1
        ), resources

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        return self._markdown(
            source,
            attachments=context.get("cell", {}).get("attachments", {}),
            path=context.get("resources", {}).get("metadata", {}).get("path", ""),
        )

    def _latex(self, source: str) -> str:
        return self._markdown(mathml.as_markdown(source))

    def _markdown(self, source: str, **options: Any) -> str:
        renderer = _Renderer(
            self._formula, self._contents, escape=False, embed_images=True, **options
        )
        return MarkdownWithMath(renderer=renderer).render(source)

    def _formula(self, latex: str, *, block: bool) -> str:
        return mathml.to_mathml(latex, block=block, using=self._mathml)


def title(nb: NotebookNode) -> str:
    """The first heading of the first level."""
    found = re.search(r"^#\s+(.+)$", _prose(nb), flags=re.MULTILINE)
    return re.sub(r"[*_`$]", "", found[1]).strip() if found else "Report"


def question(nb: NotebookNode) -> str:
    """The first sentence below the title, in plain words: what the notebook answers."""
    below = re.split(r"^#\s+.+$", _prose(nb), maxsplit=1, flags=re.MULTILINE)[-1]
    paragraphs = [p.strip() for p in re.split(r"\n\s*\n", below)]
    first = next((p for p in paragraphs if p and not p.startswith(("#", "|", "$", "<"))), "")
    words = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", " ".join(first.split()))
    return re.split(r"(?<=[.?!])\s", re.sub(r"[*`$]", "", words))[0].rstrip(":")


def _prose(nb: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")


def _with_alts(nb: NotebookNode) -> NotebookNode:
    """Every code cell says what its figure is under: its own word, or the heading last met."""
    heading = title(nb)
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            found = re.findall(r"^#+\s+(.+)$", cell.source, flags=re.MULTILINE)
            heading = re.sub(r"[*_`$]", "", found[-1]) if found else heading
        else:
            cell.metadata.setdefault("alt", f"Figure: {heading}")
    return nb


def _refuse_links_out(page: str) -> None:
    """A picture that is not in the file would be missing where it is read."""
    sources = re.findall(r'<img\b[^>]*?\bsrc="([^"]*)"', page)
    outside = [source for source in sources if not source.startswith("data:")]
    if outside:
        raise ValueError(
            f"the picture {outside[0]!r} cannot stand in a report: keep its file in the notebook's "
            "folder and name it by its relative path"
        )


def _frame_rules(page: str) -> str:
    """The style rules by which an explorer's buttons choose the frame; on paper all frames stand.

    A button is paired with the frames of its own form through the attribute both carry.
    """
    marks = sorted(set(re.findall(r'<input[^>]*\bdata-(c\d+)="(\d+)"', page)))
    rules = "".join(
        f'.mm-explorer:has(input[data-{c}="{v}"]:checked)>.mm-frame:not([data-{c}="{v}"])'
        "{display:none}"
        for c, v in marks
    )
    return f"<style>@media screen{{{rules}}}</style>" if rules else ""
