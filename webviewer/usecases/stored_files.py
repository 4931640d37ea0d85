"""Reading of stored files: each file is compared with what was received before its bytes are given away.

Rules:

- The size is compared whenever a file is opened; a link, a folder, a FIFO or a device is never read.
- The bytes are compared block by block, and only the blocks that a reader is going to use: the first frame of a large
  file waits for no reading of the rest. A block is compared once for each process and generation of the file (device,
  inode, size, times of modification and of change). So a file that somebody writes to or exchanges is compared anew.
  Decay of the disk under a file that was compared already is found by the scrub.
- A file without a digest, stored by a version before there were digests, is compared by its size alone until the scrub
  or ``--verify`` has given it one.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from webviewer.archive import FileDamage, StoredFile
from webviewer.core.errors import DataError
from webviewer.core.file_digest import BLOCK_BYTES, FileDigest, FileHasher, block_digest
from webviewer.dicom.sentence import Sentence, say

_PIECE_BYTES = 256 * 1024
_MAX_KNOWN_FILES = 50_000  # some 15 MB

_T = TypeVar("_T")
_Generation = tuple[int, int, int, int, int]


class DamagedFile(DataError):
    """A stored file is not as it was received; code, message and numbers are those of a sentence for the doctor."""

    def __init__(self, damage: FileDamage, sentence: Sentence, reason: str = "") -> None:
        super().__init__(sentence.text, code=sentence.code, details=sentence.details)
        self.damage = damage
        self.reason = reason  # of the system, for the administrator


def missing() -> DamagedFile:
    """Return that a file is not there."""
    return DamagedFile(FileDamage.MISSING, say("stored_file_missing"))


def of_another_size(have_bytes: int, want_bytes: int) -> DamagedFile:
    """Return that a file has another size than the one that was received."""
    damage = FileDamage.TRUNCATED if have_bytes < want_bytes else FileDamage.TOO_LONG
    return DamagedFile(damage, say("stored_file_size", have_bytes, want_bytes), f"{have_bytes} of {want_bytes} bytes")


def altered() -> DamagedFile:
    """Return that a file of the right size has other bytes than were received."""
    return DamagedFile(FileDamage.ALTERED, say("stored_file_altered"), "other bytes than were received")


def unreadable(error: OSError) -> DamagedFile:
    """Return that a file is there and cannot be read."""
    return DamagedFile(FileDamage.UNREADABLE, say("stored_file_unreadable"), error.strerror or str(error))


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a file that the caller has read already, so that they need not be read again to be compared."""

    offset_bytes: int
    data: memoryview


