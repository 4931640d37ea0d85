"""Frames as they are stored, many in one stream, in the order asked.

The index says where a native frame lies, so it is one sequential read and no header is opened; the places of compressed
frames are found once and kept. A frame that cannot be read becomes a record with words; the stream goes on.
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from webviewer.archive import InstanceId, OwnerId, StoredFile, StoredInstance
from webviewer.core.errors import DataError, NotFound, WebviewerError
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.encapsulation import FrameLocator, locate_frames
from webviewer.dicom.sentence import numbers_of
from webviewer.usecases.frame_records import FRAME_HEADER, STATUS_ERROR, STATUS_GOOD, STATUS_REFUSED
from webviewer.usecases.stored_files import DamagedFile, StoredFiles
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

MAX_FRAMES = 100_000

_GROUP = 128  # frames looked up in the index at once: the first leaves before the last is known
_PIECE_BYTES = 8 * 1024**2  # largest single read, so that a huge frame does not lie in memory whole
_SMALL_BYTES = 64 * 1024  # frames below this are sent together
_TOGETHER_BYTES = 256 * 1024
_ITEM_HEAD_BYTES = 8

FrameWish = tuple[InstanceId, int]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the frames of one object are, or why they cannot be told."""

    file: StoredFile
    locator: FrameLocator | WebviewerError

    def weight_bytes(self) -> int:
        """Return about how much memory this takes."""
        if isinstance(self.locator, WebviewerError):
            return 1000 + len(self.file.block_digests)
        return (
            1000
            + len(self.file.block_digests)
            + 150 * len(self.locator.fragments)
            + 40 * len(self.locator.first_fragments)
        )


class PlaceCache:
    """What is known of the frames of recently read objects, at most `limit_bytes` of it, the least used goes first."""

    def __init__(self, limit_bytes: int = 64 * 1024**2) -> None:
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._places: OrderedDict[tuple[OwnerId, InstanceId], _Place] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, owner_id: OwnerId, instance_id: InstanceId) -> _Place | None:
        """Return what is known of an object."""
        with self._lock:
            place = self._places.get((owner_id, instance_id))
            if place is not None:
                self._places.move_to_end((owner_id, instance_id))
            return place

    def put(self, owner_id: OwnerId, instance_id: InstanceId, place: _Place) -> None:
        """Keep what was found."""
        with self._lock:
            self._drop((owner_id, instance_id))
            self._places[owner_id, instance_id] = place
            self._used_bytes += place.weight_bytes()
            while self._used_bytes > self._limit_bytes and len(self._places) > 1:
                self._drop(next(iter(self._places)))

    def forget(self, owner_id: OwnerId, instance_id: InstanceId) -> None:
        """Drop an object, say because its file is gone."""
        with self._lock:
            self._drop((owner_id, instance_id))

    def forget_owner(self, owner_id: OwnerId) -> None:
        """Drop the objects of an owner, say because studies of theirs were deleted."""
        with self._lock:
            for key in [key for key in self._places if key[0] == owner_id]:
                self._drop(key)

    def _drop(self, key: tuple[OwnerId, InstanceId]) -> None:
        place = self._places.pop(key, None)
        if place is not None:
            self._used_bytes -= place.weight_bytes()


