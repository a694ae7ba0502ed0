"""Asking a server for files: again where it may help, and on from where an answer broke off."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

TIMEOUT = 30.0  # seconds without a byte
WAITS = (1.0, 2.0, 4.0)  # seconds before each further try
_LONGEST = 60.0  # what a server may ask us to wait
_CHUNK = 1 << 16
_AGAIN = (429, 500, 502, 503, 504)
_HEADERS = {"User-Agent": "mmresearch", "Accept-Encoding": "identity"}
_EXPECTED = {
    401: "a file that needs no key",
    403: "a server that lets us in (some refuse countries, networks or programs)",
    404: "a file that is published",
    429: "a server that was not asked too often: try later",
}

Tell = Callable[[int, int | None], None]  # bytes so far; bytes in all, where they are known


class AskError(Exception):
    """Why a server gave no file: what was found and expected, and whether asking again may help."""

    def __init__(self, found: str, expected: str, *, again: bool = False) -> None:
        super().__init__(f"{found}; expected {expected}")
        self.found, self.expected, self.again = found, expected, again
        self.status, self.wait = 0, 0.0


def asked(url: str, body: bytes | None = None) -> bytes:
    """The whole answer of a server, small as it is."""

    def once() -> bytes:
        headers = _HEADERS | ({"Content-Type": "application/json"} if body else {})
        with _opened(urllib.request.Request(url, body, headers)) as answer:
            return _guarded(answer.read)

    return _tried(once)


def downloaded(url: str, part: Path, tell: Tell) -> None:
    """A file's bytes in `part`, on from those that a run before left there if it is the same file.

    What came before an error stays there for the next run.
    """
    _tried(lambda: _continued(url, part, tell))


def _tried(once: Callable[[], Any]) -> Any:
    for wait in (*WAITS, None):
        try:
            return once()
        except AskError as error:
            if wait is None or not error.again:
                raise
            time.sleep(min(max(wait, error.wait), _LONGEST))
    return None


def _continued(url: str, part: Path, tell: Tell) -> None:
    note = part.with_name(f"{part.name}.of")
    have, version = _known(url, part, note)
    headers = _HEADERS | ({"Range": f"bytes={have}-", "If-Range": version} if have else {})
    try:
        opened = _opened(urllib.request.Request(url, headers=headers))
    except AskError as error:
        if error.status == 416:  # what is here is not the beginning of what is there
            note.unlink()
            error.again = True
        raise
    with opened as answer:
        begins = _begins(answer, have) if have else 0
        length = answer.headers.get("Content-Length")
        total = None if length is None else begins + int(length)
        with part.open("r+b" if begins else "wb") as file:
            file.seek(begins)
            file.truncate()
            note.write_text(f"{url}\n{_version(answer)}", encoding="utf-8")
            while chunk := _guarded(lambda: answer.read(_CHUNK)):
                file.write(chunk)
                tell(file.tell(), total)
    size = part.stat().st_size
    if total is not None and size != total:
        found = f"a body that breaks off after {size:,} of {total:,} bytes"
        raise AskError(found, "the whole file; the next run goes on there", again=True)
    note.unlink()


def _known(url: str, part: Path, note: Path) -> tuple[int, str]:
    """How much of the file is here, and of which version; nothing where that is not certain."""
    if not (part.exists() and note.exists()):
        return 0, ""
    whose, _, version = note.read_text(encoding="utf-8").partition("\n")
    return (part.stat().st_size, version) if whose == url and version else (0, "")


def _begins(answer: Any, have: int) -> int:
    """Where the answer begins: at its start, unless the server says that it goes on."""
    if answer.status != 206:
        return 0
    said = answer.headers.get("Content-Range", "nothing")
    if not said.startswith(f"bytes {have}-"):
        raise AskError(f"an answer that goes on with {said}", f"bytes {have}-")
    return have


def _version(answer: Any) -> str:
    """By what the server knows again this version of the file."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


def _opened(request: urllib.request.Request) -> Any:
    try:
        return _guarded(lambda: urllib.request.urlopen(request, timeout=TIMEOUT))
    except urllib.error.HTTPError as error:
        with error:
            refused = _status(error)
    raise refused


def _status(error: urllib.error.HTTPError) -> AskError:
    expected = _EXPECTED.get(error.code, "an answer" if error.code < 500 else "a server in order")
    found = f"{error.code} {error.reason} from {_place(error.url)}"
    refused = AskError(found, expected, again=error.code in _AGAIN)
    refused.status = error.code
    wait = error.headers.get("Retry-After", "")
    refused.wait = float(wait) if wait.isdigit() else 0.0
    return refused


def _guarded(step: Callable[[], Any]) -> Any:
    """What a step gives; errors of the network in words."""
    try:
        return step()
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
    raise _broken(reason)


def _broken(reason: Any) -> AskError:
    if isinstance(reason, TimeoutError):
        return AskError(f"no byte for {TIMEOUT:g} seconds", "an answer in time", again=True)
    if isinstance(reason, ConnectionRefusedError):
        return AskError("connection refused", "a server at that address")
    if isinstance(reason, ConnectionError | http.client.HTTPException):
        said = f"a connection that breaks off ({type(reason).__name__})"
        return AskError(said, "the whole file; the next run goes on there", again=True)
    return AskError(f"no connection ({reason})", "a server that can be reached")


def _place(url: str) -> str:
    return url.partition("?")[0]
