"""The planner, on a little model of the API server: carrying plans out leads to what is wanted, and then to rest."""

from __future__ import annotations

import copy
import random
from typing import Any

from health_operator.kinds import CHILDREN, DEPLOYMENTS, HOLD_DATA, KAFKA_TOPICS, KAFKAS, SPARK_APPLICATIONS, Kind
from health_operator.naming import APPLIED_HASH, MANAGED_BY, PIPELINE_LABEL
from health_operator.plan import Key, Manifest, Plan, digest, foreign, plan, stamped
from hypothesis import given
from hypothesis import strategies as st

UID = "uid-of-london"
_KINDS = st.sampled_from(CHILDREN)
_NAMES = st.sampled_from(["london-a", "london-b", "london-c", "london-d"])
_KEYS = st.tuples(_KINDS, _NAMES)
_OWNERS = st.sampled_from([UID, "", "uid-of-somebody"])


def manifest(kind: Kind, name: str, value: int = 1, owner: str = UID) -> Manifest:
    owners = [{"kind": "HealthPipeline", "name": "london", "uid": owner}] if owner else []
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, "labels": {**MANAGED_BY, PIPELINE_LABEL: "london"}, "ownerReferences": owners},
        "spec": {"value": value, "containers": [{"name": "main", "image": str(value)}]},
    }


@st.composite
def desired(draw: st.DrawFn) -> list[Manifest]:
    keys = draw(st.lists(_KEYS, unique=True, max_size=10))
    return [manifest(kind, name, draw(st.integers(1, 3))) for kind, name in keys]


@st.composite
def observed(draw: st.DrawFn) -> dict[Key, Manifest]:
    """Whatever may lie around: ours in any version, drifted, being deleted, and what is not ours."""
    found = {}
    for number, (kind, name) in enumerate(draw(st.lists(_KEYS, unique=True, max_size=12))):
        live = stamped(manifest(kind, name, draw(st.integers(1, 3)), draw(_OWNERS)))
        live["metadata"]["uid"] = f"uid-{number}"
        if draw(st.booleans()):
            live["spec"] = {**live["spec"], "value": draw(st.integers(1, 3)), "added": True}
        if draw(st.integers(0, 5)) == 0:
            live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        found[kind, name] = live
    return found


def carried_out(todo: Plan, live: dict[Key, Manifest]) -> dict[Key, Manifest]:
    """What the API server would hold then: applied fields are set, the others stay; what is deleted goes."""
    after = {key: item for key, item in copy.deepcopy(live).items() if "deletionTimestamp" not in item["metadata"]}
    for apply in todo.applies:
        before = after.get((apply.kind, apply.name), {"metadata": {"uid": f"new-{apply.name}"}, "spec": {}})
        metadata = {**before["metadata"], **apply.manifest["metadata"]}
        after[apply.kind, apply.name] = {
            **apply.manifest, "metadata": metadata, "spec": {**before["spec"], **apply.manifest["spec"]},
        }  # fmt: skip
    for delete in todo.deletes:
        del after[delete.kind, delete.name]
    return after


@given(desired(), observed())
def test_two_passes_lead_to_what_is_wanted_and_the_next_does_nothing(
    wanted: list[Manifest], live: dict[Key, Manifest]
) -> None:
    after = carried_out(plan(wanted, live, UID), live)
    after = carried_out(plan(wanted, after, UID), after)  # what was being deleted is made anew in the second
    last = plan(wanted, after, UID)
    assert (last.applies, last.deletes, last.waiting) == ((), (), ())
    ours = {key for key, item in after.items() if not foreign(item, UID)} - set(last.left)
    keys = {(next(k for k in CHILDREN if k.kind == item["kind"]), item["metadata"]["name"]) for item in wanted}
    conflicts = {(conflict.kind, conflict.name) for conflict in last.conflicts}
    assert ours == keys - conflicts


