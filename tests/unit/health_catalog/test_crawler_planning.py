"""What is made in AWS, in the words of AWS's own calls, and how whatever is there becomes that."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.serialize import create_serializer
from botocore.validate import validate_parameters
from health_catalog.crawlers.planning import merged, plan
from health_catalog.crawlers.things import Call, Found, Observation, Thing, Wanted
from health_catalog.crawlers.wanted import prefix, tags, wanted
from health_catalog.questions import QUESTIONS
from health_pipeline.settings import CatalogSettings
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health_catalog.crawler_world import ACCOUNT, SETTINGS

TAGS, PREFIX = tags(SETTINGS), prefix(SETTINGS)
THEIRS = {"Id": "payroll", "QueueArn": "arn:aws:sqs:us-east-1:123456789012:payroll", "Events": ["s3:ObjectCreated:*"]}

NOTHING = Observation((), "lake")


def settings(**more: Any) -> CatalogSettings:
    return dataclasses.replace(SETTINGS, **more)


MODES = {
    "commits": SETTINGS,
    "events": settings(on_new_files="events"),
    "schedule": settings(on_new_files="", crawl_schedule="cron(0 * * * ? *)", then=("london-transform", "load")),
    "on demand": settings(on_new_files=""),
    "everything": settings(recrawl="everything"),
    "athena": settings(
        role_arn="", workgroup="london", result_encryption="SSE_KMS", result_kms_key="arn:aws:kms:x:1:key/2"
    ),
    "none": settings(role_arn=""),
}


def calls(mode: str, observed: Observation = NOTHING) -> list[Call]:
    return list(plan(wanted(MODES[mode], ACCOUNT), observed, TAGS, PREFIX).calls)


def test_a_crawler_of_a_table() -> None:
    made = calls("commits")
    assert [(call.operation, call.arguments["Name"]) for call in made] == [
        ("CreateCrawler", "health-london-vitals"),
        ("CreateCrawler", "health-london-gps"),
    ]
    given = dict(made[0].arguments)
    assert json.loads(given.pop("Configuration")) == {
        "Version": 1.0,
        # lake/health/raw/vitals: the bucket is the first level
        "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas", "TableLevelConfiguration": 4},
        "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}},
    }
    assert given == {
        "Name": "health-london-vitals",
        "Role": "arn:aws:iam::123456789012:role/london-glue-crawler",
        "DatabaseName": "london_raw",
        "Description": "Finds new Parquet of the health pipeline london",
        "Targets": {
            "S3Targets": [{"Path": "s3://lake/health/raw/vitals/", "Exclusions": ["**/_*", "**/_*/**", "**/.*"]}]
        },
        "Classifiers": [],
        "TablePrefix": "",
        "SchemaChangePolicy": {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"},
        "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"},
        "LineageConfiguration": {"CrawlerLineageSettings": "DISABLE"},
        "LakeFormationConfiguration": {"UseLakeFormationCredentials": False},
        "Tags": {"health-streaming.com/pipeline": "london", "health-streaming.com/database": "london"},
    }


def test_a_schedule_has_one_crawler_of_all_tables_and_the_jobs_one_by_one_after_it() -> None:
    made = {call.arguments["Name"]: call.arguments for call in calls("schedule")}
    assert list(made) == [
        "health-london-raw", "health-london-crawl", "health-london-crawl-1", "health-london-crawl-2",
        "health-london-crawl-3",
    ]  # fmt: skip
    paths = [target["Path"] for target in made["health-london-raw"]["Targets"]["S3Targets"]]
    assert paths == ["s3://lake/health/raw/vitals/", "s3://lake/health/raw/gps/"]
    assert made["health-london-crawl-1"] == {
        "Name": "health-london-crawl-1", "WorkflowName": "health-london-crawl", "Type": "SCHEDULED",
        "Schedule": "cron(0 * * * ? *)", "Actions": [{"CrawlerName": "health-london-raw"}], "StartOnCreation": True,
        "Tags": TAGS,
    }  # fmt: skip
    then = [
        (made[f"health-london-crawl-{n}"]["Predicate"], made[f"health-london-crawl-{n}"]["Actions"]) for n in (2, 3)
    ]
    crawled = {"LogicalOperator": "EQUALS", "CrawlerName": "health-london-raw", "CrawlState": "SUCCEEDED"}
    transformed = {"LogicalOperator": "EQUALS", "JobName": "london-transform", "State": "SUCCEEDED"}
    assert then == [
        ({"Logical": "AND", "Conditions": [crawled]}, [{"JobName": "london-transform"}]),
        ({"Logical": "AND", "Conditions": [transformed]}, [{"JobName": "load"}]),
    ]


@pytest.mark.parametrize(
    ("then", "jobs"),
    [
        (("london-transform",), ["london-transform", "london-load"]),
        (("london-transform", "report"), ["london-transform", "london-load", "report"]),
        (("london-transform", "report", "london-load"), ["london-transform", "report", "london-load"]),
        (("report",), ["report"]),
    ],
)
def test_a_load_by_a_job_comes_behind_the_transform(then: tuple[str, ...], jobs: list[str]) -> None:
    """Each job when the one before has succeeded; where its place is said, there."""
    things = wanted(dataclasses.replace(MODES["schedule"], then=then, loads=True), ACCOUNT).things
    _, *triggers = (thing.given for thing in things if thing.kind == "trigger")
    assert [given["Actions"] for given in triggers] == [[{"JobName": job}] for job in jobs]
    waits = [given["Predicate"]["Conditions"] for given in triggers[1:]]
    behind = [[{"LogicalOperator": "EQUALS", "JobName": job, "State": "SUCCEEDED"}] for job in jobs[:-1]]
    assert waits == behind


def test_events_have_a_queue_for_each_table_that_only_this_bucket_may_write_to() -> None:
    made = calls("events", Observation((), "lake", {"QueueConfigurations": [THEIRS]}))
    assert [call.operation for call in made] == [
        "CreateQueue", "CreateQueue", "PutBucketNotificationConfiguration", "CreateCrawler", "CreateCrawler",
    ]  # fmt: skip
    arn = "arn:aws:sqs:us-east-1:123456789012:health-london-vitals"
    (statement,) = json.loads(made[0].arguments["Attributes"]["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert (statement["Action"], statement["Resource"]) == ("sqs:SendMessage", arn)
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::lake"},
        "StringEquals": {"aws:SourceAccount": "123456789012"},
    }
    theirs, ours, _ = made[2].arguments["NotificationConfiguration"]["QueueConfigurations"]
    assert theirs == THEIRS
    assert (ours["Id"], ours["QueueArn"]) == ("health-london-vitals", arn)
    assert ours["Filter"]["Key"]["FilterRules"][0] == {"Name": "prefix", "Value": "health/raw/vitals/"}
    crawler = made[3].arguments
    assert crawler["RecrawlPolicy"] == {"RecrawlBehavior": "CRAWL_EVENT_MODE"}
    assert crawler["Targets"]["S3Targets"][0]["EventQueueArn"] == arn


def test_a_workgroup_with_the_queries_that_people_ask() -> None:
    first, *queries = calls("athena")
    assert first.operation == "CreateWorkGroup"
    assert first.arguments["Configuration"] == {
        "ResultConfiguration": {
            "OutputLocation": "s3://lake/health/athena-results/",
            "EncryptionConfiguration": {"EncryptionOption": "SSE_KMS", "KmsKey": "arn:aws:kms:x:1:key/2"},
        },
        "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": True,
        "BytesScannedCutoffPerQuery": 10_000_000_000,
    }
    assert {"Key": "health-streaming.com/pipeline", "Value": "london"} in first.arguments["Tags"]
    assert [call.arguments["Name"] for call in queries] == [question.name for question in QUESTIONS]
    assert all('"london_transformed".' in call.arguments["QueryString"] for call in queries)


def test_no_query_is_put_into_a_workgroup_that_is_somebody_elses() -> None:
    theirs = Found("workgroup", "london", {}, {"team": "payroll"})
    todo = plan(wanted(MODES["athena"], ACCOUNT), Observation((theirs,), "lake"), TAGS, PREFIX)
    assert (todo.calls, todo.foreign) == ((), ("london",))


def test_only_a_crawl_of_everything_may_change_tables() -> None:
    policies = {mode: calls(mode)[-1].arguments.get("SchemaChangePolicy", {}) for mode in ("commits", "everything")}
    assert {mode: policy["UpdateBehavior"] for mode, policy in policies.items()} == {
        "commits": "LOG", "everything": "UPDATE_IN_DATABASE",
    }  # fmt: skip


@cache
def model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def check(call: Call) -> None:
    """That AWS's own description of the call takes these arguments, all of them."""
    operation = model(call.service).operation_model(call.operation)
    validate_parameters(call.arguments, operation.input_shape)
    serializer = create_serializer(str(model(call.service).metadata["protocol"]))
    assert serializer.serialize_to_request(call.arguments, operation)


