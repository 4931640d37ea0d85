"""What is in an uploaded file: one DICOM object, a ZIP of them, or something else; and each object's way in.

Nothing that an archive says is believed: names are shown but never used as paths, sizes are counted while inflating,
and each member is streamed, so that memory does not depend on the archive.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import lzma
import re
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from webviewer.archive import OwnerId, Receipt
from webviewer.core.errors import (
    AnotherPatient,
    DataError,
    DuplicateObject,
    InvalidInput,
    LimitExceeded,
    OutOfResources,
    Unavailable,
    WebviewerError,
)
from webviewer.core.octets import ByteSource

_log = logging.getLogger(__name__)

SNIFF_BYTES = 1024
MAX_NAME_LENGTH = 200

_DICOMDIR_META = b"\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10"
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_BARE_STARTS = (b"\x08\x00", b"\x02\x00", b"\x00\x08")  # group 0008 or 0002 in either byte order
_END_OF_DIRECTORY = struct.Struct("<4s4H2LH")
_END_OF_DIRECTORY_64 = struct.Struct("<4sQ2H2L4Q")
_BROKEN_ZIP = (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, struct.error, ValueError, NotImplementedError)
_LOOK_AT_ROOM_EVERY_BYTES = 4 * 1024**2
_DRIVE = re.compile(r"[A-Za-z]:")
_NOT_NOW = "The file could not be stored now; try again."

RoomCheck = Callable[[int], None]
"""Takes the bytes that are yet to be written; raises OutOfResources where they do not fit beside what is kept free."""


def no_check(_size_bytes: int) -> None:
    """Let everything pass."""


@dataclass(frozen=True, slots=True)
class ExamineLimits:
    """What an upload may cost."""

    max_object_bytes: int = 8 * 1024**3
    max_members: int = 200_000
    max_directory_bytes: int = 64 * 1024**2  # of a ZIP's list of members, which must be held in memory
    max_inflated_bytes: int = 256 * 1024**3
    max_ratio: int = 200
    ratio_free_bytes: int = 64 * 1024**2  # below this a high ratio is an empty picture, not a bomb
    retry_after_s: tuple[float, ...] = (0.5, 2.0)  # pauses before an object is tried again that we could not take


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: ``stored``, ``duplicate``, ``index_file``, or why it was skipped."""

    name: str
    # stored | duplicate | index_file | not_dicom | broken | conflict | too_large | zip_bomb | encrypted | unsupported
    # | unsafe_name | unavailable
    reason: str
    message: str = ""


class ObjectReceiver(Protocol):
    """Takes one DICOM object into the storage."""

    def receive(self, owner_id: OwnerId, source: ByteSource) -> Receipt:
        """Store what `source` holds; returns after the commit.

        Raises
        ------
        InvalidInput
            This is no DICOM object.
        DuplicateObject
            Another object is stored under its SOP Instance UID.
        DataError
            It is damaged.
        LimitExceeded
            It is larger than an object may be.
        Unavailable
            Disk or index do not take it now.
        """
        ...

    def release(self) -> None:
        """Let go of what was made ready for further objects from this thread."""
        ...


