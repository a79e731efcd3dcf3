"""What the operator is told by its chart, in environment variables HEALTH_OPERATOR_*."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from health_pipeline.settings import read_env

PREFIX = "HEALTH_OPERATOR_"


@dataclass(frozen=True)
class StandIns:
    """What stands in on a development cluster for what a spec leaves out, as healthctl's own do on a laptop.

    ``kafka`` (host:port) serves pipelines of mode strimzi, ``aws`` (URL) those with empty endpoints. Empty: nothing
    stands in.
    """

    kafka: str = ""
    aws: str = ""


@dataclass(frozen=True)
class Platform:
    """What the children of every pipeline are made with. ``registry`` and ``tag`` name the images.

    An image is ``<registry>/health-<name>:<tag>``, or its entry in ``images`` where it has one (for digests).
    """

    registry: str = "localhost"
    tag: str = "dev"
    images: dict[str, str] = field(default_factory=dict)
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    monitor_labels: dict[str, str] = field(default_factory=dict)  # by which a Prometheus chooses PodMonitors
    # By which Grafana's sidecar finds dashboards, and puts them into a folder (none when empty).
    dashboard_labels: dict[str, str] = field(default_factory=lambda: {"grafana_dashboard": "1"})
    dashboard_folder: str = "Health pipelines"
    spark_service_account: str = ""  # that exists already; otherwise each application has one of its own
    stand_ins: StandIns = field(default_factory=StandIns)

    def image(self, name: str) -> str:
        """Full name of the image ``health-<name>``."""
        return self.images.get(name, f"{self.registry}/health-{name}:{self.tag}")


@dataclass(frozen=True)
class OperatorSettings:
    """How the operator itself runs. ``watch_namespaces`` empty: all of them."""

    namespace: str = "default"
    identity: str = "operator"  # of this replica, in the Lease: its pod's name
    watch_namespaces: tuple[str, ...] = ()
    resync_seconds: float = 30
    deletion_seconds: float = 300  # after which a pipeline that is deleted is let go of, whatever is left of it
    slo_url: str = "http://{pipeline}-lag.{namespace}.svc:8080/slo"
    exit_seconds: float = 20  # within which the process ends once told to
    health_host: str = "127.0.0.1"
    health_port: int = 8080
    metrics_port: int = 9464
    lease_name: str = "health-operator"
    platform: Platform = field(default_factory=Platform)


def from_env(environ: Mapping[str, str] = os.environ) -> OperatorSettings:
    """The settings; SettingsError naming the variable that cannot be read. Whatever is not plain text is JSON."""
    return read_env(OperatorSettings, environ, PREFIX)
