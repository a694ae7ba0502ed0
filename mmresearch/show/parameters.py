"""Parameters of a notebook: what its cell tagged `parameters` assigns, and how to set it.

The convention is papermill's: a cell tagged `injected-parameters` follows the one tagged
`parameters` and assigns anew.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

DEFAULTS, INJECTED = "parameters", "injected-parameters"


def known(nb: NotebookNode) -> dict[str, str]:
    """The notebook's parameters: name -> the value's source; empty without such a cell."""
    cell = tagged(nb, DEFAULTS)
    found = {}
    for node in _assignments(cell.source) if cell else []:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        found |= {name: ast.unparse(node.value) for name in names if node.value}
    return found


def inject(nb: NotebookNode, values: Mapping[str, Any]) -> NotebookNode:
    """A copy of the notebook that uses these values; a ValueError names what it does not know."""
    unknown = sorted(set(values) - set(known(nb)))
    if unknown:
        names = ", ".join(known(nb)) or "none: it has no cell tagged `parameters`"
        raise ValueError(f"no parameter {', '.join(unknown)}; the notebook's parameters: {names}")
    copy = nbformat.from_dict(nb)
    copy.cells = [cell for cell in copy.cells if INJECTED not in tags(cell)]
    if values:
        cell = nbformat.v4.new_code_cell(assignments(values), metadata={"tags": [INJECTED]})
        cell.id = INJECTED
        copy.cells.insert(copy.cells.index(tagged(copy, DEFAULTS)) + 1, cell)
    return copy


def replace_default(nb: NotebookNode, name: str, value: Any) -> NotebookNode:
    """A copy of the notebook whose parameters cell assigns this value itself."""
    copy = nbformat.from_dict(nb)
    cell = tagged(copy, DEFAULTS)
    node = next((n for n in _assignments(cell.source) if _assigns(n, name)), None) if cell else None
    if node is None:
        raise ValueError(f"the notebook has no parameter {name}")
    source, part = cell.source, ast.get_source_segment(cell.source, node.value)
    start = sum(len(line) + 1 for line in source.split("\n")[: node.value.lineno - 1])
    start += len(
        source.split("\n")[node.value.lineno - 1].encode()[: node.value.col_offset].decode()
    )
    cell.source = source[:start] + literal(value) + source[start + len(part) :]
    return copy


def assignments(values: Mapping[str, Any]) -> str:
    """One assignment a line."""
    return "\n".join(f"{name} = {literal(value)}" for name, value in values.items())


def literal(value: Any) -> str:
    """The value as it is written in a cell; a ValueError for what is not a plain value."""
    plain = str(value) if isinstance(value, Path) else value
    try:
        same = ast.literal_eval(repr(plain)) == plain
    except (ValueError, SyntaxError):
        same = False
    if not same:
        raise ValueError(f"a parameter must be a plain Python value, not {value!r}")
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, str) else repr(plain)


def tagged(nb: NotebookNode, tag: str) -> NotebookNode | None:
    """The first cell with this tag."""
    return next((cell for cell in nb.cells if tag in tags(cell)), None)


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.get("metadata", {}).get("tags", [])


def _assignments(source: str) -> list[ast.Assign | ast.AnnAssign]:
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise ValueError(f"the cell tagged `parameters` is not plain Python: {error}") from None
    return [node for node in body if isinstance(node, (ast.Assign, ast.AnnAssign))]


def _assigns(node: ast.Assign | ast.AnnAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return node.value is not None and any(
        isinstance(target, ast.Name) and target.id == name for target in targets
    )
