"""The transformed zone to Redshift as a job of AWS Glue: one look, by the same loader, without Spark.

It may run beside the component: a load takes the ledger's lock, and who comes second does what the first has done, or
is told that it is done. There is no duckdb in Glue, so nothing that is imported here may need it.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence

from health_pipeline.settings import WarehouseSettings
from health_pipeline.settings_glue import from_arguments

from health_catalog.storage import lake_filesystem
from health_catalog.warehouse.lake import Lake
from health_catalog.warehouse.loader import Loader
from health_catalog.warehouse.metrics import Metrics
from health_catalog.warehouse.redshift import redshift

_LOG = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> None:
    """Load what is committed. An error is raised once all else is loaded: Glue then calls the run failed."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")
    settings = from_arguments(WarehouseSettings, arguments)
    # boto3 is at home in Glue. Arrow has been seen to ask as nobody there (apache/arrow issue 38421).
    lake = Lake(settings, filesystem=lake_filesystem(settings, as_boto3=True))
    never = threading.Event()
    done = Loader(lake, redshift(settings, never), Metrics(settings.pipeline), never).run()
    _LOG.info("%d loads of %d partitions: %d rows, %d left", done.loads, done.partitions, done.rows, done.left)
