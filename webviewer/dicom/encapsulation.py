"""Where the bytes of each frame lie in a file: native and encapsulated Pixel Data (PS3.5 section 8 and A.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol

from webviewer.dicom.attributes import ImageAttributes


class PixelLocation(Protocol):
    """Where Pixel Data lies; `webviewer.dicom.header.Header` and `webviewer.archive.StoredInstance` are such."""

    @property
    def transfer_syntax_uid(self) -> str:
        """UID of the transfer syntax."""
        ...

    @property
    def data_set_offset_bytes(self) -> int:
        """Where the data set starts."""
        ...

    @property
    def pixel_data_offset_bytes(self) -> int | None:
        """Where the value of Pixel Data starts."""
        ...

    @property
    def pixel_data_length_bytes(self) -> int | None:
        """Length of the value; None = undefined (encapsulated)."""
        ...


@dataclass(frozen=True, slots=True)
class FrameLocator:
    """The table of all frames of one object, made once by `locate_frames`; immutable, fit for a cache and threads."""

    location: PixelLocation
    attributes: ImageAttributes

    def spans(self, frame_number: int) -> tuple[tuple[int, int], ...]:
        """Return (offset, length) in bytes of the pieces of a frame, counted from 1, in the (inflated) file."""
        raise NotImplementedError

    def read(self, file: BinaryIO, frame_number: int) -> bytes:
        """Return a frame's bytes as stored: native bytes or one code stream.

        Raises
        ------
        NotFound
            There is no such frame.
        DecodeError
            The file ends before the frame does, or the fragments cannot be told apart.
        """
        raise NotImplementedError


def locate_frames(file: BinaryIO, location: PixelLocation, attributes: ImageAttributes) -> FrameLocator:
    """Return the frame table; reads the item headers of encapsulated data once. Raises DecodeError."""
    raise NotImplementedError


def frame_bytes(file: BinaryIO, location: PixelLocation, attributes: ImageAttributes, frame_number: int) -> bytes:
    """Return one frame's bytes as stored; for many frames of one object keep the `FrameLocator`."""
    return locate_frames(file, location, attributes).read(file, frame_number)
