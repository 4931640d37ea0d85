"""The chart's pods, as helm renders them, in containers of the real images: what a kubelet does, with podman.

Nothing of a container is changed: command, arguments, environment, files, user, ports and probes are the chart's. The
cluster's DNS is a list of hosts; the database's server is one of this machine, reached by a relay.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.deploy import chart
from tests.deploy.pod_network import PodNetwork
from tests.deploy.podman import WRITABLE, Container, Done, Mount, Podman
from tests.support.waiting import eventually

DATABASE_HOST = "database.hospital.example"
SECRETS = {
    "internal-token": "join-secret-of-the-house",
    "control-database-password": "password of the control node",
    "storage-database-password": "password of storage nodes",
    "master-database-password": "password of the master",
}
START_WITHIN_S = 600  # on a busy machine of two cores, all at once; as long as the chart gives a storage node
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


@dataclass(frozen=True)
class Pod:
    """One that runs: its first container, and what the chart says of it."""

    name: str
    address: str
    network: str
    container: Container
    spec: Mapping[str, Any]
    grace_s: int

    def passes(self, kind: str) -> bool:
        """Do as the kubelet does with this probe."""
        assert self.container.is_running(), self.container.output()
        probe = self.spec[kind]
        ports = {port["name"]: port["containerPort"] for port in self.spec["ports"]}
        if "httpGet" in probe:
            try:
                url = f"http://{self.address}:{ports[probe['httpGet']['port']]}{probe['httpGet']['path']}"
                return requests.get(url, timeout=5).status_code == 200
            except (requests.ConnectionError, requests.Timeout):
                return False
        if "tcpSocket" in probe:
            with socket.socket() as knock:
                return knock.connect_ex((self.address, ports[probe["tcpSocket"]["port"]])) == 0
        return self.container.run(*probe["exec"]["command"]).code == 0

    def stop(self) -> int:
        """End it as a kubelet does; returns the exit code."""
        hook = self.spec.get("lifecycle", {}).get("preStop")
        if hook is not None:
            assert self.container.run(*hook["exec"]["command"][:1], "0").code == 0, "the hook's program is not there"
        return self.container.stop(self.grace_s)


@dataclass
class Cluster:
    """Pods of a rendered chart.

    Parameters
    ----------
    podman, network
        What they run in.
    documents
        What helm rendered; images without a registry.
    folder
        For the volumes.
    """

    podman: Podman
    network: PodNetwork
    documents: Sequence[chart.Manifest]
    folder: Path
    addresses: dict[str, str] = field(default_factory=dict)  # of pods, by component and number

    def __post_init__(self) -> None:
        number = 2
        for workload, pod in chart.pods(self.documents):
            if workload["kind"] != "Job":
                for one in range(workload["spec"].get("replicas", 1)):
                    self.addresses[f"{chart.component_of(pod)}-{one}"] = self.network.address(number)
                    number += 1
        (self.folder / "secrets").mkdir(parents=True)

    @property
    def hosts(self) -> dict[str, str]:
        """Return the cluster's DNS: each Service's names at its first pod, each storage node's at itself."""
        full = f"{chart.NAMESPACE}.svc.cluster.local"
        result = {DATABASE_HOST: self.network.gateway}
        for key, address in self.addresses.items():
            component, _, number = key.rpartition("-")
            service = f"{chart.FULL_NAME}-{component}"
            if component == "storage-node":
                result[f"{service}-{number}.{service}.{full}"] = address
            elif number == "0":
                result |= {service: address, f"{service}.{full}": address}
        return result

    def job(self) -> dict[str, Done]:
        """Run the migration to its end; returns what each step said."""
        [pod] = [pod for workload, pod in chart.pods(self.documents) if workload["kind"] == "Job"]
        network = self.network.add(250)
        return {one["name"]: self._run_to_the_end(pod, one, "migration-x", network) for one in chart.containers(pod)}

    @contextmanager
    def running(self, component: str, number: int = 0) -> Iterator[Pod]:
        """Run one pod, those containers first that run before; ready when the block begins."""
        [(workload, template)] = [
            (workload, pod)
            for workload, pod in chart.pods(self.documents)
            if workload["kind"] != "Job" and chart.component_of(pod) == component
        ]
        address = self.addresses[f"{component}-{number}"]
        name = f"{workload['metadata']['name']}-{number}"
        network = self.network.add(int(address.rpartition(".")[2]))
        for first in template["spec"].get("initContainers", []):
            done = self._run_to_the_end(template, first, name, network)
            assert done.code == 0, done.output
        [spec] = template["spec"]["containers"]
        command = [*spec.get("command", []), *spec.get("args", [])]
        wishes = self._wishes(template, spec, name, address)
        with self.podman.running(
            f"{self.network.bridge}-{name}", f"localhost/{spec['image']}", command, network=network, **wishes
        ) as container:
            grace_s = template["spec"]["terminationGracePeriodSeconds"]
            pod = Pod(name, address, network, container, spec, grace_s)
            for kind in PROBES:
                eventually(lambda kind=kind: pod.passes(kind), START_WITHIN_S, f"{kind} of {name}")  # type: ignore[misc]
            yield pod

    def to_the_end(self, component: str) -> Done:
        """Run the container of a pod that is to end by itself."""
        [template] = [
            pod
            for workload, pod in chart.pods(self.documents)
            if workload["kind"] != "Job" and chart.component_of(pod) == component
        ]
        [spec] = template["spec"]["containers"]
        return self._run_to_the_end(template, spec, f"{component}-0", "none")

    def _run_to_the_end(self, pod: Mapping[str, Any], container: Mapping[str, Any], name: str, network: str) -> Done:
        command = [*container["command"], *container.get("args", [])]
        wishes = self._wishes(pod, container, name, "")
        image = f"localhost/{container['image']}"
        return self.podman.run(image, *command, entrypoint=False, network=network, **wishes)

    def _wishes(self, pod: Mapping[str, Any], container: Mapping[str, Any], name: str, address: str) -> dict[str, Any]:
        """Return what podman is asked for beside image and command; the rest is what `CONFINED` says."""
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is security["runAsNonRoot"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        fields = {"metadata.name": name, "status.podIP": address}
        mounts = [
            mount
            for wanted in container["volumeMounts"]
            for mount in self._mounts(pod, wanted, name)
            if wanted["name"] != "tmp"
        ]
        assert [one["name"] for one in container["volumeMounts"] if one["mountPath"] == WRITABLE] == ["tmp"]
        return {
            "environ": chart.environment(container, fields),
            "mounts": mounts,
            "hosts": self.hosts,
            "user": f"{security['runAsUser']}:{security['runAsGroup']}",
        }

    def _mounts(self, pod: Mapping[str, Any], wanted: Mapping[str, Any], name: str) -> list[Mount]:
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        folder = self.folder / f"{name}-{wanted['name']}"
        folder.mkdir(exist_ok=True)
        group = pod["spec"].get("securityContext", {}).get("fsGroup", 0)
        os.chown(folder, 0, group)
        folder.chmod(0o2775)
        volume = volumes.get(wanted["name"])
        if volume is None:  # a claim
            return [Mount(folder, wanted["mountPath"], read_only=False)]
        if "projected" in volume:
            for source in volume["projected"]["sources"]:
                for item in source["secret"]["items"]:
                    file = folder / item["path"]
                    file.write_text(SECRETS[item["key"]])
                    os.chown(file, 0, group)
                    file.chmod(volume["projected"]["defaultMode"])
        elif "configMap" in volume:
            [found] = [
                one["data"]
                for one in self.documents
                if one["kind"] == "ConfigMap" and one["metadata"]["name"] == volume["configMap"]["name"]
            ]
            for key, text in found.items():
                (folder / key).write_text(text)
        here = folder / wanted["subPath"] if "subPath" in wanted else folder
        return [Mount(here, wanted["mountPath"], read_only=wanted.get("readOnly", False))]
