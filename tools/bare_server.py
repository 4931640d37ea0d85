"""A newcomer's first minute with a server, over HTTP: ready, pages, sign-in, study list, thumbnail."""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable

READY_WITHIN_S = 1200.0  # it downloads a gigabyte of packages first
STUDY_WITHIN_S = 300.0
THUMBNAIL_WITHIN_S = 120.0


class Refused(Exception):
    """What was tried does not work; the message says what."""


def free_ports(count: int) -> list[int]:
    """Return free TCP ports of loopback, all different."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Visitor:
    """A browser's part: cookies, and answers as bytes or None."""

    def __init__(self, url: str) -> None:
        self._url = url
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies).open

    def get(self, path: str, body: object = None) -> bytes | None:
        """Return the body of an answer 200; None for any other answer, and where nobody answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"})  # noqa: S310  our URL
        try:
            with self._open(request, timeout=60) as answer:
                return bytes(answer.read())
        except (OSError, urllib.error.HTTPError, http.client.HTTPException):
            return None


def try_server(url: str, ended: Callable[[], int | None]) -> bytes:
    """Wait until a server is ready and do what a newcomer does.

    Parameters
    ----------
    url
        Of the server, without a path.
    ended
        Exit code of the command that starts it, None while it runs.

    Returns
    -------
    bytes
        The thumbnail of the demo study's first series, as a JPEG.

    Raises
    ------
    Refused
        Something is not there in time.
    """
    visitor = Visitor(url)

    def wait(what: str, within_s: float, found: Callable[[], bytes | None]) -> bytes:
        began_s = time.monotonic()
        while (answer := found()) is None:
            if (code := ended()) is not None:
                raise Refused(f"`make run` ended with exit code {code} before there was {what}.")
            if time.monotonic() - began_s > within_s:
                raise Refused(f"Waited {within_s:.0f} s for {what} in vain.")
            time.sleep(0.5)
        print(f"== there is {what} after {time.monotonic() - began_s:.0f} s", flush=True)
        return answer

    wait("a ready server", READY_WITHIN_S, lambda: visitor.get("/v2/health/ready"))
    page = (visitor.get("/") or b"").decode()
    scripts = re.findall(r'src="([^"]+\.js)"', page)
    if not scripts or visitor.get("/" + scripts[0].lstrip("./")) is None:
        raise Refused("The start page has no script: the pages were not built.")
    if visitor.get("/v2/auth/sign-in", {"user_name": "user", "password": "user"}) is None:
        raise Refused("The doctor of the evaluation profile cannot sign in.")

    def studies() -> bytes | None:
        found = visitor.get("/v2/studies")
        return found if found and json.loads(found)["studies"] else None

    listed = json.loads(wait("a demo study in the list", STUDY_WITHIN_S, studies))["studies"]
    study = f"/v2/studies/{listed[0]['study_id']}"

    def thumbnail() -> bytes | None:
        series = json.loads(visitor.get(study) or b"{}").get("series")
        return visitor.get(f"/v2/render/series/{series[0]['series_id']}/thumbnail") if series else None

    return wait("a thumbnail", THUMBNAIL_WITHIN_S, thumbnail)
