"""What must exist in AWS for a pipeline's crawlers, in the words of AWS's own calls; pure.

Facts of AWS that shape it (Glue's developer guide, "AWS Glue triggers", "Incremental crawls", "Accelerating crawls
using Amazon S3 event notifications"):

- a trigger starts two crawlers at most, so what runs on a schedule is one crawler with a target for each table;
- a crawler that is told of files by events has one target, so then each table has a crawler and a queue of its own;
- a crawl of new folders only takes no other policy for schemas than LOG, for changes as for deletions;
- a conditional trigger follows only what a trigger has started.

Glue's classifier for Parquet is built in and needs no name; a custom one for it does not exist.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from health_pipeline.settings import CatalogSettings, LakeSettings

from health_catalog import names
from health_catalog.crawlers.things import Account, Thing, Wanted
from health_catalog.crawlers.workgroup import workgroup
from health_catalog.schemas import RAW

PIPELINE_TAG, DATABASE_TAG = "health-streaming.com/pipeline", "health-streaming.com/database"
# What Spark and the like leave beside data. Athena heeds no such pattern, but would not read these names either.
_EXCLUSIONS = ["**/_*", "**/_*/**", "**/.*"]
# As long as SQS keeps a message: no outage of ours loses word of a file.
_FOURTEEN_DAYS = str(14 * 24 * 60 * 60)


def prefix(settings: LakeSettings) -> str:
    """What the names of its crawlers, queues, workflow and notifications begin with."""
    return names.beginning(settings.database)


def tags(settings: LakeSettings) -> dict[str, str]:
    """On all that is made. What has not both of them is never changed or removed."""
    return {PIPELINE_TAG: settings.pipeline, DATABASE_TAG: settings.database}


def wanted(settings: CatalogSettings, account: Account) -> Wanted:
    """Everything for these settings."""
    kept = workgroup(settings)
    if not settings.role_arn:  # nobody crawls
        return Wanted(tuple(kept))
    crawled = crawlers(settings)
    made = [_crawler(settings, account, name, tables) for name, tables in crawled.items()]
    if settings.on_new_files == "events":
        queues = [_queue(settings, account, name) for name in crawled]
        told = [_notification(settings, account, name, tables[0]) for name, tables in crawled.items()]
        return Wanted((*queues, *made, *kept), tuple(told), crawled)
    return Wanted((*made, *_workflow(settings, tuple(crawled)), *kept), (), crawled)


def crawlers(settings: CatalogSettings) -> dict[str, tuple[str, ...]]:
    """The crawlers' names, each with the tables that it crawls."""
    if settings.crawl_schedule:
        return {names.crawled(settings.database, RAW): settings.tables}
    return {names.crawled(settings.database, table): (table,) for table in settings.tables}


def bucket_and_key(settings: LakeSettings, path: str) -> tuple[str, str]:
    """The lake's bucket, and the key of ``path`` in the lake."""
    lake = urlsplit(settings.lake)
    return lake.netloc, "/".join(filter(None, (lake.path.strip("/"), path)))


def _crawler(settings: CatalogSettings, account: Account, name: str, tables: tuple[str, ...]) -> Thing:
    queue = {"EventQueueArn": account.arn("sqs", name)} if settings.on_new_files == "events" else {}
    is_whole = settings.recrawl == "everything"
    return Thing(
        "crawler",
        name,
        {
            "Role": settings.role_arn,
            "DatabaseName": settings.glue_database(RAW),
            "Description": f"Finds new Parquet of the health pipeline {settings.pipeline}",
            "Targets": {"S3Targets": [_target(settings, table, queue) for table in tables]},
            "Classifiers": [],
            # A table is called by its folder, or no query would find it.
            "TablePrefix": "",
            "SchemaChangePolicy": {
                "UpdateBehavior": "UPDATE_IN_DATABASE" if is_whole else "LOG",
                "DeleteBehavior": "LOG",  # nothing of the raw zone is ever deleted
            },
            "RecrawlPolicy": {"RecrawlBehavior": _recrawl(settings)},
            "LineageConfiguration": {"CrawlerLineageSettings": "DISABLE"},
            "LakeFormationConfiguration": {"UseLakeFormationCredentials": False},
            "Configuration": _configuration(settings),
        },
    )


