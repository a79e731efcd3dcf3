"""``python -m health_catalog.etl``: keep a pipeline's Glue jobs, until told to stop.

``start`` starts a run of the transform beside the schedule. ``remove`` removes the jobs and their triggers, tables,
data and code never.
Settings come from the environment (``EtlSettings``). Exit codes: 0, 1 when it must be started again, 2 when it is told
nonsense.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence

from health_pipeline.settings import SettingsError
from health_pipeline.settings_glue import EtlSettings
from health_pipeline.telemetry import Telemetry, set_up_logging, stop_on_signals

from health_catalog.errors import CatalogError
from health_catalog.etl.aws import JobAws
from health_catalog.etl.keeper import JobKeeper
from health_catalog.etl.schedule import ScheduleError
from health_catalog.keeping import remove

log = logging.getLogger("health_catalog.etl")

# Less than an operator waits for the end of a pipeline. A run takes a while to be stopped.
_REMOVAL_S = 240.0


def main(arguments: Sequence[str] = ()) -> int:
    """Do what the arguments say; the process's exit code."""
    set_up_logging("etl")
    stop = stop_on_signals()
    try:
        settings = EtlSettings.from_env()
        match list(arguments):
            case []:
                return _keep(settings, stop)
            case ["start"]:
                log.info("started: %s", JobAws(settings).start_run())
                return 0
            case ["remove"]:
                left = remove(settings, JobAws(settings), stop, _REMOVAL_S)
                if left:
                    log.error("still there: %s", ", ".join(left))
                return 1 if left else 0
    except (SettingsError, ScheduleError) as error:
        sys.stderr.write(f"etl: {error}\n")
        return 2
    except CatalogError as error:
        log.error("%s", error)
        return 1
    sys.stderr.write(f"etl: arguments are none, start or remove; not {list(arguments)}\n")
    return 2


def _keep(settings: EtlSettings, stop: threading.Event) -> int:
    telemetry = Telemetry(settings)
    try:
        JobKeeper(settings, JobAws(settings), telemetry.ready).run(stop)
    finally:
        telemetry.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
