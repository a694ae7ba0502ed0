"""Two processes that fetch one file, and a disk that is full: nothing half, one clear error."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable

import pytest

from mmresearch.__main__ import main
from tests.killing import nursery, tree
from tests.test_two_writers import in_the_middle

MONTHS = [f"/data/spot/monthly/trades/X/X-trades-2024-0{n}.zip" for n in (7, 8)]
VIX = "/api/global/us_indices/daily_prices/VIX_History.csv"
SAMPLE = "/info/sample/LOBSTER_SampleFile_AMZN_2012-06-21_10.zip"
ROWS = "1,32000.05,0.5,1722470400000\n" * 20_000

FETCH = """
from mmresearch import fetch
fetch.downloaded = held(None, fetch.downloaded)
sys.exit(main(["fetch", *sys.argv[2:], "--to", sys.argv[1]]))
"""


@pytest.fixture
def ours(server, monkeypatch) -> dict[str, str]:
    """The environment in which every host is our server."""
    names = ("BINANCE", "CBOE", "LOBSTER")
    hosts = {f"MMRESEARCH_HOST_{name}": server.address for name in names}
    for name, address in hosts.items():
        monkeypatch.setenv(name, address)
    return hosts


def test_a_second_fetch_is_refused_the_file_that_the_first_fetches(server, ours, tmp_path, capsys):
    """It has the other file, and says who fetches the one that it has not."""
    pytest.importorskip("fcntl", reason="there is no lock on this system, and none is claimed")
    contents = [server.publish(path, server.zipped(a__csv=path + ROWS)) for path in MONTHS]
    out = tmp_path / "out"
    first, both = ["binance-trades", "X", "2024-07"], ["binance-trades", "X", "2024-07", "2024-08"]
    with in_the_middle(FETCH, out, *first, **ours) as holder:
        assert main(["fetch", *both, "--to", str(out)]) == 1
        said = capsys.readouterr().err
        assert said.startswith("error: binance-trades: 1 of 2 files not fetched:\n")
        assert (
            f"X-trades-2024-07.zip: found process {holder.pid} fetching it; expected that" in said
        )
        folder = out / "binance-trades"
        assert [path.name for path in folder.glob("[!.]*")] == ["X-trades-2024-08.zip"]
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == contents
    assert main(["fetch", *both, "--to", str(out)]) == 0
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == contents


# --- a full disk ----------------------------------------------------------------------------------

ASKED: dict[str, tuple[list[str], Callable]] = {
    "checked": (
        ["binance-trades", "X", "2024-07", "2024-08"],
        lambda zipped, n: {path: zipped(a__csv=f"{n}{path}{ROWS}") for path in MONTHS},
    ),
    "growing": (["vix"], lambda zipped, n: {VIX: f"DATE,CLOSE\n{n}\n{ROWS}".encode()}),
    "packed": (
        ["lobster-sample", "AMZN"],
        lambda zipped, n: {SAMPLE: zipped(m__csv=ROWS[:-9], o__csv=ROWS)},
    ),
}


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and RLIMIT_FSIZE")
@pytest.mark.bad_input("a full disk")
@pytest.mark.parametrize(
    ("asked", "there"),
    [("checked", False), ("checked", True), ("growing", True), ("packed", False)],
)
def test_a_full_disk(server, ours, tmp_path, asked, there):
    """Whatever size the disk stops it at: the files are as they were, and the next run ends it."""
    given, published = ASKED[asked]
    place, versions = tmp_path / "place", [published(server.zipped, n) for n in (1, 2)]
    command = ["fetch", *given, "--to", place]

    def publish(n: int) -> None:
        server.version = f'"v{n}"'
        for path, content in versions[n - 1].items():
            server.publish(path, content, checksum=asked == "checked")

    def files() -> dict[str, str]:
        """All but what a next run goes on with."""
        found = tree(place) if place.exists() else {}
        return {name: hashed for name, hashed in found.items() if hashed and ".part" not in name}

    with nursery(tmp_path, "mmresearch.fetch", "urllib.request", **ours) as runs:
        publish(2)
        runs.whole(command)
        whole = tree(place)
        for limit in (0, 1, 40, len(ROWS) // 2, len(ROWS) - 1):
            shutil.rmtree(place)
            if there:
                publish(1)
                runs.whole(command)
            before = files()
            publish(2)
            code, said = runs.answer(["limited", limit, *command])
            assert code == 1
            assert re.fullmatch(rf"error: .*File too large: '{place}/{given[0]}/.*'\n", said), said
            new = files().items() - before.items()  # an archive, where it is what it holds
            assert new <= whole.items()
            assert len(new) <= (asked == "packed" and limit > 40)
            assert before.items() <= files().items()
            runs.whole(command)
            assert tree(place) == whole
