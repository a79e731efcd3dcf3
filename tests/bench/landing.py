"""Kafka to Parquet: our sink and Spark's native one, each in a process of its own, over the same two million vitals."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

from confluent_kafka import Producer
from health_events import VITALS, topic_name
from health_pipeline.settings import LandingSettings

from tests.bench.load import NORMAL, vital
from tests.bench.stage import Stage

MESSAGES, AT_ONCE = 2_000_000, 10_000
PIPELINE = "bench-landing"


def fill(stage: Stage) -> None:
    """Make the topics and fill that of the vitals."""
    stage.make_topics(PIPELINE)
    topic = topic_name(PIPELINE, VITALS)
    producer = Producer({"bootstrap.servers": stage.bootstrap, "linger.ms": 20, "compression.type": "lz4"})
    city = random.Random(7)
    for start in range(0, MESSAGES, AT_ONCE):
        readings = (vital(number, NORMAL, 1000, city) for number in range(start, start + AT_ONCE))
        batch = [{"key": reading["entity_id"].encode(), "value": json.dumps(reading).encode()} for reading in readings]
        producer.produce_batch(topic, batch)
        producer.flush(60)


def measure_both(stage: Stage) -> dict[str, int]:
    """Rows a second through each sink."""
    fill(stage)
    return {sink: round(measure(stage, sink)) for sink in ("native", "lake")}


def measure(stage: Stage, sink: str) -> float:
    """Rows a second through ``lake`` or ``native``."""
    settings = LandingSettings(
        **stage.common(PIPELINE),
        **stage.lake(PIPELINE),
        bootstrap_servers=stage.bootstrap,
        tables=(VITALS.name,),
        spark_master="local[2]",
        spark_jars=str(stage.spark_jars),
    )
    command = [sys.executable, "-m", "tests.bench.landing_job", sink]
    with stage.log(f"landing-{sink}").open("wb") as log:
        env = {**os.environ, **settings.to_env()}
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=log, timeout=600, check=True)
    said = json.loads(done.stdout.decode().strip().splitlines()[-1])
    return float(said["rows"] / said["seconds"])
