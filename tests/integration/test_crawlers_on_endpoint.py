"""Crawlers, triggers, queues and notifications by boto3's own requests, on an endpoint that keeps all of them.

A crawl there runs for ever and finds nothing, and nothing can be changed but by making it anew: what crawls and changes
do is told by a model (tests/unit/health_catalog).
"""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import pytest
from botocore.stub import Stubber
from health_catalog import ensure_bucket, names
from health_catalog.clients import make_client
from health_catalog.crawlers.aws import Aws
from health_catalog.crawlers.keeper import Keeper
from health_catalog.crawlers.planning import plan
from health_catalog.crawlers.requests import Requests
from health_catalog.crawlers.wanted import prefix, tags, wanted
from health_catalog.keeping import remove
from health_pipeline.settings import CatalogSettings, LandingSettings
from health_streaming.jobs import landing
from health_streaming.sinks.lake import File, LakeSource, Landed, options
from pyspark.sql.types import StructType

ROLE = "arn:aws:iam::123456789012:role/brighton-glue-crawler"


@pytest.fixture
def settings(aws_endpoint: str) -> CatalogSettings:
    found = CatalogSettings(
        pipeline="brighton", lake="s3://brighton-lake", lake_endpoint=aws_endpoint, glue_endpoint=aws_endpoint,
        database="brighton", tables=("vitals", "gps"), role_arn=ROLE, on_new_files="commits",
    )  # fmt: skip
    ensure_bucket(found)
    return found


def client(settings: CatalogSettings, service: Any) -> Any:
    return make_client(service, settings.glue_endpoint, settings.region)


def make(settings: CatalogSettings) -> None:
    """All of it, and then nothing is left to do."""
    aws = Aws(settings)
    want = wanted(settings, aws.account)
    for call in plan(want, aws.observe(want), tags(settings), prefix(settings)).calls:
        assert aws.carry_out(call)
    assert plan(want, aws.observe(want), tags(settings), prefix(settings)).is_done


def keeper_of(settings: CatalogSettings) -> Keeper:
    """After its first pass, which was good."""
    ready = threading.Event()
    keeper = Keeper(settings, Aws(settings), Requests(settings), ready)
    keeper.pass_()
    assert ready.is_set()
    return keeper


