"""Values that the tests go through, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_DIGEST = "sha256:" + "0123456789abcdef" * 4

OPERATOR: dict[str, dict[str, Any]] = {
    "defaults": {},
    "development": {
        "replicas": 1,
        "images": {"tag": "dev", "pullPolicy": "Never"},
        "standIns": {"kafka": "dev-kafka.dev-services.svc:9092", "aws": "http://dev-aws.dev-services.svc:5000"},
    },
    "two-teams": {
        "watchNamespaces": ["cardiology", "ambulances"],
        "crds": {"install": False},
        "userRoles": {"create": False},
        "spark": {"serviceAccount": "spark", "driverRole": {"create": False}},
        "serviceAccount": {"name": "looks-after-two-teams"},
    },
    "everything": {
        "replicas": 3,
        "images": {
            "registry": "registry.example:5000/health",
            "tag": "1.2.3",
            "digests": {"operator": _DIGEST, "spark": _DIGEST},
            "pullPolicy": "Always",
            "pullSecrets": ["registry-login"],
        },
        "resyncSeconds": 60,
        "deletionSeconds": 86400,
        "serviceAccount": {"annotations": {"example.com/owner": "platform"}},
        "resources": {"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"cpu": 1, "memory": "512Mi"}},
        "metrics": {"podMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}}},
        "dashboards": {"labels": {"team": "platform"}, "folder": "City"},
        "networkPolicy": {"apiServerPorts": [16443]},
        "podAnnotations": {"example.com/scrape": "true"},
        "podLabels": {"example.com/team": "platform"},
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "platform", "effect": "NoSchedule"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["system"]}]}
                    ]
                }
            }
        },
        "topologySpreadConstraints": [
            {"topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}
        ],
        "priorityClassName": "system-cluster-critical",
    },
}

DEV_SERVICES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "persistent": {"kafka": {"persistence": {"enabled": True, "size": "1Gi", "storageClass": "fast"}}},
    "aws-only": {
        "image": {"registry": "registry.example:5000/health", "tag": "1.2.3", "pullPolicy": "Always"},
        "kafka": {"enabled": False},
    },
}

MONITORING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "rules-only": {
        "additionalLabels": {"release": "kube-prometheus-stack"},
        "dashboards": {"enabled": False},
        "rules": {"alertLabels": {"team": "dispatch-centre"}, "runbooks": "https://wiki.example/runbooks"},
    },
    "dashboards-only": {"dashboards": {"labels": {"grafana": "city"}, "folder": ""}, "rules": {"enabled": False}},
}

PLATFORM: dict[str, dict[str, Any]] = {
    "defaults": {},
    "ours-alone": {
        "strimzi": {"enabled": False},
        "spark-operator": {"enabled": False},
        "health-operator": {"watchNamespaces": ["cardiology", "ambulances"]},
        "kafkaUi": {
            "enabled": True,
            "namespace": "cardiology",
            "bootstrapServers": "kafka-1.example:9093,kafka-2.example:9094",
            "connectionSecret": "kafka-connection",
            "loginSecret": "kafka-ui-login",
        },
    },
    "everything": {
        "global": {
            "imagePullSecrets": ["registry-login"],
            "additionalLabels": {"release": "kube-prometheus-stack"},
        },
        "health-operator": {
            "images": {"registry": "registry.example/health", "digests": {"operator": _DIGEST}},
            "watchNamespaces": ["cardiology", "ambulances"],
            "metrics": {"podMonitor": {"enabled": True}},
            "priorityClassName": "health-platform",
        },
        "spark-operator": {
            "image": {"pullSecrets": [{"name": "registry-login"}]},
            "spark": {"jobNamespaces": ["cardiology", "ambulances"]},
            "controller": {"priorityClassName": "health-platform"},
        },
        "health-monitoring": {"enabled": True},
        "sparkNetworkPolicies": {"grant": True},
        "priorityClass": {"create": True},
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "annotations": {"nginx.ingress.kubernetes.io/proxy-buffering": "off"},
            "consoles": [
                {
                    "pipeline": "london",
                    "namespace": "cardiology",
                    "host": "london.example",
                    "tlsSecret": "london-certificate",
                }
            ],
        },
        "kafkaUi": {
            "enabled": True,
            "namespace": "cardiology",
            "pipeline": "london",
            "image": {"digest": _DIGEST},
            "loginSecret": "kafka-ui-login",
            "networkPolicy": {
                "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}]
            },
            "priorityClassName": "health-platform",
            "nodeSelector": {"kubernetes.io/arch": "amd64"},
            "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        },
    },
}


@dataclass(frozen=True)
class Case:
    """A chart with values."""

    chart: str
    name: str
    values: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.chart}-{self.name}"


CASES = [
    *(Case("health-operator", name, values) for name, values in OPERATOR.items()),
    *(Case("dev-services", name, values) for name, values in DEV_SERVICES.items()),
    *(Case("health-monitoring", name, values) for name, values in MONITORING.items()),
]
PLATFORM_CASES = [Case("health-platform", name, values) for name, values in PLATFORM.items()]
