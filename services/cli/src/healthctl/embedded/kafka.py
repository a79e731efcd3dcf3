"""One Kafka broker (KRaft, broker and controller in one process) on the loopback interface."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from healthctl.embedded.jars import Progress, ensure_jars, say
from healthctl.embedded.java import find_java
from healthctl.embedded.ports import LOOPBACK, PortBook
from healthctl.embedded.process import Command, Process, last_lines
from healthctl.embedded.topics import is_reachable
from healthctl.embedded.waiting import wait_until
from healthctl.errors import HealthctlError

START_TIMEOUT_S = 180.0  # far above what is usual: one that cannot run ends by itself, and is told from a slow one
_HEAP = ("-Xms128m", "-Xmx512m")
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss",
)

_SETTINGS = Path(__file__).with_name("broker.properties")
_ADDRESSES = """\
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
log.dirs={logs}
"""

# $0 is the configuration, $1 a new cluster's id, the rest how to run a class of Kafka's.
_FORMAT_AND_RUN = """\
set -e
id="$1"
shift
[ -e "${0%/*}/storage/meta.properties" ] || "$@" kafka.tools.StorageTool format --cluster-id "$id" --config "$0"
exec "$@" kafka.Kafka "$0"
"""


@dataclass(frozen=True)
class KafkaFiles:
    """What a broker keeps where: its data under ``data`` (a restart on it keeps everything), its output in ``log``."""

    data: Path
    log: Path
    port: int
    controller_port: int

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return f"{LOOPBACK}:{self.port}"


def prepare(files: KafkaFiles, progress: Progress = say) -> Command:
    """Fetch the jars and write the configuration; the command that formats new storage and runs the broker."""
    java = find_java()
    class_path = f"{ensure_jars('kafka', progress)}/*"
    files.data.mkdir(parents=True, exist_ok=True)
    properties = files.data / "server.properties"
    addresses = _ADDRESSES.format(
        host=LOOPBACK, port=files.port, controller_port=files.controller_port, logs=files.data / "storage"
    )
    properties.write_text(_SETTINGS.read_text() + addresses)
    run = (java, *_HEAP, *_LOGGING, "-cp", class_path)
    # Arguments are passed as such, never as part of the script.
    return Command("kafka", ("sh", "-c", _FORMAT_AND_RUN, str(properties), new_cluster_id(), *run), files.log)


def is_ready(files: KafkaFiles) -> bool:
    """Whether the broker answers."""
    return is_reachable({"bootstrap.servers": files.bootstrap})


def did_not_come_up(log: Path, why: str) -> HealthctlError:
    """The one message about a broker that does not run."""
    told = " | ".join(last_lines(log, 3)) or "it said nothing"
    return HealthctlError(f"Kafka did not come up ({why}): {told} (whole log: {log})")


class KafkaBroker:
    """A broker for the time of a ``with`` block, as tests want it; a pipeline's broker is run by the supervisor."""

    def __init__(self, folder: Path, progress: Progress = say) -> None:
        book = PortBook()
        port, controller_port = book.port("kafka", "kafka"), book.port("kafka", "controller")
        self.files = KafkaFiles(folder / "kafka", folder / "kafka.log", port, controller_port)
        self._progress = progress

    def __enter__(self) -> Self:
        self.process = Process(prepare(self.files, self._progress))
        try:
            wait_for(self.process.ended, self.files)
        except BaseException:
            self.process.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()


def wait_for(ended: Callable[[], int | None], files: KafkaFiles) -> None:
    """Until the broker answers; HealthctlError with the end of its log when it ends instead, or takes too long."""
    if not wait_until(lambda: ended() is not None or is_ready(files), START_TIMEOUT_S):
        raise did_not_come_up(files.log, f"no answer on port {files.port} within {START_TIMEOUT_S:.0f} s")
    code = ended()
    if code is not None:
        raise did_not_come_up(files.log, f"it ended with exit code {code}")


def new_cluster_id() -> str:
    """A cluster's id as Kafka makes them: a UUID in URL-safe base64 that no command line can take for an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text
