"""A report in a browser without a network: everything is there, and it works without a script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# In the page: whether it is wider than the window.
OVERFLOW = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
LOADED = "[...document.images].map(image => image.complete && image.naturalWidth > 0)"


@pytest.fixture
def page(chromium: Browser, report: Path) -> Iterator[Page]:
    """The report, opened; at the end no request left it and nothing was complained of."""
    context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(report.as_uri())
    yield tab
    context.close()
    assert said == []
    outside = [url for url in asked if not url.startswith("data:")]
    assert {url.split("#")[0] for url in outside} == {report.as_uri()}


def visible_frames(page: Page) -> list[str]:
    """The labels of the explorer's frames that are seen."""
    shown = "figure => getComputedStyle(figure).display !== 'none'"
    label = "figure => figure.querySelector('figcaption').textContent"
    return page.evaluate(
        f"[...document.querySelectorAll('.mm-frame')].filter({shown}).map({label})"
    )


def test_formulas_are_drawn_with_the_font_that_the_file_brings(page: Page):
    heights = (
        "[...document.querySelectorAll('main math')].map(m => m.getBoundingClientRect().height)"
    )
    inline, block = page.evaluate(heights)
    assert 8 < inline < 40 < block
    page.evaluate("document.fonts.ready")
    faces = page.evaluate("[...document.fonts].map(f => [f.family, f.status])")
    assert [[family.strip('"'), status] for family, status in faces] == [["Report Math", "loaded"]]


def test_figures_load(page: Page):
    loaded = page.evaluate(LOADED)
    assert loaded == [True] * 5  # one figure and four frames


def test_code_is_folded_until_asked_for(page: Page):
    code = page.locator("main .code").first
    assert not code.is_visible()
    page.get_by_text("Show code").click()
    assert code.is_visible()
    page.get_by_text("Hide code").click()
    assert not code.is_visible()


def test_the_switch_works_from_the_keyboard(page: Page):
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator("main .code").first.is_visible()


def test_buttons_choose_the_frame(page: Page):
    assert visible_frames(page) == ["freq 1min, lag 1"]
    page.locator(".mm-explorer label", has_text="15min").click()
    assert visible_frames(page) == ["freq 15min, lag 1"]
    page.locator(".mm-explorer fieldset", has_text="lag").get_by_text("2", exact=True).click()
    assert visible_frames(page) == ["freq 15min, lag 2"]


def test_arrows_choose_the_frame(page: Page):
    page.locator(".mm-explorer input").first.focus()
    page.keyboard.press("ArrowRight")
    assert visible_frames(page) == ["freq 15min, lag 1"]


def test_enter_in_the_explorer_leaves_the_page_as_it_is(page: Page):
    page.locator(".mm-explorer input").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    assert visible_frames(page) == ["freq 1min, lag 1"]


def test_on_paper_every_frame_stands_with_its_label(page: Page):
    page.emulate_media(media="print")
    assert len(visible_frames(page)) == 4
    assert page.locator(".mm-frame figcaption").first.is_visible()
    assert not page.locator("aside").is_visible()


def test_the_contents_lead_to_their_headings(page: Page):
    page.locator("nav a", has_text="A detail").nth(1).click()
    assert page.url.endswith("#a-detail-2")
    assert page.locator("h3#a-detail-2").is_visible()


def test_other_widgets_stand_with_their_outputs(page: Page):
    assert page.get_by_text("lag 3").is_visible()


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_the_page_never_scrolls_sideways(page: Page, width: int):
    page.set_viewport_size({"width": width, "height": 800})
    page.locator("label[for=show-code]").click()
    assert not page.evaluate(OVERFLOW)
    table = page.locator(".box", has=page.locator("table", has_text="a long name 19"))
    assert table.evaluate("box => box.scrollWidth > box.clientWidth")  # it scrolls in its box


def test_the_data_gate_s_table_is_seen_whole(page: Page):
    """Its words wrap, so that what suffers from a doubt is not cut off."""
    gate = page.locator(".box", has=page.locator("th", has_text="affects"))
    assert "permanent shift" in gate.inner_text()
    assert gate.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_on_a_telephone_the_contents_open_when_asked(page: Page):
    page.set_viewport_size({"width": 390, "height": 800})
    assert not page.locator("nav").is_visible()
    page.locator("label[for=show-contents]").click()
    assert page.locator("nav").is_visible()


def test_text_stands_out_from_its_ground(page: Page):
    """WCAG 2.1 AA: 4.5 to 1 for the text of every element that holds some."""
    page.locator("label[for=show-code]").click()
    assert page.evaluate(CONTRAST) == []


def test_the_index_leads_to_the_report(page: Page, report: Path):
    index = page.context.new_page()
    index.goto(report.with_name("index.html").as_uri())
    index.get_by_role("link", name="Does the inventory revert?").click()
    assert index.locator("h1").inner_text().startswith("Does the inventory revert?")


# Elements whose text has too little contrast with the nearest ground that is painted.
CONTRAST = """() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = colour => channels(colour).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const poor = [];
  for (const e of document.body.querySelectorAll('*')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(e.tagName + ': ' + e.textContent.slice(0, 30));
  }
  return poor;
}"""
