"""The commands of ``docs/operate.md`` for a cluster, as printed, with a real Kubernetes API: `make prove-k8s`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.deploy import chart
from tests.deploy.control_plane import running_control_plane
from tests.deploy.fake_kubelet import running_fake_kubelet
from tests.deploy.operate_guide import at

pytestmark = [pytest.mark.prove, pytest.mark.kubernetes, pytest.mark.timeout(5400)]


def test_the_commands_for_a_cluster_install_what_they_say(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "helm").symlink_to(chart.ROOT / "helm")
    with running_control_plane(tmp_path / "plane") as plane, running_fake_kubelet(plane):
        environ = {**os.environ, "KUBECONFIG": str(plane.kubeconfig), "HOME": str(tmp_path)}
        for block in at("kubernetes"):
            done = subprocess.run(
                [str(chart.ROOT / "tools/with_helm.sh"), "sh", "-ec", block.script],
                cwd=checkout,
                env=environ,
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            assert done.returncode == 0, f"{block.name}: {done.stderr}{done.stdout}"
        for namespace, databases in (("trial", 1), ("viewer", 0)):
            found = plane.get("statefulsets", "-n", namespace, "-l", "app.kubernetes.io/component=postgresql")["items"]
            assert len(found) == databases