class FrameReader:
    """Reads frames of stored objects for `POST …/frames`.

    Parameters
    ----------
    units
        Transactions, to look objects up.
    files
        Opens stored files and compares them with what was received.
    cache
        Remembers where frames lie.
    """

    def __init__(
        self,
        units: StorageUnitOfWorkFactory,
        files: StoredFiles,
        cache: PlaceCache | None = None,
    ) -> None:
        self._units = units
        self._files = files
        self.cache = cache or PlaceCache()

    def stream(self, owner_id: OwnerId, wishes: Sequence[FrameWish]) -> Iterator[bytes]:
        """Yield the records of the frames, in the order asked.

        Parameters
        ----------
        owner_id
            Whose objects; another owner's are answered as missing.
        wishes
            Instance and frame number, counted from 1.

        Yields
        ------
        bytes
            Pieces of the stream of ARCHITECTURE: a header for each frame, then the frame or a text in UTF-8. At most
            two files are open and about 8 MiB are in memory at a time.
        """
        small: list[bytes] = []
        small_bytes = 0
        for start in range(0, len(wishes), _GROUP):
            for piece in self._stream_group(owner_id, wishes[start : start + _GROUP]):
                if len(piece) < _SMALL_BYTES:
                    small.append(piece)
                    small_bytes += len(piece)
                    if small_bytes < _TOGETHER_BYTES:
                        continue
                    yield b"".join(small)
                else:
                    if small:
                        yield b"".join(small)
                    yield piece
                small, small_bytes = [], 0
        if small:
            yield b"".join(small)

    def _stream_group(self, owner_id: OwnerId, wishes: Sequence[FrameWish]) -> Iterator[bytes]:
        known: dict[InstanceId, _Place | StoredInstance] = {}
        for instance_id in {instance_id for instance_id, _ in wishes}:
            place = self.cache.get(owner_id, instance_id)
            if place is not None:
                known[instance_id] = place
        missing = {instance_id for instance_id, _ in wishes} - known.keys()
        if missing:
            with self._units(read_only=True) as unit:
                known.update(unit.archive.get_instances(owner_id, missing))
        handles = _Handles(self._files)
        finder = _Finder(self._files)
        try:
            for index, (instance_id, frame_number) in enumerate(wishes):
                following = known.get(wishes[index + 1][0]) if index + 1 < len(wishes) else None
                try:
                    found = known.get(instance_id)
                    if found is None:
                        raise NotFound("There is no such image in the storage.")
                    descriptor = handles.get(found.file)
                    if isinstance(found, StoredInstance):
                        found = known[instance_id] = self._locate(owner_id, instance_id, found, descriptor)
                    frame = finder.find(found, frame_number, descriptor)
                except (OSError, WebviewerError) as error:
                    if isinstance(error, OSError | DamagedFile):
                        self.cache.forget(owner_id, instance_id)
                    yield from _error_record(instance_id, frame_number, error)
                    continue
                if following is not None:
                    handles.prefetch(following.file)
                yield from _frame_record(instance_id, frame_number, descriptor, frame)
        finally:
            finder.close()
            handles.close()

    def _locate(self, owner_id: OwnerId, instance_id: InstanceId, instance: StoredInstance, descriptor: int) -> _Place:
        locator: FrameLocator | WebviewerError
        file = instance.file
        try:
            if instance.image is None or instance.pixel_data_offset_bytes is None:
                raise DataError("This object has no pixels.")
            attributes = ImageAttributes.from_json(instance.image)
            self._files.compare(file, descriptor, 0, _end_of_places(instance, attributes))
            with os.fdopen(os.dup(descriptor), "rb") as opened:
                locator = locate_frames(opened, instance, attributes)
        except DamagedFile:
            raise
        except WebviewerError as error:
            # Damage may be the reason: it can be repaired, and what the file is by itself cannot.
            self._files.compare(file, descriptor, 0, file.file_bytes)
            locator = error
        place = _Place(file, locator)
        self.cache.put(owner_id, instance_id, place)
        return place


def _end_of_places(instance: StoredInstance, attributes: ImageAttributes) -> int:
    """Return the end of the bytes that say where frames lie: the header, and the Basic Offset Table of fragments."""
    offset_bytes = instance.pixel_data_offset_bytes or 0
    if instance.pixel_data_length_bytes is not None:
        return offset_bytes
    return offset_bytes + _ITEM_HEAD_BYTES + 4 * attributes.number_of_frames


class _Handles:
    """At most two open files: the one being read and the next one, which the kernel is asked to fetch ahead."""

    def __init__(self, files: StoredFiles) -> None:
        self._files = files
        self._open: OrderedDict[str, int] = OrderedDict()

    def get(self, file: StoredFile) -> int:
        descriptor = self._open.get(file.file_name)
        if descriptor is None:
            descriptor = self._files.open(file)
            self._open[file.file_name] = descriptor
            while len(self._open) > 2:
                os.close(self._open.popitem(last=False)[1])
        return descriptor

    def prefetch(self, file: StoredFile) -> None:
        if file.file_name in self._open:
            self._open.move_to_end(file.file_name)
            return
        try:
            os.posix_fadvise(self.get(file), 0, _PIECE_BYTES, os.POSIX_FADV_WILLNEED)
        except (OSError, WebviewerError):
            return  # told when the frame's own turn comes

    def close(self) -> None:
        while self._open:
            os.close(self._open.popitem()[1])


