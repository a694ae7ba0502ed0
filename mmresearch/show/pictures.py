"""A call that draws or answers, made into a figure or words; figures as bytes and data URIs."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Above this many characters a vector figure loads more slowly than its picture.
SVG_LIMIT = 400_000


def view(call: Callable[[], Any]) -> Figure | str:
    """What a call shows: the figure it draws, or HTML of what it returns.

    The figure is closed for pyplot, so that it appears only where it is put. A ValueError is a
    refusal, which is an answer: its message is what is shown.
    """
    before = set(plt.get_fignums())
    blank = plt.figure()
    try:
        return _shown(call(), blank)
    except ValueError as refusal:
        return refusal_html(str(refusal))
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


def refusal_html(message: str) -> str:
    """A message in the place of a figure."""
    return f'<p class="mm-refusal">{html.escape(message)}</p>'


def svg(figure: Figure) -> str:
    """The figure as SVG; the same figure gives the same text."""
    stream = io.StringIO()
    with plt.rc_context({"svg.hashsalt": "mmresearch", "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", bbox_inches="tight", metadata={"Date": None})
    return stream.getvalue()


def png(figure: Figure, *, dpi: float) -> bytes:
    """The figure as PNG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, bbox_inches="tight", metadata={"Software": None})
    return stream.getvalue()


def svg_uri(text: str) -> str:
    """SVG as a data URI, without comments, metadata and space between elements."""
    noise = r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->"
    text = re.sub(r">\s+<", "><", re.sub(noise, "", text, flags=re.DOTALL)).strip()
    return "data:image/svg+xml," + quote(text, safe=" /:;=@,()+-'!*?")


def png_uri(content: bytes) -> str:
    """PNG as a data URI."""
    return "data:image/png;base64," + base64.b64encode(content).decode()


def vector_tag(figure: Figure, alt: str) -> str:
    """An image element that stays sharp at any size, or of 144 dots an inch where too heavy."""
    text = svg(figure)
    source = svg_uri(text) if len(text) <= SVG_LIMIT else png_uri(png(figure, dpi=144))
    return f'<img alt="{html.escape(alt)}" src="{source}">'


def _shown(made: Any, blank: Figure) -> Figure | str:
    figure = _figure(made)
    if figure is not None:
        return figure
    if made is None:
        drawn = plt.gcf()
        if drawn is blank and not drawn.axes:
            raise TypeError("the function explored drew nothing and returned nothing")
        return drawn
    as_html = getattr(made, "_repr_html_", None)
    return as_html() if as_html else f"<pre>{html.escape(str(made))}</pre>"


def _figure(made: Any) -> Figure | None:
    if isinstance(made, Figure):
        return made
    first = next(iter(made.flat), None) if hasattr(made, "flat") else made
    return first.get_figure(root=True) if isinstance(first, Axes) else None
