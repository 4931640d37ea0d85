"""Wrong passwords through each Nginx configuration: no header of the client resets the count or speaks for another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.support.http_client import ControlServer, start_control
from tests.support.nginx import Proxy, running_nginx
from webviewer.audit import AuditDetail
from webviewer.config import DatabaseDriver, DatabaseSettings

PRINTED = ("http-static.conf", "http-https-static.conf", "http-https-proxy.conf")


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlServer]:
    folder = tmp_path_factory.mktemp("control")
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(folder / "webviewer.db"))
    yield from start_control(folder / "control", database)


@pytest.fixture(scope="module", params=[*PRINTED, "hardened.conf"])
def proxy(
    control: ControlServer, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Proxy]:
    file = str(request.param)
    prefix = "" if file == "http-https-proxy.conf" else "/web-viewer"
    servers = [f"127.0.0.1:{control.settings.control.port}"]
    folder = tmp_path_factory.mktemp("nginx") / "nginx"
    changes = [("rate=2r/s", "rate=1000r/s")] if file == "hardened.conf" else []  # its own limit would answer first
    with running_nginx(file, servers, folder, prefix=prefix, host="localhost", changes=changes) as running:
        yield running


def test_a_rotating_forged_address_never_resets_the_count(control: ControlServer, proxy: Proxy) -> None:
    name, visitor = control.new_user(), proxy.visitor()
    scheme = "https" if proxy.layout.configuration == "hardened.conf" else "http"
    control.advance(1000)  # the guesses of the test before are forgotten
    with control.units(read_only=True) as unit:
        before = unit.attempts.count()

    def guess(number: int) -> requests.Response:
        forged = f"10.0.{number}.7"
        return visitor.post(
            f"{proxy.url(scheme)}/v2/auth/sign-in",
            json={"user_name": name, "password": "wrong"},
            headers={"X-Forwarded-For": forged, "X-Real-IP": forged, "Forwarded": f"for={forged}"},
            timeout=60,
        )

    codes = [guess(number).json()["error"]["code"] for number in range(12)]
    assert codes[:4] == ["wrong_credentials"] * 4
    assert set(codes[4:]) == {"too_many_attempts"}
    with control.units(read_only=True) as unit:
        assert unit.attempts.count() <= before + 3
        addresses = {
            entry.details[AuditDetail.IP_ADDRESS]
            for entry in unit.audit.newest(100)
            if entry.details.get(AuditDetail.LOGIN) == name
        }
    assert addresses <= {"127.0.0.1", "::1"}
