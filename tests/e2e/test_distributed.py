"""The distributed build as ``make run-distributed`` starts it, behind Nginx; nodes die in the middle of work."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import requests
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from functions.common.app import SECURITY_HEADERS
from tests.support.browser import StreamTap, chromium, image_label, sign_in
from tests.support.distributed_system import DistributedSystem, running_distributed_system, signed_in
from tests.support.first_slice import (
    a_study_arrives_is_found_opened_scrolled_and_windowed,
    canvas_grey,
    phantom_series,
    settled_still,
)
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.waiting import eventually

BACK_WITHIN_S = 3.0
HUNG_WITHIN_S = 20.0
OTHER_REPLICA_WITHIN_S = 10.0  # while others sign in, each half a second of a processor


@pytest.fixture(scope="module")
def system() -> Iterator[DistributedSystem]:
    with running_distributed_system(replicas=2) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@contextlib.contextmanager
def doctor(
    browser: Browser, url: str, user_name: str = "user", watch: Callable[[Page], object] = lambda _: None
) -> Iterator[Page]:
    """Sign a doctor in, in a browser of its own."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, ignore_https_errors=True)
    page = context.new_page()
    watch(page)
    sign_in(page, url, user_name, user_name)
    expect(page.get_by_text("Upload", exact=True).first).to_be_visible()
    try:
        yield page
    finally:
        context.close()


