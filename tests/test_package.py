"""The package as a whole: lazy, documented, thin, nothing unfinished."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mmresearch as mm

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "mmresearch").rglob("*.py"))
IDS = [str(path.relative_to(ROOT)) for path in SOURCES]
every_source = pytest.mark.parametrize("path", SOURCES, ids=IDS)


# --- import ---------------------------------------------------------------------------------------


def test_import_is_lazy():
    """Neither our rooms nor anything heavy comes in before it is used."""
    code = """
import sys
import mmresearch
heavy = {"numpy", "pandas", "polars", "pyarrow", "scipy", "statsmodels", "matplotlib", "seaborn",
         "numba", "arch", "ipywidgets", "nbformat", "IPython", "exchange_calendars", "sqlalchemy"}
print(sorted(heavy & set(sys.modules)), [m for m in sys.modules if m.startswith("mmresearch.")])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[] []"


def test_opening_a_market_needs_no_statistics_and_no_figures():
    code = """
import sys
import mmresearch as mm
mm.Market
print(sorted({"statsmodels", "matplotlib", "scipy", "numba", "arch"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_unknown_name():
    with pytest.raises(AttributeError, match="module 'mmresearch' has no attribute 'ledgers'"):
        mm.ledgers  # noqa: B018


@pytest.mark.parametrize("name", mm.__all__)
def test_public_name_resolves_and_is_listed(name):
    assert getattr(mm, name) is not None
    assert name in dir(mm)


# --- documentation --------------------------------------------------------------------------------


def public_functions() -> list[tuple[str, object]]:
    """Functions and classes of the public names, and the functions of public modules."""
    found = []
    for name in mm.__all__:
        thing = getattr(mm, name)
        if isinstance(thing, ModuleType):
            found += [(f"{name}.{n}", getattr(thing, n)) for n in thing.__all__]
        elif callable(thing):
            found.append((name, thing))
    return found


def test_every_public_name_is_documented():
    bare = []
    for name, thing in public_functions():
        first = (thing.__doc__ or "").partition("\n")[0].strip()
        if not first:
            bare.append(name)
    assert bare == []


def test_every_public_function_has_typed_arguments_and_answer():
    untyped = []
    for name, thing in public_functions():
        if inspect.isfunction(thing):
            signature = inspect.signature(thing)
            bare = [p.name for p in signature.parameters.values() if p.annotation is p.empty]
            if bare or signature.return_annotation is signature.empty:
                untyped.append((name, bare))
    assert untyped == []


def test_arguments_after_the_data_are_keyword_only_with_defaults():
    """At most the data are positional (a path, a table, a few of them); the rest have defaults."""
    wrong = []
    for name, thing in public_functions():
        if not inspect.isfunction(thing):
            continue
        for p in inspect.signature(thing).parameters.values():
            if p.kind is p.KEYWORD_ONLY and p.default is p.empty:
                wrong.append(f"{name}({p.name}) has no default")
            if p.kind is p.POSITIONAL_OR_KEYWORD and p.default not in (p.empty, None):
                wrong.append(f"{name}({p.name}) is an option that is not keyword-only")
    assert wrong == []


@pytest.mark.parametrize(
    "name", ["unit_root_tests", "inventory_reversion", "half_life", "price_pressure", "panel"]
)
def test_estimates_and_measures_say_what_they_return(name):
    assert re.search(r"Returns\n|unit", inspect.getdoc(getattr(mm, name)))


@every_source
def test_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


# --- size and finish ------------------------------------------------------------------------------


@every_source
def test_module_is_short(path):
    assert len(path.read_text().splitlines()) <= 350


@every_source
def test_nothing_is_unfinished(path):
    # spelt apart, so that this file does not name what it looks for
    words = ["NotImplemented" + "Error", r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bXX" + r"X\b"]
    assert re.findall("|".join(words), path.read_text()) == []


@every_source
def test_no_path_of_a_machine(path):
    assert re.findall(r"/(?:home|root|work|tmp|Users|mnt)/", path.read_text()) == []


@every_source
def test_no_global_generator(path):
    legacy = re.findall(r"np\.random\.(?!default_rng|Generator|SeedSequence)\w+", path.read_text())
    assert legacy == []


def test_module_names_say_their_job():
    names = {path.stem for path in SOURCES}
    assert names.isdisjoint({"utils", "util", "helpers", "common", "misc", "core", "base"})


def test_every_module_imports():
    for path in SOURCES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] != "__main__":
            importlib.import_module(".".join(parts).removesuffix(".__init__"))


# --- the tests themselves -------------------------------------------------------------------------


def test_a_test_that_changes_the_global_generator_fails(tmp_path):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_seeds.py").write_text(
        "import numpy as np\n"
        "def test_seeds(): np.random.seed(1)\n"
        "def test_draws(): np.random.rand()\n"
        "def test_own(): np.random.default_rng(1).random()\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--rootdir", tmp_path, tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 1
    assert re.findall(r"^(FAILED|PASSED) test_seeds.py::(\w+)", run.stdout, re.M) == [
        ("PASSED", "test_own"),
        ("FAILED", "test_seeds"),
        ("FAILED", "test_draws"),
    ]
    assert "changes numpy's global generator" in run.stdout


def test_test_files_have_unique_names():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))
