"""The page: one file, no script, nothing fetched, everything that the notebook shows."""

from __future__ import annotations

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from mmresearch.show.exporter import ReportExporter, question, title

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><!-- x --><g id="a#b"/></svg>'
ANSWER = (
    "**Does it revert?**\n\n$$ ΔI_t = a + b I_{t-1} + e_t $$\n\n<table><tr><td>1</td></tr></table>"
)


def code(*outputs: dict | nbformat.NotebookNode, **more: object) -> nbformat.NotebookNode:
    made = [o if "output_type" in o else new_output("display_data", o) for o in outputs]
    return new_code_cell("answer = 42", outputs=made, **more)


def export(*cells: nbformat.NotebookNode, **resources: object) -> str:
    nb = nbformat.v4.new_notebook(cells=list(cells))
    return ReportExporter().from_notebook_node(nb, resources)[0]


@pytest.fixture(scope="module")
def page() -> str:
    prose = (
        r"# Does it revert? <b>Yes</b>"
        + "\n\nHow fast? With $\\rho^2$ we ask.\n\n## Data\n\n## Data"
    )
    frames = (
        '<form class="mm-explorer"><input type="radio" name="c0" data-c0="1">'
        '<figure class="mm-frame" data-c0="1"></figure></form>'
    )
    return export(
        new_markdown_cell(prose),
        code({"image/svg+xml": SVG}),
        code({"text/html": "<table><tr><td>7</td></tr></table>"}, {"text/markdown": ANSWER}),
        code({"text/latex": r"$\displaystyle \frac{1}{2}$"}, {"text/html": frames}),
        code(new_output("stream", name="stderr", text="one day only")),
        manifest=[("Data", [("name", "a & b"), ("hash", "f00"), ("rows of fills", "4")])],
    )


def test_nothing_is_fetched_and_no_script_is_held(page: str):
    sources = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", page)
    assert sources
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "<script" not in page
    assert "@import" not in page


def test_the_policy_refuses_everything_but_what_is_inside(page: str):
    policy = re.search(r'content="(default-src[^"]*)" http-equiv="Content-Security-Policy"', page)[
        1
    ]
    assert policy.startswith("default-src 'none'; img-src data:; font-src data:")
    assert "script-src" not in policy
    assert "http" not in policy


def test_every_entry_of_the_contents_leads_to_a_heading_of_its_own(page: str):
    nav = re.search(r"<nav.*?</nav>", page, flags=re.DOTALL)[0]
    targets = re.findall(r'href="#([^"]+)"', nav)
    assert targets == ["data", "data-2"]
    assert all(page.count(f'id="{target}"') == 1 for target in targets)


def test_formulas_of_prose_and_outputs_are_mathml(page: str):
    assert len(re.findall(r"<math\b", page)) == 3
    assert not re.search(r"\\(rho|frac|displaystyle)", page)
    assert "font-family:'Report Math'" in page


def test_figures_stand_in_the_file_with_words_for_those_who_do_not_see(page: str):
    (alt, source) = re.search(r'<img alt="([^"]*)" src="([^"]*)"', page).groups()
    assert alt == "Figure: Data"
    assert source.startswith("data:image/svg+xml,%3Csvg")
    assert "#" not in source
    assert "--" not in source  # the comment is gone


def test_tables_markdown_and_messages_are_there(page: str):
    assert "<td>7</td>" in page
    assert "<strong>Does it revert?</strong>" in page
    assert re.search(r"<details[^>]*>.*one day only.*</details>", page, flags=re.DOTALL)


def test_code_is_there_and_can_be_shown(page: str):
    assert page.count('<div class="code">') == 4
    assert 'for="show-code"' in page


def test_an_explorer_gets_the_rule_that_pairs_button_and_frame(page: str):
    rule = r':has(input[data-c0="1"]:checked)>.mm-frame:not([data-c0="1"]){display:none}'
    assert rule in page


def test_the_manifest_and_the_head_say_what_it_rests_on(page: str):
    assert "<dt>rows of fills</dt><dd>4</dd>" in page
    assert "<dd>a &amp; b</dd>" in page
    assert '<meta content="a &amp; b" name="mmresearch:name"/>' in page
    assert "<title>Does it revert? &lt;b&gt;Yes&lt;/b&gt;</title>" in page


def test_the_same_notebook_gives_the_same_page(page: str):
    cells = [new_markdown_cell("# T\n\n$x$"), code({"image/svg+xml": SVG})]
    assert export(*cells) == export(*cells)


def test_cells_tagged_to_be_left_out_are():
    hidden = code({"text/plain": "out"}, metadata={"tags": ["remove-cell"]})
    bare = code({"text/plain": "kept"}, metadata={"tags": ["remove-input"]})
    found = export(hidden, bare)
    assert "out</pre>" not in found
    assert "kept</pre>" in found
    assert '<div class="code">' not in found


@pytest.mark.parametrize("address", ["https://example.org/a.png", "missing.png"])
def test_a_picture_that_would_be_missing_is_refused(address: str):
    with pytest.raises(ValueError, match=re.escape(address)):
        export(new_markdown_cell(f"![a picture]({address})"))


def test_a_formula_that_cannot_be_converted_fails_the_page():
    with pytest.raises(ValueError, match="frac"):
        export(new_markdown_cell(r"$\frac{1}$"))


def test_title_and_question_are_read_from_the_prose():
    prose = "# Does **it** revert?\n\nHow *fast* is [it](x)? More.\n\nNext."
    nb = nbformat.v4.new_notebook(cells=[code(), new_markdown_cell(prose)])
    assert (title(nb), question(nb)) == ("Does it revert?", "How fast is it?")
    assert (title(nbformat.v4.new_notebook()), question(nbformat.v4.new_notebook())) == (
        "Report",
        "",
    )
