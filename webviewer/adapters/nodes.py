"""Calls from node to node over internal HTTP: pooled connections, time limits, and errors of our own tree."""

from __future__ import annotations

import json
import ssl
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import IO, Any, Self, cast
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError
from urllib3.response import BaseHTTPResponse

from webviewer.adapters.call_token import ANOTHER_ADDRESS, CLOCKS_DIFFER, call_authorization
from webviewer.archive import InstanceId, StoredFile
from webviewer.core.correlation import headers_for_call
from webviewer.core.errors import (
    ConfigError,
    Conflict,
    DataError,
    InvalidInput,
    LimitExceeded,
    NotFound,
    OutOfResources,
    PermissionDenied,
    Unavailable,
    WebviewerError,
)
from webviewer.core.octets import ByteSource
from webviewer.dicom.attributes import ImageAttributes
from webviewer.usecases.frame_records import FRAME_HEADER, STATUS_GOOD, STATUS_REFUSED
from webviewer.usecases.overlay_records import overlays_of
from webviewer.usecases.placement import STORAGE_SILENT

_MAX_FRAME_BYTES = 4 * 1024**3
_MAX_ERROR_BYTES = 64 * 1024
_MAX_JSON_BYTES = 512 * 1024**2
_PIECE_BYTES = 256 * 1024
_SENT_PIECE_BYTES = 8 * 1024**2  # as `usecases.read_frames` writes at most

_ERROR_OF: Mapping[int, type[WebviewerError]] = {
    400: InvalidInput,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    422: DataError,
    503: Unavailable,
    507: OutOfResources,
}

STORAGE_NODE = "storage node"
FrameKey = tuple[int, int]  # instance_id, frame_number from 1


class Unreachable(Unavailable):
    """The node gave no answer, or broke one off; ``refused`` where not even a connection came to be.

    ``cause`` is for the administrator: it is no part of what a user is told.
    """

    def __init__(self, message: str, *, cause: str, refused: bool = False, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.cause = cause
        self.refused = refused


class _RetryWhenCut(urllib3.Retry):
    """Asks once more where a kept connection was cut, not where a node lets us wait: it would do so again."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Return what is left of the tries, or raise what went wrong."""
        if isinstance(error, urllib3.exceptions.TimeoutError):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)