class _Run:
    """Frames that do not lie in the file as they are passed on: deflated, of one bit a pixel, or tiles of a mosaic.

    In rising order a deflated data set is inflated once for all frames of a run.
    """

    def __init__(self, locator: FrameLocator, descriptor: int) -> None:
        self.locator = locator
        self._file = os.fdopen(os.dup(descriptor), "rb")
        self._wanted: list[int] = []
        self._frames = locator.read_many(self._file, iter(self._wanted.pop, None))

    def read(self, frame_number: int) -> bytes:
        self._wanted.append(frame_number)
        return next(self._frames)

    def close(self) -> None:
        self._file.close()


class _Finder:
    """Finds frames of one stream; keeps the run of the object that was read last."""

    def __init__(self, files: StoredFiles) -> None:
        self._files = files
        self._run: _Run | None = None

    def find(self, place: _Place, frame_number: int, descriptor: int) -> bytes | tuple[tuple[int, int], ...]:
        """Return where the parts of a frame lie in the file, or the frame itself."""
        locator = place.locator
        if isinstance(locator, WebviewerError):
            raise locator
        if locator.inflate_from is not None or locator.frame_bits % 8 or locator.tiles is not None:
            if self._run is None or self._run.locator is not locator:
                self.close()
                self._files.compare(place.file, descriptor, 0, place.file.file_bytes)
                self._run = _Run(locator, descriptor)
            try:
                return self._run.read(frame_number)
            except BaseException:
                self.close()  # a run that failed gives no more
                raise
        spans = locator.spans(frame_number)
        end = max((offset + length for offset, length in spans), default=0)
        size_bytes = os.fstat(descriptor).st_size
        if end > size_bytes:
            raise DataError(f"The file is cut: the frame ends at byte {end}, the file at {size_bytes}.")
        for offset, length in spans:
            self._files.compare(place.file, descriptor, offset, offset + length)
        return spans

    def close(self) -> None:
        if self._run is not None:
            self._run.close()
            self._run = None


def _frame_record(
    instance_id: InstanceId, frame_number: int, descriptor: int, frame: bytes | tuple[tuple[int, int], ...]
) -> Iterator[bytes]:
    if isinstance(frame, bytes):
        yield FRAME_HEADER.pack(instance_id, frame_number, STATUS_GOOD, len(frame))
        yield frame
        return
    yield FRAME_HEADER.pack(instance_id, frame_number, STATUS_GOOD, sum(length for _, length in frame))
    for offset, length in frame:
        done = 0
        while done < length:
            piece = _read(descriptor, offset + done, min(length - done, _PIECE_BYTES))
            done += len(piece)
            yield piece


def _read(descriptor: int, offset: int, length: int) -> bytes:
    """Read exactly `length` bytes at `offset`."""
    piece = os.pread(descriptor, length, offset)
    if len(piece) == length:
        return piece
    pieces = [piece]
    have = len(piece)
    while have < length:
        piece = os.pread(descriptor, length - have, offset + have)
        if not piece:
            # The size was right a moment ago; the header is out, so only the end of the stream can tell.
            raise DataError(f"The file ends at byte {offset + have} while it is read.")
        pieces.append(piece)
        have += len(piece)
    return b"".join(pieces)


def _error_record(instance_id: InstanceId, frame_number: int, error: OSError | WebviewerError) -> Iterator[bytes]:
    status = STATUS_ERROR
    if isinstance(error, DamagedFile):
        sentence = {"code": error.code, "numbers": numbers_of(error.details), "text": error.message}
        status, words = STATUS_REFUSED, json.dumps(sentence)
    elif isinstance(error, WebviewerError):
        words = error.message
    else:
        words = f"The file of this image cannot be read: {error.strerror}."
    text = words.encode()
    yield FRAME_HEADER.pack(instance_id, frame_number, status, len(text))
    yield text
