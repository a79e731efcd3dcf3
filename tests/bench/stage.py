"""What the benchmarks run on: one broker, one S3 endpoint, the jars, a folder for logs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient, NewTopic
from health_events import ALERTS, DISPATCHES, topics
from health_pipeline.kafka import DECIDING_PARTITIONS


@dataclass(frozen=True)
class Stage:
    """Shared by all benchmarks of a run; each has topics and a lake prefix of its own."""

    bootstrap: str
    lake_endpoint: str
    spark_jars: Path
    folder: Path

    def common(self, pipeline: str) -> dict[str, Any]:
        """Keyword arguments of every Settings."""
        return {"pipeline": pipeline}

    def lake(self, pipeline: str) -> dict[str, Any]:
        """Keyword arguments of LakeSettings: a lake of the pipeline's own, checkpoints and all."""
        return {
            "lake": f"s3://bench-lake/{pipeline}",
            "lake_endpoint": self.lake_endpoint,
            "glue_endpoint": self.lake_endpoint,
            "database": pipeline.replace("-", "_"),
        }

    def log(self, name: str) -> Path:
        """Where a part writes what it says."""
        return self.folder / "logs" / f"{name}.log"

    def make_topics(self, pipeline: str) -> None:
        """The pipeline's topics, new, with as many partitions as a pipeline's have."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        partitions = dict.fromkeys((ALERTS.name, DISPATCHES.name), DECIDING_PARTITIONS)
        made = topics(pipeline, partitions=partitions)
        wanted = [NewTopic(topic.name, topic.partitions, 1, config=topic.config) for topic in made]
        for future in admin.create_topics(wanted).values():
            future.result(30)
