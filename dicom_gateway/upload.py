"""Uploads in parts that survive a cut connection and a restart of the storage node.

Each upload is a folder ``uploads/<id>/`` of the storage folder with ``state.json`` and ``data``; the id is ours. How
much has arrived is the length of ``data``. A complete one is examined by a small pool of workers, first come first
served. An upload that was begun and left is listed to its owner, and dropped after an hour without a byte.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import secrets
import shutil
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from dicom_gateway.upload_examine import SNIFF_BYTES, Examiner, Outcome, is_zip, shown_name
from webviewer.archive import OwnerId
from webviewer.core.errors import Conflict, InvalidInput, LimitExceeded, NotFound, OutOfResources
from webviewer.core.octets import ByteSource
from webviewer.usecases.uploads import PART_BYTES

_log = logging.getLogger(__name__)

TAIL_BYTES = 1024**2
_PIECE_BYTES = 1024**2
_SAVE_EVERY_S = 1.0
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How much may be under way."""

    max_open_per_owner: int = 32
    max_bytes: int = 64 * 1024**3  # of one upload
    max_open_bytes_per_owner: int = 128 * 1024**3
    keep_free_bytes: int = 1024**3  # of the disk, for what modalities send
    expires_after_s: float = 3600.0  # without a byte, of one that is not complete
    done_expires_after_s: float = 24 * 3600.0
    expire_every_s: float = 60.0  # besides whenever room is judged
    workers: int = 2
    max_skipped: int = 1000  # entries kept of the list of skipped files
    max_done_per_owner: int = 64  # finished ones that can still be asked about


@dataclass(slots=True)
class UploadState:
    """Where an upload stands; what `GET` answers, and, but for `offset`, what ``state.json`` holds."""

    upload_id: str
    owner_id: int
    name: str
    size_bytes: int
    touched_at: float  # seconds since 1970, of the last byte or change
    state: str = "receiving"  # receiving | processing | done
    offset: int = 0
    stored: int = 0
    duplicates: int = 0
    skipped: list[dict[str, str]] = field(default_factory=list)
    skipped_count: int = 0
    done_files: int = 0
    total_files: int = 0

    def public(self) -> dict[str, object]:
        """Return what the owner may see."""
        shown = asdict(self)
        for hidden in ("owner_id", "touched_at"):
            del shown[hidden]
        return shown

    def add(self, outcome: Outcome, max_skipped: int) -> None:
        """Count one file."""
        self.done_files += 1
        if outcome.reason == "stored":
            self.stored += 1
        elif outcome.reason == "duplicate":
            self.duplicates += 1
        elif outcome.reason == "index_file" and self.total_files > 1:
            return  # every medium has one; nobody misses it
        else:
            self.skipped_count += 1
            if len(self.skipped) < max_skipped:
                self.skipped.append({"name": outcome.name, "reason": outcome.reason, "message": outcome.message})


class _Upload:
    """An upload in memory: its state, and locks so that one part is written at a time and a cancel is heeded."""

    def __init__(self, state: UploadState, folder: Path) -> None:
        self.state = state
        self.folder = folder
        self.writing = threading.Lock()
        self.cancelled = threading.Event()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def tail(self) -> dict[str, int]:
        """Return length and CRC-32 of the last bytes that have arrived; none where they cannot be read now."""
        offset = self.state.offset
        length = min(offset, TAIL_BYTES)
        try:
            with self.data.open("rb") as file:
                file.seek(offset - length)
                octets = file.read(length)
        except OSError:
            octets = b""
        return {"length": len(octets), "crc32": zlib.crc32(octets)}

    def save(self) -> None:
        """Write the state so that a crash leaves the old one or the new one."""
        fresh = self.folder / "state.new"
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(asdict(self.state), file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())  # else the new name may point to nothing after a power cut
        fresh.replace(self.folder / "state.json")


