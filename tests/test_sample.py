"""The committed sample is what the simulator gives now, and its papers are in order."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from mmresearch.folder import open_market
from mmresearch.simulate import market

DATA = Path(__file__).resolve().parents[1] / "data"
SAMPLE = DATA / "sample"


@pytest.fixture(scope="module")
def remade():
    return market(own=True)


@pytest.fixture(scope="module")
def make_sample():
    spec = importlib.util.spec_from_file_location("make_sample", DATA / "make_sample.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_remaking_gives_the_same_values(remade):
    committed = open_market(SAMPLE)
    assert remade.market.data_hash == committed.data_hash
    assert list(committed) == [
        "trades",
        "quotes",
        "own_quotes",
        "fills",
        "transfers",
        "positions",
    ]


def test_the_readme_carries_the_hash_of_the_files(make_sample):
    committed = open_market(SAMPLE)
    digest, rows = committed.data_hash, int(committed.summary()["rows"].sum())
    assert make_sample.readme_row("sample", rows, digest) in (DATA / "README.md").read_text()


def test_the_truth_beside_it_is_the_simulation_s(remade, make_sample):
    committed = json.loads((SAMPLE / "truth.json").read_text())
    remade_truth = json.loads(make_sample.truth_text(remade))
    _assert_close(committed, remade_truth)
    assert set(committed) == set(remade.truth) - {"path"}


def _assert_close(one, other):
    """Equal but for the last digits of sums, which processors may round differently."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = list(one.values()), list(other.values())
    if isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            _assert_close(a, b)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-9)
    else:
        assert one == other


def test_twenty_sessions_or_more_in_less_than_eight_megabytes():
    committed = open_market(SAMPLE)
    assert len(committed.sessions("SIM")) >= 20
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 8e6
