"""Mathematics without a script: LaTeX to MathML, with just the glyphs it needs of a math font."""

from __future__ import annotations

import base64
import html
import io
import re
from functools import lru_cache
from pathlib import Path

from math_core import LatexError, LatexToMathML

FONT = Path(__file__).parent / "fonts" / "STIXTwoMath-Regular.woff2"

# Drawn by MathML without standing in its text: radicals, accents, what stretches.
_IMPLIED = "√ˆ˜¯ˉ˙¨→←‾_⏟⏞(){}[]|‖⟨⟩⌊⌋⌈⌉/=+−"
_EPSILONS = "∂ϵϑϰϕϱϖ"
# Capital Greek stands upright, as TeX sets it; typed as a letter it would be slanted.
_CAPITALS = "Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon Φ Phi Ψ Psi Ω Omega"
_UPRIGHT = {ord(a): f"\\{b} " for a, b in re.findall(r"(\S) (\S+)", _CAPITALS)}


def converter() -> LatexToMathML:
    """One a document: it counts the document's equations and knows their labels."""
    return LatexToMathML(allow_unreliable_rendering=True, fancy_error=False)


def to_mathml(latex: str, *, block: bool, using: LatexToMathML) -> str:
    """One formula as MathML; a ValueError names the formula that cannot be converted."""
    source = html.unescape(latex).strip()
    try:
        found = using.convert_with_global_state(source.translate(_UPRIGHT), displaystyle=block)
    except LatexError as error:
        raise ValueError(f"the formula {source!r} cannot be converted: {error}") from None
    return f'<div class="math">{found}</div>' if block else found


def as_markdown(latex: str) -> str:
    r"""A text/latex output with the delimiters Markdown knows.

    `Math` shows $\displaystyle ...$; other libraries show \[...\] or a bare environment.
    """
    text = latex.strip()
    for opening, closing in ((r"$\displaystyle", "$"), (r"\[", r"\]")):
        inner = text[len(opening) : -len(closing)]
        if text.startswith(opening) and text.endswith(closing) and closing not in inner:
            return f"$${inner}$$"
    return text if "$" in text or text.startswith(r"\begin") else f"$${text}$$"


def font_style(page: str) -> str:
    """A style element with the subset font of the page's formulas; empty where it has none."""
    formulas = re.findall(r"<math\b.*?</math>", page, flags=re.DOTALL)
    if not formulas:
        return ""
    text = html.unescape(re.sub(r"<[^>]+>", "", "".join(formulas)))
    encoded = base64.b64encode(_subset("".join(sorted(_glyphs(text))))).decode()
    source = f"url(data:font/woff2;base64,{encoded})"
    return f"<style>@font-face{{font-family:'Report Math';src:{source}}}</style>"


def _glyphs(text: str) -> set[str]:
    letters = set(text) | set(_IMPLIED)
    return {c for c in letters | {_italic(c) for c in letters} if not c.isspace()}


def _italic(letter: str) -> str:
    """The math italic that a browser draws for a one-letter identifier."""
    if letter == "h":
        return "ℎ"
    for first, last, start in (("a", "z", 0x1D44E), ("A", "Z", 0x1D434), ("α", "ω", 0x1D6FC)):
        if first <= letter <= last:
            return chr(start + ord(letter) - ord(first))
    if "Α" <= letter <= "Ω":
        return chr(0x1D6E2 + ord(letter) - ord("Α"))
    return chr(0x1D715 + _EPSILONS.index(letter)) if letter in _EPSILONS else letter


@lru_cache(maxsize=8)
def _subset(text: str) -> bytes:
    """The font reduced to these characters, as woff2; the same text gives the same bytes."""
    from fontTools import subset

    options = subset.Options()
    options.layout_features = ["*"]
    options.recalc_timestamp = False
    options.hinting = False
    options.notdef_outline = True
    work = subset.Subsetter(options)
    work.populate(text=text)
    stream = io.BytesIO()
    with subset.load_font(str(FONT), options) as font:
        work.subset(font)
        font.flavor = "woff2"
        font.save(stream)
    return stream.getvalue()
