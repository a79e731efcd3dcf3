"""One pipeline on the cluster for all of these tests, which run in the order of the files and build on each other.

``make e2e`` has installed the operator and what it needs (k8s/local/install) and runs this with KUBECONFIG set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from health_catalog.sql import LocalSql
from health_pipeline.settings import LakeSettings
from healthctl.embedded.lake import embedded_credentials

from tests.e2e import kube
from tests.e2e.pipeline import Pipeline

SYSTEM, NAMESPACE = "health-system", "health"
VITALS_PER_S = 400
_QUICKSTART = Path(__file__).parents[2] / "k8s/examples/quickstart.yaml"


def apply_quickstart() -> Pipeline:
    """The example, slowed: here a cluster, its stand-ins and these tests share the two cores that it would fill.

    Vitals come at less than half their pace, landing and the transform begin less often; all else is as in the file.
    """
    document = yaml.safe_load(_QUICKSTART.read_text())
    spec = document["spec"]
    (vitals,) = [source for source in spec["sources"] if source["name"] == "vitals"]
    vitals["simulate"]["eventsPerSecond"] = VITALS_PER_S
    spec["lake"]["triggerInterval"] = "20s"
    spec["transform"]["schedule"] = "@every 4m"  # each run begins with Javas of its own
    kube.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(document))
    return Pipeline(document["metadata"]["name"], NAMESPACE)


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    """Applied when the first test asks for it."""
    return apply_quickstart()


@pytest.fixture(scope="session")
def sql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSql]:
    """SQL over the pipeline's lake."""
    log = tmp_path_factory.mktemp("forward") / "aws.log"
    with embedded_credentials(), kube.reached(SYSTEM, "dev-aws", 5000, log) as url:
        yield LocalSql(
            LakeSettings(
                pipeline="quickstart", lake="s3://quickstart-lake", lake_endpoint=url, glue_endpoint=url,
                database="quickstart",
            )
        )  # fmt: skip
