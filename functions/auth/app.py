"""``/v2/auth``: the session of a browser."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from flask import Flask, Response, request
from pydantic import BaseModel, Field

from functions.common.app import new_app
from functions.common.bodies import Body, answer, read_body
from functions.common.guard import SESSION_COOKIE, csrf_token_of, current, public
from functions.common.openapi import operation
from functions.common.peer import Peers
from webviewer.accounts import SessionEnd, TicketPurpose
from webviewer.bootstrap import Services
from webviewer.core.errors import WebviewerError
from webviewer.usecases.sessions import SignedIn

MAX_BODY_BYTES = 64 * 1024
COOKIE_PATH = "/v2"


class SignInBody(Body):
    """Name and password as typed."""

    user_name: Annotated[str, Field(max_length=256)]
    password: Annotated[str, Field(max_length=32 * 1024)]


class UserAnswer(BaseModel):
    """Who is signed in."""

    user_id: int
    user_name: str
    is_administrator: bool


class SessionAnswer(BaseModel):
    """A session as its page knows it."""

    user: UserAnswer
    csrf_token: str
    expires_at: dt.datetime


class TicketAnswer(BaseModel):
    """A ticket for one WebSocket, good once and for 30 s."""

    ticket: str


def create_app(services: Services) -> Flask:
    """Return the app."""
    app = new_app("auth", services, max_body_bytes=MAX_BODY_BYTES)
    peers: Peers = app.extensions["peers"]

    @app.post("/v2/auth/sign-in")
    @public
    @operation("Sign in", request=SignInBody, response=SessionAnswer)
    def sign_in() -> Response:
        body = read_body(SignInBody)
        try:
            opened = services.sign_in(body.user_name, body.password, peers.address(request))
        except WebviewerError as exc:
            services.metrics.count_sign_in(exc.code)
            raise
        services.metrics.count_sign_in("ok")
        response = _session_answer(opened.who, opened.token)
        response.set_cookie(
            SESSION_COOKIE,
            opened.token,
            path=COOKIE_PATH,
            httponly=True,
            samesite="Strict",
            secure=services.settings.control.secure_cookie or peers.is_https(request),
        )
        return response

    @app.get("/v2/auth/session")
    @operation("Who am I", response=SessionAnswer)
    def session() -> Response:
        return _session_answer(current(), request.cookies[SESSION_COOKIE])

    @app.post("/v2/auth/sign-out")
    @operation("Sign out", status=204)
    def sign_out() -> Response:
        services.sessions.end(current().session_id, SessionEnd.SIGNED_OUT)
        response = Response(status=204)
        response.delete_cookie(SESSION_COOKIE, path=COOKIE_PATH, httponly=True, samesite="Strict")
        return response

    @app.post("/v2/auth/ticket")
    @operation("Get a ticket for /eventQueue", response=TicketAnswer)
    def ticket() -> Response:
        origin = request.headers.get("Origin")
        return answer(TicketAnswer(ticket=services.tickets.issue(current().session_id, TicketPurpose.EVENTS, origin)))

    return app


def _session_answer(who: SignedIn, token: str) -> Response:
    user = UserAnswer(user_id=who.user_id, user_name=who.user_name, is_administrator=who.is_administrator)
    return answer(SessionAnswer(user=user, csrf_token=csrf_token_of(token), expires_at=who.expires_at))
