"""Ports on the loopback interface."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Mapping

from healthctl.errors import HealthctlError

LOOPBACK = "127.0.0.1"
# Below the range that systems take client ports from, so that no connection of ours can take a port in between.
_RANGE = range(20_000, 30_000)
_ATTEMPTS = 200


def free_port() -> int:
    """A port that nothing listens on."""
    for port in random.SystemRandom().sample(_RANGE, _ATTEMPTS):
        if _why_taken(port) is None:
            return port
    raise HealthctlError(f"no free port was found between {_RANGE.start} and {_RANGE.stop}")


def require_free(port: int, what: str) -> int:
    """``port`` when it can be bound; HealthctlError, naming who wants it, when it is busy or not ours to bind."""
    why = _why_taken(port)
    if why:
        raise HealthctlError(
            f"port {port}, wanted for {what}, {why}. Give another one, or none to have a free one chosen"
        )
    return port


class PortBook:
    """Who listens where: each (component, port) gets one port, for as long as the book lives.

    ``wanted`` maps ``component.port`` (``simulator.http``) to a number that must be taken; any other is a free one.
    """

    def __init__(self, wanted: Mapping[str, int] | None = None) -> None:
        self._wanted = dict(wanted or {})
        self._given: dict[tuple[str, str], int] = {}

    def port(self, component: str, port: str) -> int:
        """The number; HealthctlError when the one that is wanted is busy."""
        key = (component, port)
        if key not in self._given:
            name = f"{component}.{port}"
            self._given[key] = require_free(self._wanted[name], name) if name in self._wanted else self._another()
        return self._given[key]

    def of(self, component: str) -> dict[str, int]:
        """The ports of a component by name."""
        return {port: number for (owner, port), number in self._given.items() if owner == component}

    def require_used(self) -> None:
        """HealthctlError when a number is wanted for a name that nobody has asked for."""
        names = {f"{component}.{port}" for component, port in self._given}
        if unknown := sorted(self._wanted.keys() - names):
            told = ", ".join(sorted(names))
            raise HealthctlError(f"nothing listens on a port called {', '.join(unknown)}: there are {told}")

    def _another(self) -> int:
        taken = {*self._given.values(), *self._wanted.values()}
        while (port := free_port()) in taken:
            pass
        return port


def _why_taken(port: int) -> str | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return "is busy: another program listens on it" if error.errno == errno.EADDRINUSE else f"fails: {error}"
    return None
