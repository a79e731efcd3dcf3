"""Every kind of object that the operator makes or reads, written once: where it lives and what it needs."""

from __future__ import annotations

from dataclasses import dataclass

from health_operator.naming import GROUP, PLURAL, VERSION


@dataclass(frozen=True)
class Kind:
    """A kind. ``needs`` names the operator that brings it, where the API server does not know it by itself."""

    api_version: str
    kind: str
    plural: str
    needs: str = ""

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """URL path of the collection, over all namespaces when ``namespace`` is empty, or of one object."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        within = f"/namespaces/{namespace}" if namespace else ""
        parts = [root + within, self.plural, name, subresource]
        return "/".join(part for part in parts if part)

    @property
    def is_custom(self) -> bool:
        """Defined by a CustomResourceDefinition: its lists are compared whole (see ``containment``)."""
        return bool(self.needs)


STRIMZI, SPARK, PROMETHEUS = "Strimzi", "the Spark operator", "the Prometheus operator"

PIPELINES = Kind(f"{GROUP}/{VERSION}", "HealthPipeline", PLURAL)
CONFIG_MAPS = Kind("v1", "ConfigMap", "configmaps")
EVENTS = Kind("v1", "Event", "events")
LEASES = Kind("coordination.k8s.io/v1", "Lease", "leases")
NAMESPACES = Kind("v1", "Namespace", "namespaces")
DEPLOYMENTS = Kind("apps/v1", "Deployment", "deployments")
JOBS = Kind("batch/v1", "Job", "jobs")
SPARK_APPLICATIONS = Kind("sparkoperator.k8s.io/v1beta2", "SparkApplication", "sparkapplications", SPARK)
SCHEDULED_SPARK_APPLICATIONS = Kind(
    "sparkoperator.k8s.io/v1beta2", "ScheduledSparkApplication", "scheduledsparkapplications", SPARK
)
KAFKAS = Kind("kafka.strimzi.io/v1", "Kafka", "kafkas", STRIMZI)
KAFKA_NODE_POOLS = Kind("kafka.strimzi.io/v1", "KafkaNodePool", "kafkanodepools", STRIMZI)
KAFKA_TOPICS = Kind("kafka.strimzi.io/v1", "KafkaTopic", "kafkatopics", STRIMZI)
KAFKA_USERS = Kind("kafka.strimzi.io/v1", "KafkaUser", "kafkausers", STRIMZI)

# What a pipeline's children are. Whatever a builder makes is here, or it would never be pruned (a test says so); the
# chart gives rights to these and nothing else (another test). No Role is among them: one could hold only rights that
# the operator has itself, so it binds naming.SPARK_DRIVER_ROLE instead.
CHILDREN = (
    Kind("v1", "ServiceAccount", "serviceaccounts"),
    Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    CONFIG_MAPS,
    Kind("v1", "Service", "services"),
    Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    KAFKAS,
    KAFKA_NODE_POOLS,
    KAFKA_USERS,
    KAFKA_TOPICS,
    JOBS,
    DEPLOYMENTS,
    SPARK_APPLICATIONS,
    SCHEDULED_SPARK_APPLICATIONS,
    Kind("monitoring.coreos.com/v1", "PodMonitor", "podmonitors", PROMETHEUS),
)
# What holds data. It goes by the user's word only: with the pipeline, where deletionPolicy says so.
HOLD_DATA = (KAFKAS, KAFKA_NODE_POOLS, KAFKA_TOPICS)
_BY_NAME = {(kind.api_version, kind.kind): kind for kind in CHILDREN}


def kind_of(manifest: dict[str, object]) -> Kind:
    """The kind of a child; KeyError for one that no builder may make."""
    return _BY_NAME[str(manifest["apiVersion"]), str(manifest["kind"])]
