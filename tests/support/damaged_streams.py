"""Decode damaged code streams: ``python -m tests.support.damaged_streams CODEC FIRST COUNT``, a process that may crash.

Prints the number of a case before it is tried, so that the last one is the culprit; a number is also the case's seed.
"""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from collections.abc import Callable

import imagecodecs
import numpy as np
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from tests.support.phantom_files import compress, make_ct, make_rgb, rgb_values, to_bytes
from tests.support.stored_image import read_image
from webviewer.core.errors import DecodeError
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.decode import decode_frame

SLOW_S = 30.0
_JPEG = "1.2.840.10008.1.2.4."


def _grey(uid: str) -> Dataset:
    return compress(make_ct(rows=48, columns=64), uid)


def _colour(uid: str) -> Dataset:
    return compress(make_rgb(values=rgb_values(48, 64)), uid)


def _encoded(uid: str, encode: Callable[..., bytes | bytearray], colour: bool = False) -> Dataset:
    ds = make_rgb(values=rgb_values(48, 64)) if colour else make_ct(rows=48, columns=64)
    shape = (ds.Rows, ds.Columns, 3) if colour else (ds.Rows, ds.Columns)
    values = np.frombuffer(ds.PixelData, np.uint8 if colour else np.uint16).reshape(shape)
    ds.PixelData = encapsulate([bytes(encode(np.ascontiguousarray(values)))])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = UID(uid)
    return ds


STREAMS: dict[str, Callable[[], Dataset]] = {
    "rle": lambda: _grey("1.2.840.10008.1.2.5"),
    "rle-colour": lambda: _colour("1.2.840.10008.1.2.5"),
    "jpeg-baseline": lambda: _colour(f"{_JPEG}50"),
    "jpeg-lossless": lambda: _grey(f"{_JPEG}70"),
    "jpeg-ls": lambda: _grey(f"{_JPEG}80"),
    "jpeg-ls-colour": lambda: _encoded(f"{_JPEG}80", imagecodecs.jpegls_encode, colour=True),
    "jpeg-2000": lambda: _encoded(f"{_JPEG}90", imagecodecs.jpeg2k_encode),
    "jpeg-2000-colour": lambda: _encoded(f"{_JPEG}91", imagecodecs.jpeg2k_encode, colour=True),
    "htj2k": lambda: _encoded(f"{_JPEG}201", imagecodecs.htj2k_encode),
    "jpeg-xl": lambda: _encoded(f"{_JPEG}110", imagecodecs.jpegxl_encode),
}


def stream_of(codec: str) -> tuple[bytes, ImageAttributes]:
    """Return a sound stream and its header."""
    file = io.BytesIO(to_bytes(STREAMS[codec]()))
    image = read_image(file)
    assert image is not None
    return image.frame_bytes(file, 1), image.attributes


def damaged(stream: bytes, seed: int) -> bytes:
    """Return the stream with bytes changed, pieces cut out, doubled or moved; most damage is near the head."""
    random = np.random.default_rng(seed)
    data = bytearray(stream)
    for _ in range(int(random.integers(1, 5))):
        if len(data) < 8:
            break
        reach = len(data) if random.random() < 0.5 else min(len(data), 160)
        place = int(random.integers(0, reach))
        length = int(random.integers(1, 24))
        kind = int(random.integers(0, 6))
        if kind < 3:
            data[place] = int(random.choice([0, 1, 0x7F, 0x80, 0xFE, 0xFF, int(random.integers(0, 256))]))
        elif kind == 3:
            del data[place : place + length]
        elif kind == 4:
            data[place:place] = data[place : place + length]
        else:
            piece = data[place : place + length]
            other = int(random.integers(0, len(data)))
            data[other : other + length] = piece
    return bytes(data)


def main(codec: str, first: int, count: int) -> None:
    """Try the cases; whatever is no error of ours ends the process."""
    stream, attributes = stream_of(codec)
    shape = (attributes.rows, attributes.columns)
    assert decode_frame(stream, attributes).values.shape[:2] == shape
    for seed in range(first, first + count):
        sys.stdout.write(f"{seed}\n")
        sys.stdout.flush()
        signal.setitimer(signal.ITIMER_REAL, SLOW_S)  # a decoder that never ends is killed, with its case printed
        with contextlib.suppress(DecodeError):
            assert decode_frame(damaged(stream, seed), attributes).values.shape[:2] == shape
    signal.setitimer(signal.ITIMER_REAL, 0)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
