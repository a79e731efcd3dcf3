"""Alerts: vitals that break a rule, within milliseconds. ``python -m health_streaming.jobs.alerts``.

Real-time Mode commits its place only at the end of a batch of minutes, so a restart sends alerts again that were sent
before. Their ids are hashes of reading and rule: a repeated alert is recognised as one.
"""

from __future__ import annotations

import threading
import time

from health_events import ALERTS, VITALS, encode, topic_name
from health_pipeline.settings import AlertsSettings
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from health_streaming import kafka, places
from health_streaming.areas import area_sql
from health_streaming.jobs import application
from health_streaming.parsing import valid
from health_streaming.rules import broken_sql
from health_streaming.session import hadoop_uri

NAME = "alerts"
# How often the place is committed. Each commit stalls the stream for some 0.3 s, so seldom.
_REALTIME = "5 minutes"
# Java's quick compiler only: its thorough one is busy for twelve seconds after a start, on the cores that the first
# alerts need, for a speed that this stream does not need. The simplest collector: few threads, and little to collect.
_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_SPARK = {"spark.driver.extraJavaOptions": _JAVA, "spark.executor.extraJavaOptions": _JAVA}
# Enough for Java to compile what is hot.
_WARM_UP_ROWS, _WARM_UP_TASKS, _DIFFERENT = 40_000, 8, 200
_SINK = {"kafka.acks": "all", "kafka.linger.ms": "0", "kafka.compression.type": "none"}


def main() -> None:
    """Run until told to stop; an error ends the process, and its supervisor starts it anew."""
    application.main(NAME, AlertsSettings, start)


def start(settings: AlertsSettings, stop: threading.Event) -> StreamingQuery | None:
    """Start the query; None when told to stop before it runs."""
    is_realtime = settings.latency == "realtime"
    interval = f"{settings.trigger_interval_s} seconds"
    spark = application.stream_session(settings, NAME, _SPARK, stop, is_realtime=is_realtime)
    warm_up(spark, settings)
    source, sink = topic_name(settings.pipeline, VITALS), topic_name(settings.pipeline, ALERTS)
    if not kafka.wait_for_topics(spark, settings, (source, sink), stop):
        return None
    settings = places.settled(settings, NAME, kafka.topic_ids(spark, settings, [source]))
    send_canary(spark, settings)
    rows = spark.readStream.format("kafka").options(**kafka.source_options(settings)).option("subscribe", source).load()
    query = (
        alerts(rows, settings)
        .writeStream.queryName(NAME)
        .format("kafka")
        .options(**_sink_options(settings))
        .option("checkpointLocation", hadoop_uri(settings.checkpoint_uri(NAME)))
        .outputMode("update")
        .trigger(**({"realTime": _REALTIME} if is_realtime else {"processingTime": interval}))
        .start()
    )
    is_up = application.wait_for_batch(query, stop) and (
        not is_realtime or _wait_for_tasks(spark, query, settings.partitions, stop)
    )
    return query if is_up else None


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


def warm_up(spark: SparkSession, settings: AlertsSettings) -> None:
    """Run the plan over made-up readings, to nowhere: Java compiles it here, not while the first patients wait."""
    # In several tasks, for compiled code comes into use between calls rather than under way.
    readings = _made_up(spark.range(_WARM_UP_ROWS, numPartitions=_WARM_UP_TASKS))
    alerts(readings, settings).write.format("noop").mode("overwrite").save()


def send_canary(spark: SparkSession, settings: AlertsSettings) -> None:
    """Send one alert of a canary: it opens the way to the topic, and fails here when there is none.

    Canaries are known as such by their field, and neither landed nor dispatched.
    """
    canary = alerts(_made_up(spark.range(_DIFFERENT)), settings).limit(1)
    canary.write.format("kafka").options(**_sink_options(settings)).save()


def _made_up(ids: DataFrame) -> DataFrame:
    """A canary's reading for each id, as Kafka's source would give it, from far too low to far too high."""
    same = {"source": VITALS.name, "entity_id": "canary", "device_id": "canary", "canary": True}
    same |= {"observed_at": int(time.time() * 1000), "latitude": 0.5, "longitude": 0.5}
    reading = F.concat(
        F.lit(encode(same)[:-1].decode()),
        F.lit(',"heart_rate":'), (20 + F.col("id") % _DIFFERENT).cast("string"),
        F.lit(',"spo2":'), (80 + F.col("id") % 20).cast("string"),
        F.lit(',"event_id":"canary-'), F.col("id").cast("string"), F.lit('"}'),
    )  # fmt: skip
    return ids.select(reading.cast("binary").alias("value"))


def _sink_options(settings: AlertsSettings) -> dict[str, str]:
    return {**kafka.spark_options(settings), **_SINK, "topic": topic_name(settings.pipeline, ALERTS)}


def _wait_for_tasks(spark: SparkSession, query: StreamingQuery, tasks: int, stop: threading.Event) -> bool:
    """Wait until every partition of vitals has its task, which then runs for as long as the batch does."""
    tracker = spark.sparkContext.statusTracker()
    while not stop.wait(0.1):
        if not query.isActive:
            query.awaitTermination()
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        if sum(stage.numActiveTasks for stage in stages if stage) >= tasks:
            return True
    return False


if __name__ == "__main__":
    main()
