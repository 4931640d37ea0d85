"""The stream of overlay bits between storage node and render node: `OVERLAY_HEADER`, then the bits of a plane."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from webviewer.core.errors import Unavailable
from webviewer.dicom.attributes import MAX_PLANE_BITS
from webviewer.dicom.elements import OVERLAY_GROUPS

OVERLAY_HEADER = struct.Struct("<HI")  # group, length in bytes; a plane that cannot be read has length 0


def overlays_of(read: Callable[[int], bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the group and the bits of each plane that a storage node wrote, one plane in memory at a time.

    Parameters
    ----------
    read
        Returns as many bytes as asked for, fewer only at the end.

    Raises
    ------
    Unavailable
        It is something else, or breaks off.
    """
    seen: set[int] = set()
    while head := read(OVERLAY_HEADER.size):
        if len(head) < OVERLAY_HEADER.size:
            raise Unavailable("The storage node broke off a stream of overlays.")
        group, length = OVERLAY_HEADER.unpack(head)
        if group not in OVERLAY_GROUPS or group in seen or length > MAX_PLANE_BITS // 8:
            raise Unavailable("The storage node sent something else than overlays.")
        seen.add(group)
        bits = read(length) if length else b""
        if len(bits) < length:
            raise Unavailable("The storage node broke off in the middle of an overlay.")
        yield group, bits
        del bits  # not held while the next plane is read
