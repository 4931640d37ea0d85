"""Large files through Nginx: the manual's 100 MB, and what a person reads where a proxy takes less."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from playwright.sync_api import Browser, Page, Response, expect

from tests.support.browser import chromium, sign_in
from tests.support.nginx import Proxy, running_nginx
from tests.support.phantom_files import make_grey, to_bytes
from tests.support.unified_server import UnifiedServer, running_unified_server

MB = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnifiedServer]:
    with running_unified_server(tmp_path_factory.mktemp("server") / "var") as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server: UnifiedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx") / "nginx"
    with running_nginx("http-https-static.conf", [f"127.0.0.1:{server.port}"], folder) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def large_file(folder: Path, patient_id: str, least_bytes: int) -> Path:
    """Write one DICOM file of noise, a radiograph that no proxy makes smaller."""
    side = int(np.ceil(np.sqrt(least_bytes / 2)))
    values = np.random.default_rng(7).integers(0, 4096, (side, side), np.uint16)
    number = sum(map(ord, patient_id))
    uid = f"1.2.826.0.1.3680043.10.1562.{number}"
    ds = make_grey(values, bits_stored=12, patient_id=patient_id, study_uid=uid, series_uid=f"{uid}.1")
    file = folder / f"{patient_id}.dcm"
    file.write_bytes(to_bytes(ds))
    assert file.stat().st_size >= least_bytes
    return file


def signed_in_doctor(proxy: Proxy) -> requests.Session:
    doctor = requests.Session()
    body = {"user_name": "user", "password": "user"}
    answer = doctor.post(f"{proxy.url()}/v2/auth/sign-in", json=body, timeout=15)
    doctor.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return doctor


def upload(page: Page, proxy: Proxy, scheme: str, file: Path, call: str) -> Response:
    """Sign in, choose the file in the panel, and return the answer to the call."""
    sign_in(page, proxy.url(scheme), "user", "user")
    page.get_by_role("button", name="Upload", exact=True).first.click()
    panel = page.get_by_label("Upload and transfers")
    with page.expect_response(re.compile(call)) as answer:
        panel.locator("input[data-upload=files]").set_input_files(file)
    return answer.value


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_file_of_99_mb_passes_whole(
    scheme: str, proxy: Proxy, server: UnifiedServer, browser: Browser, tmp_path: Path
) -> None:
    file = large_file(tmp_path, f"BIG{scheme}", 99 * MB)
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    assert upload(page, proxy, scheme, file, r"/v2/studies/uploads$").ok
    row = page.get_by_role("row").filter(has_text=f"BIG{scheme}")
    expect(row).to_be_visible(timeout=60_000)
    study_id = next(
        study["study_id"]
        for study in page.request.get(f"{proxy.url(scheme)}/v2/studies").json()["studies"]
        if study["patient_id"] == f"BIG{scheme}"
    )
    # What comes back is what was sent: the stored file lies uncompressed in the archive.
    doctor = signed_in_doctor(proxy)
    got = doctor.get(f"{proxy.url()}/v2/studies/archive", params={"study_ids": study_id}, timeout=60)
    assert file.read_bytes()[-50 * MB :] in got.content
    context.close()


def test_a_body_of_99_mb_reaches_the_server_and_one_of_101_mb_does_not(proxy: Proxy) -> None:
    doctor = signed_in_doctor(proxy)
    address = f"{proxy.url()}/v2/studies/uploads/whole?name=file.dcm"
    refused_by_server = doctor.post(address, data=bytes(99 * MB), timeout=60)
    assert "16" in refused_by_server.json()["error"]["message"], "of one request the server takes 16 MiB"
    refused_by_nginx = doctor.post(address, data=bytes(101 * MB), timeout=60)
    assert refused_by_nginx.status_code == 413
    assert "<center>nginx" in refused_by_nginx.text


def test_a_proxy_that_takes_less_is_named_in_words(server: UnifiedServer, browser: Browser, tmp_path: Path) -> None:
    """With Nginx's own 1 MB, say, because somebody left the line out."""
    file = large_file(tmp_path, "SMALLPROXY", 2 * MB)
    changes = [("client_max_body_size 100m;", "")]
    servers = [f"127.0.0.1:{server.port}"]
    with running_nginx("http-static.conf", servers, tmp_path / "nginx", changes=changes) as proxy:
        page = browser.new_page()
        assert upload(page, proxy, "http", file, r"/v2/studies/uploads/whole").status == 413
        expect(page.get_by_text("takes no file or part of this size")).to_be_visible()
        page.close()
