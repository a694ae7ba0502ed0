"""A loader's options as a command's: their names, types and help come from the loader itself."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable, Collection
from typing import Any

import pandas as pd

_WORDS = re.compile(r"\w+")


def options_of(loader: Callable) -> dict[str, inspect.Parameter]:
    """What a loader may be told beside its files, by name; not what no text can say."""
    given = list(inspect.signature(loader).parameters.values())[1:]
    told = [p for p in given if "TextIO" not in str(p.annotation)]
    return {p.name: p for p in told if p.kind is not p.VAR_POSITIONAL}


def add_options(
    parser: argparse.ArgumentParser, loader: Callable, *, only: Collection[str] | None = None
) -> None:
    """An option of the command for each of the loader, or for these."""
    said = _explained(inspect.getdoc(loader) or "")
    for name, parameter in options_of(loader).items():
        if only is not None and name not in only:
            continue
        required = parameter.default is parameter.empty
        help_text = said.get(name, "").replace("%", "%%")
        how = _how(str(parameter.annotation))
        flag = f"--{name.replace('_', '-')}"
        default = argparse.SUPPRESS  # what is not said is left to the loader
        parser.add_argument(flag, required=required, default=default, help=help_text, **how)


def _how(annotation: str) -> dict[str, Any]:
    """How the text of an option becomes what the annotation says."""
    words = _WORDS.findall(annotation)
    if {"Mapping", "dict"} & set(words):
        return {"nargs": "+", "action": _Pairs, "metavar": "NAME=VALUE"}
    if words[:1] == ["bool"]:
        return {"action": argparse.BooleanOptionalAction}
    kinds: dict[str, Callable] = {"int": int, "float": float, "DataFrame": pd.read_csv}
    found = next((w for w in words if w in (*kinds, "str", "Path")), "str")
    many = {"tuple", "list", "Sequence", "Iterable"} & set(words)
    metavar = "FILE.csv" if found == "DataFrame" else "VALUE"
    return {"type": kinds.get(found, str), "metavar": metavar} | ({"nargs": "+"} if many else {})


class _Pairs(argparse.Action):
    """NAME=VALUE texts as a mapping; a single text without a sign stays one (a file's path)."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        if len(values) == 1 and "=" not in values[0]:
            setattr(namespace, self.dest, values[0])
            return
        pairs = [value.partition("=") for value in values]
        wrong = [name + sign + value for name, sign, value in pairs if not (name and sign)]
        if wrong:
            parser.error(f"{option}: {wrong[0]!r} is not of the form NAME=VALUE")
        setattr(namespace, self.dest, {name: value for name, _, value in pairs})


def _explained(doc: str) -> dict[str, str]:
    """Each parameter's words in a NumPy docstring."""
    block = re.search(r"\nParameters\n-+\n(.*?)(?=\n\w[^\n]*\n-+\n|\Z)", doc, re.S)
    said: dict[str, list[str]] = {}
    names: list[str] = []
    for line in (block[1] if block else "").splitlines():
        head = re.match(r"(\*?\w[\w, *]*)(?: : .*)?$", line)
        if head:
            names = [name.strip(" *") for name in head[1].split(",")]
        elif line.strip():
            for name in names:
                said.setdefault(name, []).append(line.strip())
    return {name: " ".join(lines) for name, lines in said.items()}