def _target(settings: CatalogSettings, table: str, queue: dict[str, str]) -> dict[str, Any]:
    return {"Path": f"{settings.table_uri(RAW, table)}/", "Exclusions": _EXCLUSIONS, **queue}


def _recrawl(settings: CatalogSettings) -> str:
    if settings.on_new_files == "events":
        return "CRAWL_EVENT_MODE"
    return "CRAWL_EVERYTHING" if settings.recrawl == "everything" else "CRAWL_NEW_FOLDERS_ONLY"


def _configuration(settings: CatalogSettings) -> str:
    """One table for each folder of the raw zone, whatever its partitions look like. The bucket is level 1."""
    _, key = bucket_and_key(settings, f"{RAW}/table")
    return json.dumps(
        {
            "Version": 1.0,
            "Grouping": {
                "TableGroupingPolicy": "CombineCompatibleSchemas",
                "TableLevelConfiguration": 2 + key.count("/"),
            },
            "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}},
        }
    )


def _queue(settings: CatalogSettings, account: Account, name: str) -> Thing:
    """Takes messages of S3 about the lake's bucket, and of nobody else."""
    bucket, _ = bucket_and_key(settings, "")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Files",
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": account.arn("sqs", name),
                "Condition": {
                    "ArnEquals": {"aws:SourceArn": f"arn:{account.partition}:s3:::{bucket}"},
                    "StringEquals": {"aws:SourceAccount": account.number},
                },
            }
        ],
    }
    attributes = {
        "MessageRetentionPeriod": _FOURTEEN_DAYS, "SqsManagedSseEnabled": "true", "Policy": json.dumps(policy)
    }  # fmt: skip
    return Thing("queue", name, {"Attributes": attributes})


def _notification(settings: CatalogSettings, account: Account, name: str, table: str) -> dict[str, Any]:
    _, key = bucket_and_key(settings, f"{RAW}/{table}/")
    rules = [{"Name": "prefix", "Value": key}, {"Name": "suffix", "Value": ".parquet"}]
    return {
        "Id": name,
        "QueueArn": account.arn("sqs", name),
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": rules}},
    }


def _workflow(settings: CatalogSettings, crawled: tuple[str, ...]) -> list[Thing]:
    """The crawl on its schedule, then the jobs, one after the other, each when the one before has succeeded."""
    if not settings.crawl_schedule:
        return []
    workflow = names.workflow(settings.database)
    about = {"Description": f"Crawl, then jobs, of the health pipeline {settings.pipeline}", "MaxConcurrentRuns": 1}
    first = {
        "WorkflowName": workflow,
        "Type": "SCHEDULED",
        "Schedule": settings.crawl_schedule,
        "Actions": [{"CrawlerName": name} for name in crawled],
    }
    found = [Thing("workflow", workflow, about), Thing("trigger", names.trigger(settings.database, 1), first)]
    conditions: list[dict[str, str]] = [{"CrawlerName": name, "CrawlState": "SUCCEEDED"} for name in crawled]
    for number, job in enumerate(_jobs(settings), start=2):
        given = {
            "WorkflowName": workflow,
            "Type": "CONDITIONAL",
            "Predicate": {
                "Logical": "AND",
                "Conditions": [{"LogicalOperator": "EQUALS", **condition} for condition in conditions],
            },
            "Actions": [{"JobName": job}],
        }
        found.append(Thing("trigger", names.trigger(settings.database, number), given))
        conditions = [{"JobName": job, "State": "SUCCEEDED"}]
    return found


def _jobs(settings: CatalogSettings) -> tuple[str, ...]:
    """Those that are named; the load comes behind the transform, unless it is named itself."""
    transform, load = names.job(settings.pipeline), names.load(settings.pipeline)
    if not settings.loads or load in settings.then:
        return settings.then
    return tuple(each for job in settings.then for each in ((job, load) if job == transform else (job,)))