def changed(thing: Thing) -> dict[str, Any]:
    """What somebody has made of it."""
    return {**thing.given, **{"queue": {"Attributes": {}}}.get(thing.kind, {"Description": "by hand", "Actions": []})}


@pytest.mark.parametrize("mode", sorted(MODES))
def test_every_call_is_one_that_aws_takes(mode: str) -> None:
    things = wanted(MODES[mode], ACCOUNT).things
    found = [
        Found(each.kind, each.name, {**changed(each), "Role": "x"}, TAGS, "READY", f"https://q/{each.name}")
        for each in things
    ]
    done = [
        *calls(mode),
        *calls(mode, Observation(tuple(found), "lake")),
        *calls("none", Observation(tuple(found), "lake")),
    ]
    for call in done:
        check(call)
    expected = {"athena": {"UpdateWorkGroup", "UpdateNamedQuery", "DeleteWorkGroup", "DeleteNamedQuery"},
                "schedule": {"UpdateCrawler", "UpdateTrigger", "UpdateWorkflow", "StartTrigger", "DeleteWorkflow"},
                "events": {"SetQueueAttributes", "DeleteQueue", "UpdateCrawler"}}  # fmt: skip
    assert expected.get(mode, set()) <= {call.operation for call in done}


KINDS = {"Queue": "queue", "Crawler": "crawler", "Workflow": "workflow", "Trigger": "trigger", "WorkGroup": "workgroup",
         "NamedQuery": "query"}  # fmt: skip


