"""No role of a pipeline reaches what another pipeline has, whatever the two are called; and each reaches its own.

What a pipeline has is asked of the code that makes it, what its roles may do of the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from awsroles.documents import Document, filled, policy, trust
from awsroles.model import Accounts
from awsroles.table import ROLES
from awsroles.template import PARAMETERS
from health_catalog import names
from health_catalog.crawlers import wanted as crawling
from health_catalog.crawlers.requests import Requests
from health_catalog.crawlers.things import Account, Wanted
from health_catalog.etl import wanted as transforming
from health_catalog.etl.packaging import Code, Program
from health_catalog.schemas import RAW, TRANSFORMED
from health_pipeline.reader import NAME_PATTERN
from health_pipeline.settings import CatalogSettings
from health_pipeline.settings_glue import EtlSettings, LoadJob
from hypothesis import assume, example, given
from hypothesis import strategies as st

REGION, NUMBER = "eu-west-2", "123456789012"
ACCOUNT = Account(NUMBER, REGION)
TABLES = ("vitals", "gps", "transform", "crawl")
# Rights on a whole bucket, for S3 has none that are smaller: a pipeline that shares its bucket shares these.
OF_A_BUCKET = {"s3:GetBucketLocation", "s3:GetBucketNotification", "s3:ListBucket", "s3:PutBucketNotification"}


@dataclass(frozen=True)
class Pipeline:
    """What a user calls things."""

    name: str
    database: str
    bucket: str
    prefix: str = ""

    @property
    def values(self) -> dict[str, str]:
        """Of the table's placeholders."""
        return {
            "Partition": "aws", "Region": REGION, "Account": NUMBER, "Pipeline": self.name, "Namespace": "health",
            "Bucket": self.bucket, "Prefix": self.prefix, "Database": self.database,
            "KeyArn": f"arn:aws:kms:{REGION}:{NUMBER}:key/{self.bucket}", "OidcProvider": "oidc.example/id/1",
            "WarehouseArn": f"arn:aws:redshift-serverless:{REGION}:{NUMBER}:workgroup/{self.name}",
        }  # fmt: skip

    @property
    def catalog(self) -> CatalogSettings:
        """Of its crawlers, with all that there can be."""
        lake = "/".join(filter(None, (f"s3://{self.bucket}", self.prefix.strip("/"))))
        return CatalogSettings(
            pipeline=self.name, lake=lake, region=REGION, database=self.database, tables=TABLES,
            role_arn=f"arn:aws:iam::{NUMBER}:role/{self.name}-glue-crawler", on_new_files="events",
        )  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """Something of a pipeline: the role that makes it or writes there, with which right, and its ARN."""

    role: str
    action: str
    arn: str


def things(pipeline: Pipeline) -> Iterator[Thing]:
    """All that a pipeline has in AWS."""
    yield from _crawling(pipeline)
    yield from _objects(pipeline)
    yield from _transforming(pipeline)
    yield from _tables(pipeline)
    yield from _logs(pipeline)
    for role in ("warehouse", "glue-load"):
        yield Thing(role, "redshift-data:BatchExecuteStatement", pipeline.values["WarehouseArn"])
    yield Thing("landing", "kms:GenerateDataKey", pipeline.values["KeyArn"])


def _crawling(pipeline: Pipeline) -> Iterator[Thing]:
    settings = pipeline.catalog
    schedule = CatalogSettings(**{
        **vars(settings), "on_new_files": "", "crawl_schedule": "cron(0 * * * ? *)", "loads": True,
        "then": (names.job(pipeline.name), *"abcdefghi"),
    })  # fmt: skip
    made = (crawling.wanted(settings, ACCOUNT), crawling.wanted(schedule, ACCOUNT))
    for kind, name in sorted({(thing.kind, thing.name) for each in made for thing in each.things}):
        if kind == "queue":
            yield Thing("catalog", "sqs:CreateQueue", ACCOUNT.arn("sqs", name))
            yield Thing("glue-crawler", "sqs:ReceiveMessage", ACCOUNT.arn("sqs", name))
        else:
            yield Thing("catalog", f"glue:Create{kind.title()}", ACCOUNT.arn("glue", f"{kind}/{name}"))
    yield Thing("catalog", "iam:PassRole", settings.role_arn)
    group = ACCOUNT.arn("athena", f"workgroup/{names.workgroup(pipeline.name)}")  # the spec has to call it so
    yield Thing("catalog", "athena:CreateWorkGroup", group)
    yield Thing("query", "athena:GetQueryResults", group)


