"""What kopf calls: thin. It watches the HealthPipelines; each event only wakes the pipeline's task.

kopf's own handlers for creation, change and deletion are not used. They are edge triggered and keep their progress in
annotations and a finalizer; ours is one level-based reconcile, with a finalizer of its own. kopf's finalizer must stay
another one than ours: kopf removes its own wherever no handler of its kind wants it.
"""

from __future__ import annotations

from typing import Any

import kopf

from health_operator.cluster import Cluster
from health_operator.hearing import Hearing
from health_operator.naming import GROUP, PLURAL, VERSION
from health_operator.settings import OperatorSettings
from health_operator.watches import WakeCall

# The server ends a watch after the first; the second ends one whose server has gone silent, the third the wait for
# another server.
_WATCH_SECONDS, _SILENT_SECONDS, _CONNECT_SECONDS = 240, 90.0, 5.0  # the API server reads whole seconds only


def registry(cluster: Cluster, hearing: Hearing, wake: WakeCall) -> kopf.OperatorRegistry:
    """The handlers, with what they need."""
    made = kopf.OperatorRegistry()

    @kopf.on.login(registry=made)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        """kopf comes here again when the server does not take its token any more."""
        given = await cluster.credentials()
        scheme, _space, token = (given.authorization or "").partition(" ")
        return kopf.ConnectionInfo(
            server=given.server, ca_path=given.ca_file, insecure=not given.verify, scheme=scheme or None,
            token=token or None, certificate_path=given.certificate_file, private_key_path=given.key_file,
        )  # fmt: skip

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=made)
    async def heard(event: kopf.RawEvent, **_: Any) -> None:
        """A pipeline is there, has changed or is gone."""
        key, is_news = hearing.hear(event)
        if is_news:
            wake(key, urgent=True)

    return made


def kopf_settings(settings: OperatorSettings) -> kopf.OperatorSettings:
    """kopf as a watcher and nothing more."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False  # events are ours (see events.py): kopf's have no stable reasons
    made.scanning.disabled = True  # no right to list CRDs and namespaces is needed; our own start waits for the CRD
    made.watching.server_timeout = _WATCH_SECONDS
    made.watching.client_timeout = _WATCH_SECONDS + 30
    made.watching.inactivity_timeout = _SILENT_SECONDS
    made.watching.connect_timeout = _CONNECT_SECONDS
    made.networking.request_timeout = 30
    made.networking.connect_timeout = _CONNECT_SECONDS
    made.queueing.worker_limit = None  # with a limit below the number of objects kopf can lock itself up
    made.process.ultimate_exiting_timeout = settings.exit_seconds
    return made
