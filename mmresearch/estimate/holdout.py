"""A sealed end of the sample: what it holds by its hash, and how often it has been opened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FILE = "holdout_ledger.csv"
FEWEST_DAYS = 5  # of which whole ones are kept out
LEDGER = ["opened", "data", "model", "opening", "opening_of_model"]
_OPENED: list[tuple[str, str, str]] = []  # of this session, where no folder keeps them


def first_sealed(days: pd.Series, share: float) -> int:
    """Place of the first row kept out: the last `share` of the days, or of rows below five days."""
    if not share:
        return len(days)
    names = days.drop_duplicates()
    if len(names) < FEWEST_DAYS:
        return len(days) - int(np.ceil(share * len(days)))
    kept = len(names) - int(np.ceil(share * len(names)))
    return int(np.flatnonzero((days == names.iloc[kept]).to_numpy())[0])


def data_hash(known: pd.Series, variance: pd.Series) -> str:
    """Of the instants and the variances that are kept out, in order of time."""
    found = hashlib.sha256(known.to_numpy("datetime64[ns]").astype("int64").tobytes())
    found.update(variance.to_numpy("float64").tobytes())
    return found.hexdigest()[:16]


def model_hash(asked: Mapping[str, Any]) -> str:
    """Of everything that was asked for."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def open_ledger(data: str, model: str, folder: str | Path | None) -> pd.DataFrame:
    """Write down that this data was opened for this model; all openings of this data.

    In `holdout_ledger.csv` of the folder, else in the memory of this session only.
    """
    now = pd.Timestamp.now("UTC").floor("s").isoformat()
    if folder is None:
        _OPENED.append((now, data, model))
        rows = pd.DataFrame(_OPENED, columns=LEDGER[:3])
    else:
        rows = _written(Path(folder), (now, data, model))
    rows = rows[rows["data"] == data].reset_index(drop=True)
    rows["opening"] = np.arange(len(rows)) + 1
    rows["opening_of_model"] = rows.groupby("model").cumcount() + 1
    return rows[LEDGER]


def _written(folder: Path, line: tuple[str, str, str]) -> pd.DataFrame:
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder} to keep the ledger in")
    path = folder / FILE
    fresh = not path.exists()
    with path.open("a", encoding="utf-8") as file:  # a line is written at once, never rewritten
        file.write((",".join(LEDGER[:3]) + "\n" if fresh else "") + ",".join(line) + "\n")
    return pd.read_csv(path, dtype="str")
