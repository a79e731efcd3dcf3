"""What must be done so that the children are as they are wanted. Pure: desired and observed objects in, actions out.

An object is the pipeline's when it has our labels and no owner but the pipeline. The labels alone do not say so: the
Spark operator copies them onto the runs of a schedule, and Strimzi onto what it makes for a Kafka.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from health_operator.containment import missing
from health_operator.kinds import HOLD_DATA, Kind, kind_of
from health_operator.naming import APPLIED_HASH, MANAGED_BY, PIPELINE_LABEL

Manifest = dict[str, Any]
Key = tuple[Kind, str]


@dataclass(frozen=True)
class Apply:
    """Write the object. ``why`` is empty for one that is not there, else what differs."""

    kind: Kind
    manifest: Manifest
    why: str = ""

    @property
    def name(self) -> str:
        """Name of the object."""
        return str(self.manifest["metadata"]["name"])


@dataclass(frozen=True)
class Delete:
    """Delete the object that has this uid. ``whole``: it is there until all that it owns is gone.

    ``quiet`` is merged into it before, so that it makes nothing new meanwhile.
    """

    kind: Kind
    name: str
    uid: str
    whole: bool = False
    quiet: Manifest | None = None


@dataclass(frozen=True)
class Conflict:
    """An object that is wanted under this name is there and is not ours."""

    kind: Kind
    name: str
    owner: str

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.name} ({self.owner})"


@dataclass(frozen=True)
class Plan:
    """In the order in which it is to be done.

    ``waiting`` must be gone before they are made anew. ``left`` is not wanted any more, but holds data: an edit that
    takes a source out would take its events along.
    """

    applies: tuple[Apply, ...] = ()
    deletes: tuple[Delete, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    waiting: tuple[Key, ...] = ()
    left: tuple[Key, ...] = ()
    missing: tuple[str, ...] = ()  # operators that are not installed, as in Kind.needs


def plan(
    desired: Iterable[Manifest], observed: Mapping[Key, Manifest], uid: str, *,
    unserved: frozenset[Kind] = frozenset(), kept: frozenset[Key] = frozenset(),
) -> Plan:  # fmt: skip
    """``desired`` in apply order; ``observed`` is what has our labels; ``uid`` the pipeline's.

    ``unserved`` kinds are not asked of the API server. ``kept`` objects stay though nothing desires them.
    """
    applies, conflicts, waiting, needed, wanted = [], [], [], set(), set()
    for manifest in desired:
        kind, name = kind_of(manifest), str(manifest["metadata"]["name"])
        wanted.add((kind, name))
        if kind in unserved:
            needed.add(kind.needs)
            continue
        live = observed.get((kind, name))
        if live is None:
            applies.append(Apply(kind, stamped(manifest)))
        elif other := foreign(live, uid):
            conflicts.append(Conflict(kind, name, other))
        elif "deletionTimestamp" in live["metadata"]:
            waiting.append((kind, name))
        elif why := difference(manifest, live, kind):
            applies.append(Apply(kind, stamped(manifest), why))
    unwanted = [
        (key, live)
        for key, live in sorted(observed.items(), key=lambda item: (item[0][0].kind, item[0][1]))
        if key not in wanted | kept and not foreign(live, uid) and "deletionTimestamp" not in live["metadata"]
    ]
    deletes = [Delete(*key, live["metadata"]["uid"]) for key, live in unwanted if key[0] not in HOLD_DATA]
    left = [key for key, _ in unwanted if key[0] in HOLD_DATA]
    return Plan(tuple(applies), tuple(deletes), tuple(conflicts), tuple(waiting), tuple(left), tuple(sorted(needed)))


def foreign(live: Manifest, uid: str, pipeline: str = "") -> str:
    """Who an object belongs to that is not the pipeline's (for people to read), or empty when it is.

    ``pipeline`` is given where labels must be looked at, for an object that was not found by them.
    """
    metadata = live["metadata"]
    wanted = {**MANAGED_BY, PIPELINE_LABEL: pipeline} if pipeline else {}
    labels = metadata.get("labels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return "it has not our labels"
    owners = metadata.get("ownerReferences") or []
    if owners and all(owner["uid"] != uid for owner in owners):
        return f"it belongs to {owners[0]['kind']} {owners[0]['name']}, uid {owners[0]['uid']}"
    return ""


def difference(manifest: Manifest, live: Manifest, kind: Kind) -> str:
    """What an object must be written for, or empty: another version of ours was applied, or somebody changed it."""
    applied = (live["metadata"].get("annotations") or {}).get(APPLIED_HASH)
    if applied != digest(manifest):
        return "new"
    path = missing(manifest, live, exact_lists=kind.is_custom)
    return f"drift at {path}" if path is not None else ""


def stamped(manifest: Manifest) -> Manifest:
    """The manifest with its own digest in an annotation. Nothing of the argument is changed."""
    metadata = manifest["metadata"]
    annotations = {**(metadata.get("annotations") or {}), APPLIED_HASH: digest(manifest)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def digest(manifest: Manifest) -> str:
    """Of what is wanted; the same for the same content in any order of keys."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
