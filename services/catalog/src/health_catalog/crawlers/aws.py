"""The calls of the crawlers' side of AWS: what is there, what is to be done, how a crawl does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from health_pipeline.settings import LakeSettings

from health_catalog.clients import make_client
from health_catalog.crawlers.machine import Crawl
from health_catalog.crawlers.things import Account, Call, Found, Kind, Observation, Wanted
from health_catalog.crawlers.wanted import bucket_and_key, prefix, tags
from health_catalog.errors import CatalogError, NotFoundError, aws_errors, collected, error_code
from health_catalog.names import is_trigger, workflow
from health_catalog.questions import QUESTIONS

_MISSING = {
    "EntityNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist",
    "com.amazonaws.sqs#QueueDoesNotExist",
}  # fmt: skip
# Glue's own words for "later": it runs, or its schedule is just being changed.
_LATER = {"CrawlerRunningException", "CrawlerStoppingException", "SchedulerTransitioningException"}
_ATTRIBUTES = ["MessageRetentionPeriod", "SqsManagedSseEnabled", "Policy"]
_MESSAGES = "ApproximateNumberOfMessages"


class RunningAlready(Exception):
    """Glue refuses, because the crawler runs."""


@dataclass(frozen=True)
class Tables:
    """What the last crawl did to tables, and how long it took, as GetCrawlerMetrics has it."""

    created: int
    updated: int
    deleted: int
    seconds: float


class Aws:
    """All methods raise CatalogError; clients are made at the first call, or given by ``clients``, by service."""

    def __init__(self, settings: LakeSettings, clients: Mapping[str, Any] | None = None) -> None:
        self._settings = settings
        self._given = clients or {}
        self._client = cache(self._make)

    def _make(self, service: Any) -> Any:
        if service in self._given:
            return self._given[service]
        endpoint = self._settings.lake_endpoint if service == "s3" else self._settings.glue_endpoint
        return make_client(service, endpoint, self._settings.region)

    @cached_property
    def account(self) -> Account:
        """Where we are; this is the one question of AWS that nobody needs a right for."""
        with aws_errors("sts:GetCallerIdentity", "this account"):
            told = self._client("sts").get_caller_identity()
        return Account(told["Account"], self._settings.region, told["Arn"].split(":")[1])

    def observe(self, wanted: Wanted) -> Observation:
        """All that has our tags, and what has the names that are wanted; what cannot be seen hides nothing else."""
        looks: dict[tuple[Kind, ...], Callable[[], Iterable[Found | None]]] = {
            ("queue",): self._queues,
            ("crawler",): lambda: map(self._crawler, sorted(_names(wanted, "crawler") | self._own_crawlers())),
            ("workflow",): lambda: [self._workflow(workflow(self._settings.database))],
            ("trigger",): lambda: map(self._trigger, sorted(_names(wanted, "trigger") | self._own_triggers())),
            ("workgroup", "query"): lambda: self._workgroups(wanted),
        }
        bucket, _ = bucket_and_key(self._settings, "")
        found: list[Found] = []
        unseen: set[Kind] = {kind for kinds in looks for kind in kinds}
        errors: list[CatalogError] = []
        told: Mapping[str, Any] | None = None
        for kinds, look in looks.items():
            with collected(errors):
                found += [*filter(None, look())]
                unseen -= {*kinds}
        with collected(errors):
            told = self._notifications(bucket)
        return Observation(tuple(found), bucket, told, unseen, tuple(errors))

    def carry_out(self, call: Call) -> bool:
        """Whether it was done; False where it must be tried again later. What is gone already need not be removed."""
        target = next((str(value) for value in call.arguments.values() if isinstance(value, str)), call.operation)
        with aws_errors(f"{call.service}:{call.operation}", target):
            try:
                getattr(self._client(call.service), xform_name(call.operation))(**call.arguments)
            except ClientError as error:
                code = error_code(error)
                if code in _LATER or code == "AWS.SimpleQueueService.QueueDeletedRecently":
                    return False
                if code not in _MISSING or not call.operation.startswith("Delete"):
                    raise
        return True

    def start(self, crawler: str) -> float:
        """Start it; Glue's own time of that, in UTC seconds. RunningAlready when it runs."""
        with aws_errors("glue:StartCrawler", crawler):
            try:
                answer = self._client("glue").start_crawler(Name=crawler)
            except ClientError as error:
                if error_code(error) in _LATER:
                    raise RunningAlready(crawler) from error
                raise
        stamp = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return (parsedate_to_datetime(stamp) if stamp else datetime.now(UTC)).timestamp()

    def stop(self, crawler: str) -> None:
        """Stop it; that it has ended meanwhile is no fault."""
        with aws_errors("glue:StopCrawler", crawler):
            try:
                self._client("glue").stop_crawler(Name=crawler)
            except ClientError as error:
                if error_code(error) not in ("CrawlerNotRunningException", "CrawlerStoppingException"):
                    raise

    def state(self, crawler: str) -> tuple[str, Crawl | None] | None:
        """Its state and the last crawl that has ended; None when there is no such crawler."""
        told = self._get("GetCrawler", "Crawler", crawler)
        if told is None:
            return None
        last = told.get("LastCrawl")
        ended = last and last.get("StartTime") and last.get("Status")
        crawl = Crawl(last["StartTime"].timestamp(), last["Status"], last.get("ErrorMessage") or "") if ended else None
        return told["State"], crawl

    def tables(self, crawler: str) -> Tables | None:
        """What its last crawl did; None where nobody says."""
        told = self._call("glue", "GetCrawlerMetrics", crawler, CrawlerNameList=[crawler])["CrawlerMetricsList"]
        return Tables(
            told[0].get("TablesCreated", 0), told[0].get("TablesUpdated", 0), told[0].get("TablesDeleted", 0),
            told[0].get("LastRuntimeSeconds", 0.0),
        ) if told else None  # fmt: skip

    def messages(self, queue: str) -> int:
        """About how many files a queue tells of; 0 for one that is not there."""
        with aws_errors("sqs:GetQueueAttributes", queue):
            try:
                url = self._client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
                told = self._client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[_MESSAGES])
            except ClientError as error:
                if error_code(error) not in _MISSING:
                    raise
                return 0
        return int(told["Attributes"][_MESSAGES])

    def _listed(self, operation: str, answer: str) -> Iterator[str]:
        """Names of what has our tags. The names' beginning is asked for as well: tags can be set by others."""
        found = self._pages("glue", operation, answer, Tags=tags(self._settings))
        return (name for name in found if name.startswith(prefix(self._settings)))

    def _own_crawlers(self) -> set[str]:
        return {*self._listed("ListCrawlers", "CrawlerNames")}

    def _own_triggers(self) -> set[str]:
        listed = self._listed("ListTriggers", "TriggerNames")
        return {name for name in listed if is_trigger(self._settings.database, name)}

    def _notifications(self, bucket: str) -> Mapping[str, Any]:
        """The bucket's; a bucket that is gone has none."""
        try:
            told: Mapping[str, Any] = self._call("s3", "GetBucketNotificationConfiguration", bucket, Bucket=bucket)
        except NotFoundError:
            return {}
        return told

    def _crawler(self, name: str) -> Found | None:
        told = self._get("GetCrawler", "Crawler", name)
        return told and Found("crawler", name, told, self._tags("crawler", name), told["State"])

    def _trigger(self, name: str) -> Found | None:
        told = self._get("GetTrigger", "Trigger", name)
        return told and Found("trigger", name, told, self._tags("trigger", name), told["State"])

    def _workflow(self, name: str) -> Found | None:
        told = self._get("GetWorkflow", "Workflow", name)
        return told and Found("workflow", name, told, self._tags("workflow", name))

    def _queues(self) -> Iterator[Found]:
        beginning = prefix(self._settings)
        sqs = self._client("sqs")
        with aws_errors("sqs:ListQueues", beginning):
            pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=beginning)
            urls = [url for page in pages for url in page.get("QueueUrls", ())]
        for url in urls:
            name = url.rpartition("/")[2]
            with aws_errors("sqs:GetQueueAttributes", name):
                try:
                    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_ATTRIBUTES)
                    tagged = sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
                except ClientError as error:
                    if error_code(error) not in _MISSING:  # a listing shows what was removed for a minute
                        raise
                    continue
            yield Found("queue", name, {"Attributes": told.get("Attributes", {})}, tagged, address=url)

    def _workgroups(self, wanted: Wanted) -> Iterator[Found]:
        """Those with a name that ours may have (it is the pipeline's, as its role demands), and our queries in them."""
        names = _names(wanted, "workgroup") | {self._settings.pipeline}
        there = {each["Name"] for each in self._pages("athena", "ListWorkGroups", "WorkGroups")}
        for name in sorted(names & there):
            told = self._call("athena", "GetWorkGroup", name, WorkGroup=name)["WorkGroup"]
            arn = self.account.arn("athena", f"workgroup/{name}")
            listed = self._call("athena", "ListTagsForResource", name, ResourceARN=arn)["Tags"]
            tagged = {each["Key"]: each["Value"] for each in listed}
            yield Found("workgroup", name, told, tagged)
            for number in self._pages("athena", "ListNamedQueries", "NamedQueryIds", WorkGroup=name):
                query = self._call("athena", "GetNamedQuery", name, NamedQueryId=number)["NamedQuery"]
                if query["Name"] in {each.name for each in QUESTIONS}:
                    yield Found("query", query["Name"], query, tagged, address=number)

    def _pages(self, service: str, operation: str, answer: str, **arguments: Any) -> Iterator[Any]:
        while True:
            told = self._call(service, operation, "*", **arguments)
            yield from told[answer]
            if not told.get("NextToken"):
                return
            arguments = {**arguments, "NextToken": told["NextToken"]}

    def _get(self, operation: str, answer: str, name: str, key: str = "Name") -> Any:
        with aws_errors(f"glue:{operation}", name):
            try:
                return getattr(self._client("glue"), xform_name(operation))(**{key: name})[answer]
            except ClientError as error:
                if error_code(error) not in _MISSING:
                    raise
                return None

    def _tags(self, kind: Kind, name: str) -> dict[str, str]:
        arn = self.account.arn("glue", f"{kind}/{name}")
        found: dict[str, str] = self._call("glue", "GetTags", name, ResourceArn=arn)["Tags"]
        return found

    def _call(self, service: str, operation: str, target: str, **arguments: Any) -> Any:
        with aws_errors(f"{service}:{operation.removesuffix('Configuration')}", target):  # as IAM calls it
            return getattr(self._client(service), xform_name(operation))(**arguments)


def _names(wanted: Wanted, kind: Kind) -> set[str]:
    return {thing.name for thing in wanted.things if thing.kind == kind}
