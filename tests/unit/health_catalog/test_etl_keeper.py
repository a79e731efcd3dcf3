"""The Glue jobs: what is made in AWS, how whatever is there becomes that, and what their runs tell."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import validate_parameters
from health_catalog.crawlers.planning import plan
from health_catalog.crawlers.things import Call, Found, Observation, Thing, Wanted
from health_catalog.crawlers.wanted import tags
from health_catalog.errors import CatalogError, ThrottledError
from health_catalog.etl.aws import Run
from health_catalog.etl.keeper import JobKeeper
from health_catalog.etl.packaging import Code, Program
from health_catalog.etl.wanted import wanted
from health_catalog.patience import Surroundings
from health_pipeline.settings_glue import EtlSettings, LoadJob
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

SETTINGS = EtlSettings(
    pipeline="london", lake="s3://lake/health", region="eu-west-2", database="london", tables=("vitals", "gps"),
    role_arn="arn:aws:iam::123456789012:role/london-glue-job", schedule="*/30 * * * *",
)  # fmt: skip
LOADING = LoadJob(
    pipeline="london", lake="s3://lake/health", region="eu-west-2", database="london", engine="redshift",
    workgroup="w1", warehouse_database="dev", warehouse_schema="london", spectrum_schema="",
    copy_role_arn="arn:aws:iam::123456789012:role/london-redshift", metrics_port=9464,
    role_arn="arn:aws:iam::123456789012:role/london-glue-load", timeout_minutes=30, retries=2,
)  # fmt: skip
BOTH = dataclasses.replace(SETTINGS, load=LOADING)
NAME, LOAD = "london-transform", "london-load"
TAGS = tags(SETTINGS)
THEIRS = {"team": "payroll"}
ZIP = Code("packages-1.zip", b"zip")
CODE = (
    Program(ZIP, Code("transform-2.py", b"py"), Code("transform-2.txt", b"txt")),
    Program(ZIP, Code("load-3.py", b"py"), Code("load-3.txt", b"txt")),
)
WANTED, WANTED_BOTH = wanted(SETTINGS, *CODE), wanted(BOTH, *CODE)


def test_the_job_and_its_trigger() -> None:
    job, trigger = plan(WANTED, Observation((), "lake"), TAGS, NAME).calls
    assert job == Call(
        "glue", "CreateJob",
        {
            "Name": NAME,
            "Description": "Raw zone to transformed zone of the health pipeline london",
            "Role": "arn:aws:iam::123456789012:role/london-glue-job",
            "ExecutionProperty": {"MaxConcurrentRuns": 1},
            "Command": {
                "Name": "glueetl", "PythonVersion": "3", "ScriptLocation": "s3://lake/health/etl/transform-2.py",
            },
            "DefaultArguments": {
                "--extra-py-files": "s3://lake/health/etl/packages-1.zip",
                "--additional-python-modules": "s3://lake/health/etl/transform-2.txt",
                "--python-modules-installer-option": "-r",
                "--TempDir": "s3://lake/health/etl/temporary/",
                "--custom-logGroup-prefix": "/aws-glue/health-london",
                "--job-bookmark-option": "job-bookmark-disable",
                "--HEALTH_PIPELINE": "london",
                "--HEALTH_LAKE": "s3://lake/health",
                "--HEALTH_REGION": "eu-west-2",
                "--HEALTH_DATABASE": "london",
                "--HEALTH_TABLES": '["vitals", "gps"]',
            },
            "MaxRetries": 1, "Timeout": 60, "GlueVersion": "5.0", "WorkerType": "G.1X", "NumberOfWorkers": 2,
            "Tags": {"health-streaming.com/pipeline": "london", "health-streaming.com/database": "london"},
        },
    )  # fmt: skip
    assert trigger == Call(
        "glue", "CreateTrigger",
        {
            "Name": NAME, "Type": "SCHEDULED", "Schedule": "cron(0,30 * * * ? *)", "Actions": [{"JobName": NAME}],
            "StartOnCreation": True, "Tags": TAGS,
        },
    )  # fmt: skip


def test_the_load_and_what_starts_it() -> None:
    transform, load, by_schedule, behind = WANTED_BOTH.things
    assert (transform, by_schedule) == WANTED.things
    assert load == Thing(
        "job", LOAD,
        {
            "Description": "Transformed zone to Redshift of the health pipeline london",
            "Role": "arn:aws:iam::123456789012:role/london-glue-load",
            "ExecutionProperty": {"MaxConcurrentRuns": 1},
            "Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": "s3://lake/health/etl/load-3.py"},
            "DefaultArguments": {
                "--extra-py-files": "s3://lake/health/etl/packages-1.zip",
                "--additional-python-modules": "s3://lake/health/etl/load-3.txt",
                "--python-modules-installer-option": "-r",
                "--TempDir": "s3://lake/health/etl/temporary/",
                "--custom-logGroup-prefix": "/aws-glue/health-london",
                "--job-bookmark-option": "job-bookmark-disable",
                "--HEALTH_PIPELINE": "london",
                "--HEALTH_LAKE": "s3://lake/health",
                "--HEALTH_REGION": "eu-west-2",
                "--HEALTH_DATABASE": "london",
                "--HEALTH_ENGINE": "redshift",
                "--HEALTH_WORKGROUP": "w1",
                "--HEALTH_WAREHOUSE_DATABASE": "dev",
                "--HEALTH_WAREHOUSE_SCHEMA": "london",
                "--HEALTH_COPY_ROLE_ARN": "arn:aws:iam::123456789012:role/london-redshift",
            },
            "MaxRetries": 2, "Timeout": 30, "GlueVersion": "5.0", "WorkerType": "G.1X", "NumberOfWorkers": 2,
        },
    )  # fmt: skip
    condition = {"LogicalOperator": "EQUALS", "JobName": NAME, "State": "SUCCEEDED"}
    assert behind == Thing(
        "trigger", LOAD,
        {
            "Type": "CONDITIONAL", "Predicate": {"Logical": "AND", "Conditions": [condition]},
            "Actions": [{"JobName": LOAD}],
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("then", "triggers"),
    [((), {NAME, LOAD}), (("other",), {NAME, LOAD}), ((NAME,), set()), (("other", NAME, LOAD), set()),
     ((LOAD,), {NAME})],
)  # fmt: skip
def test_each_job_is_started_by_one_or_the_other(then: tuple[str, ...], triggers: set[str]) -> None:
    """By the workflow of the crawls, which has the load behind the transform, or by a trigger of its own."""
    things = wanted(dataclasses.replace(BOTH, then=then), *CODE).things
    assert {thing.name for thing in things if thing.kind == "trigger"} == triggers
    assert [thing.name for thing in things if thing.kind == "job"] == [NAME, LOAD]


def test_a_job_that_follows_crawls_has_no_schedule_of_its_own() -> None:
    followed = dataclasses.replace(SETTINGS, then=("other", NAME), schedule="@every 1m")
    want = wanted(followed, *CODE)
    assert want.things == WANTED.things[:1]
    trigger = _found(WANTED.things[1], WANTED.things[1].given, TAGS, "ACTIVATED")
    job = _found(WANTED.things[0], WANTED.things[0].given, TAGS, "RUNNING")
    todo = plan(want, Observation((job, trigger), "lake"), TAGS, NAME)
    assert (todo.calls, todo.waits) == ((Call("glue", "DeleteTrigger", {"Name": NAME}),), ())
    others = dataclasses.replace(SETTINGS, then=("other",))
    assert wanted(others, *CODE) == WANTED


@cache
def _glue() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("glue", "service-2"), "glue")


class Account:
    """Glue as it documents itself, with jobs and triggers. A job's ``state`` is its run's, as it begins."""

    def __init__(self, found: list[Found]) -> None:
        self.found = {(each.kind, each.name): each for each in found}
        self.done: list[str] = []

    def carry_out(self, call: Call) -> None:
        """That Glue's own description of the call takes these arguments, and what it then does."""
        shape: Any = _glue().operation_model(call.operation).input_shape
        validate_parameters(call.arguments, shape)
        self.done.append(call.operation)
        arguments = dict(call.arguments)
        kind: Any = "trigger" if call.operation.endswith("Trigger") else "job"
        name = arguments.get("Name") or arguments["JobName"]
        key, there = (kind, name), self.found.get((kind, name))
        if call.operation.startswith("Create"):
            assert there is None
            assert all(("job", each["JobName"]) in self.found for each in arguments.get("Actions", ())), "jobs first"
            self.found[key] = Found(kind, name, arguments, arguments.pop("Tags"), "ACTIVATED" * (kind == "trigger"))
            return
        assert there is not None
        assert TAGS.items() <= there.tags.items(), "not ours"
        match call.operation:
            case "BatchStopJobRun":
                self.found[key] = dataclasses.replace(there, state="STOPPING")
            case "StartTrigger":
                self.found[key] = dataclasses.replace(there, state="ACTIVATED")
            case "DeleteJob" | "DeleteTrigger":
                assert there.state not in ("RUNNING", "STOPPING")
                starts = self.found.get(("trigger", name))
                assert kind == "trigger" or starts is None or not TAGS.items() <= starts.tags.items(), "it comes first"
                del self.found[key]
            case "UpdateJob":
                self.found[key] = dataclasses.replace(there, given=arguments["JobUpdate"])
            case "UpdateTrigger":
                self.found[key] = dataclasses.replace(there, given={**there.given, **arguments["TriggerUpdate"]})

    def time_passes(self) -> None:
        """Runs end."""
        for key, each in self.found.items():
            self.found[key] = dataclasses.replace(each, state="" if each.kind == "job" else each.state)


