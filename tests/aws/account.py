"""An account on an endpoint that enforces policies: our roles in it, and clients that have taken one."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import boto3
from awsroles.documents import filled, policy, trust
from awsroles.model import Role
from awsroles.table import ROLES
from botocore.config import Config
from botocore.exceptions import ClientError
from healthctl.embedded.ports import free_port

REGION, ACCOUNT = "eu-west-2", "123456789012"
PIPELINE, NAMESPACE, BUCKET = "london", "health", "london-lake"
ISSUER = "oidc.eks.eu-west-2.amazonaws.com/id/0123456789ABCDEF"
DENIED = {"AccessDenied", "AccessDeniedException", "403"}
# The endpoint's own name for the root of the account.
_ROOT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
_START_S = 60


@dataclass(frozen=True)
class Account:
    """The endpoint's ``url``, and what the roles' placeholders stand for in it."""

    url: str
    values: Mapping[str, str]

    def client(self, service: str, credentials: Mapping[str, str] | None = None) -> Any:
        """A client with these credentials; the root's without."""
        return _client(service, self.url, tuple((credentials or _ROOT).items()))

    def take(self, role: str, service_account: str, *, namespace: str = NAMESPACE, audience: str = "sts.amazonaws.com",
             issuer: str = ISSUER) -> dict[str, str]:  # fmt: skip
        """Credentials of the role for a pod of this service account, as EKS gives them; ClientError when denied."""
        claims = {
            "iss": f"https://{issuer}",
            "aud": audience,
            "sub": f"system:serviceaccount:{namespace}:{service_account}",
        }
        sts = self.client("sts")
        taken = sts.assume_role_with_web_identity(
            RoleArn=self.arn(role), RoleSessionName="pod", WebIdentityToken=_token(claims)
        )
        return _credentials(taken)

    def stand_in(self, role: Role) -> dict[str, str]:
        """Credentials with the policy of a role that services or people take, which we cannot be here."""
        taken = self.client("sts", self.user).assume_role(
            RoleArn=self.arn(f"{role.name}-tested"), RoleSessionName="test"
        )
        return _credentials(taken)

    def arn(self, role: str) -> str:
        """Of a role of the pipeline."""
        return f"arn:aws:iam::{ACCOUNT}:role/{PIPELINE}-{role}"

    @cached_property
    def user(self) -> dict[str, str]:
        """Somebody of the account who may take any role that lets them."""
        key = self.client("iam").create_access_key(UserName="somebody")["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


@cache
def _client(service: str, url: str, credentials: tuple[tuple[str, str], ...]) -> Any:
    config = Config(region_name=REGION, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return boto3.session.Session(**dict(credentials)).client(service, endpoint_url=url, config=config)  # type: ignore[call-overload,misc]


@contextmanager
def enforcing_account(folder: Path) -> Iterator[Account]:
    """An account with our roles, a key and a bucket, for as long as the block lasts."""
    port = free_port()
    told = {"AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION}  # fmt: skip
    log = folder / "endpoint.log"
    with log.open("wb") as output:
        process = subprocess.Popen([os.environ["HEALTH_IAM_ENDPOINT"]], env={**os.environ, **told}, cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, log)
        yield _furnished(url)
    finally:
        process.kill()  # it keeps nothing
        process.wait()


def is_denied(error: ClientError) -> bool:
    """Whether it says that the caller may not; any other error comes from after that was decided."""
    return error.response["Error"]["Code"] in DENIED


def evaluated(questions: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the endpoint's evaluator says to each; see ``evaluator``."""
    python = Path(os.environ["HEALTH_IAM_ENDPOINT"]).with_name("python")
    done = subprocess.run([python, Path(__file__).with_name("evaluator.py")], input=json.dumps(list(questions)),
                          capture_output=True, text=True, check=False, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: list[str] = json.loads(done.stdout)
    return said


def _furnished(url: str) -> Account:
    bare = Account(url, {})
    key = bare.client("kms").create_key(Description="lake")["KeyMetadata"]["Arn"]
    values = {
        "Partition": "aws", "Region": REGION, "Account": ACCOUNT, "Pipeline": PIPELINE, "Namespace": NAMESPACE,
        "Bucket": BUCKET, "Prefix": "", "Database": PIPELINE, "KeyArn": key, "OidcProvider": ISSUER,
        "WarehouseArn": f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:workgroup/0f1e",
    }  # fmt: skip
    account = Account(url, values)
    iam = account.client("iam")
    iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"])
    iam.create_user(UserName="somebody")
    takes_all = {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}
    iam.put_user_policy(UserName="somebody", PolicyName="takes", PolicyDocument=_text([takes_all]))
    for role in ROLES:
        rights = json.dumps(filled(policy(role.grants), values))
        _make(iam, role.name, json.dumps(filled(trust(role), values)), rights)
        anybody = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
        _make(iam, f"{role.name}-tested", _text([anybody]), rights)
    location = {"LocationConstraint": REGION}
    account.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    account.client("s3").create_bucket(Bucket="somebody-elses", CreateBucketConfiguration=location)
    return account


def _make(iam: Any, role: str, trusted: str, rights: str) -> None:
    name = f"{PIPELINE}-{role}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)
    iam.put_role_policy(RoleName=name, PolicyName="least", PolicyDocument=rights)


def _text(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _token(claims: Mapping[str, str]) -> str:
    """A token as a pod has it; the endpoint reads what it claims and checks no signature."""
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".c2ln"
    )


def _credentials(taken: Mapping[str, Any]) -> dict[str, str]:
    given = taken["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/_ministack/health", timeout=2).close()  # noqa: S310 (our own)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"the endpoint did not come up: {log.read_text()[-2000:]}")
