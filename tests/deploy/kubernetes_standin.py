"""A Kubernetes API over HTTP for tests: kmock's emulator and what the controller needs beyond it.

Added here: ``resourceVersion`` and its conflicts, label selectors, ``/scale``, the shape of times in a Lease. There is
no controller behind it: nobody makes or ends pods but the test. kmock 0.8 is pinned since this leans on its private
parts (`_handle`, `_objects`).
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import attrs
import kmock
from aiohttp import web
from kubernetes import client

NAMESPACE = "hospital"
_MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")
_RESOURCES = ("apps/v1/deployments", "v1/pods", "coordination.k8s.io/v1/leases")
JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came."""

    method: str
    path: str
    body: JSON

    def __str__(self) -> str:
        return f"{self.method} {self.path.removeprefix('/api/v1').removeprefix('/apis/')}"


def _failure(status: int, reason: str, message: str) -> web.Response:
    content = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
    return web.json_response({**content, "reason": reason, "message": message}, status=status)


@attrs.define(kw_only=True)
class Emulator(kmock.KubernetesEmulator):
    """kmock's, with versions, selectors and a scale."""

    calls: list[Call] = attrs.field(factory=list)
    refuse: Callable[[Call], int | None] = lambda _: None
    version: int = 100

    async def _handle(self, request: kmock.Request) -> web.StreamResponse:
        call = Call(str(request.method.value), request.url.path, request.data or {})
        self.calls.append(call)
        status = self.refuse(call)
        if status is not None:
            return _failure(status, "Refused", "as the test wishes")
        if request.resource is None or request.method.value == "DELETE":
            return await super()._handle(request)
        if request.name is None:
            if request.method.value == "POST":
                return await self._create(request)
            return self._list(request)
        key = self._key(request)
        if key not in self._objects or self._objects[key].deleted:
            return _failure(404, "NotFound", f"{request.name} not found")
        held = self._objects[key].raw
        if request.method.value in {"PUT", "PATCH"}:
            wished = (request.data.get("metadata") or {}).get("resourceVersion")
            if wished is not None and wished != held["metadata"]["resourceVersion"]:
                return _failure(409, "Conflict", "the object has been modified")
            if request.method.value == "PUT" and wished is None:
                return _failure(422, "Invalid", "metadata.resourceVersion: must be specified for an update")
        if request.subresource == "scale":
            return await self._scale(request, held)
        if request.method.value == "PUT":
            return self._replace(request)
        if request.method.value == "PATCH":
            self._stamp(request.data)
        return await super()._handle(request)

    @staticmethod
    def _key(request: kmock.Request) -> tuple[kmock.resource, str | None, str]:
        assert request.resource is not None
        return request.resource, request.namespace, request.name or request.data["metadata"]["name"]

    def _stamp(self, body: JSON) -> None:
        self.version += 1
        body.setdefault("metadata", {})["resourceVersion"] = str(self.version)

    async def _create(self, request: kmock.Request) -> web.StreamResponse:
        key = self._key(request)
        if key in self._objects and not self._objects[key].deleted:
            return _failure(409, "AlreadyExists", "it exists")
        if (answer := self._wrong_times(request)) is not None:
            return answer
        self._stamp(request.data)
        return await super()._handle(request)

    def _list(self, request: kmock.Request) -> web.StreamResponse:
        selector = dict(part.split("=", 1) for part in request.params.get("labelSelector", "").split(",") if part)
        items = [
            held.raw
            for (resource, namespace, _), held in self._objects.items()
            if resource == request.resource and namespace == request.namespace and not held.deleted
        ]
        found = [item for item in items if selector.items() <= (item["metadata"].get("labels") or {}).items()]
        return web.json_response({"items": found, "metadata": {"resourceVersion": str(self.version)}})

    def _replace(self, request: kmock.Request) -> web.StreamResponse:
        if (answer := self._wrong_times(request)) is not None:
            return answer
        self._stamp(request.data)
        self._objects[self._key(request)] = request.data
        return web.json_response(request.data)

    async def _scale(self, request: kmock.Request, held: JSON) -> web.StreamResponse:
        if request.method.value == "PATCH":
            if set(request.data) - {"metadata", "spec"} or set(request.data["spec"]) != {"replicas"}:
                return _failure(422, "Invalid", "a scale has replicas and no more")
            self._stamp(request.data)
            self._objects[self._key(request)].patch(request.data)
            held = self._objects[self._key(request)].raw
        labels = held["spec"]["selector"]["matchLabels"]
        replicas = held["spec"]["replicas"]
        return web.json_response(
            {
                "kind": "Scale",
                "apiVersion": "autoscaling/v1",
                "metadata": {"name": request.name, "resourceVersion": held["metadata"]["resourceVersion"]},
                "spec": {"replicas": replicas} if replicas else {},
                "status": {
                    "replicas": replicas,
                    "selector": ",".join(f"{name}={value}" for name, value in labels.items()),
                },
            }
        )

    def _wrong_times(self, request: kmock.Request) -> web.Response | None:
        times = [request.data.get("spec", {}).get(name) for name in ("renewTime", "acquireTime")]
        wrong = [one for one in times if one is not None and _MICRO_TIME.fullmatch(one) is None]
        return _failure(400, "BadRequest", f"parsing time {wrong[0]!r}") if wrong else None


