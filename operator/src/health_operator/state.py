"""What must be remembered of a pipeline beyond its spec: the ConfigMap ``<pipeline>-state``.

It is written before what it says is done. So an operator that was killed in between goes on where it was, and a
checkpoint's epoch is never used before it is on record.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from health_operator.naming import child_name, labels
from health_operator.scaling import Scale

COMPONENT = "state"
AUDIT_KEY = "audit"  # of the ConfigMap, shown to the watcher as a file


@dataclass(frozen=True)
class Snapshot:
    """A spec as it was written, and the generation that it had."""

    generation: int
    spec: dict[str, Any]


@dataclass(frozen=True)
class Restarts:
    """How often a stream was made anew since it last ran well, and when (seconds since 1970)."""

    count: int
    last: float


@dataclass(frozen=True)
class State:
    """``applied``: what the children were last made from. ``stable``: the last one that was Ready.

    ``checkpoint_epoch`` is the generation with which the streams last began anew, or empty. ``in_aws``: the stages
    that may have something in AWS beside the data (``leftovers``), each with its role, empty where it has none.

    ``audit``: the latest entries of the pipeline's audit (``audit``); ``audited`` is the number of the last one.

    ``lost`` is of no record: why there is none that says what is applied, where there should be.
    """

    applied: Snapshot | None = None
    stable: Snapshot | None = None
    checkpoint_epoch: str = ""
    restarts: dict[str, Restarts] = field(default_factory=dict)
    scales: dict[str, Scale] = field(default_factory=dict)  # of what is scaled by its lag
    in_aws: dict[str, str] = field(default_factory=dict)
    audit: tuple[dict[str, Any], ...] = ()
    audited: int = 0
    lost: str = ""

    def to_data(self) -> dict[str, str]:
        """The ConfigMap's data; canonical, so that equal states are equal text."""
        values = {
            "applied": dataclasses.asdict(self.applied) if self.applied else None,
            "stable": dataclasses.asdict(self.stable) if self.stable else None,
            "checkpointEpoch": self.checkpoint_epoch,
            AUDIT_KEY: self.audit,
            "audited": self.audited,
            "inAws": self.in_aws,
            "restarts": {name: dataclasses.asdict(restarts) for name, restarts in self.restarts.items()},
            "scales": {name: dataclasses.asdict(scale) for name, scale in self.scales.items()},
        }
        return {key: json.dumps(value, sort_keys=True, separators=(",", ":")) for key, value in values.items()}

    @classmethod
    def from_data(cls, data: dict[str, str]) -> State:
        """The state in a ConfigMap's data; ValueError when somebody has edited it into something else."""
        try:
            values = {key: json.loads(text) for key, text in data.items()}
            return cls(
                applied=Snapshot(**values["applied"]) if values.get("applied") else None,
                stable=Snapshot(**values["stable"]) if values.get("stable") else None,
                checkpoint_epoch=str(values.get("checkpointEpoch") or ""),
                restarts={name: Restarts(**given) for name, given in (values.get("restarts") or {}).items()},
                scales={name: Scale(**given) for name, given in (values.get("scales") or {}).items()},
                in_aws=_in_aws(values.get("inAws")),
                audit=tuple(dict(entry) for entry in values.get(AUDIT_KEY) or ()),
                audited=int(values.get("audited") or 0),
            )
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ValueError(f"not a state: {error}") from error


def _in_aws(given: Any) -> dict[str, str]:
    """At first it was only whether there is something, and only the catalogue could have it."""
    if isinstance(given, bool) or given is None:
        return {"catalog": ""} if given else {}
    return {str(stage): str(role) for stage, role in given.items()}


def config_map(pipeline: str, namespace: str, owner: dict[str, Any], state: State) -> dict[str, Any]:
    """The manifest; ``owner`` is the pipeline's owner reference."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name(pipeline),
            "namespace": namespace,
            "labels": labels(pipeline, COMPONENT),
            "ownerReferences": [owner],
        },
        "data": state.to_data(),
    }


def name(pipeline: str) -> str:
    """Name of the ConfigMap."""
    return child_name(pipeline, COMPONENT)
