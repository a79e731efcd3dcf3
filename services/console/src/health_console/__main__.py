"""``python -m health_console``: exit 0 when stopped, 1 when it must be started again, 2 when it is told nonsense."""

from __future__ import annotations

import asyncio
import logging
import sys

from health_pipeline.settings import ConsoleSettings, SettingsError
from health_pipeline.telemetry import Telemetry, set_up_logging, stop_on_signals
from health_pipeline.web import listen

from health_console.access import Access
from health_console.server import serve

log = logging.getLogger(__name__)


def main() -> int:
    """Serve the console that the environment describes."""
    set_up_logging("console")
    stop = stop_on_signals()
    try:
        settings = ConsoleSettings.from_env()
        Access.of(settings)
        telemetry = Telemetry(settings)
        try:
            listening = listen(settings.host, settings.port)
            host, port = listening.getsockname()[:2]
            log.info("the console is on http://%s:%d", host, port)
            asyncio.run(serve(settings, listening, telemetry.ready, stop))
        finally:
            telemetry.close()
    except SettingsError as error:
        sys.stderr.write(f"console: {error}\n")
        return 2
    except Exception:
        log.exception("the console cannot go on")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
