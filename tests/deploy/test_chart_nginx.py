"""What the inner Nginx does where a function is there that this version's table has not: the API of other systems."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.deploy.inner_nginx import NAMESPACE, RELEASE, running
from tests.deploy.stand_ins import serving


@pytest.mark.parametrize("mode", ["deployment", "knative"])
def test_requests_of_other_systems_reach_the_function_of_links(mode: str, tmp_path: Path) -> None:
    with serving("links", "auth") as behind:
        ports = {name: one.port for name, one in behind.items()}
        with running(tmp_path, ports, mode=mode, more=["links"]) as nginx:
            answer = requests.post(
                f"{nginx.url}/api/link?apikey=k1", json={"user": "a"}, headers={"X-API-Key": "k2"}, timeout=10
            )
            assert answer.json()["name"] == "links"
            [asked] = behind["links"].asked
            assert (asked.method, asked.path, asked.query) == ("POST", "/api/link", "apikey=k1")
            assert (asked.headers["X-API-Key"], asked.body) == ("k2", b'{"user": "a"}')
            if mode == "knative":
                assert asked.headers["Host"] == f"{RELEASE}-web-viewer-links.{NAMESPACE}.svc"
            assert requests.get(f"{nginx.url}/v2/links/5", timeout=10).json()["name"] == "links"
            assert behind["auth"].asked == []
            assert "k1" not in nginx.output(), "a key is nobody's to read in a log"


def test_without_that_function_there_is_no_such_api(tmp_path: Path) -> None:
    with serving("auth") as behind, running(tmp_path, {"auth": behind["auth"].port}) as nginx:
        assert requests.post(f"{nginx.url}/api/link", json={}, timeout=10).status_code == 404
        assert behind["auth"].asked == []


def test_a_function_of_links_that_is_away_is_said_so(tmp_path: Path) -> None:
    with running(tmp_path, {}, more=["links"]) as nginx:
        answer = requests.post(f"{nginx.url}/api/link", json={}, timeout=10)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
