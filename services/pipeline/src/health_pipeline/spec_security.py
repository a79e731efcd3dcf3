"""What a spec says of security: which paths are open between pods."""

from __future__ import annotations

from dataclasses import dataclass

from health_pipeline.spec_fields import spec


@dataclass(frozen=True)
class Security:
    """Who may reach whom, on Kubernetes."""

    network_policies: bool = spec("Close every path between pods that the pipeline does not use", True)
    metrics_from: tuple[str, ...] = spec("Namespaces whose pods may read metrics; any pod may when absent", (),
                                         maximum=16)  # fmt: skip
