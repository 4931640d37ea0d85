"""A real Kubernetes control plane of our own for one test: etcd, API server, controller manager and scheduler.

All four are one Go program (``tests/deploy/kubernetes``), built once into ``build/kubernetes``: some seven minutes on
two cores without Go's cache. What is missing is a kubelet: `tests.deploy.fake_kubelet` says what stands in for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from tests.deploy.controller_process import ROOT
from tests.support.ports import free_port

SOURCE = ROOT / "tests/deploy/kubernetes"
PROGRAM = ROOT / "build/kubernetes/cluster"
VERSION = "1.34.4"  # what go.mod requires


def build() -> None:
    """Build the control plane if it is older than its source."""
    sources = [SOURCE / name for name in ("main.go", "go.mod", "go.sum")]
    if PROGRAM.exists() and PROGRAM.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return
    major, minor, _ = VERSION.split(".")
    names = {"gitVersion": f"v{VERSION}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in names.items())
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {flags}", "-o", str(PROGRAM), "."],
        cwd=SOURCE,
        env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"},
        check=True,
    )


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """A running one."""

    url: str
    kubeconfig: Path
    authority: Path
    folder: Path

    def kubectl(self, *arguments: str, stdin: str = "", check: bool = True) -> str:
        """Run kubectl as the cluster's administrator and return what it says."""
        return self._run(["kubectl", *arguments], stdin, check)

    def helm(self, *arguments: str) -> str:
        """Run helm as the cluster's administrator."""
        return self._run(["helm", *arguments], "", check=True)

    def get(self, *arguments: str) -> Any:
        """Return what kubectl gets, as data."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def kubeconfig_of(self, account: str, namespace: str) -> Path:
        """Write a kubeconfig that is a service account's and nobody else's."""
        token = self.kubectl("create", "token", account, "-n", namespace, "--duration=2h").strip()
        return _write_kubeconfig(self.folder / f"{account}.kubeconfig", self.url, self.authority, token)

    def _run(self, command: Sequence[str], stdin: str, check: bool) -> str:
        done = subprocess.run(
            [str(ROOT / "tools/with_helm.sh"), *command],
            input=stdin,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.stderr}{done.stdout}"
        return done.stdout


def _write_kubeconfig(file: Path, url: str, authority: Path, token: str) -> Path:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": str(authority)}}],
        "users": [{"name": "one", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "one"}}],
        "current-context": "test",
    }
    file.write_text(json.dumps(content))
    file.chmod(0o600)
    return file


@contextmanager
def running_control_plane(folder: Path) -> Iterator[ControlPlane]:
    """Start one on free ports of loopback; at the end nothing of it is left."""
    build()
    folder.mkdir(parents=True, exist_ok=True)
    etcd, peer, api, manager, scheduler = (free_port() for _ in range(5))
    key, tokens, pki = folder / "accounts.key", folder / "tokens.csv", folder / "pki"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    tokens.write_text("administrator,admin,admin,system:masters\n")
    url, local, etcd_url = f"https://127.0.0.1:{api}", "127.0.0.1", f"http://127.0.0.1:{etcd}"
    authority = pki / "apiserver.crt"
    plane = ControlPlane(url, folder / "admin.kubeconfig", authority, folder)
    parts: list[subprocess.Popen[bytes]] = []

    def start(name: str, *flags: str) -> None:
        with (folder / f"{name}.log").open("wb") as log:
            parts.append(subprocess.Popen([str(PROGRAM), name, *flags], stdout=log, stderr=log, cwd=folder))

    try:
        start(
            "etcd",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={etcd_url}",
            f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls=http://{local}:{peer}",
            f"--initial-advertise-peer-urls=http://{local}:{peer}",
            f"--initial-cluster=default=http://{local}:{peer}",
            "--unsafe-no-fsync",
        )
        start(
            "kube-apiserver",
            f"--etcd-servers={etcd_url}",
            f"--secure-port={api}",
            f"--bind-address={local}",
            f"--cert-dir={pki}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={tokens}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",
        )
        _wait_for(f"{url}/readyz", authority, parts)
        _write_kubeconfig(plane.kubeconfig, url, authority, "administrator")
        common = (f"--kubeconfig={plane.kubeconfig}", "--leader-elect=false", f"--bind-address={local}")
        start(
            "kube-controller-manager",
            *common,
            f"--secure-port={manager}",
            f"--cert-dir={pki}",
            f"--service-account-private-key-file={key}",
            f"--root-ca-file={authority}",
            "--use-service-account-credentials",
            "--controllers=*,-node-lifecycle-controller",  # nodes without a kubelet would be taken for dead
        )
        start("kube-scheduler", *common, f"--secure-port={scheduler}", f"--cert-dir={pki}")
        yield plane
    finally:
        for part in reversed(parts):
            part.terminate()
        for part in parts:
            with contextlib.suppress(subprocess.TimeoutExpired):
                part.wait(10)
            part.kill()
            part.wait()


def _wait_for(url: str, authority: Path, parts: Sequence[subprocess.Popen[bytes]], within_s: float = 90.0) -> None:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        for part in parts:
            assert part.poll() is None, f"{part.args!r}: see {authority.parent.parent}"
        if authority.exists():  # the API server signs one for itself
            with (
                contextlib.suppress(urllib3.exceptions.HTTPError, OSError),
                urllib3.PoolManager(ca_certs=str(authority)) as pool,
            ):
                answer = pool.request("GET", url, headers={"Authorization": "Bearer administrator"}, retries=False)
                if answer.status == 200:
                    return
        time.sleep(0.3)
    raise AssertionError(f"{url} is not ready within {within_s:g} s: see {authority.parent.parent}")
