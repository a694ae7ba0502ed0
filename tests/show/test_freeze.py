"""What needs a kernel or a script stands still in a report, or a note says what is missing."""

from __future__ import annotations

import nbformat
from nbformat.v4 import new_output

from mmresearch.show.freeze import STATE, VIEW, Freeze
from mmresearch.show.pictures import SVG_LIMIT

SLIDER = {"model_name": "IntSliderModel", "state": {"description": "lag", "value": 3}}
MENU = {
    "model_name": "DropdownModel",
    "state": {"description": "account", "index": 1, "_options_labels": ["MM1", "MM2"]},
}
SWITCH = {"model_name": "CheckboxModel", "state": {"description": "log", "value": True}}
BUTTON = {"model_name": "ButtonModel", "state": {"description": "run"}}


def freeze(*outputs: nbformat.NotebookNode, state: dict | None = None) -> list:
    """The outputs that stand in the report."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=list(outputs))])
    nb.metadata["widgets"] = {STATE: {"state": state or {}}}
    frozen, _ = Freeze().preprocess(nb, {})
    assert "widgets" not in frozen.metadata
    return frozen.cells[0].outputs


def widget(**more: str) -> nbformat.NotebookNode:
    return new_output("display_data", {VIEW: {"model_id": "top"}, "text/plain": "VBox()", **more})


def box(*children: str) -> dict:
    models = [f"IPY_MODEL_{child}" for child in children]
    return {"model_name": "VBoxModel", "state": {"children": models}}


def test_controls_become_the_settings_used():
    state = {"top": box("s", "m", "c", "b"), "s": SLIDER, "m": MENU, "c": SWITCH, "b": BUTTON}
    (shown,) = freeze(widget(), state=state)
    for said in ("<b>lag</b> 3", "<b>account</b> MM2", "<b>log</b> on"):
        assert said in shown.data["text/html"]
    assert "run" not in shown.data["text/html"]


def test_the_outputs_inside_a_widget_come_back():
    held = {"output_type": "stream", "name": "stdout", "text": "lag is 3\n"}
    output = {"model_name": "OutputModel", "state": {"outputs": [held]}}
    shown = freeze(widget(), state={"top": box("s", "o"), "s": SLIDER, "o": output})
    assert shown[1].text == "lag is 3\n"


def test_a_widget_with_a_static_form_keeps_it():
    (shown,) = freeze(widget(**{"text/html": "<form></form>"}))
    assert dict(shown.data) == {"text/html": "<form></form>"}


def test_a_widget_of_which_nothing_is_known_leaves_a_note():
    (shown,) = freeze(widget())
    assert "live notebook" in shown.data["text/html"]


def test_a_script_is_replaced_by_the_picture_beside_it():
    both = {"text/html": "<script>draw()</script>", "image/png": "aaaa"}
    assert dict(freeze(new_output("display_data", both))[0].data) == {"image/png": "aaaa"}


def test_a_script_alone_leaves_a_note():
    (shown,) = freeze(new_output("display_data", {"text/html": "<script>draw()</script>"}))
    assert "<script" not in shown.data["text/html"]
    assert "live notebook" in shown.data["text/html"]


def test_a_heavy_figure_gives_way_to_its_picture_and_a_light_one_does_not():
    pictures = {"image/svg+xml": "x" * (SVG_LIMIT + 1), "image/png": "aaaa"}
    assert set(freeze(new_output("display_data", pictures))[0].data) == {"image/png"}
    light = {"image/svg+xml": "<svg></svg>", "image/png": "aaaa"}
    assert set(freeze(new_output("display_data", light))[0].data) == set(light)


def test_nothing_of_this_machine_is_kept():
    result = new_output("execute_result", {"text/plain": "<Thing at 0x7f00aa>"})
    warning = "/tmp/ipykernel_12/34.py:1: UserWarning: short\n/a/site-packages/b.py:3: other"
    told = new_output("stream", name="stderr", text=warning)
    shown = freeze(result, told)
    assert shown[0].data["text/plain"] == "<Thing>"
    assert shown[1].text == "1: UserWarning: short\nb.py:3: other"


def test_the_name_of_the_axes_is_dropped_where_the_figure_is_shown():
    echo = new_output("execute_result", {"text/plain": "<Axes: xlabel='bar'>"})
    figure = new_output("display_data", {"image/png": "aaaa", "text/plain": "<Figure>"})
    number = new_output("execute_result", {"text/plain": "3"})
    assert freeze(echo, figure, number) == [figure, number]
    assert freeze(echo) == [echo]
