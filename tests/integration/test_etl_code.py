"""The code of the Glue job in the lake, by boto3's own requests."""

from __future__ import annotations

from health_catalog import ensure_bucket
from health_catalog.clients import make_client
from health_catalog.etl.aws import JobAws
from health_catalog.etl.packaging import Code
from health_pipeline.settings import EtlSettings


def test_code_is_put_where_it_is_missing_and_never_twice(aws_endpoint: str) -> None:
    settings = EtlSettings(
        pipeline="dover", lake="s3://dover-lake/health", lake_endpoint=aws_endpoint, glue_endpoint=aws_endpoint,
        database="dover", tables=("vitals",), role_arn="arn:aws:iam::123456789012:role/x", schedule="@every 30m",
    )  # fmt: skip
    ensure_bucket(settings)
    s3, place = make_client("s3", aws_endpoint, settings.region), {"Bucket": "dover-lake", "Key": "health/etl/a.zip"}
    for body in (b"first", b"never"):
        JobAws(settings).put(Code("a.zip", body))
        assert s3.get_object(**place)["Body"].read() == b"first"
    s3.delete_object(**place)
    JobAws(settings).put(Code("a.zip", b"again"))
    assert s3.get_object(**place)["Body"].read() == b"again"
