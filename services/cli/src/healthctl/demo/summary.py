"""``summary.json``: the stable interface that other programs read. The README documents every key."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from healthctl.demo.accounts import DispatchAccount, SourceAccount


@dataclass(frozen=True)
class Answer:
    """A query that the demo asked, with its rows."""

    title: str
    sql: str
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Summary:
    """All that a run has to say for itself."""

    complaints: list[str]
    sources: Mapping[str, SourceAccount]
    dispatch: DispatchAccount
    latency_ms: Mapping[str, Mapping[str, float | None]]
    tables: Mapping[str, int]
    answers: list[Answer]
    examples: list[dict[str, Any]]
    seconds: Mapping[str, float]
    restarts: Mapping[str, int]
    first_alert_seconds: float | None

    def as_json(self) -> dict[str, Any]:
        """The document, as written."""
        dispatch = dataclasses.asdict(self.dispatch)
        return {
            "ok": not self.complaints,
            "complaints": self.complaints,
            "sources": {name: dataclasses.asdict(account) for name, account in self.sources.items()},
            **dispatch,
            "latency_ms": self.latency_ms,
            "tables": self.tables,
            "queries": [{"sql": answer.sql, "rows": answer.rows} for answer in self.answers],
            "examples": self.examples,
            "seconds": self.seconds,
            "restarts": self.restarts,
            "first_alert_seconds": self.first_alert_seconds,
        }

    def write(self, folder: Path) -> Path:
        """Write ``summary.json`` into ``folder`` and give its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "summary.json"
        path.write_text(json.dumps(self.as_json(), indent=2, default=str) + "\n")
        return path