class NodeResponse:
    """A good answer whose body is still to be read; close it, or read it to its end."""

    def __init__(self, response: BaseHTTPResponse, node: str) -> None:
        self._response = response
        self._node = node
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end; raises Unavailable when the connection breaks."""
        try:
            data = self._response.read(size)
            if len(data) == size or not data:
                return data
            pieces, have = [data], len(data)
            while have < size:
                data = self._response.read(size - have)
                if not data:
                    break
                pieces.append(data)
                have += len(data)
            return b"".join(pieces)
        except (HTTPError, OSError) as error:
            raise _broken(self._node, error) from error

    def pieces(self) -> Iterator[bytes]:
        """Yield the body piece by piece as it arrives and close at its end, or when the reader stops."""
        try:
            while data := self._response.read1(_PIECE_BYTES):
                yield data
        except (HTTPError, OSError) as error:
            raise _broken(self._node, error) from error
        finally:
            self.close()

    def as_sent(self) -> Iterator[bytes]:
        """Yield the body in the pieces that the node wrote, each copied once."""
        try:
            yield from self._response.stream(_SENT_PIECE_BYTES)
        except (HTTPError, OSError) as error:
            raise _broken(self._node, error) from error

    def close(self) -> None:
        """Give the connection back if all was read, else drop it."""
        if self._response.closed:
            self._response.release_conn()
        else:
            self._response.close()


class NodeClient:
    """HTTP to one node. One object serves many threads or greenlets.

    Parameters
    ----------
    base_url
        Such as ``http://127.0.0.1:8081``.
    token
        The join secret. A call carries a token for this very address that is made of it, unless `is_control`.
    node
        Name of the node for error words: "storage node".
    connections
        Connections kept open.
    connect_timeout_s, read_timeout_s
        Limits of time to connect, and between two pieces of an answer.
    tls
        How ``https`` nodes are believed (`webviewer.adapters.tls.client_context`); this machine's authorities if None.
    is_control
        Whether it is the control node, at the address of our own settings: that one is sent the join secret itself.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        node: str,
        connections: int = 32,
        connect_timeout_s: float = 3.0,
        read_timeout_s: float = 120.0,
        tls: ssl.SSLContext | None = None,
        is_control: bool = False,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"The address of the {node} is {base_url!r}; it is to be like http://host:port.")
        pool = partial(HTTPSConnectionPool, ssl_context=tls) if parts.scheme == "https" else HTTPConnectionPool
        self._base_url = base_url
        self._token = token
        self._is_control = is_control
        self._node = node
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._prefix = parts.path.rstrip("/")
        self._pool = pool(
            parts.hostname,
            parts.port,
            maxsize=connections,
            block=False,
            timeout=urllib3.Timeout(connect=connect_timeout_s, read=read_timeout_s),
            blocksize=_PIECE_BYTES,
        )  # urllib3 sets TCP_NODELAY on every connection

    def open(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str | int]] = (),
        body: bytes | ByteSource | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        read_timeout_s: float | None = None,
    ) -> NodeResponse:
        """Send a request and return the answer with its body unread.

        Parameters
        ----------
        method, path, query
            The request; the path is escaped here.
        body
            Octets, or a source of which ``headers`` says the Content-Length.
        headers
            Beside the token and the id of the request that is being answered.
        repeatable
            Whether it may be sent again when a kept connection turns out to be dead; GET may by default.
        read_timeout_s
            Another limit of time than the client's, for this request.

        Raises
        ------
        Unavailable
            The node does not answer.
        WebviewerError
            What the node answered, as an error of our tree.
        """
        url = self._prefix + quote(path) + (f"?{urlencode(query)}" if query else "")
        again = method == "GET" if repeatable is None else repeatable
        retries = _RetryWhenCut(
            1,
            connect=1,
            read=1,
            redirect=0,
            status=0,
            other=0,
            allowed_methods=None,
            backoff_factor=0,
            respect_retry_after_header=False,  # an answer that says when to come again is an answer
        )
        try:
            response = self._pool.urlopen(
                method,
                url,
                body=cast("IO[bytes]", body) if body is not None else None,  # urllib3 only calls read
                headers={**self._own_headers(), **(headers or {})},
                retries=retries if again else False,
                timeout=urllib3.Timeout(connect=self._connect_timeout_s, read=read_timeout_s or self._read_timeout_s),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError) as error:
            raise _broken(self._node, error) from error
        if response.status >= 400:
            raise _told(response, self._node)
        return NodeResponse(response, self._node)

    def json(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str | int]] = (),
        value: object = None,
        repeatable: bool | None = None,
    ) -> Any:
        """Send JSON (or nothing) and return the JSON of the answer, None for an empty one."""
        body = None if value is None else json.dumps(value).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        with self.open(method, path, query=query, body=body, headers=headers, repeatable=repeatable) as response:
            data = response.read(_MAX_JSON_BYTES)
        if not data:
            return None
        try:
            return json.loads(data)
        except ValueError as error:
            raise Unavailable(f"The {self._node} answered something that is no JSON.") from error

    def answer(self, path: str, most_bytes: int) -> tuple[int, bytes]:
        """Ask and return status and body (at most so much of it) of whatever answer there is; raises Unavailable."""
        try:
            response = self._pool.urlopen(
                "GET",
                self._prefix + path,
                headers=self._own_headers(),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                return response.status, response.read(most_bytes)
            finally:
                response.close()
        except (HTTPError, OSError) as error:
            raise _broken(self._node, error) from error

    def _own_headers(self) -> dict[str, str]:
        proof = f"Bearer {self._token}" if self._is_control else call_authorization(self._token, self._base_url)
        return {"Authorization": proof, **headers_for_call()}

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.close()


@dataclass(frozen=True, slots=True)
class RenderSeries:
    """Frames in display order and what drawing them needs.

    ``files`` has the name of each object's file, which no other object ever gets. ``version`` is an entity tag: the
    same one means that nothing has been added; empty of what has none. ``native_bytes`` has where in its file the
    frames of an uncompressed object begin, and ``stored`` what that file must be.
    """

    series_id: int
    modality: str
    frames: tuple[FrameKey, ...]
    instances: Mapping[int, ImageAttributes]
    files: Mapping[int, str]
    version: str = ""
    native_bytes: Mapping[int, int] = field(default_factory=dict)
    stored: Mapping[int, StoredFile] = field(default_factory=dict)


class _LazyImages(Mapping[int, ImageAttributes]):
    """Attributes that are made of their JSON when first asked for: the first picture does not wait for hundreds.

    An entry that cannot be read raises DataError.
    """

    def __init__(self, plain: Mapping[str, Any]) -> None:
        self._images: dict[int, Any] = {int(instance): image for instance, image in plain.items()}

    def __getitem__(self, instance_id: int) -> ImageAttributes:
        image = self._images[instance_id]
        if not isinstance(image, ImageAttributes):
            # Two threads may both do this, and get the same.
            image = self._images[instance_id] = ImageAttributes.from_plain(image)
        return image

    def __contains__(self, instance_id: object) -> bool:
        return instance_id in self._images  # that of a mapping would make what it finds

    def __iter__(self) -> Iterator[int]:
        return iter(self._images)

    def __len__(self) -> int:
        return len(self._images)


class StorageClient(NodeClient):
    """The storage node's internal HTTP."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        connections: int = 32,
        connect_timeout_s: float = 3.0,
        read_timeout_s: float = 120.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(
            base_url,
            token,
            node=STORAGE_NODE,
            connections=connections,
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
            tls=tls,
        )

    def set_ae_titles(self, owner_id: int, ae_titles: Sequence[str]) -> None:
        """Make these the owner's AE titles; raises Conflict if one is another owner's."""
        path = f"/internal/v1/owners/{owner_id}"
        self.json("PUT", path, value={"ae_titles": list(ae_titles)}, repeatable=True)

    def series_for_render(self, owner_id: int, series_id: int) -> RenderSeries:
        """Return the frames of a series; raises NotFound, Unavailable."""
        found = self.newer_series_for_render(owner_id, series_id, "")
        if found is None:
            raise Unavailable("The storage node says that a series is as it was which nobody knows.")
        return found

    def newer_series_for_render(self, owner_id: int, series_id: int, version: str) -> RenderSeries | None:
        """Return the frames of a series, None if it still has that version; raises NotFound, Unavailable."""
        headers = {"If-None-Match": version} if version else {}
        path = f"/internal/v1/owners/{owner_id}/series/{series_id}/render"
        with self.open("GET", path, headers=headers) as response:
            data = response.read(_MAX_JSON_BYTES)
        if response.status == 304:
            return None
        try:
            plain = json.loads(data)
        except ValueError as error:
            raise Unavailable("The storage node answered something that is no JSON.") from error
        return _render_series(plain, response.headers.get("ETag", ""))

    def instance_for_render(self, owner_id: int, instance_id: int) -> RenderSeries:
        """Return the frames of one object; raises NotFound, Unavailable."""
        return _render_series(self.json("GET", f"/internal/v1/owners/{owner_id}/instances/{instance_id}/render"))

    def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
        """Yield each frame's bytes as stored, or why it cannot be had, in the order of the keys.

        Raises
        ------
        Unavailable
            The node does not answer, or the stream ends early.
        """
        if not keys:
            return
        wish = json.dumps({"frames": [list(key) for key in keys]}).encode()
        headers = {"Content-Type": "application/json"}
        path = f"/internal/v1/owners/{owner_id}/frames"
        with self.open("POST", path, body=wish, headers=headers, repeatable=True) as response:
            body = _Body(response.as_sent())
            for key in keys:
                head = body.take(FRAME_HEADER.size)
                if len(head) < FRAME_HEADER.size:
                    raise Unavailable("The storage node broke off a stream of frames.")
                instance_id, frame_number, status, length = FRAME_HEADER.unpack(head)
                if (instance_id, frame_number) != tuple(key) or length > _MAX_FRAME_BYTES:
                    raise Unavailable("The storage node sent another frame than the one asked for.")
                data = body.take(length)
                if len(data) < length:
                    raise Unavailable("The storage node broke off in the middle of a frame.")
                yield key, data if status == STATUS_GOOD else _frame_error(status, data)
            body.take(1)  # the end of the stream: the connection can be used again

    def overlays(self, owner_id: int, key: FrameKey) -> Iterator[tuple[int, bytes]]:
        """Yield group and packed bits of each overlay over a frame; raises NotFound, Unavailable."""
        path = f"/internal/v1/owners/{owner_id}/instances/{key[0]}/frames/{key[1]}/overlays"
        with self.open("GET", path) as response:
            yield from overlays_of(response.read)

    def store_derived(self, owner_id: int, series_id: int, head: Mapping[str, object], pixels: bytes) -> int:
        """Have an object made of a series and stored; returns the series that it is in.

        Parameters
        ----------
        series_id
            The source.
        head
            What `dicom_gateway.api.derived` asks for.
        pixels
            Little endian, row by row.

        Raises
        ------
        NotFound
            There is no such series any more.
        InvalidInput, OutOfResources, Unavailable
            As the storage node says it.
        """
        text = json.dumps(head).encode()
        body = struct.pack("<I", len(text)) + text + pixels
        path = f"/internal/v1/owners/{owner_id}/series/{series_id}/derived"
        # Asked twice it is stored once: its UID is in the head.
        with self.open("POST", path, body=body, repeatable=True) as response:
            data = response.read(_MAX_JSON_BYTES)
        try:
            return int(json.loads(data)["series_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("The storage node answered something else than what it stored.") from error


class _Body:
    """Octets of a body that comes in pieces; what is asked for as it was sent is not copied again."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def take(self, size: int) -> bytes:
        """Return so many octets, fewer only at the end."""
        if not self._left and size:
            piece = next(self._pieces, b"")
            if len(piece) == size:
                return piece
            self._left = memoryview(piece)
        found = bytearray()
        while len(found) < size:
            if not self._left:
                self._left = memoryview(next(self._pieces, b""))
                if not self._left:
                    break
            part = self._left[: size - len(found)]
            found += part
            self._left = self._left[len(part) :]
        return bytes(found)


def _render_series(plain: Any, version: str = "") -> RenderSeries:
    try:
        instances = _LazyImages(plain["instances"])
        frames = tuple((int(instance), int(number)) for instance, number in plain["frames"])
        files = {int(instance): str(name) for instance, name in plain["files"].items()}
        if any(one not in instances or one not in files for one in {instance for instance, _ in frames}):
            raise ValueError("a frame of no instance")
        native = {int(instance): int(first) for instance, first in plain.get("native_bytes", {}).items()}
        digests = {int(instance): digest for instance, digest in plain.get("digests", {}).items()}
        stored = {one: StoredFile(InstanceId(one), files[one], *digest) for one, digest in digests.items()}
        return RenderSeries(
            int(plain["series_id"]), str(plain["modality"]), frames, instances, files, version, native, stored
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable("The storage node answered something else than a series.") from error


def _frame_error(status: int, data: bytes) -> DataError:
    """Return why a frame cannot be had, of the words in its place."""
    text = data.decode("utf-8", "replace")
    if status != STATUS_REFUSED:
        return DataError(text)
    try:
        sentence = json.loads(text)
        return DataError(str(sentence["text"]), code=str(sentence["code"]), details={"numbers": sentence["numbers"]})
    except (ValueError, TypeError, KeyError) as exc:
        raise Unavailable("The storage node sent a reason that cannot be read.") from exc


def _broken(node: str, error: Exception) -> Unreachable:
    untrusted = _untrusted(error)
    if untrusted is not None:
        return Unreachable(f"The {node}'s certificate is refused: {untrusted.verify_message}.", cause="certificate")
    cause = error.reason if isinstance(error, MaxRetryError) and error.reason is not None else error
    refused = isinstance(cause, NewConnectionError | ConnectTimeoutError | ConnectionRefusedError)
    if node == STORAGE_NODE:  # the same words wherever a user meets it, a render node's thumbnails among them
        return Unreachable(STORAGE_SILENT, cause=type(cause).__name__, refused=refused, code="storage_unavailable")
    return Unreachable(f"The {node} does not answer.", cause=type(cause).__name__, refused=refused)


def _untrusted(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Return what is wrong with the certificate of a node that was not believed."""
    for _ in range(6):
        if error is None or isinstance(error, ssl.SSLCertVerificationError):
            return error
        reason = getattr(error, "reason", None)  # urllib3 wraps it twice
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__
    return None


def _told(response: BaseHTTPResponse, node: str) -> WebviewerError:
    """Return what a node answered as an error of our tree, and let the connection go."""
    try:
        raw = response.read(_MAX_ERROR_BYTES)
        told = json.loads(raw)["error"]
        code, message, details = str(told["code"]), str(told["message"]), dict(told.get("details") or {})
    except (HTTPError, OSError, ValueError, KeyError, TypeError):
        code, message, details = "", "", {}
    finally:
        response.drain_conn()
        response.release_conn()
    if response.status == 401 and code in {ANOTHER_ADDRESS, CLOCKS_DIFFER}:
        return Unavailable(f"The {node} does not take our calls: {message}", code=code)
    if response.status == 401:
        return Unavailable(f"The {node} does not take our token; all nodes are to have the same one.")
    if response.status == 429:
        after = response.headers.get("Retry-After", "")
        return LimitExceeded(
            message or f"The {node} is asked too often.",
            resets_in_s=float(after) if after.isdigit() else None,
            code=code or None,
            details=details,
        )
    kind = _ERROR_OF.get(response.status)
    if kind is None or not message:
        return Unavailable(f"The {node} failed on this request (HTTP {response.status}); its log says why.")
    return kind(message, code=code or None, details=details)
