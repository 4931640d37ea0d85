"""Pages and their assets: plain files of one folder, nothing above it."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path
from typing import Final

from flask import Flask, redirect, request, send_file
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as WerkzeugResponse

from functions.common.app import new_app
from functions.common.errors import error_response
from functions.common.guard import public
from functions.pages.nowhere import nowhere, wants_page
from webviewer.bootstrap import Services
from webviewer.core.errors import NotFound, Unavailable

PAGES: Final = {
    "/": "index.html",
    "/viewer/image/": "viewer/index.html",
    "/viewer/mpr/": "viewer/index.html",
    "/viewer/3d/": "viewer/index.html",
    "/admin/": "admin/index.html",
}

# The build puts a hash of the content into these names, so the content behind one never changes.
_HASHED: Final = re.compile(r"-[A-Za-z0-9_-]{8,}\.[a-z0-9]+", re.ASCII)
_YEAR_S: Final = 365 * 24 * 3600
# What the machine's own table of types may lack or get wrong.
_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}


def create_app(services: Services) -> Flask:
    """Return the app."""
    app = new_app("pages", services)
    app.url_map.strict_slashes = True
    root = services.settings.control.html

    def add_page(address: str, file: str) -> None:
        @public
        def page() -> WerkzeugResponse:
            return _serve(root, file)

        app.add_url_rule(address, f"page_{address}", page, methods=["GET"])
        if address != "/":
            # A rule of its own: the router's redirect would name the host as a proxy passed it on.
            @public
            def with_slash() -> WerkzeugResponse:
                query = request.query_string.decode("latin-1")
                last = address.rstrip("/").rpartition("/")[2]
                return redirect(f"{last}/" + (f"?{query}" if query else ""), code=301)

            app.add_url_rule(address.rstrip("/"), f"slash_{address}", with_slash, methods=["GET"])

    for address, file in PAGES.items():
        add_page(address, file)

    @app.get("/assets/<path:name>")
    @public
    def asset(name: str) -> WerkzeugResponse:
        return _serve(root, f"assets/{name}", immutable=_HASHED.search(name) is not None)

    @app.get("/.config.json")
    @public
    def config() -> WerkzeugResponse:
        return _serve(root, ".config.json")

    @app.errorhandler(NotFound)
    def no_file(error: NotFound) -> WerkzeugResponse:
        return nowhere(request) if wants_page(request) else error_response(error)

    @app.errorhandler(NoRoute)
    def no_route(_error: NoRoute) -> WerkzeugResponse:
        return no_file(NotFound("There is nothing at this address."))

    return app


def _serve(root: Path, name: str, *, immutable: bool = False) -> WerkzeugResponse:
    if not (root / "index.html").is_file():
        raise Unavailable("The pages are not built.", code="pages_missing")
    joined = safe_join(str(root), name)
    file = Path(joined) if joined is not None else None
    # A link inside the folder may point out of it; what counts is where it leads.
    if file is None or not file.is_file() or not file.resolve().is_relative_to(root.resolve()):
        raise NotFound("There is nothing at this address.")
    mimetype = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    packed = file.with_name(f"{file.name}.gz")
    use_packed = request.accept_encodings["gzip"] > 0 and packed.is_file()
    response = send_file(packed if use_packed else file, mimetype=mimetype, conditional=True, etag=True)
    if packed.is_file():
        response.vary.add("Accept-Encoding")
    if use_packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable" if immutable else "no-cache"
    return response
