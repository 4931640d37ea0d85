"""The real images as the chart starts them: a whole house of containers, a doctor at its Nginx, and a modality.

Pods are those that helm renders, commands, files, ports and users included; each container has a read-only root file
system, no capability and no way to a new privilege, as Kubernetes gives it.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.deploy import chart
from tests.deploy.pod_network import PodNetwork, pod_network, relay
from tests.deploy.podman import Podman
from tests.deploy.pods import DATABASE_HOST, SECRETS, Cluster, Pod
from tests.support.browser import chromium
from tests.support.databases import running_postgresql
from tests.support.distributed_system import signed_in
from tests.support.first_slice import a_study_arrives_is_found_opened_scrolled_and_windowed, phantom_series
from tests.support.frames import unpack_frame
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.ports import free_port
from tests.support.waiting import eventually
from tools import images as tool
from webviewer import __version__
from webviewer.protocol.framing import FrameFlag
from webviewer.protocol.messages import VERSION
from webviewer.protocol.sockets import SUBPROTOCOL

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3000)]

FUNCTIONS = ("auth", "admin", "studies", "settings", "events", "render", "nodes")
COMPONENTS = (
    "nodes",
    "auth",
    "admin",
    "studies",
    "settings",
    "events",
    "render",
    "storage-node",
    "render-node",
    "nginx",
)
DOCTORS = ("doctor", "colleague", "stranger")
ADMIN = ("WebViewerAdmin", "-c", "/etc/web-viewer/controlnodeconfig.json")


@dataclass
class House:
    """All that runs."""

    cluster: Cluster
    pods: dict[str, Pod]

    @property
    def url(self) -> str:
        return f"http://{self.pods['nginx'].address}:8080/web-viewer"

    def send(self, files: list[Path], doctor: str) -> None:
        command = ["storescu", "-aec", doctor.upper(), self.pods["storage-node"].address, "3000", *map(str, files)]
        subprocess.run(command, check=True, timeout=60)


def values(network: PodNetwork, database_port: int) -> chart.Values:
    return {
        "database": {"host": DATABASE_HOST, "port": database_port, "master": {"enabled": True}},
        "functions": {"secureCookie": False, "defaults": {"replicas": 1}},
        "nginx": {"replicas": 1},
        "storage": {"dicom": {"peers": [{"callingAe": "*", "network": network.network}]}},
        "render": {"imageCacheBytes": 2**28},
        "scaling": {"controller": {"replicas": 1}},
    }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    tool.main(["build"])
    folder, port = tmp_path_factory.mktemp("cluster"), free_port()
    with (
        running_postgresql(SECRETS["master-database-password"]) as server,
        pod_network() as network,
        relay(network.gateway, port, server.port),
    ):
        yield Cluster(Podman(tool.Storage(), folder), network, chart.objects(values(network, port)), folder / "volumes")


@pytest.fixture(scope="module")
def house(cluster: Cluster) -> Iterator[House]:
    for step, done in cluster.job().items():
        assert done.code == 0, f"{step}: {done.output}"
    with ExitStack() as stack:
        house = House(cluster, {})

        def start(component: str) -> None:
            house.pods[component] = stack.enter_context(cluster.running(component))

        with ThreadPoolExecutor(4) as starting:  # in no order that anybody could lean on
            list(starting.map(start, COMPONENTS))
        for doctor in DOCTORS:
            add = [*ADMIN, "users", "add", doctor, "--ae-title", doctor.upper()]
            done = house.pods["nodes"].container.run(*add, stdin=f"{doctor}\n")
            assert done.code == 0, done.output

        def is_known() -> bool:
            command = ["echoscu", "-aec", "STRANGER", house.pods["storage-node"].address, "3000"]
            return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0

        eventually(is_known, 20, "the last doctor's AE title at the storage node")
        yield house


# --- what runs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_of_the_chart_starts_and_serves_its_own_part(house: House, function: str) -> None:
    url = f"http://{house.pods[function].address}:8090/v2"
    own = {"auth": "auth/session", "admin": "admin/state", "studies": "studies", "settings": "settings/theme"}
    for name, path in own.items():
        answer = requests.get(f"{url}/{path}", timeout=10)
        assert answer.status_code == (401 if name == function else 404), path
    assert requests.get(f"{url}/about", timeout=10).json()["version"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_container_is_nobody_and_can_become_nobody_else(house: House, component: str) -> None:
    container = house.pods[component].container
    status = dict(line.split(":\t", 1) for line in container.run("cat", "/proc/1/status").output.splitlines())
    assert status["Uid"].split() == status["Gid"].split() == ["10001"] * 4
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    for folder in ("/", "/etc", "/opt", "/usr/local/bin", "/var", "/var/lib", "/var/log", "/run", "/root", "/dev"):
        done = container.run("sh", "-c", f"echo x > {folder}/written")
        assert done.code != 0, f"{folder} can be written"
        assert re.search("Read-only file system|Permission denied", done.output), done.output
    assert container.run("sh", "-c", "echo x > /tmp/written && rm /tmp/written").code == 0


def test_the_store_keeps_objects_on_its_volume_alone(house: House, tmp_path: Path) -> None:
    files = write_series(tmp_path, "VOLUME", slices=3)
    house.send(files, "stranger")
    volume = house.cluster.folder / f"{house.pods['storage-node'].name}-data"
    kept = [file for file in volume.rglob("*") if file.is_file() and file.stat().st_size > 5000]
    assert len(kept) == len(files)
    assert {(file.stat().st_uid, file.stat().st_mode & 0o007) for file in kept} == {(10001, 0)}


def test_a_doctor_works_through_the_image_of_nginx(house: House, tmp_path: Path) -> None:
    send = partial(house.send, doctor="doctor")
    with chromium() as browser:
        a_study_arrives_is_found_opened_scrolled_and_windowed(
            house.url, "doctor", send, browser, phantom_series(tmp_path)
        )


# --- affinity ---------------------------------------------------------------------------------------------------------


def write_series(folder: Path, patient_id: str, slices: int = 4) -> list[Path]:
    files = []
    number = int.from_bytes(patient_id.encode()[-6:], "big")
    for k, ds in enumerate(make_ct_series(slices, rows=128, columns=128, patient_id=patient_id), 1):
        ds.StudyInstanceUID = f"1.2.826.0.1.3680043.10.1565.{number}"
        ds.SeriesInstanceUID = f"{ds.StudyInstanceUID}.1"
        ds.SOPInstanceUID = f"{ds.SeriesInstanceUID}.{k}"
        files.append(folder / f"{patient_id}-{k}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    return files


@dataclass
class Reader:
    """A doctor without a browser."""

    house: House
    session: requests.Session

    def get(self, path: str) -> requests.Response:
        return self.session.get(f"{self.house.url}{path}", timeout=30)

    def ticket(self) -> str:
        answer = self.session.post(f"{self.house.url}/v2/render/ticket", timeout=30)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["ticket"])

    def frames(self) -> list[tuple[int, dict[str, int]]]:
        """Return series and first image of each study."""
        found = []
        for study in self.get("/v2/studies").json()["studies"]:
            path = f"/v2/studies/{study['study_id']}"
            series = self.get(path).json()["series"][0]["series_id"]
            frame = self.get(f"{path}/series/{series}").json()["frames"][0]
            found.append((series, {name: frame[name] for name in ("instance_id", "frame_number")}))
        return found


def stream(url: str, ticket: str, headers: dict[str, str] | None = None) -> ClientConnection:
    return connect(
        f"{url.replace('http', 'ws')}/eventQueue/render",
        subprotocols=[Subprotocol(SUBPROTOCOL), Subprotocol(f"ticket.{ticket}")],
        additional_headers=headers or {},
        compression=None,
        max_size=None,
        proxy=None,
    )


def look(socket: ClientConnection, series_id: int, image: dict[str, int]) -> dict[str, object] | int:
    """Open a series and look at an image; returns what the node refuses, or the octets of the full frame."""
    socket.send(json.dumps({"type": "hello", "version": VERSION}))
    socket.send(json.dumps({"type": "open", "cell": 0, "series_id": series_id}))
    view = {"type": "view", "cell": 0, "revision": 1, "image": image, "width_px": 256, "height_px": 256}
    socket.send(json.dumps({**view, "moving": False}))
    while True:
        message = socket.recv(timeout=30)
        if isinstance(message, bytes):
            header, payload = unpack_frame(message)
            socket.send(json.dumps({"type": "ack", "sequence": header.sequence}))
            if header.flags & FrameFlag.STILL:
                return len(payload)
        elif (told := json.loads(message))["type"].endswith("error"):
            return dict(told)


def peers(pod: Pod, port: int) -> list[str]:
    """Return who is connected to a port of a pod, by the kernel's own table."""
    name = pod.network.rpartition("/")[2]
    command = ["ip", "netns", "exec", name, "cat", "/proc/net/tcp"]
    table = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout
    found = []
    for line in table.splitlines()[1:]:
        _, local, remote, state = line.split()[:4]
        if state == "01" and int(local.rpartition(":")[2], 16) == port:
            octets = bytes.fromhex(remote.partition(":")[0])[::-1]
            found.append(".".join(map(str, octets)))
    return found


