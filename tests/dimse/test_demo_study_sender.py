"""The sender of the demo study: a broken association goes on, a refusal ends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]

from tests.support.phantom_files import make_ct_series
from tools.demo_study import send_all


class Server:
    """A storage that breaks off at the C-STORE requests of given numbers."""

    def __init__(self, breaks_at: set[int], status: int = 0) -> None:
        self.requests = 0
        self.associations = 0
        self.stored: list[str] = []

        def store(event: Any) -> int:
            self.requests += 1
            if self.requests in breaks_at:
                event.assoc.abort()
                return 0xA700
            if status == 0:
                self.stored.append(str(event.dataset.SOPInstanceUID))
            return status

        def accepted(_event: Any) -> None:
            self.associations += 1

        entity = AE(ae_title="SERVER")
        entity.add_supported_context(CTImageStorage)
        handlers: Any = [(evt.EVT_C_STORE, store), (evt.EVT_ACCEPTED, accepted)]
        self.server = cast("Any", entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers))
        self.port = int(self.server.socket.getsockname()[1])

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()


def data_sets(count: int) -> Iterator[Dataset]:
    yield from make_ct_series(count)


def uids(count: int) -> list[str]:
    return [str(ds.SOPInstanceUID) for ds in make_ct_series(count)]


def test_a_broken_association_goes_on_with_the_object_without_an_answer(capfd: pytest.CaptureFixture[str]) -> None:
    with Server({2, 3, 4, 6}) as server:
        assert send_all("127.0.0.1", server.port, "SERVER", data_sets(4), pause_s=0.01) == 4
        assert server.stored == uids(4)
        assert server.associations == 5
    where = f"127.0.0.1:{server.port}"
    assert capfd.readouterr().err.splitlines() == [
        *[f"{where} gave no answer to object 2. Trying again."] * 3,
        f"{where} gave no answer to object 3. Trying again.",
    ]


def test_after_three_more_tries_the_sender_says_what_it_lacks() -> None:
    with Server({2, 3, 4, 5}) as server:
        with pytest.raises(ConnectionError, match=r"gave no answer to object 2\.$"):
            send_all("127.0.0.1", server.port, "SERVER", data_sets(4), pause_s=0.01)
        assert server.requests == 5


def test_a_refused_object_is_not_sent_again() -> None:
    with Server(set(), status=0xA700) as server:
        with pytest.raises(ConnectionError, match="did not store object 1: status 0xa700"):
            send_all("127.0.0.1", server.port, "SERVER", data_sets(4), pause_s=0.01)
        assert server.requests == 1
