"""The operator as a process: killed and started again, two at once, its probes, and its lease."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.kubernetes.operator_process import Operator, Space, until
from tests.kubernetes.other_operators import DEPLOYMENTS, SPARK_APPLICATIONS
from tests.kubernetes.sample_pipelines import PIPELINES, is_true, pipeline

pytestmark = pytest.mark.usefixtures("other_operators")

LEASES = "coordination.k8s.io/v1/leases"
TAKES_OVER_S = 90.0  # the lease runs out after 15 s; the rest is patience with a busy machine


def radius(space: Space) -> str:
    """What dispatch is told."""
    (container,) = space.get(DEPLOYMENTS, "london-dispatch")["spec"]["template"]["spec"]["containers"]
    return {item["name"]: item.get("value", "") for item in container["env"]}["HEALTH_RADIUS_KM"]


def holder(space: Space) -> str:
    """Who holds the lease."""
    lease = space.find(LEASES, "health-operator")
    return str((lease or {"spec": {}})["spec"].get("holderIdentity") or "")


def test_killed_while_specs_and_children_change_it_catches_up(
    space: Space, start_operator: Callable[..., Operator]
) -> None:
    space.create(PIPELINES, pipeline("london"))
    space.create(PIPELINES, pipeline("paris"))
    operator = start_operator()
    until(lambda: space.find(SPARK_APPLICATIONS, "paris-landing"), "the children", operator)
    until(lambda: space.find(SPARK_APPLICATIONS, "london-landing"), "the children", operator)
    operator.kill()

    space.patch(PIPELINES, "london", {"spec": {"dispatch": {"radiusKm": 25}}})
    space.delete(DEPLOYMENTS, "london-simulator")
    space.patch(DEPLOYMENTS, "london-lag", {"spec": {"replicas": 5}})
    space.delete(PIPELINES, "paris")
    space.create(PIPELINES, pipeline("rome"))

    operator.start()
    until(lambda: space.find(SPARK_APPLICATIONS, "rome-landing"), "the new one is made", operator, TAKES_OVER_S)
    until(lambda: not space.find(PIPELINES, "paris"), "the deleted one is gone", operator)
    until(lambda: space.find(DEPLOYMENTS, "london-simulator"), "what was deleted is back", operator)
    until(lambda: radius(space) == "25.0", "the edit is applied", operator)
    until(lambda: space.get(DEPLOYMENTS, "london-lag")["spec"]["replicas"] == 1, "the drift is repaired", operator)


def test_killed_in_the_middle_of_making_children_it_goes_on(
    space: Space, start_operator: Callable[..., Operator]
) -> None:
    operator = start_operator()
    until(operator.is_at_work, "the lease", operator)
    space.create(PIPELINES, pipeline("london"))
    until(lambda: space.list("v1/services"), "the first children", operator)
    operator.kill()
    before = {item["metadata"]["uid"] for item in space.list("v1/services")}
    operator.start()
    until(lambda: space.find(SPARK_APPLICATIONS, "london-alerts"), "the last children", operator, TAKES_OVER_S)
    assert before <= {item["metadata"]["uid"] for item in space.list("v1/services")}
    until(lambda: is_true(space, "Accepted"), "it is told", operator)


def test_of_two_one_is_at_work_and_the_other_takes_over(space: Space, start_operator: Callable[..., Operator]) -> None:
    first = start_operator()
    until(first.is_at_work, "the lease", first)
    second = start_operator()
    until(lambda: second.log.exists() and "stands by" in second.told(), "the other stands by", second)
    assert not second.is_at_work()
    assert second.get("/livez").status_code == second.get("/readyz").status_code == 200
    assert holder(space) == first.identity

    first.kill()
    space.create(PIPELINES, pipeline("london"))
    until(second.is_at_work, "it takes over when the lease has run out", second, TAKES_OVER_S)
    until(lambda: space.find(DEPLOYMENTS, "london-dispatch"), "and works", second)

    third = start_operator()
    until(lambda: third.log.exists() and "stands by" in third.told(), "a third stands by", third)
    assert second.stop() == 0
    until(third.is_at_work, "one that is told to stop hands over", third)


def test_whoever_loses_the_lease_ends(space: Space, start_operator: Callable[..., Operator]) -> None:
    operator = start_operator()
    until(operator.is_at_work, "the lease", operator)
    stolen = {"spec": {"holderIdentity": "somebody", "renewTime": "2100-01-01T00:00:00.000000Z"}}
    space.patch(LEASES, "health-operator", stolen)
    until(lambda: operator.ended() is not None, "the end", operator)
    assert operator.ended() == 1
    assert holder(space) == "somebody"


def test_the_probes_of_one_that_is_at_work(space: Space, start_operator: Callable[..., Operator]) -> None:
    operator = start_operator()
    until(lambda: _answers(operator, "/livez"), "alive", operator)
    until(lambda: _answers(operator, "/readyz"), "ready", operator)
    assert operator.get("/metrics").status_code == httpx.codes.OK
    assert space.list(PIPELINES) == []


def _answers(operator: Operator, path: str) -> bool:
    try:
        return operator.get(path).is_success
    except httpx.TransportError:
        return False
