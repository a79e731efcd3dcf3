"""``python -m health_dispatch``: exit 0 when stopped, 1 when it must be started again, 2 when it is told nonsense."""

from __future__ import annotations

import logging
import sys

from health_pipeline.settings import DispatchSettings, SettingsError
from health_pipeline.telemetry import Telemetry, set_up_logging, stop_on_signals

from health_dispatch.kafka import Broken
from health_dispatch.service import Dispatcher


def main() -> int:
    """Run dispatch by the settings in the environment."""
    set_up_logging("dispatch")
    stop = stop_on_signals()
    try:
        settings = DispatchSettings.from_env()
        telemetry = Telemetry(settings)
    except SettingsError as error:
        sys.stderr.write(f"dispatch: {error}\n")
        return 2
    try:
        Dispatcher(settings, stop, telemetry).run()
    except Broken as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    finally:
        telemetry.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
