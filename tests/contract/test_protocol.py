"""The wire contract: what must pass and what must fail, in Python; `frame.test.ts` says the same of the pages' side."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.frames import unpack_frame
from tools import export_protocol
from webviewer.core.errors import ProtocolError
from webviewer.protocol.framing import MAX_PAYLOAD_BYTES, Encoding, FrameFlag, FrameHeader, pack_frame
from webviewer.protocol.messages import MAX_TEXT_BYTES, SERVER_ADAPTER, View, parse_client_message
from webviewer.protocol.surfaces import MAX_SURFACE_BYTES, SurfaceWish, parse_surface_wish
from webviewer.protocol.volumes import MAX_EDIT_POINTS, MAX_EDITS, CutObject, CutSphere

FIXTURES = Path(__file__).parent / "fixtures"


def fixtures(name: str) -> list[Any]:
    rows = json.loads((FIXTURES / name).read_text(encoding="utf-8"))
    return [pytest.param(row, id=row["name"]) for row in rows]


@pytest.mark.parametrize("row", fixtures("client_valid.json"))
def test_a_valid_message_of_the_browser_is_taken_and_keeps_its_values(row: dict[str, Any]) -> None:
    message = parse_client_message(json.dumps(row["message"]))
    written = json.loads(message.model_dump_json(exclude_unset=True))
    assert written == row["message"]


@pytest.mark.parametrize("row", fixtures("client_invalid.json"))
def test_an_invalid_message_of_the_browser_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        parse_client_message(row["text"])


@pytest.mark.parametrize("row", fixtures("server_valid.json"))
def test_a_valid_message_of_the_server_is_written_as_the_pages_expect_it(row: dict[str, Any]) -> None:
    message = SERVER_ADAPTER.validate_json(json.dumps(row["message"]))
    assert json.loads(message.model_dump_json()) == row["message"]


@pytest.mark.parametrize("row", fixtures("server_invalid.json"))
def test_an_invalid_message_of_the_server_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SERVER_ADAPTER.validate_json(row["text"])


@pytest.mark.parametrize("row", fixtures("frames_valid.json"))
def test_a_valid_frame_is_unpacked_and_packed_to_the_same_bytes(row: dict[str, Any]) -> None:
    header, payload = unpack_frame(bytes.fromhex(row["hex"]))
    said = {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in dataclasses.asdict(header).items()
    }
    assert said == row["header"]
    assert payload.hex() == row["payload_hex"]
    assert pack_frame(header, payload).hex() == row["hex"]


@pytest.mark.parametrize("row", fixtures("frames_invalid.json"))
def test_an_invalid_frame_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        unpack_frame(bytes.fromhex(row["hex"]))


def test_too_long_a_message_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ProtocolError, match="65537 characters is over the limit of 65536"):
        parse_client_message(" " * (MAX_TEXT_BYTES + 1))


def test_the_reason_names_the_place_but_not_the_value() -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_client_message('{"type": "view", "cell": "DOE^JOHN", "revision": 1, "width_px": 1, "height_px": 1}')
    assert "view.cell" in caught.value.message
    assert "DOE" not in caught.value.message


def test_an_unknown_type_is_not_repeated() -> None:
    with pytest.raises(ProtocolError, match="message: Unknown kind of message"):
        parse_client_message('{"type": "DOE^JOHN"}')


def _lists_and_objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=5)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20), _lists_and_objects, max_leaves=12
)
_FIELDS = st.sampled_from(
    [
        "type",
        "cell",
        "revision",
        "width_px",
        "height_px",
        "window",
        "image",
        "zoom",
        "sequence",
        "series_id",
        "kind",
        "center_lps_mm",
        "right_lps",
        "pose",
        "look",
        "step",
        "what",
        "number",
        "question",
    ]
)
_TYPES = st.sampled_from(
    [
        "hello",
        "open",
        "view",
        "open_volume",
        "plane",
        "camera",
        "edit",
        "ask",
        "ack",
        "close",
        "ping",
        "pong",
        "welcome",
    ]
)


@given(st.one_of(st.text(max_size=200), _JSON.map(json.dumps)))
def test_any_text_is_taken_or_refused_and_nothing_else(text: str) -> None:
    with contextlib.suppress(ProtocolError):
        parse_client_message(text)


@given(_TYPES, st.dictionaries(_FIELDS, _JSON, max_size=8))
def test_any_message_of_a_known_type_is_taken_or_refused(kind: str, fields: dict[str, Any]) -> None:
    try:
        message = parse_client_message(json.dumps({**fields, "type": kind}))
    except ProtocolError:
        return
    assert message.type == kind


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_frame_or_refused(data: bytes, with_magic: bool) -> None:
    message = b"WVFR\x01\x01" + data if with_magic else data
    try:
        header, payload = unpack_frame(message)
    except ProtocolError:
        return
    assert pack_frame(header, payload) == message


def test_a_view_says_all_defaults() -> None:
    view = parse_client_message('{"type": "view", "cell": 0, "revision": 1, "width_px": 5, "height_px": 6}')
    assert isinstance(view, View)
    assert json.loads(view.model_dump_json()) == {
        "type": "view",
        "cell": 0,
        "revision": 1,
        "image": None,
        "width_px": 5,
        "height_px": 6,
        "window": {"kind": "recommended", "index": 0, "scope": "series", "image": None},
        "zoom": None,
        "center_x": None,
        "center_y": None,
        "rotation_deg": 0.0,
        "flip_horizontal": False,
        "invert": False,
        "interpolation": "bilinear",
        "colours": "grey",
        "overlays": True,
        "shutters": True,
        "moving": False,
    }


def test_a_field_that_does_not_fit_is_refused_when_packing() -> None:
    header = FrameHeader(Encoding.PNG, FrameFlag.STILL, 2**32, 1, 0, 1, 1, 1, 1, 0, 0.0, 1.0, 1.0, 0.0, 0.0)
    with pytest.raises(ProtocolError, match="does not fit"):
        pack_frame(header, b"")


def test_a_payload_over_the_limit_is_refused_when_packing() -> None:
    header = FrameHeader(Encoding.PNG, FrameFlag.STILL, 1, 1, 0, 1, 1, 1, 1, 0, 0.0, 1.0, 1.0, 0.0, 0.0)
    with pytest.raises(ProtocolError, match="over the limit of 67108864"):
        pack_frame(header, bytes(MAX_PAYLOAD_BYTES + 1))


def test_the_exported_types_are_up_to_date() -> None:
    made = export_protocol.export_typescript()
    assert {name: (export_protocol.FOLDER / name).read_text(encoding="utf-8") for name in made} == made
    assert {name for name, text in made.items() if len(text.splitlines()) > 600} == set(), "the wall for files"


def test_a_request_for_a_surface_has_room_for_all_edits_of_a_cell() -> None:
    center = (-123.45678901234567, -234.56789012345678, -345.6789012345678)
    stroke = CutSphere(centers_lps_mm=(center,) * 256, radius_mm=9.8765432101)
    edits = (stroke,) * (MAX_EDIT_POINTS // 256)
    rest = (CutObject(p_lps_mm=(-1 / 3, -2 / 3, -4 / 3), low=-1 / 3, high=1 / 3),) * (MAX_EDITS - len(edits))
    wish = SurfaceWish(iso_value=1 / 3, edits=(*edits, *rest[: MAX_EDIT_POINTS % 256]))
    body = wish.model_dump_json().encode()
    assert len(body) < MAX_SURFACE_BYTES
    assert parse_surface_wish(body) == wish