def applied(call: Call, there: dict[tuple[str, str], Found], told: dict[str, Any]) -> None:
    """As AWS does; a stopped crawler is ready by the next look."""
    arguments = dict(call.arguments)
    if call.operation == "PutBucketNotificationConfiguration":
        told.clear()
        told.update(arguments["NotificationConfiguration"])
        return
    kind = next(kind for word, kind in KINDS.items() if word in call.operation)
    names = [arguments.pop(key, "") for key in ("NamedQueryId", "Name", "QueueName", "QueueUrl")]
    name = str(next((each for each in names if each), None) or arguments.pop("WorkGroup"))
    key = (kind, name)
    if call.operation.startswith("Create"):
        assert key not in there
        given_tags = TAGS if kind in ("workgroup", "query") else arguments.pop("Tags", None) or arguments.pop("tags")
        there[key] = Found(kind, name, arguments, given_tags, "ACTIVATED" if kind == "trigger" else "READY", name)  # type: ignore[arg-type]
    elif call.operation.startswith("Delete"):
        assert there[key].state != "RUNNING"
        del there[key]
    elif call.operation in ("StartTrigger", "StopCrawler"):
        there[key] = dataclasses.replace(there[key], state="ACTIVATED" if kind == "trigger" else "READY")
    else:
        update = arguments.get("TriggerUpdate", arguments)
        if configuration := update.pop("ConfigurationUpdates", None):
            result = configuration["ResultConfigurationUpdates"]
            update = {**update, "Configuration": {"ResultConfiguration": result, **configuration}}
        there[key] = dataclasses.replace(there[key], given={**there[key].given, **update})


@st.composite
def situations(draw: st.DrawFn) -> tuple[str, list[Found], list[dict[str, Any]]]:
    """A mode to get to, and what is there: left by any mode, changed by hand, or somebody else's."""
    found = {}
    for mode in draw(st.lists(st.sampled_from(sorted(MODES)), max_size=3)):
        for thing in wanted(MODES[mode], ACCOUNT).things:
            if draw(st.booleans()):
                given = draw(st.sampled_from([thing.given, changed(thing)]))
                owner = draw(
                    st.sampled_from(
                        [TAGS, TAGS, {"team": "payroll"}, {**TAGS, "health-streaming.com/pipeline": "paris"}]
                    )
                )
                states = {"crawler": ["READY", "RUNNING"], "trigger": ["ACTIVATED", "DEACTIVATED"]}.get(
                    thing.kind, [""]
                )
                found[thing.kind, thing.name] = Found(
                    thing.kind, thing.name, given, owner, draw(st.sampled_from(states)), thing.name
                )
    # A query is in a workgroup, and whose that is.
    group = found.get(("workgroup", "london"))
    found = {
        key: dataclasses.replace(each, tags=group.tags) if each.kind == "query" and group else each
        for key, each in found.items()
        if each.kind != "query" or group
    }
    told = draw(
        st.lists(st.sampled_from([THEIRS, *wanted(MODES["events"], ACCOUNT).told]), unique_by=lambda each: each["Id"])
    )
    return draw(st.sampled_from(sorted(MODES))), list(found.values()), told


