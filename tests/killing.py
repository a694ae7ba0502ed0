"""Real processes killed at random moments: what they leave, and what a rerun makes of it.

A nursery imports the package once and forks a child for every run, so that a run begins at once.
What a child does is the command's own work, in a process of its own, and SIGKILL ends it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]

# The nursery itself reads no table: a forked child cannot use the threads that polars has begun.
NURSERY = """
import importlib, json, os, signal, sys
from mmresearch.__main__ import main
for name in sys.argv[2:]:
    importlib.import_module(name)
for line in sys.stdin:
    given = json.loads(line)
    child = os.fork()
    if child == 0:
        marks = os.dup(1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        os.write(marks, b"began %d\\n" % os.getpid())
        if given[0] == "save":
            import mmresearch as mm
            mm.open(given[1]).save(given[2], by=given[3])
            code = 0
        else:
            code = main(given)
        sys.stderr.flush()
        os.write(marks, b"ended %d\\n" % code)
        signal.pause()
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


class Nursery:
    """A process that begets those to be killed."""

    def __init__(self, process: subprocess.Popen, log: Path) -> None:
        self._process, self._log = process, log

    def begin(self, given: Sequence[str]) -> int:
        """The number of a new process, which runs the command."""
        print(json.dumps([*map(str, given)]), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline().removeprefix("began "))

    def kill(self, child: int) -> bool:
        """Kill it; whether it had ended its work."""
        os.kill(child, signal.SIGKILL)
        said = [*iter(self._process.stdout.readline, "dead\n")]
        assert said in ([], ["ended 0\n"]), self._log.read_text()
        return bool(said)

    def whole(self, given: Sequence[str]) -> float:
        """Run the command to its end; the seconds that it took."""
        began, child = time.perf_counter(), self.begin(given)
        said = self._process.stdout.readline()
        took = time.perf_counter() - began
        os.kill(child, signal.SIGKILL)
        assert self._process.stdout.readline() == "dead\n"
        assert said == "ended 0\n", self._log.read_text()
        return took


@contextmanager
def nursery(folder: Path, *modules: str, **environment: str) -> Iterator[Nursery]:
    """A nursery that has imported these modules; its children's words are in the folder's log."""
    log = folder / "children.log"
    command = [sys.executable, "-c", NURSERY, str(log), *modules]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, **pipes) as process:
        yield Nursery(process, log)
        process.stdin.close()


def tree(place: Path) -> dict[str, str]:
    """Everything under the place: files with their hash, folders."""
    return {
        str(path.relative_to(place)): "" if path.is_dir() else _sha256(path)
        for path in sorted(place.rglob("*"))
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def killed(
    runs: Nursery,
    place: Path,
    commands: tuple[Sequence[str], Sequence[str]],
    state: Callable[[], list[Hashable]],
    *,
    times: int,
    seed: int,
    anew: float = 0.2,
    before: Callable[[int], object] = lambda _: None,
) -> Counter[str]:
    """Kill runs of two commands in turn at random moments, until so many were hit at their work.

    Each command makes the place its own state; a share of the runs, `anew`, begin with nothing
    there. `state` reads the place as a user does and gives a value for each thing that is written
    in one step. Each must be what it was or what it is to be; a rerun must give every byte that a
    run which nobody kills gives, and no other. `before` is called with 0 or 1 before a run of that
    command. Returns how many kills hit before, during and after the work (its lock tells), and
    how often all was new when one hit during.
    """
    rng = np.random.default_rng(seed)
    trees, states, took = [], [state()], []
    for n, command in enumerate(commands):
        before(n)
        took.append(runs.whole(command))
        trees.append(tree(place))
        states.append(state())
    nothing, *known = states
    now, seen = known[-1], Counter()
    for n in itertools.count():
        if rng.random() < anew:
            shutil.rmtree(place)
            place.mkdir()
            now = nothing
        before(n % 2)
        child = runs.begin(commands[n % 2])
        time.sleep(1.1 * took[n % 2] * rng.random())
        ended = runs.kill(child)
        found, new = state(), known[n % 2]
        pairs = list(zip(now, found, new, strict=True))
        assert all(is_now in (was, will) for was, is_now, will in pairs), (n, pairs)
        seen[_moment(place, ended, found == new)] += 1
        took[n % 2] = runs.whole(commands[n % 2])
        again = tree(place)
        assert again == trees[n % 2], sorted({*again.items()} ^ {*trees[n % 2].items()})
        now = new
        if seen["during"] + seen["during, all is new"] >= times:
            return seen
        assert n < 4 * times, f"too few kills hit a process at work: {dict(seen)}"
    return seen


def _moment(place: Path, ended: bool, is_new: bool) -> str:
    """When a kill hit: who is killed at work leaves the lock that was held."""
    if not ended and any(place.rglob(".*writing")):
        return "during, all is new" if is_new else "during"
    return "after" if ended or is_new else "before"
