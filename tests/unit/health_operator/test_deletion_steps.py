"""The end of a pipeline, step by step: in the order of the data, and never for ever."""

from __future__ import annotations

from typing import Any

from health_operator.deletion import Step, next_step
from health_operator.kinds import (
    CHILDREN,
    DEPLOYMENTS,
    HOLD_DATA,
    JOBS,
    KAFKA_NODE_POOLS,
    KAFKA_TOPICS,
    KAFKA_USERS,
    KAFKAS,
    SPARK_APPLICATIONS,
    Kind,
)
from health_operator.naming import labels
from health_operator.plan import Key
from hypothesis import given
from hypothesis import strategies as st

UID = "uid-of-london"


def child(kind: Kind, component: str, owner: str = UID, *, finalizers: bool = False, is_going: bool = False) -> Any:
    metadata: dict[str, Any] = {"name": component, "uid": f"uid-{kind.kind}-{component}"}
    metadata["labels"] = labels("london", component)
    metadata["ownerReferences"] = [{"kind": "HealthPipeline", "name": "london", "uid": owner}]
    if finalizers:
        metadata["finalizers"] = ["strimzi.io/topic-operator"]
    if is_going:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"kind": kind.kind, "metadata": metadata}


def path(*, finalizers: bool = False) -> dict[Key, Any]:
    parts = [
        (DEPLOYMENTS, "simulator"), (DEPLOYMENTS, "producer-vitals"), (SPARK_APPLICATIONS, "landing"),
        (SPARK_APPLICATIONS, "alerts"), (DEPLOYMENTS, "dispatch"), (DEPLOYMENTS, "lag"),
    ]  # fmt: skip
    kafka = [(KAFKA_TOPICS, "vitals"), (KAFKA_USERS, "dispatch"), (KAFKAS, "kafka"), (KAFKA_NODE_POOLS, "brokers")]
    return {key: child(*key) for key in parts} | {key: child(*key, finalizers=finalizers) for key in kafka}


def step(children: dict[Key, Any], **given: Any) -> Step:
    return next_step(children, UID, **{"deletes_topics": False, "is_late": False, "namespace_goes": False, **given})


def run_down(children: dict[Key, Any], **given: bool) -> list[list[str]]:
    """The names that go, pass by pass, when each is gone by the next."""
    passes = []
    while True:
        todo = step(children, **given)
        if todo.release:
            return passes
        passes.append(sorted(name for _, name in todo.delete))
        children = {key: item for key, item in children.items() if key not in todo.delete}


def test_the_path_is_taken_down_in_the_order_of_the_data() -> None:
    down = [["producer-vitals", "simulator"], ["alerts", "landing"], ["dispatch", "lag"]]
    assert run_down(path()) == down
    assert run_down(path(), deletes_topics=True) == [*down, ["dispatch", "vitals"], ["brokers", "kafka"]]


def test_topics_in_a_kafka_of_somebody_elses_are_deleted_by_a_job_that_is_waited_for() -> None:
    removal = child(JOBS, "topics-removal")
    key = (JOBS, "topics-removal")
    running = path()
    assert step(running, deletes_topics=True, removals=[removal]).create is None
    children: dict[Key, Any] = {}
    assert step(children, deletes_topics=True, removals=[removal]) == Step(create=removal, waits_for=(key,))
    children[key] = removal
    assert step(children, deletes_topics=True, removals=[removal]) == Step(waits_for=(key,))
    children[key] = removal | {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    assert step(children, deletes_topics=True, removals=[removal]).release
    assert step({}, deletes_topics=True, removals=[removal], is_late=True).release
    assert step({}, deletes_topics=True, removals=[removal], namespace_goes=True).release


def test_what_is_in_aws_goes_after_all_that_runs_and_one_job_after_the_other() -> None:
    first, second = child(JOBS, "topics-removal"), child(JOBS, "catalog-removal")
    done = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    children: dict[Key, Any] = {(DEPLOYMENTS, "catalog"): child(DEPLOYMENTS, "catalog")}
    assert step(children, removals=[second]).delete == ((DEPLOYMENTS, "catalog"),)
    assert step({}, removals=[second]).create is second  # whatever becomes of the topics
    children = {(JOBS, "topics-removal"): first}
    assert step(children, removals=[first, second]).waits_for == ((JOBS, "topics-removal"),)
    children = {(JOBS, "topics-removal"): first | done}
    assert step(children, removals=[first, second]).create is second
    children[JOBS, "catalog-removal"] = second | done
    assert step(children, removals=[first, second]).release


def test_what_is_on_its_way_out_is_waited_for_before_the_next_tier_goes() -> None:
    children = path()
    children[DEPLOYMENTS, "simulator"] = child(DEPLOYMENTS, "simulator", is_going=True)
    todo = step(children)
    assert todo.delete == ((DEPLOYMENTS, "producer-vitals"),)
    assert todo.waits_for == ((DEPLOYMENTS, "simulator"),)
    assert not todo.release


def test_topics_that_are_kept_lose_the_owner_that_would_take_them_along() -> None:
    kafka = {key: item for key, item in path().items() if key[0].needs == "Strimzi"}
    todo = step(kafka)
    assert todo.release
    assert set(todo.orphan) == {key for key in kafka if key[0] in HOLD_DATA}  # its users go with the pipeline
    assert todo.delete == ()


def test_a_namespace_that_goes_is_not_held_by_finalizers_that_nobody_removes() -> None:
    children = path(finalizers=True)
    kafka = {key for key in children if key[0].needs == "Strimzi"}
    first = step(children, namespace_goes=True)
    assert set(first.delete) == kafka
    assert not first.release
    going = {key: child(*key, finalizers=True, is_going=True) for key in kafka}
    second = step(going, namespace_goes=True)
    assert set(second.unblock) == kafka
    assert second.release


def test_after_the_deadline_it_lets_go_of_whatever_is_left() -> None:
    todo = step(path(), is_late=True)
    assert todo.release
    assert todo.delete == ()


@given(
    st.lists(st.tuples(st.sampled_from(CHILDREN), st.sampled_from(["lag", "landing", "simulator"])), unique=True),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_it_comes_to_an_end_and_never_touches_what_is_not_ours(
    keys: list[Key], deletes_topics: bool, namespace_goes: bool
) -> None:
    children = {key: child(*key, owner=UID if number % 2 else "somebody") for number, key in enumerate(keys)}
    for _ in range(6):
        todo = step(children, deletes_topics=deletes_topics, namespace_goes=namespace_goes)
        touched = {*todo.delete, *todo.orphan, *todo.unblock}
        assert all(children[key]["metadata"]["ownerReferences"][0]["uid"] == UID for key in touched)
        if todo.release:
            return
        children = {key: item for key, item in children.items() if key not in todo.delete}
    raise AssertionError("it never lets go")
