"""Athena's workgroup of a pipeline, and the named queries in it: what they should be, and the calls for that; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from health_pipeline.settings import CatalogSettings, LakeSettings

from health_catalog.crawlers.things import Call, Found, Thing
from health_catalog.names import RESULTS
from health_catalog.questions import QUESTIONS
from health_catalog.schemas import TRANSFORMED
from health_catalog.statements import for_athena, read_statement


def workgroup(settings: CatalogSettings) -> list[Thing]:
    """The workgroup and its queries; nothing where it is somebody else's to keep."""
    if not settings.workgroup:
        return []
    encryption = {"EncryptionOption": settings.result_encryption}
    if settings.result_kms_key:
        encryption["KmsKey"] = settings.result_kms_key
    configuration = {
        "ResultConfiguration": {
            "OutputLocation": settings.result_location or f"{settings.lake}/{RESULTS}/",
            "EncryptionConfiguration": encryption,
        },
        # What a client says of these is not heeded.
        "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": True,
        "BytesScannedCutoffPerQuery": settings.scan_limit_bytes,
    }
    given = {"Description": f"Queries of the health pipeline {settings.pipeline}", "Configuration": configuration}
    return [Thing("workgroup", settings.workgroup, given), *_queries(settings)]


def created(thing: Thing, tags: Mapping[str, str]) -> Call:
    """Make it. Queries have no tags: they are in a workgroup that has."""
    if thing.kind == "query":
        return Call("athena", "CreateNamedQuery", {"Name": thing.name, **thing.given})
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return Call("athena", "CreateWorkGroup", {"Name": thing.name, **thing.given, "Tags": listed})


def changed(thing: Thing, found: Found) -> Call:
    """Change it into what it should be."""
    if thing.kind == "query":
        rest = {key: thing.given[key] for key in ("Description", "QueryString")}
        return Call("athena", "UpdateNamedQuery", {"NamedQueryId": found.address, "Name": thing.name, **rest})
    configuration = dict(thing.given["Configuration"])
    updates: dict[str, Any] = {"ResultConfigurationUpdates": configuration.pop("ResultConfiguration"), **configuration}
    arguments = {"WorkGroup": thing.name, "Description": thing.given["Description"], "ConfigurationUpdates": updates}
    return Call("athena", "UpdateWorkGroup", arguments)


def removed(found: Found) -> Call:
    """Remove it; a workgroup with its history and whatever queries are in it. Results in S3 stay."""
    if found.kind == "query":
        return Call("athena", "DeleteNamedQuery", {"NamedQueryId": found.address})
    return Call("athena", "DeleteWorkGroup", {"WorkGroup": found.name, "RecursiveDeleteOption": True})


def _queries(settings: CatalogSettings) -> list[Thing]:
    return [
        Thing(
            "query",
            question.name,
            {
                "Description": question.asks,
                "Database": settings.glue_database(TRANSFORMED),
                "QueryString": _text(settings, question.sql),
                "WorkGroup": settings.workgroup,
            },
        )
        for question in QUESTIONS
    ]


def _text(settings: LakeSettings, sql: str) -> str:
    return for_athena(read_statement(sql, settings), settings).strip()
