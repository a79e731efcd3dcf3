"""What an edit of a pipeline does to what runs, judged before it is applied; pure.

The two specs are compared field by field, and ``effects`` says what each field concerns. The operator asks before it
applies, ``healthctl plan --against-cluster`` asks for a person; both show the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from health_pipeline.components import Bindings, components
from health_pipeline.effects import Change, Effect, Impact, effects_of
from health_pipeline.spec import HealthPipeline, camel
from health_pipeline.writer import plain

__all__ = ["Edit", "Impact", "classify", "worst"]

_NOWHERE = Bindings(
    kafka={"bootstrap_servers": ""}, lake={}, address=lambda *_: "", listen=lambda *_: ("", 0), watched=True
)
# What is there whether the pipeline runs or is suspended, and is no component.
_ALWAYS = frozenset({"kafka", "topics"})
_LONGEST_VALUE = 60  # characters; what is longer is only said to have changed


@dataclass(frozen=True)
class Edit:
    """One field that is changed: ``spec.sources[vitals].partitions``, what that does, and to which components.

    A field that does different things to different components gives an edit for each.
    """

    path: str
    impact: Impact
    components: tuple[str, ...]
    what: str


def classify(old: HealthPipeline, new: HealthPipeline) -> tuple[Edit, ...]:
    """Every changed field in the order of the spec; none when the specs say the same."""
    running = [component.name for pipeline in (old, new) for component in components(pipeline, _NOWHERE)]
    names = tuple(dict.fromkeys([*_ALWAYS, *running]))
    found = []
    for path, generic, before, after in _changes(old.spec, new.spec, "spec", "spec"):
        change = Change(path.removeprefix("spec."), generic.removeprefix("spec."), before, after, old.spec, new.spec)
        found += list(_edits(path, change, names))
    return tuple(found)


def worst(edits: Iterable[Edit]) -> Impact:
    """The gravest impact; NONE of nothing."""
    return max((edit.impact for edit in edits), default=Impact.NONE)


def _edits(path: str, change: Change, names: tuple[str, ...]) -> Iterator[Edit]:
    """An edit for each effect on something that runs; one without impact when nothing that runs is concerned."""
    effects = effects_of(change)
    if not effects:
        return
    difference = _difference(change.old, change.new)
    concerned = [(effect, _expanded(effect, names)) for effect in effects]
    # A place that is lost stays lost while nothing runs.
    lost = Impact.NEW_CHECKPOINT
    real = [(effect, who) for effect, who in concerned if who or not effect.components or effect.impact is lost]
    if not real:
        yield Edit(path, Impact.NONE, (), f"{difference}: nothing that runs is told of it")
    for effect, who in real:
        yield Edit(path, effect.impact, who, f"{difference}: {effect.what}")


def _expanded(effect: Effect, names: tuple[str, ...]) -> tuple[str, ...]:
    """The components of an effect that there are; ``producer-*`` stands for each producer."""
    return tuple(
        name
        for wanted in effect.components
        for name in names
        if name == wanted or (wanted.endswith("*") and name.startswith(wanted[:-1]))
    )


def _changes(old: Any, new: Any, path: str, generic: str) -> Iterator[tuple[str, str, Any, Any]]:
    """(path, the same without keys, old, new) of what differs between two objects of one kind."""
    for item in dataclasses.fields(old):
        before, after = getattr(old, item.name), getattr(new, item.name)
        here, there = f"{path}.{camel(item.name)}", f"{generic}.{camel(item.name)}"
        if item.metadata["key"]:
            yield from _list_changes(before, after, item.metadata["key"], here, there)
        elif dataclasses.is_dataclass(before) and type(before) is type(after):
            yield from _changes(before, after, here, there)
        elif before != after:
            yield here, there, before, after


def _list_changes(
    old: tuple[Any, ...], new: tuple[Any, ...], key: str, path: str, generic: str
) -> Iterator[tuple[str, str, Any, Any]]:
    """Items are told apart by their key; the order of those that stay is a change of the list itself."""
    before, after = ({getattr(each, key): each for each in items} for items in (old, new))
    for name in dict.fromkeys([*before, *after]):
        here, there = f"{path}[{name}]", f"{generic}[]"
        if name in before and name in after:
            yield from _changes(before[name], after[name], here, there)
        else:
            yield here, there, before.get(name), after.get(name)
    first, second = [name for name in before if name in after], [name for name in after if name in before]
    if first != second:
        yield path, generic, tuple(first), tuple(second)


def _difference(old: Any, new: Any) -> str:
    """``10 -> 20``, ``added``, ``taken out`` or ``changed``."""
    shown = [_shown(value) for value in (old, new)]
    if None not in shown:
        return " -> ".join(str(each) for each in shown)
    if old is None:
        return "added"
    return "taken out" if new is None else "changed"


def _shown(value: Any) -> str | None:
    """A scalar as it is written in YAML; None for what is not written in a few characters."""
    if value is None:
        return "none"
    given = plain(value)
    if isinstance(given, dict | list):
        return None
    text = str(given).lower() if isinstance(given, bool) else f"{given:g}" if isinstance(given, float) else str(given)
    return (text or '""') if len(text) <= _LONGEST_VALUE else None
