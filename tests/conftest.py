"""What tests share: a real broker, an S3/Glue endpoint and Spark's jars, each started once and only when asked for."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from health_events import EVENTS, SOURCES, Topic, cursors_of
from health_events import topics as topics_of
from health_pipeline.settings import SparkSettings
from healthctl.embedded.jars import ensure_jars
from healthctl.embedded.kafka import KafkaBroker
from healthctl.embedded.lake import AwsEndpoint, embedded_credentials
from healthctl.embedded.topics import ensure_topics
from hypothesis import settings as hypothesis_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MakeTopics = Callable[..., dict[str, str]]
Golden = Callable[[str, str], None]

_GOLDEN = Path(__file__).parent / "golden"

# How long an example takes says more about a busy machine than about the code.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")


# Nearly all that a test's Spark does is to start, for which Java's quick compiler and simplest collector need far less.
# Every Spark that is started from here is told so by spark-submit, whatever else it is told.
os.environ["SPARK_SUBMIT_OPTS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-golden`` writes golden files anew; read the difference before you commit it."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares text with a file under tests/golden: ``golden("plan/quickstart.txt", text)``."""

    def compare(name: str, text: str) -> None:
        path = _GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert text == path.read_text(), f"differs from {name}; if that is meant: pytest --update-golden"

    return compare


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a real Kafka that makes no topics by itself."""
    with KafkaBroker(tmp_path_factory.mktemp("broker")) as kafka:
        yield kafka.files.bootstrap


@pytest.fixture(scope="session")
def aws_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an S3 and Glue endpoint; the dummy credentials for it are in the environment from then on."""
    with embedded_credentials(), AwsEndpoint(tmp_path_factory.mktemp("aws")) as endpoint:
        yield endpoint.url


@pytest.fixture(scope="session")
def spark_jars() -> Path:
    """Folder of the jars that Spark needs beyond PySpark's own."""
    return ensure_jars("spark")


@pytest.fixture(scope="session")
def pipeline_names() -> Iterator[str]:
    """Names of pipelines that nobody else uses on the shared broker."""
    return (f"test-{os.getpid()}-{number}" for number in itertools.count(1))


@pytest.fixture
def make_pipeline_topics(broker: str, pipeline_names: Iterator[str]) -> MakeTopics:
    """Makes all topics of a pipeline: ``make_pipeline_topics("p1", partitions={"vitals": 3})``.

    Returns the topics' names by event name (and ``cursors-vitals``, ..., ``cursors`` and ``audit``), and the pipeline's
    name as ``pipeline``; without a name it makes a new one up.
    """

    def make(pipeline: str | None = None, partitions: Mapping[str, int] | None = None) -> dict[str, str]:
        name = pipeline or next(pipeline_names)
        made: tuple[Topic, ...] = topics_of(name, EVENTS, partitions)
        ensure_topics({"bootstrap.servers": broker}, made)
        names = [*(event.name for event in EVENTS), *(cursors_of(source) for source in SOURCES), "cursors", "audit"]
        by_event = dict(zip(names, (topic.name for topic in made), strict=True))
        return {"pipeline": name, **by_event}

    return make


@pytest.fixture(scope="session")
def spark(aws_endpoint: str, spark_jars: Path) -> Iterator[SparkSession]:
    """The process's only Spark session, as the transform has it, on the S3 endpoint."""
    from health_streaming.incremental.zone import SPARK_CONF  # noqa: PLC0415 (slow, and few tests need it)
    from health_streaming.session import spark_session  # noqa: PLC0415

    settings = SparkSettings(
        pipeline="test", lake="s3://unused", lake_endpoint=aws_endpoint, database="unused",
        spark_master="local[2]", spark_jars=str(spark_jars),
    )  # fmt: skip
    session = spark_session(settings, "test", SPARK_CONF)
    yield session
    session.stop()
