"""From what a spec says of the catalogue to what those are told who keep it; pure."""

from __future__ import annotations

from typing import Any

from health_pipeline.spec_catalog import Catalog


def crawling(catalog: Catalog) -> dict[str, Any]:
    """Keyword arguments of CatalogSettings about crawlers; none where there shall be no crawler."""
    crawler = catalog.crawler
    if catalog.mode != "crawler" or crawler is None:
        return {}
    return {
        "role_arn": crawler.role_arn,
        "crawl_schedule": crawler.schedule or "",
        "on_new_files": crawler.on_new_files or "",
        "recrawl": crawler.recrawl,
        "then": crawler.then,
        "crawl_deadline_s": crawler.deadline.seconds,
    }


def follow_crawls(catalog: Catalog) -> tuple[str, ...]:
    """Glue jobs that are started when a crawl by schedule has succeeded."""
    return tuple(crawling(catalog).get("then", ()))


def managing(catalog: Catalog) -> dict[str, Any]:
    """Keyword arguments of CatalogSettings about Athena's workgroup; none where it is somebody else's."""
    athena = catalog.athena
    if athena is None or athena.manage is None:
        return {}
    return {
        "workgroup": athena.workgroup,
        "result_location": athena.manage.result_location or "",
        "result_encryption": athena.manage.encryption,
        "result_kms_key": athena.manage.kms_key or "",
        "scan_limit_bytes": athena.manage.bytes_scanned_limit,
    }


def keeps_in_aws(catalog: Catalog) -> bool:
    """Whether the pipeline has things of its own in AWS beside its data, which somebody must keep and remove."""
    return bool(crawling(catalog) or managing(catalog))


def on_new_folder(catalog: Catalog) -> str:
    """What landing does with a folder that is new: ``register``, ``request`` or ``nothing``."""
    if catalog.mode == "register" or catalog.crawler is None:
        return "register"
    return "request" if catalog.crawler.on_new_files == "commits" else "nothing"


def projected_days(catalog: Catalog) -> int:
    """For how many days Athena works out the partitions of the raw zone by itself."""
    return catalog.athena.projected_days if catalog.athena else 0
