"""What roles ask of AWS, and what they must not: calls as a client makes them, and questions where nobody enforces.

A call is (service, operation, arguments), as boto3 has them. A question is (action, resource).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.aws.account import ACCOUNT, BUCKET, PIPELINE, REGION

Call = tuple[str, str, dict[str, Any]]
Question = tuple[str, str]

_OWN = f"health-{PIPELINE}-vitals"
_WORKFLOWS = f"health-{PIPELINE}-crawl"


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def _get(key: str, bucket: str = BUCKET) -> Call:
    return ("s3", "get_object", {"Bucket": bucket, "Key": key})


def _put(key: str, bucket: str = BUCKET) -> Call:
    return ("s3", "put_object", {"Bucket": bucket, "Key": key, "Body": b"x"})


def _delete(key: str) -> Call:
    return ("s3", "delete_object", {"Bucket": BUCKET, "Key": key})


def _list(prefix: str, bucket: str = BUCKET) -> Call:
    return ("s3", "list_objects_v2", {"Bucket": bucket, "Prefix": prefix})


def _head() -> Call:
    return ("s3", "head_bucket", {"Bucket": BUCKET})


def _batch_delete(*keys: str) -> Call:
    """Arrow deletes so; each key is asked for."""
    return ("s3", "delete_objects", {"Bucket": BUCKET, "Delete": {"Objects": [{"Key": key} for key in keys]}})


def _multipart(key: str) -> Iterator[Call]:
    yield ("s3", "create_multipart_upload", {"Bucket": BUCKET, "Key": key})
    yield ("s3", "abort_multipart_upload", {"Bucket": BUCKET, "Key": key, "UploadId": "gone"})


def _copy(source: str, target: str) -> Call:
    return ("s3", "copy_object", {"Bucket": BUCKET, "Key": target, "CopySource": f"{BUCKET}/{source}"})


def _registers(zone: str) -> Iterator[Call]:
    """health_catalog.glue: what it looks at, and what it changes."""
    here = {"DatabaseName": f"{PIPELINE}_{zone}"}
    yield ("glue", "get_table", {**here, "Name": "t"})
    yield ("glue", "batch_get_partition", {**here, "TableName": "t", "PartitionsToGet": [{"Values": ["2026-11-22"]}]})
    yield from _changes(zone)


def _changes(zone: str) -> Iterator[Call]:
    here, table = {"DatabaseName": f"{PIPELINE}_{zone}"}, {"Name": "t", "StorageDescriptor": {}}
    partition = {"Values": ["2026-11-22"]}
    yield ("glue", "create_table", {**here, "TableInput": table})
    yield ("glue", "update_table", {**here, "TableInput": table})
    yield ("glue", "batch_create_partition", {**here, "TableName": "t", "PartitionInputList": [partition]})
    entry = {"PartitionValueList": ["2026-11-22"], "PartitionInput": partition}
    yield ("glue", "batch_update_partition", {**here, "TableName": "t", "Entries": [entry]})


def _reads(zone: str) -> Iterator[Call]:
    here = {"DatabaseName": f"{PIPELINE}_{zone}"}
    yield ("glue", "get_tables", here)
    yield ("glue", "get_partitions", {**here, "TableName": "t"})


def _drops(zone: str, database: str = PIPELINE) -> Iterator[Call]:
    yield ("glue", "delete_table", {"DatabaseName": f"{database}_{zone}", "Name": "t"})
    partitions = [{"Values": ["2026-11-22"]}]
    given = {"DatabaseName": f"{database}_{zone}", "TableName": "t", "PartitionsToDelete": partitions}
    yield ("glue", "batch_delete_partition", given)


def _starts_query(workgroup: str) -> Call:
    return ("athena", "start_query_execution", {"QueryString": "SELECT 1", "WorkGroup": workgroup})


def _queue(operation: str, name: str = _OWN, **more: Any) -> Call:
    return ("sqs", operation, {"QueueUrl": f"http://127.0.0.1/{ACCOUNT}/{name}", **more})


_FOREIGN = (_get("raw/vitals/x", "somebody-elses"), _put("raw/vitals/x", "somebody-elses"), _list("", "somebody-elses"))
_SELF_HELP: tuple[Call, ...] = (
    ("iam", "put_role_policy", {"RoleName": f"{PIPELINE}-landing", "PolicyName": "more", "PolicyDocument": "{}"}),
    ("iam", "create_user", {"UserName": "mallory"}),
    ("sts", "assume_role", {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{PIPELINE}-query", "RoleSessionName": "mallory"}),
    ("s3", "delete_bucket", {"Bucket": BUCKET}),
    ("s3", "put_bucket_policy", {"Bucket": BUCKET, "Policy": "{}"}),
    ("s3", "list_buckets", {}),
    ("kms", "generate_data_key", {"KeyId": "alias/any", "KeySpec": "AES_256"}),
)
# Nobody's role may do any of this.
NEVER: tuple[Call, ...] = (*_FOREIGN, *_SELF_HELP)

MAY: dict[str, tuple[Call, ...]] = {
    "landing": (
        _head(), _put("raw/vitals/ingest_date=2026-11-22/hour=10/part-0-0-9.parquet"), *_multipart("raw/vitals/big"),
        _put("checkpoints/crawl-requests/vitals/2026-11-22T10-1"), _list("checkpoints/landing/"),
        _put("checkpoints/late-folders/vitals/landed=2026-11-22/ingest_date=2026-11-19"),
        _put("checkpoints/landing/offsets/1"), _copy("checkpoints/landing/offsets/1", "checkpoints/landing/offsets/2"),
        _delete("checkpoints/landing/offsets/1"), _put("checkpoints/7/landing/offsets/1"), *_registers("raw"),
    ),
    "alerts": (_list("checkpoints/alerts/"), _put("checkpoints/alerts/offsets/1"), _get("checkpoints/alerts/offsets/1"),
               _delete("checkpoints/alerts/offsets/1"), _put("checkpoints/7/alerts/commits/1")),
    "transform": (
        _list("raw/vitals/"), _get("raw/vitals/x"), _list("transformed/vitals/"), _get("transformed/vitals/x"),
        _list("checkpoints/late-folders/vitals/"), _put("transformed/vitals/x"), *_multipart("transformed/vitals/big"),
        _copy("transformed/a/x", "transformed/b/x"),
        _delete("transformed/vitals/x"), _batch_delete("transformed/a/x", "transformed/b/x"),
        _put("checkpoints/transform/state.json"), _get("checkpoints/transform/state.json"), *_registers("transformed"),
    ),
    "etl": (_list("etl/"), _get("etl/0a/job.py"), _put("etl/0a/job.py")),
    "catalog": (
        _list("checkpoints/crawl-requests/vitals/"),
        _put("checkpoints/crawl-requests/vitals/by-hand-1"), _delete("checkpoints/crawl-requests/vitals/by-hand-1"),
        ("sqs", "list_queues", {"QueueNamePrefix": "health-"}), ("sqs", "create_queue", {"QueueName": _OWN}),
        ("sqs", "get_queue_url", {"QueueName": _OWN}), _queue("get_queue_attributes"), _queue("list_queue_tags"),
        _queue("set_queue_attributes", Attributes={}), _queue("delete_queue"),
        ("s3", "get_bucket_notification_configuration", {"Bucket": BUCKET}),
        ("s3", "put_bucket_notification_configuration", {"Bucket": BUCKET, "NotificationConfiguration": {}}),
        ("glue", "list_crawlers", {}), ("glue", "list_triggers", {}),
        ("athena", "get_work_group", {"WorkGroup": PIPELINE}), ("athena", "list_work_groups", {}),
        ("athena", "delete_work_group", {"WorkGroup": PIPELINE}),
    ),
    "warehouse": (*_reads("transformed"), _list("transformed/vitals/"), _get("transformed/vitals/x"),
                  _put("warehouse/manifests/0a/0-0.manifest")),
    "glue-load": (*_reads("transformed"), _list("transformed/vitals/"), _get("transformed/vitals/x"),
                  _put("warehouse/manifests/0a/0-0.manifest"), _get("etl/0a/job.py"), _put("etl/temporary/x")),
    "query": (
        _starts_query(PIPELINE), *_reads("raw"), *_reads("transformed"), _get("raw/vitals/x"), _list("transformed/"),
        _put("athena-results/1.csv"), _get("athena-results/1.csv"), ("s3", "get_bucket_location", {"Bucket": BUCKET}),
    ),
    "glue-crawler": (_get("raw/vitals/x"), _list("raw/"), *_reads("raw"), _queue("receive_message"),
                     ("glue", "create_table", {"DatabaseName": f"{PIPELINE}_raw", "TableInput": {"Name": "t"}})),
    "glue-job": (_get("etl/0a/job.py"), _get("raw/vitals/x"), _put("transformed/vitals/x"),
                 _delete("transformed/vitals/x"), *_registers("transformed")),
    "redshift": (_get("transformed/vitals/x"), _list("transformed/"), *_reads("transformed"), _get("raw/vitals/x"),
                 _get("warehouse/manifests/vitals-1"), ("s3", "get_bucket_location", {"Bucket": BUCKET})),
}  # fmt: skip

_RAW_IS_FOR_GOOD = (_delete("raw/vitals/x"), _batch_delete("raw/vitals/x", "raw/vitals/y"), *_drops("raw"))
MAY_NOT: dict[str, tuple[Call, ...]] = {
    "landing": (*_RAW_IS_FOR_GOOD, _get("raw/vitals/x"), _put("transformed/vitals/x"), _get("transformed/vitals/x"),
                _put("checkpoints/alerts/offsets/1"), _put("checkpoints/transform/state.json"), _list("transformed/"),
                *_changes("transformed"), _put("x"), _put("etl/0a/job.py"), _starts_query(PIPELINE)),
    "alerts": (*_RAW_IS_FOR_GOOD, _get("raw/vitals/x"), _put("raw/vitals/x"), _get("transformed/vitals/x"),
               _put("checkpoints/landing/offsets/1"), _list("raw/"), *_reads("raw"), *_changes("raw")),
    "transform": (*_RAW_IS_FOR_GOOD, _put("raw/vitals/x"), _copy("transformed/a/x", "raw/b/x"), *_changes("raw"),
                  _put("checkpoints/landing/offsets/1"), _delete("checkpoints/alerts/offsets/1"),
                  *_drops("transformed"), _copy("athena-results/1.csv", "transformed/a/x"),
                  _batch_delete("transformed/a/x", "raw/b/x")),
    "etl": (*_RAW_IS_FOR_GOOD, _get("raw/vitals/x"), _get("transformed/vitals/x"), _put("transformed/vitals/x"),
            *_reads("transformed"), *_changes("transformed"), _delete("etl/0a/job.py"), ("glue", "list_crawlers", {})),
    "catalog": (*_RAW_IS_FOR_GOOD, _get("raw/vitals/x"), _get("transformed/vitals/x"), _put("transformed/vitals/x"),
                *_drops("transformed"), *_changes("raw"), *_reads("raw"), _get("athena-results/1.csv"),
                _starts_query(PIPELINE),
                ("sqs", "delete_queue", {"QueueUrl": f"http://127.0.0.1/{ACCOUNT}/health-paris-vitals"}),
                ("sqs", "create_queue", {"QueueName": "anything"}), _queue("receive_message"),
                ("athena", "delete_work_group", {"WorkGroup": "primary"})),
    "warehouse": (*_RAW_IS_FOR_GOOD, _get("raw/vitals/x"), _put("transformed/vitals/x"), *_changes("transformed"),
                  _delete("transformed/vitals/x"), *_reads("raw"), _delete("warehouse/manifests/0a/0-0.manifest")),
    "glue-load": (*_RAW_IS_FOR_GOOD, _get("raw/vitals/x"), _put("transformed/vitals/x"), *_changes("transformed"),
                  _delete("transformed/vitals/x"), _put("etl/0a/job.py"), _put("checkpoints/transform/state.json")),
    "query": (*_RAW_IS_FOR_GOOD, _put("raw/vitals/x"), _put("transformed/vitals/x"), *_changes("raw"),
              *_drops("transformed"), _starts_query("primary"), _get("checkpoints/transform/state.json"),
              _delete("athena-results/1.csv"), ("athena", "delete_work_group", {"WorkGroup": PIPELINE})),
    "glue-crawler": (*_RAW_IS_FOR_GOOD, _put("raw/vitals/x"), _get("checkpoints/transform/state.json"),
                     _queue("receive_message", "health-paris-vitals"), *_drops("transformed"),
                     ("glue", "get_tables", {"DatabaseName": "paris_raw"})),
    "glue-job": (*_RAW_IS_FOR_GOOD, _put("raw/vitals/x"), _put("etl/0a/job.py"), *_changes("raw"),
                 *_drops("transformed")),
    "redshift": (*_RAW_IS_FOR_GOOD, _put("transformed/vitals/x"), _delete("transformed/vitals/x"),
                 *_changes("transformed"), _get("athena-results/1.csv"), _get("checkpoints/transform/state.json")),
}  # fmt: skip


def _of_table(actions: str, zone: str, database: str = PIPELINE) -> Iterator[Question]:
    """Glue asks of a table for the catalogue, the database and the table."""
    for action in actions.split():
        for rest in ("catalog", f"database/{database}_{zone}", f"table/{database}_{zone}/vitals"):
            yield (f"glue:{action}", _arn("glue", rest))


def _of(actions: str, service: str, rest: str) -> Iterator[Question]:
    yield from ((f"{service}:{action}", _arn(service, rest)) for action in actions.split())


_REGISTER = ("CreateDatabase GetTable CreateTable UpdateTable BatchGetPartition BatchCreatePartition "
             "BatchUpdatePartition")  # fmt: skip
_CRAWLER = ("CreateCrawler GetCrawler UpdateCrawler DeleteCrawler StartCrawler StopCrawler GetTags "
            "TagResource")  # fmt: skip
_TRIGGER = "CreateTrigger GetTrigger UpdateTrigger DeleteTrigger StartTrigger StopTrigger GetTags TagResource"
_WORKFLOW = "CreateWorkflow GetWorkflow UpdateWorkflow DeleteWorkflow GetTags TagResource"
_JOB = "CreateJob GetJob UpdateJob DeleteJob StartJobRun GetJobRun GetJobRuns BatchStopJobRun GetTags TagResource"

_CRAWLS_LOG = "log-group:/aws-glue/crawlers"

_LOADS = (
    *_of_table("GetTables GetPartitions BatchGetPartition", "transformed"),
    ("redshift-data:ExecuteStatement", _arn("redshift-serverless", "workgroup/0f1e")),
    ("redshift-data:BatchExecuteStatement", _arn("redshift-serverless", "workgroup/0f1e")),
    ("redshift-serverless:GetCredentials", _arn("redshift-serverless", "workgroup/0f1e")),
)

ASKED_MAY: dict[str, tuple[Question, ...]] = {
    "landing": tuple(_of_table(_REGISTER, "raw")),
    "transform": tuple(_of_table(_REGISTER, "transformed")),
    "etl": (*_of(_JOB, "glue", f"job/{PIPELINE}-transform"), *_of(_JOB, "glue", f"job/{PIPELINE}-load"),
            *_of(_TRIGGER, "glue", f"trigger/{PIPELINE}-transform"),
            *_of(_TRIGGER, "glue", f"trigger/{PIPELINE}-load")),
    "glue-job": (*_of_table(_REGISTER, "transformed"),
                 *_of("CreateLogGroup", "logs", f"log-group:/aws-glue/health-{PIPELINE}/error"),
                 *_of("PutLogEvents", "logs", f"log-group:/aws-glue/health-{PIPELINE}/error:log-stream:1")),
    "catalog": (
        *_of(_CRAWLER, "glue", f"crawler/{_OWN}"), ("glue:GetCrawlerMetrics", "*"),
        *_of(_TRIGGER.replace("StopTrigger ", ""), "glue", f"trigger/{_WORKFLOWS}-1"),
        *_of("CreateTrigger", "glue", f"trigger/{_WORKFLOWS}-11"),
        *_of(_WORKFLOW, "glue", f"workflow/{_WORKFLOWS}"),
        *_of("CreateWorkGroup UpdateWorkGroup TagResource ListTagsForResource CreateNamedQuery", "athena",
             f"workgroup/{PIPELINE}"),
    ),
    "glue-crawler": (*_of("CreateLogGroup", "logs", _CRAWLS_LOG),
                     *_of("CreateLogStream PutLogEvents", "logs", f"{_CRAWLS_LOG}:log-stream:{_OWN}")),
    "query": (*_of("GetQueryExecution GetQueryResults StopQueryExecution", "athena", f"workgroup/{PIPELINE}"),
              *_of("GetDatabase", "glue", "catalog"), *_of("GetDatabase", "glue", "database/default"),
              *_of_table("GetTable GetPartitions", "transformed")),
    "warehouse": _LOADS,
    "glue-load": (*_LOADS, *_of("CreateLogGroup", "logs", f"log-group:/aws-glue/health-{PIPELINE}/error"),
                  *_of("PutLogEvents", "logs", f"log-group:/aws-glue/health-{PIPELINE}/error:log-stream:1")),
}  # fmt: skip
ASKED_MAY_NOT: dict[str, tuple[Question, ...]] = {
    "landing": (("glue:DeleteDatabase", _arn("glue", f"database/{PIPELINE}_raw")),
                ("glue:CreateTable", _arn("glue", "table/paris_raw/vitals")),
                ("glue:CreateDatabase", _arn("glue", "database/paris_raw")), *_of(_CRAWLER, "glue", f"crawler/{_OWN}")),
    "catalog": (*_of("DeleteCrawler StartCrawler TagResource", "glue", "crawler/health-paris-vitals"),
                *_of("DeleteCrawler UpdateCrawler", "glue", "crawler/somebody-elses"),
                *_of("DeleteJob StartJobRun", "glue", f"job/{PIPELINE}-transform"),
                *_of("DeleteTrigger", "glue", f"trigger/{_WORKFLOWS}-transform"),  # of a pipeline health-london-crawl
                *_of("UpdateWorkGroup", "athena", "workgroup/primary"),
                ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{PIPELINE}-glue-crawler")),  # to nobody in particular
    "etl": (*_of("DeleteJob StartJobRun UpdateJob TagResource", "glue", "job/payroll"),
            *_of("DeleteJob UpdateJob", "glue", f"job/{PIPELINE}-transform-transform"),  # of another pipeline
            *_of("DeleteTrigger", "glue", f"trigger/{PIPELINE}-transform-2"),
            *_of("DeleteJob UpdateJob", "glue", "job/paris-load"),
            *_of("DeleteCrawler", "glue", f"crawler/{_OWN}")),
    "warehouse": (("redshift-data:ExecuteStatement", _arn("redshift-serverless", "workgroup/other")),
                  ("redshift-serverless:GetCredentials", _arn("redshift-serverless", "workgroup/other")),
                  ("redshift-data:GetStatementResult", "*")),  # of nobody in particular
    "glue-load": (("redshift-data:ExecuteStatement", _arn("redshift-serverless", "workgroup/other")),
                  ("redshift-data:GetStatementResult", "*"),
                  *_of("PutLogEvents", "logs", "log-group:/aws-glue/health-paris/error:log-stream:1")),
    "glue-crawler": tuple(_of("CreateLogStream PutLogEvents", "logs", f"{_CRAWLS_LOG}:log-stream:health-paris-vitals")),
    "glue-job": tuple(_of("PutLogEvents", "logs", "log-group:/aws-glue/health-paris/error:log-stream:1")),
    "query": (*_of("GetQueryResults", "athena", "workgroup/primary"), *_of("GetTables", "glue", "database/default"),
              *_of("GetTable", "glue", "table/default/t"), ("kms:Decrypt", _arn("kms", "key/other"))),
}  # fmt: skip
