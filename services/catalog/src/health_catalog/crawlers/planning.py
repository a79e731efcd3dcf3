"""From what is wanted and what was found to the calls that make the one of the other; pure.

What has not the pipeline's tags is not ours: it is never changed or removed, only told of. What runs is not changed
under its own feet: it is waited for, or stopped where it must go. What could not be looked at is left as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from health_catalog.crawlers import workgroup
from health_catalog.crawlers.things import Call, Found, Kind, Observation, Thing, Wanted

READY, RUNNING = "READY", "RUNNING"
_ORDER: tuple[Kind, ...] = get_args(Kind)
# What Glue fixes at the creation of a trigger.
_FIXED = ("Type", "WorkflowName")
_ON = ("ACTIVATED", "ACTIVATING")
_GOING = "DELETING"
_OF_ATHENA = ("workgroup", "query")
_STOPS = ("StopCrawler", "BatchStopJobRun")


@dataclass(frozen=True)
class Plan:
    """``foreign``: names that are taken by what is not ours. ``waits``: what cannot be done yet, so come again."""

    calls: tuple[Call, ...] = ()
    foreign: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Nothing is left to do or to wait for."""
        return not (self.calls or self.waits)


def plan(wanted: Wanted, observed: Observation, tags: Mapping[str, str], prefix: str) -> Plan:
    """Make, change and remove. What others point at is made before them, and removed after them."""
    there = {(each.kind, each.name): each for each in observed.found}
    ours = {key: each for key, each in there.items() if tags.items() <= each.tags.items()}
    foreign = tuple(thing.name for thing in wanted.things if (thing.kind, thing.name) in there.keys() - ours.keys())
    calls, waits = [], []
    has_told = observed.told is not None
    has_workgroup = not any(kind == "workgroup" for kind, _ in there.keys() - ours.keys())
    things = [thing for thing in wanted.things if thing.kind not in observed.unseen]
    for thing in sorted(things, key=lambda thing: _ORDER.index(thing.kind)):
        key = (thing.kind, thing.name)
        found = ours.get(key)
        if (key in there and found is None) or (thing.kind == "query" and not has_workgroup):
            continue
        if found is not None and found.state in (RUNNING, "STOPPING", _GOING) and differs(thing, found):
            waits.append(thing.name)
            continue
        todo = [_created(thing, tags)] if found is None else list(_changed(thing, found))
        waits += [thing.name] if any(call.operation == "DeleteTrigger" for call in todo) else []
        calls += todo
    names = {(thing.kind, thing.name) for thing in wanted.things}
    # No queue goes that S3 may still write to.
    going = [each for key, each in ours.items() if key not in names and (each.kind != "queue" or has_told)]
    for each in sorted(going, key=lambda each: _ORDER.index(each.kind), reverse=True):
        call = _removed(each)
        calls += [call] if call else []
        waits += [each.name] if call is None or call.operation in _STOPS else []
    return Plan(_with_notification(calls, wanted, observed, prefix), foreign, tuple(waits))


def differs(thing: Thing, found: Found) -> bool:
    """Whether something of ours is not as it should be. Only what we set is compared; AWS adds to it."""
    return any(not _covers(value, found.given.get(key), key) for key, value in thing.given.items())


def merged(there: Mapping[str, Any], ours: Sequence[Mapping[str, Any]], prefix: str) -> dict[str, Any] | None:
    """The bucket's notifications with ``ours`` among them, everybody else's untouched; None where nothing changes.

    S3 takes the whole or nothing, and keeps no tags on its parts: ours are known by an Id that begins with ``prefix``.
    """
    configured = {key: value for key, value in there.items() if key != "ResponseMetadata"}
    queues = configured.get("QueueConfigurations", [])
    before = [each for each in queues if each.get("Id", "").startswith(prefix)]
    if sorted(map(_canonical, before)) == sorted(map(_canonical, ours)):
        return None
    others = [each for each in queues if each not in before]
    rest = {key: value for key, value in configured.items() if key != "QueueConfigurations"}
    return {**rest, **({"QueueConfigurations": [*others, *map(dict, ours)]} if others or ours else {})}


