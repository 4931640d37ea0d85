"""The port to the storage node: what a series consists of, and its frames as stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import FileIO
from typing import Protocol, runtime_checkable

from webviewer.archive import StoredFile
from webviewer.core.errors import WebviewerError
from webviewer.core.regular_file import open_regular
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.series_window import SeriesWindow, SeriesWindows, series_windows
from webviewer.usecases.stored_files import FileComparer, Part

FrameKey = tuple[int, int]  # instance_id, frame_number (from 1)
CacheKey = tuple[str, int, int]  # name of the stored file, instance_id, frame_number


@dataclass(frozen=True)
class SeriesFrames:
    """The frames of a series in display order, with what drawing them needs.

    ``files`` has the name of each object's file: a storage node that is restored gives numbers again, and an address
    may be given to another node, but no two files ever have one name. ``version`` changes when images are added;
    empty = unknown. ``native_bytes`` has where in its file the frames of an uncompressed object begin, if it is known,
    and ``stored`` the size and the digests of that file.
    """

    series_id: int
    modality: str
    frames: tuple[FrameKey, ...]
    instances: Mapping[int, ImageAttributes]
    files: Mapping[int, str]
    version: str = ""
    native_bytes: Mapping[int, int] = field(default_factory=dict)
    stored: Mapping[int, StoredFile] = field(default_factory=dict)

    @cached_property
    def positions(self) -> dict[FrameKey, int]:
        """Place of each frame in the display order, from 0."""
        return {key: index for index, key in enumerate(self.frames)}

    @cached_property
    def windows(self) -> SeriesWindows:
        """The recommended windows that its images share."""
        return series_windows([(self.instances[instance], number) for instance, number in self.frames])

    def shared_window(self, key: FrameKey) -> SeriesWindow | None:
        """Return the recommendation that a frame shares with others of its kind; None where it has its own."""
        place = self.positions.get(key)
        return None if place is None else self.windows.of(place)

    def cache_key(self, key: FrameKey) -> CacheKey:
        """Return what stands for the pixels of a frame, whatever becomes of storage nodes and their numbers."""
        return (self.files[key[0]], *key)


class FrameSource(Protocol):
    """Called from worker threads; every call is about one owner, and reaches no other owner's data."""

    def series(self, owner_id: int, series_id: int) -> SeriesFrames:
        """Return the frames of a series; raises NotFound, Unavailable."""
        ...

    def newer_series(self, owner_id: int, series_id: int, version: str) -> SeriesFrames | None:
        """Return the frames of a series, None if it still has that version; raises NotFound, Unavailable."""
        ...

    def instance(self, owner_id: int, instance_id: int) -> SeriesFrames:
        """Return the frames of one instance; raises NotFound, Unavailable."""
        ...

    def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
        """Yield each frame's bytes as stored, or why it cannot be had, in the order of the keys; raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class FrameInFile:
    """Where the bytes of an uncompressed frame lie in a file of this machine."""

    path: str
    first_byte: int
    length_bytes: int
    file: StoredFile
    comparer: FileComparer

    def read_into(self, out: memoryview) -> None:
        """Fill ``out``, of as many bytes, of a file that is as it was received; raises OSError and DamagedFile."""
        with FileIO(open_regular(self.path)) as opened:
            self.comparer.compare_size(self.file, opened.fileno())
            opened.seek(self.first_byte)
            done = 0
            while done < self.length_bytes:
                count = opened.readinto(out[done:])
                if not count:
                    raise OSError(f"The file ends at byte {self.first_byte + done}.")
                done += count
            part = Part(self.first_byte, out)
            self.comparer.compare(self.file, opened.fileno(), self.first_byte, self.first_byte + done, part)


@runtime_checkable
class LocalFrames(Protocol):
    """What a source may have beside: the files themselves, where the storage node is on the same machine."""

    def frame_in_file(self, series: SeriesFrames, key: FrameKey) -> FrameInFile | None:
        """Return where an uncompressed frame lies, None if it is to be asked for; any thread."""
        ...


@runtime_checkable
class OverlaySource(Protocol):
    """A source that also has the overlay planes of frames."""

    def overlays(self, owner_id: int, key: FrameKey) -> Iterator[tuple[int, bytes]]:
        """Yield group and packed bits of each overlay, no bits of a plane that cannot be read.

        Raises NotFound and Unavailable, also between two planes.
        """
        ...
