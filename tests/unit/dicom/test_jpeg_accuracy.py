"""DCT streams against an exact decoder: Huffman codes read here bit by bit, the inverse DCT in float64, then rounded.

A narrow window multiplies each grey level: of 12 levels wide, one level is 21 of the screen. So the decoder must use
the accurate integer DCT: never more than one level off, and seldom. The fast integer DCT is off by dozens of levels.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import imagecodecs
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from tests.support.phantom_files import make_grey, to_bytes
from tests.support.stored_image import read_image
from webviewer.dicom.decode import DecodedFrame, decode_frame

# ISO 10918-1 figure A.6: place in the block of each coefficient of the zig-zag sequence.
_ZIG_ZAG = sorted(range(64), key=lambda k: (k // 8 + k % 8, k % 8 if (k // 8 + k % 8) % 2 == 0 else k // 8))
_COSINES = np.array(
    [[(np.sqrt(1 / 8) if u == 0 else 0.5) * np.cos((2 * x + 1) * u * np.pi / 16) for x in range(8)] for u in range(8)]
)


class _Bits:
    """Entropy coded bits, the highest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._bits = np.unpackbits(np.frombuffer(data.replace(b"\xff\x00", b"\xff"), np.uint8)).tolist()
        self._position = 0

    def take(self, count: int) -> int:
        found = 0
        for bit in self._bits[self._position : self._position + count]:
            found = found << 1 | bit
        self._position += count
        return found

    def symbol(self, codes: dict[tuple[int, int], int]) -> int:
        code = 0
        for length in range(1, 17):
            code = code << 1 | self.take(1)
            if (length, code) in codes:
                return codes[length, code]
        raise AssertionError("no such Huffman code")

    def signed(self, count: int) -> int:
        value = self.take(count)
        return value if count == 0 or value >> (count - 1) else value - (1 << count) + 1


def _huffman(body: bytes) -> dict[int, dict[tuple[int, int], int]]:
    tables, position = {}, 0
    while position < len(body):
        kind, counts = body[position], body[position + 1 : position + 17]
        position += 17
        codes: dict[tuple[int, int], int] = {}
        code = 0
        for length, count in enumerate(counts, 1):
            for _ in range(count):
                codes[length, code] = body[position]
                position += 1
                code += 1
            code <<= 1
        tables[kind] = codes
    return tables


def exact_grey(stream: bytes) -> NDArray[np.int64]:
    """Return the pixels of a sequential stream of one component, (rows, columns): ISO 10918-1 annexes A and F."""
    huffman: dict[int, dict[tuple[int, int], int]] = {}
    quantization: NDArray[Any] = np.ones(64)
    precision = rows = columns = 0
    position = 2
    while stream[position + 1] != 0xDA:
        marker = stream[position + 1]
        (length,) = struct.unpack_from(">H", stream, position + 2)
        body = stream[position + 4 : position + 2 + length]
        if marker == 0xDB:
            quantization = np.frombuffer(body[1:], ">u2" if body[0] >> 4 else np.uint8, 64).astype(np.float64)
        elif marker == 0xC4:
            huffman |= _huffman(body)
        elif marker in {0xC0, 0xC1}:
            precision, rows, columns = struct.unpack_from(">BHH", body)
        position += 2 + length
    (length,) = struct.unpack_from(">H", stream, position + 2)
    bits = _Bits(stream[position + 2 + length : stream.rindex(b"\xff\xd9")])
    down, across = -(-rows // 8), -(-columns // 8)
    image = np.zeros((down * 8, across * 8))
    last = 0
    for place in range(down * across):
        sequence = np.zeros(64)
        last += bits.signed(bits.symbol(huffman[0x00]))
        sequence[0] = last
        k = 1
        while k < 64:
            run, size = divmod(bits.symbol(huffman[0x10]), 16)
            if size == 0 and run != 15:
                break
            k += run
            if size:
                sequence[k] = bits.signed(size)
            k += 1
        block = np.zeros(64)
        block[_ZIG_ZAG] = sequence * quantization
        y, x = divmod(place, across)
        image[8 * y : 8 * y + 8, 8 * x : 8 * x + 8] = _COSINES.T @ block.reshape(8, 8) @ _COSINES
    shifted = np.floor(image[:rows, :columns] + (1 << (precision - 1)) + 0.5)
    return np.clip(shifted, 0, (1 << precision) - 1).astype(np.int64)


def sample(name: str, bits: int) -> NDArray[Any]:
    """Return 64 × 72 pixels: a head in air with noise, a slope, or noise alone."""
    y, x = np.mgrid[0:64, 0:72].astype(np.float64)
    random = np.random.default_rng(7)
    top = (1 << bits) - 1
    if name == "head":
        values = np.where((y - 32) ** 2 + (x - 36) ** 2 < 700, 0.53 + 0.03 * np.sin(x / 3) * np.cos(y / 4), 0.02)
        values = values + random.normal(0, 0.004, values.shape)
    else:
        values = (x + y) / 134 if name == "slope" else random.random((64, 72))
    return np.clip(values * top, 0, top).astype(np.uint8 if bits == 8 else np.uint16)


def decoded(stream: bytes, bits: int) -> DecodedFrame:
    ds = make_grey(np.zeros((64, 72), np.uint8 if bits == 8 else np.uint16), bits_stored=bits)
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = UID(f"1.2.840.10008.1.2.4.{50 if bits == 8 else 51}")
    file = io.BytesIO(to_bytes(ds))
    image = read_image(file)
    assert image is not None
    return decode_frame(image.frame_bytes(file, 1), image.attributes)


@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("quality", [50, 90, 100])
@pytest.mark.parametrize("name", ["head", "slope", "noise"])
def test_a_dct_is_decoded_to_within_one_level_and_mostly_exactly(name: str, quality: int, bits: int) -> None:
    keywords: dict[str, Any] = {} if bits == 8 else {"bitspersample": 12}
    stream = bytes(imagecodecs.jpeg8_encode(sample(name, bits), quality, **keywords))
    found = decoded(stream, bits)
    difference = found.values.astype(np.int64) - exact_grey(stream)
    assert found.is_lossy
    assert np.abs(difference).max() <= 1
    most = 0.05 if bits == 8 else 0.1  # the first pass keeps 2 bits of a fraction for 8-bit samples, 1 for 12-bit ones
    assert np.count_nonzero(difference) <= most * difference.size
    assert abs(difference.mean()) <= 0.03, "not all to one side, which would brighten or darken a picture"


def test_the_reference_tells_the_fast_dct_from_the_accurate_one() -> None:
    stream = bytes(imagecodecs.jpeg8_encode(sample("noise", 8), 100))
    exact = exact_grey(stream)
    accurate, fast = (
        simplejpeg.decode_jpeg(stream, colorspace="GRAY", fastdct=is_fast)[..., 0].astype(np.int64)
        for is_fast in (False, True)
    )
    assert np.abs(accurate - exact).max() == 1
    assert np.abs(fast - exact).max() > 10
    assert np.array_equal(accurate, decoded(stream, 8).values)
