"""The pods that Spark itself makes of our templates, by its own code and without a cluster.

The Spark operator turns an application into options of spark-submit; ``_options`` does the same here, for the fields
that we set. What Spark then puts into the templates, and that it takes nothing out of them, is Spark's own doing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from health_operator.containment import missing
from pyspark.java_gateway import launch_gateway

from tests.unit.health_operator.manifests.examples import EXAMPLES, env_of, example
from tests.unit.health_operator.manifests.pod_security import violations

Object = dict[str, Any]
pytestmark = pytest.mark.spark

_ID = "spark-0123456789abcdef"
_SUBMITTED = [
    (name, component)
    for name in EXAMPLES
    for component in (
        "landing",
        "alerts",
        *(() if name == "glue" else ("transform",)),
    )  # Glue's own Spark runs it there
]


class Spark:
    """Spark's classes, in a JVM of their own."""

    def __init__(self, jvm: Any, array: Any) -> None:
        self._jvm, self._array = jvm, array
        self._client = jvm.io.fabric8.kubernetes.client.KubernetesClientBuilder().build()  # it connects to nobody
        self._none = jvm.scala.Option.empty()

    def driver(self, application: Object, folder: Path) -> tuple[Object, list[str]]:
        """The driver's pod, and the kinds of what is made beside it."""
        jvm, spec = self._jvm, application["spec"]
        arguments = self._array(jvm.java.lang.String, len(spec["arguments"]))
        for index, argument in enumerate(spec["arguments"]):
            arguments[index] = argument
        resource = jvm.org.apache.spark.deploy.k8s.submit.PythonMainAppResource(spec["mainApplicationFile"])
        conf = jvm.org.apache.spark.deploy.k8s.KubernetesDriverConf(
            self._conf(application, folder), _ID, resource, "org.apache.spark.deploy.PythonRunner", arguments,
            self._none, jvm.org.apache.spark.util.SystemClock(),
        )  # fmt: skip
        made = jvm.org.apache.spark.deploy.k8s.submit.KubernetesDriverBuilder().buildFromFeatures(conf, self._client)
        return self._pod(made.pod()), [each.getKind() for each in self._items(made.driverKubernetesResources())]

    def executor(self, application: Object, folder: Path) -> Object:
        """An executor's pod."""
        apache = self._jvm.org.apache.spark
        conf = self._conf(application, folder).set("spark.driver.host", "driver.svc").set("spark.driver.port", "7078")
        default = getattr(_companion(apache, "SecurityManager"), "$lessinit$greater$default$3")
        security = apache.SecurityManager(conf, self._none, default())
        profiles = _companion(apache.resource, "ResourceProfile")
        profiles.clearDefaultProfile()  # of the application before
        profile = profiles.getOrCreateDefaultProfile(conf)
        told = apache.deploy.k8s.KubernetesConf.createExecutorConf(conf, "1", _ID, self._none, 0)
        builder = apache.scheduler.cluster.k8s.KubernetesExecutorBuilder()
        return self._pod(builder.buildFromFeatures(told, security, self._client, profile).pod())

    def _conf(self, application: Object, folder: Path) -> Any:
        conf = self._jvm.org.apache.spark.SparkConf(False)
        for key, value in _options(application, folder).items():
            conf.set(key, value)
        return conf

    def _pod(self, pod: Any) -> Object:
        """Spark keeps the main container apart until it submits."""
        to_json = self._jvm.io.fabric8.kubernetes.client.utils.Serialization.asJson
        found: Object = json.loads(to_json(pod.pod()))
        found["spec"]["containers"] = [json.loads(to_json(pod.container())), *found["spec"].get("containers", ())]
        return found

    @staticmethod
    def _items(found: Any) -> Iterator[Any]:
        items = found.iterator()
        while items.hasNext():
            yield items.next()


def _companion(package: Any, name: str) -> Any:
    """Scala's object of that name."""
    return getattr(getattr(package, f"{name}$"), "MODULE$")


