"""The pipeline's audit, where its watcher finds it: the record of its state, shown as a file.

The operator has no Kafka client. What it writes into the ConfigMap the kubelet puts into the pod within a minute.
"""

from __future__ import annotations

from health_pipeline import Component
from health_pipeline.settings import LagSettings

from health_operator.manifests.context import Context, Manifest
from health_operator.state import AUDIT_KEY, name

_VOLUME, _FOLDER, _FILE = "audit", "/etc/health-audit", "entries.json"


def environment(component: Component) -> dict[str, str]:
    """What the watcher is told; nobody else is told anything."""
    return {"HEALTH_AUDIT_FILE": f"{_FOLDER}/{_FILE}"} if _reads(component) else {}


def volumes(context: Context, component: Component) -> tuple[list[Manifest], list[Manifest]]:
    """Volumes of the watcher's pod, and where its container mounts them."""
    if not _reads(component):
        return [], []
    # Nothing but the audit; and a record without one, of an older operator, must not keep the pod from starting.
    shown = {"name": name(context.pipeline.name), "items": [{"key": AUDIT_KEY, "path": _FILE}], "optional": True}
    return [{"name": _VOLUME, "configMap": shown}], [{"name": _VOLUME, "mountPath": _FOLDER, "readOnly": True}]


def _reads(component: Component) -> bool:
    return isinstance(component.settings, LagSettings)
