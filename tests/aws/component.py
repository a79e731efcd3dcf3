"""A component's own code against the account, with the credentials in this environment: ``component.py NAME URL``.

A process for each: Spark's JVM and Arrow's S3 read their credentials once. Says what it did as its last line, in JSON.
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
from typing import Any

from health_catalog import GlueCatalog, glue
from health_events import DISPATCHES, VITALS
from health_pipeline.settings import LandingSettings, TransformSettings
from health_streaming.incremental import plan, run
from health_streaming.incremental.store import Store
from health_streaming.incremental.zone import SPARK_CONF, Zone
from health_streaming.jobs import landing
from health_streaming.session import hadoop_uri, spark_session
from health_streaming.sinks.lake import LakeSource, options
from healthctl.embedded.jars import ensure_jars
from pyspark.sql.types import StructType

from tests.aws.account import BUCKET, PIPELINE, REGION
from tests.unit.health_streaming.test_stream_sink import _rows as rows

_BATCHES = 3


def main(name: str, url: str, epoch: str = "") -> None:
    """Run the component; an error of AWS ends the process with code 1."""
    common: dict[str, Any] = {
        "pipeline": PIPELINE, "lake": f"s3://{BUCKET}", "lake_endpoint": url, "glue_endpoint": url, "region": REGION,
        "database": PIPELINE, "tables": (VITALS.name, DISPATCHES.name), "checkpoint_epoch": epoch,
        "spark_master": "local[2]", "spark_jars": str(ensure_jars("spark")),
    }  # fmt: skip
    if name == "transform":
        print(json.dumps(_transform(TransformSettings(**common))))
    else:
        settings = LandingSettings(**common, bootstrap_servers="none")
        print(json.dumps(_landing(settings) if name == landing.NAME else _keeps_its_place(name, settings)))


def _as_aws_answers() -> None:
    """The endpoint calls a partition that is not there unprocessed, and would be asked for ever; AWS leaves it out."""
    make_client = glue.make_client

    def corrected(*given: Any) -> Any:
        client = make_client(*given)
        event = "after-call.glue.BatchGetPartition"
        client.meta.events.register(event, lambda parsed, **_: parsed.pop("UnprocessedKeys", None))
        return client

    glue.make_client = corrected


def _landing(settings: LandingSettings) -> dict[str, Any]:
    """All that landing does in AWS: prepare, write and register a batch for each of some offsets, keep its place."""
    landing.prepare(settings)
    for minute in range(_BATCHES):
        writer = LakeSource(dict(options(settings))).streamWriter(StructType([]), overwrite=False)
        written = writer.write(iter(rows(["good", "broken"], [60 * minute] * 2)))
        writer.commit([written], minute)
    return {"batches": _BATCHES, **_keeps_its_place(landing.NAME, settings)}


def _keeps_its_place(name: str, settings: LandingSettings) -> dict[str, Any]:
    """The checkpoint of a stream, by Spark and its S3 connector; where its rows go to does not matter."""
    spark = spark_session(settings, name)
    stream = spark.readStream.format("rate-micro-batch").option("rowsPerBatch", 4).load().writeStream.format("noop")
    query = stream.option("checkpointLocation", hadoop_uri(settings.checkpoint_uri(name))).start()
    while query.lastProgress is None or query.lastProgress["batchId"] < _BATCHES:
        if query.awaitTermination(1):
            raise RuntimeError("the query has ended")
    query.stop()
    spark.stop()
    return {"kept": _BATCHES}


def _transform(settings: TransformSettings) -> dict[str, Any]:
    """A file at a time, so that later runs replace, and then delete, what earlier ones wrote."""
    run.new_files = functools.partial(plan.new_files, limit=1)
    spark = spark_session(settings, "transform", SPARK_CONF)
    transform = run.Transform(Zone(spark, settings), Store(settings), GlueCatalog(settings), settings.tables)
    transform.register()
    done = [each for each in iter(transform.run, None) if each]
    spark.stop()
    return {"runs": len(done), "rows": sum(each.rows_read for each in done)}


if __name__ == "__main__":
    _as_aws_answers()
    tempfile.tempdir = tempfile.mkdtemp(prefix="component-")
    main(*sys.argv[1:])