def _found(thing: Thing, given: dict[str, Any], owner: dict[str, str], state: str) -> Found:
    return Found(thing.kind, thing.name, given, owner, state, "jr_1" if thing.kind == "job" else "")


@st.composite
def accounts(draw: st.DrawFn) -> list[Found]:
    """What is there already: nothing, ours, ours by hand or of an older spec, somebody else's; going or not."""
    before = dataclasses.replace(BOTH, schedule="0 3 * * *", workers=5, load=dataclasses.replace(LOADING, retries=0))
    older = wanted(before, *CODE[::-1]).things
    found = []
    for thing, old in zip(WANTED_BOTH.things, older, strict=True):
        states = {"job": ["", "RUNNING", "STOPPING"], "trigger": ["ACTIVATED", "DEACTIVATED", "CREATED"]}[thing.kind]
        if draw(st.booleans()):
            given = draw(st.sampled_from([thing.given, old.given, {"Type": "ON_DEMAND"}]))
            owner = draw(st.sampled_from([TAGS, TAGS, THEIRS, {**TAGS, "health-streaming.com/database": "paris"}]))
            found.append(_found(thing, given, owner, draw(st.sampled_from(states))))
    return found


@given(accounts(), st.sampled_from([WANTED, WANTED_BOTH, Wanted()]))
def test_from_anywhere_it_becomes_what_is_wanted_and_nothing_of_others_is_touched(
    there: list[Found], want: Wanted
) -> None:
    account = Account(there)
    others = {(each.kind, each.name): each.given for each in there if not TAGS.items() <= each.tags.items()}
    for _ in range(6):
        todo = plan(want, Observation(tuple(account.found.values()), "lake"), TAGS, NAME)
        for call in todo.calls:
            account.carry_out(call)
        account.time_passes()
    assert todo.is_done
    assert {key: account.found[key].given for key in others} == others
    expected = {(thing.kind, thing.name) for thing in want.things}
    assert set(account.found) == expected | set(others)
    assert set(todo.foreign) == {name for _, name in expected & set(others)}
    ours = [thing for thing in want.things if (thing.kind, thing.name) not in others]
    assert all(account.found[thing.kind, thing.name].given.items() >= thing.given.items() for thing in ours)