def _options(application: Object, folder: Path) -> dict[str, str]:
    """As the Spark operator (v2.5) gives them to spark-submit."""
    spec, name = application["spec"], application["metadata"]["name"]
    told = {
        "spark.master": "k8s://https://127.0.0.1:1",
        "spark.submit.deployMode": "cluster",
        "spark.app.name": name,
        "spark.app.id": _ID,
        "spark.kubernetes.namespace": application["metadata"]["namespace"],
        "spark.kubernetes.container.image": spec["image"],
        "spark.kubernetes.driver.pod.name": f"{name}-driver",
        "spark.executor.instances": str(spec["executor"]["instances"]),
        **spec["sparkConf"],
    }
    for role in ("driver", "executor"):
        part, template = spec[role], folder / f"{role}.yaml"
        template.write_text(yaml.safe_dump(part["template"]))
        told |= {
            f"spark.kubernetes.{role}.container.image": spec["image"],
            f"spark.kubernetes.{role}.podTemplateFile": str(template),
            f"spark.kubernetes.{role}.podTemplateContainerName": f"spark-kubernetes-{role}",
            f"spark.kubernetes.{role}.request.cores": part["coreRequest"],
            f"spark.kubernetes.authenticate.{role}.serviceAccountName": part["serviceAccount"],
            f"spark.{role}.cores": str(part["cores"]),
            f"spark.{role}.memory": part["memory"],
            f"spark.{role}.memoryOverhead": part["memoryOverhead"],
        }
        labels = {**application["metadata"]["labels"], "sparkoperator.k8s.io/app-name": name}
        told |= {f"spark.kubernetes.{role}.label.{key}": value for key, value in labels.items()}
    return told


@pytest.fixture(scope="module")
def spark_classes() -> Iterator[Spark]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SPARK_HOME", raising=False)  # PySpark's own jars, also where there is another Spark
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        gateway = launch_gateway()
    yield Spark(gateway.jvm, gateway.new_array)
    gateway.shutdown()
    gateway.proc.stdin.close()  # the JVM ends with it
    gateway.proc.wait(timeout=30)


@pytest.mark.parametrize(("name", "component"), _SUBMITTED)
def test_what_is_in_a_template_is_in_the_pod(spark_classes: Spark, tmp_path: Path, name: str, component: str) -> None:
    application = _application(name, component)
    driver, beside = spark_classes.driver(application, tmp_path)
    for role, pod in (("driver", driver), ("executor", spark_classes.executor(application, tmp_path))):
        template = application["spec"][role]["template"]
        (container,) = template["spec"]["containers"]
        if not container["env"]:
            del container["env"]  # Spark has variables of its own
        assert missing(template, pod) is None
        assert not list(violations(pod["spec"])), role
        assert env_of(pod["spec"]["containers"][0])["SPARK_LOCAL_DIRS"] == "/var/data/spark-local"
        assert pod["metadata"]["labels"]["spark-role"] == role
    assert set(beside) == {"Service", "ConfigMap"}, "and no NetworkPolicy, which the Spark operator may not make"


def test_memory_and_cpu_are_what_the_application_says(spark_classes: Spark, tmp_path: Path) -> None:
    application = _application("everything", "landing")
    driver, _ = spark_classes.driver(application, tmp_path)
    executor = spark_classes.executor(application, tmp_path)
    assert _resources(driver) == {"requests": {"cpu": "200m", "memory": "2688Mi"}, "limits": {"memory": "2688Mi"}}
    assert _resources(executor) == {"requests": {"cpu": "750m", "memory": "4480Mi"}, "limits": {"memory": "4480Mi"}}


def _resources(pod: Object) -> Object:
    found: Object = pod["spec"]["containers"][0]["resources"]
    return found


def _application(name: str, component: str) -> Object:
    for manifest in example(name):
        is_it = manifest["metadata"]["labels"]["app.kubernetes.io/component"] == component
        if is_it and manifest["kind"] == "SparkApplication":
            return manifest
        if is_it and manifest["kind"] == "ScheduledSparkApplication":
            return {**manifest, "spec": manifest["spec"]["template"]}
    raise LookupError(component)
