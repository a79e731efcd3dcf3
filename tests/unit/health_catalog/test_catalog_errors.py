"""AWS's errors as ours. Where no stand-in can be made to fail like AWS, botocore's own stubber answers for it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from health_catalog import GlueCatalog, Partition, raw_table
from health_catalog.errors import (
    AccessDeniedError,
    CatalogError,
    CredentialsError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
)
from health_catalog.glue import PARTITIONS
from health_catalog.shapes import table_input
from health_events import VITALS
from health_pipeline.settings import LakeSettings

LAKE = LakeSettings(pipeline="errors", lake="s3://lake", database="p")
TABLE = raw_table(VITALS)
PARTITION = Partition(("2026-11-22", "03"), "s3://lake/raw/vitals/ingest_date=2026-11-22/hour=03")


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.Session("key", "secret", region_name="us-east-1").client("glue")


@pytest.fixture
def stubber(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def catalog(client: Any) -> GlueCatalog:
    return GlueCatalog(LAKE, client)


def _registered(version: str) -> dict[str, Any]:
    given: Any = table_input(TABLE, LAKE.table_uri("raw", "vitals"))
    columns = given["StorageDescriptor"]["Columns"][:-1]
    return {
        "Table": {
            **given,
            "StorageDescriptor": {**given["StorageDescriptor"], "Columns": columns},
            "VersionId": version,
        }
    }


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        ("AccessDeniedException", AccessDeniedError, "allow glue:CreateDatabase in the caller's IAM policy"),
        ("UnrecognizedClientException", CredentialsError, "AWS_ACCESS_KEY_ID"),
        ("ExpiredTokenException", CredentialsError, "AWS_PROFILE"),
        ("ThrottlingException", ThrottledError, "ask less often"),
        ("EntityNotFoundException", NotFoundError, "no such thing"),
        ("GlueEncryptionException", CatalogError, "GlueEncryptionException: said AWS"),
    ],
)
def test_each_refusal_says_what_to_do(
    catalog: GlueCatalog, stubber: Stubber, code: str, kind: type[CatalogError], advice: str
) -> None:
    stubber.add_client_error("create_database", code, "said AWS", http_status_code=400)
    with pytest.raises(kind, match=advice) as caught:
        catalog.ensure_database("raw")
    assert "glue:CreateDatabase on p_raw" in str(caught.value)


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(CredentialsError, match=r"no AWS credentials .*AWS_PROFILE"):
        GlueCatalog(LAKE).ensure_database("raw")


def test_nobody_at_the_endpoint() -> None:
    with socket.socket() as taken:
        # Bound and not listening: it refuses, and nobody else can begin to listen there.
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        client = boto3.Session("key", "secret", region_name="us-east-1").client(
            "glue", endpoint_url=endpoint, config=boto3.session.Config(retries={"total_max_attempts": 1})
        )
        with pytest.raises(UnreachableError, match=f"{endpoint}.*check the endpoint"):
            GlueCatalog(LAKE, client).ensure_database("raw")


def test_a_table_changed_meanwhile_is_read_again(catalog: GlueCatalog, stubber: Stubber) -> None:
    stubber.add_response("get_table", _registered("1"))
    stubber.add_client_error("update_table", "ConcurrentModificationException")
    stubber.add_response("get_table", _registered("2"))
    wanted = table_input(TABLE, LAKE.table_uri("raw", "vitals"))
    stubber.add_response("update_table", {}, {"DatabaseName": "p_raw", "TableInput": wanted, "VersionId": "2"})
    catalog.ensure_table(TABLE)


def test_a_table_that_never_rests_is_given_up(catalog: GlueCatalog, stubber: Stubber) -> None:
    for _ in range(8):
        stubber.add_response("get_table", _registered("1"))
        stubber.add_client_error("update_table", "ConcurrentModificationException")
    with pytest.raises(CatalogError, match=r"p_raw.vitals was changed by somebody else 8 times"):
        catalog.ensure_table(TABLE)


def test_a_partition_that_glue_refuses_is_an_error_and_counted(catalog: GlueCatalog, stubber: Stubber) -> None:
    detail = {"ErrorCode": "InternalServiceException", "ErrorMessage": "sorry"}
    stubber.add_response("batch_get_partition", {"Partitions": []})
    stubber.add_response(
        "batch_create_partition", {"Errors": [{"PartitionValues": list(PARTITION.values), "ErrorDetail": detail}]}
    )
    with pytest.raises(CatalogError, match=r"glue:BatchCreatePartition on p_raw.vitals \('2026-11-22', '03'\).*sorry"):
        catalog.put_partitions(TABLE, [PARTITION])
    assert PARTITIONS.labels("errors", "failed")._value.get() == 1


def test_partitions_must_have_a_value_for_each_key(catalog: GlueCatalog) -> None:
    with pytest.raises(ValueError, match="partitioned by"):
        catalog.put_partitions(TABLE, [Partition(("2026-11-22",), "s3://lake/x")])
