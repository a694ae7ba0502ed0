"""LaTeX becomes MathML, and the font holds the glyphs it needs."""

from __future__ import annotations

import base64
import io
import re

import pytest
from fontTools.ttLib import TTFont

from mmresearch.show import mathml


def convert(latex: str, *, block: bool = False) -> str:
    return mathml.to_mathml(latex, block=block, using=mathml.converter())


def font_of(page: str) -> TTFont:
    encoded = re.search(r"base64,([^)]+)\)", mathml.font_style(page))[1]
    return TTFont(io.BytesIO(base64.b64decode(encoded)))


def test_fraction_and_root_are_elements():
    found = convert(r"\frac{1}{\sqrt{n}}")
    assert re.search(r"<mfrac><mn>1</mn>.*<msqrt>.*<mi>n</mi>", found)


def test_a_block_is_display_style_and_inline_is_not():
    assert 'display="block"' in convert("x", block=True)
    assert 'display="block"' not in convert("x")


def test_equations_are_numbered_through_the_document():
    one = mathml.converter()
    numbers = [
        re.findall(r"\((\d)\)", mathml.to_mathml(source, block=True, using=one))
        for source in (r"\begin{equation}a\end{equation}", r"\begin{equation}b\end{equation}")
    ]
    assert numbers == [["1"], ["2"]]


def test_typed_capital_greek_is_upright_like_the_command():
    assert convert("ΔI_t") == convert(r"\Delta I_t")
    assert 'mathvariant="normal"' in convert("ΔI_t")


def test_a_formula_that_cannot_be_converted_is_named():
    with pytest.raises(ValueError, match=r"frac\{1\}"):
        convert(r"\frac{1}")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (r"$\displaystyle a+b$", "$$ a+b$$"),
        (r"\[ a \]", "$$ a $$"),
        (r"a_1", "$$a_1$$"),
        (r"$$a$$", "$$a$$"),
        (r"\begin{align}a\end{align}", r"\begin{align}a\end{align}"),
        (r"with $a$ and $b$", r"with $a$ and $b$"),
    ],
)
def test_latex_outputs_get_delimiters_that_markdown_knows(output: str, expected: str):
    assert mathml.as_markdown(output) == expected


def test_the_font_draws_what_the_text_does_not_hold():
    held = font_of(convert(r"\sqrt{I}") + "<p>z</p>").getBestCmap()
    assert {ord("√"), ord("I"), 0x1D43C} <= set(held)  # the last is mathematical italic I
    assert ord("z") not in held


def test_the_font_is_a_small_math_font_and_always_the_same():
    page = convert(r"\hat\rho = \sum_t I_t^2")
    assert "MATH" in font_of(page)
    assert mathml.font_style(page) == mathml.font_style(page)
    mathml._subset.cache_clear()
    first = mathml.font_style(page)
    mathml._subset.cache_clear()
    assert mathml.font_style(page) == first
    assert len(first) < 80_000


def test_a_page_without_formulas_needs_no_font():
    assert mathml.font_style("<p>no formula</p>") == ""
