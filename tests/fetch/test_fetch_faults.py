"""Servers that refuse, break off or send something else: one clear fault, no half file."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

from mmresearch.fetch import FetchError
from mmresearch.fetch import http as fetch_http

MONTH = "/data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-08.zip"


# --- faults of the server -------------------------------------------------------------------------


@pytest.mark.bad_input("a server that does not have the file")
def test_what_is_not_published(server, faults, left, capsys):
    (fault,) = faults("binance-trades", "NOSUCH", "2024-08")
    assert fault.file == "NOSUCH-trades-2024-08.zip"
    url = f"{server.address}/data/spot/monthly/trades/NOSUCH/NOSUCH-trades-2024-08.zip"
    assert fault.found == f"404 Not Found from {url}"
    assert fault.expected.startswith("a file that is published: are symbol and time right")
    assert left() == []
    assert len(server.asked) == 2  # the checksum and the file, each once
    assert capsys.readouterr().err == ""


@pytest.mark.bad_input("a server's error")
@pytest.mark.parametrize(
    ("code", "expected", "tries"),
    [
        (401, "a file that needs no key", 1),
        (403, "a server that lets us in", 1),
        (429, "a server that was not asked too often", 3),
        (500, "a server in order", 3),
        (503, "a server in order", 3),
        (418, "an answer", 1),
    ],
)
def test_an_answer_that_is_an_error(server, code, expected, tries, faults, left):
    path = "/v1/e/trades/2024/08/01/S.csv.gz"
    server.acts[path] = [server.status(code)] * 9
    (fault,) = faults("tardis", "e/trades/S", "2024-08-01")
    assert fault.found.startswith(f"{code} ")
    assert fault.expected.startswith(expected)
    assert len(server.asked) == tries
    assert left() == []


@pytest.mark.bad_input("a server's error")
def test_a_server_that_comes_to_itself(server, get):
    content = server.publish(MONTH, server.zipped(a__csv="1"))
    server.acts[MONTH] = [server.status(500), server.status(429, Retry_After="0")]
    server.acts[f"{MONTH}.CHECKSUM"] = [server.status(503)]
    (path,) = get("binance-trades", "BTCUSDT", "2024-08")
    assert path.read_bytes() == content


def test_how_long_a_server_asks_us_to_wait_is_heeded(server, get, monkeypatch):
    waited = []
    monkeypatch.setattr(fetch_http.time, "sleep", waited.append)
    server.publish(MONTH, server.zipped(a__csv="1"))
    server.acts[MONTH] = [
        server.status(429, Retry_After="7"),
        server.status(429, Retry_After="9999"),
    ]
    get("binance-trades", "BTCUSDT", "2024-08")
    assert waited == [7, 60]


@pytest.mark.bad_input("a server that falls silent")
def test_no_byte_in_time(server, monkeypatch, faults, left):
    monkeypatch.setattr(fetch_http, "TIMEOUT", 0.1)
    path = "/v1/e/trades/2024/08/01/S.csv.gz"
    server.acts[path] = [server.slow(0.5)] * 9
    (fault,) = faults("tardis", "e/trades/S", "2024-08-01")
    assert fault.found == "no byte for 0.1 seconds"
    assert len(server.asked) == 3
    assert left() == []


@pytest.mark.bad_input("a server that is not there")
def test_a_server_that_is_not_there(server, faults, left):
    (fault,) = faults("vix", hosts={"cboe": "http://127.0.0.1:9"})
    assert (fault.found, fault.expected) == ("connection refused", "a server at that address")
    (fault,) = faults("vix", hosts={"cboe": "http://nowhere.invalid"})
    assert fault.found.startswith("no connection (")
    assert left() == []


@pytest.mark.bad_input("a download with a wrong checksum")
def test_a_wrong_checksum(server, faults, left):
    content = server.publish(MONTH, server.zipped(a__csv="1"))
    server.files[MONTH] = content[:-1] + b"?"
    (fault,) = faults("binance-trades", "BTCUSDT", "2024-08")
    assert "another SHA256 than the published one, which was discarded" in fault.found
    assert hashlib.sha256(content).hexdigest() in fault.expected
    assert left() == []


@pytest.mark.bad_input("a checksum file that holds none")
def test_a_checksum_file_that_holds_none(server, faults, left):
    server.publish(MONTH, server.zipped(a__csv="1"))
    server.files[f"{MONTH}.CHECKSUM"] = b"<html>maintenance</html>"
    (fault,) = faults("binance-trades", "BTCUSDT", "2024-08")
    assert "as its published checksum" in fault.found
    assert left() == []


def test_a_file_whose_checksum_is_not_published_is_fetched_and_that_is_said(server, get, capsys):
    content = server.publish(MONTH, server.zipped(a__csv="1"), checksum=False)
    (path,) = get("binance-trades", "BTCUSDT", "2024-08")
    assert path.read_bytes() == content
    assert "no checksum is published" in capsys.readouterr().err


@pytest.mark.bad_input("an error page instead of the file")
@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"<!doctype html><title>Sign in</title>", "a web page instead of the file"),
        (b"", "nothing instead of the file"),
        (b"plain text", "b'plain text' instead of the file"),
    ],
)
def test_something_else_than_the_file(server, content, found, faults, left):
    server.publish("/v1/e/trades/2024/08/01/S.csv.gz", content)
    (fault,) = faults("tardis", "e/trades/S", "2024-08-01")
    assert (fault.found, fault.expected) == (found, "a .gz file")
    assert left() == []


@pytest.mark.bad_input("faults in several files")
def test_faults_of_all_files_come_together_and_the_good_ones_are_kept(server, get, tmp_path):
    good = server.publish(
        "/data/spot/daily/trades/X/X-trades-2024-08-02.zip", server.zipped(a__csv="2")
    )
    server.acts["/data/spot/daily/trades/X/X-trades-2024-08-03.zip"] = [server.status(403)]
    with pytest.raises(FetchError) as caught:
        get("binance-trades", "X", "2024-08-01", "2024-08-03")
    said = str(caught.value).splitlines()
    assert said[0] == "binance-trades: 2 of 3 files not fetched:"
    assert said[1].startswith("  X-trades-2024-08-01.zip: found 404 Not Found")
    assert said[2].startswith("  X-trades-2024-08-03.zip: found 403 Forbidden")
    assert said[3] == f"kept: 1 in {tmp_path / 'binance-trades'}"
    assert [path.read_bytes() for path in caught.value.paths] == [good]


# --- on from where it broke off -------------------------------------------------------------------

LARGE = "/v1/e/trades/2024/08/01/S.csv.gz"


def large(server, *, seed: int = 0) -> bytes:
    rows = b"".join(hashlib.sha256(b"%d %d" % (seed, i)).digest() for i in range(10_000))
    return server.publish(LARGE, b"\x1f\x8b" + rows, checksum=False)


@pytest.mark.bad_input("a download that breaks off")
def test_a_body_that_breaks_off_goes_on_at_once(server, get):
    content = large(server)
    server.acts[LARGE] = [server.cut(100_000)]
    (path,) = get("tardis", "e/trades/S", "2024-08-01")
    assert path.read_bytes() == content
    assert [asked for _, asked in server.asked] == [None, "bytes=100000-"]
    assert server.sent == [len(content) - 100_000]


def test_what_a_run_left_is_where_the_next_goes_on(server, get, faults, left):
    content = large(server)
    server.acts[LARGE] = [server.cut(100_000), server.cut(100_000), server.cut(150_000)]
    (fault,) = faults("tardis", "e/trades/S", "2024-08-01")
    assert fault.found == f"a body that breaks off after 150,000 of {len(content):,} bytes"
    assert fault.expected == "the whole file; the next run goes on there"
    name = "e_trades_2024-08-01_S.csv.gz"
    assert left() == [f"{name}.part", f"{name}.part.of"]
    server.asked.clear()
    (path,) = get("tardis", "e/trades/S", "2024-08-01")
    assert path.read_bytes() == content
    assert [asked for _, asked in server.asked] == ["bytes=150000-"]
    assert server.sent == [len(content) - 150_000]
    assert left() == [name]


@pytest.mark.bad_input("a download that breaks off")
def test_a_server_that_knows_no_ranges_sends_it_from_the_start(server, get):
    content = large(server)
    server.ranges = False
    server.acts[LARGE] = [server.cut(100_000)]
    (path,) = get("tardis", "e/trades/S", "2024-08-01")
    assert path.read_bytes() == content


@pytest.mark.bad_input("a part of another version")
def test_a_part_of_another_version_is_not_mixed_with_this_one(server, get, faults):
    large(server)
    server.acts[LARGE] = [server.cut(100_000)] * 3
    faults("tardis", "e/trades/S", "2024-08-01")
    newer = large(server, seed=1)
    server.version = '"v2"'
    (path,) = get("tardis", "e/trades/S", "2024-08-01")
    assert path.read_bytes() == newer


@pytest.mark.bad_input("a part of another version")
@pytest.mark.parametrize("version", ["", 'W/"weak"'])
def test_without_a_version_it_begins_anew(server, get, version):
    content = large(server)
    server.version = version
    server.acts[LARGE] = [server.cut(100_000)]
    (path,) = get("tardis", "e/trades/S", "2024-08-01")
    assert path.read_bytes() == content
    assert [asked for _, asked in server.asked] == [None, None]


@pytest.mark.bad_input("a part of another version")
def test_a_part_from_another_address_is_not_gone_on_with(server, get, tmp_path):
    content = large(server)
    folder = tmp_path / "tardis"
    folder.mkdir()
    name = "e_trades_2024-08-01_S.csv.gz"
    (folder / f"{name}.part").write_bytes(b"other")
    (folder / f"{name}.part.of").write_text('http://elsewhere/S.csv.gz\n"v1"')
    (path,) = get("tardis", "e/trades/S", "2024-08-01")
    assert path.read_bytes() == content


@pytest.mark.bad_input("a part longer than the file")
def test_a_part_that_is_longer_than_the_file(server, get, tmp_path):
    content = large(server)
    folder = tmp_path / "tardis"
    folder.mkdir()
    name = "e_trades_2024-08-01_S.csv.gz"
    (folder / f"{name}.part").write_bytes(content + b"more")
    (folder / f"{name}.part.of").write_text(f'{server.address}{LARGE}\n"v1"')
    server.acts[LARGE] = [server.status(416)]
    (path,) = get("tardis", "e/trades/S", "2024-08-01")
    assert path.read_bytes() == content


@pytest.mark.bad_input("an answer from the wrong place")
def test_an_answer_that_goes_on_elsewhere(server, get, faults):
    content = large(server)

    def elsewhere(handler, content):
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes 7-9/{len(content)}")
        handler.send_header("Content-Length", "3")
        handler.end_headers()
        handler.wfile.write(content[7:10])

    server.acts[LARGE] = [server.cut(100_000), elsewhere]
    (fault,) = faults("tardis", "e/trades/S", "2024-08-01")
    assert fault.found == f"an answer that goes on with bytes 7-9/{len(content)}"
    (path,) = get("tardis", "e/trades/S", "2024-08-01")
    assert path.read_bytes() == content


def test_a_body_of_unknown_length(server, get):
    content = large(server)
    server.length = False
    (path,) = get("tardis", "e/trades/S", "2024-08-01")
    assert path.read_bytes() == content


# --- archives -------------------------------------------------------------------------------------

SAMPLE = "/info/sample/LOBSTER_SampleFile_AMZN_2012-06-21_10.zip"


def test_a_sample_of_two_files_is_unpacked(server, get, tmp_path):
    server.publish(SAMPLE, server.zipped(m__csv="1\n", o__csv="2\n", **{"sub/readme__txt": "x"}))
    found = get("lobster-sample", "AMZN")
    folder = tmp_path / "lobster-sample" / "LOBSTER_SampleFile_AMZN_2012-06-21_10"
    assert found == [folder / "m.csv", folder / "o.csv", folder / "sub" / "readme.txt"]
    assert found[0].read_text() == "1\n"
    server.asked.clear()
    assert get("lobster-sample", "amzn/10") == found
    assert server.asked == []


@pytest.mark.bad_input("a zip with a path above its folder")
@pytest.mark.parametrize(
    "name", ["../outside.csv", "/outside.csv", "a/../../outside.csv", "C:\\x.csv"]
)
def test_an_archive_that_would_write_elsewhere_is_refused(server, name, faults, left):
    server.publish(SAMPLE, server.zipped(**{"m__csv": "1", name.replace(".csv", "__csv"): "2"}))
    (fault,) = faults("lobster-sample", "AMZN/10")
    assert "would stand outside of its folder" in fault.found
    assert left() == []


@pytest.mark.bad_input("a zip of a link")
def test_an_archive_with_a_link_is_refused(server, faults, left):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        link = zipfile.ZipInfo("passwords")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    server.publish(SAMPLE, held.getvalue())
    (fault,) = faults("lobster-sample", "AMZN")
    assert "would stand outside" in fault.found
    assert left() == []


@pytest.mark.bad_input("a truncated zip")
def test_a_damaged_archive_is_discarded(server, faults, left):
    content = bytearray(server.zipped(m__csv="1" * 100))
    content[60] ^= 1
    server.publish(SAMPLE, bytes(content))
    (fault,) = faults("lobster-sample", "AMZN")
    assert "a damaged archive" in fault.found
    assert left() == []
