"""A HealthPipeline on the cluster, and what must hold of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from health_catalog import CatalogError
from health_catalog.sql import LocalSql

from tests.e2e import books, kube

SOURCES = ("vitals", "vehicles", "gps", "cameras", "weather", "emergencies")
SIMULATOR_PORT = 8080
# Each look reads the whole lake, on the cores that the pipeline lands with.
LAND_S, LOOK_EVERY_S = 420.0, 15.0


@dataclass(frozen=True)
class Pipeline:
    """A pipeline by name and namespace."""

    name: str
    namespace: str

    def resource(self) -> dict[str, Any]:
        """The HealthPipeline."""
        found = kube.get("healthpipeline", self.name, self.namespace)
        assert found is not None, f"no HealthPipeline {self.name}"
        return found

    def patch(self, change: str) -> None:
        """Merge a change into the resource."""
        kube.kubectl("patch", "healthpipeline", self.name, "-n", self.namespace, "--type=merge", "-p", change)

    def wait_for(self, condition: str, timeout_s: float) -> None:
        """Until a condition is True of the generation that there is now."""

        def holds() -> bool:
            resource = self.resource()
            state = kube.condition(resource, condition)
            return (
                state.get("status") == "True" and state.get("observedGeneration") == resource["metadata"]["generation"]
            )

        try:
            kube.wait_for(f"{condition} of {self.name}", holds, timeout_s)
        except AssertionError as error:
            told = [(each["type"], each["status"], each.get("reason"), each.get("message"))
                    for each in self.resource().get("status", {}).get("conditions", [])]  # fmt: skip
            raise AssertionError(f"{error}: {told}") from error

    def served(self) -> Mapping[str, Mapping[str, Any]]:
        """What each source says that it has served; AssertionError when it does not answer."""
        found = {}
        for source in SOURCES:
            stats = partial(
                kube.service_json, self.namespace, f"{self.name}-simulator", SIMULATOR_PORT, f"/v1/{source}/stats"
            )
            found[source] = kube.wait_for(f"the simulator's count of {source}", stats, 60)
        return found

    def check_books(self, sql: LocalSql) -> None:
        """All that was served until now lands; no dispatch is doubled or out of radius, no alert without an outcome."""
        served = self.served()

        def complaints() -> list[str]:
            try:
                return books.complaints(sql, served)
            except CatalogError as error:
                return [str(error)]

        left: list[str] = []

        def nothing_is_missing() -> bool:
            left[:] = complaints()
            return not left

        try:
            kube.wait_for("all that was served is in the lake", nothing_is_missing, LAND_S, LOOK_EVERY_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {left}") from error
        account = books.dispatches(sql)
        assert account.dispatched > 0
        assert account.doubled == 0
        assert account.out_of_radius == 0

    def image(self, component: str) -> str:
        """Which one a Deployment's pods run."""
        deployment = kube.get("deployment", f"{self.name}-{component}", self.namespace)
        assert deployment is not None, f"no Deployment of {component}"
        return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])

    def pods(self, component: str) -> list[dict[str, Any]]:
        """The pods of a component that are not on their way out."""
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        found = kube.items("pods", self.namespace, selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
