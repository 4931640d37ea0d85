"""The stream of overlay bits between storage node and render node: `OVERLAY_HEADER`, then the bits of a plane."""

from __future__ import annotations

import struct
from collections.abc import Callable

from webviewer.core.errors import Unavailable
from webviewer.dicom.attributes import MAX_PLANE_BITS
from webviewer.dicom.elements import OVERLAY_GROUPS

OVERLAY_HEADER = struct.Struct("<HI")  # group, length in bytes; a plane that cannot be read has length 0


def overlays_of(read: Callable[[int], bytes]) -> dict[int, bytes]:
    """Return the bits of each plane by group, of what a storage node wrote.

    Parameters
    ----------
    read
        Returns as many bytes as asked for, fewer only at the end.

    Raises
    ------
    Unavailable
        It is something else, or breaks off.
    """
    found: dict[int, bytes] = {}
    while head := read(OVERLAY_HEADER.size):
        if len(head) < OVERLAY_HEADER.size:
            raise Unavailable("The storage node broke off a stream of overlays.")
        group, length = OVERLAY_HEADER.unpack(head)
        if group not in OVERLAY_GROUPS or group in found or length > MAX_PLANE_BITS // 8:
            raise Unavailable("The storage node sent something else than overlays.")
        found[group] = read(length) if length else b""
        if len(found[group]) < length:
            raise Unavailable("The storage node broke off in the middle of an overlay.")
    return found
