"""A control node in a process of its own, and a browser's view of it.

A ``conftest.py`` that wants them says::

    from tests.support.databases import postgresql_server
    from tests.support.http_client import control
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from tests.support.control_process import CHEAP
from tests.support.databases import PostgresqlServer
from tests.support.ports import free_port
from webviewer.adapters.crypto import Argon2Hasher
from webviewer.bootstrap import create_database, unit_of_work_factory
from webviewer.config import DatabaseDriver, DatabaseSettings, Settings, load_settings
from webviewer.core.process import Lifeline
from webviewer.placement import HEARTBEAT_S
from webviewer.usecases.accounts import Accounts
from webviewer.usecases.clock import system_clock
from webviewer.usecases.unit_of_work import ControlUnitOfWorkFactory

PASSWORD = "right horse"
INTERNAL_TOKEN = "internal-token-of-the-tests"
START_TIMEOUT_S = 120.0  # on a machine that does much else
ANSWER_TIMEOUT_S = 60.0
ROOT = Path(__file__).resolve().parents[2]

PAGE = "<!doctype html><title>{name}</title>"


@dataclass
class Browser:
    """A browser with its cookies; keeps the CSRF token and says its address as a proxy would."""

    base: str
    address: str
    http: requests.Session = field(default_factory=requests.Session)
    csrf_token: str = ""

    @property
    def origin(self) -> str:
        return self.base

    def request(self, method: str, path: str, **options: object) -> requests.Response:
        headers = {"X-Forwarded-For": self.address, "Origin": self.origin, "X-CSRF-Token": self.csrf_token}
        headers |= dict(options.pop("headers", {}))  # type: ignore[call-overload]
        kept = {name: value for name, value in headers.items() if value}
        return self.http.request(
            method,
            self.base + path,
            headers=kept,
            allow_redirects=False,
            **{"timeout": ANSWER_TIMEOUT_S, **options},  # type: ignore[arg-type]  # values of many types
        )

    def get(self, path: str, **options: object) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: object) -> requests.Response:
        return self.request("POST", path, **options)

    def try_sign_in(self, user_name: str, password: str, **options: object) -> requests.Response:
        answer = self.post("/v2/auth/sign-in", json={"user_name": user_name, "password": password}, **options)
        if answer.ok:
            self.csrf_token = answer.json()["csrf_token"]
        return answer

    def sign_in(self, user_name: str, password: str) -> Browser:
        answer = self.try_sign_in(user_name, password)
        assert answer.status_code == 200, answer.text
        return self

    def ticket(self) -> str:
        answer = self.post("/v2/auth/ticket")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["ticket"])

    def open_events(self, ticket: str | None = None, **options: object) -> websocket.WebSocket:
        return websocket.create_connection(
            self.base.replace("http", "ws") + "/eventQueue",
            subprotocols=["webviewer.v1", f"ticket.{ticket or self.ticket()}"],
            timeout=ANSWER_TIMEOUT_S,
            **({"origin": self.origin} | options),  # type: ignore[arg-type]
        )


def receive_close(socket: websocket.WebSocket) -> tuple[int, str]:
    """Return code and reason of the close frame that comes next, past whatever else arrives before it."""
    try:
        while True:
            opcode, data = socket.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big"), data[2:].decode()
    finally:
        socket.shutdown()


@dataclass
class ControlServer:
    """A running control node."""

    settings: Settings
    units: ControlUnitOfWorkFactory
    accounts: Accounts
    process: subprocess.Popen[bytes]
    offset_file: Path
    log_file: Path
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    offset_s: float = 0.0
    reports: dict[str, dict[str, object]] = field(default_factory=dict)  # of the nodes that live, by identity

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.settings.control.port}"

    @property
    def internal(self) -> str:
        return f"http://127.0.0.1:{self.settings.control.internal_port}"

    def browser(self) -> Browser:
        """Return a new browser at an address of its own, so that tests do not slow each other down."""
        number = next(self.numbers)
        return Browser(self.base, f"10.9.{number // 250}.{number % 250 + 1}")

    def new_user(self, password: str = PASSWORD, **options: Any) -> str:
        """Make a user with a new name and return the name."""
        name = f"doctor_{next(self.numbers)}"
        self.accounts.create_user(name, password, **options)
        return name

    def signed_in(self, **options: Any) -> Browser:
        """Return a browser in which a new user has signed in."""
        return self.browser().sign_in(self.new_user(**options), PASSWORD)

    def internally(self, method: str, path: str, token: str = INTERNAL_TOKEN, **options: Any) -> requests.Response:
        """Ask the internal port as a node does."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        timeout_s = options.pop("timeout", ANSWER_TIMEOUT_S)
        return requests.request(method, self.internal + path, headers=headers, timeout=timeout_s, **options)

    def register(self, kind: str, address: str, identity: str = "", **more: object) -> int:
        """Make a node known that lives until `lose`; returns its number."""
        report = {"kind": kind, "identity": identity or address, "address": address, "version": "1", **more}
        self.reports[f"{kind} {identity or address}"] = report
        answer = self.internally("POST", "/internal/v1/nodes", json=report)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["node_id"])

    def lose(self, kind: str, identity: str) -> None:
        """Let a node send no heartbeat any more."""
        del self.reports[f"{kind} {identity}"]

    def beat(self) -> None:
        """Let the nodes that live say so."""
        for report in tuple(self.reports.values()):
            self.internally("POST", "/internal/v1/nodes", json=report)

    def advance(self, seconds: float) -> None:
        """Move the server's clock on; nodes that live go on with it."""
        self.offset_s += seconds
        fresh = self.offset_file.with_suffix(".new")
        fresh.write_text(str(self.offset_s))
        fresh.rename(self.offset_file)
        self.beat()

    def publish(self, *events: dict[str, object], token: str = INTERNAL_TOKEN) -> requests.Response:
        return self.internally("POST", "/internal/v1/events", token, json={"events": list(events)})

    def log_lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]