def test_frames_go_from_the_render_node_through_nginx_and_no_function(house: House, tmp_path: Path) -> None:
    house.send(write_series(tmp_path, "STRAIGHT"), "colleague")
    reader = Reader(house, signed_in(house.url, "colleague", "colleague"))
    [(series, image)] = reader.frames()
    node = house.pods["render-node"]
    with stream(house.url, reader.ticket()) as socket:
        octets = look(socket, series, image)
        assert isinstance(octets, int)
        assert octets > 1000
        asking = peers(node, 8080)
        assert house.pods["nginx"].address in asking
        # The function that says where a session is has answered and is not between the two.
        assert house.pods["nodes"].address not in asking
        assert peers(house.pods["nginx"], 8080).count(house.cluster.network.gateway) >= 1


def test_a_foreign_or_forged_session_gets_nothing(house: House, tmp_path: Path) -> None:
    house.send(write_series(tmp_path, "FOREIGN"), "colleague")
    colleague = Reader(house, signed_in(house.url, "colleague", "colleague"))
    stranger = Reader(house, signed_in(house.url, "stranger", "stranger"))
    series, image = colleague.frames()[-1]
    administrator = house.pods["nodes"].container.run(*ADMIN, "users", "list", "--json")
    owner = next(one["user_id"] for one in json.loads(administrator.output) if one["user_name"] == "colleague")
    forged = {
        "X-Webviewer-Owner": str(owner),
        "X-Webviewer-Session": "1",
        "X-Webviewer-Storage": f"http://{house.cluster.addresses['storage-node-0']}:8081",
        "X-Webviewer-Upstream": f"{house.pods['render-node'].address}:8080",
        "X-Webviewer-Pass": "forged",
    }
    # Another's series, with a good ticket of one's own, and with headers that say one is the other.
    for headers in ({}, forged):
        with stream(house.url, stranger.ticket(), headers) as socket:
            refused = look(socket, series, image)
            assert isinstance(refused, dict), "the stranger sees the colleague's picture"
            assert refused["code"] == "not_found", refused
    # A ticket is good once; one that nobody made never.
    used = colleague.ticket()
    with stream(house.url, used) as socket:
        assert isinstance(look(socket, series, image), int)
    for ticket in (used, "guessed"):
        with pytest.raises(InvalidStatus) as caught, stream(house.url, ticket, forged):
            pass
        assert caught.value.response.status_code in (401, 403)
    # The node itself opens to nobody who comes past Nginx without a pass that the control node signed.
    node = f"http://{house.pods['render-node'].address}:8080/internal/v1/render/stream"
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade |= {"Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Protocol": SUBPROTOCOL}
    for headers in ({}, forged, {"Authorization": "Bearer guessed-join-secret"} | forged):
        assert requests.get(node, headers=upgrade | headers, timeout=10).status_code == 401