@given(desired(), observed())
def test_what_is_not_ours_is_never_touched(wanted: list[Manifest], live: dict[Key, Manifest]) -> None:
    todo = plan(wanted, live, UID)
    touched = {(each.kind, each.name) for each in (*todo.applies, *todo.deletes)}
    others = {key for key, item in live.items() if foreign(item, UID)}
    assert not touched & others
    assert {(conflict.kind, conflict.name) for conflict in todo.conflicts} <= others


@given(desired(), observed(), st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_seen_does_not_matter(
    wanted: list[Manifest], live: dict[Key, Manifest], chance: random.Random
) -> None:
    items = list(live.items())
    chance.shuffle(items)
    assert plan(wanted, dict(items), UID) == plan(wanted, live, UID)
    shuffled = wanted.copy()
    chance.shuffle(shuffled)
    one, other = plan(shuffled, live, UID), plan(wanted, live, UID)
    assert one.deletes == other.deletes
    assert sorted(map(str, one.applies)) == sorted(map(str, other.applies))


@given(observed())
def test_prune_leaves_nothing_of_ours(live: dict[Key, Manifest]) -> None:
    todo = plan([], live, UID)
    left = carried_out(todo, live)
    assert all(key in todo.left for key, item in left.items() if not foreign(item, UID))
    assert all(kind in HOLD_DATA for kind, _ in todo.left)
    assert all(live[delete.kind, delete.name]["metadata"]["uid"] == delete.uid for delete in todo.deletes)


@given(desired(), observed())
def test_planning_changes_nothing_that_it_is_given(wanted: list[Manifest], live: dict[Key, Manifest]) -> None:
    before = copy.deepcopy((wanted, live))
    plan(wanted, live, UID)
    assert (wanted, live) == before


def test_what_holds_data_is_left_for_its_user_to_delete() -> None:
    live = {(kind, "x"): manifest(kind, "x") for kind in (KAFKAS, DEPLOYMENTS, KAFKA_TOPICS)}
    for item in live.values():
        item["metadata"]["uid"] = "u"
    todo = plan([], live, UID)
    assert [delete.kind for delete in todo.deletes] == [DEPLOYMENTS]
    assert todo.left == ((KAFKAS, "x"), (KAFKA_TOPICS, "x"))


def test_a_run_of_a_schedule_is_left_to_its_schedule() -> None:
    """The Spark operator copies our labels onto the runs that it makes."""
    run = manifest(SPARK_APPLICATIONS, "london-transform-1764000000000000000", owner="uid-of-the-schedule")
    run["metadata"]["uid"] = "uid-of-the-run"
    assert plan([], {(SPARK_APPLICATIONS, run["metadata"]["name"]): run}, UID) == Plan()


def test_what_nobody_wants_is_kept_when_that_is_said() -> None:
    key = (DEPLOYMENTS, "london-state")
    live = manifest(*key)
    live["metadata"]["uid"] = "u"
    assert plan([], {key: live}, UID, kept=frozenset({key})) == Plan()


def test_a_kind_that_the_cluster_has_not_is_told_and_the_rest_goes_on() -> None:
    wanted = [manifest(SPARK_APPLICATIONS, "a"), manifest(DEPLOYMENTS, "b")]
    todo = plan(wanted, {}, UID, unserved=frozenset({SPARK_APPLICATIONS}))
    assert [apply.kind for apply in todo.applies] == [DEPLOYMENTS]
    assert todo.missing == (SPARK_APPLICATIONS.needs,)


def test_an_object_that_was_not_found_by_our_labels_is_somebody_elses() -> None:
    live: dict[str, Any] = {"metadata": {"name": "x", "labels": {**MANAGED_BY}}}
    assert foreign(live, UID, "london")
    live["metadata"]["labels"][PIPELINE_LABEL] = "london"
    assert not foreign(live, UID, "london")


@given(desired())
def test_the_digest_is_of_the_content_alone(wanted: list[Manifest]) -> None:
    for item in wanted:
        turned = dict(reversed(list(item.items())))
        assert digest(turned) == digest(item)
        assert stamped(item)["metadata"]["annotations"] == {APPLIED_HASH: digest(item)}
