"""Where a stream goes on: at its checkpoint, for as long as that is about the topics that there are.

A checkpoint counts in offsets, and a topic that was deleted and made again counts from 0: the stream would look for a
place beyond its end and fail, at each start. So the ids that Kafka gave the topics when they were made (KIP-516) are
kept in the checkpoint's folder. When not one of them is there any more, there is nothing to go on from, and the stream
begins anew, in an epoch of checkpoints of its own. When only some are other ones, it is left to Spark to say what was
lost.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from health_catalog import lake_filesystem, object_path
from health_pipeline.settings import LakeSettings

S = TypeVar("S", bound=LakeSettings)


@dataclass(frozen=True)
class Place:
    """The ids of the topics that a stream reads, by name; ``anew`` is how often it has had to begin anew."""

    topics: Mapping[str, str]
    anew: int = 0


def after(known: Place | None, topics: Mapping[str, str]) -> Place:
    """The place of a stream of these topics; ``known`` is what it was when the stream was last begun. Pure."""
    if known is None:
        return Place(topics)
    common = known.topics.keys() & topics.keys()
    if common and all(known.topics[name] != topics[name] for name in common):
        return Place(topics, known.anew + 1)
    return Place({**known.topics, **topics}, known.anew)


def read(text: bytes) -> Place:
    """What is on record. ValueError, TypeError when it is something else."""
    place = Place(**json.loads(text))
    if not isinstance(place.topics, dict) or not isinstance(place.anew, int):
        raise ValueError("no topics")
    return place


def settled(settings: S, query: str, topics: Mapping[str, str]) -> S:
    """The settings with the epoch in which this query of these topics goes on, or begins. OSError from the lake."""
    path = f"{object_path(settings.checkpoint_uri(query))}/topics.json"
    store = lake_filesystem(settings)
    known = None
    try:
        with store.open_input_stream(path) as file:
            known = read(file.read())
    except FileNotFoundError:
        pass
    except (ValueError, TypeError) as error:
        what = "restore it, or remove it to go on at the checkpoint beside it"
        raise OSError(f"{path} does not say of which topics the checkpoint is ({error}): {what}") from error
    place = after(known, topics)
    if place != known:  # on record before it is used
        with store.open_output_stream(path) as file:
            file.write(json.dumps(dataclasses.asdict(place), sort_keys=True).encode())
    if not place.anew:
        return settings
    epoch = "-".join(filter(None, (settings.checkpoint_epoch, f"again{place.anew}")))
    return dataclasses.replace(settings, checkpoint_epoch=epoch)
