"""The account that all of these tests share. ``make iam-test`` says where the endpoint is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws.account import Account, enforcing_account


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account on an endpoint that enforces policies."""
    folder: Path = tmp_path_factory.mktemp("account")
    with enforcing_account(folder) as found:
        yield found
