"""What a spec says of security and privacy: which paths are open between pods, what patients are called."""

from __future__ import annotations

from dataclasses import dataclass

from health_pipeline.spec_fields import SecretRef, spec


@dataclass(frozen=True)
class Security:
    """Who may reach whom, on Kubernetes."""

    network_policies: bool = spec("Close every path between pods that the pipeline does not use", True)
    metrics_from: tuple[str, ...] = spec("Namespaces whose pods may read metrics; any pod may when absent", (),
                                         maximum=16)  # fmt: skip


@dataclass(frozen=True)
class Pseudonyms:
    """Other names for patients and their watches: a keyed hash (HMAC-SHA256), made before anything is kept."""

    key_ref: SecretRef = spec("The key: 32 characters at least, such as `openssl rand -hex 32` gives")
    key_id: str = spec("Which key it is, the beginning of each name made with it: another key, another id", "k1",
                       pattern=r"[a-z0-9]+", maximum=8)  # fmt: skip


@dataclass(frozen=True)
class Privacy:
    """What becomes of who the patients are."""

    pseudonyms: Pseudonyms | None = spec("Their ids are replaced at the edge; they stay as they are when absent", None)
