"""The explorer: which controls, what they show, what stands still."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import ipywidgets
import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

import mmresearch as mm
from mmresearch.show import pictures
from mmresearch.show.explore import FRAMES


@pytest.fixture(autouse=True)
def _no_screen() -> Iterator[None]:
    with mpl.rc_context({"figure.figsize": (2, 1.5)}):
        yield
    assert plt.get_fignums() == []  # what an explorer draws is nobody else's figure


def draw(scale: float, *, freq: str = "1min", account: str = "MM1") -> Axes:
    axes = plt.gca()
    axes.plot([0, scale * len(freq)])
    axes.set_title(f"{freq} {account}")
    return axes


def calls(**choices: list) -> tuple[list[dict], ipywidgets.VBox]:
    """The choices that were drawn, as they come."""
    seen: list[dict] = []

    def remember(**choice: object) -> str:
        seen.append(choice)
        return str(choice)

    return seen, mm.explore(remember, **choices)


def test_rising_numbers_and_time_steps_are_sliders_and_names_are_menus():
    _, explorer = calls(lag=[1, 2], freq=["30s", "5min", "1h"], account=["A", "B"], back=[2, 1])
    kinds = {name: type(control) for name, control in explorer.controls.items()}
    slider, menu = ipywidgets.SelectionSlider, ipywidgets.Dropdown
    assert kinds == {"lag": slider, "freq": slider, "account": menu, "back": menu}


def test_a_control_draws_anew_with_the_choice_of_all():
    seen, explorer = calls(lag=[1, 2, 3], account=["A", "B"])
    explorer.controls["account"].value = "B"
    explorer.controls["lag"].value = 3
    first, second, third = ({"lag": a, "account": b} for a, b in ((1, "A"), (1, "B"), (3, "B")))
    assert seen == [first, second, third]
    assert explorer.view.value == f"<pre>{third!s}</pre>".replace("'", "&#x27;")


def test_a_figure_is_shown_and_changes():
    explorer = mm.explore(draw, 2.0, freq=["1min", "15min"])
    before = explorer.view.value
    assert re.match(r'<img [^>]*src="data:image/png;base64,', before)
    explorer.controls["freq"].value = "15min"
    assert explorer.view.value != before


def test_values_that_are_not_lists_and_fixed_lists_are_passed_on():
    seen = []
    mm.explore(lambda **k: seen.append(k) or "x", a=[1, 2], b=7, fixed={"c": [3, 4]})
    assert seen == [{"a": 1, "b": 7, "c": [3, 4]}]


def test_start_chooses_the_first_view_and_must_be_a_choice():
    seen = []
    mm.explore(lambda **k: seen.append(k) or "x", start={"a": 2}, a=[1, 2])
    assert seen == [{"a": 2}]
    with pytest.raises(ValueError, match="not among the choices"):
        mm.explore(draw, 1.0, start={"freq": "1h"}, freq=["1min"])


def test_there_must_be_something_to_choose():
    with pytest.raises(ValueError, match="list of values"):
        mm.explore(draw, 1.0, freq="1min")


def refuse_two(*, lag: int) -> str:
    if lag == 2:
        raise ValueError("not identified: <2 bars")
    if lag == 3:
        raise KeyError("mid")
    return "fine"


def test_a_refusal_is_shown_as_the_answer():
    explorer = mm.explore(refuse_two, lag=[1, 2])
    explorer.controls["lag"].value = 2
    assert explorer.view.value == '<p class="mm-refusal">not identified: &lt;2 bars</p>'


def test_another_error_is_seen_in_the_view_and_fails_a_report(monkeypatch: pytest.MonkeyPatch):
    explorer = mm.explore(refuse_two, lag=[1, 3])
    explorer.controls["lag"].value = 3
    assert "KeyError: &#x27;mid&#x27;" in explorer.view.value
    monkeypatch.setenv(FRAMES, "1")
    with pytest.raises(KeyError, match="mid"):
        mm.explore(refuse_two, lag=[1, 3])._repr_mimebundle_()


def test_a_function_that_shows_nothing_is_a_mistake():
    with pytest.raises(TypeError, match="drew nothing"):
        mm.explore(lambda lag: None, lag=[1, 2])


def test_the_saved_output_holds_a_picture_of_the_start():
    bundle = mm.explore(draw, 1.0, freq=["1min", "5min"])._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "text/html" not in bundle
    assert "application/vnd.jupyter.widget-view+json" in bundle


def frames(monkeypatch: pytest.MonkeyPatch, *args: float, **choices: list) -> str:
    monkeypatch.setenv(FRAMES, "1")
    return mm.explore(draw, *args, **choices)._repr_mimebundle_()["text/html"]


def test_a_report_holds_every_frame_of_a_small_grid(monkeypatch: pytest.MonkeyPatch):
    found = frames(monkeypatch, 1.0, freq=["1min", "5min"], account=["A", "B"])
    labels = re.findall(r"<figcaption>([^<]*)</figcaption>", found)
    assert labels == [f"freq {f}, account {a}" for f in ("1min", "5min") for a in ("A", "B")]
    pictures_held = re.findall(r'src="([^"]*)"', found)
    assert len(set(pictures_held)) == 4
    assert all(source.startswith("data:image/svg+xml,") for source in pictures_held)


def test_frames_carry_the_marks_of_their_buttons(monkeypatch: pytest.MonkeyPatch):
    found = frames(monkeypatch, 1.0, freq=["1min", "5min"], account=["A", "B"])
    marks = re.findall(r'<figure class="mm-frame" data-c0="(\d)" data-c1="(\d)">', found)
    assert marks == [("0", "0"), ("0", "1"), ("1", "0"), ("1", "1")]
    assert re.findall(r'data-(c\d="\d") checked', found) == ['c0="0"', 'c1="0"']


def test_a_large_grid_shows_the_first_control_and_says_what_is_held(
    monkeypatch: pytest.MonkeyPatch,
):
    freqs = ["1min", "2min", "3min", "4min", "5min"]
    found = frames(monkeypatch, 1.0, freq=freqs, account=["A", "B", "C"])
    assert found.count("<figure") == 5
    assert '<p class="mm-held">account A</p>' in found


def test_frames_are_the_same_each_time(monkeypatch: pytest.MonkeyPatch):
    choices = {"freq": ["1min", "5min"]}
    assert frames(monkeypatch, 1.0, **choices) == frames(monkeypatch, 1.0, **choices)


def test_a_figure_too_heavy_for_vectors_is_a_picture(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pictures, "SVG_LIMIT", 10)
    assert 'src="data:image/png;base64,' in frames(monkeypatch, 1.0, freq=["1min"])
