"""What other projects' custom resources may hold, as far as the chart uses them: small, closed JSON schemas.

No cluster with these projects is at hand, and their full definitions are large; each schema names where its facts come
from. A field that is not here is refused, so that a misspelt one is found.
"""

from __future__ import annotations

from typing import Any

import kubernetes_validate

_TEXT = {"type": "string"}
_NAME = {"type": "string", "pattern": r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"}
_TEXTS = {"type": "object", "additionalProperties": _TEXT}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}


def _whole(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


_METADATA = _object(["name", "namespace", "labels"], name=_NAME, namespace=_NAME, labels=_TEXTS, annotations=_TEXTS)


def _resource(api_version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return _object(
        ["apiVersion", "kind", "metadata", "spec"],
        apiVersion={"const": api_version},
        kind={"const": kind},
        metadata=_METADATA,
        spec=spec,
    )


def _core(kind: str, *fields: str) -> dict[str, Any]:
    """Let these fields of a kind of Kubernetes through; their insides are checked by `as_core`."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {field: {} for field in fields},
        "title": kind,
    }


# knative/serving, config/core/300-resources/service.yaml and pkg/apis/serving/fieldmask.go (what an administrator need
# not allow first; 1.8 and later, which added seccompProfile and allowPrivilegeEscalation)
KNATIVE_SERVICE = _resource(
    "serving.knative.dev/v1",
    "Service",
    _object(
        ["template"],
        template=_object(
            ["metadata", "spec"],
            metadata=_object([], labels=_TEXTS, annotations=_TEXTS),
            spec=_object(
                ["containers"],
                automountServiceAccountToken={"const": False},
                enableServiceLinks={"type": "boolean"},
                imagePullSecrets=_list(_object(["name"], name=_NAME)),
                containerConcurrency=_whole(0, 1000),
                timeoutSeconds=_whole(1, 600),  # max-revision-timeout-seconds of config-defaults
                containers={
                    **_list(
                        _object(
                            ["image", "ports"],
                            name=_NAME,
                            image=_TEXT,
                            imagePullPolicy={"enum": ["Always", "IfNotPresent", "Never"]},
                            command=_list(_TEXT),
                            args=_list(_TEXT),
                            env=_list(_object(["name", "value"], name=_TEXT, value=_TEXT)),
                            ports={
                                **_list(
                                    _object(
                                        ["containerPort"],
                                        name={"enum": ["http1", "h2c"]},
                                        containerPort=_whole(1, 65535),
                                        protocol={"const": "TCP"},
                                    )
                                ),
                                "maxItems": 1,
                            },
                            livenessProbe={"type": "object"},
                            readinessProbe={"type": "object"},
                            resources={"type": "object"},
                            securityContext=_core(
                                "SecurityContext",
                                "allowPrivilegeEscalation",
                                "capabilities",
                                "readOnlyRootFilesystem",
                                "runAsGroup",
                                "runAsNonRoot",
                                "runAsUser",
                                "seccompProfile",
                            ),
                            volumeMounts=_list(
                                _object(
                                    ["name", "mountPath"], name=_NAME, mountPath=_TEXT, readOnly={"type": "boolean"}
                                )
                            ),
                        )
                    ),
                    "maxItems": 1,
                },
                volumes=_list(_core("Volume", "name", "secret", "configMap", "projected", "emptyDir")),
            ),
        ),
    ),
)

# kedacore/keda, config/crd/bases/keda.sh_scaledobjects.yaml; keda.sh/docs, scalers/postgresql
SCALED_OBJECT = _resource(
    "keda.sh/v1alpha1",
    "ScaledObject",
    _object(
        ["scaleTargetRef", "triggers"],
        scaleTargetRef=_object(["name"], apiVersion=_TEXT, kind=_TEXT, name=_NAME),
        minReplicaCount=_whole(0, 10**6),
        maxReplicaCount=_whole(1, 10**6),
        pollingInterval=_whole(1, 10**6),
        advanced=_object(
            [],
            horizontalPodAutoscalerConfig=_object(
                [],
                behavior=_object(
                    [],
                    scaleDown=_object(
                        [],
                        stabilizationWindowSeconds=_whole(0, 3600),
                        policies=_list(
                            _object(
                                ["type", "value", "periodSeconds"],
                                type={"enum": ["Pods", "Percent"]},
                                value=_whole(1, 10**6),
                                periodSeconds=_whole(1, 1800),
                            )
                        ),
                    ),
                ),
            ),
        ),
        triggers=_list(
            _object(
                ["type", "metadata"],
                type={"const": "postgresql"},
                metricType={"enum": ["AverageValue", "Value"]},
                metadata=_object(
                    ["host", "port", "userName", "dbName", "sslmode", "query", "targetQueryValue"],
                    host=_TEXT,
                    port=_TEXT,
                    userName=_TEXT,
                    dbName=_TEXT,
                    sslmode={"enum": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]},
                    query=_TEXT,
                    targetQueryValue={"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"},
                    activationTargetQueryValue={"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"},
                ),
                authenticationRef=_object(["name"], name=_NAME),
            )
        ),
    ),
)

# keda.sh/docs, concepts/authentication
TRIGGER_AUTHENTICATION = _resource(
    "keda.sh/v1alpha1",
    "TriggerAuthentication",
    _object(
        [],
        secretTargetRef=_list(_object(["parameter", "name", "key"], parameter=_TEXT, name=_NAME, key=_TEXT)),
    ),
)

# prometheus-operator, example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml
SERVICE_MONITOR = _resource(
    "monitoring.coreos.com/v1",
    "ServiceMonitor",
    _object(
        ["selector", "endpoints"],
        selector=_object([], matchLabels=_TEXTS),
        podTargetLabels=_list(_TEXT),
        endpoints=_list(
            _object(
                ["port"],
                port=_TEXT,
                path=_TEXT,
                interval={"type": "string", "pattern": r"^[0-9]+(ms|s|m|h)$"},
                authorization=_object(
                    [], type=_TEXT, credentials=_object(["key"], name=_NAME, key=_TEXT, optional={"type": "boolean"})
                ),
            )
        ),
    ),
)

# kubernetes-sigs/gateway-api, config/crd/standard/gateway.networking.k8s.io_httproutes.yaml; durations: GEP-2257
HTTP_ROUTE = _resource(
    "gateway.networking.k8s.io/v1",
    "HTTPRoute",
    _object(
        [],
        parentRefs=_list(_object(["name"], name=_NAME, namespace=_NAME, sectionName=_NAME)),
        hostnames=_list(_TEXT),
        rules=_list(
            _object(
                [],
                matches=_list(
                    _object([], path=_object([], type={"enum": ["Exact", "PathPrefix"]}, value={"pattern": "^/"}))
                ),
                backendRefs=_list(_object(["name", "port"], name=_NAME, port=_whole(1, 65535))),
                timeouts=_object([], request={"type": "string", "pattern": r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"}),
            )
        ),
    ),
)

SCHEMAS = {
    (schema["properties"]["apiVersion"]["const"], schema["properties"]["kind"]["const"]): schema
    for schema in (KNATIVE_SERVICE, SCALED_OBJECT, TRIGGER_AUTHENTICATION, SERVICE_MONITOR, HTTP_ROUTE)
}


def as_core(document: dict[str, Any]) -> dict[str, Any]:
    """Return a Knative Service as the Deployment that it stands for, so that the insides of its pod are checked too."""
    template = document["spec"]["template"]
    spec = {
        key: value for key, value in template["spec"].items() if not key.endswith(("Concurrency", "timeoutSeconds"))
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": document["metadata"],
        "spec": {
            "selector": {"matchLabels": template["metadata"]["labels"]},
            "template": {**template, "spec": spec},
        },
    }


def check(document: dict[str, Any], version: str) -> None:
    """Validate an object of Kubernetes, strictly.

    Raises
    ------
    jsonschema.ValidationError
        A field is unknown or wrong.
    """
    kubernetes_validate.validate(document, version, strict=True)
