"""Alerts: vitals that break a rule, within milliseconds. ``python -m health_streaming.jobs.alerts``.

Real-time Mode commits its place only at the end of a batch of minutes, so a restart sends alerts again that were sent
before. Their ids are hashes of reading and rule: a repeated alert is recognised as one.
"""

from __future__ import annotations

import threading

from health_events import ALERTS, VITALS, topic_name
from health_pipeline.settings import AlertsSettings
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from health_streaming import kafka
from health_streaming.areas import area_sql
from health_streaming.jobs import application
from health_streaming.parsing import valid
from health_streaming.progress import Progress
from health_streaming.rules import broken_sql
from health_streaming.session import hadoop_uri, spark_session

NAME = "alerts"
# How often the place is committed. Each commit stalls the stream for some 0.3 s, so seldom.
_REALTIME = "5 minutes"
_SINK = {"kafka.acks": "all", "kafka.linger.ms": "0", "kafka.compression.type": "none"}


def main() -> None:
    """Run until told to stop; an error ends the process, and its supervisor starts it anew."""
    application.main(NAME, AlertsSettings, start)


def start(settings: AlertsSettings, stop: threading.Event) -> StreamingQuery | None:
    """Start the query; None when told to stop before it runs."""
    spark = spark_session(settings, NAME)
    application.keep_signals(stop)
    spark.streams.addListener(Progress(settings.pipeline))
    source, sink = topic_name(settings.pipeline, VITALS), topic_name(settings.pipeline, ALERTS)
    if not kafka.wait_for_topics(spark, settings, (source, sink), stop):
        return None
    rows = spark.readStream.format("kafka").options(**kafka.source_options(settings)).option("subscribe", source).load()
    trigger = {"realTime": _REALTIME} if settings.latency == "realtime" else {"processingTime": "0 seconds"}
    return (
        alerts(rows, settings)
        .writeStream.queryName(NAME)
        .format("kafka")
        .options(**kafka.spark_options(settings), **_SINK)
        .option("topic", sink)
        .option("checkpointLocation", hadoop_uri(settings.checkpoint_uri(NAME)))
        .outputMode("update")
        .trigger(**trigger)
        .start()
    )


def alerts(rows: DataFrame, settings: AlertsSettings) -> DataFrame:
    """Kafka rows of vitals to Kafka rows (key, value) of alerts, one for each rule that a reading breaks."""
    broken = valid(rows, VITALS).withColumn("broken", F.explode(F.expr(broken_sql(settings.rules))))
    story = {
        "event_id": F.substring(F.sha2(F.concat_ws("|", "event_id", "broken.rule"), 256), 1, 32),
        "area": F.expr(area_sql(settings.areas)),
        "vital_event_id": F.col("event_id"),
        "metric": F.col("broken.metric"),
        "value": F.col("broken.value"),
        "rule": F.col("broken.rule"),
        "severity": F.col("broken.severity"),
    }
    columns = [story.get(field.name, F.col(field.name)).alias(field.name) for field in ALERTS.fields]
    alert = broken.select(F.struct(*columns).alias("alert"))
    return alert.select(F.col(f"alert.{ALERTS.key}").alias("key"), F.to_json("alert").alias("value"))


if __name__ == "__main__":
    main()
