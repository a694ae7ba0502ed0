"""What every notebook keeps to, read from the file; nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import nbformat
import pytest

from mmresearch.show.execute import sources_hash

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
ASKED = ["00_start_here", "01_inventory_ledger", "02_inventory_reversion", "03_quote_skew"]
ASKED += ["04_price_impact", "05_spread_capture", "06_liquidity_withdrawal"]
ASKED += ["07_volatility_forecast", "08_depth_and_slippage", "15_can_you_trust_it"]

# An absolute path of any machine, and a clock's time of the run; not a link, not a ratio.
PATH = re.compile(
    r"(?<![\w./:<-])(?:/(?:home|root|srv|tmp|Users|mnt|usr|opt|var)/\w|[A-Z]:\\\\?\w)"
)
WARNING = re.compile(r"\bWarning\b:|Traceback \(most recent call last\)")

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@lru_cache
def notebook(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [c for c in notebook(path).cells if c.cell_type == kind]


def outputs(path: Path) -> Iterator[nbformat.NotebookNode]:
    for cell in cells(path, "code"):
        yield from cell.outputs


def texts(path: Path) -> Iterator[str]:
    """Every text of the outputs; pictures that are bytes in base64 are left out."""
    for output in outputs(path):
        yield output.get("text", "")
        for kind, data in output.get("data", {}).items():
            if kind.startswith("text/") or kind in ("image/svg+xml", "application/json"):
                yield re.sub(r"base64,[\w+/=\s%]+", "", str(data))


def test_the_notebooks_asked_for_are_there():
    assert set(ASKED) <= {path.stem for path in NOTEBOOKS}


@every_notebook
def test_name_is_numbered(path):
    assert re.fullmatch(r"\d\d(_[a-z]+)+", path.stem)


@every_notebook
def test_is_valid(path):
    nbformat.validate(notebook(path))


@every_notebook
def test_first_code_cell_holds_the_parameters(path):
    first, *others = cells(path, "code")
    assert first.metadata.get("tags") == ["parameters"]
    assigned = {}
    for node in ast.parse(first.source).body:
        assert isinstance(node, ast.Assign), "the parameters cell only assigns"
        assigned |= {target.id: ast.literal_eval(node.value) for target in node.targets}
    assert assigned["DATA"] == "sample"
    assert all("parameters" not in cell.metadata.get("tags", []) for cell in others)


@every_notebook
def test_holds_no_logic(path):
    for cell in cells(path, "code"):
        assert not re.search(r"^\s*(async\s+)?(def|class|while|try)\b", cell.source, re.M)
        kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
        assert kinds.isdisjoint({ast.FunctionDef, ast.ClassDef, ast.While, ast.Try})


@every_notebook
def test_gives_no_lambda_a_name(path):
    for cell in cells(path, "code"):
        for node in ast.walk(ast.parse(cell.source)):
            assigned = isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr))
            assert not (assigned and isinstance(node.value, ast.Lambda))


@every_notebook
def test_cells_are_short(path):
    for cell in cells(path, "code"):
        assert cell.source.strip(), "an empty cell"
        assert len(cell.source.splitlines()) <= 15


@every_notebook
def test_needs_no_magic_and_no_network(path):
    for cell in cells(path, "code"):
        assert not re.search(r"^\s*[%!]|https?://|pip install", cell.source, re.M)


@every_notebook
def test_has_one_title(path):
    prose = "\n".join(cell.source for cell in cells(path, "markdown"))
    outside_code = re.sub(r"^```.*?^```", "", prose, flags=re.M | re.S)
    assert len(re.findall(r"^# ", outside_code, re.M)) == 1
    assert notebook(path).cells[0].source.startswith("# ")


@every_notebook
def test_mathematics_is_closed_and_tables_hold_no_bars(path):
    for cell in cells(path, "markdown"):
        assert cell.source.count("$$") % 2 == 0
        for line in cell.source.splitlines():
            if line.lstrip().startswith("|"):
                formulas = re.findall(r"\$[^$]+\$", line)
                assert not any("|" in formula for formula in formulas), "write \\lvert x\\rvert"


@every_notebook
def test_was_run_from_top_to_bottom(path):
    code = cells(path, "code")
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


@every_notebook
def test_ran_without_error_or_warning(path):
    assert [o for o in outputs(path) if o.output_type == "error"] == []
    assert [o for o in outputs(path) if o.get("name") == "stderr"] == []
    assert [text for text in texts(path) if WARNING.search(text)] == []


@every_notebook
def test_outputs_belong_to_the_sources(path):
    nb = notebook(path)
    assert nb.metadata["mmresearch"]["sources"] == sources_hash(nb), "run `make notebooks`"


@every_notebook
def test_is_small(path):
    assert path.stat().st_size < 400_000


@every_notebook
def test_names_no_place_of_a_machine(path):
    nb = notebook(path)
    said = [*texts(path), *(cell.source for cell in nb.cells), str(nb.metadata)]
    assert [m[0] for text in said for m in PATH.finditer(text)] == []


@every_notebook
def test_keeps_no_time_of_the_run(path):
    for cell in notebook(path).cells:
        assert "execution" not in cell.metadata, "the times when the cell ran"
    for text in texts(path):
        assert not re.search(
            r"\b(Date|Time):\s+\w{3}, \d\d \w{3} \d{4}|\d\d:\d\d:\d\d\s*</td>", text
        )


@every_notebook
def test_keeps_no_widget_state(path):
    nb = notebook(path)
    assert "widgets" not in nb.metadata
    for output in outputs(path):
        assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {})


# --- the patterns themselves ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["saved to /home/a/b", "(/tmp/x.csv)", "'/srv/data'", r"C:\Users", "=/home/x"]
)
def test_place_is_found(text):
    assert PATH.search(text)


@pytest.mark.parametrize("text", ["</div>", "a/tmp/b", "bid/ask", "https://x.org/home/a", "24/7"])
def test_what_is_no_place_passes(text):
    assert not PATH.search(text)
