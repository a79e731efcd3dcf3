"""The stacks of the lake and of the roles: made, changed in place, removed, on an endpoint that carries changes out.

It is the one that enforces IAM; here it is asked as the root of the account. Of a bucket's properties it knows the
versions only, and of Redshift nothing: there the template itself is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from awsroles.table import ROLES
from botocore.exceptions import ClientError

from tests.aws.account import ACCOUNT, REGION, Account
from tests.aws.test_stack_templates import Loader

pytestmark = pytest.mark.timeout(900)
FOLDER = Path(__file__).parents[2] / "k8s" / "aws"
LAKE = {"Pipeline": "leeds", "Bucket": "leeds-lake", "Database": "leeds", "ScanLimitMB": "10000", "RawToColdDays": "90"}
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
GIVEN = {
    "Pipeline": "leeds", "Namespace": "health", "Bucket": "leeds-lake", "Prefix": "", "Database": "leeds",
    "KeyArn": KEY, "OidcProvider": "oidc.example/id/1", "WarehouseArn": "none",
}  # fmt: skip


class Stack:
    """A stack of one of our templates."""

    def __init__(self, account: Account, template: str, parameters: Mapping[str, str]) -> None:
        self.name = f"{parameters['Pipeline']}-{template}"
        self._api, self._body = account.client("cloudformation"), (FOLDER / f"{template}.yaml").read_text()
        self._api.create_stack(**self._given(parameters))
        self._wait("create")

    def change(self, parameters: Mapping[str, str]) -> None:
        """The same template with other parameters."""
        self._api.update_stack(**self._given(parameters))
        self._wait("update")

    def remove(self) -> None:
        """Delete it; what it retains stays."""
        self._api.delete_stack(StackName=self.name)
        self._wait("delete")

    def outputs(self) -> dict[str, str]:
        """By their keys."""
        (found,) = self._api.describe_stacks(StackName=self.name)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}

    def _given(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        return {"StackName": self.name, "TemplateBody": self._body, "Parameters": listed,
                "Capabilities": ["CAPABILITY_NAMED_IAM"]}  # fmt: skip

    def _wait(self, what: str) -> None:
        waiter = self._api.get_waiter(f"stack_{what}_complete")
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def test_the_lake_is_made_changed_and_removed_and_its_data_stays(account: Account) -> None:
    s3, glue, athena, kms = (account.client(service) for service in ("s3", "glue", "athena", "kms"))
    stack = Stack(account, "lake", LAKE)
    key = stack.outputs()["KeyArn"]
    assert s3.get_bucket_versioning(Bucket="leeds-lake")["Status"] == "Enabled"
    assert "SecureTransport" in s3.get_bucket_policy(Bucket="leeds-lake")["Policy"]
    databases = {each["Name"] for each in glue.get_databases()["DatabaseList"]}
    assert {"leeds_raw", "leeds_transformed"} <= databases
    assert _limit(athena) == 10_000_000_000
    s3.put_object(Bucket="leeds-lake", Key="raw/vitals/x", Body=b"x")
    glue.create_table(DatabaseName="leeds_transformed", TableInput={"Name": "vitals", "StorageDescriptor": {}})

    stack.change({**LAKE, "ScanLimitMB": "20000"})
    assert _limit(athena) == 20_000_000_000
    assert stack.outputs()["KeyArn"] == key

    stack.remove()
    assert databases <= {each["Name"] for each in glue.get_databases()["DatabaseList"]}
    assert glue.get_table(DatabaseName="leeds_transformed", Name="vitals")["Table"]["Name"] == "vitals"
    assert "SecureTransport" in s3.get_bucket_policy(Bucket="leeds-lake")["Policy"]
    assert "leeds" not in {each["Name"] for each in athena.list_work_groups()["WorkGroups"]}
    assert s3.get_object(Bucket="leeds-lake", Key="raw/vitals/x")["Body"].read() == b"x"
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


def test_a_lake_is_encrypted_and_nothing_in_it_is_public() -> None:
    lake = _template("lake")["Lake"]
    properties = lake["Properties"]
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "Key.Arn"}
    assert all(properties["PublicAccessBlockConfiguration"].values())
    rules = {each["Id"]: each for each in properties["LifecycleConfiguration"]["Rules"]}
    assert rules["raw-cold"]["Transitions"] == [{"StorageClass": "STANDARD_IA", "TransitionInDays": "RawToColdDays"}]


@pytest.mark.parametrize("name", ["Key", "Lake", "LakePolicy", "Raw", "Transformed"])
def test_what_a_lake_is_made_of_outlives_its_stack(name: str) -> None:
    resource = _template("lake")[name]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_a_warehouse_grows_in_place_and_leaves_a_snapshot() -> None:
    resources = _template("warehouse")
    namespace, workgroup = resources["Namespace"], resources["Workgroup"]
    assert namespace["DeletionPolicy"] == "Delete"
    assert namespace["Properties"]["FinalSnapshotName"] == "${Pipeline}-last"
    assert namespace["Properties"]["FinalSnapshotRetentionPeriod"] == 30
    # Of both names a change would make another one; of these it does not.
    assert (workgroup["Properties"]["BaseCapacity"], workgroup["Properties"]["MaxCapacity"]) == ("BaseRpu", "MostRpu")
    assert workgroup["Properties"]["PubliclyAccessible"] is False


def test_the_roles_are_made_changed_and_removed(account: Account) -> None:
    iam = account.client("iam")
    stack = Stack(account, "roles", GIVEN)
    names = {f"leeds-{role.name}" for role in ROLES}
    assert _roles(iam) == names - {"leeds-warehouse", "leeds-glue-load"}  # which have nothing to load into yet
    assert stack.outputs()["LandingRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/leeds-landing"
    assert "arn:aws:s3:::leeds-lake/raw/*" in _resources(iam, "Land")

    warehouse = f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:workgroup/1"
    stack.change({**GIVEN, "WarehouseArn": warehouse, "Prefix": "health/"})
    assert _roles(iam) == names
    assert "arn:aws:s3:::leeds-lake/health/raw/*" in _resources(iam, "Land")
    assert "arn:aws:s3:::leeds-lake/raw/*" not in _resources(iam, "Land")

    stack.remove()
    assert _roles(iam) == set()


def test_a_lake_in_a_folder_of_another_ones_is_refused(account: Account) -> None:
    with pytest.raises(ClientError, match="Prefix"):
        Stack(account, "roles", {**GIVEN, "Pipeline": "york", "Prefix": "raw/"})


def _template(name: str) -> dict[str, Any]:
    """Its resources; CloudFormation's short forms are left aside."""
    found: dict[str, Any] = yaml.load((FOLDER / f"{name}.yaml").read_text(), Loader)  # noqa: S506 (a safe loader)
    resources: dict[str, Any] = found["Resources"]
    return resources


def _limit(athena: Any) -> int:
    told = athena.get_work_group(WorkGroup="leeds")["WorkGroup"]["Configuration"]
    return int(told["BytesScannedCutoffPerQuery"])


def _roles(iam: Any) -> set[str]:
    return {role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"].startswith("leeds-")}


def _resources(iam: Any, sid: str) -> list[str]:
    document = iam.get_role_policy(RoleName="leeds-landing", PolicyName="least")["PolicyDocument"]
    (found,) = [each["Resource"] for each in document["Statement"] if each["Sid"] == sid]
    return list(found)
