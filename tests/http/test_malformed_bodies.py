"""A chunked body that is malformed or cut off (RFC 9112 7.1) is the sender's fault: 400, and the connection ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.http_client import INTERNAL_TOKEN, Browser, ControlServer
from tests.support.raw_http import begin_request, leave_early, read_answer
from tests.support.storage_http import TOKEN, StorageHttp, sqlite_settings

JSON = b'{"user_name": "nobody", "password": "wrong horse"}'
LENGTH = f"{len(JSON):x}".encode()

MALFORMED = {
    "a size that is no number": b"zz\r\n" + JSON + b"\r\n0\r\n\r\n",
    "an empty size": b"\r\n" + JSON + b"\r\n0\r\n\r\n",
    "a negative size": b"-5\r\n" + JSON + b"\r\n0\r\n\r\n",
    "a size with a sign before it": b"+" + LENGTH + b"\r\n" + JSON + b"\r\n0\r\n\r\n",
    "a size with 0x before it": b"0x" + LENGTH + b"\r\n" + JSON + b"\r\n0\r\n\r\n",
    "no CRLF after the chunk": LENGTH + b"\r\n" + JSON + b"0\r\n\r\n",
    "a size line without end": b"1" * 20_000,
    "an extension with a control character": LENGTH + b";a=\x01b\r\n" + JSON + b"\r\n0\r\n\r\n",
    "a trailer that is no header": LENGTH + b"\r\n" + JSON + b"\r\n0\r\nno header\r\n\r\n",
}
CUT_OFF = {
    "bare LF after sizes and chunk": LENGTH + b"\n" + JSON + b"\n0\n\n",
    "nothing at all": b"",
    "a size and the end": LENGTH + b"\r\n",
    "half of the chunk": LENGTH + b"\r\n" + JSON[:10],
    "no last chunk": LENGTH + b"\r\n" + JSON + b"\r\n",
    "no end of the trailers": LENGTH + b"\r\n" + JSON + b"\r\n0\r\n",
    "a size larger than any memory": b"f" * 15 + b"\r\n" + JSON,
}

PUBLIC = [
    ("POST", "/v2/auth/sign-in"),
    ("PUT", "/v2/settings/language"),
    ("POST", "/v2/studies/delete"),
    ("POST", "/v2/studies/uploads"),
    ("POST", "/v2/studies/uploads/whole?name=a"),
    ("PUT", f"/v2/studies/uploads/{'0' * 32}?offset=0"),
    ("POST", "/v2/render/series/1/volumes/1/surface"),
    ("POST", "/v2/admin/nodes"),
    ("PUT", "/v2/admin/nodes/1"),
]
INTERNAL = [
    ("POST", "/internal/v1/nodes"),
    ("POST", "/internal/v1/nodes/leave"),
    ("POST", "/internal/v1/events"),
    ("PUT", "/internal/v1/nodes/1"),
]
STORAGE = [
    ("POST", "/internal/v1/owners/1/studies/delete"),
    ("POST", "/internal/v1/owners/1/frames"),
    ("POST", "/internal/v1/owners/1/series/1/derived"),
    ("POST", "/internal/v1/owners/1/uploads"),
    ("POST", "/internal/v1/owners/1/uploads/whole?name=a"),
    ("PUT", f"/internal/v1/owners/1/uploads/{'0' * 32}?offset=0"),
    ("PUT", "/internal/v1/owners/1"),
    ("PUT", "/internal/v1/owners"),
    ("PUT", "/internal/v1/active"),
]
CHUNKED = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
ALL = {**MALFORMED, **CUT_OFF}


@pytest.fixture(scope="module")
def storage_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageHttp]:
    folder = tmp_path_factory.mktemp("storage")
    running = StorageHttp(folder / "node", sqlite_settings(folder))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def administrator(control: ControlServer) -> Browser:
    return control.signed_in(is_administrator=True)


def assert_refused(port: int, method: str, path: str, headers: dict[str, str], what: str) -> None:
    """Send a body and fail unless the answer is 400 in the one shape and the connection ends."""
    connection = begin_request(port, method, path, {**CHUNKED, **headers}, ALL[what])
    status, answer = leave_early(connection) if what in CUT_OFF else read_answer(connection)
    assert status == 400, (what, answer)
    assert set(answer["error"]) == {"code", "message", "details", "correlation_id"}
    assert JSON.decode() not in str(answer)


def of_browser(browser: Browser) -> dict[str, str]:
    """Return the headers of a signed-in page."""
    cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    return {"Cookie": cookies, "Origin": browser.origin, "X-CSRF-Token": browser.csrf_token}


@pytest.mark.parametrize("what", ALL)
def test_a_malformed_chunked_body_is_answered_400(control: ControlServer, what: str) -> None:
    port = control.settings.control.port
    headers = {"X-Forwarded-For": control.browser().address}
    assert_refused(port, "POST", "/v2/auth/sign-in", headers, what)


@pytest.mark.parametrize("what", ["a size that is no number", "no CRLF after the chunk", "half of the chunk"])
@pytest.mark.parametrize("address", PUBLIC, ids=" ".join)
def test_each_address_of_a_page_that_takes_a_body_refuses_a_malformed_one(
    control: ControlServer, administrator: Browser, storage_node: StorageHttp, address: tuple[str, str], what: str
) -> None:
    method, path = address
    control.register("storage", f"http://127.0.0.1:{storage_node.port}", "malformed-bodies")
    try:
        assert_refused(control.settings.control.port, method, path, of_browser(administrator), what)
    finally:
        control.lose("storage", "malformed-bodies")


@pytest.mark.parametrize("what", ["a size that is no number", "no CRLF after the chunk", "half of the chunk"])
@pytest.mark.parametrize(("method", "path"), INTERNAL)
def test_each_address_of_a_node_that_takes_a_body_refuses_a_malformed_one(
    control: ControlServer, method: str, path: str, what: str
) -> None:
    headers = {"Authorization": f"Bearer {INTERNAL_TOKEN}"}
    assert_refused(control.settings.control.internal_port, method, path, headers, what)


@pytest.mark.parametrize("what", ["a size that is no number", "no CRLF after the chunk", "half of the chunk"])
@pytest.mark.parametrize(("method", "path"), STORAGE)
def test_each_address_of_the_storage_node_that_takes_a_body_refuses_a_malformed_one(
    storage_node: StorageHttp, method: str, path: str, what: str
) -> None:
    assert_refused(storage_node.port, method, path, {"Authorization": f"Bearer {TOKEN}"}, what)


def test_a_whole_chunked_body_is_read(control: ControlServer) -> None:
    port = control.settings.control.port
    headers = {**CHUNKED, "X-Forwarded-For": control.browser().address, "Connection": "close"}
    body = b"1\r\n{\r\n" + f"{len(JSON) - 1:x};name=value\r\n".encode() + JSON[1:] + b"\r\n0\r\nX-Note: 1\r\n\r\n"
    status, answer = read_answer(begin_request(port, "POST", "/v2/auth/sign-in", headers, body))
    assert (status, answer["error"]["code"]) == (401, "wrong_credentials")


def test_a_request_after_a_malformed_body_is_not_read_from_its_rest(control: ControlServer) -> None:
    port = control.settings.control.port
    headers = {**CHUNKED, "X-Forwarded-For": control.browser().address}
    hidden = b"zz\r\n\r\nGET /v2/about HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    connection = begin_request(port, "POST", "/v2/auth/sign-in", headers, hidden)
    with connection:
        data = b""
        while piece := connection.recv(65536):
            data += piece
    assert data.count(b"HTTP/1.1 ") == 1
    assert data.startswith(b"HTTP/1.1 400 ")
