"""Shader files: includes, and errors that say where."""

from __future__ import annotations

import pytest

from renderpool.engine.gl import GL_1_0, check_gl, take_gl_errors
from renderpool.engine.program import Program, expand_source, load_source
from renderpool.engine.renderer import MOST_FIXED_SAMPLES, Renderer
from webviewer.core.errors import RenderError, ShaderError

VERTEX = "#version 330 core\nvoid main() { gl_Position = vec4(0.0); }\n"


def test_includes_and_defines_are_put_in_with_line_numbers() -> None:
    sources = {
        "a.frag.glsl": '#version 330 core\nfloat a;\n#include "b.glsl"\nfloat c;\n',
        "b.glsl": "float b;\n",
    }
    text, files = expand_source("a.frag.glsl", {"X": 1}, sources)
    assert files == ["a.frag.glsl", "b.glsl"]
    assert text == ("#version 330 core\n#define X 1\n#line 2 0\nfloat a;\n#line 1 1\nfloat b;\n#line 4 0\nfloat c;\n")


def test_a_file_that_includes_itself_is_refused() -> None:
    with pytest.raises(ShaderError, match="includes more than 16 files"):
        expand_source("a.glsl", {}, {"a.glsl": '#include "a.glsl"\n'})


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ShaderError, match=r"no_such\.glsl is missing"):
        load_source("no_such.glsl")


def test_an_error_in_an_included_file_names_that_file_and_its_line(renderer: Renderer) -> None:
    sources = {
        "v.glsl": VERTEX,
        "f.glsl": '#version 330 core\nout vec4 out_color;\n#include "broken.glsl"\n'
        "void main() { out_color = vec4(1.0); }\n",
        "broken.glsl": "// fine\nfloat f() {\n    return nonsense;\n}\n",
    }
    with pytest.raises(ShaderError) as caught:
        Program("v.glsl", "f.glsl", {}, sources)
    assert caught.value.details["file"] == "broken.glsl"
    assert caught.value.details["line"] == 3
    assert "nonsense" in caught.value.message


def test_an_error_after_an_include_keeps_its_own_line(renderer: Renderer) -> None:
    sources = {
        "v.glsl": VERTEX,
        "f.glsl": '#version 330 core\nout vec4 out_color;\n#include "good.glsl"\n'
        "void main() {\n  out_color = missing;\n}\n",
        "good.glsl": "float a;\nfloat b;\nfloat c;\n",
    }
    with pytest.raises(ShaderError) as caught:
        Program("v.glsl", "f.glsl", {"LATER": 1}, sources)
    assert (caught.value.details["file"], caught.value.details["line"]) == ("f.glsl", 5)


def test_a_program_that_does_not_link_is_refused(renderer: Renderer) -> None:
    sources = {
        "v.glsl": VERTEX,
        "f.glsl": "#version 330 core\nout vec4 out_color;\nvec4 never_defined();\n"
        "void main() { out_color = never_defined(); }\n",
    }
    with pytest.raises(ShaderError, match="do not link"):
        Program("v.glsl", "f.glsl", {}, sources)


def test_a_set_opengl_error_is_raised_with_what_was_being_done(renderer: Renderer) -> None:
    GL_1_0.glEnable(0xFFFF)
    with pytest.raises(RenderError, match="OpenGL reports GL_INVALID_ENUM: testing"):
        check_gl("testing")
    assert take_gl_errors() == []


@pytest.mark.parametrize("samples", [0, *range(1, MOST_FIXED_SAMPLES + 1)])
@pytest.mark.parametrize("function", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "filtering", ["INTERPOLATE_NEAREST", "INTERPOLATE_BILINEAR_SAMPLER", "INTERPOLATE_BILINEAR_EXACT"]
)
def test_every_variant_of_the_program_compiles(renderer: Renderer, function: int, filtering: str, samples: int) -> None:
    defines = {"VOI_FUNCTION": function, filtering: 1, "LUT_ROW": 1024, "FIXED_SAMPLES": samples}
    Program("canvas.vert.glsl", "image.frag.glsl", defines).close()
