"""Vitals to alerts, the alert path alone: Real-time Mode, micro-batches at trigger 0, and the usual tutorial job."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from health_events import ALERTS, VITALS, topic_name
from health_pipeline.settings import AlertRule, AlertsSettings

from tests.bench.load import VitalsLoad
from tests.bench.part import free_port, running
from tests.bench.probe import LatencyProbe, at_broker, percentiles
from tests.bench.stage import Stage

RATE, ABNORMAL = 1000, 0.05
WARM_UP_S, MEASURED_S = 10.0, 30.0


def rules() -> tuple[AlertRule, ...]:
    """The NEWS2 defaults."""
    return (
        AlertRule(metric="heart_rate", at_or_below=40, at_or_above=131),
        AlertRule(metric="spo2", at_or_below=91),
    )


def alerts_settings(stage: Stage, pipeline: str, latency: str) -> AlertsSettings:
    """The alerts job on the stage's broker and lake."""
    return AlertsSettings(
        **stage.common(pipeline),
        **stage.lake(pipeline),
        metrics_port=free_port(),
        bootstrap_servers=stage.bootstrap,
        rules=rules(),
        latency=latency,
        trigger_interval_s=0,  # as fast as micro-batches can be
        partitions=2,
        spark_master="local[3]",
        spark_jars=str(stage.spark_jars),
    )


def measure_ours(stage: Stage, latency: str) -> dict[str, float]:
    """Latency, ms, of the alerts job in one of its two modes."""
    pipeline = f"bench-{latency}"
    stage.make_topics(pipeline)
    with running(
        "health_streaming.jobs.alerts", alerts_settings(stage, pipeline, latency), stage.log(f"alerts-{latency}")
    ):
        return _under_load(stage, pipeline)


def measure_tutorial(stage: Stage) -> dict[str, float]:
    """Latency, ms, of the tutorial job, fed by a producer that flushes after each message."""
    pipeline = "bench-tutorial"
    stage.make_topics(pipeline)
    vitals, alerts = topic_name(pipeline, VITALS), topic_name(pipeline, ALERTS)
    checkpoint = str(stage.folder / "tutorial-checkpoint")
    command = [sys.executable, "-m", "tests.bench.tutorial_job", stage.bootstrap, vitals, alerts, checkpoint]
    log = Path(stage.log("alerts-tutorial"))
    with log.open("wb") as output:
        process = subprocess.Popen([*command, str(stage.spark_jars)], stdout=output, stderr=output)
        try:
            return _under_load(stage, pipeline, flush_each=True)
        finally:
            process.terminate()
            process.wait(30)


def _under_load(stage: Stage, pipeline: str, *, flush_each: bool = False) -> dict[str, float]:
    probe = LatencyProbe(stage.bootstrap, topic_name(pipeline, ALERTS))
    vitals = topic_name(pipeline, VITALS)
    try:
        with VitalsLoad(stage.bootstrap, vitals, RATE, ABNORMAL, flush_each=flush_each):
            probe.wait_for_one(120)
            probe.collect(WARM_UP_S, at_broker)
            return percentiles(probe.collect(MEASURED_S, at_broker))
    finally:
        probe.close()