class _Counted:
    """A source that counts what is read from it."""

    def __init__(self, source: ByteSource, count: Callable[[int], None]) -> None:
        self._source = source
        self._count = count

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes."""
        piece = self._source.read(size)
        self._count(len(piece))
        return piece


class _Watched:
    """A source that remembers how it failed, so that its failure and the storage's are told apart."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.failure: Exception | None = None

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes."""
        try:
            return self._source.read(size)
        except Exception as error:
            self.failure = error
            raise


class _Room:
    """Looks, while a member is read, whether the disk still takes it.

    A member that does not fit in memory is put together on the disk before it is stored, so it needs its size twice.
    """

    def __init__(self, check: RoomCheck, size_bytes: int) -> None:
        self._check = check
        self._left_bytes = 2 * size_bytes
        self._unseen_bytes = 0
        self.look()

    def count(self, read_bytes: int) -> None:
        """Note what was read."""
        self._left_bytes -= read_bytes
        self._unseen_bytes += read_bytes
        if self._unseen_bytes >= _LOOK_AT_ROOM_EVERY_BYTES:
            self._unseen_bytes = 0
            self.look()

    def look(self) -> None:
        """Raise _NoRoom where the rest does not fit."""
        try:
            self._check(max(0, self._left_bytes))
        except OutOfResources as error:
            raise _NoRoom(error.message) from error


@dataclass(frozen=True, slots=True)
class _Archive:
    file: BinaryIO
    file_bytes: int
    zip: zipfile.ZipFile
    members: list[zipfile.ZipInfo]


class _Bomb(Exception):
    """The archive inflates beyond its limits; the words say how."""


class _NoRoom(Exception):
    """The disk does not take more; the words say why."""


class Examiner:
    """Walks through uploaded files and stores what is DICOM.

    Parameters
    ----------
    receiver
        Stores one object.
    limits
        What an upload may cost.
    """

    def __init__(self, receiver: ObjectReceiver, limits: ExamineLimits | None = None) -> None:
        self._receiver = receiver
        self.limits = limits or ExamineLimits()

    def examine_stream(self, owner_id: OwnerId, source: ByteSource, name: str, head: bytes) -> Outcome:
        """Store one file that is no ZIP and cannot be read twice; `head` are its first bytes, gone from `source`."""
        try:
            return self._receive(owner_id, name, lambda: _Joined(head, source), may_retry=False)
        finally:
            self._receiver.release()

    def examine_file(
        self,
        owner_id: OwnerId,
        open_file: Callable[[], BinaryIO],
        name: str,
        *,
        skip: int = 0,
        check_room: RoomCheck = no_check,
    ) -> tuple[int, Iterator[Outcome]]:
        """Store what an uploaded file holds.

        Parameters
        ----------
        owner_id
            Whose storage.
        open_file
            Opens the uploaded file for reading; it can seek.
        name
            What the sender calls it; only shown.
        skip
            Files that were dealt with before a restart.
        check_room
            Asked before and while members are written; at its first no the walk ends, and what is stored stays.

        Returns
        -------
        int
            Number of files in it.
        Iterator[Outcome]
            One outcome for each of them, as they are stored.
        """
        with open_file() as file:
            if not is_zip(file.read(SNIFF_BYTES)):
                return 1, iter(()) if skip else self._single(owner_id, open_file, name, check_room)
        file = open_file()
        try:
            archive = self._members(file)
        except _Bomb as bomb:
            file.close()
            return 1, iter([Outcome(name, "zip_bomb", str(bomb))])
        except (*_BROKEN_ZIP, OSError) as error:
            file.close()
            return 1, iter([_unreadable(name, "The ZIP", error)])
        return len(archive.members), self._walk(owner_id, archive, name, skip, check_room)

    def _single(
        self, owner_id: OwnerId, open_file: Callable[[], BinaryIO], name: str, check_room: RoomCheck
    ) -> Iterator[Outcome]:
        try:
            with open_file() as file:
                check_room(file.seek(0, 2))
            yield self._receive(owner_id, name, open_file)
        except OutOfResources as error:
            yield Outcome(name, "unavailable", error.message)
        finally:
            self._receiver.release()

    def _members(self, file: BinaryIO) -> _Archive:
        """Open an archive whose list of members is of a bearable size; folders are left out."""
        size = file.seek(0, 2)
        count, directory_bytes = _end_of_directory(file, size)
        if count > self.limits.max_members or directory_bytes > self.limits.max_directory_bytes:
            raise _Bomb(
                f"The ZIP lists {count} files in {directory_bytes} bytes; at most {self.limits.max_members} files and "
                f"{self.limits.max_directory_bytes} bytes are taken."
            )
        archive = zipfile.ZipFile(file)
        members = [info for info in archive.infolist() if not info.is_dir()]
        if len(members) > self.limits.max_members:
            raise _Bomb(f"The ZIP holds {len(members)} files; at most {self.limits.max_members} are taken.")
        packed = sum(info.compress_size for info in members)
        if packed > size:
            raise _Bomb(f"The members of the ZIP overlap: together they take {packed} bytes of {size}.")
        return _Archive(file, size, archive, members)

    def _walk(
        self, owner_id: OwnerId, archive: _Archive, name: str, skip: int, check_room: RoomCheck
    ) -> Iterator[Outcome]:
        inflated = 0
        packed = archive.file_bytes
        allowed = min(
            self.limits.max_inflated_bytes, max(16 * self.limits.ratio_free_bytes, self.limits.max_ratio * packed)
        )

        def count(size: int) -> None:
            nonlocal inflated
            inflated += size
            if inflated > allowed:
                raise _Bomb(f"The ZIP of {packed} bytes inflates to more than {allowed} bytes; the rest was not read.")

        with archive.file, archive.zip, contextlib.ExitStack() as stack:
            stack.callback(self._receiver.release)
            for number, info in enumerate(archive.members[skip:], skip):
                try:
                    outcome = self._member(owner_id, archive.zip, info, count, check_room)
                except _Bomb as bomb:
                    yield Outcome(name, "zip_bomb", str(bomb))
                    return
                except _NoRoom as full:
                    left = len(archive.members) - number
                    yield Outcome(
                        name,
                        "unavailable",
                        f"There is no room for the last {left} of {len(archive.members)} files; what was stored "
                        f"before stays. {full}",
                    )
                    return
                yield outcome

    def _member(
        self,
        owner_id: OwnerId,
        archive: zipfile.ZipFile,
        info: zipfile.ZipInfo,
        count: Callable[[int], None],
        check_room: RoomCheck,
    ) -> Outcome:
        refused = self._refused(info)
        if refused is not None:
            return refused
        name = shown_name(info.filename)
        try:
            with archive.open(info) as source:
                head = source.read(SNIFF_BYTES)
                if is_zip(head):
                    return Outcome(name, "unsupported", "A ZIP inside a ZIP is not opened; upload it by itself.")
                early = _sniff(head, name)
            if early is not None:
                count(len(head))
                return early
            return self._receive(owner_id, name, lambda: self._opened(archive, info, count, check_room))
        except (*_BROKEN_ZIP, OSError) as error:
            return _unreadable(name, "The file in the ZIP", error)

    def _opened(
        self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, count: Callable[[int], None], check_room: RoomCheck
    ) -> ByteSource:
        room = _Room(check_room, info.file_size)
        got_bytes = 0

        def count_both(size: int) -> None:
            nonlocal got_bytes
            got_bytes += size
            count(size)
            room.count(size)
            if size == 0 and got_bytes != info.file_size:
                raise zipfile.BadZipFile(f"it has {got_bytes} bytes, the list of members says {info.file_size}")

        return _Counted(archive.open(info), count_both)

    def _refused(self, info: zipfile.ZipInfo) -> Outcome | None:
        """Return why a member is refused by what the archive says of it, None where it may be read."""
        name = shown_name(info.filename)
        if _leads_out(info.orig_filename) or _leads_out(info.filename):
            return Outcome(
                name, "unsafe_name", "The name leads out of the ZIP's own folder; a file with such a name is refused."
            )
        if stat.S_ISLNK(info.external_attr >> 16):
            return Outcome(name, "unsupported", "A symbolic link is not followed.")
        if info.flag_bits & 0x1:
            return Outcome(name, "encrypted", "The file is encrypted; upload it without a password.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            kind = zipfile.compressor_names.get(info.compress_type, str(info.compress_type))  # type: ignore[attr-defined]
            return Outcome(name, "unsupported", f"The compression {kind} of the ZIP is not supported; use deflate.")
        if info.file_size > self.limits.max_object_bytes:
            return Outcome(
                name,
                "too_large",
                f"The file has {info.file_size} bytes; at most {self.limits.max_object_bytes} are taken.",
            )
        if info.file_size > max(self.limits.ratio_free_bytes, self.limits.max_ratio * info.compress_size):
            return Outcome(
                name,
                "zip_bomb",
                f"The file inflates from {info.compress_size} to {info.file_size} bytes, "
                f"more than {self.limits.max_ratio} times.",
            )
        return None

    def _receive(
        self,
        owner_id: OwnerId,
        name: str,
        open_source: Callable[[], ByteSource],
        *,
        may_retry: bool = True,
    ) -> Outcome:
        for pause in (*(self.limits.retry_after_s if may_retry else ()), None):
            source = open_source()
            watched = _Watched(source)
            head = b""
            try:
                head = _read_head(watched)
                early = _sniff(head, name)
                if early is not None:
                    return early
                if isinstance(source, io.BufferedReader):
                    source.seek(0)
                    receipt = self._receiver.receive(owner_id, source)
                else:
                    receipt = self._receiver.receive(owner_id, _Joined(head, watched))
            except Unavailable as error:
                if pause is None:
                    return Outcome(name, "unavailable", f"{_NOT_NOW} {error.message}")
                time.sleep(pause)
                continue
            except WebviewerError as error:
                return _told(name, error, head)
            except (_Bomb, _NoRoom):
                raise
            except Exception as error:  # noqa: BLE001 - one failure must not end the others of an upload
                return _failed(name, error, is_of_source=watched.failure is error)
            finally:
                close = getattr(source, "close", None)
                if close is not None:
                    close()
            return Outcome(name, receipt.outcome)
        raise AssertionError("the last round returns")


class _Joined:
    """Bytes that were read already, then the rest of a stream."""

    def __init__(self, head: bytes, rest: ByteSource) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes."""
        if self._head:
            piece = self._head[:size] if size >= 0 else self._head
            self._head = self._head[len(piece) :]
            return piece
        return self._rest.read(size)


