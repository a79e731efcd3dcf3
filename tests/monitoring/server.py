"""A real Prometheus with the rules of the chart."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml
from healthctl.embedded.ports import LOOPBACK, free_port
from healthctl.embedded.process import Command, Process, last_lines
from healthctl.embedded.waiting import wait_until

from tests.monitoring.programs import program

EVERY_S = 2  # scrapes and evaluates so often
_START_S = 120.0

Series = dict[str, Any]


class Prometheus:
    """Runs between ``with`` and its end. ``scrapes`` as in its configuration; ``groups`` of rules."""

    def __init__(self, folder: Path, scrapes: list[dict[str, Any]], groups: list[dict[str, Any]]) -> None:
        self._url = f"http://{LOOPBACK}:{(port := free_port())}"
        self._log = folder / "prometheus.log"
        folder.mkdir()
        (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
        config = {
            "global": {"scrape_interval": f"{EVERY_S}s", "evaluation_interval": f"{EVERY_S}s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": scrapes,
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        arguments = (
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={LOOPBACK}:{port}",
        )
        self._command = Command("prometheus", (str(program("prometheus")), *arguments), self._log, dict(os.environ), 5)

    def __enter__(self) -> Self:
        self._process = Process(self._command)
        self._client = httpx.Client(base_url=self._url, timeout=30, trust_env=False)
        assert wait_until(self._is_ready, _START_S), "\n".join(last_lines(self._log, 20))
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._client.close()
        self._process.stop()

    def instant(self, query: str) -> list[Series]:
        """Series with their ``value`` now."""
        return list(self._get("query", query=query)["result"])

    def over_time(self, query: str, seconds: float, step: float) -> list[Series]:
        """Series with their ``values`` of the last ``seconds``."""
        now = time.time()
        return list(self._get("query_range", query=query, start=now - seconds, end=now, step=step)["result"])

    def series(self, selector: str) -> list[dict[str, str]]:
        """The label sets that match."""
        return list(self._get("series", **{"match[]": selector}))

    def label_values(self, label: str, selector: str) -> list[str]:
        """What a dashboard's variable offers."""
        return list(self._get(f"label/{label}/values", **{"match[]": selector}))

    def rules(self) -> list[Series]:
        """Every rule, with its ``health`` and ``lastError``."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def targets(self) -> list[Series]:
        """What is scraped, with its ``health``."""
        return list(self._get("targets")["activeTargets"])

    def _get(self, path: str, **parameters: Any) -> Any:
        answer = self._client.get(f"/api/v1/{path}", params=parameters)
        body = answer.json()
        assert body["status"] == "success", f"{parameters}: {body.get('error')}"
        return body["data"]

    def _is_ready(self) -> bool:
        assert self._process.ended() is None, "\n".join(last_lines(self._log, 20))
        try:
            return self._client.get("/-/ready").is_success
        except httpx.TransportError:
            return False
