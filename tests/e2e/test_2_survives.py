"""What happens to a pipeline in earnest: each fault is survived, and in the end the sums agree."""

from __future__ import annotations

import json
import time
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any

import httpx
from health_catalog.sql import LocalSql

from tests.e2e import books, kube
from tests.e2e.conftest import SYSTEM
from tests.e2e.pipeline import Pipeline
from tests.e2e.pods import BROKER, open_to, open_to_strangers

RESTORED_S, BACK_S, SHOWN_S = 90.0, 420.0, 60.0
CONSOLE_PORT = 8080  # of the console's Service


def test_paths_of_the_design_are_open_and_others_are_not(pipeline: Pipeline) -> None:
    """NetworkPolicies, where the cluster enforces them: the local node does, and so does kind."""
    lag, source, metrics = (f"{pipeline.name}-{port}" for port in ("lag:8080", "simulator:8080", "dispatch:9464"))
    places = (BROKER, lag, source, metrics)
    strangers = open_to_strangers(pipeline.namespace, pipeline.image("producer-vitals"), *places)
    assert strangers == {BROKER, metrics}  # the stand-in for Kafka is not the pipeline's
    assert open_to(pipeline.namespace, f"{pipeline.name}-producer-vitals", *places) == {BROKER, source}
    assert open_to(pipeline.namespace, f"{pipeline.name}-lag", *places) == {BROKER, metrics}


def test_deleted_children_are_restored(pipeline: Pipeline) -> None:
    """A Deployment, a Service and a budget that somebody deletes are made again."""
    for kind, name in (("deployment", "producer-gps"), ("service", "simulator"), ("poddisruptionbudget", "dispatch")):
        full = f"{pipeline.name}-{name}"
        before = kube.get(kind, full, pipeline.namespace)
        assert before is not None, f"no {kind} {full}"
        kube.kubectl("delete", kind, full, "-n", pipeline.namespace)

        def is_new(kind: str = kind, full: str = full, uid: str = before["metadata"]["uid"]) -> bool:
            now = kube.get(kind, full, pipeline.namespace)
            return now is not None and now["metadata"]["uid"] != uid

        kube.wait_for(f"{kind} {full} is made again", is_new, RESTORED_S)


def test_an_edit_restarts_only_what_it_is_about(pipeline: Pipeline) -> None:
    """Another radius is dispatch's business alone."""
    before = {name: _uids(pipeline, name) for name in ("alerts", "landing", "dispatch", "producer-vitals")}
    pipeline.patch(json.dumps({"spec": {"dispatch": {"radiusKm": 6}}}))

    def has_new_pod() -> bool:
        now = _uids(pipeline, "dispatch")
        return bool(now) and not now & before["dispatch"]

    kube.wait_for("dispatch runs with the new radius", has_new_pod, BACK_S)
    for name in ("alerts", "landing", "producer-vitals"):
        assert _uids(pipeline, name) == before[name], name
    pipeline.wait_for("Ready", BACK_S)


def test_a_killed_driver_comes_back(pipeline: Pipeline) -> None:
    """The landing driver is killed without notice."""
    (pod,) = _drivers(pipeline, "landing")
    kube.kubectl("delete", "pod", pod["metadata"]["name"], "-n", pipeline.namespace, "--grace-period=0", "--force")

    def is_back() -> bool:
        return any(each["metadata"]["uid"] != pod["metadata"]["uid"] and _is_ready(each)
                   for each in _drivers(pipeline, "landing"))  # fmt: skip

    kube.wait_for("another landing driver is ready", is_back, BACK_S)


def test_a_console_that_is_asked_for_shows_the_city(pipeline: Pipeline, tmp_path: Path) -> None:
    """By an edit: it is there for who has the token, every vehicle is in it, and they drive."""
    token = token_urlsafe(24)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "console"}, "stringData": {"token": token}}
    kube.kubectl("apply", "-n", pipeline.namespace, "-f", "-", stdin=json.dumps(secret))
    pipeline.patch(json.dumps({"spec": {"console": {"tokenRef": {"name": "console", "key": "token"}}}}))
    name = f"{pipeline.name}-console"

    def is_up() -> bool:
        return kube.condition(kube.get("deployment", name, pipeline.namespace), "Available").get("status") == "True"

    kube.wait_for("the console is available", is_up, BACK_S)
    with kube.forwarded(pipeline.namespace, name, CONSOLE_PORT, tmp_path / "console.log") as url:
        assert httpx.get(f"{url}/api/city").status_code == 401
        (vehicles,) = [each for each in pipeline.resource()["spec"]["sources"] if each["name"] == "vehicles"]
        _watch_vehicles(url, token, vehicles["simulate"]["entities"])
    pipeline.wait_for("Ready", BACK_S)


