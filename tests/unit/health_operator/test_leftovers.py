"""What is in AWS is remembered until a Job has removed it, through any edit."""

from __future__ import annotations

from typing import Any

from health_operator.kinds import DEPLOYMENTS, JOBS
from health_operator.leftovers import remembered, to_remove
from health_operator.manifests import Owner, aws_removal, desired
from health_operator.naming import labels
from health_operator.plan import Key
from health_operator.state import State

from tests.unit.health_operator.manifests.examples import PRODUCTION, env_of, kinds, pipeline_of

CRAWLED = pipeline_of("everything")
REGISTERED = pipeline_of("everything", catalog={"database": "london_health"})
OWNER = Owner("health-streaming.com/v1alpha1", "HealthPipeline", "london", "uid")
KEEPER: Key = (DEPLOYMENTS, "london-catalog")


def job(*, is_done: bool) -> dict[Key, Any]:
    live = {"metadata": {"name": "london-catalog-removal-1", "labels": labels("london", "catalog-removal")}}
    done = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}} if is_done else {}
    return {(JOBS, "london-catalog-removal-1"): live | done}


def test_it_is_on_record_from_before_anything_is_made_until_it_is_removed() -> None:
    assert not remembered(REGISTERED, {}, State()).in_aws
    made = remembered(CRAWLED, {}, State())
    assert made.in_aws
    assert State.from_data(made.to_data()) == made
    assert remembered(REGISTERED, {}, made).in_aws
    assert remembered(REGISTERED, job(is_done=False), made).in_aws
    assert not remembered(REGISTERED, job(is_done=True), made).in_aws
    assert remembered(CRAWLED, job(is_done=True), made).in_aws  # of an earlier change of mind


def test_the_removal_waits_until_its_keeper_is_gone() -> None:
    made = State(in_aws=True)
    assert not to_remove(CRAWLED, {}, made)
    assert not to_remove(REGISTERED, {KEEPER: {}}, made)
    assert to_remove(REGISTERED, {}, made)
    assert not to_remove(REGISTERED, {}, State())


def test_the_removal_has_the_keepers_role_and_nothing_of_kubernetes() -> None:
    wanted = desired(REGISTERED, PRODUCTION, OWNER, in_aws=True, removes=True)
    ((name, found),) = [each for each in kinds(wanted, "Job").items() if "catalog" in each[0]]
    pod = found["spec"]["template"]["spec"]
    assert name.startswith("london-catalog-removal-")
    assert pod["containers"][0]["args"] == ["python", "-m", "health_catalog.crawlers", "remove"]
    assert env_of(pod["containers"][0])["HEALTH_DATABASE"] == "london_health"
    assert pod["serviceAccountName"] == "london-catalog"
    assert pod["automountServiceAccountToken"] is False
    account = kinds(wanted, "ServiceAccount")["london-catalog"]
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].endswith("london-catalog")
    assert "london-catalog" not in kinds(wanted, "Deployment")
    assert aws_removal(CRAWLED, PRODUCTION, OWNER)["kind"] == "Job"


def test_who_has_nothing_in_aws_has_no_account_for_it() -> None:
    assert "london-catalog" not in kinds(desired(REGISTERED, PRODUCTION, OWNER), "ServiceAccount")
