"""What a laptop cannot do is said before anything is started."""

from __future__ import annotations

import pytest
from health_pipeline import read_pipeline
from healthctl.embedded.layout import lay_out
from healthctl.embedded.run import EmbeddedPipeline
from healthctl.errors import InputError

CRAWLED = {
    "apiVersion": "health-streaming.com/v1alpha1",
    "kind": "HealthPipeline",
    "metadata": {"name": "london"},
    "spec": {
        "sources": [{"name": "vitals", "simulate": {}}],
        "lake": {"bucket": "s3://london-lake"},
        "catalog": {
            "mode": "crawler",
            "crawler": {"roleArn": "arn:aws:iam::123456789012:role/glue-crawler", "onNewFiles": "commits"},
        },
    },
}


def test_crawlers_are_on_aws_or_nowhere() -> None:
    pipeline = read_pipeline(CRAWLED)
    with pytest.raises(InputError, match="only AWS has crawlers"):
        lay_out(pipeline, lambda *_: 0)
    parts = {each.name: each.env for each in lay_out(pipeline, lambda *_: 0, on_aws=True).components}
    assert parts["catalog"]["HEALTH_ON_NEW_FILES"] == "commits"
    assert parts["landing"]["HEALTH_ON_NEW_FOLDER"] == "request"


def test_a_glue_job_is_for_a_cluster_but_its_lake_can_be_asked_from_here() -> None:
    job = {"engine": "glue", "glue": {"roleArn": "arn:aws:iam::123456789012:role/glue-job"}}
    spec = {"sources": [{"name": "vitals", "simulate": {}}], "lake": {"bucket": "s3://london-lake"}, "transform": job}
    pipeline = read_pipeline({**CRAWLED, "spec": spec})
    with pytest.raises(InputError, match=r"spec\.transform\.engine: glue runs on AWS only, .*; use spark here"):
        EmbeddedPipeline(pipeline, on_aws=True)
    assert lay_out(pipeline, lambda *_: 0, on_aws=True).lake.lake == "s3://london-lake"
