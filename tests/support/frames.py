"""A frame as a viewer takes it apart: a second statement of the drawing in `webviewer.protocol.framing`."""

from __future__ import annotations

import struct

from webviewer.core.errors import ProtocolError
from webviewer.protocol.framing import MAX_PAYLOAD_BYTES, MAX_SIDE_PX, Encoding, FrameFlag, FrameHeader

_HEADER = struct.Struct("<4s BB H II HH HH Q II ddddd I")
_HEADER_BYTES = 84
_MAGIC, _VERSION = b"WVFR", 1


def unpack_frame(message: bytes) -> tuple[FrameHeader, bytes]:
    """Return header and payload of a binary message.

    Raises
    ------
    ProtocolError
        Wrong magic, version, encoding, size or length.
    """
    if len(message) < _HEADER_BYTES:
        raise ProtocolError(f"A frame of {len(message)} bytes is shorter than its header of {_HEADER_BYTES}.")
    (
        magic,
        version,
        encoding,
        flags,
        revision,
        sequence,
        cell,
        reserved,
        width_px,
        height_px,
        instance_id,
        frame_number,
        draw_us,
        window_center,
        window_width,
        zoom,
        center_x,
        center_y,
        length,
    ) = _HEADER.unpack_from(message)
    if magic != _MAGIC:
        raise ProtocolError(f"A frame starts with {magic!r}, expected {_MAGIC!r}.")
    if version != _VERSION:
        raise ProtocolError(f"Frame version {version} is not spoken here, expected {_VERSION}.")
    if encoding not in (Encoding.PNG, Encoding.JPEG):
        raise ProtocolError(f"Frame encoding {encoding} is unknown, expected 1 or 2.")
    if flags & ~0b11111111 or reserved:
        raise ProtocolError("Reserved bits of a frame header are set.")
    if not (0 < width_px <= MAX_SIDE_PX and 0 < height_px <= MAX_SIDE_PX):
        raise ProtocolError(f"A frame of {width_px} × {height_px} is out of range 1 to {MAX_SIDE_PX}.")
    if length != len(message) - _HEADER_BYTES or length > MAX_PAYLOAD_BYTES:
        raise ProtocolError(f"A frame announces {length} bytes and carries {len(message) - _HEADER_BYTES}.")
    if instance_id >= 2**53:
        raise ProtocolError(f"Instance number {instance_id} of a frame is out of range: a browser counts to 2^53 - 1.")
    header = FrameHeader(
        encoding=Encoding(encoding),
        flags=FrameFlag(flags),
        revision=revision,
        sequence=sequence,
        cell=cell,
        width_px=width_px,
        height_px=height_px,
        instance_id=instance_id,
        frame_number=frame_number,
        draw_us=draw_us,
        window_center=window_center,
        window_width=window_width,
        zoom=zoom,
        center_x=center_x,
        center_y=center_y,
    )
    return header, message[_HEADER_BYTES:]
