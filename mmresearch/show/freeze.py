"""Outputs that need a kernel or a script, made into what stands still in a report."""

from __future__ import annotations

import html
import re
from typing import Any

import nbformat
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_output

from mmresearch.show.pictures import SVG_LIMIT

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
_SCRIPTED = ("application/javascript", "application/vnd.plotly.v1+json")
_STILL = ("image/svg+xml", "image/png", "image/jpeg")
_DRAWN = re.compile(r"^[\[(]*(array\()?\[*(<(Axes|Figure|matplotlib\.|seaborn\.)|Text\()")
# Where a message came from on this machine: a cell's temporary file, or the library's folder.
_PLACE = r"\S*?ipykernel_\d+[/\\]\d+\.py:|\S*[/\\]site-packages[/\\]"
_NOTE = '<p class="mm-note">This output needs a live notebook and is not in the report.</p>'


class Freeze(Preprocessor):
    """Replaces what moves by what stands; says so where nothing can stand for it."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        state = nb.metadata.pop("widgets", {}).get(STATE, {}).get("state", {})
        for cell in nb.cells:
            if cell.cell_type == "code":
                still = [s for output in cell.outputs for s in _freeze(output, state)]
                cell.outputs = _without_echo([_plain(output) for output in still])
        return nb, resources


def _freeze(output: NotebookNode, state: dict) -> list[NotebookNode]:
    data = output.get("data", {})
    if VIEW not in data:
        return [output]
    own = {k: v for k, v in data.items() if k not in (VIEW, "text/plain")}
    if own:
        return [new_output("display_data", own, metadata=output.metadata)]
    settings: list[str] = []
    inner: list[dict] = []
    _walk(data[VIEW]["model_id"], state, settings, inner)
    line = f'<div class="mm-settings">{"".join(settings)}</div>' if settings else ""
    shown = [new_output("display_data", {"text/html": line})] if line else []
    frozen = [s for o in inner for s in _freeze(nbformat.from_dict(o), state)]
    return shown + frozen or [new_output("display_data", {"text/html": _NOTE})]


def _walk(model: str, state: dict, settings: list[str], inner: list[dict]) -> None:
    """Collect the values of the controls and the outputs held by a widget and its children."""
    entry = state.get(model.removeprefix("IPY_MODEL_"), {})
    values, kind = entry.get("state", {}), entry.get("model_name", "")
    if kind == "OutputModel":
        inner.extend(values.get("outputs", []))
    elif "children" in values:
        for child in values["children"]:
            _walk(child, state, settings, inner)
    elif kind in ("HTMLModel", "HTMLMathModel", "LabelModel"):
        if values.get("value"):
            settings.append(f"<span>{values['value']}</span>")
    elif (chosen := _chosen(values)) is not None and kind != "ButtonModel":
        name = values.get("description") or kind.removesuffix("Model")
        settings.append(f"<span><b>{html.escape(name)}</b> {html.escape(chosen)}</span>")


def _chosen(values: dict[str, Any]) -> str | None:
    """The value of a control, in words."""
    value, labels = values.get("value"), values.get("_options_labels")
    if value is None and labels and values.get("index") is not None:
        places = values["index"]
        places = places if isinstance(places, (list, tuple)) else [places]
        value = [labels[place] for place in places]
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return " to ".join(map(str, value))
    return None if value is None else str(value)


def _plain(output: NotebookNode) -> NotebookNode:
    """The lighter picture of a figure; no scripts; no places in this machine or its memory."""
    if output.get("name") == "stderr":
        output.text = re.sub(_PLACE, "", output.text)
    data = output.get("data", {})
    if len(data.get("image/svg+xml", "")) > SVG_LIMIT and "image/png" in data:
        data.pop("image/svg+xml")
    if any(kind in data for kind in _SCRIPTED) or "<script" in data.get("text/html", ""):
        kept = {kind: data[kind] for kind in _STILL if kind in data}
        output.data = nbformat.from_dict(kept or {"text/html": _NOTE})
    if "text/html" in data:  # pandas' own style would reach every table of the page
        data["text/html"] = re.sub(r"<style scoped>.*?</style>", "", data["text/html"], flags=re.S)
    if "text/plain" in data:
        data["text/plain"] = re.sub(r" at 0x[0-9a-f]+", "", data["text/plain"])
    return output


def _without_echo(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Without the text of a returned Axes where the figure itself is shown."""
    if not any(kind in output.get("data", {}) for output in outputs for kind in _STILL):
        return outputs
    return [o for o in outputs if not (set(o.get("data", {})) == {"text/plain"} and _echo(o))]


def _echo(output: NotebookNode) -> bool:
    return bool(_DRAWN.match(output.data["text/plain"]))
