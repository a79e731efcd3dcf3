"""The Glue job and its trigger, in the words of AWS's own calls; pure."""

from __future__ import annotations

from health_pipeline.settings import EtlSettings, TransformSettings

from health_catalog import names
from health_catalog.crawlers.things import Thing, Wanted
from health_catalog.etl.schedule import glue_schedule

# Where code is in the lake.
FOLDER = names.CODE
# What a job is told of its settings; the rest is about processes of ours, or about streams.
_TOLD = ("pipeline", "lake", "lake_endpoint", "region", "glue_endpoint", "database", "tables")


def job_name(settings: EtlSettings) -> str:
    """Of the job, and of the trigger that starts it."""
    return names.job(settings.pipeline)


def code_uri(settings: EtlSettings, name: str) -> str:
    """Where an object of code is."""
    return f"{settings.lake}/{FOLDER}/{name}"


def wanted(settings: EtlSettings, archive: str, script: str, modules: str) -> Wanted:
    """Both, running the code of these names; the job alone where crawls start it.

    Its runs are one at a time, so one by the schedule would have the start that follows a crawl refused. ScheduleError
    when Glue has no such schedule.
    """
    name = job_name(settings)
    job = Thing(
        "job",
        name,
        {
            "Description": f"Raw zone to transformed zone of the health pipeline {settings.pipeline}",
            "Role": settings.role_arn,
            # One at a time: what a run has taken in is known once it has ended.
            "ExecutionProperty": {"MaxConcurrentRuns": 1},
            "Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": code_uri(settings, script)},
            "DefaultArguments": _arguments(settings, archive, modules),
            "MaxRetries": settings.retries,
            "Timeout": settings.timeout_minutes,
            "GlueVersion": "5.0",
            "WorkerType": settings.worker_type,
            "NumberOfWorkers": settings.workers,
        },
    )
    if name in settings.then:
        return Wanted((job,))
    trigger = {"Type": "SCHEDULED", "Schedule": glue_schedule(settings.schedule), "Actions": [{"JobName": name}]}
    return Wanted((job, Thing("trigger", name, trigger)))


def _arguments(settings: EtlSettings, archive: str, modules: str) -> dict[str, str]:
    told = TransformSettings(**{name: getattr(settings, name) for name in _TOLD}).to_env()
    own = {f"--HEALTH_{name.upper()}" for name in _TOLD}
    return {
        "--extra-py-files": code_uri(settings, archive),
        "--additional-python-modules": modules,
        "--TempDir": f"{settings.lake}/{names.TEMPORARY}/",
        # Groups of its own, for in those of all jobs streams are told apart by the number of a run only.
        "--custom-logGroup-prefix": names.job_logs(settings.database),
        # Our own state in the lake says what has been taken in, so that either engine goes on where the other was.
        "--job-bookmark-option": "job-bookmark-disable",
        # An empty argument would take the next one's name for its value.
        **{f"--{name}": value for name, value in told.items() if value and f"--{name}" in own},
    }