def make_pages(folder: Path) -> Path:
    """Write what a build of the pages looks like."""
    for name in ("index.html", "viewer/index.html", "admin/index.html"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(PAGE.format(name=name))
    (folder / "assets").mkdir()
    (folder / "assets/main-Ab12Cd34.js").write_text("1")
    (folder / "assets/boot.js").write_text("2")
    (folder / ".config.json").write_text('{"language": "pt"}')
    return folder


def start_control(
    folder: Path, database: DatabaseSettings, environ: dict[str, str] | None = None
) -> Iterator[ControlServer]:
    """Run a control node on free ports until the generator is closed; it leaves in time and without an error."""
    for name in ("store", "html"):
        (folder / name).mkdir(parents=True)
    make_pages(folder / "html")
    config = folder / "renderserverconfig.json"
    config.write_text(json.dumps({"storage": str(folder / "store")}))
    offset_file, log_file = folder / "offset", folder / "control.log"
    offset_file.write_text("0")
    variables = {
        "WEBVIEWER_PORT": str(free_port()),
        "WEBVIEWER_INTERNAL_PORT": str(free_port()),
        "WEBVIEWER_HTML": str(folder / "html"),
        "WEBVIEWER_INTERNAL_TOKEN": INTERNAL_TOKEN,
        "WEBVIEWER_DATABASE_DRIVER": database.driver.value,
        "WEBVIEWER_DATABASE_NAME": database.name,
        "WEBVIEWER_LOG_FILE": str(log_file),
        "WEBVIEWER_SESSION_IDLE_S": "3600",
    }
    if database.driver is DatabaseDriver.POSTGRESQL:
        variables |= {
            "WEBVIEWER_DATABASE_HOST": database.host,
            "WEBVIEWER_DATABASE_PORT": str(database.port),
            "WEBVIEWER_DATABASE_USER": database.user,
        }
    variables |= environ or {}
    settings = load_settings(config, environ=variables)
    create_database(settings.database)
    units, dispose = unit_of_work_factory(settings)
    lifeline = Lifeline()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.control_process", str(config), str(offset_file)],
        cwd=ROOT,
        env={**os.environ, **variables, **lifeline.environment()},
        pass_fds=lifeline.pass_fds,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    accounts = Accounts(units, Argon2Hasher(parameters=CHEAP), system_clock)
    server = ControlServer(settings, units, accounts, process, offset_file, log_file)
    try:
        _wait_until_live(server)
        with _beating(server):
            yield server
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        lifeline.close()
        dispose()


@contextmanager
def _beating(server: ControlServer) -> Iterator[None]:
    """Send the heartbeats of the nodes that live, as their agents do."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT_S):
            with contextlib.suppress(requests.RequestException):  # some tests end the control node
                server.beat()

    # A test that fails may leave its node running: that must not keep the whole run from its end.
    thread = threading.Thread(target=beat, name="heartbeats", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _wait_until_live(server: ControlServer) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if requests.get(f"{server.base}/v2/health/live", timeout=10).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.05)
    raise AssertionError(f"The control node did not start: {server.log_file.read_text()[-4000:]}")


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def control(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlServer]:
    """Run a control node on each kind of database."""
    folder = tmp_path_factory.mktemp(f"control-{request.param}")
    if request.param == "sqlite":
        database = DatabaseSettings(DatabaseDriver.SQLITE, str(folder / "webviewer.db"))
    else:
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        database = server.new_database()
    yield from start_control(folder, database)
