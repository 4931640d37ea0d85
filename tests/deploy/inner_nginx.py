"""The chart's inner Nginx, rendered by helm and run on loopback: only ports, folders and addresses differ."""

from __future__ import annotations

import json
import re
import subprocess
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.ports import free_port
from tests.support.unified_server import ROOT
from tests.support.waiting import eventually

NGINX = "/usr/sbin/nginx"
RELEASE, NAMESPACE = "house", "hospital"
FUNCTIONS = ("auth", "admin", "studies", "settings", "render", "events", "nodes")


def render(*, mode: str = "deployment", trusted_proxies: Sequence[str] = (), more: Sequence[str] = ()) -> str:
    """Return the configuration as the chart has it."""
    command = [str(ROOT / "tools/with_helm.sh"), "helm", "template", RELEASE, str(ROOT / "helm/web-viewer")]
    command += ["--namespace", NAMESPACE, "--show-only", "templates/nginx/configmap.yaml"]
    command += ["--set", "database.host=database", "--set", f"functions.mode={mode}"]
    command += ["--set-json", f"nginx.trustedProxies={json.dumps(list(trusted_proxies))}"]
    for function in more:
        command += ["--set-json", f'functions.table.{function}={{"scalesToZero": true, "reaches": []}}']
    made = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    return textwrap.dedent(made.split("nginx.conf: |\n", 1)[1])


@dataclass(frozen=True)
class InnerNginx:
    """A running one."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Return where the product is."""
        return f"http://127.0.0.1:{self.port}/web-viewer"

    def output(self) -> str:
        """Return all that it wrote."""
        return (self.folder / "output").read_text()

    def access_log(self) -> list[dict[str, str]]:
        """Return the lines of the access log."""
        return [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]


@contextmanager
def running(
    folder: Path,
    ports: Mapping[str, int],
    *,
    pages: Path = ROOT / "html/dist",
    mode: str = "deployment",
    trusted_proxies: Sequence[str] = (),
    more: Sequence[str] = (),
) -> Iterator[InnerNginx]:
    """Run Nginx before functions at these ports of loopback.

    Parameters
    ----------
    folder
        An empty folder for its files.
    ports
        Port by function; what is left out gets a port that nobody listens on.
    pages
        The built pages.
    mode, trusted_proxies
        Values of the chart.
    more
        Functions beside those of the chart.
    """
    text = render(mode=mode, trusted_proxies=trusted_proxies, more=more)
    for function in (*FUNCTIONS, *more):
        address = f"127.0.0.1:{ports.get(function) or free_port()}"
        pattern = rf"server {RELEASE}-web-viewer-{function}(\.{NAMESPACE}\.svc)?:\d+ "
        text, count = re.subn(pattern, f"server {address} ", text)
        assert count == 2, f"{function} stands {count} times in the configuration"
    text = text.replace(" /tmp/", f" {folder}/")
    port = free_port()
    for old, new in (
        ("listen 8080 ", f"listen 127.0.0.1:{port} "),
        ("root /usr/share/web-viewer/html;", f"root {pages};"),
        ("access_log /dev/stdout ", f"access_log {folder}/output "),
        ("error_log /dev/stderr ", f"error_log {folder}/output "),
    ):
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the configuration"
        text = text.replace(old, new)
    file = folder / "nginx.conf"
    file.write_text(text)
    command = [NGINX, "-e", f"{folder}/output", "-c", str(file), "-g", "daemon off; master_process off;"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    started = InnerNginx(port, folder)
    try:

        def answers() -> bool:
            assert process.poll() is None, started.output()
            try:
                return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok
            except requests.ConnectionError:
                return False

        eventually(answers, 15, "an answer of Nginx")
        yield started
    finally:
        process.terminate()
        process.wait(10)
