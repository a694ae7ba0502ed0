"""How files become a market, in two steps: what each holds by itself, then what all of them say.

The first step is the long one, and no file's needs another file. So its outcome can be kept, file
by file, while a conversion runs. The second holds every rule between files: repeats, conflicts,
the order of their rows, what the receipt says.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mmresearch.load import paths, several
from mmresearch.market import Market


class Steps(NamedTuple):
    """The two steps of a source, as its options ask for them.

    Parameters
    ----------
    read : callable
        The files of one unit, mostly a single one -> what they hold, checked: a market, or a
        NamedTuple with its number of rows as `count`. Raises a SourceError with every fault.
    whole : callable
        What every unit held, in their order -> the market.
    kinds : tuple of type
        What `read` may give.
    heeds : mapping
        The options that `read` depends on.
    blocks : callable, optional
        What `read` gives of one large file, with `Blocks` for its market: they are read when it is
        kept. Raises a WholeNeededError, then too, where it has to be read whole.
    """

    read: Callable[..., Any]
    whole: Callable[[list], Market]
    kinds: tuple[type, ...]
    heeds: Mapping[str, Any]
    blocks: Callable[[Path], Any] | None = None


def at_once(
    source: str,
    files: Iterable,
    endings: tuple[str, ...],
    steps: Steps,
    *,
    name: str | None = None,
) -> Market:
    """The market of all files: both steps, one after the other, nothing kept between them."""
    market = steps.whole(several.gathered(source, paths.expand(source, files, endings), steps.read))
    market.name = name or market.name
    return market


def steps_of(source: str, options: Mapping[str, Any]) -> Steps:
    """The steps of a source: its home's `in_steps`, or else each unit's market, and all joined.

    `options` are those of the loader without `name`.
    """
    home = sys.modules[f"mmresearch.load.{source}"]
    loader = getattr(sys.modules["mmresearch.load"], source)
    own = home.in_steps(**_every(loader, options)) if hasattr(home, "in_steps") else None
    if own is not None:
        return own
    joined = getattr(home, "combined", partial(several.joined, source))
    if hasattr(home, "in_blocks"):
        blocks = partial(home.in_blocks, **_every(loader, options))
    else:
        blocks = None
    return Steps(partial(loader, **options), joined, (Market,), options, blocks)


def _every(loader: Callable, options: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a loader: those given, the others as it has them."""
    known = inspect.signature(loader).parameters.values()
    default = {p.name: p.default for p in known if p.default is not p.empty and p.name != "name"}
    return default | dict(options)
