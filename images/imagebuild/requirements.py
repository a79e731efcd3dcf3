"""Each image's own part of ``requirements.lock``: what it holds and nothing else, pinned by the same hashes; pure.

The lock says of every file ``# via`` whom it is there. Followed backwards, that gives all that a package needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEADER = "# Written by `make image-locks` from requirements.lock.\n"
_BLOCK = re.compile(r"^([A-Za-z0-9._-]+)==.*\n(?:[ \t].*\n)*", re.MULTILINE)
_VIA = re.compile(r"^ +# (?:via|  )(?: *([A-Za-z0-9._-]+))?\n", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """A pinned package: its lines of the lock, and the packages that it is there for."""

    name: str
    lines: str
    via: frozenset[str]


def pins(lock: str) -> list[Pin]:
    """Everything that a lock pins, in its order."""
    return [
        Pin(block[1], _VIA.sub("", block[0]), frozenset(filter(None, _VIA.findall(block[0]))))
        for block in _BLOCK.finditer(lock)
    ]


def part(lock: Sequence[Pin], members: Iterable[str], libraries: Iterable[str] = ()) -> str:
    """The lock of an image that holds these members of the workspace, or these libraries, and all that they need.

    LookupError when the lock does not have a library.
    """
    missing = set(libraries) - {pin.name for pin in lock}
    if missing:
        raise LookupError(f"not in the lock: {', '.join(sorted(missing))}")
    wanted, before = {*members, *libraries}, 0
    while len(wanted) > before:
        before = len(wanted)
        wanted |= {pin.name for pin in lock if pin.via & wanted}
    return HEADER + "".join(pin.lines for pin in lock if pin.name in wanted)