def test_all_of_it_comes_and_goes(settings: CatalogSettings) -> None:
    glue, s3, sqs = (client(settings, service) for service in ("glue", "s3", "sqs"))
    glue.create_crawler(Name="health-brighton-theirs", Role=ROLE, Targets={"S3Targets": []}, Tags={"team": "payroll"})
    # A pipeline health-brighton with the database brighton has it: its transform's, which has another keeper.
    transform = names.job("health-brighton")
    glue.create_trigger(Name=transform, Type="ON_DEMAND", Actions=[{"JobName": transform}], Tags=tags(settings))
    theirs = sqs.create_queue(QueueName="payroll")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=theirs, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    told = {"QueueConfigurations": [{"Id": "payroll", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}]}
    s3.put_bucket_notification_configuration(Bucket="brighton-lake", NotificationConfiguration=told)

    make(settings)
    crawler = glue.get_crawler(Name="health-brighton-vitals")["Crawler"]
    assert crawler["RecrawlPolicy"] == {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"}
    assert crawler["Targets"]["S3Targets"][0]["Path"] == "s3://brighton-lake/raw/vitals/"
    _commits_start_a_crawl(settings, glue)

    make(dataclasses.replace(settings, on_new_files="events", database="brighton_two"))
    _, ours, _ = sorted(
        s3.get_bucket_notification_configuration(Bucket="brighton-lake")["QueueConfigurations"],
        key=lambda each: each["Id"] != "payroll",
    )
    assert ours["QueueArn"].endswith(":health-brighton_two-vitals")
    s3.put_object(Bucket="brighton-lake", Key="raw/vitals/ingest_date=2026-11-22/hour=10/part-0-0-9.parquet", Body=b"x")
    s3.put_object(Bucket="brighton-lake", Key="raw/gps/README", Body=b"x")
    events = Aws(dataclasses.replace(settings, on_new_files="events", database="brighton_two"))
    assert events.messages("health-brighton_two-vitals") >= 1

    scheduled = dataclasses.replace(
        settings, on_new_files="", crawl_schedule="cron(0 * * * ? *)", then=("brighton-transform",), loads=True,
        database="brighton_3",
    )  # fmt: skip
    make(scheduled)
    starts = {number: glue.get_trigger(Name=f"health-brighton_3-crawl-{number}")["Trigger"] for number in (2, 3)}
    assert starts[2]["Actions"] == [{"JobName": "brighton-transform"}]
    assert starts[3]["Actions"] == [{"JobName": "brighton-load"}]
    (condition,) = starts[3]["Predicate"]["Conditions"]
    assert (condition["JobName"], condition["State"]) == ("brighton-transform", "SUCCEEDED")

    for database in ("brighton_two", "brighton_3"):
        each = dataclasses.replace(settings, database=database)
        assert remove(each, Aws(each), threading.Event(), 30) == ()
    assert glue.list_triggers()["TriggerNames"] == [transform]
    assert sqs.list_queues()["QueueUrls"] == [theirs]
    left = s3.get_bucket_notification_configuration(Bucket="brighton-lake")["QueueConfigurations"]
    assert [each["Id"] for each in left] == ["payroll"]
    crawlers = glue.list_crawlers()["CrawlerNames"]
    assert sorted(crawlers) == ["health-brighton-gps", "health-brighton-theirs", "health-brighton-vitals"]


def _commits_start_a_crawl(settings: CatalogSettings, glue: Any) -> None:
    requests = Requests(settings)
    first = requests.leave("vitals", ["ingest_date=2026-11-22/hour=10"])
    assert first.startswith("checkpoints/crawl-requests/vitals/")
    keeper = keeper_of(settings)
    assert glue.get_crawler(Name="health-brighton-vitals")["Crawler"]["State"] == "RUNNING"
    assert glue.get_crawler(Name="health-brighton-gps")["Crawler"]["State"] == "READY"
    requests.leave("vitals")
    keeper.pass_()
    keeper_of(settings)
    assert len(glue.list_crawls(CrawlerName="health-brighton-vitals")["Crawls"]) == 1
    assert len(requests.waiting()["vitals"]) == 2  # until a crawl has ended well
    requests.forget(requests.waiting()["vitals"])
    assert requests.waiting() == {}


def test_a_bucket_that_is_gone_or_closed_keeps_no_crawler_from_being_removed(
    settings: CatalogSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    glue, stop = client(settings, "glue"), threading.Event()
    monkeypatch.setattr(stop, "wait", lambda _: None)
    there = {"health-brighton_gone-vitals", "health-brighton_gone-gps"}
    settings = dataclasses.replace(settings, database="brighton_gone")
    make(settings)
    assert there <= set(glue.list_crawlers()["CrawlerNames"])
    gone = dataclasses.replace(settings, lake="s3://brighton-had-this")
    assert remove(gone, Aws(gone), stop, 30) == ()
    assert not there & set(glue.list_crawlers()["CrawlerNames"])

    make(settings)
    closed = client(settings, "s3")
    with Stubber(closed) as answers:
        for _ in range(2):
            answers.add_client_error("get_bucket_notification_configuration", "AccessDenied", "no")
        (why,) = remove(settings, Aws(settings, {"s3": closed}), stop, 30)
    assert "allow s3:GetBucketNotification " in why
    assert not there & set(glue.list_crawlers()["CrawlerNames"])


def test_landing_leaves_a_word_for_each_new_folder_and_registers_nothing(settings: CatalogSettings) -> None:
    told: dict[str, Any] = {
        "pipeline": "hastings", "lake": "s3://brighton-lake/hastings", "lake_endpoint": settings.lake_endpoint,
        "glue_endpoint": settings.glue_endpoint, "database": "hastings", "bootstrap_servers": "none",
    }  # fmt: skip
    landing_settings = LandingSettings(**told, tables=("vitals", "gps"), on_new_folder="request")
    landing.prepare(landing_settings)
    requests = Requests(landing_settings)

    def commit(table: str, hour: str, on_new_folder: str = "request") -> None:
        chosen = dict(options(landing_settings, None, on_new_folder))
        writer = LakeSource(chosen).streamWriter(StructType([]), overwrite=False)
        writer.commit([Landed((File(table, ("2026-11-22", hour), 1, 0.0),))], 1)

    for hour in ("10", "10", "11"):
        commit("vitals", hour)
    commit("gps", "10")
    commit("gps", "12", "nothing")
    assert {table: len(keys) for table, keys in requests.waiting().items()} == {"vitals": 2, "gps": 1}
    glue = client(settings, "glue")
    assert glue.get_database(Name="hastings_raw")["Database"]["Name"] == "hastings_raw"
    assert glue.get_tables(DatabaseName="hastings_raw")["TableList"] == []
