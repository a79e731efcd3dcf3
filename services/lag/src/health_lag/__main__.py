"""``python -m health_lag``: exit 0 when stopped, 1 when it must be started again, 2 when it is told nonsense."""

from __future__ import annotations

import logging
import sys
import threading

from health_pipeline.settings import LagSettings, SettingsError
from health_pipeline.telemetry import Telemetry, set_up_logging, stop_on_signals

from health_lag.service import Watcher


def main() -> int:
    """Watch the pipeline that the environment names."""
    set_up_logging("lag")
    stop = stop_on_signals()
    try:
        settings = _settings()
        telemetry, watcher = _listen(settings, stop)
    except SettingsError as error:
        sys.stderr.write(f"lag: {error}\n")
        return 2
    try:
        watcher.run()
    except Exception:
        logging.getLogger(__name__).exception("the watcher cannot go on")
        return 1
    finally:
        telemetry.close()
    return 0


def _settings() -> LagSettings:
    settings = LagSettings.from_env()
    if settings.canary_interval_s < 0:
        raise SettingsError(f"HEALTH_CANARY_INTERVAL_S is {settings.canary_interval_s:g}; it must not be below 0")
    for variable, targets in (("HEALTH_TARGETS", settings.targets), ("HEALTH_PASSING", settings.passing)):
        for target in targets:
            if not target.url.startswith("http://"):
                raise SettingsError(f"{variable}: {target.url!r} of {target.component} must begin with http://")
    return settings


def _listen(settings: LagSettings, stop: threading.Event) -> tuple[Telemetry, Watcher]:
    telemetry = Telemetry(settings)
    try:
        return telemetry, Watcher(settings, stop, telemetry)
    except OSError as error:
        raise SettingsError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