def _created(thing: Thing, tags: Mapping[str, str]) -> Call:
    if thing.kind in _OF_ATHENA:
        return workgroup.created(thing, tags)
    if thing.kind == "queue":
        return Call("sqs", "CreateQueue", {"QueueName": thing.name, **thing.given, "tags": dict(tags)})
    started = {"StartOnCreation": True} if thing.kind == "trigger" else {}
    return Call(
        "glue", f"Create{thing.kind.title()}", {"Name": thing.name, **thing.given, **started, "Tags": dict(tags)}
    )


def _changed(thing: Thing, found: Found) -> Iterator[Call]:
    if differs(thing, found):
        if thing.kind in _OF_ATHENA:
            yield workgroup.changed(thing, found)
        elif thing.kind == "queue":
            yield Call("sqs", "SetQueueAttributes", {"QueueUrl": found.address, **thing.given})
        elif thing.kind == "job":
            yield Call("glue", "UpdateJob", {"JobName": thing.name, "JobUpdate": thing.given})
        elif thing.kind != "trigger":
            yield Call("glue", f"Update{thing.kind.title()}", {"Name": thing.name, **thing.given})
        elif any(thing.given.get(key) != found.given.get(key) for key in _FIXED):
            yield Call("glue", "DeleteTrigger", {"Name": thing.name})  # and the next pass makes it
            return
        else:
            update = {key: value for key, value in thing.given.items() if key not in _FIXED}
            yield Call("glue", "UpdateTrigger", {"Name": thing.name, "TriggerUpdate": update})
    if thing.kind == "trigger" and found.state not in _ON:
        yield Call("glue", "StartTrigger", {"Name": thing.name})


def _removed(found: Found) -> Call | None:
    """None where there is nothing to do but to wait."""
    if found.kind in _OF_ATHENA:
        return workgroup.removed(found)
    if found.kind == "queue":
        return Call("sqs", "DeleteQueue", {"QueueUrl": found.address})
    if found.kind == "job":
        return _removed_job(found)
    if found.state == _GOING or (found.kind == "crawler" and found.state not in (READY, RUNNING)):
        return None
    stops = found.kind == "crawler" and found.state == RUNNING
    return Call("glue", "StopCrawler" if stops else f"Delete{found.kind.title()}", {"Name": found.name})


def _removed_job(found: Found) -> Call | None:
    """After its run, which is stopped."""
    if found.state == RUNNING:
        return Call("glue", "BatchStopJobRun", {"JobName": found.name, "JobRunIds": [found.address]})
    return None if found.state else Call("glue", "DeleteJob", {"JobName": found.name})


def _with_notification(calls: Iterable[Call], wanted: Wanted, observed: Observation, prefix: str) -> tuple[Call, ...]:
    """S3 tries a queue when it is told of it, so queues come first; and none goes while S3 still writes to it."""
    calls = list(calls)
    configuration = None if observed.told is None else merged(observed.told, wanted.told, prefix)
    if configuration is None:
        return tuple(calls)
    arguments = {"Bucket": observed.bucket, "NotificationConfiguration": configuration}
    at = sum(call.operation in ("CreateQueue", "SetQueueAttributes") for call in calls)
    call = Call("s3", "PutBucketNotificationConfiguration", arguments)
    return (*calls[:at], call, *calls[at:])


def _covers(wanted: Any, found: Any, key: str) -> bool:
    """Whether ``found`` says all that ``wanted`` does, with what AWS makes of it taken into account."""
    if key in ("Configuration", "Policy") and isinstance(wanted, str):
        return bool(found) and json.loads(wanted) == json.loads(found)
    if key == "Role":  # Glue answers with the name, or with the path and the name, of what it was given as an ARN
        return str(wanted).rpartition("/")[2] == str(found or "").rpartition("/")[2]
    if isinstance(wanted, dict):
        return all(_covers(value, (found or {}).get(name), name) for name, value in wanted.items())
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], dict):
        is_list = isinstance(found, Sequence) and len(found) == len(wanted)
        return is_list and all(_covers(one, other, key) for one, other in zip(wanted, found, strict=True))
    return wanted == found or (not wanted and not found)  # "", [], False and absent are the same to Glue


def _canonical(configuration: Mapping[str, Any]) -> str:
    """S3 answers ``Prefix`` where it was given ``prefix``."""
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    parts = sorted((rule["Name"].lower(), rule["Value"]) for rule in rules)
    return json.dumps([configuration["QueueArn"], configuration.get("Id"), sorted(configuration["Events"]), parts])