@dataclass
class Standin:
    """A running emulator, and short words for what tests put in and look for."""

    emulator: Emulator
    url: str
    labels: Mapping[str, str] = field(default_factory=lambda: {"app": "render"})

    def api(self) -> client.ApiClient:
        """A client of the real library."""
        configuration = client.Configuration(host=self.url)
        configuration.retries = 0
        return client.ApiClient(configuration)

    def kubeconfig(self) -> JSON:
        """The content of a kubeconfig file for it."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "standin", "cluster": {"server": self.url}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "standin", "context": {"cluster": "standin", "user": "nobody"}}],
            "current-context": "standin",
        }

    def add_deployment(self, replicas: int, name: str = "render") -> None:
        self._put(
            "apps/v1/deployments",
            name,
            {"spec": {"replicas": replicas, "selector": {"matchLabels": dict(self.labels)}}},
        )

    def add_pod(self, name: str, labels: Mapping[str, str] | None = None, **metadata: Any) -> None:
        wanted = dict(self.labels if labels is None else labels)
        self._put("v1/pods", name, {"metadata": {"labels": wanted, **metadata}, "status": {"phase": "Running"}})

    def remove_pod(self, name: str) -> None:
        self.emulator.objects["v1/pods", NAMESPACE, name].delete()

    def object(self, resource: str, name: str) -> JSON:
        found: JSON = self.emulator.objects[resource, NAMESPACE, name].raw
        return found

    @property
    def replicas(self) -> int:
        return int(self.object("apps/v1/deployments", "render")["spec"]["replicas"])

    def annotations(self, pod: str) -> JSON:
        return dict(self.object("v1/pods", pod)["metadata"].get("annotations") or {})

    def writes(self) -> list[str]:
        """What was changed, in order, the lease left out."""
        return [str(call) for call in self.emulator.calls if call.method != "GET" and "/leases" not in call.path]

    def _put(self, resource: str, name: str, content: JSON) -> None:
        self.emulator.version += 1
        metadata = {"name": name, "namespace": NAMESPACE, "resourceVersion": str(self.emulator.version)}
        self.emulator.objects[resource, NAMESPACE, name] = {
            **content,
            "metadata": {**metadata, **content.get("metadata", {})},
        }


@contextmanager
def running_standin() -> Iterator[Standin]:
    """A stand-in on a free port, served by a thread of its own."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()
    found: list[Standin] = []

    async def serve() -> None:
        emulator = Emulator()
        for resource in _RESOURCES:
            emulator.resources[resource] = kmock.ResourceInfo(namespaced=True)
        async with emulator, kmock.Server(emulator) as server:
            found.append(Standin(emulator, str(server.url).rstrip("/")))
            ready.set()
            await stop.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="kubernetes-standin")
    thread.start()
    try:
        assert ready.wait(20)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
