"""The files of stored objects: generated names, claims, and what a crash leaves behind.

::

    <storage>/claims/<uuid>[.<writer>]  lines of file names: "these may be there without a row of the index"; an
                                        empty one speaks of the data file that has its own name
    <storage>/data/ab/cd/<uuid>         an object; ab and cd are the first digits of its name

A claim is on the disk before its data files are made, and removed after the index has committed; for deleting it is
the other way round. So `ObjectStore.recover` looks only at claims and never walks through the data. Nothing a peer sent
ever becomes a path.

A writer is a process of the node, or a part of one, under a name that the node never gives again. The claims of a
writer that has died can be settled while the others go on.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from webviewer.core.errors import NotFound, OutOfResources
from webviewer.core.file_digest import FileDigest, FileHasher
from webviewer.core.regular_file import open_regular

logger = logging.getLogger(__name__)

_FILE_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{32}")
_CLAIM_NAME = re.compile(r"([0-9a-f]{32})(?:\.([0-9a-z]+(?:-[0-9a-z]+)?))?")
_FOLDER_DIGITS = 4
_FILES_A_FOLDER = 512  # that one sender fills before it takes another folder
_MOST_MADE_AT_ONCE = 64
_MADE_AHEAD_FROM = 4  # a sender of so many objects is likely to send more
_COMPARED_AT_ONCE_BYTES = 256 * 1024
_RECOVERY_BATCH = 64  # claims
_MAX_BUFFERS = 512  # of one writev; IOV_MAX is 1024
_LEAST_FREE_BYTES = 64 * 1024**2  # the last of the disk is the database's, which is on the same one by default
_FREE_KNOWN_S = 1.0


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found at start."""

    claims: int
    files_removed: int


class _Claim:
    """A claim of some files; it goes when all of them are settled."""

    __slots__ = ("_open", "_path")

    def __init__(self, path: Path, files: int) -> None:
        self._path = path
        self._open = files

    def settle(self) -> None:
        """One of the files is either in the index or gone."""
        self._open -= 1
        if self._open == 0:
            _unlink(self._path)


class _Room:
    """Whether the disk has room for objects. Its free bytes are asked at most each second; what was taken since counts.

    Near the end they are asked each time, so nobody waits for a second once there is room again.
    """

    def __init__(self, free_bytes: Callable[[], int]) -> None:
        self._free_bytes = free_bytes
        self._left = 0
        self._known_until_s = 0.0

    def take(self, wanted: int, what: str) -> None:
        """Count bytes that are to be written; raises OutOfResources when too few would be left."""
        if self._left - wanted < _LEAST_FREE_BYTES or time.monotonic() > self._known_until_s:
            try:
                self._left = self._free_bytes()
            except OSError as exc:
                raise _no_room(what, exc) from exc
            self._known_until_s = time.monotonic() + _FREE_KNOWN_S
        if self._left - wanted < _LEAST_FREE_BYTES:
            words = f"An object's file cannot be {what}: {_too_full(self._left)}."
            raise OutOfResources(words, details={"errno": errno.ENOSPC})
        self._left -= wanted


