"""What a cluster has on its machines, without the machines: nodes that are ready, and pods that are as if they ran.

The scheduler binds the pods for real; here they are then said to run and to be ready, those of Jobs to have succeeded,
volumes are there when they are claimed, and a pod that is to end has ended. **No container of ours runs**: images,
probes, security contexts, network policies and volumes are not tried by this, only that the API server, the controllers
and the scheduler take them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from tests.deploy.control_plane import ControlPlane

JSON = dict[str, Any]
_EVERY_S = 0.3


class FakeKubelet:
    """Machines for a control plane."""

    def __init__(self, plane: ControlPlane, machines: int = 3) -> None:
        self._url = plane.url
        self._pool = urllib3.PoolManager(
            ca_certs=str(plane.authority), headers={"Authorization": "Bearer administrator"}
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake-kubelet")
        self._addresses = 0
        self.failures: list[Exception] = []
        self._call(
            "POST",
            "/apis/storage.k8s.io/v1/storageclasses",
            {
                "metadata": {
                    "name": "standard",
                    "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                },
                "provisioner": "kubernetes.io/no-provisioner",
            },
        )
        for number in range(machines):
            self._add_machine(f"machine-{number}")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._pool.clear()

    def _call(self, method: str, path: str, body: JSON | None = None, kind: str = "application/json") -> JSON:
        answer = self._pool.request(
            method,
            self._url + path,
            body=None if body is None else json.dumps(body),
            headers={**self._pool.headers, "Content-Type": kind},
            retries=False,
        )
        content = answer.json()
        if answer.status >= 400 and answer.status not in {404, 409}:
            raise AssertionError(f"{method} {path}: {content}")
        return dict(content)

    def _patch(self, path: str, body: JSON) -> None:
        self._call("PATCH", path, body, "application/strategic-merge-patch+json")

    def _add_machine(self, name: str) -> None:
        room = {"cpu": "64", "memory": "512Gi", "pods": "200", "ephemeral-storage": "1Ti"}
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        self._call("POST", "/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})
        # a new machine is tainted until its kubelet has reported
        self._call("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}}, "application/merge-patch+json")
        ready = {"type": "Ready", "status": "True", "reason": "Fake", "message": "no kubelet"}
        self._patch(
            f"/api/v1/nodes/{name}/status", {"status": {"capacity": room, "allocatable": room, "conditions": [ready]}}
        )

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            try:
                for claim in self._call("GET", "/api/v1/persistentvolumeclaims")["items"]:
                    self._provide(claim)
                for pod in self._call("GET", "/api/v1/pods")["items"]:
                    self._move_on(pod)
            except Exception as error:  # told at the end of the test
                self.failures.append(error)

    def _provide(self, claim: JSON) -> None:
        if claim["status"].get("phase") != "Pending" or claim["spec"].get("volumeName"):
            return
        metadata, spec = claim["metadata"], claim["spec"]
        self._call(
            "POST",
            "/api/v1/persistentvolumes",
            {
                "metadata": {"name": f"pv-{metadata['uid']}"},
                "spec": {
                    "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                    "accessModes": spec["accessModes"],
                    "storageClassName": spec.get("storageClassName", ""),
                    "hostPath": {"path": "/nowhere"},
                    "claimRef": {
                        "namespace": metadata["namespace"],
                        "name": metadata["name"],
                        "uid": metadata["uid"],
                    },
                },
            },
        )

    def _move_on(self, pod: JSON) -> None:
        metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if "deletionTimestamp" in metadata:
            if spec.get("nodeName"):
                self._call("DELETE", path, {"gracePeriodSeconds": 0})
            return
        if not spec.get("nodeName") or status.get("phase") in {"Running", "Succeeded", "Failed"}:
            return
        owners = {owner["kind"] for owner in metadata.get("ownerReferences", [])}
        done = "Job" in owners
        self._addresses += 1
        now = metadata["creationTimestamp"]
        ran: JSON = {"terminated": {"exitCode": 0, "finishedAt": now}} if done else {"running": {"startedAt": now}}
        containers = [
            {
                "name": one["name"],
                "image": one["image"],
                "imageID": "",
                "ready": not done,
                "restartCount": 0,
                "state": ran,
            }
            for one in spec["containers"]
        ]
        conditions = [{"type": kind, "status": "False" if done else "True"} for kind in ("Ready", "ContainersReady")]
        self._patch(
            f"{path}/status",
            {
                "status": {
                    "phase": "Succeeded" if done else "Running",
                    "podIP": f"10.200.{self._addresses // 250}.{self._addresses % 250 + 1}",
                    "startTime": now,
                    "conditions": [*conditions, {"type": "Initialized", "status": "True"}],
                    "containerStatuses": containers,
                }
            },
        )


@contextmanager
def running_fake_kubelet(plane: ControlPlane, machines: int = 3) -> Iterator[FakeKubelet]:
    """Machines until the end; what failed there fails the test."""
    kubelet = FakeKubelet(plane, machines)
    kubelet.start()
    try:
        yield kubelet
    finally:
        kubelet.stop()
    assert kubelet.failures == []
