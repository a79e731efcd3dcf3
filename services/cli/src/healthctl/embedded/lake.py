"""An S3 and Glue endpoint on the loopback interface: moto's server in a process of its own.

Everything in it is in memory and gone when it ends. It asks for no real credentials and gets none: ``CREDENTIALS`` are
what the components are given instead of the user's own.
"""

from __future__ import annotations

import http.client
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from healthctl.embedded.ports import LOOPBACK, free_port
from healthctl.embedded.process import Command, Process, last_lines
from healthctl.embedded.waiting import wait_until
from healthctl.errors import HealthctlError

START_TIMEOUT_S = 180.0

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "embedded",
    "AWS_SECRET_ACCESS_KEY": "embedded",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
# What of the user's own would otherwise win over them.
OVERRULED = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL")


@contextmanager
def embedded_credentials() -> Iterator[None]:
    """While it lasts, this process and its new children have the dummy credentials and none of the user's own."""
    before = {name: os.environ.get(name) for name in (*CREDENTIALS, *OVERRULED)}
    for name in OVERRULED:
        os.environ.pop(name, None)
    os.environ.update(CREDENTIALS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def command(port: int, log: Path) -> Command:
    """The command that serves it."""
    return Command("aws", (sys.executable, "-m", "healthctl.embedded.lake", str(port)), log)


def is_ready(port: int) -> bool:
    """Whether it answers."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/moto-api/")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


class AwsEndpoint:
    """The endpoint for the time of a ``with`` block, as tests want it; a pipeline's is run by the supervisor."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._log = folder / "aws.log"

    def __enter__(self) -> Self:
        self.process = Process(command(self.port, self._log))
        ended = self.process.ended
        wait_until(lambda: ended() is not None or is_ready(self.port), START_TIMEOUT_S)
        if ended() is not None or not is_ready(self.port):
            self.process.stop()
            told = " | ".join(last_lines(self._log, 3))
            raise HealthctlError(f"the S3/Glue endpoint did not come up: {told} (whole log: {self._log})")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()


def _serve(port: int) -> None:
    from moto.server import main  # noqa: PLC0415 (slow, and only the child needs it)

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # no line per request
    main(["-H", LOOPBACK, "-p", str(port)])


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
