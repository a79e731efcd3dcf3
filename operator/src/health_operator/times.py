"""Times as Kubernetes writes them: UTC, whole seconds, ``2026-11-25T10:00:00Z``."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """This moment."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339(at: float) -> str:
    """A moment that is given in seconds since 1970."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_since(timestamp: str) -> float:
    """Since a time of Kubernetes until this moment."""
    return (datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds()
