"""Nginx with a configuration of ``nginx/``, in a folder of its own: only addresses and paths differ from the file.

::

    with running_nginx("http-static.conf", [f"127.0.0.1:{server.port}"], tmp_path / "nginx") as proxy:
        requests.get(f"{proxy.url('http')}/v2/health/live")
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.ports import free_port
from tests.support.waiting import eventually
from tools.nginx import MANUAL_PREFIX, Layout, lay_out

SECRET = "nobody may read this"


@dataclass(frozen=True)
class Proxy:
    """A running Nginx; `host` is what people type."""

    layout: Layout
    host: str = "127.0.0.1"

    @property
    def prefix(self) -> str:
        return self.layout.prefix

    @property
    def http_port(self) -> int:
        return self.layout.http_port

    def port(self, scheme: str) -> int:
        return self.layout.https_port if scheme in {"https", "wss"} else self.layout.http_port

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://{self.host}:{self.port(scheme)}{self.prefix}"

    def visitor(self) -> requests.Session:
        """Return a client that trusts this Nginx's certificate and no other."""
        session = requests.Session()
        session.trust_env = False  # a variable of the machine would win over the next line
        session.verify = str(self.layout.folder / "ssl/certificate.crt")
        return session

    def logs(self) -> str:
        """Return all that Nginx ever wrote."""
        return "\n".join(file.read_text("utf-8") for file in sorted((self.layout.folder / "logs").glob("*.log")))


@contextmanager
def running_nginx(
    configuration: str,
    servers: Sequence[str],
    folder: Path,
    *,
    prefix: str = MANUAL_PREFIX,
    extra: str = "",
    changes: Sequence[tuple[str, str]] = (),
    host: str = "127.0.0.1",
) -> Iterator[Proxy]:
    """Run Nginx until the block ends.

    Parameters
    ----------
    configuration
        Name of the file.
    servers
        ``host:port`` of what it stands before.
    folder
        Made; files named ``…secret…`` are laid beside what it serves.
    prefix, extra
        As for `tools.nginx.lay_out`.
    changes
        Further replacements in the configuration and its parts: old text, which must be there, and new.
    host
        The name by which the tests call it.
    """
    layout = Layout(folder, configuration, free_port(), free_port(), prefix)
    lay_out(layout, servers, extra=extra)
    for old, new in changes:
        files = [file for file in (folder / "conf").rglob("*.conf") if old in file.read_text("utf-8")]
        assert files, f"{old!r} stands nowhere in {configuration}"
        for file in files:
            file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    # The last one is not under the path of the pages, the others under no path at all.
    for place in ("secret.txt", "conf/secret.txt", "html-secret.txt", "html/neighbour.txt"):
        (folder / place).write_text(SECRET)
    proxy = Proxy(layout, host)
    process = subprocess.Popen(layout.command(), stderr=subprocess.DEVNULL)
    try:

        def answers() -> bool:
            assert process.poll() is None, layout.error_log.read_text("utf-8")
            try:
                requests.get(f"http://127.0.0.1:{layout.http_port}/", timeout=5, allow_redirects=False)
            except requests.ConnectionError:
                return False
            return True

        eventually(answers, 15, "an answer of Nginx")
        yield proxy
        assert process.poll() is None, layout.error_log.read_text("utf-8")
    finally:
        process.terminate()
        process.wait(10)
