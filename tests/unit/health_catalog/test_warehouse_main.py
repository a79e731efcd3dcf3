"""What the component makes of its settings."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest
from health_catalog.warehouse import __main__ as program
from health_catalog.warehouse.lake import Lake
from health_catalog.warehouse.redshift import Redshift, names
from health_pipeline.settings import SettingsError, WarehouseSettings

SETTINGS = WarehouseSettings(
    pipeline="ward", lake="s3://lake/ward", database="ward", engine="redshift", interval_s=60, workgroup="ward",
    warehouse_database="dev", warehouse_schema="ward", copy_role_arn="arn:aws:iam::123456789012:role/r",
    spectrum_schema="lake",
)  # fmt: skip


def test_a_role_has_the_same_session_whenever_it_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a statement is followed up by the session that has started it, and by no other."""
    monkeypatch.delenv("AWS_ROLE_SESSION_NAME", raising=False)
    assert isinstance(program.engine(SETTINGS, Lake(SETTINGS), threading.Event()), Redshift)
    assert os.environ["AWS_ROLE_SESSION_NAME"] == "ward-warehouse"
    monkeypatch.delenv("AWS_ROLE_SESSION_NAME")


def test_manifests_are_in_the_lake_and_external_schemas_over_its_zones() -> None:
    found = names(SETTINGS)
    assert found.manifests == "s3://lake/ward/warehouse/manifests"
    assert found.external == {"lake_raw": "ward_raw", "lake_transformed": "ward_transformed"}


def test_a_warehouse_that_nobody_knows_is_told() -> None:
    with pytest.raises(SettingsError, match="neither redshift nor duckdb"):
        program.engine(replace(SETTINGS, engine="oracle"), Lake(SETTINGS), threading.Event())
