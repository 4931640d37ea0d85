"""Each value that is a setting of ours arrives in the right pod, as the process there reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.deploy import chart
from webviewer.config import KEYS, Function, PeerRule, Role, Settings, load_configuration

PEERS = [{"callingAe": "CT 1", "network": "10.20.0.0/24"}, {"callingAe": "*", "network": "10.20.1.0/24"}]

# No default anywhere, so that nothing arrives by chance.
VALUES: chart.Values = {
    "clusterDomain": "house.internal",
    "log": {"level": "debug", "highPrecisionTime": True},
    "database": {
        "host": "postgresql.example.org",
        "port": 6432,
        "control": {"name": "control-records", "user": "control-user"},
        "storage": {"user": "storage-user"},
        "tls": {"mode": "verify-full", "caSecret": "authority"},
    },
    "functions": {"secureCookie": False, "sessionIdleS": 345678, "trustedProxies": ["10.7.0.0/16"]},
    "storage": {
        "scrubBytesPerS": 1099511627776,
        "dicom": {
            "peers": PEERS,
            "scu": "HOSPITAL SCU",
            "maxAssociations": 77,
            "aeTitleAssociationsPercent": 61,
            "addressAssociationsPercent": 83,
            "acceptors": 3,
            "maxPduBytes": 16777216,
            "idleTimeoutS": 12.5,
            "maxObjectBytes": 1099511627776,
            "patientConflictPolicy": "refuse",
            "uploadExpiryS": 5400.5,
        },
    },
    "render": {
        "device": 0,
        "bandwidth": 250000000,
        "threads": 9,
        "imageCache": False,
        "imageCacheBytes": 68719476736,
        "volumeCache": False,
        "volumeCacheBytes": 34359738368,
    },
    "scaling": {
        "targetSessions": 11,
        "minimum": 2,
        "maximum": 33,
        "warmSpare": 4,
        "scaleDownDelayS": 777.5,
        "drainLimitS": 888,
        "intervalS": 13,
    },
}

COMMON = {
    "internal_token": "034567889abcdef-join",
    "log.level": "debug",
    "log.high_precision_time": True,
    "log.to_console": True,
    "log.file": Path("/dev/null"),
}
DATABASE = {
    "database.driver": "QPSQL",
    "database.host": "postgresql.example.org",
    "database.port": 6432,
    "database.password": "of the database",
}
CONTROL_URL = f"http://{chart.FULL_NAME}-nodes.{chart.NAMESPACE}.svc.house.internal:8091"
CONTROL = {
    **COMMON,
    **DATABASE,
    "database.name": "control-records",
    "database.user": "control-user",
    "control.host": "0.0.0.0",
    "control.port": 8090,
    "control.internal_port": 8091,
    "control.secure_cookie": False,
    "control.session_idle_s": 345678,
    "control.trusted_proxies": ("10.7.0.0/16",),
    "control.proxy_count": 1,
}
STORAGE = {
    **COMMON,
    **DATABASE,
    "database.name": f"{chart.FULL_NAME}-storage-node-1",
    "database.user": "storage-user",
    "node.control_url": CONTROL_URL,
    "node.address": f"http://{chart.FULL_NAME}-storage-node-1.{chart.FULL_NAME}-storage-node.{chart.NAMESPACE}"
    ".svc.house.internal:8081",
    "node.scu": "HOSPITAL SCU",
    "storage.storage": Path("/var/lib/web-viewer"),
    "storage.scrub_bytes_per_s": 1099511627776,
    "storage.host": "0.0.0.0",
    "storage.port": 8081,
    "storage.dicom_host": "0.0.0.0",
    "storage.dicom_port": 3000,
    "storage.peers": (PeerRule("CT 1", "10.20.0.0/24"), PeerRule("*", "10.20.1.0/24")),
    "storage.max_associations": 77,
    "storage.ae_title_associations_percent": 61,
    "storage.address_associations_percent": 83,
    "storage.acceptors": 3,
    "storage.max_pdu_bytes": 16777216,
    "storage.idle_timeout_s": 12.5,
    "storage.max_object_bytes": 1099511627776,
    "storage.patient_conflict_policy": "refuse",
    "storage.upload_expiry_s": 5400.5,
}
RENDER = {
    **COMMON,
    "node.control_url": CONTROL_URL,
    "node.name": f"{chart.FULL_NAME}-render-node-1",
    "node.address": "http://10.1.2.3:8080",
    "render.host": "0.0.0.0",
    "render.port": 8080,
    "render.device": 0,
    "render.render_bandwidth_bytes_per_s": 250000000,
    "render.max_thread_pool_threads": 9,
    "render.image_cache": False,
    "render.image_cache_bytes": 68719476736,
    "render.volume_cache": False,
    "render.volume_cache_bytes": 34359738368,
}
CONTROLLER = {
    **COMMON,
    "node.control_url": CONTROL_URL,
    "controller.host": "0.0.0.0",
    "controller.port": 8092,
    "controller.namespace": chart.NAMESPACE,
    "controller.deployment": f"{chart.FULL_NAME}-render-node",
    "controller.lease": f"{chart.FULL_NAME}-controller",
    "controller.selector": f"app.kubernetes.io/name=web-viewer,app.kubernetes.io/instance={chart.RELEASE},"
    "app.kubernetes.io/component=render-node",
    "controller.target_sessions": 11,
    "controller.minimum": 2,
    "controller.maximum": 33,
    "controller.warm_spare": 4,
    "controller.scale_down_delay_s": 777.5,
    "controller.drain_limit_s": 888.0,
    "controller.interval_s": 13.0,
}
DEPLOYED = sorted({one.value for one in Function} - {"health", "pages"})  # of each part, and served by Nginx

# Settings that the chart leaves as they are, and why. A new setting belongs into a pod or in here.
NOT_SET = {
    "role": "each executable knows its own",
    "link_by_params_policy": "this version makes no links yet",
    "control.html": "Nginx has the pages",
    "control.max_connections": "the default is bounded by the file descriptors that the container has",
    "control.max_connections_per_address": "the default is enough for a hospital behind one address",
    "render.off_screen": "the image has EGL and no desktop",
    "tls.certificate": "a render node's address is a pod's, which no certificate names: README.md",
    "tls.key": "the same",
    "tls.ca": "the same",
    "log.flush": "the console is not buffered",
}


def settings_of(container: dict[str, Any], fields: dict[str, str], role: Role, folder: Path) -> Settings:
    """Return what the process reads from its environment; the secrets that are mounted lie in a folder."""
    environ = chart.environment(container, fields)
    for name, value in environ.items():
        if name.endswith("_FILE"):
            assert value.startswith("/run/secrets/web-viewer/") or value == "/dev/null"
            environ[name] = value.replace("/run/secrets/web-viewer", str(folder))
    ours = {name: value for name, value in environ.items() if name.startswith("WEBVIEWER_")}
    known = {key.variable for key in KEYS} | {f"{key.variable}_FILE" for key in KEYS}
    assert set(ours) <= known
    configuration = load_configuration(None, environ=ours, role=role)
    assert [words for words in configuration.warnings if "makes no 3D or MPR reconstructions yet" not in words] == []
    return configuration.settings


def value_of(settings: Settings, name: str) -> Any:
    """Return a setting by its name."""
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Lay the secrets out as they are mounted."""
    (tmp_path / "internal-token").write_text("034567889abcdef-join\n")
    (tmp_path / "database-password").write_text("of the database\n")
    return tmp_path


