"""Numbers of rows in paths: one that no row can have is a path that leads nowhere, so the answer is 404."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

from webviewer.usecases.list_studies import MAX_ID


class NumberInPath(IntegerConverter):
    """A whole number up to `MAX_ID`: the databases fail on a larger one instead of finding nothing."""

    regex = r"\d{1,19}"

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=MAX_ID)


def bound_numbers(app: Flask) -> None:
    """Let ``<int:…>`` in the routes that an app gets from here on stand for numbers of rows."""
    app.url_map.converters = {**app.url_map.converters, "int": NumberInPath}
