"""Overlay bits of one frame of a stored object, read from its file by offset and length."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, cast

from webviewer.archive import InstanceId, OwnerId, StoredInstance
from webviewer.core.errors import DataError, NotFound, WebviewerError
from webviewer.dicom.attributes import ImageAttributes, OverlayPlane
from webviewer.dicom.dataset import ReadLimits
from webviewer.dicom.deflated import InflatedFile
from webviewer.dicom.overlay import bits_of_frame, has_bits, overlays_of_frame, swapped_words
from webviewer.dicom.transfer_syntaxes import DEFLATED_DATA_SETS
from webviewer.usecases.overlay_records import OVERLAY_HEADER
from webviewer.usecases.stored_files import StoredFiles
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory


class OverlayReader:
    """Reads overlay bits for `GET …/frames/{n}/overlays`.

    Parameters
    ----------
    units
        Transactions, to look objects up.
    files
        Opens stored files and compares them with what was received.
    """

    def __init__(self, units: StorageUnitOfWorkFactory, files: StoredFiles) -> None:
        self._units = units
        self._files = files

    def read(self, owner_id: OwnerId, instance_id: InstanceId, frame_number: int) -> Iterator[bytes]:
        """Yield a header and the bits of each plane with Overlay Data that lies over a frame.

        Bits are packed in rows, the first in the lowest bit of the first byte, and start on a byte. One plane is in
        memory at a time.

        Raises
        ------
        NotFound
            The owner has no such image, or the image has no such frame.
        DamagedFile
            Its file is not as it was received.
        """
        with self._units(read_only=True) as unit:
            instance = unit.archive.get_instances(owner_id, [instance_id]).get(instance_id)
        if instance is None or instance.image is None:
            raise NotFound("There is no such image in the storage.")
        image = ImageAttributes.from_json(instance.image)
        if not 1 <= frame_number <= image.number_of_frames:
            raise NotFound(f"There is no frame {frame_number} of this image; it has {image.number_of_frames}.")
        wanted = [one for one in overlays_of_frame(image, frame_number) if has_bits(*one)]
        return _records(os.fdopen(self._open(instance), "rb"), instance, wanted)

    def _open(self, instance: StoredInstance) -> int:
        if instance.transfer_syntax_uid in DEFLATED_DATA_SETS or instance.pixel_data_offset_bytes is None:
            return self._files.open_whole(instance.file)
        descriptor = self._files.open(instance.file)
        try:
            self._files.compare(instance.file, descriptor, 0, instance.pixel_data_offset_bytes)  # planes lie before it
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def _records(file: BinaryIO, instance: StoredInstance, planes: list[tuple[OverlayPlane, int]]) -> Iterator[bytes]:
    with file:
        source = file
        if instance.transfer_syntax_uid in DEFLATED_DATA_SETS:
            limit = ReadLimits().max_inflated_bytes
            source = cast("BinaryIO", InflatedFile(file, instance.data_set_offset_bytes, limit))
        for plane, frame in planes:
            try:
                bits = _bits(source, instance.data_set_offset_bytes, plane, frame)
            except (OSError, WebviewerError):
                bits = b""
            yield OVERLAY_HEADER.pack(plane.group, len(bits))
            yield bits


def _bits(file: BinaryIO, data_set_offset_bytes: int, plane: OverlayPlane, frame: int) -> bytes:
    """Return the packed bits of one frame of a plane; raises DataError, OSError."""
    if plane.first_byte is None:
        raise DataError("This overlay has no data of its own.")
    count = plane.rows * plane.columns
    first_bit = frame * count
    # Whole words, so that bytes can be exchanged.
    first_byte, last_byte = first_bit // 16 * 2, -(-(first_bit + count) // 16) * 2
    file.seek(data_set_offset_bytes + plane.first_byte + first_byte)
    data = file.read(min(last_byte, plane.length_bytes) - first_byte)
    if len(data) * 8 < first_bit - first_byte * 8 + count:
        raise DataError("The file ends in the middle of an overlay.")
    if plane.is_byte_swapped:
        data = swapped_words(data)
    return bits_of_frame(data, first_bit - first_byte * 8, count)
