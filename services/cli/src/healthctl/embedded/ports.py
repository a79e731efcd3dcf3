"""Ports on the loopback interface."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

from healthctl.errors import HealthctlError

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """That many different ports that nothing listens on, chosen by the system."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def free_port() -> int:
    """One port that nothing listens on."""
    return free_ports(1)[0]


def require_free(port: int, what: str) -> int:
    """``port`` when it can be bound; HealthctlError, naming who wants it, when it is busy or not ours to bind."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            why = "is busy: another program listens on it" if error.errno == errno.EADDRINUSE else str(error)
            raise HealthctlError(f"port {port}, wanted for {what}, {why}") from error
    return port
