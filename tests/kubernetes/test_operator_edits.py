"""What becomes of an edit: applied, refused with all reasons, held until approved, paused, suspended, rolled back."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.operator_process import Operator, Space, until
from tests.kubernetes.other_operators import DEPLOYMENTS, SPARK_APPLICATIONS, Controllers, spark_status
from tests.kubernetes.sample_pipelines import PIPELINES, condition, events, is_true, pipeline, reason

pytestmark = pytest.mark.usefixtures("other_operators")

FLOWING = (
    b'{"eventsPerSecond": 12.5, "lagSeconds": 1.2, "freshnessSeconds": 4,'
    b' "components": {"landing": true, "alerts": true}}'
)
# No stream can go on from where it was in another Kafka.
ANOTHER_KAFKA = {"kafka": {"mode": "external", "external": {"bootstrapServers": "other:9092", "tls": False}}}
DEFINITION = "healthpipelines.health-streaming.com"
STATE = "v1/configmaps"
APPROVE = "health-streaming.com/approve-new-checkpoint"


@pytest.fixture
def slo_url() -> Iterator[str]:
    """A lag exporter that says that data flows."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(FLOWING)))
            self.end_headers()
            self.wfile.write(FLOWING)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
            """Not a word."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{{namespace}}/{{pipeline}}"
        server.shutdown()


@pytest.fixture
def ready(space: Space, start_operator: Callable[..., Operator], slo_url: str) -> Operator:
    """The operator of a pipeline that has become Ready."""
    space.create(PIPELINES, pipeline("london"))
    operator = start_operator(slo_url=slo_url)
    becomes_ready(space, operator)
    return operator


def becomes_ready(space: Space, operator: Operator) -> None:
    """Play the controllers until the pipeline says of its latest generation that it is Ready."""

    def is_ready() -> bool:
        Controllers(space).run()
        generation = space.get(PIPELINES, "london")["metadata"]["generation"]
        return is_true(space, "Ready") and condition(space, "Ready")["observedGeneration"] == generation

    until(is_ready, "Ready", operator)


def deployed(space: Space, name: str) -> dict[str, str]:
    """The environment of a Deployment's container."""
    (container,) = space.get(DEPLOYMENTS, name)["spec"]["template"]["spec"]["containers"]
    return {item["name"]: item.get("value", "") for item in container["env"]}


def edit(space: Space, **spec: Any) -> int:
    """Change fields of the spec; the new generation."""
    return int(space.patch(PIPELINES, "london", {"spec": spec})["metadata"]["generation"])


def test_ready_is_told_in_the_way_that_kubectl_waits_for(space: Space, ready: Operator, kube: ApiServer) -> None:
    kube.kubectl("wait", "-n", space.namespace, "--for=condition=Ready", "healthpipeline/london", "--timeout=10s")
    status = space.get(PIPELINES, "london")["status"]
    assert status["phase"] == "Running"
    assert status["slo"] == {"eventsPerSecond": 12.5, "lagSeconds": 1.2, "freshnessSeconds": 4}
    assert [item["type"] for item in status["conditions"]] == [
        "Accepted", "KafkaReady", "SourcesReady", "StreamingReady", "CatalogReady", "DataFlowing", "SLOMet", "Ready",
    ]  # fmt: skip
    assert all(item["status"] == "True" for item in status["conditions"])
    until(lambda: space.get(PIPELINES, "london")["status"].get("lastStableSpec") ==
          {"configMap": "london-state", "generation": 1}, "the stable spec is on record", ready)  # fmt: skip
    row = kube.kubectl("get", "hp", "-n", space.namespace, "london", "--no-headers").split()
    assert row[:4] == ["london", "True", "12.5", "1.2"]


def test_an_edit_is_rolled_out_and_told(space: Space, ready: Operator) -> None:
    since = condition(space, "KafkaReady")["lastTransitionTime"]
    generation = edit(space, dispatch={"radiusKm": 25})
    until(lambda: deployed(space, "london-dispatch")["HEALTH_RADIUS_KM"] == "25.0", "the radius is applied", ready)
    becomes_ready(space, ready)
    plan = space.get(PIPELINES, "london")["status"]["plan"]
    assert (plan["generation"], plan["impact"]) == (generation, "Rolling")
    assert plan["edits"][0]["path"] == "spec.dispatch.radiusKm"
    assert condition(space, "KafkaReady")["lastTransitionTime"] == since  # it never was otherwise


