"""The render node's way to the storage node, against a real one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from renderpool.server.storage import StorageSource
from renderpool.session.cache import ImageCache
from renderpool.session.images import ImageStore
from tests.support.phantom_files import make_ct, make_ct_series, to_bytes
from tests.support.storage_http import TOKEN, StorageHttp
from webviewer.adapters.db.maintenance import create_database
from webviewer.adapters.db.sqlite_files import back_up
from webviewer.adapters.nodes import RenderSeries, StorageClient
from webviewer.config import DatabaseDriver, DatabaseSettings
from webviewer.core.errors import DataError, NotFound, Unavailable
from webviewer.usecases.frame_records import FRAME_HEADER, STATUS_GOOD

SERIES = 1


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[StorageHttp]:
    settings = DatabaseSettings(driver=DatabaseDriver.SQLITE, name=str(tmp_path / "database.sqlite"))
    create_database(settings)
    running = StorageHttp(tmp_path / "node", settings)
    running.start()
    try:
        for ds in make_ct_series(3):
            running.upload(to_bytes(ds))
        yield running
    finally:
        running.stop()


class HeldClient(StorageClient):
    """Holds answers about series back while its gate is shut."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url, TOKEN)
        self.answered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def newer_series_for_render(self, owner_id: int, series_id: int, version: str) -> RenderSeries | None:
        found = super().newer_series_for_render(owner_id, series_id, version)
        self.answered.set()
        assert self.gate.wait(20)
        return found


def test_a_series_is_fetched_again_only_when_it_has_grown(storage: StorageHttp) -> None:
    source = StorageSource(StorageClient(storage.base_url, TOKEN))
    first = source.series(1, SERIES)
    assert (len(first.frames), len(first.version) > 30) == (3, True)
    assert source.newer_series(1, SERIES, first.version) is None
    storage.upload(to_bytes(make_ct(instance_number=9)))
    newer = source.newer_series(1, SERIES, first.version)
    assert newer is not None
    assert len(newer.frames) == 4
    assert newer.version != first.version
    with pytest.raises(NotFound):
        source.newer_series(2, SERIES, newer.version)


def test_who_wants_a_series_that_is_being_fetched_waits_for_it_and_misses_nothing(storage: StorageHttp) -> None:
    client = HeldClient(storage.base_url)
    source = StorageSource(client)
    client.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(source.series, 1, SERIES)
        assert client.answered.wait(20)
        storage.upload(to_bytes(make_ct(instance_number=9)))
        second = pool.submit(source.series, 1, SERIES)
        client.gate.set()
        assert len(second.result(20).frames) == 4
        assert len(first.result(20).frames) == 3


def test_attributes_are_read_when_asked_for_and_what_cannot_be_read_says_so(storage: StorageHttp) -> None:
    found = StorageClient(storage.base_url, TOKEN).series_for_render(1, SERIES)
    instance_id = found.frames[0][0]
    assert found.instances[instance_id].rows == 64
    assert found.instances[instance_id] is found.instances[instance_id]
    images = type(found.instances)({"5": {"rows": 3}})  # type: ignore[call-arg]
    with pytest.raises(DataError, match="cannot be read"):
        images[5]


def test_an_object_that_gets_the_number_of_a_lost_one_shows_its_own_pixels(storage: StorageHttp) -> None:
    cache = ImageCache(64 * 1024**2, decode_threads=1)
    source = StorageSource(StorageClient(storage.base_url, TOKEN))
    store = ImageStore(cache, source)
    try:
        backup = back_up(Path(storage.database.name))
        lost, newcomer = make_ct(instance_number=41), make_ct(instance_number=42, study_uid="1.2.3.9")
        storage.upload(to_bytes(lost))
        lost_series = source.series(1, SERIES)
        key = max(lost_series.frames)
        assert store.load_blocking(1, lost_series, key).stored.tobytes() == lost.PixelData

        storage.stop()
        for leftover in Path(storage.database.name).parent.glob(f"{Path(storage.database.name).name}-*"):
            if leftover != backup:
                leftover.unlink()
        shutil.copyfile(backup, storage.database.name)
        storage.start()
        storage.upload(to_bytes(newcomer), owner_id=9)
        assert newcomer.PixelData != lost.PixelData
        found = source.instance(9, key[0])
        assert store.load_blocking(9, found, key).stored.tobytes() == newcomer.PixelData
        assert store.load_blocking(1, lost_series, key).stored.tobytes() == lost.PixelData, "kept from before"
    finally:
        store.close()
        cache.close()