def series_of(folder: Path, patient_id: str, slices: int = 24, size: int = 128) -> list[Path]:
    """Write a series that no other test sends."""
    number = int.from_bytes(patient_id.encode()[-6:], "big")
    files = []
    for k, ds in enumerate(make_ct_series(slices, rows=size, columns=size, patient_id=patient_id), 1):
        ds.StudyInstanceUID = f"1.2.826.0.1.3680043.10.1563.{number}"
        ds.SeriesInstanceUID = f"{ds.StudyInstanceUID}.1"
        ds.SOPInstanceUID = f"{ds.SeriesInstanceUID}.{k}"
        files.append(folder / f"{patient_id}-{k}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    return files


@pytest.mark.parametrize(("scheme", "user_name"), [("http", "user"), ("https", "user2")])
def test_the_first_slice_works_through_nginx(
    scheme: str, user_name: str, system: DistributedSystem, browser: Browser, tmp_path: Path
) -> None:
    send, files = partial(system.send, storage_number=1 if user_name == "user" else 2), phantom_series(tmp_path)
    a_study_arrives_is_found_opened_scrolled_and_windowed(system.url(scheme), user_name, send, browser, files)


def test_two_storage_nodes_on_one_disk_are_counted_once(system: DistributedSystem) -> None:
    administrator = system.administrator()
    state = administrator.get(f"{system.url()}/v2/admin/state", timeout=30).json()
    storages = [node["status"] for node in state["nodes"] if node["kind"] == "storage"]
    assert len(storages) == 2
    assert len({status["disk_id"] for status in storages}) == 1
    assert state["free_bytes"] == min(status["free_bytes"] for status in storages)


def test_the_system_has_the_headers_of_the_hardened_configuration(system: DistributedSystem) -> None:
    for path in ("/", "/v2/about", "/assets/boot.js"):
        headers = requests.get(f"{system.url()}{path}", timeout=20).headers
        assert {name: headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS, path
        assert "Strict-Transport-Security" not in headers
    with requests.Session() as session:
        session.trust_env = False  # a variable of the machine would win over the next line
        session.verify = str(system.folder / "nginx/ssl/certificate.crt")
        body = {"user_name": "user", "password": "user"}
        answer = session.post(f"{system.url('https')}/v2/auth/sign-in", json=body, timeout=60)
    assert "Secure" in {word.strip() for word in answer.headers["Set-Cookie"].split(";")}


def test_a_forged_address_does_not_reset_the_count_of_wrong_passwords(system: DistributedSystem) -> None:
    codes = []
    for number in range(12):
        answer = requests.post(
            f"{system.url()}/v2/auth/sign-in",
            json={"user_name": "nobody_at_all", "password": "wrong"},
            headers={"X-Forwarded-For": f"127.0.{number}.9"},
            timeout=60,
        )
        codes.append(answer.json()["error"]["code"])
    assert codes[:4] == ["wrong_credentials"] * 4
    assert set(codes[4:]) == {"too_many_attempts"}


def test_no_log_keeps_the_name_that_a_doctor_searched_for(system: DistributedSystem) -> None:
    doctor = signed_in(system.url(), "user", "user")
    assert doctor.get(f"{system.url()}/v2/studies?patient_name=Secretpatient", timeout=20).status_code == 200
    logs = [*(system.folder / "log").glob("*.log"), *(system.folder / "nginx/logs").glob("*.log")]
    written = "\n".join(file.read_text("utf-8", "replace") for file in logs)
    assert "/web-viewer/v2/studies" in written
    assert "Secretpatient" not in written


@dataclass
class Reader:
    """A doctor who looks at a study, and the render node that draws for this session."""

    page: Page
    tap: StreamTap
    node: str
    twelfth: NDArray[np.uint8]

    def scroll_to_the_twelfth(self, in_the_middle: Callable[[], object], within_s: float) -> None:
        """Scroll from the first image on; a picture comes soon enough after what happens in the middle."""
        self.page.keyboard.press("Home")
        settled_still(self.page, self.tap, lambda _: True)
        for step in range(1, 12):
            self.page.mouse.wheel(0, 100)
            self.page.wait_for_timeout(40)
            if step == 5:
                in_the_middle()
                seen, opened = len(self.tap.frames), self.tap.opened

        def is_back() -> bool:
            self.page.wait_for_timeout(20)
            return self.tap.opened > opened and self.tap.is_painted() and len(self.tap.frames) > seen

        eventually(is_back, within_s, "a picture of another stream")
        expect(image_label(self.page, 12, 24)).to_be_visible()
        eventually(lambda: np.array_equal(self.picture(), self.twelfth), 20, "the same pixels")

    def picture(self) -> NDArray[np.uint8]:
        self.page.wait_for_timeout(50)
        return canvas_grey(self.page)


@contextlib.contextmanager
def reader(
    system: DistributedSystem, browser: Browser, folder: Path, patient_id: str, scheme: str = "http"
) -> Iterator[Reader]:
    """Open a study, change its window and size, and remember the twelfth image."""
    system.send(series_of(folder, patient_id))
    administrator = system.administrator()
    eventually(lambda: all(one["state"] == "online" for one in system.nodes(administrator).values()), 60, "all nodes")
    before = {name: node["sessions"] for name, node in system.nodes(administrator).items()}
    tap = StreamTap()
    with doctor(browser, system.url(scheme), watch=tap.watch) as page:
        page.get_by_role("row").filter(has_text=patient_id).dblclick()
        settled_still(page, tap, lambda _: True)
        after = {name: node["sessions"] for name, node in system.nodes(administrator).items()}
        (node,) = [name for name in after if name.startswith("render") and after[name] > before[name]]
        box = page.locator("canvas").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.keyboard.press("i")  # another state than that of a study just opened
        page.mouse.down(button="right")
        page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 + 20, steps=5)
        page.mouse.up(button="right")
        for _ in range(11):
            page.mouse.wheel(0, 100)
            page.wait_for_timeout(40)
        expect(image_label(page, 12, 24)).to_be_visible()
        first = tap.frames[0][0]
        still = settled_still(page, tap, lambda head: head.instance_id != first.instance_id)
        assert still.window_width != first.window_width
        yield Reader(page, tap, node, canvas_grey(page))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_render_node_killed_in_the_middle_of_scrolling_costs_a_moment(
    scheme: str, system: DistributedSystem, browser: Browser, tmp_path: Path
) -> None:
    with reader(system, browser, tmp_path, f"KILLED{scheme}", scheme) as reading:
        reading.scroll_to_the_twelfth(lambda: system.kill_node(reading.node), BACK_WITHIN_S)


def test_a_render_node_that_hangs_is_left(system: DistributedSystem, browser: Browser, tmp_path: Path) -> None:
    """Nobody closes its connections, so it takes until its silence is noticed."""
    administrator = system.administrator()
    eventually(lambda: all(one["state"] == "online" for one in system.nodes(administrator).values()), 20, "all nodes")
    with reader(system, browser, tmp_path, "HANGING") as reading:
        try:
            reading.scroll_to_the_twelfth(lambda: system.signal_node(reading.node, signal.SIGSTOP), HUNG_WITHIN_S)
            eventually(
                lambda: system.nodes(administrator)[reading.node]["state"] == "offline", 10, "what the console says"
            )
        finally:
            system.signal_node(reading.node, signal.SIGCONT)
        eventually(lambda: system.nodes(administrator)[reading.node]["state"] == "online", 20, "its return")


def test_a_replica_of_the_control_node_dies_while_it_relays_a_stream_and_others_sign_in(
    system: DistributedSystem, browser: Browser, tmp_path: Path
) -> None:
    def sign_in(_: int) -> int:
        return signed_in(system.url(), "user2", "user2").get(f"{system.url()}/v2/auth/session", timeout=10).status_code

    with (
        reader(system, browser, tmp_path, "RELAYED") as reading,
        ThreadPoolExecutor(1) as pool,
        contextlib.ExitStack() as stack,
    ):
        signing_in: list[Future[int]] = []
        replica = relaying_replica(system, reading)

        def kill() -> None:
            stack.enter_context(system.dead(replica))
            signing_in.extend(pool.submit(sign_in, number) for number in range(4))

        reading.scroll_to_the_twelfth(kill, OTHER_REPLICA_WITHIN_S)
        assert [one.result() for one in signing_in] == [200] * 4


def relaying_replica(system: DistributedSystem, reading: Reader) -> str:
    """Return the replica without which no picture comes: open connections to a node are others' too."""
    leader = psutil.Process(system.node_pid("control-1"))
    family = [leader, *leader.children(recursive=True)]
    seen, give_up_s = len(reading.tap.frames), time.monotonic() + 3
    for process in family:
        process.suspend()
    try:
        reading.page.mouse.wheel(0, -100)
        while len(reading.tap.frames) == seen and time.monotonic() < give_up_s:
            reading.page.wait_for_timeout(50)
        return "control-1" if len(reading.tap.frames) == seen else "control-2"
    finally:
        for process in family:
            process.resume()


def test_a_render_node_set_inactive_hands_its_doctors_over(
    system: DistributedSystem, browser: Browser, tmp_path: Path
) -> None:
    administrator = system.administrator()
    with reader(system, browser, tmp_path, "DRAINED") as reading:
        node = system.nodes(administrator)[reading.node]
        address = f"{system.url()}/v2/admin/nodes/{node['node_id']}"

        def drain() -> None:
            assert administrator.put(address, json={"active": False}, timeout=10).ok

        try:
            reading.scroll_to_the_twelfth(drain, BACK_WITHIN_S)
            drained = system.nodes(administrator)[reading.node]
            # Sessions without an open page move at their next request.
            assert (drained["status"], drained["sessions"]) == ("inactive", node["sessions"] - 1)
        finally:
            assert administrator.put(address, json={"active": True}, timeout=10).ok


def test_a_dead_storage_node_is_named_in_words_and_the_others_work_on(
    system: DistributedSystem, browser: Browser, tmp_path: Path
) -> None:
    system.send(series_of(tmp_path, "THEIRS"), 2)
    system.send(series_of(tmp_path, "MINE"), 1)
    tap = StreamTap()
    with (
        doctor(browser, system.url()) as page,
        doctor(browser, system.url("https"), "user2", tap.watch) as other,
    ):
        expect(page.get_by_role("row").filter(has_text="MINE")).to_be_visible()
        with system.dead("storage-1"):
            page.reload()
            expect(page.get_by_text("The list could not be loaded")).to_be_visible(timeout=20_000)
            expect(page.get_by_text("The server that keeps your studies does not answer now.")).to_be_visible()
            expect(page.get_by_role("row").filter(has_text="MINE")).to_be_hidden()
            other.reload()
            other.get_by_role("row").filter(has_text="THEIRS").dblclick()
            settled_still(other, tap, lambda _: True)
            expect(image_label(other, 1, 24)).to_be_visible()
        page.reload()
        expect(page.get_by_role("row").filter(has_text="MINE")).to_be_visible(timeout=15_000)


def test_a_session_is_the_same_on_every_replica_and_events_reach_them_all(
    system: DistributedSystem, browser: Browser, tmp_path: Path
) -> None:
    first, second = (f"http://127.0.0.1:{port}" for port in system.ports["control"])
    session = signed_in(first, "user", "user")
    assert session.get(f"{second}/v2/auth/session", timeout=10).json()["user"]["user_name"] == "user"
    with doctor(browser, first) as at_first, doctor(browser, second) as at_second:
        for page in (at_first, at_second):
            page.evaluate("window.notReloaded = true")
        system.send(series_of(tmp_path, "EVENTS", 4))
        for page in (at_first, at_second):
            expect(page.get_by_role("row").filter(has_text="EVENTS")).to_be_visible(timeout=10_000)
            assert page.evaluate("window.notReloaded") is True
    assert session.post(f"{second}/v2/auth/sign-out", timeout=10).status_code == 204
    assert session.get(f"{first}/v2/auth/session", timeout=10).status_code == 401


def test_a_replica_of_the_control_node_dies_in_the_middle_of_work(
    system: DistributedSystem, browser: Browser, tmp_path: Path
) -> None:
    session = signed_in(system.url(), "user", "user")
    # 60 MiB: parts of 16 MiB, so the replica dies between the first and the last
    (large,) = series_of(tmp_path, "LARGE", 1, 5600)
    assert large.stat().st_size > 55 * 1024 * 1024
    with doctor(browser, system.url()) as page:
        page.evaluate("window.notReloaded = true")
        page.get_by_role("button", name="Upload", exact=True).first.click()
        with page.expect_response(
            lambda answer: "/v2/studies/uploads/" in answer.url and answer.request.method == "PUT"
        ):
            page.get_by_label("Upload and transfers").locator("input[data-upload=files]").set_input_files(large)
        with system.dead("control-1"):
            for _ in range(10):
                assert session.get(f"{system.url()}/v2/auth/session", timeout=10).status_code == 200
            expect(page.get_by_role("row").filter(has_text="LARGE")).to_be_visible(timeout=30_000)
            system.send(series_of(tmp_path, "AFTERWARDS", 4))
            expect(page.get_by_role("row").filter(has_text="AFTERWARDS")).to_be_visible(timeout=15_000)
        assert page.evaluate("window.notReloaded") is True


def test_ctrl_c_and_kill_leave_no_process_and_what_was_there_is_kept(system: DistributedSystem, tmp_path: Path) -> None:
    """The last test here: it leaves the system of all of them dead."""
    system.send(series_of(tmp_path, "KEPT", 4), 2)

    def is_listed() -> bool:
        doctor = signed_in(system.url(), "user2", "user2")
        studies = doctor.get(f"{system.url()}/v2/studies", timeout=10).json()["studies"]
        return "KEPT" in {study["patient_id"] for study in studies}

    eventually(is_listed, 10, "the study")
    assert system.stop(signal.SIGINT) == 0
    system.start()
    assert is_listed()
    assert len(system.family.processes()) > 10
    system.process.kill()
    system.process.wait()
    eventually(lambda: not system.family.left_behind(), 15, "the end of all processes")
