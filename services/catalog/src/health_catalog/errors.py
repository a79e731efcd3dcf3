"""What can go wrong between us and AWS, as few kinds of error, each saying what to do about it.

CatalogError
├── CredentialsError      there are none, or AWS does not take them
├── AccessDeniedError     they are good, but not for this
├── UnreachableError      nothing answers at the endpoint
├── ThrottledError        too many requests, and the retries did not help
├── NotFoundError         no such database, table or bucket
├── SchemaConflictError   what is registered cannot become what is wanted
└── QueryError            the SQL cannot be run
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from botocore import exceptions as boto


class CatalogError(Exception):
    """Base of all; the message is for a person."""


class CredentialsError(CatalogError):
    """There are no AWS credentials, or AWS does not take them."""


class AccessDeniedError(CatalogError):
    """The credentials do not allow the action."""


class UnreachableError(CatalogError):
    """Nothing answers at the endpoint."""


class ThrottledError(CatalogError):
    """AWS keeps refusing for load."""


class NotFoundError(CatalogError):
    """There is no such database, table or bucket."""


class SchemaConflictError(CatalogError):
    """A registered table cannot become the wanted one without breaking the data that is there."""


class QueryError(CatalogError):
    """The SQL is wrong, not allowed, or too much."""


# These are about all calls: the next one would fare no better.
OF_ALL_CALLS = (CredentialsError, ThrottledError, UnreachableError)


# Codes as Glue, Athena, S3 and STS give them; S3's HEAD requests have no body, so only the status is known.
_DENIED = {"AccessDenied", "AccessDeniedException", "403"}
_BAD_CREDENTIALS = {
    "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException",
    "InvalidToken", "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown", "RequestLimitExceeded"}
_NOT_FOUND = {"EntityNotFoundException", "NoSuchBucket", "NoSuchKey", "404"}

_NO_CREDENTIALS = (
    boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.TokenRetrievalError,
    boto.SSOError, boto.ProfileNotFound, boto.NoAuthTokenError, boto.UnauthorizedSSOTokenError,
)  # fmt: skip
_HOW_TO_LOG_IN = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or give the machine or service account a role"
)


def error_code(error: boto.ClientError) -> str:
    """AWS's code of an error: ``AlreadyExistsException``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def together(errors: Sequence[CatalogError]) -> CatalogError:
    """One that says what all of these say, once each; of the kind of the first."""
    return type(errors[0])("; ".join(dict.fromkeys(map(str, errors))))


@contextmanager
def collected(errors: list[CatalogError]) -> Iterator[None]:
    """Keep the error of one call, for the next one may do better; raise one that is about all of them."""
    try:
        yield
    except OF_ALL_CALLS:
        raise
    except CatalogError as error:
        errors.append(error)


@contextmanager
def aws_errors(action: str, target: str) -> Iterator[None]:
    """Turn botocore's errors into ours. ``action`` as an IAM policy names it (``glue:CreateTable``)."""
    try:
        yield
    except boto.ClientError as error:
        raise _of_client_error(error, action, target) from error
    except _NO_CREDENTIALS as error:
        raise CredentialsError(f"{action} on {target}: no AWS credentials ({error}); {_HOW_TO_LOG_IN}") from error
    except (boto.HTTPClientError, boto.ConnectionError) as error:
        raise UnreachableError(
            f"{action} on {target}: {error}; check the endpoint, the region and the way to the network"
        ) from error
    except boto.BotoCoreError as error:
        raise CatalogError(f"{action} on {target}: {error}") from error


def _of_client_error(error: boto.ClientError, action: str, target: str) -> CatalogError:
    code = error_code(error)
    said = error.response.get("Error", {}).get("Message") or code
    where = f"{action} on {target}"
    if code in _DENIED:
        return AccessDeniedError(f"{where}: access denied ({said}); allow {action} in the caller's IAM policy")
    if code in _BAD_CREDENTIALS:
        return CredentialsError(f"{where}: AWS does not take the credentials ({said}); {_HOW_TO_LOG_IN}")
    if code in _THROTTLED:
        return ThrottledError(f"{where}: AWS refuses for load ({said}); ask less often or raise the account's quota")
    if code in _NOT_FOUND:
        return NotFoundError(f"{where}: there is no such thing ({said})")
    return CatalogError(f"{where}: {code}: {said}")
