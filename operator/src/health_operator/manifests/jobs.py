"""The Jobs: a Job cannot be changed, so its name says what it does, and another content is another Job."""

from __future__ import annotations

import hashlib
import json

from health_operator.manifests.context import Context, Manifest
from health_operator.naming import labels

# Tries and pauses take minutes each, so it goes on for days: whom it calls may take long to be there,
# or a password to be put right, and then nobody should have to remember the job.
_RETRIES = 1000


def job(context: Context, component: str, pod: Manifest, *, name: str = "") -> Manifest:
    """The Job of a pod; ``name`` where it has one of its own. It is kept when it is done: it would be made again."""
    template = {"metadata": {"labels": labels(context.pipeline.name, component)}, "spec": pod}
    text = json.dumps(template, sort_keys=True, separators=(",", ":"))
    digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": context.metadata(context.name(name or f"{component}-{digest}"), component),
        "spec": {"backoffLimit": _RETRIES, "template": template},
    }
