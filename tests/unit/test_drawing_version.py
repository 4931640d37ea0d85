"""A picture that was kept before an upgrade of the drawing code has another ETag after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from renderpool.server import drawing_version as module
from renderpool.server.drawing_version import digest_of, drawing_version
from renderpool.server.pictures import _etag


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "shaders").mkdir()
    (tmp_path / "voi.py").write_text("CENTER = 40")
    (tmp_path / "shaders" / "image.frag.glsl").write_text("void main() {}")
    return tmp_path


@pytest.mark.parametrize("change", ["code", "shader", "new file", "renamed", "library"])
def test_every_change_of_what_draws_is_another_version(code: Path, change: str) -> None:
    before = digest_of((code,), ("1.0.0",))
    versions: tuple[str, ...] = ("1.0.0",)
    if change == "code":
        (code / "voi.py").write_text("CENTER = 41")
    elif change == "shader":
        (code / "shaders" / "image.frag.glsl").write_text("void main() { discard; }")
    elif change == "new file":
        (code / "lut.py").touch()
    elif change == "renamed":
        (code / "voi.py").rename(code / "window.py")
    else:
        versions = ("1.0.1",)
    assert digest_of((code,), versions) != before


def test_the_same_code_at_another_place_is_the_same_version(
    code: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other") / "code"
    code.rename(other)
    before = digest_of((other,), ())
    other.rename(code)
    (code / "__pycache__").mkdir()
    (code / "__pycache__" / "voi.cpython-311.pyc").write_bytes(b"x")
    assert digest_of((code,), ()) == before


def test_the_etag_of_a_picture_changes_with_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = _etag("thumbnail", 1)
    assert _etag("thumbnail", 1) == before
    assert len(drawing_version()) == 16
    monkeypatch.setattr("renderpool.server.pictures.drawing_version", lambda: "another")
    assert _etag("thumbnail", 1) != before
    assert module.drawing_version() == drawing_version()
