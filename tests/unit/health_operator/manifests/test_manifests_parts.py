"""Deployments, Services, accounts and the Job: what differs from one to the other, and why it must."""

from __future__ import annotations

import re
from typing import Any

from health_operator.manifests import Manifest
from health_operator.settings import Platform

from tests.unit.health_operator.manifests.examples import DEVELOPMENT, built, env_of, example, kinds, one, pipeline_of


def container(manifest: Manifest) -> Manifest:
    (found,) = manifest["spec"]["template"]["spec"]["containers"]
    return dict(found)


def job(manifests: list[Manifest]) -> Manifest:
    (found,) = kinds(manifests, "Job").values()
    return found


def test_only_dispatch_may_overlap_with_its_successor() -> None:
    strategies = {
        name: each["spec"]["strategy"]["type"] for name, each in kinds(example("quickstart"), "Deployment").items()
    }
    assert strategies.pop("quickstart-dispatch") == "RollingUpdate"
    assert set(strategies.values()) == {"Recreate"}


def test_everything_that_a_component_is_told_to_call_is_a_service_of_ours() -> None:
    manifests = example("quickstart")
    services = kinds(manifests, "Service")
    for deployment in kinds(manifests, "Deployment").values():
        for value in env_of(container(deployment)).values():
            for name, port in re.findall(r"http://([-a-z]+)\.default\.svc:(\d+)", str(value)):
                assert int(port) in {each["port"] for each in services[name]["spec"]["ports"]}


def test_services_lead_to_the_pods_of_their_component() -> None:
    manifests = example("quickstart")
    for name, service in kinds(manifests, "Service").items():
        selector = service["spec"]["selector"]
        if "spark-role" in selector:
            streams, runs = kinds(manifests, "SparkApplication"), kinds(manifests, "ScheduledSparkApplication")
            spec = streams[name]["spec"] if name in streams else runs[name]["spec"]["template"]
            labels = {**spec["driver"]["template"]["metadata"]["labels"], "spark-role": "driver"}
        else:
            labels = one(manifests, "Deployment", name)["spec"]["template"]["metadata"]["labels"]
        assert labels.items() >= selector.items()


def test_who_is_not_ready_is_watched_but_serves_no_clients() -> None:
    services = kinds(example("quickstart"), "Service")
    early = {name for name, each in services.items() if each["spec"]["publishNotReadyAddresses"]}
    assert services.keys() - early == {"quickstart-simulator", "quickstart-lag"}


