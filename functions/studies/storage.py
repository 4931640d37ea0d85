"""The storage node of whoever makes the request: asked in the name of the session's user, and of no other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Response

from functions.common import guard
from functions.common.placed import asking_storage
from webviewer.adapters.nodes import NodeResponse
from webviewer.bootstrap import Services
from webviewer.core.octets import ByteSource

_MAX_JSON_BYTES: Final = 128 * 1024**2  # a series of as many frames as can be shown, at 2.6 kB each
_ANSWER_WITHIN_S: Final = 30.0  # of a question to the index; whoever asks a node that hangs is to read it soon

Query = Sequence[tuple[str, str | int]]


class UserStorage:
    """Finds the storage node of the session and asks it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def address(self) -> str:
        """Return the address of the node.

        Raises
        ------
        Unavailable
            It is offline, or there is none.
        """
        return self._services.placement.storage_node(guard.current().session_id).address

    def open(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: bytes | ByteSource | None = None,
        headers: Mapping[str, str] | None = None,
        read_timeout_s: float | None = None,
    ) -> NodeResponse:
        """Ask and return the answer with its body unread; the node's errors are raised as ours.

        Parameters
        ----------
        method, path, query, body, headers
            Of the request; the path is that below the user.
        read_timeout_s
            Another limit of time than usual.
        """
        client = self._services.node_clients.storage(self.address())
        owner_path = f"/internal/v1/owners/{guard.current().user_id}{path}"
        with asking_storage():
            return client.open(
                method, owner_path, query=query, body=body, headers=headers, read_timeout_s=read_timeout_s
            )

    def pass_on(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: bytes | ByteSource | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Ask and answer what the node answers."""
        limit_s = _ANSWER_WITHIN_S if method == "GET" else None
        with (
            asking_storage(),
            self.open(method, path, query=query, body=body, headers=headers, read_timeout_s=limit_s) as answer,
        ):
            return Response(answer.read(_MAX_JSON_BYTES), answer.status, mimetype="application/json")

    def answer(self, method: str, path: str, *, query: Query = (), value: Mapping[str, Any] | None = None) -> Response:
        """Ask with a JSON value, or none, and answer what the node answers."""
        body = None if value is None else json.dumps(value).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self.pass_on(method, path, query=query, body=body, headers=headers)
