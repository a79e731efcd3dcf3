"""boto3 clients as every module here wants them. Made at the first use, never in a constructor."""

from __future__ import annotations

from typing import Any, Literal

import boto3
from botocore.config import Config

# Connecting takes milliseconds where it works at all; with five attempts a dead endpoint is known within half a minute.
CONNECT_TIMEOUT_S = 5
# These calls answer well within a second. botocore's 60 s, five times over, would hold a landing batch for minutes.
READ_TIMEOUT_S = 20
# "standard" backs off exponentially with jitter, up to 20 s, on throttling and lost connections. Not "adaptive": its
# rate limiter is each client's own, and the few calls that we make are not what an account is throttled for.
_RETRIES: Any = {"mode": "standard", "total_max_attempts": 5}


Service = Literal["glue", "s3", "athena", "redshift-data", "sqs", "sts"]


def make_client(service: Service, endpoint: str, region: str) -> Any:
    """A client of AWS or, where ``endpoint`` is not empty, of what stands in for it. Makes no request."""
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries=_RETRIES,
        # One host cannot serve a name per bucket; AWS can.
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    # A session of its own: boto3's default one must not be shared by threads while clients are made.
    session = boto3.session.Session(region_name=region)
    return session.client(service, endpoint_url=endpoint or None, config=config)


def session_keys() -> dict[str, str | None]:
    """boto3's credentials of this moment, by Arrow's names for them; nothing where there are none."""
    found = boto3.session.Session().get_credentials()
    if found is None:
        return {}
    keys = found.get_frozen_credentials()
    return {"access_key": keys.access_key, "secret_key": keys.secret_key, "session_token": keys.token}