def _transforming(pipeline: Pipeline) -> Iterator[Thing]:
    of_lake: Any = {
        "pipeline": pipeline.name, "lake": pipeline.catalog.lake, "region": REGION, "database": pipeline.database,
    }  # fmt: skip
    roles = {role: f"arn:aws:iam::{NUMBER}:role/{pipeline.name}-{role}" for role in ("glue-job", "glue-load")}
    settings = EtlSettings(
        **of_lake, tables=TABLES, role_arn=roles["glue-job"], schedule="*/30 * * * *",
        load=LoadJob(**of_lake, engine="redshift", role_arn=roles["glue-load"]),
    )  # fmt: skip
    program = Program(Code("a.zip", b""), Code("a.py", b""), Code("a.txt", b""))
    made: Wanted = transforming.wanted(settings, program, program)
    for thing in made.things:
        yield Thing("etl", f"glue:Create{thing.kind.title()}", ACCOUNT.arn("glue", f"{thing.kind}/{thing.name}"))
    yield Thing("etl", "s3:PutObject", _object(transforming.code_uri(settings, program.archive)))
    for role, job in zip(roles, made.things[:2], strict=True):
        yield Thing("etl", "iam:PassRole", job.given["Role"])
        told = job.given["DefaultArguments"]
        yield Thing(role, "s3:PutObject", _object(f"{told['--TempDir']}1"))
        for group in ("error", "output"):
            name = f"log-group:{told['--custom-logGroup-prefix']}/{group}"
            yield Thing(role, "logs:CreateLogGroup", ACCOUNT.arn("logs", name))
            yield Thing(role, "logs:PutLogEvents", ACCOUNT.arn("logs", f"{name}:log-stream:jr_1-driver"))


def _objects(pipeline: Pipeline) -> Iterator[Thing]:
    settings = pipeline.catalog
    yield Thing("landing", "s3:PutObject", _object(f"{settings.table_uri(RAW, 'vitals')}/hour=1/a.parquet"))
    yield Thing("landing", "s3:PutObject", _object(f"{settings.checkpoint_uri('landing')}/commits/1"))
    yield Thing("alerts", "s3:DeleteObject", _object(f"{settings.checkpoint_uri('alerts')}/commits/1"))
    yield Thing("transform", "s3:PutObject", _object(f"{settings.state_uri('transform')}/state.json"))
    yield Thing("glue-job", "s3:PutObject", _object(f"{settings.state_uri('transform')}/state.json"))
    yield Thing("transform", "s3:DeleteObject", _object(f"{settings.table_uri(TRANSFORMED, 'vitals')}/hour=1/a"))
    requests = Requests(settings, _Puts())
    yield Thing("landing", "s3:PutObject", f"arn:aws:s3:::{pipeline.bucket}/{requests.leave('vitals')}")
    yield Thing("catalog", "s3:DeleteObject", f"arn:aws:s3:::{pipeline.bucket}/{requests.leave('vitals')}")
    yield Thing("query", "s3:PutObject", _object(f"{settings.lake}/{names.RESULTS}/1.csv"))
    for role in ("warehouse", "glue-load"):
        yield Thing(role, "s3:PutObject", _object(f"{settings.lake}/{names.MANIFESTS}/0a/0.manifest"))


def _tables(pipeline: Pipeline) -> Iterator[Thing]:
    for role, zone in (("landing", RAW), ("transform", TRANSFORMED), ("glue-job", TRANSFORMED), ("glue-crawler", RAW)):
        database = pipeline.catalog.glue_database(zone)
        yield Thing(role, "glue:CreateTable", ACCOUNT.arn("glue", f"database/{database}"))
        yield Thing(role, "glue:CreateTable", ACCOUNT.arn("glue", f"table/{database}/vitals"))


def _logs(pipeline: Pipeline) -> Iterator[Thing]:
    """Glue calls a crawler's stream as the crawler."""
    for name in crawling.crawlers(pipeline.catalog):
        stream = ACCOUNT.arn("logs", f"log-group:/aws-glue/crawlers:log-stream:{name}")
        yield Thing("glue-crawler", "logs:CreateLogStream", stream)
        yield Thing("glue-crawler", "logs:PutLogEvents", stream)


class _Puts:
    def put_object(self, **_: object) -> None:
        """Nothing is kept."""


def _object(uri: str) -> str:
    return uri.replace("s3://", "arn:aws:s3:::", 1)


