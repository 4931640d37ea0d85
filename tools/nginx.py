"""A folder in which Nginx runs one of the configurations of ``nginx/`` as it stands, but for addresses and paths."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NGINX = "/usr/sbin/nginx"
ROOT = Path(__file__).resolve().parents[1]
MANUAL_PREFIX = "/web-viewer"

_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True)
class Layout:
    """Where Nginx listens and what it runs in; below ``folder``: ``conf``, ``html``, ``logs``, ``ssl``."""

    folder: Path
    configuration: str
    http_port: int
    https_port: int
    prefix: str = MANUAL_PREFIX
    """Path of the pages; the file that passes everything on has none."""

    @property
    def error_log(self) -> Path:
        """What Nginx says of its start."""
        return self.folder / "logs/error.log"

    @property
    def access_log(self) -> Path:
        """One line a request."""
        return self.folder / "logs/access.log"

    def command(self) -> tuple[str, ...]:
        """Return the command line; one process in the foreground, which ends at SIGTERM."""
        directives = f"daemon off; master_process off; pid {self.folder}/logs/nginx.pid; error_log {self.error_log};"
        return (NGINX, "-e", str(self.error_log), "-p", f"{self.folder}/", "-c", "conf/nginx.conf", "-g", directives)


def lay_out(
    layout: Layout,
    servers: Sequence[str],
    *,
    pages: Path = ROOT / "html/dist",
    extra: str = "",
    inner: tuple[int, Sequence[str]] | None = None,
    private_logs: bool = False,
    hardened_headers: bool = False,
) -> None:
    """Make the folder; a certificate that is there already stays.

    Parameters
    ----------
    layout
        What to make.
    servers
        ``host:port`` of each replica of the control node, or of the one server.
    pages
        What is copied into Nginx's ``html/web-viewer``.
    extra
        More lines for each ``server`` block that proxies, for instance an ``include``.
    inner
        A port of loopback that passes all on to some ``host:port``: one address for the nodes of a system with several
        replicas of the control node.
    private_logs
        Whether logs are without queries, in which the names stand that doctors search for; as printed they have them.
    hardened_headers
        Whether headers are those of ``hardened.conf``, to the server and to the browser. Without HSTS: nobody wants a
        ``localhost`` that is bound to HTTPS for a year.
    """
    for name in ("conf", "ssl", "logs"):
        (layout.folder / name).mkdir(parents=True, exist_ok=True)
    (layout.folder / "logs").chmod(0o750)
    target = layout.folder / "html/web-viewer"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(pages, target)
    snippets = layout.folder / "conf/web-viewer"
    shutil.rmtree(snippets, ignore_errors=True)
    snippets.mkdir()
    for file in sorted((ROOT / "nginx/web-viewer").glob("*.conf")):
        (snippets / file.name).write_text(_moved(file.read_text("utf-8"), layout), "utf-8")
    text = _moved((ROOT / "nginx" / layout.configuration).read_text("utf-8"), layout)
    inside = "".join(f"    {kind}_temp_path {layout.folder}/{kind};\n" for kind in _TEMPORARY)
    if private_logs:
        inside += "    include web-viewer/private-logs.conf;\n"
    elif "private-logs.conf" not in text:
        inside += f"    access_log {layout.access_log};\n"
    if hardened_headers:
        file = snippets / "security-headers.conf"
        file.write_text(re.sub(r"^add_header Strict-Transport-Security .*\n", "", file.read_text("utf-8"), flags=re.M))
        inside += "    include web-viewer/security-headers.conf;\n"
        text = _with_hardened_proxy(text)
    if len(servers) == 1:
        text = text.replace("http://127.0.0.1:8090", f"http://{servers[0]}")
    else:
        inside += _upstream("control", servers)
        text = text.replace("http://127.0.0.1:8090", "http://control")
    if inner is not None:
        inside += _upstream("control_internal", inner[1])
        passed = "location / { proxy_pass http://control_internal; proxy_http_version 1.1; }"
        inside += f"    server {{\n        listen 127.0.0.1:{inner[0]};\n        {passed}\n    }}\n"
    text = text.replace("http {\n", f"http {{\n{inside}", 1)
    if extra:
        text = re.sub(r"^( *server_name localhost;.*\n)", rf"\g<1>{extra}\n", text, flags=re.MULTILINE)
    (layout.folder / "conf/nginx.conf").write_text(text, "utf-8")
    if not (layout.folder / "ssl/certificate.crt").exists():
        make_certificate(layout.folder / "ssl")


def make_certificate(folder: Path) -> None:
    """Make ``privateKey.key`` and ``certificate.crt`` with the manual's command (4.1.4), its questions answered."""
    command = ["openssl", "req", "-x509", "-sha256", "-nodes", "-days", "365", "-newkey", "rsa:2048"]
    command += ["-keyout", "privateKey.key", "-out", "certificate.crt"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "privateKey.key").chmod(0o600)


def _upstream(name: str, servers: Sequence[str]) -> str:
    # A replica that does not answer is left out for a second, not for Nginx's ten.
    members = "".join(f"        server {server} fail_timeout=1s;\n" for server in servers)
    return f"    upstream {name} {{\n{members}    }}\n"


def _with_hardened_proxy(text: str) -> str:
    """Put the hardened file's headers to the server in the place of a configuration's own."""
    text = re.sub(r"^ *proxy_(http_version|set_header|buffering|request_buffering) .*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^( *)(proxy_pass .*\n)", r"\1\2\1include web-viewer/proxy.conf;\n", text, flags=re.MULTILINE)


def _moved(text: str, layout: Layout) -> str:
    """Put ports, logs and the path of the pages in; the names of folders stay."""
    text = re.sub(r"\blisten 8888\b", f"listen 127.0.0.1:{layout.http_port}", text)
    text = re.sub(r"\blisten 8889\b", f"listen 127.0.0.1:{layout.https_port}", text)
    text = re.sub(r":8889\$request_uri", f":{layout.https_port}$request_uri", text)
    text = text.replace("/var/log/nginx/", f"{layout.folder}/logs/")
    if layout.prefix not in {MANUAL_PREFIX, ""}:
        text = re.sub(rf"(?<![\w.]){re.escape(MANUAL_PREFIX)}(?=[/ ;])", layout.prefix, text)
    return text
