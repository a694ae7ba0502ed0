"""Parameters: found, injected after their cell, refused when unknown."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from mmresearch.show import parameters

CELL = 'DATA = "sample"  # the folder\nFREQ: str = "1min"\nLAGS = [1, 2]'


def notebook(source: str = CELL) -> nbformat.NotebookNode:
    cells = [
        nbformat.v4.new_markdown_cell("# Title"),
        nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("DATA"),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def test_known_names_what_the_cell_assigns():
    assert parameters.known(notebook()) == {
        "DATA": "'sample'",
        "FREQ": "'1min'",
        "LAGS": "[1, 2]",
    }


def test_a_notebook_without_the_cell_knows_nothing():
    assert parameters.known(nbformat.v4.new_notebook()) == {}


def test_values_stand_in_a_cell_right_after():
    nb = parameters.inject(notebook(), {"FREQ": "5min", "LAGS": [3]})
    assert nb.cells[2].source == 'FREQ = "5min"\nLAGS = [3]'
    assert nb.cells[2].metadata.tags == ["injected-parameters"]
    assert [cell.source for cell in nb.cells[3:]] == ["DATA"]


def test_the_notebook_given_is_left_alone():
    given = notebook()
    parameters.inject(given, {"FREQ": "5min"})
    assert given == notebook() | {"cells": given.cells}
    assert [cell.source for cell in given.cells] == ["# Title", CELL, "DATA"]


def test_values_injected_before_are_replaced():
    once = parameters.inject(notebook(), {"FREQ": "5min"})
    twice = parameters.inject(once, {"FREQ": "1h"})
    assert [cell.source for cell in twice.cells] == ["# Title", CELL, 'FREQ = "1h"', "DATA"]


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no parameter FREG; .*DATA, FREQ, LAGS"):
        parameters.inject(notebook(), {"FREG": "5min"})


def test_the_default_itself_is_replaced_and_its_comment_kept():
    nb = parameters.replace_default(notebook(), "DATA", Path("/data/ä"))
    assert nb.cells[1].source.splitlines()[0] == 'DATA = "/data/ä"  # the folder'
    assert nb.cells[1].source.splitlines()[1:] == CELL.splitlines()[1:]


def test_the_default_after_other_letters_of_its_line_is_replaced():
    nb = parameters.replace_default(notebook('µ = "é"; DATA = "sample"'), "DATA", "x")
    assert nb.cells[1].source == 'µ = "é"; DATA = "x"'


@pytest.mark.parametrize("value", [object(), float("nan"), len])
def test_only_plain_values_can_be_written(value: object):
    with pytest.raises(ValueError, match="plain Python value"):
        parameters.literal(value)


@pytest.mark.parametrize("value", ['a "quoted" \\ text', "1", 1, None, True, [1, "a"], {"a": 2.5}])
def test_what_is_written_reads_back(value: object):
    assert eval(parameters.literal(value)) == value


def test_a_cell_that_is_not_python_is_refused():
    with pytest.raises(ValueError, match="not plain Python"):
        parameters.known(notebook("%matplotlib inline"))
