"""The bucket that the lake is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from health_pipeline.settings import LakeSettings
from pyarrow.fs import S3FileSystem

from health_catalog.clients import CONNECT_TIMEOUT_S, make_client, session_keys
from health_catalog.errors import aws_errors, error_code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A part of a file on a slow line; the SDK's default of 3 s fails on a loaded machine.
REQUEST_TIMEOUT_S = 30

# The one region whose name S3 does not take as a location constraint.
_NO_CONSTRAINT = "us-east-1"


def lake_filesystem(settings: LakeSettings, *, as_boto3: bool = False) -> S3FileSystem:
    """The lake's store. Paths on it are ``bucket/key`` (see ``object_path``); credentials by the usual AWS chain.

    ``as_boto3``: with the credentials that boto3 has now, for where Arrow finds none by itself; they run out.
    """
    options: dict[str, Any] = {
        "region": settings.region,
        # A small file is one PUT, not the three requests of a multipart upload.
        "allow_delayed_open": True,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "request_timeout": REQUEST_TIMEOUT_S,
    }
    if settings.lake_endpoint:
        endpoint = urlsplit(settings.lake_endpoint)
        options |= {"scheme": endpoint.scheme, "endpoint_override": endpoint.netloc}
    if as_boto3:
        options |= session_keys()
    return S3FileSystem(**options)


def object_path(location: str) -> str:
    """``s3://bucket/key/`` as pyarrow's file systems name it: ``bucket/key``."""
    scheme, _, path = location.partition("://")
    if scheme not in ("s3", "s3a") or not path:
        raise ValueError(f"{location!r} is no s3:// location")
    return path.rstrip("/")


def ensure_bucket(settings: LakeSettings, client: S3Client | None = None) -> None:
    """Make the lake's bucket where there is none. CatalogError when there is one that is not ours."""
    bucket = urlsplit(settings.lake).netloc
    s3: S3Client = client or make_client("s3", settings.lake_endpoint, settings.region)
    with aws_errors("s3:ListBucket", bucket):
        try:
            s3.head_bucket(Bucket=bucket)
            return
        except ClientError as error:
            if error_code(error) != "404":
                raise
    constraint: Any = {}
    if settings.region != _NO_CONSTRAINT:
        constraint = {"CreateBucketConfiguration": {"LocationConstraint": settings.region}}
    with aws_errors("s3:CreateBucket", bucket):
        try:
            s3.create_bucket(Bucket=bucket, **constraint)
        except ClientError as error:
            # Somebody was faster; in us-east-1 the answer would have been a plain success.
            if error_code(error) != "BucketAlreadyOwnedByYou":
                raise
