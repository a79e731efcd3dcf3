"""The calls of the Glue jobs: what is there, their code, their runs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from health_pipeline.settings_glue import EtlSettings

from health_catalog import names
from health_catalog.crawlers.aws import Aws
from health_catalog.crawlers.things import Found, Observation, Wanted
from health_catalog.crawlers.wanted import bucket_and_key
from health_catalog.errors import NotFoundError, aws_errors, error_code
from health_catalog.etl.packaging import Code
from health_catalog.etl.wanted import FOLDER

_ENDED = {"SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED", "ERROR", "EXPIRED"}
# The newest come first; so many are looked at.
_LOOKED_AT = 20


@dataclass(frozen=True)
class Run:
    """A run of a job; ``state`` as Glue has it."""

    number: str
    state: str
    seconds: float = 0.0
    error: str = ""

    @property
    def has_ended(self) -> bool:
        """Whichever way."""
        return self.state in _ENDED


class JobAws(Aws):
    """All methods raise CatalogError. What is made, changed or removed has two names, so nothing is listed."""

    def __init__(self, settings: EtlSettings, clients: Mapping[str, Any] | None = None) -> None:
        super().__init__(settings, clients)
        self._transform, self._load = names.job(settings.pipeline), names.load(settings.pipeline)

    def observe(self, wanted: Wanted) -> Observation:  # noqa: ARG002 (there are only these)
        """The jobs and the triggers of the pipeline's names, whoever made them."""
        bucket, _ = bucket_and_key(self._settings, "")
        found = [look(name) for look in (self._job, self._trigger) for name in (self._transform, self._load)]
        return Observation(tuple(filter(None, found)), bucket)

    def put(self, code: Code) -> None:
        """Where it is missing: what has this name is this very code, and is not written again."""
        place: Any = dict(zip(("Bucket", "Key"), bucket_and_key(self._settings, f"{FOLDER}/{code.name}"), strict=True))
        target = "/".join(place.values())
        with suppress(NotFoundError):
            self._call("s3", "HeadObject", target, **place)
            return
        with aws_errors("s3:PutObject", target):
            try:
                self._client("s3").put_object(**place, Body=code.body, IfNoneMatch="*")
            except ClientError as error:
                if error_code(error) != "PreconditionFailed":
                    raise

    def runs(self, job: str) -> tuple[Run, ...]:
        """The newest runs of a job, the newest first."""
        told = self._call("glue", "GetJobRuns", job, JobName=job, MaxResults=_LOOKED_AT)["JobRuns"]
        return tuple(
            Run(each["Id"], each["JobRunState"], each.get("ExecutionTime", 0), each.get("ErrorMessage") or "")
            for each in told
        )

    def start_run(self) -> str:
        """Start one of the transform beside the schedule; its number. CatalogError when one runs."""
        return str(self._call("glue", "StartJobRun", self._transform, JobName=self._transform)["JobRunId"])

    def _job(self, name: str) -> Found | None:
        told = self._get("GetJob", "Job", name, key="JobName")
        if told is None:
            return None
        going = next((run for run in self.runs(name) if not run.has_ended), None)
        # To Glue a job has no state, but its runs have; it is all that planning asks.
        state = "" if going is None else "STOPPING" if going.state == "STOPPING" else "RUNNING"
        address = going.number if going else ""
        return Found("job", name, told, self._tags("job", name), state, address)
