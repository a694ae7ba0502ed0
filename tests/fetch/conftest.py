"""A real server on this machine that lays files out as their publishers do, with its faults."""

from __future__ import annotations

import hashlib
import io
import json
import re
import socket
import threading
import time
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mmresearch.fetch import FetchError, fetch
from mmresearch.fetch import http as fetch_http
from mmresearch.fetch.sources import HOSTS

PIECE = 200_000  # bytes that a server sends at once where it keeps a pace


class Server:
    """A server's files by path, what to do wrong where, and what it was asked.

    `acts` holds for a path the functions that answer the next requests instead of the file.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.acts: dict[str, list[Callable]] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.sent: list[int] = []
        self.ranges, self.version, self.length = True, '"v1"', True
        self.pace = 0.0  # seconds between pieces of what is sent
        self.posts: Callable[[dict], object] | None = None
        self.bodies: list[dict] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.http.daemon_threads = True
        self.http.block_on_close = False
        self.thread = threading.Thread(target=lambda: self.http.serve_forever(0.01), daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def publish(self, path: str, content: bytes, *, checksum: bool = True) -> bytes:
        self.files[path] = content
        if checksum:
            name = path.rpartition("/")[2]
            said = f"{hashlib.sha256(content).hexdigest()}  {name}\n"
            self.files[f"{path}.CHECKSUM"] = said.encode()
        return content

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    @staticmethod
    def zipped(**files: str) -> bytes:
        """An archive; in names __ stands for the dot."""
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
            for name, content in files.items():
                archive.writestr(name.replace("__", "."), content)
        return held.getvalue()

    @staticmethod
    def status(code: int, **headers: str) -> Callable:
        return lambda handler, content: handler.status(code, **headers)

    @staticmethod
    def cut(size: int) -> Callable:
        """Say the whole length and break off after `size` bytes."""
        return lambda handler, content: handler.cut(content, size)

    @staticmethod
    def slow(seconds: float) -> Callable:
        def act(handler, content):
            time.sleep(seconds)
            handler.close_connection = True

        return act


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *said):
            pass

        def do_GET(self):
            server.asked.append((self.path, self.headers.get("Range")))
            acts = server.acts.get(self.path)
            if acts:
                acts.pop(0)(self, server.files.get(self.path, b""))
            elif self.path in server.files:
                self.send(server.files[self.path])
            else:
                self.status(404)

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.asked.append((self.path, None))
            server.bodies.append(body)
            self.whole(json.dumps(server.posts(body)).encode())

        def status(self, code: int, **headers: str) -> None:
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def whole(self, content: bytes) -> None:
            server.sent.append(len(content))
            self.send_response(200)
            if server.version:
                self.send_header("ETag", server.version)
            if server.length:
                self.send_header("Content-Length", str(len(content)))
            else:
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            self.write(content)

        def send(self, content: bytes) -> None:
            asked = self.headers.get("Range")
            same = self.headers.get("If-Range", server.version) == server.version
            if not (server.ranges and asked and same):
                self.whole(content)
                return
            begin = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            server.sent.append(len(content) - begin)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - begin))
            self.end_headers()
            self.write(content[begin:])

        def write(self, content: bytes) -> None:
            if not server.pace:
                self.wfile.write(content)
                return
            for start in range(0, len(content), PIECE):
                self.wfile.write(content[start : start + PIECE])
                time.sleep(server.pace)

        def cut(self, content: bytes, size: int) -> None:
            """Say the whole length and break off after `size` bytes."""
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            if server.version:
                self.send_header("ETag", server.version)
            self.end_headers()
            self.wfile.write(content[:size])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    return Handler


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(fetch_http, "WAITS", (0.0, 0.01))
    monkeypatch.setattr(fetch_http, "TIMEOUT", 5.0)
    for name in HOSTS:
        monkeypatch.setenv(f"MMRESEARCH_HOST_{name.upper()}", "http://127.0.0.1:9")
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def get(server, tmp_path):
    """fetch(...) with every host on our server, into tmp_path."""

    def get(*given, **how):
        return fetch(
            *given, **({"to": tmp_path, "hosts": dict.fromkeys(HOSTS, server.address)} | how)
        )

    return get


@pytest.fixture
def faults(get) -> Callable:
    """The faults of a fetch that must fail."""

    def faults(*given, **how) -> list:
        with pytest.raises(FetchError) as caught:
            get(*given, **how)
        return caught.value.faults

    return faults


@pytest.fixture
def left(tmp_path) -> Callable:
    """The names of all files that a fetch left."""
    return lambda: sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
