"""Spark applications of the Kubeflow operator: landing and alerts for ever, transform by its schedule.

Everything of the pods is in templates. The operator's webhook could add it as well, but while the webhook is away pods
start without what it would have added.
"""

from __future__ import annotations

from typing import Any

from health_pipeline import Component
from health_pipeline.settings import AlertsSettings, KafkaSettings

from health_operator import naming
from health_operator.manifests import pods
from health_operator.manifests.accounts import account_name
from health_operator.manifests.model import Build, Manifest

API = "sparkoperator.k8s.io/v1beta2"
SPARK_VERSION = "4.2.0"
# Of the image: `python -m` for Spark, which starts files only.
_RUN = "local:///opt/health/run.py"
_RETRY_S = 10
_START_S = 240
# Beside Java: Python, which holds the rows of a task in Arrow. Spark's own share for it (0.4) is for small rows.
_OVERHEAD = "0.6"
_CONF = {
    # Spark 4.2 makes a NetworkPolicy for each driver; the operator's role does not allow it to (kubeflow/spark-operator
    # up to 2.5), and the submission would fail.
    "spark.kubernetes.driver.pod.excludedFeatureSteps": (
        "org.apache.spark.deploy.k8s.features.NetworkPolicyFeatureStep"
    ),
}
_DRIVER, _EXECUTOR = "spark-kubernetes-driver", "spark-kubernetes-executor"


def application(build: Build, component: Component) -> Manifest | None:
    """A stream, which is brought back whenever it ends; None for what is no stream."""
    if not component.spark or component.schedule:
        return None
    made = build.manifest(API, "SparkApplication", component.name)
    again = {"type": "Always", "onFailureRetryInterval": _RETRY_S, "onSubmissionFailureRetryInterval": _RETRY_S}
    made["spec"] = {**_spec(build, component), "restartPolicy": again}
    return made


def schedule(build: Build, component: Component) -> Manifest | None:
    """A batch that runs by its schedule, one run at a time; None for what has none."""
    if not component.spark or not component.schedule:
        return None
    made = build.manifest(API, "ScheduledSparkApplication", component.name)
    made["spec"] = {
        "schedule": component.schedule,
        "concurrencyPolicy": "Forbid",
        "successfulRunHistoryLimit": 1,
        "failedRunHistoryLimit": 1,
        # A run that fails is done again by the next one, which takes up where the last good one ended.
        "template": {**_spec(build, component), "restartPolicy": {"type": "Never"}},
    }
    return made


def _spec(build: Build, component: Component) -> dict[str, Any]:
    spark, platform = build.pipeline.spec.spark, build.platform
    account = platform.spark_service_account or account_name(build.pipeline.name, component.name)
    secrets = [str(name) for name in platform.pull_secrets]
    driver, executor = spark.driver, spark.executor
    instances, cores = _executors(component, executor.instances, executor.cores)
    told = pods.variables(component.env, component.secrets)
    return {
        "type": "Python",
        "pythonVersion": "3",
        "mode": "cluster",
        "sparkVersion": SPARK_VERSION,
        "image": spark.image or platform.image("spark"),
        "imagePullPolicy": platform.pull_policy,
        **({"imagePullSecrets": secrets} if secrets else {}),
        "mainApplicationFile": _RUN,
        "arguments": [component.module],
        "memoryOverheadFactor": _OVERHEAD,
        "sparkConf": _CONF,
        "driver": {
            "cores": driver.cores,
            "coreRequest": driver.core_request or str(driver.cores),
            "memory": driver.memory,
            "serviceAccount": account,
            "template": _template(build, component, _DRIVER, told, probes=not component.schedule),
        },
        "executor": {
            "instances": instances,
            "cores": cores,
            "coreRequest": executor.core_request or str(cores),
            "memory": executor.memory,
            "serviceAccount": account,
            "template": _template(build, component, _EXECUTOR, []),
        },
    }


def _executors(component: Component, instances: int, cores: int) -> tuple[int, int]:
    """How many, and the task slots of each. Real-time Mode holds a slot for each partition for as long as it runs."""
    settings = component.settings
    if isinstance(settings, AlertsSettings):
        return 1, max(cores, settings.partitions + 1)
    return instances, cores


def _template(
    build: Build, component: Component, container: str, told: list[dict[str, Any]], *, probes: bool = False
) -> dict[str, Any]:
    """A pod template. Spark adds to it what only it knows; its own volumes among it."""
    volumes, mounts = pods.volumes(build, kafka=isinstance(component.settings, KafkaSettings))
    body: dict[str, Any] = {
        "name": container,
        "env": [*told, *pods.aws_variables(build)],
        "securityContext": pods.CONTAINER_SECURITY,
        "volumeMounts": mounts,
    }
    if probes:
        ports = [{"name": name, "containerPort": port} for name, port in component.ports.items()]
        body |= {"ports": ports, **pods.probes(_START_S)}
    return {
        "metadata": {"labels": naming.labels(build.pipeline.name, component.name)},
        "spec": {"securityContext": pods.POD_SECURITY, "volumes": volumes, "containers": [body], **pods.pull(build)},
    }
