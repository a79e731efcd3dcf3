"""One pipeline on the cluster for all of these tests, which run in the order of the files and build on each other.

``make e2e`` has installed the operator and what it needs (k8s/local/install) and runs this with KUBECONFIG set.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from health_catalog.sql import LocalSql
from health_pipeline.settings import LakeSettings
from healthctl.embedded.lake import embedded_credentials

from tests.e2e import kube
from tests.e2e.pipeline import Pipeline

SYSTEM, NAMESPACE = "health-system", "health"
EXAMPLES = Path(__file__).parents[2] / "k8s/examples"


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    """The quickstart example, applied when the first test asks for it."""
    kube.kubectl("apply", "-n", NAMESPACE, "-f", str(EXAMPLES / "quickstart.yaml"))
    return Pipeline("quickstart", NAMESPACE)


@pytest.fixture(scope="session")
def sql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSql]:
    """SQL over the pipeline's lake."""
    log = tmp_path_factory.mktemp("forward") / "aws.log"
    with embedded_credentials(), kube.forwarded(SYSTEM, "dev-aws", 5000, log) as url:
        yield LocalSql(
            LakeSettings(
                pipeline="quickstart", lake="s3://quickstart-lake", lake_endpoint=url, glue_endpoint=url,
                database="quickstart",
            )
        )  # fmt: skip