def test_importing_the_engine_loads_no_opengl() -> None:
    program = "import sys, renderpool.engine.renderer; print([name for name in sys.modules if name[:6] == 'OpenGL'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


class OddPieces(BaseHTTPRequestHandler):
    """Answers frames in chunks of sizes that have nothing to do with them; ``cut_bytes`` of the end are left out."""

    protocol_version = "HTTP/1.1"
    size_bytes = 1
    cut_bytes = 0

    def do_POST(self) -> None:
        wish = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["frames"]
        records = [FRAME_HEADER.pack(i, n, STATUS_GOOD, len(body := _frame(i))) + body for i, n in wish]
        data = b"".join(records)
        data = data[: len(data) - self.cut_bytes]
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for first in range(0, len(data), self.size_bytes):
            piece = data[first : first + self.size_bytes]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def _frame(instance_id: int) -> bytes:
    return bytes([instance_id]) * (1000 * (instance_id - 1))  # the first one is empty


@pytest.fixture
def odd_node() -> Iterator[tuple[str, type[OddPieces]]]:
    handler = type("Handler", (OddPieces,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("size_bytes", [1, 24, 1000, 1024, 3024, 10**6])
def test_frames_are_the_same_in_whatever_pieces_they_come(
    odd_node: tuple[str, type[OddPieces]], size_bytes: int
) -> None:
    url, handler = odd_node
    handler.size_bytes = size_bytes
    client = StorageClient(url, TOKEN)
    keys = [(number, 1) for number in (1, 2, 4, 3)]
    for _ in range(2):  # the connection is used again
        assert list(client.frames(1, keys)) == [(key, _frame(key[0])) for key in keys]
    client.close()


@pytest.mark.parametrize("cut_bytes", [1, 3000, 3024, 3025])
def test_a_stream_of_frames_that_ends_early_is_said(odd_node: tuple[str, type[OddPieces]], cut_bytes: int) -> None:
    url, handler = odd_node
    handler.size_bytes, handler.cut_bytes = 700, cut_bytes
    client = StorageClient(url, TOKEN)
    found = client.frames(1, [(2, 1), (4, 1)])
    with pytest.raises(Unavailable, match="broke off"):
        list(found)
    client.close()


def test_a_damaged_file_is_refused_with_the_code_and_the_numbers_of_its_sentence(storage: StorageHttp) -> None:
    cache = ImageCache(64 * 1024**2, decode_threads=1)
    source = StorageSource(StorageClient(storage.base_url, TOKEN))
    store = ImageStore(cache, source)
    try:
        series = source.series(1, SERIES)
        (altered, _), (cut, _), (good, _) = series.frames
        path = storage.data / series.files[altered]
        path.write_bytes(path.read_bytes()[:-1] + b"\x77")
        (storage.data / series.files[cut]).write_bytes(b"DICM")
        with pytest.raises(DataError, match="its bytes have changed since it was received") as caught:
            store.load_blocking(1, series, (altered, 1))
        assert (caught.value.code, caught.value.details) == ("stored_file_altered", {"numbers": []})
        with pytest.raises(DataError, match="it has 4 bytes") as caught:
            store.load_blocking(1, series, (cut, 1))
        assert caught.value.code == "stored_file_size"
        assert caught.value.details == {"numbers": [4.0, float(series.stored[cut].file_bytes)]}
        assert store.load_blocking(1, series, (good, 1)).stored.shape == (64, 64)
    finally:
        store.close()
        cache.close()
