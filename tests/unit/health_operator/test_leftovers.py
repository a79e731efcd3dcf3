"""What is in AWS is remembered until a Job has removed it, through any edit."""

from __future__ import annotations

from typing import Any

import pytest
from health_operator.bindings import kubernetes_bindings
from health_operator.keepers import KEEPERS, Keeper
from health_operator.kinds import DEPLOYMENTS, JOBS
from health_operator.leftovers import remembered, to_remove
from health_operator.manifests import Owner, aws_removals, desired
from health_operator.naming import labels
from health_operator.plan import Key
from health_operator.state import State
from health_pipeline import HealthPipeline

from tests.unit.health_operator.manifests.examples import PRODUCTION, env_of, kinds, pipeline_of

OWNER = Owner("health-streaming.com/v1alpha1", "HealthPipeline", "london", "uid")
ROLES = {stage: f"arn:aws:iam::123456789012:role/{stage}" for stage in ("catalog", "transform")}
COMPONENTS = [{"name": stage, "roleArn": role} for stage, role in ROLES.items()]
JOB = {"engine": "glue", "glue": {"roleArn": "arn:aws:iam::123456789012:role/london-glue-job"}}
NOTHING = pipeline_of("everything", catalog={"database": "london_health"}, components=[])
WANTS = {
    "catalog": pipeline_of("everything", components=COMPONENTS),
    "transform": pipeline_of("everything", catalog={"database": "london_health"}, components=COMPONENTS, transform=JOB),
}


@pytest.fixture(params=KEEPERS, ids=lambda keeper: keeper.stage)
def keeper(request: pytest.FixtureRequest) -> Keeper:
    found: Keeper = request.param
    return found


@pytest.fixture
def wants(keeper: Keeper) -> HealthPipeline:
    return WANTS[keeper.stage]


def job(keeper: Keeper, *, is_done: bool) -> dict[Key, Any]:
    name = f"london-{keeper.removal}-1"
    live = {"metadata": {"name": name, "labels": labels("london", keeper.removal)}}
    done = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}} if is_done else {}
    return {(JOBS, name): live | done}


def test_it_is_on_record_from_before_anything_is_made_until_it_is_removed(
    keeper: Keeper, wants: HealthPipeline
) -> None:
    assert not remembered(NOTHING, {}, State()).in_aws
    made = remembered(wants, {}, State())
    assert made.in_aws == {keeper.stage: ROLES[keeper.stage]}
    assert State.from_data(made.to_data()) == made
    assert remembered(NOTHING, {}, made) == made  # its role also, which the spec does not say any more
    assert remembered(NOTHING, job(keeper, is_done=False), made) == made
    assert not remembered(NOTHING, job(keeper, is_done=True), made).in_aws
    assert remembered(wants, job(keeper, is_done=True), made) == made  # of an earlier change of mind


def test_the_removal_of_one_says_nothing_of_the_other() -> None:
    both = State(in_aws={"catalog": "", "transform": ""})
    catalog, transform = KEEPERS
    assert remembered(NOTHING, job(catalog, is_done=True), both).in_aws == {"transform": ""}
    assert remembered(NOTHING, job(transform, is_done=True), both).in_aws == {"catalog": ""}


def test_the_removal_waits_until_its_keeper_is_gone(keeper: Keeper, wants: HealthPipeline) -> None:
    made = State(in_aws={keeper.stage: ""})
    assert not to_remove(wants, {}, made)
    assert not to_remove(NOTHING, {(DEPLOYMENTS, f"london-{keeper.stage}"): {}}, made)
    assert to_remove(NOTHING, {}, made) == {keeper.stage}
    assert not to_remove(NOTHING, {}, State())


def test_a_job_does_not_run_on_for_a_pipeline_that_is_suspended() -> None:
    suspended = pipeline_of("everything", transform=JOB, suspend=True)
    assert to_remove(suspended, {}, State(in_aws={"transform": ""})) == {"transform"}


def test_the_removal_has_the_keepers_role_and_nothing_of_kubernetes(keeper: Keeper) -> None:
    stage = keeper.stage
    wanted = desired(NOTHING, PRODUCTION, OWNER, in_aws={stage: ROLES[stage]}, removes=frozenset({stage}))
    ((name, found),) = [each for each in kinds(wanted, "Job").items() if "removal" in each[0]]
    pod = found["spec"]["template"]["spec"]
    assert name.startswith(f"london-{stage}-removal-")
    assert pod["containers"][0]["args"] == ["python", "-m", keeper.module, "remove"]
    assert env_of(pod["containers"][0])["HEALTH_DATABASE"] == "london_health"
    assert pod["serviceAccountName"] == f"london-{stage}"
    assert pod["automountServiceAccountToken"] is False
    account = kinds(wanted, "ServiceAccount")[f"london-{stage}"]
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == ROLES[stage]
    assert f"london-{stage}" not in kinds(wanted, "Deployment")
    assert f"london-{stage}-removal" in kinds(wanted, "NetworkPolicy")


def test_whoever_removes_can_read_what_it_is_told_though_the_spec_says_nothing_of_it(keeper: Keeper) -> None:
    (job,) = aws_removals(NOTHING, PRODUCTION, OWNER, {keeper.stage: ""})
    told = env_of(job["spec"]["template"]["spec"]["containers"][0])
    plain = {name: value for name, value in told.items() if isinstance(value, str)}
    settings = keeper.settings(NOTHING, kubernetes_bindings(NOTHING, PRODUCTION))
    assert type(settings).from_env(plain) == settings


def test_the_end_removes_all_that_there_is() -> None:
    jobs = aws_removals(NOTHING, PRODUCTION, OWNER, {"catalog": "", "transform": ""})
    assert [job["metadata"]["name"].rpartition("-")[0] for job in jobs] == [
        "london-catalog-removal", "london-transform-removal",
    ]  # fmt: skip
    assert not aws_removals(NOTHING, PRODUCTION, OWNER, {})


def test_the_job_is_removed_from_the_image_that_made_it() -> None:
    (made,) = aws_removals(WANTS["transform"], PRODUCTION, OWNER, {"transform": ""})
    image = kinds(desired(WANTS["transform"], PRODUCTION, OWNER), "Deployment")["london-transform"]
    assert made["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/london-spark:3"
    assert image["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/london-spark:3"


def test_who_has_nothing_in_aws_has_no_account_for_it() -> None:
    assert "london-catalog" not in kinds(desired(NOTHING, PRODUCTION, OWNER), "ServiceAccount")
