"""Whatever the bytes are: a header, a frame, or an error of ours in words, and nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from tests.support import shared_data
from tests.support.mosaic_files import csa1, siemens_mosaic, slices, uih_mosaic
from tests.support.phantom_files import (
    compress,
    make_ct,
    make_enhanced_ct,
    make_palette,
    make_rgb,
    rgb_values,
    to_bytes,
)
from tests.support.stored_image import read_image
from webviewer.core.errors import DataError, DecodeError, InvalidInput, NotFound
from webviewer.dicom.decode import decode_frame
from webviewer.dicom.encapsulation import locate_frames
from webviewer.dicom.header import read_header, read_header_from_data_set

SEEDS = {
    "ct": to_bytes(make_ct(rows=8, columns=8)),
    "implicit": to_bytes(make_ct(rows=8, columns=8, transfer_syntax_uid=ImplicitVRLittleEndian)),
    "enhanced": to_bytes(make_enhanced_ct(2, rows=8, columns=8)),
    "palette": to_bytes(make_palette(rows=4, columns=4)),
    "mosaic": to_bytes(siemens_mosaic(slices(4, 8, 8))),
    "grid": to_bytes(uih_mosaic(slices(5, 8, 8))),
    "compressed mosaic": to_bytes(compress(siemens_mosaic(slices(4, 8, 8), form=csa1), RLELossless)),
    "jpeg-ls": to_bytes(compress(make_ct(rows=8, columns=8), JPEGLSLossless)),
    "jpeg": to_bytes(compress(make_ct(rows=8, columns=8), JPEGLosslessSV1)),
    "rle": to_bytes(compress(make_rgb(values=rgb_values(8, 8)), RLELossless)),
}
COUNT = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEWER = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def try_all(data: bytes) -> str:
    """Return how far the bytes come; raises whatever is no error of ours."""
    file = io.BytesIO(data)
    try:
        read_header(file)
    except (InvalidInput, DataError) as exc:
        reasons = [exc.message]
    else:
        reasons = []
    assert all(reasons)
    try:
        image = read_image(file)
    except (InvalidInput, DataError):
        return "no header"
    if image is None:
        return "no image"
    try:
        locator = locate_frames(file, image, image.attributes)
        for number in {1, image.attributes.number_of_frames}:
            frame = decode_frame(locator.read(file, number), image.attributes, number)
            assert frame.values.shape[:2] == (image.attributes.rows, image.attributes.columns)
    except (DecodeError, NotFound):
        return "no frame"
    return "decoded"


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_the_seeds_are_sound(name: str) -> None:
    assert try_all(SEEDS[name]) == "decoded"


@COUNT
@given(st.binary(max_size=400))
def test_random_bytes(data: bytes) -> None:
    assert try_all(data) in {"no header", "no image", "no frame"}
    assert try_all(b"\0" * 128 + b"DICM" + data) in {"no header", "no image", "no frame"}


@COUNT
@given(st.sampled_from(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", ExplicitVRBigEndian]), st.binary(max_size=400))
def test_random_data_sets(syntax: str, data: bytes) -> None:
    with pytest.raises((InvalidInput, DataError), match=r"\w"):  # no random bytes have three sound UIDs
        read_header_from_data_set(io.BytesIO(data), syntax)


@COUNT
@given(st.sampled_from(sorted(SEEDS)), st.data())
def test_files_with_changed_bytes(name: str, draw: st.DataObject) -> None:
    data = bytearray(SEEDS[name])
    for _ in range(draw.draw(st.integers(1, 6))):
        place = draw.draw(st.integers(132, len(data) - 1))
        data[place] = draw.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFE, 0xFF]) | st.integers(0, 255))
    try_all(bytes(data))


@FEWER
@given(st.sampled_from(sorted(SEEDS)), st.data())
def test_files_with_pieces_cut_out(name: str, draw: st.DataObject) -> None:
    data = SEEDS[name]
    start = draw.draw(st.integers(0, len(data)))
    end = draw.draw(st.integers(start, len(data)))
    try_all(data[:start] + data[end:])


@shared_data.required
def test_broken_shared_files_with_changed_bytes() -> None:
    random = np.random.default_rng(20240305)
    for path in shared_data.files_under("broken"):
        data = bytearray(path.read_bytes()[:200_000])
        for _ in range(8):
            if not data:
                continue
            changed = bytearray(data)
            for place in random.integers(0, min(len(changed), 2000), 4):
                changed[place] = random.integers(0, 256)
            try_all(bytes(changed))
