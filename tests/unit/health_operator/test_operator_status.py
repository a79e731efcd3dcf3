"""The status, from what is known."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from health_operator import status as statuses
from health_operator.gate import judge, paused
from health_operator.kinds import DEPLOYMENTS, JOBS, SCHEDULED_SPARK_APPLICATIONS, SPARK_APPLICATIONS, Kind
from health_operator.model import Done, Measures, Observed
from health_operator.reasons import ConditionType, Reason
from health_operator.state import Snapshot, State
from health_operator.status import Known, Phase
from health_operator.workloads import State as Doing
from health_operator.workloads import Workload

from tests.unit.health_operator.test_gate import applied, live

FIGURES = {"eventsPerSecond": 5.0, "lagSeconds": 1.0, "alertLatencyP99Ms": 40, "freshnessSeconds": 3}
PARTS: list[tuple[Kind, str, Doing]] = [
    (JOBS, "topics", Doing.DONE), (DEPLOYMENTS, "simulator", Doing.RUNNING),
    (DEPLOYMENTS, "producer-vitals", Doing.RUNNING), (SPARK_APPLICATIONS, "landing", Doing.RUNNING),
    (SPARK_APPLICATIONS, "alerts", Doing.RUNNING), (DEPLOYMENTS, "dispatch", Doing.RUNNING),
    (SCHEDULED_SPARK_APPLICATIONS, "transform", Doing.DONE), (DEPLOYMENTS, "warehouse", Doing.RUNNING),
    (DEPLOYMENTS, "lag", Doing.RUNNING),
]  # fmt: skip


def known(measures: Measures = Measures(FIGURES), **states: Doing) -> Known:  # noqa: B008 (it is frozen)
    found = [
        Workload(kind, f"london-{part}", part, states.get(part.replace("-", "_"), state)) for kind, part, state in PARTS
    ]
    observed = Observed({}, frozenset(), applied(), measures)
    return Known(judge(live(), applied()), observed, found, (), Done())


def told(it: Known, of: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    status, _ = statuses.status(of or live(), it, "T1")
    return status, {item["type"]: item for item in status["conditions"]}


def test_all_is_well() -> None:
    status, conditions = told(known())
    assert [item["status"] for item in conditions.values()] == ["True"] * 8
    assert list(conditions) == [kind.value for kind in ConditionType]
    assert status["phase"] == Phase.RUNNING
    assert status["slo"] == FIGURES


@pytest.mark.parametrize(
    ("it", "kind", "reason"),
    [
        (known(topics=Doing.STARTING), "KafkaReady", Reason.TOPICS_PENDING),
        (known(topics=Doing.FAILING), "KafkaReady", Reason.TOPICS_FAILED),
        (known(simulator=Doing.STARTING), "SourcesReady", Reason.SOURCES_STARTING),
        (known(producer_vitals=Doing.FAILING), "SourcesReady", Reason.SOURCES_FAILING),
        (known(landing=Doing.STARTING), "StreamingReady", Reason.STREAMS_STARTING),
        (known(alerts=Doing.FAILING), "StreamingReady", Reason.STREAM_FAILED),
        (known(dispatch=Doing.MISSING), "StreamingReady", Reason.STREAMS_STARTING),
        (known(Measures(FIGURES, frozenset({"landing"}))), "StreamingReady", Reason.STREAM_SILENT),
        (known(transform=Doing.FAILING), "CatalogReady", Reason.TRANSFORM_FAILED),
        (known(warehouse=Doing.STARTING), "CatalogReady", Reason.WAREHOUSE_NOT_READY),
        (known(Measures({"eventsPerSecond": 0})), "DataFlowing", Reason.NO_EVENTS),
        (known(Measures({"eventsPerSecond": 9})), "DataFlowing", Reason.NOTHING_LANDED),
        (known(Measures(problem="no answer")), "DataFlowing", Reason.MEASURES_UNREACHABLE),
        (known(Measures()), "DataFlowing", Reason.NOT_MEASURED),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
def test_whatever_is_missing_is_in_the_way_of_ready_and_says_why(it: Known, kind: str, reason: Reason) -> None:
    status, conditions = told(it)
    assert conditions[kind]["reason"] == reason
    assert conditions[kind]["status"] != "True"
    assert (conditions["Ready"]["status"], conditions["Ready"]["reason"]) == ("False", reason)
    assert kind in conditions["Ready"]["message"]
    assert status["phase"] == Phase.PROGRESSING


def test_crawlers_that_do_not_do_their_work_are_named() -> None:
    it = known(Measures(FIGURES, troubles={"catalog": "vitals: CrawlFailed"}))
    keeper = Workload(DEPLOYMENTS, "london-catalog", "catalog", Doing.STARTING, "0 of 1 available")
    _, conditions = told(dataclasses.replace(it, found=[*it.found, keeper]))
    found = conditions["CatalogReady"]
    assert (found["status"], found["reason"]) == ("False", Reason.CATALOG_NOT_KEPT)
    assert found["message"] == "Deployment london-catalog: 0 of 1 available; vitals: CrawlFailed"
    assert told(it)[1]["CatalogReady"]["status"] == "True"  # it speaks of nobody who is not there


def test_a_transform_that_waits_for_the_other_engine_to_go_is_not_ready() -> None:
    it = known()
    waits = Workload(DEPLOYMENTS, "london-transform", "transform", Doing.WAITING, "it waits until Spark is gone")
    others = [work for work in it.found if work.component != "transform"]
    _, conditions = told(dataclasses.replace(it, found=[*others, waits]))
    assert conditions["CatalogReady"]["reason"] == Reason.TRANSFORM_WAITS
    assert conditions["Ready"]["reason"] == Reason.TRANSFORM_WAITS


@pytest.mark.parametrize(
    ("state", "reason"),
    [(Doing.RUNNING, Reason.TRANSFORM_KEPT), (Doing.STARTING, Reason.TRANSFORM_NOT_KEPT),
     (Doing.MISSING, Reason.TRANSFORM_NOT_KEPT)],
)  # fmt: skip
def test_a_glue_job_is_as_well_as_its_keeper(state: Doing, reason: Reason) -> None:
    it = known(Measures(FIGURES, troubles={"transform": "RunFailed"}))
    keeper = Workload(DEPLOYMENTS, "london-transform", "transform", state, "why")
    _, conditions = told(
        dataclasses.replace(it, found=[*(work for work in it.found if work.component != "transform"), keeper])
    )
    found = conditions["CatalogReady"]
    assert found["reason"] == reason
    assert ("RunFailed" in found["message"]) == (state is not Doing.RUNNING)


def test_a_transform_that_was_not_due_yet_is_no_reason_to_wait() -> None:
    _, conditions = told(known(transform=Doing.IDLE))
    assert (conditions["CatalogReady"]["reason"], conditions["Ready"]["status"]) == (Reason.TRANSFORM_NOT_DUE, "True")


def test_the_canary_proves_the_path_where_no_one_is_ill() -> None:
    _, conditions = told(known(Measures({"eventsPerSecond": 0, "canaryAgeSeconds": 12})))
    assert conditions["DataFlowing"]["status"] == "True"
    _, conditions = told(known(Measures({"eventsPerSecond": 0, "canaryAgeSeconds": 999})))
    assert conditions["DataFlowing"]["reason"] == Reason.NO_EVENTS


def test_a_missed_target_is_told_and_is_no_reason_not_to_be_ready() -> None:
    _, conditions = told(known(Measures({**FIGURES, "alertLatencyP99Ms": 412})))
    assert conditions["SLOMet"]["reason"] == Reason.TARGETS_MISSED
    assert "412" in conditions["SLOMet"]["message"]
    assert conditions["Ready"]["status"] == "True"


@pytest.mark.parametrize(
    ("missing", "kind", "reason"),
    [
        ("Strimzi", "KafkaReady", Reason.STRIMZI_MISSING),
        ("the Spark operator", "StreamingReady", Reason.SPARK_OPERATOR_MISSING),
        ("the Spark operator", "CatalogReady", Reason.SPARK_OPERATOR_MISSING),
    ],
)
def test_an_operator_that_is_missing_is_named(missing: str, kind: str, reason: Reason) -> None:
    _, conditions = told(dataclasses.replace(known(), missing=(missing,)))
    assert (conditions[kind]["status"], conditions[kind]["reason"]) == ("False", reason)


def test_a_missing_prometheus_operator_is_worth_a_word_only() -> None:
    _, conditions = told(dataclasses.replace(known(), missing=("the Prometheus operator",)))
    assert conditions["Accepted"]["reason"] == Reason.PROMETHEUS_OPERATOR_MISSING
    assert conditions["Ready"]["status"] == "True"


@pytest.mark.parametrize(
    ("done", "reason"),
    [(Done(conflicts=["Service x"]), Reason.NAME_CONFLICT), (Done(refused=["Job y: no"]), Reason.APPLY_FAILED)],
)
def test_what_could_not_be_written_is_not_accepted(done: Done, reason: Reason) -> None:
    _, conditions = told(dataclasses.replace(known(), done=done))
    assert (conditions["Accepted"]["status"], conditions["Accepted"]["reason"]) == ("False", reason)
    assert conditions["Ready"]["status"] == "False"


def test_one_that_was_up_is_degraded_not_progressing() -> None:
    before = {**live(), "status": {"phase": "Running"}}
    status, _ = told(known(landing=Doing.STARTING), before)
    assert status["phase"] == Phase.DEGRADED


def test_suspended_and_paused() -> None:
    it = dataclasses.replace(known(), verdict=judge(live(suspend=True), applied(suspend=True)))
    status, conditions = told(it)
    assert status["phase"] == Phase.SUSPENDED
    assert {item["reason"] for kind, item in conditions.items() if kind != "Accepted"} == {Reason.SUSPENDED}
    status, conditions = told(
        dataclasses.replace(known(), verdict=paused(live(2, dispatch={"radiusKm": 1}), applied()))
    )
    assert status["phase"] == Phase.PAUSED
    assert (conditions["Accepted"]["status"], conditions["Accepted"]["reason"]) == ("Unknown", Reason.PAUSED)


def test_a_spec_that_was_never_readable() -> None:
    bad = live(dispatch={"radiusKm": -1})
    status, conditions = told(Known(judge(bad, State()), Observed({}, frozenset(), State(), Measures())), bad)
    assert status["phase"] == Phase.PENDING
    assert conditions["Ready"]["reason"] == Reason.INVALID_SPEC


def test_the_same_again_is_no_change() -> None:
    status, _ = told(known())
    seen = {**live(), "status": status}
    again, _ = statuses.status(seen, known(), "T2")
    assert statuses.change(seen, again) is None


def test_the_plan_of_an_edit_stays_until_the_next() -> None:
    verdict = judge(live(2, dispatch={"radiusKm": 3}), applied())
    status, _ = told(dataclasses.replace(known(), verdict=verdict), live(2))
    after = {**live(2, dispatch={"radiusKm": 3}), "status": status}
    same = judge(after, State(applied=Snapshot(2, after["spec"])))
    again, _ = statuses.status(after, dataclasses.replace(known(), verdict=same), "T2")
    assert again["plan"] == status["plan"]
    later = {**after, "metadata": {**after["metadata"], "generation": 3}}
    last, _ = statuses.status(later, dataclasses.replace(known(), verdict=same), "T3")
    assert "plan" not in last


def test_the_first_status_of_a_new_generation_leaves_the_stages_alone() -> None:
    status, _ = told(known())
    edited = {**live(2, dispatch={"radiusKm": 3}), "status": status}
    early = statuses.first(edited, judge(edited, applied()), "T2")
    by_type = {item["type"]: item for item in early["conditions"]}
    assert early["observedGeneration"] == by_type["Accepted"]["observedGeneration"] == 2
    assert by_type["Ready"]["observedGeneration"] == 1
    assert by_type["Ready"]["lastTransitionTime"] == "T1"


def test_the_first_status_of_all_names_every_condition() -> None:
    early = statuses.first(live(), judge(live(), State()), "T1")
    assert [item["type"] for item in early["conditions"]] == [kind.value for kind in ConditionType]
    assert early["phase"] == Phase.PROGRESSING


def test_on_the_way_out_ready_says_what_is_waited_for() -> None:
    status, _ = told(known())
    going = statuses.deleting({**live(), "status": status}, "Deployment x", "T2")
    ready = going["conditions"][-1]
    assert (going["phase"], ready["status"], ready["reason"]) == (Phase.DELETING, "False", Reason.DELETING)
    assert "Deployment x" in ready["message"]
