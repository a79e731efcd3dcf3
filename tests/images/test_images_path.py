"""The images together, in one pod's network: a city's readings through Kafka and Spark into the lake."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from health_pipeline import Component, read_pipeline
from healthctl.embedded.lake import CREDENTIALS
from healthctl.embedded.layout import lay_out

from tests.images.conftest import Run, WaitFor
from tests.images.containers import Container, Pod

KAFKA, AWS = "127.0.0.1:9092", "http://127.0.0.1:5000"
PORTS = {
    "kafka.kafka": 9092, "aws.http": 5000, "simulator.http": 8080, "simulator.metrics": 9101,
    "producer-vitals.metrics": 9102, "landing.metrics": 9103, "alerts.metrics": 9104, "transform.metrics": 9105,
}  # fmt: skip
PIPELINE = {
    "apiVersion": "health-streaming.com/v1alpha1",
    "kind": "HealthPipeline",
    "metadata": {"name": "images"},
    "spec": {
        "sources": [{"name": "vitals", "partitions": 1, "simulate": {"entities": 20, "eventsPerSecond": 50}}],
        "lake": {"bucket": "s3://images-lake", "triggerInterval": "2s"},
    },
}
_TOPICS = "import sys; from confluent_kafka.admin import AdminClient; \
print(*sorted(AdminClient({'bootstrap.servers': sys.argv[1]}).list_topics(timeout=20).topics))"
_MAKE_TOPICS = """
import sys
from health_events import EVENTS, topics
from healthctl.embedded.topics import ensure_topics
ensure_topics({"bootstrap.servers": sys.argv[1]}, topics(sys.argv[2], EVENTS))
"""
_LANDED = """
import sys, boto3
session = boto3.Session(region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any")
s3 = session.client("s3", endpoint_url=sys.argv[1])
found = s3.list_objects_v2(Bucket="images-lake", Prefix="raw/vitals/").get("Contents", [])
print(len([each for each in found if each["Size"]]))
"""
# What a driver on Kubernetes is given, with this machine in place of the cluster.
_PROPERTIES = "spark.master=local[2]\nspark.driver.host=127.0.0.1\nspark.driver.memory=700m\n"
_PYTHON = ("--class", "org.apache.spark.deploy.PythonRunner")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A folder that anyone may write to, as a pod's emptyDir is."""
    folder = tmp_path / "volume"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.fixture
def dev_kafka(pod: Pod, run_image: Run, wait_for: WaitFor, volume: Path) -> Container:
    """The broker, with the topics of the pipeline."""
    broker = run_image("dev-kafka", volumes={"/var/lib/kafka": volume}, env={"HEAP": "384m"})
    wait_for(lambda: _reachable(pod), broker, 90)
    pod.python(_MAKE_TOPICS, KAFKA, "images")
    return broker


@pytest.fixture
def dev_aws(pod: Pod, run_image: Run, wait_for: WaitFor) -> Container:
    """The S3 and Glue endpoint."""
    endpoint = run_image("dev-aws")
    wait_for(lambda: pod.answers(f"{AWS}/moto-api/"), endpoint, 90)
    return endpoint


def test_kafka_keeps_its_topics_when_it_is_killed_and_when_it_is_stopped(
    pod: Pod, run_image: Run, wait_for: WaitFor, dev_kafka: Container, volume: Path
) -> None:
    topics = pod.python(_TOPICS, KAFKA)
    assert "images.vitals" in topics
    broker = dev_kafka
    for number in (signal.SIGKILL, signal.SIGTERM):
        broker.signal(number)
        broker.wait()
        broker = run_image("dev-kafka", volumes={"/var/lib/kafka": volume}, env={"HEAP": "384m"})
        wait_for(lambda: _reachable(pod), broker, 90)
        assert pod.python(_TOPICS, KAFKA) == topics
    assert broker.stop()[0] in (0, 143), broker.log.read_text()


@pytest.mark.usefixtures("dev_kafka")
def test_readings_land_and_every_part_ends_when_it_is_told_to(
    pod: Pod, run_image: Run, wait_for: WaitFor, dev_aws: Container, volume: Path
) -> None:
    layout = lay_out(read_pipeline(PIPELINE), lambda component, port: PORTS[f"{component}.{port}"])
    parts = {component.name: component for component in layout.components}
    (volume / "spark.properties").write_text(_PROPERTIES)
    running = [
        run_image("simulator", env=parts["simulator"].env),
        run_image("producer", env=parts["producer-vitals"].env),
    ]
    landing = run_image(
        "spark", args=_driver(parts["landing"]), env=_spark_env(parts["landing"]), volumes={"/opt/spark/conf": volume}
    )
    wait_for(lambda: pod.answers(f"http://127.0.0.1:{PORTS['landing.metrics']}/readyz"), landing, 180)
    wait_for(lambda: pod.python(_LANDED, AWS) != "0", landing, 60)
    for part in (*running, landing, dev_aws):
        code, seconds = part.stop()
        assert code == 0, part.log.read_text()
        assert seconds < 15, part.log.read_text()


@pytest.mark.usefixtures("dev_aws")
@pytest.mark.parametrize("host", ["dev-aws", "dev-aws.demo.svc", "dev-aws.demo.svc.cluster.local"])
def test_the_s3_endpoint_finds_buckets_in_paths_by_whatever_name_it_is_called(pod: Pod, host: str) -> None:
    signed = ("--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "any:any", "--resolve", f"{host}:5000:127.0.0.1")
    made = pod.run("curl", "--silent", "--request", "PUT", *signed, f"http://{host}:5000/some-lake")
    assert "<Name>some-lake</Name>" in pod.run("curl", "--silent", *signed, f"http://{host}:5000/").stdout, made.stdout


def _driver(component: Component) -> list[str]:
    """How Spark on Kubernetes starts the driver of a Python application."""
    properties = ("--properties-file", "/opt/spark/conf/spark.properties")
    return ["driver", *properties, *_PYTHON, "local:///opt/health/run.py", component.module]


def _spark_env(component: Component) -> dict[str, str]:
    # The master comes from the properties, as on a cluster.
    env = component.env | {"HEALTH_SPARK_MASTER": "", "SPARK_DRIVER_BIND_ADDRESS": "127.0.0.1"}
    return env | CREDENTIALS


def _reachable(pod: Pod) -> bool:
    return pod.run("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9092").returncode == 0
