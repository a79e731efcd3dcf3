"""``python -m health_simulator``: serve the sources that the settings name."""

from __future__ import annotations

import asyncio
import logging
import sys

from health_pipeline.settings import SettingsError, SimulatorSettings
from health_pipeline.telemetry import Telemetry, set_up_logging, stop_on_signals
from health_pipeline.web import listen

from health_simulator.server import serve

log = logging.getLogger(__name__)

# Readers that are started together with us find the data at its beginning, and so no reading is late already.
_LEAD_S = 2.5


def main() -> int:
    """Runs until SIGTERM or SIGINT. 0 when it ended cleanly, 2 when it cannot run as configured."""
    set_up_logging("simulator")
    stop = stop_on_signals()
    try:
        settings = SimulatorSettings.from_env()
        listening = listen(settings.host, settings.port)
        telemetry = Telemetry(settings)
        host, port = listening.getsockname()[:2]
        log.info("serving %s on http://%s:%d", ", ".join(source.name for source in settings.sources), host, port)
        asyncio.run(serve(settings, listening, telemetry.ready, stop, _LEAD_S))
        telemetry.close()
    except SettingsError as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
