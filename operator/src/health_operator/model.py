"""What the steps of a reconcile hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from health_operator.kinds import Kind
from health_operator.reasons import Note
from health_operator.state import State

Object = dict[str, Any]


@dataclass(frozen=True)
class Measures:
    """What the lag exporter measures.

    ``figures`` as in status.slo, unknown ones left out; ``silent`` the components whose metrics do not answer;
    ``troubles`` what components say that they cannot do; ``lags`` how many seconds each is behind, where that is known.

    ``problem`` says why there are none.
    """

    figures: Mapping[str, Any] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    problem: str = ""
    troubles: Mapping[str, str] = field(default_factory=dict)
    lags: Mapping[str, float] = field(default_factory=dict)


NOT_RUNNING = Measures(problem="nothing measures yet: the lag exporter is not ready")


@dataclass(frozen=True)
class Observed:
    """``children`` are all objects with our labels, ours or not; ``unserved`` the kinds that the cluster has not."""

    children: Mapping[tuple[Kind, str], Object]
    unserved: frozenset[Kind]
    state: State
    measures: Measures


@dataclass
class Done:
    """What came of a plan; each entry begins with ``Kind name``. ``changed`` and ``repaired`` say why beside it."""

    created: list[str] = field(default_factory=list)
    changed: list[tuple[str, str]] = field(default_factory=list)
    repaired: list[tuple[str, str]] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)

    @property
    def has_written(self) -> bool:
        """Something is not as it was observed any more."""
        return bool(self.created or self.changed or self.repaired or self.replaced or self.deleted)


@dataclass(frozen=True)
class Event:
    """To be sent about a pipeline."""

    note: Note
    message: str
    is_warning: bool = False