def main_container(component: str) -> dict[str, Any]:
    """Return the container that a component is for."""
    kind = "StatefulSet" if component == "storage-node" else "Deployment"
    workload = chart.find(chart.objects(VALUES), kind, component)
    [container] = workload["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


@pytest.mark.parametrize(
    ("component", "role", "expected"),
    [
        *((name, Role.CONTROL, {**CONTROL, "control.internal_host": "0.0.0.0"}) for name in DEPLOYED),
        ("storage-node", Role.STORAGE, STORAGE),
        ("render-node", Role.RENDER, RENDER),
        ("controller", Role.RENDER, CONTROLLER),
    ],
)
def test_every_setting_reaches_its_pod(component: str, role: Role, expected: dict[str, Any], folder: Path) -> None:
    fields = {"metadata.name": f"{chart.FULL_NAME}-{component}-1", "status.podIP": "10.1.2.3"}
    settings = settings_of(main_container(component), fields, role, folder)
    assert {name: value_of(settings, name) for name in expected} == expected
    if role is Role.CONTROL:
        assert [one.value for one in settings.control.functions] == [component]


def test_settings_that_no_pod_gets_are_named() -> None:
    variables = {key.variable for key in KEYS}
    set_somewhere = {
        entry["name"] if entry["name"] in variables else entry["name"].removesuffix("_FILE")
        for _, pod in chart.pods(chart.objects(VALUES))
        for container in chart.containers(pod)
        for entry in container.get("env", [])
    }
    left_out = {key.name for key in KEYS if key.variable not in set_somewhere}
    assert left_out == set(NOT_SET)


def test_what_has_no_value_is_left_to_the_process() -> None:
    [container] = chart.find(chart.objects(chart.ci("default")), "Deployment", "render-node")["spec"]["template"][
        "spec"
    ]["containers"]
    names = {entry["name"] for entry in container["env"]}
    assert not names & {"WEBVIEWER_DEVICE", "WEBVIEWER_RENDER_BANDWIDTH", "NVIDIA_DRIVER_CAPABILITIES"}


def test_all_functions_run_and_no_others() -> None:
    served = [
        entry["value"]
        for _, pod in chart.pods(chart.objects(VALUES))
        for container in pod["spec"]["containers"]
        for entry in container.get("env", [])
        if entry["name"] == "WEBVIEWER_FUNCTIONS"
    ]
    assert sorted(served) == DEPLOYED


def test_knative_functions_listen_where_knative_asks(folder: Path) -> None:
    values = chart.merged(VALUES, {"functions": {"mode": "knative"}})
    service = chart.find(
        [one for one in chart.objects(values) if one["apiVersion"].startswith("serving.")], "Service", "auth"
    )
    [container] = service["spec"]["template"]["spec"]["containers"]
    settings = settings_of(container, {}, Role.CONTROL, folder)
    assert settings.control.port == container["ports"][0]["containerPort"] == 8090
    assert settings.control.internal_host == "127.0.0.1"
    assert {name: value_of(settings, name) for name in CONTROL} == {**CONTROL, "control.proxy_count": 3}
    annotations = service["spec"]["template"]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/min-scale"] == "0"


def test_knative_takes_down_only_what_may_go() -> None:
    rendered = chart.objects(chart.ci("knative"))
    scaled = {chart.component_of(one) for one in rendered if one["apiVersion"].startswith("serving.knative.dev/")}
    kept = {chart.component_of(one) for one in rendered if one["kind"] == "Deployment"}
    assert scaled == {"auth", "admin", "studies", "settings"}
    assert kept == {"events", "render", "nodes", "nginx", "render-node", "controller"}


def test_the_databases_authority_is_mounted_where_libpq_looks() -> None:
    for component in ("auth", "storage-node"):
        kind = "StatefulSet" if component == "storage-node" else "Deployment"
        spec = chart.find(chart.objects(VALUES), kind, component)["spec"]["template"]["spec"]
        for container in chart.containers({"spec": spec}):
            environ = chart.environment(container, {"metadata.name": "pod"})
            assert environ["PGSSLMODE"] == "verify-full"
            assert environ["PGSSLROOTCERT"] == "/run/secrets/web-viewer/database-ca.crt"
        files = {
            item["path"]: source["secret"]["name"]
            for volume in spec["volumes"]
            for source in volume.get("projected", {}).get("sources", [])
            for item in source["secret"]["items"]
        }
        assert files == {
            "internal-token": "web-viewer",
            "database-password": "web-viewer",
            "database-ca.crt": "authority",
        }


def test_the_scaler_left_to_others_says_no_size() -> None:
    for name, replicas in (("default", None), ("keda", None), ("fixed-pool", 4)):
        spec = chart.find(chart.objects(chart.ci(name)), "Deployment", "render-node")["spec"]
        assert spec.get("replicas") == replicas


def test_a_gpu_is_asked_for() -> None:
    spec = chart.find(chart.objects(chart.ci("gpu")), "Deployment", "render-node")["spec"]["template"]["spec"]
    assert spec["containers"][0]["resources"]["limits"] == {"memory": "4Gi", "nvidia.com/gpu": 1}
    assert spec["runtimeClassName"] == "nvidia"
    assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert spec["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def test_images_follow_registry_tag_and_digest() -> None:
    images = {
        chart.component_of(workload): pod["spec"]["containers"][0]["image"]
        for workload, pod in chart.pods(chart.objects(chart.ci("pinned")))
    }
    prefix = "registry.example.org/radiology/web-viewer"
    assert images["auth"] == f"{prefix}-functions:1.0.0-2"
    assert images["storage-node"] == images["migration"] == f"{prefix}-gateway:1.0.0-2"
    assert images["nginx"] == f"{prefix}-nginx:1.0.1"
    assert images["render-node"].startswith(f"{prefix}-renderer@sha256:0123")
    assert images["controller"] == f"{prefix}-controller:1.0.0-2"
