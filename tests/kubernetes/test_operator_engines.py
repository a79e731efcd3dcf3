"""The transform by Glue: its keeper, its end, and that neither engine begins before the other is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kubernetes.operator_process import Object, Operator, Space, until
from tests.kubernetes.other_operators import DEPLOYMENTS, JOBS, SCHEDULES, SPARK_APPLICATIONS, Controllers
from tests.kubernetes.sample_pipelines import PIPELINES, condition, pipeline, reason

pytestmark = pytest.mark.usefixtures("other_operators")

KEEPER = SCHEDULE = "london-transform"
RUN = f"{SCHEDULE}-1700000000000000000"
ACCOUNTS = "v1/serviceaccounts"
ROLE = "eks.amazonaws.com/role-arn"
ETL, SPARKS = (f"arn:aws:iam::123456789012:role/london-{name}" for name in ("etl", "transform"))
JOB = {"engine": "glue", "glue": {"roleArn": "arn:aws:iam::123456789012:role/london-glue-job"}}
BY_GLUE = {"transform": JOB, "components": [{"name": "transform", "roleArn": ETL}]}
BY_SPARK = {
    "transform": {"engine": "spark", "glue": None},
    "components": [{"name": "transform", "roleArn": SPARKS}],
}


def removal(space: Space) -> Object | None:
    jobs = [item for item in space.list(JOBS) if "transform-removal" in item["metadata"]["name"]]
    return jobs[0] if jobs else None


def role(space: Space) -> str:
    return str(space.get(ACCOUNTS, KEEPER)["metadata"]["annotations"][ROLE])


def looks(operator: Operator, count: int) -> None:
    """Wait until it has looked so often again."""
    before = operator.metric("health_operator_reconcile_seconds_count")
    until(lambda: operator.metric("health_operator_reconcile_seconds_count") >= before + count, "looks", operator)


def test_glue_has_a_keeper_and_at_the_end_a_removal_with_its_account(
    space: Space, start_operator: Callable[..., Operator]
) -> None:
    space.create(PIPELINES, pipeline("london", **BY_GLUE))
    operator = start_operator()
    until(lambda: space.find(DEPLOYMENTS, KEEPER), "the keeper", operator)
    pod = space.get(DEPLOYMENTS, KEEPER)["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"] == ["python", "-m", "health_catalog.etl"]
    assert pod["containers"][0]["image"].endswith("health-spark:dev")
    assert role(space) == ETL
    assert not space.list(SCHEDULES)

    space.delete(PIPELINES, "london")
    until(lambda: removal(space), "the removal", operator)
    job = removal(space)
    assert job is not None
    pod = job["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], pod["containers"][0]["args"][-1]) == (KEEPER, "remove")
    assert not space.list(DEPLOYMENTS)
    assert space.find(PIPELINES, "london")
    Controllers(space).run()  # the job is done
    until(lambda: not space.find(PIPELINES, "london"), "the end", operator)


def test_glue_waits_for_the_last_run_of_spark(space: Space, start_operator: Callable[..., Operator]) -> None:
    space.create(PIPELINES, pipeline("london"))
    operator = start_operator()
    until(lambda: space.find(SCHEDULES, SCHEDULE), "the schedule", operator)
    schedule = space.get(SCHEDULES, SCHEDULE)
    owner = {"name": SCHEDULE, "uid": schedule["metadata"]["uid"], "blockOwnerDeletion": True}
    kind = {key: schedule[key] for key in ("apiVersion", "kind")}
    run = {
        "apiVersion": schedule["apiVersion"],
        "kind": "SparkApplication",
        "metadata": {"name": RUN, "labels": schedule["metadata"]["labels"], "ownerReferences": [kind | owner]},
        "spec": schedule["spec"]["template"],
    }
    space.create(SPARK_APPLICATIONS, run)

    space.patch(PIPELINES, "london", {"spec": BY_GLUE})
    until(lambda: "deletionTimestamp" in space.get(SCHEDULES, SCHEDULE)["metadata"], "the schedule goes", operator)
    assert space.get(SCHEDULES, SCHEDULE)["spec"]["suspend"] is True
    until(lambda: reason(space, "CatalogReady") == "TransformWaits", "it says so", operator)
    Controllers(space).collect()
    looks(operator, 3)
    assert RUN in condition(space, "CatalogReady")["message"]
    assert not space.find(DEPLOYMENTS, KEEPER)

    space.delete(SPARK_APPLICATIONS, RUN)
    Controllers(space).collect()
    until(lambda: space.find(DEPLOYMENTS, KEEPER), "the keeper", operator)
    assert not space.find(SCHEDULES, SCHEDULE)


def test_spark_waits_until_the_job_is_removed_by_the_role_that_made_it(
    space: Space, start_operator: Callable[..., Operator]
) -> None:
    space.create(PIPELINES, pipeline("london", **BY_GLUE))
    operator = start_operator()
    until(lambda: space.find(DEPLOYMENTS, KEEPER), "the keeper", operator)
    space.patch(PIPELINES, "london", {"spec": BY_SPARK})
    until(lambda: "deletionTimestamp" in space.get(DEPLOYMENTS, KEEPER)["metadata"], "the keeper goes", operator)
    looks(operator, 3)
    assert not removal(space), "not while its keeper is there"
    Controllers(space).collect()
    until(lambda: removal(space), "the removal", operator)
    looks(operator, 3)
    assert not space.find(SCHEDULES, SCHEDULE)
    assert reason(space, "CatalogReady") == "TransformWaits"
    assert role(space) == ETL

    Controllers(space).run()  # the job is done
    until(lambda: space.find(SCHEDULES, SCHEDULE), "the schedule", operator)
    assert not space.find(DEPLOYMENTS, KEEPER)
    until(lambda: role(space) == SPARKS, "it is Spark's account now", operator)
    until(lambda: not removal(space), "the removal is forgotten", operator)


def test_a_suspended_pipeline_has_no_job_and_gets_it_back(
    space: Space, start_operator: Callable[..., Operator]
) -> None:
    space.create(PIPELINES, pipeline("london", **BY_GLUE))
    operator = start_operator()
    until(lambda: space.find(DEPLOYMENTS, KEEPER), "the keeper", operator)
    space.patch(PIPELINES, "london", {"spec": {"suspend": True}})
    until(lambda: Controllers(space).collect() or removal(space), "the removal", operator)
    Controllers(space).run()
    until(lambda: not removal(space), "the removal is forgotten", operator)
    space.patch(PIPELINES, "london", {"spec": {"suspend": False}})
    until(lambda: space.find(DEPLOYMENTS, KEEPER), "the keeper", operator)
