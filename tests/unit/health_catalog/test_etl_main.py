"""The command as whoever starts it sees it."""

from __future__ import annotations

import threading

import pytest
from health_catalog.etl import __main__ as program
from health_catalog.etl.__main__ import main
from health_pipeline.settings_glue import EtlSettings

SETTINGS = EtlSettings(
    pipeline="london", lake="s3://lake", database="london", tables=("vitals",),
    role_arn="arn:aws:iam::123456789012:role/x", schedule="@every 30s",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log and signals are this process's own."""
    monkeypatch.setattr(program, "set_up_logging", lambda _: None)
    monkeypatch.setattr(program, "stop_on_signals", threading.Event)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "etl: Glue cannot run on the schedule '@every 30s'"),
        (["crawl"], "etl: arguments are none, start or remove"),
    ],
)
def test_nonsense_is_one_line_and_exit_2(
    arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, value in SETTINGS.to_env().items():
        monkeypatch.setenv(variable, value)
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(told)


def test_what_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("HEALTH_PIPELINE", raising=False)
    assert main() == 2
    assert "HEALTH_PIPELINE is not set" in capsys.readouterr().err
