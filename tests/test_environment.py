"""environment.yml, constraints.txt and pyproject.toml say the same."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from rattler import MatchSpec

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]

# The name on PyPI -> on conda-forge, where they differ.
CONDA_NAME = {
    "arch": "arch-py",
    "brotli": "brotli-python",
    "duckdb": "python-duckdb",
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
}
ONLY_ON_PYPI = {"ccxt", "databento", "math-core"}


def direct() -> dict[str, SpecifierSet]:
    """The direct dependencies of pyproject.toml, development included."""
    return {canonicalize_name(r.name): r.specifier for r in map(Requirement, DIRECT)}


def pins() -> dict[str, tuple[str, str]]:
    """constraints.txt: name -> (version, marker)."""
    found = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            match = re.fullmatch(r"([\w.-]+)==([\w.]+)(?: ; (.+))?", line)
            assert match, f"not an exact version: {line!r}"
            assert match[1] not in found, f"twice: {match[1]}"
            found[match[1]] = (match[2], match[3] or "")
    return found


# --- environment.yml ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text())


@pytest.fixture(scope="module")
def conda(environment) -> dict[str, SpecifierSet]:
    """The conda packages of environment.yml with their ranges, each parsed as conda would."""
    found = {}
    for spec in environment["dependencies"]:
        if isinstance(spec, str):
            parsed = MatchSpec(spec, strict=True)
            name = parsed.name.normalized
            assert name not in found, f"twice: {name}"
            found[name] = SpecifierSet(str(parsed.version or ""))
    return found


@pytest.fixture(scope="module")
def pip(environment) -> list[str]:
    """The block that pip installs; there is one and it comes last."""
    *_, block = environment["dependencies"]
    assert list(block) == ["pip"]
    return block["pip"]


def test_environment_has_its_name_and_channel(environment):
    assert set(environment) == {"name", "channels", "dependencies"}
    assert (environment["name"], environment["channels"]) == ("mmresearch", ["conda-forge"])


def test_environment_has_the_same_python(conda):
    assert conda["python"] == SpecifierSet(PROJECT["requires-python"])


def test_environment_has_the_same_direct_dependencies(conda):
    wanted = {
        CONDA_NAME.get(name, name): ranges
        for name, ranges in direct().items()
        if name not in ONLY_ON_PYPI
    }
    found = {name: ranges for name, ranges in conda.items() if name not in ("python", "pip")}
    assert found == wanted


def test_environment_takes_the_rest_and_the_project_from_pip(conda, pip):
    assert "pip" in conda
    *others, project = pip
    assert project == "-e ."
    found = {canonicalize_name(r.name): r.specifier for r in map(Requirement, others)}
    assert found == {name: direct()[name] for name in ONLY_ON_PYPI}


# --- constraints.txt ------------------------------------------------------------------------------


def installed_needs() -> dict[str, str]:
    """Every distribution that the project needs here, directly or not: name -> version."""
    found, waiting = {}, [(Requirement(line), "") for line in DIRECT]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if name not in found:
            found[name] = metadata.version(name)
            waiting += [(Requirement(r), "") for r in metadata.requires(name) or []]
        for wanted in requirement.extras:
            waiting += [(Requirement(r), wanted) for r in metadata.requires(name) or []]
            requirement.extras = set()
    return found


def test_every_dependency_is_pinned():
    pinned, needs = pins(), installed_needs()
    assert len(needs) > 100
    assert sorted(set(needs) - set(pinned)) == []


def test_pins_are_within_the_projects_ranges():
    pinned = pins()
    outside = [name for name, r in direct().items() if not r.contains(pinned[name][0])]
    assert outside == []


def test_pins_satisfy_one_another():
    pinned, broken = pins(), []
    for name in installed_needs():
        for requirement in map(Requirement, metadata.requires(name) or []):
            needed = canonicalize_name(requirement.name)
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            if not requirement.specifier.contains(pinned[needed][0], prereleases=True):
                broken.append(f"{name} needs {requirement}, pinned {pinned[needed][0]}")
    assert broken == []


def test_constraints_name_no_index_and_no_file():
    text = (ROOT / "constraints.txt").read_text()
    assert not re.search(r"https?:|://|--|@|\bfile\b", text)


def test_pins_are_versions_and_markers_that_parse():
    for name, (version, marker) in pins().items():
        assert canonicalize_name(name) == name
        assert str(Version(version))
        Requirement(f"{name}=={version}" + (f" ; {marker}" if marker else ""))


# --- the ranges -----------------------------------------------------------------------------------


def test_what_is_installed_is_within_the_projects_ranges():
    outside = {n: metadata.version(n) for n, r in direct().items()}
    assert {n: v for n, v in outside.items() if not direct()[n].contains(v)} == {}


# Part of a declared package's own interface: imported only to talk to it.
COMES_WITH = {
    "databento_dbn": "databento",  # its decoder
    "jinja2": "nbconvert",
    "jupyter_client": "nbclient",
    "traitlets": "nbconvert",
}


@pytest.mark.parametrize(("package", "carrier"), COMES_WITH.items())
def test_what_comes_with_a_declared_package_does_so(package, carrier):
    needs = {canonicalize_name(Requirement(r).name) for r in metadata.requires(carrier)}
    assert needs & {canonicalize_name(d) for d in metadata.packages_distributions()[package]}
    assert carrier in direct()


def test_every_package_that_is_imported_is_declared():
    """Third-party imports of the package are direct dependencies, not somebody else's."""
    provided = metadata.packages_distributions()
    imported = set()
    for path in (ROOT / "mmresearch").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.partition(".")[0])
    others = imported - set(sys.stdlib_module_names) - {"mmresearch"} - set(COMES_WITH)
    extras = [PROJECT["optional-dependencies"][extra] for extra in ("ccxt", "databento")]
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    undeclared = {
        name
        for name in others
        if not declared & {canonicalize_name(d) for d in provided.get(name, [])}
    }
    assert undeclared == set()
