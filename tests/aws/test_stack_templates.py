"""The templates: clean by cfn-lint, and the one of a single machine made and removed on a CloudFormation endpoint.

moto makes instance, address, security group, record, role and launch template as AWS does. It runs no user data, gives
the machine no address, releases none and removes no zone, and keeps neither Rules nor patterns of parameters: those are
read here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

FOLDER = Path(__file__).parents[2] / "k8s" / "aws"
TEMPLATES = sorted(FOLDER.glob("*.yaml"))
REGION, ADMINS, STACK = "eu-west-2", "203.0.113.0/24", "health-host"
HOST = (FOLDER / "host.yaml").read_text()
# moto knows nothing of Ubuntu's images, and asks for a default also where another value is given.
UBUNTU, OURS = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id", "/test/ubuntu"


class Loader(yaml.SafeLoader):
    """CloudFormation's short forms are left aside."""


Loader.add_multi_constructor("!", lambda loader, _, node: getattr(loader, f"construct_{node.id}")(node))
TEMPLATE: dict[str, Any] = yaml.load(HOST, Loader)  # noqa: S506 (a safe loader of ours)
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_cfn_lint_finds_nothing(path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), path], capture_output=True, text=True, check=False
    )
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "0.0.0.0/1", "10.0.0.0/7", "::/0", "203.0.113.7", "300.1.1.1/32", ""])
def test_ports_of_admins_are_not_for_everybody(cidr: str) -> None:
    assert not re.fullmatch(PARAMETERS["AdminCidr"]["AllowedPattern"], cidr)


@pytest.mark.parametrize("cidr", ["203.0.113.7/32", "10.0.0.0/8", "192.168.0.0/16"])
def test_ranges_are_for_admins(cidr: str) -> None:
    assert re.fullmatch(PARAMETERS["AdminCidr"]["AllowedPattern"], cidr)


def test_who_may_reach_the_ports_of_admins_has_to_be_said() -> None:
    assert "Default" not in PARAMETERS["AdminCidr"]
    assert PARAMETERS["Domain"]["Default"] == "health-streaming.com"
    assert PARAMETERS["InstanceType"]["Default"] == "t2.xlarge"


def test_the_machine_is_behind_the_firewall_on_an_encrypted_volume() -> None:
    host = TEMPLATE["Resources"]["Host"]["Properties"]  # of which moto takes neither
    assert host["SecurityGroupIds"] == ["Firewall.GroupId"]
    (volume,) = host["BlockDeviceMappings"]
    assert (volume["Ebs"]["VolumeType"], volume["Ebs"]["Encrypted"]) == ("gp3", True)


def test_the_machine_is_given_the_address_that_its_name_leads_to() -> None:
    resources = TEMPLATE["Resources"]
    given = resources["AddressOfHost"]["Properties"]
    assert given == {"AllocationId": "Address.AllocationId", "InstanceId": "Host"}
    assert resources["Record"]["Properties"]["ResourceRecords"] == ["Address"]


def test_a_cluster_enforces_network_policies_before_it_has_nodes() -> None:
    resources = yaml.load((FOLDER / "eks.yaml").read_text(), Loader)["Resources"]  # noqa: S506 (a safe loader of ours)
    addon = resources["Network"]["Properties"]
    assert addon["AddonName"] == "vpc-cni"
    assert json.loads(addon["ConfigurationValues"]) == {"enableNetworkPolicy": "true"}
    assert "Network" in resources["NodeGroup"]["DependsOn"]


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The endpoint, with nothing in it but what every account has."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    with mock_aws():
        yield boto3.client("cloudformation", region_name=REGION)