class FileComparer:
    """Compares open files with their digests and remembers which blocks were good. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[_Generation, int]] = OrderedDict()  # blocks: a bit each

    def compare_size(self, file: StoredFile, descriptor: int) -> None:
        """Compare the size of a file; raises DamagedFile, OSError."""
        have_bytes = os.fstat(descriptor).st_size
        if have_bytes != file.file_bytes:
            raise of_another_size(have_bytes, file.file_bytes)

    def compare(
        self, file: StoredFile, descriptor: int, first_byte: int, end_byte: int, part: Part | None = None
    ) -> None:
        """Compare the blocks in which some bytes of a file lie.

        Parameters
        ----------
        file
            As the index knows it.
        descriptor
            The open file.
        first_byte, end_byte
            The bytes that are going to be used.
        part
            Bytes that were read from the descriptor.

        Raises
        ------
        DamagedFile
            The file is not as it was received.
        OSError
            It cannot be read.
        """
        if file.file_digest is None or end_byte <= first_byte:
            return
        generation = _generation(descriptor)
        if file.block_digests:
            first, end = first_byte // BLOCK_BYTES, -(-min(end_byte, file.file_bytes) // BLOCK_BYTES)
        else:
            first, end = 0, 1
        good = self._good_blocks(file.file_name, generation)
        for number in range(first, end):
            if not good >> number & 1:
                _compare_block(file, descriptor, number, part)
                self._note_good(file.file_name, generation, number)

    def compare_whole(self, file: StoredFile, descriptor: int) -> None:
        """Compare size and all blocks of a file; raises DamagedFile, OSError."""
        self.compare_size(file, descriptor)
        self.compare(file, descriptor, 0, file.file_bytes)

    def _good_blocks(self, name: str, generation: _Generation) -> int:
        with self._lock:
            known = self._known.get(name)
            if known is None or known[0] != generation:
                return 0
            self._known.move_to_end(name)
            return known[1]

    def _note_good(self, name: str, generation: _Generation, number: int) -> None:
        with self._lock:
            known = self._known.pop(name, None)
            blocks = known[1] if known is not None and known[0] == generation else 0
            self._known[name] = generation, blocks | 1 << number
            if len(self._known) > _MAX_KNOWN_FILES:
                self._known.popitem(last=False)


class StoredFiles:
    """Opens stored files for those who show or send them.

    Parameters
    ----------
    open_file
        Opens a regular file by its name for reading and returns the descriptor.
    on_damage
        Takes each damaged file that was met, from the thread that met it.
    """

    def __init__(
        self,
        open_file: Callable[[str], int],
        on_damage: Callable[[StoredFile, DamagedFile], None] = lambda _file, _damage: None,
    ) -> None:
        self._open_file = open_file
        self._on_damage = on_damage
        self._comparer = FileComparer()

    def open(self, file: StoredFile) -> int:
        """Open a file of the right size and return its descriptor; raises DamagedFile."""
        return self._told(file, lambda: self._open(file))

    def open_whole(self, file: StoredFile) -> int:
        """Open a file whose bytes are all as they were received; raises DamagedFile."""
        descriptor = self.open(file)
        try:
            self.compare(file, descriptor, 0, file.file_bytes)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def compare(self, file: StoredFile, descriptor: int, first_byte: int, end_byte: int) -> None:
        """Compare the blocks in which some bytes of an open file lie; raises DamagedFile."""
        self._told(file, lambda: self._comparer.compare(file, descriptor, first_byte, end_byte))

    def tell(self, file: StoredFile, damage: DamagedFile) -> None:
        """Report damage that a reader found by itself."""
        self._on_damage(file, damage)

    def _told(self, file: StoredFile, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except DamagedFile as damage:
            self._on_damage(file, damage)
            raise
        except OSError as error:
            found = damage_of(error)
            if found is None:
                raise
            self._on_damage(file, found)
            raise found from error

    def _open(self, file: StoredFile) -> int:
        descriptor = self._open_file(file.file_name)
        try:
            self._comparer.compare_size(file, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def damage_of(error: OSError) -> DamagedFile | None:
    """Return what an error of the system says of a file; None for a lack of the process, such as of descriptors."""
    if isinstance(error, FileNotFoundError):
        return missing()
    if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR}:
        return None
    return unreadable(error)


def read_digest(descriptor: int, pause: Callable[[int], None] = lambda _bytes: None) -> tuple[FileDigest, int]:
    """Read an open file from its start to its end and return its digests and size.

    Parameters
    ----------
    descriptor
        The open file.
    pause
        Called after each piece with its size; may sleep.

    Raises
    ------
    OSError
        It cannot be read.
    """
    hasher, done = FileHasher(), 0
    buffer = bytearray(_PIECE_BYTES)
    while count := os.preadv(descriptor, [buffer], done):
        hasher.update(memoryview(buffer)[:count])
        done += count
        pause(count)
    return hasher.digest(), done


def _generation(descriptor: int) -> _Generation:
    facts = os.fstat(descriptor)
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _compare_block(file: StoredFile, descriptor: int, number: int, part: Part | None) -> None:
    digest = FileDigest(file.file_digest or "", file.block_digests)
    first = number * BLOCK_BYTES
    if digest.blocks:
        end = min(first + BLOCK_BYTES, file.file_bytes)
        if not digest.has_block(number, block_digest(_pieces(file, descriptor, first, end, part))):
            raise altered()
        return
    hasher = FileHasher()
    for piece in _pieces(file, descriptor, 0, file.file_bytes, part):
        hasher.update(piece)
    if hasher.digest().whole != digest.whole:
        raise altered()


def _pieces(file: StoredFile, descriptor: int, first: int, end: int, part: Part | None) -> Iterator[memoryview]:
    """Yield the bytes of a file from ``first`` to ``end``: those of the part from memory, the others from the disk."""
    buffer = bytearray(min(_PIECE_BYTES, end - first))
    at = first
    while at < end:
        if part is not None and part.offset_bytes <= at < part.offset_bytes + len(part.data):
            piece = part.data[at - part.offset_bytes : end - part.offset_bytes]
        else:
            stop = part.offset_bytes if part is not None and at < part.offset_bytes < end else end
            wanted = memoryview(buffer)[: min(len(buffer), stop - at)]
            count = os.preadv(descriptor, [wanted], at)
            if count == 0:
                raise of_another_size(at, file.file_bytes)
            piece = wanted[:count]
        yield piece
        at += len(piece)
