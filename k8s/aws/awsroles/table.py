"""THE table: every part of a pipeline, and what it may do in AWS."""

from __future__ import annotations

import dataclasses

from health_catalog import names
from health_catalog.names import CHECKPOINTS, CODE, LATE, MANIFESTS, REQUESTS, RESULTS, TEMPORARY
from health_catalog.schemas import RAW, TRANSFORMED

from awsroles import catalog, lake, warehouse
from awsroles.model import Accounts, Grant, NoRole, People, Role, Services

# The Glue jobs of transform and load, and the triggers that start them.
_JOBS = (names.job("${Pipeline}"), names.load("${Pipeline}"))

# AWS documents no key that Glue sends when it takes a role, be it to try it at CreateCrawler or to work; one that is
# demanded and not sent would keep every crawler and job from starting. So it must be ours where it is sent. Beside
# that nobody of another account can give our roles to Glue: iam:PassRole does not reach that far.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
_GLUE = Services(("glue.amazonaws.com",), {"StringEqualsIfExists": {"aws:SourceAccount": ("${Account}",)}})
# Redshift tells, as the external id, for which database user it acts; the users are those of this account's warehouses.
# https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service-database-users.html
_REDSHIFT = Services(
    ("redshift.amazonaws.com", "redshift-serverless.amazonaws.com"),
    {"StringLike": {"sts:ExternalId": ("arn:${Partition}:redshift:${Region}:${Account}:dbuser:*",)}},
)


def _stream(name: str) -> tuple[Grant, ...]:
    """What a stream does to keep its place. A new epoch of checkpoints has a folder of its own above the query's."""
    own = (f"{CHECKPOINTS}/{name}", f"{CHECKPOINTS}/*/{name}")
    return (
        lake.lists(CHECKPOINTS),
        # S3A looks at every folder above, whichever is the first that is there.
        lake.reads(CHECKPOINTS),
        lake.writes(*own, deletes=True, why="keep its own place"),
        lake.key(write=True),
    )


def _landing() -> tuple[Grant, ...]:
    lists, reads, keeps, key = _stream("landing")
    lands = Grant("Land", "write files of rows as they come, and leave word of them; remove nothing",
                  ("s3:AbortMultipartUpload", "s3:PutObject"), lake.objects(RAW, LATE, REQUESTS))  # fmt: skip
    return (lists, reads, keeps, lands, key, catalog.registers(RAW))


def _transform(own: str) -> tuple[Grant, ...]:
    """The transform, whichever engine runs it; ``own`` is where it keeps its place."""
    return (
        lake.lists(RAW, TRANSFORMED, CHECKPOINTS),
        lake.reads(RAW, TRANSFORMED, own),
        lake.writes(TRANSFORMED, own, deletes=True, why="write hours anew, remove what they replace, keep its place"),
        lake.key(write=True),
        catalog.registers(TRANSFORMED),
    )


def _loads() -> tuple[Grant, ...]:
    """The load, whoever runs it."""
    return (
        *warehouse.loads(),
        catalog.reads_tables(TRANSFORMED),
        lake.lists(TRANSFORMED),
        lake.reads(TRANSFORMED),
        lake.writes(MANIFESTS, deletes=False, why="tell Redshift which files to copy"),
        lake.key(write=True),
    )


def _as_glue_job() -> tuple[Grant, ...]:
    """What any job of Glue's does beside its work."""
    return (
        Grant("Code", "read what it runs", ("s3:GetObject",), lake.objects(CODE)),
        Grant("Temporary", "keep what is in between", ("s3:DeleteObject", "s3:PutObject"), lake.objects(TEMPORARY)),
        *catalog.writes_jobs_logs(),
    )