@cache
def _resources(role: str) -> Document:
    """Its policy without what takes time to fill in and is not asked here."""
    document = policy(next(each.grants for each in ROLES if each.name == role))
    kept = [{key: each[key] for key in ("Resource", "Action")} for each in document["Statement"]]
    return {"Statement": kept}


@cache
def _granted(pipeline: Pipeline, role: str) -> tuple[tuple[re.Pattern[str], frozenset[str]], ...]:
    """What its policy says: resources, and the rights on them. What is granted on everything is not counted."""
    document = filled(_resources(role), pipeline.values)
    return tuple(
        (_pattern(resource), frozenset(_listed(statement["Action"])))
        for statement in document["Statement"]
        for resource in _listed(statement["Resource"])
        if resource != "*"
    )


def reached(pipeline: Pipeline, role: str, arn: str) -> set[str]:
    """The rights that a role has on it, conditions aside."""
    return {action for pattern, rights in _granted(pipeline, role) if pattern.fullmatch(arn) for action in rights}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _pattern(resource: str) -> re.Pattern[str]:
    """As IAM has it: * is any text, ? one character."""
    return re.compile("".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in resource), re.DOTALL)


# Parts that our own names are made of, so that one pipeline's may look like something of another's.
_PARTS = ["london", "health", "transform", "crawl", "glue", "job", "landing", "executor", "raw", "vitals", "1", "a"]
_NAMES = st.lists(st.sampled_from(_PARTS), min_size=1, max_size=4).map("-".join)
_DATABASES = st.lists(st.sampled_from([*_PARTS, "", "transformed"]), min_size=1, max_size=4).map("_".join)
_PREFIXES = st.sampled_from(["", *(f"{part}/" for part in [*_PARTS, "transformed", "checkpoints", "etl", "warehouse"])])


def _allowed(pipeline: Pipeline) -> bool:
    given = {"Pipeline": pipeline.name, "Database": pipeline.database, "Prefix": pipeline.prefix}
    return re.fullmatch(NAME_PATTERN, pipeline.name) is not None and all(
        re.fullmatch(PARAMETERS[parameter]["AllowedPattern"], value) for parameter, value in given.items()
    )


_PIPELINES = st.builds(
    lambda name, database, bucket, prefix: Pipeline(name, database or name.replace("-", "_"), bucket, prefix),
    _NAMES, st.just("") | _DATABASES, st.sampled_from(["lake", "lake-2"]), _PREFIXES,
).filter(_allowed)  # fmt: skip


@given(_PIPELINES, _PIPELINES)
@example(Pipeline("london", "london", "lake"), Pipeline("london-transform", "x", "lake-2"))
@example(Pipeline("x", "london", "lake"), Pipeline("health-london-crawl", "y", "lake-2"))
@example(Pipeline("x", "london", "lake"), Pipeline("y", "london_raw", "lake", "raw_1/"))
def test_nothing_of_another_pipeline_is_in_reach(one: Pipeline, other: Pipeline) -> None:
    assume(one.name != other.name and one.database != other.database)
    assume((one.bucket, one.prefix) != (other.bucket, other.prefix))
    found = {
        (role.name, thing.arn): rights
        for thing in things(other)
        for role in ROLES
        if not (one.bucket == other.bucket and ":kms:" in thing.arn)  # the key is the bucket's
        if (rights := reached(one, role.name, thing.arn))
    }
    assert found == {}
    buckets = {action for role in ROLES for action in reached(one, role.name, f"arn:aws:s3:::{other.bucket}")}
    assert buckets <= (OF_A_BUCKET if one.bucket == other.bucket else set())


@given(_PIPELINES)
def test_a_role_reaches_all_that_its_part_makes(pipeline: Pipeline) -> None:
    assert [each for each in things(pipeline) if each.action not in reached(pipeline, each.role, each.arn)] == []


@given(_PIPELINES, _PIPELINES)
def test_no_role_is_called_or_taken_as_one_of_another_pipeline(one: Pipeline, other: Pipeline) -> None:
    assume(one.name != other.name)
    ours, theirs = ({f"{each.name}-{role.name}" for role in ROLES} for each in (one, other))
    assert not ours & theirs
    subjects, foreign = (_subjects(each) for each in (one, other))
    assert not subjects & foreign


def _subjects(pipeline: Pipeline) -> set[str]:
    """The service accounts that any of its roles trusts."""
    found: set[str] = set()
    for role in ROLES:
        if isinstance(role.trusts, Accounts):
            (statement,) = filled(trust(role), pipeline.values)["Statement"]
            found |= set(statement["Condition"]["StringEquals"]["oidc.example/id/1:sub"])
    return found