def is_zip(head: bytes) -> bool:
    """Return whether a file that starts so is a ZIP (and not a DICOM file with a ZIP's letters in its preamble)."""
    return head[128:132] != b"DICM" and head.startswith(_ZIP_STARTS)


def shown_name(name: str) -> str:
    """Return a name fit to be shown: without control characters, its end where it is long."""
    clean = "".join(sign if sign.isprintable() else "�" for sign in name)
    return clean if len(clean) <= MAX_NAME_LENGTH else "…" + clean[-(MAX_NAME_LENGTH - 1) :]


def _sniff(head: bytes, name: str) -> Outcome | None:
    """Return the outcome of a file that its first bytes decide, None for one that may be a DICOM object."""
    if not head:
        return Outcome(name, "not_dicom", "The file is empty.")
    if head[128:132] == b"DICM":
        if _DICOMDIR_META in head:
            return Outcome(name, "index_file", "A DICOMDIR is only a list of the other files.")
        return None
    if head.startswith(_BARE_STARTS):
        return None
    return Outcome(name, "not_dicom", "This is not a DICOM file.")


def _told(name: str, error: WebviewerError, head: bytes) -> Outcome:
    reason = _reason(error, head)
    if reason == "unavailable":  # nothing about the file: we failed
        return _not_now(name, error)
    return Outcome(name, reason, error.message)