def test_a_spec_that_cannot_be_read_changes_nothing_and_all_of_its_problems_are_told(
    space: Space, ready: Operator, kube: ApiServer
) -> None:
    """The operator's reader has the last word, for a cluster may have a definition that is older."""
    before = space.versions(DEPLOYMENTS, SPARK_APPLICATIONS)
    whole = kube.get("crd", DEFINITION)["spec"]
    set_definition(kube, with_fewer_rules(whole))
    try:
        rules = [{"metric": "spo2"}, {"metric": "spo2", "atOrBelow": 120}]
        change = {"spec": {"alerting": {"rules": rules}}}
        until(lambda: space.is_patched(PIPELINES, "london", change), "the API server takes it", ready)
        until(lambda: reason(space, "Accepted") == "InvalidSpec", "the refusal", ready)
    finally:
        set_definition(kube, whole)
    message = condition(space, "Accepted")["message"]
    assert "spec.alerting.rules[0]" in message
    assert "spec.alerting.rules[1]" in message
    assert "generation 1 is kept up" in message
    assert space.versions(DEPLOYMENTS, SPARK_APPLICATIONS) == before
    assert "SpecRefused" in events(space)


def with_fewer_rules(spec: dict[str, Any]) -> dict[str, Any]:
    """The definition without what it says of alerting's rules."""
    spec = copy.deepcopy(spec)
    fields = spec["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    del fields["alerting"]["properties"]["rules"]["items"]["x-kubernetes-validations"]
    return spec


def set_definition(kube: ApiServer, spec: dict[str, Any]) -> None:
    """Make this the definition of HealthPipelines."""
    kube.kubectl("replace", "-f", "-", stdin=json.dumps({**kube.get("crd", DEFINITION), "spec": spec}))


def test_an_edit_that_would_lose_a_streams_place_waits_for_approval(space: Space, ready: Operator) -> None:
    before = space.get(SPARK_APPLICATIONS, "london-landing")["metadata"]["generation"]
    generation = edit(space, **ANOTHER_KAFKA)
    until(lambda: reason(space, "Accepted") == "ApprovalNeeded", "the refusal", ready)
    status = space.get(PIPELINES, "london")["status"]
    command = f"kubectl annotate --overwrite -n {space.namespace}"
    assert status["plan"]["impact"] == "NewCheckpoint"
    assert status["plan"]["approval"].startswith(command)
    assert status["plan"]["approval"].endswith(f"{APPROVE}={generation}")
    assert command in condition(space, "Accepted")["message"]
    assert space.get(SPARK_APPLICATIONS, "london-landing")["metadata"]["generation"] == before

    space.patch(PIPELINES, "london", {"metadata": {"annotations": {APPROVE: str(generation - 1)}}})
    space.delete(DEPLOYMENTS, "london-dispatch")  # what is applied is kept up all the while
    until(lambda: space.find(DEPLOYMENTS, "london-dispatch"), "the Deployment is back", ready)
    assert reason(space, "Accepted") == "ApprovalNeeded"

    space.patch(PIPELINES, "london", {"metadata": {"annotations": {APPROVE: str(generation)}}})
    until(lambda: is_true(space, "Accepted"), "it is applied", ready)
    until(lambda: space.get(PIPELINES, "london")["status"].get("checkpointEpoch") == str(generation), "epoch", ready)
    until(lambda: space.get(SPARK_APPLICATIONS, "london-landing")["metadata"]["generation"] > before, "restart", ready)
    lines = [line.partition(" audit ")[2] for line in ready.log.read_text().splitlines() if " audit " in line]
    told = [json.loads(line) for line in lines]
    assert [each["generation"] for each in told if each["audit"] == "SpecApplied"] == [1, generation]
    assert told[-1]["approved_by"], "the API server says which client it was"
    assert json.loads(space.get(STATE, "london-state")["data"]["audit"]) == told
    until(lambda: space.get(PIPELINES, "london")["status"].get("auditSequence") == 2, "numbers are told", ready)


def test_the_last_stable_spec_can_be_put_back(space: Space, ready: Operator) -> None:
    until(lambda: space.get(PIPELINES, "london")["status"].get("lastStableSpec"), "a stable spec", ready)
    stable = space.get(PIPELINES, "london")["spec"]
    edit(space, dispatch={"radiusKm": 25}, monitoring={"canaryInterval": "5s"})
    until(lambda: deployed(space, "london-dispatch")["HEALTH_RADIUS_KM"] == "25.0", "the edit is applied", ready)
    space.patch(PIPELINES, "london", {"metadata": {"annotations": {"health-streaming.com/rollback": "last-stable"}}})
    until(lambda: space.get(PIPELINES, "london")["spec"] == stable, "the spec is back", ready)
    until(lambda: deployed(space, "london-dispatch")["HEALTH_RADIUS_KM"] == "10.0", "it is applied", ready)
    assert "health-streaming.com/rollback" not in (space.get(PIPELINES, "london")["metadata"].get("annotations") or {})
    assert "RolledBack" in events(space)
    audit = json.loads(space.get(STATE, "london-state")["data"]["audit"])
    assert [entry["audit"] for entry in audit] == ["SpecApplied", "SpecApplied", "Rollback", "SpecApplied"]
    assert [entry["sequence"] for entry in audit] == [1, 2, 3, 4]


def test_a_stable_spec_that_the_api_server_takes_no_more_is_not_put_back(space: Space, ready: Operator) -> None:
    """Partitions grow and never shrink, not even back."""
    until(lambda: space.get(PIPELINES, "london")["status"].get("lastStableSpec"), "a stable spec", ready)
    sources = space.get(PIPELINES, "london")["spec"]["sources"]
    edit(space, sources=[{**source, "partitions": 5} for source in sources])
    space.patch(PIPELINES, "london", {"metadata": {"annotations": {"health-streaming.com/rollback": "last-stable"}}})
    until(lambda: "RollbackRefused" in events(space), "the refusal", ready)
    metadata = space.get(PIPELINES, "london")["metadata"]
    assert "health-streaming.com/rollback" not in (metadata.get("annotations") or {})


def test_a_paused_pipeline_is_left_as_it_is_until_it_goes_on(space: Space, ready: Operator) -> None:
    space.patch(PIPELINES, "london", {"metadata": {"annotations": {"health-streaming.com/paused": "true"}}})
    until(lambda: reason(space, "Accepted") == "Paused", "the pause", ready)
    edit(space, dispatch={"radiusKm": 25})
    space.delete(DEPLOYMENTS, "london-lag")
    until(lambda: condition(space, "Accepted")["status"] == "Unknown", "the latest spec waits", ready)
    looks = ready.metric("health_operator_reconcile_seconds_count")
    until(lambda: ready.metric("health_operator_reconcile_seconds_count") >= looks + 2, "two looks", ready)
    assert not space.find(DEPLOYMENTS, "london-lag")
    assert deployed(space, "london-dispatch")["HEALTH_RADIUS_KM"] == "10.0"
    assert space.get(PIPELINES, "london")["status"]["phase"] == "Paused"

    space.patch(PIPELINES, "london", {"metadata": {"annotations": {"health-streaming.com/paused": None}}})
    until(lambda: space.find(DEPLOYMENTS, "london-lag"), "it goes on", ready)
    until(lambda: deployed(space, "london-dispatch")["HEALTH_RADIUS_KM"] == "25.0", "with the latest spec", ready)


def test_a_suspended_pipeline_runs_nothing_and_keeps_its_place(space: Space, ready: Operator) -> None:
    edit(space, suspend=True)
    until(lambda: not space.list(DEPLOYMENTS) and not space.list(SPARK_APPLICATIONS), "nothing runs", ready)
    until(lambda: reason(space, "Ready") == "Suspended", "it is told", ready)
    assert space.get(PIPELINES, "london")["status"]["phase"] == "Suspended"
    edit(space, suspend=False)
    becomes_ready(space, ready)
    assert not space.get(PIPELINES, "london")["status"].get("checkpointEpoch")


def test_edits_of_many_at_once_end_with_the_last(space: Space, ready: Operator) -> None:
    def editor(number: int) -> None:
        for round_ in range(4):
            edit(space, dispatch={"radiusKm": 20 + number + 5 * round_})

    threads = [threading.Thread(target=editor, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = space.get(PIPELINES, "london")["spec"]["dispatch"]["radiusKm"]
    until(lambda: float(deployed(space, "london-dispatch")["HEALTH_RADIUS_KM"]) == last, "the last is applied", ready)
    becomes_ready(space, ready)


def test_a_stream_that_was_given_up_is_made_anew(space: Space, ready: Operator) -> None:
    first = space.get(SPARK_APPLICATIONS, "london-landing")["metadata"]["uid"]
    space.patch(SPARK_APPLICATIONS, "london-landing", {"status": spark_status("FAILED")}, "status")

    def is_new() -> bool:
        live = space.find(SPARK_APPLICATIONS, "london-landing")
        return live is not None and live["metadata"]["uid"] != first

    until(is_new, "another application", ready)
    assert "StreamRestarted" in events(space)
    becomes_ready(space, ready)


def record(space: Space) -> dict[str, str]:
    """What is on record, but for the audit of how it came to be."""
    data = space.get(STATE, "london-state")["data"]
    return {key: value for key, value in data.items() if key not in ("audit", "audited")}


def applied(space: Space) -> str:
    """What the record says is applied, in one form; empty while there is no record that can be read."""
    text = (space.find(STATE, "london-state") or {"data": {}})["data"].get("applied", "")
    return json.dumps(json.loads(text), sort_keys=True) if text.endswith("}") else ""


def test_a_record_that_was_deleted_is_made_again_and_streams_go_on(space: Space, ready: Operator) -> None:
    generation = edit(space, **ANOTHER_KAFKA)
    space.patch(PIPELINES, "london", {"metadata": {"annotations": {APPROVE: str(generation)}}})
    becomes_ready(space, ready)
    until(lambda: space.get(PIPELINES, "london")["status"]["lastStableSpec"]["generation"] == generation, "all", ready)
    kept = record(space)
    before = space.versions(DEPLOYMENTS, SPARK_APPLICATIONS)
    space.delete(STATE, "london-state")
    until(lambda: space.find(STATE, "london-state"), "the record", ready)
    until(lambda: record(space) == kept, "all of the record", ready)
    assert json.loads(space.get(STATE, "london-state")["data"]["audit"])[0]["audit"] == "RecordLost"
    assert "StateLost" in events(space)
    assert space.get(PIPELINES, "london")["status"]["checkpointEpoch"] == str(generation)
    assert space.versions(DEPLOYMENTS, SPARK_APPLICATIONS) == before


@pytest.mark.parametrize("loss", ["deleted", "unreadable"])
def test_an_edit_beside_a_lost_record_waits_for_approval(space: Space, ready: Operator, loss: str) -> None:
    """Nobody knows what it would do: its streams might go on in another Kafka from where they were in this one."""
    before = space.versions(DEPLOYMENTS, SPARK_APPLICATIONS)
    spec = space.get(PIPELINES, "london")["spec"]
    ready.stop()
    generation = edit(space, **ANOTHER_KAFKA)
    if loss == "deleted":
        space.delete(STATE, "london-state")
    else:
        space.patch(STATE, "london-state", {"data": {"applied": "{"}})
    ready.start()
    until(lambda: reason(space, "Accepted") == "StateLost", "the refusal", ready)
    assert f"{APPROVE}={generation}" in condition(space, "Accepted")["message"]
    assert "StateLost" in events(space)
    assert space.versions(DEPLOYMENTS, SPARK_APPLICATIONS) == before

    back = edit(space, kafka={**spec["kafka"], "external": None})
    until(lambda: is_true(space, "Accepted"), "what was applied goes on", ready)
    # The status says that the generation was seen before anything else is written.
    wanted = json.dumps({"generation": back, "spec": spec}, sort_keys=True)
    until(lambda: applied(space) == wanted, "it is on record", ready)
    assert "checkpointEpoch" not in space.get(PIPELINES, "london")["status"]
    assert space.versions(SPARK_APPLICATIONS) == {key: value for key, value in before.items() if "spark" in key}
