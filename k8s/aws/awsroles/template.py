"""The CloudFormation template of all roles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml
from health_catalog.names import CHECKPOINTS, CODE, MANIFESTS, RESULTS
from health_catalog.schemas import RAW, TRANSFORMED
from health_pipeline.reader import NAME_PATTERN

from awsroles.documents import Document, for_cloudformation, policy, trust
from awsroles.model import Grant, Role

HEAD = "# Made from k8s/aws/awsroles/table.py by `make aws-files`; do not edit.\n"

_FOLDERS = "|".join([RAW, TRANSFORMED, CHECKPOINTS, RESULTS, CODE, MANIFESTS.partition("/")[0]])
PARAMETERS: Document = {
    "Pipeline": {
        "Type": "String",
        "Description": "Name of the HealthPipeline; the roles' names begin with it",
        "AllowedPattern": NAME_PATTERN,
    },
    "Namespace": {"Type": "String", "Description": "Kubernetes namespace of the pipeline", "Default": "health"},
    "Bucket": {"Type": "String", "Description": "The lake's bucket, without s3://"},
    "Prefix": {
        "Type": "String",
        "Description": "Where the lake begins in the bucket, with a slash at its end; empty for the whole bucket",
        "Default": "",
        # Not where a lake that has the whole bucket keeps its own.
        "AllowedPattern": rf"((?!({_FOLDERS})/)[\w.-]+/)?",
    },
    "Database": {
        "Type": "String",
        "Description": "Glue databases are <Database>_raw and <Database>_transformed; london-1 has london_1",
        "AllowedPattern": "[a-z0-9_]{1,200}",
    },
    "KeyArn": {"Type": "String", "Description": "ARN of the lake's KMS key", "AllowedPattern": "arn:aws[-a-z]*:kms:.+"},
    "OidcProvider": {
        "Type": "String",
        "Description": "The cluster's OIDC issuer without https://, known to IAM as an identity provider",
        "AllowedPattern": "(?!https?:)[-.a-z0-9]+(/[-./_A-Za-z0-9]+)?",
    },
    "WarehouseArn": {
        "Type": "String",
        "Description": "ARN of the pipeline's Redshift Serverless workgroup; none, when there is none",
        "Default": "none",
        "AllowedPattern": "none|arn:aws[-a-z]*:redshift-serverless:.+",
    },
}


def template(roles: Iterable[Role]) -> str:
    """The template as YAML."""
    resources: Document = {}
    outputs: Document = {}
    for role in roles:
        name = _logical(role.name)
        resources[name] = _role(role)
        outputs[f"{name}Arn"] = {"Description": role.doc, "Value": {"Fn::GetAtt": [name, "Arn"]}}
        if any("${WarehouseArn}" in grant.resources for grant in role.grants):
            resources[name]["Condition"] = outputs[f"{name}Arn"]["Condition"] = "HasWarehouse"
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "IAM roles of a HealthPipeline, one for each part that calls AWS, each with the least it needs",
        "Parameters": PARAMETERS,
        "Conditions": {"HasWarehouse": {"Fn::Not": [{"Fn::Equals": [{"Ref": "WarehouseArn"}, "none"]}]}},
        "Resources": resources,
        "Outputs": outputs,
    }
    return HEAD + as_yaml(document)


def cloudformation_policy(grants: Iterable[Grant]) -> Document:
    """The policy as a template holds it."""
    return for_cloudformation(policy(grants))


def as_yaml(document: Any) -> str:
    """YAML without anchors, which CloudFormation does not take everywhere."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return text


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 (the library's signature)
        return True


def _role(role: Role) -> Document:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": {"Fn::Sub": f"${{Pipeline}}-{role.name}"},
            "Description": role.doc,
            "AssumeRolePolicyDocument": for_cloudformation(trust(role)),
            "Policies": [{"PolicyName": "least", "PolicyDocument": cloudformation_policy(role.grants)}],
            "Tags": [{"Key": "health-streaming.com/pipeline", "Value": {"Ref": "Pipeline"}}],
        },
    }


def _logical(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-")) + "Role"