class UploadStore:
    """All uploads of a storage node.

    Parameters
    ----------
    folder
        The folder ``uploads`` of the storage folder.
    examiner
        Stores what complete uploads hold.
    limits
        How much may be under way.
    free_bytes
        Says how much room the disk has.
    clock
        Seconds since 1970.
    """

    def __init__(
        self,
        folder: Path,
        examiner: Examiner,
        limits: UploadLimits | None = None,
        free_bytes: Callable[[], int] | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._examiner = examiner
        self._limits = limits or UploadLimits()
        self._free_bytes = free_bytes or (lambda: shutil.disk_usage(folder).free)
        self._clock = clock
        self._uploads: dict[str, _Upload] = {}
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(self._limits.workers, thread_name_prefix="upload")
        self._closing = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)
        self._load()
        self._expiry = threading.Thread(target=self._expire_by_itself, name="upload-expiry", daemon=True)
        self._expiry.start()

    def create(self, owner_id: OwnerId, name: str, size_bytes: int) -> dict[str, object]:
        """Begin an upload.

        Raises
        ------
        InvalidInput
            The size is not one that can be taken.
        LimitExceeded
            The owner has too many, or too many bytes, under way.
        OutOfResources
            The disk has no room for it.
        """
        if not 1 <= size_bytes <= self._limits.max_bytes:
            raise InvalidInput(
                f"size_bytes = {size_bytes}: an upload has 1 to {self._limits.max_bytes} bytes.",
                details={"field": "size_bytes", "value": size_bytes, "rule": f"1 to {self._limits.max_bytes}"},
            )
        upload = self._begin(owner_id, name, size_bytes)
        return {"upload_id": upload.state.upload_id, "part_bytes": PART_BYTES, "offset": 0}

    def write_part(self, owner_id: OwnerId, upload_id: str, offset: int, source: ByteSource) -> dict[str, object]:
        """Take one part.

        What arrived of a part whose connection breaks is kept: `get` says where to go on.

        Raises
        ------
        Conflict
            The part starts elsewhere than expected (``details.offset`` is right), or another one is being taken.
        InvalidInput
            The part is longer than `PART_BYTES` or than what is missing.
        """
        upload = self._get(owner_id, upload_id)
        if not upload.writing.acquire(blocking=False):
            raise Conflict("Another part of this upload is being received.", details={"offset": upload.state.offset})
        try:
            state = upload.state
            if state.state != "receiving" or offset != state.offset:
                raise Conflict(
                    f"offset = {offset}: the upload goes on at {state.offset}.",
                    code="wrong_offset",
                    details={"offset": state.offset, "state": state.state},
                )
            self._append(upload, source, min(PART_BYTES, state.size_bytes - offset))
            if state.offset == state.size_bytes:
                self._submit(upload)
            return {"offset": state.offset, "state": state.state}
        finally:
            upload.writing.release()

    def whole(self, owner_id: OwnerId, name: str, source: ByteSource) -> dict[str, object]:
        """Take a file of at most one part and deal with it at once; a DICOM object goes straight into the storage."""
        name = shown_name(name)
        head = b""
        while len(head) < SNIFF_BYTES and (piece := source.read(SNIFF_BYTES - len(head))):
            head += piece
        if not is_zip(head):
            self._check_room(PART_BYTES)
            state = UploadState("", owner_id, name, 0, self._clock(), total_files=1, state="done")
            state.add(self._examiner.examine_stream(owner_id, source, name, head), self._limits.max_skipped)
            return state.public()
        upload = self._begin(owner_id, name, PART_BYTES)
        try:
            with upload.data.open("ab") as file:
                file.write(head)
            upload.state.offset = len(head)
            self._append(upload, source, PART_BYTES - len(head))
            upload.state.size_bytes = upload.state.offset
            upload.state.state = "processing"
            self._process(upload)
            return upload.state.public()
        finally:
            self._remove(upload)

    def empty(self, name: str) -> dict[str, object]:
        """Return the state of a file without a byte: there is nothing to send."""
        state = UploadState("", 0, shown_name(name), 0, self._clock(), total_files=1, state="done")
        state.add(Outcome(state.name, "not_dicom", "The file is empty."), self._limits.max_skipped)
        return state.public()

    def get(self, owner_id: OwnerId, upload_id: str) -> dict[str, object]:
        """Return where an upload stands; raises NotFound.

        For one that goes on, ``tail`` holds length and CRC-32 of the last bytes that have arrived. A page compares
        them with the file that a person chooses anew: a file of the same name and size may hold something else.
        """
        upload = self._get(owner_id, upload_id)
        shown = upload.state.public()
        if upload.state.state == "receiving":
            shown["tail"] = upload.tail()
        return shown

    def unfinished(self, owner_id: OwnerId) -> list[dict[str, object]]:
        """Return the uploads of an owner that bytes are missing of, the oldest first.

        ``idle_s`` says since when no byte has come, ``expires_in_s`` when the upload is dropped if none comes.
        """
        self.expire()
        now = self._clock()
        with self._lock:
            own = [
                one.state
                for one in self._uploads.values()
                if one.state.owner_id == owner_id and one.state.state == "receiving"
            ]
        return [
            {
                "upload_id": state.upload_id,
                "name": state.name,
                "size_bytes": state.size_bytes,
                "offset": state.offset,
                "idle_s": max(0, int(now - state.touched_at)),
                "expires_in_s": max(0, int(state.touched_at + self._limits.expires_after_s - now)),
            }
            for state in sorted(own, key=lambda one: one.touched_at)
        ]

    def cancel(self, owner_id: OwnerId, upload_id: str) -> None:
        """Stop an upload and drop what arrived; objects that are stored already stay. Raises NotFound."""
        upload = self._get(owner_id, upload_id)
        upload.cancelled.set()
        self._remove(upload)
        _log.info("upload_cancelled", extra={"upload_id": upload_id, "owner_id": owner_id})

    def expire(self) -> None:
        """Drop uploads that nobody has touched for long; never one that a part of is just coming."""
        for upload in self._stale():
            if upload.writing.acquire(blocking=False):
                try:
                    if upload in self._stale():  # no byte has come meanwhile
                        self._remove(upload)
                        _log.info(
                            "upload_expired",
                            extra={"upload_id": upload.state.upload_id, "owner_id": upload.state.owner_id},
                        )
                finally:
                    upload.writing.release()

    def _stale(self) -> list[_Upload]:
        with self._lock:
            return [one for one in self._uploads.values() if self._has_expired(one.state)]

    def _has_expired(self, state: UploadState) -> bool:
        lives_s = {"receiving": self._limits.expires_after_s, "done": self._limits.done_expires_after_s}
        return self._clock() - state.touched_at > lives_s.get(state.state, math.inf)

    def _expire_by_itself(self) -> None:
        """Give back what abandoned uploads take of the disk also where nobody uploads any more."""
        while not self._closing.wait(self._limits.expire_every_s):
            self.expire()

    def close(self) -> None:
        """Stop after the object that is being stored; what is left goes on at the next start."""
        self._closing.set()
        self._expiry.join()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _begin(self, owner_id: OwnerId, name: str, size_bytes: int) -> _Upload:
        # What arrived is kept until the objects in it are stored: for a while it needs its size twice.
        self._check_room(2 * size_bytes)
        state = UploadState(secrets.token_hex(16), owner_id, shown_name(name), size_bytes, self._clock())
        upload = _Upload(state, self._folder / state.upload_id)
        with self._lock:
            own = [one.state for one in self._uploads.values() if one.state.owner_id == owner_id]
            under_way = [one for one in own if one.state != "done"]
            if len(under_way) >= self._limits.max_open_per_owner:
                raise LimitExceeded(
                    f"{len(under_way)} uploads are under way; at most {self._limits.max_open_per_owner} may be.",
                    resets_in_s=10,
                )
            promised = sum(one.size_bytes for one in under_way)
            if promised + size_bytes > self._limits.max_open_bytes_per_owner:
                raise LimitExceeded(
                    f"Uploads of {promised} bytes are under way; with this one of {size_bytes} they would be more than "
                    f"the {self._limits.max_open_bytes_per_owner} that may be.",
                    resets_in_s=60,
                )
            self._uploads[state.upload_id] = upload
        try:
            upload.folder.mkdir()
            upload.data.touch()
            upload.save()
        except OSError as error:
            self._remove(upload)
            raise OutOfResources(f"The upload cannot be kept: {error.strerror}.") from error
        return upload

    def _check_room(self, size_bytes: int) -> None:
        """Refuse what would leave too little room for modalities; what is promised to others counts, while it lasts."""
        self.expire()
        with self._lock:
            promised = sum(
                2 * one.state.size_bytes - one.state.offset
                for one in self._uploads.values()
                if one.state.state == "receiving"
            )
        free = self._free_bytes() - promised
        if free - size_bytes < self._limits.keep_free_bytes:
            raise OutOfResources(
                f"The disk has {_megabytes(max(0, free))} left, of which {_megabytes(self._limits.keep_free_bytes)} "
                f"are kept for modalities; {_megabytes(size_bytes)} more are needed."
            )

    def _append(self, upload: _Upload, source: ByteSource, room: int) -> None:
        state = upload.state
        start = state.offset
        try:
            with upload.data.open("r+b") as file:
                file.truncate(start)
                file.seek(start)
                while True:
                    piece = source.read(_PIECE_BYTES)
                    if not piece:
                        break
                    if upload.cancelled.is_set():
                        raise NotFound("The upload was cancelled.")
                    if len(piece) > room:
                        state.offset = start
                        raise InvalidInput(
                            f"The part is longer than the {PART_BYTES} bytes that one may have, "
                            "or than what is missing of the upload.",
                            code="part_too_long",
                            details={"offset": start, "part_bytes": PART_BYTES},
                        )
                    file.write(piece)
                    file.flush()
                    room -= len(piece)
                    state.offset += len(piece)
                    state.touched_at = self._clock()
                os.fdatasync(file.fileno())
        except OSError as error:
            if not upload.data.exists():
                raise NotFound("The upload was cancelled.") from error
            if source_failed(error):
                raise InvalidInput("The connection broke before the part was complete.", code="part_cut") from error
            raise OutOfResources(f"The part cannot be kept: {error.strerror or error}.") from error
        finally:
            state.touched_at = self._clock()

    def _submit(self, upload: _Upload) -> None:
        upload.state.state = "processing"
        try:
            upload.save()
        except OSError as error:
            if upload.cancelled.is_set():
                raise NotFound("The upload was cancelled.") from error
            upload.state.state = "receiving"
            raise OutOfResources(f"The upload cannot be kept: {error.strerror or error}.") from error
        self._workers.submit(self._work, upload)

    def _work(self, upload: _Upload) -> None:
        try:
            if not upload.cancelled.is_set():
                self._process(upload)
        except Exception:  # noqa: BLE001 - a worker must live on, and the upload must come to an end that the page can show
            if upload.cancelled.is_set():  # its folder has gone from under our hands
                return
            _log.exception("an upload could not be processed", extra={"upload_id": upload.state.upload_id})
            upload.state.add(
                Outcome(upload.state.name, "unavailable", "The upload could not be stored now; try again."),
                self._limits.max_skipped,
            )
            self._finish(upload)

    def _process(self, upload: _Upload) -> None:
        """Store what a complete upload holds, and keep count."""
        state = upload.state

        def open_data() -> BinaryIO:
            return upload.data.open("rb")

        owner_id = OwnerId(state.owner_id)
        total, outcomes = self._examiner.examine_file(
            owner_id, open_data, state.name, skip=state.done_files, check_room=self._check_room
        )
        state.total_files = total
        saved_at = time.monotonic()
        for outcome in outcomes:
            state.add(outcome, self._limits.max_skipped)
            state.touched_at = self._clock()
            if upload.cancelled.is_set():
                return
            if self._closing.is_set():
                upload.save()
                return
            if time.monotonic() - saved_at > _SAVE_EVERY_S:
                upload.save()
                saved_at = time.monotonic()
        self._finish(upload)

    def _finish(self, upload: _Upload) -> None:
        upload.state.state = "done"
        upload.state.done_files = max(upload.state.done_files, upload.state.total_files)
        upload.state.touched_at = self._clock()
        if upload.cancelled.is_set():
            return
        try:
            upload.save()
        except OSError as error:  # a full disk; after a restart nobody can ask about it any more, which is all
            _log.warning("the end of an upload cannot be noted", extra={"reason": error.strerror})
        upload.data.unlink(missing_ok=True)
        self._forget_oldest(upload.state.owner_id)
        _log.info(
            "upload_done",
            extra={
                "upload_id": upload.state.upload_id,
                "owner_id": upload.state.owner_id,
                "stored": upload.state.stored,
                "duplicates": upload.state.duplicates,
                "skipped": upload.state.skipped_count,
            },
        )

    def _forget_oldest(self, owner_id: int) -> None:
        """Drop the finished uploads of an owner that are too many; those that ended last stay."""
        with self._lock:
            done = [
                one for one in self._uploads.values() if one.state.owner_id == owner_id and one.state.state == "done"
            ]
        done.sort(key=lambda one: one.state.touched_at, reverse=True)
        for one in done[self._limits.max_done_per_owner :]:
            self._remove(one)

    def _get(self, owner_id: OwnerId, upload_id: str) -> _Upload:
        with self._lock:
            upload = self._uploads.get(upload_id)
        if upload is None or upload.state.owner_id != owner_id or self._has_expired(upload.state):
            raise NotFound("There is no such upload, or it has expired.")
        return upload

    def _remove(self, upload: _Upload) -> None:
        with self._lock:
            self._uploads.pop(upload.state.upload_id, None)
        shutil.rmtree(upload.folder, ignore_errors=True)

    def _load(self) -> None:
        """Take up what was under way before a restart; folders that make no sense go."""
        for folder in sorted(self._folder.iterdir()):
            if not _ID.fullmatch(folder.name):
                continue
            try:
                state = UploadState(**json.loads((folder / "state.json").read_text(encoding="utf-8")))
                upload = _Upload(state, folder)
                if state.state != "done":
                    data = upload.data.stat()
                    state.offset = min(data.st_size, state.size_bytes)
                    state.touched_at = max(
                        state.touched_at, data.st_mtime
                    )  # the last byte, which state.json does not tell
            except (OSError, ValueError, TypeError):
                shutil.rmtree(folder, ignore_errors=True)
                continue
            self._uploads[state.upload_id] = upload
            if state.state == "processing" or (state.state == "receiving" and state.offset == state.size_bytes):
                self._submit(upload)
        for owner_id in {one.state.owner_id for one in self._uploads.values()}:
            self._forget_oldest(owner_id)
        self.expire()


def source_failed(error: OSError) -> bool:
    """Return whether an error is the sender's connection, not the disk."""
    return isinstance(error, ConnectionError | TimeoutError)


def _megabytes(count: int) -> str:
    return f"{math.ceil(count / 1e6):,} MB".replace(",", " ")
