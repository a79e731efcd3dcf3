"""Spark applications, as the Kubeflow Spark operator runs them: the streams always, the transform on a schedule.

Everything that a pod needs is in the application's pod templates and its configuration, so nothing depends on the
operator's webhook: where that is down, pods that count on it start without their mounts and secrets, and nobody is
told. Spark itself writes image, CPU, memory and labels into the templates, and leaves all else in them alone.
"""

from __future__ import annotations

import hashlib

from health_pipeline import Component
from health_pipeline.settings import AlertsSettings, KafkaSettings

from health_operator.bindings import aws_credentials
from health_operator.manifests import pods, resources
from health_operator.manifests.accounts import driver_account, executor_account
from health_operator.manifests.context import Context, Manifest
from health_operator.naming import labels

API_VERSION = "sparkoperator.k8s.io/v1beta2"
SPARK_VERSION = "4.2.0"
# Spark starts files; this one of our image runs the module that it is given.
MAIN_FILE = "local:///opt/health/run.py"
# The Spark operator knows containers by these names.
DRIVER_CONTAINER, EXECUTOR_CONTAINER = "spark-kubernetes-driver", "spark-kubernetes-executor"

# The Spark operator may not make network policies; `network` makes one of ours.
_CONF = {
    "spark.kubernetes.driver.pod.excludedFeatureSteps": "org.apache.spark.deploy.k8s.features.NetworkPolicyFeatureStep"
}
# A volume whose name begins so is where Spark puts what does not fit into memory.
_LOCAL_DIR, _LOCAL_PATH, _TMP_SIZE = "spark-local-dir-1", "/var/data/spark-local", "1Gi"
# Times the number of attempts so far: the pause before a failed application is submitted again.
_PAUSE_S = 10
# The next run does what a failed one has left. But one whose node was drained is no failure that people should hear of.
_RETRIES = {"type": "OnFailure", "onFailureRetries": 2, "onFailureRetryInterval": _PAUSE_S,
            "onSubmissionFailureRetries": 2, "onSubmissionFailureRetryInterval": _PAUSE_S}  # fmt: skip
# A run that hangs would hold up all that come after it, for two never run at once. None takes nearly so long.
_LONGEST_RUN_S = 6 * 60 * 60
# A run is named after its schedule and the time in nanoseconds, and its name must be a label's value.
_LONGEST_SCHEDULE = 63 - len("-1700000000000000000")


def spark_application(context: Context, component: Component) -> Manifest | None:
    """The SparkApplication of a stream; None for everything else."""
    if not component.spark or component.schedule:
        return None
    restarts = {"type": "Always", "onFailureRetryInterval": _PAUSE_S, "onSubmissionFailureRetryInterval": _PAUSE_S}
    return {
        "apiVersion": API_VERSION,
        "kind": "SparkApplication",
        "metadata": context.metadata(context.name(component.name), component.name),
        "spec": {**_application(context, component), "restartPolicy": restarts},
    }


def scheduled_application(context: Context, component: Component) -> Manifest | None:
    """The ScheduledSparkApplication of what runs on a schedule; None for everything else."""
    if not component.spark or not component.schedule:
        return None
    template = _application(context, component)
    template["driver"]["template"]["spec"]["activeDeadlineSeconds"] = _LONGEST_RUN_S
    return {
        "apiVersion": API_VERSION,
        "kind": "ScheduledSparkApplication",
        "metadata": context.metadata(schedule_name(context.name(component.name)), component.name),
        "spec": {
            "schedule": component.schedule,
            "timeZone": "UTC",
            "concurrencyPolicy": "Forbid",
            "successfulRunHistoryLimit": 1,
            "failedRunHistoryLimit": 1,
            "template": {**template, "restartPolicy": _RETRIES},
        },
    }


def schedule_name(name: str) -> str:
    """The name itself, or one that begins like it and is short enough for the names of its runs."""
    if len(name) <= _LONGEST_SCHEDULE:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{name[: _LONGEST_SCHEDULE - len(digest) - 1].rstrip('-')}-{digest}"


def _application(context: Context, component: Component) -> Manifest:
    platform = context.platform
    found: Manifest = {
        "type": "Python",
        "mode": "cluster",
        "sparkVersion": SPARK_VERSION,
        "image": context.spark_image,
        "imagePullPolicy": platform.pull_policy,
        "mainApplicationFile": MAIN_FILE,
        "arguments": [component.module],
        "sparkConf": _CONF,
        "driver": _driver(context, component),
        "executor": _executor(context, component),
    }
    if platform.pull_secrets:
        found["imagePullSecrets"] = list(platform.pull_secrets)
    return found


def _driver(context: Context, component: Component) -> Manifest:
    asked = context.pipeline.spec.spark.driver
    aws = aws_credentials(context.pipeline, context.platform)
    account = driver_account(context, component)
    container = {
        "name": DRIVER_CONTAINER,
        "env": pods.environment({**component.env, **aws.env}, {**component.secrets, **aws.secrets}),
        "ports": [pods.metrics_port()],
        # No readiness: executors find the driver by a Service that has no address until the driver is ready, and it
        # would not be ready without them.
        "livenessProbe": {**pods.liveness(), "initialDelaySeconds": 30},
    }
    return {
        "cores": asked.cores,
        "coreRequest": resources.spark_cores(asked.core_request, asked.cores, component.priority),
        "memory": asked.memory,
        "memoryOverhead": resources.driver_overhead(asked.memory),
        "serviceAccount": account,
        "template": _template(context, component, container, account, token=True),
    }


def _executor(context: Context, component: Component) -> Manifest:
    asked = context.pipeline.spec.spark.executor
    is_alerts = isinstance(component.settings, AlertsSettings)
    cores = max(asked.cores, _slots(component))
    aws = aws_credentials(context.pipeline, context.platform)
    account = executor_account(context, component)
    container = {"name": EXECUTOR_CONTAINER, "env": pods.environment(aws.env, aws.secrets)}
    return {
        "instances": 1 if is_alerts else context.scales.get(component.name, asked.instances),
        "cores": cores,
        # Slots of real-time mode mostly wait: more of them are no more work.
        "coreRequest": resources.spark_cores(asked.core_request, asked.cores, component.priority),
        "memory": asked.memory,
        # Alerts are Java from end to end.
        "memoryOverhead": resources.executor_overhead(asked.memory, cores, python=not is_alerts),
        "serviceAccount": account,
        "template": _template(context, component, container, account, token=False),
    }


def _slots(component: Component) -> int:
    """Real-time mode holds a slot for each partition as long as a batch lasts, and needs one more to begin it."""
    settings = component.settings
    if isinstance(settings, AlertsSettings) and settings.latency == "realtime":
        return settings.partitions + 1
    return 1


def _template(context: Context, component: Component, container: Manifest, account: str, *, token: bool) -> Manifest:
    volumes, mounts = pods.volumes(context, kafka=isinstance(component.settings, KafkaSettings), tmp_size=_TMP_SIZE)
    return {
        "metadata": {"labels": labels(context.pipeline.name, component.name)},
        "spec": {
            **pods.pod_basics(context),
            "serviceAccountName": account,
            "automountServiceAccountToken": token,
            "containers": [
                {
                    **container,
                    "securityContext": pods.container_security(),
                    "volumeMounts": [*mounts, {"name": _LOCAL_DIR, "mountPath": _LOCAL_PATH}],
                }
            ],
            "volumes": [*volumes, {"name": _LOCAL_DIR, "emptyDir": {}}],
        },
    }
