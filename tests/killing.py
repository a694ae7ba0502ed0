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
import importlib, io, json, os, resource, signal, sys, traceback
from mmresearch.__main__ import main
for name in sys.argv[2:]:
    importlib.import_module(name)

def save(source, folder, by):
    import mmresearch as mm
    try:
        mm.open(source).save(folder, by=by)
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0

def run(given):
    if given[0] == "limited":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(given[1]), resource.RLIM_INFINITY))
        given = given[2:]
    return save(*given[1:]) if given[0] == "save" else main(given)

for line in sys.stdin:
    given = json.loads(line)
    child = os.fork()
    if child == 0:
        marks = os.dup(1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        sys.stderr = io.StringIO()
        os.write(marks, b"began %d\\n" % os.getpid())
        try:
            answer = [run(given), sys.stderr.getvalue()]
            os.write(marks, f"ended {json.dumps(answer)}\\n".encode())
            signal.pause()
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:  # no child goes on with the loop
            os._exit(1)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


class Nursery:
    """A process that begets those to be killed."""

    def __init__(self, process: subprocess.Popen, log: Path) -> None:
        self._process, self._log = process, log

    def begin(self, given: Sequence[object]) -> int:
        """The number of a new process, which runs the command."""
        print(json.dumps([*map(str, given)]), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline().removeprefix("began "))

    def end(self, child: int, by: signal.Signals) -> int | None:
        """Kill it, or interrupt it and wait; the work's exit code, None where it had not ended."""
        os.kill(child, by)
        said = []
        if by == signal.SIGINT:
            said = [self._process.stdout.readline()]
            if said != ["dead\n"]:  # it waits, and only once is there a process to kill
                os.kill(child, signal.SIGKILL)
        if said != ["dead\n"]:
            said += [*iter(self._process.stdout.readline, "dead\n")]
        ended = [json.loads(line.removeprefix("ended ")) for line in said if line != "dead\n"]
        return ended[0][0] if ended else None

    def answer(self, given: Sequence[object]) -> tuple[int, str]:
        """Run the command to its end: its exit code and what it said of errors."""
        child = self.begin(given)
        said = self._process.stdout.readline()
        assert said.startswith("ended "), self._log.read_text()
        os.kill(child, signal.SIGKILL)
        assert self._process.stdout.readline() == "dead\n"
        return tuple(json.loads(said.removeprefix("ended ")))

    def whole(self, given: Sequence[object]) -> float:
        """Run the command to its end; the seconds that it took."""
        began = time.perf_counter()
        code, said = self.answer(given)
        assert code == 0, said
        return time.perf_counter() - began


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
    by: signal.Signals = signal.SIGKILL,
    before: Callable[[int], object] = lambda _: None,
) -> Counter[str]:
    """Kill runs of two commands in turn at random moments, until so many were hit at their work.

    Each command makes the place its own state; a share of the runs, `anew`, begin with nothing
    there. `state` reads the place as a user does and gives a value for each thing that is written
    in one step. Each must be what it was or what it is to be; a rerun must give every byte that a
    run which nobody kills gives, and no other. `before` is called with 0 or 1 before a run of that
    command; `by` may be SIGINT, the interrupt of a keyboard. Returns how many hit before, during
    and after the work, and how often all was new when one hit during.
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
        code = runs.end(child, by)
        found, new = state(), known[n % 2]
        pairs = list(zip(now, found, new, strict=True))
        assert all(is_now in (was, will) for was, is_now, will in pairs), (n, pairs)
        assert code != 0 or found == new
        seen[_moment(place, code, found == new)] += 1
        took[n % 2] = runs.whole(commands[n % 2])
        again = tree(place)
        assert again == trees[n % 2], sorted({*again.items()} ^ {*trees[n % 2].items()})
        now = new
        if seen["during"] + seen["during, all is new"] >= times:
            return seen
        assert n < 4 * times, f"too few kills hit a process at work: {dict(seen)}"
    return seen


def _moment(place: Path, code: int | None, is_new: bool) -> str:
    """When a signal hit: who is killed at work leaves its lock, who is interrupted says so."""
    if code == 130 or (code is None and any(place.rglob(".*writing"))):
        return "during, all is new" if is_new else "during"
    return "after" if code == 0 or is_new else "before"
