"""No file that is read can run code: nothing in the package unpickles, evaluates or executes."""

from __future__ import annotations

import ast
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mmresearch as mm
from mmresearch.receipt import SourceError

PACKAGE = Path(mm.__file__).parent
TOKENS = {
    "labels": pd.DataFrame({"address": ["0x" + "1" * 40], "account": "A"}),
    "decimals": pd.DataFrame({"address": ["0x" + "2" * 40], "decimals": 6}),
}
MODULES = sorted(PACKAGE.rglob("*.py"))
# each of these runs what a file says, or builds whatever object it names
IMPORTS = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {"read_pickle", "to_pickle", "read_hdf", "unsafe_load", "full_load", "fromstring"}
METHODS |= {"eval", "query"}  # of a DataFrame: they evaluate text


def faults_of(code: str, name: str = "code") -> list[str]:
    """Where code imports or calls what runs the content of files."""
    found = []
    for node in ast.walk(ast.parse(code)):
        what = None
        if isinstance(node, ast.Import):
            what = next((a.name for a in node.names if a.name.split(".")[0] in IMPORTS), None)
        elif isinstance(node, ast.ImportFrom):
            what = node.module if (node.module or "").split(".")[0] in IMPORTS else None
        elif isinstance(node, ast.Call):
            what = _call(node)
        if what:
            found.append(f"{name}:{node.lineno}: {what}")
    return found


def _call(node: ast.Call) -> str | None:
    if isinstance(node.func, ast.Name) and node.func.id in CALLS:
        return node.func.id
    if isinstance(node.func, ast.Attribute):
        owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
        if node.func.attr in METHODS or (owner in ("np", "numpy") and node.func.attr == "load"):
            return f"{owner}.{node.func.attr}"
    allowed = [k for k in node.keywords if k.arg == "allow_pickle"]
    return "allow_pickle" if allowed else None


@pytest.mark.bad_input("a pickle")
@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_module_runs_what_a_file_says(path):
    assert not faults_of(path.read_text(encoding="utf-8"), path.name)


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "import yaml",
        "import pandas as pd\npd.read_pickle('a')",
        "import numpy as np\nnp.load('a')",
        "f(allow_pickle=False)",
        "eval('1')",
        "exec(open('a').read())",
        "frame.query('a > 1')",
    ],
)
def test_the_test_finds_what_it_looks_for(code):
    assert len(faults_of(code)) == 1


class Trap:
    """Unpickled, it makes a file: the sign that it ran."""

    def __init__(self, sign: Path) -> None:
        self.sign = sign

    def __reduce__(self) -> tuple:
        return Path.touch, (self.sign,)


@pytest.mark.bad_input("a pickle")
@pytest.mark.parametrize("name", ["trades.pkl", "trades.csv", "trades.parquet", "trades.json"])
@pytest.mark.parametrize("source", mm.load.__all__)
def test_a_pickle_is_never_opened(source, name, tmp_path):
    path, sign = tmp_path / name, tmp_path / "it-ran"
    path.write_bytes(pickle.dumps(Trap(sign)))
    given = {"table": {"kind": "trades"}, "series": {"symbol": "X"}}.get(source, {})
    given |= {"account": "A"} if source in ("fills_export", "hyperliquid") else {}
    given |= TOKENS if source == "erc20" else {}
    with pytest.raises(SourceError):
        getattr(mm.load, source)(path, **given)
    assert not sign.exists()
    pickle.loads(path.read_bytes())  # it would have run
    assert sign.exists()


@pytest.mark.bad_input("a numpy file of Python objects")
def test_a_numpy_file_is_refused(tmp_path):
    path, sign = tmp_path / "trades.csv", tmp_path / "it-ran"
    with path.open("wb") as file:
        np.save(file, np.array([Trap(sign)], dtype=object), allow_pickle=True)
    with pytest.raises(SourceError, match=r"trades\.csv"):
        mm.load.table(path, "trades")
    assert not sign.exists()


@pytest.mark.bad_input("a Parquet file whose notes name code")
def test_notes_of_a_parquet_file_are_not_followed(tmp_path):
    path, sign = tmp_path / "trades.parquet", tmp_path / "it-ran"
    trap = f"__import__('pathlib').Path({str(sign)!r}).touch()"
    notes = {"pandas": json.dumps({"index_columns": [trap], "columns": [trap], "trap": trap})}
    notes |= {"PANDAS_ATTRS": json.dumps({"trap": trap})}
    held = pa.table(
        {"time": ["2024-08-01T00:00:00Z"], "symbol": "X", "price": [1.0]} | {"size": [2.0]}
    )
    pq.write_table(held.replace_schema_metadata(notes), path, store_schema=False)
    assert len(mm.load.table(path, "trades").trades) == 1
    assert not sign.exists()


@pytest.mark.bad_input("a Parquet file of pickled objects")
def test_bytes_in_a_parquet_file_stay_bytes(tmp_path):
    path, sign = tmp_path / "trades.parquet", tmp_path / "it-ran"
    pd.DataFrame({"time": [pickle.dumps(Trap(sign))]}).to_parquet(path)
    with pytest.raises(SourceError, match="one value a cell"):
        mm.load.table(path, "trades")
    assert not sign.exists()


@pytest.mark.bad_input("a market folder whose files are pickles")
def test_a_market_folder_of_pickles_is_refused(tmp_path):
    sign = tmp_path / "it-ran"
    (tmp_path / "trades.parquet").write_bytes(pickle.dumps(Trap(sign)))
    with pytest.raises(ValueError, match=r"trades\.parquet"):
        _ = mm.open(tmp_path).trades
    assert not sign.exists()
