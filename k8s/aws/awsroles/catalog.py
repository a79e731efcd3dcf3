"""Grants on the Glue Data Catalog, crawlers, jobs, queues and Athena: by the names that the code gives them."""

from __future__ import annotations

from collections.abc import Iterable

from health_catalog import names

from awsroles.lake import BUCKET
from awsroles.model import Grant

_GLUE = "arn:${Partition}:glue:${Region}:${Account}"
_LOGS = "arn:${Partition}:logs:${Region}:${Account}:log-group"
_DATABASE, _PIPELINE = "${Database}", "${Pipeline}"
# Crawlers, and the queues of the same names.
CRAWLED = names.crawled(_DATABASE, "*")
QUEUES = f"arn:${{Partition}}:sqs:${{Region}}:${{Account}}:{CRAWLED}"
WORKFLOW = names.workflow(_DATABASE)
# One for the crawl and one for each of eleven jobs at most: ten that are named, and the load. A * would take in what a
# job of a pipeline called health-<database>-crawl is started by.
TRIGGERS = (names.trigger(_DATABASE, "?"), names.trigger(_DATABASE, "??"))
WORKGROUP = f"arn:${{Partition}}:athena:${{Region}}:${{Account}}:workgroup/{names.workgroup(_PIPELINE)}"

_METRICS = Grant(
    "Metrics", "write its metrics; CloudWatch knows no resources", ("cloudwatch:PutMetricData",), ("*",),
    {"StringEquals": {"cloudwatch:namespace": ("Glue",)}},
)  # fmt: skip
_KINDS = {"Crawler": "crawler", "Trigger": "trigger", "Workflow": "workflow", "Job": "job"}
_READ = (
    "glue:BatchGetPartition", "glue:GetDatabase", "glue:GetDatabases", "glue:GetPartition", "glue:GetPartitions",
    "glue:GetTable", "glue:GetTables",
)  # fmt: skip
_REGISTER = (
    "glue:BatchCreatePartition", "glue:BatchGetPartition", "glue:BatchUpdatePartition", "glue:CreateDatabase",
    "glue:CreateTable", "glue:GetTable", "glue:UpdateTable",
)  # fmt: skip
_CRAWL = (
    "glue:BatchCreatePartition", "glue:BatchGetPartition", "glue:CreatePartition", "glue:CreateTable",
    "glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable", "glue:GetTables",
    "glue:UpdatePartition", "glue:UpdateTable",
)  # fmt: skip


def databases(*zones: str) -> tuple[str, ...]:
    """The catalogue, and the databases and tables of these zones: Glue asks for all three at each call."""
    found = [f"{_GLUE}:catalog"]
    for zone in zones:
        found += [f"{_GLUE}:database/${{Database}}_{zone}", f"{_GLUE}:table/${{Database}}_{zone}/*"]
    return tuple(found)


def reads_tables(*zones: str) -> Grant:
    """Read tables and partitions of these zones."""
    return Grant("ReadTables", f"read tables and partitions of {' and '.join(zones)}", _READ, databases(*zones))


def registers(zone: str) -> Grant:
    """Make the zone's database, tables and partitions, as data lands."""
    why = f"make and extend {zone}'s tables, register its partitions"
    return Grant("Register", why, _REGISTER, databases(zone))


def crawls(*zones: str) -> Grant:
    """What a crawler does to these zones' tables."""
    why = f"make and extend the tables of {' and '.join(zones)} as they are found"
    return Grant("Tables", why, _CRAWL, databases(*zones))


def named(kind: str, called: str | tuple[str, ...]) -> tuple[str, ...]:
    """Things of Glue of this kind that are called so."""
    return tuple(f"{_GLUE}:{_KINDS[kind]}/{name}" for name in ((called,) if isinstance(called, str) else called))


def manages(kind: str, called: str | tuple[str, ...], *more: str) -> Grant:
    """Make, change, remove and look at things of this kind that are called so, and ``more`` (names of actions)."""
    actions = sorted({*(f"{verb}{kind}" for verb in ("Create", "Delete", "Get", "Update")), *more})
    why = f"keep the pipeline's {_KINDS[kind]}s"
    return Grant(f"{kind}s", why, tuple(f"glue:{each}" for each in actions), named(kind, called))


