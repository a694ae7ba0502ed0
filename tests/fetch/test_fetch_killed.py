"""kill -9 at any moment of a fetch: every file the old one or the new, and the next run ends it."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Hashable
from pathlib import Path

import pytest

from mmresearch.load import paths
from tests.killing import killed, nursery

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs fork and SIGKILL")
few_and_many = pytest.mark.parametrize("times", [5, pytest.param(50, marks=pytest.mark.slow)])

DAILY = "/data/spot/daily/trades/X/X-trades-2024-08-0{}.zip"
VIX = "/api/global/us_indices/daily_prices/VIX_History.csv"
SAMPLE = "/info/sample/LOBSTER_SampleFile_AMZN_2012-06-21_10.zip"
ROWS = "1,32000.05,0.5,1722470400000\n" * 60_000
# what is asked for, what is published of each version, and the files that appear in one step
ASKED = {
    "checked": (
        ["binance-trades", "X", "2024-08-01", "2024-08-03"],
        lambda zipped, n: {DAILY.format(d): zipped(a__csv=f"{n}{d}\n{ROWS}") for d in (1, 2, 3)},
        [f"binance-trades/X-trades-2024-08-0{d}.zip" for d in (1, 2, 3)],
    ),
    "growing": (
        ["vix"],
        lambda zipped, n: {VIX: f"DATE,CLOSE\n{n}\n{ROWS}".encode()},
        ["vix/VIX_History.csv"],
    ),
    "packed": (
        ["lobster-sample", "AMZN"],
        lambda zipped, n: {SAMPLE: zipped(m__csv=ROWS, o__csv=ROWS * 2)},
        [f"lobster-sample/LOBSTER_SampleFile_AMZN_2012-06-21_10{end}" for end in ("", ".zip")],
    ),
}


def content_of(path: Path) -> Hashable:
    """The hash of a file, or of those of a folder; None where there is none."""
    if not path.exists():
        return None
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return tuple((file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files)


def listed(place: Path) -> set[str]:
    """What a conversion of the whole folder would read: of files that are whole, and no other."""
    folders = [folder for folder in place.glob("*") if folder.is_dir()]
    found = [path for f in folders for path in paths._within(f, (".zip", ".csv", ".gz", ".json"))]
    return {str(path.relative_to(place)) for path in found}


@few_and_many
@pytest.mark.parametrize("asked", ASKED)
def test_fetch(server, tmp_path, asked, times, record_property):
    """Two versions are published in turn, each with its own tag, as servers do."""
    given, published, files = ASKED[asked]
    place, versions = tmp_path / "place", [published(server.zipped, n) for n in (1, 2)]
    place.mkdir()
    server.pace = 0.01

    def publish(n: int) -> None:
        server.version = f'"v{n}"'
        for path, content in versions[n].items():
            server.publish(path, content, checksum=asked == "checked")

    def state() -> list[Hashable]:
        assert listed(place) <= {*files}
        return [content_of(place / file) for file in files]

    hosts = {f"MMRESEARCH_HOST_{name}": server.address for name in ("BINANCE", "CBOE", "LOBSTER")}
    command = ["fetch", *given, "--to", place]
    how = {"seed": 4, "before": publish, "anew": 1.0 if asked == "packed" else 0.2}
    with nursery(tmp_path, "mmresearch.fetch", "urllib.request", **hosts) as runs:
        seen = killed(runs, place, (command, command), state, times=times, **how)
    record_property("kills", dict(seen))
