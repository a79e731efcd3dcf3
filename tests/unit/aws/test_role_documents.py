"""What is written from the table of roles: complete, as small as IAM wants it, the same as what is checked in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from aws_write import wanted
from awsroles.documents import filled, for_cloudformation, markdown, policy, trust
from awsroles.model import PLACEHOLDERS, Accounts, Role
from awsroles.table import NO_ROLES, ROLES, on_one_machine
from awsroles.template import PARAMETERS
from health_pipeline.spec import Stage
from hypothesis import given
from hypothesis import strategies as st


class _Loader(yaml.SafeLoader):
    """CloudFormation's short forms are left aside."""


_Loader.add_multi_constructor("!", lambda loader, _, node: getattr(loader, f"construct_{node.id}")(node))
WANTED = wanted()
FOLDER = Path(__file__).parents[3] / "k8s" / "aws"
VALUES = {name: f"<{name}>" for name in PLACEHOLDERS}
# What only makes or finds: AWS gives it no resource.
_ON_ALL = re.compile(
    r"cloudwatch:PutMetricData|glue:GetCrawlerMetrics|[a-z]+:List[A-Za-z]+|redshift-data:(Cancel|Describe|Get)Statement(Result)?"
)
_LONGEST = 10_240  # characters of all inline policies of a role; IAM counts no blanks


@pytest.mark.parametrize("path", WANTED, ids=lambda path: path.name)
def test_what_is_checked_in_is_what_would_be_written(path: Path) -> None:
    assert path.read_text() == WANTED[path], "run make aws-files"


def test_no_policy_is_left_over() -> None:
    assert set((FOLDER / "policies").iterdir()) <= WANTED.keys()


def test_every_stage_has_a_role_or_a_reason_to_have_none() -> None:
    taken = {
        name.removesuffix("-executor")
        for role in ROLES
        if isinstance(role.trusts, Accounts)
        for name in role.trusts.names
    }
    without = {each.name for each in NO_ROLES}
    assert set(get_args(Stage)) <= taken | without
    assert not taken & without


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_nothing_is_granted_on_everything_but_what_has_no_resource(role: Role) -> None:
    for grant in role.grants:
        assert not [action for action in grant.actions if "*" in action]
        if "*" in grant.resources:
            assert all(_ON_ALL.fullmatch(action) for action in grant.actions)
        assert all(resource == "*" or resource.startswith(("arn:${Partition}:", "${")) for resource in grant.resources)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_policy_fits_and_its_statements_are_told_apart(role: Role) -> None:
    document = filled(policy(role.grants), VALUES)
    assert len(json.dumps(document, separators=(",", ":"))) < _LONGEST
    names = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(names)) == len(names)
    assert all(name.isalnum() for name in names)


def test_a_machine_and_the_roles_ask_for_the_same() -> None:
    asked = yaml.load((FOLDER / "host.yaml").read_text(), _Loader)["Parameters"]  # noqa: S506 (a safe loader of ours)
    assert asked["Prefix"]["AllowedPattern"] == PARAMETERS["Prefix"]["AllowedPattern"]
    assert asked["Database"]["AllowedPattern"] == PARAMETERS["Database"]["AllowedPattern"]


def test_names_of_a_machines_statements_are_told_apart_too() -> None:
    names = [grant.sid for grant in on_one_machine()]
    assert len(set(names)) == len(names)


def test_every_placeholder_is_filled_and_no_variable_of_iams_own() -> None:
    text = json.dumps([filled(document, VALUES) for role in ROLES for document in (policy(role.grants), trust(role))])
    assert set(re.findall(r"\$\{[^}]*\}", text)) == {"${aws:userid}"}


def test_cloudformation_says_the_same_as_the_policies() -> None:
    resources = yaml.safe_load((FOLDER / "roles.yaml").read_text())["Resources"]
    parameters = {parameter: VALUES[name] for name, parameter in PLACEHOLDERS.items()}
    for role, resource in zip(ROLES, resources.values(), strict=True):
        properties = resource["Properties"]
        assert _resolved(properties["Policies"][0]["PolicyDocument"], parameters) == filled(policy(role.grants), VALUES)
        trusted = _resolved(properties["AssumeRolePolicyDocument"], parameters)
        assert (json.loads(trusted) if isinstance(trusted, str) else trusted) == filled(trust(role), VALUES)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="abc:"), inner)))
def test_what_has_no_placeholder_is_left_as_it_is(value: Any) -> None:
    document = {"Statement": value}
    if "${" not in json.dumps(document):
        assert for_cloudformation(document) == filled(document, {}) == document


def test_the_docs_name_every_role() -> None:
    text = markdown(ROLES, NO_ROLES)
    assert all(f"| **{each.name}**" in text for each in (*ROLES, *NO_ROLES))


def _resolved(value: Any, parameters: dict[str, str]) -> Any:
    """As CloudFormation does."""
    if isinstance(value, list):
        return [_resolved(item, parameters) for item in value]
    if isinstance(value, dict) and value.keys() == {"Fn::Sub"}:
        text = re.sub(r"\$\{([A-Za-z:]+)\}", lambda match: parameters[match[1]], value["Fn::Sub"])
        return text.replace("${!", "${")
    if isinstance(value, dict):
        return {key: _resolved(item, parameters) for key, item in value.items()}
    return value
