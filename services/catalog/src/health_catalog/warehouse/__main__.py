"""``python -m health_catalog.warehouse``: exit 0 when stopped, 2 when it is told nonsense.

It is ready while nothing that has failed waits to be tried again.
"""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

from health_pipeline.settings import SettingsError, WarehouseSettings
from health_pipeline.telemetry import Telemetry, set_up_logging, stop_on_signals

from health_catalog.errors import CatalogError
from health_catalog.warehouse.engine import Engine, Stopped
from health_catalog.warehouse.lake import Lake
from health_catalog.warehouse.loader import Loader
from health_catalog.warehouse.local import LocalWarehouse
from health_catalog.warehouse.metrics import Metrics
from health_catalog.warehouse.redshift import redshift

_LOG = logging.getLogger(__name__)


def main() -> int:
    """Keep the warehouse up to date by the settings in the environment."""
    set_up_logging("warehouse")
    stop = stop_on_signals()
    try:
        settings = WarehouseSettings.from_env()
        lake = Lake(settings)
        warehouse = engine(settings, lake, stop)
        telemetry = Telemetry(settings)
    except SettingsError as error:
        sys.stderr.write(f"warehouse: {error}\n")
        return 2
    loader = Loader(lake, warehouse, Metrics(settings.pipeline), stop)
    while not stop.is_set():
        try:
            loader.run()
            telemetry.ready.set()
        except CatalogError as error:
            telemetry.ready.clear()
            _LOG.warning("failed and will be tried again: %s", error)
        except Stopped:
            break  # what is under way ends by itself, and who comes next is told of it
        stop.wait(settings.interval_s)
    telemetry.close()
    return 0


def engine(settings: WarehouseSettings, lake: Lake, stop: threading.Event) -> Engine:
    """The warehouse that the settings name; SettingsError when there is no such kind. Asks it nothing."""
    if settings.engine == "duckdb":
        return LocalWarehouse(Path(settings.duckdb_path), lake.filesystem)
    if settings.engine != "redshift":
        raise SettingsError(f"HEALTH_ENGINE: {settings.engine!r} is neither redshift nor duckdb")
    return redshift(settings, stop)


if __name__ == "__main__":
    sys.exit(main())