ROLES: tuple[Role, ...] = (
    Role("landing", "Kafka to the raw zone", Accounts(("landing", "landing-executor")), _landing()),
    Role("alerts", "Vitals to alerts; keeps only its place in the lake", Accounts(("alerts", "alerts-executor")),
         _stream("alerts")),
    Role("transform", "Raw zone to transformed zone, by Spark on the cluster",
         Accounts(("transform", "transform-executor")), _transform(f"{CHECKPOINTS}/transform")),
    Role("etl", "Keeps the Glue jobs of a pipeline whose transform is Glue's", Accounts(("transform",)), (
        catalog.manages("Job", _JOBS, "BatchStopJobRun", "GetJobRun", "GetJobRuns", "StartJobRun"),
        catalog.manages("Trigger", _JOBS, "StartTrigger", "StopTrigger"),
        catalog.tags(Job=_JOBS, Trigger=_JOBS),
        catalog.hands_over("glue-job", "glue-load"),
        lake.lists(CODE),
        lake.reads(CODE),
        lake.writes(CODE, deletes=False, why="put there what the jobs run"),
        lake.key(write=True),
    )),
    Role("catalog", "Keeps crawlers, triggers, queues and the workgroup of the pipeline", Accounts(("catalog",)), (
        catalog.manages("Crawler", catalog.CRAWLED, "StartCrawler", "StopCrawler"),
        catalog.manages("Trigger", catalog.TRIGGERS, "StartTrigger"),
        catalog.manages("Workflow", catalog.WORKFLOW),
        catalog.tags(Crawler=catalog.CRAWLED, Trigger=catalog.TRIGGERS, Workflow=catalog.WORKFLOW),
        catalog.finds_its_own(),
        catalog.hands_over("glue-crawler"),
        *catalog.keeps_queues(),
        catalog.manages_workgroup(),
        lake.lists(REQUESTS),
        lake.reads(REQUESTS),
        lake.writes(REQUESTS, deletes=True, why="take the words that landing left"),
        lake.key(write=True),
    )),
    Role("warehouse", "Loads new files into Redshift", Accounts(("warehouse",)), _loads()),
    Role("query", "For people who ask, as healthctl query does", People(), (
        catalog.asks_athena(),
        catalog.sees_default(),
        catalog.reads_tables(RAW, TRANSFORMED),
        lake.lists(RAW, TRANSFORMED, RESULTS),
        lake.reads(RAW, TRANSFORMED, RESULTS),
        lake.writes(RESULTS, deletes=False, why="keep the answers, as Athena does in the asker's name"),
        Grant("Where", "Athena asks where the bucket is", ("s3:GetBucketLocation",), (lake.BUCKET,)),
        lake.key(write=True),
    )),
    Role("glue-crawler", "AWS Glue's crawlers", _GLUE, (
        lake.lists(RAW),
        lake.reads(RAW),
        lake.key(write=False),
        catalog.crawls(RAW),
        catalog.hears_events(),
        *catalog.writes_crawlers_logs(),
    )),
    Role("glue-job", "The transform as an AWS Glue job", _GLUE, (
        *_transform(f"{CHECKPOINTS}/transform"),
        *_as_glue_job(),
    )),
    Role("glue-load", "The load into Redshift as an AWS Glue job", _GLUE, (*_loads(), *_as_glue_job())),
    Role("redshift", "Redshift itself, when it copies files or reads the lake", _REDSHIFT, (
        lake.lists(RAW, TRANSFORMED, MANIFESTS),
        lake.reads(RAW, TRANSFORMED, MANIFESTS),
        Grant("Where", "COPY asks where the bucket is", ("s3:GetBucketLocation",), (lake.BUCKET,)),
        lake.key(write=False),
        catalog.reads_tables(RAW, TRANSFORMED),
    )),
)  # fmt: skip

NO_ROLES: tuple[NoRole, ...] = (
    NoRole("simulator", "answers HTTP and follows Kafka"),
    NoRole("topics", "speaks to Kafka only"),
    NoRole("producer", "reads HTTP and writes Kafka"),
    NoRole("dispatch", "speaks to Kafka only"),
    NoRole("lag", "reads Kafka and other components' metrics"),
    NoRole("console", "reads Kafka and the lag exporter's answers"),
    NoRole("operator", "speaks to Kubernetes only: whatever is made in AWS is made by the catalog component"),
)


def on_one_machine() -> tuple[Grant, ...]:
    """What landing, alerts and transform may do, together: on a machine without OIDC all pods have its role."""
    streams = (f"{CHECKPOINTS}/{name}" for name in ("landing", "alerts", "*/landing", "*/alerts", "transform"))
    lands = next(grant for grant in _landing() if grant.sid == "Land")
    registers = [
        dataclasses.replace(catalog.registers(zone), sid=f"Register{zone.capitalize()}") for zone in (RAW, TRANSFORMED)
    ]
    return (
        lake.lists(RAW, TRANSFORMED, CHECKPOINTS),
        lake.reads(RAW, TRANSFORMED, CHECKPOINTS),
        lands,
        lake.writes(TRANSFORMED, *streams, deletes=True, why="write hours anew, keep places"),
        lake.key(write=True),
        *registers,
    )
