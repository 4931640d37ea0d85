"""What the controller reads from and writes to Kubernetes: the Deployment's size, its pods' annotations, a Lease.

Calls and the verbs that they need: ``deployments/scale`` get and patch, ``pods`` list and patch, ``leases`` get, create
and update. Every failure leaves as an error of our own tree.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from renderpool.controller.decide import Pod
from webviewer.core.errors import ConfigError, Conflict, NotFound, PermissionDenied, Unavailable, WebviewerError

DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
DRAINING_SINCE: Final = "web-viewer/draining-since"

_TIMEOUTS: Final = (3.05, 10.0)  # to connect, to be answered
_ENDED: Final = frozenset({"Succeeded", "Failed"})
_ERRORS: Final[Mapping[int, type[WebviewerError]]] = {403: PermissionDenied, 404: NotFound, 409: Conflict}


def connect() -> client.ApiClient:
    """Return a client by the pod's service account, or by the kubeconfig where there is none; raises ConfigError."""
    try:
        configuration = client.Configuration()
        config.load_config(client_configuration=configuration)
    except (config.ConfigException, OSError) as error:
        raise ConfigError(f"Kubernetes: neither a service account nor a kubeconfig can be used: {error}") from error
    configuration.retries = 0  # a round that fails is tried again as a whole
    return client.ApiClient(configuration)


@dataclass(frozen=True, slots=True)
class Pool:
    """The Deployment's wanted size, the version of it that says so, and its pods."""

    replicas: int
    version: str
    pods: tuple[Pod, ...]


class Cluster:
    """The Deployment of the render nodes.

    Parameters
    ----------
    api
        From `connect`.
    namespace, deployment
        Which one.
    selector
        Labels of its pods; empty: as the Deployment itself says.
    """

    def __init__(self, api: client.ApiClient, namespace: str, deployment: str, selector: str = "") -> None:
        self._apps = client.AppsV1Api(api)
        self._core = client.CoreV1Api(api)
        self._namespace = namespace
        self._deployment = deployment
        self._selector = selector

    def pool(self) -> Pool:
        """Read how many are wanted and which there are."""
        with _told(f"the scale of Deployment {self._deployment!r}"):
            scale = _plain(
                self._apps.read_namespaced_deployment_scale(
                    self._deployment, self._namespace, _preload_content=False, _request_timeout=_TIMEOUTS
                )
            )
            selector = self._selector or scale["status"]["selector"]
        with _told("the pods of the render nodes"):
            found = _plain(
                self._core.list_namespaced_pod(
                    self._namespace, label_selector=selector, _preload_content=False, _request_timeout=_TIMEOUTS
                )
            )
            pods = tuple(_pod(item) for item in found["items"])
        # a size of 0 is left out
        return Pool(int(scale["spec"].get("replicas", 0)), str(scale["metadata"]["resourceVersion"]), pods)

    def annotate(self, pod: str, annotations: Mapping[str, str | None]) -> None:
        """Write these annotations; None takes one away. NotFound if the pod is gone."""
        with _told(f"pod {pod!r}"):
            self._core.patch_namespaced_pod(
                pod,
                self._namespace,
                {"metadata": {"annotations": dict(annotations)}},
                _preload_content=False,
                _request_timeout=_TIMEOUTS,
            )

    def resize(self, replicas: int, version: str) -> None:
        """Make this the wanted size; Conflict if the Deployment is no longer the one that was read."""
        with _told(f"the scale of Deployment {self._deployment!r}"):
            self._apps.patch_namespaced_deployment_scale(
                self._deployment,
                self._namespace,
                {"metadata": {"resourceVersion": version}, "spec": {"replicas": replicas}},
                _preload_content=False,
                _request_timeout=_TIMEOUTS,
            )


