"""The Glue jobs and their triggers, in the words of AWS's own calls; pure."""

from __future__ import annotations

from typing import Any

from health_pipeline.settings import Settings
from health_pipeline.settings_glue import EtlSettings, LoadJob

from health_catalog import names
from health_catalog.crawlers.things import Thing, Wanted
from health_catalog.etl.packaging import Code, Program
from health_catalog.etl.schedule import glue_schedule

# Where code is in the lake.
FOLDER = names.CODE
# What a job is told of its settings; the rest is about processes of ours, or about streams.
_LAKE = ("pipeline", "lake", "lake_endpoint", "region", "glue_endpoint", "database")
_TRANSFORM = (*_LAKE, "tables")
_LOAD = (
    *_LAKE, "engine", "workgroup", "cluster", "secret_arn", "warehouse_database", "warehouse_schema", "copy_role_arn",
    "spectrum_schema",
)  # fmt: skip
# A load waits for Redshift; Glue has no job of Python 3.11 that is smaller.
_LEAST = {"WorkerType": "G.1X", "NumberOfWorkers": 2}


def code_uri(settings: EtlSettings, code: Code) -> str:
    """Where an object of code is."""
    return f"{settings.lake}/{FOLDER}/{code.name}"


def wanted(settings: EtlSettings, transform: Program, load: Program) -> Wanted:
    """The transform's job, the load's where there is one, and what starts them; jobs alone where crawls start them.

    Runs of a job are one at a time, so one by the schedule would have the start that follows a crawl refused.
    ScheduleError when Glue has no such schedule.
    """
    first, second = names.job(settings.pipeline), names.load(settings.pipeline)
    own = {"WorkerType": settings.worker_type, "NumberOfWorkers": settings.workers}
    arguments = _arguments(settings, transform, settings, _TRANSFORM)
    does = "Raw zone to transformed zone"
    things = [Thing("job", first, _job(settings, does, settings, transform) | own | arguments)]
    if settings.load:
        arguments = _arguments(settings, load, settings.load, _LOAD)
        does = "Transformed zone to Redshift"
        things.append(Thing("job", second, _job(settings, does, settings.load, load) | _LEAST | arguments))
    if first not in settings.then:
        by = {"Type": "SCHEDULED", "Schedule": glue_schedule(settings.schedule), "Actions": [{"JobName": first}]}
        things.append(Thing("trigger", first, by))
    if settings.load and not {first, second} & {*settings.then}:
        things.append(Thing("trigger", second, _behind(first, second)))
    return Wanted(tuple(things))


def _job(settings: EtlSettings, does: str, runs: EtlSettings | LoadJob, program: Program) -> dict[str, Any]:
    return {
        "Description": f"{does} of the health pipeline {settings.pipeline}",
        "Role": runs.role_arn,
        # One at a time: what a run has taken in is known once it has ended.
        "ExecutionProperty": {"MaxConcurrentRuns": 1},
        "Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": code_uri(settings, program.script)},
        "MaxRetries": runs.retries,
        "Timeout": runs.timeout_minutes,
        "GlueVersion": "5.0",
    }


def _behind(first: str, second: str) -> dict[str, Any]:
    """A job behind another; Glue heeds only what a trigger has started, so not a run that somebody starts by hand."""
    condition = {"LogicalOperator": "EQUALS", "JobName": first, "State": "SUCCEEDED"}
    return {
        "Type": "CONDITIONAL",
        "Predicate": {"Logical": "AND", "Conditions": [condition]},
        "Actions": [{"JobName": second}],
    }


def _arguments(settings: EtlSettings, program: Program, told: Settings, about: tuple[str, ...]) -> dict[str, Any]:
    own = {f"HEALTH_{name.upper()}" for name in about}
    given = {
        "--extra-py-files": code_uri(settings, program.archive),
        # So Glue 5.0 takes a file of requirements (developer guide, "Using Python libraries with AWS Glue").
        "--additional-python-modules": code_uri(settings, program.requirements),
        "--python-modules-installer-option": "-r",
        "--TempDir": f"{settings.lake}/{names.TEMPORARY}/",
        # Groups of its own, for in those of all jobs streams are told apart by the number of a run only.
        "--custom-logGroup-prefix": names.job_logs(settings.database),
        # Our own state, in the lake or the ledger, says what has been taken in, whoever has done so.
        "--job-bookmark-option": "job-bookmark-disable",
        # An empty argument would take the next one's name for its value.
        **{f"--{name}": value for name, value in told.to_env().items() if value and name in own},
    }
    return {"DefaultArguments": given}
