"""boto3's credentials in Arrow's words."""

from __future__ import annotations

import pytest
from health_catalog.clients import session_keys


def test_arrow_is_given_what_boto3_has(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "word", "SESSION_TOKEN": "token"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    assert session_keys() == {"access_key": "id", "secret_key": "word", "session_token": "token"}
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    assert session_keys()["session_token"] is None


def test_where_there_are_none_arrow_looks_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert session_keys() == {}