class Lease:
    """Who holds it acts. Whether another one's has run out is told by our own clock alone, from when we saw it change.

    The client library's own election cannot let go of a lease, and goes on acting while it tries to renew one.

    Parameters
    ----------
    api, namespace, name
        Where it is; it is made if it does not exist.
    identity
        Who we are, other than all others.
    duration_s
        After how long without renewal others may take it. We stop acting after two thirds of that.
    """

    def __init__(
        self,
        api: client.ApiClient,
        namespace: str,
        name: str,
        identity: str,
        *,
        duration_s: int = 15,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._leases = client.CoordinationV1Api(api)
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._duration_s = duration_s
        self._clock = clock
        self._held_until = float("-inf")
        self._seen: tuple[object, object, float] = (
            None,
            None,
            0.0,
        )  # another holder, its last renewal, when we saw that

    @property
    def is_held(self) -> bool:
        """Whether we may act at this moment."""
        return self._clock() < self._held_until

    def hold(self) -> bool:
        """Take or renew it if that is possible, and return whether we hold it; raises as the API fails."""
        asked_at = self._clock()
        try:
            lease = self._read()
            if lease is None:
                self._create()
            elif self._is_ours_to_take(lease["spec"]):
                self._write(lease, self._identity)
            else:
                self._held_until = float("-inf")
                return False
        except Conflict:  # another one was faster
            self._held_until = float("-inf")
            return False
        self._held_until = asked_at + self._duration_s * 2 / 3
        return True

    def release(self) -> None:
        """Let go, so that another one need not wait; raises as the API fails."""
        self._held_until = float("-inf")
        lease = self._read()
        if lease is not None and lease["spec"].get("holderIdentity") == self._identity:
            self._write(lease, "")

    def _is_ours_to_take(self, spec: Mapping[str, Any]) -> bool:
        holder, renewed = spec.get("holderIdentity"), spec.get("renewTime")
        if not holder or holder == self._identity:
            return True
        now = self._clock()
        if self._seen[:2] != (holder, renewed):
            self._seen = (holder, renewed, now)
        return now - self._seen[2] >= int(spec.get("leaseDurationSeconds") or self._duration_s)

    def _read(self) -> dict[str, Any] | None:
        try:
            with _told(f"Lease {self._name!r}"):
                return _plain(
                    self._leases.read_namespaced_lease(
                        self._name, self._namespace, _preload_content=False, _request_timeout=_TIMEOUTS
                    )
                )
        except NotFound:
            return None

    def _create(self) -> None:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {**self._spec(self._identity), "acquireTime": _now(), "leaseTransitions": 0},
        }
        with _told(f"Lease {self._name!r}"):
            self._leases.create_namespaced_lease(
                self._namespace, body, _preload_content=False, _request_timeout=_TIMEOUTS
            )

    def _write(self, lease: dict[str, Any], holder: str) -> None:
        """Replace it as it was read; Conflict if it has changed since."""
        spec = {**lease["spec"], **self._spec(holder)}
        if holder and lease["spec"].get("holderIdentity") != holder:
            spec |= {"acquireTime": _now(), "leaseTransitions": int(spec.get("leaseTransitions") or 0) + 1}
        with _told(f"Lease {self._name!r}"):
            self._leases.replace_namespaced_lease(
                self._name,
                self._namespace,
                {**lease, "spec": spec},
                _preload_content=False,
                _request_timeout=_TIMEOUTS,
            )

    def _spec(self, holder: str) -> dict[str, Any]:
        return {"holderIdentity": holder, "leaseDurationSeconds": self._duration_s, "renewTime": _now()}


def _pod(item: Mapping[str, Any]) -> Pod:
    metadata = item["metadata"]
    annotations = metadata.get("annotations") or {}
    return Pod(
        name=metadata["name"],
        terminating="deletionTimestamp" in metadata or (item.get("status") or {}).get("phase") in _ENDED,
        draining_since=_seconds(annotations.get(DRAINING_SINCE)),
        deletion_cost=_whole(annotations.get(DELETION_COST)),
    )


def time_text(seconds: float) -> str:
    """Write a time for an annotation."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _now() -> datetime:
    """Return the time, never a whole second: of that the client leaves the fraction out, and the API refuses it so."""
    now = datetime.now(UTC)
    return now if now.microsecond else now.replace(microsecond=1)


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0  # somebody else wrote it: it is a mark, since long ago


def _whole(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0


def _plain(response: Any) -> dict[str, Any]:
    found = json.loads(response.data)
    if not isinstance(found, dict):
        raise TypeError("no object")
    return found


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn what the client raises into our own errors."""
    try:
        yield
    except client.ApiException as error:
        kind = _ERRORS.get(error.status or 0, Unavailable)
        raise kind(f"The Kubernetes API refuses {what}: HTTP {error.status} {error.reason}.") from error
    except (HTTPError, OSError) as error:
        raise Unavailable(
            f"The Kubernetes API does not answer about {what}.", details={"cause": type(error).__name__}
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(f"The Kubernetes API answers about {what} with something else.") from error
