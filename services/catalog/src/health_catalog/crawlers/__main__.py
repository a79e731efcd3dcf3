"""``python -m health_catalog.crawlers``: keep a pipeline's crawlers, until told to stop.

``remove`` removes instead what was made in AWS for the pipeline, tables and data never. ``request TABLE...`` asks for a
crawl. Settings come from the environment (``CatalogSettings``). Exit codes: 0, 1 when it must be started again, 2 when
it is told nonsense.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence

from health_pipeline.settings import CatalogSettings, SettingsError
from health_pipeline.telemetry import Telemetry, set_up_logging, stop_on_signals

from health_catalog.crawlers.aws import Aws
from health_catalog.crawlers.keeper import Keeper
from health_catalog.crawlers.requests import Requests
from health_catalog.errors import CatalogError
from health_catalog.keeping import remove

log = logging.getLogger("health_catalog.crawlers")

# Less than an operator waits for the end of a pipeline. A crawl takes a while to be stopped.
_REMOVAL_S = 240.0


def main(arguments: Sequence[str] = ()) -> int:
    """Do what the arguments say; the process's exit code."""
    set_up_logging("catalog")
    stop = stop_on_signals()
    try:
        settings = CatalogSettings.from_env()
        match list(arguments):
            case []:
                return _keep(settings, stop)
            case ["remove"]:
                return _remove(settings, stop)
            case ["request", *tables] if tables and set(tables) <= set(settings.tables):
                return _request(settings, tables)
    except SettingsError as error:
        sys.stderr.write(f"catalog: {error}\n")
        return 2
    except CatalogError as error:
        log.error("%s", error)
        return 1
    known = ", ".join(settings.tables)
    sys.stderr.write(f"catalog: arguments are none, remove, or request and some of {known}; not {list(arguments)}\n")
    return 2


def _keep(settings: CatalogSettings, stop: threading.Event) -> int:
    telemetry = Telemetry(settings)
    try:
        Keeper(settings, Aws(settings), Requests(settings), telemetry.ready).run(stop)
    except Exception:
        log.exception("the keeper cannot go on")
        return 1
    finally:
        telemetry.close()
    return 0


def _remove(settings: CatalogSettings, stop: threading.Event) -> int:
    left = remove(settings, Aws(settings), stop, _REMOVAL_S)
    if left:
        log.error("still there: %s", ", ".join(left))
    return 1 if left else 0


def _request(settings: CatalogSettings, tables: Sequence[str]) -> int:
    for table in tables:
        log.info("asked for: %s", Requests(settings).leave(table))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