def test_a_running_job_is_neither_changed_nor_removed_before_its_run_has_ended() -> None:
    job = _found(WANTED.things[0], {"Timeout": 1}, TAGS, "RUNNING")
    assert plan(WANTED, Observation((job,), "lake"), TAGS, NAME).waits == (NAME,)
    todo = plan(Wanted(), Observation((job,), "lake"), TAGS, NAME)
    assert todo.calls == (Call("glue", "BatchStopJobRun", {"JobName": NAME, "JobRunIds": ["jr_1"]}),)
    assert todo.waits == (NAME,)


@dataclass
class World:
    """AWS as the keeper sees it. ``fault`` is raised by every call while it is there."""

    account: Account = field(default_factory=lambda: Account([]))
    past: tuple[Run, ...] = ()
    past_loads: tuple[Run, ...] = ()
    put_there: list[str] = field(default_factory=list)
    fault: CatalogError | None = None
    now: float = 0.0
    ready: threading.Event = field(default_factory=threading.Event)
    settings: EtlSettings = SETTINGS

    def _answer(self) -> None:
        if self.fault:
            raise self.fault

    def observe(self, wanted: Wanted) -> Observation:  # noqa: ARG002
        self._answer()
        return Observation(tuple(self.account.found.values()), "lake")

    def carry_out(self, call: Call) -> bool:
        self._answer()
        self.account.carry_out(call)
        return True

    def put(self, code: Code) -> None:
        self._answer()
        if code.name not in self.put_there:
            self.put_there.append(code.name)
            self.account.done.append(f"put {code.name}")

    def runs(self, job: str) -> tuple[Run, ...]:
        self._answer()
        return {NAME: self.past, LOAD: self.past_loads}[job]

    def keeper(self) -> JobKeeper:
        return JobKeeper(self.settings, self, self.ready, Surroundings(lambda: self.now, lambda: 1.0), CODE)


