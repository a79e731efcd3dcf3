"""Pipelines as users write them with the platforms that they run on, and the parts of what is built from them."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from health_operator.manifests import Manifest, Owner, desired
from health_operator.settings import Platform, StandIns
from health_pipeline import HealthPipeline, read_pipeline

_HERE = Path(__file__).parent
_SHIPPED = Path(__file__).parents[4] / "k8s" / "examples"

DEVELOPMENT = Platform(stand_ins=StandIns(kafka="dev-kafka.dev.svc:9092", aws="http://dev-aws.dev.svc:5000"))
PRODUCTION = Platform(
    registry="registry.example/health",
    tag="1.2.3",
    images={"dispatch": "registry.example/health/health-dispatch@sha256:" + 64 * "a"},
    pull_secrets=("registry-login",),
)
EXAMPLES = {
    "quickstart": (_SHIPPED / "quickstart.yaml", DEVELOPMENT),
    "everything": (_HERE / "everything.yaml", PRODUCTION),
    "strimzi": (_HERE / "strimzi.yaml", Platform()),
    "glue": (_HERE / "glue.yaml", Platform()),
}

# Those of the documentation as well, for what costs little.
ALL_EXAMPLES = {path.stem: (path, DEVELOPMENT) for path in sorted(_SHIPPED.glob("*.yaml"))} | EXAMPLES


def pipeline_of(example: str, **spec: Any) -> HealthPipeline:
    """An example's pipeline; ``spec`` replaces fields of its spec, written as in YAML."""
    document = yaml.safe_load(ALL_EXAMPLES[example][0].read_text())
    document["spec"] |= spec
    return read_pipeline(document)


def built(pipeline: HealthPipeline, platform: Platform, epoch: str = "") -> list[Manifest]:
    """What is desired for it."""
    owner = Owner("health-streaming.com/v1alpha1", "HealthPipeline", pipeline.name, "5f1c0de0-uid")
    return desired(pipeline, platform, owner, epoch)


def example(name: str, *, epoch: str = "", **spec: Any) -> list[Manifest]:
    """What is desired for an example."""
    return built(pipeline_of(name, **spec), ALL_EXAMPLES[name][1], epoch)


def in_namespace(pipeline: HealthPipeline, namespace: str) -> HealthPipeline:
    """The same pipeline elsewhere."""
    return dataclasses.replace(pipeline, namespace=namespace)


def one(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """The only one of this kind and name."""
    (found,) = [each for each in manifests if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def kinds(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """Those of a kind by name."""
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def pod_templates(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    """(What it is, pod template) of every pod that a manifest leads to, Strimzi's not among them."""
    title, spec = f"{manifest['kind']} {manifest['metadata']['name']}", manifest.get("spec", {})
    if manifest["kind"] in ("Deployment", "Job"):
        yield title, spec["template"]
    if manifest["kind"] in ("SparkApplication", "ScheduledSparkApplication"):
        application = spec.get("template", spec)
        for role in ("driver", "executor"):
            yield f"{title}, {role}", _as_spark_completes(application, role)


def env_of(container: Manifest) -> dict[str, Any]:
    """Variables by name: the text, or where it comes from."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def _as_spark_completes(application: Manifest, role: str) -> Manifest:
    """With the image, which Spark puts into the template's container."""
    template = copy.deepcopy(application[role]["template"])
    template["spec"]["containers"][0]["image"] = application["image"]
    return dict(template)
