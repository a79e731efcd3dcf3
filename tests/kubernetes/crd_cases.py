"""What a HealthPipeline may not say: each mistake, why it is refused, and the nearest that is taken."""

from __future__ import annotations

from typing import Any

CORNERS = [[0, 51], [1, 51], [1, 52]]


def area(*corners: list[float], name: str = "north") -> dict[str, Any]:
    return {"areas": [{"name": name, "polygon": list(corners)}]}


def source(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "gps", **fields}]


def rule(metric: str, **bounds: float) -> dict[str, Any]:
    return {"rules": [{"metric": metric, **bounds}]}


COPIES = {"copyRoleArn": "arn:aws:iam::123456789012:role/redshift"}


def crawled(**fields: Any) -> dict[str, Any]:
    return {"mode": "crawler", "crawler": {"roleArn": "arn:aws:iam::123456789012:role/glue-crawler", **fields}}


JOB = {"roleArn": "arn:aws:iam::123456789012:role/london-glue-job"}
LOADED = {"engine": "redshift", "redshift": {**COPIES, "workgroup": "london", "job": JOB}}
LAKE = {"bucket": "s3://london-lake"}
HELD = {"name": "console", "key": "token"}
KEY = "arn:aws:kms:eu-west-2:123456789012:key/1"
CRON = "cron(0 * * * ? *)"
API, SIMULATED = {"endpoint": {"url": "https://gps.example/v1"}}, {"simulate": {}}
# what is refused, why, and the nearest thing that is taken
CASES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "both endpoint and simulate": (
        {"sources": source(**API, **SIMULATED)},
        "spec.sources[0]: Invalid value: exactly one of endpoint and simulate is needed",
        {"sources": source(**SIMULATED)},
    ),
    "neither endpoint nor simulate": (
        {"sources": source()},
        "spec.sources[0]: Invalid value: exactly one of endpoint and simulate is needed",
        {"sources": source(**API)},
    ),
    "a source twice": (
        {"sources": source(**API) + source(**SIMULATED)},
        'spec.sources[1]: Duplicate value: {"name":"gps"}',
        {"sources": [*source(**API), {"name": "weather", **SIMULATED}]},
    ),
    "no source": (
        {"sources": []},
        "spec.sources: Invalid value: spec.sources in body should have at least 1 items",
        {"sources": source(**API)},
    ),
    "a feed that there is not": (
        {"sources": [{"name": "cats", **API}]},
        'spec.sources[0].name: Unsupported value: "cats": supported values: "vitals", "vehicles", "gps", "cameras",'
        ' "weather", "emergencies"',
        {"sources": source(**API)},
    ),
    "more at least than at most": (
        {"autoscaling": {"landing": {"minimum": 3, "maximum": 2}}},
        "spec.autoscaling.landing.minimum: Invalid value: must not be beyond the maximum",
        {"autoscaling": {"landing": {"minimum": 2, "maximum": 2}}},
    ),
    "a rule without a bound": (
        {"alerting": rule("spo2")},
        "spec.alerting.rules[0]: Invalid value: at least one of atOrBelow and atOrAbove is needed",
        {"alerting": rule("spo2", atOrBelow=91)},
    ),
    "no normal value": (
        {"alerting": rule("heartRate", atOrBelow=131, atOrAbove=131)},
        "spec.alerting.rules[0]: Invalid value: atOrBelow must be under atOrAbove, or no value is normal",
        {"alerting": rule("heartRate", atOrBelow=130.5, atOrAbove=131)},
    ),
    "more than all oxygen": (
        {"alerting": rule("spo2", atOrAbove=100.5)},
        "spec.alerting.rules[0]: Invalid value: spo2 is a percentage: a bound over 100 means nothing",
        {"alerting": rule("spo2", atOrAbove=100)},
    ),
    "a heart that nobody has": (
        {"alerting": rule("heartRate", atOrAbove=301)},
        "spec.alerting.rules[0].atOrAbove: Invalid value: spec.alerting.rules[0].atOrAbove in body should be less than"
        " or equal to 300",
        {"alerting": rule("heartRate", atOrAbove=300)},
    ),
    "an external Kafka that is not named": (
        {"kafka": {"mode": "external"}},
        "spec.kafka.external: Invalid value: needed with mode external",
        {"kafka": {"mode": "external", "external": {"bootstrapServers": "kafka:9092"}}},
    ),
    "a Glue job of which nothing is said": (
        {"transform": {"engine": "glue"}},
        "spec.transform.glue: Invalid value: exactly with engine glue",
        {"transform": {"engine": "glue", "glue": JOB}},
    ),
    "a Glue job that nobody runs": (
        {"transform": {"engine": "spark", "glue": JOB}},
        "spec.transform.glue: Invalid value: exactly with engine glue",
        {"transform": {"engine": "spark"}},
    ),
    "a Glue job in a hurry": (
        {"transform": {"engine": "glue", "glue": JOB, "schedule": "*/4 * * * *"}},
        "spec.transform.schedule: Invalid value: Glue starts nothing more often than every 5 minutes, and only at"
        " intervals that divide an hour or a day",
        {"transform": {"engine": "glue", "glue": JOB, "schedule": "*/5 * * * *"}},
    ),
    "an interval that a cron cannot say": (
        {"transform": {"engine": "glue", "glue": JOB, "schedule": "@every 45m"}},
        "spec.transform.schedule: Invalid value: Glue starts nothing more often than every 5 minutes, and only at"
        " intervals that divide an hour or a day",
        {"transform": {"engine": "glue", "glue": JOB, "schedule": "@every 30m"}},
    ),
    "a Glue job that lasts longer than Glue lets it": (
        {"transform": {"engine": "glue", "glue": {**JOB, "timeout": "8d"}}},
        "spec.transform.glue.timeout: Invalid value: must be at most 7d",
        {"transform": {"engine": "glue", "glue": {**JOB, "timeout": "7d"}}},
    ),
    "a Glue job on a lake that is not in AWS": (
        {"transform": {"engine": "glue", "glue": JOB}, "lake": {**LAKE, "endpoint": "http://minio:9000"}},
        "spec.transform: Invalid value: a Glue job is in AWS and knows no other store: with engine glue lake.endpoint"
        " and catalog.endpoint are empty",
        {"transform": {"engine": "spark"}, "lake": {**LAKE, "endpoint": "http://minio:9000"}},
    ),
    "a file as a warehouse": (
        {"warehouse": {"engine": "duckdb"}},
        "spec.warehouse.engine: Invalid value: duckdb is a file on one machine: on Kubernetes use redshift",
        {"warehouse": {"engine": "redshift", "redshift": {**COPIES, "workgroup": "london"}}},
    ),
    "Redshift without a word of it": (
        {"warehouse": {"engine": "redshift"}},
        "spec.warehouse.redshift: Invalid value: needed with engine redshift",
        {"warehouse": {"engine": "redshift", "redshift": {**COPIES, "clusterIdentifier": "london"}}},
    ),
    "two Redshifts": (
        {"warehouse": {"engine": "redshift", "redshift": {**COPIES, "workgroup": "one1", "clusterIdentifier": "two"}}},
        "spec.warehouse.redshift: Invalid value: exactly one of workgroup and clusterIdentifier is needed",
        {"warehouse": {"engine": "redshift", "redshift": {**COPIES, "workgroup": "one1"}}},
    ),
    "a load that follows no job": (
        {"warehouse": LOADED},
        "spec.warehouse: Invalid value: a load that is a Glue job follows the transform's: redshift.job needs"
        " transform.engine glue",
        {"warehouse": LOADED, "transform": {"engine": "glue", "glue": JOB}},
    ),
    "crawlers that nothing is said of": (
        {"catalog": {"mode": "crawler"}},
        "spec.catalog.crawler: Invalid value: needed with mode crawler",
        {"catalog": crawled()},
    ),
    "a database with too long a name for queues": (
        {"catalog": crawled() | {"database": 60 * "a"}},
        "spec.catalog.database: Invalid value: with mode crawler at most 59 characters: it is in the names of queues",
        {"catalog": crawled() | {"database": 59 * "a"}},
    ),
    "partitions that crawlers would not know of": (
        {"catalog": crawled() | {"athena": {"workgroup": "london", "projectedDays": 30}}},
        "spec.catalog.athena: Invalid value: projectedDays is for mode register: crawlers make tables of their own",
        {"catalog": {"athena": {"workgroup": "london", "projectedDays": 30}}},
    ),
    "a schedule and events": (
        {"catalog": crawled(schedule=CRON, onNewFiles="events")},
        "spec.catalog.crawler: Invalid value: schedule and onNewFiles exclude each other",
        {"catalog": crawled(onNewFiles="events")},
    ),
    "jobs that nothing triggers": (
        {"catalog": crawled(onNewFiles="commits", then=["transform"])},
        "spec.catalog.crawler.then: Invalid value: Glue's triggers follow only crawls that a trigger has started: then"
        " needs a schedule",
        {"catalog": crawled(schedule=CRON, then=["transform"])},
    ),
    "events about everything": (
        {"catalog": crawled(onNewFiles="events", recrawl="everything")},
        "spec.catalog.crawler.recrawl: Invalid value: a crawl that is told of files looks at no others: with onNewFiles"
        " events it must be newFolders",
        {"catalog": crawled(onNewFiles="commits", recrawl="everything")},
    ),
    "a workgroup that nobody would find again": (
        {"catalog": {"athena": {"workgroup": "city", "manage": {}}}},
        "spec.catalog.athena.workgroup: Invalid value: a workgroup that is managed is called as the pipeline: by that"
        " name it is found again and removed",
        {"catalog": {"athena": {"workgroup": "london", "manage": {}}}},
    ),
    "a key that nothing is encrypted with": (
        {"catalog": {"athena": {"workgroup": "london", "manage": {"kmsKey": KEY}}}},
        "spec.catalog.athena.manage.kmsKey: Invalid value: exactly with encryption SSE_KMS",
        {"catalog": {"athena": {"workgroup": "london", "manage": {"kmsKey": KEY, "encryption": "SSE_KMS"}}}},
    ),
    "a corner off the globe": (
        {"dispatch": area(*CORNERS[:2], [1, 90.5])},
        "spec.dispatch.areas[0].polygon: Invalid value: a corner is [longitude, latitude]: from -180 to 180 and from"
        " -90 to 90",
        {"dispatch": area(*CORNERS[:2], [1, 90])},
    ),
    "a name that no namespace has": (
        {"security": {"metricsFrom": ["monitoring", "Monitoring"]}},
        "spec.security.metricsFrom: Invalid value: must be names of namespaces: 1-63 lower-case letters, digits and"
        " hyphens",
        {"security": {"metricsFrom": ["monitoring"]}},
    ),
    "a proxy with the token that people hold": (
        {"console": {"tokenRef": HELD, "proxy": {"patientsGroup": "clinicians", "tokenRef": HELD}}},
        "spec.console.proxy: Invalid value: proxy.tokenRef must be a key that no other token is: what people hold would"
        " make them the proxy",
        {"console": {"tokenRef": HELD, "proxy": {"patientsGroup": "clinicians", "tokenRef": HELD | {"key": "proxy"}}}},
    ),
    "a proxy without a token of its own": (
        {"console": {"tokenRef": HELD, "proxy": {"patientsGroup": "clinicians"}}},
        "spec.console.proxy.tokenRef: Required value",
        {"console": {"tokenRef": HELD, "patientsTokenRef": HELD | {"key": "patients"},
                     "proxy": {"patientsGroup": "clinicians", "tokenRef": HELD | {"key": "proxy"}}}},
    ),
    "a label that no node can have": (
        {"scheduling": {"nodeSelector": [{"key": "pool", "value": "the good ones"}]}},
        "spec.scheduling.nodeSelector[0].value: Invalid value: spec.scheduling.nodeSelector[0].value"
        " in body should match '^(([A-Za-z0-9]([-\\w.]{0,61}[A-Za-z0-9])?)?)$'",
        {"scheduling": {"nodeSelector": [{"key": "pool", "value": "the-good-ones"}]}},
    ),
    "two corners": (
        {"dispatch": area(*CORNERS[:2])},
        "spec.dispatch.areas[0].polygon: Invalid value: spec.dispatch.areas[0].polygon in body should have at least 3"
        " items",
        {"dispatch": area(*CORNERS)},
    ),
    "a corner with a height": (
        {"dispatch": area(*CORNERS, [1, 51, 30])},
        "spec.dispatch.areas[0].polygon[3]: Too many: 3: must have at most 2 items",
        {"dispatch": area(*CORNERS, [1, 51])},
    ),
    "a radius as wide as a country": (
        {"dispatch": {"radiusKm": 201}},
        "spec.dispatch.radiusKm: Invalid value: spec.dispatch.radiusKm in body should be less than or equal to 200",
        {"dispatch": {"radiusKm": 200}},
    ),
    "too short a retention": (
        {"sources": source(**API, retention="59999ms")},
        "spec.sources[0].retention: Invalid value: must be at least 1m",
        {"sources": source(**API, retention="60000ms")},
    ),
    "a duration without a unit": (
        {"dispatch": {"positionTtl": "30"}},
        "spec.dispatch.positionTtl: Invalid value: spec.dispatch.positionTtl in body should match"
        r" '^(\d{1,10})(ms|s|m|h|d)$'",
        {"dispatch": {"positionTtl": "30s"}},
    ),
    "a bucket without its scheme": (
        {"lake": {"bucket": "london-lake"}},
        "spec.lake.bucket: Invalid value: spec.lake.bucket in body should match"
        r" '^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w./-]+)?)$'",
        {"lake": {"bucket": "s3://london-lake"}},
    ),
    "a field that there is not": (
        {"dispatch": {"radius": 5}},
        ": HealthPipeline in version \"v1alpha1\" cannot be handled as a HealthPipeline: strict decoding error: unknown"
        ' field "spec.dispatch.radius"',
        {"dispatch": {"radiusKm": 5}},
    ),
}  # fmt: skip
