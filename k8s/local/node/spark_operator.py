"""The Kubeflow spark-operator on the node: built from its Go module, installed by Helm with that module's chart."""

import shutil
import sys
import tempfile
from pathlib import Path

from node import base_image, lifecycle
from node.build import binary, ensure_built, source
from node.images import import_from_buildah
from node.paths import CACHE, PACKAGE
from node.process import logged, output, say
from node.versions import (
    HEALTH_BASE_IMAGE,
    HELM_CLIENT,
    SPARK_OF_OPERATOR,
    SPARK_OPERATOR,
    SPARK_OPERATOR_IMAGE,
    SPARK_OPERATOR_PROGRAM,
)

SOURCES = PACKAGE / "spark-operator"
NAMESPACE = "spark-operator"
BUILD_TIMEOUT = 15 * 60.0
INSTALL_TIMEOUT = 240.0


def install(job_namespaces: list[str], official_image: bool) -> None:
    """Install or upgrade it, watching these namespaces; returns when controller and webhook are ready.

    The namespaces must exist: the chart makes the service account and the role of Spark's drivers in each. With
    `official_image` the cluster is KUBECONFIG's and pulls the released image; otherwise it is the node, which cannot.
    """
    ensure_built((HELM_CLIENT,))
    if official_image:
        command, environment = _helm_upgrade(job_namespaces, {}), {}
    else:
        inside, environment = lifecycle.inside(), lifecycle.environment_inside()
        ensure_image()
        import_from_buildah(SPARK_OPERATOR_IMAGE)
        command = [*inside, *_helm_upgrade(job_namespaces, _image_values())]
    say(f"installing the spark-operator {SPARK_OPERATOR} with Helm")
    output(command, INSTALL_TIMEOUT + 30, environment)
    say("the spark-operator is ready")


def _image_values() -> dict[str, str]:
    registry, _, name = SPARK_OPERATOR_IMAGE.partition("/")
    repository, _, tag = name.partition(":")
    image = {"registry": registry, "repository": repository, "tag": tag, "pullPolicy": "Never"}
    return {f"image.{key}": value for key, value in image.items()}


def _helm_upgrade(job_namespaces: list[str], image_values: dict[str, str]) -> list[str]:
    values = {"spark.jobNamespaces": f"{{{','.join(job_namespaces)}}}", **image_values}
    command = [str(binary(HELM_CLIENT)), "upgrade", "--install", "spark-operator", str(chart())]
    command += ["--namespace", NAMESPACE, "--create-namespace", "--values", str(SOURCES / "values.yaml")]
    command += [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
    return [*command, "--wait", "--timeout", f"{INSTALL_TIMEOUT:.0f}s"]


def chart() -> Path:
    """The folder of the chart, as the operator's authors released it."""
    return source(SPARK_OPERATOR_PROGRAM) / "charts" / "spark-operator-chart"


def ensure_image() -> None:
    """Make the operator's image unless buildah's store has it; its name is the last line printed."""
    ensure_built((SPARK_OPERATOR_PROGRAM,))
    base_image.ensure()
    if not base_image.in_store(SPARK_OPERATOR_IMAGE):
        say(f"making {SPARK_OPERATOR_IMAGE}")
        with tempfile.TemporaryDirectory(prefix="spark-operator-", dir=CACHE) as folder:
            _build_image(Path(folder))
    say(SPARK_OPERATOR_IMAGE)


def _build_image(context: Path) -> None:
    shutil.copy(SOURCES / "Dockerfile", context)
    shutil.copy(binary(SPARK_OPERATOR_PROGRAM), context / "spark-operator")
    shutil.copytree(_pyspark(), context / "pyspark", symlinks=True)
    build = ["buildah", "bud", "--isolation", "chroot", "--network", "host"]
    build += ["--build-arg", f"BASE={HEALTH_BASE_IMAGE}", "--tag", SPARK_OPERATOR_IMAGE, str(context)]
    logged("making the image", build, CACHE / "logs" / "spark-operator-image.log", BUILD_TIMEOUT)


def _pyspark() -> Path:
    """The Spark that the official image submits with, from pip, in the cache."""
    folder = CACHE / f"pyspark-{SPARK_OF_OPERATOR}"
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-compile", "--target", str(unfinished)]
        log = CACHE / "logs" / "pyspark.log"
        logged("fetching Spark", [*pip, f"pyspark=={SPARK_OF_OPERATOR}"], log, BUILD_TIMEOUT)
        unfinished.rename(folder)
    return folder / "pyspark"
