"""One renderer for the drawing tests; a set OpenGL error fails the test that left it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from renderpool.engine import gl
from renderpool.engine.gl import take_gl_errors
from renderpool.engine.renderer import Renderer
from tests.render.house import house, make_house

__all__ = ["house", "make_house", "renderer", "shared_renderer"]


def pytest_configure() -> None:
    if os.environ.get("TEST_OFF_SCREEN"):  # set by test_glfw.py, in a process of its own
        gl.use(gl.Way(os.environ["TEST_OFF_SCREEN"].upper()))


def pytest_report_header() -> str:
    return f"drawn by {gl.way()}"


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
