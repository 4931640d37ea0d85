"""A user who is signed in at a unified server, and what a page of theirs asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from tests.support.unified_server import UnifiedServer


@dataclass
class Doctor:
    """A signed-in page."""

    server: UnifiedServer
    session: requests.Session
    csrf_token: str

    @classmethod
    def sign_in(cls, server: UnifiedServer, name: str = "user") -> Doctor:
        """Sign in; the password is the name."""
        session = requests.Session()
        session.trust_env = False
        answer = session.post(f"{server.url}/v2/auth/sign-in", json={"user_name": name, "password": name}, timeout=30)
        assert answer.status_code == 200, answer.text
        return cls(server, session, answer.json()["csrf_token"])

    @property
    def stream_url(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}/eventQueue/render"

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(f"{self.server.url}{path}", headers=headers, timeout=30)

    def post(self, path: str, **headers: str) -> requests.Response:
        headers = {"X-CSRF-Token": self.csrf_token, **headers}
        return self.session.post(f"{self.server.url}{path}", headers=headers, timeout=30)

    def upload(self, name: str, data: bytes) -> dict[str, Any]:
        """Upload a file or a ZIP of files; returns the state of the upload."""
        url = f"{self.server.url}/v2/studies/uploads/whole?name={name}"
        headers = {"X-CSRF-Token": self.csrf_token, "Content-Type": "application/octet-stream"}
        answer = self.session.post(url, data=data, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        state: dict[str, Any] = answer.json()
        return state

    def series(self) -> dict[str, Any]:
        """Return the first series of the first study."""
        study_id = self.get("/v2/studies").json()["studies"][0]["study_id"]
        series_id = self.get(f"/v2/studies/{study_id}").json()["series"][0]["series_id"]
        found: dict[str, Any] = self.get(f"/v2/studies/{study_id}/series/{series_id}").json()
        return found

    def ticket(self) -> str:
        """Return a ticket for one stream."""
        answer = self.post("/v2/render/ticket")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["ticket"])

    def connect(self, ticket: str | None = None, **options: Any) -> ClientConnection:
        """Return a stream."""
        protocols: Any = ["webviewer.v1", f"ticket.{ticket or self.ticket()}"]
        stream: ClientConnection = connect(self.stream_url, subprotocols=protocols, **options)
        return stream