@pytest.mark.filterwarnings(
    "ignore:Tried to parse AWS..(CloudFormation..WaitCondition|EC2..EIPAssociation):UserWarning"
)
@pytest.mark.parametrize("lake", ["", "london-lake"])
def test_one_machine_is_made_and_removed(cloudformation: Any, lake: str) -> None:
    ec2 = boto3.client("ec2", region_name=REGION)
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=HOST.replace(UBUNTU, OURS),
        Parameters=_given(ec2, lake),
        Capabilities=["CAPABILITY_IAM"],
    )
    made = {
        item["LogicalResourceId"]: item["PhysicalResourceId"]
        for item in cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
        if "LogicalResourceId" in item  # moto makes nothing of what waits for the machine
    }
    _is_as_asked(ec2, made, bool(lake))
    _changes_in_place(cloudformation, ec2, made["Host"], lake)

    cloudformation.delete_stack(StackName=STACK)
    assert not cloudformation.list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"]
    instances = ec2.describe_instances(InstanceIds=[made["Host"]])["Reservations"][0]["Instances"]
    assert instances[0]["State"]["Name"] == "terminated"
    assert made["Firewall"] not in [group["GroupId"] for group in ec2.describe_security_groups()["SecurityGroups"]]
    assert _addresses(made["Zone"]) == []
    assert boto3.client("iam").list_roles()["Roles"] == []


def _changes_in_place(cloudformation: Any, ec2: Any, host: str, lake: str) -> None:
    """Other admins; the machine stays. moto changes no machine's type."""
    others = {"ParameterKey": "AdminCidr", "ParameterValue": "198.51.100.0/24"}
    given = [others if each["ParameterKey"] == "AdminCidr" else each for each in _given(ec2, lake)]
    cloudformation.update_stack(StackName=STACK, TemplateBody=HOST.replace(UBUNTU, OURS), Parameters=given,
                                Capabilities=["CAPABILITY_IAM"])  # fmt: skip
    (rules,) = [group["IpPermissions"] for group in ec2.describe_security_groups()["SecurityGroups"]
                if group["IpPermissions"]]  # fmt: skip
    assert {(rule["FromPort"], source["CidrIp"]) for rule in rules for source in rule["IpRanges"]} >= {
        (22, "198.51.100.0/24"), (9090, "198.51.100.0/24")
    }  # fmt: skip
    (instance,) = ec2.describe_instances()["Reservations"][0]["Instances"]
    assert (instance["InstanceId"], instance["State"]["Name"]) == (host, "running")


def _is_as_asked(ec2: Any, made: dict[str, str], has_lake: bool) -> None:
    (group,) = ec2.describe_security_groups(GroupIds=[made["Firewall"]])["SecurityGroups"]
    rules = {
        (rule["FromPort"], rule["ToPort"], source["CidrIp"])
        for rule in group["IpPermissions"]
        for source in rule["IpRanges"]
    }
    everybody = "0.0.0.0/0"
    assert rules == {(80, 80, everybody), (443, 443, everybody), (22, 22, ADMINS), (9090, 9090, ADMINS)}
    (address,) = ec2.describe_addresses()["Addresses"]
    assert _addresses(made["Zone"]) == [("health-streaming.com.", [{"Value": address["PublicIp"]}])]
    (instance,) = ec2.describe_instances(InstanceIds=[made["Host"]])["Reservations"][0]["Instances"]
    assert instance["InstanceType"] == "t2.xlarge"
    (version,) = ec2.describe_launch_template_versions(LaunchTemplateId=made["Settings"])["LaunchTemplateVersions"]
    metadata = version["LaunchTemplateData"]["MetadataOptions"]
    assert (metadata["HttpTokens"], int(metadata["HttpPutResponseHopLimit"])) == ("required", 2 if has_lake else 1)
    inline = boto3.client("iam").list_role_policies(RoleName=made["HostRole"])["PolicyNames"]
    assert inline == (["lake"] if has_lake else [])


def _addresses(zone: str) -> list[tuple[str, list[dict[str, str]]]]:
    """The A records of a zone."""
    records = boto3.client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return [(record["Name"], record["ResourceRecords"]) for record in records if record["Type"] == "A"]


def _given(ec2: Any, lake: str) -> list[dict[str, str]]:
    """The parameters, and the image that OURS names."""
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    boto3.client("ssm", region_name=REGION).put_parameter(Name=OURS, Value=image, Type="String", Overwrite=True)
    values = {
        "AdminCidr": ADMINS, "AcmeEmail": "ops@example.org", "Repository": "https://git.example/health-streaming.git",
        "VpcId": vpc["VpcId"], "SubnetId": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
    }  # fmt: skip
    if lake:
        values |= {"Bucket": lake, "KeyArn": f"arn:aws:kms:{REGION}:123456789012:key/1"}
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
