"""One renderer for the drawing tests; a set OpenGL error fails the test that left it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from renderpool.engine.gl import take_gl_errors
from renderpool.engine.renderer import Renderer
from tests.render.house import house, make_house

__all__ = ["house", "make_house", "renderer", "shared_renderer"]


@pytest.fixture(scope="session")
def shared_renderer() -> Iterator[Renderer]:
    renderer = Renderer(debug=True)
    yield renderer
    renderer.close()


@pytest.fixture
def renderer(shared_renderer: Renderer) -> Iterator[Renderer]:
    assert take_gl_errors() == [], "an OpenGL error was set before the test"
    yield shared_renderer
    assert take_gl_errors() == [], "the test left an OpenGL error"
