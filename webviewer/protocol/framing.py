"""Binary frames of the render stream (server to browser), version 1.

All numbers little endian::

    offset size
       0    4  magic b"WVFR"
       4    1  version (1)
       5    1  encoding: 1 PNG, 2 JPEG
       6    2  flags: bit 0 still (full quality, at rest), bit 1 what was sent is lossless,
                      bit 2 the stored object was compressed with loss, bit 3 fitted to the window,
                      bit 4 coarse: not all of the volume is there yet,
                      bit 5 an overlay of the image cannot be drawn,
                      bit 6 a shutter of the image cannot be true and is not drawn,
                      bit 7 refining: drawn at rest in full size; a finer picture of the same revision follows
       8    4  revision   of the view this picture answers
      12    4  sequence   counts frames of the connection from 1; acknowledged by the browser
      16    2  cell       number of the window
      18    2  reserved, 0
      20    2  width_px      22  2  height_px     of the picture; while moving it may be smaller than the canvas of the
                      view: the browser stretches it over the canvas
      24    8  instance_id   0 of a volume
      32    4  frame_number  counted from 1; 0 of a volume
      36    4  draw_us       time the server needed, microseconds
      40    8  window_center (float64)
      48    8  window_width  (float64); both NaN when the picture has no window (colour)
      56    8  zoom          canvas pixels of the view (not of a reduced picture) per image column (float64),
                      per mm of a volume
      64    8  center_x      image point at the middle of the canvas, in columns (float64); 0 of a volume
      72    8  center_y      … in rows; (0, 0) is the corner of the first pixel, not its centre
      80    4  payload length
      84    …  payload: the encoded picture
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from webviewer.core.errors import ProtocolError

MAGIC = b"WVFR"
VERSION = 1
MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
MAX_SIDE_PX = 8192

_HEADER = struct.Struct("<4sBBHIIHHHHQIIdddddI")
HEADER_BYTES = _HEADER.size


class Encoding(IntEnum):
    """How the picture in the payload is encoded."""

    PNG = 1
    JPEG = 2


class FrameFlag(IntFlag):
    """Facts about one frame."""

    STILL = 1
    LOSSLESS = 2
    SOURCE_LOSSY = 4
    FITTED = 8
    COARSE = 16
    LACKS_OVERLAY = 32
    IGNORES_SHUTTER = 64
    REFINING = 128


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What a frame says of itself; fields as in the module's drawing."""

    encoding: Encoding
    flags: FrameFlag
    revision: int
    sequence: int
    cell: int
    width_px: int
    height_px: int
    instance_id: int
    frame_number: int
    draw_us: int
    window_center: float
    window_width: float
    zoom: float
    center_x: float
    center_y: float


def pack_frame(header: FrameHeader, payload: bytes | bytearray | memoryview) -> bytes:
    """Return header and payload as one binary message.

    Raises
    ------
    ProtocolError
        A field does not fit its place, or the payload is over ``MAX_PAYLOAD_BYTES``.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ProtocolError(f"A frame of {len(payload)} bytes is over the limit of {MAX_PAYLOAD_BYTES}.")
    try:
        head = _HEADER.pack(
            MAGIC,
            VERSION,
            header.encoding,
            header.flags,
            header.revision,
            header.sequence,
            header.cell,
            0,
            header.width_px,
            header.height_px,
            header.instance_id,
            header.frame_number,
            header.draw_us,
            header.window_center,
            header.window_width,
            header.zoom,
            header.center_x,
            header.center_y,
            len(payload),
        )
    except struct.error as exc:
        raise ProtocolError(f"A field of the frame header does not fit: {exc}.") from exc
    return head + bytes(payload)
