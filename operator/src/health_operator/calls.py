"""Whom each component calls, read from what it is told: so policies and settings cannot disagree; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from health_pipeline.settings import (
    ConsoleSettings,
    KafkaSettings,
    LagSettings,
    LakeSettings,
    ProducerSettings,
    Settings,
)

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Call:
    """A host, and the TCP port there. ``host`` is empty for AWS: S3, Glue and STS are many names."""

    host: str
    port: int


AWS = Call("", 443)


def calls(settings: Settings) -> tuple[Call, ...]:
    """Every call that a component with these settings makes, each once, in an order that stays."""
    return tuple(dict.fromkeys(_calls(settings)))


def _calls(settings: Settings) -> Iterator[Call]:
    if isinstance(settings, KafkaSettings):
        for server in settings.bootstrap_servers.split(","):
            host, _, port = server.rpartition(":")
            yield Call(host, int(port))
    if isinstance(settings, LakeSettings):
        yield from (_url(url) if url else AWS for url in (settings.lake_endpoint, settings.glue_endpoint))
    if isinstance(settings, ProducerSettings):
        yield _url(settings.url)
    if isinstance(settings, LagSettings | ConsoleSettings):
        yield from (_url(target.url) for target in settings.targets)
    if isinstance(settings, LagSettings):
        yield from (_url(target.url) for target in settings.passing)
    if isinstance(settings, ConsoleSettings):
        yield from (_url(url) for url in (settings.slo_url, settings.streets_url) if url)


def _url(url: str) -> Call:
    parts = urlsplit(url)
    return Call(parts.hostname or "", parts.port or _PORTS[parts.scheme])