@given(situations())
def test_from_anywhere_it_becomes_what_is_wanted_and_nothing_of_others_is_touched(
    situation: tuple[str, list[Found], list[dict[str, Any]]],
) -> None:
    mode, found, queues = situation
    want = wanted(MODES[mode], ACCOUNT)
    there: dict[tuple[str, str], Found] = {(each.kind, each.name): each for each in found}
    told: dict[str, Any] = {"QueueConfigurations": queues} if queues else {}
    others = {key: each for key, each in there.items() if not TAGS.items() <= each.tags.items()}
    for _ in range(4):
        todo = plan(want, Observation(tuple(there.values()), "lake", told), TAGS, PREFIX)
        for call in todo.calls:
            applied(call, there, told)
        there |= {  # whatever ran has ended
            key: dataclasses.replace(each, state="READY") for key, each in there.items() if each.state == "RUNNING"
        }
    assert todo.is_done
    assert {key: dataclasses.replace(each, state="") for key, each in others.items()} == {
        key: dataclasses.replace(there[key], state="") for key in others
    }
    wanted_names = {(thing.kind, thing.name) for thing in want.things}
    if ("workgroup", "london") in others:
        wanted_names = {key for key in wanted_names if key[0] != "query" or key in others}
    assert set(there) == wanted_names | set(others)
    assert set(todo.foreign) == {name for kind, name in wanted_names & set(others)}
    assert (THEIRS in told.get("QueueConfigurations", [])) == (THEIRS in queues)
    assert ids(told) == {each["Id"] for each in want.told} | ({"payroll"} if THEIRS in queues else set())


@given(situations(), st.sets(st.sampled_from(["queue", "crawler", "workflow", "trigger", "workgroup"])), st.booleans())
def test_what_could_not_be_looked_at_is_left_as_it_is(
    situation: tuple[str, list[Found], list[dict[str, Any]]], unseen: set[Any], is_told: bool
) -> None:
    mode, found, queues = situation
    unseen |= {"query"} if "workgroup" in unseen else set()
    seen = tuple(each for each in found if each.kind not in unseen)
    told = {"QueueConfigurations": queues} if is_told else None
    todo = plan(wanted(MODES[mode], ACCOUNT), Observation(seen, "lake", told, unseen), TAGS, PREFIX)
    done = [next((kind for word, kind in KINDS.items() if word in call.operation), "told") for call in todo.calls]
    assert not unseen & {*done}
    if not is_told:
        assert "told" not in done
        assert all(call.operation != "DeleteQueue" for call in todo.calls)


def ids(told: dict[str, Any]) -> set[str]:
    return {each["Id"] for each in told.get("QueueConfigurations", [])}


@pytest.mark.parametrize("told", [{}, {"QueueConfigurations": [THEIRS], "EventBridgeConfiguration": {}}])
def test_notifications_of_others_stay_when_ours_come_and_go(told: dict[str, Any]) -> None:
    ours = wanted(MODES["events"], ACCOUNT).told
    with_ours = merged({**told, "ResponseMetadata": {}}, ours, PREFIX)
    assert with_ours is not None
    assert merged(_as_s3_answers(with_ours), ours, PREFIX) is None
    assert merged(with_ours, (), PREFIX) == told
    assert merged(told, (), PREFIX) is None


def _as_s3_answers(configuration: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(json.dumps(configuration).replace('"prefix"', '"Prefix"'))
    return answer


def test_names_say_whose_they_are() -> None:
    every: Iterable[Thing] = [thing for mode in MODES.values() for thing in wanted(mode, ACCOUNT).things]
    every = [thing for thing in every if thing.kind not in ("workgroup", "query")]  # the workgroup has the user's name
    assert all(thing.name.startswith("health-london-") for thing in every)
    assert not prefix(settings(database="london_two")).startswith(PREFIX)
    assert isinstance(wanted(MODES["none"], ACCOUNT), Wanted)