class IncomingFile:
    """An object that is being received: claimed, and open for writing.

    It ends in exactly one of `keep` (it is in the index), `discard` (it is not) and `leave` (nobody knows: the claim
    stays and the next start decides).
    """

    __slots__ = ("_claim", "_fd", "_hasher", "_kept", "_path", "_room", "file_name", "size_bytes")

    def __init__(self, file_name: str, path: Path, claim: _Claim, kept: list[IncomingFile], room: _Room) -> None:
        self.file_name = file_name
        self._room = room
        self.size_bytes = 0
        self._path = path
        self._claim = claim
        self._kept = kept
        self._hasher = FileHasher()
        self._fd = -1

    def digest(self) -> FileDigest:
        """Return the digests of what was written."""
        return self._hasher.digest()

    def open(self, folder_fd: int) -> None:
        """Open the empty file for writing; raises OSError."""
        self._fd = os.open(self._path.name, os.O_RDWR | os.O_CLOEXEC, dir_fd=folder_fd)

    def is_same_as(self, stored: Path, stored_offset_bytes: int, own_offset_bytes: int) -> bool:
        """Tell whether the bytes from the offsets on are those of a stored file.

        Raises
        ------
        FileNotFoundError
            The stored file is gone.
        OutOfResources
            One of them cannot be read.
        """
        try:
            with os.fdopen(open_regular(stored), "rb", buffering=0) as file:
                if os.fstat(file.fileno()).st_size - stored_offset_bytes != self.size_bytes - own_offset_bytes:
                    return False
                for at in range(0, self.size_bytes - own_offset_bytes, _COMPARED_AT_ONCE_BYTES):
                    theirs = os.pread(file.fileno(), _COMPARED_AT_ONCE_BYTES, stored_offset_bytes + at)
                    if theirs != os.pread(self._fd, _COMPARED_AT_ONCE_BYTES, own_offset_bytes + at):
                        return False
        except FileNotFoundError:
            raise
        except OSError as exc:
            raise _no_room("read again", exc) from exc
        return True

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        """Append; raises OutOfResources when there is no room."""
        wanted = sum(len(part) for part in parts)
        self._room.take(wanted, "written")
        self.size_bytes += wanted
        for part in parts:
            self._hasher.update(part)
        try:
            if len(parts) <= _MAX_BUFFERS and os.writev(self._fd, parts) == wanted:
                return
            # A short write is how a full disk shows itself first; the next call then says so.
            os.lseek(self._fd, self.size_bytes - wanted, os.SEEK_SET)
            for part in parts:
                view = memoryview(part)
                while view:
                    view = view[os.write(self._fd, view) :]
        except OSError as exc:
            raise _no_room("written", exc) from exc

    def reader(self) -> BinaryIO:
        """Open the file for reading what was written so far; raises OutOfResources."""
        try:
            return self._path.open("rb", buffering=16384)
        except OSError as exc:
            raise _no_room("read again", exc) from exc

    def sync(self) -> None:
        """Bring the file to the disk, where its name is already; raises OutOfResources."""
        try:
            os.fsync(self._fd)
            if os.fstat(self._fd).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "somebody has removed it")
        except OSError as exc:
            raise _no_room("brought to the disk", exc) from exc

    def keep(self) -> None:
        """The index points to the file now: it needs its claim no longer. What is left to do waits for `tidy`."""
        self._kept.append(self)

    def tidy(self) -> None:
        """Do what `keep` has left."""
        self._close()
        self._claim.settle()

    def discard(self) -> None:
        """Remove the file, which then needs no claim."""
        self._close()
        if _unlink(self._path) is not None:
            self._claim.settle()

    def leave(self) -> None:
        """Close and leave file and claim for the next start to decide."""
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class FileBatch:
    """Makes files for one sender, one after the other and in the same folder, so that a series lies together.

    Claims and empty files are made some at a time, and their folders synced once for all of them: names that are on the
    disk before the data are as good as names synced after them, and cost a fraction. Used by one thread at a time.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._folder_fd = -1
        self._prefix = ""
        self._left = 0
        self._made_at_once = 0
        self._ready: list[IncomingFile] = []
        self._kept: list[IncomingFile] = []

    def create(self) -> IncomingFile:
        """Return a claimed, empty file; raises OutOfResources."""
        self._store.room.take(0, "made")
        try:
            if self._ready:
                try:
                    self._ready[-1].open(self._folder_fd)
                except FileNotFoundError:  # somebody has removed the folder
                    self._forget_folder()
                else:
                    return self._ready.pop()
            self._make_ready()
            self._ready[-1].open(self._folder_fd)
        except OSError as exc:
            raise _no_room("made", exc) from exc
        return self._ready.pop()

    def _forget_folder(self) -> None:
        self._discard_ready()
        if self._folder_fd >= 0:
            os.close(self._folder_fd)
            self._folder_fd = -1
        self._left = 0

    def tidy(self) -> None:
        """Do what nobody need wait for: settle the claims of kept files, and have a file ready for the next object."""
        kept, self._kept[:] = self._kept[:], []
        for one in kept:
            one.tidy()
        if not self._ready and self._made_at_once >= _MADE_AHEAD_FROM:
            with contextlib.suppress(OSError):  # `create` tries again, and says why
                self._make_ready()

    def path(self, file_name: str) -> Path:
        """Return where a file of the index lies; raises NotFound for anything but a generated name."""
        return self._store.path(file_name)

    def _make_ready(self) -> None:
        # Twice as many each time: a sender of one object leaves nothing to clean up.
        self._made_at_once = min(max(1, self._made_at_once * 2), _MOST_MADE_AT_ONCE)
        if self._left == 0:
            self._next_folder()
        count = min(self._made_at_once, self._left)
        names = [self._prefix + uuid.uuid4().hex[_FOLDER_DIGITS:] for _ in range(count)]
        claim = _Claim(self._store.make_claim([_file_name(name) for name in names]), count)
        made = 0
        try:
            for name in names:
                self._ready.append(self._make(name, claim))
                made += 1
            os.fsync(self._folder_fd)
        except OSError:
            self._discard_ready()
            for _ in range(count - made):
                claim.settle()
            raise
        self._left -= count

    def _make(self, name: str, claim: _Claim) -> IncomingFile:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        os.close(os.open(name, flags, 0o640, dir_fd=self._folder_fd))
        file_name = _file_name(name)
        return IncomingFile(file_name, self._store.data / file_name, claim, self._kept, self._store.room)

    def _discard_ready(self) -> None:
        ready, self._ready = self._ready, []
        for one in ready:
            one.discard()

    def _next_folder(self) -> None:
        if self._folder_fd >= 0:
            os.close(self._folder_fd)
            self._folder_fd = -1
        self._prefix = uuid.uuid4().hex[:_FOLDER_DIGITS]
        outer = self._store.data / self._prefix[:2]
        folder = outer / self._prefix[2:]
        for one in (outer, folder):
            try:
                one.mkdir(mode=0o750)
            except FileExistsError:
                continue
            _sync_folder(one.parent)
        self._folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._left = _FILES_A_FOLDER

    def close(self) -> None:
        """Remove what was made and not used, and let the folder go; files in use must be finished."""
        self._made_at_once = 0
        self.tidy()
        self._forget_folder()


class ObjectStore:
    """The folder of stored objects.

    Parameters
    ----------
    root
        The storage folder; made if missing.
    writer
        Name of the writer that claims are made for: small letters and digits, and again after one ``-``.
    """

    def __init__(self, root: Path, writer: str = "") -> None:
        self.root = root
        self._claim_suffix = f".{writer}" if writer else ""
        self.data = root / "data"
        self.claims = root / "claims"
        self.room = _Room(self.free_bytes)

    def prepare(self) -> None:
        """Make the folders; raises OutOfResources if that is impossible."""
        try:
            for folder in (self.data, self.claims):
                folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            _sync_folder(self.root)
        except OSError as exc:
            raise OutOfResources(f"The storage folder {self.root} cannot be used: {exc.strerror or exc}.") from exc

    def batch(self) -> FileBatch:
        """Return a maker of files for one sender."""
        return FileBatch(self)

    def path(self, file_name: str) -> Path:
        """Return where a file of the index lies; raises NotFound for anything but a generated name."""
        if _FILE_NAME.fullmatch(file_name) is None:
            raise NotFound("The index names a file that was not made here.")
        return self.data / file_name

    def open_file(self, file_name: str) -> int:
        """Open a stored object for reading and return its descriptor; raises OSError, NotFound."""
        return open_regular(self.path(file_name))

    def make_claim(self, file_names: Sequence[str]) -> Path:
        """Note, durably, that these files go unless the index has them at the next start; raises OSError."""
        claim = self._claim_path(uuid.uuid4().hex)
        fd = os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o640)
        try:
            text = "".join(f"{file_name}\n" for file_name in file_names).encode("ascii")
            if os.write(fd, text) != len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(fd)
            _sync_folder(self.claims)
        except OSError:
            _unlink(claim)
            raise
        finally:
            os.close(fd)
        return claim

    def claim(self, file_names: Sequence[str]) -> None:
        """Note, durably, that these files go unless the index still has them at the next start."""
        try:
            for file_name in file_names:
                self.path(file_name)
                self._claim_path(file_name[-32:]).touch(mode=0o640)
            _sync_folder(self.claims)
        except OSError as exc:
            raise _no_room("claimed", exc) from exc

    def remove(self, file_names: Sequence[str]) -> None:
        """Remove the files, then their claims; a file that is gone already is fine."""
        for file_name in file_names:
            if _unlink(self.path(file_name)) is not None:
                _unlink(self._claim_path(file_name[-32:]))

    def _claim_path(self, name: str) -> Path:
        return self.claims / f"{name}{self._claim_suffix}"

    def recover(self, indexed: Callable[[Iterable[str]], Iterable[str]], *, dead_writer: str | None = None) -> Recovery:
        """Settle the claims that a crash left: no row, the file goes; a row, only the claim goes.

        Parameters
        ----------
        indexed
            Returns those of the given file names that the index has. If it raises, nothing is changed.
        dead_writer
            Settle the claims of this writer and its parts alone; all claims if it is None, when no process writes.
        """
        names = [entry.name for entry in os.scandir(self.claims)]
        found = {name: match for name in names if (match := _CLAIM_NAME.fullmatch(name))}
        claims = [
            name for name, match in found.items() if dead_writer is None or is_part_of(match[2] or "", dead_writer)
        ]
        if len(found) < len(names):
            logger.warning("claims_folder_has_other_files", extra={"count": len(names) - len(found)})
        removed = 0
        for start in range(0, len(claims), _RECOVERY_BATCH):
            some = claims[start : start + _RECOVERY_BATCH]
            claimed = {name: self._claimed(name) for name in some}
            kept = set(indexed([file_name for file_names in claimed.values() for file_name in file_names]))
            for name, file_names in claimed.items():
                gone = [_unlink(self.data / file_name) for file_name in file_names if file_name not in kept]
                removed += gone.count(True)
                if None not in gone:
                    _unlink(self.claims / name)
        return Recovery(len(claims), removed)

    def claimed_files(self) -> list[str]:
        """Return the files that claims name now; raises OSError."""
        found: list[str] = []
        for entry in os.scandir(self.claims):
            if _CLAIM_NAME.fullmatch(entry.name):
                with contextlib.suppress(FileNotFoundError):  # settled meanwhile
                    found += self._claimed(entry.name)
        return found

    def _claimed(self, claim: str) -> list[str]:
        """Return what a claim names; of one that a crash cut off no file was made yet (see `make_claim`)."""
        lines = (self.claims / claim).read_text("ascii", "replace").splitlines()
        return [line for line in lines if _FILE_NAME.fullmatch(line)] if lines else [_file_name(claim[:32])]

    def free_bytes(self) -> int:
        """Return how many bytes the storage's disk still has for us."""
        facts = os.statvfs(self.root)
        return facts.f_bavail * facts.f_frsize

    def lack_of_room(self) -> str:
        """Return in words that the disk is too full for objects; empty if it is not. Raises OSError."""
        free = self.free_bytes()
        return f"The storage takes no objects: {_too_full(free)}." if free < _LEAST_FREE_BYTES else ""


def is_part_of(writer: str, whole: str) -> bool:
    """Tell whether a writer is another one or a part of it: ``3-2`` is a part of ``3``."""
    return writer == whole or writer.startswith(f"{whole}-")


def _file_name(name: str) -> str:
    return f"{name[:2]}/{name[2:4]}/{name}"


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _unlink(path: Path) -> bool | None:
    """Remove a file; False if there was none, None if it is still there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as exc:
        # The claim stays, so the next start tries again.
        logger.error("stored_file_not_removed", extra={"file": path.name, "reason": exc.strerror})
        return None
    return True


def _too_full(free: int) -> str:
    return f"the disk has {free} bytes left, and the last {_LEAST_FREE_BYTES} are kept free"


def _no_room(what: str, exc: OSError) -> OutOfResources:
    reason = "there is no room on the disk" if exc.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} else exc.strerror
    return OutOfResources(f"An object's file cannot be {what}: {reason}.", details={"errno": exc.errno or 0})