def tags(**called: str | tuple[str, ...]) -> Grant:
    """Tag what is made, so that nothing else is ever changed or removed."""
    actions = ("glue:GetTags", "glue:TagResource", "glue:UntagResource")
    resources = tuple(arn for kind, each in called.items() for arn in named(kind, each))
    return Grant("Tags", "tag what it makes, and touch nothing without the tag", actions, resources)


def finds_its_own() -> Grant:
    """AWS lets nobody list only what is theirs, nor ask only after their own crawlers' metrics."""
    actions = (
        "athena:ListWorkGroups",
        "glue:GetCrawlerMetrics",
        "glue:ListCrawlers",
        "glue:ListTriggers",
        "sqs:ListQueues",
    )
    return Grant(
        "Listings",
        "find what it has made, and how it did; listings and crawlers' metrics have no resource",
        actions,
        ("*",),
    )


def hands_over(*roles: str) -> Grant:
    """Give these roles of the pipeline to Glue, and to nobody else."""
    return Grant(
        "PassRoles",
        f"give Glue the role{'s' if len(roles) > 1 else ''} {_spoken(roles)}",
        ("iam:PassRole",),
        tuple(f"arn:${{Partition}}:iam::${{Account}}:role/${{Pipeline}}-{role}" for role in roles),
        {"StringEquals": {"iam:PassedToService": ("glue.amazonaws.com",)}},
    )


def keeps_queues() -> tuple[Grant, ...]:
    """Make the queues that S3 tells of new files, and have S3 tell."""
    actions = ("CreateQueue", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl", "ListQueueTags", "SetQueueAttributes",
               "TagQueue")  # fmt: skip
    return (
        Grant("Queues", "keep the queues of new files", tuple(f"sqs:{action}" for action in actions), (QUEUES,)),
        Grant("Notifications", "have the bucket tell of new files",
              ("s3:GetBucketNotification", "s3:PutBucketNotification"), (BUCKET,)),
    )  # fmt: skip


def hears_events() -> Grant:
    """Take in the bucket's events, as AWS asks it of a crawler's role."""
    actions = ("DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues", "ListQueueTags",
               "PurgeQueue", "ReceiveMessage", "SetQueueAttributes")  # fmt: skip
    return Grant(
        "Events", "take in what S3 tells of new files", tuple(f"sqs:{action}" for action in actions), (QUEUES,)
    )


def writes_crawlers_logs() -> tuple[Grant, ...]:
    """The group is that of all crawlers; the stream in it is called as the crawler."""
    group = f"{_LOGS}:/aws-glue/crawlers"
    streams = (f"{group}:log-stream:{CRAWLED}",)
    return (
        Grant("LogGroup", "have a log", ("logs:CreateLogGroup",), (group, f"{group}:log-stream:")),
        Grant("Logs", "write its log", ("logs:CreateLogStream", "logs:PutLogEvents"), streams),
        _METRICS,
    )


def writes_jobs_logs() -> tuple[Grant, ...]:
    """In groups of the pipeline's own, as the job is told."""
    actions = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
    return (Grant("Logs", "write its log", actions, (f"{_LOGS}:{names.job_logs(_DATABASE)}/*",)), _METRICS)


def asks_athena() -> Grant:
    """Run queries in the pipeline's workgroup."""
    actions = ("GetQueryExecution", "GetQueryResults", "GetWorkGroup", "StartQueryExecution", "StopQueryExecution")
    return Grant("Ask", "run queries in the pipeline's workgroup, and stop them", _athena(actions), (WORKGROUP,))


def sees_default() -> Grant:
    """Athena asks for it before any query, also where there is no such database.

    https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
    """
    resources = (f"{_GLUE}:catalog", f"{_GLUE}:database/default")
    return Grant("Default", "Athena looks for the database default first", ("glue:GetDatabase",), resources)


def manages_workgroup() -> Grant:
    """Keep the pipeline's workgroup and its named queries."""
    actions = (
        "CreateNamedQuery", "CreateWorkGroup", "DeleteNamedQuery", "DeleteWorkGroup", "GetNamedQuery", "GetWorkGroup",
        "ListNamedQueries", "ListTagsForResource", "TagResource", "UpdateNamedQuery", "UpdateWorkGroup",
    )  # fmt: skip
    return Grant("Workgroup", "keep the pipeline's workgroup and its named queries", _athena(actions), (WORKGROUP,))


def _athena(actions: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"athena:{action}" for action in actions)


def _spoken(roles: tuple[str, ...]) -> str:
    return " and ".join(roles)
