"""What can go wrong, as a tree::

    OperatorError
    ├── ClusterError          a call of the API server failed; ``status`` is HTTP's, 0 when there was no answer
    │   ├── Unreachable       no answer in time, or a server that is not well: worth another try
    │   ├── Forbidden         our role does not allow it, or the namespace is being deleted
    │   ├── Conflict          somebody else was quicker
    │   ├── Invalid           the API server refuses the object
    │   └── Expired           the place in a watch is too old: list again
    └── LeaseLost             another replica may be at work: write nothing more

"Not found" is no error: the calls of ``cluster`` give None for it.
"""

from __future__ import annotations


class OperatorError(Exception):
    """Base of the operator's own errors."""


class ClusterError(OperatorError):
    """A call of the API server failed."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(ClusterError):
    """No answer in time, or a server that is not well."""


class Forbidden(ClusterError):
    """Our role does not allow it, or the namespace is being deleted."""


class Conflict(ClusterError):
    """Somebody else was quicker."""


class Invalid(ClusterError):
    """The API server refuses the object."""


class Expired(ClusterError):
    """The place in a watch is too old."""


class LeaseLost(OperatorError):
    """Another replica may be at work."""
