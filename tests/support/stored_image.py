"""The image attributes of a file's header, also of objects that no archive could file: many test files have no UIDs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.encapsulation import locate_frames
from webviewer.dicom.header import (
    DEFAULT_LIMITS,
    Header,
    _scan,  # what reads the header for `read_header`, before it asks for UIDs
    _syntax_and_start,
)


@dataclass(frozen=True, slots=True)
class StoredImage:
    """What the pixels of an object need; an `encapsulation.PixelLocation`."""

    transfer_syntax_uid: str
    data_set_offset_bytes: int
    pixel_data_offset_bytes: int | None
    pixel_data_length_bytes: int | None
    attributes: ImageAttributes

    def frame_bytes(self, file: BinaryIO, frame_number: int) -> bytes:
        """Return one frame's bytes as stored."""
        return locate_frames(file, self, self.attributes).read(file, frame_number)


def image_attributes(header: Header) -> ImageAttributes | None:
    """Return the image attributes, None for an object without pixels."""
    return None if header.image is None else ImageAttributes.from_json(header.image)


def read_image(file: BinaryIO) -> StoredImage | None:
    """Return None if there are no pixels; raises as `read_header`, but for UIDs."""
    scan = _scan(file, *_syntax_and_start(file), DEFAULT_LIMITS)
    attributes = scan.attributes()
    if attributes is None:
        return None
    return StoredImage(
        scan.transfer_syntax_uid,
        scan.data_set_offset_bytes,
        None if scan.pixels is None else scan.pixels.offset_bytes,
        None if scan.pixels is None else scan.pixels.length_bytes,
        attributes,
    )
