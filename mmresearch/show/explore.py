"""Widgets: one function, its choices as controls; live in JupyterLab, frames in a report."""

from __future__ import annotations

import base64
import html
import itertools
import os
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import pandas as pd
from matplotlib.figure import Figure

from mmresearch.show import pictures

# A grid of choices up to this size stands whole in a report.
LARGEST_GRID = 12
# Set in the kernel that makes a report.
FRAMES = "MMRESEARCH_FRAMES"


def explore(
    function: Callable[..., Any],
    *args: Any,
    start: Mapping[str, Any] | None = None,
    fixed: Mapping[str, Any] | None = None,
    **choices: Any,
) -> Explorer:
    """Controls over a function that draws, e.g. `explore(plot, market, freq=["1min", "5min"])`.

    Every keyword given as a list is a control: a slider where its values are numbers or time
    steps in rising order, else a menu. In JupyterLab a control calls the function anew. A report
    holds what the controls can show as fixed figures: every combination up to 12, beyond that
    every value of the first control with the others at their start.

    Parameters
    ----------
    function : callable
        Called as `function(*args, **choice)`; draws on the current figure, or returns Axes, a
        Figure, a table or text. A ValueError is shown as the answer for that choice.
    *args
        Passed to the function, most often a market or a table.
    start : mapping, optional
        The value each control starts at; else the first.
    fixed : mapping, optional
        Keywords passed as they are, for those that are lists themselves.
    **choices
        Lists become controls; other values are passed as they are.
    """
    lists = {n: list(v) for n, v in choices.items() if isinstance(v, (list, tuple, range))}
    constant = {n: v for n, v in choices.items() if n not in lists} | dict(fixed or {})
    if not lists or not all(lists.values()):
        raise ValueError("explore needs a keyword with a list of values to choose from")
    start = dict(start or {})
    wrong = {n: v for n, v in start.items() if n not in lists or v not in lists[n]}
    if wrong:
        raise ValueError(f"start {wrong} is not among the choices {lists}")
    first = {name: start.get(name, values[0]) for name, values in lists.items()}
    return Explorer(lambda **choice: function(*args, **constant, **choice), lists, first)


class Explorer(ipywidgets.VBox):
    """The widget `explore` returns: controls above the view that they choose.

    Its saved output also holds a picture of the start, for readers without a kernel, and in a
    report every frame instead.
    """

    def __init__(
        self, function: Callable[..., Any], choices: dict[str, list], start: dict[str, Any]
    ) -> None:
        self._function, self._choices, self._start = function, choices, start
        self.controls = {n: _control(n, v, start[n]) for n, v in choices.items()}
        self.view = ipywidgets.HTML()
        super().__init__([ipywidgets.HBox(list(self.controls.values())), self.view])
        for control in self.controls.values():
            control.observe(self._redraw, names="value")
        self._first: Figure | str = ""
        if not _frames_wanted():
            self._first = self._draw(start)
            self.view.value = _live(self._first)

    def _draw(self, choice: dict[str, Any]) -> Figure | str:
        return pictures.view(lambda: self._function(**choice))

    def _redraw(self, _change: Any) -> None:
        choice = {name: control.value for name, control in self.controls.items()}
        try:
            self.view.value = _live(self._draw(choice))
        except Exception as error:  # a callback's traceback would be seen by nobody
            message = f"{type(error).__name__}: {error}"
            self.view.value = pictures.refusal_html(message)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle = dict(super()._repr_mimebundle_(**kwargs))
        if _frames_wanted():
            return bundle | {"text/html": frames_html(self._draw, self._choices, self._start)}
        if isinstance(self._first, Figure):
            picture = pictures.png(self._first, dpi=90)
            return bundle | {"image/png": base64.b64encode(picture).decode()}
        return bundle | {"text/html": self._first}


def frames_html(
    draw: Callable[[dict[str, Any]], Figure | str],
    choices: dict[str, list],
    start: dict[str, Any],
) -> str:
    """Every frame of the grid and the radio buttons that choose among them by CSS alone.

    The buttons sit in a form of their own, so that explorers of one page do not mix. Frame and
    button share the attributes `data-c0`, `data-c1`, ... by which the style sheet pairs them.
    """
    varied = list(choices) if _size(choices) <= LARGEST_GRID else list(choices)[:1]
    held = {name: value for name, value in start.items() if name not in varied}
    buttons = "".join(_buttons(i, name, choices[name], start) for i, name in enumerate(varied))
    note = f'<p class="mm-held">{html.escape(_words(held))}</p>' if held else ""
    frames = ""
    for cells in itertools.product(*(list(enumerate(choices[name])) for name in varied)):
        places, values = zip(*cells, strict=True)
        choice = dict(zip(varied, values, strict=True)) | held
        frames += _frame(draw(choice), places, _words(choice))
    return f'<form class="mm-explorer" method="dialog">{buttons}{note}{frames}</form>'


def _frames_wanted() -> bool:
    return os.environ.get(FRAMES) == "1"


def _size(choices: dict[str, list]) -> int:
    size = 1
    for values in choices.values():
        size *= len(values)
    return size


def _control(name: str, values: list, start: Any) -> ipywidgets.Widget:
    options = [(str(value), value) for value in values]
    kind = ipywidgets.SelectionSlider if _ordered(values) else ipywidgets.Dropdown
    more = {"continuous_update": False} if kind is ipywidgets.SelectionSlider else {}
    return kind(options=options, value=start, description=name.replace("_", " "), **more)


def _ordered(values: list) -> bool:
    """Whether the values are numbers or time steps in rising order."""
    if len(values) < 2 or any(isinstance(value, bool) for value in values):
        return False
    try:
        sizes = [v if isinstance(v, (int, float)) else pd.Timedelta(v) for v in values]
        return all(a < b for a, b in itertools.pairwise(sizes))
    except (ValueError, TypeError):
        return False


def _live(shown: Figure | str) -> str:
    if not isinstance(shown, Figure):
        return shown
    source = pictures.png_uri(pictures.png(shown, dpi=144))
    width = round(96 * shown.get_figwidth())
    return f'<img style="width:{width}px;max-width:100%" src="{source}">'


def _buttons(place: int, name: str, values: list, start: dict[str, Any]) -> str:
    labels = "".join(
        f'<label><input type="radio" name="c{place}" data-c{place}="{i}"'
        f"{' checked' if value == start[name] else ''}>{html.escape(str(value))}</label>"
        for i, value in enumerate(values)
    )
    return f"<fieldset><legend>{html.escape(name.replace('_', ' '))}</legend>{labels}</fieldset>"


def _frame(shown: Figure | str, places: tuple[int, ...], words: str) -> str:
    marks = "".join(f' data-c{i}="{place}"' for i, place in enumerate(places))
    body = pictures.vector_tag(shown, words) if isinstance(shown, Figure) else shown
    caption = f"<figcaption>{html.escape(words)}</figcaption>"
    return f'<figure class="mm-frame"{marks}>{caption}{body}</figure>'


def _words(choice: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in choice.items())
