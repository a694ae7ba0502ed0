"""Make data/sample anew from the simulator, with its truth, and set its row in data/README.md."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pandas as pd

from mmresearch.folder import open_market
from mmresearch.simulate import Simulation, market

HERE = Path(__file__).resolve().parent
FOLDER, README = HERE / "sample", HERE / "README.md"


def truth_text(simulation: Simulation) -> str:
    """The truth as JSON, tables as records; `path`, a row a second, is left out."""
    plain = {}
    for name, value in simulation.truth.items():
        if name == "path":
            continue
        table = isinstance(value, pd.DataFrame)
        plain[name] = json.loads(_records(value)) if table else value
    return json.dumps(plain, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _records(table: pd.DataFrame) -> str:
    return table.to_json(orient="records", date_format="iso", date_unit="ns", double_precision=12)


def readme_row(name: str, rows: int, digest: str) -> str:
    """The sample's row of the table in data/README.md."""
    what = "one symbol, two makers, 25 sessions of 6.5 hours; truth in `sample/truth.json`"
    how = "`make sample`: `mm.simulate.market(own=True)`, else with its defaults"
    return f"| `{name}` | {what} | {rows:,} | {how} | `{digest}` | BSD-3-Clause, as the code |"


def main() -> None:
    """Write the folder, the truth and the row; print what was made."""
    simulation = market(own=True)
    simulation.market.save(FOLDER)
    draft = FOLDER / f".truth.{os.getpid()}.tmp"
    draft.write_text(truth_text(simulation), encoding="utf-8")
    draft.replace(FOLDER / "truth.json")
    saved = open_market(FOLDER)
    rows = int(saved.summary()["rows"].sum())
    row = readme_row("sample", rows, saved.data_hash)
    text, found = re.subn(
        r"^\| `sample` \|.*$", row, README.read_text(encoding="utf-8"), flags=re.M
    )
    if found != 1:
        raise SystemExit(f"{README} has {found} rows that begin with '| `sample` |'; expected 1")
    README.write_text(text, encoding="utf-8")
    print(f"{FOLDER}: {rows:,} rows, data hash {saved.data_hash}")


if __name__ == "__main__":
    main()
