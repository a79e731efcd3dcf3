"""What a batch has landed, told to the process that has the metrics.

Spark commits a batch in a Python process of its own, beside the driver's, with no way to talk to it but a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tally:
    """``rows`` by table, and ``newest``, Kafka's time of the newest of them in seconds since 1970, by table."""

    rows: Mapping[str, int]
    newest: Mapping[str, float]


def leave(folder: Path, batch: int, tally: Tally) -> None:
    """Put down the tally of a batch, for ``take``."""
    draft = folder / f"{batch}.draft"
    draft.write_text(json.dumps({"rows": dict(tally.rows), "newest": dict(tally.newest)}))
    draft.replace(folder / f"{batch}.json")


def take(folder: Path, batch: int) -> Tally | None:
    """The tally of a batch, once; None when it left none."""
    path = folder / f"{batch}.json"
    try:
        told = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    path.unlink()
    return Tally(**told)