def _failed(name: str, error: Exception, *, is_of_source: bool) -> Outcome:
    """Return the outcome of an error that is none of ours; one of the sender's connection is raised again."""
    if is_of_source and isinstance(error, ConnectionError | TimeoutError):
        raise error
    if is_of_source and isinstance(error, (*_BROKEN_ZIP, OSError)):
        return _unreadable(name, "The file", error)
    return _not_now(name, error)


def _not_now(name: str, error: Exception) -> Outcome:
    _log.error("an uploaded file could not be stored", exc_info=error)
    return Outcome(name, "unavailable", _NOT_NOW)


def _reason(error: WebviewerError, head: bytes) -> str:
    if isinstance(error, DuplicateObject):
        return "conflict"
    if isinstance(error, AnotherPatient):
        return "another_patient"
    if isinstance(error, LimitExceeded):
        return "too_large"
    if isinstance(error, DataError):
        return "broken"
    if isinstance(error, InvalidInput):
        return "broken" if head[128:132] == b"DICM" else "not_dicom"
    return "unavailable"


def _leads_out(name: str) -> bool:
    """Return whether a name, taken as a path of any system, would lead out of the folder it is unpacked in."""
    parts = name.replace("\\", "/").split("/")
    return parts[0] == "" or _DRIVE.match(parts[0]) is not None or ".." in (part.strip() for part in parts)


def _unreadable(name: str, what: str, error: Exception) -> Outcome:
    """Return the outcome of a failed read: the file's fault, unless the disk below it failed."""
    if isinstance(error, OSError) and error.errno != errno.EINVAL:  # a lying offset asks for a place before the start
        return _not_now(name, error)
    return Outcome(name, "broken", f"{what} cannot be read: {_words(error)}.")


def _end_of_directory(file: BinaryIO, size: int) -> tuple[int, int]:
    """Return the number of members and the bytes of their list, as the end of a ZIP says; BadZipFile without one."""
    file.seek(max(0, size - 65557))
    tail = file.read()
    position = tail.rfind(b"PK\x05\x06")
    if position < 0 or position + _END_OF_DIRECTORY.size > len(tail):
        raise zipfile.BadZipFile("its end is missing")
    end = _END_OF_DIRECTORY.unpack_from(tail, position)
    count, directory_bytes = int(end[4]), int(end[5])
    locator = tail.rfind(b"PK\x06\x07", 0, position)
    if locator >= 0 and locator + 20 <= len(tail):
        (offset,) = struct.unpack_from("<Q", tail, locator + 8)
        file.seek(min(offset, size))
        raw = file.read(_END_OF_DIRECTORY_64.size)
        if len(raw) == _END_OF_DIRECTORY_64.size and raw[:4] == b"PK\x06\x06":
            end64 = _END_OF_DIRECTORY_64.unpack(raw)
            count, directory_bytes = max(count, int(end64[7])), max(directory_bytes, int(end64[8]))
    file.seek(0)
    # A list longer than the file is a lie that zipfile tells as such; one in the bounds of the file is counted here.
    return count, min(directory_bytes, size)


def _words(error: BaseException) -> str:
    return str(error).rstrip(".") or type(error).__name__


def _read_head(source: ByteSource) -> bytes:
    head = b""
    while len(head) < SNIFF_BYTES and (piece := source.read(SNIFF_BYTES - len(head))):
        head += piece
    return head
