"""Spark applications: what keeps streams running, and what is in their pods."""

from __future__ import annotations

import pytest
from health_operator.manifests import Manifest
from health_operator.manifests.resources import driver_overhead, executor_overhead, spark_cores
from health_operator.manifests.spark import schedule_name
from health_operator.settings import Platform
from health_pipeline import Priority

from tests.unit.health_operator.manifests.examples import DEVELOPMENT, built, env_of, example, kinds, one, pipeline_of


def application(name: str, component: str, **spec: object) -> Manifest:
    manifests = example(name, **spec)
    found = kinds(manifests, "SparkApplication") | kinds(manifests, "ScheduledSparkApplication")
    (manifest,) = [each for full, each in found.items() if full.endswith(f"-{component}")]
    return manifest


def container(application: Manifest, role: str) -> Manifest:
    (found,) = application[role]["template"]["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize("component", ["landing", "alerts"])
def test_a_stream_is_always_brought_back(component: str) -> None:
    policy = application("quickstart", component)["spec"]["restartPolicy"]
    assert policy["type"] == "Always"
    assert policy["onFailureRetryInterval"] > 0 < policy["onSubmissionFailureRetryInterval"]


def test_runs_of_the_transform_never_overlap_and_never_hang() -> None:
    spec = application("quickstart", "transform")["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["schedule"] == "@every 30s"
    assert spec["template"]["restartPolicy"]["type"] == "OnFailure"
    assert spec["template"]["restartPolicy"]["onFailureRetries"] == 2
    assert spec["template"]["driver"]["template"]["spec"]["activeDeadlineSeconds"]
    assert "activeDeadlineSeconds" not in application("quickstart", "landing")["spec"]["driver"]["template"]["spec"]


@pytest.mark.parametrize(("cores", "slots"), [(2, 7), (8, 8)])
def test_alerts_have_one_executor_with_a_slot_for_each_partition_and_one_more(cores: int, slots: int) -> None:
    executor = {"instances": 3, "cores": cores, "coreRequest": "600m"}
    found = application("everything", "alerts", spark={"executor": executor})["spec"]["executor"]
    assert (found["instances"], found["cores"], found["coreRequest"]) == (1, slots, "600m")
    landing = application("everything", "landing", spark={"executor": executor})["spec"]["executor"]
    assert (landing["instances"], landing["cores"], landing["coreRequest"]) == (3, cores, "300m")


def test_microbatch_alerts_need_no_more_slots_than_they_are_given() -> None:
    spark = {"executor": {"cores": 1}}
    found = application("everything", "alerts", alerting={"latency": "microbatch"}, spark=spark)
    assert found["spec"]["executor"]["cores"] == 1


def test_a_driver_must_not_wait_to_be_ready() -> None:
    """Its executors find it by a Service that leads to ready pods only, and it needs them to become ready."""
    driver = container(application("quickstart", "landing")["spec"], "driver")
    assert driver.keys() & {"startupProbe", "readinessProbe", "livenessProbe"} == {"livenessProbe"}


def test_pods_get_their_secrets_by_reference_and_only_drivers_those_of_the_component() -> None:
    spec = application("everything", "landing")["spec"]
    driver, executor = env_of(container(spec, "driver")), env_of(container(spec, "executor"))
    assert driver["HEALTH_SASL_PASSWORD"] == {"secretKeyRef": {"name": "kafka-login", "key": "password"}}
    keys = {name: {"secretKeyRef": {"name": "lake-keys", "key": name}}
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}  # fmt: skip
    assert executor == keys
    assert driver.items() >= keys.items()


def test_executors_have_the_certificates_too_for_they_read_the_topics() -> None:
    spec = application("everything", "alerts")["spec"]
    for role in ("driver", "executor"):
        pod = spec[role]["template"]["spec"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container(spec, role)["volumeMounts"]}
        (volume,) = [each for each in pod["volumes"] if each["name"] == "kafka-ca"]
        assert volume["secret"]["items"] == [{"key": "ca-bundle.pem", "path": "ca.crt"}]
        assert env_of(container(spec, "driver"))["HEALTH_CA_FILE"] == f"{mounts['kafka-ca']}/ca.crt"


def test_only_the_driver_may_speak_with_kubernetes() -> None:
    manifests = example("quickstart")
    for component in ("landing", "alerts"):
        spec = one(manifests, "SparkApplication", f"quickstart-{component}")["spec"]
        (subject,) = one(manifests, "RoleBinding", f"quickstart-{component}")["subjects"]
        driver, executor = (spec[role]["template"]["spec"] for role in ("driver", "executor"))
        assert driver["serviceAccountName"] == spec["driver"]["serviceAccount"] == subject["name"]
        assert driver["automountServiceAccountToken"]
        assert executor["serviceAccountName"] == spec["executor"]["serviceAccount"] != subject["name"]
        assert not executor["automountServiceAccountToken"]


def test_an_account_that_is_there_is_used_and_neither_made_nor_bound() -> None:
    platform = Platform(spark_service_account="spark", stand_ins=DEVELOPMENT.stand_ins)
    manifests = built(pipeline_of("quickstart"), platform)
    assert one(manifests, "SparkApplication", "quickstart-landing")["spec"]["driver"]["serviceAccount"] == "spark"
    assert not kinds(manifests, "RoleBinding")
    assert "quickstart-landing" not in kinds(manifests, "ServiceAccount")


def test_driver_and_executors_have_the_role_of_their_stage() -> None:
    accounts = kinds(example("everything"), "ServiceAccount")
    arns = {name: account["metadata"].get("annotations", {}) for name, account in accounts.items()}
    del arns["london-catalog"]  # which is no Spark
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/london-landing"}
    assert {name for name, annotations in arns.items() if annotations} == {"london-landing", "london-landing-executor"}
    assert arns["london-landing"] == arns["london-landing-executor"] == role


def test_a_new_epoch_is_a_new_checkpoint_for_the_streams_and_not_for_the_transform() -> None:
    manifests = example("quickstart", epoch="4")
    epochs = {
        name: env_of(container(each["spec"].get("template", each["spec"]), "driver"))["HEALTH_CHECKPOINT_EPOCH"]
        for kind in ("SparkApplication", "ScheduledSparkApplication")
        for name, each in kinds(manifests, kind).items()
    }
    assert epochs == {"quickstart-landing": "4", "quickstart-alerts": "4", "quickstart-transform": ""}


@pytest.mark.parametrize("component", ["landing", "alerts"])
def test_a_drain_may_always_take_a_driver(component: str) -> None:
    """Its pods are counted by minAvailable only, and there is one: any other number would refuse every drain."""
    budget = one(example("quickstart"), "PodDisruptionBudget", f"quickstart-{component}")["spec"]
    assert budget["minAvailable"] == 0
    assert "maxUnavailable" not in budget
    assert budget["selector"]["matchLabels"]["spark-role"] == "driver"


@pytest.mark.parametrize(
    ("asked", "cores", "priority", "reserved"),
    [
        (None, 2, Priority.REALTIME, "2000m"),
        (None, 1, Priority.BACKGROUND, "500m"),
        ("1.5", 4, Priority.BACKGROUND, "750m"),
        ("100m", 4, Priority.BATCH, "25m"),
        ("1m", 1, Priority.BATCH, "1m"),
    ],
)
def test_what_is_urgent_reserves_more(asked: str | None, cores: int, priority: Priority, reserved: str) -> None:
    assert spark_cores(asked, cores, priority) == reserved


def test_memory_beside_the_heap() -> None:
    assert driver_overhead("1g") == "640m"
    assert driver_overhead("8g") == f"{819 + 256}m"
    assert executor_overhead("512m", 4, python=True) == f"{384 + 4 * 256}m"
    assert executor_overhead("512m", 4, python=False) == "384m"


def test_long_names_of_schedules_are_cut_and_stay_apart() -> None:
    long = "a" * 40
    assert schedule_name("london-transform") == "london-transform"
    assert len(schedule_name(f"{long}-transform")) <= 43
    assert schedule_name(f"{long}b-transform") != schedule_name(f"{long}c-transform")