# --- what does not run, and what ends ---------------------------------------------------------------------------------


def test_the_controller_refuses_outside_a_cluster_in_words(cluster: Cluster) -> None:
    done = cluster.to_the_end("controller")
    assert done.code not in (0, 1), done.output
    assert "Traceback" not in done.output
    assert re.search(r"(?i)kubernetes|cluster", done.output), done.output


def test_an_image_says_what_it_lacks(cluster: Cluster) -> None:
    """Started by hand, without what the chart says."""
    lacking = dict.fromkeys(("functions", "gateway", "renderer", "controller"), "WEBVIEWER_INTERNAL_TOKEN")
    for role, word in lacking.items():
        done = cluster.podman.run(f"localhost/web-viewer-{role}:{__version__}")
        assert done.code not in (0, 1), done.output
        assert word in done.output
        assert "Traceback" not in done.output


def drain(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=10)


def test_all_stop_when_they_are_told(house: House) -> None:
    """While a doctor's sockets are open; Nginx first, as no order is promised, and the database last."""
    reader = Reader(house, signed_in(house.url, "colleague", "colleague"))
    series, image = reader.frames()[0]
    with stream(house.url, reader.ticket()) as socket:
        look(socket, series, image)
        for component in reversed(COMPONENTS):
            pod = house.pods[component]
            code = pod.stop()
            assert code == 0, f"{component} ended with {code}: {pod.container.output()[-2000:]}"
        with pytest.raises(ConnectionClosed):
            drain(socket)
    for component, pod in house.pods.items():
        output = pod.container.output()
        for of_a_crash in ("Traceback", '"error": '):
            assert of_a_crash not in output, f"{component}: {output[-3000:]}"
        for secret in SECRETS.values():
            assert secret not in output, f"{component} logs a secret"
