"""A PostgreSQL server of our own for the tests that ask a database."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PASSWORD = "Zebra-7"


class Server(NamedTuple):
    """Where the server listens: a folder that holds its socket, and the socket's number."""

    folder: Path
    port: int
    password: str = PASSWORD

    def url(self, *, driver: str = "+psycopg", password: str | None = None) -> str:
        place = f"host={self.folder}&port={self.port}"
        return f"postgresql{driver}://tester:{password or self.password}@/postgres?{place}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server on a socket in a folder of its own; skipped where PostgreSQL is not installed."""
    programs = _programs()
    if programs is None:
        pytest.skip("needs a PostgreSQL server (initdb, pg_ctl) on this machine")
    with _folder() as folder:
        server = Server(folder, random.Random().randint(20_000, 60_000))
        _start(programs, server)
        try:
            yield server
        finally:
            _run(programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")


def _programs() -> Path | None:
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "pg_ctl").exists() and (f / "initdb").exists()), None)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder that belongs to who runs the server; its path is short, as a socket's must be."""
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        if _other() is not None:
            shutil.chown(folder, _other())
        yield folder


def _other() -> str | None:
    """Who runs the server where we are root, which it refuses."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _start(programs: Path, server: Server) -> None:
    folder = server.folder
    secret = folder / "secret"
    secret.write_text(server.password)
    secret.chmod(0o644)
    login = ("-U", "tester", f"--pwfile={secret}", "--auth=scram-sha-256")
    _run(programs / "initdb", "-D", folder / "data", "-E", "UTF8", "--locale=C", "-N", *login)
    how = f"-k {folder} -p {server.port} -c listen_addresses= -c fsync=off"
    log = folder / "log"
    _run(programs / "pg_ctl", "-D", folder / "data", "-o", how, "-l", log, "-w", "start")


def _run(*command: str | Path) -> None:
    who = {} if _other() is None else {"user": _other(), "group": pwd.getpwnam(_other()).pw_gid}
    extra = {"extra_groups": []} if who else {}
    done = subprocess.run(
        [str(part) for part in command],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "C"},
        **who,
        **extra,
    )
    assert done.returncode == 0, done.stderr