def _watch_vehicles(url: str, token: str, count: int) -> None:
    """Until all of them have been told of and one has moved; AssertionError when that takes too long."""
    places: dict[str, tuple[float, float]] = {}
    moved = False
    deadline = time.monotonic() + SHOWN_S
    with httpx.stream("GET", f"{url}/api/city", headers={"authorization": f"Bearer {token}"}, timeout=SHOWN_S) as told:
        for line in told.iter_lines():
            vehicles = json.loads(line.removeprefix("data: "))["vehicles"] if line.startswith("data: ") else []
            now = {each["id"]: (each["lat"], each["lon"]) for each in vehicles}
            moved |= any(places.get(vehicle, place) != place for vehicle, place in now.items())
            places |= now
            if moved and len(places) == count:
                return
            assert time.monotonic() < deadline, f"moved: {moved}, seen: {len(places)} of {count}"
    raise AssertionError("the stream has ended")


def test_patients_get_other_names(pipeline: Pipeline, sql: LocalSql) -> None:
    """By an edit, with a key from a Secret: what is read from then on names no patient, and all else goes on."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "names"}, "stringData": {"k1": token_hex(32)}}
    kube.kubectl("apply", "-n", pipeline.namespace, "-f", "-", stdin=json.dumps(secret))
    before = _uids(pipeline, "producer-vitals")
    pseudonyms = {"keyRef": {"name": "names", "key": "k1"}, "keyId": "k1"}
    pipeline.patch(json.dumps({"spec": {"privacy": {"pseudonyms": pseudonyms}}}))
    kube.wait_for("the producer has the key", lambda: _uids(pipeline, "producer-vitals") - before, BACK_S)
    pipeline.wait_for("Ready", BACK_S)
    served = pipeline.served()["vitals"]
    since = f"CAST(source_cursor AS bigint) > {int(served['first']) + int(served['served'])}"

    def have_landed() -> bool:
        named = "entity_id LIKE 'k1-%'"  # in dispatches of whatever outcome: every vehicle may be under way
        return books.has_rows(sql, "raw.vitals", f"{since} AND {named}") and books.has_rows(
            sql, "raw.dispatches", named
        )

    kube.wait_for("readings and decisions under other names have landed", have_landed, BACK_S)
    assert books.count(sql, "raw.vitals", f"{since} AND entity_id NOT LIKE 'k1-%'") == 0


def test_the_operator_is_killed_in_the_middle_of_a_rollout(pipeline: Pipeline) -> None:
    """An edit of what every producer is told, the operator killed at once, and the rollout ends all the same."""
    before = _uids(pipeline, "dispatch")
    pipeline.patch(json.dumps({"spec": {"dispatch": {"radiusKm": 5, "positionTtl": "20s"}}}))
    kube.kubectl("delete", "pod", "-n", SYSTEM, "-l", "app.kubernetes.io/name=health-operator", "--grace-period=0",
                 "--force")  # fmt: skip
    kube.wait_for("dispatch is rolled out", lambda: _uids(pipeline, "dispatch") - before, BACK_S)
    pipeline.wait_for("Ready", BACK_S)


def test_a_drained_node_loses_nothing(pipeline: Pipeline, sql: LocalSql) -> None:
    """All pods of the pipeline are evicted, sources among them, and come back when the node does."""
    (node,) = json.loads(kube.kubectl("get", "nodes", "-o", "json"))["items"]
    name = node["metadata"]["name"]
    selector = f"app.kubernetes.io/instance={pipeline.name}"
    try:
        kube.kubectl("drain", name, f"--pod-selector={selector}", "--delete-emptydir-data", "--force",
                     "--timeout=240s", timeout_s=260)  # fmt: skip
    finally:
        kube.kubectl("uncordon", name)
    pipeline.wait_for("Ready", BACK_S)
    pipeline.check_books(sql)


def _uids(pipeline: Pipeline, component: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pipeline.pods(component)}


def _drivers(pipeline: Pipeline, component: str) -> list[dict[str, Any]]:
    return [pod for pod in pipeline.pods(component) if pod["metadata"]["labels"].get("spark-role") == "driver"]


def _is_ready(pod: dict[str, Any]) -> bool:
    return kube.condition(pod, "Ready").get("status") == "True"