def test_a_stage_is_given_what_the_spec_says_and_the_others_their_usual() -> None:
    manifests = example("everything")
    given = {name: container(each)["resources"] for name, each in kinds(manifests, "Deployment").items()}
    asked = {"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}}
    assert given["london-producer-vitals"] == given["london-producer-weather"] == asked
    assert given["london-dispatch"]["requests"] == {"cpu": "1", "memory": "128Mi"}
    assert container(job(manifests))["resources"]["limits"] == {"memory": "96Mi"}
    assert all("cpu" not in resources["limits"] for resources in given.values())


def test_producers_get_the_token_of_their_source() -> None:
    manifests = example("everything")
    token = {"secretKeyRef": {"name": "vitals-api", "key": "token"}}
    assert env_of(container(one(manifests, "Deployment", "london-producer-vitals")))["HEALTH_TOKEN"] == token
    assert "HEALTH_TOKEN" not in env_of(container(one(manifests, "Deployment", "london-producer-vehicles")))


def test_only_who_publishes_patients_gets_the_key_of_pseudonyms() -> None:
    told = {name: env_of(container(each)) for name, each in kinds(example("everything"), "Deployment").items()}
    keyed = {name: env["HEALTH_PSEUDONYM_KEY"] for name, env in told.items() if "HEALTH_PSEUDONYM_KEY" in env}
    assert keyed == {"london-producer-vitals": {"secretKeyRef": {"name": "pseudonyms", "key": "k2"}}}
    assert told["london-producer-vitals"]["HEALTH_PSEUDONYM_KEY_ID"] == "k2"


def test_images_come_from_where_the_platform_says() -> None:
    images = {name: container(each)["image"] for name, each in kinds(example("everything"), "Deployment").items()}
    assert images["london-dispatch"].endswith("health-dispatch@sha256:" + 64 * "a")
    assert images["london-lag"] == "registry.example/health/health-lag:1.2.3"
    spec = one(example("everything"), "SparkApplication", "london-landing")["spec"]
    assert (spec["image"], spec["imagePullSecrets"]) == ("registry.example/london-spark:3", ["registry-login"])


def test_other_topics_are_another_job() -> None:
    before, after = job(example("quickstart")), job(example("quickstart", sources=[{"name": "gps", "simulate": {}}]))
    assert before["metadata"]["name"] != after["metadata"]["name"]


def test_the_same_topics_are_the_same_job() -> None:
    before = job(example("quickstart"))
    areas = [{"name": name, "polygon": [[0, 0], [1, 0], [1, 1]]} for name in ("a", "b")]
    assert job(example("quickstart", dispatch={"radiusKm": 3, "areas": areas})) == before
    assert before["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"


def test_what_stands_in_for_kafka_is_one_broker() -> None:
    assert env_of(container(job(example("quickstart"))))["HEALTH_REPLICATION"] == "1"
    assert env_of(container(job(example("everything"))))["HEALTH_REPLICATION"] == "2"


def test_what_stands_in_for_aws_is_asked_with_credentials_that_are_none() -> None:
    def settings(**spec: Any) -> dict[str, Any]:
        manifests = built(pipeline_of("quickstart", **spec), DEVELOPMENT)
        template = one(manifests, "SparkApplication", "quickstart-landing")["spec"]["driver"]["template"]
        return env_of(template["spec"]["containers"][0])

    url = DEVELOPMENT.stand_ins.aws
    found = settings()
    assert (found["HEALTH_LAKE_ENDPOINT"], found["HEALTH_GLUE_ENDPOINT"]) == (url, url)
    assert found["AWS_ACCESS_KEY_ID"] == "stand-in"
    own = {"bucket": "s3://x-lake", "endpoint": "http://minio:9000", "credentialsSecret": "minio"}
    found = settings(lake=own)
    assert (found["HEALTH_LAKE_ENDPOINT"], found["HEALTH_GLUE_ENDPOINT"]) == ("http://minio:9000", url)
    assert found["AWS_ACCESS_KEY_ID"] == {"secretKeyRef": {"name": "minio", "key": "AWS_ACCESS_KEY_ID"}}


def test_monitors_have_the_labels_by_which_prometheus_chooses() -> None:
    platform = Platform(monitor_labels={"release": "kube-prometheus-stack"})
    made = kinds(built(pipeline_of("strimzi"), platform), "PodMonitor")
    assert len(made) == 2
    assert all(each["metadata"]["labels"]["release"] == "kube-prometheus-stack" for each in made.values())


def test_monitors_are_made_when_they_are_asked_for() -> None:
    assert not kinds(example("quickstart"), "PodMonitor")
    assert kinds(example("everything"), "PodMonitor").keys() == {"london"}
    assert kinds(example("strimzi"), "PodMonitor").keys() == {"paris", "paris-kafka"}


def test_the_console_gets_its_tokens_from_secrets_and_says_them_nowhere() -> None:
    env = env_of(container(one(example("everything"), "Deployment", "london-console")))
    assert env["HEALTH_TOKEN"] == {"secretKeyRef": {"name": "console", "key": "token"}}
    assert env["HEALTH_PATIENTS_TOKEN"] == {"secretKeyRef": {"name": "console", "key": "patients"}}
    assert env["HEALTH_PROXY_TOKEN"] == {"secretKeyRef": {"name": "console-proxy", "key": "token"}}
    assert "quickstart-console" not in kinds(example("quickstart"), "Deployment")
