"""Size and coverage of every interval in one table: `python -m tests.truth.coverage [STUDY ...]`.

Every module `tests/truth/coverage_*.py` has a dictionary `COVERAGE`: name -> function(replications,
seed) -> rows, named tuples with these fields (`row` makes them of quantities). The rows of the
studies that ran replace theirs in `coverage.csv`; the others' stay.

    study         the name under which the rows are computed again
    estimator     the public call whose interval it is
    case          the simulated world: what reverts, how long it was watched
    truth         the number that the interval should hold
    nominal       the level that the interval states, or the size of the test; missing where nothing
                  is stated: how often a test finds what is there, or what a worse way would do
    covered       share of the intervals given that hold the truth, or of true nulls rejected
    refused       share of replications answered "not identified"; some still have an interval
    replications  simulated worlds
    mc_error      standard error of `covered`: sqrt(covered (1 - covered) / intervals given)
"""

from __future__ import annotations

import argparse
import importlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import pandas as pd

from mmresearch.estimate.result import Quantity

HERE = Path(__file__).parent
TABLE = HERE / "coverage.csv"
REPLICATIONS = 1000


class Row(NamedTuple):
    """One line of the table, but for the study's name."""

    estimator: str
    case: str
    truth: float
    nominal: float
    covered: float
    refused: float
    replications: int
    mc_error: float


Study = Callable[[int, int], list[Row]]


def row(estimator: str, case: str, truth: float, found: Sequence[Quantity]) -> Row:
    """The line of one interval from its replications; refused ones may still have an interval."""
    refused = sum(not q.identified for q in found) / len(found)
    given = [q for q in found if not (math.isnan(q.low) and math.isnan(q.high))]
    many = max(len(given), 1)
    covered = sum(q.low <= truth <= q.high for q in given) / many
    error = math.sqrt(covered * (1 - covered) / many)
    return Row(estimator, case, truth, found[0].level, covered, refused, len(found), error)


def studies() -> dict[str, Study]:
    """Every study of every `coverage_*.py` by name."""
    found: dict[str, Study] = {}
    for path in sorted(HERE.glob("coverage_*.py")):
        for name, study in importlib.import_module(f"tests.truth.{path.stem}").COVERAGE.items():
            if name in found:
                raise ValueError(f"{path.name}: there is a study {name!r} already")
            found[name] = study
    return found


def run(names: Sequence[str], replications: int, seed: int) -> pd.DataFrame:
    """The rows of these studies."""
    known, tables = studies(), []
    for name in names:
        begun = perf_counter()
        rows = known[name](replications, seed)
        lines = [{"study": name, "replications": replications} | r._asdict() for r in rows]
        table = pd.DataFrame(lines)[["study", *Row._fields]]
        tables.append(table)
        print(table.to_string(index=False), f"\n{perf_counter() - begun:.0f} s\n", flush=True)
    return pd.concat(tables, ignore_index=True)


def main() -> None:
    known = list(studies())
    parser = argparse.ArgumentParser(prog="python -m tests.truth.coverage")
    parser.add_argument("studies", nargs="*", choices=[[], *known], help="all if not given")
    parser.add_argument("--replications", type=int, default=REPLICATIONS)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    table = run(asked.studies or known, asked.replications, asked.seed)
    if TABLE.exists():
        before = pd.read_csv(TABLE)
        kept = before[~before["study"].isin(table["study"])]  # also of studies that came meanwhile
        table = pd.concat([kept, table]) if len(kept) else table
    table.sort_values("study", kind="stable").to_csv(TABLE, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