def _sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"pipeline": "london", **labels})


def test_code_comes_before_the_job_and_comes_back_when_it_is_gone() -> None:
    world = World()
    keeper = world.keeper()
    for _ in range(3):
        keeper.pass_()
        world.now += 1000
    done = ["put packages-1.zip", "put transform-2.py", "put transform-2.txt", "CreateJob", "CreateTrigger"]
    assert world.account.done == done
    assert world.ready.is_set()
    world.put_there.remove("packages-1.zip")  # as a lifecycle rule does
    keeper.pass_()
    assert world.account.done == [*done, "put packages-1.zip"]


def test_what_somebody_has_changed_is_changed_back() -> None:
    world = World()
    keeper = world.keeper()
    keeper.pass_()
    del world.account.found["job", NAME]
    world.now += 1000
    keeper.pass_()
    assert world.account.done[3:] == ["CreateJob", "CreateTrigger", "CreateJob"]


def test_a_job_of_somebody_else_is_not_started_by_us() -> None:
    world = World(Account([_found(WANTED.things[0], {}, THEIRS, "")]))
    world.keeper().pass_()
    assert all(each.startswith("put ") for each in world.account.done)
    assert not world.ready.is_set()
    assert _sample("health_catalog_etl_trouble", step="", reason="NameTaken") == 1


def test_a_run_that_fails_is_told_until_one_succeeds() -> None:
    world = World(past=(Run("jr_0", "SUCCEEDED", 50),))
    keeper = world.keeper()
    keeper.pass_()
    before = _sample("health_catalog_etl_run_seconds_count", step="transform", state="failed") or 0
    world.past = (Run("jr_1", "FAILED", 70, "no such bucket"), *world.past)
    keeper.pass_()
    keeper.pass_()
    assert _sample("health_catalog_etl_run_seconds_count", step="transform", state="failed") == before + 1
    assert not world.ready.is_set()
    world.past = (Run("jr_2", "RUNNING"), *world.past)
    keeper.pass_()
    assert _sample("health_catalog_etl_running", step="transform") == 1
    assert not world.ready.is_set()
    world.past = (Run("jr_2", "SUCCEEDED", 60), *world.past[1:])
    keeper.pass_()
    assert world.ready.is_set()
    assert _sample("health_catalog_etl_trouble", step="transform", reason="RunFailed") is None


def test_runs_of_the_load_are_watched_as_well() -> None:
    world = World(settings=BOTH, past=(Run("jr_0", "SUCCEEDED", 50),), past_loads=(Run("jr_1", "RUNNING"),))
    keeper = world.keeper()
    keeper.pass_()
    assert world.put_there == [
        "packages-1.zip", "transform-2.py", "transform-2.txt", "load-3.py", "load-3.txt",
    ]  # fmt: skip
    assert world.ready.is_set()
    assert [_sample("health_catalog_etl_running", step=step) for step in ("transform", "load")] == [0, 1]
    before = _sample("health_catalog_etl_run_seconds_count", step="load", state="failed") or 0
    world.past_loads = (Run("jr_1", "FAILED", 40, "no such schema"),)
    keeper.pass_()
    assert _sample("health_catalog_etl_run_seconds_count", step="load", state="failed") == before + 1
    assert _sample("health_catalog_etl_trouble", step="load", reason="RunFailed") == 1
    assert _sample("health_catalog_etl_trouble", step="transform", reason="RunFailed") is None
    assert not world.ready.is_set()


def test_a_load_that_a_component_does_again_leaves_no_job() -> None:
    world = World(settings=BOTH)
    world.keeper().pass_()
    World(account=world.account).keeper().pass_()
    assert world.account.done[-2:] == ["DeleteTrigger", "DeleteJob"]
    assert set(world.account.found) == {("job", NAME), ("trigger", NAME)}


def test_a_throttled_call_is_tried_again_later_and_later() -> None:
    world = World()
    keeper = world.keeper()
    keeper.pass_()
    world.fault, asked = ThrottledError("slow down"), 0
    for _ in range(600):
        world.now += 1
        was = keeper._watches[NAME].failures
        keeper.pass_()
        asked += keeper._watches[NAME].failures > was
    assert 4 <= asked <= 8
    assert not world.ready.is_set()
    world.fault = None
    world.now += 1000
    keeper.pass_()
    assert world.ready.is_set()
